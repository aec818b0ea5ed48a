//! Access policies.

use client::v1;
use serde::Serialize;

use super::line;
use crate::view::{AuditRef, optional};

/// Access policies of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bundle {
    pub version: u64,
    pub author: Option<String>,
    pub approver: Option<String>,
    pub cedar_language: String,
    pub schema_sha256: String,
    pub decisions_sha256: String,
    pub text_sha256: String,
    pub text: String,
}

impl From<v1::AccessPolicyBundle> for Bundle {
    fn from(message: v1::AccessPolicyBundle) -> Self {
        let v1::AccessPolicyBundle {
            version,
            cedar_language,
            schema_sha256,
            decisions_sha256,
            text,
            text_sha256,
            author,
            approver,
        } = message;
        let (author, approver) = (optional(author), optional(approver));
        Self { version, author, approver, cedar_language, schema_sha256, decisions_sha256, text_sha256, text }
    }
}

impl Bundle {
    fn head(&self, title: &str) -> String {
        let mut text = format!("{title}\n");
        line(&mut text, "Proposed by", self.author.clone().unwrap_or_default());
        line(&mut text, "Approved by", self.approver.clone().unwrap_or_default());
        line(&mut text, "SHA-256", &self.text_sha256);
        text
    }
}

/// The policies in force, and those that are proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Policies {
    pub policies: Bundle,
    pub proposed: Option<Bundle>,
    pub audit: Option<AuditRef>,
}

impl From<v1::AccessPoliciesResponse> for Policies {
    fn from(message: v1::AccessPoliciesResponse) -> Self {
        let v1::AccessPoliciesResponse { policies, proposed, audit } = message;
        let (policies, proposed) = (policies.unwrap_or_default().into(), proposed.map(Bundle::from));
        Self { policies, proposed, audit: audit.map(AuditRef::from) }
    }
}

impl Policies {
    /// The text, under who stands for it.
    pub fn to_text(&self) -> String {
        let title = match self.policies.version {
            0 => "Built in; nobody has put any".to_string(),
            version => format!("Version {version}"),
        };
        let mut text = self.policies.head(&title);
        if let Some(proposed) = &self.proposed {
            let title = format!("Proposed as version {} (`policy show --proposed` for its text)", proposed.version);
            text.push_str(&proposed.head(&title));
        }
        text.push('\n');
        text.push_str(&self.policies.text);
        text
    }
}

/// What came of checking a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    pub file: String,
    pub text_sha256: String,
    /// How many there are; none where one of the checks fails.
    pub policies: Option<usize>,
    pub faults: Vec<String>,
}

impl Checked {
    /// What fails, or that nothing does.
    pub fn to_text(&self) -> String {
        match self.policies {
            Some(count) => format!(
                "{}: {count} policies parse, go with the schema and decide every case as they must\nSHA-256 {}",
                self.file, self.text_sha256
            ),
            None => self.faults.join("\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_say_who_stands_for_them_and_what_waits() {
        let bundle = |version, approver: &str| v1::AccessPolicyBundle {
            version,
            text: format!("text {version}\n"),
            text_sha256: format!("sha {version}"),
            author: "ann".into(),
            approver: approver.into(),
            ..Default::default()
        };
        let response =
            v1::AccessPoliciesResponse { policies: Some(bundle(2, "bob")), proposed: Some(bundle(3, "")), audit: None };
        let expected = "\
Version 2
  Proposed by      ann
  Approved by      bob
  SHA-256          sha 2
Proposed as version 3 (`policy show --proposed` for its text)
  Proposed by      ann
  SHA-256          sha 3

text 2
";
        assert_eq!(Policies::from(response).to_text(), expected);
        let checked = Checked {
            file: "f".into(),
            text_sha256: "s".into(),
            policies: None,
            faults: vec!["case `a`: expected allowed, found FUNC".into()],
        };
        assert_eq!(checked.to_text(), "case `a`: expected allowed, found FUNC");
    }
}
