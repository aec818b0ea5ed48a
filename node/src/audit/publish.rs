//! Publishes the audit log while this node leads its group: compares the replicas' roots, signs the one that they have in common, and
//! has witnesses cosign it (SECURITY.md 3.4). Nothing is published that a witness has gainsaid: before the first signature after a start
//! the witnesses are asked for the size that they saw last, a smaller log is not signed, and the checkpoint is shown to them alone until
//! as many as the policy asks for have cosigned it (T14).

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use model::audit::checkpoint::Checkpoint;
use model::audit::merkle::empty_root;
use model::audit::note::{Note, SignerKey};
use model::audit::published::{Noted, Published, Verdict, judge};
use model::audit::trust::{Trust, Witness};
use model::audit::witness::AddCheckpoint;
use model::command::Command;
use model::command::publish::Publish;
use prometheus::{IntCounterVec, IntGauge, Opts, Registry};
use raft::error::GroupError;
use raft::group::Group;
use raft::outbox::of_the_cluster;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::witness::{Answer, Place, WitnessError};
use crate::env::Network;

/// Between two checkpoints of a log that grows.
const EVERY: Duration = Duration::from_secs(1);
/// How long a checkpoint may take to be committed.
const DEADLINE: Duration = Duration::from_secs(5);

/// What is published, and why not.
#[derive(Clone)]
pub struct PublishMetrics {
    published: IntGauge,
    witnessed: IntGauge,
    split: IntGauge,
    failed: IntCounterVec,
}

impl PublishMetrics {
    /// Registers them.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let published = "Leaves of the newest signed checkpoint of the audit log, as this node has it.";
        let witnessed = "Leaves of the newest checkpoint that a witness cosigned, as this node has it.";
        let split = "1 once the replicas of the audit log were found to have no common history: it grows no more.";
        let failed = "Checkpoints that were not signed or not cosigned, by the reason.";
        let metrics = Self {
            published: IntGauge::new("portcullis_audit_published_leaves", published)?,
            witnessed: IntGauge::new("portcullis_audit_witnessed_leaves", witnessed)?,
            split: IntGauge::new("portcullis_audit_split", split)?,
            failed: IntCounterVec::new(Opts::new("portcullis_audit_publish_failures_total", failed), &["reason"])?,
        };
        registry.register(Box::new(metrics.published.clone()))?;
        registry.register(Box::new(metrics.witnessed.clone()))?;
        registry.register(Box::new(metrics.split.clone()))?;
        registry.register(Box::new(metrics.failed.clone()))?;
        Ok(metrics)
    }

    fn shows(&self, published: &Published) {
        let size = |noted: &Option<Noted>| noted.as_ref().map_or(0, |noted| noted.size as i64);
        self.published.set(size(&published.latest));
        self.witnessed.set(size(&published.witnessed));
        self.split.set(i64::from(published.split_at.is_some()));
    }
}

/// The witnesses of a node, as its policy names them.
#[derive(Debug, Clone, Default)]
pub struct Witnesses {
    /// Says how many of them must have cosigned before the first checkpoint after a start is published.
    trust: Trust,
    asked: Vec<(Witness, Place)>,
    /// How often they are asked.
    pub every: Duration,
}

impl Witnesses {
    /// Those of a policy, each with where it is asked.
    pub fn new(trust: &Trust, every: Duration) -> Result<Self, String> {
        let place = |witness: &Witness| {
            let url = witness.url.as_ref().ok_or_else(|| format!("witness {} has no URL", witness.name))?;
            Ok((witness.clone(), Place::parse(url)?))
        };
        let asked = trust.witnesses().iter().map(place).collect::<Result<_, String>>()?;
        Ok(Self { trust: trust.clone(), asked, every })
    }
}

/// Why nothing is published.
#[derive(Debug, thiserror::Error)]
enum Unpublished {
    #[error(transparent)]
    Group(#[from] GroupError),
    #[error("too few replicas say what root they have")]
    Unknown,
    #[error("the replicas have no common history at {0} leaves")]
    Split(u64),
    #[error("this replica has another log than the majority")]
    Alone,
    #[error(
        "witness {witness} has seen {seen} leaves and the log has {size}: it was turned back, by a backup or a lost disk"
    )]
    TurnedBack { witness: String, seen: u64, size: u64 },
    #[error("witness {witness} does not believe that the log only grew: {reason}")]
    Disowned { witness: String, reason: WitnessError },
    #[error("no witness answers, and without one the first checkpoint after a start is not published: {0}")]
    Unwitnessed(String),
}

impl Unpublished {
    fn reason(&self) -> &'static str {
        match self {
            Self::Group(_) => "group",
            Self::Unknown => "silent-replicas",
            Self::Split(_) => "split",
            Self::Alone => "alone",
            Self::TurnedBack { .. } => "turned-back",
            Self::Disowned { .. } => "disowned",
            Self::Unwitnessed(_) => "no-witness",
        }
    }
}

