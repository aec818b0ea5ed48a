//! The return of a port that was alone: each of its answers is judged by all that it could not know, late hits and
//! revoked officers alike, and nobody who was revoked gets an answer in the cluster's own mode (promise
//! NoMissedLookout; DESIGN.md, Writes, *Moved versions*, and Reads; SECURITY.md 3.7; decision 15).
//!
//! Runs `model::island`: `take`, `judge` and `holds_against`. Centrally, lookouts that match one traveller come, change
//! and go, and the officer is revoked; the directory's floor reaches the audit group a while later, as a message. The
//! port has a copy of both that follows when it is connected, as far as it likes. What should have been shown is kept
//! by the model itself, moment by moment, and compared with what was judged from the history.
//!
//! Bounds: 2 answers of the island, 2 times alone; with 3 changes of two lookouts, or with 1, a revocation and a
//! question in the cluster's mode. Explored to the end.

use std::collections::BTreeSet;

use model::ids::RecordId;
use model::island::{Answered, InForce, Judgement, holds_against, judge};
use stateright::{Model, Property};

use crate::support::{fails, holds};

const ALONE_MAX: u8 = 2;
/// The epoch of the officer's profile before he is revoked, and the floor afterwards.
const EPOCH: u64 = 1;
const FLOOR: u64 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mistake {
    /// An answer is judged by what is in force when the port returns.
    JudgedByTheStateAtReturn,
    /// An answer is judged by the port's own copy.
    JudgedByTheCopy,
    /// An answer is judged against the floor that the audit group has.
    JudgedByTheAuditFloor,
    /// The audit group refuses a late event whose decision is below its floor.
    LateEventsMeetTheFloor,
    /// The island does not look at the floors that it has received.
    IslandIgnoresFloors,
    /// The audit group does not look at its floors.
    ApplyIgnoresFloors,
}

#[derive(Debug, Clone, Copy)]
struct Return {
    /// Changes of lookouts.
    changes: u64,
    /// Answers of the island.
    answers: usize,
    /// Whether the officer is revoked, and asks in the cluster's mode too.
    officer: bool,
    mistake: Option<Mistake>,
}

const LOOKOUTS: Return = Return { changes: 3, answers: 2, officer: false, mistake: None };
const OFFICER: Return = Return { changes: 1, answers: 2, officer: true, mistake: None };

type Version = (RecordId, u64);

/// How far an answer of the island is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Stage {
    Spooled,
    Taken,
    Refused,
    /// What was found: missed, withdrawn, revoked.
    Judged(Vec<Version>, Vec<Version>, bool),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Answer {
    copied: u64,
    shown: BTreeSet<Version>,
    /// What was in force when it was given, or came into force since: what it should have shown.
    due: BTreeSet<Version>,
    /// What was shown and was no more in force when it was given.
    outdated: BTreeSet<Version>,
    /// Whether the officer was revoked already, and whether the port knew.
    revoked: bool,
    knowingly: bool,
    stage: Stage,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    /// Every version of the lookouts, in order of the group's log.
    history: Vec<InForce>,
    /// The log's last position.
    position: u64,
    /// The floors of the directory, of the audit group and of the port.
    floor: u64,
    audit_floor: u64,
    port_floor: u64,
    connected: bool,
    alone: u8,
    /// The position of the port's copy.
    copied: u64,
    answers: Vec<Answer>,
    /// An answer in the cluster's mode, decided on and under way to the audit group; and whether one was released to a
    /// revoked officer.
    under_way: Option<u64>,
    asked: bool,
    refused: bool,
    wrongly_released: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Create(u8),
    Update(u8),
    Remove(u8),
    Revoke,
    /// The audit group takes the floor; the revocation is acknowledged.
    FloorArrives,
    Cut,
    Connect,
    /// The port's copies of the records and of the directory follow.
    CopyRecords,
    CopyFloor,
    AnswerAlone,
    /// In the cluster's mode: the gate decides, then the audit group takes the event and the answer leaves.
    Decide,
    Release,
    HandOver(usize),
    Judge(usize),
}

impl State {
    fn in_force(&self, at: u64) -> BTreeSet<Version> {
        let at = |version: &&InForce| version.from <= at && version.until.is_none_or(|until| until > at);
        self.history.iter().filter(at).map(|version| (version.record, version.version)).collect()
    }

    fn all_judged(&self, answers: usize) -> bool {
        let judged = |answer: &&Answer| matches!(answer.stage, Stage::Judged(..));
        self.answers.iter().filter(judged).count() == answers
    }

    fn newest(&self, record: RecordId) -> Option<&InForce> {
        self.history.iter().rev().find(|version| version.record == record)
    }

    /// Ends what is in force of a record and lets a new version take its place, or none.
    fn change(&mut self, record: RecordId, goes_on: bool) {
        self.position += 1;
        let position = self.position;
        let version = self.newest(record).map_or(0, |newest| newest.version) + 1;
        let ends = self.history.iter_mut().filter(|other| other.record == record && other.until.is_none());
        ends.for_each(|other| other.until = Some(position));
        if goes_on {
            self.history.push(InForce { record, version, from: position, until: None });
            let waits = |answer: &&mut Answer| !matches!(answer.stage, Stage::Judged(..));
            self.answers.iter_mut().filter(waits).for_each(|answer| answer.due.extend([(record, version)]));
        }
    }
}

