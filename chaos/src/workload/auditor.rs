//! Auditors: they take checkpoints and read what happened.

use client::v1;

use super::{CALL_DEADLINE, Desk};
use crate::history::{Answer, Call};

pub(super) async fn work(mut desk: Desk) {
    let mut size = 0;
    let deadline = CALL_DEADLINE.as_millis() as u64;
    while desk.next().await {
        // Who reads the audit reads no records where there is a gate (R09).
        let audits = desk.office.world.gated;
        if desk.rng.percent(60) {
            let message = v1::CheckpointRequest { group: String::new(), old_size: size, size: 0 };
            let number = desk.office.history.begin(&desk.user, deadline, Call::Checkpoint { message: message.clone() });
            let told = desk.client.checkpoint(message).await;
            if let Ok(checkpoint) = &told {
                size = checkpoint.size;
            }
            desk.office.history.end(number, told.map(Answer::Checkpoint));
        } else if audits || desk.rng.percent(50) {
            let message = v1::ReadAuditRequest { limit: 20, ..Default::default() };
            let number = desk.office.history.begin(&desk.user, deadline, Call::ReadAudit { message: message.clone() });
            let told = desk.client.read_audit(message).await.map(Answer::Audit);
            desk.office.history.end(number, told);
        } else if let Some((id, _)) = desk.office.pick_known(&mut desk.rng, None)
            && desk.rng.percent(50)
        {
            let message = v1::HistoryRequest { id: id.to_string(), page_size: 20, before_version: 0 };
            let number = desk.office.history.begin(&desk.user, deadline, Call::History { message: message.clone() });
            let told = desk.client.history(message).await.map(Answer::Versions);
            desk.office.history.end(number, told);
        } else {
            let message = v1::ListLookoutsRequest { page_size: 20, ..Default::default() };
            let number = desk.office.history.begin(&desk.user, deadline, Call::List { message: message.clone() });
            let told = desk.client.list_lookouts(message).await.map(Answer::Listed);
            desk.office.history.end(number, told);
        }
    }
}
