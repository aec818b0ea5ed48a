//! The hand-over of an island's two spools: every answer that left is in the audit log, once and in order, whatever one
//! device or the connection does; and what two devices do together is never silent (promises NoUnauditedAnswer and
//! Available; DESIGN.md, Reads; SECURITY.md 3.7; decision 15).
//!
//! Runs the functions of `model::island`. The port writes an event to both devices, one after the other, and then lets
//! its answer leave; it may crash between any two steps. Entries are delivered one by one, each at any time, any number
//! of times or never, so every cut of every batch and every broken connection is among that. What the log has it has
//! for good, so an old answer of it is as good as a new one, and either device forgets by itself.
//!
//! Bounds: 4 events, any number of crashes, one device lost and replaced (both, in the second run, which has 3 events);
//! in the third run 3 events, and once both devices lose their newest entries or the same older one. Explored to the
//! end.

use std::collections::BTreeSet;

use model::ids::NodeId;
use model::island::{Place, ReadChain, Spool, SpoolEntry, Start, Taken, is_after_gap, is_durable, merged, start, take};
use stateright::{Model, Property};

use crate::support::{fails, holds};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mistake {
    /// The answer leaves when one device has its event.
    ReleasesAfterOne,
    /// After a crash the port goes on from the device that has less.
    GoesOnFromShorter,
    /// What one device alone holds is delivered before the other one has it.
    DeliversBeforeComplete,
    /// The log takes an entry whatever comes before it.
    TakesOutOfOrder,
    /// The log takes nothing after a gap, and nobody says that there is one.
    NoWordOfGaps,
}

#[derive(Debug, Clone, Copy)]
struct HandOver {
    events: u8,
    losses: u8,
    /// How often both devices are harmed alike.
    harms: u8,
    mistake: Option<Mistake>,
}

const ONE_LOST: HandOver = HandOver { events: 4, losses: 1, harms: 0, mistake: None };
const BOTH_LOST: HandOver = HandOver { events: 3, losses: 2, harms: 0, mistake: None };
const HARMED: HandOver = HandOver { events: 3, losses: 0, harms: 1, mistake: None };

/// What the audit group has of the node's chain.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Log {
    tip: Place,
    /// Leaves, in their order.
    leaves: Vec<Place>,
    lost: BTreeSet<Place>,
    incidents: BTreeSet<(Taken, Place)>,
}

impl ReadChain for Log {
    fn tip(&self) -> Place {
        self.tip
    }
    fn has(&self, place: Place) -> bool {
        place == Place::begin(NODE) || self.leaves.contains(&place)
    }
    fn lacks(&self, place: Place) -> bool {
        self.lost.contains(&place)
    }
}

