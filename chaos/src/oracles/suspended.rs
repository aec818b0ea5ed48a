//! Suspended: who is refused too often is suspended soon after, whichever nodes he asked (R23). Judged while everything works:
//! denials are told to the directory in batches, and one that has no quorum learns of them late.

use std::collections::BTreeMap;

use model::access::denial::Denial;
use model::audit::event::Verdict;
use model::people::scores::SHORT_SCORE;

use super::{Case, Findings};

/// A denial has reached the directory after so long.
const TOLD_WITHIN_MS: u64 = 3_000;
/// An event is in the log so long after its denial was told, while everything works.
const RECORDED_WITHIN_MS: u64 = 1_000;

pub(super) fn judge(case: &Case<'_>) -> Findings {
    let mut found = Vec::new();
    if !case.run.world.gated {
        return found;
    }
    // By user, when it was in the log that he was refused what counts most: a function that he does not hold. (The times in
    // events are of clocks that may be wrong.)
    let mut refused: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for event in case.evidence.events() {
        let header = &event.leaf.header;
        if header.verdict == Verdict::Refused.number() && header.code.as_deref() == Some(Denial::Function.code()) {
            refused.entry(header.user.as_str()).or_default().push(event.applied_ms);
        }
    }
    let needed = SHORT_SCORE.div_ceil(u32::from(model::people::scores::DenialKind::Function.weight())) as usize;
    for (user, mut times) in refused {
        times.sort_unstable();
        for together in times.windows(needed) {
            let (Some(first), Some(last)) = (together.first(), together.last()) else { continue };
            let (from, to) = (first.saturating_sub(RECORDED_WITHIN_MS), last + TOLD_WITHIN_MS);
            if !case.run.steady.iter().any(|span| span.from_ms <= from && to <= span.to_ms) {
                continue;
            }
            let active =
                |moment: &super::powers::Moment| moment.account(user).is_none_or(|account| account.profile.is_active());
            if case.powers.between(from, to).iter().all(active) {
                let what = format!("{user} was refused {needed} times between {first} and {last} ms, and goes on");
                found.push((*last, what));
            }
        }
    }
    found
}
