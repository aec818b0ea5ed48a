//! What the models share: a group's state in memory, requests and envelopes, and how a model is checked.
//!
//! A [`Group`] applies real envelopes through `model::decide` and keeps what that writes; it stands for the committed
//! and applied state of a Raft group. Log time moves only as a model says, and the index of an entry is never stored by
//! what the models run, so that states which differ in nothing else are one state to the checker.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use model::access::policy_bundle::{PolicyBundle, ProposedBundle};
use model::audit::circumstances::SessionName;
use model::audit::event::{EventDraft, EventHeader, EventKind, Verdict};
use model::audit::leaf::StoredLeaf;
use model::audit::merkle::{self, Frontier};
use model::audit::published::Published;
use model::audit::sequences::{Last, Scope};
use model::codec::{self, Stored};
use model::command::acknowledge::Acknowledge;
use model::command::cluster::ClusterInfo;
use model::command::create::CreateRecord;
use model::command::deliver::Deliver;
use model::command::import::ImportState;
use model::command::update::UpdateRecord;
use model::command::{Command, Outcome, Remembered};
use model::data_key::DataKey;
use model::decide::{Context, decide};
use model::envelope::{Caller, Decision, Envelope};
use model::error::RefusalCode;
use model::ids::{
    AgencyId, AgreementId, GroupId, ImportId, MemorandumId, NodeId, PortId, Purpose, RecordId, RequestId, RoleId,
    SlotId, SourceList, Token, UserId,
};
use model::lookout::SubjectKind;
use model::outbox::{Lane, Message, Posted};
use model::overrides::StoredOverride;
use model::people::{
    Agency, Agreement, Ceremony, CertificateKey, Credential, Epochs, Memorandum, Party, PeopleView, Profile, Role,
    Scores,
};
use model::policy::Policies;
use model::record::{AccessLevel, Dataset, Draft, RecordKind, StoredRecord};
use model::seal::Sealed;
use model::session::Session;
use model::slots::SlotMap;
use model::time::UnixMillis;
use model::view::{Read, View, Write};
use stateright::{Checker, HasDiscoveries, Model};

/// Log time at which every model begins.
pub const BEGIN: UnixMillis = UnixMillis(1_800_000_000_000);
/// The group of the events' audit log, as `model::command::remember` names it.
pub const AUDIT: GroupId = GroupId::Audit(0);

/// Explores a model whole and says how large it is; any property that does not hold is a panic with a way to it.
pub fn holds<M>(name: &str, model: M)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq,
{
    let begun = std::time::Instant::now();
    let checker = model.checker().spawn_bfs().join();
    assert!(checker.is_done(), "{name}: not everything was explored");
    checker.assert_properties();
    let (states, depth) = (checker.unique_state_count(), checker.max_depth());
    eprintln!("{name}: {states} states, depth {depth}, {:.1} s", begun.elapsed().as_secs_f64());
}

/// A model with a mistake planted in it: the checker must find that a property does not hold. Says a shortest way there.
pub fn fails<M>(name: &str, model: impl Fn() -> M, property: &'static str)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq,
{
    let begun = std::time::Instant::now();
    let find = |depth_max: usize| {
        let checker = model().checker().finish_when(HasDiscoveries::AllOf([property].into()));
        let checker = checker.target_max_depth(depth_max).spawn_bfs().join();
        (checker.discovery(property).map(|path| path.into_actions()), checker.unique_state_count())
    };
    let (found, states) = find(usize::MAX);
    let Some(mut steps) = found else {
        panic!("{name}: `{property}` holds in all {states} states, so the model does not see the mistake");
    };
    // The checker keeps the last way that it came upon, not the first: look for a shorter one until there is none.
    while let (Some(shorter), _) = find(steps.len() + 1) {
        steps = shorter;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let steps: Vec<String> = steps.iter().map(|action| format!("{action:?}")).collect();
    eprintln!("{name}: not `{property}` after {} steps, {seconds:.1} s: {}", steps.len(), steps.join(", "));
}

/// The digest of a stored value, so that a state is hashed without encoding it again.
fn digest<T: Stored>(value: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    codec::encode(value).expect("encodes").hash(&mut hasher);
    hasher.finish()
}

/// A stored value, shared between the states that hold it.
#[derive(Clone)]
pub struct Held<T> {
    value: Arc<T>,
    digest: u64,
}

impl<T: Stored> Held<T> {
    pub fn new(value: T) -> Self {
        let digest = digest(&value);
        Self { value: Arc::new(value), digest }
    }
}

impl<T> std::ops::Deref for Held<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> PartialEq for Held<T> {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl<T> Eq for Held<T> {}

impl<T> Hash for Held<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

impl<T> Debug for Held<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{:04x}", self.digest as u16)
    }
}

/// An event's place in an audit log: whose request it was, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Recorded {
    pub request: RequestId,
    pub verdict: Option<Verdict>,
}

