//! How alike two words are, in thousandths, and why. Whole numbers throughout; the one float (Jaro-Winkler) is only
//! compared with a constant. Assumes normalised tokens.
//!
//! Only words that share a candidate key (`keys.rs`) are alike: what no key finds must not count either, or a record's score
//! would depend on whether something else made it a candidate.

use crate::keys::{self, ALIKE_LETTERS, CUT_FROM, deletes};
use crate::normalise::Token;
use crate::sound::Sound;
use crate::tables::Class;

/// Why two words were taken for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    Same,
    Variant,
    Spelt,
    Sounds,
    Joined,
    Cut,
    Initial,
    Alike,
}

/// How alike two words are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Likeness {
    /// 0 to 1000.
    pub parts: u32,
    pub how: How,
}

/// Most that words can be alike of which no key by spelling is shared.
pub const SOUND_PARTS_MAX: u32 = 850;
/// Words that only begin alike.
pub const ALIKE_PARTS: u32 = 600;
const JARO_WINKLER_MIN: f64 = 0.88;

/// How alike two words are; `None` when they have nothing to do with each other.
pub fn words(a: &Token, b: &Token) -> Option<Likeness> {
    let like = |parts, how| Some(Likeness { parts, how });
    if !a.latin.is_empty() && a.latin == b.latin || a.native.is_some() && a.native == b.native {
        return like(1000, How::Same);
    }
    // Words that nobody could write in Latin say nothing about each other: nothing is not equal to nothing.
    if a.latin.is_empty() || b.latin.is_empty() {
        return None;
    }
    if a.group.is_some() && a.group == b.group {
        return like(970, How::Variant);
    }
    if a.class == Class::Initial || b.class == Class::Initial {
        let stands = (a.class.carries() || b.class.carries()) && a.latin.as_bytes()[0] == b.latin.as_bytes()[0];
        return if stands { like(800, How::Initial) } else { None };
    }
    if a.class == Class::Number || b.class == Class::Number {
        return None;
    }
    let longest = a.latin.len().max(b.latin.len());
    let spelt = |edits: usize| 1000 - (600 * edits / longest) as u32;
    let few = || edits(&a.latin, &b.latin, a.letters, b.letters);
    match (a.class.carries(), b.class.carries()) {
        (true, true) => {}
        (false, false) => return None,
        // A typo of a particle, title or legal form (`LETD`) looks like a rare word; nothing looser, they are short.
        _ => return few().filter(|edits| *edits == 1).and_then(|edits| like(spelt(edits), How::Spelt)),
    }
    // Two frequent names that the tables tell apart (Hassan, Hussein) are two names, unless a typo lies between them.
    if a.group.is_some() && b.group.is_some() {
        return few().filter(|edits| *edits == 1).and_then(|_| like(500, How::Alike));
    }
    let sounds = a.sound.meets(b.sound);
    let same_consonants = a.sound.consonants.meets(b.sound.consonants);
    match few() {
        Some(edits) if edits <= deletes(longest) && sounds => return like((spelt(edits) + 40).min(980), How::Sounds),
        Some(edits) if edits <= deletes(longest) => return like(spelt(edits), How::Spelt),
        // Beyond what its spelling finds, a long word must sound alike.
        Some(edits) if sounds || same_consonants => return like(spelt(edits).min(SOUND_PARTS_MAX), How::Sounds),
        _ => {}
    }
    let few_letters_differ = (a.letters ^ b.letters).count_ones() <= 4;
    if sounds && a.sound.primary.letters() >= 2 && few_letters_differ {
        return like(750, How::Sounds);
    }
    if same_consonants && few_letters_differ {
        // Without written vowels the consonants are the name; with them, other vowels are mostly another name.
        match (a.vowels_unwritten() || b.vowels_unwritten(), a.sound.consonants.letters() >= 3) {
            (true, true) => return like(800, How::Sounds),
            (true, false) => return like(720, How::Sounds),
            (false, true) => return like(650, How::Sounds),
            (false, false) => {}
        }
    }
    let shortest = a.latin.len().min(b.latin.len());
    if shortest >= CUT_FROM && (a.latin.starts_with(&*b.latin) || b.latin.starts_with(&*a.latin)) {
        return like(750, How::Cut);
    }
    let begin_alike = shortest >= CUT_FROM && a.latin[..ALIKE_LETTERS] == b.latin[..ALIKE_LETTERS];
    if begin_alike && few_letters_differ && strsim::jaro_winkler(&a.latin, &b.latin) >= JARO_WINKLER_MIN {
        return like(ALIKE_PARTS, How::Alike);
    }
    None
}

