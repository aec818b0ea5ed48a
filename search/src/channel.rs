//! A noisy channel: how likely a name, known in Latin letters, is written in a certain way by somebody else, in Latin letters
//! again or in another script. Learned by expectation-maximisation from classes of equal names (`bench/matching/train`): runs
//! of letters stand for runs of letters, each pair at a cost.
//!
//! Costs are hundredths of a bit. The cost of a spelling is that of its best division into pairs, less that of the best
//! division of the Latin word alone. Assumes Latin words of `a` to `z`.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::script::Script;

/// Joint costs of a letter too much, too few, another one, two that changed places: what no table explains is a typo.
const INSERTED: u32 = 1_500;
const DELETED: u32 = 1_400;
const REPLACED: u32 = 1_700;
const SWAPPED: u32 = 1_400;
/// A key beside the right one, instead of it or besides.
const SLIPPED: u32 = 1_300;
/// Letters that readers of print confuse, and which a scanner does.
const MISREAD: u16 = 1_350;
const ALIKE: &str = "rn>m m>rn nn>m cl>d d>cl vv>w w>vv li>h h>li l>i i>l u>v v>u c>e e>c h>b f>t o>d";
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
/// A pair's target that stands for all targets of its source, and a letter that no pair knows.
const ANY: u32 = 0xff_ffff;
const UNKNOWN: u16 = 0xfff;

/// A word as the Latin side of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    letters: [u8; LETTERS_MAX],
    length: usize,
    /// What it costs alone.
    alone: u32,
    /// What the letters from each place on cost at least, whatever they become.
    rest: [u32; LETTERS_MAX + 1],
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
    /// The letters of the script that the pairs know, numbered from 1; of Latin, `a` to `z` in their order.
    alphabet: BTreeMap<char, u16>,
    /// What runs of the Latin word (first) and of the other cost together.
    pairs: FxHashMap<(u32, u32), u16>,
    /// The same of Latin with Latin, by the numbers of both runs; `u16::MAX` where there is none.
    latin_pairs: Box<[u16]>,
    /// What each run of the Latin word costs whatever it becomes, and the least that it does; `u16::MAX` where none is known.
    runs: FxHashMap<u32, (u16, u16)>,
    latin_runs: Box<[(u16, u16)]>,
    /// For each run of the script, what it may stand for: the Latin runs, the likeliest first, with what they cost.
    stand_for: BTreeMap<&'static str, Vec<(&'static str, u16)>>,
    /// Longest runs in a pair.
    source_max: usize,
    target_max: usize,
}

impl Channel {
    /// Reads the rows `SCRIPT latin other cost` of a script; `-` is nothing, `*` anything.
    pub(crate) fn new(script: Script, text: &'static str) -> Self {
        let latin = script == Script::Latin;
        let mut channel = Self {
            latin,
            alphabet: if latin { ('a'..='z').zip(1..).collect() } else { BTreeMap::new() },
            pairs: FxHashMap::default(),
            latin_pairs: if latin { vec![u16::MAX; LATIN_RUNS * LATIN_RUNS].into() } else { Box::default() },
            runs: FxHashMap::default(),
            latin_runs: if latin { vec![(u16::MAX, u16::MAX); LATIN_RUNS].into() } else { Box::default() },
            stand_for: BTreeMap::new(),
            source_max: 1,
            target_max: 1,
        };
        for (source, target, cost) in rows(script, text) {
            channel.add(source, target, cost);
        }
        channel.stand_for.values_mut().for_each(|runs| runs.sort_by_key(|(latin, cost)| (*cost, *latin)));
        if latin {
            for (source, target) in ALIKE.split(' ').filter_map(|pair| pair.split_once('>')) {
                channel.add(source, target, MISREAD);
            }
        }
        channel
    }

    /// Adds a pair, unless a cheaper one is there.
    fn add(&mut self, source: &'static str, target: &'static str, cost: u16) {
        self.source_max = self.source_max.max(source.len());
        let code = if target == "*" {
            ANY
        } else {
            if !self.latin && !target.is_empty() {
                self.stand_for.entry(target).or_default().push((source, cost));
            }
            for letter in target.chars() {
                let next = self.alphabet.len() as u16 + 1;
                self.alphabet.entry(letter).or_insert(next);
            }
            let letters = self.target(target).letters;
            self.target_max = self.target_max.max(letters.len());
            target_code(&letters)
        };
        let source = source_code(source.as_bytes());
        if self.latin && code != ANY {
            let held = &mut self.latin_pairs[latin_number(source) * LATIN_RUNS + latin_number(target_as_latin(code))];
            *held = cost.min(*held);
        }
        let held = self.pairs.entry((source, code)).or_insert(cost);
        *held = cost.min(*held);
        let run = match self.latin {
            true => &mut self.latin_runs[latin_number(source)],
            false => self.runs.entry(source).or_insert((u16::MAX, u16::MAX)),
        };
        run.1 = run.1.min(cost);
        if code == ANY {
            run.0 = run.0.min(cost);
        }
    }

