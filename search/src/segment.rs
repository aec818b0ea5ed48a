//! One segment of the index as it is searched: where the records of each word lie, found by the word's number in the
//! dictionary, and the columns. Made once of each segment, which never changes but for what is deleted of it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use rustc_hash::FxHashMap;
use tantivy::index::{SegmentId, SegmentReader};
use tantivy::postings::{SegmentPostings, TermInfo};
use tantivy::schema::IndexRecordOption;
use tantivy::{InvertedIndexReader, Searcher, TantivyError};

use crate::dictionary::{Dictionary, WordId};
use crate::index::IndexError;
use crate::keys;
use crate::layout::{Columns, Fields};
use crate::tables::Tables;

/// Where the records of a word lie, and how many they are.
#[derive(Debug, Clone, Copy)]
struct List {
    from: u64,
    bytes: u32,
    count: u32,
}

/// A segment.
pub struct Segment {
    records: FxHashMap<WordId, List>,
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
        let (mut records, mut unknown) = (FxHashMap::default(), Vec::new());
        let mut words = index.terms().stream()?;
        let known = dictionary.read().unwrap_or_else(PoisonError::into_inner);
        while words.advance() {
            let text = std::str::from_utf8(words.key())
                .map_err(|error| TantivyError::DataCorruption(tantivy::error::DataCorruption::comment_only(error)))?;
            if keys::is_number(text) {
                continue;
            }
            let TermInfo { doc_freq, postings_range, .. } = words.value();
            let bytes = postings_range.len() as u32;
            let held = List { from: postings_range.start as u64, bytes, count: *doc_freq };
            match known.number(text) {
                Some(id) => drop(records.insert(id, held)),
                None => unknown.push((text.to_string(), held)),
            }
        }
        drop(known);
        let mut all = dictionary.write().unwrap_or_else(PoisonError::into_inner);
        let texts: Vec<&str> = unknown.iter().map(|(text, _)| text.as_str()).collect();
        records.extend(all.add(&texts, tables).into_iter().zip(unknown.iter().map(|(_, held)| *held)));
        drop(all);
        let packing = dictionary.read().unwrap_or_else(PoisonError::into_inner).packing(tables);
        if let Some(packed) = packing {
            dictionary.write().unwrap_or_else(PoisonError::into_inner).pack(packed);
        }
        Ok(Self { records, index, columns: Columns::of(reader)? })
    }

    /// How many records hold a word.
    pub fn count(&self, word: WordId) -> u32 {
        self.records.get(&word).map_or(0, |records| records.count)
    }

    /// The records that hold a word, in their order.
    pub fn records(&self, word: WordId) -> Result<Option<SegmentPostings>, IndexError> {
        let Some(List { from, bytes, count }) = self.records.get(&word).copied() else { return Ok(None) };
        let range = from as usize..from as usize + bytes as usize;
        let term = TermInfo { doc_freq: count, postings_range: range, positions_range: 0..0 };
        Ok(Some(self.index.read_postings_from_terminfo(&term, IndexRecordOption::Basic)?))
    }

    /// Those that hold a number.
    pub fn of_number(&self, number: &tantivy::Term) -> Result<Option<SegmentPostings>, IndexError> {
        Ok(self.index.read_postings(number, IndexRecordOption::Basic)?)
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
