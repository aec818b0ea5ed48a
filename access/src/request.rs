//! What is asked of the gate.

use model::access::function::Function;
use model::access::labels::{Labels, Visibility};
use model::access::standing::Remedy;
use model::ids::{PortId, Purpose, UserId};
use model::record::{AccessLevel, RecordHeader};
use model::time::UnixMillis;

/// What the caller wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// Use a function; what it finds is cut by labels.
    Use,
    Create,
    Read,
    Update,
    Remove,
    /// Let a lookout stay on primary (R22).
    Approve,
    /// Record or end an override of a lookout, which leaves it as it is.
    Override,
    Export,
    Print,
    /// Renew what lapsed, or log off.
    Remedy(Remedy),
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Use,
        Self::Create,
        Self::Read,
        Self::Update,
        Self::Remove,
        Self::Approve,
        Self::Override,
        Self::Export,
        Self::Print,
        Self::Remedy(Remedy::TakeCourse),
        Self::Remedy(Remedy::Recertify),
        Self::Remedy(Remedy::LogOff),
    ];

    /// Its name in the policies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Use => "use",
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Remove => "remove",
            Self::Approve => "approve",
            Self::Override => "override",
            Self::Export => "export",
            Self::Print => "print",
            Self::Remedy(remedy) => remedy.code(),
        }
    }

    /// Whether it is done to a record.
    pub const fn is_to_record(self) -> bool {
        !matches!(self, Self::Use | Self::Remedy(_))
    }
}

/// The record that it is done to, or the draft of one that is created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// With its dataset and owner.
    pub labels: Labels,
    pub level: AccessLevel,
    pub creator: UserId,
    /// A tribal card or an enhanced licence (R19).
    pub enhanced_document: bool,
    /// Whether the owner has agreed that it is passed on (R27).
    pub owner_approves: bool,
}

impl Object {
    /// A stored record: no such document, and nothing agreed.
    pub fn of(header: &RecordHeader) -> Self {
        Self {
            labels: Labels::of(header),
            level: header.level,
            creator: header.created.by.clone(),
            enhanced_document: false,
            owner_approves: false,
        }
    }

    /// What is known of a record by its labels: as much as reading it depends on.
    pub fn labelled(labels: Labels, reader: &UserId) -> Self {
        let level = match &labels.visibility {
            Visibility::LevelOne => AccessLevel::One,
            Visibility::Classes(_) => AccessLevel::Three,
            Visibility::Users(_) => AccessLevel::Four,
        };
        Self { labels, level, creator: reader.clone(), enhanced_document: false, owner_approves: false }
    }
}

/// To whom something is passed on (R27).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient {
    /// An agency of the system.
    Member,
    /// Anybody else who is named in the request and its event.
    Other,
}

/// One question to the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub act: Act,
    /// What a remedy is asked by does not matter.
    pub function: Function,
    pub station: PortId,
    pub purpose: Purpose,
    pub now: UnixMillis,
    pub object: Option<Object>,
    pub recipient: Option<Recipient>,
    /// A system link asks (R29), as its certificate says.
    pub system: bool,
    /// The banner in force was acknowledged at this log-on (R08).
    pub consent: bool,
}
