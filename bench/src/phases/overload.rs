//! `overload`: what a cluster does with ten times its normal load. Capacity first, by clients in closed loops; then a fifth of
//! it, and ten times that, in open loops: questions come by the clock, whether those before them were answered or not, and
//! times count from when each should have come. At last what the lane alone asked of the ten times: no admission makes it quicker
//! than that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use client::{Client, v1};
use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::clients::client_within;
use crate::cluster::Cluster;
use crate::error::BenchError;
use crate::load::{self, Latency, latencies};
use crate::output::{figure, note, table};
use crate::phases::import;
use crate::sample::Sample;
use crate::settle::settle;
use crate::work::{Kind, Operation, Supply};

/// Clients that find out what the cluster can do.
const CLOSED: u16 = 64;
/// Clients that share the questions of an open loop.
const OPEN: usize = 24;
/// The share of the capacity that is normal load, and how many times that is asked then.
const NORMAL: f64 = 0.2;
const TIMES: f64 = 10.0;
/// Whoever asks waits so long, with all that the client library repeats.
const DEADLINE: Duration = Duration::from_secs(2);
/// Of ten questions: at the lane, at the desk, of batches.
const MIX: [(&str, usize); 3] = [("primary", 4), ("subject", 3), ("batch", 3)];
const REFUSED: &str = "portcullis_admission_refused_total";
/// Between two questions of who is suspended, at each node.
const PROBE: Duration = Duration::from_millis(20);
const REVOCATION_MAX: Duration = Duration::from_secs(30);

/// What came of the questions of one kind.
#[derive(Debug, Serialize)]
pub struct Asked {
    pub who: &'static str,
    pub asked: u64,
    pub answered: u64,
    /// Not answered within the deadline, by code.
    pub failed: BTreeMap<String, u64>,
    pub latency_ms: Latency,
}

/// One load.
#[derive(Debug, Serialize)]
pub struct Loaded {
    pub per_second_asked: f64,
    pub per_second_answered: f64,
    pub asked: Vec<Asked>,
    /// Attempts that nodes told to come later, by priority.
    pub refused: BTreeMap<String, f64>,
    /// Mean wait of an answer for its event.
    pub audit_wait_ms: f64,
}

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Overload {
    pub capacity_per_second: f64,
    pub normal: Loaded,
    /// What primary asks under the overload, and nobody else.
    pub alone: Loaded,
    pub over: Loaded,
    pub times_p99_primary: f64,
    /// The same against primary alone.
    pub times_p99_alone: f64,
    /// Under the overload, from the command that suspends to the refusal at the last node.
    pub revoked_seconds: f64,
    pub answers: usize,
    pub answers_without_event: usize,
}

/// Measures on a cluster without a list yet.
pub async fn measure(
    cluster: &Cluster,
    list: &Path,
    supply: &Arc<Supply>,
    (warm_up, time): (Duration, Duration),
) -> Result<Overload, BenchError> {
    import::times(cluster, "list", "csv", list, &["first time"]).await?;
    settle(cluster).await?;
    note("what it can do");
    let capacity = load::measure(cluster, supply, Kind::Local, CLOSED, (warm_up, time)).await?.per_second;
    settle(cluster).await?;
    let auditor = client_within(cluster, 0, ("auditor", "audit"), REVOCATION_MAX)?;
    let from = auditor.checkpoint(v1::CheckpointRequest::default()).await?.size;
    note(format!("{capacity:.0} a second; now a fifth of it"));
    let mut receipts = BTreeSet::new();
    let normal = open_loop(cluster, supply, (capacity * NORMAL, &MIX), time, &mut receipts).await?;
    settle(cluster).await?;
    note("now ten times that");
    let overloaded = open_loop(cluster, supply, (capacity * NORMAL * TIMES, &MIX), time, &mut receipts);
    let revoked = async {
        tokio::time::sleep(time / 2).await;
        revocation(cluster).await
    };
    let (over, revoked) = tokio::join!(overloaded, revoked);
    let (over, revoked) = (over?, revoked?);
    settle(cluster).await?;
    // After the overload, so that this meets a cluster that has seen nothing like it.
    note("what primary asked of it, and nobody else");
    let primary = capacity * NORMAL * TIMES * MIX[0].1 as f64 / MIX.iter().map(|(_, share)| *share as f64).sum::<f64>();
    let alone = open_loop(cluster, supply, (primary, &MIX[..1]), time, &mut receipts).await?;
    settle(cluster).await?;
    let p99 = |loaded: &Loaded| loaded.asked.first().map_or(0.0, |primary| primary.latency_ms.p99);
    Ok(Overload {
        capacity_per_second: capacity,
        times_p99_primary: p99(&over) / p99(&normal),
        times_p99_alone: p99(&over) / p99(&alone),
        normal,
        alone,
        over,
        revoked_seconds: revoked.as_secs_f64(),
        answers: receipts.len(),
        answers_without_event: without_event(&auditor, from, receipts).await?,
    })
}

