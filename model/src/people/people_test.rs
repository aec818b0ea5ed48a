//! What an account, an agency and their papers come to at a time: R01-R07, R10, R15, R17, R20, R27, R29; stored forms.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::access::denial::Denial;
use crate::access::function::Function;
use crate::access::grants::visible;
use crate::access::labels::Labels;
use crate::access::principal::{BackgroundKind, Category, ClassId, Principal};
use crate::access::standing::{Remedy, function, remedy, standing, standing_denials};
use crate::codec::{self, Stored};
use crate::command::people::testing::*;
use crate::command::testing::sealed;
use crate::ids::{AgencyId, MemorandumId, PortId, UserId};
use crate::people::agreement::SystemPrincipal;
use crate::people::memorandum::{Grantee, MemorandumTerms};
use crate::people::principal::{grants_by, links_of};
use crate::people::profile::Transaction;
use crate::people::scores::{DenialKind, Scores};
use crate::people::*;
use crate::record::{AccessLevel, Dataset};
use crate::time::UnixMillis;

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

fn officer(functions: &[Function]) -> Profile {
    an_account("officer", "CBP", Category::General, functions, NOW)
}

fn of(profile: &Profile) -> Principal {
    principal(profile, &an_agency("CBP"), &[], &[], &[], NOW)
}

fn memorandum(owner: &str, grantee: Grantee, verbs: &[Function]) -> Memorandum {
    let terms = MemorandumTerms {
        owner: agency(owner),
        subject: MemorandumSubject::Class(ClassId::members(&agency(owner))),
        grantee,
        verbs: verbs.iter().copied().collect(),
        from: NOW,
        to: UnixMillis(NOW.0 + DAY_MS),
    };
    let id = MemorandumId::new("m").expect("code");
    let (drafted, accepted) = (by("agent", NOW), Some(by("custodian", NOW)));
    Memorandum { id, terms, stage: MemorandumStage::Accepted, drafted, accepted, ended: None, version: 2 }
}

#[test]
fn r03_an_anaci_opens_other_agencies_records_only_by_a_memorandum_that_names_the_user() {
    let agencies = Grantee::Agency(agency("CBP"));
    let named = Grantee::Users(BTreeSet::from([user("officer")]));
    for (kind, grantee, opened) in [
        (BackgroundKind::Full, agencies.clone(), true),
        (BackgroundKind::Full, named.clone(), true),
        (BackgroundKind::Anaci, agencies, false),
        (BackgroundKind::Anaci, named, true),
    ] {
        let mut profile = officer(&[]);
        profile.standing.background.as_mut().expect("there").kind = kind;
        let memoranda = [memorandum("FBI", grantee, &[Function::RecordView])];
        let found = principal(&profile, &an_agency("CBP"), &[], &[], &memoranda, NOW);
        let class = ClassId::members(&agency("FBI"));
        assert_eq!(found.classes.contains(&class), opened);
        // What it opens it opens to its verbs: viewing, and no search that would show the same.
        let theirs = Labels::new(Dataset::Tecs, &agency("FBI"), AccessLevel::Three, &[], &user("agent"));
        let by = |function| visible(&grants_by(&found, function, (&[], &memoranda), NOW), &theirs);
        assert_eq!((by(Function::RecordView), by(Function::SubjectQuery)), (opened, false));
        assert!(found.classes.contains(&ClassId::members(&agency("CBP"))), "its own agency's in any case");
        assert!(found.level_one, "level 1 is open to both kinds");
    }
}

#[test]
fn r01_without_an_investigation_nothing_of_others_is_open() {
    let mut profile = officer(&[]);
    profile.standing.opr_hold = true;
    let memoranda = [memorandum("FBI", Grantee::Agency(agency("CBP")), &[Function::RecordView])];
    let found = principal(&profile, &an_agency("CBP"), &[], &[], &memoranda, NOW);
    assert_eq!((found.level_one, found.classes.len()), (false, 1));
    assert_eq!(standing_denials(&found, NOW), [Denial::BackgroundMissing]);
}

