//! After the last fault all groups serve again within a stated time (`drive::STEADY_AFTER_MS`): from then on every write and
//! every linearizable read ends with an answer within its deadline.

use client::ErrorKind;

use super::available::steady_time;
use super::{Case, Findings};
use crate::history::Call;

pub(super) fn judge(case: &Case<'_>) -> Findings {
    let mut found = Vec::new();
    for (number, operation) in case.operations.iter().enumerate() {
        let judged = match &operation.call {
            Call::Operate { .. } => false,
            Call::Screen { message } => message.freshness == "linearizable",
            _ => true,
        };
        if !judged || steady_time(case, operation).is_none() {
            continue;
        }
        let what = match &operation.ended {
            None => "was never answered".to_string(),
            Some((_, _, Err(error))) if matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Internal) => {
                format!("failed: {} {error}", error.code)
            }
            Some((_, at, _)) if at - operation.begun_ms > operation.deadline_ms => {
                format!("took {} ms", at - operation.begun_ms)
            }
            Some(_) => continue,
        };
        found.push((operation.begun_ms, format!("{} {number} of {} {what}", operation.call.name(), operation.user)));
    }
    // Whatever goes wrong, a client is told something within its deadline and the margin of its last attempt.
    for (number, operation) in case.operations.iter().enumerate() {
        let timed = !matches!(operation.call, Call::Operate { .. } | Call::Import { .. });
        let latest = operation.begun_ms + operation.deadline_ms * 11 / 10 + 500;
        let ended = operation.ended.as_ref().map_or(case.run.trace.now_ms(), |(_, at, _)| *at);
        if timed && ended > latest {
            found.push((
                operation.begun_ms,
                format!("{} {number} was told nothing by {latest} ms", operation.call.name()),
            ));
        }
    }
    // The run must have come to such a time at all.
    if !case.run.closed {
        let what = format!(
            "after {} ms all had not come right, {} ms after the last fault",
            case.run.trace.now_ms(),
            case.run.world.calm_ms
        );
        found.push((case.run.trace.now_ms(), what));
    }
    found
}
