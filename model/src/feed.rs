//! What search sees of a records group: a change, in log order.

use serde::{Deserialize, Serialize};

use crate::codec::Stored;
use crate::ids::RecordId;
use crate::record::Dataset;

/// A record has a new version; search reads the record itself, so only the newest version of it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub dataset: Dataset,
    pub id: RecordId,
    pub version: u64,
}

impl Stored for Change {
    const TAG: u16 = 3;
    const VERSION: u8 = 1;
}
