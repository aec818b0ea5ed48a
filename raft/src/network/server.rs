//! The receiving side: checks whose message it is and hands it to its group.

use std::time::Duration;

use tokio::time::Instant;

use model::certificate::{Bearer, CertificateName};
use model::codec;
use model::ids::{ClusterId, GroupId, NodeId};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, TransferLeaderRequest, VoteRequest};
use proto::peer::{self, fault, peer_server::Peer};
use proto::transport::Remote;
use tonic::{Request, Response, Status};

use crate::error::GroupError;
use crate::group::{Group, Role, Step};
use crate::groups::Groups;
use crate::storage::{Manifest, SnapshotFile};
use crate::types::{
    LogId, Position, Snapshot, SnapshotFiles, Vote, decode_entry, log_id_from, log_id_to, vote_from, vote_to,
};

const OTHER_KEY: &str = "the peer has another key: give all nodes the same --key-file";
/// One chunk of a snapshot must arrive within this time.
const CHUNK_DEADLINE: Duration = Duration::from_secs(10);

/// Serves the peers of a node.
#[derive(Clone)]
pub struct PeerService {
    groups: Groups,
}

impl PeerService {
    /// Serves these groups.
    pub fn new(groups: Groups) -> Self {
        Self { groups }
    }

    /// The group that a message is for, if the message is for this cluster and node.
    fn admit(&self, remote: Option<&Remote>, route: Option<&peer::Route>) -> Result<(Group, NodeId), Status> {
        let route = route.ok_or_else(|| Status::invalid_argument("route: is missing"))?;
        let router = self.groups.router();
        let cluster = <[u8; 16]>::try_from(route.cluster.as_ref()).ok().map(ClusterId);
        if cluster != Some(router.cluster()) {
            let theirs = cluster.map_or("none".to_string(), |cluster| cluster.to_string());
            tracing::warn!(from = route.from, %theirs, "refused a peer of another cluster");
            return Err(Status::failed_precondition(format!(
                "this node belongs to cluster {}, the peer to {theirs}: one of them has a wrong address",
                router.cluster()
            )));
        }
        if route.key_check.as_ref() != router.key_check().0.as_slice() {
            tracing::warn!(from = route.from, "refused a peer with another key");
            return Err(Status::failed_precondition(OTHER_KEY));
        }
        if route.to != router.me().0 {
            let text = format!("this is node {}, the message is for node {}", router.me(), route.to);
            return Err(Status::failed_precondition(text));
        }
        self.proven(remote, NodeId(route.from), Some(router.cluster()))?;
        let group = GroupId::from_number(route.group)
            .ok_or_else(|| Status::invalid_argument(format!("group number {} is unknown", route.group)))?;
        let from = NodeId(route.from);
        let group = self.groups.get(group).map_err(|error| Status::not_found(error.to_string()))?;
        if is_certified(remote) && !is_member(group, from) && self.was_removed(from) {
            tracing::warn!(%from, group = %group.id(), "refused a node that was removed");
            return Err(Status::permission_denied(format!("node {from} was removed from the cluster")));
        }
        Ok((group.clone(), from))
    }

    /// Whether a node was a member and is none any more, as far as is known here: the directory keeps every node that ever was
    /// one, and none of its entries is applied before the one that made it a member. A replica that is late may not know a
    /// new member yet, whom it must hear.
    fn was_removed(&self, node: NodeId) -> bool {
        let Ok(directory) = self.groups.get(GroupId::Directory) else { return false };
        let known = directory.read(|state| state.nodes()).unwrap_or_default();
        !is_member(directory, node) && known.iter().any(|known| known.node == node)
    }
}

impl PeerService {
    /// Whoever speaks for a node must have its certificate, of this cluster or of any (T15); where the network asks for none,
    /// nobody has one.
    fn proven(&self, remote: Option<&Remote>, from: NodeId, cluster: Option<ClusterId>) -> Result<(), Status> {
        let Some(certificate) = remote.and_then(|remote| remote.certificate.as_ref()) else { return Ok(()) };
        let mut names = certificate.names.iter().filter_map(|name| name.parse::<CertificateName>().ok());
        let named = |name: CertificateName| {
            name.bearer == Bearer::Node(from) && cluster.is_none_or(|cluster| cluster == name.cluster)
        };
        if names.any(named) {
            return Ok(());
        }
        tracing::warn!(names = ?certificate.names, claimed = %from, "refused a peer without a certificate of that node");
        Err(Status::permission_denied(format!("the certificate is not that of node {from}")))
    }

