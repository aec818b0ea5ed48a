//! The state machine of a group replica: `model::decide` on each entry, one batch with the data and the applied index,
//! and only then the answers.

mod overlay;
mod people;
mod state;

pub use people::Facts;
pub use state::{BodyRow, Fed, Page, State};

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, OnceLock, PoisonError};

use futures_util::{Stream, TryStreamExt};
use model::codec;
use model::decide::{Context, decide};
use model::envelope::Envelope;
use model::ids::GroupId;
use model::known_bugs::{KnownBug, planted};
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend};
use tokio::sync::{Mutex, watch};

pub(crate) use self::overlay::Overlay;
use crate::metrics::GroupMetrics;
use crate::storage::{Check, Engine, Op, Result, StateStore, StorageError, keys};
use crate::types::{
    Applied, Config, LogId, Position, Snapshot, SnapshotFiles, SnapshotMeta, StoredLogId, StoredMembership,
};

/// Entries decided into one batch at most.
const BATCH_ENTRIES_MAX: usize = 256;
/// Checkpoints kept, newest first, besides those that are being sent.
const CHECKPOINTS_KEPT: usize = 2;

/// What others may wait for: how far the replica is, and how often its state was replaced by a snapshot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    pub applied: u64,
    pub installs: u64,
    /// One more with each batch that changed agencies, agreements, memoranda, roles, access policies or keys of data, and with each
    /// snapshot:
    /// what was read of them under another number may have changed.
    pub powers: u64,
}

/// The state machine; clones share it.
#[derive(Clone)]
pub struct Machine(Arc<Inner>);

struct Inner {
    group: GroupId,
    store: Arc<dyn StateStore>,
    engine: Arc<dyn Engine>,
    metrics: GroupMetrics,
    /// Held while a batch is applied, and while a snapshot takes position and checkpoint of one moment.
    position: Mutex<Position>,
    progress: watch::Sender<Progress>,
    /// Checkpoints that are being sent, with how often.
    sending: std::sync::Mutex<BTreeMap<String, usize>>,
    /// Damage that a read met. The node stops at it: what else is damaged nobody knows.
    damage: OnceLock<String>,
}

impl Machine {
    /// Opens the state of a group.
    pub fn open(group: GroupId, engine: Arc<dyn Engine>, metrics: GroupMetrics) -> Result<Self> {
        let store = engine.state(group)?;
        let position = State(&*store).position()?;
        let applied = position.applied.map_or(0, |id| id.index);
        let (progress, _) = watch::channel(Progress { applied, installs: 0, powers: 0 });
        let (position, sending, damage) = (Mutex::new(position), std::sync::Mutex::default(), OnceLock::new());
        Ok(Self(Arc::new(Inner { group, store, engine, metrics, position, progress, sending, damage })))
    }

    /// The group.
    pub fn group(&self) -> GroupId {
        self.0.group
    }

    /// The state's store.
    pub fn store(&self) -> &Arc<dyn StateStore> {
        &self.0.store
    }

