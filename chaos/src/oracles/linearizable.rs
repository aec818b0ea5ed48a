//! Linearizable: the calls on each record fit one order in which each takes place at one moment between its beginning and its
//! end. A search over all orders with memory of where it has been (Wing and Gong, with Lowe's cache); what nobody was told the
//! outcome of may have taken place at any later time, or never.

use std::collections::{BTreeMap, BTreeSet};

use model::ids::RecordId;
use model::record::AccessLevel;

use super::{Case, Findings};
use crate::history::{Answer, Call, Operation};

/// A record as one copy of it would be: its version, whether it is in force, and the edition of its content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Record {
    version: u64,
    active: bool,
    edition: String,
}

#[derive(Debug, Clone)]
enum Kind {
    Create {
        edition: String,
        told: Option<u64>,
    },
    Update {
        expected: u64,
        edition: String,
        told: Option<u64>,
    },
    Remove {
        expected: u64,
        told: Option<u64>,
    },
    /// Refused since the version was not the expected one.
    Stale {
        expected: u64,
    },
    Read {
        saw: Option<Record>,
    },
}

#[derive(Debug, Clone)]
struct Step {
    number: usize,
    begun: u64,
    /// Never, where nobody was told.
    ended: u64,
    kind: Kind,
}

/// Orders that are looked at for one record at most; a search that is given up is a finding too, for it has judged nothing.
const STEPS_MAX: usize = 2_000_000;

pub(super) fn judge(case: &Case<'_>) -> Findings {
    let mut found = Vec::new();
    let mut records: BTreeMap<RecordId, Vec<Step>> = BTreeMap::new();
    // Who is told that there is no record may not see it.
    let for_few = |id: &RecordId| {
        case.seen.versions.get(&(*id, 1)).is_some_and(|seen| seen.record.header.level != AccessLevel::One)
    };
    for (number, operation) in case.operations.iter().enumerate() {
        if let Some((id, step)) = step(number, operation) {
            if matches!(step.kind, Kind::Read { saw: None }) && case.run.world.gated && for_few(&id) {
                continue;
            }
            records.entry(id).or_default().push(step);
        }
    }
    for (id, steps) in records {
        // What an import brings in changes under the importers' hands, and nobody is told of each record.
        if case.seen.versions.get(&(id, 1)).is_some_and(|seen| seen.record.header.source.is_some()) {
            continue;
        }
        let at = steps.first().map_or(0, |step| case.operations.get(step.number).map_or(0, |first| first.begun_ms));
        match search(&steps) {
            Some(true) => {}
            Some(false) => {
                let calls: Vec<String> = steps.iter().map(|step| format!("{}: {:?}", step.number, step.kind)).collect();
                found.push((at, format!("no order explains the calls on {id}: {}", calls.join("; "))));
            }
            None => found.push((at, format!("the {} calls on {id} have too many orders to be judged", steps.len()))),
        }
    }
    found
}

fn edition(lookout: &Option<client::v1::Lookout>) -> String {
    lookout.as_ref().map(|lookout| lookout.remarks.clone()).unwrap_or_default()
}

/// The call as a step on a record; none where it says nothing of one.
fn step(number: usize, operation: &Operation) -> Option<(RecordId, Step)> {
    let told = match operation.answer() {
        Some(Answer::Changed(change)) => Some(change.version),
        _ => None,
    };
    let error = operation.error();
    let unknown = operation.ended.is_none() || error.is_some_and(|error| error.outcome_unknown);
    let stale = error.is_some_and(|error| error.code == "stale-version" && !error.outcome_unknown);
    let (id, kind) = match &operation.call {
        Call::Create { request, message } => {
            let edition = edition(&message.lookout);
            (RecordId::of_request(*request), Kind::Create { edition, told })
        }
        Call::Update { message, .. } => {
            let id = message.id.parse().ok()?;
            let expected = message.expected_version;
            let kind = if stale {
                Kind::Stale { expected }
            } else {
                Kind::Update { expected, edition: edition(&message.lookout), told }
            };
            (id, kind)
        }
        Call::Remove { message, .. } => {
            let expected = message.expected_version;
            let kind = if stale { Kind::Stale { expected } } else { Kind::Remove { expected, told } };
            (message.id.parse().ok()?, kind)
        }
        Call::Get { message } if message.version == 0 => {
            let saw = match (operation.answer(), error) {
                (Some(Answer::Record(record)), _) => Some(Record {
                    version: record.version,
                    active: record.state == "active",
                    edition: edition(&record.lookout),
                }),
                (_, Some(error)) if error.code == "no-record-available" => None,
                _ => return None,
            };
            return Some((message.id.parse().ok()?, ended(number, operation, Kind::Read { saw })));
        }
        _ => return None,
    };
    if told.is_none() && !unknown && !stale {
        // Refused for another reason, or not carried out: it did nothing.
        return None;
    }
    Some((id, ended(number, operation, kind)))
}

fn ended(number: usize, operation: &Operation, kind: Kind) -> Step {
    let told =
        operation.ended.as_ref().filter(|(_, _, told)| told.as_ref().err().is_none_or(|error| !error.outcome_unknown));
    let ended = told.map_or(u64::MAX, |(order, _, _)| *order);
    Step { number, begun: operation.begun, ended, kind }
}

