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
    sessions: BTreeMap<SessionName, (u64, u64)>,
    ports: BTreeMap<String, u64>,
    /// When the sessions were looked through for old ones.
    swept_ms: u64,
}

impl Sequences {
    /// Takes the next event. Those of before events were numbered have no number.
    pub fn take(&mut self, leaf: &Leaf) -> Result<(), Gap> {
        let gap = |scope, expected, found| Gap { index: leaf.index, scope, expected, found };
        if let Some(found) = leaf.port_sequence {
            let last = self.ports.entry(leaf.header.port.clone()).or_default();
            if found != *last + 1 {
                return Err(gap("port", *last + 1, found));
            }
            *last = found;
        }
        let session = leaf.header.circumstances.as_ref().and_then(|it| it.session);
        if let Some((found, session)) = leaf.session_sequence.zip(session) {
            self.sweep(leaf.recorded_ms);
            let (last, _) = self.sessions.entry(session).or_insert((0, leaf.recorded_ms));
            if found != *last + 1 {
                return Err(gap("session", *last + 1, found));
            }
            *last = found;
        }
        Ok(())
    }

    /// Forgets what the log has forgotten, now and then.
    fn sweep(&mut self, now_ms: u64) {
        if now_ms.saturating_sub(self.swept_ms) < 60_000 {
            return;
        }
        self.swept_ms = now_ms;
        // A day later than the log: what it may have forgotten is not known to the millisecond from outside.
        let before = UnixMillis(now_ms).before(2 * SESSION_KEPT_MS).0;
        self.sessions.retain(|_, (_, begun)| *begun >= before);
    }
}

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
    }

    proptest! {
        /// What the log numbers verifies, however it came in entries; and a piece that lacks an event of which a later one of the same
        /// session or port is left, has one twice, or has two of one session swapped, does not.
        #[test]
        fn what_is_missing_doubled_or_swapped_within_a_session_or_port_is_seen(
            entries in prop::collection::vec(prop::collection::vec((prop::option::of(0u8..3), 0u8..2), 1..5), 1..12),
            at: prop::sample::Index,
            other: prop::sample::Index,
        ) {
            let mut world = World::audit();
            for entry in entries {
                append(&mut world, entry.into_iter().map(|(session, port)| event_of(session, &format!("P{port}"))).collect());
            }
            let whole = leaves(&world);
            prop_assert_eq!(check(&whole), Ok(()));
            let at = at.index(whole.len());
            let mut dropped = whole.clone();
            let gone = dropped.remove(at);
            let follows = dropped[at..].iter().any(|leaf| leaf.header.port == gone.header.port);
            prop_assert_eq!(check(&dropped).is_err(), follows);
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
