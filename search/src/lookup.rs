//! Looking a question up in the segments of an index: first the words that are near its words, from the dictionary, then the
//! records that hold them. Records that hold frequent words alone (`mohammed`) are not read where such words could not reach
//! the threshold together: of these words it is only asked which of the records found hold them.
//!
//! Exact: finds the records that `candidate::is_candidate` says, of all segments, and no other.

use std::collections::BTreeSet;

use model::ids::RecordId;
use rustc_hash::FxHashMap;
use tantivy::index::SegmentReader;
use tantivy::postings::SegmentPostings;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, InvertedIndexReader, Searcher, TERMINATED, Term};

use crate::birth;
use crate::candidate::{self, Found};
use crate::index::IndexError;
use crate::keys::{self, Key};
use crate::layout::{self, Born, Fields, ID_HIGH, ID_LOW};
use crate::normalise::Token;
use crate::prepared::PreparedQuery;
use crate::score;
use crate::tables::Tables;
use crate::words::{Reading, Word};

/// Asking about one record takes as long as reading so many of a list.
const ASK: u64 = 16;

/// One lookup.
pub struct Lookup<'a> {
    pub searcher: &'a Searcher,
    pub fields: Fields,
    pub tables: &'a Tables,
}

/// Words of the index that a word of the question meets.
#[derive(Default)]
struct Meets {
    /// With what it finds in them.
    held: Vec<(Term, Found)>,
    /// Pairs of words of which a record must have both.
    apart: Vec<(Vec<Term>, Vec<Term>)>,
    /// The initial that may stand for it.
    initial: Option<Term>,
}

impl Meets {
    /// What the word finds at most, and in all records alike.
    fn most(&self) -> Found {
        self.held.iter().map(|(_, found)| *found).fold(Found::default(), Found::or)
    }
}

impl Lookup<'_> {
    /// The records to score, in the order of their ids.
    pub fn candidates(&self, query: &PreparedQuery) -> Result<Vec<RecordId>, IndexError> {
        let mut found = BTreeSet::new();
        for (kind, number) in query.numbers() {
            let term = self.fields.word_term(&keys::number(*kind, number));
            for segment in self.searcher.segment_readers() {
                let mut records = Vec::new();
                read(&*segment.inverted_index(self.fields.word)?, &term, |record| records.push(record))?;
                ids(segment, records, &mut found)?;
            }
        }
        for reading in &query.readings {
            let meets = reading.words.iter().map(|word| self.meets(word)).collect::<Result<Vec<_>, _>>()?;
            for segment in self.searcher.segment_readers() {
                Records::new(self, query, reading, &meets, segment)?.find(&mut found)?;
            }
        }
        Ok(found.into_iter().collect())
    }

    /// The words of all segments that a word meets.
    fn meets(&self, word: &Word) -> Result<Meets, IndexError> {
        let asked = keys::of_asked(&word.asked.token, self.tables);
        let mut meets = Meets::default();
        for text in self.texts(&asked)? {
            let found = candidate::find(word, &Token::of(&text, self.tables), self.tables);
            if found.bits > 0 {
                meets.held.push((self.fields.word_term(&text), found));
            }
        }
        for (one, other) in word.parts() {
            let held = |folded: &str| -> Result<Vec<Term>, IndexError> {
                let texts = self.texts(&[keys::of_folded(folded)])?.into_iter();
                let texts = texts.filter(|text| Token::of(text, self.tables).folds_to(folded));
                Ok(texts.map(|text| self.fields.word_term(&text)).collect())
            };
            let first = held(&one)?;
            let second = if first.is_empty() { Vec::new() } else { held(&other)? };
            if !second.is_empty() {
                meets.apart.push((first, second));
            }
        }
        let initial = word.asked.token.text.chars().next().map(String::from).filter(|initial| word.begins_with(initial));
        meets.initial = initial.map(|initial| self.fields.word_term(&initial));
        Ok(meets)
    }

    /// The words of the index that have one of these keys.
    fn texts(&self, keys: &[Key]) -> Result<BTreeSet<String>, IndexError> {
        let mut texts = BTreeSet::new();
        for segment in self.searcher.segment_readers() {
            let index = segment.inverted_index(self.fields.key)?;
            let mut words = Vec::new();
            for key in keys {
                read(&index, &self.fields.key_term(*key), |word| words.push(word))?;
            }
            words.sort_unstable();
            words.dedup();
            if words.is_empty() {
                continue;
            }
            let columns = layout::Columns::of(segment)?;
            for word in words {
                texts.insert(columns.text(word)?);
            }
        }
        Ok(texts)
    }
}

/// The records of one segment, and what the words of a reading find in them.
struct Records<'a> {
    query: &'a PreparedQuery,
    reading: &'a Reading,
    meets: &'a [Meets],
    segment: &'a SegmentReader,
    index: std::sync::Arc<InvertedIndexReader>,
    born: Born,
    /// For each word, how many records hold what it meets.
    frequency: Vec<u64>,
    places: FxHashMap<DocId, usize>,
    /// What each word finds in each record, by its place.
    finds: Vec<Found>,
}

impl<'a> Records<'a> {
    fn new(
        lookup: &Lookup<'_>,
        query: &'a PreparedQuery,
        reading: &'a Reading,
        meets: &'a [Meets],
        segment: &'a SegmentReader,
    ) -> Result<Self, IndexError> {
        let index = segment.inverted_index(lookup.fields.word)?;
        let mut frequency = Vec::with_capacity(meets.len());
        for meets in meets {
            let mut sum = 0;
            for (term, _) in &meets.held {
                sum += u64::from(index.doc_freq(term)?);
            }
            frequency.push(sum);
        }
        let (places, finds, born) = (FxHashMap::default(), Vec::new(), Born::of(segment)?);
        Ok(Self { query, reading, meets, segment, index, born, frequency, places, finds })
    }

