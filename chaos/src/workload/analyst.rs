//! Analysts: they look at the matching policies and put other ones in force, two of them at times at once.

use client::v1;

use super::{CALL_DEADLINE, Desk, SOURCE};
use crate::history::{Answer, Call};

pub(super) async fn work(mut desk: Desk) {
    let deadline = CALL_DEADLINE.as_millis() as u64;
    while desk.next().await {
        if desk.rng.percent(70) {
            continue;
        }
        let what = || Call::Operate { what: "look at the policies".into() };
        let number = desk.office.history.begin(&desk.user, deadline, what());
        let told = desk.client.policies(v1::GetPoliciesRequest { version: 0 }).await;
        let version = told.as_ref().ok().and_then(|answer| Some(answer.policies.as_ref()?.version));
        desk.office.history.end(number, told.map(|_| Answer::Done));
        let Some(version) = version else { continue };
        let policies = v1::Policies { version: version + 1, policies: drawn(&mut desk) };
        let number = desk.office.history.begin(&desk.user, deadline, Call::Operate { what: format!("{policies:?}") });
        let told = desk.client.put_policies(v1::PutPoliciesRequest { policies: Some(policies) }).await;
        if told.is_ok() {
            desk.office.trace.mark("policies put in force");
        }
        desk.office.history.end(number, told.map(|_| Answer::Done));
    }
}

/// Policies that make answers differ: by threshold, by list, by what is weighed.
fn drawn(desk: &mut Desk) -> Vec<v1::Policy> {
    let policy = |name: &str, lists: &[&str], threshold| v1::Policy {
        name: name.into(),
        lists: lists.iter().map(ToString::to_string).collect(),
        purposes: Vec::new(),
        threshold,
        birth_date: true,
        nationality: true,
        weak_aliases: true,
    };
    match desk.rng.between(0, 4) {
        0 => Vec::new(),
        1 => vec![policy("wide", &[], 0.4)],
        2 => vec![policy("list", &[SOURCE], 0.97), policy("rest", &[], 0.5)],
        3 => vec![
            v1::Policy { birth_date: false, nationality: false, ..policy("by-name", &[SOURCE], 0.6) },
            v1::Policy { purposes: vec!["visa".into()], ..policy("visa", &[], 0.3) },
        ],
        _ => vec![v1::Policy { weak_aliases: false, ..policy("sure", &[], 0.7) }],
    }
}
