//! A request takes place once, however often it is sent: it makes one version of one record, and whoever asked is told of that
//! one. An import that is repeated changes nothing that is as it was.

use std::collections::{BTreeMap, BTreeSet};

use model::ids::{RecordId, RequestId};
use model::record::RecordState;
use model::seal::Scope;

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
            Call::Override { request, .. } | Call::EndOverride { request, .. } => *request,
            _ => continue,
        };
        let made = effects.get(&request.0).cloned().unwrap_or_default();
        if requests.insert(request) && made.len() > 1 {
            found.push((end, format!("request {request} made {} versions", made.len())));
        }
        if let Some(Answer::Changed(change) | Answer::Overridden(change)) = operation.answer()
            && change.change != "unchanged"
            && let Ok(id) = change.id.parse::<RecordId>()
            && !made.contains(&(id, change.version))
        {
            let what =
                format!("call {number} was told of version {} of {id}, its request made {made:?}", change.version);
            found.push((operation.begun_ms, what));
        }
    }
    found.extend(repeated(case));
    found
}

/// Versions that an import made of a record which was so already.
fn repeated(case: &Case<'_>) -> Findings {
    let mut found = Vec::new();
    let mut before: Option<(RecordId, Vec<u8>)> = None;
    for ((id, number), seen) in &case.seen.versions {
        let header = &seen.record.header;
        // Two versions of one content have other sealed bytes.
        let plain = case.keyring.open(Scope::Record(header.dataset, *id), &seen.record.sealed).ok();
        let now = plain.filter(|_| header.source.is_some() && header.state == RecordState::Active);
        if let (Some(now), Some(before)) = (&now, &before)
            && *before == (*id, now.clone())
        {
            found.push((case.run.trace.now_ms(), format!("an import made version {number} of {id} as it was before")));
        }
        before = now.map(|now| (*id, now));
    }
    found
}
