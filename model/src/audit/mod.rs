//! The audit log: events, leaves, the Merkle tree over them, and the formats by which outsiders check it (C2SP).

pub mod checkpoint;
pub mod circumstances;
pub mod event;
pub mod found_by;
pub mod leaf;
pub mod merkle;
pub mod note;
pub mod proof;
pub mod published;
pub mod sequences;
pub mod subject;
pub mod tiles;
pub mod trust;
pub mod witness;
