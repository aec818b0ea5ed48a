//! Metrics of a node: one registry each, labels that name calls, codes and groups, never anything of a person.

use std::time::Duration;

use model::ids::GroupId;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};
use raft::metrics::{GroupMetrics, LogMetrics, PeerMetrics, SECONDS};

use crate::audit::{AuditMetrics, PublishMetrics};
use crate::gate::{AccessMetrics, AdmissionMetrics, DenialMetrics, Seen};
use crate::keys::KeyMetrics;
use crate::passwords::Hashing;
use crate::searches::Searches;

/// All metrics of a node.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    pub log: LogMetrics,
    pub groups: GroupMetrics,
    pub peers: PeerMetrics,
    pub audit: AuditMetrics,
    pub publish: PublishMetrics,
    pub search: SearchMetrics,
    pub searches: Searches,
    pub access: AccessMetrics,
    pub denials: DenialMetrics,
    pub admission: AdmissionMetrics,
    pub seen: Seen,
    pub hashing: Hashing,
    pub keys: KeyMetrics,
    calls: IntCounterVec,
    seconds: HistogramVec,
    overridden: IntCounter,
    ready: IntGauge,
}

impl Metrics {
    /// A registry with every metric.
    /// `searches` is how many questions search at a time.
    pub fn new(searches: usize) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let seconds = HistogramOpts::new("portcullis_call_seconds", "Time of a call, audit included.");
        let metrics = Self {
            log: LogMetrics::new(&registry)?,
            groups: GroupMetrics::new(&registry)?,
            peers: PeerMetrics::new(&registry)?,
            audit: AuditMetrics::new(&registry)?,
            publish: PublishMetrics::new(&registry)?,
            search: SearchMetrics::new(&registry)?,
            searches: Searches::new(searches, &registry)?,
            access: AccessMetrics::new(&registry)?,
            denials: DenialMetrics::new(&registry)?,
            admission: AdmissionMetrics::new(&registry)?,
            seen: Seen::new(&registry)?,
            hashing: Hashing::new(searches.div_ceil(2), &registry)?,
            keys: KeyMetrics::new(&registry)?,
            calls: IntCounterVec::new(
                Opts::new(
                    "portcullis_calls_total",
                    "Calls by name and outcome: ok, a stable error code, or gone if the client left.",
                ),
                &["call", "outcome"],
            )?,
            seconds: HistogramVec::new(seconds.buckets(SECONDS.to_vec()), &["call"])?,
            overridden: IntCounter::new(
                "portcullis_hits_overridden_total",
                "Hits that left with the mark of an override: people who were not stopped again.",
            )?,
            ready: IntGauge::new("portcullis_ready", "1 while every group has a leader and this node serves.")?,
            registry,
        };
        metrics.registry.register(Box::new(metrics.calls.clone()))?;
        metrics.registry.register(Box::new(metrics.seconds.clone()))?;
        metrics.registry.register(Box::new(metrics.overridden.clone()))?;
        metrics.registry.register(Box::new(metrics.ready.clone()))?;
        Ok(metrics)
    }

    /// A call ended.
    pub fn called(&self, call: &'static str, outcome: &str, took: Duration) {
        self.calls.with_label_values(&[call, outcome]).inc();
        self.seconds.with_label_values(&[call]).observe(took.as_secs_f64());
    }

    /// An answer left with so many overridden hits.
    pub fn overridden(&self, hits: usize) {
        self.overridden.inc_by(hits as u64);
    }

    /// Whether the node is ready.
    pub fn set_ready(&self, ready: bool) {
        self.ready.set(i64::from(ready));
    }

    /// The exposition text of Prometheus.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

/// How the search indexes stand.
#[derive(Clone)]
pub struct SearchMetrics {
    covered: IntGaugeVec,
    lag: IntGaugeVec,
    pending: IntGaugeVec,
    records: IntCounterVec,
    held: IntGaugeVec,
}

impl SearchMetrics {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| IntGaugeVec::new(Opts::new(name, help), &["group"]);
        let indexed = Opts::new("portcullis_index_records_total", "Records written to the search index.");
        let held =
            Opts::new("portcullis_index_records", "Records that stand in each index: level 4 in one of its own.");
        let metrics = Self {
            covered: gauge("portcullis_index_covered_index", "Log entry that the search index covers.")?,
            lag: gauge("portcullis_index_lag_entries", "Log entries applied and not indexed.")?,
            pending: gauge("portcullis_index_pending_records", "Changes that the last question matched unindexed.")?,
            records: IntCounterVec::new(indexed, &["group"])?,
            held: IntGaugeVec::new(held, &["group", "index"])?,
        };
        for vec in [&metrics.covered, &metrics.lag, &metrics.pending] {
            registry.register(Box::new(vec.clone()))?;
        }
        registry.register(Box::new(metrics.records.clone()))?;
        registry.register(Box::new(metrics.held.clone()))?;
        Ok(metrics)
    }

    /// Each index holds so many records.
    pub fn held(&self, group: GroupId, counts: [(&str, u64); 2]) {
        for (index, count) in counts {
            self.held.with_label_values(&[&group.to_string(), index]).set(count as i64);
        }
    }

    /// The index covers the log up to an entry.
    pub fn indexed(&self, group: GroupId, covered: u64, lag: u64, records: usize) {
        let group = group.to_string();
        self.covered.with_label_values(&[&group]).set(covered as i64);
        self.lag.with_label_values(&[&group]).set(lag as i64);
        self.records.with_label_values(&[&group]).inc_by(records as u64);
    }

    /// Changes that a question had to match from the feed.
    pub fn pending(&self, group: GroupId, changes: usize) {
        self.pending.with_label_values(&[&group.to_string()]).set(changes as i64);
    }
}
