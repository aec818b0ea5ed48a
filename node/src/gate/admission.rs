//! Admission: a request beyond its user's rate ends before anything is decided, searched or recorded; every other one gets a
//! place by its priority, or is told at once when to come again. Nothing here is an event but the summaries: a flood of
//! requests must not become a flood of the audit log (threat T07).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::admission::{Buckets, Entry, Limit, Line, Nanos, Priority};
use model::audit::event::{EventHeader, EventKind, EventPayload, Verdict};
use model::envelope::Caller;
use model::ids::{AgencyId, RequestId, UserId};
use model::limits::{
    AGENCY_RATE, BATCH_RATE, CONTROL_RATE, EXCESS_PAUSE_MS, EXCESS_PAUSED_MAX, EXCESS_SUMMARY_MS, EXCESS_USERS_MAX,
    QUESTION_RATE, RATES_MAX, STREAMS_MAX, SYSTEM_RATE, USER_STREAMS_MAX, WRITE_RATE,
};
use model::time::{Clock, Entropy};
use prometheus::{IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Admitted;
use super::authority::Proof;
use super::need::Need;
use crate::audit::Pipeline;
use crate::error::ApiError;

/// Calls about people, sessions and the cluster that are served at a time.
const CONTROL_PLACES: usize = 64;
/// Changes that are under way at a time: they wait for the log, which takes many at once.
const WRITE_PLACES: usize = 512;
/// Between two attempts of a row at a queue that is full.
const FULL_PAUSE: Duration = Duration::from_millis(100);
const SUMMARY_DEADLINE: Duration = Duration::from_secs(5);

/// How much a node takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Questions in service at a time: at least, at first, at most.
    pub questions: (usize, usize, usize),
    /// Times the usual rates of users and agencies. None: no rates, since nobody can say who asks.
    pub rate_factor: Option<u32>,
}

impl Capacity {
    /// So many at most: it begins with a quarter of them and keeps those. Fewer would be fewer answers, since each holds its place
    /// while it waits for its event, and events are written together.
    pub fn of(most: usize, rate_factor: Option<u32>) -> Self {
        Self { questions: (most / 4, most / 4, most), rate_factor }
    }
}

/// What is counted of it.
#[derive(Clone)]
pub struct AdmissionMetrics {
    waiting: IntGaugeVec,
    in_service: IntGaugeVec,
    places: IntGauge,
    refused: IntCounterVec,
    paused: IntGauge,
    streams: IntGauge,
}

impl AdmissionMetrics {
    /// Registers them.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let by_priority = |name: &str, help: &str| IntGaugeVec::new(Opts::new(name, help), &["priority"]);
        let refused = Opts::new(
            "portcullis_admission_refused_total",
            "Requests that were told to come later, by priority: beyond a rate, without a place, or one stream too many.",
        );
        let metrics = Self {
            waiting: by_priority("portcullis_admission_waiting", "Requests that wait for a place.")?,
            in_service: by_priority("portcullis_admission_in_service", "Requests that hold a place.")?,
            places: IntGauge::new("portcullis_admission_places", "Places for questions, reading and batches now.")?,
            refused: IntCounterVec::new(refused, &["priority", "why"])?,
            paused: IntGauge::new("portcullis_excess_waiting", "Refusals beyond a rate that are held back a moment.")?,
            streams: IntGauge::new("portcullis_admission_streams", "Streams of rows and lists that are open.")?,
        };
        for gauges in [&metrics.waiting, &metrics.in_service] {
            registry.register(Box::new(gauges.clone()))?;
        }
        for gauge in [&metrics.places, &metrics.paused, &metrics.streams] {
            registry.register(Box::new(gauge.clone()))?;
        }
        registry.register(Box::new(metrics.refused.clone()))?;
        Ok(metrics)
    }
}

/// Lets requests to work; clones share it.
#[derive(Clone)]
pub struct Admission(Arc<Inner>);

struct Inner {
    began: Instant,
    rates: Option<Mutex<Rates>>,
    control: Mutex<Line<oneshot::Sender<bool>>>,
    writes: Mutex<Line<oneshot::Sender<bool>>>,
    work: Mutex<Line<oneshot::Sender<bool>>>,
    streams: Mutex<BTreeMap<Who, usize>>,
    metrics: AdmissionMetrics,
}

/// Whose rate it is, as far as the channel proves it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Person(UserId),
    /// At a terminal the name is a claim, which anybody there could make in another's name; and one works there at a time.
    Terminal(Option<[u8; 32]>),
    System(AgencyId, UserId),
}

impl Who {
    fn of(admitted: &Admitted) -> Self {
        let Caller { user, agency, .. } = &admitted.caller;
        match &admitted.proof {
            Proof::Person { .. } => Self::Person(user.clone()),
            Proof::Terminal { certificate, .. } => Self::Terminal(*certificate),
            Proof::System { .. } => Self::System(agency.clone(), user.clone()),
        }
    }
}