fn record(number: u8) -> RecordId {
    RecordId([number; 16])
}

impl Return {
    fn judged(&self, state: &State, answer: &Answer) -> Judgement {
        let answered = Answered { copied: answer.copied, shown: answer.shown.clone(), epoch: EPOCH };
        let floor = match self.mistake {
            Some(Mistake::JudgedByTheAuditFloor) => state.audit_floor,
            _ => state.floor,
        };
        match self.mistake {
            Some(Mistake::JudgedByTheCopy) => judge(&answered, &state.history, state.copied, floor),
            Some(Mistake::JudgedByTheStateAtReturn) => {
                let now = state.in_force(state.position);
                let standing = |version: &&InForce| now.contains(&(version.record, version.version));
                let standing: Vec<InForce> = state.history.iter().filter(standing).copied().collect();
                judge(&answered, &standing, state.position, floor)
            }
            _ => judge(&answered, &state.history, state.position, floor),
        }
    }
}

impl Model for Return {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            history: vec![InForce { record: record(0), version: 1, from: 1, until: None }],
            position: 1,
            floor: EPOCH,
            audit_floor: EPOCH,
            port_floor: EPOCH,
            connected: true,
            alone: 0,
            copied: 1,
            answers: Vec::new(),
            under_way: None,
            asked: false,
            refused: false,
            wrongly_released: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.position <= self.changes {
            for number in 0..2 {
                match state.newest(record(number)) {
                    None => actions.push(Action::Create(number)),
                    Some(newest) if newest.until.is_none() => {
                        actions.extend([Action::Update(number), Action::Remove(number)]);
                    }
                    Some(_) => {}
                }
            }
        }
        actions.extend((self.officer && state.floor < FLOOR).then_some(Action::Revoke));
        actions.extend((state.audit_floor < state.floor).then_some(Action::FloorArrives));
        if state.connected {
            actions.extend((state.alone < ALONE_MAX).then_some(Action::Cut));
            actions.extend((state.copied < state.position).then_some(Action::CopyRecords));
            actions.extend((state.port_floor < state.floor).then_some(Action::CopyFloor));
            actions.extend((self.officer && !state.asked).then_some(Action::Decide));
            // In order of the chain: `island.rs` shows that the log takes them in no other.
            let next = state.answers.iter().position(|answer| answer.stage == Stage::Spooled);
            actions.extend(next.map(Action::HandOver));
        } else {
            actions.push(Action::Connect);
            actions.extend((state.answers.len() < self.answers).then_some(Action::AnswerAlone));
        }
        actions.extend(state.under_way.map(|_| Action::Release));
        for (number, answer) in state.answers.iter().enumerate() {
            actions.extend((answer.stage == Stage::Taken).then_some(Action::Judge(number)));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Create(number) | Action::Update(number) => state.change(record(number), true),
            Action::Remove(number) => state.change(record(number), false),
            Action::Revoke => state.floor = FLOOR,
            Action::FloorArrives => state.audit_floor = state.floor,
            Action::Cut => {
                state.connected = false;
                state.alone += 1;
            }
            Action::Connect => state.connected = true,
            Action::CopyRecords => state.copied += 1,
            Action::CopyFloor => state.port_floor = state.floor,
            Action::AnswerAlone => {
                let knowingly = !holds_against(EPOCH, state.port_floor);
                if knowingly && self.mistake != Some(Mistake::IslandIgnoresFloors) {
                    return None;
                }
                let (shown, due) = (state.in_force(state.copied), state.in_force(state.position));
                state.answers.push(Answer {
                    copied: state.copied,
                    outdated: shown.difference(&due).copied().collect(),
                    shown,
                    due,
                    revoked: !holds_against(EPOCH, state.floor),
                    knowingly,
                    stage: Stage::Spooled,
                });
            }
            Action::Decide => {
                state.asked = true;
                // The gate knows what the port's copy of the directory knows.
                match holds_against(EPOCH, state.port_floor) {
                    true => state.under_way = Some(EPOCH),
                    false => state.refused = true,
                }
            }
            Action::Release => {
                let epoch = state.under_way.take()?;
                let ignores = self.mistake == Some(Mistake::ApplyIgnoresFloors);
                let released = holds_against(epoch, state.audit_floor) || ignores;
                state.refused |= !released;
                state.wrongly_released |= released && state.audit_floor == FLOOR;
            }
            Action::HandOver(number) => {
                let meets = self.mistake == Some(Mistake::LateEventsMeetTheFloor);
                let refused = meets && !holds_against(EPOCH, state.audit_floor);
                state.answers[number].stage = if refused { Stage::Refused } else { Stage::Taken };
            }
            Action::Judge(number) => {
                let judgement = self.judged(&state, &state.answers[number]);
                let all = |versions: BTreeSet<Version>| versions.into_iter().collect();
                state.answers[number].stage =
                    Stage::Judged(all(judgement.missed), all(judgement.withdrawn), judgement.revoked);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(LATE_HITS, |_, state: &State| {
                state.answers.iter().all(|answer| match &answer.stage {
                    Stage::Judged(missed, _, _) => answer.due.difference(&answer.shown).all(|due| missed.contains(due)),
                    _ => true,
                })
            }),
            // No clock of a port tells whether a lookout that came after the copy went before the answer.
            Property::always(NO_OTHERS, |_, state: &State| {
                let since = |answer: &Answer, version: &Version| {
                    let found = state.history.iter().find(|other| (other.record, other.version) == *version);
                    found.is_some_and(|found| found.from > answer.copied) && !answer.shown.contains(version)
                };
                state.answers.iter().all(|answer| match &answer.stage {
                    Stage::Judged(missed, _, _) => missed.iter().all(|version| since(answer, version)),
                    _ => true,
                })
            }),
            Property::always(WITHDRAWN, |_, state: &State| {
                state.answers.iter().all(|answer| match &answer.stage {
                    Stage::Judged(_, withdrawn, _) => answer.outdated.iter().all(|version| withdrawn.contains(version)),
                    _ => true,
                })
            }),
            Property::always(REVOKED, |_, state: &State| {
                state.answers.iter().all(|answer| match answer.stage {
                    Stage::Judged(_, _, revoked) => revoked || !answer.revoked,
                    _ => true,
                })
            }),
            Property::always(TAKEN, |_, state: &State| {
                state.answers.iter().all(|answer| answer.stage != Stage::Refused)
            }),
            Property::always(NOT_KNOWINGLY, |_, state: &State| state.answers.iter().all(|answer| !answer.knowingly)),
            Property::always(NOT_CONNECTED, |_, state: &State| !state.wrongly_released),
        ];
        match self.officer {
            true => properties.extend([
                Property::sometimes("a decision under way meets the floor", |_, state: &State| {
                    state.refused && state.port_floor < FLOOR
                }),
                Property::sometimes(
                    "of two answers of two times alone one is of a revoked officer",
                    |_, state: &State| {
                        let revoked = state.answers.iter().filter(|answer| answer.revoked).count();
                        state.all_judged(2) && revoked == 1 && state.alone == 2
                    },
                ),
            ]),
            false => properties.extend([
                Property::sometimes("a lookout that came and went is a late hit", |_, state: &State| {
                    let now = state.in_force(state.position);
                    state.answers.iter().any(|answer| match &answer.stage {
                        Stage::Judged(missed, _, _) => missed.iter().any(|version| !now.contains(version)),
                        _ => false,
                    })
                }),
                Property::sometimes("what was shown is withdrawn", |_, state: &State| {
                    let withdrawn =
                        |answer: &Answer| matches!(&answer.stage, Stage::Judged(_, all, _) if !all.is_empty());
                    state.answers.iter().any(withdrawn)
                }),
            ]),
        }
        properties
    }
}

