//! Names to tokens: NFKC, marks and invisible characters off, case folded, split, titles dropped, legal forms in one
//! spelling, Arabic compounds as one word (`Abd al-Rahman`), the part after a comma first (`PUTIN, Vladimir`). A word stays
//! in its own script, in one form of its variants; the learned tables know how scripts write each other's names.
//!
//! Total: any text gives at most [`READINGS_MAX`] readings of at most [`TOKENS_MAX`] tokens of at most [`TOKEN_CHARS_MAX`]
//! letters, in linear time. Assumes callers check [`NAME_CHARS_MAX`] and say so to the user; what lies beyond is not read.

use std::borrow::Cow;
use std::sync::OnceLock;

use model::limits::NAME_CHARS_MAX;
use unicode_normalization::UnicodeNormalization;

use crate::bones;
use crate::compounds;
use crate::firms;
use crate::learned::Variant;
use crate::script::{self, Role, Script};
use crate::tables::{Class, Tables};

/// Tokens of one name.
pub const TOKENS_MAX: usize = 32;
/// Letters of one token.
pub const TOKEN_CHARS_MAX: usize = 48;
/// Ways in which one text is read: a word of Han characters does not say where the family name ends.
pub const READINGS_MAX: usize = 3;

/// One word of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The word in its script: lower-case Latin letters and digits, or the folded letters of another script.
    pub text: Box<str>,
    pub script: Script,
    pub class: Class,
    /// Whether it carries a name where it stands: `Lê` does, which is a particle elsewhere.
    pub carries: bool,
    /// How rare it is, in hundredths of a bit: what it says when it is met.
    pub rarity: u16,
    /// How rare its letters are; a typo of a usual name is far rarer than any name is believed to be.
    pub letters_rarity: u16,
    /// A Latin word in folded form (`bones.rs`); another one as it is.
    pub folded: Box<str>,
    /// The folded form of a Latin word that print may confuse, as it may have been meant.
    pub print: Option<Box<str>>,
    /// See [`Token::bones`].
    bones: OnceLock<Box<[Box<str>]>>,
    /// The classes of equal names that a Latin word is in.
    pub variants: Box<[Variant]>,
}

impl Token {
    /// The consonants of a Latin word; of another script, those of the Latin words that it may stand for, or for Han these
    /// words. Made when they are asked for: it takes a thousand times what the rest does.
    pub fn bones(&self, tables: &Tables) -> &[Box<str>] {
        self.bones.get_or_init(|| {
            let bones = match (self.script, tables.channel(self.script)) {
                (_, None) => Vec::new(),
                (Script::Han, Some(channel)) => channel.spellings(&self.text, |latin| latin.to_string()),
                (_, Some(channel)) => channel.spellings(&self.text, |latin| bones::bones(&bones::fold(latin))),
            };
            bones.into_iter().map(String::into_boxed_str).collect()
        })
    }

    /// The token of a word that is in its form already.
    pub(crate) fn of(text: &str, tables: &Tables) -> Self {
        Self::new(text.to_string(), script_of(text), tables)
    }

    fn new(text: String, script: Script, tables: &Tables) -> Self {
        let class = tables.class(&text);
        let rarity = tables.rarity(&text, class);
        Self::known(text.into(), script, class, rarity, tables)
    }

    /// The token of a word of which class and rarities, that of its letters first, are known.
    pub(crate) fn known(
        text: Box<str>,
        script: Script,
        class: Class,
        (letters_rarity, rarity): (u16, u16),
        tables: &Tables,
    ) -> Self {
        let (folded, print, bones) = match script {
            Script::Latin => {
                let folded = bones::fold(&text);
                let bones = [bones::bones(&folded).into_boxed_str()];
                let confused = ["rn", "cl", "vv"].iter().any(|two| text.contains(two));
                let print = confused.then(|| bones::fold_print(&text).into_boxed_str());
                (folded.into(), print, OnceLock::from(Box::from(bones)))
            }
            _ => (text.clone(), None, OnceLock::new()),
        };
        let variants = if class == Class::Name { tables.variants(&text).collect() } else { Box::default() };
        let carries = class.carries();
        Self { text, script, class, carries, rarity, letters_rarity, folded, print, bones, variants }
    }

    /// The folded form as a reader of print may have meant it.
    pub(crate) fn in_print(&self) -> &str {
        self.print.as_deref().unwrap_or(&self.folded)
    }

