//! The Merkle tree of RFC 6962, section 2: hashes, the append-only frontier, inclusion and consistency proofs.
//!
//! The store keeps the hash of every complete subtree as `(level, index)`; level 0 are the leaves. Everything else is
//! computed from those.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::codec::Stored;

/// SHA-256.
pub type Hash = [u8; 32];

/// The hash of a leaf's bytes.
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(bytes).finalize().into()
}

/// The hash of two neighbours.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of the empty tree.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// A complete subtree: level 0 is a leaf, level `n` covers `2^n` leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Node {
    pub level: u8,
    pub index: u64,
}

/// The right edge of the tree: the roots of its complete subtrees, largest first. Enough to append and to know the root.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Stored for Frontier {
    const TAG: u16 = 10;
    const VERSION: u8 = 1;
}

impl Frontier {
    /// Leaves so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf hash; returns every subtree that it completed, the leaf first.
    pub fn append(&mut self, leaf: Hash) -> Vec<(Node, Hash)> {
        let mut completed = vec![(Node { level: 0, index: self.size }, leaf)];
        let mut hash = leaf;
        let mut position = self.size;
        let mut level = 0;
        while position & 1 == 1 {
            // An odd position has a left neighbour, which is the smallest peak.
            let Some(left) = self.peaks.pop() else { break };
            hash = node_hash(&left, &hash);
            position >>= 1;
            level += 1;
            completed.push((Node { level, index: position }, hash));
        }
        self.peaks.push(hash);
        self.size += 1;
        completed
    }

    /// The root over all leaves so far.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => empty_root(),
            Some(smallest) => peaks.fold(*smallest, |right, left| node_hash(left, &right)),
        }
    }
}

/// Why a proof cannot be made or does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("a tree of {size} leaves has no leaf or earlier size {wanted}")]
    OutOfRange { wanted: u64, size: u64 },
    #[error("the store lacks the hash of subtree level {} index {}", .0.level, .0.index)]
    Missing(Node),
    #[error("the proof does not lead to the root")]
    Mismatch,
}

/// Reads the hash of a complete subtree.
pub type ReadNode<'a> = dyn Fn(Node) -> Option<Hash> + 'a;

/// The root over the leaves `from..to`, where `from` is a multiple of the largest power of two below the span.
fn range_root(read: &ReadNode<'_>, from: u64, to: u64) -> Result<Hash, ProofError> {
    let span = to - from;
    if span.is_power_of_two() && from.is_multiple_of(span) {
        let node = Node { level: span.trailing_zeros() as u8, index: from / span };
        return read(node).ok_or(ProofError::Missing(node));
    }
    let split = largest_power_below(span);
    Ok(node_hash(&range_root(read, from, from + split)?, &range_root(read, from + split, to)?))
}

/// The largest power of two that is smaller than `n` (n > 1).
fn largest_power_below(n: u64) -> u64 {
    1 << (63 - (n - 1).leading_zeros())
}

/// The root of the first `size` leaves.
pub fn root_at(read: &ReadNode<'_>, size: u64) -> Result<Hash, ProofError> {
    if size == 0 { Ok(empty_root()) } else { range_root(read, 0, size) }
}

/// The proof that leaf `index` is in the tree of `size` leaves (RFC 6962, 2.1.1).
pub fn inclusion_proof(read: &ReadNode<'_>, index: u64, size: u64) -> Result<Vec<Hash>, ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange { wanted: index, size });
    }
    let (mut from, mut to) = (0, size);
    let mut path = Vec::new();
    while to - from > 1 {
        let middle = from + largest_power_below(to - from);
        if index < middle {
            path.push(range_root(read, middle, to)?);
            to = middle;
        } else {
            path.push(range_root(read, from, middle)?);
            from = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Checks that a leaf is in the tree with this root.
pub fn check_inclusion(leaf: Hash, index: u64, size: u64, proof: &[Hash], root: Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange { wanted: index, size });
    }
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Mismatch);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 && hash == root { Ok(()) } else { Err(ProofError::Mismatch) }
}

