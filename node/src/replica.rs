//! The search side of one records group replica: its index, fed from the feed in its state, and answers from both.
//!
//! NoMissedLookout rests on one order: first the index's view, which covers the log up to `C`; then a view of the state,
//! applied up to `A >= C`, with the feed of `C..A`. A record is either in the index as of `C` or in that feed. The feed is
//! trimmed only up to what the index has committed, and the state says how far; a question that finds the feed trimmed
//! above its `C` takes a newer view of the index.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::ids::{GroupId, RecordId};
use model::lookout::Lookout;
use model::record::RecordState;
use model::screen::{Hit, Query};
use raft::group::Group;
use raft::machine::State;
use search::{Index, IndexChange, PreparedQuery, PreparedRecord, Tables, is_candidate, score};
use tokio_util::sync::CancellationToken;

use crate::env::Work;
use crate::error::ApiError;
use crate::metrics::SearchMetrics;
use crate::records::{DATASET, Records};

/// Changes in one commit of the index.
const COMMIT_CHANGES_MAX: usize = 2_000;
/// Records read at a time when the index is built anew.
const REBUILD_PAGE: usize = 500;
/// Wait for company after the first change: a commit costs the same for one record as for many.
const COMMIT_LINGER: Duration = Duration::from_millis(200);
/// Opened records kept in memory.
const OPENED_MAX: usize = 8_192;
/// Attempts of a question to find index and feed without a gap.
const VIEW_ATTEMPTS: usize = 5;

/// A record, opened and prepared.
pub struct Opened {
    version: u64,
    lookout: Lookout,
    prepared: Arc<PreparedRecord>,
}

/// The answer of one group.
pub struct GroupHits {
    pub group: GroupId,
    pub applied: u64,
    pub hits: Vec<Hit>,
}

/// One replica's index; clones share it.
#[derive(Clone)]
pub struct Replica(Arc<Inner>);

struct Inner {
    group: Group,
    index: Arc<Index>,
    tables: Arc<Tables>,
    records: Records,
    opened: Mutex<BTreeMap<RecordId, Arc<Opened>>>,
    metrics: SearchMetrics,
    work: Work,
}

impl Replica {
    /// A replica over its index.
    pub fn new(
        group: Group,
        index: Arc<Index>,
        tables: Arc<Tables>,
        records: Records,
        metrics: SearchMetrics,
        work: Work,
    ) -> Self {
        Self(Arc::new(Inner { group, index, tables, records, opened: Mutex::default(), metrics, work }))
    }

    /// The group.
    pub fn group(&self) -> &Group {
        &self.0.group
    }

    /// The log index that the search index covers.
    pub fn covered(&self) -> u64 {
        self.0.index.covered()
    }

    /// Everything in this replica that the question meets, scored, above its threshold; in no order.
    pub fn ask(&self, query: &Query, prepared: &PreparedQuery) -> Result<GroupHits, ApiError> {
        for _ in 0..VIEW_ATTEMPTS {
            let view = self.0.index.view();
            let indexed = if query.name.is_some() {
                view.candidates(prepared).map_err(|error| ApiError::Internal(error.to_string()))?
            } else {
                Vec::new()
            };
            let answered = self.0.group.read(|state| Ok(self.answer(state, query, prepared, view.covered(), &indexed)));
            if let Some(answer) = answered?? {
                return Ok(answer);
            }
        }
        let reason = "its search index is being rebuilt".to_string();
        Err(raft::error::GroupError::Unavailable { group: self.0.group.id(), reason }.into())
    }

    /// None: the state does not continue the index; take a newer view of it.
    fn answer(
        &self,
        state: State<'_>,
        query: &Query,
        prepared: &PreparedQuery,
        covered: u64,
        indexed: &[RecordId],
    ) -> Result<Option<GroupHits>, ApiError> {
        let applied = state.position()?.applied.map_or(0, |id| id.index);
        if state.feed_trimmed()? > covered || covered > applied {
            return Ok(None);
        }
        let mut ids = indexed.to_vec();
        for (kind, number) in query.numbers() {
            let token = self.0.records.keyring().token(kind, &model::lookout::normalise_number(number));
            let found = state.with_token(token, usize::MAX)?;
            ids.extend(found.into_iter().filter(|(dataset, _)| *dataset == DATASET).map(|(_, id)| id));
        }
        let fed = state.feed(covered, usize::MAX)?;
        self.0.metrics.pending(self.0.group.id(), fed.len());
        let mut queued: Vec<RecordId> = fed.iter().map(|fed| fed.change.id).collect();
        queued.sort_unstable();
        queued.dedup();
        ids.sort_unstable();
        ids.dedup();
        let mut hits = Vec::new();
        let asked = ids.iter().map(|id| (*id, false));
        let waiting = queued.iter().filter(|id| ids.binary_search(id).is_err()).map(|id| (*id, true));
        for (id, unindexed) in asked.chain(waiting) {
            let Some(record) = state.record(DATASET, id)? else { continue };
            if record.header.state != RecordState::Active {
                continue;
            }
            let opened = self.open(&record)?;
            let scored = score(query, prepared, &opened.lookout, &opened.prepared, &self.0.tables);
            if scored.score < query.threshold {
                continue;
            }
            // Asked last, since a record's keys cost more than its score; asked all the same, so that an unindexed record
            // is no hit that the index would not have given (SameAnswer).
            if unindexed && !is_candidate(prepared, &opened.prepared, &self.0.tables) {
                continue;
            }
            let source = record.header.source.as_ref();
            hits.push(Hit {
                id,
                version: record.header.version,
                source: source.map(|source| source.list.to_string()),
                source_ref: source.map(|source| source.reference.clone()),
                name: opened.lookout.display_name().to_string(),
                score: scored.score,
                action: opened.lookout.action,
                reason: opened.lookout.reason.clone(),
                evidence: scored.evidence,
            });
        }
        Ok(Some(GroupHits { group: self.0.group.id(), applied, hits }))
    }

