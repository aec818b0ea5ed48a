//! The phases other than load: import, memory, failover, gate, sign-on, overload, idle.

pub mod failover;
pub mod gate;
pub mod idle;
pub mod import;
pub mod memory;
pub mod overload;
pub mod people;
pub mod sign_on;
pub mod timing;
