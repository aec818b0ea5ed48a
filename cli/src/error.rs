//! How a command ends badly, and the exit code that says so.

use std::path::Path;

use client::{ClientError, ConfigError, ErrorKind};
use model::error::Invalid;

use crate::import::ImportError;

/// Exit codes; `--help` lists them, scripts rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Ok = 0,
    Error = 1,
    Usage = 2,
    NotFound = 3,
    Unavailable = 4,
    OutcomeUnknown = 5,
    VerificationFailed = 6,
    Refused = 7,
}

/// The exit codes as `--help` shows them.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done; for a question: answered, with or without hits
  1  error: a file, a fault, anything not below
  2  usage: a flag or a field is wrong
  3  no record available, or no such group
  4  unavailable: no endpoint answered in time; try again
  5  outcome unknown: the change may have happened; repeat a write with the request id shown, and a change of members
     once `cluster members` shows how far it came
  6  verification failed: the audit log is not what it was or not what it says
  7  refused by a rule as things stand, such as a stale version";

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Failed(String),
    #[error("{what}: {source}")]
    Io { what: String, source: std::io::Error },
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error("verification failed: {0}")]
    Verification(String),
    /// Whoever read our output is gone, and so is the reason to go on.
    #[error("nobody reads the output any more")]
    BrokenPipe,
}

impl CliError {
    /// An error about a file or another thing of the operating system.
    pub fn io(what: impl std::fmt::Display, source: std::io::Error) -> Self {
        Self::Io { what: what.to_string(), source }
    }

    /// An error about a path.
    pub fn path(path: &Path, source: std::io::Error) -> Self {
        Self::io(path.display(), source)
    }

    /// A flag whose value is wrong.
    pub fn flag(flag: &str, reason: impl std::fmt::Display) -> Self {
        Self::Usage(format!("{flag}: {reason}"))
    }

    /// The exit code of this error.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Config(_) => Exit::Usage,
            Self::Failed(_) | Self::Io { .. } | Self::Import(_) => Exit::Error,
            Self::Verification(_) => Exit::VerificationFailed,
            Self::BrokenPipe => Exit::Ok,
            Self::Client(error) if error.outcome_unknown => Exit::OutcomeUnknown,
            Self::Client(error) => match error.kind {
                ErrorKind::Invalid => Exit::Usage,
                ErrorKind::NotFound => Exit::NotFound,
                ErrorKind::Refused => Exit::Refused,
                ErrorKind::Unavailable => Exit::Unavailable,
                ErrorKind::Internal => Exit::Error,
            },
        }
    }

    /// The line for stderr, with the stable code where a node gave one.
    pub fn line(&self) -> String {
        match self {
            Self::Client(error) => format!("error[{}]: {error}", error.code),
            other => format!("error: {other}"),
        }
    }
}

impl From<Invalid> for CliError {
    fn from(invalid: Invalid) -> Self {
        Self::Usage(invalid.to_string())
    }
}
