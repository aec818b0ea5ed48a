//! Which records of a segment a question may find, by their labels: decided once for each set of labels that is there, and
//! then a look at a number for each record. Few sets label many records, so a segment keeps each once.
//!
//! Who may see what is `model::access::grants::visible`, the same as on the stored record; nothing of it stands here.

use std::cell::Cell;

use model::access::grants::{Grants, visible};
use model::access::labels::{Label, Labels, Visibility};
use model::access::principal::ClassId;
use model::ids::{AgencyId, UserId};
use model::record::Dataset;
use rustc_hash::FxHashSet;
use tantivy::columnar::Column;
use tantivy::{DocId, TantivyError};

/// So many sets of labels are decided on at once: if none of them hides anything, no record is asked.
const FEW: usize = 32;

/// What a question looks for.
#[derive(Debug, Clone, Copy)]
pub enum Sought<'a> {
    /// Every record: of a lookout on primary each officer sees the action.
    All,
    /// What somebody with these grants may see, as if nothing else were there.
    Of(&'a Grants),
}

/// Labels as an index holds them: dataset, owner, family, and the names of the family. Codes hold no blanks.
pub fn written(labels: &Labels) -> String {
    let mut text = format!("{} {}", labels.dataset, labels.owner);
    let mut add = |word: &str| {
        text.push(' ');
        text.push_str(word);
    };
    match &labels.visibility {
        Visibility::LevelOne => add("1"),
        Visibility::Classes(classes) => {
            add("C");
            classes.iter().for_each(|class| add(&class.0));
        }
        Visibility::Users(users) => {
            add("U");
            users.iter().for_each(|user| add(user.as_str()));
        }
    }
    text
}

/// The labels of a text.
pub fn read(text: &str) -> Option<Labels> {
    let mut words = text.split(' ');
    let dataset = words.next().and_then(Dataset::from_code)?;
    let owner = AgencyId::new(words.next()?).ok()?;
    let visibility = match words.next()? {
        "1" if words.next().is_none() => Visibility::LevelOne,
        "C" => Visibility::Classes(words.map(|class| ClassId(class.to_string())).collect()),
        "U" => Visibility::Users(words.map(UserId::new).collect::<Result<_, _>>().ok()?),
        _ => return None,
    };
    Some(Labels { dataset, owner, visibility })
}

/// Whose grants a question is asked by, with the labels that they ask for made once.
pub struct Asker<'a> {
    grants: &'a Grants,
    datasets: Vec<Label>,
    labels: Vec<Label>,
}

impl<'a> Asker<'a> {
    /// None where everything is sought.
    pub fn of(sought: Sought<'a>) -> Option<Self> {
        match sought {
            Sought::All => None,
            Sought::Of(grants) => Some(Self { grants, datasets: grants.datasets(), labels: grants.labels() }),
        }
    }
}

/// The labels of a segment's records.
pub struct Labelled {
    /// Each set once, by its number in the column.
    sets: Vec<Labels>,
    /// All that stands in them.
    labels: FxHashSet<Label>,
    column: Column<u64>,
}

impl Labelled {
    /// Of the texts of the column's numbers, in their order.
    pub fn new<'a>(texts: impl Iterator<Item = &'a [u8]>, column: Column<u64>) -> Result<Self, TantivyError> {
        let corrupt = || tantivy::error::DataCorruption::comment_only("labels that this program does not read");
        let read = |text: &[u8]| std::str::from_utf8(text).ok().and_then(read).ok_or_else(corrupt);
        let sets: Vec<Labels> = texts.map(read).collect::<Result<_, _>>()?;
        let labels = sets.iter().flat_map(Labels::indexed).collect();
        Ok(Self { sets, labels, column })
    }

    /// What of it is shown; None: nothing, so that nobody need look.
    pub fn shown<'a>(&'a self, asker: Option<&Asker<'a>>) -> Option<Shown<'a>> {
        let Some(Asker { grants, datasets, labels }) = asker else { return Some(Shown(None)) };
        let holds = |label: &Label| self.labels.contains(label);
        if !datasets.iter().any(holds) || !labels.iter().any(holds) {
            return None;
        }
        let decided = vec![Cell::new(None); self.sets.len()];
        let shown = Decided { labelled: self, grants, decided };
        if self.sets.len() > FEW {
            return Some(Shown(Some(shown)));
        }
        match (0..self.sets.len()).filter(|set| shown.set(*set)).count() {
            0 => None,
            all if all == self.sets.len() => Some(Shown(None)),
            _ => Some(Shown(Some(shown))),
        }
    }
}

/// Which records of one segment are shown; without a decision all are.
pub struct Shown<'a>(Option<Decided<'a>>);

struct Decided<'a> {
    labelled: &'a Labelled,
    grants: &'a Grants,
    /// What was decided on each set so far.
    decided: Vec<Cell<Option<bool>>>,
}

impl Shown<'_> {
    /// Whether a record is.
    pub fn has(&self, record: DocId) -> bool {
        let Some(decided) = &self.0 else { return true };
        // A record without labels is nobody's.
        decided.labelled.column.first(record).is_some_and(|set| decided.set(set as usize))
    }

    /// Keeps those that are.
    pub fn retain(&self, records: &mut Vec<DocId>) {
        if self.0.is_some() {
            records.retain(|record| self.has(*record));
        }
    }
}

impl Decided<'_> {
    fn set(&self, number: usize) -> bool {
        let (Some(decided), Some(labels)) = (self.decided.get(number), self.labelled.sets.get(number)) else {
            return false;
        };
        decided.get().unwrap_or_else(|| {
            let shown = visible(self.grants, labels);
            decided.set(Some(shown));
            shown
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn labels_read_as_they_are_written_and_nothing_else_does() {
        let owner = AgencyId::new("CBP").expect("a code");
        let class = |text: &str| ClassId(text.to_string());
        let user = |text: &str| UserId::new(text).expect("a code");
        for visibility in [
            Visibility::LevelOne,
            Visibility::Classes(BTreeSet::new()),
            Visibility::Classes(BTreeSet::from([class("agency:CBP"), class("CBP/gangs")])),
            Visibility::Users(BTreeSet::from([user("smith"), user("1")])),
        ] {
            let labels = Labels { dataset: Dataset::Tecs, owner: owner.clone(), visibility };
            assert_eq!(read(&written(&labels)), Some(labels.clone()), "{}", written(&labels));
        }
        for text in
            ["", "tecs", "tecs CBP", "tecs CBP 1 x", "tecs CBP 2", "tecs CBP U smith ", "other CBP 1", "tecs  1"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
