//! A question as it comes from flags or a row: checked here, so that a wrong field costs no call and is named.

use client::v1;
use model::date::BirthDate;
use model::error::Invalid;
use model::limits::MRZ_CHARS_MAX;
use model::screen::{Query, Score, THRESHOLD_DEFAULT};

/// The parts of a question, as written; an empty one counts as not given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Question {
    pub name: Option<String>,
    pub dob: Option<String>,
    pub nationality: Option<String>,
    pub document: Option<String>,
    pub plate: Option<String>,
    pub registration: Option<String>,
    /// The machine readable zone of a travel document, which fills what is not given.
    pub mrz: Option<String>,
}

/// How it is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Manner {
    pub linearizable: bool,
    pub limit: u32,
    pub threshold: Option<f64>,
}

impl Question {
    /// The question without what sharpens it and cannot be used, and what was wrong with that: nobody goes unasked for it.
    /// A date of the right form that names a month or day which no calendar has stays, to be refused: it is a mistake that
    /// must be seen, and not a source's way to write that a date is not known.
    pub fn usable(mut self) -> (Self, Vec<Invalid>) {
        let mut left_out = Vec::new();
        if let Some(text) = given(&self.dob)
            && !is_mistaken(&text)
            && let Err(error) = birth_date(&text)
        {
            self.dob = None;
            left_out.push(error);
        }
        if let Some(text) = given(&self.nationality)
            && let Err(error) = country("nationality", &text)
        {
            self.nationality = None;
            left_out.push(error);
        }
        (self, left_out)
    }

    /// The message; names of fields in errors are those of the flags and columns.
    pub fn to_message(&self, manner: Manner) -> Result<v1::ScreenRequest, Invalid> {
        let birth_date = given(&self.dob).map(|text| birth_date(&text)).transpose()?;
        let nationality = given(&self.nationality).map(|text| country("nationality", &text)).transpose()?;
        let threshold = manner.threshold.map(checked_threshold).transpose()?;
        let numbers = [("document", &self.document), ("plate", &self.plate), ("registration", &self.registration)];
        for (field, value) in numbers {
            if value.as_deref().is_some_and(|value| value.contains(':')) {
                let text = "holds `:`; ask by the number alone, without its kind and country, which never decide";
                return Err(Invalid::new(field, text.to_string()));
            }
        }
        let query = Query {
            name: given(&self.name),
            birth_date,
            nationality,
            document: given(&self.document),
            plate: given(&self.plate),
            registration: given(&self.registration),
            threshold: threshold.map_or(THRESHOLD_DEFAULT, Score::from_fraction),
            limit: manner.limit as usize,
            ..Query::default()
        };
        let mrz = given(&self.mrz);
        if let Some(count) = mrz.as_ref().map(|text| text.chars().count()).filter(|count| *count > MRZ_CHARS_MAX) {
            return Err(Invalid::new("mrz", format!("has {count} characters, at most {MRZ_CHARS_MAX} are allowed")));
        }
        // A zone names somebody as well as a name does; the node reads it.
        match mrz {
            Some(_) if query.name.is_none() && query.numbers().is_empty() => {
                Query { name: Some("zone".to_string()), ..query.clone() }.validate()?;
            }
            _ => query.validate()?,
        }
        Ok(v1::ScreenRequest {
            name: query.name.unwrap_or_default(),
            birth_date: query.birth_date.map(|date| date.to_string()).unwrap_or_default(),
            nationality: query.nationality.unwrap_or_default(),
            document: query.document.unwrap_or_default(),
            plate: query.plate.unwrap_or_default(),
            registration: query.registration.unwrap_or_default(),
            freshness: if manner.linearizable { "linearizable" } else { "local" }.to_string(),
            limit: manner.limit,
            threshold,
            mrz: mrz.unwrap_or_default(),
        })
    }
}

fn given(value: &Option<String>) -> Option<String> {
    value.as_deref().map(str::trim).filter(|value| !value.is_empty()).map(str::to_string)
}

fn birth_date(text: &str) -> Result<BirthDate, Invalid> {
    text.parse().map_err(|error: Invalid| Invalid::new("dob", error.reason))
}

/// Whether a text has the form of a date and none of its parts is zero, by which sources say that a part is not known.
fn is_mistaken(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let known = |part: &&str| part.bytes().all(|b| b.is_ascii_digit()) && part.bytes().any(|b| b != b'0');
    matches!(lengths.as_slice(), [4] | [4, 2] | [4, 2, 2]) && parts.iter().all(known)
}

