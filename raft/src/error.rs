//! What can go wrong with a group, for those who ask it something.

use model::ids::{GroupId, NodeId};

use crate::storage::StorageError;

/// Why a proposal or a read of a group failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GroupError {
    /// Nothing was proposed; ask the leader, if one is known.
    #[error("{group} is led by another node")]
    NotLeader { group: GroupId, leader: Option<NodeId> },
    /// It may or may not take place; the same request id settles it.
    #[error("the outcome of a write to {group} is not known: {reason}")]
    Unknown { group: GroupId, reason: String },
    /// Nothing was proposed, or nothing read.
    #[error("{group} is not available: {reason}")]
    Unavailable { group: GroupId, reason: String },
    /// Nothing was proposed; come again.
    #[error("{group} has too much to do")]
    Busy { group: GroupId },
    /// The command is not one that may be proposed.
    #[error("a command for {group} does not fit: {reason}")]
    Refused { group: GroupId, reason: String },
    /// This node has no replica of the group.
    #[error("this node has no replica of {group}")]
    NoReplica { group: GroupId },
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl GroupError {
    /// Whether the write may have taken place.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }
}
