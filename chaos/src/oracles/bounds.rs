//! No queue above its bound.

use super::{Case, Findings};

/// Metrics of queues, with the bound of each.
const BOUNDS: [(&str, f64); 6] = [
    ("portcullis_audit_queue", model::limits::AUDIT_QUEUE_MAX as f64),
    ("portcullis_log_sync_queue", 4_096.0),
    ("portcullis_searches_waiting", 2_048.0),
    ("portcullis_group_proposals_waiting", 4_096.0),
    ("portcullis_group_reads_waiting", 8_192.0),
    ("portcullis_outbox_waiting", f64::INFINITY),
];

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
