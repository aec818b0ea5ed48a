//! A write across a records group and the audit group, by clients that lose answers and try again under one request id:
//! it takes place once or not at all, what a client is told stays true, and each change has exactly one event (promises
//! Durable, Linearizable, NoUnauditedAnswer, NoMissedLookout).
//!
//! Runs `model::decide` for `CreateRecord`, `UpdateRecord`, `Deliver` and `Acknowledge`. An attempt is an entry that
//! was sent: it may be applied at any time, any number of times, or never, whether or not somebody still waits for its
//! answer; that is every loss, repetition and change of leaders. What a client concludes is what `client/src/error.rs`
//! does: a refusal by a rule is final, a lapsed decision and a request that is too old are not.
//!
//! Bounds: one client that creates a record with 3 attempts, decided on by nodes of which one has a clock 1.5 s ahead, at
//! log times of now, 3 s later, and a day and 3 s later; or one client that creates it and two that change the same version
//! of it, with 1, 2 and 1 attempts. At most 2 refusals that leave an event. Explored to the end.

use std::collections::BTreeSet;

use model::audit::event::Verdict;
use model::command::{Command, Outcome};
use model::error::RefusalCode;
use model::ids::{GroupId, RecordId, RequestId, SlotId};
use model::limits::REQUEST_ID_MEMORY_MS;
use model::outbox::Posted;
use model::slots::SlotMap;
use model::time::UnixMillis;
use stateright::{Model, Property};

use crate::support::{
    AUDIT, BEGIN, Group, Recorded, acknowledge, asked, code, create, deliver, fails, holds, request, token, update,
};

/// What a leader stamps, one after the other.
const TIMES: [UnixMillis; 3] = [BEGIN, UnixMillis(BEGIN.0 + 3_000), UnixMillis(BEGIN.0 + REQUEST_ID_MEMORY_MS + 3_000)];
/// How far the clock of one of the nodes is ahead of the leader's.
const AHEAD_MS: u64 = 1_500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mistake {
    /// Each attempt is made under a request id of its own.
    RequestIdPerAttempt,
    /// A replica that was restored from a snapshot has no request ids.
    SnapshotWithoutRequests,
    /// The client takes every refusal as final.
    EveryRefusalIsFinal,
    /// The leader answers before the entry is committed.
    AnswersBeforeCommit,
}

struct Writes {
    bounds: Bounds,
    /// The request ids of each client's attempts.
    requests: Vec<Vec<RequestId>>,
    mistake: Option<Mistake>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    /// Attempts of each client. The first one creates the record, the others change its first version.
    attempts: &'static [u8],
    /// How many of the times come.
    times: usize,
    /// Whether one of the nodes has a clock that is ahead.
    ahead: bool,
}

/// One client that tries again and again while time passes.
const PATIENT: Bounds = Bounds { attempts: &[3], times: 3, ahead: true };
/// Three clients, two of which change the same version.
const RIVALS: Bounds = Bounds { attempts: &[1, 2, 1], times: 1, ahead: false };

/// An attempt of a client: its number and when the node that it spoke to decided on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Attempt {
    client: usize,
    number: u8,
    made_at: UnixMillis,
}