    /// What a run of the Latin word costs whatever it becomes, and the least that it does.
    fn run(&self, letters: &[u8]) -> (Option<u32>, Option<u32>) {
        let code = source_code(letters);
        let run = match self.latin {
            true if letters.len() > LATIN_RUN => None,
            true => Some(self.latin_runs[latin_number(code)]),
            false => self.runs.get(&code).copied(),
        };
        let known = |cost: u16| Some(u32::from(cost)).filter(|_| cost != u16::MAX);
        run.map_or((None, None), |(any, least)| (known(any), known(least)))
    }

    fn pair(&self, source: u32, target: u32) -> Option<u32> {
        self.pairs.get(&(source, target)).copied().map(u32::from)
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
        let length = latin.len().min(LETTERS_MAX);
        let mut letters = [0; LETTERS_MAX];
        letters[..length].copy_from_slice(&latin.as_bytes()[..length]);
        let mut best = [u32::MAX / 2; LETTERS_MAX + 1];
        best[0] = 0;
        for to in 1..=length {
            for from in to.saturating_sub(self.source_max)..to {
                if let Some(cost) = self.run(&letters[from..to]).0 {
                    best[to] = best[to].min(best[from] + cost);
                }
            }
            best[to] = best[to].min(best[to - 1] + REPLACED);
        }
        let mut rest = [0; LETTERS_MAX + 1];
        for from in (0..length).rev() {
            // A letter left out, another one, a key beside; two that changed places.
            let mut least = rest[from + 1] + DELETED.min(REPLACED).min(SLIPPED);
            if from + 2 <= length {
                least = least.min(rest[from + 2] + SWAPPED);
            }
            for to in from + 1..=(from + self.source_max).min(length) {
                if let Some(cost) = self.run(&letters[from..to]).1 {
                    least = least.min(cost + rest[to]);
                }
            }
            rest[from] = least;
        }
        Source { letters, length, alone: best[length], rest }
    }

    /// A word of the script, ready to be compared.
    pub fn target(&self, text: &str) -> Target {
        let letters =
            text.chars().take(LETTERS_MAX).map(|letter| self.alphabet.get(&letter).copied().unwrap_or(UNKNOWN));
        Target { letters: letters.collect() }
    }

    /// What it costs to write the one as the other; `None` beyond a limit.
    pub fn cost(&self, source: &Source, target: &Target, limit: u32) -> Option<u32> {
        let (n, m) = (source.length, target.letters.len());
        let most = limit.saturating_add(source.alone);
        let mut best = [[u32::MAX / 2; LETTERS_MAX + 1]; LETTERS_MAX + 1];
        best[0][0] = 0;
        for i in 0..=n {
            for j in 0..=m {
                let so_far = best[i][j];
                if so_far + source.rest[i] > most {
                    continue;
                }
                if i < n {
                    relax(&mut best[i + 1][j], so_far + DELETED);
                }
                // The key beside may be that of the letter before or after.
                let beside = |at: usize| self.latin && at < n && slips(source.letters[at], target.letters[j]);
                if j < m {
                    let slipped = beside(i) || i > 0 && beside(i - 1);
                    relax(&mut best[i][j + 1], so_far + if slipped { SLIPPED } else { INSERTED });
                }
                if i < n && j < m {
                    relax(&mut best[i + 1][j + 1], so_far + if beside(i) { SLIPPED } else { REPLACED });
                }
                if self.latin && i + 2 <= n && j + 2 <= m && swapped(&source.letters[i..n], &target.letters[j..]) {
                    relax(&mut best[i + 2][j + 2], so_far + SWAPPED);
                }
                if self.latin {
                    for a in 0..=LATIN_RUN.min(n - i) {
                        let row = latin_number(source_code(&source.letters[i..i + a])) * LATIN_RUNS;
                        for b in usize::from(a == 0)..=LATIN_RUN.min(m - j) {
                            let run = latin_number(target_as_latin(target_code(&target.letters[j..j + b])));
                            let cost = self.latin_pairs[row + run];
                            if cost != u16::MAX {
                                relax(&mut best[i + a][j + b], so_far + u32::from(cost));
                            }
                        }
                    }
                    continue;
                }
                for a in 0..=self.source_max.min(n - i) {
                    let code = source_code(&source.letters[i..i + a]);
                    for b in usize::from(a == 0)..=self.target_max.min(m - j) {
                        if let Some(cost) = self.pair(code, target_code(&target.letters[j..j + b])) {
                            relax(&mut best[i + a][j + b], so_far + cost);
                        }
                    }
                }
            }
        }
        Some(best[n][m].saturating_sub(source.alone)).filter(|cost| *cost <= limit)
    }
}