struct Rates {
    questions: Buckets<Who>,
    writes: Buckets<Who>,
    control: Buckets<Who>,
    rows: Buckets<Who>,
    systems: Buckets<Who>,
    agencies: Buckets<AgencyId>,
    excess: BTreeMap<Who, Excess>,
    /// Of those who found no room in it.
    others: u64,
}

/// What somebody asked beyond his rate since the last summary.
struct Excess {
    caller: Caller,
    count: u64,
}

/// A place, held until it is dropped: to the end of the wait for the event, or what waits there would grow instead.
pub struct Place {
    admission: Admission,
    priority: Priority,
    since: Instant,
    question: bool,
    /// Whether it ended with the answer to a question, by which the number of places is judged.
    answers: bool,
}

/// A stream that is open until this is dropped.
pub struct OpenStream {
    admission: Admission,
    who: Who,
}

impl Admission {
    /// Nobody is served yet.
    pub fn new(capacity: Capacity, metrics: AdmissionMetrics) -> Self {
        let (least, start, most) = capacity.questions;
        let line = |limit| Mutex::new(Line::new(limit));
        let rates = capacity.rate_factor.map(|factor| {
            Mutex::new(Rates {
                questions: Buckets::new(QUESTION_RATE.times(factor), RATES_MAX),
                writes: Buckets::new(WRITE_RATE.times(factor), RATES_MAX),
                control: Buckets::new(CONTROL_RATE.times(factor), RATES_MAX),
                rows: Buckets::new(BATCH_RATE.times(factor), RATES_MAX),
                systems: Buckets::new(SYSTEM_RATE.times(factor), RATES_MAX),
                agencies: Buckets::new(AGENCY_RATE.times(factor), RATES_MAX),
                excess: BTreeMap::new(),
                others: 0,
            })
        });
        let admission = Self(Arc::new(Inner {
            began: Instant::now(),
            rates,
            control: line(Limit::fixed(CONTROL_PLACES)),
            writes: line(Limit::fixed(WRITE_PLACES)),
            work: line(Limit::between(least, start, most)),
            streams: Mutex::default(),
            metrics,
        }));
        Priority::ALL.iter().for_each(|priority| admission.show(*priority, &admission.line(*priority)));
        admission
    }

    /// Lets a request to work, as soon as there is a place for it within its time.
    pub async fn enter(&self, need: Need, admitted: &Admitted) -> Result<Place, ApiError> {
        let priority = admitted.priority(need);
        self.within_rate(priority, admitted, admitted.left()?).await?;
        let wait = priority.wait_max().map_or(Duration::MAX, Duration::from_nanos).min(admitted.left()?);
        match self.place(priority, Some(wait), need == Need::Question).await {
            Some(place) => Ok(place),
            None => {
                self.count_refused(priority, "place");
                Err(ApiError::Overloaded { again: Duration::from_nanos(priority.come_again()) })
            }
        }
    }

    /// Lets a row of a stream to work, however long that takes: a batch that has begun is slowed and never broken off.
    pub async fn turn(&self, admitted: &Admitted) -> Place {
        // Who waits as long as it takes is not refused.
        let _ = self.within_rate(Priority::Batch, admitted, Duration::MAX).await;
        loop {
            if let Some(place) = self.place(Priority::Batch, None, false).await {
                return place;
            }
            tokio::time::sleep(FULL_PAUSE).await;
        }
    }

    /// Opens a stream, unless there are too many.
    pub async fn open(&self, admitted: &Admitted) -> Result<OpenStream, ApiError> {
        self.within_rate(Priority::Control, admitted, Duration::ZERO).await?;
        let who = Who::of(admitted);
        let mut streams = lock(&self.0.streams);
        let (all, own) = (streams.values().sum::<usize>(), streams.get(&who).copied().unwrap_or(0));
        if all >= STREAMS_MAX || own >= USER_STREAMS_MAX {
            drop(streams);
            self.count_refused(Priority::Batch, "streams");
            return Err(ApiError::Overloaded { again: Duration::from_nanos(Priority::Batch.come_again()) });
        }
        streams.insert(who.clone(), own + 1);
        self.0.metrics.streams.set(all as i64 + 1);
        Ok(OpenStream { admission: self.clone(), who })
    }

