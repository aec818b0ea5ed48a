//! RocksDB: the only file that names it.
//!
//! Layout below the data directory: `raft-log/` (WAL on, fdatasync by `sync`), `groups/<group>/CURRENT` (names the directory of
//! the state in force), `groups/<group>/state-N/` (WAL off: the Raft log is its WAL), `groups/<group>/checkpoints/<name>/`,
//! `groups/<group>/incoming/<digest>/`, and small files of the node. Every rename is followed by an fsync of its directory.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use model::ids::{GroupId, to_hex};
use proto::transport::BoxFuture;
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{
    BlockBasedOptions, Cache, DB, DBRawIteratorWithThreadMode, FlushOptions, Options, ReadOptions, WriteBatch,
    WriteBufferManager, WriteOptions,
};

use super::files::{
    broken, digest, dir_names, file_names, holds, make_dir, read_whole, remove_dir, remove_others, sync_dir, sync_tree,
    take_over, verify, write_whole,
};
use super::{
    Batch, CHUNK_BYTES_MAX, Check, Engine, Manifest, Op, Reader, Result, SnapshotFile, StateStore, StorageError, Store,
    Visit,
};

/// Memory that all stores of a node share.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Block cache, bytes.
    pub cache_bytes: usize,
    /// Unflushed writes of all stores, bytes.
    pub write_buffer_bytes: usize,
    /// Open files of the log.
    pub open_files: i32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { cache_bytes: 24 << 20, write_buffer_bytes: 24 << 20, open_files: 256 }
    }
}

/// Where the checkpoints of a replaced state go until they are removed.
const GONE: &str = "checkpoints.gone";

/// The stores of one node on disk.
pub struct RocksEngine {
    root: PathBuf,
    cache: Cache,
    buffers: WriteBufferManager,
    limits: Limits,
}

impl RocksEngine {
    /// An engine over a data directory, which is made if it is missing.
    pub fn new(root: &Path, limits: Limits) -> Result<Self> {
        make_dir(root)?;
        let cache = Cache::new_lru_cache(limits.cache_bytes);
        let buffers = WriteBufferManager::new_write_buffer_manager(limits.write_buffer_bytes, false);
        Ok(Self { root: root.to_path_buf(), cache, buffers, limits })
    }

    fn options(&self, write_buffer: usize) -> Options {
        let mut table = BlockBasedOptions::default();
        table.set_block_cache(&self.cache);
        table.set_bloom_filter(10.0, false);
        table.set_cache_index_and_filter_blocks(true);
        table.set_format_version(5);
        let mut options = Options::default();
        options.create_if_missing(true);
        options.set_block_based_table_factory(&table);
        options.set_write_buffer_manager(&self.buffers);
        options.set_write_buffer_size(write_buffer);
        options.set_max_write_buffer_number(3);
        options.set_max_open_files(self.limits.open_files);
        options.set_max_background_jobs(2);
        options.set_keep_log_file_num(2);
        options.set_max_log_file_size(4 << 20);
        options.set_max_manifest_file_size(16 << 20);
        options.set_paranoid_checks(true);
        options
    }
}

/// The state of a group in the directory of a node that does not run, as it lies there: nothing is made, mended or locked, so that a copy
/// stays what it was.
pub struct StoppedState {
    db: Arc<DB>,
}

impl StoppedState {
    /// Opens it.
    pub fn open(root: &Path, group: GroupId) -> Result<Self> {
        let home = root.join("groups").join(group.to_string());
        let damaged = |reason: &str| {
            let place = home.join("CURRENT").display().to_string();
            StorageError::Damaged { place, reason: reason.to_string() }
        };
        let current = read_whole(&home.join("CURRENT"))?.ok_or_else(|| damaged("it is missing: no replica is here"))?;
        let current = String::from_utf8_lossy(&current).trim().to_string();
        let number = current.strip_prefix("state-").and_then(|number| number.parse::<u64>().ok());
        number.ok_or_else(|| damaged("it names no state directory"))?;
        let path = home.join(current);
        let db = DB::open_for_read_only(&Options::default(), &path, false);
        Ok(Self { db: Arc::new(db.map_err(|error| broken("opening the state", &path, error))?) })
    }
}

