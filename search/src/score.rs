//! The score of a record for a question: numbers, name, date of birth and nationality, in this order, each adding or taking
//! hundredths of a bit of evidence; the sum is shown on a scale of which `docs/matching.md` says what it means. It never
//! saturates, more evidence ranks higher, and a conflict lowers without excluding.
//!
//! Pure and in whole numbers. Assumes that `prepared` and `record` were made from `query` and `lookout` with these tables.

use model::date::BirthDate;
use model::lookout::{CountryRole, DocumentState, Lookout, NameKind};
use model::screen::{Evidence, Query, Score, THRESHOLD_COMPLETE};

use crate::align::{Alignment, INITIAL, Known, Met, align};
use crate::birth;
use crate::candidate::Found;
use crate::evidence::{Field, Tally, name_note};
use crate::normalise::TOKENS_MAX;
use crate::numbers;
use crate::pair::How;
use crate::prepared::{PreparedName, PreparedQuery, PreparedRecord};
use crate::tables::{Class, Tables};
use crate::words::{Kind, Reading};

/// What a name speaks against a number that is equal at most, and from how much it speaks for it.
const NAME_CONFLICT: i32 = -500;
const NAME_AGREES: i32 = 200;
/// Nationalities.
const COUNTRY_SAME: i32 = 150;
const COUNTRY_LIVED: i32 = 75;
const COUNTRY_OTHER: i32 = -100;

// Fitted on real aliases, made variations and people who stand on no list (`bench/matching/train/fit.py`).
/// Hundredths: words of one name are not independent, so together they say less than their sum.
const WORDS: i64 = 58;
/// A name of which one word met only.
const ONE_WORD: i32 = -5;
const TURN: i32 = -285;
const WEAK: i32 = -100;
/// An initial that fits, beside what it says among the words.
const INITIAL_FITS: i32 = 160;
/// A name that met none, of the question and of the record, by how many did: one, two, more; a word of many firms that met
/// none says nothing. The bound ([`most`]) needs the first of them in rising order and the second in falling order.
const ASKED_LEFT: [i32; 3] = [-180, -120, -10];
const HELD_LEFT: [i32; 3] = [-60, -195, -310];
/// The family name of the record, where it is known, is not among what was asked.
const FAMILY_LEFT: [i32; 3] = [-100, -200, 0];
/// Each bit that the words which met cost, in hundredths.
const COST: i64 = 12;
/// Words left that count at most.
pub(crate) const LEFT_MAX: u32 = 6;
/// A company of one name and a person who bears it: `IGNATIA LLC` is no Ignatia Daniels.
const COMPANY: i32 = -150;
/// Each word of both names met its like.
const WHOLE: i32 = 100;
/// Such a name is a hit at the usual threshold however frequent its words are, the more so the more letters it has and the
/// less unlikely it is written: hundredths of a bit, for each letter beyond the fourth, and lost for each bit of cost. One
/// word alone is no name of a person but by chance.
const WHOLE_LEAST: i32 = 805;
const WHOLE_LETTER: i32 = 55;
const WHOLE_LETTERS: std::ops::Range<u32> = 4..13;
const WHOLE_COST: i32 = 74;
/// Lost for each turn of the order.
const WHOLE_TURN: i32 = -60;
/// What a word may cost without a loss.
const WHOLE_SPELLING: u32 = 100;
/// What a date may add beyond what the name says: beside an unlikely name it is chance.
const DATE_BEYOND: i32 = 1_200;

/// A score with its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scored {
    pub score: Score,
    pub evidence: Vec<Evidence>,
    /// The name of the record that agrees best.
    pub name: Option<NameFound>,
    /// What is reported of the document that was asked for by this very number.
    pub document_state: Option<DocumentState>,
}

/// How a name of the record lies beside the question's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameFound {
    /// Which name of the lookout.
    pub name: usize,
    /// Which reading of the question, and which of the record's prepared names.
    pub(crate) reading: usize,
    pub(crate) prepared: usize,
    pub weak: bool,
    pub alignment: Alignment,
    /// Hundredths of a bit that it says.
    pub bits: i32,
}

