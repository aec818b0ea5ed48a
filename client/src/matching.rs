//! Matching policies.

use proto::v1;
use proto::v1::matching_client::MatchingClient;
use tonic::transport::Channel;

use crate::call::ANSWER_BYTES_MAX;
use crate::{Client, ClientError};

fn stub(channel: Channel) -> MatchingClient<Channel> {
    MatchingClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX)
}

impl Client {
    /// The policies in force, or those of a version.
    pub async fn policies(&self, message: v1::GetPoliciesRequest) -> Result<v1::PoliciesResponse, ClientError> {
        self.unary(self.read(), message, |channel, request| async move { stub(channel).get_policies(request).await })
            .await
    }

    /// Puts the next version of the policies in force.
    pub async fn put_policies(&self, message: v1::PutPoliciesRequest) -> Result<v1::PoliciesResponse, ClientError> {
        self.unary(self.change(), message, |channel, request| async move { stub(channel).put_policies(request).await })
            .await
    }

    /// Asks one question by two sets of policies. An answer is partial only if two more nodes had no whole one.
    pub async fn compare(&self, message: v1::CompareRequest) -> Result<v1::CompareResponse, ClientError> {
        let send = |channel, request| async move { stub(channel).compare(request).await };
        self.unary_whole(self.read(), message, send, |answer| !answer.partial).await
    }
}
