//! The denial score of an account (R23, 1.2 c): repeated unauthorised attempts suspend it. Kept in the directory, so
//! that whoever tries on many nodes is counted once for the cluster.

use serde::{Deserialize, Serialize};

use crate::codec::Stored;
use crate::ids::UserId;
use crate::time::UnixMillis;

/// The short window, and the score at which it suspends.
pub const SHORT_WINDOW_MS: u64 = 15 * 60 * 1000;
pub const SHORT_SCORE: u32 = 5;
/// The long window, and the score at which it suspends.
pub const LONG_WINDOW_MS: u64 = 24 * 60 * 60 * 1000;
pub const LONG_SCORE: u32 = 10;

crate::coded! {
    /// What was denied. A miss by id counts alike whether the id is hidden or does not exist (T05).
    pub enum DenialKind {
        1 "function" => Function,
        2 "transaction-or-station" => TransactionOrStation,
        3 "missed-id" => MissedId,
        4 "export" => Export,
    }
}

impl DenialKind {
    /// What one of them adds to the score.
    pub const fn weight(self) -> u8 {
        match self {
            Self::Function | Self::TransactionOrStation => 2,
            Self::MissedId => 1,
            Self::Export => 3,
        }
    }
}

/// The denials of one account that still count, oldest first: the long score ends it before it grows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scores {
    pub user: UserId,
    pub entries: Vec<(UnixMillis, u8)>,
}

impl Stored for Scores {
    const TAG: u16 = 35;
    const VERSION: u8 = 1;
}

impl Scores {
    /// None yet.
    pub fn none(user: UserId) -> Self {
        Self { user, entries: Vec::new() }
    }

    /// Adds a denial and forgets those that count no more; whether the account is to be suspended.
    pub fn add(&mut self, kind: DenialKind, now: UnixMillis) -> bool {
        self.entries.retain(|(at, _)| now.since(*at) < LONG_WINDOW_MS);
        self.entries.push((now, kind.weight()));
        self.within(SHORT_WINDOW_MS, now) >= SHORT_SCORE || self.within(LONG_WINDOW_MS, now) >= LONG_SCORE
    }

    /// The score of a window that ends now.
    pub fn within(&self, window_ms: u64, now: UnixMillis) -> u32 {
        let counted = self.entries.iter().filter(|(at, _)| now.since(*at) < window_ms);
        counted.map(|(_, weight)| u32::from(*weight)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: UnixMillis = UnixMillis(1_800_000_000_000);

    fn scores() -> Scores {
        Scores::none(UserId::new("u").expect("code"))
    }

    fn later(ms: u64) -> UnixMillis {
        UnixMillis(START.0 + ms)
    }

    #[test]
    fn r23_five_within_a_quarter_of_an_hour_suspend_and_four_do_not() {
        let mut scores = scores();
        assert!(!scores.add(DenialKind::Function, START));
        assert!(!scores.add(DenialKind::TransactionOrStation, later(SHORT_WINDOW_MS - 1)));
        assert!(scores.add(DenialKind::MissedId, later(SHORT_WINDOW_MS - 1)));
    }

    #[test]
    fn r23_what_is_a_quarter_of_an_hour_old_to_the_millisecond_counts_no_more() {
        let mut scores = scores();
        assert!(!scores.add(DenialKind::Function, START));
        assert!(!scores.add(DenialKind::Export, later(SHORT_WINDOW_MS)));
    }

    #[test]
    fn r23_ten_within_a_day_suspend_and_a_day_later_the_first_is_forgotten() {
        let spread = |last: u64| {
            let mut scores = scores();
            for step in 0..9 {
                assert!(!scores.add(DenialKind::MissedId, later(step * SHORT_WINDOW_MS)));
            }
            let suspended = scores.add(DenialKind::MissedId, later(last));
            (suspended, scores.entries.len())
        };
        assert_eq!(spread(LONG_WINDOW_MS - 1), (true, 10));
        assert_eq!(spread(LONG_WINDOW_MS), (false, 9));
    }

    #[test]
    fn r23_an_export_weighs_three_and_two_of_them_suspend() {
        let mut scores = scores();
        assert!(!scores.add(DenialKind::Export, START));
        assert!(scores.add(DenialKind::Export, START));
    }
}
