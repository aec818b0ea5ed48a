//! The access policies of one version as they are kept in the directory: their text and by whom. What a text means is known to
//! `access/` alone; here is what holds of any.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::codec::Stored;
use crate::error::Invalid;
use crate::ids::UserId;
use crate::limits::ACCESS_POLICIES_BYTES_MAX;
use crate::record::Stamp;

/// One version of the access policies. Every version is kept as long as the audit, so that any decision can be made again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyBundle {
    /// 1 is the first that anybody put.
    pub version: u64,
    /// The version of the Cedar language that the text is written in.
    pub cedar_language: String,
    /// SHA-256 of the schema that the text was checked against.
    pub schema_sha256: [u8; 32],
    /// SHA-256 of the decisions that the text was held against before it was put.
    pub decisions_sha256: [u8; 32],
    /// All policies.
    pub text: String,
    pub author: UserId,
    /// Somebody else than the author.
    pub approver: UserId,
}

impl Stored for PolicyBundle {
    const TAG: u16 = 50;
    const VERSION: u8 = 1;
}

/// Policies that somebody proposes, with what they were checked against by the node that he asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyDraft {
    /// One more than the version in force.
    pub version: u64,
    pub cedar_language: String,
    pub schema_sha256: [u8; 32],
    pub decisions_sha256: [u8; 32],
    pub text: String,
}

/// Policies that wait for another person's approval. There is one at a time: a later proposal takes its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposedBundle {
    pub draft: PolicyDraft,
    pub proposed: Stamp,
}

impl Stored for ProposedBundle {
    const TAG: u16 = 51;
    const VERSION: u8 = 1;
}

impl PolicyDraft {
    /// Checks every field.
    pub fn validate(&self) -> Result<(), Invalid> {
        check(self.version, &self.text, &self.cedar_language)
    }

    /// What tells it from any other draft, so that nobody approves another than he read.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.version.to_be_bytes());
        hash.update(self.schema_sha256);
        hash.update(self.decisions_sha256);
        hash.update((self.cedar_language.len() as u64).to_be_bytes());
        hash.update(self.cedar_language.as_bytes());
        hash.update(self.text.as_bytes());
        hash.finalize().into()
    }

    /// SHA-256 of the text alone, as `sha256sum` gives it of the file.
    pub fn text_sha256(&self) -> [u8; 32] {
        sha256(&self.text)
    }

    /// The bundle that it becomes by its approval.
    pub fn approved(self, author: UserId, approver: UserId) -> PolicyBundle {
        // Without `..`: a new field must be decided on here.
        let Self { version, cedar_language, schema_sha256, decisions_sha256, text } = self;
        PolicyBundle { version, cedar_language, schema_sha256, decisions_sha256, text, author, approver }
    }
}

fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn check(version: u64, text: &str, cedar_language: &str) -> Result<(), Invalid> {
    if version == 0 {
        return Err(Invalid::new("version", "is 0, must be 1 or more".into()));
    }
    if text.len() > ACCESS_POLICIES_BYTES_MAX {
        let reason = format!("has {} bytes, at most {ACCESS_POLICIES_BYTES_MAX} are allowed", text.len());
        return Err(Invalid::new("text", reason));
    }
    if text.trim().is_empty() {
        return Err(Invalid::new("text", "is empty: without policies nothing is allowed to anybody".into()));
    }
    crate::ids::check_code("cedar_language", cedar_language)
}

impl PolicyBundle {
    /// SHA-256 of the text alone, as `sha256sum` gives it of the file.
    pub fn text_sha256(&self) -> [u8; 32] {
        sha256(&self.text)
    }

    /// What was proposed.
    pub fn draft(&self) -> PolicyDraft {
        // Without `..`: a new field must be decided on here.
        let Self { version, cedar_language, schema_sha256, decisions_sha256, text, author: _, approver: _ } =
            self.clone();
        PolicyDraft { version, cedar_language, schema_sha256, decisions_sha256, text }
    }

    /// Checks every field.
    pub fn validate(&self) -> Result<(), Invalid> {
        if self.approver == self.author {
            return Err(Invalid::new("approver", "is the author; somebody else must approve".into()));
        }
        check(self.version, &self.text, &self.cedar_language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{decode, encode};

    fn bundle() -> PolicyBundle {
        PolicyBundle {
            version: 1,
            cedar_language: "4.5".into(),
            schema_sha256: [7; 32],
            decisions_sha256: [8; 32],
            text: "permit(principal, action, resource);".into(),
            author: UserId::new("ann").expect("a code"),
            approver: UserId::new("bob").expect("a code"),
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |change: &dyn Fn(&mut PolicyBundle)| {
            let mut changed = bundle();
            change(&mut changed);
            changed.validate().expect_err("wrong").field
        };
        assert_eq!(bundle().validate(), Ok(()));
        assert_eq!(wrong(&|it| it.approver = it.author.clone()), "approver");
        assert_eq!(wrong(&|it| it.version = 0), "version");
        assert_eq!(wrong(&|it| it.text = " \n".into()), "text");
        assert_eq!(wrong(&|it| it.text = "x".repeat(ACCESS_POLICIES_BYTES_MAX + 1)), "text");
        assert_eq!(wrong(&|it| it.cedar_language = String::new()), "cedar_language");
    }

    #[test]
    fn a_draft_is_told_from_any_other_and_is_what_was_approved() {
        let draft = bundle().draft();
        assert_eq!(draft.clone().approved(bundle().author, bundle().approver), bundle());
        let changes: [fn(&mut PolicyDraft); 5] = [
            |it| it.version = 2,
            |it| it.text.push(' '),
            |it| it.cedar_language = "4.6".into(),
            |it| it.schema_sha256[0] += 1,
            |it| it.decisions_sha256[0] += 1,
        ];
        for change in changes {
            let mut other = draft.clone();
            change(&mut other);
            assert_ne!(other.digest(), draft.digest(), "{other:?}");
        }
    }

    #[test]
    fn it_reads_as_it_was_stored() {
        let bytes = encode(&bundle()).expect("encodes");
        assert_eq!(decode::<PolicyBundle>(&bytes), Ok(bundle()));
    }
}
