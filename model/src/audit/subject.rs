//! Of what and whom an event tells, for whoever asks the audit later: records by id, people by name, documents and plates by number.
//! They stand beside the log as tokens that are keyed like those of records, since an event's own words are sealed.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;

use super::event::EventPayload;
use crate::ids::RecordId;
use crate::mrz;
use crate::number::normalise_number;
use crate::time::UnixMillis;

/// What an event is found by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Record(RecordId),
    /// Its words in one order, whatever their writing.
    Name(String),
    /// Letters and digits of a document, plate or registration.
    Number(String),
}

/// Words of a name at most; the rest tells nobody apart.
const WORDS_MAX: usize = 16;

impl Subject {
    /// A name as somebody writes it; `None` where nothing of it is a letter or digit.
    pub fn name(text: &str) -> Option<Self> {
        let folded: String = text.nfkc().flat_map(char::to_lowercase).collect();
        let words: BTreeSet<&str> =
            folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).take(WORDS_MAX).collect();
        if words.is_empty() { None } else { Some(Self::Name(words.into_iter().collect::<Vec<_>>().join(" "))) }
    }

    /// A number; `None` where nothing of it is left, or where it was masked before it was written down.
    pub fn number(text: &str) -> Option<Self> {
        let number = normalise_number(text);
        if number.is_empty() || text.contains('*') { None } else { Some(Self::Number(number)) }
    }
}

/// What the payload of an event tells of.
pub fn subjects(payload: &EventPayload, at: UnixMillis) -> BTreeSet<Subject> {
    let mut subjects: BTreeSet<Subject> =
        payload.results.iter().map(|result| Subject::Record(RecordId(result.id))).collect();
    for term in &payload.terms {
        let value = term.value.as_str();
        match term.field.as_str() {
            "id" | "lookout" | "record" => subjects.extend(value.parse().ok().map(Subject::Record)),
            "name" => subjects.extend(Subject::name(value)),
            "document" | "plate" | "registration" => subjects.extend(Subject::number(value)),
            "documents" => subjects.extend(value.split(',').filter_map(Subject::number)),
            "mrz" => {
                // What cannot be read was asked by nothing.
                if let Ok(zone) = mrz::read(value, at) {
                    subjects.extend(zone.number.as_deref().and_then(Subject::number));
                    subjects.extend(zone.name.as_deref().and_then(Subject::name));
                }
            }
            _ => {}
        }
    }
    subjects
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::event::{ResultRef, Term};
    use proptest::prelude::*;

    fn payload(terms: &[(&str, &str)]) -> EventPayload {
        let terms = terms.iter().map(|(field, value)| Term { field: field.to_string(), value: value.to_string() });
        EventPayload { terms: terms.collect(), ..EventPayload::default() }
    }

    #[test]
    fn an_event_is_found_by_what_was_asked_and_by_what_was_found() {
        let id = RecordId([7; 16]);
        let mut asked = payload(&[
            ("name", "  PETROV, Ivan "),
            ("document", "ab-12 34"),
            ("plate", "X 1"),
            ("threshold", "0.5"),
            ("documents", "C 3, ***-**-6789"),
            ("mrz", "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"),
            ("record", &RecordId([8; 16]).to_string()),
        ]);
        asked.results.push(ResultRef { id: id.0, version: 1, score: 1, overridden: false });
        let number = |text: &str| Subject::number(text).expect("a number");
        let expected = [
            Subject::Record(id),
            Subject::Record(RecordId([8; 16])),
            Subject::Name("ivan petrov".into()),
            Subject::Name("anna eriksson maria".into()),
            number("AB1234"),
            number("X1"),
            number("C3"),
            number("L898902C3"),
        ];
        assert_eq!(subjects(&asked, UnixMillis(1_800_000_000_000)), expected.into());
        assert_eq!(Subject::name("Ivan Petrov"), Subject::name("petrov  IVAN"));
        assert_eq!((Subject::name(" ,- "), Subject::number("- ")), (None, None));
    }

    proptest! {
        #[test]
        fn any_terms_are_taken(field in "name|document|mrz|id|documents", value: String) {
            drop(subjects(&payload(&[(&field, &value)]), UnixMillis(0)));
        }
    }
}
