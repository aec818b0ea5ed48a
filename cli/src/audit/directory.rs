//! An export directory: written leaf by leaf, verified offline, without a cluster.
//!
//! A leaf is a line `{"index","leaf","payload"}`, bytes in hexadecimal. The manifest is written last, so that an export
//! that broke off has none.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use model::ids::{from_hex, to_hex};
use model::limits::MESSAGE_BYTES_MAX;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::chain::{Chain, RawLeaf};
use super::hex;
use super::manifest::{ExportedFile, MANIFEST, MANIFEST_DIGEST, Manifest};
use crate::error::CliError;

/// Leaves of one file.
const LEAVES_PER_FILE: u64 = 4096;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    index: u64,
    leaf: String,
    payload: String,
}

/// Writes an export.
pub struct Writer {
    dir: PathBuf,
    open: Option<(ExportedFile, Sha256, std::io::BufWriter<File>)>,
    files: Vec<ExportedFile>,
}

impl Writer {
    /// Begins an export in a directory, which is created; one that holds anything is refused.
    pub fn create(dir: &Path) -> Result<Self, CliError> {
        std::fs::create_dir_all(dir).map_err(|error| CliError::path(dir, error))?;
        if std::fs::read_dir(dir).map_err(|error| CliError::path(dir, error))?.next().is_some() {
            return Err(CliError::flag("--out", format!("{} is not empty", dir.display())));
        }
        Ok(Self { dir: dir.to_path_buf(), open: None, files: Vec::new() })
    }

    /// Writes a leaf.
    pub fn push(&mut self, leaf: &RawLeaf) -> Result<(), CliError> {
        let RawLeaf { index, leaf, payload } = leaf;
        let line = Line { index: *index, leaf: to_hex(leaf), payload: to_hex(payload) };
        let line = crate::output::json(&line)? + "\n";
        let (file, hash, writer) = match &mut self.open {
            Some(open) => open,
            none => {
                let name = format!("leaves-{index:012}.ndjson");
                let path = self.dir.join(&name);
                let writer = File::create_new(&path).map_err(|error| CliError::path(&path, error))?;
                let file = ExportedFile { name, bytes: 0, sha256: String::new(), first: *index, leaves: 0 };
                none.insert((file, Sha256::new(), std::io::BufWriter::new(writer)))
            }
        };
        writer.write_all(line.as_bytes()).map_err(|error| CliError::io(&file.name, error))?;
        hash.update(line.as_bytes());
        file.bytes += line.len() as u64;
        file.leaves += 1;
        if file.leaves == LEAVES_PER_FILE { self.close() } else { Ok(()) }
    }

    fn close(&mut self) -> Result<(), CliError> {
        let Some((mut file, hash, writer)) = self.open.take() else { return Ok(()) };
        let synced = writer.into_inner().map_err(|error| error.into_error()).and_then(|writer| writer.sync_all());
        synced.map_err(|error| CliError::io(&file.name, error))?;
        file.sha256 = to_hex(&hash.finalize());
        self.files.push(file);
        Ok(())
    }

    /// Ends the export with its manifest.
    pub fn finish(mut self, cluster_id: String, group: String, chain: &Chain) -> Result<Manifest, CliError> {
        self.close()?;
        let manifest = Manifest::new(cluster_id, group, chain.size(), hex(&chain.root()), self.files);
        let bytes = manifest.to_bytes()?;
        for (name, content) in [(MANIFEST_DIGEST, Manifest::digest_line(&bytes).as_bytes()), (MANIFEST, &bytes)] {
            let path = self.dir.join(name);
            let write = || {
                let mut file = File::create_new(&path)?;
                file.write_all(content)?;
                file.sync_all()
            };
            write().map_err(|error| CliError::path(&path, error))?;
        }
        File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(|error| CliError::path(&self.dir, error))?;
        Ok(manifest)
    }
}

/// Verifies an export: every byte of every file. Returns the manifest and the chain of its leaves.
pub fn verify(dir: &Path, watch: impl FnOnce(&Manifest) -> Option<u64>) -> Result<(Manifest, Chain), CliError> {
    let read = |name: &str| {
        let path = dir.join(name);
        // A manifest names 4,096 leaves in 200 bytes, so this bounds no real one.
        let mut bytes = Vec::new();
        let file = File::open(&path).map_err(|error| missing(&path, error))?;
        file.take(1 << 28).read_to_end(&mut bytes).map_err(|error| CliError::path(&path, error))?;
        Ok::<_, CliError>(bytes)
    };
    if !dir.is_dir() {
        return Err(CliError::flag("--dir", format!("{} is no directory", dir.display())));
    }
    let manifest = Manifest::check(&read(MANIFEST)?, &read(MANIFEST_DIGEST)?).map_err(CliError::Verification)?;
    no_other_files(dir, &manifest)?;
    let mut chain = Chain::watching(watch(&manifest));
    for file in &manifest.files {
        verify_file(dir, file, &mut chain)?;
    }
    let (size, root) = (chain.size(), hex(&chain.root()));
    if size != manifest.size {
        return Err(CliError::Verification(format!("{size} leaves are there, the manifest says {}", manifest.size)));
    }
    if root != manifest.root {
        return Err(CliError::Verification(format!("the root is {root}, the manifest says {}", manifest.root)));
    }
    Ok((manifest, chain))
}

fn missing(path: &Path, error: std::io::Error) -> CliError {
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            CliError::Verification(format!("{} is missing: no export, or one that broke off", path.display()))
        }
        _ => CliError::path(path, error),
    }
}

