//! Lists, travellers and truth as files: `list.csv` and `list.ndjson` (the same entries in the two documented formats),
//! `travellers.csv` and `truth.csv` (row n of both speaks of the same traveller, from 1).

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use model::lookout::*;
use serde_json::{Map, Value, json};

use crate::{Config, Subject, lists};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Summary {
    pub entries: u64,
    pub names: u64,
    pub travellers: u64,
    /// Travellers who are on the list.
    pub listed: u64,
    pub files: Vec<PathBuf>,
}

/// Why files could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {source}")]
pub struct GenerateError {
    pub file: String,
    pub source: std::io::Error,
}

/// The columns of the list; several values of a cell are separated by `;`.
const COLUMNS: [&str; 15] = [
    "ref",
    "type",
    "name",
    "aliases",
    "weak_aliases",
    "original_name",
    "dob",
    "sex",
    "nationality",
    "countries",
    "document",
    "plate",
    "registration",
    "action",
    "reason",
];

/// Those of the columns that may hold several values.
const MANY: [&str; 8] =
    ["aliases", "weak_aliases", "dob", "nationality", "countries", "document", "plate", "registration"];

/// Writes the files of a configuration into a directory, which is created.
pub fn write_lists(dir: &Path, config: &Config) -> Result<Summary, GenerateError> {
    std::fs::create_dir_all(dir).map_err(|source| fail(dir, source))?;
    let [list, lines, travellers, truth] =
        ["list.csv", "list.ndjson", "travellers.csv", "truth.csv"].map(|file| dir.join(file));
    let files = vec![list.clone(), lines.clone(), travellers.clone(), truth.clone()];
    let mut summary = Summary { entries: 0, names: 0, travellers: 0, listed: 0, files };
    let world = lists(config);

    let (mut csv, mut ndjson) = (table(&list)?, buffered(&lines)?);
    row(&mut csv, &list, COLUMNS.map(String::from))?;
    for subject in world.people() {
        summary.entries += 1;
        summary.names += subject.lookout.names.len() as u64;
        let cells = COLUMNS.map(|column| cells(&subject, column));
        serde_json::to_writer(&mut ndjson, &object(&cells)).map_err(|e| fail(&lines, e.into()))?;
        ndjson.write_all(b"\n").map_err(|source| fail(&lines, source))?;
        row(&mut csv, &list, cells.map(|values| values.join("; ")))?;
    }
    csv.flush().map_err(|source| fail(&list, source))?;
    ndjson.flush().map_err(|source| fail(&lines, source))?;

    let (mut csv, mut answers) = (table(&travellers)?, table(&truth)?);
    row(&mut csv, &travellers, ["name", "dob", "nationality", "document"].map(String::from))?;
    row(&mut answers, &truth, ["row", "expected_ref", "variation"].map(String::from))?;
    for traveller in world.travellers() {
        summary.travellers += 1;
        summary.listed += u64::from(traveller.truth.expected.is_some());
        let optional = [traveller.dob, traveller.nationality, traveller.document].map(Option::unwrap_or_default);
        row(&mut csv, &travellers, std::iter::once(traveller.name).chain(optional))?;
        let expected = traveller.truth.expected.unwrap_or_default();
        row(
            &mut answers,
            &truth,
            [summary.travellers.to_string(), expected, traveller.truth.variation.code().to_string()],
        )?;
    }
    csv.flush().map_err(|source| fail(&travellers, source))?;
    answers.flush().map_err(|source| fail(&truth, source))?;
    Ok(summary)
}

fn fail(path: &Path, source: std::io::Error) -> GenerateError {
    GenerateError { file: path.display().to_string(), source }
}

fn buffered(path: &Path) -> Result<BufWriter<File>, GenerateError> {
    File::create(path).map(BufWriter::new).map_err(|source| fail(path, source))
}

fn table(path: &Path) -> Result<csv::Writer<BufWriter<File>>, GenerateError> {
    buffered(path).map(csv::Writer::from_writer)
}

fn row(
    table: &mut csv::Writer<BufWriter<File>>,
    path: &Path,
    cells: impl IntoIterator<Item = String>,
) -> Result<(), GenerateError> {
    table.write_record(cells).map_err(|e| fail(path, std::io::Error::other(e)))
}

