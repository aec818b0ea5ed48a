//! `playground`: a cluster on this machine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use model::time::Clock;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::context::{Context, Globals};
use crate::error::CliError;
use crate::output::note;
use crate::playground::control::{self, Reply, Request};
use crate::playground::layout::{Dir, Layout};
use crate::playground::node;
use crate::playground::supervisor::{self, Settings};
use crate::system::{SystemClock, SystemEntropy};

const NODES_MAX: u64 = 9;
const RECORDS_GROUPS_MAX: u16 = 64;

/// Flags of `playground`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Nodes of a new cluster; 3 if left out.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=NODES_MAX))]
    pub nodes: Option<u64>,
    /// Groups that share the records of a new cluster; 2 if left out.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(RECORDS_GROUPS_MAX)))]
    pub records_groups: Option<u16>,
    /// Where the cluster lives; a temporary directory, removed at the end, if left out.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Written once all groups lead and serve; removed at the end.
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// Of a new cluster: nodes in plain text, without certificates and so without a gate; for comparisons.
    #[arg(long)]
    pub plain_text: bool,
    /// Of a new cluster: times the usual rates of users and agencies; 1,000 if left out, since one of its people stands for many.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rate_factor: Option<u32>,
    /// Start a node again by itself when its process ends.
    #[arg(long)]
    pub restart: bool,
    /// Longest wait for the cluster to serve.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub ready_within: u64,
}

const HELP: &str = r#"Runs until Ctrl-C (or SIGTERM), which stops all nodes in order. A start on the same directory finds everything again. A node
killed from outside stays down until restart-node, or is started again by itself with --restart; the others go on.

The ready file: {"context": "path of a context file", "nodes": [{"id","pid","grpc","http"}]}. Each node's log is
DIR/node-N/log. The node's program is portcullis-node beside this one, or PORTCULLIS_NODE.

Examples:
  portcullis playground --nodes 3 --data-dir /tmp/demo --ready-file /tmp/demo-ready.json
  portcullis --context /tmp/demo/context.json playground restart-node 2"#;

/// What can be asked of a playground that runs.
#[derive(Debug, Clone, Copy, clap::Subcommand)]
pub enum Command {
    /// Start a node again whose process ended; prints {"id","pid"}.
    RestartNode { id: u64 },
    /// Start a further node; `cluster add-node` then takes it in.
    AddNode { id: u64 },
}

#[derive(Serialize)]
struct Restarted {
    id: u64,
    pid: u32,
}

#[derive(Serialize)]
struct Added {
    id: u64,
    pid: u32,
    grpc: String,
    http: String,
}

/// Starts a playground, or asks one that runs.
pub async fn run(globals: &Globals, args: Args) -> Result<(), CliError> {
    match args.command {
        None => start(globals, args).await,
        Some(command) => ask(globals, command).await,
    }
}

async fn ask(globals: &Globals, command: Command) -> Result<(), CliError> {
    let path = globals.context_path()?;
    let playground = Context::read(path)?.playground;
    let control = playground
        .ok_or_else(|| CliError::Usage(format!("{}: is not the context of a playground", path.display())))?
        .control;
    let request = match command {
        Command::RestartNode { id } => Request::RestartNode { id },
        Command::AddNode { id } => Request::AddNode { id },
    };
    match (control::ask(&control, &request).await?, command) {
        (Reply::Started { id, pid, .. }, Command::RestartNode { .. }) => {
            globals.output.show(&Restarted { id, pid }, |node| format!("node {} runs as pid {}", node.id, node.pid))
        }
        (Reply::Started { id, pid, grpc, http }, Command::AddNode { .. }) => {
            globals.output.show(&Added { id, pid, grpc, http }, |node| {
                format!(
                    "node {} runs as pid {}; take it in: portcullis cluster add-node {} {}",
                    node.id, node.pid, node.id, node.grpc
                )
            })
        }
        (Reply::Error(error), _) => Err(CliError::Failed(error)),
    }
}

