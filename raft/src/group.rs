//! A replica of one group, as the rest of the node uses it: propose, read, change members, ask how it stands.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use model::codec;
use model::command::Outcome;
use model::envelope::Envelope;
use model::ids::{GroupId, NodeId};
use model::limits::{CLOCK_AHEAD_MAX_MS, COMMAND_BYTES_MAX};
use openraft::Instant as _;
use openraft::async_runtime::WatchReceiver;
use openraft::errors::{ClientWriteError, LinearizableReadError, RaftError};
use openraft::{ChangeMembers, ReadPolicy, ServerState};
use proto::peer::{self, fault};
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use crate::error::GroupError;
use crate::machine::{Machine, State};
use crate::network::Router;
use crate::storage;
use crate::types::{Config, Member, Metrics, Proposal, Raft};

/// Proposals of a group that wait for their outcome on its leader.
const PROPOSALS_MAX: usize = 4_096;
/// Kibibytes of those.
const PROPOSALS_KIB_MAX: usize = 64 * 1024;
/// Linearizable reads that wait for the leader's word.
const BARRIERS_MAX: usize = 8_192;
/// Pause before a group without a leader is asked again.
const RETRY_PAUSE: Duration = Duration::from_millis(25);
/// A single attempt at the leader; a leader that died silently costs no more than this.
const ATTEMPT: Duration = Duration::from_millis(2_000);
/// A voter that is up to date takes leadership over within this time, or is not there.
const HAND_OVER: Duration = Duration::from_millis(1_000);
/// A new member must have caught up within this time.
const CATCH_UP: Duration = Duration::from_secs(50);
/// A new member that is so many entries behind the log's end has caught up: the rest is on its way.
const CATCH_UP_ENTRIES: u64 = 256;
/// A voter that was heard within this time is there to take leadership over.
const HEARD_LATELY: Duration = Duration::from_secs(1);
/// A snapshot is asked for again after this time: openraft ignores the wish while it makes another one.
const SNAPSHOT_AGAIN: Duration = Duration::from_secs(1);
/// Messages of a leader that wait until their commit is applied here.
const HEARD_MAX: usize = 256;

/// What a replica is in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Leader,
    Follower,
    Candidate,
    Learner,
    Stopped,
}

impl Role {
    /// Every role there is.
    pub const ALL: [Self; 5] = [Self::Leader, Self::Follower, Self::Candidate, Self::Learner, Self::Stopped];

    /// The role's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Leader => "leader",
            Self::Follower => "follower",
            Self::Candidate => "candidate",
            Self::Learner => "learner",
            Self::Stopped => "stopped",
        }
    }
}

/// How a group stands, as this replica sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub role: Role,
    pub leader: Option<NodeId>,
    pub term: u64,
    pub last_log: u64,
    pub committed: u64,
    pub applied: u64,
    pub snapshot: u64,
    pub purged: u64,
    pub voters: BTreeSet<NodeId>,
    /// Between two sets of voters: both must agree until the change is through.
    pub joint: bool,
    pub learners: BTreeSet<NodeId>,
    pub addresses: BTreeMap<NodeId, String>,
    /// Of a leader: the last entry that each other member has.
    pub matched: BTreeMap<NodeId, u64>,
}

/// A step of membership, one at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    AddLearner(NodeId, String),
    Promote(NodeId),
    Remove(NodeId),
    Transfer(NodeId),
}

/// A replica of a group; clones share it.
#[derive(Clone)]
pub struct Group(Arc<Inner>);

struct Inner {
    id: GroupId,
    raft: Raft,
    machine: Machine,
    router: Router,
    proposals: Arc<Semaphore>,
    proposals_kib: Arc<Semaphore>,
    barrier: mpsc::Sender<oneshot::Sender<Result<u64, GroupError>>>,
    transfer: Arc<Mutex<()>>,
    changes: Mutex<()>,
    heard: std::sync::Mutex<Heard>,
    /// What the others were seen to have of the committed log while this replica led.
    acknowledged: std::sync::Mutex<BTreeMap<NodeId, u64>>,
}

/// What a leader's messages say of the age of this copy.
#[derive(Default)]
struct Heard {
    /// Messages whose commit is not applied here yet: when they came, and what was committed then.
    waiting: VecDeque<(Instant, u64)>,
    /// When the newest message came whose commit is applied here.
    fresh: Option<Instant>,
}

