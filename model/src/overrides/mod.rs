//! Overrides of repeat false matches ("primary lookout override", FEATURES.md 4.1): who is not the one looked for, by what he
//! is told apart, why and until when. A hit that an override is about stays in the answer, marked.
//!
//! The content is sealed as a lookout's is. When it applies stands in `rule.rs`, how it is stored in `stored.rs`.

mod rule;
mod stored;

pub use rule::{Mark, MarkTold, may_be_told_apart};
pub use stored::{OverrideDraft, OverrideHeader, StoredOverride};

use serde::{Deserialize, Serialize};

use crate::codec::Stored;
use crate::date::PartialDate;
use crate::error::Invalid;
use crate::limits::{
    NAME_CHARS_MAX, NUMBER_CHARS_MAX, OVERRIDE_DOCUMENTS_MAX, OVERRIDE_VALID_MAX_MS, REASON_CHARS_MAX,
};
use crate::lookout::{name_letters, number, text};
use crate::time::UnixMillis;

/// The content of an override: the innocent person, as a supervisor saw him, and why he is not the one looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// The name as written on what he showed.
    pub name: String,
    /// ISO 3166-1 alpha-3.
    pub nationality: Option<String>,
    /// The whole date of birth.
    pub birth_date: Option<PartialDate>,
    /// Numbers of his documents, as written.
    pub documents: Vec<String>,
    /// Why he is not the one looked for.
    pub reason: String,
    /// From then on it applies to nobody.
    pub expires: UnixMillis,
}

impl Stored for Override {
    const TAG: u16 = 26;
    const VERSION: u8 = 1;
}

impl Override {
    /// Checks every field against its bounds; a document or a whole date of birth must tell the person apart.
    pub fn validate(&self) -> Result<(), Invalid> {
        text("name", &self.name, NAME_CHARS_MAX, true)?;
        name_letters("name", &self.name)?;
        if let Some(nationality) = &self.nationality {
            text("nationality", nationality, NUMBER_CHARS_MAX, true)?;
        }
        if let Some(date) = self.birth_date {
            match (date.month(), date.day()) {
                (_, None) => {
                    let reason = "must be a whole date: a year or a month tells nobody apart".to_string();
                    return Err(Invalid::new("birth_date", reason));
                }
                (Some(1), Some(1)) => {
                    let reason = "1 January often stands for a year alone; tell the person apart by a document";
                    return Err(Invalid::new("birth_date", reason.into()));
                }
                _ => {}
            }
        }
        let count = self.documents.len();
        if count > OVERRIDE_DOCUMENTS_MAX {
            let reason = format!("has {count} entries, at most {OVERRIDE_DOCUMENTS_MAX} are allowed");
            return Err(Invalid::new("documents", reason));
        }
        for (at, document) in self.documents.iter().enumerate() {
            number(&format!("documents[{at}]"), document)?;
        }
        if self.documents.is_empty() && self.birth_date.is_none() {
            let reason = "an override needs the number of a document or a whole date of birth".to_string();
            return Err(Invalid::new("documents", reason));
        }
        text("reason", &self.reason, REASON_CHARS_MAX, true)
    }
}

/// Reads when an override is to expire: a day, at the beginning of which it does (in UTC), or a time as RFC 3339 writes it.
pub fn expiry_from(text: &str) -> Result<UnixMillis, Invalid> {
    if text.trim().is_empty() {
        return Err(Invalid::new("expires", "is missing: an override must expire".into()));
    }
    UnixMillis::read("expires", text)
}

/// Checks when an override is to expire against the time that it is recorded at.
pub fn check_expiry(expires: UnixMillis, now: UnixMillis) -> Result<(), Invalid> {
    if expires <= now {
        return Err(Invalid::new("expires", format!("is not after {}", now.rfc3339_seconds())));
    }
    if expires.since(now) > OVERRIDE_VALID_MAX_MS {
        let days = OVERRIDE_VALID_MAX_MS / (24 * 60 * 60 * 1000);
        return Err(Invalid::new(
            "expires",
            format!("is more than {days} days away; record it again before it expires"),
        ));
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub fn told_apart() -> Override {
        Override {
            name: "Ivan Petrov".into(),
            nationality: Some("BGR".into()),
            birth_date: Some("1985-06-07".parse().expect("date")),
            documents: vec!["BG 123-456".into()],
            reason: "another man, seen with his family".into(),
            expires: UnixMillis(1_000_000),
        }
    }

    #[test]
    fn what_tells_nobody_apart_is_refused_by_field() {
        assert_eq!(told_apart().validate(), Ok(()));
        let wrong = |change: fn(&mut Override)| {
            let mut content = told_apart();
            change(&mut content);
            content.validate().map_err(|error| error.to_string())
        };
        let no_document = |date: &str| Override {
            birth_date: Some(date.parse().expect("date")),
            documents: Vec::new(),
            ..told_apart()
        };
        assert_eq!(no_document("1985-06-07").validate(), Ok(()));
        for date in ["1985", "1985-06", "1985-01-01"] {
            assert_eq!(no_document(date).validate().expect_err(date).field, "birth_date");
        }
        for (change, text) in [
            ((|o| o.name = "-".into()) as fn(&mut Override), "name: holds no letter or digit"),
            (|o| o.reason = " ".into(), "reason: is empty"),
            (|o| o.documents[0] = "--".into(), "documents[0]: holds no letter or digit"),
            (|o| o.documents = vec!["A1".into(); OVERRIDE_DOCUMENTS_MAX + 1], "documents: has 17 entries"),
            (|o| (o.birth_date, o.documents) = (None, Vec::new()), "documents: an override needs"),
            (|o| o.nationality = Some(String::new()), "nationality: is empty"),
        ] {
            let error = wrong(change).expect_err(text);
            assert!(error.starts_with(text), "{error}");
        }
    }

    #[test]
    fn an_expiry_is_a_day_or_a_time() {
        let at = |text: &str| expiry_from(text).map(|at| at.rfc3339_seconds());
        assert_eq!(at("2027-01-31"), Ok("2027-01-31T00:00:00Z".into()));
        assert_eq!(at(" 2027-01-31T12:30:00+02:00 "), Ok("2027-01-31T10:30:00Z".into()));
        for text in ["", "2027", "2027-02-30", "tomorrow", "1960-01-01", "2027-01-31T12:00", "2027-01-31T12:00:00"] {
            assert_eq!(expiry_from(text).expect_err(text).field, "expires", "{text}");
        }
    }

    #[test]
    fn it_expires_later_than_now_and_not_too_late() {
        let now = UnixMillis(5_000);
        for (expires, fits) in [
            (now, false),
            (UnixMillis(5_001), true),
            (UnixMillis(5_000 + OVERRIDE_VALID_MAX_MS), true),
            (UnixMillis(5_001 + OVERRIDE_VALID_MAX_MS), false),
            (UnixMillis(u64::MAX), false),
        ] {
            let result = check_expiry(expires, now);
            assert_eq!(result.is_ok(), fits, "{expires}");
            assert!(result.err().is_none_or(|error| error.field == "expires"));
        }
    }
}
