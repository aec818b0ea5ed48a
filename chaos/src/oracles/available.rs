//! Available: primary queries are answered within their deadline. Until islands are built this is judged while a quorum of
//! every group is well and has been for a while, however the other nodes fare.

use super::{Case, Findings};
use crate::drive::Steady;
use crate::history::{Answer, Call, Operation};

/// The time without trouble that all of a call lies in, if it does: everything must work there.
pub(super) fn steady_time<'a>(case: &Case<'a>, operation: &Operation) -> Option<&'a Steady> {
    let must_end = operation.begun_ms + operation.deadline_ms;
    let ended = operation.ended.as_ref().map_or(must_end, |(_, at, _)| *at);
    case.run.steady.iter().find(|span| span.from_ms <= operation.begun_ms && ended <= span.to_ms)
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
                found.push((operation.begun_ms, format!("question {number} of {} was never answered", operation.port)))
            }
            Some((_, at, Err(error))) => {
                let took = at - operation.begun_ms;
                let what =
                    format!("question {number} of {} failed after {took} ms: {} {error}", operation.port, error.code);
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
                        format!("question {number} of {} got a part of an answer", operation.port),
                    ));
                }
            }
            Some(_) => {}
        }
    }
    found
}
