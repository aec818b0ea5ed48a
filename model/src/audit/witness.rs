//! What a witness does (C2SP tlog-witness): it keeps the newest checkpoint of each log that it watches, and cosigns one only where it
//! is shown that the log grew out of that. So nobody shows two histories of one log to two people.

use super::checkpoint::{Checkpoint, decimal, hash_of};
use super::merkle::{self, Hash};
use super::note::{Note, NoteError, VerifierKey, to_base64};

/// Hashes of a proof at most.
const PROOF_MAX: usize = 63;

/// A log asks for a cosignature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the checkpoint that the witness cosigned last, as the log knows it.
    pub old: u64,
    /// That the log grew from there.
    pub proof: Vec<Hash>,
    pub note: Note,
}

/// Why a witness does not cosign; each has its status in HTTP.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the request is malformed: {0}")]
    Malformed(String),
    #[error("this witness does not watch the log")]
    UnknownLog,
    #[error("no key that is known of the log has signed the checkpoint")]
    Unsigned,
    /// With the size that the witness cosigned last.
    #[error("the checkpoint that this witness cosigned last is of {0} leaves")]
    Conflict(u64),
    #[error("the log does not grow out of the checkpoint that this witness cosigned last: {0}")]
    Inconsistent(String),
}

impl Refused {
    /// The status of the answer.
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::UnknownLog => 404,
            Self::Unsigned => 403,
            Self::Conflict(_) => 409,
            Self::Inconsistent(_) => 422,
        }
    }
}

impl AddCheckpoint {
    /// Reads the body of a request.
    pub fn parse(body: &[u8]) -> Result<Self, Refused> {
        let malformed = |reason: &str| Refused::Malformed(reason.to_string());
        let text = std::str::from_utf8(body).map_err(|_| malformed("it is not UTF-8"))?;
        let (head, note) = text.split_once("\n\n").ok_or_else(|| malformed("it has no checkpoint"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(decimal);
        let old = old.ok_or_else(|| malformed("it does not begin with the old size"))?;
        let proof: Option<Vec<Hash>> = lines.map(hash_of).collect();
        let proof = proof.filter(|proof| proof.len() <= PROOF_MAX);
        let proof = proof.ok_or_else(|| malformed("its proof is not of at most 63 hashes in base64"))?;
        let note = Note::parse(note.as_bytes()).map_err(|error| malformed(&error.to_string()))?;
        Ok(Self { old, proof, note })
    }

    /// The log that it is about.
    pub fn checkpoint(&self) -> Result<Checkpoint, Refused> {
        Checkpoint::parse(&self.note.text).map_err(|error| Refused::Malformed(error.to_string()))
    }

    /// Whether a witness that saw `latest` of the log with this key cosigns; returns what it keeps from now on.
    pub fn decide(&self, key: &VerifierKey, latest: Option<&Checkpoint>) -> Result<Checkpoint, Refused> {
        let next = self.checkpoint()?;
        if next.origin != key.name() {
            return Err(Refused::UnknownLog);
        }
        match key.verify(&self.note) {
            Ok(_) => {}
            Err(NoteError::Unsigned(_) | NoteError::Forged(_)) => return Err(Refused::Unsigned),
            Err(error) => return Err(Refused::Malformed(error.to_string())),
        }
        if self.old > next.size {
            return Err(Refused::Malformed(format!("the old size {} is above the new one {}", self.old, next.size)));
        }
        let (size, root) = latest.map_or((0, merkle::empty_root()), |latest| (latest.size, latest.root));
        if self.old != size {
            return Err(Refused::Conflict(size));
        }
        if next.size == 0 && next.root != merkle::empty_root() {
            return Err(Refused::Inconsistent("a log of no leaves has the root of none".to_string()));
        }
        merkle::check_consistency(size, next.size, &self.proof, root, next.root)
            .map_err(|error| Refused::Inconsistent(error.to_string()))?;
        Ok(next)
    }
}

impl std::fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", to_base64(hash)))?;
        write!(f, "\n{}", self.note)
    }
}

#[cfg(test)]
mod tests {
    use super::super::note::{SignatureKind, SignerKey};
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// A log whose leaves say which history they are of.
    struct Log {
        nodes: BTreeMap<merkle::Node, Hash>,
        roots: Vec<Hash>,
    }

    impl Log {
        fn new(leaves: &[u8]) -> Self {
            let (mut frontier, mut nodes, mut roots) = (merkle::Frontier::default(), BTreeMap::new(), Vec::new());
            roots.push(frontier.root());
            for leaf in leaves {
                nodes.extend(frontier.append(merkle::leaf_hash(&[*leaf])));
                roots.push(frontier.root());
            }
            Self { nodes, roots }
        }

