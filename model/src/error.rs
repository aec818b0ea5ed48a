//! What is wrong with an input, and why a command is refused: stable codes that the API carries on.

use serde::{Deserialize, Serialize};

/// A field that does not hold what it must. The text never repeats a name or document number of a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct Invalid {
    /// The offending field.
    pub field: String,
    /// What is wrong, and what is right.
    pub reason: String,
}

impl Invalid {
    /// An error about a field.
    pub fn new(field: impl Into<String>, reason: String) -> Self {
        Self { field: field.into(), reason }
    }

    /// The same error one level further out, as `outer.field`.
    pub fn within(self, outer: &str) -> Self {
        Self { field: format!("{outer}.{}", self.field), reason: self.reason }
    }
}

/// What an officer should know of an input that is taken all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The field that it is about.
    pub field: String,
    pub text: String,
}

impl Warning {
    /// A warning about a field.
    pub fn new(field: impl Into<String>, text: impl Into<String>) -> Self {
        Self { field: field.into(), text: text.into() }
    }
}

crate::coded! {
    /// Why a command was refused. The codes are part of the public API.
    pub enum RefusalCode {
        1 "no-record-available" => NoRecordAvailable,
        2 "stale-version" => StaleVersion,
        3 "request-too-old" => RequestTooOld,
        4 "wrong-group" => WrongGroup,
        5 "import-superseded" => ImportSuperseded,
        6 "request-id-reused" => RequestIdReused,
        7 "invalid" => Invalid,
        8 "level-refused" => LevelRefused,
        9 "already-initialised" => AlreadyInitialised,
        10 "decision-lapsed" => DecisionLapsed,
        11 "outbox-gap" => OutboxGap,
        /// The replicas of the audit group have no common log: nothing is appended any more.
        12 "audit-split" => AuditSplit,
        20 "override-limit" => OverrideLimit,
        /// Only its owner changes a record (R20).
        21 "owner" => Owner,
        /// The list holds records of another agency, which alone imports it (R20).
        22 "list-of-another" => ListOfAnother,
        /// Who asks may not do this; the text names the rule.
        30 "not-entitled" => NotEntitled,
        /// Somebody else must do this: it takes another person, or not the one who benefits.
        31 "separation-of-duties" => SeparationOfDuties,
        32 "unknown-user" => UnknownUser,
        /// No agency, agreement, memorandum or role of this id.
        33 "unknown-object" => UnknownObject,
        /// What it is about is in a state that does not allow it.
        34 "wrong-state" => WrongState,
        /// Access was taken away after the decision was made; it must be made again.
        35 "decision-revoked" => DecisionRevoked,
        /// Whoever this is did not prove it; one code for every reason.
        36 "log-on-refused" => LogOnRefused,
        /// The account was not used for so long that nobody logs on by it any more.
        37 "inactive" => Inactive,
    }
}

impl RefusalCode {
    /// The field of the request that the refusal is about, where it is about one.
    pub fn field(self) -> Option<&'static str> {
        match self {
            Self::StaleVersion => Some("expected_version"),
            Self::RequestTooOld | Self::RequestIdReused => Some("request_id"),
            Self::LevelRefused => Some("level"),
            Self::OverrideLimit => Some("lookout"),
            _ => None,
        }
    }

    /// Whether the log refused without an event of its own, so that the node which answers records it.
    pub fn leaves_no_event(self) -> bool {
        matches!(
            self,
            Self::WrongGroup
                | Self::DecisionLapsed
                | Self::DecisionRevoked
                | Self::ImportSuperseded
                | Self::ListOfAnother
        )
    }
}

/// A refusal: the code for machines, the text for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {text}")]
pub struct Refusal {
    pub code: RefusalCode,
    pub text: String,
}

impl Refusal {
    /// A refusal with its reason.
    pub fn new(code: RefusalCode, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}
