//! Logs and votes of all groups in one store, and the worker through which their appends share one fsync.
//!
//! The sync rule, once: an append is acknowledged, and a vote answered, only after `Store::sync` returned that began after
//! the bytes were written. Appends of all groups that wait at the same time are covered by the same sync.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::Stream;
use model::codec::{self, CodecError, Stored};
use model::ids::GroupId;
use model::known_bugs::{KnownBug, planted};
use openraft::OptionalSend;
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use tokio::sync::{mpsc, oneshot};

use crate::metrics::LogMetrics;
use crate::storage::{Op, StorageError, Store, keys};
use crate::types::{Config, Entry, LogId, StoredLogId, StoredVote, Vote, decode_entry, encode_entry};

/// Appends and votes that wait for a sync at most; beyond it openraft waits.
pub const FLUSH_QUEUE_MAX: usize = 4_096;
/// Bytes of entries that one read hands to replication or apply.
const READ_BYTES_MAX: usize = 1024 * 1024;
/// Entries of a group kept in memory behind the log's end.
const RECENT_ENTRIES_MAX: usize = 512;
/// Bytes of those.
const RECENT_BYTES_MAX: usize = 4 * 1024 * 1024;

enum Waiting {
    Append(IOFlushed<Config>),
    Sync(oneshot::Sender<io::Result<()>>),
}

/// All logs of a node.
#[derive(Clone)]
pub struct Logs {
    store: Arc<dyn Store>,
    flush: mpsc::Sender<Waiting>,
}

impl Logs {
    /// Starts the flush worker over a store. It ends when the last log is dropped.
    pub fn start(store: Arc<dyn Store>, metrics: LogMetrics) -> Self {
        let (flush, waiting) = mpsc::channel(FLUSH_QUEUE_MAX);
        tokio::spawn(flush_worker(store.clone(), waiting, metrics));
        Self { store, flush }
    }

    /// The log of one group.
    pub fn group(&self, group: GroupId) -> LogStore {
        LogStore { group, logs: self.clone(), recent: Arc::default() }
    }

    async fn sync(&self) -> io::Result<()> {
        let (done, result) = oneshot::channel();
        self.flush.send(Waiting::Sync(done)).await.map_err(|_| stopped())?;
        result.await.map_err(|_| stopped())?
    }
}

fn stopped() -> io::Error {
    io::Error::other("the log's flush worker has stopped")
}

async fn flush_worker(store: Arc<dyn Store>, mut waiting: mpsc::Receiver<Waiting>, metrics: LogMetrics) {
    let mut company = Vec::new();
    while waiting.recv_many(&mut company, FLUSH_QUEUE_MAX).await > 0 {
        let begun = tokio::time::Instant::now();
        let result = store.sync().await;
        metrics.synced(company.len(), begun.elapsed());
        metrics.queue.set(waiting.len() as i64);
        if let Err(error) = &result {
            tracing::error!(%error, "log sync failed; the node must stop");
        }
        for one in company.drain(..) {
            let result = result.as_ref().map(|_| ()).map_err(|error| io::Error::other(error.clone()));
            match one {
                Waiting::Append(callback) => callback.io_completed(result),
                // Whoever asked may have gone.
                Waiting::Sync(done) => drop(done.send(result)),
            }
        }
    }
}

/// The log of one group, as openraft uses it.
#[derive(Clone)]
pub struct LogStore {
    group: GroupId,
    logs: Logs,
    recent: Arc<Mutex<Recent>>,
}

/// The newest entries, so that replication and apply do not read back what was just written.
#[derive(Default)]
struct Recent {
    entries: BTreeMap<u64, (usize, Entry)>,
    bytes: usize,
}

impl Recent {
    fn push(&mut self, entry: Entry, bytes: usize) {
        let index = entry.log_id.index;
        self.cut_from(index);
        self.bytes += bytes;
        self.entries.insert(index, (bytes, entry));
        while self.entries.len() > RECENT_ENTRIES_MAX || self.bytes > RECENT_BYTES_MAX {
            let Some((_, (bytes, _))) = self.entries.pop_first() else { break };
            self.bytes -= bytes;
        }
    }

    fn cut_from(&mut self, index: u64) {
        for (_, (bytes, _)) in self.entries.split_off(&index) {
            self.bytes -= bytes;
        }
    }

