//! A role: what a job carries of service functions (R11). Put as a whole; earlier versions stay.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::access::function::Function;
use crate::codec::Stored;
use crate::ids::RoleId;
use crate::record::Stamp;

/// A version of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    pub id: RoleId,
    pub functions: BTreeSet<Function>,
    pub put: Stamp,
    pub version: u64,
}

impl Stored for Role {
    const TAG: u16 = 33;
    const VERSION: u8 = 1;
}
