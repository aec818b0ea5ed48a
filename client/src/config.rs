//! What a client is configured with, checked once.

use std::time::Duration;

use model::error::Invalid;
use model::ids::check_code;
use model::limits::{DEADLINE_DEFAULT_MS, DEADLINE_MAX_MS};
use tonic::metadata::{Ascii, MetadataValue};

/// Where the cluster is, who asks, and how long is waited.
#[derive(Debug, Clone)]
pub struct Config {
    /// `host:port` of every node that may be asked.
    pub endpoints: Vec<String>,
    pub user: String,
    pub agency: String,
    pub port: String,
    pub purpose: String,
    /// SHA-256 of the banner that the user has read and acknowledges at each log-on, in hexadecimal digits. Without it no
    /// session is begun by itself.
    pub acknowledges: Option<String>,
    /// A call is over after this time, with all its attempts.
    pub deadline: Duration,
    /// One attempt of a question is over after this time, so that a dead node costs little.
    pub attempt: Duration,
    /// One attempt of a write: longer, since a second attempt meets the first one's entry in the log.
    pub attempt_write: Duration,
    /// Waiting for a connection.
    pub connect: Duration,
    /// Pauses between rounds over all endpoints grow from the first to the second.
    pub backoff: (Duration, Duration),
}

impl Config {
    /// A configuration with the usual times.
    pub fn new(endpoints: Vec<String>, user: &str, agency: &str, port: &str, purpose: &str) -> Self {
        Self {
            endpoints,
            user: user.to_string(),
            agency: agency.to_string(),
            port: port.to_string(),
            purpose: purpose.to_string(),
            acknowledges: None,
            deadline: Duration::from_millis(DEADLINE_DEFAULT_MS),
            attempt: Duration::from_secs(2),
            attempt_write: Duration::from_secs(3),
            connect: Duration::from_secs(1),
            backoff: (Duration::from_millis(25), Duration::from_millis(400)),
        }
    }

    pub(crate) fn validate(&self) -> Result<Identity, ConfigError> {
        if self.endpoints.is_empty() {
            return Err(ConfigError::NoEndpoints);
        }
        if self.deadline.is_zero() || self.deadline > Duration::from_millis(DEADLINE_MAX_MS) {
            return Err(ConfigError::Deadline(self.deadline));
        }
        let code = |field: &'static str, text: &str| {
            check_code(field, text)?;
            text.parse::<MetadataValue<Ascii>>()
                .map_err(|_| ConfigError::Invalid(Invalid::new(field, "does not fit a header".into())))
        };
        Ok(Identity {
            user: code("user", &self.user)?,
            agency: code("agency", &self.agency)?,
            port: code("port", &self.port)?,
            purpose: code("purpose", &self.purpose)?,
        })
    }
}

/// Who asks, as it goes into the metadata of each request.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub user: MetadataValue<Ascii>,
    pub agency: MetadataValue<Ascii>,
    pub port: MetadataValue<Ascii>,
    pub purpose: MetadataValue<Ascii>,
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("no endpoint is given; name at least one node as host:port")]
    NoEndpoints,
    #[error("`{0}` is no endpoint; use host:port")]
    Endpoint(String),
    #[error("a deadline of {0:?} is not between 0 and {DEADLINE_MAX_MS} ms")]
    Deadline(Duration),
    #[error(transparent)]
    Invalid(#[from] Invalid),
}
