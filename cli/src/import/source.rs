//! Files as sources: opened once, digested, and counted while they are read, so that progress can be shown.
//!
//! The byte 0x1A at the end of a file, with or without line breaks after it, is the end mark of old systems and belongs to
//! no format; it is taken off here. A file that changes while it is read is an error, since half of a list is no list.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use super::ImportError;

/// Bytes read so far, shared between a reader and whoever shows progress.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress(Arc<AtomicU64>);

impl Progress {
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A file that counts what is read of it, up to its end mark.
#[derive(Debug)]
pub(super) struct Counted {
    file: File,
    /// Bytes before the end mark that are still to be read.
    left: u64,
    size: u64,
    progress: Progress,
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = buf.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let n = self.file.read(&mut buf[..most])?;
        self.left -= n as u64;
        self.progress.0.fetch_add(n as u64, Ordering::Relaxed);
        if n == 0 && !buf.is_empty() && (self.left > 0 || self.file.metadata()?.len() != self.size) {
            return Err(io::Error::other("changed while it was read; import it again when it is whole"));
        }
        Ok(n)
    }
}

/// An open file of a list.
pub(super) struct Source {
    /// The name in messages and rejections: without the directories above it.
    pub(super) name: String,
    pub(super) input: BufReader<Counted>,
    /// Bytes before the end mark.
    pub(super) length: u64,
    /// Whether it ends with the mark.
    pub(super) marked: bool,
}

/// The files of a list that were opened.
#[derive(Default)]
pub(super) struct Opening {
    pub(super) progress: Progress,
    /// Bytes of all of them.
    pub(super) total: u64,
    hash: Sha256,
}

impl Opening {
    /// Opens a file for reading. Pipes are refused, since a list is read twice, once for its digest; and opening a pipe
    /// would wait for whoever writes it.
    pub(super) fn open(&mut self, path: &Path) -> Result<Source, ImportError> {
        let fail = |source| ImportError::Io { file: path.display().to_string(), source };
        let metadata = std::fs::metadata(path).map_err(fail)?;
        if metadata.is_dir() {
            return Err(fail(io::Error::new(io::ErrorKind::IsADirectory, "is a directory, expected a file")));
        }
        if !metadata.is_file() {
            let reason = "is a pipe or a device, expected a file; write the list to a file and import that";
            return Err(fail(io::Error::new(io::ErrorKind::InvalidInput, reason)));
        }
        let mut file = File::open(path).map_err(fail)?;
        let size = file.metadata().map_err(fail)?.len();
        let length = unmarked(&mut file, size).map_err(fail)?;
        let mut counted = Counted { file, left: length, size, progress: Progress::default() };
        self.hash.update(length.to_be_bytes());
        self.hash.update(digest(&mut counted).map_err(fail)?);
        let mut file = counted.file;
        file.seek(SeekFrom::Start(0)).map_err(fail)?;
        self.total += length;
        let counted = Counted { file, left: length, size, progress: self.progress.clone() };
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(Source { name, input: BufReader::with_capacity(64 * 1024, counted), length, marked: length < size })
    }

    /// The SHA-256 digest of the content: each file's length and digest, in the order in which they were opened.
    pub(super) fn digest(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }
}

fn digest(input: &mut Counted) -> io::Result<[u8; 32]> {
    let mut content = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return Ok(content.finalize().into()),
            Ok(n) => content.update(&buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// The length of a file without its end mark; leaves the file at its start.
fn unmarked(file: &mut File, size: u64) -> io::Result<u64> {
    // Old systems fill a block with marks; none has a larger one.
    const BLOCK: u64 = 256;
    let from = size.saturating_sub(BLOCK);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(BLOCK).read_to_end(&mut tail)?;
    file.seek(SeekFrom::Start(0))?;
    let text = tail.iter().rposition(|byte| !matches!(byte, 0x1a | b'\r' | b'\n')).map_or(0, |last| last + 1);
    let mark = tail[text..].iter().position(|byte| *byte == 0x1a);
    Ok(mark.map_or(size, |mark| from + (text + mark) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn opened(bytes: &[u8]) -> (tempfile::NamedTempFile, Source) {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(bytes).expect("writes");
        let source = Opening::default().open(file.path()).expect("opens");
        (file, source)
    }

    #[test]
    fn an_end_mark_is_no_content() {
        let block = [b"a\n".as_slice(), &[0x1a; 200]].concat();
        for (bytes, content, marked) in [
            (b"a,b\n".as_slice(), b"a,b\n".as_slice(), false),
            (b"a,b\n\x1a", b"a,b\n", true),
            (b"a,b\x1a\n", b"a,b", true),
            (b"a,b\r\n\x1a\r\n", b"a,b\r\n", true),
            (&block, b"a\n", true),
            (b"a\x1ab\n", b"a\x1ab\n", false),
            (b"\x1a", b"", true),
            (b"", b"", false),
        ] {
            let (_file, mut source) = opened(bytes);
            let mut read = Vec::new();
            source.input.read_to_end(&mut read).expect("reads");
            assert_eq!((read.as_slice(), source.marked), (content, marked), "{bytes:?}");
        }
    }

    #[test]
    fn a_file_that_changes_while_it_is_read_is_an_error() {
        for length in [1, 300_000] {
            let (file, mut source) = opened(&[b'x'; 200_000]);
            source.input.read_exact(&mut [0; 10]).expect("reads");
            file.as_file().set_len(length).expect("changes");
            let error = source.input.read_to_end(&mut Vec::new()).expect_err("refused").to_string();
            assert!(error.contains("changed while it was read"), "{error}");
        }
    }

    #[test]
    fn what_is_no_file_is_refused_before_it_is_read() {
        let error = Opening::default().open(Path::new("/dev/null")).err().expect("refused").to_string();
        assert!(error.contains("write the list to a file"), "{error}");
    }
}
