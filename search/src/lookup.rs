//! Looking a question up in the segments of an index: first the words that are near its words, from the dictionary, then the
//! records that hold them. A frequent word (`mohammed`) alone never makes a record a candidate where the rest of the question
//! could not: its records are then only asked about, one by one, for those that hold a rarer word.
//!
//! Exact: finds the records that `candidate::is_candidate` says, of all segments, and no other.

use std::collections::{BTreeMap, BTreeSet};

use model::ids::RecordId;
use tantivy::index::SegmentReader;
use tantivy::postings::SegmentPostings;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, InvertedIndexReader, Searcher, TERMINATED, Term};

use crate::candidate;
use crate::index::IndexError;
use crate::keys::{self, Key};
use crate::layout::{self, Fields, ID_HIGH, ID_LOW};
use crate::normalise::Token;
use crate::prepared::PreparedQuery;
use crate::tables::Tables;
use crate::words::{Reading, Word};

/// Records of a word up to which they are all read, even where its records could be asked about one by one.
const READ_ALL: u32 = 2_000;

/// One lookup.
pub struct Lookup<'a> {
    pub searcher: &'a Searcher,
    pub fields: Fields,
    pub tables: &'a Tables,
}

/// Words of the index that a word of the question meets, with what it finds in them, the best first.
#[derive(Default)]
struct Meets {
    held: Vec<(String, u32)>,
    /// Pairs of words of which a record must have both.
    apart: Vec<(Vec<String>, Vec<String>)>,
    apart_most: u32,
}

