//! Who may act, and what keeps an account in standing: R01-R07, R09-R12, R22; T18, T19.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::access::function::Function;
use crate::access::principal::{BackgroundKind, Category};
use crate::audit::event::Verdict;
use crate::command::people::memorandum::DraftMemorandum;
use crate::command::people::request::{AccountDraft, RequestUser};
use crate::command::people::testing::*;
use crate::command::people::user::{Nationality, StandingFact, UserChange};
use crate::command::testing::*;
use crate::command::{Command, Outcome};
use crate::error::RefusalCode;
use crate::ids::{AgreementId, MemorandumId, PortId, Token, UserId};
use crate::people::memorandum::{Grantee, MemorandumSubject, MemorandumTerms};
use crate::people::profile::{AccountState, Background, Cause, Profile, Suspension, Transaction};
use crate::record::Dataset;
use crate::time::UnixMillis;

/// Root's ordinary duty: the certification of an account under him.
fn acts(world: &mut World) -> Outcome {
    world.change("root", "officer", UserChange::Certify(()))
}

/// One thing that root lacks, and what he is told.
fn lacking(change: impl FnOnce(&mut Profile)) -> String {
    let mut world = World::with_people();
    world.edit("root", change);
    rule(&acts(&mut world))
}

#[test]
fn r01_who_has_an_adjudicated_investigation_acts_and_who_has_none_or_is_held_does_not() {
    done(acts(&mut World::with_people()));
    let expected = "not-entitled R01 BI_NONE";
    assert_eq!(lacking(|root| root.standing.background = None), expected);
    assert_eq!(lacking(|root| root.standing.opr_hold = true), expected);
    let unadjudicated = |root: &mut Profile| {
        root.standing.background.as_mut().expect("there").adjudicated = false;
    };
    assert_eq!(lacking(unadjudicated), expected);
}

#[test]
fn r05_a_foreign_service_national_has_an_account_and_changes_no_powers() {
    let change = |root: &mut Profile| (root.standing.national, root.standing.foreign_service_national) = (false, true);
    assert_eq!(lacking(change), "not-entitled R05 NATION");
    assert_eq!(lacking(|root| root.standing.national = false), "not-entitled R05 NATION");
}

#[test]
fn r11_without_the_function_nobody_acts() {
    let change = |root: &mut Profile| drop(root.functions.remove(&Function::UserCertify));
    assert_eq!(lacking(change), "not-entitled R11 FUNC");
}

#[test]
fn r23_only_an_active_account_of_an_active_agency_acts() {
    let expected = "not-entitled R23 SUSPEND";
    let at = UnixMillis(1);
    for state in [
        AccountState::Requested(by("boss", at)),
        AccountState::Suspended(Suspension { cause: Cause::Auto, at, by: None, agreed: None }),
        AccountState::Closed(by("second", at)),
    ] {
        assert_eq!(lacking(|root| root.state = state), expected);
    }
    let mut world = World::with_people();
    world.people.agencies.get_mut(&agency("CBP")).expect("there").active = false;
    assert_eq!(rule(&acts(&mut world)), expected);
    let unknown = world.change("nobody", "officer", UserChange::Certify(()));
    assert_eq!(rule(&unknown), expected);
}

#[test]
fn r09_maintenance_and_security_administrators_change_no_powers_whatever_they_hold() {
    for category in [Category::Maintenance, Category::SecurityAdministrator, Category::General, Category::Supervisor] {
        let refused = lacking(|root| root.category = category);
        assert_eq!(refused, "not-entitled R11 FUNC", "{category}: the category does not hold it");
    }
    let mut world = World::with_people();
    world.edit("sco", |sco| drop(sco.functions.insert(Function::UserApprove, by("root", UnixMillis(1)))));
    let approve = world.change("sco", "officer", UserChange::Approve(()));
    assert_eq!(rule(&approve), "not-entitled R09 DUTY");
}

