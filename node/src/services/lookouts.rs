//! Lookouts: create, read, change, remove, list, history.

use access::{Act, Object};
use model::access::admit::{Hidden, Visible};
use model::access::function::Function;
use model::access::labels::{self, Labels};
use model::audit::event::{ChangeKind, EventKind, EventPayload, ResultRef};
use model::command::create::CreateRecord;
use model::command::remove::RemoveRecord;
use model::command::update::UpdateRecord;
use model::command::{Changed, Command, Outcome};
use model::error::Invalid;
use model::ids::{GroupId, RecordId, RequestId, SourceList};
use model::known_bugs::{KnownBug, planted};
use model::limits::{LIST_LOOKED_AT_MAX, PAGE_BYTES_MAX, PAGE_MAX};
use model::record::{AccessLevel, RecordHeader, RecordState, StoredRecord};
use proto::convert::{lookout_from, unmask, warnings_to};
use proto::v1 as message;
use tonic::{Request, Response, Status};

use super::v1::lookouts_server::Lookouts;
use super::{Api, Call, page_size, request_id};
use crate::audit::{Released, Unreleased};
use crate::cut::Cut;
use crate::error::ApiError;
use crate::gate::{Admitted, Need};
use crate::records::DATASET;

const CREATE: Call =
    Call { name: "lookout_create", kind: EventKind::Create, need: Need::Function(Function::LookoutCreate) };
const GET: Call = Call { name: "lookout_get", kind: EventKind::RecordView, need: Need::Function(Function::RecordView) };
const UPDATE: Call =
    Call { name: "lookout_update", kind: EventKind::Update, need: Need::Function(Function::LookoutUpdate) };
const REMOVE: Call =
    Call { name: "lookout_remove", kind: EventKind::Remove, need: Need::Function(Function::LookoutRemove) };
const LIST: Call = Call { name: "lookout_list", kind: EventKind::List, need: Need::Function(Function::RecordList) };
const HISTORY: Call =
    Call { name: "lookout_history", kind: EventKind::History, need: Need::Function(Function::RecordHistory) };

/// Records that a list reads at a time at least.
const LIST_CHUNK_MIN: usize = 100;

fn record_id(text: &str) -> Result<RecordId, ApiError> {
    Ok(text.parse::<RecordId>()?)
}

fn present<T>(field: &str, value: Option<T>) -> Result<T, ApiError> {
    value.ok_or_else(|| Invalid::new(field, "is missing".into()).into())
}

fn result_of(record: &Visible<StoredRecord>) -> ResultRef {
    let header = &record.get().header;
    ResultRef { id: header.id.0, version: header.version, score: 0, overridden: false }
}

/// A record, if there is one and the caller sees it: who reads or changes one by its id is told the same of one that is
/// missing and of one that is hidden, before anything is proposed.
pub(super) fn sighted(cut: &Cut, record: Option<StoredRecord>) -> Result<Visible<StoredRecord>, ApiError> {
    cut.admit(Hidden::new(record.ok_or(ApiError::NoRecord)?)).map_err(ApiError::Hidden)
}

/// The answer to a change that went through the log.
pub(super) fn change_answer(
    outcome: Outcome,
    warnings: Vec<message::Warning>,
) -> Result<Released<message::ChangeResponse>, ApiError> {
    match outcome {
        Outcome::Changed(changed) => Ok(Released::by_outbox(&changed, warnings)),
        Outcome::Refused(refusal) => Err(refusal.into()),
        other => Err(ApiError::Internal(format!("a change was answered with {}", other.name()))),
    }
}

impl Api {
    pub(super) fn change_event(
        &self,
        admitted: &Admitted,
        kind: EventKind,
        request: RequestId,
    ) -> Result<model::audit::event::EventDraft, ApiError> {
        let mut header = admitted.event(kind);
        header.id = request.0;
        Ok(self.0.pipeline.draft(header, &admitted.payload())?)
    }

