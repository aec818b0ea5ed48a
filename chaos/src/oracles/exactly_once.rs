//! A request takes place once, however often it is sent: it makes one version of one record, and whoever asked is told of that
//! one.

use std::collections::{BTreeMap, BTreeSet};

use model::ids::{RecordId, RequestId};

use super::{Case, Findings};
use crate::history::{Answer, Call};

pub(super) fn judge(case: &Case<'_>) -> Findings {
    let mut found = Vec::new();
    let end = case.run.trace.now_ms();
    let mut effects: BTreeMap<[u8; 16], BTreeSet<(RecordId, u64)>> = BTreeMap::new();
    for event in case.evidence.events() {
        let header = &event.leaf.header;
        let made = header.changes.iter().map(|changed| (RecordId(changed.id), changed.version));
        effects.entry(header.id).or_default().extend(made);
    }
    let mut requests: BTreeSet<RequestId> = BTreeSet::new();
    for (number, operation) in case.operations.iter().enumerate() {
        let request = match &operation.call {
            Call::Create { request, .. } | Call::Update { request, .. } | Call::Remove { request, .. } => *request,
            _ => continue,
        };
        let made = effects.get(&request.0).cloned().unwrap_or_default();
        if requests.insert(request) && made.len() > 1 {
            found.push((end, format!("request {request} made {} versions", made.len())));
        }
        if let Some(Answer::Changed(change)) = operation.answer()
            && change.change != "unchanged"
            && let Ok(id) = change.id.parse::<RecordId>()
            && !made.contains(&(id, change.version))
        {
            let what =
                format!("call {number} was told of version {} of {id}, its request made {made:?}", change.version);
            found.push((operation.begun_ms, what));
        }
    }
    found
}
