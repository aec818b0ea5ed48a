//! SameAnswer: the same question at the same positions, by the same policies and, where there is a gate, by the same caller, has the same answer, whichever replica gave it.

use std::collections::BTreeMap;

use client::v1;
use model::ids::GroupId;
use prost::Message;

use super::{Case, Findings};
use crate::history::{Answer, Call};

pub(super) fn judge(case: &Case<'_>) -> Findings {
    let mut found = Vec::new();
    // Question, who asked where there is a gate, version of the policies, positions.
    type Asked<'a> = (Vec<u8>, Option<&'a str>, u64, BTreeMap<GroupId, u64>);
    let mut known: BTreeMap<Asked<'_>, (usize, &[u8])> = BTreeMap::new();
    for held in &case.evidence.held {
        let Some(operation) = case.operations.get(held.operation) else { continue };
        let (Call::Screen { message: asked }, Some(Answer::Screened(answer))) = (&operation.call, operation.answer())
        else {
            continue;
        };
        let Some(event) = case.evidence.of_screen(answer) else { continue };
        // All of it, so that no field is forgotten; how fresh the answer had to be shows in its positions.
        let question = v1::ScreenRequest { freshness: String::new(), ..asked.clone() }.encode_to_vec();
        let by = case.run.world.gated.then_some(operation.user.as_str());
        let asked = (question, by, answer.policy_version, event.positions());
        let (first, body) = *known.entry(asked).or_insert((held.operation, &held.body));
        if body != held.body {
            found.push((operation.begun_ms, format!("answers {first} and {} to one question differ", held.operation)));
        }
    }
    found
}
