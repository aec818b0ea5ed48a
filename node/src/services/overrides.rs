//! Overrides of lookouts: record, end, list. They live in the group of their lookout.

use access::{Act, Object};
use model::access::function::Function;
use model::audit::event::{EventKind, EventPayload, ResultRef};
use model::command::Command;
use model::command::end_override::EndOverride;
use model::command::record_override::RecordOverride;
use model::error::Invalid;
use model::ids::{OverrideId, RecordId};
use model::lookout::Lookout;
use model::overrides::{StoredOverride, check_expiry};
use model::record::{RecordHeader, RecordState};
use model::ssn;
use model::time::UnixMillis;
use proto::convert::override_from;
use proto::v1 as message;
use tonic::{Request, Response, Status};

use super::lookouts::{change_answer, sighted};
use super::v1::overrides_server::Overrides;
use super::{Api, Call, request_id};
use crate::audit::{Released, Unreleased};
use crate::error::ApiError;
use crate::gate::{Admitted, Need};
use crate::records::DATASET;

const RECORD: Call =
    Call { name: "override_record", kind: EventKind::OverrideRecord, need: Need::Function(Function::OverrideRecord) };
const END: Call =
    Call { name: "override_end", kind: EventKind::OverrideEnd, need: Need::Function(Function::OverrideEnd) };
const LIST: Call =
    Call { name: "override_list", kind: EventKind::OverrideList, need: Need::Function(Function::OverrideList) };

fn lookout_id(text: &str) -> Result<RecordId, ApiError> {
    text.parse::<RecordId>().map_err(|error| Invalid::new("lookout", error.reason).into())
}

impl Api {
    async fn record_override(
        &self,
        admitted: &Admitted,
        request: message::RecordOverrideRequest,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let id = request_id(&request.request_id)?;
        let lookout = lookout_id(&request.lookout)?;
        let content = override_from(&request)?;
        let (record, remembered) = self
            .fresh(admitted, lookout, |state| Ok((state.record(DATASET, lookout)?, state.request(lookout.slot(), id)?)))
            .await?;
        let record = sighted(&admitted.cut, record)?;
        self.0.gate.may(admitted, Act::Override, Object::of(&record.get().header))?;
        let RecordHeader { state, version, .. } = record.get().header;
        let seen_version = if request.expected_version == 0 { version } else { request.expected_version };
        // What took place is answered from the log's memory, whatever the lookout and the clock say by now. What the log
        // refuses by itself, a lookout that is out of force or has another version, is refused and audited there.
        if remembered.is_none() {
            check_expiry(content.expires, admitted.at)?;
            if state == RecordState::Active && version == seen_version {
                content.check_distinct(&self.0.records.open(record.get())?)?;
            }
        }
        self.0.records.keys().ready_for(DATASET, admitted.left()?).await?;
        let draft = self.0.records.override_draft(lookout, OverrideId::of_request(id), &content)?;
        let event = self.change_event(admitted, RECORD.kind, id)?;
        let command = Command::RecordOverride(RecordOverride { draft, seen_version, event });
        change_answer(self.propose(self.owner(lookout.slot())?, admitted, id, command).await?, Vec::new())
    }

    async fn end_override(
        &self,
        admitted: &Admitted,
        request: message::EndOverrideRequest,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let request_id = request_id(&request.request_id)?;
        let lookout = lookout_id(&request.lookout)?;
        let id = request.id.parse::<OverrideId>().map_err(|error| Invalid::new("id", error.reason))?;
        // Whoever sees no lookout is told of no override of it.
        self.seen_for(admitted, Act::Override, lookout).await?;
        let event = self.change_event(admitted, END.kind, request_id)?;
        let command = Command::EndOverride(EndOverride { dataset: DATASET, lookout, id, event });
        change_answer(self.propose(self.owner(lookout.slot())?, admitted, request_id, command).await?, Vec::new())
    }

    async fn list_overrides(
        &self,
        admitted: &Admitted,
        request: message::ListOverridesRequest,
    ) -> Result<Released<message::ListOverridesResponse>, ApiError> {
        let lookout = lookout_id(&request.lookout)?;
        let (record, there) = self
            .fresh(admitted, lookout, |state| Ok((state.record(DATASET, lookout)?, state.overrides(DATASET, lookout)?)))
            .await?;
        let record = sighted(&admitted.cut, record)?;
        self.readable(admitted, &record)?;
        let opened = self.0.records.open(record.get())?;
        let result = |stored: &StoredOverride| ResultRef {
            id: stored.header.id.0,
            version: stored.header.version(),
            score: 0,
            overridden: false,
        };
        let payload = EventPayload { results: there.iter().map(result).collect(), ..admitted.payload() };
        let messages: Result<Vec<_>, _> =
            there.iter().map(|stored| self.override_message(stored, &opened, admitted.at)).collect();
        let body = message::ListOverridesResponse { overrides: messages?, audit: None };
        self.release(admitted, Unreleased::new(body, None, admitted.event(LIST.kind), payload)).await
    }

    /// An override as the API gives it, and how it stands towards its lookout at a time.
    fn override_message(
        &self,
        stored: &StoredOverride,
        lookout: &Lookout,
        at: UnixMillis,
    ) -> Result<message::OverrideRecord, ApiError> {
        let content = self.0.records.open_override(stored)?;
        let header = &stored.header;
        let void = content.check_distinct(lookout).err();
        let state = match (&header.ended, &void) {
            (Some(_), _) => "ended",
            (None, _) if !header.in_force(at) => "expired",
            (None, Some(_)) => "void",
            (None, None) => "in-force",
        };
        let ended = header.ended.as_ref();
        Ok(message::OverrideRecord {
            id: header.id.to_string(),
            state: state.to_string(),
            name: content.name,
            nationality: content.nationality.unwrap_or_default(),
            birth_date: content.birth_date.map(|date| date.to_string()).unwrap_or_default(),
            documents: content.documents.iter().map(|number| ssn::guarded(number)).collect(),
            reason: content.reason,
            expires: content.expires.rfc3339_seconds(),
            recorded_at: header.recorded.at.rfc3339(),
            recorded_by: header.recorded.by.to_string(),
            agency: header.agency.to_string(),
            lookout_version: header.made_for,
            ended_at: ended.map(|ended| ended.at.rfc3339()).unwrap_or_default(),
            ended_by: ended.map(|ended| ended.by.to_string()).unwrap_or_default(),
            void_because: void.map(|void| void.to_string()).unwrap_or_default(),
        })
    }
}

#[tonic::async_trait]
impl Overrides for Api {
    async fn record(
        &self,
        request: Request<message::RecordOverrideRequest>,
    ) -> Result<Response<Released<message::ChangeResponse>>, Status> {
        self.serve(RECORD, request, async |admitted, request| self.record_override(admitted, request).await).await
    }

    async fn end(
        &self,
        request: Request<message::EndOverrideRequest>,
    ) -> Result<Response<Released<message::ChangeResponse>>, Status> {
        self.serve(END, request, async |admitted, request| self.end_override(admitted, request).await).await
    }

    async fn list(
        &self,
        request: Request<message::ListOverridesRequest>,
    ) -> Result<Response<Released<message::ListOverridesResponse>>, Status> {
        self.serve(LIST, request, async |admitted, request| self.list_overrides(admitted, request).await).await
    }
}