impl Recorded {
    pub fn of(header: &EventHeader) -> Self {
        Self { request: RequestId(header.id), verdict: header.verdict() }
    }
}

/// Everything a group has stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stock {
    pub time: UnixMillis,
    pub map: Option<Held<SlotMap>>,
    pub records: BTreeMap<RecordId, Vec<Held<StoredRecord>>>,
    pub tokens: BTreeSet<(Token, RecordId)>,
    /// What search was told to look at.
    pub fed: BTreeSet<(RecordId, u64)>,
    pub requests: BTreeMap<(SlotId, RequestId), Held<Remembered>>,
    pub posted: BTreeMap<Lane, u64>,
    pub outbox: BTreeMap<(Lane, u64), Held<Posted>>,
    pub cursors: BTreeMap<Lane, u64>,
    pub leaves: Vec<Recorded>,
    pub frontier: Held<Frontier>,
}

/// A group, with its state shared between the states of a model that hold it.
#[derive(Clone)]
pub struct Group {
    pub id: GroupId,
    stock: Arc<Stock>,
    digest: u64,
}

impl PartialEq for Group {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.digest == other.digest
    }
}

impl Eq for Group {}

impl Hash for Group {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

impl Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?}", self.id, self.stock)
    }
}

impl std::ops::Deref for Group {
    type Target = Stock;
    fn deref(&self) -> &Stock {
        &self.stock
    }
}

impl Group {
    /// A group that has applied nothing.
    pub fn new(id: GroupId, map: Option<SlotMap>) -> Self {
        let stock = Stock {
            time: BEGIN,
            map: map.map(Held::new),
            records: BTreeMap::new(),
            tokens: BTreeSet::new(),
            fed: BTreeSet::new(),
            requests: BTreeMap::new(),
            posted: BTreeMap::new(),
            outbox: BTreeMap::new(),
            cursors: BTreeMap::new(),
            leaves: Vec::new(),
            frontier: Held::new(Frontier::default()),
        };
        Self::of(id, stock)
    }

    fn of(id: GroupId, stock: Stock) -> Self {
        let mut hasher = DefaultHasher::new();
        (id, &stock).hash(&mut hasher);
        Self { id, stock: Arc::new(stock), digest: hasher.finish() }
    }

    /// The same group with another state.
    pub fn changed(&self, change: impl FnOnce(&mut Stock)) -> Self {
        let mut stock = (*self.stock).clone();
        change(&mut stock);
        Self::of(self.id, stock)
    }

    /// Applies an entry as `raft/src/machine` does: decide, then store what is decided.
    pub fn apply(&mut self, envelope: &Envelope) -> Outcome {
        self.apply_as(self.id, envelope)
    }

