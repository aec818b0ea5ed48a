//! `audit prove`: one event, with the proof that it stands in the log, as files that convince somebody who has neither cluster nor
//! export.

use std::path::{Path, PathBuf};

use client::v1;
use model::access::function::Function;
use model::audit::checkpoint::Checkpoint;
use model::audit::merkle::{Hash, check_inclusion, inclusion_proof, leaf_hash};
use model::audit::note::Note;
use model::audit::proof::Proof;
use serde::Serialize;

use crate::audit::chain::{RawLeaf, check_leaf};
use crate::audit::{directory, hash, policy};
use crate::context::Globals;
use crate::error::CliError;
use crate::files::write_atomically;

/// Flags of `audit prove`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// The audit group.
    #[arg(long, default_value = "audit-0", conflicts_with = "dir")]
    group: model::ids::GroupId,
    /// The receipt that came with an answer.
    #[arg(long, value_name = "RECEIPT", required_unless_present = "index", conflicts_with = "index")]
    receipt: Option<String>,
    /// The event's position in the log.
    #[arg(long, value_name = "N")]
    index: Option<u64>,
    /// Take it from this export, without a cluster.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Where the files are written; the directory is made.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

const HELP: &str = "\
Writes event.cbor, the event as the log's tree holds it; event.tlog-proof, its place in the tree with the signed checkpoint (C2SP
tlog-proof); and payload.sealed, the sealed part that the event commits to by its digest. Whoever has these and the keys of the log
and its witnesses needs nothing else:

  portcullis audit verify --proof event.tlog-proof --event event.cbor --policy audit.policy

JSON: {\"index\",\"size\",\"event\",\"proof\",\"payload\"}.";

#[derive(Serialize)]
struct Proven {
    index: u64,
    size: u64,
    event: PathBuf,
    proof: PathBuf,
    payload: PathBuf,
}

/// Writes the files.
pub async fn run(globals: &Globals, args: Args) -> Result<(), CliError> {
    let (raw, proof) = match &args.dir {
        Some(dir) => offline(dir, &args)?,
        None => online(globals, &args).await?,
    };
    check_leaf(&raw).map_err(|error| CliError::Verification(error.to_string()))?;
    let asked_for = match (&args.receipt, args.index) {
        (Some(receipt), _) => hash(receipt) == Some(leaf_hash(&raw.leaf)),
        (None, index) => index == Some(raw.index),
    };
    if !asked_for || proof.index != raw.index {
        return Err(CliError::Verification("the log gave another event than was asked for".into()));
    }
    // What is written is what convinces: it is checked as its reader will, as far as the policy is known here.
    let size = match policy::chosen(globals, None)? {
        Some(trust) => {
            let believed = proof.verify(&raw.leaf, &trust);
            believed.map_err(|error| CliError::Verification(error.to_string()))?.checkpoint.size
        }
        None => {
            let wrong = |error: &dyn std::fmt::Display| CliError::Verification(error.to_string());
            let stated = Checkpoint::parse(&proof.checkpoint.text).map_err(|error| wrong(&error))?;
            check_inclusion(leaf_hash(&raw.leaf), raw.index, stated.size, &proof.path, stated.root)
                .map_err(|error| wrong(&error))?;
            stated.size
        }
    };
    std::fs::create_dir_all(&args.out).map_err(|error| CliError::path(&args.out, error))?;
    let proven = Proven {
        index: raw.index,
        size,
        event: args.out.join("event.cbor"),
        proof: args.out.join("event.tlog-proof"),
        payload: args.out.join("payload.sealed"),
    };
    write_atomically(&proven.event, &raw.leaf)?;
    write_atomically(&proven.payload, &raw.payload)?;
    write_atomically(&proven.proof, proof.to_string().as_bytes())?;
    globals.output.show(&proven, |proven| {
        format!(
            "event {} of a log of {} leaves: {}, {} and {}",
            proven.index,
            proven.size,
            proven.event.display(),
            proven.proof.display(),
            proven.payload.display()
        )
    })
}

async fn online(globals: &Globals, args: &Args) -> Result<(RawLeaf, Proof), CliError> {
    let client = globals.client_for(Function::AuditRead)?;
    let message = v1::ProveRequest {
        group: args.group.to_string(),
        receipt: args.receipt.clone().unwrap_or_default(),
        index: args.index,
    };
    let answer = client.prove_event(message).await?;
    let wrong = |reason: &str| CliError::Verification(format!("the node's proof: {reason}"));
    let path = answer.path.into_iter().map(Hash::try_from).collect::<Result<Vec<_>, _>>();
    let path = path.map_err(|_| wrong("holds what is no SHA-256"))?;
    let checkpoint = Note::parse(answer.checkpoint.as_bytes()).map_err(|error| wrong(&error.to_string()))?;
    let raw = RawLeaf { index: answer.index, leaf: answer.leaf, payload: answer.payload };
    Ok((raw, Proof { index: answer.index, path, checkpoint }))
}

fn offline(dir: &Path, args: &Args) -> Result<(RawLeaf, Proof), CliError> {
    let verified = directory::verify(dir, |_| None)?;
    let size = verified.manifest.size;
    let hashes = directory::leaf_hashes(dir, size)?;
    let index = match (&args.receipt, args.index) {
        (Some(receipt), _) => {
            let receipt = hash(receipt).ok_or_else(|| CliError::flag("--receipt", "expected 64 hexadecimal digits"))?;
            hashes.iter().position(|leaf| *leaf == receipt).map(|index| index as u64)
        }
        (None, index) => index,
    };
    let raw = match index {
        Some(index) => directory::leaf(dir, size, index)?,
        None => None,
    };
    let raw = raw.ok_or_else(|| CliError::Failed(format!("no such event in the export of {size} leaves")))?;
    let mut nodes = std::collections::BTreeMap::new();
    let mut frontier = model::audit::merkle::Frontier::default();
    for leaf in hashes {
        nodes.extend(frontier.append(leaf));
    }
    let path = inclusion_proof(&|node| nodes.get(&node).copied(), raw.index, size)
        .map_err(|error| CliError::Verification(error.to_string()))?;
    Ok((raw.clone(), Proof { index: raw.index, path, checkpoint: verified.checkpoint }))
}