#[test]
fn r09_nobody_changes_his_own_account() {
    let mut world = World::with_people();
    for change in [
        UserChange::Certify(()),
        UserChange::Suspend(Cause::ControlOfficer),
        UserChange::Close(()),
        UserChange::Stations(BTreeSet::new()),
        UserChange::Affirm(()),
        UserChange::Assign(BTreeSet::new()),
        UserChange::Reinstate(()),
    ] {
        assert_eq!(rule(&world.change("root", "root", change)), "separation-of-duties R09 DUTY");
    }
    let course = UserChange::Standing(StandingFact::Course(UnixMillis(1)));
    assert_eq!(rule(&world.change("opr", "opr", course.clone())), "separation-of-duties R09 DUTY");
    done(world.change("opr", "officer", course));
}

/// Root acts one millisecond before a fact of his lapses, and not at that millisecond.
fn lapses_to_the_millisecond(expected: &str, set: impl Fn(&mut Profile, UnixMillis) -> UnixMillis) {
    let mut world = World::with_people();
    let begun = world.time;
    let mut until = UnixMillis(0);
    world.edit("root", |root| until = set(root, begun));
    world.edit("root", |root| {
        // Everything else was renewed lately.
        let lately = until.before(DAY_MS);
        let background = Background { kind: BackgroundKind::Full, completed: lately, adjudicated: true };
        root.standing.background = Some(background);
        root.standing.course_passed = Some(lately);
        root.standing.certified_at = Some(lately);
        root.standing.ncic_passed = Some(lately);
        set(root, begun);
    });
    world.time = until.before(2);
    done(acts(&mut world));
    assert_eq!(world.time, until.before(1));
    assert_eq!(rule(&acts(&mut world)), expected);
}

#[test]
fn r02_t19_an_investigation_is_current_for_ten_or_five_years() {
    for (kind, years) in [(BackgroundKind::Anaci, 10), (BackgroundKind::Full, 5)] {
        lapses_to_the_millisecond("not-entitled R02 BI_STALE", |root, at| {
            root.standing.background = Some(Background { kind, completed: at, adjudicated: true });
            at.years_later(years)
        });
    }
}

#[test]
fn r04_t19_the_course_counts_for_a_year() {
    lapses_to_the_millisecond("not-entitled R04 COURSE", |root, at| {
        root.standing.course_passed = Some(at);
        at.years_later(1)
    });
}

#[test]
fn r07_t19_an_account_is_certified_for_365_days() {
    lapses_to_the_millisecond("not-entitled R07 CERT", |root, at| {
        root.standing.certified_at = Some(at);
        UnixMillis(at.0 + 365 * DAY_MS)
    });
}

#[test]
fn r10_t19_a_holder_of_ncic_functions_who_is_not_certified_for_them_does_nothing_at_all() {
    lapses_to_the_millisecond("not-entitled R10 NCIC", |root, at| {
        root.functions.insert(Function::NcicQuery, by("second", at));
        root.standing.ncic_passed = Some(at);
        at.years_later(2)
    });
    let mut world = World::with_people();
    world.edit("root", |root| root.standing.ncic_passed = None);
    done(acts(&mut world));
}

#[test]
fn r12_t18_a_transaction_carries_its_function_from_its_first_millisecond_to_before_its_last() {
    let mut world = World::with_people();
    let (from, to) = (UnixMillis(world.time.0 + 1_000), UnixMillis(world.time.0 + 2_000));
    world.edit("root", |root| {
        root.functions.remove(&Function::UserCertify);
        let granted = by("second", from);
        root.transactions.push(Transaction { function: Function::UserCertify, from, to, granted });
    });
    let mut at = |time: UnixMillis| {
        world.time = time.before(1);
        acts(&mut world)
    };
    assert_eq!(rule(&at(from.before(1))), "not-entitled R12 TXN");
    done(at(from));
    done(at(to.before(1)));
    assert_eq!(rule(&at(to)), "not-entitled R12 TXN");
}

