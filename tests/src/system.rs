//! The operating system's clock and randomness, as the client library takes them.

use std::fs::File;
use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

use model::time::{Clock, Entropy, UnixMillis};

/// The wall clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
        UnixMillis(since.as_millis() as u64)
    }
}

/// The operating system's randomness.
pub(crate) struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        File::open("/dev/urandom").expect("randomness").read_exact(bytes).expect("randomness");
    }
}