    /// A record as of everything acknowledged before, from this node's replica.
    pub(super) async fn fresh<T>(
        &self,
        admitted: &Admitted,
        id: RecordId,
        read: impl FnOnce(raft::machine::State<'_>) -> raft::storage::Result<T>,
    ) -> Result<T, ApiError> {
        let group = self.0.groups.get(self.owner(id.slot())?)?;
        group.linearize(admitted.left()?).await?;
        Ok(group.read(read)?)
    }

    /// The newest version of a record as of everything acknowledged before, if the caller sees it.
    pub(super) async fn seen(&self, admitted: &Admitted, id: RecordId) -> Result<Visible<StoredRecord>, ApiError> {
        sighted(&admitted.cut, self.fresh(admitted, id, |state| state.record(DATASET, id)).await?)
    }

    /// The same, if he may do something to it by the policies in force. Who sees it is told which rule refuses him.
    pub(super) async fn seen_for(
        &self,
        admitted: &Admitted,
        act: Act,
        id: RecordId,
    ) -> Result<Visible<StoredRecord>, ApiError> {
        let record = self.seen(admitted, id).await?;
        self.0.gate.may(admitted, act, Object::of(&record.get().header))?;
        Ok(record)
    }

    /// Whether the policies in force open a record that the labels opened. Where they do not, it is hidden (R13).
    pub(super) fn readable(&self, admitted: &Admitted, record: &Visible<StoredRecord>) -> Result<(), ApiError> {
        self.0.gate.may(admitted, Act::Read, Object::of(&record.get().header)).map_err(|error| match error {
            ApiError::Denied { denial, .. } => ApiError::Hidden(denial),
            other => other,
        })
    }

    async fn create(
        &self,
        admitted: &Admitted,
        request: message::CreateLookoutRequest,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let mut id = request_id(&request.request_id)?;
        if planted(KnownBug::RetryCreatesAgain) {
            id = self.0.gate.request_id();
        }
        let lookout = lookout_from(present("lookout", request.lookout)?).map_err(|error| error.within("lookout"))?;
        let warnings = warnings_to(lookout.warnings());
        let level = match request.level.as_str() {
            "" => AccessLevel::One,
            text => AccessLevel::from_code(text).ok_or_else(|| Invalid::new("level", "must be 1, 3 or 4".into()))?,
        };
        let (record, owner, labels) = (RecordId::of_request(id), admitted.caller.agency.clone(), request.labels);
        // Level 2 is refused in the log, whatever labels stand beside it (R16).
        if level != AccessLevel::Two {
            labels::check(level, &owner, &labels)?;
            let creator = admitted.caller.user.clone();
            let labels = Labels::new(DATASET, &owner, level, &labels, &creator);
            let object = Object { labels, level, creator, enhanced_document: false, owner_approves: false };
            self.0.gate.may(admitted, Act::Create, object)?;
        }
        self.0.records.keys().ready_for(DATASET, admitted.left()?).await?;
        let draft = self.0.records.draft(record, &lookout, owner, (level, labels), None)?;
        let event = self.change_event(admitted, CREATE.kind, id)?;
        let command = Command::CreateRecord(CreateRecord { draft, event });
        if planted(KnownBug::AnswerBeforeCommit) {
            let (api, admitted, owner) = (self.clone(), admitted.clone(), self.owner(record.slot())?);
            tokio::spawn(async move { api.propose(owner, &admitted, id, command).await.map(drop) });
            let changed = Changed { id: record, version: 1, change: Some(ChangeKind::Created) };
            return Ok(Released::by_outbox(&changed, warnings));
        }
        change_answer(self.propose(self.owner(record.slot())?, admitted, id, command).await?, warnings)
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
        let mut lookout = present("lookout", request.lookout)?;
        // What identifies the record, and who may see it, stays as it is.
        let seen = self.seen_for(admitted, Act::Update, record).await?.into_inner();
        // What the caller was shown is the version that he changes; whether it is the newest is for the log to say.
        let changed = match request.expected_version {
            version if version == seen.header.version => Some(seen.clone()),
            version => self.fresh(admitted, record, |state| state.version(DATASET, record, version)).await?,
        };
        if let Some(changed) = changed {
            unmask(&mut lookout, &self.0.records.open(&changed)?);
        }
        let lookout = lookout_from(lookout).map_err(|error| error.within("lookout"))?;
        let warnings = warnings_to(lookout.warnings());
        let RecordHeader { owner, level, labels, source, .. } = seen.header;
        self.0.records.keys().ready_for(DATASET, admitted.left()?).await?;
        let draft = self.0.records.draft(record, &lookout, owner, (level, labels), source)?;
        let event = self.change_event(admitted, UPDATE.kind, id)?;
        let command = Command::UpdateRecord(UpdateRecord { draft, expected_version: request.expected_version, event });
        change_answer(self.propose(self.owner(record.slot())?, admitted, id, command).await?, warnings)
    }

    async fn remove(
        &self,
        admitted: &Admitted,
        request: message::RemoveLookoutRequest,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let id = request_id(&request.request_id)?;
        let record = record_id(&request.id)?;
        let expected_version = (request.expected_version != 0).then_some(request.expected_version);
        self.seen_for(admitted, Act::Remove, record).await?;
        let event = self.change_event(admitted, REMOVE.kind, id)?;
        let command = Command::RemoveRecord(RemoveRecord { dataset: DATASET, id: record, expected_version, event });
        change_answer(self.propose(self.owner(record.slot())?, admitted, id, command).await?, Vec::new())
    }

    async fn get(
        &self,
        admitted: &Admitted,
        request: message::GetLookoutRequest,
    ) -> Result<Released<message::LookoutRecord>, ApiError> {
        let id = record_id(&request.id)?;
        let found = self.fresh(admitted, id, |state| {
            let version = match request.version {
                0 => None,
                version => Some(state.version(DATASET, id, version)?),
            };
            Ok((state.record(DATASET, id)?, version))
        });
        let (newest, version) = found.await?;
        // A version is seen by whoever sees both it and the newest: what was narrowed is narrow in its history too.
        let newest = sighted(&admitted.cut, newest)?;
        let record = version.map_or(Ok(newest), |version| sighted(&admitted.cut, version))?;
        self.readable(admitted, &record)?;
        let payload = EventPayload { results: vec![result_of(&record)], ..admitted.payload() };
        let body = self.0.records.message(&record)?;
        self.release(admitted, Unreleased::new(body, None, admitted.event(GET.kind), payload)).await
    }

    async fn history(
        &self,
        admitted: &Admitted,
        request: message::HistoryRequest,
    ) -> Result<Released<message::HistoryResponse>, ApiError> {
        let id = record_id(&request.id)?;
        let size = page_size(request.page_size)?;
        let (newest, page) = self
            .fresh(admitted, id, |state| {
                Ok((state.record(DATASET, id)?, state.history(DATASET, id, request.before_version, size)?))
            })
            .await?;
        self.readable(admitted, &sighted(&admitted.cut, newest)?)?;
        let oldest = page.rows.last().map(|last| last.header.version).ok_or(ApiError::NoRecord)?;
        let versions = page.rows.into_iter().map(Hidden::new);
        let versions: Vec<_> = versions.filter_map(|version| admitted.cut.admit(version).ok()).collect();
        let payload = EventPayload { results: versions.iter().map(result_of).collect(), ..admitted.payload() };
        let messages: Result<Vec<_>, _> = versions.iter().map(|record| self.0.records.message(record)).collect();
        let next_before_version = if page.cut { oldest } else { 0 };
        let body = message::HistoryResponse { versions: messages?, next_before_version, audit: None };
        self.release(admitted, Unreleased::new(body, None, admitted.event(HISTORY.kind), payload)).await
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
        let (at, after) = self.list_position(&request.page_token, &groups)?;
        let walk = Walk { source, removed: request.removed, size };
        let (records, next) = self.walk(admitted, &walk, &groups, at, after).await?;
        let next = next.map(|(group, after)| self.0.records.list_token(group, after));
        let next_page_token = next.transpose()?.unwrap_or_default();
        let payload = EventPayload { results: records.iter().map(result_of).collect(), ..admitted.payload() };
        let messages: Result<Vec<_>, _> = records.iter().map(|record| self.0.records.message(record)).collect();
        let body = message::ListLookoutsResponse { lookouts: messages?, next_page_token, audit: None };
        self.release(admitted, Unreleased::new(body, None, admitted.event(LIST.kind), payload)).await
    }
}

/// What a list shows.
struct Walk {
    source: Option<SourceList>,
    removed: bool,
    size: usize,
}

impl Walk {
    fn shows(&self, record: &StoredRecord) -> bool {
        let listed = record.header.source.as_ref().map(|source| &source.list);
        (self.removed || record.header.state == RecordState::Active)
            && self.source.as_ref().is_none_or(|source| listed == Some(source))
    }

