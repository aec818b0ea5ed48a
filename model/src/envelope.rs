//! What enters the log: a command with everything it depends on, so that `apply` reads nothing else.

use serde::{Deserialize, Serialize};

use crate::codec::{CodecError, Stored, payload};
use crate::command::Command;
use crate::envelope_v1::EnvelopeV1;
use crate::ids::{AgencyId, NodeId, PortId, Purpose, RequestId, UserId};
use crate::people::floor::Epochs;
use crate::time::UnixMillis;

/// On whose behalf a command or question is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    pub user: UserId,
    pub agency: AgencyId,
    pub port: PortId,
    pub purpose: Purpose,
    /// The node that the caller spoke to.
    pub node: NodeId,
}

/// The gate's decision and what it was made on. `apply` refuses a lapsed one, and one below a floor that its group has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// When the gate decided.
    pub made_at: UnixMillis,
    /// The directory's applied index that it was made at.
    pub directory_index: u64,
    pub profile_version: u64,
    pub agreement_version: u64,
    pub policy_version: u64,
    /// The epochs of the caller's account and agency. Decisions from before there were any stand on 0.
    pub epochs: Epochs,
}

/// One entry of a group's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    pub request: RequestId,
    /// None for what the cluster does by itself (deliveries, ticks, bootstrap).
    pub caller: Option<Caller>,
    pub decision: Option<Decision>,
    /// The leader's clock when it proposed; log time is the greatest so far.
    pub time: UnixMillis,
    pub command: Command,
}

impl Stored for Envelope {
    const TAG: u16 = 5;
    const VERSION: u8 = 2;

    fn of_version(version: u8, bytes: &[u8]) -> Option<Result<Self, CodecError>> {
        (version == 1).then(|| payload::<EnvelopeV1>(bytes).map(Self::from))
    }
}
