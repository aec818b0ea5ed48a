//! Calls that read and prove the audit log.

use proto::v1;
use proto::v1::audit_client::AuditClient;
use tonic::transport::Channel;

use crate::call::ANSWER_BYTES_MAX;
use crate::{Client, ClientError};

fn stub(channel: Channel) -> AuditClient<Channel> {
    AuditClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX)
}

impl Client {
    /// Events, opened.
    pub async fn read_audit(&self, message: v1::ReadAuditRequest) -> Result<v1::ReadAuditResponse, ClientError> {
        self.unary(self.read(), message, |channel, request| async move { stub(channel).read(request).await }).await
    }

    /// Events by who, what, where and when.
    pub async fn search_audit(&self, message: v1::SearchAuditRequest) -> Result<v1::SearchAuditResponse, ClientError> {
        self.unary(self.read(), message, |channel, request| async move { stub(channel).search(request).await }).await
    }

    /// Leaves as they are stored, to be verified here.
    pub async fn export_audit(&self, message: v1::ExportAuditRequest) -> Result<v1::ExportAuditResponse, ClientError> {
        self.unary(self.read(), message, |channel, request| async move { stub(channel).export(request).await }).await
    }

    /// The newest checkpoints that are signed and cosigned.
    pub async fn published(&self, message: v1::PublishedRequest) -> Result<v1::PublishedResponse, ClientError> {
        self.unary(self.read(), message, |channel, request| async move { stub(channel).published(request).await }).await
    }

    /// A leaf with the proof that it stands in the log.
    pub async fn prove_event(&self, message: v1::ProveRequest) -> Result<v1::ProveResponse, ClientError> {
        self.unary(self.read(), message, |channel, request| async move { stub(channel).prove(request).await }).await
    }

    /// Size and root of a log, with the proof that it extends an earlier size.
    pub async fn checkpoint(&self, message: v1::CheckpointRequest) -> Result<v1::CheckpointResponse, ClientError> {
        self.unary(self.read(), message, |channel, request| async move { stub(channel).checkpoint(request).await })
            .await
    }
}
