//! `screen`: one question, one answer as an officer reads it.

use clap::ValueEnum;
use client::v1;
use model::access::function::Function;

use crate::commands::question::{Manner, Question};
use crate::commands::zone;
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
    /// Machine readable zone of a passport, card or visa: a file, `-` for the standard input, or the text with its `<`. It
    /// gives what no other flag does; its check digits and expiry are part of the answer.
    #[arg(long, value_name = "FILE|-|TEXT")]
    pub mrz: Option<String>,
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
  portcullis screen --mrz 'P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<
L898902C36UTO7408122F1204159ZE184226B<<<<<10'
  reader | portcullis screen --mrz - --plate "TX ABC1234"
JSON: {"hits":[{"id","source","source_ref","name","score","action","reason","explanation":[{"field","asked","found",
"agreement","weight","note",
"words":[{"asked","found","how","edits","bits","swapped"}]}],"version","sentence","overridden"?,"document_state"?}],
"as_of":{"token","time"},"audit":{"receipt","released_by"},"partial","policy_version",
"document_checks":[{"field","value","result","note"}]?,"warnings":[{"field","text"}]?}; with a ? only where there is some.
Numbers meet whatever their blanks and signs; from five characters on also what reads alike (O for 0, I for 1, S for 5, B
for 8, Z for 2, G for 6), and plates with and without their state, at a lower score that the explanation names.
The lines of a zone may be in small letters, without line breaks, with `«` for two fillers. A flag given beside it is
asked as given, and a contradiction is a warning. A document that is expired or whose check digits are wrong is a warning,
found or not; what its issuer reports (lost, stolen, revoked, invalid) stands above the hit.
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
    pub fn to_message(self) -> Result<v1::ScreenRequest, CliError> {
        let Self { name, dob, nationality, document, plate, registration, mrz, freshness, limit, threshold } = self;
        let mrz = mrz.as_deref().map(zone::text_of).transpose()?;
        let question = Question { name, dob, nationality, document, plate, registration, mrz };
        let manner = Manner { linearizable: freshness == Freshness::Linearizable, limit, threshold };
        Ok(question.to_message(manner)?)
    }
}

/// Asks and prints the answer.
pub async fn run(globals: &Globals, args: Args) -> Result<(), CliError> {
    let message = args.to_message()?;
    let answer = Answer::from(globals.client_for(Function::PrimaryQuery)?.screen(message).await?);
    globals.output.show(&answer, Answer::to_text)
}
