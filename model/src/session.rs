//! Sessions: who is signed on, from which certificate and station, and for how long (SECURITY.md 2.0, 2.2, 2.3).
//!
//! They are kept in the directory, so that every node knows them and an account that is suspended loses them everywhere at one
//! index. A session is known by the SHA-256 of its handle; the handle itself is the caller's alone.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::access::denial::Denial;
use crate::access::function::Function;
use crate::access::principal::{Category, Principal};
use crate::audit::merkle::Hash;
use crate::codec::{self, CodecError, Stored};
use crate::ids::{AgencyId, PortId, UserId};
use crate::known_bugs::{KnownBug, planted};
use crate::time::UnixMillis;

/// A session that nothing came from for so long has ended (AC-12).
pub const IDLE_MAX_MS: u64 = 15 * 60 * 1_000;
/// A session ends after so long in any case (IA-11).
pub const TOTAL_MAX_MS: u64 = 12 * 60 * 60 * 1_000;
/// A sign of life is written down when the last one is older than this, so that a question costs no write.
pub const SEEN_EVERY_MS: u64 = 30 * 1_000;

/// A factor is fresh for so long, and then what gives powers asks for it again (step-up).
pub const FACTOR_FRESH_MS: u64 = 5 * 60 * 1_000;

/// What asks for a fresh factor: what gives powers, or approves that they are given (SECURITY.md 2.0).
pub const STEP_UP_FUNCTIONS: &[Function] = &[
    Function::FunctionGrant,
    Function::UserApprove,
    Function::LookoutApprove,
    Function::AgreementApprove,
    Function::MemorandumAccept,
    Function::AccessPolicies,
];

/// Sessions that one user may have at once (AC-10): the oldest ends when another begins.
pub fn sessions_max(category: Category) -> usize {
    match category {
        Category::General | Category::Supervisor => 2,
        Category::ControlOfficer | Category::Maintenance | Category::SecurityAdministrator => 3,
    }
}

/// What is shown at each log-on and must be acknowledged (F43, AC-8). Whoever changes a letter of it asks everybody anew.
pub const BANNER: &str = "\
You are about to use a government system. It is for authorised use alone.
Use of it is monitored, recorded and audited; you have no expectation of privacy in it.
Unauthorised use is prohibited and is punished by discipline, civil and criminal penalties.
By going on you consent to monitoring and recording, and to their disclosure.
";

/// SHA-256 of the banner in force.
pub fn banner_digest() -> Hash {
    Sha256::digest(BANNER.as_bytes()).into()
}

/// SHA-256 of a handle, by which its session is known.
pub fn digest_of(handle: &Handle) -> Hash {
    Sha256::digest(handle).into()
}

/// What the caller shows of his session: random, and nobody's but his.
pub type Handle = [u8; 32];

crate::coded! {
    /// How somebody proved who he is.
    pub enum LogOnPath {
        1 "certificate" => Certificate,
        2 "password" => Password,
    }
}

/// A session, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// SHA-256 of the handle.
    pub handle: Hash,
    pub user: UserId,
    pub agency: AgencyId,
    pub station: PortId,
    pub path: LogOnPath,
    /// SHA-256 of the certificate of the connection that it was begun on; it is good on no other.
    pub certificate: Option<Hash>,
    /// SHA-256 of the consent banner that was acknowledged (R08).
    pub banner: Hash,
    /// The user's epoch when it began: an account that was suspended since has another.
    pub epoch: u64,
    pub begun: UnixMillis,
    pub seen: UnixMillis,
    pub locked: bool,
    /// When its user last proved who he is.
    pub factor: UnixMillis,
}

impl Stored for Session {
    const TAG: u16 = 60;
    const VERSION: u8 = 2;

    fn of_version(version: u8, payload: &[u8]) -> Option<Result<Self, CodecError>> {
        (version == 1).then(|| codec::payload::<SessionV1>(payload).map(Self::from))
    }
}

/// Before there was a step-up: the one factor is that of the log-on.
#[derive(Serialize, Deserialize)]
struct SessionV1 {
    handle: Hash,
    user: UserId,
    agency: AgencyId,
    station: PortId,
    path: LogOnPath,
    certificate: Option<Hash>,
    banner: Hash,
    epoch: u64,
    begun: UnixMillis,
    seen: UnixMillis,
    locked: bool,
}

impl From<SessionV1> for Session {
    fn from(old: SessionV1) -> Self {
        let SessionV1 { handle, user, agency, station, path, certificate, banner, epoch, begun, seen, locked } = old;
        let factor = begun;
        Self { handle, user, agency, station, path, certificate, banner, epoch, begun, seen, locked, factor }
    }
}

/// Why a session does not carry a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionFault {
    /// Idle or total time is over, or the account has another epoch.
    Ended,
    /// Begun on another certificate.
    OtherCertificate,
    Locked,
}

impl Session {
    /// Whether it has ended by its times.
    pub fn is_over(&self, now: UnixMillis) -> bool {
        now.since(self.seen) >= IDLE_MAX_MS || now.since(self.begun) >= TOTAL_MAX_MS
    }

    /// Whether a sign of life at a time must be written down.
    pub fn is_stale(&self, now: UnixMillis) -> bool {
        now.since(self.seen) >= SEEN_EVERY_MS
    }

    /// Whether its user proved himself lately enough for what gives powers.
    pub fn is_fresh(&self, now: UnixMillis) -> bool {
        now.since(self.factor) < FACTOR_FRESH_MS
    }

