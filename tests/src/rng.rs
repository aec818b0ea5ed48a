//! Choices that follow from a seed which is printed, so that a run can be had again.

use model::time::Clock;

use crate::system::SystemClock;

/// Names the seed of a run.
const SEED: &str = "PORTCULLIS_TEST_SEED";

/// The seed of this run: from the environment, or new; it is printed.
pub fn seed() -> u64 {
    let seed = match std::env::var(SEED) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{SEED}={text} is no number")),
        Err(_) => SystemClock.now().0,
    };
    println!("seed {seed}; run it again with {SEED}={seed}");
    seed
}

/// SplitMix64: small, and enough to choose victims and bytes.
pub struct Rng(pub u64);

impl Rng {
    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below a bound.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next_u64() % bound as u64) as usize
    }
}
