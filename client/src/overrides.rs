//! Calls about overrides of lookouts.

use proto::v1;
use proto::v1::overrides_client::OverridesClient;
use tonic::transport::Channel;

use crate::call::ANSWER_BYTES_MAX;
use crate::lookouts::settle;
use crate::{Client, ClientError};

fn stub(channel: Channel) -> OverridesClient<Channel> {
    OverridesClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX)
}

impl Client {
    /// Records that a person is not the one whom a lookout is about; an empty request id is filled in.
    pub async fn record_override(
        &self,
        mut message: v1::RecordOverrideRequest,
    ) -> Result<v1::ChangeResponse, ClientError> {
        let id = settle(self, &mut message.request_id)?;
        self.unary(self.write(id), message, |channel, request| async move { stub(channel).record(request).await }).await
    }

    /// Ends an override before it expires; it stays readable.
    pub async fn end_override(&self, mut message: v1::EndOverrideRequest) -> Result<v1::ChangeResponse, ClientError> {
        let id = settle(self, &mut message.request_id)?;
        self.unary(self.write(id), message, |channel, request| async move { stub(channel).end(request).await }).await
    }

    /// All overrides of a lookout, also those out of force.
    pub async fn list_overrides(
        &self,
        message: v1::ListOverridesRequest,
    ) -> Result<v1::ListOverridesResponse, ClientError> {
        self.unary(self.read(), message, |channel, request| async move { stub(channel).list(request).await }).await
    }
}
