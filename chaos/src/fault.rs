//! What goes wrong in a run: each fault with its time, all drawn before the run begins, so that they can be read, and left
//! out one by one.

use std::fmt;

use raft::storage::memory::Which;
use serde::{Deserialize, Serialize};

use crate::disk::Left;
use crate::process::Standstill;
use crate::rng::Rng;
use crate::world::World;

/// A fault and when it begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub at_ms: u64,
    pub kind: Kind,
}

/// The sorts of faults. What lasts says for how long; what is broken for good (a
/// connection, a bit) is replaced by whoever notices. Nodes are named by their numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// The machine loses power and comes back. `silent`: its peers hear nothing of it.
    Crash {
        node: u64,
        left: Left,
        down_ms: u64,
        silent: bool,
    },
    /// All machines lose power at once.
    CrashAll {
        left: Left,
        down_ms: u64,
    },
    /// The process ends in order and is started again.
    Bounce {
        node: u64,
    },
    /// The process stands still.
    Pause {
        node: u64,
        for_ms: u64,
        how: Standstill,
    },
    /// Nothing passes between two nodes.
    Partition {
        a: u64,
        b: u64,
        for_ms: u64,
    },
    /// Nothing passes from one node to another.
    OneWay {
        from: u64,
        to: u64,
        for_ms: u64,
    },
    /// Nothing passes between these nodes and all others, clients included.
    Isolate {
        nodes: Vec<u64>,
        for_ms: u64,
    },
    /// Nothing passes between these nodes and the other nodes; clients reach both.
    Split {
        nodes: Vec<u64>,
        for_ms: u64,
    },
    /// Messages between two nodes take longer.
    Delay {
        a: u64,
        b: u64,
        max_ms: u64,
        for_ms: u64,
    },
    /// Messages between two nodes wait and come all at once.
    Hold {
        a: u64,
        b: u64,
        for_ms: u64,
    },
    /// The connections that a node has made to another are gone.
    Drop {
        from: u64,
        to: u64,
    },
    /// They carry nothing any more, and nobody is told.
    HalfOpen {
        from: u64,
        to: u64,
    },
    /// The connections of the clients to a node carry nothing any more; those to all nodes if it is 0, as when a firewall
    /// forgets them.
    HalfOpenClients {
        to: u64,
    },
    SlowDisk {
        node: u64,
        sync_ms: u64,
        for_ms: u64,
    },
    FullDisk {
        node: u64,
        for_ms: u64,
    },
    /// A bit of something stored turns over, and the node is restarted, so that it meets it. What it cannot read it must not
    /// serve; the operators replace the node.
    Rot {
        node: u64,
        group: Option<u32>,
        number: u64,
    },
    /// The wall clock jumps, and is set right later.
    ClockJump {
        node: u64,
        by_ms: i64,
        for_ms: u64,
    },
    /// The next snapshot that the node receives is cut off after so many pieces: the connection, or the node itself.
    CutTransfer {
        node: u64,
        pieces: u64,
        crash: bool,
    },
    /// Outbox messages that a node has seen before are delivered again.
    Redeliver {
        node: u64,
    },
    /// An operator hands the lead of a group to a node.
    Transfer {
        group: u32,
        to: u64,
    },
    /// An operator has a snapshot taken of all groups of a node.
    Snapshot {
        node: u64,
    },
    /// An operator has all keys of data replaced.
    RotateKeys,
    /// An operator adds a node.
    AddNode {
        node: u64,
        learner: bool,
    },
    /// An operator removes a node.
    RemoveNode {
        node: u64,
    },
}

