//! When everything must work: the spans in which enough nodes are well, and the end of a run.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use super::{Driver, Meant, name};

/// All must be well for so long, and be used, before the clients go home.
const WELL_MS: u64 = 4_000;
/// After that the run goes on for so long, so that everything is delivered, indexed and replicated.
const QUIET_MS: u64 = 9_000;
/// What went wrong must have been over for so long before everything is expected to work.
pub const STEADY_AFTER_MS: u64 = 8_000;

/// A span of time in which primary queries must be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steady {
    pub from_ms: u64,
    pub to_ms: u64,
    /// The nodes that were well all the time.
    pub well: BTreeSet<u64>,
}

impl Driver {
    /// Notes the spans in which enough nodes are well, and have been for a while, that everything must be answered.
    pub(super) fn look_at_steadiness(&mut self, now: u64) {
        if self.orders.changes_pending() {
            self.disturbed_ms = self.disturbed_ms.max(now);
        }
        let members: Vec<u64> =
            self.nodes.values().filter(|node| node.meant != Meant::Removed).map(|node| node.id).collect();
        let cut =
            |a: u64, b: u64| self.cuts.contains_key(&(name(a), name(b))) || self.cuts.contains_key(&(name(b), name(a)));
        // Whoever is cut off from half of the others is ill; the others only where they are cut off from each other.
        let is_lone = |a: &u64| members.iter().filter(|b| *b != a && cut(*a, **b)).count() * 2 >= members.len();
        let lone: BTreeSet<u64> = members.iter().copied().filter(is_lone).collect();
        let is_apart = |a: u64| lone.contains(&a) || members.iter().any(|b| *b != a && !lone.contains(b) && cut(a, *b));
        let apart: BTreeSet<u64> = members.iter().copied().filter(|node| is_apart(*node)).collect();
        let mut serving = 0;
        for node in self.nodes.values_mut() {
            let runs = node.process.lives() && !node.process.stands() && !apart.contains(&node.id);
            serving += usize::from(runs);
            let well = runs && node.meant == Meant::Up && !node.stopping && node.slot.inside().groups.is_some();
            if !well {
                node.disturbed_ms = node.disturbed_ms.max(now);
            }
        }
        let without_quorum = serving * 2 <= members.len() && now >= self.world.settle_ms;
        if without_quorum && !self.without_quorum {
            self.trace.mark("no quorum");
        }
        self.without_quorum = without_quorum;
        let well: BTreeSet<u64> = self
            .nodes
            .values()
            .filter(|node| now >= node.disturbed_ms.max(self.disturbed_ms) + STEADY_AFTER_MS)
            .map(|node| node.id)
            .collect();
        let enough = well.iter().next().and_then(|id| self.nodes.get(id)).is_some_and(|node| {
            let groups = node.slot.inside().groups.clone();
            groups.is_some_and(|groups| {
                groups.iter().all(|group| {
                    let voters = group.status().voters;
                    let there = voters.iter().filter(|voter| well.contains(&voter.0)).count();
                    there * 2 > voters.len()
                })
            })
        });
        if !enough {
            return;
        }
        if serving < members.len() {
            self.trace.mark("steady while a node was away");
        }
        match self.steady.last_mut() {
            Some(last) if last.to_ms + 40 >= now && last.well == well => last.to_ms = now,
            _ => self.steady.push(Steady { from_ms: now, to_ms: now, well }),
        }
    }

    /// Whether the run is over: after the last fault all was well for a while, the clients have gone home, and what they left is
    /// done.
    pub(super) fn is_over(&mut self, now: u64) -> bool {
        if let Some(closed) = self.closed_ms {
            return now >= closed + QUIET_MS;
        }
        let pending = !self.faults.is_empty() || !self.heals.is_empty() || self.orders.busy();
        let steady = self.steady.last().filter(|span| span.to_ms + 40 >= now);
        let healthy = steady.is_some_and(|span| span.to_ms - span.from_ms >= WELL_MS);
        let all_well = self.nodes.values().all(|node| match node.meant {
            Meant::Up => now >= node.disturbed_ms + STEADY_AFTER_MS,
            Meant::Removed => true,
            Meant::DownUntil(_) | Meant::Damaged => false,
        });
        if !pending && healthy && all_well && now >= self.disturbed_ms + STEADY_AFTER_MS {
            self.closed_ms = Some(now);
            self.office.closing.store(true, Ordering::Relaxed);
        }
        false
    }
}
