//! A playground: `portcullis playground` on a temporary directory, with real nodes that can be killed.
//!
//! One at a time: the machine may be small, and times are measured. However a test ends, no process stays.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use client::Client;
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Signal, binary, processes_on, runs, send};
use crate::wait::polled;
use crate::{Cli, Context, Disk, Rng, Survives, client_as, client_of, wait_for};

/// Longest start of a cluster.
const START_MAX: Duration = Duration::from_secs(60);
/// Longest graceful stop.
const STOP_MAX: Duration = Duration::from_secs(30);
/// Longest graceful stop where a test has failed already.
const DROP_MAX: Duration = Duration::from_secs(3);
/// A process that was killed is gone by then.
const KILL_MAX: Duration = Duration::from_secs(10);
/// A disk that makes no changes any more is not waited for.
const POWER_OFF_MAX: Duration = Duration::from_secs(2);
/// Deadline of the clients' calls.
const DEADLINE: Duration = Duration::from_secs(10);

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What a playground is started with.
#[derive(Debug, Clone)]
pub struct PlaygroundOptions {
    pub nodes: u64,
    pub records_groups: u16,
    /// Another program for nodes, such as one with flags added.
    pub node_program: Option<PathBuf>,
    /// Nodes whose process ends are started again by the playground itself.
    pub restart: bool,
    /// Times the usual rates of users; 1 is as in production.
    pub rate_factor: Option<u32>,
    /// Each node's directory lies on a disk of its own that forgets what was not synced when its power is cut.
    pub forgetful: bool,
}

impl Default for PlaygroundOptions {
    fn default() -> Self {
        Self { nodes: 3, records_groups: 2, node_program: None, restart: false, rate_factor: None, forgetful: false }
    }
}

/// A node, as the ready file names it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Node {
    pub id: u64,
    pub pid: u32,
    pub grpc: String,
    pub http: String,
}

#[derive(Deserialize)]
struct Ready {
    context: PathBuf,
    nodes: Vec<Node>,
}

/// A playground that runs, or did and may run again on the same directory.
pub struct Playground {
    options: PlaygroundOptions,
    child: Option<Child>,
    /// Of each node in order, or none. Before the directory that they are mounted in, so that they are dropped first.
    disks: Vec<Disk>,
    temp: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Playground {
    /// Starts three nodes with two records groups.
    pub fn start() -> Self {
        Self::start_with(PlaygroundOptions::default())
    }

    /// Starts a cluster.
    pub fn start_with(options: PlaygroundOptions) -> Self {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // Not below TMPDIR: the control socket's path must be short.
        let temp = tempfile::Builder::new().prefix("pct-").tempdir_in("/tmp").expect("a directory");
        let mut playground = Self { options, child: None, disks: Vec::new(), temp, _alone: alone };
        for id in (1..=playground.options.nodes).filter(|_| playground.options.forgetful) {
            std::fs::create_dir_all(playground.node_dir(id)).expect("a directory");
            playground.disks.push(Disk::mount(&playground.node_dir(id)).expect("a file system of ours"));
        }
        playground.start_again();
        playground
    }

    /// Starts the playground that was stopped or killed, on what it left.
    pub fn start_again(&mut self) {
        assert!(self.child.is_none(), "the playground runs");
        let log = std::fs::File::create(self.path("playground.log")).expect("a log");
        let mut command = Command::new(binary("portcullis"));
        command.env_remove("PORTCULLIS_CONTEXT").arg("playground").arg("--nodes").arg(self.options.nodes.to_string());
        command.arg("--data-dir").arg(self.data_dir()).arg("--ready-file").arg(self.ready_file());
        command.arg("--records-groups").arg(self.options.records_groups.to_string());
        if let Some(factor) = self.options.rate_factor {
            command.arg("--rate-factor").arg(factor.to_string());
        }
        if self.options.restart {
            command.arg("--restart");
        }
        match &self.options.node_program {
            Some(program) => command.env("PORTCULLIS_NODE", program),
            None => command.env_remove("PORTCULLIS_NODE"),
        };
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
        self.child = Some(command.spawn().expect("starts"));
        wait_for("the playground serves", START_MAX, || {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().expect("a child"));
            assert!(ended.is_none(), "the playground ended: {ended:?}\n{}", self.said());
            self.ready_file().exists().then_some(())
        });
    }

