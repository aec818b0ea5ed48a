//! Why a record comes up for a question, or does not: the record beside the question, and where it stands among the
//! hits of the same question asked now.

use std::sync::Arc;
use std::time::Duration;

use model::access::function::Function;
use model::audit::event::{EventKind, EventPayload, Position, ResultRef};
use model::error::Invalid;
use model::ids::RecordId;
use model::screen::Outcome;
use proto::v1 as message;
use proto::v1::ExplainResponse;
use raft::error::GroupError;
use search::{Supposed, WordFound};

use super::screening::{Answered, Asks, asks, evidence_message, overridden_message};
use super::{Api, Call};
use crate::audit::{Released, Unreleased};
use crate::error::ApiError;
use crate::gate::{Admitted, Need};
use crate::question::Question;
use crate::replica::RecordExplained;

pub(super) const EXPLAIN: Call =
    Call { name: "explain", kind: EventKind::Explain, need: Need::Function(Function::SubjectQuery) };

/// Where a record stands among the hits of an answer.
struct Rank {
    /// From 1; 0 where it is not told.
    rank: usize,
    outranked: bool,
}

impl Api {
    pub(super) async fn explain(
        &self,
        admitted: &Admitted,
        request: message::ExplainRequest,
    ) -> Result<Released<ExplainResponse>, ApiError> {
        let id: RecordId = request.record.parse().map_err(|error: Invalid| Invalid::new("record", error.reason))?;
        let asked = request.question.ok_or_else(|| Invalid::new("question", "is missing".into()))?;
        let Asks { query, threshold, freshness, .. } = asks(&asked, admitted.at, &self.0.tables)?;
        let (limit, by) = (query.limit, (self.policies()?, admitted.caller.purpose.clone()));
        let question = Question::new((query, admitted.at), threshold, by, admitted.cut.clone(), &self.0.tables);
        let policy_version = question.policy_version();
        let asked = Arc::new(vec![question]);
        let found = self.beside(admitted, id, &asked).await?;
        let RecordExplained { version, name, in_force, indexed, applied, threshold, explained } = found;
        let group = self.owner(id.slot())?;
        let own = Position { group: group.to_string(), applied };
        let (mut outcome, mut reason, mut rank) = (explained.outcome, explained.reason, 0);
        let (mut positions, mut age, mut mark) = (vec![own], Duration::ZERO, None);
        if !in_force {
            outcome = Outcome::NotInForce;
            reason = format!("the record is not in force any more; if it were: {reason}");
        } else if outcome == Outcome::Found {
            let all = self.ask(admitted, &asked, freshness).await?;
            let stands = self.stands(id, &all, limit)?;
            rank = stands.rank;
            mark = all.hits.iter().flatten().find(|hit| hit.id == id).and_then(|hit| hit.overridden.clone());
            if stands.outranked {
                outcome = Outcome::Outranked;
                reason = format!("{reason}, but it is not among the best {limit}");
            } else if rank == 0 {
                reason = format!("{reason}; where it stands is not known, as part of the records did not answer");
            }
            (positions, age) = (all.positions, all.age);
        }
        let score = explained.score;
        let results = vec![ResultRef { id: id.0, version, score: score.parts(), overridden: mark.is_some() }];
        let payload =
            EventPayload { results, as_of: positions.clone(), policies: Some(policy_version), ..admitted.payload() };
        let body = ExplainResponse {
            record: id.to_string(),
            version,
            name,
            outcome: outcome.to_string(),
            reason,
            threshold: threshold.fraction(),
            bound: explained.bound.map(|bound| bound.fraction()),
            score: score.fraction(),
            explanation: explained.evidence.into_iter().map(evidence_message).collect(),
            sentence: explained.sentence,
            words: explained.words.into_iter().map(word_message).collect(),
            supposed: explained.supposed.into_iter().map(supposed_message).collect(),
            rank: rank as u32,
            indexed,
            as_of: None,
            audit: None,
            policy_version,
            overridden: mark.map(overridden_message),
        };
        let as_of = self.as_of(admitted, &positions, age);
        self.release(admitted, Unreleased::new(body, Some(as_of), admitted.event(EXPLAIN.kind), payload)).await
    }

    /// The record as of everything acknowledged before, beside the question, from this node's replica. Whoever sees only its
    /// action on primary is not told why.
    async fn beside(
        &self,
        admitted: &Admitted,
        id: RecordId,
        asked: &Arc<Vec<Question>>,
    ) -> Result<RecordExplained, ApiError> {
        let replica = self.replica(self.owner(id.slot())?)?;
        replica.group().linearize(admitted.left()?).await?;
        let place = self.0.searches.enter(admitted.left()?).await?;
        let (replica, asked) = (replica.clone(), asked.clone());
        let look = move || {
            let _place = place;
            match asked.first() {
                Some(question) => replica.explain(id, question),
                None => Err(ApiError::Internal("an explanation without a question".into())),
            }
        };
        self.0.work.run(look).await.unwrap_or_else(|| Err(ApiError::Internal("an explanation panicked".into())))
    }

    /// Where a record that scores enough stands.
    fn stands(&self, id: RecordId, all: &Answered, limit: usize) -> Result<Rank, ApiError> {
        let hits = all.hits.first().map_or(&[][..], Vec::as_slice);
        let rank = hits.iter().position(|hit| hit.id == id).map_or(0, |at| at + 1);
        let outranked = rank == 0 && !all.partial && hits.len() >= limit;
        if rank == 0 && !all.partial && !outranked {
            // Asked again, it is one or the other.
            let reason = "the record changed, or its copy here was older, while it was explained".to_string();
            return Err(GroupError::Unavailable { group: self.owner(id.slot())?, reason }.into());
        }
        Ok(Rank { rank, outranked })
    }
}

fn word_message(word: WordFound) -> message::WordFound {
    let WordFound { asked, found, bits } = word;
    message::WordFound { asked, found, bits }
}

fn supposed_message(supposed: Supposed) -> message::Supposed {
    let Supposed { fields, score, found } = supposed;
    let fields = fields.into_iter().map(|(field, value)| message::AuditTerm { field: field.to_string(), value });
    message::Supposed { fields: fields.collect(), score: score.fraction(), found }
}
