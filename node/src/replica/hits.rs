//! The hits of one question among the records of one moment: candidates are judged as they are stored, whoever found them.
//! The index, the tokens of numbers and the feed only say which records to look at; what each of them gives is opened to the
//! asker here, by its own labels, before it is scored, counted or compared with a limit.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use model::access::admit::{Hidden, Seen};
use model::ids::{GroupId, RecordId, Token};
use model::known_bugs::{KnownBug, planted};
use model::lookout::Lookout;
use model::overrides::StoredOverride;
use model::record::{RecordState, StoredRecord};
use model::screen::{Hit, Score, rank};
use raft::machine::State;
use raft::storage;
use search::{
    Best, Candidate, NameFound, PreparedQuery, PreparedRecord, Scored, Scorer, Tables, WordTeller, is_candidate,
    sentence,
};
use tokio::time::Instant;

use crate::error::ApiError;
use crate::question::{Question, Search};
use crate::records::{DATASET, Records};

/// Opened records kept in memory.
const OPENED_MAX: usize = 8_192;
/// Records that a question looks at between two looks at the clock.
const LOOK_AT_CLOCK: usize = 32;
/// Hits that are held before the worst of them are dropped.
const HITS_HELD_MAX: usize = 1_024;

/// What an answer reads of a group's state, all of it of one moment.
pub trait Kept {
    /// A record that is in force.
    fn in_force(&self, id: RecordId) -> storage::Result<Option<Hidden<StoredRecord>>>;
    /// The records that hold a number.
    fn with_token(&self, token: Token) -> storage::Result<Vec<RecordId>>;
    /// The overrides of a record.
    fn overrides(&self, id: RecordId) -> storage::Result<Vec<StoredOverride>>;
}

impl Kept for State<'_> {
    fn in_force(&self, id: RecordId) -> storage::Result<Option<Hidden<StoredRecord>>> {
        let in_force = |record: &StoredRecord| {
            record.header.state == RecordState::Active || planted(KnownBug::RemovedIsStillFound)
        };
        Ok(self.record(DATASET, id)?.filter(in_force).map(Hidden::new))
    }

    fn with_token(&self, token: Token) -> storage::Result<Vec<RecordId>> {
        let found = State::with_token(self, token, usize::MAX)?;
        Ok(found.into_iter().filter(|(dataset, _)| *dataset == DATASET).map(|(_, id)| id).collect())
    }

    fn overrides(&self, id: RecordId) -> storage::Result<Vec<StoredOverride>> {
        State::overrides(self, DATASET, id)
    }
}

/// A record, opened and prepared.
pub struct Opened {
    version: u64,
    pub lookout: Lookout,
    pub prepared: Arc<PreparedRecord>,
}

/// Judges records; keeps those that it opened.
pub struct Judge {
    pub group: GroupId,
    pub tables: Arc<Tables>,
    pub records: Records,
    opened: Mutex<BTreeMap<RecordId, Arc<Opened>>>,
}

/// A hit, and what it stands on.
struct Judged {
    hit: Hit,
    grounds: Grounds,
}

/// What a hit stands on.
struct Grounds {
    /// The place of the search that judged it.
    search: usize,
    opened: Arc<Opened>,
    name: Option<NameFound>,
}

/// One search of a question, at work.
struct Judging<'a, 'b> {
    question: &'a Question,
    search: &'a Search,
    place: usize,
    scorer: Scorer<'b>,
    queued: &'a [RecordId],
}

impl Judged {
    /// As much of it as a lookout on primary shows to everybody.
    fn on_primary(self) -> Self {
        Self { hit: self.hit.on_primary(), ..self }
    }
}

impl Judge {
    /// Of a group.
    pub fn new(group: GroupId, tables: Arc<Tables>, records: Records) -> Self {
        Self { group, tables, records, opened: Mutex::default() }
    }

