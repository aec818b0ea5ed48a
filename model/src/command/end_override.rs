//! End an override before it expires. It stays readable, with who ended it.

use serde::{Deserialize, Serialize};

use crate::audit::event::{ChangeKind, EventDraft};
use crate::command::Changed;
use crate::command::remember::{once, stamp};
use crate::decide::Context;
use crate::envelope::Envelope;
use crate::error::{Refusal, RefusalCode};
use crate::ids::{OverrideId, RecordId, Token};
use crate::record::Dataset;
use crate::view::{Effects, Read, View, Write};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndOverride {
    pub dataset: Dataset,
    pub lookout: RecordId,
    pub id: OverrideId,
    pub event: EventDraft,
}

/// The lookout may be out of force by now: ending an override never hides anybody.
pub fn decide(view: &dyn View, context: Context, envelope: &Envelope, command: &EndOverride) -> Read<Effects> {
    // In the place of a content: a request id that ended another override of the lookout is a reused one.
    let about = Token(command.id.0);
    once(view, context, envelope, (command.lookout, Some(about)), &command.event, || {
        let there = view.overrides(command.dataset, command.lookout)?;
        let Some(mut found) = there.into_iter().find(|other| other.header.id == command.id) else {
            return Ok(Err(Refusal::new(RefusalCode::NoRecordAvailable, "no record available")));
        };
        let id = RecordId(command.id.0);
        if found.header.ended.is_some() {
            return Ok(Ok((Vec::new(), Changed { id, version: found.header.version(), change: None })));
        }
        Ok(stamp(context, envelope).map(|stamp| {
            found.header.ended = Some(stamp);
            let version = found.header.version();
            (vec![Write::PutOverride(found)], Changed { id, version, change: Some(ChangeKind::Removed) })
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::event::Verdict;
    use crate::command::testing::*;
    use crate::command::{Command, Outcome};

    #[test]
    fn it_is_ended_once_and_stays_with_who_ended_it() {
        let mut world = World::default();
        let lookout = world.created("one");
        let record = world.record_override(lookout, 1, 1_000_000);
        world.apply(&record);
        let id = OverrideId::of_request(record.request);
        let end = world.end_override(lookout, id);
        let first = world.apply(&end);
        assert!(
            matches!(&first, Outcome::Changed(changed) if changed.version == 2 && changed.change == Some(ChangeKind::Removed))
        );
        let ended = world.overrides(Dataset::Tecs, lookout).expect("reads");
        assert_eq!(ended[0].header.ended.as_ref().map(|stamp| stamp.by.as_str()), Some("officer"));
        assert!(!ended[0].header.in_force(world.time));
        assert_eq!(world.apply(&end), first, "a retry is answered from memory");
        let again = world.end_override(lookout, id);
        assert!(matches!(world.apply(&again), Outcome::Changed(changed) if changed.change.is_none()));
        assert_eq!(world.outbox().pop().and_then(|event| event.header.verdict()), Some(Verdict::Unchanged));
        assert_eq!(world.overrides(Dataset::Tecs, lookout).expect("reads"), ended, "who ended it first stays");
    }

    #[test]
    fn what_is_not_there_and_a_request_id_of_another_one_are_refused() {
        let mut world = World::default();
        let lookout = world.created("one");
        let mut ids = Vec::new();
        for _ in 0..2 {
            let record = world.record_override(lookout, 1, 1_000_000);
            world.apply(&record);
            ids.push(OverrideId::of_request(record.request));
        }
        let missing = world.end_override(lookout, OverrideId([9; 16]));
        assert_eq!(code(&world.apply(&missing)), Some(RefusalCode::NoRecordAvailable));
        let elsewhere = world.end_override(RecordId([9; 16]), ids[0]);
        assert_eq!(code(&world.apply(&elsewhere)), Some(RefusalCode::NoRecordAvailable));
        let mut end = world.end_override(lookout, ids[0]);
        world.apply(&end);
        let Command::EndOverride(command) = &mut end.command else { unreachable!() };
        command.id = ids[1];
        assert_eq!(code(&world.apply(&end)), Some(RefusalCode::RequestIdReused));
        assert!(world.overrides(Dataset::Tecs, lookout).expect("reads").iter().any(|one| one.header.ended.is_none()));
    }
}
