//! `memory`: what each node holds with a list imported and questions answered.

use serde::Serialize;

use crate::cluster::Cluster;
use crate::error::BenchError;
use crate::output::{figure, table};
use crate::process;

/// One node's memory, in megabytes of a million bytes.
#[derive(Debug, Clone, Serialize)]
pub struct Memory {
    pub list: String,
    pub node: u64,
    pub resident_mb: f64,
    pub anonymous_mb: f64,
    pub peak_mb: f64,
}

/// Looks at all nodes.
pub fn of(cluster: &Cluster, list: &str) -> Result<Vec<Memory>, BenchError> {
    let mb = |bytes: u64| bytes as f64 / 1e6;
    let one = |node: &crate::cluster::Node| {
        let process::Memory { resident, anonymous, peak } = process::memory(node.pid)?;
        let (resident_mb, anonymous_mb, peak_mb) = (mb(resident), mb(anonymous), mb(peak));
        Ok(Memory { list: list.to_string(), node: node.id, resident_mb, anonymous_mb, peak_mb })
    };
    cluster.nodes().iter().map(one).collect()
}

/// For people.
pub fn to_text(memory: &[Memory]) -> String {
    let rows: Vec<_> = memory
        .iter()
        .map(|m| {
            let label = format!("{}, node {}", m.list, m.node);
            [label, figure(m.resident_mb), figure(m.anonymous_mb), figure(m.peak_mb)]
        })
        .collect();
    table("Memory of a node, MB", ["list", "resident", "of it anonymous", "peak so far"], &rows)
}
