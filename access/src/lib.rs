//! The access decision of the gate: may this caller do this, here, now, to this record? It is made once for each request, by
//! policies in Cedar that privacy officers can read (`policies/`), checked and parsed once ([`Bundle`]). The label algebra of
//! `model/src/access/` says for each record of a list what the record policies here say for one; tests hold them together.
//!
//! Nothing here reads a clock, does I/O or is called while a log entry is applied: an entry carries the decision.

mod bundle;
mod compile;
mod corpus;
mod decide;
mod entities;
mod error;
mod request;

pub use bundle::Bundle;
pub use corpus::{Corpus, CorpusError, Mismatch};
pub use decide::{Caller, Verdict};
pub use error::BundleError;
pub use request::{Act, Object, Recipient, Request};

#[cfg(test)]
mod tests;