impl Engine for RocksEngine {
    fn log(&self) -> Result<Arc<dyn Store>> {
        let path = self.root.join("raft-log");
        // States are opened after the log, so where there is one there was a log, with votes that must not be forgotten.
        refuse_lost(&path, self.root.join("groups").exists())?;
        let mut options = self.options(16 << 20);
        // A record cut off at the end of the WAL is taken for one that was never acknowledged, which a crash leaves; damage
        // before it is an error. A whole file cut short reads the same, so groups ask their peers what this node had.
        options.set_wal_recovery_mode(rocksdb::DBRecoveryMode::TolerateCorruptedTailRecords);
        options.set_recycle_log_file_num(0);
        let db = DB::open(&options, &path).map_err(|error| broken("opening the log", &path, error))?;
        sync_dir(&self.root)?;
        Ok(Arc::new(RocksLog { db: Arc::new(db), path }))
    }

    fn state(&self, group: GroupId) -> Result<Arc<dyn StateStore>> {
        let home = self.root.join("groups").join(group.to_string());
        make_dir(&home)?;
        let current = match read_whole(&home.join("CURRENT"))? {
            Some(name) => String::from_utf8_lossy(&name).trim().to_string(),
            None => {
                refuse_lost(&home, holds(&home, |name| name.starts_with("state-"))?)?;
                write_whole(&home, "CURRENT", b"state-1")?;
                "state-1".to_string()
            }
        };
        let number = current.strip_prefix("state-").and_then(|n| n.parse::<u64>().ok());
        let number = number.ok_or_else(|| StorageError::Damaged {
            place: home.join("CURRENT").display().to_string(),
            reason: "it names no state directory".into(),
        })?;
        // A first state may never have been opened; a later one, or one with others or checkpoints beside it, was there.
        let others = holds(&home, |name| name.starts_with("state-") && name != current)?;
        refuse_lost(&home.join(&current), number > 1 || others || holds(&home.join("checkpoints"), |_| true)?)?;
        remove_others(&home, &current)?;
        remove_dir(&home.join(GONE))?;
        let mut options = self.options(8 << 20);
        // A state that a snapshot replaces is unlinked while readers still hold it: all its files must be open already.
        options.set_max_open_files(-1);
        let db = open_state(&options, &home.join(&current))?;
        Ok(Arc::new(RocksState { home, options, open: RwLock::new(Open { db: Arc::new(db), number }) }))
    }

    fn read_file(&self, name: &str) -> Result<Option<Vec<u8>>> {
        read_whole(&self.root.join(name))
    }

    fn write_file(&self, name: &str, bytes: &[u8]) -> Result<()> {
        write_whole(&self.root, name, bytes)
    }

    fn has_data(&self) -> Result<bool> {
        Ok(self.root.join("raft-log").exists() || self.root.join("groups").exists())
    }

    fn place(&self) -> String {
        self.root.display().to_string()
    }
}

struct RocksLog {
    db: Arc<DB>,
    path: PathBuf,
}

struct RocksState {
    home: PathBuf,
    options: Options,
    open: RwLock<Open>,
}

struct Open {
    db: Arc<DB>,
    number: u64,
}

impl RocksState {
    fn db(&self) -> Arc<DB> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).db.clone()
    }

    fn checkpoint_dir(&self, name: &str) -> PathBuf {
        self.home.join("checkpoints").join(name)
    }

    fn incoming_dir(&self, manifest: &Manifest) -> PathBuf {
        self.home.join("incoming").join(to_hex(&manifest.digest()[..16]))
    }
}

fn get(db: &DB, key: &[u8]) -> Result<Option<Vec<u8>>> {
    db.get(key).map_err(|error| broken("reading", db.path(), error))
}

fn scan(
    db: &DB,
    mut iterator: DBRawIteratorWithThreadMode<'_, DB>,
    from: &[u8],
    to: &[u8],
    back: bool,
    visit: &mut Visit<'_>,
) -> Result<()> {
    if from >= to {
        return Ok(());
    }
    // The bounds are set on the iterator as well; a seek for the previous key may land on `to` itself.
    if back {
        iterator.seek_for_prev(to);
        if iterator.key() == Some(to) {
            iterator.prev();
        }
    } else {
        iterator.seek(from);
    }
    while let Some((key, value)) = iterator.item() {
        if key < from || key >= to || !visit(key, value) {
            break;
        }
        if back { iterator.prev() } else { iterator.next() }
    }
    // An I/O error looks like the end otherwise.
    iterator.status().map_err(|error| broken("scanning", db.path(), error))
}

