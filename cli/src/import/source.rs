//! Files as sources: opened with their size known, counted while they are read, so that progress can be shown.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ImportError;

/// Bytes read so far, shared between a reader and whoever shows progress.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress(Arc<AtomicU64>);

impl Progress {
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A file that counts what is read of it.
#[derive(Debug)]
pub(super) struct Counted {
    file: File,
    progress: Progress,
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(buf)?;
        self.progress.0.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// An open file with its name as messages show it.
pub(super) type Source = BufReader<Counted>;

/// The name of a file in messages and rejections: without the directories above it.
pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Opens a file for reading.
pub(super) fn open(path: &Path, progress: &Progress) -> Result<Source, ImportError> {
    size(path)?;
    let file = File::open(path).map_err(|e| fail(path, e))?;
    Ok(BufReader::with_capacity(64 * 1024, Counted { file, progress: progress.clone() }))
}

/// The size of a file; what is no file is an error here, not a confusing one at the first read.
pub(super) fn size(path: &Path) -> Result<u64, ImportError> {
    let metadata = std::fs::metadata(path).map_err(|e| fail(path, e))?;
    if metadata.is_dir() {
        return Err(fail(path, io::Error::new(io::ErrorKind::IsADirectory, "is a directory, expected a file")));
    }
    Ok(metadata.len())
}

/// An error of the file system about a file, with the whole path, since the remedy is there.
pub(super) fn fail(path: &Path, source: io::Error) -> ImportError {
    ImportError::Io { file: path.display().to_string(), source }
}
