//! The ground that every change of people and powers stands on: done once, by who is entitled when it is applied, told
//! to the audit log, and to every group where it takes something away.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::access::denial::Denial;
use crate::access::function::Function;
use crate::access::principal::Principal;
use crate::access::standing;
use crate::audit::event::{ChangeKind, ChangedRecord, EventDraft, Verdict};
use crate::codec;
use crate::command::cluster::ClusterInfo;
use crate::command::remember::{AUDIT, Decided, once_here, told};
use crate::command::{Changed, Outcome};
use crate::decide::Context;
use crate::envelope::Envelope;
use crate::error::{Invalid, Refusal, RefusalCode};
use crate::ids::{AgencyId, GroupId, RecordId, Token, UserId};
use crate::outbox::Message;
use crate::people::duty::may_act;
use crate::people::floor::{Floor, Party};
use crate::people::principal::principal;
use crate::people::{Agency, Profile};
use crate::record::Stamp;
use crate::time::UnixMillis;
use crate::view::{Effects, Read, View, ViewError, Write};

/// Why a step goes no further: the state cannot be read, or the caller is refused.
#[derive(Debug)]
pub enum Stop {
    View(ViewError),
    Refused(Refusal, Option<Denial>),
}

pub type Step<T> = Result<T, Stop>;

impl From<ViewError> for Stop {
    fn from(error: ViewError) -> Self {
        Self::View(error)
    }
}

impl From<Invalid> for Stop {
    fn from(invalid: Invalid) -> Self {
        Self::Refused(Refusal::new(RefusalCode::Invalid, invalid.to_string()), None)
    }
}

/// A refusal by a rule: its text names the rule and its code.
pub fn denied(code: RefusalCode, denial: Denial, text: &str) -> Stop {
    let text = format!("{} {}: {text}", denial.rule(), denial.code());
    Stop::Refused(Refusal::new(code, text), Some(denial))
}

/// A refusal for what the object is, not for who asks.
pub fn unfit(code: RefusalCode, text: impl Into<String>) -> Stop {
    Stop::Refused(Refusal::new(code, text), None)
}

/// A change that took place.
pub struct Done {
    pub writes: Vec<Write>,
    pub changed: Changed,
    /// What changed beside, for the event.
    pub also: Vec<ChangedRecord>,
    pub floors: Vec<Floor>,
}

impl Done {
    /// One object has this version now.
    pub fn new(write: Write, id: RecordId, version: u64) -> Self {
        let kind = if version == 1 { ChangeKind::Created } else { ChangeKind::Updated };
        let changed = Changed { id, version, change: Some(kind) };
        Self { writes: vec![write], changed, also: Vec::new(), floors: Vec::new() }
    }
}

/// Decides a change of an object of the directory, once for its request.
pub fn directory(
    view: &dyn View,
    context: Context,
    envelope: &Envelope,
    (id, content): (RecordId, Token),
    event: &EventDraft,
    change: impl FnOnce() -> Step<Done>,
) -> Read<Effects> {
    let cluster = match at_home(view, context)? {
        Ok(cluster) => cluster,
        Err(refusal) => return Ok(Effects { writes: Vec::new(), outcome: Outcome::Refused(refusal) }),
    };
    once_here(view, context, envelope, (id, Some(content)), event, || settle(&cluster, event, change()))
}

/// What a change comes to: what is written, told and answered.
pub fn settle(cluster: &ClusterInfo, event: &EventDraft, change: Step<Done>) -> Read<Decided> {
    match change {
        Ok(Done { mut writes, changed, also, floors }) => {
            let own = changed.change.map(|kind| ChangedRecord::new(changed.id, changed.version, kind));
            let changes: Vec<ChangedRecord> = own.into_iter().chain(also).collect();
            let events = told(event, Verdict::Changed, None, Vec::new()).split(&changes);
            let mut posts: Vec<_> = events.into_iter().map(|event| (AUDIT, Message::Audit(event))).collect();
            posts.extend(floor_posts(cluster, &floors));
            writes.extend(floors.into_iter().map(|floor| Write::PutFloor(floor.party, floor.epoch)));
            Ok(Decided { writes, outcome: Outcome::Changed(changed), posts })
        }
        Err(Stop::View(error)) => Err(error),
        Err(Stop::Refused(refusal, denial)) => {
            let mut event = told(event, Verdict::Refused, Some(refusal.code), Vec::new());
            if let Some(denial) = denial {
                event.header.code = Some(denial.code().to_string());
            }
            Ok(Decided::refused(event, refusal))
        }
    }
}

