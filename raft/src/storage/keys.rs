//! Every key there is, in one place. The first byte is the tag; a retired tag is never given again. Numbers are big-endian,
//! so that order of keys is order of numbers. Keys hold ids, tokens and codes, never names (SECURITY.md 4).
//!
//! | tag | of | rest of the key | value |
//! |---|---|---|---|
//! | 0x01 | log | group u32, index u64 | `StoredEntry` |
//! | 0x02 | log | group u32 | `StoredVote` |
//! | 0x03 | log | group u32 | committed `StoredLogId` |
//! | 0x04 | log | group u32 | purged `StoredLogId` |
//! | 0x10 | state | - | `Applied`: last applied log id, membership, log time |
//! | 0x11 | state | dataset u16, slot u16, record id | newest `StoredRecord` |
//! | 0x12 | state | dataset u16, slot u16, record id, version u64 | `StoredRecord` |
//! | 0x13 | state | token, dataset u16, record id | empty |
//! | 0x14 | state | slot u16, request id | `Remembered` |
//! | 0x15 | state | slot u16, time u64, request id | empty |
//! | 0x16 | state | - | `SlotMap` |
//! | 0x17 | state | source list, 0x00 | `ImportState` |
//! | 0x18 | state | source list, 0x00, record id | import id |
//! | 0x19 | state | dataset u16, slot u16, record id, override id | `StoredOverride` |
//! | 0x20 | state | from slot u16, destination u32, sequence u64 | `Posted` |
//! | 0x21 | state | from slot u16, destination u32 | last posted sequence u64 |
//! | 0x22 | state | destination u32, from slot u16 | last received sequence u64 |
//! | 0x30 | state | log index u64, number u32 | `Change` for search |
//! | 0x31 | state | - | log index u64 up to which this replica trimmed the feed (its own, not replicated) |
//! | 0x40 | state | leaf index u64 | `StoredLeaf` |
//! | 0x41 | state | level u8, index u64 | hash of a complete subtree |
//! | 0x42 | state | - | `Frontier` |
//! | 0x43 | state | leaf hash | leaf index u64 |
//! | 0x44 | state | - | `Published` |
//! | 0x45 | state | session | last number of its events u64, time of the first one u64 |
//! | 0x46 | state | port, 0x00 | the same |
//! | 0x47 | state | time u64, session | empty |
//! | 0x48 | state | user, 0x00, leaf index u64 | empty |
//! | 0x49 | state | port, 0x00, leaf index u64 | empty |
//! | 0x4a | state | session, leaf index u64 | empty |
//! | 0x4b | state | changed record id, leaf index u64 | empty |
//! | 0x4c | state | token of what an event tells of, leaf index u64 | empty |
//! | 0x50 | state | - | `ClusterInfo` |
//! | 0x51 | state | node u64 | `NodeInfo` |
//! | 0x52 | state | - | `Policies` in force |
//! | 0x53 | state | version u64 | `Policies` |
//! | 0x54 | state | key id u32 | `DataKey` |
//! | 0x60 | state | agency, 0x00 | `Agency` |
//! | 0x61 | state | agency, 0x00, agreement, 0x00 | `Agreement` |
//! | 0x62 | state | memorandum, 0x00 | `Memorandum` |
//! | 0x63 | state | party u16, its code, 0x00, memorandum | empty |
//! | 0x64 | state | role, 0x00 | newest `Role` |
//! | 0x65 | state | role, 0x00, version u64 | `Role` |
//! | 0x66 | state | user, 0x00 | `Profile` |
//! | 0x67 | state | user, 0x00 | `Scores` |
//! | 0x68 | state | party u16, its code, 0x00 | epoch u64 |
//! | 0x69 | state | first 16 bytes of the SHA-256 of a certificate's name | user |
//! | 0x6a | state | - | `Ceremony` |
//! | 0x6d | state | - | `PolicyBundle` in force |
//! | 0x6e | state | version u64 | `PolicyBundle` |
//! | 0x6f | state | - | `ProposedBundle` |
//! | 0x70 | state | SHA-256 of the handle | `Session` |
//! | 0x71 | state | user, 0x00, SHA-256 of the handle | empty |
//! | 0x72 | state | user, 0x00 | `Credential` |

