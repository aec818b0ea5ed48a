//! The move of a slot between two records groups, with writes, retries, messages and questions all the while: one group
//! at most takes writes, no request takes place twice and none is answered otherwise than before, no message is lost or
//! doubled in effect, no question misses what was acknowledged, and a move that is called off leaves everything as it
//! was (promises Durable, Linearizable, NoMissedLookout; DESIGN.md, Groups; decision 16).
//!
//! Runs `model::slot_move` for what either group may do, and `model::decide` for what it does: `CreateRecord`,
//! `UpdateRecord`, `Deliver` (to the audit group, and in its place to the slot, since an event is the only message
//! there is) and `Acknowledge`. Whoever carries the move may die, repeat and delay each step, also one of a move that
//! is over: every step of every move that was ever begun is tried at any time, on nothing but facts that stay true.
//! Writes and messages may reach either group at any time.
//!
//! Bounds: 2 groups and 2 writes of one record; 2 moves (there again, or there and back) and 1 message; or 1 move, 2 messages
//! and 1 part copied before the slot is frozen; or 2 moves and one question that reads the groups at two moments; or 1 move
//! with log times that differ over the day after which request ids are forgotten. At most 4 events of the slot. Explored to
//! the end.

use std::collections::{BTreeMap, BTreeSet};

use model::audit::event::{EventKind, Verdict};
use model::audit::merkle;
use model::command::Outcome;
use model::envelope::Envelope;
use model::error::RefusalCode;
use model::ids::{GroupId, RecordId, RequestId, SlotId};
use model::limits::REQUEST_ID_MEMORY_MS;
use model::outbox::{Destination, Lane, Message, Posted};
use model::slot_move::{Answer, Begins, Claim, Holding, MoveId, Role, answers};
use model::slots::SlotMap;
use model::time::UnixMillis;
use stateright::{Model, Property};

use crate::slot_side::{Part, Side, Which, digest};
use crate::support::{
    AUDIT, BEGIN, Group, acknowledge, asked, code, create, deliver, event, fails, holds, request, update,
};

/// The slot that moves, and one that sends messages to it.
pub const SLOT: SlotId = SlotId(0);
const SENDER: SlotId = SlotId(1);
const GROUPS: [GroupId; 2] = [GroupId::Records(0), GroupId::Records(1)];
/// What the leaders of the two groups stamp, before and after a day: one of them is ahead.
const TIMES: [[UnixMillis; 2]; 2] = [
    [BEGIN, BEGIN],
    [UnixMillis(BEGIN.0 + REQUEST_ID_MEMORY_MS + 1_000), UnixMillis(BEGIN.0 + REQUEST_ID_MEMORY_MS - 500)],
];

/// Events of the slot: one of each write, and two of refusals that nothing remembers.
const EVENTS_MAX: u64 = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// Request ids do not move.
    RequestsStay,
    /// The cursors of lanes that lead to the slot do not move.
    CursorsStay,
    /// The last sequences of lanes that come from the slot do not move.
    SequencesStay,
    /// The taker owns the slot as soon as the directory's map says so, whatever the owner does.
    OwnsByTheMap,
    /// Parts are taken after the taker has sealed what it has.
    TakesLateParts,
    /// The owner's log time does not move.
    LogTimeStays,
    /// Each group answers a question for the slots that it owns as of its own position, and for no other.
    EachAnswersForItself,
    /// The slot is dropped while events of it are undelivered.
    DropsUndelivered,
}

#[derive(Debug, Clone, Copy)]
struct Bounds {
    moves: usize,
    /// Parts that are read before the slot is frozen.
    early: u8,
    messages: u64,
    question: bool,
    /// Whether a day passes, after the first write.
    day: bool,
}

