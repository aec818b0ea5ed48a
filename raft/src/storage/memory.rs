//! The engine in memory that forgets: writes are buffered until `sync` or `flush`, and [`MemoryEngine::crash`] drops what
//! was not. For tests and the simulation; it keeps its checkpoints as several files, so that the same transfer code runs.
//!
//! What was written and not synced lies in a journal of framed batches, as it would on a disk. A crash may leave any number
//! of its bytes; what is read back of them ends at the first frame that is cut off or does not have its checksum.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use model::ids::GroupId;
use proto::transport::BoxFuture;
use sha2::{Digest, Sha256};

use super::{
    Batch, CHUNK_BYTES_MAX, Check, Engine, Manifest, Op, Reader, Result, SnapshotFile, StateStore, StorageError, Store,
    Visit,
};

type Table = BTreeMap<Bytes, Bytes>;

/// A file of a checkpoint and its bytes.
type NamedFile = (String, Vec<u8>);

/// Keys of one checkpoint file.
const FILE_KEYS: usize = 64;

/// A store of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Which {
    /// Logs and votes of all groups.
    Log,
    State(GroupId),
}

/// What a loss of power leaves of what was not synced.
pub trait Loss {
    /// How many of these bytes of a store's journal of unsynced batches survive.
    fn journal(&mut self, which: Which, bytes: usize) -> usize;
    /// How many of these bytes of a file that was being received survive.
    fn received(&mut self, which: Which, bytes: usize) -> usize;
    /// Whether the last bytes that survive are not those that were written.
    fn garbles(&mut self) -> bool;
}

/// Everything that was not synced is gone.
pub struct Everything;

impl Loss for Everything {
    fn journal(&mut self, _: Which, _: usize) -> usize {
        0
    }
    fn received(&mut self, _: Which, bytes: usize) -> usize {
        bytes
    }
    fn garbles(&mut self) -> bool {
        false
    }
}

/// All that a node's disk holds.
#[derive(Clone, Default)]
pub struct MemoryEngine {
    disk: Arc<Mutex<Disk>>,
}

#[derive(Default)]
struct Disk {
    log: Option<Arc<MemoryStore>>,
    states: BTreeMap<GroupId, Arc<MemoryStore>>,
    files: BTreeMap<String, Vec<u8>>,
}

impl MemoryEngine {
    /// Loss of power: everything that was not synced or flushed is gone. Stores that were open stay with the dead.
    pub fn crash(&self) {
        self.crash_with(&mut Everything);
    }

    /// Loss of power in the midst of writing: `loss` says what survives of what was not synced.
    pub fn crash_with(&self, loss: &mut dyn Loss) {
        let mut disk = lock(&self.disk);
        disk.log = disk.log.take().map(|store| Arc::new(store.survivor(Which::Log, loss)));
        let states = std::mem::take(&mut disk.states);
        let survivors = states.into_iter().map(|(group, store)| {
            let survivor = store.survivor(Which::State(group), loss);
            (group, Arc::new(survivor))
        });
        disk.states = survivors.collect();
    }

    /// A process that ends without the machine losing power: the operating system still writes what it was given.
    pub fn process_ends(&self) {
        struct Nothing;
        impl Loss for Nothing {
            fn journal(&mut self, _: Which, bytes: usize) -> usize {
                bytes
            }
            fn received(&mut self, _: Which, bytes: usize) -> usize {
                bytes
            }
            fn garbles(&mut self) -> bool {
                false
            }
        }
        self.crash_with(&mut Nothing);
    }

    /// Turns a bit of a stored value over, as a failing disk does: of the `number`th key, counted around, among those that
    /// begin with one of these bytes. Returns the key; none if there is none.
    pub fn rot(&self, which: Which, tags: &[u8], number: u64) -> Option<Vec<u8>> {
        let store = {
            let disk = lock(&self.disk);
            match which {
                Which::Log => disk.log.clone(),
                Which::State(group) => disk.states.get(&group).cloned(),
            }?
        };
        let mut seen = store.seen_mut();
        let keys: Vec<&Bytes> = seen.keys().filter(|key| key.first().is_some_and(|tag| tags.contains(tag))).collect();
        let key = keys.get((number % keys.len().max(1) as u64) as usize).copied()?.clone();
        let mut value = seen.get(&key)?.to_vec();
        let bit = (number / 7) as usize % (value.len() * 8).max(1);
        *value.get_mut(bit / 8)? ^= 1 << (bit % 8);
        let value = Bytes::from(value);
        Arc::make_mut(&mut seen).insert(key.clone(), value.clone());
        let mut kept = lock(&store.kept);
        kept.settle(u64::MAX);
        kept.table.insert(key.clone(), value);
        Some(key.to_vec())
    }
}

