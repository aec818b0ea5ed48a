//! A reader that keeps hostile CSV small: a row beyond the bound is cut and marked, and is a row of its own still.
//!
//! It follows the rules of the `csv` crate, which reads what comes out of it: two readers that disagree on where a row ends
//! would lose rows.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::limits::IMPORT_ENTRY_BYTES_MAX;

/// Ends a row that was cut. It is a control character, so that no row that holds one by itself is a valid question.
pub const CUT: u8 = 0;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    CellStart,
    Plain,
    Quoted,
    /// After a quote inside quotes: either the end of the quotes or the first of a doubled quote.
    QuoteInQuoted,
}

impl State {
    /// The state after a byte; none when it ends the row.
    fn after(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Quoted, b'"') => Self::QuoteInQuoted,
            (Self::Quoted, _) | (Self::CellStart | Self::QuoteInQuoted, b'"') => Self::Quoted,
            (_, b'\r' | b'\n') => return None,
            (_, b',') => Self::CellStart,
            _ => Self::Plain,
        })
    }
}

/// Cuts rows at the bound.
pub struct Bounded<R> {
    input: R,
    block: Vec<u8>,
    at: usize,
    filled: usize,
    max: usize,
    /// What may still come of a byte order mark, which is skipped and so comes before the first cell.
    mark: &'static [u8],
    state: State,
    /// Bytes of the row so far.
    row: usize,
    cut: bool,
    open_quote: Arc<AtomicBool>,
    pending: Option<u8>,
}

impl<R: Read> Bounded<R> {
    /// Bounds the rows of an input.
    pub fn new(input: R) -> Self {
        Self::with_max(input, IMPORT_ENTRY_BYTES_MAX)
    }

    fn with_max(input: R, max: usize) -> Self {
        Self {
            input,
            block: vec![0; 64 * 1024],
            at: 0,
            filled: 0,
            max,
            mark: BYTE_ORDER_MARK,
            state: State::CellStart,
            row: 0,
            cut: false,
            open_quote: Arc::default(),
            pending: None,
        }
    }

    /// Tells, once the input is at its end, whether it ended inside quotes.
    pub fn open_quote(&self) -> Arc<AtomicBool> {
        self.open_quote.clone()
    }

    fn ends_mark(&mut self, byte: u8) -> bool {
        let Some((expected, rest)) = self.mark.split_first() else { return false };
        self.mark = if byte == *expected { rest } else { &[] };
        byte == *expected && rest.is_empty()
    }

    /// What the next byte of the input becomes; what does not fit waits in `pending`.
    fn pass(&mut self, byte: u8) -> Option<u8> {
        if self.ends_mark(byte) {
            self.state = State::CellStart;
            return Some(byte);
        }
        let before = self.state;
        let Some(after) = before.after(byte) else {
            (self.state, self.row, self.cut) = (State::CellStart, 0, false);
            return Some(byte);
        };
        self.state = after;
        self.row += 1;
        if self.row <= self.max {
            return Some(byte);
        }
        if self.cut {
            return None;
        }
        self.cut = true;
        // Quotes that were passed on open are closed at the cut.
        self.pending = (before == State::Quoted).then_some(b'"');
        Some(CUT)
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < out.len() {
            if let Some(byte) = self.pending.take() {
                out[written] = byte;
                written += 1;
                continue;
            }
            if self.at == self.filled {
                // Nothing of the block is left, also when the read fails.
                (self.at, self.filled) = (0, 0);
                self.filled = match self.input.read(&mut self.block) {
                    Ok(n) => n,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) if written == 0 => return Err(error),
                    // What was read before the error goes out first; the input is asked again after it.
                    Err(_) => return Ok(written),
                };
                if self.filled == 0 {
                    self.open_quote.store(self.state == State::Quoted, Ordering::Relaxed);
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

    /// What the `csv` crate reads.
    fn read(input: impl Read) -> Vec<Vec<String>> {
        let mut builder = csv::ReaderBuilder::new();
        let mut reader = builder.has_headers(false).flexible(true).buffer_capacity(256).from_reader(input);
        reader.records().map(|row| row.expect("row").iter().map(str::to_string).collect()).collect()
    }

    fn rows(input: impl Read) -> Vec<Vec<String>> {
        read(Bounded::new(input))
    }

    /// Every text of so many bytes from an alphabet.
    fn texts(alphabet: &'static [u8], length: u32) -> impl Iterator<Item = Vec<u8>> {
        let count = alphabet.len().pow(length);
        (0..count).map(move |n| (0..length).map(|at| alphabet[n / alphabet.len().pow(at) % alphabet.len()]).collect())
    }

    #[test]
    fn every_text_has_the_rows_that_the_csv_crate_alone_finds_in_it() {
        for length in 0..=6 {
            for text in texts(b"a,\"\n\r", length) {
                for text in [text.clone(), [BYTE_ORDER_MARK, &text].concat()] {
                    let shown = || String::from_utf8_lossy(&text).into_owned();
                    assert_eq!(rows(text.as_slice()), read(text.as_slice()), "{:?}", shown());
                }
                // With a tiny bound a row is as it was, or cut and marked, and always one row.
                let (whole, cut) = (read(text.as_slice()), read(Bounded::with_max(text.as_slice(), 3)));
                assert_eq!(whole.len(), cut.len(), "{:?}", String::from_utf8_lossy(&text));
                for (whole, cut) in whole.iter().zip(&cut) {
                    let marked = cut.last().is_some_and(|cell| cell.ends_with(CUT as char));
                    assert!(marked || whole == cut, "{:?}: {cut:?}", String::from_utf8_lossy(&text));
                }
            }
        }
    }

    #[test]
    fn a_stray_quote_costs_no_row_after_it() {
        let mut text = String::from("name,x\nBar 5\" pipe,\n");
        (0..200_000).for_each(|n| text.push_str(&format!("name {n},\n")));
        let all = rows(text.as_bytes());
        assert_eq!((all.len(), all[200_001][0].as_str()), (200_002, "name 199999"));
    }

    #[test]
    fn a_block_is_not_read_twice_when_the_input_fails() {
        struct Fails(bool);
        impl Read for Fails {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                self.0 = !self.0;
                if !self.0 {
                    return Err(io::ErrorKind::Other.into());
                }
                out[..2].copy_from_slice(b"a\n");
                Ok(2)
            }
        }
        let (mut bounded, mut out) = (Bounded::new(Fails(false)), [0; 8]);
        assert_eq!(bounded.read(&mut out).expect("what came before the error"), 2);
        assert_eq!(bounded.read(&mut out).expect("new bytes"), 2, "the same block would come again for ever");
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
        for (text, open) in [("a,\"b\"", false), ("a,\"b", true), ("a,b\"", false)] {
            let mut bounded = Bounded::new(text.as_bytes());
            let flag = bounded.open_quote();
            io::copy(&mut bounded, &mut io::sink()).expect("reads");
            assert_eq!(flag.load(Ordering::Relaxed), open);
        }
    }
}
