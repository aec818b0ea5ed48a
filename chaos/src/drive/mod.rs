//! One run of a world: the nodes, the clients and the network, a millisecond at a time, with the faults as they come due.

mod faults;
mod steady;

use faults::Heal;
pub use steady::{STEADY_AFTER_MS, Steady};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use crate::clock::{EPOCH_MS, SeededEntropy, WallClock};
use crate::disk::{Disk, Holds, Left};
use crate::event;
use crate::fault::{Fault, Kind};
use crate::history::History;
use crate::host::{self, Slot};
use crate::oracles::dated::BLIND_MS;
use crate::process::Process;
use crate::rng::{Rng, mix};
use crate::sight::{Sight, Violation};
use crate::trace::Trace;
use crate::wire::{Connections, HostSide, wire};
use crate::workload::operator::{Order, Orders};
use crate::workload::{self, Means, Office};
use crate::world::World;

/// How a node is meant to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meant {
    Up,
    /// Started again then.
    DownUntil(u64),
    /// Its disk is damaged; operators replace it.
    Damaged,
    /// No longer of the cluster.
    Removed,
}

struct NodeHost {
    id: u64,
    process: Process,
    disk: Disk,
    slot: Slot,
    meant: Meant,
    incarnation: u64,
    /// Not a first member: it joins through a member.
    joins: bool,
    stopping: bool,
    /// Its disk was full lately.
    was_full: bool,
    /// What cuts off the snapshot that it receives.
    cut_by_crash: bool,
    /// Until when something was wrong with it.
    disturbed_ms: u64,
    /// When its machine stood still, from and to: it cannot know how much time it missed.
    stood: Vec<(u64, u64)>,
    bridge: Bridge,
}

/// Where the host in turmoil finds its side of the network when it is started again.
type Bridge = Arc<Mutex<Option<HostSide>>>;

/// The result of a run.
pub struct Run {
    pub world: Arc<World>,
    pub trace: Trace,
    pub history: History,
    pub sight: Sight,
    /// Members of each group at the end, and where each live node stands in it.
    pub stands: Vec<Stand>,
    /// By node, the highest values that its queues had.
    pub queues: BTreeMap<u64, BTreeMap<String, f64>>,
    /// By node, how many records its indexes held at the end.
    pub indexes: BTreeMap<u64, BTreeMap<String, f64>>,
    /// Spans of time in which a quorum of every group was well, and had been for a while.
    pub steady: Vec<Steady>,
    /// By node, when its machine stood still, from and to.
    pub stood: BTreeMap<u64, Vec<(u64, u64)>>,
    /// Whether all came right in time, so that the clients went home.
    pub closed: bool,
    pub subjects: Arc<Vec<generator::Subject>>,
    pub travellers: Arc<Vec<generator::Traveller>>,
    pub real_ms: u64,
}

/// How a replica stands at the end.
#[derive(Debug, Clone)]
pub struct Stand {
    pub node: u64,
    pub group: model::ids::GroupId,
    pub status: raft::group::Status,
    pub outbox: usize,
    /// What its state holds.
    pub holds: Holds,
    /// The digest of its state; none where it was damaged on purpose.
    pub digest: Option<u64>,
}

impl Run {
    /// What was broken, so far as it was seen while the run went on.
    pub fn violations(&self) -> Vec<Violation> {
        self.sight.seen().violations.clone()
    }
}

/// Tokio drops what is left of a runtime in an order that depends on task numbers, which count through a whole process: a run
/// begins at the same number, whatever ran before it.
fn align_task_ids() {
    #[allow(clippy::expect_used, reason = "a runtime without threads and sockets has nothing that fails")]
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        loop {
            let task = tokio::spawn(async {});
            let id = task.id().to_string().parse::<u64>().unwrap_or(0);
            drop(task.await);
            if id % 1_024 == 1_023 {
                return;
            }
        }
    });
}

/// Runs a world to its end, or to its first violation.
pub fn run(world: World, trace: Trace) -> Run {
    align_task_ids();
    let begun = std::time::Instant::now();
    let world = Arc::new(world);
    let mut driver = Driver::new(world.clone(), trace);
    let mut sim = turmoil::Builder::new()
        .rng_seed(mix(world.seed, 3))
        .epoch(UNIX_EPOCH + Duration::from_millis(EPOCH_MS))
        .simulation_duration(Duration::from_secs(3_600))
        .tick_duration(Duration::from_millis(1))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(world.latency_ms.0.max(1)))
        .tcp_capacity(65_536)
        .enable_random_order()
        .build();
    driver.begin(&mut sim);
    for now in 0.. {
        driver.step(&mut sim, now);
        if !driver.sight.seen().violations.is_empty() || driver.is_over(now) {
            break;
        }
        if now >= world.end_ms() && driver.closed_ms.is_none() {
            break;
        }
    }
    let stands = driver.stands();
    let queues = driver.nodes.iter().map(|(id, node)| (*id, node.slot.inside().queues.clone())).collect();
    let indexes = driver.nodes.iter().map(|(id, node)| (*id, node.slot.inside().indexes.clone())).collect();
    let stood = driver.nodes.iter().map(|(id, node)| (*id, node.stood.clone())).collect();
    let closed = driver.closed_ms.is_some();
    driver.end();
    let Driver { trace, history, sight, steady, office, .. } = driver;
    drop(sim);
    let real_ms = begun.elapsed().as_millis() as u64;
    let (subjects, travellers) = (office.subjects, office.travellers);
    Run { world, trace, history, sight, stands, queues, indexes, steady, stood, closed, subjects, travellers, real_ms }
}

