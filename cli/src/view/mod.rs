//! Answers as they are printed: JSON by serde, text by `to_text`. The JSON is a contract; fields are only ever added.

pub mod answer;
pub mod cluster;
pub mod event;
pub mod lookout;
pub mod record;

use client::v1;
use serde::Serialize;

/// Where the evidence of an answer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditRef {
    pub receipt: String,
    pub released_by: String,
}

impl From<v1::AuditRef> for AuditRef {
    fn from(message: v1::AuditRef) -> Self {
        let v1::AuditRef { receipt, released_by } = message;
        Self { receipt, released_by }
    }
}

/// What should be known of an input that was taken all the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    pub field: String,
    pub text: String,
}

impl From<v1::Warning> for Warning {
    fn from(message: v1::Warning) -> Self {
        let v1::Warning { field, text } = message;
        Self { field, text }
    }
}

impl Warning {
    /// The warning on one line.
    pub fn to_line(&self) -> String {
        format!("WARNING {}: {}", self.field.replace('_', " "), self.text)
    }
}

/// A text that may be absent, empty in messages and null in JSON.
fn optional(text: String) -> Option<String> {
    if text.is_empty() { None } else { Some(text) }
}
