//! Lookouts: create, read, change, remove, list, history.

use model::audit::event::{EventKind, EventPayload, ResultRef};
use model::command::create::CreateRecord;
use model::command::remove::RemoveRecord;
use model::command::update::UpdateRecord;
use model::command::{Command, Outcome};
use model::error::Invalid;
use model::ids::{GroupId, RecordId, RequestId, SourceList};
use model::record::{AccessLevel, RecordState, StoredRecord};
use proto::convert::lookout_from;
use proto::v1 as message;
use tonic::{Request, Response, Status};

use super::v1::lookouts_server::Lookouts;
use super::{Api, Call, page_size, request_id, terms};
use crate::audit::{Released, Unreleased};
use crate::error::ApiError;
use crate::gate::Admitted;
use crate::records::DATASET;

const CREATE: Call = Call { name: "lookout_create", kind: EventKind::Create };
const GET: Call = Call { name: "lookout_get", kind: EventKind::RecordView };
const UPDATE: Call = Call { name: "lookout_update", kind: EventKind::Update };
const REMOVE: Call = Call { name: "lookout_remove", kind: EventKind::Remove };
const LIST: Call = Call { name: "lookout_list", kind: EventKind::List };
const HISTORY: Call = Call { name: "lookout_history", kind: EventKind::History };

fn record_id(text: &str) -> Result<RecordId, ApiError> {
    Ok(text.parse::<RecordId>()?)
}

fn present<T>(field: &str, value: Option<T>) -> Result<T, ApiError> {
    value.ok_or_else(|| Invalid::new(field, "is missing".into()).into())
}

fn result_of(record: &StoredRecord) -> ResultRef {
    ResultRef { id: record.header.id.0, version: record.header.version, score: 0 }
}

/// The answer to a change that went through the log.
fn change_answer(outcome: Outcome) -> Result<Released<message::ChangeResponse>, ApiError> {
    match outcome {
        Outcome::Changed(changed) => Ok(Released::by_outbox(&changed)),
        Outcome::Refused(refusal) => Err(refusal.into()),
        other => Err(ApiError::Internal(format!("a change was answered with {}", other.name()))),
    }
}

impl Api {
    fn change_event(
        &self,
        admitted: &Admitted,
        kind: EventKind,
        request: RequestId,
        text: String,
    ) -> Result<model::audit::event::EventDraft, ApiError> {
        let mut header = admitted.event(kind);
        header.id = request.0;
        let payload = EventPayload { text: (!text.is_empty()).then_some(text), ..EventPayload::default() };
        Ok(self.0.pipeline.draft(header, &payload)?)
    }

