//! The oracles, each in a file named after the promise that it judges. What must hold at every moment is judged as it happens
//! (`crate::sight`); what follows from the whole of a run is judged here, once it is over.
//!
//! `Retained` is judged from the day on which there is expiry to judge: its file goes here, and its line into [`judge`].

mod append_only_audit;
mod available;
pub mod bounds;
pub mod dated;
mod durable;
mod evidence;
mod exactly_once;
mod linearizable;
mod live;
mod no_missed_lookout;
mod no_unaudited_answer;
mod no_unauthorised_byte;
mod outbox_once;
mod overridden;
mod powers;
mod same_answer;
mod same_state;
mod sealed;
mod suspended;

use model::seal::Keyring;

use crate::drive::Run;
use crate::history::Operation;
use crate::host::keyring;
use crate::sight::{Seen, Violation};

pub use evidence::Evidence;
pub use powers::Powers;

/// A run that is over, as the oracles see it.
pub struct Case<'a> {
    pub run: &'a Run,
    pub seen: &'a Seen,
    pub operations: &'a [Operation],
    /// Opens what was sealed.
    pub keyring: &'a Keyring,
    /// The events behind the answers.
    pub evidence: &'a Evidence,
    /// What the directory said of everybody, and when.
    pub powers: &'a Powers,
}

/// What an oracle finds: what was broken, and when.
type Findings = Vec<(u64, String)>;

type Judge = fn(&Case<'_>) -> Findings;

/// Judges a run by all promises; the first violations are those that were seen while it went on.
pub fn judge(run: &Run) -> Vec<Violation> {
    let mut violations = run.violations();
    if !violations.is_empty() {
        // The run was broken off there; what is missing afterwards means nothing.
        return violations;
    }
    let seen = run.sight.seen();
    let operations = run.history.operations();
    let keyring = match keyring().with(seen.data_keys.values()) {
        Ok(keyring) => keyring,
        Err(error) => {
            let what = format!("a key of data does not open: {error}");
            return vec![Violation { promise: "Sealed", at_ms: run.trace.now_ms(), what }];
        }
    };
    let evidence = Evidence::gather(&seen, &operations, &keyring);
    let powers = Powers::gather(&seen.powers);
    let case =
        Case { run, seen: &seen, operations: &operations, keyring: &keyring, evidence: &evidence, powers: &powers };
    let oracles: [(&'static str, Judge); 17] = [
        ("SameState", same_state::judge),
        ("Durable", durable::judge),
        ("Sealed", sealed::judge),
        ("AppendOnlyAudit", append_only_audit::judge),
        ("NoUnauditedAnswer", no_unaudited_answer::judge),
        ("NoUnauthorisedByte", no_unauthorised_byte::judge),
        ("Suspended", suspended::judge),
        ("Linearizable", linearizable::judge),
        ("NoMissedLookout", no_missed_lookout::judge),
        ("Overridden", overridden::judge),
        ("SameAnswer", same_answer::judge),
        ("ExactlyOnce", exactly_once::judge),
        ("OutboxOnce", outbox_once::judge),
        ("Dated", dated::judge),
        ("Available", available::judge),
        ("Live", live::judge),
        ("Bounded", bounds::judge),
    ];
    for (promise, judge) in oracles {
        // A run that did not come right has not come to rest either: Live says so.
        if !run.closed && matches!(promise, "SameState" | "OutboxOnce") {
            continue;
        }
        let found = judge(&case).into_iter().take(5);
        violations.extend(found.map(|(at_ms, what)| Violation { promise, at_ms, what }));
    }
    violations
}
