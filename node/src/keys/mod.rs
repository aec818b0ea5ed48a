//! The keys of data at the edge: taken over from this node's directory replica, unwrapped by the root key, made when one is missing,
//! and replaced when an administrator says so. `reseal.rs` seals anew what stands under those that were replaced.

mod reseal;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use model::command::Command;
use model::command::make_key::MakeKey;
use model::data_key::{Bucket, DATA_KEY_FIRST, DataKey, KeySet};
use model::error::Invalid;
use model::limits::DATA_KEYS_MAX;
use model::record::Dataset;
use model::seal::{Keyring, Scope, SealError, Sealed};
use model::time::{Clock, Entropy};
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use raft::error::GroupError;
use raft::group::Group;
use raft::outbox::of_the_cluster;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::error::ApiError;

/// Between two looks at whether the keys of this month and of the next are there.
const LOOK: Duration = Duration::from_secs(60);
/// The same, while they are not.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// How long the making of a key may take in the background.
const DEADLINE: Duration = Duration::from_secs(5);
/// Attempts at one key: each that fails found one that was made meanwhile.
const ATTEMPTS: usize = 8;

/// What is counted of keys.
#[derive(Clone)]
pub struct KeyMetrics {
    known: IntGauge,
    under_root: IntCounter,
    resealed: IntCounterVec,
    pending: IntGaugeVec,
    failed: IntCounterVec,
}

impl KeyMetrics {
    /// Registers them.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let under_root = "Events that were sealed under the root key, since their month had no key yet.";
        let resealed = Opts::new("portcullis_resealed_total", "Bodies that were sealed anew under a newer key.");
        let pending = "1 while bodies of this group may stand under keys that were replaced; where this node leads it.";
        let failed = "Bodies under replaced keys that do not open, and so stay as they are: damage.";
        let metrics = Self {
            known: IntGauge::new("portcullis_data_keys", "Keys of data that this node has unwrapped.")?,
            under_root: IntCounter::new("portcullis_events_under_root_key_total", under_root)?,
            resealed: IntCounterVec::new(resealed, &["group"])?,
            pending: IntGaugeVec::new(Opts::new("portcullis_reseal_pending", pending), &["group"])?,
            failed: IntCounterVec::new(Opts::new("portcullis_reseal_failed_total", failed), &["group"])?,
        };
        registry.register(Box::new(metrics.known.clone()))?;
        registry.register(Box::new(metrics.under_root.clone()))?;
        registry.register(Box::new(metrics.resealed.clone()))?;
        registry.register(Box::new(metrics.pending.clone()))?;
        registry.register(Box::new(metrics.failed.clone()))?;
        Ok(metrics)
    }
}

/// The keyring of a node; clones share it.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    ring: RwLock<Arc<Keyring>>,
    /// None: what there is does not change.
    directory: Option<Group>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    metrics: KeyMetrics,
}

impl Keys {
    /// The root key, to which those of the directory are added.
    pub fn new(
        root: Keyring,
        directory: Group,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        metrics: KeyMetrics,
    ) -> Self {
        Self(Arc::new(Inner { ring: RwLock::new(Arc::new(root)), directory: Some(directory), clock, entropy, metrics }))
    }

    /// A keyring with a key for records of now, which stays as it is.
    #[cfg(test)]
    pub fn for_records(root: Keyring) -> Self {
        let (clock, entropy) = (Arc::new(crate::env::SystemClock), Arc::new(crate::env::SystemEntropy));
        let metrics = KeyMetrics::new(&Registry::new()).expect("registers");
        let (id, made) = (DATA_KEY_FIRST, clock.now());
        let bucket = Bucket::of_record(crate::records::DATASET, made);
        let wrapped = root.wrap(id, bucket, [0; 12], &[6; 32]).expect("wraps");
        let ring = RwLock::new(Arc::new(root.with([&DataKey { id, bucket, made, wrapped }]).expect("opens")));
        Self(Arc::new(Inner { ring, directory: None, clock, entropy, metrics }))
    }