use model::audit::circumstances::SessionName;
use model::audit::found_by::FoundBy;
use model::audit::merkle::{Hash, Node};
use model::audit::sequences::Scope;
use model::ids::{
    AgencyId, AgreementId, GroupId, MemorandumId, NodeId, OverrideId, RecordId, RequestId, RoleId, SlotId, SourceList,
    Token, UserId,
};
use model::outbox::{Destination, Lane};
use model::people::{CertificateKey, Party};
use model::record::Dataset;
use model::time::UnixMillis;

fn key(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
    key.push(tag);
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}

pub fn entry(group: GroupId, index: u64) -> Vec<u8> {
    key(0x01, &[&group.number().to_be_bytes(), &index.to_be_bytes()])
}
/// The index in an entry's key.
pub fn entry_index(key: &[u8]) -> Option<u64> {
    last_u64(key, 13)
}
pub fn vote(group: GroupId) -> Vec<u8> {
    key(0x02, &[&group.number().to_be_bytes()])
}
pub fn committed(group: GroupId) -> Vec<u8> {
    key(0x03, &[&group.number().to_be_bytes()])
}
pub fn purged(group: GroupId) -> Vec<u8> {
    key(0x04, &[&group.number().to_be_bytes()])
}

/// Whether a row of a state has a value with a checksum of its own. The others are empty or of fixed length, and what the
/// storage engine reads back is all that they are checked by.
pub fn is_framed(key: &[u8]) -> bool {
    matches!(
        key.first(),
        Some(0x10 | 0x11 | 0x12 | 0x14 | 0x16 | 0x17 | 0x19 | 0x20 | 0x30 | 0x40 | 0x42 | 0x44 | 0x50..=0x54)
            | Some(0x60..=0x62 | 0x64..=0x67 | 0x6a | 0x6d..=0x70 | 0x72)
    )
}

pub const APPLIED: &[u8] = &[0x10];
pub const SLOT_MAP: &[u8] = &[0x16];
pub const FRONTIER: &[u8] = &[0x42];
pub const PUBLISHED: &[u8] = &[0x44];
pub const CLUSTER: &[u8] = &[0x50];
/// Prefix of the newest versions of all records.
pub const RECORDS: &[u8] = &[0x11];
/// Prefix of all versions of all records.
pub const VERSIONS: &[u8] = &[0x12];
/// Prefix of the overrides of all records.
pub const OVERRIDES: &[u8] = &[0x19];
/// Prefix of the outbox.
pub const OUTBOX: &[u8] = &[0x20];
/// Prefix of search's feed.
pub const FEED: &[u8] = &[0x30];
/// How far the feed was trimmed.
pub const FEED_TRIMMED: &[u8] = &[0x31];
/// The matching policies in force.
pub const POLICIES: &[u8] = &[0x52];
/// Prefix of the keys of data.
pub const DATA_KEYS: &[u8] = &[0x54];
/// Prefix of the nodes.
pub const NODES: &[u8] = &[0x51];

/// Prefix of the agencies.
pub const AGENCIES: &[u8] = &[0x60];
/// Prefix of all agreements.
pub const AGREEMENTS: &[u8] = &[0x61];
/// Prefix of all memoranda.
pub const MEMORANDA: &[u8] = &[0x62];
/// Prefix of the newest versions of all roles.
pub const ROLES: &[u8] = &[0x64];
/// Prefix of the accounts.
pub const PROFILES: &[u8] = &[0x66];
/// What the founding ceremony must prove.
pub const CEREMONY: &[u8] = &[0x6a];
/// The access policies in force.
pub const POLICY_BUNDLE: &[u8] = &[0x6d];
/// Those that wait for approval.
pub const PROPOSED_BUNDLE: &[u8] = &[0x6f];

/// The matching policies of a version.
pub fn policies_of(version: u64) -> Vec<u8> {
    key(0x53, &[&version.to_be_bytes()])
}

/// A key of data.
pub fn data_key(id: u32) -> Vec<u8> {
    key(0x54, &[&id.to_be_bytes()])
}

