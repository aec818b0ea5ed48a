//! The policies against the rules in Rust, and how long a decision takes.

mod agreement;
mod speed;
