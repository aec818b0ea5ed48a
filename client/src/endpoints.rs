//! The endpoints of a cluster, and which one is used now.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use proto::transport::{Network, channel};
use tokio::sync::Notify;
use tokio::time::Instant;
use tonic::transport::Channel;

use crate::config::{Config, ConfigError};

/// How long a call alone asks a node that was busy, before another one tries in its stead: it may hang.
const ASKED_BY_ONE: Duration = Duration::from_millis(250);
/// Where more calls than so many may ask a node that was busy, and not all do, nobody is held up any longer.
const HELD_MAX: usize = 32;

pub(crate) struct Endpoints {
    channels: Vec<(String, Channel)>,
    /// The endpoint that worked last. Every call begins there, and all move on together when it fails.
    current: AtomicUsize,
    /// Endpoints that were too busy for calls of a kind: a refusal costs them work, too.
    busy: Mutex<BTreeMap<(usize, Kind), Hold>>,
    /// Refusals so far: each begins a hold of its own, and calls of an earlier one say nothing about it.
    refusals: AtomicU64,
    /// A call of a kind ended that had been held up.
    ended: [Notify; Kind::COUNT],
}

/// How calls come back to a node that was too busy for them: nobody for a while, then one, then one more for each that found room.
/// Together they would find none.
struct Hold {
    number: u64,
    /// Nobody asks before.
    until: Instant,
    /// Calls that may ask at a time, and those that do.
    window: usize,
    asking: usize,
    /// When the last of them began.
    since: Instant,
}

impl Hold {
    /// When the next call may ask.
    fn next(&self) -> Instant {
        if self.asking < self.window { self.until } else { self.until.max(self.since + ASKED_BY_ONE) }
    }
}

/// A call at an endpoint. Dropped without a word, it says nothing about the room there.
pub(crate) struct Turn<'a> {
    endpoints: &'a Endpoints,
    at: usize,
    kind: Kind,
    /// The number of the hold that let it ask, if there was one.
    held: Option<u64>,
}

/// Calls that find room, or none, together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A question at the lane or at the desk.
    Question,
    /// A question that gives way.
    Batch,
    /// Records, lists and the audit.
    Reading,
    Write,
    /// People, sessions and the cluster.
    Control,
}

impl Kind {
    const COUNT: usize = Self::Control as usize + 1;
}