    /// Applies an entry under the rules of another kind of group.
    pub fn apply_as(&mut self, id: GroupId, envelope: &Envelope) -> Outcome {
        let time = self.time.max(envelope.time);
        let context = Context { group: id, index: 0, time };
        let effects = decide(&**self, context, envelope).expect("the state is readable");
        if time > self.time || !effects.writes.is_empty() {
            *self = self.changed(|stock| {
                stock.time = time;
                effects.writes.into_iter().for_each(|write| stock.write(write));
            });
        }
        effects.outcome
    }

    /// The newest version of a record.
    pub fn version(&self, id: RecordId) -> u64 {
        self.records.get(&id).and_then(|versions| versions.last()).map_or(0, |record| record.header.version)
    }

    /// The events in the outbox, by lane and sequence.
    pub fn events(&self) -> Vec<(Lane, u64, Recorded)> {
        let of = |((lane, sequence), posted): (&(Lane, u64), &Held<Posted>)| match &posted.message {
            Message::Audit(event) => (*lane, *sequence, Recorded::of(&event.header)),
            Message::Floor(_) => unreachable!("no directory"),
        };
        self.outbox.iter().map(of).collect()
    }
}

impl Stock {
    fn write(&mut self, write: Write) {
        match write {
            Write::PutRecord(record) => self.records.entry(record.header.id).or_default().push(Held::new(record)),
            Write::PutToken(token, _, id) => drop(self.tokens.insert((token, id))),
            Write::DeleteToken(token, _, id) => drop(self.tokens.remove(&(token, id))),
            Write::Feed(change) => drop(self.fed.insert((change.id, change.version))),
            Write::PutRequest(slot, id, remembered) => drop(self.requests.insert((slot, id), Held::new(remembered))),
            Write::DeleteRequest(slot, _, id) => drop(self.requests.remove(&(slot, id))),
            Write::PutSlotMap(map) => self.map = Some(Held::new(map)),
            Write::Post(posted) => {
                self.posted.insert(posted.lane, posted.sequence);
                self.outbox.insert((posted.lane, posted.sequence), Held::new(posted));
            }
            Write::DeletePosted(lane, sequence) => drop(self.outbox.remove(&(lane, sequence))),
            Write::PutCursor(lane, cursor) => drop(self.cursors.insert(lane, cursor)),
            Write::PutLeaf(index, leaf) => {
                assert_eq!(index, self.leaves.len() as u64, "a leaf is never written twice");
                self.leaves.push(recorded(index, &leaf));
            }
            Write::PutFrontier(frontier) => self.frontier = Held::new(frontier),
            // Nobody asks by these here, and numbers of events would make two states of what is one to the rules explored.
            Write::PutTreeNode(..)
            | Write::PutLeafRow(..)
            | Write::PutSequence(..)
            | Write::PutSessionBegun(..)
            | Write::ForgetSession { .. } => {}
            Write::PutPublished(_) => unreachable!("nothing is published"),
            Write::PutImport(..) | Write::PutSourceMark(..) | Write::DeleteSourceMark(..) => unreachable!("no imports"),
            Write::PutOverride(_) | Write::DeleteOverride(..) => unreachable!("no overrides"),
            Write::PutResealed { .. } => unreachable!("nothing is sealed anew"),
            Write::PutCluster(_) | Write::PutNode(..) | Write::PutPolicies(_) | Write::PutDataKey(_) => {
                unreachable!("no directory")
            }
            Write::PutAgency(_)
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
            | Write::PutCredential(_)
            | Write::PutPolicyBundle(_)
            | Write::PutProposedBundle(_) => unreachable!("no people"),
        }
    }
}

fn recorded(index: u64, leaf: &StoredLeaf) -> Recorded {
    Recorded::of(&leaf.open(index).expect("the leaf is whole").header)
}