impl Engine for MemoryEngine {
    fn log(&self) -> Result<Arc<dyn Store>> {
        let mut disk = lock(&self.disk);
        Ok(disk.log.get_or_insert_default().clone())
    }

    fn state(&self, group: GroupId) -> Result<Arc<dyn StateStore>> {
        let mut disk = lock(&self.disk);
        Ok(disk.states.entry(group).or_default().clone())
    }

    fn read_file(&self, name: &str) -> Result<Option<Vec<u8>>> {
        Ok(lock(&self.disk).files.get(name).cloned())
    }

    fn write_file(&self, name: &str, bytes: &[u8]) -> Result<()> {
        lock(&self.disk).files.insert(name.to_string(), bytes.to_vec());
        Ok(())
    }

    fn has_data(&self) -> Result<bool> {
        let disk = lock(&self.disk);
        Ok(disk.log.is_some() || !disk.states.is_empty())
    }

    fn place(&self) -> String {
        "memory".to_string()
    }
}

/// One store: what readers see, and what a crash leaves.
#[derive(Default)]
pub struct MemoryStore {
    /// Shared with views, so that a write copies the table only while one of them is open.
    seen: RwLock<Arc<Table>>,
    kept: Mutex<Kept>,
}

/// What survives a crash, and what does not yet.
#[derive(Default)]
struct Kept {
    table: Table,
    /// Batches that were written so far.
    written: u64,
    /// Those of them that are not synced, with their numbers.
    unsynced: VecDeque<(u64, SharedBatch)>,
    checkpoints: Vec<(String, Vec<NamedFile>)>,
    incoming: BTreeMap<[u8; 32], BTreeMap<String, Vec<u8>>>,
}

impl Kept {
    /// Makes the batches up to a number durable.
    fn settle(&mut self, upto: u64) {
        while self.unsynced.front().is_some_and(|(number, _)| *number <= upto) {
            let Some((_, batch)) = self.unsynced.pop_front() else { break };
            apply(&mut self.table, &batch);
        }
    }
}

/// A change whose bytes are shared between what is seen and what is kept.
enum SharedOp {
    Put(Bytes, Bytes),
    Delete(Bytes),
    DeleteRange(Bytes, Bytes),
}

type SharedBatch = Vec<SharedOp>;

fn shared(batch: Batch) -> SharedBatch {
    let share = |op| match op {
        Op::Put(key, value) => SharedOp::Put(key.into(), value.into()),
        Op::Delete(key) => SharedOp::Delete(key.into()),
        Op::DeleteRange(from, to) => SharedOp::DeleteRange(from.into(), to.into()),
    };
    batch.into_iter().map(share).collect()
}

fn apply(table: &mut Table, batch: &SharedBatch) {
    for op in batch {
        match op {
            SharedOp::Put(key, value) => drop(table.insert(key.clone(), value.clone())),
            SharedOp::Delete(key) => drop(table.remove(key)),
            SharedOp::DeleteRange(from, to) => {
                if from < to {
                    let gone: Vec<Bytes> = table.range(from.clone()..to.clone()).map(|(key, _)| key.clone()).collect();
                    gone.iter().for_each(|key| drop(table.remove(key)));
                }
            }
        }
    }
}

/// A batch as the journal holds it: length, checksum, changes.
fn frame(batch: &SharedBatch) -> Vec<u8> {
    let mut body = Vec::new();
    for op in batch {
        let (kind, first, second): (u8, &[u8], &[u8]) = match op {
            SharedOp::Put(key, value) => (1, key, value),
            SharedOp::Delete(key) => (2, key, &[]),
            SharedOp::DeleteRange(from, to) => (3, from, to),
        };
        body.push(kind);
        for part in [first, second] {
            body.extend_from_slice(&(part.len() as u32).to_be_bytes());
            body.extend_from_slice(part);
        }
    }
    let mut framed = (body.len() as u32).to_be_bytes().to_vec();
    framed.extend_from_slice(&Sha256::digest(&body)[..8]);
    framed.extend_from_slice(&body);
    framed
}

