//! The sync rule: nothing is acknowledged before a sync that began after it was written has ended. A log that answers
//! earlier fails here, by what a crash leaves and by what is answered while the disk is still busy.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use model::ids::GroupId;
use openraft::EntryPayload;
use openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage};
use openraft::type_config::TypeConfigExt;
use prometheus::Registry;
use proto::transport::BoxFuture;
use tokio::sync::{Semaphore, watch};

use crate::log_store::{LogStore, Logs};
use crate::metrics::LogMetrics;
use crate::storage::memory::MemoryEngine;
use crate::storage::{Batch, Before, Engine, Op, Reader, Result, Store, keys};
use crate::types::{Config, Entry, LeaderId, LogId, StoredVote, Vote};

const GROUP: GroupId = GroupId::Records(0);
/// A sync that was asked for begins within this time, however busy the machine is.
const SYNC_BEGINS: Duration = Duration::from_secs(30);

fn entry(index: u64) -> Entry {
    let log_id = LogId::new(LeaderId { term: 1, node_id: 1 }, index);
    Entry { log_id, payload: EntryPayload::Blank }
}

fn vote(term: u64) -> Vote {
    StoredVote { term, node: 2, committed: true }.into()
}

/// The log of a group over a store.
fn log_over(store: Arc<dyn Store>) -> LogStore {
    Logs::start(store, LogMetrics::new(&Registry::new()).expect("registers")).group(GROUP)
}

fn open(engine: &MemoryEngine) -> LogStore {
    log_over(engine.log().expect("opens"))
}

async fn last_index(log: &mut LogStore) -> Option<u64> {
    log.get_log_state().await.expect("reads").last_log_id.map(|id| id.index)
}

/// Appends entries; what is returned ends when the log acknowledges them.
async fn append(log: &mut LogStore, indexes: &[u64]) -> Pin<Box<dyn Future<Output = ()>>> {
    let (acknowledge, acknowledged) = Config::oneshot();
    let entries: Vec<Entry> = indexes.iter().copied().map(entry).collect();
    log.append(entries, IOFlushed::signal(acknowledge)).await.expect("appends");
    Box::pin(async move { acknowledged.await.expect("answers").expect("syncs") })
}

#[tokio::test]
async fn what_was_acknowledged_survives_the_loss_of_everything_unsynced() {
    let engine = MemoryEngine::default();
    append(&mut open(&engine), &[1, 2]).await.await;
    // Nothing between the acknowledgement and the loss: no later sync may have covered it.
    engine.crash();
    let mut log = open(&engine);
    assert_eq!(last_index(&mut log).await, Some(2));
    assert_eq!(log.try_get_log_entries(1..3).await.expect("reads").len(), 2);
}

#[tokio::test]
async fn what_no_sync_has_covered_is_lost() {
    let engine = MemoryEngine::default();
    append(&mut open(&engine), &[1, 2]).await.await;
    let unsynced = vec![Op::Put(keys::entry(GROUP, 3), b"lost".to_vec())];
    engine.log().expect("opens").write(unsynced).expect("writes");
    engine.crash();
    assert_eq!(last_index(&mut open(&engine)).await, Some(2), "or the engine forgets nothing and shows nothing");
}

#[tokio::test]
async fn a_vote_survives_from_the_moment_that_it_is_given() {
    let engine = MemoryEngine::default();
    for term in [3, 4] {
        open(&engine).save_vote(&vote(term)).await.expect("saves");
        engine.crash();
        assert_eq!(open(&engine).read_vote().await.expect("reads"), Some(vote(term)));
    }
}

#[tokio::test]
async fn a_log_that_was_cut_stays_cut() {
    let engine = MemoryEngine::default();
    let mut log = open(&engine);
    append(&mut log, &[1, 2, 3]).await.await;
    log.truncate_after(Some(entry(1).log_id)).await.expect("cuts");
    engine.crash();
    assert_eq!(last_index(&mut open(&engine)).await, Some(1), "entries of another leader do not come back");
}

/// A store whose syncs begin at once and end one by one, as somebody lets them.
struct Gated {
    store: Arc<dyn Store>,
    /// Syncs that may end.
    gate: Arc<Semaphore>,
    /// Syncs that have begun.
    begun: watch::Sender<usize>,
}

