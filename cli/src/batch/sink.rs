//! The answers of a batch: one line a row. What is complete in the file is done, whatever happened since; nothing else is
//! remembered anywhere.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};

use model::limits::MESSAGE_BYTES_MAX;
use serde::{Deserialize, Serialize};

use crate::error::CliError;
use crate::view::Warning;
use crate::view::answer::{DocumentCheck, Hit};

/// Bytes of a line: an answer is one message, and its JSON is not eight times as long.
const LINE_BYTES_MAX: u64 = 8 * MESSAGE_BYTES_MAX as u64;

/// The answer to a row.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Line {
    pub row: u64,
    pub error: Option<String>,
    /// What of the row could not be used and was not asked; only there when it is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    pub hits: Vec<Hit>,
    /// Not every group answered; only there when it is so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Of the row's machine readable zone; only there when it has one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub document_checks: Vec<DocumentCheck>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// The part of a line that going on needs.
#[derive(Deserialize)]
struct Done {
    row: u64,
}

/// The file of answers.
#[derive(Debug)]
pub struct Sink {
    path: PathBuf,
    file: File,
    done: u64,
    _lock: UnixListener,
}

impl Sink {
    /// Opens the file, counts the complete lines and cuts off a torn last one. Whatever cannot come of a batch stays.
    pub fn open(path: &Path) -> Result<Self, CliError> {
        let io = |error| CliError::path(path, error);
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(io)?;
        let lock = lock(&file).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => {
                CliError::flag("--out", format!("{}: another batch is writing it", path.display()))
            }
            _ => io(error),
        })?;
        let mut reader = BufReader::new(&file);
        let (mut done, mut complete, mut line) = (0, 0, Vec::new());
        loop {
            line.clear();
            reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line).map_err(io)?;
            if line.is_empty() {
                break;
            }
            let (expected, ended) = (done + 1, line.ends_with(b"\n"));
            if ended && serde_json::from_slice::<Done>(&line).is_ok_and(|line| line.row == expected) {
                done += 1;
                complete += line.len() as u64;
                continue;
            }
            if !ended && (line.len() as u64) < LINE_BYTES_MAX && may_begin(&line, expected) {
                break;
            }
            let text =
                format!("line {expected} is not the answer to row {expected}; it is the output of something else");
            return Err(CliError::flag("--out", format!("{}: {text}", path.display())));
        }
        drop(reader);
        file.set_len(complete).map_err(io)?;
        file.seek(SeekFrom::Start(complete)).map_err(io)?;
        Ok(Self { path: path.to_path_buf(), file, done, _lock: lock })
    }

    /// Rows that have their answer.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Writes the answer to the next row, in one write, so that a torn line can only be the last.
    pub fn push(&mut self, line: &Line) -> Result<(), CliError> {
        let text = crate::output::json(line)? + "\n";
        self.file.write_all(text.as_bytes()).map_err(|error| CliError::path(&self.path, error))?;
        self.done += 1;
        Ok(())
    }

    /// Makes what was written durable.
    pub fn sync(&self) -> Result<(), CliError> {
        self.file.sync_all().map_err(|error| CliError::path(&self.path, error))
    }
}

/// Sees to it that no other batch on this machine writes the file. The kernel frees the name however the process ends,
/// which nobody does with a lock file.
fn lock(file: &File) -> io::Result<UnixListener> {
    let metadata = file.metadata()?;
    let name = format!("portcullis-batch-{}-{}", metadata.dev(), metadata.ino());
    UnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?)
}

/// Whether a torn line may be that of a row.
fn may_begin(torn: &[u8], row: u64) -> bool {
    let start = format!("{{\"row\":{row},");
    torn.starts_with(start.as_bytes()) || start.as_bytes().starts_with(torn)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(row: u64) -> Line {
        Line { row, ..Line::default() }
    }

    #[test]
    fn lines_are_the_contract() {
        assert_eq!(crate::output::json(&line(1)).expect("encodes"), r#"{"row":1,"error":null,"hits":[]}"#);
        let noted = Line { note: Some("asked without dob".into()), ..line(1) };
        let json = crate::output::json(&noted).expect("encodes");
        assert_eq!(json, r#"{"row":1,"error":null,"note":"asked without dob","hits":[]}"#);
        let wrong = Line { error: Some("dob: month 13 does not exist".into()), ..line(2) };
        let json = crate::output::json(&wrong).expect("encodes");
        assert_eq!(json, r#"{"row":2,"error":"dob: month 13 does not exist","hits":[]}"#);
    }

    #[test]
    fn goes_on_after_the_complete_lines_wherever_the_last_one_was_torn() {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("out");
        let mut sink = Sink::open(&path).expect("opens");
        (1..=3).for_each(|row| sink.push(&line(row)).expect("writes"));
        drop(sink);
        let whole = std::fs::read(&path).expect("reads");
        let length = whole.len() / 3;
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).expect("writes");
            let mut sink = Sink::open(&path).expect("opens");
            assert_eq!(sink.done(), (cut / length) as u64);
            for row in sink.done() + 1..=3 {
                sink.push(&line(row)).expect("writes");
            }
            assert_eq!(std::fs::read(&path).expect("reads"), whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_file_of_something_else_is_left_alone() {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("out");
        let one = "{\"row\":1}\n";
        for content in [
            "hello\n",
            "hello",
            "{\"row\":2}\n",
            "{\"row\":2,",
            "{\"row\":1 ",
            "{\"row\":1}\n{\"row\":1}\n",
            "{\"row\":1}\nx",
            "{\"row\":1}\n{\"row\":12",
            "\n",
            &"{\"row\":1,".repeat(LINE_BYTES_MAX as usize / 9 + 1),
        ] {
            std::fs::write(&path, content).expect("writes");
            assert!(Sink::open(&path).is_err());
            assert!(std::fs::read_to_string(&path).expect("reads") == content);
        }
        std::fs::write(&path, format!("{one}{{\"ro")).expect("writes");
        assert_eq!(Sink::open(&path).expect("a torn line").done(), 1);
        assert_eq!(std::fs::read_to_string(&path).expect("reads"), one);
    }

    #[test]
    fn a_file_that_another_batch_writes_is_refused() {
        let dir = tempfile::tempdir().expect("directory");
        let (path, other) = (dir.path().join("out"), dir.path().join("other"));
        let mut first = Sink::open(&path).expect("opens");
        std::os::unix::fs::symlink(&path, &other).expect("links");
        for path in [&path, &other] {
            let error = Sink::open(path).expect_err("is written").to_string();
            assert!(error.contains("another batch"), "{error}");
        }
        first.push(&line(1)).expect("writes");
        drop(first);
        assert_eq!(Sink::open(&other).expect("opens").done(), 1);
    }
}