/// Questions that come by the clock.
async fn open_loop(
    cluster: &Cluster,
    supply: &Arc<Supply>,
    (per_second, mix): (f64, &[(&'static str, usize)]),
    time: Duration,
    receipts: &mut BTreeSet<String>,
) -> Result<Loaded, BenchError> {
    let mut clients: Vec<Vec<Client>> = Vec::new();
    for (who, _) in mix {
        let purpose = if *who == "subject" { "desk" } else { "primary" };
        let own: Result<Vec<Client>, BenchError> = (0..OPEN)
            .map(|number| {
                let client = client_within(cluster, number, ("officer", purpose), DEADLINE)?;
                Ok(if *who == "batch" { client.giving_way() } else { client })
            })
            .collect();
        clients.push(own?);
    }
    // Connections and sessions are made before anything is measured.
    for client in clients.iter().flatten() {
        ask(client, supply, 0).await.map_err(|(code, text)| BenchError::Cluster(format!("{code}: {text}")))?;
    }
    let turns: Vec<usize> = (0..mix.len()).flat_map(|kind| std::iter::repeat_n(kind, mix[kind].1)).collect();
    let sample = Sample::of(cluster).await?;
    let (before, waits_before) = (sample.by_label(REFUSED, "priority"), audit_waits(&sample));
    let count = (time.as_secs_f64() * per_second) as usize;
    let began = tokio::time::Instant::now();
    let mut asked = JoinSet::new();
    for number in 0..count {
        let at = began + Duration::from_secs_f64(number as f64 / per_second);
        tokio::time::sleep_until(at).await;
        // Three and ten have no common factor, so that the kinds are mixed evenly.
        let kind = turns[number * 3 % turns.len()];
        let (client, supply) = (clients[kind][number % OPEN].clone(), supply.clone());
        asked.spawn(async move { (kind, ask(&client, &supply, number).await, at.elapsed()) });
    }
    let mut kinds: Vec<(u64, BTreeMap<String, u64>, Histogram<u64>)> = Vec::new();
    for _ in mix {
        kinds.push((0, BTreeMap::new(), latencies()?));
    }
    while let Some(ended) = asked.join_next().await {
        let (kind, answer, took) = ended.map_err(|error| BenchError::read("a question", error))?;
        let (count, failed, histogram) = &mut kinds[kind];
        *count += 1;
        match answer {
            Ok(receipt) => {
                receipts.insert(receipt);
                histogram.saturating_record(took.as_micros() as u64);
            }
            Err((code, _)) => *failed.entry(code).or_default() += 1,
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let sample = Sample::of(cluster).await?;
    let (mut refused, waits) = (sample.by_label(REFUSED, "priority"), audit_waits(&sample));
    let audit_wait_ms = (waits.0 - waits_before.0) / (waits.1 - waits_before.1).max(1.0) * 1e3;
    refused.iter_mut().for_each(|(priority, count)| *count -= before.get(priority).copied().unwrap_or(0.0));
    let asked: Vec<Asked> = mix
        .iter()
        .zip(kinds)
        .map(|((who, _), (asked, failed, histogram))| Asked {
            who,
            asked,
            answered: histogram.len(),
            failed,
            latency_ms: Latency::of(&histogram),
        })
        .collect();
    let answered: u64 = asked.iter().map(|kind| kind.answered).sum();
    Ok(Loaded {
        per_second_asked: per_second,
        per_second_answered: answered as f64 / seconds,
        asked,
        refused,
        audit_wait_ms,
    })
}

/// Seconds that answers waited for their events, and how many.
fn audit_waits(sample: &Sample) -> (f64, f64) {
    (sample.sum("portcullis_audit_release_seconds_sum"), sample.sum("portcullis_audit_release_seconds_count"))
}

/// A question; its receipt, or why there is none.
async fn ask(client: &Client, supply: &Supply, number: usize) -> Result<String, (String, String)> {
    let Operation::Screen(question, _) = supply.operation(Kind::Local, 0, number) else {
        return Err(("internal".to_string(), "is no question".to_string()));
    };
    let answer = client.screen(*question).await.map_err(|error| (error.code.clone(), error.to_string()))?;
    if answer.partial {
        return Err(("partial".to_string(), "a group did not answer".to_string()));
    }
    Ok(answer.audit.unwrap_or_default().receipt)
}

/// How long a suspension takes, to the last node.
async fn revocation(cluster: &Cluster) -> Result<Duration, BenchError> {
    let supervisor = client_within(cluster, 0, ("supervisor", "primary"), DEADLINE)?;
    let began = Instant::now();
    let asked = async {
        let refused = supervisor.per_endpoint(DEADLINE).into_iter().map(|client| async move {
            while began.elapsed() < REVOCATION_MAX {
                let question = v1::ScreenRequest { name: "Nobody Inparticular".into(), ..Default::default() };
                match client.screen(question).await {
                    Err(error) if error.kind == client::ErrorKind::Refused => return began.elapsed(),
                    _ => tokio::time::sleep(PROBE).await,
                }
            }
            REVOCATION_MAX
        });
        futures_util::future::join_all(refused).await
    };
    let suspend = ["--as", "control-officer", "suspend", "supervisor", "--cause", "sco"];
    let (refused, suspended) = tokio::join!(asked, cluster.run::<serde_json::Value>(&suspend));
    suspended?;
    Ok(refused.into_iter().max().unwrap_or_default())
}

/// How many receipts the audit log has no event of.
async fn without_event(auditor: &Client, mut from: u64, mut receipts: BTreeSet<String>) -> Result<usize, BenchError> {
    loop {
        let message = v1::ReadAuditRequest { from: Some(from), limit: 1_000, ..Default::default() };
        let page = auditor.read_audit(message).await?;
        let Some(last) = page.events.last() else { break };
        from = last.index + 1;
        for event in &page.events {
            receipts.remove(&event.receipt);
        }
        // Reading is an event itself, so the log never quite ends.
        if from + 1 >= page.size {
            break;
        }
    }
    Ok(receipts.len())
}

/// The tables.
pub fn to_text(it: &Overload) -> String {
    let mut rows = Vec::new();
    for (load, loaded) in [("normal", &it.normal), ("ten times", &it.over), ("lane alone", &it.alone)] {
        for kind in &loaded.asked {
            let failed: Vec<String> = kind.failed.iter().map(|(code, count)| format!("{code} {count}")).collect();
            rows.push([
                load.to_string(),
                kind.who.to_string(),
                kind.asked.to_string(),
                kind.answered.to_string(),
                if failed.is_empty() { "-".to_string() } else { failed.join(", ") },
                figure(loaded.refused.get(kind.who).copied().unwrap_or(0.0)),
                figure(kind.latency_ms.p50),
                figure(kind.latency_ms.p99),
                figure(kind.latency_ms.max),
            ]);
        }
    }
    let head = ["load", "who", "asked", "answered", "not within 2 s", "attempts refused", "p50 ms", "p99 ms", "max ms"];
    let said = format!(
        "capacity {} a second; normal {} asked and {} answered, ten times {} asked and {} answered\n\
         p99 of primary: {} times the normal one, {} times that of primary alone; revoked at every node after {} s\n\
         mean wait for the event {} and {} ms; {} answers, {} of them without an event in the audit log\n",
        figure(it.capacity_per_second),
        figure(it.normal.per_second_asked),
        figure(it.normal.per_second_answered),
        figure(it.over.per_second_asked),
        figure(it.over.per_second_answered),
        figure(it.times_p99_primary),
        figure(it.times_p99_alone),
        figure(it.revoked_seconds),
        figure(it.normal.audit_wait_ms),
        figure(it.over.audit_wait_ms),
        it.answers,
        it.answers_without_event,
    );
    table("Overload", head, &rows) + "\n" + &said
}
