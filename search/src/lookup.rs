//! Looking a question up in an index: first the words that are near its words, from the dictionary, then in each segment the
//! records that hold them. Records that hold frequent words alone (`mohammed`) are not read where such words could not reach
//! the threshold together: of these words it is only asked which of the records found hold them.
//!
//! Exact: finds the records that `candidate::is_candidate` says, of all segments and of those that are sought, and no other.
//! What one record may score never depends on another one, so that what is hidden changes nothing of what is found.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use model::screen::Score;
use rustc_hash::FxHashMap;
use tantivy::index::{SegmentId, SegmentReader};
use tantivy::{DocId, Searcher, TantivyError};

use crate::birth;
use crate::candidate::{self, Candidate, Found};
use crate::dictionary::{Dictionary, WordId};
use crate::index::IndexError;
use crate::keys;
use crate::labelled::{Asker, Shown, Sought};
use crate::layout::Fields;
use crate::prepared::PreparedQuery;
use crate::score;
use crate::segment::Segment;
use crate::tables::Tables;
use crate::windows::{self, List};
use crate::words::{Reading, Word};

/// Of two lists the shorter one is looked for in the longer one from so many times its length; else both are read.
const SHORTER: usize = 8;
/// Records of a list from which it is asked whether somebody still waits.
const LONG: usize = 4_096;
/// So many times the records that are read may be looked at beside them.
const BESIDE: usize = 4;
/// Tiers of a word's lists.
const TIERS_MAX: usize = 4;
/// Records from which it is asked what unread lists have of them before they are looked at one by one; few
/// in tests.
const MANY: usize = if cfg!(test) { 2 } else { 1_000 };

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
    pub fn candidates(&self, query: &PreparedQuery, sought: Sought<'_>) -> Result<Vec<Candidate>, IndexError> {
        let mut found = Vec::new();
        let (asker, mut asked) = (Asker::of(sought), Vec::new());
        for reader in self.searcher.segment_readers() {
            let unopened = || TantivyError::InternalError(format!("segment {} is not opened", reader.segment_id()));
            let segment = self.segments.get(&reader.segment_id()).ok_or_else(unopened)?;
            asked.extend(segment.columns.shown(asker.as_ref()).map(|shown| (reader, segment, shown)));
        }
        if asked.is_empty() {
            return Ok(found);
        }
        let meets = |word: &Word| if (self.waits)() { Ok(self.meets(word)) } else { Err(IndexError::GivenUp) };
        let mut readings: Vec<(&Reading, Vec<Meets>)> = Vec::new();
        for reading in &query.readings {
            readings.push((reading, reading.words.iter().map(meets).collect::<Result<_, _>>()?));
        }
        for (reader, segment, shown) in asked {
            for key in query.number_keys() {
                let mut records = segment.of_number(&self.fields.word_term(&keys::number(key)))?;
                shown.retain(&mut records);
                add_ids(reader, segment, records.into_iter().map(|record| (record, Score::MAX)), &mut found);
            }
            for (reading, meets) in &readings {
                let records = Records::new(query, reading, meets, (segment, self.waits)).find(&shown)?;
                add_ids(reader, segment, records.into_iter(), &mut found);
            }
        }
        // Of a record that was found in several ways, the highest.
        found.sort_unstable_by_key(|candidate| (candidate.id, Reverse(candidate.most)));
        found.dedup_by_key(|candidate| candidate.id);
        found.sort_unstable_by_key(|candidate| (Reverse(candidate.most), candidate.id));
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
    /// Whether it is an initial itself, which a record's outline must be asked for.
    is_initial: bool,
}

impl<'a> InSegment<'a> {
    fn new(word: &Word, meets: &Meets, segment: &'a Segment) -> Self {
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
        Self { lists, most, frequency, apart, initial, is_initial: word.is_initial_of(u32::MAX) }
    }

    /// What an initial finds, if there is one.
    fn by_initial(&self) -> Found {
        Found { initial: self.is_initial || !self.initial.is_empty(), ..Found::default() }
    }
}

/// The lists of a word in tiers by what it finds, each with a bit, so that it is known at once about how much a record says
/// that is on them; and a bit for its initial.
struct Tiers {
    first: usize,
    /// Where each tier ends: first the lists that are not read, then the others.
    ends: Vec<usize>,
}

impl Tiers {
    /// Of a word of so many, of which the first lists are not read.
    fn of(at: usize, words: usize, word: &InSegment<'_>, unread: usize) -> Self {
        let tiers = (windows::BITS / words.max(1)).saturating_sub(2).clamp(1, TIERS_MAX);
        let bits = |place: usize| word.lists.get(place).map_or(0, |(_, found)| found.bits as usize);
        let (least, most) = (bits(unread), bits(word.lists.len().saturating_sub(1)));
        let end = |tier: usize| {
            let most = least + most.saturating_sub(least) * tier / tiers;
            word.lists.partition_point(|(_, found)| found.bits as usize <= most).max(unread)
        };
        // Words for which no bits are left share those of others: then each is taken to find what another one does.
        let first = at % (windows::BITS / (tiers + 2)) * (tiers + 2);
        Self { first, ends: std::iter::once(unread).chain((1..=tiers).map(end)).collect() }
    }

    fn initial(&self) -> usize {
        self.first
    }

    /// The bit of a list.
    fn list(&self, place: usize) -> usize {
        self.first + 1 + self.ends.iter().take_while(|end| place >= **end).count()
    }

