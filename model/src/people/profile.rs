//! An account: who stands behind it, what keeps it in standing, what it may do, and who may change that (F36-F44).
//!
//! The personal data of its holder are sealed; the directory knows people by codes. An account's id is never given
//! again.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::access::function::Function;
use crate::access::principal::{BackgroundKind, Category};
use crate::codec::Stored;
use crate::error::Invalid;
use crate::ids::{AgencyId, PortId, RoleId, UserId};
use crate::limits::{
    CERTIFICATES_MAX, FUNCTIONS_MAX, PERSONAL_BYTES_MAX, ROLES_MAX, STATIONS_MAX, SUPERIORS_MAX, TRANSACTIONS_MAX,
};
use crate::people::agency::check_count;
use crate::people::agreement::check_certificate;
use crate::record::{Dataset, Stamp};
use crate::seal::Sealed;
use crate::time::UnixMillis;

crate::coded! {
    /// Why an account is suspended.
    pub enum Cause {
        /// Repeated unauthorised attempts (R23).
        1 "auto" => Auto,
        /// The Office of Professional Responsibility.
        2 "opr" => Opr,
        /// The account's control officer.
        3 "sco" => ControlOfficer,
    }
}

/// A suspension, and the first of the two who must lift it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    pub cause: Cause,
    pub at: UnixMillis,
    /// None: automatic.
    pub by: Option<UserId>,
    /// Who agreed to lift it so far, and in which of the two capacities.
    pub agreed: Option<(UserId, Capacity)>,
}

crate::coded! {
    /// In which capacity somebody agrees to a reinstatement.
    pub enum Capacity {
        1 "control-officer" => ControlOfficer,
        2 "supervisor" => Supervisor,
    }
}

crate::numbered! {
    /// The state of an account as somebody set it. An active one lapses by the dates of its standing, without an entry.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum AccountState {
        1 => Requested(Stamp),
        /// Who approved it.
        2 => Active(Stamp),
        3 => Suspended(Suspension),
        /// For ever.
        4 => Closed(Stamp),
    }
}

/// A background investigation (R01-R03).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Background {
    pub kind: BackgroundKind,
    pub completed: UnixMillis,
    /// Favourably.
    pub adjudicated: bool,
}

/// What keeps an account in standing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub background: Option<Background>,
    pub opr_hold: bool,
    pub course_passed: Option<UnixMillis>,
    pub ncic_passed: Option<UnixMillis>,
    pub certified_at: Option<UnixMillis>,
    pub national: bool,
    pub foreign_service_national: bool,
}

/// A function for a temporary assignment (R12), from inclusive, to exclusive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    pub function: Function,
    pub from: UnixMillis,
    pub to: UnixMillis,
    pub granted: Stamp,
}

/// What a control officer may assign (R21): a function, to users of an agency, over a dataset.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AssignRight {
    pub function: Function,
    pub agency: AgencyId,
    pub dataset: Dataset,
}

/// Rights to assign that one national control officer proposed and another must confirm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposedAssign {
    pub assign: BTreeSet<AssignRight>,
    pub by: UserId,
}

/// An account as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub user: UserId,
    pub agency: AgencyId,
    pub category: Category,
    pub state: AccountState,
    pub standing: Standing,
    /// The one system control officer, who owns the profile (F36).
    pub control_officer: Option<UserId>,
    pub supervisors: BTreeSet<UserId>,
    pub stations: BTreeSet<PortId>,
    /// Never none: what an account may do, it may do over datasets (F79).
    pub datasets: BTreeSet<Dataset>,
    pub roles: BTreeMap<RoleId, Stamp>,
    /// Functions beside those of the roles.
    pub functions: BTreeMap<Function, Stamp>,
    pub transactions: Vec<Transaction>,
    /// It has a new control officer who has not affirmed its grants: none of them counts until then (R21).
    pub frozen: bool,
    /// What its holder may assign to others, if he is a control officer.
    pub assign: BTreeSet<AssignRight>,
    pub proposed_assign: Option<ProposedAssign>,
    /// Names of certificates that log-on accepts.
    pub certificates: BTreeSet<String>,
    /// Names, number of social security, badge, addresses, telephones (F44).
    pub personal: Sealed,
    pub requested: Stamp,
    pub last_activity: UnixMillis,
    /// One more with each change that takes something away from it.
    pub epoch: u64,
    pub version: u64,
}

/// An account that nobody used for so long is shut until its control officer opens it again (AC-2(3)).
pub const INACTIVE_MS: u64 = 35 * 24 * 60 * 60 * 1_000;

impl Stored for Profile {
    const TAG: u16 = 34;
    const VERSION: u8 = 1;
}

impl Profile {
    /// Checks what is bounded.
    pub fn validate(&self) -> Result<(), Invalid> {
        check_count("supervisors", self.supervisors.len(), SUPERIORS_MAX)?;
        check_count("stations", self.stations.len(), STATIONS_MAX)?;
        check_count("roles", self.roles.len(), ROLES_MAX)?;
        check_count("functions", self.functions.len(), FUNCTIONS_MAX)?;
        check_count("transactions", self.transactions.len(), TRANSACTIONS_MAX)?;
        check_count("certificates", self.certificates.len(), CERTIFICATES_MAX)?;
        check_count("personal", self.personal.ciphertext.len(), PERSONAL_BYTES_MAX)?;
        self.certificates.iter().try_for_each(|name| check_certificate("certificates", name))?;
        if self.datasets.is_empty() {
            return Err(Invalid::new("datasets", "is empty; an account is for one dataset at least".into()));
        }
        if self.control_officer.as_ref() == Some(&self.user) || self.supervisors.contains(&self.user) {
            return Err(Invalid::new("control_officer", "nobody is above himself".into()));
        }
        Ok(())
    }

    /// Whether it was approved and is neither suspended nor closed.
    pub fn is_active(&self) -> bool {
        matches!(self.state, AccountState::Active(_))
    }

    /// Whether nobody used it for so long that nobody may log on by it.
    pub fn is_inactive(&self, now: UnixMillis) -> bool {
        now.since(self.last_activity) >= INACTIVE_MS
    }

    /// Whether it is closed, for ever.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, AccountState::Closed(_))
    }

    /// Whether anything is granted to it.
    pub fn has_grants(&self) -> bool {
        !(self.roles.is_empty() && self.functions.is_empty() && self.transactions.is_empty())
    }

    /// Whether it lacks something that an earlier version had: then its epoch goes up.
    pub fn narrows(&self, before: &Self, now: UnixMillis) -> bool {
        let mut open = before.transactions.iter().filter(|one| now < one.to);
        (before.is_active() && !self.is_active())
            || (!before.frozen && self.frozen)
            || before.standing.is_narrowed_by(&self.standing)
            || before.roles.keys().any(|role| !self.roles.contains_key(role))
            || before.functions.keys().any(|function| !self.functions.contains_key(function))
            || open.any(|one| !self.transactions.contains(one))
            || !before.stations.is_subset(&self.stations)
            || !before.datasets.is_subset(&self.datasets)
            || !before.assign.is_subset(&self.assign)
            || !before.certificates.is_subset(&self.certificates)
    }
}
