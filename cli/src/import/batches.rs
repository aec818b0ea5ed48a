//! A list as batches of the protocol, for whoever sends them.

use client::{IMPORT_BATCH_BYTES_MAX, convert, entry_bytes, v1};
use model::limits::{COMMAND_BYTES_MAX, IMPORT_BATCH_MAX};
use tokio::sync::mpsc;

use super::{ImportError, Item, Reader, Rejection};

/// What is handed over.
pub enum Piece {
    Batch {
        entries: Vec<v1::ImportEntry>,
        bytes_read: u64,
    },
    Rejected(Rejection),
    /// An entry that goes in all the same: where it stands, and what looks wrong in it.
    Warned {
        file: String,
        row: u64,
        reference: String,
        text: String,
    },
}

/// Reads the list to its end and hands it over in batches; returns how many entries it had. The row of an entry is the one
/// that a rejection by the cluster is to name.
pub fn read(mut reader: Reader, pieces: &mpsc::Sender<Piece>) -> Result<u64, ImportError> {
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
        let (file, row) = reader.place();
        for warning in entry.lookout.warnings() {
            let (file, reference, text) = (file.clone(), entry.reference.clone(), warning.text);
            if !send(Piece::Warned { file, row, reference, text }) {
                return Ok(reader.entries_read());
            }
        }
        let entry = v1::ImportEntry { row, source_ref: entry.reference, lookout };
        let size = entry_bytes(&entry);
        if size > COMMAND_BYTES_MAX * 3 / 4 {
            let rejection = Rejection {
                file,
                row,
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

#[cfg(test)]
mod tests {
    use super::super::{Format, open};
    use super::*;

    fn pieces(text: &str) -> (Result<u64, ImportError>, Vec<Piece>) {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("l.ndjson");
        std::fs::write(&path, text).expect("writes");
        let reader = open(Format::Ndjson, &path).expect("opens");
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
    fn a_list_without_an_entry_breaks_off() {
        for text in ["", "\n\n", "\u{1a}"] {
            let (read, pieces) = pieces(text);
            let error = read.expect_err("broke off").to_string();
            assert!(error.contains("l.ndjson: names no entry"), "{error}");
            assert!(pieces.is_empty());
        }
    }

    #[test]
    fn a_wrong_check_digit_is_a_warning_and_the_entry_goes_in() {
        let row = r#"{"ref":"r1","type":"vessel","name":"MV A","registration":["9074728","mmsi:366123456"]}"#;
        let (read, pieces) = pieces(&format!("{row}\n"));
        assert_eq!(read.expect("reads"), 1);
        let [Piece::Warned { row: 1, reference, text, .. }, Piece::Batch { entries, .. }] = pieces.as_slice() else {
            panic!("{} pieces", pieces.len())
        };
        assert_eq!((reference.as_str(), text.as_str()), ("r1", "IMO: the check digit is 8, should be 9"));
        assert_eq!(entries.len(), 1);
    }

    #[test]
    fn batches_are_bounded_and_hold_every_entry_in_order() {
        let row = |n: usize| format!("{{\"ref\":\"r{n}\",\"name\":\"A B\",\"action\":\"refer\",\"reason\":\"x\"}}\n");
        let text: String = std::iter::once("\n".to_string()).chain((1..=600).map(row)).collect();
        let (read, pieces) = pieces(&text);
        let mut references = Vec::new();
        for piece in pieces {
            let Piece::Batch { entries, .. } = piece else { panic!("no row is rejected") };
            assert!(entries.len() <= IMPORT_BATCH_MAX);
            assert!(entries.iter().all(|entry| entry.source_ref == format!("r{}", entry.row - 1)), "row of the file");
            references.extend(entries.into_iter().map(|entry| entry.source_ref));
        }
        assert_eq!(read.expect("reads"), 600);
        let expected: Vec<String> = (1..=600).map(|n| format!("r{n}")).collect();
        assert_eq!(references, expected);
    }
}
