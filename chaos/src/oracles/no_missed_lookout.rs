//! NoMissedLookout: an answer holds exactly what a search without any index finds, in the records that its caller may see as they
//! were at the positions that the answer stands on; and a linearizable answer stands on everything that was acknowledged before it was asked.

use std::collections::BTreeMap;

use client::v1;
use model::access::function::Function;
use model::access::grants::visible;
use model::access::labels::Labels;
use model::date::BirthDate;
use model::ids::{GroupId, Purpose, RecordId, SourceList};
use model::lookout::Lookout;
use model::policy::{Policies, Weighing};
use model::record::RecordState;
use model::screen::{Query, Score, THRESHOLD_DEFAULT};
use model::seal::Scope;
use search::{PreparedQuery, PreparedRecord, score};

use super::powers::{function_of, sights};
use super::{Case, Findings};
use crate::history::{Answer, Call};
use crate::host::tables;
use crate::people;
use crate::workload::PURPOSE;

/// A record that may be in an answer: as a hit, or since it bears what was asked for.
struct Expected<'a> {
    labels: &'a Labels,
    hit: Option<(u64, u32)>,
    meant: bool,
}

/// A version of a record, ready to be compared.
struct Version {
    index: u64,
    number: u64,
    list: Option<SourceList>,
    labels: Labels,
    /// None where it is out of force.
    content: Option<(Lookout, PreparedRecord)>,
}

