//! `cluster`: state, members, leadership, snapshots.

use client::v1;
use model::access::function::Function;
use model::ids::GroupId;
use serde::Serialize;

use crate::context::Globals;
use crate::error::CliError;
use crate::view::cluster::{Membership, Status};

/// The commands about the cluster.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Groups and nodes as one node sees them.
    Status,
    /// Who votes and who learns, per group.
    Members,
    /// Take a node into the cluster: it must be running, started to join.
    #[command(
        after_help = "Example:\n  portcullis playground add-node 4\n  portcullis cluster add-node 4 127.0.0.1:20010"
    )]
    AddNode {
        /// The node's number; never used before in this cluster.
        node: u64,
        /// Its host:port for gRPC.
        address: String,
        /// It stays a learner: it holds copies and does not vote.
        #[arg(long)]
        learner: bool,
    },
    /// Take a node out of the cluster, for good.
    RemoveNode {
        /// The node's number.
        node: u64,
    },
    /// Hand the lead of a group to another node.
    #[command(after_help = "Example:\n  portcullis cluster transfer-leader records-0 --to 2")]
    TransferLeader {
        /// directory, records-N or audit-N.
        group: GroupId,
        /// The node to lead, a voter of the group.
        #[arg(long, value_name = "NODE")]
        to: u64,
    },
    /// Take a snapshot now and purge the log up to it.
    Snapshot {
        /// Only of this group; all groups of the asked node if left out.
        #[arg(long)]
        group: Option<GroupId>,
    },
    /// The keys that data is sealed under: what each is for, and since when.
    Keys,
    /// Replace keys of data, when one may be known to somebody: what stands under it is sealed anew in the background.
    #[command(after_help = ROTATE_HELP)]
    RotateKeys {
        /// Only of this dataset, or of `audit`; all if left out.
        #[arg(long)]
        set: Option<String>,
    },
}

const ROTATE_HELP: &str =
    "Each month has keys of its own without this command. What was sealed under a replaced key is sealed anew by
whoever leads a group; portcullis_reseal_pending at /metrics is 1 until all of it is. Events of the audit log stay under
their keys, since the log commits to them as they were sealed.

Example:
  portcullis cluster rotate-keys --set tecs
  portcullis cluster keys";

#[derive(Serialize)]
struct Keys {
    keys: Vec<Key>,
}

#[derive(Serialize)]
struct Key {
    id: u32,
    set: String,
    expires: String,
    made_at: String,
    replaced: bool,
}

impl From<v1::KeysResponse> for Keys {
    fn from(message: v1::KeysResponse) -> Self {
        let key = |v1::DataKey { id, set, expires, made_at, replaced }| Key { id, set, expires, made_at, replaced };
        Self { keys: message.keys.into_iter().map(key).collect() }
    }
}

impl Keys {
    fn to_text(&self) -> String {
        let line = |Key { id, set, expires, made_at, replaced }: &Key| {
            let replaced = if *replaced { ", replaced" } else { "" };
            format!("key {id} of {set}, for what expires in {expires}, made {made_at}{replaced}")
        };
        if self.keys.is_empty() {
            "no keys".to_string()
        } else {
            self.keys.iter().map(line).collect::<Vec<_>>().join("\n")
        }
    }
}

#[derive(Serialize)]
struct Leader {
    group: String,
    leader: u64,
}

#[derive(Serialize)]
struct Snapshots {
    snapshots: Vec<Snapshot>,
}

#[derive(Serialize)]
struct Snapshot {
    group: String,
    index: u64,
}

impl Command {
    /// The function that it is done by.
    fn function(&self) -> Function {
        match self {
            Self::Status | Self::Members | Self::Keys => Function::ClusterStatus,
            _ => Function::ClusterAdministration,
        }
    }
}

/// Runs one of them.
pub async fn run(globals: &Globals, command: Command) -> Result<(), CliError> {
    let client = globals.client_for(command.function())?;
    let output = globals.output;
    match command {
        Command::Status => output.show(&Status::from(client.status().await?), Status::to_text),
        Command::Members => output.show(&Membership::from(Status::from(client.status().await?)), Membership::to_text),
        Command::AddNode { node, address, learner } => {
            let message = v1::AddNodeRequest { node, address, learner };
            output.show(&Membership::from(client.add_node(message).await?), Membership::to_text)
        }
        Command::RemoveNode { node } => {
            let message = v1::RemoveNodeRequest { node };
            output.show(&Membership::from(client.remove_node(message).await?), Membership::to_text)
        }
        Command::TransferLeader { group, to } => {
            let group = group.to_string();
            let message = v1::TransferLeaderRequest { group: group.clone(), to };
            let leader = Leader { group, leader: client.transfer_leader(message).await?.leader };
            output.show(&leader, |leader| format!("{} is led by node {}", leader.group, leader.leader))
        }
        Command::Keys => output.show(&Keys::from(client.list_keys().await?), Keys::to_text),
        Command::RotateKeys { set } => {
            let message = v1::RotateKeysRequest { set: set.unwrap_or_default() };
            output.show(&Keys::from(client.rotate_keys(message).await?), Keys::to_text)
        }
        Command::Snapshot { group } => {
            let group = group.map(|group| group.to_string()).unwrap_or_default();
            let taken = client.snapshot(v1::SnapshotRequest { group }).await?.snapshots.into_iter();
            let taken = taken.map(|v1::GroupSnapshot { group, index }| Snapshot { group, index });
            output.show(&Snapshots { snapshots: taken.collect() }, |taken| {
                let lines = taken.snapshots.iter().map(|one| format!("{} up to {}", one.group, one.index));
                lines.collect::<Vec<_>>().join("\n")
            })
        }
    }
}
