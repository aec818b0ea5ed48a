//! The answer to a question at primary.

use std::fmt::Write;

use client::v1;
use serde::Serialize;

use super::overrides::Overridden;
use super::{AuditRef, Warning, optional, percent, weight};

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    pub hits: Vec<Hit>,
    pub as_of: Option<AsOf>,
    pub audit: Option<AuditRef>,
    pub partial: bool,
    /// The version of the matching policies that it was made by.
    pub policy_version: u64,
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
    /// The explanation in one sentence.
    pub sentence: String,
    /// Who asks is not the one looked for; only there when it is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overridden: Option<Overridden>,
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
    /// Of a name: which word met which.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<WordMet>,
}

/// A word of the question and the word of the record that it met; what met none is null on the other side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WordMet {
    pub asked: Option<String>,
    pub found: Option<String>,
    pub how: String,
    pub edits: u32,
    pub bits: i32,
    pub swapped: bool,
}

impl From<v1::Evidence> for Evidence {
    fn from(message: v1::Evidence) -> Self {
        let v1::Evidence { field, asked, found, agreement, weight, note, words } = message;
        let word = |word: v1::WordMet| {
            let v1::WordMet { asked, found, how, edits, bits, swapped } = word;
            WordMet { asked: optional(asked), found: optional(found), how, edits, bits, swapped }
        };
        Self { field, asked, found, agreement, weight, note, words: words.into_iter().map(word).collect() }
    }
}

impl From<v1::ScreenResponse> for Answer {
    fn from(message: v1::ScreenResponse) -> Self {
        let v1::ScreenResponse { hits, as_of, audit, partial, document_checks, warnings, policy_version } = message;
        let check = |v1::DocumentCheck { field, value, result, note }| DocumentCheck { field, value, result, note };
        Self {
            hits: hits.into_iter().map(Hit::from).collect(),
            as_of: as_of.map(|v1::AsOf { token, time }| AsOf { token, time }),
            audit: audit.map(AuditRef::from),
            partial,
            policy_version,
            document_checks: document_checks.into_iter().map(check).collect(),
            warnings: warnings.into_iter().map(Warning::from).collect(),
        }
    }
}

impl From<v1::Hit> for Hit {
    fn from(message: v1::Hit) -> Self {
        let v1::Hit { id, source, source_ref, name, score, action, reason, explanation, version, .. } = message;
        let explanation = explanation.into_iter().map(Evidence::from).collect();
        let (source, source_ref) = (optional(source), optional(source_ref));
        let (sentence, overridden) = (message.sentence, message.overridden.map(Overridden::from));
        let document_state = optional(message.document_state);
        Self {
            id,
            source,
            source_ref,
            name,
            score,
            action,
            reason,
            explanation,
            version,
            sentence,
            overridden,
            document_state,
        }
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
        let overridden = self.hits.iter().filter(|hit| hit.overridden.is_some()).count();
        if overridden > 0 {
            let _ = write!(text, " Of these overridden: {overridden}.");
        }
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
        let (action, score) = (self.action.replace('-', " "), percent(self.score));
        match &self.overridden {
            None => {
                let _ = writeln!(text, "{:<24} {score:>4} %  {}", action.to_uppercase(), self.name);
            }
            Some(Overridden { id, reason, recorded_by, agency, expires }) => {
                let reason = if reason.is_empty() { WITHHELD } else { reason };
                let _ = writeln!(text, "OVERRIDDEN (not this person): {reason}, until {expires}");
                let by = if recorded_by.is_empty() { String::new() } else { format!(" by {recorded_by} of {agency}") };
                let _ = writeln!(text, "  {:<12} {id}{by}", "Override");
                let _ = writeln!(text, "  {:<12} {}, {score} %, action `{action}`", "Lookout", self.name);
            }
        }
        let reason = if self.reason.is_empty() { WITHHELD } else { &self.reason };
        let _ = writeln!(text, "  {:<12} {reason}", "Reason");
        match (&self.source, &self.source_ref) {
            (Some(source), Some(reference)) => {
                let _ = writeln!(text, "  {:<12} {source} {reference}", "List");
            }
            (Some(source), None) => {
                let _ = writeln!(text, "  {:<12} {source}", "List");
            }
            _ => {}
        }
        write_reasons(text, &self.sentence, &self.explanation);
        let _ = writeln!(text, "  {:<12} {} version {}", "Record", self.id, self.version);
    }
}

/// The sentence, and below it what each field added or took.
pub(super) fn write_reasons(text: &mut String, sentence: &str, explanation: &[Evidence]) {
    if !sentence.is_empty() {
        let _ = writeln!(text, "  {:<12} {sentence}", "Because");
    }
    for (at, evidence) in explanation.iter().enumerate() {
        let label = if at == 0 && sentence.is_empty() { "Because" } else { "" };
        let field = evidence.field.replace('_', " ");
        let _ = write!(text, "  {label:<12} {field}: asked `{}`, found `{}`", evidence.asked, evidence.found);
        let _ = write!(text, ", {} % alike, {}", percent(evidence.agreement), weight(evidence.weight));
        let _ = match evidence.note.as_str() {
            "" => writeln!(text),
            note => writeln!(text, " ({note})"),
        };
    }
}