/// Without a directory there are no people, and nobody takes anything away.
impl PeopleView for Stock {
    fn agency(&self, _: &AgencyId) -> Read<Option<Agency>> {
        Ok(None)
    }
    fn agreement(&self, _: &AgencyId, _: &AgreementId) -> Read<Option<Agreement>> {
        Ok(None)
    }
    fn agreements(&self, _: &AgencyId) -> Read<Vec<Agreement>> {
        Ok(Vec::new())
    }
    fn memorandum(&self, _: &MemorandumId) -> Read<Option<Memorandum>> {
        Ok(None)
    }
    fn memoranda_count(&self, _: &Party, _: usize) -> Read<usize> {
        Ok(0)
    }
    fn role(&self, _: &RoleId) -> Read<Option<Role>> {
        Ok(None)
    }
    fn profile(&self, _: &UserId) -> Read<Option<Profile>> {
        Ok(None)
    }
    fn any_profile(&self) -> Read<bool> {
        Ok(false)
    }
    fn scores(&self, user: &UserId) -> Read<Scores> {
        Ok(Scores::none(user.clone()))
    }
    fn floor(&self, _: &Party) -> Read<u64> {
        Ok(0)
    }
    fn certificate(&self, _: CertificateKey) -> Read<Option<UserId>> {
        Ok(None)
    }
    fn session(&self, _: &merkle::Hash) -> Read<Option<Session>> {
        Ok(None)
    }
    fn credential(&self, _: &UserId) -> Read<Option<Credential>> {
        Ok(None)
    }
    fn sessions_of(&self, _: &UserId) -> Read<Vec<Session>> {
        Ok(Vec::new())
    }
    fn ceremony(&self) -> Read<Option<Ceremony>> {
        Ok(None)
    }
    fn policy_bundle(&self) -> Read<Option<PolicyBundle>> {
        Ok(None)
    }
    fn proposed_bundle(&self) -> Read<Option<ProposedBundle>> {
        Ok(None)
    }
}

impl View for Stock {
    fn record(&self, _: Dataset, id: RecordId) -> Read<Option<StoredRecord>> {
        Ok(self.records.get(&id).and_then(|versions| versions.last()).map(|record| (**record).clone()))
    }
    fn version(&self, _: Dataset, id: RecordId, version: u64) -> Read<Option<StoredRecord>> {
        let all = self.records.get(&id).into_iter().flatten();
        Ok(all.map(|record| (**record).clone()).find(|record| record.header.version == version))
    }
    fn overrides(&self, _: Dataset, _: RecordId) -> Read<Vec<StoredOverride>> {
        Ok(Vec::new())
    }
    fn request(&self, slot: SlotId, request: RequestId) -> Read<Option<Remembered>> {
        Ok(self.requests.get(&(slot, request)).map(|remembered| (**remembered).clone()))
    }
    fn requests_before(&self, slot: SlotId, before: UnixMillis, limit: usize) -> Read<Vec<(UnixMillis, RequestId)>> {
        let of_slot = self.requests.iter().filter(|((of, _), remembered)| *of == slot && remembered.at < before);
        let mut old: Vec<_> = of_slot.map(|((_, id), remembered)| (remembered.at, *id)).collect();
        old.sort_unstable();
        old.truncate(limit);
        Ok(old)
    }
    fn slot_map(&self) -> Read<Option<SlotMap>> {
        Ok(self.map.as_ref().map(|map| (**map).clone()))
    }
    fn import(&self, _: &SourceList) -> Read<Option<ImportState>> {
        Ok(None)
    }
    fn source_marks(&self, _: &SourceList, _: Option<RecordId>, _: usize) -> Read<Vec<(RecordId, ImportId)>> {
        Ok(Vec::new())
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
        Ok((*self.frontier).clone())
    }
    fn tree_node(&self, _: merkle::Node) -> Read<Option<merkle::Hash>> {
        Ok(None)
    }
    fn sequence(&self, _: &Scope) -> Read<Option<Last>> {
        Ok(None)
    }
    fn sessions_begun(&self, _: UnixMillis, _: usize) -> Read<Vec<(UnixMillis, SessionName)>> {
        Ok(Vec::new())
    }
    fn published(&self) -> Read<Published> {
        Ok(Published::default())
    }
    fn cluster(&self) -> Read<Option<ClusterInfo>> {
        Ok(None)
    }