const THERE_AND_BACK: Bounds = Bounds { moves: 2, early: 0, messages: 1, question: false, day: false };
const MESSAGES: Bounds = Bounds { moves: 1, early: 1, messages: 2, question: false, day: false };
const QUESTION: Bounds = Bounds { moves: 2, early: 0, messages: 0, question: true, day: false };
const DAY: Bounds = Bounds { moves: 1, early: 1, messages: 0, question: false, day: true };

struct SlotMove {
    bounds: Bounds,
    mistake: Option<Mistake>,
    /// A create, and an update of what it made.
    writes: [(RequestId, model::command::Command); 2],
    record: RecordId,
    messages: Vec<Posted>,
}

/// A part that was read for a move, and its digest.
type Read = (MoveId, Which, u64);

/// What a question read of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Seen {
    claim: Claim,
    version: u64,
    /// The newest version that this group had ever committed at that moment.
    committed: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Question {
    /// The version that was acknowledged when it was asked.
    due: u64,
    seen: [Option<Seen>; 2],
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    sides: [Side; 2],
    audit: Group,
    day: usize,
    early: u8,
    moves: Vec<MoveId>,
    /// Parts under way.
    read: BTreeMap<Read, Part>,
    /// Facts that stay true: what was announced frozen, what was sealed, called off, handed over at a log time, and
    /// adopted.
    announced: BTreeMap<MoveId, merkle::Hash>,
    sealed: BTreeMap<MoveId, merkle::Hash>,
    called_off: BTreeSet<MoveId>,
    handed: BTreeMap<MoveId, UnixMillis>,
    adopted: BTreeSet<MoveId>,
    /// The final answers that each write was ever given.
    answers: [BTreeSet<Said>; 2],
    /// The newest version that each group has ever committed.
    committed: [u64; 2],
    question: Option<Question>,
}

/// A final answer to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Said {
    Done(u64),
    Refused(u16),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Write {
        write: usize,
        side: usize,
    },
    Deliver {
        from: u64,
        to: u64,
        side: usize,
    },
    /// A group's outbox is delivered and acknowledged.
    DeliverEvents(usize),
    Acknowledge(usize),
    DayPasses,
    Begin(usize),
    Read(usize, Which),
    Stage(usize, Read),
    Freeze(usize, MoveId),
    Seal(usize, MoveId),
    HandOver(usize, MoveId),
    Adopt(usize, MoveId),
    Drop(usize, MoveId),
    CallOff(usize, MoveId),
    Clear(usize, MoveId),
    Ask,
    Look(usize),
}

impl SlotMove {
    fn new(bounds: Bounds, mistake: Option<Mistake>) -> Self {
        let later = if bounds.day { UnixMillis(BEGIN.0 + REQUEST_ID_MEMORY_MS) } else { BEGIN };
        let (first, second) = (request(SLOT, 0, BEGIN), request(SLOT, 1, later));
        let record = RecordId::of_request(first);
        let lane = Lane { from: SENDER, to: Destination::Slot(SLOT) };
        let message = |sequence: u64| {
            let message = Message::Audit(event(request(SENDER, 8 + sequence as u8, BEGIN), EventKind::Administration));
            Posted { lane, sequence, message }
        };
        let writes = [(first, create(first, 0)), (second, update(second, record, 1, 1))];
        Self { bounds, mistake, writes, record, messages: (1..=bounds.messages).map(message).collect() }
    }

    fn write(&self, state: &mut State, write: usize, side: usize) -> Option<Said> {
        if state.sides[side].holding.answer() != Answer::Take {
            return None;
        }
        let (request, command) = &self.writes[write];
        let envelope: Envelope = asked(*request, command.clone(), TIMES[state.day][side]);
        let outcome = state.sides[side].group.apply(&envelope);
        state.committed[side] = state.committed[side].max(state.sides[side].group.version(self.record));
        match (&outcome, code(&outcome)) {
            (Outcome::Changed(changed), _) => Some(Said::Done(changed.version)),
            (_, Some(RefusalCode::RequestTooOld)) => None,
            (_, Some(code)) => Some(Said::Refused(code.number())),
            other => unreachable!("{other:?}"),
        }
    }

