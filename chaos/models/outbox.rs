//! Delivery of an outbox: each message takes effect once, in the order of its lane, and is not forgotten before
//! (DESIGN.md, Groups; promise Durable of events).
//!
//! Runs `model::decide` for `CreateRecord` (posts), `Deliver` and `Acknowledge`; a round is what `raft/src/outbox.rs`
//! does. A records group has two replicas of which either may believe that it leads and deliver, one of them as far
//! behind as it likes: that is every change of leaders and every crash, since what a replica has applied is a prefix of
//! the log.
//!
//! Bounds: 3 messages, of one lane and of two, and rounds of at most 2; each delivery and each answer arrives at any
//! time, any number of times or never, and the replica that lags does so without bound. Explored to the end, whatever
//! the depth.

use std::collections::{BTreeMap, BTreeSet};

use model::command::Outcome;
use model::envelope::Envelope;
use model::ids::{GroupId, RecordId, SlotId};
use model::outbox::{Lane, Posted};
use model::slots::SlotMap;
use stateright::{Model, Property};

use crate::support::{AUDIT, BEGIN, Group, Held, Recorded, acknowledge, asked, create, deliver, fails, holds, request};

/// Messages that one round delivers.
const ROUND_MAX: usize = 2;
/// Slots of the writes, in the order in which those of a slot are written.
const ONE_LANE: [u16; 3] = [0, 0, 0];
const TWO_LANES: [u16; 3] = [0, 0, 1];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mistake {
    /// A replica that was restored from a snapshot has no cursors.
    SnapshotWithoutCursors,
    /// The sender forgets what it sent, not what the receiver said that it has.
    ForgetsOnceSent,
    /// A round takes the newest messages.
    NewestFirst,
}

struct Delivery {
    slots: [u16; 3],
    writes: Vec<Envelope>,
    mistake: Option<Mistake>,
}

impl Delivery {
    fn new(slots: [u16; 3], mistake: Option<Mistake>) -> Self {
        let write = |(number, slot): (usize, &u16)| {
            let request = request(SlotId(*slot), number as u8, BEGIN);
            asked(request, create(request, number as u8), BEGIN)
        };
        Self { slots, writes: slots.iter().enumerate().map(write).collect(), mistake }
    }
}

/// An entry of the source's log.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Entry {
    Write(usize),
    Acknowledge(Cursors),
}

type Cursors = Vec<(Lane, u64)>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    source: Group,
    /// A replica of the source that lags, and the entries that it lacks.
    behind: Group,
    lacking: Vec<Entry>,
    audit: Group,
    /// Every message that was ever posted.
    posted: BTreeMap<(Lane, u64), Held<Posted>>,
    /// Deliveries that were sent, and cursors that the receiver told.
    sent: BTreeSet<Cursors>,
    told: BTreeSet<Cursors>,
    /// Whether a delivery brought nothing new, and whether a replica that lags sent what was forgotten already.
    again: bool,
    late: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Action {
    Write(usize),
    /// The replica that lags applies one entry.
    CatchUp,
    /// Whoever believes that it leads begins a round.
    Round {
        behind: bool,
    },
    Arrive(Cursors),
    Acknowledge(Cursors),
    /// The audit group goes on with a replica that was restored from a snapshot.
    Restore,
}

/// The messages that a round of a replica takes.
fn round(replica: &Group, mistake: Option<Mistake>) -> Cursors {
    let all = replica.outbox.keys().copied();
    match mistake {
        Some(Mistake::NewestFirst) => {
            let mut newest: Cursors = all.rev().take(ROUND_MAX).collect();
            newest.reverse();
            newest
        }
        _ => all.take(ROUND_MAX).collect(),
    }
}

impl State {
    fn envelope_of(&self, entry: &Entry, writes: &[Envelope]) -> Envelope {
        match entry {
            Entry::Write(number) => writes[*number].clone(),
            Entry::Acknowledge(lanes) => acknowledge(lanes.clone()),
        }
    }

    fn messages(&self, delivery: &Cursors) -> Vec<Posted> {
        delivery.iter().map(|key| (*self.posted[key]).clone()).collect()
    }

    /// Proposes to the source; what changes nothing is no entry worth keeping.
    fn propose(&mut self, entry: Entry, writes: &[Envelope]) -> bool {
        let before = self.source.clone();
        self.source.apply(&self.envelope_of(&entry, writes));
        if self.source == before {
            return false;
        }
        self.posted.extend(self.source.outbox.iter().map(|(key, posted)| (*key, posted.clone())));
        self.lacking.push(entry);
        true
    }

    fn written(&self, number: usize, writes: &[Envelope]) -> bool {
        self.source.version(RecordId::of_request(writes[number].request)) > 0
    }

    /// The leaves of each lane, as sequences; None for a leaf that no message became.
    fn taken(&self) -> Option<BTreeMap<Lane, Vec<u64>>> {
        let places: BTreeMap<Recorded, (Lane, u64)> = self
            .posted
            .iter()
            .map(|(key, posted)| {
                let model::outbox::Message::Audit(event) = &posted.message else { unreachable!("no directory") };
                (Recorded::of(&event.header), *key)
            })
            .collect();
        let mut lanes: BTreeMap<Lane, Vec<u64>> = BTreeMap::new();
        for leaf in &self.audit.leaves {
            let (lane, sequence) = places.get(leaf)?;
            lanes.entry(*lane).or_default().push(*sequence);
        }
        Some(lanes)
    }

