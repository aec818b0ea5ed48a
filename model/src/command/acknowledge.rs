//! Forget outbox messages that their receiver has.

use serde::{Deserialize, Serialize};

use crate::command::Outcome;
use crate::limits::OUTBOX_BATCH_MAX;
use crate::outbox::Lane;
use crate::view::{Effects, Read, View, Write};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledge {
    /// For each lane the receiver's cursor.
    pub lanes: Vec<(Lane, u64)>,
}

pub fn decide(view: &dyn View, command: &Acknowledge) -> Read<Effects> {
    let mut writes = Vec::new();
    for (lane, cursor) in &command.lanes {
        let received = view.outbox(*lane, *cursor, OUTBOX_BATCH_MAX)?;
        writes.extend(received.into_iter().map(|sequence| Write::DeletePosted(*lane, sequence)));
    }
    Ok(Effects { writes, outcome: Outcome::Done(()) })
}
