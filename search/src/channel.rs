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
/// The longest runs of a pair.
const SOURCE_RUN: usize = 6;
const TARGET_RUN: usize = 2;
/// A letter that no pair knows.
const UNKNOWN: u16 = 0xfff;

/// A word as the Latin side of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    letters: [u8; LETTERS_MAX],
    length: usize,
    /// The numbers of the runs that begin at each place, by their length.
    runs: [[u16; SOURCE_RUN]; LETTERS_MAX],
    /// What it costs alone.
    alone: u32,
    /// What the letters from each place on cost at least, whatever they become.
    rest: [u32; LETTERS_MAX + 1],
}

/// A word as the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    letters: Box<[u16]>,
    runs: Box<[[u16; TARGET_RUN]]>,
    /// What the letters from each place on cost at least, whatever they come from.
    rest: Box<[u32]>,
}

/// The channel of one script.
#[derive(Debug)]
pub struct Channel {
    latin: bool,
    /// The letters of the script that the pairs know, numbered from 1; of Latin, `a` to `z` in their order.
    alphabet: BTreeMap<char, u16>,
    /// The runs of either side, numbered from 1.
    sources: Runs,
    targets: FxHashMap<u32, u16>,
    /// What runs cost together, by their numbers.
    pairs: FxHashMap<(u16, u16), u16>,
    /// The same of Latin with Latin, where it is asked for most: a row for each run of the one. `u16::MAX` where there is none.
    table: Box<[u16]>,
    /// What each run of the Latin word costs whatever it becomes, and the least that it does; `u16::MAX` where none is known.
    alone: Vec<(u16, u16)>,
    /// The least that each run of the other side costs.
    other_least: Vec<u16>,
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
            sources: Runs::new(),
            targets: FxHashMap::default(),
            pairs: FxHashMap::default(),
            table: Box::default(),
            alone: vec![(u16::MAX, u16::MAX)],
            other_least: vec![u16::MAX],
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
            let width = channel.targets.len() + 1;
            let mut table = vec![u16::MAX; (channel.sources.len() + 1) * width];
            for ((source, target), cost) in &channel.pairs {
                table[usize::from(*source) * width + usize::from(*target)] = *cost;
            }
            channel.table = table.into();
        }
        channel
    }

    /// Adds a pair, unless a cheaper one is there. Runs are no longer than a word keeps numbers of.
    fn add(&mut self, source: &'static str, target: &'static str, cost: u16) {
        if source.len() > SOURCE_RUN {
            return;
        }
        self.source_max = self.source_max.max(source.len());
        let run = self.sources.number(source.as_bytes());
        self.alone.resize(self.sources.len() + 1, (u16::MAX, u16::MAX));
        let alone = &mut self.alone[usize::from(run)];
        alone.1 = alone.1.min(cost);
        if target == "*" {
            alone.0 = alone.0.min(cost);
            return;
        }
        if !self.latin && !target.is_empty() {
            self.stand_for.entry(target).or_default().push((source, cost));
        }
        for letter in target.chars() {
            let next = self.alphabet.len() as u16 + 1;
            self.alphabet.entry(letter).or_insert(next);
        }
        let letters = self.letters(target);
        self.target_max = self.target_max.max(letters.len());
        let next = self.targets.len() as u16 + 1;
        let other = *self.targets.entry(target_code(&letters)).or_insert(next);
        self.other_least.resize(self.targets.len() + 1, u16::MAX);
        let least = &mut self.other_least[usize::from(other)];
        *least = cost.min(*least);
        let held = self.pairs.entry((run, other)).or_insert(cost);
        *held = cost.min(*held);
    }

    fn letters(&self, text: &str) -> Box<[u16]> {
        let letters = text.chars().take(LETTERS_MAX);
        letters.map(|letter| self.alphabet.get(&letter).copied().unwrap_or(UNKNOWN)).collect()
    }

    /// What runs cost together.
    fn pair(&self, source: u16, target: u16) -> Option<u32> {
        let cost = match self.latin {
            true => self.table[usize::from(source) * (self.targets.len() + 1) + usize::from(target)],
            false => self.pairs.get(&(source, target)).copied()?,
        };
        Some(u32::from(cost)).filter(|_| cost != u16::MAX)
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
        let mut runs = [[0; SOURCE_RUN]; LETTERS_MAX];
        for from in 0..length {
            self.sources.walk(&letters[from..length], |taken, run| runs[from][taken - 1] = run);
        }
        // What runs cost whatever they become, or the least that they do.
        let known = |cost: u16| Some(u32::from(cost)).filter(|_| cost != u16::MAX);
        let run = |from: usize, to: usize| self.alone[usize::from(runs[from][to - from - 1])];
        let mut best = [u32::MAX / 2; LETTERS_MAX + 1];
        best[0] = 0;
        for to in 1..=length {
            best[to] = best[to - 1] + REPLACED;
            for from in to.saturating_sub(self.source_max)..to {
                if let Some(cost) = known(run(from, to).0) {
                    best[to] = best[to].min(best[from] + cost);
                }
            }
        }
        let mut rest = [0; LETTERS_MAX + 1];
        for from in (0..length).rev() {
            // A letter left out, another one, a key beside; two that changed places.
            let mut least = rest[from + 1] + DELETED.min(REPLACED).min(SLIPPED);
            if from + 2 <= length {
                least = least.min(rest[from + 2] + SWAPPED);
            }
            for (to, rest) in rest.iter().enumerate().take(length + 1).skip(from + 1).take(self.source_max) {
                if let Some(cost) = known(run(from, to).1) {
                    least = least.min(cost + rest);
                }
            }
            rest[from] = least;
        }
        Source { letters, length, runs, alone: best[length], rest }
    }

    /// A word of the script, ready to be compared.
    pub fn target(&self, text: &str) -> Target {
        let letters = self.letters(text);
        let mut runs = vec![[0; TARGET_RUN]; letters.len()];
        for (from, runs) in runs.iter_mut().enumerate() {
            for (length, run) in (1..=TARGET_RUN.min(letters.len() - from)).zip(runs) {
                *run = self.targets.get(&target_code(&letters[from..from + length])).copied().unwrap_or(0);
            }
        }
        let mut rest = vec![0; letters.len() + 1];
        for from in (0..letters.len()).rev() {
            // A letter too much, another one, a key beside; two that changed places.
            let mut least = rest[from + 1] + INSERTED.min(REPLACED).min(SLIPPED);
            if self.latin && from + 2 <= letters.len() {
                least = least.min(rest[from + 2] + SWAPPED);
            }
            for (run, to) in runs[from].iter().zip(from + 1..).filter(|(run, _)| **run != 0) {
                least = least.min(rest[to] + u32::from(self.other_least[usize::from(*run)]));
            }
            rest[from] = least;
        }
        Target { letters, runs: runs.into(), rest: rest.into() }
    }

    /// What it costs to write the one as the other; `None` beyond a limit.
    pub fn cost(&self, source: &Source, target: &Target, limit: u32) -> Option<u32> {
        // Most words are short, and a small table is soon cleared.
        match source.length.max(target.letters.len()) {
            ..12 => self.cost_within::<12>(source, target, limit),
            _ => self.cost_within::<{ LETTERS_MAX + 1 }>(source, target, limit),
        }
    }

    /// The same of words that have fewer letters than `PLACES`.
    fn cost_within<const PLACES: usize>(&self, source: &Source, target: &Target, limit: u32) -> Option<u32> {
        let (n, m) = (source.length, target.letters.len());
        let most = limit.saturating_add(source.alone);
        // Runs of no letters: what is written besides, and what is left out.
        let (besides, without) = (self.sources.empty(), self.targets.get(&0).copied());
        let mut best = [[u32::MAX / 2; PLACES]; PLACES];
        best[0][0] = 0;
        for i in 0..=n {
            for j in 0..=m {
                let so_far = best[i][j];
                if so_far + source.rest[i].max(target.rest[j]) > most {
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
                let own: &[u16] = if i < n { &source.runs[i] } else { &[] };
                let others: &[u16] = if j < m { &target.runs[j] } else { &[] };
                for (run, a) in own.iter().zip(1..).filter(|(run, _)| **run != 0) {
                    if let Some(cost) = without.and_then(|none| self.pair(*run, none)) {
                        relax(&mut best[i + a][j], so_far + cost);
                    }
                    for (other, b) in others.iter().zip(1..).filter(|(other, _)| **other != 0) {
                        if let Some(cost) = self.pair(*run, *other) {
                            relax(&mut best[i + a][j + b], so_far + cost);
                        }
                    }
                }
                for (other, b) in others.iter().zip(1..).filter(|(other, _)| **other != 0) {
                    if let Some(cost) = besides.and_then(|none| self.pair(none, *other)) {
                        relax(&mut best[i][j + b], so_far + cost);
                    }
                }
            }
        }
        Some(best[n][m].saturating_sub(source.alone)).filter(|cost| *cost <= limit)
    }
}

