//! Screening: asks every records group, merges, audits, answers.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{Stream, StreamExt};
use model::access::function::Function;
use model::audit::event::{EventKind, EventPayload, Position, ResultRef};
use model::check_digit;
use model::country;
use model::date::BirthDate;
use model::error::{Invalid, Warning};
use model::known_bugs::{KnownBug, planted};
use model::limits::{DEADLINE_DEFAULT_MS, MRZ_CHARS_MAX};
use model::mrz::{self, CheckResult, DocumentCheck, Mrz};
use model::overrides::{Mark, MarkTold};
use model::screen::{Evidence, Hit, Query, Score, WordMet, rank};
use model::time::UnixMillis;
use proto::convert::warnings_to;
use proto::v1 as message;
use raft::error::GroupError;
use search::{Tables, travel_document};
use tokio::time::Instant;
use tonic::{Request, Response, Status, Streaming};

use super::asked::Asked;
use super::explain::EXPLAIN;
use super::v1::screening_server::Screening;
use super::{Api, Call, until_idle};
use crate::audit::{Released, Unreleased};
use crate::error::ApiError;
use crate::gate::{Admitted, Need};
use crate::question::Question;
use crate::replica::{GroupHits, Replica};

/// Rows of a batch stream that are asked at a time.
const BATCH_CONCURRENCY: usize = 8;
/// A replica that has heard nothing of its group for longer gives no local answer: it may have been removed. (Islands, which
/// go on answering with their age, come with their own rules.)
pub const LOCAL_AGE_MAX: Duration = Duration::from_secs(5);
/// A local answer waits no longer for a group: the officer reads that it is not whole.
const LOCAL_ANSWER_MAX: Duration = Duration::from_secs(2);
/// Hits when the caller names no limit.
const LIMIT_DEFAULT: usize = 10;

const SCREEN: Call = Call { name: "screen", kind: EventKind::Query, need: Need::Question };
const BATCH: Call = Call { name: "batch", kind: EventKind::BatchRow, need: Need::Function(Function::BatchVetting) };

/// How fresh an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    Local,
    Linearizable,
}

fn optional(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_string())
}

/// A question of a message, checked: who stands there, how low a score is a hit where it says so, how fresh the answer must
/// be; and what is said of it beside the hits.
pub(super) struct Asks {
    pub query: Query,
    pub threshold: Option<Score>,
    pub freshness: Freshness,
    pub document_checks: Vec<DocumentCheck>,
    pub warnings: Vec<Warning>,
}

/// The machine readable zone, if there is one that can be read. One that cannot costs nobody the check of what else was
/// given; alone, or beyond its bound, it is refused.
fn zone(request: &message::ScreenRequest, at: UnixMillis) -> Result<Option<Result<Mrz, Invalid>>, ApiError> {
    let Some(text) = optional(&request.mrz) else { return Ok(None) };
    let read = mrz::read(&text, at);
    let others = [&request.name, &request.document, &request.plate, &request.registration];
    match read {
        Err(error) if text.chars().count() > MRZ_CHARS_MAX => Err(error.into()),
        Err(error) if others.into_iter().all(|other| optional(other).is_none()) => Err(error.into()),
        read => Ok(Some(read)),
    }
}

