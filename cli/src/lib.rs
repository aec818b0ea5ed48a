//! What `portcullis` is made of, as a library, so that its parts are tested without a process.

pub mod import;
