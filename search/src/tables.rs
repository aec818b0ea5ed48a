//! The frozen tables: titles, particles, legal forms and business words, compiled by hand, and what was learned from names
//! (`learned.rs`). How rare a word is comes from here and never from a live index, so that two replicas, and one replica on
//! two days, score alike.
//!
//! Assumes the files under `data/` are lower-case words; a test checks it.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::channel::Channel;
use crate::learned::{Learned, Variant};
use crate::normalise::Word;
use crate::script::Script;

const TITLES: &str = include_str!("../data/titles.txt");
const PARTICLES: &str = include_str!("../data/particles.txt");
const LEGAL_FORMS: &str = include_str!("../data/legal_forms.txt");
const LEGAL_PHRASES: &str = include_str!("../data/legal_phrases.txt");
const BUSINESS: &str = include_str!("../data/business.txt");
const FIRMS: &str = include_str!("../data/firms.txt");

/// Hundredths of a bit that words say which name nobody; a word of firms of which it is not known otherwise.
const BUSINESS_RARITY: u16 = 550;
/// Rarer words of firms are names.
const FIRMS_RARITY_MAX: u16 = 1_100;
const TITLE_RARITY: u16 = 150;
const INITIAL_RARITY: u16 = 150;
const PARTICLE_RARITY: u16 = 30;
/// A particle that is a family name too.
const PARTICLE_OR_NAME_RARITY: u16 = 350;
/// A number of so many digits: the longer the rarer.
const DIGIT_RARITY: usize = 200;
const NUMBER_RARITY_MAX: usize = 1_400;

/// What kind of word a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A name.
    Name,
    /// A word of many firms or vessels.
    Business,
    /// `al`, `bin`, `van` ...
    Particle,
    /// `ltd`, `gmbh` ...
    LegalForm,
    /// A title that stands in names too.
    Title,
    /// A single letter.
    Initial,
    /// Has a digit; compared exactly.
    Number,
}

impl Class {
    /// Whether tokens of the class carry a name: only these count when candidates are chosen.
    pub fn carries(self) -> bool {
        matches!(self, Self::Name | Self::Business | Self::Number)
    }

    /// Whether tokens of the class are compared with others than themselves.
    pub fn compared(self) -> bool {
        matches!(self, Self::Name | Self::Business)
    }
}

/// The tables, ready for look-up.
#[derive(Debug)]
pub struct Tables {
    classes: FxHashMap<&'static str, Class>,
    legal_forms: FxHashMap<&'static str, &'static str>,
    /// By their first word: the form, and the other words.
    legal_phrases: FxHashMap<&'static str, Vec<(&'static str, Vec<&'static str>)>>,
    /// Words that are names as well, where they do not stand for a particle or a legal form.
    also_names: BTreeSet<&'static str>,
    /// What a word of firms is in one way, and how rare words of firms are.
    business: FxHashMap<&'static str, &'static str>,
    firms: FxHashMap<&'static str, u16>,
    dropped: BTreeSet<&'static str>,
    learned: Learned,
}

impl Tables {
    /// Raised with every change of the tables or of how names become keys: an index of another version is rebuilt.
    pub const VERSION: u32 = 8;

    /// The tables that the crate carries.
    pub fn standard() -> Self {
        Self { learned: Learned::standard(), ..Self::unlearned() }
    }

    /// Without what is learned from names: what the learning itself begins with.
    pub fn unlearned() -> Self {
        let mut tables = Self {
            classes: FxHashMap::default(),
            legal_forms: FxHashMap::default(),
            legal_phrases: FxHashMap::default(),
            also_names: BTreeSet::new(),
            business: FxHashMap::default(),
            firms: FxHashMap::default(),
            dropped: BTreeSet::new(),
            learned: Learned::default(),
        };
        tables.read_words();
        tables
    }

