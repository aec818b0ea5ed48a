//! Reading the audit: itself audited. Leaves leave as they are stored, so that the reader verifies and need not believe.

use model::access::function::Function;
use model::audit::checkpoint::origin;
use model::audit::event::{ChangeKind, EventKind, EventPayload, ReleasedBy, Term};
use model::audit::leaf::{Leaf, StoredLeaf};
use model::audit::merkle::{Hash, empty_root};
use model::audit::published::Published;
use model::codec;
use model::error::Invalid;
use model::ids::{GroupId, from_hex, to_hex};
use model::seal::Scope;
use model::time::UnixMillis;
use proto::v1 as message;
use raft::error::GroupError;
use raft::group::Group;
use raft::machine::State;
use raft::storage::StorageError;
use tonic::{Request, Response, Status};

use super::audit_cut::Sights;
use super::audit_search::SEARCH;
use super::v1::audit_server::Audit;
use super::{Api, Call, page_size};
use crate::audit::{Receipt, Released, Unreleased};
use crate::error::ApiError;
use crate::gate::{Admitted, Need};
use crate::records::unopened;

const READ: Call = Call { name: "audit_read", kind: EventKind::AuditRead, need: Need::Function(Function::AuditRead) };
const EXPORT: Call =
    Call { name: "audit_export", kind: EventKind::AuditRead, need: Need::Function(Function::AuditRead) };
const CHECKPOINT: Call =
    Call { name: "audit_checkpoint", kind: EventKind::AuditRead, need: Need::Function(Function::AuditRead) };

const PUBLISHED: Call =
    Call { name: "audit_published", kind: EventKind::AuditRead, need: Need::Function(Function::AuditRead) };
const PROVE: Call = Call { name: "audit_prove", kind: EventKind::AuditRead, need: Need::Function(Function::AuditRead) };

impl Api {
    pub(super) fn audit_group(&self, name: &str) -> Result<&Group, ApiError> {
        let id = match name {
            "" => GroupId::Audit(0),
            name => name.parse()?,
        };
        if !matches!(id, GroupId::Audit(_)) {
            return Err(Invalid::new("group", format!("`{id}` keeps no audit log; use audit-0")).into());
        }
        Ok(self.0.groups.get(id)?)
    }

    async fn read_audit(
        &self,
        admitted: &Admitted,
        request: message::ReadAuditRequest,
    ) -> Result<Released<message::ReadAuditResponse>, ApiError> {
        let limit = page_size(request.limit)?;
        let group = self.audit_group(&request.group)?;
        group.linearize(admitted.left()?).await?;
        let receipt = read_receipt(&request.receipt)?;
        let (size, leaves) = group.read(|state| {
            let size = state.frontier()?.size();
            let (from, limit) = match (&receipt, request.from) {
                (Some(hash), _) => return Ok((size, leaf_of(group, state, hash)?.into_iter().collect())),
                (None, Some(from)) => (from, limit),
                // From the end, so that a page that is cut by its bytes lacks the oldest.
                (None, None) => return Ok((size, state.newest_leaves(limit)?)),
            };
            Ok((size, state.leaves(from, limit)?.rows))
        })?;
        if receipt.is_some() && leaves.is_empty() {
            return Err(ApiError::NoRecord);
        }
        let mut sights = Sights::new(self, &admitted.cut);
        let events: Result<Vec<_>, _> =
            leaves.iter().map(|(index, leaf)| self.event(*index, leaf, &mut sights)).collect();
        let body = message::ReadAuditResponse { events: events?, size, audit: None };
        self.release(admitted, Unreleased::new(body, None, admitted.event(READ.kind), admitted.payload())).await
    }