#[test]
fn r17_a_memorandum_that_opens_no_reading_puts_nobody_in_its_class() {
    let export = [memorandum("FBI", Grantee::Agency(agency("CBP")), &[Function::Export])];
    let found = principal(&officer(&[]), &an_agency("CBP"), &[], &[], &export, NOW);
    assert_eq!(found.classes.len(), 1);
}

#[test]
fn r06_r27_an_agency_outside_the_department_has_what_its_agreements_name() {
    let mut agent = an_account("agent", "FBI", Category::General, &[Function::PrimaryQuery], NOW);
    agent.datasets.insert(Dataset::Apis);
    let fbi = Agency { external: true, ..an_agency("FBI") };
    let mut moa = an_agreement("moa", "FBI", terms(&[Function::PrimaryQuery], NOW), NOW);
    moa.terms.redissemination = true;
    let found = |agreements: &[Agreement], now| principal(&agent, &fbi, &[], agreements, &[], now);
    let one = found(std::slice::from_ref(&moa), NOW);
    let scope = one.agreement.as_ref().expect("external");
    assert_eq!((scope.until, scope.redissemination), (Some(moa.terms.expires), true));
    assert_eq!(one.datasets, BTreeSet::from([Dataset::Tecs]), "F79: APIS is not named");
    assert!(one.level_one);
    assert_eq!(open(&one, Function::PrimaryQuery, NOW), Ok(()));
    // A second one that forbids to pass on, and of another agency, and one of a system.
    let mut second = an_agreement("isaa", "FBI", terms(&[Function::RecordView], NOW), NOW);
    second.terms.expires = UnixMillis(NOW.0 + DAY_MS);
    second.terms.levels = BTreeSet::from([AccessLevel::Three]);
    let both = found(&[moa.clone(), second.clone()], NOW).agreement.expect("external");
    assert_eq!((both.until, both.redissemination, both.functions.len()), (Some(second.terms.expires), false, 2));
    moa.agency = agency("DEA");
    second.terms.kind = AgreementKind::Isa;
    let none = found(&[moa, second], NOW);
    assert_eq!(none.agreement, Some(Default::default()));
    assert_eq!(
        (standing_denials(&none, NOW), none.level_one, none.datasets.len()),
        (vec![Denial::Agreement], false, 0)
    );
    assert_eq!(of(&officer(&[])).agreement, None, "inside it needs none");
}

#[test]
fn r27_a_function_that_no_agreement_names_is_shut() {
    let agent = an_account("agent", "FBI", Category::General, &[Function::PrimaryQuery, Function::Export], NOW);
    let fbi = Agency { external: true, ..an_agency("FBI") };
    let moa = an_agreement("moa", "FBI", terms(&[Function::PrimaryQuery], NOW), NOW);
    let found = principal(&agent, &fbi, &[], &[moa], &[], NOW);
    assert_eq!(open(&found, Function::Export, NOW), Err(Denial::Agreement));
}

