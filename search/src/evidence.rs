//! The parts of a score as the officer reads them. Each part's weight is what the score moved by, so the weights of an
//! answer add up to its score. Assumes parts are taken in one fixed order.

use model::screen::{Evidence, Score};

use crate::align::Alignment;
use crate::pair::How;
use crate::score::scaled;

/// A score in the making, in hundredths of a bit.
#[derive(Debug, Default)]
pub struct Tally {
    bits: i32,
    /// Whether something stands fast, see [`Tally::hold`].
    held: bool,
    evidence: Vec<Evidence>,
}

/// What is below this where something stands fast counts a tenth: a hit at the usual threshold, the lower the more speaks
/// against it.
const HELD_LEAST: i32 = 810;
const HELD_SHARE: i32 = 10;

/// One field as it was asked and as it was found.
pub struct Field<'a> {
    pub name: &'static str,
    pub asked: &'a str,
    pub found: &'a str,
    /// How well they agree, in millionths.
    pub agreement: u32,
    pub note: String,
}

impl Tally {
    /// Hundredths of a bit so far.
    pub fn bits(&self) -> i32 {
        self.bits
    }

    /// What was added stands fast: nothing that speaks against it makes the record no hit.
    pub fn hold(&mut self) {
        self.held = true;
    }

    fn score(&self) -> Score {
        let below = if self.held { (HELD_LEAST - self.bits).max(0) } else { 0 };
        scaled(self.bits + below - below / HELD_SHARE)
    }

    /// Adds a part, or takes it.
    pub fn add(&mut self, bits: i32, field: Field<'_>) {
        let before = self.score();
        self.bits += bits;
        self.evidence.push(Evidence {
            field: field.name.to_string(),
            asked: field.asked.to_string(),
            found: field.found.to_string(),
            agreement: Score::from_parts(field.agreement),
            weight: self.score().parts() as i32 - before.parts() as i32,
            note: field.note,
            words: Vec::new(),
        });
    }

    /// The score and its parts.
    pub fn finish(self) -> (Score, Vec<Evidence>) {
        (self.score(), self.evidence)
    }
}

/// What an alignment of names says, in plain words.
pub fn name_note(alignment: &Alignment, weak: bool) -> String {
    let mut notes: Vec<&str> = Vec::new();
    let mut hows: Vec<How> = alignment.met.iter().map(|met| met.likeness.how).collect();
    hows.sort_unstable();
    hows.dedup();
    if hows.is_empty() {
        notes.push("names differ");
    }
    for how in &hows {
        notes.push(match how {
            How::Same if hows.len() == 1 && alignment.whole.is_some() => "same name",
            How::Same => continue,
            How::Variant => "another spelling of the name",
            How::Script => "written in another script",
            How::Spelt => "spelt alike",
            How::Joined => "written together or apart",
            How::Cut => "cut short",
            How::Initial => "initial only",
        });
    }
    if alignment.turns > 0 {
        notes.push("other order");
    }
    match (alignment.asked_left > 0, alignment.held_left > 0) {
        _ if hows.is_empty() => {}
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
