//! Waits until the cluster has done what earlier work left behind, so that each measurement pays for its own.

use std::time::{Duration, Instant};

use crate::cluster::Cluster;
use crate::error::BenchError;
use crate::output::note;
use crate::sample::Sample;

const APPLIED: &str = "portcullis_group_applied_entries_total";
const INDEXED: &str = "portcullis_index_records_total";
/// Nothing may have moved for so long.
const QUIET: Duration = Duration::from_millis(1_200);
/// It is measured then even so, and said.
const MAX: Duration = Duration::from_secs(60);

/// Waits until neither logs nor search indexes move. (The index's lag in entries is no sign: entries without a record in them
/// stay uncovered.)
pub async fn settle(cluster: &Cluster) -> Result<(), BenchError> {
    let until = Instant::now() + MAX;
    let mut seen = None;
    while Instant::now() < until {
        let sample = Sample::of(cluster).await?;
        let now = Some((sample.sum(APPLIED), sample.sum(INDEXED)));
        if now == seen {
            return Ok(());
        }
        seen = now;
        tokio::time::sleep(QUIET).await;
    }
    note(format!("the cluster is still at work after {} s of rest; measuring all the same", MAX.as_secs()));
    Ok(())
}