pub fn record(dataset: Dataset, id: RecordId) -> Vec<u8> {
    key(0x11, &[&dataset.number().to_be_bytes(), &id.slot().0.to_be_bytes(), &id.0])
}
/// The id in the key of a newest version.
pub fn record_id(key: &[u8]) -> Option<RecordId> {
    tail(key, 21).map(RecordId)
}
pub fn versions(dataset: Dataset, id: RecordId) -> Vec<u8> {
    key(0x12, &[&dataset.number().to_be_bytes(), &id.slot().0.to_be_bytes(), &id.0])
}
pub fn version(dataset: Dataset, id: RecordId, version: u64) -> Vec<u8> {
    let mut key = versions(dataset, id);
    key.extend_from_slice(&version.to_be_bytes());
    key
}
pub fn tokens(token: Token) -> Vec<u8> {
    key(0x13, &[&token.0])
}
pub fn token(token: Token, dataset: Dataset, id: RecordId) -> Vec<u8> {
    key(0x13, &[&token.0, &dataset.number().to_be_bytes(), &id.0])
}
/// The dataset and record in a token's key.
pub fn token_record(key: &[u8]) -> Option<(Dataset, RecordId)> {
    let dataset = key.get(17..19)?;
    let dataset = Dataset::from_number(u16::from_be_bytes([dataset[0], dataset[1]]))?;
    tail(key, 35).map(|id| (dataset, RecordId(id)))
}
pub fn request(slot: SlotId, request: RequestId) -> Vec<u8> {
    key(0x14, &[&slot.0.to_be_bytes(), &request.0])
}
pub fn requests_by_time(slot: SlotId) -> Vec<u8> {
    key(0x15, &[&slot.0.to_be_bytes()])
}
pub fn request_by_time(slot: SlotId, at: UnixMillis, request: RequestId) -> Vec<u8> {
    key(0x15, &[&slot.0.to_be_bytes(), &at.0.to_be_bytes(), &request.0])
}
/// The time and request in a key by time.
pub fn timed_request(key: &[u8]) -> Option<(UnixMillis, RequestId)> {
    let at = key.get(3..11)?.try_into().ok().map(u64::from_be_bytes)?;
    tail(key, 27).map(|id| (UnixMillis(at), RequestId(id)))
}
pub fn import(source: &SourceList) -> Vec<u8> {
    key(0x17, &[source.as_str().as_bytes(), &[0]])
}
pub fn source_marks(source: &SourceList) -> Vec<u8> {
    key(0x18, &[source.as_str().as_bytes(), &[0]])
}
pub fn source_mark(source: &SourceList, id: RecordId) -> Vec<u8> {
    key(0x18, &[source.as_str().as_bytes(), &[0], &id.0])
}
/// The record in a source mark's key.
pub fn marked_record(key: &[u8]) -> Option<RecordId> {
    key.len().checked_sub(16).and_then(|at| key[at..].try_into().ok()).map(RecordId)
}
/// Prefix of the overrides of a record.
pub fn overrides(dataset: Dataset, id: RecordId) -> Vec<u8> {
    key(0x19, &[&dataset.number().to_be_bytes(), &id.slot().0.to_be_bytes(), &id.0])
}
pub fn override_of(dataset: Dataset, id: RecordId, own: OverrideId) -> Vec<u8> {
    let mut key = overrides(dataset, id);
    key.extend_from_slice(&own.0);
    key
}
pub fn outbox_lane(lane: Lane) -> Vec<u8> {
    key(0x20, &[&lane.from.0.to_be_bytes(), &lane.to.number().to_be_bytes()])
}
pub fn outbox(lane: Lane, sequence: u64) -> Vec<u8> {
    key(0x20, &[&lane.from.0.to_be_bytes(), &lane.to.number().to_be_bytes(), &sequence.to_be_bytes()])
}
/// The sequence in an outbox key.
pub fn outbox_sequence(key: &[u8]) -> Option<u64> {
    last_u64(key, 15)
}
pub fn posted(lane: Lane) -> Vec<u8> {
    key(0x21, &[&lane.from.0.to_be_bytes(), &lane.to.number().to_be_bytes()])
}
pub fn cursor(lane: Lane) -> Vec<u8> {
    let Lane { from, to } = lane;
    let to: Destination = to;
    key(0x22, &[&to.number().to_be_bytes(), &from.0.to_be_bytes()])
}
pub fn feed(index: u64, number: u32) -> Vec<u8> {
    key(0x30, &[&index.to_be_bytes(), &number.to_be_bytes()])
}
/// The log index in a feed key.
pub fn feed_index(key: &[u8]) -> Option<u64> {
    key.get(1..9)?.try_into().ok().map(u64::from_be_bytes)
}
pub fn leaf(index: u64) -> Vec<u8> {
    key(0x40, &[&index.to_be_bytes()])
}
/// The index in a leaf's key.
pub fn leaf_index(key: &[u8]) -> Option<u64> {
    last_u64(key, 9)
}
pub fn tree_node(node: Node) -> Vec<u8> {
    key(0x41, &[&[node.level], &node.index.to_be_bytes()])
}
pub fn leaf_by_hash(hash: &Hash) -> Vec<u8> {
    key(0x43, &[hash])
}
pub fn sequence(scope: &Scope) -> Vec<u8> {
    match scope {
        Scope::Session(session) => key(0x45, &[session]),
        Scope::Port(port) => of_code(&[0x46], port),
    }
}
/// Prefix of the leaves that are found by something.
pub fn leaf_rows(way: &FoundBy) -> Vec<u8> {
    match way {
        FoundBy::User(user) => of_code(&[0x48], user),
        FoundBy::Port(port) => of_code(&[0x49], port),
        FoundBy::Session(session) => key(0x4a, &[session]),
        FoundBy::Changed(record) => key(0x4b, &[&record.0]),
        FoundBy::Token(token) => key(0x4c, &[&token.0]),
    }
}
pub fn leaf_row(way: &FoundBy, index: u64) -> Vec<u8> {
    [&leaf_rows(way)[..], &index.to_be_bytes()].concat()
}
/// The leaf's index in such a key.
pub fn row_leaf(key: &[u8]) -> Option<u64> {
    key.last_chunk::<8>().map(|index| u64::from_be_bytes(*index))
}
pub fn session_begun(begun: UnixMillis, session: &SessionName) -> Vec<u8> {
    key(0x47, &[&begun.0.to_be_bytes(), session])
}
/// Prefix of the sessions by the time of their first event.
pub const SESSIONS_BEGUN: &[u8] = &[0x47];
/// Time and session of such a key.
pub fn begun_session(key: &[u8]) -> Option<(UnixMillis, SessionName)> {
    let begun = key.get(1..9)?.try_into().ok().map(u64::from_be_bytes)?;
    Some((UnixMillis(begun), key.get(9..)?.try_into().ok()?))
}
pub fn node(node: NodeId) -> Vec<u8> {
    key(0x51, &[&node.0.to_be_bytes()])
}
/// The row of a code below a prefix: no code holds a zero byte, so none is the beginning of another.
pub fn of_code(prefix: &[u8], code: &str) -> Vec<u8> {
    [prefix, code.as_bytes(), &[0]].concat()
}
pub fn agency(id: &AgencyId) -> Vec<u8> {
    of_code(AGENCIES, id.as_str())
}
/// Prefix of the agreements of an agency.
pub fn agreements(agency: &AgencyId) -> Vec<u8> {
    of_code(AGREEMENTS, agency.as_str())
}
pub fn agreement(agency: &AgencyId, id: &AgreementId) -> Vec<u8> {
    of_code(&agreements(agency), id.as_str())
}
pub fn memorandum(id: &MemorandumId) -> Vec<u8> {
    of_code(MEMORANDA, id.as_str())
}
/// Prefix of the memoranda for a party.
pub fn memoranda_for(grantee: &Party) -> Vec<u8> {
    of_code(&key(0x63, &[&grantee.number().to_be_bytes()]), grantee.code())
}
pub fn memorandum_for(grantee: &Party, id: &MemorandumId) -> Vec<u8> {
    [memoranda_for(grantee).as_slice(), id.as_str().as_bytes()].concat()
}
/// The memorandum in such a key.
pub fn memorandum_id(grantee: &Party, key: &[u8]) -> Option<MemorandumId> {
    let id = key.strip_prefix(memoranda_for(grantee).as_slice())?;
    MemorandumId::new(std::str::from_utf8(id).ok()?).ok()
}
pub fn role(id: &RoleId) -> Vec<u8> {
    of_code(ROLES, id.as_str())
}
pub fn role_version(id: &RoleId, version: u64) -> Vec<u8> {
    [of_code(&[0x65], id.as_str()).as_slice(), &version.to_be_bytes()].concat()
}
pub fn profile(user: &UserId) -> Vec<u8> {
    of_code(PROFILES, user.as_str())
}
pub fn scores(user: &UserId) -> Vec<u8> {
    of_code(&[0x67], user.as_str())
}
pub fn floor(party: &Party) -> Vec<u8> {
    of_code(&key(0x68, &[&party.number().to_be_bytes()]), party.code())
}
pub fn certificate(name: CertificateKey) -> Vec<u8> {
    key(0x69, &[&name.0])
}
pub fn session(handle: &Hash) -> Vec<u8> {
    key(0x70, &[handle])
}
pub fn credential(user: &UserId) -> Vec<u8> {
    of_code(&[0x72], user.as_str())
}
/// Prefix of the sessions of a user.
pub fn sessions_of(user: &UserId) -> Vec<u8> {
    of_code(&[0x71], user.as_str())
}
pub fn session_of(user: &UserId, handle: &Hash) -> Vec<u8> {
    [sessions_of(user).as_slice(), handle].concat()
}
/// The session in such a key.
pub fn session_handle(key: &[u8]) -> Option<Hash> {
    key.last_chunk().copied()
}