/// The batches of a journal up to the first frame that is not whole.
fn recover(mut journal: &[u8]) -> Vec<SharedBatch> {
    let mut batches = Vec::new();
    while let Some((length, rest)) = journal.split_first_chunk::<4>()
        && let Some((checksum, rest)) = rest.split_first_chunk::<8>()
        && let Some(body) = rest.get(..u32::from_be_bytes(*length) as usize)
        && Sha256::digest(body)[..8] == *checksum
        && let Some(batch) = unframe(body)
    {
        batches.push(batch);
        journal = &rest[body.len()..];
    }
    batches
}

fn unframe(mut body: &[u8]) -> Option<SharedBatch> {
    let mut batch = Vec::new();
    while let Some((kind, rest)) = body.split_first() {
        body = rest;
        let mut part = || {
            let (length, rest) = body.split_first_chunk::<4>()?;
            let part = rest.get(..u32::from_be_bytes(*length) as usize)?;
            body = &rest[part.len()..];
            Some(Bytes::copy_from_slice(part))
        };
        let (first, second) = (part()?, part()?);
        batch.push(match kind {
            1 => SharedOp::Put(first, second),
            2 => SharedOp::Delete(first),
            3 => SharedOp::DeleteRange(first, second),
            _ => return None,
        });
    }
    Some(batch)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl MemoryStore {
    fn seen(&self) -> RwLockReadGuard<'_, Arc<Table>> {
        self.seen.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn seen_mut(&self) -> RwLockWriteGuard<'_, Arc<Table>> {
        self.seen.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// What a crash leaves. The dead keep what they had: their own is not touched.
    fn survivor(&self, which: Which, loss: &mut dyn Loss) -> Self {
        let kept = lock(&self.kept);
        let mut journal: Vec<u8> = kept.unsynced.iter().flat_map(|(_, batch)| frame(batch)).collect();
        let survives = loss.journal(which, journal.len()).min(journal.len());
        tear(&mut journal, survives, loss);
        let mut table = kept.table.clone();
        recover(&journal).iter().for_each(|batch| apply(&mut table, batch));
        let mut incoming = kept.incoming.clone();
        for bytes in incoming.values_mut().flat_map(|files| files.values_mut()) {
            let survives = loss.received(which, bytes.len()).min(bytes.len());
            tear(bytes, survives, loss);
        }
        let checkpoints = kept.checkpoints.clone();
        let kept = Kept { table: table.clone(), incoming, checkpoints, ..Kept::default() };
        Self { seen: RwLock::new(Arc::new(table)), kept: Mutex::new(kept) }
    }
}

/// Cuts what was written at a length; its last bytes may be others than those that were written.
fn tear(bytes: &mut Vec<u8>, survives: usize, loss: &mut dyn Loss) {
    if survives < bytes.len() {
        bytes.truncate(survives);
        if loss.garbles() {
            bytes.iter_mut().rev().take(16).for_each(|byte| *byte = !*byte);
        }
    }
}

impl Reader for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Reader::get(&**self.seen(), key)
    }
    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        let table = self.seen().clone();
        table.scan(from, to, visit)
    }
    fn scan_back(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        let table = self.seen().clone();
        table.scan_back(from, to, visit)
    }
}

impl Reader for Table {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(Table::get(self, key).map(|value| value.to_vec()))
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        if from < to {
            let bounds = (Bound::Included(from), Bound::Excluded(to));
            self.range::<[u8], _>(bounds).all(|(key, value)| visit(key, value));
        }
        Ok(())
    }

    fn scan_back(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        if from < to {
            let bounds = (Bound::Included(from), Bound::Excluded(to));
            self.range::<[u8], _>(bounds).rev().all(|(key, value)| visit(key, value));
        }
        Ok(())
    }
}

impl Store for MemoryStore {
    fn write(&self, batch: Batch) -> Result<()> {
        let batch = shared(batch);
        let mut seen = self.seen_mut();
        apply(Arc::make_mut(&mut seen), &batch);
        let mut kept = lock(&self.kept);
        kept.written += 1;
        let number = kept.written;
        kept.unsynced.push_back((number, batch));
        Ok(())
    }

    fn sync(&self) -> BoxFuture<'_, Result<()>> {
        // What is durable afterwards is what was written before the call, not what comes while it waits.
        let upto = lock(&self.kept).written;
        Box::pin(async move {
            tokio::task::yield_now().await;
            lock(&self.kept).settle(upto);
            Ok(())
        })
    }

    fn view(&self, read: &mut dyn FnMut(&dyn Reader) -> Result<()>) -> Result<()> {
        let table = self.seen().clone();
        read(&*table)
    }
}

