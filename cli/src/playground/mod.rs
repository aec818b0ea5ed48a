//! A cluster on this machine: node processes, their directory, and a socket by which nodes are restarted and added.
//!
//! The directory holds all of it, so that a start on the same directory finds the same cluster again: `playground.json`
//! (ids and ports), `cluster.key`, `context.json`, `node-N/` with each node's data and log.

pub mod control;
pub mod layout;
pub mod node;
pub mod people;
pub mod ports;
pub mod probe;
pub mod ready;
pub mod supervisor;
