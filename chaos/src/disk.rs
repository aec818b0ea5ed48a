//! A disk that forgets, stalls, fills up and rots, under the same storage traits as RocksDB; what passes through it is shown
//! to the oracles.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::audit::merkle::Hash;
use model::ids::{GroupId, RecordId};
use node::env::BoxFuture;
use raft::storage::memory::{Loss, MemoryEngine, Which};
use raft::storage::{Batch, Before, Check, Engine, Manifest, Reader, Result, StateStore, StorageError, Store};

use crate::rng::Rng;
use crate::sight::Sight;

/// How much of what was not synced a crash leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Left {
    Nothing,
    /// A drawn number of whole records and perhaps a part of one.
    Part,
    /// As `Part`, and its last bytes are not those that were written.
    Torn,
    /// All of it: the process ended, and the operating system went on.
    All,
}

/// What a state holds.
#[derive(Debug, Clone, Default)]
pub struct Holds {
    pub versions: BTreeSet<(RecordId, u64)>,
    /// By position; none where one does not read.
    pub leaves: Vec<Option<Hash>>,
}

/// The disk of one node; clones share it.
#[derive(Clone)]
pub struct Disk {
    node: u64,
    memory: MemoryEngine,
    control: Arc<Mutex<Control>>,
    sight: Sight,
}

struct Control {
    rng: Rng,
    /// A sync takes so many microseconds, drawn between the two.
    sync_us: (u64, u64),
    full: bool,
    /// After so many received pieces of a snapshot the driver is told.
    pieces_until_cut: Option<u64>,
    cut: bool,
}

impl Disk {
    /// An empty disk.
    pub fn new(node: u64, rng: Rng, sync_us: (u64, u64), sight: Sight) -> Self {
        let control = Control { rng, sync_us, full: false, pieces_until_cut: None, cut: false };
        Self { node, memory: MemoryEngine::default(), control: Arc::new(Mutex::new(control)), sight }
    }

    fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets how long syncs take.
    pub fn set_sync_us(&self, sync_us: (u64, u64)) {
        self.control().sync_us = sync_us;
    }

    /// Fills it up, or makes room again.
    pub fn set_full(&self, full: bool) {
        self.control().full = full;
    }

    /// Asks to be told when so many pieces of a snapshot have come, or no more to be told.
    pub fn cut_after_pieces(&self, pieces: Option<u64>) {
        self.control().pieces_until_cut = pieces;
    }

    /// Whether they have, since it was last asked.
    pub fn cut_is_due(&self) -> bool {
        std::mem::take(&mut self.control().cut)
    }

    /// The node is gone; `left` of what was not synced stays.
    pub fn crash(&self, left: Left, rng: &mut Rng) {
        self.memory.crash_with(&mut Drawn { left, rng });
        self.sight.lost(self.node);
    }

    /// Turns over a bit of something that is stored; returns what.
    pub fn rot(&self, which: Which, number: u64) -> Option<String> {
        // Entries and votes; records, versions, outbox, leaves: what is read again one day.
        let tags: &[u8] = if which == Which::Log { &[0x01, 0x02] } else { &[0x11, 0x12, 0x20, 0x40, 0x42, 0x10] };
        let key = self.memory.rot(which, tags, number)?;
        self.sight.rotted(self.node, which, &key);
        Some(format!("{which:?} key {:02x}..", key[0]))
    }

    /// What a state holds now: the keys of its records' versions, and its leaves.
    pub fn holds(&self, group: GroupId) -> Holds {
        let mut holds = Holds::default();
        if let Ok(store) = self.memory.state(group) {
            drop(store.scan(&[0x12], &[0x13], &mut |key, _| {
                holds.versions.extend(crate::sight::version_key(key));
                true
            }));
            drop(store.scan(&[0x40], &[0x41], &mut |_, value| {
                holds
                    .leaves
                    .push(model::codec::decode::<model::audit::leaf::StoredLeaf>(value).map(|leaf| leaf.hash()).ok());
                true
            }));
        }
        holds
    }

    async fn synced(&self) {
        let wait = {
            let mut control = self.control();
            let (from, to) = control.sync_us;
            control.rng.between(from, to)
        };
        tokio::time::sleep(Duration::from_micros(wait)).await;
    }

    fn room(&self) -> Result<()> {
        if !self.control().full {
            return Ok(());
        }
        Err(StorageError::Broken {
            what: "write",
            place: "the simulated disk".into(),
            reason: "no space left on device".into(),
            remedy: "make room and start the node again",
        })
    }
}

struct Drawn<'a> {
    left: Left,
    rng: &'a mut Rng,
}

