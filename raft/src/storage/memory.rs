//! The engine in memory that forgets: writes are buffered until `sync` or `flush`, and [`MemoryEngine::crash`] drops what
//! was not. For tests and the simulation; it keeps its checkpoints as several files, so that the same transfer code runs.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use model::ids::GroupId;
use proto::transport::BoxFuture;
use sha2::{Digest, Sha256};

use super::{
    Batch, CHUNK_BYTES_MAX, Check, Engine, Manifest, Op, Reader, Result, SnapshotFile, StateStore, StorageError, Store,
    Visit,
};

type Table = BTreeMap<Vec<u8>, Vec<u8>>;

/// A file of a checkpoint and its bytes.
type NamedFile = (String, Vec<u8>);

/// Keys of one checkpoint file.
const FILE_KEYS: usize = 64;

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
        let mut disk = lock(&self.disk);
        disk.log = disk.log.take().map(|store| Arc::new(store.survivor()));
        let states = std::mem::take(&mut disk.states);
        disk.states = states.into_iter().map(|(group, store)| (group, Arc::new(store.survivor()))).collect();
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
    seen: RwLock<Moment>,
    durable: Mutex<Durable>,
}

/// A table with the number of changes that led to it: what is durable never runs back.
#[derive(Default, Clone)]
struct Moment {
    changes: u64,
    table: Arc<Table>,
}

#[derive(Default, Clone)]
struct Durable {
    moment: Moment,
    checkpoints: Vec<(String, Vec<NamedFile>)>,
    incoming: BTreeMap<[u8; 32], BTreeMap<String, Vec<u8>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl MemoryStore {
    fn seen(&self) -> RwLockReadGuard<'_, Moment> {
        self.seen.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn seen_mut(&self) -> RwLockWriteGuard<'_, Moment> {
        self.seen.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn survivor(&self) -> Self {
        let durable = lock(&self.durable).clone();
        Self { seen: RwLock::new(durable.moment.clone()), durable: Mutex::new(durable) }
    }

    fn make_durable(&self, moment: Moment) {
        let mut durable = lock(&self.durable);
        if moment.changes >= durable.moment.changes {
            durable.moment = moment;
        }
    }
}

impl Reader for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.seen().table.get(key)
    }
    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        let table = self.seen().table.clone();
        table.scan(from, to, visit)
    }
    fn scan_back(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        let table = self.seen().table.clone();
        table.scan_back(from, to, visit)
    }
}

impl Reader for Arc<Table> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(Table::get(self, key).cloned())
    }

    fn scan(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        if from < to {
            let bounds = (Bound::Included(from.to_vec()), Bound::Excluded(to.to_vec()));
            self.range(bounds).all(|(key, value)| visit(key, value));
        }
        Ok(())
    }

    fn scan_back(&self, from: &[u8], to: &[u8], visit: &mut Visit<'_>) -> Result<()> {
        if from < to {
            let bounds = (Bound::Included(from.to_vec()), Bound::Excluded(to.to_vec()));
            self.range(bounds).rev().all(|(key, value)| visit(key, value));
        }
        Ok(())
    }
}

impl Store for MemoryStore {
    fn write(&self, batch: Batch) -> Result<()> {
        let mut seen = self.seen_mut();
        seen.changes += 1;
        let table = Arc::make_mut(&mut seen.table);
        for op in batch {
            match op {
                Op::Put(key, value) => drop(table.insert(key, value)),
                Op::Delete(key) => drop(table.remove(&key)),
                Op::DeleteRange(from, to) => table.retain(|key, _| *key < from || *key >= to),
            }
        }
        Ok(())
    }

    fn sync(&self) -> BoxFuture<'_, Result<()>> {
        // What is durable afterwards is what was written before the call, not what comes while it waits.
        let moment = self.seen().clone();
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.make_durable(moment);
            Ok(())
        })
    }

    fn view(&self, read: &mut dyn FnMut(&dyn Reader) -> Result<()>) -> Result<()> {
        let table = self.seen().table.clone();
        read(&table)
    }
}

