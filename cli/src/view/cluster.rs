//! The state of a cluster, and whose view it is.

use std::fmt::Write;

use client::v1;
use serde::Serialize;

/// A cluster as one node sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    pub cluster_id: String,
    /// Whose view this is.
    pub node: u64,
    pub version: String,
    pub ready: bool,
    pub groups: Vec<Group>,
    pub nodes: Vec<Node>,
}

/// A group as this node sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    pub group: String,
    pub role: String,
    pub leader: Option<u64>,
    pub term: u64,
    pub last_log: u64,
    pub committed: u64,
    pub applied: u64,
    pub snapshot: u64,
    pub purged: u64,
    pub indexed: u64,
    pub voters: Vec<u64>,
    pub learners: Vec<u64>,
    pub lag: Vec<Lag>,
}

/// How far another node's log is, as a leader knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lag {
    pub node: u64,
    pub matched: u64,
}

/// A node and whether it can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    pub node: u64,
    pub address: String,
    pub reachable: bool,
}

impl From<v1::StatusResponse> for Status {
    fn from(message: v1::StatusResponse) -> Self {
        let v1::StatusResponse { cluster_id, node, version, groups, nodes, ready } = message;
        let nodes = nodes
            .into_iter()
            .map(|v1::NodeStatus { node, address, reachable }| Node { node, address, reachable })
            .collect();
        Self { cluster_id, node, version, ready, groups: groups.into_iter().map(Group::from).collect(), nodes }
    }
}

impl From<v1::GroupStatus> for Group {
    fn from(message: v1::GroupStatus) -> Self {
        let v1::GroupStatus {
            group,
            role,
            leader,
            term,
            last_log,
            committed,
            applied,
            snapshot,
            purged,
            voters,
            learners,
            indexed,
            lag,
        } = message;
        Self {
            group,
            role,
            leader: (leader != 0).then_some(leader),
            term,
            last_log,
            committed,
            applied,
            snapshot,
            purged,
            indexed,
            voters,
            learners,
            lag: lag.into_iter().map(|v1::Lag { node, matched }| Lag { node, matched }).collect(),
        }
    }
}

fn list(ids: &[u64]) -> String {
    if ids.is_empty() { "-".to_string() } else { ids.iter().map(u64::to_string).collect::<Vec<_>>().join(",") }
}

impl Status {
    /// A table of groups and one of nodes, and whose view it is.
    pub fn to_text(&self) -> String {
        let ready = if self.ready { "ready" } else { "not ready" };
        let mut text =
            format!("Cluster {}, as node {} ({}) sees it: {ready}\n\n", self.cluster_id, self.node, self.version);
        let _ = writeln!(
            text,
            "{:<12} {:<10} {:>6} {:>5} {:>10} {:>10} {:>10} {:>10}  {:<10} learners",
            "group", "role here", "leader", "term", "committed", "applied", "indexed", "snapshot", "voters"
        );
        for group in &self.groups {
            let leader = group.leader.map_or("none".to_string(), |leader| leader.to_string());
            let indexed = if group.group.starts_with("records-") { group.indexed.to_string() } else { "-".to_string() };
            let _ = writeln!(
                text,
                "{:<12} {:<10} {leader:>6} {:>5} {:>10} {:>10} {indexed:>10} {:>10}  {:<10} {}",
                group.group,
                group.role,
                group.term,
                group.committed,
                group.applied,
                group.snapshot,
                list(&group.voters),
                list(&group.learners)
            );
        }
        text.push('\n');
        for node in &self.nodes {
            let reachable = if node.reachable { "reachable" } else { "NOT REACHABLE" };
            let _ = writeln!(text, "node {:<4} {:<22} {reachable}", node.node, node.address);
        }
        text
    }
}

/// Who votes and who learns, per group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Membership {
    pub groups: Vec<Members>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<Node>,
}

/// The members of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Members {
    pub group: String,
    pub voters: Vec<u64>,
    pub learners: Vec<u64>,
}

impl From<v1::MembershipResponse> for Membership {
    fn from(message: v1::MembershipResponse) -> Self {
        let groups = message.groups.into_iter();
        let groups = groups.map(|v1::GroupMembers { group, voters, learners }| Members { group, voters, learners });
        Self { groups: groups.collect(), nodes: Vec::new() }
    }
}

impl From<Status> for Membership {
    fn from(status: Status) -> Self {
        let groups = status.groups.into_iter();
        let groups = groups.map(|Group { group, voters, learners, .. }| Members { group, voters, learners });
        Self { groups: groups.collect(), nodes: status.nodes }
    }
}

impl Membership {
    /// A line for each group and each node.
    pub fn to_text(&self) -> String {
        let mut text = format!("{:<12} {:<12} learners\n", "group", "voters");
        for members in &self.groups {
            let _ = writeln!(text, "{:<12} {:<12} {}", members.group, list(&members.voters), list(&members.learners));
        }
        for node in &self.nodes {
            let reachable = if node.reachable { "reachable" } else { "NOT REACHABLE" };
            let _ = writeln!(text, "node {:<4} {:<22} {reachable}", node.node, node.address);
        }
        text
    }
}
