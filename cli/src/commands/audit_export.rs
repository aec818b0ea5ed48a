//! `audit export`: the log as files that anybody can verify without a cluster.

use model::access::function::Function;
use std::path::Path;
use std::time::{Duration, Instant};

use client::{Client, v1};
use model::audit::checkpoint::Checkpoint;
use model::audit::note::Note;
use serde::Serialize;

use crate::audit::chain::Chain;
use crate::audit::directory::Writer;
use crate::commands::audit::leaves;
use crate::commands::audit_replicas::{checkpoint, size_now};
use crate::context::Globals;
use crate::error::CliError;
use crate::output::note;
use crate::progress::Progress;

/// The log is signed every second as it grows; where it is not within this time, something hinders it.
const SIGNED_MAX: Duration = Duration::from_secs(20);
/// Where witnesses cosign, they are waited for as well, and no longer than this.
const COSIGNED_MAX: Duration = Duration::from_secs(12);
const ASK_AGAIN: Duration = Duration::from_millis(200);
/// Where it says what hinders it.
const WHY: &str = "its nodes say why in portcullis_audit_publish_failures_total";

/// A signed checkpoint that covers what the log holds now, with cosignatures where witnesses give any.
async fn signed(client: &Client, group: &str, wanted: u64) -> Result<Note, CliError> {
    let started = Instant::now();
    let covers = |text: &str| {
        let note = Note::parse(text.as_bytes()).ok()?;
        let checkpoint = Checkpoint::parse(&note.text).ok()?;
        (checkpoint.size >= wanted).then_some(note)
    };
    loop {
        let published = client.published(v1::PublishedRequest { group: group.to_string() }).await?;
        let (cosigned, latest) = (covers(&published.witnessed), covers(&published.latest));
        let witnesses = !published.witnessed.is_empty() && started.elapsed() < COSIGNED_MAX;
        match (cosigned, latest) {
            (Some(note), _) => return Ok(note),
            (None, Some(note)) if !witnesses => return Ok(note),
            _ if started.elapsed() >= SIGNED_MAX => {
                // What is signed is exported in any case: a log that grows no more, or that witnesses disown, is needed most.
                let newest = [published.witnessed, published.latest];
                let newest = newest.iter().filter_map(|text| Note::parse(text.as_bytes()).ok()).next_back();
                let newest =
                    newest.ok_or_else(|| CliError::Failed(format!("{group} has signed no checkpoint yet; {WHY}")))?;
                note(format!(
                    "{group} has {wanted} leaves, and its newest checkpoint does not cover all of them; {WHY}"
                ));
                return Ok(newest);
            }
            _ => tokio::time::sleep(ASK_AGAIN).await,
        }
    }
}

#[derive(Serialize)]
struct Exported {
    group: String,
    size: u64,
    root: String,
    files: usize,
    out: String,
}

/// Exports, verifying what goes out.
pub async fn run(globals: &Globals, group: &str, out: &Path) -> Result<(), CliError> {
    let client = globals.client_for(Function::AuditRead)?;
    let cluster = client.status().await?.cluster_id;
    let wanted = size_now(&client, group, 0).await?;
    let signed = signed(&client, group, wanted).await?;
    let stated = Checkpoint::parse(&signed.text).map_err(|error| CliError::Verification(error.to_string()))?;
    let now = checkpoint(&client, group, stated.size, None).await?;
    if now.root != stated.root {
        return Err(CliError::Verification("the signed checkpoint has another root than the cluster states".into()));
    }
    let (mut writer, mut chain) = (Writer::create(out)?, Chain::default());
    let mut progress = Progress::new("export", now.size);
    leaves(&client, group, now.size, |leaf| {
        chain.push(&leaf).map_err(|error| CliError::Verification(error.to_string()))?;
        progress.set(chain.size(), || format!("{} leaves", chain.size()));
        writer.push(&leaf)
    })
    .await?;
    drop(progress);
    if chain.root() != now.root {
        return Err(CliError::Verification("the stored leaves do not have the root that the cluster states".into()));
    }
    let manifest = writer.finish((cluster, group.to_string()), &chain, &signed.to_string())?;
    let exported = Exported {
        group: manifest.group,
        size: manifest.size,
        root: manifest.root,
        files: manifest.files.len() + 2,
        out: out.display().to_string(),
    };
    globals.output.show(&exported, |exported| {
        format!(
            "{}: {} leaves in {} files, root {}\nVerify offline: portcullis audit verify --dir {}",
            exported.group, exported.size, exported.files, exported.root, exported.out
        )
    })
}
