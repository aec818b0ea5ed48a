//! An audit event: who, when, where, why, what came of it (SECURITY.md 3.3).
//!
//! The header is in clear and names no person; the payload (terms, result ids, positions) is sealed. Both are canonical
//! CBOR, so that an outsider reads them with stock tools.

use std::borrow::Cow;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::audit::circumstances::Circumstances;
use crate::codec::Stored;
use crate::envelope::Caller;
use crate::ids::{RecordId, RequestId, Token, to_hex};
use crate::limits::AUDIT_CHANGES_MAX;
use crate::seal::Sealed;
use crate::time::UnixMillis;

crate::coded! {
    /// What happened.
    pub enum EventKind {
        1 "query" => Query,
        2 "record-view" => RecordView,
        3 "list" => List,
        4 "create" => Create,
        5 "update" => Update,
        6 "remove" => Remove,
        7 "import" => Import,
        8 "batch-row" => BatchRow,
        9 "audit-read" => AuditRead,
        10 "administration" => Administration,
        11 "history" => History,
        12 "explain" => Explain,
        13 "override-record" => OverrideRecord,
        14 "override-end" => OverrideEnd,
        15 "override-list" => OverrideList,
        16 "compare" => Compare,
        30 "founding" => Founding,
        31 "log-on" => LogOn,
        32 "log-off" => LogOff,
        33 "session-list" => SessionList,
        34 "who-am-i" => WhoAmI,
        35 "denials" => Denials,
        /// Requests of a user beyond his rate, counted together.
        36 "excess" => Excess,
        /// Changes of an account, each by its name, since they are what is reviewed.
        40 "user-request" => UserRequest,
        41 "user-approve" => UserApprove,
        42 "standing" => Standing,
        43 "certify" => Certify,
        44 "suspend" => Suspend,
        45 "reinstate" => Reinstate,
        46 "user-close" => UserClose,
        47 "superiors" => Superiors,
        48 "stations" => Stations,
        49 "grant" => Grant,
        50 "revoke" => Revoke,
        51 "transaction-open" => TransactionOpen,
        52 "transaction-close" => TransactionClose,
        53 "affirm" => Affirm,
        54 "assign" => Assign,
        60 "agency-put" => AgencyPut,
        61 "role-put" => RolePut,
        62 "agreement-draft" => AgreementDraft,
        63 "agreement-advance" => AgreementAdvance,
        64 "memorandum-draft" => MemorandumDraft,
        65 "memorandum-advance" => MemorandumAdvance,
        66 "policy-propose" => PolicyPropose,
        67 "policy-approve" => PolicyApprove,
        /// Reading of accounts, and of agencies, roles, agreements, memoranda and access policies.
        70 "user-view" => UserView,
        71 "powers-view" => PowersView,
        72 "password-set" => PasswordSet,
        /// Failures locked the path of a password.
        73 "password-lock" => PasswordLock,
        74 "session-lock" => SessionLock,
        /// A factor was shown again: a locked session is open, and a step-up is fresh.
        75 "session-prove" => SessionProve,
        /// The path of a password, or an account that was not used, is open again.
        76 "unlock" => Unlock,
        /// A one-time secret was issued by which its holder sets his factors.
        77 "enrol" => Enrol,
    }
}

crate::coded! {
    /// What came of it.
    pub enum Verdict {
        1 "answered" => Answered,
        2 "refused" => Refused,
        3 "changed" => Changed,
        4 "unchanged" => Unchanged,
        5 "failed" => Failed,
    }
}

crate::coded! {
    /// What a change did to a record.
    pub enum ChangeKind {
        1 "created" => Created,
        2 "updated" => Updated,
        3 "removed" => Removed,
    }
}

crate::coded! {
    /// What made the event durable before the answer left.
    pub enum ReleasedBy {
        1 "quorum" => Quorum,
        2 "outbox" => Outbox,
        3 "spool" => Spool,
    }
}

/// A changed record, by id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cbor(array)]
pub struct ChangedRecord {
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub id: [u8; 16],
    #[n(1)]
    pub version: u64,
    #[n(2)]
    pub change: u16,
}

