//! The search side of one records group replica: answers from its index and its state. `indexing.rs` feeds the index from the
//! feed in the state, `marks.rs` marks the hits that an override is about.
//!
//! NoMissedLookout rests on one order: first the index's view, which covers the log up to `C`; then a view of the state,
//! applied up to `A >= C`, with the feed of `C..A`. A record is either in the index as of `C` or in that feed. The feed is
//! trimmed only up to what the index has committed, and the state says how far; a question that finds the feed trimmed
//! above its `C` takes a newer view of the index.

mod indexing;
mod marks;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::ids::{GroupId, RecordId};
use model::known_bugs::{KnownBug, planted};
use model::lookout::Lookout;
use model::record::{RecordState, StoredRecord};
use model::screen::{Hit, Score, rank};
use raft::group::Group;
use raft::machine::State;
use raft::storage;
use search::{
    Best, Candidate, Explained, Index, IndexError, NameFound, PreparedQuery, PreparedRecord, Scorer, Tables,
    WordTeller, explain, is_candidate, sentence,
};
use tokio::time::Instant;

use crate::env::Work;
use crate::error::ApiError;
use crate::metrics::SearchMetrics;
use crate::question::{Question, Search};
use crate::records::{DATASET, Records};

/// Opened records kept in memory.
const OPENED_MAX: usize = 8_192;
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
            for (number, candidate) in all.into_iter().enumerate() {
                if !scores.may_take(candidate) {
                    break;
                }
                let id = candidate.id;
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
                scores.take(id, scored.score);
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
}
