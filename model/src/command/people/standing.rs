//! What keeps an account in standing: approval, facts, certification.

use crate::access::denial::Denial;
use crate::access::principal::Principal;
use crate::access::standing::standing;
use crate::command::people::ground::{Actor, Step, denied, facts, unfit};
use crate::command::people::user::StandingFact;
use crate::error::{Invalid, RefusalCode};
use crate::people::profile::{AccountState, Profile};
use crate::time::UnixMillis;
use crate::view::View;

/// The operator checks investigation, course and need, and opens the account (F37): not who asked for it, nor its
/// holder.
pub fn approve(view: &dyn View, actor: &Actor, before: &Profile) -> Step<Profile> {
    actor.is_another(&before.user)?;
    actor.is_of_operator()?;
    let AccountState::Requested(asked) = &before.state else {
        return Err(unfit(RefusalCode::WrongState, "the account was approved before"));
    };
    if asked.by == actor.profile.user {
        let text = "who asks for an account does not approve it";
        return Err(denied(RefusalCode::SeparationOfDuties, Denial::Approval, text));
    }
    let mut after = before.clone();
    after.state = AccountState::Active(actor.stamp());
    // The approval is the first certification.
    after.standing.certified_at = Some(actor.now);
    after.last_activity = actor.now;
    let (_, principal) = facts(view, &after, actor.now)?;
    in_standing(&principal, actor.now)?;
    Ok(after)
}

fn in_standing(principal: &Principal, now: UnixMillis) -> Step<()> {
    standing(principal, now).map_err(|denial| denied(RefusalCode::WrongState, denial, "the account is not in standing"))
}

/// Facts come from who keeps them, and nobody records his own.
pub fn record(actor: &Actor, before: &Profile, fact: &StandingFact) -> Step<Profile> {
    actor.is_another(&before.user)?;
    actor.is_of_operator()?;
    let past = |field: &str, at: UnixMillis| {
        // A date to come would count longer than it may.
        if at <= actor.now { Ok(()) } else { Err(Invalid::new(field, "is in the future".into())) }
    };
    let mut after = before.clone();
    let standing = &mut after.standing;
    match fact {
        StandingFact::Background(found) => {
            past("completed", found.completed)?;
            standing.background = Some(found.clone());
        }
        StandingFact::Course(at) => {
            past("passed", *at)?;
            standing.course_passed = Some(*at);
        }
        StandingFact::Ncic(at) => {
            past("passed", *at)?;
            standing.ncic_passed = Some(*at);
        }
        StandingFact::OprHold(hold) => standing.opr_hold = *hold,
        StandingFact::Nationality(nationality) => {
            standing.national = nationality.national;
            standing.foreign_service_national = nationality.foreign_service_national;
        }
    }
    Ok(after)
}

/// The review of each year, by who keeps the account (R07).
pub fn certify(view: &dyn View, actor: &Actor, before: &Profile) -> Step<Profile> {
    actor.is_above(view, before)?;
    if !before.is_active() {
        return Err(unfit(RefusalCode::WrongState, "only an active account is certified"));
    }
    let mut after = before.clone();
    after.standing.certified_at = Some(actor.now);
    Ok(after)
}
