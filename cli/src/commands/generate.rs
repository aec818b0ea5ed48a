//! `generate`: synthetic lists, travellers and their truth, from a seed.

use std::path::PathBuf;

use serde::Serialize;

use crate::context::Globals;
use crate::error::CliError;

/// What can be generated.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Write list.csv, list.ndjson (the same entries), travellers.csv and truth.csv into a directory.
    #[command(after_help = LISTS_HELP)]
    Lists {
        #[command(flatten)]
        world: World,
        /// The directory; it is created.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Print five travellers for a demonstration with that list: two are on it, one of them under a misspelt name.
    Travellers {
        #[command(flatten)]
        world: World,
    },
}

const LISTS_HELP: &str = "\
Example:
  portcullis generate lists --people 10000 --seed 1 --out lists
  portcullis import --format csv --source synthetic lists/list.csv
  portcullis batch --in lists/travellers.csv --out answers.ndjson
Row n of truth.csv says whom row n of travellers.csv, and so of the answers, should find. No person in it exists.";

/// Which world.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct World {
    /// Entries of the list.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub people: usize,
    /// Everything follows from it: the same seed gives the same bytes.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
}

#[derive(Serialize)]
struct DemoTraveller {
    name: String,
    dob: Option<String>,
    nationality: Option<String>,
    document: Option<String>,
    expected_ref: Option<String>,
    variation: &'static str,
}

/// Generates.
pub async fn run(globals: &Globals, command: Command) -> Result<(), CliError> {
    match command {
        Command::Lists { world, out } => {
            let config = config(world);
            let written = tokio::task::spawn_blocking(move || generator::write_lists(&out, &config));
            let summary = written
                .await
                .map_err(|error| CliError::Failed(format!("generator stopped: {error}")))?
                .map_err(|error| CliError::io(&error.file, error.source))?;
            globals.output.show(&summary, |summary| {
                let files: Vec<String> = summary.files.iter().map(|file| format!("  {}", file.display())).collect();
                format!(
                    "{} entries under {} names, {} travellers of whom {} are listed:\n{}",
                    summary.entries,
                    summary.names,
                    summary.travellers,
                    summary.listed,
                    files.join("\n")
                )
            })
        }
        Command::Travellers { world } => {
            let travellers = generator::demo_travellers(&generator::lists(&config(world)));
            for generator::Traveller { name, dob, nationality, document, truth } in travellers {
                let traveller = DemoTraveller {
                    name,
                    dob,
                    nationality,
                    document,
                    expected_ref: truth.expected,
                    variation: truth.variation.code(),
                };
                globals.output.show(&traveller, |traveller| traveller.name.clone())?;
            }
            Ok(())
        }
    }
}

fn config(world: World) -> generator::Config {
    generator::Config { seed: world.seed, people: world.people }
}
