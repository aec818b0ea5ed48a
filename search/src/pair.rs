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
const SCRIPT_USUAL: u32 = 450;
/// A word with a typo says at least this, so that it is not a word too much: from so many letters on, where it is seldom chance.
const TYPO: u32 = 10;
const TYPO_FROM: usize = 4;
/// What it is taken to cost beyond what the word could bear.
const TYPO_BEYOND: u32 = 300;
/// Letters from which a word may be cut short.
pub const CUT_FROM: usize = 5;
/// What is lost when one begins the other, of what the more frequent of them says.
const CUT: u32 = 500;
/// Up to this cost of the channel a word is said to be another spelling, beyond it a typo. Of a spelling's cost a part is
/// not believed, in hundredths: the channel knows fewer spellings than people use.
const SPELLING_MAX: u32 = 950;
const SPELLING_DOUBT: u32 = 25;
const DOUBT_MAX: u32 = SPELLING_MAX * SPELLING_DOUBT / 100;
/// Words of so many letters that differ by more than the writing of one sound: readings of Han in several languages make
/// `Jin` of `Kim`, and they are near to so many that they say less.
const SHORT: usize = 4;
const SHORT_COST: u32 = 150;
/// How far letters that no name has make a word rarer than any name is believed to be, in hundredths: what is met by chance
/// is a name, and stands where names are dense.
const LETTERS: u32 = 75;

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
        return same(token, held.rarity);
    }
    if token.script == Script::Latin && held.script == Script::Latin {
        let compared = token.class.compared() && held.class.compared();
        return if compared { likeness_in_latin(asked, Shape::of(held), tables) } else { None };
    }
    if token.script == held.script {
        let bits = evidence(token.rarity.into(), NATIVE_TYPO, held.rarity).filter(|_| near(token, held, tables))?;
        return Some(Likeness { bits, how: How::Spelt, cost: NATIVE_TYPO });
    }
    // The channel is asked first, as bones of another script take longest.
    let (source, script, rarity, other) = match (token.script, held.script) {
        (script, Script::Latin) => (held, script, token.rarity, held.rarity),
        (Script::Latin, script) => (token, script, held.rarity, token.rarity),
        _ => return None,
    };
    let channel = tables.channel(script)?;
    let rarity = u32::from(rarity);
    let (source, limit) = (channel.source(&source.text), rarity.saturating_sub(VARIANT) + DOUBT_MAX);
    let cost = match &asked.target {
        Some(target) if token.script == script => channel.cost(&source, target, limit),
        _ => channel.cost(&source, &channel.target(&held.text), limit),
    };
    let cost = cost.filter(|_| near(token, held, tables));
    let cost = VARIANT + doubted(cheaper(cost, variant(token, Shape::of(held), tables))?);
    let bits = evidence(rarity, cost, other)?;
    Some(Likeness { bits, how: How::Script, cost: cost.saturating_sub(SCRIPT_USUAL) })
}

/// What the same word says.
fn same(token: &Token, held: u16) -> Option<Likeness> {
    let bits = evidence(token.rarity.into(), SAME, held)?;
    Some(Likeness { bits, how: How::Same, cost: 0 })
}

/// How two different Latin words are near, both of them compared.
struct Nearness {
    /// Spelt alike.
    alike: bool,
    /// One begins the other.
    cut: bool,
    /// What the one costs as a known variant of the other.
    variant: Option<u32>,
}

/// The rule of nearness in Latin letters; bones last, as they take longest.
fn nearness(asked: &Token, held: Shape<'_>, tables: &Tables) -> Option<Nearness> {
    let (alike, cut) = (spelt_alike(Shape::of(asked), held), begins(&asked.text, held.text));
    let variant = variant(asked, held, tables);
    let near = alike || cut || variant.is_some() || bones_meet(asked, held, tables);
    near.then_some(Nearness { alike, cut, variant })
}

/// What a Latin word says when it is met by another one, both of them compared.
pub fn likeness_in_latin(asked: &Asked, held: Shape<'_>, tables: &Tables) -> Option<Likeness> {
    let token = &asked.token;
    let Nearness { alike, cut, variant } = nearness(token, held, tables)?;
    let channel = tables.channel(Script::Latin)?;
    let believed = u32::from(token.rarity);
    let rarity = believed + u32::from(token.letters_rarity).saturating_sub(believed) * LETTERS / 100;
    let limit = rarity.saturating_sub(VARIANT);
    let cost = channel.cost(&channel.source(held.text), asked.target.as_ref()?, limit + DOUBT_MAX);
    let short = token.text.len().min(held.text.len()) <= SHORT && *token.folded != *held.folded;
    let short = if short { SHORT_COST } else { 0 };
    let cost = cheaper(cost, variant).map(|cost| doubted(cost) + short).filter(|cost| *cost <= limit);
    let cut = Some(CUT + rarity.saturating_sub(believed.min(held.rarity.into()))).filter(|_| cut && !asked.joined);
    let (cost, how) = match (cost, cut) {
        (Some(cost), Some(cut)) if cut < cost => (cut, How::Cut),
        (None, Some(cut)) => (cut, How::Cut),
        (Some(cost), _) if cost <= doubted(SPELLING_MAX) + short => (cost, How::Variant),
        (Some(cost), _) => (cost, How::Spelt),
        (None, None) => (limit + TYPO_BEYOND, How::Spelt),
    };
    let typo = alike && token.text.len().min(held.text.len()) >= TYPO_FROM;
    let least = if typo { TYPO } else { 0 };
    // No other word says more than the same one would.
    let most = same(token, token.rarity).map_or(0, |likeness| likeness.bits);
    let bits = evidence(rarity, VARIANT + cost, held.rarity).unwrap_or_default().min(most).max(least);
    (bits > 0).then_some(Likeness { bits, how, cost: VARIANT + cost })
}

