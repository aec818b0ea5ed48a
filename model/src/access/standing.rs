//! Whether a caller may do anything at all, use a function, and work at a station (SECURITY.md 1.3, the stages before the
//! record). There is no superuser: no category is spared any of it (R30).
//!
//! Each check comes in two forms: all reasons, which the policies in `access/` must give as well, and the first, which the
//! audit shows as the reason.

use crate::access::denial::Denial;
use crate::access::function::Function;
use crate::access::principal::{Category, Principal};
use crate::ids::PortId;
use crate::time::UnixMillis;

crate::coded! {
    /// What stays open to somebody whose course or certification lapsed, so that he can renew it; and the end of a session,
    /// which is open to everybody.
    pub enum Remedy {
        1 "take-course" => TakeCourse,
        2 "recertify" => Recertify,
        3 "log-off" => LogOff,
    }
}

/// What foreign service nationals may use: their profile is limited to questions and what these find (R05).
pub const FOREIGN_SERVICE_FUNCTIONS: &[Function] =
    &[Function::PrimaryQuery, Function::SubjectQuery, Function::RecordView, Function::OverrideList];

/// What systems maintenance may use: nothing that reads or writes the content of a record, nor the audit, which names persons
/// (R09). A list of what is allowed, so that a new function is closed until somebody thought of it.
pub const MAINTENANCE_FUNCTIONS: &[Function] =
    &[Function::MatchingPolicies, Function::ClusterStatus, Function::ClusterAdministration];

/// What security administrators may use: they review the audit and whom it tells of, and end sessions; they read no record and
/// change no powers (R09).
pub const SECURITY_ADMINISTRATOR_FUNCTIONS: &[Function] =
    &[Function::AuditRead, Function::ClusterStatus, Function::UserView, Function::SessionEnd];

/// Whether something counts until a time that has not come: the boundary itself is too late.
fn current(until: Option<UnixMillis>, now: UnixMillis) -> bool {
    until.is_some_and(|until| now < until)
}

/// Every reason for which a person may do nothing, in the order in which they are told (R23, R01, R02, R05, R10, R06, R04, R07):
/// a lapsed NCIC certification is told before everything else that can be healed.
pub fn standing_denials(principal: &Principal, now: UnixMillis) -> Vec<Denial> {
    let stale = principal.background.is_some_and(|(_, until)| !current(Some(until), now));
    let outside_agreement = principal.agreement.as_ref().is_some_and(|agreement| !current(agreement.until, now));
    let uncertified = principal.is_ncic_holder() && !current(principal.ncic_until, now);
    reasons([
        (!principal.active, Denial::Suspended),
        (principal.background.is_none(), Denial::BackgroundMissing),
        (stale, Denial::BackgroundStale),
        (!principal.national && !principal.foreign_service_national, Denial::Nationality),
        (uncertified, Denial::Ncic),
        (outside_agreement, Denial::Agreement),
        (!current(principal.course_until, now), Denial::Course),
        (!current(principal.certified_until, now), Denial::Certification),
    ])
}

/// Whether a person is in standing.
pub fn standing(principal: &Principal, now: UnixMillis) -> Result<(), Denial> {
    first(standing_denials(principal, now))
}

/// Whether a remedy is open: a lapsed course, certification of the account or NCIC certification closes none, or two that
/// lapse together would lock the user out for good. Whoever has no investigation, no agreement or no active account renews
/// nothing by himself.
pub fn remedy(principal: &Principal, remedy: Remedy, now: UnixMillis) -> Result<(), Denial> {
    let renewable = |denial: &Denial| matches!(denial, Denial::Course | Denial::Certification | Denial::Ncic);
    match remedy {
        Remedy::LogOff => Ok(()),
        Remedy::TakeCourse | Remedy::Recertify => {
            first(standing_denials(principal, now).into_iter().filter(|denial| !renewable(denial)).collect())
        }
    }
}

/// Every reason for which a person may not use a function, in the order in which they are told (R11, R12, R06, R09, R05).
pub fn function_denials(principal: &Principal, function: Function, now: UnixMillis) -> Vec<Denial> {
    let holds = principal.holds(function, now);
    let by_transaction = principal.transactions.iter().any(|(own, ..)| *own == function);
    let unnamed = principal.agreement.as_ref().is_some_and(|agreement| !agreement.functions.contains(&function));
    let foreign = !principal.national && principal.foreign_service_national;
    reasons([
        (!holds && !by_transaction, Denial::Function),
        (!holds && by_transaction, Denial::Transaction),
        (unnamed, Denial::Agreement),
        (!is_duty(principal.category, function), Denial::Duty),
        (foreign && !FOREIGN_SERVICE_FUNCTIONS.contains(&function), Denial::Nationality),
    ])
}

/// Whether a person may use a function. That he may use it on a record is another question; he needs both (R13).
pub fn function(principal: &Principal, function: Function, now: UnixMillis) -> Result<(), Denial> {
    first(function_denials(principal, function, now))
}

/// Whether a function is among the duties of a category (R09).
pub fn is_duty(category: Category, function: Function) -> bool {
    match category {
        Category::General | Category::Supervisor | Category::ControlOfficer => true,
        Category::Maintenance => MAINTENANCE_FUNCTIONS.contains(&function),
        Category::SecurityAdministrator => SECURITY_ADMINISTRATOR_FUNCTIONS.contains(&function),
    }
}

/// Whether a person works at a station (R14).
pub fn station(principal: &Principal, station: &PortId) -> Result<(), Denial> {
    if principal.stations.contains(station) { Ok(()) } else { Err(Denial::Station) }
}

/// Every reason for which a system link may not use a function. It has no investigation and takes no course; it acts under an
/// agreement of its own that names what it does (R29), holds the function (R11, R12), and can be suspended (R23).
pub fn system_denials(principal: &Principal, function: Function, now: UnixMillis) -> Vec<Denial> {
    let named = |agreement: &crate::access::principal::AgreementScope| {
        current(agreement.until, now) && agreement.functions.contains(&function)
    };
    let held = function_denials(principal, function, now)
        .into_iter()
        .filter(|denial| matches!(denial, Denial::Function | Denial::Transaction | Denial::Duty));
    reasons([
        (!principal.active, Denial::Suspended),
        (!principal.agreement.as_ref().is_some_and(named), Denial::SystemLink),
    ])
    .into_iter()
    .chain(held)
    .collect()
}

/// Whether a system link may use a function.
pub fn system(principal: &Principal, function: Function, now: UnixMillis) -> Result<(), Denial> {
    first(system_denials(principal, function, now))
}

fn reasons<const N: usize>(checks: [(bool, Denial); N]) -> Vec<Denial> {
    checks.into_iter().filter_map(|(refuses, denial)| refuses.then_some(denial)).collect()
}

fn first(denials: Vec<Denial>) -> Result<(), Denial> {
    denials.first().map_or(Ok(()), |denial| Err(*denial))
}

#[cfg(test)]
#[path = "standing_test.rs"]
mod tests;
