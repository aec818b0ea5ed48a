//! `audit verify`: online each replica against the others and the checkpoint remembered; offline against an export's
//! manifest.

use model::access::function::Function;
use std::path::{Path, PathBuf};

use model::ids::GroupId;
use serde::Serialize;

use crate::audit::remembered::{Checkpoint, Remembered, beside};
use crate::audit::{directory, hex};
use crate::commands::audit_replicas::{Replica, Replicas, grown_from};
use crate::context::Globals;
use crate::error::CliError;

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
Reads every stored leaf from every endpoint of the context, recomputes its hash, its payload's digest and the tree, and
compares the roots of the replicas. An endpoint that does not answer is reported, and is no failure where another verifies.
The checkpoint is remembered; next time the log is proven to have grown out of it, so that nobody can have altered or cut
it in between. Keep the file of checkpoints where the cluster's operators cannot write.

JSON: {\"ok\",\"group\",\"size\",\"root\",\"consistent_with\":{\"size\",\"root\"}|null,\"older_than_remembered\",
\"payloads_destroyed\",\"replicas\":[{\"endpoint\",\"ok\",\"error\"}]}; exit code 6 when it does not verify.

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
    /// Of an export: a checkpoint with more leaves was seen, which it cannot be compared with.
    older_than_remembered: bool,
    /// Nothing destroys payloads yet; the key is part of the contract.
    payloads_destroyed: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    replicas: Vec<Replica>,
    #[serde(skip)]
    memory: Memory,
}

/// What is remembered of the log.
#[derive(Debug)]
enum Memory {
    /// This checkpoint, from now on.
    FromNowOn,
    /// A later one, of so many leaves.
    Later(u64),
    None,
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
    #[serde(skip_serializing_if = "<[Replica]>::is_empty")]
    replicas: &'a [Replica],
}

/// Verifies and says so, or says what is wrong.
pub async fn run(globals: &Globals, args: Args) -> Result<(), CliError> {
    let state = args.state.or_else(|| globals.context.as_deref().map(beside));
    let mut replicas = Vec::new();
    let verified = match args.dir {
        Some(dir) => offline(&dir, state.as_deref()),
        None => online(globals, &args.group.to_string(), state.as_deref(), &mut replicas).await,
    };
    match verified {
        Ok(verified) => globals.output.show(&Verified { replicas, ..verified }, Verified::to_text),
        Err(CliError::Verification(error)) => {
            if globals.output.form() == crate::output::Form::Json {
                let broken = Broken { ok: false, error: &error, replicas: &replicas };
                globals.output.line(&crate::output::json(&broken)?)?;
            }
            Err(CliError::Verification(error))
        }
        Err(other) => Err(other),
    }
}

async fn online(
    globals: &Globals,
    group: &str,
    state: Option<&Path>,
    found: &mut Vec<Replica>,
) -> Result<Verified, CliError> {
    let mut remembered = state.map(Remembered::read).transpose()?;
    let replicas = Replicas::reach(&globals.client_for(Function::AuditRead)?, group).await?;
    let earlier = remembered.as_ref().and_then(|remembered| remembered.get(replicas.cluster(), group));
    let cluster = replicas.cluster().to_string();
    let (each, now) = replicas.verify(earlier).await;
    *found = each;
    let now = now?;
    let mut memory = Memory::None;
    if let Some(remembered) = &mut remembered {
        remembered.put(&cluster, group, now)?;
        memory = Memory::FromNowOn;
    }
    Ok(verified(group.to_string(), now, earlier, memory))
}

fn offline(dir: &Path, state: Option<&Path>) -> Result<Verified, CliError> {
    let remembered = state.map(Remembered::read).transpose()?;
    let seen = |manifest: &crate::audit::manifest::Manifest| {
        remembered.as_ref().and_then(|remembered| remembered.get(&manifest.cluster_id, &manifest.group))
    };
    let (manifest, chain) = directory::verify(dir, |manifest| seen(manifest).map(|seen| seen.size))?;
    let (earlier, memory) = match seen(&manifest) {
        Some(seen) if seen.size > chain.size() => (None, Memory::Later(seen.size)),
        seen => (seen, Memory::None),
    };
    grown_from(&chain, earlier)?;
    let now = Checkpoint { size: chain.size(), root: chain.root() };
    Ok(verified(manifest.group, now, earlier, memory))
}

fn verified(group: String, now: Checkpoint, earlier: Option<Checkpoint>, memory: Memory) -> Verified {
    Verified {
        ok: true,
        group,
        size: now.size,
        root: hex(&now.root),
        consistent_with: earlier.map(|Checkpoint { size, root }| Earlier { size, root: hex(&root) }),
        older_than_remembered: matches!(memory, Memory::Later(_)),
        payloads_destroyed: 0,
        replicas: Vec::new(),
        memory,
    }
}

impl Verified {
    fn to_text(&self) -> String {
        let mut text = format!("{} verifies: {} leaves, root {}\n", self.group, self.size, self.root);
        text.push_str(&match (&self.consistent_with, &self.memory) {
            (Some(earlier), _) => format!("It extends the checkpoint of {} leaves seen before, unaltered.", earlier.size),
            (None, Memory::FromNowOn) => {
                "No earlier checkpoint was remembered; this one is from now on.".to_string()
            }
            (None, Memory::Later(size)) => format!(
                "It is older than the checkpoint of {size} leaves seen before and was not compared with it: that the log \
                 grew out of it is not shown."
            ),
            (None, Memory::None) => "No earlier checkpoint is remembered to compare it with.".to_string(),
        });
        for replica in &self.replicas {
            text.push('\n');
            text.push_str(&replica.to_text());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::chain::Chain;
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
        assert!(!verified.older_than_remembered);
        remembered.put("c", "audit-0", Checkpoint { size: 2, root: [0; 32] }).expect("writes");
        assert!(matches!(offline(&out, Some(&state)), Err(CliError::Verification(_))));
        assert_eq!(hash(&hex(&root)), Some(root));
        // What was seen later is not in the export, so it says nothing about it.
        remembered.put("c", "audit-0", Checkpoint { size: 9, root: [0; 32] }).expect("writes");
        let older = offline(&out, Some(&state)).expect("verifies by itself");
        assert!(older.to_text().contains("older than the checkpoint of 9 leaves"), "{}", older.to_text());
        let json = crate::output::json(&older).expect("encodes");
        assert!(
            json.contains(r#""consistent_with":null,"older_than_remembered":true,"payloads_destroyed":0}"#),
            "{json}"
        );
    }
}
