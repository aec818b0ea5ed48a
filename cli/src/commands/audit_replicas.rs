//! The replicas of an audit log: each is read and recomputed from its own endpoint, since what was altered on one is in
//! none of the others.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use client::{Client, ErrorKind, v1};
use futures_util::future::join_all;
use model::audit::merkle::{Hash, check_consistency, empty_root};
use serde::Serialize;

use crate::audit::chain::Chain;
use crate::audit::hex;
use crate::audit::remembered::Checkpoint;
use crate::commands::audit::leaves;
use crate::error::CliError;
use crate::progress::Progress;

/// An endpoint that says nothing within this time is not there.
const REACH_MAX: Duration = Duration::from_secs(3);
/// A replica may be behind the one that answered last time; only one that stays behind has lost leaves.
const BEHIND_MAX: Duration = Duration::from_secs(5);

/// What came of a replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replica {
    pub endpoint: String,
    pub ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Replica {
    /// One line.
    pub fn to_text(&self) -> String {
        match &self.error {
            None => format!("  {}  verified", self.endpoint),
            Some(error) => format!("  {}  NOT VERIFIED: {error}", self.endpoint),
        }
    }
}

/// The root of one replica's log; an error of any kind but a failed verification says only that it could not be read.
type Root = Result<Hash, CliError>;

/// The endpoints of a cluster, those that answer and those that do not.
pub struct Replicas {
    cluster: String,
    group: String,
    each: Vec<(Client, Result<(), CliError>)>,
}

impl Replicas {
    /// Asks each endpoint whether it is there.
    pub async fn reach(client: &Client, group: &str) -> Result<Self, CliError> {
        let deadline = client.config().deadline;
        let probes = client.per_endpoint(deadline.min(REACH_MAX));
        let answers = join_all(probes.iter().map(Client::status)).await;
        let Some(cluster) = answers.iter().find_map(|answer| answer.as_ref().ok()).map(|one| one.cluster_id.clone())
        else {
            // The first one that does not answer speaks for all.
            return Err(match answers.into_iter().find_map(Result::err) {
                Some(error) => error.into(),
                None => CliError::Failed("the context names no endpoint".to_string()),
            });
        };
        let reached = answers.into_iter().map(|answer| match answer {
            Ok(answer) if answer.cluster_id != cluster => {
                let text = format!("belongs to the cluster {}, others to {cluster}", answer.cluster_id);
                Err(CliError::Verification(text))
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error.into()),
        });
        let each = client.per_endpoint(deadline).into_iter().zip(reached).collect();
        Ok(Self { cluster, group: group.to_string(), each })
    }

    /// The cluster's id.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// Recomputes each replica's log at one common size and compares the roots.
    pub async fn verify(self, earlier: Option<Checkpoint>) -> (Vec<Replica>, Result<Checkpoint, CliError>) {
        let Self { cluster: _, group, each } = self;
        let at_least = earlier.map_or(0, |earlier| earlier.size);
        let sizes = each.into_iter().map(async |(client, reached)| {
            let size = match reached {
                Ok(()) => size_now(&client, &group, at_least).await,
                Err(error) => Err(error),
            };
            (client, size)
        });
        let sizes = join_all(sizes).await;
        // The longest log is the measure: the others must have all of it by now, or leaves are missing there.
        let size = sizes.iter().filter_map(|(_, size)| size.as_ref().ok()).max().copied().unwrap_or_default();
        let total = size * sizes.iter().filter(|(_, size)| size.is_ok()).count() as u64;
        let mut progress = Progress::new("verify", total);
        let (mut roots, mut before) = (Vec::new(), 0);
        for (client, found) in sizes {
            let endpoint = client.config().endpoints.concat();
            let root = match found {
                Ok(_) => {
                    let root = recompute(&client, &group, size, earlier, |at| {
                        progress.set(before + at, || format!("{at} leaves of {endpoint}"));
                    });
                    let root = root.await;
                    before += size;
                    root
                }
                Err(error) => Err(error),
            };
            roots.push((endpoint, root));
        }
        drop(progress);
        let (replicas, root) = judge(roots);
        (replicas, root.map(|root| Checkpoint { size, root }))
    }
}

/// The root of a replica's leaves, which must be the one that it states and grow out of what was seen before.
async fn recompute(
    client: &Client,
    group: &str,
    size: u64,
    earlier: Option<Checkpoint>,
    mut progress: impl FnMut(u64),
) -> Root {
    let stated = checkpoint(client, group, size, earlier).await?.root;
    let mut chain = Chain::watching(earlier.map(|earlier| earlier.size));
    leaves(client, group, size, |leaf| {
        chain.push(&leaf).map_err(|error| CliError::Verification(error.to_string()))?;
        progress(chain.size());
        Ok(())
    })
    .await?;
    let root = chain.root();
    if root != stated {
        let text = format!("the stored leaves have the root {}, the node says {}", hex(&root), hex(&stated));
        return Err(CliError::Verification(text));
    }
    grown_from(&chain, earlier)?;
    Ok(root)
}

