//! Power cuts under load: the nodes' files lie on disks that forget what was not synced. Whatever was acknowledged is there
//! afterwards (Durable), and the audit log has grown out of every checkpoint that was seen (AppendOnlyAudit).
//!
//! `PORTCULLIS_POWER_CUTS` says how many cuts; what is drawn comes from a seed that is printed.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use client::{Client, ClientError, ErrorKind, v1};
use model::ids::to_hex;
use portcullis_tests::{
    Playground, PlaygroundOptions, Rng, Survives, forgetful_disks, program_with_flags, question_named, seed, wait_for,
    wanted, without_event,
};
use serde_json::{Value, json};

/// How many cuts, and how many if nobody says.
const CUTS: (&str, usize) = ("PORTCULLIS_POWER_CUTS", 2);
const WRITERS: usize = 4;
const ASKERS: usize = 2;
const READERS: usize = 8;
/// Load between a node's start and the next cut, in writes.
const WRITES_BETWEEN: usize = 100;
/// Writes while a node is away, at most: more than its peers keep in their logs.
const WRITES_AWAY_MAX: usize = 300;
/// Changes on a disk before its power goes off, at most. Under load a node makes some hundred a second.
const CHANGES_MAX: usize = 200;
/// Snapshots and purges happen all the time, so that cuts fall into them.
const FLAGS: &str = "--snapshot-entries 150 --keep-entries 20";
/// Between two attempts at what failed, so as not to spin while everything is down.
const AGAIN_AFTER: Duration = Duration::from_millis(20);
const ALWAYS_THERE: &str = "Leontine Okonjo-Baptiste";

/// Id of a record, with the version that was acknowledged last and its document.
type Written = (String, (u64, String));

/// What the clients were told.
#[derive(Default)]
struct Seen {
    written: BTreeMap<String, (u64, String)>,
    acknowledged: usize,
    receipts: BTreeSet<String>,
    /// Attempts that brought no answer: what became of them is settled by trying again.
    unanswered: usize,
    /// What no client may ever be told.
    breaches: Vec<String>,
}

#[derive(Clone, Default)]
struct Load {
    seen: Arc<Mutex<Seen>>,
    /// While it is looked whether all is there, or the looking would make ever more to look for.
    pause: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
}

impl Load {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Tries until there is an answer; none when it is over, or when the answer is one that may not be.
    async fn settled<T, F>(&self, what: &str, call: impl Fn() -> F) -> Option<T>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        while !self.stop.load(Ordering::Relaxed) {
            if self.pause.load(Ordering::Relaxed) {
                tokio::time::sleep(AGAIN_AFTER).await;
                continue;
            }
            match call().await {
                Ok(answer) => return Some(answer),
                Err(error) if matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Internal) => {
                    self.seen().unanswered += 1;
                }
                Err(error) => {
                    self.seen().breaches.push(format!("{what}: {error:?}"));
                    return None;
                }
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
        None
    }

    fn acknowledged(&self, change: v1::ChangeResponse, version: u64, document: &str) {
        let mut seen = self.seen();
        if change.version != version {
            seen.breaches.push(format!("{document} is version {} and should be {version}", change.version));
        }
        seen.acknowledged += 1;
        seen.written.insert(change.id, (version, document.to_string()));
    }

    /// Creates lookouts and changes every other one of them, each write under one request id until it is settled.
    async fn write(self, client: Client, writer: usize) {
        let name = format!("Writer {} Thessaly", ["Alpha", "Bravo", "Chuck", "Delta"][writer]);
        for number in 0.. {
            let document = format!("P{writer}X{number:06}");
            let lookout = Some(wanted(&name, &document));
            let request_id = client.new_request_id().to_string();
            let create = v1::CreateLookoutRequest { request_id, lookout, ..Default::default() };
            let created = self.settled(&document, || client.create_lookout(create.clone())).await;
            let Some(change) = created else { return };
            let id = change.id.clone();
            self.acknowledged(change, 1, &document);
            if number % 2 == 0 {
                continue;
            }
            let document = format!("{document}U");
            let (request_id, lookout) = (client.new_request_id().to_string(), Some(wanted(&name, &document)));
            let update = v1::UpdateLookoutRequest { request_id, id, expected_version: 1, lookout };
            let updated = self.settled(&document, || client.update_lookout(update.clone())).await;
            let Some(change) = updated else { return };
            self.acknowledged(change, 2, &document);
        }
    }

