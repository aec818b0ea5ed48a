//! The answer to a question at primary.

use std::fmt::Write;

use client::v1;
use serde::Serialize;

use super::{AuditRef, Warning, optional};

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    pub hits: Vec<Hit>,
    pub as_of: Option<AsOf>,
    pub audit: Option<AuditRef>,
    pub partial: bool,
    /// What came of the fields of a machine readable zone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub document_checks: Vec<DocumentCheck>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// A field of a machine readable zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DocumentCheck {
    pub field: String,
    pub value: String,
    pub result: String,
    pub note: String,
}

/// The position that the answer stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AsOf {
    pub token: String,
    pub time: String,
}

/// A record that may be the one asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    pub id: String,
    pub source: Option<String>,
    pub source_ref: Option<String>,
    pub name: String,
    pub score: f64,
    pub action: String,
    pub reason: String,
    pub explanation: Vec<Evidence>,
    pub version: u64,
    /// What is reported of the very document that was asked for; only there when something is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document_state: Option<String>,
}

/// One field that met or spoke against.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    pub field: String,
    pub asked: String,
    pub found: String,
    pub agreement: f64,
    pub weight: f64,
    pub note: String,
}

impl From<v1::ScreenResponse> for Answer {
    fn from(message: v1::ScreenResponse) -> Self {
        let v1::ScreenResponse { hits, as_of, audit, partial, document_checks, warnings } = message;
        let check = |v1::DocumentCheck { field, value, result, note }| DocumentCheck { field, value, result, note };
        Self {
            hits: hits.into_iter().map(Hit::from).collect(),
            as_of: as_of.map(|v1::AsOf { token, time }| AsOf { token, time }),
            audit: audit.map(AuditRef::from),
            partial,
            document_checks: document_checks.into_iter().map(check).collect(),
            warnings: warnings.into_iter().map(Warning::from).collect(),
        }
    }
}

impl From<v1::Hit> for Hit {
    fn from(message: v1::Hit) -> Self {
        let v1::Hit { id, source, source_ref, name, score, action, reason, explanation, version, document_state } =
            message;
        let explanation = explanation
            .into_iter()
            .map(|v1::Evidence { field, asked, found, agreement, weight, note }| Evidence {
                field,
                asked,
                found,
                agreement,
                weight,
                note,
            })
            .collect();
        let (source, source_ref, document_state) = (optional(source), optional(source_ref), optional(document_state));
        Self { id, source, source_ref, name, score, action, reason, explanation, version, document_state }
    }
}

impl Answer {
    /// Whether the answer says less than it should: not every group answered, and nothing was found.
    pub fn is_not_fully_checked(&self) -> bool {
        self.partial && self.hits.is_empty()
    }

    /// The answer as an officer reads it: first what to do, then who, then why.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for warning in &self.warnings {
            let _ = writeln!(text, "{}", warning.to_line());
        }
        if !self.warnings.is_empty() && !self.hits.is_empty() {
            text.push('\n');
        }
        for hit in &self.hits {
            hit.write(&mut text);
            text.push('\n');
        }
        let verdict = match (self.hits.len(), self.partial) {
            (0, false) => "No lookout found.".to_string(),
            (0, true) => "NOT FULLY CHECKED: part of the records did not answer in time. This is not a clear answer; \
                          ask again."
                .to_string(),
            (1, false) => "1 lookout found.".to_string(),
            (n, false) => format!("{n} lookouts found."),
            (n, true) => format!("{n} found, NOT FULLY CHECKED: part of the records did not answer in time."),
        };
        text.push_str(&verdict);
        text.push('\n');
        for (at, check) in self.document_checks.iter().enumerate() {
            let label = if at == 0 { "Document" } else { "" };
            let (field, note) = (check.field.replace('_', " "), &check.note);
            let note = if note.is_empty() { String::new() } else { format!(" ({note})") };
            let line = format!("{label:<10} {field:<16} {:<10} {}{note}", check.result, check.value);
            let _ = writeln!(text, "{}", line.trim_end());
        }
        if let Some(as_of) = &self.as_of {
            let _ = write!(text, "As of {}. ", as_of.time);
        }
        if let Some(audit) = &self.audit {
            let _ = write!(text, "Audited ({}), receipt {}.", audit.released_by, audit.receipt);
        }
        text
    }
}

