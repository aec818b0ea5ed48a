//! No queue above its bound.

use super::{Case, Findings};

/// Metrics of queues, with the bound of each. (An outbox is no queue that could refuse: what stands in it was committed.)
const BOUNDS: [(&str, f64); 10] = [
    ("portcullis_admission_waiting", model::limits::ADMISSION_QUEUE_MAX as f64),
    ("portcullis_audit_queue", model::limits::AUDIT_QUEUE_MAX as f64),
    ("portcullis_excess_waiting", model::limits::EXCESS_PAUSED_MAX as f64),
    ("portcullis_denials_queue", model::limits::DENIALS_QUEUE_MAX as f64),
    ("portcullis_seen_queue", model::limits::SEEN_QUEUE_MAX as f64),
    ("portcullis_group_proposals", raft::group::PROPOSALS_MAX as f64),
    ("portcullis_group_reads", raft::group::BARRIERS_MAX as f64),
    ("portcullis_log_sync_queue", raft::FLUSH_QUEUE_MAX as f64),
    ("portcullis_passwords_waiting", node::PASSWORDS_WAITING_MAX as f64),
    ("portcullis_searches_waiting", node::SEARCHES_WAITING_MAX as f64),
];

/// Whether a metric is that of a queue: one that is known, or that is called one.
pub fn is_queue(metric: &str) -> bool {
    let called = ["queue", "waiting"].iter().any(|part| metric.ends_with(part));
    called || BOUNDS.iter().any(|(known, _)| *known == metric)
}

pub(super) fn judge(case: &Case<'_>) -> Findings {
    let mut found = Vec::new();
    let end = case.run.trace.now_ms();
    for (node, queues) in &case.run.queues {
        for (metric, highest) in queues {
            let name = metric.split('{').next().unwrap_or(metric);
            match BOUNDS.iter().find(|(known, _)| *known == name) {
                Some((_, bound)) if highest > bound => {
                    found.push((end, format!("{metric} of node {node} was {highest}, its bound is {bound}")));
                }
                Some(_) => {}
                None => found.push((end, format!("{metric} of node {node} is a queue without a stated bound"))),
            }
        }
    }
    found
}
