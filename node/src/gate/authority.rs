//! The decision of the gate: standing, function, station, transaction, object, by the policies in force, on what this node's
//! directory replica knows of the caller (SECURITY.md 1.3). It is made once for each request, and anew for each attempt at a
//! write.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use access::{Act, Bundle, BundleError, Object, Request, Verdict};
use model::access::denial::Denial;
use model::access::function::Function;
use model::access::standing::standing;
use model::audit::circumstances::{Circumstances, session_name};
use model::envelope::{Caller, Decision};
use model::ids::{AgencyId, PortId, UserId};
use model::known_bugs::{KnownBug, planted};
use model::limits::DECISION_VALID_MS;
use model::session::{Handle, STEP_UP_FUNCTIONS, Session, SessionFault, digest_of};
use model::time::UnixMillis;
use prometheus::{IntCounter, IntCounterVec, Opts, Registry};
use raft::error::GroupError;
use raft::group::Group;

use super::known::{Callers, Known, Unknown};
use super::need::Need;
use super::second::{Second, SecondLooks};
use super::seen::Seen;
use crate::error::ApiError;

/// A replica of the directory that has heard nothing for longer decides nothing: what was taken away since is not known to it.
const FRESH: Duration = Duration::from_millis(DECISION_VALID_MS);

/// Who asks, as the channel proved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// A person, on a connection with this certificate.
    Person { certificate: Option<[u8; 32]> },
    /// Whoever works at a machine of a station, on a connection with its certificate; only a session says who he is.
    Terminal { certificate: Option<[u8; 32]>, station: PortId },
    /// A system, by the name in its certificate (R29).
    System { name: String },
}

/// What a request was let in on.
#[derive(Debug, Clone)]
pub struct Authorised {
    pub known: Arc<Known>,
    /// None: what needs a session alone.
    pub function: Option<Function>,
    pub session: Option<Session>,
    policies: (u64, Arc<Bundle>),
    proof: Proof,
    made_at: UnixMillis,
}

/// What is counted of decisions.
#[derive(Clone)]
pub struct AccessMetrics {
    denied: IntCounterVec,
    errors: IntCounter,
    looks: SecondLooks,
}

impl AccessMetrics {
    /// Registers them.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let denied = Opts::new("portcullis_denied_total", "Requests that the gate refused, by the code of the rule.");
        let errors = "Decisions that could not be made, and so were refusals: always a fault of policies or program.";
        let metrics = Self {
            denied: IntCounterVec::new(denied, &["code"])?,
            errors: IntCounter::new("portcullis_policy_errors_total", errors)?,
            looks: SecondLooks::new(registry)?,
        };
        registry.register(Box::new(metrics.denied.clone()))?;
        registry.register(Box::new(metrics.errors.clone()))?;
        Ok(metrics)
    }
}

/// The policies in force, as of a number of the directory's changes of powers.
struct InForce {
    powers: Option<u64>,
    version: u64,
    bundle: Option<Arc<Bundle>>,
}

/// Decides.
pub struct Authority {
    directory: Group,
    callers: Callers,
    built_in: Arc<Bundle>,
    in_force: Mutex<InForce>,
    seen: Seen,
    metrics: AccessMetrics,
}

impl Authority {
    /// Decides by the policies of the directory, and by those of this program as long as there are none.
    pub fn new(directory: Group, seen: Seen, metrics: AccessMetrics) -> Result<Self, BundleError> {
        let built_in = Arc::new(Bundle::built_in()?);
        let in_force = Mutex::new(InForce { powers: None, version: 0, bundle: Some(built_in.clone()) });
        Ok(Self { directory, callers: Callers::default(), built_in, in_force, seen, metrics })
    }

