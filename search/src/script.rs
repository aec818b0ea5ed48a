//! Characters: what is dropped, what joins a word, what ends it, and what a letter is in Latin.
//!
//! Assumes text after NFKC; the exception is `apostrophe`, which is asked before it, since NFKC turns some into a blank.

/// What a character does to the word it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Part of a word.
    Letter,
    /// Invisible or decoration: the word goes on as if it were not there.
    Dropped,
    /// Ends a word.
    Break,
}

/// Whether a character is written inside names as an apostrophe (`O'Neill`, `Ba'ath`): dropped, the word goes on.
pub fn apostrophe(c: char) -> bool {
    matches!(
        c,
        '\'' | '`' | '\u{b4}' | '\u{2b9}'..='\u{2bf}' | '\u{2c8}' | '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{5f3}' | '\u{5f4}' | '\u{ff07}'
    )
}

/// The role of a character.
pub fn role(c: char) -> Role {
    match c {
        // Blanks among the control characters end a word, the others could only hide something.
        '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' => Role::Break,
        _ if c.is_control() => Role::Dropped,
        // Soft hyphen, joiners, bidi controls, word joiners, byte order mark, variation selectors, tags, Arabic tatweel.
        '\u{ad}'
        | '\u{61c}'
        | '\u{640}'
        | '\u{180b}'..='\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' => Role::Dropped,
        '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}' => Role::Dropped,
        _ if apostrophe(c) || mark(c) => Role::Dropped,
        _ if c.is_alphanumeric() || vowel_sign(c) => Role::Letter,
        _ => Role::Break,
    }
}

/// Marks that writers add or leave out. Vowel signs of Indic scripts are marks to Unicode and letters to a name, so they
/// are not among these.
pub fn mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{fe20}'..='\u{fe2f}' // Latin, Greek, Cyrillic
        | '\u{591}'..='\u{5c7}' // Hebrew points
        | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6ed}' // Arabic points
    )
}

fn vowel_sign(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

/// Cyrillic letters keep their marks: `й` is another letter than `и`.
pub fn keeps_marks(base: char) -> bool {
    matches!(base, '\u{400}'..='\u{52f}')
}

/// Han and Hangul: written without blanks, family name first.
pub fn syllabic(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3134f}')
}

/// Appends what a letter is in lower-case Latin letters and digits.
pub fn latin(c: char, to: &mut String) {
    if c.is_ascii() {
        to.push(c.to_ascii_lowercase());
        return;
    }
    let text = match c {
        // Passports write these Arabic letters `a` and `z` (al-Zawahiri); the general scheme drops one and writes `dh`.
        '\u{627}' | '\u{639}' => "a",
        '\u{638}' => "z",
        _ => any_ascii::any_ascii_char(c),
    };
    to.extend(text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()));
}
