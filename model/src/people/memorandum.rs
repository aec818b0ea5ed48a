//! An owner's memorandum to the Custodian of Records (R17, F19.3): what of an agency's level 3 and 4 records others may
//! see.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::access::function::Function;
use crate::access::principal::ClassId;
use crate::codec::Stored;
use crate::error::Invalid;
use crate::ids::{AgencyId, MemorandumId, UserId};
use crate::limits::{FUNCTIONS_MAX, MEMORANDUM_USERS_MAX};
use crate::people::agency::check_count;
use crate::people::floor::Party;
use crate::record::Stamp;
use crate::time::UnixMillis;

crate::coded! {
    /// How far a memorandum is; whether an accepted one is in force, its window says.
    pub enum MemorandumStage {
        1 "drafted" => Drafted,
        /// The custodian accepted it.
        2 "accepted" => Accepted,
        3 "ended" => Ended,
    }
}

crate::numbered! {
    /// What a memorandum opens.
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
    pub enum MemorandumSubject {
        /// A class of the owner's level 3 records.
        1 => Class(ClassId),
        /// The owner's level 4 records that name the grantee beside (1.2 g).
        2 => LevelFour(()),
    }
}

crate::numbered! {
    /// To whom.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Grantee {
        1 => Agency(AgencyId),
        2 => Users(BTreeSet<UserId>),
    }
}

/// What a memorandum says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemorandumTerms {
    pub owner: AgencyId,
    pub subject: MemorandumSubject,
    pub grantee: Grantee,
    /// By which functions.
    pub verbs: BTreeSet<Function>,
    /// From inclusive, to exclusive.
    pub from: UnixMillis,
    pub to: UnixMillis,
}

/// A memorandum as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memorandum {
    pub id: MemorandumId,
    pub terms: MemorandumTerms,
    pub stage: MemorandumStage,
    pub drafted: Stamp,
    pub accepted: Option<Stamp>,
    pub ended: Option<Stamp>,
    pub version: u64,
}

impl Stored for Memorandum {
    const TAG: u16 = 32;
    const VERSION: u8 = 1;
}

/// Functions by which a record is read, so that a memorandum with one of them lets its class be seen.
const READING: [Function; 6] = [
    Function::PrimaryQuery,
    Function::SubjectQuery,
    Function::BatchVetting,
    Function::RecordView,
    Function::RecordHistory,
    Function::RecordList,
];

impl Grantee {
    /// Its agencies or users, as floors know them.
    pub fn parties(&self) -> Vec<Party> {
        match self {
            Self::Agency(agency) => vec![Party::Agency(agency.clone())],
            Self::Users(users) => users.iter().cloned().map(Party::User).collect(),
        }
    }
}

impl MemorandumTerms {
    /// Checks every field.
    pub fn validate(&self) -> Result<(), Invalid> {
        check_count("verbs", self.verbs.len(), FUNCTIONS_MAX)?;
        if self.verbs.is_empty() {
            return Err(Invalid::new("verbs", "is empty".into()));
        }
        if let MemorandumSubject::Class(class) = &self.subject
            && !class.is_of(&self.owner)
        {
            let reason = format!("is no class of {0}; its classes are `agency:{0}` and `{0}/...`", self.owner);
            return Err(Invalid::new("class", reason));
        }
        match (&self.subject, &self.grantee) {
            (_, Grantee::Users(users)) if users.is_empty() => Err(Invalid::new("grantee", "names nobody".into())),
            (_, Grantee::Users(users)) => check_count("grantee", users.len(), MEMORANDUM_USERS_MAX),
            (MemorandumSubject::LevelFour(()), Grantee::Agency(_)) => {
                Err(Invalid::new("grantee", "level 4 is for named users".into()))
            }
            (_, Grantee::Agency(agency)) if *agency == self.owner => {
                Err(Invalid::new("grantee", "is the owner itself".into()))
            }
            (_, Grantee::Agency(_)) => Ok(()),
        }?;
        if self.from >= self.to {
            return Err(Invalid::new("to", "must be later than from".into()));
        }
        Ok(())
    }
}

impl Memorandum {
    /// Whether it is in force at a time: accepted, not ended, within its window (R17).
    pub fn in_force(&self, now: UnixMillis) -> bool {
        self.stage == MemorandumStage::Accepted && self.terms.from <= now && now < self.terms.to
    }

    /// Whether it names a user himself.
    pub fn names(&self, user: &UserId) -> bool {
        matches!(&self.terms.grantee, Grantee::Users(users) if users.contains(user))
    }

    /// Whether it is for a member of an agency, named or not.
    pub fn is_for(&self, user: &UserId, agency: &AgencyId) -> bool {
        self.names(user) || matches!(&self.terms.grantee, Grantee::Agency(grantee) if grantee == agency)
    }

    /// Whether it opens its records to a function.
    pub fn has_verb(&self, function: Function) -> bool {
        self.terms.verbs.contains(&function)
    }

    /// Whether by one of its verbs a record is read.
    pub fn opens_reading(&self) -> bool {
        READING.into_iter().any(|function| self.has_verb(function))
    }

    /// The class that its grantees are in by it.
    pub fn class(&self) -> ClassId {
        match &self.terms.subject {
            MemorandumSubject::Class(class) => class.clone(),
            MemorandumSubject::LevelFour(()) => ClassId::level_four(&self.terms.owner),
        }
    }
}