    /// Whether everything arrives once nothing fails any more: rounds of the leader, one after the other.
    fn heals(&self, mistake: Option<Mistake>) -> bool {
        let mut state = self.clone();
        for _ in 0..=self.posted.len() {
            let delivery = round(&state.source, mistake);
            if delivery.is_empty() {
                break;
            }
            let Outcome::Delivered(cursors) = state.audit.apply(&deliver(state.messages(&delivery))) else {
                return false;
            };
            state.source.apply(&acknowledge(cursors));
        }
        state.source.outbox.is_empty() && state.audit.leaves.len() == state.posted.len()
    }
}

impl Model for Delivery {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let source = Group::new(GroupId::Records(0), Some(SlotMap::even(1)));
        let (sent, told) = (BTreeSet::new(), BTreeSet::new());
        vec![State {
            behind: source.clone(),
            source,
            lacking: Vec::new(),
            audit: Group::new(AUDIT, None),
            posted: BTreeMap::new(),
            sent,
            told,
            again: false,
            late: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for number in 0..self.writes.len() {
            // The writes of a slot in one order: another one gives the same states under other names.
            let waits = |before| self.slots[before] == self.slots[number] && !state.written(before, &self.writes);
            if !(0..number).any(waits) && !state.written(number, &self.writes) {
                actions.push(Action::Write(number));
            }
        }
        if !state.lacking.is_empty() {
            actions.push(Action::CatchUp);
        }
        actions.push(Action::Round { behind: false });
        actions.push(Action::Round { behind: true });
        actions.extend(state.sent.iter().cloned().map(Action::Arrive));
        actions.extend(state.told.iter().cloned().map(Action::Acknowledge));
        actions.push(Action::Restore);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Write(number) => state.propose(Entry::Write(number), &self.writes).then_some(())?,
            Action::CatchUp => {
                let entry = state.lacking.remove(0);
                let envelope = state.envelope_of(&entry, &self.writes);
                state.behind.apply(&envelope);
            }
            Action::Round { behind } => {
                let delivery = round(if behind { &state.behind } else { &state.source }, self.mistake);
                if delivery.is_empty() {
                    return None;
                }
                state.late |= delivery.iter().any(|key| !state.source.outbox.contains_key(key));
                if self.mistake == Some(Mistake::ForgetsOnceSent) {
                    state.told.insert(delivery.clone());
                }
                state.sent.insert(delivery);
            }
            Action::Arrive(delivery) => {
                let leaves = state.audit.leaves.len();
                let outcome = state.audit.apply(&deliver(state.messages(&delivery)));
                let Outcome::Delivered(cursors) = outcome else { unreachable!("{outcome:?}") };
                state.again |= state.audit.leaves.len() == leaves;
                state.told.insert(cursors);
            }
            Action::Acknowledge(cursors) => {
                state.propose(Entry::Acknowledge(cursors), &self.writes).then_some(())?;
            }
            Action::Restore => match self.mistake {
                Some(Mistake::SnapshotWithoutCursors) => {
                    state.audit = state.audit.changed(|stock| stock.cursors.clear());
                }
                _ => return None,
            },
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONCE_IN_ORDER, |_, state: &State| {
                let Some(lanes) = state.taken() else { return false };
                lanes.values().all(|taken| taken.iter().copied().eq(1..=taken.len() as u64))
            }),
            Property::always(NOT_FORGOTTEN, |_, state: &State| {
                let Some(lanes) = state.taken() else { return false };
                let there = |(lane, sequence): &(Lane, u64)| lanes.get(lane).is_some_and(|all| all.contains(sequence));
                state.posted.keys().all(|key| there(key) || state.source.outbox.contains_key(key))
            }),
            Property::always(HEALS, |model: &Delivery, state: &State| state.heals(model.mistake)),
            Property::sometimes("a delivery brings nothing new", |_, state: &State| state.again),
            Property::sometimes("a replica that lags sends what is forgotten", |_, state: &State| state.late),
            Property::sometimes("everything is there and forgotten", |model: &Delivery, state: &State| {
                state.audit.leaves.len() == model.writes.len() && state.source.outbox.is_empty()
            }),
        ]
    }
}

const ONCE_IN_ORDER: &str = "each message is one leaf, in the order of its lane";
const NOT_FORGOTTEN: &str = "what is not there yet is still in the outbox";
const HEALS: &str = "once nothing fails any more, everything arrives";

#[test]
fn messages_take_effect_once_in_order_and_are_not_forgotten_before() {
    holds("outbox, one lane", Delivery::new(ONE_LANE, None));
    holds("outbox, two lanes", Delivery::new(TWO_LANES, None));
}

#[test]
fn a_snapshot_without_cursors_is_found_out() {
    let mistake = Some(Mistake::SnapshotWithoutCursors);
    fails("outbox, snapshot without cursors", || Delivery::new(TWO_LANES, mistake), ONCE_IN_ORDER);
}

#[test]
fn forgetting_what_was_only_sent_is_found_out() {
    fails("outbox, forgets once sent", || Delivery::new(TWO_LANES, Some(Mistake::ForgetsOnceSent)), NOT_FORGOTTEN);
}

#[test]
fn sending_the_newest_first_is_found_out() {
    fails("outbox, newest first", || Delivery::new(ONE_LANE, Some(Mistake::NewestFirst)), HEALS);
}
