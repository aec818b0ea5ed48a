//! A replica of one group, as the rest of the node uses it: propose, read, change members, ask how it stands.

mod age;
mod members;
mod roots;
mod status;

pub(crate) use age::WeakGroup;
pub use members::Step;
pub use status::{Role, Status};

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use model::codec;
use model::command::Outcome;
use model::envelope::Envelope;
use model::ids::{GroupId, NodeId};
use model::known_bugs::{KnownBug, planted};
use model::limits::{CLOCK_AHEAD_MAX_MS, COMMAND_BYTES_MAX};
use openraft::ReadPolicy;
use openraft::async_runtime::WatchReceiver;
use openraft::errors::{ClientWriteError, LinearizableReadError, RaftError};
use proto::peer::{self, fault};
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use crate::error::GroupError;
use crate::machine::{Machine, State};
use crate::network::Router;
use crate::storage;
use crate::types::{Proposal, Raft};

/// Proposals of a group that wait for their outcome on its leader.
pub const PROPOSALS_MAX: usize = 4_096;
/// Kibibytes of those.
const PROPOSALS_KIB_MAX: usize = 64 * 1024;
/// Linearizable reads that wait for the leader's word.
pub const BARRIERS_MAX: usize = 8_192;
/// Pause before a group without a leader is asked again.
const RETRY_PAUSE: Duration = Duration::from_millis(25);
/// A single attempt at the leader; a leader that died silently costs no more than this.
const ATTEMPT: Duration = Duration::from_millis(2_000);
/// A snapshot is asked for again after this time: openraft ignores the wish while it makes another one.
const SNAPSHOT_AGAIN: Duration = Duration::from_secs(1);

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
    heard: std::sync::Mutex<age::Heard>,
    /// What the others were seen to have of the committed log while this replica led.
    acknowledged: std::sync::Mutex<BTreeMap<NodeId, u64>>,
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
        status::status(&self.0.raft.metrics().borrow_watched())
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
                let reply = self
                    .0
                    .router
                    .call("propose", (&address, Some(node)), left, async |mut peer| peer.propose(request).await)
                    .await;
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
        if planted(KnownBug::FollowerServesLinearizable) {
            return Ok(self.status().applied);
        }
        let begun = Instant::now();
        let index = self.at_leader(deadline, ATTEMPT, false, async |leader, left| match leader {
            None => self.read_index_here().await,
            Some((node, address)) => {
                let request = peer::ReadIndexRequest { route: Some(self.0.router.route(self.0.id, node)) };
                let reply = self
                    .0
                    .router
                    .call("read_index", (&address, Some(node)), left, async |mut peer| peer.read_index(request).await)
                    .await;
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
        if planted(KnownBug::ReadWithoutQuorum) && self.leads() {
            return Ok(self.status().applied);
        }
        let (answer, index) = oneshot::channel();
        self.0.barrier.try_send(answer).map_err(|_| GroupError::Busy { group: self.0.id })?;
        index.await.unwrap_or_else(|_| Err(self.unavailable("the replica has stopped")))
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