    /// Asks for the lookout that was there before the first cut.
    async fn ask(self, client: Client) {
        let question = question_named(ALWAYS_THERE, "linearizable");
        while let Some(answer) = self.settled("a question", || client.screen(question.clone())).await {
            let mut seen = self.seen();
            if answer.hits.is_empty() {
                seen.breaches.push("a missed lookout".into());
            }
            seen.receipts.extend(answer.audit.map(|audit| audit.receipt));
        }
    }

    fn more_writes(&self, count: usize) {
        let writes = || self.seen().acknowledged;
        let goal = writes() + count;
        wait_for("writes go on", Duration::from_secs(60), || (writes() >= goal).then_some(()));
    }
}

/// Reads these records back, each from one of the clients, and says which are not as they were acknowledged.
async fn lost(clients: &[Client], written: Vec<Written>) -> Vec<String> {
    let written = Arc::new(written);
    let readers = clients.iter().cycle().take(READERS).cloned().enumerate().map(|(reader, client)| {
        let written = written.clone();
        tokio::spawn(async move {
            let mut lost = Vec::new();
            for (id, (version, document)) in written.iter().skip(reader).step_by(READERS) {
                // A reading is linearizable: nothing that is newer than what was acknowledged may be missing either.
                let read = |version| client.get_lookout(v1::GetLookoutRequest { id: id.clone(), version });
                let newest = read(0).await;
                let found = match newest {
                    Ok(record) if record.version > *version => read(*version).await,
                    newest => newest,
                };
                let number = found.as_ref().ok().and_then(|record| record.lookout.as_ref());
                let number = number.and_then(|lookout| lookout.documents.first()).map(|one| &one.number);
                if number != Some(document) || found.as_ref().is_ok_and(|record| record.version != *version) {
                    lost.push(format!("{document} (version {version}): {found:?}"));
                }
            }
            lost
        })
    });
    let mut all = Vec::new();
    for reader in readers.collect::<Vec<_>>() {
        all.extend(reader.await.unwrap());
    }
    all
}

/// The audit log's checkpoints, as whoever watches it keeps them.
struct Watcher {
    state: PathBuf,
    /// The first one that was seen.
    oldest: Value,
    cluster: String,
}

impl Watcher {
    fn new(playground: &Playground) -> Self {
        let state = playground.path("checkpoints.json");
        let mut watcher = Self { state, oldest: Value::Null, cluster: String::new() };
        watcher.oldest = watcher.verified(playground)["root"].clone();
        let kept: Value = serde_json::from_slice(&std::fs::read(&watcher.state).unwrap()).unwrap();
        let logs = kept["logs"].as_object().unwrap();
        let (log, checkpoint) = logs.iter().next().unwrap();
        (watcher.cluster, watcher.oldest) = (log.clone(), checkpoint.clone());
        watcher
    }

    fn keep(&self, checkpoint: &Value) {
        let kept = json!({ "format": 1, "logs": { self.cluster.as_str(): checkpoint } });
        std::fs::write(&self.state, kept.to_string()).unwrap();
    }

    /// The log as it is now, which nothing may take back.
    async fn look(&self, client: &Client) -> Value {
        let message = v1::CheckpointRequest { group: "audit-0".into(), ..Default::default() };
        let checkpoint = client.checkpoint(message).await.unwrap();
        json!({ "size": checkpoint.size, "root": to_hex(&checkpoint.root) })
    }

    fn verified(&self, playground: &Playground) -> Value {
        let state = self.state.to_string_lossy();
        let verified = playground.cli().json(&["audit", "verify", "--state", &state]);
        assert_eq!(verified["ok"], true, "{verified}");
        let replicas = verified["replicas"].as_array().unwrap();
        assert!(replicas.len() == 3 && replicas.iter().all(|replica| replica["ok"] == true), "{verified}");
        verified
    }

    /// Every replica's log verifies and has grown out of a checkpoint.
    fn grown_out_of(&self, playground: &Playground, checkpoint: &Value) {
        self.keep(checkpoint);
        assert_eq!(self.verified(playground)["consistent_with"], *checkpoint);
    }
}

