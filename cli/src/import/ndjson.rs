//! Lists in NDJSON: one JSON object a line, with the fields of `COLUMNS`.
//!
//! A field of several values is an array of texts, or one text; a whole number is taken as its digits; null is no value. An
//! unknown field rejects its line, since a field silently left out is an identifier silently lost.

use std::io::BufReader;
use std::path::Path;

use serde_json::Value;

use super::fields::{self, Fields};
use super::lines::{self, Line};
use super::source::{Counted, Opening};
use super::{COLUMNS, Fault, ImportError, Item, csv, shown};

/// Reads an NDJSON list.
pub(super) struct Ndjson {
    file: String,
    input: BufReader<Counted>,
    line: u64,
    buffer: Vec<u8>,
}

impl Ndjson {
    pub(super) fn open(path: &Path, opening: &mut Opening) -> Result<Self, ImportError> {
        let source = opening.open(path)?;
        Ok(Self { file: source.name, input: source.input, line: 0, buffer: Vec::new() })
    }

    /// File and row of the item yielded last.
    pub(super) fn position(&self) -> (String, u64) {
        (self.file.clone(), self.line)
    }

    pub(super) fn next(&mut self) -> Result<Option<Item>, ImportError> {
        loop {
            self.line += 1;
            let read = lines::next(&mut self.input, &mut self.buffer);
            let fault = match read.map_err(|source| ImportError::Io { file: self.file.clone(), source })? {
                Line::End => return Ok(None),
                Line::TooLong => Fault::row(csv::too_long()),
                Line::Whole { ended } => {
                    let text = self.buffer.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.buffer);
                    if text.iter().all(u8::is_ascii_whitespace) {
                        continue;
                    }
                    match entry(text) {
                        Ok(entry) => return Ok(Some(Item::Entry(entry))),
                        Err(Bad::Cut) if !ended => {
                            let (file, reason) = (self.file.clone(), "the last line is not whole".into());
                            return Err(ImportError::Truncated { file, row: self.line, reason });
                        }
                        Err(Bad::Cut) => Fault::row("is not a whole JSON object"),
                        Err(Bad::Fault(fault)) => fault,
                    }
                }
            };
            return Ok(Some(fault.at(&self.file, self.line)));
        }
    }
}

enum Bad {
    Cut,
    Fault(Fault),
}

impl From<Fault> for Bad {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

fn entry(line: &[u8]) -> Result<super::Entry, Bad> {
    let value: Value = serde_json::from_slice(line).map_err(|e| match e.classify() {
        serde_json::error::Category::Eof => Bad::Cut,
        // The parser's own text may quote the line, which holds names.
        _ => Fault::row(format!("is not JSON, at column {}", e.column())).into(),
    })?;
    let Value::Object(object) = value else { return Err(Fault::row("is not a JSON object").into()) };
    let mut values = Fields::default();
    let read = object.iter().try_for_each(|(key, value)| field(&mut values, key, value));
    let entry = read.and_then(|()| values.entry());
    Ok(entry.map_err(|fault| match object.get(COLUMNS[0].name).map(text) {
        Some(Some(reference)) => fault.of(reference.trim_matches(' ')),
        _ => fault,
    })?)
}

fn field(values: &mut Fields, key: &str, value: &Value) -> Result<(), Fault> {
    let Some(column) = fields::position(key) else {
        let known = COLUMNS.map(|column| column.name).join(", ");
        return Err(Fault::new(&shown(key, 40), format!("is no known field; known are {known}")));
    };
    match value {
        Value::Array(array) if COLUMNS[column].many => array.iter().try_for_each(|value| add(values, column, value)),
        value => add(values, column, value),
    }
}

fn add(fields: &mut Fields, column: usize, value: &Value) -> Result<(), Fault> {
    let reason = match value {
        Value::Null => return Ok(()),
        value => match text(value) {
            Some(text) => {
                fields.add(column, &text);
                return Ok(());
            }
            None if value.is_number() => "is a number that JSON does not keep exactly; write it as a text",
            None if value.is_array() && !COLUMNS[column].many => "takes one value",
            None => "must be a text",
        },
    };
    Err(Fault::new(COLUMNS[column].name, reason))
}

/// A text, or the digits of a whole number: of any other number, readers keep no more than about 15 digits.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if number.is_u64() || number.is_i64() => Some(number.to_string()),
        _ => None,
    }
}
