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
use tantivy::{DocId, Searcher, TantivyError};

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

/// Of two lists the shorter one is looked for in the longer one from so many times its length; else both are read.
const SHORTER: usize = 8;
/// Records of a list from which it is asked whether somebody still waits.
const LONG: usize = 4_096;
/// Tiers of a word's lists.
const TIERS_MAX: usize = 4;
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
                let records = segment.of_number(&self.fields.word_term(&keys::number(key)))?;
                add_ids(reader, segment, records.into_iter().map(|record| (record, Score::MAX)), &mut found);
            }
            for (reading, meets) in &readings {
                let records = Records::new(query, reading, meets, (segment, self.waits)).find()?;
                add_ids(reader, segment, records.into_iter(), &mut found);
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

/// A word of the question beside the records of a segment.
struct InSegment<'a> {
    /// The records of each word that it meets and that is here, with what it finds in them, the least first.
    lists: Vec<(&'a [DocId], Found)>,
    /// What it finds at most in the first of them: in none, in one, and so on.
    most: Vec<Found>,
    /// How many records are on them.
    frequency: usize,
    /// Those that hold it in two parts.
    apart: Vec<DocId>,
    /// Those that have an initial of it.
    initial: &'a [DocId],
}

impl<'a> InSegment<'a> {
    fn new(meets: &Meets, segment: &'a Segment) -> Self {
        let all = meets.held.iter().map(|(word, found)| (segment.records(*word), *found));
        let lists: Vec<(&[DocId], Found)> = all.filter(|(list, _)| !list.is_empty()).collect();
        let mut most = vec![Found::default()];
        lists.iter().for_each(|(_, found)| most.push(most[most.len() - 1].or(*found)));
        let frequency = lists.iter().map(|(list, _)| list.len()).sum();
        let mut apart = Vec::new();
        for (one, other) in &meets.apart {
            let mut first: Vec<DocId> = one.iter().flat_map(|word| segment.records(*word)).copied().collect();
            first.sort_unstable();
            other.iter().for_each(|word| in_both(&first, segment.records(*word), |place| apart.push(first[place])));
        }
        apart.sort_unstable();
        let initial = meets.initial.map_or(&[][..], |initial| segment.records(initial));
        Self { lists, most, frequency, apart, initial }
    }

    /// What an initial finds, if there is one.
    fn by_initial(&self) -> Found {
        Found { initial: !self.initial.is_empty(), ..Found::default() }
    }
}

/// The lists of a word in tiers, each with a bit, by what it finds: so it is known at once about how much a record may say.
struct Tiers {
    /// The first bit, and where each tier ends.
    first: usize,
    ends: Vec<usize>,
}

impl Tiers {
    /// Of a word of so many, of which the first lists are not read.
    fn of(at: usize, words: usize, word: &InSegment<'_>, unread: usize) -> Self {
        let tiers = (windows::BITS / words.max(1)).clamp(1, TIERS_MAX);
        let bits = |place: usize| word.lists.get(place).map_or(0, |(_, found)| found.bits as usize);
        let (least, most) = (bits(unread), bits(word.lists.len().saturating_sub(1)));
        let end = |tier: usize| {
            let most = least + (most - least.min(most)) * tier / tiers;
            word.lists.partition_point(|(_, found)| found.bits as usize <= most).max(unread)
        };
        // With more words than bits, some share theirs: then each is taken to find what another one does.
        Self { first: at * tiers % windows::BITS, ends: (1..=tiers).map(end).collect() }
    }

    /// The bit of a list.
    fn bit(&self, place: usize) -> usize {
        self.first + self.ends.iter().take_while(|end| place >= **end).count()
    }

    /// How many lists the word may be on with these bits; `None` where it is on none.
    fn on(&self, bits: u64) -> Option<usize> {
        (0..self.ends.len()).rev().find(|tier| bits >> (self.first + tier) & 1 == 1).map(|tier| self.ends[tier])
    }
}

/// On which lists a record is, by their bits, and which words have an initial in it.
type Kind = (u64, u128);

/// The records of one segment, and what the words of a reading find in them.
struct Records<'a> {
    query: &'a PreparedQuery,
    reading: &'a Reading,
    words: Vec<InSegment<'a>>,
    segment: &'a Segment,
    waits: &'a dyn Fn() -> bool,
}

