//! The consolidated list of the United Nations Security Council, XML: `CONSOLIDATED_LIST` with `INDIVIDUAL` and `ENTITY`.
//!
//! The reference of an entry is its REFERENCE_NUMBER, such as `QDi.017`. A row in messages is the number of the entry.

use std::path::Path;

use super::source::{self, Progress, Source};
use super::xml::Trees;
use super::{ImportError, Item, un_entry};

/// Reads the UN list.
pub(super) struct Un {
    file: String,
    trees: Trees<Source>,
    number: u64,
}

impl Un {
    pub(super) fn open(path: &Path, progress: &Progress) -> Result<Self, ImportError> {
        let input = source::open(path, progress)?;
        let trees = Trees::new(input, "CONSOLIDATED_LIST", &["INDIVIDUAL", "ENTITY"]);
        Ok(Self { file: source::name_of(path), trees, number: 0 })
    }

    /// File and row of the item yielded last.
    pub(super) fn position(&self) -> (String, u64) {
        (self.file.clone(), self.number)
    }

    pub(super) fn next(&mut self) -> Result<Option<Item>, ImportError> {
        let bad = |(position, reason)| ImportError::Xml { file: self.file.clone(), position, reason };
        let Some(node) = self.trees.next().map_err(bad)? else { return Ok(None) };
        self.number += 1;
        Ok(Some(match un_entry::entry(&node) {
            Ok(entry) => Item::Entry(entry),
            Err(fault) => fault.at(&self.file, self.number),
        }))
    }
}
