//! The sending side of Raft between two nodes.

use std::future::Future;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use model::ids::{GroupId, NodeId};
use model::known_bugs::{KnownBug, planted};
use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{RPCOption, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest, TransferLeaderResponse,
    VoteRequest, VoteResponse,
};
use proto::peer;
use tokio::time::Instant;

use super::Router;
use crate::group::WeakGroup;
use crate::machine::Machine;
use crate::types::{
    Config, Member, Position, Snapshot, SnapshotFiles, Vote, encode_entry, log_id_from, log_id_to, vote_from, vote_to,
};

/// A message with entries may take this long: openraft's own time for it, less than a heartbeat, is too short for a
/// mebibyte over a slow line, and what never arrives is sent again for ever.
const ENTRIES_DEADLINE: Duration = Duration::from_secs(3);
/// A snapshot's transfer and installation may take this long; what was sent is kept when it takes longer.
const INSTALL_DEADLINE: Duration = Duration::from_secs(600);

/// Makes the senders of one group.
pub struct GroupNetworks {
    pub router: Router,
    pub machine: Machine,
    /// The group, once there is one: its replica is made with this.
    pub(crate) group: Arc<OnceLock<WeakGroup>>,
}

impl RaftNetworkFactory<Config> for GroupNetworks {
    type Network = GroupNetwork;

    async fn new_client(&mut self, target: u64, member: &Member) -> GroupNetwork {
        GroupNetwork {
            router: self.router.clone(),
            machine: self.machine.clone(),
            group: self.group.clone(),
            target: NodeId(target),
            address: member.address.clone(),
        }
    }
}

/// Sends one group's messages to one node.
pub struct GroupNetwork {
    router: Router,
    machine: Machine,
    group: Arc<OnceLock<WeakGroup>>,
    target: NodeId,
    address: String,
}

