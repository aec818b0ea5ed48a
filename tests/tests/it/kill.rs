//! Five real `kill -9` of a random node under load: nothing acknowledged is lost, every question is answered, and writes go
//! on within the bound.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use client::{Client, v1};
use portcullis_tests::{Playground, Rng, question_named, seed, wait_for, wanted, without_event};

const KILLS: usize = 5;
const WRITERS: usize = 4;
const ASKERS: usize = 4;
/// The bound on a gap in acknowledged writes after a kill.
const WRITES_AGAIN_MAX: Duration = Duration::from_secs(3);
/// Load between a restart and the next kill, counted in writes.
const WRITES_BETWEEN: usize = 60;

/// What the clients saw.
#[derive(Default)]
struct Seen {
    /// Id and document of each acknowledged write, with the moments at which it was begun and acknowledged.
    written: Vec<(String, String, Instant, Instant)>,
    receipts: Vec<String>,
    errors: Vec<String>,
    slowest_screen: Duration,
}

type Shared = Arc<Mutex<Seen>>;

fn seen(shared: &Shared) -> std::sync::MutexGuard<'_, Seen> {
    shared.lock().unwrap()
}

async fn write(client: Client, writer: usize, stop: Arc<AtomicBool>, shared: Shared) {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let document = format!("W{writer}X{number:06}");
        let lookout =
            Some(wanted(&format!("Writer {} Thessaly", ["Alpha", "Bravo", "Chuck", "Delta"][writer]), &document));
        let begun = Instant::now();
        match client.create_lookout(v1::CreateLookoutRequest { lookout, ..Default::default() }).await {
            Ok(change) => seen(&shared).written.push((change.id, document, begun, Instant::now())),
            Err(error) => seen(&shared).errors.push(format!("write of {document}: {error:?}")),
        }
    }
}

async fn ask(client: Client, freshness: &'static str, stop: Arc<AtomicBool>, shared: Shared) {
    while !stop.load(Ordering::Relaxed) {
        let asked = Instant::now();
        // Every answer must have the one lookout that was there before the first kill.
        let answer = client.screen(question_named("Leontine Okonjo-Baptiste", freshness)).await;
        let mut seen = seen(&shared);
        seen.slowest_screen = seen.slowest_screen.max(asked.elapsed());
        match answer {
            Ok(answer) if answer.partial => seen.errors.push("a partial answer".into()),
            Ok(answer) if answer.hits.is_empty() => seen.errors.push(format!("a missed lookout ({freshness})")),
            Ok(answer) => seen.receipts.push(answer.audit.expect("an audit reference").receipt),
            Err(error) => seen.errors.push(format!("screen ({freshness}): {error:?}")),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_kills_of_a_random_node_lose_no_acknowledged_write_and_no_answer() {
    let mut rng = Rng(seed());
    let playground = Playground::start();
    let client = playground.client();
    let lookout = Some(wanted("Leontine Okonjo-Baptiste", "L0000001"));
    client.create_lookout(v1::CreateLookoutRequest { lookout, ..Default::default() }).await.unwrap();
    // Local answers are asked for below; every node must have it.
    for id in 1..=3 {
        playground.client_of(id).screen(question_named("Leontine Okonjo-Baptiste", "linearizable")).await.unwrap();
    }

    let (stop, shared) = (Arc::new(AtomicBool::new(false)), Shared::default());
    let mut load = Vec::new();
    for writer in 0..WRITERS {
        load.push(tokio::spawn(write(playground.client(), writer, stop.clone(), shared.clone())));
    }
    for asker in 0..ASKERS {
        let freshness = ["local", "linearizable"][asker % 2];
        load.push(tokio::spawn(ask(playground.client(), freshness, stop.clone(), shared.clone())));
    }
    let writes = || seen(&shared).written.len();
    let more_writes = |count: usize| {
        let goal = writes() + count;
        wait_for("writes go on", Duration::from_secs(30), || (writes() >= goal).then_some(()));
    };
    more_writes(WRITES_BETWEEN);
    for turn in 1..=KILLS {
        let victim = 1 + rng.below(3) as u64;
        let killed = Instant::now();
        playground.kill(victim);
        // Of a write begun after the kill: one acknowledged now may have been decided before.
        let again = wait_for("writes are acknowledged again", Duration::from_secs(30), || {
            let seen = seen(&shared);
            let after = seen.written.iter().filter(|(_, _, begun, _)| *begun >= killed);
            after.map(|(_, _, _, acknowledged)| *acknowledged - killed).min()
        });
        println!("kill {turn}: node {victim}; first write begun after it acknowledged after {again:?}");
        assert!(again <= WRITES_AGAIN_MAX, "writes were acknowledged again only after {again:?}");
        more_writes(WRITES_BETWEEN);
        playground.restart(victim);
        playground.wait_ready(victim);
        more_writes(WRITES_BETWEEN);
    }
    stop.store(true, Ordering::Relaxed);
    for task in load {
        task.await.unwrap();
    }

    let Seen { written, receipts, errors, slowest_screen } = std::mem::take(&mut *seen(&shared));
    let gap = longest_gap(&written);
    println!(
        "{} writes, {} screens, slowest screen {slowest_screen:?}, longest gap between acknowledged writes {gap:?}",
        written.len(),
        receipts.len()
    );
    assert_eq!(errors, [""; 0], "with all endpoints, nothing fails");
    assert!(gap <= WRITES_AGAIN_MAX, "no write was acknowledged for {gap:?}");
    every_write_is_on_every_node(&playground, &written).await;
    every_receipt_is_in_the_log(&playground.auditor(), &receipts).await;
    assert!(playground.cli().json(&["audit", "verify"])["ok"].as_bool().unwrap());
}

fn longest_gap(written: &[(String, String, Instant, Instant)]) -> Duration {
    let mut moments: Vec<Instant> = written.iter().map(|(_, _, _, acknowledged)| *acknowledged).collect();
    moments.sort_unstable();
    moments.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
}

async fn every_write_is_on_every_node(playground: &Playground, written: &[(String, String, Instant, Instant)]) {
    let checks = (1..=3).map(|id| {
        let client = playground.client_of(id);
        async move {
            for (id, document, ..) in written {
                let record = client.get_lookout(v1::GetLookoutRequest { id: id.clone(), version: 0 }).await.unwrap();
                assert_eq!(&record.lookout.unwrap().documents[0].number, document);
                assert_eq!(record.version, 1, "{document} was applied once");
            }
        }
    });
    for check in checks {
        check.await;
    }
}

async fn every_receipt_is_in_the_log(client: &Client, receipts: &[String]) {
    let receipts = receipts.iter().cloned().collect();
    assert_eq!(without_event(client, &receipts).await, [""; 0], "answers without an event");
}
