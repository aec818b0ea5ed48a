//! What lists write as prose: dates with names of months, and what kind of document words speak of.

use model::date::{BirthDate, PartialDate};
use model::lookout::DocumentKind;

/// Reads `12 Mar 1970`, `Mar. 1970`, `1970`, each also as `circa ...`, `... to ...` and `1970-1975`.
pub(super) fn birth_date(text: &str) -> Option<BirthDate> {
    let text = text.trim();
    let (circa, text) = match text.strip_prefix("circa ") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (from, to) = match text.split_once(" to ").or_else(|| text.split_once('-')) {
        Some((from, to)) => (date(from)?, Some(date(to)?)),
        None => (date(text)?, None),
    };
    (to.is_none_or(|to| to >= from)).then_some(BirthDate { from, to, circa })
}

fn date(text: &str) -> Option<PartialDate> {
    let mut words = text.split_whitespace().rev();
    let year = words.next().filter(|year| year.len() == 4)?.parse().ok()?;
    let month = match words.next() {
        Some(word) => Some(month(word)?),
        None => None,
    };
    let day = match words.next() {
        Some(word) => Some(word.parse().ok()?),
        None => None,
    };
    if words.next().is_some() {
        return None;
    }
    PartialDate::new(year, month, day).ok()
}

/// The number of a month by its name, or the beginning of it.
fn month(word: &str) -> Option<u8> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let word = word.trim_end_matches('.').to_ascii_lowercase();
    let at = MONTHS.iter().position(|month| word.len() >= 3 && month.starts_with(&word))?;
    u8::try_from(at + 1).ok()
}

/// The kind of document that words name; the first line that has one of them decides.
pub(super) fn kind_of(words: &str) -> Option<DocumentKind> {
    const KINDS: [(DocumentKind, &[&str]); 10] = [
        (DocumentKind::DriverLicence, &["driver", "driving"]),
        (DocumentKind::ResidencePermit, &["residen", " alien reg"]),
        (DocumentKind::TaxId, &[" tax ", "fiscal"]),
        (DocumentKind::Visa, &[" visa "]),
        (DocumentKind::SeafarerId, &["seafarer", "seaman"]),
        (
            DocumentKind::Other,
            &[
                "travel document",
                "laissez passer",
                "military",
                "student",
                "refugee",
                "stateless",
                "deportation",
                "other id ",
            ],
        ),
        (DocumentKind::Passport, &["passport", "passeport", "pasaporte"]),
        (DocumentKind::SocialSecurity, &["social security", " ssn "]),
        (DocumentKind::NationalId, &[" id ", "identi", "national number", "tazkira", "ration card", "birth cert"]),
        (
            DocumentKind::CompanyRegistration,
            &["company", "incorporation", "commerce", "registration", "registered", "entity", "branch unit", "gazette"],
        ),
    ];
    let mut plain = String::from(" ");
    for word in words.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        plain.push_str(&word.to_lowercase());
        plain.push(' ');
    }
    KINDS.iter().find(|(_, words)| words.iter().any(|word| plain.contains(word))).map(|(kind, _)| *kind)
}

pub(super) fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Whether a word may be part of a number: it holds a digit, or is a short series such as `TR-P`.
pub(super) fn is_number_part(word: &str) -> bool {
    // Words that lists write in capitals before a number.
    const WORDS: [&str; 10] = ["NO", "ID", "SSN", "CAR", "US", "USA", "UK", "UAE", "DRC", "UN"];
    let series = (1..=4).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
    has_digit(word) || (series && !WORDS.contains(&word) && word != "-")
}

/// Whether a word says that a number follows.
pub(super) fn is_marker(word: &str) -> bool {
    let word = word.trim_end_matches([':', '.']).to_lowercase();
    matches!(word.as_str(), "no" | "number" | "nr" | "n°" | "nº" | "#")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_as_lists_write_them() {
        for (text, date) in [
            ("12 Mar 1970", "1970-03-12"),
            ("11 Apr. 1963", "1963-04-11"),
            ("August 1961", "1961-08"),
            ("Sept. 1961", "1961-09"),
            ("circa 1970", "circa 1970"),
            ("1968 to 1972", "1968/1972"),
            ("Mar 1970-Apr 1970", "1970-03/1970-04"),
        ] {
            assert_eq!(birth_date(text).map(|date| date.to_string()).as_deref(), Some(date), "{text}");
        }
        for text in ["", "31 Feb 1970", "Ma 1970", "29 years old", "1972 to 1968", "Between Aug. and Sep. 1977"] {
            assert_eq!(birth_date(text), None, "{text}");
        }
    }

    #[test]
    fn words_name_kinds_of_documents() {
        for (words, kind) in [
            ("CAR diplomatic passport no.", Some(DocumentKind::Passport)),
            ("Numéro de passeport", Some(DocumentKind::Passport)),
            ("Número de pasaporte", Some(DocumentKind::Passport)),
            ("national passport", Some(DocumentKind::Passport)),
            ("Driver's Permit", Some(DocumentKind::DriverLicence)),
            ("Italian Fiscal Code:", Some(DocumentKind::TaxId)),
            ("Voter ID", Some(DocumentKind::NationalId)),
            ("German travel document", Some(DocumentKind::Other)),
            ("Paid number", None),
            ("number:", None),
        ] {
            assert_eq!(kind_of(words), kind, "{words}");
        }
    }
}
