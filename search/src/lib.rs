//! Search: names, numbers and dates of lookouts against those of a question. Candidates come by exact keys
//! ([`is_candidate`], which [`Index`] implements term for term), the score is a pure function of question and record
//! ([`score`]) and keeps its parts as [`model::screen::Evidence`].
//!
//! The path of a question: [`PreparedQuery::new`], then [`Index::candidates`] for what is indexed and [`is_candidate`] for
//! what is applied and not yet indexed, then [`score`] on the opened lookout of each candidate, those first that may score
//! highest, until no other can come among the best. All is deterministic: no
//! clock, no randomness, no order that depends on segments. The crate knows nothing of Raft or of how records are stored.

pub mod align;
pub mod birth;
mod bones;
mod candidate;
pub mod channel;
mod compounds;
mod dictionary;
mod evidence;
mod firms;
pub mod index;
mod keys;
mod layout;
mod learned;
mod lookup;
mod merging;
pub mod normalise;
mod pair;
pub mod prepared;
mod score;
pub mod script;
mod segment;
pub mod tables;
mod windows;
mod words;

pub use candidate::{Best, Candidate, is_candidate};
pub use index::{Index, IndexChange, IndexError, Place, View};
pub use prepared::{PreparedQuery, PreparedRecord};
pub use score::{NameFound, Scored, Scorer, score};
pub use tables::Tables;
