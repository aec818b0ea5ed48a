//! The file that says that the playground serves, and with which processes.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::layout::NodeLayout;
use crate::error::CliError;
use crate::files::write_atomically;

/// What the ready file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ready {
    pub context: PathBuf,
    pub nodes: Vec<ReadyNode>,
}

/// A node of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadyNode {
    pub id: u64,
    /// Of the process that runs or ran last; none if none was ever started.
    pub pid: Option<u32>,
    pub grpc: String,
    pub http: String,
}

impl ReadyNode {
    /// A node and its process.
    pub fn new(node: &NodeLayout, pid: Option<u32>) -> Self {
        Self { id: node.id, pid, grpc: node.grpc.clone(), http: node.http.clone() }
    }
}

impl Ready {
    /// Writes the file, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), CliError> {
        write_atomically(path, (crate::output::json(self)? + "\n").as_bytes())
    }

    /// What to type next.
    pub fn to_text(&self) -> String {
        let context = self.context.display();
        let mut text = format!("The playground serves {} nodes:\n", self.nodes.len());
        for node in &self.nodes {
            let pid = node.pid.map_or("down".to_string(), |pid| format!("pid {pid}"));
            text.push_str(&format!("  node {}  {pid:<12} gRPC {}  HTTP {}\n", node.id, node.grpc, node.http));
        }
        text.push_str(&format!(
            "In another terminal:\n  export PORTCULLIS_CONTEXT={context}\n  portcullis cluster status\nCtrl-C stops it."
        ));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_the_contract() {
        let node = NodeLayout { id: 1, grpc: "127.0.0.1:1".into(), http: "127.0.0.1:2".into(), joined: false };
        let ready = Ready { context: "/c".into(), nodes: vec![ReadyNode::new(&node, Some(7))] };
        assert_eq!(
            crate::output::json(&ready).expect("encodes"),
            r#"{"context":"/c","nodes":[{"id":1,"pid":7,"grpc":"127.0.0.1:1","http":"127.0.0.1:2"}]}"#
        );
    }
}