fn memorandum(world: &mut World, id: &str) -> Outcome {
    let terms = MemorandumTerms {
        owner: agency("FBI"),
        subject: MemorandumSubject::Class(crate::access::principal::ClassId::members(&agency("FBI"))),
        grantee: Grantee::Agency(agency("CBP")),
        verbs: BTreeSet::from([Function::RecordView]),
        from: world.time,
        to: UnixMillis(world.time.0 + DAY_MS),
    };
    let memorandum = MemorandumId::new(id).expect("code");
    world.ask("agent", Command::DraftMemorandum(DraftMemorandum { memorandum, terms, event: event() }))
}

#[test]
fn r06_t19_outside_the_department_nobody_acts_without_an_agreement_in_force_that_names_the_function() {
    let key = (agency("FBI"), AgreementId::new("moa").expect("code"));
    let with = |change: &dyn Fn(&mut crate::people::Agreement), time: Option<UnixMillis>| {
        let mut world = World::with_people();
        change(world.people.agreements.get_mut(&key).expect("there"));
        if let Some(time) = time {
            world.time = time.before(1);
            let lately = time.before(DAY_MS);
            world.edit("agent", |agent| {
                agent.standing.course_passed = Some(lately);
                agent.standing.certified_at = Some(lately);
            });
        }
        memorandum(&mut world, "m")
    };
    done(with(&|_| {}, None));
    let refused = "not-entitled R06 MOA";
    assert_eq!(rule(&with(&|moa| moa.terms.functions.retain(|one| *one != Function::AgreementDraft), None)), refused);
    for stage in [crate::people::AgreementStage::Drafted, crate::people::AgreementStage::Reviewed] {
        assert_eq!(rule(&with(&|moa| moa.stage = stage, None)), refused);
    }
    let begun = World::with_people().time;
    // It expires.
    let expires = UnixMillis(begun.0 + 180 * DAY_MS);
    done(with(&|_| {}, Some(expires.before(1))));
    assert_eq!(rule(&with(&|_| {}, Some(expires))), refused);
    // It is not reviewed for a year.
    let reviewed = begun.years_later(1);
    let lasts = |moa: &mut crate::people::Agreement| moa.terms.expires = UnixMillis(u64::MAX);
    done(with(&lasts, Some(reviewed.before(1))));
    assert_eq!(rule(&with(&lasts, Some(reviewed))), refused);
}

pub fn draft(id: &str, of: &str) -> AccountDraft {
    AccountDraft {
        user: user(id),
        agency: agency(of),
        category: Category::General,
        control_officer: user("sco"),
        supervisors: if of == "CBP" { BTreeSet::from([user("boss")]) } else { BTreeSet::new() },
        stations: BTreeSet::from([PortId::new("2404").expect("code")]),
        datasets: BTreeSet::from([Dataset::Tecs]),
        certificates: BTreeSet::from([format!("CN={id}")]),
        content: Token([1; 16]),
    }
}

pub fn request(world: &mut World, who: &str, draft: AccountDraft) -> Outcome {
    world.ask(who, Command::RequestUser(RequestUser { draft, personal: sealed("names"), event: event() }))
}

/// A requested account of CBP that lacks only the approval.
fn waiting(world: &mut World, asked_by: &str) {
    done(request(world, asked_by, draft("new", "CBP")));
    let lately = world.time.before(DAY_MS);
    let background = Background { kind: BackgroundKind::Anaci, completed: lately, adjudicated: true };
    for fact in [
        StandingFact::Background(background),
        StandingFact::Course(lately),
        StandingFact::Nationality(Nationality { national: true, foreign_service_national: false }),
    ] {
        done(world.change("opr", "new", UserChange::Standing(fact)));
    }
}

