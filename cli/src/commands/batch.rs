//! `batch`: a question for each row of a CSV file.

use model::access::function::Function;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use client::{Client, ErrorKind, v1};
use futures_util::StreamExt;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::batch::rows::{Asked, Row, Rows};
use crate::batch::sink::{Line, Sink};
use crate::commands::question::Manner;
use crate::context::Globals;
use crate::error::CliError;
use crate::progress::Progress;
use crate::view::answer::Answer;

/// The code of a node that has too much to do.
const BUSY: &str = "busy";
/// A partial answer is asked again so often before it is written down as one.
const PARTIAL_ATTEMPTS: u32 = 3;

/// Flags of `batch`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// CSV with a header; columns name, dob, nationality, document, mrz; others are ignored.
    #[arg(long = "in", value_name = "CSV")]
    pub input: PathBuf,
    /// Answers: one JSON object a line, in the order of the rows.
    #[arg(long, value_name = "NDJSON")]
    pub out: PathBuf,
    /// Questions on their way at a time.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub concurrency: u16,
    /// Lowest score of a hit, 0 to 1; 0.7 if left out.
    #[arg(long, value_name = "T")]
    pub threshold: Option<f64>,
    /// Hits of one answer at most.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub limit: u32,
}

const HELP: &str = "\
Each line of NDJSON: {\"row\",\"error\":null|text,\"hits\":[...]}; rows count from 1, the header not counted; hits are those of
`screen`. A bad row gets a line with its error, and the rest goes on. A nationality or birth date that cannot be read is
left out of the question, and the line's \"note\" says so. A row with a machine readable zone (`mrz`, in one line or in
quotes with its line breaks) has \"document_checks\", and \"warnings\" where there are some, as in `screen`. If the
command ends early, the same command goes on after the complete lines of NDJSON. Each row is a question with its own audit event.

Example:
  portcullis batch --in travellers.csv --out answers.ndjson --concurrency 16";

#[derive(Debug, Default, Serialize)]
struct Summary {
    rows: u64,
    resumed: u64,
    with_hits: u64,
    errors: u64,
    noted: u64,
    seconds: f64,
}

/// Asks for every row that has no answer yet.
pub async fn run(globals: &Globals, args: Args) -> Result<(), CliError> {
    let Args { input, out, concurrency, threshold, limit } = args;
    let started = Instant::now();
    let manner = Manner { linearizable: false, limit, threshold };
    // A wrong flag would otherwise be the error of each row.
    let probe = crate::commands::question::Question { name: Some("probe".into()), ..Default::default() };
    probe.to_message(manner)?;
    let file = std::fs::File::open(&input).map_err(|error| CliError::path(&input, error))?;
    let mut rows = Rows::new(file, manner)?;
    // Whoever stands at a lane comes first.
    let client = globals.client_for(Function::PrimaryQuery)?.giving_way();
    let mut sink = Sink::open(&out)?;
    let mut summary = Summary { resumed: sink.done(), ..Summary::default() };
    let mut progress = Progress::new("batch", 0);
    if summary.resumed > 0 {
        progress.note(&format!("{} rows are answered already; going on after them", summary.resumed));
    }
    let (sender, receiver) = mpsc::channel(usize::from(concurrency) * 2);
    let skip = summary.resumed;
    let reading = tokio::task::spawn_blocking(move || {
        let mut read = 0;
        while let Some(row) = rows.next_row()? {
            read = row.number;
            // When nobody receives any more, the batch has failed already and says why.
            if row.number > skip && sender.blocking_send(row).is_err() {
                break;
            }
        }
        Ok::<u64, CliError>(read)
    });
    let answers = ReceiverStream::new(receiver).map(|row| answer(&client, row));
    let mut answers = std::pin::pin!(answers.buffered(usize::from(concurrency)));
    while let Some(line) = answers.next().await {
        let line = match line {
            Ok(line) => line,
            Err(error) => {
                sink.sync()?;
                progress.note(&format!("{} rows are answered; the same command goes on after them", sink.done()));
                return Err(error);
            }
        };
        summary.with_hits += u64::from(!line.hits.is_empty());
        summary.errors += u64::from(line.error.is_some());
        summary.noted += u64::from(line.note.is_some());
        sink.push(&line)?;
        progress.set(sink.done(), || format!("{} rows", sink.done()));
    }
    sink.sync()?;
    drop(progress);
    summary.rows = reading.await.map_err(|error| CliError::Failed(format!("reader stopped: {error}")))??;
    if summary.rows < summary.resumed {
        let text = format!("has {} answers, the input has only {} rows", summary.resumed, summary.rows);
        return Err(CliError::flag("--out", text));
    }
    summary.seconds = (started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
    globals.output.show(&summary, |summary| {
        let Summary { rows, resumed, with_hits, errors, noted, seconds } = summary;
        let noted = if *noted > 0 { format!(", {noted} with a note") } else { String::new() };
        format!(
            "{rows} rows ({resumed} answered before); of this run {with_hits} with hits, {errors} errors{noted}, {seconds:.1} s"
        )
    })
}

/// The line of a row; an error is one that stops the batch, since the next row would meet it, too.
async fn answer(client: &Client, row: Row) -> Result<Line, CliError> {
    let Row { number, question } = row;
    let failed = |error: String| Line { row: number, error: Some(error), ..Line::default() };
    match question {
        Err(error) => Ok(failed(error)),
        Ok(Asked { message, note }) => match ask(client, message).await {
            Ok(answer) => {
                let unchecked = answer.is_not_fully_checked();
                let error = "not fully checked: part of the records did not answer in time".to_string();
                let Answer { hits, partial, document_checks, warnings, .. } = answer;
                let error = unchecked.then_some(error);
                Ok(Line { row: number, error, note, hits, partial, document_checks, warnings })
            }
            Err(error) if error.kind == ErrorKind::Invalid => Ok(failed(error.to_string())),
            Err(error) => Err(error.into()),
        },
    }
}

async fn ask(client: &Client, question: v1::ScreenRequest) -> Result<Answer, client::ClientError> {
    let mut attempts = 1;
    loop {
        let answer = match client.screen(question.clone()).await {
            Ok(answer) => Answer::from(answer),
            // A cluster that has too much to do slows a batch and does not break it off.
            Err(error) if [client::SLOW_DOWN, BUSY].contains(&error.code.as_str()) => continue,
            Err(error) => return Err(error),
        };
        if !answer.partial || attempts == PARTIAL_ATTEMPTS {
            return Ok(answer);
        }
        attempts += 1;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
