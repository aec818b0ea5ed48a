//! `audit verify`: online each replica against the others and the checkpoint remembered; offline against an export's
//! manifest.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use client::{Client, v1};
use model::access::function::Function;
use model::audit::leaf::{Leaf, StoredLeaf};
use model::audit::note::Note;
use model::audit::proof::Proof;
use model::audit::trust::{Believed, Trust};
use model::ids::GroupId;
use model::time::UnixMillis;
use serde::Serialize;

use crate::audit::remembered::{Checkpoint, Remembered, beside};
use crate::audit::{directory, hex, policy, stopped};
use crate::commands::audit_replicas::{Replica, Replicas, checkpoint, grown_from};
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
    /// Verify the log in the directory of a node that does not run, or in a copy of one.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["dir", "proof"])]
    pub node_dir: Option<PathBuf>,
    /// Check the proof of one event, without cluster or export.
    #[arg(long, value_name = "FILE", requires = "event", conflicts_with_all = ["dir", "group"])]
    pub proof: Option<PathBuf>,
    /// The event that the proof is of.
    #[arg(long, value_name = "FILE", requires = "proof")]
    pub event: Option<PathBuf>,
    /// Whose signatures are believed: the log's and of how many witnesses (C2SP tlog-policy); that of the context if left out.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Where checkpoints are remembered; beside the context file (FILE.checkpoints) if left out.
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
}

/// A first checkpoint that is signed and cosigned is waited for as long.
const SIGNED_MAX: Duration = Duration::from_secs(20);
const ASK_AGAIN: Duration = Duration::from_millis(200);

const HELP: &str = "\
Reads every stored leaf from every endpoint of the context, recomputes its hash, its payload's digest and the tree, and
compares the roots of the replicas. An endpoint that does not answer is reported, and is no failure where another verifies.
The checkpoint is remembered; next time the log is proven to have grown out of it, so that nobody can have altered or cut
it in between. Keep the file of checkpoints where the cluster's operators cannot write.

With a policy the newest checkpoint must be signed by the log and cosigned by the witnesses that the policy asks for, and lie on the
log that was read: then nobody was shown another one. Without a policy signatures are not looked at, and that is said.