/// The values of an entry in a column.
fn cells(subject: &Subject, column: &str) -> Vec<String> {
    let lookout = &subject.lookout;
    let names = |kind| lookout.names.iter().filter(move |name| name.kind == kind).map(|name| name.full.clone());
    let suffixed = |number: &str, suffix: &Option<String>| match suffix {
        Some(suffix) => format!("{number}:{suffix}"),
        None => number.to_string(),
    };
    let countries = |own: bool| lookout.countries.iter().filter(move |c| (c.role == CountryRole::Nationality) == own);
    match column {
        "ref" => vec![subject.reference.clone()],
        "type" => vec![lookout.subject.code().to_string()],
        "name" => names(NameKind::Primary).collect(),
        "aliases" => names(NameKind::Alias).collect(),
        "weak_aliases" => names(NameKind::WeakAlias).collect(),
        "original_name" => lookout.names.iter().filter_map(|name| name.original.clone()).collect(),
        "dob" => lookout.birth_dates.iter().map(ToString::to_string).collect(),
        "sex" => lookout.sex.iter().map(|sex| sex.code().to_string()).collect(),
        "nationality" => countries(true).map(|country| country.code.clone()).collect(),
        "countries" => countries(false).map(|country| format!("{}:{}", country.role.code(), country.code)).collect(),
        "document" => {
            let number = |d: &Document| format!("{}:{}", d.kind.code(), suffixed(&d.number, &d.country));
            lookout.documents.iter().map(number).collect()
        }
        "plate" => lookout.plates.iter().map(|plate| suffixed(&plate.number, &plate.jurisdiction)).collect(),
        "registration" => lookout.registrations.iter().map(|r| format!("{}:{}", r.kind.code(), r.number)).collect(),
        "action" => vec![lookout.action.code().to_string()],
        "reason" => vec![lookout.reason.clone()],
        _ => Vec::new(),
    }
}

fn object(cells: &[Vec<String>; COLUMNS.len()]) -> Value {
    let mut object = Map::new();
    for (column, values) in COLUMNS.iter().zip(cells) {
        match values.as_slice() {
            [] => {}
            values if MANY.contains(column) => {
                object.insert((*column).to_string(), json!(values));
            }
            [first, ..] => {
                object.insert((*column).to_string(), json!(first));
            }
        }
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let config = Config { seed: 42, people: 1_000 };
        let write = |config: &Config| {
            let dir = tempfile::tempdir().expect("a directory");
            let summary = write_lists(dir.path(), config).expect("writes");
            let files: Vec<Vec<u8>> = summary.files.iter().map(|file| std::fs::read(file).expect("reads")).collect();
            files
        };
        let first = write(&config);
        assert!(first == write(&config), "the same seed gives the same files");
        assert!(first != write(&Config { seed: 43, ..config }), "another seed gives others");
    }

    #[test]
    fn every_entry_is_valid_and_every_traveller_has_its_entry() {
        let config = Config { seed: 7, people: 5_000 };
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for subject in lists(&config).people() {
            subject.lookout.validate().expect("valid");
            assert!(subject.lookout.names.iter().all(|name| !name.full.contains(';')), "`;` separates names");
            *kinds.entry(subject.lookout.subject.code()).or_default() += 1;
        }
        assert!(kinds["person"] > 4_500 && kinds.len() == 4, "{kinds:?}");
        let mut variations: BTreeMap<&str, usize> = BTreeMap::new();
        for traveller in lists(&config).travellers() {
            *variations.entry(traveller.truth.variation.code()).or_default() += 1;
            if let Some(expected) = &traveller.truth.expected {
                let index: usize = expected["SYN-".len()..].parse().expect("a number");
                assert_eq!(&lists(&config).subject(index - 1).reference, expected);
            }
        }
        assert_eq!(variations.len(), 10, "{variations:?}");
        assert_eq!(variations.values().sum::<usize>(), config.travellers());
    }

    #[test]
    fn no_people_no_travellers() {
        let dir = tempfile::tempdir().expect("a directory");
        let summary = write_lists(dir.path(), &Config { seed: 1, people: 0 }).expect("writes");
        assert_eq!((summary.entries, summary.travellers), (0, 0));
    }
}
