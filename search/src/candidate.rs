//! Which records are scored for a question. The rule is here alone; the index and the queue of what is not yet indexed both
//! follow it, and a property test compares them.
//!
//! A record is a candidate when the words that it shares a key with could reach the question's threshold (`bound.rs`). So
//! whoever scores enough is a candidate; a property test here holds it. Countries and dates never exclude.

use std::cmp::Ordering;

use crate::bound::Shared;
use crate::prepared::{PreparedQuery, PreparedRecord};
use crate::tables::Tables;

/// Whether a record must be scored for a question.
pub fn is_candidate(query: &PreparedQuery, record: &PreparedRecord, tables: &Tables) -> bool {
    let asked = query.keys();
    let held = record.keys(tables);
    let (mut a, mut b, mut shared) = (0, 0, None);
    while a < asked.len() && b < held.len() {
        match asked[a].text.as_str().cmp(held.get(b)) {
            Ordering::Less => a += 1,
            Ordering::Greater => b += 1,
            Ordering::Equal => {
                *shared.get_or_insert_with(Shared::default) |= asked[a].shared;
                a += 1;
                b += 1;
            }
        }
    }
    shared.is_some_and(|shared| query.accepts(shared))
}

#[cfg(test)]
#[path = "candidate_test.rs"]
mod tests;
