//! All group replicas of a node, and what runs beside each: delivery of its outbox, its snapshots.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use model::ids::{GroupId, NodeId};
use model::known_bugs::{KnownBug, planted};
use openraft::SnapshotPolicy;
use openraft::storage::{RaftLogReader, RaftLogStorage};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::GroupError;
use crate::group::Group;
use crate::log_store::{LogStore, Logs};
use crate::machine::Machine;
use crate::metrics::{GroupMetrics, LogMetrics};
use crate::network::{GroupNetworks, Router};
use crate::outbox;
use crate::storage::{Engine, StorageError};
use crate::types::{Member, Raft};

/// Timings of all groups of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    pub heartbeat_ms: u64,
    pub election_min_ms: u64,
    pub election_max_ms: u64,
    /// Entries since the last snapshot after which the next one is taken.
    pub snapshot_entries: u64,
    /// Entries kept behind a snapshot, for members that are a little late.
    pub keep_entries: u64,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            heartbeat_ms: 250,
            election_min_ms: 600,
            election_max_ms: 900,
            snapshot_entries: 10_000,
            keep_entries: 2_000,
        }
    }
}

/// Why the groups of a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("{group} does not start: {reason}")]
    Group { group: GroupId, reason: String },
    #[error("timings: {0}")]
    Timings(String),
    #[error(
        "{group}: this node was seen to have entry {acknowledged} of the log and has none after {last}: its data was lost or \
         is an older copy. It has forgotten what it promised and must not vote; remove node {node} from the cluster, give it \
         an empty data directory and join it again under a new id"
    )]
    WentBack { group: GroupId, node: NodeId, acknowledged: u64, last: u64 },
}

/// Between two looks at a group.
const LOOK: Duration = Duration::from_secs(1);
/// A snapshot may take this long.
const SNAPSHOT_DEADLINE: Duration = Duration::from_secs(600);
/// How long peers may take to say what they know of a node that starts.
const WITNESS_DEADLINE: Duration = Duration::from_millis(500);

/// The replicas of a node; clones share them.
#[derive(Clone)]
pub struct Groups(Arc<Inner>);

struct Inner {
    router: Router,
    groups: BTreeMap<GroupId, Group>,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

impl Groups {
    /// Opens and starts the replicas. `members` are addresses of nodes that may know this one. Must run inside
    /// `Seeded::scope`, which gives the election timeouts their seed.
    pub async fn start(
        ids: &[GroupId],
        engine: Arc<dyn Engine>,
        router: Router,
        members: BTreeSet<String>,
        timings: Timings,
        (log_metrics, metrics): (LogMetrics, GroupMetrics),
    ) -> Result<Self, StartError> {
        let config = openraft::Config {
            cluster_name: router.cluster().to_string(),
            heartbeat_interval: timings.heartbeat_ms,
            election_timeout_min: timings.election_min_ms,
            election_timeout_max: timings.election_max_ms,
            // Snapshots are triggered by us; the log is purged only up to the newest one.
            snapshot_policy: SnapshotPolicy::Never,
            max_in_snapshot_log_to_keep: timings.keep_entries,
            purge_batch_size: 256,
            max_payload_entries: 256,
            enable_pre_vote: Some(true),
            // A leader that lost what it had not synced must not go on in its old term: followers may hold the lost entries
            // under the same ids as those that it would write next.
            enable_leader_restore: Some(planted(KnownBug::LeaderRestored)),
            ..openraft::Config::default()
        };
        let config = Arc::new(config.validate().map_err(|error| StartError::Timings(error.to_string()))?);
        let logs = Logs::start(engine.log()?, log_metrics);
        let (mut groups, mut opened, mut members) = (BTreeMap::new(), Vec::new(), members);
        for id in ids {
            let machine = Machine::open(*id, engine.clone(), metrics.clone())?;
            let mut log = logs.group(*id);
            refuse_lost_log(*id, &machine, &mut log).await?;
            members.extend(machine.addresses().await);
            opened.push((*id, machine, log));
        }
        refuse_log_that_went_back(&router, &members, &mut opened).await?;
        for (id, machine, log) in opened {
            let own = Arc::new(OnceLock::new());
            let network = GroupNetworks { router: router.clone(), machine: machine.clone(), group: own.clone() };
            let raft = Raft::new(router.me().0, config.clone(), network, log, machine.clone());
            let raft = raft.await.map_err(|error| StartError::Group { group: id, reason: error.to_string() })?;
            let group = Group::new(raft, machine, router.clone());
            own.get_or_init(|| group.downgrade());
            groups.insert(id, group);
        }
        let inner = Inner { router, groups, stopping: CancellationToken::new(), tasks: TaskTracker::new() };
        let groups = Self(Arc::new(inner));
        for group in groups.iter() {
            let (all, stopping) = (groups.clone(), groups.0.stopping.clone());
            groups.0.tasks.spawn(outbox::deliver(all, group.clone(), stopping.clone(), metrics.clone()));
            groups.0.tasks.spawn(keep_snapshots(group.clone(), timings, stopping.clone()));
            groups.0.tasks.spawn(watch(group.clone(), stopping, metrics.clone()));
        }
        Ok(groups)
    }

    /// The connections to the peers.
    pub fn router(&self) -> &Router {
        &self.0.router
    }

    /// The replica of a group.
    pub fn get(&self, id: GroupId) -> Result<&Group, GroupError> {
        self.0.groups.get(&id).ok_or(GroupError::NoReplica { group: id })
    }

