//! Matching policies: for the records of which list, asked for which purpose, from which score on a record is a hit and what
//! of it is weighed (FEATURES.md 4.3, thresholds by list). They are kept in the directory, each version for ever, and the
//! version that an answer was made by stands in the answer and in its event.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::codec::Stored;
use crate::command::Outcome;
use crate::error::{Invalid, RefusalCode};
use crate::ids::{Purpose, SourceList, check_code};
use crate::limits::{POLICIES_MAX, POLICY_SCOPE_MAX};
use crate::screen::{Query, Score, THRESHOLD_COMPLETE, THRESHOLD_DEFAULT};
use crate::view::{Effects, Read, View, Write};

/// What of a record is weighed. What is not weighed is not compared either: it neither adds nor takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Weighing {
    pub birth_date: bool,
    pub nationality: bool,
    /// Whether a record may be found by a weak alias.
    pub weak_aliases: bool,
}

impl Weighing {
    /// Everything.
    pub const ALL: Self = Self { birth_date: true, nationality: true, weak_aliases: true };
}

/// What holds for some lists and purposes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// A code by which people speak of it.
    pub name: String,
    /// Records of these source lists; of none named, all records, and so those that no list brought.
    pub lists: BTreeSet<SourceList>,
    /// Questions for these purposes; of none named, all.
    pub purposes: BTreeSet<Purpose>,
    pub threshold: Score,
    pub weighing: Weighing,
}

impl Policy {
    fn is_for(&self, list: Option<&SourceList>, purpose: &Purpose) -> bool {
        (self.lists.is_empty() || list.is_some_and(|list| self.lists.contains(list)))
            && (self.purposes.is_empty() || self.purposes.contains(purpose))
    }
}

/// All policies of one version, in order: the first that is for a record's list and a question's purpose holds; where none
/// is, everything is weighed and the usual threshold holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policies {
    /// 0 as long as nobody has made any.
    pub version: u64,
    pub policies: Vec<Policy>,
}

impl Stored for Policies {
    const TAG: u16 = 20;
    const VERSION: u8 = 1;
}

/// One search of a question: everything that is weighed alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    pub weighing: Weighing,
    /// The lowest threshold of all records that it is for.
    pub threshold: Score,
}

impl Policies {
    /// Checks every field.
    pub fn validate(&self) -> Result<(), Invalid> {
        if self.policies.len() > POLICIES_MAX {
            let reason = format!("has {} entries, at most {POLICIES_MAX} are allowed", self.policies.len());
            return Err(Invalid::new("policies", reason));
        }
        let mut names = BTreeSet::new();
        for (at, policy) in self.policies.iter().enumerate() {
            let field = |part: &str| format!("policies[{at}].{part}");
            check_code("name", &policy.name).map_err(|error| error.within(&format!("policies[{at}]")))?;
            if !names.insert(&policy.name) {
                return Err(Invalid::new(field("name"), format!("`{}` stands there twice", policy.name)));
            }
            for (part, count) in [("lists", policy.lists.len()), ("purposes", policy.purposes.len())] {
                if count > POLICY_SCOPE_MAX {
                    let reason = format!("has {count} entries, at most {POLICY_SCOPE_MAX} are allowed");
                    return Err(Invalid::new(field(part), reason));
                }
            }
            if policy.threshold < THRESHOLD_COMPLETE {
                let reason = format!(
                    "is {}, must be {} to 1: below it answers are not complete",
                    policy.threshold.fraction(),
                    THRESHOLD_COMPLETE.fraction()
                );
                return Err(Invalid::new(field("threshold"), reason));
            }
        }
        Ok(())
    }

    /// What holds for a record of a list, asked for a purpose: what is weighed, and the score from which it is a hit.
    pub fn hold(&self, list: Option<&SourceList>, purpose: &Purpose) -> (Weighing, Score) {
        let policy = self.policies.iter().find(|policy| policy.is_for(list, purpose));
        policy.map_or((Weighing::ALL, THRESHOLD_DEFAULT), |policy| (policy.weighing, policy.threshold))
    }

    /// The searches that a question needs, so that each record is judged by one of them. A threshold that the question names
    /// itself holds for all records.
    pub fn passes(&self, purpose: &Purpose, asked: Option<Score>) -> Vec<Pass> {
        let mut passes: Vec<Pass> = Vec::new();
        let mut add = |weighing, threshold: Score| {
            let threshold = asked.unwrap_or(threshold);
            match passes.iter_mut().find(|pass| pass.weighing == weighing) {
                Some(pass) => pass.threshold = pass.threshold.min(threshold),
                None => passes.push(Pass { weighing, threshold }),
            }
        };
        for policy in &self.policies {
            if policy.purposes.is_empty() || policy.purposes.contains(purpose) {
                add(policy.weighing, policy.threshold);
                if policy.lists.is_empty() {
                    // None of the rest is ever the first.
                    return passes;
                }
            }
        }
        add(Weighing::ALL, THRESHOLD_DEFAULT);
        passes
    }
}

impl Pass {
    /// The question as this search asks it.
    pub fn of(&self, query: &Query) -> Query {
        let Weighing { birth_date, nationality, weak_aliases } = self.weighing;
        Query {
            birth_date: query.birth_date.filter(|_| birth_date),
            nationality: query.nationality.clone().filter(|_| nationality),
            without_weak_aliases: !weak_aliases,
            threshold: self.threshold,
            ..query.clone()
        }
    }
}

