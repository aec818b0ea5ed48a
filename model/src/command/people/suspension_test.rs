//! Suspension and what it takes to lift it (R23, 1.6), floors in every group, and the founding ceremony.

use std::collections::BTreeSet;

use crate::access::function::Function;
use crate::access::principal::Category;
use crate::audit::event::Verdict;
use crate::command::deliver::Deliver;
use crate::command::people::agency::PutAgency;
use crate::command::people::denials::{Denied, RecordDenials};
use crate::command::people::founding::Bootstrap;
use crate::command::people::testing::*;
use crate::command::people::user::{Superiors, UserChange};
use crate::command::testing::*;
use crate::command::{Command, Outcome};
use crate::envelope::Envelope;
use crate::error::RefusalCode;
use crate::ids::{GroupId, RecordId, SlotId};
use crate::limits::DENIALS_MAX;
use crate::outbox::{Destination, Lane, Message, Posted};
use crate::people::founding::proof;
use crate::people::profile::{AccountState, Cause};
use crate::people::scores::{DenialKind, SHORT_WINDOW_MS};
use crate::people::{Ceremony, Epochs, Floor, Party};

fn denials(world: &mut World, denied: &[(&str, DenialKind)]) -> Envelope {
    let one = |(id, kind): &(&str, DenialKind)| Denied { user: user(id), kind: *kind };
    let command = RecordDenials { denials: denied.iter().map(one).collect(), event: event() };
    Envelope { caller: None, ..world.envelope(Command::RecordDenials(command)) }
}

fn deny(world: &mut World, denied: &[(&str, DenialKind)]) -> Outcome {
    let envelope = denials(world, denied);
    world.apply(&envelope)
}

fn cause(world: &World, id: &str) -> Option<Cause> {
    match world.account(id).state {
        AccountState::Suspended(suspension) => Some(suspension.cause),
        _ => None,
    }
}

#[test]
fn r23_denials_on_many_nodes_are_one_count_and_suspend_in_the_same_apply() {
    let mut world = World::with_people();
    assert_eq!(deny(&mut world, &[("officer", DenialKind::Function)]), Outcome::Done(()));
    deny(&mut world, &[("officer", DenialKind::TransactionOrStation), ("agent", DenialKind::Export)]);
    assert_eq!(cause(&world, "officer"), None, "four");
    deny(&mut world, &[("officer", DenialKind::MissedId), ("officer", DenialKind::Export)]);
    assert_eq!(cause(&world, "officer"), Some(Cause::Auto), "five");
    assert_eq!(cause(&world, "agent"), None);
    let account = world.account("officer");
    assert_eq!((account.epoch, account.version), (1, 2));
    assert_eq!(world.floors().len(), 3);
    let told = world.outbox().pop().expect("an event");
    assert_eq!(told.header.changes[0].id, Party::User(user("officer")).object().0);
    assert!(world.people.scores[&user("officer")].entries.is_empty(), "it begins anew");
}

#[test]
fn r23_denials_spread_over_more_than_the_window_suspend_nobody() {
    let mut world = World::with_people();
    for _ in 0..4 {
        deny(&mut world, &[("officer", DenialKind::Function)]);
        world.time.0 += SHORT_WINDOW_MS;
    }
    assert_eq!(cause(&world, "officer"), None, "eight in an hour, two in a quarter of it");
    deny(&mut world, &[("officer", DenialKind::Function)]);
    assert_eq!(cause(&world, "officer"), Some(Cause::Auto), "ten in a day");
}

#[test]
fn r23_a_batch_delivered_twice_counts_once_and_nobody_reports_another() {
    let mut world = World::with_people();
    let batch = denials(&mut world, &[("officer", DenialKind::Export)]);
    assert_eq!(world.apply(&batch), world.apply(&batch));
    assert_eq!(cause(&world, "officer"), None);
    assert_eq!(world.people.scores[&user("officer")].entries.len(), 1);
    let mut forged = denials(&mut world, &[("officer", DenialKind::Export)]);
    forged.caller = Some(caller());
    assert_eq!(code(&world.apply(&forged)), Some(RefusalCode::NotEntitled));
    let many = vec![("nobody", DenialKind::MissedId); DENIALS_MAX + 1];
    assert_eq!(code(&deny(&mut world, &many)), Some(RefusalCode::Invalid));
    assert_eq!(deny(&mut world, &many[1..]), Outcome::Done(()), "who is nobody is not counted");
    assert!(!world.people.scores.contains_key(&user("nobody")));
}

