//! Starts the nodes, waits until they serve, notices when one ends, restarts and adds nodes on request, stops them all.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use client::ErrorKind;
use model::error::RefusalCode;
use model::time::Clock;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use super::control::{Asked, Reply, Request};
use super::layout::{Dir, Layout, NodeLayout};
use super::node::{Exited, Running, arguments, log_tail};
use super::people::founding;
use super::probe::is_ready;
use super::ready::{Ready, ReadyNode};
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Output, note};
use crate::system::{SystemClock, SystemEntropy};
use crate::witness::{Witness, serve};

/// How often a starting cluster is asked whether it serves.
const PROBE_EVERY: Duration = Duration::from_millis(100);
/// Pauses before a node that ended is started again.
const RESTART_PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(8));
/// A node that ran so long has not failed at once.
const RAN_LONG: Duration = Duration::from_secs(10);

/// The end of a killed process is heard within this time; how often it is looked for.
const REAP: (Duration, Duration) = (Duration::from_secs(3), Duration::from_millis(20));

/// What a playground is started with.
pub struct Settings {
    pub dir: Dir,
    pub layout: Layout,
    /// The cluster is new: a node that ends before it ever served is an error.
    pub fresh: bool,
    pub program: PathBuf,
    pub control: PathBuf,
    pub ready_file: Option<PathBuf>,
    pub ready_within: Duration,
    pub restart: bool,
    pub output: Output,
    pub entropy: SystemEntropy,
    /// They listen where the layout says, in its order.
    pub witnesses: Vec<Arc<Witness>>,
}

/// A playground that runs.
pub struct Supervisor {
    settings: Settings,
    running: BTreeMap<u64, Running>,
    /// The last process of each node, running or not.
    pids: BTreeMap<u64, u32>,
    pauses: BTreeMap<u64, Duration>,
    generation: u64,
    serves: bool,
    exited: mpsc::UnboundedSender<Exited>,
    restarts: mpsc::UnboundedSender<u64>,
    again: mpsc::UnboundedSender<Waiting>,
}

/// A request, and when it came.
struct Waiting {
    request: Request,
    reply: oneshot::Sender<Reply>,
    since: Instant,
}

struct Signals([Signal; 3]);

impl Signals {
    fn new() -> Result<Self, CliError> {
        let on = |kind| signal(kind).map_err(|error| CliError::io("signals", error));
        Ok(Self([on(SignalKind::interrupt())?, on(SignalKind::terminate())?, on(SignalKind::hangup())?]))
    }

