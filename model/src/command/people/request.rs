//! Request an account (F37): by a supervisor of the agency that runs the system, or by a national control officer of
//! the holder's own agency. It can do nothing before it is approved, and its id is never given again.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::access::denial::Denial;
use crate::access::function::Function;
use crate::access::principal::Category;
use crate::audit::event::EventDraft;
use crate::command::people::ground::{Actor, Done, Step, actor, agency, content, denied, directory, known, unfit};
use crate::decide::Context;
use crate::envelope::Envelope;
use crate::error::RefusalCode;
use crate::ids::{AgencyId, PortId, RecordId, Token, UserId};
use crate::people::profile::{AccountState, Profile, Standing};
use crate::people::view::CertificateKey;
use crate::people::{Agency, Party};
use crate::record::Dataset;
use crate::seal::Sealed;
use crate::view::{Effects, Read, View, Write};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountDraft {
    pub user: UserId,
    pub agency: AgencyId,
    pub category: Category,
    pub control_officer: UserId,
    pub supervisors: BTreeSet<UserId>,
    pub stations: BTreeSet<PortId>,
    pub datasets: BTreeSet<Dataset>,
    pub certificates: BTreeSet<String>,
    /// Keyed digest of the personal data.
    pub content: Token,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestUser {
    pub draft: AccountDraft,
    pub personal: Sealed,
    pub event: EventDraft,
}

pub fn decide(view: &dyn View, context: Context, envelope: &Envelope, command: &RequestUser) -> Read<Effects> {
    let id = Party::User(command.draft.user.clone()).object();
    directory(view, context, envelope, (id, content(&command.draft)?), &command.event, || {
        let actor = actor(view, context, envelope, Function::UserRequest)?;
        request(view, &actor, id, command)
    })
}

fn request(view: &dyn View, actor: &Actor, id: RecordId, command: &RequestUser) -> Step<Done> {
    let draft = &command.draft;
    let own = agency(view, &draft.agency)?;
    let supervisor = actor.agency.operator && actor.profile.category == Category::Supervisor;
    if !supervisor && !actor.is_national_for(&own) {
        let text = "accounts are asked for by supervisors of the operator or by the agency's national control officers";
        return Err(denied(RefusalCode::NotEntitled, Denial::Approval, text));
    }
    if view.profile(&draft.user)?.is_some() {
        return Err(unfit(RefusalCode::WrongState, "there is an account of this id; ids are never given again"));
    }
    superiors(view, &own, &draft.user, Some(&draft.control_officer), &draft.supervisors)?;
    let profile = requested(actor, command);
    profile.validate()?;
    let mut done = Done::new(Write::PutProfile(Box::new(profile)), id, 1);
    for name in &draft.certificates {
        let key = CertificateKey::of(name);
        if view.certificate(key)?.is_some() {
            return Err(unfit(RefusalCode::WrongState, "a certificate is another account's"));
        }
        done.writes.push(Write::PutCertificate(key, draft.user.clone()));
    }
    Ok(done)
}

fn requested(actor: &Actor, command: &RequestUser) -> Profile {
    // Without `..`: a new field must be decided on here.
    let AccountDraft {
        user,
        agency,
        category,
        control_officer,
        supervisors,
        stations,
        datasets,
        certificates,
        content: _,
    } = command.draft.clone();
    Profile {
        user,
        agency,
        category,
        state: AccountState::Requested(actor.stamp()),
        standing: Standing::default(),
        control_officer: Some(control_officer),
        supervisors,
        stations,
        datasets,
        roles: BTreeMap::new(),
        functions: BTreeMap::new(),
        transactions: Vec::new(),
        frozen: false,
        assign: BTreeSet::new(),
        proposed_assign: None,
        certificates,
        personal: command.personal.clone(),
        requested: actor.stamp(),
        last_activity: actor.now,
        epoch: 0,
        version: 1,
    }
}

/// Checks who is to stand above an account: a control officer of its agency or with rights to assign there, and
/// supervisors of its agency; all active, and nobody above himself (R09).
pub fn superiors(
    view: &dyn View,
    agency: &Agency,
    user: &UserId,
    control_officer: Option<&UserId>,
    supervisors: &BTreeSet<UserId>,
) -> Step<()> {
    if supervisors.contains(user) || control_officer == Some(user) {
        return Err(denied(RefusalCode::SeparationOfDuties, Denial::Duty, "nobody is above himself"));
    }
    if let Some(officer) = control_officer {
        let officer = known(view, officer)?;
        let reaches = officer.agency == agency.id || officer.assign.iter().any(|right| right.agency == agency.id);
        if officer.category != Category::ControlOfficer || !officer.is_active() || !reaches {
            let text = format!("{} is no active control officer for {}", officer.user, agency.id);
            return Err(unfit(RefusalCode::WrongState, text));
        }
    }
    for supervisor in supervisors {
        let supervisor = known(view, supervisor)?;
        let fits = supervisor.category == Category::Supervisor && supervisor.agency == agency.id;
        if !fits || !supervisor.is_active() {
            let text = format!("{} is no active supervisor of {}", supervisor.user, agency.id);
            return Err(unfit(RefusalCode::WrongState, text));
        }
    }
    Ok(())
}