    /// Takes a request from the rate of its agency: after the gate, since before it nobody has proved to be of one.
    pub fn within_agency_rate(&self, need: Need, admitted: &Admitted) -> Result<(), ApiError> {
        let priority = admitted.priority(need);
        // Rows wait by the rate of who asks them; a revocation must not wait for what an agency's lanes ask.
        if matches!(priority, Priority::Batch | Priority::Control) {
            return Ok(());
        }
        let Some(rates) = &self.0.rates else { return Ok(()) };
        let agency = &admitted.caller.agency;
        let taken = lock(rates).agencies.take(agency, self.now(), 0);
        taken.map(drop).map_err(|wait| {
            self.count_refused(priority, "agency");
            let text = format!("{agency} asks more than an agency may at this node");
            ApiError::SlowDown { text, again: Duration::from_nanos(wait) }
        })
    }

    /// Takes a request from the rate of who asks. What can wait does; the rest is counted for the summary, held back a moment
    /// and refused.
    async fn within_rate(&self, priority: Priority, admitted: &Admitted, left: Duration) -> Result<(), ApiError> {
        let Some(rates) = &self.0.rates else { return Ok(()) };
        let within = if priority == Priority::Batch { nanos(left) } else { 0 };
        let taken = lock(rates).take(priority, admitted, self.now(), within);
        let wait = match taken {
            Ok(0) => return Ok(()),
            Ok(wait) => {
                tokio::time::sleep(Duration::from_nanos(wait)).await;
                return Ok(());
            }
            Err(wait) => Duration::from_nanos(wait),
        };
        self.count_refused(priority, "rate");
        if priority != Priority::Batch {
            lock(rates).exceeded(&Who::of(admitted), &admitted.caller, 1);
            let paused = &self.0.metrics.paused;
            if (paused.get() as usize) < EXCESS_PAUSED_MAX {
                paused.inc();
                let _waits = Waits(paused);
                tokio::time::sleep(Duration::from_millis(EXCESS_PAUSE_MS)).await;
            }
        }
        let text = format!("{} asks more than one user may at this node", admitted.caller.user);
        Err(ApiError::SlowDown { text, again: wait.max(Duration::from_millis(EXCESS_PAUSE_MS)) })
    }

    /// A place within this time; None: without one.
    async fn place(&self, priority: Priority, within: Option<Duration>, question: bool) -> Option<Place> {
        let (mut turn, entry) = {
            let mut line = self.line(priority);
            let mut turn = None;
            let entry = line.enter(priority, within.is_some(), self.now(), || {
                let (called, waits) = oneshot::channel();
                turn = Some(waits);
                called
            });
            self.call(&mut line);
            self.show(priority, &line);
            (turn, entry)
        };
        let ticket = match (entry, &mut turn) {
            (Entry::In, _) => return Some(self.held(priority, question)),
            (Entry::Refused, _) | (_, None) => return None,
            (Entry::Waits(ticket), Some(_)) => ticket,
        };
        // However the wait ends, also when whoever asked goes away, the place is nobody's who is not there.
        let mut waits = InLine { admission: self, priority, ticket, turn };
        let admitted = match within {
            Some(within) => tokio::time::timeout(within, waits.called()).await.unwrap_or(false),
            None => waits.called().await,
        };
        admitted.then(|| {
            waits.turn = None;
            self.held(priority, question)
        })
    }

    fn held(&self, priority: Priority, question: bool) -> Place {
        Place { admission: self.clone(), priority, since: Instant::now(), question, answers: false }
    }

    /// Tells everybody whose wait is over. Who is gone meanwhile gives his place back.
    fn call(&self, line: &mut Line<oneshot::Sender<bool>>) {
        let now = self.now();
        while let Some(called) = line.next(now) {
            if called.waiter.send(called.admitted).is_err() && called.admitted {
                line.leave(called.priority, None, now);
            }
            self.show(called.priority, line);
        }
    }

    fn leave(&self, priority: Priority, took: Option<Nanos>) {
        let mut line = self.line(priority);
        line.leave(priority, took, self.now());
        self.call(&mut line);
        self.show(priority, &line);
    }

