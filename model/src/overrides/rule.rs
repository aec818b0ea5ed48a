//! When an override applies: a question that tells the innocent person apart, before the override expires, and nothing that
//! speaks for the one looked for. Whatever is in doubt leaves the hit as it is.

use super::Override;
use crate::date::{BirthDate, CIRCA_YEARS, PartialDate};
use crate::error::Invalid;
use crate::ids::{AgencyId, OverrideId, UserId};
use crate::lookout::Lookout;
use crate::number::{Number, NumberKey, NumberKind, normalise_number};
use crate::screen::Query;
use crate::time::UnixMillis;

/// What an overridden hit says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    pub id: OverrideId,
    pub expires: UnixMillis,
    /// Why and by whom; not told of a lookout that is shown only because it is on primary.
    pub told: Option<MarkTold>,
}

/// Why an override was recorded, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkTold {
    pub reason: String,
    pub recorded_by: UserId,
    pub agency: AgencyId,
}

/// Whether a question holds anything by which an override can tell a person apart. Others need not look for overrides.
pub fn may_be_told_apart(query: &Query) -> bool {
    query.document.is_some() || (query.name.is_some() && query.birth_date.and_then(whole_day).is_some())
}

impl Override {
    /// Refuses what does not tell the person from the lookout's own subject, by the field that both share. It is asked when
    /// the override is recorded, and again of every later version of the lookout: then the override is void.
    pub fn check_distinct(&self, lookout: &Lookout) -> Result<(), Invalid> {
        let own = lookout.number_keys();
        let shared = self.documents.iter().position(|number| meets(&own, NumberKind::Document, number));
        if let Some(at) = shared {
            let reason = "is a document of the lookout itself, or reads like one: it would hide the one looked for";
            let reason = reason.to_string();
            return Err(Invalid::new(format!("documents[{at}]"), reason));
        }
        match self.birth_date {
            Some(date) if lookout.birth_dates.iter().any(|own| may_be(*own, date)) => {
                let reason = "may be the date of birth of the one looked for: tell the person apart by a document";
                Err(Invalid::new("birth_date", reason.into()))
            }
            _ => Ok(()),
        }
    }

    /// Whether this override of a lookout is about the one whom a question at a time asks for.
    pub fn applies(&self, lookout: &Lookout, query: &Query, at: UnixMillis) -> bool {
        at < self.expires
            && (self.by_document(query) || self.by_name_and_date(query))
            && !self.contradicts(query)
            && !asks_by_own_number(lookout, query)
            && self.check_distinct(lookout).is_ok()
    }

    fn by_document(&self, query: &Query) -> bool {
        let asked = query.document.as_deref().map(normalise_number).filter(|number| !number.is_empty());
        asked.is_some_and(|asked| self.documents.iter().any(|number| normalise_number(number) == asked))
    }

    fn by_name_and_date(&self, query: &Query) -> bool {
        let asked = query.birth_date.and_then(whole_day);
        let same_name = || query.name.as_deref().is_some_and(|name| words(name) == words(&self.name));
        self.birth_date.is_some() && asked == self.birth_date && same_name()
    }

    /// Whether the question states something else than the override does of the same thing.
    fn contradicts(&self, query: &Query) -> bool {
        let date = query.birth_date.and_then(whole_day).zip(self.birth_date);
        let nationality = query.nationality.as_ref().zip(self.nationality.as_ref());
        date.is_some_and(|(asked, own)| asked != own) || nationality.is_some_and(|(asked, own)| asked != own)
    }
}

/// Whether the question names a document, plate or registration of the lookout, or one that reads alike: then it is no
/// question of a name that two people share.
fn asks_by_own_number(lookout: &Lookout, query: &Query) -> bool {
    let own = lookout.number_keys();
    query.numbers().into_iter().any(|(kind, number)| meets(&own, kind, number))
}

/// Whether a number has a key among these.
fn meets(own: &[NumberKey], kind: NumberKind, number: &str) -> bool {
    Number::new(kind, number).keys().iter().any(|key| own.binary_search(key).is_ok())
}

/// The day that a date states as exact.
fn whole_day(date: BirthDate) -> Option<PartialDate> {
    (date.to.is_none() && !date.circa && date.from.day().is_some()).then_some(date.from)
}

/// Whether a day may be what a lookout states of its subject: within what it leaves open, or day and month swapped. 1 January
/// is taken for the year alone.
fn may_be(own: BirthDate, day: PartialDate) -> bool {
    let parts = |date: PartialDate| (date.year(), date.month(), date.day());
    let (year, month, of_month) = parts(day);
    if let Some(exact) = whole_day(own)
        && parts(exact) != (exact.year(), Some(1), Some(1))
    {
        return parts(exact) == (year, month, of_month) || parts(exact) == (year, of_month, month);
    }
    let last = own.to.unwrap_or(own.from);
    let only_year = own.circa || whole_day(own).is_some();
    let slack = if own.circa { CIRCA_YEARS } else { 0 };
    let first = match only_year {
        true => (own.from.year() - slack, 1, 1),
        false => (own.from.year(), own.from.month().unwrap_or(1), own.from.day().unwrap_or(1)),
    };
    let last = match only_year {
        true => (last.year() + slack, 12, 31),
        false => (last.year(), last.month().unwrap_or(12), last.day().unwrap_or(31)),
    };
    // Months and days of a whole date are there.
    (first..=last).contains(&(year, month.unwrap_or(0), of_month.unwrap_or(0)))
}

/// The words of a name in any order: case, accents and signs off, in their own script. Narrower than what makes a hit, since
/// who only sounds like the innocent person is not he.
fn words(name: &str) -> Vec<String> {
    use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
    // Accents of Latin, Greek and Cyrillic; marks of other scripts are letters of a word.
    let accent = |c: &char| matches!(c, '\u{300}'..='\u{36f}');
    let plain = name.nfkd().filter(|c| !accent(c) && !matches!(c, '\'' | '\u{2019}' | '\u{2bc}'));
    let folded: String = plain.flat_map(char::to_uppercase).collect();
    let words = folded.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c)).filter(|word| !word.is_empty());
    let mut words: Vec<String> = words.map(str::to_string).collect();
    words.sort_unstable();
    words
}

#[cfg(test)]
#[path = "rule_test.rs"]
mod tests;
