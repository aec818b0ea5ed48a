//! `audit`: the list of its commands.

use std::path::PathBuf;

use client::{Client, v1};
use model::ids::GroupId;
use model::limits::PAGE_MAX;

use crate::audit::chain::RawLeaf;
use crate::commands::{
    audit_activity, audit_checkpoint, audit_export, audit_prove, audit_search, audit_tail, audit_verify,
};
use crate::context::Globals;
use crate::error::CliError;

/// The commands about the audit log.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// The newest events.
    Tail(audit_tail::Args),
    /// Events by who, what, where and when.
    Search(audit_search::Args),
    /// All that one person did in a time, as a report.
    Activity(audit_activity::Args),
    /// Recompute the log from its stored events and prove that it only grew.
    Verify(audit_verify::Args),
    /// The newest checkpoints that the log has signed and witnesses have cosigned.
    Checkpoint {
        /// The audit group.
        #[arg(long, default_value = "audit-0")]
        group: GroupId,
        /// Whose signatures are believed (C2SP tlog-policy); that of the context if left out.
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
    },
    /// One event with the proof that it stands in the log, as files for whoever must be convinced.
    Prove(audit_prove::Args),
    /// Write the log into a directory that verifies offline, with stock tools (C2SP tlog-tiles).
    Export {
        /// The audit group.
        #[arg(long, default_value = "audit-0")]
        group: GroupId,
        /// The directory: created, or empty.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

/// Runs one of them.
pub async fn run(globals: &Globals, command: Command) -> Result<(), CliError> {
    match command {
        Command::Tail(args) => audit_tail::run(globals, args).await,
        Command::Search(args) => audit_search::run(globals, args).await,
        Command::Activity(args) => audit_activity::run(globals, args).await,
        Command::Verify(args) => audit_verify::run(globals, args).await,
        Command::Checkpoint { group, policy } => {
            audit_checkpoint::run(globals, &group.to_string(), policy.as_deref()).await
        }
        Command::Prove(args) => audit_prove::run(globals, args).await,
        Command::Export { group, out } => audit_export::run(globals, &group.to_string(), &out).await,
    }
}

/// Reads the leaves before `size`, page by page.
pub(super) async fn leaves(
    client: &Client,
    group: &str,
    size: u64,
    mut take: impl FnMut(RawLeaf) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut from = 0;
    while from < size {
        let limit = u32::try_from((size - from).min(PAGE_MAX as u64)).unwrap_or(u32::MAX);
        let message = v1::ExportAuditRequest { group: group.to_string(), from, limit };
        let page = client.export_audit(message).await?.leaves;
        if page.is_empty() {
            return Err(CliError::Verification(format!("the log has {size} leaves and yields none from {from} on")));
        }
        for v1::ExportedLeaf { index, leaf, payload } in page {
            if from < size {
                take(RawLeaf { index, leaf, payload })?;
                from += 1;
            }
        }
    }
    Ok(())
}
