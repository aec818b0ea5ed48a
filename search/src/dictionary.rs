//! The distinct words of an index, in memory, under their keys. Made from the words of the segments when they are opened, so
//! there is nothing of it on disk; one word of a list of ten million people stands here once.
//!
//! Words only come; those that no record has any more meet a question in vain and go when the index is opened again. Most
//! keys lie packed: a table that is built anew when the words have grown by half, so that a word is packed a few times.

use model::known_bugs::{KnownBug, planted};
use rustc_hash::FxHashMap;

use crate::candidate::{self, Found};
use crate::keys::{self, Key};
use crate::normalise::Token;
use crate::pair::{self, Glance, Shape};
use crate::script::Script;
use crate::tables::{Class, Tables};
use crate::words::Word;

/// Words from which the keys are packed.
const PACK_FROM: usize = 4_096;
/// Keys of a word, and of one bucket, about.
const KEYS: usize = 48;
const BUCKET: usize = 4;

/// The number of a word.
pub type WordId = u32;

/// A word with what takes long to find out; its text, its folded form and that of print, where there is another, follow each
/// other in `letters`.
#[derive(Debug)]
struct Known {
    from: u32,
    text: u16,
    folded: u16,
    in_print: u16,
    script: Script,
    class: Class,
    rarity: u16,
    letters_rarity: u16,
    has_variants: bool,
    glance: Glance,
}

/// The words of an index.
#[derive(Debug, Default)]
pub struct Dictionary {
    words: Vec<Known>,
    letters: String,
    packed: Packed,
    /// How many words are packed; the keys of the others are `fresh`.
    packed_words: usize,
    fresh: FxHashMap<Key, Vec<WordId>>,
}

impl Dictionary {
    /// The number of a word.
    pub fn number(&self, text: &str) -> Option<WordId> {
        let mut found = None;
        self.under(keys::of_text(text), |id| {
            if self.shape(id).text == text {
                found = Some(id);
            }
        });
        found
    }

    /// Adds words that are not there yet; says their numbers. If there are so many that it is time to pack, they have no keys
    /// before [`Dictionary::pack`]: until then they are of no segment that is searched.
    pub fn add(&mut self, texts: &[&str], tables: &Tables) -> Vec<WordId> {
        let due = self.is_due(texts.len());
        let add = |text: &&str| {
            let token = Token::of(text, tables);
            if !due {
                let leave_out = if planted(KnownBug::KeyMissing) { 2 } else { 1 };
                for key in keys::of_held(&token, tables).into_iter().step_by(leave_out) {
                    self.fresh.entry(key).or_default().push(self.words.len() as WordId);
                }
            }
            self.push(&token)
        };
        texts.iter().map(add).collect()
    }

    fn push(&mut self, token: &Token) -> WordId {
        let Token { text, script, class, rarity, letters_rarity, folded, print, .. } = token;
        let print = print.as_deref().unwrap_or_default();
        let (from, length) = (self.letters.len() as u32, |form: &str| form.len() as u16);
        [text, folded, print].into_iter().for_each(|form| self.letters.push_str(form));
        self.words.push(Known {
            from,
            text: length(text),
            folded: length(folded),
            in_print: length(print),
            script: *script,
            class: *class,
            rarity: *rarity,
            letters_rarity: *letters_rarity,
            has_variants: !token.variants.is_empty(),
            glance: Glance::at(text, folded),
        });
        self.words.len() as WordId - 1
    }

    /// Whether so many words more make it time to pack.
    fn is_due(&self, more: usize) -> bool {
        let words = self.words.len() + more;
        words >= PACK_FROM && words >= self.packed_words + self.packed_words / 2 && words > self.packed_words
    }

    /// The table to take with [`Dictionary::pack`], if it is time to build one: built beside readers.
    pub fn packing(&self, tables: &Tables) -> Option<Packed> {
        self.is_due(0).then(|| Packed::of(self, tables))
    }

    /// Takes the table that [`Dictionary::packing`] built, before another word is added.
    pub fn pack(&mut self, packed: Packed) {
        (self.packed, self.packed_words) = (packed, self.words.len());
        self.fresh = FxHashMap::default();
    }

