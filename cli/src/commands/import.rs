//! `import`: a source list goes in whole; what it no longer names is removed, unless part of it could not be read.

use std::path::PathBuf;
use std::time::Instant;

use client::{IMPORT_BATCH_BYTES_MAX, ImportSession, convert, entry_bytes, v1};
use model::ids::{check_code, to_hex};
use model::limits::{COMMAND_BYTES_MAX, IMPORT_BATCH_MAX, REJECTIONS_SHOWN_MAX};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::context::Globals;
use crate::error::CliError;
use crate::import::{self as lists, Format, ImportError, Item, Rejection};
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
    /// Remove what the list no longer names even though rows of it were rejected.
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
rejected, \"rejections\":[{\"file\",\"row\",\"column\",\"reason\"}]. `read` counts entries.

A row that cannot go in is reported with file, row, column and reason, and the rest goes in. When rows were rejected,
nothing is removed unless --remove-missing is given, since a row that could not be read is not an entry that is gone. A
file that breaks off ends the import with exit code 1; what was read is in, nothing is removed. An import that broke off
is repeated as a whole: what is there already does not change.";

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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rejections: Vec<Rejection>,
}

/// What the reader hands over.
enum Piece {
    Batch { entries: Vec<v1::ImportEntry>, bytes_read: u64 },
    Rejected(Rejection),
}

