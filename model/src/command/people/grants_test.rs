//! Delegation: R09, R11, R12, R21; who may give what to whom, for how long.

use std::collections::BTreeSet;

use crate::access::function::Function;
use crate::access::principal::Category;
use crate::command::people::role::PutRole;
use crate::command::people::testing::*;
use crate::command::people::user::{Assignment, Grant, Superiors, UserChange};
use crate::command::testing::*;
use crate::command::{Command, Outcome};
use crate::error::RefusalCode;
use crate::outbox::Destination;
use crate::people::Party;
use crate::people::profile::Transaction;
use crate::record::Dataset;
use crate::time::UnixMillis;

use Function::{PrimaryQuery, RecordView, SubjectQuery};

fn grant(function: Function) -> UserChange {
    UserChange::Grant(Grant::Function(function))
}

fn functions(world: &World, id: &str) -> BTreeSet<Function> {
    world.account(id).functions.keys().copied().collect()
}

#[test]
fn r21_an_sco_assigns_only_what_he_uses_and_assigns() {
    let mut world = World::with_people();
    done(world.change("sco", "officer", grant(PrimaryQuery)));
    assert_eq!(functions(&world, "officer"), BTreeSet::from([PrimaryQuery]));
    let refused = "not-entitled R21 DELEG";
    assert_eq!(rule(&world.change("sco", "officer", grant(RecordView))), refused, "uses it, may not assign it");
    assert_eq!(rule(&world.change("sco", "officer", grant(SubjectQuery))), refused, "may assign it, does not use it");
    assert_eq!(functions(&world, "officer"), BTreeSet::from([PrimaryQuery]));
}

#[test]
fn r21_an_sco_assigns_only_to_users_of_his_own_and_over_his_agencies_and_datasets() {
    let mut world = World::with_people();
    let refused = "not-entitled R21 DELEG";
    assert_eq!(rule(&world.change("sco", "desk", grant(PrimaryQuery))), refused, "not his");
    assert_eq!(rule(&world.change("sco", "agent", grant(PrimaryQuery))), refused, "of another agency");
    assert_eq!(rule(&world.change("sco", "sco", grant(PrimaryQuery))), "separation-of-duties R09 DUTY");
    world.edit("officer", |officer| officer.datasets.extend([Dataset::Apis]));
    assert_eq!(rule(&world.change("sco", "officer", grant(PrimaryQuery))), refused, "over another dataset");
    world.edit("sco", |sco| {
        sco.assign = ["CBP"].iter().flat_map(|of| rights(&[PrimaryQuery], of)).collect();
        let right =
            crate::people::AssignRight { function: PrimaryQuery, agency: agency("CBP"), dataset: Dataset::Apis };
        sco.assign.insert(right);
    });
    assert_eq!(rule(&world.change("sco", "officer", grant(PrimaryQuery))), refused, "he uses only the other dataset");
    world.edit("sco", |sco| sco.datasets.extend([Dataset::Apis]));
    done(world.change("sco", "officer", grant(PrimaryQuery)));
}

#[test]
fn r06_a_function_that_no_agreement_names_is_not_granted_outside_the_department() {
    let mut world = World::with_people();
    world.edit("sco", |sco| sco.assign.extend(rights(&[PrimaryQuery, RecordView], "FBI")));
    done(world.change("sco", "agent", grant(PrimaryQuery)));
    assert_eq!(rule(&world.change("sco", "agent", grant(RecordView))), "not-entitled R06 MOA");
}

#[test]
fn r09_a_category_is_granted_only_what_it_may_hold() {
    for (category, allowed) in [
        (Category::General, true),
        (Category::Supervisor, true),
        (Category::ControlOfficer, true),
        (Category::Maintenance, false),
        (Category::SecurityAdministrator, false),
    ] {
        let mut world = World::with_people();
        world.edit("officer", |officer| officer.category = category);
        let outcome = world.change("sco", "officer", grant(PrimaryQuery));
        if allowed { done(outcome) } else { assert_eq!(rule(&outcome), "not-entitled R09 DUTY", "{category}") }
    }
}

