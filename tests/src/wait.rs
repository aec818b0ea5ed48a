//! Waiting for a condition with a deadline: the one place that polls.

use std::time::{Duration, Instant};

/// Between two looks.
const POLL: Duration = Duration::from_millis(10);

/// Looks until there is something, and returns it; panics with what was waited for when the time is over.
#[track_caller]
pub fn wait_for<T>(what: &str, within: Duration, look: impl FnMut() -> Option<T>) -> T {
    match polled(within, look) {
        Some(found) => found,
        None => panic!("not within {within:?}: {what}"),
    }
}

/// Looks until there is something or the time is over.
pub(crate) fn polled<T>(within: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        match look() {
            Some(found) => return Some(found),
            None if started.elapsed() >= within => return None,
            None => std::thread::sleep(POLL),
        }
    }
}
