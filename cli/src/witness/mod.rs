//! A witness (C2SP tlog-witness): keeps the newest checkpoint of each log that it watches on disk, and cosigns one only where it is
//! shown that the log grew out of that. What it decides by stands in `model::audit::witness`.

mod serve;

pub use serve::serve;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use model::audit::checkpoint::Checkpoint;
use model::audit::note::{Note, Signature, SignatureKind, SignerKey, VerifierKey};
use model::audit::witness::{AddCheckpoint, Refused};
use model::ids::to_hex;
use model::time::Entropy;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::CliError;
use crate::files::{write_atomically, write_secret};

/// A witness with its directory.
pub struct Witness {
    dir: PathBuf,
    key: SignerKey,
    logs: BTreeMap<String, VerifierKey>,
    /// By origin. Held while a request is decided and written, so that no checkpoint is replaced by a smaller one.
    latest: Mutex<BTreeMap<String, Checkpoint>>,
    _alone: File,
}

/// Why a witness did not cosign.
#[derive(Debug, thiserror::Error)]
pub enum NotCosigned {
    #[error(transparent)]
    Refused(#[from] Refused),
    /// What it cosigned must be on its disk first.
    #[error("the checkpoint cannot be kept: {0}")]
    Disk(String),
}

impl Witness {
    /// Opens a witness; a new directory gets a new key. A checkpoint that cannot be read is an error and never "nothing seen".
    pub fn open(dir: &Path, name: &str, logs: Vec<VerifierKey>, entropy: &dyn Entropy) -> Result<Self, CliError> {
        std::fs::create_dir_all(dir).map_err(|error| CliError::path(dir, error))?;
        let lock = dir.join("lock");
        let alone = File::create(&lock).map_err(|error| CliError::path(&lock, error))?;
        alone.try_lock().map_err(|_| CliError::Failed(format!("{}: another witness runs there", dir.display())))?;
        let key = open_key(&dir.join("key"), name, entropy)?;
        let mut by_origin = BTreeMap::new();
        for log in logs {
            if log.kind() != SignatureKind::Log {
                return Err(CliError::flag("--log", format!("{log} is the key of a witness")));
            }
            if let Some(other) = by_origin.insert(log.name().to_string(), log) {
                return Err(CliError::flag("--log", format!("{} is given twice", other.name())));
            }
        }
        let mut latest = BTreeMap::new();
        for log in by_origin.values() {
            let path = dir.join(file_of(log.name()));
            let damaged = |reason: String| {
                CliError::Failed(format!("{}: {reason}; without what it saw last a witness is none", path.display()))
            };
            match std::fs::read(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(CliError::path(&path, error)),
                Ok(bytes) => {
                    let note = Note::parse(&bytes).map_err(|error| damaged(error.to_string()))?;
                    key.verifier().verify(&note).map_err(|error| damaged(error.to_string()))?;
                    let seen = Checkpoint::parse(&note.text).map_err(|error| damaged(error.to_string()))?;
                    if seen.origin != log.name() {
                        return Err(damaged(format!("it is of {}", seen.origin)));
                    }
                    latest.insert(seen.origin.clone(), seen);
                }
            }
        }
        Ok(Self { dir: dir.to_path_buf(), key, logs: by_origin, latest: Mutex::new(latest), _alone: alone })
    }

    /// The key by which others check its cosignatures.
    pub fn key(&self) -> VerifierKey {
        self.key.verifier()
    }