/// The clear part of an event. Field numbers are for ever.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct EventHeader {
    /// Layout of header and payload.
    #[n(0)]
    pub version: u16,
    /// The event's own id: the request's.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub id: [u8; 16],
    #[n(2)]
    pub kind: u16,
    #[n(3)]
    pub verdict: u16,
    /// The evaluation time of a question, the proposal time of a change.
    #[n(4)]
    pub at_ms: u64,
    #[n(5)]
    pub node: u64,
    #[n(6)]
    pub port: String,
    #[n(7)]
    pub user: String,
    #[n(8)]
    pub agency: String,
    #[n(9)]
    pub purpose: String,
    /// The stable code of a refusal or failure.
    #[n(10)]
    pub code: Option<String>,
    /// SHA-256 of the payload's nonce and the answer's body as encoded, without its positions.
    #[n(11)]
    #[cbor(with = "minicbor::bytes")]
    pub answer: Option<[u8; 32]>,
    /// Records that a change touched.
    #[n(12)]
    pub changes: Vec<ChangedRecord>,
    #[n(13)]
    pub released_by: u16,
    /// The source list of an import.
    #[n(14)]
    pub source: Option<String>,
    /// In which session and by which powers; from version 2 of a header on.
    #[n(15)]
    pub circumstances: Option<Circumstances>,
}

/// The fields of a header's first version. Headers stand within commands and messages whose layouts have no version for them, so the
/// header's own says what follows: of version 1 nothing, of version 2 the circumstances.
#[derive(Serialize, Deserialize)]
struct FirstFields<'a> {
    version: u16,
    id: [u8; 16],
    kind: u16,
    verdict: u16,
    at_ms: u64,
    node: u64,
    port: Cow<'a, str>,
    user: Cow<'a, str>,
    agency: Cow<'a, str>,
    purpose: Cow<'a, str>,
    code: Option<Cow<'a, str>>,
    answer: Option<[u8; 32]>,
    changes: Cow<'a, [ChangedRecord]>,
    released_by: u16,
    source: Option<Cow<'a, str>>,
}

impl Serialize for EventHeader {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeTuple;
        let first = FirstFields {
            version: self.version,
            id: self.id,
            kind: self.kind,
            verdict: self.verdict,
            at_ms: self.at_ms,
            node: self.node,
            port: Cow::Borrowed(&self.port),
            user: Cow::Borrowed(&self.user),
            agency: Cow::Borrowed(&self.agency),
            purpose: Cow::Borrowed(&self.purpose),
            code: self.code.as_deref().map(Cow::Borrowed),
            answer: self.answer,
            changes: Cow::Borrowed(&self.changes),
            released_by: self.released_by,
            source: self.source.as_deref().map(Cow::Borrowed),
        };
        let more = self.version >= WITH_CIRCUMSTANCES;
        let mut tuple = serializer.serialize_tuple(1 + usize::from(more))?;
        tuple.serialize_element(&first)?;
        if more {
            tuple.serialize_element(&self.circumstances)?;
        }
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for EventHeader {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = EventHeader;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the header of an event")
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<EventHeader, A::Error> {
                use serde::de::Error;
                let first: FirstFields<'_> = seq.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
                let circumstances = match first.version >= WITH_CIRCUMSTANCES {
                    true => seq.next_element()?.ok_or_else(|| A::Error::invalid_length(1, &self))?,
                    false => None,
                };
                Ok(EventHeader {
                    version: first.version,
                    id: first.id,
                    kind: first.kind,
                    verdict: first.verdict,
                    at_ms: first.at_ms,
                    node: first.node,
                    port: first.port.into_owned(),
                    user: first.user.into_owned(),
                    agency: first.agency.into_owned(),
                    purpose: first.purpose.into_owned(),
                    code: first.code.map(Cow::into_owned),
                    answer: first.answer,
                    changes: first.changes.into_owned(),
                    released_by: first.released_by,
                    source: first.source.map(Cow::into_owned),
                    circumstances,
                })
            }
        }
        deserializer.deserialize_tuple(2, Visitor)
    }
}

/// From this version on a header has circumstances, and its leaf numbers.
pub const WITH_CIRCUMSTANCES: u16 = 2;