/// Evidence in hundredths of a bit, and the score in millionths that it is shown as; straight lines between. Up to 0.97 it is
/// about the share of true pairs among the best hits of as many listed as unlisted people, on a list of 9,000, by name alone
/// as with dates (`docs/matching.md`, `bench/matching/train/scale.py`).
const SCALE: [(i32, u32); 16] = [
    (0, 0),
    (200, 60_000),
    (400, 120_000),
    (500, 210_000),
    (600, 390_000),
    (700, 590_000),
    (800, 750_000),
    (900, 850_000),
    (1_000, 930_000),
    (1_100, 965_000),
    (1_200, 978_000),
    (1_500, 985_000),
    (2_000, 986_000),
    (14_000, 998_500),
    (40_000, 999_900),
    (200_000, 1_000_000),
];

/// The score that evidence is shown as: with each hundredth of a bit a higher one up to 140 bits, which no name and date
/// reach together, and never 1.
pub(crate) fn scaled(bits: i32) -> Score {
    let bits = bits.clamp(0, 199_999);
    let above = SCALE.iter().position(|(from, _)| *from > bits).unwrap_or(SCALE.len() - 1).max(1);
    let ((low, from), (high, to)) = (SCALE[above - 1], SCALE[above]);
    Score::from_parts(from + ((i64::from(to - from) * i64::from(bits - low)) / i64::from(high - low)) as u32)
}

/// Hundredths of a bit from which a score is a hit.
pub(crate) fn enough(threshold: Score) -> i32 {
    let threshold = threshold.max(THRESHOLD_COMPLETE);
    let (mut low, mut high) = (0, 200_000);
    while low < high {
        let middle = (low + high) / 2;
        if scaled(middle) >= threshold { high = middle } else { low = middle + 1 }
    }
    low
}

/// What the nationality may add.
pub(crate) fn country_most(query: &Query) -> i32 {
    if query.nationality.is_some() { COUNTRY_SAME } else { 0 }
}

impl PreparedQuery {
    /// What a name must say for a hit, beside what the dates of birth add or take.
    pub(crate) fn need(&self, date: Option<i32>) -> i32 {
        let rest = self.enough - self.country_most;
        match date {
            None => rest,
            // The name bears so much of what the date says, see `date_most`.
            Some(gain) if gain > 0 => (rest - gain).max((rest - DATE_BEYOND).div_euclid(2)),
            Some(gain) => rest - gain,
        }
    }

    /// The highest score of a record of which the name says so much at most.
    pub(crate) fn most_with(&self, name: i32, date: Option<i32>) -> Score {
        scaled(name + date.map_or(0, |gain| gain.min(date_most(name))) + self.country_most)
    }
}