    /// An event as the API gives it, its payload opened as far as its reader sees the records that it is about.
    pub(super) fn event(
        &self,
        index: u64,
        stored: &StoredLeaf,
        sights: &mut Sights<'_>,
    ) -> Result<message::AuditEvent, ApiError> {
        let damaged = |reason: String| ApiError::Internal(format!("audit leaf {index}: {reason}"));
        let opened = stored.open(index).map_err(|error| damaged(error.to_string()))?;
        let Leaf { recorded_ms, header, session_sequence, port_sequence, .. } = opened;
        let mut payload = match &stored.payload {
            None => EventPayload::default(),
            Some(sealed) => {
                let plain = self.0.records.keys().open(Scope::Event(header.id), sealed);
                let plain = plain.map_err(|error| unopened(&format!("audit leaf {index}"), &error))?;
                EventPayload::from_cbor(&plain).map_err(|error| damaged(error.to_string()))?
            }
        };
        sights.cut(&header, &mut payload)?;
        let circumstances = header.circumstances.clone().unwrap_or_default();
        let decided_on = circumstances.policies.map(|_| message::DecidedOn {
            directory_index: circumstances.directory_index,
            profile_version: circumstances.profile_version,
            agreement_version: circumstances.agreement_version,
        });
        Ok(message::AuditEvent {
            index,
            recorded_at: UnixMillis(recorded_ms).rfc3339(),
            at: UnixMillis(header.at_ms).rfc3339(),
            kind: header.kind().map_or(header.kind.to_string(), |kind| kind.to_string()),
            verdict: header.verdict().map_or(header.verdict.to_string(), |verdict| verdict.to_string()),
            code: header.code.unwrap_or_default(),
            id: to_hex(&header.id),
            node: header.node,
            port: header.port,
            user: header.user,
            agency: header.agency,
            purpose: header.purpose,
            answer_sha256: header.answer.map(|digest| to_hex(&digest)).unwrap_or_default(),
            changes: header
                .changes
                .iter()
                .map(|changed| message::AuditChange {
                    id: changed.id_hex(),
                    version: changed.version,
                    change: ChangeKind::from_number(changed.change)
                        .map_or(changed.change.to_string(), |change| change.to_string()),
                })
                .collect(),
            released_by: ReleasedBy::from_number(header.released_by)
                .map_or(header.released_by.to_string(), |by| by.to_string()),
            source: header.source.unwrap_or_default(),
            receipt: Receipt(stored.hash()).to_string(),
            terms: payload
                .terms
                .into_iter()
                .map(|term| message::AuditTerm { field: term.field, value: term.value })
                .collect(),
            results: payload
                .results
                .iter()
                .map(|result| message::AuditResult {
                    id: to_hex(&result.id),
                    version: result.version,
                    score: f64::from(result.score) / 1_000_000.0,
                    overridden: result.overridden,
                })
                .collect(),
            text: payload.text.unwrap_or_default(),
            policy_version: payload.policies,
            session: circumstances.session.map(|session| to_hex(&session)).unwrap_or_default(),
            session_sequence,
            port_sequence,
            category: circumstances.category.unwrap_or_default(),
            function: circumstances.function.unwrap_or_default(),
            policies_sha256: circumstances.policies.map(|sha256| to_hex(&sha256)).unwrap_or_default(),
            decided_on,
            micros: circumstances.micros,
            answer_bytes: circumstances.bytes,
        })
    }

    async fn export_audit(
        &self,
        admitted: &Admitted,
        request: message::ExportAuditRequest,
    ) -> Result<Released<message::ExportAuditResponse>, ApiError> {
        let limit = page_size(request.limit)?;
        let group = self.audit_group(&request.group)?;
        group.linearize(admitted.left()?).await?;
        let (size, stored) =
            group.read(|state| Ok((state.frontier()?.size(), state.leaves(request.from, limit)?.rows)))?;
        let mut leaves = Vec::new();
        for (index, leaf) in stored {
            let payload = leaf.payload.as_ref().map(codec::encode).transpose();
            let payload = payload.map_err(|error| ApiError::Internal(error.to_string()))?.unwrap_or_default();
            leaves.push(message::ExportedLeaf { index, leaf: leaf.bytes, payload });
        }
        let mut payload = admitted.payload();
        payload.terms.push(Term { field: "exported".into(), value: leaves.len().to_string() });
        let body = message::ExportAuditResponse { leaves, size, audit: None };
        self.release(admitted, Unreleased::new(body, None, admitted.event(EXPORT.kind), payload)).await
    }

    async fn published(
        &self,
        admitted: &Admitted,
        request: message::PublishedRequest,
    ) -> Result<Released<message::PublishedResponse>, ApiError> {
        let group = self.audit_group(&request.group)?;
        group.linearize(admitted.left()?).await?;
        let Published { latest, witnessed, split_at } = group.read(|state| state.published())?;
        let key = self.0.records.keys().ring().log_key(&origin(self.0.gate.cluster(), group.id()));
        let key = key.map_err(|error| ApiError::Internal(error.to_string()))?;
        Ok(Released::without_record_data(message::PublishedResponse {
            group: group.id().to_string(),
            key: key.verifier().to_string(),
            latest: latest.map(|noted| noted.note).unwrap_or_default(),
            witnessed: witnessed.map(|noted| noted.note).unwrap_or_default(),
            split_at,
        }))
    }