impl Heard {
    fn heard(&mut self, now: Instant, committed: u64, applied: u64) {
        let full = self.waiting.len() >= HEARD_MAX;
        match self.waiting.back_mut() {
            Some(last) if last.1 == committed => last.0 = now,
            // Left out while too many wait, which makes the copy look older than it is and never younger.
            _ if full => {}
            _ => self.waiting.push_back((now, committed)),
        }
        self.take(applied);
    }

    /// When the copy was last known to have everything that was committed.
    fn take(&mut self, applied: u64) -> Option<Instant> {
        while let Some((at, _)) = self.waiting.front().filter(|(_, committed)| *committed <= applied) {
            self.fresh = Some(*at);
            self.waiting.pop_front();
        }
        self.fresh
    }
}

impl Group {
    pub(crate) fn new(raft: Raft, machine: Machine, router: Router) -> Self {
        let (barrier, waiting) = mpsc::channel(BARRIERS_MAX);
        let id = machine.group();
        tokio::spawn(barrier_worker(id, raft.clone(), waiting));
        Self(Arc::new(Inner {
            id,
            raft,
            machine,
            router,
            proposals: Arc::new(Semaphore::new(PROPOSALS_MAX)),
            proposals_kib: Arc::new(Semaphore::new(PROPOSALS_KIB_MAX)),
            barrier,
            transfer: Arc::default(),
            changes: Mutex::default(),
            heard: std::sync::Mutex::default(),
            acknowledged: std::sync::Mutex::default(),
        }))
    }

    /// The group.
    pub fn id(&self) -> GroupId {
        self.0.id
    }

    pub(crate) fn raft(&self) -> &Raft {
        &self.0.raft
    }

    /// The state machine.
    pub fn machine(&self) -> &Machine {
        &self.0.machine
    }

    /// Reads this replica's state at one moment.
    pub fn read<T>(&self, read: impl FnOnce(State<'_>) -> storage::Result<T>) -> Result<T, GroupError> {
        Ok(self.0.machine.read(read)?)
    }

    /// Forgets the feed up to a log index that the search index has committed, unless the state was replaced since the
    /// indexer read it: `installs` is what the machine's progress said before that.
    pub async fn trim_feed(&self, installs: u64, upto: u64) -> Result<(), GroupError> {
        Ok(self.0.machine.trim_feed(installs, upto).await?)
    }

    pub(crate) fn transfer_lock(&self) -> Result<OwnedMutexGuard<()>, GroupError> {
        let busy = |_| self.unavailable("another snapshot is being received");
        self.0.transfer.clone().try_lock_owned().map_err(busy)
    }

    fn unavailable(&self, reason: impl Into<String>) -> GroupError {
        GroupError::Unavailable { group: self.0.id, reason: reason.into() }
    }

    /// How the group stands.
    pub fn status(&self) -> Status {
        status(&self.0.raft.metrics().borrow_watched())
    }

    fn applied_now(&self) -> u64 {
        self.0.machine.progress().borrow().applied
    }

    /// A leader's message was taken; it said how far the log is committed.
    pub(crate) fn heard(&self, committed: u64) {
        let mut heard = self.0.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.heard(Instant::now(), committed, self.applied_now());
    }

    /// How old this replica's copy may be: the time since a leader's word of what was committed, all of which is applied
    /// here; leading, since a quorum's word. None: never since the start. A replica that was removed from its group learns
    /// of it by this alone.
    pub fn staleness(&self) -> Option<Duration> {
        {
            let metrics = self.0.raft.metrics();
            let metrics = metrics.borrow_watched();
            // A new leader has all that was committed once an entry of its own term is applied.
            let own = metrics.last_applied.as_ref().is_some_and(|id| id.leader_id.term == metrics.current_term);
            if metrics.state == ServerState::Leader && own {
                let alone = metrics.membership_config.membership().voter_ids().count() == 1;
                return match metrics.last_quorum_acked {
                    _ if alone => Some(Duration::ZERO),
                    acked => acked.map(|acked| acked.elapsed()),
                };
            }
        }
        let applied = self.applied_now();
        let fresh = self.0.heard.lock().unwrap_or_else(PoisonError::into_inner).take(applied);
        fresh.map(|fresh| fresh.elapsed())
    }

    /// What a member was seen to have of the committed log while this replica led; it must never have less again.
    pub fn acknowledged_by(&self, node: NodeId) -> u64 {
        self.note_acknowledged();
        self.0.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).get(&node).copied().unwrap_or(0)
    }