/// Compares the replicas. The root that most of them have is the cluster's; one that cannot be read is no failure where
/// another one verifies.
fn judge(roots: Vec<(String, Root)>) -> (Vec<Replica>, Root) {
    let mut votes: BTreeMap<Hash, usize> = BTreeMap::new();
    roots.iter().filter_map(|(_, root)| root.as_ref().ok()).for_each(|root| *votes.entry(*root).or_default() += 1);
    let most = votes.values().max().copied();
    // Where as many have one root as another, the first endpoint's stands, and the message shows both.
    let of_most = |(_, root): &&(String, Root)| root.as_ref().ok().and_then(|root| votes.get(root).copied()) == most;
    let common = most.and_then(|_| roots.iter().find(of_most)).and_then(|(endpoint, root)| {
        let root = *root.as_ref().ok()?;
        Some((endpoint.clone(), root))
    });
    let (mut replicas, mut wrong, mut unread) = (Vec::new(), Vec::new(), None);
    for (endpoint, root) in roots {
        let root = root.and_then(|root| match &common {
            Some((other, common)) if *common != root => Err(CliError::Verification(format!(
                "the leaves have the root {}, those of {other} have {}",
                hex(&root),
                hex(common)
            ))),
            _ => Ok(()),
        });
        let error = root.err().map(|error| match error {
            CliError::Verification(error) => {
                wrong.push(format!("{endpoint}: {error}"));
                error
            }
            // A fault within a node that answers is not an endpoint that is away.
            CliError::Client(error) if error.kind == ErrorKind::Internal => {
                wrong.push(format!("{endpoint}: {error}"));
                error.to_string()
            }
            error => unread.get_or_insert(error).to_string(),
        });
        replicas.push(Replica { endpoint, ok: error.is_none(), error });
    }
    let verdict = match (wrong.is_empty(), common, unread) {
        (false, ..) => Err(CliError::Verification(wrong.join("; "))),
        (true, Some((_, root)), _) => Ok(root),
        (true, None, unread) => {
            Err(unread.unwrap_or_else(|| CliError::Failed("the context names no endpoint".to_string())))
        }
    };
    (replicas, verdict)
}

/// The remembered root must be the one that the first leaves still have.
pub(super) fn grown_from(chain: &Chain, earlier: Option<Checkpoint>) -> Result<(), CliError> {
    match earlier {
        Some(Checkpoint { size, root }) if chain.root_at(size) != Some(root) => {
            Err(CliError::Verification(format!("the first {size} leaves are not those that were there before")))
        }
        _ => Ok(()),
    }
}

/// The leaves that the log has now, of which so many were there before.
pub(super) async fn size_now(client: &Client, group: &str, before: u64) -> Result<u64, CliError> {
    let started = Instant::now();
    loop {
        let message = v1::CheckpointRequest { group: group.to_string(), old_size: 0, size: 0 };
        let size = client.checkpoint(message).await?.size;
        if size >= before {
            return Ok(size);
        }
        if started.elapsed() >= BEHIND_MAX {
            let text = format!("{group} has {size} leaves and had {before} before: leaves are missing");
            return Err(CliError::Verification(text));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// The checkpoint at a size, proven to extend an earlier one.
pub(super) async fn checkpoint(
    client: &Client,
    group: &str,
    size: u64,
    earlier: Option<Checkpoint>,
) -> Result<Checkpoint, CliError> {
    if size == 0 {
        // There is nothing to ask for: a size of 0 would mean the log as it is by then.
        return Ok(Checkpoint { size, root: empty_root() });
    }
    let wrong = |reason: &str| CliError::Verification(format!("checkpoint of {group}: {reason}"));
    let old_size = earlier.map_or(0, |earlier| earlier.size);
    let message = v1::CheckpointRequest { group: group.to_string(), old_size, size };
    let answer = client.checkpoint(message).await.map_err(|error| match error.kind {
        // The size is one that another replica has.
        ErrorKind::Invalid => wrong(&error.text),
        _ => error.into(),
    })?;
    if answer.size != size {
        return Err(wrong("is of another size than was asked for"));
    }
    let bytes = |bytes: Vec<u8>| Hash::try_from(bytes).map_err(|_| wrong("holds what is no SHA-256"));
    let root = bytes(answer.root)?;
    if let Some(Checkpoint { size: old, root: old_root }) = earlier {
        let proof = answer.consistency.into_iter().map(bytes).collect::<Result<Vec<Hash>, _>>()?;
        check_consistency(old, size, &proof, old_root, root)
            .map_err(|error| wrong(&format!("does not extend the one of {old} leaves: {error}")))?;
    }
    Ok(Checkpoint { size, root })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn away() -> Root {
        Err(CliError::Failed("does not answer".into()))
    }

    fn judged(roots: Vec<Root>) -> (Vec<bool>, Root) {
        let (replicas, root) = judge(roots.into_iter().zip(1..).map(|(root, n)| (format!("n{n}"), root)).collect());
        (replicas.iter().map(|replica| replica.ok).collect(), root)
    }

    #[test]
    fn replicas_that_agree_verify_and_one_that_is_away_is_no_failure() {
        let (ok, root) = judged(vec![Ok([1; 32]), away(), Ok([1; 32])]);
        assert_eq!((ok, root.expect("verifies")), (vec![true, false, true], [1; 32]));
        let (ok, root) = judged(vec![away(), away()]);
        assert_eq!((ok, root.is_err_and(|error| matches!(error, CliError::Failed(_)))), (vec![false; 2], true));
    }

    #[test]
    fn a_replica_that_differs_is_found_and_named() {
        for at in 0..3 {
            for altered in [Ok([9; 32]), Err(CliError::Verification("leaf 3 is damaged".into()))] {
                let mut roots = vec![Ok([1; 32]), Ok([1; 32])];
                roots.insert(at, altered);
                let (ok, root) = judged(roots);
                assert_eq!((0..3).map(|n| n != at).collect::<Vec<_>>(), ok);
                let error = root.expect_err("found");
                assert_eq!(error.exit(), crate::error::Exit::VerificationFailed);
                assert!(error.to_string().starts_with(&format!("verification failed: n{}: ", at + 1)), "{error}");
            }
        }
        let (ok, root) = judged(vec![Ok([1; 32]), Ok([2; 32])]);
        let error = root.expect_err("two that differ").to_string();
        assert!(ok == [true, false] && error.contains("n2: ") && error.contains("those of n1"), "{error}");
    }
}
