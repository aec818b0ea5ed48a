//! The answers of a batch: one line a row. What is complete in the file is done, whatever happened since; nothing else is
//! remembered anywhere.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::CliError;
use crate::view::answer::Hit;

/// The answer to a row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    pub row: u64,
    pub error: Option<String>,
    pub hits: Vec<Hit>,
    /// Not every group answered; only there when it is so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
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
}

impl Sink {
    /// Opens the file, cuts off a torn last line and counts the complete ones.
    pub fn open(path: &Path) -> Result<Self, CliError> {
        let io = |error| CliError::path(path, error);
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(io)?;
        let mut reader = BufReader::new(&file);
        let (mut done, mut complete, mut line) = (0, 0, Vec::new());
        loop {
            line.clear();
            let n = reader.read_until(b'\n', &mut line).map_err(io)?;
            if line.last() != Some(&b'\n') {
                break;
            }
            let row = serde_json::from_slice::<Done>(&line).map(|line| line.row).ok();
            if row != Some(done + 1) {
                let expected = done + 1;
                return Err(CliError::flag(
                    "--out",
                    format!(
                        "{}: line {expected} is not the answer to row {expected}; it is the output of something else",
                        path.display()
                    ),
                ));
            }
            done += 1;
            complete += n as u64;
        }
        drop(reader);
        file.set_len(complete).map_err(io)?;
        file.seek(SeekFrom::Start(complete)).map_err(io)?;
        Ok(Self { path: path.to_path_buf(), file, done })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn line(row: u64) -> Line {
        Line { row, error: None, hits: Vec::new(), partial: false }
    }

    #[test]
    fn lines_are_the_contract() {
        assert_eq!(crate::output::json(&line(1)).expect("encodes"), r#"{"row":1,"error":null,"hits":[]}"#);
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
        for content in ["hello\n", "{\"row\":2}\n", "{\"row\":1}\n{\"row\":1}\n", "\n"] {
            std::fs::write(&path, content).expect("writes");
            assert!(Sink::open(&path).is_err());
            assert_eq!(std::fs::read_to_string(&path).expect("reads"), content);
        }
    }
}