/// The cluster's constants, or why this group decides nothing about people.
pub fn at_home(view: &dyn View, context: Context) -> Read<Result<ClusterInfo, Refusal>> {
    if context.group != GroupId::Directory {
        let text = format!("{} keeps no accounts", context.group);
        return Ok(Err(Refusal::new(RefusalCode::WrongGroup, text)));
    }
    let unknown = || Refusal::new(RefusalCode::WrongGroup, "the directory does not know the cluster's groups yet");
    Ok(view.cluster()?.ok_or_else(unknown))
}

/// Floors for every other group.
pub fn floor_posts(cluster: &ClusterInfo, floors: &[Floor]) -> Vec<(GroupId, Message)> {
    let records = (0..cluster.records_groups).map(GroupId::Records);
    let groups: Vec<GroupId> = records.chain((0..cluster.audit_groups).map(GroupId::Audit)).collect();
    let to_all = |floor: &Floor| groups.iter().map(|to| (*to, Message::Floor(floor.clone()))).collect::<Vec<_>>();
    floors.iter().flat_map(to_all).collect()
}

/// A digest of what a request asks for, so that its reuse for something else is known. Sealed parts are never in it:
/// they are sealed anew for each attempt.
pub fn content(asked: &impl Serialize) -> Read<Token> {
    let bytes = codec::bytes_of(asked).map_err(|error| ViewError(error.to_string()))?;
    let mut token = [0; 16];
    token.copy_from_slice(&Sha256::digest(&bytes)[..16]);
    Ok(Token(token))
}

/// Who asks, as the directory knows him now.
pub struct Actor {
    pub profile: Profile,
    pub agency: Agency,
    pub principal: Principal,
    pub now: UnixMillis,
}

/// The caller, if he is active, in standing and holds the function at log time (R01-R07, R09-R12, R23).
pub fn actor(view: &dyn View, context: Context, envelope: &Envelope, function: Function) -> Step<Actor> {
    let refuse = |denial, text: &str| denied(RefusalCode::NotEntitled, denial, text);
    let caller = envelope.caller.as_ref();
    let caller = caller.ok_or_else(|| unfit(RefusalCode::Invalid, "a change of people and powers needs a caller"))?;
    let profile = view.profile(&caller.user)?.filter(|profile| profile.agency == caller.agency);
    let profile = profile.ok_or_else(|| refuse(Denial::Suspended, "the caller has no account at this agency"))?;
    let now = context.time;
    let (agency, principal) = facts(view, &profile, now)?;
    let open = standing::standing(&principal, now).and_then(|()| standing::function(&principal, function, now));
    open.map_err(|denial| refuse(denial, "the caller may not do this now"))?;
    if !principal.national {
        return Err(refuse(Denial::Nationality, "people and powers are changed by nationals"));
    }
    if !may_act(profile.category, function) {
        return Err(refuse(Denial::Duty, "this is none of the duties of the caller's category"));
    }
    Ok(Actor { profile, agency, principal, now })
}

/// An account's agency, and what the gate would know of it.
pub fn facts(view: &dyn View, profile: &Profile, now: UnixMillis) -> Step<(Agency, Principal)> {
    let agency = agency(view, &profile.agency)?;
    let mut roles = Vec::new();
    for role in profile.roles.keys() {
        roles.extend(view.role(role)?);
    }
    let agreements = view.agreements(&profile.agency)?;
    // No rule of these commands looks at records, so at no memorandum.
    let principal = principal(profile, &agency, &roles, &agreements, &[], now);
    Ok((agency, principal))
}

