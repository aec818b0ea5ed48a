//! A question as it comes from flags or a row: checked here, so that a wrong field costs no call and is named.

use client::v1;
use model::date::BirthDate;
use model::error::Invalid;
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
}

/// How it is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Manner {
    pub linearizable: bool,
    pub limit: u32,
    pub threshold: Option<f64>,
}

impl Question {
    /// The message; names of fields in errors are those of the flags and columns.
    pub fn to_message(&self, manner: Manner) -> Result<v1::ScreenRequest, Invalid> {
        let given = |value: &Option<String>| {
            value.as_deref().map(str::trim).filter(|value| !value.is_empty()).map(str::to_string)
        };
        let birth_date = match given(&self.dob) {
            Some(text) => Some(text.parse::<BirthDate>().map_err(|error| Invalid::new("dob", error.reason))?),
            None => None,
        };
        let nationality = match given(&self.nationality) {
            Some(text) => Some(country("nationality", &text)?),
            None => None,
        };
        let threshold = manner.threshold.map(checked_threshold).transpose()?;
        let query = Query {
            name: given(&self.name),
            birth_date,
            nationality,
            document: given(&self.document),
            plate: given(&self.plate),
            registration: given(&self.registration),
            threshold: threshold.map_or(THRESHOLD_DEFAULT, Score::from_fraction),
            limit: manner.limit as usize,
        };
        query.validate()?;
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
        })
    }
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
