//! `audit verify`: online against the cluster's checkpoint and the one remembered; offline against an export's manifest.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use client::{Client, v1};
use model::audit::merkle::{Hash, check_consistency};
use model::ids::GroupId;
use serde::Serialize;

use crate::audit::chain::Chain;
use crate::audit::remembered::{Checkpoint, Remembered, beside};
use crate::audit::{directory, hex};
use crate::commands::audit::leaves;
use crate::context::Globals;
use crate::error::CliError;
use crate::progress::Progress;

/// A replica may be behind the one that answered last time; only one that stays behind has lost leaves.
const BEHIND_MAX: Duration = Duration::from_secs(5);

/// Flags of `audit verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// The audit group.
    #[arg(long, default_value = "audit-0", conflicts_with = "dir")]
    pub group: GroupId,
    /// Verify this export offline, without a cluster.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Where checkpoints are remembered; beside the context file (FILE.checkpoints) if left out.
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
}

const HELP: &str = "\
Reads every stored leaf, recomputes its hash, its payload's digest and the tree, and compares the root with the cluster's.
The checkpoint is remembered; next time the log is proven to have grown out of it, so that nobody can have altered or cut
it in between. Keep the file of checkpoints where the cluster's operators cannot write.

JSON: {\"ok\",\"group\",\"size\",\"root\",\"consistent_with\":{\"size\",\"root\"}|null,\"payloads_destroyed\"}; exit code 6 when it
does not verify.

Examples:
  portcullis audit verify
  portcullis audit export --out log && portcullis audit verify --dir log";

#[derive(Debug, Serialize)]
struct Verified {
    ok: bool,
    group: String,
    size: u64,
    root: String,
    consistent_with: Option<Earlier>,
    payloads_destroyed: u64,
    /// Next time the log is compared with this checkpoint.
    #[serde(skip)]
    remembered: bool,
}

#[derive(Debug, Serialize)]
struct Earlier {
    size: u64,
    root: String,
}

#[derive(Serialize)]
struct Broken<'a> {
    ok: bool,
    error: &'a str,
}

/// Verifies and says so, or says what is wrong.
pub async fn run(globals: &Globals, args: Args) -> Result<(), CliError> {
    let state = args.state.or_else(|| globals.context.as_deref().map(beside));
    let verified = match args.dir {
        Some(dir) => offline(&dir, state.as_deref()),
        None => online(globals, &args.group.to_string(), state.as_deref()).await,
    };
    match verified {
        Ok(verified) => globals.output.show(&verified, Verified::to_text),
        Err(CliError::Verification(error)) => {
            if globals.output.form() == crate::output::Form::Json {
                globals.output.line(&crate::output::json(&Broken { ok: false, error: &error })?)?;
            }
            Err(CliError::Verification(error))
        }
        Err(other) => Err(other),
    }
}

async fn online(globals: &Globals, group: &str, state: Option<&Path>) -> Result<Verified, CliError> {
    let client = globals.client()?;
    let cluster = client.status().await?.cluster_id;
    let mut remembered = state.map(Remembered::read).transpose()?;
    let earlier = remembered.as_ref().and_then(|remembered| remembered.get(&cluster, group));
    let now = checkpoint(&client, group, earlier).await?;
    let mut chain = Chain::watching(earlier.map(|earlier| earlier.size));
    let mut progress = Progress::new("verify", now.size);
    leaves(&client, group, now.size, |leaf| {
        chain.push(&leaf).map_err(|error| CliError::Verification(error.to_string()))?;
        progress.set(chain.size(), || format!("{} leaves", chain.size()));
        Ok(())
    })
    .await?;
    if chain.root() != now.root {
        return Err(CliError::Verification(format!(
            "the stored leaves have the root {}, the cluster says {}",
            hex(&chain.root()),
            hex(&now.root)
        )));
    }
    grown_from(&chain, earlier)?;
    if let Some(remembered) = &mut remembered {
        remembered.put(&cluster, group, now)?;
    }
    Ok(verified(group.to_string(), &chain, earlier, remembered.is_some()))
}