/// Imports.
pub async fn run(globals: &Globals, args: Args) -> Result<(), CliError> {
    let started = Instant::now();
    let Args { format, source, remove_missing, path } = args;
    let source = source.unwrap_or_else(|| format.default_source().to_string());
    check_code("--source", &source)?;
    let client = globals.client()?;
    let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let (reader, digest) = blocking(move || Ok((lists::open(format, &path)?, lists::digest(format, &path)?))).await?;
    let mut progress = Progress::new("import", reader.bytes_total());
    let (pieces, mut received) = mpsc::channel(8);
    let reading = tokio::task::spawn_blocking(move || read(reader, &pieces));
    let mut import = Import { summary: Summary { source: source.clone(), ..Summary::default() }, file };
    let mut session = client.begin_import(&source, &import_id(&source, &digest)).await?;
    while let Some(piece) = received.recv().await {
        match piece {
            Piece::Rejected(rejection) => import.reject(rejection, &progress),
            Piece::Batch { entries, bytes_read } => {
                if let Some(done) = session.send(entries).await? {
                    import.take(done, &progress);
                }
                progress.set(bytes_read, || import.so_far());
            }
        }
    }
    let read = reading.await.map_err(|error| CliError::Failed(format!("reader stopped: {error}")))?;
    while let Some(done) = session.acknowledged().await? {
        import.take(done, &progress);
    }
    import.summary.read = read.map_err(|error| import.broke_off(error))?;
    if import.summary.rejected == 0 || remove_missing {
        import.finish(session).await?;
    } else {
        progress.note(
            "nothing was removed, since rows were rejected: what could not be read is not what is gone \
             (--remove-missing removes all the same)",
        );
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

/// Reads the list to its end and hands it over in batches; returns how many entries it had.
fn read(mut reader: lists::Reader, pieces: &mpsc::Sender<Piece>) -> Result<u64, ImportError> {
    let (mut entries, mut bytes) = (Vec::with_capacity(IMPORT_BATCH_MAX), 0);
    // When nobody receives any more, the import has failed already and says why.
    let send = |piece: Piece| pieces.blocking_send(piece).is_ok();
    while let Some(item) = reader.next() {
        let entry = match item {
            Ok(Item::Entry(entry)) => entry,
            Ok(Item::Rejected(rejection)) => {
                if !send(Piece::Rejected(rejection)) {
                    return Ok(reader.entries_read());
                }
                continue;
            }
            Err(error) => {
                if !entries.is_empty() {
                    send(Piece::Batch { entries, bytes_read: reader.bytes_read() });
                }
                return Err(error);
            }
        };
        let lookout = Some(convert::lookout_to(&entry.lookout));
        let entry = v1::ImportEntry { row: reader.entries_read(), source_ref: entry.reference, lookout };
        let size = entry_bytes(&entry);
        if size > COMMAND_BYTES_MAX * 3 / 4 {
            let rejection = Rejection {
                file: String::new(),
                row: entry.row,
                column: None,
                reason: format!("the entry takes {size} bytes, more than a command may hold"),
                reference: Some(entry.source_ref),
            };
            if !send(Piece::Rejected(rejection)) {
                return Ok(reader.entries_read());
            }
            continue;
        }
        if entries.len() >= IMPORT_BATCH_MAX || (bytes + size > IMPORT_BATCH_BYTES_MAX && !entries.is_empty()) {
            let full = std::mem::replace(&mut entries, Vec::with_capacity(IMPORT_BATCH_MAX));
            if !send(Piece::Batch { entries: full, bytes_read: reader.bytes_read() }) {
                return Ok(reader.entries_read());
            }
            bytes = 0;
        }
        bytes += size;
        entries.push(entry);
    }
    if !entries.is_empty() {
        send(Piece::Batch { entries, bytes_read: reader.bytes_read() });
    }
    Ok(reader.entries_read())
}

/// An import that is under way.
struct Import {
    summary: Summary,
    /// Name of the list in rejections that the cluster makes.
    file: String,
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
            self.reject(Rejection { file: String::new(), row, column, reason, reference }, progress);
        }
    }

    fn reject(&mut self, mut rejection: Rejection, progress: &Progress) {
        if rejection.file.is_empty() {
            rejection.file.clone_from(&self.file);
        }
        self.summary.rejected += 1;
        let shown = REJECTIONS_SHOWN_MAX as u64;
        if self.summary.rejected <= shown {
            progress.note(&line(&rejection));
            self.summary.rejections.push(rejection);
        } else if self.summary.rejected == shown + 1 {
            progress.note(&format!("more than {shown} rows are rejected; the others are counted"));
        }
    }

    fn so_far(&self) -> String {
        let Summary { created, updated, unchanged, rejected, .. } = &self.summary;
        format!("{created} created, {updated} updated, {unchanged} unchanged, {rejected} rejected")
    }

    fn broke_off(&self, error: ImportError) -> CliError {
        note(format!("{}; nothing was removed", self.so_far()));
        CliError::Import(error)
    }

    async fn finish(&mut self, session: ImportSession) -> Result<(), CliError> {
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
        let Self { source, read, created, updated, unchanged, removed, rejected, seconds, rejections: _ } = self;
        format!(
            "{source}: {read} entries read in {seconds:.1} s: {created} created, {updated} updated, {unchanged} \
             unchanged, {removed} removed, {rejected} rejected"
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

    #[test]
    fn rejections_say_where_and_why_and_only_the_first_are_shown() {
        let mut import = Import { summary: Summary::default(), file: "l.csv".into() };
        let progress = Progress::silent();
        for row in 1..=REJECTIONS_SHOWN_MAX as u64 + 5 {
            let (column, reference) = (Some("dob".to_string()), Some("7".to_string()));
            let rejection = Rejection { file: String::new(), row, column, reason: "month 13".into(), reference };
            import.reject(rejection, &progress);
        }
        assert_eq!(line(&import.summary.rejections[1]), "l.csv:2: dob: month 13 (entry 7)");
        assert_eq!(import.summary.rejections.len(), REJECTIONS_SHOWN_MAX);
        assert_eq!(import.summary.rejected, REJECTIONS_SHOWN_MAX as u64 + 5);
    }

    fn pieces(text: &str) -> (Result<u64, ImportError>, Vec<Piece>) {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("l.ndjson");
        std::fs::write(&path, text).expect("writes");
        let reader = lists::open(Format::Ndjson, &path).expect("opens");
        let (sender, mut receiver) = mpsc::channel(1_000);
        let read = read(reader, &sender);
        drop(sender);
        let mut pieces = Vec::new();
        while let Ok(piece) = receiver.try_recv() {
            pieces.push(piece);
        }
        (read, pieces)
    }

    #[test]
    fn batches_are_bounded_and_hold_every_entry_in_order() {
        let row = |n: usize| format!("{{\"ref\":\"r{n}\",\"name\":\"A B\",\"action\":\"refer\",\"reason\":\"x\"}}\n");
        let text: String = (1..=600).map(row).collect();
        let (read, pieces) = pieces(&text);
        let mut references = Vec::new();
        for piece in pieces {
            let Piece::Batch { entries, .. } = piece else { panic!("no row is rejected") };
            assert!(entries.len() <= IMPORT_BATCH_MAX);
            references.extend(entries.into_iter().map(|entry| entry.source_ref));
        }
        assert_eq!(read.expect("reads"), 600);
        let expected: Vec<String> = (1..=600).map(|n| format!("r{n}")).collect();
        assert_eq!(references, expected);
    }
}