impl Kind {
    /// The fault's name, as `report` counts it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Crash { left: Left::Nothing, .. } => "crash, nothing unsynced left",
            Self::Crash { left: Left::Part, .. } => "crash, a part of the unsynced left",
            Self::Crash { left: Left::Torn, .. } => "crash, a torn record left",
            Self::Crash { left: Left::All, .. } => "kill of the process",
            Self::CrashAll { .. } => "crash of all nodes",
            Self::Bounce { .. } => "bounce",
            Self::Pause { how: Standstill::Machine, .. } => "pause of the machine",
            Self::Pause { how: Standstill::Process, .. } => "pause of the process",
            Self::Partition { .. } => "partition of two nodes",
            Self::OneWay { .. } => "one-way partition",
            Self::Isolate { .. } => "isolation",
            Self::Split { .. } => "split of the nodes",
            Self::Delay { .. } => "delay",
            Self::Hold { .. } => "messages held and released",
            Self::Drop { .. } => "dropped connections",
            Self::HalfOpen { .. } => "half-open connections",
            Self::HalfOpenClients { .. } => "half-open connections of clients",
            Self::SlowDisk { .. } => "slow disk",
            Self::FullDisk { .. } => "full disk",
            Self::Rot { group: None, .. } => "bit rot in a log",
            Self::Rot { group: Some(_), .. } => "bit rot in a state",
            Self::ClockJump { .. } => "clock jump",
            Self::CutTransfer { crash: true, .. } => "snapshot transfer cut by a crash",
            Self::CutTransfer { crash: false, .. } => "snapshot transfer cut by its connection",
            Self::Redeliver { .. } => "outbox delivered again",
            Self::Transfer { .. } => "leadership transfer",
            Self::Snapshot { .. } => "snapshot by an operator",
            Self::RotateKeys => "keys rotated",
            Self::AddNode { learner: true, .. } => "learner added",
            Self::AddNode { learner: false, .. } => "node added",
            Self::RemoveNode { .. } => "node removed",
        }
    }

    /// Whether the fault is one of this node, or names a node that is numbered after it.
    pub fn names(&self, number: u64) -> bool {
        match self {
            Self::Crash { node, .. }
            | Self::Bounce { node }
            | Self::Pause { node, .. }
            | Self::SlowDisk { node, .. }
            | Self::FullDisk { node, .. }
            | Self::Rot { node, .. }
            | Self::ClockJump { node, .. }
            | Self::CutTransfer { node, .. }
            | Self::Redeliver { node }
            | Self::Snapshot { node }
            | Self::AddNode { node, .. }
            | Self::RemoveNode { node } => *node >= number,
            Self::Partition { a, b, .. } | Self::Delay { a, b, .. } | Self::Hold { a, b, .. } => (*a).max(*b) >= number,
            Self::OneWay { from, to, .. } | Self::Drop { from, to } | Self::HalfOpen { from, to } => {
                (*from).max(*to) >= number
            }
            Self::Isolate { nodes, .. } | Self::Split { nodes, .. } => nodes.iter().any(|node| *node >= number),
            Self::HalfOpenClients { to } | Self::Transfer { to, .. } => *to >= number,
            Self::CrashAll { .. } | Self::RotateKeys => false,
        }
    }

    /// What of a node's disk is damaged.
    pub fn which(group: Option<u32>) -> Which {
        group.and_then(model::ids::GroupId::from_number).map_or(Which::Log, Which::State)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6} ms  {}: {:?}", self.at_ms, self.kind.name(), self.kind)
    }
}

/// A node is cut off from who leads the directory, and from nobody else: it goes on answering, and does not learn whose access is
/// taken away.
pub fn deaf_to_the_directory(world: &World, rng: &mut Rng) -> Vec<Fault> {
    let mut faults = Vec::new();
    for _ in 0..rng.between(0, 2) {
        let at_ms = rng.between(world.settle_ms, world.settle_ms + world.faulty_ms - 4_000);
        let leader = rng.between(1, world.nodes);
        let deaf = 1 + (leader + rng.between(0, world.nodes - 2)) % world.nodes;
        faults.push(Fault { at_ms, kind: Kind::Transfer { group: world.group_number(0), to: leader } });
        let kind = Kind::Partition { a: leader, b: deaf, for_ms: rng.between(4_000, 7_500) };
        faults.push(Fault { at_ms: at_ms + 1_500, kind });
    }
    faults
}

/// Keys of data are replaced, and everything is sealed anew while the rest goes on.
pub fn rotations(world: &World, rng: &mut Rng) -> Vec<Fault> {
    let count = if rng.percent(50) { rng.between(1, 2) } else { 0 };
    let mut at = || rng.between(world.settle_ms, world.settle_ms + world.faulty_ms);
    (0..count).map(|_| Fault { at_ms: at(), kind: Kind::RotateKeys }).collect()
}

