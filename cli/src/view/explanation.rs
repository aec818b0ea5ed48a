//! Why a record came up for a question, or did not.

use std::fmt::Write;

use client::v1;
use serde::Serialize;

use super::answer::{AsOf, Evidence, WordMet, write_reasons};
use super::overrides::Overridden;
use super::{AuditRef, optional, percent};

/// An explanation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    pub record: String,
    pub version: u64,
    pub name: String,
    pub outcome: String,
    pub reason: String,
    pub threshold: f64,
    pub bound: Option<f64>,
    pub score: f64,
    pub rank: Option<u32>,
    pub explanation: Vec<Evidence>,
    pub sentence: String,
    pub words: Vec<WordFound>,
    pub supposed: Vec<Supposed>,
    pub indexed: bool,
    pub as_of: Option<AsOf>,
    pub audit: Option<AuditRef>,
    pub policy_version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overridden: Option<Overridden>,
}

/// What a word of the question finds among all words of the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WordFound {
    pub asked: String,
    pub found: Option<String>,
    pub bits: i32,
}

/// The question with what the record holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Supposed {
    pub fields: Vec<Field>,
    pub score: f64,
    pub found: bool,
}

/// A field of a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    pub field: String,
    pub value: String,
}

impl Field {
    fn name(&self) -> &str {
        if self.field == "birth_date" { "date of birth" } else { &self.field }
    }
}

impl From<v1::ExplainResponse> for Explanation {
    fn from(message: v1::ExplainResponse) -> Self {
        let v1::ExplainResponse { record, version, name, outcome, reason, threshold, bound, score, .. } = message;
        let found = |word: v1::WordFound| {
            let v1::WordFound { asked, found, bits } = word;
            WordFound { asked, found: optional(found), bits }
        };
        let supposed = |supposed: v1::Supposed| {
            let v1::Supposed { fields, score, found } = supposed;
            let fields = fields.into_iter().map(|v1::AuditTerm { field, value }| Field { field, value });
            Supposed { fields: fields.collect(), score, found }
        };
        Self {
            record,
            version,
            name,
            outcome,
            reason,
            threshold,
            bound,
            score,
            rank: Some(message.rank).filter(|rank| *rank > 0),
            explanation: message.explanation.into_iter().map(Evidence::from).collect(),
            sentence: message.sentence,
            words: message.words.into_iter().map(found).collect(),
            supposed: message.supposed.into_iter().map(supposed).collect(),
            indexed: message.indexed,
            as_of: message.as_of.map(|v1::AsOf { token, time }| AsOf { token, time }),
            audit: message.audit.map(AuditRef::from),
            policy_version: message.policy_version,
            overridden: message.overridden.map(Overridden::from),
        }
    }
}

impl Explanation {
    /// First whether it comes up and why, then word by word.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "{:<24} {:>4} %  {}", self.verdict(), percent(self.score), self.name);
        let mut reason = self.reason.chars();
        let first = reason.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
        let _ = writeln!(text, "  {:<12} {first}{}.", "Why", reason.as_str());
        if let Some(Overridden { reason, expires, .. }) = &self.overridden {
            let _ = writeln!(text, "  {:<12} not this person: {reason}, until {expires}", "Overridden");
        }
        for supposed in &self.supposed {
            let fields = supposed.fields.iter();
            let fields = fields.map(|field| format!("the {} {}", field.name(), field.value));
            let fields = fields.collect::<Vec<_>>().join(" and ");
            let comes_up = if supposed.found { "and come up" } else { "and not come up either" };
            let _ =
                writeln!(text, "  {:<12} With {fields} it would score {} % {comes_up}.", "", percent(supposed.score));
        }
        write_reasons(&mut text, &self.sentence, &self.explanation);
        let met: Vec<&WordMet> = self.explanation.iter().flat_map(|evidence| &evidence.words).collect();
        if met.iter().all(|word| word.asked.is_none() || word.found.is_none()) {
            write_table(&mut text, self.words.iter().map(row_of_found).collect());
        } else {
            write_table(&mut text, met.into_iter().map(row_of_met).collect());
        }
        let indexed = match self.indexed || self.outcome == "not-in-force" {
            true => "",
            false => ", not indexed yet, which hides it from no question",
        };
        let _ = writeln!(text, "  {:<12} {} version {}{indexed}", "Record", self.record, self.version);
        text.push('\n');
        if let Some(as_of) = &self.as_of {
            let _ = write!(text, "As of {}. ", as_of.time);
        }
        if let Some(audit) = &self.audit {
            let _ = write!(text, "Audited ({}), receipt {}.", audit.released_by, audit.receipt);
        }
        text
    }

    fn verdict(&self) -> String {
        match (self.outcome.as_str(), self.rank) {
            ("found", Some(rank)) => format!("FOUND AS NUMBER {rank}"),
            (outcome, _) => outcome.replace('-', " ").to_uppercase(),
        }
    }
}

