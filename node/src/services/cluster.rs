//! Looking after the cluster. Answers hold no record data, so they need no audit log to be given: an operator sees what is
//! wrong even when nothing else is answered. Changes are audited before they are made.

use std::time::Duration;

use model::access::function::Function;
use model::audit::event::{EventKind, Term};
use model::data_key::{DataKey, KeySet, newest};
use model::error::Invalid;
use model::ids::{GroupId, NodeId};
use proto::v1 as message;
use raft::error::GroupError;
use raft::group::{Group, Step};
use tonic::{Request, Response, Status};

use super::screening::LOCAL_AGE_MAX;
use super::v1::cluster_server::Cluster;
use super::{Api, Call};
use crate::audit::Released;
use crate::error::ApiError;
use crate::gate::{Admitted, Need};
use crate::replica::Replica;

const STATUS: Call = Call { name: "cluster_status", kind: EventKind::Administration, need: Need::Status };
const ADD: Call = Call {
    name: "cluster_add_node",
    kind: EventKind::Administration,
    need: Need::Function(Function::ClusterAdministration),
};
const REMOVE: Call = Call {
    name: "cluster_remove_node",
    kind: EventKind::Administration,
    need: Need::Function(Function::ClusterAdministration),
};
const TRANSFER: Call = Call {
    name: "cluster_transfer_leader",
    kind: EventKind::Administration,
    need: Need::Function(Function::ClusterAdministration),
};
const SNAPSHOT: Call = Call {
    name: "cluster_snapshot",
    kind: EventKind::Administration,
    need: Need::Function(Function::ClusterAdministration),
};
const LIST_KEYS: Call = Call { name: "cluster_list_keys", kind: EventKind::Administration, need: Need::Status };
const ROTATE_KEYS: Call = Call {
    name: "cluster_rotate_keys",
    kind: EventKind::Administration,
    need: Need::Function(Function::ClusterAdministration),
};

/// Entries that stay behind a snapshot taken by hand, for members that are a heartbeat late.
const SNAPSHOT_TAIL: u64 = 16;
/// How long a peer may take to say that it is there.
const PROBE: Duration = Duration::from_millis(500);

impl Api {
    /// Whether this node answers: it is not stopping, every group has a leader that it hears and whose word it has applied,
    /// knows its slots, and its search indexes are there.
    pub fn ready(&self) -> bool {
        let hears = |group: &Group| {
            group.status().leader.is_some()
                && group.failure().is_none()
                && group.staleness().is_some_and(|age| age < LOCAL_AGE_MAX)
        };
        let knows = |id| {
            let group = self.0.groups.get(id);
            group.is_ok_and(|group| group.read(|state| state.slot_map()).is_ok_and(|map| map.is_some()))
        };
        !self.0.stopping.is_cancelled()
            && self.slot_map().is_ok_and(|map| map.groups().into_iter().all(knows))
            && self.0.groups.iter().all(hears)
            && self.0.replicas.iter().all(Replica::answers)
    }

    fn group_status(&self, group: &Group) -> message::GroupStatus {
        let status = group.status();
        let indexed = self.replica(group.id()).map_or(0, |replica| replica.covered());
        message::GroupStatus {
            group: group.id().to_string(),
            role: status.role.name().to_string(),
            leader: status.leader.map_or(0, |leader| leader.0),
            term: status.term,
            last_log: status.last_log,
            committed: status.committed,
            applied: status.applied,
            snapshot: status.snapshot,
            purged: status.purged,
            voters: status.voters.iter().map(|node| node.0).collect(),
            learners: status.learners.iter().map(|node| node.0).collect(),
            indexed,
            lag: status.matched.iter().map(|(node, at)| message::Lag { node: node.0, matched: *at }).collect(),
        }
    }

    async fn status(&self) -> Result<Released<message::StatusResponse>, ApiError> {
        let router = self.0.groups.router();
        let mut addresses = std::collections::BTreeMap::new();
        for group in self.0.groups.iter() {
            addresses.extend(group.status().addresses);
        }
        let probes = addresses.into_iter().map(|(node, address)| async move {
            let reachable = node == router.me() || { router.describe(&address, PROBE).await.is_ok() };
            message::NodeStatus { node: node.0, address, reachable }
        });
        let nodes = futures_util::future::join_all(probes).await;
        Ok(Released::without_record_data(message::StatusResponse {
            cluster_id: router.cluster().to_string(),
            node: router.me().0,
            version: env!("CARGO_PKG_VERSION").to_string(),
            groups: self.0.groups.iter().map(|group| self.group_status(group)).collect(),
            nodes,
            ready: self.ready(),
        }))
    }

