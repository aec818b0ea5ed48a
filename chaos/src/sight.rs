//! What passes through the disks of all nodes, and what must always hold of it: Raft's own invariants, equal states at equal
//! positions, logs that only grow. Kept as it happens, so that a violation is found at the millisecond in which it happens.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::audit::leaf::StoredLeaf;
use model::audit::merkle::Hash;
use model::codec;
use model::data_key::DataKey;
use model::envelope::{Caller, Decision, Envelope};
use model::feed::Change;
use model::ids::{GroupId, OverrideId, RecordId};
use model::overrides::StoredOverride;
use model::policy::Policies;
use model::record::StoredRecord;
use model::time::UnixMillis;
use raft::storage::memory::Which;
use raft::storage::{Batch, Op, Reader, keys};
use raft::{Position, StoredEntry, StoredPayload, StoredVote};

use crate::event;
use crate::host::HeldCopy;
use crate::trace::Trace;

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The oracle that found it.
    pub promise: &'static str,
    /// Simulated milliseconds.
    pub at_ms: u64,
    pub what: String,
}

/// What all disks have shown; clones share it.
#[derive(Clone)]
pub struct Sight {
    inner: Arc<Mutex<Seen>>,
    trace: Trace,
}

/// A version of a record, and the log entry that made it.
#[derive(Debug, Clone)]
pub struct SeenVersion {
    pub group: GroupId,
    pub index: u64,
    pub record: StoredRecord,
}

/// A state of an override, and the end of the shortest batch that held the log entry which made it: no replica that has
/// applied less has it, and every one that has applied so much does.
#[derive(Debug, Clone)]
pub struct SeenOverride {
    pub group: GroupId,
    pub index: u64,
    pub stored: StoredOverride,
}

/// The rows of people and powers that a batch put into the directory, or took from it.
#[derive(Debug, Clone)]
pub struct SeenPowers {
    /// The end of the batch, and when some replica had first applied it.
    pub index: u64,
    pub at_ms: u64,
    pub rows: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// The decision that an entry of the log carries, with its caller, and when it was proposed.
pub type Decided = (Caller, Decision, UnixMillis);

/// What tells one lead from another: openraft orders them by term, then node, and a later one of the same term takes the place
/// of an earlier one.
pub type Leader = (u64, u64);

/// The tags of rows of people and powers, and that of floors among them.
const PEOPLE: std::ops::RangeInclusive<u8> = 0x60..=0x7f;
const FLOORS: u8 = 0x68;

/// Clocks of two nodes tick a little differently.
pub const CLOCKS_DIFFER_MS: u64 = 10;

/// Who votes: one set, or two while they change.
type Voters = Vec<BTreeSet<u64>>;

/// A replica's state.
#[derive(Default, Clone)]
struct Replica {
    /// Sum of the hashes of all its rows; none where a bit of it was turned over.
    digest: Option<u64>,
    applied: u64,
    time: UnixMillis,
}

/// All that was seen.
#[derive(Default)]
pub struct Seen {
    pub violations: Vec<Violation>,
    /// Every version of every record, by the replica that applied it first.
    pub versions: BTreeMap<(RecordId, u64), SeenVersion>,
    /// The same versions as they stand now, or stood last: under another key, and else as they were.
    pub stored: BTreeMap<(RecordId, u64), StoredRecord>,
    /// The keys of data, by id.
    pub data_keys: BTreeMap<u32, DataKey>,
    /// Every state of every override, by its version: as recorded, and when ended.
    pub overrides: BTreeMap<(OverrideId, u64), SeenOverride>,
    /// Every leaf of every audit group.
    pub leaves: BTreeMap<(GroupId, u64), StoredLeaf>,
    /// By leaf hash, where it stands and when some replica had first applied it.
    pub leaf_at: BTreeMap<Hash, (u64, u64)>,
    /// By version, the matching policies.
    pub policies: BTreeMap<u64, Policies>,
    /// People and powers, as the replica had them that was first to apply so much.
    pub powers: Vec<SeenPowers>,
    /// By group and its key, when a floor had become how high: the end of the shortest batch that held the entry which raised it.
    pub floors: BTreeMap<(GroupId, Vec<u8>), BTreeMap<u64, u64>>,
    /// By position and lead, what an entry was decided on.
    pub decisions: BTreeMap<(GroupId, u64, Leader), Decided>,
    /// Who led a group, by term and node, and the first entry of each.
    pub leaders: BTreeMap<(GroupId, Leader), u64>,
    /// The highest entry of a group that was applied anywhere.
    pub committed: BTreeMap<GroupId, u64>,
    /// By group, when the highest entry that was applied anywhere became so high.
    progress: BTreeMap<GroupId, Vec<(u64, u64)>>,
    /// When a group's replicas first had applied up to an entry (ends of batches).
    pub applied_at: BTreeMap<(GroupId, u64), u64>,
    pub snapshots_taken: u64,
    pub snapshots_installed: u64,
    /// By position and lead, the digest of the entry.
    entries: BTreeMap<(GroupId, u64, Leader), u64>,
    /// By position, the lead whose entry was applied.
    applied: BTreeMap<(GroupId, u64), Leader>,
    digests: BTreeMap<(GroupId, u64), (u64, u64)>,
    replicas: BTreeMap<(u64, GroupId), Replica>,
    votes: BTreeMap<(u64, GroupId), StoredVote>,
    /// By replica and position, what its log says of who votes.
    members: BTreeMap<(u64, GroupId), BTreeMap<u64, Voters>>,
    written_votes: BTreeMap<u64, Vec<(GroupId, StoredVote)>>,
    rotted: BTreeSet<(u64, Which)>,
}

impl Seen {
    fn violated(&mut self, promise: &'static str, at_ms: u64, what: String) {
        // The first ones tell the story; what follows from them only buries it.
        if self.violations.len() < 20 {
            self.violations.push(Violation { promise, at_ms, what });
        }
    }