/// The access policies of a version.
pub fn policy_bundle_of(version: u64) -> Vec<u8> {
    key(0x6e, &[&version.to_be_bytes()])
}

fn tail(key: &[u8], length: usize) -> Option<[u8; 16]> {
    if key.len() != length { None } else { key[length - 16..].try_into().ok() }
}

fn last_u64(key: &[u8], length: usize) -> Option<u64> {
    if key.len() != length { None } else { key[length - 8..].try_into().ok().map(u64::from_be_bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_override_stands_below_its_record_and_is_checked_when_a_state_is_read() {
        let (id, own) = (RecordId([3; 16]), OverrideId([4; 16]));
        let key = override_of(Dataset::Tecs, id, own);
        assert!(key.starts_with(&overrides(Dataset::Tecs, id)) && key.ends_with(&own.0));
        assert_eq!(key.len(), 37);
        assert!(is_framed(&key));
    }

    #[test]
    fn rows_of_one_code_are_not_below_another_and_floors_alone_have_no_frame() {
        let (short, long) = (AgencyId::new("CB").expect("code"), AgencyId::new("CBP").expect("code"));
        let id = AgreementId::new("moa").expect("code");
        assert!(agreement(&short, &id).starts_with(&agreements(&short)));
        assert!(!agreement(&long, &id).starts_with(&agreements(&short)));
        let (party, memo) = (Party::Agency(long.clone()), MemorandumId::new("m-1").expect("code"));
        assert_eq!(memorandum_id(&party, &memorandum_for(&party, &memo)), Some(memo.clone()));
        assert_eq!(memorandum_id(&Party::Agency(short), &memorandum_for(&party, &memo)), None);
        let (user, role_id) = (UserId::new("u-1").expect("code"), RoleId::new("r").expect("code"));
        let framed = [agency(&long), agreement(&long, &id), memorandum(&memo), role(&role_id)];
        assert!(framed.iter().all(|key| is_framed(key)));
        assert!(
            [role_version(&role_id, 1), profile(&user), scores(&user), credential(&user), CEREMONY.to_vec()]
                .iter()
                .all(|key| is_framed(key))
        );
        let bare = [memorandum_for(&party, &memo), floor(&party), certificate(CertificateKey::of("CN=x"))];
        assert!(bare.iter().all(|key| !is_framed(key)));
    }

    proptest! {
        #[test]
        fn keys_give_back_what_they_were_made_of(id: [u8; 16], number: u64, at: u64, slot: u16) {
            let id_ = RecordId(id);
            prop_assert_eq!(record_id(&record(Dataset::Tecs, id_)), Some(id_));
            prop_assert_eq!(token_record(&token(Token(id), Dataset::Apis, id_)), Some((Dataset::Apis, id_)));
            prop_assert_eq!(entry_index(&entry(GroupId::Audit(3), number)), Some(number));
            let request = RequestId(id);
            prop_assert_eq!(
                timed_request(&request_by_time(SlotId(slot), UnixMillis(at), request)),
                Some((UnixMillis(at), request))
            );
            let list = SourceList::new("ofac-sdn").expect("code");
            prop_assert_eq!(marked_record(&source_mark(&list, id_)), Some(id_));
            let lane = Lane { from: SlotId(slot), to: Destination::Group(GroupId::Audit(0)) };
            prop_assert_eq!(outbox_sequence(&outbox(lane, number)), Some(number));
            prop_assert_eq!(feed_index(&feed(number, 1)), Some(number));
            prop_assert_eq!(leaf_index(&leaf(number)), Some(number));
        }

        #[test]
        fn order_of_keys_is_order_of_numbers(a: u64, b: u64) {
            prop_assert_eq!(leaf(a).cmp(&leaf(b)), a.cmp(&b));
            prop_assert_eq!(entry(GroupId::Directory, a).cmp(&entry(GroupId::Directory, b)), a.cmp(&b));
        }
    }
}