    /// The effects that each message has had, in either group.
    fn effects(&self, state: &State) -> Vec<usize> {
        let count = |posted: &Posted| {
            let Message::Audit(event) = &posted.message else { unreachable!("no directory") };
            let leaves = state.sides.iter().flat_map(|side| &side.group.leaves);
            leaves.filter(|leaf| leaf.request.0 == event.header.id).count()
        };
        self.messages.iter().map(count).collect()
    }

    /// The newest version that somebody was told of.
    fn acknowledged(&self, state: &State) -> u64 {
        let done = |said: &Said| match said {
            Said::Done(version) => *version,
            Said::Refused(_) => 0,
        };
        state.answers.iter().flatten().map(done).max().unwrap_or(0)
    }

    fn outbox_is_empty(&self, side: &Side) -> bool {
        side.group.outbox.is_empty() || self.mistake == Some(Mistake::DropsUndelivered)
    }

    /// What the question concludes from what it read: none is a partial answer.
    fn concluded(&self, seen: [Seen; 2]) -> Option<u64> {
        if self.mistake == Some(Mistake::EachAnswersForItself) {
            let owned = seen.iter().filter(|seen| matches!(seen.claim, Claim::Owns(_)));
            return Some(owned.map(|seen| seen.version).max().unwrap_or(0));
        }
        let claims = [(GROUPS[0], seen[0].claim), (GROUPS[1], seen[1].claim)];
        let group = answers(&claims)?;
        GROUPS.iter().position(|other| *other == group).map(|side| seen[side].version)
    }

    /// Takes a step of the move, if both sides and the facts allow it.
    fn step(&self, state: &mut State, action: Action) -> Option<()> {
        match action {
            Action::Begin(side) => {
                let to = GROUPS[1 - side];
                state.sides[side].holding = state.sides[side].holding.begin(to).ok()?;
                let (id, _) = state.sides[side].holding.leaving()?;
                if !state.moves.contains(&id) {
                    state.moves.push(id);
                }
            }
            Action::Read(side, which) => {
                let (id, leaving) = state.sides[side].holding.leaving()?;
                if !leaving.frozen {
                    state.early += 1;
                }
                let part = state.sides[side].part(which, self.mistake);
                state.read.insert((id, which, digest(&part)), part);
            }
            Action::Stage(side, read) => {
                let part = state.read.get(&read)?.clone();
                let taker = &mut state.sides[side];
                let sealed = matches!(taker.holding.role, Role::Taker { id, sealed: Some(_) } if id == read.0);
                if sealed && self.mistake == Some(Mistake::TakesLateParts) {
                    taker.stage(Begins::GoesOn, read.1, part);
                } else {
                    let (holding, begins) = taker.holding.stage(GROUPS[side], read.0).ok()?;
                    taker.holding = holding;
                    taker.stage(begins, read.1, part);
                }
            }
            Action::Freeze(side, id) => {
                state.sides[side].holding = state.sides[side].holding.freeze(id).ok()?;
                let own = Side::digest_of(&state.sides[side].parts(self.mistake));
                state.announced.insert(id, own);
            }
            Action::Seal(side, id) => {
                let staged = Side::digest_of(&state.sides[side].staged);
                state.sides[side].holding =
                    state.sides[side].holding.seal(id, staged, *state.announced.get(&id)?).ok()?;
                state.sealed.insert(id, staged);
            }
            Action::HandOver(side, id) => {
                let own = Side::digest_of(&state.sides[side].parts(self.mistake));
                state.sides[side].holding =
                    state.sides[side].holding.hand_over(id, own, *state.sealed.get(&id)?).ok()?;
                state.handed.insert(id, state.sides[side].group.time);
            }
            Action::Adopt(side, id) => {
                let log_time = match self.mistake {
                    Some(Mistake::OwnsByTheMap) => BEGIN,
                    Some(Mistake::LogTimeStays) => state.handed.get(&id).map(|_| BEGIN)?,
                    _ => *state.handed.get(&id)?,
                };
                let taker = &mut state.sides[side];
                taker.holding = taker.holding.adopt(id).ok()?;
                taker.adopt(log_time);
                state.adopted.insert(id);
                state.committed[side] = state.committed[side].max(state.sides[side].group.version(self.record));
            }
            Action::Drop(side, id) => {
                let empty = self.outbox_is_empty(&state.sides[side]);
                let owned = state.adopted.contains(&id).then_some(id)?;
                state.sides[side].holding = state.sides[side].holding.drop_kept(owned, empty).ok()?;
                state.sides[side].forget(self.mistake);
            }
            Action::CallOff(side, id) => {
                state.sides[side].holding = state.sides[side].holding.call_off(id).ok()?;
                state.called_off.insert(id);
            }
            Action::Clear(side, id) => {
                let id = state.called_off.contains(&id).then_some(id)?;
                let cleared = state.sides[side].holding.clear(id).ok()?;
                if !matches!(cleared.role, Role::Taker { .. }) {
                    state.sides[side].staged.clear();
                }
                state.sides[side].holding = cleared;
            }
            _ => unreachable!("{action:?} is no step of a move"),
        }
        Some(())
    }