/// What came of asking all witnesses.
struct Asked {
    /// With the cosignatures of those who gave one.
    note: Note,
    away: Vec<String>,
    /// One who does not believe it.
    against: Option<Unpublished>,
}

/// A witness with what it saw last.
struct Watching {
    witness: Witness,
    place: Place,
    seen: u64,
}

/// Publishes the log of one group.
pub struct Publisher {
    group: Group,
    key: SignerKey,
    network: Arc<dyn Network>,
    metrics: PublishMetrics,
    every: Duration,
    trust: Trust,
    watching: Vec<Watching>,
    /// Whether enough witnesses have cosigned since this node started; without witnesses nobody is asked.
    cleared: bool,
    asked: Option<Instant>,
}

impl Publisher {
    /// A publisher that signs with a key.
    pub fn new(
        group: Group,
        key: SignerKey,
        witnesses: Witnesses,
        network: Arc<dyn Network>,
        metrics: PublishMetrics,
    ) -> Self {
        let Witnesses { trust, asked, every } = witnesses;
        let cleared = asked.is_empty();
        let watching = asked.into_iter().map(|(witness, place)| Watching { witness, place, seen: 0 }).collect();
        Self { group, key, network, metrics, every, trust, watching, cleared, asked: None }
    }

    /// Publishes until the node stops.
    pub async fn keep(mut self, stopping: CancellationToken) {
        let mut said = None;
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            if let Ok(published) = self.group.read(|state| state.published()) {
                self.metrics.shows(&published);
            }
            if !self.group.leads() {
                continue;
            }
            let round = tokio::select! {
                () = stopping.cancelled() => return,
                round = self.round() => round,
            };
            let reason = round.as_ref().err().map(Unpublished::reason);
            if let Err(error) = round {
                self.metrics.failed.with_label_values(&[error.reason()]).inc();
                // Said once, and counted each time.
                if said != reason {
                    tracing::error!(group = %self.group.id(), %error, reason = error.reason(), "no checkpoint of the audit log is published");
                }
            }
            said = reason;
        }
    }

    async fn round(&mut self) -> Result<(), Unpublished> {
        if !self.cleared {
            // The log as it is committed, and not as far as this replica happens to be.
            self.group.linearize(DEADLINE).await?;
        }
        let (published, size) = self.group.read(|state| Ok((state.published()?, state.frontier()?.size())))?;
        if let Some(size) = published.split_at {
            return Err(Unpublished::Split(size));
        }
        let latest = published.latest.as_ref().map_or(0, |latest| latest.size);
        if size > latest {
            self.publish(&published, size).await?;
        }
        if self.cleared && self.asked.is_none_or(|asked| asked.elapsed() >= self.every) {
            self.witness_latest().await?;
        }
        Ok(())
    }

    /// Compares, signs and publishes the log at a size.
    async fn publish(&mut self, published: &Published, size: u64) -> Result<(), Unpublished> {
        let (roots, voters) = self.group.roots(size).await?;
        let own = self.group.read(|state| state.root_at(size))?;
        let verdict = judge(&roots, voters);
        let proposal = |note| Publish { size, roots: roots.clone(), voters: voters as u16, note };
        match verdict {
            Verdict::Unknown => return Err(Unpublished::Unknown),
            Verdict::Split => {
                self.propose(proposal(None)).await?;
                return Err(Unpublished::Split(size));
            }
            // The entry makes this replica stop, and another one leads.
            Verdict::Root(root) if own != Some(root) => {
                self.propose(proposal(None)).await?;
                return Err(Unpublished::Alone);
            }
            Verdict::Root(_) => {}
        }
        let Some(root) = own else { return Err(Unpublished::Unknown) };
        if !self.cleared {
            self.ask_what_they_saw(published, size).await?;
        }
        let mut note = Checkpoint { origin: self.key.verifier().name().to_string(), size, root }.signed(&self.key);
        if !self.cleared {
            note = self.cosigned(note, size).await?;
            self.cleared = true;
        }
        self.propose(proposal(Some(note.to_string()))).await?;
        Ok(())
    }

    async fn propose(&self, publish: Publish) -> Result<(), GroupError> {
        // Here alone: whoever else leads now compares and signs for himself.
        let proposed = self.group.propose_here(of_the_cluster(Command::Publish(publish)));
        let late = GroupError::Unavailable {
            group: self.group.id(),
            reason: "the checkpoint is not committed in time".into(),
        };
        tokio::time::timeout(DEADLINE, proposed).await.unwrap_or(Err(late)).map(drop)
    }

    /// Learns what the witnesses saw last. They are shown a checkpoint that was signed before, or that of the empty log, which every
    /// log grows out of: nothing new is signed to ask.
    async fn ask_what_they_saw(&mut self, published: &Published, size: u64) -> Result<(), Unpublished> {
        let origin = self.key.verifier().name().to_string();
        let signed = published.latest.as_ref().and_then(|latest| Note::parse(latest.note.as_bytes()).ok());
        let shown = signed.unwrap_or_else(|| Checkpoint { origin, size: 0, root: empty_root() }.signed(&self.key));
        let shown_size = published.latest.as_ref().map_or(0, |latest| latest.size);
        let asks = AddCheckpoint { old: 0, proof: Vec::new(), note: shown };
        let answers = join_all(
            self.watching
                .iter()
                .map(async |watching| watching.place.ask(&*self.network, &watching.witness, &asks).await),
        );
        let (mut away, mut heard) = (Vec::new(), 0);
        for (answer, watching) in answers.await.into_iter().zip(&mut self.watching) {
            match answer {
                Ok(Answer::Cosigned(_)) => watching.seen = shown_size,
                Ok(Answer::LastIs(seen)) => watching.seen = seen,
                Err(error) => {
                    away.push(format!("{}: {error}", watching.witness.name));
                    continue;
                }
            }
            heard += 1;
            if watching.seen > size {
                let witness = watching.witness.name.clone();
                return Err(Unpublished::TurnedBack { witness, seen: watching.seen, size });
            }
        }
        if heard == 0 { Err(Unpublished::Unwitnessed(away.join("; "))) } else { Ok(()) }
    }

    /// The note with the cosignatures of those who answer: as many as the policy asks for, at least one, and nobody against it.
    async fn cosigned(&mut self, note: Note, size: u64) -> Result<Note, Unpublished> {
        let Asked { note, away, against } = self.ask_all(note, size).await?;
        if let Some(against) = against {
            return Err(against);
        }
        let cosigned = self.trust.cosigned(&note).unwrap_or_default();
        if cosigned.is_empty() || !self.trust.suffices(&cosigned) {
            return Err(Unpublished::Unwitnessed(away.join("; ")));
        }
        Ok(note)
    }

    /// Asks every witness, all at once: who does not answer is passed over, and who has seen another log is told of.
    async fn ask_all(&mut self, note: Note, size: u64) -> Result<Asked, Unpublished> {
        let plain = Note { text: note.text.clone(), signatures: note.signatures[..1].to_vec() };
        let (group, network) = (&self.group, &*self.network);
        let answers = join_all(self.watching.iter().map(async |watching| {
            let mut seen = watching.seen;
            // Twice: what it saw last may be another size than is known here.
            for _ in 0..2 {
                if seen > size {
                    break;
                }
                let proof = group.read(|state| state.consistency(seen, size))?;
                let asks = AddCheckpoint { old: seen, proof, note: plain.clone() };
                match watching.place.ask(network, &watching.witness, &asks).await {
                    Ok(Answer::LastIs(last)) => seen = last,
                    Ok(Answer::Cosigned(signatures)) => return Ok((size, Ok(signatures))),
                    Err(error) => return Ok((seen, Err(error))),
                }
            }
            // Next time it is asked anew what it saw: it may have been wrong about it.
            let reason = format!("it says that it has seen {seen} leaves of {size}");
            Ok::<_, GroupError>((0, Err(WitnessError::Nonsense(reason))))
        }));
        let answers = answers.await;
        let mut asked = Asked { note, away: Vec::new(), against: None };
        for (answer, watching) in answers.into_iter().zip(&mut self.watching) {
            let (seen, cosigned) = answer?;
            watching.seen = seen;
            let witness = watching.witness.name.clone();
            match cosigned {
                Ok(signatures) => asked.note = signatures.into_iter().fold(asked.note, Note::with),
                Err(reason @ WitnessError::Refused { status: 422, .. }) => {
                    asked.against = Some(Unpublished::Disowned { witness, reason });
                }
                Err(error) => asked.away.push(format!("{witness}: {error}")),
            }
        }
        Ok(asked)
    }

    /// Has the newest published checkpoint cosigned.
    async fn witness_latest(&mut self) -> Result<(), Unpublished> {
        let published = self.group.read(|state| state.published())?;
        let Some(Noted { size, note, .. }) = published.latest else { return Ok(()) };
        let Ok(note) = Note::parse(note.as_bytes()) else { return Ok(()) };
        self.asked = Some(Instant::now());
        let had = published.witnessed.filter(|witnessed| witnessed.size == size);
        let note = had.and_then(|had| Note::parse(had.note.as_bytes()).ok()).unwrap_or(note);
        let cosignatures = note.signatures.len();
        if cosignatures > self.watching.len() {
            return Ok(());
        }
        let Asked { note, away, against } = self.ask_all(note, size).await?;
        for reason in away {
            self.metrics.failed.with_label_values(&["witness-away"]).inc();
            tracing::debug!(%reason, "a witness did not cosign");
        }
        if note.signatures.len() > cosignatures {
            let note = Some(note.to_string());
            self.propose(Publish { size, roots: Vec::new(), voters: 0, note }).await?;
        }
        against.map_or(Ok(()), Err)
    }
}
