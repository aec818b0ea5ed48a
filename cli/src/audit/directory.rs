//! An export directory: a log as static files (C2SP tlog-tiles) that stock tools verify, with the sealed payloads beside it. Written
//! leaf by leaf, verified offline, without a cluster.
//!
//! | path | of |
//! |---|---|
//! | `checkpoint` | the signed note over all of it |
//! | `tile/L/N` | hashes, 256 a file |
//! | `tile/entries/N` | leaves, each after its length in two bytes |
//! | `payload/N` | the sealed payloads of the same leaves, each after its length in four bytes |
//! | `manifest.json`, `manifest.sha256` | every file with its digest; written last, so that an export that broke off has none |

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use model::audit::checkpoint::Checkpoint;
use model::audit::merkle::Hash;
use model::audit::note::Note;
use model::audit::tiles::{self, Kind, TILE_WIDTH, Tile, TileBuilder};

use super::chain::{Chain, RawLeaf};
use super::hex;
use super::manifest::{ExportedFile, MANIFEST, MANIFEST_DIGEST, Manifest};
use crate::error::CliError;

/// Name of the signed checkpoint.
pub const CHECKPOINT: &str = "checkpoint";
/// Bytes of one file at most: 256 leaves with the largest payloads.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Writes an export.
pub struct Writer {
    dir: PathBuf,
    entries: Vec<u8>,
    payloads: Vec<u8>,
    held: u64,
    bundles: u64,
    builder: TileBuilder,
    files: Vec<ExportedFile>,
}

impl Writer {
    /// Begins an export in a directory, which is created; one that holds anything is refused.
    pub fn create(dir: &Path) -> Result<Self, CliError> {
        std::fs::create_dir_all(dir).map_err(|error| CliError::path(dir, error))?;
        if std::fs::read_dir(dir).map_err(|error| CliError::path(dir, error))?.next().is_some() {
            return Err(CliError::flag("--out", format!("{} is not empty", dir.display())));
        }
        Ok(Self {
            dir: dir.to_path_buf(),
            entries: Vec::new(),
            payloads: Vec::new(),
            held: 0,
            bundles: 0,
            builder: TileBuilder::default(),
            files: Vec::new(),
        })
    }

    fn write(&mut self, name: &str, content: &[u8]) -> Result<(), CliError> {
        let path = self.dir.join(name);
        let write = || {
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            let mut file = File::create_new(&path)?;
            file.write_all(content)?;
            file.sync_all()
        };
        write().map_err(|error| CliError::path(&path, error))?;
        self.files.push(ExportedFile::new(name, content));
        Ok(())
    }

    /// Writes a leaf.
    pub fn push(&mut self, leaf: &RawLeaf) -> Result<(), CliError> {
        let RawLeaf { index, leaf, payload } = leaf;
        let too_long = || CliError::Failed(format!("leaf {index} is too long for a bundle"));
        tiles::push_entry(&mut self.entries, leaf).ok_or_else(too_long)?;
        let length = u32::try_from(payload.len()).map_err(|_| too_long())?;
        self.payloads.extend_from_slice(&length.to_be_bytes());
        self.payloads.extend_from_slice(payload);
        self.held += 1;
        for (tile, hashes) in self.builder.push(model::audit::merkle::leaf_hash(leaf)) {
            self.write(&tile.path(), &hashes.concat())?;
        }
        if self.held == TILE_WIDTH { self.close() } else { Ok(()) }
    }

    fn close(&mut self) -> Result<(), CliError> {
        if self.held == 0 {
            return Ok(());
        }
        let bundle = Tile { kind: Kind::Entries, index: self.bundles, width: self.held };
        let (entries, payloads) = (std::mem::take(&mut self.entries), std::mem::take(&mut self.payloads));
        self.write(&bundle.path(), &entries)?;
        self.write(&payload_path(&bundle), &payloads)?;
        (self.bundles, self.held) = (self.bundles + 1, 0);
        Ok(())
    }

