//! How a group stands, as one replica sees it.

use std::collections::{BTreeMap, BTreeSet};

use model::ids::NodeId;
use openraft::ServerState;

use crate::types::Metrics;

/// What a replica is in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Leader,
    Follower,
    Candidate,
    Learner,
    Stopped,
}

impl Role {
    /// Every role there is.
    pub const ALL: [Self; 5] = [Self::Leader, Self::Follower, Self::Candidate, Self::Learner, Self::Stopped];

    /// The role's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Follower => "follower",
            Self::Candidate => "candidate",
            Self::Learner => "learner",
            Self::Stopped => "stopped",
        }
    }
}

/// How a group stands, as this replica sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub role: Role,
    pub leader: Option<NodeId>,
    pub term: u64,
    pub last_log: u64,
    pub committed: u64,
    pub applied: u64,
    pub snapshot: u64,
    pub purged: u64,
    pub voters: BTreeSet<NodeId>,
    /// Between two sets of voters: both must agree until the change is through.
    pub joint: bool,
    pub learners: BTreeSet<NodeId>,
    pub addresses: BTreeMap<NodeId, String>,
    /// Of a leader: the last entry that each other member has.
    pub matched: BTreeMap<NodeId, u64>,
}

/// What openraft says, in our terms.
pub(super) fn status(metrics: &Metrics) -> Status {
    let membership = metrics.membership_config.membership();
    let matched = metrics.replication.iter().flatten();
    Status {
        role: match metrics.state {
            ServerState::Leader => Role::Leader,
            ServerState::Follower => Role::Follower,
            ServerState::Candidate => Role::Candidate,
            ServerState::Learner => Role::Learner,
            ServerState::Shutdown => Role::Stopped,
        },
        leader: metrics.current_leader.map(NodeId),
        term: metrics.current_term,
        last_log: metrics.last_log_index.unwrap_or(0),
        committed: metrics.cluster_committed.or(metrics.local_committed).map_or(0, |id| id.index),
        applied: metrics.last_applied.map_or(0, |id| id.index),
        snapshot: metrics.snapshot.map_or(0, |id| id.index),
        purged: metrics.purged.map_or(0, |id| id.index),
        voters: membership.voter_ids().map(NodeId).collect(),
        joint: membership.get_joint_config().len() > 1,
        learners: membership.learner_ids().map(NodeId).collect(),
        addresses: membership.nodes().map(|(id, member)| (NodeId(*id), member.address.clone())).collect(),
        matched: matched.map(|(id, at)| (NodeId(*id), at.map_or(0, |id| id.index))).collect(),
    }
}
