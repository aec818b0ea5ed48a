//! Calls that look after the cluster.

use proto::v1;
use proto::v1::cluster_client::ClusterClient;
use tonic::transport::Channel;

use crate::call::{ANSWER_BYTES_MAX, Plan};
use crate::endpoints::Kind;
use crate::{Client, ClientError};

fn stub(channel: Channel) -> ClusterClient<Channel> {
    ClusterClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX)
}

impl Client {
    /// Groups and nodes as one node sees them.
    pub async fn status(&self) -> Result<v1::StatusResponse, ClientError> {
        let message = v1::StatusRequest {};
        // Asked without a session: how the cluster stands must be seen when none could begin.
        let plan = Plan { session: false, kind: Kind::Control, ..self.read() };
        self.unary(plan, message, |channel, request| async move { stub(channel).status(request).await }).await
    }

    /// Takes a node into the cluster.
    pub async fn add_node(&self, message: v1::AddNodeRequest) -> Result<v1::MembershipResponse, ClientError> {
        self.unary(self.change(), message, |channel, request| async move { stub(channel).add_node(request).await })
            .await
    }

    /// Takes a node out of the cluster, for good.
    pub async fn remove_node(&self, message: v1::RemoveNodeRequest) -> Result<v1::MembershipResponse, ClientError> {
        self.unary(self.change(), message, |channel, request| async move { stub(channel).remove_node(request).await })
            .await
    }

    /// Hands the lead of a group to a node.
    pub async fn transfer_leader(
        &self,
        message: v1::TransferLeaderRequest,
    ) -> Result<v1::TransferLeaderResponse, ClientError> {
        self.unary(
            self.change(),
            message,
            |channel, request| async move { stub(channel).transfer_leader(request).await },
        )
        .await
    }

    /// Takes a snapshot now.
    pub async fn snapshot(&self, message: v1::SnapshotRequest) -> Result<v1::SnapshotResponse, ClientError> {
        self.unary(self.change(), message, |channel, request| async move { stub(channel).snapshot(request).await })
            .await
    }

    /// The keys of data.
    pub async fn list_keys(&self) -> Result<v1::KeysResponse, ClientError> {
        let message = v1::ListKeysRequest {};
        let plan = Plan { session: false, kind: Kind::Control, ..self.read() };
        self.unary(plan, message, |channel, request| async move { stub(channel).list_keys(request).await }).await
    }

    /// Replaces keys of data.
    pub async fn rotate_keys(&self, message: v1::RotateKeysRequest) -> Result<v1::KeysResponse, ClientError> {
        self.unary(self.change(), message, |channel, request| async move { stub(channel).rotate_keys(request).await })
            .await
    }
}