/// The cheaper of what the channel says and what is known of a variant.
fn cheaper(cost: Option<u32>, variant: Option<u32>) -> Option<u32> {
    cost.into_iter().chain(variant.map(|variant| variant.max(VARIANT_MIN))).min()
}

/// What of a spelling's cost is believed.
fn doubted(cost: u32) -> u32 {
    cost - cost.min(SPELLING_MAX) * SPELLING_DOUBT / 100
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
pub(crate) fn variant(asked: &Token, held: Shape<'_>, tables: &Tables) -> Option<u32> {
    if asked.variants.is_empty() || !held.has_variants {
        return None;
    }
    let held = held.text;
    let of_class =
        |class| asked.variants.iter().filter(move |(own, _)| *own == class).map(|(_, cost)| u32::from(*cost));
    tables.variants(held).flat_map(|(class, _)| of_class(class)).min()
}

/// A held Latin word by its forms.
#[derive(Clone, Copy)]
pub struct Shape<'a> {
    pub text: &'a str,
    pub folded: &'a str,
    pub in_print: &'a str,
    pub rarity: u16,
    pub has_variants: bool,
}

impl<'a> Shape<'a> {
    /// Of a token.
    pub fn of(token: &'a Token) -> Self {
        let (in_print, has_variants) = (token.in_print(), !token.variants.is_empty());
        Self { text: &token.text, folded: &token.folded, in_print, rarity: token.rarity, has_variants }
    }
}

/// Edits that a Latin word is compared with, as far as the other one bears them too: two from six letters on, folded
/// as well, since of five letters two edits leave half a list.
pub fn edits(word: Shape<'_>) -> usize {
    match (word.folded.len(), word.text.len()) {
        (..=2, _) => 0,
        (..=5, _) | (_, ..=5) => 1,
        _ => 2,
    }
}

/// Whether two different words are compared at all.
pub fn near(a: &Token, b: &Token, tables: &Tables) -> bool {
    if !a.class.compared() || !b.class.compared() {
        return false;
    }
    match (a.script, b.script) {
        (Script::Latin, Script::Latin) => nearness(a, Shape::of(b), tables).is_some(),
        (one, other) if one == other => spelt_alike_natively(&a.text, &b.text),
        _ if variant(a, Shape::of(b), tables).is_some() => true,
        (Script::Latin, Script::Han) => b.bones(tables).contains(&a.text),
        (Script::Han, Script::Latin) => a.bones(tables).contains(&b.text),
        (Script::Latin, _) => stands_for(b, a, tables),
        (_, Script::Latin) => stands_for(a, b, tables),
        _ => false,
    }
}

/// Whether two Latin words are the same but for a few edits, or to a reader of print.
pub(crate) fn spelt_alike(a: Shape<'_>, b: Shape<'_>) -> bool {
    let edits = edits(a).min(edits(b));
    within(a.folded, b.folded, edits) || within(a.text, b.text, edits.min(1)) || a.in_print == b.in_print
}

/// A bit for each letter of a word; digits share theirs with letters.
fn letters(word: &str) -> u32 {
    word.bytes().fold(0u32, |bits, letter| bits | 1 << (letter & 31))
}

/// What a glance at a Latin word sees, kept beside a word so that most of those that are not near are never looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance {
    /// A bit for each letter of the text and of its folded form.
    letters: u32,
    folded: u32,
    text_length: u8,
    folded_length: u8,
    /// Bones of the folded form.
    bones: u8,
}

impl Glance {
    /// At a word of the length that a token may have.
    pub fn at(text: &str, folded: &str) -> Self {
        let bones = bones::with_bones(folded, |own| own.len() as u8);
        let (text_length, folded_length) = (text.len() as u8, folded.len() as u8);
        Self { letters: letters(text), folded: letters(folded), text_length, folded_length, bones }
    }
}

