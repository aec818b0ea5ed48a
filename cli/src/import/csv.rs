//! Lists in CSV: a header of the names in `COLUMNS`, then one entry a row.
//!
//! UTF-8 with or without a byte order mark, cells quoted where needed (RFC 4180), `;` between several values of a cell.
//! An unknown column ends the import at once, since a column silently left out is an identifier silently lost.

use std::io::BufReader;
use std::path::Path;

use super::fields::{self, Fields};
use super::rows::{Row, Rows};
use super::source::{Counted, Opening};
use super::{COLUMNS, Fault, ImportError, Item, shown};

/// Reads a CSV list.
pub(super) struct Csv {
    file: String,
    rows: Rows<BufReader<Counted>>,
    /// The column of each cell.
    header: Vec<usize>,
}

impl Csv {
    pub(super) fn open(path: &Path, opening: &mut Opening) -> Result<Self, ImportError> {
        let source = opening.open(path)?;
        let file = source.name;
        let io = |source| ImportError::Io { file: file.clone(), source };
        let mut rows = Rows::new(source.input).map_err(io)?;
        let not = |reason: String| ImportError::NotThisFormat { file: file.clone(), reason };
        let header = match rows.read().map_err(io)? {
            Row::Cells { cells, .. } => header(&cells).map_err(not)?,
            Row::End => return Err(not("is empty, expected a header".into())),
            Row::TooLong { .. } | Row::NotUtf8 { .. } | Row::OpenQuote => {
                return Err(not("has no header, is it CSV?".into()));
            }
        };
        Ok(Self { file, rows, header })
    }

    /// File and row of the item yielded last.
    pub(super) fn position(&self) -> (String, u64) {
        (self.file.clone(), self.rows.number())
    }

    pub(super) fn next(&mut self) -> Result<Option<Item>, ImportError> {
        let row = self.rows.read().map_err(|source| ImportError::Io { file: self.file.clone(), source })?;
        let number = self.rows.number();
        let cut = |reason: &str| ImportError::Truncated { file: self.file.clone(), row: number, reason: reason.into() };
        let (cells, fault) = match row {
            Row::End => return Ok(None),
            Row::OpenQuote => return Err(cut("a quote never closes")),
            Row::TooLong { cells } => (cells, Fault::row(too_long())),
            Row::NotUtf8 { cell, cells } => match self.header.get(cell) {
                Some(column) => (cells, Fault::new(COLUMNS[*column].name, "is not UTF-8")),
                None => (cells, Fault::row("is not UTF-8")),
            },
            Row::Cells { cells, ended } if cells.len() != self.header.len() => {
                if !ended && cells.len() < self.header.len() {
                    return Err(cut("the last row is not whole"));
                }
                let reason = format!("has {} cells, the header has {}", cells.len(), self.header.len());
                (cells, Fault::row(reason))
            }
            Row::Cells { cells, .. } => {
                let mut fields = Fields::default();
                self.header.iter().zip(&cells).for_each(|(column, text)| fields.add_text(*column, text));
                match fields.entry() {
                    Ok(entry) => return Ok(Some(Item::Entry(entry))),
                    Err(fault) => (cells, fault),
                }
            }
        };
        let reference = self.header.iter().zip(&cells).find(|(column, _)| **column == 0).map(|(_, text)| text.as_str());
        Ok(Some(fault.of(reference.unwrap_or("").trim_matches(' ')).at(&self.file, number)))
    }
}

/// Why an entry beyond the bound is refused.
pub(super) fn too_long() -> String {
    format!("is larger than {} bytes", model::limits::IMPORT_ENTRY_BYTES_MAX)
}

fn header(cells: &[String]) -> Result<Vec<usize>, String> {
    let mut columns = Vec::with_capacity(cells.len());
    for cell in cells {
        let name = cell.trim().to_ascii_lowercase();
        let known = || COLUMNS.map(|column| column.name).join(", ");
        let unknown = || format!("`{}` is no known column; known are {}", shown(&name, 40), known());
        let column = fields::position(&name).ok_or_else(unknown)?;
        if columns.contains(&column) {
            return Err(format!("has the column `{name}` twice"));
        }
        columns.push(column);
    }
    match columns.contains(&0) {
        true => Ok(columns),
        false => Err("lacks the column `ref`".into()),
    }
}
