//! Leaves one after the other: each is checked by itself and appended to the tree, whose root then stands for them all.

use std::collections::BTreeMap;

use model::audit::leaf::{Leaf, LeafError, StoredLeaf};
use model::audit::merkle::{Frontier, Hash, empty_root, leaf_hash};
use model::audit::sequences::{self, Sequences};
use model::codec;
use model::seal::Sealed;
use sha2::{Digest, Sha256};

/// A leaf as it is stored and exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawLeaf {
    pub index: u64,
    /// Canonical CBOR, what the tree hashes.
    pub leaf: Vec<u8>,
    /// Stored form of the sealed payload; empty where it is missing.
    pub payload: Vec<u8>,
}

/// What is wrong with a leaf.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    #[error("leaf {expected} is missing: leaf {found} follows leaf {expected} - 1")]
    Gap { expected: u64, found: u64 },
    /// Nothing destroys payloads, so one that is not there was taken away.
    #[error("the payload of leaf {index} is missing")]
    Missing { index: u64 },
    #[error("the payload of leaf {index} is damaged: {reason}")]
    Payload { index: u64, reason: String },
    #[error("leaf {index} was recorded before the leaf that precedes it: log time never runs back")]
    Time { index: u64 },
    #[error(transparent)]
    Sequence(#[from] sequences::Gap),
    #[error(transparent)]
    Leaf(#[from] LeafError),
}

/// Checks a leaf by itself: that it stands where it says, and that its payload is the one that it commits to.
pub fn check_leaf(raw: &RawLeaf) -> Result<Leaf, ChainError> {
    let RawLeaf { index, leaf, payload } = raw;
    let index = *index;
    let opened = StoredLeaf { bytes: leaf.clone(), payload: None }.open(index)?;
    if payload.is_empty() {
        return Err(ChainError::Missing { index });
    }
    // The digest is taken of the bytes themselves, so that no second form of the same payload passes.
    let damaged = |reason: String| ChainError::Payload { index, reason };
    codec::decode::<Sealed>(payload).map_err(|error| damaged(error.to_string()))?;
    if <[u8; 32]>::from(Sha256::digest(payload)) != opened.payload {
        return Err(LeafError::Payload { index }.into());
    }
    Ok(opened)
}

/// The leaves so far.
#[derive(Debug, Default)]
pub struct Chain {
    frontier: Frontier,
    recorded_ms: u64,
    sequences: Sequences,
    /// Sizes of interest and, once they are reached, the roots there.
    watched: BTreeMap<u64, Option<Hash>>,
}

impl Chain {
    /// A chain that keeps the roots at these sizes.
    pub fn watching(sizes: impl IntoIterator<Item = u64>) -> Self {
        let watched = sizes.into_iter().map(|size| (size, (size == 0).then(empty_root)));
        Self { watched: watched.collect(), ..Self::default() }
    }

    /// Checks a leaf and appends it.
    pub fn push(&mut self, raw: &RawLeaf) -> Result<(), ChainError> {
        let (index, expected) = (raw.index, self.frontier.size());
        if index != expected {
            return Err(ChainError::Gap { expected, found: index });
        }
        let opened = check_leaf(raw)?;
        if opened.recorded_ms < self.recorded_ms {
            return Err(ChainError::Time { index });
        }
        self.sequences.take(&opened)?;
        self.recorded_ms = opened.recorded_ms;
        self.frontier.append(leaf_hash(&raw.leaf));
        let size = self.frontier.size();
        if let Some(root) = self.watched.get_mut(&size) {
            *root = Some(self.frontier.root());
        }
        Ok(())
    }

    /// Leaves so far.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root over them.
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The root at a watched size, once it was reached.
    pub fn root_at(&self, size: u64) -> Option<Hash> {
        self.watched.get(&size).copied().flatten()
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Small logs for tests.

    use super::RawLeaf;
    use model::audit::event::{EventDraft, EventHeader, EventKind, EventPayload};
    use model::audit::leaf::{Numbers, StoredLeaf};
    use model::codec;
    use model::envelope::Caller;
    use model::ids::{AgencyId, NodeId, PortId, Purpose, RequestId, UserId};
    use model::seal::{Keyring, Scope};
    use model::time::UnixMillis;

    /// A log of so many leaves.
    pub fn log(size: u64) -> Vec<RawLeaf> {
        let caller = Caller {
            user: UserId::new("officer").expect("code"),
            agency: AgencyId::new("CBP").expect("code"),
            port: PortId::new("2404").expect("code"),
            purpose: Purpose::new("primary").expect("code"),
            node: NodeId(1),
        };
        let leaf = |index: u64| {
            let id = [index as u8; 16];
            let header = EventHeader::new(EventKind::Query, RequestId(id), &caller, UnixMillis(1_000 + index));
            let text = Some(format!("event {index}"));
            let payload = EventPayload { text, ..EventPayload::default() }.to_cbor();
            let payload = Keyring::single(1, [7; 32]).seal(Scope::Event(id), [index as u8; 12], &payload);
            let draft = EventDraft { header, payload: payload.expect("seals"), tokens: Vec::new() };
            let stored = StoredLeaf::record(
                &draft,
                index,
                UnixMillis(2_000 + index),
                Some(Numbers { session: None, port: index + 1 }),
            )
            .expect("records");
            let payload = codec::encode(&draft.payload).expect("encodes");
            RawLeaf { index, leaf: stored.bytes, payload }
        };
        (0..size).map(leaf).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(leaves: &[RawLeaf]) -> Result<Chain, ChainError> {
        let mut chain = Chain::watching(Some(3));
        leaves.iter().try_for_each(|leaf| chain.push(leaf))?;
        Ok(chain)
    }

    #[test]
    fn any_altered_byte_of_any_leaf_is_an_error_or_another_root() {
        let leaves = testing::log(5);
        let whole = chain(&leaves).expect("holds");
        assert_eq!(whole.root_at(3), Some(chain(&leaves[..3]).expect("holds").root()));
        for at in 0..leaves.len() {
            for byte in 0..leaves[at].leaf.len() {
                let mut altered = leaves.clone();
                altered[at].leaf[byte] ^= 1;
                assert!(chain(&altered).map_or(true, |altered| altered.root() != whole.root()));
            }
            for byte in 0..leaves[at].payload.len() {
                let mut altered = leaves.clone();
                altered[at].payload[byte] ^= 1;
                assert!(chain(&altered).is_err());
            }
        }
    }

    #[test]
    fn missing_swapped_and_repeated_leaves_are_found() {
        let leaves = testing::log(4);
        for order in [&[0, 2][..], &[1, 0], &[0, 0]] {
            let altered: Vec<RawLeaf> = order.iter().map(|at| leaves[*at].clone()).collect();
            assert!(matches!(chain(&altered), Err(ChainError::Gap { .. })), "{order:?}");
        }
    }

    #[test]
    fn a_payload_that_was_taken_away_is_found() {
        let mut leaves = testing::log(4);
        leaves[1].payload.clear();
        assert_eq!(chain(&leaves).map(|_| ()), Err(ChainError::Missing { index: 1 }));
    }
}
