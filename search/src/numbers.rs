//! What the numbers of a record say for a question: the same, alike, without a state, or others. Part of `score.rs`.
//!
//! Assumes that `prepared` was made from `query`. The weights were chosen and not fitted: there are no labelled pairs of numbers.

use std::borrow::Cow;

use model::lookout::{DocumentState, Lookout};
use model::number::{Likeness, Number, NumberKind};
use model::screen::Query;

use crate::evidence::{Field, Tally};
use crate::prepared::PreparedQuery;

/// What the same number says, and one too short to be unique.
const NUMBER: i32 = 1_600;
const SHORT_NUMBER: i32 = 840;
const SHORT_NUMBER_CHARS: usize = 4;
/// The same plate of the same state, and one of which one side says no state; of another state it is another vehicle, which
/// is shown to whoever asks for that little.
const NUMBER_SAME_STATE: i32 = 1_550;
const NUMBER_WITHOUT_STATE: i32 = 1_450;
const NUMBER_OTHER_STATE: i32 = 400;
const NUMBER_WITHOUT_LABEL: i32 = 1_590;
/// A number that reads alike: a hit at the usual threshold, about as much as a short one, and too little beside another name.
/// Each further pair of signs that is confused makes it less likely, and no number of them makes it none.
const NUMBER_ALIKE: i32 = 870;
const NUMBER_ALIKE_MORE: i32 = -12;
const NUMBER_ALIKE_PAIRS: usize = 4;
/// A second number that is the same, and what any other likeness says of a second one, in hundredths of what it says alone.
const NUMBER_MORE: i32 = 800;
const NUMBER_MORE_SHARE: i32 = 50;
/// A person has several documents, so another number says little.
const NUMBER_OTHER: i32 = -20;

/// A number of a record.
struct Held<'a> {
    text: Cow<'a, str>,
    number: Number,
    state: Option<DocumentState>,
}

/// The numbers of a kind.
fn held(kind: NumberKind, lookout: &Lookout) -> Vec<Held<'_>> {
    match kind {
        NumberKind::Document => lookout
            .documents
            .iter()
            .map(|it| Held { text: it.shown(), number: it.comparable(), state: it.state })
            .collect(),
        NumberKind::Plate => lookout
            .plates
            .iter()
            .map(|it| Held { text: Cow::Borrowed(&it.number), number: it.comparable(), state: None })
            .collect(),
        NumberKind::Registration => lookout
            .registrations
            .iter()
            .map(|it| Held { text: Cow::Borrowed(&it.number), number: it.comparable(), state: None })
            .collect(),
    }
}

/// What a likeness says, how much of the number agrees, in millionths, and in words.
fn said(likeness: &Likeness, asked: &Number) -> (i32, u32, String) {
    match likeness {
        Likeness::Same if asked.written().chars().count() < SHORT_NUMBER_CHARS => {
            (SHORT_NUMBER, 1_000_000, "same number, but a short one".into())
        }
        Likeness::Same => (NUMBER, 1_000_000, "same number".into()),
        Likeness::WithoutLabel => (NUMBER_WITHOUT_LABEL, 1_000_000, "the same without `IMO`".into()),
        Likeness::SameState => (NUMBER_SAME_STATE, 1_000_000, "the same, with the same state".into()),
        Likeness::StateLeftOut => (NUMBER_WITHOUT_STATE, 950_000, "the same without the state".into()),
        Likeness::OtherState => (NUMBER_OTHER_STATE, 500_000, "the same number of another state".into()),
        Likeness::Alike(pairs) => {
            let further = pairs.len().clamp(1, NUMBER_ALIKE_PAIRS) - 1;
            let bits = NUMBER_ALIKE + NUMBER_ALIKE_MORE * further as i32;
            (bits, 800_000, format!("reads alike: {}", confusions(pairs)))
        }
    }
}

/// `O for 0, I for 1`: what is asked for what is held; letters of another alphabet look the same and are not shown.
fn confusions(pairs: &[(char, char)]) -> String {
    let (latin, others): (Vec<_>, Vec<_>) = pairs.iter().partition(|(one, two)| one.is_ascii() && two.is_ascii());
    let mut said: Vec<String> = latin.iter().map(|(asked, held)| format!("{asked} for {held}")).collect();
    if !others.is_empty() {
        said.push("letters of another alphabet".to_string());
    }
    said.join(", ")
}

/// Adds what each number asked for finds; what is reported of the document is returned.
pub(crate) fn add(
    query: &Query,
    prepared: &PreparedQuery,
    lookout: &Lookout,
    tally: &mut Tally,
) -> Option<DocumentState> {
    let mut reported = None;
    for ((kind, text), asked) in query.numbers().into_iter().zip(&prepared.numbers) {
        let held = held(kind, lookout);
        let likenesses = held.iter().filter_map(|held| Some((held, asked.likeness(&held.number)?)));
        let said = likenesses.map(|(held, likeness)| (held, said(&likeness, asked), likeness));
        // The first of equals, in the order of the record; of two documents of one number the one that is reported.
        let best = said.reduce(|best, next| {
            let order =
                |(held, (bits, ..), _): &(&Held<'_>, (i32, u32, String), Likeness)| (*bits, held.state.is_some());
            if order(&next) > order(&best) { next } else { best }
        });
        let Some((found, (alone, agreement, mut note), likeness)) = best else { continue };
        match found.state {
            Some(state) if likeness == Likeness::Same => {
                note = format!("{note}, document reported {state}");
                reported = reported.or(Some(state));
            }
            Some(state) => note = format!("{note}; that document is reported {state}"),
            None => {}
        }
        let bits = match likeness {
            _ if tally.bits() == 0 => alone,
            Likeness::Same => NUMBER_MORE,
            _ => alone * NUMBER_MORE_SHARE / 100,
        };
        tally.add(bits, Field { name: kind.code(), asked: text, found: &found.text, agreement, note });
        // Whoever carries a document that is looked for is referred, whatever else it says of him.
        if alone >= NUMBER_SAME_STATE
            && matches!(likeness, Likeness::Same | Likeness::WithoutLabel | Likeness::SameState)
        {
            tally.hold();
        }
    }
    reported
}

/// Adds that the record holds other numbers only, of each kind asked for.
pub(crate) fn add_missing(query: &Query, prepared: &PreparedQuery, lookout: &Lookout, tally: &mut Tally) {
    for ((kind, text), asked) in query.numbers().into_iter().zip(&prepared.numbers) {
        let held = held(kind, lookout);
        let met = held.iter().any(|held| asked.likeness(&held.number).is_some());
        let Some(first) = held.first().filter(|_| !met && !asked.written().is_empty()) else { continue };
        let note = "another number".to_string();
        tally.add(NUMBER_OTHER, Field { name: kind.code(), asked: text, found: &first.text, agreement: 0, note });
    }
}
