//! AppendOnlyAudit: every root that anybody was ever told is a prefix of the log as it is at the end, and the log at the end
//! holds every leaf that any replica ever applied, on every replica; within a session and within a port its events are numbered without
//! a gap.

use std::collections::BTreeMap;

use model::audit::merkle::{Frontier, Hash, check_consistency, empty_root};
use model::audit::sequences::Sequences;
use model::ids::GroupId;

use super::{Case, Findings};
use crate::history::{Answer, Call};

pub(super) fn judge(case: &Case<'_>) -> Findings {
    let mut found = Vec::new();
    let end = case.run.trace.now_ms();
    // The log is what was ever applied of it, which every replica must still have at the end.
    let mut roots: BTreeMap<GroupId, Vec<Hash>> = BTreeMap::new();
    let mut frontiers: BTreeMap<GroupId, Frontier> = BTreeMap::new();
    let mut sequences: BTreeMap<GroupId, Sequences> = BTreeMap::new();
    for ((group, index), leaf) in &case.seen.leaves {
        let roots = roots.entry(*group).or_insert_with(|| vec![empty_root()]);
        if roots.len() as u64 != index + 1 {
            found.push((end, format!("{group}: leaf {index} was applied and not all before it")));
            return found;
        }
        let frontier = frontiers.entry(*group).or_default();
        frontier.append(leaf.hash());
        roots.push(frontier.root());
        // One that does not open is found by whoever reads it.
        if let Ok(opened) = leaf.open(*index)
            && let Err(gap) = sequences.entry(*group).or_default().take(&opened)
        {
            found.push((end, format!("{group}: {gap}")));
            return found;
        }
    }
    for stand in case.run.stands.iter().filter(|stand| matches!(stand.group, GroupId::Audit(_))) {
        let (node, group) = (stand.node, stand.group);
        for (index, leaf) in stand.holds.leaves.iter().enumerate() {
            let seen = case.seen.leaves.get(&(group, index as u64)).map(|leaf| leaf.hash());
            // What was damaged on purpose shows when it is read.
            if *leaf != seen && !case.seen.damaged(node, group) {
                found.push((end, format!("{group}: node {node} ends with another leaf {index} than was applied")));
                break;
            }
        }
    }
    for (group, roots) in &roots {
        let lengths =
            case.run.stands.iter().filter(|stand| stand.group == *group).map(|stand| stand.holds.leaves.len());
        let longest = lengths.max().unwrap_or(0);
        if longest + 1 < roots.len() {
            found.push((end, format!("{group}: {} leaves were applied, {longest} are left", roots.len() - 1)));
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
        let (Call::Checkpoint { message }, Some(old)) =
            (&operation.call, roots.get(&group).and_then(|roots| roots.get(message_size(&operation.call))))
        else {
            continue;
        };
        let proof: Vec<Hash> =
            checkpoint.consistency.iter().filter_map(|hash| Hash::try_from(hash.as_slice()).ok()).collect();
        let root = Hash::try_from(checkpoint.root.as_slice()).unwrap_or_default();
        if message.old_size > 0
            && let Err(error) = check_consistency(message.old_size, checkpoint.size, &proof, *old, root)
        {
            found.push((operation.begun_ms, format!("checkpoint {number} does not prove that it extends: {error}")));
        }
    }
    found
}

/// The size that a checkpoint was to be proven against.
fn message_size(call: &Call) -> usize {
    match call {
        Call::Checkpoint { message } => message.old_size as usize,
        _ => 0,
    }
}
