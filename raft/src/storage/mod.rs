//! Storage, as small as the product needs it: ordered keys, atomic batches, sync, checkpoints that travel as files.
//!
//! Two engines stand behind it: RocksDB, and one in memory that forgets what was not synced. One conformance suite
//! (`conformance`) runs on both, so what holds in the simulation holds on disk.

pub mod conformance;
#[cfg(feature = "rocksdb")]
mod files;
pub mod keys;
pub mod memory;
#[cfg(feature = "rocksdb")]
pub mod rocks;

use std::sync::Arc;

use model::codec::CodecError;
use model::ids::GroupId;
use proto::transport::BoxFuture;

/// One change of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    Put(Vec<u8>, Vec<u8>),
    Delete(Vec<u8>),
    /// From the first key up to, without, the second.
    DeleteRange(Vec<u8>, Vec<u8>),
}

/// Changes that take place together or not at all.
pub type Batch = Vec<Op>;

/// Why storage failed. Each of these stops the node: going on could lose or invent data.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StorageError {
    #[error("{what} at {place}: {reason}; {remedy}")]
    Broken { what: &'static str, place: String, reason: String, remedy: &'static str },
    #[error("stored value at {place} is damaged: {reason}; {REMEDY_DAMAGED}")]
    Damaged { place: String, reason: String },
    #[error("stored value at {place} was written by a newer program: {reason}; start this node with that version")]
    Newer { place: String, reason: String },
    #[error("the received snapshot is not what was announced: {0}")]
    Snapshot(String),
    #[error("snapshot {0} is not here any more")]
    NoSnapshot(String),
}

impl StorageError {
    /// A stored value that does not read.
    pub fn of_codec(place: String, error: CodecError) -> Self {
        let reason = error.to_string();
        match error {
            CodecError::Version { .. } | CodecError::UnknownNumber(_) => Self::Newer { place, reason },
            _ => Self::Damaged { place, reason },
        }
    }
}

/// What to do about a damaged store.
pub const REMEDY_DAMAGED: &str = "nothing was changed; move the data directory away, remove this node from the cluster and join it again under a new id";

/// Result of a storage call.
pub type Result<T> = std::result::Result<T, StorageError>;

/// Called with each key and value of a scan; false ends it.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> bool + 'a;

/// Reading ordered keys.
pub trait Reader: Send + Sync {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>>;
    /// Visits `from..to` upwards.
    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<()>;
    /// Visits `from..to` downwards.
    fn scan_back(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<()>;
}

/// A store of ordered keys.
pub trait Store: Reader + 'static {
    /// Makes a batch visible at once. It survives a crash when `sync` (of a log) or `flush` (of a state) came after it.
    fn write(&self, batch: Batch) -> Result<()>;
    /// Returns when everything written before is durable (fdatasync).
    fn sync(&self) -> BoxFuture<'_, Result<()>>;
    /// Reads the store as it is now, whatever is written meanwhile.
    fn view(&self, read: &mut dyn FnMut(&dyn Reader) -> Result<()>) -> Result<()>;
}

/// A store that stands before another one, to watch or hold up what goes through it: what is read of it is read there.
pub trait Before: Send + Sync {
    /// The sort of store behind it.
    type Behind: Reader + ?Sized;
    /// The store behind it.
    fn behind(&self) -> &Self::Behind;
}

impl<T: Before> Reader for T {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.behind().get(key)
    }
    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.behind().scan(from, to, visit)
    }
    fn scan_back(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        self.behind().scan_back(from, to, visit)
    }
}

/// A file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotFile {
    pub name: String,
    pub length: u64,
    pub sha256: [u8; 32],
}

/// The files of a snapshot, in order of name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    pub files: Vec<SnapshotFile>,
}

