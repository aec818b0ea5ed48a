//! People and powers in ordered maps, and a small cast, for tests of their rules.
//!
//! CBP runs the system: `root` and `second` are its national control officers, `sco` keeps its accounts, `boss` and
//! `chief` supervise, `desk`, `privacy` and `head` administer. `officer` is an account of `sco`. FBI is outside the
//! department: its control officer is `fsco`, its agent `agent`.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::function::Function;
use crate::access::policy_bundle::{PolicyBundle, ProposedBundle};
use crate::access::principal::{BackgroundKind, Category};
use crate::audit::merkle::Hash;
use crate::command::people::user::{ChangeUser, UserChange};
use crate::command::testing::{World, caller, event, sealed};
use crate::command::{Command, Outcome};
use crate::envelope::{Caller, Envelope};
use crate::ids::{AgencyId, AgreementId, MemorandumId, RoleId, UserId};
use crate::people::agreement::AgreementTerms;
use crate::people::profile::{AccountState, AssignRight, Background, Profile, Standing};
use crate::people::scores::Scores;
use crate::people::view::{CertificateKey, PeopleView};
use crate::people::{Agency, Agreement, AgreementKind, AgreementStage, Ceremony, Credential, Memorandum, Party, Role};
use crate::record::{AccessLevel, Dataset, Stamp};
use crate::session::Session;
use crate::time::UnixMillis;
use crate::view::{Read, Write};

pub const DAY_MS: u64 = 24 * 60 * 60 * 1000;

#[derive(Default, Clone)]
pub struct People {
    pub agencies: BTreeMap<AgencyId, Agency>,
    pub agreements: BTreeMap<(AgencyId, AgreementId), Agreement>,
    pub memoranda: BTreeMap<MemorandumId, Memorandum>,
    pub roles: BTreeMap<RoleId, Vec<Role>>,
    pub profiles: BTreeMap<UserId, Profile>,
    pub scores: BTreeMap<UserId, Scores>,
    pub floors: BTreeMap<Party, u64>,
    pub certificates: BTreeMap<CertificateKey, UserId>,
    pub ceremony: Option<Ceremony>,
    pub sessions: BTreeMap<Hash, Session>,
    pub credentials: BTreeMap<UserId, Credential>,
    pub bundles: Vec<PolicyBundle>,
    pub proposed: Option<ProposedBundle>,
}

impl People {
    pub fn write(&mut self, write: Write) {
        match write {
            Write::PutAgency(agency) => drop(self.agencies.insert(agency.id.clone(), agency)),
            Write::PutAgreement(put) => drop(self.agreements.insert((put.agency.clone(), put.id.clone()), put)),
            Write::PutMemorandum(put) => drop(self.memoranda.insert(put.id.clone(), put)),
            Write::PutRole(role) => self.roles.entry(role.id.clone()).or_default().push(role),
            Write::PutProfile(profile) => drop(self.profiles.insert(profile.user.clone(), *profile)),
            Write::PutScores(scores) => drop(self.scores.insert(scores.user.clone(), scores)),
            Write::PutFloor(party, epoch) => drop(self.floors.insert(party, epoch)),
            Write::PutCertificate(key, user) => drop(self.certificates.insert(key, user)),
            Write::PutCeremony(ceremony) => self.ceremony = Some(ceremony),
            Write::PutSession(session) => drop(self.sessions.insert(session.handle, session)),
            Write::DeleteSession(_, handle) => drop(self.sessions.remove(&handle)),
            Write::PutCredential(put) => drop(self.credentials.insert(put.user.clone(), *put)),
            Write::PutPolicyBundle(bundle) => {
                self.bundles.push(*bundle);
                self.proposed = None;
            }
            Write::PutProposedBundle(proposed) => self.proposed = Some(*proposed),
            other => panic!("{other:?} is not about people"),
        }
    }
}

