//! The score of a record for a question: numbers, name, date of birth and nationality, in this order, each moving the score
//! by a part of what is left. So it never saturates, more evidence ranks higher, and a conflict lowers without excluding.
//!
//! Pure and in whole numbers. Assumes that `prepared` and `record` were made from `query` and `lookout` with these tables.

use model::lookout::{CountryRole, Lookout, NameKind, NumberKind, normalise_number};
use model::screen::{Evidence, Query, Score};

use crate::align::{Alignment, align};
use crate::birth;
use crate::evidence::{Field, Tally, name_note, share};
use crate::prepared::{PreparedName, PreparedQuery, PreparedRecord};
use crate::tables::Tables;

/// The score of the same full name and nothing else.
const NAME_ALONE: u32 = 9_300;
/// The score of the same number and nothing else, and of one too short to be unique.
const NUMBER_ALONE: i32 = 9_600;
const SHORT_NUMBER_ALONE: i32 = 8_000;
const SHORT_NUMBER_CHARS: usize = 4;
/// Agreement from which a name speaks for a record that was found by number.
const NAME_AGREES: u32 = 6_000;
/// Share of the score that a wholly different name takes from a number that is equal.
const NAME_CONFLICT: i32 = 100;
/// A weak alias is worth less.
const WEAK_ALIAS: u32 = 950;
/// Thousandths of the gap to certainty that the same nationality closes.
const SAME_NATIONALITY: i32 = 60;

/// A score with its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scored {
    pub score: Score,
    pub evidence: Vec<Evidence>,
}

/// Scores a record for a question.
pub fn score(
    query: &Query,
    prepared: &PreparedQuery,
    lookout: &Lookout,
    record: &PreparedRecord,
    _tables: &Tables,
) -> Scored {
    let mut tally = Tally::default();
    numbers(query, prepared, lookout, &mut tally);
    let by_number = tally.score() > 0;
    let agreement = name(query, prepared, lookout, record, &mut tally);
    // A date or a country makes a likely name likelier; beside an unlikely name it is chance.
    let trust = if by_number { 10_000 } else { agreement as i32 };
    if tally.score() > 0 {
        missing_numbers(query, lookout, &mut tally);
        birth_date(query, lookout, trust, &mut tally);
        nationality(query, lookout, trust, &mut tally);
    }
    let (score, evidence) = tally.finish();
    Scored { score, evidence }
}

/// The highest score of a record whose name agrees so far and which shares no number. Grows with the agreement.
pub(crate) fn most(agreement: u32, dated: bool, national: bool) -> Score {
    let mut score = name_alone(agreement);
    for gain in [if dated { birth::GAIN_MAX } else { 0 }, if national { SAME_NATIONALITY } else { 0 }] {
        score += trusted(share(score, gain), agreement as i32);
    }
    Score::from_parts(score as u32)
}

fn name_alone(agreement: u32) -> i32 {
    (agreement * NAME_ALONE / 10_000) as i32
}

fn field_of(kind: NumberKind) -> &'static str {
    match kind {
        NumberKind::Document => "document",
        NumberKind::Plate => "plate",
        NumberKind::Registration => "registration",
    }
}

/// The numbers of a kind, as the record writes them.
fn held(kind: NumberKind, lookout: &Lookout) -> Vec<&str> {
    match kind {
        NumberKind::Document => lookout.documents.iter().map(|document| document.number.as_str()).collect(),
        NumberKind::Plate => lookout.plates.iter().map(|plate| plate.number.as_str()).collect(),
        NumberKind::Registration => lookout.registrations.iter().map(|r| r.number.as_str()).collect(),
    }
}

fn numbers(query: &Query, prepared: &PreparedQuery, lookout: &Lookout, tally: &mut Tally) {
    for (kind, asked) in query.numbers() {
        let Some((_, number)) = prepared.numbers().iter().find(|(other, _)| *other == kind) else { continue };
        let Some(found) = held(kind, lookout).into_iter().find(|held| normalise_number(held) == *number) else {
            continue;
        };
        let short = number.chars().count() < SHORT_NUMBER_CHARS;
        let alone = if short { SHORT_NUMBER_ALONE } else { NUMBER_ALONE };
        let points = if tally.score() == 0 { alone } else { tally.share(500) };
        let note = if short { "same number, but a short one" } else { "same number" };
        tally.add(points, Field { name: field_of(kind), asked, found, agreement: 10_000, note: note.into() });
    }
}

