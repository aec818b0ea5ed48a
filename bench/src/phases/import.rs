//! `import`: a list goes in twice through the command line; the second time nothing changes.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cluster::Cluster;
use crate::error::BenchError;
use crate::output::{figure, table};

/// What the command line says of an import.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Summary {
    pub read: u64,
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub removed: u64,
    pub rejected: u64,
    pub seconds: f64,
}

/// One import.
#[derive(Debug, Serialize)]
pub struct Import {
    pub list: String,
    pub time: &'static str,
    pub summary: Summary,
}

/// Imports a list.
pub async fn import(cluster: &Cluster, format: &str, path: &Path) -> Result<Summary, BenchError> {
    let path = path.to_str().ok_or_else(|| BenchError::read(path.display().to_string(), "is no UTF-8 path"))?;
    cluster.run(&["import", "--format", format, path]).await
}

/// Imports a list a number of times.
pub async fn times(
    cluster: &Cluster,
    list: &str,
    format: &str,
    path: &Path,
    times: &[&'static str],
) -> Result<Vec<Import>, BenchError> {
    let mut imports = Vec::new();
    for time in times {
        let summary = import(cluster, format, path).await?;
        imports.push(Import { list: list.to_string(), time, summary });
    }
    Ok(imports)
}

/// For people.
pub fn to_text(imports: &[Import]) -> String {
    let rows: Vec<_> = imports
        .iter()
        .map(|Import { list, time, summary: s }| {
            let counts = [s.read, s.created, s.updated, s.unchanged, s.removed, s.rejected].map(|n| n.to_string());
            let [read, created, updated, unchanged, removed, rejected] = counts;
            let seconds = figure(s.seconds);
            [format!("{list}, {time}"), read, created, updated, unchanged, removed, rejected, seconds]
        })
        .collect();
    let head = ["list", "read", "created", "updated", "unchanged", "removed", "rejected", "seconds"];
    table("Import through the command line", head, &rows)
}
