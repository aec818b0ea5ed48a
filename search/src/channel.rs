//! A noisy channel: how likely a name, known in Latin letters, is written in a certain way by somebody else, in Latin letters
//! again or in another script. Learned by expectation-maximisation from classes of equal names (`bench/matching/train`): runs
//! of letters stand for runs of letters, each pair at a cost.
//!
//! Costs are hundredths of a bit. The cost of a spelling is that of its best division into pairs, less that of the best
//! division of the Latin word alone. Assumes Latin words of `a` to `z`.

use std::collections::BTreeMap;

use crate::script::Script;

/// Joint costs of a letter too much, too few, another one, two that changed places: what no table explains is a typo.
const INSERTED: u32 = 1_500;
const DELETED: u32 = 1_400;
const REPLACED: u32 = 1_700;
const SWAPPED: u32 = 1_400;
/// A key beside the right one, instead of it or besides.
const SLIPPED: u32 = 1_300;
/// Letters that readers of print confuse, and which a scanner does.
const MISREAD: u32 = 1_350;
const ALIKE: [(&str, &str); 18] = [
    ("rn", "m"),
    ("m", "rn"),
    ("nn", "m"),
    ("cl", "d"),
    ("d", "cl"),
    ("vv", "w"),
    ("w", "vv"),
    ("li", "h"),
    ("h", "li"),
    ("l", "i"),
    ("i", "l"),
    ("u", "v"),
    ("v", "u"),
    ("c", "e"),
    ("e", "c"),
    ("h", "b"),
    ("f", "t"),
    ("o", "d"),
];
/// Rows of the keyboard as they lie.
const KEYBOARD: [&[u8]; 3] = [b"qwertyuiop", b"asdfghjkl", b"zxcvbnm"];
/// Letters of a word that are compared; no name is longer.
const LETTERS_MAX: usize = 32;
/// Spellings of a word of another script, and Latin runs tried for a run of its letters; beyond so many hundredths of a bit
/// from the likeliest one they are not tried.
const SPELLINGS_MAX: usize = 14;
const RUNS_MAX: usize = 12;
/// The same for a script of which a letter is a syllable or a word: few letters, many readings.
const READINGS_MAX: usize = 30;
const SPELLINGS_WITHIN: u32 = 1_100;
/// A pair's target that stands for all targets of its source.
const ANY: u32 = 0xff_ffff;
const NONE: u16 = u16::MAX;

/// A word as the Latin side of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    letters: Box<[u8]>,
    /// What it costs alone.
    alone: u32,
}

/// A word as the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    letters: Box<[u16]>,
}

/// The channel of one script.
#[derive(Debug)]
pub struct Channel {
    latin: bool,
    /// The letters of the script that the pairs know, numbered from 1; 4095 is any other.
    alphabet: BTreeMap<char, u16>,
    pairs: Pairs,
    /// For each letter of the Latin alphabet the letters beside it on a keyboard, a bit each by their number in `alphabet`.
    beside: [u32; 26],
    /// For each run of the script, what it may stand for: the Latin runs, the likeliest first, with what they cost.
    stand_for: BTreeMap<&'static str, Vec<(&'static str, u16)>>,
    /// Longest runs in a pair.
    source_max: usize,
    target_max: usize,
}

