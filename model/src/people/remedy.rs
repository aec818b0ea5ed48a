//! What stays open to an account whose standing lapsed. None of the service functions does: only what heals the lapse.

use std::collections::BTreeSet;

use crate::access::denial::Denial;
use crate::access::function::Function;
use crate::access::principal::Principal;
use crate::time::UnixMillis;

crate::coded! {
    /// What a caller may do whatever his functions are.
    pub enum Remedy {
        /// Who am I, and what do I lack.
        1 "whoami" => WhoAmI,
        2 "log-off" => LogOff,
        /// The Security and Privacy Awareness course (R04).
        3 "take-course" => TakeCourse,
        /// The NCIC certification (R10).
        4 "recertify" => Recertify,
    }
}

/// Everything that an account lacks at a time, in the order of the decision (SECURITY.md 1.3): empty when it is in
/// standing.
pub fn lacks(principal: &Principal, now: UnixMillis) -> Vec<Denial> {
    let over = |until: Option<UnixMillis>| until.is_none_or(|until| until <= now);
    let agreement = principal.agreement.as_ref();
    let facts = [
        (!principal.active, Denial::Suspended),
        (principal.background.is_none(), Denial::BackgroundMissing),
        (principal.background.is_some_and(|(_, until)| until <= now), Denial::BackgroundStale),
        (!principal.national && !principal.foreign_service_national, Denial::Nationality),
        (agreement.is_some_and(|scope| over(scope.until)), Denial::Agreement),
        (over(principal.course_until), Denial::Course),
        (over(principal.certified_until), Denial::Certification),
        (principal.is_ncic_holder() && over(principal.ncic_until), Denial::Ncic),
    ];
    facts.into_iter().filter(|(lacks, _)| *lacks).map(|(_, denial)| denial).collect()
}

/// What is open beside the functions. Course and NCIC are healed side by side, or lapsing together would shut an
/// account for good; a suspended account heals nothing by itself.
pub fn remedies(principal: &Principal, now: UnixMillis) -> BTreeSet<Remedy> {
    let lacks = lacks(principal, now);
    let mut open = BTreeSet::from([Remedy::WhoAmI, Remedy::LogOff]);
    if !lacks.contains(&Denial::Suspended) {
        open.extend(lacks.contains(&Denial::Course).then_some(Remedy::TakeCourse));
        open.extend(lacks.contains(&Denial::Ncic).then_some(Remedy::Recertify));
    }
    open
}

/// Whether a function is open to an account at a time, or why not: any lapse shuts all of them, and a lapsed NCIC
/// certification is said before everything else that can be healed (R10).
pub fn open(principal: &Principal, function: Function, now: UnixMillis) -> Result<(), Denial> {
    let lacks = lacks(principal, now);
    let healed = [Denial::Agreement, Denial::Course, Denial::Certification];
    match lacks.first() {
        Some(first) if healed.contains(first) && lacks.contains(&Denial::Ncic) => return Err(Denial::Ncic),
        Some(first) => return Err(*first),
        None => {}
    }
    if principal.holds(function, now) {
        let named = principal.agreement.as_ref().is_none_or(|scope| scope.functions.contains(&function));
        return if named { Ok(()) } else { Err(Denial::Agreement) };
    }
    let by_transaction = principal.transactions.iter().any(|(own, ..)| *own == function);
    Err(if by_transaction { Denial::Transaction } else { Denial::Function })
}