    fn policies(&self) -> Read<Option<Policies>> {
        Ok(None)
    }
    fn data_keys(&self) -> Read<Vec<DataKey>> {
        Ok(Vec::new())
    }
}

/// The number-th request made at a time whose record lies in a slot.
pub fn request(slot: SlotId, number: u8, at: UnixMillis) -> RequestId {
    let mut random = [0; 16];
    random[6] = number;
    let tries = 0u32..;
    let mut tried = tries.map(|tried| {
        random[12..].copy_from_slice(&tried.to_be_bytes());
        RequestId::new(at, random)
    });
    tried.find(|request| RecordId::of_request(*request).slot() == slot).expect("some id lies in the slot")
}

/// The envelope of a command that somebody asked for under a request id, decided on just now.
pub fn asked(request: RequestId, command: Command, made_at: UnixMillis) -> Envelope {
    let epochs = Epochs::default();
    let decision =
        Decision { made_at, directory_index: 1, profile_version: 0, agreement_version: 0, policy_version: 0, epochs };
    Envelope { request, caller: Some(caller()), decision: Some(decision), time: made_at, command }
}

/// The envelope of what the cluster does by itself.
pub fn of_the_cluster(command: Command) -> Envelope {
    Envelope { request: RequestId([0; 16]), caller: None, decision: None, time: UnixMillis(0), command }
}

/// Creates the record that the request names.
pub fn create(request: RequestId, content: u8) -> Command {
    let draft = draft(RecordId::of_request(request), content);
    Command::CreateRecord(CreateRecord { draft, event: event(request, EventKind::Create) })
}

/// Gives a record another content, if it still has the version.
pub fn update(request: RequestId, id: RecordId, expected_version: u64, content: u8) -> Command {
    let event = event(request, EventKind::Update);
    Command::UpdateRecord(UpdateRecord { draft: draft(id, content), expected_version, event })
}

/// Hands messages to their receiver.
pub fn deliver(messages: Vec<Posted>) -> Envelope {
    of_the_cluster(Command::Deliver(Deliver { messages }))
}

/// Forgets what the receiver has.
pub fn acknowledge(lanes: Vec<(Lane, u64)>) -> Envelope {
    of_the_cluster(Command::Acknowledge(Acknowledge { lanes }))
}

/// An event of a request, sealed by its id.
pub fn event(request: RequestId, kind: EventKind) -> EventDraft {
    EventDraft {
        header: EventHeader::new(kind, request, &caller(), request.time()),
        payload: sealed(request.0[6]),
        tokens: Vec::new(),
    }
}

/// The code of a refusal.
pub fn code(outcome: &Outcome) -> Option<RefusalCode> {
    match outcome {
        Outcome::Refused(refusal) => Some(refusal.code),
        _ => None,
    }
}

/// The token that a record of this content is found by.
pub fn token(content: u8) -> Token {
    Token([content; 16])
}

fn caller() -> Caller {
    Caller {
        user: UserId::new("officer").expect("a code"),
        agency: AgencyId::new("CBP").expect("a code"),
        port: PortId::new("2404").expect("a code"),
        purpose: Purpose::new("test").expect("a code"),
        node: NodeId(1),
    }
}

fn draft(id: RecordId, content: u8) -> Draft {
    Draft {
        id,
        kind: RecordKind::Lookout,
        subject: SubjectKind::Person,
        dataset: Dataset::Tecs,
        owner: AgencyId::new("CBP").expect("a code"),
        level: AccessLevel::One,
        labels: Vec::new(),
        source: None,
        tokens: vec![token(content)],
        content: token(content),
        expires: None,
        sealed: sealed(content),
    }
}

fn sealed(content: u8) -> Sealed {
    Sealed { algorithm: 1, key: 1, nonce: [0; 12], ciphertext: vec![content] }
}
