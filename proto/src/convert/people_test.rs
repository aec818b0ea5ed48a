//! Requests about people and powers are read field by field, and what answers hold is what was stored.

use std::collections::{BTreeMap, BTreeSet};

use model::access::function::Function;
use model::access::principal::{BackgroundKind, Category, ClassId};
use model::command::people::user::{Assignment, Grant, Nationality, StandingFact, Superiors, UserChange};
use model::ids::{AgencyId, AgreementId, MemorandumId, PortId, RoleId, Token, UserId};
use model::people::agreement::{AgreementTerms, SystemPrincipal};
use model::people::memorandum::{Grantee, MemorandumSubject, MemorandumTerms};
use model::people::profile::{
    AccountState, AssignRight, Background, Capacity, Cause, ProposedAssign, Standing, Suspension, Transaction,
};
use model::people::{Agency, Agreement, AgreementKind, AgreementStage, Memorandum, MemorandumStage, Personal, Profile};
use model::record::{AccessLevel, Dataset, Stamp};
use model::seal::Sealed;
use model::time::UnixMillis;

use super::people::*;
use crate::v1;
use crate::v1::change_user_request::Change;
use crate::v1::{grant::What, memorandum_terms::Subject, standing_fact::Fact};

const AT: UnixMillis = UnixMillis(1_800_000_000_123);
const DAY: UnixMillis = UnixMillis(1_799_971_200_000);

fn user_id(text: &str) -> UserId {
    UserId::new(text).expect("code")
}

fn agency_id(text: &str) -> AgencyId {
    AgencyId::new(text).expect("code")
}

fn by(text: &str) -> Stamp {
    Stamp { by: user_id(text), at: AT }
}

fn right() -> AssignRight {
    AssignRight { function: Function::PrimaryQuery, agency: agency_id("CBP"), dataset: Dataset::Tecs }
}

fn message_of(right: &AssignRight) -> v1::AssignRight {
    let AssignRight { function, agency, dataset } = right;
    v1::AssignRight { function: function.to_string(), agency: agency.to_string(), dataset: dataset.to_string() }
}

/// Each change of an account that there is, as it is asked for and as it is meant.
#[test]
fn every_change_of_an_account_is_read() {
    let assignment = || v1::Assignment { function: "record-view".into(), from: AT.rfc3339(), to: "2027-02-01".into() };
    let meant = Assignment { function: Function::RecordView, from: AT, to: UnixMillis(1_801_440_000_000) };
    let fact = |fact| Change::Standing(v1::StandingFact { fact: Some(fact) });
    let background = v1::Background { kind: "bi".into(), completed: "2027-01-15".into(), adjudicated: true };
    let found = Background { kind: BackgroundKind::Full, completed: DAY, adjudicated: true };
    let nationality = v1::Nationality { national: false, foreign_service_national: true };
    let superiors = v1::Superiors { control_officer: "sco".into(), supervisors: vec!["boss".into()] };
    let above = Superiors { control_officer: user_id("sco"), supervisors: BTreeSet::from([user_id("boss")]) };
    let cases = [
        (Change::Approve(v1::Nothing {}), UserChange::Approve(())),
        (fact(Fact::Background(background)), UserChange::Standing(StandingFact::Background(found))),
        (fact(Fact::Course(AT.rfc3339())), UserChange::Standing(StandingFact::Course(AT))),
        (fact(Fact::Ncic(AT.rfc3339())), UserChange::Standing(StandingFact::Ncic(AT))),
        (fact(Fact::OprHold(true)), UserChange::Standing(StandingFact::OprHold(true))),
        (
            fact(Fact::Nationality(nationality)),
            UserChange::Standing(StandingFact::Nationality(Nationality {
                national: false,
                foreign_service_national: true,
            })),
        ),
        (Change::Certify(v1::Nothing {}), UserChange::Certify(())),
        (Change::Suspend("opr".into()), UserChange::Suspend(Cause::Opr)),
        (Change::Reinstate(v1::Nothing {}), UserChange::Reinstate(())),
        (Change::Close(v1::Nothing {}), UserChange::Close(())),
        (Change::Unlock(v1::Nothing {}), UserChange::Unlock(())),
        (Change::Enrol(vec![7; 32]), UserChange::Enrol([7; 32])),
        (Change::Superiors(superiors), UserChange::Superiors(above)),
        (
            Change::Stations(v1::Stations { stations: vec!["2404".into(), "2404".into()] }),
            UserChange::Stations(BTreeSet::from([PortId::new("2404").expect("code")])),
        ),
        (
            Change::Grant(v1::Grant { what: Some(What::Role("lane".into())) }),
            UserChange::Grant(Grant::Role(RoleId::new("lane").expect("code"))),
        ),
        (
            Change::Revoke(v1::Grant { what: Some(What::Function("export".into())) }),
            UserChange::Revoke(Grant::Function(Function::Export)),
        ),
        (Change::OpenTransaction(assignment()), UserChange::OpenTransaction(meant)),
        (Change::CloseTransaction(assignment()), UserChange::CloseTransaction(meant)),
        (Change::Affirm(v1::Nothing {}), UserChange::Affirm(())),
        (
            Change::Assign(v1::AssignRights { rights: vec![message_of(&right())] }),
            UserChange::Assign(BTreeSet::from([right()])),
        ),
    ];
    let mut kinds = BTreeSet::new();
    for (message, expected) in cases {
        kinds.insert(expected.number());
        assert_eq!(change_from(Some(message)), Ok(expected));
    }
    assert_eq!(kinds.len(), 16, "every kind of change");
}