    /// How many letters it has.
    pub(crate) fn letters(&self) -> u32 {
        self.text.chars().count() as u32
    }

    /// Whether it is a Latin name that is written so when folded.
    pub(crate) fn folds_to(&self, folded: &str) -> bool {
        self.script == Script::Latin && self.class.compared() && &*self.folded == folded
    }

    /// A word made of neighbours.
    pub(crate) fn joined(parts: &[Self], tables: &Tables) -> Self {
        let text: String = parts.iter().map(|part| &*part.text).collect();
        let text = tables.business(&text).map_or(text, str::to_string);
        Self::new(text, parts[0].script, tables)
    }
}

/// The tokens of a name in reading order, as it is most likely read.
pub fn normalise(name: &str, tables: &Tables) -> Vec<Token> {
    readings(name, tables).swap_remove(0)
}

/// The ways in which a name may be read, the likeliest first; at least one.
pub fn readings(name: &str, tables: &Tables) -> Vec<Vec<Token>> {
    let (text, marked) = (plain(name), marked(name, tables));
    let reading = |split| of_particles_alone(reading(&text, &marked, tables, split), tables);
    let mut all = vec![reading(split_first as Split)];
    if text.chars().any(script::syllabic) {
        for split in [split_second, split_all] {
            let other = reading(split);
            if !all.contains(&other) {
                all.push(other);
            }
        }
    }
    all
}

/// How a word of particles alone begins; no letter of any name.
pub(crate) const OF_PARTICLES: &str = "_";

/// Where a word of so many syllables is parted: for each place, whether a new word begins there.
type Split = fn(at: usize, syllables: usize, han: bool, whole: bool) -> bool;

/// A whole name in one word: the family name has one syllable, or two of four Han.
fn split_first(at: usize, syllables: usize, han: bool, whole: bool) -> bool {
    whole
        && match (syllables, han) {
            (2 | 3, _) | (4, false) => at == 1,
            (4, true) => at == 2,
            _ => false,
        }
}

fn split_second(at: usize, syllables: usize, han: bool, whole: bool) -> bool {
    whole
        && match (syllables, han) {
            (3, _) | (4, false) | (5, true) => at == 2,
            (4, true) => at == 1,
            _ => false,
        }
}

/// Each syllable by itself, as many write them in Latin: `Tsai Ing-wen`, `Kim Jong Un`.
fn split_all(_: usize, syllables: usize, _: bool, _: bool) -> bool {
    (2..=4).contains(&syllables)
}

fn reading(text: &str, marked: &[String], tables: &Tables, split: Split) -> Vec<Token> {
    let whole = text.split([' ', ',']).filter(|word| word.chars().any(script::syllabic)).count() == 1;
    let mut parts: Vec<Vec<Word>> = Vec::new();
    for part in text.split(',').filter(|part| !part.trim().is_empty()) {
        let mut words = Vec::new();
        for word in part.split_whitespace() {
            read_word(word, tables, split, whole, &mut words);
        }
        parts.push(words);
    }
    let turned = parts.len() == 2 && !firms::forms_alone(&parts[1], tables);
    let mut parts: Vec<Vec<Word>> = (parts.into_iter().zip(0..))
        .map(|(words, at)| firms::in_one_way(words, turned && at == 0, marked, tables))
        .collect();
    let family_alone = turned && parts[0].len() == 1;
    if turned {
        parts.swap(0, 1);
    }
    // After the turn: of `REHMAN, Abdur` the compound is `Abdur Rehman`.
    let mut words = compounds::joined(parts.into_iter().flatten().collect());
    for (text, _) in &mut words {
        if let Some((end, _)) = text.char_indices().nth(TOKEN_CHARS_MAX) {
            text.truncate(end);
        }
    }
    let mut tokens: Vec<Token> = words.into_iter().map(|(text, script)| Token::new(text, script, tables)).collect();
    let is_title = |token: &Token| tables.is_dropped(&token.text);
    // A name of titles alone is still a name.
    if !tokens.iter().all(is_title) {
        tokens.retain(|token| !is_title(token));
    }
    tokens.truncate(TOKENS_MAX);
    let names = particles_that_are_names(&tokens, (turned, family_alone), marked, tables);
    // A word that stands twice is one.
    for at in names {
        let name = tokens[at].text.clone();
        tokens.iter_mut().filter(|token| token.text == name).for_each(|token| token.carries = true);
    }
    tokens
}

