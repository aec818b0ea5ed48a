//! One reader over all formats: opens, yields items, refuses a reference that comes twice, tells how far it is.

use std::collections::HashSet;
use std::path::Path;

use model::ids::RecordId;

use super::csv::Csv;
use super::ndjson::Ndjson;
use super::ofac::Ofac;
use super::source::Opening;
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
    opening: Opening,
    read: u64,
    done: bool,
    /// Hashes of the references so far; only asked whether they hold one, so their order does not matter.
    seen: HashSet<RecordId>,
}

/// Opens the list at a path.
pub fn open(format: Format, path: &Path) -> Result<Reader, ImportError> {
    let mut opening = Opening::default();
    let inner = match format {
        Format::OfacSdn => Inner::Ofac(Box::new(Ofac::open(path, &mut opening)?)),
        Format::UnXml => Inner::Un(Box::new(Un::open(path, &mut opening)?)),
        Format::Csv => Inner::Csv(Box::new(Csv::open(path, &mut opening)?)),
        Format::Ndjson => Inner::Ndjson(Box::new(Ndjson::open(path, &mut opening)?)),
    };
    Ok(Reader { format, inner, opening, read: 0, done: false, seen: HashSet::new() })
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

    /// The SHA-256 digest of the list's content, which is what is read whatever the path names by then.
    pub fn digest(&self) -> [u8; 32] {
        self.opening.digest()
    }

    /// File and row of the entry yielded last.
    pub fn place(&self) -> (String, u64) {
        self.inner.position()
    }

    /// Entries so far, rejected ones counted.
    pub fn entries_read(&self) -> u64 {
        self.read
    }

    /// Bytes read so far, for progress.
    pub fn bytes_read(&self) -> u64 {
        self.opening.progress.get()
    }

    /// Bytes of all files of the list.
    pub fn bytes_total(&self) -> u64 {
        self.opening.total
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
                let (file, _) = self.place();
                (self.read == 0).then_some(Err(ImportError::Empty { file }))
            }
            Err(error) => {
                self.done = true;
                Some(Err(error))
            }
        }
    }
}
