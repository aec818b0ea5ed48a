//! An audit event, opened.

use std::fmt::Write;

use client::v1;
use serde::Serialize;

use super::optional;

/// An event of the audit log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    pub index: u64,
    pub recorded_at: String,
    pub at: String,
    pub kind: String,
    pub verdict: String,
    pub code: Option<String>,
    pub id: String,
    pub node: u64,
    pub port: String,
    pub user: String,
    pub agency: String,
    pub purpose: String,
    pub answer_sha256: Option<String>,
    pub changes: Vec<ChangedRecord>,
    pub released_by: String,
    pub source: Option<String>,
    pub receipt: String,
    pub terms: Vec<Term>,
    pub results: Vec<Found>,
    pub text: Option<String>,
    /// The version of the matching policies that the answer was made by.
    pub policy_version: Option<u64>,
    /// How the audit names the session.
    pub session: Option<String>,
    /// The event's number within its session.
    pub session_sequence: Option<u64>,
    /// The same within its port.
    pub port_sequence: Option<u64>,
    pub category: Option<String>,
    pub function: Option<String>,
    /// Of the access policies that decided.
    pub policies_sha256: Option<String>,
    pub decided_on: Option<DecidedOn>,
    /// Microseconds from the request's arrival to its event.
    pub micros: u64,
    pub answer_bytes: u64,
}

/// What a decision was made on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DecidedOn {
    pub directory_index: u64,
    pub profile_version: u64,
    pub agreement_version: u64,
}

/// A changed record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedRecord {
    pub id: String,
    pub version: u64,
    pub change: String,
}

/// One field of a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Term {
    pub field: String,
    pub value: String,
}

/// One answered record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    pub id: String,
    pub version: u64,
    pub score: f64,
    /// The hit was marked as overridden; only there when it was.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub overridden: bool,
}

impl From<v1::AuditEvent> for Event {
    fn from(message: v1::AuditEvent) -> Self {
        let v1::AuditEvent {
            index,
            recorded_at,
            at,
            kind,
            verdict,
            code,
            id,
            node,
            port,
            user,
            agency,
            purpose,
            answer_sha256,
            changes,
            released_by,
            source,
            receipt,
            terms,
            results,
            text,
            policy_version,
            session,
            session_sequence,
            port_sequence,
            category,
            function,
            policies_sha256,
            decided_on,
            micros,
            answer_bytes,
        } = message;
        let changes =
            changes.into_iter().map(|v1::AuditChange { id, version, change }| ChangedRecord { id, version, change });
        let terms = terms.into_iter().map(|v1::AuditTerm { field, value }| Term { field, value });
        let results = results.into_iter().map(|v1::AuditResult { id, version, score, overridden }| Found {
            id,
            version,
            score,
            overridden,
        });
        Self {
            index,
            recorded_at,
            at,
            kind,
            verdict,
            code: optional(code),
            id,
            node,
            port,
            user,
            agency,
            purpose,
            answer_sha256: optional(answer_sha256),
            changes: changes.collect(),
            released_by,
            source: optional(source),
            receipt,
            terms: terms.collect(),
            results: results.collect(),
            text: optional(text),
            policy_version,
            session: optional(session),
            session_sequence,
            port_sequence,
            category: optional(category),
            function: optional(function),
            policies_sha256: optional(policies_sha256),
            decided_on: decided_on.map(|on| DecidedOn {
                directory_index: on.directory_index,
                profile_version: on.profile_version,
                agreement_version: on.agreement_version,
            }),
            micros,
            answer_bytes,
        }
    }
}

impl Event {
    /// Who, when, where, why on one line; what was asked and what came of it below.
    pub fn to_text(&self) -> String {
        let code = self.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
        let mut text = format!(
            "{:>8}  {}  {} {}{code}  {} of {} at {} for {} (node {}, {})",
            self.index,
            self.recorded_at,
            self.kind,
            self.verdict,
            self.user,
            self.agency,
            self.port,
            self.purpose,
            self.node,
            self.released_by
        );
        if !self.terms.is_empty() {
            // A machine readable zone has line breaks.
            let value = |term: &Term| term.value.replace(['\r', '\n'], " ");
            let terms: Vec<String> =
                self.terms.iter().map(|term| format!("{}=`{}`", term.field, value(term))).collect();
            let _ = write!(text, "\n          asked   {}", terms.join(" "));
        }
        if self.kind == "query" || !self.results.is_empty() {
            let _ = write!(text, "\n          found   {}", found(&self.results));
        }
        if let Some(source) = &self.source {
            let _ = write!(text, "\n          list    {source}");
        }
        match self.changes.as_slice() {
            [] => {}
            [one] => {
                let _ = write!(text, "\n          change  {} {} v{}", one.change, one.id, one.version);
            }
            more => {
                let _ = write!(text, "\n          change  {} records", more.len());
            }
        }
        if let Some(words) = &self.text {
            let _ = write!(text, "\n          text    {words}");
        }
        text
    }
}

/// The first records found, with their scores where they have one, and how many more there are.
fn found(results: &[Found]) -> String {
    const SHOWN: usize = 5;
    let show = |Found { id, version, score, overridden }: &Found| {
        let mark = if *overridden { " overridden" } else { "" };
        match *score {
            0.0 => format!("{id} v{version}{mark}"),
            // No score is the whole, and none looks so.
            score if score >= 0.995 => format!("{id} v{version} {:.3}{mark}", (score * 1_000.0).floor() / 1_000.0),
            score => format!("{id} v{version} {score:.2}{mark}"),
        }
    };
    let shown: Vec<String> = results.iter().take(SHOWN).map(show).collect();
    match results.len() {
        0 => "nothing".to_string(),
        n if n > SHOWN => format!("{} and {} more", shown.join(", "), n - SHOWN),
        _ => shown.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_reads_as_a_sentence_about_who_asked_what() {
        let event = Event::from(v1::AuditEvent {
            index: 7,
            recorded_at: "2026-01-02T03:04:05.678Z".into(),
            kind: "query".into(),
            verdict: "answered".into(),
            user: "officer".into(),
            agency: "CBP".into(),
            port: "2404".into(),
            purpose: "primary".into(),
            node: 2,
            released_by: "quorum".into(),
            terms: vec![v1::AuditTerm { field: "name".into(), value: "Ivan".into() }],
            ..v1::AuditEvent::default()
        });
        let text = event.to_text();
        assert!(text.contains("query answered  officer of CBP at 2404 for primary (node 2, quorum)"), "{text}");
        assert!(text.contains("asked   name=`Ivan`") && text.contains("found   nothing"), "{text}");
        let hit = |overridden| Found { id: "0a".into(), version: 1, score: 0.9, overridden };
        assert_eq!(found(&[hit(false), hit(true)]), "0a v1 0.90, 0a v1 0.90 overridden");
    }
}