#[test]
fn r11_a_role_is_granted_if_each_of_its_functions_could_be() {
    let mut world = World::with_people();
    let put = |world: &mut World, who: &str, functions: &[Function], expected_version| {
        let functions = functions.iter().copied().collect();
        let command = PutRole { role: role_id("lane"), functions, expected_version, event: event() };
        world.ask(who, Command::PutRole(command))
    };
    assert_eq!(rule(&put(&mut world, "desk", &[PrimaryQuery], 0)), "not-entitled R11 FUNC");
    done(put(&mut world, "head", &[PrimaryQuery, RecordView], 0));
    let lane = UserChange::Grant(Grant::Role(role_id("lane")));
    assert_eq!(rule(&world.change("sco", "officer", lane.clone())), "not-entitled R21 DELEG");
    done(put(&mut world, "head", &[PrimaryQuery], 1));
    done(world.change("sco", "officer", lane));
    assert_eq!(world.people.roles[&role_id("lane")].len(), 2, "earlier versions stay");
    // Who holds a role does not widen it.
    let account = world.account("officer");
    world.edit("head", |head| head.roles = account.roles);
    let widened = put(&mut world, "head", &[PrimaryQuery, RecordView], 2);
    assert_eq!(rule(&widened), "separation-of-duties R09 DUTY");
}

#[test]
fn a_narrowed_role_raises_the_floor_of_everybody() {
    let mut world = World::with_people();
    let mut put = |functions: &[Function], expected_version| {
        let functions = functions.iter().copied().collect();
        let command = PutRole { role: role_id("lane"), functions, expected_version, event: event() };
        done(world.ask("head", Command::PutRole(command)));
        (world.time.0, world.floors())
    };
    assert!(put(&[PrimaryQuery], 0).1.is_empty());
    assert!(put(&[PrimaryQuery, RecordView], 1).1.is_empty());
    let (index, floors) = put(&[RecordView], 2);
    assert_eq!(floors.len(), 3, "two records groups and one audit group");
    assert!(floors.iter().all(|(_, floor)| (floor.party.clone(), floor.epoch) == (Party::Everyone(()), index)));
}

fn window(world: &World, from: u64, to: u64) -> Assignment {
    let at = |ms: u64| UnixMillis(1_800_000_000_000 + ms);
    assert!(world.time.0 < at(1_000).0);
    Assignment { function: PrimaryQuery, from: at(from), to: at(to) }
}

#[test]
fn r12_r21_a_transaction_is_no_longer_than_the_window_of_who_grants_it() {
    let mut world = World::with_people();
    let own = window(&world, 0, 10_000);
    world.edit("sco", |sco| {
        sco.functions.remove(&PrimaryQuery);
        let (from, to) = (own.from, own.to);
        sco.transactions.push(Transaction { function: PrimaryQuery, from, to, granted: by("root", from) });
    });
    let refused = "not-entitled R21 DELEG";
    let open = |from, to| UserChange::OpenTransaction(window(&World::with_people(), from, to));
    assert_eq!(rule(&world.change("sco", "officer", grant(PrimaryQuery))), refused, "for ever is longer");
    assert_eq!(rule(&world.change("sco", "officer", open(5_000, 10_001))), refused);
    done(world.change("sco", "officer", open(5_000, 10_000)));
    world.time = own.to.before(2);
    done(world.change("sco", "officer", open(9_000, 10_000)));
    assert_eq!(world.time, own.to.before(1));
    let ends = UserChange::OpenTransaction(Assignment { to: UnixMillis(own.to.0 + 5), ..own });
    assert_eq!(rule(&world.change("sco", "officer", ends)), refused, "his own is over");
}

#[test]
fn r12_a_window_must_be_one_and_not_too_long_and_closing_takes_it_away() {
    let mut world = World::with_people();
    let begin = world.time.0;
    let at = |from: u64, to: u64| Assignment { function: PrimaryQuery, from: UnixMillis(from), to: UnixMillis(to) };
    for bad in [at(begin + 9, begin + 9), at(begin - 9, begin - 1), at(begin, begin + 367 * DAY_MS)] {
        let refused = world.change("sco", "officer", UserChange::OpenTransaction(bad));
        assert_eq!(code(&refused), Some(RefusalCode::Invalid));
    }
    let good = at(begin, begin + DAY_MS);
    done(world.change("sco", "officer", UserChange::OpenTransaction(good)));
    assert_eq!(world.account("officer").epoch, 0);
    done(world.change("sco", "officer", UserChange::CloseTransaction(good)));
    assert!(world.account("officer").transactions.is_empty());
    assert_eq!(world.account("officer").epoch, 1);
    let again = world.change("sco", "officer", UserChange::CloseTransaction(good));
    assert_eq!(code(&again), Some(RefusalCode::WrongState));
}

