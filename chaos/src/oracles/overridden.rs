//! Overridden: a hit is marked exactly if an override applies that was in force at the positions that the answer stands on, and
//! a linearizable answer knows of every override that was acknowledged, or ended, before it was asked. Never is the one marked
//! who comes with what no override holds.

use std::collections::BTreeMap;

use client::v1;
use model::codec;
use model::ids::{OverrideId, RecordId};
use model::lookout::Lookout;
use model::overrides::Override;
use model::seal::Scope;
use model::time::UnixMillis;

use super::no_missed_lookout::query;
use super::{Case, Findings};
use crate::history::{Answer, Call};
use crate::sight::SeenOverride;

/// An override's state, opened.
struct Told<'a> {
    seen: &'a SeenOverride,
    content: Override,
}

pub(super) fn judge(case: &Case<'_>) -> Findings {
    let mut found = Vec::new();
    // By lookout and override, its states in order.
    let mut told: BTreeMap<RecordId, BTreeMap<OverrideId, Vec<Told<'_>>>> = BTreeMap::new();
    for ((id, _), seen) in &case.seen.overrides {
        let header = &seen.stored.header;
        let plain = case.keyring.open(Scope::Override(header.dataset, header.lookout, *id), &seen.stored.sealed).ok();
        match plain.and_then(|plain| codec::decode::<Override>(&plain).ok()) {
            Some(content) => {
                let of = told.entry(header.lookout).or_default().entry(*id).or_default();
                of.push(Told { seen, content });
            }
            None => found.push((0, format!("override {id} does not open"))),
        }
    }
    // What was acknowledged, in the order in which it was told.
    let mut acknowledged: Vec<(u64, &SeenOverride)> = Vec::new();
    for (number, operation) in case.operations.iter().enumerate() {
        let (Some(Answer::Overridden(change)), Some((order, at, _))) = (operation.answer(), &operation.ended) else {
            continue;
        };
        let id = change.id.parse::<OverrideId>().unwrap_or_default();
        match case.seen.overrides.get(&(id, change.version)) {
            Some(seen) => acknowledged.push((*order, seen)),
            None => found.push((*at, format!("call {number} was told of override {id}, and no replica has it"))),
        }
    }
    for (number, operation) in case.operations.iter().enumerate() {
        let (Call::Screen { message }, Some(Answer::Screened(answer))) = (&operation.call, operation.answer()) else {
            continue;
        };
        let (Some(event), Some(query)) = (case.evidence.of_screen(answer), query(message)) else { continue };
        let positions = event.positions();
        let mut wrong = |what: String| found.push((operation.begun_ms, format!("answer {number}: {what}")));
        if message.freshness == "linearizable" {
            let before = acknowledged.iter().filter(|(order, _)| *order < operation.begun);
            let late = before
                .map(|(_, seen)| seen)
                .find(|seen| positions.get(&seen.group).is_some_and(|applied| *applied < seen.index));
            if let Some(seen) = late {
                wrong(format!("it does not know of override {}, which was acknowledged", seen.stored.header.id));
            }
        }
        let at = UnixMillis(event.leaf.header.at_ms);
        for hit in &answer.hits {
            let Ok(lookout) = hit.id.parse::<RecordId>() else { continue };
            let Some(version) = case.seen.versions.get(&(lookout, hit.version)) else { continue };
            let applied = positions.get(&version.group).copied().unwrap_or(0);
            let scope = Scope::Record(version.record.header.dataset, lookout);
            let plain = case.keyring.open(scope, &version.record.sealed).ok();
            let Some(content) = plain.and_then(|plain| codec::decode::<Lookout>(&plain).ok()) else { continue };
            let then = |states: &'_ Vec<Told<'_>>| states.iter().rposition(|state| state.seen.index <= applied);
            let expected = told.get(&lookout).into_iter().flatten().find(|(_, states)| {
                then(states).and_then(|at| states.get(at)).is_some_and(|state| {
                    state.seen.stored.header.in_force(at) && state.content.applies(&content, &query, at)
                })
            });
            let expected = expected.map(|(id, _)| id.to_string());
            let marked = hit.overridden.as_ref().map(|mark| mark.id.clone());
            if marked != expected {
                wrong(format!("{lookout} is marked by {marked:?}, and {expected:?} applies at {applied}"));
            }
            if hit.overridden.is_some() && !is_namesake(message) {
                wrong(format!("{lookout} is marked for somebody who is no namesake: {message:?}"));
            }
        }
        let in_answer: Vec<bool> = answer.hits.iter().map(|hit| hit.overridden.is_some()).collect();
        let in_event: Vec<bool> = event.payload.results.iter().map(|result| result.overridden).collect();
        if in_answer != in_event {
            wrong(format!("its event says {in_event:?} of what is overridden, it says {in_answer:?}"));
        }
    }
    found
}

/// By the workload's truth, which knows nothing of the rule: only namesakes have these documents and this date.
fn is_namesake(message: &v1::ScreenRequest) -> bool {
    message.document.starts_with("NAMESAKE") || message.birth_date == "1899-12-13"
}
