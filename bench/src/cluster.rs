//! A cluster: `portcullis playground` on a directory, with real node processes. However a measurement ends, none stays.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::BenchError;
use crate::metrics;
use crate::process::runs_on;
use crate::sys::{Signal, bind_to_us, send};

/// Nodes of a measured cluster.
pub const NODES: usize = 3;
/// Longest start.
const READY_MAX: Duration = Duration::from_secs(120);
/// Longest graceful stop; after it, processes are killed.
const STOP_MAX: Duration = Duration::from_secs(30);
/// Between two looks at a file or a process.
const LOOK: Duration = Duration::from_millis(50);
/// Bytes of the playground's remarks that an error shows.
const REMARKS_SHOWN: usize = 2_000;

/// A node, as the ready file names it.
#[derive(Debug, Clone, Deserialize)]
pub struct Node {
    pub id: u64,
    pub pid: u32,
    pub grpc: String,
    pub http: String,
}

#[derive(Debug, Deserialize)]
struct Ready {
    context: PathBuf,
    nodes: Vec<Node>,
}

/// A cluster that runs until it is stopped or dropped.
pub struct Cluster {
    program: PathBuf,
    dir: PathBuf,
    child: Child,
    context: PathBuf,
    nodes: Vec<Node>,
    plain_text: bool,
}

impl Cluster {
    /// Starts a cluster on a directory that does not exist yet, and waits until all its groups lead and serve.
    /// In plain text it has no certificates, and so no gate.
    pub async fn start(program: &Path, dir: &Path, records_groups: u16, plain_text: bool) -> Result<Self, BenchError> {
        // A cluster that was there before would bring its own records, and the figures would be of something else.
        std::fs::create_dir(dir).map_err(|error| BenchError::path(dir, error))?;
        let dir = dir.canonicalize().map_err(|error| BenchError::path(dir, error))?;
        let remarks = remarks(&dir);
        let log = File::create(&remarks).map_err(|error| BenchError::path(&remarks, error))?;
        let mut command = Command::new(program);
        command.args(["playground", "--nodes", &NODES.to_string(), "--records-groups", &records_groups.to_string()]);
        command.args(plain_text.then_some("--plain-text"));
        command.arg("--data-dir").arg(&dir).arg("--ready-file").arg(ready_file(&dir));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        bind_to_us(&mut command);
        let child = command.spawn().map_err(|error| BenchError::path(program, error))?;
        let (program, context) = (program.to_path_buf(), PathBuf::new());
        let mut cluster = Self { program, dir, child, context, nodes: Vec::new(), plain_text };
        cluster.wait_until_ready().await?;
        Ok(cluster)
    }

    async fn wait_until_ready(&mut self) -> Result<(), BenchError> {
        let until = Instant::now() + READY_MAX;
        while !ready_file(&self.dir).exists() {
            let ended = self.child.try_wait().map_err(|error| BenchError::path(&self.program, error))?;
            if ended.is_some() || Instant::now() > until {
                let how = ended.map_or("was not ready in time".to_string(), |status| format!("ended: {status}"));
                return Err(BenchError::Cluster(format!("the playground {how}; it said:\n{}", self.said())));
            }
            tokio::time::sleep(LOOK).await;
        }
        self.read_ready_file()
    }

    fn read_ready_file(&mut self) -> Result<(), BenchError> {
        let path = ready_file(&self.dir);
        let text = std::fs::read_to_string(&path).map_err(|error| BenchError::path(&path, error))?;
        let ready: Ready = parse(&path.display().to_string(), &text)?;
        (self.context, self.nodes) = (ready.context, ready.nodes);
        Ok(())
    }

    /// The end of what the playground said.
    fn said(&self) -> String {
        let text = std::fs::read_to_string(remarks(&self.dir)).unwrap_or_default();
        let from = text.char_indices().rev().nth(REMARKS_SHOWN).map_or(0, |(at, _)| at);
        text[from..].trim_end().to_string()
    }

    /// The nodes.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The context of the cluster.
    pub fn context(&self) -> &Path {
        &self.context
    }

    /// What one of the playground's people shows, and whom he believes; none in plain text.
    pub fn files(&self, user: &str) -> Option<channel::Files> {
        (!self.plain_text).then(|| self.files_of(&format!("user-{user}")))
    }

    /// The files of a certificate of its authority.
    pub fn files_of(&self, name: &str) -> channel::Files {
        let pki = self.pki();
        channel::Files {
            certificate: pki.join(format!("{name}.pem")),
            key: pki.join(format!("{name}.key")),
            authorities: pki.join("ca.pem"),
            revoked: Vec::new(),
        }
    }

    /// Where its authority lies.
    pub fn pki(&self) -> PathBuf {
        self.dir.join("pki")
    }

    /// Addresses of all nodes, for clients.
    pub fn endpoints(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.grpc.clone()).collect()
    }

    /// Runs a command of the command line on this cluster and reads its JSON answer.
    pub async fn run<T: DeserializeOwned>(&self, arguments: &[&str]) -> Result<T, BenchError> {
        let mut command = tokio::process::Command::new(&self.program);
        command.arg("--context").arg(&self.context).args(["--output", "json"]).args(arguments);
        command.stdin(Stdio::null()).kill_on_drop(true);
        let what = format!("portcullis {}", arguments.join(" "));
        let output = command.output().await.map_err(|error| BenchError::path(&self.program, error))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(BenchError::read(what, format!("{}: {}", output.status, said.trim_end())));
        }
        parse(&what, &String::from_utf8_lossy(&output.stdout))
    }

    /// Kills a node: kill -9, no goodbye.
    pub fn kill(&self, node: &Node) {
        send(node.pid, Signal::Kill);
    }

    /// Starts a node again that was killed, and waits until it serves.
    pub async fn restart(&mut self, id: u64) -> Result<(), BenchError> {
        let until = Instant::now() + READY_MAX;
        // The playground may not have noticed yet that the node is gone.
        let id_text = id.to_string();
        while let Err(error) = self.run::<serde_json::Value>(&["playground", "restart-node", &id_text]).await {
            if Instant::now() > until {
                return Err(error);
            }
            tokio::time::sleep(LOOK * 4).await;
        }
        self.read_ready_file()?;
        let http = self.nodes.iter().find(|node| node.id == id).map(|node| node.http.clone()).unwrap_or_default();
        while !matches!(metrics::get(&http, "/readyz").await, Ok((200, _))) {
            if Instant::now() > until {
                return Err(BenchError::Cluster(format!("node {id} does not serve again after its restart")));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Ends all processes, first by asking.
    fn end(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            send(self.child.id(), Signal::Interrupt);
            let until = Instant::now() + STOP_MAX;
            while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
                std::thread::sleep(LOOK);
            }
        }
        // What follows is for a playground that hung or was killed. Its nodes end by themselves when it is gone, since they
        // hang on its pipe; whoever does not is killed too.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let until = Instant::now() + STOP_MAX;
        for node in &self.nodes {
            while runs_on(node.pid, &self.dir) && Instant::now() < until {
                std::thread::sleep(LOOK);
            }
            if runs_on(node.pid, &self.dir) {
                send(node.pid, Signal::Kill);
            }
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end();
    }
}

fn ready_file(dir: &Path) -> PathBuf {
    dir.join("ready.json")
}

fn remarks(dir: &Path) -> PathBuf {
    dir.join("playground.log")
}

fn parse<T: DeserializeOwned>(place: &str, text: &str) -> Result<T, BenchError> {
    serde_json::from_str(text).map_err(|error| BenchError::read(place, error))
}
