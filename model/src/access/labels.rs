//! The label algebra: who may see a record, by sets alone (SECURITY.md 1.5).
//!
//! A record has the label of its dataset and one family of visibility: everybody with a suitable investigation (level 1), classes
//! of users (level 3), named users (level 4). A caller has grants. The texts of both are what an index is asked by; the record
//! itself is asked again by [`visible`], and what the store gives is [`Hidden`] until it was.

use std::collections::BTreeSet;

use crate::access::denial::Denial;
use crate::access::principal::{ClassId, Principal};
use crate::ids::{AgencyId, UserId};
use crate::people::memorandum::{is_class_of, level_four_class};
use crate::record::{AccessLevel, Dataset, RecordHeader};

/// Whom a record is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Family {
    /// Level 1 (R15).
    Everyone,
    /// Level 3 (R17), and what is left of level 2 (R16).
    Classes(BTreeSet<ClassId>),
    /// Level 4 (R18).
    Named(BTreeSet<UserId>),
}

/// The labels of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    pub dataset: Dataset,
    pub owner: AgencyId,
    pub family: Family,
}

impl Labels {
    /// Of a record. It names classes (`C:...`) or users (`U:...`) beside its level. Classes of others than the owner count for
    /// nothing (R20); a record that names none is for the owner's own people, and its creator is always among those named.
    pub fn of(header: &RecordHeader) -> Self {
        let RecordHeader { dataset, owner, level, labels, created, .. } = header;
        let named = |kind: &'static str| labels.iter().filter_map(move |label| label.strip_prefix(kind));
        let members = || BTreeSet::from([ClassId::members(owner)]);
        let family = match level {
            AccessLevel::One => Family::Everyone,
            AccessLevel::Two => Family::Classes(members()),
            AccessLevel::Three => {
                let classes = named("C:").map(|class| ClassId(class.to_string()));
                let own: BTreeSet<ClassId> = classes.filter(|class| is_class_of(class, owner)).collect();
                Family::Classes(if own.is_empty() { members() } else { own })
            }
            AccessLevel::Four => {
                let users = named("U:").filter_map(|user| UserId::new(user).ok());
                Family::Named(users.chain([created.by.clone()]).collect())
            }
        };
        Self { dataset: *dataset, owner: owner.clone(), family }
    }

    /// As an index holds them: the dataset first.
    pub fn texts(&self) -> Vec<String> {
        let dataset = dataset_text(self.dataset);
        let family: Vec<String> = match &self.family {
            Family::Everyone => vec![LEVEL_ONE.to_string()],
            Family::Classes(classes) => classes.iter().map(class_text).collect(),
            Family::Named(users) => users.iter().map(user_text).collect(),
        };
        std::iter::once(dataset).chain(family).collect()
    }
}

const LEVEL_ONE: &str = "L1";

fn dataset_text(dataset: Dataset) -> String {
    format!("D:{dataset}")
}

fn class_text(class: &ClassId) -> String {
    format!("C:{}", class.0)
}

fn user_text(user: &UserId) -> String {
    format!("U:{user}")
}

/// What a caller may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    pub user: UserId,
    pub datasets: BTreeSet<Dataset>,
    pub level_one: bool,
    pub classes: BTreeSet<ClassId>,
}

impl Grants {
    /// Of a caller whose standing and function were decided already.
    pub fn of(principal: &Principal) -> Self {
        let Principal { user, datasets, level_one, classes, .. } = principal.clone();
        Self { user, datasets, level_one, classes }
    }

    /// What an index is asked for: a record must have one of the first, and one of the second.
    pub fn texts(&self) -> (Vec<String>, Vec<String>) {
        let datasets = self.datasets.iter().copied().map(dataset_text).collect();
        let one = self.level_one.then(|| LEVEL_ONE.to_string());
        let families = one.into_iter().chain(self.classes.iter().map(class_text)).chain([user_text(&self.user)]);
        (datasets, families.collect())
    }
}

/// Whether a caller may see a record, and by which rule he may not.
pub fn sight(grants: &Grants, labels: &Labels) -> Result<(), Denial> {
    let Labels { dataset, owner, family } = labels;
    if !grants.datasets.contains(dataset) {
        return Err(Denial::Agreement);
    }
    match family {
        Family::Everyone if grants.level_one => Ok(()),
        Family::Everyone => Err(Denial::BackgroundType),
        Family::Classes(classes) if !classes.is_disjoint(&grants.classes) => Ok(()),
        Family::Classes(_) => Err(Denial::LevelThree),
        // Named, and of the owner or by a memorandum of his that names people: both (SECURITY.md 1.2 g).
        Family::Named(users) => {
            let eligible = [ClassId::members(owner), level_four_class(owner)];
            let eligible = eligible.iter().any(|class| grants.classes.contains(class));
            if eligible && users.contains(&grants.user) { Ok(()) } else { Err(Denial::LevelFour) }
        }
    }
}

/// Whether a caller may see a record.
pub fn visible(grants: &Grants, labels: &Labels) -> bool {
    sight(grants, labels).is_ok()
}

/// What was read and not yet asked about: nothing of it is to be had but by [`Hidden::admit`].
///
/// ```compile_fail
/// fn peek(record: model::access::labels::Hidden<u32>) -> u32 {
///     record.0
/// }
/// ```
pub struct Hidden<T>(T);

/// What the caller may see.
pub struct Visible<T>(T);

impl<T> Hidden<T> {
    /// Hides what was read.
    pub fn new(read: T) -> Self {
        Self(read)
    }

    /// Opens what the caller may see, by the labels that the record itself bears.
    pub fn admit(self, grants: &Grants, labels: impl FnOnce(&T) -> Labels) -> Result<Visible<T>, Denial> {
        sight(grants, &labels(&self.0)).map(|()| Visible(self.0))
    }
}

impl<T> Visible<T> {
    /// What it is.
    pub fn into_inner(self) -> T {
        self.0
    }
}

#[cfg(test)]
#[path = "labels_test.rs"]
mod tests;
