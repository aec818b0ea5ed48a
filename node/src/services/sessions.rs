//! Signing on and off: a session is an entry of the directory, its handle is made here and leaves once.

use model::access::function::Function;
use model::audit::circumstances::{Circumstances, session_name};
use model::audit::event::{EventKind, EventPayload};
use model::command::people::session::{BeginSession, EndSession};
use model::command::people::sign_on::{BeginPasswordSession, FailLogOn, LockSession, ProveSession, SetBy, SetPassword};
use model::command::{Command, Outcome};
use model::error::Invalid;
use model::ids::{GroupId, Token, UserId, from_hex, to_hex};
use model::password::Password;
use model::people::founding::proof;
use model::people::{LogOnFault, Proven};
use model::session::{BANNER, Handle, IDLE_MAX_MS, LogOnPath, Session, TOTAL_MAX_MS, banner_digest, digest_of};
use model::time::UnixMillis;
use proto::v1 as message;
use proto::v1::set_password_request::By;
use sha2::{Digest, Sha256};
use tonic::{Request, Response, Status};

use super::lookouts::change_answer;
use super::v1::sessions_server::Sessions;
use super::{Api, Call, request_id};
use crate::audit::{Released, Unreleased};
use crate::error::ApiError;
use crate::gate::{Admitted, Need};
use crate::passwords::NewPassword;

/// Of whom an authenticator shows codes.
const ISSUER: &str = "Portcullis";

const BANNER_READ: Call = Call { name: "session_banner", kind: EventKind::LogOn, need: Need::Identity };
const LOG_ON: Call = Call { name: "session_log_on", kind: EventKind::LogOn, need: Need::Identity };
const SET_PASSWORD: Call = Call { name: "session_set_password", kind: EventKind::PasswordSet, need: Need::Identity };
const LOCK: Call = Call { name: "session_lock", kind: EventKind::SessionLock, need: Need::Session };
const PROVE: Call = Call { name: "session_prove", kind: EventKind::SessionProve, need: Need::Identity };
const LOG_OFF: Call = Call { name: "session_log_off", kind: EventKind::LogOff, need: Need::Session };
const WHO_AM_I: Call = Call { name: "session_who_am_i", kind: EventKind::WhoAmI, need: Need::Session };
const END: Call = Call { name: "session_end", kind: EventKind::LogOff, need: Need::Function(Function::SessionEnd) };
const LIST: Call = Call { name: "session_list", kind: EventKind::SessionList, need: Need::Session };

impl Api {
    async fn log_on(
        &self,
        admitted: &Admitted,
        request: message::LogOnRequest,
    ) -> Result<Released<message::LogOnResponse>, ApiError> {
        let id = request_id(&request.request_id)?;
        let (path, certificate) = match &request.factors {
            None if admitted.at_terminal() => return Err(ApiError::FactorsNeeded),
            None => (LogOnPath::Certificate, admitted.certificate()),
            Some(_) => (LogOnPath::Password, admitted.connection()),
        };
        let certificate = certificate.ok_or(ApiError::NotAPerson)?;
        let banner = from_hex(&request.banner_sha256).and_then(|bytes| bytes.try_into().ok());
        let banner = banner.ok_or_else(|| Invalid::new("banner_sha256", "expected 64 hexadecimal digits".into()))?;
        let proven = match &request.factors {
            None => None,
            Some(factors) => Some(self.proven(LOG_ON, admitted, factors).await?),
        };
        let mut handle: Handle = [0; 32];
        self.0.gate.fill(&mut handle);
        let mut event = self.change_event(admitted, LOG_ON.kind, id)?;
        // The first event of the session that begins by it.
        let session = Some(session_name(&digest_of(&handle)));
        event.header.circumstances = Some(Circumstances { session, ..Circumstances::default() });
        let station = admitted.caller.port.clone();
        let session =
            BeginSession { handle: digest_of(&handle), station, path, certificate: Some(certificate), banner, event };
        let command = match proven {
            None => Command::BeginSession(session),
            Some(proven) => Command::BeginPasswordSession(BeginPasswordSession { session, proven }),
        };
        match self.propose(GroupId::Directory, admitted, id, command).await? {
            Outcome::Changed(changed) => {
                let body = message::LogOnResponse {
                    session: to_hex(&handle),
                    ends_at: admitted.at.after(TOTAL_MAX_MS).rfc3339_seconds(),
                    idle_seconds: (IDLE_MAX_MS / 1_000) as u32,
                };
                Ok(Released::session(&changed, body))
            }
            Outcome::Refused(refusal) => Err(refusal.into()),
            other => Err(ApiError::Internal(format!("a log-on was answered with {}", other.name()))),
        }
    }

