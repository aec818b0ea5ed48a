//! The highest score that a question can reach with a record when only some of its words are shared: the one cut between
//! candidates and the rest. It follows `align.rs` and `score.rs`, taking for the best whatever is not known of the record.
//!
//! Why it is a bound. A word that shares no key is like nothing (`similarity.rs`), so it counts as left over. A shared one
//! counts fully or, by its sound or beginning, up to [`SOUND_PARTS_MAX`] or [`ALIKE_PARTS`]. The question's side only grows
//! with a word's weight, unless the word pulls a better average down, so the worse ones are left out where that is higher;
//! the record's side is taken as whole. What shares more is bounded higher, and so one bound covers every name of a record.

use std::ops::BitOrAssign;

use model::screen::{Query, Score, THRESHOLD_COMPLETE};

use crate::align::{FREQUENT_ONLY, SIGNIFICANT, STRONG, lenience};
use crate::keys::Tie;
use crate::normalise::{TOKENS_MAX, Token};
use crate::score;
use crate::similarity::{ALIKE_PARTS, SOUND_PARTS_MAX};
use crate::tables::Class;

/// What an initial counts for in place of its word.
const INITIAL_POINTS: u32 = 800;

const _: () = assert!(TOKENS_MAX <= 32, "a bit for each word");

/// Which words of a question a record shares, a bit each, by the best key that is shared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shared {
    number: bool,
    spelling: u32,
    sound: u32,
    beginning: u32,
    initial: u32,
}

impl Shared {
    /// A number: always enough.
    pub const NUMBER: Self = Self { number: true, spelling: 0, sound: 0, beginning: 0, initial: 0 };

    /// Words that share a key.
    pub fn words(tie: Tie, words: u32) -> Self {
        let mut shared = Self::default();
        match tie {
            Tie::Spelling => shared.spelling = words,
            Tie::Sound => shared.sound = words,
            Tie::Beginning => shared.beginning = words,
            Tie::Initial => shared.initial = words,
        }
        shared
    }
}

impl BitOrAssign for Shared {
    fn bitor_assign(&mut self, other: Self) {
        self.number |= other.number;
        self.spelling |= other.spelling;
        self.sound |= other.sound;
        self.beginning |= other.beginning;
        self.initial |= other.initial;
    }
}

/// A word of the question; one that stands several times is one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Word {
    weight: u32,
    times: u32,
}

/// What is known of a question before any record is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The word that each token is; tokens of no word count as shared by every record.
    pub word_of: Vec<Option<usize>>,
    words: Vec<Word>,
    /// Weight of what counts as shared by every record.
    free: u32,
    threshold: Score,
    dated: bool,
    national: bool,
}

impl Bound {
    /// The bound of a question with these tokens. Particles, titles, legal forms and initials find nobody, unless they could
    /// make a hit by themselves.
    pub fn new(query: &Query, tokens: &[Token]) -> Self {
        let narrow = Self::with(query, tokens, |token| token.class.carries());
        if narrow.admits(Shared::default()) { Self::with(query, tokens, |_| true) } else { narrow }
    }

    fn with(query: &Query, tokens: &[Token], finds: impl Fn(&Token) -> bool) -> Self {
        let mut bound = Self {
            word_of: Vec::with_capacity(tokens.len()),
            words: Vec::new(),
            free: 0,
            threshold: query.threshold.max(THRESHOLD_COMPLETE),
            dated: query.birth_date.is_some(),
            national: query.nationality.is_some(),
        };
        for (at, token) in tokens.iter().enumerate() {
            // A record's word is not in the index under its initial.
            let free = !finds(token) || token.class == Class::Initial;
            bound.free += if free { token.weight() } else { 0 };
            let earlier =
                tokens[..at].iter().position(|other| other.latin == token.latin && other.native == token.native);
            let word = match earlier.and_then(|earlier| bound.word_of[earlier]) {
                Some(word) => Some(word),
                None if finds(token) => {
                    bound.words.push(Word { weight: if free { 0 } else { token.weight() }, times: 0 });
                    Some(bound.words.len() - 1)
                }
                None => None,
            };
            if let Some(word) = word {
                bound.words[word].times += 1;
            }
            bound.word_of.push(word);
        }
        bound
    }

    /// Whether a record that shares these words, and at least one, is scored.
    pub fn admits(&self, shared: Shared) -> bool {
        shared.number || score::most(self.agreement(shared), self.dated, self.national) >= self.threshold
    }

    fn agreement(&self, shared: Shared) -> u32 {
        let (mut spelt, mut sounds, mut begins, mut left) = (self.free, 0, 0, 0);
        let (mut initials, mut points, mut unknown) = (0, 0, 0);
        let (mut words, mut strong, mut significant_left) = (0, false, false);
        for (at, word) in self.words.iter().enumerate() {
            let among = |bits: u32| bits & 1 << at != 0;
            let weight = word.weight * word.times;
            if among(shared.spelling) {
                spelt += weight;
                strong |= word.weight >= STRONG;
            } else if among(shared.sound) {
                sounds += weight;
            } else if among(shared.beginning) {
                begins += weight;
            } else if among(shared.initial) {
                initials += word.times * Class::Initial.weight();
                points += word.times * Class::Initial.weight() * INITIAL_POINTS;
                unknown += word.times * (word.weight.saturating_sub(Class::Initial.weight()) / 2);
            } else {
                left += weight;
                significant_left |= word.weight >= SIGNIFICANT;
            }
            if among(shared.spelling | shared.sound | shared.beginning) {
                words += word.times as usize;
            }
        }
        // The best words first, as long as they raise the share.
        let (mut low, mut met) = (0, 0);
        for (weight, parts) in [(spelt, 1000), (sounds, SOUND_PARTS_MAX), (begins, ALIKE_PARTS)] {
            met += weight;
            points += weight * parts;
            low = low.max(points * 10 / (met + initials + unknown + left).max(1));
        }
        let best = if spelt > 0 { 1000 } else { SOUND_PARTS_MAX };
        let high = low.max(best * 10);
        let frequent_only = significant_left && met + initials < FREQUENT_ONLY;
        let lenience = lenience(words, strong, frequent_only);
        (low * (1000 - lenience) + high * lenience) / 1000
    }
}