#[test]
fn r23_a_suspension_is_lifted_by_control_officer_and_supervisor_together() {
    for order in [["sco", "boss"], ["chief", "sco"]] {
        let mut world = World::with_people();
        deny(&mut world, &[("officer", DenialKind::Export), ("officer", DenialKind::Export)]);
        done(world.change(order[0], "officer", UserChange::Reinstate(())));
        assert_eq!(cause(&world, "officer"), Some(Cause::Auto), "one is not enough");
        let again = world.change(order[0], "officer", UserChange::Reinstate(()));
        assert_eq!(rule(&again), "separation-of-duties R09 DUTY");
        done(world.change(order[1], "officer", UserChange::Reinstate(())));
        assert!(world.account("officer").is_active());
        let done_already = world.change(order[1], "officer", UserChange::Reinstate(()));
        assert_eq!(code(&done_already), Some(RefusalCode::WrongState));
    }
}

#[test]
fn r23_every_pair_that_may_not_lift_a_suspension() {
    let cast: Vec<String> = World::with_people().people.profiles.keys().map(ToString::to_string).collect();
    for first in &cast {
        for second in &cast {
            let mut world = World::with_people();
            // As if the holder had the function himself, and as many others as can.
            for id in &cast {
                world.edit(id, |one| drop(one.functions.insert(Function::UserReinstate, by("root", one.requested.at))));
            }
            done(world.change("sco", "officer", UserChange::Suspend(Cause::ControlOfficer)));
            let _ = world.change(first, "officer", UserChange::Reinstate(()));
            let _ = world.change(second, "officer", UserChange::Reinstate(()));
            let pair = BTreeSet::from([first.as_str(), second.as_str()]);
            let may = [BTreeSet::from(["sco", "boss"]), BTreeSet::from(["sco", "chief"])].contains(&pair);
            assert_eq!(world.account("officer").is_active(), may, "{pair:?}");
        }
    }
}

#[test]
fn r23_the_one_who_benefits_never_lifts_his_own_suspension_whatever_he_is() {
    let mut world = World::with_people();
    world.edit("boss", |boss| {
        boss.control_officer = Some(user("sco"));
        boss.supervisors = BTreeSet::from([user("chief")]);
    });
    done(world.change("sco", "boss", UserChange::Suspend(Cause::ControlOfficer)));
    done(world.change("sco", "boss", UserChange::Reinstate(())));
    assert_eq!(rule(&world.change("boss", "boss", UserChange::Reinstate(()))), "not-entitled R23 SUSPEND");
    done(world.change("chief", "boss", UserChange::Reinstate(())));
    assert!(world.account("boss").is_active());
    // Even one who is not stopped by his own suspension.
    assert_eq!(rule(&world.change("boss", "boss", UserChange::Reinstate(()))), "separation-of-duties R09 DUTY");
}

#[test]
fn suspending_again_takes_back_what_was_agreed_on() {
    let mut world = World::with_people();
    done(world.change("sco", "officer", UserChange::Suspend(Cause::ControlOfficer)));
    done(world.change("boss", "officer", UserChange::Reinstate(())));
    done(world.change("opr", "officer", UserChange::Suspend(Cause::Opr)));
    done(world.change("sco", "officer", UserChange::Reinstate(())));
    assert_eq!(cause(&world, "officer"), Some(Cause::Opr));
    assert_eq!(world.account("officer").epoch, 1, "what was taken away is taken away once");
}

#[test]
fn r23_who_is_above_the_account_no_more_has_agreed_to_nothing() {
    let mut world = World::with_people();
    done(world.change("sco", "officer", UserChange::Suspend(Cause::ControlOfficer)));
    done(world.change("sco", "officer", UserChange::Reinstate(())));
    let supervisors = BTreeSet::from([user("boss")]);
    let superiors = Superiors { control_officer: user("root"), supervisors };
    done(world.change("second", "officer", UserChange::Superiors(superiors)));
    done(world.change("boss", "officer", UserChange::Reinstate(())));
    assert!(!world.account("officer").is_active());
    done(world.change("root", "officer", UserChange::Reinstate(())));
    assert!(world.account("officer").is_active());
}

#[test]
fn a_suspension_is_for_the_control_officer_above_and_for_opr() {
    let mut world = World::with_people();
    let sco = UserChange::Suspend(Cause::ControlOfficer);
    assert_eq!(rule(&world.change("sco", "desk", sco.clone())), "not-entitled R21 DELEG");
    assert_eq!(rule(&world.change("opr", "officer", sco.clone())), "not-entitled R21 DELEG");
    assert_eq!(rule(&world.change("sco", "officer", UserChange::Suspend(Cause::Opr))), "not-entitled R11 FUNC");
    assert_eq!(code(&world.change("sco", "officer", UserChange::Suspend(Cause::Auto))), Some(RefusalCode::Invalid));
    done(world.change("root", "officer", sco));
}