/// Reads a question, as of its evaluation time.
pub(super) fn asks(request: &message::ScreenRequest, at: UnixMillis, tables: &Tables) -> Result<Asks, ApiError> {
    let freshness = match request.freshness.as_str() {
        "" | "local" => Freshness::Local,
        "linearizable" => Freshness::Linearizable,
        _ => return Err(Invalid::new("freshness", "must be local or linearizable".into()).into()),
    };
    let threshold = match request.threshold {
        None => None,
        Some(threshold) if (0.0..=1.0).contains(&threshold) => Some(Score::from_fraction(threshold)),
        Some(_) => return Err(Invalid::new("threshold", "must be between 0 and 1".into()).into()),
    };
    let birth_date = match optional(&request.birth_date) {
        Some(text) => Some(text.parse::<BirthDate>().map_err(|error| Invalid::new("birth_date", error.reason))?),
        None => None,
    };
    let nationality = optional(&request.nationality)
        .map(|text| country::code_of(&text).map_or_else(|| text.to_uppercase(), str::to_string));
    let mut query = Query {
        name: optional(&request.name),
        birth_date,
        nationality,
        document: optional(&request.document),
        plate: optional(&request.plate),
        registration: optional(&request.registration),
        limit: if request.limit == 0 { LIMIT_DEFAULT } else { request.limit as usize },
        ..Query::default()
    };
    let (mut document_checks, mut warnings) = (Vec::new(), Vec::new());
    match zone(request, at)? {
        Some(Ok(zone)) => {
            warnings.extend(zone.warnings());
            warnings.extend(travel_document::fill(&mut query, &zone, tables));
            document_checks = zone.checks;
        }
        Some(Err(error)) => {
            let (field, value, note) = ("mrz", String::new(), error.reason);
            warnings.push(Warning::new(field, format!("is not asked for: it {note}")));
            document_checks.push(DocumentCheck { field, value, result: CheckResult::Unreadable, note });
        }
        None => {}
    }
    query.validate()?;
    let registration = query.registration.as_deref();
    let guessed = registration.and_then(|number| check_digit::check(check_digit::kind_by_shape(number)?, number));
    warnings.extend(guessed);
    Ok(Asks { query, threshold, freshness, document_checks, warnings })
}

/// What all groups together answer.
pub(super) struct Answered {
    /// Of each question, in the order of an answer.
    pub hits: Vec<Vec<Hit>>,
    pub positions: Vec<Position>,
    /// Whether a group did not answer.
    pub partial: bool,
    /// How old the oldest copy was.
    pub age: Duration,
}

impl Api {
    async fn screen(
        &self,
        kind: EventKind,
        admitted: &Admitted,
        request: message::ScreenRequest,
    ) -> Result<Released<message::ScreenResponse>, ApiError> {
        let Asks { query, threshold, freshness, document_checks, warnings } =
            asks(&request, admitted.at, &self.0.tables)?;
        let by = (self.policies()?, admitted.caller.purpose.clone());
        let question = Question::new((query, admitted.at), threshold, by, admitted.cut.clone(), &self.0.tables);
        let policy_version = question.policy_version();
        let answered = self.ask(admitted, &Arc::new(vec![question]), freshness).await?;
        let as_of = self.as_of(admitted, &answered.positions, answered.age);
        let Answered { mut hits, positions, partial, .. } = answered;
        let mut hits = hits.pop().unwrap_or_default();
        if planted(KnownBug::ScoreByMachine) && admitted.caller.node.0 % 2 == 1 {
            hits.iter_mut().for_each(|hit| hit.score = Score::from_parts(hit.score.parts() + 1));
        }
        if planted(KnownBug::OrderByReplica) && admitted.caller.node.0 % 2 == 1 && !hits.is_empty() {
            hits.rotate_left(1);
        }
        let results = results(&hits);
        let payload = EventPayload { results, as_of: positions, policies: Some(policy_version), ..admitted.payload() };
        let overridden = hits.iter().filter(|hit| hit.overridden.is_some()).count();
        let body = message::ScreenResponse {
            hits: hits.into_iter().map(hit_message).collect(),
            as_of: None,
            audit: None,
            partial: partial && !planted(KnownBug::PartialLooksWhole),
            document_checks: document_checks.into_iter().map(check_message).collect(),
            warnings: warnings_to(warnings),
            policy_version: if planted(KnownBug::PolicyVersionMissing) { 0 } else { policy_version },
        };
        let unreleased = Unreleased::new(body, Some(as_of), admitted.event(kind), payload);
        let released = self.release(admitted, unreleased).await?;
        self.0.metrics.overridden(overridden);
        Ok(released)
    }

