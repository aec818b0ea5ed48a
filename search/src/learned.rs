//! What was learned from names of real people and from classes of equal names, read from `data/`: how rare a word is, and how
//! words of each script are written by those who know them in Latin letters ([`Channel`]). `bench/matching/train` makes the
//! files; each names its source. Costs are hundredths of a bit: whole numbers, the same on every machine.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::channel::Channel;
use crate::script::Script;

const FREQUENCY: &str = include_str!("../data/frequency.txt");
const LETTERS: &str = include_str!("../data/letters.txt");
const VARIANTS: &str = include_str!("../data/variants.txt");
pub(crate) const CHANNEL: &str = include_str!("../data/channel.txt");

/// The rarest that a word may be: what is seen once in half a million names.
pub const RARITY_MAX: u16 = 1_900;
/// The rarest by its letters.
const LETTERS_MAX: u16 = 3_200;
/// A word of so many Latin letters says at most this much, however rare it is: short ones are met by chance.
const SHORT: [u16; 6] = [400, 400, 850, 1_100, 1_400, 1_700];
/// The share of words in no table, 3 %, which letters tell apart.
const UNSEEN: u32 = 506;
/// What a shorter run of letters costs where the longer one was never seen, and a letter that was never seen.
const BACK_OFF: u32 = 300;
const UNKNOWN_LETTER: u32 = 1_400;

/// The learned tables.
#[derive(Debug, Default)]
pub struct Learned {
    frequency: FxHashMap<&'static str, u16>,
    /// Runs of up to three letters, the last one after the others; `^` begins a word and `$` ends it.
    letters: FxHashMap<&'static str, u16>,
    /// For each word, the classes of equal names that it is in, in their order, and how rare it is among them.
    variants: FxHashMap<&'static str, Vec<Variant>>,
    channels: BTreeMap<Script, Channel>,
}

/// A class of equal names that a word is in, and how rare it is among them, in hundredths of a bit.
pub type Variant = (u32, u16);

impl Learned {
    /// The tables that the crate carries.
    pub fn standard() -> Self {
        let channels = Script::LEARNED.into_iter().map(|script| (script, Channel::new(script, CHANNEL))).collect();
        let (frequency, letters) = (costs(FREQUENCY).collect(), costs(LETTERS).collect());
        Self { frequency, letters, variants: variants(), channels }
    }

    /// How rare a word is among people, in hundredths of a bit: as its letters say, and as far as that is to be believed of a
    /// name that the corpus may not know.
    pub fn rarity(&self, text: &str) -> (u16, u16) {
        let cap = match text.is_ascii() {
            true => SHORT.get(text.len()).copied().unwrap_or(RARITY_MAX),
            false => RARITY_MAX,
        };
        let by_letters = || (UNSEEN + self.by_letters(text)).min(u32::from(LETTERS_MAX)) as u16;
        let rarity = self.frequency.get(text).copied().unwrap_or_else(by_letters);
        (rarity, rarity.min(cap))
    }

    fn by_letters(&self, text: &str) -> u32 {
        let mut word = String::with_capacity(text.len() + 2);
        word.push('^');
        word.push_str(text);
        word.push('$');
        let starts: Vec<usize> = word.char_indices().map(|(at, _)| at).chain([word.len()]).collect();
        let cost_of = |last: usize| {
            let longest = (last - 1).max(2) - 2;
            let mut runs = (longest..last).zip(0..);
            let known = runs.find_map(|(from, back)| {
                let cost = self.letters.get(&word[starts[from]..starts[last]])?;
                Some(u32::from(*cost) + back * BACK_OFF)
            });
            known.unwrap_or(UNKNOWN_LETTER)
        };
        (2..starts.len()).map(cost_of).sum()
    }

    /// The classes of equal names that a word is in, in their order.
    pub fn variants(&self, text: &str) -> impl Iterator<Item = Variant> {
        self.variants.get(text).into_iter().flatten().copied()
    }

    /// The channel of a script.
    pub fn channel(&self, script: Script) -> Option<&Channel> {
        self.channels.get(&script)
    }
}

/// The rows `key cost` of a file.
fn costs(text: &'static str) -> impl Iterator<Item = (&'static str, u16)> {
    lines(text).filter_map(|row| row.split_once(' ').and_then(|(key, cost)| Some((key, cost.parse().ok()?))))
}

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|row| !row.starts_with('#'))
}

fn variants() -> FxHashMap<&'static str, Vec<Variant>> {
    let mut all: FxHashMap<&'static str, Vec<Variant>> = FxHashMap::default();
    for (row, class) in lines(VARIANTS).zip(0..) {
        let mut fields = row.split(' ');
        while let (Some(word), Some(Ok(cost))) = (fields.next(), fields.next().map(str::parse)) {
            all.entry(word).or_default().push((class, cost));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_and_no_key_stands_twice() {
        for text in [FREQUENCY, LETTERS, VARIANTS] {
            assert!(text.starts_with("# "), "a data file names its source");
        }
        for text in [FREQUENCY, LETTERS] {
            let read: BTreeMap<&str, u16> = costs(text).collect();
            assert_eq!(read.len(), lines(text).count());
        }
        assert_eq!(
            variants().values().map(Vec::len).sum::<usize>() * 2,
            lines(VARIANTS).flat_map(|row| row.split(' ')).count()
        );
    }
}