    pub(crate) fn note_acknowledged(&self) {
        let status = self.status();
        let mut acknowledged = self.0.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        for (node, matched) in &status.matched {
            let known = acknowledged.entry(*node).or_default();
            // What is not committed may lawfully go again.
            *known = (*known).max(*matched.min(&status.committed));
        }
    }

    /// Proposals and linearizable reads that wait here now.
    pub fn waiting(&self) -> (usize, usize) {
        let barrier = &self.0.barrier;
        let proposals = PROPOSALS_MAX - self.0.proposals.available_permits();
        (proposals, barrier.max_capacity() - barrier.capacity())
    }

    /// Whether this replica may lead and knows so.
    pub fn leads(&self) -> bool {
        self.status().role == Role::Leader
    }

    /// Why the replica stopped, if it did: storage that failed, above all.
    pub fn failure(&self) -> Option<String> {
        let stopped = self.0.raft.metrics().borrow_watched().running_state.as_ref().err().map(ToString::to_string);
        stopped.or_else(|| self.0.machine.damage())
    }

    /// Proposes as the leader. The envelope gets the time of this node's clock.
    pub async fn propose_here(&self, mut envelope: Envelope) -> Result<(Outcome, u64), GroupError> {
        let group = self.0.id;
        let Some(ahead) = self.clock_ahead_ms() else {
            return Err(self.unavailable("the clocks of its quorum are not known yet"));
        };
        if ahead > CLOCK_AHEAD_MAX_MS {
            self.step_down().await;
            return Err(self.unavailable(format!("the leader's clock is {ahead} ms ahead of its quorum's")));
        }
        envelope.time = self.0.router.clock().now();
        let bytes =
            codec::encode(&envelope).map_err(|error| GroupError::Refused { group, reason: error.to_string() })?;
        if bytes.len() > COMMAND_BYTES_MAX {
            let reason = format!("it has {} bytes, at most {COMMAND_BYTES_MAX} are allowed", bytes.len());
            return Err(GroupError::Refused { group, reason });
        }
        let places = self.places(bytes.len())?;
        let raft = self.0.raft.clone();
        // The places are held until the entry has its outcome, not only while somebody waits for it.
        let written = tokio::spawn(async move {
            let written = raft.client_write(Proposal(bytes.into())).await;
            drop(places);
            written
        });
        let written = written.await.map_err(|error| GroupError::Unknown { group, reason: error.to_string() })?;
        match written {
            Ok(response) => match response.data.0 {
                Some(outcome) => Ok((outcome, response.log_id.index)),
                None => Err(GroupError::Unknown { group, reason: "the entry had no outcome".into() }),
            },
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward))) => {
                Err(GroupError::NotLeader { group, leader: forward.leader_id.map(NodeId) })
            }
            Err(error) => Err(GroupError::Unknown { group, reason: error.to_string() }),
        }
    }

    fn clock_ahead_ms(&self) -> Option<u64> {
        let metrics = self.0.raft.metrics();
        let metrics = metrics.borrow_watched();
        self.0.router.clock_ahead_ms(metrics.membership_config.membership().voter_ids().map(NodeId))
    }

    /// Places for one proposal of this size among those that wait.
    fn places(&self, bytes: usize) -> Result<(OwnedSemaphorePermit, OwnedSemaphorePermit), GroupError> {
        let busy = |_| GroupError::Busy { group: self.0.id };
        let kib = (bytes / 1024 + 1) as u32;
        let place = self.0.proposals.clone().try_acquire_owned().map_err(busy)?;
        Ok((place, self.0.proposals_kib.clone().try_acquire_many_owned(kib).map_err(busy)?))
    }

    /// Proposes through whichever node leads, until the deadline. Attempts repeat the same request id, so the command takes
    /// place once; if the time ends after an attempt was sent, the outcome is unknown.
    pub async fn propose(&self, envelope: &Envelope, deadline: Duration) -> Result<Outcome, GroupError> {
        let bytes = codec::encode(envelope)
            .map_err(|error| GroupError::Refused { group: self.0.id, reason: error.to_string() })?;
        self.at_leader(deadline, ATTEMPT, true, async |leader, left| match leader {
            None => self.propose_here(envelope.clone()).await.map(|(outcome, _)| outcome),
            Some((node, address)) => {
                let request = peer::ProposeRequest {
                    route: Some(self.0.router.route(self.0.id, node)),
                    envelope: bytes.clone().into(),
                };
                let reply = self.0.router.call(&address, left, async |mut peer| peer.propose(request).await).await;
                let reply = reply.map_err(|status| self.lost(status))?;
                self.fault(reply.fault)?;
                codec::decode(&reply.outcome)
                    .map_err(|error| GroupError::Unknown { group: self.0.id, reason: error.to_string() })
            }
        })
        .await
    }

    /// Waits until this replica has applied everything that was acknowledged before the call (Linearizable).
    pub async fn linearize(&self, deadline: Duration) -> Result<u64, GroupError> {
        let begun = Instant::now();
        let index = self.at_leader(deadline, ATTEMPT, false, async |leader, left| match leader {
            None => self.read_index_here().await,
            Some((node, address)) => {
                let request = peer::ReadIndexRequest { route: Some(self.0.router.route(self.0.id, node)) };
                let reply = self.0.router.call(&address, left, async |mut peer| peer.read_index(request).await).await;
                let reply = reply.map_err(|status| self.lost(status))?;
                self.fault(reply.fault)?;
                Ok(reply.index)
            }
        });
        let index = index.await?;
        self.applied(index, deadline.saturating_sub(begun.elapsed())).await?;
        Ok(index)
    }

    /// Waits until an entry is applied here.
    pub async fn applied(&self, index: u64, deadline: Duration) -> Result<(), GroupError> {
        let mut progress = self.0.machine.progress();
        let waited = tokio::time::timeout(deadline, progress.wait_for(|progress| progress.applied >= index)).await;
        match waited {
            Ok(Ok(_)) => Ok(()),
            _ => Err(self.unavailable(format!("entry {index} is not applied here in time"))),
        }
    }

    /// The position that a linearizable read must have applied, by the leader's word; calls that wait share one round.
    pub async fn read_index_here(&self) -> Result<u64, GroupError> {
        let (answer, index) = oneshot::channel();
        self.0.barrier.try_send(answer).map_err(|_| GroupError::Busy { group: self.0.id })?;
        index.await.unwrap_or_else(|_| Err(self.unavailable("the replica has stopped")))
    }

    /// Changes the group's members by one step, through whichever node leads.
    pub async fn change(&self, step: &Step, deadline: Duration) -> Result<(), GroupError> {
        self.at_leader(deadline, CATCH_UP, true, async |leader, left| match leader {
            None => self.change_here(step).await,
            Some((node, address)) => {
                use peer::change_request::Step as Wire;
                let (wire, subject, subject_address) = match step {
                    Step::AddLearner(node, address) => (Wire::AddLearner, node, address.clone()),
                    Step::Promote(node) => (Wire::Promote, node, String::new()),
                    Step::Remove(node) => (Wire::Remove, node, String::new()),
                    Step::Transfer(node) => (Wire::Transfer, node, String::new()),
                };
                let request = peer::ChangeRequest {
                    route: Some(self.0.router.route(self.0.id, node)),
                    step: wire.into(),
                    node: subject.0,
                    address: subject_address,
                };
                let reply = self.0.router.call(&address, left, async |mut peer| peer.change(request).await).await;
                self.fault(reply.map_err(|status| self.lost(status))?.fault)
            }
        })
        .await
    }

    /// Changes the group's members by one step, as its leader. A step that is done already is done.
    pub async fn change_here(&self, step: &Step) -> Result<(), GroupError> {
        let mut status = self.status();
        if status.role != Role::Leader {
            return Err(GroupError::NotLeader { group: self.0.id, leader: status.leader });
        }
        let _one = self.0.changes.try_lock().map_err(|_| self.unavailable("another change of members is under way"))?;
        let raft = &self.0.raft;
        if status.joint {
            self.settle().await?;
            status = self.status();
        }
        let written = match step {
            Step::AddLearner(node, address) => match status.addresses.get(node) {
                Some(known) if known != address => {
                    return Err(self.refused(format!("node {node} is a member of it at {known}")));
                }
                Some(_) => return self.caught_up(*node).await,
                None => {
                    let member = Member { address: address.clone() };
                    match raft.add_learner(node.0, member, false).await {
                        Ok(_) => return self.caught_up(*node).await,
                        Err(error) => Err(error),
                    }
                }
            },
            Step::Promote(node) if status.voters.contains(node) => return Ok(()),
            Step::Promote(node) => {
                // A voter that is far behind would be missed by every quorum that it is counted in.
                self.caught_up(*node).await?;
                self.change_voters(ChangeMembers::AddVoterIds(BTreeSet::from([node.0])), true).await
            }
            Step::Remove(node) if !status.addresses.contains_key(node) => return Ok(()),
            Step::Remove(node) if *node == self.0.router.me() => {
                self.step_down().await;
                return Err(self.unavailable("the leader was to be removed and hands over first"));
            }
            Step::Remove(node) if status.voters.contains(node) => {
                if status.voters.len() == 1 {
                    return Err(self.refused("the last voter of a group cannot be removed"));
                }
                self.change_voters(ChangeMembers::RemoveVoters(BTreeSet::from([node.0])), false).await
            }
            Step::Remove(node) => {
                self.change_voters(ChangeMembers::RemoveNodes(BTreeSet::from([node.0])), false).await
            }
            Step::Transfer(node) if *node == self.0.router.me() => return Ok(()),
            Step::Transfer(node) if !status.voters.contains(node) => {
                return Err(self.refused(format!("node {node} is no voter of it")));
            }
            Step::Transfer(node) => return self.hand_over(*node).await,
        };
        self.changed(written)
    }

    fn changed(&self, written: Result<(), RaftError<Config, ClientWriteError<Config>>>) -> Result<(), GroupError> {
        match written {
            Ok(()) => Ok(()),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward))) => {
                Err(GroupError::NotLeader { group: self.0.id, leader: forward.leader_id.map(NodeId) })
            }
            Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(error))) => {
                Err(self.unavailable(error.to_string()))
            }
            Err(error) => Err(GroupError::Unknown { group: self.0.id, reason: error.to_string() }),
        }
    }

    /// Changes members in a task of its own: openraft takes two entries for it, and whoever asked may give up in between.
    async fn change_voters(
        &self,
        changes: ChangeMembers<u64, Member>,
        retain: bool,
    ) -> Result<(), RaftError<Config, ClientWriteError<Config>>> {
        let raft = self.0.raft.clone();
        let changed = tokio::spawn(async move { raft.change_membership(changes, retain).await.map(drop) });
        match changed.await {
            Ok(changed) => changed,
            Err(_) => Err(RaftError::Fatal(openraft::errors::Fatal::Stopped)),
        }
    }

    /// Ends a change of voters whose second entry was never written: its leader died, or gave up.
    async fn settle(&self) -> Result<(), GroupError> {
        let written = self.change_voters(ChangeMembers::AddVoterIds(BTreeSet::new()), true).await;
        self.changed(written)
    }

    /// The same, if this replica leads, one is left over and nobody works at it.
    pub(crate) async fn settle_if_left_over(&self) {
        let status = self.status();
        if status.role == Role::Leader
            && status.joint
            && let Ok(_one) = self.0.changes.try_lock()
            && let Err(error) = self.settle().await
        {
            tracing::warn!(group = %self.0.id, %error, "a change of members is still half done");
        }
    }

    /// Waits until a member has what is in the log now, but for a tail.
    async fn caught_up(&self, node: NodeId) -> Result<(), GroupError> {
        let goal = self.status().last_log.saturating_sub(CATCH_UP_ENTRIES);
        let mut metrics = self.0.raft.metrics();
        let waited = tokio::time::timeout(CATCH_UP, async {
            loop {
                {
                    let now = status(&metrics.borrow_watched());
                    if now.role != Role::Leader {
                        return Err(GroupError::NotLeader { group: self.0.id, leader: now.leader });
                    }
                    if now.matched.get(&node).is_some_and(|matched| *matched > 0 && *matched >= goal) {
                        return Ok(());
                    }
                }
                if metrics.changed().await.is_err() {
                    return Err(self.unavailable("the replica has stopped"));
                }
            }
        });
        let late = |_| self.unavailable(format!("node {node} has not caught up within {CATCH_UP:?}"));
        waited.await.map_err(late)?
    }

    /// Hands leadership to another voter that is up to date, if this replica leads. True when it led no more.
    pub async fn step_down(&self) -> bool {
        let status = self.status();
        if status.role != Role::Leader {
            return true;
        }
        let me = self.0.router.me();
        let others = status.voters.iter().filter(|voter| **voter != me);
        let Some(to) = others.max_by_key(|voter| {
            let there = self.0.router.heard_within(**voter, HEARD_LATELY);
            (there, status.matched.get(voter).copied(), std::cmp::Reverse(**voter))
        }) else {
            return false;
        };
        self.hand_over(*to).await.is_ok()
    }

    async fn hand_over(&self, to: NodeId) -> Result<(), GroupError> {
        self.0.raft.trigger().transfer_leader(to.0).await.map_err(|error| self.unavailable(error.to_string()))?;
        let mut metrics = self.0.raft.metrics();
        let changed = async {
            loop {
                if metrics.borrow_watched().current_leader == Some(to.0) {
                    return true;
                }
                if metrics.changed().await.is_err() {
                    return false;
                }
            }
        };
        match tokio::time::timeout(HAND_OVER, changed).await {
            Ok(true) => Ok(()),
            _ => Err(self.unavailable(format!("node {to} has not taken over"))),
        }
    }

    /// Takes a snapshot now; the log is purged up to it, but for a tail. Returns its index.
    pub async fn snapshot(&self, deadline: Duration) -> Result<u64, GroupError> {
        let wanted = self.status().applied;
        let mut metrics = self.0.raft.metrics();
        let taken = async {
            loop {
                self.0.raft.trigger().snapshot().await.map_err(|error| self.unavailable(error.to_string()))?;
                let reached = async {
                    loop {
                        let index = metrics.borrow_watched().snapshot.map_or(0, |id| id.index);
                        if index >= wanted {
                            return Ok(index);
                        }
                        if metrics.changed().await.is_err() {
                            return Err(self.unavailable("the replica has stopped"));
                        }
                    }
                };
                if let Ok(reached) = tokio::time::timeout(SNAPSHOT_AGAIN, reached).await {
                    return reached;
                }
            }
        };
        let late = |_| self.unavailable("the snapshot was not taken in time");
        tokio::time::timeout(deadline, taken).await.map_err(late)?
    }

    /// Purges the log up to an index that a snapshot covers.
    pub async fn purge(&self, upto: u64) -> Result<(), GroupError> {
        self.0.raft.trigger().purge_log(upto).await.map_err(|error| self.unavailable(error.to_string()))
    }

    /// Stops: ends the replica and makes its state durable, so that nothing is left to replay. Whoever leads steps down
    /// before.
    pub async fn stop(&self) -> Result<(), GroupError> {
        if let Err(error) = self.0.raft.shutdown().await {
            tracing::warn!(group = %self.0.id, %error, "the replica did not end cleanly");
        }
        Ok(self.0.machine.flush().await?)
    }

    fn refused(&self, reason: impl Into<String>) -> GroupError {
        GroupError::Refused { group: self.0.id, reason: reason.into() }
    }

    fn lost(&self, status: tonic::Status) -> GroupError {
        GroupError::Unknown { group: self.0.id, reason: format!("{}: {}", status.code(), status.message()) }
    }

    fn fault(&self, fault: Option<peer::Fault>) -> Result<(), GroupError> {
        let Some(fault) = fault else { return Ok(()) };
        let group = self.0.id;
        Err(match fault.kind() {
            fault::Kind::None => return Ok(()),
            fault::Kind::NotLeader => {
                GroupError::NotLeader { group, leader: (fault.leader != 0).then_some(NodeId(fault.leader)) }
            }
            fault::Kind::Unknown => GroupError::Unknown { group, reason: fault.text },
            fault::Kind::Unavailable => GroupError::Unavailable { group, reason: fault.text },
            fault::Kind::Busy => GroupError::Busy { group },
            fault::Kind::Refused => GroupError::Refused { group, reason: fault.text },
        })
    }

    /// Runs an attempt at the leader again and again until it succeeds, is refused, or the time is over. `None` is this
    /// node. What may have taken place is repeated as well, since every command may come twice; if the time ends then, the
    /// outcome of what `writes` is unknown.
    async fn at_leader<T, F>(
        &self,
        deadline: Duration,
        each: Duration,
        writes: bool,
        attempt: impl Fn(Option<(NodeId, String)>, Duration) -> F,
    ) -> Result<T, GroupError>
    where
        F: Future<Output = Result<T, GroupError>>,
    {
        let end = Instant::now() + deadline;
        let (mut hint, mut sent, mut hinted) = (None, None, false);
        loop {
            let status = self.status();
            let leader = hint.take().or(status.leader);
            let mut pause = RETRY_PAUSE;
            let target = match leader {
                Some(leader) if leader == self.0.router.me() => Some(None),
                Some(leader) => status.addresses.get(&leader).map(|address| Some((leader, address.clone()))),
                None => None,
            };
            let left = end.saturating_duration_since(Instant::now());
            if let Some(target) = target {
                let each = left.min(each);
                let tried = tokio::time::timeout(each, attempt(target, each)).await;
                match tried {
                    Ok(Ok(value)) => return Ok(value),
                    Ok(Err(GroupError::NotLeader { leader: Some(other), .. })) if Some(other) != leader => {
                        // Somebody knows better; ask there at once, but not again and again: two may name each other.
                        hint = Some(other);
                        pause = if hinted { RETRY_PAUSE } else { Duration::ZERO };
                        hinted = !hinted;
                    }
                    Ok(Err(GroupError::NotLeader { .. } | GroupError::Unavailable { .. })) => {}
                    Ok(Err(error @ GroupError::Unknown { .. })) => sent = Some(error),
                    // Of this attempt nothing took place; of one before it, who knows.
                    Ok(Err(error)) => return Err(sent.filter(|_| writes).unwrap_or(error)),
                    Err(_) => {
                        let reason = "no answer in time".to_string();
                        sent = Some(GroupError::Unknown { group: self.0.id, reason });
                    }
                }
            }
            if Instant::now() + pause >= end {
                return Err(match sent {
                    Some(error) if writes => error,
                    _ => self.unavailable("no leader answered in time"),
                });
            }
            tokio::time::sleep(pause).await;
        }
    }
}