fn write(db: &DB, batch: Batch, wal: bool) -> Result<()> {
    let mut rows = WriteBatch::default();
    for op in batch {
        match op {
            Op::Put(key, value) => rows.put(key, value),
            Op::Delete(key) => rows.delete(key),
            Op::DeleteRange(from, to) => rows.delete_range(from, to),
        }
    }
    let mut options = WriteOptions::default();
    options.disable_wal(!wal);
    db.write_opt(rows, &options).map_err(|error| broken("writing", db.path(), error))
}

/// A RocksDB snapshot, for as long as one read takes.
struct View<'a> {
    db: &'a DB,
    snapshot: rocksdb::SnapshotWithThreadMode<'a, DB>,
}

impl View<'_> {
    fn bounded(&self, from: &[u8], to: &[u8]) -> ReadOptions {
        let mut options = bounds(from, to);
        options.set_snapshot(&self.snapshot);
        options
    }
}

fn bounds(from: &[u8], to: &[u8]) -> ReadOptions {
    let mut options = ReadOptions::default();
    if from < to {
        options.set_iterate_lower_bound(from);
        options.set_iterate_upper_bound(to);
    }
    options
}

impl Reader for View<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.snapshot.get(key).map_err(|error| broken("reading", self.db.path(), error))
    }
    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        scan(self.db, self.db.raw_iterator_opt(self.bounded(from, to)), from, to, false, visit)
    }
    fn scan_back(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        scan(self.db, self.db.raw_iterator_opt(self.bounded(from, to)), from, to, true, visit)
    }
}

/// What both kinds of store read alike.
macro_rules! read_from {
    ($kind:ident, $db:expr) => {
        impl Reader for $kind {
            fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
                get(&$db(self), key)
            }
            fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<()> {
                let db: Arc<DB> = $db(self);
                scan(&db, db.raw_iterator_opt(bounds(from, to)), from, to, false, visit)
            }
            fn scan_back(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<()> {
                let db: Arc<DB> = $db(self);
                scan(&db, db.raw_iterator_opt(bounds(from, to)), from, to, true, visit)
            }
        }
    };
}

read_from!(RocksLog, |store: &RocksLog| store.db.clone());
read_from!(RocksState, |store: &RocksState| store.db());
read_from!(StoppedState, |store: &StoppedState| store.db.clone());

fn view(db: &DB, read: &mut dyn FnMut(&dyn Reader) -> Result<()>) -> Result<()> {
    read(&View { db, snapshot: db.snapshot() })
}

impl Store for RocksLog {
    fn write(&self, batch: Batch) -> Result<()> {
        write(&self.db, batch, true)
    }

    fn sync(&self) -> BoxFuture<'_, Result<()>> {
        let (db, path) = (self.db.clone(), self.path.clone());
        blocking(move || db.flush_wal(true).map_err(|error| broken("syncing the log", &path, error)))
    }

    fn view(&self, read: &mut dyn FnMut(&dyn Reader) -> Result<()>) -> Result<()> {
        view(&self.db, read)
    }
}

impl Store for RocksState {
    fn write(&self, batch: Batch) -> Result<()> {
        write(&self.db(), batch, false)
    }

    fn sync(&self) -> BoxFuture<'_, Result<()>> {
        let db = self.db();
        blocking(move || {
            let mut options = FlushOptions::default();
            options.set_wait(true);
            db.flush_opt(&options).map_err(|error| broken("flushing", db.path(), error))
        })
    }

    fn view(&self, read: &mut dyn FnMut(&dyn Reader) -> Result<()>) -> Result<()> {
        view(&self.db(), read)
    }
}

