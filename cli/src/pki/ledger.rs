//! The ledger of an authority: what it issued, to whom, until when, and what it revoked.

use std::path::Path;

use model::certificate::CertificateName;
use model::ids::ClusterId;
use model::time::UnixMillis;
use serde::{Deserialize, Serialize};

use crate::error::CliError;
use crate::files::write_atomically;

const FORMAT: u32 = 1;

/// The ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    format: u32,
    pub cluster: ClusterId,
    /// The number of the newest revocation list.
    pub list_number: u64,
    pub issued: Vec<Issued>,
}

/// A certificate that was issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issued {
    /// Hexadecimal.
    pub serial: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    pub not_after: UnixMillis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<UnixMillis>,
}

impl Ledger {
    /// An empty one.
    pub fn new(cluster: ClusterId) -> Self {
        Self { format: FORMAT, cluster, list_number: 0, issued: Vec::new() }
    }

    /// Reads a ledger.
    pub fn read(path: &Path) -> Result<Self, CliError> {
        let text = std::fs::read_to_string(path).map_err(|error| CliError::path(path, error))?;
        let bad = |reason: String| CliError::Failed(format!("{}: {reason}", path.display()));
        let ledger: Self = serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
        if ledger.format != FORMAT {
            return Err(bad(format!("has format {}, this program reads {FORMAT}", ledger.format)));
        }
        Ok(ledger)
    }

    /// Writes it down.
    pub fn write(&self, path: &Path) -> Result<(), CliError> {
        write_atomically(path, (crate::output::json(self)? + "\n").as_bytes())
    }

    /// What is good under a name at a time.
    pub fn good(&self, name: &CertificateName, now: UnixMillis) -> Option<&Issued> {
        self.of(name).find(|issued| issued.revoked.is_none() && now < issued.not_after)
    }

    /// The newest that was issued under a name, good or not.
    pub fn newest(&self, name: &CertificateName) -> Option<&Issued> {
        self.of(name).last()
    }

    fn of(&self, name: &CertificateName) -> impl Iterator<Item = &Issued> {
        let name = name.to_string();
        self.issued.iter().filter(move |issued| issued.name == name)
    }

    /// Marks what has this serial number, or a name that is this or ends with it (`user/officer`), and is not revoked yet.
    pub fn revoke(&mut self, what: &str, now: UnixMillis) -> Vec<Issued> {
        let ending = format!("/{what}");
        let meant = |issued: &Issued| issued.serial == what || issued.name == what || issued.name.ends_with(&ending);
        let open = self.issued.iter_mut().filter(|issued| issued.revoked.is_none() && meant(issued));
        open.map(|issued| {
            issued.revoked = Some(now);
            issued.clone()
        })
        .collect()
    }
}
