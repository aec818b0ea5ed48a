//! How much each may ask, between real processes: whoever asks too much hurts himself alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use client::Client;
use portcullis_tests::{
    Context, Playground, PlaygroundOptions, client_as, client_of, question_named, wait_for, without_event,
};

const SOON: Duration = Duration::from_secs(30);
/// By when what was taken away is gone on every node (SECURITY.md 2.2).
const REVOKED: Duration = Duration::from_secs(2);
/// One call of the flood: a refusal is held back 100 ms, and its hint is as long, so that each call is one attempt.
const FLOOD_DEADLINE: Duration = Duration::from_millis(180);
const FLOOD_TASKS: usize = 32;
/// Questions of somebody else before the flood and during it.
const QUESTIONS: usize = 20;
/// The longest that one of them may take, retries included.
const ANSWERED: Duration = Duration::from_secs(10);

fn with_rates() -> Playground {
    Playground::start_with(PlaygroundOptions { rate_factor: Some(1), ..Default::default() })
}

/// What came of the flood.
#[derive(Default)]
struct Flooded {
    receipts: BTreeSet<String>,
    /// When the last call began that was answered.
    last: Option<Instant>,
    failed: BTreeMap<String, u64>,
}

async fn flood(client: Client, over: Arc<AtomicBool>) -> Flooded {
    let mut flooded = Flooded::default();
    while !over.load(Ordering::Relaxed) {
        let began = Instant::now();
        match client.screen(question_named("Nobody Inparticular", "local")).await {
            Ok(answer) => {
                flooded.receipts.insert(answer.audit.expect("an event").receipt);
                flooded.last = Some(began);
            }
            Err(error) => *flooded.failed.entry(error.code).or_default() += 1,
        }
    }
    flooded
}

