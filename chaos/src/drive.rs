//! One run of a world: the nodes, the clients and the network, a millisecond at a time, with the faults as they come due.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use crate::clock::{EPOCH_MS, SeededEntropy, WallClock};
use crate::disk::{Disk, Holds, Left};
use crate::event;
use crate::fault::{Fault, Kind};
use crate::history::History;
use crate::host::{self, Slot};
use crate::process::{Process, Standstill};
use crate::rng::{Rng, mix};
use crate::sight::{Sight, Violation};
use crate::trace::Trace;
use crate::wire::{Connections, Fate, HostSide, wire};
use crate::workload::operator::{Order, Orders};
use crate::workload::{self, Office};
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

/// What a fault leaves to be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Heal {
    Reconnect(Vec<(String, String)>),
    Latency(u64, u64),
    Release(u64, u64),
    Sync(u64),
    Room(u64),
    Clock(u64, i64),
    /// A machine that stood still asks for the time.
    Woken(u64),
}

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

/// A span of time in which primary queries must be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steady {
    pub from_ms: u64,
    pub to_ms: u64,
    /// The nodes that were well all the time.
    pub well: BTreeSet<u64>,
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
    let stood = driver.nodes.iter().map(|(id, node)| (*id, node.stood.clone())).collect();
    let closed = driver.closed_ms.is_some();
    driver.end();
    let Driver { trace, history, sight, steady, office, .. } = driver;
    drop(sim);
    let real_ms = begun.elapsed().as_millis() as u64;
    let (subjects, travellers) = (office.subjects, office.travellers);
    Run { world, trace, history, sight, stands, queues, steady, stood, closed, subjects, travellers, real_ms }
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
            if people.is_empty() {
                process.start(seed, 1, workload::operator::work(office, orders, network, clock, entropy));
            } else {
                process.start(seed, 1, workload::work(office, name, people, network, clock, entropy));
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
        let env = host::env(network, node.process.clock.clone(), entropy, node.disk.clone());
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

    /// Something is wrong with these nodes until then; with all of them if none is named.
    fn disturb(&mut self, nodes: &[u64], until: u64) {
        if nodes.is_empty() {
            self.disturbed_ms = self.disturbed_ms.max(until);
        }
        for node in nodes {
            if let Some(node) = self.nodes.get_mut(node) {
                node.disturbed_ms = node.disturbed_ms.max(until);
            }
        }
    }

    fn step(&mut self, sim: &mut Sim<'_>, now: u64) {
        self.trace.set_now_ms(now);
        for process in self.nodes.values_mut().map(|node| &mut node.process).chain(&mut self.clients) {
            process.clock.set_now_ms(now);
        }
        let due: Vec<u64> = self.heals.range(..=now).map(|(at, _)| *at).collect();
        for heal in due.iter().filter_map(|at| self.heals.remove(at)).flatten().collect::<Vec<_>>() {
            // Another fault of the same sort goes on longer.
            let additive = matches!(heal, Heal::Reconnect(_) | Heal::Clock(..));
            if !additive && self.heals.values().flatten().any(|later| *later == heal) {
                continue;
            }
            event!(self.trace, "heal {heal:?}");
            self.heal(sim, heal);
        }
        while self.faults.front().is_some_and(|fault| fault.at_ms <= now) {
            if let Some(fault) = self.faults.pop_front() {
                self.fault(sim, fault.kind, now);
            }
        }
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
        for id in self.nodes.keys().copied().collect::<Vec<_>>() {
            let due = self.nodes.get(&id).is_some_and(|node| node.disk.cut_is_due());
            if due {
                self.cut_transfer(sim, id, now);
            }
        }
        if now.is_multiple_of(20) {
            self.look_at_steadiness(now);
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
            if !matches!(order, Order::Snapshot { .. }) {
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
        let rotted = self.sight.seen().rotted().contains(&id);
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let full = node.was_full && ended.reason.contains("no space left");
        if matches!(node.meant, Meant::Removed) {
            return;
        }
        if ended.exit_code == 0 || full || (node.joins && ended.exit_code == 1) {
            node.meant = Meant::DownUntil(now + 500);
        } else if rotted {
            self.trace.mark("damage found");
            node.meant = Meant::Damaged;
            self.replace(sim, id);
        } else {
            let what = format!("node {id} ended: {} (exit code {})", ended.reason, ended.exit_code);
            self.sight.violated("Running", what);
        }
    }

    /// Operators take a damaged node out and another one in.
    fn replace(&mut self, sim: &mut Sim<'_>, id: u64) {
        self.orders.give(Order::Remove { node: id });
        let fresh = self.next_node;
        self.next_node += 1;
        self.join(sim, fresh, false);
    }

    /// A new node is started, and operators take it in.
    fn join(&mut self, sim: &mut Sim<'_>, id: u64, learner: bool) {
        self.add_host(sim, id, true);
        self.set_latencies(sim);
        for ((from, to), _) in self.cuts.clone() {
            sim.partition_oneway(from.as_str(), to.as_str());
        }
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

    fn cut(&mut self, sim: &mut Sim<'_>, pairs: &[(String, String)]) {
        for (from, to) in pairs {
            let count = self.cuts.entry((from.clone(), to.clone())).or_default();
            *count += 1;
            if *count == 1 {
                sim.partition_oneway(from.as_str(), to.as_str());
            }
        }
    }

    fn reconnect(&mut self, sim: &mut Sim<'_>, pairs: &[(String, String)]) {
        for (from, to) in pairs {
            let Some(count) = self.cuts.get_mut(&(from.clone(), to.clone())) else { continue };
            *count -= 1;
            if *count == 0 {
                self.cuts.remove(&(from.clone(), to.clone()));
                sim.repair_oneway(from.as_str(), to.as_str());
            }
        }
    }

    fn heal_at(&mut self, at: u64, heal: Heal) {
        let nodes = match &heal {
            // Whoever is cut off is looked at as it is.
            Heal::Reconnect(_) => Vec::new(),
            Heal::Latency(a, b) | Heal::Release(a, b) => vec![*a, *b],
            Heal::Sync(node) | Heal::Room(node) | Heal::Clock(node, _) | Heal::Woken(node) => vec![*node],
        };
        if !nodes.is_empty() {
            self.disturb(&nodes, at);
        }
        self.heals.entry(at).or_default().push(heal);
    }

    fn heal(&mut self, sim: &mut Sim<'_>, heal: Heal) {
        match heal {
            Heal::Reconnect(pairs) => self.reconnect(sim, &pairs),
            Heal::Latency(a, b) => self.set_latency(sim, a, b),
            Heal::Release(a, b) => {
                sim.release(name(a), name(b));
                // What keeps them apart for another reason goes on doing so.
                for (from, to) in [(name(a), name(b)), (name(b), name(a))] {
                    if self.cuts.contains_key(&(from.clone(), to.clone())) {
                        sim.partition_oneway(from, to);
                    }
                }
            }
            Heal::Sync(node) => {
                if let Some(node) = self.nodes.get(&node) {
                    node.disk.set_sync_us(self.world.sync_us);
                }
            }
            Heal::Room(node) => {
                if let Some(node) = self.nodes.get(&node) {
                    node.disk.set_full(false);
                }
            }
            Heal::Woken(node) => {
                if let Some(node) = self.nodes.get_mut(&node) {
                    node.process.set_clock_right();
                }
            }
            Heal::Clock(node, by_ms) => {
                if let Some(node) = self.nodes.get(&node) {
                    node.process.clock.jump_ms(by_ms);
                }
            }
        }
    }

    /// Pairs in both directions between some nodes and other hosts.
    fn around(&self, nodes: &[u64], clients_too: bool) -> Vec<(String, String)> {
        let inside: BTreeSet<String> = nodes.iter().map(|node| name(*node)).collect();
        let clients: BTreeSet<String> = self.clients.iter().map(|client| client.name.clone()).collect();
        let outside = self.all_hosts();
        let outside: Vec<_> = outside
            .into_iter()
            .filter(|host| !inside.contains(host) && (clients_too || !clients.contains(host)))
            .collect();
        let known: Vec<_> = inside.into_iter().filter(|host| self.all_hosts().contains(host)).collect();
        let mut pairs = Vec::new();
        for a in &known {
            for b in &outside {
                pairs.push((a.clone(), b.clone()));
                pairs.push((b.clone(), a.clone()));
            }
        }
        pairs
    }

    fn fault(&mut self, sim: &mut Sim<'_>, kind: Kind, now: u64) {
        event!(self.trace, "fault {kind:?}");
        let lives = |node: u64| self.nodes.get(&node).is_some_and(|node| node.process.lives());
        let known = |node: u64| self.nodes.contains_key(&node);
        let hit = match &kind {
            Kind::Crash { node, .. } | Kind::Bounce { node } | Kind::Rot { node, .. } => lives(*node),
            Kind::Pause { node, .. } => {
                self.nodes.get(node).is_some_and(|it| it.process.lives() && !it.process.stands())
            }
            Kind::RemoveNode { node } => known(*node) && self.nodes[node].meant != Meant::Removed,
            _ => true,
        };
        if !hit {
            return;
        }
        self.trace.mark(&format!("fault: {}", kind.name()));
        match kind {
            Kind::Crash { node, left, down_ms, silent } => self.crash(sim, node, left, silent, now + down_ms),
            Kind::CrashAll { left, down_ms } => {
                for node in self.living() {
                    let spread = self.rng.below(500);
                    self.crash(sim, node, left, true, now + down_ms + spread);
                }
            }
            Kind::Bounce { node } => {
                if let Some(node) = self.nodes.get_mut(&node) {
                    // It may be stopping already.
                    node.stopping = true;
                    node.slot.stop();
                }
            }
            Kind::Pause { node, for_ms, how } => {
                if let Some(host) = self.nodes.get_mut(&node) {
                    host.process.stand_until(now, now + for_ms, how);
                    if how == Standstill::Machine {
                        host.stood.push((now, now + for_ms));
                    }
                }
                if how == Standstill::Machine {
                    self.heal_at(now + for_ms + 2_000, Heal::Woken(node));
                }
            }
            Kind::Partition { a, b, for_ms } => {
                let pairs = vec![(name(a), name(b)), (name(b), name(a))];
                self.cut(sim, &pairs);
                self.heal_at(now + for_ms, Heal::Reconnect(pairs));
            }
            Kind::OneWay { from, to, for_ms } => {
                let pairs = vec![(name(from), name(to))];
                self.cut(sim, &pairs);
                self.heal_at(now + for_ms, Heal::Reconnect(pairs));
            }
            Kind::Isolate { nodes, for_ms } => {
                let pairs = self.around(&nodes, true);
                self.cut(sim, &pairs);
                self.heal_at(now + for_ms, Heal::Reconnect(pairs));
            }
            Kind::Split { nodes, for_ms } => {
                let pairs = self.around(&nodes, false);
                self.cut(sim, &pairs);
                self.heal_at(now + for_ms, Heal::Reconnect(pairs));
            }
            Kind::Delay { a, b, max_ms, for_ms } => {
                sim.set_link_max_message_latency(name(a), name(b), Duration::from_millis(max_ms));
                self.heal_at(now + for_ms, Heal::Latency(a, b));
            }
            Kind::Hold { a, b, for_ms } => {
                sim.hold(name(a), name(b));
                self.heal_at(now + for_ms, Heal::Release(a, b));
            }
            Kind::Drop { from, to } => {
                self.connections.decide(&name(from), &name(to), Fate::Dropped);
                self.disturb(&[from, to], now);
            }
            Kind::HalfOpen { from, to } => {
                self.connections.decide(&name(from), &name(to), Fate::HalfOpen);
                self.disturb(&[from, to], now);
            }
            Kind::HalfOpenClients { to } => {
                self.disturb(&[to], now);
                for client in &self.clients {
                    self.connections.decide(&client.name, &name(to), Fate::HalfOpen);
                }
            }
            Kind::SlowDisk { node, sync_ms, for_ms } => {
                if let Some(host) = self.nodes.get(&node) {
                    host.disk.set_sync_us((sync_ms * 500, sync_ms * 1_000));
                    self.heal_at(now + for_ms, Heal::Sync(node));
                }
            }
            Kind::FullDisk { node, for_ms } => {
                if let Some(host) = self.nodes.get_mut(&node) {
                    host.disk.set_full(true);
                    host.was_full = true;
                    self.heal_at(now + for_ms, Heal::Room(node));
                }
            }
            Kind::Rot { node, group, number } => {
                let rotted = self.nodes.get(&node).and_then(|node| node.disk.rot(Kind::which(group), number));
                if rotted.is_some() {
                    self.crash(sim, node, Left::All, false, now + 200);
                }
            }
            Kind::ClockJump { node, by_ms, for_ms } => {
                if let Some(host) = self.nodes.get(&node) {
                    host.process.clock.jump_ms(by_ms);
                    self.heal_at(now + for_ms, Heal::Clock(node, -by_ms));
                }
            }
            Kind::CutTransfer { node, pieces, crash } => {
                if let Some(host) = self.nodes.get_mut(&node) {
                    host.disk.cut_after_pieces(pieces);
                    host.cut_by_crash = crash;
                }
                // It must miss enough to need a snapshot.
                if lives_now(&self.nodes, node) {
                    let away = self.rng.between(2_000, 5_000);
                    self.crash(sim, node, Left::Part, true, now + away);
                }
            }
            Kind::Redeliver { node } => self.redeliver(node),
            Kind::Transfer { group, to } => {
                self.disturb(&[], now);
                self.orders.give(Order::Transfer { group, to });
            }
            Kind::Snapshot { node } => self.orders.give(Order::Snapshot { node }),
            Kind::AddNode { node, learner } => {
                self.disturb(&[], now);
                self.join(sim, node, learner);
            }
            Kind::RemoveNode { node } => {
                self.disturb(&[], now);
                self.orders.give(Order::Remove { node });
            }
        }
    }

    fn crash(&mut self, sim: &mut Sim<'_>, node: u64, left: Left, silent: bool, up_at: u64) {
        if !lives_now(&self.nodes, node) {
            return;
        }
        self.trace.mark("crash");
        self.end_process(sim, node, left, silent);
        if let Some(node) = self.nodes.get_mut(&node)
            && !matches!(node.meant, Meant::Removed | Meant::Damaged)
        {
            node.meant = Meant::DownUntil(up_at);
        }
    }

    /// A snapshot that the node receives is cut off now.
    fn cut_transfer(&mut self, sim: &mut Sim<'_>, id: u64, now: u64) {
        let by_crash = self.nodes.get(&id).is_some_and(|node| node.cut_by_crash);
        self.trace.mark(if by_crash { "transfer cut by a crash" } else { "transfer cut by its connection" });
        if by_crash {
            self.crash(sim, id, Left::Torn, true, now + 500);
        } else {
            self.connections.decide(&name(id), "", Fate::Dropped);
            self.disturb(&[id], now);
        }
    }

    /// Delivers again what was in a node's outboxes, now and when this was done before.
    fn redeliver(&mut self, node: u64) {
        let Some(groups) = self.nodes.get(&node).and_then(|node| node.slot.inside().groups.clone()) else { return };
        for group in groups.iter() {
            let posted = group.read(|state| state.outbox(50)).unwrap_or_default();
            self.posted.extend(posted);
        }
        let last = self.posted.len().saturating_sub(100);
        let messages = self.posted[last..].to_vec();
        let Some(host) = self.nodes.get(&node).filter(|node| node.process.lives()) else { return };
        host.process.spawn(async move {
            for posted in messages {
                let to = match posted.lane.to {
                    model::outbox::Destination::Group(group) => group,
                    model::outbox::Destination::Slot(_) => continue,
                };
                let deliver = model::command::deliver::Deliver { messages: vec![posted] };
                let envelope = raft::outbox::of_the_cluster(model::command::Command::Deliver(deliver));
                if let Ok(group) = groups.get(to) {
                    drop(group.propose(&envelope, Duration::from_secs(2)).await);
                }
            }
        });
    }

    /// Notes the spans in which enough nodes are well, and have been for a while, that everything must be answered.
    fn look_at_steadiness(&mut self, now: u64) {
        if self.orders.changes_pending() {
            self.disturbed_ms = self.disturbed_ms.max(now);
        }
        let members: Vec<u64> =
            self.nodes.values().filter(|node| node.meant != Meant::Removed).map(|node| node.id).collect();
        let cut =
            |a: u64, b: u64| self.cuts.contains_key(&(name(a), name(b))) || self.cuts.contains_key(&(name(b), name(a)));
        // Whoever is cut off from half of the others is ill; the others only where they are cut off from each other.
        let is_lone = |a: &u64| members.iter().filter(|b| *b != a && cut(*a, **b)).count() * 2 >= members.len();
        let lone: BTreeSet<u64> = members.iter().copied().filter(is_lone).collect();
        let is_apart = |a: u64| lone.contains(&a) || members.iter().any(|b| *b != a && !lone.contains(b) && cut(a, *b));
        let apart: BTreeSet<u64> = members.iter().copied().filter(|node| is_apart(*node)).collect();
        let mut serving = 0;
        for node in self.nodes.values_mut() {
            let runs = node.process.lives() && !node.process.stands() && !apart.contains(&node.id);
            serving += usize::from(runs);
            let well = runs && node.meant == Meant::Up && !node.stopping && node.slot.inside().groups.is_some();
            if !well {
                node.disturbed_ms = node.disturbed_ms.max(now);
            }
        }
        let without_quorum = serving * 2 <= members.len() && now >= self.world.settle_ms;
        if without_quorum && !self.without_quorum {
            self.trace.mark("no quorum");
        }
        self.without_quorum = without_quorum;
        let well: BTreeSet<u64> = self
            .nodes
            .values()
            .filter(|node| now >= node.disturbed_ms.max(self.disturbed_ms) + STEADY_AFTER_MS)
            .map(|node| node.id)
            .collect();
        let enough = well.iter().next().and_then(|id| self.nodes.get(id)).is_some_and(|node| {
            let groups = node.slot.inside().groups.clone();
            groups.is_some_and(|groups| {
                groups.iter().all(|group| {
                    let voters = group.status().voters;
                    let there = voters.iter().filter(|voter| well.contains(&voter.0)).count();
                    there * 2 > voters.len()
                })
            })
        });
        if !enough {
            return;
        }
        if serving < members.len() {
            self.trace.mark("steady while a node was away");
        }
        match self.steady.last_mut() {
            Some(last) if last.to_ms + 40 >= now && last.well == well => last.to_ms = now,
            _ => self.steady.push(Steady { from_ms: now, to_ms: now, well }),
        }
    }

    /// Whether the run is over: after the last fault all was well for a while, the clients have gone home, and what they left is
    /// done.
    fn is_over(&mut self, now: u64) -> bool {
        if let Some(closed) = self.closed_ms {
            return now >= closed + QUIET_MS;
        }
        let pending = !self.faults.is_empty() || !self.heals.is_empty() || self.orders.busy();
        let steady = self.steady.last().filter(|span| span.to_ms + 40 >= now);
        let healthy = steady.is_some_and(|span| span.to_ms - span.from_ms >= WELL_MS);
        let all_well = self.nodes.values().all(|node| match node.meant {
            Meant::Up => now >= node.disturbed_ms + STEADY_AFTER_MS,
            Meant::Removed => true,
            Meant::DownUntil(_) | Meant::Damaged => false,
        });
        if !pending && healthy && all_well && now >= self.disturbed_ms + STEADY_AFTER_MS {
            self.closed_ms = Some(now);
            self.office.closing.store(true, std::sync::atomic::Ordering::Relaxed);
        }
        false
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

fn lives_now(nodes: &BTreeMap<u64, NodeHost>, node: u64) -> bool {
    nodes.get(&node).is_some_and(|node| node.process.lives())
}

/// All must be well for so long, and be used, before the clients go home.
const WELL_MS: u64 = 4_000;
/// After that the run goes on for so long, so that everything is delivered, indexed and replicated.
const QUIET_MS: u64 = 9_000;
/// What went wrong must have been over for so long before everything is expected to work.
pub const STEADY_AFTER_MS: u64 = 8_000;
