//! The phases other than load: import, memory, failover, gate, sign-on, idle.

pub mod failover;
pub mod gate;
pub mod idle;
pub mod import;
pub mod memory;
pub mod sign_on;