    /// Ends the export with its checkpoint and manifest.
    pub fn finish(
        mut self,
        (cluster_id, group): (String, String),
        chain: &Chain,
        checkpoint: &str,
    ) -> Result<Manifest, CliError> {
        self.close()?;
        for (tile, hashes) in std::mem::take(&mut self.builder).finish() {
            self.write(&tile.path(), &hashes.concat())?;
        }
        self.write(CHECKPOINT, checkpoint.as_bytes())?;
        let files = std::mem::take(&mut self.files);
        let manifest = Manifest::new(cluster_id, group, chain.size(), hex(&chain.root()), files);
        let bytes = manifest.to_bytes()?;
        self.write(MANIFEST_DIGEST, Manifest::digest_line(&bytes).as_bytes())?;
        self.write(MANIFEST, &bytes)?;
        File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(|error| CliError::path(&self.dir, error))?;
        Ok(manifest)
    }
}

fn payload_path(bundle: &Tile) -> String {
    format!("payload/{}", bundle.within())
}

/// An export that verifies.
#[derive(Debug)]
pub struct Verified {
    pub manifest: Manifest,
    pub chain: Chain,
    /// The signed checkpoint over it. Who signed it is not checked here.
    pub checkpoint: Note,
}

/// Verifies an export: every byte of every file.
pub fn verify(dir: &Path, watch: impl FnOnce(&Manifest) -> Option<u64>) -> Result<Verified, CliError> {
    if !dir.is_dir() {
        return Err(CliError::flag("--dir", format!("{} is no directory", dir.display())));
    }
    let manifest = read(dir, MANIFEST, 1 << 28)?;
    let digest = read(dir, MANIFEST_DIGEST, 1 << 10)?;
    let manifest = Manifest::check(&manifest, &digest).map_err(CliError::Verification)?;
    let mut files = Files { dir, left: no_other_files(dir, &manifest)? };
    let mut chain = Chain::watching(watch(&manifest));
    let mut builder = TileBuilder::default();
    for bundle in tiles::bundles(manifest.size) {
        verify_bundle(&mut files, &bundle, &mut chain, &mut builder)?;
    }
    for (tile, hashes) in builder.finish() {
        verify_tile(&mut files, &tile, &hashes)?;
    }
    let note = files.take(CHECKPOINT)?;
    if let Some(name) = files.left.keys().next() {
        return Err(CliError::Verification(format!("{name} belongs to no log of {} leaves", manifest.size)));
    }
    let root = hex(&chain.root());
    if root != manifest.root {
        return Err(CliError::Verification(format!("the root is {root}, the manifest says {}", manifest.root)));
    }
    let wrong = |reason: String| CliError::Verification(format!("{CHECKPOINT}: {reason}"));
    let checkpoint = Note::parse(&note).map_err(|error| wrong(error.to_string()))?;
    let stated = Checkpoint::parse(&checkpoint.text).map_err(|error| wrong(error.to_string()))?;
    if (stated.size, stated.root) != (chain.size(), chain.root()) {
        let text = format!(
            "it is of {} leaves with root {}, and {} leaves with root {root} are here",
            stated.size,
            hex(&stated.root),
            chain.size()
        );
        return Err(wrong(text));
    }
    Ok(Verified { manifest, chain, checkpoint })
}

/// The leaf at an index of an export that was verified before, and the proof of inclusion in all of it.
pub fn leaf(dir: &Path, size: u64, index: u64) -> Result<Option<RawLeaf>, CliError> {
    let Some(bundle) =
        tiles::bundles(size).find(|bundle| (bundle.first()..bundle.first() + bundle.width).contains(&index))
    else {
        return Ok(None);
    };
    let (entries, payloads) =
        (read(dir, &bundle.path(), FILE_BYTES_MAX)?, read(dir, &payload_path(&bundle), FILE_BYTES_MAX)?);
    let leaves = leaves_of(&bundle, &entries, &payloads)?;
    Ok(leaves.into_iter().find(|leaf| leaf.index == index))
}