impl Channel {
    /// Reads the rows `SCRIPT latin other cost` of a script; `-` is nothing, `*` anything.
    pub(crate) fn new(script: Script, text: &'static str) -> Self {
        let mut stand_for: BTreeMap<&str, Vec<(&str, u16)>> = BTreeMap::new();
        let mut alphabet = BTreeMap::new();
        let mut rows = Vec::new();
        let (mut source_max, mut target_max) = (1, 1);
        for row in text.lines().filter_map(|line| line.strip_prefix(script.code())) {
            let mut fields = row.split_whitespace();
            let (Some(source), Some(target), Some(cost)) = (fields.next(), fields.next(), fields.next()) else {
                continue;
            };
            let Ok(cost) = cost.parse::<u16>() else { continue };
            let source = source.trim_matches('-');
            let target = match target {
                "*" => ANY,
                _ => {
                    let target = target.trim_matches('-');
                    if script != Script::Latin && !target.is_empty() {
                        stand_for.entry(target).or_default().push((source, cost));
                    }
                    let letters: Vec<u16> = target
                        .chars()
                        .map(|letter| {
                            let next = alphabet.len() as u16 + 1;
                            *alphabet.entry(letter).or_insert(next)
                        })
                        .collect();
                    target_max = target_max.max(letters.len());
                    target_code(&letters)
                }
            };
            source_max = source_max.max(source.len());
            rows.push((source_code(source.as_bytes()), target, cost));
        }
        stand_for.values_mut().for_each(|runs| runs.sort_by_key(|(latin, cost)| (*cost, *latin)));
        if script == Script::Latin {
            let code = |text: &str| {
                target_code(
                    &text.chars().map(|letter| alphabet.get(&letter).copied().unwrap_or(4095)).collect::<Vec<_>>(),
                )
            };
            rows.extend(ALIKE.map(|(source, target)| (source_code(source.as_bytes()), code(target), MISREAD as u16)));
            for source in b'a'..=b'z' {
                let beside = (b'a'..=b'z').filter(|other| beside(source, *other));
                rows.extend(beside.map(|other| {
                    let target = code(char::from(other).encode_utf8(&mut [0; 4]));
                    (source_code(&[source]), target, SLIPPED as u16)
                }));
            }
        }
        let mut pairs = Pairs::with_room_for(rows.len());
        rows.into_iter().for_each(|(source, target, cost)| pairs.insert(source, target, cost));
        let mut near = [0; 26];
        if script == Script::Latin {
            for (key, near) in (b'a'..=b'z').zip(&mut near) {
                let others = (b'a'..=b'z').filter(|other| beside(key, *other));
                let numbers =
                    others.filter_map(|other| alphabet.get(&char::from(other))).filter(|number| **number < 32);
                *near = numbers.fold(0, |bits, number| bits | 1 << number);
            }
        }
        Self { latin: script == Script::Latin, beside: near, alphabet, pairs, stand_for, source_max, target_max }
    }

    /// The likeliest Latin words that a word may stand for, in the form that a caller compares them by, each form once, the
    /// likeliest first. For that alone: letters that nobody writes (vowels of Arabic) are not guessed.
    pub fn spellings(&self, text: &str, form: impl Fn(&str) -> String) -> Vec<String> {
        let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).take(LETTERS_MAX).collect();
        let (most, tried) = if self.target_max == 1 { (READINGS_MAX, READINGS_MAX) } else { (SPELLINGS_MAX, RUNS_MAX) };
        // Per place, the forms of what was read so far, each with its likeliest spelling and the cost.
        let mut read: Vec<BTreeMap<String, (u32, String)>> = vec![BTreeMap::new(); ends.len()];
        read[0].insert(String::new(), (0, String::new()));
        for at in 0..ends.len() - 1 {
            let mut best: Vec<(u32, String)> = std::mem::take(&mut read[at]).into_values().collect();
            best.sort_unstable();
            best.truncate(most);
            for (cost, so_far) in best {
                for to in at + 1..=(at + self.target_max).min(ends.len() - 1) {
                    let runs = self.stand_for.get(&text[ends[at]..ends[to]]).map_or(&[][..], Vec::as_slice);
                    let skipped = [("", REPLACED as u16)];
                    let runs = if runs.is_empty() && to == at + 1 { &skipped[..] } else { runs };
                    for (latin, more) in runs.iter().take(tried) {
                        let longer = format!("{so_far}{latin}");
                        let cost = cost + u32::from(*more);
                        let held = read[to].entry(form(&longer)).or_insert((cost, longer.clone()));
                        if cost < held.0 {
                            *held = (cost, longer);
                        }
                    }
                }
            }
        }
        let last = read.pop().unwrap_or_default();
        let mut all: Vec<(u32, String)> = last.into_iter().map(|(form, (cost, _))| (cost, form)).collect();
        all.sort_unstable();
        let within = all.first().map_or(0, |(cost, _)| cost + SPELLINGS_WITHIN);
        all.into_iter().filter(|(cost, _)| *cost <= within).take(most).map(|(_, form)| form).collect()
    }

    /// A Latin word, ready to be compared.
    pub fn source(&self, latin: &str) -> Source {
        let letters: Box<[u8]> = latin.bytes().take(LETTERS_MAX).collect();
        let mut best = [u32::MAX / 2; LETTERS_MAX + 1];
        best[0] = 0;
        for to in 1..=letters.len() {
            for from in to.saturating_sub(self.source_max)..to {
                if let Some(cost) = self.pairs.get(source_code(&letters[from..to]), ANY) {
                    best[to] = best[to].min(best[from] + cost);
                }
            }
            best[to] = best[to].min(best[to - 1] + REPLACED);
        }
        let alone = best[letters.len()];
        Source { letters, alone }
    }

    /// A word of the script, ready to be compared.
    pub fn target(&self, text: &str) -> Target {
        let letters = text.chars().take(LETTERS_MAX).map(|letter| self.alphabet.get(&letter).copied().unwrap_or(4095));
        Target { letters: letters.collect() }
    }

    /// What it costs to write the one as the other; `None` beyond a limit.
    pub fn cost(&self, source: &Source, target: &Target, limit: u32) -> Option<u32> {
        let (n, m) = (source.letters.len(), target.letters.len());
        let most = limit.saturating_add(source.alone);
        let mut best = [[u32::MAX / 2; LETTERS_MAX + 1]; LETTERS_MAX + 1];
        best[0][0] = 0;
        for i in 0..=n {
            for j in 0..=m {
                let so_far = best[i][j];
                if so_far > most {
                    continue;
                }
                if i < n {
                    relax(&mut best[i + 1][j], so_far + DELETED);
                }
                if j < m {
                    let slipped = self.latin
                        && [i.checked_sub(1), Some(i)]
                            .into_iter()
                            .flatten()
                            .any(|at| self.slips(source, at, target.letters[j]));
                    relax(&mut best[i][j + 1], so_far + if slipped { SLIPPED } else { INSERTED });
                }
                if i < n && j < m {
                    relax(&mut best[i + 1][j + 1], so_far + REPLACED);
                }
                if self.latin && i + 2 <= n && j + 2 <= m && self.swapped(source, target, i, j) {
                    relax(&mut best[i + 2][j + 2], so_far + SWAPPED);
                }
                for a in 0..=self.source_max.min(n - i) {
                    let code = source_code(&source.letters[i..i + a]);
                    for b in usize::from(a == 0)..=self.target_max.min(m - j) {
                        if let Some(cost) = self.pairs.get(code, target_code(&target.letters[j..j + b])) {
                            relax(&mut best[i + a][j + b], so_far + cost);
                        }
                    }
                }
            }
        }
        Some(best[n][m].saturating_sub(source.alone)).filter(|cost| *cost <= limit)
    }

    /// Whether a letter is of a key beside the right one.
    fn slips(&self, source: &Source, at: usize, letter: u16) -> bool {
        let Some(right) = source.letters.get(at) else { return false };
        self.beside
            .get(usize::from(right - b'a'))
            .is_some_and(|beside| usize::from(letter) < 32 && beside >> letter & 1 == 1)
    }

    fn swapped(&self, source: &Source, target: &Target, i: usize, j: usize) -> bool {
        let letter = |at: usize| self.alphabet.get(&char::from(source.letters[at])).copied();
        letter(i) == Some(target.letters[j + 1]) && letter(i + 1) == Some(target.letters[j])
    }
}

