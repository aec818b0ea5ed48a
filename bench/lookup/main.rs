//! `portcullis-lookup`: how fast names are found among many, on one core: build time, size, and how long a lookup takes for
//! who is listed, who is listed with a typing error, who is not, and the worst that we know to ask.
//!
//! A lookup is what a node does for a question: prepare it, find the candidates that the asker may see, score them. Opening
//! and preparing records, which a node keeps, is not measured.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use model::access::grants::Grants;
use model::access::labels::{Labels, Visibility};
use model::access::principal::Principal;
use model::ids::{AgencyId, RecordId, UserId};
use model::lookout::{Action, Lookout, Name, NameKind, SubjectKind};
use model::record::Dataset;
use model::screen::{Query, THRESHOLD_DEFAULT};
use search::{Best, Index, IndexChange, Place, PreparedQuery, PreparedRecord, Scorer, Sought, Tables};
use serde::Serialize;

/// As the node has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Records of one commit.
const COMMIT: usize = 20_000;
/// Questions of frequent words alone, of many words, of short ones, and of 64 letters.
const WORST: [&str; 6] = [
    "Mohammed Ali Hassan Ahmed",
    "Kim Lee Park",
    "Maria Jose Garcia Rodriguez Martinez Lopez Gonzalez Hernandez",
    "Li Wu Xu Yu Ma He Hu Lu",
    "Abdul Rahman Abdul Rahim Abdul Karim Abdul Aziz Abdul Malik Abd",
    "John Smith David Jones Michael Brown James Williams Robert Davis",
];

