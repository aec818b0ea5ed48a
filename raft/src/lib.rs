//! Raft groups: log, state, network, snapshots, membership, outbox. The only crate that names openraft, and in one file of
//! it RocksDB.
//!
//! A write goes `Group::propose` -> `LogStore::append` (one fsync for many) -> quorum -> `Machine::apply`
//! (`model::decide`, one batch, then the answer). `Groups` holds all replicas of a node over one connection per peer.

pub mod error;
pub mod group;
pub mod groups;
mod log_store;
pub mod machine;
pub mod metrics;
pub mod network;
pub mod outbox;
pub mod storage;
mod types;

pub use log_store::FLUSH_QUEUE_MAX;
pub use types::{Position, Seeded, StoredEntry, StoredLogId, StoredPayload, StoredVote};

#[cfg(test)]
mod suite_test;