    /// As [`Self::admit`], for what members alone may ask: the leader knows best who is one.
    fn admit_member(&self, remote: Option<&Remote>, route: Option<&peer::Route>) -> Result<(Group, NodeId), Status> {
        let (group, from) = self.admit(remote, route)?;
        if is_certified(remote) && group.status().role == Role::Leader && !is_member(&group, from) {
            tracing::warn!(%from, group = %group.id(), "refused a node that is no member");
            return Err(Status::permission_denied(format!("node {from} is no member of {}", group.id())));
        }
        Ok((group, from))
    }

    /// Small messages alone tell a clock: what waited on its way makes it look late.
    fn saw_clock(&self, from: NodeId, route: Option<&peer::Route>) {
        self.groups.router().saw_clock(from, route.map_or(0, |route| route.clock_ms));
    }
}

/// Who is on the other side, and the message.
fn opened<T>(request: Request<T>) -> (Option<Remote>, T) {
    (request.extensions().get::<Remote>().cloned(), request.into_inner())
}

fn is_certified(remote: Option<&Remote>) -> bool {
    remote.is_some_and(|remote| remote.certificate.is_some())
}

fn is_member(group: &Group, node: NodeId) -> bool {
    let status = group.status();
    status.voters.contains(&node) || status.learners.contains(&node)
}

fn required_vote(vote: Option<peer::Vote>) -> Result<Vote, Status> {
    vote_from(vote).ok_or_else(|| Status::invalid_argument("vote: is missing"))
}

fn stopped(error: impl std::fmt::Display) -> Status {
    Status::unavailable(error.to_string())
}

/// What went wrong, as a peer reads it.
fn fault_of(error: &GroupError) -> peer::Fault {
    let (kind, leader) = match error {
        GroupError::NotLeader { leader, .. } => (fault::Kind::NotLeader, leader.map_or(0, |leader| leader.0)),
        GroupError::Unknown { .. } => (fault::Kind::Unknown, 0),
        GroupError::Busy { .. } => (fault::Kind::Busy, 0),
        GroupError::Refused { .. } => (fault::Kind::Refused, 0),
        _ => (fault::Kind::Unavailable, 0),
    };
    peer::Fault { kind: kind.into(), leader, text: error.to_string() }
}

#[tonic::async_trait]
impl Peer for PeerService {
    async fn append(&self, request: Request<peer::AppendRequest>) -> Result<Response<peer::AppendReply>, Status> {
        let (remote, request) = opened(request);
        let (group, from) = self.admit(remote.as_ref(), request.route.as_ref())?;
        self.saw_clock(from, request.route.as_ref());
        let entries: Result<Vec<_>, _> = request.entries.iter().map(|entry| decode_entry(entry)).collect();
        let rpc = AppendEntriesRequest {
            vote: required_vote(request.vote)?,
            prev_log_id: request.previous.map(log_id_from),
            entries: entries.map_err(|error| Status::invalid_argument(format!("entries: {error}")))?,
            leader_commit: request.leader_committed.map(log_id_from),
        };
        let reply = group.raft().append_entries(rpc).await.map_err(stopped)?;
        if matches!(reply, AppendEntriesResponse::Success | AppendEntriesResponse::PartialSuccess(_)) {
            request.freshness.iter().for_each(|freshness| group.heard(freshness));
        }
        let (kind, matched, vote) = match reply {
            AppendEntriesResponse::Success => (peer::append_reply::Kind::Success, None, None),
            AppendEntriesResponse::PartialSuccess(matched) => (peer::append_reply::Kind::Partial, matched, None),
            AppendEntriesResponse::Conflict => (peer::append_reply::Kind::Conflict, None, None),
            AppendEntriesResponse::HigherVote(vote) => (peer::append_reply::Kind::HigherVote, None, Some(vote)),
        };
        Ok(Response::new(peer::AppendReply {
            kind: kind.into(),
            matched: matched.as_ref().map(log_id_to),
            vote: vote.as_ref().map(vote_to),
            clock_ms: self.groups.router().clock().now().0,
            stamp: Some(self.groups.router().stamps().give(Instant::now())),
        }))
    }

