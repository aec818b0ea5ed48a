//! Who stands above an account, and where it works.

use std::collections::BTreeSet;

use crate::access::denial::Denial;
use crate::command::people::ground::{Actor, Step, agency, denied};
use crate::command::people::request;
use crate::command::people::user::Superiors;
use crate::error::RefusalCode;
use crate::ids::PortId;
use crate::people::profile::Profile;
use crate::view::View;

/// By a national control officer. Another control officer freezes what was granted, until he has affirmed it (1.6).
pub fn set(view: &dyn View, actor: &Actor, before: &Profile, superiors: &Superiors) -> Step<Profile> {
    actor.is_another(&before.user)?;
    let own = agency(view, &before.agency)?;
    if !actor.is_national_for(&own) {
        let text = "who stands above an account is set by a national control officer";
        return Err(denied(RefusalCode::NotEntitled, Denial::Delegation, text));
    }
    let officer = Some(&superiors.control_officer);
    request::superiors(view, &own, &before.user, officer, &superiors.supervisors)?;
    let mut after = before.clone();
    after.supervisors = superiors.supervisors.clone();
    if before.control_officer.as_ref() != officer {
        after.control_officer = officer.cloned();
        after.frozen = before.has_grants();
    }
    Ok(after)
}

/// By the account's control officer (R14).
pub fn stations(actor: &Actor, before: &Profile, stations: &BTreeSet<PortId>) -> Step<Profile> {
    actor.keeps(before)?;
    Ok(Profile { stations: stations.clone(), ..before.clone() })
}