    /// A record as of everything acknowledged before, from this node's replica.
    async fn fresh<T>(
        &self,
        admitted: &Admitted,
        id: RecordId,
        read: impl FnOnce(raft::machine::State<'_>) -> raft::storage::Result<T>,
    ) -> Result<T, ApiError> {
        let group = self.0.groups.get(self.owner(id.slot())?)?;
        group.linearize(admitted.left()?).await?;
        Ok(group.read(read)?)
    }

    async fn create(
        &self,
        admitted: &Admitted,
        request: message::CreateLookoutRequest,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let id = request_id(&request.request_id)?;
        let lookout = lookout_from(present("lookout", request.lookout)?).map_err(|error| error.within("lookout"))?;
        let level = match request.level.as_str() {
            "" => AccessLevel::One,
            text => AccessLevel::from_code(text).ok_or_else(|| Invalid::new("level", "must be 1, 3 or 4".into()))?,
        };
        let record = RecordId::of_request(id);
        let draft = self.0.records.draft(record, &lookout, admitted.caller.agency.clone(), level, None)?;
        let event = self.change_event(admitted, CREATE.kind, id, String::new())?;
        let command = Command::CreateRecord(CreateRecord { draft, event });
        change_answer(self.propose(self.owner(record.slot())?, admitted, id, command).await?)
    }

    async fn update(
        &self,
        admitted: &Admitted,
        request: message::UpdateLookoutRequest,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let id = request_id(&request.request_id)?;
        let record = record_id(&request.id)?;
        if request.expected_version == 0 {
            return Err(Invalid::new("expected_version", "is missing: the version that you changed".into()).into());
        }
        let lookout = lookout_from(present("lookout", request.lookout)?).map_err(|error| error.within("lookout"))?;
        // What identifies the record stays as it is; a record that is missing is refused in the log, and audited there.
        let before = self.fresh(admitted, record, |state| state.record(DATASET, record)).await?;
        let (owner, level, source) = match before {
            Some(before) => (before.header.owner, before.header.level, before.header.source),
            None => (admitted.caller.agency.clone(), AccessLevel::One, None),
        };
        let draft = self.0.records.draft(record, &lookout, owner, level, source)?;
        let event = self.change_event(admitted, UPDATE.kind, id, String::new())?;
        let command = Command::UpdateRecord(UpdateRecord { draft, expected_version: request.expected_version, event });
        change_answer(self.propose(self.owner(record.slot())?, admitted, id, command).await?)
    }

    async fn remove(
        &self,
        admitted: &Admitted,
        request: message::RemoveLookoutRequest,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let id = request_id(&request.request_id)?;
        let record = record_id(&request.id)?;
        let expected_version = (request.expected_version != 0).then_some(request.expected_version);
        let event = self.change_event(admitted, REMOVE.kind, id, String::new())?;
        let command = Command::RemoveRecord(RemoveRecord { dataset: DATASET, id: record, expected_version, event });
        change_answer(self.propose(self.owner(record.slot())?, admitted, id, command).await?)
    }

    async fn get(
        &self,
        admitted: &Admitted,
        request: message::GetLookoutRequest,
    ) -> Result<Released<message::LookoutRecord>, ApiError> {
        let id = record_id(&request.id)?;
        let found = self.fresh(admitted, id, |state| match request.version {
            0 => state.record(DATASET, id),
            version => state.version(DATASET, id, version),
        });
        let record = found.await?.ok_or(ApiError::NoRecord)?;
        let payload = EventPayload {
            terms: terms([("id", request.id), ("version", request.version.to_string())]),
            results: vec![result_of(&record)],
            ..EventPayload::default()
        };
        let body = self.0.records.message(&record)?;
        self.release(Unreleased::new(body, None, admitted.event(GET.kind), payload)).await
    }

    async fn history(
        &self,
        admitted: &Admitted,
        request: message::HistoryRequest,
    ) -> Result<Released<message::HistoryResponse>, ApiError> {
        let id = record_id(&request.id)?;
        let size = page_size(request.page_size)?;
        let versions =
            self.fresh(admitted, id, |state| state.history(DATASET, id, request.before_version, size)).await?;
        if versions.is_empty() {
            return Err(ApiError::NoRecord);
        }
        let next = versions.last().map_or(0, |last| last.header.version);
        let payload = EventPayload {
            terms: terms([("id", request.id)]),
            results: versions.iter().map(result_of).collect(),
            ..EventPayload::default()
        };
        let messages: Result<Vec<_>, _> = versions.iter().map(|record| self.0.records.message(record)).collect();
        let next_before_version = if versions.len() < size || next <= 1 { 0 } else { next };
        let body = message::HistoryResponse { versions: messages?, next_before_version, audit: None };
        self.release(Unreleased::new(body, None, admitted.event(HISTORY.kind), payload)).await
    }

    async fn list(
        &self,
        admitted: &Admitted,
        request: message::ListLookoutsRequest,
    ) -> Result<Released<message::ListLookoutsResponse>, ApiError> {
        let size = page_size(request.page_size)?;
        let source = match request.source.as_str() {
            "" => None,
            source => Some(SourceList::new(source)?),
        };
        let groups = self.slot_map()?.groups();
        let (mut at, mut after) = list_position(&request.page_token, &groups)?;
        let mut records: Vec<StoredRecord> = Vec::new();
        // Walks group by group; a page ends when it is full or the last group is through.
        while let Some(id) = groups.get(at)
            && records.len() < size
        {
            let group = self.0.groups.get(*id)?;
            group.linearize(admitted.left()?).await?;
            let wanted = size - records.len();
            let page: Vec<StoredRecord> = match &source {
                None => group.read(|state| state.records(DATASET, after, wanted))?,
                Some(source) => group.read(|state| {
                    let ids = state.source_records(source, after, wanted)?;
                    let found: Result<Vec<_>, _> = ids.iter().map(|id| state.record(DATASET, *id)).collect();
                    Ok(found?.into_iter().flatten().collect())
                })?,
            };
            match page.last() {
                Some(last) if page.len() == wanted => after = Some(last.header.id),
                _ => {
                    at += 1;
                    after = None;
                }
            }
            records.extend(page.into_iter().filter(|r| request.removed || r.header.state == RecordState::Active));
        }
        let next_page_token = groups.get(at).map(|group| list_token(*group, after)).unwrap_or_default();
        let payload = EventPayload {
            terms: terms([("source", request.source)]),
            results: records.iter().map(result_of).collect(),
            ..EventPayload::default()
        };
        let messages: Result<Vec<_>, _> = records.iter().map(|record| self.0.records.message(record)).collect();
        let body = message::ListLookoutsResponse { lookouts: messages?, next_page_token, audit: None };
        self.release(Unreleased::new(body, None, admitted.event(LIST.kind), payload)).await
    }
}

/// Where a list goes on: a group and the last id of it.
fn list_token(group: GroupId, after: Option<RecordId>) -> String {
    format!("{group}.{}", after.map(|id| id.to_string()).unwrap_or_default())
}

fn list_position(token: &str, groups: &[GroupId]) -> Result<(usize, Option<RecordId>), ApiError> {
    if token.is_empty() {
        return Ok((0, None));
    }
    let bad = || Invalid::new("page_token", "is not one that this list gave".into());
    let (group, after) = token.split_once('.').ok_or_else(bad)?;
    let group: GroupId = group.parse().map_err(|_| bad())?;
    let at = groups.iter().position(|other| *other == group).ok_or_else(bad)?;
    let after = match after {
        "" => None,
        id => Some(id.parse::<RecordId>().map_err(|_| bad())?),
    };
    Ok((at, after))
}

#[tonic::async_trait]
impl Lookouts for Api {
    async fn create(
        &self,
        request: Request<message::CreateLookoutRequest>,
    ) -> Result<Response<Released<message::ChangeResponse>>, Status> {
        self.serve(CREATE, request, async |admitted, request| Api::create(self, admitted, request).await).await
    }