    /// The next records of a group after an id, and the id that they reach if more may follow.
    fn page(
        &self,
        state: raft::machine::State<'_>,
        after: Option<RecordId>,
        wanted: usize,
    ) -> raft::storage::Result<(Vec<StoredRecord>, Option<RecordId>)> {
        let Some(source) = self.source.as_ref().filter(|_| !self.removed) else {
            // Records that are out of force are in no index of their source.
            let page = state.records(DATASET, after, wanted)?;
            let reached = page.rows.last().map(|record| record.header.id).filter(|_| page.cut);
            return Ok((page.rows, reached));
        };
        let ids = state.source_records(source, after, wanted)?;
        let (mut records, mut bytes) = (Vec::new(), 0);
        let mut reached = ids.last().copied().filter(|_| ids.len() == wanted);
        for id in ids {
            let Some(record) = state.record(DATASET, id)? else { continue };
            bytes += record.sealed.ciphertext.len();
            if bytes > PAGE_BYTES_MAX && !records.is_empty() {
                reached = records.last().map(|last: &StoredRecord| last.header.id);
                break;
            }
            records.push(record);
        }
        Ok((records, reached))
    }
}

impl Api {
    /// Walks group by group from a position; a page ends when it is full of records that the caller sees and there is another
    /// one, when the last group is through, or when enough was looked at. Returns where the next one goes on.
    async fn walk(
        &self,
        admitted: &Admitted,
        walk: &Walk,
        groups: &[GroupId],
        mut at: usize,
        mut after: Option<RecordId>,
    ) -> Result<(Vec<Visible<StoredRecord>>, Option<(GroupId, Option<RecordId>)>), ApiError> {
        let mut shown: Vec<Visible<StoredRecord>> = Vec::new();
        let (mut bytes, mut looked_at, mut last, mut fresh) = (0, 0, None, None);
        while let Some(id) = groups.get(at) {
            if looked_at >= LIST_LOOKED_AT_MAX {
                return Ok((shown, Some((*id, after))));
            }
            let group = self.0.groups.get(*id)?;
            if fresh != Some(at) {
                group.linearize(admitted.left()?).await?;
                fresh = Some(at);
            }
            let chunk = (walk.size + 1).clamp(LIST_CHUNK_MIN, PAGE_MAX);
            let (page, reached) = group.read(|state| walk.page(state, after, chunk))?;
            looked_at += page.len().max(1);
            for record in page {
                let (row, length) = (record.header.id, record.sealed.ciphertext.len());
                let opened = walk.shows(&record).then(|| admitted.cut.admit(Hidden::new(record)));
                let Some(Ok(record)) = opened else { continue };
                if shown.len() >= walk.size || !shown.is_empty() && bytes + length > PAGE_BYTES_MAX {
                    return Ok((shown, last));
                }
                bytes += length;
                shown.push(record);
                last = Some((*id, Some(row)));
            }
            after = reached;
            at += usize::from(reached.is_none());
        }
        Ok((shown, None))
    }

    /// Where a list goes on: which of the groups, and after which of its records.
    fn list_position(&self, token: &str, groups: &[GroupId]) -> Result<(usize, Option<RecordId>), ApiError> {
        if token.is_empty() {
            return Ok((0, None));
        }
        let bad = || Invalid::new("page_token", "is not one that this list gave".into());
        let (group, after) = self.0.records.list_position(token).ok_or_else(bad)?;
        let at = groups.iter().position(|other| *other == group).ok_or_else(bad)?;
        Ok((at, after))
    }
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
