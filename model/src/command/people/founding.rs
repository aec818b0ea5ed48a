//! The founding ceremony: the first accounts of a cluster. Good only while there is no account at all, and only for who
//! has the one-time secret that the cluster was initialised with, so it takes effect once.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::access::denial::Denial;
use crate::access::principal::Category;
use crate::access::standing::standing;
use crate::audit::event::{ChangeKind, ChangedRecord, EventDraft};
use crate::command::Outcome;
use crate::command::people::ground::{Done, Step, content, denied, directory, unfit};
use crate::decide::Context;
use crate::envelope::Envelope;
use crate::error::RefusalCode;
use crate::ids::{GroupId, RecordId, UserId};
use crate::limits::{ASSIGN_MAX, FOUNDERS_MAX, FUNCTIONS_MAX};
use crate::people::agency::check_count;
use crate::people::principal::principal;
use crate::people::profile::{AccountState, Profile};
use crate::people::view::CertificateKey;
use crate::people::{Agency, Ceremony, Party, Role};
use crate::record::Stamp;
use crate::time::UnixMillis;
use crate::view::{Effects, Read, View, Write};

/// The founders: whole accounts of the agency that runs the system, with their roles and what they may assign. One
/// alone can do nothing that takes two; name at least two national control officers, a supervisor, and who approves
/// accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// SHA-256 of the one-time secret.
    pub proof: [u8; 32],
    pub agency: Agency,
    pub roles: Vec<Role>,
    pub founders: Vec<Profile>,
    pub event: EventDraft,
}

/// Sets what the ceremony must prove, once, with the cluster's constants.
pub fn initialise(view: &dyn View, context: Context, envelope: &Envelope, ceremony: &Ceremony) -> Read<Effects> {
    if context.group != GroupId::Directory || envelope.caller.is_some() {
        return Ok(Effects::refused(RefusalCode::WrongGroup, "the ceremony is set by the cluster in its directory"));
    }
    let known = view.ceremony()?;
    if known.as_ref() == Some(ceremony) {
        return Ok(Effects { writes: Vec::new(), outcome: Outcome::Done(()) });
    }
    if known.is_some() || view.any_profile()? {
        return Ok(Effects::refused(RefusalCode::AlreadyInitialised, "the ceremony is set already, or over"));
    }
    Ok(Effects { writes: vec![Write::PutCeremony(ceremony.clone())], outcome: Outcome::Done(()) })
}

pub fn decide(view: &dyn View, context: Context, envelope: &Envelope, command: &Bootstrap) -> Read<Effects> {
    let id = RecordId::of_object("founding", "");
    let users: Vec<&UserId> = command.founders.iter().map(|founder| &founder.user).collect();
    let digest = content(&(&command.proof, &command.agency, &command.roles, users))?;
    directory(view, context, envelope, (id, digest), &command.event, || found(view, context, id, command))
}

fn found(view: &dyn View, context: Context, id: RecordId, command: &Bootstrap) -> Step<Done> {
    if view.any_profile()? {
        return Err(unfit(RefusalCode::AlreadyInitialised, "there are accounts already"));
    }
    if !view.ceremony()?.is_some_and(|ceremony| ceremony.is_proven_by(&command.proof)) {
        let text = "this is not the secret that the cluster was initialised with";
        return Err(denied(RefusalCode::NotEntitled, Denial::Approval, text));
    }
    let agency =
        Agency { operator: true, external: false, active: true, epoch: 0, version: 1, ..command.agency.clone() };
    agency.validate()?;
    check_count("founders", command.founders.len(), FOUNDERS_MAX)?;
    check_count("roles", command.roles.len(), FUNCTIONS_MAX)?;
    let users: BTreeSet<&UserId> = command.founders.iter().map(|founder| &founder.user).collect();
    if users.is_empty()
        || users.len() != command.founders.len()
        || !agency.national.iter().all(|user| users.contains(user))
    {
        let text = "founders: at least one, none twice, and the national control officers among them";
        return Err(unfit(RefusalCode::Invalid, text));
    }
    let now = context.time;
    let roles: Vec<Role> = command.roles.iter().map(|role| put(role, &command.founders[0].user, now)).collect();
    let mut done = Done::new(Write::PutAgency(agency.clone()), id, 1);
    done.writes.extend(roles.iter().cloned().map(Write::PutRole));
    let mut certificates = BTreeSet::new();
    for founder in &command.founders {
        let founder = founded(founder, &agency, &roles, (&command.founders, now))?;
        let object = Party::User(founder.user.clone()).object();
        done.also.push(ChangedRecord::new(object, 1, ChangeKind::Created));
        for name in &founder.certificates {
            if !certificates.insert(name.clone()) {
                return Err(unfit(RefusalCode::Invalid, "certificates: one is of two founders"));
            }
            done.writes.push(Write::PutCertificate(CertificateKey::of(name), founder.user.clone()));
        }
        done.writes.push(Write::PutProfile(Box::new(founder)));
    }
    Ok(done)
}

fn put(role: &Role, by: &UserId, at: UnixMillis) -> Role {
    Role { put: Stamp { by: by.clone(), at }, version: 1, ..role.clone() }
}

/// A founder's account as it begins: active, and held to the rules that hold for any other.
fn founded(
    founder: &Profile,
    agency: &Agency,
    roles: &[Role],
    (founders, now): (&[Profile], UnixMillis),
) -> Step<Profile> {
    let stamp = Stamp { by: founder.user.clone(), at: now };
    let founder = Profile {
        state: AccountState::Active(stamp.clone()),
        requested: stamp,
        frozen: false,
        proposed_assign: None,
        last_activity: now,
        epoch: 0,
        version: 1,
        ..founder.clone()
    };
    founder.validate()?;
    check_count("assign", founder.assign.len(), ASSIGN_MAX)?;
    let is = |user: &UserId, category| founders.iter().any(|one| one.user == *user && one.category == category);
    let fits = founder.agency == agency.id
        && founder.control_officer.as_ref().is_none_or(|user| is(user, Category::ControlOfficer))
        && founder.supervisors.iter().all(|user| is(user, Category::Supervisor))
        && (founder.category == Category::ControlOfficer
            || (founder.assign.is_empty() && !agency.is_national(&founder.user)))
        && founder.roles.keys().all(|id| roles.iter().any(|role| role.id == *id));
    if !fits {
        let text =
            format!("founders: {} is of another agency, or stands under or beside what is not there", founder.user);
        return Err(unfit(RefusalCode::Invalid, text));
    }
    let refuse = |denial| denied(RefusalCode::WrongState, denial, "a founder is not in standing");
    standing(&principal(&founder, agency, roles, &[], &[], now), now).map_err(refuse)?;
    Ok(founder)
}