impl<'a> Records<'a> {
    fn new(
        query: &'a PreparedQuery,
        reading: &'a Reading,
        meets: &'a [Meets],
        (segment, waits): (&'a Segment, &'a dyn Fn() -> bool),
    ) -> Self {
        let words = meets.iter().map(|meets| InSegment::new(meets, segment)).collect();
        Self { query, reading, words, segment, waits }
    }

    /// Those that are scored, with the highest score that each may have.
    fn find(self) -> Result<Vec<(DocId, Score)>, IndexError> {
        let records = self.possible()?;
        let words = self.words.len();
        // What each word finds in each record, by its place.
        let mut finds = vec![Found::default(); words * records.len()];
        let mut note = |at: usize, list: &[DocId], found: Found| {
            in_both(&records, list, |place| {
                let held = &mut finds[place * words + at];
                *held = held.or(found);
            });
        };
        for (at, word) in self.words.iter().enumerate() {
            self.goes_on(LONG)?;
            for (list, found) in &word.lists {
                self.goes_on(list.len())?;
                note(at, list, *found);
            }
            note(at, word.initial, word.by_initial());
            note(at, &word.apart, candidate::find_apart(&self.reading.words[at]));
        }
        let admitted = records.into_iter().zip(finds.chunks_exact(words)).filter_map(|(record, finds)| {
            let date = self.query.date_gain(self.segment.columns.born(record));
            Some((record, self.query.admits(self.reading, finds, date)?))
        });
        Ok(admitted.collect())
    }