/// Asked, found, how, bits.
type Row = [String; 4];

fn row_of_met(word: &WordMet) -> Row {
    let mut how = word.how.replace('-', " ");
    if word.edits > 0 {
        let _ = write!(how, " of {} edit{}", word.edits, if word.edits == 1 { "" } else { "s" });
    }
    if word.swapped {
        how.push_str(", other order");
    }
    let side = |word: &Option<String>| word.clone().unwrap_or_else(|| "-".to_string());
    [side(&word.asked), side(&word.found), how, bits(word.bits)]
}

fn row_of_found(word: &WordFound) -> Row {
    let (found, how) = match (&word.found, word.bits) {
        (None, _) => ("-".to_string(), "no key in common"),
        (Some(found), 0) => (found.clone(), "too far apart"),
        (Some(found), _) => (found.clone(), "at most"),
    };
    [word.asked.clone(), found, how.to_string(), bits(word.bits)]
}

fn bits(hundredths: i32) -> String {
    format!("{:+.1}", f64::from(hundredths) / 100.0)
}

/// Characters of a column at most, so that one long word does not push the others away.
const COLUMN_MAX: usize = 36;

fn write_table(text: &mut String, rows: Vec<Row>) {
    if rows.is_empty() {
        return;
    }
    let heads = ["asked", "found", "how", "bits"].map(str::to_string);
    let rows: Vec<Row> = std::iter::once(heads).chain(rows).collect();
    let widths: Vec<usize> = (0..3)
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).min(COLUMN_MAX))
        .collect();
    for (at, [asked, found, how, bits]) in rows.iter().enumerate() {
        let label = if at == 0 { "Words" } else { "" };
        let (one, two, three) = (widths[0], widths[1], widths[2]);
        let _ = writeln!(text, "  {label:<12} {asked:<one$}  {found:<two$}  {how:<three$}  {bits:>5}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(asked: &str, found: &str, how: &str, (edits, bits, swapped): (u32, i32, bool)) -> v1::WordMet {
        v1::WordMet { asked: asked.into(), found: found.into(), how: how.into(), edits, bits, swapped }
    }

    fn response() -> v1::ExplainResponse {
        v1::ExplainResponse {
            record: "0a".into(),
            version: 2,
            name: "Ivan PETROV".into(),
            outcome: "below-threshold".into(),
            reason: "it scores 0.58, 0.12 below the threshold 0.70".into(),
            threshold: 0.7,
            bound: Some(0.8),
            score: 0.58,
            explanation: vec![v1::Evidence {
                field: "name".into(),
                asked: "Petrow Iwan".into(),
                found: "Ivan Sergeevich Petrov".into(),
                agreement: 0.58,
                weight: 0.58,
                note: "another spelling of the name".into(),
                words: vec![
                    word("Petrow", "Petrov", "sounds-alike", (0, 412, false)),
                    word("Iwan", "Ivan", "typing-error", (1, 300, true)),
                    word("", "Sergeevich", "extra", (0, -180, false)),
                ],
            }],
            sentence: "Name sounding alike (Petrow~Petrov).".into(),
            words: vec![v1::WordFound { asked: "Petrow".into(), found: "Petrov".into(), bits: 412 }],
            supposed: vec![v1::Supposed {
                fields: vec![v1::AuditTerm { field: "birth_date".into(), value: "1970".into() }],
                score: 0.96,
                found: true,
            }],
            rank: 0,
            indexed: true,
            as_of: Some(v1::AsOf { token: "t".into(), time: "2026-01-02T03:04:05Z".into() }),
            audit: Some(v1::AuditRef { receipt: "r".into(), released_by: "quorum".into() }),
            policy_version: 0,
            overridden: None,
        }
    }

    #[test]
    fn json_is_the_contract() {
        let message = v1::ExplainResponse { explanation: Vec::new(), ..response() };
        let json = crate::output::json(&Explanation::from(message)).expect("encodes");
        let expected = r#"{"record":"0a","version":2,"name":"Ivan PETROV","outcome":"below-threshold","reason":"it scores 0.58, 0.12 below the threshold 0.70","threshold":0.7,"bound":0.8,"score":0.58,"rank":null,"explanation":[],"sentence":"Name sounding alike (Petrow~Petrov).","words":[{"asked":"Petrow","found":"Petrov","bits":412}],"supposed":[{"fields":[{"field":"birth_date","value":"1970"}],"score":0.96,"found":true}],"indexed":true,"as_of":{"token":"t","time":"2026-01-02T03:04:05Z"},"audit":{"receipt":"r","released_by":"quorum"},"policy_version":0}"#;
        assert_eq!(json, expected);
        let json = crate::output::json(&Explanation::from(response())).expect("encodes");
        let word = r#"{"asked":null,"found":"Sergeevich","how":"extra","edits":0,"bits":-180,"swapped":false}"#;
        assert!(json.contains(word), "{json}");
    }

    #[test]
    fn text_says_first_whether_and_why_and_then_word_by_word() {
        let expected = "\
BELOW THRESHOLD            58 %  Ivan PETROV
  Why          It scores 0.58, 0.12 below the threshold 0.70.
               With the date of birth 1970 it would score 96 % and come up.
  Because      Name sounding alike (Petrow~Petrov).
               name: asked `Petrow Iwan`, found `Ivan Sergeevich Petrov`, 58 % alike, +0.58 (another spelling of the name)
  Words        asked   found       how                                   bits
               Petrow  Petrov      sounds alike                          +4.1
               Iwan    Ivan        typing error of 1 edit, other order   +3.0
               -       Sergeevich  extra                                 -1.8
  Record       0a version 2

As of 2026-01-02T03:04:05Z. Audited (quorum), receipt r.";
        assert_eq!(Explanation::from(response()).to_text(), expected);
    }

    #[test]
    fn a_record_that_is_not_compared_shows_what_each_word_finds() {
        let words = vec![
            v1::WordFound { asked: "Peter".into(), found: String::new(), bits: 0 },
            v1::WordFound { asked: "Petrow".into(), found: "Pietro".into(), bits: 0 },
        ];
        let message = v1::ExplainResponse {
            outcome: "no-candidate".into(),
            reason: "no word".into(),
            score: 0.0,
            explanation: Vec::new(),
            sentence: String::new(),
            supposed: Vec::new(),
            indexed: false,
            words,
            ..response()
        };
        let text = Explanation::from(message).to_text();
        assert!(text.starts_with("NO CANDIDATE                0 %  Ivan PETROV\n  Why          No word.\n"), "{text}");
        assert!(text.contains("  Words        asked   found   how                bits\n"), "{text}");
        assert!(text.contains("               Peter   -       no key in common   +0.0\n"), "{text}");
        assert!(text.contains("               Petrow  Pietro  too far apart      +0.0\n"), "{text}");
        assert!(text.contains("not indexed yet"), "{text}");
        let found = v1::ExplainResponse { outcome: "found".into(), rank: 3, ..response() };
        assert!(Explanation::from(found).to_text().starts_with("FOUND AS NUMBER 3"));
    }
}