    /// Whether it carries a request that comes now on a connection with this certificate, of a user with this epoch.
    pub fn check(&self, now: UnixMillis, certificate: Option<Hash>, epoch: u64) -> Result<(), SessionFault> {
        if self.is_over(now) || (self.epoch != epoch && !planted(KnownBug::SessionOutlivesSuspension)) {
            return Err(SessionFault::Ended);
        }
        if self.certificate.is_some() && self.certificate != certificate {
            return Err(SessionFault::OtherCertificate);
        }
        if self.locked { Err(SessionFault::Locked) } else { Ok(()) }
    }
}

/// Which of a user's sessions end when another one begins: those that are over, and then the oldest beyond his number.
pub fn displaced(mut held: Vec<Session>, category: Category, now: UnixMillis) -> Vec<Hash> {
    let (over, mut live): (Vec<Session>, Vec<Session>) = held.drain(..).partition(|session| session.is_over(now));
    live.sort_by_key(|session| (session.begun, session.handle));
    let beyond = (live.len() + 1).saturating_sub(sessions_max(category));
    over.iter().chain(live.iter().take(beyond)).map(|session| session.handle).collect()
}

/// Whether a session may begin at a station (R08, R14).
pub fn may_begin(principal: &Principal, station: &PortId, banner: Option<Hash>, current: Hash) -> Result<(), Denial> {
    if banner != Some(current) {
        return Err(Denial::Consent);
    }
    if principal.stations.contains(station) { Ok(()) } else { Err(Denial::Station) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: u64 = 1_800_000_000_000;

    fn session(number: u8, begun: u64, seen: u64) -> Session {
        Session {
            handle: [number; 32],
            user: UserId::new("u").expect("code"),
            agency: AgencyId::new("CBP").expect("code"),
            station: PortId::new("2404").expect("code"),
            path: LogOnPath::Certificate,
            certificate: Some([9; 32]),
            banner: [7; 32],
            epoch: 3,
            begun: UnixMillis(begun),
            seen: UnixMillis(seen),
            locked: false,
            factor: UnixMillis(begun),
        }
    }

    #[test]
    fn it_ends_when_idle_and_at_its_total_time_to_the_millisecond() {
        let idle = session(1, NOW, NOW);
        assert_eq!(idle.check(UnixMillis(NOW + IDLE_MAX_MS - 1), Some([9; 32]), 3), Ok(()));
        assert_eq!(idle.check(UnixMillis(NOW + IDLE_MAX_MS), Some([9; 32]), 3), Err(SessionFault::Ended));
        let busy = session(1, NOW, NOW + TOTAL_MAX_MS - 1);
        assert_eq!(busy.check(UnixMillis(NOW + TOTAL_MAX_MS - 1), Some([9; 32]), 3), Ok(()));
        assert_eq!(busy.check(UnixMillis(NOW + TOTAL_MAX_MS), Some([9; 32]), 3), Err(SessionFault::Ended));
    }

    #[test]
    fn t10_a_session_is_good_on_its_own_certificate_and_epoch_alone() {
        let session = session(1, NOW, NOW);
        let now = UnixMillis(NOW + 1);
        assert_eq!(session.check(now, Some([8; 32]), 3), Err(SessionFault::OtherCertificate));
        assert_eq!(session.check(now, None, 3), Err(SessionFault::OtherCertificate));
        assert_eq!(session.check(now, Some([9; 32]), 4), Err(SessionFault::Ended));
        let locked = Session { locked: true, ..session };
        assert_eq!(locked.check(now, Some([9; 32]), 3), Err(SessionFault::Locked));
    }

    #[test]
    fn a_factor_is_fresh_for_five_minutes_and_a_session_of_before_has_that_of_its_log_on() {
        let now = session(1, NOW, NOW);
        assert!(
            now.is_fresh(UnixMillis(NOW + FACTOR_FRESH_MS - 1)) && !now.is_fresh(UnixMillis(NOW + FACTOR_FRESH_MS))
        );
        let Session { handle, user, agency, station, path, certificate, banner, epoch, begun, seen, locked, .. } =
            now.clone();
        let old = SessionV1 { handle, user, agency, station, path, certificate, banner, epoch, begun, seen, locked };
        let payload = codec::bytes_of(&old).expect("encodes");
        assert_eq!(Session::of_version(1, &payload), Some(Ok(now)));
        assert_eq!(Session::of_version(3, &payload), None);
    }

    proptest! {
        #[test]
        fn nobody_has_more_sessions_than_his_number(
            times in proptest::collection::vec((0u64..20 * 3_600_000, 0u64..3_600_000), 0..8),
            category in proptest::sample::select(Category::ALL),
        ) {
            let now = UnixMillis(NOW + 20 * 3_600_000);
            let all: Vec<Session> = times.iter().enumerate()
                .map(|(number, (begun, seen))| session(number as u8, NOW + begun, NOW + (begun + seen).min(20 * 3_600_000))).collect();
            let gone = displaced(all.clone(), category, now);
            let left: Vec<&Session> = all.iter().filter(|session| !gone.contains(&session.handle)).collect();
            prop_assert!(left.len() < sessions_max(category), "there is room for one more");
            prop_assert!(left.iter().all(|session| !session.is_over(now)));
            let live = all.iter().filter(|session| !session.is_over(now)).count();
            prop_assert_eq!(left.len(), live.min(sessions_max(category) - 1), "no more end than must");
            // Those that stay began no earlier than those that ended while they were live.
            let ended = all.iter().filter(|session| gone.contains(&session.handle) && !session.is_over(now)).map(|session| session.begun).max();
            prop_assert!(left.iter().all(|session| Some(session.begun) >= ended));
        }
    }
}
