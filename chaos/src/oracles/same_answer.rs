//! SameAnswer: the same question at the same positions, by the same policies, has the same answer, whichever replica gave it.

use std::collections::BTreeMap;

use client::v1;
use model::ids::GroupId;
use prost::Message;

use super::{Case, Findings};
use crate::history::{Answer, Call};

pub(super) fn judge(case: &Case<'_>) -> Findings {
    let mut found = Vec::new();
    // Question, version of the policies, positions.
    type Asked = (Vec<u8>, u64, BTreeMap<GroupId, u64>);
    let mut known: BTreeMap<Asked, (usize, &[u8])> = BTreeMap::new();
    for held in &case.evidence.held {
        let Some(operation) = case.operations.get(held.operation) else { continue };
        let (Call::Screen { message: asked }, Some(Answer::Screened(answer))) = (&operation.call, operation.answer())
        else {
            continue;
        };
        let Some(event) = case.evidence.of_screen(answer) else { continue };
        // All of it, so that no field is forgotten; how fresh the answer had to be shows in its positions.
        let question = v1::ScreenRequest { freshness: String::new(), ..asked.clone() }.encode_to_vec();
        let asked = (question, answer.policy_version, event.positions());
        let (first, body) = *known.entry(asked).or_insert((held.operation, &held.body));
        if body != held.body {
            found.push((operation.begun_ms, format!("answers {first} and {} to one question differ", held.operation)));
        }
    }
    found
}
