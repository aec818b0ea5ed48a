//! When a message was sent, by the receiver's own clock: not before the receiver gave the stamp that the sender gives back. So a
//! message that waited on its way is known to be old, whatever the clocks of the two nodes say.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::ids::NodeId;
use proto::peer;
use tokio::time::Instant;

/// Stamps that are kept of one peer, and how far they are apart at least. What lies between two is left out, which makes a
/// copy look older by so much, and never younger.
const KEPT_MAX: usize = 512;
const APART_MS: u64 = 5;

/// The stamps that a node gives, and those that it has from each peer, with when they came.
pub struct Stamps {
    start: u64,
    began: Instant,
    theirs: Mutex<BTreeMap<NodeId, VecDeque<(Instant, peer::Stamp)>>>,
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
    pub fn keep(&self, peer: NodeId, stamp: peer::Stamp, now: Instant) {
        let mut theirs = self.theirs.lock().unwrap_or_else(PoisonError::into_inner);
        let known = theirs.entry(peer).or_default();
        match known.back() {
            // Which start is the later one only the peer knows: what it does not understand it ignores.
            Some((_, last)) if last.start != stamp.start => known.clear(),
            // Answers may overtake each other.
            Some((_, last)) if stamp.at_ms < last.at_ms.saturating_add(APART_MS) => return,
            _ => {}
        }
        if known.len() == KEPT_MAX {
            known.pop_front();
        }
        known.push_back((now, stamp));
    }

    /// What is given back to a peer: the newest stamp that had come before a moment.
    pub fn echo(&self, peer: NodeId, before: Instant) -> Option<peer::Stamp> {
        let theirs = self.theirs.lock().unwrap_or_else(PoisonError::into_inner);
        let known = theirs.get(&peer)?;
        let earlier = known.partition_point(|(came, _)| *came < before);
        Some(known[earlier.checked_sub(1)?].1)
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
        let began = Instant::now();
        let (mine, peer) = (Stamps::new(1, began), NodeId(2));
        let at = |ms| began + Duration::from_millis(ms);
        assert_eq!(mine.echo(peer, at(9_000)), None);
        let stamp = |start, at_ms| peer::Stamp { start, at_ms };
        mine.keep(peer, stamp(7, 200), at(10));
        mine.keep(peer, stamp(7, 100), at(11));
        assert_eq!(mine.echo(peer, at(9_000)), Some(stamp(7, 200)));
        mine.keep(peer, stamp(9, 5), at(12));
        assert_eq!(mine.echo(peer, at(9_000)), Some(stamp(9, 5)), "it was started again");
    }

    #[test]
    fn what_came_at_a_moment_or_later_is_not_given_back() {
        let began = Instant::now();
        let (mine, peer) = (Stamps::new(1, began), NodeId(2));
        let at = |ms| began + Duration::from_millis(ms);
        for ms in 1..=10_000 {
            mine.keep(peer, peer::Stamp { start: 7, at_ms: ms }, at(ms));
        }
        assert_eq!(mine.theirs.lock().expect("whole")[&peer].len(), KEPT_MAX);
        assert_eq!(mine.echo(peer, at(9_001)).map(|stamp| stamp.at_ms), Some(8_996), "each fifth is kept");
        assert_eq!(mine.echo(peer, at(8_996)).map(|stamp| stamp.at_ms), Some(8_991));
        assert_eq!(mine.echo(peer, at(1)), None, "older than all that is kept");
    }
}
