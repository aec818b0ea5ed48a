//! What a process keeps secret at its edge: mutual TLS 1.3 over any network (SECURITY.md 2.1): both sides show a certificate of the same authorities, a revoked one is
//! worth nothing from the next look at the lists on, and who connects to a node by name meets no other.
//!
//! Assumes that the authorities' files, the own certificate and its key are PEM. Has code in C (aws-lc), so the simulation does
//! without it.

mod accept;
mod files;
mod names;
mod open;
pub mod root_key;
mod secured;

pub use files::{FileError, Files};
pub use names::certificate_of;
pub use secured::{Secured, Settings};