    async fn prove_leaf(
        &self,
        admitted: &Admitted,
        request: message::ProveRequest,
    ) -> Result<Released<message::ProveResponse>, ApiError> {
        let group = self.audit_group(&request.group)?;
        let receipt = read_receipt(&request.receipt)?;
        if receipt.is_some() == request.index.is_some() {
            return Err(Invalid::new("receipt", "give either a receipt or an index".into()).into());
        }
        group.linearize(admitted.left()?).await?;
        let found = group.read(|state| {
            let leaf = match (&receipt, request.index) {
                (Some(receipt), _) => leaf_of(group, state, receipt)?,
                (None, index) => {
                    let index = index.unwrap_or_default();
                    state.leaves(index, 1)?.rows.pop().filter(|(at, _)| *at == index)
                }
            };
            let Some((index, leaf)) = leaf else { return Ok(None) };
            let Published { latest, witnessed, .. } = state.published()?;
            // A cosigned checkpoint convinces more people than a newer one that its log alone has signed.
            let covering = [witnessed, latest].into_iter().flatten().find(|noted| noted.size > index);
            let proven = covering.map(|noted| Ok((state.inclusion(index, noted.size)?, noted.note))).transpose()?;
            Ok(Some((index, leaf, proven)))
        })?;
        // No record: whoever mistypes it has tried to reach nothing that is not his.
        let field = if receipt.is_some() { "receipt" } else { "index" };
        let missing = || Invalid::new(field, "the log has no such event".into());
        let (index, leaf, proven) = found.ok_or_else(missing)?;
        let (path, checkpoint) = proven.ok_or_else(|| {
            let text =
                format!("leaf {index} is in no signed checkpoint yet; the log is signed every second as it grows");
            GroupError::Unavailable { group: group.id(), reason: text }
        })?;
        let payload = leaf.payload.as_ref().map(codec::encode).transpose();
        let payload = payload.map_err(|error| ApiError::Internal(error.to_string()))?.unwrap_or_default();
        let path = path.iter().map(|hash| hash.to_vec()).collect();
        let body = message::ProveResponse { index, leaf: leaf.bytes, payload, path, checkpoint, audit: None };
        self.release(admitted, Unreleased::new(body, None, admitted.event(PROVE.kind), admitted.payload())).await
    }

    async fn checkpoint(
        &self,
        admitted: &Admitted,
        request: message::CheckpointRequest,
    ) -> Result<Released<message::CheckpointResponse>, ApiError> {
        let group = self.audit_group(&request.group)?;
        group.linearize(admitted.left()?).await?;
        let made = group.read(|state| {
            let now = state.frontier()?.size();
            let size = if request.size == 0 { now } else { request.size };
            if size > now || request.old_size > size {
                return Ok(Err(now));
            }
            let proof = match request.old_size {
                0 => Vec::new(),
                old => state.consistency(old, size)?,
            };
            Ok(Ok((size, state.root_at(size)?.unwrap_or_else(empty_root), proof)))
        })?;
        let (size, root, proof) = made.map_err(|now| {
            Invalid::new(
                "size",
                format!("the log has {now} leaves; it cannot be asked for {}", request.old_size.max(request.size)),
            )
        })?;
        Ok(Released::without_record_data(message::CheckpointResponse {
            group: group.id().to_string(),
            size,
            root: root.to_vec(),
            consistency: proof.iter().map(|hash| hash.to_vec()).collect(),
        }))
    }
}

/// A receipt, if one was given.
fn read_receipt(text: &str) -> Result<Option<Hash>, ApiError> {
    if text.is_empty() {
        return Ok(None);
    }
    let hash = from_hex(text).and_then(|bytes| Hash::try_from(bytes).ok());
    Ok(Some(hash.ok_or_else(|| Invalid::new("receipt", "expected 64 hexadecimal digits".into()))?))
}

/// The leaf of a receipt.
fn leaf_of(group: &Group, state: State<'_>, receipt: &Hash) -> Result<Option<(u64, StoredLeaf)>, StorageError> {
    let Some(index) = state.leaf_of(receipt)? else { return Ok(None) };
    match state.leaves(index, 1)?.rows.pop() {
        Some((at, leaf)) if at == index && leaf.hash() == *receipt => Ok(Some((at, leaf))),
        _ => {
            let reason = format!("the leaf at {index} is not the one of its receipt");
            Err(StorageError::Damaged { place: group.id().to_string(), reason })
        }
    }
}

#[tonic::async_trait]
impl Audit for Api {
    async fn search(
        &self,
        request: Request<message::SearchAuditRequest>,
    ) -> Result<Response<Released<message::SearchAuditResponse>>, Status> {
        self.serve(SEARCH, request, async |admitted, request| self.search_audit(admitted, request).await).await
    }

    async fn read(
        &self,
        request: Request<message::ReadAuditRequest>,
    ) -> Result<Response<Released<message::ReadAuditResponse>>, Status> {
        self.serve(READ, request, async |admitted, request| self.read_audit(admitted, request).await).await
    }

    async fn export(
        &self,
        request: Request<message::ExportAuditRequest>,
    ) -> Result<Response<Released<message::ExportAuditResponse>>, Status> {
        self.serve(EXPORT, request, async |admitted, request| self.export_audit(admitted, request).await).await
    }

    async fn published(
        &self,
        request: Request<message::PublishedRequest>,
    ) -> Result<Response<Released<message::PublishedResponse>>, Status> {
        self.serve(PUBLISHED, request, async |admitted, request| Api::published(self, admitted, request).await).await
    }

    async fn prove(
        &self,
        request: Request<message::ProveRequest>,
    ) -> Result<Response<Released<message::ProveResponse>>, Status> {
        self.serve(PROVE, request, async |admitted, request| self.prove_leaf(admitted, request).await).await
    }

    async fn checkpoint(
        &self,
        request: Request<message::CheckpointRequest>,
    ) -> Result<Response<Released<message::CheckpointResponse>>, Status> {
        self.serve(CHECKPOINT, request, async |admitted, request| Api::checkpoint(self, admitted, request).await).await
    }
}