    /// Adds the ids of those that are scored.
    fn find(mut self, into: &mut BTreeSet<RecordId>) -> Result<(), IndexError> {
        // Frequent words are not read as long as all of them together are not enough: without a date that speaks for the
        // record, and with the best one.
        let alone = self.not_enough(None)?;
        let dated = if self.query.birth_date.is_some() { self.not_enough(Some(birth::GAIN_MAX))? } else { alone.clone() };
        for at in 0..self.meets.len() {
            if !alone[at] {
                self.read_word(at, |_| true)?;
            } else if !dated[at] {
                let (query, born) = (self.query, Born::of(self.segment)?);
                self.read_word(at, |record| query.date_gain(born.dates(record)).is_some_and(|gain| gain > 0))?;
            }
            self.read_apart(at)?;
        }
        let mut records: Vec<DocId> = self.places.keys().copied().collect();
        records.sort_unstable();
        for at in 0..self.meets.len() {
            if alone[at] {
                let lists = self.meets[at].held.clone();
                self.ask(at, &records, &lists, self.frequency[at])?;
            }
            if let Some(initial) = &self.meets[at].initial {
                let frequency = self.index.doc_freq(initial)?;
                self.ask(at, &records, &[(initial.clone(), Found { initial: true, ..Found::default() })], frequency.into())?;
            }
        }
        let words = self.meets.len();
        records.retain(|record| {
            let place = self.places[record];
            let date = self.query.date_gain(self.born.dates(*record));
            self.query.admits(self.reading, &self.finds[place * words..(place + 1) * words], date)
        });
        ids(self.segment, records, into)
    }

    /// The words that together are not enough for a record with such a date of birth that holds no other: the most frequent.
    fn not_enough(&self, date: Option<i32>) -> Result<Vec<bool>, IndexError> {
        let mut unread = vec![false; self.meets.len()];
        let mut found = vec![Found::default(); self.meets.len()];
        for (found, meets) in found.iter_mut().zip(self.meets) {
            if let Some(initial) = &meets.initial {
                found.initial = self.index.doc_freq(initial)? > 0;
            }
        }
        let mut order: Vec<usize> = (0..self.meets.len()).collect();
        order.sort_by_key(|at| (std::cmp::Reverse(self.frequency[*at]), *at));
        let need = self.query.need(date);
        for at in order {
            let before = found[at];
            found[at] = before.or(self.meets[at].most());
            unread[at] = score::most(self.reading, &found, false) < need;
            if !unread[at] {
                found[at] = before;
            }
        }
        Ok(unread)
    }

    /// Reads the records that hold what a word meets.
    fn read_word(&mut self, at: usize, of_interest: impl Fn(DocId) -> bool) -> Result<(), IndexError> {
        let (meets, index) = (self.meets, self.index.clone());
        for (term, found) in &meets[at].held {
            read(&index, term, |record| {
                if of_interest(record) {
                    self.note(record, at, *found);
                }
            })?;
        }
        Ok(())
    }

    /// Reads the records that hold a word in two parts.
    fn read_apart(&mut self, at: usize) -> Result<(), IndexError> {
        let (meets, index, found) = (self.meets, self.index.clone(), candidate::find_apart(&self.reading.words[at]));
        for (one, other) in &meets[at].apart {
            let mut first = Vec::new();
            for term in one {
                read(&index, term, |record| first.push(record))?;
            }
            first.sort_unstable();
            for term in other {
                let Some(mut records) = index.read_postings(term, IndexRecordOption::Basic)? else { continue };
                for record in &first {
                    if seek(&mut records, *record) {
                        self.note(*record, at, found);
                    }
                }
            }
        }
        Ok(())
    }

    /// Asks which of these records hold one of the terms of a word.
    fn ask(&mut self, at: usize, records: &[DocId], terms: &[(Term, Found)], frequency: u64) -> Result<(), IndexError> {
        let index = self.index.clone();
        let one_by_one = records.len() as u64 * terms.len() as u64 * ASK < frequency;
        for (term, found) in terms {
            if one_by_one {
                let Some(mut held) = index.read_postings(term, IndexRecordOption::Basic)? else { continue };
                for record in records {
                    if seek(&mut held, *record) {
                        self.note(*record, at, *found);
                    }
                }
            } else if !records.is_empty() {
                read(&index, term, |record| {
                    if self.places.contains_key(&record) {
                        self.note(record, at, *found);
                    }
                })?;
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

fn read(index: &InvertedIndexReader, term: &Term, mut each: impl FnMut(DocId)) -> Result<(), IndexError> {
    if let Some(mut records) = index.read_postings(term, IndexRecordOption::Basic)? {
        while records.doc() != TERMINATED {
            each(records.doc());
            records.advance();
        }
    }
    Ok(())
}

/// Adds the ids of a segment's records that are not deleted.
fn ids(segment: &SegmentReader, records: Vec<DocId>, found: &mut BTreeSet<RecordId>) -> Result<(), IndexError> {
    let columns = segment.fast_fields();
    let (high, low) = (columns.u64(ID_HIGH)?, columns.u64(ID_LOW)?);
    for record in records.into_iter().filter(|record| !segment.is_deleted(*record)) {
        if let (Some(high), Some(low)) = (high.first(record), low.first(record)) {
            found.insert(layout::id_of(high, low));
        }
    }
    Ok(())
}
