//! Record an override of a lookout. Its id is derived from the request id, so a retry meets the same override.

use serde::{Deserialize, Serialize};

use crate::audit::event::{ChangeKind, EventDraft};
use crate::command::Changed;
use crate::command::remember::{once, stamp};
use crate::command::update::current;
use crate::decide::Context;
use crate::envelope::Envelope;
use crate::error::{Refusal, RefusalCode};
use crate::ids::RecordId;
use crate::limits::OVERRIDES_MAX;
use crate::overrides::{OverrideDraft, OverrideHeader, StoredOverride, check_expiry};
use crate::time::UnixMillis;
use crate::view::{Effects, Read, View, Write};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordOverride {
    pub draft: OverrideDraft,
    /// The version of the lookout that the person was compared with. What tells them apart is sealed, so the node compares
    /// it before it proposes; another version by now is refused here.
    pub seen_version: u64,
    pub event: EventDraft,
}

pub fn decide(view: &dyn View, context: Context, envelope: &Envelope, command: &RecordOverride) -> Read<Effects> {
    let draft = &command.draft;
    once(view, context, envelope, (draft.lookout, Some(draft.content)), &command.event, || {
        if let Err(refusal) = current(view, draft.dataset, draft.lookout, Some(command.seen_version))? {
            return Ok(Err(refusal));
        }
        if let Err(invalid) = check_expiry(draft.expires, context.time) {
            return Ok(Err(Refusal::new(RefusalCode::Invalid, invalid.to_string())));
        }
        let there = view.overrides(draft.dataset, draft.lookout)?;
        if there.iter().any(|other| other.header.id == draft.id) {
            let text = "an override of this id exists; make a new request id";
            return Ok(Err(Refusal::new(RefusalCode::RequestIdReused, text)));
        }
        let mut writes = match room(&there, context.time) {
            Ok(writes) => writes,
            Err(refusal) => return Ok(Err(refusal)),
        };
        Ok(recorded(context, envelope, command).map(|override_| {
            let version = override_.header.version();
            writes.push(Write::PutOverride(override_));
            (writes, Changed { id: RecordId(draft.id.0), version, change: Some(ChangeKind::Created) })
        }))
    })
}

/// Makes room for one more: what is out of force longest goes. Its events stay in the audit log.
fn room(there: &[StoredOverride], now: UnixMillis) -> Result<Vec<Write>, Refusal> {
    if there.len() < OVERRIDES_MAX {
        return Ok(Vec::new());
    }
    let out = there.iter().map(|other| &other.header).filter(|header| !header.in_force(now));
    let since = |header: &OverrideHeader| header.ended.as_ref().map_or(header.expires, |ended| ended.at);
    match out.min_by_key(|header| (since(header), header.id)) {
        Some(oldest) => Ok(vec![Write::DeleteOverride(oldest.dataset, oldest.lookout, oldest.id)]),
        None => {
            let text = format!("the lookout has {OVERRIDES_MAX} overrides in force, which is the most; end one first");
            Err(Refusal::new(RefusalCode::OverrideLimit, text))
        }
    }
}

