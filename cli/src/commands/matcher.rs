//! `matcher`: by which policies records are hits, and what others would change.

use model::access::function::Function;
use std::path::{Path, PathBuf};

use client::{Client, ClientError, ErrorKind, v1};
use futures_util::StreamExt;
use serde::Serialize;

use crate::batch::rows::{Asked, Row, Rows};
use crate::commands::question::Manner;
use crate::context::Globals;
use crate::error::CliError;
use crate::output::{Form, json};
use crate::progress::Progress;
use crate::view::answer::Hit;
use crate::view::policy::{Difference, Policies};

/// Rows whose difference is found out at a time.
const CONCURRENCY: usize = 8;
/// Hits of one answer that are compared.
const LIMIT: u32 = 100;

/// The commands about matching.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// The policies in force: for which list and purpose a record is a hit from which score on.
    Policies {
        /// Those of an earlier version.
        #[arg(long, value_name = "N")]
        version: Option<u64>,
    },
    /// Put the next version of the policies in force, from a JSON file.
    #[command(after_help = SET_HELP)]
    Set {
        /// The policies.
        file: PathBuf,
    },
    /// Ask the questions of a CSV file by two sets of policies, and show what the second finds otherwise.
    #[command(after_help = COMPARE_HELP)]
    Compare(CompareArgs),
}

/// Flags of `matcher compare`.
#[derive(Debug, clap::Args)]
pub struct CompareArgs {
    /// Twice: the first set and the second. `in-force`, the number of a version, or a file as for `matcher set`.
    #[arg(long = "policy", value_name = "P", num_args = 1, required = true)]
    policies: Vec<String>,
    /// CSV with a header as for `batch`: columns name, dob, nationality, document.
    #[arg(long, value_name = "CSV")]
    queries: PathBuf,
    /// The purpose that the questions are judged by; that of the context if left out.
    #[arg(long, value_name = "CODE")]
    purpose: Option<String>,
}

const SET_HELP: &str = r#"The file holds what `matcher policies --output json` prints, changed:
  {"version":3,"policies":[
    {"name":"visa","lists":["ofac-sdn"],"purposes":["visa"],"threshold":0.6},
    {"name":"no-weak","lists":["un"],"threshold":0.8,"weak_aliases":false,"birth_date":true,"nationality":true}]}
In this order the first that is for a record's list and the question's purpose holds; no lists or no purposes named means
all. Where none is, the threshold is 0.7 and everything is weighed. `version` is that of the policies which were changed: if
others were put in force since, the command is refused. Every version is kept, and each answer and its event name theirs.

Example:
  portcullis matcher policies --output json > policies.json
  portcullis matcher compare --policy in-force --policy policies.json --queries last-week.csv
  portcullis matcher set policies.json"#;

const COMPARE_HELP: &str = r#"Both sets are asked of the same records at the same moment; nothing is put in force. Each question is an event of the
audit log. Hits that the second set adds are marked +, those that it loses -, those with another score ~.
JSON: a line for each row that differs, {"row","asked","added":[{"id","name","source","first","second"}],"lost","rescored"},
{"row","error"} for one that
could not be asked, and at the end {"rows","differing","added","lost","rescored","errors"}.

Example:
  portcullis matcher compare --policy in-force --policy stricter.json --queries travellers.csv --purpose primary"#;

impl Command {
    /// The function that it is done by.
    fn function(&self) -> Function {
        match self {
            Self::Compare(_) => Function::MatchingCompare,
            _ => Function::MatchingPolicies,
        }
    }
}

/// Runs one of them.
pub async fn run(globals: &Globals, command: Command) -> Result<(), CliError> {
    let client = globals.client_for(command.function())?;
    match command {
        Command::Policies { version } => {
            let policies = of_version(&client, version.unwrap_or(0)).await?;
            globals.output.show(&policies, Policies::to_text)
        }
        Command::Set { file } => {
            let policies = read(&file)?;
            let from = match policies.version {
                Some(version) => version,
                None => of_version(&client, 0).await?.version.unwrap_or(0),
            };
            let message = v1::PutPoliciesRequest { policies: Some(policies.to_message(from.saturating_add(1))) };
            let set = Policies::from(client.put_policies(message).await?.policies.unwrap_or_default());
            globals.output.show(&set, Policies::to_text)
        }
        Command::Compare(args) => compare(globals, &client, args).await,
    }
}

async fn of_version(client: &Client, version: u64) -> Result<Policies, CliError> {
    let found = client.policies(v1::GetPoliciesRequest { version }).await?.policies;
    Ok(Policies::from(found.unwrap_or_default()))
}

fn read(path: &Path) -> Result<Policies, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| CliError::path(path, error))?;
    serde_json::from_str(&text).map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))
}

