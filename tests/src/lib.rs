//! The harness of the black-box tests: a cluster of real processes on this machine, the command line as users call it,
//! and the client library.
//!
//! Assumes that the binaries are built (`cargo build --release` of the workspace) and says so where they are not. Leaves
//! to each test what must hold. Nothing here sleeps to let something happen: [`wait_for`] polls a condition and ends. Only a
//! disk that forgets takes its time, as disks do.

#![allow(clippy::print_stdout, reason = "the output of tests, shown where they fail")]

mod api;
mod cli;
mod context;
mod forgetful;
mod lists;
mod playground;
mod process;
mod rng;
mod system;
mod wait;

pub use api::{a_year_from_now, client_as, client_of, question, question_named, wanted, without_event};
pub use cli::{Cli, Ran};
pub use context::Context;
pub use forgetful::{Disk, Survives, forgetful_disks};
pub use lists::{CsvList, Lists, generate_lists};
pub use playground::{Node, Playground, PlaygroundOptions, copy_dir, files_below, get};
pub use process::{Program, binary, free_port, memory, processor_time, program_with_flags, workspace_root};
pub use rng::{Rng, seed};
pub use system::SystemClock;
pub use wait::wait_for;
