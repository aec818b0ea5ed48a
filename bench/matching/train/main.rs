//! Learns the tables of `search/data` from the names of real people and from classes of equal names.
//!
//! ```text
//! python3 bench/matching/train/export.py --corpus name2nats.pkl --names person_names.txt.gz --nicknames names.csv DIR
//! portcullis-train DIR search/data
//! ```
//!
//! Reads `corpus.tsv` (`name TAB nationality`), `classes.tsv` (`form TAB form ...`) and `nicknames.tsv` (`name TAB short form
//! ...`), writes `frequency.txt`, `letters.txt`, `variants.txt` and `channel.txt`. The same input gives the same files.

mod channel;
mod frequency;

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use frequency::Counts;
use search::Tables;
use search::normalise::{Token, normalise};
use search::script::Script;
use search::tables::Class;

/// Every tenth name is left out: innocents of the measurement are drawn from these.
const LEFT_OUT: usize = 7;
const SOURCE: &str = "Learned by `bench/matching/train` from the titles of people in the English Wikipedia (package name2nat 0.5.1,\n\
    # Apache-2.0) and from classes of equal names (Wikidata, CC0, as collected in the package rigour 2.6.1, MIT); short\n\
    # forms of English names are those of the package nicknames 1.0.1 (Apache-2.0). Costs are hundredths of a bit. Made, not written: raise `VERSION` in `tables.rs` when it is made anew.";

/// What a name and a short form of it cost where the other one is known, the short form more by how many there are.
const GIVEN_NAME: u16 = 200;
const SHORT_FORM: u16 = 200;

/// One class of equal names: its words by script.
pub struct Equals {
    pub latin: Vec<String>,
    pub native: Vec<(Script, String)>,
}

fn one_name(form: &str, tables: &Tables) -> Option<Token> {
    let mut tokens = normalise(form, tables);
    tokens.pop().filter(|token| tokens.is_empty() && token.class == Class::Name)
}

fn classes(path: &Path, tables: &Tables) -> Result<Vec<Equals>, Box<dyn Error>> {
    let mut all = Vec::new();
    for line in std::fs::read_to_string(path)?.lines() {
        let mut class = Equals { latin: Vec::new(), native: Vec::new() };
        let surname = |form: &str| form.chars().count() > 1 && form.ends_with(['氏', '姓', '씨']);
        for form in line.split('\t').filter(|form| !form.contains(' ') && !surname(form)) {
            let token = match form.chars().any(search::script::syllabic) {
                // A word of Han alone would be read as a whole name: a family name before it says that it is one part.
                true => normalise(&format!("王 {form}"), tables).pop(),
                false => one_name(form, tables),
            };
            match token {
                Some(token) if token.script == Script::Latin => class.latin.push(token.text.into()),
                Some(token) => class.native.push((token.script, token.text.into())),
                None => {}
            }
        }
        class.latin.sort_unstable();
        class.latin.dedup();
        class.native.sort_unstable();
        class.native.dedup();
        if !class.latin.is_empty() {
            all.push(class);
        }
    }
    Ok(all)
}

fn corpus(path: &Path, tables: &Tables) -> Result<Counts, Box<dyn Error>> {
    let text = std::fs::read_to_string(path)?;
    let mut people = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if let Some((name, nationality)) = line.split_once('\t').filter(|_| at % 10 != LEFT_OUT) {
            let words = normalise(name, tables).into_iter().filter(|token| token.class == Class::Name);
            people.push((nationality, words.map(|token| String::from(token.text)).collect::<Vec<_>>()));
        }
    }
    Ok(Counts::of(&people))
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(from), Some(to)) = (args.next().map(PathBuf::from), args.next().map(PathBuf::from)) else {
        return Err("usage: portcullis-train DIR search/data".into());
    };
    let tables = Tables::unlearned();
    let mut counts = corpus(&from.join("corpus.tsv"), &tables)?;
    let classes = classes(&from.join("classes.tsv"), &tables)?;
    eprintln!("{} words of the corpus, {} classes", counts.len(), classes.len());
    counts.spread(&classes);
    let (frequency, letters) = counts.costs();
    std::fs::write(to.join("frequency.txt"), file("How rare a word is among people: `word cost`.", &frequency))?;
    std::fs::write(
        to.join("letters.txt"),
        file("How rare a letter is after others, `^` begins a word and `$` ends it.", &letters),
    )?;
    let mut variants: String = counts.variants(&classes).into_iter().map(|row| row + "\n").collect();
    variants += &nicknames(&from.join("nicknames.tsv"), &tables)?;
    let head = "Equal names, each with how rare it is among them: `word cost word cost ...`.";
    std::fs::write(to.join("variants.txt"), file(head, &[]) + &variants)?;
    let mut rows = Vec::new();
    for script in Script::LEARNED {
        let started = std::time::Instant::now();
        let learned = channel::learn(script, &classes, &counts);
        eprintln!("{}: {} pairs, {:?}", script.code(), learned.len(), started.elapsed());
        rows.extend(learned.into_iter().map(|(pair, cost)| (format!("{} {pair}", script.code()), cost)));
    }
    std::fs::write(
        to.join("channel.txt"),
        file("How scripts write Latin runs of letters: `SCRIPT latin other cost`.", &rows),
    )?;
    Ok(())
}

/// Rows as those of the classes: a name, and what it is called for short.
fn nicknames(path: &Path, tables: &Tables) -> Result<String, Box<dyn Error>> {
    let mut rows = String::new();
    for line in std::fs::read_to_string(path)?.lines() {
        let words: Vec<Token> = line.split('\t').filter_map(|form| one_name(form, tables)).collect();
        let [name, short @ ..] = &words[..] else { continue };
        if short.is_empty() {
            continue;
        }
        let cost = SHORT_FORM + (100.0 * (short.len() as f64).log2()).round() as u16;
        write!(rows, "{} {GIVEN_NAME}", name.text)?;
        for form in short {
            write!(rows, " {} {cost}", form.text)?;
        }
        rows.push('\n');
    }
    Ok(rows)
}

fn file(what: &str, rows: &[(String, u16)]) -> String {
    let mut text = format!("# {what}\n# {SOURCE}\n");
    for (key, cost) in rows {
        let _ = writeln!(text, "{key} {cost}");
    }
    text
}
