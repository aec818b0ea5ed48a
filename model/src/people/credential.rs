//! What somebody proves himself by who has no certificate of his own: a password and one-time codes (SECURITY.md 2.1), and what
//! shuts that path alone when somebody tries it (T12). Both factors are sealed; nodes open them, the directory compares steps.

use serde::{Deserialize, Serialize};

use crate::access::principal::Category;
use crate::audit::merkle::Hash;
use crate::codec::Stored;
use crate::error::Invalid;
use crate::ids::UserId;
use crate::limits::FACTOR_BYTES_MAX;
use crate::people::Ceremony;
use crate::people::agency::check_count;
use crate::seal::Sealed;
use crate::time::UnixMillis;
use crate::totp;

/// Failures within this time are counted together (AC-7).
pub const FAILURES_WINDOW_MS: u64 = 15 * 60 * 1_000;
/// A secret of enrolment is good for so long.
pub const ENROLMENT_MS: u64 = 72 * 60 * 60 * 1_000;

/// Failures that lock the path of a password.
pub fn failures_max(category: Category) -> usize {
    match category {
        Category::General | Category::Supervisor => 5,
        Category::ControlOfficer | Category::Maintenance | Category::SecurityAdministrator => 3,
    }
}

crate::coded! {
    /// Why a log-on by password failed. The audit alone is told; the caller reads one text for all of them.
    pub enum LogOnFault {
        1 "unknown-account" => Unknown,
        2 "wrong-password" => Password,
        3 "wrong-code" => Code,
        4 "used-code" => Used,
        5 "path-locked" => Locked,
        /// What was proven is not in force any more, or was proven too long ago.
        6 "stale-proof" => Stale,
        7 "wrong-enrolment" => Enrolment,
    }
}

impl LogOnFault {
    /// Whether it counts towards the lock. What a caller cannot bring about by guessing does not.
    pub fn counts(self) -> bool {
        matches!(self, Self::Password | Self::Code | Self::Used)
    }
}

/// What every failure reads as.
pub const LOG_ON_REFUSED: &str = "no log-on by this user, password and code: a code works once, and after several failures your control \
                                  officer must open this way again (`portcullis user unlock`)";

/// A one-time secret by which its holder sets his first factors, issued by his control officer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// SHA-256 of the SHA-256 of the secret.
    pub digest: Hash,
    pub until: UnixMillis,
}

/// The two factors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Factors {
    /// The slow hash of the password, as a PHC string.
    pub password: Sealed,
    /// The secret of its codes, a `CodeSecret`.
    pub codes: Sealed,
    pub set: UnixMillis,
}

/// What a node checked: both factors of this version, the code being that of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proven {
    pub version: u64,
    pub step: u64,
}

/// The path of a password of one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    pub user: UserId,
    pub enrolment: Option<Enrolment>,
    pub factors: Option<Factors>,
    /// The last step whose code was taken: it and those before are taken no more.
    pub last_step: u64,
    /// Failures that still count, oldest first; a log-on forgets them, and the lock ends them before they grow.
    pub failures: Vec<UnixMillis>,
    pub locked: Option<UnixMillis>,
    /// One more with each change of its factors.
    pub version: u64,
}

impl Stored for Credential {
    const TAG: u16 = 38;
    const VERSION: u8 = 1;
}

impl Credential {
    /// Nothing set, nothing failed.
    pub fn none(user: UserId) -> Self {
        Self { user, enrolment: None, factors: None, last_step: 0, failures: Vec::new(), locked: None, version: 0 }
    }

    /// Counts a failure; whether it locks the path.
    pub fn failed(&mut self, category: Category, now: UnixMillis) -> bool {
        if self.locked.is_some() {
            return false;
        }
        self.failures.retain(|at| now.since(*at) < FAILURES_WINDOW_MS);
        self.failures.push(now);
        let locks = self.failures.len() >= failures_max(category);
        if locks {
            self.locked = Some(now);
        }
        locks
    }

    /// Takes what a node checked, once: the same code is taken no more, on whichever node it was shown.
    pub fn take(&mut self, proven: Proven, now: UnixMillis) -> Result<(), LogOnFault> {
        if self.locked.is_some() {
            return Err(LogOnFault::Locked);
        }
        if self.factors.is_none() || self.version != proven.version || !totp::is_near(proven.step, now) {
            return Err(LogOnFault::Stale);
        }
        if proven.step <= self.last_step {
            return Err(LogOnFault::Used);
        }
        self.last_step = proven.step;
        self.failures.clear();
        Ok(())
    }

    /// Takes a secret of enrolment, once. Who issued it answers for its bearer, so the path is open again.
    pub fn enrol(&mut self, proof: &Hash, now: UnixMillis) -> Result<(), LogOnFault> {
        let good = self.enrolment.as_ref().is_some_and(|enrolment| {
            now < enrolment.until && Ceremony { digest: enrolment.digest }.is_proven_by(proof)
        });
        if !good {
            return Err(LogOnFault::Enrolment);
        }
        self.enrolment = None;
        self.open();
        Ok(())
    }

    /// Puts other factors in force. Codes that were taken before stay taken.
    pub fn set(&mut self, password: Sealed, codes: Option<Sealed>, now: UnixMillis) -> Result<(), Invalid> {
        let missing = || Invalid::new("codes", "are missing: there are none yet".into());
        let held = || self.factors.as_ref().map(|factors| factors.codes.clone());
        let codes = codes.or_else(held).ok_or_else(missing)?;
        check_count("password", password.ciphertext.len(), FACTOR_BYTES_MAX)?;
        check_count("codes", codes.ciphertext.len(), FACTOR_BYTES_MAX)?;
        self.factors = Some(Factors { password, codes, set: now });
        self.version += 1;
        Ok(())
    }