    /// Asks questions of every records group, all of them of one moment in each.
    pub(super) async fn ask(
        &self,
        admitted: &Admitted,
        asked: &Arc<Vec<Question>>,
        freshness: Freshness,
    ) -> Result<Answered, ApiError> {
        let groups = self.slot_map()?.groups();
        // What is left over is for the event of the answer, which a slow group must not cost.
        let left = admitted.left()?;
        let share = if freshness == Freshness::Local { (left / 2).min(LOCAL_ANSWER_MAX) } else { left * 3 / 4 };
        let answers = groups.iter().map(|group| async {
            let replica = self.replica(*group)?;
            self.ask_group(replica, asked, freshness, Instant::now() + share).await
        });
        let mut hits = vec![Vec::new(); asked.len()];
        let (mut positions, mut partial, mut age) = (Vec::new(), false, Duration::ZERO);
        for answer in join_all(answers).await {
            match answer {
                Ok((GroupHits { group, applied, hits: found }, stale)) => {
                    age = age.max(stale);
                    hits.iter_mut().zip(found).for_each(|(hits, found)| hits.extend(found));
                    positions.push(Position { group: group.to_string(), applied });
                }
                // A linearizable answer is whole or none; a local one says what it lacks.
                Err(error) if freshness == Freshness::Linearizable => return Err(error),
                Err(ApiError::Group(GroupError::Unavailable { .. } | GroupError::NoReplica { .. })) => partial = true,
                Err(error) => return Err(error),
            }
        }
        hits.iter_mut().zip(asked.iter()).for_each(|(hits, question)| rank(hits, question.limit));
        Ok(Answered { hits, positions, partial, age })
    }

    /// Where an answer stands that is so old.
    pub(super) fn as_of(&self, admitted: &Admitted, positions: &[Position], age: Duration) -> message::AsOf {
        let time = admitted.at.before(age.as_millis() as u64).rfc3339_seconds();
        message::AsOf { token: self.position_token(positions), time }
    }

    async fn ask_group(
        &self,
        replica: &Replica,
        asked: &Arc<Vec<Question>>,
        freshness: Freshness,
        until: Instant,
    ) -> Result<(GroupHits, Duration), ApiError> {
        let group = replica.group();
        let left = || until.saturating_duration_since(Instant::now());
        let mut age = Duration::ZERO;
        if freshness == Freshness::Linearizable {
            group.linearize(left()).await?;
        } else {
            age = group.staleness().filter(|age| *age <= LOCAL_AGE_MAX).ok_or_else(|| GroupError::Unavailable {
                group: group.id(),
                reason: "this replica has heard nothing of what its group has committed lately".into(),
            })?;
        }
        // A replica that has just started may still replay what its index covers already.
        group.applied(replica.reaches(), left()).await?;
        let place = self.0.searches.enter(left()).await?;
        let (replica, asked) = (replica.clone(), asked.clone());
        let search = move || {
            let _place = place;
            replica.ask(&asked, until)
        };
        let found = self.0.work.run(search).await;
        Ok((found.unwrap_or_else(|| Err(ApiError::Internal("a search panicked".into())))?, age))
    }

    /// An opaque name of the positions that an answer stands on; the positions themselves are in its event.
    fn position_token(&self, positions: &[Position]) -> String {
        let mut bytes = Vec::new();
        for position in positions {
            bytes.extend_from_slice(position.group.as_bytes());
            bytes.push(0);
            bytes.extend_from_slice(&position.applied.to_be_bytes());
        }
        self.0.records.keys().ring().position(&bytes).to_string()
    }
}

fn check_message(DocumentCheck { field, value, result, note }: DocumentCheck) -> message::DocumentCheck {
    message::DocumentCheck { field: field.to_string(), value, result: result.to_string(), note }
}

/// What an event keeps of hits.
pub(super) fn results(hits: &[Hit]) -> Vec<ResultRef> {
    let result = |hit: &Hit| ResultRef {
        id: hit.id.0,
        version: hit.version,
        score: hit.score.parts(),
        overridden: hit.overridden.is_some(),
    };
    hits.iter().map(result).collect()
}