/// The most that a name of a record may say, by what each word of a reading finds in the record and how many words that carry
/// it, those of many firms apart, each of its names has at least.
pub(crate) fn most(reading: &Reading, found: &[Found], held: u32, conflict: bool) -> i32 {
    // In ten thousandths of a bit, so that nothing is rounded before the end: of many records the bound is the score itself.
    let said = |bits: u32| i64::from(bits) * WORDS;
    let initial = said(INITIAL) + 100 * i64::from(INITIAL_FITS);
    let joined: Vec<(usize, usize, i64)> = (reading.words.iter().zip(found))
        .filter(|(word, found)| word.kind == Kind::Joined && found.bits > 0)
        .map(|(word, found)| (word.from, word.from + word.len, said(found.bits)))
        .collect();
    let (mut words, mut left, mut cost, mut letters, mut whole, mut any_cost) = (0, 0, 0, 0, true, false);
    // What the first tokens say at most, each alone or joined with its neighbours; and how many words of the record they meet
    // at most, in full and with initials.
    let mut bits = [0; TOKENS_MAX + 1];
    let mut meet = [(0, 0); TOKENS_MAX + 1];
    for (at, single) in reading.single.iter().enumerate() {
        let word = &reading.words[*single];
        let stripped = word.made_into.iter().filter(|other| reading.words[**other].kind == Kind::Stripped);
        let own = stripped.fold(found[*single], |own, other| own.or(found[*other]));
        let by_initial = own.initial;
        // Met, it costs at least so much; not met, it says nothing.
        let cost_of = if word.counts { i64::from(own.cost) * COST } else { 0 };
        any_cost |= cost_of > 0;
        let alone = if own.bits > 0 { (said(own.bits) - cost_of).max(0) } else { 0 };
        let ending = joined.iter().filter(|(_, to, _)| *to == at + 1).map(|(from, _, says)| bits[*from] + says);
        let alone = bits[at] + if by_initial { alone.max(initial) } else { alone };
        bits[at + 1] = ending.fold(alone, i64::max);
        let full = if own.apart { 2 } else { u32::from(own.bits > 0) };
        let (in_full, in_all) = (meet[at].0 + full, meet[at].1 + full.max(u32::from(by_initial)));
        let ending = joined.iter().filter(|(_, to, _)| *to == at + 1).map(|(from, ..)| meet[*from]);
        meet[at + 1] = ending.fold((in_full, in_all), |most, (full, all)| (most.0.max(full + 1), most.1.max(all + 1)));
        letters += word.asked.token.letters();
        let with_others = joined.iter().any(|(from, to, _)| (*from..*to).contains(&at));
        match (word.counts, own.bits > 0 || with_others) {
            (false, _) => words += u32::from(with_others),
            (true, true) => {
                words += if own.apart { 2 } else { 1 };
                cost += if with_others { 0 } else { own.cost };
            }
            (true, false) => {
                whole = false;
                left += u32::from(!by_initial && word.asked.token.class != Class::Business);
            }
        }
    }
    let (bits, (in_full, in_all)) = (bits[reading.tokens.len()], meet[reading.tokens.len()]);
    // Initials and particles alone are chance.
    if words == 0 {
        return i32::MIN;
    }
    let each = ASKED_LEFT[(words - 1).min(2) as usize];
    // The score rounds what is said and what it costs by themselves.
    let bits = bits.div_euclid(100) as i32 + i32::from(any_cost);
    let bits = bits + each * left.min(LEFT_MAX) as i32 + if words > 1 { 0 } else { ONE_WORD };
    let held_left = held.saturating_sub(in_all);
    let bits = bits + HELD_LEFT[0] * held_left.min(LEFT_MAX) as i32;
    match whole && held <= in_full {
        true if conflict => bits + WHOLE,
        true => (bits + WHOLE).max(whole_least(cost, words, letters)),
        false => bits,
    }
}

/// What a date may add to a name.
fn date_most(name: i32) -> i32 {
    (name + DATE_BEYOND).max(0)
}

/// Scores records for a question, one after the other: what two words say of each other is found out once.
pub struct Scorer<'a> {
    query: &'a Query,
    prepared: &'a PreparedQuery,
    tables: &'a Tables,
    /// For each reading.
    known: Vec<Known>,
}

/// What a word says at most, as it counts in the sum.
pub(crate) fn counted(bits: u32) -> i32 {
    (i64::from(bits) * WORDS / 100) as i32
}

/// Scores one record for a question.
pub fn score(
    query: &Query,
    prepared: &PreparedQuery,
    lookout: &Lookout,
    record: &PreparedRecord,
    tables: &Tables,
) -> Scored {
    Scorer::new(query, prepared, tables).score(lookout, record)
}

impl<'a> Scorer<'a> {
    /// A scorer of a question.
    pub fn new(query: &'a Query, prepared: &'a PreparedQuery, tables: &'a Tables) -> Self {
        let known = prepared.readings.iter().map(|_| Known::default()).collect();
        Self { query, prepared, tables, known }
    }

