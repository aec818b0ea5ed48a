//! `audit checkpoint`: what the log has published of itself.

use client::v1;
use model::access::function::Function;
use model::audit::checkpoint::Checkpoint;
use model::audit::note::Note;
use serde::Serialize;

use crate::audit::{hex, policy};
use crate::context::Globals;
use crate::error::CliError;

#[derive(Serialize)]
struct Published {
    group: String,
    /// The log's public key, for policies and witnesses.
    key: String,
    latest: Option<Shown>,
    /// The newest that a witness cosigned.
    witnessed: Option<Shown>,
    /// The size at which the replicas were found to have no common log.
    split_at: Option<u64>,
}

#[derive(Serialize)]
struct Shown {
    size: u64,
    root: String,
    /// The names of the keys that signed it; who they are is for a policy to say.
    signed_by: Vec<String>,
    /// Whether the policy, if there is one, believes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    believed: Option<bool>,
    note: String,
}

/// Shows it.
pub async fn run(globals: &Globals, group: &str, named: Option<&std::path::Path>) -> Result<(), CliError> {
    let trust = policy::chosen(globals, named)?;
    let client = globals.client_for(Function::AuditRead)?;
    let answer = client.published(v1::PublishedRequest { group: group.to_string() }).await?;
    let shown = |text: String| -> Result<Option<Shown>, CliError> {
        if text.is_empty() {
            return Ok(None);
        }
        let wrong = |reason: String| CliError::Verification(format!("the checkpoint of {group}: {reason}"));
        let note = Note::parse(text.as_bytes()).map_err(|error| wrong(error.to_string()))?;
        let checkpoint = Checkpoint::parse(&note.text).map_err(|error| wrong(error.to_string()))?;
        let believed = trust.as_ref().map(|trust| trust.check(&note).is_ok());
        let signed_by = note.signatures.iter().map(|signature| signature.name.clone()).collect();
        Ok(Some(Shown { size: checkpoint.size, root: hex(&checkpoint.root), signed_by, believed, note: text }))
    };
    let published = Published {
        group: answer.group,
        key: answer.key,
        latest: shown(answer.latest)?,
        witnessed: shown(answer.witnessed)?,
        split_at: answer.split_at,
    };
    globals.output.show(&published, Published::to_text)
}

impl Published {
    fn to_text(&self) -> String {
        let mut text = format!("{}: key {}\n", self.group, self.key);
        for (what, shown) in [("newest", &self.latest), ("witnessed", &self.witnessed)] {
            text.push_str(&match shown {
                None => format!("\n{what}: none yet\n"),
                Some(shown) => {
                    let believed = match shown.believed {
                        None => "",
                        Some(true) => ", believed by the policy",
                        Some(false) => ", NOT believed by the policy",
                    };
                    format!("\n{what}: {} leaves{believed}\n{}", shown.size, shown.note)
                }
            });
        }
        if let Some(size) = self.split_at {
            text.push_str(&format!(
                "\nSPLIT at {size} leaves: the replicas have no common log, and it grows no more.\n"
            ));
        }
        text
    }
}