/// In the place of a reason that is not told to who asks; a lookout always has one.
const WITHHELD: &str = "(not shown to you: do as the action says)";

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
                words: Vec::new(),
            }],
            version: 2,
            sentence: "Same year of birth.".into(),
            ..v1::Hit::default()
        };
        Answer::from(v1::ScreenResponse {
            hits: vec![hit; hits],
            as_of: Some(v1::AsOf { token: "t".into(), time: "2026-01-02T03:04:05Z".into() }),
            audit: Some(v1::AuditRef { receipt: "r".into(), released_by: "quorum".into() }),
            partial,
            policy_version: 3,
            ..v1::ScreenResponse::default()
        })
    }

    #[test]
    fn json_is_the_contract() {
        let json = crate::output::json(&answer(1, false)).expect("encodes");
        assert_eq!(
            json,
            r#"{"hits":[{"id":"0a","source":"ofac-sdn","source_ref":"306","name":"Ivan PETROV","score":0.934,"action":"armed-and-dangerous","reason":"SDGT","explanation":[{"field":"birth_date","asked":"1970","found":"1970-01-02","agreement":1.0,"weight":0.2,"note":"same year"}],"version":2,"sentence":"Same year of birth."}],"as_of":{"token":"t","time":"2026-01-02T03:04:05Z"},"audit":{"receipt":"r","released_by":"quorum"},"partial":false,"policy_version":3}"#
        );
    }

    #[test]
    fn text_says_first_what_to_do_and_then_why() {
        let text = answer(1, false).to_text();
        let expected = "\
ARMED AND DANGEROUS        93 %  Ivan PETROV
  Reason       SDGT
  List         ofac-sdn 306
  Because      Same year of birth.
               birth date: asked `1970`, found `1970-01-02`, 100 % alike, +0.20 (same year)
  Record       0a version 2

1 lookout found.
As of 2026-01-02T03:04:05Z. Audited (quorum), receipt r.";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_is_on_primary_alone_says_what_to_do_and_that_more_is_not_shown() {
        let mut minimal = answer(1, false);
        let hit = &mut minimal.hits[0];
        (hit.reason, hit.source, hit.source_ref) = (String::new(), None, None);
        let mark = |hit: &mut Hit| {
            let text = String::new;
            let (id, expires) = ("0b".into(), "2027-01-31T00:00:00Z".into());
            hit.overridden = Some(Overridden { id, reason: text(), recorded_by: text(), agency: text(), expires });
        };
        let text = minimal.to_text();
        assert!(text.contains("Reason       (not shown to you: do as the action says)\n"), "{text}");
        assert!(!text.contains("List"), "{text}");
        mark(&mut minimal.hits[0]);
        let text = minimal.to_text();
        assert!(text.contains("OVERRIDDEN (not this person): (not shown to you"), "{text}");
        assert!(text.contains("Override     0b\n"), "{text}");
    }

    #[test]
    fn an_overridden_hit_stays_and_does_not_shout() {
        let mut overridden = answer(2, false);
        overridden.hits[1].overridden = Some(Overridden {
            id: "0b".into(),
            reason: "another man".into(),
            recorded_by: "supervisor".into(),
            agency: "CBP".into(),
            expires: "2027-06-30T00:00:00Z".into(),
        });
        let text = overridden.to_text();
        let expected = "\
OVERRIDDEN (not this person): another man, until 2027-06-30T00:00:00Z
  Override     0b by supervisor of CBP
  Lookout      Ivan PETROV, 93 %, action `armed and dangerous`
  Reason       SDGT
";
        assert!(text.contains(expected), "{text}");
        assert_eq!(text.matches("ARMED AND DANGEROUS").count(), 1, "that of the other hit: {text}");
        assert!(text.contains("2 lookouts found. Of these overridden: 1.\n"), "{text}");
        let json = crate::output::json(&overridden).expect("encodes");
        let mark = r#""sentence":"Same year of birth.","overridden":{"id":"0b","reason":"another man","recorded_by":"supervisor","agency":"CBP","expires":"2027-06-30T00:00:00Z"}}"#;
        assert!(json.contains(mark), "{json}");
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
        let tail = r#""partial":false,"policy_version":0,"document_checks":[{"field":"document_number","value":"L898902C3","result":"ok","note":""},{"field":"expiry","value":"2012-04-15","result":"ok","note":"expired on 2012-04-15"}],"warnings":[{"field":"expiry","text":"the document expired on 2012-04-15"}]}"#;
        assert!(json.ends_with(tail), "{json}");
        let mut reported = answer(1, false);
        reported.hits[0].document_state = Some("stolen".into());
        assert!(reported.to_text().starts_with("DOCUMENT REPORTED STOLEN\nARMED AND DANGEROUS"));
        let json = crate::output::json(&reported).expect("encodes");
        assert!(json.contains(r#""sentence":"Same year of birth.","document_state":"stolen"}"#), "{json}");
    }

    #[test]
    fn a_partial_answer_without_a_hit_is_never_clear() {
        assert!(answer(0, false).to_text().starts_with("No lookout found."));
        assert!(answer(0, true).to_text().starts_with("NOT FULLY CHECKED"));
        assert!(answer(0, true).is_not_fully_checked() && !answer(1, true).is_not_fully_checked());
        assert!(answer(2, true).to_text().contains("2 found, NOT FULLY CHECKED"));
    }
}