    /// What somebody proves by a password and a code. Whatever is wrong is recorded, counted and refused alike: whether he has an
    /// account, a password or the right one tells neither the answer nor the time that it takes.
    async fn proven(&self, call: Call, admitted: &Admitted, factors: &message::Factors) -> Result<Proven, ApiError> {
        let caller = &admitted.caller;
        let password = Password::new("factors.password", &factors.password)?;
        let directory = self.0.groups.get(GroupId::Directory)?;
        directory.linearize(admitted.left()?).await?;
        let (profile, credential) =
            directory.read(|state| Ok((state.profile(&caller.user)?, state.credential(&caller.user)?)))?;
        let known = profile.is_some_and(|profile| profile.agency == caller.agency);
        let held = credential.filter(|_| known).and_then(|it| it.factors.map(|factors| (it.version, factors)));
        let own = held.as_ref().map(|(_, factors)| factors);
        let right = self.0.passwords.is_right(&caller.user, &password, own, admitted.left()?).await?;
        let fault = match held {
            None => LogOnFault::Unknown,
            Some(_) if !right => LogOnFault::Password,
            Some((version, own)) => {
                let codes = self.0.passwords.codes(&caller.user, &own)?;
                match codes.step_of_code(&factors.code, self.0.gate.now()) {
                    Some(step) => return Ok(Proven { version, step }),
                    None => LogOnFault::Code,
                }
            }
        };
        // Under an id of ours: by one of the caller's, repeated, a second guess would be answered from memory and not counted.
        let id = self.0.gate.request_id();
        let event = self.change_event(admitted, call.kind, id)?;
        let command = Command::FailLogOn(FailLogOn { fault, event });
        match self.propose(GroupId::Directory, admitted, id, command).await? {
            Outcome::Refused(refusal) => Err(refusal.into()),
            other => Err(ApiError::Internal(format!("a failure to log on was answered with {}", other.name()))),
        }
    }

    async fn set_password(
        &self,
        admitted: &Admitted,
        request: message::SetPasswordRequest,
    ) -> Result<Released<message::SetPasswordResponse>, ApiError> {
        let id = request_id(&request.request_id)?;
        admitted.connection().ok_or(ApiError::NotAPerson)?;
        let user = &admitted.caller.user;
        let password = Password::new("new_password", &request.new_password)?;
        password.check_new("new_password", user)?;
        let by = match &request.by {
            None => {
                return Err(Invalid::new("by", "is missing: the secret of enrolment, or your factors".into()).into());
            }
            Some(By::Enrolment(secret)) => SetBy::Enrolment(proof(secret.trim().as_bytes())),
            Some(By::Factors(factors)) => SetBy::Factors(self.proven(SET_PASSWORD, admitted, factors).await?),
        };
        let NewPassword { sealed, hash } = self.0.passwords.set((user, id), &password, admitted.left()?).await?;
        let (codes, authenticator) = match &by {
            SetBy::Factors(_) => (None, String::new()),
            SetBy::Enrolment(_) => {
                let (secret, sealed) = self.0.passwords.new_codes(user, id)?;
                (Some(sealed), secret.address(ISSUER, user.as_str()))
            }
        };
        let mut content = Token([0; 16]);
        content.0.copy_from_slice(&Sha256::digest(hash.as_bytes())[..16]);
        let event = self.change_event(admitted, SET_PASSWORD.kind, id)?;
        let command = Command::SetPassword(SetPassword { by, password: sealed, codes, content, event });
        match self.propose(GroupId::Directory, admitted, id, command).await? {
            Outcome::Changed(changed) => {
                Ok(Released::password(&changed, message::SetPasswordResponse { authenticator }))
            }
            Outcome::Refused(refusal) => Err(refusal.into()),
            other => Err(ApiError::Internal(format!("a password was answered with {}", other.name()))),
        }
    }

