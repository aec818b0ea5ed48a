//! The evidence: what an event says, how it becomes a leaf, and the Merkle tree over the leaves (SECURITY.md 3).

pub mod event;
pub mod leaf;
pub mod merkle;