    fn deliver_events(&self, state: &mut State, side: usize) {
        let messages = state.sides[side].group.outbox.values().map(|posted| (**posted).clone()).collect();
        state.audit.apply(&deliver(messages));
    }

    fn acknowledge(&self, state: &mut State, side: usize) {
        let cursors = state.audit.cursors.iter().map(|(lane, cursor)| (*lane, *cursor)).collect();
        state.sides[side].group.apply(&acknowledge(cursors));
    }

    fn deliver_messages(&self, state: &mut State, (from, to): (u64, u64), side: usize) -> Option<()> {
        if state.sides[side].holding.answer() != Answer::Take {
            return None;
        }
        let messages = self.messages[from as usize - 1..to as usize].to_vec();
        let outcome = state.sides[side].group.apply_as(AUDIT, &deliver(messages));
        assert!(matches!(outcome, Outcome::Delivered(_)), "{outcome:?}");
        Some(())
    }

    /// Ends what is under way, once nothing fails any more: by finishing the move, or by calling it off where that is
    /// possible.
    fn settled(&self, state: &State, forward: bool) -> State {
        let mut state = state.clone();
        for side in 0..2 {
            let Some((id, _)) = state.sides[side].holding.leaving() else { continue };
            let taker = 1 - side;
            if !forward {
                let _ = self.step(&mut state, Action::CallOff(side, id));
                let _ = self.step(&mut state, Action::Clear(taker, id));
                continue;
            }
            // What the taker keeps of an earlier ownership goes first.
            self.deliver_events(&mut state, taker);
            self.acknowledge(&mut state, taker);
            for id in state.moves.clone() {
                let _ = self.step(&mut state, Action::Drop(taker, id));
            }
            let _ = self.step(&mut state, Action::Freeze(side, id));
            for which in [Which::Records, Which::Lanes] {
                let part = state.sides[side].part(which, self.mistake);
                let read = (id, which, digest(&part));
                state.read.insert(read, part);
                let _ = self.step(&mut state, Action::Stage(taker, read));
            }
            let _ = self.step(&mut state, Action::Seal(taker, id));
            let _ = self.step(&mut state, Action::HandOver(side, id));
            break;
        }
        for id in state.moves.clone() {
            for side in 0..2 {
                let _ = self.step(&mut state, Action::Adopt(side, id));
            }
        }
        for side in 0..2 {
            if !self.messages.is_empty() {
                let _ = self.deliver_messages(&mut state, (1, self.bounds.messages), side);
            }
        }
        // Twice: what one group holds may wait for what the other one does.
        for side in [0, 1, 0, 1] {
            self.deliver_events(&mut state, side);
            self.acknowledge(&mut state, side);
        }
        state
    }