impl PeopleView for World {
    fn agency(&self, agency: &AgencyId) -> Read<Option<Agency>> {
        Ok(self.people.agencies.get(agency).cloned())
    }
    fn agreement(&self, agency: &AgencyId, id: &AgreementId) -> Read<Option<Agreement>> {
        Ok(self.people.agreements.get(&(agency.clone(), id.clone())).cloned())
    }
    fn agreements(&self, agency: &AgencyId) -> Read<Vec<Agreement>> {
        Ok(self.people.agreements.values().filter(|one| one.agency == *agency).cloned().collect())
    }
    fn memorandum(&self, id: &MemorandumId) -> Read<Option<Memorandum>> {
        Ok(self.people.memoranda.get(id).cloned())
    }
    fn memoranda_count(&self, grantee: &Party, limit: usize) -> Read<usize> {
        let all = self.people.memoranda.values().filter(|one| one.terms.grantee.parties().contains(grantee));
        Ok(all.count().min(limit))
    }
    fn role(&self, id: &RoleId) -> Read<Option<Role>> {
        Ok(self.people.roles.get(id).and_then(|versions| versions.last()).cloned())
    }
    fn profile(&self, user: &UserId) -> Read<Option<Profile>> {
        Ok(self.people.profiles.get(user).cloned())
    }
    fn any_profile(&self) -> Read<bool> {
        Ok(!self.people.profiles.is_empty())
    }
    fn scores(&self, user: &UserId) -> Read<Scores> {
        Ok(self.people.scores.get(user).cloned().unwrap_or_else(|| Scores::none(user.clone())))
    }
    fn floor(&self, party: &Party) -> Read<u64> {
        Ok(self.people.floors.get(party).copied().unwrap_or(0))
    }
    fn certificate(&self, key: CertificateKey) -> Read<Option<UserId>> {
        Ok(self.people.certificates.get(&key).cloned())
    }
    fn session(&self, handle: &Hash) -> Read<Option<Session>> {
        Ok(self.people.sessions.get(handle).cloned())
    }
    fn sessions_of(&self, user: &UserId) -> Read<Vec<Session>> {
        Ok(self.people.sessions.values().filter(|session| session.user == *user).cloned().collect())
    }
    fn credential(&self, user: &UserId) -> Read<Option<Credential>> {
        Ok(self.people.credentials.get(user).cloned())
    }
    fn ceremony(&self) -> Read<Option<Ceremony>> {
        Ok(self.people.ceremony.clone())
    }
    fn policy_bundle(&self) -> Read<Option<PolicyBundle>> {
        Ok(self.people.bundles.last().cloned())
    }
    fn proposed_bundle(&self) -> Read<Option<ProposedBundle>> {
        Ok(self.people.proposed.clone())
    }
}

pub fn user(text: &str) -> UserId {
    UserId::new(text).expect("code")
}

pub fn agency(text: &str) -> AgencyId {
    AgencyId::new(text).expect("code")
}

pub fn role_id(text: &str) -> RoleId {
    RoleId::new(text).expect("code")
}

pub fn by(text: &str, at: UnixMillis) -> Stamp {
    Stamp { by: user(text), at }
}

/// An agency in the department.
pub fn an_agency(id: &str) -> Agency {
    Agency {
        id: agency(id),
        name: id.into(),
        external: false,
        operator: false,
        national: BTreeSet::new(),
        accepts_level_one: true,
        active: true,
        epoch: 0,
        version: 1,
    }
}

/// An account that lacks nothing, with functions of its own.
pub fn an_account(id: &str, of: &str, category: Category, functions: &[Function], now: UnixMillis) -> Profile {
    let day_before = now.before(DAY_MS);
    let background = Background { kind: BackgroundKind::Full, completed: day_before, adjudicated: true };
    Profile {
        user: user(id),
        agency: agency(of),
        category,
        state: AccountState::Active(by("root", day_before)),
        standing: Standing {
            background: Some(background),
            opr_hold: false,
            course_passed: Some(day_before),
            ncic_passed: None,
            certified_at: Some(day_before),
            national: true,
            foreign_service_national: false,
        },
        control_officer: None,
        supervisors: BTreeSet::new(),
        stations: BTreeSet::new(),
        datasets: BTreeSet::from([Dataset::Tecs]),
        roles: BTreeMap::new(),
        functions: functions.iter().map(|function| (*function, by("root", day_before))).collect(),
        transactions: Vec::new(),
        frozen: false,
        assign: BTreeSet::new(),
        proposed_assign: None,
        certificates: BTreeSet::new(),
        personal: sealed("personal"),
        requested: by("root", day_before),
        last_activity: day_before,
        epoch: 0,
        version: 1,
    }
}

pub fn rights(functions: &[Function], of: &str) -> BTreeSet<AssignRight> {
    let right = |function: &Function| AssignRight { function: *function, agency: agency(of), dataset: Dataset::Tecs };
    functions.iter().map(right).collect()
}

/// Terms of a memorandum of agreement in force from now on for half a year.
pub fn terms(functions: &[Function], now: UnixMillis) -> AgreementTerms {
    AgreementTerms {
        kind: AgreementKind::Moa,
        functions: functions.iter().copied().collect(),
        datasets: BTreeSet::from([Dataset::Tecs]),
        levels: BTreeSet::from([AccessLevel::One]),
        redissemination: false,
        authority: "28 U.S.C. 533".into(),
        systems: BTreeSet::new(),
        effective: now,
        expires: UnixMillis(now.0 + 180 * DAY_MS),
    }
}