/// Draws the faults of a world.
pub fn draw(world: &World, rng: &mut Rng) -> Vec<Fault> {
    let first: Vec<u64> = (1..=world.nodes).collect();
    let mut faults = Vec::new();
    let (from, to) = (world.settle_ms, world.settle_ms + world.faulty_ms);
    let count = rng.between(6, 20);
    // Swarm: a run has some sorts of faults only, so that rare ones are not drowned by the frequent.
    let mut weights: Vec<(u64, u64)> = [24u64, 4, 4, 6, 5, 5, 4, 5, 4, 4, 3, 3, 5, 5, 3, 6, 4, 6, 4, 6, 4, 4, 4]
        .iter()
        .enumerate()
        .map(|(sort, weight)| (sort as u64, *weight))
        .collect();
    weights.retain(|(sort, _)| *sort == 0 || rng.percent(60));
    let all: u64 = weights.iter().map(|(_, weight)| weight).sum();
    // In every third world some nodes alone have trouble, and too few to matter: all must be answered all the time.
    let few = rng.percent(33).then(|| {
        let mut nodes = first.clone();
        rng.shuffle(&mut nodes);
        nodes.truncate((world.nodes as usize - 1) / 2);
        nodes
    });
    let mut damaged = 0;
    let (mut changed, mut removed) = (0, 0);
    let mut next_node = world.nodes + 1;
    for _ in 0..count {
        let at_ms = rng.between(from, to);
        let mut drawn = rng.below(all);
        let mut sort = 0;
        for (this, weight) in &weights {
            if drawn < *weight {
                sort = *this;
                break;
            }
            drawn -= weight;
        }
        let mut node = rng.between(1, world.nodes);
        if let Some(few) = &few {
            node = *rng.pick(few).unwrap_or(&node);
            // What concerns all, or who is in the cluster.
            if matches!(sort, 1 | 12 | 15 | 19 | 21 | 22) {
                continue;
            }
        }
        let other = 1 + (node + rng.between(0, world.nodes - 2)) % world.nodes;
        let for_ms = rng.between(200, 6_000);
        let left =
            *rng.pick(&[Left::Nothing, Left::Nothing, Left::Part, Left::Torn, Left::All]).unwrap_or(&Left::Nothing);
        let side = |rng: &mut Rng, most: u64| {
            let mut nodes = few.clone().unwrap_or_else(|| first.clone());
            rng.shuffle(&mut nodes);
            nodes.truncate(rng.between(1, most.max(1)) as usize);
            nodes.sort_unstable();
            nodes
        };
        let groups = u64::from(world.records_groups) + 2;
        let group = world.group_number(rng.below(groups));
        let kind = match sort {
            0 => Kind::Crash { node, left, down_ms: rng.between(50, 5_000), silent: rng.percent(50) },
            1 => Kind::CrashAll { left, down_ms: rng.between(50, 2_000) },
            2 => Kind::Bounce { node },
            3 => {
                let how = if rng.percent(50) { Standstill::Machine } else { Standstill::Process };
                Kind::Pause { node, for_ms, how }
            }
            4 => Kind::Partition { a: node, b: other, for_ms },
            5 => Kind::OneWay { from: node, to: other, for_ms },
            6 => Kind::Isolate { nodes: side(rng, world.nodes / 2), for_ms },
            7 => Kind::Split { nodes: side(rng, world.nodes - 1), for_ms },
            8 => {
                // What carries a heartbeat too late still carries entries.
                let most = if rng.percent(30) { 4_000 } else { 400 };
                Kind::Delay { a: node, b: other, max_ms: rng.between(20, most), for_ms }
            }
            9 => Kind::Hold { a: node, b: other, for_ms: for_ms / 2 },
            10 => Kind::Drop { from: node, to: other },
            11 => Kind::HalfOpen { from: node, to: other },
            12 => Kind::HalfOpenClients { to: if rng.percent(50) { node } else { 0 } },
            13 => Kind::SlowDisk { node, sync_ms: rng.between(10, 300), for_ms },
            14 => Kind::FullDisk { node, for_ms },
            15 => {
                // One at a time and few: what a majority has lost nobody can give back.
                damaged += 1;
                if damaged > 1 || world.nodes < 3 {
                    continue;
                }
                // In a log of the audit most of what is damaged is not read for long, and may be handed on.
                let group = if rng.percent(60) { world.group_number(groups - 1) } else { group };
                let rotten = rng.percent(70).then_some(group);
                if let Some(group) = rotten {
                    // Whoever is damaged leads, and somebody comes who needs its snapshot.
                    let mut then = |after, kind| faults.push(Fault { at_ms: at_ms + after, kind });
                    then(2_000, Kind::Transfer { group, to: node });
                    then(2_500, Kind::Crash { node: other, left, down_ms: 4_000, silent: rng.percent(50) });
                    then(5_500, Kind::Snapshot { node });
                }
                Kind::Rot { node, group: rotten, number: rng.number() }
            }
            16 => {
                let size = if rng.percent(50) { rng.between(100, 3_000) } else { rng.between(3_000, 60_000) } as i64;
                Kind::ClockJump { node, by_ms: if rng.percent(50) { size } else { -size }, for_ms }
            }
            17 => {
                // While it is away the others forget the log that it would need.
                let others = first.iter().filter(|other| **other != node);
                faults
                    .extend(others.map(|other| Fault { at_ms: at_ms + 1_900, kind: Kind::Snapshot { node: *other } }));
                Kind::CutTransfer { node, pieces: rng.between(1, 3), crash: rng.percent(50) }
            }
            18 => Kind::Redeliver { node },
            19 => Kind::Transfer { group, to: node },
            20 => Kind::Snapshot { node },
            21 => {
                changed += 1;
                if changed > 2 {
                    continue;
                }
                next_node += 1;
                Kind::AddNode { node: next_node - 1, learner: rng.percent(50) }
            }
            _ => {
                changed += 1;
                removed += 1;
                if changed > 2 || removed + 3 > world.nodes {
                    continue;
                }
                Kind::RemoveNode { node }
            }
        };
        faults.push(Fault { at_ms, kind });
    }
    faults.sort_by_key(|fault| fault.at_ms);
    faults
}
