//! The rows of a batch: columns by header, a question or the reason why it is none.

use std::borrow::Cow;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use client::v1;
use csv::ByteRecord;

use super::bounded::{Bounded, CUT};
use crate::commands::question::{Manner, Question};
use crate::error::CliError;

/// The columns that count; others are ignored.
const COLUMNS: [&str; 5] = ["name", "dob", "nationality", "document", "mrz"];
/// What sharpens a question and is not needed for it.
const OPTIONAL: [&str; 2] = ["dob", "nationality"];

const OPEN_QUOTE: &str = "a quote is not closed: the file is cut short, or what follows the quote was read as one row";

/// Row numbers are those of the data, from 1; the header is not counted.
pub struct Row {
    pub number: u64,
    /// The question, or what is wrong with the row.
    pub question: Result<Asked, String>,
}

/// The question of a row.
#[derive(Debug)]
pub struct Asked {
    pub message: v1::ScreenRequest,
    /// What could not be used and is not in the question.
    pub note: Option<String>,
}

/// Reads rows.
pub struct Rows<R> {
    reader: csv::Reader<Bounded<R>>,
    open_quote: Arc<AtomicBool>,
    at: [Option<usize>; COLUMNS.len()],
    width: usize,
    manner: Manner,
    number: u64,
    record: ByteRecord,
    /// The row after it, read ahead: only the last row can be an end mark or cut short.
    ahead: Option<ByteRecord>,
}

impl<R: Read> Rows<R> {
    /// Reads the header.
    pub fn new(input: R, manner: Manner) -> Result<Self, CliError> {
        let bounded = Bounded::new(input);
        let open_quote = bounded.open_quote();
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bounded);
        let header = reader.byte_headers().map_err(failed)?.clone();
        let at = COLUMNS.map(|column| header.iter().position(|cell| is(cell, column)));
        if at[0].is_none() && at[3].is_none() && at[4].is_none() {
            return Err(CliError::flag(
                "--in",
                format!("the header names none of `name`, `document` and `mrz`; columns are {}", COLUMNS.join(", ")),
            ));
        }
        for column in COLUMNS {
            if header.iter().filter(|cell| is(cell, column)).count() > 1 {
                return Err(CliError::flag("--in", format!("the header names `{column}` twice")));
            }
        }
        let (width, record) = (header.len(), ByteRecord::new());
        let mut rows = Self { reader, open_quote, at, width, manner, number: 0, record, ahead: None };
        rows.read_ahead()?;
        Ok(rows)
    }

    /// The next row; none at the end. An input that ends inside quotes is an error after its last row: what that row holds
    /// may be rows that nobody asked for.
    pub fn next_row(&mut self) -> Result<Option<Row>, CliError> {
        let Some(record) = self.ahead.take() else {
            return match self.ends_in_quotes() {
                true => Err(CliError::Failed(format!("--in: row {}: {OPEN_QUOTE}", self.number))),
                false => Ok(None),
            };
        };
        self.record = record;
        self.read_ahead()?;
        // Old systems end a file with this byte; it is no row.
        if self.is_last() && self.record.len() == 1 && &self.record[0] == b"\x1a" {
            return Ok(None);
        }
        self.number += 1;
        Ok(Some(Row { number: self.number, question: self.question() }))
    }

    fn read_ahead(&mut self) -> Result<(), CliError> {
        let mut record = ByteRecord::new();
        if self.reader.read_byte_record(&mut record).map_err(failed)? {
            self.ahead = Some(record);
        }
        Ok(())
    }

    fn is_last(&self) -> bool {
        self.ahead.is_none()
    }

    fn ends_in_quotes(&self) -> bool {
        self.is_last() && self.open_quote.load(Ordering::Relaxed)
    }

    fn question(&self) -> Result<Asked, String> {
        if self.record.iter().next_back().is_some_and(|cell| cell.last() == Some(&CUT)) {
            return Err("the row is too long".to_string());
        }
        if self.ends_in_quotes() {
            return Err(OPEN_QUOTE.to_string());
        }
        if self.record.len() != self.width {
            return Err(format!("the row has {} cells, the header {}", self.record.len(), self.width));
        }
        let mut cells = [const { None }; COLUMNS.len()];
        for ((cell, at), column) in cells.iter_mut().zip(self.at).zip(COLUMNS) {
            let bytes = at.and_then(|at| self.record.get(at)).unwrap_or_default();
            let text = String::from_utf8_lossy(bytes);
            if matches!(text, Cow::Owned(_)) && !OPTIONAL.contains(&column) {
                return Err(format!("{column}: is not UTF-8"));
            }
            *cell = Some(text.into_owned());
        }
        let [name, dob, nationality, document, mrz] = cells;
        let (question, left_out) = Question { name, dob, nationality, document, mrz, ..Question::default() }.usable();
        let message = question.to_message(self.manner).map_err(|error| error.to_string())?;
        let notes: Vec<String> = left_out.iter().map(|invalid| format!("asked without {invalid}")).collect();
        Ok(Asked { message, note: (!notes.is_empty()).then(|| notes.join("; ")) })
    }
}

