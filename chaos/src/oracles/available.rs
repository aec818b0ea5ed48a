//! Available: primary queries are answered within their deadline. Until islands are built this is judged while a quorum of
//! every group is well and has been for a while, however the other nodes fare.

use std::collections::BTreeSet;

use client::ClientError;
use model::access::denial::Denial;
use model::time::UnixMillis;

use super::powers::{Moment, function_of};
use super::{Case, Findings};
use crate::clock::EPOCH_MS;
use crate::drive::Steady;
use crate::history::{Answer, Call, Operation};

/// Clocks of nodes are ahead or behind by so much at most while nothing is wrong with them.
const SKEW_MS: u64 = 500;

/// The time without trouble that all of a call lies in, if it does: everything must work there.
pub(super) fn steady_time<'a>(case: &Case<'a>, operation: &Operation) -> Option<&'a Steady> {
    let must_end = operation.begun_ms + operation.deadline_ms;
    let ended = operation.ended.as_ref().map_or(must_end, |(_, at, _)| *at);
    case.run.steady.iter().find(|span| span.from_ms <= operation.begun_ms && ended <= span.to_ms)
}

/// Whether what was taken away from the caller during the call ended the session that it had begun.
fn is_ended_meanwhile(case: &Case<'_>, operation: &Operation, error: &ClientError) -> bool {
    let epoch = |moment: &Moment| moment.account(&operation.user).map(|account| account.profile.epoch);
    let epochs: BTreeSet<_> = case.powers.of_call(case, operation).iter().map(epoch).collect();
    error.code == "session-needed" && epochs.len() > 1
}

/// Whether a rule of access refuses, and it shut the function to the caller at some time of the call.
fn is_refused_rightly(case: &Case<'_>, operation: &Operation, error: &ClientError) -> bool {
    // Of a log-on the directory says so itself.
    let by_rule = error.code == "not-entitled" || Denial::ALL.iter().any(|denial| denial.code() == error.code);
    let Some(function) = function_of(operation).filter(|_| by_rule) else { return false };
    // The node that decided has a clock of its own, and windows begin and end by it.
    let ended = operation.ended.as_ref().map_or(operation.begun_ms, |(_, at, _)| *at);
    let times = [operation.begun_ms.saturating_sub(SKEW_MS), operation.begun_ms, ended, ended + SKEW_MS];
    let times = times.map(|ms| UnixMillis(EPOCH_MS + ms));
    let shut = |moment: &Moment| times.iter().any(|at| !moment.shuts(&operation.user, function, *at).is_empty());
    case.powers.of_call(case, operation).iter().any(shut)
}

pub(super) fn judge(case: &Case<'_>) -> Findings {
    let mut found = Vec::new();
    for (number, operation) in case.operations.iter().enumerate() {
        let Call::Screen { message } = &operation.call else { continue };
        if message.freshness == "linearizable" {
            continue;
        }
        let Some(steady) = steady_time(case, operation) else { continue };
        match &operation.ended {
            None => {
                found.push((operation.begun_ms, format!("question {number} of {} was never answered", operation.user)))
            }
            // By the directory as it was then; an account that may not ask is answered by its refusal.
            Some((_, _, Err(error)))
                if is_refused_rightly(case, operation, error) || is_ended_meanwhile(case, operation, error) => {}
            Some((_, at, Err(error))) => {
                let took = at - operation.begun_ms;
                let what =
                    format!("question {number} of {} failed after {took} ms: {} {error}", operation.user, error.code);
                found.push((operation.begun_ms, what));
            }
            Some((_, at, Ok(Answer::Screened(answer)))) => {
                let took = at - operation.begun_ms;
                if took > operation.deadline_ms {
                    found.push((operation.begun_ms, format!("question {number} was answered after {took} ms")));
                }
                let node = case.evidence.of_screen(answer).map_or(0, |event| event.leaf.header.node);
                if answer.partial && steady.well.contains(&node) {
                    found.push((
                        operation.begun_ms,
                        format!("question {number} of {} got a part of an answer", operation.user),
                    ));
                }
            }
            Some(_) => {}
        }
    }
    found
}
