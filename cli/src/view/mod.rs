//! Answers as they are printed: JSON by serde, text by `to_text`. The JSON is a contract; fields are only ever added.

pub mod answer;
pub mod cluster;
pub mod event;
pub mod explanation;
pub mod lookout;
pub mod overrides;
pub mod people;
pub mod policy;
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

/// A share in percent: whole, but for what is all but the whole, which is told from it.
fn percent(share: f64) -> String {
    match (share * 1_000.0).floor() {
        tenths if (995.0..1_000.0).contains(&tenths) => format!("{:.1}", tenths / 10.0),
        _ => format!("{:.0}", share * 100.0),
    }
}

/// What a part adds or takes: two decimals, and for what is less as many as show it.
fn weight(weight: f64) -> String {
    let decimals = (2..MILLIONTHS).find(|decimals| weight.abs() >= 0.995 / 10f64.powi(*decimals)).unwrap_or(MILLIONTHS);
    match weight.abs() < 1e-9 {
        true => "+0".to_string(),
        false => format!("{weight:+.0$}", decimals as usize),
    }
}

/// Decimals of the steps of a score.
const MILLIONTHS: i32 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_the_whole_does_not_look_so_and_what_is_little_is_shown() {
        for (share, text) in [
            (0.934, "93"),
            (0.9949, "99"),
            (0.995, "99.5"),
            (0.9985, "99.8"),
            (0.9999, "99.9"),
            (1.0, "100"),
            (0.0, "0"),
        ] {
            assert_eq!(percent(share), text, "{share}");
        }
        for (part, text) in [
            (0.98, "+0.98"),
            (-0.12, "-0.12"),
            (0.014, "+0.01"),
            (0.0034, "+0.003"),
            (-0.00021, "-0.0002"),
            (0.000004, "+0.000004"),
            (0.0, "+0"),
        ] {
            assert_eq!(weight(part), text, "{part}");
        }
    }
}
