//! What the directory said of everybody, and when: read once more from the rows that its replicas wrote, so that the gate is not
//! judged by its own memory.
//!
//! A decision stands on a replica of the directory that is two seconds old at most (SECURITY.md 2.2). So a call that was
//! answered must have been allowed by something that the directory held between two seconds before it began and its end.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use model::access::function::Function;
use model::access::grants::Grants;
use model::access::policy_bundle::PolicyBundle;
use model::access::principal::Principal;
use model::access::standing::{function_denials, standing_denials};
use model::codec;
use model::ids::UserId;
use model::limits::DECISION_VALID_MS;
use model::people::principal::{grants_by, principal};
use model::people::{Agency, Agreement, Memorandum, Profile, Role};
use model::session::Session;
use model::time::UnixMillis;
use raft::machine::State;
use raft::storage::{self, Reader, Visit};

use super::Case;
use super::dated::BLIND_MS;
use crate::clock::EPOCH_MS;
use crate::history::{Answer, Call, Operation};
use crate::people;

/// Clocks of nodes tick a little differently, and a decision takes its time.
const SLACK_MS: u64 = 200;

/// The directory's rows of people at one moment.
#[derive(Default, Clone)]
struct Rows(BTreeMap<Vec<u8>, Vec<u8>>);

impl Reader for Rows {
    fn get(&self, key: &[u8]) -> storage::Result<Option<Vec<u8>>> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> storage::Result<()> {
        for (key, value) in self.0.range(from.to_vec()..to.to_vec()) {
            if !visit(key, value) {
                break;
            }
        }
        Ok(())
    }

    fn scan_back(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> storage::Result<()> {
        for (key, value) in self.0.range(from.to_vec()..to.to_vec()).rev() {
            if !visit(key, value) {
                break;
            }
        }
        Ok(())
    }
}

/// All that an account's facts are made of.
pub struct Account {
    pub profile: Profile,
    agency: Agency,
    roles: Vec<Role>,
    agreements: Vec<Agreement>,
    memoranda: Vec<Memorandum>,
}

/// What the directory held from a time on.
pub struct Moment {
    pub at_ms: u64,
    accounts: Rc<BTreeMap<String, Account>>,
    sessions: Rc<Vec<Session>>,
    /// What the access policies in force shut to strangers.
    curfews: Rc<BTreeSet<Function>>,
}

/// All moments, in order.
#[derive(Default)]
pub struct Powers {
    moments: Vec<Moment>,
}

impl Powers {
    /// Reads what was seen.
    pub fn gather(case_powers: &[crate::sight::SeenPowers]) -> Self {
        let mut rows = Rows::default();
        let mut moments: Vec<Moment> = Vec::new();
        for seen in case_powers {
            let mut touched: BTreeSet<u8> = BTreeSet::new();
            for (key, value) in &seen.rows {
                touched.extend(key.first());
                match value {
                    Some(value) => drop(rows.0.insert(key.clone(), value.clone())),
                    None => drop(rows.0.remove(key)),
                }
            }
            let last = moments.last();
            let any = |tags: &[u8]| last.is_none() || tags.iter().any(|tag| touched.contains(tag));
            let accounts = match last.filter(|_| !any(&[0x60, 0x61, 0x62, 0x63, 0x64, 0x66])) {
                Some(last) => last.accounts.clone(),
                None => Rc::new(accounts(&rows)),
            };
            let sessions = match last.filter(|_| !any(&[0x70])) {
                Some(last) => last.sessions.clone(),
                None => Rc::new(sessions(&rows)),
            };
            let curfews = match last.filter(|_| !any(&[0x6d])) {
                Some(last) => last.curfews.clone(),
                None => Rc::new(curfews(&rows)),
            };
            moments.push(Moment { at_ms: seen.at_ms, accounts, sessions, curfews });
        }
        Self { moments }
    }

    /// What the directory held at some time between two.
    pub fn between(&self, from_ms: u64, to_ms: u64) -> &[Moment] {
        let first = self.moments.partition_point(|moment| moment.at_ms <= from_ms).saturating_sub(1);
        let end = self.moments.partition_point(|moment| moment.at_ms <= to_ms);
        self.moments.get(first..end.max(first)).unwrap_or_default()
    }

