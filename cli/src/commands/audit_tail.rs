//! `audit tail`: the newest events, and those that follow.

use std::time::Duration;

use client::v1;
use model::ids::GroupId;
use model::limits::PAGE_MAX;

use crate::context::Globals;
use crate::error::CliError;
use crate::view::event::Event;

const POLL: Duration = Duration::from_millis(500);

/// Flags of `audit tail`.
#[derive(Debug, clap::Args)]
#[command(after_help = "JSON: one event a line. Reading the audit log is an event itself; what this command adds by \
                        following is not shown.")]
pub struct Args {
    /// The audit group.
    #[arg(long, default_value = "audit-0")]
    pub group: GroupId,
    /// Events to begin with.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=PAGE_MAX as i64))]
    pub limit: u32,
    /// Just the event of this receipt.
    #[arg(long, conflicts_with_all = ["limit", "follow"])]
    pub receipt: Option<String>,
    /// Go on with events as they are recorded, until interrupted.
    #[arg(long)]
    pub follow: bool,
}

/// Prints events.
pub async fn run(globals: &Globals, args: Args) -> Result<(), CliError> {
    let Args { group, limit, receipt, follow } = args;
    let client = globals.client()?;
    let (group, receipt) = (group.to_string(), receipt.unwrap_or_default());
    let mut message = v1::ReadAuditRequest { group: group.clone(), from: None, limit, receipt };
    let mut own = String::new();
    loop {
        let answer = client.read_audit(message.clone()).await?;
        for event in &answer.events {
            if event.receipt != own || own.is_empty() {
                globals.output.show(&Event::from(event.clone()), Event::to_text)?;
            }
        }
        if !follow {
            return Ok(());
        }
        let read = answer.events.last().map(|event| event.index + 1);
        let next = read.or(message.from).unwrap_or(answer.size);
        own = answer.audit.map(|audit| audit.receipt).unwrap_or_default();
        message = v1::ReadAuditRequest { from: Some(next), limit: PAGE_MAX as u32, ..message };
        // Reading makes an event. The size is asked first, which makes none, so that a quiet log stays quiet: beyond what
        // was read there must be more than our own reading.
        loop {
            tokio::time::sleep(POLL).await;
            let checkpoint = v1::CheckpointRequest { group: group.clone(), old_size: 0, size: 0 };
            if client.checkpoint(checkpoint).await?.size > next + 1 {
                break;
            }
        }
    }
}
