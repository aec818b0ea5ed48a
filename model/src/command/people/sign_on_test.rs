//! Log-on by password in the directory: what is taken once, what is counted, what locks and who opens.

use proptest::prelude::*;

use crate::access::principal::Category;
use crate::audit::event::EventKind;
use crate::command::people::session::BeginSession;
use crate::command::people::sign_on::{BeginPasswordSession, FailLogOn, LockSession, ProveSession, SetBy, SetPassword};
use crate::command::people::testing::*;
use crate::command::people::user::UserChange;
use crate::command::testing::*;
use crate::command::{Command, Outcome};
use crate::error::RefusalCode;
use crate::ids::{PortId, Token};
use crate::people::founding::proof;
use crate::people::profile::{Cause, INACTIVE_MS};
use crate::people::{Ceremony, Credential, LogOnFault, Proven};
use crate::session::{FACTOR_FRESH_MS, IDLE_MAX_MS, LogOnPath, banner_digest};
use crate::time::UnixMillis;
use crate::totp::{STEP_MS, step_of};

fn begin(number: u8, station: &str, proven: Proven) -> Command {
    let session = BeginSession {
        handle: [number; 32],
        station: PortId::new(station).expect("code"),
        path: LogOnPath::Password,
        certificate: Some([9; 32]),
        banner: banner_digest(),
        event: event(),
    };
    Command::BeginPasswordSession(BeginPasswordSession { session, proven })
}

fn by_certificate(number: u8) -> Command {
    Command::BeginSession(BeginSession {
        handle: [number; 32],
        station: PortId::new("2404").expect("code"),
        path: LogOnPath::Certificate,
        certificate: Some([8; 32]),
        banner: banner_digest(),
        event: event(),
    })
}

fn set(by: SetBy, codes: bool) -> Command {
    let codes = codes.then(|| sealed("codes"));
    let content = Token([7; 16]);
    Command::SetPassword(SetPassword { by, password: sealed("hash"), codes, content, event: event() })
}

fn failure(fault: LogOnFault) -> Command {
    Command::FailLogOn(FailLogOn { fault, event: event() })
}

fn lock(number: u8) -> Command {
    Command::LockSession(LockSession { handle: [number; 32], event: event() })
}

fn prove(number: u8, certificate: u8, proven: Option<Proven>) -> Command {
    let certificate = Some([certificate; 32]);
    Command::ProveSession(ProveSession { handle: [number; 32], certificate, proven, event: event() })
}

/// `officer`, who works at 2404 and has set his factors.
fn enrolled() -> World {
    let mut world = World::with_people();
    world.edit("officer", |it| it.stations = [PortId::new("2404").expect("code")].into());
    done(world.change("sco", "officer", UserChange::Enrol(Ceremony::of(b"secret").digest)));
    done(world.ask("officer", set(SetBy::Enrolment(proof(b"secret")), true)));
    world
}

/// What a node proves now, by a code so many steps from now.
fn now(world: &World, steps: i64) -> Proven {
    let step = step_of(world.time).checked_add_signed(steps).expect("a step");
    Proven { version: credential(world).version, step }
}

fn credential(world: &World) -> Credential {
    world.people.credentials[&user("officer")].clone()
}

#[track_caller]
fn code(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Refused(refusal) => refusal.code.code(),
        other => panic!("not refused: {other:?}"),
    }
}

fn told(world: &World, kind: EventKind) -> usize {
    world.outbox().iter().filter(|event| event.header.kind() == Some(kind)).count()
}

#[test]
fn a_secret_of_enrolment_sets_factors_once_and_is_issued_by_who_keeps_the_account() {
    let mut world = World::with_people();
    let digest = Ceremony::of(b"secret").digest;
    assert_eq!(rule(&world.change("boss", "officer", UserChange::Enrol(digest))), "not-entitled R11 FUNC");
    assert_eq!(rule(&world.change("sco", "sco", UserChange::Enrol(digest))), "separation-of-duties R09 DUTY");
    let by = || SetBy::Enrolment(proof(b"secret"));
    assert_eq!(code(world.ask("officer", set(by(), true))), "log-on-refused", "none was issued");
    done(world.change("sco", "officer", UserChange::Enrol(digest)));
    assert_eq!(code(world.ask("officer", set(SetBy::Enrolment(proof(b"guess")), true))), "log-on-refused");
    assert_eq!(code(world.ask("boss", set(by(), true))), "log-on-refused", "somebody else's");
    assert_eq!(code(world.ask("officer", set(by(), false))), "invalid", "without codes");
    done(world.change("sco", "officer", UserChange::Enrol(digest)));
    done(world.ask("officer", set(by(), true)));
    assert_eq!(code(world.ask("officer", set(by(), true))), "log-on-refused", "once");
    assert!(told(&world, EventKind::PasswordLock) == 0, "what is not guessed is not counted");
}

