//! Pairs of runs of letters that stand for each other, by expectation-maximisation: every division of every pair of equal
//! names into pairs of runs counts as far as it is likely.

use std::collections::{BTreeMap, HashMap};

use search::script::Script;

use crate::Equals;
use crate::frequency::{Counts, bits};

const ROUNDS: usize = 14;
/// The rounds after which pairs of names that are likelier to be there by chance are left out.
const SIFT_AFTER: [usize; 2] = [4, 9];
/// By how much they must be likelier together, in nats a letter.
const SIFT: f64 = 1.1;
const EXAMPLES_MAX: usize = 160_000;
/// A pair of runs must explain so much of so many names.
const COUNT_MIN: f64 = 1.0;
/// What the pairs of a class of Latin words count together beside one word and its forms in another script.
const PAIRS: f64 = 4.0;
/// What longer pairs must gain: without it whole words are learned by heart.
const DISCOUNT: f64 = 0.2;

struct Example {
    latin: Vec<char>,
    other: Vec<char>,
    weight: f64,
    /// For each cell of the lattice: index of the pair, its reach.
    steps: Vec<(u32, u32, u32)>,
}

/// Longest runs: of Latin letters, of the other's.
fn reach(script: Script) -> (usize, usize) {
    match script {
        Script::Latin => (2, 2),
        Script::Han => (6, 1),
        _ => (3, 2),
    }
}

/// Whether each character is learned as a word is.
fn learned_by_heart(script: Script) -> bool {
    matches!(script, Script::Han)
}

fn examples(script: Script, classes: &[Equals], counts: &Counts) -> Vec<Example> {
    let mut all: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for class in classes {
        let seen: Vec<f64> = class.latin.iter().map(|word| counts.seen(word) + 0.3).collect();
        let total: f64 = seen.iter().sum();
        let roots: f64 = seen.iter().map(|seen| seen.sqrt()).sum();
        // A character has many readings, of which those of names known everywhere count; elsewhere a rule is a rule.
        let known = (class.latin.len() + class.native.len()) as f64;
        let weight = if learned_by_heart(script) { known } else { 1.0 + total.log2().max(0.0) };
        let others: Vec<&str> = match script {
            Script::Latin => class.latin.iter().map(String::as_str).collect(),
            _ => class.native.iter().filter(|(other, _)| *other == script).map(|(_, word)| word.as_str()).collect(),
        };
        for (word, seen) in class.latin.iter().zip(&seen) {
            for other in &others {
                // What is written the same teaches nothing of how it is written otherwise.
                if other == word {
                    continue;
                }
                let part = |seen: f64| seen.sqrt() / roots;
                let share = match script {
                    Script::Latin => part(*seen) * part(counts.seen(other) + 0.3) * PAIRS,
                    _ => (seen / total).sqrt() / others.len() as f64,
                };
                *all.entry((word, other)).or_default() += weight * share;
            }
        }
    }
    let mut all: Vec<_> =
        all.into_iter().filter(|((word, other), _)| word.len() <= 16 && other.chars().count() <= 20).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    all.truncate(EXAMPLES_MAX);
    let example = |((word, other), weight): ((&str, &str), f64)| Example {
        latin: word.chars().collect(),
        other: other.chars().collect(),
        weight,
        steps: Vec::new(),
    };
    all.into_iter().map(example).collect()
}