    /// Whether something that a node stores was damaged.
    pub fn rotted(&self, node: u64) -> bool {
        self.rotted.iter().any(|(of, _)| *of == node)
    }

    /// Whether a node's state of a group was damaged, and not replaced since.
    pub fn damaged(&self, node: u64, group: GroupId) -> bool {
        self.rotted.contains(&(node, Which::State(group)))
    }

    /// What the entry was decided on that was applied at a position.
    pub fn decided(&self, group: GroupId, index: u64) -> Option<&Decided> {
        let lead = self.applied.get(&(group, index))?;
        self.decisions.get(&(group, index, *lead))
    }

    /// How far a replica has applied its log, and the digest of its state there.
    pub fn replica(&self, node: u64, group: GroupId) -> Option<(u64, Option<u64>)> {
        self.replicas.get(&(node, group)).map(|replica| (replica.applied, replica.digest))
    }
}

fn hash_of(parts: [&[u8]; 2]) -> u64 {
    // With fixed keys, and so the same in every process.
    let mut hasher = DefaultHasher::new();
    for part in parts {
        hasher.write_usize(part.len());
        hasher.write(part);
    }
    hasher.finish()
}

/// Rows that are a replica's own: how far its search index has come.
fn is_local(key: &[u8]) -> bool {
    key.starts_with(keys::FEED) || key.starts_with(keys::FEED_TRIMMED)
}

impl Sight {
    /// Nothing seen yet.
    pub fn new(trace: Trace) -> Self {
        Self { inner: Arc::default(), trace }
    }

    /// What was seen.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A promise was broken.
    pub fn violated(&self, promise: &'static str, what: String) {
        event!(self.trace, "violated {promise} {what}");
        self.seen().violated(promise, self.trace.now_ms(), what);
    }