/// The sealed part of an event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cbor(map)]
pub struct EventPayload {
    /// What was asked, field by field.
    #[n(0)]
    pub terms: Vec<Term>,
    /// Record ids that were answered, with versions and scores.
    #[n(1)]
    pub results: Vec<ResultRef>,
    /// The applied index of each group that the answer stands on.
    #[n(2)]
    pub as_of: Vec<Position>,
    /// Anything a person wrote.
    #[n(3)]
    pub text: Option<String>,
    /// Random bytes that the answer's digest begins with, so that nobody finds a short answer by guessing.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub nonce: Option<[u8; 16]>,
    /// The version of the matching policies that the answer was made by.
    #[n(5)]
    pub policies: Option<u64>,
}

/// One field of a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cbor(array)]
pub struct Term {
    #[n(0)]
    pub field: String,
    #[n(1)]
    pub value: String,
}

/// One answered record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cbor(array)]
pub struct ResultRef {
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub id: [u8; 16],
    #[n(1)]
    pub version: u64,
    /// Millionths.
    #[n(2)]
    pub score: u32,
    /// Whether the hit was marked as overridden. Events from before there were overrides lack it.
    #[n(3)]
    #[cbor(default)]
    pub overridden: bool,
}

/// The position of a group in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cbor(array)]
pub struct Position {
    #[n(0)]
    pub group: String,
    #[n(1)]
    pub applied: u64,
}

/// An event before the log: header and sealed payload, made by the node that answers or proposes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventDraft {
    pub header: EventHeader,
    pub payload: Sealed,
    /// Of what and whom it tells, keyed: by these the event is found. They are no part of the leaf, and a header of version 1 has none.
    pub tokens: Vec<Token>,
}

impl Serialize for EventDraft {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeTuple;
        let more = self.header.version >= WITH_CIRCUMSTANCES;
        let mut tuple = serializer.serialize_tuple(2 + usize::from(more))?;
        tuple.serialize_element(&self.header)?;
        tuple.serialize_element(&self.payload)?;
        if more {
            tuple.serialize_element(&self.tokens)?;
        }
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for EventDraft {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = EventDraft;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an event before the log")
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<EventDraft, A::Error> {
                use serde::de::Error;
                let header: EventHeader = seq.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
                let payload = seq.next_element()?.ok_or_else(|| A::Error::invalid_length(1, &self))?;
                let tokens = match header.version >= WITH_CIRCUMSTANCES {
                    true => seq.next_element()?.ok_or_else(|| A::Error::invalid_length(2, &self))?,
                    false => Vec::new(),
                };
                Ok(EventDraft { header, payload, tokens })
            }
        }
        deserializer.deserialize_tuple(3, Visitor)
    }
}

impl Stored for EventDraft {
    const TAG: u16 = 7;
    const VERSION: u8 = 1;
}

impl EventHeader {
    /// A header about a caller's request; verdict and what follows from it are set by whoever knows.
    pub fn new(kind: EventKind, request: RequestId, caller: &Caller, at: UnixMillis) -> Self {
        Self {
            version: WITH_CIRCUMSTANCES,
            id: request.0,
            kind: kind.number(),
            verdict: Verdict::Answered.number(),
            at_ms: at.0,
            node: caller.node.0,
            port: caller.port.to_string(),
            user: caller.user.to_string(),
            agency: caller.agency.to_string(),
            purpose: caller.purpose.to_string(),
            code: None,
            answer: None,
            changes: Vec::new(),
            released_by: ReleasedBy::Quorum.number(),
            source: None,
            circumstances: None,
        }
    }

    /// The header's canonical CBOR.
    pub fn to_cbor(&self) -> Vec<u8> {
        to_cbor(self)
    }

    /// The kind, unless a newer program wrote it.
    pub fn kind(&self) -> Option<EventKind> {
        EventKind::from_number(self.kind)
    }

    /// The verdict, unless a newer program wrote it.
    pub fn verdict(&self) -> Option<Verdict> {
        Verdict::from_number(self.verdict)
    }
}

impl EventPayload {
    /// The payload's canonical CBOR, to be sealed.
    pub fn to_cbor(&self) -> Vec<u8> {
        to_cbor(self)
    }

    /// Reads a payload that was opened.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, minicbor::decode::Error> {
        minicbor::decode(bytes)
    }
}

impl EventDraft {
    /// The same event for one share of many changes, so that each leaf stays small.
    pub fn split(&self, changes: &[ChangedRecord]) -> Vec<EventDraft> {
        let share = |changes: &[ChangedRecord]| {
            let mut part = self.clone();
            part.header.changes = changes.to_vec();
            part
        };
        if changes.is_empty() { vec![share(&[])] } else { changes.chunks(AUDIT_CHANGES_MAX).map(share).collect() }
    }
}