pub(super) fn judge(case: &Case<'_>) -> Findings {
    let mut found = Vec::new();
    let tables = tables();
    let mut records: BTreeMap<GroupId, BTreeMap<RecordId, Vec<Version>>> = BTreeMap::new();
    for ((id, number), seen) in &case.seen.versions {
        let plain = case.keyring.open(Scope::Record(seen.record.header.dataset, *id), &seen.record.sealed).ok();
        let lookout = plain.and_then(|plain| model::codec::decode::<Lookout>(&plain).ok());
        if lookout.is_none() {
            found.push((0, format!("version {number} of {id} does not open")));
        }
        let in_force = seen.record.header.state == RecordState::Active;
        let content = lookout.filter(|_| in_force).map(|lookout| {
            let prepared = PreparedRecord::new(&lookout, &tables);
            (lookout, prepared)
        });
        let versions = records.entry(seen.group).or_default().entry(*id).or_default();
        let list = seen.record.header.source.as_ref().map(|source| source.list.clone());
        let labels = Labels::of(&seen.record.header);
        versions.push(Version { index: seen.index, number: *number, list, labels, content });
    }
    // By group, in the order of what the clients were told: the entry that was acknowledged.
    let mut acknowledged: Vec<(u64, GroupId, u64)> = Vec::new();
    for operation in case.operations {
        if let (Some(Answer::Changed(change)), Some((order, _, _))) = (operation.answer(), &operation.ended)
            && let Ok(id) = change.id.parse::<RecordId>()
            && let Some(version) = case.seen.versions.get(&(id, change.version))
        {
            acknowledged.push((*order, version.group, version.index));
        }
    }
    acknowledged.sort_unstable();
    // By group, when which entries had been applied by some replica.
    let mut committed: BTreeMap<GroupId, Vec<(u64, u64)>> = BTreeMap::new();
    for ((group, index), at) in &case.seen.applied_at {
        committed.entry(*group).or_default().push((*at, *index));
    }
    for entries in committed.values_mut() {
        entries.sort_unstable();
        let mut most = 0;
        for (_, index) in entries {
            most = most.max(*index);
            *index = most;
        }
    }
    for (number, operation) in case.operations.iter().enumerate() {
        let (Call::Screen { message }, Some(Answer::Screened(answer))) = (&operation.call, operation.answer()) else {
            continue;
        };
        let Some(event) = case.evidence.of_screen(answer) else { continue };
        let positions = event.positions();
        let groups = case.run.world.groups().into_iter().filter(|group| group.is_records()).count();
        if answer.partial != (positions.len() < groups) {
            let what =
                format!("answer {number} says partial={}, it stands on {} groups", answer.partial, positions.len());
            found.push((operation.begun_ms, what));
        }
        if message.freshness == "linearizable" {
            for (group, applied) in &positions {
                // What any replica had applied was committed, told to anybody or not.
                let known = committed.get(group).map_or(&[][..], Vec::as_slice);
                let known = &known[..known.partition_point(|(at, _)| *at < operation.begun_ms)];
                if let Some((at, index)) = known.last().filter(|(_, index)| index > applied) {
                    let what = format!(
                        "linearizable answer {number} stands on entry {applied} of {group}, {index} was applied at {at} ms"
                    );
                    found.push((operation.begun_ms, what));
                }
                let before = acknowledged.iter().take_while(|(order, _, _)| *order < operation.begun);
                let most = before.filter(|(_, of, _)| of == group).map(|(_, _, index)| *index).max().unwrap_or(0);
                if most > *applied {
                    let what = format!(
                        "linearizable answer {number} stands on entry {applied} of {group}, {most} was acknowledged"
                    );
                    found.push((operation.begun_ms, what));
                }
            }
        }
        let Some(query) = query(message) else { continue };
        let purpose = if case.run.world.gated { people::purpose_of(&operation.user) } else { PURPOSE };
        let Ok(purpose) = Purpose::new(purpose) else { continue };
        let none = Policies::default();
        let by = if answer.policy_version == 0 { Some(&none) } else { case.seen.policies.get(&answer.policy_version) };
        let Some(policies) = by.filter(|_| event.payload.policies == Some(answer.policy_version)) else {
            let told = (answer.policy_version, event.payload.policies);
            let what = format!("answer {number} names the policies {}, its event {:?}", told.0, told.1);
            found.push((operation.begun_ms, what));
            continue;
        };
        // By what is weighed, the question as it is then asked.
        let mut asked: BTreeMap<Weighing, (Query, PreparedQuery)> = BTreeMap::new();
        let mut all: BTreeMap<RecordId, Expected<'_>> = BTreeMap::new();
        for (group, applied) in &positions {
            for (id, versions) in records.get(group).into_iter().flatten() {
                let Some(version) = versions.iter().rev().find(|version| version.index <= *applied) else { continue };
                let Some((lookout, record)) = &version.content else { continue };
                let (weighing, threshold) = policies.hold(version.list.as_ref(), &purpose);
                let meant = threshold <= THRESHOLD_DEFAULT && is_meant(message, lookout);
                let (query, prepared) = asked.entry(weighing).or_insert_with(|| {
                    let query = weighed(&query, weighing);
                    (query.clone(), PreparedQuery::new(&query, &tables))
                });
                let threshold = message.threshold.map_or(threshold, Score::from_fraction);
                let scored = score(query, prepared, lookout, record, &tables).score;
                let hit =
                    (scored >= threshold && scored != Score::default()).then_some((version.number, scored.parts()));
                if meant || hit.is_some() {
                    all.insert(*id, Expected { labels: &version.labels, hit, meant });
                }
            }
        }
        let in_order = answer
            .hits
            .is_sorted_by_key(|hit| (std::cmp::Reverse(Score::from_fraction(hit.score).parts()), hit.id.clone()));
        if !in_order {
            found.push((operation.begun_ms, format!("the hits of answer {number} are not in order")));
        }
        let got: BTreeMap<RecordId, (u64, u32)> = answer
            .hits
            .iter()
            .filter_map(|hit| Some((hit.id.parse().ok()?, (hit.version, Score::from_fraction(hit.score).parts()))))
            .collect();
        if got.len() != answer.hits.len() {
            found.push((operation.begun_ms, format!("answer {number} names a record twice")));
        }
        let limit = query.limit;
        let compare = |seen: &dyn Fn(&Labels) -> bool| -> Vec<String> {
            let mut wrong = Vec::new();
            let seen = || all.iter().filter(|(_, it)| seen(it.labels));
            let expected: BTreeMap<RecordId, (u64, u32)> = seen().filter_map(|(id, it)| Some((*id, it.hit?))).collect();
            // An answer that is full holds the best of them.
            let full = expected.len() > limit;
            if full {
                let mut best: Vec<_> = expected.iter().collect();
                best.sort_by_key(|(id, (_, score))| (std::cmp::Reverse(*score), **id));
                best.truncate(limit);
                if got.len() != best.len() || best.iter().any(|(id, hit)| got.get(id) != Some(hit)) {
                    wrong.push(format!("answer {number} is full with others than the best {best:?}: {got:?}"));
                }
            } else if got != expected {
                let missing: Vec<_> = expected.iter().filter(|(id, _)| !got.contains_key(id)).take(2).collect();
                let surplus: Vec<_> = got.iter().filter(|(id, _)| !expected.contains_key(id)).take(2).collect();
                let other: Vec<_> =
                    expected.iter().filter(|(id, hit)| got.get(id).is_some_and(|got| got != *hit)).take(2).collect();
                wrong.push(format!(
                    "answer {number} of node {} at {positions:?}: missing {missing:?}, too much {surplus:?}, other {other:?}",
                    event.leaf.header.node
                ));
            }
            if let Some((id, _)) = seen().find(|(id, it)| it.meant && !full && !got.contains_key(id)) {
                wrong.push(format!("answer {number}: {id} bears what was asked for, and is not in it: {message:?}"));
            }
            wrong
        };
        // Whoever sees all; else as in a world without what is hidden from the caller, by something that he was let in on.
        let all_of_it = !case.run.world.gated || function_of(operation) == Some(Function::PrimaryQuery);
        let wrong = if all_of_it {
            compare(&|_| true)
        } else {
            let of_each = sights(case, operation).into_iter().map(|grants| compare(&|labels| visible(&grants, labels)));
            let of_each: Vec<Vec<String>> = of_each.collect();
            let one_fits = of_each.iter().any(Vec::is_empty);
            of_each.into_iter().next().filter(|_| !one_fits).unwrap_or_default()
        };
        found.extend(wrong.into_iter().map(|what| (operation.begun_ms, what)));
    }
    found
}