    /// Opens the path again.
    pub fn open(&mut self) {
        self.failures.clear();
        self.locked = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: u64 = 1_800_000_000_000;

    fn credential() -> Credential {
        Credential::none(UserId::new("u").expect("code"))
    }

    fn sealed() -> Sealed {
        Sealed { algorithm: 1, key: 1, nonce: [0; 12], ciphertext: vec![1] }
    }

    /// A failure at each of these times, in milliseconds from the first; after which of them the path is locked.
    #[test]
    fn t12_failures_lock_by_their_number_within_a_window() {
        let table: [(Category, &[u64], Option<usize>); 7] = [
            (Category::General, &[0, 1, 2, 3], None),
            (Category::General, &[0, 1, 2, 3, 4], Some(4)),
            (Category::Supervisor, &[0, 1, 2, 3, FAILURES_WINDOW_MS - 1], Some(4)),
            (Category::General, &[0, 1, 2, 3, FAILURES_WINDOW_MS], None),
            (Category::ControlOfficer, &[0, 1, FAILURES_WINDOW_MS - 1], Some(2)),
            (Category::Maintenance, &[0, 1, FAILURES_WINDOW_MS], None),
            (Category::SecurityAdministrator, &[0, 0, 0], Some(2)),
        ];
        for (category, times, locks) in table {
            let mut credential = credential();
            let found = times.iter().position(|at| credential.failed(category, UnixMillis(NOW + at)));
            assert_eq!(found, locks, "{category}: {times:?}");
            assert_eq!(credential.locked.is_some(), locks.is_some());
        }
    }

    #[test]
    fn a_lock_stays_until_it_is_opened_and_a_good_log_on_forgets_failures() {
        let mut credential = credential();
        credential.set(sealed(), Some(sealed()), UnixMillis(NOW)).expect("sets");
        let proven = |steps: u64| Proven { version: 1, step: totp::step_of(UnixMillis(NOW)) + steps };
        for _ in 0..4 {
            assert!(!credential.failed(Category::General, UnixMillis(NOW)));
        }
        assert_eq!(credential.take(proven(0), UnixMillis(NOW)), Ok(()));
        for _ in 0..4 {
            assert!(!credential.failed(Category::General, UnixMillis(NOW)));
        }
        assert!(credential.failed(Category::General, UnixMillis(NOW)));
        let later = UnixMillis(NOW + 10 * FAILURES_WINDOW_MS);
        let fresh = Proven { version: 1, step: totp::step_of(later) };
        assert_eq!(credential.take(fresh, later), Err(LogOnFault::Locked), "time alone opens nothing");
        credential.open();
        assert_eq!(credential.take(fresh, later), Ok(()));
    }

    #[test]
    fn what_was_proven_of_other_factors_or_long_ago_is_not_taken() {
        let mut credential = credential();
        let now = UnixMillis(NOW);
        let step = totp::step_of(now);
        assert_eq!(credential.take(Proven { version: 0, step }, now), Err(LogOnFault::Stale), "there are none");
        credential.set(sealed(), Some(sealed()), now).expect("sets");
        assert_eq!(credential.take(Proven { version: 0, step }, now), Err(LogOnFault::Stale));
        for far in [step - 4, step + 4] {
            assert_eq!(credential.take(Proven { version: 1, step: far }, now), Err(LogOnFault::Stale));
        }
        assert!(Credential::none(credential.user.clone()).set(sealed(), None, now).is_err(), "codes must be there");
    }

    #[test]
    fn a_secret_of_enrolment_is_good_once_and_for_three_days() {
        let mut credential = credential();
        let (proof, until) = (crate::people::founding::proof(b"secret"), UnixMillis(NOW + ENROLMENT_MS));
        credential.enrolment = Some(Enrolment { digest: Ceremony::of(b"secret").digest, until });
        assert_eq!(credential.enrol(&[0; 32], UnixMillis(NOW)), Err(LogOnFault::Enrolment));
        assert_eq!(credential.clone().enrol(&proof, until), Err(LogOnFault::Enrolment), "too late");
        credential.locked = Some(UnixMillis(NOW));
        assert_eq!(credential.enrol(&proof, UnixMillis(until.0 - 1)), Ok(()));
        assert_eq!((credential.locked, credential.enrolment.clone()), (None, None));
        assert_eq!(credential.enrol(&proof, UnixMillis(NOW)), Err(LogOnFault::Enrolment), "once");
    }

    proptest! {
        /// Whatever is shown in whatever order, on however many nodes: no step is taken twice, and none after a later one.
        #[test]
        fn t11_a_code_is_taken_once(shown in proptest::collection::vec((0u64..7, 0u64..4), 0..40)) {
            let mut credential = credential();
            credential.set(sealed(), Some(sealed()), UnixMillis(NOW)).expect("sets");
            let first = totp::step_of(UnixMillis(NOW));
            let mut taken: Vec<u64> = Vec::new();
            for (step, late) in shown {
                let step = first + step;
                if credential.take(Proven { version: 1, step }, UnixMillis((step + late) * totp::STEP_MS)).is_ok() {
                    prop_assert!(taken.iter().all(|before| *before < step), "{taken:?} and {step}");
                    taken.push(step);
                }
            }
        }
    }
}
