//! Dates as documents and lists give them: a year alone, a month, a day, about a year, or a range.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Invalid;

/// Years by which a date that is `circa` may be off.
pub const CIRCA_YEARS: i16 = 2;

/// A date known to the year, the month or the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PartialDate {
    year: i16,
    month: Option<u8>,
    day: Option<u8>,
}

impl PartialDate {
    /// Checks and takes a date; a day needs its month.
    pub fn new(year: i16, month: Option<u8>, day: Option<u8>) -> Result<Self, Invalid> {
        let bad = |reason: String| Err(Invalid::new("date", reason));
        if !(1..=9999).contains(&year) {
            return bad(format!("year {year} is not between 1 and 9999"));
        }
        if let Some(month) = month
            && !(1..=12).contains(&month)
        {
            return bad(format!("month {month} does not exist"));
        }
        match (month, day) {
            (None, Some(_)) => return bad("a day without a month".into()),
            (Some(month), Some(day)) => {
                let days = jiff::civil::Date::new(year, month as i8, 1).map(|date| date.days_in_month()).unwrap_or(0);
                if day == 0 || i64::from(day) > i64::from(days) {
                    return bad(format!("{year:04}-{month:02} has no day {day}"));
                }
            }
            _ => {}
        }
        Ok(Self { year, month, day })
    }

    /// The year.
    pub fn year(self) -> i16 {
        self.year
    }

    /// The month, if known.
    pub fn month(self) -> Option<u8> {
        self.month
    }

    /// The day of the month, if known.
    pub fn day(self) -> Option<u8> {
        self.day
    }
}

impl fmt::Display for PartialDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.year)?;
        if let Some(month) = self.month {
            write!(f, "-{month:02}")?;
        }
        if let Some(day) = self.day {
            write!(f, "-{day:02}")?;
        }
        Ok(())
    }
}

impl FromStr for PartialDate {
    type Err = Invalid;
    /// Reads `YYYY`, `YYYY-MM` and `YYYY-MM-DD`.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bad = || Invalid::new("date", "expected YYYY, YYYY-MM or YYYY-MM-DD".into());
        let parts: Vec<&str> = text.trim().split('-').collect();
        let digits = |part: &str, length: usize| {
            (part.len() == length && part.bytes().all(|b| b.is_ascii_digit()))
                .then(|| part.parse::<i16>().ok())
                .flatten()
        };
        let year = digits(parts.first().ok_or_else(bad)?, 4).ok_or_else(bad)?;
        let small = |part: Option<&&str>| match part {
            None => Ok(None),
            Some(part) => digits(part, 2).map(|n| Some(n as u8)).ok_or_else(bad),
        };
        if parts.len() > 3 {
            return Err(bad());
        }
        Self::new(year, small(parts.get(1))?, small(parts.get(2))?)
    }
}

/// A date of birth as a source states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BirthDate {
    /// The date, or the first of a range.
    pub from: PartialDate,
    /// The last of a range.
    pub to: Option<PartialDate>,
    /// Said to be approximate by the source.
    pub circa: bool,
}

impl BirthDate {
    /// A single date, said as exact.
    pub fn exact(date: PartialDate) -> Self {
        Self { from: date, to: None, circa: false }
    }

    /// First and last year that the date may lie in, as stated.
    pub fn years(self) -> (i16, i16) {
        (self.from.year, self.to.map_or(self.from.year, |to| to.year.max(self.from.year)))
    }
}

impl fmt::Display for BirthDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.circa {
            f.write_str("circa ")?;
        }
        write!(f, "{}", self.from)?;
        match self.to {
            Some(to) => write!(f, "/{to}"),
            None => Ok(()),
        }
    }
}

impl FromStr for BirthDate {
    type Err = Invalid;
    /// Reads what `Display` writes: `1970-01-02`, `circa 1970`, `1970/1975`.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        let (circa, rest) = match text.strip_prefix("circa ") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (from, to) = match rest.split_once('/') {
            Some((from, to)) => (from.parse()?, Some(to.parse::<PartialDate>()?)),
            None => (rest.parse::<PartialDate>()?, None),
        };
        if let Some(to) = to
            && to.year < from.year
        {
            return Err(Invalid::new("date", format!("the range {from}/{to} ends before it begins")));
        }
        Ok(Self { from, to, circa })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_that_do_not_exist_are_refused_with_the_reason() {
        for (text, part) in [
            ("1970-13", "month 13"),
            ("1971-02-29", "no day 29"),
            ("70", "expected"),
            ("1970-1-1", "expected"),
            ("1970-00", "month 0"),
        ] {
            let error = text.parse::<PartialDate>().expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert!("1972-02-29".parse::<PartialDate>().is_ok());
    }

    proptest! {
        #[test]
        fn a_birth_date_reads_as_it_prints(year in 1i16..=9999, month in 1u8..=12, day in 1u8..=28, shape in 0..4, circa: bool) {
            let from = PartialDate::new(year, (shape > 0).then_some(month), (shape > 1).then_some(day)).expect("valid");
            let date = BirthDate { from, to: (shape == 3).then_some(from), circa };
            prop_assert_eq!(date.to_string().parse::<BirthDate>().expect("reads"), date);
        }
    }
}
