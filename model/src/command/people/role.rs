//! Put a role, as a whole (R11). Who holds it does not widen it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::access::function::Function;
use crate::audit::event::EventDraft;
use crate::command::people::ground::{Done, Step, actor, content, directory, version};
use crate::decide::Context;
use crate::envelope::Envelope;
use crate::ids::{RecordId, RoleId};
use crate::limits::FUNCTIONS_MAX;
use crate::people::Role;
use crate::people::agency::check_count;
use crate::people::floor::{Floor, Party};
use crate::view::{Effects, Read, View, Write};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutRole {
    pub role: RoleId,
    pub functions: BTreeSet<Function>,
    /// 0: there is none yet.
    pub expected_version: u64,
    pub event: EventDraft,
}

pub fn decide(view: &dyn View, context: Context, envelope: &Envelope, command: &PutRole) -> Read<Effects> {
    let digest = content(&(&command.functions, command.expected_version))?;
    let id = RecordId::of_object("role", command.role.as_str());
    directory(view, context, envelope, (id, digest), &command.event, || change(view, context, envelope, command))
}

fn change(view: &dyn View, context: Context, envelope: &Envelope, command: &PutRole) -> Step<Done> {
    let actor = actor(view, context, envelope, Function::AccessPolicies)?;
    actor.is_of_operator()?;
    check_count("functions", command.functions.len(), FUNCTIONS_MAX)?;
    let before = view.role(&command.role)?;
    version(before.as_ref().map_or(0, |role| role.version), command.expected_version)?;
    let had = before.map(|role| role.functions).unwrap_or_default();
    if actor.profile.roles.contains_key(&command.role) && !command.functions.is_subset(&had) {
        actor.is_another(&actor.profile.user)?;
    }
    let version = command.expected_version + 1;
    let role = Role { id: command.role.clone(), functions: command.functions.clone(), put: actor.stamp(), version };
    // Nobody counts its holders: each decision that was made before this entry is made again.
    let narrowed = !had.is_subset(&command.functions);
    let floors = narrowed.then_some(Floor { party: Party::Everyone(()), epoch: context.index });
    let id = RecordId::of_object("role", command.role.as_str());
    Ok(Done { floors: floors.into_iter().collect(), ..Done::new(Write::PutRole(role), id, version) })
}
