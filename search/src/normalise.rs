//! Names to tokens: NFKC, marks and invisible characters off, case folded, written in Latin letters, split, titles dropped,
//! legal forms in one spelling, the part after a comma first (`PUTIN, Vladimir`).
//!
//! Total: any text gives tokens, at most [`TOKENS_MAX`] of at most [`TOKEN_CHARS_MAX`] letters, in linear time. Assumes
//! callers check [`NAME_CHARS_MAX`] and say so to the user; what lies beyond is not read.

use model::limits::NAME_CHARS_MAX;
use unicode_normalization::UnicodeNormalization;

use crate::script::{self, Role};
use crate::sound::Sound;
use crate::tables::{Class, Tables};

/// Tokens of one name.
pub const TOKENS_MAX: usize = 32;
/// Letters of one token.
pub const TOKEN_CHARS_MAX: usize = 48;
/// Longest Han or Hangul word that is taken for a person's name.
const SYLLABIC_NAME_CHARS: std::ops::RangeInclusive<usize> = 2..=4;

/// One word of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Lower-case ASCII letters and digits; empty when nobody knows the letters in Latin.
    pub latin: Box<str>,
    /// The word in its own script, unless that is Latin.
    pub native: Option<Box<str>>,
    pub class: Class,
    /// Spellings of one frequent name have one group.
    pub group: Option<u16>,
    /// How it sounds.
    pub sound: Sound,
    /// Which letters it has, a bit each: two words that differ by few edits differ by few bits.
    pub letters: u32,
    /// Known to be a given name; its weight is lower.
    pub given: bool,
}

impl Token {
    fn new(latin: String, native: String, tables: &Tables) -> Self {
        let latin: Box<str> = match tables.legal_form(&latin) {
            Some(form) => form.into(),
            None => latin.into(),
        };
        let entry = tables.entry(&latin);
        let letters = latin.bytes().filter(u8::is_ascii_lowercase).fold(0, |bits, b| bits | 1 << (b - b'a'));
        Self {
            sound: Sound::of(&latin),
            native: (latin.is_empty() || native.chars().any(|c| !c.is_ascii() && !latin_script(c)))
                .then(|| native.into()),
            class: if latin.is_empty() { Class::Rare } else { entry.class },
            group: entry.group,
            letters,
            given: false,
            latin,
        }
    }

    /// Whether its script writes hardly any vowels: Hebrew, Arabic, Syriac.
    pub fn vowels_unwritten(&self) -> bool {
        self.native.as_deref().is_some_and(|word| word.contains(|c| matches!(c, '\u{590}'..='\u{77f}')))
    }

    /// Points of the token in its name.
    pub fn weight(&self) -> u32 {
        let weight = match self.class {
            // Two letters are as good as frequent: Xi, Un, Bo.
            Class::Rare if self.latin.len() == 2 && self.native.is_none() => Class::Common.weight(),
            class => class.weight(),
        };
        if self.given { weight * 4 / 5 } else { weight }
    }
}

/// The tokens of a name in reading order.
pub fn normalise(name: &str, tables: &Tables) -> Vec<Token> {
    let mut parts: Vec<Vec<Token>> = Vec::new();
    for part in name_parts(&plain(name)) {
        let mut tokens = Vec::new();
        for word in part.split_whitespace() {
            read_word(word, tables, &mut tokens);
        }
        parts.push(tokens);
    }
    if parts.len() == 2 && parts[1].iter().any(|token| token.class != Class::LegalForm) {
        parts.swap(0, 1);
    }
    let mut tokens: Vec<Token> = parts.into_iter().flatten().collect();
    // Only Latin titles: `Omar` in Arabic letters becomes `amr` or, elsewhere, `mr`. A name of titles alone is still a name.
    let is_title = |token: &Token| token.native.is_none() && tables.is_dropped(&token.latin);
    if !tokens.iter().all(is_title) {
        tokens.retain(|token| !is_title(token));
    }
    tokens.truncate(TOKENS_MAX);
    tokens
}

/// The text with case, marks and invisible characters away; breaks are blanks, `.`, `/` and `,` stay for the reader of words.
fn plain(name: &str) -> String {
    let visible = name.chars().take(NAME_CHARS_MAX).filter(|c| !script::apostrophe(*c));
    let mut unmarked = String::with_capacity(name.len().min(4 * NAME_CHARS_MAX));
    let mut base = ' ';
    for c in visible.nfkc().nfd().take(4 * NAME_CHARS_MAX) {
        if !script::mark(c) {
            base = c;
            unmarked.push(c);
        } else if script::keeps_marks(base) {
            unmarked.push(c);
        }
    }
    let mut text = String::with_capacity(unmarked.len());
    for c in unmarked.nfc().flat_map(char::to_lowercase) {
        match script::role(c) {
            Role::Letter => text.push(c),
            Role::Dropped => {}
            Role::Break if matches!(c, '.' | '/' | ',') => text.push(c),
            Role::Break => text.push(' '),
        }
    }
    text
}