/// A playground on disks that forget, with the lookout that everybody asks for; none where there are no such disks.
async fn forgetful_playground(program: Option<PathBuf>) -> Option<Playground> {
    if !forgetful_disks() {
        return None;
    }
    let options = PlaygroundOptions { node_program: program, forgetful: true, ..Default::default() };
    let playground = Playground::start_with(options);
    let client = playground.client();
    let lookout = Some(wanted(ALWAYS_THERE, "L0000001"));
    client.create_lookout(v1::CreateLookoutRequest { lookout, ..Default::default() }).await.unwrap();
    // Its answer is an event that is there when it comes, so that there is a checkpoint to see.
    client.screen(question_named(ALWAYS_THERE, "linearizable")).await.unwrap();
    Some(playground)
}

/// One node loses its power, and perhaps once more while it starts.
fn cut_one(playground: &Playground, load: &Load, rng: &mut Rng) -> String {
    let (victim, survives, changes) =
        (1 + rng.below(3) as u64, Survives::drawn(rng), 1 + rng.below(CHANGES_MAX) as u64);
    playground.cut_power(victim, changes, survives, rng);
    load.more_writes(rng.below(WRITES_AWAY_MAX));
    playground.restart(victim);
    let mut again = String::new();
    if rng.below(2) == 0 {
        let (survives, changes) = (Survives::drawn(rng), 1 + rng.below(CHANGES_MAX) as u64);
        playground.cut_power(victim, changes, survives, rng);
        playground.restart(victim);
        again = format!(", and while it started after {changes} ({survives:?})");
    }
    format!("node {victim} after {changes} changes ({survives:?}){again}")
}

fn cut_all(playground: &mut Playground, rng: &mut Rng) -> String {
    let (first, survives, changes) = (1 + rng.below(3) as u64, Survives::drawn(rng), 1 + rng.below(CHANGES_MAX) as u64);
    playground.cut_power_of_all(first, changes, survives, rng);
    playground.start_again();
    format!("all nodes after {changes} changes of node {first} ({survives:?})")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn power_cuts_under_load_lose_nothing_acknowledged_and_the_audit_log_only_grows() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut playground) = forgetful_playground(Some(program_with_flags(dir.path(), FLAGS))).await else { return };
    let cuts =
        std::env::var(CUTS.0).map_or(CUTS.1, |text| text.parse().unwrap_or_else(|_| panic!("{} is no number", CUTS.0)));
    let (mut rng, begun) = (Rng(seed()), Instant::now());
    let clients = [1, 2, 3].map(|id| playground.client_of(id));
    let watcher = Watcher::new(&playground);
    let load = Load::default();
    let mut tasks = Vec::new();
    tasks.extend((0..WRITERS).map(|writer| tokio::spawn(load.clone().write(playground.client(), writer))));
    tasks.extend((0..ASKERS).map(|_| tokio::spawn(load.clone().ask(playground.client()))));

    let mut checked = BTreeMap::new();
    for turn in 1..=cuts {
        load.more_writes(WRITES_BETWEEN);
        let checkpoint = watcher.look(&playground.auditor()).await;
        let what = match turn % 2 {
            1 => cut_one(&playground, &load, &mut rng),
            _ => cut_all(&mut playground, &mut rng),
        };
        for id in 1..=3 {
            playground.wait_ready(id);
        }
        load.pause.store(true, Ordering::Relaxed);
        let written = load.seen().written.clone();
        let new = written.iter().filter(|(id, last)| checked.get(*id) != Some(*last));
        let new: Vec<Written> = new.map(|(id, last)| (id.clone(), last.clone())).collect();
        println!("{:?}: cut {turn}, {what}; {} records to find", begun.elapsed(), new.len());
        assert_eq!(lost(&clients, new).await, [""; 0], "Durable, after cut {turn}: {what}");
        watcher.grown_out_of(&playground, &checkpoint);
        assert_eq!(load.seen().breaches, [""; 0], "after cut {turn}: {what}");
        checked = written;
        load.pause.store(false, Ordering::Relaxed);
    }
    load.stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }

    let Seen { written, acknowledged, receipts, unanswered, breaches } = std::mem::take(&mut *load.seen());
    assert_eq!(breaches, [""; 0]);
    assert_eq!(lost(&clients, written.into_iter().collect()).await, [""; 0], "Durable");
    assert_eq!(without_event(&playground.auditor(), &receipts).await, [""; 0], "answers without an event");
    watcher.grown_out_of(&playground, &watcher.oldest);
    println!(
        "{cuts} cuts in {:?}: {acknowledged} writes acknowledged, {} answers with receipts, {unanswered} attempts unanswered",
        begun.elapsed(),
        receipts.len()
    );
}

