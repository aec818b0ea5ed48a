//! Bringing in a source list: a stream of batches, a few of them on their way at a time.
//!
//! When the stream breaks it is begun again at the next endpoint, and the batches that were not acknowledged are sent
//! once more. The cluster knows each entry by source and reference, so a batch that did arrive changes nothing the second
//! time. What it created is then counted as unchanged, and what a first end removed is not counted at all: nobody can
//! tell, so `ImportSession::repeated` says that the counts are a lower bound.

use std::collections::VecDeque;
use std::time::Duration;

use model::limits::{COMMAND_BYTES_MAX, DEADLINE_MAX_MS, IMPORT_BATCH_MAX};
use proto::v1;
use proto::v1::import_request::Step;
use proto::v1::imports_client::ImportsClient;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::call::{ANSWER_BYTES_MAX, Backoff};
use crate::error::Failure;
use crate::session::SESSION_NEEDED;
use crate::{Client, ClientError};

/// Bytes of the entries of one batch: a command in the log holds them all, sealed, and is bounded itself.
pub const IMPORT_BATCH_BYTES_MAX: usize = COMMAND_BYTES_MAX / 2;

/// The bytes that an entry takes in a batch.
pub fn entry_bytes(entry: &v1::ImportEntry) -> usize {
    prost::Message::encoded_len(entry)
}

/// Batches on their way at a time: enough that the cluster never waits for the reader, few enough to bound memory.
const WINDOW: usize = 4;
/// A batch is acknowledged within this time, or the stream counts as broken.
const BATCH_TIMEOUT: Duration = Duration::from_secs(10);
/// The end of an import sweeps every records group.
const FINISH_TIMEOUT: Duration = Duration::from_secs(45);

/// A batch that the cluster has taken, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Acknowledged {
    pub entries: Vec<v1::ImportEntry>,
    pub progress: v1::ImportProgress,
}

/// An import that is under way.
pub struct ImportSession {
    client: Client,
    begin: v1::ImportBegin,
    waiting: VecDeque<v1::ImportBatch>,
    /// A reference that the list was said to name; a later stream names it again where nothing waits to be sent.
    named: Option<String>,
    repeated: bool,
    stream: Option<Stream>,
}

struct Stream {
    at: usize,
    requests: mpsc::Sender<v1::ImportRequest>,
    answers: Streaming<v1::ImportProgress>,
}

fn step(step: Step) -> v1::ImportRequest {
    v1::ImportRequest { step: Some(step) }
}

/// What a stream begins with. When only the answer to the end was lost, the import has ended at the nodes and begins anew
/// there; they refuse the end of an import that named nothing, so such a stream names one entry again.
fn opening(
    begin: &v1::ImportBegin,
    waiting: &VecDeque<v1::ImportBatch>,
    named: Option<&String>,
) -> Vec<v1::ImportRequest> {
    let mut requests = vec![step(Step::Begin(begin.clone()))];
    requests.extend(waiting.iter().map(|batch| step(Step::Batch(batch.clone()))));
    if let Some(named) = named.filter(|_| waiting.is_empty()) {
        requests.push(step(Step::Batch(v1::ImportBatch { entries: Vec::new(), kept: vec![named.clone()] })));
    }
    requests
}

impl Client {
    /// Begins an import, or goes on with one of the same source and id.
    pub async fn begin_import(&self, source: &str, import_id: &str) -> Result<ImportSession, ClientError> {
        let begin = v1::ImportBegin { source: source.to_string(), import_id: import_id.to_string() };
        let (waiting, client) = (VecDeque::with_capacity(WINDOW), self.clone());
        let mut session = ImportSession { client, begin, waiting, named: None, repeated: false, stream: None };
        session.connected().await?;
        Ok(session)
    }
}

impl ImportSession {
    /// Sends a batch; first takes in an acknowledgement when enough batches are on their way.
    pub async fn send(&mut self, entries: Vec<v1::ImportEntry>) -> Result<Option<Acknowledged>, ClientError> {
        self.batch(v1::ImportBatch { entries, kept: Vec::new() }).await
    }

    /// Names entries that the list holds and that could not be read: what the cluster has of them stays.
    pub async fn keep(&mut self, kept: Vec<String>) -> Result<Option<Acknowledged>, ClientError> {
        self.batch(v1::ImportBatch { entries: Vec::new(), kept }).await
    }

