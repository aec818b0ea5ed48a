//! Create a record. Its id is derived from the request id, so a retry meets the same record.

use serde::{Deserialize, Serialize};

use crate::access::labels;
use crate::audit::event::{ChangeKind, EventDraft};
use crate::command::remember::{changed, once, put, stamp};
use crate::decide::Context;
use crate::envelope::Envelope;
use crate::error::{Refusal, RefusalCode};
use crate::record::{AccessLevel, Draft, StoredRecord};
use crate::view::{Effects, Read, View};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateRecord {
    pub draft: Draft,
    pub event: EventDraft,
}

/// Level 2 is retired and refused for new records (R16); labels must go with the level (R17, R18). An id that is taken is a
/// reused request id: ids are 128 bits of a hash of it.
pub fn decide(view: &dyn View, context: Context, envelope: &Envelope, command: &CreateRecord) -> Read<Effects> {
    let draft = &command.draft;
    once(view, context, envelope, (draft.id, Some(draft.content)), &command.event, || {
        if draft.level == AccessLevel::Two {
            return Ok(Err(Refusal::new(RefusalCode::LevelRefused, "level 2 is retired: choose 1, 3 or 4")));
        }
        if let Err(invalid) = labels::check(draft.level, &draft.owner, &draft.labels) {
            return Ok(Err(Refusal::new(RefusalCode::Invalid, invalid.to_string())));
        }
        if view.record(draft.dataset, draft.id)?.is_some() {
            let text = "a record of this id exists; make a new request id";
            return Ok(Err(Refusal::new(RefusalCode::RequestIdReused, text)));
        }
        Ok(stamp(context, envelope).map(|stamp| {
            let record = StoredRecord::created(draft, stamp);
            let changed = changed(&record, ChangeKind::Created);
            (put(None, record), changed)
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::event::Verdict;
    use crate::command::testing::*;
    use crate::command::{Command, Outcome};
    use crate::ids::RequestId;
    use crate::limits::REQUEST_ID_MEMORY_MS;
    use crate::time::UnixMillis;

    #[test]
    fn a_retry_is_answered_and_not_applied_again() {
        let mut world = World::default();
        let envelope = world.create(1, "content");
        let first = world.apply(&envelope);
        let events = world.outbox().len();
        assert!(matches!(&first, Outcome::Changed(changed) if changed.version == 1));
        assert_eq!(world.apply(&envelope), first);
        assert_eq!(world.outbox().len(), events, "one change, one event");
    }

    #[test]
    fn a_request_id_of_another_change_is_refused() {
        let mut world = World::default();
        let create = world.create(1, "content");
        world.apply(&create);
        let Command::CreateRecord(command) = &create.command else { unreachable!() };
        let mut remove = create.clone();
        remove.command = remove_command(command.draft.id, None);
        assert_eq!(code(&world.apply(&remove)), Some(RefusalCode::RequestIdReused));
    }

    #[test]
    fn an_old_request_is_refused_and_its_memory_forgotten() {
        let mut world = World::default();
        let old = world.create(1, "content");
        world.apply(&old);
        world.time.0 += REQUEST_ID_MEMORY_MS + 1;
        assert_eq!(code(&world.apply(&old)), Some(RefusalCode::RequestTooOld));
    }

    #[test]
    fn level_two_is_refused_and_the_refusal_is_an_event() {
        let mut world = World::default();
        let mut envelope = world.create(1, "content");
        if let Command::CreateRecord(command) = &mut envelope.command {
            command.draft.level = AccessLevel::Two;
        }
        assert_eq!(code(&world.apply(&envelope)), Some(RefusalCode::LevelRefused));
        let event = world.outbox().pop().expect("event");
        assert_eq!(event.header.verdict(), Some(Verdict::Refused));
        assert_eq!(event.header.code.as_deref(), Some("level-refused"));
    }

    #[test]
    fn r17_r18_labels_go_with_the_level_and_are_kept() {
        let mut world = World::default();
        let mut create = |level: AccessLevel, labels: &[&str]| {
            let mut envelope = world.create(level.number(), "content");
            let Command::CreateRecord(command) = &mut envelope.command else { unreachable!() };
            command.draft.labels = labels.iter().map(|label| (*label).to_string()).collect();
            let id = command.draft.id;
            (code(&world.apply(&envelope)), world.record(crate::record::Dataset::Tecs, id).expect("reads"))
        };
        let (refused, record) = create(AccessLevel::Three, &["C:CBP/gangs"]);
        assert_eq!((refused, record.map(|record| record.header.labels)), (None, Some(vec!["C:CBP/gangs".to_string()])));
        assert_eq!(create(AccessLevel::Four, &["U:smith"]).0, None);
        for (level, label) in [
            (AccessLevel::One, "C:CBP/gangs"),
            (AccessLevel::Three, "U:smith"),
            (AccessLevel::Three, "C:IRS/gangs"),
            (AccessLevel::Four, "C:CBP/gangs"),
            (AccessLevel::Four, "smith"),
        ] {
            let (refused, record) = create(level, &[label]);
            assert_eq!((refused, record), (Some(RefusalCode::Invalid), None), "{level} {label}");
        }
    }

    #[test]
    fn a_lapsed_decision_is_refused_and_may_come_again() {
        let mut world = World::default();
        let mut envelope = world.create(1, "content");
        let made_at = world.time;
        world.time.0 += 2_001;
        envelope.decision = Some(decision(made_at));
        assert_eq!(code(&world.apply(&envelope)), Some(RefusalCode::DecisionLapsed));
        envelope.decision = Some(decision(world.time));
        let done = world.apply(&envelope);
        assert!(matches!(done, Outcome::Changed(_)));
        envelope.decision = Some(decision(made_at));
        assert_eq!(world.apply(&envelope), done, "what took place is answered, however old the retry's decision is");
    }

    #[test]
    fn a_request_id_ahead_of_log_time_is_remembered_as_long_as_a_retry_is_accepted() {
        let mut world = World::default();
        let log_time = world.time;
        let mut envelope = world.create(1, "content");
        envelope.request = RequestId::new(UnixMillis(log_time.0 + REQUEST_ID_MEMORY_MS - 1_000), [7; 16]);
        let first = world.apply(&envelope);
        assert!(matches!(first, Outcome::Changed(_)));
        world.time.0 += REQUEST_ID_MEMORY_MS + 60_000;
        // Another change of the slot, which forgets what is old enough.
        let mut other = world.create(1, "content");
        other.command = envelope.command.clone();
        other.request = RequestId::new(world.time, [8; 16]);
        world.apply(&other);
        assert_eq!(world.apply(&envelope), first, "answered from memory, not applied again");
    }

    #[test]
    fn a_request_id_with_another_content_is_refused() {
        let mut world = World::default();
        let mut envelope = world.create(1, "content");
        world.apply(&envelope);
        let Command::CreateRecord(command) = &mut envelope.command else { unreachable!() };
        command.draft.content = crate::ids::Token([9; 16]);
        assert_eq!(code(&world.apply(&envelope)), Some(RefusalCode::RequestIdReused));
    }
}