    async fn vote(&self, request: Request<peer::VoteRequest>) -> Result<Response<peer::VoteReply>, Status> {
        let (remote, request) = opened(request);
        let (group, from) = self.admit(remote.as_ref(), request.route.as_ref())?;
        self.saw_clock(from, request.route.as_ref());
        let mut rpc = VoteRequest::new(required_vote(request.vote)?, request.last_log.map(log_id_from));
        rpc.leadership_transfer = request.leader_transfer;
        let raft = group.raft();
        let reply = if request.pre { raft.pre_vote(rpc).await } else { raft.vote(rpc).await };
        let reply = reply.map_err(stopped)?;
        Ok(Response::new(peer::VoteReply {
            vote: Some(vote_to(&reply.vote)),
            granted: reply.vote_granted,
            last_log: reply.last_log_id.as_ref().map(log_id_to),
        }))
    }

    async fn transfer_leader(
        &self,
        request: Request<peer::TransferRequest>,
    ) -> Result<Response<peer::TransferReply>, Status> {
        let (remote, request) = opened(request);
        let (group, _) = self.admit(remote.as_ref(), request.route.as_ref())?;
        let last: Option<LogId> = request.last_log.map(log_id_from);
        let rpc = TransferLeaderRequest::new(required_vote(request.from_leader)?, request.to_node, last);
        let handled = group.raft().handle_transfer_leader(rpc).await.map_err(stopped)?;
        handled.map_err(|error| Status::failed_precondition(error.to_string()))?;
        Ok(Response::new(peer::TransferReply {}))
    }

    async fn install(&self, request: Request<peer::InstallRequest>) -> Result<Response<peer::InstallReply>, Status> {
        let (remote, request) = opened(request);
        let (group, from) = self.admit(remote.as_ref(), request.route.as_ref())?;
        let vote = required_vote(request.vote)?;
        let position: Position =
            codec::decode(&request.meta).map_err(|error| Status::invalid_argument(format!("meta: {error}")))?;
        let meta = position.meta().map_err(|error| Status::invalid_argument(format!("meta: {error}")))?;
        let mut files = Vec::with_capacity(request.files.len());
        for file in request.files {
            let sha256 = <[u8; 32]>::try_from(file.sha256.as_ref())
                .map_err(|_| Status::invalid_argument("files.sha256: is not 32 bytes"))?;
            files.push(SnapshotFile { name: file.name, length: file.length, sha256 });
        }
        let manifest = Manifest { files };
        // One transfer of a group at a time; a second sender is told to come again.
        let transfer = group.transfer_lock().map_err(|error| Status::unavailable(error.to_string()))?;
        fetch(self.groups.router(), &group, from, &request.address, &request.snapshot, &manifest).await?;
        // In a task of its own: the sender may go away, and another one must not touch what is just being installed.
        let installed = tokio::spawn(async move {
            let _transfer = transfer;
            // Before openraft sees it: a bad transfer is a reason to send again, not to stop the replica.
            let machine = group.machine();
            let verified = machine.store().verify(&manifest, machine.check_of(&meta)).await;
            verified.map_err(|error| Status::data_loss(error.to_string()))?;
            let snapshot = Snapshot { meta, snapshot: SnapshotFiles::Received(manifest) };
            group.raft().install_full_snapshot(vote, snapshot).await.map_err(stopped)
        });
        let reply = installed.await.map_err(stopped)??;
        Ok(Response::new(peer::InstallReply { vote: Some(vote_to(&reply.vote)) }))
    }

    async fn fetch(&self, request: Request<peer::FetchRequest>) -> Result<Response<peer::FetchReply>, Status> {
        let (remote, request) = opened(request);
        let (group, _) = self.admit_member(remote.as_ref(), request.route.as_ref())?;
        let name = String::from_utf8(request.snapshot.to_vec())
            .map_err(|_| Status::invalid_argument("snapshot: is no name"))?;
        let data = group.machine().store().read_chunk(&name, &request.file, request.offset);
        Ok(Response::new(peer::FetchReply { data: data.map_err(|error| Status::not_found(error.to_string()))?.into() }))
    }

    async fn propose(&self, request: Request<peer::ProposeRequest>) -> Result<Response<peer::ProposeReply>, Status> {
        let (remote, request) = opened(request);
        let (group, _) = self.admit_member(remote.as_ref(), request.route.as_ref())?;
        let envelope =
            codec::decode(&request.envelope).map_err(|error| Status::invalid_argument(format!("envelope: {error}")))?;
        Ok(Response::new(match group.propose_here(envelope).await {
            Ok((outcome, index)) => {
                let outcome = codec::encode(&outcome).map_err(|error| Status::internal(error.to_string()))?;
                peer::ProposeReply { outcome: outcome.into(), fault: None, index }
            }
            Err(error) => peer::ProposeReply { outcome: Default::default(), fault: Some(fault_of(&error)), index: 0 },
        }))
    }