fn offline(dir: &Path, state: Option<&Path>) -> Result<Verified, CliError> {
    let remembered = state.map(Remembered::read).transpose()?;
    let earlier = |manifest: &crate::audit::manifest::Manifest| {
        remembered.as_ref().and_then(|remembered| remembered.get(&manifest.cluster_id, &manifest.group))
    };
    let (manifest, chain) = directory::verify(dir, |manifest| earlier(manifest).map(|earlier| earlier.size))?;
    // An export may be older than what is remembered; it is then a part of the log that proves nothing about the rest.
    let earlier = earlier(&manifest).filter(|earlier| earlier.size <= chain.size());
    grown_from(&chain, earlier)?;
    Ok(verified(manifest.group, &chain, earlier, false))
}

fn verified(group: String, chain: &Chain, earlier: Option<Checkpoint>, remembered: bool) -> Verified {
    Verified {
        ok: true,
        group,
        size: chain.size(),
        root: hex(&chain.root()),
        consistent_with: earlier.map(|Checkpoint { size, root }| Earlier { size, root: hex(&root) }),
        payloads_destroyed: chain.destroyed(),
        remembered,
    }
}

/// The remembered root must be the one that the first leaves still have.
fn grown_from(chain: &Chain, earlier: Option<Checkpoint>) -> Result<(), CliError> {
    match earlier {
        Some(Checkpoint { size, root }) if chain.watched_root() != Some(root) => {
            Err(CliError::Verification(format!("the first {size} leaves are not those that were there before")))
        }
        _ => Ok(()),
    }
}

/// The cluster's checkpoint, proven to extend an earlier one.
pub(super) async fn checkpoint(
    client: &Client,
    group: &str,
    earlier: Option<Checkpoint>,
) -> Result<Checkpoint, CliError> {
    let wrong = |reason: &str| CliError::Verification(format!("checkpoint of {group}: {reason}"));
    let started = Instant::now();
    let old = earlier.map_or(0, |earlier| earlier.size);
    let size = loop {
        let message = v1::CheckpointRequest { group: group.to_string(), old_size: 0, size: 0 };
        let size = client.checkpoint(message).await?.size;
        if size >= old {
            break size;
        }
        if started.elapsed() >= BEHIND_MAX {
            return Err(wrong(&format!("the log has {size} leaves and had {old} before: leaves are missing")));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let message = v1::CheckpointRequest { group: group.to_string(), old_size: old, size };
    let answer = client.checkpoint(message).await?;
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

impl Verified {
    fn to_text(&self) -> String {
        let mut text = format!("{} verifies: {} leaves, root {}\n", self.group, self.size, self.root);
        text.push_str(&match &self.consistent_with {
            Some(earlier) => format!("It extends the checkpoint of {} leaves seen before, unaltered.", earlier.size),
            None if self.remembered => "No earlier checkpoint was remembered; this one is from now on.".to_string(),
            None => "No earlier checkpoint is remembered to compare it with.".to_string(),
        });
        if self.payloads_destroyed > 0 {
            text.push_str(&format!("\n{} payloads are destroyed; their leaves stand.", self.payloads_destroyed));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::chain::testing::log;
    use crate::audit::hash;

    #[test]
    fn an_export_that_is_consistent_in_itself_and_not_with_what_was_seen_is_found() {
        let dir = tempfile::tempdir().expect("directory");
        let (out, state) = (dir.path().join("out"), dir.path().join("state"));
        let (mut writer, mut chain) = (directory::Writer::create(&out).expect("creates"), Chain::watching(Some(2)));
        for leaf in log(4) {
            chain.push(&leaf).expect("holds");
            writer.push(&leaf).expect("writes");
        }
        writer.finish("c".into(), "audit-0".into(), &chain).expect("finishes");
        let mut remembered = Remembered::read(&state).expect("reads");
        let root = chain.watched_root().expect("reached");
        remembered.put("c", "audit-0", Checkpoint { size: 2, root }).expect("writes");
        let verified = offline(&out, Some(&state)).expect("verifies");
        assert_eq!((verified.size, verified.consistent_with.map(|earlier| earlier.size)), (4, Some(2)));
        remembered.put("c", "audit-0", Checkpoint { size: 2, root: [0; 32] }).expect("writes");
        assert!(matches!(offline(&out, Some(&state)), Err(CliError::Verification(_))));
        assert_eq!(hash(&hex(&root)), Some(root));
    }
}
