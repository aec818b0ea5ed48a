//! What a client does when nodes are down, hang, refuse and break off.

use std::time::Duration;

use proto::v1;
use tonic::Status;

use crate::ErrorKind;
use crate::fake::Behaviour::{BreakAfter, Down, Fail, Hang, Part, Work};
use crate::fake::{Fake, client, client_that};

const SHORT: Duration = Duration::from_millis(600);
const LONG: Duration = Duration::from_secs(10);

fn with_code(mut status: Status, code: &'static str) -> Status {
    status.metadata_mut().insert(proto::metadata::CODE, code.parse().expect("ascii"));
    status
}

#[tokio::test]
async fn a_question_goes_past_nodes_that_are_down_or_hang_and_the_next_one_begins_where_it_worked() {
    let fake = Fake::new([&[Down], &[Hang], &[Work]]);
    let client = client(&fake, LONG);
    client.screen(v1::ScreenRequest::default()).await.expect("answered");
    client.screen(v1::ScreenRequest::default()).await.expect("answered");
    assert_eq!(fake.calls("n2:1").len(), 1);
    assert_eq!(fake.calls("n3:1"), ["officer", "officer"]);
}

#[tokio::test]
async fn a_partial_answer_is_given_only_when_neighbours_have_no_whole_one_in_time() {
    let asked = |fake: &Fake| ["n1:1", "n2:1", "n3:1", "n4:1"].map(|node| fake.calls(node).len());
    for (scripts, partial, expected) in [
        ([[Part], [Down], [Work], [Work]], false, [1, 0, 1, 0]),
        ([[Part], [Part], [Part], [Work]], true, [1, 1, 1, 0]),
        ([[Down], [Part], [Hang], [Work]], true, [0, 1, 1, 0]),
    ] {
        let fake = Fake::new(scripts.each_ref().map(|script| &script[..]));
        let answer = client(&fake, LONG).screen(v1::ScreenRequest::default()).await.expect("answered");
        assert_eq!((answer.partial, asked(&fake)), (partial, expected));
    }
    let alone = Fake::new([&[Part]]);
    assert!(client(&alone, LONG).screen(v1::ScreenRequest::default()).await.expect("answered").partial);
    assert_eq!(alone.calls("n1:1").len(), 1);
}

#[tokio::test]
async fn a_verdict_ends_the_call_at_once() {
    let verdict = with_code(Status::failed_precondition("is version 3"), "stale-version");
    let fake = Fake::new([&[Fail(verdict)], &[Work]]);
    let error = client(&fake, LONG).create_lookout(v1::CreateLookoutRequest::default()).await.expect_err("refused");
    assert_eq!((error.kind, error.code.as_str(), error.outcome_unknown), (ErrorKind::Refused, "stale-version", false));
    assert!(fake.calls("n2:1").is_empty());
}

#[tokio::test]
async fn a_write_keeps_its_request_id_over_all_attempts() {
    let fake = Fake::new([&[Hang], &[Fail(Status::unavailable("stopping"))], &[Work]]);
    client(&fake, LONG).create_lookout(v1::CreateLookoutRequest::default()).await.expect("done");
    let calls = [fake.calls("n1:1"), fake.calls("n2:1"), fake.calls("n3:1")].concat();
    assert_eq!(calls.len(), 3);
    assert!(calls[0].len() == 32 && calls.iter().all(|id| *id == calls[0]));
}

