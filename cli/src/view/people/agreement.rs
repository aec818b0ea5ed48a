//! Agreements and memoranda.

use client::v1;
use client::v1::memorandum_terms::Subject;
use serde::Serialize;

use super::{Stamp, line, yes};
use crate::view::{AuditRef, optional};

/// An agreement with an agency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Agreement {
    pub id: String,
    pub agency: String,
    pub kind: String,
    pub stage: String,
    pub in_force: bool,
    pub functions: Vec<String>,
    pub datasets: Vec<String>,
    pub levels: Vec<String>,
    pub redissemination: bool,
    pub authority: String,
    /// As `agreement draft --system` takes them.
    pub systems: Vec<String>,
    pub effective: String,
    pub expires: String,
    pub until: Option<String>,
    pub drafted: Option<Stamp>,
    pub reviewed: Option<Stamp>,
    pub approved: Option<Stamp>,
    pub annual_review: Option<Stamp>,
    pub ended: Option<Stamp>,
    pub version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditRef>,
}

impl Agreement {
    /// An agreement of an answer.
    pub fn new(message: v1::Agreement, audit: Option<v1::AuditRef>) -> Self {
        let terms = message.terms.unwrap_or_default();
        let system = |link: v1::SystemPrincipal| format!("{}={}", link.system, link.certificate);
        Self {
            id: message.id,
            agency: message.agency,
            kind: terms.kind,
            stage: message.stage,
            in_force: message.in_force,
            functions: terms.functions,
            datasets: terms.datasets,
            levels: terms.levels,
            redissemination: terms.redissemination,
            authority: terms.authority,
            systems: terms.systems.into_iter().map(system).collect(),
            effective: terms.effective,
            expires: terms.expires,
            until: optional(message.until),
            drafted: message.drafted.map(Stamp::from),
            reviewed: message.reviewed.map(Stamp::from),
            approved: message.approved.map(Stamp::from),
            annual_review: message.annual_review.map(Stamp::from),
            ended: message.ended.map(Stamp::from),
            version: message.version,
            audit: audit.map(AuditRef::from),
        }
    }

    fn state(&self) -> String {
        if self.in_force { "in force".into() } else { format!("{}, not in force", self.stage) }
    }

    /// On one line, as lists show it.
    pub fn to_line(&self) -> String {
        let (agency, id, kind) = (&self.agency, &self.id, &self.kind);
        format!("{agency:<8} {id:<16} {kind:<5} v{:<3} {}", self.version, self.state())
    }

    /// Line by line.
    pub fn to_text(&self) -> String {
        let mut text = format!("{} with {}  {}\n", self.id, self.agency, self.state().to_uppercase());
        line(&mut text, "Kind", &self.kind);
        line(&mut text, "Authority", &self.authority);
        line(&mut text, "Functions", self.functions.join(", "));
        line(&mut text, "Datasets", self.datasets.join(", "));
        line(&mut text, "Levels", self.levels.join(", "));
        line(&mut text, "Passing on", yes(self.redissemination));
        self.systems.iter().for_each(|system| line(&mut text, "System", system));
        line(&mut text, "Window", format!("{} to {}", self.effective, self.expires));
        line(&mut text, "Lapses", self.until.clone().unwrap_or_default());
        let steps = [
            ("Drafted", &self.drafted),
            ("Reviewed", &self.reviewed),
            ("Approved", &self.approved),
            ("Last review", &self.annual_review),
            ("Ended", &self.ended),
        ];
        for (label, stamp) in steps {
            line(&mut text, label, stamp.as_ref().map(Stamp::to_text).unwrap_or_default());
        }
        line(&mut text, "Version", self.version.to_string());
        text
    }
}

/// A memorandum of an owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Memorandum {
    pub id: String,
    pub owner: String,
    pub stage: String,
    pub in_force: bool,
    /// None: the owner's records of level 4.
    pub class: Option<String>,
    pub to_agency: Option<String>,
    pub to_users: Vec<String>,
    pub verbs: Vec<String>,
    pub from: String,
    pub to: String,
    pub drafted: Option<Stamp>,
    pub accepted: Option<Stamp>,
    pub ended: Option<Stamp>,
    pub version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditRef>,
}

