//! NoUnauthorisedByte: whoever was answered was in standing, held the function and had a session, by something that the directory
//! held in the last two seconds; nothing in the answer is of a record that he might not see, beyond what a lookout on
//! primary shows of itself; and an error tells nothing of what is hidden. (That what he may see is all there, and as it is in
//! a world without the hidden records, [`super::no_missed_lookout`] says of searches.)

use std::collections::{BTreeMap, BTreeSet};

use client::v1;
use model::access::denial::Denial;
use model::access::grants::{Grants, visible};
use model::access::labels::Labels;
use model::ids::{GroupId, RecordId, UserId};
use model::limits::DECISION_VALID_MS;
use model::number::NumberKind;
use model::people::floor::asked_of;
use model::record::{AccessLevel, RecordState};
use raft::storage::keys;

use super::powers::{decided_at, function_of, sights};
use super::{Case, Findings};
use crate::history::{Answer, Call, Operation};

pub(super) fn judge(case: &Case<'_>) -> Findings {
    let mut found = Vec::new();
    if !case.run.world.gated {
        return found;
    }
    for (number, operation) in case.operations.iter().enumerate() {
        for what in
            allowed(case, operation).into_iter().chain(content(case, operation)).chain(told_of_hidden(case, operation))
        {
            let call = operation.call.name();
            found.push((operation.begun_ms, format!("{call} {number} of {}: {what}", operation.user)));
        }
    }
    found.extend(outdated(case));
    if case.run.closed {
        found.extend(compartments(case));
    }
    found
}

/// What was answered must have been allowed.
fn allowed(case: &Case<'_>, operation: &Operation) -> Option<String> {
    let (function, _) = (function_of(operation)?, operation.answer()?);
    let user = UserId::new(&operation.user).ok()?;
    let at = decided_at(case, operation);
    let moments = case.powers.of_call(case, operation);
    let open = |moment: &&super::powers::Moment| moment.shuts(&operation.user, function, at).is_empty();
    if moments.iter().filter(open).any(|moment| moment.has_session(&user)) {
        return None;
    }
    let why: Vec<String> = match moments.iter().find(open) {
        Some(_) => vec!["no session".into()],
        None => moments.last().map(|moment| moment.shuts(&operation.user, function, at)).unwrap_or_default(),
    };
    Some(format!("it was answered, and {function} was shut to him all the time: {}", why.join(", ")))
}

/// The labels of a version of a record.
fn labels(case: &Case<'_>, id: RecordId, version: u64) -> Option<Labels> {
    case.seen.versions.get(&(id, version)).map(|seen| Labels::of(&seen.record.header))
}

/// The labels of a record: no call of the workload changes them.
fn labels_of(case: &Case<'_>, id: RecordId) -> Option<Labels> {
    labels(case, id, 1)
}

fn sees(sights: &[Grants], labels: &Labels) -> bool {
    sights.iter().any(|grants| visible(grants, labels))
}

/// Nothing in an answer is of a record that is hidden from its caller.
fn content(case: &Case<'_>, operation: &Operation) -> Vec<String> {
    let Some(answer) = operation.answer() else { return Vec::new() };
    let sights = sights(case, operation);
    let hidden = |id: &str, version: u64| -> Option<RecordId> {
        let id = id.parse::<RecordId>().ok()?;
        let labels = labels(case, id, version)?;
        (!sees(&sights, &labels)).then_some(id)
    };
    let whole = |records: &[v1::LookoutRecord]| -> Vec<String> {
        let shown = records.iter().filter_map(|record| hidden(&record.id, record.version));
        shown.map(|id| format!("it shows {id}, which is hidden from him")).collect()
    };
    match answer {
        Answer::Record(record) => whole(std::slice::from_ref(record)),
        Answer::Listed(answer) => whole(&answer.lookouts),
        Answer::Versions(answer) => whole(&answer.versions),
        Answer::Screened(answer) => {
            let hidden: Vec<&v1::Hit> =
                answer.hits.iter().filter(|hit| hidden(&hit.id, hit.version).is_some()).collect();
            let at_the_lane = function_of(operation) == Some(model::access::function::Function::PrimaryQuery);
            let more = hidden.iter().filter(|hit| !at_the_lane || !is_minimal(hit));
            more.map(|hit| format!("it shows more of {} than he may see", hit.id)).collect()
        }
        Answer::Changed(change) => {
            let by_id = matches!(&operation.call, Call::Update { .. } | Call::Remove { .. });
            let hidden = change
                .id
                .parse::<RecordId>()
                .ok()
                .and_then(|id| labels_of(case, id))
                .filter(|labels| !sees(&sights, labels));
            hidden
                .filter(|_| by_id)
                .map(|_| format!("it changed {}, which is hidden from him", change.id))
                .into_iter()
                .collect()
        }
        _ => Vec::new(),
    }
}