    /// One copy for all tests of the process.
    #[cfg(test)]
    pub fn shared() -> &'static Self {
        static SHARED: std::sync::OnceLock<Tables> = std::sync::OnceLock::new();
        SHARED.get_or_init(Self::standard)
    }

    fn read_words(&mut self) {
        for line in rows(FIRMS) {
            let Some((word, rarity)) = line.split_once(' ') else { continue };
            let Ok(rarity) = rarity.parse() else { continue };
            if rarity <= FIRMS_RARITY_MAX {
                self.classes.insert(word, Class::Business);
            }
            self.firms.insert(word, rarity);
        }
        for line in rows(BUSINESS) {
            let same = line.strip_prefix("= ");
            for word in same.unwrap_or(line).split_whitespace() {
                self.classes.insert(word, Class::Business);
                if let Some(first) = same.and_then(|words| words.split(' ').next()) {
                    self.business.insert(word, first);
                }
            }
        }
        for line in rows(TITLES) {
            let mut words = line.split_whitespace();
            let dropped = words.next() == Some("drop");
            for word in words {
                if dropped {
                    self.dropped.insert(word);
                } else {
                    self.classes.insert(word, Class::Title);
                }
            }
        }
        for word in rows(PARTICLES).flat_map(str::split_whitespace) {
            let (word, _) = self.read_name(word);
            self.classes.insert(word, Class::Particle);
        }
        for line in rows(LEGAL_FORMS) {
            let mut words = line.split_whitespace();
            let Some(canonical) = words.next() else { continue };
            for word in std::iter::once(canonical).chain(words) {
                let (word, name) = self.read_name(word);
                self.legal_forms.insert(word, canonical);
                // Where it is a form it is written as the first of its line.
                if !name {
                    self.classes.insert(word, Class::LegalForm);
                }
            }
        }
        for line in rows(LEGAL_PHRASES) {
            let mut words = line.split_whitespace();
            let (Some(form), Some(first)) = (words.next(), words.next()) else { continue };
            self.classes.insert(form, Class::LegalForm);
            self.legal_phrases.entry(first).or_default().push((form, words.collect()));
        }
        // The longest first.
        for phrases in self.legal_phrases.values_mut() {
            phrases.sort_by_key(|(_, words)| std::cmp::Reverse(words.len()));
        }
    }

    /// A word of the tables that may end in `?`, and whether it is a name as well.
    fn read_name(&mut self, word: &'static str) -> (&'static str, bool) {
        let bare = word.strip_suffix('?');
        if let Some(bare) = bare {
            self.also_names.insert(bare);
        }
        (bare.unwrap_or(word), bare.is_some())
    }

    /// What kind of word a token is.
    pub fn class(&self, text: &str) -> Class {
        if let Some(class) = self.classes.get(text) {
            *class
        } else if text.chars().any(|c| c.is_ascii_digit()) {
            Class::Number
        } else if text.len() == 1 {
            Class::Initial
        } else {
            Class::Name
        }
    }

    /// How rare a token is among people, in hundredths of a bit (300 is one of eight): as its letters say, and as far as that
    /// is to be believed.
    pub fn rarity(&self, text: &str, class: Class) -> (u16, u16) {
        let rarity = match class {
            Class::Name => {
                let (letters, rarity) = self.learned.rarity(text);
                return (letters, self.firms.get(text).map_or(rarity, |firms| rarity.min(*firms)));
            }
            Class::Business => {
                let own = self.firms.get(text).copied().unwrap_or(BUSINESS_RARITY);
                return (self.learned.rarity(text).0.max(own), own);
            }
            Class::Particle if self.may_be_name(text) => PARTICLE_OR_NAME_RARITY,
            Class::Particle | Class::LegalForm => PARTICLE_RARITY,
            Class::Title => TITLE_RARITY,
            Class::Initial => INITIAL_RARITY,
            Class::Number => (text.len() * DIGIT_RARITY).min(NUMBER_RARITY_MAX) as u16,
        };
        (rarity, rarity)
    }

    /// The classes of equal names that a token is in, in their order.
    pub fn variants(&self, text: &str) -> impl Iterator<Item = Variant> {
        self.learned.variants(text)
    }

    /// How names are written in a script by those who know them in Latin letters.
    pub fn channel(&self, script: Script) -> Option<&Channel> {
        self.learned.channel(script)
    }

    /// The form that a word is written as here where it is a legal form.
    pub fn legal_form(&self, text: &str) -> Option<&'static str> {
        self.legal_forms.get(text).copied()
    }

    /// The longest legal form of several words that words begin with, and how many it takes.
    pub(crate) fn legal_phrase(&self, words: &[Word]) -> Option<(&'static str, usize)> {
        let (first, _) = words.first()?;
        let fits = |rest: &[&str]| {
            words.len() > rest.len() && rest.iter().zip(&words[1..]).all(|(word, (text, _))| word == text)
        };
        let found = self.legal_phrases.get(first.as_str())?.iter().find(|(_, rest)| fits(rest));
        found.map(|(form, rest)| (*form, rest.len() + 1))
    }

    /// Whether a particle or a legal form is a name as well.
    pub fn may_be_name(&self, text: &str) -> bool {
        self.also_names.contains(text)
    }

    /// What a word of firms that stands in several languages or forms is written as here.
    pub fn business(&self, text: &str) -> Option<&'static str> {
        self.business.get(text).copied()
    }

    /// Whether a token is a title that is never part of a name.
    pub fn is_dropped(&self, latin: &str) -> bool {
        self.dropped.contains(latin)
    }
}

fn rows(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_name_their_source_and_hold_lower_case_words() {
        for text in [TITLES, PARTICLES, LEGAL_FORMS, LEGAL_PHRASES, BUSINESS, FIRMS] {
            assert!(text.starts_with("# "), "a data file names its source");
            let apart = |c: char| c.is_whitespace() || text == FIRMS && c.is_ascii_digit();
            for word in rows(text).flat_map(|row| row.split(apart)).filter(|word| !matches!(*word, "" | "=")) {
                let word = word.strip_suffix('?').unwrap_or(word);
                assert!(word.chars().all(char::is_alphabetic) && word == word.to_lowercase(), "{word}");
            }
        }
    }

    #[test]
    fn frequent_names_say_less_than_rare_ones() {
        let tables = Tables::shared();
        let rarity = |text| tables.rarity(text, tables.class(text)).1;
        for (frequent, rare) in
            [("mohammed", "zawahiri"), ("smith", "smythe"), ("company", "smith"), ("محمد", "ظواهري")]
        {
            assert!(rarity(frequent) < rarity(rare), "{frequent} {} {rare} {}", rarity(frequent), rarity(rare));
        }
        assert_eq!(tables.class("11420"), Class::Number);
        assert_eq!(tables.legal_form("limited"), tables.legal_form("gmbh"));
        assert_eq!((tables.class("limited"), tables.class("pao")), (Class::LegalForm, Class::Name));
        assert!(tables.legal_form("pao").is_some() && tables.may_be_name("pao"));
    }
}
