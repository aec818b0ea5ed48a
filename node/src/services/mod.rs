//! The public API, one file per service: convert, call, release. Each call goes through [`Api::serve`], which lets the
//! request in, audits refusals, counts and times.

mod asked;
mod audit;
mod audit_cut;
mod audit_search;
mod cluster;
mod explain;
mod founding;
mod imports;
mod lookouts;
mod matching;
mod overrides;
mod people;
mod screening;
mod sessions;

/// The generated server: its answers are `Released`.
#[allow(clippy::all, clippy::unwrap_used, missing_docs)]
pub mod v1 {
    tonic::include_proto!("portcullis.v1");
}

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use model::access::function::Function;
use model::audit::event::{EventKind, Verdict};
use model::command::{Command, Outcome};
use model::envelope::{Decision, Envelope};
use model::error::{Invalid, RefusalCode};
use model::ids::{GroupId, RequestId, SlotId};
use model::limits::{PAGE_DEFAULT, PAGE_MAX};
use model::people::floor::Epochs;
use model::people::scores::DenialKind;
use model::policy::Policies;
use model::slots::SlotMap;
use model::time::UnixMillis;
use raft::error::GroupError;
use raft::groups::Groups;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::audit::{Answer, AuditError, Pipeline, Released, Unreleased};
use crate::env::Work;
use crate::error::ApiError;
use crate::gate::{Admission, Admitted, Denials, Gate, Need, OpenStream, counts_as};
use crate::metrics::Metrics;
use crate::passwords::Passwords;
use crate::records::Records;
use crate::replica::Replica;
use crate::searches::Searches;
use asked::Asked;

/// Decisions made for one command at most.
const DECISIONS_MAX: usize = 3;
/// The event of a refusal may take this long beyond the request's deadline.
const REFUSAL_DEADLINE: Duration = Duration::from_secs(2);
/// A stream on which nothing came for this long is ended.
const STREAM_IDLE_MAX: Duration = Duration::from_secs(60);

/// What every service works with; clones share it.
#[derive(Clone)]
pub struct Api(pub(crate) Arc<Parts>);

/// The parts of a node that its services use.
pub struct Parts {
    pub gate: Gate,
    pub admission: Admission,
    pub denials: Denials,
    pub groups: Groups,
    pub replicas: Vec<Replica>,
    pub pipeline: Pipeline,
    pub records: Records,
    pub passwords: Passwords,
    pub metrics: Metrics,
    pub tables: Arc<search::Tables>,
    pub searches: Searches,
    pub work: Work,
    pub stopping: CancellationToken,
}

/// The name of a call in metrics, the kind of its events, and what it needs of its caller.
#[derive(Clone, Copy)]
pub struct Call {
    pub name: &'static str,
    pub kind: EventKind,
    pub need: Need,
}

impl Api {
    /// The services over a node's parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Serves one request: lets it in, runs it within its deadline, audits a refusal before it leaves, counts and times.
    async fn serve<Q: Asked, T>(
        &self,
        call: Call,
        request: Request<Q>,
        run: impl AsyncFnOnce(&Admitted, Q) -> Result<Released<T>, ApiError>,
    ) -> Result<Response<Released<T>>, Status> {
        let counted = self.count(call);
        let result = match self.0.gate.admit(request.metadata(), request.extensions().get()) {
            Err(error) => Err(error),
            Ok(mut admitted) => {
                admitted.terms = request.get_ref().terms();
                self.run_in_place(call, admitted, request.into_inner(), run).await
            }
        };
        counted.ended(&result);
        result.map(Response::new).map_err(Status::from)
    }

    /// Runs a request as soon as there is a place for it. Without one it is refused before anything is decided or recorded.
    async fn run_in_place<Q, T>(
        &self,
        call: Call,
        admitted: Admitted,
        request: Q,
        run: impl AsyncFnOnce(&Admitted, Q) -> Result<Released<T>, ApiError>,
    ) -> Result<Released<T>, ApiError> {
        let place = self.0.admission.enter(call.need, &admitted).await?;
        let begun = Instant::now();
        let leaves_at_ticks = self.0.gate.authority().is_some()
            && call.need.function(&admitted.caller.purpose) == Some(Function::SubjectQuery);
        // Whoever says how long he waits must not learn by it when the work was done: it has its time in any case.
        let admitted = match leaves_at_ticks {
            true => admitted.renewed(admitted.left()?.max(TICKED_MIN)),
            false => admitted,
        };
        let result = self.run(call, admitted, request, run).await;
        match &result {
            Ok(_) => place.answered(),
            Err(_) => drop(place),
        }
        if leaves_at_ticks {
            tokio::time::sleep_until(tick_after(begun, Instant::now())).await;
        }
        result
    }