    /// Records what is about to be done.
    pub(super) async fn administer(&self, call: Call, admitted: &Admitted) -> Result<(), ApiError> {
        let mut payload = admitted.payload();
        payload.terms.insert(0, Term { field: "operation".into(), value: call.name.into() });
        self.0.pipeline.record(admitted.event(call.kind), &payload).await?;
        Ok(())
    }

    fn members(&self) -> message::MembershipResponse {
        let members = |group: &Group| {
            let status = group.status();
            message::GroupMembers {
                group: group.id().to_string(),
                voters: status.voters.iter().map(|node| node.0).collect(),
                learners: status.learners.iter().map(|node| node.0).collect(),
            }
        };
        message::MembershipResponse { groups: self.0.groups.iter().map(members).collect() }
    }

    /// Adds a node to every group: as a learner first, then, once it has caught up, as a voter.
    async fn add_node(
        &self,
        admitted: &Admitted,
        request: message::AddNodeRequest,
    ) -> Result<Released<message::MembershipResponse>, ApiError> {
        let node = node_id("node", request.node)?;
        let description = self.describe(&request.address).await?;
        if description.node != node.0 {
            let text = format!("node {} answers there, not node {node}", description.node);
            return Err(Invalid::new("address", text).into());
        }
        if description.cluster != self.0.groups.router().cluster().0.as_slice() {
            return Err(Invalid::new("address", "the node there belongs to another cluster".into()).into());
        }
        if self.was_removed(node)? {
            let text =
                format!("node {node} was a member and was removed; a number is never used again: join under another");
            return Err(Invalid::new("node", text).into());
        }
        let votes = |group: &Group| group.status().voters.contains(&node);
        if request.learner && self.0.groups.iter().any(votes) {
            return Err(Invalid::new("learner", format!("node {node} is a voter already")).into());
        }
        self.administer(ADD, admitted).await?;
        let mut steps = vec![Step::AddLearner(node, request.address.clone())];
        if !request.learner {
            steps.push(Step::Promote(node));
        }
        self.change_every_group(admitted, &steps).await?;
        Ok(Released::without_record_data(self.members()))
    }

    /// Takes the steps in every group, one after another. What was done before a failure stays: the outcome of the whole is
    /// then not known, and the command is to be given again, since a step that is done is done.
    async fn change_every_group(&self, admitted: &Admitted, steps: &[Step]) -> Result<(), ApiError> {
        let mut done: Vec<String> = Vec::new();
        for group in self.0.groups.iter() {
            for step in steps {
                let changed = match admitted.left() {
                    Ok(left) => group.change(step, left).await.map_err(ApiError::from),
                    Err(late) => Err(late),
                };
                match changed {
                    Ok(()) => {}
                    Err(error) if done.is_empty() => return Err(error),
                    Err(error) => {
                        let reason = format!("{error}; done so far in {}; give the command again", done.join(", "));
                        return Err(GroupError::Unknown { group: group.id(), reason }.into());
                    }
                }
            }
            done.push(group.id().to_string());
        }
        Ok(())
    }

    fn is_member(&self, node: NodeId) -> bool {
        self.0.groups.iter().any(|group| group.status().addresses.contains_key(&node))
    }

    /// Whether a node was a member once and is none any more: the directory keeps every node that ever was one.
    fn was_removed(&self, node: NodeId) -> Result<bool, ApiError> {
        let known = self.0.groups.get(GroupId::Directory)?.read(|state| state.nodes())?;
        Ok(!self.is_member(node) && known.iter().any(|known| known.node == node))
    }

    async fn describe(&self, address: &str) -> Result<proto::peer::DescribeReply, ApiError> {
        let described = self.0.groups.router().describe(address, Duration::from_secs(2)).await;
        described.map_err(|status| {
            let text = format!("no node answers at `{address}` ({}); start it with --join first", status.message());
            Invalid::new("address", text).into()
        })
    }

    async fn remove_node(
        &self,
        admitted: &Admitted,
        request: message::RemoveNodeRequest,
    ) -> Result<Released<message::MembershipResponse>, ApiError> {
        let node = node_id("node", request.node)?;
        // One that was removed already is removed; one that never was is a mistake.
        if !self.is_member(node) && !self.was_removed(node)? {
            return Err(Invalid::new("node", format!("node {node} is no member of any group, and never was")).into());
        }
        self.administer(REMOVE, admitted).await?;
        self.change_every_group(admitted, &[Step::Remove(node)]).await?;
        Ok(Released::without_record_data(self.members()))
    }

    async fn transfer_leader(
        &self,
        admitted: &Admitted,
        request: message::TransferLeaderRequest,
    ) -> Result<Released<message::TransferLeaderResponse>, ApiError> {
        let group = self.0.groups.get(request.group.parse::<GroupId>()?)?;
        let to = node_id("to", request.to)?;
        if !group.status().voters.contains(&to) {
            return Err(Invalid::new("to", format!("node {to} is no voter of {}", group.id())).into());
        }
        self.administer(TRANSFER, admitted).await?;
        group.change(&Step::Transfer(to), admitted.left()?).await?;
        Ok(Released::without_record_data(message::TransferLeaderResponse { leader: to.0 }))
    }

