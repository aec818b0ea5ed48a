//! Replace a record's content, if it still has the version that the writer saw.

use serde::{Deserialize, Serialize};

use crate::audit::event::{ChangeKind, EventDraft};
use crate::command::Changed;
use crate::command::remember::{changed, once, put, stamp};
use crate::decide::Context;
use crate::envelope::Envelope;
use crate::error::{Refusal, RefusalCode};
use crate::known_bugs::{KnownBug, planted};
use crate::record::{Draft, RecordState, StoredRecord};
use crate::view::{Effects, Read, View};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateRecord {
    pub draft: Draft,
    /// The version that the writer changed.
    pub expected_version: u64,
    pub event: EventDraft,
}

pub fn decide(view: &dyn View, context: Context, envelope: &Envelope, command: &UpdateRecord) -> Read<Effects> {
    let draft = &command.draft;
    once(view, context, envelope, (draft.id, Some(draft.content)), &command.event, || {
        let before = match own(envelope, current(view, draft.dataset, draft.id, Some(command.expected_version))?) {
            Ok(before) => before,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if before.header.content == draft.content {
            let version = before.header.version;
            return Ok(Ok((Vec::new(), Changed { id: draft.id, version, change: None })));
        }
        Ok(stamp(context, envelope).map(|stamp| {
            let record = before.updated(draft, stamp);
            let changed = changed(&record, ChangeKind::Updated);
            (put(Some(&before), record), changed)
        }))
    })
}

/// The record in force, at the version that the writer expects.
pub fn current(
    view: &dyn View,
    dataset: crate::record::Dataset,
    id: crate::ids::RecordId,
    expected: Option<u64>,
) -> Read<Result<StoredRecord, Refusal>> {
    let record = view.record(dataset, id)?.filter(|record| record.header.state == RecordState::Active);
    Ok(match record {
        None => Err(Refusal::new(RefusalCode::NoRecordAvailable, "no record available")),
        Some(record) => match expected {
            Some(expected) if expected != record.header.version && !planted(KnownBug::VersionNotCompared) => {
                let now = record.header.version;
                let text = format!("the record has version {now}, the change was made on {expected}; read it again");
                Err(Refusal::new(RefusalCode::StaleVersion, text))
            }
            _ => Ok(record),
        },
    })
}

/// The record that somebody changes, if it is his agency's (R20). Whether he may see it at all is known to the node that he
/// asked, which tells him no more than that there is none.
pub fn own(envelope: &Envelope, record: Result<StoredRecord, Refusal>) -> Result<StoredRecord, Refusal> {
    let record = record?;
    match &envelope.caller {
        Some(caller) if caller.agency != record.header.owner => {
            let text = format!("the record is {}'s, which alone changes it", record.header.owner);
            Err(Refusal::new(RefusalCode::Owner, text))
        }
        _ => Ok(record),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Outcome;
    use crate::command::testing::*;
    use crate::ids::AgencyId;
    use crate::record::{AccessLevel, Dataset};

    #[test]
    fn r20_only_the_owner_changes_and_removes_and_the_refusal_is_an_event() {
        let mut world = World::default();
        let id = world.created("one");
        let (mut update, mut remove) = (world.update(id, 1, "two"), world.remove(id, None));
        for envelope in [&mut update, &mut remove] {
            let caller = envelope.caller.as_mut().expect("a caller");
            caller.agency = AgencyId::new("IRS").expect("code");
            let Outcome::Refused(refusal) = world.apply(envelope) else { panic!("changed") };
            assert_eq!(
                (refusal.code, refusal.text.as_str()),
                (RefusalCode::Owner, "the record is CBP's, which alone changes it")
            );
            let event = world.outbox().pop().expect("an event");
            assert_eq!(event.header.code.as_deref(), Some("owner"));
        }
        assert_eq!(world.history(id), [1]);
    }

    #[test]
    fn a_new_content_leaves_owner_level_and_labels_as_they_are() {
        let mut world = World::default();
        let mut create = world.create(3, "one");
        let crate::command::Command::CreateRecord(command) = &mut create.command else { unreachable!() };
        command.draft.labels = vec!["C:CBP/gangs".into()];
        let id = command.draft.id;
        world.apply(&create);
        let mut update = world.update(id, 1, "two");
        let crate::command::Command::UpdateRecord(command) = &mut update.command else { unreachable!() };
        (command.draft.level, command.draft.owner) = (AccessLevel::One, AgencyId::new("IRS").expect("code"));
        assert!(matches!(world.apply(&update), Outcome::Changed(changed) if changed.version == 2));
        let header = world.record(Dataset::Tecs, id).expect("reads").expect("there").header;
        assert_eq!(
            (header.owner.as_str(), header.level, header.labels),
            ("CBP", AccessLevel::Three, vec!["C:CBP/gangs".into()])
        );
    }

    #[test]
    fn only_the_version_that_the_writer_saw_is_replaced() {
        let mut world = World::default();
        let id = world.created("one");
        let second = world.update(id, 1, "two");
        assert!(matches!(world.apply(&second), Outcome::Changed(changed) if changed.version == 2));
        let stale = world.update(id, 1, "three");
        assert_eq!(code(&world.apply(&stale)), Some(RefusalCode::StaleVersion));
        let same = world.update(id, 2, "two");
        assert!(
            matches!(world.apply(&same), Outcome::Changed(changed) if changed.version == 2 && changed.change.is_none())
        );
        assert_eq!(world.history(id), vec![1, 2], "both versions stay");
    }

    #[test]
    fn what_is_not_there_and_what_was_removed_read_the_same() {
        let mut world = World::default();
        let missing = world.update(crate::ids::RecordId([9; 16]), 1, "x");
        let id = world.created("one");
        let remove = world.remove(id, None);
        world.apply(&remove);
        let removed = world.update(id, 2, "x");
        assert_eq!(world.apply(&missing), world.apply(&removed));
    }
}