/// A person has several documents, so another number says little.
fn missing_numbers(query: &Query, lookout: &Lookout, tally: &mut Tally) {
    for (kind, asked) in query.numbers() {
        let number = normalise_number(asked);
        let held = held(kind, lookout);
        if number.is_empty() || held.is_empty() || held.iter().any(|held| normalise_number(held) == number) {
            continue;
        }
        let note = "another number".to_string();
        tally.add(tally.share(-15), Field { name: field_of(kind), asked, found: held[0], agreement: 0, note });
    }
}

/// Adds the name that agrees best; returns how well it does.
fn name(query: &Query, prepared: &PreparedQuery, lookout: &Lookout, record: &PreparedRecord, tally: &mut Tally) -> u32 {
    let Some(asked) = &query.name else { return 0 };
    let all = record.names.iter().map(|name| (name, weighted(align(&prepared.tokens, &name.tokens), name.kind)));
    // The first of equals, in the order of the record.
    let best = all.reduce(|best, next| if next.1.agreement > best.1.agreement { next } else { best });
    let Some((name, alignment)) = best.filter(|_| !prepared.tokens.is_empty()) else { return 0 };
    let agreement = alignment.agreement;
    let points = if tally.score() == 0 {
        name_alone(agreement)
    } else if agreement >= NAME_AGREES {
        tally.share((agreement / 20) as i32)
    } else {
        tally.share(-NAME_CONFLICT * (NAME_AGREES - agreement) as i32 / NAME_AGREES as i32)
    };
    let mut note = name_note(&alignment, name.kind == NameKind::WeakAlias);
    if tally.score() > 0 && agreement < NAME_AGREES {
        note = format!("same number under another name: {note}");
    }
    let field = Field { name: "name", asked, found: text_of(name, lookout), agreement: agreement as u16, note };
    tally.add(points, field);
    agreement
}

fn weighted(mut alignment: Alignment, kind: NameKind) -> Alignment {
    if kind == NameKind::WeakAlias {
        alignment.agreement = alignment.agreement * WEAK_ALIAS / 1000;
    }
    alignment
}

fn text_of<'a>(name: &PreparedName, lookout: &'a Lookout) -> &'a str {
    let Some(held) = lookout.names.get(usize::from(name.name)) else { return "" };
    if name.original { held.original.as_deref().unwrap_or(&held.full) } else { &held.full }
}

fn birth_date(query: &Query, lookout: &Lookout, trust: i32, tally: &mut Tally) {
    let Some(asked) = query.birth_date else { return };
    let Some((found, verdict)) = birth::best(asked, &lookout.birth_dates) else { return };
    let points = trusted(tally.share(verdict.gain), trust);
    let (asked, found) = (asked.to_string(), found.to_string());
    let (agreement, note) = (verdict.agreement, verdict.note.to_string());
    tally.add(points, Field { name: "birth_date", asked: &asked, found: &found, agreement, note });
}

/// What speaks for a record counts as far as its name is trusted; what speaks against it counts in full.
fn trusted(points: i32, trust: i32) -> i32 {
    if points > 0 { points * trust / 10_000 } else { points }
}

fn nationality(query: &Query, lookout: &Lookout, trust: i32, tally: &mut Tally) {
    let Some(asked) = &query.nationality else { return };
    let code = country(asked);
    let own = |role| matches!(role, CountryRole::Nationality | CountryRole::Citizenship | CountryRole::Flag);
    let (owned, other): (Vec<_>, Vec<_>) = lookout.countries.iter().partition(|country| own(country.role));
    let same = |countries: &[&model::lookout::Country]| countries.iter().any(|held| country(&held.code) == code);
    let (gain, agreement, found, note) = if same(&owned) {
        (SAME_NATIONALITY, 10_000, code.as_str(), "same nationality")
    } else if same(&other) {
        (30, 6_000, code.as_str(), "lived or was born there")
    } else if let Some(first) = owned.first() {
        (-25, 0, first.code.as_str(), "another nationality")
    } else {
        return;
    };
    let points = trusted(tally.share(gain), trust);
    tally.add(points, Field { name: "nationality", asked, found, agreement, note: note.into() });
}

/// Alpha-3 where a table knows the country, else the text as written.
fn country(text: &str) -> String {
    model::country::code_of(text).map_or_else(|| text.trim().to_uppercase(), str::to_string)
}

#[cfg(test)]
#[path = "score_test.rs"]
mod tests;