    async fn lock(
        &self,
        admitted: &Admitted,
        request: message::LockSessionRequest,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let id = request_id(&request.request_id)?;
        let handle = admitted.session().ok_or(ApiError::NoSession)?.handle;
        let event = self.change_event(admitted, LOCK.kind, id)?;
        let command = Command::LockSession(LockSession { handle, event });
        change_answer(self.propose(GroupId::Directory, admitted, id, command).await?, Vec::new())
    }

    async fn prove(
        &self,
        admitted: &Admitted,
        request: message::ProveSessionRequest,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let id = request_id(&request.request_id)?;
        let handle = digest_of(admitted.handle().ok_or(ApiError::NoSession)?);
        let (certificate, proven) = match &request.factors {
            None if admitted.at_terminal() => return Err(ApiError::FactorsNeeded),
            None => (admitted.certificate(), None),
            Some(factors) => (admitted.connection(), Some(self.proven(PROVE, admitted, factors).await?)),
        };
        let certificate = Some(certificate.ok_or(ApiError::NotAPerson)?);
        let event = self.change_event(admitted, PROVE.kind, id)?;
        let command = Command::ProveSession(ProveSession { handle, certificate, proven, event });
        change_answer(self.propose(GroupId::Directory, admitted, id, command).await?, Vec::new())
    }

    async fn log_off(
        &self,
        admitted: &Admitted,
        request: message::LogOffRequest,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let id = request_id(&request.request_id)?;
        let own = admitted.session().map(|session| session.handle);
        let handle = if request.all { None } else { Some(own.ok_or(ApiError::NoSession)?) };
        self.end_sessions(admitted, (LOG_OFF, id), admitted.caller.user.clone(), handle).await
    }

    async fn end_others(
        &self,
        admitted: &Admitted,
        request: message::EndSessionsRequest,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let id = request_id(&request.request_id)?;
        self.end_sessions(admitted, (END, id), UserId::new(&request.user)?, None).await
    }

    async fn end_sessions(
        &self,
        admitted: &Admitted,
        (call, id): (Call, model::ids::RequestId),
        user: UserId,
        handle: Option<model::audit::merkle::Hash>,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let event = self.change_event(admitted, call.kind, id)?;
        let command = Command::EndSession(EndSession { user, handle, event });
        change_answer(self.propose(GroupId::Directory, admitted, id, command).await?, Vec::new())
    }

    async fn who_am_i(&self, admitted: &Admitted) -> Result<Released<message::WhoAmIResponse>, ApiError> {
        let on = admitted.authorised.as_ref().ok_or(ApiError::NoGate)?;
        let principal = &on.known.principal;
        let date = |at: Option<UnixMillis>| at.map(|at| at.rfc3339_seconds()).unwrap_or_default();
        let functions = Function::ALL.iter().filter(|function| self.0.gate.may_use(admitted, **function));
        let session = on.session.as_ref();
        let body = message::WhoAmIResponse {
            user: principal.user.to_string(),
            agency: principal.agency.to_string(),
            category: if session.is_some() { principal.category.to_string() } else { "system".to_string() },
            station: session.map(|session| session.station.to_string()).unwrap_or_default(),
            functions: functions.map(ToString::to_string).collect(),
            stations: principal.stations.iter().map(ToString::to_string).collect(),
            classes: principal.classes.iter().map(|class| class.0.clone()).collect(),
            lacks: self.0.gate.lacks(admitted).iter().map(|denial| denial.code().to_string()).collect(),
            session_ends_at: date(session.map(|session| session.begun.after(TOTAL_MAX_MS))),
            course_until: date(principal.course_until),
            certified_until: date(principal.certified_until),
            background_until: date(principal.background.map(|(_, until)| until)),
            datasets: principal.datasets.iter().map(ToString::to_string).collect(),
            audit: None,
        };
        self.release(admitted, Unreleased::new(body, None, admitted.event(WHO_AM_I.kind), admitted.payload())).await
    }

