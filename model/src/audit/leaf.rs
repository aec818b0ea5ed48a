//! A leaf of the audit log: the event's header, the log's time and position, and a commitment to the sealed payload.
//!
//! The leaf's bytes are made in `apply` and are what the tree hashes; the payload lies beside them, so that it can be
//! destroyed one day while every proof holds (SECURITY.md 3.5).

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::audit::event::{EventDraft, EventHeader};
use crate::audit::merkle::{self, Hash};
use crate::codec::{self, CodecError, Stored};
use crate::seal::Sealed;
use crate::time::UnixMillis;

/// What a leaf's bytes say: a canonical CBOR array.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Leaf {
    #[n(0)]
    pub version: u16,
    /// Position in the log, from 0.
    #[n(1)]
    pub index: u64,
    /// Log time: never runs back.
    #[n(2)]
    pub recorded_ms: u64,
    /// SHA-256 of the stored form of the sealed payload.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub payload: [u8; 32],
    #[n(4)]
    pub header: EventHeader,
    /// The event's number within its session, from 1. Events without a session, and those of before they were numbered, have none.
    #[n(5)]
    pub session_sequence: Option<u64>,
    /// The same within its port.
    #[n(6)]
    pub port_sequence: Option<u64>,
}

/// The numbers that the log gives an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    pub session: Option<u64>,
    pub port: u64,
}

/// A leaf as it is stored: its exact bytes and the payload they commit to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredLeaf {
    pub bytes: Vec<u8>,
    /// None once the payload was destroyed at its expiry.
    pub payload: Option<Sealed>,
}

impl Stored for StoredLeaf {
    const TAG: u16 = 8;
    const VERSION: u8 = 1;
}

impl Stored for Sealed {
    const TAG: u16 = 9;
    const VERSION: u8 = 1;
}

/// What is wrong with a stored leaf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    #[error("leaf {index} does not decode: {reason}")]
    Undecodable { index: u64, reason: String },
    #[error("leaf {index} says it is leaf {says}")]
    Position { index: u64, says: u64 },
    #[error("the payload of leaf {index} is not the one that the leaf commits to")]
    Payload { index: u64 },
    #[error(transparent)]
    Codec(#[from] CodecError),
}

impl StoredLeaf {
    /// Makes the leaf of an event at a position. Pure: every replica makes the same bytes. Without numbers it is of the first version.
    pub fn record(
        draft: &EventDraft,
        index: u64,
        recorded: UnixMillis,
        numbers: Option<Numbers>,
    ) -> Result<Self, CodecError> {
        let leaf = Leaf {
            version: if numbers.is_some() { 2 } else { 1 },
            index,
            recorded_ms: recorded.0,
            payload: digest(&draft.payload)?,
            header: draft.header.clone(),
            session_sequence: numbers.and_then(|numbers| numbers.session),
            port_sequence: numbers.map(|numbers| numbers.port),
        };
        let bytes = minicbor::to_vec(&leaf).map_err(|error| CodecError::Encode(error.to_string()))?;
        Ok(Self { bytes, payload: Some(draft.payload.clone()) })
    }

    /// The leaf's hash in the tree.
    pub fn hash(&self) -> Hash {
        merkle::leaf_hash(&self.bytes)
    }

    /// Reads the leaf and checks that it stands where it says and that its payload is the one it commits to.
    pub fn open(&self, index: u64) -> Result<Leaf, LeafError> {
        let leaf: Leaf = minicbor::decode(&self.bytes)
            .map_err(|error| LeafError::Undecodable { index, reason: error.to_string() })?;
        if leaf.index != index {
            return Err(LeafError::Position { index, says: leaf.index });
        }
        match &self.payload {
            Some(payload) if digest(payload)? != leaf.payload => Err(LeafError::Payload { index }),
            _ => Ok(leaf),
        }
    }
}

fn digest(payload: &Sealed) -> Result<[u8; 32], CodecError> {
    Ok(Sha256::digest(codec::encode(payload)?).into())
}