fn unreachable(error: &(impl std::error::Error + 'static)) -> RPCError<Config> {
    RPCError::Unreachable(Unreachable::new(error))
}

fn nonsense(what: &str) -> RPCError<Config> {
    unreachable(&io::Error::other(format!("the peer's answer has no {what}")))
}

impl GroupNetwork {
    fn id(&self) -> GroupId {
        self.machine.group()
    }

    fn route(&self) -> Option<peer::Route> {
        Some(self.router.route(self.id(), self.target))
    }

    /// A receiver found what this node sent damaged. Is it the state itself, the node stops; else it was the transfer, and is
    /// sent again.
    fn inspect(&self, name: &str, refusal: &tonic::Status) {
        let reason = refusal.message();
        tracing::warn!(group = %self.id(), to = %self.target, snapshot = name, reason, "a snapshot was refused as damaged");
        if let Err(error) = self.machine.inspect() {
            tracing::error!(group = %self.id(), %error, "the state that snapshots are taken of is damaged");
        }
    }

    async fn ask_vote(
        &self,
        rpc: VoteRequest<Config>,
        pre: bool,
        option: RPCOption,
    ) -> Result<VoteResponse<Config>, RPCError<Config>> {
        let request = peer::VoteRequest {
            route: self.route(),
            vote: Some(vote_to(&rpc.vote)),
            last_log: rpc.last_log_id.as_ref().map(log_id_to),
            pre,
            leader_transfer: rpc.leadership_transfer,
        };
        let call = self.router.call("vote", (&self.address, Some(self.target)), option.soft_ttl(), async |mut peer| {
            peer.vote(request).await
        });
        let reply = call.await.map_err(|error| unreachable(&error))?;
        let vote = vote_from(reply.vote).ok_or_else(|| nonsense("vote"))?;
        Ok(VoteResponse::new(vote, reply.last_log.map(log_id_from), reply.granted))
    }
}

impl RaftNetworkV2<Config> for GroupNetwork {
    type SnapshotData = SnapshotFiles;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Config>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Config>, RPCError<Config>> {
        let entries: Result<Vec<_>, _> = rpc.entries.iter().map(|entry| encode_entry(entry).map(Into::into)).collect();
        let request = peer::AppendRequest {
            route: self.route(),
            vote: Some(vote_to(&rpc.vote)),
            previous: rpc.prev_log_id.as_ref().map(log_id_to),
            entries: entries.map_err(|error| unreachable(&error))?,
            leader_committed: rpc.leader_commit.as_ref().map(log_id_to),
            freshness: self.group.get().and_then(|group| group.freshness(self.target)),
        };
        let (name, deadline) = if rpc.entries.is_empty() {
            ("heartbeat", option.soft_ttl())
        } else {
            ("append", option.soft_ttl().max(ENTRIES_DEADLINE))
        };
        let call = self
            .router
            .call(name, (&self.address, Some(self.target)), deadline, async |mut peer| peer.append(request).await);
        let reply = call.await;
        if planted(KnownBug::LearnerCountedInQuorum)
            && reply.is_err()
            && self.group.get().is_some_and(WeakGroup::has_learners)
        {
            return Ok(AppendEntriesResponse::Success);
        }
        let reply = reply.map_err(|error| unreachable(&error))?;
        self.router.saw_clock(self.target, reply.clock_ms);
        reply.stamp.into_iter().for_each(|stamp| self.router.stamps().keep(self.target, stamp, Instant::now()));
        Ok(match reply.kind() {
            peer::append_reply::Kind::Success => AppendEntriesResponse::Success,
            peer::append_reply::Kind::Partial => AppendEntriesResponse::PartialSuccess(reply.matched.map(log_id_from)),
            peer::append_reply::Kind::Conflict => AppendEntriesResponse::Conflict,
            peer::append_reply::Kind::HigherVote => {
                AppendEntriesResponse::HigherVote(vote_from(reply.vote).ok_or_else(|| nonsense("vote"))?)
            }
        })
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<Config>,
        option: RPCOption,
    ) -> Result<VoteResponse<Config>, RPCError<Config>> {
        self.ask_vote(rpc, false, option).await
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<Config>,
        option: RPCOption,
    ) -> Result<VoteResponse<Config>, RPCError<Config>> {
        self.ask_vote(rpc, true, option).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<Config>, StreamingError<Config>> {
        let failed = |error: &dyn std::fmt::Display| {
            StreamingError::Unreachable(Unreachable::new(&io::Error::other(error.to_string())))
        };
        let SnapshotFiles::Checkpoint(name) = &snapshot.snapshot else {
            return Err(failed(&"a received snapshot is not sent on"));
        };
        let _kept = self.machine.sending(name);
        let manifest = self.machine.store().manifest(name).await.map_err(|error| failed(&error))?;
        let meta = model::codec::encode(&Position::of_meta(&snapshot.meta)).map_err(|error| failed(&error))?;
        let request = peer::InstallRequest {
            route: self.route(),
            vote: Some(vote_to(&vote)),
            meta: meta.into(),
            snapshot: name.as_bytes().to_vec().into(),
            files: manifest
                .files
                .iter()
                .map(|file| peer::File {
                    name: file.name.clone(),
                    length: file.length,
                    sha256: file.sha256.to_vec().into(),
                })
                .collect(),
            address: self.router.address().to_string(),
        };
        tracing::info!(group = %self.id(), to = %self.target, files = manifest.files.len(), "sending a snapshot");
        let call =
            self.router.call("install", (&self.address, Some(self.target)), INSTALL_DEADLINE, async |mut peer| {
                peer.install(request).await
            });
        let reply = tokio::select! {
            reply = call => match reply {
                Ok(reply) => reply,
                Err(error) => {
                    if error.code() == tonic::Code::DataLoss {
                        self.inspect(name, &error);
                    }
                    return Err(failed(&error));
                }
            },
            closed = cancel => return Err(StreamingError::Closed(closed)),
        };
        let vote = vote_from(reply.vote).ok_or_else(|| failed(&"the peer's answer has no vote"))?;
        Ok(SnapshotResponse::new(vote))
    }

    async fn transfer_leader(
        &mut self,
        rpc: TransferLeaderRequest<Config>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Config>, RPCError<Config>> {
        let request = peer::TransferRequest {
            route: self.route(),
            from_leader: Some(vote_to(rpc.from_leader())),
            to_node: *rpc.to_node_id(),
            last_log: rpc.last_log_id().map(log_id_to),
        };
        let call = self.router.call(
            "transfer_leader",
            (&self.address, Some(self.target)),
            option.soft_ttl(),
            async |mut peer| peer.transfer_leader(request).await,
        );
        call.await.map_err(|error| unreachable(&error))?;
        Ok(Ok(()))
    }
}
