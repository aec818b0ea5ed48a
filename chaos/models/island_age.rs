//! When an island is open: never on a copy that is too old, and once it has closed for that it stays closed until a
//! newer copy comes, whatever is restarted and whatever its clock says (DESIGN.md, Reads; SECURITY.md 3.7; decision
//! 15).
//!
//! Runs `model::island::mode`. What the port remembers over a restart is what its spools hold: the times of its events,
//! among them the closing of the island. No port can tell a clock that was set back while it was down and nothing was
//! spooled since from a right one, so there the age is understated, by as much at most.
//!
//! Bounds: 9 seconds, a copy that may be 3 seconds old, an authorisation for 6, one clock set back by 2 seconds, any
//! number of restarts and returns. Explored to the end.

use model::island::{Closed, Mode, Outlook, mode};
use model::time::UnixMillis;
use stateright::{Model, Property};

use crate::support::{fails, holds};

const SECONDS: u64 = 9;
const AGE_MAX: u64 = 3;
const AUTHORISED_UNTIL: u64 = 6;
const SET_BACK: u64 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mistake {
    /// The closing is no event of the spools.
    ClosingIsForgotten,
    /// The clock is believed against the spools.
    TrustsTheClock,
}

#[derive(Debug, Clone, Copy)]
struct Age {
    mistake: Option<Mistake>,
}

/// All times are in seconds since the beginning, which is second 10 so that a clock can be set back.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    now: u64,
    set_back: u64,
    cut_at: Option<u64>,
    copy_at: u64,
    newest_spooled: u64,
    /// The copy that was found too old.
    closed_for: Option<u64>,
    /// What the newest answer did: true age of its copy, whether the copy had been found too old before.
    answered: Option<(u64, bool)>,
    ran_back: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    SecondPasses,
    SetBack,
    Cut,
    /// The process begins anew while nobody is in reach: it has to find that out again.
    Restart,
    /// A quorum is in reach and the copy follows.
    Return,
    Answer,
    /// The island notices that its copy is too old, closes and says so in its spools.
    Close,
}

impl State {
    fn mode(&self, mistake: Option<Mistake>) -> Mode {
        let at = |second: u64| UnixMillis(second * 1_000);
        let spooled = if mistake == Some(Mistake::TrustsTheClock) { 0 } else { self.newest_spooled };
        let outlook = Outlook {
            // By the monotonic clock, which begins with the process.
            alone_ms: self.cut_at.map_or(0, |cut| (self.now - cut) * 1_000),
            authorised_until: at(10 + AUTHORISED_UNTIL),
            copy_at: at(self.copy_at),
            clock: at(self.now - self.set_back),
            newest_spooled: at(spooled),
            spools: None,
            ordered_closed: false,
        };
        mode(&outlook, AGE_MAX * 1_000)
    }

    fn stamp(&self, mistake: Option<Mistake>) -> u64 {
        let clock = self.now - self.set_back;
        if mistake == Some(Mistake::TrustsTheClock) { clock } else { clock.max(self.newest_spooled) }
    }
}

impl Model for Age {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            now: 10,
            set_back: 0,
            cut_at: None,
            copy_at: 10,
            newest_spooled: 0,
            closed_for: None,
            answered: None,
            ran_back: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend((state.now < 10 + SECONDS).then_some(Action::SecondPasses));
        actions.extend((state.set_back == 0).then_some(Action::SetBack));
        match state.cut_at {
            Some(_) => actions.extend([Action::Return, Action::Restart]),
            None => actions.push(Action::Cut),
        }
        match state.mode(self.mistake) {
            Mode::Island => actions.push(Action::Answer),
            Mode::Closed(Closed::CopyTooOld) => actions.push(Action::Close),
            Mode::Closed(_) | Mode::Connected => {}
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::SecondPasses => state.now += 1,
            Action::SetBack => state.set_back = SET_BACK,
            Action::Cut | Action::Restart => state.cut_at = Some(state.now),
            Action::Return => {
                state.cut_at = None;
                // The time of a copy is the log's, which is right.
                state.copy_at = state.now;
            }
            Action::Answer => {
                state.answered = Some((state.now - state.copy_at, state.closed_for == Some(state.copy_at)));
                let stamp = state.stamp(self.mistake);
                state.ran_back |= stamp < state.newest_spooled;
                state.newest_spooled = stamp;
            }
            Action::Close => {
                state.closed_for = Some(state.copy_at);
                if self.mistake != Some(Mistake::ClosingIsForgotten) {
                    state.newest_spooled = state.stamp(self.mistake);
                }
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(YOUNG, |_, state: &State| {
                state.answered.is_none_or(|(age, _)| age <= AGE_MAX + state.set_back)
            }),
            Property::always(STAYS_CLOSED, |_, state: &State| state.answered.is_none_or(|(_, closed)| !closed)),
            Property::always(NEVER_BACK, |_, state: &State| !state.ran_back),
            Property::sometimes("an answer at the greatest age", |_, state: &State| {
                state.set_back == 0 && state.answered == Some((AGE_MAX, false))
            }),
            Property::sometimes("closed by age, and open again on a newer copy", |_, state: &State| {
                let newer = state.closed_for.is_some_and(|closed| closed < state.copy_at);
                newer && state.answered.is_some() && state.mode(None) == Mode::Island
            }),
            Property::sometimes("closed by age while the clock is set back", |_, state: &State| {
                state.set_back > 0 && state.closed_for == Some(state.copy_at)
            }),
            Property::sometimes("not authorised any more", |_, state: &State| {
                state.mode(None) == Mode::Closed(Closed::NotAuthorised)
            }),
        ]
    }
}

const YOUNG: &str = "no answer stands on a copy that is too old, but for what a clock was set back";
const STAYS_CLOSED: &str = "what was closed by age stays closed until a newer copy comes";
const NEVER_BACK: &str = "the times of the spools never run back";

#[test]
fn an_island_closes_by_age_and_stays_closed() {
    holds("island's age", Age { mistake: None });
}

#[test]
fn a_closing_that_is_forgotten_is_found_out() {
    fails("island's age, closing forgotten", || Age { mistake: Some(Mistake::ClosingIsForgotten) }, STAYS_CLOSED);
}

#[test]
fn trusting_the_clock_is_found_out() {
    fails("island's age, trusts the clock", || Age { mistake: Some(Mistake::TrustsTheClock) }, STAYS_CLOSED);
    fails("island's age, trusts the clock", || Age { mistake: Some(Mistake::TrustsTheClock) }, NEVER_BACK);
}
