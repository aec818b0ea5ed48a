//! Labels: by what a record is found or hidden, whoever asks. Each record has its dataset and one visibility family, made from
//! its header alone, so that index, lists and the check on the stored record cannot differ.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::access::principal::ClassId;
use crate::error::Invalid;
use crate::ids::{AgencyId, UserId, check_code};
use crate::limits::RECORD_LABELS_MAX;
use crate::record::{AccessLevel, Dataset, RecordHeader};

/// One label, in an index or in a record's header.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// `D:tecs`: the record's dataset.
    Dataset(Dataset),
    /// `L1`: every user whose investigation bears it.
    LevelOne,
    /// `C:agency:CBP`: whoever is in the class.
    Class(ClassId),
    /// `U:smith`: this user.
    User(UserId),
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dataset(dataset) => write!(f, "D:{dataset}"),
            Self::LevelOne => f.write_str("L1"),
            Self::Class(class) => write!(f, "C:{}", class.0),
            Self::User(user) => write!(f, "U:{user}"),
        }
    }
}

impl FromStr for Label {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let unknown = || Invalid::new("label", "is none of `D:DATASET`, `L1`, `C:CLASS` and `U:USER`".into());
        if text == "L1" {
            return Ok(Self::LevelOne);
        }
        let (family, name) = text.split_once(':').ok_or_else(unknown)?;
        check_code("label", name)?;
        match family {
            // One text per label: `from_code` would also take other letters.
            "D" => Dataset::from_code(name).filter(|of| of.code() == name).map(Self::Dataset).ok_or_else(unknown),
            "C" => Ok(Self::Class(ClassId(name.to_string()))),
            "U" => UserId::new(name).map(Self::User),
            _ => Err(unknown()),
        }
    }
}

/// Who may see a record: exactly one family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visibility {
    /// Every user whose investigation bears it; the owner agency's own members in any case (R15, R03).
    LevelOne,
    /// Whoever is in one of the classes (R17).
    Classes(BTreeSet<ClassId>),
    /// The named and the creator, where their agency is eligible at all (R18).
    Users(BTreeSet<UserId>),
}

/// All labels of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    pub dataset: Dataset,
    pub owner: AgencyId,
    pub visibility: Visibility,
}

impl Labels {
    /// The labels of a record.
    pub fn of(header: &RecordHeader) -> Self {
        Self::new(header.dataset, &header.owner, header.level, &header.labels, &header.created.by)
    }

    /// The labels of what a record says of itself. A label in the header that this program does not understand opens nothing:
    /// it may have narrowed what is seen, so what stands beside it is taken and the owner's members are not put in its place.
    pub fn new(dataset: Dataset, owner: &AgencyId, level: AccessLevel, labels: &[String], creator: &UserId) -> Self {
        let understood = || labels.iter().filter_map(|text| text.parse().ok());
        let visibility = match level {
            AccessLevel::One => Visibility::LevelOne,
            // What was level 2 was for the entering agency's staff (R16).
            AccessLevel::Two => Visibility::Classes(BTreeSet::from([ClassId::members(owner)])),
            AccessLevel::Three if labels.is_empty() => Visibility::Classes(BTreeSet::from([ClassId::members(owner)])),
            AccessLevel::Three => {
                let class = |label| if let Label::Class(class) = label { Some(class) } else { None };
                Visibility::Classes(understood().filter_map(class).collect())
            }
            AccessLevel::Four => {
                let user = |label| if let Label::User(user) = label { Some(user) } else { None };
                Visibility::Users(understood().filter_map(user).chain([creator.clone()]).collect())
            }
        };
        Self { dataset, owner: owner.clone(), visibility }
    }

    /// As an index holds them: the dataset, and what opens the record. A level 1 record also has the class of its owner's
    /// members, so that they find their own where level 1 of others is closed to them (1.2 a).
    pub fn indexed(&self) -> Vec<Label> {
        let mut labels = vec![Label::Dataset(self.dataset)];
        match &self.visibility {
            Visibility::LevelOne => labels.extend([Label::LevelOne, Label::Class(ClassId::members(&self.owner))]),
            Visibility::Classes(classes) => labels.extend(classes.iter().cloned().map(Label::Class)),
            Visibility::Users(users) => labels.extend(users.iter().cloned().map(Label::User)),
        }
        labels
    }
}

/// Checks the labels that the writer of a record names: classes at level 3 (R17), users at level 4 (R18), none at level 1.
/// Level 2 takes no records (R16). Members of another agency are let in by a memorandum, never by a label.
pub fn check(level: AccessLevel, owner: &AgencyId, labels: &[String]) -> Result<(), Invalid> {
    if labels.len() > RECORD_LABELS_MAX {
        let reason = format!("has {} entries, at most {RECORD_LABELS_MAX} are allowed", labels.len());
        return Err(Invalid::new("labels", reason));
    }
    for (at, text) in labels.iter().enumerate() {
        let field = || format!("labels[{at}]");
        let label: Label = text.parse().map_err(|error: Invalid| Invalid::new(field(), error.reason))?;
        let fits = match level {
            AccessLevel::One => false,
            AccessLevel::Two => break,
            AccessLevel::Three => matches!(label, Label::Class(_)),
            AccessLevel::Four => matches!(label, Label::User(_)),
        };
        if !fits {
            let reason = "does not go with the level: 3 takes `C:CLASS`, 4 takes `U:USER`, 1 takes none".into();
            return Err(Invalid::new(field(), reason));
        }
        if let Label::Class(class) = &label
            && !class.is_of(owner)
        {
            let reason = format!("is no class of {owner}; its classes are `C:agency:{owner}` and `C:{owner}/...`");
            return Err(Invalid::new(field(), reason));
        }
        if labels[..at].contains(text) {
            return Err(Invalid::new(field(), "stands there twice".into()));
        }
    }
    if level == AccessLevel::Two {
        return Err(Invalid::new("level", "2 is no longer used; 3 without classes is for the owner's members".into()));
    }
    Ok(())
}

#[cfg(test)]
#[path = "labels_test.rs"]
mod tests;
