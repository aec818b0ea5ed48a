//! The content of a lookout as JSON, both printed and read (`lookout create --from FILE`), and as text.

use std::fmt::Write;

use client::v1;
use serde::{Deserialize, Serialize};

/// A lookout's content, as the public API has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lookout {
    pub subject: String,
    pub names: Vec<Name>,
    pub sex: String,
    pub birth_dates: Vec<String>,
    pub birth_places: Vec<String>,
    pub countries: Vec<Country>,
    pub documents: Vec<Document>,
    pub plates: Vec<Plate>,
    pub registrations: Vec<Registration>,
    pub action: String,
    pub reason: String,
    pub programs: Vec<String>,
    pub remarks: String,
}

macro_rules! part {
    ($(#[$meta:meta])* $name:ident { $($field:ident),+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name { $(pub $field: String),+ }

        impl From<v1::$name> for $name {
            fn from(message: v1::$name) -> Self {
                let v1::$name { $($field),+ } = message;
                Self { $($field),+ }
            }
        }

        impl From<$name> for v1::$name {
            fn from(part: $name) -> Self {
                let $name { $($field),+ } = part;
                Self { $($field),+ }
            }
        }
    };
}

part!(
    /// A name.
    Name { kind, full, family, given, original }
);
part!(
    /// A country and what ties the subject to it.
    Country { role, code }
);
part!(
    /// An identity document.
    Document { kind, number, country, state }
);
part!(
    /// A plate.
    Plate { number, jurisdiction }
);
part!(
    /// A registration of a conveyance.
    Registration { kind, number }
);

fn all<A, B: From<A>>(parts: Vec<A>) -> Vec<B> {
    parts.into_iter().map(B::from).collect()
}

macro_rules! content {
    ($from:ty => $to:ty) => {
        impl From<$from> for $to {
            fn from(content: $from) -> Self {
                Self {
                    subject: content.subject,
                    names: all(content.names),
                    sex: content.sex,
                    birth_dates: content.birth_dates,
                    birth_places: content.birth_places,
                    countries: all(content.countries),
                    documents: all(content.documents),
                    plates: all(content.plates),
                    registrations: all(content.registrations),
                    action: content.action,
                    reason: content.reason,
                    programs: content.programs,
                    remarks: content.remarks,
                }
            }
        }
    };
}

content!(v1::Lookout => Lookout);
content!(Lookout => v1::Lookout);

impl Lookout {
    /// The name to show.
    pub fn display_name(&self) -> &str {
        let primary = self.names.iter().find(|name| name.kind == "primary");
        primary.or(self.names.first()).map_or("(no name)", |name| name.full.as_str())
    }

    /// The content line by line.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let mut line = |label: &str, value: String| {
            if !value.trim().is_empty() {
                let _ = writeln!(text, "  {label:<14} {value}");
            }
        };
        line("Action", self.action.replace('-', " ").to_uppercase());
        line("Reason", self.reason.clone());
        line("Subject", self.subject.clone());
        for name in &self.names {
            let original = if name.original.is_empty() { String::new() } else { format!(" ({})", name.original) };
            line(&format!("Name, {}", name.kind), format!("{}{original}", name.full));
        }
        line("Sex", self.sex.clone());
        line("Born", self.birth_dates.join("; "));
        line("Born in", self.birth_places.join("; "));
        for country in &self.countries {
            let name = model::country::name_of(&country.code).map(|name| format!(" ({name})")).unwrap_or_default();
            line(&country.role, format!("{}{name}", country.code));
        }
        for document in &self.documents {
            let reported = if document.state.is_empty() { String::new() } else { "REPORTED ".to_string() };
            let reported = format!("{reported}{}", document.state.to_uppercase());
            let parts = [&document.number, &document.country, &reported].map(String::as_str);
            line(&document.kind, parts.join(" ").trim_end().to_string());
        }
        for plate in &self.plates {
            line("Plate", format!("{} {}", plate.number, plate.jurisdiction));
        }
        for registration in &self.registrations {
            line(&registration.kind, registration.number.clone());
        }
        line("Programs", self.programs.join(", "));
        line("Remarks", self.remarks.clone());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_comes_back_from_json_and_message_and_unknown_fields_are_named() {
        let json = r#"{"subject":"person","names":[{"kind":"primary","full":"A B"}],"action":"refer","reason":"r"}"#;
        let lookout: Lookout = serde_json::from_str(json).expect("parses");
        assert_eq!(lookout.display_name(), "A B");
        let message = v1::Lookout::from(lookout.clone());
        assert_eq!(Lookout::from(message), lookout);
        let again: Lookout = serde_json::from_str(&crate::output::json(&lookout).expect("encodes")).expect("parses");
        assert_eq!(again, lookout);
        let error = serde_json::from_str::<Lookout>(r#"{"colour":"red"}"#).expect_err("unknown").to_string();
        assert!(error.contains("unknown field `colour`"), "{error}");
    }
}
