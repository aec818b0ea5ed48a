//! A group's state in ordered maps, for tests of the rules.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::circumstances::SessionName;
use crate::audit::event::{EventDraft, EventHeader, EventKind};
use crate::audit::leaf::StoredLeaf;
use crate::audit::merkle::{Frontier, Hash, Node};
use crate::audit::published::Published;
use crate::audit::sequences::{Last, Scope as EventScope};
use crate::command::cluster::ClusterInfo;
use crate::command::create::CreateRecord;
use crate::command::end_override::EndOverride;
use crate::command::import::{ImportBatch, ImportBegin, ImportState, ImportSweep};
use crate::command::people::testing::People;
use crate::command::record_override::RecordOverride;
use crate::command::remove::RemoveRecord;
use crate::command::update::UpdateRecord;
use crate::command::{Command, Outcome, Remembered};
use crate::data_key::DataKey;
use crate::decide::{Context, decide};
use crate::envelope::{Caller, Decision, Envelope};
use crate::error::RefusalCode;
use crate::ids::*;
use crate::lookout::SubjectKind;
use crate::outbox::{Destination, Lane, Message, Posted};
use crate::overrides::{OverrideDraft, StoredOverride};
use crate::people::{Epochs, Floor};
use crate::policy::Policies;
use crate::record::{AccessLevel, Dataset, Draft, RecordKind, Source, StoredRecord};
use crate::seal::Sealed;
use crate::slots::SlotMap;
use crate::time::UnixMillis;
use crate::view::{Read, View, Write};

pub struct World {
    group: GroupId,
    pub time: UnixMillis,
    serial: u64,
    records: BTreeMap<RecordId, Vec<StoredRecord>>,
    overrides: BTreeMap<(RecordId, OverrideId), StoredOverride>,
    requests: BTreeMap<(SlotId, RequestId), Remembered>,
    map: Option<SlotMap>,
    imports: BTreeMap<String, ImportState>,
    marks: BTreeMap<(String, RecordId), ImportId>,
    posted: BTreeMap<Lane, u64>,
    outbox: BTreeMap<(Lane, u64), Posted>,
    cursors: BTreeMap<Lane, u64>,
    leaves: BTreeMap<u64, StoredLeaf>,
    frontier: Frontier,
    nodes: BTreeMap<Node, Hash>,
    published: Published,
    sequences: BTreeMap<EventScope, Last>,
    begun: BTreeSet<(UnixMillis, SessionName)>,
    policies: Option<Policies>,
    data_keys: Vec<DataKey>,
    pub cluster: Option<ClusterInfo>,
    pub people: People,
}

impl Default for World {
    fn default() -> Self {
        Self {
            group: GroupId::Records(0),
            time: UnixMillis(1_800_000_000_000),
            serial: 0,
            records: BTreeMap::new(),
            overrides: BTreeMap::new(),
            requests: BTreeMap::new(),
            map: Some(SlotMap::even(1)),
            imports: BTreeMap::new(),
            marks: BTreeMap::new(),
            posted: BTreeMap::new(),
            outbox: BTreeMap::new(),
            cursors: BTreeMap::new(),
            leaves: BTreeMap::new(),
            frontier: Frontier::default(),
            nodes: BTreeMap::new(),
            published: Published::default(),
            sequences: BTreeMap::new(),
            begun: BTreeSet::new(),
            policies: None,
            data_keys: Vec::new(),
            cluster: None,
            people: People::default(),
        }
    }
}

