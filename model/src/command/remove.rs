//! Take a record out of force. Its versions stay readable in its history.

use serde::{Deserialize, Serialize};

use crate::audit::event::{ChangeKind, EventDraft};
use crate::command::remember::{changed, once, put, stamp};
use crate::command::update::{current, own};
use crate::decide::Context;
use crate::envelope::Envelope;
use crate::ids::RecordId;
use crate::record::Dataset;
use crate::view::{Effects, Read, View, Write};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveRecord {
    pub dataset: Dataset,
    pub id: RecordId,
    /// The version that the writer saw; None removes whichever is there.
    pub expected_version: Option<u64>,
    pub event: EventDraft,
}

pub fn decide(view: &dyn View, context: Context, envelope: &Envelope, command: &RemoveRecord) -> Read<Effects> {
    once(view, context, envelope, (command.id, None), &command.event, || {
        let before = match own(envelope, current(view, command.dataset, command.id, command.expected_version)?) {
            Ok(before) => before,
            Err(refusal) => return Ok(Err(refusal)),
        };
        Ok(stamp(context, envelope).map(|stamp| {
            let record = before.removed(stamp);
            let changed = changed(&record, ChangeKind::Removed);
            let mut writes = put(Some(&before), record);
            if let Some(source) = &before.header.source {
                writes.push(Write::DeleteSourceMark(source.list.clone(), command.id));
            }
            (writes, changed)
        }))
    })
}