/// An agency that must be there.
pub fn agency(view: &dyn View, id: &AgencyId) -> Step<Agency> {
    view.agency(id)?.ok_or_else(|| unfit(RefusalCode::UnknownObject, format!("there is no agency {id}")))
}

/// The account that a change is about, which must be there, not closed, and as the caller saw it.
pub fn target(view: &dyn View, user: &UserId, expected_version: u64) -> Step<Profile> {
    let profile = known(view, user)?;
    version(profile.version, expected_version)?;
    if profile.is_closed() {
        return Err(unfit(RefusalCode::WrongState, "the account is closed for ever"));
    }
    Ok(profile)
}

/// An account that must be there.
pub fn known(view: &dyn View, user: &UserId) -> Step<Profile> {
    view.profile(user)?.ok_or_else(|| unfit(RefusalCode::UnknownUser, format!("there is no account {user}")))
}

/// Whether an object is as the caller saw it.
pub fn version(found: u64, expected: u64) -> Step<()> {
    if found == expected {
        return Ok(());
    }
    let text = format!("it has version {found}, expected was {expected}: read it again");
    Err(unfit(RefusalCode::StaleVersion, text))
}

impl Actor {
    /// The stamp of what he does.
    pub fn stamp(&self) -> Stamp {
        Stamp { by: self.profile.user.clone(), at: self.now }
    }

    /// Nobody changes his own account, nor does who benefits (R09).
    pub fn is_another(&self, user: &UserId) -> Step<()> {
        if self.profile.user != *user {
            return Ok(());
        }
        Err(denied(RefusalCode::SeparationOfDuties, Denial::Duty, "somebody else must do this"))
    }

    /// He is of the agency that runs the system.
    pub fn is_of_operator(&self) -> Step<()> {
        if self.agency.operator {
            return Ok(());
        }
        Err(denied(RefusalCode::NotEntitled, Denial::Approval, "this is for the agency that runs the system"))
    }

    /// Whether he is a national control officer of an agency, or of the one that runs the system.
    pub fn is_national_for(&self, agency: &Agency) -> bool {
        let user = &self.profile.user;
        agency.is_national(user) || (self.agency.operator && self.agency.is_national(user))
    }

    /// He is the account's control officer (R21).
    pub fn keeps(&self, profile: &Profile) -> Step<()> {
        self.is_another(&profile.user)?;
        if profile.control_officer.as_ref() == Some(&self.profile.user) {
            return Ok(());
        }
        Err(denied(RefusalCode::NotEntitled, Denial::Delegation, "the account is another control officer's"))
    }

    /// He is the account's control officer, or a national one above.
    pub fn is_above(&self, view: &dyn View, profile: &Profile) -> Step<()> {
        self.is_another(&profile.user)?;
        if self.is_national_for(&agency(view, &profile.agency)?) { Ok(()) } else { self.keeps(profile) }
    }
}

/// The next version of an account. What takes something away from it raises its epoch and every group's floor.
pub fn put_profile(before: &Profile, mut after: Profile, now: UnixMillis) -> Step<Done> {
    after.validate()?;
    after.version = before.version + 1;
    let mut floors = Vec::new();
    if after.narrows(before, now) {
        after.epoch = before.epoch + 1;
        floors.push(Floor { party: Party::User(after.user.clone()), epoch: after.epoch });
    }
    let (id, version) = (Party::User(after.user.clone()).object(), after.version);
    Ok(Done { floors, ..Done::new(Write::PutProfile(Box::new(after)), id, version) })
}

/// The next epoch of an agency: all of its users lose something.
pub fn raise_agency(view: &dyn View, id: &AgencyId) -> Step<(Write, Floor)> {
    let mut agency = agency(view, id)?;
    agency.epoch += 1;
    let floor = Floor { party: Party::Agency(id.clone()), epoch: agency.epoch };
    Ok((Write::PutAgency(agency), floor))
}
