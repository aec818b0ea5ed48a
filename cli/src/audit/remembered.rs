//! Checkpoints that were seen: the log may only ever grow out of them (AppendOnlyAudit).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use model::audit::merkle::Hash;
use serde::{Deserialize, Serialize};

use super::{hash, hex};
use crate::error::CliError;

const FORMAT: u32 = 1;

/// Size and root of a log at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    pub size: u64,
    pub root: Hash,
}

/// The file of checkpoints, by cluster and group.
#[derive(Debug)]
pub struct Remembered {
    path: PathBuf,
    logs: BTreeMap<String, Checkpoint>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    logs: BTreeMap<String, StoredCheckpoint>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredCheckpoint {
    size: u64,
    root: String,
}

impl Remembered {
    /// Reads the file; a missing one remembers nothing, a damaged one is an error and never "nothing".
    pub fn read(path: &Path) -> Result<Self, CliError> {
        let path = path.to_path_buf();
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self { path, logs: BTreeMap::new() });
            }
            Err(error) => return Err(CliError::path(&path, error)),
        };
        let damaged = |reason: String| {
            CliError::Failed(format!("{}: {reason}; remove the file to begin anew without a memory", path.display()))
        };
        let Stored { format, logs } = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if format != FORMAT {
            return Err(damaged(format!("has format {format}, this program reads {FORMAT}")));
        }
        let logs = logs
            .into_iter()
            .map(|(log, StoredCheckpoint { size, root })| {
                let root = hash(&root).ok_or_else(|| damaged(format!("the root of {log} is no SHA-256")))?;
                Ok((log, Checkpoint { size, root }))
            })
            .collect::<Result<_, CliError>>()?;
        Ok(Self { path, logs })
    }

    /// What is remembered of a log.
    pub fn get(&self, cluster: &str, group: &str) -> Option<Checkpoint> {
        self.logs.get(&key(cluster, group)).copied()
    }

    /// Remembers a checkpoint, on disk before it returns.
    pub fn put(&mut self, cluster: &str, group: &str, checkpoint: Checkpoint) -> Result<(), CliError> {
        self.logs.insert(key(cluster, group), checkpoint);
        let logs = self
            .logs
            .iter()
            .map(|(log, Checkpoint { size, root })| (log.clone(), StoredCheckpoint { size: *size, root: hex(root) }))
            .collect();
        let text = crate::output::json(&Stored { format: FORMAT, logs })? + "\n";
        crate::files::write_atomically(&self.path, text.as_bytes())
    }
}

fn key(cluster: &str, group: &str) -> String {
    format!("{cluster}/{group}")
}

/// Where checkpoints of a context are remembered: next to it.
pub fn beside(context: &Path) -> PathBuf {
    let mut name = context.as_os_str().to_owned();
    name.push(".checkpoints");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_come_back_and_a_damaged_file_is_never_an_empty_one() {
        let dir = tempfile::tempdir().expect("directory");
        let path = beside(&dir.path().join("context.json"));
        let mut remembered = Remembered::read(&path).expect("nothing yet");
        assert_eq!(remembered.get("c", "audit-0"), None);
        let checkpoint = Checkpoint { size: 5, root: [7; 32] };
        remembered.put("c", "audit-0", checkpoint).expect("writes");
        let again = Remembered::read(&path).expect("reads");
        assert_eq!((again.get("c", "audit-0"), again.get("d", "audit-0")), (Some(checkpoint), None));
        for content in ["", "{}", r#"{"format":2,"logs":{}}"#, r#"{"format":1,"logs":{"a":{"size":1,"root":"00"}}}"#] {
            std::fs::write(&path, content).expect("writes");
            assert!(Remembered::read(&path).is_err(), "{content}");
        }
    }
}