/// The tokens of a piece of a name, which need not be a name by itself.
pub(crate) fn piece(text: &str, tables: &Tables) -> Vec<Token> {
    reading(&plain(text), &marked(text, tables), tables, split_first)
}

/// A name that is made of particles and legal forms alone (`Du Bin`) is one word that stands in no other name: it is found by
/// itself, and `bin` does not find everybody who has one.
fn of_particles_alone(tokens: Vec<Token>, tables: &Tables) -> Vec<Token> {
    let says_nothing = |token: &Token| !token.carries && matches!(token.class, Class::Particle | Class::LegalForm);
    if tokens.is_empty() || !tokens.iter().all(says_nothing) {
        return tokens;
    }
    let mut text = String::from(OF_PARTICLES);
    tokens.iter().for_each(|token| text.push_str(&token.text));
    if let Some((end, _)) = text.char_indices().nth(TOKEN_CHARS_MAX) {
        text.truncate(end);
    }
    vec![Token::of(&text, tables)]
}

/// The places of particles that stand for a family name: with marks (`Lê`), last, or first of three words and more where no
/// comma tells; and of a title that is all there is of it (`SHEIKH, Muhammad Naeem`).
fn particles_that_are_names(
    tokens: &[Token],
    (turned, family_alone): (bool, bool),
    marked: &[String],
    tables: &Tables,
) -> Vec<usize> {
    let last = tokens.len().saturating_sub(1);
    let stands = |at: usize, token: &Token| match token.class {
        Class::Title => family_alone && last > 0 && at == last,
        Class::Particle if tables.may_be_name(&token.text) => {
            let first = at == 0 && !turned && last >= 2 && tokens[1].class == Class::Name;
            last > 0 && (at == last || first) || marked.iter().any(|word| **word == *token.text)
        }
        _ => false,
    };
    tokens.iter().enumerate().filter(|(at, token)| stands(*at, token)).map(|(at, _)| at).collect()
}

/// The words of a name with marks that without them are a particle or a legal form, and a name as well.
fn marked(name: &str, tables: &Tables) -> Vec<String> {
    if name.is_ascii() {
        return Vec::new();
    }
    let words = name.split(|c: char| !c.is_alphanumeric() && !script::mark(c));
    let words = words.filter(|word| word.chars().nfd().any(script::mark));
    words.map(|word| plain(word).trim().to_string()).filter(|word| tables.may_be_name(word)).collect()
}