/// The pairs of a script with their costs, and `latin *` for each Latin run; sorted.
pub fn learn(script: Script, classes: &[Equals], counts: &Counts) -> Vec<(String, u16)> {
    let mut examples = examples(script, classes, counts);
    let (source_max, target_max) = reach(script);
    let mut ids: HashMap<(String, String), u32> = HashMap::new();
    let mut pairs: Vec<(String, String)> = Vec::new();
    for example in &mut examples {
        let (n, m) = (example.latin.len(), example.other.len());
        for i in 0..=n {
            for j in 0..=m {
                for a in 0..=source_max.min(n - i) {
                    for b in 0..=target_max.min(m - j) {
                        let odd =
                            (a == 0 && b != 1) || (b == 0 && a > 2) || (script == Script::Han && (b == 0 || a == 0));
                        if a + b == 0 || odd {
                            continue;
                        }
                        let key = (example.latin[i..i + a].iter().collect(), example.other[j..j + b].iter().collect());
                        let id = *ids.entry(key).or_insert_with_key(|key| {
                            pairs.push(key.clone());
                            pairs.len() as u32 - 1
                        });
                        example.steps.push((id, (i * (m + 1) + j) as u32, ((i + a) * (m + 1) + j + b) as u32));
                    }
                }
            }
        }
        example.steps.sort_unstable_by_key(|step| (step.1, step.2));
    }
    drop(ids);
    let size = |pair: &(String, String)| pair.0.len() + pair.1.chars().count();
    let mut chance: Vec<f64> = pairs.iter().map(|pair| 2f64.powf(-2.5 * size(pair) as f64)).collect();
    // A letter is likelier itself, which saves a few rounds.
    if script == Script::Latin {
        for (pair, chance) in pairs.iter().zip(&mut chance) {
            *chance *= if pair.0 == pair.1 { 1_000.0 } else { 1.0 };
        }
    }
    for round in 0..ROUNDS {
        let mut seen = vec![0.0; pairs.len()];
        if SIFT_AFTER.contains(&round) {
            sift(script, &mut examples, &chance);
        }
        for example in &examples {
            expect(example, &chance, &mut seen);
        }
        let (discount, least) = if learned_by_heart(script) { (0.0, COUNT_MIN / 4.0) } else { (DISCOUNT, COUNT_MIN) };
        let discount = if round + 1 < ROUNDS && round > 0 { discount } else { 0.0 };
        for (seen, pair) in seen.iter_mut().zip(&pairs) {
            *seen = (*seen - discount * (size(pair) as f64 - 2.0).max(0.0)).max(0.0);
            if round + 3 >= ROUNDS && *seen < least && pair.0.len() + pair.1.chars().count() > 1 {
                *seen = 0.0;
            }
        }
        let total: f64 = seen.iter().sum();
        chance = seen.iter().map(|seen| seen / total).collect();
    }
    let mut alone: BTreeMap<&str, f64> = BTreeMap::new();
    let mut rows = Vec::new();
    let shown = |text: &str| if text.is_empty() { "-".to_string() } else { text.to_string() };
    for (pair, chance) in pairs.iter().zip(&chance).filter(|(_, chance)| **chance > 0.0) {
        if bits(*chance) <= 2_000 {
            rows.push((format!("{} {}", shown(&pair.0), shown(&pair.1)), bits(*chance)));
        }
        if !pair.0.is_empty() {
            *alone.entry(&pair.0).or_default() += chance;
        }
    }
    rows.extend(alone.into_iter().map(|(source, chance)| (format!("{source} *"), bits(chance))));
    rows.sort();
    rows
}

/// For each cell of an example's lattice, how likely it is to get there; the last is its likelihood.
fn forward(example: &Example, chance: &[f64]) -> Vec<f64> {
    let mut before = vec![0.0; (example.latin.len() + 1) * (example.other.len() + 1)];
    before[0] = 1.0;
    for (id, from, to) in &example.steps {
        before[*to as usize] += before[*from as usize] * chance[*id as usize];
    }
    before
}

fn likelihood(example: &Example, chance: &[f64]) -> f64 {
    forward(example, chance).pop().unwrap_or_default()
}

/// Adds how far each pair explains an example.
fn expect(example: &Example, chance: &[f64], seen: &mut [f64]) {
    let before = forward(example, chance);
    let last = before.len() - 1;
    if before[last] <= 0.0 {
        return;
    }
    let mut after = vec![0.0; before.len()];
    after[last] = 1.0;
    for (id, from, to) in example.steps.iter().rev() {
        let part = chance[*id as usize] * after[*to as usize];
        after[*from as usize] += part;
        seen[*id as usize] += example.weight * before[*from as usize] * part / before[last];
    }
}

/// Leaves out pairs of names that are no likelier together than apart.
fn sift(script: Script, examples: &mut Vec<Example>, chance: &[f64]) {
    let (mut latin, mut other): (BTreeMap<char, f64>, BTreeMap<char, f64>) = Default::default();
    for example in examples.iter() {
        example.latin.iter().for_each(|c| *latin.entry(*c).or_default() += example.weight);
        example.other.iter().for_each(|c| *other.entry(*c).or_default() += example.weight);
    }
    let (latins, others): (f64, f64) = (latin.values().sum(), other.values().sum());
    examples.retain(|example| {
        let apart: f64 = example.latin.iter().map(|c| (latin[c] / latins).ln()).sum::<f64>()
            + example.other.iter().map(|c| (other[c] / others).ln()).sum::<f64>();
        let together = likelihood(example, chance);
        let letters = example.latin.len().min(example.other.len()) as f64;
        together > 0.0
            && together.ln() > apart + 2.0 + letters * if script == Script::Latin { SIFT } else { SIFT / 2.0 }
    });
}