impl Meets {
    fn most(&self) -> u32 {
        let apart = if self.apart.is_empty() { 0 } else { self.apart_most };
        self.held.first().map_or(0, |(_, bits)| *bits).max(apart)
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
                self.of_segment(segment, query, reading, &meets, &mut found)?;
            }
        }
        Ok(found.into_iter().collect())
    }

    /// The words of all segments that a word meets.
    fn meets(&self, word: &Word) -> Result<Meets, IndexError> {
        let asked = keys::of_asked(&word.asked.token, self.tables);
        let mut meets = Meets { apart_most: word.apart_most().unwrap_or_default(), ..Meets::default() };
        for text in self.texts(&asked)? {
            let bits = candidate::find(word, &Token::of(&text, self.tables), self.tables);
            if bits > 0 {
                meets.held.push((text, bits));
            }
        }
        meets.held.sort_by(|(a, one), (b, other)| other.cmp(one).then(a.cmp(b)));
        for (one, other) in word.parts() {
            let held = |folded: &str| -> Result<Vec<String>, IndexError> {
                let texts = self.texts(&[keys::of_folded(folded)])?.into_iter();
                Ok(texts.filter(|text| Token::of(text, self.tables).folds_to(folded)).collect())
            };
            let first = held(&one)?;
            let second = if first.is_empty() { Vec::new() } else { held(&other)? };
            if !second.is_empty() {
                meets.apart.push((first, second));
            }
        }
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

    fn of_segment(
        &self,
        segment: &SegmentReader,
        query: &PreparedQuery,
        reading: &Reading,
        meets: &[Meets],
        found: &mut BTreeSet<RecordId>,
    ) -> Result<(), IndexError> {
        let index = segment.inverted_index(self.fields.word)?;
        // The words that say most first; those that are left when what they say together is not enough are asked about.
        let mut order: Vec<usize> = (0..meets.len()).filter(|at| meets[*at].most() > 0).collect();
        order.sort_by_key(|at| (std::cmp::Reverse(meets[*at].most()), *at));
        let most = |at: usize| reading.words[at].times * meets[at].most();
        let mut rest: u32 = order.iter().map(|at| most(*at)).sum();
        let need = query.need.max(1);
        let frequency = meets.iter().map(|meets| self.frequency(&index, meets)).collect::<Result<Vec<u32>, _>>()?;
        // A name of which each word finds something is a candidate in any case, so one word of it is read at least.
        let groups: Vec<Vec<usize>> =
            reading.counting().map(|at| std::iter::once(at).chain(reading.covering(at)).collect()).collect();
        let possible = groups.iter().all(|group| group.iter().any(|at| meets[*at].most() > 0));
        let records_of = |group: &&Vec<usize>| group.iter().map(|at| u64::from(frequency[*at])).sum::<u64>();
        let whole = groups.iter().min_by_key(records_of).filter(|_| possible);
        let mut read_words: BTreeMap<DocId, Vec<u32>> = BTreeMap::new();
        let mut asked_about = Vec::new();
        for at in order {
            if rest >= need || whole.is_some_and(|whole| whole.contains(&at)) || frequency[at] <= READ_ALL {
                self.read_word(&index, at, meets, &mut read_words)?;
            } else {
                asked_about.push(at);
            }
            rest -= most(at);
        }
        let mut lists: Vec<(usize, Vec<(u32, SegmentPostings)>)> = Vec::new();
        for at in asked_about {
            let mut held = Vec::new();
            for (text, what) in &meets[at].held {
                let term = self.fields.word_term(text);
                held.extend(index.read_postings(&term, IndexRecordOption::Basic)?.map(|records| (*what, records)));
            }
            lists.push((at, held));
        }
        let mut records = Vec::new();
        let asked_most: u32 = lists.iter().map(|(at, _)| most(*at)).sum();
        for (record, mut finds) in read_words {
            let sum: u32 = reading.words.iter().zip(&finds).map(|(word, found)| word.times * found).sum();
            if sum + asked_most < need && whole.is_none() {
                continue;
            }
            for (at, held) in &mut lists {
                for (what, records) in held.iter_mut() {
                    if *what <= finds[*at] {
                        break;
                    }
                    if records.doc() < record {
                        records.seek(record);
                    }
                    if records.doc() == record {
                        finds[*at] = *what;
                    }
                }
                self.apart(&index, &meets[*at], record, &mut finds[*at])?;
            }
            if query.admits(reading, &finds) {
                records.push(record);
            }
        }
        ids(segment, records, found)
    }

    fn frequency(&self, index: &InvertedIndexReader, meets: &Meets) -> Result<u32, IndexError> {
        let mut sum = 0u32;
        for (text, _) in &meets.held {
            sum = sum.saturating_add(index.doc_freq(&self.fields.word_term(text))?);
        }
        Ok(sum)
    }

    /// Reads all records of a word.
    fn read_word(
        &self,
        index: &InvertedIndexReader,
        at: usize,
        meets: &[Meets],
        into: &mut BTreeMap<DocId, Vec<u32>>,
    ) -> Result<(), IndexError> {
        for (text, held) in &meets[at].held {
            read(index, &self.fields.word_term(text), |record| note(into, record, at, meets.len(), *held))?;
        }
        for (one, other) in &meets[at].apart {
            let (mut first, mut second) = (BTreeSet::new(), BTreeSet::new());
            for (texts, records) in [(one, &mut first), (other, &mut second)] {
                for text in texts {
                    read(index, &self.fields.word_term(text), |record| {
                        records.insert(record);
                    })?;
                }
            }
            first.intersection(&second).for_each(|record| note(into, *record, at, meets.len(), meets[at].apart_most));
        }
        Ok(())
    }

    /// Whether a record has a word written apart.
    fn apart(
        &self,
        index: &InvertedIndexReader,
        meets: &Meets,
        record: DocId,
        found: &mut u32,
    ) -> Result<(), IndexError> {
        if *found >= meets.apart_most {
            return Ok(());
        }
        let has = |texts: &[String]| -> Result<bool, IndexError> {
            for text in texts {
                let term = self.fields.word_term(text);
                if let Some(mut records) = index.read_postings(&term, IndexRecordOption::Basic)?
                    && records.doc() <= record
                    && records.seek(record) == record
                {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        for (one, other) in &meets.apart {
            if has(one)? && has(other)? {
                *found = meets.apart_most;
                return Ok(());
            }
        }
        Ok(())
    }
}

fn note(into: &mut BTreeMap<DocId, Vec<u32>>, record: DocId, at: usize, words: usize, bits: u32) {
    let finds = into.entry(record).or_insert_with(|| vec![0; words]);
    finds[at] = finds[at].max(bits);
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
