//! Denials that count against an account (R23): told to the directory, so that whoever hops from node to node is counted once,
//! and suspended in the entry that crosses the threshold.

use std::sync::Arc;
use std::time::Duration;

use model::access::denial::Denial;
use model::audit::event::{EventHeader, EventKind, EventPayload};
use model::command::Command;
use model::command::people::denials::{Denied, RecordDenials};
use model::envelope::{Caller, Envelope};
use model::ids::{RequestId, UserId};
use model::known_bugs::{KnownBug, planted};
use model::limits::{DENIALS_MAX, DENIALS_QUEUE_MAX};
use model::people::scores::DenialKind;
use model::time::{Clock, Entropy, UnixMillis};
use prometheus::{IntCounter, IntGauge, Registry};
use raft::group::Group;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::audit::Pipeline;

/// Wait for company after the first denial (SECURITY.md 1.6).
const LINGER: Duration = Duration::from_millis(100);
const DEADLINE: Duration = Duration::from_secs(5);
/// Attempts at one batch; each has the same request id, so it counts once.
const ATTEMPTS: usize = 5;

/// What is counted of it.
#[derive(Clone)]
pub struct DenialMetrics {
    waiting: IntGauge,
    lost: IntCounter,
}

impl DenialMetrics {
    /// Registers them.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let lost = "Denials that did not reach the directory, and so did not count against their account.";
        let metrics = Self {
            waiting: IntGauge::new("portcullis_denials_queue", "Denials that wait to be told to the directory.")?,
            lost: IntCounter::new("portcullis_denials_lost_total", lost)?,
        };
        registry.register(Box::new(metrics.waiting.clone()))?;
        registry.register(Box::new(metrics.lost.clone()))?;
        Ok(metrics)
    }
}

/// Takes denials; clones share it.
#[derive(Clone)]
pub struct Denials {
    queue: mpsc::Sender<Denied>,
    metrics: DenialMetrics,
}

/// What keeps telling them.
pub struct Teller {
    pub directory: Group,
    pub pipeline: Pipeline,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    /// On whose behalf it tells: this node.
    pub caller: Caller,
}

/// How a refusal counts. What lapsed by time is no attempt at anything, and does not count.
pub fn counts_as(denial: Denial) -> Option<DenialKind> {
    match denial {
        Denial::Function | Denial::Duty | Denial::SystemLink | Denial::Delegation => Some(DenialKind::Function),
        Denial::Transaction | Denial::Station => Some(DenialKind::TransactionOrStation),
        Denial::Redissemination => Some(DenialKind::Export),
        Denial::LevelThree
        | Denial::LevelFour
        | Denial::BackgroundType
        | Denial::EnhancedDocument
        | Denial::Owner
        | Denial::TransactionRecord
        | Denial::Closed => Some(DenialKind::MissedId),
        _ => None,
    }
}

impl Denials {
    /// A queue, and its end for who tells.
    pub fn new(metrics: DenialMetrics) -> (Self, mpsc::Receiver<Denied>) {
        let (queue, told) = mpsc::channel(DENIALS_QUEUE_MAX);
        (Self { queue, metrics }, told)
    }

    /// Counts a denial against a caller.
    pub fn tell(&self, caller: &Caller, kind: DenialKind) {
        match self.queue.try_send(Denied { user: caller.user.clone(), kind }) {
            Ok(()) => self.metrics.waiting.inc(),
            Err(_) => self.metrics.lost.inc(),
        }
    }

    /// Tells them until the node has served its last call, and then those that still wait.
    pub async fn keep(self, mut told: mpsc::Receiver<Denied>, teller: Teller, served: CancellationToken) {
        // For the known bug alone.
        let mut held: Vec<Denied> = Vec::new();
        loop {
            let mut batch = Vec::new();
            tokio::select! {
                biased;
                _ = told.recv_many(&mut batch, 1) => {}
                () = served.cancelled() => {}
            }
            if batch.is_empty() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(LINGER) => {}
                () = served.cancelled() => {}
            }
            while batch.len() < DENIALS_MAX
                && let Ok(next) = told.try_recv()
            {
                batch.push(next);
            }
            let count = batch.len();
            self.metrics.waiting.sub(count as i64);
            if planted(KnownBug::DenialsCountedPerNode) {
                held.append(&mut batch);
                let enough = |user: &UserId| held.iter().filter(|one| one.user == *user).count() >= 3;
                let users: Vec<UserId> = held.iter().map(|one| one.user.clone()).filter(enough).collect();
                batch = held.extract_if(.., |one| users.contains(&one.user)).collect();
                if batch.is_empty() {
                    continue;
                }
            }
            if !teller.tell(batch).await {
                self.metrics.lost.inc_by(count as u64);
            }
        }
    }
}

impl Teller {
    async fn tell(&self, denials: Vec<Denied>) -> bool {
        let now = self.clock.now();
        let request = RequestId::new(now, self.entropy.sixteen());
        let header = EventHeader::new(EventKind::Denials, request, &self.caller, now);
        let event = match self.pipeline.draft(header, &EventPayload::default()) {
            Ok(event) => event,
            Err(error) => {
                tracing::error!(%error, "denials cannot be told");
                return false;
            }
        };
        let command = Command::RecordDenials(RecordDenials { denials, event });
        let envelope = Envelope { request, caller: None, decision: None, time: UnixMillis(0), command };
        for _ in 0..ATTEMPTS {
            match self.directory.propose(&envelope, DEADLINE).await {
                Ok(model::command::Outcome::Refused(refusal)) => {
                    tracing::error!(text = refusal.text, "denials were not taken");
                    return false;
                }
                Ok(_) => return true,
                Err(error) => tracing::debug!(%error, "denials are told again"),
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T05: the count is no oracle, and R04: whose course lapsed overnight is not suspended for asking.
    #[test]
    fn what_is_hidden_counts_as_a_miss_by_id_and_what_lapsed_does_not_count() {
        for hidden in [Denial::LevelThree, Denial::LevelFour, Denial::BackgroundType, Denial::Closed, Denial::Owner] {
            assert_eq!(counts_as(hidden), Some(DenialKind::MissedId), "{hidden}");
        }
        for lapsed in [
            Denial::BackgroundMissing,
            Denial::BackgroundStale,
            Denial::Course,
            Denial::Certification,
            Denial::Ncic,
            Denial::Agreement,
            Denial::Nationality,
            Denial::Suspended,
            Denial::Consent,
        ] {
            assert_eq!(counts_as(lapsed), None, "{lapsed}");
        }
        assert_eq!(counts_as(Denial::Function), Some(DenialKind::Function));
        assert_eq!(counts_as(Denial::Station), Some(DenialKind::TransactionOrStation));
        assert_eq!(counts_as(Denial::Redissemination), Some(DenialKind::Export));
    }
}
