//! AppendOnlyAudit: every root that anybody was ever told is a prefix of the log as it is at the end, and the log at the end
//! holds every leaf that any replica ever applied, on every replica.

use std::collections::BTreeMap;

use model::audit::merkle::{Frontier, Hash, empty_root};
use model::ids::GroupId;

use super::{Case, Findings};
use crate::history::Answer;

pub(super) fn judge(case: &Case<'_>) -> Findings {
    let mut found = Vec::new();
    let end = case.run.trace.now_ms();
    let mut roots: BTreeMap<GroupId, Vec<Hash>> = BTreeMap::new();
    for stand in case.run.stands.iter().filter(|stand| matches!(stand.group, GroupId::Audit(_))) {
        let (node, group) = (stand.node, stand.group);
        for (index, leaf) in stand.holds.leaves.iter().enumerate() {
            let seen = case.seen.leaves.get(&(group, index as u64)).map(|leaf| leaf.hash());
            // What was damaged on purpose shows when it is read.
            if *leaf != seen && !case.seen.rotted().contains(&node) {
                found.push((end, format!("{group}: node {node} ends with another leaf {index} than was applied")));
                break;
            }
        }
        let frontiers = roots.entry(group).or_insert_with(|| vec![empty_root()]);
        if stand.holds.leaves.len() >= frontiers.len() {
            let mut frontier = Frontier::default();
            *frontiers = std::iter::once(empty_root())
                .chain(stand.holds.leaves.iter().map(|leaf| {
                    frontier.append(leaf.unwrap_or_default());
                    frontier.root()
                }))
                .collect();
        }
    }
    for (number, operation) in case.operations.iter().enumerate() {
        let Some(Answer::Checkpoint(checkpoint)) = operation.answer() else { continue };
        let group = checkpoint.group.parse().unwrap_or(GroupId::Audit(0));
        let root = roots.get(&group).and_then(|roots| roots.get(checkpoint.size as usize));
        if root.map(|root| root.as_slice()) != Some(checkpoint.root.as_slice()) {
            let what = format!("checkpoint {number} of size {} is no prefix of the log at the end", checkpoint.size);
            found.push((operation.begun_ms, what));
        }
    }
    found
}
