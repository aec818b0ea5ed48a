//! Keys of data (SECURITY.md 4). What a dataset holds, and the payloads of the audit log, is sealed under the key of the month in which
//! it is to be forgotten: whoever destroys that key forgets that month, in every copy there is, and nothing else. The keys are kept in
//! the directory, each wrapped by the cluster's root key.

use serde::{Deserialize, Serialize};

use crate::codec::Stored;
use crate::record::Dataset;
use crate::seal::Sealed;
use crate::time::UnixMillis;

/// Ids of data keys begin here; those before are root keys.
pub const DATA_KEY_FIRST: u32 = 16;
/// Years from its last collection that a lookout is kept (PIA p24).
const RECORD_KEPT_YEARS: u8 = 75;
/// Years that messages of carriers are kept (PIA p24, fn 45).
const CARRIER_KEPT_YEARS: u8 = 1;
/// Years that the audit log is kept (PIA p24).
const AUDIT_KEPT_YEARS: u8 = 25;

crate::coded! {
    /// What has keys of its own.
    pub enum KeySet {
        1 "tecs" => Tecs,
        2 "apis" => Apis,
        3 "niis" => Niis,
        4 "bci" => Bci,
        5 "seacats" => Seacats,
        20 "audit" => Audit,
    }
}

impl From<Dataset> for KeySet {
    fn from(dataset: Dataset) -> Self {
        match dataset {
            Dataset::Tecs => Self::Tecs,
            Dataset::Apis => Self::Apis,
            Dataset::Niis => Self::Niis,
            Dataset::Bci => Self::Bci,
            Dataset::Seacats => Self::Seacats,
        }
    }
}

/// A month of the calendar in UTC: months since January 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Month(pub u16);

impl Month {
    /// The month of a time; the last one there is, beyond the calendar.
    pub fn of(time: UnixMillis) -> Self {
        let Some(day) = time.day() else { return Self(u16::MAX) };
        let year = i32::from(day.year()) - 1970;
        let months = year * 12 + i32::from(day.month().unwrap_or(1)) - 1;
        Self(u16::try_from(months).unwrap_or(u16::MAX))
    }

    /// The month after it.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", 1970 + self.0 / 12, self.0 % 12 + 1)
    }
}

/// What is sealed under one key at a time: a set, and the month in which it expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Bucket {
    pub set: KeySet,
    pub expires: Month,
}

impl Bucket {
    /// The bucket of a record that is written now, be it new or changed: what it says of its own end is when it stops being in
    /// force, and it is kept for longer.
    pub fn of_record(dataset: Dataset, now: UnixMillis) -> Self {
        let years = if dataset == Dataset::Apis { CARRIER_KEPT_YEARS } else { RECORD_KEPT_YEARS };
        Self { set: dataset.into(), expires: Month::of(now.years_later(years)) }
    }

    /// The bucket of what is written a month later.
    pub fn next(self) -> Self {
        Self { expires: self.expires.next(), ..self }
    }

    /// The bucket of an event that is written now.
    pub fn of_event(now: UnixMillis) -> Self {
        Self { set: KeySet::Audit, expires: Month::of(now.years_later(AUDIT_KEPT_YEARS)) }
    }
}

impl std::fmt::Display for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} until {}", self.set, self.expires)
    }
}

/// A key of data as the directory keeps it. Of a bucket the one with the highest id seals; the others open what was sealed before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataKey {
    pub id: u32,
    pub bucket: Bucket,
    /// Log time.
    pub made: UnixMillis,
    /// Under the root key, bound to id and bucket.
    pub wrapped: Sealed,
}

impl Stored for DataKey {
    const TAG: u16 = 70;
    const VERSION: u8 = 1;
}

/// Of these keys, the one that a bucket is sealed under.
pub fn newest(keys: &[DataKey], bucket: Bucket) -> Option<&DataKey> {
    keys.iter().filter(|key| key.bucket == bucket).max_by_key(|key| key.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_months_of_the_calendar() {
        let at = |text: &str| UnixMillis::of_day(text).expect("a day");
        assert_eq!(Month::of(at("1970-01-01")), Month(0));
        assert_eq!(Month::of(at("2026-11-30")).to_string(), "2026-11");
        assert_eq!(Month::of(at("2026-12-01")).to_string(), "2026-12");
        assert_eq!(Month::of(UnixMillis(u64::MAX)), Month(u16::MAX));
        let now = at("2026-11-27");
        assert_eq!(Bucket::of_record(Dataset::Tecs, now).to_string(), "tecs until 2101-11");
        assert_eq!(Bucket::of_record(Dataset::Apis, now).to_string(), "apis until 2027-11");
        assert_eq!(Bucket::of_event(now).to_string(), "audit until 2051-11");
        // No month is passed over, whatever the day.
        assert_eq!(Bucket::of_event(at("2027-01-31")).next().to_string(), "audit until 2052-02");
        assert_eq!(Bucket::of_event(at("2026-12-01")).next().to_string(), "audit until 2052-01");
    }
}
