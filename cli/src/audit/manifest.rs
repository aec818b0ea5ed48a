//! What an export directory holds: every file with length and digest, and the log's size and root.
//!
//! The manifest has one canonical form, its serialisation, and `manifest.sha256` holds the digest of that (in the form
//! that `sha256sum -c` reads), so that no byte of any file can change unseen.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::CliError;

/// Name of the manifest.
pub const MANIFEST: &str = "manifest.json";
/// Name of the file with the manifest's digest.
pub const MANIFEST_DIGEST: &str = "manifest.sha256";
const FORMAT: u32 = 2;

/// The content of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    pub cluster_id: String,
    pub group: String,
    pub size: u64,
    pub root: String,
    /// In the order in which they were written.
    pub files: Vec<ExportedFile>,
}

/// A file, by its path below the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedFile {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
}

impl ExportedFile {
    /// A file of this content.
    pub fn new(name: &str, content: &[u8]) -> Self {
        let sha256 = model::ids::to_hex(&Sha256::digest(content));
        Self { name: name.to_string(), bytes: content.len() as u64, sha256 }
    }
}

impl Manifest {
    /// The manifest of an export.
    pub fn new(cluster_id: String, group: String, size: u64, root: String, files: Vec<ExportedFile>) -> Self {
        Self { format: FORMAT, cluster_id, group, size, root, files }
    }

    /// The canonical form.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CliError> {
        Ok((crate::output::json(self)? + "\n").into_bytes())
    }

    /// The content of the digest file.
    pub fn digest_line(bytes: &[u8]) -> String {
        format!("{}  {MANIFEST}\n", model::ids::to_hex(&Sha256::digest(bytes)))
    }

    /// Reads a manifest and checks it against its digest file; returns what is wrong.
    pub fn check(bytes: &[u8], digest: &[u8]) -> Result<Self, String> {
        if digest != Self::digest_line(bytes).as_bytes() {
            return Err(format!("{MANIFEST} does not have the digest that {MANIFEST_DIGEST} states"));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| format!("{MANIFEST}: {error}"))?;
        if manifest.format != FORMAT {
            return Err(format!("{MANIFEST} has format {}, this program reads {FORMAT}", manifest.format));
        }
        if manifest.to_bytes().map_err(|error| error.to_string())? != bytes {
            return Err(format!("{MANIFEST} is not in its canonical form"));
        }
        Ok(manifest)
    }
}
