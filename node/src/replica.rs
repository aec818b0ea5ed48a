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
use model::overrides::{Mark, Override, OverrideHeader, StoredOverride, may_be_told_apart};
use model::record::{RecordState, StoredRecord};
use model::screen::{Hit, Query, Score, rank};
use model::time::UnixMillis;
use raft::group::Group;
use raft::machine::State;
use raft::storage;
use search::{
    Best, Candidate, Explained, Index, IndexChange, IndexError, NameFound, PreparedQuery, PreparedRecord, Scorer,
    Tables, WordTeller, explain, is_candidate, sentence,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::env::Work;
use crate::error::ApiError;
use crate::metrics::SearchMetrics;
use crate::question::{Question, Search};
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

/// The answers of one group, all of one moment.
pub struct GroupHits {
    pub group: GroupId,
    pub applied: u64,
    /// Of each question.
    pub hits: Vec<Vec<Hit>>,
}

/// What an index found for each search of each question, and the log index that it covers.
struct Indexed {
    covered: u64,
    found: Vec<Vec<Vec<Candidate>>>,
}

/// Why a record of a group comes up for a question, or does not.
pub struct RecordExplained {
    pub version: u64,
    /// As it is displayed.
    pub name: String,
    pub in_force: bool,
    /// Whether the index covers its newest version.
    pub indexed: bool,
    pub applied: u64,
    /// The score from which it is a hit.
    pub threshold: Score,
    pub explained: Explained,
}

/// What a hit stands on.
struct Grounds {
    /// The place of the search that judged it.
    search: usize,
    opened: Arc<Opened>,
    name: Option<NameFound>,
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

    /// Everything in this replica that the questions meet, scored, above its threshold; the best of them, those marked
    /// that an override in force at the question's time is about.
    pub fn ask(&self, questions: &[Question], until: Instant) -> Result<GroupHits, ApiError> {
        for _ in 0..VIEW_ATTEMPTS {
            // Numbers are found in the state itself; only names need the index.
            let by_name =
                questions.iter().flat_map(|question| &question.searches).any(|search| search.query.name.is_some());
            let indexed = if by_name { Some(self.indexed(questions, until)?) } else { None };
            if let Some(answer) = self.0.group.read(|state| self.answer(state, questions, until, indexed))?? {
                return Ok(answer);
            }
        }
        let reason = "its search index is being rebuilt".to_string();
        Err(raft::error::GroupError::Unavailable { group: self.0.group.id(), reason }.into())
    }

    fn indexed(&self, questions: &[Question], until: Instant) -> Result<Indexed, ApiError> {
        let view = self.0.index.view();
        let search = |search: &Search| match search.query.name {
            None => Ok(Vec::new()),
            Some(_) => view.candidates(&search.prepared, &|| Instant::now() < until).map_err(|error| match error {
                IndexError::GivenUp => self.too_slow(),
                error => ApiError::Internal(error.to_string()),
            }),
        };
        let found = questions.iter().map(|question| question.searches.iter().map(search).collect());
        Ok(Indexed { covered: view.covered(), found: found.collect::<Result<_, _>>()? })
    }

    /// None: the state does not continue the index; take a newer view of it. The outer error is damage, which stops the node.
    fn answer(
        &self,
        state: State<'_>,
        questions: &[Question],
        until: Instant,
        indexed: Option<Indexed>,
    ) -> storage::Result<Result<Option<GroupHits>, ApiError>> {
        let applied = state.position()?.applied.map_or(0, |id| id.index);
        let mut found = vec![Vec::new(); questions.len()];
        let mut queued = Vec::new();
        if let Some(indexed) = indexed {
            if state.feed_trimmed()? > indexed.covered || indexed.covered > applied {
                return Ok(Ok(None));
            }
            found = indexed.found;
            if !planted(KnownBug::QueueNotSearched) {
                queued.extend(state.feed(indexed.covered, usize::MAX)?.iter().map(|fed| fed.change.id));
            }
            self.0.metrics.pending(self.0.group.id(), queued.len());
            queued.sort_unstable();
            queued.dedup();
        }
        let mut hits = Vec::new();
        for (question, found) in questions.iter().zip(found) {
            match self.hits(state, question, until, found, &queued)? {
                Ok(of_question) => hits.push(of_question),
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(Some(GroupHits { group: self.0.group.id(), applied, hits })))
    }

    /// The hits of one question. `found` is what the index found for each of its searches, `queued` what changed since.
    fn hits(
        &self,
        state: State<'_>,
        question: &Question,
        until: Instant,
        found: Vec<Vec<Candidate>>,
        queued: &[RecordId],
    ) -> storage::Result<Result<Vec<Hit>, ApiError>> {
        let (mut hits, mut scores, mut found) = (Vec::new(), Best::new(question.limit), found.into_iter());
        let mut grounds = BTreeMap::new();
        for (place, search) in question.searches.iter().enumerate() {
            let Search { query, prepared, .. } = search;
            let mut all = found.next().unwrap_or_default();
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
                let source = record.header.source.as_ref();
                let Some(threshold) = question.threshold(search, source.map(|source| &source.list)) else { continue };
                let opened = match self.open(&record) {
                    Ok(opened) => opened,
                    Err(error) => return Ok(Err(error)),
                };
                let scored = scorer.score(&opened.lookout, &opened.prepared);
                if scored.score < threshold || scored.score == Score::default() {
                    continue;
                }
                // A record that changed since the index looked at it must be one that the index would give now (SameAnswer).
                // Asked last, since a record's keys cost more than its score.
                if queued.binary_search(&id).is_ok() && !is_candidate(prepared, &opened.prepared, &self.0.tables) {
                    continue;
                }
                scores.take(scored.score);
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
                    sentence: String::new(),
                    overridden: None,
                    document_state: scored.document_state,
                });
                grounds.insert(id, Grounds { search: place, opened, name: scored.name });
                if hits.len() >= HITS_HELD_MAX {
                    rank(&mut hits, question.limit);
                    grounds.retain(|id, _| hits.iter().any(|hit| hit.id == *id));
                }
            }
        }
        rank(&mut hits, question.limit);
        if !self.put_in_words(question, until, &mut hits, &grounds) {
            return Ok(Err(self.too_slow()));
        }
        if let Err(error) = self.mark(state, question, until, &mut hits)? {
            return Ok(Err(error));
        }
        Ok(Ok(hits))
    }

    /// Tells the words of the hits that may be answered, and each in a sentence; false if its time is over.
    fn put_in_words(
        &self,
        question: &Question,
        until: Instant,
        hits: &mut [Hit],
        grounds: &BTreeMap<RecordId, Grounds>,
    ) -> bool {
        let tellers = question.searches.iter();
        let tellers = tellers.map(|search| WordTeller::new(&search.query, &search.prepared, &self.0.tables));
        let mut tellers: Vec<WordTeller<'_>> = tellers.collect();
        for hit in hits {
            if Instant::now() >= until {
                return false;
            }
            if let Some(Grounds { search, opened, name }) = grounds.get(&hit.id) {
                tellers[*search].tell(&opened.lookout, &opened.prepared, name.as_ref(), &mut hit.evidence);
            }
            hit.sentence = sentence(&hit.evidence);
        }
        true
    }

    /// Why a record comes up for a question, or does not; None if there is none.
    pub fn explain(&self, id: RecordId, question: &Question) -> Result<Option<RecordExplained>, ApiError> {
        // The index first, then the state, as for an answer.
        let covered = self.covered();
        self.0.group.read(|state| {
            let Some(record) = state.record(DATASET, id)? else { return Ok(Ok(None)) };
            let applied = state.position()?.applied.map_or(0, |id| id.index);
            let continues = state.feed_trimmed()? <= covered;
            let indexed = continues && !state.feed(covered, usize::MAX)?.iter().any(|fed| fed.change.id == id);
            let opened = match self.open(&record) {
                Ok(opened) => opened,
                Err(error) => return Ok(Err(error)),
            };
            let source = record.header.source.as_ref();
            let (query, weighing) = question.beside(source.map(|source| &source.list));
            let prepared = PreparedQuery::new(&query, &self.0.tables);
            Ok(Ok(Some(RecordExplained {
                version: record.header.version,
                name: opened.lookout.display_name().to_string(),
                in_force: record.header.state == RecordState::Active,
                indexed,
                applied,
                threshold: query.threshold,
                explained: explain(&query, &prepared, (&opened.lookout, &opened.prepared), weighing, &self.0.tables),
            })))
        })?
    }

    /// Marks the hits that an override is about, as the same view of the state has it: the lookout and its overrides are of
    /// one moment.
    fn mark(
        &self,
        state: State<'_>,
        question: &Question,
        until: Instant,
        hits: &mut [Hit],
    ) -> storage::Result<Result<(), ApiError>> {
        let (query, at) = (&question.query, question.at);
        if !may_be_told_apart(query) {
            return Ok(Ok(()));
        }
        for hit in hits {
            let mut there = state.overrides(DATASET, hit.id)?;
            there.retain(|stored| stored.header.in_force(at) || planted(KnownBug::EndedOverrideApplies));
            if there.is_empty() {
                continue;
            }
            if Instant::now() >= until {
                return Ok(Err(self.too_slow()));
            }
            let Some(record) = state.record(DATASET, hit.id)? else { continue };
            match self.open(&record).and_then(|opened| self.mark_of(&opened.lookout, there, query, at)) {
                Ok(mark) => hit.overridden = mark,
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(()))
    }

    /// The first of a lookout's overrides that applies.
    fn mark_of(
        &self,
        lookout: &Lookout,
        there: Vec<StoredOverride>,
        query: &Query,
        at: UnixMillis,
    ) -> Result<Option<Mark>, ApiError> {
        for stored in there {
            let content = self.0.records.open_override(&stored)?;
            if content.applies(lookout, query, at) || planted(KnownBug::OverrideOfAnybody) {
                let OverrideHeader { id, recorded, agency, .. } = stored.header;
                let Override { reason, expires, .. } = content;
                return Ok(Some(Mark { id, reason, recorded_by: recorded.by, agency, expires }));
            }
        }
        Ok(None)
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
