//! Lines of bounded length: a line beyond the bound is skipped and reported, never held.

use std::io::{self, BufRead};

use model::limits::IMPORT_ENTRY_BYTES_MAX;

/// What came of reading a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The line is in the buffer, without its line break; `ended` says whether it had one.
    Whole { ended: bool },
    /// The line was longer than the bound and was skipped.
    TooLong,
    /// The file is at its end.
    End,
}

/// Reads the next line into `buffer`.
pub(super) fn next<R: BufRead>(input: &mut R, buffer: &mut Vec<u8>) -> io::Result<Line> {
    buffer.clear();
    let mut any = false;
    let mut too_long = false;
    loop {
        let chunk = match input.fill_buf() {
            Ok(chunk) => chunk,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        if chunk.is_empty() {
            return Ok(match (any, too_long) {
                (false, _) => Line::End,
                (true, true) => Line::TooLong,
                (true, false) => Line::Whole { ended: false },
            });
        }
        any = true;
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let part = &chunk[..end.unwrap_or(chunk.len())];
        too_long |= buffer.len() + part.len() > IMPORT_ENTRY_BYTES_MAX;
        if too_long {
            buffer.clear();
        } else {
            buffer.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            if buffer.last() == Some(&b'\r') {
                buffer.pop();
            }
            return Ok(if too_long { Line::TooLong } else { Line::Whole { ended: true } });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufReader, Read};

    #[test]
    fn a_line_beyond_the_bound_is_skipped_and_the_next_is_read() {
        let long = io::repeat(b'x').take(64 * 1024 * 1024);
        let mut input = BufReader::new(b"first\r\n".chain(long).chain(&b"\nlast"[..]));
        let mut buffer = Vec::new();
        assert_eq!(next(&mut input, &mut buffer).expect("reads"), Line::Whole { ended: true });
        assert_eq!(buffer, b"first");
        assert_eq!(next(&mut input, &mut buffer).expect("reads"), Line::TooLong);
        assert!(buffer.capacity() <= 2 * IMPORT_ENTRY_BYTES_MAX, "held {}", buffer.capacity());
        assert_eq!(next(&mut input, &mut buffer).expect("reads"), Line::Whole { ended: false });
        assert_eq!(buffer, b"last");
        assert_eq!(next(&mut input, &mut buffer).expect("reads"), Line::End);
    }
}