    /// Counts a call: as gone if its future is dropped before it has ended.
    fn count(&self, call: Call) -> Counted<'_> {
        Counted { api: self, call, begun: Instant::now(), outcome: "gone" }
    }

    /// Lets a stream in; who may not is refused before anything is read, and the refusal is an event.
    async fn admit_stream<Q>(&self, call: Call, request: &Request<Q>) -> Result<(Admitted, OpenStream), Status> {
        let let_in = async {
            let mut admitted = self.0.gate.admit(request.metadata(), request.extensions().get())?;
            let open = self.0.admission.open(&admitted).await?;
            match self.authorise(call, &mut admitted).await {
                Ok(()) => Ok((admitted, open)),
                Err(error) => Err(self.refused(call, &admitted, error).await),
            }
        };
        let_in.await.map_err(|error: ApiError| {
            self.count(call).ended(&Err::<(), _>(error.clone()));
            error.into()
        })
    }

    /// Who asks is whom his certificate names, and may do what the call needs.
    async fn authorise(&self, call: Call, admitted: &mut Admitted) -> Result<(), ApiError> {
        if let Some(claimed) = &admitted.claimed {
            return Err(ApiError::OtherIdentity { claimed: claimed.to_string() });
        }
        self.0.gate.authorise(admitted, call.need).await
    }

    /// Authorises and runs a request; its refusal is an event before it is an answer.
    async fn run<Q, T>(
        &self,
        call: Call,
        mut admitted: Admitted,
        request: Q,
        run: impl AsyncFnOnce(&Admitted, Q) -> Result<Released<T>, ApiError>,
    ) -> Result<Released<T>, ApiError> {
        // A little longer than what is inside waits, so that a write says by itself that its outcome is unknown.
        let left = admitted.left()? + Duration::from_millis(15);
        let work = async {
            // A refusal says in which session it was, as far as that became known.
            self.authorise(call, &mut admitted).await?;
            self.0.admission.within_agency_rate(call.need, &admitted)?;
            run(&admitted, request).await
        };
        match tokio::time::timeout(left, work).await.unwrap_or(Err(ApiError::Deadline)) {
            Ok(released) => Ok(released),
            Err(error) => Err(self.refused(call, &admitted, error).await),
        }
    }

    /// Records a refusal, and counts it against the account where it counts (R23, R24). Returns what is answered.
    async fn refused(&self, call: Call, admitted: &Admitted, error: ApiError) -> ApiError {
        if self.0.gate.authority().is_some() {
            let kind = match &error {
                ApiError::Denied { denial, .. } => counts_as(*denial),
                // Missing and hidden count alike (T05).
                ApiError::NoRecord | ApiError::Hidden(_) => Some(DenialKind::MissedId),
                ApiError::Refused(refusal) if refusal.code == RefusalCode::NoRecordAvailable => {
                    Some(DenialKind::MissedId)
                }
                _ => None,
            };
            // At a terminal anybody may name anybody, who is not to be suspended for it.
            let proven = !(admitted.at_terminal() && call.need == Need::Identity);
            if let Some(kind) = kind.filter(|_| proven) {
                self.0.denials.tell(&admitted.caller, kind);
            }
        }
        if !leaves_no_event(&error) {
            return error;
        }
        let mut header = admitted.event(call.kind);
        header.verdict = Verdict::Refused.number();
        header.code = Some(error.audit_code().to_string());
        let mut payload = admitted.payload();
        payload.text = Some(error.audit_text());
        let recorded = self.0.pipeline.record(header, &payload);
        match tokio::time::timeout(REFUSAL_DEADLINE, recorded).await.unwrap_or(Err(AuditError::Late)) {
            Ok(_) => error,
            Err(unrecorded) => unrecorded.into(),
        }
    }

    /// Releases an answer, within the request's time: what it then waits for is the audit log, and the caller reads that.
    async fn release<T: Answer>(&self, admitted: &Admitted, answer: Unreleased<T>) -> Result<Released<T>, ApiError> {
        let released = tokio::time::timeout(admitted.left()?, self.0.pipeline.release(answer)).await;
        Ok(released.unwrap_or(Err(AuditError::Late))?)
    }

    /// The slot map as this node's directory replica knows it.
    fn slot_map(&self) -> Result<SlotMap, ApiError> {
        let directory = GroupId::Directory;
        let map = self.0.groups.get(directory)?.read(|state| state.slot_map())?;
        let missing = || GroupError::Unavailable { group: directory, reason: "it has no slot map yet".into() };
        Ok(map.ok_or_else(missing)?)
    }

    /// The matching policies in force, as this node's directory replica knows them.
    fn policies(&self) -> Result<Policies, ApiError> {
        Ok(self.0.groups.get(GroupId::Directory)?.read(|state| state.policies())?.unwrap_or_default())
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

    /// A decision on a caller, on one moment of this node's directory replica. What was let in without a gate stands on what
    /// the directory holds of him, if it holds anything.
    fn decide(&self, admitted: &Admitted) -> Result<Decision, ApiError> {
        if let Some(decision) = self.0.gate.decide(admitted)? {
            return Ok(decision);
        }
        let caller = &admitted.caller;
        let directory = self.0.groups.get(GroupId::Directory)?;
        let (index, profile, agency) = directory.read(|state| {
            let index = state.position()?.applied.map_or(0, |id| id.index);
            Ok((index, state.profile(&caller.user)?, state.agency(&caller.agency)?))
        })?;
        Ok(Decision {
            made_at: self.0.gate.now(),
            directory_index: index,
            profile_version: profile.as_ref().map_or(0, |profile| profile.version),
            agreement_version: agency.as_ref().map_or(0, |agency| agency.version),
            policy_version: 0,
            epochs: Epochs {
                user: profile.map_or(0, |profile| profile.epoch),
                agency: agency.map_or(0, |agency| agency.epoch),
            },
        })
    }

    /// Proposes a command of a caller; a decision that lapsed or was revoked on the way is made anew.
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
            envelope.decision = Some(self.decide(admitted)?);
            let outcome = self.0.groups.get(group)?.propose(&envelope, admitted.left()?).await?;
            match outcome {
                // Each attempt is an entry of the log: a clock that is far behind must not fill it.
                Outcome::Refused(refusal)
                    if matches!(refusal.code, RefusalCode::DecisionLapsed | RefusalCode::DecisionRevoked)
                        && attempt < DECISIONS_MAX => {}
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

/// Answers at the desk leave so long after their work began, or twice as long, and so on: how much of it was for records that the
/// asker does not see would otherwise show in their time (SECURITY.md 1.5, T03). At the lane everybody sees that a lookout is there.
const TICK: Duration = Duration::from_millis(25);

/// Time that a question has at least whose answer leaves at a tick: its work would else end, or be of a part, at a moment that the
/// asker chose.
const TICKED_MIN: Duration = Duration::from_millis(250);

/// The first tick at or after now.
fn tick_after(begun: Instant, now: Instant) -> Instant {
    let ticks = now.saturating_duration_since(begun).as_nanos().div_ceil(TICK.as_nanos()).max(1);
    begun + TICK * u32::try_from(ticks).unwrap_or(u32::MAX)
}

/// A page size within bounds.
fn page_size(wanted: u32) -> Result<usize, ApiError> {
    match wanted as usize {
        0 => Ok(PAGE_DEFAULT),
        size if size <= PAGE_MAX => Ok(size),
        size => Err(Invalid::new("page_size", format!("is {size}, at most {PAGE_MAX} are allowed")).into()),
    }
}

/// Whether a refusal must be recorded here: others by the log stand in the outbox of the entry that refused.
fn leaves_no_event(error: &ApiError) -> bool {
    match error {
        ApiError::Invalid(_)
        | ApiError::NoRecord
        | ApiError::Hidden(_)
        | ApiError::NoSession
        | ApiError::SessionLocked
        | ApiError::StepUpNeeded
        | ApiError::FactorsNeeded
        | ApiError::OtherTerminal { .. }
        | ApiError::Denied { .. }
        | ApiError::OtherIdentity { .. } => true,
        ApiError::Refused(refusal) => refusal.code.leaves_no_event(),
        _ => false,
    }
}

/// A call that is being counted.
struct Counted<'a> {
    api: &'a Api,
    call: Call,
    begun: Instant,
    outcome: &'static str,
}

impl Counted<'_> {
    fn ended<T>(mut self, result: &Result<T, ApiError>) {
        self.outcome = result.as_ref().err().map_or("ok", ApiError::code);
        if let Err(error) = result
            && !error.is_refusal()
            && error.again().is_none()
        {
            tracing::info!(call = self.call.name, code = error.code(), %error, "a call failed");
        }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.api.0.metrics.called(self.call.name, self.outcome, self.begun.elapsed());
    }
}

/// What a client streams, until nothing came for too long.
fn until_idle<T>(
    stream: impl Stream<Item = Result<T, Status>> + Send + Unpin,
) -> impl Stream<Item = Result<T, Status>> + Send + Unpin
where
    T: Send,
{
    Box::pin(futures_util::stream::unfold(Some(stream), |stream| async move {
        let mut stream = stream?;
        match tokio::time::timeout(STREAM_IDLE_MAX, stream.next()).await {
            Ok(item) => item.map(|item| (item, Some(stream))),
            Err(_) => Some((Err(ApiError::Deadline.into()), None)),
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn t03_answers_leave_at_a_tick_whatever_they_took() {
        let begun = Instant::now();
        let at = |micros: u64| (tick_after(begun, begun + Duration::from_micros(micros)) - begun).as_millis();
        for (took, ticks) in
            [(0, 1), (1, 1), (2_400, 1), (24_999, 1), (25_000, 1), (25_001, 2), (49_000, 2), (1_000_000, 40)]
        {
            assert_eq!(at(took), ticks * TICK.as_millis(), "{took} µs");
        }
        assert_eq!(tick_after(begun + TICK, begun), begun + TICK * 2, "a clock that stands");
    }
}
