//! `policy`: by which policies access is decided, checked here and put in force by two persons.

use model::access::function::Function;
use std::path::{Path, PathBuf};

use access::{Bundle, BundleError, Corpus, CorpusError};
use client::{Client, v1};
use model::ids::to_hex;
use sha2::{Digest, Sha256};

use crate::commands::lookout_change::Once;
use crate::commands::people::Versioned;
use crate::context::Globals;
use crate::error::CliError;
use crate::view::people::policy::{Checked, Policies};

/// The commands about access policies.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = HELP)]
pub enum Command {
    /// The policies in force, and those that are proposed.
    Show {
        /// Those of an earlier version.
        #[arg(long, value_name = "V", default_value_t = 0, hide_default_value = true)]
        version: u64,
        /// The text alone, as a file to change: of what is proposed.
        #[arg(long)]
        proposed: bool,
    },
    /// Check a file here, without a cluster: whether it parses, goes with the schema and decides every case of the corpus.
    Check {
        /// Policies in Cedar.
        file: PathBuf,
    },
    /// Propose the next version; another person must approve it.
    Propose(Propose),
    /// Put what somebody else proposed in force.
    Approve(Approve),
}

const HELP: &str = r#"Every version is kept, so that any decision can be made again. Both persons need the function access-policies.
  portcullis policy show --output json | jq -r .policies.text > policies.cedar
  portcullis policy check policies.cedar
  portcullis policy propose policies.cedar
  portcullis policy show --proposed > theirs.cedar     (the other person reads it)
  portcullis policy approve --file theirs.cedar"#;

/// Flags of `policy propose`.
#[derive(Debug, clap::Args)]
pub struct Propose {
    /// Policies in Cedar.
    pub file: PathBuf,
    #[command(flatten)]
    pub versioned: Versioned,
}

/// Flags of `policy approve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "What is approved is what you read: another proposal that came since is refused (exit code 7).",
    group(clap::ArgGroup::new("read").required(true)))]
pub struct Approve {
    /// The text that you read.
    #[arg(long, value_name = "FILE", group = "read")]
    pub file: Option<PathBuf>,
    /// The SHA-256 of the text that you read, as `policy show` gives it.
    #[arg(long, value_name = "HEX", group = "read")]
    pub sha256: Option<String>,
    /// The version that it is to be; that of the proposal if left out.
    #[arg(long, value_name = "V")]
    pub version: Option<u64>,
    #[command(flatten)]
    pub once: Once,
}

/// Runs one of them.
pub async fn run(globals: &Globals, command: Command) -> Result<(), CliError> {
    match command {
        Command::Show { version, proposed } => show(globals, version, proposed).await,
        Command::Check { file } => check(globals, &file),
        Command::Propose(args) => propose(globals, args).await,
        Command::Approve(args) => approve(globals, args).await,
    }
}

async fn show(globals: &Globals, version: u64, proposed: bool) -> Result<(), CliError> {
    let answer =
        globals.client_for(Function::AccessPolicies)?.access_policies(v1::GetAccessPoliciesRequest { version }).await?;
    if proposed {
        let found = answer.proposed.ok_or_else(|| CliError::Failed("nothing is proposed".into()))?;
        // Byte for byte, so that its SHA-256 is that of the proposal.
        return globals.output.bytes(found.text.as_bytes());
    }
    globals.output.show(&Policies::from(answer), Policies::to_text)
}

fn read(path: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(path).map_err(|error| CliError::path(path, error))
}

/// What is wrong with a text, by what the nodes check.
fn faults(text: &str) -> Result<usize, Vec<String>> {
    let one = |error: BundleError| vec![error.to_string()];
    let bundle = Bundle::load(text).map_err(one)?;
    let corpus = Corpus::built_in().map_err(|error| one(error.into()))?;
    match bundle.check_corpus(&corpus) {
        Ok(()) => Ok(bundle.len()),
        Err(CorpusError::Mismatches(cases)) => Err(cases.iter().map(|case| format!("case {case}")).collect()),
        Err(other) => Err(vec![other.to_string()]),
    }
}