    async fn any(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// Runs a playground until a signal ends it.
pub async fn run(settings: Settings, mut requests: mpsc::Receiver<Asked>) -> Result<(), CliError> {
    let mut signals = Signals::new()?;
    let (exited, mut exits) = mpsc::unbounded_channel();
    let (restarts, mut due) = mpsc::unbounded_channel();
    let (again, mut waiting) = mpsc::unbounded_channel();
    let mut playground = Supervisor {
        settings,
        running: BTreeMap::new(),
        pids: BTreeMap::new(),
        pauses: BTreeMap::new(),
        generation: 0,
        serves: false,
        exited,
        restarts,
        again,
    };
    playground.remove_ready_file();
    let started = Instant::now();
    let witnesses = playground.start_witnesses().await;
    let mut result = witnesses.and_then(|()| playground.start_all());
    let mut probe = tokio::time::interval(PROBE_EVERY);
    probe.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while result.is_ok() {
        result = tokio::select! {
            () = signals.any() => break,
            Some(exit) = exits.recv() => playground.ended(exit),
            Some(id) = due.recv() => { playground.restart_by_itself(id); Ok(()) }
            Some((request, reply)) = requests.recv() => {
                playground.meet(Waiting { request, reply, since: Instant::now() });
                Ok(())
            }
            Some(waiting) = waiting.recv() => { playground.meet(waiting); Ok(()) }
            _ = probe.tick(), if !playground.serves => playground.check(started).await,
        };
    }
    playground.remove_ready_file();
    playground.stop_all(&mut exits).await;
    result
}

impl Supervisor {
    /// The witnesses run in this process, as tasks that end with it.
    async fn start_witnesses(&self) -> Result<(), CliError> {
        for (witness, address) in self.settings.witnesses.iter().zip(&self.settings.layout.witnesses) {
            let listener = TcpListener::bind(address).await.map_err(|error| CliError::io(address, error))?;
            let (witness, address) = (witness.clone(), address.clone());
            tokio::spawn(async move {
                if let Err(error) = serve(listener, witness).await {
                    note(format!("the witness at {address} ended: {error}"));
                }
            });
        }
        Ok(())
    }

    fn start_all(&mut self) -> Result<(), CliError> {
        for node in self.settings.layout.nodes.clone() {
            self.start(&node)?;
        }
        Ok(())
    }

    fn start(&mut self, node: &NodeLayout) -> Result<u32, CliError> {
        let Settings { dir, layout, program, .. } = &self.settings;
        let join = node.joined.then(|| {
            // Any node of the cluster will do; one that runs answers at once.
            let others = || layout.nodes.iter().filter(|other| other.id != node.id && !other.joined);
            let other = others().find(|other| self.running.contains_key(&other.id)).or_else(|| others().next());
            other.map(|other| other.grpc.clone()).unwrap_or_default()
        });
        let arguments = arguments(dir, layout, node, join.as_deref());
        self.generation += 1;
        let running =
            Running::start(program, &arguments, &dir.log(node.id), (node.id, self.generation), self.exited.clone())?;
        let pid = running.pid;
        self.pids.insert(node.id, pid);
        self.running.insert(node.id, running);
        Ok(pid)
    }

    /// A node's process ended, and nobody here asked it to.
    fn ended(&mut self, exit: Exited) -> Result<(), CliError> {
        let Exited { id, generation, how } = exit;
        let Some(running) = self.running.get(&id).filter(|running| running.generation == generation) else {
            return Ok(());
        };
        let (pid, from, ran) = (running.pid, running.log_from, running.started.elapsed());
        self.running.remove(&id);
        let log = self.settings.dir.log(id);
        let said = log_tail(&log, from);
        let report = format!("node {id} (pid {pid}) ended: {how}; log: {}\n{said}", log.display());
        if !self.serves && (self.settings.fresh || self.running.is_empty()) {
            return Err(CliError::Failed(report.trim_end().to_string()));
        }
        note(report.trim_end());
        if self.settings.restart {
            let pause = self.pauses.entry(id).or_insert(RESTART_PAUSE.0);
            if ran >= RAN_LONG {
                *pause = RESTART_PAUSE.0;
            }
            let (restarts, wait) = (self.restarts.clone(), *pause);
            *pause = (*pause * 2).min(RESTART_PAUSE.1);
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                let _ = restarts.send(id);
            });
        } else {
            note(format!("the others go on; `portcullis playground restart-node {id}` starts it again"));
        }
        Ok(())
    }

    fn restart_by_itself(&mut self, id: u64) {
        if self.running.contains_key(&id) {
            return;
        }
        match self.restart(id) {
            Ok(_) => note(format!("node {id} is started again")),
            Err(error) => note(format!("node {id} is not started again: {error}")),
        }
    }

    /// Answers a request. A node that is to be restarted may be dying, which is heard a moment after it was killed.
    fn meet(&mut self, waiting: Waiting) {
        let Waiting { request, reply, since } = &waiting;
        let runs = matches!(request, Request::RestartNode { id } if self.running.contains_key(id));
        if runs && since.elapsed() < REAP.0 && !reply.is_closed() {
            let again = self.again.clone();
            tokio::spawn(async move {
                tokio::time::sleep(REAP.1).await;
                let _ = again.send(waiting);
            });
            return;
        }
        let answer = self.answer(waiting.request);
        // Whoever asked may have hung up; what was asked is done all the same.
        let _ = waiting.reply.send(answer);
    }

    fn answer(&mut self, request: Request) -> Reply {
        let done = match request {
            Request::RestartNode { id } => self.restart(id),
            Request::AddNode { id } => self.add(id),
        };
        done.unwrap_or_else(|error| Reply::Error(error.to_string()))
    }

    fn restart(&mut self, id: u64) -> Result<Reply, CliError> {
        if let Some(running) = self.running.get(&id) {
            return Err(CliError::Failed(format!("node {id} is running (pid {})", running.pid)));
        }
        let Some(node) = self.settings.layout.node(id).cloned() else {
            let ids: Vec<String> = self.settings.layout.nodes.iter().map(|node| node.id.to_string()).collect();
            return Err(CliError::Failed(format!("there is no node {id}; nodes are {}", ids.join(", "))));
        };
        let pid = self.start(&node)?;
        self.write_ready_file();
        Ok(Reply::started(ReadyNode::new(&node, Some(pid)), pid))
    }

