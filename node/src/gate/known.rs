//! Callers as this node's directory replica knows them: made once for each version of what they are made of.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use access::{Bundle, Caller as PolicyCaller};
use model::access::function::Function;
use model::access::grants::Grants;
use model::access::principal::Principal;
use model::ids::{AgencyId, UserId};
use model::known_bugs::{KnownBug, planted};
use model::people::floor::Epochs;
use model::people::principal::{epochs, grants_by, links_of, narrowed, system_principal};
use model::people::{Agency, Agreement, Memorandum};
use model::time::UnixMillis;
use raft::error::GroupError;
use raft::group::Group;
use raft::machine::Facts;

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
    pub agency: Agency,
    pub epochs: Epochs,
    /// What he sees by any function, where no agreement and no memorandum tells functions apart.
    grants: Arc<Grants>,
    agreements: Vec<Agreement>,
    memoranda: Vec<Memorandum>,
    /// The directory's applied index that he was read at, at least.
    pub directory_index: u64,
    powers: u64,
    version: u64,
    made_at: UnixMillis,
}

impl Known {
    /// What he sees by one function.
    pub fn grants(&self, function: Function, now: UnixMillis) -> Arc<Grants> {
        if self.agreements.is_empty() && self.memoranda.is_empty() {
            return self.grants.clone();
        }
        Arc::new(grants_by(&self.principal, function, (&self.agreements, &self.memoranda), now))
    }

    /// The caller with what he has by one function alone: the same of which his grants are made.
    pub fn by(&self, function: Function, now: UnixMillis) -> Cow<'_, Principal> {
        if self.agreements.is_empty() && self.memoranda.is_empty() {
            return Cow::Borrowed(&self.principal);
        }
        Cow::Owned(narrowed(&self.principal, function, (&self.agreements, &self.memoranda), now))
    }
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
            Ok(state.facts_of(&profile, now)?.map(|facts| Ok((facts, profile, index))))
        })?;
        match found {
            None => Err(Unknown::Nobody),
            Some(Err(known)) => Ok(known),
            Some(Ok((facts, profile, index))) => {
                let epochs = epochs(&profile, &facts.agency);
                self.keep(bundle, (facts, epochs), (powers, profile.version, index), now)
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
            let links = links_of(state.agreements(agency)?, system, certificate);
            Ok(system_principal(&of, &links, system, now)
                .map(|principal| (Facts { principal, agency: of, agreements: links, memoranda: Vec::new() }, index)))
        })?;
        let (facts, index) = found.ok_or(Unknown::Nobody)?;
        let epochs = Epochs { user: 0, agency: facts.agency.epoch };
        self.keep(bundle, (facts, epochs), (powers, 0, index), now)
    }

    fn kept(&self, agency: &AgencyId, user: &UserId) -> Option<Arc<Known>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if planted(KnownBug::CallerOfAnother) {
            return kept.iter().find(|((of, _), _)| of == agency).map(|(_, known)| known.clone());
        }
        kept.get(&(agency.clone(), user.clone())).cloned()
    }

    fn keep(
        &self,
        bundle: &Bundle,
        (facts, epochs): (Facts, Epochs),
        (powers, version, directory_index): (u64, u64, u64),
        made_at: UnixMillis,
    ) -> Result<Arc<Known>, Unknown> {
        let Facts { principal, agency, agreements, memoranda } = facts;
        // Inside the department no agreement is needed, and none tells functions apart (R06).
        let agreements = if principal.agreement.is_some() { agreements } else { Vec::new() };
        let policy_caller = bundle.caller(&principal);
        let policy_caller = policy_caller.map_err(|verdict| Unknown::Policies(verdict.errors.join("; ")))?;
        let key = (principal.agency.clone(), principal.user.clone());
        let grants = Arc::new(Grants::of(&principal));
        let known = Arc::new(Known {
            principal,
            policy_caller,
            agency,
            epochs,
            grants,
            agreements,
            memoranda,
            directory_index,
            powers,
            version,
            made_at,
        });
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX && !kept.contains_key(&key) {
            let next = kept.range(key.clone()..).next().or_else(|| kept.iter().next()).map(|(key, _)| key.clone());
            next.map(|next| kept.remove(&next));
        }
        kept.insert(key, known.clone());
        Ok(known)
    }
}