    /// The entries of a range, if all of it is here.
    fn range(&self, from: u64, to: u64) -> Option<Vec<Entry>> {
        let mut found = Vec::new();
        let mut bytes = 0;
        for (index, (size, entry)) in self.entries.range(from..to) {
            if *index != from + found.len() as u64 {
                return None;
            }
            bytes += size;
            if bytes > READ_BYTES_MAX && !found.is_empty() {
                return Some(found);
            }
            found.push(entry.clone());
        }
        (found.len() as u64 == to.saturating_sub(from)).then_some(found)
    }
}

impl LogStore {
    fn recent(&self) -> std::sync::MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T: Stored>(&self, key: &[u8]) -> io::Result<Option<T>> {
        let bytes = self.logs.store.get(key).map_err(io::Error::other)?;
        bytes.map(|bytes| codec::decode(&bytes).map_err(|error| self.unreadable(error))).transpose()
    }

    fn unreadable(&self, error: CodecError) -> io::Error {
        io::Error::other(StorageError::of_codec(format!("the log of {}", self.group), error))
    }

    fn damaged(&self, reason: String) -> io::Error {
        io::Error::other(StorageError::Damaged { place: format!("the log of {}", self.group), reason })
    }

    fn write(&self, ops: Vec<Op>) -> io::Result<()> {
        self.logs.store.write(ops).map_err(io::Error::other)
    }

    /// Entries of `from..to`, as many as fit `READ_BYTES_MAX`, at least one.
    fn entries(&self, from: u64, to: u64) -> io::Result<Vec<Entry>> {
        if from >= to {
            return Ok(Vec::new());
        }
        if let Some(entries) = self.recent().range(from, to) {
            return Ok(entries);
        }
        let (mut rows, mut bytes) = (Vec::new(), 0);
        let scanned =
            self.logs.store.scan(&keys::entry(self.group, from), &keys::entry(self.group, to), &mut |_, row| {
                bytes += row.len();
                if bytes > READ_BYTES_MAX && !rows.is_empty() {
                    return false;
                }
                rows.push(row.to_vec());
                true
            });
        scanned.map_err(io::Error::other)?;
        let mut entries: Vec<Entry> = Vec::with_capacity(rows.len());
        for row in rows {
            let entry = decode_entry(&row).map_err(|error| self.unreadable(error))?;
            let expected = entries.last().map_or(from, |before| before.log_id.index + 1);
            let index = entry.log_id.index;
            if index != expected && !(entries.is_empty() && self.may_begin_with(index, from)?) {
                return Err(self.damaged(format!("entry {expected} is missing")));
            }
            entries.push(entry);
        }
        if entries.is_empty() && self.lacks(from, to)? {
            return Err(self.damaged(format!("entries {from} to {} are missing", to - 1)));
        }
        Ok(entries)
    }

    /// Whether a range without entries is a hole: it was not purged, and there are entries behind it.
    fn lacks(&self, from: u64, to: u64) -> io::Result<bool> {
        let purged = self.read::<StoredLogId>(&keys::purged(self.group))?;
        if from == 0 || purged.is_some_and(|purged| from <= purged.index) {
            return Ok(false);
        }
        let mut behind = false;
        let (from, end) = (keys::entry(self.group, to), keys::entry(self.group, u64::MAX));
        let scanned = self.logs.store.scan(&from, &end, &mut |_, _| {
            behind = true;
            false
        });
        scanned.map_err(io::Error::other)?;
        Ok(behind)
    }

    /// Whether the first entry that is found from an index on may be this one: all before it were purged, or it is the first
    /// of a log, which need not have an entry 0.
    fn may_begin_with(&self, index: u64, from: u64) -> io::Result<bool> {
        let purged = self.read::<StoredLogId>(&keys::purged(self.group))?;
        Ok(match purged {
            Some(purged) => from <= purged.index && index == purged.index + 1,
            None => from == 0 && index == 1,
        })
    }

