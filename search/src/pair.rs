//! What two words say when they meet: how many hundredths of a bit it speaks for one name rather than two people's words met
//! by chance. A wrong spelling of a rare word says more than the same frequent word.
//!
//! The evidence is the likelihood ratio of the learned channel over the rarity, less what a list says that has a frequent
//! word in any case: `-log2( P(asked) / P(asked | held) + P(held) )`. Only words that are near ([`near`]) are compared: the
//! keys of `keys.rs` find all of these, and a property test holds the two together.

use crate::bones;
use crate::channel::Target;
use crate::normalise::Token;
use crate::script::Script;
use crate::tables::Tables;

/// A word that people write the same costs this, another spelling this beside the channel's cost: nine of ten are the same.
const SAME: u32 = 30;
const VARIANT: u32 = 150;
/// The least that a known variant costs: its bearers may be known by the held form alone.
const VARIANT_MIN: u32 = 100;
/// One typo in another script, which has no channel to itself.
const NATIVE_TYPO: u32 = 900;
/// What a word costs in another script with nothing wrong: vowels are not written, several letters are one.
const SCRIPT_USUAL: u32 = 600;
/// A word with a typo says at least this, so that it is not a word too much: from so many letters on, where it is seldom chance.
const TYPO: u32 = 10;
const TYPO_FROM: u32 = 4;
/// What it is taken to cost beyond what the word could bear.
const TYPO_BEYOND: u32 = 300;
/// Letters from which a word may be cut short.
pub const CUT_FROM: usize = 5;
/// What is lost when one begins the other.
const CUT: u32 = 500;
/// Up to this cost of the channel a word is said to be another spelling, beyond it a typo.
const SPELLING_MAX: u32 = 950;

/// How two words agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    Same,
    Variant,
    /// Written in another script.
    Script,
    Spelt,
    Joined,
    Cut,
    Initial,
}

/// What two words say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Likeness {
    /// Hundredths of a bit.
    pub bits: u32,
    pub how: How,
    /// How unlikely the word is written so by those who mean the held one, in hundredths of a bit.
    pub cost: u32,
}

/// A word of a question, ready to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub token: Token,
    target: Option<Target>,
    /// Made of neighbours: of which a word that is one of them is no beginning.
    joined: bool,
}

impl Asked {
    /// Prepares a word.
    pub fn new(token: Token, joined: bool, tables: &Tables) -> Self {
        let target = tables.channel(token.script).map(|channel| channel.target(&token.text));
        Self { token, target, joined }
    }
}

/// What the word says when it is met by a held one.
pub fn likeness(asked: &Asked, held: &Token, tables: &Tables) -> Option<Likeness> {
    let token = &asked.token;
    if token.text == held.text {
        return evidence(u32::from(token.rarity), SAME, held.rarity).map(|bits| Likeness {
            bits,
            how: How::Same,
            cost: 0,
        });
    }
    // Between scripts the channel is asked first, as bones of another script take longest.
    let mixed = token.script != held.script;
    if !mixed && !near(token, held, tables) {
        return None;
    }
    let (source, target, script, rarity, other) = match (token.script, held.script) {
        (Script::Latin, Script::Latin) => (held, None, Script::Latin, token.letters_rarity, held.rarity),
        (script, Script::Latin) => (held, None, script, token.rarity, held.rarity),
        (Script::Latin, script) => (token, Some(held), script, held.rarity, token.rarity),
        _ if mixed => return None,
        _ => {
            let bits = evidence(token.rarity.into(), NATIVE_TYPO, held.rarity)?;
            return Some(Likeness { bits, how: How::Spelt, cost: NATIVE_TYPO });
        }
    };
    let channel = tables.channel(script)?;
    let rarity = u32::from(rarity);
    let source = channel.source(&source.text);
    let limit = rarity.saturating_sub(VARIANT);
    let cost = match target {
        Some(held) => channel.cost(&source, &channel.target(&held.text), limit),
        None => channel.cost(&source, asked.target.as_ref()?, limit),
    };
    if mixed && (cost.is_none() || !near(token, held, tables)) {
        return None;
    }
    let latin = script == Script::Latin;
    let cut = if latin && begins(&token.text, &held.text) && !asked.joined { Some(CUT) } else { None };
    let cost = match variant(token, held) {
        Some(variant) => Some(cost.unwrap_or(u32::MAX).min(variant.max(VARIANT_MIN))).filter(|cost| *cost <= limit),
        None => cost,
    };
    let (cost, how) = match (cost, cut) {
        (Some(cost), Some(cut)) if cut < cost => (cut, How::Cut),
        (None, Some(cut)) => (cut, How::Cut),
        (Some(cost), _) if !latin => (cost, How::Script),
        (Some(cost), _) if cost <= SPELLING_MAX => (cost, How::Variant),
        (Some(cost), _) => (cost, How::Spelt),
        (None, None) => (limit + TYPO_BEYOND, How::Spelt),
    };
    let typo = latin
        && token.letters().min(held.letters()) >= TYPO_FROM
        && spelt_alike(Shape::of(token), Shape::of(held));
    let least = if typo { TYPO } else { 0 };
    // No other word says more than the same one would.
    let most = evidence(token.rarity.into(), SAME, token.rarity).unwrap_or_default();
    let bits = evidence(rarity, VARIANT + cost, other).unwrap_or_default().min(most).max(least);
    let usual = if mixed { SCRIPT_USUAL } else { 0 };
    (bits > 0).then_some(Likeness { bits, how, cost: (VARIANT + cost).saturating_sub(usual) })
}

