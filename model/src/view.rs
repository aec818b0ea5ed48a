//! What a decision may read of its group's state, and what it may write: typed, so that the rules know no key layout.

use crate::access::policy_bundle::{PolicyBundle, ProposedBundle};
use crate::audit::circumstances::SessionName;
use crate::audit::found_by::FoundBy;
use crate::audit::leaf::StoredLeaf;
use crate::audit::merkle::{Frontier, Hash, Node};
use crate::audit::published::Published;
use crate::audit::sequences::{Last, Scope};
use crate::command::cluster::{ClusterInfo, NodeInfo};
use crate::command::import::ImportState;
use crate::command::{Outcome, Remembered};
use crate::data_key::DataKey;
use crate::feed::Change;
use crate::ids::{ImportId, NodeId, OverrideId, RecordId, RequestId, SlotId, SourceList, Token, UserId};
use crate::outbox::{Lane, Posted};
use crate::overrides::StoredOverride;
use crate::people::{
    Agency, Agreement, Ceremony, CertificateKey, Credential, Memorandum, Party, PeopleView, Profile, Role, Scores,
};
use crate::policy::Policies;
use crate::record::{Dataset, StoredRecord};
use crate::session::Session;
use crate::slots::SlotMap;
use crate::time::UnixMillis;

/// State could not be read: damage or an I/O error. The replica stops; it never goes on with "nothing there".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ViewError(pub String);

/// Result of a read.
pub type Read<T> = Result<T, ViewError>;

/// The state of one group as of the entry before, including what earlier entries of the same batch wrote.
pub trait View: PeopleView {
    /// The newest version of a record.
    fn record(&self, dataset: Dataset, id: RecordId) -> Read<Option<StoredRecord>>;
    /// A version of a record.
    fn version(&self, dataset: Dataset, id: RecordId, version: u64) -> Read<Option<StoredRecord>>;
    /// The overrides of a record, in order of id.
    fn overrides(&self, dataset: Dataset, id: RecordId) -> Read<Vec<StoredOverride>>;
    /// What is remembered of a request.
    fn request(&self, slot: SlotId, request: RequestId) -> Read<Option<Remembered>>;
    /// The oldest remembered requests of a slot, recorded before a time.
    fn requests_before(&self, slot: SlotId, before: UnixMillis, limit: usize) -> Read<Vec<(UnixMillis, RequestId)>>;
    /// The slot map as this group knows it.
    fn slot_map(&self) -> Read<Option<SlotMap>>;
    /// The latest import of a source.
    fn import(&self, source: &SourceList) -> Read<Option<ImportState>>;
    /// Active records of a source after an id, with the import that saw them last.
    fn source_marks(
        &self,
        source: &SourceList,
        after: Option<RecordId>,
        limit: usize,
    ) -> Read<Vec<(RecordId, ImportId)>>;
    /// The last sequence posted in a lane.
    fn posted(&self, lane: Lane) -> Read<u64>;
    /// The last sequence received from a lane.
    fn cursor(&self, lane: Lane) -> Read<u64>;
    /// The sequences of a lane that are still in the outbox, up to and with one, oldest first.
    fn outbox(&self, lane: Lane, up_to: u64, limit: usize) -> Read<Vec<u64>>;
    /// The right edge of the audit tree.
    fn frontier(&self) -> Read<Frontier>;
    /// The hash of a complete subtree of the audit tree.
    fn tree_node(&self, node: Node) -> Read<Option<Hash>>;
    /// The last number of an event within a session or port.
    fn sequence(&self, scope: &Scope) -> Read<Option<Last>>;
    /// The sessions whose first event was recorded before a time, oldest first.
    fn sessions_begun(&self, before: UnixMillis, limit: usize) -> Read<Vec<(UnixMillis, SessionName)>>;
    /// What is published of the audit log.
    fn published(&self) -> Read<Published>;
    /// The cluster's constants.
    fn cluster(&self) -> Read<Option<ClusterInfo>>;
    /// The matching policies in force.
    fn policies(&self) -> Read<Option<Policies>>;
    /// The keys of data, in order of id.
    fn data_keys(&self) -> Read<Vec<DataKey>>;
}

/// One change of state. A decision's writes are stored in one batch with the applied index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// A new version: becomes the newest, and joins the record's history.
    PutRecord(StoredRecord),
    /// A version under a newer key, of which nothing else changed.
    PutResealed {
        record: StoredRecord,
        /// Whether it is the newest.
        newest: bool,
    },
    PutToken(Token, Dataset, RecordId),
    DeleteToken(Token, Dataset, RecordId),
    PutOverride(StoredOverride),
    DeleteOverride(Dataset, RecordId, OverrideId),
    /// Search must look at the record again.
    Feed(Change),
    PutRequest(SlotId, RequestId, Remembered),
    DeleteRequest(SlotId, UnixMillis, RequestId),
    PutSlotMap(SlotMap),
    PutImport(SourceList, ImportState),
    PutSourceMark(SourceList, RecordId, ImportId),
    DeleteSourceMark(SourceList, RecordId),
    /// Puts a message into the outbox and moves its lane's sequence.
    Post(Posted),
    DeletePosted(Lane, u64),
    PutCursor(Lane, u64),
    PutLeaf(u64, StoredLeaf),
    /// The leaf is found by this.
    PutLeafRow(FoundBy, u64),
    PutTreeNode(Node, Hash),
    PutFrontier(Frontier),
    PutPublished(Published),
    PutSequence(Scope, Last),
    /// The first event of a session was recorded.
    PutSessionBegun(UnixMillis, SessionName),
    /// With its number, unless that has begun anew.
    ForgetSession {
        begun: UnixMillis,
        session: SessionName,
        with_number: bool,
    },
    PutCluster(ClusterInfo),
    PutNode(NodeId, NodeInfo),
    /// Those in force from now on; earlier versions stay.
    PutPolicies(Policies),
    PutDataKey(DataKey),
    PutAgency(Agency),
    PutAgreement(Agreement),
    /// With the rows by which it is found for each of its grantees.
    PutMemorandum(Memorandum),
    /// The newest version from now on; earlier versions stay.
    PutRole(Role),
    PutProfile(Box<Profile>),
    /// None left is stored as nothing.
    PutScores(Scores),
    PutFloor(Party, u64),
    PutCertificate(CertificateKey, UserId),
    PutCeremony(Ceremony),
    /// With the row by which it is found for its user.
    PutSession(Session),
    DeleteSession(UserId, Hash),
    PutCredential(Box<Credential>),
    /// The access policies in force from now on, and none is proposed; earlier versions stay.
    PutPolicyBundle(Box<PolicyBundle>),
    PutProposedBundle(Box<ProposedBundle>),
}

/// What a command does: writes for the store, outcome for the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effects {
    pub writes: Vec<Write>,
    pub outcome: Outcome,
}
