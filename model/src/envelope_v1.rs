//! The first layout of a log entry, in which a decision had no epochs. Read where it is met, never written.

use serde::Deserialize;

use crate::command::Command;
use crate::envelope::{Caller, Decision, Envelope};
use crate::ids::RequestId;
use crate::people::floor::Epochs;
use crate::time::UnixMillis;

#[derive(Deserialize)]
struct DecisionV1 {
    made_at: UnixMillis,
    directory_index: u64,
    profile_version: u64,
    agreement_version: u64,
    policy_version: u64,
}

#[derive(Deserialize)]
pub(crate) struct EnvelopeV1 {
    request: RequestId,
    caller: Option<Caller>,
    decision: Option<DecisionV1>,
    time: UnixMillis,
    command: Command,
}

impl From<EnvelopeV1> for Envelope {
    fn from(stored: EnvelopeV1) -> Self {
        // Without `..`: a new field must be decided on here.
        let EnvelopeV1 { request, caller, decision, time, command } = stored;
        let decision = decision.map(|decision| {
            let DecisionV1 { made_at, directory_index, profile_version, agreement_version, policy_version } = decision;
            let epochs = Epochs::default();
            Decision { made_at, directory_index, profile_version, agreement_version, policy_version, epochs }
        });
        Self { request, caller, decision, time, command }
    }
}
