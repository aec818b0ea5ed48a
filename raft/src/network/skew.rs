//! How the clocks of the peers stand to ours. A leader whose clock is ahead of its quorum's median stamps nothing, since
//! log time never runs back (DESIGN.md, Time).

use std::collections::BTreeMap;

use model::ids::NodeId;

/// An observation older than this says nothing any more.
const FRESH_MS: u64 = 10_000;

/// The latest observation of each peer's clock.
#[derive(Debug, Default)]
pub struct Skew {
    /// Peer -> (its clock less ours, our clock when we saw it).
    seen: BTreeMap<NodeId, (i64, u64)>,
}

impl Skew {
    /// A peer's clock showed this when ours showed `now_ms`.
    pub fn saw(&mut self, peer: NodeId, clock_ms: u64, now_ms: u64) {
        self.seen.insert(peer, (clock_ms as i64 - now_ms as i64, now_ms));
    }

    /// How far our clock is ahead of the median of the voters' clocks, ours among them; zero where too few are known.
    pub fn ahead_ms(&self, me: NodeId, voters: impl Iterator<Item = NodeId>, now_ms: u64) -> u64 {
        let (mut offsets, mut count) = (Vec::new(), 0);
        for voter in voters {
            count += 1;
            if voter == me {
                offsets.push(0);
            } else if let Some((offset, at)) = self.seen.get(&voter)
                && now_ms.abs_diff(*at) <= FRESH_MS
            {
                offsets.push(*offset);
            }
        }
        if offsets.len() * 2 <= count || offsets.len() < 2 {
            return 0;
        }
        offsets.sort_unstable();
        // Of an even number the later one: a single pair must not depose a leader that is right.
        let median = offsets[offsets.len() / 2];
        median.min(0).unsigned_abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voters() -> impl Iterator<Item = NodeId> {
        [1, 2, 3].into_iter().map(NodeId)
    }

    #[test]
    fn a_clock_ahead_of_the_median_is_noticed_and_one_behind_is_not() {
        let mut skew = Skew::default();
        assert_eq!(skew.ahead_ms(NodeId(1), voters(), 10_000), 0, "nothing is known yet");
        skew.saw(NodeId(2), 8_000, 10_000);
        skew.saw(NodeId(3), 8_100, 10_000);
        assert_eq!(skew.ahead_ms(NodeId(1), voters(), 10_000), 1_900);
        skew.saw(NodeId(3), 10_000, 10_000);
        assert_eq!(skew.ahead_ms(NodeId(1), voters(), 10_000), 0, "the median is ours");
        skew.saw(NodeId(2), 20_000, 10_000);
        assert_eq!(skew.ahead_ms(NodeId(1), voters(), 10_000), 0);
    }

    #[test]
    fn old_observations_are_not_used() {
        let mut skew = Skew::default();
        skew.saw(NodeId(2), 0, 10_000);
        skew.saw(NodeId(3), 0, 10_000);
        assert_eq!(skew.ahead_ms(NodeId(1), voters(), 30_000), 0);
    }
}
