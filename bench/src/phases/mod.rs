//! The phases other than load: import, memory, failover, idle.

pub mod failover;
pub mod idle;
pub mod import;
pub mod memory;
