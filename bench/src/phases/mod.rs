//! The phases other than load: import, memory, failover, gate, idle.

pub mod failover;
pub mod gate;
pub mod idle;
pub mod import;
pub mod memory;