impl Endpoints {
    pub(crate) fn new(config: &Config, network: Arc<dyn Network>, start: usize) -> Result<Self, ConfigError> {
        let channels = config
            .endpoints
            .iter()
            .map(|address| {
                let bad = || ConfigError::Endpoint(address.clone());
                let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port);
                port.and_then(|port| port.parse::<u16>().ok()).ok_or_else(bad)?;
                let channel = channel(network.clone(), address, None, config.connect).map_err(|_| bad())?;
                Ok((address.clone(), channel))
            })
            .collect::<Result<Vec<_>, ConfigError>>()?;
        let current = AtomicUsize::new(start % channels.len());
        Ok(Self { channels, current, busy: Mutex::default(), refusals: AtomicU64::new(0), ended: Default::default() })
    }

    /// Each endpoint by itself, over the same connections.
    pub(crate) fn alone(&self) -> impl Iterator<Item = Self> {
        self.channels.iter().map(|channel| Self {
            channels: vec![channel.clone()],
            current: AtomicUsize::new(0),
            busy: Mutex::default(),
            refusals: AtomicU64::new(0),
            ended: Default::default(),
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.channels.len()
    }

    pub(crate) fn current(&self) -> usize {
        self.current.load(Ordering::Relaxed)
    }

    /// Address and channel of an endpoint.
    pub(crate) fn get(&self, at: usize) -> (&str, Channel) {
        let (address, channel) = &self.channels[at % self.channels.len()];
        (address, channel.clone())
    }

    /// The endpoint after one that failed. When many calls fail at once, the first moves all and none moves twice.
    pub(crate) fn after_failure_of(&self, failed: usize) -> usize {
        let next = (failed + 1) % self.channels.len();
        let _ = self.current.compare_exchange(failed, next, Ordering::Relaxed, Ordering::Relaxed);
        next
    }

    /// An endpoint worked: later calls begin there.
    pub(crate) fn worked(&self, at: usize) {
        self.current.store(at, Ordering::Relaxed);
    }

    /// A turn at the first endpoint from this one on that may be asked, as soon as there is one. Error: when there would be one, where
    /// that is too late.
    pub(crate) async fn turn(&self, from: usize, kind: Kind, until: Instant) -> Result<Turn<'_>, Instant> {
        loop {
            // Whoever ends between the look and the wait is heard.
            let mut ended = pin!(self.ended[kind as usize].notified());
            ended.as_mut().enable();
            match self.turn_from(from, kind, Instant::now()) {
                Ok(turn) => return Ok(turn),
                Err(again) if again >= until => return Err(again),
                Err(again) => drop(tokio::time::timeout_at(again, ended).await),
            }
        }
    }

    fn turn_from(&self, from: usize, kind: Kind, now: Instant) -> Result<Turn<'_>, Instant> {
        let mut busy = self.busy();
        let mut first: Option<Instant> = None;
        for at in (0..self.channels.len()).map(|step| (from + step) % self.channels.len()) {
            let turn = |held| Turn { endpoints: self, at, kind, held };
            let Some(hold) = busy.get_mut(&(at, kind)) else { return Ok(turn(None)) };
            let next = hold.next();
            if next <= now {
                hold.asking += 1;
                hold.since = now;
                return Ok(turn(Some(hold.number)));
            }
            first = first.map_or(Some(next), |first| Some(first.min(next)));
        }
        Err(first.unwrap_or(now))
    }

    fn busy(&self) -> MutexGuard<'_, BTreeMap<(usize, Kind), Hold>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// The endpoint whose turn it is.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// It answered, so there was room: of those who wait, more and more come back.
    pub(crate) fn found_room(self) {
        if let Some(hold) = self.hold(&mut self.endpoints.busy()) {
            hold.window += 1;
        }
    }

    /// It said that it is too busy, until then.
    pub(crate) fn found_none(self, until: Instant) {
        let mut busy = self.endpoints.busy();
        let number = self.endpoints.refusals.fetch_add(1, Ordering::Relaxed);
        let until = busy.get(&(self.at, self.kind)).map_or(until, |hold| hold.until.max(until));
        busy.insert((self.at, self.kind), Hold { number, until, window: 1, asking: 0, since: until });
    }

    /// The hold that let it ask, if it still stands: who was let in before the node refused others says nothing about now.
    fn hold<'a>(&self, busy: &'a mut BTreeMap<(usize, Kind), Hold>) -> Option<&'a mut Hold> {
        let number = self.held?;
        busy.get_mut(&(self.at, self.kind)).filter(|hold| hold.number == number)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut busy = self.endpoints.busy();
        let ended = &self.endpoints.ended[self.kind as usize];
        let Some(hold) = self.hold(&mut busy) else { return };
        let all_taken = hold.asking >= hold.window;
        hold.asking = hold.asking.saturating_sub(1);
        if hold.window > HELD_MAX && !all_taken {
            busy.remove(&(self.at, self.kind));
            ended.notify_waiters();
        } else {
            // A window that grew by one leaves two turns.
            (hold.asking..hold.window).take(2).for_each(|_| ended.notify_one());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Behaviour, Fake};

    const SECOND: Duration = Duration::from_secs(1);

    fn endpoints() -> Endpoints {
        let fake = Fake::new([&[Behaviour::Work]]);
        let config = Config::new(vec!["n1:1".to_string()], "officer", "CBP", "2404", "primary");
        Endpoints::new(&config, Arc::new(fake), 0).expect("endpoints")
    }

    fn turn(endpoints: &Endpoints, now: Instant) -> Turn<'_> {
        turn_of(endpoints, Kind::Question, now)
    }

    fn turn_of(endpoints: &Endpoints, kind: Kind, now: Instant) -> Turn<'_> {
        endpoints.turn_from(0, kind, now).expect("a turn")
    }

    /// How many turns there are at once, taken and dropped without a word.
    fn turns(endpoints: &Endpoints, now: Instant) -> usize {
        let taken: Vec<_> = (0..100).map_while(|_| endpoints.turn_from(0, Kind::Question, now).ok()).collect();
        taken.len()
    }

    #[tokio::test]
    async fn calls_come_back_one_by_one_and_one_more_for_each_that_found_room() {
        let (endpoints, now) = (endpoints(), Instant::now());
        assert_eq!(turns(&endpoints, now), 100, "nobody is held up");
        let early = turn(&endpoints, now);
        turn(&endpoints, now).found_none(now + SECOND);
        assert_eq!(turns(&endpoints, now), 0);
        assert!(endpoints.turn_from(0, Kind::Batch, now).is_ok(), "another kind");
        // An answer that was on its way says nothing of the room there is now.
        early.found_room();
        assert_eq!(turns(&endpoints, now), 0);
        for window in 1..=HELD_MAX {
            assert_eq!(turns(&endpoints, now + SECOND), window);
            turn(&endpoints, now + SECOND).found_room();
        }
        turn(&endpoints, now + SECOND).found_room();
        assert_eq!(turns(&endpoints, now + SECOND), 100, "nobody is held up any longer");
    }

    #[tokio::test]
    async fn who_is_refused_again_holds_all_up_again_and_one_that_hangs_for_a_moment() {
        let (endpoints, now) = (endpoints(), Instant::now());
        turn(&endpoints, now).found_none(now);
        (0..4).for_each(|_| turn(&endpoints, now).found_room());
        turn(&endpoints, now).found_none(now + SECOND);
        assert_eq!((turns(&endpoints, now), turns(&endpoints, now + SECOND)), (0, 1));
        // However many were let in before the refusal and are answered after it.
        let before: Vec<_> = (0..8).map_while(|_| endpoints.turn_from(0, Kind::Reading, now).ok()).collect();
        turn_of(&endpoints, Kind::Reading, now).found_none(now);
        drop(before);
        let early: Vec<_> = (0..4)
            .map(|_| {
                turn_of(&endpoints, Kind::Reading, now).found_room();
                turn_of(&endpoints, Kind::Reading, now)
            })
            .collect();
        assert_eq!(early.len(), 4);
        turn_of(&endpoints, Kind::Reading, now).found_none(now + SECOND);
        early.into_iter().for_each(Turn::found_room);
        let later = now + SECOND;
        let first = turn_of(&endpoints, Kind::Reading, later);
        assert!(endpoints.turn_from(0, Kind::Reading, later).is_err(), "one at a time");
        drop(first);
        let later = now + SECOND;
        let hangs = turn(&endpoints, later);
        assert_eq!(turns(&endpoints, later), 0, "one asks");
        assert_eq!(turns(&endpoints, later + ASKED_BY_ONE), 1, "another in its stead");
        drop(hangs);
    }

    #[tokio::test]
    async fn a_call_that_waits_for_its_turn_hears_of_one_that_ended() {
        let (endpoints, now) = (endpoints(), Instant::now());
        turn(&endpoints, now).found_none(now);
        // It began in a time to come, so that nobody asks in its stead soon.
        let first = turn(&endpoints, now + 60 * SECOND);
        let waits = endpoints.turn(0, Kind::Question, now + 120 * SECOND);
        let (second, ()) = tokio::join!(waits, async { first.found_room() });
        assert!(second.is_ok() && now.elapsed() < 30 * SECOND);
    }
}
