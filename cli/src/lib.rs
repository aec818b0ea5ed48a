//! What `portcullis` is made of, as a library, so that its parts are tested without a process.

pub mod args;
pub mod audit;
pub mod batch;
pub mod commands;
pub mod context;
pub mod error;
pub mod files;
pub mod founding;
pub mod identity;
pub mod import;
pub mod output;
pub mod pki;
pub mod playground;
pub mod progress;
pub mod system;
pub mod view;
pub mod witness;
