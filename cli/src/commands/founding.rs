//! `founding`: the first accounts of a cluster.

use std::path::PathBuf;

use model::ids::to_hex;
use model::people::Ceremony;
use model::time::Entropy;
use serde::Serialize;

use crate::context::Globals;
use crate::error::CliError;
use crate::files::{write_atomically, write_secret};
use crate::founding::{FORM, Founding};
use crate::system::SystemEntropy;

pub const HELP: &str = "\
A new cluster has no account, and nobody can make the first one but who has its one-time secret: whoever starts the nodes
gives them only a digest of it, and whoever holds the ceremony shows it once. The ceremony is an event of the audit log.

Examples:
  portcullis founding secret --secret founding.secret --digest founding.digest
  portcullis-node --initial-members ... --founding-file founding.digest ...
  portcullis founding hold --secret founding.secret --founders founders.json";

/// The steps.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make the one-time secret, and the digest of it that the nodes are started with.
    Secret {
        /// Where the secret is written, for its holder alone.
        #[arg(long, value_name = "FILE")]
        secret: PathBuf,
        /// Where the digest is written, for --founding-file of the nodes.
        #[arg(long, value_name = "FILE")]
        digest: PathBuf,
    },
    /// Hold the ceremony: make the agency that runs the system, its roles and its first accounts.
    #[command(after_help = FORM)]
    Hold {
        #[arg(long, value_name = "FILE")]
        secret: PathBuf,
        /// Who is to have the first accounts (JSON; see below).
        #[arg(long, value_name = "FILE")]
        founders: PathBuf,
    },
}

#[derive(Serialize)]
struct Held {
    agency: String,
    founders: Vec<String>,
}

/// Takes one of them.
pub async fn run(globals: &Globals, command: Command) -> Result<(), CliError> {
    match command {
        Command::Secret { secret, digest } => {
            let entropy = SystemEntropy::open().map_err(|error| CliError::io("randomness", error))?;
            make_secret(&secret, &digest, &entropy)?;
            globals.output.show(&serde_json::json!({ "secret": secret, "digest": digest }), |_| {
                format!("{} is for who holds the ceremony, {} for the nodes", secret.display(), digest.display())
            })
        }
        Command::Hold { secret, founders } => {
            let founding = Founding::read(&founders)?;
            let shown = std::fs::read_to_string(&secret).map_err(|error| CliError::path(&secret, error))?;
            globals.client()?.found(founding.to_message(shown.trim().as_bytes())).await?;
            let held = Held {
                agency: founding.agency.id,
                founders: founding.founders.into_iter().map(|founder| founder.user).collect(),
            };
            globals.output.show(&held, |held| {
                format!(
                    "{} has its first accounts: {}; the secret is good for nothing more",
                    held.agency,
                    held.founders.join(", ")
                )
            })
        }
    }
}

/// A new secret and its digest.
pub fn make_secret(secret: &std::path::Path, digest: &std::path::Path, entropy: &dyn Entropy) -> Result<(), CliError> {
    let mut drawn = [0; 32];
    entropy.fill(&mut drawn);
    let text = to_hex(&drawn);
    write_secret(secret, &(text.clone() + "\n"))?;
    write_atomically(digest, (to_hex(&Ceremony::of(text.as_bytes()).digest) + "\n").as_bytes())
}