    /// Scores a record; the same as [`score`].
    pub fn score(&mut self, lookout: &Lookout, record: &PreparedRecord) -> Scored {
        let (query, mut tally) = (self.query, Tally::default());
        let document_state = numbers::add(query, self.prepared, lookout, &mut tally);
        let by_number = tally.bits() > 0;
        let born = query.birth_date.and_then(|asked| Some((asked, birth::best(asked, &lookout.birth_dates)?)));
        let conflict = born.is_some_and(|(_, (_, verdict))| verdict.gain < 0);
        let name = self.name(lookout, record, conflict, &mut tally);
        let bits = name.as_ref().map_or(0, |name| name.bits);
        if by_number || name.as_ref().is_some_and(|name| name.alignment.words > 0) {
            numbers::add_missing(query, self.prepared, lookout, &mut tally);
            if let Some((asked, (found, verdict))) = born {
                birth_date(
                    asked,
                    found,
                    verdict,
                    if by_number { birth::GAIN_MAX } else { date_most(bits) },
                    &mut tally,
                );
            }
            nationality(query, lookout, &mut tally);
        }
        let (score, evidence) = tally.finish();
        Scored { score, evidence, name, document_state }
    }

    /// Adds the name that agrees best.
    fn name(
        &mut self,
        lookout: &Lookout,
        record: &PreparedRecord,
        conflict: bool,
        tally: &mut Tally,
    ) -> Option<NameFound> {
        let asked = self.query.name.as_ref()?;
        let mut best: Option<((usize, usize), Alignment, i32)> = None;
        let counts = |name: &PreparedName| !(self.query.without_weak_aliases && name.kind == NameKind::WeakAlias);
        for (read, (reading, known)) in self.prepared.readings.iter().zip(&mut self.known).enumerate() {
            for (at, name) in record.names.iter().enumerate().filter(|(_, name)| counts(name)) {
                let alignment = align(reading, name, known, self.tables);
                let bits = name_bits(&alignment, name.kind == NameKind::WeakAlias, conflict);
                // The first of equals, in the order of the record.
                if best.as_ref().is_none_or(|best| bits > best.2) {
                    best = Some(((read, at), alignment, bits));
                }
            }
        }
        let ((reading, prepared), alignment, bits) = best?;
        let name = &record.names[prepared];
        let by_number = tally.bits() > 0;
        let weak = name.kind == NameKind::WeakAlias;
        let mut note = name_note(&alignment, weak);
        let counted = match by_number {
            true if bits < NAME_AGREES => {
                note = format!("same number under another name: {note}");
                NAME_CONFLICT * (NAME_AGREES - bits.max(0)) / NAME_AGREES
            }
            _ => bits,
        };
        let agreement = scaled(bits).parts();
        tally.add(counted, Field { name: "name", asked, found: text_of(name, lookout), agreement, note });
        Some(NameFound { name: name.name.into(), reading, prepared, weak, alignment, bits })
    }
}

/// What the laid out name says; a whole one at least so much as long as no date speaks against it.
pub(crate) fn name_bits(alignment: &Alignment, weak: bool, conflict: bool) -> i32 {
    // Initials and particles alone are chance.
    if alignment.words == 0 {
        return 0;
    }
    let words = (i64::from(alignment.total) * WORDS / 100) as i32;
    let met = (alignment.words as usize - 1).min(2);
    let left = |count: u32, each: [i32; 3]| each[met] * count.min(LEFT_MAX) as i32;
    let one = if alignment.words == 1 { ONE_WORD } else { 0 };
    let asked_left = alignment.asked_left - alignment.asked_business;
    let held_left = alignment.held_left - alignment.held_business;
    let bits = words
        + one
        + TURN * alignment.turns.min(2) as i32
        + INITIAL_FITS * alignment.initials as i32
        + left(asked_left, ASKED_LEFT)
        + left(held_left, HELD_LEFT)
        + if alignment.family_left { FAMILY_LEFT[met] } else { 0 }
        - (i64::from(alignment.cost) * COST / 100) as i32
        + if alignment.company && alignment.asked_left > 0 { COMPANY } else { 0 };
    let bits = match alignment.whole {
        Some(_) if conflict => bits + WHOLE,
        Some(cost) => {
            let turned = WHOLE_TURN * alignment.turns.min(2) as i32;
            (bits + WHOLE).max(whole_least(cost, alignment.words, alignment.letters) + turned)
        }
        None => bits,
    };
    if weak { bits + WEAK } else { bits }
}

