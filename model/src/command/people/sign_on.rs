//! Log-on by a password and a one-time code, and what a session asks anew of who began it. Nodes hash and compare; here a code is
//! taken once for the whole cluster, and failures are counted where hopping from node to node does not reset them (T11, T12).

use serde::{Deserialize, Serialize};

use crate::access::denial::Denial;
use crate::audit::event::{ChangeKind, ChangedRecord, EventDraft, EventKind, Verdict};
use crate::audit::merkle::Hash;
use crate::command::people::ground::{Done, Step, at_home, content, denied, directory, settle, unfit};
use crate::command::people::session::{BeginSession, begun, object};
use crate::command::remember::{AUDIT, Decided, once_here, told};
use crate::command::{Changed, Outcome};
use crate::decide::Context;
use crate::envelope::Envelope;
use crate::error::{Refusal, RefusalCode};
use crate::ids::{RecordId, Token, UserId};
use crate::outbox::Message;
use crate::people::credential::LOG_ON_REFUSED;
use crate::people::{Credential, LogOnFault, Party, Profile, Proven};
use crate::seal::Sealed;
use crate::session::{LogOnPath, Session};
use crate::view::{Effects, Read, View, Write};

/// Begins a session of who proved a password and a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeginPasswordSession {
    pub session: BeginSession,
    pub proven: Proven,
}

/// Records that somebody did not prove himself. Its request id is the node's, so that a caller who repeats his own does not
/// guess uncounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailLogOn {
    pub fault: LogOnFault,
    pub event: EventDraft,
}

crate::numbered! {
    /// By what somebody may set his password.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum SetBy {
        /// The SHA-256 of the secret that his control officer issued.
        1 => Enrolment(Hash),
        /// The factors that he has.
        2 => Factors(Proven),
    }
}

/// Sets the caller's own factors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetPassword {
    pub by: SetBy,
    pub password: Sealed,
    /// None: the authenticator stays what it is.
    pub codes: Option<Sealed>,
    /// Tells whether a repeated request asks for the same.
    pub content: Token,
    pub event: EventDraft,
}

/// Locks one of the caller's sessions: it is good for nothing but to prove oneself again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockSession {
    pub handle: Hash,
    pub event: EventDraft,
}

/// Opens a locked session, and makes its factor fresh: the caller proved himself again, on the certificate that it was begun on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProveSession {
    pub handle: Hash,
    pub certificate: Option<Hash>,
    /// None: of a session by certificate, which the connection proves.
    pub proven: Option<Proven>,
    pub event: EventDraft,
}

pub fn begin(view: &dyn View, context: Context, envelope: &Envelope, command: &BeginPasswordSession) -> Read<Effects> {
    let BeginPasswordSession { session, proven } = command;
    let digest = content(&(&session.handle, &session.station, &session.banner, &session.certificate))?;
    let about = (object(&session.handle), digest);
    let take = |credential: &mut Credential| credential.take(*proven, context.time);
    factored(view, context, envelope, about, &session.event, take, |_, _| begun(view, context, envelope, session))
}

pub fn set_password(view: &dyn View, context: Context, envelope: &Envelope, command: &SetPassword) -> Read<Effects> {
    let Some(caller) = &envelope.caller else {
        return Ok(Effects::refused(RefusalCode::Invalid, "a password needs a caller"));
    };
    let id = Party::User(caller.user.clone()).object();
    let take = |credential: &mut Credential| match &command.by {
        SetBy::Enrolment(proof) => credential.enrol(proof, context.time),
        SetBy::Factors(proven) => credential.take(*proven, context.time),
    };
    factored(view, context, envelope, (id, command.content), &command.event, take, |profile, credential| {
        if !profile.is_active() {
            return Err(denied(RefusalCode::NotEntitled, Denial::Suspended, "no log-on for this account"));
        }
        credential.set(command.password.clone(), command.codes.clone(), context.time)?;
        // Whoever knew the one before has no use of it.
        let of_password = view.sessions_of(&profile.user)?.into_iter().filter(|one| one.path == LogOnPath::Password);
        let writes = of_password.map(|session| Write::DeleteSession(session.user, session.handle)).collect();
        let changed = Changed { id, version: credential.version, change: Some(ChangeKind::Updated) };
        Ok(Done { writes, changed, also: Vec::new(), floors: Vec::new() })
    })
}

/// Decides what a caller may who shows a factor: it is taken, once, and only then is the change looked at.
fn factored(
    view: &dyn View,
    context: Context,
    envelope: &Envelope,
    about: (RecordId, Token),
    event: &EventDraft,
    take: impl FnOnce(&mut Credential) -> Result<(), LogOnFault>,
    change: impl FnOnce(&Profile, &mut Credential) -> Step<Done>,
) -> Read<Effects> {
    let cluster = match at_home(view, context)? {
        Ok(cluster) => cluster,
        Err(refusal) => return Ok(Effects { writes: Vec::new(), outcome: Outcome::Refused(refusal) }),
    };
    once_here(view, context, envelope, (about.0, Some(about.1)), event, || {
        let Some((profile, mut credential)) = held(view, envelope)? else {
            return Ok(failed(event, LogOnFault::Unknown, None));
        };
        match take(&mut credential) {
            Err(fault) => Ok(failed(event, fault, Some((profile, credential, context)))),
            Ok(()) => {
                let change = change(&profile, &mut credential);
                // What was shown is taken whatever the change comes to.
                let mut decided = settle(&cluster, event, change)?;
                decided.writes.push(Write::PutCredential(Box::new(credential)));
                Ok(decided)
            }
        }
    })
}

