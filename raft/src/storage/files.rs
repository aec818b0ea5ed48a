//! Files and directories of the engine on disk: whole writes, durable names, digests, what was received of a snapshot.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::{Manifest, REMEDY_DAMAGED, Result, StorageError};

/// Checks what was received of a snapshot.
pub fn verify(incoming: &Path, manifest: &Manifest) -> Result<()> {
    let mut wrong = None;
    for file in &manifest.files {
        let path = incoming.join(&file.name);
        let found = if path.is_file() { Some(digest(&path)?) } else { None };
        if found == Some((file.length, file.sha256)) {
            continue;
        }
        wrong.get_or_insert(&file.name);
        if found.is_some_and(|(length, _)| length == file.length) {
            // Whole and wrong: the next attempt must not go on from it.
            fs::remove_file(&path).map_err(|error| broken("removing a file", &path, error))?;
        }
    }
    wrong.map_or(Ok(()), |name| Err(StorageError::Snapshot(format!("{name} does not have its digest"))))
}

/// Takes the files over from a transfer that broke off that are the same in this one: most of a state's files do not change
/// from one checkpoint to the next.
pub fn take_over(from: &Path, to: &Path, manifest: &Manifest) -> Result<()> {
    for file in &manifest.files {
        let (old, new) = (from.join(&file.name), to.join(&file.name));
        if new.exists() || fs::metadata(&old).map_or(0, |data| data.len()) != file.length || file.length == 0 {
            continue;
        }
        if digest(&old)? == (file.length, file.sha256) {
            fs::rename(&old, &new).map_err(|error| broken("taking over a file", &new, error))?;
        }
    }
    Ok(())
}

/// Whether a directory has an entry of such a name; one that is not there has none.
pub fn holds(path: &Path, such: impl Fn(&str) -> bool) -> Result<bool> {
    Ok(names(path, |_| true)?.iter().any(|name| such(name)))
}

pub fn broken(what: &'static str, path: &Path, error: impl std::fmt::Display) -> StorageError {
    let reason = error.to_string();
    let place = path.display().to_string();
    let damaged = ["Corruption", "corrupt", "checksum", "No such file"].iter().any(|sign| reason.contains(sign));
    let remedy = if damaged { REMEDY_DAMAGED } else { "check the disk, its free space and its permissions" };
    StorageError::Broken { what, place, reason, remedy }
}

/// Makes a directory and what is missing above it, durably.
pub fn make_dir(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.map_or(Ok(()), make_dir)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(broken("making a directory", path, error))
        }
        _ => parent.map_or(Ok(()), sync_dir),
    }
}

pub fn remove_dir(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(broken("removing a directory", path, error)),
        _ => Ok(()),
    }
}

/// Removes what an install or a transfer that broke off left: directories of states and transfers other than `keep`.
pub fn remove_others(home: &Path, keep: &str) -> Result<()> {
    for name in dir_names(home)? {
        let ours = name.starts_with("state-") || home.ends_with("incoming");
        if ours && name != keep {
            remove_dir(&home.join(name))?;
        }
    }
    Ok(())
}

pub fn sync_dir(path: &Path) -> Result<()> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(|error| broken("syncing a directory", path, error))
}

pub fn sync_tree(dir: &Path) -> Result<()> {
    for name in file_names(dir)? {
        let path = dir.join(name);
        File::open(&path).and_then(|file| file.sync_all()).map_err(|error| broken("syncing a file", &path, error))?;
    }
    sync_dir(dir)
}

/// Names of the plain files of a directory, in order.
pub fn file_names(dir: &Path) -> Result<Vec<String>> {
    let mut names = names(dir, |path| path.is_file())?;
    names.sort();
    Ok(names)
}

/// Names of the directories in a directory, in order; none where it is missing.
pub fn dir_names(home: &Path) -> Result<Vec<String>> {
    let mut names = names(home, |path| path.is_dir())?;
    names.sort();
    Ok(names)
}

fn names(dir: &Path, such: impl Fn(&Path) -> bool) -> Result<Vec<String>> {
    let failed = |error| broken("reading a directory", dir, error);
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if such(&entry.path()) {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

pub fn digest(path: &Path) -> Result<(u64, [u8; 32])> {
    let read = || -> std::io::Result<(u64, [u8; 32])> {
        let mut file = File::open(path)?;
        let (mut hash, mut length, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 16]);
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                return Ok((length, hash.finalize().into()));
            }
            hash.update(&buffer[..count]);
            length += count as u64;
        }
    };
    read().map_err(|error| broken("reading a file", path, error))
}

pub fn read_whole(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(broken("reading a file", path, error)),
    }
}

/// Writes a file whole or not at all: temporary file, fsync, rename, fsync of the directory.
pub fn write_whole(dir: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let (temporary, target) = (dir.join(format!("{name}.new")), dir.join(name));
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, &target)
    };
    write().map_err(|error| broken("writing a file", &target, error))?;
    sync_dir(dir)
}