impl StateStore for RocksState {
    fn checkpoint<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        let (db, home, dir) = (self.db(), self.home.join("checkpoints"), self.checkpoint_dir(name));
        blocking(move || {
            make_dir(&home)?;
            remove_dir(&dir)?;
            let made = Checkpoint::new(&db).and_then(|checkpoint| checkpoint.create_checkpoint(&dir));
            made.map_err(|error| broken("taking a checkpoint", &dir, error))?;
            sync_tree(&dir)?;
            sync_dir(&home)
        })
    }

    fn remove_checkpoint<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        let dir = self.checkpoint_dir(name);
        blocking(move || remove_dir(&dir))
    }

    fn checkpoints(&self) -> Result<Vec<String>> {
        // RocksDB makes a checkpoint under another name and renames it when it is whole.
        let mut names = dir_names(&self.home.join("checkpoints"))?;
        names.retain(|name| !name.ends_with(".tmp"));
        Ok(names)
    }

    fn manifest<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Manifest>> {
        let (dir, name) = (self.checkpoint_dir(name), name.to_string());
        blocking(move || {
            if !dir.is_dir() {
                return Err(StorageError::NoSnapshot(name));
            }
            let mut files = Vec::new();
            for file in file_names(&dir)? {
                let (length, sha256) = digest(&dir.join(&file))?;
                files.push(SnapshotFile { name: file, length, sha256 });
            }
            Ok(Manifest { files })
        })
    }

    fn read_chunk(&self, name: &str, file: &str, offset: u64) -> Result<Vec<u8>> {
        if file.contains('/') || file.starts_with('.') || name.contains('/') || name.starts_with('.') {
            return Err(StorageError::NoSnapshot(format!("{name}/{file}")));
        }
        let path = self.checkpoint_dir(name).join(file);
        let mut opened = match File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(StorageError::NoSnapshot(name.to_string()));
            }
            opened => opened.map_err(|error| broken("reading a snapshot", &path, error))?,
        };
        let mut bytes = Vec::new();
        let read = opened.seek(SeekFrom::Start(offset));
        let read = read.and_then(|_| opened.take(CHUNK_BYTES_MAX as u64).read_to_end(&mut bytes));
        read.map_err(|error| broken("reading a snapshot", &path, error))?;
        Ok(bytes)
    }

    fn received<'a>(&'a self, manifest: &'a Manifest) -> BoxFuture<'a, Result<Vec<u64>>> {
        let (dir, others, manifest) = (self.incoming_dir(manifest), self.home.join("incoming"), manifest.clone());
        blocking(move || {
            manifest.check()?;
            make_dir(&dir)?;
            let keep = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            for other in dir_names(&others)?.into_iter().filter(|name| *name != keep) {
                take_over(&others.join(other), &dir, &manifest)?;
            }
            remove_others(&others, &keep)?;
            // An empty file has no chunk that would make it.
            for file in manifest.files.iter().filter(|file| file.length == 0) {
                let path = dir.join(&file.name);
                File::create(&path).map_err(|error| broken("writing a snapshot", &path, error))?;
            }
            let length = |file: &SnapshotFile| fs::metadata(dir.join(&file.name)).map_or(0, |data| data.len());
            Ok(manifest.files.iter().map(|file| length(file).min(file.length)).collect())
        })
    }

    fn receive(&self, manifest: &Manifest, file: usize, offset: u64, bytes: &[u8]) -> Result<()> {
        let file = manifest.files.get(file).ok_or_else(|| StorageError::Snapshot(format!("no file {file}")))?;
        let path = self.incoming_dir(manifest).join(&file.name);
        if offset + bytes.len() as u64 > file.length {
            return Err(StorageError::Snapshot(format!("{} is longer than announced", file.name)));
        }
        let write = || -> std::io::Result<()> {
            let mut opened = File::options().create(true).truncate(false).write(true).open(&path)?;
            opened.set_len(offset)?;
            opened.seek(SeekFrom::Start(offset))?;
            opened.write_all(bytes)
        };
        write().map_err(|error| broken("writing a snapshot", &path, error))
    }

    fn verify<'a>(&'a self, manifest: &'a Manifest, check: Check) -> BoxFuture<'a, Result<()>> {
        let (incoming, manifest, options) = (self.incoming_dir(manifest), manifest.clone(), self.options.clone());
        blocking(move || {
            verify(&incoming, &manifest)?;
            let checked = DB::open_for_read_only(&options, &incoming, false)
                .map_err(|error| broken("opening a received state", &incoming, error))
                .and_then(|db| view(&db, &mut |reader| check(reader)));
            if checked.is_err() {
                // It was damaged where it came from: kept, it would be found whole and wrong for ever.
                remove_dir(&incoming)?;
            }
            checked
        })
    }

    fn install<'a>(&'a self, manifest: &'a Manifest) -> BoxFuture<'a, Result<()>> {
        let (incoming, home, options) = (self.incoming_dir(manifest), self.home.clone(), self.options.clone());
        let number = self.open.read().unwrap_or_else(PoisonError::into_inner).number;
        let manifest = manifest.clone();
        Box::pin(async move {
            let opened = blocking(move || {
                verify(&incoming, &manifest)?;
                sync_tree(&incoming)?;
                let name = format!("state-{}", number + 1);
                let target = home.join(&name);
                remove_dir(&target)?;
                fs::rename(&incoming, &target).map_err(|error| broken("installing a snapshot", &target, error))?;
                sync_dir(&home)?;
                let db = open_state(&options, &target)?;
                // Checkpoints are of the replaced state: gone at once, so that a crash leaves none that looks whole.
                let (checkpoints, gone) = (home.join("checkpoints"), home.join(GONE));
                remove_dir(&gone)?;
                if checkpoints.is_dir() {
                    fs::rename(&checkpoints, &gone).map_err(|error| broken("dropping checkpoints", &gone, error))?;
                    sync_dir(&home)?;
                }
                // From here on the installed state is the one in force, whatever happens.
                write_whole(&home, "CURRENT", name.as_bytes())?;
                remove_dir(&gone)?;
                Ok(Open { db: Arc::new(db), number: number + 1 })
            });
            let opened = opened.await?;
            let before = {
                let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
                std::mem::replace(&mut *open, opened)
            };
            // Readers of the old state may still hold it: its files stay readable for them after they are unlinked, and
            // what is left over goes at the next start.
            let old = self.home.join(format!("state-{}", before.number));
            drop(before);
            if let Err(error) = remove_dir(&old) {
                tracing::warn!(%error, "the replaced state is removed at the next start");
            }
            Ok(())
        })
    }
}

