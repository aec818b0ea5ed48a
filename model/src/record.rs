//! A stored record: a header that `apply` may read and a sealed body that it never opens (DESIGN.md, Writes).

use serde::{Deserialize, Serialize};

use crate::codec::Stored;
use crate::ids::{AgencyId, RecordId, SourceList, Token, UserId};
use crate::lookout::SubjectKind;
use crate::seal::Sealed;
use crate::time::UnixMillis;

crate::coded! {
    /// The dataset that a record belongs to (F1); each can be counted, moved and expired by itself.
    pub enum Dataset {
        1 "tecs" => Tecs,
        2 "apis" => Apis,
        3 "niis" => Niis,
        4 "bci" => Bci,
        5 "seacats" => Seacats,
    }
}

crate::coded! {
    /// What sort of record it is.
    pub enum RecordKind {
        1 "lookout" => Lookout,
    }
}

crate::coded! {
    /// Who may see a record (F13). Level 2 is retired: old records stay readable, new ones are refused.
    pub enum AccessLevel {
        1 "1" => One,
        2 "2" => Two,
        3 "3" => Three,
        4 "4" => Four,
    }
}

crate::coded! {
    /// Whether a record is in force.
    pub enum RecordState {
        1 "active" => Active,
        2 "removed" => Removed,
    }
}

/// Who changed a record and when, by log time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    pub by: UserId,
    pub at: UnixMillis,
}

/// The list that a record came from, and the list's own reference to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    pub list: SourceList,
    pub reference: String,
}

/// What the writer states of a record; `apply` adds version, state and stamps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    pub id: RecordId,
    pub kind: RecordKind,
    pub subject: SubjectKind,
    pub dataset: Dataset,
    pub owner: AgencyId,
    pub level: AccessLevel,
    /// Visibility labels that the writer names (SECURITY.md 1.5): classes at level 3, users at level 4.
    pub labels: Vec<String>,
    pub source: Option<Source>,
    /// Keyed tokens of documents, plates and registrations.
    pub tokens: Vec<Token>,
    /// Keyed digest of the body, so that an equal body is known without opening it.
    pub content: Token,
    /// When the record stops being in force; takes effect by a tick of the log.
    pub expires: Option<UnixMillis>,
    pub sealed: Sealed,
}

/// All that `apply` may read of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordHeader {
    pub id: RecordId,
    pub kind: RecordKind,
    pub subject: SubjectKind,
    pub dataset: Dataset,
    pub owner: AgencyId,
    pub level: AccessLevel,
    pub labels: Vec<String>,
    pub state: RecordState,
    /// 1 when created, one more with each change.
    pub version: u64,
    pub created: Stamp,
    pub updated: Stamp,
    pub source: Option<Source>,
    pub tokens: Vec<Token>,
    pub content: Token,
    pub expires: Option<UnixMillis>,
}

/// A record as it is stored, one version of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRecord {
    pub header: RecordHeader,
    pub sealed: Sealed,
}

impl Stored for StoredRecord {
    const TAG: u16 = 2;
    const VERSION: u8 = 1;
}

impl StoredRecord {
    /// The first version of a record.
    pub fn created(draft: &Draft, stamp: Stamp) -> Self {
        Self::versioned(draft, 1, stamp.clone(), stamp)
    }

    /// The version after this one, with a new content. Whose the record is and who may see it stays: a new content neither
    /// gives it away nor opens it.
    pub fn updated(&self, draft: &Draft, stamp: Stamp) -> Self {
        let mut next = Self::versioned(draft, self.header.version + 1, self.header.created.clone(), stamp);
        next.header.owner = self.header.owner.clone();
        next.header.level = self.header.level;
        next.header.labels = self.header.labels.clone();
        next
    }

    /// The version after this one, no longer in force; the body stays readable in history.
    pub fn removed(&self, stamp: Stamp) -> Self {
        let mut next = self.clone();
        next.header.version += 1;
        next.header.state = RecordState::Removed;
        next.header.updated = stamp;
        next
    }

    fn versioned(draft: &Draft, version: u64, created: Stamp, updated: Stamp) -> Self {
        // Without `..`: a new field must be decided on here.
        let Draft { id, kind, subject, dataset, owner, level, labels, source, tokens, content, expires, sealed } =
            draft.clone();
        let header = RecordHeader {
            id,
            kind,
            subject,
            dataset,
            owner,
            level,
            labels,
            state: RecordState::Active,
            version,
            created,
            updated,
            source,
            tokens,
            content,
            expires,
        };
        Self { header, sealed }
    }
}