const LATE_HITS: &str = "what was in force at the answer or came before the return, and was not shown, is a late hit";
const NO_OTHERS: &str = "a late hit came into force after the copy and was not shown";
const WITHDRAWN: &str = "what was shown and no more in force is found";
const REVOKED: &str = "every answer to a revoked officer is found";
const TAKEN: &str = "the event of an answer that left is never refused";
const NOT_KNOWINGLY: &str = "no island answers below a floor that it has";
const NOT_CONNECTED: &str = "once a revocation is acknowledged, the cluster answers the officer no more";

fn with(bounds: Return, mistake: Mistake) -> impl Fn() -> Return {
    move || Return { mistake: Some(mistake), ..bounds }
}

#[test]
fn every_answer_of_an_island_is_judged_by_what_it_could_not_know() {
    holds("island's return, lookouts", LOOKOUTS);
    holds("island's return, officer", OFFICER);
}

#[test]
fn judging_by_the_state_at_the_return_is_found_out() {
    fails("island's return, judged by the state then", with(LOOKOUTS, Mistake::JudgedByTheStateAtReturn), LATE_HITS);
}

#[test]
fn judging_by_the_copy_is_found_out() {
    fails("island's return, judged by the copy", with(LOOKOUTS, Mistake::JudgedByTheCopy), LATE_HITS);
}

#[test]
fn judging_by_the_floor_of_the_audit_group_is_found_out() {
    fails("island's return, judged by the audit group's floor", with(OFFICER, Mistake::JudgedByTheAuditFloor), REVOKED);
}

#[test]
fn refusing_late_events_below_the_floor_is_found_out() {
    fails("island's return, late events meet the floor", with(OFFICER, Mistake::LateEventsMeetTheFloor), TAKEN);
}

#[test]
fn floors_that_nobody_looks_at_are_found_out() {
    fails("island's return, the island ignores floors", with(OFFICER, Mistake::IslandIgnoresFloors), NOT_KNOWINGLY);
    fails("island's return, apply ignores floors", with(OFFICER, Mistake::ApplyIgnoresFloors), NOT_CONNECTED);
}
