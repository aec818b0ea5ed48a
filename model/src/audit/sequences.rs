//! Events are numbered within their session and within their port, by the log as it takes them in. Whoever has a piece of the log sees
//! by the numbers alone whether anything is missing, doubled or in another order.

use std::collections::BTreeMap;

use super::circumstances::SessionName;
use super::leaf::Leaf;
use crate::session::TOTAL_MAX_MS;
use crate::time::UnixMillis;

/// A session's number is forgotten so long after its first event: the session has ended by then, and what waited for the log since has
/// been delivered a day ago.
pub const SESSION_KEPT_MS: u64 = TOTAL_MAX_MS + 24 * 60 * 60 * 1_000;

/// The last number within a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Last {
    pub number: u64,
    /// When number 1 was recorded.
    pub begun: UnixMillis,
}

impl Last {
    /// The number of an event that is recorded now. A session's begins anew when it is forgotten, whether or not its row is gone by then.
    pub fn after(last: Option<Self>, scope: &Scope, now: UnixMillis) -> Self {
        let forgotten = |last: &Self| matches!(scope, Scope::Session(_)) && now.since(last.begun) >= SESSION_KEPT_MS;
        match last.filter(|last| !forgotten(last)) {
            Some(last) => Self { number: last.number + 1, ..last },
            None => Self { number: 1, begun: now },
        }
    }
}

/// Within what events are numbered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    Session(SessionName),
    Port(String),
}

/// What the numbers of a log say is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "event {index} is number {found} of its {scope}, and {expected} was expected: events of it are missing, doubled or in another order"
)]
pub struct Gap {
    pub index: u64,
    pub scope: &'static str,
    pub expected: u64,
    pub found: u64,
}

/// The numbers of a log so far, event by event from its beginning.
#[derive(Debug, Default)]
pub struct Sequences {
    last: BTreeMap<Scope, Last>,
    /// When the sessions were looked through for those that are forgotten.
    swept: UnixMillis,
}

impl Sequences {
    /// Takes the next event. Those of before events were numbered have no number.
    pub fn take(&mut self, leaf: &Leaf) -> Result<(), Gap> {
        let now = UnixMillis(leaf.recorded_ms);
        let session = leaf.header.circumstances.as_ref().and_then(|it| it.session);
        let numbered = [
            ("port", Some(Scope::Port(leaf.header.port.clone())), leaf.port_sequence),
            ("session", session.map(Scope::Session), leaf.session_sequence),
        ];
        for (name, scope, found) in numbered {
            let Some((scope, found)) = scope.zip(found) else { continue };
            let next = Last::after(self.last.get(&scope).copied(), &scope, now);
            if found != next.number {
                return Err(Gap { index: leaf.index, scope: name, expected: next.number, found });
            }
            self.last.insert(scope, next);
        }
        if now.since(self.swept) >= SWEEP_MS {
            self.swept = now;
            let kept = |scope: &Scope, last: &mut Last| {
                !matches!(scope, Scope::Session(_)) || now.since(last.begun) < SESSION_KEPT_MS
            };
            self.last.retain(kept);
        }
        Ok(())
    }
}

/// How often sessions are looked through.
const SWEEP_MS: u64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::circumstances::Circumstances;
    use crate::audit::event::EventDraft;
    use crate::command::append::AppendEvents;
    use crate::command::testing::*;
    use crate::command::{Command, Outcome};
    use proptest::prelude::*;

    fn event_of(session: Option<u8>, port: &str) -> EventDraft {
        let mut event = event();
        event.header.port = port.to_string();
        event.header.circumstances = session.map(|session| {
            let session = Some([session; 16]);
            Circumstances { session, ..Circumstances::default() }
        });
        event
    }

    fn append(world: &mut World, events: Vec<EventDraft>) {
        let outcome = world.apply(&system(Command::AppendEvents(AppendEvents { events })));
        assert!(matches!(outcome, Outcome::Appended(_)));
    }

    fn leaves(world: &World) -> Vec<Leaf> {
        (0..).zip(world.log()).map(|(index, leaf)| leaf.open(index).expect("a leaf")).collect()
    }

    fn check(leaves: &[Leaf]) -> Result<(), Gap> {
        let mut sequences = Sequences::default();
        leaves.iter().try_for_each(|leaf| sequences.take(leaf))
    }

    #[test]
    fn a_session_is_forgotten_when_it_is_long_over_and_no_sooner() {
        let mut world = World::audit();
        append(&mut world, vec![event_of(Some(1), "A"), event_of(Some(1), "A")]);
        world.time = world.time.after(SESSION_KEPT_MS - 1_000);
        append(&mut world, vec![event_of(Some(1), "A"), event_of(Some(2), "A")]);
        world.time = world.time.after(2_000);
        append(&mut world, vec![event_of(Some(2), "A")]);
        append(&mut world, vec![event_of(Some(1), "A")]);
        let numbers: Vec<_> = leaves(&world).iter().map(|leaf| (leaf.session_sequence, leaf.port_sequence)).collect();
        let some = |session, port| (Some(session), Some(port));
        assert_eq!(numbers, [some(1, 1), some(2, 2), some(3, 3), some(1, 4), some(2, 5), some(1, 6)]);
        assert_eq!(check(&leaves(&world)), Ok(()), "whoever verifies forgets by the same rule");
        assert_eq!(world.forgotten(), (2, 2), "what is kept is what goes on");
    }

    proptest! {
        /// What the log numbers verifies, however it came in entries; and a piece that lacks an event of which a later one of the same
        /// session or port is left, has one twice, or has two of one session swapped, does not.
        #[test]
        fn what_is_missing_doubled_or_swapped_within_a_session_or_port_is_seen(
            entries in prop::collection::vec((0u64..3, prop::collection::vec((prop::option::of(0u8..3), 0u8..2), 1..5)), 1..12),
            at: prop::sample::Index,
            other: prop::sample::Index,
        ) {
            let mut world = World::audit();
            for (later, entry) in entries {
                // Also across the time after which a session is forgotten.
                world.time = world.time.after(later * later * (SESSION_KEPT_MS / 5));
                append(&mut world, entry.into_iter().map(|(session, port)| event_of(session, &format!("P{port}"))).collect());
            }
            let whole = leaves(&world);
            prop_assert_eq!(check(&whole), Ok(()), "an unaltered log has no gap");
            let at = at.index(whole.len());
            let mut dropped = whole.clone();
            let gone = dropped.remove(at);
            let follows = dropped[at..].iter().any(|leaf| leaf.header.port == gone.header.port);
            prop_assert!(!follows || check(&dropped).is_err());
            let mut doubled = whole.clone();
            doubled.insert(at, gone);
            prop_assert!(check(&doubled).is_err());
            let other = other.index(whole.len());
            let mut swapped = whole.clone();
            swapped.swap(at, other);
            let same = whole[at].header.port == whole[other].header.port && at != other;
            prop_assert!(!same || check(&swapped).is_err());
        }
    }
}
