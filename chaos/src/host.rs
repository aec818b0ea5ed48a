//! A node as a simulated process: started through `Node::start`, watched, ended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use model::ids::{GroupId, NodeId};
use model::people::Ceremony;
use model::seal::Keyring;
use node::config::{Capacity, Config, Start};
use node::env::{Env, Indexes, Network, Work};
use node::{Node, NodeError};
use raft::groups::Groups;
use search::Tables;
use tokio::sync::Notify;

use crate::clock::{SeededEntropy, WallClock};
use crate::disk::Disk;
use crate::oracles::bounds::is_queue;
use crate::people;
use crate::trace::Trace;
use crate::world::World;

/// Where nodes listen.
pub const PORT: u16 = 7000;
/// Between two looks at a node's queues.
const LOOK: Duration = Duration::from_millis(50);
/// Looks at the ages of copies between two at the queues, which cost more.
const LOOKS_BETWEEN: u64 = 5;

/// The key of every simulated cluster.
pub fn keyring() -> Keyring {
    Keyring::single(1, [7; 32])
}

/// A node's address.
pub fn address(node: u64) -> String {
    format!("node-{node}:{PORT}")
}

/// What a replica says of its copy of a group.
pub struct HeldCopy {
    pub group: GroupId,
    /// How old it may be.
    pub age: Duration,
    pub applied: u64,
}

/// How a node ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// As its process would say it; 0 if it was asked to.
    pub exit_code: u8,
    pub reason: String,
}

/// What is seen of a node from outside.
#[derive(Clone, Default)]
pub struct Slot(Arc<Mutex<Inside>>);

#[derive(Default)]
pub struct Inside {
    /// Its replicas, while it runs.
    pub groups: Option<Groups>,
    pub ended: Option<Ended>,
    /// What its replicas last said of themselves, until somebody takes it.
    pub copies: Vec<HeldCopy>,
    /// By name, the highest value that a queue's metric had.
    pub queues: BTreeMap<String, f64>,
    /// By the labels of their metric, how many records its indexes last held.
    pub indexes: BTreeMap<String, f64>,
    stop: Option<Arc<Notify>>,
}

impl Slot {
    /// What is seen.
    pub fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the node to stop in order.
    pub fn stop(&self) {
        if let Some(stop) = &self.inside().stop {
            stop.notify_one();
        }
    }

    /// Forgets what belongs to a process that is gone.
    pub fn gone(&self) {
        let mut inside = self.inside();
        (inside.groups, inside.stop) = (None, None);
    }

    /// How it ended by itself, once.
    pub fn take_ended(&self) -> Option<Ended> {
        self.inside().ended.take()
    }
}

/// The configuration of a node in a world.
pub fn config(world: &World, node: u64, join: Option<String>) -> Config {
    let members = (1..=world.nodes).map(|node| (NodeId(node), address(node))).collect();
    let start = match join {
        None => Start::First { cluster: people::CLUSTER, members, records_groups: world.records_groups },
        Some(member) => Start::Join(member),
    };
    Config {
        node: NodeId(node),
        listen: address(node),
        http: None,
        start,
        keyring: keyring(),
        region: format!("region-{}", world.region(node)),
        port: format!("port-{node}"),
        timings: world.timings(),
        searches: 2,
        // Its people ask less than anybody may: rates are not what is sought here.
        capacity: Capacity::of(64, world.gated.then_some(1_000)),
        gated: world.gated,
        ceremony: world.gated.then(|| Ceremony::of(people::SECRET)),
        names: Vec::new(),
        index_linger: Duration::from_millis(world.index_linger_ms),
        cuts: Default::default(),
        witnesses: Default::default(),
    }
}

/// What a node stands on.
pub fn env(
    network: Arc<dyn Network>,
    clock: Arc<WallClock>,
    entropy: Arc<SeededEntropy>,
    disk: Disk,
    work_ms: u64,
) -> Env {
    let work = Work::InPlace(Duration::from_millis(work_ms));
    Env {
        open_network: network.clone(),
        network,
        clock,
        entropy,
        storage: Arc::new(disk),
        tables: tables(),
        indexes: Indexes::Memory,
        work,
    }
}

/// The tables of all nodes and of their judge: frozen, so one copy tells nothing from one node to another.
pub fn tables() -> Arc<Tables> {
    static TABLES: OnceLock<Arc<Tables>> = OnceLock::new();
    TABLES.get_or_init(|| Arc::new(Tables::standard())).clone()
}

/// The life of a node, from its start until it ends.
pub async fn live(config: Config, env: Env, slot: Slot, trace: Trace) {
    let id = config.node;
    let stop = Arc::new(Notify::new());
    slot.inside().stop = Some(stop.clone());
    let started = tokio::select! {
        biased;
        () = stop.notified() => {
            slot.inside().ended = Some(Ended { exit_code: 0, reason: "stopped while it started".into() });
            return;
        }
        started = Node::start(config, env) => started,
    };
    let node = match started {
        Ok(node) => node,
        Err(error) => return end(&slot, &error),
    };
    crate::event!(trace, "started {id}");
    slot.inside().groups = Some(node.groups().clone());
    let mut looks = 0u64;
    loop {
        tokio::select! {
            biased;
            () = stop.notified() => {
                slot.inside().groups = None;
                let stopped = node.stop().await;
                match stopped {
                    Ok(()) => slot.inside().ended = Some(Ended { exit_code: 0, reason: "stopped".into() }),
                    Err(error) => end(&slot, &error),
                }
                return;
            }
            error = node.failed() => {
                slot.inside().groups = None;
                return end(&slot, &error);
            }
            () = tokio::time::sleep(LOOK) => {
                looks += 1;
                note_copies(&node, &slot);
                if looks.is_multiple_of(LOOKS_BETWEEN) {
                    note_queues(&node, &slot);
                }
            }
        }
    }
}

fn end(slot: &Slot, error: &NodeError) {
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        reason = format!("{reason}: {inner}");
        source = inner.source();
    }
    slot.inside().ended = Some(Ended { exit_code: error.exit_code(), reason });
}

/// Asked here, since only inside of the process its clock runs.
fn note_copies(node: &Node, slot: &Slot) {
    let copy = |group: &raft::group::Group| {
        Some(HeldCopy {
            group: group.id(),
            age: group.staleness()?,
            applied: group.machine().progress().borrow().applied,
        })
    };
    slot.inside().copies = node.groups().iter().filter_map(copy).collect();
}

/// Keeps the highest value of each queue's metric, and what the indexes hold.
fn note_queues(node: &Node, slot: &Slot) {
    let Ok(text) = node.metrics() else { return };
    let mut inside = slot.inside();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, value)) = line.rsplit_once(' ') else { continue };
        if let Some(labels) = name.strip_prefix("portcullis_index_records{")
            && let Ok(value) = value.parse::<f64>()
        {
            inside.indexes.insert(labels.to_string(), value);
        }
        if is_queue(name.split('{').next().unwrap_or(name))
            && let Ok(value) = value.parse::<f64>()
        {
            let highest = inside.queues.entry(name.to_string()).or_default();
            *highest = highest.max(value);
        }
    }
}
