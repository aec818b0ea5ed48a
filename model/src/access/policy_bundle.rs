//! The access policies of one version as they are kept in the directory: their text and by whom. What a text means is known to
//! `access/` alone; here is what holds of any.

use serde::{Deserialize, Serialize};

use crate::codec::Stored;
use crate::error::Invalid;
use crate::ids::UserId;
use crate::limits::ACCESS_POLICIES_BYTES_MAX;

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

impl PolicyBundle {
    /// Checks every field.
    pub fn validate(&self) -> Result<(), Invalid> {
        if self.version == 0 {
            return Err(Invalid::new("version", "is 0, must be 1 or more".into()));
        }
        if self.text.len() > ACCESS_POLICIES_BYTES_MAX {
            let reason = format!("has {} bytes, at most {ACCESS_POLICIES_BYTES_MAX} are allowed", self.text.len());
            return Err(Invalid::new("text", reason));
        }
        if self.text.trim().is_empty() {
            return Err(Invalid::new("text", "is empty: without policies nothing is allowed to anybody".into()));
        }
        if self.approver == self.author {
            return Err(Invalid::new("approver", "is the author; somebody else must approve".into()));
        }
        crate::ids::check_code("cedar_language", &self.cedar_language)
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
    fn it_reads_as_it_was_stored() {
        let bytes = encode(&bundle()).expect("encodes");
        assert_eq!(decode::<PolicyBundle>(&bytes), Ok(bundle()));
    }
}
