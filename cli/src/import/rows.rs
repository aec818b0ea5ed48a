//! Rows of comma-separated values (RFC 4180) of bounded size.
//!
//! A row may span lines inside quotes. A row beyond the bound is skipped without being held. A quote that never closes means
//! that the file was cut short.

use std::io::{self, BufRead};

use model::limits::IMPORT_ENTRY_BYTES_MAX;

/// What came of reading a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// The cells of a row; `ended` says whether a line break followed.
    Cells { cells: Vec<String>, ended: bool },
    /// The row was larger than the bound and was skipped; these cells came before the bound.
    TooLong { cells: Vec<String> },
    /// The cell, counted from 0, is not UTF-8; what is none stands as U+FFFD.
    NotUtf8 { cell: usize, cells: Vec<String> },
    /// The file ended inside quotes.
    OpenQuote,
    /// The file is at its end.
    End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    CellStart,
    Plain,
    Quoted,
    /// After a quote inside quotes: either the end of the cell or the first of a doubled quote.
    QuoteInQuoted,
}

/// Reads rows and counts them.
pub(super) struct Rows<R> {
    input: R,
    number: u64,
    cell: Vec<u8>,
    cells: Vec<Vec<u8>>,
}

impl<R: BufRead> Rows<R> {
    /// Rows of an input; a byte order mark at its start is skipped.
    pub(super) fn new(mut input: R) -> io::Result<Self> {
        if input.fill_buf()?.starts_with(b"\xef\xbb\xbf") {
            input.consume(3);
        }
        Ok(Self { input, number: 0, cell: Vec::new(), cells: Vec::new() })
    }

    /// The number of the row read last, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Reads the next row that is not blank.
    pub(super) fn read(&mut self) -> io::Result<Row> {
        loop {
            let row = self.read_any()?;
            match &row {
                Row::Cells { cells, ended: true } if matches!(cells.as_slice(), [only] if only.trim().is_empty()) => {}
                _ => return Ok(row),
            }
        }
    }

    fn read_any(&mut self) -> io::Result<Row> {
        self.cell.clear();
        self.cells.clear();
        self.number += 1;
        let (mut state, mut size, mut too_long) = (State::CellStart, 0_usize, false);
        loop {
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            if chunk.is_empty() {
                return Ok(match (state, size) {
                    (State::Quoted, _) => Row::OpenQuote,
                    (_, 0) => Row::End,
                    _ if too_long => self.too_long(),
                    _ => self.finish(false),
                });
            }
            let mut used = 0;
            let mut ended = false;
            for &byte in chunk {
                used += 1;
                size += 1;
                if size > IMPORT_ENTRY_BYTES_MAX && !too_long {
                    too_long = true;
                    self.cell.clear();
                }
                let quoted = state == State::Quoted;
                match (state, byte) {
                    (State::Quoted, b'"') => state = State::QuoteInQuoted,
                    (State::Quoted, _) => {}
                    (State::QuoteInQuoted, b'"') => state = State::Quoted,
                    (State::CellStart, b'"') => {
                        state = State::Quoted;
                        continue;
                    }
                    (_, b',') => state = State::CellStart,
                    (_, b'\n') => ended = true,
                    _ => state = State::Plain,
                }
                if ended {
                    break;
                }
                if too_long || (quoted && byte == b'"') {
                    continue;
                }
                if !quoted && state == State::CellStart {
                    self.cells.push(std::mem::take(&mut self.cell));
                } else {
                    self.cell.push(byte);
                }
            }
            self.input.consume(used);
            if ended {
                return Ok(if too_long { self.too_long() } else { self.finish(true) });
            }
        }
    }

    fn finish(&mut self, ended: bool) -> Row {
        if self.cell.last() == Some(&b'\r') {
            self.cell.pop();
        }
        self.cells.push(std::mem::take(&mut self.cell));
        let bad = self.cells.iter().position(|cell| std::str::from_utf8(cell).is_err());
        let cells = self.texts();
        match bad {
            Some(cell) => Row::NotUtf8 { cell, cells },
            None => Row::Cells { cells, ended },
        }
    }

    fn too_long(&mut self) -> Row {
        Row::TooLong { cells: self.texts() }
    }

    fn texts(&mut self) -> Vec<String> {
        let lossy =
            |cell| String::from_utf8(cell).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
        self.cells.drain(..).map(lossy).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufReader, Read};

    fn cells(row: &[&str], ended: bool) -> Row {
        Row::Cells { cells: row.iter().map(|cell| cell.to_string()).collect(), ended }
    }

    fn all(bytes: &[u8]) -> Vec<Row> {
        // A tiny buffer, so that each state also meets the end of a chunk.
        let mut rows = Rows::new(BufReader::with_capacity(3, bytes)).expect("reads");
        let mut all = Vec::new();
        loop {
            let row = rows.read().expect("reads");
            let last = matches!(row, Row::End | Row::OpenQuote);
            all.push(row);
            if last {
                return all;
            }
        }
    }

    #[test]
    fn quotes_breaks_and_marks() {
        let read = all(b"\xef\xbb\xbfa,\"b,\"\"c\"\"\nd\",\r\n\n,x\n-0- ,\"y\"");
        assert_eq!(
            read,
            [cells(&["a", "b,\"c\"\nd", ""], true), cells(&["", "x"], true), cells(&["-0- ", "y"], false), Row::End]
        );
        assert_eq!(all(b""), [Row::End]);
    }

    #[test]
    fn a_file_cut_inside_quotes_says_so() {
        assert_eq!(all(b"a,b\n1,\"cut"), [cells(&["a", "b"], true), Row::OpenQuote]);
    }

    #[test]
    fn bytes_that_are_no_text_name_their_cell() {
        let bad = Row::NotUtf8 { cell: 1, cells: ["a", "\u{fffd}", "c"].map(str::to_string).to_vec() };
        assert_eq!(all(b"a,\xff,c\nd\n"), [bad, cells(&["d"], true), Row::End]);
    }

    #[test]
    fn a_huge_row_is_skipped_without_being_held() {
        let long = io::repeat(b'x').take(64 * 1024 * 1024);
        let mut rows = Rows::new(BufReader::new(b"a,".chain(long).chain(&b"\nb\n"[..]))).expect("reads");
        assert_eq!(rows.read().expect("reads"), Row::TooLong { cells: vec!["a".into()] });
        assert!(rows.cell.capacity() <= 2 * IMPORT_ENTRY_BYTES_MAX);
        assert_eq!(rows.read().expect("reads"), cells(&["b"], true));
        assert_eq!(rows.number(), 2);
    }
}
