//! A node's process: started with its command line, watched until it ends, asked to end by closing its stdin.
//!
//! The node runs with `--exit-with-stdin`, so it also ends when the playground itself is killed.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};

use super::layout::{Dir, Layout, NodeLayout};
use crate::error::CliError;

/// A node that was asked to end and has not by then is killed.
const STOP_MAX: Duration = Duration::from_secs(15);

/// A process that runs.
#[derive(Debug)]
pub struct Running {
    pub pid: u32,
    /// Tells this process from an earlier one of the same node.
    pub generation: u64,
    pub started: Instant,
    /// Where its part of the log begins.
    pub log_from: u64,
    stop: oneshot::Sender<()>,
}

/// A process that ended.
#[derive(Debug)]
pub struct Exited {
    pub id: u64,
    pub generation: u64,
    pub how: String,
}

/// The node's program: `PORTCULLIS_NODE`, or beside this one.
pub fn program() -> Result<PathBuf, CliError> {
    let path = match std::env::var_os("PORTCULLIS_NODE") {
        Some(path) => PathBuf::from(path),
        None => {
            let own = std::env::current_exe().map_err(|error| CliError::io("own program", error))?;
            own.with_file_name("portcullis-node")
        }
    };
    if path.is_file() {
        return Ok(path);
    }
    Err(CliError::Failed(format!("{} is missing; build it, or name it by PORTCULLIS_NODE", path.display())))
}

/// The node's command line.
pub fn arguments(dir: &Dir, layout: &Layout, node: &NodeLayout, join: Option<&str>) -> Vec<String> {
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    let mut arguments = vec![
        ("--node-id", node.id.to_string()),
        ("--listen", node.grpc.clone()),
        ("--http", node.http.clone()),
        ("--data-dir", text(dir.node(node.id))),
        ("--key-file", text(dir.key())),
        ("--region", "local".to_string()),
        ("--port-code", format!("PLAY-{}", node.id)),
        ("--rate-factor", layout.rate_factor.to_string()),
    ];
    if !layout.plain_text {
        arguments.extend([
            ("--tls-certificate", text(dir.pki().join(format!("node-{}.pem", node.id)))),
            ("--tls-key", text(dir.pki().join(format!("node-{}.key", node.id)))),
            ("--tls-ca", text(dir.pki().join("ca.pem"))),
            ("--tls-crl", text(dir.pki().join("revoked.pem"))),
        ]);
    }
    if !layout.witnesses.is_empty() {
        let every = "1".to_string();
        arguments.extend([("--witnesses", text(dir.audit_policy())), ("--witness-every", every)]);
    }
    match join {
        Some(address) => arguments.push(("--join", address.to_string())),
        None => arguments.extend([
            ("--cluster-id", layout.cluster_id.to_string()),
            ("--initial-members", layout.initial_members()),
            ("--records-groups", layout.records_groups.to_string()),
            ("--founding-file", text(dir.founding_digest())),
        ]),
    }
    let mut arguments: Vec<String> =
        arguments.into_iter().flat_map(|(flag, value)| [flag.to_string(), value]).collect();
    arguments.extend(layout.plain_text.then(|| "--plain-text".to_string()));
    arguments.push("--exit-with-stdin".to_string());
    arguments
}

impl Running {
    /// Starts a process; `exited` hears when it ends.
    pub fn start(
        program: &Path,
        arguments: &[String],
        log: &Path,
        (id, generation): (u64, u64),
        exited: mpsc::UnboundedSender<Exited>,
    ) -> Result<Self, CliError> {
        if let Some(dir) = log.parent() {
            std::fs::create_dir_all(dir).map_err(|error| CliError::path(dir, error))?;
        }
        let open = || {
            let file = OpenOptions::new().create(true).append(true).open(log)?;
            Ok((file.metadata()?.len(), file.try_clone()?, file))
        };
        let (log_from, out, err) = open().map_err(|error| CliError::path(log, error))?;
        let mut command = Command::new(program);
        // A group of its own: Ctrl-C in the terminal is for the playground, which then ends the nodes in order.
        command.args(arguments).process_group(0).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::from(out)).stderr(Stdio::from(err));
        let child = command.spawn().map_err(|error| CliError::path(program, error))?;
        let pid = child.id().ok_or_else(|| CliError::Failed(format!("node {id} ended at once")))?;
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(async move {
            let how = match watch(child, stopped).await {
                Ok(status) => status.to_string(),
                Err(error) => error.to_string(),
            };
            // Nobody hears it any more when the playground has ended.
            let _ = exited.send(Exited { id, generation, how });
        });
        Ok(Self { pid, generation, started: Instant::now(), log_from, stop })
    }

    /// Asks the process to end.
    pub fn stop(self) {
        let _ = self.stop.send(());
    }
}

async fn watch(mut child: Child, stop: oneshot::Receiver<()>) -> std::io::Result<ExitStatus> {
    // Taken out, since waiting for the child would close it.
    let stdin = child.stdin.take();
    tokio::select! {
        status = child.wait() => return status,
        _ = stop => drop(stdin),
    }
    match tokio::time::timeout(STOP_MAX, child.wait()).await {
        Ok(status) => status,
        Err(_) => {
            child.kill().await?;
            child.wait().await
        }
    }
}

/// The last lines of a log since a position, for whoever wants to know why a node ended.
pub fn log_tail(log: &Path, from: u64) -> String {
    const BYTES: u64 = 4096;
    const LINES: usize = 8;
    let read = || {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(from.max(length.saturating_sub(BYTES))))?;
        let mut bytes = Vec::new();
        file.take(BYTES).read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(LINES).collect();
    lines.into_iter().rev().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_ends_when_its_stdin_closes_and_its_end_is_heard() {
        let dir = tempfile::tempdir().expect("directory");
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let log = dir.path().join("node-1").join("log");
        let script = ["-c".to_string(), "echo up; cat; echo down".to_string()];
        let start = |generation| Running::start(Path::new("/bin/sh"), &script, &log, (1, generation), sender.clone());
        start(1).expect("starts").stop();
        let exited = receiver.recv().await.expect("heard");
        assert_eq!((exited.id, exited.generation), (1, 1));
        assert_eq!(log_tail(&log, 0), "  up\n  down");
        let second = start(2).expect("starts");
        assert_eq!(second.log_from, 8);
        second.stop();
        receiver.recv().await.expect("heard");
        assert_eq!(std::fs::read_to_string(&log).expect("reads"), "up\ndown\nup\ndown\n");
    }
}