/// A leader sends entries to its followers while its own disk still writes them. One that lost them and is back before
/// anybody missed it must not lead on: it would write others in the same places, and the replicas would differ for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_lost_what_its_followers_have_does_not_lead_on() {
    let Some(playground) = forgetful_playground(None).await else { return };
    let (client, mut rng) = (playground.client(), Rng(1));
    let watcher = Watcher::new(&playground);
    let mut written = Vec::new();
    for (turn, group) in ["records-0", "records-1", "records-0"].into_iter().enumerate() {
        let leader = playground.leader_of(group);
        let checkpoint = watcher.look(&playground.auditor()).await;
        playground.disk(leader).power_off();
        let follower = 1 + leader % 3;
        let last = || playground.group_at(follower, group)["last_log"].as_u64().unwrap();
        let before = last();
        let doubtful = (0..WRITERS * 4).map(|number| {
            let (client, lookout) = (playground.client_of(leader), Some(wanted("Nobody Knows", &format!("N{number}"))));
            tokio::spawn(async move {
                // Never acknowledged: the leader is cut off before its disk has it.
                let message = v1::CreateLookoutRequest { lookout, ..Default::default() };
                drop(client.create_lookout(message).await);
            })
        });
        let doubtful: Vec<_> = doubtful.collect();
        wait_for("a follower has more than the leader's disk", Duration::from_secs(5), || {
            (last() > before).then_some(())
        });
        playground.cut_power(leader, 0, Survives::Nothing, &mut rng);
        playground.restart(leader);
        doubtful.iter().for_each(|task| task.abort());
        written.extend(create(&client, &format!("A{turn}")).await);
        for id in 1..=3 {
            playground.wait_ready(id);
            let lost = lost(&[playground.client_of(id)], written.clone()).await;
            assert_eq!(lost, [""; 0], "at node {id}, after node {leader}, the leader of {group}, was cut off");
        }
        watcher.grown_out_of(&playground, &checkpoint);
    }
}

/// Creates lookouts, all of which are acknowledged.
async fn create(client: &Client, documents: &str) -> Vec<Written> {
    let mut written = Vec::new();
    for number in 0..20 {
        let document = format!("{documents}X{number:06}");
        let lookout = Some(wanted("Persis Almqvist", &document));
        let message = v1::CreateLookoutRequest { lookout, ..Default::default() };
        written.push((client.create_lookout(message).await.unwrap().id, (1, document)));
    }
    written
}

/// That the checks can fail: with disks that do not do what they say nothing can be durable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disks_that_lie_about_syncs_are_found_out_by_the_same_checks() {
    let Some(mut playground) = forgetful_playground(None).await else { return };
    let client = playground.client();
    let clients = [client.clone()];
    let honest = create(&client, "H").await;
    playground.caught_up();
    (1..=3).for_each(|id| playground.disk(id).lie());
    let lied = create(&client, "L").await;
    let answer = client.screen(question_named(ALWAYS_THERE, "linearizable")).await.unwrap();
    let receipts = BTreeSet::from([answer.audit.unwrap().receipt]);
    let watcher = Watcher::new(&playground);
    assert_eq!(lost(&clients, [honest.clone(), lied.clone()].concat()).await, [""; 0]);

    playground.cut_power_of_all(1, 0, Survives::Nothing, &mut Rng(1));
    playground.start_again();
    assert_eq!(lost(&clients, honest).await, [""; 0], "what was synced in truth is there");
    assert_eq!(lost(&clients, lied).await.len(), 20, "what was not is missed, each of it");
    assert_eq!(without_event(&playground.auditor(), &receipts).await.len(), 1);
    watcher.keep(&watcher.oldest);
    let state = watcher.state.to_string_lossy();
    playground.cli().run(&["audit", "verify", "--state", &state]).fails(6, &[]);
}
