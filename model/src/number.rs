//! Numbers of documents, plates and registrations: the exact keys by which two writings of one number meet, and what a
//! meeting is worth.
//!
//! A record is stored under the keys of its numbers and a question looks its own up, so nothing is ever searched near a
//! number. Both sides make their keys here, at most [`KEYS_MAX`] a number. Two forms never meet each other: `exact` keys are
//! what is written, for plates also without and with the state; `alike` keys are these with every letter and digit that
//! readers and people take for each other made one.

use unicode_normalization::UnicodeNormalization;

use crate::plate_state::PlateState;

crate::coded! {
    /// The kinds of numbers that are found by exact key.
    pub enum NumberKind {
        1 "document" => Document,
        2 "plate" => Plate,
        3 "registration" => Registration,
    }
}

crate::coded! {
    /// In which way two numbers of one key are the same.
    pub enum NumberForm {
        1 "exact" => Exact,
        2 "alike" => Alike,
    }
}

/// Keys of one number at most: as written, without the state, with it in front and behind; each exact and alike.
pub const KEYS_MAX: usize = 8;

/// Characters from which a number may be met by what reads alike or with its state left out. Shorter ones are few, so that
/// what reads like one of them is mostly another.
pub const LOOSE_CHARS_MIN: usize = 5;

/// A key of a number: whoever has an equal one is a candidate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NumberKey {
    pub kind: NumberKind,
    pub form: NumberForm,
    pub text: String,
}

/// A number as it is written somewhere, ready to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    kind: NumberKind,
    /// Upper case, letters and digits only.
    written: String,
    /// The same without a state or a label that is part of the writing.
    bare: Option<String>,
    /// The state or country that issued a plate, where writing or record say so.
    state: Option<PlateState>,
}

/// How a number of a record lies beside the one that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Likeness {
    /// The same letters and digits.
    Same,
    /// The same, one of them with `IMO` before it.
    WithoutLabel,
    /// The same plate of the same state, which one of them writes into the number.
    SameState,
    /// The same plate, of which one says no state.
    StateLeftOut,
    /// The same plate of another state: another vehicle.
    OtherState,
    /// Alike: for each pair that differs, what is asked and what is held, sorted.
    Alike(Vec<(char, char)>),
}

impl Number {
    /// A number of a document or registration, or the plate of a question, of which no state is known but by its writing.
    pub fn new(kind: NumberKind, text: &str) -> Self {
        match kind {
            NumberKind::Plate => Self::plate(text, None),
            NumberKind::Document => Self { kind, written: normalise_number(text), bare: None, state: None },
            NumberKind::Registration => {
                let written = normalise_number(text);
                let bare = written.strip_prefix("IMO").filter(|rest| is_seven_digits(rest)).map(str::to_string);
                Self { kind, written, bare, state: None }
            }
        }
    }

    /// A plate, with the state or country that the record names.
    pub fn plate(text: &str, jurisdiction: Option<&str>) -> Self {
        let written = normalise_number(text);
        let named = jurisdiction.and_then(PlateState::named);
        // A country as a whole says nothing against a state of it that is part of the writing.
        let apart = set_apart(text).filter(|(state, _)| named.as_ref().is_none_or(|named| !named.contradicts(state)));
        let (state, bare) = match (named, apart) {
            (_, Some((state, rest))) => (Some(state), Some(rest)),
            (Some(state), None) => {
                let code = state.code();
                let rest = written.strip_prefix(code).or_else(|| written.strip_suffix(code));
                let rest = rest.filter(|rest| is_long(rest)).map(str::to_string);
                (Some(state), rest)
            }
            (None, None) => (None, None),
        };
        Self { kind: NumberKind::Plate, written, bare, state }
    }

    /// What kind of number it is.
    pub fn kind(&self) -> NumberKind {
        self.kind
    }