#[test]
fn what_is_wrong_with_a_change_is_named() {
    let field = |change| change_from(change).expect_err("wrong").field;
    assert_eq!(field(None), "change");
    assert_eq!(field(Some(Change::Suspend("mood".into()))), "suspend");
    assert_eq!(field(Some(Change::Enrol(vec![7; 31]))), "enrol");
    assert_eq!(field(Some(Change::Standing(v1::StandingFact { fact: None }))), "standing.fact");
    assert_eq!(field(Some(Change::Grant(v1::Grant { what: None }))), "grant");
    assert_eq!(field(Some(Change::Grant(v1::Grant { what: Some(What::Function("x".into())) }))), "function");
    let rights = vec![message_of(&right()), v1::AssignRight { dataset: "x".into(), ..message_of(&right()) }];
    assert_eq!(field(Some(Change::Assign(v1::AssignRights { rights }))), "assign[1].dataset");
    let stations = vec!["2404".to_string(); model::limits::STATIONS_MAX + 1];
    assert_eq!(field(Some(Change::Stations(v1::Stations { stations }))), "stations");
    let late = v1::Assignment { function: "export".into(), from: "2027-01-01".into(), to: "some day".into() };
    assert_eq!(field(Some(Change::OpenTransaction(late))), "to");
}

#[test]
fn an_account_is_asked_for_with_its_holder() {
    let request = v1::RequestUserRequest {
        request_id: String::new(),
        user: "officer".into(),
        agency: "CBP".into(),
        category: "general".into(),
        control_officer: "sco".into(),
        supervisors: vec!["boss".into()],
        stations: vec!["2404".into()],
        datasets: vec!["tecs".into(), "apis".into()],
        certificates: vec!["CN=officer".into()],
        personal: Some(v1::Personal { name: "Ann Lee".into(), contact: String::new(), badge: "17".into() }),
    };
    let draft = account_from(&request, Token([7; 16])).expect("reads");
    assert_eq!((draft.user.as_str(), draft.category, draft.content), ("officer", Category::General, Token([7; 16])));
    assert_eq!(draft.datasets, BTreeSet::from([Dataset::Tecs, Dataset::Apis]));
    let personal = personal_from(request.personal.clone()).expect("reads");
    assert_eq!(personal, Personal { name: "Ann Lee".into(), contact: None, badge: Some("17".into()) });
    assert_eq!(personal_from(None).expect_err("missing").field, "personal");
    assert_eq!(personal_from(Some(v1::Personal::default())).expect_err("nobody").field, "personal.name");
    let wrong = |change: fn(&mut v1::RequestUserRequest)| {
        let mut changed = request.clone();
        change(&mut changed);
        account_from(&changed, Token([0; 16])).expect_err("wrong").field
    };
    assert_eq!(wrong(|it| it.user = "a b".into()), "user");
    assert_eq!(wrong(|it| it.category = "king".into()), "category");
    assert_eq!(wrong(|it| it.control_officer = String::new()), "control_officer");
    assert_eq!(wrong(|it| it.datasets = vec!["all".into()]), "datasets");
}

fn suspended() -> Profile {
    let suspension =
        Suspension { cause: Cause::Auto, at: AT, by: None, agreed: Some((user_id("boss"), Capacity::Supervisor)) };
    Profile {
        user: user_id("officer"),
        agency: agency_id("CBP"),
        category: Category::General,
        state: AccountState::Suspended(suspension),
        standing: Standing { course_passed: Some(DAY), national: true, ..Standing::default() },
        control_officer: Some(user_id("sco")),
        supervisors: BTreeSet::from([user_id("boss")]),
        stations: BTreeSet::new(),
        datasets: BTreeSet::from([Dataset::Tecs]),
        roles: BTreeMap::from([(RoleId::new("lane").expect("code"), by("sco"))]),
        functions: BTreeMap::from([(Function::RecordView, by("sco"))]),
        transactions: vec![Transaction { function: Function::Export, from: DAY, to: AT, granted: by("sco") }],
        frozen: true,
        assign: BTreeSet::from([right()]),
        proposed_assign: Some(ProposedAssign { assign: BTreeSet::from([right()]), by: user_id("root") }),
        certificates: BTreeSet::from(["CN=officer".into()]),
        personal: Sealed { algorithm: 1, key: 1, nonce: [0; 12], ciphertext: b"sealed name".to_vec() },
        requested: by("boss"),
        last_activity: AT,
        epoch: 3,
        version: 9,
    }
}