    /// A batch goes into a log.
    pub fn log_written(&self, node: u64, batch: &Batch) {
        let now = self.trace.now_ms();
        let mut seen = self.seen();
        for op in batch {
            match op {
                Op::Put(key, value) if key.first() == Some(&0x01) => {
                    let (Some(group), Ok(entry)) = (group_of(key), codec::decode::<StoredEntry>(value)) else {
                        seen.violated("Raft", now, format!("node {node} writes an entry that does not read"));
                        continue;
                    };
                    let digest = hash_of([key, value]);
                    event!(self.trace, "entry {node} {group} {} {} {digest:x}", entry.id.term, entry.id.index);
                    seen.entry(node, group, &entry, digest, now);
                    seen.decision(group, &entry);
                    if let StoredPayload::Members(members) = &entry.payload {
                        self.trace.mark(if members.voters.len() > 1 { "joint membership" } else { "membership" });
                    }
                }
                Op::Put(key, value) if key.first() == Some(&0x02) => {
                    if let (Some(group), Ok(vote)) = (group_of(key), codec::decode::<StoredVote>(value)) {
                        event!(self.trace, "vote {node} {group} {} {} {}", vote.term, vote.node, vote.committed);
                        seen.written_votes.entry(node).or_default().push((group, vote));
                    }
                }
                Op::DeleteRange(from, _) if from.first() == Some(&0x01) => {
                    event!(self.trace, "cut {node} {}", keys::entry_index(from).unwrap_or(0));
                }
                _ => {}
            }
        }
    }

    /// A sync of a log begins; what was written by now is safe when it ends.
    pub fn sync_begins(&self, node: u64) -> Vec<(GroupId, StoredVote)> {
        self.seen().written_votes.remove(&node).unwrap_or_default()
    }

    /// It has ended.
    pub fn synced(&self, node: u64, safe: Vec<(GroupId, StoredVote)>) {
        event!(self.trace, "synced {node}");
        let now = self.trace.now_ms();
        let mut seen = self.seen();
        for (group, vote) in safe {
            let before = seen.votes.insert((node, group), vote);
            if let Some(before) = before
                && (vote.term, vote.node, vote.committed) < (before.term, before.node, before.committed)
            {
                let what = format!("node {node} voted {before:?} in {group}, and then {vote:?}");
                seen.violated("Raft", now, what);
            }
        }
    }

    /// A replica says that its copy lacks nothing that was committed before so much time.
    pub fn dated(&self, node: u64, copy: &HeldCopy) {
        let now = self.trace.now_ms();
        let mut seen = self.seen();
        let age = copy.age.as_millis() as u64;
        let before = now.saturating_sub(age + CLOCKS_DIFFER_MS);
        let progress = seen.progress.get(&copy.group).map(Vec::as_slice).unwrap_or_default();
        let upto = progress.partition_point(|(at, _)| *at < before);
        if let Some((at, index)) = progress[..upto].last().filter(|(_, index)| *index > copy.applied) {
            let what = format!(
                "node {node} says that its copy of {} is {age} ms old; it is at {}, and {index} was committed {} ms ago",
                copy.group,
                copy.applied,
                now - at
            );
            seen.violated("Dated", now, what);
        }
    }

    /// A node is gone, with what it had not synced.
    pub fn lost(&self, node: u64) {
        let mut seen = self.seen();
        seen.written_votes.remove(&node);
        seen.replicas.retain(|(of, _), _| *of != node);
    }

    /// Something stored was damaged on purpose.
    pub fn rotted(&self, node: u64, which: Which, key: &[u8]) {
        event!(self.trace, "rot {node} {which:?} {:02x?}", &key[..key.len().min(4)]);
        let mut seen = self.seen();
        seen.rotted.insert((node, which));
        if let Which::State(group) = which
            && let Some(replica) = seen.replicas.get_mut(&(node, group))
        {
            replica.digest = None;
        }
    }

    /// A node opens the state of a group.
    pub fn opened(&self, node: u64, group: GroupId, state: &dyn Reader) {
        let mut seen = self.seen();
        let damaged = seen.rotted.contains(&(node, Which::State(group)));
        seen.replicas.insert((node, group), measure(state, damaged));
    }

    /// A snapshot has replaced a state.
    pub fn installed(&self, node: u64, group: GroupId, state: &dyn Reader) {
        let replica = measure(state, false);
        event!(self.trace, "installed {node} {group} {}", replica.applied);
        self.trace.mark("snapshot installed");
        let now = self.trace.now_ms();
        let mut seen = self.seen();
        seen.snapshots_installed += 1;
        if let Some((at, voters)) = members_of(state) {
            seen.members.entry((node, group)).or_default().insert(at, voters);
        }
        seen.rotted.remove(&(node, Which::State(group)));
        seen.at(node, group, &replica, now);
        seen.replicas.insert((node, group), replica);
    }

