//! Suspend, reinstate, close (SECURITY.md 1.6). One may suspend; two must reinstate: the control officer and a
//! supervisor of the account, never who benefits.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::denial::Denial;
use crate::access::function::Function;
use crate::access::principal::Category;
use crate::command::people::ground::{Actor, Step, denied, unfit};
use crate::error::RefusalCode;
use crate::ids::UserId;
use crate::people::profile::{AccountState, Capacity, Cause, Profile, Suspension};
use crate::view::View;

pub fn suspend(view: &dyn View, actor: &Actor, before: &Profile, cause: Cause) -> Step<Profile> {
    match cause {
        Cause::Auto => return Err(unfit(RefusalCode::Invalid, "cause: only the denial score suspends automatically")),
        Cause::ControlOfficer => actor.is_above(view, before)?,
        Cause::Opr => {
            actor.is_another(&before.user)?;
            actor.is_of_operator()?;
            // OPR is who records investigations.
            if !actor.principal.holds(Function::StandingRecord, actor.now) {
                return Err(denied(RefusalCode::NotEntitled, Denial::Function, "this cause is for OPR"));
            }
        }
    }
    if matches!(before.state, AccountState::Requested(_)) {
        return Err(unfit(RefusalCode::WrongState, "the account is not active yet"));
    }
    // Suspending it again takes back what was agreed on so far.
    let by = Some(actor.profile.user.clone());
    let state = AccountState::Suspended(Suspension { cause, at: actor.now, by, agreed: None });
    Ok(Profile { state, ..before.clone() })
}

/// The first of the two leaves his agreement, the second lifts the suspension. Other lapses go on as they are.
pub fn reinstate(actor: &Actor, before: &Profile) -> Step<Profile> {
    actor.is_another(&before.user)?;
    let AccountState::Suspended(suspension) = &before.state else {
        return Err(unfit(RefusalCode::WrongState, "the account is not suspended"));
    };
    let own = &actor.profile.user;
    let capacity = match actor.profile.category {
        Category::ControlOfficer if before.control_officer.as_ref() == Some(own) => Capacity::ControlOfficer,
        Category::Supervisor if before.supervisors.contains(own) => Capacity::Supervisor,
        _ => {
            let text = "a suspension is lifted by the account's control officer and one of its supervisors";
            return Err(denied(RefusalCode::NotEntitled, Denial::Approval, text));
        }
    };
    // Who is above the account no more has agreed to nothing.
    let still = |(first, capacity): &&(UserId, Capacity)| match capacity {
        Capacity::ControlOfficer => before.control_officer.as_ref() == Some(first),
        Capacity::Supervisor => before.supervisors.contains(first),
    };
    let state = match suspension.agreed.as_ref().filter(still) {
        Some((first, _)) if first == own => {
            return Err(denied(RefusalCode::SeparationOfDuties, Denial::Duty, "the other of the two must agree now"));
        }
        // Two supervisors are not enough: the control officer is one of the two.
        Some((_, before)) if *before != capacity => AccountState::Active(actor.stamp()),
        _ => AccountState::Suspended(Suspension { agreed: Some((own.clone(), capacity)), ..suspension.clone() }),
    };
    Ok(Profile { state, ..before.clone() })
}

/// For ever. What was granted goes; the row stays, so that its id and its certificates are never given again.
pub fn close(view: &dyn View, actor: &Actor, before: &Profile) -> Step<Profile> {
    actor.is_above(view, before)?;
    Ok(Profile {
        state: AccountState::Closed(actor.stamp()),
        roles: BTreeMap::new(),
        functions: BTreeMap::new(),
        transactions: Vec::new(),
        assign: BTreeSet::new(),
        proposed_assign: None,
        ..before.clone()
    })
}