/// The rows of a script: Latin run, other run, cost.
fn rows(script: Script, text: &'static str) -> impl Iterator<Item = (&'static str, &'static str, u16)> {
    text.lines().filter_map(move |line| {
        let mut fields = line.strip_prefix(script.code())?.split_whitespace();
        let mut run = || Some(fields.next()?.trim_matches('-'));
        let (source, target) = (run()?, run()?);
        Some((source, target, fields.next()?.parse().ok()?))
    })
}

/// Whether a letter is of a key beside the right one.
fn slips(right: u8, letter: u16) -> bool {
    BESIDE[usize::from(right & 31)] >> (letter & 31) & 1 == 1
}

fn swapped(source: &[u8], target: &[u16]) -> bool {
    let same = |at: usize, there: usize| u16::from(source[at] & 31) == target[there];
    same(0, 1) && same(1, 0)
}

/// For each letter, by its number in the alphabet, those beside it on the keyboard, a bit each.
const BESIDE: [u32; 32] = {
    let mut all = [0; 32];
    let (mut a, mut b) = (1, 1);
    while a <= 26 {
        while b <= 26 {
            if beside(a as u8 + b'a' - 1, b as u8 + b'a' - 1) {
                all[a] |= 1 << b;
            }
            b += 1;
        }
        (a, b) = (a + 1, 1);
    }
    all
};

/// Row and place of a letter on the keyboard.
const fn key(letter: u8) -> (usize, usize) {
    let mut row = 0;
    while row < KEYBOARD.len() {
        let mut at = 0;
        while at < KEYBOARD[row].len() {
            if KEYBOARD[row][at] == letter {
                return (row, at);
            }
            at += 1;
        }
        row += 1;
    }
    panic!("every letter has a key");
}

/// Whether two letters lie beside each other, in a row or across two: a lower row lies half a key to the right.
const fn beside(a: u8, b: u8) -> bool {
    let ((row, at), (other, there)) = (key(a), key(b));
    match row.abs_diff(other) {
        0 => at.abs_diff(there) == 1,
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

/// The longest run of Latin with Latin, and how many runs there are: of none, one or two letters.
const LATIN_RUN: usize = 2;
const LATIN_RUNS: usize = 1 << 10;

/// The number of a run of Latin letters by its code.
fn latin_number(code: u32) -> usize {
    code as usize & (LATIN_RUNS - 1)
}

/// The code of a target's run as that of a source's. A letter that no pair knows is none of `a` to `z`.
fn target_as_latin(code: u32) -> u32 {
    let letter = |letter: u32| if letter <= 26 { letter } else { 31 };
    letter(code >> 12) << 5 | letter(code & 0xfff)
}

/// Up to two letters, twelve bits each.
fn target_code(letters: &[u16]) -> u32 {
    letters.iter().fold(0, |code, letter| code << 12 | u32::from(*letter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::Tables;

    fn cost(latin: &str, other: &str) -> u32 {
        let channel = Tables::shared().channel(Script::Latin).expect("a channel");
        channel.cost(&channel.source(latin), &channel.target(other), 10_000).expect("a cost")
    }

    #[test]
    fn slips_and_misreadings_cost_less_than_any_other_letter() {
        for (right, likely, unlikely) in
            [("smith", "smitj", "smitz"), ("martin", "rnartin", "zartin"), ("smith", "msith", "xmiph")]
        {
            assert!(cost(right, likely) < cost(right, unlikely), "{right} {likely} {unlikely}");
        }
        assert!(beside(b'a', b'q') && beside(b's', b'w') && beside(b'g', b'v') && !beside(b'a', b'p'));
    }

    #[test]
    fn every_row_is_of_a_script_and_read() {
        let text = crate::learned::CHANNEL;
        assert!(text.starts_with("# "), "a data file names its source");
        let read: usize = Script::LEARNED.into_iter().map(|script| rows(script, text).count()).sum();
        assert_eq!(read, text.lines().filter(|line| !line.starts_with('#')).count());
    }
}