    fn bounds(range: &impl RangeBounds<u64>) -> (u64, u64) {
        let from = match range.start_bound() {
            Bound::Included(at) => *at,
            Bound::Excluded(at) => at.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let to = match range.end_bound() {
            Bound::Included(at) => at.saturating_add(1),
            Bound::Excluded(at) => *at,
            Bound::Unbounded => u64::MAX,
        };
        (from, to)
    }
}

impl RaftLogReader<Config> for LogStore {
    async fn entries_stream<RB>(&mut self, range: RB) -> impl Stream<Item = Result<Entry, io::Error>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        // Read piece by piece: after a long absence the whole range would not fit in memory.
        let (from, to) = Self::bounds(&range);
        let log = self.clone();
        let start = (log, from, Vec::new().into_iter());
        Box::pin(futures_util::stream::unfold(start, move |(log, at, mut piece)| async move {
            if piece.len() == 0 {
                match log.entries(at, to) {
                    Ok(entries) => piece = entries.into_iter(),
                    Err(error) => return Some((Err(error), (log, to, piece))),
                }
            }
            let entry: Entry = piece.next()?;
            let next = entry.log_id.index + 1;
            Some((Ok(entry), (log, next, piece)))
        }))
    }

    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, io::Error> {
        let (mut from, to) = Self::bounds(&range);
        let mut all = Vec::new();
        loop {
            let piece = self.entries(from, to)?;
            let Some(last) = piece.last() else { return Ok(all) };
            from = last.log_id.index + 1;
            all.extend(piece);
        }
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, io::Error> {
        self.entries(start, end)
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.read::<StoredVote>(&keys::vote(self.group))?.map(Vote::from))
    }
}

impl RaftLogStorage<Config> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Config>, io::Error> {
        let purged = self.read::<StoredLogId>(&keys::purged(self.group))?.map(LogId::from);
        let mut last = None;
        let (from, to) = (keys::entry(self.group, 0), keys::entry(self.group, u64::MAX));
        let scanned = self.logs.store.scan_back(&from, &to, &mut |_, row| {
            last = Some(row.to_vec());
            false
        });
        scanned.map_err(io::Error::other)?;
        let last = last.map(|row| decode_entry(&row).map_err(|error| self.unreadable(error))).transpose()?;
        let last_log_id = last.map(|entry| entry.log_id).or(purged);
        Ok(LogState { last_purged_log_id: purged, last_log_id })
    }

    async fn get_log_reader(&mut self) -> Self::LogReader {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        let stored = codec::encode(&StoredVote::from(vote)).map_err(io::Error::other)?;
        self.write(vec![Op::Put(keys::vote(self.group), stored)])?;
        if planted(KnownBug::VoteNotSynced) {
            return Ok(());
        }
        self.logs.sync().await
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        // Not synced: it only saves work after a restart, and whatever it says was committed.
        let Some(committed) = committed else { return Ok(()) };
        let stored = codec::encode(&StoredLogId::from(committed)).map_err(io::Error::other)?;
        self.write(vec![Op::Put(keys::committed(self.group), stored)])
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        Ok(self.read::<StoredLogId>(&keys::committed(self.group))?.map(LogId::from))
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Config>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut ops = Vec::new();
        let mut fresh = Vec::new();
        for entry in entries {
            let bytes = encode_entry(&entry).map_err(io::Error::other)?;
            fresh.push((entry.clone(), bytes.len()));
            ops.push(Op::Put(keys::entry(self.group, entry.log_id.index), bytes));
        }
        self.write(ops)?;
        {
            let mut recent = self.recent();
            fresh.into_iter().for_each(|(entry, bytes)| recent.push(entry, bytes));
        }
        if planted(KnownBug::AnswerBeforeSync) {
            callback.io_completed(Ok(()));
            return Ok(());
        }
        self.logs.flush.send(Waiting::Append(callback)).await.map_err(|_| stopped())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> Result<(), io::Error> {
        let from = last.map_or(0, |last| last.index + 1);
        self.recent().cut_from(from);
        self.write(vec![Op::DeleteRange(keys::entry(self.group, from), keys::entry(self.group, u64::MAX))])?;
        self.logs.sync().await
    }

    async fn purge(&mut self, upto: LogId) -> Result<(), io::Error> {
        let stored = codec::encode(&StoredLogId::from(upto)).map_err(io::Error::other)?;
        {
            let mut recent = self.recent();
            let kept = recent.entries.split_off(&(upto.index + 1));
            let gone = std::mem::replace(&mut recent.entries, kept);
            recent.bytes -= gone.values().map(|(bytes, _)| bytes).sum::<usize>();
        }
        self.write(vec![
            Op::Put(keys::purged(self.group), stored),
            Op::DeleteRange(keys::entry(self.group, 0), keys::entry(self.group, upto.index + 1)),
        ])
    }
}