/// Whether two keys lie beside each other, in a row or across two.
fn beside(a: u8, b: u8) -> bool {
    let place =
        |key: u8| KEYBOARD.iter().enumerate().find_map(|(row, keys)| Some((row, keys.iter().position(|k| *k == key)?)));
    let (Some((row, at)), Some((other, there))) = (place(a), place(b)) else { return false };
    match row.abs_diff(other) {
        0 => at.abs_diff(there) == 1,
        // The lower row lies half a key to the right.
        1 if row < other => there == at || there + 1 == at,
        1 => at == there || at + 1 == there,
        _ => false,
    }
}

fn relax(best: &mut u32, cost: u32) {
    *best = (*best).min(cost);
}

/// Up to six letters, five bits each.
fn source_code(letters: &[u8]) -> u32 {
    letters.iter().fold(0, |code, letter| code << 5 | u32::from(letter & 31))
}

/// Up to two letters, twelve bits each.
fn target_code(letters: &[u16]) -> u32 {
    letters.iter().fold(0, |code, letter| code << 12 | u32::from(*letter))
}

/// Costs of pairs in one open table: looked up a thousand times for each word compared.
#[derive(Debug)]
struct Pairs {
    slots: Box<[(u64, u16)]>,
    shift: u32,
}

impl Pairs {
    fn with_room_for(rows: usize) -> Self {
        let slots = (rows * 2 + 2).next_power_of_two();
        Self { slots: vec![(0, NONE); slots].into(), shift: 64 - slots.trailing_zeros() }
    }

    fn slot(&self, key: u64) -> usize {
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize
    }

    fn insert(&mut self, source: u32, target: u32, cost: u16) {
        let key = u64::from(source) << 24 | u64::from(target);
        let mut at = self.slot(key);
        while self.slots[at].1 != NONE && self.slots[at].0 != key {
            at = (at + 1) & (self.slots.len() - 1);
        }
        let held = if self.slots[at].1 == NONE { cost } else { cost.min(self.slots[at].1) };
        self.slots[at] = (key, held.min(NONE - 1));
    }

    fn get(&self, source: u32, target: u32) -> Option<u32> {
        let key = u64::from(source) << 24 | u64::from(target);
        let mut at = self.slot(key);
        loop {
            let (held, cost) = self.slots[at];
            if cost == NONE {
                return None;
            }
            if held == key {
                return Some(u32::from(cost));
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }
}