fn evidence(rarity: u32, cost: u32, held: u16) -> Option<u32> {
    let ratio = rarity.checked_sub(cost)?;
    Some(ratio.min(u32::from(held)).saturating_sub(one_more(ratio.abs_diff(u32::from(held))))).filter(|bits| *bits > 0)
}

/// `100 log2(1 + 2^-d/100)`: what a sum of two shares is more than the larger one, by how far they are apart.
fn one_more(apart: u32) -> u32 {
    const STEPS: [u8; 65] = [
        100, 94, 88, 82, 77, 72, 67, 63, 58, 54, 51, 47, 44, 41, 38, 35, 32, 30, 28, 25, 23, 22, 20, 18, 17, 16, 14,
        13, 12, 11, 10, 10, 9, 8, 7, 7, 6, 6, 5, 5, 4, 4, 4, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1,
    ];
    STEPS.get(apart as usize * 2 / 25).copied().unwrap_or(0).into()
}

/// How rare the one is among names that are equal to the other, if they are known as such.
fn variant(asked: &Token, held: &Token) -> Option<u32> {
    let of_class = asked.variants.iter().filter(|(class, _)| in_class(held, *class));
    of_class.map(|(_, cost)| u32::from(*cost)).min()
}

fn in_class(token: &Token, class: u32) -> bool {
    token.variants.iter().any(|(other, _)| *other == class)
}

/// A held Latin word by its forms.
#[derive(Clone, Copy)]
pub struct Shape<'a> {
    pub text: &'a str,
    pub folded: &'a str,
    pub in_print: &'a str,
}

impl<'a> Shape<'a> {
    /// Of a token.
    pub fn of(token: &'a Token) -> Self {
        Self { text: &token.text, folded: &token.folded, in_print: token.in_print() }
    }
}

/// Edits that a Latin word is compared with, as far as the other one bears them too. Of three letters folded one edit is half.
pub fn edits(word: Shape<'_>) -> usize {
    match (word.folded.len(), word.text.len()) {
        (..=2, _) => 0,
        (3, _) | (_, ..=5) => 1,
        _ => 2,
    }
}

/// Whether two different words are compared at all.
pub fn near(a: &Token, b: &Token, tables: &Tables) -> bool {
    if !a.class.compared() || !b.class.compared() {
        return false;
    }
    match (a.script, b.script) {
        (Script::Latin, Script::Latin) => near_in_latin(a, Shape::of(b), tables),
        (one, other) if one == other => spelt_alike_natively(&a.text, &b.text),
        (Script::Latin, Script::Han) => b.bones(tables).contains(&a.text),
        (Script::Han, Script::Latin) => a.bones(tables).contains(&b.text),
        (Script::Latin, _) => stands_for(b, a, tables),
        (_, Script::Latin) => stands_for(a, b, tables),
        _ => false,
    }
}

/// Whether two Latin words, each a name or a word of firms, are compared.
pub fn near_in_latin(asked: &Token, held: Shape<'_>, tables: &Tables) -> bool {
    let variants = || !asked.variants.is_empty() && tables.variants(held.text).any(|(class, _)| in_class(asked, class));
    spelt_alike(Shape::of(asked), held) || bones_meet(asked, held, tables) || begins(&asked.text, held.text) || variants()
}

