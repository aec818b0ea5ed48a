//! `portcullis-node inspect`: what a node's directory holds, read from a copy or from a node that does not run. It needs no key: events are
//! shown as they are stored, their sealed part sealed.

use std::io::Write;
use std::path::PathBuf;

use clap::Parser;
use model::codec;
use model::ids::{GroupId, to_hex};
use raft::machine::State;
use raft::storage::StorageError;
use raft::storage::rocks::StoppedState;
use serde_json::json;

use crate::identity::{Identity, IdentityError};

/// Leaves that are read at a time.
const PAGE: usize = 512;

/// Show what a node's directory holds, without a cluster.
///
/// Prints JSON, one document a line. Of an audit group: first {"cluster","node","group","size","latest","witnessed","split_at"}, then
/// {"index","leaf","payload"} for each event, bytes in hexadecimal. `portcullis audit verify --node-dir DIR` reads this.
#[derive(Debug, Parser)]
#[command(name = "portcullis-node inspect")]
struct Arguments {
    /// Directory of a node that does not run, or a copy of one
    #[arg(long)]
    data_dir: PathBuf,
    /// The audit group
    #[arg(long, default_value = "audit-0")]
    group: GroupId,
}

/// Why nothing is shown.
#[derive(Debug, thiserror::Error)]
enum InspectError {
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("{0} keeps no audit log; use audit-0")]
    NoLog(GroupId),
    #[error("event {0} is missing: an event after it is there")]
    Missing(u64),
    #[error("event {index} does not encode: {reason}")]
    Payload { index: u64, reason: String },
    #[error("standard output: {0}")]
    Output(#[from] std::io::Error),
}

impl InspectError {
    /// 3: what should be there is damaged or missing; 2 and 4: this is no directory of a node, or the group keeps no log.
    fn exit_code(&self) -> u8 {
        match self {
            Self::Storage(_) | Self::Missing(_) | Self::Payload { .. } => 3,
            Self::Identity(_) => 4,
            Self::NoLog(_) => 2,
            Self::Output(_) => 1,
        }
    }
}

/// Runs the command where the command line asks for it; the exit code then.
pub fn asked(arguments: &[String]) -> Option<u8> {
    if arguments.get(1).map(String::as_str) != Some("inspect") {
        return None;
    }
    let parsed = match Arguments::try_parse_from(&arguments[1..]) {
        Ok(parsed) => parsed,
        Err(error) => {
            // Nobody may be there to read it.
            let _ = error.print();
            return Some(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    Some(match run(&parsed) {
        Ok(()) => 0,
        // Whoever read has what he wanted.
        Err(InspectError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => 0,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {}: {error}", parsed.data_dir.display());
            error.exit_code()
        }
    })
}

fn run(arguments: &Arguments) -> Result<(), InspectError> {
    let group = arguments.group;
    if !matches!(group, GroupId::Audit(_)) {
        return Err(InspectError::NoLog(group));
    }
    let identity = Identity::of_directory(&arguments.data_dir)?;
    let store = StoppedState::open(&arguments.data_dir, group)?;
    let state = State(&store);
    let (size, published) = (state.frontier()?.size(), state.published()?);
    let note = |noted: Option<model::audit::published::Noted>| noted.map(|noted| noted.note);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let head = json!({
        "cluster": identity.cluster.to_string(),
        "node": identity.node.0,
        "group": group.to_string(),
        "size": size,
        "latest": note(published.latest),
        "witnessed": note(published.witnessed),
        "split_at": published.split_at,
    });
    writeln!(out, "{head}")?;
    let mut next = 0;
    loop {
        let page = state.leaves(next, PAGE)?;
        for (index, leaf) in page.rows {
            if index != next {
                return Err(InspectError::Missing(next));
            }
            next += 1;
            let payload = leaf.payload.as_ref().map(codec::encode).transpose();
            let payload = payload.map_err(|error| InspectError::Payload { index, reason: error.to_string() })?;
            let payload = to_hex(&payload.unwrap_or_default());
            writeln!(out, "{}", json!({ "index": index, "leaf": to_hex(&leaf.bytes), "payload": payload }))?;
        }
        if !page.cut {
            break;
        }
    }
    out.flush()?;
    Ok(())
}
