//! Models of the protocols that are ours and not openraft's, each explored whole within the bounds that it states.
//!
//! A model is a small world (groups, messages under way, devices) around the pure functions that the product runs, and
//! every order of their steps, every loss, repetition and crash within its bounds is tried. Messages under way are a
//! set that only grows: whatever was sent once may arrive at any time, any number of times, or never. Beside each model
//! stand variants with a mistake planted in them, which the checker must find, or the model proves nothing.
//!
//! `cargo test --release -p chaos --test models -- --nocapture` shows how much was explored, and the way to each
//! mistake.

mod island;
mod island_age;
mod island_return;
mod lookout_write;
mod outbox;
mod slot_move;
mod slot_side;
mod snapshot_purge;
mod support;
