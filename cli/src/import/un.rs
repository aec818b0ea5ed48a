//! The consolidated list of the United Nations Security Council, XML: `CONSOLIDATED_LIST` with `INDIVIDUAL` and `ENTITY`.
//!
//! The reference of an entry is its REFERENCE_NUMBER, such as `QDi.017`. A row in messages is the number of the entry.

use std::io::BufReader;
use std::path::Path;

use super::source::{Counted, Opening};
use super::xml::Trees;
use super::{ImportError, Item, shown, un_entry};

/// Reads the UN list.
pub(super) struct Un {
    file: String,
    trees: Trees<BufReader<Counted>>,
    number: u64,
}

impl Un {
    pub(super) fn open(path: &Path, opening: &mut Opening) -> Result<Self, ImportError> {
        let source = opening.open(path)?;
        let trees = Trees::new(source.input, "CONSOLIDATED_LIST", &["INDIVIDUAL", "ENTITY"]);
        Ok(Self { file: source.name, trees, number: 0 })
    }

    /// File and row of the item yielded last.
    pub(super) fn position(&self) -> (String, u64) {
        (self.file.clone(), self.number)
    }

    pub(super) fn next(&mut self) -> Result<Option<Item>, ImportError> {
        // The XML parser quotes names of elements, which may be of any size.
        let bad = |(position, reason): (u64, String)| {
            let (file, reason) = (self.file.clone(), shown(&reason, 200));
            ImportError::Xml { file, position, reason }
        };
        let Some(node) = self.trees.next().map_err(bad)? else { return Ok(None) };
        self.number += 1;
        Ok(Some(match un_entry::entry(&node) {
            Ok(entry) => Item::Entry(entry),
            Err(fault) => fault.at(&self.file, self.number),
        }))
    }
}
