//! One segment of the index as it is searched: the records of each word, found by the word's number in the dictionary and
//! held in memory (4 bytes for each word of a record), and the columns. Made once of each segment, which never changes but
//! for what is deleted of it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use rustc_hash::FxHashMap;
use tantivy::index::{SegmentId, SegmentReader};
use tantivy::postings::SegmentPostings;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, InvertedIndexReader, Searcher, TERMINATED, TantivyError};

use crate::dictionary::{Dictionary, WordId};
use crate::index::IndexError;
use crate::keys;
use crate::layout::{Columns, Fields};
use crate::tables::Tables;

/// A segment.
pub struct Segment {
    /// Where in `records` those of each word lie.
    words: FxHashMap<WordId, Range<usize>>,
    records: Vec<DocId>,
    index: Arc<InvertedIndexReader>,
    pub columns: Columns,
}

impl Segment {
    /// Reads the words of a segment; those that the dictionary does not know are added to it.
    fn of(
        reader: &SegmentReader,
        fields: Fields,
        dictionary: &RwLock<Dictionary>,
        tables: &Tables,
    ) -> Result<Self, IndexError> {
        let index = reader.inverted_index(fields.word)?;
        let (mut words, mut records, mut unknown) = (FxHashMap::default(), Vec::new(), Vec::new());
        let mut terms = index.terms().stream()?;
        let known = dictionary.read().unwrap_or_else(PoisonError::into_inner);
        while terms.advance() {
            let text = std::str::from_utf8(terms.key())
                .map_err(|error| TantivyError::DataCorruption(tantivy::error::DataCorruption::comment_only(error)))?;
            if keys::is_number(text) {
                continue;
            }
            let from = records.len();
            read(index.read_postings_from_terminfo(terms.value(), IndexRecordOption::Basic)?, &mut records);
            let place = from..records.len();
            match known.number(text) {
                Some(id) => drop(words.insert(id, place)),
                None => unknown.push((text.to_string(), place)),
            }
        }
        drop(known);
        let mut all = dictionary.write().unwrap_or_else(PoisonError::into_inner);
        let texts: Vec<&str> = unknown.iter().map(|(text, _)| text.as_str()).collect();
        let numbers = all.add(&texts, tables);
        words.extend(numbers.into_iter().zip(unknown.iter().map(|(_, place)| place.clone())));
        drop(all);
        let packing = dictionary.read().unwrap_or_else(PoisonError::into_inner).packing(tables);
        if let Some(packed) = packing {
            dictionary.write().unwrap_or_else(PoisonError::into_inner).pack(packed);
        }
        records.shrink_to_fit();
        Ok(Self { words, records, index, columns: Columns::of(reader)? })
    }

    /// The records that hold a word, in their order.
    pub fn records(&self, word: WordId) -> &[DocId] {
        self.words.get(&word).map_or(&[], |place| &self.records[place.clone()])
    }

    /// Those that hold a number.
    pub fn of_number(&self, number: &tantivy::Term) -> Result<Vec<DocId>, IndexError> {
        let mut records = Vec::new();
        if let Some(held) = self.index.read_postings(number, IndexRecordOption::Basic)? {
            read(held, &mut records);
        }
        Ok(records)
    }
}

/// Adds all records of a list.
fn read(mut held: SegmentPostings, records: &mut Vec<DocId>) {
    while held.doc() != TERMINATED {
        records.push(held.doc());
        held.advance();
    }
}

/// The segments of a searcher, in its order; those of before are taken over.
pub fn of_searcher(
    searcher: &Searcher,
    before: &BTreeMap<SegmentId, Arc<Segment>>,
    fields: Fields,
    dictionary: &RwLock<Dictionary>,
    tables: &Tables,
) -> Result<BTreeMap<SegmentId, Arc<Segment>>, IndexError> {
    let readers = searcher.segment_readers().iter();
    let all = readers.map(|reader| {
        let id = reader.segment_id();
        let segment = match before.get(&id) {
            Some(segment) => segment.clone(),
            None => Arc::new(Segment::of(reader, fields, dictionary, tables)?),
        };
        Ok((id, segment))
    });
    all.collect()
}
