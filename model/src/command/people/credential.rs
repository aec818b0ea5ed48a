//! What a control officer does for the log-on of an account: opens what failures or disuse shut, and issues the secret by which
//! its holder sets his factors.

use crate::command::people::ground::{Actor, Step, unfit};
use crate::command::people::user::UserChange;
use crate::error::RefusalCode;
use crate::ids::UserId;
use crate::people::Credential;
use crate::people::credential::{ENROLMENT_MS, Enrolment};
use crate::people::profile::Profile;
use crate::time::UnixMillis;
use crate::view::{Read, View, Write};

/// By the account's control officer, or a national one. The account counts as used from now on.
pub fn unlock(view: &dyn View, actor: &Actor, before: &Profile) -> Step<Profile> {
    actor.is_above(view, before)?;
    if !before.is_active() {
        return Err(unfit(RefusalCode::WrongState, "a suspension is lifted by `user reinstate`, by two"));
    }
    Ok(Profile { last_activity: actor.now, ..before.clone() })
}

/// By the same.
pub fn enrol(view: &dyn View, actor: &Actor, before: &Profile) -> Step<Profile> {
    actor.is_above(view, before)?;
    Ok(before.clone())
}

/// What such a change writes beside the account.
pub fn after(view: &dyn View, user: &UserId, change: &UserChange, now: UnixMillis) -> Read<Option<Write>> {
    let held = || Ok(view.credential(user)?.unwrap_or_else(|| Credential::none(user.clone())));
    let put = |credential| Some(Write::PutCredential(Box::new(credential)));
    Ok(match change {
        UserChange::Unlock(()) => {
            let mut credential = held()?;
            credential.open();
            put(credential)
        }
        UserChange::Enrol(digest) => {
            let enrolment = Some(Enrolment { digest: *digest, until: now.after(ENROLMENT_MS) });
            put(Credential { enrolment, ..held()? })
        }
        // Its id is never given again, and nothing that would open it stays.
        UserChange::Close(()) => put(Credential::none(user.clone())),
        _ => None,
    })
}