#[test]
fn t11_a_code_begins_one_session_and_a_change_of_the_password_ends_those_of_before() {
    let mut world = enrolled();
    let proven = now(&world, 0);
    done(world.ask("officer", begin(1, "2404", proven)));
    let session = world.people.sessions[&[1; 32]].clone();
    assert_eq!((session.path, session.factor, session.begun), (LogOnPath::Password, world.time, world.time));
    assert_eq!(code(world.ask("officer", begin(2, "2404", proven))), "log-on-refused", "on another node");
    assert_eq!(credential(&world).failures.len(), 1, "a code shown twice counts");
    let earlier = now(&world, -1);
    assert_eq!(code(world.ask("officer", begin(3, "2404", earlier))), "log-on-refused", "one of before");
    done(world.ask("officer", by_certificate(4)));
    world.time.0 += STEP_MS;
    let change = set(SetBy::Factors(now(&world, 0)), false);
    done(world.ask("officer", change));
    assert_eq!(world.people.sessions.keys().map(|handle| handle[0]).collect::<Vec<_>>(), [4]);
    world.time.0 += STEP_MS;
    let stale = Proven { version: 1, step: step_of(world.time) };
    assert_eq!(code(world.ask("officer", begin(5, "2404", stale))), "log-on-refused", "proven of the old password");
    let fresh = now(&world, 0);
    done(world.ask("officer", begin(6, "2404", fresh)));
}

#[test]
fn a_code_is_taken_though_the_session_does_not_begin_and_the_reason_is_told_to_who_proved_himself() {
    let mut world = enrolled();
    let proven = now(&world, 0);
    assert_eq!(rule(&world.ask("officer", begin(1, "9999", proven))), "not-entitled R14 STATION");
    assert_eq!(code(world.ask("officer", begin(2, "2404", proven))), "log-on-refused");
    world.change("sco", "officer", UserChange::Suspend(Cause::ControlOfficer));
    world.time.0 += STEP_MS;
    let proven = now(&world, 0);
    assert_eq!(rule(&world.ask("officer", begin(3, "2404", proven))), "not-entitled R23 SUSPEND");
}

#[test]
fn t12_failures_lock_the_path_of_the_password_alone_and_the_control_officer_opens_it() {
    let mut world = enrolled();
    for tried in 1..=5 {
        assert_eq!(code(world.ask("officer", failure(LogOnFault::Password))), "log-on-refused");
        assert_eq!(credential(&world).locked.is_some(), tried == 5, "{tried}");
    }
    assert_eq!((told(&world, EventKind::PasswordLock), credential(&world).failures.len()), (1, 5));
    for _ in 0..100 {
        world.ask("officer", failure(LogOnFault::Code));
    }
    assert_eq!(credential(&world).failures.len(), 5, "what is locked grows no more");
    let good = now(&world, 0);
    assert_eq!(code(world.ask("officer", begin(1, "2404", good))), "log-on-refused", "locked");
    done(world.ask("officer", by_certificate(2)));
    assert!(matches!(world.account("officer").state, crate::people::AccountState::Active(_)));
    assert_eq!(rule(&world.change("boss", "officer", UserChange::Unlock(()))), "not-entitled R11 FUNC");
    done(world.change("sco", "officer", UserChange::Unlock(())));
    done(world.ask("officer", begin(3, "2404", good)));
}

#[test]
fn t12_the_privileged_lock_after_three_and_what_is_no_guess_is_not_counted() {
    let mut world = enrolled();
    world.edit("officer", |it| it.category = Category::Maintenance);
    for fault in [LogOnFault::Unknown, LogOnFault::Stale, LogOnFault::Locked, LogOnFault::Enrolment] {
        world.ask("officer", failure(fault));
    }
    assert!(credential(&world).failures.is_empty());
    for fault in [LogOnFault::Password, LogOnFault::Code, LogOnFault::Password] {
        assert!(credential(&world).locked.is_none());
        world.ask("officer", failure(fault));
    }
    assert!(credential(&world).locked.is_some());
    // Who has no password, and who does not exist, leave an event and nothing else.
    let before = world.people.credentials.clone();
    for nobody in ["boss", "nobody"] {
        assert_eq!(code(world.ask(nobody, failure(LogOnFault::Unknown))), "log-on-refused");
    }
    assert_eq!(world.people.credentials, before);
    let refused = |fault: LogOnFault| {
        world.outbox().iter().filter(|event| event.header.code.as_deref() == Some(fault.code())).count()
    };
    assert_eq!((refused(LogOnFault::Password), refused(LogOnFault::Unknown)), (2, 3), "each failure is an event");
}