    /// What a call may have been decided on.
    pub fn of_call(&self, case: &Case<'_>, operation: &Operation) -> &[Moment] {
        let ended = operation.ended.as_ref().map_or(u64::MAX, |(_, at, _)| *at);
        // A machine that stood still does not know how old its copy is before it has heard something.
        let stood = case
            .run
            .stood
            .values()
            .flatten()
            .filter(|(from, to)| *from <= ended && operation.begun_ms <= to + BLIND_MS);
        let blind: u64 = stood.map(|(from, to)| to - from).sum();
        self.between(operation.begun_ms.saturating_sub(DECISION_VALID_MS + SLACK_MS + blind), ended)
    }
}

fn accounts(rows: &Rows) -> BTreeMap<String, Account> {
    let state = State(rows);
    let profiles = state.profiles(None, 1_000).map(|page| page.rows).unwrap_or_default();
    let account = |profile: Profile| {
        let roles = profile.roles.keys().filter_map(|role| state.role(role).ok().flatten()).collect();
        Some(Account {
            agency: state.agency(&profile.agency).ok().flatten()?,
            roles,
            agreements: state.agreements(&profile.agency).ok()?,
            memoranda: state.memoranda_for(&profile.user, &profile.agency).ok()?,
            profile,
        })
    };
    profiles.into_iter().filter_map(account).map(|account| (account.profile.user.to_string(), account)).collect()
}

fn sessions(rows: &Rows) -> Vec<Session> {
    let rows = rows.0.range(vec![0x70]..vec![0x71]);
    rows.filter_map(|(_, value)| codec::decode::<Session>(value).ok()).collect()
}

fn curfews(rows: &Rows) -> BTreeSet<Function> {
    let text = State(rows).policy_bundle().ok().flatten().map(|PolicyBundle { text, .. }| text).unwrap_or_default();
    people::CURFEWS.into_iter().filter(|function| text.contains(&people::curfew(*function))).collect()
}

impl Account {
    fn principal(&self, at: UnixMillis) -> Principal {
        principal(&self.profile, &self.agency, &self.roles, &self.agreements, &self.memoranda, at)
    }
}

impl Moment {
    /// The account of a user.
    pub fn account(&self, user: &str) -> Option<&Account> {
        self.accounts.get(user)
    }

    /// Why a user may not use a function at a time; empty: he may.
    pub fn shuts(&self, user: &str, function: Function, at: UnixMillis) -> Vec<String> {
        let Some(account) = self.account(user) else { return vec!["no account".into()] };
        let principal = account.principal(at);
        let denials = standing_denials(&principal, at).into_iter().chain(function_denials(&principal, function, at));
        let mut why: Vec<String> = denials.map(|denial| denial.to_string()).collect();
        if people::purpose_of(user) == people::ROAMING && self.curfews.contains(&function) {
            why.push("the policies in force".into());
        }
        why
    }

    /// Whether a user has a session that is good.
    pub fn has_session(&self, user: &UserId) -> bool {
        let epoch = self.account(user.as_str()).map(|account| account.profile.epoch);
        let own = |session: &&Session| session.user == *user;
        self.sessions.iter().filter(own).any(|session| Some(session.epoch) == epoch && !session.locked)
    }

    /// What a user sees by a function at a time.
    pub fn grants(&self, user: &str, function: Function, at: UnixMillis) -> Option<Grants> {
        let account = self.account(user)?;
        Some(grants_by(&account.principal(at), function, (&account.agreements, &account.memoranda), at))
    }
}

/// What somebody asks by, in a gated world.
pub fn function_of(operation: &Operation) -> Option<Function> {
    Some(match &operation.call {
        Call::Create { .. } => Function::LookoutCreate,
        Call::Update { .. } => Function::LookoutUpdate,
        Call::Remove { .. } => Function::LookoutRemove,
        Call::Override { .. } => Function::OverrideRecord,
        Call::EndOverride { .. } => Function::OverrideEnd,
        Call::Get { .. } => Function::RecordView,
        Call::Screen { .. } if people::purpose_of(&operation.user) == crate::workload::PURPOSE => {
            Function::PrimaryQuery
        }
        Call::Screen { .. } => Function::SubjectQuery,
        Call::Import { .. } => Function::ListImport,
        Call::ReadAudit { .. } | Call::Checkpoint { .. } => Function::AuditRead,
        Call::List { .. } => Function::RecordList,
        Call::History { .. } => Function::RecordHistory,
        Call::Operate { .. } => return None,
    })
}

/// The time that a call was decided by: its event's, or when it began.
pub fn decided_at(case: &Case<'_>, operation: &Operation) -> UnixMillis {
    let receipt = match operation.answer() {
        Some(Answer::Screened(answer)) => answer.audit.as_ref(),
        Some(Answer::Record(answer)) => answer.audit.as_ref(),
        Some(Answer::Listed(answer)) => answer.audit.as_ref(),
        Some(Answer::Versions(answer)) => answer.audit.as_ref(),
        Some(Answer::Audit(answer)) => answer.audit.as_ref(),
        _ => None,
    };
    let event = receipt.and_then(|audit| case.evidence.event(&audit.receipt));
    UnixMillis(event.map_or(EPOCH_MS + operation.begun_ms, |event| event.leaf.header.at_ms))
}

/// What a caller sees by an answer: of each moment that allowed it, once. Empty in a world without a gate.
pub fn sights(case: &Case<'_>, operation: &Operation) -> Vec<Grants> {
    let Some(function) = function_of(operation) else { return Vec::new() };
    let at = decided_at(case, operation);
    let mut sights: Vec<Grants> = Vec::new();
    for moment in case.powers.of_call(case, operation) {
        let open = moment.shuts(&operation.user, function, at).is_empty();
        if let Some(grants) = moment.grants(&operation.user, function, at).filter(|_| open)
            && !sights.contains(&grants)
        {
            sights.push(grants);
        }
    }
    sights
}
