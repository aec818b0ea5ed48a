//! NoUnauditedAnswer: each answer with record data that a client received has its event in the log, durable before the answer
//! came, with the digest of exactly those bytes; each change that was acknowledged has its event too.

use std::collections::BTreeMap;

use model::ids::RecordId;

use super::evidence::fits;
use super::{Case, Findings};
use crate::history::Answer;

pub(super) fn judge(case: &Case<'_>) -> Findings {
    let unreadable = case.evidence.unreadable.iter();
    let mut found: Findings = unreadable.map(|what| (case.run.trace.now_ms(), what.clone())).collect();
    for held in &case.evidence.held {
        let Some((_, ended_ms, _)) = case.operations.get(held.operation).and_then(|operation| operation.ended.as_ref())
        else {
            continue;
        };
        let number = held.operation;
        match case.evidence.event(&held.receipt) {
            None => found.push((*ended_ms, format!("answer {number} has no event; receipt `{}`", held.receipt))),
            Some(event) if event.applied_ms > *ended_ms => {
                let what =
                    format!("answer {number} came at {ended_ms} ms, its event was durable at {} ms", event.applied_ms);
                found.push((*ended_ms, what));
            }
            Some(event) if !fits(event, &held.body) => {
                found.push((*ended_ms, format!("answer {number} is not the one that its event tells of")));
            }
            Some(_) => {}
        }
    }
    let mut changes: BTreeMap<(RecordId, u64), [u8; 16]> = BTreeMap::new();
    for event in case.evidence.events() {
        let header = &event.leaf.header;
        changes.extend(header.changes.iter().map(|changed| ((RecordId(changed.id), changed.version), header.id)));
    }
    for (number, operation) in case.operations.iter().enumerate() {
        let Some(Answer::Changed(change) | Answer::Overridden(change)) = operation.answer() else { continue };
        let Some(ended_ms) = operation.ended.as_ref().map(|(_, at, _)| *at) else { continue };
        let Ok(id) = change.id.parse::<RecordId>() else { continue };
        if change.change != "unchanged" && !changes.contains_key(&(id, change.version)) {
            found.push((ended_ms, format!("change {number} of {id} to version {} has no event", change.version)));
        }
    }
    found
}
