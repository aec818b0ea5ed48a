//! Everything outside a node, handed in: network, clock, randomness, storage, tables, and where slow work runs. Production's own is
//! [`Env::production`]; the simulation hands in another. Nothing else in the node reads a clock or draws randomness.

#[cfg(feature = "rocksdb")]
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::time::{Clock, Entropy, UnixMillis};
use raft::storage::Engine;
use search::Tables;

pub use proto::transport::{BoxFuture, Certificate, Listener, Network, Remote, Stream, Tcp};

/// What a node stands on.
#[derive(Clone)]
pub struct Env {
    pub network: Arc<dyn Network>,
    /// Where metrics and health are served: without certificates, so that a probe needs none.
    pub open_network: Arc<dyn Network>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub storage: Arc<dyn Engine>,
    /// What names are matched by; the same on every node.
    pub tables: Arc<Tables>,
    /// Where search indexes lie.
    pub indexes: Indexes,
    /// Where slow work runs.
    pub work: Work,
}

/// Where search indexes lie.
#[derive(Debug, Clone)]
pub enum Indexes {
    Directory(PathBuf),
    Memory,
}

/// Where work that takes long runs: threads beside the runtime; or in place, so that a simulation replays, with so much time
/// between the work and its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Threads,
    InPlace(Duration),
}

impl Work {
    /// Runs the work and waits for it. None if it panicked.
    pub async fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        match self {
            Self::InPlace(pause) => {
                let done = work();
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
                Some(done)
            }
            Self::Threads => tokio::task::spawn_blocking(work).await.ok(),
        }
    }
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        UnixMillis(since.map_or(0, |since| since.as_millis() as u64))
    }
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[allow(clippy::expect_used, reason = "a node without randomness must not run: it would repeat nonces")]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives randomness");
    }
}

impl Env {
    /// The machine that the process runs on, with its data below a directory, over this network.
    #[cfg(feature = "rocksdb")]
    pub fn production(data_dir: &Path, network: Arc<dyn Network>) -> Result<Self, raft::storage::StorageError> {
        use raft::storage::rocks::{Limits, RocksEngine};
        Ok(Self {
            network,
            open_network: Arc::new(Tcp),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            storage: Arc::new(RocksEngine::new(data_dir, Limits::default())?),
            tables: Arc::new(Tables::standard()),
            indexes: Indexes::Directory(data_dir.join("indexes")),
            work: Work::Threads,
        })
    }

    /// This machine's network and clock over storage in memory: for tests.
    pub fn in_memory(storage: Arc<dyn Engine>) -> Self {
        Self {
            network: Arc::new(Tcp),
            open_network: Arc::new(Tcp),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            storage,
            tables: Arc::new(Tables::standard()),
            indexes: Indexes::Memory,
            work: Work::InPlace(Duration::ZERO),
        }
    }
}
