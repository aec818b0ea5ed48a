//! Clocks that differ, drift and jump, one a process.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use model::time::{Clock, Entropy, UnixMillis};

use crate::rng::Rng;

/// When the simulated time begins: 2026-01-01T00:00:00Z.
pub const EPOCH_MS: u64 = 1_767_225_600_000;

/// The wall clock of one process.
#[derive(Debug, Default)]
pub struct WallClock {
    /// True time since the epoch of the simulation.
    now_ms: AtomicU64,
    /// How far this clock is ahead.
    ahead_ms: AtomicI64,
    /// How much faster it runs, in millionths.
    drift_ppm: AtomicI64,
    /// While the process stands still, the time that it stopped at, plus one.
    stands_at: AtomicU64,
}

impl WallClock {
    /// True time goes on.
    pub fn set_now_ms(&self, now_ms: u64) {
        self.now_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Moves the clock.
    pub fn jump_ms(&self, by_ms: i64) {
        self.ahead_ms.fetch_add(by_ms, Ordering::Relaxed);
    }

    /// Sets how much faster it runs.
    pub fn set_drift_ppm(&self, ppm: i64) {
        let (before, now) = (self.drift_ppm.swap(ppm, Ordering::Relaxed), self.now_ms.load(Ordering::Relaxed));
        // What it gained so far stays.
        self.jump_ms((before - ppm) * now as i64 / 1_000_000);
    }

    /// Stops the clock; `None` lets it run again, from the true time.
    pub fn stand(&self, at_ms: Option<u64>) {
        self.stands_at.store(at_ms.map_or(0, |at| at + 1), Ordering::Relaxed);
    }
}

impl Clock for WallClock {
    fn now(&self) -> UnixMillis {
        let true_ms = match self.stands_at.load(Ordering::Relaxed) {
            0 => self.now_ms.load(Ordering::Relaxed),
            stands => stands - 1,
        };
        let drifted = true_ms as i64 * self.drift_ppm.load(Ordering::Relaxed) / 1_000_000;
        let ms = EPOCH_MS as i64 + true_ms as i64 + drifted + self.ahead_ms.load(Ordering::Relaxed);
        UnixMillis(ms.max(0) as u64)
    }
}

/// Randomness of one process, from the seed.
pub struct SeededEntropy(Mutex<Rng>);

impl SeededEntropy {
    /// A stream of its own.
    pub fn new(seed: u64, domain: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Rng::new(seed, domain))))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut rng = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in bytes.chunks_mut(8) {
            let number = rng.number().to_le_bytes();
            chunk.copy_from_slice(&number[..chunk.len()]);
        }
    }
}
