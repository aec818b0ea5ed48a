//! Candidate keys: exact strings under which a record is found. The first character is the kind: `t` a spelling or one of its
//! delete-neighbours, `p` a phonetic code, `k` the consonants, `c` the canonical spelling of a frequent name, `o` the word in
//! its own script, `x` the beginning of a longer word, `b` the first letters, `i` an initial, `n` a number.
//!
//! Two words share a `t` key when they are at most [`deletes`] edits apart: each is in the index with so many letters left
//! out, so fuzzy search is exact look-ups. The likeness of words (`similarity.rs`) goes no further than the keys here; a
//! property test there holds the two together. Deterministic; raise `Tables::VERSION` with a change.

use model::lookout::NumberKind;

use crate::normalise::Token;
use crate::sound::Sound;
use crate::tables::{Class, Tables};

/// Longest words that are found with three edits, and with two, by spelling alone: neighbours grow with that power of the
/// letters, so longer ones must sound alike.
const THREE_EDITS_TO: usize = 12;
const TWO_EDITS_TO: usize = 16;
/// Letters of a word written together: shorter ones are chance, longer ones no name.
const JOINED: std::ops::RangeInclusive<usize> = 4..=20;
/// Letters from which a word may be the beginning of another.
pub const CUT_FROM: usize = 5;
/// Letters at the beginning of words that are somewhat alike.
pub const ALIKE_LETTERS: usize = 4;
/// Letters of a word that an initial before it may belong to (`D Souza`).
const AFTER_INITIAL_FROM: usize = 3;

/// Edits that a spelling key bridges between words of which the longer has so many letters; a word of that length is in
/// the index with so many letters left out. A shorter word may leave out fewer: each letter that it lacks is an edit.
pub fn deletes(length: usize) -> usize {
    match length {
        0..=3 => 0,
        4..=5 => 1,
        6..=8 => 2,
        9..=THREE_EDITS_TO => 3,
        13..=TWO_EDITS_TO => 2,
        _ => 1,
    }
}

/// What a shared key says of two words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tie {
    /// They may be the same word.
    Spelling,
    /// They sound alike, or one begins the other: at most `similarity::SOUND_PARTS_MAX`.
    Sound,
    /// They begin alike: at most `similarity::ALIKE_PARTS`.
    Beginning,
    /// One may be the initial of the other.
    Initial,
}

/// Where keys go.
pub type Out<'a> = &'a mut dyn FnMut(Tie, String);

/// A sorted set of keys in one piece of memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySet {
    text: Box<str>,
    ends: Box<[u32]>,
}

impl KeySet {
    /// Sorts and takes keys.
    pub fn new(mut keys: Vec<String>) -> Self {
        keys.sort_unstable();
        keys.dedup();
        let mut text = String::with_capacity(keys.iter().map(String::len).sum());
        let ends = keys.iter().map(|key| {
            text.push_str(key);
            text.len() as u32
        });
        let ends = ends.collect();
        Self { text: text.into(), ends }
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The key at a position.
    pub fn get(&self, at: usize) -> &str {
        let from = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.text[from..self.ends[at] as usize]
    }

    /// The keys in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|at| self.get(at))
    }
}

fn of_sound(sound: Sound, out: Out<'_>) {
    for (kind, code) in [('p', sound.primary), ('p', sound.alternate), ('k', sound.consonants)] {
        if code.letters() > 0 {
            out(Tie::Sound, format!("{kind}{}", code.text()));
        }
    }
}

/// The word itself and the word with letters left out.
fn neighbours(latin: &str, deletes: usize, out: Out<'_>) {
    let mut key = format!("t{latin}");
    without(&mut key, 1, deletes, out);
}

/// The key, and all that it becomes by leaving out up to so many letters from a place on.
fn without(key: &mut String, from: usize, deletes: usize, out: Out<'_>) {
    out(Tie::Spelling, key.clone());
    if deletes == 0 {
        return;
    }
    for at in from..key.len() {
        let letter = key.remove(at);
        without(key, at, deletes - 1, out);
        key.insert(at, letter);
    }
}

/// The keys that a token has in question and record alike.
pub fn of_token(token: &Token, tables: &Tables, out: Out<'_>) {
    if let Some(native) = &token.native {
        out(Tie::Spelling, format!("o{native}"));
    }
    if let Some(group) = token.group {
        out(Tie::Spelling, format!("c{}", tables.spelling(group)));
    }
    let most = match token.class {
        _ if token.latin.is_empty() => return,
        Class::Number => 0,
        class if class.carries() => usize::MAX,
        // A typo of a particle, title or legal form looks like a name.
        _ => 1,
    };
    neighbours(&token.latin, deletes(token.latin.len()).min(most), out);
    if token.class.carries() {
        of_sound(token.sound, out);
    }
    if cuts(token) {
        out(Tie::Beginning, format!("b{}", &token.latin[..ALIKE_LETTERS]));
    }
}

/// Whether a word may be cut short.
fn cuts(token: &Token) -> bool {
    token.class.carries() && token.class != Class::Number && token.latin.len() >= CUT_FROM
}

/// The beginnings of a word that its spelling keys do not reach.
fn beginnings(token: &Token) -> impl Iterator<Item = &str> {
    let length = if cuts(token) { token.latin.len() } else { 0 };
    (CUT_FROM..length - deletes(length).min(length)).map(|to| &token.latin[..to])
}

