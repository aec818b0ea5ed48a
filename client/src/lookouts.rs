//! Calls about lookouts.

use model::ids::RequestId;
use proto::v1;
use proto::v1::lookouts_client::LookoutsClient;
use tonic::transport::Channel;

use crate::call::ANSWER_BYTES_MAX;
use crate::{Client, ClientError};

fn stub(channel: Channel) -> LookoutsClient<Channel> {
    LookoutsClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX)
}

/// The request id of a message: the caller's, or a new one that is put in.
pub(crate) fn settle(client: &Client, request_id: &mut String) -> Result<RequestId, ClientError> {
    if request_id.is_empty() {
        let id = client.new_request_id();
        *request_id = id.to_string();
        return Ok(id);
    }
    request_id.parse().map_err(|error: model::error::Invalid| ClientError::invalid(&error.field, error.reason))
}

impl Client {
    /// Creates a lookout; an empty request id is filled in.
    pub async fn create_lookout(
        &self,
        mut message: v1::CreateLookoutRequest,
    ) -> Result<v1::ChangeResponse, ClientError> {
        let id = settle(self, &mut message.request_id)?;
        self.unary(self.write(id), message, |channel, request| async move { stub(channel).create(request).await }).await
    }

    /// Replaces a lookout's content if it still has the expected version.
    pub async fn update_lookout(
        &self,
        mut message: v1::UpdateLookoutRequest,
    ) -> Result<v1::ChangeResponse, ClientError> {
        let id = settle(self, &mut message.request_id)?;
        self.unary(self.write(id), message, |channel, request| async move { stub(channel).update(request).await }).await
    }

    /// Takes a lookout out of force; its versions stay readable.
    pub async fn remove_lookout(
        &self,
        mut message: v1::RemoveLookoutRequest,
    ) -> Result<v1::ChangeResponse, ClientError> {
        let id = settle(self, &mut message.request_id)?;
        self.unary(self.write(id), message, |channel, request| async move { stub(channel).remove(request).await }).await
    }

    /// Reads a lookout, the newest version or a given one.
    pub async fn get_lookout(&self, message: v1::GetLookoutRequest) -> Result<v1::LookoutRecord, ClientError> {
        self.unary(self.read(), message, |channel, request| async move { stub(channel).get(request).await }).await
    }

    /// One page of the lookouts of a source.
    pub async fn list_lookouts(
        &self,
        message: v1::ListLookoutsRequest,
    ) -> Result<v1::ListLookoutsResponse, ClientError> {
        self.unary(self.read(), message, |channel, request| async move { stub(channel).list(request).await }).await
    }

    /// One page of a lookout's versions, newest first.
    pub async fn history(&self, message: v1::HistoryRequest) -> Result<v1::HistoryResponse, ClientError> {
        self.unary(self.read(), message, |channel, request| async move { stub(channel).history(request).await }).await
    }
}
