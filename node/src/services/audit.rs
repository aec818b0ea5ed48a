//! Reading the audit: itself audited. Leaves leave as they are stored, so that the reader verifies and need not believe.

use std::cell::RefCell;

use model::access::function::Function;
use model::audit::event::{ChangeKind, EventKind, EventPayload, ReleasedBy, Term};
use model::audit::leaf::{Leaf, StoredLeaf};
use model::audit::merkle::{consistency_proof, root_at};
use model::codec;
use model::error::Invalid;
use model::ids::{GroupId, from_hex, to_hex};
use model::seal::Scope;
use model::time::UnixMillis;
use proto::v1 as message;
use raft::group::Group;
use raft::storage::StorageError;
use tonic::{Request, Response, Status};

use super::audit_cut::Sights;
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

impl Api {
    fn audit_group(&self, name: &str) -> Result<&Group, ApiError> {
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
        let receipt = match request.receipt.as_str() {
            "" => None,
            text => {
                let hash = from_hex(text).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
                Some(hash.ok_or_else(|| Invalid::new("receipt", "expected 64 hexadecimal digits".into()))?)
            }
        };
        let (size, leaves) = group.read(|state| {
            let size = state.frontier()?.size();
            let (from, limit) = match (&receipt, request.from) {
                (Some(hash), _) => match state.leaf_of(hash)? {
                    Some(index) => {
                        let leaves = state.leaves(index, 1)?.rows;
                        if leaves.iter().any(|(at, leaf)| *at != index || leaf.hash() != *hash) {
                            let reason = format!("the leaf at {index} is not the one of its receipt");
                            return Err(StorageError::Damaged { place: group.id().to_string(), reason });
                        }
                        return Ok((size, leaves));
                    }
                    None => return Ok((size, Vec::new())),
                },
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
    fn event(&self, index: u64, stored: &StoredLeaf, sights: &mut Sights<'_>) -> Result<message::AuditEvent, ApiError> {
        let damaged = |reason: String| ApiError::Internal(format!("audit leaf {index}: {reason}"));
        let Leaf { recorded_ms, header, .. } = stored.open(index).map_err(|error| damaged(error.to_string()))?;
        let mut payload = match &stored.payload {
            None => EventPayload::default(),
            Some(sealed) => {
                let plain = self.0.records.keys().open(Scope::Event(header.id), sealed);
                let plain = plain.map_err(|error| unopened(&format!("audit leaf {index}"), &error))?;
                EventPayload::from_cbor(&plain).map_err(|error| damaged(error.to_string()))?
            }
        };
        sights.cut(&header, &mut payload)?;
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
            // Damage met on the way is not "no such node": it ends the read and stops the node.
            let damage = RefCell::new(None);
            let read = |node| {
                let read = state.tree_node(node);
                read.unwrap_or_else(|error| {
                    damage.replace(Some(error));
                    None
                })
            };
            let root = root_at(&read, size);
            let proof = match request.old_size {
                0 => Ok(Vec::new()),
                old => consistency_proof(&read, old, size),
            };
            match damage.take() {
                Some(error) => Err(error),
                None => Ok(Ok((size, root, proof))),
            }
        })?;
        let (size, root, proof) = made.map_err(|now| {
            Invalid::new(
                "size",
                format!("the log has {now} leaves; it cannot be asked for {}", request.old_size.max(request.size)),
            )
        })?;
        let damaged = |error: model::audit::merkle::ProofError| ApiError::Internal(error.to_string());
        Ok(Released::without_record_data(message::CheckpointResponse {
            group: group.id().to_string(),
            size,
            root: root.map_err(damaged)?.to_vec(),
            consistency: proof.map_err(damaged)?.iter().map(|hash| hash.to_vec()).collect(),
        }))
    }
}

#[tonic::async_trait]
impl Audit for Api {
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

    async fn checkpoint(
        &self,
        request: Request<message::CheckpointRequest>,
    ) -> Result<Response<Released<message::CheckpointResponse>>, Status> {
        self.serve(CHECKPOINT, request, async |admitted, request| Api::checkpoint(self, admitted, request).await).await
    }
}
