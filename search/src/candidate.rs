//! Which records are scored for a question. The rule is here alone; the index and the queue of what is not yet indexed both
//! follow it, and a property test compares them.
//!
//! A record is a candidate when it shares a key that stands for a rare word or a number, or frequent keys for enough of the
//! question's words. Countries and dates never exclude.

use std::cmp::Ordering;

use crate::prepared::{PreparedQuery, PreparedRecord};
use crate::tables::Tables;

/// Whether a record must be scored for a question.
pub fn is_candidate(query: &PreparedQuery, record: &PreparedRecord, tables: &Tables) -> bool {
    let asked = query.keys();
    let held = record.keys(tables);
    let (mut a, mut b, mut words) = (0, 0, 0);
    while a < asked.len() && b < held.len() {
        match asked[a].text.as_str().cmp(held.get(b)) {
            Ordering::Less => a += 1,
            Ordering::Greater => b += 1,
            Ordering::Equal => {
                words |= asked[a].words;
                a += 1;
                b += 1;
            }
        }
    }
    words != 0 && query.accepts(words)
}
