//! The parts of a score as the officer reads them. Each part's weight is what the score moved by, so the weights of an
//! answer add up to its score. Assumes parts are taken in one fixed order.

use model::screen::{Evidence, Score};

use crate::align::Alignment;
use crate::similarity::How;

/// The highest score; never reached, so that more evidence always ranks higher.
const TOP: i32 = 10_000;

/// A score in the making.
#[derive(Debug, Default)]
pub struct Tally {
    score: i32,
    evidence: Vec<Evidence>,
}

/// One field as it was asked and as it was found.
pub struct Field<'a> {
    pub name: &'static str,
    pub asked: &'a str,
    pub found: &'a str,
    pub agreement: u16,
    pub note: String,
}

impl Tally {
    /// The score so far.
    pub fn score(&self) -> i32 {
        self.score
    }

    /// Points that close so many thousandths of the gap to the highest score; below zero, that take so many of the score.
    pub fn share(&self, thousandths: i32) -> i32 {
        share(self.score, thousandths)
    }

    /// Adds a part.
    pub fn add(&mut self, points: i32, field: Field<'_>) {
        let before = self.score;
        self.score = (before + points).clamp(0, TOP);
        self.evidence.push(Evidence {
            field: field.name.to_string(),
            asked: field.asked.to_string(),
            found: field.found.to_string(),
            agreement: Score::from_parts(field.agreement.into()),
            weight: self.score - before,
            note: field.note,
        });
    }

    /// The score and its parts.
    pub fn finish(self) -> (Score, Vec<Evidence>) {
        (Score::from_parts(self.score.max(0) as u32), self.evidence)
    }
}

/// As [`Tally::share`], of a score.
pub fn share(score: i32, thousandths: i32) -> i32 {
    let of = if thousandths >= 0 { TOP - score } else { score };
    of * thousandths / 1000
}

/// What an alignment of names says, in plain words.
pub fn name_note(alignment: &Alignment, weak: bool) -> String {
    let mut notes: Vec<&str> = Vec::new();
    let partial = alignment.query_left || alignment.name_left;
    if alignment.how.is_empty() {
        notes.push("names differ");
    }
    for how in &alignment.how {
        notes.push(match how {
            How::Same if alignment.how.len() == 1 && !partial => "same name",
            How::Same => continue,
            How::Variant => "another spelling of the name",
            How::Spelt => "spelt alike",
            How::Sounds => "sounds alike",
            How::Joined => "written together or apart",
            How::Cut => "cut short",
            How::Initial => "initial only",
            How::Alike => "somewhat alike",
        });
    }
    if alignment.swapped {
        notes.push("other order");
    }
    match (alignment.query_left, alignment.name_left) {
        _ if alignment.how.is_empty() => {}
        (true, true) => notes.push("part of the name differs"),
        (true, false) => notes.push("the record has fewer names"),
        (false, true) => notes.push("the record has more names"),
        (false, false) => {}
    }
    if weak {
        notes.push("weak alias");
    }
    if notes.is_empty() { "same name".to_string() } else { notes.join(", ") }
}