    async fn snapshot(
        &self,
        admitted: &Admitted,
        request: message::SnapshotRequest,
    ) -> Result<Released<message::SnapshotResponse>, ApiError> {
        let chosen: Vec<&Group> = match request.group.as_str() {
            "" => self.0.groups.iter().collect(),
            name => vec![self.0.groups.get(name.parse::<GroupId>()?)?],
        };
        self.administer(SNAPSHOT, admitted).await?;
        let mut snapshots = Vec::new();
        for group in chosen {
            let index = group.snapshot(admitted.left()?).await?;
            group.purge(index.saturating_sub(SNAPSHOT_TAIL)).await?;
            snapshots.push(message::GroupSnapshot { group: group.id().to_string(), index });
        }
        Ok(Released::without_record_data(message::SnapshotResponse { snapshots }))
    }

    /// The keys of data that this node's directory replica has, all or some, in order of id.
    fn keys(&self, shown: impl Fn(&DataKey) -> bool) -> Result<Released<message::KeysResponse>, ApiError> {
        let all = self.0.groups.get(GroupId::Directory)?.read(|state| state.data_keys())?;
        let key = |key: &DataKey| message::DataKey {
            id: key.id,
            set: key.bucket.set.to_string(),
            expires: key.bucket.expires.to_string(),
            made_at: key.made.rfc3339(),
            replaced: newest(&all, key.bucket).is_some_and(|newest| newest.id != key.id),
        };
        let keys = all.iter().filter(|it| shown(it)).map(key).collect();
        Ok(Released::without_record_data(message::KeysResponse { keys }))
    }

    async fn rotate_keys(
        &self,
        admitted: &Admitted,
        request: message::RotateKeysRequest,
    ) -> Result<Released<message::KeysResponse>, ApiError> {
        let set = match request.set.as_str() {
            "" => None,
            text => Some(KeySet::from_code(text).ok_or_else(|| {
                let sets: Vec<&str> = KeySet::ALL.iter().map(|set| set.code()).collect();
                Invalid::new("set", format!("must be one of {}", sets.join(", ")))
            })?),
        };
        self.administer(ROTATE_KEYS, admitted).await?;
        let made = self.0.records.keys().rotate(set, admitted.left()?).await?;
        self.keys(|key| made.contains(&key.id))
    }
}

fn node_id(field: &str, node: u64) -> Result<NodeId, ApiError> {
    if node == 0 {
        Err(Invalid::new(field, "is missing: node ids begin with 1".into()).into())
    } else {
        Ok(NodeId(node))
    }
}

#[tonic::async_trait]
impl Cluster for Api {
    async fn status(
        &self,
        request: Request<message::StatusRequest>,
    ) -> Result<Response<Released<message::StatusResponse>>, Status> {
        self.serve(STATUS, request, async |_, _| Api::status(self).await).await
    }

    async fn add_node(
        &self,
        request: Request<message::AddNodeRequest>,
    ) -> Result<Response<Released<message::MembershipResponse>>, Status> {
        self.serve(ADD, request, async |admitted, request| Api::add_node(self, admitted, request).await).await
    }

    async fn remove_node(
        &self,
        request: Request<message::RemoveNodeRequest>,
    ) -> Result<Response<Released<message::MembershipResponse>>, Status> {
        self.serve(REMOVE, request, async |admitted, request| Api::remove_node(self, admitted, request).await).await
    }

    async fn transfer_leader(
        &self,
        request: Request<message::TransferLeaderRequest>,
    ) -> Result<Response<Released<message::TransferLeaderResponse>>, Status> {
        self.serve(TRANSFER, request, async |admitted, request| Api::transfer_leader(self, admitted, request).await)
            .await
    }

    async fn snapshot(
        &self,
        request: Request<message::SnapshotRequest>,
    ) -> Result<Response<Released<message::SnapshotResponse>>, Status> {
        self.serve(SNAPSHOT, request, async |admitted, request| Api::snapshot(self, admitted, request).await).await
    }

    async fn list_keys(
        &self,
        request: Request<message::ListKeysRequest>,
    ) -> Result<Response<Released<message::KeysResponse>>, Status> {
        self.serve(LIST_KEYS, request, async |_, _| self.keys(|_| true)).await
    }

    async fn rotate_keys(
        &self,
        request: Request<message::RotateKeysRequest>,
    ) -> Result<Response<Released<message::KeysResponse>>, Status> {
        self.serve(ROTATE_KEYS, request, async |admitted, request| Api::rotate_keys(self, admitted, request).await)
            .await
    }
}
