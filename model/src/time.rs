//! Time as the log knows it: milliseconds since 1970 in UTC, stamped by a leader, never running back.

use serde::{Deserialize, Serialize};

use crate::date::PartialDate;
use crate::error::Invalid;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// This time less `ms`, not below zero.
    pub fn before(self, ms: u64) -> Self {
        Self(self.0.saturating_sub(ms))
    }

    /// This time and `ms` more.
    pub fn after(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// The beginning of a day in UTC, as `2026-01-31`; `None` where the text is no day since 1970.
    pub fn of_day(text: &str) -> Option<Self> {
        let date: jiff::civil::Date = text.parse().ok()?;
        let time = jiff::tz::Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
        u64::try_from(time.as_millisecond()).ok().filter(|_| date.to_string() == text).map(Self)
    }

    /// Milliseconds since `earlier`, zero if it is later.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The same day and hour so many years later, by the calendar in UTC; 29 February becomes 28. Never, beyond the
    /// calendar.
    pub fn years_later(self, years: u8) -> Self {
        let never = Self(u64::MAX);
        let Some(time) = i64::try_from(self.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()) else {
            return never;
        };
        let civil = jiff::tz::Offset::UTC.to_datetime(time);
        let later = civil.checked_add(jiff::Span::new().years(i64::from(years)));
        let later = later.and_then(|civil| jiff::tz::Offset::UTC.to_timestamp(civil));
        later.ok().and_then(|time| u64::try_from(time.as_millisecond()).ok()).map_or(never, Self)
    }

    /// Reads the time in a field: a day, at its beginning in UTC, or a time as RFC 3339 writes it.
    pub fn read(field: &str, text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Invalid::new(field, "is missing".into()));
        }
        let time = match text.len() == "YYYY-MM-DD".len() {
            true => format!("{text}T00:00:00Z").parse::<jiff::Timestamp>(),
            false => text.parse::<jiff::Timestamp>(),
        };
        let millis = time.ok().and_then(|time| u64::try_from(time.as_millisecond()).ok());
        let bad = || Invalid::new(field, "expected YYYY-MM-DD, or a time such as 2027-01-31T12:00:00Z".into());
        millis.map(Self).ok_or_else(bad)
    }

    /// The day in UTC; `None` beyond the calendar.
    pub fn day(self) -> Option<PartialDate> {
        let time = jiff::Timestamp::from_millisecond(i64::try_from(self.0).ok()?).ok()?;
        let date = jiff::tz::Offset::UTC.to_datetime(time).date();
        PartialDate::new(date.year(), Some(date.month() as u8), Some(date.day() as u8)).ok()
    }

    /// RFC 3339 in UTC with milliseconds.
    pub fn rfc3339(self) -> String {
        match jiff::Timestamp::from_millisecond(i64::try_from(self.0).unwrap_or(i64::MAX)) {
            Ok(time) => format!("{time:.3}"),
            Err(_) => format!("{}ms", self.0),
        }
    }

    /// RFC 3339 in UTC, rounded down to the second, as answers show it (NoUnauthorisedByte).
    pub fn rfc3339_seconds(self) -> String {
        match jiff::Timestamp::from_second(i64::try_from(self.0 / 1000).unwrap_or(i64::MAX)) {
            Ok(time) => format!("{time:.0}"),
            Err(_) => format!("{}s", self.0 / 1000),
        }
    }
}

impl std::fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

/// Where the wall clock is read; handed in by `env`, simulated in tests.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> UnixMillis;
}

/// Where randomness is drawn; handed in by `env`, seeded in tests.
pub trait Entropy: Send + Sync + 'static {
    /// Fills the buffer with random bytes.
    fn fill(&self, bytes: &mut [u8]);

    /// Sixteen random bytes.
    fn sixteen(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_midnight_in_utc() {
        let day = |ms| UnixMillis(ms).day().map(|day| day.to_string());
        assert_eq!(day(0).as_deref(), Some("1970-01-01"));
        assert_eq!(day(24 * 60 * 60 * 1000 - 1).as_deref(), Some("1970-01-01"));
        assert_eq!(day(24 * 60 * 60 * 1000).as_deref(), Some("1970-01-02"));
        assert_eq!(day(u64::MAX), None);
    }

    #[test]
    fn what_is_written_is_read_again_to_the_millisecond() {
        for at in [UnixMillis(0), UnixMillis(1_800_000_000_123)] {
            assert_eq!(UnixMillis::read("from", &at.rfc3339()), Ok(at));
        }
        assert_eq!(UnixMillis::read("from", " "), Err(Invalid::new("from", "is missing".into())));
        assert_eq!(UnixMillis::read("to", "soon").expect_err("no time").field, "to");
    }

    #[test]
    fn years_are_counted_by_the_calendar() {
        let at = |text: &str| UnixMillis(text.parse::<jiff::Timestamp>().expect("time").as_millisecond() as u64);
        assert_eq!(at("2026-11-27T12:00:00.001Z").years_later(5), at("2031-11-27T12:00:00.001Z"));
        assert_eq!(at("2024-02-29T00:00:00Z").years_later(1), at("2025-02-28T00:00:00Z"));
        assert_eq!(UnixMillis(u64::MAX).years_later(1), UnixMillis(u64::MAX));
    }
}