#[test]
fn r29_a_system_acts_under_an_isa_that_names_it_its_certificate_function_and_dataset() {
    let link = SystemPrincipal { system: user("nlets"), certificate: "CN=nlets".into() };
    let mut isa = an_agreement("isa", "FBI", terms(&[Function::BatchVetting], NOW), NOW);
    (isa.terms.kind, isa.terms.systems) = (AgreementKind::Isa, BTreeSet::from([link]));
    let fbi = Agency { external: true, ..an_agency("FBI") };
    let ask = |isa: &Agreement, system: &str, certificate: &str, asked, dataset, now| {
        let links = links_of(vec![isa.clone()], &user(system), certificate);
        let found = system_principal(&fbi, &links, &user(system), now).ok_or(Denial::SystemLink)?;
        crate::access::standing::system(&found, asked, now)?;
        let theirs = Labels::new(dataset, &agency("CBP"), AccessLevel::One, &[], &user("officer"));
        let seen = visible(&grants_by(&found, asked, (&links, &[]), now), &theirs);
        if seen { Ok(()) } else { Err(Denial::SystemLink) }
    };
    let (vetting, tecs) = (Function::BatchVetting, Dataset::Tecs);
    assert_eq!(ask(&isa, "nlets", "CN=nlets", vetting, tecs, NOW), Ok(()));
    let refused = Err(Denial::SystemLink);
    assert_eq!(ask(&isa, "other", "CN=nlets", vetting, tecs, NOW), refused);
    assert_eq!(ask(&isa, "nlets", "CN=other", vetting, tecs, NOW), refused);
    assert_eq!(ask(&isa, "nlets", "CN=nlets", Function::Export, tecs, NOW), refused);
    assert_eq!(ask(&isa, "nlets", "CN=nlets", vetting, Dataset::Apis, NOW), refused);
    assert_eq!(ask(&isa, "nlets", "CN=nlets", vetting, tecs, isa.terms.expires), refused);
    isa.terms.kind = AgreementKind::Moa;
    assert_eq!(ask(&isa, "nlets", "CN=nlets", vetting, tecs, NOW), refused, "an MOA is for people");
}

#[test]
fn r06_r29_an_agreement_opens_its_datasets_to_its_own_functions_and_not_to_those_of_another() {
    let fbi = Agency { external: true, ..an_agency("FBI") };
    let asked = [Function::SubjectQuery, Function::RecordView];
    let mut agent = an_account("agent", "FBI", Category::General, &asked, NOW);
    agent.datasets.insert(Dataset::Apis);
    let mut second = an_agreement("isaa", "FBI", terms(&[Function::RecordView], NOW), NOW);
    second.terms.datasets = BTreeSet::from([Dataset::Apis]);
    let agreements = [an_agreement("moa", "FBI", terms(&[Function::SubjectQuery], NOW), NOW), second];
    let found = principal(&agent, &fbi, &[], &agreements, &[], NOW);
    assert_eq!(found.datasets.len(), 2, "together they name both");
    let sees = |function, dataset| {
        let theirs = Labels::new(dataset, &agency("CBP"), AccessLevel::One, &[], &user("officer"));
        visible(&grants_by(&found, function, (&agreements, &[]), NOW), &theirs)
    };
    for (function, tecs, apis) in [(Function::SubjectQuery, true, false), (Function::RecordView, false, true)] {
        assert_eq!((sees(function, Dataset::Tecs), sees(function, Dataset::Apis)), (tecs, apis), "{function}");
    }
}

#[test]
fn r11_roles_and_own_functions_count_and_roles_of_others_do_not() {
    let mut profile = officer(&[Function::RecordView]);
    profile.roles.insert(role_id("lane"), by("sco", NOW));
    let role = |id: &str, function| Role {
        id: role_id(id),
        functions: BTreeSet::from([function]),
        put: by("head", NOW),
        version: 1,
    };
    let roles = [role("lane", Function::PrimaryQuery), role("other", Function::Export)];
    let found = principal(&profile, &an_agency("CBP"), &roles, &[], &[], NOW);
    assert_eq!(found.functions, BTreeSet::from([Function::PrimaryQuery, Function::RecordView]));
    assert_eq!(open(&found, Function::Export, NOW), Err(Denial::Function));
}

#[test]
fn r09_what_a_category_may_not_hold_counts_for_nothing() {
    let mut profile = officer(&[Function::RecordView, Function::AuditRead, Function::ClusterStatus]);
    for (category, functions) in [
        (Category::Maintenance, vec![Function::ClusterStatus]),
        (Category::SecurityAdministrator, vec![Function::AuditRead, Function::ClusterStatus]),
        (Category::General, vec![Function::RecordView, Function::AuditRead, Function::ClusterStatus]),
    ] {
        profile.category = category;
        assert_eq!(of(&profile).functions, functions.into_iter().collect(), "{category}");
    }
}