/// Runs of Latin letters, numbered from 1 as they come, found letter by letter.
#[derive(Debug)]
struct Runs {
    /// For each beginning of a run, where each letter leads; 0 is nowhere.
    next: Vec<[u16; 32]>,
    /// The number of the run that ends there, 0 if none does.
    numbers: Vec<u16>,
    count: u16,
}

impl Runs {
    fn new() -> Self {
        Self { next: vec![[0; 32]], numbers: vec![0], count: 0 }
    }

    /// The number of a run, a new one if there is none yet.
    fn number(&mut self, run: &[u8]) -> u16 {
        let mut at = 0;
        for letter in run {
            let next = self.next.len() as u16;
            let place = &mut self.next[at][usize::from(letter & 31)];
            if *place == 0 {
                *place = next;
                self.next.push([0; 32]);
                self.numbers.push(0);
            }
            at = usize::from(self.next[at][usize::from(letter & 31)]);
        }
        if self.numbers[at] == 0 {
            self.count += 1;
            self.numbers[at] = self.count;
        }
        self.numbers[at]
    }

    fn len(&self) -> usize {
        self.count.into()
    }

    /// The run of no letters, if there is one.
    fn empty(&self) -> Option<u16> {
        Some(self.numbers[0]).filter(|number| *number != 0)
    }

    /// Says the runs with which letters begin, by how many letters they have.
    fn walk(&self, letters: &[u8], mut each: impl FnMut(usize, u16)) {
        let mut at = 0;
        for (letter, taken) in letters.iter().zip(1..) {
            at = usize::from(self.next[at][usize::from(letter & 31)]);
            if at == 0 {
                return;
            }
            if self.numbers[at] != 0 {
                each(taken, self.numbers[at]);
            }
        }
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