/// Puts the next version in force. Said again, it changes nothing.
pub fn put(view: &dyn View, policies: &Policies) -> Read<Effects> {
    let known = view.policies()?;
    if known.as_ref() == Some(policies) {
        return Ok(Effects { writes: Vec::new(), outcome: Outcome::Done(()) });
    }
    let known = known.map_or(0, |known| known.version);
    if policies.version != known + 1 {
        let text = format!("the policies in force are version {known}; look at them and change those");
        return Ok(Effects::refused(RefusalCode::StaleVersion, text));
    }
    if let Err(invalid) = policies.validate() {
        return Ok(Effects::refused(RefusalCode::Invalid, invalid.to_string()));
    }
    Ok(Effects { writes: vec![Write::PutPolicies(policies.clone())], outcome: Outcome::Done(()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;
    use crate::command::testing::World;
    use proptest::prelude::*;

    fn purpose(text: &str) -> Purpose {
        Purpose::new(text).expect("a code")
    }

    fn list(text: &str) -> SourceList {
        SourceList::new(text).expect("a code")
    }

    fn policy(name: &str, lists: &[&str], purposes: &[&str], threshold: u32, birth_date: bool) -> Policy {
        Policy {
            name: name.into(),
            lists: lists.iter().map(|text| list(text)).collect(),
            purposes: purposes.iter().map(|text| purpose(text)).collect(),
            threshold: Score::from_parts(threshold),
            weighing: Weighing { birth_date, ..Weighing::ALL },
        }
    }

    #[test]
    fn the_first_that_is_for_list_and_purpose_holds() {
        let policies = Policies {
            version: 3,
            policies: vec![
                policy("visa", &["ofac-sdn"], &["visa"], 500_000, false),
                policy("ofac", &["ofac-sdn"], &[], 800_000, true),
            ],
        };
        let held = |of: Option<&str>, why: &str| {
            let (weighing, threshold) = policies.hold(of.map(list).as_ref(), &purpose(why));
            (weighing.birth_date, threshold.parts())
        };
        assert_eq!(held(Some("ofac-sdn"), "visa"), (false, 500_000));
        assert_eq!(held(Some("ofac-sdn"), "primary"), (true, 800_000));
        assert_eq!(held(Some("un"), "visa"), (true, 700_000));
        assert_eq!(held(None, "visa"), (true, 700_000));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong =
            |policies: Vec<Policy>| Policies { version: 1, policies }.validate().expect_err("wrong").to_string();
        let low = policy("a", &[], &[], 10_000, true);
        assert_eq!(
            wrong(vec![low]),
            "policies[0].threshold: is 0.01, must be 0.05 to 1: below it answers are not complete"
        );
        let one = policy("a", &[], &[], 700_000, true);
        assert_eq!(wrong(vec![one.clone(), one]), "policies[1].name: `a` stands there twice");
        assert!(wrong(vec![policy("two words", &[], &[], 700_000, true)]).starts_with("policies[0].name: holds ' '"));
    }

    #[test]
    fn the_next_version_takes_the_place_of_the_one_that_was_looked_at() {
        let mut world = World::default();
        let mut put = |version, policies: Vec<Policy>| {
            let envelope = world.envelope(Command::PutPolicies(Policies { version, policies }));
            match world.apply(&envelope) {
                Outcome::Refused(refusal) => Err(refusal.code),
                outcome => Ok(outcome),
            }
        };
        let one = vec![policy("a", &[], &[], 600_000, true)];
        assert_eq!(put(2, one.clone()), Err(RefusalCode::StaleVersion), "nothing stands there");
        assert_eq!(put(1, one.clone()), Ok(Outcome::Done(())));
        assert_eq!(put(1, one.clone()), Ok(Outcome::Done(())), "said again");
        assert_eq!(put(1, Vec::new()), Err(RefusalCode::StaleVersion), "somebody else was faster");
        assert_eq!(put(2, vec![policy("a", &[], &[], 0, true)]), Err(RefusalCode::Invalid));
        assert_eq!(put(2, Vec::new()), Ok(Outcome::Done(())));
        assert_eq!(world.policies().expect("reads").map(|it| (it.version, it.policies.len())), Some((2, 0)));
    }

    const LISTS: [&str; 3] = ["a", "b", "c"];
    const PURPOSES: [&str; 2] = ["p", "q"];

    fn some_policy() -> impl Strategy<Value = Policy> {
        let lists = proptest::sample::subsequence(LISTS.to_vec(), 0..3);
        let purposes = proptest::sample::subsequence(PURPOSES.to_vec(), 0..2);
        (lists, purposes, 50_000u32..1_000_000, any::<[bool; 3]>()).prop_map(
            |(lists, purposes, threshold, [birth_date, nationality, weak_aliases])| Policy {
                weighing: Weighing { birth_date, nationality, weak_aliases },
                ..policy("x", &lists, &purposes, threshold, true)
            },
        )
    }

    proptest! {
        #[test]
        fn each_record_is_searched_by_what_holds_for_it(policies in proptest::collection::vec(some_policy(), 0..5), asked in proptest::option::of(0u32..1_000_000)) {
            let policies = Policies { version: 1, policies };
            let asked = asked.map(Score::from_parts);
            for why in PURPOSES {
                let passes = policies.passes(&purpose(why), asked);
                for (at, pass) in passes.iter().enumerate() {
                    prop_assert!(passes[..at].iter().all(|other| other.weighing != pass.weighing), "searched twice");
                }
                for of in LISTS.into_iter().map(Some).chain([None]) {
                    let (weighing, threshold) = policies.hold(of.map(list).as_ref(), &purpose(why));
                    let pass = passes.iter().find(|pass| pass.weighing == weighing);
                    prop_assert!(pass.is_some_and(|pass| pass.threshold <= asked.unwrap_or(threshold)));
                }
            }
        }
    }
}
