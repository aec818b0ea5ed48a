//! All nodes at one moment: metrics, processor time, memory.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;

use crate::cluster::{Cluster, Node};
use crate::error::BenchError;
use crate::metrics::Scrape;
use crate::process::cpu_seconds;

/// One node at that moment.
pub struct NodeSample {
    pub cpu_seconds: f64,
    pub metrics: Scrape,
}

/// The cluster at that moment.
pub struct Sample {
    /// In the order of the cluster's nodes.
    pub nodes: Vec<NodeSample>,
    /// Of this process: on a small machine the clients cost their share.
    pub own_cpu_seconds: f64,
}

impl Sample {
    /// Looks at all nodes.
    pub async fn of(cluster: &Cluster) -> Result<Self, BenchError> {
        let nodes = try_join_all(cluster.nodes().iter().map(node)).await?;
        Ok(Self { nodes, own_cpu_seconds: cpu_seconds(std::process::id())? })
    }

    /// A metric, summed over nodes, by the values of one label.
    pub fn by_label(&self, name: &str, label: &str) -> BTreeMap<String, f64> {
        let mut sums = BTreeMap::new();
        for (value, count) in self.nodes.iter().flat_map(|node| node.metrics.by_label(name, label)) {
            *sums.entry(value.to_string()).or_default() += count;
        }
        sums
    }

    /// A metric, summed over nodes and labels.
    pub fn sum(&self, name: &str) -> f64 {
        self.nodes.iter().map(|node| node.metrics.sum(name)).sum()
    }
}

async fn node(node: &Node) -> Result<NodeSample, BenchError> {
    let metrics = Scrape::of(&node.http).await?;
    Ok(NodeSample { cpu_seconds: cpu_seconds(node.pid)?, metrics })
}