struct Driver {
    world: Arc<World>,
    trace: Trace,
    history: History,
    sight: Sight,
    office: Office,
    orders: Orders,
    connections: Connections,
    nodes: BTreeMap<u64, NodeHost>,
    clients: Vec<Process>,
    rng: Rng,
    faults: std::collections::VecDeque<Fault>,
    heals: BTreeMap<u64, Vec<Heal>>,
    /// By directed pair of hosts, how many faults keep them apart.
    cuts: BTreeMap<(String, String), u32>,
    /// Nodes that nothing passes to from outside, and until when.
    walls: Vec<(u64, Vec<u64>)>,
    /// Until when something was wrong that is not one node's.
    disturbed_ms: u64,
    steady: Vec<Steady>,
    /// Messages that were in an outbox, to be delivered again.
    posted: Vec<model::outbox::Posted>,
    next_node: u64,
    /// Fewer than a majority of the nodes were well when this was last looked at.
    without_quorum: bool,
    /// When the clients went home.
    closed_ms: Option<u64>,
}

type Sim<'a> = turmoil::Sim<'a>;

fn name(node: u64) -> String {
    format!("node-{node}")
}

impl Driver {
    fn new(world: Arc<World>, trace: Trace) -> Self {
        let history = History::new(trace.clone());
        let sight = Sight::new(trace.clone());
        let office = Office::new(world.clone(), history.clone(), trace.clone());
        let added = world.faults.iter().filter_map(|fault| match fault.kind {
            Kind::AddNode { node, .. } => Some(node + 1),
            _ => None,
        });
        let next_node = added.max().unwrap_or(0).max(world.nodes + 1);
        Self {
            rng: Rng::new(world.seed, 4),
            faults: world.faults.iter().cloned().collect(),
            world,
            trace,
            history,
            sight,
            office,
            orders: Orders::default(),
            connections: Connections::new(),
            nodes: BTreeMap::new(),
            clients: Vec::new(),
            heals: BTreeMap::new(),
            cuts: BTreeMap::new(),
            walls: Vec::new(),
            disturbed_ms: 0,
            steady: Vec::new(),
            posted: Vec::new(),
            next_node,
            without_quorum: false,
            closed_ms: None,
        }
    }

    /// A host in turmoil for a process, whose side of the network is found in the bridge whenever it is started.
    fn host(&self, sim: &mut Sim<'_>, name: &str) -> Bridge {
        let bridge: Bridge = Arc::default();
        let (host, connections, trace, slot) =
            (name.to_string(), self.connections.clone(), self.trace.clone(), bridge.clone());
        sim.host(name, move || {
            let (host, connections, trace, slot) = (host.clone(), connections.clone(), trace.clone(), slot.clone());
            async move {
                let side = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(side) = side {
                    crate::wire::serve(host, side, connections, trace).await;
                }
                // The process is gone; what its sockets still hold goes out.
                std::future::pending::<turmoil::Result>().await
            }
        });
        bridge
    }

    fn begin(&mut self, sim: &mut Sim<'_>) {
        for node in 1..=self.world.nodes {
            self.add_host(sim, node, false);
        }
        let staff = workload::staff(&self.world);
        let operators = [("operators".to_string(), Vec::new())];
        for (number, (name, people)) in staff.into_iter().chain(operators).enumerate() {
            let bridge = self.host(sim, &name);
            let (network, side) = wire();
            *bridge.lock().unwrap_or_else(PoisonError::into_inner) = Some(side);
            sim.bounce(name.as_str());
            let clock = Arc::new(WallClock::default());
            let entropy = SeededEntropy::new(self.world.seed, 2_000 + number as u64);
            let mut process = Process::new(name.clone(), clock.clone());
            let seed = mix(self.world.seed, 3_000 + number as u64);
            let (office, orders) = (self.office.clone(), self.orders.clone());
            let means = Means { network, clock, entropy };
            if people.is_empty() {
                process.start(seed, 1, workload::operator::work(office, orders, means));
            } else {
                process.start(seed, 1, workload::work(office, people, means));
            }
            self.clients.push(process);
        }
        let nodes: Vec<u64> = self.nodes.keys().copied().collect();
        self.set_latencies(sim);
        for node in nodes {
            self.start(sim, node);
        }
    }