impl Memorandum {
    /// A memorandum of an answer.
    pub fn new(message: v1::Memorandum, audit: Option<v1::AuditRef>) -> Self {
        let terms = message.terms.unwrap_or_default();
        Self {
            id: message.id,
            owner: terms.owner,
            stage: message.stage,
            in_force: message.in_force,
            class: match terms.subject {
                Some(Subject::Class(class)) => Some(class),
                Some(Subject::LevelFour(_)) | None => None,
            },
            to_agency: optional(terms.to_agency),
            to_users: terms.to_users,
            verbs: terms.verbs,
            from: terms.from,
            to: terms.to,
            drafted: message.drafted.map(Stamp::from),
            accepted: message.accepted.map(Stamp::from),
            ended: message.ended.map(Stamp::from),
            version: message.version,
            audit: audit.map(AuditRef::from),
        }
    }

    fn state(&self) -> String {
        if self.in_force { "in force".into() } else { format!("{}, not in force", self.stage) }
    }

    fn subject(&self) -> String {
        self.class.as_ref().map_or("level 4".into(), |class| format!("class {class}"))
    }

    fn grantee(&self) -> String {
        self.to_agency.clone().unwrap_or_else(|| self.to_users.join(", "))
    }

    /// On one line, as lists show it.
    pub fn to_line(&self) -> String {
        let (id, owner, version) = (&self.id, &self.owner, self.version);
        format!("{id:<16} {owner:<8} v{version:<3} {:<24} {} to {}", self.state(), self.subject(), self.grantee())
    }

    /// Line by line.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}  {}\n", self.id, self.state().to_uppercase());
        line(&mut text, "Owner", &self.owner);
        line(&mut text, "Opens", self.subject());
        line(&mut text, "To", self.grantee());
        line(&mut text, "By", self.verbs.join(", "));
        line(&mut text, "Window", format!("{} to {}", self.from, self.to));
        for (label, stamp) in [("Drafted", &self.drafted), ("Accepted", &self.accepted), ("Ended", &self.ended)] {
            line(&mut text, label, stamp.as_ref().map(Stamp::to_text).unwrap_or_default());
        }
        line(&mut text, "Version", self.version.to_string());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agreement_and_a_memorandum_say_whether_they_hold() {
        let terms = v1::AgreementTerms {
            kind: "moa".into(),
            functions: vec!["record-view".into(), "subject-query".into()],
            authority: "28 U.S.C. 533".into(),
            effective: "a".into(),
            expires: "b".into(),
            ..Default::default()
        };
        let message = v1::Agreement {
            id: "moa-1".into(),
            agency: "FBI".into(),
            terms: Some(terms),
            stage: "approved".into(),
            in_force: true,
            until: "c".into(),
            drafted: Some(v1::StampRecord { by: "desk".into(), at: "t".into() }),
            version: 3,
            ..Default::default()
        };
        let expected = "\
moa-1 with FBI  IN FORCE
  Kind             moa
  Authority        28 U.S.C. 533
  Functions        record-view, subject-query
  Passing on       no
  Window           a to b
  Lapses           c
  Drafted          t by desk
  Version          3
";
        assert_eq!(Agreement::new(message, None).to_text(), expected);
        let terms = v1::MemorandumTerms {
            owner: "ICE".into(),
            subject: Some(Subject::Class("ICE/gangs".into())),
            to_users: vec!["a".into(), "b".into()],
            ..Default::default()
        };
        let message = v1::Memorandum {
            id: "m-1".into(),
            terms: Some(terms),
            stage: "drafted".into(),
            version: 1,
            ..Default::default()
        };
        let line = Memorandum::new(message, None).to_line();
        assert_eq!(line, "m-1              ICE      v1   drafted, not in force    class ICE/gangs to a, b");
    }
}
