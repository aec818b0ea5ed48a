//! Three whole nodes in this process, over real sockets and the engine in memory that forgets everything unsynced. Each node
//! has a runtime of its own, so that it can be cut off alone, and a disk whose syncs can be held up.

#![allow(dead_code, reason = "each test uses its part")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use model::ids::{ClusterId, GroupId, NodeId, RequestId};
use model::seal::Keyring;
use model::time::{Clock, Entropy};
use portcullis_node::Node;
use portcullis_node::config::{Capacity, Config, INDEX_LINGER, Start};
use portcullis_node::cut::Cuts;
use portcullis_node::env::{Env, SystemClock, SystemEntropy};
use proto::transport::BoxFuture;
use proto::v1;
use raft::groups::Timings;
use raft::storage::memory::MemoryEngine;
use raft::storage::{Batch, Before, Engine, Reader, Result, StateStore, Store};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tonic::Request;
use tonic::transport::Channel;

pub mod people;

const NODES: u64 = 3;
/// Longest wait for anything that must happen.
pub const DEADLINE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(20);

/// A node's disk: it forgets what was not synced, and its syncs wait while its gate is shut.
#[derive(Clone)]
pub struct Disk {
    memory: MemoryEngine,
    open: watch::Sender<bool>,
    waiting: Arc<AtomicUsize>,
}

impl Disk {
    fn new() -> Self {
        Self { memory: MemoryEngine::default(), open: watch::Sender::new(true), waiting: Arc::default() }
    }

    /// Holds up every sync that has not ended.
    pub fn shut(&self) {
        self.open.send_replace(false);
    }

    /// Lets them end.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Whether a sync waits.
    pub fn holds_up(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }
}

impl Engine for Disk {
    fn log(&self) -> Result<Arc<dyn Store>> {
        let (store, open, waiting) = (self.memory.log()?, self.open.subscribe(), self.waiting.clone());
        Ok(Arc::new(Gated { store, open, waiting }))
    }
    fn state(&self, group: GroupId) -> Result<Arc<dyn StateStore>> {
        self.memory.state(group)
    }
    fn read_file(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.memory.read_file(name)
    }
    fn write_file(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.memory.write_file(name, bytes)
    }
    fn has_data(&self) -> Result<bool> {
        self.memory.has_data()
    }
    fn place(&self) -> String {
        self.memory.place()
    }
}

/// The log of a disk.
struct Gated {
    store: Arc<dyn Store>,
    open: watch::Receiver<bool>,
    waiting: Arc<AtomicUsize>,
}

impl Before for Gated {
    type Behind = dyn Store;
    fn behind(&self) -> &dyn Store {
        &*self.store
    }
}

/// Counts a sync that waits, however its wait ends.
struct Waits<'a>(&'a AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Store for Gated {
    fn write(&self, batch: Batch) -> Result<()> {
        self.store.write(batch)
    }
    fn sync(&self) -> BoxFuture<'_, Result<()>> {
        // What the sync covers is settled when it begins.
        let (sync, mut open) = (self.store.sync(), self.open.clone());
        Box::pin(async move {
            {
                self.waiting.fetch_add(1, Ordering::SeqCst);
                let _waits = Waits(&self.waiting);
                open.wait_for(|open| *open).await.expect("a gate that stays");
            }
            sync.await
        })
    }
    fn view(&self, read: &mut dyn FnMut(&dyn Reader) -> Result<()>) -> Result<()> {
        self.store.view(read)
    }
}

const CLUSTER: ClusterId = ClusterId([9; 16]);

/// The keys of the cluster.
fn keyring() -> Keyring {
    Keyring::single(1, [5; 32])
}

/// The nodes, by number from 1.
pub struct Cluster {
    disks: Vec<Disk>,
    members: BTreeMap<NodeId, String>,
    nodes: Vec<Option<Runtime>>,
    /// What callers see.
    cuts: Cuts,
    /// Where clients run.
    runtime: Runtime,
}

fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// A request with who asks, and a deadline.
pub fn asked<T>(message: T) -> Request<T> {
    asked_by(("officer", "CBP", "test"), message)
}