impl Before for Gated {
    type Behind = dyn Store;
    fn behind(&self) -> &dyn Store {
        &*self.store
    }
}

impl Store for Gated {
    fn write(&self, batch: Batch) -> Result<()> {
        self.store.write(batch)
    }
    fn sync(&self) -> BoxFuture<'_, Result<()>> {
        // What the sync covers is settled when it begins.
        let sync = self.store.sync();
        self.begun.send_modify(|begun| *begun += 1);
        Box::pin(async move {
            self.gate.acquire().await.expect("a gate that stays").forget();
            sync.await
        })
    }
    fn view(&self, read: &mut dyn FnMut(&dyn Reader) -> Result<()>) -> Result<()> {
        self.store.view(read)
    }
}

struct Disk {
    engine: MemoryEngine,
    gate: Arc<Semaphore>,
    begun: watch::Receiver<usize>,
}

impl Disk {
    fn gated() -> (Self, LogStore) {
        let engine = MemoryEngine::default();
        let (gate, (begun, seen)) = (Arc::new(Semaphore::new(0)), watch::channel(0));
        let store = Gated { store: engine.log().expect("opens"), gate: gate.clone(), begun };
        (Self { engine, gate, begun: seen }, log_over(Arc::new(store)))
    }

    async fn syncs_begun(&mut self, count: usize) {
        let begun = self.begun.wait_for(|begun| *begun >= count);
        let begun = tokio::time::timeout(SYNC_BEGINS, begun).await;
        begun.unwrap_or_else(|_| panic!("sync {count} does not begin")).expect("a log that runs");
    }

    fn let_one_end(&self) {
        self.gate.add_permits(1);
    }
}

/// Must not have ended when everything else on this thread has nothing to do but wait.
async fn waits(what: &str, future: &mut (impl Future + Unpin)) {
    let mut idle = pin!(async {
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
    });
    tokio::select! {
        biased;
        _ = future => panic!("{what} was acknowledged before its sync had ended"),
        () = &mut idle => {}
    }
}

#[tokio::test]
async fn an_append_is_acknowledged_by_a_sync_that_began_after_it() {
    let (mut disk, mut log) = Disk::gated();
    let mut first = append(&mut log, &[1]).await;
    waits("the first append", &mut first).await;
    disk.syncs_begun(1).await;
    // Written while the first sync is under way: that one does not cover it.
    let mut second = append(&mut log, &[2]).await;
    disk.let_one_end();
    first.await;
    disk.syncs_begun(2).await;
    waits("the second append", &mut second).await;
    disk.let_one_end();
    second.await;
    disk.engine.crash();
    assert_eq!(last_index(&mut open(&disk.engine)).await, Some(2));
}

#[tokio::test]
async fn appends_that_wait_together_share_a_sync() {
    let (mut disk, mut log) = Disk::gated();
    let first = append(&mut log, &[1]).await;
    disk.syncs_begun(1).await;
    let (second, third) = (append(&mut log, &[2]).await, append(&mut log, &[3]).await);
    disk.let_one_end();
    first.await;
    disk.let_one_end();
    second.await;
    third.await;
    assert_eq!(*disk.begun.borrow(), 2, "one sync for both");
}

#[tokio::test]
async fn a_vote_is_not_given_and_a_cut_not_done_before_its_sync_has_ended() {
    let (mut disk, mut log) = Disk::gated();
    let mut voter = log.clone();
    let its_vote = vote(5);
    let mut given = Box::pin(voter.save_vote(&its_vote));
    waits("the vote", &mut given).await;
    disk.syncs_begun(1).await;
    disk.let_one_end();
    given.await.expect("saves");

    let appended = append(&mut log, &[1, 2]).await;
    disk.let_one_end();
    appended.await;
    let mut cut = Box::pin(log.truncate_after(Some(entry(1).log_id)));
    waits("the cut", &mut cut).await;
    disk.let_one_end();
    cut.await.expect("cuts");
    disk.engine.crash();
    let mut log = open(&disk.engine);
    assert_eq!((last_index(&mut log).await, log.read_vote().await.expect("reads")), (Some(1), Some(vote(5))));
}