fn open_state(options: &Options, path: &Path) -> Result<DB> {
    DB::open(options, path).map_err(|error| broken("opening the state", path, error))
}

/// A store that was there and whose `CURRENT` is not there any more is damaged: opening it would make an empty one.
fn refuse_lost(path: &Path, was_there: bool) -> Result<()> {
    if path.join("CURRENT").exists() {
        return Ok(());
    }
    // What a first start that broke off leaves has no data in it yet.
    if was_there || holds(path, |name| name.ends_with(".sst") || name.ends_with(".log"))? {
        let place = path.join("CURRENT").display().to_string();
        return Err(StorageError::Damaged { place, reason: "the file is missing".into() });
    }
    Ok(())
}

fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> BoxFuture<'static, Result<T>> {
    Box::pin(async move {
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
            Err(StorageError::Broken {
                what: "a storage task",
                place: "runtime".into(),
                reason: error.to_string(),
                remedy: "restart the node",
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::conformance;

    #[tokio::test]
    async fn conforms() {
        let home = tempfile::tempdir().expect("directory");
        let path = home.path().to_path_buf();
        let open = move || Arc::new(RocksEngine::new(&path, Limits::default()).expect("opens")) as Arc<dyn Engine>;
        conformance::run(open(), &open).await;
    }

    #[test]
    fn a_damaged_file_stops_the_start_with_its_name_and_the_remedy() {
        let home = tempfile::tempdir().expect("directory");
        let engine = RocksEngine::new(home.path(), Limits::default()).expect("opens");
        drop(engine.state(GroupId::Directory).expect("opens"));
        let state = home.path().join("groups/directory/state-1");
        fs::write(state.join("CURRENT"), b"MANIFEST-999999\n").expect("writes");
        let error = engine.state(GroupId::Directory).err().expect("refused").to_string();
        assert!(error.contains("state-1") && error.contains("join it again"), "{error}");
        fs::write(home.path().join("groups/directory/CURRENT"), b"nonsense").expect("writes");
        let error = engine.state(GroupId::Directory).err().expect("refused").to_string();
        assert!(error.contains("groups/directory/CURRENT"), "{error}");
    }

    #[test]
    fn what_is_missing_is_never_taken_for_new() {
        let home = tempfile::tempdir().expect("directory");
        let engine = RocksEngine::new(home.path(), Limits::default()).expect("opens");
        let open = || engine.log().and_then(|_| engine.state(GroupId::Directory)).map(drop);
        open().expect("new");
        let (log, group) = (home.path().join("raft-log"), home.path().join("groups/directory"));
        for path in
            [log.join("CURRENT"), group.join("CURRENT"), group.join("state-1/CURRENT"), log, group.join("state-1")]
        {
            let away = home.path().join("away");
            fs::rename(&path, &away).expect("moves");
            if path != group.join("state-1") {
                let error = open().expect_err("refused").to_string();
                assert!(error.contains("CURRENT") && error.contains("join it again"), "{error}");
                assert!(open().is_err(), "and again");
            }
            fs::rename(&away, &path).expect("moves");
            open().expect("as before");
        }
        fs::rename(group.join("state-1"), group.join("state-2")).expect("moves");
        assert!(open().is_err());
        assert!(group.join("state-2/CURRENT").exists(), "what is there stays");
    }
}