/// A question of an officer to a records group, decided on at epochs and a directory index.
fn asked_at(world: &mut World, epochs: Epochs, directory_index: u64) -> Envelope {
    let mut envelope = world.create(1, "content");
    let decision = decision(world.time);
    envelope.decision = Some(crate::envelope::Decision { epochs, directory_index, ..decision });
    envelope
}

fn floors(world: &mut World, sequence: u64, floors: &[(Party, u64)]) -> Outcome {
    let lane = |to| Lane { from: SlotId(1), to: Destination::Group(to) };
    let posted = |(at, (party, epoch)): (usize, &(Party, u64))| Posted {
        lane: lane(GroupId::Records(0)),
        sequence: sequence + at as u64,
        message: Message::Floor(Floor { party: party.clone(), epoch: *epoch }),
    };
    let messages = floors.iter().enumerate().map(posted).collect();
    world.apply(&system(Command::Deliver(Deliver { messages })))
}

#[test]
fn a_decision_below_a_floor_of_user_agency_or_everybody_is_refused_and_the_same_request_may_come_again() {
    let parties = [
        (Party::User(user("officer")), Epochs { user: 6, agency: 0 }, Epochs { user: 7, agency: 0 }, (1, 1)),
        (Party::Agency(agency("CBP")), Epochs { user: 0, agency: 6 }, Epochs { user: 0, agency: 7 }, (1, 1)),
        (Party::Everyone(()), Epochs::default(), Epochs::default(), (6, 7)),
    ];
    for (party, below, at, (index_below, index_at)) in parties {
        let mut world = World::default();
        assert!(matches!(floors(&mut world, 1, &[(party.clone(), 7)]), Outcome::Delivered(_)));
        let mut envelope = asked_at(&mut world, below, index_below);
        assert_eq!(code(&world.apply(&envelope)), Some(RefusalCode::DecisionRevoked), "{party:?}");
        assert!(world.outbox().is_empty(), "the node that answers records it");
        envelope.decision = asked_at(&mut world, at, index_at).decision;
        assert!(matches!(world.apply(&envelope), Outcome::Changed(_)));
    }
}

#[test]
fn a_floor_of_somebody_else_stops_nobody_and_a_floor_never_falls() {
    let mut world = World::default();
    let other = Party::User(user("CBP"));
    floors(&mut world, 1, &[(other, 9), (Party::User(user("officer")), 3), (Party::User(user("officer")), 2)]);
    floors(&mut world, 4, &[(Party::User(user("officer")), 1)]);
    floors(&mut world, 1, &[(Party::User(user("officer")), 9)]);
    assert_eq!(world.people.floors[&Party::User(user("officer"))], 3, "seen before, and not taken again");
    let below = asked_at(&mut world, Epochs { user: 2, agency: 0 }, 1);
    assert_eq!(code(&world.apply(&below)), Some(RefusalCode::DecisionRevoked));
    let at = asked_at(&mut world, Epochs { user: 3, agency: 0 }, 1);
    assert!(matches!(world.apply(&at), Outcome::Changed(_)));
}

#[test]
fn records_groups_take_floors_and_no_events_and_the_directory_takes_nothing() {
    let mut world = World::default();
    let event = system(Command::Deliver(Deliver { messages: vec![posted(1)] }));
    assert_eq!(code(&world.apply(&event)), Some(RefusalCode::WrongGroup));
    assert_eq!(code(&World::directory().apply(&event)), Some(RefusalCode::WrongGroup));
    let mut directory = World::directory();
    let refused = floors(&mut directory, 1, &[(Party::Everyone(()), 1)]);
    assert_eq!(code(&refused), Some(RefusalCode::WrongGroup));
    let mut audit = World::audit();
    floors(&mut audit, 1, &[(Party::Everyone(()), 4)]);
    assert_eq!((audit.people.floors[&Party::Everyone(())], audit.leaves()), (4, 0));
}

#[test]
fn a_shut_agency_raises_its_floor_and_the_operator_is_never_shut() {
    let mut world = World::with_people();
    let mut put = |id: &str, change: &dyn Fn(&mut crate::people::Agency)| {
        let mut agency = world.people.agencies[&agency(id)].clone();
        change(&mut agency);
        let expected_version = agency.version;
        let outcome = world.ask("desk", Command::PutAgency(PutAgency { agency, expected_version, event: event() }));
        (outcome, world.floors().len())
    };
    let (outcome, floors) = put("ICE", &|ice| (ice.active, ice.operator, ice.epoch) = (false, true, 77));
    done(outcome);
    assert_eq!(floors, 3);
    assert_eq!(code(&put("CBP", &|cbp| cbp.active = false).0), Some(RefusalCode::WrongState));
    let wrong = put("CBP", &|cbp| cbp.national.extend([user("officer")]));
    assert_eq!(code(&wrong.0), Some(RefusalCode::WrongState), "no control officer");
    done(put("CBP", &|cbp| cbp.national.extend([user("sco")])).0);
    let ice = &world.people.agencies[&agency("ICE")];
    assert_eq!((ice.operator, ice.epoch, ice.version), (false, 1, 2));
}

