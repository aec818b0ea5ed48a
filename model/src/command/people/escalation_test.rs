//! T17: no sequence of what control officers may do gives anybody a function that none of them could use and assign at
//! the start.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::access::function::Function;
use crate::access::principal::Category;
use crate::command::Outcome;
use crate::command::people::testing::*;
use crate::command::people::user::{Assignment, Grant, Superiors, UserChange};
use crate::command::testing::World;
use crate::people::profile::{Cause, Profile, Transaction};
use crate::people::{AssignRight, Role};
use crate::time::UnixMillis;

use Function::*;

const GAINED: [Function; 5] = [PrimaryQuery, SubjectQuery, LookoutCreate, Export, NcicQuery];
const OFFICERS: [&str; 4] = ["s0", "s1", "s2", "s3"];
const USERS: [&str; 3] = ["u0", "u1", "u2"];
const AGENCIES: [&str; 2] = ["CBP", "ICE"];

fn everybody() -> Vec<&'static str> {
    OFFICERS.into_iter().chain(USERS).collect()
}

/// What one control officer begins with: what he uses, what he may assign where, what he uses for a while, his
/// superior.
#[derive(Debug, Clone)]
struct Start {
    uses: Vec<usize>,
    assigns: Vec<(usize, usize)>,
    whiles: Vec<(usize, u64, u64)>,
    agency: usize,
    above: usize,
}

#[derive(Debug, Clone)]
enum Act {
    Grant(usize),
    Role(usize),
    Revoke(usize),
    Open(usize, u64, u64),
    Close(usize, u64, u64),
    Affirm,
    Under(usize),
    Assign(Vec<(usize, usize)>),
    Suspend,
    Reinstate,
    Certify,
    Shut,
    Wait(u64),
}

fn start() -> impl Strategy<Value = Start> {
    let function = 0..GAINED.len();
    (
        prop::collection::vec(function.clone(), 0..3),
        prop::collection::vec((function.clone(), 0..2usize), 0..4),
        prop::collection::vec((function, 0..50u64, 1..80u64), 0..2),
        0..2usize,
        0..OFFICERS.len(),
    )
        .prop_map(|(uses, assigns, whiles, agency, above)| Start { uses, assigns, whiles, agency, above })
}

fn act() -> impl Strategy<Value = Act> {
    let function = 0..GAINED.len();
    prop_oneof![
        8 => function.clone().prop_map(Act::Grant),
        2 => (0..2usize).prop_map(Act::Role),
        1 => function.clone().prop_map(Act::Revoke),
        5 => (function.clone(), 0..60u64, 1..90u64).prop_map(|(f, from, length)| Act::Open(f, from, length)),
        1 => (function.clone(), 0..60u64, 1..90u64).prop_map(|(f, from, length)| Act::Close(f, from, length)),
        3 => Just(Act::Affirm),
        3 => (0..OFFICERS.len()).prop_map(Act::Under),
        1 => prop::collection::vec((function, 0..2usize), 0..4).prop_map(Act::Assign),
        1 => Just(Act::Suspend),
        1 => Just(Act::Reinstate),
        1 => Just(Act::Certify),
        1 => Just(Act::Shut),
        1 => (0..40u64).prop_map(Act::Wait),
    ]
}

fn rights_of(pairs: &[(usize, usize)]) -> BTreeSet<AssignRight> {
    pairs.iter().flat_map(|(function, of)| rights(&[GAINED[*function]], AGENCIES[*of])).collect()
}

fn world(starts: &[Start], users: &[(usize, usize)]) -> World {
    let mut world = World::with_people();
    let now = world.time;
    let at = |ms: u64| UnixMillis(now.0 + ms);
    for (id, start) in OFFICERS.iter().zip(starts) {
        let mut officer = an_account(id, AGENCIES[start.agency], Category::ControlOfficer, &KEEPING, now);
        officer.functions.extend(start.uses.iter().map(|function| (GAINED[*function], by("root", now))));
        officer.assign = rights_of(&start.assigns);
        let window = |(function, from, length): &(usize, u64, u64)| Transaction {
            function: GAINED[*function],
            from: at(*from),
            to: at(from + length),
            granted: by("root", now),
        };
        officer.transactions = start.whiles.iter().map(window).collect();
        officer.standing.ncic_passed = Some(now);
        officer.control_officer = Some(user(OFFICERS[start.above])).filter(|above| above.as_str() != *id);
        world.people.profiles.insert(officer.user.clone(), officer);
    }
    for (id, (of, above)) in USERS.iter().zip(users) {
        let mut one = an_account(id, AGENCIES[*of], Category::General, &[], now);
        one.control_officer = Some(user(OFFICERS[*above]));
        one.standing.ncic_passed = Some(now);
        world.people.profiles.insert(one.user.clone(), one);
    }
    // s0 is national for ICE: he may put accounts under others, as far as the rules let him.
    world.people.agencies.get_mut(&agency("ICE")).expect("there").national = BTreeSet::from([user("s0")]);
    for (id, functions) in [("lane", [PrimaryQuery, SubjectQuery]), ("out", [Export, NcicQuery])] {
        let functions = functions.into_iter().collect();
        let role = Role { id: role_id(id), functions, put: by("head", now), version: 1 };
        world.people.roles.insert(role.id.clone(), vec![role]);
    }
    world
}

