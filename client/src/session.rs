//! The session of whoever asks: kept where the person's other processes find it, begun when a node says that there is none.
//!
//! Assumes that whoever hands in `Config::acknowledges` has read the banner of that digest. Leaves reading it to the command
//! line: a banner that has changed is refused, and nobody acknowledges it unread.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use proto::v1;
use proto::v1::founding_client::FoundingClient;
use proto::v1::sessions_client::SessionsClient;
use tokio::time::Instant;
use tonic::metadata::{Ascii, MetadataValue};

use crate::call::{ANSWER_BYTES_MAX, Plan};
use crate::endpoints::Kind;
use crate::{Client, ClientError, ErrorKind};

/// The code by which a node asks for a fresh factor.
pub(crate) const STEP_UP_NEEDED: &str = "step-up-needed";
/// The code by which a node asks for a session.
pub(crate) const SESSION_NEEDED: &str = "session-needed";
/// Between two looks at a lock that another process holds.
const LOCK_LOOK: Duration = Duration::from_millis(20);

/// Where a handle is kept.
pub trait SessionStore: Send + Sync {
    /// The handle, if there is one.
    fn load(&self) -> io::Result<Option<String>>;
    /// Keeps a handle; none: there is none any more.
    fn save(&self, handle: Option<&str>) -> io::Result<()>;
    /// A lock, held while somebody logs on; None while another process holds it.
    fn try_lock(&self) -> io::Result<Option<Box<dyn Send>>>;
}

/// A handle in memory, of this process alone.
#[derive(Debug, Default)]
pub struct InMemory(Mutex<Option<String>>);

impl SessionStore for InMemory {
    fn load(&self) -> io::Result<Option<String>> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
    fn save(&self, handle: Option<&str>) -> io::Result<()> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = handle.map(str::to_string);
        Ok(())
    }
    fn try_lock(&self) -> io::Result<Option<Box<dyn Send>>> {
        Ok(Some(Box::new(())))
    }
}

/// The session of a client and its clones.
pub(crate) struct Keeper {
    store: Arc<dyn SessionStore>,
    /// As it goes into the metadata; outer None: not looked for yet.
    current: Mutex<Option<Option<MetadataValue<Ascii>>>>,
    logging_on: tokio::sync::Mutex<()>,
}

impl Keeper {
    pub(crate) fn new(store: Arc<dyn SessionStore>) -> Self {
        Self { store, current: Mutex::default(), logging_on: tokio::sync::Mutex::default() }
    }

    /// The handle that requests carry now.
    pub(crate) fn current(&self) -> Option<MetadataValue<Ascii>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.get_or_insert_with(|| header(self.store.load().ok().flatten())).clone()
    }

    fn set(&self, handle: Option<MetadataValue<Ascii>>) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(handle);
    }

    /// Takes what the store has, if it is not the one that was refused.
    fn reload(&self, refused: Option<&MetadataValue<Ascii>>) -> Result<bool, ClientError> {
        let stored = header(self.store.load().map_err(|error| unusable(&error))?);
        let news = stored.is_some() && stored.as_ref() != refused;
        if news {
            self.set(stored);
        }
        Ok(news)
    }
}

fn header(handle: Option<String>) -> Option<MetadataValue<Ascii>> {
    handle.and_then(|handle| handle.trim().parse().ok())
}

fn unusable(error: &io::Error) -> ClientError {
    ClientError::unavailable(format!("the file of the session cannot be used: {error}"))
}

impl Client {
    /// Begins a session where there is none and the banner is acknowledged, so that no request is refused for it.
    pub(crate) async fn signed_on(&self, until: Instant) -> Result<(), ClientError> {
        if self.shared.config.acknowledges.is_none() || self.shared.keeper.current().is_some() {
            return Ok(());
        }
        self.renew(None, ClientError::unavailable("there is no session"), until).await
    }

