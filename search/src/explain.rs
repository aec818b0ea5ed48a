//! Why a record comes up for a question, or does not. The verdict is that of [`is_candidate`] and [`Scorer`], which
//! answers follow, and a property test holds it against an index; what is told beside it says how they came to it.

use model::lookout::{CountryRole, Lookout};
use model::policy::Weighing;
use model::screen::{Evidence, Outcome, Query, Score};

use crate::candidate::{find, find_all, is_candidate};
use crate::keys;
use crate::normalise::Token;
use crate::prepared::{PreparedName, PreparedQuery, PreparedRecord};
use crate::score::{self, Scorer, counted};
use crate::sentence::sentence;
use crate::tables::Tables;
use crate::words::{Kind, Word};
use crate::words_met::{WordTeller, words_of};

/// A record beside a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// `Found`, `BelowThreshold` or `NoCandidate`: what else decides is not seen here.
    pub outcome: Outcome,
    /// The outcome in one sentence.
    pub reason: String,
    /// The most that it may score by its words; none where these are no name.
    pub bound: Option<Score>,
    /// What each word of the question finds in the record.
    pub words: Vec<WordFound>,
    pub score: Score,
    pub evidence: Vec<Evidence>,
    /// The evidence in one sentence.
    pub sentence: String,
    /// What the same question would score with what the record holds, where that is more.
    pub supposed: Vec<Supposed>,
}

/// What a word of a question finds among all words of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordFound {
    /// As written; neighbours that others write as one word are one.
    pub asked: String,
    /// The word of which it says most, as written; empty where no word has a key in common with it.
    pub found: String,
    /// What it says at most, in hundredths of a bit as they count in the sum; 0 where the words are too far apart.
    pub bits: i32,
}

/// The question with something that the record holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supposed {
    /// What was taken from the record: `birth_date` and `nationality`, with their values.
    pub fields: Vec<(&'static str, String)>,
    pub score: Score,
    /// Whether it would come up.
    pub found: bool,
}

/// Explains a record in force. `prepared` and `record` were made from `query` and `lookout` with these tables; `query` holds
/// nothing that is not weighed.
pub fn explain(
    query: &Query,
    prepared: &PreparedQuery,
    (lookout, record): (&Lookout, &PreparedRecord),
    weighing: Weighing,
    tables: &Tables,
) -> Explained {
    // What the policy leaves out is not told of either.
    let without = record.without_weak_aliases();
    let record = if weighing.weak_aliases { record } else { &without };
    let mut scored = Scorer::new(query, prepared, tables).score(lookout, record);
    let mut teller = WordTeller::new(query, prepared, tables);
    teller.tell(lookout, record, scored.name.as_ref(), &mut scored.evidence);
    let outcome = outcome(query, prepared, record, scored.score, tables);
    let (bound, words) = by_words(prepared, lookout, record, &mut teller, tables);
    let reason = reason(query, outcome, scored.score, bound, &words);
    let supposed = match outcome {
        Outcome::Found => Vec::new(),
        _ => supposed(query, (lookout, record), weighing, scored.score, tables),
    };
    let sentence = sentence(&scored.evidence);
    Explained { outcome, reason, bound, words, score: scored.score, evidence: scored.evidence, sentence, supposed }
}

/// What an answer decides: a candidate that scores enough, and something.
fn outcome(query: &Query, prepared: &PreparedQuery, record: &PreparedRecord, score: Score, tables: &Tables) -> Outcome {
    if !is_candidate(prepared, record, tables) {
        Outcome::NoCandidate
    } else if score >= query.threshold && score > Score::default() {
        Outcome::Found
    } else {
        Outcome::BelowThreshold
    }
}

/// The bound of the reading that says most, and what its words find.
fn by_words(
    prepared: &PreparedQuery,
    lookout: &Lookout,
    record: &PreparedRecord,
    teller: &mut WordTeller<'_>,
    tables: &Tables,
) -> (Option<Score>, Vec<WordFound>) {
    let held = record.words();
    let date = prepared.date_gain(record.birth_dates.iter().copied());
    let words = record.outline().words.into();
    let bound = |(at, found): (usize, Vec<_>)| {
        let name = score::most(&prepared.readings[at], &found, words, date.is_some_and(|gain| gain < 0));
        (name > i32::MIN).then(|| prepared.most_with(name, date))
    };
    let found = prepared.readings.iter().map(|reading| find_all(reading, &held, tables));
    let bounds = found.enumerate().map(|(at, found)| (bound((at, found)), std::cmp::Reverse(at)));
    let Some((most, std::cmp::Reverse(best))) = bounds.max() else { return (None, Vec::new()) };
    let reading = &prepared.readings[best];
    let asked = teller.asked(best);
    let told = reading.words.iter().filter_map(|word| {
        let (found, bits, meets) = best_of(word, record, tables)?;
        // Of words that are made of others, those alone that find something.
        if word.kind != Kind::Single && bits == 0 {
            return None;
        }
        let asked = asked[word.from..word.from + word.len].join(" ");
        let found = if meets { written_of(found, lookout, record, tables) } else { String::new() };
        Some(WordFound { asked, found, bits: counted(bits) })
    });
    (most, told.collect())
}

