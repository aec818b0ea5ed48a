//! One reader over all formats: opens, yields items, refuses a reference that comes twice, tells how far it is.

use std::collections::HashSet;
use std::io::Read;
use std::path::Path;

use model::ids::RecordId;
use sha2::{Digest, Sha256};

use super::csv::Csv;
use super::ndjson::Ndjson;
use super::ofac::Ofac;
use super::source::{self, Progress};
use super::un::Un;
use super::{Fault, Format, ImportError, Item};

enum Inner {
    Ofac(Box<Ofac>),
    Un(Box<Un>),
    Csv(Box<Csv>),
    Ndjson(Box<Ndjson>),
}

/// A list that is being read. An error ends it; what was yielded before stands.
pub struct Reader {
    format: Format,
    inner: Inner,
    progress: Progress,
    total: u64,
    read: u64,
    done: bool,
    /// Hashes of the references so far; only asked whether they hold one, so their order does not matter.
    seen: HashSet<RecordId>,
}

/// Opens the list at a path.
pub fn open(format: Format, path: &Path) -> Result<Reader, ImportError> {
    let progress = Progress::default();
    let mut total = 0;
    for file in format.files(path) {
        total += source::size(&file)?;
    }
    let inner = match format {
        Format::OfacSdn => Inner::Ofac(Box::new(Ofac::open(path, &progress)?)),
        Format::UnXml => Inner::Un(Box::new(Un::open(path, &progress)?)),
        Format::Csv => Inner::Csv(Box::new(Csv::open(path, &progress)?)),
        Format::Ndjson => Inner::Ndjson(Box::new(Ndjson::open(path, &progress)?)),
    };
    Ok(Reader { format, inner, progress, total, read: 0, done: false, seen: HashSet::new() })
}

/// The SHA-256 digest of a list's content: each file's length and bytes, in the order that the format names them.
pub fn digest(format: Format, path: &Path) -> Result<[u8; 32], ImportError> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    for file in format.files(path) {
        let mut input = source::open(&file, &Progress::default())?;
        let mut content = Sha256::new();
        let mut length = 0_u64;
        loop {
            let n = input.read(&mut buffer).map_err(|e| source::fail(&file, e))?;
            if n == 0 {
                break;
            }
            length += n as u64;
            content.update(&buffer[..n]);
        }
        hash.update(length.to_be_bytes());
        hash.update(content.finalize());
    }
    Ok(hash.finalize().into())
}

impl Reader {
    /// The format that is read.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The source list that entries belong to when the caller names none.
    pub fn default_source(&self) -> &'static str {
        self.format.default_source()
    }

    /// Entries so far, rejected ones counted.
    pub fn entries_read(&self) -> u64 {
        self.read
    }

    /// Bytes read so far, for progress.
    pub fn bytes_read(&self) -> u64 {
        self.progress.get().min(self.total)
    }

    /// Bytes of all files of the list.
    pub fn bytes_total(&self) -> u64 {
        self.total
    }

    fn once(&mut self, item: Item) -> Item {
        let Item::Entry(entry) = &item else { return item };
        if self.seen.insert(RecordId::of_source("", &entry.reference)) {
            return item;
        }
        let column = match self.format {
            Format::OfacSdn => "ent_num",
            Format::UnXml => "REFERENCE_NUMBER",
            Format::Csv | Format::Ndjson => "ref",
        };
        let fault = Fault::new(column, "stands in the list a second time").of(&entry.reference);
        let (file, row) = self.inner.position();
        fault.at(&file, row)
    }
}

impl Inner {
    fn next(&mut self) -> Result<Option<Item>, ImportError> {
        match self {
            Self::Ofac(list) => list.next(),
            Self::Un(list) => list.next(),
            Self::Csv(list) => list.next(),
            Self::Ndjson(list) => list.next(),
        }
    }

    fn position(&self) -> (String, u64) {
        match self {
            Self::Ofac(list) => list.position(),
            Self::Un(list) => list.position(),
            Self::Csv(list) => list.position(),
            Self::Ndjson(list) => list.position(),
        }
    }
}

impl Iterator for Reader {
    type Item = Result<Item, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        match self.inner.next() {
            Ok(Some(item)) => {
                // A rejected row of alt.csv or add.csv is no entry.
                let (main, _) = self.inner.position();
                self.read += u64::from(!matches!(&item, Item::Rejected(rejected) if rejected.file != main));
                Some(Ok(self.once(item)))
            }
            Ok(None) => {
                self.done = true;
                None
            }
            Err(error) => {
                self.done = true;
                Some(Err(error))
            }
        }
    }
}
