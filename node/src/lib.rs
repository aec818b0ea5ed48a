//! A node of the cluster. [`Node::start`] is the one way to start it: for `main`, for tests and for the simulation.

pub mod audit;
mod bootstrap;
pub mod config;
pub mod cut;
pub mod env;
mod error;
mod gate;
mod http;
mod identity;
#[cfg(feature = "rocksdb")]
pub mod inspect;
mod keys;
mod metrics;
mod passwords;
mod question;
mod records;
mod replica;
mod searches;
mod services;
mod wire;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use model::audit::checkpoint::origin;
use model::certificate::CertificateName;
use model::command::cluster::{ClusterInfo, NodeInfo};
use model::envelope::Caller;
use model::error::Invalid;
use model::ids::{AgencyId, ClusterId, GroupId, NodeId, PortId, Purpose, UserId};
use model::limits::MESSAGE_BYTES_MAX;
use model::time::Clock;
use proto::peer::peer_server::PeerServer;
use proto::transport::Accepted;
use raft::groups::{Groups, StartError};
use raft::network::{PEER_MESSAGE_BYTES_MAX, PeerService, Router};
use raft::storage::StorageError;
use search::{Compartments, Place};
use services::v1::{
    access_policies_server::AccessPoliciesServer, agencies_server::AgenciesServer, agreements_server::AgreementsServer,
    audit_server::AuditServer, cluster_server::ClusterServer, founding_server::FoundingServer,
    imports_server::ImportsServer, lookouts_server::LookoutsServer, matching_server::MatchingServer,
    memoranda_server::MemorandaServer, overrides_server::OverridesServer, roles_server::RolesServer,
    screening_server::ScreeningServer, sessions_server::SessionsServer, users_server::UsersServer,
};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::codegen::http::{Response, header};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

pub use crate::passwords::WAITING_MAX as PASSWORDS_WAITING_MAX;
pub use crate::searches::WAITING_MAX as SEARCHES_WAITING_MAX;

use crate::audit::{Pipeline, Publisher};
use crate::config::{Config, Start, groups_of};
use crate::env::{BoxFuture, Env, Indexes, Listener, Network};
use crate::gate::{Admission, Authority, Denials, Gate, Summaries, Teller};
use crate::identity::{FORMAT, Identity, IdentityError};
use crate::keys::Keys;
use crate::metrics::Metrics;
use crate::passwords::Passwords;
use crate::records::Records;
use crate::replica::Replica;
use crate::services::{Api, Parts};

/// How long a joining node waits for the member that it asks.
const JOIN_DEADLINE: Duration = Duration::from_secs(10);
/// Between two looks at the node's health.
const HEALTH_PAUSE: Duration = Duration::from_millis(250);
/// How long calls under way may take when the node stops.
const DRAIN: Duration = Duration::from_secs(3);
/// How long what they left to be written down may take then.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Why a node did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Groups(StartError),
    #[error("cannot listen on {address}: {reason}")]
    Listen { address: String, reason: String },
    #[error("the member at {address} does not say which cluster it is: {reason}")]
    Join { address: String, reason: String },
    #[error("the search index of {group} does not open: {reason}")]
    Index { group: GroupId, reason: String },
    #[error("metrics: {0}")]
    Metrics(String),
    #[error("access: {0}")]
    Access(String),
    #[error("TLS: {0}")]
    Channel(String),
    #[error("this is {expected}, and its certificate names {}; issue one for this node", found.join(", "))]
    OtherCertificate { expected: CertificateName, found: Vec<String> },
    #[error("the services ended: {reason}")]
    Unserved { reason: String },
    #[error("{group} has stopped: {reason}")]
    Failed { group: GroupId, reason: String },
}

impl NodeError {
    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Identity(
                IdentityError::OtherNode { .. } | IdentityError::OtherCluster { .. } | IdentityError::OtherKey { .. },
            ) => 4,
            Self::Channel(_) | Self::OtherCertificate { .. } => 2,
            Self::Storage(_) | Self::Identity(_) | Self::Groups(_) | Self::Failed { .. } => 3,
            _ => 1,
        }
    }
}

