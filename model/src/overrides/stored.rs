//! An override as it is stored beside its lookout: what `apply` may read, and the sealed content that it never opens.

use serde::{Deserialize, Serialize};

use crate::codec::Stored;
use crate::ids::{AgencyId, OverrideId, RecordId, Token};
use crate::record::{Dataset, Stamp};
use crate::seal::Sealed;
use crate::time::UnixMillis;

/// What the writer states of an override; `apply` adds who recorded it, when, and for which version of the lookout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverrideDraft {
    pub id: OverrideId,
    pub dataset: Dataset,
    pub lookout: RecordId,
    /// As in the sealed content.
    pub expires: UnixMillis,
    /// Keyed digest of the content, so that a request id used for another one is known without opening it.
    pub content: Token,
    pub sealed: Sealed,
}

/// All that `apply` may read of an override.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverrideHeader {
    pub id: OverrideId,
    pub dataset: Dataset,
    pub lookout: RecordId,
    /// The version of the lookout that the person was compared with.
    pub made_for: u64,
    pub recorded: Stamp,
    /// The agency of who recorded it.
    pub agency: AgencyId,
    pub expires: UnixMillis,
    /// Who ended it before it expired.
    pub ended: Option<Stamp>,
}

/// An override as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredOverride {
    pub header: OverrideHeader,
    pub sealed: Sealed,
}

impl Stored for StoredOverride {
    const TAG: u16 = 25;
    const VERSION: u8 = 1;
}

impl OverrideHeader {
    /// Whether nobody ended it and it has not expired: it applies, unless a later version of its lookout makes it void.
    pub fn in_force(&self, at: UnixMillis) -> bool {
        self.ended.is_none() && at < self.expires
    }

    /// 1 as recorded, 2 when ended.
    pub fn version(&self) -> u64 {
        if self.ended.is_some() { 2 } else { 1 }
    }
}