fn check(globals: &Globals, path: &Path) -> Result<(), CliError> {
    let text = read(path)?;
    let (policies, faults) = match faults(&text) {
        Ok(policies) => (Some(policies), Vec::new()),
        Err(faults) => (None, faults),
    };
    let text_sha256 = to_hex(&Sha256::digest(text.as_bytes()));
    let checked = Checked { file: path.display().to_string(), text_sha256, policies, faults };
    globals.output.show(&checked, Checked::to_text)?;
    match checked.faults.len() {
        0 => Ok(()),
        count => Err(CliError::Failed(format!("{}: {count} of what is asked of policies fails", path.display()))),
    }
}

async fn propose(globals: &Globals, args: Propose) -> Result<(), CliError> {
    let Propose { file, versioned } = args;
    let text = read(&file)?;
    if let Err(faults) = faults(&text) {
        return Err(CliError::Usage(format!("{}: {}", file.display(), faults.join("; "))));
    }
    let sha256 = to_hex(&Sha256::digest(text.as_bytes()));
    let client = globals.client_for(Function::AccessPolicies)?;
    let in_force = async || Ok(answer(&client).await?.policies.map_or(0, |policies| policies.version));
    let expected_version = versioned.or_read(in_force).await?;
    let send = async |request_id| {
        client.propose_access_policies(v1::ProposeAccessPoliciesRequest { request_id, text, expected_version }).await
    };
    let told = |put: &crate::view::record::Change| {
        format!("proposed version {}, SHA-256 {sha256}: another person must approve it", put.version)
    };
    versioned.send(globals, &client, expected_version, send, told).await
}

async fn answer(client: &Client) -> Result<v1::AccessPoliciesResponse, client::ClientError> {
    client.access_policies(v1::GetAccessPoliciesRequest { version: 0 }).await
}

async fn approve(globals: &Globals, args: Approve) -> Result<(), CliError> {
    let Approve { file, sha256, version, once } = args;
    let text_sha256 = match (file, sha256) {
        (Some(file), _) => to_hex(&Sha256::digest(read(&file)?.as_bytes())),
        (None, sha256) => sha256.unwrap_or_default(),
    };
    if once.request_id.is_some() && version.is_none() {
        return Err(CliError::flag("--request-id", "name the --version that the first attempt was for"));
    }
    let client = globals.client_for(Function::AccessPolicies)?;
    let version = match version {
        Some(version) => version,
        None => {
            let proposed = answer(&client).await?.proposed;
            proposed.ok_or_else(|| CliError::Failed("nothing is proposed".into()))?.version
        }
    };
    let request_id = once.id(&client);
    let message = v1::ApproveAccessPoliciesRequest { request_id: request_id.clone(), version, text_sha256 };
    let put = crate::view::record::Change::new(client.approve_access_policies(message).await?, request_id);
    globals.output.show(&put, |put| format!("version {} is in force", put.version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_checked_as_the_nodes_check_it_and_all_that_fails_is_named() {
        let built_in = Bundle::built_in().expect("parses");
        assert_eq!(faults(built_in.text()), Ok(built_in.len()));
        let not_cedar = faults("permit everything").expect_err("no Cedar");
        assert!(not_cedar[0].contains("do not parse"), "{not_cedar:?}");
        // Without the rule nobody is refused for a lapsed course: the cases that say so fail, by their names.
        let (before, rest) = built_in.text().split_once("@id(\"R04\")").expect("the rule");
        let (_, after) = rest.split_once("@id(").expect("another one");
        let faults = faults(&format!("{before}@id({after}")).expect_err("a rule is gone");
        assert!(!faults.is_empty() && faults.iter().all(|fault| fault.starts_with("case `")), "{faults:?}");
    }
}
