//! Looking a question up in an index: first the words that are near its words, from the dictionary, then in each segment the
//! records that hold them. Records that hold frequent words alone (`mohammed`) are not read where such words could not reach
//! the threshold together: of these words it is only asked which of the records found hold them.
//!
//! Exact: finds the records that `candidate::is_candidate` says, of all segments, and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::ids::RecordId;
use rustc_hash::FxHashMap;
use tantivy::index::{SegmentId, SegmentReader};
use tantivy::postings::SegmentPostings;
use tantivy::{DocId, DocSet, Searcher, TERMINATED, TantivyError};

use crate::birth;
use crate::candidate::{self, Found};
use crate::dictionary::{Dictionary, WordId};
use crate::index::IndexError;
use crate::keys;
use crate::layout::Fields;
use crate::prepared::PreparedQuery;
use crate::score;
use crate::segment::Segment;
use crate::tables::Tables;
use crate::words::{Reading, Word};

/// Asking about one record takes as long as reading so many of a list.
const ASK: u64 = 16;

/// One lookup.
pub struct Lookup<'a> {
    pub dictionary: &'a Dictionary,
    pub searcher: &'a Searcher,
    pub segments: &'a BTreeMap<SegmentId, Arc<Segment>>,
    pub fields: Fields,
    pub tables: &'a Tables,
}

/// Words of the dictionary that a word of the question meets.
#[derive(Default)]
struct Meets {
    /// With what it finds in them, the least first.
    held: Vec<(WordId, Found)>,
    /// Pairs of words of which a record must have both.
    apart: Vec<(Vec<WordId>, Vec<WordId>)>,
    /// The initial that may stand for it.
    initial: Option<WordId>,
}

impl Meets {
    /// What the word finds at most in the first words that it meets.
    fn most(&self, words: usize) -> Found {
        self.held[..words].iter().map(|(_, found)| *found).fold(Found::default(), Found::or)
    }
}

impl Lookup<'_> {
    /// The records to score, in the order of their ids.
    pub fn candidates(&self, query: &PreparedQuery) -> Result<Vec<RecordId>, IndexError> {
        let mut found = BTreeSet::new();
        let meets = |reading: &Reading| reading.words.iter().map(|word| self.meets(word)).collect::<Vec<_>>();
        let readings: Vec<(&Reading, Vec<Meets>)> =
            query.readings.iter().map(|reading| (reading, meets(reading))).collect();
        for reader in self.searcher.segment_readers() {
            let unopened = || TantivyError::InternalError(format!("segment {} is not opened", reader.segment_id()));
            let segment = self.segments.get(&reader.segment_id()).ok_or_else(unopened)?;
            for (kind, number) in query.numbers() {
                let mut records = Vec::new();
                let term = self.fields.word_term(&keys::number(*kind, number));
                read(segment.of_number(&term)?, |record| records.push(record));
                add_ids(reader, segment, records, &mut found);
            }
            for (reading, meets) in &readings {
                let records = Records::new(query, reading, meets, segment).find()?;
                add_ids(reader, segment, records, &mut found);
            }
        }
        Ok(found.into_iter().collect())
    }

    /// The words of the dictionary that a word meets.
    fn meets(&self, word: &Word) -> Meets {
        let mut meets = Meets::default();
        for id in self.dictionary.found(&keys::of_asked(&word.asked.token, self.tables)) {
            let found = self.dictionary.find(id, word, self.tables);
            if found.bits > 0 {
                meets.held.push((id, found));
            }
        }
        meets.held.sort_unstable_by_key(|(id, found)| (found.bits, *id));
        for (one, other) in word.parts() {
            let held = |folded: &str| {
                let mut found = self.dictionary.found(&[keys::of_folded(folded)]);
                found.retain(|id| self.dictionary.folds_to(*id, folded));
                found
            };
            let first = held(&one);
            let second = if first.is_empty() { Vec::new() } else { held(&other) };
            if !second.is_empty() {
                meets.apart.push((first, second));
            }
        }
        let initial = word.asked.token.text.chars().next().map(String::from);
        let initial = initial.filter(|initial| word.begins_with(initial));
        meets.initial = initial.and_then(|initial| self.dictionary.number(&initial));
        meets
    }
}

/// The records of one segment, and what the words of a reading find in them.
struct Records<'a> {
    query: &'a PreparedQuery,
    reading: &'a Reading,
    meets: &'a [Meets],
    segment: &'a Segment,
    /// For each word, how many records hold what it meets.
    frequency: Vec<u64>,
    places: FxHashMap<DocId, usize>,
    /// What each word finds in each record, by its place.
    finds: Vec<Found>,
}

impl<'a> Records<'a> {
    fn new(query: &'a PreparedQuery, reading: &'a Reading, meets: &'a [Meets], segment: &'a Segment) -> Self {
        let counted = |meets: &Meets| meets.held.iter().map(|(word, _)| u64::from(segment.count(*word))).sum();
        let frequency = meets.iter().map(counted).collect();
        Self { query, reading, meets, segment, frequency, places: FxHashMap::default(), finds: Vec::new() }
    }