/// How alike a word and neighbours written together are.
pub fn joined(parts: &[Token], whole: &Token) -> Option<Likeness> {
    if !whole.class.carries() || whole.class == Class::Number {
        return None;
    }
    let length: usize = parts.iter().map(|part| part.latin.len()).sum();
    let letters = parts.iter().fold(0, |letters, part| letters | part.letters);
    if !could_be_near((length, letters), (whole.latin.len(), whole.letters)) {
        return None;
    }
    let text = keys::joined(parts)?;
    if text.initial && text.latin.as_bytes()[0] != whole.latin.as_bytes()[0] {
        return None;
    }
    let edits = edits(&text.latin, &whole.latin, letters, whole.letters)?;
    let longest = length.max(whole.latin.len());
    let parts = 990 - (600 * edits / longest) as u32;
    // The keys of joined words leave out one letter, those of a whole word often two.
    let spelt = match edits {
        0 | 1 => true,
        2 => whole.latin.len() > length && deletes(whole.latin.len()) >= 2,
        _ => false,
    };
    if spelt {
        return Some(Likeness { parts, how: How::Joined });
    }
    let sound = Sound::of(&text.latin);
    let sounds = !text.initial && (sound.meets(whole.sound) || sound.consonants.meets(whole.sound.consonants));
    sounds.then(|| Likeness { parts: parts.min(SOUND_PARTS_MAX), how: How::Joined })
}

/// Edits that still let two words of this length be one name, if their sound confirms what goes beyond their keys.
fn allowed(length: usize) -> usize {
    match length {
        0..=3 => 0,
        4..=5 => 1,
        6..=8 => 2,
        _ => 3,
    }
}

/// Whether words of these lengths and letters could be a few edits apart: an edit changes the length by one at most, and at
/// most two of the letters that a word has. This spares most of the distances.
fn could_be_near(a: (usize, u32), b: (usize, u32)) -> bool {
    let allowed = allowed(a.0.max(b.0));
    a.0.abs_diff(b.0) <= allowed && (a.1 ^ b.1).count_ones() as usize <= 2 * allowed
}

/// Edits between two words when they are few: insertions, deletions, substitutions, swaps of neighbours.
fn edits(a: &str, b: &str, a_letters: u32, b_letters: u32) -> Option<usize> {
    if !could_be_near((a.len(), a_letters), (b.len(), b_letters)) {
        return None;
    }
    let edits = strsim::osa_distance(a, b);
    (edits <= allowed(a.len().max(b.len()))).then_some(edits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::normalise;
    use crate::tables::Tables;
    use proptest::prelude::*;

    fn like(a: &str, b: &str) -> u32 {
        let (a, b) = (normalise(a, Tables::shared()), normalise(b, Tables::shared()));
        words(&a[0], &b[0]).map_or(0, |like| like.parts)
    }

    #[test]
    fn likeness_orders_as_a_reader_would() {
        assert_eq!(like("smith", "Smith"), 1000);
        assert!(like("mohamed", "Muhammad") >= 950);
        assert!(like("smyth", "smith") >= 880);
        assert!(like("jon", "john") >= 850);
        assert!(like("zawahiri", "zawahri") > like("zawahiri", "\u{638}\u{648}\u{627}\u{647}\u{631}\u{64a}"));
        assert!(like("\u{638}\u{648}\u{627}\u{647}\u{631}\u{64a}", "zawahiri") >= 700, "vowels unwritten");
        assert!(like("hassan", "hussein") == 0, "two frequent names that are told apart");
        assert_eq!(like("bush", "habbash"), 0);
        assert_eq!(like("11420", "11421"), 0);
    }

    proptest! {
        #[test]
        fn likeness_is_the_same_from_both_sides(a in "[a-z]{1,12}", b in "[a-z]{1,12}") {
            prop_assert_eq!(like(&a, &b), like(&b, &a));
        }
    }
}
