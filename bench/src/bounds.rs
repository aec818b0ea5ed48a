//! What bounds the figures: the work that an operation cost the cluster, from two samples around it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::sample::{NodeSample, Sample};

const SYNCS: &str = "portcullis_log_syncs_total";
const WAITERS: &str = "portcullis_log_sync_waiters_total";
const SYNC_SECONDS: &str = "portcullis_log_sync_seconds_sum";
const APPLIED: &str = "portcullis_group_applied_entries_total";
const APPLY_SECONDS: &str = "portcullis_group_apply_seconds_sum";
const APPLY_BATCHES: &str = "portcullis_group_apply_seconds_count";
const DELIVERED: &str = "portcullis_group_outbox_delivered_total";
const AUDIT_EVENTS: &str = "portcullis_audit_events_total";
const AUDIT_ENTRIES: &str = "portcullis_audit_entries_total";
const LEADS: &str = "portcullis_group_leader";
const PEER_CALLS: &str = "portcullis_peer_calls_total";
const HEARTBEAT: &str = "heartbeat";

/// The work of one node.
#[derive(Debug, Serialize)]
pub struct NodeWork {
    pub node: u64,
    pub leads: Vec<String>,
    pub fsyncs_per_operation: Option<f64>,
    pub fsync_ms: Option<f64>,
    pub waiters_per_fsync: Option<f64>,
    pub cpu_seconds: f64,
    pub cpu_seconds_per_1000: Option<f64>,
    /// Most that was seen during the measurement.
    pub resident_mb: f64,
}

/// The work of the cluster. A figure that there is no count for is none.
#[derive(Debug, Serialize)]
pub struct Bounds {
    pub nodes: Vec<NodeWork>,
    /// Of all nodes together; one write needs two at least, unless it shares them.
    pub fsyncs_per_operation: Option<f64>,
    pub waiters_per_fsync: Option<f64>,
    pub fsync_ms: Option<f64>,
    /// Entries that each replica applied, by group; what the outbox brings along included.
    pub entries_per_operation: Option<f64>,
    pub entries_by_group: BTreeMap<String, f64>,
    pub apply_batch_ms: Option<f64>,
    /// Calls between nodes, each with its answer, without heartbeats.
    pub peer_calls_per_operation: Option<f64>,
    /// The same by call.
    pub peer_calls: BTreeMap<String, f64>,
    pub outbox_per_operation: Option<f64>,
    /// Events of answers in one entry of the audit log.
    pub events_per_audit_entry: Option<f64>,
    /// The same where events come by the outbox: messages delivered in one entry of the audit log.
    pub delivered_per_audit_entry: Option<f64>,
    /// Of this process.
    pub clients_cpu_seconds_per_1000: Option<f64>,
}

fn ratio(of: f64, to: f64) -> Option<f64> {
    (to > 0.0).then(|| of / to)
}

impl Bounds {
    /// The work between two samples, for this many operations; `nodes` has each node's id and most resident bytes.
    pub fn between(before: &Sample, after: &Sample, operations: u64, nodes: &[(u64, u64)]) -> Self {
        let operations = operations as f64;
        let sum = |name: &str| after.sum(name) - before.sum(name);
        let replicas = after.nodes.len().max(1) as f64;
        let groups: BTreeSet<&str> =
            after.nodes.iter().flat_map(|node| node.metrics.by_group(APPLIED)).map(|(group, _)| group).collect();
        let of_group = |sample: &Sample, group: &str| -> f64 {
            sample.nodes.iter().map(|node| node.metrics.of_group(APPLIED, group)).sum()
        };
        let entries: BTreeMap<String, f64> = groups
            .into_iter()
            .map(|group| (group.to_string(), (of_group(after, group) - of_group(before, group)) / replicas))
            .collect();
        let audit_log: f64 = entries.iter().filter(|(group, _)| group.starts_with("audit")).map(|(_, n)| n).sum();
        // Entries that carried events of answers are counted apart from those that carried the outbox's.
        let by_outbox = audit_log - sum(AUDIT_ENTRIES);
        let calls = after.by_label(PEER_CALLS, "call");
        let before_calls = before.by_label(PEER_CALLS, "call");
        let mut peer_calls: BTreeMap<String, f64> =
            calls.into_iter().map(|(call, n)| (call.clone(), n - before_calls.get(&call).unwrap_or(&0.0))).collect();
        peer_calls.retain(|call, count| call != HEARTBEAT && *count > 0.0);
        let own = after.own_cpu_seconds - before.own_cpu_seconds;
        let pairs = before.nodes.iter().zip(&after.nodes).zip(nodes);
        Self {
            nodes: pairs.map(|((before, after), (id, bytes))| work(before, after, operations, *id, *bytes)).collect(),
            fsyncs_per_operation: ratio(sum(SYNCS), operations),
            waiters_per_fsync: ratio(sum(WAITERS), sum(SYNCS)),
            fsync_ms: ratio(sum(SYNC_SECONDS) * 1e3, sum(SYNCS)),
            entries_per_operation: ratio(entries.values().sum(), operations),
            entries_by_group: entries,
            apply_batch_ms: ratio(sum(APPLY_SECONDS) * 1e3, sum(APPLY_BATCHES)),
            peer_calls_per_operation: ratio(peer_calls.values().sum(), operations),
            peer_calls,
            outbox_per_operation: ratio(sum(DELIVERED), operations),
            events_per_audit_entry: ratio(sum(AUDIT_EVENTS), sum(AUDIT_ENTRIES)),
            delivered_per_audit_entry: if sum(DELIVERED) > 0.0 { ratio(sum(DELIVERED), by_outbox) } else { None },
            clients_cpu_seconds_per_1000: ratio(own * 1e3, operations),
        }
    }
}

fn work(before: &NodeSample, after: &NodeSample, operations: f64, node: u64, resident: u64) -> NodeWork {
    let sum = |name: &str| after.metrics.sum(name) - before.metrics.sum(name);
    let cpu_seconds = after.cpu_seconds - before.cpu_seconds;
    NodeWork {
        node,
        leads: leads(after),
        fsyncs_per_operation: ratio(sum(SYNCS), operations),
        fsync_ms: ratio(sum(SYNC_SECONDS) * 1e3, sum(SYNCS)),
        waiters_per_fsync: ratio(sum(WAITERS), sum(SYNCS)),
        cpu_seconds,
        cpu_seconds_per_1000: ratio(cpu_seconds * 1e3, operations),
        resident_mb: resident as f64 / 1e6,
    }
}

/// The groups that a node leads.
pub fn leads(node: &NodeSample) -> Vec<String> {
    node.metrics.by_group(LEADS).filter(|(_, leads)| *leads > 0.0).map(|(group, _)| group.to_string()).collect()
}