/// The record after a step; none if the step cannot be at this point.
fn after(record: &Option<Record>, step: &Kind) -> Option<Option<Record>> {
    let is = |expected: u64| record.as_ref().is_some_and(|record| record.version == expected);
    match step {
        Kind::Create { edition, told } => match record {
            None => {
                let fits = told.is_none_or(|version| version == 1);
                fits.then(|| Some(Record { version: 1, active: true, edition: edition.clone() }))
            }
            // The same request again: told of what it made.
            Some(_) => told.is_none_or(|version| version == 1).then(|| record.clone()),
        },
        Kind::Update { expected, edition, told } => {
            let record = record.as_ref().filter(|record| record.version == *expected)?;
            let version = record.version + 1;
            // An update with the content that is there already changes nothing.
            if told.is_some_and(|told| told == record.version) && record.edition == *edition {
                return Some(Some(record.clone()));
            }
            let fits = record.active && told.is_none_or(|told| told == version);
            fits.then(|| Some(Record { version, active: true, edition: edition.clone() }))
        }
        Kind::Remove { expected, told } => {
            let record = record.as_ref().filter(|record| *expected == 0 || record.version == *expected)?;
            let version = record.version + 1;
            let fits = record.active && told.is_none_or(|told| told == version);
            fits.then(|| Some(Record { version, active: false, edition: record.edition.clone() }))
        }
        Kind::Stale { expected } => (!is(*expected) || record.is_none()).then(|| record.clone()),
        Kind::Read { saw } => (saw == record).then(|| record.clone()),
    }
}

/// Whether some order explains the steps; none if the search was given up.
fn search(steps: &[Step]) -> Option<bool> {
    let mut been: BTreeSet<(Vec<u64>, Option<Record>)> = BTreeSet::new();
    let words = steps.len().div_ceil(64);
    let mut stack: Vec<(Vec<u64>, Option<Record>)> = vec![(vec![0; words], None)];
    let mut looked = 0;
    while let Some((done, record)) = stack.pop() {
        let is_done = |at: usize| done[at / 64] & (1 << (at % 64)) != 0;
        let open = |at: &usize| !is_done(*at);
        // What was told must take place; what was not may be left out.
        if (0..steps.len()).filter(open).all(|at| steps[at].ended == u64::MAX) {
            return Some(true);
        }
        let first_end = (0..steps.len()).filter(open).map(|at| steps[at].ended).min().unwrap_or(u64::MAX);
        for at in (0..steps.len()).filter(open) {
            if steps[at].begun > first_end {
                continue;
            }
            looked += 1;
            if looked > STEPS_MAX {
                return None;
            }
            if let Some(next) = after(&record, &steps[at].kind) {
                let mut done = done.clone();
                done[at / 64] |= 1 << (at % 64);
                if been.insert((done.clone(), next.clone())) {
                    stack.push((done, next));
                }
            }
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: usize, begun: u64, ended: u64, kind: Kind) -> Step {
        Step { number, begun, ended, kind }
    }

    fn create(told: Option<u64>) -> Kind {
        Kind::Create { edition: "one".into(), told }
    }

    fn update(expected: u64, edition: &str, told: Option<u64>) -> Kind {
        Kind::Update { expected, edition: edition.into(), told }
    }

    fn read(version: u64, edition: &str) -> Kind {
        Kind::Read { saw: Some(Record { version, active: true, edition: edition.into() }) }
    }

    #[test]
    fn calls_one_after_the_other_are_explained() {
        let steps = [at(0, 1, 2, create(Some(1))), at(1, 3, 4, update(1, "two", Some(2))), at(2, 5, 6, read(2, "two"))];
        assert_eq!(search(&steps), Some(true));
    }

    #[test]
    fn a_read_of_the_past_is_not() {
        let steps = [at(0, 1, 2, create(Some(1))), at(1, 3, 4, update(1, "two", Some(2))), at(2, 5, 6, read(1, "one"))];
        assert_eq!(search(&steps), Some(false));
        let beside =
            [at(0, 1, 2, create(Some(1))), at(1, 3, 6, update(1, "two", Some(2))), at(2, 4, 5, read(1, "one"))];
        assert_eq!(search(&beside), Some(true), "while the update goes on either is right");
    }

    #[test]
    fn two_updates_of_one_version_are_not() {
        let steps = [
            at(0, 1, 2, create(Some(1))),
            at(1, 3, 6, update(1, "two", Some(2))),
            at(2, 4, 5, update(1, "three", Some(2))),
        ];
        assert_eq!(search(&steps), Some(false));
    }

    #[test]
    fn what_nobody_was_told_may_come_late_or_never() {
        let steps = [
            at(0, 1, 2, create(Some(1))),
            at(1, 3, u64::MAX, update(1, "two", None)),
            at(2, 5, 6, read(1, "one")),
            at(3, 7, 8, read(2, "two")),
        ];
        assert_eq!(search(&steps), Some(true));
        let back = [steps[0].clone(), steps[1].clone(), at(2, 5, 6, read(2, "two")), at(3, 7, 8, read(1, "one"))];
        assert_eq!(search(&back), Some(false), "once it was seen it has taken place");
    }
}
