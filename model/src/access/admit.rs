//! A record as it is read from a store is hidden: it has no accessor, and only the check of its labels opens it. So what was
//! not checked cannot be answered.
//!
//! ```compile_fail
//! use portcullis_model::access::admit::Hidden;
//! use portcullis_model::record::StoredRecord;
//!
//! fn answer(record: Hidden<StoredRecord>) -> StoredRecord {
//!     record.0
//! }
//! ```
//!
//! ```compile_fail
//! use portcullis_model::access::admit::Visible;
//! use portcullis_model::record::StoredRecord;
//!
//! fn unchecked(record: StoredRecord) -> Visible<StoredRecord> {
//!     Visible(record)
//! }
//! ```
//!
//! ```
//! use portcullis_model::access::admit::{Hidden, Visible, admit};
//! use portcullis_model::access::grants::Grants;
//! use portcullis_model::record::StoredRecord;
//!
//! fn answer(grants: &Grants, record: Hidden<StoredRecord>) -> Option<StoredRecord> {
//!     admit(grants, record).ok().map(Visible::into_inner)
//! }
//! ```

use crate::access::denial::Denial;
use crate::access::function::Function;
use crate::access::grants::{Grants, Sight, sight, why_hidden};
use crate::access::labels::Labels;
use crate::known_bugs::{KnownBug, planted};
use crate::record::StoredRecord;

/// What has labels.
pub trait Labelled {
    /// Its labels.
    fn labels(&self) -> Labels;
}

impl Labelled for StoredRecord {
    fn labels(&self) -> Labels {
        Labels::of(&self.header)
    }
}

/// Something that nobody may look into yet. It prints as nothing.
#[derive(Clone)]
pub struct Hidden<T>(T);

/// Something that the caller may see.
#[derive(Debug, Clone)]
pub struct Visible<T>(T);

/// What one lookout on primary may show to a primary officer who may not see its record: whoever takes the parts of it that
/// he shows is to take the action and the minimal identifiers.
#[derive(Clone)]
pub struct OnPrimary<T>(T);

/// What a caller sees of a record.
#[derive(Debug, Clone)]
pub enum Seen<T> {
    Full(Visible<T>),
    Primary(OnPrimary<T>),
    Nothing,
}

impl<T> Hidden<T> {
    /// Hides what a store gave.
    pub fn new(content: T) -> Self {
        Self(content)
    }
}

impl<T: Labelled> Hidden<T> {
    /// By what it is found or hidden, for whoever decides about it: nothing of what it says.
    pub fn labels(&self) -> Labels {
        self.0.labels()
    }
}

impl<T> std::fmt::Debug for Hidden<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden")
    }
}

impl<T> std::fmt::Debug for OnPrimary<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnPrimary")
    }
}

impl<T> Visible<T> {
    /// The content.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// The content, for good.
    pub fn into_inner(self) -> T {
        self.0
    }

    /// The content as something else, still known to be visible.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Visible<U> {
        Visible(change(self.0))
    }
}

impl<T> OnPrimary<T> {
    /// The action and minimal identifiers, as the given function takes them.
    pub fn minimal<U>(&self, take: impl FnOnce(&T) -> U) -> U {
        take(&self.0)
    }
}

/// The same, with the reason where he may not: for the audit alone.
pub fn admit<T: Labelled>(grants: &Grants, hidden: Hidden<T>) -> Result<Visible<T>, Denial> {
    match why_hidden(grants, &hidden.0.labels()).filter(|_| !planted(KnownBug::HiddenRecordOpened)) {
        None => Ok(Visible(hidden.0)),
        Some(denial) => Err(denial),
    }
}

/// Opens a record on a node that runs without a gate, where nobody is known and everybody sees everything: plain text on
/// loopback and the simulation. Called in one place, which a test sees to.
pub fn without_gate<T>(hidden: Hidden<T>) -> Visible<T> {
    Visible(hidden.0)
}

/// Opens as much of a record as a caller may see, who asks by a function.
pub fn show<T: Labelled>(grants: &Grants, hidden: Hidden<T>, on_primary: bool, function: Function) -> Seen<T> {
    match sight(grants, &hidden.0.labels(), on_primary, function) {
        _ if planted(KnownBug::HiddenRecordOpened) => Seen::Full(Visible(hidden.0)),
        Sight::Full => Seen::Full(Visible(hidden.0)),
        Sight::Primary => Seen::Primary(OnPrimary(hidden.0)),
        Sight::None => Seen::Nothing,
    }
}
