//! Applied once: the memory of request ids, and the ground that every change of one record stands on.

use crate::audit::event::{ChangeKind, ChangedRecord, EventDraft, ReleasedBy, Verdict};
use crate::command::{Changed, Outcome, Remembered};
use crate::decide::{Context, lapsed};
use crate::envelope::Envelope;
use crate::error::{Refusal, RefusalCode};
use crate::feed::Change;
use crate::ids::{GroupId, RecordId, SlotId, Token};
use crate::limits::REQUEST_ID_MEMORY_MS;
use crate::outbox::{Destination, Lane, Message, Posted};
use crate::record::{RecordState, Stamp, StoredRecord};
use crate::view::{Effects, Read, View, Write};

/// Remembered requests that one write forgets at most, so that the memory shrinks as fast as it grows.
const FORGET_MAX: usize = 4;

/// The effects of a change of one record, under the request that asked for it: refused when too old, answered from
/// memory when it was applied before, else decided, audited through the outbox and remembered.
pub fn once(
    view: &dyn View,
    context: Context,
    envelope: &Envelope,
    (id, content): (RecordId, Option<Token>),
    event: &EventDraft,
    change: impl FnOnce() -> Read<Result<(Vec<Write>, Changed), Refusal>>,
) -> Read<Effects> {
    let slot = id.slot();
    if let Some(refusal) = misplaced(view, context, slot)? {
        return Ok(Effects { writes: Vec::new(), outcome: Outcome::Refused(refusal) });
    }
    let age = context.time.since(envelope.request.time());
    let ahead = envelope.request.time().since(context.time);
    if age > REQUEST_ID_MEMORY_MS || ahead > REQUEST_ID_MEMORY_MS {
        let text =
            "the request id is more than 24 hours from the log's time, so it cannot be known whether it was applied";
        return refused(view, slot, event, Refusal::new(RefusalCode::RequestTooOld, text));
    }
    let command = envelope.command.number();
    if let Some(before) = view.request(slot, envelope.request)? {
        if (before.command, before.record, before.content) != (command, id, content) {
            let text = "this request id was used for another change; make a new one";
            return refused(view, slot, event, Refusal::new(RefusalCode::RequestIdReused, text));
        }
        return Ok(Effects { writes: Vec::new(), outcome: before.outcome });
    }
    if let Some(refusal) = lapsed(context, envelope) {
        return Ok(Effects { writes: Vec::new(), outcome: Outcome::Refused(refusal) });
    }
    let (mut writes, outcome, event) = match change()? {
        Ok((writes, changed)) => {
            let verdict = if changed.change.is_some() { Verdict::Changed } else { Verdict::Unchanged };
            let records = changed.change.map(|kind| ChangedRecord::new(changed.id, changed.version, kind));
            (writes, Outcome::Changed(changed), told(event, verdict, None, records.into_iter().collect()))
        }
        Err(refusal) => {
            let event = told(event, Verdict::Refused, Some(refusal.code), Vec::new());
            (Vec::new(), Outcome::Refused(refusal), event)
        }
    };
    writes.extend(post(view, slot, vec![event])?);
    for (at, request) in view.requests_before(slot, context.time.before(REQUEST_ID_MEMORY_MS), FORGET_MAX)? {
        writes.push(Write::DeleteRequest(slot, at, request));
    }
    let at = context.time.max(envelope.request.time());
    let remembered = Remembered { at, command, record: id, content, outcome: outcome.clone() };
    writes.push(Write::PutRequest(slot, envelope.request, remembered));
    Ok(Effects { writes, outcome })
}

/// A refusal before anything was decided: nothing changes but the evidence.
fn refused(view: &dyn View, slot: SlotId, event: &EventDraft, refusal: Refusal) -> Read<Effects> {
    let event = told(event, Verdict::Refused, Some(refusal.code), Vec::new());
    Ok(Effects { writes: post(view, slot, vec![event])?, outcome: Outcome::Refused(refusal) })
}

/// The refusal of a command whose slot is not this group's.
pub fn misplaced(view: &dyn View, context: Context, slot: SlotId) -> Read<Option<Refusal>> {
    let owner = view.slot_map()?.and_then(|map| map.owner(slot));
    if owner == Some(context.group) {
        return Ok(None);
    }
    let text = match owner {
        Some(owner) => format!("slot {} belongs to {owner}", slot.0),
        None => format!("{} has no slot map yet", context.group),
    };
    Ok(Some(Refusal::new(RefusalCode::WrongGroup, text)))
}

/// The event with what came of the change. A change's event is durable by the outbox of its own entry.
pub fn told(
    event: &EventDraft,
    verdict: Verdict,
    code: Option<RefusalCode>,
    changes: Vec<ChangedRecord>,
) -> EventDraft {
    let mut told = event.clone();
    told.header.verdict = verdict.number();
    told.header.code = code.map(|code| code.code().to_string());
    told.header.changes = changes;
    told.header.released_by = ReleasedBy::Outbox.number();
    told
}

/// Puts audit events into the outbox of a slot.
pub fn post(view: &dyn View, slot: SlotId, events: Vec<EventDraft>) -> Read<Vec<Write>> {
    let lane = Lane { from: slot, to: Destination::Group(GroupId::Audit(0)) };
    let posted = view.posted(lane)?;
    let numbered = events.into_iter().zip(posted + 1..);
    Ok(numbered
        .map(|(event, sequence)| Write::Post(Posted { lane, sequence, message: Message::Audit(event) }))
        .collect())
}

/// The writes of a record's new version: the record, its tokens, search's feed.
pub fn put(before: Option<&StoredRecord>, after: StoredRecord) -> Vec<Write> {
    let header = &after.header;
    let (dataset, id) = (header.dataset, header.id);
    let of = |record: &StoredRecord| match record.header.state {
        RecordState::Active => record.header.tokens.clone(),
        RecordState::Removed => Vec::new(),
    };
    let (old, new) = (before.map(of).unwrap_or_default(), of(&after));
    let mut writes = Vec::new();
    writes.extend(old.iter().filter(|token| !new.contains(token)).map(|token| Write::DeleteToken(*token, dataset, id)));
    writes.extend(new.iter().filter(|token| !old.contains(token)).map(|token| Write::PutToken(*token, dataset, id)));
    writes.push(Write::Feed(Change { dataset, id, version: header.version }));
    writes.push(Write::PutRecord(after));
    writes
}

/// Who is doing this, by log time.
pub fn stamp(context: Context, envelope: &Envelope) -> Result<Stamp, Refusal> {
    let caller = envelope.caller.as_ref();
    let caller = caller.ok_or_else(|| Refusal::new(RefusalCode::Invalid, "a change of a record needs a caller"))?;
    Ok(Stamp { by: caller.user.clone(), at: context.time })
}

/// The result of a change that took place.
pub fn changed(record: &StoredRecord, kind: ChangeKind) -> Changed {
    Changed { id: record.header.id, version: record.header.version, change: Some(kind) }
}