fn checked_threshold(threshold: f64) -> Result<f64, Invalid> {
    if (0.0..=1.0).contains(&threshold) {
        Ok(threshold)
    } else {
        Err(Invalid::new("threshold", format!("is {threshold}, must be 0 to 1")))
    }
}

/// The alpha-3 code of a country given by code or name.
pub fn country(field: &str, text: &str) -> Result<String, Invalid> {
    let code = model::country::code_of(text);
    code.map(str::to_string)
        .ok_or_else(|| Invalid::new(field, "is no country; use an ISO 3166-1 code or an English name".to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANNER: Manner = Manner { linearizable: false, limit: 10, threshold: None };

    fn named(name: &str) -> Question {
        Question { name: Some(name.into()), ..Question::default() }
    }

    #[test]
    fn a_year_alone_and_a_country_by_name_will_do() {
        let question = Question { dob: Some("1970".into()), nationality: Some("ru".into()), ..named(" Ivan ") };
        let message = question.to_message(MANNER).expect("valid");
        assert_eq!((message.name.as_str(), message.birth_date.as_str()), ("Ivan", "1970"));
        assert_eq!((message.nationality.as_str(), message.freshness.as_str()), ("RUS", "local"));
        assert_eq!(message.threshold, None);
    }

    #[test]
    fn a_machine_readable_zone_is_a_question_by_itself_and_bounded() {
        let zone = |text: &str| Question { mrz: Some(text.into()), ..Question::default() };
        assert_eq!(zone("P<UTO\nL898").to_message(MANNER).expect("valid").mrz, "P<UTO\nL898");
        let error = zone(&"<".repeat(10_000)).to_message(MANNER).expect_err("too long");
        assert_eq!(error.to_string(), "mrz: has 10000 characters, at most 256 are allowed");
        assert!(Question { name: Some("???".into()), ..zone("P<UTO") }.to_message(MANNER).is_err());
    }

    #[test]
    fn what_no_date_can_be_read_from_is_left_out_and_a_mistaken_date_is_not() {
        for (dob, left_out, refused) in [
            ("1970-02-01", false, false),
            ("circa 1970", false, false),
            ("00/00/1970", true, false),
            ("1970-00-00", true, false),
            ("0000", true, false),
            ("unknown", true, false),
            ("1970-13", false, true),
            ("1971-02-29", false, true),
        ] {
            let (question, invalid) = Question { dob: Some(dob.into()), ..named("a") }.usable();
            assert_eq!(invalid.iter().map(|one| one.field.as_str()).eq(["dob"]), left_out, "{dob}");
            assert_eq!(question.to_message(MANNER).is_err(), refused, "{dob}");
        }
        let (question, invalid) = Question { nationality: Some("Atlantis".into()), ..named("a") }.usable();
        assert!(question.to_message(MANNER).is_ok() && invalid[0].field == "nationality");
    }

    #[test]
    fn a_number_written_as_for_create_is_refused_rather_than_not_found() {
        let manner = Manner { linearizable: false, limit: 10, threshold: None };
        for (field, question) in [
            ("document", Question { document: Some("passport:P1234567:RUS".into()), ..Question::default() }),
            ("plate", Question { plate: Some("AB 1234:TX".into()), ..Question::default() }),
            ("registration", Question { registration: Some("imo:9074729".into()), ..Question::default() }),
        ] {
            let error = question.to_message(manner).expect_err("refused");
            assert_eq!(error.field, field);
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_its_flag() {
        let cases = [
            (Question { dob: Some("1970-13".into()), ..named("a") }, "dob: month 13"),
            (Question { nationality: Some("Atlantis".into()), ..named("a") }, "nationality: is no country"),
            (Question::default(), "a question needs a name"),
            (named(&"x".repeat(100_000)), "name: has 100000 characters"),
            (named("a\u{7}b"), "control character U+0007"),
        ];
        for (question, text) in cases {
            let error = question.to_message(MANNER).expect_err(text).to_string();
            assert!(error.contains(text), "{error}");
        }
        for threshold in [-0.1, 1.1, f64::NAN] {
            let manner = Manner { threshold: Some(threshold), ..MANNER };
            assert_eq!(named("a").to_message(manner).expect_err("out of range").field, "threshold");
        }
    }
}