    fn open(&self, record: &model::record::StoredRecord) -> Result<Arc<Opened>, ApiError> {
        let (id, version) = (record.header.id, record.header.version);
        let mut kept = self.0.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = kept.get(&id).filter(|opened| opened.version == version) {
            return Ok(opened.clone());
        }
        drop(kept);
        let lookout = self.0.records.open(record)?;
        let prepared = Arc::new(PreparedRecord::new(&lookout, &self.0.tables));
        let opened = Arc::new(Opened { version, lookout, prepared });
        kept = self.0.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= OPENED_MAX {
            // Ids are uniform, so dropping the next one in order is dropping a random one.
            let next = kept.range(id..).next().or_else(|| kept.iter().next()).map(|(id, _)| *id);
            next.map(|next| kept.remove(&next));
        }
        kept.insert(id, opened.clone());
        Ok(opened)
    }

    /// Feeds the index until the node stops.
    pub async fn keep_indexed(self, stopping: CancellationToken) {
        let mut progress = self.0.group.machine().progress();
        loop {
            let this = self.clone();
            let result = self.0.work.run(move || this.index_some()).await;
            match result {
                Some(Ok(true)) => continue,
                Some(Ok(false)) => {}
                Some(Err(error)) => {
                    tracing::error!(group = %self.0.group.id(), %error, "indexing failed; it is tried again");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                None => tracing::error!(group = %self.0.group.id(), "indexing panicked; it is tried again"),
            }
            tokio::select! {
                () = stopping.cancelled() => return,
                changed = progress.changed() => if changed.is_err() { return },
            }
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(COMMIT_LINGER) => {}
            }
        }
    }

    /// One commit's worth of work; true if there is more.
    fn index_some(&self) -> Result<bool, ApiError> {
        let covered = self.0.index.covered();
        let group = &self.0.group;
        let (trimmed, applied, mut fed) = group.read(|state| {
            let applied = state.position()?.applied.map_or(0, |id| id.index);
            Ok((state.feed_trimmed()?, applied, state.feed(covered, COMMIT_CHANGES_MAX)?))
        })?;
        if trimmed > covered {
            self.rebuild()?;
            return Ok(true);
        }
        if fed.is_empty() {
            self.0.metrics.indexed(group.id(), covered, applied.saturating_sub(covered), 0);
            return Ok(false);
        }
        let more = fed.len() >= COMMIT_CHANGES_MAX;
        let mut upto = applied;
        if more {
            // The last entry's changes may go on beyond the cut: leave it to the next commit, unless it is alone.
            let last = fed.last().map_or(0, |fed| fed.index);
            if fed.first().is_some_and(|first| first.index < last) {
                fed.retain(|fed| fed.index < last);
                upto = last - 1;
            } else {
                fed = group.read(|state| state.feed(covered, usize::MAX))?;
                fed.retain(|fed| fed.index == last);
                upto = last;
            }
        }
        let mut ids: Vec<RecordId> = fed.iter().map(|fed| fed.change.id).collect();
        ids.sort_unstable();
        ids.dedup();
        let changes = self.changes(&ids)?;
        self.0.index.write(&changes, upto).map_err(|error| ApiError::Internal(error.to_string()))?;
        group.trim_feed(upto)?;
        self.0.metrics.indexed(group.id(), upto, applied.saturating_sub(upto), changes.len());
        Ok(more)
    }

    /// What the index must take over of these records, as they are now.
    fn changes(&self, ids: &[RecordId]) -> Result<Vec<IndexChange>, ApiError> {
        let mut changes = Vec::with_capacity(ids.len());
        for id in ids {
            let record = self.0.group.read(|state| state.record(DATASET, *id))?;
            changes.push(match record.filter(|record| record.header.state == RecordState::Active) {
                None => IndexChange::Delete(*id),
                Some(record) => {
                    let lookout = self.0.records.open(&record)?;
                    IndexChange::Put(*id, Arc::new(PreparedRecord::new(&lookout, &self.0.tables)))
                }
            });
        }
        Ok(changes)
    }

    /// Builds the index from the records: after it was deleted, or the state came as a snapshot.
    fn rebuild(&self) -> Result<(), ApiError> {
        let failed = |error: search::IndexError| ApiError::Internal(error.to_string());
        let group = &self.0.group;
        tracing::info!(group = %group.id(), "building the search index from the records");
        self.0.index.clear().map_err(failed)?;
        let start = group.read(|state| Ok(state.position()?.applied.map_or(0, |id| id.index)))?;
        let mut after = None;
        loop {
            let page = group.read(|state| state.records(DATASET, after, REBUILD_PAGE))?;
            let Some(last) = page.last().map(|record| record.header.id) else { break };
            after = Some(last);
            let mut changes = Vec::with_capacity(page.len());
            for record in page.iter().filter(|record| record.header.state == RecordState::Active) {
                let lookout = self.0.records.open(record)?;
                changes
                    .push(IndexChange::Put(record.header.id, Arc::new(PreparedRecord::new(&lookout, &self.0.tables))));
            }
            // Covers nothing before all of it is there: a crash in between begins again.
            self.0.index.write(&changes, 0).map_err(failed)?;
        }
        self.0.index.write(&[], start).map_err(failed)
    }
}