#[test]
fn r22_every_pair_of_who_asks_for_an_account_and_who_approves_it() {
    let cast: Vec<UserId> = World::with_people().people.profiles.keys().cloned().collect();
    for asked_by in ["boss", "root"] {
        for approver in &cast {
            let mut world = World::with_people();
            waiting(&mut world, asked_by);
            let outcome = world.change(approver.as_str(), "new", UserChange::Approve(()));
            let holds = ["boss", "desk"].contains(&approver.as_str());
            if holds && approver.as_str() != asked_by {
                done(outcome);
                assert!(world.account("new").is_active());
                assert_eq!(world.account("new").standing.certified_at, Some(world.time));
            } else {
                let expected = if holds { "separation-of-duties R22 APPROVE" } else { "not-entitled" };
                assert!(rule(&outcome).starts_with(expected), "{asked_by} {approver}: {outcome:?}");
                assert!(!world.account("new").is_active());
            }
        }
    }
}

#[test]
fn r01_r02_r04_r05_an_account_is_approved_only_in_standing() {
    type Change = fn(&mut Profile);
    let lacks: [(Change, &str); 5] = [
        (|new| new.standing.background = None, "R01 BI_NONE"),
        (|new| new.standing.opr_hold = true, "R01 BI_NONE"),
        (|new| new.standing.background.as_mut().expect("there").completed = UnixMillis(1), "R02 BI_STALE"),
        (|new| new.standing.course_passed = None, "R04 COURSE"),
        (|new| new.standing.national = false, "R05 NATION"),
    ];
    for (change, expected) in lacks {
        let mut world = World::with_people();
        waiting(&mut world, "boss");
        world.edit("new", change);
        let refused = world.change("desk", "new", UserChange::Approve(()));
        assert_eq!(rule(&refused), format!("wrong-state {expected}"));
    }
    let mut world = World::with_people();
    waiting(&mut world, "boss");
    world.edit("new", |new| (new.standing.national, new.standing.foreign_service_national) = (false, true));
    done(world.change("desk", "new", UserChange::Approve(())));
}

#[test]
fn an_account_is_asked_for_by_a_supervisor_of_the_operator_or_a_national_control_officer_of_its_agency() {
    for (who, of, expected) in [
        ("boss", "CBP", None),
        ("boss", "ICE", None),
        ("root", "ICE", None),
        ("sco", "CBP", Some("not-entitled R22 APPROVE")),
        ("desk", "CBP", Some("not-entitled R11 FUNC")),
        ("chief", "CBP", Some("not-entitled R11 FUNC")),
    ] {
        let mut world = World::with_people();
        world.edit("sco", |sco| sco.assign.extend(rights(&[Function::PrimaryQuery], "ICE")));
        let outcome = request(&mut world, who, draft("new", of));
        match expected {
            None => done(outcome),
            Some(expected) => assert_eq!(rule(&outcome), expected, "{who} for {of}"),
        }
    }
}

#[test]
fn an_id_and_a_certificate_are_never_given_again() {
    let mut world = World::with_people();
    waiting(&mut world, "boss");
    done(world.change("desk", "new", UserChange::Approve(())));
    done(world.change("sco", "new", UserChange::Close(())));
    assert_eq!(code(&request(&mut world, "boss", draft("new", "CBP"))), Some(RefusalCode::WrongState));
    let mut other = draft("other", "CBP");
    other.certificates = draft("new", "CBP").certificates;
    assert_eq!(code(&request(&mut world, "boss", other)), Some(RefusalCode::WrongState));
    for change in [UserChange::Approve(()), UserChange::Reinstate(()), UserChange::Certify(())] {
        let outcome = ["desk", "boss", "root"].map(|who| world.change(who, "new", change.clone()));
        assert!(outcome.iter().all(|outcome| matches!(outcome, Outcome::Refused(_))));
        assert!(world.account("new").is_closed());
    }
}

