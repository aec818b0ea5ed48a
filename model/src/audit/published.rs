//! What an audit group has published of its log: the newest signed checkpoint, the newest one that witnesses cosigned, and whether its
//! replicas were found to have no common history.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::merkle::Hash;
use crate::codec::Stored;
use crate::ids::NodeId;

/// A signed checkpoint, as it is handed out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    pub size: u64,
    pub root: Hash,
    /// The note: text, the log's signature, cosignatures.
    pub note: String,
}

/// The state of publication.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    pub latest: Option<Noted>,
    /// The newest with a cosignature.
    pub witnessed: Option<Noted>,
    /// The size at which no majority of replicas had one root: nothing is appended any more.
    pub split_at: Option<u64>,
}

impl Stored for Published {
    const TAG: u16 = 71;
    const VERSION: u8 = 1;
}

/// What the roots of a group's replicas at one size say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A majority of voters has this root.
    Root(Hash),
    /// No root can have a majority, whoever has not answered.
    Split,
    /// Too few have answered.
    Unknown,
}

/// Judges the roots that voters have.
pub fn judge(roots: &[(NodeId, Hash)], voters: usize) -> Verdict {
    let by_voter: BTreeMap<NodeId, Hash> = roots.iter().copied().collect();
    let mut votes: BTreeMap<Hash, usize> = BTreeMap::new();
    by_voter.values().for_each(|root| *votes.entry(*root).or_default() += 1);
    let needed = voters / 2 + 1;
    let most = votes.iter().max_by_key(|(_, count)| **count).map(|(root, count)| (*root, *count));
    let silent = voters.saturating_sub(by_voter.len());
    match most {
        Some((root, count)) if count >= needed => Verdict::Root(root),
        Some((_, count)) if count + silent < needed => Verdict::Split,
        _ => Verdict::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_majority_of_all_voters_decides_and_nobody_who_was_not_asked_is_counted() {
        let roots = |of: &[u8]| (1..).map(NodeId).zip(of.iter().map(|root| [*root; 32])).collect::<Vec<_>>();
        for (of, voters, verdict) in [
            (&[1, 1, 1][..], 3, Verdict::Root([1; 32])),
            (&[1, 1, 2], 3, Verdict::Root([1; 32])),
            (&[1, 1], 3, Verdict::Root([1; 32])),
            (&[1], 3, Verdict::Unknown),
            (&[1, 2], 3, Verdict::Unknown),
            (&[1, 2, 3], 3, Verdict::Split),
            (&[1, 1, 2, 2], 4, Verdict::Split),
            (&[1, 1, 2, 2], 5, Verdict::Unknown),
            (&[1, 1, 2, 2, 3], 5, Verdict::Split),
            (&[1], 1, Verdict::Root([1; 32])),
            (&[], 3, Verdict::Unknown),
        ] {
            assert_eq!(judge(&roots(of), voters), verdict, "{of:?} of {voters}");
        }
        // Who answers twice has one vote.
        let twice = [(NodeId(1), [1; 32]), (NodeId(1), [1; 32])];
        assert_eq!(judge(&twice, 3), Verdict::Unknown);
    }
}
