//! What the API says when it does not answer: a stable code, the field at fault, and whether a write may have taken place.

use std::time::Duration;

use model::access::denial::Denial;
use model::error::{Invalid, Refusal, RefusalCode};
use model::known_bugs::{KnownBug, planted};
use proto::metadata;
use raft::error::GroupError;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use crate::audit::AuditError;

/// When to come again to a queue that is full.
pub const BUSY: Duration = Duration::from_millis(200);

/// A refusal or failure of a request.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ApiError {
    #[error("{0}")]
    Invalid(#[from] Invalid),
    #[error("{}", .0.text)]
    Refused(#[from] Refusal),
    /// The certificate names somebody else than the request.
    #[error("the certificate is not that of {claimed}: ask as who you are, or show his")]
    OtherIdentity { claimed: String },
    /// The certificate names no user and no system.
    #[error(
        "the certificate names no user of this cluster: have one issued to you (`portcullis pki issue DIR user NAME`)"
    )]
    NotAUser,
    /// A system, or a network without certificates.
    #[error("sessions are for people with a certificate: a system asks by its certificate alone")]
    NotAPerson,
    #[error("this node has no gate, and so nobody is anybody: it runs with --plain-text")]
    NoGate,
    /// No session, or one that is over, was begun on another certificate, or is somebody else's.
    #[error("log on first: there is no session, or it is over (`portcullis login`)")]
    NoSession,
    /// Locked by its user, who is to show his factor again.
    #[error("the session is locked: open it with the factor that it was begun with (`portcullis session unlock`)")]
    SessionLocked,
    /// What gives powers asks for a factor that was shown within five minutes.
    #[error("prove yourself again for this: it is good for 5 minutes (`portcullis session unlock`)")]
    StepUpNeeded,
    /// A terminal's certificate says where somebody is, and not who.
    #[error("this is the certificate of a terminal: log on with password and code (`portcullis login --password`)")]
    FactorsNeeded,
    #[error("this terminal is at {station}: ask from there (`port` of the context)")]
    OtherTerminal { station: String },
    /// A rule of access refuses (SECURITY.md 1.1); all that do, the first of them for the caller.
    #[error("{} {}: {}", .denial.rule(), .denial.code(), .denial.text())]
    Denied { denial: Denial, codes: Vec<Denial> },
    /// Missing, hidden and purged read the same (SECURITY.md 1.5).
    #[error("no record available")]
    NoRecord,
    /// There is one that the caller may not see: the audit alone is told so.
    #[error("no record available")]
    Hidden(Denial),
    #[error("{0}")]
    Group(#[from] GroupError),
    #[error("{0}")]
    Audit(#[from] AuditError),
    #[error("the request did not end before its deadline")]
    Deadline,
    #[error("the node has too much to do: come again in {} ms", again.as_millis())]
    Overloaded { again: Duration },
    /// Somebody asks more than he may; another node would say the same.
    #[error("slow down: {text}; come again in {} ms", again.as_millis())]
    SlowDown { text: String, again: Duration },
    #[error("internal error: {0}")]
    Internal(String),
}

impl ApiError {
    /// A rule of access refuses.
    pub fn denied(denial: Denial) -> Self {
        Self::Denied { denial, codes: vec![denial] }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::Refused(refusal) => refusal.code.code(),
            Self::OtherIdentity { .. } => "other-identity",
            Self::NotAUser => "not-a-user",
            Self::NotAPerson => "not-a-person",
            Self::NoGate => "no-gate",
            Self::NoSession => "session-needed",
            Self::SessionLocked => "session-locked",
            Self::StepUpNeeded => "step-up-needed",
            Self::FactorsNeeded => "factors-needed",
            Self::OtherTerminal { .. } => "other-terminal",
            Self::Denied { denial, .. } => denial.code(),
            Self::Hidden(denial) if planted(KnownBug::ErrorTellsOfHidden) => denial.code(),
            Self::NoRecord | Self::Hidden(_) => RefusalCode::NoRecordAvailable.code(),
            Self::Group(GroupError::Unknown { .. }) => "outcome-unknown",
            Self::Group(GroupError::Busy { .. }) | Self::Audit(AuditError::Full) | Self::Overloaded { .. } => "busy",
            Self::SlowDown { .. } => "slow-down",
            Self::Group(GroupError::Refused { .. }) => "invalid",
            Self::Group(GroupError::NoReplica { .. }) => "unknown-group",
            Self::Group(_) => "unavailable",
            Self::Audit(_) => "audit-unavailable",
            Self::Deadline => "deadline",
            Self::Internal(_) => "internal",
        }
    }

    /// The code that the audit keeps: of a record that is hidden, why.
    pub fn audit_code(&self) -> &'static str {
        match self {
            Self::Hidden(denial) => denial.code(),
            other => other.code(),
        }
    }

    /// What the audit keeps of it in words.
    pub fn audit_text(&self) -> String {
        match self {
            Self::Hidden(denial) => format!("the record is hidden from the caller: {denial} ({})", denial.rule()),
            // Every rule that refused, not only the first.
            Self::Denied { codes, .. } if codes.len() > 1 => {
                let codes: Vec<&str> = codes.iter().map(|denial| denial.code()).collect();
                format!("{self} (all: {})", codes.join(", "))
            }
            other => other.to_string(),
        }
    }

    /// Whether it is a decision about the request (to be audited as a refusal) or a failure to serve it.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Invalid(_)
                | Self::Refused(_)
                | Self::NoRecord
                | Self::Hidden(_)
                | Self::OtherIdentity { .. }
                | Self::NotAUser
                | Self::NotAPerson
                | Self::NoGate
                | Self::NoSession
                | Self::SessionLocked
                | Self::StepUpNeeded
                | Self::FactorsNeeded
                | Self::OtherTerminal { .. }
                | Self::Denied { .. }
        )
    }

    /// When to come again, where nothing is wrong but that there is too much to do.
    pub fn again(&self) -> Option<Duration> {
        match self {
            Self::Group(GroupError::Busy { .. }) | Self::Audit(AuditError::Full) => Some(BUSY),
            Self::Overloaded { again } | Self::SlowDown { again, .. } => Some(*again),
            _ => None,
        }
    }

    /// The field of the request at fault, if one is.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::Invalid(invalid) => Some(&invalid.field),
            Self::Refused(refusal) => refusal.code.field(),
            Self::Group(GroupError::NoReplica { .. }) => Some("group"),
            _ => None,
        }
    }

    /// What the caller reads. Details of a failure name keys, records and paths, and stay in the node's log.
    fn public_text(&self) -> String {
        match self {
            Self::Internal(_) => "internal error: the node's log says more".to_string(),
            Self::Group(GroupError::Storage(_)) => "the node's storage failed: its log says more".to_string(),
            other => other.to_string(),
        }
    }

    fn grpc(&self) -> Code {
        match self {
            Self::Invalid(_) => Code::InvalidArgument,
            Self::NoRecord | Self::Hidden(_) => Code::NotFound,
            Self::OtherIdentity { .. } | Self::OtherTerminal { .. } | Self::Denied { .. } => Code::PermissionDenied,
            Self::NotAUser
            | Self::NoSession
            | Self::SessionLocked
            | Self::StepUpNeeded
            | Self::FactorsNeeded
            | Self::NotAPerson => Code::Unauthenticated,
            Self::NoGate => Code::FailedPrecondition,
            Self::Refused(refusal) => match refusal.code {
                RefusalCode::NoRecordAvailable => Code::NotFound,
                RefusalCode::StaleVersion | RefusalCode::ImportSuperseded => Code::Aborted,
                RefusalCode::Invalid | RefusalCode::LevelRefused => Code::InvalidArgument,
                RefusalCode::WrongGroup
                | RefusalCode::AuditSplit
                | RefusalCode::DecisionLapsed
                | RefusalCode::DecisionRevoked => Code::Unavailable,
                RefusalCode::LogOnRefused => Code::Unauthenticated,
                RefusalCode::UnknownUser | RefusalCode::UnknownObject => Code::NotFound,
                RefusalCode::NotEntitled
                | RefusalCode::SeparationOfDuties
                | RefusalCode::Owner
                | RefusalCode::ListOfAnother => Code::PermissionDenied,
                _ => Code::FailedPrecondition,
            },
            Self::Group(GroupError::Unknown { .. }) => Code::Unknown,
            Self::Group(GroupError::Busy { .. })
            | Self::Audit(AuditError::Full)
            | Self::Overloaded { .. }
            | Self::SlowDown { .. } => Code::ResourceExhausted,
            Self::Group(GroupError::Refused { .. }) => Code::InvalidArgument,
            Self::Group(GroupError::NoReplica { .. }) => Code::NotFound,
            Self::Group(_) | Self::Audit(_) => Code::Unavailable,
            Self::Deadline => Code::DeadlineExceeded,
            Self::Internal(_) => Code::Internal,
        }
    }
}

impl From<raft::storage::StorageError> for ApiError {
    fn from(error: raft::storage::StorageError) -> Self {
        Self::Group(error.into())
    }
}

impl From<ApiError> for Status {
    fn from(error: ApiError) -> Self {
        let mut status = Status::new(error.grpc(), error.public_text());
        let mut put = |key: &'static str, value: &str| {
            if let Ok(value) = MetadataValue::try_from(value) {
                status.metadata_mut().insert(key, value);
            }
        };
        put(metadata::CODE, error.code());
        if let Some(field) = error.field() {
            put(metadata::FIELD, field);
        }
        if let ApiError::Group(GroupError::Unknown { .. }) = &error {
            put(metadata::OUTCOME, "unknown");
        }
        if let Some(again) = error.again() {
            put(metadata::RETRY_MS, &again.as_millis().max(1).to_string());
        }
        status
    }
}