    /// Sees to it that there is another session than the one that was refused: one that another process began, or a new
    /// one. It takes no longer than the call that needs it. Boxed, since logging on is a call itself.
    pub(crate) fn renew<'a>(
        &'a self,
        refused: Option<MetadataValue<Ascii>>,
        needed: ClientError,
        until: Instant,
    ) -> Pin<Box<dyn Future<Output = Result<(), ClientError>> + Send + 'a>> {
        Box::pin(async move {
            let keeper = &self.shared.keeper;
            let late = || ClientError::unavailable("no session could be begun in time");
            let _one_at_a_time = tokio::time::timeout_at(until, keeper.logging_on.lock()).await.map_err(|_| late())?;
            if keeper.current() != refused || keeper.reload(refused.as_ref())? {
                return Ok(());
            }
            let Some(banner) = self.shared.config.acknowledges.clone() else { return Err(needed) };
            let _lock = loop {
                if let Some(lock) = keeper.store.try_lock().map_err(|error| unusable(&error))? {
                    break lock;
                }
                if Instant::now() >= until {
                    return Err(ClientError::unavailable("another process has been logging on for too long"));
                }
                tokio::time::sleep(LOCK_LOOK).await;
            };
            if keeper.reload(refused.as_ref())? {
                return Ok(());
            }
            self.log_on_within(&banner, None, until.saturating_duration_since(Instant::now())).await.map(drop)
        })
    }

    /// The banner that is to be acknowledged.
    pub async fn banner(&self) -> Result<v1::BannerResponse, ClientError> {
        let message = v1::BannerRequest {};
        let send = |channel, request| async move { SessionsClient::new(channel).banner(request).await };
        self.unary(Plan { session: false, kind: Kind::Control, ..self.read() }, message, send).await
    }

    /// Proves anew who asks, by the certificate, where whoever acknowledged the banner let us log on by ourselves; else it is his
    /// to do. A session that was begun otherwise, or has ended meanwhile, gives way to a new one.
    pub(crate) fn step_up<'a>(
        &'a self,
        session: Option<MetadataValue<Ascii>>,
        needed: ClientError,
        until: Instant,
    ) -> Pin<Box<dyn Future<Output = Result<(), ClientError>> + Send + 'a>> {
        Box::pin(async move {
            if self.shared.config.acknowledges.is_none() {
                return Err(needed);
            }
            match self.prove_within(None, until.saturating_duration_since(Instant::now())).await {
                Ok(_) => Ok(()),
                Err(error) if error.kind == ErrorKind::Unavailable => Err(error),
                Err(_) => self.renew(session, needed, until).await,
            }
        })
    }

    /// Locks the session: it is good for nothing but to prove oneself again.
    pub async fn lock_session(&self) -> Result<v1::ChangeResponse, ClientError> {
        let id = self.new_request_id();
        let message = v1::LockSessionRequest { request_id: id.to_string() };
        let send = |channel, request| async move { SessionsClient::new(channel).lock(request).await };
        self.unary(Plan { session: false, ..self.write(id) }, message, send).await
    }

    /// Shows the factor again that the session was begun with; none: the certificate.
    pub async fn prove(&self, factors: Option<v1::Factors>) -> Result<v1::ChangeResponse, ClientError> {
        self.prove_within(factors, self.shared.config.deadline).await
    }

    async fn prove_within(
        &self,
        factors: Option<v1::Factors>,
        deadline: Duration,
    ) -> Result<v1::ChangeResponse, ClientError> {
        let id = self.new_request_id();
        let message = v1::ProveSessionRequest { request_id: id.to_string(), factors };
        let send = |channel, request| async move { SessionsClient::new(channel).prove(request).await };
        self.unary(Plan { session: false, deadline, ..self.write(id) }, message, send).await
    }

    /// Sets the caller's own password.
    pub async fn set_password(
        &self,
        mut message: v1::SetPasswordRequest,
    ) -> Result<v1::SetPasswordResponse, ClientError> {
        let id = self.new_request_id();
        message.request_id = id.to_string();
        let send = |channel, request| async move { SessionsClient::new(channel).set_password(request).await };
        self.unary(Plan { session: false, ..self.write(id) }, message, send).await
    }

    /// Begins a session with the banner that was acknowledged, by factors or else by the certificate, and keeps its handle.
    pub async fn log_on(
        &self,
        banner_sha256: &str,
        factors: Option<v1::Factors>,
    ) -> Result<v1::LogOnResponse, ClientError> {
        self.log_on_within(banner_sha256, factors, self.shared.config.deadline).await
    }

    async fn log_on_within(
        &self,
        banner_sha256: &str,
        factors: Option<v1::Factors>,
        deadline: Duration,
    ) -> Result<v1::LogOnResponse, ClientError> {
        let id = self.new_request_id();
        let banner_sha256 = banner_sha256.to_string();
        let message = v1::LogOnRequest { request_id: id.to_string(), banner_sha256, factors };
        let send = |channel, request| async move { SessionsClient::new(channel).log_on(request).await };
        let begun = self.unary(Plan { session: false, deadline, ..self.write(id) }, message, send).await?;
        self.shared.keeper.set(header(Some(begun.session.clone())));
        self.shared.keeper.store.save(Some(&begun.session)).map_err(|error| unusable(&error))?;
        Ok(begun)
    }

    /// Ends the session, or all sessions of the user.
    pub async fn log_off(&self, all: bool) -> Result<v1::ChangeResponse, ClientError> {
        let id = self.new_request_id();
        let message = v1::LogOffRequest { request_id: id.to_string(), all };
        let send = |channel, request| async move { SessionsClient::new(channel).log_off(request).await };
        let ended = self.unary(self.write(id), message, send).await?;
        self.shared.keeper.set(None);
        self.shared.keeper.store.save(None).map_err(|error| unusable(&error))?;
        Ok(ended)
    }

    /// Who asks, what he may do, what he lacks.
    pub async fn who_am_i(&self) -> Result<v1::WhoAmIResponse, ClientError> {
        let message = v1::WhoAmIRequest {};
        let send = |channel, request| async move {
            SessionsClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX).who_am_i(request).await
        };
        self.unary(self.read(), message, send).await
    }

    /// Ends all sessions of somebody else.
    pub async fn end_sessions(&self, user: &str) -> Result<v1::ChangeResponse, ClientError> {
        let id = self.new_request_id();
        let message = v1::EndSessionsRequest { request_id: id.to_string(), user: user.to_string() };
        let send = |channel, request| async move { SessionsClient::new(channel).end(request).await };
        self.unary(self.write(id), message, send).await
    }

    /// The sessions of a user; empty: one's own.
    pub async fn sessions(&self, user: &str) -> Result<v1::ListSessionsResponse, ClientError> {
        let message = v1::ListSessionsRequest { user: user.to_string() };
        let send = |channel, request| async move { SessionsClient::new(channel).list(request).await };
        self.unary(self.read(), message, send).await
    }

    /// Makes the first accounts of a cluster.
    pub async fn found(&self, mut message: v1::FoundRequest) -> Result<v1::ChangeResponse, ClientError> {
        let id = self.new_request_id();
        message.request_id = id.to_string();
        let send = |channel, request| async move { FoundingClient::new(channel).found(request).await };
        self.unary(Plan { session: false, ..self.write(id) }, message, send).await
    }
}
