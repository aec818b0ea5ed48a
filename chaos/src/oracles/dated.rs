//! A local answer says how old its copy may be; it is not older. Judged by what was acknowledged to somebody before the moment
//! that the answer claims to know of. To the millisecond it is judged in `sight.rs`, by what each replica says of its copy.

use std::collections::BTreeMap;

use model::ids::{GroupId, RecordId};
use model::time::UnixMillis;

use super::{Case, Findings};
use crate::history::{Answer, Call};
use crate::sight::CLOCKS_DIFFER_MS;

/// A machine that stood still learns only after a while, from its peers, how much it missed: no clock of its own tells it.
pub const BLIND_MS: u64 = 10_000;

pub(super) fn judge(case: &Case<'_>) -> Findings {
    let mut found = Vec::new();
    // By group, when entries up to which index had been acknowledged.
    let mut acknowledged: BTreeMap<GroupId, BTreeMap<u64, u64>> = BTreeMap::new();
    for operation in case.operations {
        if let (Some(Answer::Changed(change)), Some((_, ended_ms, _))) = (operation.answer(), &operation.ended)
            && let Ok(id) = change.id.parse::<RecordId>()
            && let Some(version) = case.seen.versions.get(&(id, change.version))
        {
            let at = acknowledged.entry(version.group).or_default().entry(*ended_ms).or_default();
            *at = (*at).max(version.index);
        }
    }
    for (number, operation) in case.operations.iter().enumerate() {
        let (Call::Screen { message }, Some(Answer::Screened(answer))) = (&operation.call, operation.answer()) else {
            continue;
        };
        let (Some(event), Some(as_of)) = (case.evidence.of_screen(answer), &answer.as_of) else { continue };
        if message.freshness == "linearizable" {
            continue;
        }
        let header = &event.leaf.header;
        let ended_ms = operation.ended.as_ref().map_or(operation.begun_ms, |(_, at, _)| *at);
        let mut stood = case.run.stood.get(&header.node).into_iter().flatten();
        if stood.any(|(from, to)| *from <= ended_ms && operation.begun_ms < to + BLIND_MS) {
            continue;
        }
        // Both by the answering node's own clock, rounded down to the second.
        let Some(age_ms) = age(UnixMillis(header.at_ms), &as_of.time) else { continue };
        let knows = (operation.begun_ms).saturating_sub(age_ms + CLOCKS_DIFFER_MS);
        for (group, applied) in event.positions() {
            let before =
                acknowledged.get(&group).into_iter().flat_map(|all| all.range(..knows)).map(|(_, index)| *index);
            if let Some(index) = before.max().filter(|index| *index > applied) {
                let what = format!(
                    "answer {number} of node {} says it is at most {age_ms} ms old; {group} was at {index} before that, the answer at {applied}",
                    header.node
                );
                found.push((operation.begun_ms, what));
            }
        }
    }
    found
}

/// At most how old the answer says it is.
fn age(at: UnixMillis, time: &str) -> Option<u64> {
    // The claimed second, by counting back from the node's own time: there is no need to read dates.
    (0..20).find(|seconds| at.before(seconds * 1_000).rfc3339_seconds() == time).map(|seconds| {
        // Within the second, the claim may be as early as its beginning.
        seconds * 1_000 + at.0 % 1_000
    })
}