/// An agreement that is approved.
pub fn an_agreement(id: &str, of: &str, terms: AgreementTerms, now: UnixMillis) -> Agreement {
    Agreement {
        id: AgreementId::new(id).expect("code"),
        agency: agency(of),
        terms,
        stage: AgreementStage::Approved,
        drafted: by("desk", now),
        reviewed: Some(by("privacy", now)),
        approved: Some(by("head", now)),
        ended: None,
        annual_review: Some(by("privacy", now)),
        version: 3,
    }
}

use Category::{ControlOfficer, General, Supervisor};
use Function::*;

/// What a control officer's duties take.
pub const KEEPING: [Function; 6] = [UserRequest, UserCertify, UserSuspend, UserReinstate, UserClose, FunctionGrant];

impl World {
    /// The cast.
    pub fn with_people() -> Self {
        let mut world = Self::directory();
        let now = world.time;
        let mut cbp = Agency { operator: true, ..an_agency("CBP") };
        cbp.national = BTreeSet::from([user("root"), user("second")]);
        world.people.agencies.insert(cbp.id.clone(), cbp);
        world.people.agencies.insert(agency("ICE"), an_agency("ICE"));
        world.people.agencies.insert(agency("FBI"), Agency { external: true, ..an_agency("FBI") });
        let moa = an_agreement("moa", "FBI", terms(&[PrimaryQuery, UserReinstate, AgreementDraft], now), now);
        world.people.agreements.insert((agency("FBI"), moa.id.clone()), moa);

        let mut put = |profile: Profile| drop(world.people.profiles.insert(profile.user.clone(), profile));
        put(an_account("root", "CBP", ControlOfficer, &KEEPING, now));
        put(an_account("second", "CBP", ControlOfficer, &KEEPING, now));
        let mut held = KEEPING.to_vec();
        held.extend([PrimaryQuery, RecordView]);
        let mut sco = an_account("sco", "CBP", ControlOfficer, &held, now);
        sco.control_officer = Some(user("root"));
        sco.assign = rights(&[PrimaryQuery, SubjectQuery], "CBP");
        put(sco);
        put(an_account("boss", "CBP", Supervisor, &[UserRequest, UserReinstate, UserApprove], now));
        put(an_account("chief", "CBP", Supervisor, &[UserReinstate], now));
        put(an_account("desk", "CBP", General, &[UserApprove, AgreementDraft, AgencyAdministration], now));
        put(an_account("opr", "CBP", General, &[StandingRecord, UserSuspend], now));
        put(an_account("privacy", "CBP", General, &[AgreementReview, AgreementDraft, AgreementApprove], now));
        put(an_account("head", "CBP", General, &[AgreementApprove, AgreementReview, AccessPolicies], now));
        put(an_account("custodian", "ICE", General, &[MemorandumAccept], now));
        let mut officer = an_account("officer", "CBP", General, &[], now);
        officer.control_officer = Some(user("sco"));
        officer.supervisors = BTreeSet::from([user("boss"), user("chief")]);
        put(officer);
        put(an_account("fsco", "FBI", ControlOfficer, &[], now));
        let mut agent = an_account("agent", "FBI", General, &[AgreementDraft], now);
        agent.control_officer = Some(user("sco"));
        put(agent);
        world
    }

    pub fn account(&self, id: &str) -> Profile {
        self.people.profiles.get(&user(id)).cloned().expect("an account")
    }

    pub fn edit(&mut self, id: &str, change: impl FnOnce(&mut Profile)) {
        change(self.people.profiles.get_mut(&user(id)).expect("an account"));
    }

    /// The envelope of a command that somebody asks for.
    pub fn asked(&mut self, who: &str, command: Command) -> Envelope {
        let mut envelope = self.envelope(command);
        let of = self.people.profiles.get(&user(who)).map_or_else(|| agency("CBP"), |profile| profile.agency.clone());
        envelope.caller = Some(Caller { user: user(who), agency: of, ..caller() });
        envelope
    }

    pub fn ask(&mut self, who: &str, command: Command) -> Outcome {
        let envelope = self.asked(who, command);
        self.apply(&envelope)
    }

    /// Asks for a change of an account at its newest version.
    pub fn change(&mut self, who: &str, whom: &str, change: UserChange) -> Outcome {
        let expected_version = self.people.profiles.get(&user(whom)).map_or(0, |profile| profile.version);
        let command = ChangeUser { user: user(whom), change, expected_version, event: event() };
        self.ask(who, Command::ChangeUser(command))
    }
}

/// Refused, by which rule: the code that the event keeps stands in the text as well.
#[track_caller]
pub fn rule(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Refused(refusal) => {
            let text = refusal.text.split(':').next().unwrap_or_default();
            format!("{} {text}", refusal.code)
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[track_caller]
pub fn done(outcome: Outcome) {
    assert!(matches!(outcome, Outcome::Changed(_)), "{outcome:?}");
}