pub fn fail(view: &dyn View, context: Context, envelope: &Envelope, command: &FailLogOn) -> Read<Effects> {
    if let Err(refusal) = at_home(view, context)? {
        return Ok(Effects { writes: Vec::new(), outcome: Outcome::Refused(refusal) });
    }
    let (id, digest) = (RecordId::of_request(envelope.request), content(&command.fault)?);
    once_here(view, context, envelope, (id, Some(digest)), &command.event, || {
        let known = held(view, envelope)?.map(|(profile, credential)| (profile, credential, context));
        Ok(failed(&command.event, command.fault, known))
    })
}

/// The caller's account and how it logs on by password; None where it cannot.
fn held(view: &dyn View, envelope: &Envelope) -> Read<Option<(Profile, Credential)>> {
    let Some(caller) = &envelope.caller else { return Ok(None) };
    let Some(profile) = view.profile(&caller.user)?.filter(|profile| profile.agency == caller.agency) else {
        return Ok(None);
    };
    Ok(view.credential(&caller.user)?.map(|credential| (profile, credential)))
}

/// A failure: counted where it counts, told to the audit as what it was and to the caller as one text for all; where it locks the
/// path, that is an event of its own.
fn failed(event: &EventDraft, fault: LogOnFault, known: Option<(Profile, Credential, Context)>) -> Decided {
    let refusal = Refusal::new(RefusalCode::LogOnRefused, LOG_ON_REFUSED);
    let mut refused = told(event, Verdict::Refused, Some(refusal.code), Vec::new());
    refused.header.code = Some(fault.code().to_string());
    let mut decided = Decided::refused(refused, refusal);
    if let Some((profile, mut credential, context)) = known
        && fault.counts()
    {
        if credential.failed(profile.category, context.time) {
            let id = Party::User(profile.user).object();
            let change = ChangedRecord::new(id, credential.version, ChangeKind::Updated);
            let mut locked = told(event, Verdict::Changed, None, vec![change]);
            locked.header.kind = EventKind::PasswordLock.number();
            decided.posts.push((AUDIT, Message::Audit(locked)));
        }
        decided.writes.push(Write::PutCredential(Box::new(credential)));
    }
    decided
}

pub fn lock(view: &dyn View, context: Context, envelope: &Envelope, command: &LockSession) -> Read<Effects> {
    let about = (object(&command.handle), content(&command.handle)?);
    directory(view, context, envelope, about, &command.event, || {
        let session = own(view, context, envelope, &command.handle)?;
        Ok(put(Session { locked: true, ..session }))
    })
}

pub fn prove(view: &dyn View, context: Context, envelope: &Envelope, command: &ProveSession) -> Read<Effects> {
    let about = (object(&command.handle), content(&(&command.handle, &command.certificate))?);
    let proved = || {
        let session = own(view, context, envelope, &command.handle)?;
        let path = if command.proven.is_some() { LogOnPath::Password } else { LogOnPath::Certificate };
        // What is asked for is the factor that it was begun with, on the certificate that it was begun on.
        if session.path != path || session.certificate != command.certificate {
            return Err(unfit(RefusalCode::WrongState, "the session was begun in another way: log on anew"));
        }
        let now = context.time;
        Ok(put(Session { locked: false, factor: now, seen: now, ..session }))
    };
    match command.proven {
        None => directory(view, context, envelope, about, &command.event, proved),
        Some(proven) => {
            let take = |credential: &mut Credential| credential.take(proven, context.time);
            factored(view, context, envelope, about, &command.event, take, |_, _| proved())
        }
    }
}

fn put(session: Session) -> Done {
    let id = object(&session.handle);
    let changed = Changed { id, version: 1, change: Some(ChangeKind::Updated) };
    Done { writes: vec![Write::PutSession(session)], changed, also: Vec::new(), floors: Vec::new() }
}

/// The caller's session, unless it has ended.
fn own(view: &dyn View, context: Context, envelope: &Envelope, handle: &Hash) -> Step<Session> {
    let user: Option<&UserId> = envelope.caller.as_ref().map(|caller| &caller.user);
    let found = view.session(handle)?.filter(|session| Some(&session.user) == user);
    let session = found.ok_or_else(|| unfit(RefusalCode::UnknownObject, "there is no such session"))?;
    let epoch = view.profile(&session.user)?.map(|profile| profile.epoch);
    if session.is_over(context.time) || Some(session.epoch) != epoch {
        return Err(unfit(RefusalCode::UnknownObject, "there is no such session"));
    }
    Ok(session)
}
