//! `audit search`: events by who, what, where and when.

use client::{Client, v1};
use model::access::function::Function;
use model::ids::GroupId;
use model::limits::PAGE_MAX;

use crate::context::Globals;
use crate::error::CliError;
use crate::view::event::Event;

/// What is asked of the audit; given together, all of it must hold.
#[derive(Debug, Clone, clap::Args)]
pub struct Question {
    /// The audit group.
    #[arg(long, default_value = "audit-0")]
    pub group: GroupId,
    /// What this user did.
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// What was done at this port.
    #[arg(long, value_name = "PORT")]
    pub port: Option<String>,
    /// What was done in this session, as the audit names it.
    #[arg(long, value_name = "SESSION")]
    pub session: Option<String>,
    /// Who looked at, found or changed this record.
    #[arg(long, value_name = "ID")]
    pub record: Option<String>,
    /// Who asked about this name: the same words, in any order and writing.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Who asked about this document, plate or registration.
    #[arg(long, value_name = "NUMBER")]
    pub number: Option<String>,
    /// Events of this kind, such as query or record-view; may be given several times.
    #[arg(long, value_name = "KIND")]
    pub kind: Vec<String>,
    /// Events that came to this, such as refused; may be given several times.
    #[arg(long, value_name = "VERDICT")]
    pub verdict: Vec<String>,
    /// Recorded at that time or later: YYYY-MM-DD, or RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Recorded before that time.
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
}

/// Flags of `audit search`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    #[command(flatten)]
    question: Question,
    /// Events at most; all of them if left out.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Go on from this index of the log.
    #[arg(long, value_name = "N")]
    from: Option<u64>,
}

const HELP: &str = "\
Oldest first. JSON: one event a line, as of `audit tail`. The question is an event itself.

Examples:
  portcullis audit search --user officer --since 2026-11-01 --until 2026-12-01
  portcullis audit search --record 780b144bb1754392f38d5b867e618dfe
  portcullis audit search --name 'Ivan Petrov' --kind query --port 2404
  portcullis audit search --verdict refused --since 2026-11-28T08:00:00Z";

/// Prints what is found.
pub async fn run(globals: &Globals, args: Args) -> Result<(), CliError> {
    let client = globals.client_for(Function::AuditRead)?;
    let mut left = args.limit.unwrap_or(u64::MAX);
    each(&client, &args.question, args.from, |event| {
        if left == 0 {
            return Ok(false);
        }
        left -= 1;
        globals.output.show(&event, Event::to_text)?;
        Ok(left > 0)
    })
    .await
}

/// Hands on each event that is found, until it is told that no more are wanted. Events that come in meanwhile are not waited for.
pub async fn each(
    client: &Client,
    question: &Question,
    from: Option<u64>,
    mut take: impl FnMut(Event) -> Result<bool, CliError>,
) -> Result<(), CliError> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut message = v1::SearchAuditRequest {
        group: question.group.to_string(),
        user: text(&question.user),
        port: text(&question.port),
        session: text(&question.session),
        record: text(&question.record),
        name: text(&question.name),
        number: text(&question.number),
        kinds: question.kind.clone(),
        verdicts: question.verdict.clone(),
        since: text(&question.since),
        until: text(&question.until),
        from,
        limit: PAGE_MAX as u32,
    };
    // Our own questions are events too: whoever reads to the end would never come to it.
    let mut end = None;
    loop {
        let page = client.search_audit(message.clone()).await?;
        let end = *end.get_or_insert(page.size);
        for event in page.events {
            if event.index >= end || !take(event.into())? {
                return Ok(());
            }
        }
        match page.next {
            Some(next) if next < end => message.from = Some(next),
            _ => return Ok(()),
        }
    }
}
