//! How rare words are among people, and letters in words.

use std::collections::BTreeMap;

use search::script::Script;

use crate::Equals;

/// Words of the table: seen so often, and rarer than this they are told by their letters.
const SEEN_MIN: f64 = 2.5;
/// Native words are in the table from so many of a million names on.
const NATIVE_MIN: f64 = 4.0;
/// Words of a class: seen so often, and so many at most.
const VARIANT_MIN: f64 = 4.0;
const VARIANTS_MAX: usize = 60;
/// Classes of which the words of other scripts are kept are seen so often, and a word has such a share of its script's.
const NATIVE_CLASS_MIN: f64 = 40.0;
const NATIVE_SHARE_MIN: f64 = 0.05;
const UNSEEN_SHARE: f64 = 0.03;

/// What a row says and what it costs.
pub type Rows = Vec<(String, u16)>;

/// Weighted counts of words.
#[derive(Default)]
pub struct Counts {
    words: BTreeMap<String, f64>,
    native: BTreeMap<String, f64>,
}

impl Counts {
    /// Counts people's words. A nationality counts with the root of its people, so that the many do not drown the few.
    pub fn of(people: &[(&str, Vec<String>)]) -> Self {
        let mut by_nationality: BTreeMap<&str, f64> = BTreeMap::new();
        for (nationality, _) in people {
            *by_nationality.entry(nationality).or_default() += 1.0;
        }
        let roots: f64 = by_nationality.values().map(|count| count.sqrt()).sum();
        let scale = people.len() as f64 / roots;
        let mut counts = Self::default();
        for (nationality, words) in people {
            let weight = scale / by_nationality[nationality].sqrt();
            for word in words {
                *counts.words.entry(word.clone()).or_default() += weight.min(20.0);
            }
        }
        counts
    }

    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// How often a Latin word was seen.
    pub fn seen(&self, word: &str) -> f64 {
        self.words.get(word).copied().unwrap_or(0.0)
    }

    /// Gives words of other scripts the counts of their classes' Latin ones, each Latin word's shared among its classes.
    pub fn spread(&mut self, classes: &[Equals]) {
        let mut classes_of: BTreeMap<&str, f64> = BTreeMap::new();
        for class in classes {
            class.latin.iter().for_each(|word| *classes_of.entry(word).or_default() += 1.0);
        }
        for class in classes {
            let seen: f64 = class.latin.iter().map(|word| self.seen(word) / classes_of[word.as_str()]).sum();
            for (script, word) in &class.native {
                let forms = class.native.iter().filter(|(other, _)| other == script).count() as f64;
                *self.native.entry(word.clone()).or_default() += seen / forms + 0.1;
            }
        }
    }

    /// The rows of the two tables, sorted.
    pub fn costs(&self) -> (Rows, Rows) {
        let mut rows = Vec::new();
        let total: f64 = self.words.values().sum();
        let table = self.words.iter().filter(|(_, count)| **count >= SEEN_MIN);
        rows.extend(table.map(|(word, count)| (word.clone(), bits((1.0 - UNSEEN_SHARE) * count / total))));
        let by_script = |text: &str| search::script::Script::of(text.chars().next().unwrap_or(' '));
        let mut totals: BTreeMap<search::script::Script, f64> = BTreeMap::new();
        for (word, count) in &self.native {
            *totals.entry(by_script(word)).or_default() += count;
        }
        for (word, count) in &self.native {
            let share = count / totals[&by_script(word)];
            if share * 1e6 >= NATIVE_MIN {
                rows.push((word.clone(), bits((1.0 - UNSEEN_SHARE) * share)));
            }
        }
        rows.sort();
        (rows, self.letters())
    }

    /// Classes of Latin words that are equal names: `word cost word cost ...`, each with how rare it is in its class; sorted.
    pub fn variants(&self, classes: &[Equals]) -> Vec<String> {
        let mut rows = Vec::new();
        for class in classes {
            let seen: Vec<(&String, f64)> = class.latin.iter().map(|word| (word, self.seen(word))).collect();
            let known: Vec<&(&String, f64)> = seen.iter().filter(|(_, seen)| *seen >= VARIANT_MIN).collect();
            let total: f64 = seen.iter().map(|(_, seen)| seen + 0.5).sum();
            // Names that many bear are known in other scripts too; how the others are written the channel tells.
            let native = if total >= NATIVE_CLASS_MIN { self.native_forms(class) } else { Vec::new() };
            // Halves of a name and whole families of words stand together in the largest.
            if known.is_empty() || known.len() + native.len() < 2 || known.len() > VARIANTS_MAX {
                continue;
            }
            let latin = known.iter().map(|(word, seen)| format!("{word} {}", bits(seen / total)));
            let row: Vec<String> = latin.chain(native).collect();
            rows.push(row.join(" "));
        }
        rows.sort();
        rows.dedup();
        rows
    }

    /// The words of a class in other scripts, each with how rare it is among those of its script.
    fn native_forms(&self, class: &Equals) -> Vec<String> {
        let count = |word: &String| self.native.get(word).copied().unwrap_or(0.0) + 0.1;
        let forms = class.native.iter().filter(|(script, word)| *script != Script::Han && word.chars().count() > 1);
        let shown = forms.filter_map(|(script, word)| {
            let total: f64 =
                class.native.iter().filter(|(other, _)| other == script).map(|(_, word)| count(word)).sum();
            let share = count(word) / total;
            (share >= NATIVE_SHARE_MIN).then(|| format!("{word} {}", bits(share)))
        });
        shown.collect()
    }

    /// Runs of one, two and three letters over distinct words, by how often each ends as it does.
    fn letters(&self) -> Rows {
        let mut runs: BTreeMap<String, f64> = BTreeMap::new();
        let mut firsts: BTreeMap<String, f64> = BTreeMap::new();
        for (word, count) in self.words.iter().chain(&self.native) {
            // Unseen words are like rare ones: a word counts once, a frequent one little more.
            let weight = 1.0 + count.ln_1p() / 4.0;
            let letters: Vec<char> = std::iter::once('^').chain(word.chars()).chain(['$']).collect();
            for at in 1..letters.len() {
                for from in at.saturating_sub(2)..=at {
                    let run: String = letters[from..=at].iter().collect();
                    let before: String = match from == at {
                        true => search::script::Script::of(letters[1]).code().to_string(),
                        false => letters[from..at].iter().collect(),
                    };
                    *runs.entry(run).or_default() += weight;
                    *firsts.entry(before).or_default() += weight;
                }
            }
        }
        let mut rows = Vec::new();
        for (run, count) in &runs {
            let letters: Vec<char> = run.chars().collect();
            let (before, need) = match letters.len() {
                1 if letters[0] == '$' => continue,
                1 => (search::script::Script::of(letters[0]).code().to_string(), 1.0),
                2 => (letters[..1].iter().collect(), 4.0),
                _ => (letters[..2].iter().collect::<String>(), 12.0),
            };
            // A letter in a word of another script has no first.
            if let Some(first) = firsts.get(&before).filter(|_| *count >= need) {
                rows.push((run.clone(), bits(count / (first + 2.0))));
            }
        }
        rows.sort();
        rows
    }
}

/// Hundredths of a bit.
pub fn bits(share: f64) -> u16 {
    (-100.0 * share.log2()).round().clamp(1.0, 4_000.0) as u16
}
