//! Log, state, snapshot and purge of a group's replicas over crashes: no entry is purged above what the state has
//! durably, what was acknowledged is never lost, and a replica that was restored from another's snapshot is what the
//! log says (promises Durable, SameAnswer; DESIGN.md, Storage; decision 5).
//!
//! The order of steps is that of `raft/src/machine/mod.rs`, `raft/src/log_store.rs` and the engines: appends and purges
//! of the log are durable in their order, at the latest with the next sync; the state has no log of its own and may be
//! flushed at any time, whole; a checkpoint is taken of a flushed state, then named in a small file, and only then the
//! log is purged, with or without a tail; a received snapshot replaces the state in one step, after its own checkpoints
//! were dropped, and only then the log below it is purged. A crash takes what is not durable and any part of the rest.
//! What openraft does at a start (fill a hole between log and state by a purge, take a snapshot where there is none) is
//! done here too. Entries are real: `model::decide` for writes with retries, deliveries that come twice, and
//! acknowledgements.
//!
//! Bounds: one replica with all its layers and 2 crashes; once as the leader, which commits what it has synced, once as
//! a follower, which gets entries and snapshots from a leader that may purge at any time; of a records group with a log
//! of 4 entries and of an audit group with one of 3. Explored to the end.

use std::collections::BTreeMap;

use model::envelope::Envelope;
use model::ids::{GroupId, RecordId, SlotId};
use model::outbox::{Destination, Lane, Message, Posted};
use model::slots::SlotMap;
use stateright::{Model, Property};

use crate::support::{AUDIT, BEGIN, Group, acknowledge, asked, create, deliver, event, fails, holds, request, update};

const CRASHES_MAX: u8 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mistake {
    /// The log is purged up to what is applied, snapshot or not.
    PurgesWhatIsApplied,
    /// A checkpoint is taken while the state's newest writes are in memory alone.
    CheckpointWithoutFlush,
    /// What is received is purged from the log before it is the state.
    PurgesBeforeInstall,
    /// Cursors and request ids are no part of a snapshot.
    SnapshotWithoutMemory,
}

struct Storage {
    follows: bool,
    entries: Vec<Envelope>,
    /// The state after each number of entries.
    states: Vec<Group>,
    mistake: Option<Mistake>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum LogOp {
    Append(u64),
    Purge(u64),
}

/// Which entries a log holds: above `purged`, up to `last`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Range {
    purged: u64,
    last: u64,
}

impl Range {
    fn after(self, ops: &[LogOp]) -> Self {
        ops.iter().fold(self, |range, op| match *op {
            LogOp::Append(index) => Self { last: index, ..range },
            LogOp::Purge(upto) => Self { purged: range.purged.max(upto), last: range.last.max(upto) },
        })
    }
}

/// A state at a log position.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct At {
    index: u64,
    group: Group,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Replica {
    /// What of the log survives a crash, and what was written after it.
    log: Range,
    unsynced: Vec<LogOp>,
    /// The state that is read, and the one that survives a crash.
    seen: At,
    flushed: At,
    checkpoints: BTreeMap<u64, Group>,
    /// The checkpoint that the small file names.
    named: Option<u64>,
    /// A checkpoint that was taken and is not named yet.
    taking: Option<u64>,
    /// The newest snapshot, as Raft knows it.
    snapshot: u64,
    /// A snapshot that was received whole, and whether the own checkpoints are dropped already.
    received: Option<(At, bool)>,
    /// The last entry that this replica acknowledged.
    acknowledged: u64,
    installed: bool,
}

impl Replica {
    fn range(&self) -> Range {
        self.log.after(&self.unsynced)
    }

    /// The snapshot that a start finds.
    fn current(&self) -> Option<u64> {
        self.named.filter(|index| self.checkpoints.contains_key(index))
    }

    fn take_checkpoint(&mut self, mistake: Option<Mistake>) {
        if mistake != Some(Mistake::CheckpointWithoutFlush) {
            self.flushed = self.seen.clone();
        }
        self.checkpoints.insert(self.seen.index, self.seen.group.clone());
        self.taking = Some(self.seen.index);
    }