/// Measures how fast names are found among many, on one core, and by several clients at once.
#[derive(Debug, Parser)]
#[command(name = "portcullis-lookup", version, about)]
struct Args {
    /// How many records
    #[arg(long, default_value_t = 100_000)]
    records: usize,
    /// Names, one a line (what follows a tab is not read); where they are too few, first and last words of theirs are put
    /// together anew; made ones when none is given
    #[arg(long, value_name = "FILE")]
    names: Option<PathBuf>,
    /// Questions of each kind
    #[arg(long, default_value_t = 1_000)]
    questions: usize,
    /// Threads that ask at once, after all that was asked on one core
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// Agencies that the records are of, each with labels of its own, which the asker may see all of; 0: nobody's rights are
    /// asked for
    #[arg(long, default_value_t = 64)]
    owners: usize,
    /// Where the index lies while it is measured
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Also writes names and questions as `kind TAB number TAB name`, for bench/lookup/peers
    #[arg(long, value_name = "FILE")]
    dump: Option<PathBuf>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("cannot read {0}: {1}; give --names a file with one name a line")]
    Names(PathBuf, std::io::Error),
    #[error("cannot write {0}: {1}")]
    Dump(PathBuf, std::io::Error),
    #[error("cannot use the index directory: {0}")]
    Directory(#[from] std::io::Error),
    #[error(transparent)]
    Index(#[from] search::IndexError),
    #[error("--names {0} has no name")]
    NoName(PathBuf),
    #[error(transparent)]
    Labels(#[from] model::error::Invalid),
}

/// What was measured of one kind of question, in microseconds.
#[derive(Debug, Serialize)]
struct Measured {
    kind: &'static str,
    questions: usize,
    p50: u64,
    p99: u64,
    p999: u64,
    /// Candidates that were scored, in the mean.
    candidates: usize,
    /// Of who is listed: in how many cases the record was among the first ten.
    found: Option<usize>,
}

#[derive(Debug, Serialize)]
struct Report {
    records: usize,
    build_seconds: f64,
    index_bytes: u64,
    segments: usize,
    kinds: Vec<Measured>,
    at_once: AtOnce,
}

/// What several threads did at once, in microseconds. A thread that has no core waits, and its question with it.
#[derive(Debug, Serialize)]
struct AtOnce {
    clients: usize,
    /// Questions answered a second by all of them, with the preparing of records.
    per_second: u64,
    p50: u64,
    p99: u64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let report = run(&args).map(|report| match args.json {
        true => serde_json::to_string_pretty(&report).unwrap_or_default() + "\n",
        false => table(&report),
    });
    match report.and_then(|text| Ok(std::io::stdout().write_all(text.as_bytes())?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("portcullis-lookup: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn table(report: &Report) -> String {
    let Report { records, build_seconds, index_bytes, segments, .. } = report;
    let megabytes = index_bytes / 1_000_000;
    let mut text = format!("{records} records: built in {build_seconds:.1} s, {megabytes} MB, {segments} segments\n");
    let mut row = |cells: [String; 7]| {
        let [kind, numbers @ ..] = cells;
        text += &format!("{kind:<12}");
        numbers.iter().for_each(|number| text += &format!(" {number:>10}"));
        text.push('\n');
    };
    row(["kind", "questions", "p50 ms", "p99 ms", "p99.9 ms", "candidates", "found"].map(String::from));
    let ms = |micros: u64| format!("{:.2}", micros as f64 / 1_000.0);
    for kind in &report.kinds {
        row([
            kind.kind.to_string(),
            kind.questions.to_string(),
            ms(kind.p50),
            ms(kind.p99),
            ms(kind.p999),
            kind.candidates.to_string(),
            kind.found.map_or("-".to_string(), |found| found.to_string()),
        ]);
    }
    let AtOnce { clients, per_second, p50, p99 } = report.at_once;
    text += &format!("{clients} clients at once: {per_second} a second, p50 {} ms, p99 {} ms\n", ms(p50), ms(p99));
    text
}

/// The names to list, and as many of people who are not listed as there are questions.
fn names(args: &Args) -> Result<(Vec<String>, Vec<String>), Failure> {
    let need = args.records + args.questions;
    let mut all: Vec<String> = match &args.names {
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|error| Failure::Names(path.clone(), error))?;
            let names = text.lines().map(|line| line.split('\t').next().unwrap_or(line).trim().to_string());
            let names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
            if names.is_empty() {
                return Err(Failure::NoName(path.clone()));
            }
            let more = recombined(&names).take(need.saturating_sub(names.len())).collect::<Vec<_>>();
            names.into_iter().chain(more).collect()
        }
        None => {
            let config = generator::Config { seed: 1, people: need + need / 10 + 100 };
            generator::people(&config).filter_map(|subject| Some(subject.lookout.names.first()?.full.clone())).collect()
        }
    };
    // Every so-manieth is not listed, so that a sorted file is no matter.
    let every = all.len() / args.questions.max(1);
    let mut strangers = Vec::new();
    let mut at = 0;
    all.retain(|name| {
        at += 1;
        let out = at % every == 0 && strangers.len() < args.questions;
        if out {
            strangers.push(name.clone());
        }
        !out
    });
    all.truncate(args.records);
    Ok((all, strangers))
}

/// Names with the last word of another one, as often as one likes: words stay as frequent as they are.
fn recombined(names: &[String]) -> impl Iterator<Item = String> {
    let other = |round: usize, at: usize| &names[(at + round * 611_953 + 1) % names.len()];
    (1..).flat_map(move |round| {
        names.iter().enumerate().map(move |(at, name)| {
            let last = other(round, at).rsplit(' ').next().unwrap_or_default();
            name.rsplit_once(' ').map_or_else(|| name.clone(), |(first, _)| format!("{first} {last}"))
        })
    })
}

fn lookout(name: &str) -> Lookout {
    let mut lookout = Lookout::new(SubjectKind::Person, Action::Refer, "measured");
    let full = name.to_string();
    lookout.names.push(Name { kind: NameKind::Primary, full, family: None, given: None, original: None });
    lookout
}

/// Labels of a level 1 record of an agency.
fn labels_of(owner: usize) -> Result<Labels, Failure> {
    let owner = AgencyId::new(&format!("AGENCY-{owner}"))?;
    Ok(Labels { dataset: Dataset::Tecs, owner, visibility: Visibility::LevelOne })
}

/// An officer to whom all records of level 1 are open.
fn grants() -> Result<Grants, Failure> {
    Ok(Grants::of(&Principal {
        datasets: [Dataset::Tecs].into(),
        level_one: true,
        ..Principal::of_nothing(UserId::new("measured")?, AgencyId::new("AGENCY-0")?)
    }))
}

fn run(args: &Args) -> Result<Report, Failure> {
    let (listed, strangers) = names(args)?;
    let tables = Arc::new(Tables::standard());
    let temporary = tempfile::tempdir()?;
    let place = args.directory.clone().unwrap_or_else(|| temporary.path().to_path_buf());
    let index = Index::open(Place::Directory(place.clone()), tables.clone())?;
    let begun = Instant::now();
    let mut records = HashMap::new();
    for (number, some) in listed.chunks(COMMIT).enumerate() {
        let mut changes = Vec::with_capacity(some.len());
        for (at, name) in some.iter().enumerate() {
            let id = RecordId(((number * COMMIT + at) as u128 + 1).to_be_bytes());
            let record = Arc::new(PreparedRecord::new(&lookout(name), &tables));
            changes.push(IndexChange::Put(id, record, labels_of(at % args.owners.max(1))?));
            records.insert(id, name.as_str());
        }
        index.write(&changes, number as u64 + 1)?;
        if (number + 1) % 10 == 0 {
            eprintln!(
                "portcullis-lookup: {} of {} records, {:.0} s",
                records.len(),
                listed.len(),
                begun.elapsed().as_secs_f64()
            );
        }
    }
    let build_seconds = begun.elapsed().as_secs_f64();
    let grants = if args.owners == 0 { None } else { Some(grants()?) };
    let sought = grants.as_ref().map_or(Sought::All, Sought::Of);
    let matcher = Matcher { tables: &tables, index: &index, sought, records: &records };
    let every = (listed.len() / args.questions.max(1)).max(1);
    let hits: Vec<Question> = listed
        .iter()
        .enumerate()
        .step_by(every)
        .take(args.questions)
        .map(|(at, name)| (name.clone(), Some(RecordId((at as u128 + 1).to_be_bytes()))))
        .collect();
    let misspelt = hits.iter().enumerate().map(|(at, (name, id))| (misspelt(name, at), *id)).collect();
    let worst = WORST.iter().cycle().take(WORST.len() * 20).map(|name| (name.to_string(), None)).collect();
    let strangers = strangers.into_iter().map(|name| (name, None)).collect();
    let questions = [("listed", hits), ("misspelt", misspelt), ("not listed", strangers), ("worst", worst)];
    if let Some(path) = &args.dump {
        dump(path, &listed, &questions).map_err(|error| Failure::Dump(path.clone(), error))?;
    }
    let asked_at_once: Vec<Question> = questions.iter().take(3).flat_map(|(_, questions)| questions.clone()).collect();
    let measured = questions.into_iter().map(|(kind, questions)| matcher.measure(kind, questions));
    let kinds = measured.collect::<Result<_, Failure>>()?;
    let at_once = matcher.measure_at_once(args.clients.max(1), &asked_at_once)?;
    let segments = index.view().segments();
    Ok(Report { records: listed.len(), build_seconds, index_bytes: size(&place)?, segments, kinds, at_once })
}

/// A question: a name, and who is meant by it.
type Question = (String, Option<RecordId>);

fn dump(path: &Path, listed: &[String], questions: &[(&str, Vec<Question>)]) -> std::io::Result<()> {
    let mut file = std::io::BufWriter::new(fs::File::create(path)?);
    for (name, number) in listed.iter().zip(1..) {
        writeln!(file, "name\t{number}\t{}", name.replace('\\', " "))?;
    }
    for (kind, questions) in questions {
        for (name, truth) in questions {
            let number = truth.map_or(0, |id| u128::from_be_bytes(id.0));
            writeln!(file, "{kind}\t{number}\t{}", name.replace('\\', " "))?;
        }
    }
    file.flush()
}

/// Swaps two letters somewhere in the longest word.
fn misspelt(name: &str, seed: usize) -> String {
    let longest = name.split(' ').max_by_key(|word| word.chars().count()).unwrap_or(name);
    let mut letters: Vec<char> = longest.chars().collect();
    if letters.len() > 3 {
        let at = 1 + seed % (letters.len() - 2);
        letters.swap(at, at + 1);
    }
    name.replacen(longest, &letters.into_iter().collect::<String>(), 1)
}

fn size(place: &Path) -> Result<u64, Failure> {
    let mut bytes = 0;
    for entry in fs::read_dir(place)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

struct Matcher<'a> {
    tables: &'a Tables,
    index: &'a Index,
    sought: Sought<'a>,
    records: &'a HashMap<RecordId, &'a str>,
}

impl Matcher<'_> {
    fn measure(&self, kind: &'static str, questions: Vec<Question>) -> Result<Measured, Failure> {
        let (mut took, mut candidates, mut found, mut listed) = (Vec::new(), 0, 0, false);
        // Once without a clock: pages of the index come into memory.
        for (name, _) in questions.iter().take(50) {
            self.lookup(name)?;
        }
        for (name, truth) in &questions {
            let (micros, scored, best) = self.lookup(name)?;
            took.push(micros);
            candidates += scored;
            listed |= truth.is_some();
            found += usize::from(truth.is_some_and(|truth| best.contains(&truth)));
        }
        took.sort_unstable();
        Ok(Measured {
            kind,
            questions: took.len(),
            p50: share(&took, 0.5),
            p99: share(&took, 0.99),
            p999: share(&took, 0.999),
            candidates: candidates / took.len().max(1),
            found: listed.then_some(found),
        })
    }

    /// Asks all questions by so many threads at once, each its share.
    fn measure_at_once(&self, clients: usize, questions: &[Question]) -> Result<AtOnce, Failure> {
        let begun = Instant::now();
        let took = std::thread::scope(|scope| {
            let ask = |client: usize| {
                let own = questions.iter().skip(client).step_by(clients);
                own.map(|(name, _)| Ok(self.lookup(name)?.0)).collect::<Result<Vec<u64>, Failure>>()
            };
            let threads: Vec<_> = (0..clients).map(|client| scope.spawn(move || ask(client))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect::<Result<Vec<_>, _>>()
        })?;
        let seconds = begun.elapsed().as_secs_f64();
        let mut took: Vec<u64> = took.into_iter().flatten().collect();
        took.sort_unstable();
        let per_second = (took.len() as f64 / seconds.max(1e-9)) as u64;
        Ok(AtOnce { clients, per_second, p50: share(&took, 0.5), p99: share(&took, 0.99) })
    }

    /// Microseconds, candidates, and the ten best; without the preparing of records, which a node keeps.
    fn lookup(&self, name: &str) -> Result<(u64, usize, Vec<RecordId>), Failure> {
        let query = Query { name: Some(name.to_string()), threshold: THRESHOLD_DEFAULT, limit: 10, ..Query::default() };
        let begun = Instant::now();
        let prepared = PreparedQuery::new(&query, self.tables);
        let candidates = self.index.candidates(&prepared, self.sought)?;
        let mut spent = begun.elapsed();
        let mut scorer = Scorer::new(&query, &prepared, self.tables);
        let (mut best, mut scores, mut count) = (Vec::new(), Best::new(query.limit), 0);
        for candidate in candidates {
            if !scores.may_take(candidate) {
                break;
            }
            let id = candidate.id;
            count += 1;
            let Some(name) = self.records.get(&id) else { continue };
            let lookout = lookout(name);
            let record = PreparedRecord::new(&lookout, self.tables);
            let begun = Instant::now();
            let scored = scorer.score(&lookout, &record).score;
            spent += begun.elapsed();
            if scored >= query.threshold {
                best.push((Reverse(scored), id));
                scores.take(id, scored);
            }
        }
        best.sort_unstable();
        Ok((spent.as_micros() as u64, count, best.into_iter().take(10).map(|(_, id)| id).collect()))
    }
}

/// The value that such a share of sorted ones does not exceed.
fn share(sorted: &[u64], share: f64) -> u64 {
    sorted.get(((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1))).copied().unwrap_or(0)
}
