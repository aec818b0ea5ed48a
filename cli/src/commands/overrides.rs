//! `override`: record, end and list what says of a person that he is not the one looked for.

use client::v1;
use model::access::function::Function;
use model::error::Invalid;

use crate::commands::lookout_change::Once;
use crate::commands::question::country;
use crate::context::Globals;
use crate::error::CliError;
use crate::view::overrides::Listed;
use crate::view::record::Change;

/// The commands about overrides.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = HELP)]
pub enum Command {
    /// Record that a person is not the one whom a lookout is about.
    Record(Record),
    /// End an override before it expires; it stays readable.
    End(End),
    /// All overrides of a lookout, also those out of force.
    List(List),
}

const HELP: &str = r#"An innocent person who meets a lookout is stopped again each time he travels. An override says by
what he is told apart: the number of a document of his, or his name with his whole date of birth. For who comes with that
the lookout is marked as OVERRIDDEN, with reason and end; for anybody else of the name, and whoever comes without it, it is
what it was."#;

/// Flags of `override record`.
#[derive(Debug, clap::Args)]
#[command(after_help = RECORD_HELP)]
pub struct Record {
    /// The lookout's id.
    pub lookout: String,
    /// The innocent person's name, as written on the document.
    #[arg(long, value_name = "N")]
    pub name: String,
    /// Number of a document of his (repeatable), without its kind and country; each tells him apart by itself.
    #[arg(long, value_name = "NO")]
    pub document: Vec<String>,
    /// His whole date of birth, YYYY-MM-DD; it tells him apart together with his name.
    #[arg(long, value_name = "D")]
    pub dob: Option<String>,
    /// His nationality, by ISO 3166-1 code or English name; who states another one is not he.
    #[arg(long, value_name = "C")]
    pub nationality: Option<String>,
    /// Why he is not the one looked for.
    #[arg(long, value_name = "R")]
    pub reason: String,
    /// When it ends: YYYY-MM-DD (at 00:00 UTC) or a time such as 2027-01-31T12:00:00Z; at most two years (732 days) from now.
    #[arg(long, value_name = "T")]
    pub expires: String,
    /// The version of the lookout that you compared him with; if another one is there by now, nothing is recorded (exit
    /// code 7). Whichever is there if left out.
    #[arg(long, value_name = "V", default_value_t = 0, hide_default_value = true)]
    pub expected_version: u64,
    #[command(flatten)]
    pub once: Once,
}

const RECORD_HELP: &str = r#"Examples:
  portcullis override record ID --name "Ivan Petrov" --document BG123456 --nationality BGR \
    --reason "another man: compared by photo" --expires 2027-06-30
  portcullis override record ID --name "Ivan Petrov" --dob 1985-06-07 --reason "born elsewhere" --expires 2027-06-30
Refused (exit code 2) where the lookout holds the document, or its dates of birth leave the date possible: that would hide
the one looked for. A year or month of birth, and 1 January, tell nobody apart.
JSON: {"id","version","change","request_id"}. Exit code 5 means that the outcome is unknown: repeat the command with
--request-id and the id shown; it is applied once."#;

/// Flags of `override end`.
#[derive(Debug, clap::Args)]
pub struct End {
    /// The lookout's id.
    pub lookout: String,
    /// The override's id.
    pub id: String,
    #[command(flatten)]
    pub once: Once,
}

/// Flags of `override list`.
#[derive(Debug, clap::Args)]
#[command(after_help = LIST_HELP)]
pub struct List {
    /// The lookout's id.
    pub lookout: String,
}

const LIST_HELP: &str = r#"States: in-force; ended (by somebody); expired; void (the lookout was changed, and now holds the
person's document or may mean his date of birth, so that the override applies to nobody).
JSON: {"overrides":[{"id","state","name","nationality","birth_date","documents","reason","expires","recorded_at",
"recorded_by","agency","lookout_version","ended_at","ended_by","void_because"}],"audit"}.
How often overrides were applied: the metric portcullis_hits_overridden_total, and "overridden" in the results of
`audit tail`."#;

/// Runs one of them.
pub async fn run(globals: &Globals, command: Command) -> Result<(), CliError> {
    match command {
        Command::Record(args) => record(globals, args).await,
        Command::End(args) => end(globals, args).await,
        Command::List(args) => list(globals, args).await,
    }
}

async fn record(globals: &Globals, args: Record) -> Result<(), CliError> {
    let Record { lookout, name, document, dob, nationality, reason, expires, expected_version, once } = args;
    let nationality = nationality.map(|text| country("nationality", &text)).transpose()?.unwrap_or_default();
    let mut message = v1::RecordOverrideRequest {
        request_id: String::new(),
        lookout,
        expected_version,
        name,
        nationality,
        birth_date: dob.unwrap_or_default(),
        documents: document,
        reason,
        expires,
    };
    // By the rules before anything is sent, so that a wrong flag is named at once.
    client::convert::override_from(&message)?;
    if message.documents.iter().any(|number| number.contains(':')) {
        let text = "holds `:`; give the number alone, as questions do, without its kind and country";
        return Err(Invalid::new("document", text.to_string()).into());
    }
    let client = globals.client_for(Function::OverrideRecord)?;
    message.request_id = once.id(&client);
    let request_id = message.request_id.clone();
    let change = Change::new(client.record_override(message).await?, request_id);
    globals.output.show(&change, outcome)
}

/// The outcome of a write on one line.
fn outcome(change: &Change) -> String {
    let what = match change.change.as_str() {
        "created" => "recorded",
        "removed" => "ended",
        other => other,
    };
    format!("{what} override {}", change.id)
}

async fn end(globals: &Globals, args: End) -> Result<(), CliError> {
    let End { lookout, id, once } = args;
    let client = globals.client_for(Function::OverrideEnd)?;
    let request_id = once.id(&client);
    let message = v1::EndOverrideRequest { request_id: request_id.clone(), lookout, id };
    let change = Change::new(client.end_override(message).await?, request_id);
    globals.output.show(&change, outcome)
}

async fn list(globals: &Globals, args: List) -> Result<(), CliError> {
    let message = v1::ListOverridesRequest { lookout: args.lookout };
    let listed = Listed::from(globals.client_for(Function::OverrideList)?.list_overrides(message).await?);
    globals.output.show(&listed, Listed::to_text)
}