#[test]
fn r21_frozen_grants_count_for_nothing() {
    let mut profile = officer(&[Function::RecordView]);
    profile.transactions = vec![transaction(Function::Export, NOW, UnixMillis(NOW.0 + 1))];
    assert!(of(&profile).holds(Function::RecordView, NOW) && of(&profile).holds(Function::Export, NOW));
    profile.frozen = true;
    assert!(!of(&profile).holds(Function::RecordView, NOW) && !of(&profile).holds(Function::Export, NOW));
}

/// Whether a function is open to an account at all.
fn open(principal: &Principal, asked: Function, now: UnixMillis) -> Result<(), Denial> {
    standing(principal, now).and_then(|()| function(principal, asked, now))
}

fn transaction(function: Function, from: UnixMillis, to: UnixMillis) -> Transaction {
    Transaction { function, from, to, granted: by("sco", from) }
}

#[test]
fn r10_a_lapsed_ncic_certification_trumps_and_both_remedies_stay_open_side_by_side() {
    let mut profile = officer(&[Function::PrimaryQuery, Function::NcicQuery]);
    let found = of(&profile);
    assert_eq!(open(&found, Function::PrimaryQuery, NOW), Err(Denial::Ncic));
    assert_eq!(remedy(&found, Remedy::Recertify, NOW), Ok(()));
    profile.standing.course_passed = None;
    let both = of(&profile);
    assert_eq!(open(&both, Function::PrimaryQuery, NOW), Err(Denial::Ncic), "before the course");
    for one in Remedy::ALL {
        assert_eq!(remedy(&both, *one, NOW), Ok(()), "{one:?}");
    }
    profile.standing.ncic_passed = Some(NOW);
    assert_eq!(open(&of(&profile), Function::PrimaryQuery, NOW), Err(Denial::Course));
    profile.standing.course_passed = Some(NOW);
    assert_eq!(open(&of(&profile), Function::PrimaryQuery, NOW), Ok(()));
    // Who holds none of its functions needs none of its certifications.
    assert_eq!(open(&of(&officer(&[Function::PrimaryQuery])), Function::PrimaryQuery, NOW), Ok(()));
}

#[test]
fn r23_a_suspended_account_has_no_remedy_of_its_own() {
    let mut profile = officer(&[Function::PrimaryQuery]);
    profile.standing.course_passed = None;
    profile.state = AccountState::Closed(by("sco", NOW));
    let open_to_him = Remedy::ALL.iter().copied().filter(|one| remedy(&of(&profile), *one, NOW).is_ok());
    assert!(open_to_him.eq([Remedy::LogOff]));
    assert_eq!(open(&of(&profile), Function::PrimaryQuery, NOW), Err(Denial::Suspended));
}

/// An account as large as they usually are: ids as long as UUIDs, three roles, two stations, a transaction, a
/// certificate, and 300 bytes of sealed personal data.
fn usual() -> Profile {
    let uuid = |n: u32| UserId::new(&format!("{n:08x}-0000-4000-8000-000000000000")).expect("code");
    let mut profile =
        an_account("x", "CBP", Category::General, &[Function::OverrideRecord, Function::OverrideEnd], NOW);
    profile.user = uuid(1);
    profile.control_officer = Some(uuid(2));
    profile.supervisors = BTreeSet::from([uuid(3), uuid(4)]);
    profile.stations = ["2404", "2402"].map(|port| PortId::new(port).expect("code")).into();
    profile.datasets = BTreeSet::from([Dataset::Tecs, Dataset::Apis]);
    for id in ["primary-officer", "secondary-officer", "lookout-author"] {
        profile.roles.insert(role_id(id), crate::record::Stamp { by: uuid(2), at: NOW });
    }
    profile.transactions = vec![transaction(Function::BatchVetting, NOW, UnixMillis(NOW.0 + DAY_MS))];
    profile.certificates = BTreeSet::from([format!("tecs://user/{}", profile.user)]);
    profile.personal = sealed(&"x".repeat(300));
    profile
}