    async fn list_sessions(
        &self,
        admitted: &Admitted,
        request: message::ListSessionsRequest,
    ) -> Result<Released<message::ListSessionsResponse>, ApiError> {
        let user = match request.user.as_str() {
            "" => admitted.caller.user.clone(),
            other => UserId::new(other)?,
        };
        if user != admitted.caller.user && !self.0.gate.may_use(admitted, Function::SessionEnd) {
            return Err(ApiError::denied(model::access::denial::Denial::Function));
        }
        let directory = self.0.groups.get(GroupId::Directory)?;
        directory.linearize(admitted.left()?).await?;
        let rows = directory.read(|state| state.sessions_of(&user))?;
        let payload = EventPayload { ..admitted.payload() };
        let sessions = rows.iter().map(|session| row(session, admitted.at)).collect();
        let body = message::ListSessionsResponse { sessions, audit: None };
        self.release(admitted, Unreleased::new(body, None, admitted.event(LIST.kind), payload)).await
    }
}

fn row(session: &Session, now: UnixMillis) -> message::SessionRow {
    let state = match (session.is_over(now), session.is_stale(now)) {
        (true, _) => "over",
        _ if session.locked => "locked",
        (false, true) => "idle",
        (false, false) => "live",
    };
    message::SessionRow {
        id: to_hex(&session.handle[..8]),
        station: session.station.to_string(),
        path: session.path.to_string(),
        begun_at: session.begun.rfc3339(),
        seen_at: session.seen.rfc3339(),
        state: state.to_string(),
    }
}

#[tonic::async_trait]
impl Sessions for Api {
    async fn banner(
        &self,
        request: Request<message::BannerRequest>,
    ) -> Result<Response<Released<message::BannerResponse>>, Status> {
        let banner = message::BannerResponse { text: BANNER.to_string(), sha256: to_hex(&banner_digest()) };
        self.serve(BANNER_READ, request, async |_, _| Ok(Released::without_record_data(banner))).await
    }

    async fn log_on(
        &self,
        request: Request<message::LogOnRequest>,
    ) -> Result<Response<Released<message::LogOnResponse>>, Status> {
        self.serve(LOG_ON, request, async |admitted, request| Api::log_on(self, admitted, request).await).await
    }

    async fn set_password(
        &self,
        request: Request<message::SetPasswordRequest>,
    ) -> Result<Response<Released<message::SetPasswordResponse>>, Status> {
        self.serve(SET_PASSWORD, request, async |admitted, request| Api::set_password(self, admitted, request).await)
            .await
    }

    async fn lock(
        &self,
        request: Request<message::LockSessionRequest>,
    ) -> Result<Response<Released<message::ChangeResponse>>, Status> {
        self.serve(LOCK, request, async |admitted, request| Api::lock(self, admitted, request).await).await
    }

    async fn prove(
        &self,
        request: Request<message::ProveSessionRequest>,
    ) -> Result<Response<Released<message::ChangeResponse>>, Status> {
        self.serve(PROVE, request, async |admitted, request| Api::prove(self, admitted, request).await).await
    }

    async fn log_off(
        &self,
        request: Request<message::LogOffRequest>,
    ) -> Result<Response<Released<message::ChangeResponse>>, Status> {
        self.serve(LOG_OFF, request, async |admitted, request| Api::log_off(self, admitted, request).await).await
    }

    async fn who_am_i(
        &self,
        request: Request<message::WhoAmIRequest>,
    ) -> Result<Response<Released<message::WhoAmIResponse>>, Status> {
        self.serve(WHO_AM_I, request, async |admitted, _| Api::who_am_i(self, admitted).await).await
    }

    async fn end(
        &self,
        request: Request<message::EndSessionsRequest>,
    ) -> Result<Response<Released<message::ChangeResponse>>, Status> {
        self.serve(END, request, async |admitted, request| self.end_others(admitted, request).await).await
    }

    async fn list(
        &self,
        request: Request<message::ListSessionsRequest>,
    ) -> Result<Response<Released<message::ListSessionsResponse>>, Status> {
        self.serve(LIST, request, async |admitted, request| self.list_sessions(admitted, request).await).await
    }
}