    fn add_host(&mut self, sim: &mut Sim<'_>, id: u64, joins: bool) {
        let bridge = self.host(sim, &name(id));
        let clock = Arc::new(WallClock::default());
        let mut process = Process::new(name(id), clock.clone());
        if let Some((drift, ahead)) = self.world.clocks.get(id as usize - 1) {
            process.set_drift_ppm(*drift);
            clock.jump_ms(*ahead);
        }
        let disk = Disk::new(id, Rng::new(self.world.seed, 100 + id), self.world.sync_us, self.sight.clone());
        let node = NodeHost {
            id,
            process,
            disk,
            slot: Slot::default(),
            meant: Meant::Up,
            incarnation: 0,
            joins,
            stopping: false,
            was_full: false,
            cut_by_crash: false,
            disturbed_ms: 0,
            stood: Vec::new(),
            bridge,
        };
        self.nodes.insert(id, node);
    }

    fn all_hosts(&self) -> Vec<String> {
        self.nodes.keys().map(|id| name(*id)).chain(self.clients.iter().map(|client| client.name.clone())).collect()
    }

    /// Ways between regions are longer.
    fn set_latencies(&self, sim: &mut Sim<'_>) {
        for a in self.nodes.keys() {
            for b in self.nodes.keys().filter(|b| *b > a) {
                self.set_latency(sim, *a, *b);
            }
        }
    }

    fn set_latency(&self, sim: &mut Sim<'_>, a: u64, b: u64) {
        let same = self.world.region(a) == self.world.region(b);
        let longest = if same { self.world.latency_ms.0 } else { self.world.latency_ms.1 };
        sim.set_link_max_message_latency(name(a), name(b), Duration::from_millis(longest.max(1)));
    }

    /// Starts a node's process on whatever its disk holds.
    fn start(&mut self, sim: &mut Sim<'_>, id: u64) {
        let join = self.member_to_join(id);
        let Some(node) = self.nodes.get_mut(&id) else { return };
        node.incarnation += 1;
        node.meant = Meant::Up;
        node.stopping = false;
        let (network, side) = wire();
        *node.bridge.lock().unwrap_or_else(PoisonError::into_inner) = Some(side);
        sim.bounce(name(id));
        let known = node.incarnation > 1 && raft::storage::Engine::has_data(&node.disk).unwrap_or(false);
        let join = if node.joins && !known { join } else { None };
        let mut config = host::config(&self.world, id, join);
        if node.joins && known {
            config.start = node::config::Start::Known;
        }
        let domain = mix(id, node.incarnation);
        let entropy = SeededEntropy::new(self.world.seed, domain);
        let env = host::env(network, node.process.clock.clone(), entropy, node.disk.clone(), self.world.work_ms);
        let queues = std::mem::take(&mut node.slot.inside().queues);
        node.slot = Slot::default();
        node.slot.inside().queues = queues;
        event!(self.trace, "start {id} {}", node.incarnation);
        self.trace.mark("node started");
        let main = host::live(config, env, node.slot.clone(), self.trace.clone());
        node.process.start(mix(self.world.seed, id), node.incarnation, main);
    }

    /// A member that runs, for a node that joins.
    fn member_to_join(&mut self, joining: u64) -> Option<String> {
        let living: Vec<u64> =
            self.living().into_iter().filter(|id| *id != joining && *id <= self.world.nodes).collect();
        let member = self.rng.pick(&living).copied().unwrap_or(1);
        Some(host::address(member))
    }

    fn living(&self) -> Vec<u64> {
        self.nodes.values().filter(|node| node.process.lives()).map(|node| node.id).collect()
    }

    fn step(&mut self, sim: &mut Sim<'_>, now: u64) {
        self.trace.set_now_ms(now);
        for process in self.nodes.values_mut().map(|node| &mut node.process).chain(&mut self.clients) {
            process.clock.set_now_ms(now);
        }
        self.heal_and_harm(sim, now);
        self.look_after_nodes(sim, now);
        let mut order: Vec<u64> = self.nodes.keys().copied().collect();
        self.rng.shuffle(&mut order);
        for id in order {
            if let Some(node) = self.nodes.get_mut(&id) {
                node.process.tick(now);
            }
        }
        for client in &mut self.clients {
            client.tick(now);
        }
        if let Err(error) = sim.step() {
            self.sight.violated("Simulation", error.to_string());
        }
        self.cut_transfers(sim, now);
        self.look_at_copies(now);
        if now.is_multiple_of(20) {
            self.look_at_steadiness(now);
        }
    }

