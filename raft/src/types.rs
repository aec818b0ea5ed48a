//! The one place that spells openraft's generics, and the conversions between its types, the stored forms and the peer
//! protocol. Nothing of openraft is stored or sent as such: its layout may change, ours may not.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use model::codec::{self, CodecError, Stored};
use model::command::Outcome;
use model::time::UnixMillis;
use proto::peer;
use serde::{Deserialize, Serialize};

/// A command's stored envelope, as openraft carries it.
#[derive(Clone, PartialEq, Eq)]
pub struct Proposal(pub Bytes);

impl std::fmt::Debug for Proposal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl std::fmt::Display for Proposal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

/// What came of an entry; none for what is no command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied(pub Option<Outcome>);

impl std::fmt::Display for Applied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "outcome" } else { "nothing" })
    }
}

/// Where a member is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub address: String,
}

impl std::fmt::Display for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.address)
    }
}

openraft::declare_raft_types!(
    /// openraft as this product uses it.
    pub Config:
        D = Proposal,
        R = Applied,
        Node = Member,
        AsyncRuntime = openraft_rt::deterministic_rng::DeterministicRng<openraft_rt_tokio::TokioRuntime>,
);

/// The runtime with a seeded generator: each node draws its election timeouts from its own seed.
pub type Seeded = openraft_rt::deterministic_rng::DeterministicRng<openraft_rt_tokio::TokioRuntime>;
pub type Vote = openraft::type_config::alias::VoteOf<Config>;
pub type LogId = openraft::type_config::alias::LogIdOf<Config>;
pub type LeaderId = openraft::type_config::alias::LeaderIdOf<Config>;
pub type Entry = openraft::type_config::alias::EntryOf<Config>;
pub type SnapshotMeta = openraft::type_config::alias::SnapshotMetaOf<Config>;
pub type Membership = openraft::Membership<u64, Member>;
pub type StoredMembership = openraft::type_config::alias::StoredMembershipOf<Config>;
pub type Snapshot = openraft::type_config::alias::SnapshotOf<Config, SnapshotFiles>;
pub type Metrics = openraft::RaftMetrics<Config>;
pub type Raft = openraft::Raft<Config, crate::machine::Machine>;

/// A snapshot that lies in the state store: a checkpoint of its own by name, or one that was received, by its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotFiles {
    Checkpoint(String),
    Received(crate::storage::Manifest),
}

/// A log position, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredLogId {
    pub term: u64,
    pub node: u64,
    pub index: u64,
}

impl Stored for StoredLogId {
    const TAG: u16 = 100;
    const VERSION: u8 = 1;
}

impl From<LogId> for StoredLogId {
    fn from(id: LogId) -> Self {
        Self { term: id.leader_id.term, node: id.leader_id.node_id, index: id.index }
    }
}

impl From<StoredLogId> for LogId {
    fn from(id: StoredLogId) -> Self {
        LogId::new(LeaderId { term: id.term, node_id: id.node }, id.index)
    }
}

/// A vote, as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredVote {
    pub term: u64,
    pub node: u64,
    pub committed: bool,
}

impl Stored for StoredVote {
    const TAG: u16 = 101;
    const VERSION: u8 = 1;
}

impl From<&Vote> for StoredVote {
    fn from(vote: &Vote) -> Self {
        Self { term: vote.leader_id.term, node: vote.leader_id.node_id, committed: vote.committed }
    }
}

impl From<StoredVote> for Vote {
    fn from(vote: StoredVote) -> Self {
        Vote { leader_id: LeaderId { term: vote.term, node_id: vote.node }, committed: vote.committed }
    }
}

/// Voters (one set, or two during a change) and the addresses of all members, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    pub voters: Vec<BTreeSet<u64>>,
    pub addresses: BTreeMap<u64, String>,
}

impl From<&Membership> for Members {
    fn from(membership: &Membership) -> Self {
        let addresses = membership.nodes().map(|(id, member)| (*id, member.address.clone())).collect();
        Self { voters: membership.get_joint_config().clone(), addresses }
    }
}

impl Members {
    fn into_membership(self) -> Result<Membership, CodecError> {
        let members: BTreeMap<u64, Member> =
            self.addresses.into_iter().map(|(id, address)| (id, Member { address })).collect();
        Membership::new(self.voters, members).map_err(|error| CodecError::Payload(error.to_string()))
    }
}

model::numbered! {
    /// What a log entry holds.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum StoredPayload {
        1 => Blank(()),
        2 => Command(Vec<u8>),
        3 => Members(Members),
    }
}

/// A log entry, as stored and sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredEntry {
    pub id: StoredLogId,
    pub payload: StoredPayload,
}

impl Stored for StoredEntry {
    const TAG: u16 = 102;
    const VERSION: u8 = 1;
}

