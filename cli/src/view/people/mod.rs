//! People and powers as they are printed.

pub mod agreement;
pub mod policy;
pub mod powers;
pub mod user;

use client::v1;
use serde::Serialize;

use super::{AuditRef, optional};

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page<T> {
    pub rows: Vec<T>,
    pub next_page_token: Option<String>,
    pub audit: Option<AuditRef>,
}

impl<T> Page<T> {
    /// A page of rows, and where the list goes on.
    pub fn new(rows: impl IntoIterator<Item = T>, next_page_token: String, audit: Option<v1::AuditRef>) -> Self {
        let (rows, audit) = (rows.into_iter().collect(), audit.map(AuditRef::from));
        Self { rows, next_page_token: optional(next_page_token), audit }
    }

    /// A line for each row, and how to read on.
    pub fn to_text(&self, line: impl Fn(&T) -> String) -> String {
        let mut lines: Vec<String> = self.rows.iter().map(line).collect();
        match &self.next_page_token {
            Some(token) => lines.push(format!("More: --page-token {token} (or --all)")),
            None if lines.is_empty() => lines.push("None.".to_string()),
            None => {}
        }
        lines.join("\n")
    }
}

/// Who did something, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stamp {
    pub by: Option<String>,
    pub at: String,
}

impl From<v1::StampRecord> for Stamp {
    fn from(message: v1::StampRecord) -> Self {
        let v1::StampRecord { by, at } = message;
        Self { by: optional(by), at }
    }
}

impl Stamp {
    fn to_text(&self) -> String {
        match &self.by {
            Some(by) => format!("{} by {by}", self.at),
            None => format!("{} automatically", self.at),
        }
    }
}

/// A value with its label, on a line of its own where there is one.
fn line(text: &mut String, label: &str, value: impl AsRef<str>) {
    use std::fmt::Write;
    let value = value.as_ref();
    if !value.is_empty() {
        let _ = writeln!(text, "  {label:<16} {value}");
    }
}

fn yes(holds: bool) -> &'static str {
    if holds { "yes" } else { "no" }
}