    /// What the replicas say of the ages of their copies; of a machine that stood still nobody asks it for a while.
    fn look_at_copies(&mut self, now: u64) {
        for node in self.nodes.values() {
            let copies = std::mem::take(&mut node.slot.inside().copies);
            if node.stood.last().is_some_and(|(_, to)| now < to + BLIND_MS) {
                continue;
            }
            copies.iter().for_each(|copy| self.sight.dated(node.id, copy));
        }
    }

    /// Processes that have ended, are to be started again, or were replaced.
    fn look_after_nodes(&mut self, sim: &mut Sim<'_>, now: u64) {
        for (order, done) in self.orders.take_done() {
            if let (Order::Remove { node }, true) = (&order, done) {
                let node = *node;
                self.end_process(sim, node, Left::All, false);
                if let Some(node) = self.nodes.get_mut(&node) {
                    node.meant = Meant::Removed;
                }
                self.trace.mark("membership change");
            }
            if matches!(order, Order::Add { .. }) && done {
                self.trace.mark("membership change");
            }
            if order.changes() {
                // Who votes and who leads may have changed.
                self.disturb(&[], now);
            }
        }
        for id in self.nodes.keys().copied().collect::<Vec<_>>() {
            let Some(node) = self.nodes.get_mut(&id) else { continue };
            if let Some(ended) = node.slot.take_ended() {
                event!(self.trace, "ended {id} {} {}", ended.exit_code, ended.reason);
                self.ended(sim, id, ended, now);
            }
            let again = self.nodes.get(&id).is_some_and(|node| matches!(node.meant, Meant::DownUntil(at) if at <= now));
            if again {
                self.start(sim, id);
            }
        }
    }

    /// A process has ended by itself: whoever looks after it starts it again, unless its disk is damaged.
    fn ended(&mut self, sim: &mut Sim<'_>, id: u64, ended: host::Ended, now: u64) {
        self.end_process(sim, id, Left::All, false);
        let rotted = self.sight.seen().rotted(id);
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let full = node.was_full && ended.reason.contains("no space left");
        if matches!(node.meant, Meant::Removed) {
            return;
        }
        if ended.exit_code == 0 || full || (node.joins && ended.exit_code == 1) {
            node.meant = Meant::DownUntil(now + 500);
        } else if rotted && ended.exit_code == 3 {
            self.trace.mark("damage found");
            node.meant = Meant::Damaged;
            self.replace(sim, id, now);
        } else {
            let what = format!("node {id} ended: {} (exit code {})", ended.reason, ended.exit_code);
            self.sight.violated("Running", what);
        }
    }

    /// Operators take a damaged node out and another one in.
    fn replace(&mut self, sim: &mut Sim<'_>, id: u64, now: u64) {
        self.orders.give(Order::Remove { node: id });
        let fresh = self.next_node;
        self.next_node += 1;
        self.join(sim, fresh, false, now);
    }

    /// A new node is started, and operators take it in.
    fn join(&mut self, sim: &mut Sim<'_>, id: u64, learner: bool, now: u64) {
        self.add_host(sim, id, true);
        self.set_latencies(sim);
        for ((from, to), _) in self.cuts.clone() {
            sim.partition_oneway(from.as_str(), to.as_str());
        }
        self.wall_out(sim, id, now);
        self.start(sim, id);
        self.orders.give(Order::Add { node: id, learner });
    }

    /// Ends a process between two instructions. `silent`: nobody is told by its machine.
    fn end_process(&mut self, sim: &mut Sim<'_>, id: u64, left: Left, silent: bool) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        node.slot.gone();
        node.process.end();
        node.disk.crash(left, &mut self.rng);
        if silent {
            let others: Vec<String> = self.all_hosts().into_iter().filter(|host| *host != name(id)).collect();
            let pairs: Vec<_> = others.into_iter().map(|other| (name(id), other)).collect();
            self.cut(sim, &pairs);
            sim.crash(name(id));
            self.reconnect(sim, &pairs);
        }
    }

    /// How the replicas stand now.
    fn stands(&self) -> Vec<Stand> {
        let mut stands = Vec::new();
        for node in self.nodes.values() {
            let Some(groups) = node.slot.inside().groups.clone() else { continue };
            for group in groups.iter() {
                let outbox = group.read(|state| state.outbox_length(1_000)).unwrap_or(0);
                let digest = self.sight.seen().replica(node.id, group.id()).and_then(|(_, digest)| digest);
                let (status, holds) = (group.status(), node.disk.holds(group.id()));
                stands.push(Stand { node: node.id, group: group.id(), status, outbox, holds, digest });
            }
        }
        stands
    }

    fn end(&mut self) {
        self.nodes.values_mut().for_each(|node| {
            node.slot.gone();
            node.process.end();
        });
        self.clients.iter_mut().for_each(Process::end);
    }
}