    fn add(&mut self, id: u64) -> Result<Reply, CliError> {
        if id == 0 || self.settings.layout.node(id).is_some() {
            return Err(CliError::Failed(format!("node {id} exists or is no number of a node; give a new one")));
        }
        let entropy = self.settings.entropy;
        let node = self.settings.layout.add(id, &entropy)?;
        self.settings.layout.save(&self.settings.dir)?;
        let Settings { dir, layout, control, .. } = &self.settings;
        let authority = layout.authority(dir, SystemClock.now(), &entropy)?;
        layout.write_contexts(dir, &authority, control)?;
        let pid = self.start(&node)?;
        self.write_ready_file();
        Ok(Reply::started(ReadyNode::new(&node, Some(pid)), pid))
    }

    /// Whether every node that runs serves now; a node that was added waits to be taken in and is not waited for.
    async fn check(&mut self, started: Instant) -> Result<(), CliError> {
        let nodes = self.settings.layout.nodes.iter().filter(|node| self.running.contains_key(&node.id));
        let nodes: Vec<NodeLayout> = nodes.filter(|node| !node.joined).cloned().collect();
        let probes = nodes.iter().map(|node| is_ready(&node.http));
        let ready = futures_util::future::join_all(probes).await;
        if !nodes.is_empty() && ready.iter().all(|ready| *ready) {
            if !self.found().await? {
                return self.late(started, Vec::new());
            }
            self.serves = true;
            self.write_ready_file();
            // The nodes serve, whether or not anybody reads that they do.
            if let Err(error) = self.settings.output.show(&self.ready(), Ready::to_text) {
                note(format!("the playground serves, which could not be said: {error}"));
            }
            return Ok(());
        }
        let late = nodes.iter().zip(ready).filter(|(_, ready)| !ready);
        let late: Vec<String> =
            late.map(|(node, _)| format!("node {} ({})", node.id, self.settings.dir.log(node.id).display())).collect();
        self.late(started, late)
    }

    /// Holds the founding ceremony of a new cluster; whether it was held, now or before. No leader yet is no error.
    async fn found(&self) -> Result<bool, CliError> {
        let Settings { dir, layout, .. } = &self.settings;
        if layout.plain_text {
            return Ok(true);
        }
        let secret = std::fs::read_to_string(dir.founding_secret())
            .map_err(|error| CliError::path(&dir.founding_secret(), error))?;
        let founding = founding(layout.cluster_id, SystemClock.now())?;
        let client = Context::read(&dir.context())?.client(&dir.context())?;
        match client.found(founding.to_message(secret.trim().as_bytes())).await {
            Ok(_) => Ok(true),
            Err(error) if error.code == RefusalCode::AlreadyInitialised.code() => Ok(true),
            Err(error) if matches!(error.kind, ErrorKind::Unavailable) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn late(&self, started: Instant, late: Vec<String>) -> Result<(), CliError> {
        if started.elapsed() < self.settings.ready_within {
            return Ok(());
        }
        let within = self.settings.ready_within.as_secs();
        Err(CliError::Failed(format!("not ready within {within} s: {}", late.join(", "))))
    }

    fn ready(&self) -> Ready {
        let nodes = self.settings.layout.nodes.iter();
        Ready {
            context: self.settings.dir.context(),
            nodes: nodes.map(|node| ReadyNode::new(node, self.pids.get(&node.id).copied())).collect(),
        }
    }

    /// What was done stands when the file cannot be written.
    fn write_ready_file(&self) {
        if let Some(path) = &self.settings.ready_file
            && self.serves
            && let Err(error) = self.ready().write(path)
        {
            note(format!("the ready file is not up to date: {error}"));
        }
    }

    fn remove_ready_file(&self) {
        if let Some(path) = &self.settings.ready_file
            && let Err(error) = std::fs::remove_file(path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            note(CliError::path(path, error));
        }
    }

    /// Asks every node to end and waits: each is killed when it takes too long, so this ends.
    async fn stop_all(&mut self, exits: &mut mpsc::UnboundedReceiver<Exited>) {
        let running = std::mem::take(&mut self.running);
        let mut left: BTreeMap<u64, u64> = running.iter().map(|(id, running)| (*id, running.generation)).collect();
        running.into_values().for_each(Running::stop);
        while !left.is_empty() {
            let Some(exit) = exits.recv().await else { break };
            if left.get(&exit.id) == Some(&exit.generation) {
                left.remove(&exit.id);
            }
        }
    }
}

#[cfg(test)]
#[path = "supervisor_test.rs"]
mod tests;
