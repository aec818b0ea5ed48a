//! When a message was sent, by the receiver's own clock: not before the receiver gave the stamp that the sender gives back. So a
//! message that waited on its way is known to be old, whatever the clocks of the two nodes say.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::ids::NodeId;
use proto::peer;
use tokio::time::Instant;

/// The stamps that a node gives, and the newest that it has from each peer.
pub struct Stamps {
    start: u64,
    began: Instant,
    theirs: Mutex<BTreeMap<NodeId, peer::Stamp>>,
}

impl Stamps {
    /// `start` tells this start of the node from all others.
    pub fn new(start: u64, began: Instant) -> Self {
        Self { start, began, theirs: Mutex::default() }
    }

    /// A stamp of a moment.
    pub fn give(&self, now: Instant) -> peer::Stamp {
        // Rounded down: a message looks older by up to a millisecond, and never younger.
        peer::Stamp { start: self.start, at_ms: now.saturating_duration_since(self.began).as_millis() as u64 }
    }

    /// The moment of a stamp that was given by this start of the node.
    pub fn read(&self, stamp: &peer::Stamp, now: Instant) -> Option<Instant> {
        let at = self.began.checked_add(Duration::from_millis(stamp.at_ms))?;
        (stamp.start == self.start && at <= now).then_some(at)
    }

    /// Keeps the stamp of a peer's answer.
    pub fn keep(&self, peer: NodeId, stamp: peer::Stamp) {
        let mut theirs = self.theirs.lock().unwrap_or_else(PoisonError::into_inner);
        let known = theirs.entry(peer).or_insert(stamp);
        // Answers may overtake each other. Which start is the later one only the peer knows: what it does not understand it
        // ignores.
        if known.start != stamp.start || known.at_ms < stamp.at_ms {
            *known = stamp;
        }
    }

    /// What is given back to a peer.
    pub fn echo(&self, peer: NodeId) -> Option<peer::Stamp> {
        self.theirs.lock().unwrap_or_else(PoisonError::into_inner).get(&peer).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_that_comes_back_is_as_old_as_it_is_and_another_start_understands_it_not() {
        let began = Instant::now();
        let (mine, other) = (Stamps::new(1, began), Stamps::new(2, began));
        let (at, now) = (began + Duration::from_millis(70), began + Duration::from_secs(3));
        let given = mine.give(at);
        assert_eq!(mine.read(&given, now), Some(at));
        assert_eq!(other.read(&given, now), None);
        let ahead = peer::Stamp { at_ms: 60_000, ..given };
        assert_eq!(mine.read(&ahead, now), None, "never given");
        assert_eq!(mine.read(&peer::Stamp { at_ms: u64::MAX, ..given }, now), None);
    }

    #[test]
    fn an_answer_that_was_overtaken_takes_nothing_back() {
        let (mine, peer) = (Stamps::new(1, Instant::now()), NodeId(2));
        assert_eq!(mine.echo(peer), None);
        let stamp = |start, at_ms| peer::Stamp { start, at_ms };
        mine.keep(peer, stamp(7, 200));
        mine.keep(peer, stamp(7, 100));
        assert_eq!(mine.echo(peer), Some(stamp(7, 200)));
        mine.keep(peer, stamp(9, 5));
        assert_eq!(mine.echo(peer), Some(stamp(9, 5)), "it was started again");
    }
}