    /// Decides one request; what is cosigned is on disk before this returns.
    pub fn add(&self, body: &[u8], now_seconds: u64) -> Result<Signature, NotCosigned> {
        let asks = AddCheckpoint::parse(body)?;
        let origin = asks.checkpoint()?.origin;
        let log = self.logs.get(&origin).ok_or(Refused::UnknownLog)?;
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let next = asks.decide(log, latest.get(&origin))?;
        let signature = self.key.sign(&asks.note.text, now_seconds);
        let kept = Note { signatures: vec![signature.clone()], text: asks.note.text };
        write_atomically(&self.dir.join(file_of(&origin)), kept.to_string().as_bytes())
            .map_err(|error| NotCosigned::Disk(error.to_string()))?;
        latest.insert(origin, next);
        Ok(signature)
    }
}

/// Where the newest checkpoint of a log is kept: an origin may hold what no file name may.
fn file_of(origin: &str) -> String {
    format!("{}.checkpoint", to_hex(&Sha256::digest(origin)))
}

fn open_key(path: &Path, name: &str, entropy: &dyn Entropy) -> Result<SignerKey, CliError> {
    let bad = |reason: String| CliError::Failed(format!("{}: {reason}", path.display()));
    let key = match std::fs::read_to_string(path).map(Zeroizing::new) {
        Ok(text) => SignerKey::parse(text.trim()).map_err(|error| bad(error.to_string()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut seed = Zeroizing::new([0; 32]);
            entropy.fill(&mut *seed);
            let key = SignerKey::new(name, SignatureKind::Cosignature, &seed);
            let key = key.map_err(|error| CliError::flag("--name", error))?;
            write_secret(path, &format!("{}\n", *key.reveal()))?;
            key
        }
        Err(error) => return Err(CliError::path(path, error)),
    };
    if key.verifier().name() != name || key.verifier().kind() != SignatureKind::Cosignature {
        return Err(bad(format!("is the key of {}, not of the witness {name}", key.verifier().name())));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SystemEntropy;
    use model::audit::merkle::{Frontier, consistency_proof, leaf_hash};

    fn log() -> SignerKey {
        SignerKey::new("log.example", SignatureKind::Log, &[1; 32]).expect("named")
    }

    fn asks(old: u64, size: u64, fork: u8) -> String {
        let (mut frontier, mut nodes) = (Frontier::default(), BTreeMap::new());
        for index in 0..size {
            nodes.extend(frontier.append(leaf_hash(&[index as u8, if index == 2 { fork } else { 0 }])));
        }
        let proof = consistency_proof(&|node| nodes.get(&node).copied(), old, size).expect("proves");
        let note = Checkpoint { origin: "log.example".into(), size, root: frontier.root() }.signed(&log());
        AddCheckpoint { old, proof, note }.to_string()
    }

    fn open(dir: &Path, name: &str) -> Result<Witness, CliError> {
        Witness::open(dir, name, vec![log().verifier()], &SystemEntropy::open().expect("entropy"))
    }

    #[test]
    fn t09_t14_what_a_witness_saw_outlives_it_and_no_fork_or_older_log_is_cosigned() {
        let dir = tempfile::tempdir().expect("directory");
        let witness = open(dir.path(), "w.example").expect("opens");
        let key = witness.key();
        let refused = |witness: &Witness, body: &str| match witness.add(body.as_bytes(), 7) {
            Err(NotCosigned::Refused(refused)) => refused,
            other => panic!("{other:?}"),
        };
        let body = asks(0, 3, 0);
        let signature = witness.add(body.as_bytes(), 7).expect("cosigns");
        let note = AddCheckpoint::parse(body.as_bytes()).expect("parses").note.with(signature);
        assert_eq!(key.verify(&note), Ok(Some(7)));
        assert!(open(dir.path(), "w.example").is_err(), "one at a time");
        drop(witness);
        let again = open(dir.path(), "w.example").expect("opens");
        assert_eq!(again.key(), key);
        assert_eq!(refused(&again, &asks(0, 2, 0)), Refused::Conflict(3));
        assert_eq!(refused(&again, &asks(3, 5, 1)).status(), 422);
        assert!(again.add(asks(3, 5, 0).as_bytes(), 8).is_ok());
        let other =
            Witness::open(dir.path().join("b").as_path(), "w", Vec::new(), &SystemEntropy::open().expect("entropy"));
        assert_eq!(refused(&other.expect("opens"), &asks(0, 3, 0)), Refused::UnknownLog);
        drop(again);
        assert!(open(dir.path(), "other.example").is_err(), "a key is of one name");
        let kept = dir.path().join(file_of("log.example"));
        std::fs::write(&kept, "").expect("writes");
        assert!(open(dir.path(), "w.example").is_err(), "what is damaged is not nothing");
    }
}
