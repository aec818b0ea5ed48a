//! The question at primary.

use proto::v1;
use proto::v1::screening_client::ScreeningClient;

use crate::call::ANSWER_BYTES_MAX;
use crate::{Client, ClientError};

impl Client {
    /// Asks whether anybody looks for a traveller, document, vehicle, vessel or aircraft. Many at once are many calls:
    /// each then finds its own way around a dead node. An answer is partial only if two more nodes had no whole one.
    pub async fn screen(&self, message: v1::ScreenRequest) -> Result<v1::ScreenResponse, ClientError> {
        let send = |channel, request| async move {
            ScreeningClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX).screen(request).await
        };
        self.unary_whole(self.question(), message, send, |answer| !answer.partial).await
    }

    /// Asks why a record comes up for a question, or does not.
    pub async fn explain(&self, message: v1::ExplainRequest) -> Result<v1::ExplainResponse, ClientError> {
        let send = |channel, request| async move {
            ScreeningClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX).explain(request).await
        };
        self.unary(self.question(), message, send).await
    }
}