impl View for World {
    fn record(&self, _: Dataset, id: RecordId) -> Read<Option<StoredRecord>> {
        Ok(self.records.get(&id).and_then(|versions| versions.last()).cloned())
    }
    fn version(&self, _: Dataset, id: RecordId, version: u64) -> Read<Option<StoredRecord>> {
        let all = self.records.get(&id).into_iter().flatten();
        Ok(all.clone().find(|record| record.header.version == version).cloned())
    }
    fn overrides(&self, _: Dataset, id: RecordId) -> Read<Vec<StoredOverride>> {
        Ok(self.overrides.values().filter(|found| found.header.lookout == id).cloned().collect())
    }
    fn request(&self, slot: SlotId, request: RequestId) -> Read<Option<Remembered>> {
        Ok(self.requests.get(&(slot, request)).cloned())
    }
    fn requests_before(&self, slot: SlotId, before: UnixMillis, limit: usize) -> Read<Vec<(UnixMillis, RequestId)>> {
        let all = self.requests.iter().filter(|((s, _), r)| *s == slot && r.at < before);
        Ok(all.map(|((_, id), r)| (r.at, *id)).take(limit).collect())
    }
    fn slot_map(&self) -> Read<Option<SlotMap>> {
        Ok(self.map.clone())
    }
    fn import(&self, source: &SourceList) -> Read<Option<ImportState>> {
        Ok(self.imports.get(source.as_str()).cloned())
    }
    fn source_marks(
        &self,
        source: &SourceList,
        after: Option<RecordId>,
        limit: usize,
    ) -> Read<Vec<(RecordId, ImportId)>> {
        let all = self
            .marks
            .iter()
            .filter(|((list, id), _)| list == source.as_str() && after.is_none_or(|after| *id > after));
        Ok(all.map(|((_, id), import)| (*id, *import)).take(limit).collect())
    }
    fn posted(&self, lane: Lane) -> Read<u64> {
        Ok(self.posted.get(&lane).copied().unwrap_or(0))
    }
    fn cursor(&self, lane: Lane) -> Read<u64> {
        Ok(self.cursors.get(&lane).copied().unwrap_or(0))
    }
    fn outbox(&self, lane: Lane, up_to: u64, limit: usize) -> Read<Vec<u64>> {
        Ok(self.outbox.range((lane, 0)..=(lane, up_to)).map(|((_, sequence), _)| *sequence).take(limit).collect())
    }
    fn frontier(&self) -> Read<Frontier> {
        Ok(self.frontier.clone())
    }
    fn tree_node(&self, node: Node) -> Read<Option<Hash>> {
        Ok(self.nodes.get(&node).copied())
    }
    fn sequence(&self, scope: &EventScope) -> Read<Option<Last>> {
        Ok(self.sequences.get(scope).copied())
    }
    fn sessions_begun(&self, before: UnixMillis, limit: usize) -> Read<Vec<(UnixMillis, SessionName)>> {
        Ok(self.begun.iter().take_while(|(begun, _)| *begun < before).take(limit).copied().collect())
    }
    fn published(&self) -> Read<Published> {
        Ok(self.published.clone())
    }
    fn cluster(&self) -> Read<Option<ClusterInfo>> {
        Ok(self.cluster.clone())
    }
    fn policies(&self) -> Read<Option<Policies>> {
        Ok(self.policies.clone())
    }
    fn data_keys(&self) -> Read<Vec<DataKey>> {
        Ok(self.data_keys.clone())
    }
}

impl World {
    pub fn audit() -> Self {
        Self { group: GroupId::Audit(0), ..Self::default() }
    }

    pub fn directory() -> Self {
        let cluster = ClusterInfo { cluster: ClusterId([1; 16]), records_groups: 2, audit_groups: 1 };
        Self { group: GroupId::Directory, cluster: Some(cluster), map: None, ..Self::default() }
    }

    pub fn apply(&mut self, envelope: &Envelope) -> Outcome {
        self.try_apply(envelope).expect("reads")
    }

    /// As a replica does, which may have to stop.
    pub fn try_apply(&mut self, envelope: &Envelope) -> Read<Outcome> {
        self.time.0 += 1;
        let context = Context { group: self.group, index: self.time.0, time: self.time };
        let effects = decide(self, context, envelope)?;
        for write in effects.writes {
            match write {
                Write::PutRecord(record) => self.records.entry(record.header.id).or_default().push(record),
                Write::PutResealed { record, .. } => {
                    let versions = self.records.entry(record.header.id).or_default();
                    let there = versions.iter_mut().find(|there| there.header.version == record.header.version);
                    *there.expect("a version") = record;
                }
                Write::PutOverride(put) => {
                    drop(self.overrides.insert((put.header.lookout, put.header.id), put));
                }
                Write::DeleteOverride(_, lookout, id) => drop(self.overrides.remove(&(lookout, id))),
                Write::PutRequest(slot, id, remembered) => drop(self.requests.insert((slot, id), remembered)),
                Write::DeleteRequest(slot, _, id) => drop(self.requests.remove(&(slot, id))),
                Write::PutSlotMap(map) => self.map = Some(map),
                Write::PutImport(source, state) => drop(self.imports.insert(source.to_string(), state)),
                Write::PutSourceMark(source, id, import) => drop(self.marks.insert((source.to_string(), id), import)),
                Write::DeleteSourceMark(source, id) => drop(self.marks.remove(&(source.to_string(), id))),
                Write::Post(posted) => {
                    self.posted.insert(posted.lane, posted.sequence);
                    self.outbox.insert((posted.lane, posted.sequence), posted);
                }
                Write::DeletePosted(lane, sequence) => drop(self.outbox.remove(&(lane, sequence))),
                Write::PutCursor(lane, cursor) => drop(self.cursors.insert(lane, cursor)),
                Write::PutLeaf(index, leaf) => drop(self.leaves.insert(index, leaf)),
                Write::PutFrontier(frontier) => self.frontier = frontier,
                Write::PutTreeNode(node, hash) => drop(self.nodes.insert(node, hash)),
                Write::PutPublished(published) => self.published = published,
                Write::PutSequence(scope, last) => drop(self.sequences.insert(scope, last)),
                Write::PutSessionBegun(begun, session) => drop(self.begun.insert((begun, session))),
                Write::ForgetSession { begun, session, with_number } => {
                    self.begun.remove(&(begun, session));
                    if with_number {
                        self.sequences.remove(&EventScope::Session(session));
                    }
                }
                Write::PutToken(..) | Write::DeleteToken(..) | Write::Feed(_) => {}
                Write::PutDataKey(key) => self.data_keys.push(key),
                Write::PutPolicies(policies) => self.policies = Some(policies),
                Write::PutCluster(_) | Write::PutNode(..) | Write::PutLeafRow(..) => {}
                people @ (Write::PutAgency(_)
                | Write::PutAgreement(_)
                | Write::PutMemorandum(_)
                | Write::PutRole(_)
                | Write::PutProfile(_)
                | Write::PutScores(_)
                | Write::PutFloor(..)
                | Write::PutCertificate(..)
                | Write::PutCeremony(_)
                | Write::PutSession(_)
                | Write::DeleteSession(..)
                | Write::PutPolicyBundle(_)
                | Write::PutCredential(_)
                | Write::PutProposedBundle(_)) => self.people.write(people),
            }
        }
        Ok(effects.outcome)
    }