    /// Follows how far the replica is.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.0.progress.subscribe()
    }

    /// Reads the state at one moment.
    pub fn read<T>(&self, read: impl FnOnce(State<'_>) -> Result<T>) -> Result<T> {
        let (mut read, mut result) = (Some(read), None);
        let viewed = self.0.store.view(&mut |reader| {
            if let Some(read) = read.take() {
                result = Some(read(State(reader))?);
            }
            Ok(())
        });
        if let Err(error @ (StorageError::Broken { .. } | StorageError::Damaged { .. })) = &viewed {
            self.0.damage.get_or_init(|| error.to_string());
        }
        viewed?;
        result.ok_or_else(|| self.damaged("a view was not read".into()))
    }

    /// The damage that a read met, if one did.
    pub fn damage(&self) -> Option<String> {
        self.0.damage.get().cloned()
    }

    /// Where the members of the group are reached, as far as this state knows.
    pub async fn addresses(&self) -> Vec<String> {
        let position = self.0.position.lock().await;
        position.members.iter().flat_map(|members| members.addresses.values().cloned()).collect()
    }

    /// Makes everything applied so far durable.
    pub async fn flush(&self) -> Result<()> {
        self.0.store.sync().await
    }

    /// Reads all of the state, and takes note of damage as any reading does.
    pub fn inspect(&self) -> Result<()> {
        self.read(state::intact)
    }

    /// Checks a received state: that it is of the entry that it is said to be of, and that each row is as it was written. The
    /// digests of a transfer tell only that it is what the sender has.
    pub fn check_of(&self, meta: &SnapshotMeta) -> Check {
        let announced = meta.last_log_id.map(StoredLogId::from);
        Arc::new(move |reader| {
            let found = State(reader).position()?.applied;
            if found != announced && !planted(KnownBug::SnapshotPositionBeforeData) {
                return Err(StorageError::Snapshot(format!("it is at {found:?}, announced was {announced:?}")));
            }
            if planted(KnownBug::DamagedSnapshotTaken) { Ok(()) } else { state::intact(State(reader)) }
        })
    }

    fn damaged(&self, reason: String) -> StorageError {
        StorageError::Damaged { place: format!("the state of {}", self.0.group), reason }
    }

    /// Commits what was decided; returns the position it leads to.
    fn commit(&self, overlay: Overlay<'_>, position: &Position) -> io::Result<()> {
        let mut batch = overlay.into_batch();
        let stored = codec::encode(position).map_err(io::Error::other)?;
        if planted(KnownBug::AppliedIndexOutsideTheBatch) {
            self.0.store.write(std::mem::take(&mut batch)).map_err(io::Error::other)?;
        }
        batch.push(Op::Put(keys::APPLIED.to_vec(), stored));
        self.0.store.write(batch).map_err(io::Error::other)
    }

    /// Forgets the feed up to an index, unless a snapshot replaced the state since `installs` was read: the new state's feed
    /// is another one, and what it lacks must not look as if it were indexed.
    pub async fn trim_feed(&self, installs: u64, upto: u64) -> Result<()> {
        let _unchanged = self.0.position.lock().await;
        if self.0.progress.borrow().installs != installs || State(&*self.0.store).feed_trimmed()? >= upto {
            return Ok(());
        }
        let gone = if planted(KnownBug::FeedTrimmedTooFar) { self.0.progress.borrow().applied } else { upto };
        self.0.store.write(vec![
            Op::Put(keys::FEED_TRIMMED.to_vec(), upto.to_be_bytes().to_vec()),
            Op::DeleteRange(keys::feed(0, 0), keys::feed(gone.saturating_add(1), 0)),
        ])
    }

    /// Keeps a checkpoint until the guard is dropped.
    pub fn sending(&self, name: &str) -> Sending {
        *self.0.sending.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_string()).or_default() += 1;
        Sending { machine: self.clone(), name: name.to_string() }
    }

    fn snapshot_file(&self) -> String {
        format!("snapshot-{}", self.0.group)
    }

    async fn take_snapshot(&self) -> Result<Snapshot> {
        // Most of the flush happens before the lock, so that applies wait only for the rest and the hard links.
        if !planted(KnownBug::LogPurgedAboveFlushed) {
            self.flush().await?;
        }
        let before = self.0.position.lock().await.clone();
        if planted(KnownBug::SnapshotPositionBeforeData) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let held = self.0.position.lock().await;
        let position = if planted(KnownBug::SnapshotPositionBeforeData) { before } else { held.clone() };
        let applied = position.applied.map_or((0, 0), |id| (id.term, id.index));
        let name = checkpoint_name(applied);
        let is_current =
            |snapshot: Snapshot| matches!(snapshot.snapshot, SnapshotFiles::Checkpoint(ref it) if *it == name);
        // One of the same entry is the same: replacing it would cut off who is just sending it.
        if !self.current_snapshot()?.is_some_and(is_current) {
            if !planted(KnownBug::LogPurgedAboveFlushed) {
                self.0.store.checkpoint(&name).await?;
            }
            self.remember_snapshot(&name, &position)?;
        }
        let at = position;
        drop(held);
        self.drop_old_checkpoints(&name).await?;
        self.0.metrics.snapshots.with_label_values(&[&self.0.group.to_string()]).inc();
        let meta = at.meta().map_err(|error| self.damaged(error.to_string()))?;
        Ok(Snapshot { meta, snapshot: SnapshotFiles::Checkpoint(name) })
    }

    async fn drop_old_checkpoints(&self, newest: &str) -> Result<()> {
        let mut names = self.0.store.checkpoints()?;
        names.sort_by_key(|name| std::cmp::Reverse(checkpoint_position(name)));
        let sending = self.0.sending.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let kept = |name: &String| name == newest || sending.contains_key(name);
        for old in names.iter().skip(CHECKPOINTS_KEPT).filter(|name| !kept(name)) {
            self.0.store.remove_checkpoint(old).await?;
        }
        Ok(())
    }

    fn remember_snapshot(&self, name: &str, position: &Position) -> Result<()> {
        let stored = codec::encode(position).map_err(|error| self.damaged(error.to_string()))?;
        let line = [name.as_bytes(), b"\n", &stored].concat();
        self.0.engine.write_file(&self.snapshot_file(), &line)
    }

    fn current_snapshot(&self) -> Result<Option<Snapshot>> {
        let Some(bytes) = self.0.engine.read_file(&self.snapshot_file())? else { return Ok(None) };
        let bad = || self.damaged(format!("{} does not read", self.snapshot_file()));
        let split = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(bad)?;
        let name = String::from_utf8(bytes[..split].to_vec()).map_err(|_| bad())?;
        if !self.0.store.checkpoints()?.contains(&name) {
            // The state was replaced since; a new snapshot is taken when one is needed.
            return Ok(None);
        }
        let position: Position = codec::decode(&bytes[split + 1..])
            .map_err(|error| self.damaged(format!("{}: {error}", self.snapshot_file())))?;
        let meta = position.meta().map_err(|error| self.damaged(error.to_string()))?;
        Ok(Some(Snapshot { meta, snapshot: SnapshotFiles::Checkpoint(name) }))
    }
}

