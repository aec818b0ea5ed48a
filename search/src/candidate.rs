//! Which records are scored for a question. The rule is here alone; the index and the queue of what is not yet indexed both
//! follow it, and a property test compares them.
//!
//! A record is a candidate when it shares a key of a number, or when what its words say at most, each word of the question with the
//! best of them, reaches the question's threshold with the record's dates and the best of countries. So whoever scores enough
//! is a candidate; a property test here holds it. Countries and dates never exclude.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use model::ids::RecordId;
use model::known_bugs::{KnownBug, planted};
use model::screen::Score;

use crate::birth;
use crate::normalise::Token;
use crate::outline;
use crate::pair::Shape;
use crate::prepared::{PreparedQuery, PreparedRecord};
use crate::score;
use crate::tables::{Class, Tables};
use crate::words::{Kind, Reading, Word};

/// What a word finds among the words of a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The most that it says, in hundredths of a bit; 0 is nothing.
    pub bits: u32,
    /// The least that what was found costs.
    pub cost: u32,
    /// Whether two words were found that are this one together.
    pub apart: bool,
    /// Whether an initial of it was found.
    pub initial: bool,
}

impl Found {
    /// What is found in either.
    pub fn or(self, other: Self) -> Self {
        let cost = match (self.bits, other.bits) {
            (0, _) => other.cost,
            (_, 0) => self.cost,
            _ => self.cost.min(other.cost),
        };
        let (apart, initial) = (self.apart || other.apart, self.initial || other.initial);
        Self { bits: self.bits.max(other.bits), cost, apart, initial }
    }
}

/// What a word finds in a word.
pub(crate) fn find(word: &Word, held: &Token, tables: &Tables) -> Found {
    let found = word.likeness(held, tables).map(|likeness| (likeness.bits, likeness.cost));
    let (bits, cost) = found.unwrap_or_default();
    let initial =
        held.class == Class::Initial && word.begins_with(&held.text) || word.is_initial_of(outline::letter(&held.text));
    Found { bits, cost, apart: false, initial }
}

/// What a Latin word finds in another one, both of them compared.
pub(crate) fn find_in_latin(word: &Word, held: Shape<'_>, tables: &Tables) -> Found {
    let found = word.likeness_in_latin(held, tables).map(|likeness| (likeness.bits, likeness.cost));
    let (bits, cost) = found.unwrap_or_default();
    Found { bits, cost, ..Found::default() }
}

/// What a word finds that a record writes as two.
pub(crate) fn find_apart(word: &Word) -> Found {
    Found { bits: word.apart_most().unwrap_or_default(), apart: true, ..Found::default() }
}

impl Word {
    /// Whether an initial may stand for it.
    pub(crate) fn begins_with(&self, initial: &str) -> bool {
        let token = &self.asked.token;
        self.kind == Kind::Single && token.class.carries() && token.text.starts_with(initial)
    }

    /// Whether it is an initial that may stand for a word with one of these first letters.
    pub(crate) fn is_initial_of(&self, letters: u32) -> bool {
        let token = &self.asked.token;
        token.class == Class::Initial && outline::letter(&token.text) & letters != 0
    }
}

/// A record to be scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    pub id: RecordId,
    /// The highest score that it may have.
    pub most: Score,
}

/// The best scores so far, as many as are asked for: when no other can come among them, scoring ends.
#[derive(Debug)]
pub struct Best {
    limit: usize,
    /// The lowest first, of equals the highest id.
    scores: BinaryHeap<(Reverse<Score>, RecordId)>,
}

impl Best {
    /// So many at most.
    pub fn new(limit: usize) -> Self {
        Self { limit, scores: BinaryHeap::new() }
    }

    /// Whether a record may come among them, or any after it in the order of candidates; of equal scores the lower id does.
    pub fn may_take(&self, candidate: Candidate) -> bool {
        let full = self.scores.len() >= self.limit;
        let higher = self.scores.peek().is_none_or(|last| (Reverse(candidate.most), candidate.id) < *last);
        !full || higher && !planted(KnownBug::NotTheBest)
    }

    /// Takes a record's score, if it is among them.
    pub fn take(&mut self, id: RecordId, score: Score) {
        self.scores.push((Reverse(score), id));
        if self.scores.len() > self.limit {
            self.scores.pop();
        }
    }
}

impl PreparedQuery {
    /// The highest score that a record may have in which the words of a reading find this, by how many words its names have
    /// at least and what its dates of birth add or take; `None` where it is not scored.
    pub(crate) fn admits(&self, reading: &Reading, found: &[Found], words: u32, date: Option<i32>) -> Option<Score> {
        let name = score::most(reading, found, words, date.is_some_and(|gain| gain < 0));
        let beyond = if planted(KnownBug::BoundCutsTooEarly) { 300 } else { 0 };
        (name >= self.need(date) + beyond).then(|| self.most_with(name, date))
    }

    /// What dates of birth add to a name or take from it, before it is seen how much the name bears.
    pub(crate) fn date_gain(&self, held: impl Iterator<Item = model::date::BirthDate>) -> Option<i32> {
        let asked = self.birth_date?;
        held.map(|held| birth::compare(asked, held).gain).max()
    }
}

/// Whether a record must be scored for a question.
pub fn is_candidate(query: &PreparedQuery, record: &PreparedRecord, tables: &Tables) -> bool {
    most(query, record, tables).is_some()
}

/// The highest score that a record may have for a question, if it must be scored.
pub(crate) fn most(query: &PreparedQuery, record: &PreparedRecord, tables: &Tables) -> Option<Score> {
    if query.number_keys().iter().any(|key| record.numbers.binary_search(key).is_ok()) {
        return Some(Score::MAX);
    }
    let words = record.words();
    let date = query.date_gain(record.birth_dates.iter().copied());
    let least = record.outline().words.into();
    let of_reading = |reading: &Reading| query.admits(reading, &find_all(reading, &words, tables), least, date);
    query.readings.iter().filter_map(of_reading).max()
}

/// What each word of a reading finds among the words of a record.
pub(crate) fn find_all(reading: &Reading, held: &[&Token], tables: &Tables) -> Vec<Found> {
    reading.words.iter().map(|word| find_among(word, held, tables)).collect()
}

fn find_among(word: &Word, held: &[&Token], tables: &Tables) -> Found {
    let single = held.iter().map(|held| find(word, held, tables)).fold(Found::default(), Found::or);
    let holds = |folded: &str| held.iter().any(|held| held.folds_to(folded));
    let apart = word.parts.iter().any(|(one, other)| holds(one) && holds(other));
    if apart { single.or(find_apart(word)) } else { single }
}

#[cfg(test)]
#[path = "candidate_test.rs"]
mod tests;
