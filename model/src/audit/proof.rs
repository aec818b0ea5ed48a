//! The proof that one leaf stands in the log (C2SP tlog-proof): a text that whoever holds the leaf and the keys checks years later,
//! without the cluster and without this program.

use super::checkpoint::{decimal, hash_of};
use super::merkle::{self, Hash, ProofError};
use super::note::{Note, to_base64};
use super::trust::{Believed, Trust, TrustError};

const HEAD: &str = "c2sp.org/tlog-proof@v1";
/// Hashes of a path at most: a tree has no more levels.
const PATH_MAX: usize = 63;

/// A proof of inclusion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    pub index: u64,
    /// From the leaf's sibling to the child of the root.
    pub path: Vec<Hash>,
    pub checkpoint: Note,
}

/// Why a leaf is not proven.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotProven {
    #[error("the proof is malformed: {0}")]
    Malformed(&'static str),
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error("the leaf is not at {index} of the log: {reason}")]
    Elsewhere { index: u64, reason: ProofError },
}

impl Proof {
    /// Reads a proof.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotProven> {
        let text = std::str::from_utf8(bytes).map_err(|_| NotProven::Malformed("it is not UTF-8"))?;
        let (head, note) = text.split_once("\n\n").ok_or(NotProven::Malformed("it has no checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEAD) {
            return Err(NotProven::Malformed("it does not begin as a proof does"));
        }
        // What an application adds is not authenticated, and nothing here relies on it.
        lines.next_if(|line| line.starts_with("extra "));
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(decimal);
        let index = index.ok_or(NotProven::Malformed("it has no index"))?;
        let path: Option<Vec<Hash>> = lines.map(hash_of).collect();
        let path = path.filter(|path| path.len() <= PATH_MAX);
        let path = path.ok_or(NotProven::Malformed("its path is not of hashes in base64"))?;
        let checkpoint = Note::parse(note.as_bytes()).map_err(TrustError::from)?;
        Ok(Self { index, path, checkpoint })
    }

    /// Checks that a leaf stands where the proof says, in a log that is believed.
    pub fn verify(&self, leaf: &[u8], trust: &Trust) -> Result<Believed, NotProven> {
        let believed = trust.check(&self.checkpoint)?;
        let (size, root) = (believed.checkpoint.size, believed.checkpoint.root);
        merkle::check_inclusion(merkle::leaf_hash(leaf), self.index, size, &self.path, root)
            .map_err(|reason| NotProven::Elsewhere { index: self.index, reason })?;
        Ok(believed)
    }
}

impl std::fmt::Display for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{HEAD}\nindex {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{}", to_base64(hash)))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::super::checkpoint::Checkpoint;
    use super::super::note::{SignatureKind, SignerKey};
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_proof_holds_for_its_leaf_alone_and_no_changed_byte_of_it_goes_unseen() {
        let key = SignerKey::new("log.example", SignatureKind::Log, &[1; 32]).expect("named");
        let trust = Trust::of_log(key.verifier());
        let (mut frontier, mut nodes) = (merkle::Frontier::default(), BTreeMap::new());
        for index in 0..11u8 {
            nodes.extend(frontier.append(merkle::leaf_hash(&[index])));
        }
        let root = frontier.root();
        let checkpoint = Checkpoint { origin: "log.example".into(), size: 11, root }.signed(&key);
        let path = merkle::inclusion_proof(&|node| nodes.get(&node).copied(), 6, 11).expect("proves");
        let proof = Proof { index: 6, path, checkpoint };
        let text = proof.to_string();
        assert_eq!(Proof::parse(text.as_bytes()), Ok(proof.clone()));
        assert_eq!(proof.verify(&[6], &trust).expect("proven").checkpoint.size, 11);
        assert!(matches!(proof.verify(&[5], &trust), Err(NotProven::Elsewhere { index: 6, .. })));
        for at in 0..text.len() {
            let mut altered = text.clone().into_bytes();
            altered[at] ^= 1;
            let found = Proof::parse(&altered).and_then(|altered| altered.verify(&[6], &trust));
            assert!(found.is_err(), "byte {at}");
        }
        let with_extra = text.replacen("index", "extra AAAA\nindex", 1);
        assert_eq!(Proof::parse(with_extra.as_bytes()), Ok(proof));
    }
}
