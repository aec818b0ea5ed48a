//! Candidate keys: exact strings under which a record is found. The first character is the kind: `t` a spelling or one of its
//! delete-neighbours, `p` a phonetic code, `k` the consonants, `c` the canonical spelling of a frequent name, `o` the word in
//! its own script, `i` an initial, `n` a number.
//!
//! Two words share a `t` key when they are one edit apart (two, from [`TWO_EDITS_FROM`] letters): each is in the index with
//! its letters left out one by one, so fuzzy search is exact look-ups. Deterministic; raise `Tables::VERSION` with a change.

use model::lookout::NumberKind;

use crate::normalise::Token;
use crate::sound::{Code, Sound};
use crate::tables::{Class, Tables};

/// Shortest word that is found with an edit.
pub const ONE_EDIT_FROM: usize = 4;
/// Shortest word that is found with two edits.
pub const TWO_EDITS_FROM: usize = 9;
/// Longest word that is found with two edits: neighbours grow with the square of the letters.
pub const TWO_EDITS_TO: usize = 16;
/// Longest word made of two neighbours.
pub const JOINED_MAX: usize = 20;
/// Codes with fewer letters are shared by too many names to make a candidate alone.
const CODE_LETTERS_STRONG: u32 = 3;

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

/// The keys of a word by its spelling and sound.
pub fn of_spelling(latin: &str, two_edits: bool, out: &mut dyn FnMut(String)) {
    neighbours(latin, if two_edits { 2 } else { 1 }, out);
    of_sound(Sound::of(latin), out);
}

fn of_sound(sound: Sound, out: &mut dyn FnMut(String)) {
    for code in [sound.primary, sound.alternate] {
        code_key('p', code, out);
    }
    code_key('k', sound.consonants, out);
}

fn code_key(kind: char, code: Code, out: &mut dyn FnMut(String)) {
    if code.letters() > 0 {
        out(format!("{kind}{}", code.text()));
    }
}

/// Whether a key is too short a code to make a candidate alone, whatever word it comes from.
pub fn is_short_code(key: &str) -> bool {
    (key.starts_with('p') || key.starts_with('k')) && key.len() <= CODE_LETTERS_STRONG as usize
}

/// The word itself and the word with letters left out.
fn neighbours(latin: &str, edits: usize, out: &mut dyn FnMut(String)) {
    if latin.is_empty() {
        return;
    }
    out(format!("t{latin}"));
    let numeric = latin.bytes().any(|b| b.is_ascii_digit());
    if numeric || latin.len() < ONE_EDIT_FROM {
        return;
    }
    let two = edits >= 2 && (TWO_EDITS_FROM..=TWO_EDITS_TO).contains(&latin.len());
    for one in 0..latin.len() {
        out(format!("t{}{}", &latin[..one], &latin[one + 1..]));
        if two {
            for other in one + 1..latin.len() {
                out(format!("t{}{}{}", &latin[..one], &latin[one + 1..other], &latin[other + 1..]));
            }
        }
    }
}

/// The keys that a token has in question and record alike.
pub fn of_token(token: &Token, tables: &Tables, two_edits: bool, out: &mut dyn FnMut(String)) {
    if let Some(native) = &token.native {
        out(format!("o{native}"));
    }
    if let Some(group) = token.group {
        out(format!("c{}", tables.spelling(group)));
    }
    if token.class.carries() {
        neighbours(&token.latin, if two_edits { 2 } else { 1 }, out);
        of_sound(token.sound, out);
    } else if !token.latin.is_empty() {
        out(format!("t{}", token.latin));
    }
}

/// The word that two neighbours make together (`abdul rahman`, `al zawahiri`), if it may be one.
pub fn joined(one: &Token, other: &Token) -> Option<String> {
    let apart = |token: &Token| matches!(token.class, Class::LegalForm | Class::Number | Class::Initial);
    if apart(one) || apart(other) || one.latin.is_empty() || other.latin.is_empty() {
        return None;
    }
    let length = one.latin.len() + other.latin.len();
    (ONE_EDIT_FROM..=JOINED_MAX).contains(&length).then(|| format!("{}{}", one.latin, other.latin))
}

/// The keys of a joined word: spelling only, with one edit.
pub fn of_joined(latin: &str, out: &mut dyn FnMut(String)) {
    neighbours(latin, 1, out);
}

/// The key of a record's initial.
pub fn initial(token: &Token) -> Option<String> {
    let first = token.latin.chars().next().filter(char::is_ascii_lowercase)?;
    Some(format!("i{first}"))
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

    fn keys(latin: &str) -> Vec<String> {
        let mut keys = Vec::new();
        of_spelling(latin, true, &mut |key| keys.push(key));
        keys
    }

    fn share(a: &str, b: &str) -> bool {
        let b = keys(b);
        keys(a).iter().any(|key| key.starts_with('t') && b.contains(key))
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
    fn two_edits_share_a_key_in_long_words() {
        assert!(share("abdurrahman", "abdulrahmen"));
        assert!(!share("smith", "swxth"));
    }

    #[test]
    fn a_set_is_sorted_and_whole() {
        let set = KeySet::new(vec!["tb".into(), "ta".into(), "tb".into(), "né".into()]);
        assert_eq!(set.iter().collect::<Vec<_>>(), ["né", "ta", "tb"]);
        assert!(KeySet::default().is_empty());
    }
}