/// What a whole name of so many words and letters says at least that is written so unlikely.
fn whole_least(cost: u32, words: u32, letters: u32) -> i32 {
    let letters = letters.clamp(WHOLE_LETTERS.start, WHOLE_LETTERS.end) - WHOLE_LETTERS.start;
    let more = if words > 1 { letters as i32 * WHOLE_LETTER } else { 0 };
    let cost = cost.saturating_sub(words * WHOLE_SPELLING);
    WHOLE_LEAST + more - (i64::from(cost) * i64::from(WHOLE_COST) / 100) as i32
}

/// What a pair of words adds to the sum; `carries` says that they carry the name.
pub(crate) fn met_bits(met: &Met, carries: bool) -> i32 {
    let fits = if met.likeness.how == How::Initial { INITIAL_FITS } else { 0 };
    let cost = if carries { (i64::from(met.likeness.cost) * COST / 100) as i32 } else { 0 };
    counted(met.likeness.bits) + fits - cost
}

/// What each word takes that met none, of the question and of the record, up to [`LEFT_MAX`] of them; business words take
/// nothing.
pub(crate) fn left_bits(alignment: &Alignment) -> (i32, i32) {
    let met = (alignment.words.max(1) as usize - 1).min(2);
    (ASKED_LEFT[met], HELD_LEFT[met])
}

fn text_of<'a>(name: &PreparedName, lookout: &'a Lookout) -> &'a str {
    let Some(held) = lookout.names.get(usize::from(name.name)) else { return "" };
    if name.original { held.original.as_deref().unwrap_or(&held.full) } else { &held.full }
}

fn birth_date(asked: BirthDate, found: BirthDate, verdict: birth::Verdict, most: i32, tally: &mut Tally) {
    let (asked, found) = (asked.to_string(), found.to_string());
    let (agreement, note) = (verdict.agreement, verdict.note.to_string());
    tally.add(verdict.gain.min(most), Field { name: "birth_date", asked: &asked, found: &found, agreement, note });
}

fn nationality(query: &Query, lookout: &Lookout, tally: &mut Tally) {
    let Some(asked) = &query.nationality else { return };
    let code = country(asked);
    let own = |role| matches!(role, CountryRole::Nationality | CountryRole::Citizenship | CountryRole::Flag);
    let (owned, other): (Vec<_>, Vec<_>) = lookout.countries.iter().partition(|country| own(country.role));
    let same = |countries: &[&model::lookout::Country]| countries.iter().any(|held| country(&held.code) == code);
    let (bits, agreement, found, note) = if same(&owned) {
        (COUNTRY_SAME, 1_000_000, code.as_str(), "same nationality")
    } else if same(&other) {
        (COUNTRY_LIVED, 600_000, code.as_str(), "lived or was born there")
    } else if let Some(first) = owned.first() {
        (COUNTRY_OTHER, 0, first.code.as_str(), "another nationality")
    } else {
        return;
    };
    tally.add(bits, Field { name: "nationality", asked, found, agreement, note: note.into() });
}

/// Alpha-3 where a table knows the country, else the text as written.
fn country(text: &str) -> String {
    model::country::code_of(text).map_or_else(|| text.trim().to_uppercase(), str::to_string)
}

#[cfg(test)]
#[path = "score_test.rs"]
mod tests;
