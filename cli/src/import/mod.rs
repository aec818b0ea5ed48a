//! Source lists, read as a stream: each entry becomes a lookout, or is rejected with file, row, column and reason.
//!
//! A bad row never stops the rest. What makes the rest doubtful (a file that is cut short, changes while it is read or
//! names no entry, XML that does not close, entity declarations) is an `ImportError` and ends the stream: whoever imports
//! must then remove nothing, since entries that were not read are not entries that are gone.
//! Memory is bounded by `limits::IMPORT_ENTRY_BYTES_MAX` for an entry, and by a few bytes an entry for its reference.

pub mod batches;
pub mod csv;
mod fields;
mod lines;
mod name;
pub mod ndjson;
pub mod ofac;
mod ofac_numbers;
mod ofac_remarks;
mod ofac_terms;
mod prose;
mod reader;
mod rows;
mod source;
pub mod un;
mod un_document;
mod un_entry;
mod xml;

#[cfg(test)]
mod csv_test;
#[cfg(test)]
mod ndjson_test;
#[cfg(test)]
mod ofac_test;
#[cfg(test)]
mod un_test;

use model::error::Invalid;
use model::ids::check_code;
use model::lookout::{DocumentKind, Lookout};
use model::ssn::{self, Ssn};

pub use fields::{COLUMNS, Column};
pub use reader::{Reader, open};

/// The format of a list; the codes are those of `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A directory with sdn.csv, alt.csv and add.csv of the OFAC list of Specially Designated Nationals.
    OfacSdn,
    /// The consolidated list of the United Nations Security Council, XML.
    UnXml,
    /// Comma-separated values with documented columns.
    Csv,
    /// One JSON object a line with the same fields.
    Ndjson,
}

impl Format {
    /// The source list that entries belong to when the caller names none.
    pub fn default_source(self) -> &'static str {
        match self {
            Self::OfacSdn => "ofac-sdn",
            Self::UnXml => "un-sc",
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }
}

/// An entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The list's own reference.
    pub reference: String,
    /// What the list says, checked by `Lookout::validate`.
    pub lookout: Lookout,
}

/// An entry that cannot go in.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Rejection {
    /// Name of the file.
    pub file: String,
    /// Row of the file from 1, a header counted; for XML the number of the entry.
    pub row: u64,
    /// Column or field at fault, where it is one.
    pub column: Option<String>,
    /// What is wrong. Never holds a name or a document number.
    pub reason: String,
    /// The reference of the entry where it is one: what the list holds is not gone, although it was rejected.
    pub reference: Option<String>,
}

/// What a list yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    Entry(Entry),
    Rejected(Rejection),
}

/// Why a list cannot be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("{file}: {source}")]
    Io { file: String, source: std::io::Error },
    #[error("{file}: {reason}")]
    NotThisFormat { file: String, reason: String },
    #[error("{file}: cut short at row {row}: {reason}; fetch the file again")]
    Truncated { file: String, row: u64, reason: String },
    #[error("{file}: cut short: {reason}; fetch the file again")]
    CutShort { file: String, reason: String },
    #[error("{file}: row {row} belongs to no entry that can be told: {reason}; fetch the file again")]
    Stray { file: String, row: u64, reason: String },
    #[error("{file}: names no entry; a list that is meant to be empty cannot be told from one that got lost")]
    Empty { file: String },
    #[error("{file}: at byte {position}: {reason}")]
    Xml { file: String, position: u64, reason: String },
}

/// A row that cannot become an entry: the column and the reason.
#[derive(Debug)]
struct Fault {
    column: Option<String>,
    reason: String,
    reference: Option<String>,
}

impl Fault {
    fn new(column: &str, reason: impl Into<String>) -> Self {
        Self { column: Some(column.to_string()), reason: reason.into(), reference: None }
    }

    fn row(reason: impl Into<String>) -> Self {
        Self { column: None, reason: reason.into(), reference: None }
    }

    /// Says which entry it is. What is no reference is not taken: it may be of any size and steer a terminal.
    fn of(self, reference: &str) -> Self {
        let checked = check_code("reference", reference).is_ok().then(|| reference.to_string());
        Self { reference: checked.or(self.reference), ..self }
    }

    fn at(self, file: &str, row: u64) -> Item {
        let Self { column, reason, reference } = self;
        Item::Rejected(Rejection { file: file.to_string(), row, column, reason, reference })
    }
}

impl From<Invalid> for Fault {
    fn from(invalid: Invalid) -> Self {
        Self { column: Some(fields::column_of(&invalid.field)), reason: invalid.reason, reference: None }
    }
}

/// Checks an entry as a whole; its reference must be a code and its lookout within its bounds.
fn checked(reference: &str, mut lookout: Lookout, column: &'static str) -> Result<Entry, Fault> {
    check_code(column, reference).map_err(|e| Fault::new(column, e.reason))?;
    guard(&mut lookout);
    match lookout.validate() {
        Ok(()) => Ok(Entry { reference: reference.to_string(), lookout }),
        Err(invalid) => Err(Fault::from(invalid).of(reference)),
    }
}

/// Lists call other numbers ones of social security, too, and write these into their remarks.
fn guard(lookout: &mut Lookout) {
    for document in &mut lookout.documents {
        let number = &document.number;
        if document.kind == DocumentKind::SocialSecurity && Ssn::read(number).is_none() && !ssn::is_masked(number) {
            document.kind = DocumentKind::NationalId;
        }
    }
    lookout.remarks = lookout.remarks.take().map(|remarks| ssn::guarded_text(&remarks));
}

/// A text of a list as messages may show it: short, and without what steers a terminal.
fn shown(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(most).collect()
}

#[cfg(test)]
mod test_support {
    //! Reading texts as lists, for the tests of the parsers.

    use std::path::Path;

    use super::*;

    /// All items of a list, and the error that ended it, if one did.
    pub(super) fn items(format: Format, path: &Path) -> (Vec<Item>, Option<ImportError>) {
        let mut items = Vec::new();
        for item in open(format, path).expect("opens") {
            match item {
                Ok(item) => items.push(item),
                Err(error) => return (items, Some(error)),
            }
        }
        (items, None)
    }

    /// The items of a list given as its text.
    pub(super) fn read(format: Format, text: impl AsRef<[u8]>) -> (Vec<Item>, Option<ImportError>) {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("list");
        std::fs::write(&path, text).expect("writes");
        items(format, &path)
    }

    /// The lookouts of items, none of which may be rejected.
    pub(super) fn lookouts(items: Vec<Item>) -> Vec<Lookout> {
        let lookout = |item| match item {
            Item::Entry(entry) => entry.lookout,
            Item::Rejected(rejection) => panic!("{rejection:?}"),
        };
        items.into_iter().map(lookout).collect()
    }

    /// Row, column and reason of an item that must be a rejection.
    pub(super) fn rejection(item: &Item) -> (u64, &str, &str) {
        match item {
            Item::Rejected(r) => (r.row, r.column.as_deref().unwrap_or(""), r.reason.as_str()),
            Item::Entry(entry) => panic!("went in: {entry:?}"),
        }
    }
}