    /// The policies in force. A node that cannot read them, since they were written for another version of the program,
    /// decides nothing: what they refuse is not known to it.
    fn policies(&self) -> Result<(u64, Arc<Bundle>), ApiError> {
        let powers = self.directory.machine().progress().borrow().powers;
        let mut in_force = self.in_force.lock().unwrap_or_else(PoisonError::into_inner);
        let stays = planted(KnownBug::FirstPoliciesStay) && in_force.version > 0;
        if in_force.powers != Some(powers) && !stays {
            let stored = self.directory.read(|state| state.policy_bundle())?;
            let version = stored.as_ref().map_or(0, |bundle| bundle.version);
            if version != in_force.version || in_force.powers.is_none() {
                in_force.bundle = match stored.as_ref().map(Bundle::of) {
                    None => Some(self.built_in.clone()),
                    Some(Ok(bundle)) => Some(Arc::new(bundle)),
                    Some(Err(error)) => {
                        self.metrics.errors.inc();
                        tracing::error!(version, %error, "the access policies in force are not for this program; nothing is allowed");
                        None
                    }
                };
                in_force.version = version;
            }
            in_force.powers = Some(powers);
        }
        match &in_force.bundle {
            Some(bundle) => Ok((in_force.version, bundle.clone())),
            None => {
                let reason = "this node's program cannot read the access policies in force: upgrade it".to_string();
                Err(GroupError::Unavailable { group: self.directory.id(), reason }.into())
            }
        }
    }

    /// Refuses where this replica of the directory may not know what was taken away.
    fn fresh(&self) -> Result<(), ApiError> {
        let decides = planted(KnownBug::StaleDirectoryDecides);
        if decides || self.directory.staleness().is_some_and(|age| age <= FRESH) {
            return Ok(());
        }
        let reason = "this node has not heard for 2 seconds whose access was taken away".to_string();
        Err(GroupError::Unavailable { group: self.directory.id(), reason }.into())
    }

    /// Lets a request in, or says which rule refuses it. `circumstances` are those of its event, be it let in or not, as soon as it is
    /// known who asks.
    pub async fn authorise(
        &self,
        caller: &Caller,
        (proof, handle): (&Proof, Option<&Handle>),
        need: Need,
        (now, left): (UnixMillis, Duration),
        circumstances: &mut Option<Circumstances>,
    ) -> Result<Option<Authorised>, ApiError> {
        if need == Need::Identity {
            return Ok(None);
        }
        let (function, policies) = (need.function(&caller.purpose), self.policies()?);
        if need != Need::Status {
            self.fresh()?;
        }
        let (known, session) = match proof {
            Proof::System { name } => (self.system((&caller.agency, &caller.user, name), now)?, None),
            // How the cluster stands must be seen when nothing else is answered, and a session could not begin; and before
            // there is any account.
            Proof::Person { .. } if need == Need::Status && self.is_unfounded()? => return Ok(None),
            Proof::Person { .. } if need == Need::Status => (self.person((&caller.agency, &caller.user), now)?, None),
            Proof::Person { certificate } | Proof::Terminal { certificate, .. } => {
                let session = self.session(caller, handle, left).await?;
                let known = self.person((&caller.agency, &caller.user), now)?;
                self.good(&session, &known, *certificate, now)?;
                if session.station != caller.port {
                    return Err(self.denied(vec![Denial::Station]));
                }
                if session.is_stale(now) {
                    self.seen.tell(session.handle, now);
                }
                (known, Some(session))
            }
        };
        let authorised = Authorised { known, function, session, policies, proof: proof.clone(), made_at: now };
        *circumstances = Some(authorised.circumstances());
        if function.is_some() {
            self.may(&authorised, caller, Act::Use, None, now)?;
        }
        stepped_up(function, authorised.session.as_ref(), now)?;
        Ok(Some(authorised))
    }

    /// Decides again for a write that is about to be proposed: on what is known now.
    pub fn again(&self, before: &Authorised, caller: &Caller, now: UnixMillis) -> Result<Authorised, ApiError> {
        self.fresh()?;
        let known = match &before.proof {
            Proof::System { name } => self.system((&caller.agency, &caller.user, name), now)?,
            Proof::Person { .. } | Proof::Terminal { .. } => self.person((&caller.agency, &caller.user), now)?,
        };
        if let Some(session) = &before.session {
            self.good(session, &known, session.certificate, now)?;
        }
        let authorised = Authorised { known, made_at: now, policies: self.policies()?, ..before.clone() };
        if authorised.function.is_some() {
            self.may(&authorised, caller, Act::Use, None, now)?;
        }
        Ok(authorised)
    }