/// The proof that the first `old` leaves of the tree of `size` leaves were not changed (RFC 6962, 2.1.2).
pub fn consistency_proof(read: &ReadNode<'_>, old: u64, size: u64) -> Result<Vec<Hash>, ProofError> {
    if old > size {
        return Err(ProofError::OutOfRange { wanted: old, size });
    }
    let mut proof = Vec::new();
    if old == 0 || old == size {
        return Ok(proof);
    }
    let (mut from, mut to, mut whole) = (0, size, true);
    while old != to {
        let middle = from + largest_power_below(to - from);
        if old <= middle {
            proof.push(range_root(read, middle, to)?);
            to = middle;
        } else {
            proof.push(range_root(read, from, middle)?);
            from = middle;
            whole = false;
        }
    }
    if !whole {
        proof.push(range_root(read, from, to)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Checks that the tree with `new_root` extends the tree with `old_root`.
pub fn check_consistency(
    old: u64,
    size: u64,
    proof: &[Hash],
    old_root: Hash,
    new_root: Hash,
) -> Result<(), ProofError> {
    if old > size {
        return Err(ProofError::OutOfRange { wanted: old, size });
    }
    if old == 0 || old == size {
        let same = old == 0 || old_root == new_root;
        return if proof.is_empty() && same { Ok(()) } else { Err(ProofError::Mismatch) };
    }
    let mut path = proof.iter();
    let mut next = || path.next().copied().ok_or(ProofError::Mismatch);
    let (mut node, mut last) = (old - 1, size - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let start = if old.is_power_of_two() { old_root } else { next()? };
    let (mut old_hash, mut new_hash) = (start, start);
    for sibling in path {
        if last == 0 {
            return Err(ProofError::Mismatch);
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 && old_hash == old_root && new_hash == new_root { Ok(()) } else { Err(ProofError::Mismatch) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn tree(size: u64) -> (Frontier, BTreeMap<Node, Hash>, Vec<Hash>) {
        let (mut frontier, mut nodes, mut roots) = (Frontier::default(), BTreeMap::new(), vec![empty_root()]);
        for index in 0..size {
            nodes.extend(frontier.append(leaf_hash(&index.to_be_bytes())));
            roots.push(frontier.root());
        }
        (frontier, nodes, roots)
    }

    /// The definition in RFC 6962, 2.1, word for word.
    fn by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [leaf] => *leaf,
            more => {
                let split = largest_power_below(more.len() as u64) as usize;
                node_hash(&by_definition(&more[..split]), &by_definition(&more[split..]))
            }
        }
    }

    #[test]
    fn roots_are_those_of_the_definition() {
        let (_, nodes, roots) = tree(70);
        let read = |node: Node| nodes.get(&node).copied();
        for size in 0..=70u64 {
            let leaves: Vec<Hash> = (0..size).map(|index| leaf_hash(&index.to_be_bytes())).collect();
            assert_eq!(roots[size as usize], by_definition(&leaves));
            assert_eq!(root_at(&read, size).expect("root"), roots[size as usize]);
        }
    }

    #[test]
    fn known_answer_of_the_certificate_transparency_test_vectors() {
        assert_eq!(
            crate::ids::to_hex(&empty_root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            crate::ids::to_hex(&leaf_hash(b"")),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
    }

    #[test]
    fn every_inclusion_and_consistency_proof_of_small_trees_holds_and_no_altered_one() {
        let (_, nodes, roots) = tree(40);
        let read = |node: Node| nodes.get(&node).copied();
        for size in 1..=40u64 {
            let root = roots[size as usize];
            for index in 0..size {
                let leaf = leaf_hash(&index.to_be_bytes());
                let mut proof = inclusion_proof(&read, index, size).expect("proof");
                check_inclusion(leaf, index, size, &proof, root).expect("holds");
                assert!(check_inclusion(leaf_hash(b"other"), index, size, &proof, root).is_err());
                if let Some(first) = proof.first_mut() {
                    first[0] ^= 1;
                    assert!(check_inclusion(leaf, index, size, &proof, root).is_err());
                }
            }
            for old in 0..=size {
                let mut proof = consistency_proof(&read, old, size).expect("proof");
                check_consistency(old, size, &proof, roots[old as usize], root).expect("holds");
                if old > 0 && old < size {
                    assert!(check_consistency(old, size, &proof, empty_root(), root).is_err());
                    proof[0][3] ^= 1;
                    assert!(check_consistency(old, size, &proof, roots[old as usize], root).is_err());
                }
            }
        }
    }

    proptest! {
        #[test]
        fn proofs_of_large_trees_hold(size in 1u64..3_000, at: u64) {
            let (frontier, nodes, roots) = tree(size);
            let read = |node: Node| nodes.get(&node).copied();
            let index = at % size;
            let proof = inclusion_proof(&read, index, size).expect("proof");
            prop_assert!(check_inclusion(leaf_hash(&index.to_be_bytes()), index, size, &proof, frontier.root()).is_ok());
            let proof = consistency_proof(&read, index, size).expect("proof");
            prop_assert!(check_consistency(index, size, &proof, roots[index as usize], frontier.root()).is_ok());
        }
    }
}