impl StateStore for MemoryStore {
    fn checkpoint<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        let table = self.seen();
        let rows: Vec<(&Bytes, &Bytes)> = table.iter().collect();
        let mut files: Vec<NamedFile> = vec![("000000.table".into(), Vec::new())];
        for (number, chunk) in rows.chunks(FILE_KEYS).enumerate() {
            let mut bytes = Vec::new();
            for (key, value) in chunk {
                for part in [key, value] {
                    bytes.extend_from_slice(&(part.len() as u32).to_be_bytes());
                    bytes.extend_from_slice(part);
                }
            }
            files.push((format!("{:06}.table", number + 1), bytes));
        }
        let mut kept = lock(&self.kept);
        kept.settle(u64::MAX);
        kept.checkpoints.retain(|(other, _)| other != name);
        kept.checkpoints.push((name.to_string(), files));
        kept.checkpoints.sort();
        Box::pin(async { Ok(()) })
    }

    fn remove_checkpoint<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        lock(&self.kept).checkpoints.retain(|(other, _)| other != name);
        Box::pin(async { Ok(()) })
    }

    fn checkpoints(&self) -> Result<Vec<String>> {
        Ok(lock(&self.kept).checkpoints.iter().map(|(name, _)| name.clone()).collect())
    }

    fn manifest<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Manifest>> {
        let kept = lock(&self.kept);
        let found = kept.checkpoints.iter().find(|(other, _)| other == name);
        let manifest = found.map(|(_, files)| Manifest {
            files: files
                .iter()
                .map(|(name, bytes)| SnapshotFile {
                    name: name.clone(),
                    length: bytes.len() as u64,
                    sha256: Sha256::digest(bytes).into(),
                })
                .collect(),
        });
        let result = manifest.ok_or_else(|| StorageError::NoSnapshot(name.to_string()));
        Box::pin(async { result })
    }

    fn read_chunk(&self, name: &str, file: &str, offset: u64) -> Result<Vec<u8>> {
        let kept = lock(&self.kept);
        let files = kept.checkpoints.iter().find(|(other, _)| other == name).map(|(_, files)| files);
        let bytes = files.and_then(|files| files.iter().find(|(other, _)| other == file)).map(|(_, bytes)| bytes);
        let bytes = bytes.ok_or_else(|| StorageError::NoSnapshot(name.to_string()))?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let to = (from + CHUNK_BYTES_MAX).min(bytes.len());
        Ok(bytes[from..to].to_vec())
    }

    fn received<'a>(&'a self, manifest: &'a Manifest) -> BoxFuture<'a, Result<Vec<u64>>> {
        Box::pin(async move {
            manifest.check()?;
            let mut kept = lock(&self.kept);
            let mut files = kept.incoming.remove(&manifest.digest()).unwrap_or_default();
            let others = std::mem::take(&mut kept.incoming);
            for (name, bytes) in others.into_values().flatten() {
                let same = |file: &&SnapshotFile| file.name == name && file.sha256 == *Sha256::digest(&bytes);
                if manifest.files.iter().any(|file| same(&file)) {
                    files.entry(name).or_insert(bytes);
                }
            }
            let length = |file: &SnapshotFile| files.get(&file.name).map_or(0, |bytes| bytes.len() as u64);
            let lengths = manifest.files.iter().map(length).collect();
            kept.incoming.insert(manifest.digest(), files);
            Ok(lengths)
        })
    }

    fn receive(&self, manifest: &Manifest, file: usize, offset: u64, bytes: &[u8]) -> Result<()> {
        let name = manifest.files.get(file).map(|file| file.name.clone());
        let name = name.ok_or_else(|| StorageError::Snapshot(format!("no file {file}")))?;
        let mut kept = lock(&self.kept);
        let data = kept.incoming.entry(manifest.digest()).or_default().entry(name).or_default();
        if data.len() as u64 != offset {
            return Err(StorageError::Snapshot(format!("chunk at {offset}, expected {}", data.len())));
        }
        data.extend_from_slice(bytes);
        Ok(())
    }

    fn verify<'a>(&'a self, manifest: &'a Manifest, check: Check) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let mut kept = lock(&self.kept);
            let files = kept.incoming.entry(manifest.digest()).or_default();
            let mut table = Table::new();
            for file in &manifest.files {
                let bytes = files.get(&file.name).map(Vec::as_slice).unwrap_or_default();
                if <[u8; 32]>::from(Sha256::digest(bytes)) != file.sha256 || bytes.len() as u64 != file.length {
                    if bytes.len() as u64 == file.length {
                        files.remove(&file.name);
                    }
                    return Err(StorageError::Snapshot(format!("{} does not have its digest", file.name)));
                }
                read_rows(bytes, &mut table)?;
            }
            let checked = check(&table);
            if checked.is_err() {
                kept.incoming.remove(&manifest.digest());
            }
            checked
        })
    }

    fn install<'a>(&'a self, manifest: &'a Manifest) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.verify(manifest, Arc::new(|_| Ok(()))).await?;
            let mut seen = self.seen_mut();
            let mut kept = lock(&self.kept);
            let files = kept.incoming.get(&manifest.digest()).cloned().unwrap_or_default();
            let mut table = Table::new();
            for file in &manifest.files {
                read_rows(files.get(&file.name).map(Vec::as_slice).unwrap_or_default(), &mut table)?;
            }
            kept.incoming.remove(&manifest.digest());
            kept.unsynced.clear();
            kept.table = table.clone();
            kept.checkpoints.clear();
            *seen = Arc::new(table);
            Ok(())
        })
    }
}