    pub fn outbox(&self) -> Vec<EventDraft> {
        let event = |posted: &Posted| match &posted.message {
            Message::Audit(event) => Some(event.clone()),
            Message::Floor(_) => None,
        };
        self.outbox.values().filter_map(event).collect()
    }

    /// The floors in the outbox, with where they go.
    /// All that waits to be delivered.
    pub fn posts(&self) -> Vec<Posted> {
        self.outbox.values().cloned().collect()
    }

    pub fn floors(&self) -> Vec<(Destination, Floor)> {
        let floor = |posted: &Posted| match &posted.message {
            Message::Audit(_) => None,
            Message::Floor(floor) => Some((posted.lane.to, floor.clone())),
        };
        self.outbox.values().filter_map(floor).collect()
    }

    /// How many sessions are numbered, and how many times of a first event are kept.
    pub fn forgotten(&self) -> (usize, usize) {
        let sessions = self.sequences.keys().filter(|scope| matches!(scope, EventScope::Session(_)));
        (sessions.count(), self.begun.len())
    }

    /// The leaves of the log, in order.
    pub fn log(&self) -> Vec<StoredLeaf> {
        self.leaves.values().cloned().collect()
    }

    pub fn leaves(&self) -> u64 {
        assert_eq!(self.frontier.size(), self.leaves.len() as u64);
        self.frontier.size()
    }

    pub fn history(&self, id: RecordId) -> Vec<u64> {
        self.records.get(&id).map(|versions| versions.iter().map(|r| r.header.version).collect()).unwrap_or_default()
    }

    pub fn envelope(&mut self, command: Command) -> Envelope {
        self.serial += 1;
        let mut random = [0; 16];
        random[8..].copy_from_slice(&self.serial.to_be_bytes());
        let request = RequestId::new(self.time, random);
        Envelope { request, caller: Some(caller()), decision: None, time: self.time, command }
    }

    pub fn create(&mut self, level: u16, content: &str) -> Envelope {
        let mut envelope = self.envelope(Command::Tick(()));
        let mut draft = draft(RecordId::of_request(envelope.request), content);
        draft.level = AccessLevel::from_number(level).expect("level");
        envelope.command = Command::CreateRecord(CreateRecord { draft, event: event() });
        envelope
    }

    pub fn created(&mut self, content: &str) -> RecordId {
        let envelope = self.create(1, content);
        match self.apply(&envelope) {
            Outcome::Changed(changed) => changed.id,
            other => panic!("{other:?}"),
        }
    }

    pub fn update(&mut self, id: RecordId, expected_version: u64, content: &str) -> Envelope {
        let command = UpdateRecord { draft: draft(id, content), expected_version, event: event() };
        self.envelope(Command::UpdateRecord(command))
    }

    pub fn remove(&mut self, id: RecordId, expected: Option<u64>) -> Envelope {
        self.envelope(remove_command(id, expected))
    }