/// What a client says in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Word {
    /// The record has this version by my change.
    Done(u64),
    /// My change did not and will not take place.
    Refused,
    Unknown,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Client {
    attempts: u8,
    waits_for: Option<Attempt>,
    /// An attempt was not answered, so it may have been carried out.
    maybe_done: bool,
    word: Option<Word>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    /// Which of the times the leader's clock shows.
    time: usize,
    records: Group,
    audit: Group,
    clients: Vec<Client>,
    sent: BTreeSet<Attempt>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Action {
    Send {
        client: usize,
        ahead: bool,
    },
    Apply(Attempt),
    /// The entry is applied and its client hears the outcome.
    ApplyAndAnswer(Attempt),
    GiveUp {
        client: usize,
    },
    /// No attempt is left.
    End {
        client: usize,
    },
    TimePasses,
    /// The whole outbox is delivered, or acknowledged.
    Deliver,
    Acknowledge,
    Restore,
}

impl Writes {
    fn new(bounds: Bounds, mistake: Option<Mistake>) -> Self {
        let id = |client: u8, attempt: u8| match mistake {
            Some(Mistake::RequestIdPerAttempt) => request(SlotId(0), client + 8 * attempt, BEGIN),
            _ => request(SlotId(0), client, BEGIN),
        };
        let of_client =
            |(client, attempts): (usize, &u8)| (0..*attempts).map(|attempt| id(client as u8, attempt)).collect();
        Self { bounds, requests: bounds.attempts.iter().enumerate().map(of_client).collect(), mistake }
    }

    /// The record that the first client creates and the others change.
    fn record(&self) -> RecordId {
        RecordId::of_request(self.requests[0][0])
    }

    fn command(&self, attempt: Attempt) -> (RequestId, Command) {
        let request = self.requests[attempt.client][usize::from(attempt.number)];
        match attempt.client {
            0 => (request, create(request, 0)),
            client => (request, update(request, self.record(), 1, client as u8)),
        }
    }

    fn apply(&self, state: &mut State, attempt: Attempt) -> Outcome {
        let (request, command) = self.command(attempt);
        let mut envelope = asked(request, command, attempt.made_at);
        envelope.time = TIMES[state.time];
        state.records.apply(&envelope)
    }

    /// Every event that a group holds of a client's requests: leaves, and what the outbox has beyond them.
    fn events(&self, state: &State, client: usize) -> Vec<Recorded> {
        let mut all = state.audit.leaves.clone();
        for (lane, sequence, event) in state.records.events() {
            if sequence > state.audit.cursors.get(&lane).copied().unwrap_or(0) {
                all.push(event);
            }
        }
        all.retain(|event| self.requests[client].contains(&event.request));
        all
    }

    fn changes(&self, state: &State, client: usize) -> usize {
        self.events(state, client).iter().filter(|event| event.verdict == Some(Verdict::Changed)).count()
    }

    /// Versions that a client's content stands in; the content names the client.
    fn versions(&self, state: &State, client: usize) -> Vec<u64> {
        let all = state.records.records.values().flatten();
        let of_client = all.filter(|record| record.header.content == token(client as u8));
        of_client.map(|record| record.header.version).collect()
    }
}

impl Client {
    /// What `client/src/error.rs` makes of an outcome.
    fn hears(&mut self, outcome: &Outcome, mistake: Option<Mistake>) {
        self.waits_for = None;
        let is_final = |code| {
            mistake == Some(Mistake::EveryRefusalIsFinal)
                || !matches!(code, RefusalCode::DecisionLapsed | RefusalCode::WrongGroup | RefusalCode::RequestTooOld)
        };
        match (outcome, code(outcome)) {
            (Outcome::Changed(changed), _) => self.word = Some(Word::Done(changed.version)),
            (_, Some(code)) if is_final(code) => self.word = Some(Word::Refused),
            // The next attempt is decided on anew.
            (_, Some(RefusalCode::DecisionLapsed)) => {}
            // The refusal itself says that nobody knows: another copy of the entry may have been applied a moment before.
            (_, Some(RefusalCode::RequestTooOld)) => self.word = Some(Word::Unknown),
            other => unreachable!("{other:?}"),
        }
    }
}

impl Model for Writes {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            time: 0,
            records: Group::new(GroupId::Records(0), Some(SlotMap::even(1))),
            audit: Group::new(AUDIT, None),
            clients: vec![Client::default(); self.bounds.attempts.len()],
            sent: BTreeSet::new(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (number, client) in state.clients.iter().enumerate() {
            match (client.word, client.waits_for) {
                (None, Some(attempt)) => {
                    actions.push(Action::ApplyAndAnswer(attempt));
                    actions.push(Action::GiveUp { client: number });
                }
                (None, None) if client.attempts < self.bounds.attempts[number] => {
                    actions.push(Action::Send { client: number, ahead: false });
                    actions.extend(self.bounds.ahead.then_some(Action::Send { client: number, ahead: true }));
                }
                (None, None) => actions.push(Action::End { client: number }),
                (Some(_), _) => {}
            }
        }
        actions.extend(state.sent.iter().copied().map(Action::Apply));
        actions.extend((state.time + 1 < self.bounds.times).then_some(Action::TimePasses));
        actions.extend([Action::Deliver, Action::Acknowledge]);
        actions.extend((self.mistake == Some(Mistake::SnapshotWithoutRequests)).then_some(Action::Restore));
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Send { client, ahead } => {
                let made_at = UnixMillis(TIMES[state.time].0 + if ahead { AHEAD_MS } else { 0 });
                let of = &mut state.clients[client];
                let attempt = Attempt { client, number: of.attempts, made_at };
                of.attempts += 1;
                of.waits_for = Some(attempt);
                state.sent.insert(attempt);
            }
            Action::Apply(attempt) => drop(self.apply(&mut state, attempt)),
            Action::ApplyAndAnswer(attempt) => {
                let mut there = state.clone();
                let outcome = self.apply(&mut there, attempt);
                if self.mistake != Some(Mistake::AnswersBeforeCommit) {
                    state = there;
                }
                state.clients[attempt.client].hears(&outcome, self.mistake);
            }
            Action::GiveUp { client } => {
                state.clients[client].waits_for = None;
                state.clients[client].maybe_done = true;
            }
            Action::End { client } => {
                let of = &mut state.clients[client];
                of.word = Some(if of.maybe_done { Word::Unknown } else { Word::Refused });
            }
            Action::TimePasses => state.time += 1,
            Action::Deliver => {
                let messages: Vec<Posted> = state.records.outbox.values().map(|posted| (**posted).clone()).collect();
                state.audit.apply(&deliver(messages));
            }
            Action::Acknowledge => {
                let cursors = state.audit.cursors.iter().map(|(lane, cursor)| (*lane, *cursor)).collect();
                state.records.apply(&acknowledge(cursors));
            }
            Action::Restore => state.records = state.records.changed(|stock| stock.requests.clear()),
        }
        (state != *last).then_some(state)
    }

    /// Refusals that nothing remembers have an event each time, so what is evidence alone is bounded here.
    fn within_boundary(&self, state: &State) -> bool {
        let refused = |client| {
            let events = self.events(state, client);
            events.iter().filter(|event| event.verdict == Some(Verdict::Refused)).count()
        };
        (0..state.clients.len()).map(refused).sum::<usize>() <= 2
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(ONCE, |model: &Writes, state: &State| {
                (0..state.clients.len()).all(|client| model.versions(state, client).len() <= 1)
            }),
            Property::always(TOLD, |model: &Writes, state: &State| {
                state.clients.iter().enumerate().all(|(number, client)| match client.word {
                    Some(Word::Done(version)) => model.versions(state, number) == [version],
                    // Also what comes later: an attempt that is still under way is tried from here on.
                    Some(Word::Refused) => model.versions(state, number).is_empty(),
                    Some(Word::Unknown) | None => true,
                })
            }),
            Property::always(EVENT, |model: &Writes, state: &State| {
                (0..state.clients.len())
                    .all(|client| model.changes(state, client) == model.versions(state, client).len())
            }),
            Property::always(FOUND, |_, state: &State| {
                let done = state.clients.iter().any(|client| matches!(client.word, Some(Word::Done(_))));
                let newest = state.records.records.values().filter_map(|versions| versions.last());
                let found = |record: &model::record::StoredRecord| {
                    let header = &record.header;
                    state.records.fed.contains(&(header.id, header.version))
                        && state.records.tokens.contains(&(header.tokens[0], header.id))
                };
                newest.clone().all(|record| found(record)) && (!done || newest.count() == 1)
            }),
        ];
        match self.bounds.attempts.len() {
            1 => properties.extend([
                Property::sometimes("a later attempt is answered with what an earlier one did", |_, state: &State| {
                    state.clients[0].word == Some(Word::Done(1)) && state.clients[0].maybe_done
                }),
                Property::sometimes("unknown, and done", |model: &Writes, state: &State| {
                    state.clients[0].word == Some(Word::Unknown) && model.versions(state, 0) == [1]
                }),
                Property::sometimes("unknown, and never done", |model: &Writes, state: &State| {
                    let last = state.time + 1 == TIMES.len() && state.clients[0].word == Some(Word::Unknown);
                    last && model.versions(state, 0).is_empty() && !state.records.outbox.is_empty()
                }),
            ]),
            _ => properties.extend([
                Property::sometimes("two changes of one version: one is done, one is refused", |_, state: &State| {
                    state.clients[1].word == Some(Word::Done(2)) && state.clients[2].word == Some(Word::Refused)
                }),
                Property::sometimes("every event is a leaf", |model: &Writes, state: &State| {
                    (0..2).all(|client| model.changes(state, client) == 1) && state.records.outbox.is_empty()
                }),
            ]),
        }
        properties
    }
}

