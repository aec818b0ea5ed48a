//! The log in the directory of a node that does not run, or in a copy of one: the node's own program reads the files, and nothing that it
//! says is believed but what verifies.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use model::audit::checkpoint::Checkpoint;
use model::audit::note::Note;
use model::ids::from_hex;
use model::limits::MESSAGE_BYTES_MAX;
use serde::Deserialize;

use super::chain::{Chain, RawLeaf};
use crate::error::CliError;
use crate::playground::node::program;

/// A log that was read.
#[derive(Debug)]
pub struct Stopped {
    pub cluster: String,
    pub group: String,
    pub chain: Chain,
    /// The newest checkpoints that the directory holds, the cosigned one first.
    pub checkpoints: Vec<Note>,
}

#[derive(Deserialize)]
struct Head {
    cluster: String,
    group: String,
    size: u64,
    latest: Option<String>,
    witnessed: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    index: u64,
    leaf: String,
    payload: String,
}

/// Reads and verifies it, event by event.
pub fn verify(dir: &Path, group: &str, watch: impl FnOnce(&str, &str) -> Option<u64>) -> Result<Stopped, CliError> {
    let program = program()?;
    let mut command = Command::new(&program);
    command.args(["inspect", "--group", group, "--data-dir"]).arg(dir);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| CliError::path(&program, error))?;
    let (Some(out), Some(mut err)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(CliError::Failed("the node's program has no output".to_string()));
    };
    let read = read_log(BufReader::new(out), watch);
    let mut said = String::new();
    // What it says is short: it ends with its first error.
    let _ = err.by_ref().take(64 * 1024).read_to_string(&mut said);
    let status = child.wait().map_err(|error| CliError::path(&program, error))?;
    match (status.code(), read) {
        (Some(0), read) => read,
        (Some(DAMAGED), _) => Err(CliError::Verification(said.trim().to_string())),
        (_, _) => Err(CliError::Failed(said.trim().to_string())),
    }
}

/// The node's program has found what it should read damaged.
const DAMAGED: i32 = 3;

fn read_log(mut out: impl BufRead, watch: impl FnOnce(&str, &str) -> Option<u64>) -> Result<Stopped, CliError> {
    let wrong = |reason: String| CliError::Verification(reason);
    let mut line = Vec::new();
    let mut next = |line: &mut Vec<u8>| {
        line.clear();
        let taken = out.by_ref().take(4 * MESSAGE_BYTES_MAX as u64).read_until(b'\n', line);
        taken.map_err(|error| CliError::io("the node's program", error))
    };
    next(&mut line)?;
    let head: Head = serde_json::from_slice(&line).map_err(|error| wrong(format!("the directory's log: {error}")))?;
    let notes = [head.witnessed, head.latest].into_iter().flatten().map(|text| Note::parse(text.as_bytes()));
    let checkpoints = notes.collect::<Result<Vec<_>, _>>().map_err(|error| wrong(error.to_string()))?;
    let signed = checkpoints.iter().filter_map(|note| Checkpoint::parse(&note.text).ok()).map(|stated| stated.size);
    let mut chain = Chain::watching(watch(&head.cluster, &head.group).into_iter().chain(signed));
    while next(&mut line)? > 0 {
        let Line { index, leaf, payload } =
            serde_json::from_slice(&line).map_err(|error| wrong(format!("event {}: {error}", chain.size())))?;
        let (Some(leaf), Some(payload)) = (from_hex(&leaf), from_hex(&payload)) else {
            return Err(wrong(format!("event {index} is not in hexadecimal")));
        };
        chain
            .push(&RawLeaf { index, leaf, payload })
            .map_err(|error| wrong(format!("event {index} was altered: {error}")))?;
    }
    if chain.size() != head.size {
        return Err(wrong(format!("{} events are there, and there were {}", chain.size(), head.size)));
    }
    Ok(Stopped { cluster: head.cluster, group: head.group, chain, checkpoints })
}
