//! Clients in closed loops: each asks, waits for the answer and asks again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use client::Client;
use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::bounds::Bounds;
use crate::clients::client;
use crate::cluster::Cluster;
use crate::error::BenchError;
use crate::process::memory;
use crate::sample::Sample;
use crate::work::{Answer, Kind, Supply};

/// Between two looks at the nodes' memory.
const LOOK: Duration = Duration::from_millis(500);
/// Significant digits of latencies, which are counted in microseconds.
const DIGITS: u8 = 3;
/// The longest latency that is told from longer ones: beyond any deadline.
const LATENCY_MAX: Duration = Duration::from_secs(300);

const WARM_UP: u8 = 0;
const MEASURING: u8 = 1;
const OVER: u8 = 2;

/// Latencies in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Latency {
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

impl Latency {
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1e3;
        Self { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: histogram.max() as f64 / 1e3 }
    }
}

/// What was measured with a number of clients.
#[derive(Debug, Serialize)]
pub struct Load {
    pub kind: Kind,
    pub clients: u16,
    pub seconds: f64,
    /// Answered within the measured time.
    pub operations: u64,
    pub per_second: f64,
    /// Of operations that began in the measured time, to their end.
    pub latency_ms: Latency,
    pub errors: u64,
    /// Of calls that failed, which are not among the latencies.
    pub slowest_error_ms: f64,
    /// Errors by code, with the text of the first; those of the warm-up too.
    pub error_kinds: BTreeMap<String, (u64, String)>,
    /// Of the questions about listed travellers, the share whose answer held the right entry.
    pub listed_found: Option<f64>,
    pub bounds: Bounds,
}

/// A histogram of latencies in microseconds.
pub fn latencies() -> Result<Histogram<u64>, BenchError> {
    Histogram::new_with_bounds(1, LATENCY_MAX.as_micros() as u64, DIGITS)
        .map_err(|error| BenchError::read("histogram", error))
}

/// What one client counted, and then all together.
struct Count {
    histogram: Histogram<u64>,
    operations: u64,
    errors: BTreeMap<String, (u64, String)>,
    slowest_error: Duration,
    listed: u64,
    found: u64,
}

impl Count {
    fn new() -> Result<Self, BenchError> {
        Ok(Self {
            histogram: latencies()?,
            operations: 0,
            errors: BTreeMap::new(),
            slowest_error: Duration::ZERO,
            listed: 0,
            found: 0,
        })
    }

    fn failed(&mut self, code: String, count: u64, text: String) {
        self.errors.entry(code).or_insert((0, text)).0 += count;
    }

    fn add(&mut self, other: Self) -> Result<(), BenchError> {
        self.histogram.add(&other.histogram).map_err(|error| BenchError::read("histogram", error))?;
        self.operations += other.operations;
        self.slowest_error = self.slowest_error.max(other.slowest_error);
        self.listed += other.listed;
        self.found += other.found;
        other.errors.into_iter().for_each(|(code, (count, text))| self.failed(code, count, text));
        Ok(())
    }
}

/// Measures a kind of operation with a number of clients.
pub async fn measure(
    cluster: &Cluster,
    supply: &Arc<Supply>,
    kind: Kind,
    clients: u16,
    (warm_up, time): (Duration, Duration),
) -> Result<Load, BenchError> {
    let stage = Arc::new(AtomicU8::new(WARM_UP));
    let mut loops = JoinSet::new();
    for number in 0..usize::from(clients) {
        let one = one_client(client(cluster, number)?, supply.clone(), kind, number, stage.clone());
        loops.spawn(one);
    }
    tokio::time::sleep(warm_up).await;
    let before = Sample::of(cluster).await?;
    let begun = Instant::now();
    stage.store(MEASURING, Ordering::Relaxed);
    let resident = watch_memory(cluster, begun + time).await?;
    stage.store(OVER, Ordering::Relaxed);
    let seconds = begun.elapsed().as_secs_f64();
    let after = Sample::of(cluster).await?;
    let mut count = Count::new()?;
    while let Some(ended) = loops.join_next().await {
        count.add(ended.map_err(|error| BenchError::read("a client", error))??)?;
    }
    let nodes: Vec<(u64, u64)> = cluster.nodes().iter().map(|node| node.id).zip(resident).collect();
    Ok(Load {
        kind,
        clients,
        seconds,
        operations: count.operations,
        per_second: count.operations as f64 / seconds,
        latency_ms: Latency::of(&count.histogram),
        errors: count.errors.values().map(|(count, _)| count).sum(),
        slowest_error_ms: count.slowest_error.as_secs_f64() * 1e3,
        error_kinds: count.errors,
        listed_found: (count.listed > 0).then(|| count.found as f64 / count.listed as f64),
        bounds: Bounds::between(&before, &after, count.operations, &nodes),
    })
}

async fn one_client(
    client: Client,
    supply: Arc<Supply>,
    kind: Kind,
    number: usize,
    stage: Arc<AtomicU8>,
) -> Result<Count, BenchError> {
    let mut count = Count::new()?;
    for turn in 0.. {
        let operation = supply.operation(kind, number, turn);
        let began_in = stage.load(Ordering::Relaxed);
        if began_in == OVER {
            break;
        }
        let begun = Instant::now();
        let result = operation.run(&client).await;
        let took = begun.elapsed();
        let answer = match result {
            Ok(answer) => answer,
            Err((code, text)) => {
                count.failed(code, 1, text);
                count.slowest_error = count.slowest_error.max(took);
                continue;
            }
        };
        // A slow operation that ends after the measured time belongs to its latencies all the same, or the slowest would be
        // left out; it does not belong to its rate.
        if began_in == MEASURING {
            count.histogram.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
            if let Answer::Listed(found) = answer {
                count.listed += 1;
                count.found += u64::from(found);
            }
        }
        count.operations += u64::from(stage.load(Ordering::Relaxed) == MEASURING);
    }
    Ok(count)
}

/// Waits, and returns the most memory that each node was seen with.
async fn watch_memory(cluster: &Cluster, until: Instant) -> Result<Vec<u64>, BenchError> {
    let mut most = vec![0; cluster.nodes().len()];
    loop {
        for (most, node) in most.iter_mut().zip(cluster.nodes()) {
            *most = memory(node.pid)?.resident.max(*most);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(most);
        }
        tokio::time::sleep(left.min(LOOK)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_kept_from_microseconds_to_minutes() {
        let mut count = Count::new().expect("histogram");
        for micros in [1_500, 2_500, 90_000_000] {
            count.histogram.saturating_record(micros);
        }
        let latency = Latency::of(&count.histogram);
        assert!((latency.p50 - 2.5).abs() < 0.01, "{latency:?}");
        assert!((latency.max - 90_000.0).abs() < 100.0, "{latency:?}");
    }
}