fn read_rows(mut bytes: &[u8], table: &mut Table) -> Result<()> {
    let cut = || StorageError::Snapshot("a row is cut off".into());
    let mut part = || -> Result<Option<Vec<u8>>> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
        let length = u32::from_be_bytes(*length) as usize;
        let value = rest.get(..length).ok_or_else(cut)?.to_vec();
        bytes = &rest[length..];
        Ok(Some(value))
    };
    while let Some(key) = part()? {
        table.insert(key.into(), part()?.ok_or_else(cut)?.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::conformance;

    #[tokio::test]
    async fn conforms() {
        let engine = MemoryEngine::default();
        let crashing = engine.clone();
        conformance::run(Arc::new(engine), &move || {
            crashing.crash();
            Arc::new(crashing.clone())
        })
        .await;
    }

    /// Leaves so many bytes of each journal.
    struct Leaves(usize, bool);
    impl Loss for Leaves {
        fn journal(&mut self, _: Which, _: usize) -> usize {
            self.0
        }
        fn received(&mut self, _: Which, bytes: usize) -> usize {
            bytes
        }
        fn garbles(&mut self) -> bool {
            self.1
        }
    }

    #[tokio::test]
    async fn what_a_crash_leaves_is_the_synced_and_whole_batches_in_order_after_it() {
        let put = |key: u8| vec![Op::Put(vec![key], vec![key; 20])];
        let bytes_of = |batch: Batch| frame(&shared(batch)).len();
        let one = bytes_of(put(1));
        for (left, garbled, expected) in [
            (0, false, vec![0]),
            (one - 1, false, vec![0]),
            (one, false, vec![0, 1]),
            (2 * one - 1, false, vec![0, 1]),
            (2 * one, true, vec![0, 1]),
            (3 * one, false, vec![0, 1, 2, 3]),
        ] {
            let engine = MemoryEngine::default();
            let log = engine.log().expect("opens");
            log.write(put(0)).expect("writes");
            log.sync().await.expect("syncs");
            (1..=3).for_each(|key| log.write(put(key)).expect("writes"));
            engine.crash_with(&mut Leaves(left, garbled));
            let mut found = Vec::new();
            let log = engine.log().expect("opens");
            log.scan(&[0], &[9], &mut |key, _| {
                found.push(key[0]);
                true
            })
            .expect("scans");
            assert_eq!(found, expected, "{left} bytes, garbled: {garbled}");
        }
    }

    #[tokio::test]
    async fn rot_turns_one_bit_over_for_good() {
        let engine = MemoryEngine::default();
        let log = engine.log().expect("opens");
        log.write(vec![Op::Put(vec![1, 7], vec![0; 4]), Op::Put(vec![2, 7], vec![0; 4])]).expect("writes");
        assert_eq!(engine.rot(Which::Log, &[2], 21), Some(vec![2, 7]));
        assert_eq!(engine.rot(Which::Log, &[3], 0), None);
        engine.crash();
        let log = engine.log().expect("opens");
        assert_eq!(log.get(&[2, 7]).expect("reads"), Some(vec![0b1000, 0, 0, 0]));
        assert_eq!(log.get(&[1, 7]).expect("reads"), Some(vec![0; 4]));
    }
}