impl Manifest {
    /// What names the content: SHA-256 over names, lengths and digests.
    pub fn digest(&self) -> [u8; 32] {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        for file in &self.files {
            hash.update((file.name.len() as u64).to_be_bytes());
            hash.update(file.name.as_bytes());
            hash.update(file.length.to_be_bytes());
            hash.update(file.sha256);
        }
        hash.finalize().into()
    }

    /// Refuses names that lead out of the directory, doubles and absurd counts.
    pub fn check(&self) -> Result<()> {
        let bad = |reason: String| Err(StorageError::Snapshot(reason));
        if self.files.is_empty() || self.files.len() > SNAPSHOT_FILES_MAX {
            return bad(format!("{} files, 1 to {SNAPSHOT_FILES_MAX} are allowed", self.files.len()));
        }
        for pair in self.files.windows(2) {
            if pair[0].name >= pair[1].name {
                return bad("file names are not in order".into());
            }
        }
        let plain = |name: &str| {
            !name.is_empty()
                && name.len() <= 128
                && !name.starts_with('.')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        };
        match self.files.iter().find(|file| !plain(&file.name)) {
            Some(file) => bad(format!("file name {:?}", file.name)),
            None => Ok(()),
        }
    }
}

/// Files of one snapshot at most.
pub const SNAPSHOT_FILES_MAX: usize = 100_000;
/// Bytes of one chunk of a snapshot's file.
pub const CHUNK_BYTES_MAX: usize = 1024 * 1024;

/// What a received state must hold.
pub type Check = Arc<dyn Fn(&dyn Reader) -> Result<()> + Send + Sync>;

/// The state of one group replica, with its snapshots.
pub trait StateStore: Store {
    /// Takes a checkpoint under a name, durably; one of this name is replaced.
    fn checkpoint<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>>;
    /// Names of the checkpoints there are, in order of name.
    fn checkpoints(&self) -> Result<Vec<String>>;
    /// Drops a checkpoint.
    fn remove_checkpoint<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>>;
    /// Lengths and digests of a checkpoint's files.
    fn manifest<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Manifest>>;
    /// Part of a checkpoint's file.
    fn read_chunk(&self, name: &str, file: &str, offset: u64) -> Result<Vec<u8>>;
    /// How many bytes of each announced file were received already, in the manifest's order: a broken transfer goes on,
    /// and files of an earlier one that are the same again need not come twice.
    fn received<'a>(&'a self, manifest: &'a Manifest) -> BoxFuture<'a, Result<Vec<u64>>>;
    /// Takes the next bytes of an announced file.
    fn receive(&self, manifest: &Manifest, file: usize, offset: u64, bytes: &[u8]) -> Result<()>;
    /// Checks what was received against the manifest, and reads it with `check`; what is whole and wrong is dropped, so that it
    /// comes again.
    fn verify<'a>(&'a self, manifest: &'a Manifest, check: Check) -> BoxFuture<'a, Result<()>>;
    /// Replaces the state by what was received, whole or not at all; what is not as the manifest says is refused.
    fn install<'a>(&'a self, manifest: &'a Manifest) -> BoxFuture<'a, Result<()>>;
}

/// Opens the stores of one node.
pub trait Engine: Send + Sync + 'static {
    /// Logs and votes of all groups.
    fn log(&self) -> Result<Arc<dyn Store>>;
    /// The state of one group.
    fn state(&self, group: GroupId) -> Result<Arc<dyn StateStore>>;
    /// A small file of the node, such as its identity.
    fn read_file(&self, name: &str) -> Result<Option<Vec<u8>>>;
    /// Writes a small file whole or not at all, durably.
    fn write_file(&self, name: &str, bytes: &[u8]) -> Result<()>;
    /// Whether there are logs or states: what belongs to a node, even where its identity is gone.
    fn has_data(&self) -> Result<bool>;
    /// Where the node's data lies, for messages.
    fn place(&self) -> String;
}

/// The first key after all keys that begin so.
pub fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    vec![u8::MAX; prefix.len() + 1]
}
