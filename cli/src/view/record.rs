//! A lookout with its id, version and where it came from; lists of them; outcomes of changes.

use std::fmt::Write;

use client::v1;
use serde::Serialize;

use super::lookout::Lookout;
use super::{AuditRef, Warning, optional};

/// A lookout as a record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Record {
    pub id: String,
    pub version: u64,
    pub state: String,
    pub owner: String,
    pub level: String,
    /// Who may see it beside its level.
    pub labels: Vec<String>,
    pub source: Option<String>,
    pub source_ref: Option<String>,
    pub created_at: String,
    pub created_by: String,
    pub updated_at: String,
    pub updated_by: String,
    pub lookout: Lookout,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditRef>,
}

impl From<v1::LookoutRecord> for Record {
    fn from(message: v1::LookoutRecord) -> Self {
        let v1::LookoutRecord {
            id,
            version,
            state,
            owner,
            level,
            labels,
            source,
            source_ref,
            created_at,
            created_by,
            updated_at,
            updated_by,
            lookout,
            audit,
        } = message;
        let (source, source_ref) = (optional(source), optional(source_ref));
        let (lookout, audit) = (lookout.unwrap_or_default().into(), audit.map(AuditRef::from));
        Self {
            id,
            version,
            state,
            owner,
            level,
            labels,
            source,
            source_ref,
            created_at,
            created_by,
            updated_at,
            updated_by,
            lookout,
            audit,
        }
    }
}

impl Record {
    /// The record line by line.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.lookout.display_name());
        let _ = writeln!(text, "  {:<14} {} version {} ({})", "Record", self.id, self.version, self.state);
        if let Some(source) = &self.source {
            let _ = writeln!(text, "  {:<14} {source} {}", "List", self.source_ref.as_deref().unwrap_or_default());
        }
        let labels: String = self.labels.iter().map(|label| format!(", {label}")).collect();
        let _ = writeln!(text, "  {:<14} {} (level {}{labels})", "Owner", self.owner, self.level);
        let _ = writeln!(text, "  {:<14} {} by {}", "Created", self.created_at, self.created_by);
        let _ = writeln!(text, "  {:<14} {} by {}", "Updated", self.updated_at, self.updated_by);
        text.push_str(&self.lookout.to_text());
        text
    }

    /// The record on one line, as lists show it.
    pub fn to_line(&self) -> String {
        let source = self.source.as_deref().unwrap_or("-");
        let reference = self.source_ref.as_deref().unwrap_or("-");
        let (id, version, name) = (&self.id, self.version, self.lookout.display_name());
        format!("{id}  v{version:<3} {:<8} {source} {reference}  {:<20} {name}", self.state, self.lookout.action)
    }
}

/// One page of lookouts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page {
    pub lookouts: Vec<Record>,
    pub next_page_token: Option<String>,
    pub audit: Option<AuditRef>,
}

impl From<v1::ListLookoutsResponse> for Page {
    fn from(message: v1::ListLookoutsResponse) -> Self {
        let v1::ListLookoutsResponse { lookouts, next_page_token, audit } = message;
        Self {
            lookouts: lookouts.into_iter().map(Record::from).collect(),
            next_page_token: optional(next_page_token),
            audit: audit.map(AuditRef::from),
        }
    }
}

impl Page {
    /// A line for each record, and how to read on.
    pub fn to_text(&self) -> String {
        let mut lines: Vec<String> = self.lookouts.iter().map(Record::to_line).collect();
        match &self.next_page_token {
            Some(token) => lines.push(format!("More: --page-token {token} (or --all)")),
            None if lines.is_empty() => lines.push("No lookouts.".to_string()),
            None => {}
        }
        lines.join("\n")
    }
}

/// One page of a lookout's versions, newest first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Versions {
    pub versions: Vec<Record>,
    pub next_before_version: Option<u64>,
    pub audit: Option<AuditRef>,
}

impl From<v1::HistoryResponse> for Versions {
    fn from(message: v1::HistoryResponse) -> Self {
        let v1::HistoryResponse { versions, next_before_version, audit } = message;
        Self {
            versions: versions.into_iter().map(Record::from).collect(),
            next_before_version: (next_before_version > 0).then_some(next_before_version),
            audit: audit.map(AuditRef::from),
        }
    }
}

impl Versions {
    /// The versions one after the other.
    pub fn to_text(&self) -> String {
        let mut parts: Vec<String> = self.versions.iter().map(Record::to_text).collect();
        if let Some(before) = self.next_before_version {
            parts.push(format!("More: --before-version {before} (or --all)"));
        }
        parts.join("\n")
    }
}

/// What a write did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    pub id: String,
    pub version: u64,
    pub change: String,
    pub request_id: String,
    /// Of what was written; only there where there are some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

impl Change {
    /// The outcome of the write of a request id.
    pub fn new(message: v1::ChangeResponse, request_id: String) -> Self {
        let v1::ChangeResponse { id, version, change, warnings } = message;
        let warnings = warnings.into_iter().map(Warning::from).collect();
        Self { id, version, change, request_id, warnings }
    }

    /// The outcome on one line, and one for each warning.
    pub fn to_text(&self) -> String {
        let mut lines = vec![format!("{} {} version {}", self.change, self.id, self.version)];
        lines.extend(self.warnings.iter().map(Warning::to_line));
        lines.join("\n")
    }
}