#[tokio::test]
async fn a_write_that_may_have_reached_a_node_ends_as_unknown_and_one_that_did_not_does_not() {
    let hanging = Fake::new([&[Hang], &[Down]]);
    let message = v1::CreateLookoutRequest { request_id: "07".repeat(16), ..Default::default() };
    let error = client(&hanging, SHORT).create_lookout(message.clone()).await.expect_err("nobody answers");
    assert!(error.outcome_unknown && error.kind == ErrorKind::Unavailable);
    assert_eq!(error.request_id.map(|id| id.to_string()), Some("07".repeat(16)));

    let down = Fake::new([&[Down], &[Down]]);
    let error = client(&down, SHORT).create_lookout(message).await.expect_err("nobody is there");
    assert!(!error.outcome_unknown && error.kind == ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn a_write_that_may_have_been_done_is_settled_by_a_later_attempt_that_knows_of_it_alone() {
    let refused = |code| Fail(with_code(Status::failed_precondition("no"), code));
    for (later, unknown) in [
        (refused("stale-version"), false),
        (refused("request-too-old"), true),
        (Fail(with_code(Status::internal("a fault"), "internal")), true),
    ] {
        let fake = Fake::new([&[Fail(Status::unknown("transport error"))], &[later]]);
        let error = client(&fake, LONG).create_lookout(v1::CreateLookoutRequest::default()).await.expect_err("fails");
        assert_eq!(error.outcome_unknown, unknown, "{error}");
        assert!(error.request_id.is_some());
    }
}

#[tokio::test]
async fn a_change_of_the_cluster_that_may_have_been_done_is_not_repeated_and_given_again_goes_to_another_node() {
    let mut unknown = with_code(Status::unknown("the outcome is not known"), "outcome-unknown");
    unknown.metadata_mut().insert(proto::metadata::OUTCOME, "unknown".parse().expect("ascii"));
    let broken = Status::unknown("transport error");
    for first in [Fail(broken), Fail(with_code(Status::deadline_exceeded("late"), "deadline")), Fail(unknown)] {
        let fake = Fake::new([&[first], &[Work]]);
        let client = client(&fake, LONG);
        let error = client.remove_node(v1::RemoveNodeRequest { node: 3 }).await.expect_err("unknown");
        assert!(error.outcome_unknown && error.request_id.is_none(), "{error}");
        assert!(error.to_string().contains("before you repeat it"), "{error}");
        assert!(fake.calls("n2:1").is_empty());
        client.remove_node(v1::RemoveNodeRequest { node: 3 }).await.expect("done");
        assert_eq!(fake.calls("n2:1"), ["3"]);
    }
}

#[tokio::test]
async fn a_change_of_the_cluster_that_was_surely_not_begun_is_tried_at_the_next_node() {
    for first in [Down, Fail(with_code(Status::unavailable("no leader"), "unavailable"))] {
        let fake = Fake::new([&[first], &[Work]]);
        client(&fake, LONG).remove_node(v1::RemoveNodeRequest { node: 3 }).await.expect("done");
        assert_eq!(fake.calls("n2:1"), ["3"]);
    }
    let refused = Fake::new([&[Fail(with_code(Status::invalid_argument("node: no"), "invalid"))], &[Work]]);
    let error = client(&refused, LONG).remove_node(v1::RemoveNodeRequest { node: 3 }).await.expect_err("refused");
    assert_eq!((error.kind, error.outcome_unknown), (ErrorKind::Invalid, false));
}

#[tokio::test]
async fn a_client_of_one_endpoint_asks_no_other() {
    let fake = Fake::new([&[Work], &[Down], &[Work]]);
    let mut alone = client(&fake, LONG).per_endpoint(SHORT);
    assert_eq!(alone.len(), 3);
    alone[2].screen(v1::ScreenRequest::default()).await.expect("answered");
    alone.remove(1).screen(v1::ScreenRequest::default()).await.expect_err("is down");
    assert_eq!((fake.calls("n1:1").len(), fake.calls("n3:1").len()), (0, 1));
    assert_eq!(alone[1].config().endpoints, ["n3:1"]);
}

#[tokio::test]
async fn a_question_never_has_an_unknown_outcome() {
    let fake = Fake::new([&[Hang]]);
    let error = client(&fake, SHORT).screen(v1::ScreenRequest::default()).await.expect_err("nobody answers");
    assert!(!error.outcome_unknown && error.request_id.is_none());
}

#[tokio::test]
async fn a_node_that_asks_for_patience_gets_it() {
    let mut busy = with_code(Status::resource_exhausted("busy"), "busy");
    busy.metadata_mut().insert(proto::metadata::RETRY_MS, "150".parse().expect("ascii"));
    let fake = Fake::new([&[Fail(busy), Work]]);
    let started = tokio::time::Instant::now();
    client(&fake, LONG).screen(v1::ScreenRequest::default()).await.expect("answered");
    assert!(started.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn a_node_that_is_busy_is_asked_by_none_of_a_clients_calls_before_it_may_be() {
    let mut busy = with_code(Status::resource_exhausted("busy"), "busy");
    busy.metadata_mut().insert(proto::metadata::RETRY_MS, "60000".parse().expect("ascii"));
    let fake = Fake::new([&[Fail(busy.clone())][..], &[Fail(busy)]]);
    let client = client(&fake, LONG);
    let started = tokio::time::Instant::now();
    for _ in 0..5 {
        let error = client.screen(v1::ScreenRequest::default()).await.expect_err("nobody has room");
        assert_eq!((error.code.as_str(), error.kind), ("busy", ErrorKind::Unavailable));
    }
    assert!(started.elapsed() < LONG, "what would come too late is said at once");
    assert_eq!((fake.calls("n1:1").len(), fake.calls("n2:1").len()), (1, 1), "each node refused once");
    // What gives way is another matter to a node, and so is a write.
    client.giving_way().screen(v1::ScreenRequest::default()).await.expect_err("nobody has room");
    assert_eq!(fake.calls("n1:1").len() + fake.calls("n2:1").len(), 3);
}

#[tokio::test]
async fn whatever_else_a_node_says_it_is_no_longer_busy() {
    let mut busy = with_code(Status::resource_exhausted("busy"), "busy");
    busy.metadata_mut().insert(proto::metadata::RETRY_MS, "20".parse().expect("ascii"));
    let refused = with_code(Status::failed_precondition("no"), "refused");
    for other in [Fail(refused), Part] {
        let fake = Fake::new([&[Fail(busy.clone()), other, Work]]);
        let client = client(&fake, LONG);
        drop(client.screen(v1::ScreenRequest::default()).await);
        let started = tokio::time::Instant::now();
        for _ in 0..3 {
            client.screen(v1::ScreenRequest::default()).await.expect("answered");
        }
        assert!(started.elapsed() < Duration::from_millis(200), "took {:?}", started.elapsed());
    }
}

/// Asks so many questions at once; how long all answers took.
async fn all_answered(client: &crate::Client, questions: usize) -> Duration {
    let started = tokio::time::Instant::now();
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..questions {
        let client = client.clone();
        asked.spawn(async move { client.screen(v1::ScreenRequest::default()).await });
    }
    while let Some(answer) = asked.join_next().await {
        answer.expect("asked").expect("answered");
    }
    started.elapsed()
}

#[tokio::test]
async fn all_calls_that_wait_for_a_busy_node_are_answered_soon_after_one_found_room_there() {
    let mut busy = with_code(Status::resource_exhausted("busy"), "busy");
    busy.metadata_mut().insert(proto::metadata::RETRY_MS, "50".parse().expect("ascii"));
    let fake = Fake::new([&[Fail(busy.clone()), Fail(busy), Work]]);
    let client = client(&fake, LONG);
    client.screen(v1::ScreenRequest::default()).await.expect("answered");
    let took = all_answered(&client, 64).await;
    assert!(took < Duration::from_secs(2), "took {took:?}");
    assert_eq!(fake.calls("n1:1").len(), 3 + 64);
}

#[tokio::test]
async fn a_call_that_hangs_at_a_node_that_was_busy_holds_up_the_others_for_a_moment_alone() {
    let mut busy = with_code(Status::resource_exhausted("busy"), "busy");
    busy.metadata_mut().insert(proto::metadata::RETRY_MS, "20".parse().expect("ascii"));
    let fake = Fake::new([&[Fail(busy), Hang, Work]]);
    let took = all_answered(&client(&fake, LONG), 3).await;
    assert!(took < Duration::from_secs(2), "took {took:?}");
}

#[tokio::test]
async fn who_is_told_to_slow_down_waits_and_asks_no_other_node_instead() {
    let mut slower = with_code(Status::resource_exhausted("slow down"), "slow-down");
    slower.metadata_mut().insert(proto::metadata::RETRY_MS, "150".parse().expect("ascii"));
    let fake = Fake::new([&[Fail(slower.clone()), Work][..], &[Work]]);
    let started = tokio::time::Instant::now();
    client(&fake, LONG).screen(v1::ScreenRequest::default()).await.expect("answered");
    assert!(started.elapsed() >= Duration::from_millis(150));
    assert_eq!((fake.calls("n1:1").len(), fake.calls("n2:1").len()), (2, 0), "the same node, twice");
    // A hint beyond the deadline ends the call at once, with what the node said.
    slower.metadata_mut().insert(proto::metadata::RETRY_MS, "60000".parse().expect("ascii"));
    let fake = Fake::new([&[Fail(slower)][..], &[Work]]);
    let started = tokio::time::Instant::now();
    let error = client(&fake, LONG).screen(v1::ScreenRequest::default()).await.expect_err("must wait longer");
    assert_eq!((error.code.as_str(), error.kind), (crate::SLOW_DOWN, ErrorKind::Unavailable));
    assert!(started.elapsed() < LONG && fake.calls("n2:1").is_empty());
}

fn entries(row: u64) -> Vec<v1::ImportEntry> {
    vec![v1::ImportEntry { row, source_ref: row.to_string(), lookout: None }]
}

#[tokio::test]
async fn a_broken_import_goes_on_at_the_next_node_with_what_was_not_acknowledged() {
    let fake = Fake::new([&[BreakAfter(3)], &[Work]]);
    let mut session = client(&fake, LONG).begin_import("list", &"0a".repeat(16)).await.expect("begins");
    let mut acknowledged = Vec::new();
    for row in 1..=8 {
        acknowledged.extend(session.send(entries(row)).await.expect("sends"));
    }
    while let Some(done) = session.acknowledged().await.expect("acknowledged") {
        acknowledged.push(done);
    }
    let rows: Vec<u64> = acknowledged.iter().map(|done| done.entries[0].row).collect();
    assert_eq!(rows, (1..=8).collect::<Vec<u64>>());
    assert_eq!(session.finish().await.expect("finishes").removed, 9);
    let second = fake.calls("n2:1");
    assert_eq!(second.first().map(String::as_str), Some(format!("begin {}", "0a".repeat(16)).as_str()));
    // An acknowledgement that was on its way when the stream broke may be lost; what was taken in is not sent again.
    let resent: Vec<String> = (1..=8).map(|row| format!("batch {row}")).collect();
    assert!(resent.ends_with(&second[1..]) && (6..8).contains(&(second.len() - 1)), "{second:?}");
}

#[tokio::test]
async fn an_import_that_is_refused_ends() {
    let fake = Fake::new([&[Work], &[Work]]);
    let mut session = client(&fake, LONG).begin_import("list", "id").await.expect("begins");
    let error = session.send(vec![v1::ImportEntry::default(); 257]).await.expect_err("too many");
    assert_eq!(error.kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn a_call_that_asks_for_a_fresh_factor_is_repeated_once_it_was_shown() {
    let mut needed = Status::unauthenticated("prove yourself");
    needed.metadata_mut().insert(proto::metadata::CODE, "step-up-needed".parse().expect("ascii"));
    let stale = Fail(needed.clone());
    let ask = async |fake: &Fake, acknowledges| {
        client_that(fake, LONG, acknowledges).screen(v1::ScreenRequest::default()).await.map_err(|error| error.code)
    };
    let fake = Fake::new([&[Work, stale.clone(), Work, Work]]);
    ask(&fake, Some("banner")).await.expect("answered");
    assert_eq!(fake.calls("n1:1"), ["log-on", "officer", "prove", "officer"]);
    // A session that cannot be proved anew gives way to another one.
    let ended = Fail(Status::not_found("there is no such session"));
    let fake = Fake::new([&[Work, stale.clone(), ended, Work, Work]]);
    ask(&fake, Some("banner")).await.expect("answered");
    assert_eq!(fake.calls("n1:1"), ["log-on", "officer", "prove", "log-on", "officer"]);
    // Once: who asks again at once is told so. And nobody is proved who has not said that he may be.
    let fake = Fake::new([&[Work, stale.clone(), Work, stale.clone()]]);
    assert_eq!(ask(&fake, Some("banner")).await.expect_err("refused"), "step-up-needed");
    let fake = Fake::new([&[stale]]);
    assert_eq!(ask(&fake, None).await.expect_err("refused"), "step-up-needed");
}

/// A session that took long to begin gave the call that needed it twice its time.
#[tokio::test]
async fn a_call_that_begins_a_session_first_takes_no_longer_than_its_deadline() {
    let mut later = with_code(Status::unavailable("no leader"), "unavailable");
    let half = (SHORT / 2).as_millis().to_string();
    later.metadata_mut().insert(proto::metadata::RETRY_MS, half.parse().expect("ascii"));
    let fake = Fake::new([&[Fail(later), Work, Hang]]);
    let started = tokio::time::Instant::now();
    client_that(&fake, SHORT, Some("banner")).screen(v1::ScreenRequest::default()).await.expect_err("nobody answers");
    assert!(started.elapsed() < SHORT * 5 / 4, "took {:?}", started.elapsed());
    assert_eq!(fake.calls("n1:1")[..3], ["log-on", "log-on", "officer"], "told to wait, logged on, asked");
}