const ONCE: &str = "a request takes place once at most";
const TOLD: &str = "what a client was told is so and stays so";
const EVENT: &str = "each change has one event, and no other has one";
const FOUND: &str = "what is acknowledged is found by its number and by search";

#[test]
fn a_write_takes_place_once_and_what_was_said_of_it_stays_true() {
    holds("lookout write, one patient client", Writes::new(PATIENT, None));
    holds("lookout write, rivals", Writes::new(RIVALS, None));
}

fn with(mistake: Mistake) -> impl Fn() -> Writes {
    move || Writes::new(PATIENT, Some(mistake))
}

#[test]
fn a_request_id_for_each_attempt_is_found_out() {
    fails("lookout write, request id per attempt", with(Mistake::RequestIdPerAttempt), ONCE);
}

#[test]
fn a_snapshot_without_request_ids_is_found_out() {
    fails("lookout write, snapshot without request ids", with(Mistake::SnapshotWithoutRequests), TOLD);
}

#[test]
fn taking_every_refusal_as_final_is_found_out() {
    fails("lookout write, every refusal is final", with(Mistake::EveryRefusalIsFinal), TOLD);
}

#[test]
fn an_answer_before_the_commit_is_found_out() {
    fails("lookout write, answer before commit", with(Mistake::AnswersBeforeCommit), TOLD);
}
