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
    evidence: Vec<Evidence>,
}

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

    /// Adds a part, or takes it.
    pub fn add(&mut self, bits: i32, field: Field<'_>) {
        let before = scaled(self.bits);
        self.bits += bits;
        self.evidence.push(Evidence {
            field: field.name.to_string(),
            asked: field.asked.to_string(),
            found: field.found.to_string(),
            agreement: Score::from_parts(field.agreement),
            weight: scaled(self.bits).parts() as i32 - before.parts() as i32,
            note: field.note,
            words: Vec::new(),
        });
    }

    /// The score and its parts.
    pub fn finish(self) -> (Score, Vec<Evidence>) {
        (scaled(self.bits), self.evidence)
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
