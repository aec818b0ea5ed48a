//! The public API, one file per service: convert, call, release. Each call goes through [`Api::serve`], which lets the
//! request in, audits refusals, counts and times.

mod audit;
mod cluster;
mod imports;
mod lookouts;
mod screening;

/// The generated server: its answers are `Released`.
#[allow(clippy::all, clippy::unwrap_used, missing_docs)]
pub mod v1 {
    tonic::include_proto!("portcullis.v1");
}

use std::sync::Arc;
use std::time::Duration;

use model::audit::event::{EventKind, EventPayload, Term, Verdict};
use model::command::{Command, Outcome};
use model::envelope::Envelope;
use model::error::{Invalid, RefusalCode};
use model::ids::{GroupId, RequestId, SlotId};
use model::limits::{PAGE_DEFAULT, PAGE_MAX};
use model::slots::SlotMap;
use model::time::UnixMillis;
use raft::error::GroupError;
use raft::groups::Groups;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use crate::audit::{Answer, Pipeline, Released, Unreleased};
use crate::error::ApiError;
use crate::gate::{Admitted, Gate};
use crate::metrics::Metrics;
use crate::records::Records;
use crate::replica::Replica;

/// Decisions made for one command at most.
const DECISIONS_MAX: usize = 3;

/// What every service works with; clones share it.
#[derive(Clone)]
pub struct Api(pub(crate) Arc<Parts>);

/// The parts of a node that its services use.
pub struct Parts {
    pub gate: Gate,
    pub groups: Groups,
    pub replicas: Vec<Replica>,
    pub pipeline: Pipeline,
    pub records: Records,
    pub metrics: Metrics,
    pub tables: Arc<search::Tables>,
}

/// The name of a call in metrics and the kind of its events.
#[derive(Clone, Copy)]
pub struct Call {
    pub name: &'static str,
    pub kind: EventKind,
}

impl Api {
    /// The services over a node's parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Serves one request: lets it in, runs it within its deadline, audits a refusal before it leaves, counts and times.
    async fn serve<Q, T>(
        &self,
        call: Call,
        request: Request<Q>,
        run: impl AsyncFnOnce(&Admitted, Q) -> Result<Released<T>, ApiError>,
    ) -> Result<Response<Released<T>>, Status> {
        let begun = Instant::now();
        let result = match self.0.gate.admit(request.metadata()) {
            Err(error) => Err(error),
            Ok(admitted) => self.run(call, &admitted, request.into_inner(), run).await,
        };
        let outcome = result.as_ref().err().map_or("ok", ApiError::code);
        self.0.metrics.called(call.name, outcome, begun.elapsed());
        if let Err(error) = &result
            && !error.is_refusal()
        {
            tracing::info!(call = call.name, code = error.code(), %error, "a call failed");
        }
        result.map(Response::new).map_err(Status::from)
    }

    /// Runs a request that was let in; its refusal is an event before it is an answer.
    async fn run<Q, T>(
        &self,
        call: Call,
        admitted: &Admitted,
        request: Q,
        run: impl AsyncFnOnce(&Admitted, Q) -> Result<Released<T>, ApiError>,
    ) -> Result<Released<T>, ApiError> {
        // A little longer than what is inside waits, so that a write says by itself that its outcome is unknown.
        let left = admitted.left()? + Duration::from_millis(15);
        let result = tokio::time::timeout(left, run(admitted, request)).await.unwrap_or(Err(ApiError::Deadline));
        match result {
            Err(error @ (ApiError::Invalid(_) | ApiError::NoRecord)) => {
                let mut header = admitted.event(call.kind);
                header.verdict = Verdict::Refused.number();
                header.code = Some(error.code().to_string());
                let payload = EventPayload { text: Some(error.to_string()), ..EventPayload::default() };
                self.0.pipeline.record(header, &payload).await?;
                Err(error)
            }
            // Refusals by the log stand in the outbox of the entry that refused.
            result => result,
        }
    }

    async fn release<T: Answer>(&self, answer: Unreleased<T>) -> Result<Released<T>, ApiError> {
        Ok(self.0.pipeline.release(answer).await?)
    }

    /// The slot map as this node's directory replica knows it.
    fn slot_map(&self) -> Result<SlotMap, ApiError> {
        let directory = GroupId::Directory;
        let map = self.0.groups.get(directory)?.read(|state| state.slot_map())?;
        let missing = || GroupError::Unavailable { group: directory, reason: "it has no slot map yet".into() };
        Ok(map.ok_or_else(missing)?)
    }

    /// The group that owns a slot.
    fn owner(&self, slot: SlotId) -> Result<GroupId, ApiError> {
        let owner = self.slot_map()?.owner(slot);
        owner.ok_or_else(|| ApiError::Internal(format!("slot {} has no owner", slot.0)))
    }

    fn replica(&self, group: GroupId) -> Result<&Replica, ApiError> {
        let found = self.0.replicas.iter().find(|replica| replica.group().id() == group);
        found.ok_or_else(|| GroupError::NoReplica { group }.into())
    }

    /// Proposes a command of a caller; a decision that lapsed on the way is made anew.
    async fn propose(
        &self,
        group: GroupId,
        admitted: &Admitted,
        request: RequestId,
        command: Command,
    ) -> Result<Outcome, ApiError> {
        let caller = Some(admitted.caller.clone());
        let mut envelope = Envelope { request, caller, decision: None, time: UnixMillis(0), command };
        for attempt in 1.. {
            let directory = self.0.groups.get(GroupId::Directory)?.status().applied;
            envelope.decision = Some(self.0.gate.decide(directory));
            let outcome = self.0.groups.get(group)?.propose(&envelope, admitted.left()?).await?;
            match outcome {
                // Each attempt is an entry of the log: a clock that is far behind must not fill it.
                Outcome::Refused(refusal) if refusal.code == RefusalCode::DecisionLapsed && attempt < DECISIONS_MAX => {
                }
                outcome => return Ok(outcome),
            }
        }
        unreachable!("the last attempt returns")
    }
}

/// The request id of a write, as the caller made it.
fn request_id(text: &str) -> Result<RequestId, ApiError> {
    text.parse().map_err(|_| {
        Invalid::new("request_id", "expected 32 hexadecimal digits: 48 bits of milliseconds, 80 random bits".into())
            .into()
    })
}

/// A page size within bounds.
fn page_size(wanted: u32) -> Result<usize, ApiError> {
    match wanted as usize {
        0 => Ok(PAGE_DEFAULT),
        size if size <= PAGE_MAX => Ok(size),
        size => Err(Invalid::new("page_size", format!("is {size}, at most {PAGE_MAX} are allowed")).into()),
    }
}

/// The fields of a question that hold something, for its event.
fn terms<'a>(fields: impl IntoIterator<Item = (&'a str, String)>) -> Vec<Term> {
    let stated = fields.into_iter().filter(|(_, value)| !value.is_empty());
    stated.map(|(field, value)| Term { field: field.to_string(), value }).collect()
}
