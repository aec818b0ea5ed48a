//! The search side of one records group replica: its index, fed from the feed in its state, and answers from both.
//!
//! NoMissedLookout rests on one order: first the index's view, which covers the log up to `C`; then a view of the state,
//! applied up to `A >= C`, with the feed of `C..A`. A record is either in the index as of `C` or in that feed. The feed is
//! trimmed only up to what the index has committed, and the state says how far; a question that finds the feed trimmed
//! above its `C` takes a newer view of the index.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::ids::{GroupId, RecordId};
use model::known_bugs::{KnownBug, planted};
use model::lookout::Lookout;
use model::record::{RecordState, StoredRecord};
use model::screen::{Hit, Query, Score, rank};
use raft::group::Group;
use raft::machine::State;
use raft::storage;
use search::{Best, Candidate, Index, IndexChange, PreparedQuery, PreparedRecord, Scorer, Tables, is_candidate};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::env::Work;
use crate::error::ApiError;
use crate::metrics::SearchMetrics;
use crate::records::{DATASET, Records};

/// Changes in one commit of the index.
const COMMIT_CHANGES_MAX: usize = 1_000;
/// Records read at a time when the index is built anew.
const REBUILD_PAGE: usize = 500;
/// Opened records kept in memory.
const OPENED_MAX: usize = 8_192;
/// Pause before indexing that failed is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Records that a question looks at between two looks at the clock.
const LOOK_AT_CLOCK: usize = 32;
/// Hits that are held before the worst of them are dropped.
const HITS_HELD_MAX: usize = 1_024;
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
    linger: Duration,
}

impl Replica {
    /// A replica over its index, which waits so long for company after a change: a commit costs the same for one record as
    /// for many.
    pub fn new(
        group: Group,
        index: Arc<Index>,
        tables: Arc<Tables>,
        records: Records,
        metrics: SearchMetrics,
        (work, linger): (Work, Duration),
    ) -> Self {
        Self(Arc::new(Inner { group, index, tables, records, opened: Mutex::default(), metrics, work, linger }))
    }

    /// The group.
    pub fn group(&self) -> &Group {
        &self.0.group
    }

    /// The log index that the search index covers.
    pub fn covered(&self) -> u64 {
        self.0.index.covered()
    }

    /// How many log entries are applied and not indexed.
    pub fn behind(&self) -> u64 {
        self.0.group.machine().progress().borrow().applied.saturating_sub(self.covered())
    }

    /// Whether questions by name are answered: the state has come to where the index is, and continues it.
    pub fn answers(&self) -> bool {
        let covered = self.covered();
        let found = self.0.group.read(|state| {
            let applied = state.position()?.applied.map_or(0, |id| id.index);
            Ok(state.feed_trimmed()? <= covered && covered <= applied)
        });
        found.unwrap_or(false)
    }

    /// Everything in this replica that the question meets, scored, above its threshold; the best of them, in no order.
    pub fn ask(&self, query: &Query, prepared: &PreparedQuery, until: Instant) -> Result<GroupHits, ApiError> {
        for _ in 0..VIEW_ATTEMPTS {
            // Numbers are found in the state itself; only names need the index.
            let indexed = match query.name {
                None => None,
                Some(_) => {
                    let view = self.0.index.view();
                    let found = view.candidates(prepared).map_err(|error| ApiError::Internal(error.to_string()))?;
                    Some((view.covered(), found))
                }
            };
            let asked = Question { query, prepared, until };
            if let Some(answer) = self.0.group.read(|state| self.answer(state, asked, indexed))?? {
                return Ok(answer);
            }
        }
        let reason = "its search index is being rebuilt".to_string();
        Err(raft::error::GroupError::Unavailable { group: self.0.group.id(), reason }.into())
    }

