//! Applied once: the memory of request ids, and the ground that every change of one record stands on.

use std::collections::BTreeMap;

use crate::audit::event::{ChangeKind, ChangedRecord, EventDraft, ReleasedBy, Verdict};
use crate::command::{Changed, Outcome, Remembered};
use crate::decide::{Context, outdated};
use crate::envelope::Envelope;
use crate::error::{Refusal, RefusalCode};
use crate::feed::Change;
use crate::ids::{GroupId, RecordId, SlotId, Token};
use crate::known_bugs::{KnownBug, planted};
use crate::limits::{REQUEST_ID_MEMORY_MS, SLOTS};
use crate::outbox::{Destination, Lane, Message, Posted};
use crate::record::{RecordState, Stamp, StoredRecord};
use crate::view::{Effects, Read, View, Write};

/// Remembered requests that one write forgets at most, so that the memory shrinks as fast as it grows.
const FORGET_MAX: usize = 4;

/// What a request comes to when it is decided: what is written, what is answered, what other groups are told.
pub struct Decided {
    pub writes: Vec<Write>,
    pub outcome: Outcome,
    pub posts: Vec<(GroupId, Message)>,
}

impl Decided {
    /// A refusal, with its event.
    pub fn refused(event: EventDraft, refusal: Refusal) -> Self {
        let posts = vec![(AUDIT, Message::Audit(event))];
        Self { writes: Vec::new(), outcome: Outcome::Refused(refusal), posts }
    }
}

/// Where events of changes go.
pub const AUDIT: GroupId = GroupId::Audit(0);

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
    if let Some(refusal) = misplaced(view, context, id.slot())? {
        return Ok(Effects { writes: Vec::new(), outcome: Outcome::Refused(refusal) });
    }
    once_here(view, context, envelope, (id, content), event, || {
        Ok(match change()? {
            Ok((writes, changed)) => {
                let verdict = if changed.change.is_some() { Verdict::Changed } else { Verdict::Unchanged };
                let records = changed.change.map(|kind| ChangedRecord::new(changed.id, changed.version, kind));
                let event = told(event, verdict, None, records.into_iter().collect());
                Decided { writes, outcome: Outcome::Changed(changed), posts: vec![(AUDIT, Message::Audit(event))] }
            }
            Err(refusal) => Decided::refused(told(event, Verdict::Refused, Some(refusal.code), Vec::new()), refusal),
        })
    })
}

/// The same for a group that is known to be the right one: slots are records groups' alone, and in the directory they only tell
/// its memories apart, and its lanes.
pub fn once_here(
    view: &dyn View,
    context: Context,
    envelope: &Envelope,
    (id, content): (RecordId, Option<Token>),
    event: &EventDraft,
    change: impl FnOnce() -> Read<Decided>,
) -> Read<Effects> {
    let slot = id.slot();
    let lanes = lanes_of(context.group, slot);
    let age = context.time.since(envelope.request.time());
    let ahead = envelope.request.time().since(context.time);
    if age > REQUEST_ID_MEMORY_MS || ahead > REQUEST_ID_MEMORY_MS {
        let text =
            "the request id is more than 24 hours from the log's time, so it cannot be known whether it was applied";
        return refused(view, lanes, event, Refusal::new(RefusalCode::RequestTooOld, text));
    }
    let command = envelope.command.number();
    if let Some(before) = view.request(slot, envelope.request)? {
        if (before.command, before.record, before.content) != (command, id, content) {
            let text = "this request id was used for another change; make a new one";
            return refused(view, lanes, event, Refusal::new(RefusalCode::RequestIdReused, text));
        }
        return Ok(Effects { writes: Vec::new(), outcome: before.outcome });
    }
    if let Some(refusal) = outdated(view, context, envelope)? {
        return Ok(Effects { writes: Vec::new(), outcome: Outcome::Refused(refusal) });
    }
    let Decided { mut writes, outcome, posts } = change()?;
    writes.extend(post_to(view, lanes, posts)?);
    for (at, request) in view.requests_before(slot, context.time.before(REQUEST_ID_MEMORY_MS), FORGET_MAX)? {
        writes.push(Write::DeleteRequest(slot, at, request));
    }
    let at = context.time.max(envelope.request.time());
    let remembered = Remembered { at, command, record: id, content, outcome: outcome.clone() };
    writes.push(Write::PutRequest(slot, envelope.request, remembered));
    Ok(Effects { writes, outcome })
}

/// Where the lanes of a slot begin. A receiver tells lanes apart by where they begin, and a records group has this slot too: the
/// directory's begin beyond all slots, or what one group posts would be taken for what the other had posted before.
fn lanes_of(group: GroupId, slot: SlotId) -> SlotId {
    let apart = group == GroupId::Directory && !planted(KnownBug::LanesOfTwoGroups);
    if apart { SlotId(SLOTS + slot.0) } else { slot }
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
    post_to(view, slot, events.into_iter().map(|event| (AUDIT, Message::Audit(event))).collect())
}

/// Puts messages into the outbox of a slot, each behind those that are in its lane. All that an entry posts from one
/// slot goes in one call, or two messages would take the same place.
pub fn post_to(view: &dyn View, slot: SlotId, messages: Vec<(GroupId, Message)>) -> Read<Vec<Write>> {
    let mut last: BTreeMap<Lane, u64> = BTreeMap::new();
    let mut writes = Vec::with_capacity(messages.len());
    for (to, message) in messages {
        let lane = Lane { from: slot, to: Destination::Group(to) };
        let posted = match last.get(&lane) {
            Some(posted) => *posted,
            None => view.posted(lane)?,
        };
        last.insert(lane, posted + 1);
        writes.push(Write::Post(Posted { lane, sequence: posted + 1, message }));
    }
    Ok(writes)
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