    /// Those that are scored.
    fn find(mut self) -> Result<Vec<DocId>, IndexError> {
        // Frequent words are not read as long as all of them together are not enough: without a date that speaks for the
        // record, and with the best one.
        let alone = self.not_enough(None);
        let dated = match self.query.birth_date {
            Some(_) => self.not_enough(Some(birth::GAIN_MAX)),
            None => alone.clone(),
        };
        let (query, segment) = (self.query, self.segment);
        for at in 0..self.meets.len() {
            let held = &self.meets[at].held;
            self.read_words(at, &held[alone[at]..], |_| true)?;
            if dated[at] < alone[at] {
                let speaks = |record| query.date_gain(segment.columns.born(record)).is_some_and(|gain| gain > 0);
                self.read_words(at, &held[dated[at]..alone[at]], speaks)?;
            }
            self.read_apart(at)?;
        }
        let mut records: Vec<DocId> = self.places.keys().copied().collect();
        records.sort_unstable();
        for at in 0..self.meets.len() {
            self.ask(at, &records, &self.meets[at].held[..alone[at]])?;
            if let Some(initial) = self.meets[at].initial {
                self.ask(at, &records, &[(initial, Found { initial: true, ..Found::default() })])?;
            }
        }
        let words = self.meets.len();
        records.retain(|record| {
            let place = self.places[record];
            let date = query.date_gain(segment.columns.born(*record));
            query.admits(self.reading, &self.finds[place * words..(place + 1) * words], date)
        });
        Ok(records)
    }

    /// For each word how many of those that it meets, the least first, need not be read: all of these together are not
    /// enough for a record with such a date of birth that holds no other. The most frequent words go first.
    fn not_enough(&self, date: Option<i32>) -> Vec<usize> {
        let mut unread = vec![0; self.meets.len()];
        let initial = |meets: &Meets| meets.initial.is_some_and(|initial| self.segment.count(initial) > 0);
        let only = |meets: &Meets| Found { initial: initial(meets), ..Found::default() };
        let mut found: Vec<Found> = self.meets.iter().map(only).collect();
        let mut order: Vec<usize> = (0..self.meets.len()).collect();
        order.sort_by_key(|at| (std::cmp::Reverse(self.frequency[*at]), *at));
        let need = self.query.need(date);
        for at in order {
            let (before, meets) = (found[at], &self.meets[at]);
            let mut enough = |words: usize| {
                found[at] = before.or(meets.most(words));
                score::most(self.reading, &found, false) >= need
            };
            // More words are never less: the most of them that are not enough.
            let (mut low, mut high) = (0, meets.held.len());
            while low < high {
                let middle = (low + high).div_ceil(2);
                if enough(middle) { high = middle - 1 } else { low = middle }
            }
            unread[at] = low;
            found[at] = before.or(meets.most(low));
        }
        unread
    }

    /// Reads the records that hold what a word meets.
    fn read_words(
        &mut self,
        at: usize,
        held: &[(WordId, Found)],
        of_interest: impl Fn(DocId) -> bool,
    ) -> Result<(), IndexError> {
        for (word, found) in held {
            read(self.segment.records(*word)?, |record| {
                if of_interest(record) {
                    self.note(record, at, *found);
                }
            });
        }
        Ok(())
    }

    /// Reads the records that hold a word in two parts.
    fn read_apart(&mut self, at: usize) -> Result<(), IndexError> {
        let found = candidate::find_apart(&self.reading.words[at]);
        for (one, other) in &self.meets[at].apart {
            let mut first = Vec::new();
            for word in one {
                read(self.segment.records(*word)?, |record| first.push(record));
            }
            first.sort_unstable();
            for word in other {
                let Some(mut records) = self.segment.records(*word)? else { continue };
                for record in &first {
                    if seek(&mut records, *record) {
                        self.note(*record, at, found);
                    }
                }
            }
        }
        Ok(())
    }

    /// Asks which of these records hold one of the words that a word meets.
    fn ask(&mut self, at: usize, records: &[DocId], held: &[(WordId, Found)]) -> Result<(), IndexError> {
        if records.is_empty() {
            return Ok(());
        }
        for (word, found) in held {
            let Some(mut held) = self.segment.records(*word)? else { continue };
            if records.len() as u64 * ASK < u64::from(self.segment.count(*word)) {
                for record in records {
                    if seek(&mut held, *record) {
                        self.note(*record, at, *found);
                    }
                }
            } else {
                read(Some(held), |record| {
                    if self.places.contains_key(&record) {
                        self.note(record, at, *found);
                    }
                });
            }
        }
        Ok(())
    }

    fn note(&mut self, record: DocId, at: usize, found: Found) {
        let words = self.meets.len();
        let next = self.places.len();
        let place = *self.places.entry(record).or_insert(next);
        if place == next {
            self.finds.resize((place + 1) * words, Found::default());
        }
        let held = &mut self.finds[place * words + at];
        *held = held.or(found);
    }
}

/// Whether a list has a record; lists are asked in the order of records.
fn seek(records: &mut SegmentPostings, record: DocId) -> bool {
    if records.doc() < record {
        records.seek(record);
    }
    records.doc() == record
}

fn read(records: Option<SegmentPostings>, mut each: impl FnMut(DocId)) {
    let Some(mut records) = records else { return };
    while records.doc() != TERMINATED {
        each(records.doc());
        records.advance();
    }
}

/// Adds the ids of a segment's records that are not deleted.
fn add_ids(reader: &SegmentReader, segment: &Segment, records: Vec<DocId>, found: &mut BTreeSet<RecordId>) {
    let alive = records.into_iter().filter(|record| !reader.is_deleted(*record));
    found.extend(alive.filter_map(|record| segment.columns.id(record)));
}
