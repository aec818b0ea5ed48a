//! Looking a question up in an index: first the words that are near its words, from the dictionary, then in each segment the
//! records that hold them. Records that hold frequent words alone (`mohammed`) are not read where such words could not reach
//! the threshold together: of these words it is only asked which of the records found hold them.
//!
//! Exact: finds the records that `candidate::is_candidate` says, of all segments, and no other.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use model::ids::RecordId;
use model::screen::Score;
use rustc_hash::FxHashMap;
use tantivy::index::{SegmentId, SegmentReader};
use tantivy::postings::SegmentPostings;
use tantivy::{DocId, DocSet, Searcher, TERMINATED, TantivyError};

use crate::birth;
use crate::candidate::{self, Candidate, Found};
use crate::dictionary::{Dictionary, WordId};
use crate::index::IndexError;
use crate::keys;
use crate::layout::Fields;
use crate::prepared::PreparedQuery;
use crate::score;
use crate::segment::Segment;
use crate::tables::Tables;
use crate::windows;
use crate::words::{Reading, Word};

/// Asking about one record takes as long as reading so many of a list.
const ASK: u64 = 16;
/// Records from which their initials are looked at before they are judged.
const MANY: usize = 1_000;

/// One lookup.
pub struct Lookup<'a> {
    pub dictionary: &'a Dictionary,
    pub searcher: &'a Searcher,
    pub segments: &'a BTreeMap<SegmentId, Arc<Segment>>,
    pub fields: Fields,
    pub tables: &'a Tables,
    /// Asked between steps of bounded work: whether somebody still waits for the answer.
    pub waits: &'a dyn Fn() -> bool,
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
    /// The records to score, those first that may score highest, by id among equals.
    pub fn candidates(&self, query: &PreparedQuery) -> Result<Vec<Candidate>, IndexError> {
        let mut found = BTreeMap::new();
        let meets = |word: &Word| if (self.waits)() { Ok(self.meets(word)) } else { Err(IndexError::GivenUp) };
        let mut readings: Vec<(&Reading, Vec<Meets>)> = Vec::new();
        for reading in &query.readings {
            readings.push((reading, reading.words.iter().map(meets).collect::<Result<_, _>>()?));
        }
        for reader in self.searcher.segment_readers() {
            let unopened = || TantivyError::InternalError(format!("segment {} is not opened", reader.segment_id()));
            let segment = self.segments.get(&reader.segment_id()).ok_or_else(unopened)?;
            for key in query.number_keys() {
                let mut records = Vec::new();
                let term = self.fields.word_term(&keys::number(key));
                read(segment.of_number(&term)?, |record| records.push((record, Score::MAX)));
                add_ids(reader, segment, records, &mut found);
            }
            for (reading, meets) in &readings {
                let records = Records::new(query, reading, meets, (segment, self.waits)).find()?;
                add_ids(reader, segment, records, &mut found);
            }
        }
        let mut found: Vec<Candidate> = found.into_iter().map(|(id, most)| Candidate { id, most }).collect();
        found.sort_by_key(|candidate| (Reverse(candidate.most), candidate.id));
        Ok(found)
    }

    /// The words of the dictionary that a word meets.
    fn meets(&self, word: &Word) -> Meets {
        let mut meets = Meets::default();
        let keys = keys::of_asked(&word.asked.token, self.tables);
        for id in self.dictionary.found_near(&keys, &word.asked.token) {
            let found = self.dictionary.find(id, word, self.tables);
            if found.bits > 0 {
                meets.held.push((id, found));
            }
        }
        meets.held.sort_unstable_by_key(|(id, found)| (found.bits, *id));
        for (one, other) in &word.parts {
            let held = |folded: &str| {
                let mut found = self.dictionary.found(&[keys::of_folded(folded)]);
                found.retain(|id| self.dictionary.folds_to(*id, folded));
                found
            };
            let first = held(one);
            let second = if first.is_empty() { Vec::new() } else { held(other) };
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

/// Which words find something in a record, and which have an initial in it, by their bits.
type Kind = (u128, u128);

/// The records of one segment, and what the words of a reading find in them.
struct Records<'a> {
    query: &'a PreparedQuery,
    reading: &'a Reading,
    meets: &'a [Meets],
    segment: &'a Segment,
    waits: &'a dyn Fn() -> bool,
    /// For each word, how many records hold what it meets.
    frequency: Vec<u64>,
    places: FxHashMap<DocId, usize>,
    /// What each word finds in each record, by its place.
    finds: Vec<Found>,
}

impl<'a> Records<'a> {
    fn new(
        query: &'a PreparedQuery,
        reading: &'a Reading,
        meets: &'a [Meets],
        (segment, waits): (&'a Segment, &'a dyn Fn() -> bool),
    ) -> Self {
        let counted = |meets: &Meets| meets.held.iter().map(|(word, _)| u64::from(segment.count(*word))).sum();
        let frequency = meets.iter().map(counted).collect();
        Self { query, reading, meets, segment, waits, frequency, places: FxHashMap::default(), finds: Vec::new() }
    }

    /// Those that are scored, with the highest score that each may have.
    fn find(mut self) -> Result<Vec<(DocId, Score)>, IndexError> {
        let records = self.possible()?;
        let words = self.meets.len();
        self.places = records.iter().copied().zip(0..).collect();
        self.finds = vec![Found::default(); words * records.len()];
        for at in 0..words {
            for (word, found) in &self.meets[at].held {
                self.goes_on()?;
                self.ask(at, &records, *word, *found)?;
            }
            if let Some(initial) = self.meets[at].initial {
                self.ask(at, &records, initial, Found { initial: true, ..Found::default() })?;
            }
            self.ask_apart(at, &records)?;
        }
        let admitted = records.into_iter().zip(self.finds.chunks_exact(words)).filter_map(|(record, finds)| {
            let date = self.query.date_gain(self.segment.columns.born(record));
            Some((record, self.query.admits(self.reading, finds, date)?))
        });
        Ok(admitted.collect())
    }

    fn goes_on(&self) -> Result<(), IndexError> {
        if (self.waits)() { Ok(()) } else { Err(IndexError::GivenUp) }
    }

    /// Those that may be enough, in their order, by which words find something in them.
    fn possible(&self) -> Result<Vec<DocId>, IndexError> {
        // Frequent words are not read as long as all of them together are not enough: without a date that speaks for the
        // record, and with the best one.
        let alone = self.not_enough(None);
        let dated = match self.query.birth_date {
            Some(_) => self.not_enough(Some(birth::GAIN_MAX)),
            None => alone.clone(),
        };
        let speaks = |record| {
            let date = self.query.birth_date.and_then(|_| self.query.date_gain(self.segment.columns.born(record)));
            date.is_some_and(|gain| gain > 0)
        };
        let (mut lists, mut records) = (Vec::new(), Vec::new());
        for (at, meets) in self.meets.iter().enumerate() {
            // Neither of the two leaves more unread than the other, word by word.
            for (place, (word, _)) in meets.held.iter().enumerate() {
                if place >= alone[at] {
                    lists.extend(self.segment.records(*word)?.map(|list| (at, list)));
                } else if place >= dated[at] {
                    self.goes_on()?;
                    let held = self.segment.records(*word)?;
                    read(held, |record| {
                        if speaks(record) {
                            records.push(record)
                        }
                    });
                }
            }
            self.read_apart(at, &mut records)?;
        }
        let need = self.query.need(None);
        let mut known: FxHashMap<u128, Option<u32>> = FxHashMap::default();
        // Records by the place of their kind: a question meets few kinds and many records.
        let (mut kinds, mut by_kind) = (Vec::new(), Vec::new());
        let whole = windows::read(&mut lists, self.meets.len(), self.waits, |record, words| {
            let kind = known.entry(words).or_insert_with(|| {
                (self.most_of(words, u128::MAX, &alone) >= need).then(|| {
                    kinds.push((words, 0));
                    kinds.len() as u32 - 1
                })
            });
            match kind {
                Some(kind) => by_kind.push((record, *kind)),
                None if speaks(record) => records.push(record),
                None => {}
            }
        });
        if !whole {
            return Err(IndexError::GivenUp);
        }
        if by_kind.len() > MANY {
            self.note_initials(&mut kinds, &mut by_kind)?;
            let enough = kinds.iter().map(|(words, initials)| self.most_of(*words, *initials, &alone) >= need);
            let enough: Vec<bool> = enough.collect();
            by_kind.retain(|(record, kind)| enough[*kind as usize] || speaks(*record));
        }
        records.extend(by_kind.into_iter().map(|(record, _)| record));
        records.sort_unstable();
        records.dedup();
        Ok(records)
    }

    /// Notes for records, in their order, which words have an initial in them: kinds of words and initials.
    fn note_initials(&self, kinds: &mut Vec<Kind>, records: &mut [(DocId, u32)]) -> Result<(), IndexError> {
        for (at, meets) in self.meets.iter().enumerate() {
            let Some(initial) = meets.initial else { continue };
            let Some(mut held) = self.segment.records(initial)? else { continue };
            self.goes_on()?;
            let mut with: FxHashMap<u32, u32> = FxHashMap::default();
            for (record, kind) in records.iter_mut() {
                if seek(&mut held, *record) {
                    *kind = *with.entry(*kind).or_insert_with(|| {
                        let (words, initials) = kinds[*kind as usize];
                        kinds.push((words, initials | 1 << at));
                        kinds.len() as u32 - 1
                    });
                }
            }
        }
        Ok(())
    }

    /// What a record says at most of which these words are known to find something, and the unread ones of each may, and in
    /// which these may have an initial.
    fn most_of(&self, words: u128, initials: u128, unread: &[usize]) -> i32 {
        let found = self.meets.iter().enumerate().map(|(at, meets)| {
            let held = if words >> at & 1 == 1 { meets.held.len() } else { unread[at] };
            let initial = if initials >> at & 1 == 1 { self.initial(meets) } else { Found::default() };
            meets.most(held).or(initial)
        });
        score::most(self.reading, &found.collect::<Vec<_>>(), false)
    }

    fn initial(&self, meets: &Meets) -> Found {
        let initial = meets.initial.is_some_and(|initial| self.segment.count(initial) > 0);
        Found { initial, ..Found::default() }
    }

    /// For each word how many of those that it meets, the least first, need not be read: all of these together are not
    /// enough for a record with such a date of birth that holds no other. The most frequent words go first.
    fn not_enough(&self, date: Option<i32>) -> Vec<usize> {
        let mut unread = vec![0; self.meets.len()];
        let mut found: Vec<Found> = self.meets.iter().map(|meets| self.initial(meets)).collect();
        let mut order: Vec<usize> = (0..self.meets.len()).collect();
        order.sort_by_key(|at| (Reverse(self.frequency[*at]), *at));
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

    /// Adds the records that hold a word in two parts.
    fn read_apart(&self, at: usize, into: &mut Vec<DocId>) -> Result<(), IndexError> {
        for (one, other) in &self.meets[at].apart {
            let mut first = Vec::new();
            for word in one {
                read(self.segment.records(*word)?, |record| first.push(record));
            }
            first.sort_unstable();
            for word in other {
                let Some(mut records) = self.segment.records(*word)? else { continue };
                into.extend(first.iter().copied().filter(|record| seek(&mut records, *record)));
            }
        }
        Ok(())
    }

    fn ask_apart(&mut self, at: usize, records: &[DocId]) -> Result<(), IndexError> {
        let mut held = Vec::new();
        self.read_apart(at, &mut held)?;
        held.retain(|record| records.binary_search(record).is_ok());
        let found = candidate::find_apart(&self.reading.words[at]);
        held.into_iter().for_each(|record| self.note(record, at, found));
        Ok(())
    }

    /// Asks which of these records hold a word.
    fn ask(&mut self, at: usize, records: &[DocId], word: WordId, found: Found) -> Result<(), IndexError> {
        let count = u64::from(self.segment.count(word));
        if count == 0 || records.is_empty() {
            return Ok(());
        }
        let Some(mut held) = self.segment.records(word)? else { return Ok(()) };
        if records.len() as u64 * ASK < count {
            for record in records {
                if seek(&mut held, *record) {
                    self.note(*record, at, found);
                }
            }
        } else {
            read(Some(held), |record| self.note(record, at, found));
        }
        Ok(())
    }

    /// Notes what a word finds in a record, if it is one of those asked about.
    fn note(&mut self, record: DocId, at: usize, found: Found) {
        if let Some(place) = self.places.get(&record) {
            let held = &mut self.finds[place * self.meets.len() + at];
            *held = held.or(found);
        }
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
fn add_ids(
    reader: &SegmentReader,
    segment: &Segment,
    records: Vec<(DocId, Score)>,
    found: &mut BTreeMap<RecordId, Score>,
) {
    for (record, most) in records.into_iter().filter(|(record, _)| !reader.is_deleted(*record)) {
        if let Some(id) = segment.columns.id(record) {
            let held = found.entry(id).or_insert(most);
            *held = most.max(*held);
        }
    }
}