    fn name_checkpoint(&mut self, index: u64) {
        self.taking = None;
        self.named = Some(index);
        self.snapshot = index;
        self.checkpoints.retain(|other, _| *other == index);
    }

    /// A loss of power that leaves some of what was not synced, and the start after it.
    fn crash(&mut self, left: usize, mistake: Option<Mistake>) {
        self.log = self.log.after(&self.unsynced[..left]);
        self.unsynced.clear();
        self.seen = self.flushed.clone();
        self.taking = None;
        // What was received lies in its directory and is asked for again.
        self.received = None;
        if self.log.last < self.seen.index {
            self.unsynced.push(LogOp::Purge(self.seen.index));
        }
        self.snapshot = self.current().unwrap_or(0);
        if self.snapshot == 0 && self.range().purged > 0 {
            self.take_checkpoint(mistake);
            self.name_checkpoint(self.seen.index);
        }
    }
}

/// The leader of a follower, as far as the follower meets it: everything that it has is committed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Leader {
    range: Range,
    snapshot: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    leader: Leader,
    replica: Replica,
    crashes: u8,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Action {
    LeaderAppends,
    /// The leader takes a snapshot and purges up to it, but for so many entries.
    LeaderPurges {
        tail: u64,
    },
    Append,
    Sync,
    Apply,
    Flush,
    TakeCheckpoint,
    NameCheckpoint,
    Purge(u64),
    /// The leader's snapshot is received whole.
    Receive,
    DropCheckpoints,
    Install,
    /// So many of the writes that were not synced survive.
    Crash(usize),
}

impl Storage {
    fn new(follows: bool, group: Group, entries: Vec<Envelope>, mistake: Option<Mistake>) -> Self {
        let mut states = vec![group];
        for entry in &entries {
            let mut next = states.last().expect("at least one").clone();
            next.apply(entry);
            states.push(next);
        }
        Self { follows, entries, states, mistake }
    }

    /// A create, its retry, a change and an acknowledgement.
    fn records(follows: bool, mistake: Option<Mistake>) -> Self {
        let (first, second) = (request(SlotId(0), 0, BEGIN), request(SlotId(0), 1, BEGIN));
        let lane = Lane { from: SlotId(0), to: Destination::Group(AUDIT) };
        let entries = vec![
            asked(first, create(first, 0), BEGIN),
            asked(first, create(first, 0), BEGIN),
            asked(second, update(second, RecordId::of_request(first), 1, 1), BEGIN),
            acknowledge(vec![(lane, 1)]),
        ];
        Self::new(follows, Group::new(GroupId::Records(0), Some(SlotMap::even(1))), entries, mistake)
    }

    /// Deliveries of which one comes again, and one half.
    fn audit(follows: bool, mistake: Option<Mistake>) -> Self {
        let lane = Lane { from: SlotId(0), to: Destination::Group(AUDIT) };
        let message = |sequence: u64| {
            let request = request(SlotId(0), sequence as u8, BEGIN);
            let message = Message::Audit(event(request, model::audit::event::EventKind::Create));
            Posted { lane, sequence, message }
        };
        let entries = [[1, 2], [1, 2], [2, 3]].map(|pair| deliver(pair.map(message).to_vec()));
        Self::new(follows, Group::new(AUDIT, None), entries.to_vec(), mistake)
    }

    fn committed(&self, state: &State) -> u64 {
        if self.follows { state.leader.range.last } else { state.replica.acknowledged }
    }

    /// What a snapshot carries to another replica.
    fn sent(&self, snapshot: At) -> At {
        if self.mistake != Some(Mistake::SnapshotWithoutMemory) {
            return snapshot;
        }
        let group = snapshot.group.changed(|stock| {
            stock.cursors.clear();
            stock.requests.clear();
        });
        At { group, ..snapshot }
    }
}

