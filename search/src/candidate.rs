//! Which records are scored for a question. The rule is here alone; the index and the queue of what is not yet indexed both
//! follow it, and a property test compares them.
//!
//! A record is a candidate when it shares a number; when its words, each word of the question with the best of them, say
//! enough together to reach the question's threshold with the best of dates and countries; or when each word of the question
//! finds something. So whoever scores enough is a candidate; a property test here holds it. Countries and dates never exclude.

use crate::normalise::Token;
use crate::prepared::{PreparedQuery, PreparedRecord};
use crate::tables::Tables;
use crate::words::{Reading, Word};

/// What a word finds in a word, in hundredths of a bit; 0 is nothing.
pub(crate) fn find(word: &Word, held: &Token, tables: &Tables) -> u32 {
    word.likeness(held, tables).map_or(0, |likeness| likeness.bits)
}

impl PreparedQuery {
    /// Whether a record in which the words of a reading find this is scored.
    pub(crate) fn admits(&self, reading: &Reading, found: &[u32]) -> bool {
        let sum: u32 = reading.words.iter().zip(found).map(|(word, found)| word.times * found).sum();
        // A whole name is scored however frequent it is.
        let whole = reading.counting().all(|at| found[at] > 0 || reading.covering(at).any(|other| found[other] > 0));
        sum >= self.need.max(1) || (whole && sum > 0)
    }
}

/// Whether a record must be scored for a question.
pub fn is_candidate(query: &PreparedQuery, record: &PreparedRecord, tables: &Tables) -> bool {
    if query.numbers().iter().any(|number| record.numbers.contains(number)) {
        return true;
    }
    let words = record.words();
    query.readings.iter().any(|reading| {
        let found: Vec<u32> = reading.words.iter().map(|word| find_among(word, &words, tables)).collect();
        query.admits(reading, &found)
    })
}

fn find_among(word: &Word, held: &[&Token], tables: &Tables) -> u32 {
    let single = held.iter().map(|held| find(word, held, tables)).max().unwrap_or_default();
    let holds = |folded: &str| held.iter().any(|held| held.folds_to(folded));
    let apart = word.parts().any(|(one, other)| holds(&one) && holds(&other));
    single.max(word.apart_most().filter(|_| apart).unwrap_or_default())
}

#[cfg(test)]
#[path = "candidate_test.rs"]
mod tests;
