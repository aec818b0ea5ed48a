//! Checkpoints (C2SP tlog-checkpoint): the size and root of a log, signed by it and cosigned by witnesses, who each saw that it only
//! grew. What a verifier asks of one is its [`super::trust::Trust`].

use super::merkle::Hash;
use super::note::{Note, SignerKey, from_base64, to_base64};
use crate::ids::{ClusterId, GroupId};

/// The text of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's identity.
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

/// What is wrong with the text of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the checkpoint is malformed: {0}")]
pub struct Malformed(pub &'static str);

/// The identity of the log that an audit group of a cluster keeps.
pub fn origin(cluster: ClusterId, group: GroupId) -> String {
    format!("portcullis/{cluster}/{group}")
}

/// A number as these formats write it: decimal, no leading zeroes.
pub fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// A hash as these formats write it.
pub fn hash_of(text: &str) -> Option<Hash> {
    from_base64(text)?.try_into().ok()
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, to_base64(&self.root))
    }

    /// Reads the text of a note; lines after the third are somebody's extensions, which nobody here relies on.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let malformed = Malformed("expected lines of origin, size and root");
        let lines: Vec<&str> = text.strip_suffix('\n').ok_or(malformed.clone())?.split('\n').collect();
        let [origin, size, root, extensions @ ..] = &lines[..] else { return Err(malformed) };
        if origin.is_empty() || extensions.iter().any(|line| line.is_empty()) {
            return Err(Malformed("a line is empty"));
        }
        let size = decimal(size).ok_or(Malformed("the size is no decimal number"))?;
        let root = hash_of(root).ok_or(Malformed("the root is no SHA-256 in base64"))?;
        Ok(Self { origin: origin.to_string(), size, root })
    }

    /// Signed by its log.
    pub fn signed(&self, log: &SignerKey) -> Note {
        let text = self.text();
        Note { signatures: vec![log.sign(&text, 0)], text }
    }
}

#[cfg(test)]
mod tests {
    use super::super::note::SignatureKind;
    use super::*;

    #[test]
    fn an_independent_implementation_reads_our_checkpoints() {
        let checkpoint = Checkpoint { origin: "log.example/audit-0".into(), size: 109_482, root: [5; 32] };
        let theirs = tlog_tiles::Checkpoint::from_bytes(checkpoint.text().as_bytes()).expect("parses");
        assert_eq!((theirs.origin(), theirs.size(), theirs.hash().0), ("log.example/audit-0", 109_482, [5; 32]));
        assert_eq!(Checkpoint::parse(&checkpoint.text()), Ok(checkpoint.clone()));
        let log = SignerKey::new("log.example/audit-0", SignatureKind::Log, &[1; 32]).expect("named");
        assert_eq!(log.verifier().verify(&checkpoint.signed(&log)), Ok(None));
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        let root = to_base64(&[5; 32]);
        for text in [
            String::new(),
            "a\n1\n".into(),
            format!("\n1\n{root}\n"),
            format!("a\n01\n{root}\n"),
            format!("a\n-1\n{root}\n"),
            format!("a\n+1\n{root}\n"),
            "a\n1\nAAAA\n".into(),
            format!("a\n1\n{root}"),
            format!("a\n1\n{root}\n\nb\n"),
        ] {
            assert!(Checkpoint::parse(&text).is_err(), "{text:?}");
        }
        assert!(Checkpoint::parse(&format!("a\n1\n{root}\nextension\n")).is_ok());
    }
}