#[test]
fn a_revocation_raises_the_epoch_and_the_floor_of_every_group() {
    let mut world = World::with_people();
    done(world.change("sco", "officer", grant(PrimaryQuery)));
    assert!(world.floors().is_empty());
    done(world.change("sco", "officer", UserChange::Revoke(Grant::Function(PrimaryQuery))));
    let floors = world.floors();
    let to: Vec<Destination> = floors.iter().map(|(to, _)| *to).collect();
    use crate::ids::GroupId::{Audit, Records};
    let mut expected = vec![Records(0), Records(1), Audit(0)].into_iter().map(Destination::Group).collect::<Vec<_>>();
    expected.sort();
    assert_eq!(to, expected);
    let party = Party::User(user("officer"));
    assert!(floors.iter().all(|(_, floor)| (&floor.party, floor.epoch) == (&party, 1)));
    assert_eq!((world.people.floors[&party], world.account("officer").epoch), (1, 1), "the directory has it at once");
}

#[test]
fn r21_another_control_officer_freezes_the_grants_until_he_answers_for_them() {
    use crate::people::principal;
    let mut world = World::with_people();
    done(world.change("sco", "officer", grant(PrimaryQuery)));
    let superiors = |id: &str| {
        let supervisors = BTreeSet::from([user("boss")]);
        UserChange::Superiors(Superiors { control_officer: user(id), supervisors })
    };
    assert_eq!(rule(&world.change("sco", "officer", superiors("root"))), "not-entitled R21 DELEG");
    done(world.change("second", "officer", superiors("root")));
    let holds = |world: &World| {
        let its = world.people.agencies[&agency("CBP")].clone();
        principal(&world.account("officer"), &its, &[], &[], &[], world.time).holds(PrimaryQuery, world.time)
    };
    assert!(!holds(&world) && world.account("officer").epoch == 1);
    assert_eq!(rule(&world.change("sco", "officer", UserChange::Affirm(()))), "not-entitled R21 DELEG");
    assert_eq!(rule(&world.change("root", "officer", UserChange::Affirm(()))), "not-entitled R21 DELEG");
    assert!(matches!(world.change("root", "officer", grant(PrimaryQuery)), Outcome::Refused(_)));
    world.edit("root", |root| {
        root.assign = rights(&[PrimaryQuery], "CBP");
        root.functions.insert(PrimaryQuery, by("second", UnixMillis(1)));
    });
    done(world.change("root", "officer", UserChange::Affirm(())));
    assert!(holds(&world));
}

#[test]
fn r21_rights_to_assign_take_two_national_control_officers_of_the_operator_and_neither_gains() {
    let wanted = rights(&[PrimaryQuery, RecordView], "CBP");
    let assign = |set: &BTreeSet<_>| UserChange::Assign(set.clone());
    let mut world = World::with_people();
    let before = world.account("sco").assign;
    done(world.change("root", "sco", assign(&wanted)));
    done(world.change("root", "sco", assign(&wanted)));
    assert_eq!(world.account("sco").assign, before, "one person twice is one person");
    done(world.change("second", "sco", assign(&rights(&[PrimaryQuery], "CBP"))));
    assert_eq!(world.account("sco").assign, before, "another set is another proposal");
    done(world.change("root", "sco", assign(&rights(&[PrimaryQuery], "CBP"))));
    assert_eq!(world.account("sco").assign, rights(&[PrimaryQuery], "CBP"));
    assert_eq!(rule(&world.change("root", "root", assign(&wanted))), "separation-of-duties R09 DUTY");
    assert_eq!(rule(&world.change("sco", "second", assign(&wanted))), "not-entitled R21 DELEG");
    let general = world.change("root", "officer", assign(&wanted));
    assert_eq!(code(&general), Some(RefusalCode::WrongState));
    done(world.change("second", "sco", assign(&wanted)));
    world.edit("second", |second| second.state = crate::people::AccountState::Closed(by("root", UnixMillis(1))));
    done(world.change("root", "sco", assign(&wanted)));
    assert_ne!(world.account("sco").assign, wanted, "who proposed it is gone");
}
