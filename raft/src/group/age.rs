//! How old a replica's copy is, and what the others were seen to have.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use model::ids::NodeId;
use model::known_bugs::{KnownBug, planted};
use openraft::Instant as _;
use openraft::ServerState;
use openraft::async_runtime::WatchReceiver;
use proto::peer;
use tokio::time::Instant;

use super::{Group, Inner};
use crate::types::LogId;

/// Messages of a leader that wait until their commit is applied here.
const HEARD_MAX: usize = 256;

/// A group that may be gone.
pub(crate) struct WeakGroup(Weak<Inner>);

impl WeakGroup {
    /// What a message of this leader says of the age of the receiver's copy.
    pub fn freshness(&self, receiver: NodeId) -> Option<peer::Freshness> {
        let group = Group(self.0.upgrade()?);
        // Its own commit, and not the one in openraft's message: that was made earlier, and may know less than the quorum's
        // word that the age is counted from.
        let (confirmed, committed) = group.led()?;
        let before = if planted(KnownBug::UnconfirmedLeaderBelieved) { Instant::now() } else { confirmed };
        let echo = group.0.router.stamps().echo(receiver, before)?;
        Some(peer::Freshness { echo: Some(echo), committed })
    }

    /// Whether the group has members that do not vote.
    pub fn has_learners(&self) -> bool {
        self.0.upgrade().is_some_and(|group| !Group(group).status().learners.is_empty())
    }
}

/// What a leader's messages say of the age of this copy.
#[derive(Default)]
pub(super) struct Heard {
    /// Messages whose commit is not applied here yet: when they were sent at the earliest, and what was committed then.
    waiting: VecDeque<(Instant, u64)>,
    /// When the newest message was sent whose commit is applied here.
    fresh: Option<Instant>,
}

impl Heard {
    /// Until `at` nothing was committed beyond this index.
    fn heard(&mut self, at: Instant, committed: u64, applied: u64) {
        let full = self.waiting.len() >= HEARD_MAX;
        match self.waiting.back_mut() {
            Some(last) if last.1 == committed => last.0 = last.0.max(at),
            // Left out while too many wait, which makes the copy look older than it is and never younger.
            _ if full => {}
            _ => self.waiting.push_back((at, committed)),
        }
        self.take(applied);
    }

    /// When the copy was last known to have everything that was committed.
    fn take(&mut self, applied: u64) -> Option<Instant> {
        while let Some((at, _)) = self.waiting.front().filter(|(_, committed)| *committed <= applied) {
            self.fresh = self.fresh.max(Some(*at));
            self.waiting.pop_front();
        }
        self.fresh
    }
}

impl Group {
    fn applied_now(&self) -> u64 {
        self.0.machine.progress().borrow().applied
    }

    /// A leader's message was taken. After the moment that it gives back a quorum confirmed the leader: a message that waited on
    /// its way, a leader that was deposed without noticing, or one whose clock stood still, makes no copy look fresh.
    pub(crate) fn heard(&self, freshness: &peer::Freshness) {
        let now = Instant::now();
        let mut at = freshness.echo.as_ref().and_then(|echo| self.0.router.stamps().read(echo, now));
        if planted(KnownBug::WaitingMessageLooksFresh) {
            at = Some(now);
        }
        let mut heard = self.0.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if planted(KnownBug::StaleCopyLooksFresh) {
            heard.heard(now, 0, u64::MAX);
            return;
        }
        at.into_iter().for_each(|at| heard.heard(at, freshness.committed, self.applied_now()));
    }

    /// The group, for whom it must not keep alive.
    pub(crate) fn downgrade(&self) -> WeakGroup {
        WeakGroup(Arc::downgrade(&self.0))
    }

    /// Leading: when it sent what a quorum has confirmed, and up to where all lies that was committed until then.
    fn led(&self) -> Option<(Instant, u64)> {
        let metrics = self.0.raft.metrics();
        let metrics = metrics.borrow_watched();
        // A new leader knows all that was committed once an entry of its own is applied. Its term alone does not tell: one
        // term may see two leaders, of which the second takes the place of the first.
        let me = self.0.router.me().0;
        let is_own = |id: &LogId| id.leader_id.term == metrics.current_term && id.leader_id.node_id == me;
        if metrics.state != ServerState::Leader || !metrics.last_applied.as_ref().is_some_and(is_own) {
            return None;
        }
        let alone = metrics.membership_config.membership().voter_ids().count() == 1;
        // The clock is read first, so that what is given back is not later than what openraft noted.
        let now = Instant::now();
        let confirmed = if alone { now } else { now.checked_sub(metrics.last_quorum_acked?.elapsed())? };
        let committed = metrics.cluster_committed.or(metrics.local_committed).map_or(0, |id| id.index);
        Some((confirmed, committed))
    }

    /// How old this replica's copy may be: the time since a leader's word of what was committed, all of which is applied
    /// here; leading, since a quorum's word. None: never since the start. A replica that was removed from its group learns
    /// of it by this alone.
    pub fn staleness(&self) -> Option<Duration> {
        let led = self.led();
        let applied = self.applied_now();
        let mut heard = self.0.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((confirmed, mut committed)) = led {
            // A quorum of the others may have committed what its own disk does not have yet, and what so is not applied here.
            if planted(KnownBug::LeaderAlwaysFresh) {
                committed = 0;
            }
            // Kept: when it leads no more, the copy is as old as it was then, and not unknown until the next leader speaks.
            heard.heard(confirmed, committed, applied);
        }
        heard.take(applied).map(|fresh| fresh.elapsed())
    }

    /// What a member was seen to have of the committed log while this replica led; it must never have less again.
    pub fn acknowledged_by(&self, node: NodeId) -> u64 {
        self.note_acknowledged();
        self.0.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).get(&node).copied().unwrap_or(0)
    }

    pub(crate) fn note_acknowledged(&self) {
        let status = self.status();
        let mut acknowledged = self.0.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        for (node, matched) in &status.matched {
            let known = acknowledged.entry(*node).or_default();
            // What is not committed may lawfully go again.
            *known = (*known).max(*matched.min(&status.committed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_as_old_as_the_last_word_that_it_has_applied() {
        let (mut heard, begun) = (Heard::default(), Instant::now());
        let at = |seconds| begun + Duration::from_secs(seconds);
        assert_eq!(heard.take(100), None, "nothing was ever heard");
        heard.heard(at(1), 10, 4);
        assert_eq!(heard.take(4), None, "a backlog that only begins to arrive makes nothing fresh");
        heard.heard(at(2), 20, 9);
        assert_eq!(heard.take(9), None);
        assert_eq!(heard.take(10), Some(at(1)));
        heard.heard(at(3), 20, 15);
        assert_eq!(heard.take(19), Some(at(1)), "what was committed then is not all applied");
        assert_eq!(heard.take(20), Some(at(3)), "the same commit, heard again later");
        heard.heard(at(2), 20, 20);
        assert_eq!(heard.take(20), Some(at(3)), "an older word takes nothing back");
    }

    #[test]
    fn what_does_not_fit_makes_the_copy_look_older() {
        let (mut heard, begun) = (Heard::default(), Instant::now());
        for number in 0..2 * HEARD_MAX as u64 {
            heard.heard(begun + Duration::from_secs(number), number + 1, 0);
        }
        let last = begun + Duration::from_secs(HEARD_MAX as u64 - 1);
        assert_eq!(heard.take(u64::MAX), Some(last));
    }
}
