//! `idle`: what nodes cost that have groups and nothing to do.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::cluster::Cluster;
use crate::error::BenchError;
use crate::output::{figure, table};
use crate::sample::Sample;

/// How long is watched.
const TIME: Duration = Duration::from_secs(10);

/// One node at rest.
#[derive(Debug, Serialize)]
pub struct Idle {
    pub node: u64,
    pub groups: usize,
    pub seconds: f64,
    /// Of one core.
    pub cpu_percent: f64,
    pub fsyncs: f64,
}

/// Watches a cluster of which nobody wants anything.
pub async fn measure(cluster: &Cluster, groups: usize) -> Result<Vec<Idle>, BenchError> {
    let before = Sample::of(cluster).await?;
    let begun = Instant::now();
    tokio::time::sleep(TIME).await;
    let seconds = begun.elapsed().as_secs_f64();
    let after = Sample::of(cluster).await?;
    let pairs = before.nodes.iter().zip(&after.nodes).zip(cluster.nodes());
    let idle = pairs.map(|((before, after), node)| {
        let syncs = "portcullis_log_syncs_total";
        Idle {
            node: node.id,
            groups,
            seconds,
            cpu_percent: (after.cpu_seconds - before.cpu_seconds) / seconds * 100.0,
            fsyncs: after.metrics.sum(syncs) - before.metrics.sum(syncs),
        }
    });
    Ok(idle.collect())
}

/// For people.
pub fn to_text(idle: &[Idle]) -> String {
    let rows: Vec<_> = idle
        .iter()
        .map(|i| {
            let label = format!("node {}, {} groups", i.node, i.groups);
            [label, figure(i.cpu_percent), figure(i.fsyncs), figure(i.seconds)]
        })
        .collect();
    table("Idle", ["node", "% of a core", "fsyncs", "seconds"], &rows)
}
