//! Keys under which words are found: exact numbers, so that looking up never depends on an order of terms. Words that are
//! near (`pair.rs`) share one: a property test here holds it. What is found by a key is compared before it counts, so that
//! two words whose keys meet by chance cost time and change no answer.
//!
//! Deterministic; raise `Tables::VERSION` with a change.

use model::number::{NumberForm, NumberKey, NumberKind};

use crate::normalise::Token;
use crate::pair::{BONES_EDIT_FROM, BONES_FROM, CUT_FROM, NATIVE_EDIT_FROM, Shape, edits};
use crate::script::Script;
use crate::tables::Tables;

/// A key of a word.
pub type Key = u64;

/// The kinds of keys; the same text under two kinds is two keys.
#[derive(Clone, Copy)]
enum Kind {
    Text = 1,
    /// A folded word, whole.
    Folded,
    /// A folded word with letters left out.
    Neighbour,
    Bones,
    /// Two bones with the first letter.
    BonesAfter,
    BonesNeighbour,
    /// The beginning of a longer word.
    Beginning,
    NativeNeighbour,
    /// The Latin bones, or words of Han, that a word of another script stands for.
    StandsFor,
    /// The bones of a Latin word that one of another script may stand for.
    StoodFor,
    /// A class of equal names.
    Variant,
}

