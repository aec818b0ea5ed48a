//! Overrides of a lookout, and the mark of one on a hit.

use std::fmt::Write;

use client::v1;
use serde::Serialize;

use super::{AuditRef, optional};

/// The mark of an overridden hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Overridden {
    pub id: String,
    pub reason: String,
    pub recorded_by: String,
    pub agency: String,
    pub expires: String,
}

impl From<v1::Overridden> for Overridden {
    fn from(message: v1::Overridden) -> Self {
        let v1::Overridden { id, reason, recorded_by, expires, agency } = message;
        Self { id, reason, recorded_by, agency, expires }
    }
}

/// An override as it was recorded, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Override {
    pub id: String,
    pub state: String,
    pub name: String,
    pub nationality: Option<String>,
    pub birth_date: Option<String>,
    pub documents: Vec<String>,
    pub reason: String,
    pub expires: String,
    pub recorded_at: String,
    pub recorded_by: String,
    pub agency: String,
    pub lookout_version: u64,
    pub ended_at: Option<String>,
    pub ended_by: Option<String>,
    pub void_because: Option<String>,
}

impl From<v1::OverrideRecord> for Override {
    fn from(message: v1::OverrideRecord) -> Self {
        let v1::OverrideRecord {
            id,
            state,
            name,
            nationality,
            birth_date,
            documents,
            reason,
            expires,
            recorded_at,
            recorded_by,
            agency,
            lookout_version,
            ended_at,
            ended_by,
            void_because,
        } = message;
        Self {
            id,
            state,
            name,
            nationality: optional(nationality),
            birth_date: optional(birth_date),
            documents,
            reason,
            expires,
            recorded_at,
            recorded_by,
            agency,
            lookout_version,
            ended_at: optional(ended_at),
            ended_by: optional(ended_by),
            void_because: optional(void_because),
        }
    }
}

impl Override {
    fn write(&self, text: &mut String) {
        let _ = writeln!(text, "{}  {}", self.name, self.state.replace('-', " ").to_uppercase());
        for (label, value) in [
            ("Born", self.birth_date.as_deref()),
            ("Nationality", self.nationality.as_deref()),
            ("Reason", Some(&self.reason)),
            ("Until", Some(&self.expires)),
            ("Void because", self.void_because.as_deref()),
        ] {
            if let Some(value) = value {
                let _ = writeln!(text, "  {label:<13} {value}");
            }
        }
        for document in &self.documents {
            let _ = writeln!(text, "  {:<13} {document}", "Document");
        }
        let (at, by, agency) = (&self.recorded_at, &self.recorded_by, &self.agency);
        let _ = writeln!(text, "  {:<13} {at} by {by} of {agency}", "Recorded");
        if let (Some(at), Some(by)) = (&self.ended_at, &self.ended_by) {
            let _ = writeln!(text, "  {:<13} {at} by {by}", "Ended");
        }
        let _ = writeln!(
            text,
            "  {:<13} {}, made for version {} of the lookout",
            "Override", self.id, self.lookout_version
        );
    }
}

/// All overrides of a lookout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    pub overrides: Vec<Override>,
    pub audit: Option<AuditRef>,
}

impl From<v1::ListOverridesResponse> for Listed {
    fn from(message: v1::ListOverridesResponse) -> Self {
        let v1::ListOverridesResponse { overrides, audit } = message;
        Self { overrides: overrides.into_iter().map(Override::from).collect(), audit: audit.map(AuditRef::from) }
    }
}

impl Listed {
    /// One after the other.
    pub fn to_text(&self) -> String {
        if self.overrides.is_empty() {
            return "No overrides.".to_string();
        }
        let text = |one: &Override| {
            let mut text = String::new();
            one.write(&mut text);
            text
        };
        self.overrides.iter().map(text).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_says_who_is_meant_until_when_and_how_it_stands() {
        let recorded = v1::OverrideRecord {
            id: "0b".into(),
            state: "void".into(),
            name: "Ivan Petrov".into(),
            birth_date: "1985-06-07".into(),
            documents: vec!["BG 1".into()],
            reason: "another man".into(),
            expires: "2027-06-30T00:00:00Z".into(),
            recorded_at: "2026-01-02T03:04:05.000Z".into(),
            recorded_by: "supervisor".into(),
            agency: "CBP".into(),
            lookout_version: 1,
            void_because: "birth_date: may be the date".into(),
            ..Default::default()
        };
        let listed = Listed::from(v1::ListOverridesResponse { overrides: vec![recorded], audit: None });
        let expected = "\
Ivan Petrov  VOID
  Born          1985-06-07
  Reason        another man
  Until         2027-06-30T00:00:00Z
  Void because  birth_date: may be the date
  Document      BG 1
  Recorded      2026-01-02T03:04:05.000Z by supervisor of CBP
  Override      0b, made for version 1 of the lookout
";
        assert_eq!(listed.to_text(), expected);
        assert_eq!(Listed::from(v1::ListOverridesResponse::default()).to_text(), "No overrides.");
    }
}