impl ChangedRecord {
    /// A changed record.
    pub fn new(id: RecordId, version: u64, change: ChangeKind) -> Self {
        Self { id: id.0, version, change: change.number() }
    }

    /// The record's id in hexadecimal.
    pub fn id_hex(&self) -> String {
        to_hex(&self.id)
    }
}

fn to_cbor<T: Encode<()>>(value: &T) -> Vec<u8> {
    // Writing to memory cannot fail.
    minicbor::to_vec(value).unwrap_or_else(|error| unreachable!("encoding to memory failed: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AgencyId, NodeId, PortId, Purpose, UserId};
    use proptest::prelude::*;

    pub fn caller() -> Caller {
        Caller {
            user: UserId::new("officer").expect("code"),
            agency: AgencyId::new("CBP").expect("code"),
            port: PortId::new("2404").expect("code"),
            purpose: Purpose::new("primary").expect("code"),
            node: NodeId(1),
        }
    }

    /// The layout of a result before overrides: its bytes stand in audit logs for ever.
    #[derive(Encode, Decode)]
    #[cbor(array)]
    struct ResultBefore {
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        id: [u8; 16],
        #[n(1)]
        version: u64,
        #[n(2)]
        score: u32,
    }

    /// A header of version 1 and the header after it, as bincode wrote them before there were circumstances.
    #[test]
    fn headers_of_version_1_read_as_they_were_also_in_the_midst_of_others() {
        #[derive(Serialize, Deserialize)]
        struct Two(EventHeader, EventHeader, u32);
        impl Stored for Two {
            const TAG: u16 = 65_001;
            const VERSION: u8 = 1;
        }
        let header = EventHeader::new(EventKind::Create, RequestId([5; 16]), &caller(), UnixMillis(1));
        let first = EventHeader { version: 1, ..header.clone() };
        let circumstances = Circumstances { session: Some([3; 16]), profile_version: 4, ..Circumstances::default() };
        let second = EventHeader { circumstances: Some(circumstances), ..header };
        let bytes = crate::codec::encode(&Two(first.clone(), second.clone(), 9)).expect("encodes");
        let Two(read, after, last) = crate::codec::decode(&bytes).expect("decodes");
        assert_eq!((read, after, last), (first.clone(), second, 9));
        // Its bytes are those of its fields and of nothing else, as they were written when the layout was derived.
        let alone = crate::codec::bytes_of(&first).expect("encodes");
        let written = concat!(
            "0105050505050505050505050505050505040101010432343034076f66666963657203434250077072696d617279",
            "0000000100"
        );
        assert_eq!(crate::ids::to_hex(&alone), written);
    }

    #[test]
    fn results_of_old_events_are_read_and_old_programs_read_new_ones() {
        let old = to_cbor(&ResultBefore { id: [1; 16], version: 2, score: 3 });
        let read: ResultRef = minicbor::decode(&old).expect("decodes");
        assert_eq!(read, ResultRef { id: [1; 16], version: 2, score: 3, overridden: false });
        let new = ResultRef { overridden: true, ..read };
        assert_eq!(minicbor::decode::<ResultRef>(&to_cbor(&new)).expect("decodes"), new);
        let before: ResultBefore = minicbor::decode(&to_cbor(&new)).expect("an old program reads it");
        assert_eq!((before.id, before.version, before.score), ([1; 16], 2, 3));
    }

    proptest! {
        #[test]
        fn headers_and_payloads_come_back_from_cbor(terms: Vec<(String, String)>, at: u64, code: Option<String>) {
            let mut header = EventHeader::new(EventKind::Query, RequestId([1; 16]), &caller(), UnixMillis(at));
            header.code = code;
            prop_assert_eq!(&minicbor::decode::<EventHeader>(&header.to_cbor()).expect("decodes"), &header);
            let terms = terms.into_iter().map(|(field, value)| Term { field, value }).collect();
            let payload = EventPayload { terms, ..EventPayload::default() };
            prop_assert_eq!(&EventPayload::from_cbor(&payload.to_cbor()).expect("decodes"), &payload);
        }
    }
}
