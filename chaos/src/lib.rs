//! Deterministic simulation of whole clusters: a world from a seed, faults, clients, and oracles named after the promises that
//! they judge. The same seed gives the same run, bit for bit.

#[cfg(not(tokio_unstable))]
compile_error!("build with --cfg tokio_unstable (.cargo/config.toml): a RUSTFLAGS variable replaces it");

pub mod bugs;
pub mod clock;
pub mod code_marks;
pub mod disk;
pub mod drive;
pub mod fault;
pub mod history;
pub mod host;
pub mod ledger;
pub mod marks;
pub mod minimise;
pub mod oracles;
pub mod outcome;
pub mod people;
pub mod pool;
pub mod process;
pub mod rng;
pub mod sight;
pub mod totals;
pub mod trace;
pub mod wire;
pub mod workload;
pub mod world;
