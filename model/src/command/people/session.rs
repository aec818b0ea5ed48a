//! Sessions begin, are seen and end in the directory, so that every node knows them and an account that is suspended loses them
//! everywhere at one index (SECURITY.md 2.0, 2.2).

use serde::{Deserialize, Serialize};

use crate::access::denial::Denial;
use crate::access::function::Function;
use crate::access::standing::{self, Remedy};
use crate::audit::event::{ChangeKind, EventDraft};
use crate::audit::merkle::Hash;
use crate::command::Outcome;
use crate::command::people::ground::{Done, Step, actor, at_home, content, denied, directory, facts, unfit};
use crate::decide::Context;
use crate::envelope::Envelope;
use crate::error::RefusalCode;
use crate::ids::{PortId, RecordId, UserId};
use crate::limits::SEEN_MAX;
use crate::session::{LogOnPath, Session, banner_digest, displaced, may_begin};
use crate::time::UnixMillis;
use crate::view::{Effects, Read, View, Write};

/// Begins a session of the caller. What his certificate or password proves was checked by the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeginSession {
    /// SHA-256 of the handle.
    pub handle: Hash,
    pub station: PortId,
    pub path: LogOnPath,
    /// SHA-256 of the certificate of the connection.
    pub certificate: Option<Hash>,
    /// SHA-256 of the banner that was acknowledged.
    pub banner: Hash,
    pub event: EventDraft,
}

/// Ends one session of a user, or all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndSession {
    pub user: UserId,
    /// None: all.
    pub handle: Option<Hash>,
    pub event: EventDraft,
}

/// Signs of life that nodes saw, written down together. No event: each request has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenSessions {
    pub seen: Vec<(Hash, UnixMillis)>,
}

/// The object that a session is in request memory and audit: a part of its handle's digest, which tells nothing of the handle.
pub fn object(handle: &Hash) -> RecordId {
    let mut id = [0; 16];
    id.copy_from_slice(&handle[..16]);
    RecordId(id)
}

pub fn begin(view: &dyn View, context: Context, envelope: &Envelope, command: &BeginSession) -> Read<Effects> {
    let digest = content(&(&command.handle, &command.station, &command.banner, &command.certificate))?;
    directory(view, context, envelope, (object(&command.handle), digest), &command.event, || {
        begun(view, context, envelope, command)
    })
}

/// The session of a caller who proved himself.
pub fn begun(view: &dyn View, context: Context, envelope: &Envelope, command: &BeginSession) -> Step<Done> {
    let refuse = |denial, text: &str| denied(RefusalCode::NotEntitled, denial, text);
    let caller = envelope.caller.as_ref().ok_or_else(|| unfit(RefusalCode::Invalid, "a session needs a caller"))?;
    let profile = view.profile(&caller.user)?.filter(|profile| profile.agency == caller.agency);
    let mut profile = profile.ok_or_else(|| refuse(Denial::Suspended, "there is no such account at this agency"))?;
    let now = context.time;
    let (agency, principal) = facts(view, &profile, now)?;
    // Whose course or certification lapsed signs on to be told of it; all but the remedies stay shut to him.
    standing::remedy(&principal, Remedy::TakeCourse, now)
        .map_err(|denial| refuse(denial, "no log-on for this account"))?;
    // The national control officers of whoever runs the system stay in, or nobody could open what disuse shut.
    if profile.is_inactive(now) && !(agency.operator && agency.is_national(&profile.user)) {
        let text = "the account was not used for 35 days: its control officer must open it (`portcullis user unlock`)";
        return Err(unfit(RefusalCode::Inactive, text));
    }
    let current = banner_digest();
    may_begin(&principal, &command.station, Some(command.banner), current).map_err(|denial| match denial {
        Denial::Consent => refuse(denial, "the banner in force was not acknowledged; read it and log on again"),
        _ => refuse(denial, "this is no station of the account's"),
    })?;
    if view.session(&command.handle)?.is_some() {
        return Err(unfit(RefusalCode::WrongState, "this session has begun already"));
    }
    let session = Session {
        handle: command.handle,
        user: caller.user.clone(),
        agency: caller.agency.clone(),
        station: command.station.clone(),
        path: command.path,
        certificate: command.certificate,
        banner: command.banner,
        epoch: profile.epoch,
        begun: now,
        seen: now,
        locked: false,
        factor: now,
    };
    let gone = displaced(view.sessions_of(&caller.user)?, profile.category, now);
    let mut done = Done::new(Write::PutSession(session), object(&command.handle), 1);
    done.writes.extend(gone.into_iter().map(|handle| Write::DeleteSession(caller.user.clone(), handle)));
    profile.last_activity = now;
    done.writes.push(Write::PutProfile(Box::new(profile)));
    Ok(done)
}

pub fn end(view: &dyn View, context: Context, envelope: &Envelope, command: &EndSession) -> Read<Effects> {
    let digest = content(&(&command.user, &command.handle))?;
    let id = match &command.handle {
        Some(handle) => object(handle),
        None => RecordId::of_object("sessions", command.user.as_str()),
    };
    directory(view, context, envelope, (id, digest), &command.event, || ended(view, context, envelope, id, command))
}

fn ended(view: &dyn View, context: Context, envelope: &Envelope, id: RecordId, command: &EndSession) -> Step<Done> {
    // Everybody ends his own, suspended or not; another's only who has the function for it.
    if envelope.caller.as_ref().is_none_or(|caller| caller.user != command.user) {
        actor(view, context, envelope, Function::SessionEnd)?;
    }
    let own = view.sessions_of(&command.user)?.into_iter().map(|session| session.handle);
    let gone: Vec<Hash> = own.filter(|handle| command.handle.is_none_or(|one| one == *handle)).collect();
    if gone.is_empty() {
        return Err(unfit(RefusalCode::UnknownObject, "there is no such session"));
    }
    let writes = gone.into_iter().map(|handle| Write::DeleteSession(command.user.clone(), handle)).collect();
    let changed = crate::command::Changed { id, version: 1, change: Some(ChangeKind::Removed) };
    Ok(Done { writes, changed, also: Vec::new(), floors: Vec::new() })
}

/// Of the cluster itself. What is seen never reaches back, and nothing makes a session that has ended begin again.
pub fn seen(view: &dyn View, context: Context, envelope: &Envelope, command: &SeenSessions) -> Read<Effects> {
    if let Err(refusal) = at_home(view, context)? {
        return Ok(Effects { writes: Vec::new(), outcome: Outcome::Refused(refusal) });
    }
    if envelope.caller.is_some() {
        return Ok(Effects::refused(RefusalCode::NotEntitled, "signs of life are recorded by the cluster alone"));
    }
    if command.seen.len() > SEEN_MAX {
        let text = format!("seen: {} entries, at most {SEEN_MAX} are allowed", command.seen.len());
        return Ok(Effects::refused(RefusalCode::Invalid, text));
    }
    let mut writes = Vec::new();
    for (handle, at) in &command.seen {
        let Some(mut session) = view.session(handle)? else { continue };
        let at = (*at).min(context.time);
        if at > session.seen && !session.is_over(at) {
            session.seen = at;
            writes.push(Write::PutSession(session));
        }
    }
    Ok(Effects { writes, outcome: Outcome::Done(()) })
}
