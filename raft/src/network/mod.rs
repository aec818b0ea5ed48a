//! Messages between nodes: one connection per peer for all groups. Every call has a deadline, and a connection on which a
//! call timed out is made anew.

mod client;
mod server;
mod skew;
mod stamps;

pub use client::{GroupNetwork, GroupNetworks};
pub use server::PeerService;
pub use skew::Skew;
use stamps::Stamps;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::metrics::PeerMetrics;
use model::certificate::CertificateName;
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

#[derive(Default)]
struct Channels {
    made: u64,
    open: BTreeMap<(String, Option<NodeId>), (u64, PeerClient<Channel>)>,
}

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
    metrics: PeerMetrics,
    stamps: Stamps,
    /// By address, with a number that tells a connection from the one before.
    channels: Mutex<Channels>,
    skew: Mutex<Skew>,
}

/// What a router stands on.
pub struct Ground {
    pub network: Arc<dyn Network>,
    pub clock: Arc<dyn Clock>,
    pub metrics: PeerMetrics,
    /// A random number that tells this start of the node from all others.
    pub start: u64,
}

impl Router {
    /// A router that speaks for a node.
    pub fn new(cluster: ClusterId, me: NodeId, key_check: Token, address: String, ground: Ground) -> Self {
        let Ground { network, clock, metrics, start } = ground;
        let (channels, skew, stamps) =
            (Mutex::default(), Mutex::default(), Stamps::new(start, tokio::time::Instant::now()));
        Self(Arc::new(Inner { cluster, me, key_check, address, network, clock, metrics, stamps, channels, skew }))
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

    /// Moments as this node and its peers tell each other.
    pub(crate) fn stamps(&self) -> &Stamps {
        &self.0.stamps
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
            let now = tokio::time::Instant::now();
            self.0.skew.lock().unwrap_or_else(PoisonError::into_inner).saw(peer, clock_ms, now);
        }
    }

    /// Whether a peer spoke to this node within a time.
    pub fn heard_within(&self, peer: NodeId, within: Duration) -> bool {
        let skew = self.0.skew.lock().unwrap_or_else(PoisonError::into_inner);
        skew.seen_at(peer).is_some_and(|at| at.elapsed() <= within)
    }

    /// How far this node's clock is ahead of the median of these voters' clocks; None where a majority's are not known.
    pub fn clock_ahead_ms(&self, voters: impl Iterator<Item = NodeId>) -> Option<u64> {
        let skew = self.0.skew.lock().unwrap_or_else(PoisonError::into_inner);
        skew.ahead_ms(self.0.me, voters, self.0.clock.now().0, tokio::time::Instant::now())
    }

    /// Asks a peer who it is and what it knows of this node.
    pub async fn describe(&self, address: &str, deadline: Duration) -> Result<peer::DescribeReply, tonic::Status> {
        let request = peer::DescribeRequest { from: self.0.me.0, key_check: self.0.key_check.0.to_vec().into() };
        // Who is there is what is asked.
        self.call("describe", (address, None), deadline, async |mut peer| peer.describe(request).await).await
    }

    /// A client of the peer at an address, and the number of its connection.
    fn peer(&self, address: &str, node: Option<NodeId>) -> Result<(u64, PeerClient<Channel>), tonic::Status> {
        let mut channels = self.channels();
        let key = (address.to_string(), node);
        if let Some(open) = channels.open.get(&key) {
            return Ok(open.clone());
        }
        let name = node.map(|node| CertificateName::node(self.0.cluster, node).to_string());
        let channel = channel(self.0.network.clone(), address, name, CONNECT_TIMEOUT)
            .map_err(|error| tonic::Status::invalid_argument(format!("address `{address}`: {error}")))?;
        let client = PeerClient::new(channel)
            .max_decoding_message_size(PEER_MESSAGE_BYTES_MAX)
            .max_encoding_message_size(PEER_MESSAGE_BYTES_MAX);
        channels.made += 1;
        let open = (channels.made, client);
        channels.open.insert(key, open.clone());
        Ok(open)
    }

    fn channels(&self) -> std::sync::MutexGuard<'_, Channels> {
        self.0.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a call with a deadline; after a timeout the connection is dropped, for it may be half-open. `name` is for
    /// metrics; with a node, nobody is called whose certificate names another.
    pub async fn call<T>(
        &self,
        name: &'static str,
        (address, node): (&str, Option<NodeId>),
        deadline: Duration,
        call: impl AsyncFnOnce(PeerClient<Channel>) -> Result<tonic::Response<T>, tonic::Status>,
    ) -> Result<T, tonic::Status> {
        let (number, client) = self.peer(address, node)?;
        let answered = tokio::time::timeout(deadline, call(client)).await;
        self.0.metrics.called(name, matches!(answered, Ok(Ok(_))));
        match answered {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => Err(status),
            Err(_) => {
                let mut channels = self.channels();
                // Another call may have made a new one meanwhile, which is not to blame.
                let key = (address.to_string(), node);
                if channels.open.get(&key).is_some_and(|(open, _)| *open == number) {
                    channels.open.remove(&key);
                }
                Err(tonic::Status::deadline_exceeded(format!("{address} did not answer within {deadline:?}")))
            }
        }
    }
}