    /// The keys that are known now.
    pub fn ring(&self) -> Arc<Keyring> {
        self.0.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Seals what has no month in which it expires.
    pub fn seal(&self, scope: Scope, plain: &[u8]) -> Result<Sealed, SealError> {
        self.ring().seal(scope, self.nonce(), plain)
    }

    /// Seals a record, or what is of one, as of now.
    pub fn seal_record(&self, dataset: Dataset, scope: Scope, plain: &[u8]) -> Result<Sealed, SealError> {
        let bucket = Bucket::of_record(dataset, self.0.clock.now());
        self.ring().seal_in(bucket, scope, self.nonce(), plain)
    }

    /// Seals the payload of an event as of now. Evidence waits for no key: where its month has none yet, since the directory could
    /// make none for a month or the cluster is a second old, it goes under the root key.
    pub fn seal_event(&self, id: [u8; 16], plain: &[u8]) -> Result<Sealed, SealError> {
        let (ring, nonce, scope) = (self.ring(), self.nonce(), Scope::Event(id));
        match ring.seal_in(Bucket::of_event(self.0.clock.now()), scope, nonce, plain) {
            Err(SealError::NoKey(_)) => {
                self.0.metrics.under_root.inc();
                ring.seal(scope, nonce, plain)
            }
            sealed => sealed,
        }
    }

    /// Opens a body; a key that is not known yet is looked up in the directory replica first.
    pub fn open(&self, scope: Scope, sealed: &Sealed) -> Result<Vec<u8>, SealError> {
        match self.ring().open(scope, sealed) {
            Err(SealError::UnknownKey(id)) => {
                if let Err(error) = self.take_over() {
                    tracing::error!(%error, key = id, "the keys of data cannot be read");
                }
                self.ring().open(scope, sealed)
            }
            opened => opened,
        }
    }

    /// Waits until records of a dataset can be sealed: but for a cluster in its first second, or a directory that could make no key
    /// for a month, that is at once.
    pub async fn ready_for(&self, dataset: Dataset, within: Duration) -> Result<(), ApiError> {
        self.make(Bucket::of_record(dataset, self.0.clock.now()), None, within).await
    }

    /// Takes over the keys that the directory replica has and this node does not know.
    fn take_over(&self) -> Result<(), GroupError> {
        let Some(directory) = &self.0.directory else { return Ok(()) };
        let stored = directory.read(|state| state.data_keys())?;
        let mut ring = self.0.ring.write().unwrap_or_else(PoisonError::into_inner);
        let fresh: Vec<&DataKey> = stored.iter().filter(|key| !ring.knows(key.id)).collect();
        if fresh.is_empty() {
            return Ok(());
        }
        let mut next = Keyring::clone(&ring);
        for key in fresh {
            if let Err(error) = next.take_in(key) {
                tracing::error!(key = key.id, bucket = %key.bucket, %error, "a key of data does not open");
            }
        }
        self.0.metrics.known.set(next.data_keys() as i64);
        *ring = Arc::new(next);
        Ok(())
    }

    /// Makes a key for a bucket that is sealed under this one so far, unless somebody did already; it is known here then.
    async fn make(&self, bucket: Bucket, replaces: Option<u32>, within: Duration) -> Result<(), ApiError> {
        if self.ring().newest(bucket) != replaces {
            return Ok(());
        }
        let Some(directory) = &self.0.directory else { return Ok(()) };
        let until = Instant::now() + within;
        let left = || until.saturating_duration_since(Instant::now());
        for _ in 0..ATTEMPTS {
            self.take_over()?;
            let ring = self.ring();
            if ring.newest(bucket) != replaces {
                return Ok(());
            }
            // By what is stored: a key that does not open here has an id all the same.
            let stored = directory.read(|state| state.data_keys())?;
            let id = stored.last().map_or(DATA_KEY_FIRST, |last| last.id.saturating_add(1));
            if stored.len() >= DATA_KEYS_MAX {
                let reason = format!("there are {} keys of data, and no more can be made", stored.len());
                return Err(GroupError::Unavailable { group: directory.id(), reason }.into());
            }
            let mut key = Zeroizing::new([0; 32]);
            self.0.entropy.fill(&mut *key);
            let wrapped = ring.wrap(id, bucket, self.nonce(), &key);
            let wrapped = wrapped.map_err(|error| ApiError::Internal(error.to_string()))?;
            let command = Command::MakeKey(MakeKey { id, bucket, replaces, wrapped });
            directory.propose(&of_the_cluster(command), left()).await?;
            // Made by whom it may: here it is known once this replica has applied it.
            directory.linearize(left()).await?;
        }
        let reason = format!("no key could be made for {bucket}");
        Err(GroupError::Unavailable { group: directory.id(), reason }.into())
    }

    /// Replaces the keys of a set, or of all, that anything is sealed under from now on or can be sealed anew from: all of a dataset,
    /// and of the audit log those of this month and later ones. A leaf commits to its ciphertext, so an event stays under its key.
    pub async fn rotate(&self, set: Option<KeySet>, within: Duration) -> Result<Vec<u32>, ApiError> {
        let until = Instant::now() + within;
        self.take_over()?;
        let (ring, events) = (self.ring(), Bucket::of_event(self.0.clock.now()));
        let rotates = |bucket: &Bucket| {
            let seals = bucket.set != KeySet::Audit || bucket.expires >= events.expires;
            set.is_none_or(|set| set == bucket.set) && seals
        };
        let replaced = ring.in_use().filter(|(bucket, _)| rotates(bucket)).count();
        if ring.data_keys() + replaced > DATA_KEYS_MAX * 3 / 4 {
            let reason = format!("there are {} keys of data; these would be too many", ring.data_keys());
            return Err(Invalid::new("set", reason).into());
        }
        let mut made = Vec::new();
        for (bucket, replaced) in ring.in_use().filter(|(bucket, _)| rotates(bucket)) {
            let left = until.saturating_duration_since(Instant::now());
            self.make(bucket, Some(replaced), left).await?;
            made.extend(self.ring().newest(bucket));
        }
        Ok(made)
    }

    /// What must be there at any time: the buckets of this month and of the next, so that for a month nobody misses the directory.
    fn ahead(&self) -> Vec<Bucket> {
        let now = self.0.clock.now();
        let of_now = [Bucket::of_record(crate::records::DATASET, now), Bucket::of_event(now)];
        of_now.into_iter().flat_map(|bucket| [bucket, bucket.next()]).collect()
    }

    async fn make_ahead(&self) -> Result<(), ApiError> {
        self.take_over()?;
        for bucket in self.ahead() {
            self.make(bucket, None, DEADLINE).await?;
        }
        Ok(())
    }

    /// Takes keys over as they are made, and sees to it that there always are some, until the node stops.
    pub async fn keep(self, stopping: CancellationToken) {
        let Some(directory) = &self.0.directory else { return };
        let mut progress = directory.machine().progress();
        let mut again = LOOK_AGAIN;
        loop {
            let powers = progress.borrow_and_update().powers;
            let looked = tokio::select! {
                () = stopping.cancelled() => return,
                looked = self.make_ahead() => looked,
            };
            let pause = match looked {
                Ok(()) => {
                    again = LOOK_AGAIN;
                    LOOK
                }
                Err(error) => {
                    if again == LOOK {
                        tracing::error!(%error, "there are no keys for this month and the next");
                    }
                    let next = (again * 2).min(LOOK);
                    std::mem::replace(&mut again, next)
                }
            };
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                changed = progress.wait_for(|progress| progress.powers != powers) => if changed.is_err() { return },
            }
        }
    }

    fn nonce(&self) -> [u8; 12] {
        let mut nonce = [0; 12];
        self.0.entropy.fill(&mut nonce);
        nonce
    }
}
