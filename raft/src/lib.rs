//! Raft groups: log, state, network, snapshots, membership, outbox. The only crate that names openraft, and in one file of
//! it RocksDB.

pub mod storage;
