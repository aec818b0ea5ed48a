//! `import`: a source list goes in whole; what it no longer names is removed, unless part of it could not be read.

use model::access::function::Function;
use std::path::PathBuf;
use std::time::Instant;

use client::{ImportSession, v1};
use model::ids::{check_code, to_hex};
use model::limits::{IMPORT_BATCH_MAX, REJECTIONS_SHOWN_MAX};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::context::Globals;
use crate::error::CliError;
use crate::import::batches::{self, Piece};
use crate::import::{self as lists, Format, ImportError, Rejection};
use crate::output::note;
use crate::progress::Progress;

/// Flags of `import`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// Format of the list.
    #[arg(long, value_enum)]
    pub format: Format,
    /// Name of the source list; that of the format if left out (ofac-sdn, un-sc, csv, ndjson).
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// Remove what the list no longer names even though rows of it were rejected; what they name by reference stays.
    #[arg(long)]
    pub remove_missing: bool,
    /// The list: a file, or for ofac-sdn the directory with sdn.csv, alt.csv and add.csv.
    pub path: PathBuf,
}

const HELP: &str = "\
Examples:
  portcullis import --format ofac-sdn lists/ofac
  portcullis import --format csv --source stolen-vehicles lists/stolen.csv
JSON: {\"source\",\"read\",\"created\",\"updated\",\"unchanged\",\"removed\",\"rejected\",\"seconds\"} and, where rows were
rejected, \"rejections\":[{\"file\",\"row\",\"column\",\"reason\",\"reference\"}]. `read` counts entries; \"warnings\", where
there are some, counts VINs, IMO numbers, MMSIs and Mode S addresses that look wrong: they go in and are named on stderr.

A row that cannot go in is reported with file, row, column and reason, and the rest goes in. When rows were rejected,
nothing is removed unless --remove-missing is given, since a row that could not be read is not an entry that is gone; then
what a rejected row names by its reference stays as it is, and `without_reference` counts the rows that name nothing. A
list that breaks off or names no entry ends the import with exit code 1; what was read is in, nothing is removed. An
import that broke off is repeated as a whole: what is there already does not change. PATH must be a file, not a pipe.";

/// What an import did.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Summary {
    source: String,
    read: u64,
    created: u64,
    updated: u64,
    unchanged: u64,
    removed: u64,
    rejected: u64,
    seconds: f64,
    /// Numbers that look wrong, in entries that went in all the same.
    #[serde(skip_serializing_if = "is_zero")]
    warnings: u64,
    /// Rejected rows of which nobody can tell what they are about.
    #[serde(skip_serializing_if = "is_zero")]
    without_reference: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rejections: Vec<Rejection>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Imports.
pub async fn run(globals: &Globals, args: Args) -> Result<(), CliError> {
    let started = Instant::now();
    let Args { format, source, remove_missing, path } = args;
    let source = source.unwrap_or_else(|| format.default_source().to_string());
    check_code("--source", &source)?;
    let client = globals.client_for(Function::ListImport)?;
    let reader = blocking(move || lists::open(format, &path)).await?;
    let mut progress = Progress::new("import", reader.bytes_total());
    let ((file, _), id) = (reader.place(), import_id(&source, &reader.digest()));
    let (pieces, mut received) = mpsc::channel(8);
    let reading = tokio::task::spawn_blocking(move || batches::read(reader, &pieces));
    let summary = Summary { source: source.clone(), ..Summary::default() };
    let mut import = Import { summary, file, remove_missing, named: 0, kept: Vec::new() };
    let mut session = client.begin_import(&source, &id).await?;
    while let Some(piece) = received.recv().await {
        match piece {
            Piece::Rejected(rejection) => import.reject(rejection, &progress),
            Piece::Warned { file, row, reference, text } => {
                import.warn(format!("{file}:{row}: {text} (entry {reference})"), &progress);
            }
            Piece::Batch { entries, bytes_read } => {
                import.named += entries.len();
                if let Some(done) = session.send(entries).await? {
                    import.take(done, &progress);
                }
                progress.set(bytes_read, || import.so_far());
            }
        }
        import.keep(&mut session, IMPORT_BATCH_MAX, &progress).await?;
    }
    let read = reading.await.map_err(|error| CliError::Failed(format!("reader stopped: {error}")))?;
    import.acknowledged(&mut session, &progress).await?;
    import.summary.read = read.map_err(|error| import.broke_off(error))?;
    if import.summary.rejected == 0 || remove_missing {
        import.keep(&mut session, 1, &progress).await?;
        import.acknowledged(&mut session, &progress).await?;
        import.finish(&mut session).await?;
    } else {
        progress.note(
            "nothing was removed, since rows were rejected: what could not be read is not what is gone \
             (--remove-missing removes all the same)",
        );
    }
    if session.repeated() {
        progress.note("part had to be sent again: more may be created, updated or removed than is counted");
    }
    drop(progress);
    import.summary.seconds = (started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
    globals.output.show(&import.summary, Summary::to_text)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ImportError> + Send + 'static,
) -> Result<T, CliError> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|error| CliError::Failed(format!("reader stopped: {error}")))??)
}

