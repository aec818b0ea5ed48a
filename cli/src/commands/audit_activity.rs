//! `audit activity`: the answer to a user activity request (F61): all that one person did in a time, as a report.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use model::access::function::Function;
use serde::Serialize;

use super::audit_search::{Question, each};
use crate::context::Globals;
use crate::error::CliError;
use crate::view::event::Event;

/// Flags of `audit activity`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// Whose activity.
    user: String,
    /// The audit group.
    #[arg(long, default_value = "audit-0")]
    group: model::ids::GroupId,
    /// Recorded at that time or later: YYYY-MM-DD, or RFC 3339.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Recorded before that time.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

const HELP: &str = "\
Sessions with their stations and times, what was done in each, what was refused, whom and what was asked about, which records were
found and changed. The request is an event itself, which its reader sees and the person concerned does not.

JSON: {\"user\",\"since\",\"until\",\"events\",\"first\",\"last\",\"kinds\":{KIND:N},\"sessions\":[{\"session\",\"port\",\"first\",\"last\",
\"events\",\"kinds\",\"refused\"}],\"refused\":[{\"index\",\"at\",\"kind\",\"code\"}],\"asked\":[{\"field\",\"value\",\"times\"}],
\"found\":[{\"id\",\"times\"}],\"changed\":[{\"id\",\"change\",\"index\"}]}. Every line of it stands in events that `audit search --user`
shows and `audit prove` proves.

Example:
  portcullis audit activity officer --since 2026-11-01 --until 2026-12-01";

/// What of a question names whom or what was asked about.
const ASKED: [&str; 6] = ["name", "birth_date", "document", "plate", "registration", "mrz"];

/// What a person did.
#[derive(Debug, Default, Serialize)]
pub struct Activity {
    user: String,
    since: Option<String>,
    until: Option<String>,
    events: u64,
    first: Option<String>,
    last: Option<String>,
    kinds: BTreeMap<String, u64>,
    sessions: Vec<SessionActivity>,
    refused: Vec<RefusedAct>,
    asked: Vec<Asked>,
    found: Vec<Found>,
    changed: Vec<Changed>,
    #[serde(skip)]
    asked_times: BTreeMap<(String, String), u64>,
    #[serde(skip)]
    found_times: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
struct SessionActivity {
    /// None: what was done outside any, such as refused log-ons.
    session: Option<String>,
    port: String,
    first: String,
    last: String,
    events: u64,
    kinds: BTreeMap<String, u64>,
    refused: u64,
}

#[derive(Debug, Serialize)]
struct RefusedAct {
    index: u64,
    at: String,
    kind: String,
    code: Option<String>,
}

#[derive(Debug, Serialize)]
struct Asked {
    field: String,
    value: String,
    times: u64,
}

#[derive(Debug, Serialize)]
struct Found {
    id: String,
    times: u64,
}

#[derive(Debug, Serialize)]
struct Changed {
    id: String,
    change: String,
    index: u64,
}

impl Activity {
    fn take(&mut self, event: Event) {
        self.events += 1;
        self.first.get_or_insert_with(|| event.recorded_at.clone());
        self.last = Some(event.recorded_at.clone());
        *self.kinds.entry(event.kind.clone()).or_default() += 1;
        let refused = event.verdict == "refused" || event.verdict == "failed";
        let same = |one: &&mut SessionActivity| one.session == event.session && one.port == event.port;
        let session = match self.sessions.iter_mut().find(same) {
            Some(session) => session,
            None => {
                self.sessions.push(SessionActivity {
                    session: event.session.clone(),
                    port: event.port.clone(),
                    first: event.recorded_at.clone(),
                    last: String::new(),
                    events: 0,
                    kinds: BTreeMap::new(),
                    refused: 0,
                });
                let last = self.sessions.len() - 1;
                &mut self.sessions[last]
            }
        };
        session.last = event.recorded_at.clone();
        session.events += 1;
        session.refused += u64::from(refused);
        *session.kinds.entry(event.kind.clone()).or_default() += 1;
        if refused {
            let (at, kind) = (event.recorded_at.clone(), event.kind.clone());
            self.refused.push(RefusedAct { index: event.index, at, kind, code: event.code.clone() });
        }
        for term in event.terms.iter().filter(|term| ASKED.contains(&term.field.as_str())) {
            *self.asked_times.entry((term.field.clone(), term.value.clone())).or_default() += 1;
        }
        let found: BTreeSet<&str> = event.results.iter().map(|result| result.id.as_str()).collect();
        for id in found {
            *self.found_times.entry(id.to_string()).or_default() += 1;
        }
        for changed in event.changes {
            self.changed.push(Changed { id: changed.id, change: changed.change, index: event.index });
        }
    }

    fn finish(mut self) -> Self {
        let asked = std::mem::take(&mut self.asked_times).into_iter();
        self.asked = asked.map(|((field, value), times)| Asked { field, value, times }).collect();
        self.asked.sort_by_key(|asked| std::cmp::Reverse(asked.times));
        let found = std::mem::take(&mut self.found_times).into_iter();
        self.found = found.map(|(id, times)| Found { id, times }).collect();
        self.found.sort_by_key(|found| std::cmp::Reverse(found.times));
        self
    }

    fn to_text(&self) -> String {
        let kinds = |kinds: &BTreeMap<String, u64>| {
            kinds.iter().map(|(kind, times)| format!("{times} {kind}")).collect::<Vec<_>>().join(", ")
        };
        let when = |time: &Option<String>, otherwise: &str| time.clone().unwrap_or_else(|| otherwise.to_string());
        let mut text = format!(
            "Activity of {} from {} to {}: {} events\n",
            self.user,
            when(&self.since, "the beginning of the log"),
            when(&self.until, "now"),
            self.events
        );
        let _ = writeln!(text, "  {}", if self.kinds.is_empty() { "nothing".to_string() } else { kinds(&self.kinds) });
        for session in &self.sessions {
            let name =
                session.session.as_deref().map_or("outside any session".to_string(), |name| format!("session {name}"));
            let _ = writeln!(
                text,
                "\n{name} at {}: {} to {}, {} events, {} refused\n  {}",
                session.port,
                session.first,
                session.last,
                session.events,
                session.refused,
                kinds(&session.kinds)
            );
        }
        let mut part = |title: &str, lines: Vec<String>| {
            if !lines.is_empty() {
                let _ = writeln!(text, "\n{title}");
                for line in lines {
                    let _ = writeln!(text, "  {line}");
                }
            }
        };
        let refused = self.refused.iter().map(|refused| {
            format!("{:>8}  {}  {} {}", refused.index, refused.at, refused.kind, refused.code.as_deref().unwrap_or(""))
        });
        part("Refused:", refused.collect());
        let asked = self
            .asked
            .iter()
            .map(|asked| format!("{:>5} times  {}  {}", asked.times, asked.field, asked.value.replace('\n', " ")));
        part("Asked about:", asked.collect());
        part(
            "Found, as far as you may see it:",
            self.found.iter().map(|found| format!("{:>5} times  {}", found.times, found.id)).collect(),
        );
        let changed =
            self.changed.iter().map(|changed| format!("{:>8}  {} {}", changed.index, changed.change, changed.id));
        part("Changed:", changed.collect());
        text
    }
}

/// Prints the report.
pub async fn run(globals: &Globals, args: Args) -> Result<(), CliError> {
    let Args { user, group, since, until } = args;
    let client = globals.client_for(Function::AuditRead)?;
    let question = Question {
        group,
        user: Some(user.clone()),
        port: None,
        session: None,
        record: None,
        name: None,
        number: None,
        kind: Vec::new(),
        verdict: Vec::new(),
        since: since.clone(),
        until: until.clone(),
    };
    let mut activity = Activity { user, since, until, ..Activity::default() };
    each(&client, &question, None, |event| {
        activity.take(event);
        Ok(true)
    })
    .await?;
    globals.output.show(&activity.finish(), Activity::to_text)
}
