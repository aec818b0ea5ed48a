//! What stays of a Latin word when writers differ: its folded form, in which usual spellings of one sound are one, and its
//! bones, the consonants of that, since Arabic and Hebrew write hardly any vowels.
//!
//! These only choose which words are compared (`pair.rs`); what the comparison says comes from the learned tables.

use crate::normalise::TOKEN_CHARS_MAX;

/// The folded form: doubled letters single, `ph` as `f`, `ou` and `oo` as `u`, `ee` and `y` as `i`, `ck`, `q` and most `c`
/// as `k`, `h` after a consonant and before none but vowels away, `z` as `s`.
pub fn fold(latin: &str) -> String {
    let letters = latin.as_bytes();
    let mut folded: Vec<u8> = Vec::with_capacity(letters.len());
    let mut at = 0;
    while at < letters.len() {
        let (this, next) = (letters[at], letters.get(at + 1).copied().unwrap_or(0));
        let (letter, taken) = match (this, next) {
            (b'p', b'h') => (b'f', 2),
            (b'o', b'u') | (b'o', b'o') => (b'u', 2),
            (b'e', b'e') => (b'i', 2),
            (b'd', b'j') => (b'j', 2),
            (b'c', b'h') => (b'c', 2),
            (b'c', b'e' | b'i' | b'y') => (b's', 1),
            (b'c', b'k') => (b'k', 2),
            (b'c' | b'q', _) => (b'k', 1),
            (b'y', _) => (b'i', 1),
            (b'z', _) => (b's', 1),
            _ => (this, 1),
        };
        at += taken;
        let after_consonant = folded.last().is_some_and(|last| !vowel(*last) && last.is_ascii_lowercase());
        let spoken = letters.get(at).is_some_and(|next| vowel(*next));
        if (letter == b'h' && (after_consonant || !spoken))
            || (folded.last() == Some(&letter) && letter.is_ascii_lowercase())
        {
            continue;
        }
        folded.push(letter);
    }
    String::from_utf8(folded).unwrap_or_default()
}

/// The folded form of what a reader of print may have meant: `rn` is `m`, `cl` is `d`, `vv` is `w`.
pub fn fold_print(latin: &str) -> String {
    fold(&latin.replace("rn", "m").replace("cl", "d").replace("vv", "w"))
}

/// The bones of a folded word: no vowels, no `w`, nothing twice in a row.
pub fn bones(folded: &str) -> String {
    let mut bones = String::new();
    letters_of_bones(folded.as_bytes()).for_each(|letter| bones.push(char::from(letter)));
    bones
}

/// Asks something of a folded word's bones, without keeping them.
pub fn with_bones<T: Default>(folded: &str, ask: impl FnOnce(&str) -> T) -> T {
    let mut own = [0; TOKEN_CHARS_MAX];
    let mut length = 0;
    for letter in letters_of_bones(folded.as_bytes()).take(TOKEN_CHARS_MAX) {
        own[length] = letter;
        length += 1;
    }
    std::str::from_utf8(&own[..length]).map(ask).unwrap_or_default()
}

fn letters_of_bones(folded: &[u8]) -> impl Iterator<Item = u8> {
    let mut last = 0;
    let bone = |letter: &u8| !vowel(*letter) && *letter != b'w';
    folded.iter().copied().filter(bone).filter(move |letter| std::mem::replace(&mut last, *letter) != *letter)
}

fn vowel(letter: u8) -> bool {
    matches!(letter, b'a' | b'e' | b'i' | b'o' | b'u' | b'y')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_sound_are_one() {
        for (a, b) in
            [("philippe", "filip"), ("mohammed", "mohamed"), ("khoury", "kouri"), ("zayid", "saiid"), ("nicky", "niki")]
        {
            let (a, b) = (fold(a), fold(b));
            assert!(strsim::osa_distance(&a, &b) <= 1, "{a} {b}");
        }
        for (a, b) in [("hussein", "hosayn"), ("muhammad", "mohamed"), ("oualid", "walid"), ("chernov", "tchernov")] {
            let (a, b) = (bones(&fold(a)), bones(&fold(b)));
            assert!(a == b || strsim::osa_distance(&a, &b) <= 1, "{a} {b}");
        }
    }

    proptest! {
        #[test]
        fn bones_are_no_longer_than_the_word(latin in "[a-z0-9]{0,60}") {
            let folded = fold(&latin);
            prop_assert!(folded.len() <= latin.len() && bones(&folded).len() <= folded.len());
        }
    }
}
