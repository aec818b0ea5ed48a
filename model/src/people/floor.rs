//! Revocation floors (DESIGN.md, Moved versions): a decision that was made on less than the floor of its caller, of his
//! agency or of everybody is refused by every group that has the floor.

use serde::{Deserialize, Serialize};

use crate::envelope::{Caller, Decision};
use crate::ids::{AgencyId, RecordId, UserId};

crate::numbered! {
    /// Whom a floor is for.
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
    pub enum Party {
        1 => User(UserId),
        2 => Agency(AgencyId),
        /// All callers: a role was narrowed, whose holders nobody counts. Its epoch is the directory's log index of the
        /// change, compared with the one that the decision was made at.
        3 => Everyone(()),
    }
}

/// A floor on its way to a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Floor {
    pub party: Party,
    pub epoch: u64,
}

/// The epochs that a decision was made on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epochs {
    pub user: u64,
    pub agency: u64,
}

impl Party {
    /// The code that keys and object ids are made of.
    pub fn code(&self) -> &str {
        match self {
            Self::User(user) => user.as_str(),
            Self::Agency(agency) => agency.as_str(),
            Self::Everyone(()) => "",
        }
    }

    /// The id of its object in request memory and audit.
    pub fn object(&self) -> RecordId {
        let kind = match self {
            Self::User(_) => "user",
            Self::Agency(_) => "agency",
            Self::Everyone(()) => "everyone",
        };
        RecordId::of_object(kind, self.code())
    }
}

/// The floors that a decision must reach, each with what it was made on.
pub fn asked_of(caller: &Caller, decision: &Decision) -> [(Party, u64); 3] {
    [
        (Party::User(caller.user.clone()), decision.epochs.user),
        (Party::Agency(caller.agency.clone()), decision.epochs.agency),
        (Party::Everyone(()), decision.directory_index),
    ]
}