impl StateStore for MemoryStore {
    fn checkpoint<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        let moment = self.seen().clone();
        self.make_durable(moment.clone());
        let table = moment.table;
        let rows: Vec<(&Vec<u8>, &Vec<u8>)> = table.iter().collect();
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
        let mut durable = lock(&self.durable);
        durable.checkpoints.retain(|(other, _)| other != name);
        durable.checkpoints.push((name.to_string(), files));
        durable.checkpoints.sort();
        Box::pin(async { Ok(()) })
    }

    fn remove_checkpoint<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        lock(&self.durable).checkpoints.retain(|(other, _)| other != name);
        Box::pin(async { Ok(()) })
    }

    fn checkpoints(&self) -> Result<Vec<String>> {
        Ok(lock(&self.durable).checkpoints.iter().map(|(name, _)| name.clone()).collect())
    }

    fn manifest<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Manifest>> {
        let durable = lock(&self.durable);
        let found = durable.checkpoints.iter().find(|(other, _)| other == name);
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
        let durable = lock(&self.durable);
        let files = durable.checkpoints.iter().find(|(other, _)| other == name).map(|(_, files)| files);
        let bytes = files.and_then(|files| files.iter().find(|(other, _)| other == file)).map(|(_, bytes)| bytes);
        let bytes = bytes.ok_or_else(|| StorageError::NoSnapshot(name.to_string()))?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let to = (from + CHUNK_BYTES_MAX).min(bytes.len());
        Ok(bytes[from..to].to_vec())
    }

    fn received<'a>(&'a self, manifest: &'a Manifest) -> BoxFuture<'a, Result<Vec<u64>>> {
        Box::pin(async move {
            manifest.check()?;
            let mut durable = lock(&self.durable);
            let mut files = durable.incoming.remove(&manifest.digest()).unwrap_or_default();
            let others = std::mem::take(&mut durable.incoming);
            for (name, bytes) in others.into_values().flatten() {
                let same = |file: &&SnapshotFile| file.name == name && file.sha256 == *Sha256::digest(&bytes);
                if manifest.files.iter().any(|file| same(&file)) {
                    files.entry(name).or_insert(bytes);
                }
            }
            let length = |file: &SnapshotFile| files.get(&file.name).map_or(0, |bytes| bytes.len() as u64);
            let lengths = manifest.files.iter().map(length).collect();
            durable.incoming.insert(manifest.digest(), files);
            Ok(lengths)
        })
    }

    fn receive(&self, manifest: &Manifest, file: usize, offset: u64, bytes: &[u8]) -> Result<()> {
        let name = manifest.files.get(file).map(|file| file.name.clone());
        let name = name.ok_or_else(|| StorageError::Snapshot(format!("no file {file}")))?;
        let mut durable = lock(&self.durable);
        let data = durable.incoming.entry(manifest.digest()).or_default().entry(name).or_default();
        if data.len() as u64 != offset {
            return Err(StorageError::Snapshot(format!("chunk at {offset}, expected {}", data.len())));
        }
        data.extend_from_slice(bytes);
        Ok(())
    }

    fn verify<'a>(&'a self, manifest: &'a Manifest) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let mut durable = lock(&self.durable);
            let files = durable.incoming.entry(manifest.digest()).or_default();
            for file in &manifest.files {
                let bytes = files.get(&file.name).map(Vec::as_slice).unwrap_or_default();
                if <[u8; 32]>::from(Sha256::digest(bytes)) != file.sha256 || bytes.len() as u64 != file.length {
                    if bytes.len() as u64 == file.length {
                        files.remove(&file.name);
                    }
                    return Err(StorageError::Snapshot(format!("{} does not have its digest", file.name)));
                }
            }
            Ok(())
        })
    }

    fn install<'a>(&'a self, manifest: &'a Manifest, check: Check) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.verify(manifest).await?;
            let mut durable = lock(&self.durable);
            let files = durable.incoming.get(&manifest.digest()).cloned().unwrap_or_default();
            let mut table = Table::new();
            for file in &manifest.files {
                read_rows(files.get(&file.name).map(Vec::as_slice).unwrap_or_default(), &mut table)?;
            }
            let table = Arc::new(table);
            check(&table)?;
            durable.incoming.remove(&manifest.digest());
            let mut seen = self.seen_mut();
            *seen = Moment { changes: seen.changes + 1, table };
            durable.moment = seen.clone();
            durable.checkpoints.clear();
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
        table.insert(key, part()?.ok_or_else(cut)?);
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
}
