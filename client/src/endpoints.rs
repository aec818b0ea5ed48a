//! The endpoints of a cluster, and which one is used now.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use proto::transport::{Network, channel};
use tokio::time::Instant;
use tonic::transport::Channel;

use crate::config::{Config, ConfigError};

/// How long one call alone asks a node that was busy.
const ASKED_BY_ONE: Duration = Duration::from_millis(250);

pub(crate) struct Endpoints {
    channels: Vec<(String, Channel)>,
    /// The endpoint that worked last. Every call begins there, and all move on together when it fails.
    current: AtomicUsize,
    /// Endpoints that were too busy for calls of a kind, and until when nobody asks them: a refusal costs them work, too.
    busy: Mutex<BTreeMap<(usize, Kind), Instant>>,
}

/// Calls that find room, or none, together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Question,
    /// A question that gives way.
    Batch,
    Write,
    Change,
}

impl Endpoints {
    pub(crate) fn new(config: &Config, network: Arc<dyn Network>, start: usize) -> Result<Self, ConfigError> {
        let channels = config
            .endpoints
            .iter()
            .map(|address| {
                let bad = || ConfigError::Endpoint(address.clone());
                let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port);
                port.and_then(|port| port.parse::<u16>().ok()).ok_or_else(bad)?;
                let channel = channel(network.clone(), address, None, config.connect).map_err(|_| bad())?;
                Ok((address.clone(), channel))
            })
            .collect::<Result<Vec<_>, ConfigError>>()?;
        let current = AtomicUsize::new(start % channels.len());
        Ok(Self { channels, current, busy: Mutex::default() })
    }

    /// Each endpoint by itself, over the same connections.
    pub(crate) fn alone(&self) -> impl Iterator<Item = Self> {
        self.channels.iter().map(|channel| Self {
            channels: vec![channel.clone()],
            current: AtomicUsize::new(0),
            busy: Mutex::default(),
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.channels.len()
    }

    pub(crate) fn current(&self) -> usize {
        self.current.load(Ordering::Relaxed)
    }

    /// Address and channel of an endpoint.
    pub(crate) fn get(&self, at: usize) -> (&str, Channel) {
        let (address, channel) = &self.channels[at % self.channels.len()];
        (address, channel.clone())
    }

    /// The endpoint after one that failed. When many calls fail at once, the first moves all and none moves twice.
    pub(crate) fn after_failure_of(&self, failed: usize) -> usize {
        let next = (failed + 1) % self.channels.len();
        let _ = self.current.compare_exchange(failed, next, Ordering::Relaxed, Ordering::Relaxed);
        next
    }

    /// An endpoint worked: later calls begin there.
    pub(crate) fn worked(&self, at: usize) {
        self.current.store(at, Ordering::Relaxed);
    }

    /// An endpoint answered something else than that it is too busy.
    pub(crate) fn has_room(&self, at: usize, kind: Kind) {
        self.busy().remove(&(at % self.channels.len(), kind));
    }

    /// An endpoint said that it is too busy for calls of a kind until then.
    pub(crate) fn is_busy(&self, at: usize, kind: Kind, until: Instant) {
        self.busy().insert((at % self.channels.len(), kind), until);
    }

    /// The first endpoint from this one on that did not say so; or when the first of them may be asked again. When its time is over,
    /// one call asks, and the others hear how that went: those who waited must not come together.
    pub(crate) fn free_from(&self, at: usize, kind: Kind) -> Result<usize, Instant> {
        let (mut busy, now) = (self.busy(), Instant::now());
        let round = (0..self.channels.len()).map(|step| (at + step) % self.channels.len());
        let mut first: Option<Instant> = None;
        for at in round {
            match busy.get_mut(&(at, kind)) {
                None => return Ok(at),
                Some(until) if *until <= now => {
                    *until = now + ASKED_BY_ONE;
                    return Ok(at);
                }
                Some(until) => first = first.map_or(Some(*until), |first| Some(first.min(*until))),
            }
        }
        Err(first.unwrap_or(now))
    }

    fn busy(&self) -> MutexGuard<'_, BTreeMap<(usize, Kind), Instant>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