/// The keys of a record's word alone: its beginnings, for a question that is cut short; its initial.
pub fn of_held(token: &Token, out: Out<'_>) {
    beginnings(token).for_each(|beginning| out(Tie::Sound, format!("x{beginning}")));
    if token.class == Class::Initial {
        initial(token, out);
    }
}

/// The keys of a question's word alone: what of a record it may begin, what it may go on from, and the initial that a record
/// may have in its place.
pub fn of_asked(token: &Token, out: Out<'_>) {
    if cuts(token) {
        out(Tie::Sound, format!("x{}", token.latin));
    }
    beginnings(token).for_each(|beginning| out(Tie::Sound, format!("t{beginning}")));
    if token.class.carries() {
        initial(token, out);
    }
}

fn initial(token: &Token, out: Out<'_>) {
    if let Some(first) = token.latin.chars().next().filter(char::is_ascii_lowercase) {
        out(Tie::Initial, format!("i{first}"));
    }
}

/// Neighbours written together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    pub latin: String,
    /// The first is a single letter, which belongs to the word and is no typo of it.
    pub initial: bool,
}

/// The word that two neighbours make together (`abdul rahman`, `al zawahiri`, `d souza`), or three around a particle (`de la
/// cruz`, `abd al rahman`), if they may be one.
pub fn joined(parts: &[Token]) -> Option<Joined> {
    let length: usize = parts.iter().map(|part| part.latin.len()).sum();
    let apart = |part: &Token| part.latin.is_empty() || matches!(part.class, Class::LegalForm | Class::Number);
    if !JOINED.contains(&length) || parts.iter().any(apart) {
        return None;
    }
    let initial = |part: &Token| part.class == Class::Initial;
    let fit = match parts {
        [one, other] if initial(one) => other.class.carries() && other.latin.len() >= AFTER_INITIAL_FROM,
        [_, other] => !initial(other),
        [one, middle, last] => middle.class == Class::Particle && last.class.carries() && !initial(one),
        _ => false,
    };
    fit.then(|| Joined { latin: parts.iter().map(|part| &*part.latin).collect(), initial: initial(&parts[0]) })
}

/// All runs of tokens that may be one word, with where each begins and how many tokens it has.
pub fn runs(tokens: &[Token]) -> impl Iterator<Item = (usize, usize)> {
    (2..=3).flat_map(|len| (0..(tokens.len() + 1).saturating_sub(len)).map(move |from| (from, len)))
}

/// The keys of a joined word: with one letter left out, to keep them few, and by sound.
pub fn of_joined(joined: &Joined, out: Out<'_>) {
    neighbours(&joined.latin, 1, out);
    if !joined.initial {
        of_sound(Sound::of(&joined.latin), out);
    }
}

/// The key of a normalised number.
pub fn number(kind: NumberKind, normalised: &str) -> String {
    let kind = match kind {
        NumberKind::Document => 'd',
        NumberKind::Plate => 'p',
        NumberKind::Registration => 'r',
    };
    format!("n{kind}{normalised}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::normalise;

    fn share(a: &str, b: &str) -> bool {
        let keys = |word: &str| {
            let mut keys = Vec::new();
            for token in normalise(word, Tables::shared()) {
                of_token(&token, Tables::shared(), &mut |tie, key| keys.push((tie, key)));
            }
            keys.retain(|(tie, _)| *tie == Tie::Spelling);
            keys
        };
        let b = keys(b);
        keys(a).iter().any(|key| b.contains(key))
    }

    #[test]
    fn one_edit_shares_a_key() {
        for (a, b) in [("smith", "smyth"), ("smith", "smit"), ("smith", "smithe"), ("smith", "simth"), ("john", "jon")]
        {
            assert!(share(a, b), "{a} {b}");
        }
        assert!(!share("lee", "lea"), "too short for edits");
        assert!(!share("12345", "12346"), "numbers are exact");
    }

    #[test]
    fn two_edits_share_a_key_from_six_letters() {
        for (a, b) in [("abdurrahman", "abdulrahmen"), ("eskovar", "escobar"), ("nasralah", "narsala")] {
            assert!(share(a, b), "{a} {b}");
        }
        assert!(!share("smith", "swxth"));
    }

    #[test]
    fn neighbours_join_through_particles() {
        for (name, expected) in [
            ("abd al rahman", "abdal alrahman abdalrahman"),
            ("van der berg", "vander derberg vanderberg"),
            ("d souza", "dsouza"),
            ("souza d", ""),
            ("john smith 7", "johnsmith"),
            ("smith ltd", ""),
        ] {
            let tokens = normalise(name, Tables::shared());
            let words = runs(&tokens).filter_map(|(from, len)| joined(&tokens[from..from + len]));
            assert_eq!(words.map(|joined| joined.latin).collect::<Vec<_>>().join(" "), expected, "{name}");
        }
    }

    #[test]
    fn a_set_is_sorted_and_whole() {
        let set = KeySet::new(vec!["tb".into(), "ta".into(), "tb".into(), "né".into()]);
        assert_eq!(set.iter().collect::<Vec<_>>(), ["né", "ta", "tb"]);
        assert!(KeySet::default().is_empty());
    }
}
