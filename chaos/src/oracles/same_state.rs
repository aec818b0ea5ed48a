//! Replicas that have applied the same entries have the same state (judged at every position as it is reached, in
//! `crate::sight`); at the end, with nothing wrong any more, every member has applied all there is.

use std::collections::BTreeMap;

use model::ids::GroupId;

use super::{Case, Findings};
use crate::drive::Stand;

pub(super) fn judge(case: &Case<'_>) -> Findings {
    let mut found = Vec::new();
    let end = case.run.trace.now_ms();
    let mut groups: BTreeMap<GroupId, Vec<&Stand>> = BTreeMap::new();
    for stand in &case.run.stands {
        groups.entry(stand.group).or_default().push(stand);
    }
    for (group, stands) in groups {
        let Some(most) = stands.iter().max_by_key(|stand| stand.status.applied) else { continue };
        let committed = case.seen.committed.get(&group).copied().unwrap_or(0);
        if most.status.applied < committed {
            found.push((end, format!("{group}: {committed} entries were committed, {} are left", most.status.applied)));
        }
        for stand in &stands {
            let member = most.status.addresses.contains_key(&model::ids::NodeId(stand.node));
            if member && stand.status.applied < most.status.applied {
                let what = format!(
                    "{group}: node {} has applied {} of {} entries long after everything was well",
                    stand.node, stand.status.applied, most.status.applied
                );
                found.push((end, what));
            }
            let same = stand.status.applied == most.status.applied;
            if let (true, Some(one), Some(other)) = (same, stand.digest, most.digest)
                && one != other
            {
                found.push((
                    end,
                    format!("{group}: nodes {} and {} ended with different states", stand.node, most.node),
                ));
            }
        }
    }
    found
}
