//! Metrics of groups and logs. One registry a node; labels are group names, never anything of a person.

use std::time::Duration;

use prometheus::{
    GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use crate::group::{Group, Role};

/// Seconds: from a memory write to a stalled disk.
pub const SECONDS: &[f64] =
    &[0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The log's syncs.
#[derive(Clone)]
pub struct LogMetrics {
    seconds: Histogram,
    syncs: IntCounter,
    covered: IntCounter,
    pub(crate) queue: IntGauge,
}

impl LogMetrics {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let options = HistogramOpts::new("portcullis_log_sync_seconds", "Time of one fdatasync of the log.");
        let metrics = Self {
            seconds: Histogram::with_opts(options.buckets(SECONDS.to_vec()))?,
            syncs: IntCounter::new("portcullis_log_syncs_total", "Syncs of the log.")?,
            covered: IntCounter::new(
                "portcullis_log_sync_waiters_total",
                "Appends and votes that syncs made durable.",
            )?,
            queue: IntGauge::new("portcullis_log_sync_queue", "Appends and votes that wait for a sync.")?,
        };
        registry.register(Box::new(metrics.queue.clone()))?;
        registry.register(Box::new(metrics.seconds.clone()))?;
        registry.register(Box::new(metrics.syncs.clone()))?;
        registry.register(Box::new(metrics.covered.clone()))?;
        Ok(metrics)
    }

    /// A sync made this many waiting writes durable.
    pub fn synced(&self, waiters: usize, took: Duration) {
        self.seconds.observe(took.as_secs_f64());
        self.syncs.inc();
        self.covered.inc_by(waiters as u64);
    }
}

/// What this node asks its peers.
#[derive(Clone)]
pub struct PeerMetrics {
    calls: IntCounterVec,
}

impl PeerMetrics {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let options =
            Opts::new("portcullis_peer_calls_total", "Calls to other nodes, by name and outcome: ok or failed.");
        let metrics = Self { calls: IntCounterVec::new(options, &["call", "outcome"])? };
        registry.register(Box::new(metrics.calls.clone()))?;
        Ok(metrics)
    }

    /// A call ended.
    pub fn called(&self, call: &str, ok: bool) {
        self.calls.with_label_values(&[call, if ok { "ok" } else { "failed" }]).inc();
    }
}

/// A leader that was heard, by itself or with its quorum, within this time is there.
const HEARD_LATELY: Duration = Duration::from_secs(5);
/// Messages of an outbox that are counted at most.
const OUTBOX_COUNTED: usize = 10_000;

/// What each group does.
#[derive(Clone)]
pub struct GroupMetrics {
    pub(crate) apply_seconds: HistogramVec,
    pub(crate) applied_entries: IntCounterVec,
    pub(crate) delivered: IntCounterVec,
    pub(crate) undelivered: IntCounterVec,
    pub(crate) snapshots: IntCounterVec,
    leader: IntGaugeVec,
    role: IntGaugeVec,
    age: GaugeVec,
    proposals: IntGaugeVec,
    reads: IntGaugeVec,
    outbox: IntGaugeVec,
    applied: IntGaugeVec,
    last_log: IntGaugeVec,
    lag: IntGaugeVec,
    leader_known: IntGaugeVec,
}

impl GroupMetrics {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str, labels: &[&str]| IntGaugeVec::new(Opts::new(name, help), labels);
        let counter = |name: &str, help: &str| IntCounterVec::new(Opts::new(name, help), &["group"]);
        let options = HistogramOpts::new("portcullis_group_apply_seconds", "Time to apply one batch of entries.");
        let metrics = Self {
            apply_seconds: HistogramVec::new(options.buckets(SECONDS.to_vec()), &["group"])?,
            applied_entries: counter("portcullis_group_applied_entries_total", "Log entries applied.")?,
            delivered: counter("portcullis_group_outbox_delivered_total", "Outbox messages delivered to their group.")?,
            undelivered: counter(
                "portcullis_group_outbox_failures_total",
                "Deliveries that failed and are tried again.",
            )?,
            snapshots: counter("portcullis_group_snapshots_total", "Snapshots taken.")?,
            leader: gauge("portcullis_group_leader", "1 where this node leads the group.", &["group"])?,
            role: gauge("portcullis_group_role", "1 for what this replica is in the group.", &["group", "role"])?,
            age: GaugeVec::new(
                Opts::new(
                    "portcullis_group_copy_age_seconds",
                    "How old this copy may be; -1 where it was never fresh.",
                ),
                &["group"],
            )?,
            proposals: gauge("portcullis_group_proposals", "Proposals that wait for their outcome here.", &["group"])?,
            reads: gauge("portcullis_group_reads", "Linearizable reads that wait for the leader's word.", &["group"])?,
            outbox: gauge(
                "portcullis_group_outbox_messages",
                "Messages that this leader has to deliver, counted up to 10,000.",
                &["group"],
            )?,
            applied: gauge("portcullis_group_applied_index", "Last log entry applied.", &["group"])?,
            last_log: gauge("portcullis_group_last_log_index", "Last log entry stored.", &["group"])?,
            lag: gauge(
                "portcullis_group_lag_entries",
                "Entries committed in the cluster and not applied here.",
                &["group"],
            )?,
            leader_known: gauge(
                "portcullis_group_has_leader",
                "1 where the group's leader is known and was heard within 5 s.",
                &["group"],
            )?,
        };
        let gauges = [&metrics.leader, &metrics.role, &metrics.applied, &metrics.last_log, &metrics.lag];
        let more = [&metrics.leader_known, &metrics.proposals, &metrics.reads, &metrics.outbox];
        for vec in gauges.into_iter().chain(more) {
            registry.register(Box::new(vec.clone()))?;
        }
        for vec in [&metrics.applied_entries, &metrics.delivered, &metrics.undelivered, &metrics.snapshots] {
            registry.register(Box::new(vec.clone()))?;
        }
        registry.register(Box::new(metrics.age.clone()))?;
        registry.register(Box::new(metrics.apply_seconds.clone()))?;
        Ok(metrics)
    }

    /// Takes over how a group stands.
    pub fn observe(&self, group: &Group) {
        let (status, name) = (group.status(), group.id().to_string());
        let labels = &[name.as_str()];
        let leads = status.role == Role::Leader;
        self.leader.with_label_values(labels).set(i64::from(leads));
        for role in Role::ALL {
            self.role.with_label_values(&[name.as_str(), role.name()]).set(i64::from(status.role == role));
        }
        self.applied.with_label_values(labels).set(status.applied as i64);
        self.last_log.with_label_values(labels).set(status.last_log as i64);
        self.lag.with_label_values(labels).set(status.committed.saturating_sub(status.applied) as i64);
        let age = group.staleness();
        let heard = status.leader.is_some() && age.is_some_and(|age| age < HEARD_LATELY);
        self.leader_known.with_label_values(labels).set(i64::from(heard));
        self.age.with_label_values(labels).set(age.map_or(-1.0, |age| age.as_secs_f64()));
        let (proposals, reads) = group.waiting();
        self.proposals.with_label_values(labels).set(proposals as i64);
        self.reads.with_label_values(labels).set(reads as i64);
        let outbox = if leads { group.read(|state| state.outbox_length(OUTBOX_COUNTED)).unwrap_or(0) } else { 0 };
        self.outbox.with_label_values(labels).set(outbox as i64);
    }
}
