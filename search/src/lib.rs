//! Search: names, numbers and dates of lookouts against those of a question. Candidates come by exact keys
//! ([`is_candidate`], which [`Index`] implements term for term), the score is a pure function of question and record
//! ([`score`]) and keeps its parts as [`model::screen::Evidence`].
//!
//! The path of a question: [`PreparedQuery::new`], then [`Views::candidates`] for what is indexed and [`is_candidate`] for
//! what is applied and not yet indexed, then [`score`] on the opened lookout of each candidate, those first that may score
//! highest, until no other can come among the best. What is answered gets its words ([`WordTeller`]) and its
//! [`sentence()`]; [`explain()`] goes the same way with one record, whether it comes up or not. All is deterministic: no
//! clock, no randomness, no order that depends on segments. The crate knows nothing of Raft or of how records are stored.

pub mod align;
pub mod birth;
mod bones;
mod candidate;
pub mod channel;
mod compartments;
mod compounds;
mod dictionary;
mod evidence;
mod explain;
mod firms;
pub mod index;
mod keys;
mod labelled;
mod layout;
mod learned;
mod lookup;
mod merging;
pub mod normalise;
mod numbers;
mod outline;
mod pair;
pub mod prepared;
mod score;
pub mod script;
mod segment;
mod sentence;
pub mod tables;
#[cfg(test)]
mod testing;
pub mod travel_document;
mod windows;
mod words;
mod words_met;
mod written;

pub use candidate::{Best, Candidate, is_candidate};
pub use compartments::{Compartments, Views};
pub use explain::{Explained, Supposed, WordFound, explain};
pub use index::{Index, IndexChange, IndexError, Place, View};
pub use labelled::Sought;
pub use prepared::{PreparedQuery, PreparedRecord};
pub use score::{NameFound, Scored, Scorer, score};
pub use sentence::{SENTENCE_CHARS_MAX, sentence};
pub use tables::Tables;
pub use words_met::WordTeller;