/// The text with case, marks and invisible characters away; breaks are blanks, `.`, `/` and `,` stay for the reader of words.
fn plain(name: &str) -> String {
    let name = letters_by_case(name);
    let visible = name.chars().take(NAME_CHARS_MAX).filter(|c| !script::apostrophe(*c));
    let mut unmarked = String::with_capacity(name.len().min(4 * NAME_CHARS_MAX));
    let mut base = ' ';
    for c in visible.nfkc().nfd().take(4 * NAME_CHARS_MAX) {
        if !script::mark(c) && !matches!(c, '\u{3099}' | '\u{309a}') {
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

/// The script of a word that is in its form already.
fn script_of(text: &str) -> Script {
    match text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
        true => Script::Latin,
        false => text.chars().map(Script::of).find(|script| *script != Script::Latin).unwrap_or(Script::Other),
    }
}

/// A word and its script.
pub(crate) type Word = (String, Script);

/// Reads one word without blanks: `L.L.C.` and `A/S` are one token when they are a legal form, else they split.
fn read_word(word: &str, tables: &Tables, split: Split, whole: bool, words: &mut Vec<Word>) {
    if word.contains(['.', '/']) {
        let joined: String = word.chars().filter(|c| !matches!(c, '.' | '/')).collect();
        if tables.legal_form(&joined).is_some() {
            push(&joined, words);
            return;
        }
    }
    for part in word.split(['.', '/', ',']) {
        let syllables = if part.chars().all(script::syllabic) { part.chars().count() } else { 0 };
        let han = part.chars().any(script::han);
        let mut from = 0;
        for (count, (at, _)) in part.char_indices().enumerate().skip(1) {
            if syllables > 0 && split(count, syllables, han, whole) {
                push(&part[from..at], words);
                from = at;
            }
        }
        push(&part[from..], words);
    }
}

fn push(word: &str, words: &mut Vec<Word>) {
    if word.is_empty() || words.len() > 2 * TOKENS_MAX {
        return;
    }
    let letters = word.chars().take(TOKEN_CHARS_MAX);
    let mixed = letters.clone().any(|c| c.is_ascii_alphabetic());
    let mut latin = String::new();
    for c in letters.clone() {
        match script::looks_latin(c).filter(|_| mixed) {
            Some(letter) => latin.push(letter),
            None => script::latin(c, &mut latin),
        }
        if latin.len() >= TOKEN_CHARS_MAX {
            latin.truncate(TOKEN_CHARS_MAX);
            break;
        }
    }
    if mixed {
        letters_for_digits(&mut latin);
    }
    let script = letters.clone().map(Script::of).find(|script| *script != Script::Latin).filter(|_| !mixed);
    match script {
        // Letters that nobody writes in Latin otherwise stand for themselves.
        None if latin.is_empty() => words.push((letters.collect(), Script::Other)),
        None => words.push((compounds::in_one_word(&latin).unwrap_or(latin), Script::Latin)),
        // No table of its own: as it is read.
        Some(Script::Other) if !latin.is_empty() => words.push((latin, Script::Latin)),
        Some(script) => {
            let mut text = String::new();
            letters.clone().for_each(|c| script::folded(c, &mut text));
            if text.is_empty() {
                words.push((letters.collect(), script));
            } else {
                // The letter that told the script may be gone (`ー`), and an index keeps the text alone.
                let script = script_of(&text);
                words.push((text, script));
            }
        }
    }
}

/// Beginnings of a name after which a capital follows: `McIntyre`.
const BEFORE_CAPITAL: [&str; 12] = ["Mc", "Mac", "De", "Di", "Da", "La", "Le", "Al", "El", "Fitz", "Van", "Ben"];

/// A capital `I` among small letters is an `l` that was misread, a small `l` among capitals an `I`: `CaIhoun`, `CORPORATlON`.
fn letters_by_case(name: &str) -> Cow<'_, str> {
    let name = name.char_indices().nth(NAME_CHARS_MAX).map_or(name, |(end, _)| &name[..end]);
    let bytes = name.as_bytes();
    let at = |at: usize| bytes.get(at).copied().unwrap_or(b' ');
    let word = |to: usize| &name[bytes[..to].iter().rposition(|b| !b.is_ascii_alphabetic()).map_or(0, |at| at + 1)..to];
    let misread = |here: usize| match bytes[here] {
        b'I' if here > 0 && at(here - 1).is_ascii_lowercase() => {
            !(at(here + 1).is_ascii_lowercase() && BEFORE_CAPITAL.contains(&word(here)))
        }
        b'I' => word(here).len() == 1 && at(here - 1).is_ascii_uppercase() && at(here + 1).is_ascii_lowercase(),
        b'l' => here > 0 && at(here - 1).is_ascii_uppercase() && at(here + 1).is_ascii_uppercase(),
        _ => false,
    };
    if !(0..bytes.len()).any(misread) {
        return Cow::Borrowed(name);
    }
    let other = |(here, c): (usize, char)| match c {
        'I' if misread(here) => 'l',
        'l' if misread(here) => 'I',
        c => c,
    };
    name.char_indices().map(other).collect::<String>().into()
}

/// A digit in a word is a letter that was misread, a letter in a number a digit: `Sm1th`, `0mar`, `29O4977`.
fn letters_for_digits(word: &mut String) {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let letters = word.len() - digits;
    let pairs = [('o', '0'), ('l', '1'), ('i', '1'), ('s', '5'), ('b', '8'), ('g', '6')];
    let letter_of = |c: char| pairs.iter().find(|(_, digit)| *digit == c).map(|(letter, _)| *letter);
    let digit_of = |c: char| pairs[..5].iter().find(|(letter, _)| *letter == c).map(|(_, digit)| *digit);
    let all = |fits: &dyn Fn(char) -> bool| word.chars().all(fits);
    if digits > 0 && letters >= 2 && letters > digits && all(&|c| !c.is_ascii_digit() || letter_of(c).is_some()) {
        let bytes = word.as_bytes();
        let vowel = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(|b| b"aeiouy".contains(b));
        let read = word.char_indices().map(|(at, c)| match c {
            // A stroke beside a vowel is an `l`, between consonants an `i`.
            '1' if !vowel(at.checked_sub(1)) && !vowel(Some(at + 1)) => 'i',
            c => letter_of(c).unwrap_or(c),
        });
        *word = read.collect();
    } else if digits >= 3 && (1..=2).contains(&letters) && all(&|c| c.is_ascii_digit() || digit_of(c).is_some()) {
        *word = word.chars().map(|c| digit_of(c).unwrap_or(c)).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(name: &str) -> Vec<String> {
        normalise(name, Tables::shared()).into_iter().map(|token| token.text.into()).collect()
    }

    #[test]
    fn names_become_words() {
        for (name, expected) in [
            ("Dr. Jörg MÜLLER-Lüdenscheidt", "jorg muller ludenscheidt"),
            ("PUTIN, Vladimir", "vladimir putin"),
            ("Владимир Путин", "владимир путин"),
            ("O\u{2019}Neill\u{200d}", "oneill"),
            ("ANGLO-CARIBBEAN CO., L.T.D.", "anglo caribbean company llc"),
            ("Maersk A/S", "maersk jsc"),
            ("Adam CaIhoun", "adam calhoun"),
            ("Sean McIntyre", "sean mcintyre"),
            ("Tanya Muchingur1", "tanya muchinguri"),
            ("29O4977 CANADA", "2904977 canada"),
            ("REHMAN, Abdur", "abdulrehman"),
            ("J.R. Smith", "j r smith"),
            ("11420 CORP.", "11420 corp"),
            ("ＡＢＣ １２", "abc 12"),
            ("习近平", "习 近平"),
            ("الظواهري", "ظواهري"),
            ("Abd al-Rahman al-Rashid", "abdulrahman al rashid"),
            ("Abdul Rahman", "abdulrahman"),
            ("Salah ud-Din", "salahuddin"),
            (
                "Abdurrahman Abdelrahman Abdallah Nureddine Nasrallah",
                "abdulrahman abdulrahman abdullah nuruddin nasrullah",
            ),
            ("NASR ALLAH, Hassan", "hassan nasrullah"),
            ("عبد الرحمن", "عبدالرحمن"),
            ("ガンダム", "がんだむ"),
            ("Рaul", "paul"),
            ("Sm1th 0mar A320 M16", "smith omar a320 m16"),
            ("a\u{202e}b\u{7}c\td", "abc d"),
            ("Dr. Mr.", "dr mr"),
            ("", ""),
            (" ,.;' ", ""),
        ] {
            assert_eq!(words(name).join(" "), expected, "{name}");
        }
    }

    #[test]
    fn a_word_of_han_is_read_in_three_ways() {
        let all: Vec<Vec<String>> = readings("山田太郎", Tables::shared())
            .into_iter()
            .map(|tokens| tokens.into_iter().map(|token| token.text.into()).collect())
            .collect();
        let words = |all: &[&str]| all.iter().map(|word| word.to_string()).collect::<Vec<_>>();
        assert_eq!(all, [words(&["山田", "太郎"]), words(&["山", "田太郎"]), words(&["山", "田", "太", "郎"])]);
        assert_eq!(readings("Müller", Tables::shared()).len(), 1);
        assert_eq!(readings("習 近平", Tables::shared()).len(), 2, "the blank says where");
    }

    #[test]
    fn a_word_that_lost_the_letter_of_its_script_is_what_its_text_alone_is() {
        let tables = Tables::shared();
        for name in ["ーȜ", "・ȝ", "ءȝ", "ーa", "ーー", "ءء"] {
            for token in readings(name, tables).into_iter().flatten() {
                assert_eq!(token, Token { carries: token.carries, ..Token::of(&token.text, tables) }, "{name}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_bounded_tokens(text in any::<String>(), wild in proptest::collection::vec(any::<char>(), 0..700), latin in "([a-zé]{1,6}|van|bin|al|du|ltd|Ж|[,.'-]| ){1,8}") {
            let tables = Tables::shared();
            for name in [text, wild.into_iter().collect(), latin] {
                let all = readings(&name, tables);
                prop_assert!((1..=READINGS_MAX).contains(&all.len()));
                for tokens in &all {
                    prop_assert!(tokens.len() <= TOKENS_MAX);
                    for token in tokens {
                        prop_assert!(!token.text.is_empty());
                        prop_assert!(token.script != Script::Latin || token.text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
                        // An index keeps the text of a word alone.
                        prop_assert_eq!(token, &Token { carries: token.carries, ..Token::of(&token.text, tables) });
                    }
                }
                prop_assert_eq!(&all, &readings(&name, tables));
            }
        }
    }
}
