//! Makes events durable: many in one entry of an audit group's log; waits for nothing when idle, for 2 ms when busy.

use std::sync::Arc;
use std::time::Duration;

use model::audit::event::{EventDraft, EventHeader, EventPayload, ReleasedBy};
use model::audit::merkle::Hash;
use model::audit::subject::subjects;
use model::codec;
use model::command::append::AppendEvents;
use model::command::{Command, Outcome};
use model::ids::{GroupId, to_hex};
use model::known_bugs::{KnownBug, planted};
use model::limits::{AUDIT_BATCH_MAX, AUDIT_LINGER_MS, AUDIT_QUEUE_MAX, COMMAND_BYTES_MAX};
use model::time::{Entropy, UnixMillis};
use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge, Registry};
use raft::error::GroupError;
use raft::groups::Groups;
use raft::metrics::SECONDS;
use raft::outbox::of_the_cluster;
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::released::{Answer, Released, Unreleased};
use crate::keys::Keys;

/// Entries of events under way at a time.
const IN_FLIGHT_MAX: usize = 4;
/// How long an entry of events may take; the answers wait no longer.
const APPEND_DEADLINE: Duration = Duration::from_secs(8);

/// Where an event stands: its leaf's hash, opaque and of fixed length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt(pub Hash);

impl std::fmt::Display for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

/// Why an event did not become durable; its answer stays here.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AuditError {
    #[error("too many events wait for the audit log")]
    Full,
    #[error("the audit log is not available: {0}")]
    Unavailable(String),
    #[error("the audit log did not take the event in time")]
    Late,
    #[error("the event cannot be sealed: {0}")]
    Seal(String),
}

/// Metrics of the pipeline.
#[derive(Clone)]
pub struct AuditMetrics {
    queue: IntGauge,
    events: IntCounter,
    entries: IntCounter,
    seconds: Histogram,
}

impl AuditMetrics {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let options =
            HistogramOpts::new("portcullis_audit_release_seconds", "Wait of an answer for its durable event.");
        let metrics = Self {
            queue: IntGauge::new("portcullis_audit_queue", "Events that wait for the audit log.")?,
            events: IntCounter::new("portcullis_audit_events_total", "Events made durable for answers.")?,
            entries: IntCounter::new("portcullis_audit_entries_total", "Log entries that carried those events.")?,
            seconds: Histogram::with_opts(options.buckets(SECONDS.to_vec()))?,
        };
        registry.register(Box::new(metrics.queue.clone()))?;
        registry.register(Box::new(metrics.events.clone()))?;
        registry.register(Box::new(metrics.entries.clone()))?;
        registry.register(Box::new(metrics.seconds.clone()))?;
        Ok(metrics)
    }
}

struct Waiting {
    draft: EventDraft,
    bytes: usize,
    done: oneshot::Sender<Result<Receipt, AuditError>>,
}

/// The way of every event and answer.
#[derive(Clone)]
pub struct Pipeline {
    queue: mpsc::Sender<Waiting>,
    keys: Keys,
    entropy: Arc<dyn Entropy>,
    metrics: AuditMetrics,
}

impl Pipeline {
    /// Starts the worker. It ends when the last pipeline is dropped.
    pub fn start(groups: Groups, keys: Keys, entropy: Arc<dyn Entropy>, metrics: AuditMetrics) -> Self {
        let (queue, waiting) = mpsc::channel(AUDIT_QUEUE_MAX);
        tokio::spawn(worker(groups, waiting, metrics.clone()));
        Self { queue, keys, entropy, metrics }
    }

    /// Seals a payload into an event.
    pub fn draft(&self, header: EventHeader, payload: &EventPayload) -> Result<EventDraft, AuditError> {
        let sealed = self.keys.seal_event(header.id, &payload.to_cbor());
        let ring = self.keys.ring();
        let tokens = subjects(payload, UnixMillis(header.at_ms)).iter().map(|subject| ring.asked(subject)).collect();
        Ok(EventDraft { header, payload: sealed.map_err(|error| AuditError::Seal(error.to_string()))?, tokens })
    }

