//! Asks the queries that `prepare.py` made against its lists with the product's own index and score, and writes the answers
//! as the other matchers do (`peers/common.py`), so that `report.py` can set them side by side.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use model::access::labels::{Labels, Visibility};
use model::date::BirthDate;
use model::ids::{AgencyId, RecordId};
use model::lookout::{Action, Country, CountryRole, Lookout, Name, NameKind, SubjectKind};
use model::record::Dataset;
use model::screen::{Query, Score};
use search::{
    Candidate, Index, IndexChange, Place, PreparedQuery, PreparedRecord, Scored, Sought, Tables, birth, score,
};
use serde::{Deserialize, Serialize};

/// Best records that an answer names.
const BEST: usize = 10;
/// Records of one commit of the index.
const COMMIT: usize = 10_000;

/// Asks queries against lists with Portcullis' index and score, and writes the answers beside those of other matchers.
#[derive(Parser)]
#[command(name = "portcullis-matching", version)]
struct Arguments {
    /// Directory that prepare.py wrote
    #[arg(long)]
    data: PathBuf,
    /// Which queries: real, made or script
    #[arg(long)]
    set: String,
    /// Which half of the people: tune or report
    #[arg(long)]
    part: String,
    /// Write what each record that was compared speaks with instead of answers, for `train/fit.py`
    #[arg(long)]
    features: Option<PathBuf>,
}

#[derive(Deserialize)]
struct ListedName {
    full: String,
    weak: bool,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
    kind: String,
    names: Vec<ListedName>,
    birth_dates: Vec<String>,
    countries: Vec<String>,
}

#[derive(Deserialize)]
struct Asked {
    id: String,
    kind: String,
    set: String,
    list: String,
    part: String,
    name: String,
    birth_date: Option<String>,
    country: Option<String>,
    truth: Option<String>,
}

/// The best records with their scores, best first.
type Best<'a> = Vec<(&'a str, f64)>;