    /// A path in the test's temporary directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// The same as text.
    pub fn text_path(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }

    /// The cluster's directory.
    pub fn data_dir(&self) -> PathBuf {
        self.path("data")
    }

    /// A node's directory.
    pub fn node_dir(&self, id: u64) -> PathBuf {
        self.data_dir().join(format!("node-{id}"))
    }

    /// A node's log.
    pub fn node_log(&self, id: u64) -> String {
        String::from_utf8_lossy(&std::fs::read(self.node_dir(id).join("log")).expect("a log")).into_owned()
    }

    /// What the playground said.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.path("playground.log")).unwrap_or_default()
    }

    fn ready_file(&self) -> PathBuf {
        self.path("ready.json")
    }

    fn ready(&self) -> Ready {
        let text = std::fs::read_to_string(self.ready_file()).expect("a ready file");
        serde_json::from_str(&text).expect("the form of the contract")
    }

    /// The nodes, by the ready file.
    pub fn nodes(&self) -> Vec<Node> {
        self.ready().nodes
    }

    /// A node, by the ready file.
    pub fn node(&self, id: u64) -> Node {
        self.nodes().into_iter().find(|node| node.id == id).expect("a node of the cluster")
    }

    /// The context of the whole cluster.
    pub fn context(&self) -> Context {
        Context::read(&self.ready().context)
    }

    /// The command line with all endpoints.
    pub fn cli(&self) -> Cli {
        Cli::with_context(&self.ready().context)
    }

    /// The command line of one of the playground's people.
    pub fn cli_as(&self, user: &str) -> Cli {
        Cli::with_context(&self.path(&format!("data/context-{user}.json")))
    }

    /// The command line with one node's endpoint alone.
    pub fn cli_of(&self, id: u64) -> Cli {
        let endpoints = Value::from(vec![self.node(id).grpc]);
        Cli::with_context(&self.context().with(&format!("node-{id}"), "endpoints", endpoints).path)
    }

    /// A client with all endpoints.
    pub fn client(&self) -> Client {
        client_of(self.context().endpoints(), self.context().files(), DEADLINE)
    }

    /// A client of who reads the audit log.
    pub fn auditor(&self) -> Client {
        self.client_as("auditor", "audit")
    }

    /// A client of who looks after the cluster.
    pub fn administrator(&self) -> Client {
        self.client_as("administrator", "administration")
    }

    fn client_as(&self, user: &str, purpose: &str) -> Client {
        let files = Context::read(&self.path(&format!("data/context-{user}.json"))).files();
        client_as((user, purpose), self.context().endpoints(), files, DEADLINE)
    }

    /// A client with one node's endpoint alone.
    pub fn client_of(&self, id: u64) -> Client {
        client_of(vec![self.node(id).grpc], self.context().files(), DEADLINE)
    }

    /// Kills a node with SIGKILL; the playground notices.
    pub fn kill(&self, id: u64) {
        let node = self.node(id);
        assert!(runs(node.pid), "node {id} (pid {}) does not run", node.pid);
        send(node.pid, Signal::Kill);
        self.disks.iter().for_each(Disk::let_go);
        wait_for("the killed node is gone", KILL_MAX, || (!runs(node.pid)).then_some(()));
    }

    /// Stops a node in order, with SIGTERM; it stays down.
    pub fn stop_node(&self, id: u64) {
        let node = self.node(id);
        send(node.pid, Signal::Terminate);
        wait_for("the node stops", STOP_MAX, || (!runs(node.pid)).then_some(()));
    }

    /// The disk of a node.
    pub fn disk(&self, id: u64) -> &Disk {
        &self.disks[id as usize - 1]
    }

    /// Cuts a node's power after so many more changes on its disk, or when it makes no more, and puts the power back; the
    /// node stays down.
    pub fn cut_power(&self, id: u64, changes: u64, survives: Survives, rng: &mut Rng) {
        let pid = self.node(id).pid;
        self.goes_off(id, changes);
        self.kill(id);
        // It reads the node's log once more and says so: then nobody uses the disk any longer.
        let ended = format!("node {id} (pid {pid}) ended");
        wait_for("the playground hears of it", KILL_MAX, || self.said().contains(&ended).then_some(()));
        self.disk(id).power_on(survives, rng);
    }

    /// Cuts the power of all nodes, when one of them has made so many more changes, and puts it back; all stay down.
    pub fn cut_power_of_all(&mut self, first: u64, changes: u64, survives: Survives, rng: &mut Rng) {
        self.goes_off(first, changes);
        self.disks.iter().for_each(Disk::power_off);
        self.kill_all();
        self.disks.iter().for_each(|disk| disk.power_on(survives, rng));
    }

    fn goes_off(&self, id: u64, changes: u64) {
        let disk = self.disk(id);
        disk.power_off_after(changes);
        polled(POWER_OFF_MAX, || disk.is_off().then_some(()));
        disk.power_off();
    }

    /// Starts a node again that was killed; the ready file must know the new process.
    pub fn restart(&self, id: u64) {
        let id_text = id.to_string();
        // The playground hears of the end of a process a moment after it.
        let ran = wait_for("the node is started again", KILL_MAX, || {
            let ran = self.cli().run(&["playground", "restart-node", &id_text]);
            (!ran.stderr.contains("is running")).then_some(ran)
        });
        let answer = ran.ok().json();
        assert_eq!(answer["id"], id);
        assert_eq!(answer["pid"], self.node(id).pid, "the ready file is up to date");
    }

    /// Waits until a node says over HTTP that it is ready.
    pub fn wait_ready(&self, id: u64) {
        let http = self.node(id).http;
        wait_for(&format!("node {id} is ready"), START_MAX, || (get(&http, "/readyz").0 == 200).then_some(()));
    }

    /// What a node answers over HTTP, with the status code.
    pub fn http(&self, id: u64, path: &str) -> (u16, String) {
        get(&self.node(id).http, path)
    }

    /// The node that leads a group, as soon as one does that runs.
    pub fn leader_of(&self, group: &str) -> u64 {
        wait_for(&format!("{group} has a leader that runs"), START_MAX, || {
            let status = self.cli().json(&["cluster", "status"]);
            let leader = group_of(&status, group)["leader"].as_u64()?;
            runs(self.node(leader).pid).then_some(leader)
        })
    }

    /// How a group stands at a node.
    pub fn group_at(&self, id: u64, group: &str) -> Value {
        group_of(&self.cli_of(id).json(&["cluster", "status"]), group)
    }

    /// Waits until every node has applied all that any of them has of the records: what a local question finds is then the
    /// same everywhere. Whoever writes meanwhile waits in vain.
    pub fn caught_up(&self) {
        self.every_node_has("applied");
    }

    /// Waits until every node's search index covers all that any node has of the records.
    pub fn indexed(&self) {
        self.every_node_has("indexed");
    }

    fn every_node_has(&self, field: &str) {
        let groups: Vec<String> = (0..self.options.records_groups).map(|number| format!("records-{number}")).collect();
        wait_for(&format!("every node has {field} all of the records"), START_MAX, || {
            let nodes = self.nodes();
            let views: Vec<Value> =
                nodes.iter().map(|node| self.cli_of(node.id).json(&["cluster", "status"])).collect();
            let everywhere = groups.iter().all(|group| {
                let number = |view: &Value, field: &str| group_of(view, group)[field].as_u64().expect("a number");
                let end = views.iter().map(|view| number(view, "last_log")).max();
                views.iter().all(|view| Some(number(view, field)) >= end)
            });
            everywhere.then_some(())
        });
    }

    /// Stops the playground as Ctrl-C does: it must end well, and none of its processes may stay.
    pub fn stop(&mut self) {
        let mut child = self.child.take().expect("a playground that runs");
        send(child.id(), Signal::Interrupt);
        let status = wait_for("the playground stops", STOP_MAX, || child.try_wait().expect("a child"));
        assert!(status.success(), "{status}: {}", self.said());
        assert_eq!(processes_on(&self.data_dir()), [0_u32; 0], "processes stayed");
        assert!(!self.ready_file().exists(), "the ready file stayed");
    }

    /// Kills every process at once, as a power cut of all machines would, but for what the kernel holds.
    pub fn kill_all(&mut self) {
        let mut child = self.child.take().expect("a playground that runs");
        let nodes = self.nodes();
        // The nodes first: they would stop in order when the playground is gone.
        nodes.iter().for_each(|node| send(node.pid, Signal::Kill));
        send(child.id(), Signal::Kill);
        self.disks.iter().for_each(Disk::let_go);
        child.wait().expect("a child");
        // One that is ending has no command line any more and may still hold files.
        wait_for("all nodes are gone", KILL_MAX, || nodes.iter().all(|node| !runs(node.pid)).then_some(()));
        wait_for("all processes are gone", KILL_MAX, || processes_on(&self.data_dir()).is_empty().then_some(()));
        std::fs::remove_file(self.ready_file()).expect("a ready file that nobody took back");
    }
}

