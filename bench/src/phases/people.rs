//! `people`: what a directory of so many accounts costs: how fast they are asked for, what each node holds then, and what a question
//! takes beside them. The accounts are all of one agency: a control officer keeps those of his own, and the cluster has one.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use client::v1;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::clients::client_within;
use crate::cluster::Cluster;
use crate::error::BenchError;
use crate::load::{self, Latency};
use crate::output::{figure, note, table};
use crate::phases::import;
use crate::phases::memory::{self, Memory};
use crate::settle::settle;
use crate::work::{Kind, Supply};

/// Agencies beside the cluster's own.
const AGENCIES: u32 = 1_000;
/// Clients that ask for accounts.
const CLIENTS: usize = 64;
const DEADLINE: Duration = Duration::from_secs(30);

/// What was measured.
#[derive(Debug, Serialize)]
pub struct People {
    pub agencies: u32,
    pub accounts: u32,
    pub accounts_per_second: f64,
    pub memory_before: Vec<Memory>,
    pub memory_after: Vec<Memory>,
    /// Of local screens of one client, before and after.
    pub latency_ms_before: Latency,
    pub latency_ms_after: Latency,
}

/// Makes agencies and asks for accounts.
pub async fn measure(
    (cluster, list): (&Cluster, &Path),
    supply: &Arc<Supply>,
    accounts: u32,
    times: (Duration, Duration),
) -> Result<People, BenchError> {
    import::times(cluster, "list", "csv", list, &["first time"]).await?;
    settle(cluster).await?;
    let before = load::measure(cluster, supply, Kind::Local, 1, times).await?;
    let memory_before = memory::of(cluster, "no accounts but its own")?;
    note(format!("making {AGENCIES} agencies"));
    spread(cluster, "registrar", AGENCIES, |client, number| async move {
        let agency = v1::Agency {
            id: agency_of(number),
            name: format!("Agency number {number} of the department"),
            accepts_level_one: true,
            active: true,
            ..Default::default()
        };
        client.put_agency(v1::PutAgencyRequest { agency: Some(agency), ..Default::default() }).await.map(drop)
    })
    .await?;
    note(format!("asking for {accounts} accounts"));
    let began = Instant::now();
    spread(cluster, "control-officer", accounts, |client, number| async move {
        let user = format!("person-{number}");
        let personal = v1::Personal {
            name: format!("Firstname{number} Lastname{number}"),
            contact: format!("{user}@agency.example, +1 555 0100"),
            badge: format!("B{number}"),
        };
        let request = v1::RequestUserRequest {
            agency: "CBP".into(),
            category: "general".into(),
            control_officer: "control-officer".into(),
            stations: vec!["2404".into()],
            datasets: vec!["tecs".into()],
            certificates: vec![format!("{user}@cards.example")],
            personal: Some(personal),
            user,
            ..Default::default()
        };
        client.request_user(request).await.map(drop)
    })
    .await?;
    let accounts_per_second = f64::from(accounts) / began.elapsed().as_secs_f64();
    settle(cluster).await?;
    let after = load::measure(cluster, supply, Kind::Local, 1, times).await?;
    Ok(People {
        agencies: AGENCIES,
        accounts,
        accounts_per_second,
        memory_before,
        memory_after: memory::of(cluster, "with all accounts")?,
        latency_ms_before: before.latency_ms,
        latency_ms_after: after.latency_ms,
    })
}

fn agency_of(number: u32) -> String {
    format!("AGENCY-{number}")
}

/// Has clients of one person do something for each number: each client takes every so many-th.
async fn spread<W, Done>(cluster: &Cluster, user: &'static str, count: u32, work: W) -> Result<(), BenchError>
where
    W: Fn(client::Client, u32) -> Done + Copy + Send + 'static,
    Done: Future<Output = Result<(), client::ClientError>> + Send,
{
    let mut clients = JoinSet::new();
    for first in 0..CLIENTS as u32 {
        let client = client_within(cluster, first as usize, (user, "administration"), DEADLINE)?;
        clients.spawn(async move {
            for number in (first..count).step_by(CLIENTS) {
                work(client.clone(), number).await?;
            }
            Ok::<(), client::ClientError>(())
        });
    }
    while let Some(ended) = clients.join_next().await {
        let ended = ended.map_err(|error| BenchError::read("a client", error))?;
        ended.map_err(|error| BenchError::Cluster(format!("{}: {error}", error.code)))?;
    }
    Ok(())
}

/// The tables.
pub fn to_text(it: &People) -> String {
    let row = |label: &str, latency: &Latency| [label.to_string(), figure(latency.p50), figure(latency.p99)];
    let rows = [row("before", &it.latency_ms_before), row("after", &it.latency_ms_after)];
    let People { agencies, accounts, .. } = it;
    memory::to_text(&[&it.memory_before[..], &it.memory_after[..]].concat())
        + "\n"
        + &table("One client's screens", ["directory", "p50 ms", "p99 ms"], &rows)
        + &format!(
            "\n{accounts} accounts of one agency, asked for at {} a second, beside {agencies} agencies more\n",
            figure(it.accounts_per_second)
        )
}