    async fn batch(&mut self, batch: v1::ImportBatch) -> Result<Option<Acknowledged>, ClientError> {
        let count = batch.entries.len() + batch.kept.len();
        if count > IMPORT_BATCH_MAX {
            let text = format!("a batch has {count} entries, at most {IMPORT_BATCH_MAX} are allowed");
            return Err(ClientError::invalid("entries", text));
        }
        let done = if self.waiting.len() >= WINDOW { self.acknowledged().await? } else { None };
        // On a broken stream the batch goes out when it is made anew, with all that wait.
        if let Some(stream) = &self.stream
            && stream.requests.send(step(Step::Batch(batch.clone()))).await.is_err()
        {
            self.broke();
        }
        let first = batch.entries.first().map(|entry| &entry.source_ref).or(batch.kept.first());
        self.named = first.cloned().or(self.named.take());
        self.waiting.push_back(batch);
        Ok(done)
    }

    /// Whether something was sent a second time, so that the counts of created, updated and removed may be too low.
    pub fn repeated(&self) -> bool {
        self.repeated
    }

    /// The oldest acknowledgement that is outstanding; none when nothing is on its way.
    pub async fn acknowledged(&mut self) -> Result<Option<Acknowledged>, ClientError> {
        if self.waiting.is_empty() {
            return Ok(None);
        }
        let progress = self.answer(BATCH_TIMEOUT, false).await?;
        let entries = self.waiting.pop_front().unwrap_or_default().entries;
        Ok(Some(Acknowledged { entries, progress }))
    }

    /// Ends the import: what the list no longer names is removed. Every batch must have been acknowledged.
    pub async fn finish(&mut self) -> Result<v1::ImportProgress, ClientError> {
        if !self.waiting.is_empty() {
            return Err(ClientError::invalid("entries", "batches are still on their way"));
        }
        self.send_finish().await;
        self.answer(FINISH_TIMEOUT, true).await
    }

    async fn send_finish(&mut self) {
        if let Some(stream) = &self.stream
            && stream.requests.send(step(Step::Finish(v1::ImportFinish {}))).await.is_err()
        {
            self.broke();
        }
    }

    fn broke(&mut self) {
        if let Some(stream) = self.stream.take() {
            self.repeated = true;
            self.client.shared.endpoints.after_failure_of(stream.at);
        }
    }

    /// The next answer of the stream; makes the stream anew as often as it breaks within the deadline.
    async fn answer(&mut self, timeout: Duration, finishing: bool) -> Result<v1::ImportProgress, ClientError> {
        let until = Instant::now() + timeout.max(self.client.shared.config.deadline) * 2;
        let mut backoff = Backoff::new(self.client.shared.config.backoff);
        loop {
            let fresh = self.stream.is_none();
            self.connected().await?;
            if fresh && finishing {
                self.send_finish().await;
            }
            let Some(stream) = self.stream.as_mut() else { continue };
            let address = self.client.shared.endpoints.get(stream.at).0;
            let failure = match tokio::time::timeout(timeout, stream.answers.message()).await {
                Ok(Ok(Some(progress))) => return Ok(progress),
                Ok(Ok(None)) => broken_off(),
                Ok(Err(status)) => Failure::of(&status, address),
                Err(_) => Failure::timed_out(address, timeout),
            };
            self.broke();
            let pause = backoff.pause(self.client.shared.entropy.sixteen()[0]);
            // A session that ended meanwhile is begun again with the stream.
            let retry = failure.retry || failure.error.code == SESSION_NEEDED;
            if !retry || Instant::now() + pause >= until {
                return Err(failure.error);
            }
            tracing::debug!(code = failure.error.code, "import stream broke and is begun again");
            tokio::time::sleep(pause).await;
        }
    }