impl Hit {
    fn write(&self, text: &mut String) {
        if let Some(state) = &self.document_state {
            let _ = writeln!(text, "DOCUMENT REPORTED {}", state.to_uppercase());
        }
        let action = self.action.replace('-', " ").to_uppercase();
        let _ = writeln!(text, "{action:<24} {:>3.0} %  {}", self.score * 100.0, self.name);
        let _ = writeln!(text, "  {:<12} {}", "Reason", self.reason);
        match (&self.source, &self.source_ref) {
            (Some(source), Some(reference)) => {
                let _ = writeln!(text, "  {:<12} {source} {reference}", "List");
            }
            (Some(source), None) => {
                let _ = writeln!(text, "  {:<12} {source}", "List");
            }
            _ => {}
        }
        for (at, evidence) in self.explanation.iter().enumerate() {
            let label = if at == 0 { "Because" } else { "" };
            let field = evidence.field.replace('_', " ");
            let _ = write!(text, "  {label:<12} {field}: asked `{}`, found `{}`", evidence.asked, evidence.found);
            let _ = write!(text, ", {:.0} % alike, {:+.2}", evidence.agreement * 100.0, evidence.weight);
            let _ = match evidence.note.as_str() {
                "" => writeln!(text),
                note => writeln!(text, " ({note})"),
            };
        }
        let _ = writeln!(text, "  {:<12} {} version {}", "Record", self.id, self.version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(hits: usize, partial: bool) -> Answer {
        let hit = v1::Hit {
            id: "0a".into(),
            source: "ofac-sdn".into(),
            source_ref: "306".into(),
            name: "Ivan PETROV".into(),
            score: 0.934,
            action: "armed-and-dangerous".into(),
            reason: "SDGT".into(),
            explanation: vec![v1::Evidence {
                field: "birth_date".into(),
                asked: "1970".into(),
                found: "1970-01-02".into(),
                agreement: 1.0,
                weight: 0.2,
                note: "same year".into(),
            }],
            version: 2,
            ..v1::Hit::default()
        };
        Answer::from(v1::ScreenResponse {
            hits: vec![hit; hits],
            as_of: Some(v1::AsOf { token: "t".into(), time: "2026-01-02T03:04:05Z".into() }),
            audit: Some(v1::AuditRef { receipt: "r".into(), released_by: "quorum".into() }),
            partial,
            ..v1::ScreenResponse::default()
        })
    }

    #[test]
    fn json_is_the_contract() {
        let json = crate::output::json(&answer(1, false)).expect("encodes");
        assert_eq!(
            json,
            r#"{"hits":[{"id":"0a","source":"ofac-sdn","source_ref":"306","name":"Ivan PETROV","score":0.934,"action":"armed-and-dangerous","reason":"SDGT","explanation":[{"field":"birth_date","asked":"1970","found":"1970-01-02","agreement":1.0,"weight":0.2,"note":"same year"}],"version":2}],"as_of":{"token":"t","time":"2026-01-02T03:04:05Z"},"audit":{"receipt":"r","released_by":"quorum"},"partial":false}"#
        );
    }

    #[test]
    fn text_says_first_what_to_do_and_then_why() {
        let text = answer(1, false).to_text();
        let expected = "\
ARMED AND DANGEROUS       93 %  Ivan PETROV
  Reason       SDGT
  List         ofac-sdn 306
  Because      birth date: asked `1970`, found `1970-01-02`, 100 % alike, +0.20 (same year)
  Record       0a version 2

1 lookout found.
As of 2026-01-02T03:04:05Z. Audited (quorum), receipt r.";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_document_is_said_before_and_after_the_hits_even_where_there_are_none() {
        let check = |field: &str, value: &str, result: &str, note: &str| v1::DocumentCheck {
            field: field.into(),
            value: value.into(),
            result: result.into(),
            note: note.into(),
        };
        let message = v1::ScreenResponse {
            document_checks: vec![
                check("document_number", "L898902C3", "ok", ""),
                check("expiry", "2012-04-15", "ok", "expired on 2012-04-15"),
            ],
            warnings: vec![v1::Warning { field: "expiry".into(), text: "the document expired on 2012-04-15".into() }],
            ..v1::ScreenResponse::default()
        };
        let expected = "\
WARNING expiry: the document expired on 2012-04-15
No lookout found.
Document   document number  ok         L898902C3
           expiry           ok         2012-04-15 (expired on 2012-04-15)
";
        assert_eq!(Answer::from(message.clone()).to_text(), expected);
        let json = crate::output::json(&Answer::from(message)).expect("encodes");
        let tail = r#""partial":false,"document_checks":[{"field":"document_number","value":"L898902C3","result":"ok","note":""},{"field":"expiry","value":"2012-04-15","result":"ok","note":"expired on 2012-04-15"}],"warnings":[{"field":"expiry","text":"the document expired on 2012-04-15"}]}"#;
        assert!(json.ends_with(tail), "{json}");
        let mut reported = answer(1, false);
        reported.hits[0].document_state = Some("stolen".into());
        assert!(reported.to_text().starts_with("DOCUMENT REPORTED STOLEN\nARMED AND DANGEROUS"));
        let json = crate::output::json(&reported).expect("encodes");
        assert!(json.contains(r#""version":2,"document_state":"stolen"}"#), "{json}");
    }

    #[test]
    fn a_partial_answer_without_a_hit_is_never_clear() {
        assert!(answer(0, false).to_text().starts_with("No lookout found."));
        assert!(answer(0, true).to_text().starts_with("NOT FULLY CHECKED"));
        assert!(answer(0, true).is_not_fully_checked() && !answer(1, true).is_not_fully_checked());
        assert!(answer(2, true).to_text().contains("2 found, NOT FULLY CHECKED"));
    }
}
