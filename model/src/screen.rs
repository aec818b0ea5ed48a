//! A question at primary and its answer, as rules see them (FEATURES.md 3). Search fills the answer, node audits it.

use serde::{Deserialize, Serialize};

use crate::date::BirthDate;
use crate::error::Invalid;
use crate::ids::RecordId;
use crate::known_bugs::{KnownBug, planted};
use crate::limits::{HITS_MAX, NAME_CHARS_MAX, NUMBER_CHARS_MAX};
use crate::lookout::{Action, DocumentState, name_letters, number, text};
use crate::number::NumberKind;
use crate::overrides::Mark;

/// A score from 0 to 1,000,000: whole numbers, so that order never depends on rounding, and so many that two records of which
/// different things speak have different scores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Score(u32);

impl Score {
    /// The highest score.
    pub const MAX: Score = Score(1_000_000);

    /// A score from millionths, cut at the highest.
    pub const fn from_parts(parts: u32) -> Self {
        Self(if parts < Self::MAX.0 { parts } else { Self::MAX.0 })
    }

    /// A score from a fraction of 0 to 1, rounded to millionths.
    pub fn from_fraction(fraction: f64) -> Self {
        Self((fraction.clamp(0.0, 1.0) * 1_000_000.0).round() as u32)
    }

    /// The score as a fraction of 0 to 1.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 1_000_000.0
    }

    /// The score in millionths.
    pub fn parts(self) -> u32 {
        self.0
    }
}

/// Who or what stands before the officer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    pub name: Option<String>,
    pub birth_date: Option<BirthDate>,
    /// ISO 3166-1 alpha-3.
    pub nationality: Option<String>,
    pub document: Option<String>,
    pub plate: Option<String>,
    pub registration: Option<String>,
    /// Whether weak aliases count for nothing.
    pub without_weak_aliases: bool,
    /// Hits below it are not answers.
    pub threshold: Score,
    /// Hits at most.
    pub limit: usize,
}

/// The score at which a name counts as a hit when the caller names none.
pub const THRESHOLD_DEFAULT: Score = Score(700_000);

/// Down to this threshold an answer is complete. A lower one is answered from the same candidates: with none at all, a
/// frequent word would make half of a list candidates.
pub const THRESHOLD_COMPLETE: Score = Score(50_000);

impl Query {
    /// Checks every field; a question needs a name or a number.
    pub fn validate(&self) -> Result<(), Invalid> {
        if let Some(name) = &self.name {
            text("name", name, NAME_CHARS_MAX, true)?;
            name_letters("name", name)?;
        }
        if let Some(nationality) = &self.nationality {
            text("nationality", nationality, NUMBER_CHARS_MAX, true)?;
        }
        for (kind, value) in self.numbers() {
            // A number of dashes would ask for nothing and be answered with 'no hit'.
            number(kind.code(), value)?;
        }
        if self.name.is_none() && self.numbers().is_empty() {
            return Err(Invalid::new("name", "a question needs a name, document, plate or registration".into()));
        }
        if self.limit == 0 || self.limit > HITS_MAX {
            return Err(Invalid::new("limit", format!("is {}, must be 1 to {HITS_MAX}", self.limit)));
        }
        Ok(())
    }

    /// The numbers of the question, as written.
    pub fn numbers(&self) -> Vec<(NumberKind, &str)> {
        let all = [
            (NumberKind::Document, &self.document),
            (NumberKind::Plate, &self.plate),
            (NumberKind::Registration, &self.registration),
        ];
        all.into_iter().filter_map(|(kind, number)| number.as_deref().map(|number| (kind, number))).collect()
    }
}

/// One field that met, or spoke against, with its weight: what the officer reads as the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// `name`, `birth_date`, `nationality`, `document`, `plate`, `registration`.
    pub field: String,
    /// What was asked.
    pub asked: String,
    /// What the record holds.
    pub found: String,
    /// How well they agree, in millionths.
    pub agreement: Score,
    /// Points of the total that this field added (or, below zero, took), in millionths.
    pub weight: i32,
    /// The reason in plain words, such as `sounds alike`.
    pub note: String,
    /// Of a name in an answer: which word met which. What is scored and not answered has none.
    pub words: Vec<WordMet>,
}

crate::coded! {
    /// How a word of the question met a word of the record.
    pub enum WordHow {
        1 "same" => Same,
        /// A known variant, or the same letters by another habit of writing: `Smyth`, `Smith`.
        2 "spelling" => Spelling,
        3 "sounds-alike" => SoundsAlike,
        /// The same word in another script.
        4 "transliteration" => Transliteration,
        5 "typing-error" => TypingError,
        /// Written as one word here and as several there.
        6 "together-or-apart" => TogetherOrApart,
        /// One begins the other.
        7 "cut" => Cut,
        8 "initial" => Initial,
        /// A word of the question that met none.
        9 "missing" => Missing,
        /// A word of the record that met none.
        10 "extra" => Extra,
    }
}