        fn asks(&self, old: u64, size: u64) -> AddCheckpoint {
            let read = |node| self.nodes.get(&node).copied();
            let proof = merkle::consistency_proof(&read, old, size).expect("proves");
            AddCheckpoint { old, proof, note: self.at(size).signed(&key()) }
        }

        fn at(&self, size: u64) -> Checkpoint {
            Checkpoint { origin: "log.example".into(), size, root: self.roots[size as usize] }
        }
    }

    fn key() -> SignerKey {
        SignerKey::new("log.example", SignatureKind::Log, &[1; 32]).expect("named")
    }

    #[test]
    fn each_refusal_has_its_status() {
        let (log, known) = (Log::new(&[1, 2, 3, 4, 5]), key().verifier());
        let latest = log.at(3);
        let asks = log.asks(3, 5);
        let status = |asks: &AddCheckpoint, latest| asks.decide(&known, latest).map_err(|refused| refused.status());
        assert_eq!(asks.decide(&known, Some(&latest)), Ok(log.at(5)));
        assert_eq!(status(&asks, None), Err(409));
        assert_eq!(asks.decide(&known, Some(&log.at(5))), Err(Refused::Conflict(5)));
        assert_eq!(status(&log.asks(0, 3), None), Ok(log.at(3)));
        assert_eq!(status(&log.asks(3, 3), Some(&latest)), Ok(log.at(3)));
        let other = SignerKey::new("other.example", SignatureKind::Log, &[1; 32]).expect("named").verifier();
        assert_eq!(asks.decide(&other, Some(&latest)), Err(Refused::UnknownLog));
        let forged = SignerKey::new("log.example", SignatureKind::Log, &[2; 32]).expect("named");
        assert_eq!(asks.decide(&forged.verifier(), Some(&latest)), Err(Refused::Unsigned));
        let above = AddCheckpoint { old: 6, ..asks.clone() };
        assert_eq!(status(&above, Some(&latest)), Err(400));
        let unproven = AddCheckpoint { proof: Vec::new(), ..asks };
        assert_eq!(status(&unproven, Some(&latest)), Err(422));
        let surplus = AddCheckpoint { proof: vec![[0; 32]], ..log.asks(0, 3) };
        assert_eq!(status(&surplus, None), Err(422));
        let mut empty = log.asks(0, 0);
        assert_eq!(status(&empty, None), Ok(log.at(0)));
        empty.note = Checkpoint { root: [1; 32], ..log.at(0) }.signed(&key());
        assert_eq!(status(&empty, None), Err(422));
    }

    proptest! {
        /// T09: of a log that forked, was cut or restored from a backup, a witness cosigns one history alone.
        #[test]
        fn t09_a_witness_cosigns_one_history_of_a_log(
            leaves in prop::collection::vec(0u8..4, 1..40),
            fork in 0usize..40,
            steps in prop::collection::vec((any::<bool>(), 0usize..40, 0usize..40), 1..30),
        ) {
            let fork = fork % leaves.len();
            let mut other = leaves.clone();
            other[fork] = 9;
            let logs = [Log::new(&leaves), Log::new(&other)];
            let (known, mut latest) = (key().verifier(), None);
            let mut cosigned: Vec<(usize, u64)> = Vec::new();
            for (second, old, size) in steps {
                let size = (size % (leaves.len() + 1)) as u64;
                let old = (old as u64).min(size);
                let which = usize::from(second);
                if let Ok(next) = logs[which].asks(old, size).decide(&known, latest.as_ref()) {
                    latest = Some(next);
                    cosigned.push((which, size));
                }
            }
            // Beyond the fork all cosigned checkpoints are of one history, and sizes never fall.
            let beyond: Vec<usize> = cosigned.iter().filter(|(_, size)| *size as usize > fork).map(|(log, _)| *log).collect();
            prop_assert!(beyond.windows(2).all(|pair| pair[0] == pair[1]), "{:?}", cosigned);
            prop_assert!(cosigned.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{:?}", cosigned);
        }

        #[test]
        fn any_body_is_a_request_or_refused(body: Vec<u8>, text in "(old [0-9]{1,3}\n([A-Za-z0-9+/=]{0,44}\n){0,3}\n.{0,80}\n\n— a AAAAAAAA\n)?") {
            for body in [&body[..], text.as_bytes()] {
                if let Ok(asks) = AddCheckpoint::parse(body) {
                    prop_assert_eq!(asks.to_string().into_bytes(), body);
                }
            }
        }
    }
}
