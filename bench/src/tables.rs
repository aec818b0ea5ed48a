//! Tables of load: the figures, and below them what bounds them.

use crate::bounds::{Bounds, NodeWork};
use crate::load::Load;
use crate::output::{figure, figure_or_none, table};

/// The tables of measurements of one kind.
pub fn to_text(loads: &[Load]) -> String {
    let Some(first) = loads.first() else { return String::new() };
    let mut text = figures(first.kind.title(), loads);
    for load in loads {
        for (code, (count, example)) in &load.error_kinds {
            text.push_str(&format!("\n  {} clients: {count} errors `{code}`, such as: {example}", load.clients));
        }
        if load.slowest_error_ms > 0.0 {
            let slowest = figure(load.slowest_error_ms);
            text.push_str(&format!("\n  {} clients: the slowest call that failed took {slowest} ms", load.clients));
        }
    }
    format!("{text}\n{}\n{}", cluster(loads), nodes(loads))
}

fn figures(title: &str, loads: &[Load]) -> String {
    let rows: Vec<_> = loads
        .iter()
        .map(|load| {
            let latency = load.latency_ms;
            let times = [latency.p50, latency.p99, latency.p999, latency.max].map(figure);
            let [p50, p99, p999, max] = times;
            let found = load.listed_found.map(|share| share * 100.0);
            let (clients, rate) = (load.clients.to_string(), figure(load.per_second));
            [clients, rate, p50, p99, p999, max, load.errors.to_string(), figure_or_none(found)]
        })
        .collect();
    table(title, ["clients", "per s", "p50 ms", "p99", "p99.9", "max", "errors", "listed found %"], &rows)
}

fn cluster(loads: &[Load]) -> String {
    let rows: Vec<_> = loads
        .iter()
        .map(|Load { clients, bounds: b, .. }| {
            [
                clients.to_string(),
                figure_or_none(b.fsyncs_per_operation),
                figure_or_none(b.waiters_per_fsync),
                figure_or_none(b.fsync_ms),
                figure_or_none(b.entries_per_operation),
                figure_or_none(b.peer_calls_per_operation),
                figure_or_none(b.events_per_audit_entry),
                figure_or_none(b.outbox_per_operation),
                figure_or_none(b.delivered_per_audit_entry),
                figure_or_none(b.apply_batch_ms),
            ]
        })
        .collect();
    let head = [
        "clients",
        "fsyncs/op",
        "waiters/fsync",
        "fsync ms",
        "entries/op",
        "messages/op",
        "events/audit entry",
        "outbox/op",
        "outbox/audit entry",
        "apply ms",
    ];
    table(
        "What bounds it: the cluster (fsyncs of all nodes; entries as each replica applies them; messages between nodes, each with\nits answer, without heartbeats)",
        head,
        &rows,
    )
}

fn nodes(loads: &[Load]) -> String {
    let each = |bounds: &Bounds, of: fn(&NodeWork) -> Option<f64>| {
        bounds.nodes.iter().map(|node| figure_or_none(of(node))).collect::<Vec<_>>().join(" / ")
    };
    let rows: Vec<_> = loads
        .iter()
        .map(|Load { clients, bounds: b, .. }| {
            [
                clients.to_string(),
                each(b, |node| node.fsyncs_per_operation),
                each(b, |node| node.fsync_ms),
                each(b, |node| node.cpu_seconds_per_1000),
                figure_or_none(b.clients_cpu_seconds_per_1000),
                each(b, |node| Some(node.resident_mb)),
                b.nodes.iter().map(|node| node.leads.len().to_string()).collect::<Vec<_>>().join(" / "),
            ]
        })
        .collect();
    let head =
        ["clients", "fsyncs/op", "fsync ms", "CPU s/1000 op", "CPU s/1000 op, clients", "resident MB, most", "leads"];
    table("What bounds it: node by node", head, &rows)
}