    /// A snapshot was taken.
    pub fn checkpointed(&self, node: u64, group: GroupId) {
        event!(self.trace, "checkpoint {node} {group}");
        self.trace.mark("snapshot taken");
        self.seen().snapshots_taken += 1;
    }

    /// A batch goes into a state.
    pub fn state_written(&self, node: u64, group: GroupId, batch: &Batch, state: &dyn Reader) {
        let now = self.trace.now_ms();
        let mut seen = self.seen();
        let mut replica = seen.replicas.get(&(node, group)).cloned().unwrap_or_default();
        let mut moved = false;
        let mut indexes: BTreeMap<(RecordId, u64), u64> = BTreeMap::new();
        for op in batch {
            let Op::Put(key, value) = op else { continue };
            if key.starts_with(keys::FEED)
                && let (Some(index), Ok(change)) = (feed_index(key), codec::decode::<Change>(value))
            {
                indexes.insert((change.id, change.version), index);
            }
        }
        // Within a batch later changes meet what earlier ones left.
        let mut fresh: BTreeMap<&[u8], Option<&[u8]>> = BTreeMap::new();
        for op in batch {
            let (key, value): (&[u8], Option<&[u8]>) = match op {
                Op::Put(key, value) => (key, Some(value)),
                Op::Delete(key) => (key, None),
                Op::DeleteRange(from, to) => {
                    if !is_local(from) {
                        // Rare; whatever it takes away is subtracted row by row.
                        let mut gone = 0u64;
                        drop(state.scan(from, to, &mut |key, value| {
                            gone = gone.wrapping_add(hash_of([key, value]));
                            true
                        }));
                        replica.digest = replica.digest.map(|digest| digest.wrapping_sub(gone));
                    }
                    continue;
                }
            };
            if is_local(key) {
                continue;
            }
            if let Some(digest) = replica.digest {
                let before = match fresh.get(key) {
                    Some(before) => before.map(<[u8]>::to_vec),
                    None => state.get(key).ok().flatten(),
                };
                let less = before.map_or(0, |before| hash_of([key, &before]));
                let more = value.map_or(0, |value| hash_of([key, value]));
                replica.digest = Some(digest.wrapping_sub(less).wrapping_add(more));
            }
            fresh.insert(key, value);
            let Some(value) = value else { continue };
            match key.first() {
                Some(0x10) => {
                    if let Ok(position) = codec::decode::<Position>(value) {
                        moved = true;
                        replica.applied = position.applied.map_or(0, |id| id.index);
                        let lead = position.applied.map_or((0, 0), |id| (id.term, id.node));
                        seen.note_applied(node, group, replica.applied, lead, now);
                        if position.time < replica.time {
                            let what = format!("{group} on node {node}: log time ran back to {}", position.time);
                            seen.violated("Time", now, what);
                        }
                        replica.time = position.time;
                    }
                }
                Some(0x12) => seen.version(group, key, value, &indexes),
                Some(0x40) => seen.leaf(node, group, key, value, now),
                Some(0x53) => seen.policies_of(node, value, now),
                Some(0x54) => {
                    if let Ok(key) = codec::decode::<DataKey>(value) {
                        seen.data_keys.insert(key.id, key);
                    }
                }
                _ => {}
            }
        }
        // The position comes last in a batch.
        if replica.digest.is_some() {
            seen.powers(group, batch, replica.applied, now);
        }
        for op in batch {
            if let Op::Put(key, value) = op
                && key.first() == Some(&0x19)
            {
                seen.override_(group, value, replica.applied);
            }
        }
        if moved {
            event!(self.trace, "applied {node} {group} {} {:x}", replica.applied, replica.digest.unwrap_or(0));
            seen.at(node, group, &replica, now);
        }
        seen.replicas.insert((node, group), replica);
    }
}

/// The members that a state knows, and the entry that made them so.
fn members_of(state: &dyn Reader) -> Option<(u64, Voters)> {
    let position = state.get(keys::APPLIED).ok().flatten()?;
    let position = codec::decode::<Position>(&position).ok()?;
    Some((position.members_at?.index, position.members?.voters))
}

fn measure(state: &dyn Reader, damaged: bool) -> Replica {
    let (mut digest, mut position) = (0u64, None);
    drop(state.scan(&[0], &[0xff], &mut |key, value| {
        if !is_local(key) {
            digest = digest.wrapping_add(hash_of([key, value]));
        }
        if key == keys::APPLIED {
            position = codec::decode::<Position>(value).ok();
        }
        true
    }));
    let applied = position.as_ref().and_then(|position| position.applied).map_or(0, |id| id.index);
    let time = position.map_or(UnixMillis(0), |position| position.time);
    Replica { digest: (!damaged).then_some(digest), applied, time }
}

impl Seen {
    fn entry(&mut self, node: u64, group: GroupId, entry: &StoredEntry, digest: u64, now: u64) {
        let (index, lead) = (entry.id.index, (entry.id.term, entry.id.node));
        let first = *self.entries.entry((group, index, lead)).or_insert(digest);
        if first != digest {
            self.violated(
                "Raft",
                now,
                format!("{group}: two different entries at {index} of {lead:?}, one on node {node}"),
            );
        }
        let members = self.members.entry((node, group)).or_default();
        members.split_off(&index);
        if let StoredPayload::Members(set) = &entry.payload {
            members.insert(index, set.voters.clone());
        }
        if let std::collections::btree_map::Entry::Vacant(fresh) = self.leaders.entry((group, lead)) {
            fresh.insert(index);
            self.led_by_a_quorum(node, group, index, lead, now);
            // What an earlier lead committed every later one has; a later one may go on while this one has not noticed.
            let from = (group, index.max(1));
            let lacks = self.applied.range(from..=(group, u64::MAX)).find(|(_, committed)| **committed < lead);
            if let Some(((_, at), committed)) = lacks {
                let what = format!(
                    "{group}: {lead:?} leads with a log that ends before {index}; {at} of {committed:?} was committed"
                );
                self.violated("Raft", now, what);
            }
        }
        if let Some(applied) = self.applied.get(&(group, index))
            && *applied < lead
        {
            let what =
                format!("{group}: entry {index} of {applied:?} was committed, node {node} writes one of {lead:?}");
            self.violated("Raft", now, what);
        }
    }