fn recorded(context: Context, envelope: &Envelope, command: &RecordOverride) -> Result<StoredOverride, Refusal> {
    let recorded = stamp(context, envelope)?;
    let agency = envelope.caller.as_ref().map(|caller| caller.agency.clone());
    let agency = agency.ok_or_else(|| Refusal::new(RefusalCode::Invalid, "an override needs a caller"))?;
    // Without `..`: a new field must be decided on here.
    let OverrideDraft { id, dataset, lookout, expires, content: _, sealed } = command.draft.clone();
    let made_for = command.seen_version;
    let header = OverrideHeader { id, dataset, lookout, made_for, recorded, agency, expires, ended: None };
    Ok(StoredOverride { header, sealed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::event::Verdict;
    use crate::command::testing::*;
    use crate::command::{Command, Outcome};
    use crate::ids::OverrideId;
    use crate::limits::OVERRIDE_VALID_MAX_MS;
    use crate::record::Dataset;

    fn there(world: &World, lookout: RecordId) -> Vec<StoredOverride> {
        world.overrides(Dataset::Tecs, lookout).expect("reads")
    }

    #[test]
    fn it_stands_beside_its_lookout_under_who_recorded_it_and_a_retry_changes_nothing() {
        let mut world = World::default();
        let lookout = world.created("one");
        let record = world.record_override(lookout, 1, 1_000);
        let first = world.apply(&record);
        let events = world.outbox();
        let Outcome::Changed(changed) = &first else { panic!("{first:?}") };
        assert_eq!((changed.version, changed.change), (1, Some(ChangeKind::Created)));
        let [one] = there(&world, lookout).try_into().expect("one");
        assert_eq!(RecordId(one.header.id.0), changed.id);
        assert_eq!(
            (one.header.made_for, one.header.recorded.by.as_str(), one.header.agency.as_str()),
            (1, "officer", "CBP")
        );
        assert_eq!(events.last().map(|event| event.header.changes[0].id), Some(one.header.id.0));
        assert_eq!(world.apply(&record), first);
        assert_eq!((there(&world, lookout), world.outbox().len()), (vec![one], events.len()));
        assert_eq!(world.history(lookout), [1], "the lookout itself is as it was");
    }

    #[test]
    fn a_request_id_of_another_content_is_refused() {
        let mut world = World::default();
        let lookout = world.created("one");
        let mut record = world.record_override(lookout, 1, 1_000);
        world.apply(&record);
        let Command::RecordOverride(command) = &mut record.command else { unreachable!() };
        command.draft.content = crate::ids::Token([9; 16]);
        assert_eq!(code(&world.apply(&record)), Some(RefusalCode::RequestIdReused));
    }

    #[test]
    fn the_lookout_must_be_in_force_at_the_version_that_was_seen() {
        let mut world = World::default();
        let lookout = world.created("one");
        let update = world.update(lookout, 1, "two");
        let missing = world.record_override(RecordId([9; 16]), 1, 1_000);
        let stale = world.record_override(lookout, 1, 1_000);
        world.apply(&update);
        assert_eq!(code(&world.apply(&missing)), Some(RefusalCode::NoRecordAvailable));
        assert_eq!(code(&world.apply(&stale)), Some(RefusalCode::StaleVersion));
        let refused = world.outbox().pop().expect("event");
        assert_eq!(refused.header.verdict(), Some(Verdict::Refused));
        let remove = world.remove(lookout, None);
        world.apply(&remove);
        let removed = world.record_override(lookout, 3, 1_000);
        assert_eq!(code(&world.apply(&removed)), Some(RefusalCode::NoRecordAvailable));
        assert!(there(&world, lookout).is_empty());
    }

    #[test]
    fn what_has_expired_by_log_time_or_would_last_too_long_is_refused() {
        let mut world = World::default();
        let lookout = world.created("one");
        for valid_ms in [0, OVERRIDE_VALID_MAX_MS + 2] {
            let record = world.record_override(lookout, 1, valid_ms);
            let Outcome::Refused(refusal) = world.apply(&record) else { panic!("accepted") };
            assert_eq!(refusal.code, RefusalCode::Invalid);
            assert!(refusal.text.starts_with("expires: "), "{}", refusal.text);
        }
    }

    #[test]
    fn a_full_lookout_gives_up_what_is_out_of_force_and_nothing_else() {
        let mut world = World::default();
        let lookout = world.created("one");
        let mut ids: Vec<OverrideId> = Vec::new();
        for number in 0..OVERRIDES_MAX {
            let record = world.record_override(lookout, 1, if number == 3 { 1_000 } else { 1_000_000 });
            assert!(matches!(world.apply(&record), Outcome::Changed(_)));
            ids.push(OverrideId::of_request(record.request));
        }
        let over = world.record_override(lookout, 1, 1_000_000);
        assert_eq!(code(&world.apply(&over)), Some(RefusalCode::OverrideLimit));
        let end = world.end_override(lookout, ids[5]);
        world.apply(&end);
        world.time.0 += 1_000;
        for gone in [5, 3] {
            let record = world.record_override(lookout, 1, 1_000_000);
            assert!(matches!(world.apply(&record), Outcome::Changed(_)));
            let left: Vec<OverrideId> = there(&world, lookout).iter().map(|one| one.header.id).collect();
            assert_eq!(left.len(), OVERRIDES_MAX);
            assert!(!left.contains(&ids[gone]), "the one that is out of force longest went");
        }
        let over = world.record_override(lookout, 1, 1_000_000);
        assert_eq!(code(&world.apply(&over)), Some(RefusalCode::OverrideLimit));
    }
}