#[test]
fn a_request_is_applied_once_and_a_reused_request_id_is_refused() {
    let mut world = World::with_people();
    let command = RequestUser { draft: draft("new", "CBP"), personal: sealed("names"), event: event() };
    let asked = world.asked("boss", Command::RequestUser(command));
    let first = world.apply(&asked);
    done(first.clone());
    let events = world.outbox().len();
    // A retry seals the personal data anew.
    let mut again = asked.clone();
    let Command::RequestUser(command) = &mut again.command else { unreachable!() };
    command.personal = sealed("names, sealed once more");
    assert_eq!(world.apply(&again), first);
    assert_eq!((world.outbox().len(), world.account("new").personal), (events, sealed("names")));
    let Command::RequestUser(command) = &mut again.command else { unreachable!() };
    command.draft.category = Category::Supervisor;
    assert_eq!(code(&world.apply(&again)), Some(RefusalCode::RequestIdReused));
    let before = world.account("officer");
    let change = world.asked("boss", Command::Tick(()));
    world.time.0 += DAY_MS + 2;
    let late = crate::command::people::user::ChangeUser {
        user: user("officer"),
        change: UserChange::Certify(()),
        expected_version: before.version,
        event: event(),
    };
    let late = crate::envelope::Envelope { command: Command::ChangeUser(late), ..change };
    assert_eq!(code(&world.apply(&late)), Some(RefusalCode::RequestTooOld));
    assert_eq!(world.account("officer"), before);
}

#[test]
fn a_refused_command_leaves_an_event_with_the_code_of_the_rule_and_nothing_else() {
    let mut world = World::with_people();
    let before = world.people.profiles.clone();
    let refused = world.change("officer", "agent", UserChange::Certify(()));
    assert_eq!(rule(&refused), "not-entitled R11 FUNC");
    let event = world.outbox().pop().expect("an event");
    assert_eq!((event.header.verdict(), event.header.code.as_deref()), (Some(Verdict::Refused), Some("FUNC")));
    assert_eq!(world.people.profiles, before);
}

#[test]
fn a_stale_version_an_unknown_account_and_another_group_are_refused() {
    let mut world = World::with_people();
    done(acts(&mut world));
    let command = |user_: &str, expected_version| {
        Command::ChangeUser(crate::command::people::user::ChangeUser {
            user: user(user_),
            change: UserChange::Certify(()),
            expected_version,
            event: event(),
        })
    };
    assert_eq!(code(&world.ask("root", command("officer", 1))), Some(RefusalCode::StaleVersion));
    assert_eq!(code(&world.ask("root", command("nobody", 1))), Some(RefusalCode::UnknownUser));
    assert_eq!(code(&world.ask("officer", command("nobody", 1))), Some(RefusalCode::NotEntitled), "nothing is told");
    let asked = world.asked("root", command("officer", 2));
    assert_eq!(code(&World::default().apply(&asked)), Some(RefusalCode::WrongGroup));
}

#[test]
fn a_fact_from_the_future_is_refused() {
    let mut world = World::with_people();
    let future = UnixMillis(world.time.0 + DAY_MS);
    let background = Background { kind: BackgroundKind::Full, completed: future, adjudicated: true };
    for fact in [StandingFact::Course(future), StandingFact::Ncic(future), StandingFact::Background(background)] {
        let refused = world.change("opr", "officer", UserChange::Standing(fact));
        assert_eq!(code(&refused), Some(RefusalCode::Invalid));
    }
}

proptest! {
    #[test]
    fn r22_whoever_approves_is_another_supervisor_of_the_same_agency(
        same in any::<bool>(), at in 0usize..5, own in any::<bool>(),
    ) {
        use crate::people::{duty, principal};
        let category = Category::ALL[at];
        let now = UnixMillis(1_800_000_000_000);
        let approver = an_account("approver", if own { "CBP" } else { "ICE" }, category, &[], now);
        let its = an_agency(approver.agency.as_str());
        let approver = principal(&approver, &its, &[], &[], &[], now);
        let creator = user(if same { "approver" } else { "creator" });
        let allowed = !same && own && category == Category::Supervisor;
        prop_assert_eq!(duty::may_approve(&creator, &agency("CBP"), &approver).is_ok(), allowed);
    }
}