JSON: {\"ok\",\"group\",\"size\",\"root\",\"signed\":{\"size\",\"witnesses\"}|null,\"consistent_with\":{\"size\",\"root\"}|null,
\"older_than_remembered\",\"payloads_destroyed\",\"replicas\":[{\"endpoint\",\"ok\",\"error\"}]}; exit code 6 when it does not verify.

Examples:
  portcullis audit verify
  portcullis audit export --out log && portcullis audit verify --dir log --policy audit.policy
  portcullis audit verify --node-dir /copies/node-2 --policy audit.policy
  portcullis audit verify --proof event.tlog-proof --event event.cbor --policy audit.policy";

#[derive(Debug, Serialize)]
struct Verified {
    ok: bool,
    group: String,
    size: u64,
    root: String,
    /// The checkpoint that the policy believes, if there is a policy.
    signed: Option<Signed>,
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

/// A checkpoint on the log that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Signed {
    size: u64,
    /// Of the policy, those that cosigned.
    witnesses: Vec<String>,
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
    let trust = policy::chosen(globals, args.policy.as_deref())?;
    if let (Some(proof), Some(event)) = (&args.proof, &args.event) {
        return one_event(globals, proof, event, trust.as_ref());
    }
    let state = args.state.or_else(|| globals.context.as_deref().map(beside));
    let mut replicas = Vec::new();
    let group = args.group.to_string();
    let verified = match (args.dir, args.node_dir) {
        (Some(dir), _) => offline(&dir, state.as_deref(), trust.as_ref()),
        (None, Some(dir)) => stopped_node(&dir, &group, state.as_deref(), trust.as_ref()),
        (None, None) => online(globals, &group, state.as_deref(), trust.as_ref(), &mut replicas).await,
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

#[derive(Serialize)]
struct OneEvent {
    ok: bool,
    index: u64,
    signed: Signed,
    /// What the event says of itself in clear.
    event: Event,
}

#[derive(Serialize)]
struct Event {
    recorded_at: String,
    kind: String,
    verdict: String,
    user: String,
    agency: String,
    port: String,
}

/// Checks one event by its proof.
fn one_event(globals: &Globals, proof: &Path, event: &Path, trust: Option<&Trust>) -> Result<(), CliError> {
    let trust = trust.ok_or_else(|| {
        CliError::flag(
            "--policy",
            "is missing: a proof is worth what its signatures are, and only a policy says whose count",
        )
    })?;
    let read = |path: &Path| std::fs::read(path).map_err(|error| CliError::path(path, error));
    let (proof, leaf) = (read(proof)?, read(event)?);
    let checked = Proof::parse(&proof).and_then(|proof| Ok((proof.index, proof.verify(&leaf, trust)?)));
    let shown = checked.map_err(|error| error.to_string()).and_then(|(index, believed)| {
        let stored = StoredLeaf { bytes: leaf, payload: None };
        let Leaf { recorded_ms, header, .. } = stored.open(index).map_err(|error| error.to_string())?;
        Ok(OneEvent {
            ok: true,
            index,
            signed: Signed::of(&believed),
            event: Event {
                recorded_at: UnixMillis(recorded_ms).rfc3339(),
                kind: header.kind().map_or(header.kind.to_string(), |kind| kind.to_string()),
                verdict: header.verdict().map_or(header.verdict.to_string(), |verdict| verdict.to_string()),
                user: header.user,
                agency: header.agency,
                port: header.port,
            },
        })
    });
    match shown {
        Ok(shown) => globals.output.show(&shown, |shown| {
            let OneEvent { index, event, signed, .. } = shown;
            format!(
                "Event {index} stands in the log, {}: recorded {}, {} {} of {} ({}) at {}.",
                signed.to_text(),
                event.recorded_at,
                event.kind,
                event.verdict,
                event.user,
                event.agency,
                event.port
            )
        }),
        Err(error) => {
            if globals.output.form() == crate::output::Form::Json {
                globals.output.line(&crate::output::json(&Broken { ok: false, error: &error, replicas: &[] })?)?;
            }
            Err(CliError::Verification(error))
        }
    }
}

impl Signed {
    fn of(believed: &Believed) -> Self {
        let witnesses = believed.cosigned.iter().map(|(name, _)| name.clone()).collect();
        Self { size: believed.checkpoint.size, witnesses }
    }

    fn to_text(&self) -> String {
        let witnesses = match &self.witnesses[..] {
            [] => "no witness".to_string(),
            names => names.join(" and "),
        };
        format!("signed at {} leaves and cosigned by {witnesses}", self.size)
    }
}

async fn online(
    globals: &Globals,
    group: &str,
    state: Option<&Path>,
    trust: Option<&Trust>,
    found: &mut Vec<Replica>,
) -> Result<Verified, CliError> {
    let mut remembered = state.map(Remembered::read).transpose()?;
    let client = globals.client_for(Function::AuditRead)?;
    let replicas = Replicas::reach(&client, group).await?;
    let earlier = remembered.as_ref().and_then(|remembered| remembered.get(replicas.cluster(), group));
    let cluster = replicas.cluster().to_string();
    let (each, now) = replicas.verify(earlier).await;
    *found = each;
    let now = now?;
    // After the leaves were read, so that what is signed lies within them or a second beyond.
    let signed = match trust {
        Some(trust) => Some(published(&client, group, trust, now).await?),
        None => None,
    };
    let mut memory = Memory::None;
    if let Some(remembered) = &mut remembered {
        remembered.put(&cluster, group, now)?;
        memory = Memory::FromNowOn;
    }
    Ok(Verified { signed, ..verified(group.to_string(), now, earlier, memory) })
}

/// The newest checkpoint that the policy believes, proven to be of the log that was read.
async fn published(client: &Client, group: &str, trust: &Trust, now: Checkpoint) -> Result<Signed, CliError> {
    let started = Instant::now();
    let believed = loop {
        let published = client.published(v1::PublishedRequest { group: group.to_string() }).await?;
        let newest = [published.witnessed, published.latest].into_iter().find(|note| !note.is_empty());
        let newest = newest.ok_or_else(|| CliError::Verification(format!("{group} has signed no checkpoint yet")));
        let checked = newest.and_then(|newest| {
            let note = Note::parse(newest.as_bytes()).map_err(|error| CliError::Verification(error.to_string()))?;
            policy::check(trust, &note)
        });
        match checked {
            Ok(believed) => break believed,
            // A cluster that has just come back signs nothing before it has heard its witnesses.
            Err(_) if started.elapsed() < SIGNED_MAX => tokio::time::sleep(ASK_AGAIN).await,
            Err(error) => return Err(error),
        }
    };
    let stated = Checkpoint { size: believed.checkpoint.size, root: believed.checkpoint.root };
    let (smaller, larger) = if stated.size <= now.size { (stated, now) } else { (now, stated) };
    let proven = checkpoint(client, group, larger.size, Some(smaller)).await?;
    if proven.root != larger.root {
        return Err(CliError::Verification(
            "the signed checkpoint is of another log than the one that was read".into(),
        ));
    }
    Ok(Signed::of(&believed))
}

fn offline(dir: &Path, state: Option<&Path>, trust: Option<&Trust>) -> Result<Verified, CliError> {
    let remembered = state.map(Remembered::read).transpose()?;
    let seen = |manifest: &crate::audit::manifest::Manifest| {
        remembered.as_ref().and_then(|remembered| remembered.get(&manifest.cluster_id, &manifest.group))
    };
    let directory::Verified { manifest, chain, checkpoint } =
        directory::verify(dir, |manifest| seen(manifest).map(|seen| seen.size))?;
    let signed = trust.map(|trust| policy::check(trust, &checkpoint)).transpose()?;
    let signed = signed.as_ref().map(Signed::of);
    let (earlier, memory) = match seen(&manifest) {
        Some(seen) if seen.size > chain.size() => (None, Memory::Later(seen.size)),
        seen => (seen, Memory::None),
    };
    grown_from(&chain, earlier)?;
    let now = Checkpoint { size: chain.size(), root: chain.root() };
    Ok(Verified { signed, ..verified(manifest.group, now, earlier, memory) })
}

/// The log of a node that does not run.
fn stopped_node(dir: &Path, group: &str, state: Option<&Path>, trust: Option<&Trust>) -> Result<Verified, CliError> {
    let remembered = state.map(Remembered::read).transpose()?;
    let mut seen = None;
    let read = stopped::verify(dir, group, |cluster, group| {
        seen = remembered.as_ref().and_then(|remembered| remembered.get(cluster, group));
        seen.map(|seen| seen.size)
    })?;
    let chain = read.chain;
    let mut signed = None;
    for note in &read.checkpoints {
        let stated = model::audit::checkpoint::Checkpoint::parse(&note.text);
        let stated = stated.map_err(|error| CliError::Verification(error.to_string()))?;
        if chain.root_at(stated.size) != Some(stated.root) {
            let text = format!("the checkpoint of {} leaves beside the log is of another log", stated.size);
            return Err(CliError::Verification(text));
        }
        // The cosigned one is first: a newer one may have been signed by the log alone when the node stopped.
        if let Some(trust) = trust.filter(|_| signed.is_none()) {
            signed = Some(Signed::of(&policy::check(trust, note)?));
        }
    }
    if trust.is_some() && signed.is_none() {
        return Err(CliError::Verification("the directory holds no signed checkpoint".into()));
    }
    let (earlier, memory) = match seen {
        Some(seen) if seen.size > chain.size() => (None, Memory::Later(seen.size)),
        seen => (seen, Memory::None),
    };
    grown_from(&chain, earlier)?;
    let now = Checkpoint { size: chain.size(), root: chain.root() };
    Ok(Verified { signed, ..verified(read.group, now, earlier, memory) })
}

fn verified(group: String, now: Checkpoint, earlier: Option<Checkpoint>, memory: Memory) -> Verified {
    Verified {
        ok: true,
        group,
        size: now.size,
        root: hex(&now.root),
        signed: None,
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
        text.push('\n');
        text.push_str(&match &self.signed {
            Some(signed) => format!("It is {}, as the policy asks.", signed.to_text()),
            None => "Whether it is signed was not looked at: no --policy was given.".to_string(),
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
    use model::audit::note::{SignatureKind, SignerKey};

    fn note(chain: &Chain, log: &SignerKey) -> String {
        let origin = log.verifier().name().to_string();
        model::audit::checkpoint::Checkpoint { origin, size: chain.size(), root: chain.root() }.signed(log).to_string()
    }

    #[test]
    fn t09_a_log_that_was_rewritten_whole_verifies_by_itself_and_not_by_a_policy() {
        let dir = tempfile::tempdir().expect("directory");
        let key = |seed| SignerKey::new("log.example", SignatureKind::Log, &[seed; 32]).expect("named");
        let trust = Trust::of_log(key(1).verifier());
        for (seed, believed) in [(1, true), (2, false)] {
            let out = dir.path().join(format!("out-{seed}"));
            let (mut writer, mut chain) = (directory::Writer::create(&out).expect("creates"), Chain::default());
            for leaf in log(4 + seed) {
                chain.push(&leaf).expect("holds");
                writer.push(&leaf).expect("writes");
            }
            writer.finish(("c".into(), "audit-0".into()), &chain, &note(&chain, &key(seed as u8))).expect("finishes");
            assert!(offline(&out, None, None).expect("verifies by itself").to_text().contains("was not looked at"));
            match offline(&out, None, Some(&trust)) {
                Ok(verified) => assert_eq!((believed, verified.signed.map(|signed| signed.size)), (true, Some(5))),
                Err(error) => assert!(!believed && matches!(error, CliError::Verification(_)), "{error}"),
            }
        }
    }

    #[test]
    fn an_export_that_is_consistent_in_itself_and_not_with_what_was_seen_is_found() {
        let dir = tempfile::tempdir().expect("directory");
        let (out, state) = (dir.path().join("out"), dir.path().join("state"));
        let key = SignerKey::new("log.example", SignatureKind::Log, &[1; 32]).expect("named");
        let (mut writer, mut chain) = (directory::Writer::create(&out).expect("creates"), Chain::watching(Some(2)));
        for leaf in log(4) {
            chain.push(&leaf).expect("holds");
            writer.push(&leaf).expect("writes");
        }
        writer.finish(("c".into(), "audit-0".into()), &chain, &note(&chain, &key)).expect("finishes");
        let mut remembered = Remembered::read(&state).expect("reads");
        let root = chain.root_at(2).expect("reached");
        remembered.put("c", "audit-0", Checkpoint { size: 2, root }).expect("writes");
        let verified = offline(&out, Some(&state), None).expect("verifies");
        assert_eq!((verified.size, verified.consistent_with.map(|earlier| earlier.size)), (4, Some(2)));
        assert!(!verified.older_than_remembered);
        remembered.put("c", "audit-0", Checkpoint { size: 2, root: [0; 32] }).expect("writes");
        assert!(matches!(offline(&out, Some(&state), None), Err(CliError::Verification(_))));
        assert_eq!(hash(&hex(&root)), Some(root));
        // What was seen later is not in the export, so it says nothing about it.
        remembered.put("c", "audit-0", Checkpoint { size: 9, root: [0; 32] }).expect("writes");
        let older = offline(&out, Some(&state), None).expect("verifies by itself");
        assert!(older.to_text().contains("older than the checkpoint of 9 leaves"), "{}", older.to_text());
        let json = crate::output::json(&older).expect("encodes");
        assert!(
            json.contains(r#""consistent_with":null,"older_than_remembered":true,"payloads_destroyed":0}"#),
            "{json}"
        );
    }
}