    /// Letters and digits as written; none at all where the text had none.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The keys of the number, sorted, each once; none of an empty number.
    pub fn keys(&self) -> Vec<NumberKey> {
        let writings = self.writings();
        let exact = writings.iter().map(|text| (NumberForm::Exact, text.clone()));
        let alike = writings.iter().filter(|text| is_long(text)).map(|text| (NumberForm::Alike, folded(text)));
        let key = |(form, text)| NumberKey { kind: self.kind, form, text };
        let mut keys: Vec<NumberKey> = exact.chain(alike).map(key).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// The ways in which the number may be written, the one that was written first.
    fn writings(&self) -> Vec<String> {
        let mut writings = vec![self.written.clone()];
        writings.extend(self.bare.clone());
        let bare = self.bare.as_ref().unwrap_or(&self.written);
        if let Some(state) = self.state.as_ref().filter(|_| is_long(bare)) {
            writings.push(format!("{}{bare}", state.code()));
            writings.push(format!("{bare}{}", state.code()));
        }
        writings.retain(|text| !text.is_empty());
        writings
    }

    /// How a number of a record lies beside this one; `None` where they have no key in common, or a part of one of two states
    /// only by what reads alike.
    pub fn likeness(&self, held: &Self) -> Option<Likeness> {
        if self.kind != held.kind || self.written.is_empty() {
            return None;
        }
        if self.written == held.written {
            return Some(Likeness::Same);
        }
        let (asked, other) = (self.writings(), held.writings());
        let states = self.state.as_ref().zip(held.state.as_ref());
        let contradict = states.is_some_and(|(one, two)| one.contradicts(two));
        if asked.iter().any(|text| other.contains(text)) {
            return Some(match (self.kind, states) {
                (NumberKind::Document | NumberKind::Registration, _) => Likeness::WithoutLabel,
                (NumberKind::Plate, _) if contradict => Likeness::OtherState,
                (NumberKind::Plate, Some((one, two))) if one == two => Likeness::SameState,
                (NumberKind::Plate, _) => Likeness::StateLeftOut,
            });
        }
        // A state that is only read out of the question's writing says nothing against the writing as a whole.
        if contradict && !(is_long(&self.written) && folded(&self.written) == folded(&held.written)) {
            return None;
        }
        let pairs = asked.iter().flat_map(|one| other.iter().map(move |two| (one, two)));
        let (one, two) = pairs.filter(|(one, _)| is_long(one)).find(|(one, two)| folded(one) == folded(two))?;
        let mut confused: Vec<(char, char)> = one.chars().zip(two.chars()).filter(|(one, two)| one != two).collect();
        confused.sort_unstable();
        confused.dedup();
        Some(Likeness::Alike(confused))
    }
}

/// A number without what writers add or leave out: upper case, letters and digits only.
pub fn normalise_number(number: &str) -> String {
    number.nfkc().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

/// A state at the beginning or end of a plate, set apart from it by a blank or sign, and the rest.
fn set_apart(text: &str) -> Option<(PlateState, String)> {
    let text: String = text.nfkc().flat_map(char::to_uppercase).collect();
    let parts: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).collect();
    let (first, last) = (parts.first()?, parts.last()?);
    let of = |code: &str, rest: &[&str]| {
        let rest = rest.concat();
        if is_long(&rest) { PlateState::of_code(code).map(|state| (state, rest)) } else { None }
    };
    of(first, &parts[1..]).or_else(|| of(last, &parts[..parts.len() - 1]))
}

fn is_seven_digits(text: &str) -> bool {
    text.len() == 7 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_long(text: &str) -> bool {
    text.chars().count() >= LOOSE_CHARS_MIN
}

fn folded(text: &str) -> String {
    text.chars().map(alike).collect()
}

/// One sign for those that stand for each other on documents and plates: what OCR of a machine readable zone confuses and
/// what ISO 3779 keeps out of a VIN for that reason. Always a letter for a digit or a letter for a letter, never a digit for a
/// digit: numbers of digits alone read alike only where they are the same. Russian and Greek plates use only letters that
/// look like Latin ones, so that people write either.
fn alike(c: char) -> char {
    match c {
        'O' | 'Q' | 'D' | '\u{41e}' | '\u{39f}' => '0',
        'I' | 'L' | '\u{406}' | '\u{399}' => '1',
        'Z' | '\u{396}' => '2',
        'S' | '\u{405}' => '5',
        'G' => '6',
        'B' | '\u{412}' | '\u{392}' => '8',
        '\u{410}' | '\u{391}' => 'A',
        '\u{415}' | '\u{395}' => 'E',
        '\u{41a}' | '\u{39a}' => 'K',
        '\u{41c}' | '\u{39c}' => 'M',
        '\u{41d}' | '\u{397}' => 'H',
        '\u{39d}' => 'N',
        '\u{420}' | '\u{3a1}' => 'P',
        '\u{421}' => 'C',
        '\u{422}' | '\u{3a4}' => 'T',
        '\u{423}' | '\u{3a5}' => 'Y',
        '\u{425}' | '\u{3a7}' => 'X',
        other => other,
    }
}

#[cfg(test)]
#[path = "number_test.rs"]
mod tests;