async fn start(globals: &Globals, args: Args) -> Result<(), CliError> {
    let Args { nodes, records_groups, data_dir, ready_file, plain_text, rate_factor, .. } = args;
    let Args { restart, ready_within, .. } = args;
    let program = node::program()?;
    let entropy = SystemEntropy::open().map_err(|error| CliError::io("randomness", error))?;
    // Kept to the end of this function: then it is removed.
    let temporary = match &data_dir {
        Some(_) => None,
        None => {
            let made = tempfile::Builder::new().prefix("portcullis-").tempdir();
            Some(made.map_err(|error| CliError::io("temporary directory", error))?)
        }
    };
    let path = match (&data_dir, &temporary) {
        (Some(path), _) => path.clone(),
        (None, Some(made)) => made.path().to_path_buf(),
        (None, None) => return Err(CliError::Failed("no directory".to_string())),
    };
    if temporary.is_some() {
        note(format!("data in {} (temporary; --data-dir DIR keeps it)", path.display()));
    }
    std::fs::create_dir_all(&path).map_err(|error| CliError::path(&path, error))?;
    let dir = Dir(path.canonicalize().map_err(|error| CliError::path(&path, error))?);
    refuse_second(&dir).await?;
    let (layout, fresh) = match Layout::read(&dir)? {
        Some(layout) => {
            same("--nodes", nodes, layout.initial().count() as u64)?;
            same("--records-groups", records_groups, layout.records_groups)?;
            same("--rate-factor", rate_factor, layout.rate_factor)?;
            same("--plain-text", plain_text.then_some(true), layout.plain_text)?;
            (layout, false)
        }
        None => {
            let mut layout = Layout::create(&dir, nodes.unwrap_or(3), records_groups.unwrap_or(2), &entropy)?;
            layout.plain_text = plain_text;
            layout.rate_factor = rate_factor.unwrap_or(layout.rate_factor);
            layout.save(&dir)?;
            (layout, true)
        }
    };
    // A socket's path is short; where the directory's is not, the socket lies elsewhere and the context says where.
    let short = match dir.control() {
        Some(_) => None,
        None => {
            let made = tempfile::Builder::new().prefix("portcullis-").tempdir_in("/tmp");
            Some(made.map_err(|error| CliError::io("directory of the control socket", error))?)
        }
    };
    let control = match (dir.control(), &short) {
        (Some(path), _) => path,
        (None, Some(made)) => made.path().join("control.sock"),
        (None, None) => return Err(CliError::Failed("no place for the control socket".to_string())),
    };
    let (sender, requests) = mpsc::channel(8);
    control::serve(&control, sender)?;
    let authority = layout.authority(&dir, SystemClock.now(), &entropy)?;
    layout.write_contexts(&dir, &authority, &control)?;
    let witnesses = layout.witnesses(&dir, &entropy)?;
    let ready_file = ready_file.map(|path| absolute(&path)).transpose()?;
    let result = supervisor::run(
        Settings {
            dir,
            layout,
            fresh,
            program,
            control: control.clone(),
            ready_file,
            ready_within: Duration::from_secs(ready_within),
            restart,
            output: globals.output,
            entropy,
            witnesses,
        },
        requests,
    )
    .await;
    let _ = std::fs::remove_file(&control);
    result
}

fn absolute(path: &Path) -> Result<PathBuf, CliError> {
    std::path::absolute(path).map_err(|error| CliError::path(path, error))
}

/// Two playgrounds on one directory would fight over its nodes.
async fn refuse_second(dir: &Dir) -> Result<(), CliError> {
    if !dir.context().exists() {
        return Ok(());
    }
    match Context::read(&dir.context())?.playground {
        Some(playground) if control::is_running(&playground.control).await => {
            Err(CliError::Failed(format!("a playground runs on {} already", dir.0.display())))
        }
        _ => Ok(()),
    }
}

/// A flag that says something else than what the directory holds is an error, not a wish.
fn same<T: PartialEq + std::fmt::Display>(flag: &str, given: Option<T>, there: T) -> Result<(), CliError> {
    match given {
        Some(given) if given != there => {
            Err(CliError::flag(flag, format!("is {given}, the cluster in the directory has {there}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_must_agree_with_the_directory() {
        assert!(same("--nodes", None, 3).is_ok() && same("--nodes", Some(3), 3).is_ok());
        assert_eq!(same("--nodes", Some(5), 3).expect_err("differs").exit(), crate::error::Exit::Usage);
    }

    #[tokio::test]
    async fn a_playground_that_does_not_run_is_no_obstacle() {
        let temp = tempfile::tempdir().expect("directory");
        let dir = Dir(temp.path().to_path_buf());
        refuse_second(&dir).await.expect("none");
        let entropy = SystemEntropy::open().expect("entropy");
        let layout = Layout::create(&dir, 1, 1, &entropy).expect("creates");
        let control = temp.path().join("control.sock");
        let authority = layout.authority(&dir, SystemClock.now(), &entropy).expect("makes");
        layout.write_contexts(&dir, &authority, &control).expect("writes");
        refuse_second(&dir).await.expect("none runs");
        let (sender, _requests) = mpsc::channel(1);
        control::serve(&control, sender).expect("listens");
        assert!(refuse_second(&dir).await.is_err());
    }
}
