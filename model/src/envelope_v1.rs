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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;
    use crate::command::testing::{caller, remove_command};
    use crate::ids::{RecordId, from_hex};

    /// As version 1 wrote it.
    const STORED: &str = concat!(
        "0500010ab9f62701a3185c50000000000000000000000101076f66666963657203434250043234303404746573740101fd01",
        "505c18a301000007fb2c010405fd00505c18a301000003010303030303030303030303030303030301020105050505050505",
        "050505050505050505040101010432343034076f666669636572034342500474657374000000010001010000000000000000",
        "00000000077061796c6f6164",
    );

    #[test]
    fn what_version_1_wrote_reads_as_it_was_and_stands_on_epoch_0() {
        let bytes = from_hex(STORED).expect("hexadecimal");
        assert_eq!(bytes[2], 1);
        let envelope: Envelope = codec::decode(&bytes).expect("reads");
        let time = UnixMillis(1_800_000_000_000);
        let mut random = [0; 16];
        random[15] = 1;
        let decision = Decision {
            made_at: UnixMillis(1_800_000_000_001),
            directory_index: 7,
            profile_version: 300,
            agreement_version: 4,
            policy_version: 5,
            epochs: Epochs { user: 0, agency: 0 },
        };
        let request = RequestId::new(time, random);
        let mut command = remove_command(RecordId([3; 16]), Some(2));
        if let Command::RemoveRecord(remove) = &mut command {
            // Its header was of version 1 as well.
            remove.event.header.version = 1;
        }
        let expected = Envelope { request, caller: Some(caller()), decision: Some(decision), time, command };
        assert_eq!(envelope, expected);
        let mut later = expected;
        later.decision.as_mut().expect("there").epochs = Epochs { user: 8, agency: 9 };
        let bytes = codec::encode(&later).expect("encodes");
        assert_eq!((bytes[2], codec::decode::<Envelope>(&bytes)), (2, Ok(later)));
    }
}