/// What a lookout on primary shows of itself to whom its record is hidden: not its list, its reason, its countries, or numbers
/// that were not asked for.
fn is_minimal(hit: &v1::Hit) -> bool {
    let shown = |field: &str| matches!(field, "name" | "birth_date") || NumberKind::from_code(field).is_some();
    let bare = hit.source.is_empty() && hit.source_ref.is_empty() && hit.reason.is_empty();
    let mark = hit.overridden.as_ref().is_none_or(|mark| mark.reason.is_empty() && mark.recorded_by.is_empty());
    bare && mark && hit.explanation.iter().all(|part| shown(&part.field))
}

/// Codes that only somebody is told of who sees the record, or its version.
const OF_A_RECORD: [Denial; 7] = [
    Denial::LevelThree,
    Denial::LevelFour,
    Denial::BackgroundType,
    Denial::EnhancedDocument,
    Denial::Owner,
    Denial::TransactionRecord,
    Denial::Closed,
];

/// Who asks for a record by its id, and may not see it, is told what he would be told if it were not there.
fn told_of_hidden(case: &Case<'_>, operation: &Operation) -> Option<String> {
    let id = match &operation.call {
        Call::Get { message } => &message.id,
        Call::History { message } => &message.id,
        Call::Update { message, .. } => &message.id,
        Call::Remove { message, .. } => &message.id,
        _ => return None,
    };
    let (error, id) = (operation.error()?, id.parse::<RecordId>().ok()?);
    let there = labels_of(case, id);
    if there.is_some_and(|labels| sees(&sights(case, operation), &labels)) {
        return None;
    }
    let tells = OF_A_RECORD.iter().any(|denial| denial.code() == error.code) || error.code == "stale-version";
    let missing = error.code == "no-record-available";
    let otherwise = missing && (error.text != "no record available" || error.field.is_some());
    (tells || otherwise)
        .then(|| format!("of {id}, which is hidden from him, he is told {}: {}", error.code, error.text))
}

/// At the end the index of all holds no record of level 4, and that of level 4 no other: a word of one stands in no dictionary
/// that others are asked from.
fn compartments(case: &Case<'_>) -> Findings {
    let mut found = Vec::new();
    for stand in case.run.stands.iter().filter(|stand| stand.group.is_records()) {
        let mut newest: BTreeMap<RecordId, u64> = BTreeMap::new();
        newest.extend(stand.holds.versions.iter().copied());
        let in_force = newest.into_iter().filter_map(|key| case.seen.versions.get(&key)).filter(|seen| {
            let header = &seen.record.header;
            header.state == RecordState::Active
        });
        let (named, open): (Vec<_>, Vec<_>) = in_force.partition(|seen| seen.record.header.level == AccessLevel::Four);
        for (index, expected) in [("open", open.len()), ("level-4", named.len())] {
            let labels = format!("group=\"{}\",index=\"{index}\"}}", stand.group);
            let held =
                case.run.indexes.get(&stand.node).and_then(|indexes| indexes.get(&labels)).copied().unwrap_or(0.0);
            if held != expected as f64 {
                let what = format!(
                    "the index {index} of {} on node {} holds {held} records, {expected} are to be in it",
                    stand.group, stand.node
                );
                found.push((case.run.trace.now_ms(), what));
            }
        }
    }
    found
}

/// No group takes a change whose decision was made on less than a floor that the group had, or more than two seconds of log time
/// before.
fn outdated(case: &Case<'_>) -> Findings {
    let mut found = Vec::new();
    let mut looked: BTreeSet<(GroupId, u64)> = BTreeSet::new();
    for ((id, version), seen) in &case.seen.versions {
        if !looked.insert((seen.group, seen.index)) {
            continue;
        }
        let Some((caller, decision, proposed)) = case.seen.decided(seen.group, seen.index) else { continue };
        let age = proposed.since(decision.made_at);
        if age > DECISION_VALID_MS {
            let what = format!(
                "{}, entry {}: version {version} of {id} was decided on {age} ms before",
                seen.group, seen.index
            );
            found.push((case.run.trace.now_ms(), what));
        }
        for (party, made_on) in asked_of(caller, decision) {
            let floors = case.seen.floors.get(&(seen.group, keys::floor(&party)));
            let below = floors.into_iter().flatten().find(|(floor, since)| **since < seen.index && made_on < **floor);
            if let Some((floor, since)) = below {
                let what = format!(
                    "{}, entry {}: version {version} of {id} was decided on {made_on} of {party:?}, whose floor was {floor} since \
                     entry {since}",
                    seen.group, seen.index
                );
                found.push((case.run.trace.now_ms(), what));
            }
        }
    }
    found
}
