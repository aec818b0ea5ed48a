//! `audit export`: the log as files that anybody can verify without a cluster.

use model::access::function::Function;
use std::path::Path;

use serde::Serialize;

use crate::audit::chain::Chain;
use crate::audit::directory::Writer;
use crate::commands::audit::leaves;
use crate::commands::audit_replicas::{checkpoint, size_now};
use crate::context::Globals;
use crate::error::CliError;
use crate::progress::Progress;

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
    let size = size_now(&client, group, 0).await?;
    let now = checkpoint(&client, group, size, None).await?;
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
    let manifest = writer.finish(cluster, group.to_string(), &chain)?;
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