/// FNV-1a.
fn key(kind: Kind, text: &str) -> Key {
    let start = 0xcbf2_9ce4_8422_2325 ^ (kind as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    text.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The text, and all that it becomes by leaving out up to so many letters.
fn neighbours(kind: Kind, text: &str, deletes: usize, keys: &mut Vec<Key>) {
    fn without(kind: Kind, letters: &mut Vec<char>, from: usize, deletes: usize, keys: &mut Vec<Key>) {
        keys.push(key(kind, &letters.iter().collect::<String>()));
        if deletes > 0 {
            for at in from..letters.len() {
                let letter = letters.remove(at);
                without(kind, letters, at, deletes - 1, keys);
                letters.insert(at, letter);
            }
        }
    }
    without(kind, &mut text.chars().collect(), 0, deletes, keys);
}

/// The keys of a word of a record, sorted.
pub fn of_held(token: &Token, tables: &Tables) -> Vec<Key> {
    let mut keys = vec![key(Kind::Text, &token.text)];
    if token.class.compared() {
        match token.script {
            Script::Latin => {
                keys.push(key(Kind::Folded, &token.folded));
                of_variants(token, &mut keys);
                spelt(token, &mut keys);
                keys.push(key(Kind::Folded, token.in_print()));
                let bones = &token.bones(tables)[0];
                of_bones(token, bones, &mut keys);
                // For words of other scripts, of which the first letter is not sure.
                keys.push(key(Kind::StoodFor, bones));
                beginnings(token).for_each(|beginning| keys.push(key(Kind::Beginning, beginning)));
            }
            _ => {
                of_variants(token, &mut keys);
                natively(token, &mut keys);
                token.bones(tables).iter().for_each(|bones| keys.push(key(Kind::StandsFor, bones)));
            }
        }
    }
    finish(keys)
}

/// The keys under which a word of a question is looked up, sorted.
pub fn of_asked(token: &Token, tables: &Tables) -> Vec<Key> {
    let mut keys = vec![key(Kind::Text, &token.text)];
    if token.class.compared() {
        match token.script {
            Script::Latin => {
                spelt(token, &mut keys);
                keys.push(key(Kind::Folded, token.in_print()));
                of_variants(token, &mut keys);
                of_bones(token, &token.bones(tables)[0], &mut keys);
                beginnings(token).for_each(|beginning| keys.push(key(Kind::Text, beginning)));
                if token.text.len() >= CUT_FROM {
                    keys.push(key(Kind::Beginning, &token.text));
                }
                // Held words of other scripts that may stand for this one.
                keys.push(key(Kind::StandsFor, &token.bones(tables)[0]));
                keys.push(key(Kind::StandsFor, &token.text));
            }
            Script::Han => {
                of_variants(token, &mut keys);
                natively(token, &mut keys);
                token.bones(tables).iter().for_each(|latin| keys.push(key(Kind::Text, latin)));
            }
            _ => {
                of_variants(token, &mut keys);
                natively(token, &mut keys);
                token.bones(tables).iter().for_each(|bones| keys.push(key(Kind::StoodFor, bones)));
            }
        }
    }
    finish(keys)
}

/// The key of a word as it is.
pub fn of_text(text: &str) -> Key {
    key(Kind::Text, text)
}

/// The key of a record's words that are written so when folded.
pub fn of_folded(folded: &str) -> Key {
    key(Kind::Folded, folded)
}

/// The word with letters left out, folded and as it is: an edit may change how a word is folded.
fn spelt(token: &Token, keys: &mut Vec<Key>) {
    let edits = edits(Shape::of(token));
    neighbours(Kind::Neighbour, &token.folded, edits, keys);
    if token.text != token.folded {
        neighbours(Kind::Neighbour, &token.text, edits.min(1), keys);
    }
}

/// Two consonants say little: the first letter comes with them.
fn of_bones(token: &Token, bones: &str, keys: &mut Vec<Key>) {
    if bones.len() == BONES_FROM {
        keys.push(key(Kind::BonesAfter, &format!("{}{bones}", &token.folded[..1])));
    }
    if bones.len() > BONES_FROM {
        keys.push(key(Kind::Bones, bones));
    }
    if bones.len() >= BONES_EDIT_FROM {
        neighbours(Kind::BonesNeighbour, bones, 1, keys);
    }
}

fn of_variants(token: &Token, keys: &mut Vec<Key>) {
    keys.extend(token.variants.iter().map(|(class, _)| key(Kind::Variant, &class.to_string())));
}

fn natively(token: &Token, keys: &mut Vec<Key>) {
    if token.text.chars().count() >= NATIVE_EDIT_FROM {
        neighbours(Kind::NativeNeighbour, &token.text, 1, keys);
    }
}

/// The beginnings of a word for which it may be cut short.
fn beginnings(token: &Token) -> impl Iterator<Item = &str> {
    (CUT_FROM..token.text.len()).map(|to| &token.text[..to])
}

fn finish(mut keys: Vec<Key>) -> Vec<Key> {
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The term of a number's key among those of a record.
pub fn number(key: &NumberKey) -> String {
    let kind = match key.kind {
        NumberKind::Document => 'd',
        NumberKind::Plate => 'p',
        NumberKind::Registration => 'r',
    };
    // No word has a blank.
    match key.form {
        NumberForm::Exact => format!("{kind} {}", key.text),
        NumberForm::Alike => format!("{kind}~ {}", key.text),
    }
}

/// Whether a term is that of a number.
pub fn is_number(term: &str) -> bool {
    term.contains(' ')
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::normalise::normalise;
    use crate::pair::near;
    use proptest::prelude::*;

    fn token(word: &str) -> Token {
        normalise(word, Tables::shared()).into_iter().next().expect("a word")
    }

    /// A word, and what it becomes by edits: where, which, and with which letter.
    pub fn two_tokens(word: &str, edits: Vec<(usize, u8, u8)>) -> (Token, Token) {
        let mut other = word.as_bytes().to_vec();
        for (at, edit, letter) in edits {
            let at = at % other.len().max(1);
            match edit {
                0 if other.len() > 2 => drop(other.remove(at)),
                1 => other.insert(at, b'a' + letter),
                2 if at + 1 < other.len() => other.swap(at, at + 1),
                _ => other[at] = b'a' + letter,
            }
        }
        (token(word), token(&String::from_utf8(other).expect("ascii")))
    }

    fn found(asked: &Token, held: &Token) -> bool {
        let held = of_held(held, Tables::shared());
        of_asked(asked, Tables::shared()).iter().any(|key| held.binary_search(key).is_ok())
    }

    #[test]
    fn near_words_of_all_scripts_are_found() {
        for (a, b) in [
            ("smith", "smyth"),
            ("mohammed", "muhammad"),
            ("zawahiri", "الظواهري"),
            ("wang", "王"),
            ("kim", "김"),
            ("lee", "이"),
            ("goncharenko", "Гончаренко"),
            ("papadopoulos", "Παπαδόπουλος"),
            ("cohen", "כהן"),
            ("tanaka", "たなか"),
            ("christopher", "christo"),
            ("alexander", "aleksandr"),
        ] {
            let (a, b) = (token(a), token(b));
            assert!(
                near(&a, &b, Tables::shared()) && near(&b, &a, Tables::shared()),
                "{} {} {:?} {:?}",
                a.text,
                b.text,
                a.bones(Tables::shared()),
                b.bones(Tables::shared())
            );
            assert!(found(&a, &b) && found(&b, &a), "{} {}", a.text, b.text);
        }
    }

    proptest! {
        #[test]
        fn words_that_are_near_are_found(a in "[a-d]{2,9}|[m-z]{2,12}", edits in proptest::collection::vec((0usize..12, 0u8..4, 0u8..26), 0..4)) {
            let (a, b) = two_tokens(&a, edits);
            prop_assert!(!near(&a, &b, Tables::shared()) || a.text == b.text || (found(&a, &b) && found(&b, &a)), "{} {}", a.text, b.text);
        }

        #[test]
        fn cut_words_are_found(a in "[a-z]{5,14}", to in 5usize..14) {
            let b = token(&a[..to.min(a.len())]);
            let a = token(&a);
            prop_assert!(found(&a, &b) && found(&b, &a));
        }
    }
}