    /// Sees to it that there is a stream on which the import was begun and every waiting batch was sent.
    async fn connected(&mut self) -> Result<(), ClientError> {
        let endpoints = &self.client.shared.endpoints;
        let until = Instant::now() + self.client.shared.config.deadline;
        let mut backoff = Backoff::new(self.client.shared.config.backoff);
        let mut at = endpoints.current();
        let mut failed_in_round = 0;
        let mut renewed = false;
        self.client.signed_on(until).await?;
        while self.stream.is_none() {
            let session = self.client.shared.keeper.current();
            let failure = match self.open(at).await {
                Ok(stream) => {
                    endpoints.worked(at);
                    self.stream = Some(stream);
                    break;
                }
                Err(failure) => failure,
            };
            if failure.error.code == SESSION_NEEDED && !renewed {
                renewed = true;
                self.client.renew(session, failure.error, until).await?;
                continue;
            }
            if !failure.retry {
                return Err(failure.error);
            }
            at = endpoints.after_failure_of(at);
            failed_in_round += 1;
            let mut pause = Duration::ZERO;
            if failed_in_round >= endpoints.len() {
                failed_in_round = 0;
                pause = backoff.pause(self.client.shared.entropy.sixteen()[0]);
            }
            if let Some(ms) = failure.wait_ms {
                pause = pause.max(Duration::from_millis(ms));
            }
            if Instant::now() + pause >= until {
                return Err(failure.error);
            }
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    async fn open(&self, at: usize) -> Result<Stream, Failure> {
        let (address, channel) = self.client.shared.endpoints.get(at);
        let attempt = self.client.shared.config.attempt_write;
        // Begin, all that waits, one more batch or the end: none of these sends ever blocks.
        let (requests, receiver) = mpsc::channel(WINDOW + 3);
        let first = opening(&self.begin, &self.waiting, self.named.as_ref());
        // The batches that wait are answered one by one; the rest is over when the stream stands.
        let answered = first.len() - self.waiting.len();
        for request in first {
            requests.try_send(request).map_err(|_| broken_off())?;
        }
        let mut stub = ImportsClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
        let request = self.client.request(ReceiverStream::new(receiver), Duration::from_millis(DEADLINE_MAX_MS));
        let begun = async {
            let mut answers = stub.import(request).await?.into_inner();
            for _ in 0..answered {
                if answers.message().await?.is_none() {
                    return Ok(None);
                }
            }
            Ok::<_, tonic::Status>(Some(answers))
        };
        match tokio::time::timeout(attempt, begun).await {
            Ok(Ok(Some(answers))) => Ok(Stream { at, requests, answers }),
            Ok(Ok(None)) => Err(broken_off()),
            Ok(Err(status)) => Err(Failure::of(&status, address)),
            Err(_) => Err(Failure::timed_out(address, attempt)),
        }
    }
}

fn broken_off() -> Failure {
    let error = ClientError::unavailable("the node ended the import stream");
    Failure { error, retry: true, said: false, maybe_done: true, settles: false, wait_ms: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Behaviour::{BreakAfter, Work};
    use crate::fake::{Fake, client};

    fn entry(row: u64) -> v1::ImportEntry {
        v1::ImportEntry { row, source_ref: row.to_string(), lookout: None }
    }

    fn names(requests: &[v1::ImportRequest]) -> Vec<String> {
        let name = |request: &v1::ImportRequest| match request.step.as_ref().expect("step") {
            Step::Begin(_) => "begin".to_string(),
            Step::Batch(batch) => format!("{} entries, kept {:?}", batch.entries.len(), batch.kept),
            Step::Finish(_) => "finish".to_string(),
        };
        requests.iter().map(name).collect()
    }

    #[test]
    fn a_stream_made_anew_never_ends_without_naming_something() {
        let begin = v1::ImportBegin::default();
        let (named, mut waiting) = ("r1".to_string(), VecDeque::new());
        assert_eq!(names(&opening(&begin, &waiting, None)), ["begin"]);
        assert_eq!(names(&opening(&begin, &waiting, Some(&named))), ["begin", "0 entries, kept [\"r1\"]"]);
        waiting.push_back(v1::ImportBatch { entries: vec![entry(1)], kept: Vec::new() });
        assert_eq!(names(&opening(&begin, &waiting, Some(&named))), ["begin", "1 entries, kept []"]);
    }

    #[tokio::test]
    async fn what_was_sent_twice_is_said() {
        for (script, repeated) in [(Work, false), (BreakAfter(1), true)] {
            let fake = Fake::new([&[script], &[Work]]);
            let mut session = client(&fake, Duration::from_secs(5)).begin_import("list", "id").await.expect("begins");
            session.send(vec![entry(1)]).await.expect("sends");
            session.acknowledged().await.expect("acknowledged");
            session.finish().await.expect("finishes");
            assert_eq!(session.repeated(), repeated);
        }
    }

    #[tokio::test]
    async fn kept_references_count_as_entries_of_a_batch() {
        let fake = Fake::new([&[Work]]);
        let mut session = client(&fake, Duration::from_secs(5)).begin_import("list", "id").await.expect("begins");
        let error = session.keep(vec!["r".into(); IMPORT_BATCH_MAX + 1]).await.expect_err("too many");
        assert_eq!(error.field.as_deref(), Some("entries"));
    }
}
