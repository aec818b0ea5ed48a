//! Feeds a replica's index from the feed in its state, and builds it anew where the feed does not reach back to it. The feed is
//! trimmed only up to what the index has committed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::access::labels::Labels;
use model::ids::RecordId;
use model::known_bugs::{KnownBug, planted};
use model::record::{RecordState, StoredRecord};
use raft::machine::State;
use raft::storage;
use search::{IndexChange, PreparedRecord};
use tokio_util::sync::CancellationToken;

use super::Replica;
use super::hits::Judge;
use crate::error::ApiError;
use crate::records::DATASET;

/// Changes in one commit of the index.
const COMMIT_CHANGES_MAX: usize = 1_000;
/// Records read at a time when the index is built anew.
const REBUILD_PAGE: usize = 500;
/// Pause before indexing that failed is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

impl Replica {
    /// Feeds the index until the node stops.
    pub async fn keep_indexed(self, stopping: CancellationToken) {
        let mut progress = self.0.group.machine().progress();
        while !stopping.is_cancelled() {
            let (this, stop) = (self.clone(), stopping.clone());
            let worked = self.0.work.run(move || this.index_some(&stop)).await;
            let worked = worked.unwrap_or_else(|| Err(ApiError::Internal("indexing panicked".into())));
            let pause = match self.trim(worked).await {
                Ok(true) => continue,
                Ok(false) => {
                    tokio::select! {
                        () = stopping.cancelled() => return,
                        changed = progress.changed() => if changed.is_err() { return },
                    }
                    self.0.linger
                }
                Err(error) => {
                    tracing::error!(group = %self.0.group.id(), %error, "indexing failed; it is tried again");
                    RETRY_PAUSE
                }
            };
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Forgets the part of the feed that is indexed and committed; true if there is more to index.
    async fn trim(&self, worked: Result<Option<Commit>, ApiError>) -> Result<bool, ApiError> {
        let Some(commit) = worked? else { return Ok(false) };
        self.0.group.trim_feed(commit.installs, commit.upto).await?;
        Ok(commit.more)
    }

    /// One commit's worth of work, if there is any. Afterwards the index holds every record as of the log index that it
    /// covers, no older and no newer: so a state that replays the log after a crash meets an index of its own past or waits.
    fn index_some(&self, stopping: &CancellationToken) -> Result<Option<Commit>, ApiError> {
        let group = &self.0.group;
        let installs = group.machine().progress().borrow().installs;
        let covered = self.0.index.covered();
        let due = group.read(|state| Due::of(state, covered))?;
        if due.trimmed > covered && planted(KnownBug::IndexerSkipsAfterRestart) {
            self.0.index.write(&[], due.applied).map_err(|error| ApiError::Internal(error.to_string()))?;
            return Ok(None);
        }
        if due.trimmed > covered {
            let upto = self.rebuild(stopping)?;
            return Ok(upto.map(|upto| Commit { installs, upto, more: true }));
        }
        if due.records.is_empty() {
            // Nothing is trimmed for it: the feed goes only as far as what the index has made durable.
            self.0.index.unchanged_to(due.applied);
            self.0.metrics.indexed(group.id(), due.applied, 0, 0);
            return Ok(None);
        }
        let changes: Result<Vec<_>, _> = due.records.iter().map(|(id, record)| self.change(*id, record)).collect();
        let changes = changes?;
        self.0.index.write(&changes, due.upto).map_err(|error| ApiError::Internal(error.to_string()))?;
        self.0.metrics.indexed(group.id(), due.upto, due.applied.saturating_sub(due.upto), changes.len());
        self.0.metrics.held(group.id(), self.0.index.views().counts());
        Ok(Some(Commit { installs, upto: due.upto, more: due.more }))
    }

    /// What the index must take over of a record.
    fn change(&self, id: RecordId, record: &Option<StoredRecord>) -> Result<IndexChange, ApiError> {
        Ok(match record.as_ref().filter(|record| record.header.state == RecordState::Active) {
            None => IndexChange::Delete(id),
            Some(record) => {
                let Judge { records, tables, .. } = &self.0.judge;
                let lookout = records.open(record)?;
                IndexChange::Put(id, Arc::new(PreparedRecord::new(&lookout, tables)), Labels::of(&record.header))
            }
        })
    }

    /// Builds the index from the records of one moment: after it was deleted, or the state came as a snapshot. Returns what
    /// it covers; None if the node stops.
    fn rebuild(&self, stopping: &CancellationToken) -> Result<Option<u64>, ApiError> {
        let failed = |error: search::IndexError| ApiError::Internal(error.to_string());
        let group = &self.0.group;
        tracing::info!(group = %group.id(), "building the search index from the records");
        self.0.index.clear().map_err(failed)?;
        let built = group.read(|state| {
            let applied = state.position()?.applied.map_or(0, |id| id.index);
            let mut after = None;
            loop {
                if stopping.is_cancelled() {
                    return Ok(Ok(None));
                }
                let page = state.records(DATASET, after, REBUILD_PAGE)?.rows;
                let Some(last) = page.last().map(|record| record.header.id) else { return Ok(Ok(Some(applied))) };
                after = Some(last);
                let changes: Result<Vec<_>, _> =
                    page.into_iter().map(|record| self.change(record.header.id, &Some(record))).collect();
                // Covers nothing before all of it is there: a crash in between begins again.
                if let Err(error) = changes.and_then(|changes| self.0.index.write(&changes, 0).map_err(failed)) {
                    return Ok(Err(error));
                }
            }
        });
        let Some(covers) = built?? else { return Ok(None) };
        self.0.index.write(&[], covers).map_err(failed)?;
        self.0.metrics.held(group.id(), self.0.index.views().counts());
        Ok(Some(covers))
    }
}

/// What the next commit of the index takes over, read at one moment.
struct Due {
    trimmed: u64,
    applied: u64,
    /// The log index that the index covers then.
    upto: u64,
    more: bool,
    /// Each changed record at the version that it has at `upto`.
    records: Vec<(RecordId, Option<StoredRecord>)>,
}

impl Due {
    fn of(state: State<'_>, covered: u64) -> storage::Result<Self> {
        let applied = state.position()?.applied.map_or(0, |id| id.index);
        let trimmed = state.feed_trimmed()?;
        let mut fed = if trimmed > covered { Vec::new() } else { state.feed(covered, COMMIT_CHANGES_MAX)? };
        let more = fed.len() >= COMMIT_CHANGES_MAX;
        let mut upto = applied;
        if more {
            // The last entry's changes may go on beyond the cut: leave it to the next commit, unless it is alone.
            let last = fed.last().map_or(0, |fed| fed.index);
            if fed.first().is_some_and(|first| first.index < last) {
                fed.retain(|fed| fed.index < last);
                upto = last - 1;
            } else {
                fed = state.feed(covered, usize::MAX)?;
                fed.retain(|fed| fed.index == last);
                upto = last;
            }
        }
        let newest: BTreeMap<RecordId, u64> = fed.iter().map(|fed| (fed.change.id, fed.change.version)).collect();
        let at = |(id, version): (RecordId, u64)| Ok((id, state.version(DATASET, id, version)?));
        let records = newest.into_iter().map(at).collect::<storage::Result<_>>()?;
        Ok(Self { trimmed, applied, upto, more, records })
    }
}

/// What was committed to the index.
struct Commit {
    /// How often the state had been replaced when it was read.
    installs: u64,
    upto: u64,
    more: bool,
}
