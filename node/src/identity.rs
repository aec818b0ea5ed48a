//! Who a data directory belongs to: written once, checked at every start, so that a node never runs on another's data.

use model::ids::{ClusterId, GroupId, NodeId, Token};
use raft::storage::{Engine, StorageError};
use serde::{Deserialize, Serialize};

/// The file's name.
const FILE: &str = "NODE.json";

/// What a node knows of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The layout of the data directory.
    pub format: u32,
    pub cluster: ClusterId,
    pub node: NodeId,
    /// A token made with the cluster's key, so that a wrong key is found at once.
    pub key_check: Token,
    pub groups: Vec<GroupId>,
}

/// Why a data directory is not this node's.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("{place} belongs to node {found}, this is node {expected}; give it its own --data-dir")]
    OtherNode { place: String, found: NodeId, expected: NodeId },
    #[error("{place} belongs to cluster {found}, the command line names {expected}; give it its own --data-dir")]
    OtherCluster { place: String, found: ClusterId, expected: ClusterId },
    #[error("the key file is not the one that the data in {place} was sealed with; nothing was changed")]
    OtherKey { place: String },
    #[error("{place}/{FILE} does not read: {reason}; restore it, or remove the node and join it again under a new id")]
    Damaged { place: String, reason: String },
    #[error(
        "{place}/{FILE} is missing, but there are logs or states of a node: restore it, or remove the node, give it an \
             empty data directory and join it again under a new id; nothing was changed"
    )]
    Lost { place: String },
    #[error("{place} is new: start the node with --cluster-id and --initial-members, or with --join")]
    New { place: String },
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// The layout that this program writes.
pub const FORMAT: u32 = 1;

impl Identity {
    /// Reads the identity of a data directory, if it has one, and checks that it is this node's.
    pub fn read(engine: &dyn Engine, node: NodeId) -> Result<Option<Self>, IdentityError> {
        let place = engine.place();
        let Some(bytes) = engine.read_file(FILE)? else {
            // Taken for new, it would vote with the promises of whoever wrote those logs.
            return if engine.has_data()? { Err(IdentityError::Lost { place }) } else { Ok(None) };
        };
        let identity: Self = serde_json::from_slice(&bytes)
            .map_err(|error| IdentityError::Damaged { place: place.clone(), reason: error.to_string() })?;
        if identity.format != FORMAT {
            let reason = format!("it has format {}, this program knows {FORMAT}", identity.format);
            return Err(IdentityError::Damaged { place, reason });
        }
        if identity.node != node {
            return Err(IdentityError::OtherNode { place, found: identity.node, expected: node });
        }
        Ok(Some(identity))
    }

    /// Reads the identity of a directory, whosever it is.
    #[cfg(feature = "rocksdb")]
    pub fn of_directory(directory: &std::path::Path) -> Result<Self, IdentityError> {
        let place = directory.display().to_string();
        let damaged = |reason: String| IdentityError::Damaged { place: place.clone(), reason };
        let bytes = std::fs::read(directory.join(FILE)).map_err(|error| damaged(error.to_string()))?;
        serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))
    }

    /// Checks the cluster that the command line names.
    pub fn expect_cluster(&self, engine: &dyn Engine, expected: ClusterId) -> Result<(), IdentityError> {
        if self.cluster == expected {
            return Ok(());
        }
        Err(IdentityError::OtherCluster { place: engine.place(), found: self.cluster, expected })
    }

    /// Checks that the key is the one that the data was sealed with.
    pub fn expect_key(&self, engine: &dyn Engine, key: Token) -> Result<(), IdentityError> {
        if self.key_check == key { Ok(()) } else { Err(IdentityError::OtherKey { place: engine.place() }) }
    }

    /// Writes the identity of a new data directory.
    pub fn write(&self, engine: &dyn Engine) -> Result<(), IdentityError> {
        let bytes = serde_json::to_vec_pretty(self)
            .map_err(|error| IdentityError::Damaged { place: engine.place(), reason: error.to_string() })?;
        Ok(engine.write_file(FILE, &bytes)?)
    }
}
