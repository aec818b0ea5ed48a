//! How many questions search at a time. Searching takes a processor; more at once than there are would only make each of
//! them, and the heartbeats beside them, slower. Who waits is counted, and beyond a bound refused at once.

use std::sync::Arc;
use std::time::Duration;

use prometheus::{IntGauge, Registry};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{ApiError, BUSY};

/// Searches that wait for a place.
pub const WAITING_MAX: i64 = 2_048;

/// The places of a node; clones share them.
#[derive(Clone)]
pub struct Searches {
    places: Arc<Semaphore>,
    waiting: IntGauge,
}

impl Searches {
    /// Places for so many searches at a time.
    pub fn new(places: usize, registry: &Registry) -> Result<Self, prometheus::Error> {
        let waiting = IntGauge::new("portcullis_searches_waiting", "Searches of a group that wait for a processor.")?;
        registry.register(Box::new(waiting.clone()))?;
        Ok(Self { places: Arc::new(Semaphore::new(places.max(1))), waiting })
    }

    /// A place, held until it is dropped.
    pub async fn enter(&self, within: Duration) -> Result<OwnedSemaphorePermit, ApiError> {
        if self.waiting.get() >= WAITING_MAX {
            return Err(ApiError::Overloaded { again: BUSY });
        }
        self.waiting.inc();
        // Counted down however the wait ends, also when whoever asked goes away.
        let _waits = Waits(&self.waiting);
        let place = tokio::time::timeout(within, self.places.clone().acquire_owned()).await;
        place.ok().and_then(Result::ok).ok_or(ApiError::Overloaded { again: BUSY })
    }
}

struct Waits<'a>(&'a IntGauge);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_too_long_is_refused_and_no_longer_counted() {
        let searches = Searches::new(1, &Registry::new()).expect("registers");
        let place = searches.enter(Duration::from_secs(1)).await.expect("free");
        let late = searches.enter(Duration::from_millis(10)).await;
        assert!(matches!(late, Err(ApiError::Overloaded { .. })));
        assert_eq!(searches.waiting.get(), 0);
        drop(place);
        drop(searches.enter(Duration::from_secs(1)).await.expect("free again"));
    }
}
