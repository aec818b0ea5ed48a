//! Duties that one person must not join (R09, R22): which functions a category may hold, who may act as what.

use crate::access::denial::Denial;
use crate::access::function::Function;
use crate::access::principal::{Category, Principal};
use crate::access::standing::{MAINTENANCE_FUNCTIONS, SECURITY_ADMINISTRATOR_FUNCTIONS};
use crate::ids::{AgencyId, UserId};

use Function::*;

/// Functions that change people and powers: each command of `command/people/` asks for one of them.
const ADMINISTRATION: [Function; 14] = [
    UserRequest,
    UserApprove,
    StandingRecord,
    UserCertify,
    UserSuspend,
    UserReinstate,
    UserClose,
    FunctionGrant,
    AgencyAdministration,
    AgreementDraft,
    AgreementReview,
    AgreementApprove,
    MemorandumAccept,
    AccessPolicies,
];

/// Whether a category may hold a function at all (R09). Control officers may hold any, since they assign only what they
/// hold; what they may do with it, [`may_act`] says of our commands and the gate of all others.
pub fn may_hold(category: Category, function: Function) -> bool {
    match category {
        Category::ControlOfficer => true,
        Category::Supervisor => !keeps_accounts(function),
        Category::General => !keeps_accounts(function) && !needs_rank(function),
        Category::Maintenance => MAINTENANCE_FUNCTIONS.contains(&function),
        Category::SecurityAdministrator => SECURITY_ADMINISTRATOR_FUNCTIONS.contains(&function),
    }
}

/// A control officer's own.
fn keeps_accounts(function: Function) -> bool {
    matches!(function, FunctionGrant | UserCertify | UserClose)
}

/// A supervisor's, and in part a control officer's.
fn needs_rank(function: Function) -> bool {
    matches!(function, UserRequest | UserReinstate | LookoutApprove)
}

/// Whether a category may change people and powers, or end a session, by a function (R09). Control officers keep accounts; they approve
/// none, put no role and no agency, and record no standing: else they could give what they may not assign.
pub fn may_act(category: Category, function: Function) -> bool {
    if function == SessionEnd {
        return matches!(category, Category::ControlOfficer | Category::SecurityAdministrator);
    }
    let of_accounts = keeps_accounts(function) || matches!(function, UserRequest | UserSuspend | UserReinstate);
    ADMINISTRATION.contains(&function)
        && may_hold(category, function)
        && match category {
            Category::ControlOfficer => of_accounts,
            Category::General | Category::Supervisor => true,
            Category::Maintenance | Category::SecurityAdministrator => false,
        }
}

/// Whether somebody may approve what another entered (R22): a supervisor of the same agency, and another person.
pub fn may_approve(creator: &UserId, owner: &AgencyId, approver: &Principal) -> Result<(), Denial> {
    let allowed = approver.user != *creator && approver.category == Category::Supervisor && approver.agency == *owner;
    if allowed { Ok(()) } else { Err(Denial::Approval) }
}

/// Whether something is the caller's agency's to change or to open to others (R20).
pub fn owns(owner: &AgencyId, caller: &AgencyId) -> Result<(), Denial> {
    if owner == caller { Ok(()) } else { Err(Denial::Owner) }
}