impl Model for Storage {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let empty = At { index: 0, group: self.states[0].clone() };
        let replica = Replica {
            log: Range::default(),
            unsynced: Vec::new(),
            seen: empty.clone(),
            flushed: empty,
            checkpoints: BTreeMap::new(),
            named: None,
            taking: None,
            snapshot: 0,
            received: None,
            acknowledged: 0,
            installed: false,
        };
        vec![State { leader: Leader::default(), replica, crashes: 0 }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let State { leader, replica, crashes } = state;
        let (all, range) = (self.entries.len() as u64, replica.range());
        if self.follows {
            actions.extend((leader.range.last < all).then_some(Action::LeaderAppends));
            for tail in [0, 1] {
                let upto = leader.range.last.saturating_sub(tail);
                actions.extend((upto > leader.range.purged).then_some(Action::LeaderPurges { tail }));
            }
        }
        if replica.received.is_none() {
            // After an install Raft appends to what the state is, not to what the log was.
            let whole = range.last >= replica.seen.index;
            let fed = !self.follows || (range.last < leader.range.last && range.last >= leader.range.purged);
            actions.extend((range.last < all && whole && fed).then_some(Action::Append));
            let may_apply = replica.seen.index < self.committed(state).min(range.last);
            actions.extend(may_apply.then_some(Action::Apply));
            let may_take = replica.seen.index > replica.snapshot && replica.taking.is_none();
            actions.extend(may_take.then_some(Action::TakeCheckpoint));
            let may_receive = replica.taking.is_none() && leader.snapshot > replica.seen.index;
            actions.extend(may_receive.then_some(Action::Receive));
        }
        actions.extend((!replica.unsynced.is_empty()).then_some(Action::Sync));
        actions.extend((replica.flushed != replica.seen).then_some(Action::Flush));
        actions.extend(replica.taking.map(|_| Action::NameCheckpoint));
        let upto = match (self.mistake, &replica.received) {
            (Some(Mistake::PurgesWhatIsApplied), _) => replica.seen.index,
            (Some(Mistake::PurgesBeforeInstall), Some((received, _))) => received.index,
            _ => replica.snapshot,
        };
        let uptos = [upto.saturating_sub(1), upto].into_iter().filter(|upto| *upto > range.purged);
        actions.extend(uptos.map(Action::Purge));
        actions.extend(match replica.received {
            Some((_, false)) => Some(Action::DropCheckpoints),
            Some((_, true)) => Some(Action::Install),
            None => None,
        });
        if *crashes < CRASHES_MAX {
            actions.extend((0..=replica.unsynced.len()).map(Action::Crash));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let replica = &mut state.replica;
        match action {
            Action::LeaderAppends => state.leader.range.last += 1,
            Action::LeaderPurges { tail } => {
                state.leader.snapshot = state.leader.range.last;
                state.leader.range.purged = state.leader.range.last - tail;
            }
            Action::Append => {
                let next = replica.range().last + 1;
                replica.unsynced.push(LogOp::Append(next));
            }
            Action::Sync => {
                replica.log = replica.range();
                replica.unsynced.clear();
                replica.acknowledged = replica.acknowledged.max(replica.log.last);
            }
            Action::Apply => {
                replica.seen.group.apply(&self.entries[replica.seen.index as usize]);
                replica.seen.index += 1;
            }
            Action::Flush => replica.flushed = replica.seen.clone(),
            Action::TakeCheckpoint => replica.take_checkpoint(self.mistake),
            Action::NameCheckpoint => replica.name_checkpoint(replica.taking?),
            Action::Purge(upto) => replica.unsynced.push(LogOp::Purge(upto)),
            Action::Receive => {
                let index = state.leader.snapshot;
                replica.received = Some((self.sent(At { index, group: self.states[index as usize].clone() }), false));
            }
            Action::DropCheckpoints => {
                replica.checkpoints.clear();
                replica.received.as_mut()?.1 = true;
            }
            Action::Install => {
                let (snapshot, _) = replica.received.take()?;
                replica.seen = snapshot.clone();
                replica.flushed = snapshot;
                // A snapshot of its own follows at once; until it is there, nothing is purged.
                replica.snapshot = 0;
                replica.installed = true;
            }
            Action::Crash(left) => {
                state.crashes += 1;
                replica.crash(left, self.mistake);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(NOT_ABOVE, |_, state: &State| state.replica.range().purged <= state.replica.flushed.index),
            Property::always(NOT_LOST, |_, state: &State| {
                let survives = state.replica.log.last.max(state.replica.flushed.index);
                state.replica.acknowledged <= survives
            }),
            Property::always(AS_THE_LOG_SAYS, |model: &Storage, State { replica, .. }: &State| {
                let right = |index: u64, group: &Group| *group == model.states[index as usize];
                right(replica.seen.index, &replica.seen.group)
                    && right(replica.flushed.index, &replica.flushed.group)
                    && replica.checkpoints.iter().all(|(index, group)| right(*index, group))
            }),
            // A start would want to install its own checkpoint, which is no received snapshot.
            Property::always(NOT_AHEAD, |_, State { replica, .. }: &State| {
                replica.current().is_none_or(|snapshot| snapshot <= replica.flushed.index)
            }),
            Property::sometimes("everything is purged and everything is there", |model: &Storage, state: &State| {
                let all = model.entries.len() as u64;
                state.replica.log.purged == all && state.replica.seen.index == all
            }),
            Property::sometimes("a purge is undone by a crash", |_, State { replica, crashes, .. }: &State| {
                *crashes > 0 && replica.unsynced.is_empty() && replica.log.purged + 1 < replica.snapshot
            }),
        ];
        if self.follows {
            let ahead = |_: &Storage, State { replica, crashes, .. }: &State| {
                *crashes > 0 && replica.log.last < replica.flushed.index
            };
            properties.push(Property::sometimes("a state is ahead of its log after a crash", ahead));
            properties.push(Property::sometimes(
                "fed by a snapshot, then by entries, over two crashes",
                |model: &Storage, State { replica, crashes, .. }: &State| {
                    let whole = replica.seen.index == model.entries.len() as u64;
                    whole && replica.installed && replica.snapshot < replica.seen.index && *crashes == CRASHES_MAX
                },
            ));
        }
        properties
    }
}

const NOT_ABOVE: &str = "nothing is purged above what the state has durably";
const NOT_LOST: &str = "what was acknowledged survives a crash at any moment";
const AS_THE_LOG_SAYS: &str = "state and snapshots are what the log says";
const NOT_AHEAD: &str = "no start finds a snapshot ahead of its state";

#[test]
fn no_crash_loses_an_entry_or_makes_a_state_another_one() {
    holds("snapshot and purge, leader of a records group", Storage::records(false, None));
    holds("snapshot and purge, leader of an audit group", Storage::audit(false, None));
    holds("snapshot and purge, follower of a records group", Storage::records(true, None));
    holds("snapshot and purge, follower of an audit group", Storage::audit(true, None));
}

#[test]
fn purging_what_is_only_applied_is_found_out() {
    let mistake = Some(Mistake::PurgesWhatIsApplied);
    fails("snapshot and purge, of what is applied", || Storage::records(false, mistake), NOT_ABOVE);
}

#[test]
fn a_checkpoint_of_an_unflushed_state_is_found_out() {
    let mistake = Some(Mistake::CheckpointWithoutFlush);
    fails("snapshot and purge, without flush", || Storage::audit(false, mistake), NOT_ABOVE);
    fails("snapshot and purge, without flush", || Storage::audit(false, mistake), NOT_AHEAD);
}

#[test]
fn purging_before_the_install_is_found_out() {
    let mistake = Some(Mistake::PurgesBeforeInstall);
    fails("snapshot and purge, before install", || Storage::audit(true, mistake), NOT_ABOVE);
}

#[test]
fn a_snapshot_without_cursors_or_request_ids_is_found_out() {
    let mistake = Some(Mistake::SnapshotWithoutMemory);
    fails("snapshot and purge, without cursors", || Storage::audit(true, mistake), AS_THE_LOG_SAYS);
    fails("snapshot and purge, without request ids", || Storage::records(true, mistake), AS_THE_LOG_SAYS);
}
