//! Passwords: how long they must be, and which are refused because everybody tries them first.
//!
//! No composition is asked for: length, and a list, do more (SP 800-63B). A second factor always goes with them.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use crate::error::Invalid;
use crate::ids::UserId;

/// Characters at least, with a second factor.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// Bytes at most, so that nobody lets us hash a book.
pub const PASSWORD_BYTES_MAX: usize = 512;
/// Different characters at least.
const DIFFERENT_MIN: usize = 6;
/// A user's name of fewer characters may stand within a password by chance.
const NAME_CHARS_MIN: usize = 4;

const WORDS: &str = include_str!("../data/password_words.txt");

/// A password, however it was typed: normalised, and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

impl Password {
    /// What was typed; keyboards write one letter in several ways, which are made one here (NFKC).
    pub fn new(field: &str, typed: &str) -> Result<Self, Invalid> {
        if typed.len() > PASSWORD_BYTES_MAX {
            return Err(Invalid::new(field, format!("is longer than {PASSWORD_BYTES_MAX} bytes")));
        }
        Ok(Self(typed.nfkc().collect()))
    }

    /// What is hashed.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether a user may choose it.
    pub fn check_new(&self, field: &str, user: &UserId) -> Result<(), Invalid> {
        let bad = |reason: &str| Err(Invalid::new(field, reason.to_string()));
        if self.0.chars().count() < PASSWORD_CHARS_MIN {
            return bad("has fewer than 12 characters; several words that do not belong together are easy to keep");
        }
        if self.0.chars().any(char::is_control) {
            return bad("holds a control character");
        }
        let lower: Vec<char> = self.0.to_lowercase().chars().collect();
        let mut different = lower.clone();
        different.sort_unstable();
        different.dedup();
        if different.len() < DIFFERENT_MIN || is_run(&lower) {
            return bad("repeats itself, or runs along the alphabet or the numbers");
        }
        let text: String = lower.iter().collect();
        if user.as_str().len() >= NAME_CHARS_MIN && text.contains(&user.as_str().to_lowercase()) {
            return bad("holds the name of its user");
        }
        if is_made_of_words(&lower) {
            return bad("is made of words that everybody tries first");
        }
        Ok(())
    }
}

/// Whether most characters are the one before, or its neighbour in the alphabet or the numbers.
fn is_run(signs: &[char]) -> bool {
    let near = signs.windows(2).filter(|two| (two[0] as u32).abs_diff(two[1] as u32) <= 1).count();
    near * 4 >= (signs.len() - 1) * 3
}

/// Whether it is words of the list and nothing else, with signs and digits around them, between them or in place of letters.
fn is_made_of_words(signs: &[char]) -> bool {
    let letters: String = signs.iter().filter(|sign| sign.is_alphabetic()).collect();
    let ends = |sign: &&char| sign.is_alphabetic();
    let from = signs.iter().position(|sign| ends(&sign)).unwrap_or(signs.len());
    let to = signs.iter().rposition(|sign| ends(&sign)).map_or(from, |at| at + 1);
    let meant: String = signs[from..to].iter().filter_map(|sign| meant(*sign)).collect();
    [letters, meant].iter().any(|text| splits(text))
}

/// The letter that a sign stands for in `p@ssw0rd`.
fn meant(sign: char) -> Option<char> {
    match sign {
        '0' => Some('o'),
        '1' | '!' => Some('i'),
        '3' => Some('e'),
        '4' | '@' => Some('a'),
        '5' | '$' => Some('s'),
        '7' => Some('t'),
        letter => Some(letter).filter(|letter| letter.is_alphabetic()),
    }
}

/// Whether a text is nothing but words of the list, or has nothing to look at.
fn splits(text: &str) -> bool {
    let words = || WORDS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for at in 0..text.len() {
        if reached[at] {
            for word in words().filter(|word| text.as_bytes()[at..].starts_with(word.as_bytes())) {
                reached[at + word.len()] = true;
            }
        }
    }
    reached[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str) -> Result<(), String> {
        let user = UserId::new("officer-7").expect("code");
        Password::new("password", text).and_then(|it| it.check_new("password", &user)).map_err(|error| error.reason)
    }

    #[test]
    fn t12_what_everybody_tries_first_is_refused() {
        for (text, reason) in [
            ("short-one!", "fewer than 12"),
            ("aaaaaaaaaaaaaaaa", "repeats"),
            ("abababababababab", "repeats"),
            ("123456789012", "runs"),
            ("abcdefghijklmn", "runs"),
            ("Password123456", "tries first"),
            ("P@ssw0rd!2026#", "tries first"),
            ("WelcomeWelcome1", "tries first"),
            ("Summer2026Summer", "tries first"),
            ("qwertyuiop[]12", "tries first"),
            ("correct horse battery staple", "tries first"),
            ("2026-11-27-19:39", "tries first"),
            ("my officer-7 key", "name of its user"),
            ("tab\tin a password", "control"),
        ] {
            let refused = check(text).expect_err(text);
            assert!(refused.contains(reason), "{text}: {refused}");
        }
        for good in ["teal umbrella quarrels", "vier Katzen im Regen", "7f3kqp-xw2mz9", "p\u{e9}niche sous la pluie"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        assert!(Password::new("p", &"x".repeat(PASSWORD_BYTES_MAX + 1)).is_err());
    }

    #[test]
    fn one_letter_typed_in_two_ways_is_one_and_none_is_printed() {
        let one = Password::new("p", "pe\u{301}niche sous la pluie").expect("reads");
        assert_eq!(one, Password::new("p", "p\u{e9}niche sous la pluie").expect("reads"));
        assert_eq!(format!("{one:?}"), "Password(..)");
    }

    proptest! {
        #[test]
        fn any_text_is_taken_or_refused(text in any::<String>()) {
            let _ = check(&text);
        }
    }
}