    /// None: the state does not continue the index; take a newer view of it. `indexed` is what the index found, and the log
    /// index that it covers. The outer error is damage, which stops the node.
    fn answer(
        &self,
        state: State<'_>,
        Question { query, prepared, until }: Question<'_>,
        indexed: Option<(u64, Vec<Candidate>)>,
    ) -> storage::Result<Result<Option<GroupHits>, ApiError>> {
        let applied = state.position()?.applied.map_or(0, |id| id.index);
        let (mut all, mut queued) = (Vec::new(), Vec::new());
        if let Some((covered, found)) = indexed {
            if state.feed_trimmed()? > covered || covered > applied {
                return Ok(Ok(None));
            }
            all = found;
            if !planted(KnownBug::QueueNotSearched) {
                queued.extend(state.feed(covered, usize::MAX)?.iter().map(|fed| fed.change.id));
            }
            self.0.metrics.pending(self.0.group.id(), queued.len());
            queued.sort_unstable();
            queued.dedup();
        }
        // What the index did not judge may be the best.
        let best = |id| Candidate { id, most: Score::MAX };
        for key in prepared.number_keys() {
            let found = state.with_token(self.0.records.keyring().token(key), usize::MAX)?;
            all.extend(found.into_iter().filter(|(dataset, _)| *dataset == DATASET).map(|(_, id)| best(id)));
        }
        all.extend(queued.iter().copied().map(best));
        // Those first that may score highest, each once.
        all.sort_unstable_by_key(|candidate| (Reverse(candidate.most), candidate.id));
        let mut seen = BTreeSet::new();
        all.retain(|candidate| seen.insert(candidate.id));
        let mut scorer = Scorer::new(query, prepared, &self.0.tables);
        let (mut hits, mut scores) = (Vec::new(), Best::new(query.limit));
        for (number, Candidate { id, most }) in all.into_iter().enumerate() {
            if !scores.may_take(most) {
                break;
            }
            if number % LOOK_AT_CLOCK == 0 && Instant::now() >= until {
                return Ok(Err(self.too_slow()));
            }
            let Some(record) = state.record(DATASET, id)? else { continue };
            if record.header.state != RecordState::Active && !planted(KnownBug::RemovedIsStillFound) {
                continue;
            }
            let opened = match self.open(&record) {
                Ok(opened) => opened,
                Err(error) => return Ok(Err(error)),
            };
            let scored = scorer.score(&opened.lookout, &opened.prepared);
            if scored.score < query.threshold || scored.score == Score::default() {
                continue;
            }
            // A record that changed since the index looked at it must be one that the index would give now (SameAnswer).
            // Asked last, since a record's keys cost more than its score.
            if queued.binary_search(&id).is_ok() && !is_candidate(prepared, &opened.prepared, &self.0.tables) {
                continue;
            }
            scores.take(scored.score);
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
                document_state: scored.document_state,
            });
            if hits.len() >= HITS_HELD_MAX {
                rank(&mut hits, query.limit);
            }
        }
        Ok(Ok(Some(GroupHits { group: self.0.group.id(), applied, hits })))
    }

    fn too_slow(&self) -> ApiError {
        let reason = "the question met more records than could be looked at in its time".to_string();
        raft::error::GroupError::Unavailable { group: self.0.group.id(), reason }.into()
    }

    fn open(&self, record: &StoredRecord) -> Result<Arc<Opened>, ApiError> {
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
        Ok(Some(Commit { installs, upto: due.upto, more: due.more }))
    }

    /// What the index must take over of a record.
    fn change(&self, id: RecordId, record: &Option<StoredRecord>) -> Result<IndexChange, ApiError> {
        Ok(match record.as_ref().filter(|record| record.header.state == RecordState::Active) {
            None => IndexChange::Delete(id),
            Some(record) => {
                let lookout = self.0.records.open(record)?;
                IndexChange::Put(id, Arc::new(PreparedRecord::new(&lookout, &self.0.tables)))
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

/// A question, prepared, and when its answer comes too late.
#[derive(Clone, Copy)]
struct Question<'a> {
    query: &'a Query,
    prepared: &'a PreparedQuery,
    until: Instant,
}
