//! The client library: one [`Client`] speaks to a whole cluster. It sticks with the endpoint that works, goes on to the
//! next when one does not, repeats a write under the same request id and says when an outcome is not known.
//!
//! Assumes that clock, randomness and network are handed in, so that the same library runs in the simulation. Leaves to
//! the caller what an answer means: a partial answer without a hit, above all, is not a clear one.

mod audit;
mod call;
mod cluster;
mod config;
mod endpoints;
mod error;
#[cfg(test)]
mod failover_test;
#[cfg(test)]
mod fake;
mod import;
mod lookouts;
mod matching;
mod overrides;
mod people;
mod screening;
mod session;
mod session_file;

use std::sync::Arc;
use std::time::Duration;

use model::ids::RequestId;
use model::time::{Clock, Entropy};

pub use config::{Config, ConfigError};
pub use error::{ClientError, ErrorKind, SLOW_DOWN};
pub use import::{Acknowledged, IMPORT_BATCH_BYTES_MAX, ImportSession, entry_bytes};
pub use proto::transport::{Network, Tcp};
pub use proto::{convert, metadata, v1};
pub use session::{InMemory, SessionStore};
pub use session_file::SessionFile;

use endpoints::Endpoints;

/// A client of one cluster. Clones share their connections.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    gives_way: bool,
}

struct Shared {
    config: Config,
    identity: config::Identity,
    endpoints: Endpoints,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    keeper: Arc<session::Keeper>,
}

impl Client {
    /// A client of the endpoints in the configuration. Connections are made when they are first used, so that a cluster
    /// of which one node is up is as good as any.
    pub fn connect(
        config: Config,
        network: Arc<dyn Network>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, ConfigError> {
        Self::connect_with(config, network, clock, entropy, Arc::new(InMemory::default()))
    }

    /// The same; the handle of the session is kept where the person's other processes find it.
    pub fn connect_with(
        config: Config,
        network: Arc<dyn Network>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        sessions: Arc<dyn SessionStore>,
    ) -> Result<Self, ConfigError> {
        let identity = config.validate()?;
        // Clients begin at different endpoints, so that a cluster's work is spread without anybody arranging it.
        let start = usize::from(entropy.sixteen()[0]);
        let endpoints = Endpoints::new(&config, network, start)?;
        let keeper = Arc::new(session::Keeper::new(sessions));
        let shared = Arc::new(Shared { config, identity, endpoints, clock, entropy, keeper });
        Ok(Self { shared, gives_way: false })
    }

    /// A client of each endpoint alone, over the same connections and with its own deadline: what one replica says is then
    /// told from what another says. The address is the only endpoint of its configuration.
    pub fn per_endpoint(&self, deadline: Duration) -> Vec<Self> {
        let Shared { config, identity, endpoints, clock, entropy, keeper } = &*self.shared;
        let alone = endpoints.alone().map(|endpoints| {
            let config = Config { endpoints: vec![endpoints.get(0).0.to_string()], deadline, ..config.clone() };
            let (identity, clock, entropy, keeper) = (identity.clone(), clock.clone(), entropy.clone(), keeper.clone());
            let shared = Arc::new(Shared { config, identity, endpoints, clock, entropy, keeper });
            Self { shared, gives_way: self.gives_way }
        });
        alone.collect()
    }

    /// The same client, whose questions can wait: nodes answer them after everybody else's.
    pub fn giving_way(&self) -> Self {
        Self { shared: self.shared.clone(), gives_way: true }
    }

    /// A new request id: with it a write happens once, however often it is sent.
    pub fn new_request_id(&self) -> RequestId {
        RequestId::new(self.shared.clock.now(), self.shared.entropy.sixteen())
    }

    /// What the client was configured with.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }
}