/// The word of a record of which a word of the question says most, what it says, and whether they have a key in common.
fn best_of<'a>(word: &Word, record: &'a PreparedRecord, tables: &Tables) -> Option<(&'a Token, u32, bool)> {
    let asked = keys::of_asked(&word.asked.token, tables);
    let judge = |held: &'a Token| {
        let says = find(word, held, tables);
        let meets = says.bits > 0
            || says.initial
            || keys::of_held(held, tables).iter().any(|key| asked.binary_search(key).is_ok());
        (held, says.bits, meets)
    };
    let all = record.words().into_iter().map(judge);
    // The first of equals, in the order of the words.
    all.reduce(|best, next| if (next.1, next.2) > (best.1, best.2) { next } else { best })
}

/// A word of a record as it is written where it stands first.
fn written_of(token: &Token, lookout: &Lookout, record: &PreparedRecord, tables: &Tables) -> String {
    let place = |name: &PreparedName| name.tokens.iter().position(|other| other.text == token.text);
    let first = record.names.iter().find_map(|name| Some((name, place(name)?)));
    let words = first.map(|(name, at)| words_of(name, lookout, tables).swap_remove(at));
    words.unwrap_or_else(|| token.text.to_string())
}

fn reason(query: &Query, outcome: Outcome, score: Score, bound: Option<Score>, words: &[WordFound]) -> String {
    let threshold = fraction(query.threshold);
    match (outcome, bound) {
        (Outcome::NoCandidate, _) if query.name.is_none() => {
            "no number of the question is a number of the record".to_string()
        }
        (Outcome::NoCandidate, _) if words.is_empty() => "the record has no name".to_string(),
        (Outcome::NoCandidate, _) if words.iter().all(|word| word.found.is_empty()) => {
            "no word of the question has a key in common with a word of the record".to_string()
        }
        (Outcome::NoCandidate, _) if words.iter().all(|word| word.bits == 0) => {
            "the words that have a key in common are too far apart to say anything".to_string()
        }
        (Outcome::NoCandidate, None) => "initials and particles are all that the names have in common".to_string(),
        (Outcome::NoCandidate, Some(bound)) => {
            format!("by its words it scores {} at most, below the threshold {threshold}", fraction(bound))
        }
        (Outcome::BelowThreshold, _) if score == Score::default() => "nothing speaks for it".to_string(),
        (Outcome::BelowThreshold, _) => {
            let lacks = Score::from_parts(query.threshold.parts().saturating_sub(score.parts()));
            format!("it scores {}, {} below the threshold {threshold}", fraction(score), fraction(lacks))
        }
        _ => format!("it scores {}, and the threshold is {threshold}", fraction(score)),
    }
}

/// What the question would score with the record's first date of birth, its nationality, and both, where that is more.
fn supposed(
    query: &Query,
    (lookout, record): (&Lookout, &PreparedRecord),
    weighing: Weighing,
    score: Score,
    tables: &Tables,
) -> Vec<Supposed> {
    let date = lookout.birth_dates.first().filter(|date| weighing.birth_date && query.birth_date != Some(**date));
    let own = |role| matches!(role, CountryRole::Nationality | CountryRole::Citizenship | CountryRole::Flag);
    let country = lookout.countries.iter().find(|country| own(country.role)).map(|country| &country.code);
    let country = country.filter(|code| weighing.nationality && query.nationality.as_ref() != Some(code));
    let both = date.zip(country).map(|(date, country)| (Some(date), Some(country)));
    let with = [date.map(|date| (Some(date), None)), country.map(|country| (None, Some(country))), both];
    let judged = with.into_iter().flatten().map(|(date, country)| {
        let mut other = query.clone();
        other.birth_date = date.copied().or(query.birth_date);
        other.nationality = country.cloned().or(query.nationality.clone());
        let prepared = PreparedQuery::new(&other, tables);
        let score = Scorer::new(&other, &prepared, tables).score(lookout, record).score;
        let found = outcome(&other, &prepared, record, score, tables) == Outcome::Found;
        let fields = date.map(|date| ("birth_date", date.to_string())).into_iter();
        let fields = fields.chain(country.map(|code| ("nationality", code.clone()))).collect();
        Supposed { fields, score, found }
    });
    let mut more: Vec<Supposed> = judged.filter(|supposed| supposed.score > score).collect();
    // Where one is enough, both say nothing new.
    if more.iter().any(|supposed| supposed.found && supposed.fields.len() == 1) {
        more.retain(|supposed| supposed.fields.len() == 1);
    }
    more
}

/// A score as it is read: three decimals, cut and not rounded, so that what is below a threshold never looks as if it
/// were not; more where that would be nothing.
fn fraction(score: Score) -> String {
    let parts = score.parts();
    let text = if parts == 0 || parts >= 1_000 {
        format!("{}.{:03}", parts / 1_000_000, parts / 1_000 % 1_000)
    } else {
        format!("0.{parts:06}")
    };
    let wanted = text.trim_end_matches('0').len().max("0.00".len());
    text[..wanted].to_string()
}

#[cfg(test)]
#[path = "explain_test.rs"]
mod tests;
