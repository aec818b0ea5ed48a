//! How long what keeps an account in standing counts.

use crate::access::principal::BackgroundKind;
use crate::people::profile::{Background, Standing};
use crate::time::UnixMillis;

/// An ANACI, by years (R02).
pub const ANACI_YEARS: u8 = 10;
/// A full background investigation, by years (R02).
pub const FULL_YEARS: u8 = 5;
/// The Security and Privacy Awareness course, by years (R04).
pub const COURSE_YEARS: u8 = 1;
/// The NCIC certification, by years (R10).
pub const NCIC_YEARS: u8 = 2;
/// An account's certification, by milliseconds of 365 days (R07).
pub const CERTIFICATION_MS: u64 = 365 * 24 * 60 * 60 * 1000;
/// An agreement without a review, by years (R06).
pub const AGREEMENT_REVIEW_YEARS: u8 = 1;

impl Background {
    /// Until when it is current (R02).
    pub fn until(&self) -> UnixMillis {
        let years = match self.kind {
            BackgroundKind::Anaci => ANACI_YEARS,
            BackgroundKind::Full => FULL_YEARS,
        };
        self.completed.years_later(years)
    }
}

impl Standing {
    /// The investigation that counts: adjudicated, and not held by OPR (R01).
    pub fn background(&self) -> Option<(BackgroundKind, UnixMillis)> {
        let found = self.background.as_ref().filter(|found| found.adjudicated && !self.opr_hold)?;
        Some((found.kind, found.until()))
    }

    /// Until when the course counts (R04).
    pub fn course_until(&self) -> Option<UnixMillis> {
        self.course_passed.map(|passed| passed.years_later(COURSE_YEARS))
    }

    /// Until when the NCIC certification counts (R10).
    pub fn ncic_until(&self) -> Option<UnixMillis> {
        self.ncic_passed.map(|passed| passed.years_later(NCIC_YEARS))
    }

    /// Until when the account is certified (R07).
    pub fn certified_until(&self) -> Option<UnixMillis> {
        self.certified_at.map(|at| UnixMillis(at.0.saturating_add(CERTIFICATION_MS)))
    }

    /// Whether another one lasts less long, or less well: then it took something away.
    pub fn is_narrowed_by(&self, after: &Self) -> bool {
        after.background() < self.background()
            || after.course_until() < self.course_until()
            || after.ncic_until() < self.ncic_until()
            || after.certified_until() < self.certified_until()
            || (self.national && !after.national)
            || (self.foreign_service_national && !after.foreign_service_national)
    }
}