#[test]
fn an_account_is_shown_whole_and_its_holder_only_where_he_was_opened() {
    let record = user_to(&suspended(), None, &[model::access::denial::Denial::Suspended]);
    assert_eq!((record.state.as_str(), record.cause.as_str()), ("suspended", "auto"));
    assert_eq!(record.since, Some(v1::StampRecord { by: String::new(), at: AT.rfc3339() }));
    assert_eq!((record.agreed_by.as_str(), record.agreed_as.as_str()), ("boss", "supervisor"));
    assert_eq!(record.lacks, ["R23 SUSPEND"]);
    assert_eq!(record.proposed_assign, [message_of(&right())]);
    assert_eq!((record.version, record.frozen, record.personal), (9, true, None));
    let standing = record.standing.expect("standing");
    assert_eq!((standing.course_until.as_str(), standing.ncic_until.as_str()), ("2028-01-15T00:00:00.000Z", ""));
    // A shown transaction is closed by what is shown of it.
    let shown = record.transactions[0].assignment.clone().expect("assignment");
    let closed = change_from(Some(Change::CloseTransaction(shown))).expect("reads");
    assert_eq!(closed, UserChange::CloseTransaction(Assignment { function: Function::Export, from: DAY, to: AT }));
    let personal = Personal { name: "Ann Lee".into(), contact: None, badge: None };
    let opened = user_to(&suspended(), Some(&personal), &[]).personal.expect("opened");
    assert_eq!(opened, v1::Personal { name: "Ann Lee".into(), ..Default::default() });
}

#[test]
fn agencies_agreements_and_memoranda_read_as_they_are_shown() {
    let agency = Agency {
        id: agency_id("FBI"),
        name: "Bureau".into(),
        external: true,
        operator: false,
        national: BTreeSet::from([user_id("fsco")]),
        accepts_level_one: true,
        active: true,
        epoch: 0,
        version: 0,
    };
    assert_eq!(agency_from(Some(agency_to(&agency))), Ok(agency.clone()));
    let operator = v1::Agency { operator: true, epoch: 9, version: 9, ..agency_to(&agency) };
    assert_eq!(agency_from(Some(operator)), Ok(agency), "what the rules set is nobody's to ask for");

    let terms = AgreementTerms {
        kind: AgreementKind::Isa,
        functions: BTreeSet::from([Function::BatchVetting]),
        datasets: BTreeSet::from([Dataset::Tecs, Dataset::Bci]),
        levels: BTreeSet::from([AccessLevel::One, AccessLevel::Three]),
        redissemination: true,
        authority: "28 U.S.C. 533".into(),
        systems: BTreeSet::from([SystemPrincipal { system: user_id("vetting"), certificate: "CN=v".into() }]),
        effective: DAY,
        expires: AT,
    };
    let agreement = Agreement {
        id: AgreementId::new("isa-1").expect("code"),
        agency: agency_id("FBI"),
        terms: terms.clone(),
        stage: AgreementStage::Approved,
        drafted: by("desk"),
        reviewed: Some(by("privacy")),
        approved: Some(by("head")),
        ended: None,
        annual_review: Some(by("privacy")),
        version: 3,
    };
    let shown = agreement_to(&agreement, DAY);
    assert_eq!(agreement_terms_from(shown.terms.clone()), Ok(terms));
    assert_eq!((shown.in_force, shown.until), (true, AT.rfc3339()));
    assert!(!agreement_to(&agreement, AT).in_force);
    let no_systems = v1::AgreementTerms { systems: Vec::new(), ..shown.terms.unwrap_or_default() };
    assert_eq!(agreement_terms_from(Some(no_systems)).expect_err("wrong").field, "terms.systems");

    for (subject, grantee) in [
        (MemorandumSubject::Class(ClassId("FBI/crime".into())), Grantee::Agency(agency_id("CBP"))),
        (MemorandumSubject::LevelFour(()), Grantee::Users(BTreeSet::from([user_id("officer")]))),
    ] {
        let verbs = BTreeSet::from([Function::RecordView]);
        let terms = MemorandumTerms { owner: agency_id("FBI"), subject, grantee, verbs, from: DAY, to: AT };
        let memorandum = Memorandum {
            id: MemorandumId::new("m-1").expect("code"),
            terms: terms.clone(),
            stage: MemorandumStage::Accepted,
            drafted: by("agent"),
            accepted: Some(by("custodian")),
            ended: None,
            version: 2,
        };
        let shown = memorandum_to(&memorandum, DAY);
        assert!(shown.in_force && !memorandum_to(&memorandum, AT).in_force);
        assert_eq!(memorandum_terms_from(shown.terms), Ok(terms));
    }
    let both = v1::MemorandumTerms {
        owner: "FBI".into(),
        subject: Some(Subject::LevelFour(v1::Nothing {})),
        to_agency: "CBP".into(),
        to_users: vec!["officer".into()],
        ..Default::default()
    };
    assert_eq!(memorandum_terms_from(Some(both)).expect_err("both").field, "terms.to_users");
}
