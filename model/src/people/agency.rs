//! An agency: whose people have accounts, and who sets their control officers.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::codec::Stored;
use crate::error::Invalid;
use crate::ids::{AgencyId, UserId};
use crate::limits::{AUTHORITY_CHARS_MAX, SUPERIORS_MAX};

/// An agency as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agency {
    pub id: AgencyId,
    pub name: String,
    /// Outside the department: its users need an agreement in force (R06, F77).
    pub external: bool,
    /// The agency that runs the system: it checks accounts, drafts agreements and gives rights to assign (F37). Set by
    /// the founding ceremony and by nothing else.
    pub operator: bool,
    /// National system control officers: above the control officers of its users (F37).
    pub national: BTreeSet<UserId>,
    /// Whether its members accepted that what they enter at level 1 is visible to all (F74).
    pub accepts_level_one: bool,
    pub active: bool,
    /// One more with each change that takes something away from all of its users.
    pub epoch: u64,
    /// 1 when made, one more with each change.
    pub version: u64,
}

impl Stored for Agency {
    const TAG: u16 = 30;
    const VERSION: u8 = 1;
}

impl Agency {
    /// Checks every field.
    pub fn validate(&self) -> Result<(), Invalid> {
        check_text("name", &self.name, AUTHORITY_CHARS_MAX)?;
        check_count("national", self.national.len(), SUPERIORS_MAX)
    }

    /// Whether somebody is one of its national control officers.
    pub fn is_national(&self, user: &UserId) -> bool {
        self.national.contains(user)
    }

    /// Whether this version takes something away from the users of an earlier one.
    pub fn narrows(&self, before: &Self) -> bool {
        (before.active && !self.active)
            || (!before.external && self.external)
            || before.national.iter().any(|user| !self.national.contains(user))
    }
}

/// Checks that a text is there, not too long and without control characters.
pub(crate) fn check_text(field: &str, text: &str, max: usize) -> Result<(), Invalid> {
    let length = text.chars().count();
    if text.trim().is_empty() {
        return Err(Invalid::new(field, "is empty".into()));
    }
    if length > max {
        return Err(Invalid::new(field, format!("has {length} characters, at most {max} are allowed")));
    }
    match text.chars().find(|c| c.is_control()) {
        Some(c) => Err(Invalid::new(field, format!("holds the control character {c:?}"))),
        None => Ok(()),
    }
}

/// Checks the number of entries of a list.
pub(crate) fn check_count(field: &str, count: usize, max: usize) -> Result<(), Invalid> {
    if count <= max {
        return Ok(());
    }
    Err(Invalid::new(field, format!("has {count} entries, at most {max} are allowed")))
}