    /// Whether the caller may do something, to a record where it is done to one.
    pub fn may(
        &self,
        authorised: &Authorised,
        caller: &Caller,
        act: Act,
        object: Option<Object>,
        now: UnixMillis,
    ) -> Result<(), ApiError> {
        let Some(function) = authorised.function else { return Ok(()) };
        let request = self.request(authorised, caller, (act, function), object, now);
        let Verdict { allowed, codes, policies: _, errors } =
            authorised.policies.1.decide_for(&authorised.known.policy_caller, &request);
        if !errors.is_empty() {
            self.metrics.errors.inc();
            tracing::error!(
                errors = errors.join("; "),
                "an access policy could not be evaluated; the request is refused"
            );
        }
        if allowed { Ok(()) } else { Err(self.denied(codes)) }
    }

    fn request(
        &self,
        on: &Authorised,
        caller: &Caller,
        (act, function): (Act, Function),
        object: Option<Object>,
        now: UnixMillis,
    ) -> Request {
        Request {
            act,
            function,
            station: caller.port.clone(),
            purpose: caller.purpose.clone(),
            now,
            object,
            // Nothing is passed on yet: no call exports or prints records.
            recipient: None,
            system: matches!(on.proof, Proof::System { .. }),
            // A session begins with the banner in force and with nothing else (R08).
            consent: on.session.is_some() || on.function == Some(Function::ClusterStatus),
        }
    }

    /// Who looks again at records that the caller's labels decide about.
    pub fn second(&self, on: &Authorised, caller: &Caller, function: Function, at: UnixMillis) -> Second {
        let asked = self.request(on, caller, (Act::Read, function), None, at);
        Second { bundle: on.policies.1.clone(), known: on.known.clone(), asked, looks: self.metrics.looks.clone() }
    }

    /// Whether a function would be allowed; nothing is counted.
    pub fn would_allow(&self, on: &Authorised, caller: &Caller, function: Function, now: UnixMillis) -> bool {
        let request = self.request(on, caller, (Act::Use, function), None, now);
        on.policies.1.decide_for(&on.known.policy_caller, &request).allowed
    }

    fn denied(&self, codes: Vec<Denial>) -> ApiError {
        let denial = codes.first().copied().unwrap_or(Denial::Closed);
        self.metrics.denied.with_label_values(&[denial.code()]).inc();
        ApiError::Denied { denial, codes }
    }

    fn unknown(&self, why: Unknown) -> ApiError {
        match why {
            Unknown::Nobody => self.denied(vec![Denial::Suspended]),
            Unknown::Group(error) => error.into(),
            Unknown::Policies(errors) => {
                self.metrics.errors.inc();
                tracing::error!(errors, "a caller cannot be shown to the access policies; he is refused");
                self.denied(vec![Denial::Closed])
            }
        }
    }

    /// Whose account holds the name of a certificate.
    pub fn holder(&self, name: &str) -> Result<Option<UserId>, ApiError> {
        Ok(self.directory.read(|state| state.user_of_certificate(name))?)
    }

    /// Whether there is no account yet.
    fn is_unfounded(&self) -> Result<bool, ApiError> {
        Ok(self.directory.read(|state| Ok(state.profiles(None, 1)?.rows.is_empty()))?)
    }

    fn person(&self, who: (&AgencyId, &UserId), now: UnixMillis) -> Result<Arc<Known>, ApiError> {
        self.callers.person(&self.directory, &self.built_in, who, now).map_err(|why| self.unknown(why))
    }

    fn system(&self, who: (&AgencyId, &UserId, &str), now: UnixMillis) -> Result<Arc<Known>, ApiError> {
        self.callers.system(&self.directory, &self.built_in, who, now).map_err(|why| match why {
            Unknown::Nobody => self.denied(vec![Denial::SystemLink]),
            other => self.unknown(other),
        })
    }

