//! Matching policies, and what one set of them finds that another does not.

use std::collections::BTreeMap;
use std::fmt::Write;

use client::v1;
use serde::{Deserialize, Serialize};

use super::answer::Hit;

/// Policies, as they are printed and as a file holds them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policies {
    /// Of a file: the version that it was made from.
    #[serde(default)]
    pub version: Option<u64>,
    pub policies: Vec<Policy>,
}

/// What holds for some lists and purposes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    pub name: String,
    #[serde(default)]
    pub lists: Vec<String>,
    #[serde(default)]
    pub purposes: Vec<String>,
    pub threshold: f64,
    #[serde(default = "weighed")]
    pub birth_date: bool,
    #[serde(default = "weighed")]
    pub nationality: bool,
    #[serde(default = "weighed")]
    pub weak_aliases: bool,
}

fn weighed() -> bool {
    true
}

impl From<v1::Policies> for Policies {
    fn from(message: v1::Policies) -> Self {
        let policy = |policy| {
            let v1::Policy { name, lists, purposes, threshold, birth_date, nationality, weak_aliases } = policy;
            Policy { name, lists, purposes, threshold, birth_date, nationality, weak_aliases }
        };
        Self { version: Some(message.version), policies: message.policies.into_iter().map(policy).collect() }
    }
}

impl Policies {
    /// The message of these policies as a version.
    pub fn to_message(&self, version: u64) -> v1::Policies {
        let policy = |policy: &Policy| {
            let Policy { name, lists, purposes, threshold, birth_date, nationality, weak_aliases } = policy.clone();
            v1::Policy { name, lists, purposes, threshold, birth_date, nationality, weak_aliases }
        };
        v1::Policies { version, policies: self.policies.iter().map(policy).collect() }
    }

    /// The policies in the order in which they are looked at.
    pub fn to_text(&self) -> String {
        let mut text = format!("Version {}\n", self.version.unwrap_or_default());
        for policy in &self.policies {
            let scope = |what: &str, named: &[String]| match named {
                [] => format!("all {what}"),
                named => format!("{what} {}", named.join(", ")),
            };
            let _ = write!(text, "  {:<16} from {:.2}", policy.name, policy.threshold);
            let _ = write!(text, "  {}; {}", scope("lists", &policy.lists), scope("purposes", &policy.purposes));
            let fields = [
                ("date of birth", policy.birth_date),
                ("nationality", policy.nationality),
                ("weak aliases", policy.weak_aliases),
            ];
            let without: Vec<&str> = fields.iter().filter(|(_, weighed)| !weighed).map(|(field, _)| *field).collect();
            if !without.is_empty() {
                let _ = write!(text, "; without {}", without.join(", "));
            }
            text.push('\n');
        }
        text.push_str("  anything else    from 0.70, everything weighed");
        text
    }
}

/// What the second set of policies answers otherwise than the first, to one question.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    pub row: u64,
    /// What was asked, so far as it has a name or a number.
    pub asked: String,
    pub added: Vec<Moved>,
    pub lost: Vec<Moved>,
    pub rescored: Vec<Moved>,
}

/// A record that came, went, or has another score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moved {
    pub id: String,
    pub name: String,
    pub source: Option<String>,
    /// By the first set; none where it does not answer the record.
    pub first: Option<f64>,
    pub second: Option<f64>,
}

impl Difference {
    /// What differs between two answers to the question of a row.
    pub fn between(row: u64, asked: String, first: Vec<Hit>, second: Vec<Hit>) -> Self {
        let moved = |hit: &Hit, first, second| {
            let Hit { id, name, source, .. } = hit.clone();
            Moved { id, name, source, first, second }
        };
        let scores: BTreeMap<&str, f64> = first.iter().map(|hit| (hit.id.as_str(), hit.score)).collect();
        let (mut added, mut rescored) = (Vec::new(), Vec::new());
        for hit in &second {
            match scores.get(hit.id.as_str()) {
                None => added.push(moved(hit, None, Some(hit.score))),
                Some(before) if *before != hit.score => rescored.push(moved(hit, Some(*before), Some(hit.score))),
                Some(_) => {}
            }
        }
        let stays = |hit: &&Hit| second.iter().any(|other| other.id == hit.id);
        let lost = first.iter().filter(|hit| !stays(hit)).map(|hit| moved(hit, Some(hit.score), None)).collect();
        Self { row, asked, added, lost, rescored }
    }

    /// Whether both answer alike.
    pub fn is_none(&self) -> bool {
        self.added.is_empty() && self.lost.is_empty() && self.rescored.is_empty()
    }

    /// One line for the question, one for each record.
    pub fn to_text(&self) -> String {
        let mut text = format!("Row {}: {}", self.row, self.asked);
        let score = |score: Option<f64>| score.map_or("-".to_string(), |score| format!("{score:.3}"));
        for (sign, moved) in [("+", &self.added), ("-", &self.lost), ("~", &self.rescored)] {
            for Moved { name, source, first, second, .. } in moved {
                let list = source.as_deref().unwrap_or("no list");
                let _ = write!(text, "\n  {sign} {name} ({list})  {} -> {}", score(*first), score(*second));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(id: &str, score: f64) -> Hit {
        Hit::from(v1::Hit { id: id.into(), name: id.to_uppercase(), score, ..Default::default() })
    }

    #[test]
    fn what_came_went_and_moved_is_told_apart() {
        let first = vec![hit("a", 0.9), hit("b", 0.8), hit("c", 0.7)];
        let second = vec![hit("b", 0.8), hit("c", 0.75), hit("d", 0.7)];
        let difference = Difference::between(3, "X".into(), first.clone(), second);
        let ids = |moved: &[Moved]| moved.iter().map(|moved| moved.id.clone()).collect::<Vec<_>>();
        assert_eq!((ids(&difference.added), ids(&difference.lost)), (vec!["d".into()], vec!["a".into()]));
        assert_eq!(difference.rescored[0].first.zip(difference.rescored[0].second), Some((0.7, 0.75)));
        assert!(difference.to_text().contains("- A (no list)  0.900 -> -"), "{}", difference.to_text());
        assert!(Difference::between(1, "X".into(), first.clone(), first).is_none());
    }

    #[test]
    fn a_file_needs_no_more_than_name_and_threshold() {
        let file: Policies = serde_json::from_str(r#"{"policies":[{"name":"a","threshold":0.6}]}"#).expect("reads");
        let policy = &file.to_message(4).policies[0];
        assert!(policy.birth_date && policy.nationality && policy.weak_aliases && policy.lists.is_empty());
        let wrong = serde_json::from_str::<Policies>(r#"{"policies":[{"name":"a","threshold":1,"dob":true}]}"#);
        assert!(wrong.expect_err("unknown").to_string().contains("unknown field `dob`"));
    }
}