#[test]
fn the_stored_account_of_a_user_is_small() {
    let bytes = codec::encode(&usual()).expect("encodes").len();
    // 300 of them are sealed; 90,000 accounts take less than 80 MB.
    assert!((600..=880).contains(&bytes), "{bytes}");
}

fn comes_back<T: Stored + PartialEq + std::fmt::Debug>(value: &T) {
    let bytes = codec::encode(value).expect("encodes");
    assert_eq!(&codec::decode::<T>(&bytes).expect("decodes"), value);
}

#[test]
fn what_is_stored_of_people_comes_back() {
    let mut profile = usual();
    comes_back(&profile);
    profile.proposed_assign =
        Some(profile::ProposedAssign { assign: rights(&[Function::Export], "CBP"), by: user("root") });
    profile.assign = rights(&[Function::Export], "CBP");
    let agreed = Some((user("sco"), profile::Capacity::ControlOfficer));
    profile.state = AccountState::Suspended(profile::Suspension { cause: Cause::Auto, at: NOW, by: None, agreed });
    comes_back(&profile);
    comes_back(&an_agency("CBP"));
    comes_back(&an_agreement("moa", "FBI", terms(&[Function::PrimaryQuery], NOW), NOW));
    comes_back(&memorandum("FBI", Grantee::Users(BTreeSet::from([user("a")])), &[Function::RecordView]));
    let functions = BTreeSet::from([Function::Export]);
    comes_back(&Role { id: role_id("r"), functions, put: by("head", NOW), version: 1 });
    let mut scores = Scores::none(user("a"));
    scores.add(DenialKind::Export, NOW);
    comes_back(&scores);
    comes_back(&Ceremony::of(b"secret"));
}

#[test]
fn no_two_stored_types_of_people_share_a_tag() {
    let tags = [Agency::TAG, Agreement::TAG, Memorandum::TAG, Role::TAG, Profile::TAG, Scores::TAG, Ceremony::TAG];
    assert_eq!(tags, [30, 31, 32, 33, 34, 35, 36]);
}

proptest! {
    #[test]
    fn r02_r04_r07_r10_what_is_open_now_is_shut_once_any_date_is_over(
        course in 0u64..800, certified in 0u64..800, ncic in 0u64..900, background in 0u64..4_000, ahead in 0u64..5_000,
    ) {
        let at = |days: u64| UnixMillis(NOW.0 - days * DAY_MS);
        let mut profile = officer(&[Function::PrimaryQuery, Function::NcicQuery]);
        profile.standing.course_passed = Some(at(course));
        profile.standing.certified_at = Some(at(certified));
        profile.standing.ncic_passed = Some(at(ncic));
        profile.standing.background.as_mut().expect("there").completed = at(background);
        let now = UnixMillis(NOW.0 + ahead * DAY_MS);
        let found = principal(&profile, &an_agency("CBP"), &[], &[], &[], now);
        let dates = [
            found.course_until, found.certified_until, found.ncic_until, found.background.map(|(_, until)| until),
        ];
        let current = dates.iter().all(|until| until.is_some_and(|until| now < until));
        prop_assert_eq!(open(&found, Function::PrimaryQuery, now).is_ok(), current);
        prop_assert_eq!(standing_denials(&found, now).is_empty(), current);
    }

    #[test]
    fn r17_r20_a_class_is_one_agencys_alone(a in "[A-Z]{2,4}", b in "[A-Z]{2,4}", name in "[a-z/]{1,6}") {
        let (a, b) = (AgencyId::new(&a).expect("code"), AgencyId::new(&b).expect("code"));
        prop_assume!(a != b);
        for class in [ClassId::members(&a), ClassId(format!("{a}/{name}"))] {
            prop_assert!(class.is_of(&a));
            prop_assert!(!class.is_of(&b));
        }
    }
}