/// A request of a user of an agency, for a purpose.
pub fn asked_by<T>((user, agency, purpose): (&str, &str, &str), message: T) -> Request<T> {
    let mut request = Request::new(message);
    for (key, value) in [
        (proto::metadata::USER, user),
        (proto::metadata::AGENCY, agency),
        (proto::metadata::PORT, "2404"),
        (proto::metadata::PURPOSE, purpose),
    ] {
        request.metadata_mut().insert(key, value.parse().unwrap());
    }
    request.set_timeout(Duration::from_secs(10));
    request
}

/// A new lookout under a new request id.
pub fn create(name: &str) -> v1::CreateLookoutRequest {
    let lookout = v1::Lookout {
        subject: "person".into(),
        names: vec![v1::Name { kind: "primary".into(), full: name.into(), ..Default::default() }],
        action: "refer".into(),
        reason: "power loss test".into(),
        ..Default::default()
    };
    let request_id = new_id().to_string();
    v1::CreateLookoutRequest { request_id, lookout: Some(lookout), ..Default::default() }
}

/// A new request id.
pub fn new_id() -> RequestId {
    RequestId::new(SystemClock.now(), SystemEntropy.sixteen())
}

/// Looks until it is so.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

impl Cluster {
    /// Starts a new cluster.
    pub fn start() -> Self {
        Self::with_cuts(Cuts::default())
    }

    /// Starts a new cluster whose callers see what this says.
    pub fn with_cuts(cuts: Cuts) -> Self {
        let members = (1..=NODES).map(|id| (NodeId(id), free_address())).collect();
        let disks = (0..NODES).map(|_| Disk::new()).collect();
        let mut cluster = Self { disks, members, nodes: Vec::new(), cuts, runtime: Runtime::new().unwrap() };
        cluster.power_on();
        cluster
    }

    /// A node's disk.
    pub fn disk(&self, node: usize) -> &Disk {
        &self.disks[node - 1]
    }

    /// Starts every node on what its disk holds, and waits until they serve.
    pub fn power_on(&mut self) {
        let mut nodes: Vec<Node> = Vec::new();
        self.nodes.clear();
        for (disk, (id, address)) in self.disks.iter().zip(&self.members) {
            let config = Config {
                node: *id,
                listen: address.clone(),
                http: None,
                start: Start::First { cluster: CLUSTER, members: self.members.clone(), records_groups: 2 },
                keyring: keyring(),
                region: "test".into(),
                port: "test".into(),
                timings: Timings::default(),
                searches: 2,
                capacity: Capacity::of(64, None),
                gated: false,
                ceremony: None,
                names: Vec::new(),
                index_linger: INDEX_LINGER,
                cuts: self.cuts.clone(),
                witnesses: Default::default(),
            };
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            let env = Env::in_memory(Arc::new(disk.clone()));
            nodes.push(runtime.block_on(Node::start(config, env)).unwrap());
            self.nodes.push(Some(runtime));
        }
        self.runtime.block_on(until("the cluster is ready", async || nodes.iter().all(Node::ready)));
        // The nodes live in their runtimes' tasks; dropping the handles stops nothing.
        drop(nodes);
    }

    /// Stops a node at once, as a crash of its machine would.
    pub fn cut_off(&mut self, node: usize) {
        self.nodes[node - 1].take().unwrap().shutdown_background();
    }

    /// Everything stops at once, and what was not synced is gone.
    pub fn power_cut(&mut self) {
        for runtime in &mut self.nodes {
            runtime.take().unwrap().shutdown_background();
        }
        self.disks.iter().for_each(|disk| disk.memory.crash());
        // Sockets of the dead may linger, and members keep their addresses in the log: wait until the system gives them back.
        let begun = Instant::now();
        for address in self.members.values() {
            while std::net::TcpListener::bind(address.as_str()).is_err() {
                assert!(begun.elapsed() < DEADLINE, "{address} is not given back");
                std::thread::yield_now();
            }
        }
    }

    /// Runs a client of a node.
    pub fn run<T>(&self, node: usize, work: impl AsyncFnOnce(Channel) -> T) -> T {
        let address = &self.members[&NodeId(node as u64)];
        self.runtime.block_on(async {
            let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
            work(channel).await
        })
    }
}
