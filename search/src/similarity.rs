//! How alike two words are, in thousandths, and why. Whole numbers throughout; the one float (Jaro-Winkler) is only
//! compared with a constant. Assumes normalised tokens.

use crate::normalise::Token;
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
        let one = a.latin.as_bytes()[0];
        return if one == b.latin.as_bytes()[0] { like(800, How::Initial) } else { None };
    }
    if a.class == Class::Number || b.class == Class::Number {
        return None;
    }
    match (a.class.carries(), b.class.carries()) {
        (true, true) => {}
        (false, false) => return None,
        // A typo of a particle, title or legal form (`LETD`) looks like a rare word; nothing looser, they are short.
        _ => {
            let longest = a.latin.len().max(b.latin.len()) as u32;
            let edits = edits(&a.latin, &b.latin, a.letters, b.letters).filter(|edits| *edits == 1)?;
            return like(1000 - 600 * edits / longest, How::Spelt);
        }
    }
    // Two frequent names that the tables tell apart (Hassan, Hussein) are two names, unless a typo lies between them.
    if a.group.is_some() && b.group.is_some() {
        return edits(&a.latin, &b.latin, a.letters, b.letters)
            .filter(|edits| *edits == 1)
            .and_then(|_| like(500, How::Alike));
    }
    let longest = a.latin.len().max(b.latin.len());
    let sounds = a.sound.meets(b.sound);
    let spelt = edits(&a.latin, &b.latin, a.letters, b.letters).map(|edits| 1000 - 600 * edits / longest as u32);
    match (spelt, sounds) {
        (Some(parts), true) => return like((parts + 40).min(980), How::Sounds),
        (Some(parts), false) => return like(parts, How::Spelt),
        _ => {}
    }
    let few_letters_differ = (a.letters ^ b.letters).count_ones() <= 4;
    if sounds && a.sound.primary.letters() >= 2 && few_letters_differ {
        return like(750, How::Sounds);
    }
    if a.sound.consonants.meets(b.sound.consonants) && few_letters_differ {
        // Without written vowels the consonants are the name; with them, other vowels are mostly another name.
        match (a.vowels_unwritten() || b.vowels_unwritten(), a.sound.consonants.letters() >= 3) {
            (true, true) => return like(800, How::Sounds),
            (true, false) => return like(720, How::Sounds),
            (false, true) => return like(650, How::Sounds),
            (false, false) => {}
        }
    }
    let shortest = a.latin.len().min(b.latin.len());
    if shortest >= 5 && (a.latin.starts_with(&*b.latin) || b.latin.starts_with(&*a.latin)) {
        return like(750, How::Cut);
    }
    if shortest >= 5 && few_letters_differ && strsim::jaro_winkler(&a.latin, &b.latin) >= JARO_WINKLER_MIN {
        return like(600, How::Alike);
    }
    None
}

/// How alike a word and two neighbours written together are.
pub fn joined(one: &Token, other: &Token, whole: &Token) -> Option<Likeness> {
    let length = one.latin.len() + other.latin.len();
    if !whole.class.carries() || whole.latin.len().abs_diff(length) > allowed(length) {
        return None;
    }
    let text = crate::keys::joined(one, other)?;
    if *text == *whole.latin {
        return Some(Likeness { parts: 990, how: How::Joined });
    }
    let edits = edits(&text, &whole.latin, one.letters | other.letters, whole.letters)?;
    Some(Likeness { parts: 990 - 600 * edits / length.max(whole.latin.len()) as u32, how: How::Joined })
}

/// Edits that still let two words of this length be one name.
fn allowed(length: usize) -> usize {
    match length {
        0..=3 => 0,
        4..=5 => 1,
        6..=8 => 2,
        _ => 3,
    }
}

/// Edits between two words when they are few: insertions, deletions, substitutions, swaps of neighbours.
fn edits(a: &str, b: &str, a_letters: u32, b_letters: u32) -> Option<u32> {
    let allowed = allowed(a.len().max(b.len()));
    if allowed == 0 || a.len().abs_diff(b.len()) > allowed {
        return None;
    }
    // One edit changes at most two of the letters that a word has; this spares most of the distances.
    if (a_letters ^ b_letters).count_ones() as usize > 2 * allowed {
        return None;
    }
    let edits = strsim::osa_distance(a, b);
    (edits <= allowed).then_some(edits as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::normalise;
    use crate::tables::Tables;
    use proptest::prelude::*;

    fn like(a: &str, b: &str) -> u32 {
        let tables = Tables::standard();
        let (a, b) = (normalise(a, &tables), normalise(b, &tables));
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
