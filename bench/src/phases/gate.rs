//! `gate`: what the gate and TLS add to a screening. Two clusters with the same list, one as it is run and one in plain text without a
//! gate, are asked the same question in turn, so that whatever else the machine does falls on both.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use client::Client;
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::clients::client;
use crate::cluster::Cluster;
use crate::error::BenchError;
use crate::load::{Latency, latencies};
use crate::output::{figure, table};
use crate::phases::import;
use crate::settle::settle;
use crate::work::{Kind, Supply};

/// Screenings of both, and how many times those of the first take.
#[derive(Debug, Serialize)]
pub struct Gate {
    pub kind: Kind,
    pub questions: u64,
    pub gated_ms: Latency,
    pub ungated_ms: Latency,
    pub times_p50: f64,
    pub times_p99: f64,
}

/// Asks both in turn, after both have taken the list in.
pub async fn measure(
    (gated, ungated): (&Cluster, &Cluster),
    list: &Path,
    supply: &Arc<Supply>,
    (warm_up, time): (Duration, Duration),
) -> Result<Vec<Gate>, BenchError> {
    for cluster in [gated, ungated] {
        import::times(cluster, "list", "csv", list, &["first time"]).await?;
        settle(cluster).await?;
    }
    let clients = [client(gated, 0)?, client(ungated, 0)?];
    let mut measured = Vec::new();
    for kind in [Kind::Local, Kind::Linearizable] {
        in_turn(&clients, supply, kind, warm_up).await?;
        measured.push(in_turn(&clients, supply, kind, time).await?);
    }
    Ok(measured)
}

async fn in_turn(clients: &[Client; 2], supply: &Arc<Supply>, kind: Kind, time: Duration) -> Result<Gate, BenchError> {
    let mut histograms = [latencies()?, latencies()?];
    let begun = Instant::now();
    let mut turn = 0;
    // At least once, so that there is something to divide.
    while turn == 0 || begun.elapsed() < time {
        // Who is first changes, so that neither is always the one after the other.
        for at in if turn % 2 == 0 { [0, 1] } else { [1, 0] } {
            let operation = supply.operation(kind, 0, turn);
            let asked = Instant::now();
            let answer = operation.run(&clients[at]).await;
            let took = asked.elapsed();
            answer.map_err(|(code, text)| BenchError::Cluster(format!("{code}: {text}")))?;
            record(&mut histograms[at], took);
        }
        turn += 1;
    }
    let [gated_ms, ungated_ms] = histograms.each_ref().map(Latency::of);
    Ok(Gate {
        kind,
        questions: turn as u64,
        gated_ms,
        ungated_ms,
        times_p50: gated_ms.p50 / ungated_ms.p50,
        times_p99: gated_ms.p99 / ungated_ms.p99,
    })
}

fn record(histogram: &mut Histogram<u64>, took: Duration) {
    histogram.saturating_record(took.as_micros() as u64);
}

/// The table.
pub fn to_text(measured: &[Gate]) -> String {
    let row = |it: &Gate| {
        let [gated, ungated] = [it.gated_ms, it.ungated_ms];
        let figures = [gated.p50, ungated.p50, it.times_p50, gated.p99, ungated.p99, it.times_p99].map(figure);
        let [p50, p50_open, times_p50, p99, p99_open, times_p99] = figures;
        [it.kind.title().to_string(), it.questions.to_string(), p50, p50_open, times_p50, p99, p99_open, times_p99]
    };
    let head =
        ["one client, in turn", "questions", "gated p50 ms", "ungated", "times", "gated p99", "ungated", "times"];
    table("Screens with TLS and gate, and without either", head, &measured.iter().map(row).collect::<Vec<_>>())
}