async fn barrier_worker(
    group: GroupId,
    raft: Raft,
    mut waiting: mpsc::Receiver<oneshot::Sender<Result<u64, GroupError>>>,
) {
    let mut company = Vec::new();
    while waiting.recv_many(&mut company, BARRIERS_MAX).await > 0 {
        let result = match raft.get_read_log_id(ReadPolicy::ReadIndex).await {
            Ok((read, _)) => Ok(read.index()),
            Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(forward))) => {
                Err(GroupError::NotLeader { group, leader: forward.leader_id.map(NodeId) })
            }
            Err(error) => Err(GroupError::Unavailable { group, reason: error.to_string() }),
        };
        for one in company.drain(..) {
            // Whoever asked may have gone.
            drop(one.send(result.clone()));
        }
    }
}

fn status(metrics: &Metrics) -> Status {
    let membership = metrics.membership_config.membership();
    let matched = metrics.replication.iter().flatten();
    Status {
        role: match metrics.state {
            ServerState::Leader => Role::Leader,
            ServerState::Follower => Role::Follower,
            ServerState::Candidate => Role::Candidate,
            ServerState::Learner => Role::Learner,
            ServerState::Shutdown => Role::Stopped,
        },
        leader: metrics.current_leader.map(NodeId),
        term: metrics.current_term,
        last_log: metrics.last_log_index.unwrap_or(0),
        committed: metrics.cluster_committed.or(metrics.local_committed).map_or(0, |id| id.index),
        applied: metrics.last_applied.map_or(0, |id| id.index),
        snapshot: metrics.snapshot.map_or(0, |id| id.index),
        purged: metrics.purged.map_or(0, |id| id.index),
        voters: membership.voter_ids().map(NodeId).collect(),
        joint: membership.get_joint_config().len() > 1,
        learners: membership.learner_ids().map(NodeId).collect(),
        addresses: membership.nodes().map(|(id, member)| (NodeId(*id), member.address.clone())).collect(),
        matched: matched.map(|(id, at)| (NodeId(*id), at.map_or(0, |id| id.index))).collect(),
    }
}
