//! Durable: what was acknowledged is there at the end, on every member of its group, whatever crashed in between.

use std::collections::BTreeMap;

use model::ids::{GroupId, RecordId};

use super::{Case, Findings};
use crate::drive::Stand;
use crate::history::Answer;

pub(super) fn judge(case: &Case<'_>) -> Findings {
    let mut found = Vec::new();
    let mut replicas: BTreeMap<GroupId, Vec<&Stand>> = BTreeMap::new();
    for stand in &case.run.stands {
        replicas.entry(stand.group).or_default().push(stand);
    }
    for (number, operation) in case.operations.iter().enumerate() {
        let Some(Answer::Changed(change)) = operation.answer() else { continue };
        let Ok(id) = change.id.parse::<RecordId>() else {
            found.push((operation.begun_ms, format!("change {number} names no record: `{}`", change.id)));
            continue;
        };
        let Some(version) = case.seen.versions.get(&(id, change.version)) else {
            let what = format!("change {number}: no replica ever applied version {} of {id}", change.version);
            found.push((operation.begun_ms, what));
            continue;
        };
        let all = replicas.get(&version.group).map(Vec::as_slice).unwrap_or_default();
        for stand in all.iter().filter(|stand| stand.status.applied >= version.index) {
            if !stand.holds.versions.contains(&(id, change.version)) {
                let what = format!(
                    "change {number}: node {} has applied {} up to {} and lacks version {} of {id} of entry {}",
                    stand.node, version.group, stand.status.applied, change.version, version.index
                );
                found.push((operation.begun_ms, what));
            }
        }
        if !all.iter().any(|stand| stand.status.applied >= version.index) {
            found.push((
                operation.begun_ms,
                format!("change {number}: no replica has entry {} at the end", version.index),
            ));
        }
    }
    found
}