/// The stored form of an entry.
pub fn encode_entry(entry: &Entry) -> Result<Vec<u8>, CodecError> {
    use openraft::EntryPayload;
    let payload = match &entry.payload {
        EntryPayload::Blank => StoredPayload::Blank(()),
        EntryPayload::Normal(Proposal(bytes)) => StoredPayload::Command(bytes.to_vec()),
        EntryPayload::Membership(membership) => StoredPayload::Members(membership.into()),
    };
    codec::encode(&StoredEntry { id: entry.log_id.into(), payload })
}

/// The entry of a stored form.
pub fn decode_entry(bytes: &[u8]) -> Result<Entry, CodecError> {
    use openraft::EntryPayload;
    let stored: StoredEntry = codec::decode(bytes)?;
    let payload = match stored.payload {
        StoredPayload::Blank(()) => EntryPayload::Blank,
        StoredPayload::Command(bytes) => EntryPayload::Normal(Proposal(bytes.into())),
        StoredPayload::Members(members) => EntryPayload::Membership(members.into_membership()?),
    };
    Ok(Entry { log_id: stored.id.into(), payload })
}

/// How far a state machine is; in the same batch as the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub applied: Option<StoredLogId>,
    /// Log time: the greatest that any applied entry was stamped with.
    pub time: UnixMillis,
    pub members: Option<Members>,
    /// The entry that set the members.
    pub members_at: Option<StoredLogId>,
}

impl Stored for Position {
    const TAG: u16 = 103;
    const VERSION: u8 = 1;
}

impl Position {
    /// The position of an empty state.
    pub fn start() -> Self {
        Self { applied: None, time: UnixMillis(0), members: None, members_at: None }
    }

    /// The members as openraft knows them.
    pub fn membership(&self) -> Result<StoredMembership, CodecError> {
        match &self.members {
            None => Ok(StoredMembership::default()),
            Some(members) => {
                Ok(StoredMembership::new(self.members_at.map(LogId::from), members.clone().into_membership()?))
            }
        }
    }

    /// The meta of a snapshot at this position.
    pub fn meta(&self) -> Result<SnapshotMeta, CodecError> {
        Ok(SnapshotMeta { last_log_id: self.applied.map(LogId::from), last_membership: self.membership()? })
    }

    /// The position that a snapshot's meta states; its log time lies in the snapshot itself.
    pub fn of_meta(meta: &SnapshotMeta) -> Self {
        Self {
            applied: meta.last_log_id.map(StoredLogId::from),
            time: UnixMillis(0),
            members: Some(meta.last_membership.membership().into()),
            members_at: (*meta.last_membership.log_id()).map(StoredLogId::from),
        }
    }
}

/// A vote on the wire.
pub fn vote_to(vote: &Vote) -> peer::Vote {
    peer::Vote { term: vote.leader_id.term, node: vote.leader_id.node_id, committed: vote.committed }
}

/// A vote from the wire.
pub fn vote_from(vote: Option<peer::Vote>) -> Option<Vote> {
    vote.map(|vote| StoredVote { term: vote.term, node: vote.node, committed: vote.committed }.into())
}

/// A position on the wire.
pub fn log_id_to(id: &LogId) -> peer::LogId {
    peer::LogId { term: id.leader_id.term, node: id.leader_id.node_id, index: id.index }
}

/// A position from the wire.
pub fn log_id_from(id: peer::LogId) -> LogId {
    StoredLogId { term: id.term, node: id.node, index: id.index }.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use openraft::EntryPayload;

    #[test]
    fn entries_come_back_as_they_were() {
        let id = LogId::new(LeaderId { term: 3, node_id: 2 }, 17);
        let members: BTreeMap<u64, Member> = (1..=3).map(|n| (n, Member { address: format!("host-{n}:1") })).collect();
        let membership = Membership::new(vec![BTreeSet::from([1, 2]), BTreeSet::from([2, 3])], members).expect("valid");
        let payloads = [
            EntryPayload::Blank,
            EntryPayload::Normal(Proposal(Bytes::from_static(b"command"))),
            EntryPayload::Membership(membership),
        ];
        for payload in payloads {
            let entry = Entry { log_id: id, payload };
            let back = decode_entry(&encode_entry(&entry).expect("encodes")).expect("decodes");
            assert_eq!(format!("{back:?}"), format!("{entry:?}"));
        }
    }

    /// The first format ever written; it must decode for good.
    #[test]
    fn an_entry_of_the_first_format_still_decodes() {
        let id = StoredLogId { term: 1, node: 2, index: 3 };
        let entry = StoredEntry { id, payload: StoredPayload::Command(vec![9, 8]) };
        let bytes = codec::encode(&entry).expect("encodes");
        assert_eq!(&bytes[..3], &[102, 0, 1]);
        assert_eq!(&bytes[7..], &[1, 2, 3, 2, 2, 9, 8]);
    }
}