    /// Whoever leads was given durable votes by a quorum: what a voter forgets it may give again.
    fn led_by_a_quorum(&mut self, node: u64, group: GroupId, index: u64, lead: Leader, now: u64) {
        // The first entry of all is nobody's lead; and who follows wrote it later than the leader.
        let Some(members) = self.members.get(&(node, group)).filter(|_| lead.0 > 0 && lead.1 == node) else { return };
        let Some((_, sets)) = members.range(..index).next_back() else { return };
        for voters in sets {
            let gave =
                |voter: &&u64| self.votes.get(&(**voter, group)).is_some_and(|vote| (vote.term, vote.node) >= lead);
            let given: Vec<u64> = voters.iter().filter(gave).copied().collect();
            if given.len() * 2 <= voters.len() {
                let what = format!("{group}: {lead:?} leads, and of {voters:?} only {given:?} have it on disk");
                self.violated("Raft", now, what);
                return;
            }
        }
    }

    fn note_applied(&mut self, node: u64, group: GroupId, index: u64, lead: Leader, now: u64) {
        let known = *self.applied.entry((group, index)).or_insert(lead);
        if known != lead {
            let what = format!("{group}: node {node} applied entry {index} of {lead:?}, another one that of {known:?}");
            self.violated("Raft", now, what);
        }
        let committed = self.committed.entry(group).or_default();
        if index > *committed {
            *committed = index;
            self.progress.entry(group).or_default().push((now, index));
        }
        self.applied_at.entry((group, index)).or_insert(now);
    }

    /// A replica stands at a position; whoever stood there before must have had the same state.
    fn at(&mut self, node: u64, group: GroupId, replica: &Replica, now: u64) {
        let Some(digest) = replica.digest else { return };
        let (known, by) = *self.digests.entry((group, replica.applied)).or_insert((digest, node));
        if known != digest {
            let what = format!("{group} at entry {}: nodes {by} and {node} have different states", replica.applied);
            self.violated("SameState", now, what);
        }
    }