    pub fn record_override(&mut self, lookout: RecordId, seen_version: u64, valid_ms: u64) -> Envelope {
        let expires = UnixMillis(self.time.0 + valid_ms);
        let mut envelope = self.envelope(Command::Tick(()));
        let draft = OverrideDraft {
            id: OverrideId::of_request(envelope.request),
            dataset: Dataset::Tecs,
            lookout,
            expires,
            content: Token([7; 16]),
            sealed: sealed("override"),
        };
        envelope.command = Command::RecordOverride(RecordOverride { draft, seen_version, event: event() });
        envelope
    }

    pub fn end_override(&mut self, lookout: RecordId, id: OverrideId) -> Envelope {
        self.envelope(Command::EndOverride(EndOverride { dataset: Dataset::Tecs, lookout, id, event: event() }))
    }

    pub fn import_begin(&mut self, import: u8) -> Envelope {
        self.envelope(Command::ImportBegin(ImportBegin { source: list(), import: ImportId([import; 16]) }))
    }

    pub fn import_kept(&mut self, import: u8, references: &[&str]) -> Envelope {
        let mut envelope = self.import_batch(import, &[]);
        if let Command::ImportBatch(batch) = &mut envelope.command {
            batch.kept = references.iter().map(|reference| (Dataset::Tecs, source_id(reference))).collect();
        }
        envelope
    }

    pub fn import_batch(&mut self, import: u8, entries: &[(&str, &str)]) -> Envelope {
        let drafts = entries.iter().map(|(reference, content)| {
            let mut draft = draft(source_id(reference), content);
            draft.source = Some(Source { list: list(), reference: (*reference).to_string() });
            draft
        });
        let command = ImportBatch {
            source: list(),
            import: ImportId([import; 16]),
            drafts: drafts.collect(),
            seen: Vec::new(),
            kept: Vec::new(),
            event: event(),
        };
        self.envelope(Command::ImportBatch(command))
    }

    pub fn import_sweep(&mut self, import: u8, after: Option<RecordId>) -> Envelope {
        let command = ImportSweep {
            source: list(),
            import: ImportId([import; 16]),
            dataset: Dataset::Tecs,
            after,
            event: event(),
        };
        self.envelope(Command::ImportSweep(command))
    }
}

pub fn list() -> SourceList {
    SourceList::new("list").expect("code")
}

pub fn source_id(reference: &str) -> RecordId {
    RecordId::of_source("list", reference)
}

pub fn caller() -> Caller {
    Caller {
        user: UserId::new("officer").expect("code"),
        agency: AgencyId::new("CBP").expect("code"),
        port: PortId::new("2404").expect("code"),
        purpose: Purpose::new("test").expect("code"),
        node: NodeId(1),
    }
}

pub fn decision(made_at: UnixMillis) -> Decision {
    let epochs = Epochs::default();
    Decision { made_at, directory_index: 1, profile_version: 0, agreement_version: 0, policy_version: 0, epochs }
}

pub fn event() -> EventDraft {
    let header = EventHeader::new(EventKind::Create, RequestId([5; 16]), &caller(), UnixMillis(1));
    EventDraft { header, payload: sealed("payload"), tokens: Vec::new() }
}

pub fn posted(sequence: u64) -> Posted {
    let lane = Lane { from: SlotId(3), to: Destination::Group(GroupId::Audit(0)) };
    Posted { lane, sequence, message: Message::Audit(event()) }
}

pub fn system(command: Command) -> Envelope {
    Envelope { request: RequestId([0; 16]), caller: None, decision: None, time: UnixMillis(0), command }
}

pub fn remove_command(id: RecordId, expected_version: Option<u64>) -> Command {
    Command::RemoveRecord(RemoveRecord { dataset: Dataset::Tecs, id, expected_version, event: event() })
}

pub fn code(outcome: &Outcome) -> Option<RefusalCode> {
    match outcome {
        Outcome::Refused(refusal) => Some(refusal.code),
        _ => None,
    }
}

pub fn sealed(content: &str) -> Sealed {
    Sealed { algorithm: 1, key: 1, nonce: [0; 12], ciphertext: content.as_bytes().to_vec() }
}

fn draft(id: RecordId, content: &str) -> Draft {
    let mut token = [0; 16];
    token[..content.len().min(16)].copy_from_slice(&content.as_bytes()[..content.len().min(16)]);
    Draft {
        id,
        kind: RecordKind::Lookout,
        subject: SubjectKind::Person,
        dataset: Dataset::Tecs,
        owner: AgencyId::new("CBP").expect("code"),
        level: AccessLevel::One,
        labels: Vec::new(),
        source: None,
        tokens: vec![Token(token)],
        content: Token(token),
        expires: None,
        sealed: sealed(content),
    }
}