impl Drop for Playground {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            send(child.id(), Signal::Terminate);
            let within = if std::thread::panicking() { DROP_MAX } else { STOP_MAX };
            polled(within, || child.try_wait().ok().flatten());
            let _ = child.kill();
            let _ = child.wait();
        }
        let left = processes_on(&self.data_dir());
        left.iter().for_each(|pid| send(*pid, Signal::Kill));
        // Their disks are unmounted next, which takes that nobody uses them.
        self.disks.iter().for_each(Disk::let_go);
        polled(DROP_MAX, || left.iter().all(|pid| !runs(*pid)).then_some(()));
        if std::thread::panicking() {
            eprintln!("the playground said: {}", self.said());
            self.report_logs();
        }
    }
}

impl Playground {
    /// The last lines of each node's log, for whoever looks into a failure.
    fn report_logs(&self) {
        for id in 1..=self.options.nodes + 1 {
            let Ok(text) = std::fs::read(self.node_dir(id).join("log")) else { continue };
            let text = String::from_utf8_lossy(&text).into_owned();
            let lines: Vec<&str> = text.lines().rev().take(15).collect();
            eprintln!("node {id}:");
            lines.into_iter().rev().for_each(|line| eprintln!("  {line}"));
        }
    }
}

fn group_of(status: &Value, group: &str) -> Value {
    let groups = status["groups"].as_array().expect("groups");
    groups.iter().find(|one| one["group"] == group).cloned().unwrap_or_else(|| panic!("no group {group}: {status}"))
}

/// Status code and body of `GET`; 0 when nobody answers.
pub fn get(http: &str, path: &str) -> (u16, String) {
    use std::io::{Read, Write};
    let answer = || {
        let mut stream = std::net::TcpStream::connect(http)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n\r\n")?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&bytes).into_owned())
    };
    let answer = answer().unwrap_or_default();
    let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_string());
    (code, body)
}

/// The files of a directory and of those below it.
pub fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

/// Copies a directory, as somebody would who makes a copy of a stopped node.
pub fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => copy_dir(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).expect("copies")),
        }
    }
}
