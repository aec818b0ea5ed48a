//! `screen`: one question, one answer as an officer reads it.

use clap::ValueEnum;
use client::v1;
use model::error::Invalid;

use crate::commands::question::{Manner, Question};
use crate::context::Globals;
use crate::error::CliError;
use crate::view::answer::Answer;

/// Flags of `screen`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// Name, in any order of its parts and any script.
    #[arg(long, value_name = "N", alias = "query")]
    pub name: Option<String>,
    /// Date of birth: YYYY-MM-DD, YYYY-MM, a year alone, `circa 1970` or 1970/1975.
    #[arg(long, value_name = "D")]
    pub dob: Option<String>,
    /// Country by ISO 3166-1 code or English name.
    #[arg(long, value_name = "C")]
    pub nationality: Option<String>,
    /// Number of a travel or identity document.
    #[arg(long, value_name = "NO")]
    pub document: Option<String>,
    /// Plate of a vehicle.
    #[arg(long, value_name = "P")]
    pub plate: Option<String>,
    /// Registration of a vehicle, vessel or aircraft: VIN, IMO number, tail number and so on.
    #[arg(long, value_name = "NO")]
    pub registration: Option<String>,
    /// `local`: the asked node's copy, with its age; `linearizable`: all that was ever acknowledged.
    #[arg(long, value_enum, default_value_t)]
    pub freshness: Freshness,
    /// Hits at most.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub limit: u32,
    /// Lowest score of a hit, 0 to 1; 0.7 if left out.
    #[arg(long, value_name = "T")]
    pub threshold: Option<f64>,
}

const HELP: &str = r#"Examples:
  portcullis screen --name "Ivan Petrov" --dob 1970 --nationality RUS
  portcullis screen --document "P 1234567" --freshness linearizable --output json
JSON: {"hits":[{"id","source","source_ref","name","score","action","reason","explanation":[{"field","asked","found",
"agreement","weight","note",
"words":[{"asked","found","how","edits","bits","swapped"}]}],"version","sentence","overridden"?}],"as_of":{"token","time"},
"audit":{"receipt","released_by"},"partial","policy_version"}.
"overridden":{"id","reason","recorded_by","agency","expires"} is there where an override says that the one asked for is not
the one looked for. An answer with "partial":true and no hits means `not fully checked`; it is never clear. Each question and
its answer stand in the audit log before you see the answer."#;

/// How fresh the answer must be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Freshness {
    #[default]
    Local,
    Linearizable,
}

impl Args {
    /// The question of the flags, checked.
    pub fn to_message(self) -> Result<v1::ScreenRequest, Invalid> {
        let Self { name, dob, nationality, document, plate, registration, freshness, limit, threshold } = self;
        let question = Question { name, dob, nationality, document, plate, registration };
        let manner = Manner { linearizable: freshness == Freshness::Linearizable, limit, threshold };
        question.to_message(manner)
    }
}

/// Asks and prints the answer.
pub async fn run(globals: &Globals, args: Args) -> Result<(), CliError> {
    let message = args.to_message()?;
    let answer = Answer::from(globals.client()?.screen(message).await?);
    globals.output.show(&answer, Answer::to_text)
}
