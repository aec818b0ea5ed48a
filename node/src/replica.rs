//! The search side of one records group replica: answers from its indexes and its state. `indexing.rs` feeds the indexes from the
//! feed in the state, `hits.rs` judges what they find, `marks.rs` marks the hits that an override is about.
//!
//! NoMissedLookout rests on one order: first the view of both indexes, which cover the log up to `C`; then a view of the state,
//! applied up to `A >= C`, with the feed of `C..A`. A record is either in the index as of `C` or in that feed. The feed is
//! trimmed only up to what the index has committed, and the state says how far; a question that finds the feed trimmed
//! above its `C` takes a newer view of the index.

mod hits;
mod indexing;
mod marks;

use std::sync::Arc;
use std::time::Duration;

use model::access::admit::Hidden;
use model::ids::{GroupId, RecordId};
use model::known_bugs::{KnownBug, planted};
use model::record::RecordState;
use model::screen::{Hit, Score};
use raft::group::Group;
use raft::machine::State;
use raft::storage;
use search::{Candidate, Compartments, Explained, IndexError, PreparedQuery, Tables, explain};
use tokio::time::Instant;

use crate::env::Work;
use crate::error::ApiError;
use crate::metrics::SearchMetrics;
use crate::question::{Question, Search};
use crate::records::{DATASET, Records};
use hits::Judge;

/// Attempts of a question to find index and feed without a gap.
const VIEW_ATTEMPTS: usize = 5;

/// The answers of one group, all of one moment.
pub struct GroupHits {
    pub group: GroupId,
    pub applied: u64,
    /// Of each question.
    pub hits: Vec<Vec<Hit>>,
}

/// What the indexes found for each search of each question, the log index that they cover, and the one that they know of.
struct Indexed {
    covered: u64,
    reaches: u64,
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

/// One replica's indexes; clones share them.
#[derive(Clone)]
pub struct Replica(Arc<Inner>);

struct Inner {
    group: Group,
    index: Arc<Compartments>,
    judge: Judge,
    metrics: SearchMetrics,
    work: Work,
    linger: Duration,
}

impl Replica {
    /// A replica over its indexes, which wait so long for company after a change: a commit costs the same for one record as
    /// for many.
    pub fn new(
        group: Group,
        index: Arc<Compartments>,
        tables: Arc<Tables>,
        records: Records,
        metrics: SearchMetrics,
        (work, linger): (Work, Duration),
    ) -> Self {
        let judge = Judge::new(group.id(), tables, records);
        Self(Arc::new(Inner { group, index, judge, metrics, work, linger }))
    }

    /// The group.
    pub fn group(&self) -> &Group {
        &self.0.group
    }

    /// The log index that the search index covers.
    pub fn covered(&self) -> u64 {
        self.0.index.covered()
    }

    /// The log index that the state must have come to before it continues the indexes: after a crash one of them may be ahead.
    pub fn reaches(&self) -> u64 {
        self.0.index.reaches()
    }

    /// How many log entries are applied and not indexed.
    pub fn behind(&self) -> u64 {
        self.0.group.machine().progress().borrow().applied.saturating_sub(self.covered())
    }

    /// Whether questions by name are answered: the state has come to where the index is, and continues it.
    pub fn answers(&self) -> bool {
        let (covered, reaches) = (self.covered(), self.reaches());
        let found = self.0.group.read(|state| {
            let applied = state.position()?.applied.map_or(0, |id| id.index);
            Ok(state.feed_trimmed()? <= covered && reaches <= applied)
        });
        found.unwrap_or(false)
    }

    /// Everything in this replica that the questions meet and their askers see, scored, above its threshold; the best of them, those marked
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
        let views = self.0.index.views();
        let waits = || Instant::now() < until;
        let failed = |error| match error {
            IndexError::GivenUp => self.0.judge.too_slow(),
            error => ApiError::Internal(error.to_string()),
        };
        let of_question = |question: &Question| {
            let searches = question.searches.iter();
            let found = searches.map(|Search { query, prepared, .. }| match query.name {
                None => Ok(Vec::new()),
                Some(_) => views.candidates(prepared, question.cut.sought(), &waits).map_err(failed),
            });
            found.collect::<Result<_, _>>()
        };
        let found = questions.iter().map(of_question).collect::<Result<_, _>>()?;
        Ok(Indexed { covered: views.covered(), reaches: views.reaches(), found })
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
            if state.feed_trimmed()? > indexed.covered || indexed.reaches > applied {
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
            match self.0.judge.hits(&state, question, until, found, &queued)? {
                Ok(of_question) => hits.push(of_question),
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(Some(GroupHits { group: self.0.group.id(), applied, hits })))
    }

    /// Why a record comes up for a question, or does not, if there is one that the asker may see.
    pub fn explain(&self, id: RecordId, question: &Question) -> Result<RecordExplained, ApiError> {
        // The index first, then the state, as for an answer.
        let covered = self.covered();
        self.0.group.read(|state| {
            let Some(record) = state.record(DATASET, id)? else { return Ok(Err(ApiError::NoRecord)) };
            let record = match question.cut.admit(Hidden::new(record)) {
                Ok(record) => record.into_inner(),
                Err(denial) => return Ok(Err(ApiError::Hidden(denial))),
            };
            let applied = state.position()?.applied.map_or(0, |id| id.index);
            let continues = state.feed_trimmed()? <= covered;
            let indexed = continues && !state.feed(covered, usize::MAX)?.iter().any(|fed| fed.change.id == id);
            let opened = match self.0.judge.open(&record) {
                Ok(opened) => opened,
                Err(error) => return Ok(Err(error)),
            };
            let source = record.header.source.as_ref();
            let (query, weighing) = question.beside(source.map(|source| &source.list));
            let prepared = PreparedQuery::new(&query, &self.0.judge.tables);
            Ok(Ok(RecordExplained {
                version: record.header.version,
                name: opened.lookout.display_name().to_string(),
                in_force: record.header.state == RecordState::Active,
                indexed,
                applied,
                threshold: query.threshold,
                explained: explain(
                    &query,
                    &prepared,
                    (&opened.lookout, &opened.prepared),
                    weighing,
                    &self.0.judge.tables,
                ),
            }))
        })?
    }
}
