//! How the clocks of the peers stand to ours. A leader whose clock is ahead of its quorum's median stamps nothing, since
//! log time never runs back (DESIGN.md, Time).
//!
//! An observation is a peer's clock with our monotonic time at that moment, and is carried on by the monotonic time since:
//! so a step of our own clock shows at once, in what it differs from all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use model::ids::NodeId;
use tokio::time::Instant;

/// An observation older than this says nothing any more.
const FRESH: Duration = Duration::from_secs(10);

/// A message that waited longer is taken for a clock that was set back.
const DELAY_MAX: Duration = Duration::from_secs(2);

/// The latest observation of each peer's clock.
#[derive(Debug, Default)]
pub struct Skew {
    /// Peer -> (its clock, when we saw it).
    seen: BTreeMap<NodeId, (u64, Instant)>,
}

impl Skew {
    /// A message says that a peer's clock showed this when it was sent. It may have waited on its way, so the clock shows no
    /// less: what is known to be later stands for a while.
    pub fn saw(&mut self, peer: NodeId, clock_ms: u64, now: Instant) {
        let known = self.seen.get(&peer).map(|(clock, at)| (clock, now.saturating_duration_since(*at)));
        let later = known.is_some_and(|(clock, since)| {
            since <= DELAY_MAX && clock.saturating_add(since.as_millis() as u64) > clock_ms
        });
        if !later {
            self.seen.insert(peer, (clock_ms, now));
        }
    }

    /// When a peer's clock was last seen.
    pub fn seen_at(&self, peer: NodeId) -> Option<Instant> {
        self.seen.get(&peer).map(|(_, at)| *at)
    }

    /// How far our clock, which shows `clock_ms`, is ahead of the median of the voters' clocks, ours among them. None where
    /// the clocks of a majority are not known.
    pub fn ahead_ms(
        &self,
        me: NodeId,
        voters: impl Iterator<Item = NodeId>,
        clock_ms: u64,
        now: Instant,
    ) -> Option<u64> {
        let (mut clocks, mut count) = (Vec::new(), 0);
        for voter in voters {
            count += 1;
            if voter == me {
                clocks.push(clock_ms);
            } else if let Some((clock, at)) = self.seen.get(&voter) {
                let since = now.saturating_duration_since(*at);
                if since <= FRESH {
                    clocks.push(clock.saturating_add(since.as_millis() as u64));
                }
            }
        }
        if clocks.len() * 2 <= count {
            return None;
        }
        clocks.sort_unstable();
        // Of an even number the earlier one: time stamped too late cannot be taken back, too early costs nothing.
        let median = clocks[(clocks.len() - 1) / 2];
        Some(clock_ms.saturating_sub(median))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_800_000_000_000;

    fn voters() -> impl Iterator<Item = NodeId> {
        [1, 2, 3].into_iter().map(NodeId)
    }

    #[test]
    fn a_clock_ahead_of_the_median_is_noticed_and_one_behind_is_not() {
        let (mut skew, mut now) = (Skew::default(), Instant::now());
        skew.saw(NodeId(2), NOON - 2_000, now);
        skew.saw(NodeId(3), NOON - 1_900, now);
        assert_eq!(skew.ahead_ms(NodeId(1), voters(), NOON, now), Some(1_900));
        now += DELAY_MAX * 2;
        skew.saw(NodeId(2), NOON - 2_000, now);
        skew.saw(NodeId(3), NOON, now);
        assert_eq!(skew.ahead_ms(NodeId(1), voters(), NOON, now), Some(0), "the median is ours");
        skew.saw(NodeId(2), NOON + 10_000, now);
        assert_eq!(skew.ahead_ms(NodeId(1), voters(), NOON, now), Some(0));
    }

    #[test]
    fn a_step_of_our_own_clock_is_noticed_whatever_its_size_and_with_one_voter_away() {
        let (mut skew, now) = (Skew::default(), Instant::now());
        skew.saw(NodeId(2), NOON, now);
        let later = now + Duration::from_millis(200);
        for step in [5_000, 3_600_000, 400 * 24 * 3_600_000] {
            assert_eq!(skew.ahead_ms(NodeId(1), voters(), NOON + 200 + step, later), Some(step));
        }
        assert_eq!(skew.ahead_ms(NodeId(1), voters(), NOON + 200, later), Some(0), "time that passed is no step");
    }

    #[test]
    fn a_message_that_waited_on_its_way_makes_no_clock_late() {
        let (mut skew, now) = (Skew::default(), Instant::now());
        skew.saw(NodeId(2), NOON, now);
        let later = now + Duration::from_millis(1_500);
        skew.saw(NodeId(2), NOON + 100, later);
        assert_eq!(skew.ahead_ms(NodeId(1), voters(), NOON + 1_500, later), Some(0));
        let set_back = now + DELAY_MAX + Duration::from_secs(1);
        skew.saw(NodeId(2), NOON - 60_000, set_back);
        assert_eq!(
            skew.ahead_ms(NodeId(1), voters(), NOON + 3_000, set_back),
            Some(63_000),
            "a clock that was set back"
        );
    }

    #[test]
    fn without_the_clocks_of_a_majority_nothing_is_known() {
        let (mut skew, now) = (Skew::default(), Instant::now());
        assert_eq!(skew.ahead_ms(NodeId(1), voters(), NOON, now), None);
        assert_eq!(
            skew.ahead_ms(NodeId(1), std::iter::once(NodeId(1)), NOON, now),
            Some(0),
            "alone it is the majority"
        );
        skew.saw(NodeId(2), NOON, now);
        assert_eq!(
            skew.ahead_ms(NodeId(1), voters(), NOON, now + FRESH * 2),
            None,
            "what was seen long ago is not used"
        );
    }
}