fn is(cell: &[u8], column: &str) -> bool {
    // Spreadsheets put a byte order mark before the first column.
    let cell = cell.strip_prefix(b"\xef\xbb\xbf").unwrap_or(cell);
    cell.trim_ascii().eq_ignore_ascii_case(column.as_bytes())
}

fn failed(error: csv::Error) -> CliError {
    CliError::Failed(format!("--in: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANNER: Manner = Manner { linearizable: false, limit: 10, threshold: None };

    fn all(bytes: &[u8]) -> Vec<(u64, Result<String, String>)> {
        let mut rows = Rows::new(bytes, MANNER).expect("header");
        let mut all = Vec::new();
        while let Ok(Some(row)) = rows.next_row() {
            let text = row.question.map(|Asked { message: q, note }| {
                [q.name, q.birth_date, q.nationality, q.document, note.unwrap_or_default()].join("|")
            });
            all.push((row.number, text));
        }
        all
    }

    #[test]
    fn columns_go_by_header_and_others_are_ignored() {
        let all = all(b"\xef\xbb\xbfDOB,extra,Name,nationality\n1970,x,\"Petrov, Ivan\",ru\n\n,,B,\n\x1a");
        assert_eq!(all, [(1, Ok("Petrov, Ivan|1970|RUS||".to_string())), (2, Ok("B||||".to_string()))]);
    }

    #[test]
    fn a_zone_is_a_cell_with_or_without_a_line_break() {
        let mut rows = Rows::new(&b"mrz\n\"P<UTO\nL898\"\nP<UTOL898\n"[..], MANNER).expect("header");
        for zone in ["P<UTO\nL898", "P<UTOL898"] {
            let row = rows.next_row().expect("reads").expect("a row");
            assert_eq!(row.question.expect("a question").message.mrz, zone);
        }
    }

    #[test]
    fn a_bad_row_says_why_and_the_rest_goes_on() {
        let long = "x".repeat(100_000);
        let text = format!("name,dob\nA,1970-13-01\nB\né,\n{long},\nC,\n,\nD,\"1970");
        let mut bytes = text.into_bytes();
        let at = bytes.windows(2).position(|pair| pair == [0xc3, 0xa9]).expect("there");
        bytes.splice(at..at + 2, [0xff]);
        let errors: Vec<_> = all(&bytes).into_iter().map(|(_, row)| row.err().unwrap_or_default()).collect();
        let parts =
            ["month 13", "1 cells", "not UTF-8", "100000 characters", "", "needs a name", "quote is not closed"];
        assert_eq!(errors.len(), parts.len());
        for (error, part) in errors.iter().zip(parts) {
            assert!(error.contains(part) && (error.is_empty() == part.is_empty()), "{error}: {part}");
        }
    }

    #[test]
    fn what_cannot_be_used_and_is_not_needed_leaves_nobody_unasked() {
        let all = all(b"name,dob,nationality\nA,00/00/1970,Atlantis\nB,1970-00-00,RU\nC,\xff,\xff\nD,1970-13-01,RU\n");
        let notes: Vec<String> = all.iter().map(|(_, row)| row.clone().unwrap_or_else(|error| error)).collect();
        let (form, country) = ("asked without dob: expected YYYY", "asked without nationality: is no country");
        assert!(
            notes[0].starts_with("A||||asked") && notes[0].contains(form) && notes[0].contains(country),
            "{notes:?}"
        );
        assert!(notes[1].starts_with("B||RUS||asked without dob") && !notes[1].contains(country), "{notes:?}");
        assert!(
            notes[2].starts_with("C||||asked") && notes[2].contains(form) && notes[2].contains(country),
            "{notes:?}"
        );
        assert!(all[3].1.as_ref().is_err_and(|error| error.contains("month 13")), "{notes:?}");
    }

    #[test]
    fn an_input_that_ends_inside_quotes_says_so_after_its_last_row() {
        let mut rows = Rows::new(&b"name\nA\n\"B\nC\nD\n"[..], MANNER).expect("header");
        assert!(rows.next_row().expect("reads").expect("a row").question.is_ok());
        assert!(rows.next_row().expect("reads").expect("a row").question.is_err());
        let error = rows.next_row().map(|_| ()).expect_err("cut short").to_string();
        assert!(error.contains("row 2: a quote is not closed"), "{error}");
    }

    #[test]
    fn a_header_without_anything_to_ask_is_refused() {
        for header in ["", "dob,nationality\n", "name,name\n"] {
            assert!(Rows::new(header.as_bytes(), MANNER).is_err(), "{header}");
        }
    }
}
