//! Callers as this node's directory replica knows them: made once for each version of what they are made of.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use access::{Bundle, Caller as PolicyCaller};
use model::access::grants::Grants;
use model::access::principal::Principal;
use model::ids::{AgencyId, UserId};
use model::people::floor::Epochs;
use model::people::principal::{epochs, principal, system_principal};
use model::people::{Agency, Profile};
use model::time::UnixMillis;
use raft::error::GroupError;
use raft::group::Group;
use raft::machine::State;

/// Callers that are kept; beyond it the next in order of id goes.
const KEPT_MAX: usize = 4_096;
/// A caller is made anew after so long, since windows of memoranda and agreements open and close by time. Dates of his
/// standing are compared in each decision.
const GOOD_FOR_MS: u64 = 1_000;

/// A caller, and what he was made of.
#[derive(Debug)]
pub struct Known {
    pub principal: Principal,
    pub policy_caller: PolicyCaller,
    pub grants: Arc<Grants>,
    pub epochs: Epochs,
    /// The directory's applied index that he was read at, at least.
    pub directory_index: u64,
    powers: u64,
    version: u64,
    made_at: UnixMillis,
}

/// The callers that were made.
#[derive(Default)]
pub struct Callers(Mutex<BTreeMap<(AgencyId, UserId), Arc<Known>>>);

/// Why somebody is not known.
#[derive(Debug)]
pub enum Unknown {
    /// There is no such account, or system, at this agency.
    Nobody,
    Group(GroupError),
    /// He cannot be shown to the policies: a refusal, and an alarm.
    Policies(String),
}

impl From<GroupError> for Unknown {
    fn from(error: GroupError) -> Self {
        Self::Group(error)
    }
}

impl Callers {
    /// A person with his account.
    pub fn person(
        &self,
        directory: &Group,
        bundle: &Bundle,
        (agency, user): (&AgencyId, &UserId),
        now: UnixMillis,
    ) -> Result<Arc<Known>, Unknown> {
        // Before the state: what changed since then shows under another number.
        let powers = directory.machine().progress().borrow().powers;
        let kept = self.kept(agency, user);
        let found = directory.read(|state| {
            let Some(profile) = state.profile(user)?.filter(|profile| profile.agency == *agency) else {
                return Ok(None);
            };
            let same = |known: &Arc<Known>| {
                known.version == profile.version && known.powers == powers && now.since(known.made_at) < GOOD_FOR_MS
            };
            if let Some(known) = kept.filter(same) {
                return Ok(Some(Err(known)));
            }
            let index = state.position()?.applied.map_or(0, |id| id.index);
            Ok(of_person(&state, &profile, now)?
                .map(|(principal, epochs)| Ok((principal, epochs, profile.version, index))))
        })?;
        match found {
            None => Err(Unknown::Nobody),
            Some(Err(known)) => Ok(known),
            Some(Ok((principal, epochs, version, index))) => {
                self.keep(bundle, (principal, epochs), (powers, version, index), now)
            }
        }
    }

    /// A system of an agency, which acts under the agreements that name it and its certificate (R29).
    pub fn system(
        &self,
        directory: &Group,
        bundle: &Bundle,
        (agency, system, certificate): (&AgencyId, &UserId, &str),
        now: UnixMillis,
    ) -> Result<Arc<Known>, Unknown> {
        let powers = directory.machine().progress().borrow().powers;
        let same = |known: &Arc<Known>| known.powers == powers && now.since(known.made_at) < GOOD_FOR_MS;
        if let Some(known) = self.kept(agency, system).filter(same) {
            return Ok(known);
        }
        let found = directory.read(|state| {
            let index = state.position()?.applied.map_or(0, |id| id.index);
            let Some(of) = state.agency(agency)? else { return Ok(None) };
            let agreements = state.agreements(agency)?;
            Ok(system_principal(&of, &agreements, (system, certificate), now).map(|principal| (principal, of, index)))
        })?;
        let (principal, of, index) = found.ok_or(Unknown::Nobody)?;
        let epochs = Epochs { user: 0, agency: of.epoch };
        self.keep(bundle, (principal, epochs), (powers, 0, index), now)
    }

    fn kept(&self, agency: &AgencyId, user: &UserId) -> Option<Arc<Known>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&(agency.clone(), user.clone())).cloned()
    }

    fn keep(
        &self,
        bundle: &Bundle,
        (principal, epochs): (Principal, Epochs),
        (powers, version, directory_index): (u64, u64, u64),
        made_at: UnixMillis,
    ) -> Result<Arc<Known>, Unknown> {
        let policy_caller = bundle.caller(&principal);
        let policy_caller = policy_caller.map_err(|verdict| Unknown::Policies(verdict.errors.join("; ")))?;
        let key = (principal.agency.clone(), principal.user.clone());
        let grants = Arc::new(Grants::of(&principal));
        let known =
            Arc::new(Known { principal, policy_caller, grants, epochs, directory_index, powers, version, made_at });
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX && !kept.contains_key(&key) {
            let next = kept.range(key.clone()..).next().or_else(|| kept.iter().next()).map(|(key, _)| key.clone());
            next.map(|next| kept.remove(&next));
        }
        kept.insert(key, known.clone());
        Ok(known)
    }
}

/// A person's facts, all of one moment.
fn of_person(
    state: &State<'_>,
    profile: &Profile,
    now: UnixMillis,
) -> raft::storage::Result<Option<(Principal, Epochs)>> {
    let Some(agency): Option<Agency> = state.agency(&profile.agency)? else { return Ok(None) };
    let mut roles = Vec::new();
    for role in profile.roles.keys() {
        roles.extend(state.role(role)?);
    }
    let agreements = if agency.external { state.agreements(&profile.agency)? } else { Vec::new() };
    let memoranda = state.memoranda_for(&profile.user, &profile.agency)?;
    Ok(Some((principal(profile, &agency, &roles, &agreements, &memoranda, now), epochs(profile, &agency))))
}