    async fn get(
        &self,
        request: Request<message::GetLookoutRequest>,
    ) -> Result<Response<Released<message::LookoutRecord>>, Status> {
        self.serve(GET, request, async |admitted, request| Api::get(self, admitted, request).await).await
    }

    async fn update(
        &self,
        request: Request<message::UpdateLookoutRequest>,
    ) -> Result<Response<Released<message::ChangeResponse>>, Status> {
        self.serve(UPDATE, request, async |admitted, request| Api::update(self, admitted, request).await).await
    }

    async fn remove(
        &self,
        request: Request<message::RemoveLookoutRequest>,
    ) -> Result<Response<Released<message::ChangeResponse>>, Status> {
        self.serve(REMOVE, request, async |admitted, request| Api::remove(self, admitted, request).await).await
    }

    async fn list(
        &self,
        request: Request<message::ListLookoutsRequest>,
    ) -> Result<Response<Released<message::ListLookoutsResponse>>, Status> {
        self.serve(LIST, request, async |admitted, request| Api::list(self, admitted, request).await).await
    }

    async fn history(
        &self,
        request: Request<message::HistoryRequest>,
    ) -> Result<Response<Released<message::HistoryResponse>>, Status> {
        self.serve(HISTORY, request, async |admitted, request| Api::history(self, admitted, request).await).await
    }
}