/// One line of the answers. `truth` is rank and score by name alone, then with everything that is known.
#[derive(Serialize)]
struct Answer<'a> {
    id: &'a str,
    name: Best<'a>,
    full: Best<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truth: Option<(usize, f64, usize, f64)>,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("cannot read or write {}", .0.display())]
    File(PathBuf, #[source] std::io::Error),
    #[error("{}, line {line}", path.display())]
    Line { path: PathBuf, line: usize, source: serde_json::Error },
    #[error("{id}: {text:?} is no date of birth")]
    Date { id: String, text: String, source: model::error::Invalid },
    #[error("no such queries")]
    NoQueries,
    #[error(transparent)]
    Index(#[from] search::IndexError),
    #[error(transparent)]
    Labels(#[from] model::error::Invalid),
}

fn main() -> std::process::ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => {
            let mut text = failure.to_string();
            let mut source = std::error::Error::source(&failure);
            while let Some(cause) = source {
                text = format!("{text}: {cause}");
                source = cause.source();
            }
            eprintln!("portcullis-matching: {text}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { data, set, part, features: _ } = arguments;
    let mut queries: Vec<Asked> = rows(&data.join("queries.jsonl"))?;
    queries.retain(|query| query.set == *set && query.part == *part);
    let list = &queries.first().ok_or(Failure::NoQueries)?.list;
    let listed: Vec<Listed> = rows(&data.join("lists").join(format!("{list}.jsonl")))?;
    let begun = Instant::now();
    let matcher = Matcher::new(&listed)?;
    let built = begun.elapsed();
    if let Some(path) = &arguments.features {
        return matcher.write_features(&queries, path);
    }
    let folder = data.join("answers").join("portcullis");
    let path = folder.join(format!("{set}-{part}.jsonl"));
    let failed = |error| Failure::File(path.clone(), error);
    fs::create_dir_all(&folder).map_err(failed)?;
    let mut file = BufWriter::new(File::create(&path).map_err(failed)?);
    let begun = Instant::now();
    for query in &queries {
        let line = serde_json::to_string(&matcher.answer(query)?).map_err(|error| failed(error.into()))?;
        writeln!(file, "{line}").map_err(failed)?;
    }
    file.flush().map_err(failed)?;
    eprintln!(
        "portcullis: {set}-{part}: {} queries in {:.0} s, each with name alone and with all; {} records, built in {:.1} s",
        queries.len(),
        begun.elapsed().as_secs_f64(),
        listed.len(),
        built.as_secs_f64()
    );
    Ok(())
}

fn rows<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Vec<T>, Failure> {
    let failed = |error| Failure::File(path.to_path_buf(), error);
    let lines = BufReader::new(File::open(path).map_err(failed)?).lines();
    let read = lines.enumerate().map(|(at, line)| {
        let line = line.map_err(failed)?;
        serde_json::from_str(&line).map_err(|source| Failure::Line { path: path.to_path_buf(), line: at + 1, source })
    });
    read.collect()
}

/// A list, indexed, with its records at hand.
struct Matcher<'a> {
    tables: Arc<Tables>,
    index: Index,
    records: HashMap<RecordId, (&'a str, Lookout, Arc<PreparedRecord>)>,
}

impl<'a> Matcher<'a> {
    fn new(listed: &'a [Listed]) -> Result<Self, Failure> {
        let tables = Arc::new(Tables::standard());
        let index = Index::open(Place::Memory, tables.clone())?;
        let mut records = HashMap::new();
        let mut changes = Vec::new();
        // Everybody's: matchers are compared, and not who may see what.
        let owner = AgencyId::new("MEASURED")?;
        let labels = Labels { dataset: Dataset::Tecs, owner, visibility: Visibility::LevelOne };
        for (number, record) in listed.iter().enumerate() {
            let id = RecordId((number as u128 + 1).to_be_bytes());
            let lookout = lookout_of(record)?;
            let prepared = Arc::new(PreparedRecord::new(&lookout, &tables));
            changes.push(IndexChange::Put(id, prepared.clone(), labels.clone()));
            records.insert(id, (record.id.as_str(), lookout, prepared));
        }
        for (number, some) in changes.chunks(COMMIT).enumerate() {
            index.write(some, number as u64 + 1)?;
        }
        Ok(Self { tables, index, records })
    }

    /// A row for each record that a question with all its fields finds: the question, its kind, whether it has an answer and
    /// this is it, whether a person was asked for, then numbers (see `features`).
    fn write_features(&self, queries: &[Asked], path: &Path) -> Result<(), Failure> {
        let failed = |error| Failure::File(path.to_path_buf(), error);
        let mut file = BufWriter::new(File::create(path).map_err(failed)?);
        for asked in queries {
            let query = self.query(asked)?;
            let prepared = PreparedQuery::new(&query, &self.tables);
            for Candidate { id, .. } in self.index.candidates(&prepared, Sought::All)? {
                let Some((name, lookout, record)) = self.records.get(&id) else { continue };
                let scored = score(&query, &prepared, lookout, record, &self.tables);
                let Some(numbers) = features(&query, lookout, &scored) else { continue };
                let truth = u8::from(asked.truth.is_some()) + u8::from(asked.truth.as_deref() == Some(*name));
                let person = u8::from(lookout.subject == SubjectKind::Person);
                let numbers = numbers.map(|number| number.to_string()).join("\t");
                writeln!(file, "{}\t{}\t{truth}\t{person}\t{numbers}", asked.id, asked.kind).map_err(failed)?;
            }
        }
        file.flush().map_err(failed)
    }

    fn query(&self, asked: &Asked) -> Result<Query, Failure> {
        let birth_date = asked.birth_date.as_deref().map(|text| date(&asked.id, text)).transpose()?;
        let (name, nationality) = (Some(asked.name.clone()), asked.country.clone());
        Ok(Query { name, birth_date, nationality, limit: BEST, ..Query::default() })
    }

    fn answer<'b>(&'b self, asked: &'b Asked) -> Result<Answer<'b>, Failure> {
        let alone = Query { name: Some(asked.name.clone()), limit: BEST, ..Query::default() };
        let full = self.query(asked)?;
        let (name, by_name) = self.best(&alone, asked.truth.as_deref())?;
        let (full, in_full) = self.best(&full, asked.truth.as_deref())?;
        let truth = asked.truth.is_some().then_some((by_name.0, by_name.1, in_full.0, in_full.1));
        Ok(Answer { id: &asked.id, name, full, truth })
    }

    /// The best records, and rank and score of the true one: as many records score at least as high.
    fn best(&self, query: &Query, truth: Option<&str>) -> Result<(Best<'_>, (usize, f64)), Failure> {
        let prepared = PreparedQuery::new(query, &self.tables);
        let mut found = Vec::new();
        for Candidate { id, .. } in self.index.candidates(&prepared, Sought::All)? {
            let Some((name, lookout, record)) = self.records.get(&id) else { continue };
            let scored = score(query, &prepared, lookout, record, &self.tables).score;
            if scored > Score::default() {
                found.push((*name, scored));
            }
        }
        found.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        let own = found.iter().find(|(name, _)| Some(*name) == truth).map(|(_, score)| *score);
        let rank = match own {
            Some(own) => found.iter().filter(|(_, score)| *score >= own).count(),
            None => self.records.len(),
        };
        found.truncate(BEST);
        let best = found.into_iter().map(|(name, score)| (name, score.fraction())).collect();
        Ok((best, (rank, own.map_or(0.0, Score::fraction))))
    }
}

/// What a name speaks with: bits of its words, the words that met, those left of the question and of the record, turns,
/// initials, what the whole name costs (-1 where it is none), weak alias, company; what the date says, letters
/// of the words that met, the nationality, the bits; of the words left, those of
/// firms, of the question and of the record, whether the family name met none, what the words that met cost. Bits are
/// hundredths.
fn features(query: &Query, lookout: &Lookout, scored: &Scored) -> Option<[i64; 17]> {
    let name = scored.name.as_ref()?;
    let laid = &name.alignment;
    let born = query.birth_date.and_then(|asked| birth::best(asked, &lookout.birth_dates));
    let country = scored.evidence.iter().find(|part| part.field == "nationality");
    let counts = [laid.total, laid.words, laid.asked_left, laid.held_left, laid.turns, laid.initials].map(i64::from);
    let [total, words, asked_left, held_left, turns, initials] = counts;
    Some([
        total,
        words,
        asked_left,
        held_left,
        turns,
        initials,
        laid.whole.map_or(-1, i64::from),
        name.weak.into(),
        laid.company.into(),
        born.map_or(0, |(_, verdict)| verdict.gain.into()),
        laid.letters.into(),
        country.map_or(
            0,
            |part| if part.agreement.parts() == 0 { -1 } else { i64::from(part.agreement.parts()) / 400_000 },
        ),
        name.bits.into(),
        laid.asked_business.into(),
        laid.held_business.into(),
        laid.family_left.into(),
        laid.cost.into(),
    ])
}

fn date(id: &str, text: &str) -> Result<BirthDate, Failure> {
    text.parse().map_err(|source| Failure::Date { id: id.to_string(), text: text.to_string(), source })
}

fn lookout_of(listed: &Listed) -> Result<Lookout, Failure> {
    let subject = match listed.kind.as_str() {
        "entity" => SubjectKind::Business,
        "vessel" => SubjectKind::Vessel,
        "aircraft" => SubjectKind::Aircraft,
        _ => SubjectKind::Person,
    };
    let mut lookout = Lookout::new(subject, Action::Refer, "measured");
    for (at, name) in listed.names.iter().enumerate() {
        let kind = match (at, name.weak) {
            (_, true) => NameKind::WeakAlias,
            (0, false) => NameKind::Primary,
            _ => NameKind::Alias,
        };
        let parts = name.full.split_once(", ").filter(|_| subject == SubjectKind::Person);
        lookout.names.push(Name {
            kind,
            full: name.full.clone(),
            family: parts.map(|(family, _)| family.to_string()),
            given: parts.map(|(_, given)| given.to_string()),
            original: None,
        });
    }
    lookout.birth_dates = listed.birth_dates.iter().map(|text| date(&listed.id, text)).collect::<Result<_, _>>()?;
    lookout.countries =
        listed.countries.iter().map(|code| Country { role: CountryRole::Nationality, code: code.clone() }).collect();
    Ok(lookout)
}