    /// Makes an event durable.
    pub async fn record(&self, header: EventHeader, payload: &EventPayload) -> Result<Receipt, AuditError> {
        let begun = tokio::time::Instant::now();
        let draft = self.draft(header, payload)?;
        let bytes = codec::encode(&draft).map_err(|error| AuditError::Seal(error.to_string()))?.len();
        let (done, receipt) = oneshot::channel();
        self.queue.try_send(Waiting { draft, bytes, done }).map_err(|_| AuditError::Full)?;
        let receipt = receipt.await.unwrap_or_else(|_| Err(AuditError::Unavailable("the node is stopping".into())))?;
        self.metrics.seconds.observe(begun.elapsed().as_secs_f64());
        Ok(receipt)
    }

    /// Makes an answer's event durable and releases the answer.
    pub async fn release<T: Answer>(&self, mut answer: Unreleased<T>) -> Result<Released<T>, AuditError> {
        let nonce = self.entropy.sixteen();
        let body = answer.body.encode_to_vec();
        let digest = Sha256::new().chain_update(nonce).chain_update(&body).finalize();
        if let Some(circumstances) = &mut answer.header.circumstances {
            circumstances.bytes = body.len() as u64;
        }
        answer.header.answer = Some(digest.into());
        answer.payload.nonce = Some(nonce);
        if planted(KnownBug::AuditAfterRelease) {
            let (pipeline, header, payload) = (self.clone(), answer.header.clone(), answer.payload.clone());
            tokio::spawn(async move { pipeline.record(header, &payload).await });
            return Ok(answer.release(&Receipt(digest.into()), ReleasedBy::Quorum));
        }
        let receipt = self.record(answer.header.clone(), &answer.payload).await?;
        Ok(answer.release(&receipt, ReleasedBy::Quorum))
    }
}

async fn worker(groups: Groups, mut waiting: mpsc::Receiver<Waiting>, metrics: AuditMetrics) {
    let in_flight = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
    let mut held: Option<Waiting> = None;
    loop {
        let first = match held.take() {
            Some(first) => first,
            None => match waiting.recv().await {
                Some(first) => first,
                None => return,
            },
        };
        let busy = in_flight.available_permits() < IN_FLIGHT_MAX;
        let Ok(permit) = in_flight.clone().acquire_owned().await else { return };
        let linger = tokio::time::sleep(Duration::from_millis(if busy { AUDIT_LINGER_MS } else { 0 }));
        tokio::pin!(linger);
        let mut bytes = first.bytes;
        let mut company = vec![first];
        while company.len() < AUDIT_BATCH_MAX {
            let next = tokio::select! {
                biased;
                next = waiting.recv() => next,
                () = &mut linger => break,
            };
            let Some(next) = next else { break };
            if bytes + next.bytes > COMMAND_BYTES_MAX / 2 {
                held = Some(next);
                break;
            }
            bytes += next.bytes;
            company.push(next);
        }
        metrics.queue.set(waiting.len() as i64);
        let (groups, metrics) = (groups.clone(), metrics.clone());
        tokio::spawn(async move {
            let (drafts, answers): (Vec<_>, Vec<_>) = company.into_iter().map(|one| (one.draft, one.done)).unzip();
            let mut result = append(&groups, drafts).await;
            if planted(KnownBug::ReceiptsMixedUp)
                && let Ok(leaves) = &mut result
            {
                leaves.reverse();
            }
            metrics.entries.inc();
            for (at, done) in answers.into_iter().enumerate() {
                let receipt = match &result {
                    Ok(leaves) => leaves
                        .get(at)
                        .map(|leaf| Receipt(*leaf))
                        .ok_or_else(|| AuditError::Unavailable("the audit log answered with too few leaves".into())),
                    Err(error) => Err(error.clone()),
                };
                metrics.events.inc_by(u64::from(receipt.is_ok()));
                // Whoever asked may have gone; the event stands.
                drop(done.send(receipt));
            }
            drop(permit);
        });
    }
}

/// Appends events. A repeated attempt may write an event twice, under the same id; it is never lost.
async fn append(groups: &Groups, events: Vec<EventDraft>) -> Result<Vec<Hash>, AuditError> {
    let unavailable = |error: GroupError| AuditError::Unavailable(error.to_string());
    let group = groups.get(GroupId::Audit(0)).map_err(unavailable)?;
    let envelope = of_the_cluster(Command::AppendEvents(AppendEvents { events }));
    match group.propose(&envelope, APPEND_DEADLINE).await.map_err(unavailable)? {
        Outcome::Appended(appended) => Ok(appended.leaves),
        other => Err(AuditError::Unavailable(format!("the audit log answered with {}", other.name()))),
    }
}