    /// The session of a handle. One that this replica does not know may have begun a moment ago on another node.
    async fn session(&self, caller: &Caller, handle: Option<&Handle>, left: Duration) -> Result<Session, ApiError> {
        let digest = digest_of(handle.ok_or(ApiError::NoSession)?);
        let mut found = self.directory.read(|state| state.session(&digest))?;
        if found.is_none() {
            self.directory.linearize(left).await?;
            found = self.directory.read(|state| state.session(&digest))?;
        }
        // Somebody else's is as good as none.
        let own = found.filter(|session| session.user == caller.user && session.agency == caller.agency);
        own.ok_or(ApiError::NoSession)
    }

    fn good(
        &self,
        session: &Session,
        known: &Known,
        certificate: Option<[u8; 32]>,
        now: UnixMillis,
    ) -> Result<(), ApiError> {
        let fault = match session.check(now, certificate, known.epochs.user) {
            Ok(()) => return Ok(()),
            Err(fault) => fault,
        };
        // Whose account was suspended is told so, and not to log on again.
        let shut = standing(&known.principal, now).err().filter(|denial| *denial == Denial::Suspended);
        match (shut, fault) {
            (Some(denial), _) => Err(self.denied(vec![denial])),
            (None, SessionFault::Locked) => Err(ApiError::SessionLocked),
            (None, SessionFault::Ended | SessionFault::OtherCertificate) => Err(ApiError::NoSession),
        }
    }
}

/// Refuses what gives powers where who asks has not proved himself lately. Told last: who may not do it at all is told that.
fn stepped_up(function: Option<Function>, session: Option<&Session>, now: UnixMillis) -> Result<(), ApiError> {
    let asked = function.is_some_and(|function| STEP_UP_FUNCTIONS.contains(&function));
    match session {
        Some(session) if asked && !session.is_fresh(now) => Err(ApiError::StepUpNeeded),
        _ => Ok(()),
    }
}

impl Authorised {
    /// In which session and by which powers.
    fn circumstances(&self) -> Circumstances {
        let principal = &self.known.principal;
        Circumstances {
            session: self.session.as_ref().map(|session| session_name(&session.handle)),
            category: Some(principal.category.to_string()),
            function: self.function.map(|function| function.to_string()),
            directory_index: self.known.directory_index,
            profile_version: principal.profile_version,
            agreement_version: principal.agreement_version,
            policies: Some(self.policies.1.sha256()),
            ..Circumstances::default()
        }
    }

    /// The decision as an entry of the log carries it.
    pub fn decision(&self) -> Decision {
        let principal = &self.known.principal;
        Decision {
            made_at: self.made_at,
            directory_index: self.known.directory_index,
            profile_version: principal.profile_version,
            agreement_version: principal.agreement_version,
            policy_version: self.policies.0,
            epochs: self.known.epochs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::session::{FACTOR_FRESH_MS, LogOnPath};

    #[test]
    fn what_gives_powers_asks_for_a_factor_of_the_last_five_minutes_and_nothing_else_does() {
        let begun = UnixMillis(1_800_000_000_000);
        let session = Session {
            handle: [1; 32],
            user: UserId::new("sco").expect("code"),
            agency: AgencyId::new("CBP").expect("code"),
            station: PortId::new("2404").expect("code"),
            path: LogOnPath::Certificate,
            certificate: None,
            banner: [0; 32],
            epoch: 0,
            begun,
            seen: begun,
            locked: false,
            factor: begun,
        };
        let ask = |function, after| {
            let now = begun.after(after);
            stepped_up(Some(function), Some(&session), now).map_err(|error| error.code())
        };
        for function in [Function::FunctionGrant, Function::UserApprove, Function::AccessPolicies] {
            assert_eq!(ask(function, FACTOR_FRESH_MS - 1), Ok(()), "{function}");
            assert_eq!(ask(function, FACTOR_FRESH_MS), Err("step-up-needed"), "{function}");
        }
        assert_eq!(ask(Function::PrimaryQuery, FACTOR_FRESH_MS), Ok(()), "a lane is not stopped");
        assert!(stepped_up(None, Some(&session), begun.after(FACTOR_FRESH_MS)).is_ok());
    }
}