    /// The numbers of the words that have one of these keys, each once, sorted. A word of another key may be among them.
    pub fn found(&self, keys: &[Key]) -> Vec<WordId> {
        let mut found = Vec::new();
        for key in keys {
            self.under(*key, |id| found.push(id));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The same without those of which a glance says that they are not near to the word asked for. In a loop of its own, as
    /// most of the time is spent waiting for memory.
    pub fn found_near(&self, keys: &[Key], asked: &Token) -> Vec<WordId> {
        let mut found = self.found(keys);
        if asked.script == Script::Latin && asked.class.compared() {
            let own = Glance::at(&asked.text, &asked.folded);
            found.retain(|id| {
                let Known { script, class, in_print, has_variants, glance, .. } = self.words[*id as usize];
                let latin = script == Script::Latin && class.compared();
                let variant = has_variants && !asked.variants.is_empty();
                let print = in_print > 0 || asked.print.is_some();
                !latin || variant || print || pair::may_be_near(own, glance)
            });
        }
        // Their letters are fetched together, as each by itself is waited for.
        std::hint::black_box(found.iter().fold(0, |all, id| all ^ self.first_letter(*id)));
        found
    }

    fn first_letter(&self, id: WordId) -> u8 {
        self.letters.as_bytes().get(self.words[id as usize].from as usize).copied().unwrap_or_default()
    }

    /// The forms of a word.
    fn shape(&self, id: WordId) -> Shape<'_> {
        let word = &self.words[id as usize];
        let (text, rest) = self.letters[word.from as usize..].split_at(word.text.into());
        let (folded, rest) = rest.split_at(word.folded.into());
        let in_print = if word.in_print > 0 { &rest[..word.in_print.into()] } else { folded };
        Shape { text, folded, in_print, rarity: word.rarity, has_variants: word.has_variants }
    }

    /// The word of a number.
    pub fn token(&self, id: WordId, tables: &Tables) -> Token {
        let Known { script, class, rarity, letters_rarity, .. } = self.words[id as usize];
        Token::known(self.shape(id).text.into(), script, class, (letters_rarity, rarity), tables)
    }

    /// What a word of a question finds in the word of a number.
    pub fn find(&self, id: WordId, asked: &Word, tables: &Tables) -> Found {
        let (known, shape) = (&self.words[id as usize], self.shape(id));
        let token = &asked.asked.token;
        let latin = known.script == Script::Latin && token.script == Script::Latin;
        // A token is made of those alone that are compared as a whole.
        if latin && known.class.compared() && token.class.compared() && *token.text != *shape.text {
            return candidate::find_in_latin(asked, shape, tables);
        }
        candidate::find(asked, &self.token(id, tables), tables)
    }

    /// Whether a word is a name that is written so when folded.
    pub fn folds_to(&self, id: WordId, folded: &str) -> bool {
        let word = &self.words[id as usize];
        word.script == Script::Latin && word.class.compared() && self.shape(id).folded == folded
    }

    fn under(&self, key: Key, mut each: impl FnMut(WordId)) {
        self.packed.under(key, &mut each);
        self.fresh.get(&key).into_iter().flatten().copied().for_each(each);
    }
}

/// Keys in buckets, of each key a part that tells it apart from most others.
#[derive(Debug, Default)]
pub struct Packed {
    /// Where each bucket begins.
    begins: Vec<u32>,
    marks: Vec<u16>,
    words: Vec<WordId>,
}

impl Packed {
    fn of(dictionary: &Dictionary, tables: &Tables) -> Self {
        let words = || 0..dictionary.words.len() as WordId;
        let keys_of = |id: WordId| keys::of_held(&dictionary.token(id, tables), tables);
        // The keys are made twice rather than kept.
        let buckets = (dictionary.words.len() * KEYS / BUCKET).max(1).next_power_of_two();
        let mut begins = vec![0u32; buckets + 1];
        for key in words().flat_map(keys_of) {
            begins[bucket(key, buckets) + 1] += 1;
        }
        for at in 0..buckets {
            begins[at + 1] += begins[at];
        }
        let total = begins[buckets] as usize;
        let (mut marks, mut numbers) = (vec![0; total], vec![0; total]);
        let mut next = begins.clone();
        for id in words() {
            for key in keys_of(id) {
                let place = &mut next[bucket(key, buckets)];
                (marks[*place as usize], numbers[*place as usize]) = (mark(key), id);
                *place += 1;
            }
        }
        Self { begins, marks, words: numbers }
    }

