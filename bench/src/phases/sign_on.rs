//! `sign-on`: how many people log on in a second, as at the change of a shift or after an outage. Each client logs on and at once on
//! again; a session of before ends as sessions do when there are too many.
//!
//! By password, each tries a wrong one for a user that does not exist: a node hashes and records it as any other, and no code is
//! waited for, of which there is one in half a minute.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use client::v1::Factors;
use hdrhistogram::Histogram;
use model::ids::to_hex;
use model::session::banner_digest;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::clients::log_on_client;
use crate::cluster::Cluster;
use crate::error::BenchError;
use crate::load::{Latency, latencies};
use crate::output::{figure, table};

/// Those of a playground's people who log on.
const PEOPLE: [&str; 6] = ["officer", "supervisor", "registrar", "privacy-officer", "custodian", "policy-officer"];

const WARM_UP: u8 = 0;
const MEASURING: u8 = 1;
const OVER: u8 = 2;

/// How somebody logs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// By certificate, on a connection that stands.
    Certificate,
    /// By certificate, with a connection and so a handshake for each.
    Connection,
    /// By password, refused.
    Password,
}

impl Way {
    pub const ALL: [Self; 3] = [Self::Certificate, Self::Connection, Self::Password];

    /// As tables name it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Certificate => "by certificate",
            Self::Connection => "by certificate, each on a new connection",
            Self::Password => "by password, refused",
        }
    }
}

/// What was measured.
#[derive(Debug, Serialize)]
pub struct SignOn {
    pub way: Way,
    pub clients: u16,
    pub log_ons: u64,
    pub per_second: f64,
    pub latency_ms: Latency,
    pub errors: u64,
    pub error_kinds: BTreeMap<String, u64>,
}

struct Count {
    histogram: Histogram<u64>,
    errors: BTreeMap<String, u64>,
}

/// Measures one way with a number of clients.
pub async fn measure(
    cluster: &Cluster,
    way: Way,
    clients: u16,
    (warm_up, time): (Duration, Duration),
) -> Result<SignOn, BenchError> {
    let terminal = "terminal-CBP-2404";
    if way == Way::Password && !cluster.pki().join(format!("{terminal}.pem")).is_file() {
        let pki = cluster.pki().display().to_string();
        cluster.run::<serde_json::Value>(&["pki", "issue", &pki, "terminal", "CBP", "2404"]).await?;
    }
    let stage = Arc::new(AtomicU8::new(WARM_UP));
    let mut loops = JoinSet::new();
    for number in 0..usize::from(clients) {
        let (user, files) = match way {
            Way::Password => (format!("nobody-{number}"), cluster.files_of(terminal)),
            _ => {
                let user = PEOPLE[number % PEOPLE.len()];
                (user.to_string(), cluster.files_of(&format!("user-{user}")))
            }
        };
        let placed = cluster.endpoints();
        let first = log_on_client(cluster, number, &user, files.clone())?;
        let again = match way {
            Way::Connection => Some((placed, user, files)),
            _ => None,
        };
        loops.spawn(one_client(first, again, way, stage.clone()));
    }
    tokio::time::sleep(warm_up).await;
    let begun = Instant::now();
    stage.store(MEASURING, Ordering::Relaxed);
    tokio::time::sleep(time).await;
    stage.store(OVER, Ordering::Relaxed);
    let seconds = begun.elapsed().as_secs_f64();
    let mut all = Count { histogram: latencies()?, errors: BTreeMap::new() };
    while let Some(ended) = loops.join_next().await {
        let one: Count = ended.map_err(|error| BenchError::read("a client", error))??;
        all.histogram.add(&one.histogram).map_err(|error| BenchError::read("histogram", error))?;
        one.errors.into_iter().for_each(|(code, count)| *all.errors.entry(code).or_insert(0) += count);
    }
    let log_ons = all.histogram.len();
    Ok(SignOn {
        way,
        clients,
        log_ons,
        per_second: log_ons as f64 / seconds,
        latency_ms: Latency::of(&all.histogram),
        errors: all.errors.values().sum(),
        error_kinds: all.errors,
    })
}

async fn one_client(
    first: client::Client,
    again: Option<(Vec<String>, String, channel::Files)>,
    way: Way,
    stage: Arc<AtomicU8>,
) -> Result<Count, BenchError> {
    let mut count = Count { histogram: latencies()?, errors: BTreeMap::new() };
    let banner = to_hex(&banner_digest());
    let factors =
        (way == Way::Password).then(|| Factors { password: "not anybody's at all".into(), code: "000000".into() });
    let mut client = first;
    for turn in 0.. {
        let measured = match stage.load(Ordering::Relaxed) {
            OVER => break,
            now => now == MEASURING,
        };
        let asked = Instant::now();
        if let Some((endpoints, user, files)) = &again {
            client = crate::clients::connect_anew(endpoints, turn, user, files.clone())?;
        }
        let answer = client.log_on(&banner, factors.clone()).await;
        let took = asked.elapsed();
        match answer {
            Ok(_) if measured => count.histogram.saturating_record(took.as_micros() as u64),
            Err(error) if measured && way == Way::Password && error.code == "log-on-refused" => {
                count.histogram.saturating_record(took.as_micros() as u64);
            }
            Ok(_) => {}
            Err(error) if way == Way::Password && error.code == "log-on-refused" => {}
            Err(error) => *count.errors.entry(error.code).or_insert(0) += 1,
        }
    }
    Ok(count)
}

/// The table.
pub fn to_text(measured: &[SignOn]) -> String {
    let row = |it: &SignOn| {
        let [rate, p50, p99, max] =
            [it.per_second, it.latency_ms.p50, it.latency_ms.p99, it.latency_ms.max].map(figure);
        [
            it.way.title().to_string(),
            it.clients.to_string(),
            it.log_ons.to_string(),
            rate,
            p50,
            p99,
            max,
            it.errors.to_string(),
        ]
    };
    let head = ["log-ons", "clients", "number", "per second", "p50 ms", "p99 ms", "max ms", "errors"];
    table("Log-ons", head, &measured.iter().map(row).collect::<Vec<_>>())
}