impl Loss for Drawn<'_> {
    fn journal(&mut self, which: Which, bytes: usize) -> usize {
        match self.left {
            Left::Nothing => 0,
            Left::Part | Left::Torn => self.rng.between(0, bytes as u64) as usize,
            // The system writes what it was given; what a state held back in the process's own memory is gone.
            Left::All if which == Which::Log => bytes,
            Left::All => self.rng.between(0, bytes as u64) as usize,
        }
    }
    fn received(&mut self, _: Which, bytes: usize) -> usize {
        // Files are written through the system.
        self.journal(Which::Log, bytes)
    }
    fn garbles(&mut self) -> bool {
        self.left == Left::Torn
    }
}

impl Engine for Disk {
    fn log(&self) -> Result<Arc<dyn Store>> {
        Ok(Arc::new(Log { disk: self.clone(), store: self.memory.log()? }))
    }
    fn state(&self, group: GroupId) -> Result<Arc<dyn StateStore>> {
        let store = self.memory.state(group)?;
        self.sight.opened(self.node, group, &*store);
        Ok(Arc::new(State { disk: self.clone(), group, store }))
    }
    fn read_file(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.memory.read_file(name)
    }
    fn write_file(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.room()?;
        self.memory.write_file(name, bytes)
    }
    fn has_data(&self) -> Result<bool> {
        self.memory.has_data()
    }
    fn place(&self) -> String {
        format!("the simulated disk of node {}", self.node)
    }
}

struct Log {
    disk: Disk,
    store: Arc<dyn Store>,
}

impl Before for Log {
    type Behind = dyn Store;
    fn behind(&self) -> &dyn Store {
        &*self.store
    }
}

impl Store for Log {
    fn write(&self, batch: Batch) -> Result<()> {
        self.disk.room()?;
        self.disk.sight.log_written(self.disk.node, &batch);
        self.store.write(batch)
    }
    fn sync(&self) -> BoxFuture<'_, Result<()>> {
        // What the sync covers is settled when it begins; so is what the oracles count as safe.
        let (sync, mark) = (self.store.sync(), self.disk.sight.sync_begins(self.disk.node));
        Box::pin(async move {
            self.disk.synced().await;
            self.disk.room()?;
            sync.await?;
            self.disk.sight.synced(self.disk.node, mark);
            Ok(())
        })
    }
    fn view(&self, read: &mut dyn FnMut(&dyn Reader) -> Result<()>) -> Result<()> {
        self.store.view(read)
    }
}

struct State {
    disk: Disk,
    group: GroupId,
    store: Arc<dyn StateStore>,
}

impl Before for State {
    type Behind = dyn StateStore;
    fn behind(&self) -> &dyn StateStore {
        &*self.store
    }
}

impl Store for State {
    fn write(&self, batch: Batch) -> Result<()> {
        self.disk.room()?;
        self.disk.sight.state_written(self.disk.node, self.group, &batch, &*self.store);
        self.store.write(batch)
    }
    fn sync(&self) -> BoxFuture<'_, Result<()>> {
        let sync = self.store.sync();
        Box::pin(async move {
            self.disk.synced().await;
            self.disk.room()?;
            sync.await
        })
    }
    fn view(&self, read: &mut dyn FnMut(&dyn Reader) -> Result<()>) -> Result<()> {
        self.store.view(read)
    }
}

impl StateStore for State {
    fn checkpoint<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.disk.room()?;
            // The checkpoint is of the moment at which it is taken, and the time it takes lies before that.
            self.disk.synced().await;
            self.store.checkpoint(name).await?;
            self.disk.sight.checkpointed(self.disk.node, self.group);
            Ok(())
        })
    }
    fn checkpoints(&self) -> Result<Vec<String>> {
        self.store.checkpoints()
    }
    fn remove_checkpoint<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        self.store.remove_checkpoint(name)
    }
    fn manifest<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Manifest>> {
        self.store.manifest(name)
    }
    fn read_chunk(&self, name: &str, file: &str, offset: u64) -> Result<Vec<u8>> {
        self.store.read_chunk(name, file, offset)
    }
    fn received<'a>(&'a self, manifest: &'a Manifest) -> BoxFuture<'a, Result<Vec<u64>>> {
        self.store.received(manifest)
    }
    fn receive(&self, manifest: &Manifest, file: usize, offset: u64, bytes: &[u8]) -> Result<()> {
        self.disk.room()?;
        {
            let mut control = self.disk.control();
            if let Some(pieces) = &mut control.pieces_until_cut {
                *pieces = pieces.saturating_sub(1);
                if *pieces == 0 {
                    control.pieces_until_cut = None;
                    control.cut = true;
                }
            }
        }
        self.store.receive(manifest, file, offset, bytes)
    }
    fn verify<'a>(&'a self, manifest: &'a Manifest, check: Check) -> BoxFuture<'a, Result<()>> {
        self.store.verify(manifest, check)
    }
    fn install<'a>(&'a self, manifest: &'a Manifest) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.disk.room()?;
            self.disk.synced().await;
            self.store.install(manifest).await?;
            self.disk.sight.installed(self.disk.node, self.group, &*self.store);
            Ok(())
        })
    }
}