    fn line(&self, priority: Priority) -> MutexGuard<'_, Line<oneshot::Sender<bool>>> {
        lock(match priority {
            Priority::Control => &self.0.control,
            Priority::Write => &self.0.writes,
            _ => &self.0.work,
        })
    }

    fn show(&self, priority: Priority, line: &Line<oneshot::Sender<bool>>) {
        let (in_service, waiting) = line.count(priority);
        let metrics = &self.0.metrics;
        metrics.in_service.with_label_values(&[priority.code()]).set(in_service as i64);
        metrics.waiting.with_label_values(&[priority.code()]).set(waiting as i64);
        if !matches!(priority, Priority::Control | Priority::Write) {
            metrics.places.set(line.places() as i64);
        }
    }

    fn count_refused(&self, priority: Priority, why: &str) {
        self.0.metrics.refused.with_label_values(&[priority.code(), why]).inc();
    }

    fn now(&self) -> Nanos {
        nanos(self.0.began.elapsed())
    }

    /// Writes down, once in a while and when the node has served its last call, who asked how much beyond his rate.
    pub async fn summarise(self, by: Summaries, served: CancellationToken) {
        let Some(rates) = &self.0.rates else { return };
        loop {
            let last = tokio::select! {
                () = served.cancelled() => true,
                () = tokio::time::sleep(Duration::from_millis(EXCESS_SUMMARY_MS)) => false,
            };
            let (excess, others) = {
                let mut rates = lock(rates);
                (std::mem::take(&mut rates.excess), std::mem::take(&mut rates.others))
            };
            let others = (others > 0).then(|| Excess { caller: by.node.clone(), count: others });
            let others = others.map(|others| (Who::Person(others.caller.user.clone()), others));
            for (who, excess) in excess.into_iter().chain(others) {
                if !by.write(&who, &excess).await {
                    // It stands in the next one.
                    lock(rates).exceeded(&who, &excess.caller, excess.count);
                }
            }
            if last {
                return;
            }
        }
    }
}

impl Rates {
    fn take(&mut self, priority: Priority, admitted: &Admitted, now: Nanos, within: Nanos) -> Result<Nanos, Nanos> {
        let who = Who::of(admitted);
        let buckets = match priority {
            Priority::Batch => &mut self.rows,
            _ if matches!(who, Who::System(..)) => &mut self.systems,
            Priority::Control => &mut self.control,
            Priority::Write => &mut self.writes,
            Priority::Primary | Priority::Secondary | Priority::Subject => &mut self.questions,
        };
        buckets.take(&who, now, within)
    }

    fn exceeded(&mut self, who: &Who, caller: &Caller, count: u64) {
        let room = self.excess.len() < EXCESS_USERS_MAX;
        if let Some(excess) = self.excess.get_mut(who) {
            excess.count += count;
        } else if room {
            self.excess.insert(who.clone(), Excess { caller: caller.clone(), count });
        } else {
            self.others += count;
        }
    }
}

/// How summaries become events.
pub struct Summaries {
    pub pipeline: Pipeline,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    /// On whose behalf those are summed up who are too many to be named: this node.
    pub node: Caller,
}

impl Summaries {
    async fn write(&self, who: &Who, excess: &Excess) -> bool {
        let now = self.clock.now();
        let request = RequestId::new(now, self.entropy.sixteen());
        let mut header = EventHeader::new(EventKind::Excess, request, &excess.caller, now);
        header.verdict = Verdict::Refused.number();
        header.code = Some("slow-down".to_string());
        // The last one before a stop is of less.
        let seconds = EXCESS_SUMMARY_MS / 1_000;
        let claimed = if matches!(who, Who::Terminal(_)) { " at a terminal, the first by this name" } else { "" };
        let text = format!("{} requests beyond the rate within {seconds} s{claimed}", excess.count);
        let payload = EventPayload { text: Some(text), ..EventPayload::default() };
        let recorded = tokio::time::timeout(SUMMARY_DEADLINE, self.pipeline.record(header, &payload)).await;
        matches!(recorded, Ok(Ok(_)))
    }
}

impl Place {
    /// The request that held it was answered. What is refused is no measure: it ends early; nor are the desk and batches, whose questions
    /// are others than the lane's.
    pub fn answered(mut self) {
        self.answers = self.question && matches!(self.priority, Priority::Primary | Priority::Secondary);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let took = self.answers.then(|| nanos(self.since.elapsed()));
        self.admission.leave(self.priority, took);
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut streams = lock(&self.admission.0.streams);
        if let Some(own) = streams.get_mut(&self.who) {
            *own -= 1;
            if *own == 0 {
                streams.remove(&self.who);
            }
        }
        self.admission.0.metrics.streams.set(streams.values().sum::<usize>() as i64);
    }
}

/// Somebody who waits.
struct InLine<'a> {
    admission: &'a Admission,
    priority: Priority,
    ticket: u64,
    turn: Option<oneshot::Receiver<bool>>,
}

impl InLine<'_> {
    async fn called(&mut self) -> bool {
        match &mut self.turn {
            Some(turn) => turn.await.unwrap_or(false),
            None => false,
        }
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        let Some(mut turn) = self.turn.take() else { return };
        let mut line = self.admission.line(self.priority);
        // Called between the end of the wait and here: the place is given back.
        if !line.give_up(self.priority, self.ticket) && turn.try_recv() == Ok(true) {
            line.leave(self.priority, None, self.admission.now());
        }
        self.admission.call(&mut line);
        self.admission.show(self.priority, &line);
    }
}

struct Waits<'a>(&'a IntGauge);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn nanos(time: Duration) -> Nanos {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "admission_test.rs"]
mod tests;