/// A set of policies as a flag names it.
async fn named(client: &Client, name: &str) -> Result<v1::Policies, CliError> {
    let policies = match (name, name.parse::<u64>()) {
        ("in-force", _) => of_version(client, 0).await?,
        (_, Ok(0)) => Policies { version: Some(0), policies: Vec::new() },
        (_, Ok(version)) => of_version(client, version).await?,
        (path, Err(_)) => read(Path::new(path))?,
    };
    Ok(policies.to_message(policies.version.unwrap_or(0)))
}

#[derive(Debug, Default, Serialize)]
struct Summary {
    rows: u64,
    differing: u64,
    added: u64,
    lost: u64,
    rescored: u64,
    errors: u64,
}

/// A row that could not be compared.
#[derive(Debug, Serialize)]
struct Unasked {
    row: u64,
    error: String,
}

async fn compare(globals: &Globals, client: &Client, args: CompareArgs) -> Result<(), CliError> {
    let CompareArgs { policies, queries, purpose } = args;
    let [first, second] = policies.as_slice() else {
        return Err(CliError::flag("--policy", format!("is given {} times; name two sets", policies.len())));
    };
    let (first, second) = (named(client, first).await?, named(client, second).await?);
    let file = std::fs::File::open(&queries).map_err(|error| CliError::path(&queries, error))?;
    let mut rows = Rows::new(file, Manner { linearizable: false, limit: LIMIT, threshold: None })?;
    let rows = std::iter::from_fn(move || rows.next_row().transpose());
    let purpose = purpose.unwrap_or_default();
    let asked = futures_util::stream::iter(rows).map(|row| {
        let (first, second, purpose) = (first.clone(), second.clone(), purpose.clone());
        async move {
            let Row { number, question } = row?;
            Ok((number, ask(client, number, question, (first, second, purpose)).await?))
        }
    });
    let mut answers = std::pin::pin!(asked.buffered(CONCURRENCY));
    let (mut summary, mut progress) = (Summary::default(), Progress::new("compare", 0));
    while let Some(answer) = answers.next().await {
        let (row, difference) = answer.map_err(|error: CliError| error)?;
        summary.rows = row;
        match difference {
            Err(error) => {
                summary.errors += 1;
                match globals.output.form() {
                    Form::Json => globals.output.line(&json(&Unasked { row, error })?)?,
                    Form::Text => globals.output.line(&format!("Row {row}: {error}"))?,
                }
            }
            Ok(difference) if difference.is_none() => {}
            Ok(difference) => {
                summary.differing += 1;
                summary.added += difference.added.len() as u64;
                summary.lost += difference.lost.len() as u64;
                summary.rescored += difference.rescored.len() as u64;
                match globals.output.form() {
                    Form::Json => globals.output.line(&json(&difference)?)?,
                    Form::Text => globals.output.line(&difference.to_text())?,
                }
            }
        }
        progress.set(row, || format!("{row} rows"));
    }
    drop(progress);
    globals.output.show(&summary, |summary| {
        let Summary { rows, differing, added, lost, rescored, errors } = summary;
        format!(
            "{rows} rows, {differing} differ: {added} hits added, {lost} lost, {rescored} with another score; {errors} errors"
        )
    })
}

/// The difference of a row, or what is wrong with it; an outer error would meet every row.
async fn ask(
    client: &Client,
    row: u64,
    question: Result<Asked, String>,
    (first, second, purpose): (v1::Policies, v1::Policies, String),
) -> Result<Result<Difference, String>, CliError> {
    let question = match question {
        Ok(asked) => asked.message,
        Err(error) => return Ok(Err(error)),
    };
    let about = [&question.name, &question.birth_date, &question.nationality, &question.document];
    let about: Vec<&str> = about.into_iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    let about = about.join(", ");
    let (first, second) = (Some(first), Some(second));
    let message = v1::CompareRequest { question: Some(question), first, second, purpose };
    match client.compare(message).await {
        Ok(answer) if answer.partial => {
            Ok(Err("not fully checked: part of the records did not answer in time".to_string()))
        }
        Ok(v1::CompareResponse { first, second, .. }) => {
            let hits = |hits: Vec<v1::Hit>| hits.into_iter().map(Hit::from).collect();
            Ok(Ok(Difference::between(row, about, hits(first), hits(second))))
        }
        Err(error) if error.kind == ErrorKind::Invalid && !is_of_all(&error) => Ok(Err(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// Whether an error is about what all rows have in common.
fn is_of_all(error: &ClientError) -> bool {
    let of_all = |field: &str| field == "purpose" || field.starts_with("first") || field.starts_with("second");
    error.field.as_deref().is_some_and(of_all)
}
