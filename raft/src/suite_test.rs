//! openraft's own conformance suite on our log and state machine, over both engines. What of a log survives the loss of
//! everything unsynced, and what a machine does beside the suite, stand in files of their own.

use std::sync::Arc;

use futures_util::Stream;
use model::ids::GroupId;
use openraft::OptionalSend;
use openraft::StorageError as RaftStorageError;
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::testing::log::{StoreBuilder, Suite};
use prometheus::Registry;

use crate::log_store::{LogStore, Logs};
use crate::machine::Machine;
use crate::metrics::{GroupMetrics, LogMetrics};
use crate::storage::memory::MemoryEngine;
use crate::storage::{Engine, conformance};
use crate::types::{Config, LogId, SnapshotFiles, SnapshotMeta, StoredMembership};

#[path = "durability_test.rs"]
mod durability_test;
#[path = "machine_test.rs"]
mod machine_test;

type Snapshot = openraft::type_config::alias::SnapshotOf<Config, Carried>;

/// A snapshot with the machine that holds its files: the suite hands it straight from one machine to another.
#[derive(Clone)]
struct Carried {
    from: Machine,
    files: SnapshotFiles,
}

/// The machine, with the transfer of files that the network does otherwise.
#[derive(Clone)]
struct Carrying(Machine);

impl Carrying {
    fn carry(&self, snapshot: crate::types::Snapshot) -> Snapshot {
        Snapshot { meta: snapshot.meta, snapshot: Carried { from: self.0.clone(), files: snapshot.snapshot } }
    }
}

impl RaftStateMachine<Config> for Carrying {
    type SnapshotData = Carried;
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> std::io::Result<(Option<LogId>, StoredMembership)> {
        self.0.applied_state().await
    }

    async fn apply<S>(&mut self, entries: S) -> std::io::Result<()>
    where
        S: Stream<Item = std::io::Result<EntryResponder<Config>>> + Unpin + OptionalSend,
    {
        self.0.apply(entries).await
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: Carried) -> std::io::Result<()> {
        let SnapshotFiles::Checkpoint(name) = &snapshot.files else { panic!("a checkpoint is handed over") };
        let manifest = conformance::transfer(&**snapshot.from.store(), name, &**self.0.store(), None).await;
        self.0.install_snapshot(meta, SnapshotFiles::Received(manifest)).await
    }

    async fn get_current_snapshot(&mut self) -> std::io::Result<Option<Snapshot>> {
        Ok(self.0.get_current_snapshot().await?.map(|snapshot| self.carry(snapshot)))
    }
}

impl RaftSnapshotBuilder<Config> for Carrying {
    type SnapshotData = Carried;

    async fn build_snapshot(&mut self) -> std::io::Result<Snapshot> {
        let snapshot = self.0.build_snapshot().await?;
        Ok(self.carry(snapshot))
    }
}

/// Opens a fresh engine for each case of the suite.
struct Fresh<F>(F);

fn open(engine: Arc<dyn Engine>) -> (LogStore, Carrying) {
    let registry = Registry::new();
    let group = GroupId::Records(0);
    let logs = Logs::start(engine.log().expect("opens"), LogMetrics::new(&registry).expect("registers"));
    let metrics = GroupMetrics::new(&registry).expect("registers");
    (logs.group(group), Carrying(Machine::open(group, engine, metrics).expect("opens")))
}

impl<F, G> StoreBuilder<Config, LogStore, Carrying, G> for Fresh<F>
where
    F: Fn() -> (G, Arc<dyn Engine>) + Send + Sync,
    G: Send + Sync + 'static,
{
    async fn build(&self) -> Result<(G, LogStore, Carrying), RaftStorageError<Config>> {
        let (guard, engine) = (self.0)();
        let (log, machine) = open(engine);
        Ok((guard, log, machine))
    }
}

async fn suite<F, G>(fresh: F)
where
    F: Fn() -> (G, Arc<dyn Engine>) + Send + Sync,
    G: Send + Sync + 'static,
{
    // The suite draws from openraft's seeded runtime.
    let run = Suite::<Config, LogStore, Carrying, Fresh<F>, G>::test_all(Fresh(fresh));
    crate::types::Seeded::scope(7, run).await.expect("conforms");
}

#[tokio::test]
async fn log_and_machine_conform_in_memory() {
    suite(|| ((), Arc::new(MemoryEngine::default()) as Arc<dyn Engine>)).await;
}

#[cfg(feature = "rocksdb")]
#[tokio::test]
async fn log_and_machine_conform_on_rocksdb() {
    use crate::storage::rocks::{Limits, RocksEngine};
    suite(|| {
        let home = tempfile::tempdir().expect("directory");
        let engine = RocksEngine::new(home.path(), Limits::default()).expect("opens");
        (home, Arc::new(engine) as Arc<dyn Engine>)
    })
    .await;
}
