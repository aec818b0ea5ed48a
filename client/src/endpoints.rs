//! The endpoints of a cluster, and which one is used now.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proto::transport::{Network, channel};
use tonic::transport::Channel;

use crate::config::{Config, ConfigError};

pub(crate) struct Endpoints {
    channels: Vec<(String, Channel)>,
    /// The endpoint that worked last. Every call begins there, and all move on together when it fails.
    current: AtomicUsize,
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
        Ok(Self { channels, current })
    }

    /// Each endpoint by itself, over the same connections.
    pub(crate) fn alone(&self) -> impl Iterator<Item = Self> {
        self.channels.iter().map(|channel| Self { channels: vec![channel.clone()], current: AtomicUsize::new(0) })
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
}