    /// Whether a state that has come to rest has one owner, every effect once, and the same answers as ever.
    fn is_right(&self, state: &State) -> bool {
        let Some(owner) = state.sides.iter().position(|side| side.holding.answer() == Answer::Take) else {
            return false;
        };
        let mut again = state.clone();
        let same = (0..2).all(|write| match state.answers[write].first() {
            Some(said) if !self.bounds.day => self.write(&mut again, write, owner) == Some(*said),
            _ => true,
        });
        let changes = |write: usize| {
            let request = self.writes[write].0;
            let leaves = state.audit.leaves.iter();
            leaves.filter(|leaf| leaf.request == request && leaf.verdict == Some(Verdict::Changed)).count()
        };
        let told = (0..2).all(|write| match state.answers[write].first() {
            Some(Said::Done(_)) => changes(write) == 1,
            _ => changes(write) <= 1,
        });
        let effects = self.effects(state).into_iter().all(|count| count == 1);
        same && told && effects && state.sides.iter().all(|side| side.group.outbox.is_empty())
    }
}

impl Model for SlotMove {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let map = SlotMap::even(2);
        let moved = map.moved(SLOT, GROUPS[1]).expect("a slot and a group");
        let side = |group: GroupId, map: SlotMap, holding: Holding| Side {
            group: Group::new(group, Some(map)),
            holding,
            staged: BTreeMap::new(),
        };
        // The map of each group lets it write: whether it may is for its holding to say.
        let sides = [side(GROUPS[0], map, Holding::first()), side(GROUPS[1], moved, Holding::never())];
        vec![State {
            sides,
            audit: Group::new(AUDIT, None),
            day: 0,
            early: 0,
            moves: Vec::new(),
            read: BTreeMap::new(),
            announced: BTreeMap::new(),
            sealed: BTreeMap::new(),
            called_off: BTreeSet::new(),
            handed: BTreeMap::new(),
            adopted: BTreeSet::new(),
            answers: [BTreeSet::new(), BTreeSet::new()],
            committed: [0, 0],
            question: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let created = !state.answers[0].is_empty();
        actions.extend((self.bounds.day && state.day == 0 && created).then_some(Action::DayPasses));
        for (side, of) in state.sides.iter().enumerate() {
            if of.holding.answer() == Answer::Take {
                actions.push(Action::Write { write: 0, side });
                let due = created && (state.day == 1 || !self.bounds.day);
                actions.extend(due.then_some(Action::Write { write: 1, side }));
                for from in 1..=self.bounds.messages {
                    actions.extend((from..=self.bounds.messages).map(|to| Action::Deliver { from, to, side }));
                }
            }
            actions.extend([Action::DeliverEvents(side), Action::Acknowledge(side)]);
            // Steps that fit what the group is, of whichever move: what does not fit the move is refused.
            let any = state.moves.iter().copied();
            match of.holding.role {
                Role::Owner { .. } => {
                    actions.extend((state.moves.len() < self.bounds.moves).then_some(Action::Begin(side)));
                    actions.extend(any.clone().map(|id| Action::Freeze(side, id)));
                    actions.extend(any.clone().map(|id| Action::HandOver(side, id)));
                    actions.extend(any.clone().map(|id| Action::CallOff(side, id)));
                }
                Role::Taker { .. } => {
                    actions.extend(any.clone().map(|id| Action::Seal(side, id)));
                    actions.extend(any.clone().map(|id| Action::Adopt(side, id)));
                }
                Role::Keeper { .. } => actions.extend(any.clone().map(|id| Action::Drop(side, id))),
                Role::Without { .. } => {}
            }
            actions.extend(state.called_off.iter().map(|id| Action::Clear(side, *id)));
            actions.extend(state.read.keys().map(|read| Action::Stage(side, *read)));
            let reads = of.holding.leaving().is_some_and(|(_, l)| l.frozen || state.early < self.bounds.early);
            let parts = [Which::Records, Which::Lanes];
            actions.extend(parts.into_iter().filter(|_| reads).map(|which| Action::Read(side, which)));
        }
        match &state.question {
            None => actions.extend((self.bounds.question && created).then_some(Action::Ask)),
            Some(question) => {
                let unread = (0..2).filter(|side| question.seen[*side].is_none());
                actions.extend(unread.map(Action::Look));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Write { write, side } => {
                let said = self.write(&mut state, write, side);
                state.answers[write].extend(said);
            }
            Action::Deliver { from, to, side } => self.deliver_messages(&mut state, (from, to), side)?,
            Action::DeliverEvents(side) => self.deliver_events(&mut state, side),
            Action::Acknowledge(side) => self.acknowledge(&mut state, side),
            Action::DayPasses => state.day = 1,
            Action::Ask => {
                state.question = Some(Question { due: self.acknowledged(&state), seen: [None, None] });
            }
            Action::Look(side) => {
                let (of, committed) = (&state.sides[side], state.committed[side]);
                let seen = Seen { claim: of.holding.claim(), version: of.group.version(self.record), committed };
                state.question.as_mut()?.seen[side] = Some(seen);
            }
            step => self.step(&mut state, step)?,
        }
        (state != *last).then_some(state)
    }

    /// A request that is too old is refused with an event each time it comes; two such events are as good as more.
    fn within_boundary(&self, state: &State) -> bool {
        state.sides.iter().flat_map(|side| side.group.posted.values()).all(|posted| *posted <= EVENTS_MAX)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(ONE_OWNER, |_, state: &State| {
                let owners = state.sides.iter().filter(|side| side.owns()).count();
                // Between hand-over and adoption nobody does, and the taker has all that it needs to.
                let handed_over = state.sides.iter().any(|side| {
                    matches!(side.holding.role, Role::Taker { id, sealed: Some(_) } if state.handed.contains_key(&id))
                });
                owners == 1 || owners == 0 && handed_over
            }),
            Property::always(ONE_ANSWER, |_, state: &State| state.answers.iter().all(|said| said.len() <= 1)),
            Property::always(OWNER_HAS_ALL, |model: &SlotMove, state: &State| {
                let owners = state.sides.iter().filter(|side| side.owns());
                owners.map(|side| side.group.version(model.record)).all(|version| version >= model.acknowledged(state))
            }),
            Property::always(ONE_EFFECT, |model: &SlotMove, state: &State| {
                model.effects(state).into_iter().all(|count| count <= 1)
            }),
            Property::always(NOTHING_MISSED, |model: &SlotMove, state: &State| {
                let Some(Question { due, seen: [Some(first), Some(second)] }) = &state.question else { return true };
                let due = (*due).max(first.committed).max(second.committed);
                model.concluded([*first, *second]).is_none_or(|version| version >= due)
            }),
            Property::sometimes("a move is done", |_, state: &State| !state.adopted.is_empty()),
            Property::sometimes("a move is called off after it was sealed", |_, state: &State| {
                state.called_off.iter().any(|id| state.sealed.contains_key(id))
            }),
        ];
        // It costs more than all the others, so it is asked where it may tell something of its own.
        let settles = [None, Some(Mistake::SequencesStay), Some(Mistake::DropsUndelivered)].contains(&self.mistake);
        if settles && !self.bounds.question {
            properties.push(Property::always(SETTLES, |model: &SlotMove, state: &State| {
                [true, false].into_iter().all(|forward| model.is_right(&model.settled(state, forward)))
            }));
        }
        if self.bounds.moves > 1 {
            properties.extend([
                Property::sometimes("there and back", |_, state: &State| state.adopted.len() == 2),
                Property::sometimes("called off, and done at the second attempt", |_, state: &State| {
                    !state.called_off.is_empty() && !state.adopted.is_empty()
                }),
            ]);
        }
        if self.bounds.question {
            properties.extend([
                Property::sometimes("an answer lacks the slot and says so", |model: &SlotMove, state: &State| {
                    let Some(Question { seen: [Some(first), Some(second)], .. }) = &state.question else {
                        return false;
                    };
                    model.concluded([*first, *second]).is_none()
                }),
                Property::sometimes("the keeper answers in the taker's place", |_, state: &State| {
                    let seen = state.question.as_ref().map(|question| question.seen);
                    matches!(
                        seen,
                        Some([Some(Seen { claim: Claim::Keeps(1), .. }), Some(Seen { claim: Claim::Never, .. })])
                    )
                }),
            ]);
        }
        if self.bounds.day {
            properties.push(Property::sometimes("a request is too old for the new owner too", |_, state: &State| {
                state.sides[1].owns() && state.sides[1].group.time > TIMES[1][1] && state.answers[1].len() == 1
            }));
        }
        properties
    }
}

const ONE_OWNER: &str = "one group at most owns the slot, and none only for as long as it is handed over";
const ONE_ANSWER: &str = "a request has one final answer, whoever gives it";
const OWNER_HAS_ALL: &str = "the owner has all that was acknowledged";
const ONE_EFFECT: &str = "a message has one effect at most";
const SETTLES: &str =
    "finished or called off, all comes to rest: one owner, each effect and event once, the same answers";
const NOTHING_MISSED: &str = "a question that is answered whole misses nothing";

fn with(bounds: Bounds, mistake: Mistake) -> impl Fn() -> SlotMove {
    move || SlotMove::new(bounds, Some(mistake))
}

#[test]
fn a_slot_moves_there_and_back() {
    holds("slot move, there and back", SlotMove::new(THERE_AND_BACK, None));
}

#[test]
fn messages_reach_a_slot_that_moves() {
    holds("slot move, messages", SlotMove::new(MESSAGES, None));
}

#[test]
fn a_question_misses_nothing_of_a_slot_that_moves() {
    holds("slot move, question", SlotMove::new(QUESTION, None));
}

#[test]
fn request_ids_are_as_old_for_the_new_owner() {
    holds("slot move, a day", SlotMove::new(DAY, None));
}

#[test]
fn request_ids_that_stay_are_found_out() {
    fails("slot move, request ids stay", with(MESSAGES, Mistake::RequestsStay), ONE_ANSWER);
}

#[test]
fn cursors_that_stay_are_found_out() {
    fails("slot move, cursors stay", with(MESSAGES, Mistake::CursorsStay), ONE_EFFECT);
}

#[test]
fn sequences_that_stay_are_found_out() {
    fails("slot move, sequences stay", with(MESSAGES, Mistake::SequencesStay), SETTLES);
}

#[test]
fn owning_by_the_map_is_found_out() {
    fails("slot move, owns by the map", with(MESSAGES, Mistake::OwnsByTheMap), ONE_OWNER);
}

#[test]
fn taking_late_parts_is_found_out() {
    fails("slot move, late parts", with(MESSAGES, Mistake::TakesLateParts), OWNER_HAS_ALL);
}

#[test]
fn a_log_time_that_stays_is_found_out() {
    fails("slot move, log time stays", with(DAY, Mistake::LogTimeStays), ONE_ANSWER);
}

#[test]
fn groups_that_answer_for_themselves_alone_are_found_out() {
    fails("slot move, each answers for itself", with(QUESTION, Mistake::EachAnswersForItself), NOTHING_MISSED);
}

#[test]
fn dropping_what_is_undelivered_is_found_out() {
    fails("slot move, drops undelivered events", with(MESSAGES, Mistake::DropsUndelivered), SETTLES);
}