    /// The hits of a question. `found` is what the index found for each of its searches, `queued` what changed since, sorted.
    pub fn hits(
        &self,
        kept: &impl Kept,
        question: &Question,
        until: Instant,
        found: Vec<Vec<Candidate>>,
        queued: &[RecordId],
    ) -> storage::Result<Result<Vec<Hit>, ApiError>> {
        let (mut hits, mut scores, mut found) = (Vec::new(), Best::new(question.limit), found.into_iter());
        let mut grounds = BTreeMap::new();
        for (place, search) in question.searches.iter().enumerate() {
            let prepared = &search.prepared;
            let all = self.candidates(kept, prepared, found.next().unwrap_or_default(), queued)?;
            let scorer = Scorer::new(&search.query, prepared, &self.tables);
            let mut judging = Judging { question, search, place, scorer, queued };
            for (number, candidate) in all.into_iter().enumerate() {
                if !scores.may_take(candidate) {
                    break;
                }
                if number % LOOK_AT_CLOCK == 0 && Instant::now() >= until {
                    return Ok(Err(self.too_slow()));
                }
                let Some(record) = kept.in_force(candidate.id)? else { continue };
                // All that is in force is on primary.
                let judged = match question.cut.show(record, true) {
                    Seen::Full(record) => self.judge(&mut judging, record.get()),
                    Seen::Primary(record) => {
                        let judged = record.minimal(|record| self.judge(&mut judging, record));
                        judged.map(|judged| judged.map(Judged::on_primary))
                    }
                    Seen::Nothing => {
                        if planted(KnownBug::HiddenTakesAPlace) {
                            scores.take(candidate.id, candidate.most);
                        }
                        Ok(None)
                    }
                };
                let Judged { hit, grounds: own } = match judged {
                    Ok(Some(judged)) => judged,
                    Ok(None) => continue,
                    Err(error) => return Ok(Err(error)),
                };
                scores.take(hit.id, hit.score);
                grounds.insert(hit.id, own);
                hits.push(hit);
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
        if let Err(error) = self.mark(kept, question, until, &mut hits)? {
            return Ok(Err(error));
        }
        Ok(Ok(hits))
    }

    /// The records to look at, those first that may score highest, each once.
    fn candidates(
        &self,
        kept: &impl Kept,
        prepared: &PreparedQuery,
        mut all: Vec<Candidate>,
        queued: &[RecordId],
    ) -> storage::Result<Vec<Candidate>> {
        // What the index did not judge may be the best.
        let best = |id| Candidate { id, most: Score::MAX };
        let ring = self.records.keys().ring();
        for key in prepared.number_keys() {
            all.extend(kept.with_token(ring.token(key))?.into_iter().map(best));
        }
        all.extend(queued.iter().copied().map(best));
        all.sort_unstable_by_key(|candidate| (Reverse(candidate.most), candidate.id));
        let mut seen = BTreeSet::new();
        all.retain(|candidate| seen.insert(candidate.id));
        Ok(all)
    }

    /// What a record is for a question, if it is a hit.
    fn judge(&self, judging: &mut Judging<'_, '_>, record: &StoredRecord) -> Result<Option<Judged>, ApiError> {
        let Judging { question, search, place, scorer, queued } = judging;
        let header = &record.header;
        let source = header.source.as_ref();
        let Some(threshold) = question.threshold(search, source.map(|source| &source.list)) else { return Ok(None) };
        let opened = self.open(record)?;
        let Scored { score, evidence, name, document_state, .. } = scorer.score(&opened.lookout, &opened.prepared);
        if score < threshold || score == Score::default() {
            return Ok(None);
        }
        // A record that changed since the index looked at it must be one that the index would give now (SameAnswer).
        // Asked last, since a record's keys cost more than its score.
        if queued.binary_search(&header.id).is_ok() && !is_candidate(&search.prepared, &opened.prepared, &self.tables) {
            return Ok(None);
        }
        let hit = Hit {
            id: header.id,
            version: header.version,
            source: source.map(|source| source.list.to_string()),
            source_ref: source.map(|source| source.reference.clone()),
            name: opened.lookout.display_name().to_string(),
            score,
            action: opened.lookout.action,
            reason: opened.lookout.reason.clone(),
            evidence,
            sentence: String::new(),
            overridden: None,
            document_state,
            minimal: false,
        };
        Ok(Some(Judged { hit, grounds: Grounds { search: *place, opened, name } }))
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
        let tellers = tellers.map(|search| WordTeller::new(&search.query, &search.prepared, &self.tables));
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

    /// A question met too much.
    pub fn too_slow(&self) -> ApiError {
        let reason = "the question met more records than could be looked at in its time".to_string();
        raft::error::GroupError::Unavailable { group: self.group, reason }.into()
    }

    /// Opens a record, or takes it as it was opened before.
    pub fn open(&self, record: &StoredRecord) -> Result<Arc<Opened>, ApiError> {
        let (id, version) = (record.header.id, record.header.version);
        let mut kept = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = kept.get(&id).filter(|opened| opened.version == version) {
            return Ok(opened.clone());
        }
        drop(kept);
        let lookout = self.records.open(record)?;
        let prepared = Arc::new(PreparedRecord::new(&lookout, &self.tables));
        let opened = Arc::new(Opened { version, lookout, prepared });
        kept = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= OPENED_MAX {
            // Ids are uniform, so dropping the next one in order is dropping a random one.
            let next = kept.range(id..).next().or_else(|| kept.iter().next()).map(|(id, _)| *id);
            next.map(|next| kept.remove(&next));
        }
        kept.insert(id, opened.clone());
        Ok(opened)
    }
}

#[cfg(test)]
#[path = "hits_test.rs"]
mod tests;
