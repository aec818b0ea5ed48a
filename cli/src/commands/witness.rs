//! `witness`: watches audit logs of others.

use std::path::PathBuf;
use std::sync::Arc;

use model::audit::note::VerifierKey;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::context::Globals;
use crate::error::CliError;
use crate::system::SystemEntropy;
use crate::witness::{Witness, serve};

pub const HELP: &str = "\
Run it where the cluster's operators cannot write: at an inspector's, an inspector general's, a partner agency's. It keeps the newest
checkpoint of each log in DIR and cosigns the next one only where it is shown that the log grew out of it, so a log that was
rewritten, forked or turned back to an old backup gets no cosignature (C2SP tlog-witness; any log of that format will do).

The cluster finds it by a line `witness NAME KEY http://HOST:PORT` in the file of `portcullis-node --witnesses`, and auditors by the
same line in their policy. The log's key is what `portcullis audit checkpoint` shows. Requests are signed by the log and answers by
the witness, so HTTP is enough; put what you like before it.

JSON, once it listens: {\"name\",\"key\",\"address\",\"logs\"}. Exit codes as of every command.

Examples:
  portcullis witness --dir /var/lib/witness --name witness.example.gov --show-key
  portcullis witness --dir /var/lib/witness --name witness.example.gov --listen 0.0.0.0:7300 \\
    --log portcullis/0123.../audit-0+1a2b3c4d+AX...";

/// Flags of `witness`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What it keeps: its key, and what it saw last of each log. It is made if it is not there.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Its name, best a domain of its own without a scheme; for good.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Where it listens.
    #[arg(long, value_name = "HOST:PORT", required_unless_present = "show_key")]
    listen: Option<String>,
    /// The key of a log that it watches; may be given several times.
    #[arg(long, value_name = "KEY", required_unless_present = "show_key")]
    log: Vec<String>,
    /// Make its key if there is none yet, show it, and end.
    #[arg(long, conflicts_with_all = ["listen", "log"])]
    show_key: bool,
}

#[derive(Serialize)]
struct Told {
    name: String,
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    logs: Vec<String>,
}

/// Runs it until a signal ends it.
pub async fn run(globals: &Globals, args: Args) -> Result<(), CliError> {
    let parse =
        |text: &String| VerifierKey::parse(text).map_err(|error| CliError::flag("--log", format!("{text}: {error}")));
    let logs = args.log.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    let entropy = SystemEntropy::open().map_err(|error| CliError::io("randomness", error))?;
    let witness = Arc::new(Witness::open(&args.dir, &args.name, logs.clone(), &entropy)?);
    let mut told = Told {
        name: args.name,
        key: witness.key().to_string(),
        address: None,
        logs: logs.iter().map(|log| log.name().to_string()).collect(),
    };
    let Some(listen) = args.listen else {
        return globals.output.show(&told, |told| told.key.clone());
    };
    let listener = TcpListener::bind(&listen).await.map_err(|error| CliError::io(&listen, error))?;
    told.address = listener.local_addr().ok().map(|address| address.to_string());
    globals.output.show(&told, |told| {
        format!(
            "witness {} listens on {} and watches {}",
            told.key,
            told.address.as_deref().unwrap_or(&listen),
            told.logs.join(", ")
        )
    })?;
    let on = |kind| signal(kind).map_err(|error| CliError::io("signals", error));
    let (mut interrupt, mut terminate) = (on(SignalKind::interrupt())?, on(SignalKind::terminate())?);
    tokio::select! {
        served = serve(listener, witness) => served,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}
