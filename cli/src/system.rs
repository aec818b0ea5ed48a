//! The operating system's clock and randomness, as the client library takes them. Nothing else here reads either.

use std::time::{SystemTime, UNIX_EPOCH};

use model::time::{Clock, Entropy, UnixMillis};

/// The wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        // A clock before 1970 is a broken one; request ids made by it are refused as too old, which says so.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// Randomness of the operating system, proven to be there when it is opened.
#[derive(Debug, Clone, Copy)]
pub struct SystemEntropy(());

impl SystemEntropy {
    /// Draws once, so that a system without randomness is an error here and not a panic later.
    pub fn open() -> std::io::Result<Self> {
        getrandom::fill(&mut [0; 16]).map_err(std::io::Error::other)?;
        Ok(Self(()))
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            panic!("the operating system gave randomness at start and gives none now: {error}");
        }
    }
}