fn name_parts(text: &str) -> Vec<&str> {
    text.split(',').filter(|part| !part.trim().is_empty()).collect()
}

/// Reads one word without blanks: `L.L.C.` and `A/S` are one token when they are a legal form, else they split.
fn read_word(word: &str, tables: &Tables, tokens: &mut Vec<Token>) {
    if word.contains(['.', '/']) {
        let joined: String = word.chars().filter(|c| !matches!(c, '.' | '/')).collect();
        if tables.legal_form(&joined).is_some() {
            push(&joined, tables, tokens);
            return;
        }
    }
    for part in word.split(['.', '/', ',']) {
        if let Some(rest) = arabic_article(part) {
            push("al", tables, tokens);
            push(rest, tables, tokens);
        } else if part.chars().all(script::syllabic) && SYLLABIC_NAME_CHARS.contains(&part.chars().count()) {
            let family = part.chars().next().map_or(0, char::len_utf8);
            push(&part[..family], tables, tokens);
            push(&part[family..], tables, tokens);
        } else {
            push(part, tables, tokens);
        }
    }
}

fn push(word: &str, tables: &Tables, tokens: &mut Vec<Token>) {
    if word.is_empty() || tokens.len() > 2 * TOKENS_MAX {
        return;
    }
    let mut latin = String::new();
    for c in word.chars() {
        script::latin(c, &mut latin);
        if latin.len() >= TOKEN_CHARS_MAX {
            latin.truncate(TOKEN_CHARS_MAX);
            break;
        }
    }
    let native = word.chars().take(TOKEN_CHARS_MAX).collect();
    tokens.push(Token::new(latin, native, tables));
}

/// What follows the Arabic article, which is written without a blank.
fn arabic_article(word: &str) -> Option<&str> {
    word.strip_prefix("\u{627}\u{644}").filter(|rest| rest.chars().count() >= 3)
}

fn latin_script(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' | '\u{250}'..='\u{2af}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(name: &str) -> Vec<String> {
        normalise(name, Tables::shared()).into_iter().map(|token| token.latin.into()).collect()
    }

    #[test]
    fn names_become_latin_words() {
        for (name, expected) in [
            ("Dr. Jörg MÜLLER-Lüdenscheidt", "jorg muller ludenscheidt"),
            ("PUTIN, Vladimir", "vladimir putin"),
            ("Владимир Путин", "vladimir putin"),
            ("O\u{2019}Neill\u{200d}", "oneill"),
            ("ANGLO-CARIBBEAN CO., L.T.D.", "anglo caribbean co ltd"),
            ("Maersk A/S", "maersk as"),
            ("J.R. Smith", "j r smith"),
            ("11420 CORP.", "11420 corp"),
            ("ＡＢＣ １２", "abc 12"),
            ("习近平", "xi jinping"),
            ("الظواهري", "al zwahry"),
            ("a\u{202e}b\u{7}c\td", "abc d"),
            ("Dr. Mr.", "dr mr"),
            ("", ""),
            (" ,.;' ", ""),
        ] {
            assert_eq!(words(name).join(" "), expected, "{name}");
        }
    }

    #[test]
    fn the_original_script_is_kept() {
        let tokens = normalise("Путин", Tables::shared());
        assert_eq!(tokens[0].native.as_deref(), Some("путин"));
        assert_eq!(normalise("Müller", Tables::shared())[0].native, None);
    }

    proptest! {
        #[test]
        fn any_text_gives_bounded_tokens(text in any::<String>(), wild in proptest::collection::vec(any::<char>(), 0..700)) {
            let tables = Tables::shared();
            for name in [text, wild.into_iter().collect()] {
                let tokens = normalise(&name, tables);
                prop_assert!(tokens.len() <= TOKENS_MAX);
                for token in &tokens {
                    prop_assert!(token.latin.len() <= TOKEN_CHARS_MAX);
                    prop_assert!(token.latin.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
                    prop_assert!(!token.latin.is_empty() || token.native.is_some());
                }
                prop_assert_eq!(&tokens, &normalise(&name, tables));
            }
        }
    }
}
