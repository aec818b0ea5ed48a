//! What a caller may see, and the one question whether he sees a record. Pure sets: it is asked of every candidate of a search.

use std::collections::BTreeSet;

use crate::access::denial::Denial;
use crate::access::function::Function;
use crate::access::labels::{Label, Labels, Visibility};
use crate::access::principal::{ClassId, Principal};
use crate::ids::{AgencyId, UserId};
use crate::record::Dataset;

/// What a caller may see. There is no grant of everything (R30): each is a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    user: UserId,
    agency: AgencyId,
    datasets: BTreeSet<Dataset>,
    /// What the agreements of an agency outside the department name; None where none is needed (R06).
    agreed: Option<BTreeSet<Dataset>>,
    level_one: bool,
    classes: BTreeSet<ClassId>,
}

/// How much of a record a caller sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// Nothing, not even that it is there.
    None,
    /// The action and the minimal identifiers of a lookout that is on primary (NoMissedLookout).
    Primary,
    /// Everything.
    Full,
}

impl Grants {
    /// The grants of a caller.
    pub fn of(principal: &Principal) -> Self {
        Self {
            user: principal.user.clone(),
            agency: principal.agency.clone(),
            datasets: principal.datasets.clone(),
            agreed: principal.agreement.as_ref().map(|agreement| agreement.datasets.clone()),
            level_one: principal.level_one,
            classes: principal.classes.clone(),
        }
    }

    /// The dataset labels of which a record must have one.
    pub fn datasets(&self) -> Vec<Label> {
        self.datasets.iter().copied().filter(|dataset| self.agreed(*dataset)).map(Label::Dataset).collect()
    }

    /// The labels of which a record must have one beside its dataset. A level 4 record that has one may still be hidden:
    /// what an index gives is always checked on the stored record.
    pub fn labels(&self) -> Vec<Label> {
        let level_one = self.level_one.then_some(Label::LevelOne);
        let classes = self.classes.iter().cloned().map(Label::Class);
        level_one.into_iter().chain(classes).chain([Label::User(self.user.clone())]).collect()
    }

    /// The label by which the index of level 4 is asked.
    pub fn user_label(&self) -> Label {
        Label::User(self.user.clone())
    }

    fn agreed(&self, dataset: Dataset) -> bool {
        self.agreed.as_ref().is_none_or(|datasets| datasets.contains(&dataset))
    }

    /// Whether level 4 records of an owner are open to his agency at all: of an agency outside the department its own, and
    /// those of an owner whose memorandum names him (1.2 g).
    fn eligible_for_level_four(&self, owner: &AgencyId) -> bool {
        self.agreed.is_none() || self.agency == *owner || self.classes.contains(&ClassId::level_four(owner))
    }
}

/// Why a record is hidden; `None` where it is not. For the audit alone: no caller is told of what is hidden.
pub fn why_hidden(grants: &Grants, labels: &Labels) -> Option<Denial> {
    if !grants.agreed(labels.dataset) {
        return Some(Denial::Agreement);
    }
    if !grants.datasets.contains(&labels.dataset) {
        return Some(Denial::Closed);
    }
    let (opens, denial) = match &labels.visibility {
        Visibility::LevelOne => {
            let members = || grants.classes.contains(&ClassId::members(&labels.owner));
            (grants.level_one || members(), Denial::BackgroundType)
        }
        Visibility::Classes(classes) => {
            (classes.iter().any(|class| grants.classes.contains(class)), Denial::LevelThree)
        }
        Visibility::Users(users) => {
            (users.contains(&grants.user) && grants.eligible_for_level_four(&labels.owner), Denial::LevelFour)
        }
    };
    (!opens).then_some(denial)
}

/// Whether a record is visible (R13, R15 to R18, R30).
pub fn visible(grants: &Grants, labels: &Labels) -> bool {
    why_hidden(grants, labels).is_none()
}

/// How much of a record is seen. A lookout on primary shows its action to every primary officer, whatever its level and
/// dataset; a question at the desk never shows less than a whole record.
pub fn sight(grants: &Grants, labels: &Labels, on_primary: bool, function: Function) -> Sight {
    if visible(grants, labels) {
        Sight::Full
    } else if on_primary && function == Function::PrimaryQuery {
        Sight::Primary
    } else {
        Sight::None
    }
}

#[cfg(test)]
#[path = "grants_test.rs"]
mod tests;
