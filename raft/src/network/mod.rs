//! Messages between nodes: one connection per peer for all groups. Every call has a deadline, and a connection on which a
//! call timed out is made anew.

mod client;
mod server;
mod skew;

pub use client::{GroupNetwork, GroupNetworks};
pub use server::PeerService;
pub use skew::Skew;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::ids::{ClusterId, GroupId, NodeId, Token};
use model::limits::MESSAGE_BYTES_MAX;
use model::time::Clock;
use proto::peer::{self, peer_client::PeerClient};
use proto::transport::{Network, channel};
use tonic::transport::Channel;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// Bytes of one message between nodes: a message and its frame.
pub const PEER_MESSAGE_BYTES_MAX: usize = MESSAGE_BYTES_MAX + 64 * 1024;

/// The connections of one node to its peers.
#[derive(Clone)]
pub struct Router(Arc<Inner>);

struct Inner {
    cluster: ClusterId,
    me: NodeId,
    key_check: Token,
    address: String,
    network: Arc<dyn Network>,
    clock: Arc<dyn Clock>,
    channels: Mutex<BTreeMap<String, PeerClient<Channel>>>,
    skew: Mutex<Skew>,
}

impl Router {
    /// A router that speaks for a node.
    pub fn new(
        cluster: ClusterId,
        me: NodeId,
        key_check: Token,
        address: String,
        network: Arc<dyn Network>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (channels, skew) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { cluster, me, key_check, address, network, clock, channels, skew }))
    }

    /// The node that it speaks for.
    pub fn me(&self) -> NodeId {
        self.0.me
    }

    /// Where this node is reached.
    pub fn address(&self) -> &str {
        &self.0.address
    }

    /// The cluster.
    pub fn cluster(&self) -> ClusterId {
        self.0.cluster
    }

    /// What tells whether a peer has the same key.
    pub fn key_check(&self) -> Token {
        self.0.key_check
    }

    /// The clock that entries are stamped with.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// What stands in every message.
    pub fn route(&self, group: GroupId, to: NodeId) -> peer::Route {
        peer::Route {
            cluster: self.0.cluster.0.to_vec().into(),
            from: self.0.me.0,
            to: to.0,
            group: group.number(),
            clock_ms: self.0.clock.now().0,
            key_check: self.0.key_check.0.to_vec().into(),
        }
    }

    /// Takes note of a peer's clock.
    pub fn saw_clock(&self, peer: NodeId, clock_ms: u64) {
        if clock_ms > 0 {
            let now = self.0.clock.now();
            self.0.skew.lock().unwrap_or_else(PoisonError::into_inner).saw(peer, clock_ms, now.0);
        }
    }

    /// How far this node's clock is ahead of the median of these voters' clocks.
    pub fn clock_ahead_ms(&self, voters: impl Iterator<Item = NodeId>) -> u64 {
        let skew = self.0.skew.lock().unwrap_or_else(PoisonError::into_inner);
        skew.ahead_ms(self.0.me, voters, self.0.clock.now().0)
    }

    /// A client of the peer at an address.
    pub fn peer(&self, address: &str) -> Result<PeerClient<Channel>, tonic::Status> {
        let mut channels = self.0.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = channels.get(address) {
            return Ok(client.clone());
        }
        let channel = channel(self.0.network.clone(), address, CONNECT_TIMEOUT)
            .map_err(|error| tonic::Status::invalid_argument(format!("address `{address}`: {error}")))?;
        let client = PeerClient::new(channel)
            .max_decoding_message_size(PEER_MESSAGE_BYTES_MAX)
            .max_encoding_message_size(PEER_MESSAGE_BYTES_MAX);
        channels.insert(address.to_string(), client.clone());
        Ok(client)
    }

    /// Runs a call with a deadline; after a timeout the connection is dropped, for it may be half-open.
    pub async fn call<T>(
        &self,
        address: &str,
        deadline: Duration,
        call: impl AsyncFnOnce(PeerClient<Channel>) -> Result<tonic::Response<T>, tonic::Status>,
    ) -> Result<T, tonic::Status> {
        let client = self.peer(address)?;
        match tokio::time::timeout(deadline, call(client)).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => Err(status),
            Err(_) => {
                self.0.channels.lock().unwrap_or_else(PoisonError::into_inner).remove(address);
                Err(tonic::Status::deadline_exceeded(format!("{address} did not answer within {deadline:?}")))
            }
        }
    }
}
