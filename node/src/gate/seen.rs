//! Signs of life of sessions, gathered and written down together, so that a question costs no write (SECURITY.md 2.2).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::audit::merkle::Hash;
use model::command::Command;
use model::command::people::session::SeenSessions;
use model::limits::{SEEN_MAX, SEEN_QUEUE_MAX};
use model::time::UnixMillis;
use prometheus::{IntGauge, Registry};
use raft::group::Group;
use raft::outbox::of_the_cluster;
use tokio_util::sync::CancellationToken;

/// Between two writes.
const EVERY: Duration = Duration::from_secs(1);
const DEADLINE: Duration = Duration::from_secs(5);

/// What was seen since the last write; clones share it.
#[derive(Clone)]
pub struct Seen {
    waiting: Arc<Mutex<BTreeMap<Hash, UnixMillis>>>,
    gauge: IntGauge,
}

impl Seen {
    /// Nothing seen yet.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = IntGauge::new("portcullis_seen_queue", "Sessions whose sign of life waits to be written down.")?;
        registry.register(Box::new(gauge.clone()))?;
        Ok(Self { waiting: Arc::default(), gauge })
    }

    /// A request came.
    pub fn tell(&self, session: Hash, at: UnixMillis) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < SEEN_QUEUE_MAX || waiting.contains_key(&session) {
            waiting.insert(session, at);
        }
        self.gauge.set(waiting.len() as i64);
    }

    fn take(&self) -> Vec<(Hash, UnixMillis)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let taken: Vec<Hash> = waiting.keys().take(SEEN_MAX).copied().collect();
        let taken = taken.into_iter().filter_map(|session| waiting.remove(&session).map(|at| (session, at))).collect();
        self.gauge.set(waiting.len() as i64);
        taken
    }

    /// Writes down until the node stops. What is lost is told again: a session that is used is seen often.
    pub async fn keep(self, directory: Group, stopping: CancellationToken) {
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            loop {
                let seen = self.take();
                let full = seen.len() == SEEN_MAX;
                if seen.is_empty() {
                    break;
                }
                let command = of_the_cluster(Command::SeenSessions(SeenSessions { seen }));
                if let Err(error) = directory.propose(&command, DEADLINE).await {
                    tracing::debug!(%error, "signs of life are not written down");
                }
                if !full {
                    break;
                }
            }
        }
    }
}
