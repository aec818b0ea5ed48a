//! SameAnswer: the same question at the same positions, by the same policies, has the same answer, whichever replica gave it.

use std::collections::BTreeMap;

use model::ids::GroupId;

use super::{Case, Findings};
use crate::history::{Answer, Call};

pub(super) fn judge(case: &Case<'_>) -> Findings {
    let mut found = Vec::new();
    type Asked<'a> = (Vec<&'a str>, (u32, u64), BTreeMap<GroupId, u64>);
    let mut known: BTreeMap<Asked<'_>, (usize, &[u8])> = BTreeMap::new();
    for held in &case.evidence.held {
        let Some(operation) = case.operations.get(held.operation) else { continue };
        let (Call::Screen { message: asked }, Some(Answer::Screened(answer))) = (&operation.call, operation.answer())
        else {
            continue;
        };
        let Some(event) = case.evidence.of_screen(answer) else { continue };
        let question = vec![
            asked.name.as_str(),
            &asked.birth_date,
            &asked.nationality,
            &asked.document,
            &asked.plate,
            &asked.registration,
        ];
        let by = (asked.limit, answer.policy_version);
        let (first, body) = *known.entry((question, by, event.positions())).or_insert((held.operation, &held.body));
        if body != held.body {
            found.push((operation.begun_ms, format!("answers {first} and {} to one question differ", held.operation)));
        }
    }
    found
}
