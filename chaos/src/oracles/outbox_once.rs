//! What a group tells another arrives once in effect: each version of each record has one event in the audit log, whatever
//! was delivered twice, and at the end nothing waits to be delivered.

use std::collections::BTreeMap;

use model::ids::RecordId;

use super::{Case, Findings};

pub(super) fn judge(case: &Case<'_>) -> Findings {
    let mut found = Vec::new();
    let end = case.run.trace.now_ms();
    let mut told: BTreeMap<(RecordId, u64), u64> = BTreeMap::new();
    // What was proposed, or ended, may be so again as the same version of one object: there the request tells two apart.
    let mut by_request: BTreeMap<([u8; 16], RecordId, u64), u64> = BTreeMap::new();
    for event in case.evidence.events() {
        for changed in &event.leaf.header.changes {
            let at = (RecordId(changed.id), changed.version);
            let again = by_request.insert((event.leaf.header.id, at.0, at.1), event.leaf.index);
            let before = told.insert(at, event.leaf.index).filter(|_| case.seen.versions.contains_key(&at));
            if let Some(before) = before.or(again) {
                let what =
                    format!("version {} of {} is told of by leaves {before} and {}", at.1, at.0, event.leaf.index);
                found.push((end, what));
            }
        }
    }
    for (id, version) in case.seen.versions.keys() {
        if !told.contains_key(&(*id, *version)) {
            found.push((end, format!("no leaf tells of version {version} of {id}")));
        }
    }
    for stand in case.run.stands.iter().filter(|stand| stand.outbox > 0) {
        let what =
            format!("{} messages still wait in the outbox of {} on node {}", stand.outbox, stand.group, stand.node);
        found.push((end, what));
    }
    found
}