    fn under(&self, key: Key, each: &mut impl FnMut(WordId)) {
        let buckets = self.begins.len().saturating_sub(1);
        if buckets == 0 {
            return;
        }
        let bucket = bucket(key, buckets);
        for at in self.begins[bucket] as usize..self.begins[bucket + 1] as usize {
            if self.marks[at] == mark(key) {
                each(self.words[at]);
            }
        }
    }
}

/// The lower bits of FNV depend on the last letters most: multiplied once more, all count.
fn bucket(key: Key, buckets: usize) -> usize {
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24) as usize & (buckets - 1)
}

fn mark(key: Key) -> u16 {
    (key >> 48 ^ key >> 16) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Compounds grow with every word that belongs to them: a letter has up to four bytes.
    #[test]
    fn the_longest_word_is_kept_whole() {
        let tables = Tables::shared();
        for name in ["нур ".to_string() + &"дин ".repeat(31), "𐐀".repeat(256), "nur ".to_string() + &"din ".repeat(31)]
        {
            let mut dictionary = Dictionary::default();
            for token in crate::normalise::normalise(&name, tables) {
                assert!(token.text.chars().count() <= crate::normalise::TOKEN_CHARS_MAX);
                let id = dictionary.add(&[&token.text], tables)[0];
                assert_eq!(dictionary.token(id, tables), token);
                assert_eq!(dictionary.number(&token.text), Some(id));
            }
        }
    }

    #[test]
    fn many_words_at_once_are_packed_and_found_as_well_as_those_that_come_later() {
        let (tables, mut dictionary) = (Tables::shared(), Dictionary::default());
        let word = |number: usize| -> String {
            (0..4)
                .map(|place| char::from(b"abcdefghij"[number / 10usize.pow(place) % 10]))
                .chain("stein".chars())
                .collect()
        };
        let words: Vec<String> = (0..5_100).map(word).collect();
        let texts: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(dictionary.add(&texts[..5_000], tables).len(), 5_000);
        assert!(dictionary.fresh.is_empty(), "they get their keys when they are packed");
        let packed = dictionary.packing(tables).expect("it is time to pack");
        dictionary.pack(packed);
        dictionary.add(&texts[5_000..], tables);
        assert!(dictionary.packing(tables).is_none(), "a few more are not packed anew");
        for (text, id) in texts.iter().zip(0..) {
            assert_eq!(dictionary.number(text), Some(id), "{text}");
            let misspelt = Token::of(&format!("{text}x"), tables);
            assert!(dictionary.found(&keys::of_asked(&misspelt, tables)).contains(&id), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]

        #[test]
        fn packed_or_not_the_same_words_are_found(words in proptest::collection::btree_set("[a-d]{1,8}", 1..60), asked in "[a-d]{1,8}") {
            let tables = Tables::shared();
            let (mut fresh, mut packed) = (Dictionary::default(), Dictionary::default());
            for (number, word) in words.iter().enumerate() {
                fresh.add(&[word], tables);
                packed.add(&[word], tables);
                if number == words.len() / 2 {
                    let table = Packed::of(&packed, tables);
                    packed.pack(table);
                }
            }
            let keys = keys::of_asked(&Token::of(&asked, tables), tables);
            let near = |dictionary: &Dictionary| {
                let own = |id: &WordId| {
                    let held = keys::of_held(&dictionary.token(*id, tables), tables);
                    keys.iter().any(|key| held.binary_search(key).is_ok())
                };
                dictionary.found(&keys).into_iter().filter(own).collect::<Vec<_>>()
            };
            prop_assert_eq!(near(&fresh), near(&packed));
            for (word, number) in words.iter().zip(0..) {
                prop_assert_eq!(packed.number(word), Some(number));
                prop_assert_eq!(packed.token(number, tables), Token::of(word, tables));
            }
        }
    }
}