/// The hashes of the leaves, from the tiles of the lowest level of an export that was verified before.
pub fn leaf_hashes(dir: &Path, size: u64) -> Result<Vec<Hash>, CliError> {
    let mut hashes = Vec::new();
    for tile in tiles::tiles(size).take_while(|tile| tile.kind == Kind::Hashes(0)) {
        let bytes = read(dir, &tile.path(), FILE_BYTES_MAX)?;
        hashes.extend(bytes.chunks_exact(32).filter_map(|hash| Hash::try_from(hash).ok()));
    }
    Ok(hashes)
}

fn missing(path: &Path, error: std::io::Error) -> CliError {
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            CliError::Verification(format!("{} is missing: no export, or one that broke off", path.display()))
        }
        _ => CliError::path(path, error),
    }
}

fn read(dir: &Path, name: &str, most: u64) -> Result<Vec<u8>, CliError> {
    let path = dir.join(name);
    let mut bytes = Vec::new();
    let file = File::open(&path).map_err(|error| missing(&path, error))?;
    file.take(most).read_to_end(&mut bytes).map_err(|error| CliError::path(&path, error))?;
    Ok(bytes)
}

/// The files of a manifest that nobody has looked at yet.
struct Files<'a> {
    dir: &'a Path,
    left: BTreeMap<String, ExportedFile>,
}

impl Files<'_> {
    /// The content of a file, which is what the manifest says.
    fn take(&mut self, name: &str) -> Result<Vec<u8>, CliError> {
        let wrong = |reason: String| CliError::Verification(format!("{name}: {reason}"));
        let stated = self.left.remove(name).ok_or_else(|| wrong("is not in the manifest".to_string()))?;
        let bytes = read(self.dir, name, FILE_BYTES_MAX)?;
        if bytes.len() as u64 != stated.bytes {
            return Err(wrong(format!("has {} bytes, the manifest says {}", bytes.len(), stated.bytes)));
        }
        if ExportedFile::new(name, &bytes) != stated {
            return Err(wrong("does not have the digest that the manifest states: its bytes were altered".to_string()));
        }
        Ok(bytes)
    }
}

/// The files of a manifest, and no others in the directory.
fn no_other_files(dir: &Path, manifest: &Manifest) -> Result<BTreeMap<String, ExportedFile>, CliError> {
    let files: BTreeMap<String, ExportedFile> =
        manifest.files.iter().map(|file| (file.name.clone(), file.clone())).collect();
    if files.len() != manifest.files.len() {
        return Err(CliError::Verification("the manifest names a file twice".to_string()));
    }
    let known: BTreeSet<PathBuf> =
        files.keys().map(String::as_str).chain([MANIFEST, MANIFEST_DIGEST]).map(|name| dir.join(name)).collect();
    let mut directories = vec![dir.to_path_buf()];
    while let Some(place) = directories.pop() {
        for entry in std::fs::read_dir(&place).map_err(|error| CliError::path(&place, error))? {
            let path = entry.map_err(|error| CliError::path(&place, error))?.path();
            // A link could lead anywhere, and is no file of an export.
            let kind = path.symlink_metadata().map_err(|error| CliError::path(&path, error))?.file_type();
            if kind.is_dir() && known.iter().any(|file| file.starts_with(&path)) {
                directories.push(path);
            } else if !kind.is_file() || !known.contains(&path) {
                return Err(CliError::Verification(format!("{} is not in the manifest", path.display())));
            }
        }
    }
    Ok(files)
}

