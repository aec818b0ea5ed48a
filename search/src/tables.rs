//! The frozen tables: titles, particles, legal forms, and tokens so frequent that they find nobody alone. How rare a token is
//! comes from here and never from a live index, so that two replicas, and one replica on two days, score alike.
//!
//! Assumes the files under `data/` are lower-case ASCII; a test checks it.

use std::collections::{BTreeMap, BTreeSet};

const TITLES: &str = include_str!("../data/titles.txt");
const PARTICLES: &str = include_str!("../data/particles.txt");
const LEGAL_FORMS: &str = include_str!("../data/legal_forms.txt");
const FREQUENT: &str = include_str!("../data/frequent.txt");

/// How much a token says about who bears it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// In no table.
    Rare,
    /// A frequent name.
    Common,
    /// A name of millions.
    Top,
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
    /// Points of the class in a name.
    pub fn weight(self) -> u32 {
        match self {
            Self::Rare => 100,
            Self::Common | Self::Number => 60,
            Self::Top => 45,
            Self::Business => 25,
            Self::Initial => 20,
            Self::Title => 12,
            Self::Particle | Self::LegalForm => 8,
        }
    }

    /// Whether tokens of the class carry a name: only these count when candidates are chosen.
    pub fn carries(self) -> bool {
        matches!(self, Self::Rare | Self::Common | Self::Top | Self::Business | Self::Number)
    }
}

/// What the tables say of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub class: Class,
    /// Spellings of one name have one group.
    pub group: Option<u16>,
}

/// The tables, ready for look-up.
#[derive(Debug)]
pub struct Tables {
    entries: BTreeMap<&'static str, Entry>,
    groups: Vec<&'static str>,
    legal_forms: BTreeMap<&'static str, &'static str>,
    dropped: BTreeSet<&'static str>,
}

impl Tables {
    /// Raised with every change of the tables or of how names become keys: an index of another version is rebuilt.
    pub const VERSION: u32 = 2;

    /// The tables that the crate carries.
    pub fn standard() -> Self {
        let mut tables = Self {
            entries: BTreeMap::new(),
            groups: Vec::new(),
            legal_forms: BTreeMap::new(),
            dropped: BTreeSet::new(),
        };
        tables.read_frequent();
        tables.read_words();
        tables
    }

    /// One copy for all tests of the process.
    #[cfg(test)]
    pub fn shared() -> &'static Self {
        static SHARED: std::sync::OnceLock<Tables> = std::sync::OnceLock::new();
        SHARED.get_or_init(Self::standard)
    }

    fn read_frequent(&mut self) {
        for line in rows(FREQUENT) {
            let mut words = line.split_whitespace();
            let class = match words.next() {
                Some("top") => Class::Top,
                Some("common") => Class::Common,
                _ => Class::Business,
            };
            let group = self.groups.len() as u16;
            for (at, word) in words.enumerate() {
                if at == 0 {
                    self.groups.push(word);
                }
                self.entries.insert(word, Entry { class, group: Some(group) });
            }
        }
    }

    fn read_words(&mut self) {
        for line in rows(TITLES) {
            let mut words = line.split_whitespace();
            let dropped = words.next() == Some("drop");
            for word in words {
                if dropped {
                    self.dropped.insert(word);
                } else {
                    self.entries.insert(word, Entry { class: Class::Title, group: None });
                }
            }
        }
        for word in rows(PARTICLES).flat_map(str::split_whitespace) {
            self.entries.insert(word, Entry { class: Class::Particle, group: None });
        }
        for line in rows(LEGAL_FORMS) {
            let mut words = line.split_whitespace();
            let Some(canonical) = words.next() else { continue };
            for word in std::iter::once(canonical).chain(words) {
                self.legal_forms.insert(word, canonical);
                self.entries.insert(word, Entry { class: Class::LegalForm, group: None });
            }
        }
    }

    /// What the tables say of a normalised Latin token.
    pub fn entry(&self, latin: &str) -> Entry {
        if let Some(entry) = self.entries.get(latin) {
            return *entry;
        }
        let class = if latin.bytes().any(|b| b.is_ascii_digit()) {
            Class::Number
        } else if latin.len() == 1 {
            Class::Initial
        } else {
            Class::Rare
        };
        Entry { class, group: None }
    }

    /// The canonical spelling of a group.
    pub fn spelling(&self, group: u16) -> &'static str {
        self.groups.get(usize::from(group)).copied().unwrap_or("")
    }

    /// The form that a legal form is written as here.
    pub fn legal_form(&self, latin: &str) -> Option<&'static str> {
        self.legal_forms.get(latin).copied()
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
    fn files_are_lower_case_ascii_and_no_spelling_stands_twice() {
        let mut seen = BTreeSet::new();
        for line in rows(FREQUENT) {
            let class = line.split_whitespace().next().expect("a class");
            assert!(["top", "common", "business"].contains(&class), "{line}");
            for word in line.split_whitespace().skip(1) {
                assert!(seen.insert(word), "{word} stands twice");
            }
        }
        for text in [TITLES, PARTICLES, LEGAL_FORMS, FREQUENT] {
            assert!(text.starts_with("# "), "a data file names its source");
            for word in rows(text).flat_map(str::split_whitespace) {
                assert!(word.bytes().all(|b| b.is_ascii_lowercase()), "{word}");
            }
        }
    }

    #[test]
    fn spellings_of_one_name_meet() {
        let tables = Tables::shared();
        let (one, other) = (tables.entry("mohamed"), tables.entry("muhammad"));
        assert_eq!(one, other);
        assert_eq!(tables.spelling(one.group.expect("a group")), "mohammed");
        assert_eq!(tables.entry("zawahiri").class, Class::Rare);
        assert_eq!(tables.entry("11420").class, Class::Number);
        assert_eq!(tables.legal_form("limited"), Some("ltd"));
    }
}
