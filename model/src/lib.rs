//! The rules of Portcullis, pure: what a record, a command and an audit event are, and what a command may change.
//!
//! Nothing here does I/O, reads a clock, draws randomness or depends on the order of a hash map, so that every replica
//! that applies the same log reaches the same state (promises `Linearizable`, `SameAnswer`, `Replayable`).

pub mod access;
pub mod admission;
pub mod audit;
pub mod certificate;
pub mod check_digit;
pub mod codec;
pub mod command;
pub mod country;
pub mod data_key;
pub mod date;
pub mod decide;
pub mod envelope;
mod envelope_v1;
pub mod error;
pub mod feed;
pub mod ids;
pub mod island;
pub mod known_bugs;
pub mod limits;
pub mod lookout;
mod lookout_v1;
pub mod mrz;
pub mod number;
mod numbered;
pub mod outbox;
pub mod overrides;
pub mod password;
pub mod people;
mod plate_state;
pub mod policy;
pub mod record;
pub mod screen;
pub mod seal;
pub mod session;
pub mod slot_move;
pub mod slots;
pub mod ssn;
pub mod time;
pub mod totp;
pub mod view;