    fn version(&mut self, group: GroupId, key: &[u8], value: &[u8], indexes: &BTreeMap<(RecordId, u64), u64>) {
        let (Some((id, version)), Ok(record)) = (version_key(key), codec::decode::<StoredRecord>(value)) else {
            return;
        };
        self.stored.insert((id, version), record.clone());
        if let (false, Some(index)) = (self.versions.contains_key(&(id, version)), indexes.get(&(id, version))) {
            self.versions.insert((id, version), SeenVersion { group, index: *index, record });
        }
    }

    fn decision(&mut self, group: GroupId, entry: &StoredEntry) {
        let StoredPayload::Command(bytes) = &entry.payload else { return };
        let key = (group, entry.id.index, (entry.id.term, entry.id.node));
        if !group.is_records() || self.decisions.contains_key(&key) {
            return;
        }
        if let Ok(Envelope { caller: Some(caller), decision: Some(decision), time, .. }) = codec::decode(bytes) {
            self.decisions.insert(key, (caller, decision, time));
        }
    }

    /// What a batch says of people, powers and floors.
    fn powers(&mut self, group: GroupId, batch: &Batch, applied: u64, now: u64) {
        let told = |op: &Op| match op {
            Op::Put(key, value) => Some((key.clone(), Some(value.clone()))),
            Op::Delete(key) => Some((key.clone(), None)),
            Op::DeleteRange(..) => None,
        };
        let of_people = |(key, _): &(Vec<u8>, _)| key.first().is_some_and(|tag| PEOPLE.contains(tag));
        let rows: Vec<_> = batch.iter().filter_map(told).filter(of_people).collect();
        for (key, value) in rows.iter().filter(|(key, _)| key.first() == Some(&FLOORS)) {
            let epoch = value.as_ref().and_then(|value| Some(u64::from_be_bytes(value.as_slice().try_into().ok()?)));
            if let Some(epoch) = epoch {
                let since = self.floors.entry((group, key.clone())).or_default().entry(epoch).or_insert(applied);
                *since = applied.min(*since);
            }
        }
        let news = self.powers.last().is_none_or(|last| last.index < applied);
        if group == GroupId::Directory && news && !rows.is_empty() {
            self.powers.push(SeenPowers { index: applied, at_ms: now, rows });
        }
    }

    fn policies_of(&mut self, node: u64, value: &[u8], now: u64) {
        let Ok(policies) = codec::decode::<Policies>(value) else { return };
        let known = self.policies.entry(policies.version).or_insert_with(|| policies.clone());
        if *known != policies {
            let what = format!("version {} of the policies is another one on node {node}", policies.version);
            self.violated("SameState", now, what);
        }
    }

    fn override_(&mut self, group: GroupId, value: &[u8], applied: u64) {
        let Ok(stored) = codec::decode::<StoredOverride>(value) else { return };
        let key = (stored.header.id, stored.header.version());
        let seen = self.overrides.entry(key).or_insert(SeenOverride { group, index: applied, stored });
        seen.index = seen.index.min(applied);
    }

    fn leaf(&mut self, node: u64, group: GroupId, key: &[u8], value: &[u8], now: u64) {
        let index = key.get(1..9).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
        let (Some(index), Ok(leaf)) = (index, codec::decode::<StoredLeaf>(value)) else { return };
        match self.leaves.get(&(group, index)) {
            Some(known) if *known != leaf => {
                let what = format!("{group}: leaf {index} on node {node} is another one than it was");
                self.violated("AppendOnlyAudit", now, what);
            }
            Some(_) => {}
            None => {
                self.leaf_at.entry(leaf.hash()).or_insert((index, now));
                self.leaves.insert((group, index), leaf);
            }
        }
    }
}

fn group_of(key: &[u8]) -> Option<GroupId> {
    GroupId::from_number(u32::from_be_bytes(key.get(1..5)?.try_into().ok()?))
}

fn feed_index(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(1..9)?.try_into().ok()?))
}

/// The record and version in a version's key.
pub(crate) fn version_key(key: &[u8]) -> Option<(RecordId, u64)> {
    let rest = key.get(5..)?;
    let (id, version) = (rest.get(..16)?.try_into().ok()?, rest.get(16..24)?.try_into().ok()?);
    Some((RecordId(id), u64::from_be_bytes(version)))
}