async fn asks(client: &Client, receipts: &mut BTreeSet<String>) {
    for _ in 0..QUESTIONS {
        let answer = tokio::time::timeout(ANSWERED, client.screen(question_named("Somebody Else", "local"))).await;
        let answer = answer.expect("in time").expect("whoever keeps to his rate is answered");
        receipts.insert(answer.audit.expect("an event").receipt);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t07_a_flood_by_one_user_does_not_slow_the_others_nor_lose_an_event_nor_stall_a_revocation() {
    let playground = with_rates();
    let officer = playground.context();
    let supervisor = Context::read(&playground.path("data/context-supervisor.json"));
    let other = client_as(("supervisor", "primary"), supervisor.endpoints(), supervisor.files(), ANSWERED);
    let mut receipts = BTreeSet::new();
    asks(&other, &mut receipts).await;

    let over = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let flooding: Vec<_> = (0..FLOOD_TASKS)
        .map(|number| {
            let endpoint = playground.node(number as u64 % 3 + 1).grpc;
            let client = client_of(vec![endpoint], officer.files(), FLOOD_DEADLINE);
            tokio::spawn(flood(client, over.clone()))
        })
        .collect();
    asks(&other, &mut receipts).await;
    let suspend = || playground.cli_as("control-officer").run(&["suspend", "officer", "--cause", "sco"]).ok();
    tokio::task::block_in_place(suspend);
    let suspended = Instant::now();
    // The flood goes on, and must not be answered any more; whoever keeps to his rate still is.
    tokio::time::timeout(2 * REVOKED, std::future::pending::<()>()).await.unwrap_err();
    asks(&other, &mut receipts).await;
    over.store(true, Ordering::Relaxed);
    let (mut answered, mut failed) = (0, BTreeMap::<String, u64>::new());
    for flooded in flooding {
        let flooded = flooded.await.unwrap();
        let late = flooded.last.map(|last| last.saturating_duration_since(suspended));
        assert!(late.is_none_or(|late| late < REVOKED), "answered {late:?} after the suspension");
        answered += flooded.receipts.len();
        flooded.failed.into_iter().for_each(|(code, count)| *failed.entry(code).or_default() += count);
        receipts.extend(flooded.receipts);
    }
    let took = began.elapsed();
    let refused: u64 = (1..=3).map(|node| refused_at(&playground, node)).sum();
    println!("in {took:?}, {answered} of the flood answered, {failed:?}; the nodes refused {refused}");
    assert!(answered > 0, "he has his rate");
    assert!(failed.contains_key(client::SLOW_DOWN), "{failed:?}");
    let rate = model::limits::QUESTION_RATE;
    let allowed = 3 * (u64::from(rate.burst) + u64::from(rate.per_second) * (took.as_secs() + 1));
    assert!((answered as u64) <= allowed && refused > answered as u64, "{answered} answered, {allowed} allowed");

    // Every answer has its event, and the flood is not one for each refusal, but is not forgotten either.
    let auditor = playground.auditor();
    assert_eq!(without_event(&auditor, &receipts).await, [""; 0], "answers without an event");
    let cli = playground.cli_as("auditor");
    let summary = wait_for("the flood is summed up", SOON, || {
        let events = cli.run(&["audit", "tail", "--limit", "1000"]).ok().lines();
        events.into_iter().find(|event| event["kind"] == "excess" && event["user"] == "officer")
    });
    assert_eq!((&summary["verdict"], &summary["code"]), (&"refused".into(), &"slow-down".into()));
    assert!(summary["text"].as_str().is_some_and(|text| text.contains("requests beyond the rate")), "{summary}");
}

/// Refusals beyond a rate that a node counted.
fn refused_at(playground: &Playground, node: u64) -> u64 {
    let (_, text) = playground.http(node, "/metrics");
    let lines =
        text.lines().filter(|line| line.starts_with("portcullis_admission_refused_total") && line.contains("rate"));
    lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum()
}

#[test]
fn t07_limits_slow_a_batch_and_never_break_it_off() {
    let playground = with_rates();
    // Half as much again as may be asked at once, which takes its time at the rate of rows.
    let rows = model::limits::BATCH_RATE.burst * 3 / 2;
    let path = playground.text_path("travellers.csv");
    let lines: String = (0..rows).map(|row| format!("Traveller Number {row}\n")).collect();
    std::fs::write(&path, format!("name\n{lines}")).unwrap();
    let out = playground.text_path("answers.ndjson");
    let summary = playground.cli().json(&["batch", "--in", &path, "--out", &out, "--concurrency", "64"]);
    assert_eq!((&summary["rows"], &summary["errors"]), (&rows.into(), &0.into()), "{summary}");
    // The same person is still served at the lane: it is another rate.
    playground.cli().run(&["screen", "--name", "Nobody Inparticular"]).ok();
}

/// What is beyond a rate is one event in ten seconds, and denials are told in batches: a stop must cost neither.
#[tokio::test(flavor = "multi_thread")]
async fn t07_r23_a_node_that_stops_writes_down_first_what_calls_left_to_be_written() {
    let playground = with_rates();
    let officer = client_of(vec![playground.node(2).grpc], playground.context().files(), FLOOD_DEADLINE);
    let over = Arc::new(AtomicBool::new(false));
    let flooding: Vec<_> = (0..FLOOD_TASKS).map(|_| tokio::spawn(flood(officer.clone(), over.clone()))).collect();
    let at_node_2 = || tokio::task::block_in_place(|| refused_at(&playground, 2));
    wait_for("the flood is beyond the rate", SOON, || (at_node_2() > 0).then_some(()));
    over.store(true, Ordering::Relaxed);
    for flooded in flooding {
        flooded.await.unwrap();
    }
    let privacy = Context::read(&playground.path("data/context-privacy-officer.json"));
    let node_2 = vec![playground.node(2).grpc];
    let privacy = client_as(("privacy-officer", "primary"), node_2, privacy.files(), ANSWERED);
    for _ in 0..3 {
        let error = privacy.screen(question_named("Somebody", "local")).await.expect_err("it is not his");
        assert_eq!(error.kind, client::ErrorKind::Refused, "{error}");
    }
    let refused = at_node_2();
    tokio::task::block_in_place(|| playground.stop_node(2));

    let summed_up = tokio::task::block_in_place(|| {
        let events = playground.cli_as("auditor").run(&["audit", "tail", "--limit", "1000"]).ok().lines();
        let own = events.into_iter().filter(|event| event["kind"] == "excess" && event["user"] == "officer");
        let count = |text: &str| text.split(' ').next().and_then(|count| count.parse::<u64>().ok());
        own.filter_map(|event| count(event["text"].as_str()?)).sum::<u64>()
    });
    assert_eq!(summed_up, refused, "refusals that an event sums up");
    let account = || playground.cli_as("supervisor").json(&["user", "show", "privacy-officer"]);
    let account = tokio::task::block_in_place(account);
    assert_eq!(account["state"], "suspended", "{account}");
}