/// The same list under the same name has the same id, so that a repeated import goes on instead of beginning.
fn import_id(source: &str, digest: &[u8; 32]) -> String {
    let hash = Sha256::new().chain_update(source.as_bytes()).chain_update(digest).finalize();
    to_hex(&hash[..16])
}

/// An import that is under way.
struct Import {
    summary: Summary,
    /// Name of the file with the entries, in rejections that the cluster makes.
    file: String,
    remove_missing: bool,
    /// Entries and kept references that were sent.
    named: usize,
    /// References of rejected rows that are still to be sent, where something is to be removed.
    kept: Vec<String>,
}

impl Import {
    fn take(&mut self, done: client::Acknowledged, progress: &Progress) {
        let client::Acknowledged { entries, progress: step } = done;
        self.summary.created += step.created;
        self.summary.updated += step.updated;
        self.summary.unchanged += step.unchanged;
        for v1::ImportRejection { row, field, reason } in step.rejected {
            let reference = entries.iter().find(|entry| entry.row == row).map(|entry| entry.source_ref.clone());
            let column = (!field.is_empty()).then_some(field);
            self.reject(Rejection { file: self.file.clone(), row, column, reason, reference }, progress);
        }
    }

    fn reject(&mut self, rejection: Rejection, progress: &Progress) {
        self.summary.rejected += 1;
        match &rejection.reference {
            Some(reference) if self.remove_missing => self.kept.push(reference.clone()),
            Some(_) => {}
            None => self.summary.without_reference += 1,
        }
        let shown = REJECTIONS_SHOWN_MAX as u64;
        if self.summary.rejected <= shown {
            progress.note(&line(&rejection));
            self.summary.rejections.push(rejection);
        } else if self.summary.rejected == shown + 1 {
            progress.note(&format!("more than {shown} rows are rejected; the others are counted"));
        }
    }

    /// Says what looks wrong, up to a bound, and counts it.
    fn warn(&mut self, text: String, progress: &Progress) {
        self.summary.warnings += 1;
        let shown = REJECTIONS_SHOWN_MAX as u64;
        if self.summary.warnings <= shown {
            progress.note(&format!("WARNING {text}"));
        } else if self.summary.warnings == shown + 1 {
            progress.note(&format!("more than {shown} warnings; the others are counted"));
        }
    }

    /// Sends the references that are to stay, when there are at least so many.
    async fn keep(&mut self, session: &mut ImportSession, least: usize, progress: &Progress) -> Result<(), CliError> {
        while self.kept.len() >= least {
            let rest = self.kept.split_off(self.kept.len().min(IMPORT_BATCH_MAX));
            let kept = std::mem::replace(&mut self.kept, rest);
            self.named += kept.len();
            if let Some(done) = session.keep(kept).await? {
                self.take(done, progress);
            }
        }
        Ok(())
    }

    async fn acknowledged(&mut self, session: &mut ImportSession, progress: &Progress) -> Result<(), CliError> {
        while let Some(done) = session.acknowledged().await? {
            self.take(done, progress);
        }
        Ok(())
    }

    fn so_far(&self) -> String {
        let Summary { created, updated, unchanged, rejected, .. } = &self.summary;
        format!("{created} created, {updated} updated, {unchanged} unchanged, {rejected} rejected")
    }

    fn broke_off(&self, error: ImportError) -> CliError {
        note(format!("{}; nothing was removed", self.so_far()));
        CliError::Import(error)
    }