/// Whether two Latin words are the same but for a few edits, or to a reader of print.
fn spelt_alike(a: Shape<'_>, b: Shape<'_>) -> bool {
    let edits = edits(a).min(edits(b));
    within(a.folded, b.folded, edits) || within(a.text, b.text, edits.min(1)) || a.in_print == b.in_print
}

fn within(a: &str, b: &str, edits: usize) -> bool {
    if a.len().abs_diff(b.len()) > edits {
        return false;
    }
    // An edit changes at most two of the letters that a word has. This spares most of the distances.
    let letters = |word: &str| word.bytes().fold(0u32, |bits, letter| bits | 1 << (letter & 31));
    a == b
        || edits > 0
            && (letters(a) ^ letters(b)).count_ones() as usize <= 2 * edits
            && strsim::osa_distance(a, b) <= edits
}

/// One edit in words of four letters and more of another script.
fn spelt_alike_natively(a: &str, b: &str) -> bool {
    let letters = a.chars().count().min(b.chars().count());
    letters >= NATIVE_EDIT_FROM && strsim::osa_distance(a, b) <= 1
}

/// Letters from which a word of another script is compared with one edit.
pub const NATIVE_EDIT_FROM: usize = 4;
/// Bones from which equal ones are compared, and from which one may differ.
pub const BONES_FROM: usize = 2;
pub const BONES_EDIT_FROM: usize = 5;
/// Letters by which one of two words with the same bones may be longer.
const VOWELS_MORE: usize = 3;

/// Whether a word of another script may stand for a Latin one.
fn stands_for(native: &Token, latin: &Token, tables: &Tables) -> bool {
    latin.bones(tables).first().is_some_and(|bones| native.bones(tables).contains(bones))
}

fn bones_meet(a: &Token, b: Shape<'_>, tables: &Tables) -> bool {
    let [one] = a.bones(tables) else { return false };
    let folded = (a.folded.as_bytes(), b.folded.as_bytes());
    if folded.0.len().abs_diff(folded.1.len()) > VOWELS_MORE {
        return false;
    }
    let other = &bones::bones(b.folded);
    let shorter = one.len().min(other.len());
    match shorter {
        ..BONES_FROM => false,
        2 => **one == **other && folded.0[0] == folded.1[0],
        BONES_EDIT_FROM.. => {
            **one == **other || (one.len().abs_diff(other.len()) <= 1 && strsim::osa_distance(one, other) <= 1)
        }
        _ => **one == **other,
    }
}

/// Whether one Latin word is the beginning of the other.
fn begins(a: &str, b: &str) -> bool {
    a.len().min(b.len()) >= CUT_FROM && (a.starts_with(b) || b.starts_with(a))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::normalise;
    use proptest::prelude::*;

    fn bits(a: &str, b: &str) -> u32 {
        let tables = Tables::shared();
        let (a, b) = (normalise(a, tables).swap_remove(0), normalise(b, tables).swap_remove(0));
        likeness(&Asked::new(a, false, tables), &b, tables).map_or(0, |likeness| likeness.bits)
    }

    #[test]
    fn words_say_more_the_rarer_and_the_closer_they_are() {
        assert!(bits("zawahiri", "zawahiri") > bits("smith", "smith"));
        assert!(bits("mohamed", "muhammad") > 400);
        assert!(bits("smyth", "smith") > 0);
        assert!(bits("zawahiri", "zawahri") > bits("zawahiri", "zwahrai"));
        assert!(bits("الظواهري", "zawahiri") > 500, "vowels unwritten");
        assert!(bits("Гончаренко", "honcharenko") > 900);
        assert!(bits("王", "wang") > 300);
        assert!(bits("김", "kim") > 200);
        assert_eq!(bits("bush", "habbash"), 0);
        assert_eq!(bits("11420", "11421"), 0);
        assert_eq!(bits("hassan", "peter"), 0);
    }

    proptest! {
        #[test]
        fn a_word_says_most_when_it_is_the_same(a in "[a-z]{2,12}", b in "[a-z]{2,12}") {
            prop_assert!(bits(&a, &b) <= bits(&a, &a));
        }
    }
}
