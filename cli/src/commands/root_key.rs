//! `root-key`: the key under which all others are kept.

use std::path::PathBuf;

use channel::root_key::{self, RootKey};
use model::time::Entropy;

use crate::context::Globals;
use crate::error::CliError;
use crate::files::write_secret;
use crate::system::SystemEntropy;

pub const HELP: &str = "\
Every node of a cluster is given the same root key, for good: the keys of data are wrapped by it, and numbers are found by tokens
that are made with it. Keep a copy apart from all backups of data.

A file holds it in the open, for its owner alone to read; or a key service keeps it, and the file is of no use without the
service. A service is reached by the socket of the plugin that runs beside the node and speaks the KMS v2 API of Kubernetes;
there are plugins for the key services of clouds, for Vault, and for PKCS#11 tokens. It is asked once, when a node starts.

Examples:
  portcullis root-key create --out cluster.key
  portcullis root-key create --out cluster.key --key-service /run/kms/plugin.sock
  portcullis root-key keep cluster.key --out kept.key --key-service /run/kms/plugin.sock
  portcullis-node --key-file kept.key --key-service /run/kms/plugin.sock ...";

/// What is done with it.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Draw a new one.
    Create {
        /// Where it is written; a file that is there already is left alone.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Have it kept by this key service.
        #[arg(long, value_name = "SOCKET")]
        key_service: Option<PathBuf>,
    },
    /// Have a key service keep the key of a file, or keep it under its newest key.
    Keep {
        /// A key file, in the open or kept by the same service.
        file: PathBuf,
        /// Where the kept one is written; a file that is there already is left alone.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[arg(long, value_name = "SOCKET")]
        key_service: PathBuf,
    },
}

/// Does it.
pub async fn run(globals: &Globals, command: Command) -> Result<(), CliError> {
    let failed = |error: root_key::RootKeyError| CliError::io("root key", std::io::Error::other(error.to_string()));
    let (key, out, service) = match command {
        Command::Create { out, key_service } => {
            let mut key = RootKey::default();
            SystemEntropy::open().map_err(|error| CliError::io("randomness", error))?.fill(&mut *key);
            (key, out, key_service)
        }
        Command::Keep { file, out, key_service } => {
            (root_key::read(&file, Some(&key_service)).await.map_err(failed)?, out, Some(key_service))
        }
    };
    match &service {
        None => write_secret(&out, &root_key::in_the_open(&key))?,
        Some(socket) => {
            write_secret(&out, &(root_key::kept_by(&key, socket, root_key::DEADLINE).await.map_err(failed)? + "\n"))?
        }
    }
    let told = serde_json::json!({ "file": out, "kept_by_service": service.is_some() });
    globals.output.show(&told, |_| match service {
        None => format!("{} holds the root key in the open: for its owner alone", out.display()),
        Some(_) => format!("{} is of use with the key service alone", out.display()),
    })
}