/// Whether two different Latin words may be near that are no known variants nor to a reader of print: `false` is sure.
pub fn may_be_near(a: Glance, b: Glance) -> bool {
    let text_apart = a.text_length.abs_diff(b.text_length);
    let folded_apart = a.folded_length.abs_diff(b.folded_length);
    let (text_differs, differs) = (a.letters ^ b.letters, a.folded ^ b.folded);
    // An edit changes at most two of the letters that a word has.
    let spelt = folded_apart <= 2 && differs.count_ones() <= 4 || text_apart <= 1 && text_differs.count_ones() <= 2;
    let bones_differ = (differs & CONSONANTS).count_ones();
    let bones = match a.bones.min(b.bones) {
        ..2 => false,
        2..5 => a.bones == b.bones && bones_differ == 0,
        5.. => a.bones.abs_diff(b.bones) <= 1 && bones_differ <= 2,
    };
    let bones = bones && usize::from(folded_apart) <= VOWELS_MORE;
    let shared = a.letters & b.letters;
    let begins =
        usize::from(a.text_length.min(b.text_length)) >= CUT_FROM && (shared == a.letters || shared == b.letters);
    spelt || bones || begins
}

/// Letters that are bones.
const CONSONANTS: u32 = {
    let (mut bits, mut letter) = (u32::MAX, 0);
    while letter < 7 {
        bits &= !(1 << (b"aeiouyw"[letter] & 31));
        letter += 1;
    }
    bits
};

fn within(a: &str, b: &str, edits: usize) -> bool {
    if a.len().abs_diff(b.len()) > edits {
        return false;
    }
    // An edit changes at most two of the letters that a word has. This spares most of the distances.
    a == b || edits > 0 && (letters(a) ^ letters(b)).count_ones() as usize <= 2 * edits && distance_within(a, b, edits)
}

/// Whether letters added, left out, replaced or swapped with their neighbour, each place once, are so many at most.
fn distance_within(a: &str, b: &str, edits: usize) -> bool {
    const MOST: usize = crate::normalise::TOKEN_CHARS_MAX + 1;
    if a.len() >= MOST || b.len() >= MOST {
        return strsim::osa_distance(a, b) <= edits;
    }
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let (mut two, mut one, mut this) = ([u8::MAX; MOST], [u8::MAX; MOST], [u8::MAX; MOST]);
    (0..=b.len().min(edits)).for_each(|at| one[at] = at as u8);
    for row in 1..=a.len() {
        // Farther from the diagonal it is more edits in any case.
        let (from, to) = (row.saturating_sub(edits), (row + edits).min(b.len()));
        let mut least = u8::MAX;
        for column in from..=to {
            let mut cost = one[column].saturating_add(1);
            if column > 0 {
                let other = u8::from(a[row - 1] != b[column - 1]);
                cost = cost.min(one[column - 1].saturating_add(other));
                cost = cost.min(if column > from { this[column - 1].saturating_add(1) } else { u8::MAX });
                if row > 1 && column > 1 && a[row - 1] == b[column - 2] && a[row - 2] == b[column - 1] {
                    cost = cost.min(two[column - 2].saturating_add(1));
                }
            }
            this[column] = cost;
            least = least.min(cost);
        }
        if usize::from(least) > edits {
            return false;
        }
        if to < b.len() {
            this[to + 1] = u8::MAX;
        }
        if from > 0 {
            this[from - 1] = u8::MAX;
        }
        (two, one, this) = (one, this, two);
    }
    usize::from(one[b.len()]) <= edits
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
    bones::with_bones(b.folded, |other| match one.len().min(other.len()) {
        ..BONES_FROM => false,
        2 => **one == *other && folded.0[0] == folded.1[0],
        BONES_EDIT_FROM.. => {
            **one == *other || (one.len().abs_diff(other.len()) <= 1 && distance_within(one, other, 1))
        }
        _ => **one == *other,
    })
}

/// Whether one Latin word is the beginning of the other.
fn begins(a: &str, b: &str) -> bool {
    a.len().min(b.len()) >= CUT_FROM && (a.starts_with(b) || b.starts_with(a))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::tests::two_tokens;
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
        fn who_is_near_is_not_taken_for_far(a in "[acehiorsuyz]{1,8}|[a-z]{3,10}|(ca|ch|ph|th|oo|ou|ck|ee|sz|dj|cc){1,4}[a-z]{0,2}", edits in proptest::collection::vec((0usize..12, 0u8..4, 0u8..26), 0..3)) {
            let (a, b) = two_tokens(&a, edits);
            let known = a.print.is_some() || b.print.is_some() || variant(&a, Shape::of(&b), Tables::shared()).is_some();
            if near(&a, &b, Tables::shared()) && !known {
                let glance = |token: &Token| Glance::at(&token.text, &token.folded);
                prop_assert!(may_be_near(glance(&a), glance(&b)), "{} {}", a.text, b.text);
            }
        }

        #[test]
        fn few_edits_are_told_as_the_whole_distance_tells_them(a in "[ab]{0,9}|[a-e]{0,9}", b in "[ab]{0,9}|[a-e]{0,9}", edits in 1usize..3) {
            let distance = strsim::osa_distance(&a, &b);
            prop_assert_eq!(distance_within(&a, &b, edits), distance <= edits);
        }

        #[test]
        fn a_word_says_most_when_it_is_the_same(a in "[a-z]{2,12}", b in "[a-z]{2,12}") {
            prop_assert!(bits(&a, &b) <= bits(&a, &a));
        }
    }
}