    /// Asks before so many records are read whether somebody still waits.
    fn goes_on(&self, records: usize) -> Result<(), IndexError> {
        if records < LONG || (self.waits)() { Ok(()) } else { Err(IndexError::GivenUp) }
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
        let count = self.words.len();
        let tiers = (0..count).map(|at| Tiers::of(at, count, &self.words[at], alone[at]));
        let tiers: Vec<Tiers> = tiers.collect();
        let (mut lists, mut records) = (Vec::new(), Vec::new());
        for (at, word) in self.words.iter().enumerate() {
            // Neither of the two leaves more unread than the other, word by word.
            for (place, (list, _)) in word.lists.iter().enumerate() {
                if place >= alone[at] {
                    lists.push((tiers[at].bit(place), *list));
                } else if place >= dated[at] {
                    self.goes_on(list.len())?;
                    records.extend(list.iter().copied().filter(|record| speaks(*record)));
                }
            }
            records.extend(&word.apart);
        }
        let need = self.query.need(None);
        let mut known: FxHashMap<u64, Option<u32>> = FxHashMap::default();
        // Records by the place of their kind: a question meets few kinds and many records.
        let (mut kinds, mut by_kind) = (Vec::new(), Vec::new());
        let whole = windows::read(lists, self.waits, |record, bits| {
            let kind = known.entry(bits).or_insert_with(|| {
                (self.most_of((bits, u128::MAX), &tiers, &alone) >= need).then(|| {
                    kinds.push((bits, 0));
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
            let enough = kinds.iter().map(|kind| self.most_of(*kind, &tiers, &alone) >= need);
            let enough: Vec<bool> = enough.collect();
            by_kind.retain(|(record, kind)| enough[*kind as usize] || speaks(*record));
        }
        records.extend(by_kind.into_iter().map(|(record, _)| record));
        records.sort_unstable();
        records.dedup();
        Ok(records)
    }

    /// Notes for records, in their order, which words have an initial in them: kinds of words and initials.
    fn note_initials(&self, kinds: &mut Vec<Kind>, by_kind: &mut [(DocId, u32)]) -> Result<(), IndexError> {
        let records: Vec<DocId> = by_kind.iter().map(|(record, _)| *record).collect();
        for (at, word) in self.words.iter().enumerate() {
            self.goes_on(word.initial.len())?;
            let mut with: FxHashMap<u32, u32> = FxHashMap::default();
            in_both(&records, word.initial, |place| {
                let kind = &mut by_kind[place].1;
                *kind = *with.entry(*kind).or_insert_with(|| {
                    let (bits, initials) = kinds[*kind as usize];
                    kinds.push((bits, initials | 1 << at));
                    kinds.len() as u32 - 1
                });
            });
        }
        Ok(())
    }

    /// What a record of a kind says at most, when the unread lists of each word may have it too.
    fn most_of(&self, (bits, initials): Kind, tiers: &[Tiers], unread: &[usize]) -> i32 {
        let found = self.words.iter().enumerate().map(|(at, word)| {
            let held = tiers[at].on(bits).unwrap_or(unread[at]);
            let initial = if initials >> at & 1 == 1 { word.by_initial() } else { Found::default() };
            word.most[held].or(initial)
        });
        score::most(self.reading, &found.collect::<Vec<_>>(), false)
    }

    /// For each word how many of its lists, the least first, need not be read: all of these together are not enough for a
    /// record with such a date of birth that is on no other. The most frequent words go first.
    fn not_enough(&self, date: Option<i32>) -> Vec<usize> {
        let mut unread = vec![0; self.words.len()];
        let mut found: Vec<Found> = self.words.iter().map(InSegment::by_initial).collect();
        let mut order: Vec<usize> = (0..self.words.len()).collect();
        order.sort_by_key(|at| (Reverse(self.words[*at].frequency), *at));
        let need = self.query.need(date);
        for at in order {
            let (before, word) = (found[at], &self.words[at]);
            let mut enough = |lists: usize| {
                found[at] = before.or(word.most[lists]);
                score::most(self.reading, &found, false) >= need
            };
            // More lists are never less: the most of them that are not enough.
            let (mut low, mut high) = (0, word.lists.len());
            while low < high {
                let middle = (low + high).div_ceil(2);
                if enough(middle) { high = middle - 1 } else { low = middle }
            }
            unread[at] = low;
            found[at] = before.or(word.most[low]);
        }
        unread
    }
}

/// Says the places in a list of records, in their order, that are on another list too.
fn in_both(records: &[DocId], other: &[DocId], mut each: impl FnMut(usize)) {
    let (mut place, mut at) = (0, 0);
    if other.len() * SHORTER < records.len() {
        for record in other {
            place += records[place..].partition_point(|held| held < record);
            // A list may have a record twice.
            let same = records[place..].iter().take_while(|held| *held == record).count();
            (place..place + same).for_each(&mut each);
        }
    } else if records.len() * SHORTER < other.len() {
        for (place, record) in records.iter().enumerate() {
            at += other[at..].partition_point(|held| held < record);
            if other.get(at) == Some(record) {
                each(place);
            }
        }
    } else {
        while place < records.len() && at < other.len() {
            if records[place] == other[at] {
                each(place);
            }
            if records[place] <= other[at] { place += 1 } else { at += 1 }
        }
    }
}

/// Adds the ids of a segment's records that are not deleted.
fn add_ids(
    reader: &SegmentReader,
    segment: &Segment,
    records: impl Iterator<Item = (DocId, Score)>,
    found: &mut BTreeMap<RecordId, Score>,
) {
    for (record, most) in records.filter(|(record, _)| !reader.is_deleted(*record)) {
        if let Some(id) = segment.columns.id(record) {
            let held = found.entry(id).or_insert(most);
            *held = most.max(*held);
        }
    }
}