    /// How many of the lists a record with these bits may be on, the first ones.
    fn on(&self, bits: u64) -> usize {
        let tier = (0..self.ends.len()).rev().find(|tier| bits >> (self.first + 1 + tier) & 1 == 1);
        tier.map_or(0, |tier| self.ends[tier])
    }
}

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
        let words = reading.words.iter().zip(meets).map(|(word, meets)| InSegment::new(word, meets, segment)).collect();
        Self { query, reading, words, segment, waits }
    }

    /// Those of what is shown that are scored, with the highest score that each may have.
    fn find(self, shown: &Shown<'_>) -> Result<Vec<(DocId, Score)>, IndexError> {
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
        let admitted = records.into_iter().zip(finds.chunks_exact_mut(words)).filter_map(|(record, finds)| {
            let outline = self.segment.columns.outline(record)?;
            for (find, word) in finds.iter_mut().zip(&self.reading.words) {
                find.initial |= word.is_initial_of(outline.letters);
            }
            let date = self.query.date_gain(self.segment.columns.born(record));
            let most = self.query.admits(self.reading, finds, outline.words.into(), date)?;
            // Asked last: of what is possible few are candidates, and each is one by itself.
            shown.has(record).then_some((record, most))
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
                    lists.push((tiers[at].list(place), *list));
                } else if place >= dated[at] {
                    self.goes_on(list.len())?;
                    records.extend(list.iter().copied().filter(|record| speaks(*record)));
                }
            }
            records.extend(&word.apart);
        }
        let read: usize = lists.iter().map(|(_, list)| list.len()).sum();
        let (beside, later) = self.unread(&tiers, read * BESIDE);
        let unknown = later.iter().fold(0, |bits, (bit, _)| bits | 1 << bit);
        let need = self.query.need(None);
        // A question meets few kinds of records and many of each.
        let mut known: FxHashMap<u64, bool> = FxHashMap::default();
        let mut enough = |bits| *known.entry(bits).or_insert_with(|| self.most_of(bits, &tiers) >= need);
        let (mut found, mut bits_of) = (Vec::new(), Vec::new());
        let whole = windows::read(lists, beside, self.waits, |record, bits| {
            if enough(bits | unknown) {
                found.push(record);
                bits_of.push(bits);
            } else if speaks(record) {
                records.push(record);
            }
        });
        if !whole {
            return Err(IndexError::GivenUp);
        }
        if found.len() > MANY && !later.is_empty() {
            for (bit, list) in later {
                self.goes_on(list.len())?;
                in_both(&found, list, |place| bits_of[place] |= 1 << bit);
            }
            let held = found.into_iter().zip(bits_of).filter(|(record, bits)| enough(*bits) || speaks(*record));
            records.extend(held.map(|(record, _)| record));
        } else {
            records.extend(found);
        }
        records.sort_unstable();
        records.dedup();
        Ok(records)
    }

    /// What is not read, the shortest first: so many records of it may be looked at beside what is read, the rest later.
    fn unread(&self, tiers: &[Tiers], most: usize) -> (Vec<List<'a>>, Vec<List<'a>>) {
        let of_word = |(word, tiers): (&InSegment<'a>, &Tiers)| {
            let unread = word.lists[..tiers.ends[0]].iter().enumerate();
            let unread = unread.map(|(place, (list, _))| (tiers.list(place), *list));
            unread.chain([(tiers.initial(), word.initial)]).collect::<Vec<_>>()
        };
        let mut all: Vec<List<'a>> = self.words.iter().zip(tiers).flat_map(of_word).collect();
        all.retain(|(_, list)| !list.is_empty());
        all.sort_by_key(|(_, list)| list.len());
        let mut records = 0;
        let beside = all.iter().take_while(|(_, list)| {
            records += list.len();
            records <= most
        });
        let later = all.split_off(beside.count());
        (all, later)
    }

    /// What a record with these bits says at most.
    fn most_of(&self, bits: u64, tiers: &[Tiers]) -> i32 {
        let found = self.words.iter().zip(tiers).map(|(word, tiers)| {
            let initial = word.is_initial || bits >> tiers.initial() & 1 == 1;
            let initial = if initial { word.by_initial() } else { Found::default() };
            word.most[tiers.on(bits)].or(initial)
        });
        score::most(self.reading, &found.collect::<Vec<_>>(), 0, false)
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
                score::most(self.reading, &found, 0, false) >= need
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
    found: &mut Vec<Candidate>,
) {
    let live = records.filter(|(record, _)| !reader.is_deleted(*record));
    found.extend(live.filter_map(|(record, most)| Some(Candidate { id: segment.columns.id(record)?, most })));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_on_both_lists_is_said(
            mut one in proptest::collection::vec(0u32..200, 0..120),
            mut other in proptest::collection::vec(0u32..200, 0..120),
            few in 0usize..3,
        ) {
            // Lists of the same length, and a short one on either side.
            if few == 1 { one.truncate(3) } else if few == 2 { other.truncate(3) }
            one.sort_unstable();
            other.sort_unstable();
            let mut places = Vec::new();
            in_both(&one, &other, |place| places.push(place));
            places.sort_unstable();
            places.dedup();
            let expected: Vec<usize> = (0..one.len()).filter(|place| other.contains(&one[*place])).collect();
            prop_assert_eq!(places, expected);
        }
    }
}