    /// All replicas.
    pub fn iter(&self) -> impl Iterator<Item = &Group> {
        self.0.groups.values()
    }

    /// The groups that this node has replicas of.
    pub fn ids(&self) -> impl Iterator<Item = GroupId> {
        self.0.groups.keys().copied()
    }

    /// The replicas of records groups.
    pub fn records(&self) -> impl Iterator<Item = &Group> {
        self.iter().filter(|group| group.id().is_records())
    }

    /// Makes these nodes the first members of every group that is new here. Several nodes may do so with the same members;
    /// each group is begun by one of them, so that leaders are spread.
    pub async fn initialise(&self, members: &BTreeMap<NodeId, String>) -> Result<(), StartError> {
        let me = self.router().me();
        for (number, group) in self.iter().enumerate() {
            let first = members.keys().nth(number % members.len().max(1));
            let raft = group.raft();
            let failed = |reason: String| StartError::Group { group: group.id(), reason };
            if first != Some(&me) || raft.is_initialized().await.map_err(|error| failed(error.to_string()))? {
                continue;
            }
            let nodes: BTreeMap<u64, Member> =
                members.iter().map(|(id, address)| (id.0, Member { address: address.clone() })).collect();
            if let Err(error) = raft.initialize(nodes).await {
                // A peer was faster; its log reaches us.
                tracing::info!(group = %group.id(), %error, "the group was begun elsewhere");
            }
        }
        Ok(())
    }

    /// Hands over the leadership of every group that this node leads; of all at once, for each may have to wait.
    pub async fn step_down(&self) {
        futures_util::future::join_all(self.iter().map(Group::step_down)).await;
    }

    /// Stops all replicas: nothing new is delivered, states are flushed. Whoever leads steps down before.
    pub async fn stop(&self) -> Result<(), GroupError> {
        self.0.stopping.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
        let stopped = self.iter().map(|group| async move {
            let stopped = group.stop().await;
            if let Err(error) = &stopped {
                tracing::error!(group = %group.id(), %error, "the group did not stop cleanly");
            }
            stopped
        });
        futures_util::future::join_all(stopped).await.into_iter().collect()
    }
}

/// Before anything is applied a vote is saved. A state that applied something beside a log without a vote has lost its log,
/// and a replica that forgot how it voted could elect a second leader.
async fn refuse_lost_log(group: GroupId, machine: &Machine, log: &mut LogStore) -> Result<(), StartError> {
    let applied = machine.progress().borrow().applied;
    let vote = log.read_vote().await.map_err(|error| StartError::Group { group, reason: error.to_string() })?;
    if vote.is_none() && applied > 0 {
        let reason = format!("its state has applied {applied} entries and its log holds no vote: the log was lost");
        return Err(StorageError::Damaged { place: format!("raft-log of {group}"), reason }.into());
    }
    Ok(())
}

/// A node that comes back with less than it once acknowledged could help to elect a leader that lacks committed entries.
/// Asks whoever is there; a whole cluster that starts at once has nobody to ask.
async fn refuse_log_that_went_back(
    router: &Router,
    members: &BTreeSet<String>,
    opened: &mut [(GroupId, Machine, LogStore)],
) -> Result<(), StartError> {
    let others = members.iter().filter(|address| *address != router.address());
    let asked = others.map(|address| router.describe(address, WITNESS_DEADLINE));
    let mut acknowledged: BTreeMap<u32, u64> = BTreeMap::new();
    for reply in futures_util::future::join_all(asked).await.into_iter().flatten() {
        if reply.cluster.as_ref() != router.cluster().0.as_slice() {
            continue;
        }
        for seen in reply.acknowledged {
            let known = acknowledged.entry(seen.group).or_default();
            *known = (*known).max(seen.index);
        }
    }
    for (group, machine, log) in opened {
        let state = log.get_log_state().await;
        let state = state.map_err(|error| StartError::Group { group: *group, reason: error.to_string() })?;
        // A snapshot stands for the log before it.
        let last = state.last_log_id.map_or(0, |id| id.index).max(machine.progress().borrow().applied);
        let acknowledged = acknowledged.get(&group.number()).copied().unwrap_or(0);
        if acknowledged > last {
            return Err(StartError::WentBack { group: *group, node: router.me(), acknowledged, last });
        }
    }
    Ok(())
}

/// Takes a snapshot whenever enough entries have been applied since the last one.
async fn keep_snapshots(group: Group, timings: Timings, stopping: CancellationToken) {
    let mut tick = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            _ = tick.tick() => {}
        }
        let status = group.status();
        if status.applied.saturating_sub(status.snapshot) < timings.snapshot_entries {
            continue;
        }
        let taken = tokio::select! {
            () = stopping.cancelled() => return,
            taken = group.snapshot(SNAPSHOT_DEADLINE) => taken,
        };
        match taken {
            Ok(index) => tracing::info!(group = %group.id(), index, "snapshot taken"),
            Err(error) => tracing::warn!(group = %group.id(), %error, "no snapshot was taken"),
        }
    }
}

/// Keeps the group's metrics, what its members have acknowledged, and half-done changes of members.
async fn watch(group: Group, stopping: CancellationToken, metrics: GroupMetrics) {
    let mut tick = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            _ = tick.tick() => {}
        }
        metrics.observe(&group);
        group.note_acknowledged();
        tokio::select! {
            () = stopping.cancelled() => return,
            () = group.settle_if_left_over() => {}
        }
    }
}