fn change(act: &Act, start: UnixMillis) -> Option<UserChange> {
    let assignment = |function: usize, from: u64, length: u64| {
        let (from, to) = (UnixMillis(start.0 + from), UnixMillis(start.0 + from + length));
        Assignment { function: GAINED[function], from, to }
    };
    Some(match act {
        Act::Grant(function) => UserChange::Grant(Grant::Function(GAINED[*function])),
        Act::Role(at) => UserChange::Grant(Grant::Role(role_id(["lane", "out"][*at]))),
        Act::Revoke(function) => UserChange::Revoke(Grant::Function(GAINED[*function])),
        Act::Open(function, from, length) => UserChange::OpenTransaction(assignment(*function, *from, *length)),
        Act::Close(function, from, length) => UserChange::CloseTransaction(assignment(*function, *from, *length)),
        Act::Affirm => UserChange::Affirm(()),
        Act::Under(officer) => {
            let control_officer = user(OFFICERS[*officer]);
            UserChange::Superiors(Superiors { control_officer, supervisors: BTreeSet::new() })
        }
        Act::Assign(pairs) => UserChange::Assign(rights_of(pairs)),
        Act::Suspend => UserChange::Suspend(Cause::ControlOfficer),
        Act::Reinstate => UserChange::Reinstate(()),
        Act::Certify => UserChange::Certify(()),
        Act::Shut => UserChange::Close(()),
        Act::Wait(_) => return None,
    })
}

/// Every function that an account holds at any time, by whatever it was granted.
fn held(world: &World, profile: &Profile) -> BTreeSet<Function> {
    let of_roles = profile.roles.keys().filter_map(|id| world.people.roles.get(id)?.last());
    let of_roles = of_roles.flat_map(|role| role.functions.iter().copied());
    let of_transactions = profile.transactions.iter().map(|one| one.function);
    of_roles.chain(profile.functions.keys().copied()).chain(of_transactions).collect()
}

/// The union over all control officers of what they use and assign.
fn use_and_assign(world: &World) -> BTreeSet<Function> {
    let mut all = BTreeSet::new();
    for officer in OFFICERS.map(|id| world.account(id)) {
        let assigns: BTreeSet<Function> = officer.assign.iter().map(|right| right.function).collect();
        all.extend(held(world, &officer).intersection(&assigns));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn t17_no_sequence_of_what_scos_do_gives_a_function_outside_what_they_used_and_assigned(
        starts in prop::collection::vec(start(), OFFICERS.len()),
        users in prop::collection::vec((0..2usize, 0..OFFICERS.len()), USERS.len()),
        acts in prop::collection::vec((0..OFFICERS.len(), 0..7usize, act()), 0..60),
    ) {
        let mut world = world(&starts, &users);
        let begun = world.time;
        let bound = use_and_assign(&world);
        let everybody = everybody();
        let before: Vec<BTreeSet<Function>> = everybody.iter().map(|id| held(&world, &world.account(id))).collect();
        let assign_before: Vec<_> = OFFICERS.map(|id| world.account(id).assign).into();
        for (who, whom, act) in acts {
            match change(&act, begun) {
                Some(change) => {
                    let outcome = world.change(OFFICERS[who], everybody[whom], change);
                    prop_assert!(matches!(outcome, Outcome::Changed(_) | Outcome::Refused(_)));
                }
                None => world.time.0 += if let Act::Wait(ms) = act { ms } else { 0 },
            }
            for (id, before) in everybody.iter().zip(&before) {
                let gained: BTreeSet<Function> = held(&world, &world.account(id)).difference(before).copied().collect();
                prop_assert!(gained.is_subset(&bound), "{} has {:?}, bound is {:?}", id, gained, bound);
            }
            for (id, before) in OFFICERS.iter().zip(&assign_before) {
                prop_assert!(world.account(id).assign.is_subset(before), "nobody widens what {} may assign", id);
            }
        }
    }
}

/// The property says nothing if nothing is ever granted: over fixed starts, what is granted is counted.
#[test]
fn t17_two_scos_in_a_ring_share_what_each_may_give_and_no_more() {
    let start = |uses: &[usize], assigns: &[(usize, usize)], above| {
        let (uses, assigns) = (uses.to_vec(), assigns.to_vec());
        Start { uses, assigns, whiles: Vec::new(), agency: 0, above }
    };
    let idle = || start(&[], &[], 0);
    let starts = [start(&[0, 2], &[(0, 0)], 1), start(&[1], &[(1, 0), (2, 0)], 0), idle(), idle()];
    let mut world = world(&starts, &[(0, 0), (0, 1), (0, 2)]);
    let grant = |function| UserChange::Grant(Grant::Function(function));
    done(world.change("s0", "s1", grant(PrimaryQuery)));
    done(world.change("s1", "s0", grant(SubjectQuery)));
    assert_eq!(rule(&world.change("s0", "u0", grant(SubjectQuery))), "not-entitled R21 DELEG", "uses, does not assign");
    assert_eq!(rule(&world.change("s1", "u1", grant(PrimaryQuery))), "not-entitled R21 DELEG");
    assert_eq!(
        rule(&world.change("s1", "u1", grant(LookoutCreate))),
        "not-entitled R21 DELEG",
        "assigns, does not use"
    );
    assert_eq!(rule(&world.change("s0", "s1", grant(LookoutCreate))), "not-entitled R21 DELEG", "so he never gets it");
    done(world.change("s0", "u0", grant(PrimaryQuery)));
}
