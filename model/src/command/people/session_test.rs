//! Sessions in the directory: who begins one, which ones end.

use crate::access::function::Function;
use crate::access::principal::Category;
use crate::audit::merkle::Hash;
use crate::command::people::session::{BeginSession, EndSession, SeenSessions};
use crate::command::people::testing::*;
use crate::command::people::user::UserChange;
use crate::command::testing::*;
use crate::command::{Command, Outcome};
use crate::envelope::Envelope;
use crate::error::RefusalCode;
use crate::ids::PortId;
use crate::people::profile::Cause;
use crate::session::{IDLE_MAX_MS, LogOnPath, banner_digest};
use crate::time::UnixMillis;

fn begin(number: u8, station: &str, banner: Hash) -> Command {
    Command::BeginSession(BeginSession {
        handle: [number; 32],
        station: PortId::new(station).expect("code"),
        path: LogOnPath::Certificate,
        certificate: Some([9; 32]),
        banner,
        event: event(),
    })
}

fn with_station() -> World {
    let mut world = World::with_people();
    world.edit("officer", |it| it.stations = [PortId::new("2404").expect("code")].into());
    world
}

fn log_on(world: &mut World, number: u8) -> Outcome {
    world.ask("officer", begin(number, "2404", banner_digest()))
}

fn live(world: &World) -> Vec<u8> {
    world.people.sessions.keys().map(|handle| handle[0]).collect()
}

fn end(of: &str, number: Option<u8>) -> Command {
    Command::EndSession(EndSession { user: user(of), handle: number.map(|number| [number; 32]), event: event() })
}

#[test]
fn r08_r14_a_session_begins_with_the_banner_in_force_and_at_a_station_of_ones_own() {
    let mut world = with_station();
    assert_eq!(rule(&world.ask("officer", begin(1, "2404", [0; 32]))), "not-entitled R08 CONSENT");
    assert_eq!(rule(&world.ask("officer", begin(1, "9999", banner_digest()))), "not-entitled R14 STATION");
    assert_eq!(rule(&world.ask("nobody", begin(1, "2404", banner_digest()))), "not-entitled R23 SUSPEND");
    assert!(world.people.sessions.is_empty());
    assert!(matches!(log_on(&mut world, 1), Outcome::Changed(_)));
    let session = &world.people.sessions[&[1; 32]];
    assert_eq!((session.user.as_str(), session.banner, session.epoch), ("officer", banner_digest(), 0));
    assert_eq!(world.account("officer").last_activity, session.begun);
    assert!(matches!(log_on(&mut world, 1), Outcome::Refused(_)), "a handle is good once");
}

#[test]
fn r04_whoever_lacks_the_course_signs_on_to_hear_of_it_and_who_has_no_investigation_does_not() {
    let mut world = with_station();
    world.edit("officer", |it| it.standing.course_passed = None);
    assert!(matches!(log_on(&mut world, 1), Outcome::Changed(_)));
    world.edit("officer", |it| it.standing.background = None);
    assert_eq!(rule(&log_on(&mut world, 2)), "not-entitled R01 BI_NONE");
}

#[test]
fn of_two_sessions_the_older_ends_when_a_third_begins() {
    let mut world = with_station();
    for number in 1..=3 {
        log_on(&mut world, number);
        world.time = UnixMillis(world.time.0 + 1);
    }
    assert_eq!(live(&world), [2, 3]);
}

#[test]
fn r23_a_suspension_leaves_no_session_good() {
    let mut world = with_station();
    log_on(&mut world, 1);
    world.change("sco", "officer", UserChange::Suspend(Cause::ControlOfficer));
    let (session, account) = (&world.people.sessions[&[1; 32]], world.account("officer"));
    assert!(session.check(world.time, Some([9; 32]), account.epoch).is_err());
    assert_eq!(rule(&log_on(&mut world, 2)), "not-entitled R23 SUSPEND");
}

#[test]
fn everybody_ends_his_own_and_anothers_only_who_may() {
    let mut world = with_station();
    log_on(&mut world, 1);
    log_on(&mut world, 2);
    assert_eq!(rule(&world.ask("boss", end("officer", Some(1)))), "not-entitled R11 FUNC");
    assert!(matches!(world.ask("officer", end("officer", Some(1))), Outcome::Changed(_)));
    assert_eq!(live(&world), [2]);
    let again = world.ask("officer", end("officer", Some(1)));
    assert!(matches!(again, Outcome::Refused(ref it) if it.code == RefusalCode::UnknownObject));
    assert!(matches!(world.ask("officer", end("officer", None)), Outcome::Changed(_)));
    assert!(live(&world).is_empty());
    log_on(&mut world, 3);
    let mut auditor =
        an_account("auditor", "CBP", Category::SecurityAdministrator, &[Function::SessionEnd], world.time);
    world.people.profiles.insert(auditor.user.clone(), auditor.clone());
    assert!(matches!(world.ask("auditor", end("officer", None)), Outcome::Changed(_)));
    log_on(&mut world, 4);
    auditor.category = Category::Supervisor;
    world.people.profiles.insert(auditor.user.clone(), auditor);
    assert_eq!(rule(&world.ask("auditor", end("officer", None))), "not-entitled R09 DUTY");
}

#[test]
fn a_sign_of_life_keeps_a_session_and_wakes_none_that_has_ended() {
    let mut world = with_station();
    log_on(&mut world, 1);
    let begun = world.people.sessions[&[1; 32]].seen;
    let seen = |world: &mut World, at: u64, caller: bool| {
        let command =
            Command::SeenSessions(SeenSessions { seen: vec![([1; 32], UnixMillis(at)), ([7; 32], UnixMillis(at))] });
        let mut envelope = world.asked("officer", command);
        envelope.caller = envelope.caller.filter(|_| caller);
        world.apply(&Envelope { decision: None, ..envelope })
    };
    world.time = UnixMillis(begun.0 + IDLE_MAX_MS + 50);
    assert_eq!(seen(&mut world, begun.0 + 10, false), Outcome::Done(()));
    assert_eq!(world.people.sessions[&[1; 32]].seen.0, begun.0 + 10);
    seen(&mut world, begun.0 + 5, false);
    assert_eq!(world.people.sessions[&[1; 32]].seen.0, begun.0 + 10, "never back");
    seen(&mut world, begun.0 + IDLE_MAX_MS + 20, false);
    assert_eq!(world.people.sessions[&[1; 32]].seen.0, begun.0 + 10, "over is over");
    assert!(matches!(seen(&mut world, begun.0 + 20, true), Outcome::Refused(_)), "no caller says so of himself");
}