/// The leaves of a bundle with their payloads.
fn leaves_of(bundle: &Tile, entries: &[u8], payloads: &[u8]) -> Result<Vec<RawLeaf>, CliError> {
    let wrong = |reason: &str| CliError::Verification(format!("{}: {reason}", bundle.path()));
    let entries = tiles::entries(entries).ok_or_else(|| wrong("a leaf is cut"))?;
    let (mut leaves, mut payloads) = (Vec::new(), payloads);
    for (index, leaf) in (bundle.first()..).zip(entries) {
        let cut = || wrong(&format!("the payload of leaf {index} is cut"));
        let (length, rest) = payloads.split_first_chunk::<4>().ok_or_else(cut)?;
        let (payload, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or_else(cut)?;
        leaves.push(RawLeaf { index, leaf: leaf.to_vec(), payload: payload.to_vec() });
        payloads = rest;
    }
    if leaves.len() as u64 != bundle.width || !payloads.is_empty() {
        return Err(wrong(&format!("does not hold {} leaves with their payloads", bundle.width)));
    }
    Ok(leaves)
}

fn verify_bundle(
    files: &mut Files<'_>,
    bundle: &Tile,
    chain: &mut Chain,
    builder: &mut TileBuilder,
) -> Result<(), CliError> {
    // What the leaves should be is read first, so that one that was altered is named and not only its root.
    let stated = Tile { kind: Kind::Hashes(0), ..*bundle };
    let stated = read(files.dir, &stated.path(), FILE_BYTES_MAX)?;
    let entries = files.take(&bundle.path());
    let payloads = files.take(&payload_path(bundle));
    let (entries, payloads) = match (entries, payloads) {
        (Ok(entries), Ok(payloads)) => (entries, payloads),
        (entries, payloads) => {
            let error = entries.and(payloads).err();
            let named = altered(files.dir, bundle, &stated).ok().flatten();
            let error = error.unwrap_or_else(|| CliError::Verification(format!("{} is altered", bundle.path())));
            return Err(match (named, error) {
                (Some(index), CliError::Verification(error)) => {
                    CliError::Verification(format!("event {index} was altered ({error})"))
                }
                (_, error) => error,
            });
        }
    };
    for (raw, stated) in leaves_of(bundle, &entries, &payloads)?.iter().zip(stated.chunks_exact(32)) {
        let wrong = |reason: String| CliError::Verification(format!("{}: {reason}", bundle.path()));
        let hash = model::audit::merkle::leaf_hash(&raw.leaf);
        if hash != stated {
            return Err(wrong(format!("event {} was altered: it is not the leaf that the tree holds", raw.index)));
        }
        chain.push(raw).map_err(|error| wrong(error.to_string()))?;
        for (tile, hashes) in builder.push(hash) {
            verify_tile(files, &tile, &hashes)?;
        }
    }
    Ok(())
}

/// The first leaf of a bundle that is not the one whose hash the tile holds, or whose payload is not its own.
fn altered(dir: &Path, bundle: &Tile, stated: &[u8]) -> Result<Option<u64>, CliError> {
    let (entries, payloads) =
        (read(dir, &bundle.path(), FILE_BYTES_MAX)?, read(dir, &payload_path(bundle), FILE_BYTES_MAX)?);
    let leaves = leaves_of(bundle, &entries, &payloads)?;
    let differs = |raw: &RawLeaf, stated: &[u8]| {
        model::audit::merkle::leaf_hash(&raw.leaf) != *stated || super::chain::check_leaf(raw).is_err()
    };
    Ok(leaves.iter().zip(stated.chunks_exact(32)).find(|(raw, stated)| differs(raw, stated)).map(|(raw, _)| raw.index))
}

fn verify_tile(files: &mut Files<'_>, tile: &Tile, hashes: &[Hash]) -> Result<(), CliError> {
    if files.take(&tile.path())? == hashes.concat() {
        return Ok(());
    }
    Err(CliError::Verification(format!("{}: holds other hashes than the leaves below it have", tile.path())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::chain::testing::log;
    use model::audit::note::{SignatureKind, SignerKey};

    fn note(chain: &Chain) -> String {
        let key = SignerKey::new("log", SignatureKind::Log, &[1; 32]).expect("named");
        Checkpoint { origin: "log".into(), size: chain.size(), root: chain.root() }.signed(&key).to_string()
    }

    fn export(dir: &Path, size: u64) -> Manifest {
        let (mut writer, mut chain) = (Writer::create(dir).expect("creates"), Chain::default());
        for leaf in log(size) {
            chain.push(&leaf).expect("holds");
            writer.push(&leaf).expect("writes");
        }
        writer.finish(("c".into(), "audit-0".into()), &chain, &note(&chain)).expect("finishes")
    }

    fn all_files(dir: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(dir).expect("lists") {
            let path = entry.expect("entry").path();
            if path.is_dir() { files.extend(all_files(&path)) } else { files.push(path) }
        }
        files
    }

    #[test]
    fn an_export_verifies_and_a_change_of_any_byte_of_any_file_is_found() {
        let dir = tempfile::tempdir().expect("directory");
        let dir = dir.path().join("export");
        let manifest = export(&dir, 3);
        assert_eq!(verify(&dir, |_| Some(2)).expect("verifies").manifest, manifest);
        assert_eq!(all_files(&dir).len(), manifest.files.len() + 2);
        for path in all_files(&dir) {
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
        for other in ["other", "tile/other", "tile/0/001"] {
            std::fs::write(dir.join(other), "").expect("writes");
            assert!(verify(&dir, |_| None).is_err(), "{other}");
            std::fs::remove_file(dir.join(other)).expect("removes");
        }
        std::fs::create_dir(dir.join("empty")).expect("creates");
        assert!(verify(&dir, |_| None).is_err());
    }

    #[test]
    fn an_event_that_was_altered_is_named() {
        let dir = tempfile::tempdir().expect("directory");
        export(dir.path(), 300);
        for (file, index) in [("tile/entries/000", 100), ("payload/000", 100), ("tile/entries/001.p/44", 299)] {
            let path = dir.path().join(file);
            let bytes = std::fs::read(&path).expect("reads");
            let bundle = Tile::parse("entries/000").expect("a bundle");
            let mut altered = bytes.clone();
            // The last byte of the leaf or payload: somewhere within it.
            let within = match file {
                "payload/000" => {
                    let entries = std::fs::read(dir.path().join("tile/entries/000")).expect("reads");
                    let leaves = leaves_of(&bundle, &entries, &bytes).expect("whole");
                    leaves[..=index].iter().map(|leaf| 4 + leaf.payload.len()).sum::<usize>() - 1
                }
                "tile/entries/000" => {
                    tiles::entries(&bytes).expect("whole")[..=index].iter().map(|leaf| 2 + leaf.len()).sum::<usize>()
                        - 1
                }
                _ => bytes.len() - 1,
            };
            altered[within] ^= 1;
            std::fs::write(&path, altered).expect("writes");
            let error = verify(dir.path(), |_| None).map(|_| ()).expect_err("found").to_string();
            assert!(error.contains(&format!("event {index} was altered")), "{file}: {error}");
            std::fs::write(&path, bytes).expect("writes");
        }
        verify(dir.path(), |_| None).expect("verifies again");
    }

    #[test]
    fn an_empty_log_exports_and_a_used_directory_is_refused() {
        let dir = tempfile::tempdir().expect("directory");
        export(dir.path(), 0);
        assert_eq!(verify(dir.path(), |_| None).expect("verifies").chain.size(), 0);
        assert!(Writer::create(dir.path()).is_err());
    }

    #[test]
    fn the_checkpoint_is_of_what_is_there() {
        let dir = tempfile::tempdir().expect("directory");
        let (mut writer, mut chain) = (Writer::create(dir.path()).expect("creates"), Chain::default());
        let mut before = String::new();
        for leaf in log(4) {
            before = note(&chain);
            chain.push(&leaf).expect("holds");
            writer.push(&leaf).expect("writes");
        }
        writer.finish(("c".into(), "audit-0".into()), &chain, &before).expect("finishes");
        let error = verify(dir.path(), |_| None).map(|_| ()).expect_err("found").to_string();
        assert!(error.contains("it is of 3 leaves"), "{error}");
    }
}
