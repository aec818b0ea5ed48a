//! What the gate knows of a caller when it decides: facts of his profile, his agency and its agreements, taken together at one
//! applied index of the directory. Dates are compared with the decision's own time, so that a fact that lapses between two
//! requests is seen by the second.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::access::function::Function;
use crate::ids::{AgencyId, PortId, UserId, check_code};
use crate::record::Dataset;
use crate::time::UnixMillis;

crate::coded! {
    /// The five categories of users (F35, R09).
    pub enum Category {
        1 "general" => General,
        2 "supervisor" => Supervisor,
        3 "control-officer" => ControlOfficer,
        4 "maintenance" => Maintenance,
        5 "security-administrator" => SecurityAdministrator,
    }
}

crate::coded! {
    /// Kinds of background investigation (F15, F16).
    pub enum BackgroundKind {
        /// Type 1: good for 10 years; data of other agencies on their owner's grant alone.
        1 "anaci" => Anaci,
        /// Type 2: good for 5 years.
        2 "bi" => Full,
    }
}

/// A class of users that an owning agency sets (R17); `agency:CBP` is the members of an agency itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClassId(pub String);

impl ClassId {
    /// The members of an agency, which an agency's record is for when it names no class.
    pub fn members(agency: &AgencyId) -> Self {
        Self(format!("agency:{agency}"))
    }

    /// Whom an owner's memorandum names for its level 4 records (1.2 g). It opens none: the record must name him as well.
    pub fn level_four(owner: &AgencyId) -> Self {
        Self(format!("level4:{owner}"))
    }

    /// Whether it is one that an agency sets: its own members, or `<agency>/<name>`. Nobody opens another's (R20).
    pub fn is_of(&self, owner: &AgencyId) -> bool {
        let named = self.0.strip_prefix(owner.as_str()).and_then(|rest| rest.strip_prefix('/'));
        *self == Self::members(owner) || named.is_some_and(|name| check_code("class", name).is_ok())
    }
}

/// A caller as the gate knows him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub user: UserId,
    pub agency: AgencyId,
    pub category: Category,
    /// Versions of profile and agreements, for the decision that is made on them.
    pub profile_version: u64,
    pub agreement_version: u64,
    /// A decision below this epoch is refused by every group that has the floor.
    pub epoch: u64,

    /// Closed, lapsed, suspended or not yet approved accounts are not active (R23).
    pub active: bool,
    /// An adjudicated investigation that OPR does not hold (R01), its kind, and until when it is current (R02).
    pub background: Option<(BackgroundKind, UnixMillis)>,
    /// Until when the course counts (R04).
    pub course_until: Option<UnixMillis>,
    /// A national, or a foreign service national (R05).
    pub national: bool,
    pub foreign_service_national: bool,
    /// Until when the account is certified (R07).
    pub certified_until: Option<UnixMillis>,
    /// Until when the NCIC certification counts; asked of holders of such functions alone (R10).
    pub ncic_until: Option<UnixMillis>,
    /// Of an agency outside the department: what the agreements in force name (R06). None: no agreement is needed.
    pub agreement: Option<AgreementScope>,

    /// Functions of his roles (R11).
    pub functions: BTreeSet<Function>,
    /// Functions of transactions with their windows, from inclusive, to exclusive (R12).
    pub transactions: Vec<(Function, UnixMillis, UnixMillis)>,
    /// Where he works (R14).
    pub stations: BTreeSet<PortId>,

    /// Datasets that he may see (F79).
    pub datasets: BTreeSet<Dataset>,
    /// Classes of users that he is in: his agency's own, and those of memoranda in force with their windows applied (R17).
    pub classes: BTreeSet<ClassId>,
    /// Whether level 1 records of other agencies are open to him (1.2 a).
    pub level_one: bool,
}

impl Principal {
    /// A caller of the department whom nothing opens anything: no function, no station, no dataset, no class. For tests and
    /// measurements, which say with `..` what he has beyond it; the directory's callers are made field by field.
    pub fn of_nothing(user: UserId, agency: AgencyId) -> Self {
        Self {
            user,
            agency,
            category: Category::General,
            profile_version: 1,
            agreement_version: 0,
            epoch: 0,
            active: true,
            background: None,
            course_until: None,
            national: true,
            foreign_service_national: false,
            certified_until: None,
            ncic_until: None,
            agreement: None,
            functions: BTreeSet::new(),
            transactions: Vec::new(),
            stations: BTreeSet::new(),
            datasets: BTreeSet::new(),
            classes: BTreeSet::new(),
            level_one: false,
        }
    }
}

/// What the agreements of an agency name that are in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgreementScope {
    /// Until when the first of them that carries the access is in force and reviewed; None: none is.
    pub until: Option<UnixMillis>,
    pub functions: BTreeSet<Function>,
    pub datasets: BTreeSet<Dataset>,
    /// Whether what is seen may be passed on (R27).
    pub redissemination: bool,
}

impl Principal {
    /// Whether he holds a function by role, or by a transaction that is open at a time.
    pub fn holds(&self, function: Function, now: UnixMillis) -> bool {
        let open = |(own, from, to): &(Function, UnixMillis, UnixMillis)| *own == function && *from <= now && now < *to;
        self.functions.contains(&function) || self.transactions.iter().any(open)
    }

    /// Whether he holds a function that needs the NCIC certification, be its transaction open or not.
    pub fn is_ncic_holder(&self) -> bool {
        let functions = self.functions.iter().chain(self.transactions.iter().map(|(function, ..)| function));
        functions.copied().any(Function::needs_ncic)
    }
}