fn founding() -> (World, Bootstrap) {
    let cast = World::with_people();
    let mut world = World::directory();
    let ceremony = system(Command::InitialiseCeremony(Ceremony::of(b"a secret")));
    assert_eq!(world.apply(&ceremony), Outcome::Done(()));
    let agency = cast.people.agencies[&agency("CBP")].clone();
    let founders = ["root", "second", "sco", "boss", "desk"].map(|id| cast.account(id)).to_vec();
    (world, Bootstrap { proof: proof(b"a secret"), agency, roles: Vec::new(), founders, event: event() })
}

#[test]
fn the_ceremony_makes_the_founders_once_and_they_can_work() {
    let (mut world, command) = founding();
    let envelope = world.envelope(Command::Bootstrap(command.clone()));
    let first = world.apply(&envelope);
    done(first.clone());
    assert_eq!(world.apply(&envelope), first, "a retry is answered");
    let told = world.outbox();
    assert_eq!((told.len(), told[0].header.changes.len()), (1, 6));
    assert_eq!(told[0].header.verdict(), Some(Verdict::Changed));
    done(super::standing_test::request(&mut world, "boss", super::standing_test::draft("new", "CBP")));
    let again = world.envelope(Command::Bootstrap(command));
    assert_eq!(code(&world.apply(&again)), Some(RefusalCode::AlreadyInitialised));
    let other = system(Command::InitialiseCeremony(Ceremony::of(b"another")));
    assert_eq!(code(&world.apply(&other)), Some(RefusalCode::AlreadyInitialised));
}

#[test]
fn the_ceremony_is_refused_without_its_secret_or_with_founders_who_break_rules() {
    type Change = fn(&mut Bootstrap);
    let wrong: [(Change, RefusalCode); 8] = [
        (|it| it.proof = proof(b"another secret"), RefusalCode::NotEntitled),
        (|it| it.proof = Ceremony::of(b"a secret").digest, RefusalCode::NotEntitled),
        (|it| it.founders.clear(), RefusalCode::Invalid),
        (|it| it.founders.push(it.founders[0].clone()), RefusalCode::Invalid),
        (|it| drop(it.founders.remove(0)), RefusalCode::Invalid),
        (|it| it.founders[2].control_officer = Some(user("sco")), RefusalCode::Invalid),
        (|it| it.founders[3].agency = agency("ICE"), RefusalCode::Invalid),
        (|it| it.founders[4].standing.background = None, RefusalCode::WrongState),
    ];
    for (change, expected) in wrong {
        let (mut world, mut command) = founding();
        change(&mut command);
        let envelope = world.envelope(Command::Bootstrap(command));
        assert_eq!(code(&world.apply(&envelope)), Some(expected));
        assert!(world.people.profiles.is_empty() && world.people.agencies.is_empty());
        assert_eq!(world.outbox().len(), 1, "a refused ceremony is told");
    }
    let (mut world, command) = founding();
    world.people.ceremony = None;
    let envelope = world.envelope(Command::Bootstrap(command));
    assert_eq!(code(&world.apply(&envelope)), Some(RefusalCode::NotEntitled), "no secret, no ceremony");
}

#[test]
fn founders_below_a_control_officer_assign_nothing() {
    let (mut world, mut command) = founding();
    command.founders[3].assign = rights(&[Function::PrimaryQuery], "CBP");
    assert_eq!(command.founders[3].category, Category::Supervisor);
    let envelope = world.envelope(Command::Bootstrap(command));
    assert_eq!(code(&world.apply(&envelope)), Some(RefusalCode::Invalid));
}

/// Lanes are told apart by where they begin, and directory and records group both have 1,024 slots.
#[test]
fn what_directory_and_records_group_post_from_one_slot_is_all_taken_by_the_audit_group() {
    let mut directory = World::with_people();
    let denied = denials(&mut directory, &[("officer", DenialKind::Function)]);
    assert_eq!(directory.apply(&denied), Outcome::Done(()));
    let slot = RecordId::of_request(denied.request).slot();
    let mut records = World::default();
    let create = loop {
        let create = records.create(1, "content");
        if RecordId::of_request(create.request).slot() == slot {
            break create;
        }
    };
    assert!(matches!(records.apply(&create), Outcome::Changed(_)));
    let mut audit = World::audit();
    for group in [&directory, &records] {
        let messages = group.posts();
        assert_eq!(messages.len(), 1);
        audit.apply(&system(Command::Deliver(Deliver { messages })));
    }
    assert_eq!(audit.leaves(), 2);
}
