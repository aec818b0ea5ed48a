//! The clients: each has connections of its own, and they begin at different nodes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use channel::{Secured, Settings};
use client::{Client, Config, SessionFile, Tcp};
use model::ids::to_hex;
use model::limits::DEADLINE_DEFAULT_MS;
use model::session::banner_digest;
use model::time::{Clock, Entropy, UnixMillis};

use crate::cluster::Cluster;
use crate::error::BenchError;

/// Between two looks at certificates: longer than a measurement.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// A client of an officer that begins at the node of a number, counted round.
pub fn client(cluster: &Cluster, number: usize) -> Result<Client, BenchError> {
    client_as(cluster, number, ("officer", "primary"))
}

/// A client of who looks after the cluster.
pub fn administrator(cluster: &Cluster) -> Result<Client, BenchError> {
    client_as(cluster, 0, ("administrator", "administration"))
}

fn client_as(cluster: &Cluster, number: usize, who: (&str, &str)) -> Result<Client, BenchError> {
    client_within(cluster, number, who, Duration::from_millis(DEADLINE_DEFAULT_MS))
}

/// A client of one of the people, for a purpose, with the deadline of its calls.
pub fn client_within(
    cluster: &Cluster,
    number: usize,
    (user, purpose): (&str, &str),
    deadline: Duration,
) -> Result<Client, BenchError> {
    let mut config = Config::new(cluster.endpoints(), user, "CBP", "2404", purpose);
    config.deadline = deadline;
    let entropy = Arc::new(Placed { first: (number % cluster.nodes().len()) as u8, placed: AtomicBool::new(false) });
    let Some(files) = cluster.files(user) else {
        return Ok(Client::connect(config, Arc::new(Tcp), Arc::new(WallClock), entropy)?);
    };
    config.acknowledges = Some(to_hex(&banner_digest()));
    // All clients are processes of one person, who has one session.
    let sessions = SessionFile::beside(cluster.context(), "CBP", user);
    let settings = Settings { files, look_every: LOOK_EVERY, clock: Arc::new(WallClock) };
    let network = Secured::over(Arc::new(Tcp), settings).map_err(|error| BenchError::Cluster(error.to_string()))?;
    Ok(Client::connect_with(config, Arc::new(network), Arc::new(WallClock), entropy, Arc::new(sessions))?)
}

/// A client of somebody for log-ons alone: its sessions are its own, and it begins none by itself.
pub fn log_on_client(
    cluster: &Cluster,
    number: usize,
    user: &str,
    files: channel::Files,
) -> Result<Client, BenchError> {
    connect_anew(&cluster.endpoints(), number, user, files)
}

/// The same with connections of its own.
pub fn connect_anew(
    endpoints: &[String],
    number: usize,
    user: &str,
    files: channel::Files,
) -> Result<Client, BenchError> {
    let config = Config::new(endpoints.to_vec(), user, "CBP", "2404", "primary");
    let entropy = Arc::new(Placed { first: (number % endpoints.len()) as u8, placed: AtomicBool::new(false) });
    let settings = Settings { files, look_every: LOOK_EVERY, clock: Arc::new(WallClock) };
    let network = Secured::over(Arc::new(Tcp), settings).map_err(|error| BenchError::Cluster(error.to_string()))?;
    Ok(Client::connect(config, Arc::new(network), Arc::new(WallClock), entropy)?)
}

struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> UnixMillis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The system's randomness, but for the first draw: by that a client chooses the node where it begins, and chance would
/// spread a few clients unevenly.
struct Placed {
    first: u8,
    placed: AtomicBool,
}

impl Entropy for Placed {
    fn fill(&self, bytes: &mut [u8]) {
        if !self.placed.swap(true, Ordering::Relaxed) {
            bytes.fill(self.first);
        } else if let Err(error) = getrandom::fill(bytes) {
            panic!("the operating system gives no randomness: {error}");
        }
    }
}
