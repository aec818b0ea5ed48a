//! After the last fault all groups serve again within a stated time (`drive::STEADY_AFTER_MS`): from then on every write and
//! every linearizable read ends with an answer within its deadline.

use client::ErrorKind;

use super::available::in_steady_time;
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
        if !judged || !in_steady_time(case, operation) {
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
        found.push((operation.begun_ms, format!("{} {number} of {} {what}", operation.call.name(), operation.port)));
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
