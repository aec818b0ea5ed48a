//! The two states of an answer. `Released` has no public constructor: this folder alone makes it.

use model::audit::event::{EventHeader, EventPayload, ReleasedBy};
use model::command::Changed;
use prost::Message;
use proto::v1;

use super::pipeline::Receipt;
use crate::error::ApiError;

/// An answer whose event is durable, or that holds no record data at all.
///
/// Whoever has one may hand it on:
///
/// ```
/// use portcullis_node::audit::Released;
/// fn hand_on(answer: Released<proto::v1::LookoutRecord>) -> Released<proto::v1::LookoutRecord> {
///     answer
/// }
/// ```
///
/// Nobody else makes one:
///
/// ```compile_fail,E0423
/// let answer = portcullis_node::audit::Released(proto::v1::LookoutRecord::default());
/// ```
///
/// nor says of what holds record data that it holds none:
///
/// ```compile_fail,E0277
/// let answer = portcullis_node::audit::Released::without_record_data(proto::v1::LookoutRecord::default());
/// ```
///
/// nor adds to the kinds that hold none:
///
/// ```compile_fail,E0603
/// impl portcullis_node::audit::NoRecordData for proto::v1::LookoutRecord {}
/// impl portcullis_node::audit::released::NoRecordDataHere for proto::v1::LookoutRecord {}
/// ```
///
/// nor gets at an answer that still waits for its event:
///
/// ```compile_fail,E0616
/// fn leak(answer: portcullis_node::audit::Unreleased<proto::v1::LookoutRecord>) -> proto::v1::LookoutRecord {
///     answer.body
/// }
/// ```
#[derive(Debug)]
pub struct Released<T>(T);

/// An answer that still waits for its event. `body` has no positions: the digest covers what is the same on every replica.
pub struct Unreleased<T> {
    pub(super) body: T,
    pub(super) as_of: Option<v1::AsOf>,
    pub(super) header: EventHeader,
    pub(super) payload: EventPayload,
}

impl<T: Answer> Unreleased<T> {
    /// An answer with what its event says of it.
    pub fn new(body: T, as_of: Option<v1::AsOf>, header: EventHeader, payload: EventPayload) -> Self {
        Self { body, as_of, header, payload }
    }

    pub(super) fn release(mut self, receipt: &Receipt, by: ReleasedBy) -> Released<T> {
        let audit = v1::AuditRef { receipt: receipt.to_string(), released_by: by.to_string() };
        self.body.attach(self.as_of, audit);
        Released(self.body)
    }
}

/// An answer that can carry its positions and the reference to its evidence.
pub trait Answer: Message {
    /// Sets what the digest does not cover.
    fn attach(&mut self, as_of: Option<v1::AsOf>, audit: v1::AuditRef);
}

mod sealed {
    /// Implemented in this file alone.
    pub trait NoRecordDataHere {}
}
use sealed::NoRecordDataHere;

/// Marks answers that hold nothing of any record: they need no event to be released.
pub trait NoRecordData: Message + NoRecordDataHere {}
impl<T: Message + NoRecordDataHere> NoRecordData for T {}

impl NoRecordDataHere for v1::StatusResponse {}
impl NoRecordDataHere for v1::MembershipResponse {}
impl NoRecordDataHere for v1::TransferLeaderResponse {}
impl NoRecordDataHere for v1::SnapshotResponse {}
impl NoRecordDataHere for v1::KeysResponse {}
impl NoRecordDataHere for v1::CheckpointResponse {}
impl NoRecordDataHere for v1::PublishedResponse {}
impl NoRecordDataHere for v1::PoliciesResponse {}
impl NoRecordDataHere for v1::BannerResponse {}

impl<T> Released<T> {
    /// An answer about the cluster or its work, without record data.
    pub fn without_record_data(body: T) -> Self
    where
        T: NoRecordData,
    {
        Self(body)
    }

    pub(crate) fn into_body(self) -> T {
        self.0
    }
}

impl Released<v1::ChangeResponse> {
    /// The answer to a change: its event stands in the outbox of the committed entry that made it. The warnings are about
    /// what the caller sent, and say nothing of any record.
    pub(crate) fn by_outbox(changed: &Changed, warnings: Vec<v1::Warning>) -> Self {
        Self(v1::ChangeResponse {
            id: changed.id.to_string(),
            version: changed.version,
            change: changed.change.map_or("unchanged".to_string(), |change| change.to_string()),
            warnings,
        })
    }
}

impl Released<v1::LogOnResponse> {
    /// A session that has begun: its event stands in the outbox of the committed entry that began it.
    pub(crate) fn session(_: &Changed, body: v1::LogOnResponse) -> Self {
        Self(body)
    }
}

impl Released<v1::SetPasswordResponse> {
    /// A password that was set: its event stands in the outbox of the committed entry that set it.
    pub(crate) fn password(_: &Changed, body: v1::SetPasswordResponse) -> Self {
        Self(body)
    }
}

impl Released<v1::ScreenResponse> {
    /// The same answer as a row of a batch.
    pub(crate) fn into_row(self, row: u64) -> Released<v1::BatchResponse> {
        Released(v1::BatchResponse { row, answer: Some(self.0), ..Default::default() })
    }
}

impl Released<v1::BatchResponse> {
    /// A row that was not answered; its refusal was audited where it was made.
    pub(crate) fn row_refused(row: u64, error: &ApiError) -> Self {
        let field = error.field().unwrap_or_default().to_string();
        Self(v1::BatchResponse { row, error: error.to_string(), code: error.code().to_string(), field, answer: None })
    }
}

macro_rules! positioned {
    ($($name:ident),+) => { $(
        impl Answer for v1::$name {
            fn attach(&mut self, as_of: Option<v1::AsOf>, audit: v1::AuditRef) {
                self.as_of = as_of;
                self.audit = Some(audit);
            }
        }
    )+ };
}

positioned!(ScreenResponse, CompareResponse, ExplainResponse);

macro_rules! audited {
    ($($name:ident),+) => { $(
        impl Answer for v1::$name {
            fn attach(&mut self, _: Option<v1::AsOf>, audit: v1::AuditRef) {
                self.audit = Some(audit);
            }
        }
    )+ };
}

audited!(
    LookoutRecord,
    ListLookoutsResponse,
    HistoryResponse,
    ListOverridesResponse,
    ReadAuditResponse,
    WhoAmIResponse,
    ListSessionsResponse,
    ExportAuditResponse,
    ProveResponse,
    SearchAuditResponse,
    ImportProgress,
    UserRecord,
    ListUsersResponse,
    AgencyRecord,
    ListAgenciesResponse,
    RoleRecord,
    ListRolesResponse,
    AgreementRecord,
    ListAgreementsResponse,
    MemorandumRecord,
    ListMemorandaResponse,
    AccessPoliciesResponse
);
