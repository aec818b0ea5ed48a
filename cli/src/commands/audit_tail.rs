//! `audit tail`: the newest events, and those that follow.

use model::access::function::Function;
use std::collections::BTreeSet;
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
    let (client, group) = (globals.client_for(Function::AuditRead)?, group.to_string());
    if let Some(receipt) = receipt {
        let message = v1::ReadAuditRequest { group, from: None, limit: 1, receipt: receipt.clone() };
        let event = only_event(client.read_audit(message).await?.events, &receipt)?;
        return globals.output.show(&Event::from(event), Event::to_text);
    }
    let message = v1::ReadAuditRequest { group: group.clone(), from: None, limit, receipt: String::new() };
    let mut reading = Reading::new(client.read_audit(message).await?, &mut |event| show(globals, event))?;
    loop {
        // A page may be shorter than what was asked for; the log's size says where it ends.
        while reading.next < reading.size {
            let limit = u32::try_from((reading.size - reading.next).min(PAGE_MAX as u64)).unwrap_or(u32::MAX);
            let from = Some(reading.next);
            let message = v1::ReadAuditRequest { group: group.clone(), from, limit, receipt: String::new() };
            reading.page(client.read_audit(message).await?, &mut |event| show(globals, event))?;
        }
        if !follow {
            return Ok(());
        }
        // Reading makes an event. The size is asked first, which makes none, so that a quiet log stays quiet: beyond what
        // was read there must be more than our own readings.
        loop {
            tokio::time::sleep(POLL).await;
            let checkpoint = v1::CheckpointRequest { group: group.clone(), old_size: 0, size: 0 };
            let size = client.checkpoint(checkpoint).await?.size;
            if size > reading.next + reading.own.len() as u64 {
                reading.size = size;
                break;
            }
        }
    }
}

fn show(globals: &Globals, event: v1::AuditEvent) -> Result<(), CliError> {
    globals.output.show(&Event::from(event), Event::to_text)
}

/// The event of a receipt, which must say that it is.
fn only_event(events: Vec<v1::AuditEvent>, receipt: &str) -> Result<v1::AuditEvent, CliError> {
    match <[v1::AuditEvent; 1]>::try_from(events) {
        Ok([event]) if event.receipt.eq_ignore_ascii_case(receipt.trim()) => Ok(event),
        Ok([event]) => {
            let text = format!("asked for the event of receipt {receipt}, the log gave that of {}", event.receipt);
            Err(CliError::Verification(text))
        }
        Err(events) => {
            let text = format!("asked for the event of receipt {receipt}, the log gave {} events", events.len());
            Err(CliError::Verification(text))
        }
    }
}

/// How far the log was read.
struct Reading {
    next: u64,
    /// Where the log ended when it was last asked.
    size: u64,
    /// Receipts of our own readings that were not met yet.
    own: BTreeSet<String>,
}

type Show<'a> = dyn FnMut(v1::AuditEvent) -> Result<(), CliError> + 'a;

impl Reading {
    /// Begins where the first page does.
    fn new(page: v1::ReadAuditResponse, show: &mut Show<'_>) -> Result<Self, CliError> {
        let next = page.events.first().map_or(page.size, |event| event.index);
        let mut reading = Self { next, size: page.size, own: BTreeSet::new() };
        reading.page(page, show)?;
        Ok(reading)
    }

    /// Shows the events of a page up to the size; what lies beyond is left for later.
    fn page(&mut self, page: v1::ReadAuditResponse, show: &mut Show<'_>) -> Result<(), CliError> {
        self.own.extend(page.audit.map(|audit| audit.receipt));
        let begun = self.next;
        for event in page.events {
            if self.next >= self.size {
                break;
            }
            if event.index != self.next {
                let text = format!("event {} follows event {} - 1", event.index, self.next);
                return Err(CliError::Verification(text));
            }
            self.next += 1;
            if !self.own.remove(&event.receipt) {
                show(event)?;
            }
        }
        if self.next == begun && begun < self.size {
            let text = format!("the log has {} events and yields none from {begun} on", self.size);
            return Err(CliError::Verification(text));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(indices: std::ops::Range<u64>, size: u64, own: &str) -> v1::ReadAuditResponse {
        let event = |index: u64| v1::AuditEvent { index, receipt: format!("r{index}"), ..Default::default() };
        let audit = Some(v1::AuditRef { receipt: own.into(), released_by: String::new() });
        v1::ReadAuditResponse { events: indices.map(event).collect(), size, audit }
    }

    #[test]
    fn short_pages_are_read_to_the_end_and_own_readings_are_not_shown() {
        let mut shown = Vec::new();
        let mut show = |event: v1::AuditEvent| {
            shown.push(event.index);
            Ok(())
        };
        let mut reading = Reading::new(page(5..7, 10, "r10"), &mut show).expect("reads");
        assert_eq!((reading.next, reading.size), (7, 10));
        reading.page(page(7..8, 11, "r11"), &mut show).expect("reads");
        // The log has grown; what came after the command began is not asked for.
        reading.page(page(8..12, 12, "r12"), &mut show).expect("reads");
        assert_eq!((reading.next, reading.own.len()), (10, 3));
        reading.size = 14;
        reading.page(page(10..14, 14, "r14"), &mut show).expect("reads");
        assert_eq!(reading.own.len(), 1);
        assert!(reading.page(page(14..14, 15, "r15"), &mut show).is_ok(), "nothing was due");
        reading.size = 16;
        assert!(reading.page(page(14..14, 16, "r16"), &mut show).is_err(), "an empty page would be asked for ever");
        assert!(reading.page(page(15..16, 16, "r17"), &mut show).is_err(), "an event is left out");
        assert_eq!(shown, [5, 6, 7, 8, 9, 13]);
        assert!(Reading::new(page(0..0, 0, "r0"), &mut |_| Ok(())).is_ok_and(|reading| reading.next == 0));
    }

    #[test]
    fn the_event_of_another_receipt_is_no_answer() {
        let events = |indices| page(indices, 9, "").events;
        assert_eq!(only_event(events(3..4), "R3").expect("is it").index, 3);
        for (indices, receipt) in [(3..4, "r4"), (3..5, "r3"), (3..3, "r3")] {
            let error = only_event(events(indices), receipt).expect_err("is not");
            assert_eq!(error.exit(), crate::error::Exit::VerificationFailed);
        }
    }
}
