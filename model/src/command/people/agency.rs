//! Put an agency: made, or changed as a whole. Nobody makes himself a national control officer, nor an agency the
//! operator.

use serde::{Deserialize, Serialize};

use crate::access::function::Function;
use crate::access::principal::Category;
use crate::audit::event::EventDraft;
use crate::command::people::ground::{Done, Step, actor, content, directory, known, unfit, version};
use crate::decide::Context;
use crate::envelope::Envelope;
use crate::error::RefusalCode;
use crate::people::floor::{Floor, Party};
use crate::people::{AccountState, Agency};
use crate::view::{Effects, Read, View, Write};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutAgency {
    /// As it is to be. Its epoch and version are set here, its `operator` stays what it is.
    pub agency: Agency,
    /// 0: there is none yet.
    pub expected_version: u64,
    pub event: EventDraft,
}

pub fn decide(view: &dyn View, context: Context, envelope: &Envelope, command: &PutAgency) -> Read<Effects> {
    let id = Party::Agency(command.agency.id.clone()).object();
    let digest = content(&(&command.agency, command.expected_version))?;
    directory(view, context, envelope, (id, digest), &command.event, || change(view, context, envelope, command))
}

fn change(view: &dyn View, context: Context, envelope: &Envelope, command: &PutAgency) -> Step<Done> {
    let actor = actor(view, context, envelope, Function::AgencyAdministration)?;
    actor.is_of_operator()?;
    let before = view.agency(&command.agency.id)?;
    version(before.as_ref().map_or(0, |agency| agency.version), command.expected_version)?;
    let mut after = command.agency.clone();
    after.validate()?;
    after.operator = before.as_ref().is_some_and(|agency| agency.operator);
    if after.operator && (after.external || !after.active) {
        return Err(unfit(
            RefusalCode::WrongState,
            "the agency that runs the system stays in the department, and active",
        ));
    }
    let was = |user| before.as_ref().is_some_and(|agency| agency.is_national(user));
    if was(&actor.profile.user) != after.is_national(&actor.profile.user) {
        actor.is_another(&actor.profile.user)?;
    }
    for user in after.national.iter().filter(|user| !was(user)) {
        let officer = known(view, user)?;
        let active = matches!(officer.state, AccountState::Active(_));
        if officer.agency != after.id || officer.category != Category::ControlOfficer || !active {
            let text = format!("{user} is no active control officer of {}", after.id);
            return Err(unfit(RefusalCode::WrongState, text));
        }
    }
    after.version = command.expected_version + 1;
    after.epoch = before.as_ref().map_or(0, |agency| agency.epoch);
    let mut floors = Vec::new();
    if before.is_some_and(|before| after.narrows(&before)) {
        after.epoch += 1;
        floors.push(Floor { party: Party::Agency(after.id.clone()), epoch: after.epoch });
    }
    let (object, version) = (Party::Agency(after.id.clone()).object(), after.version);
    Ok(Done { floors, ..Done::new(Write::PutAgency(after), object, version) })
}