    async fn read_index(
        &self,
        request: Request<peer::ReadIndexRequest>,
    ) -> Result<Response<peer::ReadIndexReply>, Status> {
        let (remote, request) = opened(request);
        let (group, _) = self.admit_member(remote.as_ref(), request.route.as_ref())?;
        Ok(Response::new(match group.read_index_here().await {
            Ok(index) => peer::ReadIndexReply { index, fault: None },
            Err(error) => peer::ReadIndexReply { index: 0, fault: Some(fault_of(&error)) },
        }))
    }

    async fn root(&self, request: Request<peer::RootRequest>) -> Result<Response<peer::RootReply>, Status> {
        let (remote, request) = opened(request);
        let (group, _) = self.admit_member(remote.as_ref(), request.route.as_ref())?;
        let root = group.root_here(request.size).await.map_err(|error| Status::internal(error.to_string()))?;
        Ok(Response::new(peer::RootReply { root: root.map(|root| root.to_vec()).unwrap_or_default().into() }))
    }

    async fn change(&self, request: Request<peer::ChangeRequest>) -> Result<Response<peer::ChangeReply>, Status> {
        use peer::change_request::Step as Wire;
        let (remote, request) = opened(request);
        let (group, _) = self.admit_member(remote.as_ref(), request.route.as_ref())?;
        let node = NodeId(request.node);
        let step = match request.step() {
            Wire::AddLearner => Step::AddLearner(node, request.address),
            Wire::Promote => Step::Promote(node),
            Wire::Remove => Step::Remove(node),
            Wire::Transfer => Step::Transfer(node),
            Wire::Unspecified => return Err(Status::invalid_argument("step: is missing")),
        };
        let fault = group.change_here(&step).await.err().as_ref().map(fault_of);
        Ok(Response::new(peer::ChangeReply { fault }))
    }

    async fn describe(&self, request: Request<peer::DescribeRequest>) -> Result<Response<peer::DescribeReply>, Status> {
        let router = self.groups.router();
        let (remote, request) = opened(request);
        // A user's certificate opens no door between nodes, and no node learns what another one acknowledged. A node of another
        // cluster is told which cluster this is, so that a wrong address is known as one.
        let from = NodeId(request.from);
        self.proven(remote.as_ref(), from, None)?;
        let ours = self.proven(remote.as_ref(), from, Some(router.cluster())).is_ok();
        if request.key_check.as_ref() != router.key_check().0.as_slice() {
            return Err(Status::failed_precondition(OTHER_KEY));
        }
        let acknowledged = self
            .groups
            .iter()
            .filter(|_| ours)
            .map(|group| peer::Acknowledged { group: group.id().number(), index: group.acknowledged_by(from) });
        Ok(Response::new(peer::DescribeReply {
            cluster: router.cluster().0.to_vec().into(),
            node: router.me().0,
            groups: self.groups.ids().map(GroupId::number).collect(),
            acknowledged: acknowledged.collect(),
        }))
    }
}

/// Fetches what of a snapshot is not here yet.
async fn fetch(
    router: &super::Router,
    group: &Group,
    from: NodeId,
    address: &str,
    snapshot: &bytes::Bytes,
    manifest: &Manifest,
) -> Result<(), Status> {
    let store = group.machine().store();
    let failed = |error: crate::storage::StorageError| Status::internal(error.to_string());
    let have = store.received(manifest).await.map_err(failed)?;
    for (number, (file, mut offset)) in manifest.files.iter().zip(have).enumerate() {
        while offset < file.length {
            let request = peer::FetchRequest {
                route: Some(router.route(group.id(), from)),
                snapshot: snapshot.clone(),
                file: file.name.clone(),
                offset,
            };
            let reply = router
                .call("fetch", (address, Some(from)), CHUNK_DEADLINE, async |mut peer| peer.fetch(request).await)
                .await?;
            if reply.data.is_empty() {
                return Err(Status::data_loss(format!("{} ends before its length", file.name)));
            }
            store.receive(manifest, number, offset, &reply.data).map_err(failed)?;
            offset += reply.data.len() as u64;
        }
    }
    Ok(())
}