/// A word of the question and the word of the record that it met, both as they are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WordMet {
    /// Empty where a word of the record met none.
    pub asked: String,
    /// Empty where a word of the question met none.
    pub found: String,
    pub how: WordHow,
    /// Letters added, left out, replaced or swapped, of a typing error; else 0.
    pub edits: u32,
    /// What it adds to what the name says, or takes, in hundredths of a bit: 100 is twice as likely.
    pub bits: i32,
    /// Whether it stands before a word of the record that it follows in the question.
    pub swapped: bool,
}

crate::coded! {
    /// Why a record came up for a question, or did not.
    pub enum Outcome {
        1 "found" => Found,
        /// It scores enough, and as many others as were asked for score more.
        2 "outranked" => Outranked,
        3 "below-threshold" => BelowThreshold,
        /// Its words say too little, whatever else agrees: it is not scored.
        4 "no-candidate" => NoCandidate,
        5 "not-in-force" => NotInForce,
    }
}

/// A record that may be the one asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub id: RecordId,
    pub version: u64,
    pub source: Option<String>,
    pub source_ref: Option<String>,
    pub name: String,
    pub score: Score,
    pub action: Action,
    pub reason: String,
    pub evidence: Vec<Evidence>,
    /// The evidence in one sentence.
    pub sentence: String,
    /// The override that says of whom the question asks that he is not the one looked for.
    pub overridden: Option<Mark>,
    /// What is reported of the document that was asked for and that the record holds.
    pub document_state: Option<DocumentState>,
    /// Whether it is here because it is on primary alone, so that only its action and what tells whom it is about are here.
    pub minimal: bool,
}

impl Hit {
    /// What a lookout on primary shows of itself to an officer who may not see its record (NoMissedLookout): what to do, its
    /// name, and how name, date of birth and numbers that he asked for meet it. Not its list, its reason, its countries, or
    /// numbers that it holds beside those asked for.
    pub fn on_primary(self) -> Self {
        if planted(KnownBug::WholeHitAtTheLane) {
            return self;
        }
        let Self { id, version, name, score, action, mut evidence, overridden, document_state, .. } = self;
        evidence.retain(|part| match part.field.as_str() {
            "name" | "birth_date" => true,
            number if NumberKind::from_code(number).is_some() => part.agreement > Score::default(),
            _ => false,
        });
        let overridden = overridden.map(|mark| Mark { told: None, ..mark });
        let (source, source_ref, reason, sentence) = (None, None, String::new(), String::new());
        Self {
            id,
            version,
            source,
            source_ref,
            name,
            score,
            action,
            reason,
            evidence,
            sentence,
            overridden,
            document_state,
            minimal: true,
        }
    }
}

/// The order of an answer: best first, ties by id, so that two replicas answer alike (SameAnswer). What nothing speaks for is
/// no hit, however low the threshold.
pub fn rank(hits: &mut Vec<Hit>, limit: usize) {
    hits.retain(|hit| hit.score > Score::default());
    hits.sort_by(|a, b| b.score.cmp(&a.score).then(a.id.cmp(&b.id)));
    hits.dedup_by(|a, b| a.id == b.id);
    hits.truncate(limit);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(name: Option<&str>, document: Option<&str>) -> Query {
        let text = |value: Option<&str>| value.map(str::to_string);
        Query { name: text(name), document: text(document), limit: 1, ..Query::default() }
    }

    #[test]
    fn a_question_without_a_letter_or_digit_is_refused_by_field() {
        for name in ["???", "★★★", "-'.", "\u{640}\u{640}", "\u{2bc}\u{301}"] {
            let error = asks(Some(name), None).validate().expect_err(name);
            assert_eq!(error.to_string(), "name: holds no letter or digit");
        }
        for name in ["習", "안", "عمر", "Ω", "ก", "7", "D'", "ﬁ", "Ｘ", "अ"] {
            assert_eq!(asks(Some(name), None).validate(), Ok(()), "{name}");
        }
        let error = asks(Some("John"), Some("---")).validate().expect_err("dashes");
        assert_eq!(error.to_string(), "document: holds no letter or digit");
        let plate = Query { plate: Some("///".into()), ..asks(None, Some("A1")) };
        assert_eq!(plate.validate().expect_err("slashes").field, "plate");
        let registration = Query { registration: Some("·".into()), ..asks(None, Some("A1")) };
        assert_eq!(registration.validate().expect_err("a dot").field, "registration");
    }

    #[test]
    fn what_nothing_speaks_for_is_no_hit() {
        let hit = |n, score| Hit {
            id: RecordId([n; 16]),
            version: 1,
            source: None,
            source_ref: None,
            name: String::new(),
            score: Score::from_parts(score),
            action: Action::Refer,
            reason: String::new(),
            evidence: Vec::new(),
            sentence: String::new(),
            overridden: None,
            document_state: None,
            minimal: false,
        };
        let mut hits = vec![hit(1, 0), hit(2, 1), hit(3, 7_000)];
        rank(&mut hits, 10);
        assert_eq!(hits.iter().map(|hit| hit.score.parts()).collect::<Vec<_>>(), [7_000, 1]);
    }
}