pub(super) fn hit_message(hit: Hit) -> message::Hit {
    message::Hit {
        id: hit.id.to_string(),
        source: hit.source.unwrap_or_default(),
        source_ref: hit.source_ref.unwrap_or_default(),
        name: hit.name,
        score: hit.score.fraction(),
        action: hit.action.to_string(),
        reason: hit.reason,
        version: hit.version,
        document_state: hit.document_state.map(|state| state.to_string()).unwrap_or_default(),
        explanation: hit.evidence.into_iter().map(evidence_message).collect(),
        sentence: hit.sentence,
        overridden: hit.overridden.map(overridden_message),
    }
}

pub(super) fn overridden_message(mark: Mark) -> message::Overridden {
    let (id, expires) = (mark.id.to_string(), mark.expires.rfc3339_seconds());
    match mark.told {
        None => message::Overridden { id, expires, ..Default::default() },
        Some(MarkTold { reason, recorded_by, agency }) => {
            let (recorded_by, agency) = (recorded_by.to_string(), agency.to_string());
            message::Overridden { id, reason, recorded_by, expires, agency }
        }
    }
}

pub(super) fn evidence_message(evidence: Evidence) -> message::Evidence {
    message::Evidence {
        field: evidence.field,
        asked: evidence.asked,
        found: evidence.found,
        agreement: evidence.agreement.fraction(),
        weight: f64::from(evidence.weight) / 1_000_000.0,
        note: evidence.note,
        words: evidence.words.into_iter().map(word_message).collect(),
    }
}

fn word_message(word: WordMet) -> message::WordMet {
    let WordMet { asked, found, how, edits, bits, swapped } = word;
    message::WordMet { asked, found, how: how.to_string(), edits, bits, swapped }
}

#[tonic::async_trait]
impl Screening for Api {
    async fn screen(
        &self,
        request: Request<message::ScreenRequest>,
    ) -> Result<Response<Released<message::ScreenResponse>>, Status> {
        self.serve(SCREEN, request, async |admitted, request| Api::screen(self, SCREEN.kind, admitted, request).await)
            .await
    }

    async fn explain(
        &self,
        request: Request<message::ExplainRequest>,
    ) -> Result<Response<Released<message::ExplainResponse>>, Status> {
        self.serve(EXPLAIN, request, async |admitted, request| Api::explain(self, admitted, request).await).await
    }

    type BatchStream = Pin<Box<dyn Stream<Item = Result<Released<message::BatchResponse>, Status>> + Send>>;

    async fn batch(
        &self,
        request: Request<Streaming<message::BatchRequest>>,
    ) -> Result<Response<Self::BatchStream>, Status> {
        let (admitted, open) = self.admit_stream(BATCH, &request).await?;
        let open = Arc::new(open);
        let api = self.clone();
        let rows = until_idle(request.into_inner()).map(move |row| {
            let (api, admitted, open) = (api.clone(), admitted.clone(), open.clone());
            async move {
                let _open = open;
                let message::BatchRequest { row, question } = row?;
                let question = question.unwrap_or_default();
                let result = loop {
                    let place = api.0.admission.turn(&admitted).await;
                    // Each row is a question of its own: its own event, evaluation time and deadline, from when it has a place.
                    let mut admitted = admitted.renewed(Duration::from_millis(DEADLINE_DEFAULT_MS));
                    admitted.request = api.0.gate.request_id();
                    admitted.at = api.0.gate.now();
                    admitted.terms = question.terms();
                    let counted = api.count(BATCH);
                    let asked =
                        async |admitted: &Admitted, question| Api::screen(&api, BATCH.kind, admitted, question).await;
                    let result = api.run(BATCH, admitted, question.clone(), asked).await;
                    counted.ended(&result);
                    drop(place);
                    // Too much to do slows a batch and does not break it off.
                    match result.as_ref().err().and_then(ApiError::again) {
                        Some(again) => tokio::time::sleep(again).await,
                        None => break result,
                    }
                };
                match result {
                    Ok(answer) => Ok(answer.into_row(row)),
                    Err(error) if error.is_refusal() => Ok(Released::row_refused(row, &error)),
                    Err(error) => Err(Status::from(error)),
                }
            }
        });
        Ok(Response::new(Box::pin(rows.buffered(BATCH_CONCURRENCY))))
    }
}