/// A running node.
pub struct Node {
    groups: Groups,
    api: Api,
    stopping: CancellationToken,
    tasks: TaskTracker,
    /// Cancelled once no call is served any more, and what writes down then what calls left.
    served: CancellationToken,
    keepers: TaskTracker,
    address: String,
    /// Why the services ended by themselves.
    unserved: Arc<OnceLock<String>>,
}

impl Node {
    /// Starts a node: storage, groups, search, audit, services, in this order. Returns once it listens.
    ///
    /// Boxed, so that the node is compiled once, here, and not in each crate that starts one.
    pub fn start(config: Config, env: Env) -> BoxFuture<'static, Result<Self, NodeError>> {
        let mut seed = [0; 8];
        env.entropy.fill(&mut seed);
        // Election timeouts are drawn from this seed, in production as in the simulation.
        Box::pin(raft::Seeded::scope(u64::from_le_bytes(seed), Self::start_seeded(config, env)))
    }

    async fn start_seeded(config: Config, env: Env) -> Result<Self, NodeError> {
        let metrics = Metrics::new(config.searches).map_err(|error| NodeError::Metrics(error.to_string()))?;
        let identity = identify(&config, &env, &metrics).await?;
        let expected = CertificateName::node(identity.cluster, config.node);
        if !config.names.is_empty() && !config.names.contains(&expected.to_string()) {
            return Err(NodeError::OtherCertificate { expected, found: config.names });
        }
        let listener = listen(&*env.network, &config.listen).await?;
        let http = match &config.http {
            Some(address) => Some(listen(&*env.open_network, address).await?),
            None => None,
        };
        let address = listener.address().unwrap_or_else(|_| config.listen.clone());
        let ground = ground(&env, &metrics);
        let router = Router::new(identity.cluster, config.node, config.keyring.check(), config.listen.clone(), ground);
        let group_metrics = (metrics.log.clone(), metrics.groups.clone());
        let members = match &config.start {
            Start::First { members, .. } => members.values().cloned().collect(),
            Start::Join(member) => [member.clone()].into(),
            Start::Known => Default::default(),
        };
        let storage = env.storage.clone();
        let groups = Groups::start(&identity.groups, storage, router, members, config.timings, group_metrics)
            .await
            .map_err(NodeError::Groups)?;
        let directory = groups.get(GroupId::Directory).map_err(|error| NodeError::Access(error.to_string()))?.clone();
        let (clock, entropy) = (env.clock.clone(), env.entropy.clone());
        let keys = Keys::new(config.keyring.clone(), directory.clone(), clock, entropy, metrics.keys.clone());
        let records = Records::new(keys.clone());
        let (stopping, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (served, keepers) = (CancellationToken::new(), TaskTracker::new());
        let tables = env.tables.clone();
        let mut replicas = Vec::new();
        for group in groups.records() {
            let index = open_index(&env, group.id())?;
            let search = metrics.search.clone();
            let how = (env.work, config.index_linger);
            let replica = Replica::new(group.clone(), index, tables.clone(), records.clone(), search, how);
            tasks.spawn(replica.clone().keep_indexed(stopping.clone()));
            tasks.spawn(keys.clone().keep_resealed(group.clone(), stopping.clone()));
            replicas.push(replica);
        }
        tasks.spawn(keys.clone().keep(stopping.clone()));
        for group in groups.iter().filter(|group| matches!(group.id(), GroupId::Audit(_))) {
            let key = config.keyring.log_key(&origin(identity.cluster, group.id()));
            let key = key.map_err(|error| NodeError::Access(error.to_string()))?;
            let (witnesses, network) = (config.witnesses.clone(), env.open_network.clone());
            let publisher = Publisher::new(group.clone(), key, witnesses, network, metrics.publish.clone());
            tasks.spawn(publisher.keep(stopping.clone()));
        }
        let (seen, (denials, told)) = (metrics.seen.clone(), Denials::new(metrics.denials.clone()));
        let authority = match config.gated {
            false => None,
            true => {
                let authority = Authority::new(directory.clone(), seen.clone(), metrics.access.clone());
                Some(Arc::new(authority.map_err(|error| NodeError::Access(error.to_string()))?))
            }
        };
        tasks.spawn(seen.keep(directory.clone(), stopping.clone()));
        let pipeline = Pipeline::start(groups.clone(), keys, env.entropy.clone(), metrics.audit.clone());
        let teller = Teller {
            directory,
            pipeline: pipeline.clone(),
            clock: env.clock.clone(),
            entropy: env.entropy.clone(),
            caller: of_the_node(config.node, &config.port).map_err(|error| NodeError::Access(error.to_string()))?,
        };
        let admission = Admission::new(config.capacity, metrics.admission.clone());
        let summaries = Summaries {
            pipeline: pipeline.clone(),
            clock: env.clock.clone(),
            entropy: env.entropy.clone(),
            node: teller.caller.clone(),
        };
        keepers.spawn(admission.clone().summarise(summaries, served.clone()));
        keepers.spawn(denials.clone().keep(told, teller, served.clone()));
        let keyring = Arc::new(config.keyring.clone());
        let api = Api::new(Parts {
            admission,
            gate: Gate::new((identity.cluster, config.node), env.clock.clone(), env.entropy.clone(), authority)
                .with_cuts(config.cuts.clone()),
            denials: denials.clone(),
            groups: groups.clone(),
            replicas,
            pipeline,
            passwords: Passwords::new(keyring, env.entropy.clone(), env.work, metrics.hashing.clone()),
            records,
            metrics: metrics.clone(),
            tables,
            searches: metrics.searches.clone(),
            work: env.work,
            stopping: stopping.clone(),
        });
        if let Start::First { members, .. } = &config.start {
            groups.initialise(members).await.map_err(NodeError::Groups)?;
        }
        let info = ClusterInfo {
            cluster: identity.cluster,
            records_groups: identity.groups.iter().filter(|group| group.is_records()).count() as u16,
            audit_groups: 1,
        };
        let me = NodeInfo {
            node: config.node,
            address: config.listen.clone(),
            region: config.region.clone(),
            port: config.port.clone(),
        };
        tasks.spawn(bootstrap::run(groups.clone(), info, me, config.ceremony.clone(), stopping.clone()));
        let unserved = Arc::new(OnceLock::new());
        let clock = env.clock.clone();
        tasks.spawn(serve(listener, groups.clone(), api.clone(), clock, stopping.clone(), unserved.clone()));
        if let Some(http) = http {
            tasks.spawn(http::serve(http, metrics, api.clone(), stopping.clone().cancelled_owned()));
        }
        tracing::info!(node = %config.node, cluster = %identity.cluster, %address, "node started");
        Ok(Self { groups, api, stopping, tasks, served, keepers, address, unserved })
    }

    /// Where the node listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether every group has a leader and this node serves.
    pub fn ready(&self) -> bool {
        self.api.ready()
    }

    /// The node's replicas, for whoever watches them.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// The node's metrics, as `/metrics` gives them.
    pub fn metrics(&self) -> Result<String, NodeError> {
        self.api.0.metrics.text().map_err(|error| NodeError::Metrics(error.to_string()))
    }

    /// Returns when a group has stopped by itself, since its storage failed and going on could lose data, or when nothing is
    /// served any more.
    pub async fn failed(&self) -> NodeError {
        loop {
            if let Some(reason) = self.unserved.get() {
                return NodeError::Unserved { reason: reason.clone() };
            }
            for group in self.groups.iter() {
                if let Some(reason) = group.failure() {
                    return NodeError::Failed { group: group.id(), reason };
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Stops in order: no new calls, leadership handed over, state flushed, so that nothing is left to replay.
    pub async fn stop(self) -> Result<(), NodeError> {
        // Leadership first, while the services still answer: clients are sent on instead of cut off.
        // All groups at once: where nobody is left to take over, each waits for its attempt to end.
        futures_util::future::join_all(self.groups.iter().map(|group| group.step_down())).await;
        self.stopping.cancel();
        self.tasks.close();
        if tokio::time::timeout(DRAIN, self.tasks.wait()).await.is_err() {
            tracing::warn!("calls under way did not end in time and are cut off");
        }
        self.served.cancel();
        self.keepers.close();
        if tokio::time::timeout(LAST_WORDS, self.keepers.wait()).await.is_err() {
            tracing::warn!("denials, or the summary of what was beyond a rate, could not be written down in time");
        }
        self.groups
            .stop()
            .await
            .map_err(|error| NodeError::Failed { group: GroupId::Directory, reason: error.to_string() })?;
        tracing::info!("node stopped");
        Ok(())
    }
}

/// On whose behalf a node records what it does by itself.
fn of_the_node(node: NodeId, port: &str) -> Result<Caller, Invalid> {
    Ok(Caller {
        user: UserId::new("cluster")?,
        agency: AgencyId::new("cluster")?,
        port: PortId::new(port)?,
        purpose: Purpose::new("access")?,
        node,
    })
}

/// Who the node is: from its data directory, or, if that is new, from the command line or a member.
async fn identify(config: &Config, env: &Env, metrics: &Metrics) -> Result<Identity, NodeError> {
    let engine = &*env.storage;
    let known = Identity::read(engine, config.node)?;
    let identity = match (known, &config.start) {
        (Some(identity), Start::First { cluster, .. }) => {
            identity.expect_cluster(engine, *cluster)?;
            identity.expect_key(engine, config.keyring.check())?;
            return Ok(identity);
        }
        (Some(identity), _) => {
            identity.expect_key(engine, config.keyring.check())?;
            return Ok(identity);
        }
        (None, Start::Known) => return Err(IdentityError::New { place: engine.place() }.into()),
        (None, Start::First { cluster, records_groups, .. }) => {
            let (key_check, groups) = (config.keyring.check(), groups_of(*records_groups));
            Identity { format: FORMAT, cluster: *cluster, node: config.node, key_check, groups }
        }
        (None, Start::Join(address)) => join(config, env, metrics, address).await?,
    };
    identity.write(engine)?;
    Ok(identity)
}

fn ground(env: &Env, metrics: &Metrics) -> raft::network::Ground {
    let mut start = [0; 8];
    env.entropy.fill(&mut start);
    raft::network::Ground {
        network: env.network.clone(),
        clock: env.clock.clone(),
        metrics: metrics.peers.clone(),
        start: u64::from_le_bytes(start),
    }
}

async fn join(config: &Config, env: &Env, metrics: &Metrics, address: &str) -> Result<Identity, NodeError> {
    let failed = |reason: String| NodeError::Join { address: address.to_string(), reason };
    let key_check = config.keyring.check();
    let nobody = ClusterId([0; 16]);
    let router = Router::new(nobody, config.node, key_check, config.listen.clone(), ground(env, metrics));
    let reply = router.describe(address, JOIN_DEADLINE).await.map_err(|status| failed(status.message().into()))?;
    let cluster = <[u8; 16]>::try_from(reply.cluster.as_ref()).map_err(|_| failed("it names no cluster".into()))?;
    let groups: Option<Vec<GroupId>> = reply.groups.iter().map(|number| GroupId::from_number(*number)).collect();
    let groups = groups.ok_or_else(|| failed("it has groups that this program does not know".into()))?;
    Ok(Identity { format: FORMAT, cluster: ClusterId(cluster), node: config.node, key_check, groups })
}

async fn listen(network: &dyn Network, address: &str) -> Result<Box<dyn Listener>, NodeError> {
    let listening = network.listen(address).await;
    listening.map_err(|error| NodeError::Listen { address: address.to_string(), reason: error.to_string() })
}

fn open_index(env: &Env, group: GroupId) -> Result<Arc<Compartments>, NodeError> {
    let place = match &env.indexes {
        Indexes::Directory(root) => Place::Directory(root.join(group.to_string())),
        Indexes::Memory => Place::Memory,
    };
    let index = Compartments::open(place, env.tables.clone())
        .map_err(|error| NodeError::Index { group, reason: error.to_string() })?;
    Ok(Arc::new(index))
}

/// Keeps the standard health service as `/readyz` is: for the node as a whole, and for screening by its name.
async fn keep_health(reporter: HealthReporter, api: Api, stopping: CancellationToken) {
    loop {
        let status = if api.ready() { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in ["", <ScreeningServer<Api> as tonic::server::NamedService>::NAME] {
            reporter.set_service_status(service, status).await;
        }
        if stopping.is_cancelled() {
            return;
        }
        tokio::select! {
            () = stopping.cancelled() => {}
            () = tokio::time::sleep(HEALTH_PAUSE) => {}
        }
    }
}

/// Serves peers and clients on one listener until the node stops.
async fn serve(
    mut listener: Box<dyn Listener>,
    groups: Groups,
    api: Api,
    clock: Arc<dyn Clock>,
    stopping: CancellationToken,
    unserved: Arc<OnceLock<String>>,
) {
    let (health_reporter, health) = tonic_health::server::health_reporter();
    tokio::spawn(keep_health(health_reporter, api.clone(), stopping.clone()));
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::v1::DESCRIPTORS)
        .build_v1();
    let reflection = match reflection {
        Ok(reflection) => reflection,
        Err(error) => {
            unserved.get_or_init(|| error.to_string());
            return;
        }
    };
    let incoming = async_stream::stream! {
        loop {
            match listener.accept().await {
                Ok((stream, remote)) => yield Ok::<_, std::io::Error>(Accepted::new(stream, remote)),
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    };
    macro_rules! bounded {
        ($server:ident) => {
            $server::new(api.clone())
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(MESSAGE_BYTES_MAX)
        };
    }
    let peers = PeerServer::new(PeerService::new(groups))
        .max_decoding_message_size(PEER_MESSAGE_BYTES_MAX)
        .max_encoding_message_size(PEER_MESSAGE_BYTES_MAX);
    // Without it the HTTP library reads the machine's own clock for this header.
    let dated = tower::util::MapResponseLayer::new(move |mut response: Response<_>| {
        response.headers_mut().insert(header::DATE, http::date_header(clock.now()));
        response
    });
    let served = tonic::transport::Server::builder()
        .layer(dated)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .http2_keepalive_interval(Some(Duration::from_secs(10)))
        .add_service(peers)
        .add_service(bounded!(LookoutsServer))
        .add_service(bounded!(ImportsServer))
        .add_service(bounded!(ScreeningServer))
        .add_service(bounded!(MatchingServer))
        .add_service(bounded!(OverridesServer))
        .add_service(bounded!(UsersServer))
        .add_service(bounded!(AgenciesServer))
        .add_service(bounded!(RolesServer))
        .add_service(bounded!(AgreementsServer))
        .add_service(bounded!(MemorandaServer))
        .add_service(bounded!(AccessPoliciesServer))
        .add_service(bounded!(AuditServer))
        .add_service(bounded!(ClusterServer))
        .add_service(bounded!(SessionsServer))
        .add_service(bounded!(FoundingServer))
        .add_service(health)
        .add_service(reflection)
        .serve_with_incoming_shutdown(incoming, stopping.clone().cancelled_owned())
        .await;
    if !stopping.is_cancelled() {
        unserved.get_or_init(|| served.err().map_or("the server ended".into(), |error| error.to_string()));
    }
}