#[test]
fn an_account_that_nobody_used_for_35_days_logs_on_by_no_path_until_it_is_opened() {
    let mut world = enrolled();
    done(world.ask("officer", by_certificate(1)));
    assert_eq!(world.account("officer").last_activity, world.time, "a log-on is an activity");
    world.time.0 += INACTIVE_MS - 2;
    done(world.ask("officer", by_certificate(2)));
    world.time.0 += INACTIVE_MS;
    let proven = now(&world, 0);
    assert_eq!(code(world.ask("officer", by_certificate(3))), RefusalCode::Inactive.code());
    assert_eq!(code(world.ask("officer", begin(4, "2404", proven))), RefusalCode::Inactive.code());
    for keeper in ["sco", "officer"] {
        let day_before = UnixMillis(world.time.0 - DAY_MS);
        world.edit(keeper, |it| it.standing.course_passed = Some(day_before));
    }
    done(world.change("sco", "officer", UserChange::Unlock(())));
    done(world.ask("officer", by_certificate(5)));
    // Somebody must be left to open the others.
    world.edit("root", |it| it.stations = [PortId::new("2404").expect("code")].into());
    done(world.ask("root", by_certificate(6)));
}

#[test]
fn a_locked_session_is_opened_by_the_factor_that_began_it_on_its_own_certificate() {
    let mut world = enrolled();
    done(world.ask("officer", by_certificate(1)));
    let factor = now(&world, 0);
    done(world.ask("officer", begin(2, "2404", factor)));
    assert_eq!(code(world.ask("boss", lock(1))), "unknown-object", "somebody else's");
    done(world.ask("officer", lock(1)));
    done(world.ask("officer", lock(2)));
    assert!(world.people.sessions.values().all(|session| session.locked));
    world.time.0 += FACTOR_FRESH_MS;
    let fresh = now(&world, 0);
    for (command, why) in [
        (prove(1, 7, None), "another certificate"),
        (prove(1, 8, Some(fresh)), "another factor"),
        (prove(2, 9, None), "no factor"),
    ] {
        assert_eq!(code(world.ask("officer", command)), "wrong-state", "{why}");
    }
    assert_eq!(code(world.ask("officer", prove(2, 9, Some(factor)))), "log-on-refused", "a used code");
    world.time.0 += STEP_MS;
    let fresh = now(&world, 0);
    done(world.ask("officer", prove(2, 9, Some(fresh))));
    done(world.ask("officer", prove(1, 8, None)));
    for session in world.people.sessions.values() {
        assert!(!session.locked && session.is_fresh(world.time));
    }
    world.time.0 += IDLE_MAX_MS;
    assert_eq!(code(world.ask("officer", prove(1, 8, None))), "unknown-object", "over is over");
}

proptest! {
    /// Two log-ons with whatever codes, and failures between them, in every order: no code begins two sessions, and none begins one
    /// while the path is locked.
    #[test]
    fn t11_t12_no_order_of_log_ons_takes_a_code_twice_or_passes_a_lock(
        shown in proptest::collection::vec(proptest::option::of((-1i64..=1, 0u64..STEP_MS)), 1..24),
    ) {
        let mut world = enrolled();
        let mut taken = Vec::new();
        for (number, shown) in shown.into_iter().enumerate() {
            let locked = credential(&world).locked.is_some();
            match shown {
                None => drop(world.ask("officer", failure(LogOnFault::Password))),
                Some((steps, wait)) => {
                    world.time.0 += wait;
                    let proven = now(&world, steps);
                    if matches!(world.ask("officer", begin(number as u8 + 1, "2404", proven)), Outcome::Changed(_)) {
                        prop_assert!(!locked);
                        prop_assert!(!taken.contains(&proven.step));
                        taken.push(proven.step);
                    }
                }
            }
        }
    }
}