/// By the generator's truth, which knows nothing of scores: whoever gives a listed number, or nothing but a listed name, is
/// found.
fn is_meant(asked: &v1::ScreenRequest, lookout: &Lookout) -> bool {
    let same = |number: &str, asked: &str| !asked.is_empty() && number == asked;
    let by_number = lookout.documents.iter().any(|document| same(&document.number, &asked.document))
        || lookout.plates.iter().any(|plate| same(&plate.number, &asked.plate))
        || lookout.registrations.iter().any(|it| same(&it.number, &asked.registration));
    let alone = v1::ScreenRequest { name: asked.name.clone(), ..Default::default() };
    let only_named = v1::ScreenRequest { freshness: String::new(), limit: 0, ..asked.clone() } == alone;
    by_number || (only_named && lookout.names.first().is_some_and(|name| same(&name.full, &asked.name)))
}

/// The question with what is weighed alone; read here once more for the same reason.
fn weighed(query: &Query, weighing: Weighing) -> Query {
    let mut query = query.clone();
    if !weighing.birth_date {
        query.birth_date = None;
    }
    if !weighing.nationality {
        query.nationality = None;
    }
    query.without_weak_aliases = !weighing.weak_aliases;
    query
}

/// The question of a message, read here once more so that the node is not judged by its own reading.
pub(super) fn query(message: &v1::ScreenRequest) -> Option<Query> {
    let some = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_string());
    Some(Query {
        name: some(&message.name),
        birth_date: match some(&message.birth_date) {
            Some(text) => Some(text.parse::<BirthDate>().ok()?),
            None => None,
        },
        nationality: some(&message.nationality),
        document: some(&message.document),
        plate: some(&message.plate),
        registration: some(&message.registration),
        limit: message.limit as usize,
        ..Query::default()
    })
}