    async fn finish(&mut self, session: &mut ImportSession) -> Result<(), CliError> {
        if self.named == 0 {
            return Err(CliError::Failed(format!("{}: no row could be read; nothing was removed", self.file)));
        }
        let step = session.finish().await?;
        self.summary.created += step.created;
        self.summary.updated += step.updated;
        self.summary.unchanged += step.unchanged;
        self.summary.removed += step.removed;
        Ok(())
    }
}

/// `file:row: column: reason`.
fn line(rejection: &Rejection) -> String {
    let Rejection { file, row, column, reason, reference } = rejection;
    let column = column.as_ref().map(|column| format!("{column}: ")).unwrap_or_default();
    let entry = reference.as_ref().map(|reference| format!(" (entry {reference})")).unwrap_or_default();
    format!("{file}:{row}: {column}{reason}{entry}")
}

impl Summary {
    fn to_text(&self) -> String {
        let Self { source, read, created, updated, unchanged, removed, rejected, seconds, .. } = self;
        let unnamed = match self.without_reference {
            0 => String::new(),
            n => format!(" ({n} of them without a readable reference: what they are about could not be kept)"),
        };
        let warned = match self.warnings {
            0 => String::new(),
            n => format!(", {n} warnings"),
        };
        format!(
            "{source}: {read} entries read in {seconds:.1} s: {created} created, {updated} updated, {unchanged} \
             unchanged, {removed} removed, {rejected} rejected{unnamed}{warned}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_the_contract() {
        let summary = Summary { source: "csv".into(), read: 2, created: 2, seconds: 0.5, ..Summary::default() };
        assert_eq!(
            crate::output::json(&summary).expect("encodes"),
            r#"{"source":"csv","read":2,"created":2,"updated":0,"unchanged":0,"removed":0,"rejected":0,"seconds":0.5}"#
        );
    }

    #[test]
    fn a_list_has_an_id_of_its_own_under_each_name() {
        let id = import_id("a", &[1; 32]);
        assert_eq!(id.len(), 32);
        assert_eq!(id, import_id("a", &[1; 32]));
        assert_ne!(id, import_id("b", &[1; 32]));
        assert_ne!(id, import_id("a", &[2; 32]));
    }

    fn import(remove_missing: bool) -> Import {
        let (summary, file) = (Summary::default(), "l.csv".to_string());
        Import { summary, file, remove_missing, named: 0, kept: Vec::new() }
    }

    #[test]
    fn what_rejected_rows_name_is_kept_and_what_they_do_not_is_said() {
        let mut import = import(true);
        let progress = Progress::silent();
        for reference in [Some("a".to_string()), None] {
            let rejection = Rejection { file: "l.csv".into(), row: 2, column: None, reason: "x".into(), reference };
            import.reject(rejection, &progress);
        }
        let entry = v1::ImportEntry { row: 7, source_ref: "b".into(), lookout: None };
        let rejected = vec![v1::ImportRejection { row: 7, field: "names".into(), reason: "y".into() }];
        let done = v1::ImportProgress { rejected, ..v1::ImportProgress::default() };
        import.take(client::Acknowledged { entries: vec![entry], progress: done }, &progress);
        assert_eq!(import.kept, ["a", "b"]);
        assert_eq!(line(&import.summary.rejections[2]), "l.csv:7: names: y (entry b)");
        let text = import.summary.to_text();
        assert!(
            text.ends_with(
                "3 rejected (1 of them without a readable reference: what they are about could not be kept)"
            )
        );
    }

    #[test]
    fn rejections_say_where_and_why_and_only_the_first_are_shown() {
        let mut import = import(false);
        let progress = Progress::silent();
        for row in 1..=REJECTIONS_SHOWN_MAX as u64 + 5 {
            let (column, reference) = (Some("dob".to_string()), Some("7".to_string()));
            let rejection = Rejection { file: "l.csv".into(), row, column, reason: "month 13".into(), reference };
            import.reject(rejection, &progress);
        }
        assert_eq!(line(&import.summary.rejections[1]), "l.csv:2: dob: month 13 (entry 7)");
        assert_eq!(import.summary.rejections.len(), REJECTIONS_SHOWN_MAX);
        assert_eq!(import.summary.rejected, REJECTIONS_SHOWN_MAX as u64 + 5);
    }
}
