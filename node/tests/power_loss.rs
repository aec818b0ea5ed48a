//! Durable: what was acknowledged survives a power cut of the whole cluster. Three whole nodes in this process, over real
//! sockets and the engine in memory that forgets everything unsynced.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation is the result of a test")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use model::ids::{ClusterId, NodeId, RequestId};
use model::seal::Keyring;
use model::time::{Clock, Entropy};
use portcullis_node::Node;
use portcullis_node::config::{Config, Start};
use portcullis_node::env::{Env, SystemClock, SystemEntropy};
use proto::v1;
use proto::v1::lookouts_client::LookoutsClient;
use proto::v1::screening_client::ScreeningClient;
use raft::groups::Timings;
use raft::storage::memory::MemoryEngine;
use tokio::runtime::Runtime;
use tonic::Request;
use tonic::transport::Channel;

const NODES: u64 = 3;
const DEADLINE: Duration = Duration::from_secs(30);

struct Cluster {
    engines: Vec<MemoryEngine>,
    members: BTreeMap<NodeId, String>,
    runtime: Option<Runtime>,
}

fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

fn asked<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    for (key, value) in [
        (proto::metadata::USER, "officer"),
        (proto::metadata::AGENCY, "CBP"),
        (proto::metadata::PORT, "2404"),
        (proto::metadata::PURPOSE, "test"),
    ] {
        request.metadata_mut().insert(key, value.parse().unwrap());
    }
    request.set_timeout(Duration::from_secs(10));
    request
}

impl Cluster {
    fn start() -> Self {
        let members = (1..=NODES).map(|id| (NodeId(id), free_address())).collect();
        let engines = (0..NODES).map(|_| MemoryEngine::default()).collect();
        let mut cluster = Self { engines, members, runtime: None };
        cluster.power_on();
        cluster
    }

    fn power_on(&mut self) {
        let runtime = Runtime::new().unwrap();
        let nodes: Vec<Node> = runtime.block_on(async {
            let mut nodes = Vec::new();
            for (engine, (id, address)) in self.engines.iter().zip(&self.members) {
                let config = Config {
                    node: *id,
                    listen: address.clone(),
                    http: None,
                    start: Start::First {
                        cluster: ClusterId([9; 16]),
                        members: self.members.clone(),
                        records_groups: 2,
                    },
                    keyring: Keyring::single(1, [5; 32]),
                    region: "test".into(),
                    port: "test".into(),
                    timings: Timings::default(),
                    searches: 2,
                };
                nodes.push(Node::start(config, Env::in_memory(std::sync::Arc::new(engine.clone()))).await.unwrap());
            }
            let begun = Instant::now();
            while !nodes.iter().all(Node::ready) {
                assert!(begun.elapsed() < DEADLINE, "the cluster is not ready in time");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            nodes
        });
        // The nodes live in their runtime's tasks; dropping the handles stops nothing.
        drop(nodes);
        self.runtime = Some(runtime);
    }

    /// Everything stops at once, and what was not synced is gone.
    fn power_cut(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
        self.engines.iter().for_each(MemoryEngine::crash);
        // New ports: sockets of the dead may linger. Members keep their addresses in the log, so they must be the same;
        // wait until the system gives them back.
        let begun = Instant::now();
        for address in self.members.values() {
            while std::net::TcpListener::bind(address.as_str()).is_err() {
                assert!(begun.elapsed() < DEADLINE, "{address} is not given back");
                std::thread::yield_now();
            }
        }
    }

    fn run<T>(&self, work: impl AsyncFnOnce(Channel) -> T) -> T {
        let address = self.members.values().next().unwrap();
        self.runtime.as_ref().unwrap().block_on(async {
            let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
            work(channel).await
        })
    }
}

fn lookout(name: &str) -> v1::Lookout {
    v1::Lookout {
        subject: "person".into(),
        names: vec![v1::Name { kind: "primary".into(), full: name.into(), ..Default::default() }],
        action: "refer".into(),
        reason: "power loss test".into(),
        ..Default::default()
    }
}

#[test]
fn acknowledged_writes_survive_a_power_cut_of_every_node() {
    let mut cluster = Cluster::start();
    let names = ["Aurelio Cimarosti", "Bertille Vantongeren", "Casimir Dolgorukov", "Delphine Okonjo"];
    let mut acknowledged = Vec::new();
    for (round, pair) in names.chunks(2).enumerate() {
        acknowledged.extend(cluster.run(async |channel| {
            let mut client = LookoutsClient::new(channel);
            let mut done = Vec::new();
            for name in pair {
                let request_id = RequestId::new(SystemClock.now(), SystemEntropy.sixteen()).to_string();
                let request =
                    v1::CreateLookoutRequest { request_id, lookout: Some(lookout(name)), level: String::new() };
                let answer = client.create(asked(request)).await.unwrap().into_inner();
                assert_eq!(answer.change, "created");
                done.push((name.to_string(), answer.id));
            }
            done
        }));
        cluster.power_cut();
        cluster.power_on();
        cluster.run(async |channel| {
            let (mut records, mut screening) = (LookoutsClient::new(channel.clone()), ScreeningClient::new(channel));
            for (name, id) in &acknowledged {
                let get = v1::GetLookoutRequest { id: id.clone(), version: 0 };
                let record = records.get(asked(get)).await.unwrap_or_else(|error| {
                    panic!("round {round}: an acknowledged write is lost: {error}");
                });
                assert_eq!(&record.into_inner().lookout.unwrap().names[0].full, name);
                let question =
                    v1::ScreenRequest { name: name.clone(), freshness: "linearizable".into(), ..Default::default() };
                let answer = screening.screen(asked(question)).await.unwrap().into_inner();
                assert!(answer.hits.iter().any(|hit| &hit.id == id), "NoMissedLookout: {name} in round {round}");
                assert!(!answer.audit.unwrap().receipt.is_empty());
            }
        });
    }
}
