//! The two indexes of a replica: one of the records that classes of users see, and one of level 4, which named users alone
//! see (SECURITY.md 1.5). Words of level 4 records stand in no dictionary that others are asked from, and nobody looks there
//! who is named by none of them.
//!
//! Each is written with the same changes and covers a log index of its own; a moment of both is what the older one covers.
//! What changed since then stands in the feed and is judged from there, as with one index. A record is put into the one that
//! its labels name and deleted from the other, so a relabelled one moves in one step.

use std::cmp::Reverse;
use std::path::PathBuf;
use std::sync::Arc;

use model::access::labels::Visibility;
use model::known_bugs::{KnownBug, planted};

use crate::candidate::Candidate;
use crate::index::{Index, IndexChange, IndexError, Place, View};
use crate::labelled::Sought;
use crate::prepared::PreparedQuery;
use crate::tables::Tables;

/// What the directory of level 4 is called beside the other.
const NAMED_SUFFIX: &str = ".level-4";

/// The indexes of one replica.
pub struct Compartments {
    open: Index,
    named: Index,
}

/// One moment of both.
#[derive(Clone)]
pub struct Views {
    open: View,
    named: View,
}

impl Place {
    /// The place of level 4, beside this one.
    fn named(&self) -> Self {
        match self {
            Self::Memory => Self::Memory,
            Self::Directory(path) => {
                let mut named = path.clone().into_os_string();
                named.push(NAMED_SUFFIX);
                Self::Directory(PathBuf::from(named))
            }
        }
    }
}

impl Compartments {
    /// Opens or makes both, the one of level 4 beside the place; see [`Index::open`].
    pub fn open(place: Place, tables: Arc<Tables>) -> Result<Self, IndexError> {
        let named = Index::open(place.named(), tables.clone())?;
        Ok(Self { open: Index::open(place, tables)?, named })
    }

    /// The applied index that both cover.
    pub fn covered(&self) -> u64 {
        self.open.covered().min(self.named.covered())
    }

    /// The applied index beyond which neither knows anything.
    pub fn reaches(&self) -> u64 {
        self.open.covered().max(self.named.covered())
    }

    /// What is searched now. Take it before asking the queue for what it does not cover.
    pub fn views(&self) -> Views {
        Views { open: self.open.view(), named: self.named.view() }
    }

    /// Makes changes in both and commits them as covering an applied index. If it fails between the two, one covers more than
    /// the other, and the same changes come again: the one that is ahead has them, and what it has beyond them must not be said
    /// to be older than it is.
    pub fn write(&self, changes: &[IndexChange], covered: u64) -> Result<(), IndexError> {
        let share = |named: bool| -> Vec<IndexChange> {
            let share = |change: &IndexChange| match change {
                IndexChange::Put(_, _, labels) if is_named(&labels.visibility) == named => change.clone(),
                IndexChange::Put(id, ..) | IndexChange::Delete(id) => IndexChange::Delete(*id),
            };
            changes.iter().map(share).collect()
        };
        for (index, named) in [(&self.named, true), (&self.open, false)] {
            if index.covered() <= covered {
                index.write(&share(named), covered)?;
            }
        }
        Ok(())
    }

    /// See [`Index::unchanged_to`].
    pub fn unchanged_to(&self, covered: u64) {
        self.named.unchanged_to(covered);
        self.open.unchanged_to(covered);
    }

    /// Removes every record; nothing is covered then.
    pub fn clear(&self) -> Result<(), IndexError> {
        self.named.clear()?;
        self.open.clear()
    }
}

fn is_named(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Users(_)) && !planted(KnownBug::LevelFourInTheSharedIndex)
}

impl Views {
    /// The applied index up to which every record is found.
    pub fn covered(&self) -> u64 {
        self.open.covered().min(self.named.covered())
    }

    /// The applied index beyond which none of it is known: a state that is older does not continue it.
    pub fn reaches(&self) -> u64 {
        self.open.covered().max(self.named.covered())
    }

    /// How many records each holds, by its name.
    pub fn counts(&self) -> [(&'static str, u64); 2] {
        [("open", self.open.records()), ("level-4", self.named.records())]
    }

    /// The records to score; see [`View::candidates`].
    pub fn candidates(
        &self,
        query: &PreparedQuery,
        sought: Sought<'_>,
        waits: &dyn Fn() -> bool,
    ) -> Result<Vec<Candidate>, IndexError> {
        let mut found = self.open.candidates(query, sought, waits)?;
        let named = self.named.candidates(query, sought, waits)?;
        if named.is_empty() {
            return Ok(found);
        }
        found.extend(named);
        // Between two commits a record may stand in both.
        found.sort_unstable_by_key(|candidate| (candidate.id, Reverse(candidate.most)));
        found.dedup_by_key(|candidate| candidate.id);
        found.sort_unstable_by_key(|candidate| (Reverse(candidate.most), candidate.id));
        Ok(found)
    }
}

#[cfg(test)]
#[path = "compartments_test.rs"]
mod tests;