impl Log {
    fn take(&mut self, entry: &SpoolEntry, gap_declared: bool, mistake: Option<Mistake>) -> Taken {
        let taken = match take(self, entry, gap_declared) {
            Taken::Missing if mistake == Some(Mistake::TakesOutOfOrder) => Taken::InOrder,
            taken => taken,
        };
        if taken == Taken::AfterGap {
            self.lost.insert(entry.before);
        }
        if taken.is_incident() {
            self.incidents.insert((taken, entry.place()));
        }
        if taken.is_new() {
            self.lost.remove(&entry.place());
            self.leaves.push(entry.place());
            if taken != Taken::FillsGap {
                self.tip = entry.place();
            }
        }
        taken
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    spools: [Option<Spool>; 2],
    /// An event that is being written, and how many there were.
    writing: Option<SpoolEntry>,
    events: u8,
    /// Places of answers that left.
    released: BTreeSet<Place>,
    /// Entries that were sent, and whether as the first after a gap.
    sent: BTreeSet<(SpoolEntry, bool)>,
    log: Log,
    losses: u8,
    harms: u8,
    again: bool,
    completed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Action {
    Ask,
    Write(usize),
    Release,
    Crash,
    Complete,
    Lose(usize),
    /// A new device begins as a copy of the other one.
    Replace(usize),
    /// Two new devices begin where the log says that the chain ends.
    ReplaceBoth,
    Send(SpoolEntry),
    /// The port hears that an entry has something missing before it, and says that it does not have that either.
    DeclareGap(SpoolEntry),
    Arrive(SpoolEntry, bool),
    Forget(usize),
    /// Both devices are set back: their newest entries are gone.
    SetBack(usize),
    /// The same entry of both devices cannot be read any more.
    Rot(usize),
}

const NODE: NodeId = NodeId(1);

impl State {
    fn held(&self) -> [Option<&Spool>; 2] {
        [self.spools[0].as_ref(), self.spools[1].as_ref()]
    }

    /// Where the port writes its next event, if it may.
    fn tail(&self, mistake: Option<Mistake>) -> Option<Place> {
        match (start(self.held()), mistake, &self.spools) {
            (Start::Ready(tail), ..) => Some(tail),
            (Start::Complete { .. }, Some(Mistake::GoesOnFromShorter), [Some(first), Some(second)]) => {
                Some(first.tail().min(second.tail()))
            }
            _ => None,
        }
    }

    /// The entries that may be sent.
    fn may_send(&self, mistake: Option<Mistake>) -> Vec<SpoolEntry> {
        let waits = matches!(start(self.held()), Start::Complete { .. });
        let careless = matches!(mistake, Some(Mistake::DeliversBeforeComplete | Mistake::GoesOnFromShorter));
        if waits && !careless { Vec::new() } else { merged(self.held()) }
    }

    fn complete(&mut self) -> bool {
        let Start::Complete { spool, entries } = start(self.held()) else { return false };
        let Some(shorter) = &mut self.spools[spool] else { return false };
        shorter.entries.extend(entries);
        shorter.entries.sort();
        true
    }

    /// Whether everything that is held can be handed over once nothing fails any more.
    fn heals(&self, mistake: Option<Mistake>) -> bool {
        let mut state = self.clone();
        while state.complete() {}
        let entries = state.may_send(mistake);
        for entry in &entries {
            if state.log.take(entry, false, mistake) == Taken::Missing
                && mistake != Some(Mistake::NoWordOfGaps)
                && is_after_gap(entry, state.held())
            {
                state.log.take(entry, true, mistake);
            }
        }
        entries.iter().all(|entry| state.log.has(entry.place()))
    }
}

impl Model for HandOver {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let begin = Place::begin(NODE);
        let log = Log { tip: begin, leaves: Vec::new(), lost: BTreeSet::new(), incidents: BTreeSet::new() };
        vec![State {
            spools: [Some(Spool::at(begin)), Some(Spool::at(begin))],
            writing: None,
            events: 0,
            released: BTreeSet::new(),
            sent: BTreeSet::new(),
            log,
            losses: 0,
            harms: 0,
            again: false,
            completed: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        match &state.writing {
            None if state.events < self.events && state.tail(self.mistake).is_some() => actions.push(Action::Ask),
            None => {}
            Some(entry) => {
                let lacks = |number: &usize| !state.spools[*number].as_ref().is_some_and(|s| s.holds(entry.place()));
                actions.extend((0..2).filter(lacks).map(Action::Write));
                actions.push(Action::Release);
                actions.push(Action::Crash);
            }
        }
        if state.writing.is_none() && matches!(start(state.held()), Start::Complete { .. }) {
            actions.push(Action::Complete);
        }
        for number in 0..2 {
            match (&state.spools[number], &state.spools[1 - number]) {
                (Some(spool), _) => {
                    actions.extend((state.losses < self.losses).then_some(Action::Lose(number)));
                    let forgets = spool.entries.first().is_some_and(|entry| state.log.has(entry.place()));
                    actions.extend(forgets.then_some(Action::Forget(number)));
                }
                (None, Some(_)) => actions.push(Action::Replace(number)),
                (None, None) if number == 0 => actions.push(Action::ReplaceBoth),
                (None, None) => {}
            }
        }
        if state.writing.is_none() {
            let sent = |entry: &SpoolEntry| state.sent.contains(&(*entry, false));
            actions.extend(state.may_send(self.mistake).into_iter().filter(|entry| !sent(entry)).map(Action::Send));
        }
        for (entry, declared) in &state.sent {
            actions.push(Action::Arrive(*entry, *declared));
            let missing = !declared && take(&state.log, entry, false) == Taken::Missing;
            if missing && self.mistake != Some(Mistake::NoWordOfGaps) && is_after_gap(entry, state.held()) {
                actions.push(Action::DeclareGap(*entry));
            }
        }
        if state.harms < self.harms && state.spools.iter().all(Option::is_some) {
            let length = state.spools.iter().flatten().map(|spool| spool.entries.len()).max().unwrap_or(0);
            actions.extend((0..length).map(Action::SetBack));
            actions.extend((0..length).map(Action::Rot));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Ask => {
                state.events += 1;
                let before = state.tail(self.mistake)?;
                state.writing = Some(SpoolEntry { before, event: [state.events; 32] });
            }
            Action::Write(number) => {
                let entry = state.writing?;
                state.spools[number].as_mut()?.entries.push(entry);
            }
            Action::Release => {
                let place = state.writing?.place();
                let held = state.held();
                let one = self.mistake == Some(Mistake::ReleasesAfterOne)
                    && held.iter().flatten().any(|spool| spool.holds(place));
                if !is_durable(place, held) && !one {
                    return None;
                }
                state.released.insert(place);
                state.writing = None;
            }
            Action::Crash => state.writing = None,
            Action::Complete => state.completed = state.complete(),
            Action::Lose(number) => {
                // What was being written is not answered any more.
                (state.spools[number], state.writing) = (None, None);
                state.losses += 1;
            }
            Action::Replace(number) => state.spools[number] = state.spools[1 - number].clone(),
            Action::ReplaceBoth => {
                let base = state.log.tip;
                state.spools = [Some(Spool::at(base)), Some(Spool::at(base))];
            }
            Action::Send(entry) => drop(state.sent.insert((entry, false))),
            Action::DeclareGap(entry) => {
                if !state.sent.insert((entry, true)) {
                    return None;
                }
            }
            Action::Arrive(entry, declared) => {
                let taken = state.log.take(&entry, declared, self.mistake);
                state.again |= taken == Taken::Again;
            }
            Action::Forget(number) => {
                let log = state.log.clone();
                state.spools[number].as_mut()?.forget(|place| log.has(place));
            }
            Action::SetBack(length) => {
                state.harms += 1;
                state.writing = None;
                state.spools.iter_mut().flatten().for_each(|spool| spool.entries.truncate(length));
            }
            Action::Rot(at) => {
                state.harms += 1;
                let place = state.spools[0].as_ref()?.entries.get(at)?.place();
                state.spools.iter_mut().flatten().for_each(|spool| spool.entries.retain(|e| e.place() != place));
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(ONCE, |_, state: &State| {
                state.log.leaves.iter().collect::<BTreeSet<_>>().len() == state.log.leaves.len()
            }),
            Property::always(IN_ORDER, |_, State { log, .. }: &State| {
                let sequences = log.leaves.iter().map(|place| place.sequence);
                !log.incidents.is_empty() || sequences.eq(1..=log.leaves.len() as u64)
            }),
            Property::always(KEPT, |_, state: &State| {
                let there =
                    |place: &Place| state.log.has(*place) || state.held().iter().flatten().any(|s| s.holds(*place));
                state.losses == 2 || state.harms > 0 || state.released.iter().all(there)
            }),
            Property::always(NO_FALSE_ALARM, |_, state: &State| {
                state.losses == 2 || state.harms > 0 || state.log.incidents.is_empty()
            }),
            Property::always(NOT_SILENT, |_, State { log, .. }: &State| {
                let sequences: BTreeSet<u64> = log.leaves.iter().map(|place| place.sequence).collect();
                let whole =
                    sequences.len() == log.leaves.len() && sequences.iter().copied().eq(1..=sequences.len() as u64);
                whole || !log.incidents.is_empty()
            }),
            Property::always(HEALS, |model: &HandOver, state: &State| state.heals(model.mistake)),
            Property::sometimes("an entry comes again", |_, state: &State| state.again),
            Property::sometimes(
                "a device is completed and everything is handed over and forgotten",
                |model: &HandOver, state: &State| {
                    let forgotten = state.spools.iter().flatten().all(|spool| spool.entries.is_empty());
                    state.completed && forgotten && state.log.leaves.len() == usize::from(model.events)
                },
            ),
        ];
        if self.losses == 1 {
            properties.push(Property::sometimes(
                "a device is lost and nothing else is",
                |model: &HandOver, state: &State| {
                    let all = state.released.len() == usize::from(model.events);
                    state.losses == 1 && all && state.log.leaves.len() == usize::from(model.events)
                },
            ));
        }
        if self.harms > 0 {
            properties.extend([
                Property::sometimes("a gap is declared", |_, state: &State| incident(state, Taken::AfterGap)),
                Property::sometimes("what was declared lost comes late", |_, state: &State| {
                    incident(state, Taken::AfterGap) && state.log.lost.is_empty()
                }),
                Property::sometimes("a fork is seen", |_, state: &State| incident(state, Taken::Forked)),
                Property::sometimes("only a receipt tells of an answer", |_, state: &State| {
                    let untold = |place: &Place| !state.log.has(*place) && !state.log.lacks(*place);
                    state.log.incidents.is_empty() && state.events == 3 && state.released.iter().any(untold)
                }),
            ]);
        }
        properties
    }
}

fn incident(state: &State, what: Taken) -> bool {
    state.log.incidents.iter().any(|(taken, _)| *taken == what)
}

const ONCE: &str = "an entry is one leaf";
const IN_ORDER: &str = "without an incident the leaves are the chain, in order";
const KEPT: &str = "while one device is whole, what was released is in the log or in a spool";
const NO_FALSE_ALARM: &str = "while one device is whole, there is no incident";
const NOT_SILENT: &str = "a sequence that comes twice or is left out is an incident";
const HEALS: &str = "once nothing fails any more, everything that is held is handed over";

fn with(bounds: HandOver, mistake: Mistake) -> impl Fn() -> HandOver {
    move || HandOver { mistake: Some(mistake), ..bounds }
}

#[test]
fn every_answer_of_an_island_is_handed_over_once_and_in_order() {
    holds("island, one device lost", ONE_LOST);
}

#[test]
fn what_two_devices_lose_is_not_silent() {
    holds("island, both devices lost", BOTH_LOST);
    holds("island, both devices harmed", HARMED);
}

#[test]
fn releasing_after_one_device_is_found_out() {
    fails("island, released after one device", with(ONE_LOST, Mistake::ReleasesAfterOne), KEPT);
}

#[test]
fn going_on_from_the_shorter_spool_is_found_out() {
    fails("island, goes on from the shorter spool", with(ONE_LOST, Mistake::GoesOnFromShorter), NO_FALSE_ALARM);
}

#[test]
fn delivering_what_one_device_alone_holds_is_found_out() {
    fails("island, delivers before completing", with(ONE_LOST, Mistake::DeliversBeforeComplete), NO_FALSE_ALARM);
}

#[test]
fn taking_entries_out_of_order_is_found_out() {
    fails("island, taken out of order", with(ONE_LOST, Mistake::TakesOutOfOrder), IN_ORDER);
}

#[test]
fn a_gap_that_nobody_declares_is_found_out() {
    fails("island, no word of gaps", with(HARMED, Mistake::NoWordOfGaps), HEALS);
}