fn no_other_files(dir: &Path, manifest: &Manifest) -> Result<(), CliError> {
    let known: BTreeSet<&str> =
        manifest.files.iter().map(|file| file.name.as_str()).chain([MANIFEST, MANIFEST_DIGEST]).collect();
    if known.len() != manifest.files.len() + 2 {
        return Err(CliError::Verification("the manifest names a file twice".to_string()));
    }
    for entry in std::fs::read_dir(dir).map_err(|error| CliError::path(dir, error))? {
        let name = entry.map_err(|error| CliError::path(dir, error))?.file_name();
        if !name.to_str().is_some_and(|name| known.contains(name)) {
            return Err(CliError::Verification(format!("{} is not in the manifest", dir.join(name).display())));
        }
    }
    Ok(())
}

fn verify_file(dir: &Path, file: &ExportedFile, chain: &mut Chain) -> Result<(), CliError> {
    let ExportedFile { name, bytes, sha256, first, leaves } = file;
    let wrong = |reason: String| CliError::Verification(format!("{name}: {reason}"));
    if !name.starts_with("leaves-") || name.contains('/') {
        return Err(wrong("is no name of a file of leaves".to_string()));
    }
    if *first != chain.size() {
        return Err(wrong(format!("begins at leaf {first}, expected {}", chain.size())));
    }
    let path = dir.join(name);
    let mut reader = BufReader::new(File::open(&path).map_err(|error| missing(&path, error))?);
    let (mut hash, mut length, mut count, mut line) = (Sha256::new(), 0_u64, 0_u64, Vec::new());
    // A first pass over the bytes: a line is only parsed once the whole file is known to be what was written.
    let mut block = vec![0; 64 * 1024];
    loop {
        let n = reader.read(&mut block).map_err(|error| CliError::path(&path, error))?;
        if n == 0 {
            break;
        }
        length += n as u64;
        hash.update(&block[..n]);
    }
    if length != *bytes {
        return Err(wrong(format!("has {length} bytes, the manifest says {bytes}")));
    }
    if to_hex(&hash.finalize()) != *sha256 {
        return Err(wrong("does not have the digest that the manifest states: its bytes were altered".to_string()));
    }
    let mut reader = BufReader::new(File::open(&path).map_err(|error| missing(&path, error))?);
    loop {
        line.clear();
        let taken = reader.by_ref().take(4 * MESSAGE_BYTES_MAX as u64).read_until(b'\n', &mut line);
        if taken.map_err(|error| CliError::path(&path, error))? == 0 {
            break;
        }
        let parsed: Line = serde_json::from_slice(&line).map_err(|error| wrong(format!("leaf {count}: {error}")))?;
        let Line { index, leaf, payload } = parsed;
        let (Some(leaf), Some(payload)) = (from_hex(&leaf), from_hex(&payload)) else {
            return Err(wrong(format!("leaf {index} is not in hexadecimal")));
        };
        chain.push(&RawLeaf { index, leaf, payload }).map_err(|error| wrong(error.to_string()))?;
        count += 1;
    }
    if count != *leaves {
        return Err(wrong(format!("holds {count} leaves, the manifest says {leaves}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::chain::testing::log;

    fn export(dir: &Path, size: u64) -> Manifest {
        let (mut writer, mut chain) = (Writer::create(dir).expect("creates"), Chain::default());
        for leaf in log(size) {
            chain.push(&leaf).expect("holds");
            writer.push(&leaf).expect("writes");
        }
        writer.finish("c".into(), "audit-0".into(), &chain).expect("finishes")
    }

    #[test]
    fn an_export_verifies_and_a_change_of_any_byte_of_any_file_is_found() {
        let dir = tempfile::tempdir().expect("directory");
        let dir = dir.path().join("export");
        let manifest = export(&dir, 3);
        assert_eq!(verify(&dir, |_| Some(2)).expect("verifies").0, manifest);
        for entry in std::fs::read_dir(&dir).expect("lists") {
            let path = entry.expect("entry").path();
            let bytes = std::fs::read(&path).expect("reads");
            for at in 0..bytes.len() {
                for flip in [1, 0x20] {
                    let mut altered = bytes.clone();
                    altered[at] ^= flip;
                    std::fs::write(&path, altered).expect("writes");
                    let error = verify(&dir, |_| None).map(|_| ()).expect_err("found");
                    assert_eq!(error.exit(), crate::error::Exit::VerificationFailed, "{path:?} {at}: {error}");
                }
            }
            for other in [&bytes[..bytes.len() - 1], &[&bytes[..], b"\n"].concat()] {
                std::fs::write(&path, other).expect("writes");
                assert!(verify(&dir, |_| None).is_err(), "{path:?}");
            }
            std::fs::remove_file(&path).expect("removes");
            assert!(verify(&dir, |_| None).is_err(), "{path:?}");
            std::fs::write(&path, bytes).expect("writes");
        }
        std::fs::write(dir.join("other"), "").expect("writes");
        assert!(verify(&dir, |_| None).is_err());
    }

    #[test]
    fn an_empty_log_exports_and_a_used_directory_is_refused() {
        let dir = tempfile::tempdir().expect("directory");
        export(dir.path(), 0);
        assert_eq!(verify(dir.path(), |_| None).expect("verifies").1.size(), 0);
        assert!(Writer::create(dir.path()).is_err());
    }

    #[test]
    fn many_leaves_go_into_several_files() {
        let dir = tempfile::tempdir().expect("directory");
        let manifest = export(dir.path(), LEAVES_PER_FILE + 1);
        assert_eq!(manifest.files.len(), 2);
        assert_eq!(verify(dir.path(), |_| None).expect("verifies").0, manifest);
    }
}