/// Keeps a checkpoint that is being sent.
pub struct Sending {
    machine: Machine,
    name: String,
}

impl Drop for Sending {
    fn drop(&mut self) {
        let mut sending = self.machine.0.sending.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = sending.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                sending.remove(&self.name);
            }
        }
    }
}

fn checkpoint_name((term, index): (u64, u64)) -> String {
    format!("{term}-{index}")
}

/// The log index and term that a checkpoint's name carries; lowest for what is no checkpoint of ours.
fn checkpoint_position(name: &str) -> (u64, u64) {
    let numbers = name.split_once('-').and_then(|(term, index)| Some((index.parse().ok()?, term.parse().ok()?)));
    numbers.unwrap_or_default()
}

impl RaftStateMachine<Config> for Machine {
    type SnapshotData = SnapshotFiles;
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        let position = self.0.position.lock().await;
        let membership = position.membership().map_err(io::Error::other)?;
        Ok((position.applied.map(LogId::from), membership))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Config>>> + Unpin + OptionalSend,
    {
        let label = self.0.group.to_string();
        let mut position = self.0.position.lock().await;
        let mut more = true;
        while more {
            let begun = tokio::time::Instant::now();
            let mut next = position.clone();
            let mut overlay = Overlay::new(&*self.0.store);
            let (mut answers, mut count) = (Vec::new(), 0u64);
            while (count as usize) < BATCH_ENTRIES_MAX {
                let Some((entry, responder)) = entries.try_next().await? else {
                    // The stream must not be asked again.
                    more = false;
                    break;
                };
                count += 1;
                let outcome = match entry.payload {
                    EntryPayload::Blank => None,
                    EntryPayload::Membership(membership) => {
                        next.members = Some((&membership).into());
                        next.members_at = Some(entry.log_id.into());
                        None
                    }
                    EntryPayload::Normal(proposal) => {
                        let mut envelope: Envelope = codec::decode(&proposal.0).map_err(|error| {
                            let place = format!("log entry {} of {}", entry.log_id.index, self.0.group);
                            io::Error::other(StorageError::of_codec(place, error))
                        })?;
                        next.time = next.time.max(envelope.time);
                        if planted(KnownBug::TimeRunsBack) {
                            next.time = envelope.time;
                        }
                        if planted(KnownBug::OrderVariesInApply)
                            && count % 2 == 0
                            && let model::command::Command::AppendEvents(append) = &mut envelope.command
                        {
                            append.events.reverse();
                        }
                        let context = Context { group: self.0.group, index: entry.log_id.index, time: next.time };
                        let effects = decide(&overlay, context, &envelope).map_err(io::Error::other)?;
                        overlay.write(entry.log_id.index, effects.writes).map_err(io::Error::other)?;
                        Some(effects.outcome)
                    }
                };
                next.applied = Some(StoredLogId::from(entry.log_id));
                answers.extend(responder.map(|responder| (responder, Applied(outcome))));
            }
            if count == 0 {
                break;
            }
            let powers = u64::from(overlay.changes_powers());
            self.commit(overlay, &next)?;
            *position = next;
            let applied = position.applied.map_or(0, |id| id.index);
            self.0.progress.send_modify(|progress| {
                progress.applied = applied;
                progress.powers += powers;
            });
            answers.into_iter().for_each(|(responder, applied)| responder.send(applied));
            self.0.metrics.applied_entries.with_label_values(&[&label]).inc_by(count);
            self.0.metrics.apply_seconds.with_label_values(&[&label]).observe(begun.elapsed().as_secs_f64());
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self::SnapshotBuilder {
        self.clone()
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: SnapshotFiles) -> io::Result<()> {
        let SnapshotFiles::Received(manifest) = snapshot else {
            return Err(io::Error::other("only a received snapshot can be installed"));
        };
        {
            let mut position = self.0.position.lock().await;
            // Whoever received it has read every row already.
            self.0.store.install(&manifest).await.map_err(io::Error::other)?;
            let installed = State(&*self.0.store).position().map_err(io::Error::other)?;
            if planted(KnownBug::RequestIdsNotInSnapshot) {
                let forgotten = Op::DeleteRange(vec![0x14], vec![0x16]);
                self.0.store.write(vec![forgotten]).map_err(io::Error::other)?;
            }
            let applied = installed.applied.map_or(0, |id| id.index);
            *position = installed;
            self.0.progress.send_modify(|progress| {
                progress.applied = applied;
                progress.installs += 1;
                progress.powers += 1;
            });
        }
        tracing::info!(group = %self.0.group, applied = ?meta.last_log_id.map(|id| id.index), "snapshot installed");
        self.take_snapshot().await.map(drop).map_err(io::Error::other)
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        self.current_snapshot().map_err(io::Error::other)
    }
}

impl RaftSnapshotBuilder<Config> for Machine {
    type SnapshotData = SnapshotFiles;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        self.take_snapshot().await.map_err(io::Error::other)
    }
}
