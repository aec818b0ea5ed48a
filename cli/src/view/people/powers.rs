//! Agencies and roles.

use client::v1;
use serde::Serialize;

use super::{Stamp, line, yes};
use crate::view::AuditRef;

/// An agency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Agency {
    pub id: String,
    pub name: String,
    pub external: bool,
    pub operator: bool,
    pub national: Vec<String>,
    pub accepts_level_one: bool,
    pub active: bool,
    pub epoch: u64,
    pub version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditRef>,
}

impl Agency {
    /// An agency of an answer.
    pub fn new(message: v1::Agency, audit: Option<v1::AuditRef>) -> Self {
        let v1::Agency { id, name, external, operator, national, accepts_level_one, active, epoch, version } = message;
        let audit = audit.map(AuditRef::from);
        Self { id, name, external, operator, national, accepts_level_one, active, epoch, version, audit }
    }

    fn state(&self) -> &'static str {
        match (self.active, self.operator, self.external) {
            (false, ..) => "inactive",
            (true, true, _) => "operator",
            (true, false, true) => "external",
            (true, false, false) => "department",
        }
    }

    /// On one line, as lists show it.
    pub fn to_line(&self) -> String {
        format!("{:<10} {:<11} v{:<4} {}", self.id, self.state(), self.version, self.name)
    }

    /// Line by line.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}  {}\n", self.id, self.state().to_uppercase());
        line(&mut text, "Name", &self.name);
        line(&mut text, "External", yes(self.external));
        line(&mut text, "National", self.national.join(", "));
        line(&mut text, "Accepts level 1", yes(self.accepts_level_one));
        line(&mut text, "Version", self.version.to_string());
        text
    }
}

/// A version of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Role {
    pub id: String,
    pub functions: Vec<String>,
    pub put: Option<Stamp>,
    pub version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditRef>,
}

impl Role {
    /// A role of an answer.
    pub fn new(message: v1::Role, audit: Option<v1::AuditRef>) -> Self {
        let v1::Role { id, functions, put, version } = message;
        Self { id, functions, put: put.map(Stamp::from), version, audit: audit.map(AuditRef::from) }
    }

    /// On one line, as lists show it.
    pub fn to_line(&self) -> String {
        format!("{:<20} v{:<4} {}", self.id, self.version, self.functions.join(", "))
    }

    /// Line by line.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.id);
        self.functions.iter().for_each(|function| line(&mut text, "Function", function));
        line(&mut text, "Put", self.put.as_ref().map(Stamp::to_text).unwrap_or_default());
        line(&mut text, "Version", self.version.to_string());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::people::Page;

    #[test]
    fn a_list_says_what_each_is_and_how_it_goes_on() {
        let agency = |id: &str, change: fn(&mut v1::Agency)| {
            let mut message = v1::Agency { id: id.into(), name: "N".into(), active: true, ..Default::default() };
            change(&mut message);
            Agency::new(message, None)
        };
        let rows = [
            agency("CBP", |it| it.operator = true),
            agency("FBI", |it| it.external = true),
            agency("ICE", |_| {}),
            agency("INS", |it| it.active = false),
        ];
        let page = Page::new(rows, "INS".into(), None);
        let expected = "\
CBP        operator    v0    N
FBI        external    v0    N
ICE        department  v0    N
INS        inactive    v0    N
More: --page-token INS (or --all)";
        assert_eq!(page.to_text(Agency::to_line), expected);
        assert_eq!(Page::<Agency>::new([], String::new(), None).to_text(Agency::to_line), "None.");
    }
}
