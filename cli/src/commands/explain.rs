//! `explain`: why a record came up for a question, or did not.

use client::v1;
use model::access::function::Function;

use crate::commands::screen;
use crate::context::Globals;
use crate::error::CliError;
use crate::view::explanation::Explanation;

/// Flags of `explain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The name, as `--name` (or `--query`) takes it: all words together are one name.
    #[arg(value_name = "NAME", conflicts_with = "name")]
    pub words: Vec<String>,
    /// The lookout's id, as `screen` and `lookout list` show it.
    #[arg(long, value_name = "ID")]
    pub record: String,
    /// The flags of `screen`, so that the question is the one that was asked.
    #[command(flatten)]
    pub question: screen::Args,
}

/// What `--help` shows below the flags.
pub const HELP: &str = r#"Examples:
  portcullis explain Jon Smyth --record 13697a56838158a73dacce7235b8195b
  portcullis explain --name "Iwan Petrow" --dob 1970 --record 13697a56838158a73dacce7235b8195b --output json
The first line is the outcome:
  found            it is a hit, as number so and so of the answer
  outranked        it scores enough, and as many others as --limit says score more
  below-threshold  it was compared, and scores less than --threshold
  no-candidate     its words say too little, whatever else agrees: it is not scored
  not-in-force     it was removed
Words are shown as they are written, with how they met (same, spelling, sounds-alike,
transliteration, typing-error, together-or-apart, cut, initial; missing of the question, extra of
the record) and what each adds to the evidence of the name or takes from it, in bits: 1 is twice as
likely. Where no word met another, they show what each would say at most. What the same question
would score with the record's own date of birth or nationality is shown where it is more.
JSON: {"record","version","name","outcome","reason","threshold","bound","score","rank",
"explanation":[as of screen],"sentence","words":[{"asked","found","bits"}],
"supposed":[{"fields":[{"field","value"}],"score","found"}],"indexed","as_of":{"token","time"},
"audit":{"receipt","released_by"},"policy_version","overridden"?}; bits are hundredths.
An explanation stands in the audit log as an event of its own, with the question and the record."#;

/// Asks and prints the explanation.
pub async fn run(globals: &Globals, args: Args) -> Result<(), CliError> {
    let Args { words, record, mut question } = args;
    if !words.is_empty() {
        question.name = Some(words.join(" "));
    }
    let message = v1::ExplainRequest { question: Some(question.to_message()?), record };
    let explanation = Explanation::from(globals.client_for(Function::SubjectQuery)?.explain(message).await?);
    globals.output.show(&explanation, Explanation::to_text)
}
