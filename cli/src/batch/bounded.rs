//! A reader that keeps hostile CSV small: a row beyond the bound is cut and marked, and is a row of its own still.
//!
//! Counts quotes as RFC 4180 does, so that a line break inside quotes ends no row.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::limits::IMPORT_ENTRY_BYTES_MAX;

/// Ends a row that was cut. It is a control character, so that no row that holds one by itself is a valid question.
pub const CUT: u8 = 0;

/// Cuts rows at the bound.
pub struct Bounded<R> {
    input: R,
    block: Vec<u8>,
    at: usize,
    filled: usize,
    /// Bytes of the row so far.
    row: usize,
    quoted: bool,
    /// Inside quotes when the row was cut: the quotes are closed at the cut.
    cut: Option<bool>,
    open_quote: Arc<AtomicBool>,
    pending: Vec<u8>,
}

impl<R: Read> Bounded<R> {
    /// Bounds the rows of an input.
    pub fn new(input: R) -> Self {
        Self {
            input,
            block: vec![0; 64 * 1024],
            at: 0,
            filled: 0,
            row: 0,
            quoted: false,
            cut: None,
            open_quote: Arc::default(),
            pending: Vec::new(),
        }
    }

    /// Tells, once the input is at its end, whether it ended inside quotes.
    pub fn open_quote(&self) -> Arc<AtomicBool> {
        self.open_quote.clone()
    }

    /// What the next byte of the input becomes; what does not fit waits in `pending`.
    fn pass(&mut self, byte: u8) -> Option<u8> {
        if byte == b'"' {
            self.quoted = !self.quoted;
        }
        if byte == b'\n' && !self.quoted {
            self.row = 0;
            self.cut = None;
            return Some(byte);
        }
        self.row += 1;
        if self.row <= IMPORT_ENTRY_BYTES_MAX {
            return Some(byte);
        }
        if self.cut.is_none() {
            // The byte at hand may have closed or opened the quotes; what counts is the state of what was passed on.
            let inside = self.quoted != (byte == b'"');
            self.cut = Some(inside);
            if inside {
                self.pending.push(b'"');
            }
            return Some(CUT);
        }
        None
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < out.len() {
            if let Some(byte) = self.pending.pop() {
                out[written] = byte;
                written += 1;
                continue;
            }
            if self.at == self.filled {
                self.at = 0;
                self.filled = match self.input.read(&mut self.block) {
                    Ok(n) => n,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) if written == 0 => return Err(error),
                    // What was read before the error goes out first; the input is asked again after it.
                    Err(_) => return Ok(written),
                };
                if self.filled == 0 {
                    self.open_quote.store(self.quoted, Ordering::Relaxed);
                    return Ok(written);
                }
            }
            let byte = self.block[self.at];
            self.at += 1;
            if let Some(byte) = self.pass(byte) {
                out[written] = byte;
                written += 1;
            }
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(input: impl Read) -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(Bounded::new(input));
        reader.records().map(|row| row.expect("row").iter().map(str::to_string).collect()).collect()
    }

    #[test]
    fn a_huge_row_is_cut_and_marked_and_the_next_one_is_whole() {
        let huge = || io::repeat(b'x').take(8 * IMPORT_ENTRY_BYTES_MAX as u64);
        for (before, after) in
            [("a,", "\nb,\"c\nd\"\n"), ("a,\"", "\"\nb,\"c\nd\"\n"), ("a,\"", "\"\"\",z\nb,\"c\nd\"\n")]
        {
            let all = rows(before.as_bytes().chain(huge()).chain(after.as_bytes()));
            assert_eq!(all.len(), 2, "{before}");
            assert!(all[0][1].ends_with(CUT as char) && all[0][1].len() <= IMPORT_ENTRY_BYTES_MAX);
            assert_eq!(all[1], ["b", "c\nd"]);
        }
    }

    #[test]
    fn ordinary_rows_pass_as_they_are_and_an_open_quote_is_noticed() {
        let text = "a,\"b \"\"c\"\"\"\r\n\n1,2";
        assert_eq!(rows(text.as_bytes()), [["a", "b \"c\""], ["1", "2"]]);
        for (text, open) in [("a,\"b\"", false), ("a,\"b", true)] {
            let mut bounded = Bounded::new(text.as_bytes());
            let flag = bounded.open_quote();
            io::copy(&mut bounded, &mut io::sink()).expect("reads");
            assert_eq!(flag.load(Ordering::Relaxed), open);
        }
    }
}
