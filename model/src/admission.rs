//! Admission: how much each may ask, and who comes first when more is asked than can be done (threats T02, T07). Pure: time is
//! handed in, in nanoseconds of a clock that never goes back.

use std::collections::{BTreeMap, VecDeque};

use crate::access::function::Function;
use crate::ids::Purpose;
use crate::limits::ADMISSION_QUEUE_MAX;

/// Nanoseconds.
pub type Nanos = u64;

const MILLISECOND: Nanos = 1_000_000;
const SECOND: Nanos = 1_000 * MILLISECOND;

/// A question of a batch that was sent by itself waits so long for a place: whoever sent it has been told that it comes last.
const SINGLE_BATCH_WAIT_MAX: Nanos = 250 * MILLISECOND;

/// The purposes that say where a question is asked.
const SECONDARY: &str = "secondary";

/// What comes before what. The first two have places of their own, so that no flood of questions stalls them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// People, sessions, revocations, the cluster.
    Control,
    /// Changes of lookouts and overrides: they wait for a log and not for a processor.
    Write,
    /// Questions at the lane.
    Primary,
    /// Questions at secondary inspection.
    Secondary,
    /// Questions at the desk, and reading.
    Subject,
    /// Files of questions, lists, comparisons; and who says himself that he can wait.
    Batch,
}

impl Priority {
    /// All, the first first.
    pub const ALL: [Self; 6] = [Self::Control, Self::Write, Self::Primary, Self::Secondary, Self::Subject, Self::Batch];

    /// The priority of what needs a function; None is what needs a certificate or a session alone. Who gives way lowers
    /// his own question, and nobody can raise one.
    pub fn of(function: Option<Function>, purpose: &Purpose, gives_way: bool) -> Self {
        use Function as F;
        let Some(function) = function else { return Self::Control };
        match function {
            F::PrimaryQuery | F::SubjectQuery | F::NcicQuery if gives_way => Self::Batch,
            F::PrimaryQuery => Self::Primary,
            F::SubjectQuery | F::NcicQuery if purpose.as_str() == SECONDARY => Self::Secondary,
            F::SubjectQuery
            | F::NcicQuery
            | F::RecordView
            | F::RecordHistory
            | F::RecordList
            | F::OverrideList
            | F::AuditRead
            | F::Print
            | F::DisclosureCase => Self::Subject,
            F::BatchVetting | F::ListImport | F::MatchingCompare | F::Export => Self::Batch,
            F::LookoutCreate
            | F::LookoutUpdate
            | F::LookoutRemove
            | F::LookoutApprove
            | F::OverrideRecord
            | F::OverrideEnd => Self::Write,
            F::MatchingPolicies
            | F::ClusterStatus
            | F::ClusterAdministration
            | F::UserRequest
            | F::UserApprove
            | F::StandingRecord
            | F::UserCertify
            | F::UserSuspend
            | F::UserReinstate
            | F::UserClose
            | F::UserView
            | F::FunctionGrant
            | F::AgencyAdministration
            | F::AgreementDraft
            | F::AgreementReview
            | F::AgreementApprove
            | F::MemorandumAccept
            | F::AccessPolicies
            | F::SessionEnd => Self::Control,
        }
    }

    /// Its name in metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Write => "write",
            Self::Primary => "primary",
            Self::Secondary => "secondary",
            Self::Subject => "subject",
            Self::Batch => "batch",
        }
    }

    /// How long one waits for a place: at first, so that a burst passes; and once the queue has not been empty for as long,
    /// so that a queue that stands makes nobody late. None: as long as it takes.
    fn patience(self) -> Option<(Nanos, Nanos)> {
        match self {
            Self::Primary => Some((SECOND, 400 * MILLISECOND)),
            Self::Secondary => Some((200 * MILLISECOND, 100 * MILLISECOND)),
            Self::Subject => Some((100 * MILLISECOND, 50 * MILLISECOND)),
            Self::Control | Self::Write | Self::Batch => None,
        }
    }

    /// The longest wait for a place of a request by itself, if there is one. A row of a stream waits as long as it takes.
    pub fn wait_max(self) -> Option<Nanos> {
        match self {
            Self::Batch => Some(SINGLE_BATCH_WAIT_MAX),
            _ => self.patience().map(|(first, _)| first),
        }
    }

    /// When who found no place may come again: the later, the more can wait. Each attempt that is refused costs work, too.
    pub fn come_again(self) -> Nanos {
        match self {
            Self::Control | Self::Write | Self::Primary => 500 * MILLISECOND,
            Self::Secondary => SECOND,
            Self::Subject | Self::Batch => 2 * SECOND,
        }
    }

    /// Of so many places, how many it and all after it may hold: a rest is always left to those before it.
    fn share(self, limit: usize) -> usize {
        let share = match self {
            Self::Control | Self::Write | Self::Primary => limit,
            Self::Secondary => limit * 7 / 8,
            Self::Subject => limit * 3 / 4,
            Self::Batch => limit / 4,
        };
        share.max(1)
    }
}

/// How often something may be done: this often in a second, and this often at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub per_second: u32,
    pub burst: u32,
}

impl Rate {
    /// So many times the rate.
    pub fn times(self, factor: u32) -> Self {
        let times = |number: u32| number.saturating_mul(factor).max(1);
        Self { per_second: times(self.per_second), burst: times(self.burst) }
    }
}

/// A bucket of tokens for each key. Each is one number: when it would be full but for what was taken.
#[derive(Debug, Clone)]
pub struct Buckets<K> {
    interval: Nanos,
    tolerance: Nanos,
    max: usize,
    full_at: BTreeMap<K, Nanos>,
}

impl<K: Ord + Clone> Buckets<K> {
    /// Buckets of a rate, for so many keys at most.
    pub fn new(rate: Rate, max: usize) -> Self {
        let interval = (SECOND / u64::from(rate.per_second.max(1))).max(1);
        let tolerance = interval.saturating_mul(u64::from(rate.burst.max(1)) - 1);
        Self { interval, tolerance, max: max.max(1), full_at: BTreeMap::new() }
    }

    /// Takes a token that is there within this time and says when it is; otherwise nothing is taken.
    pub fn take(&mut self, key: &K, now: Nanos, within: Nanos) -> Result<Nanos, Nanos> {
        let full_at = self.full_at.get(key).copied().unwrap_or(0).max(now);
        let wait = full_at.saturating_sub(now.saturating_add(self.tolerance));
        if wait > within {
            return Err(wait);
        }
        self.make_room(key, now);
        self.full_at.insert(key.clone(), full_at.saturating_add(self.interval));
        Ok(wait)
    }

    /// Buckets that are full say nothing and go first; then the fullest, which loses least by being forgotten.
    fn make_room(&mut self, key: &K, now: Nanos) {
        if self.full_at.len() < self.max || self.full_at.contains_key(key) {
            return;
        }
        self.full_at.retain(|_, full_at| *full_at > now);
        if self.full_at.len() >= self.max
            && let Some(fullest) = self.full_at.iter().min_by_key(|(_, full_at)| **full_at).map(|(key, _)| key.clone())
        {
            self.full_at.remove(&fullest);
        }
    }

    /// Buckets that are kept.
    pub fn len(&self) -> usize {
        self.full_at.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.full_at.is_empty()
    }
}

/// Answers by which the number of places is judged once.
const WINDOW: u32 = 32;
/// An answer may take this many times what it takes on an idle node; beyond it, more at a time make each only slower.
const SLOWER_MAX: u64 = 2;
/// So long a window says that answers are slow: where little is asked, it ended long ago.
const SLOW_FOR: Nanos = SECOND;
/// While the lane asks, those who can wait hold one place in so many at most: what comes suddenly finds room.
const SPARE_SHARE: usize = 4;
/// The share by which what is usual may grow in a window: lists grow, and so does what an answer takes.
const USUAL_GROWS: u64 = 4_096;

/// How many are served at a time: more while that makes nobody slow, fewer when it does. Those who can wait are fewer first, and more
/// last.
#[derive(Debug, Clone)]
pub struct Limit {
    least: usize,
    most: usize,
    now: usize,
    /// Of these, how many those may hold who can wait: reading, questions at the desk, batches.
    spare: usize,
    usual: Nanos,
    sum: Nanos,
    count: u32,
    /// When the answers of a window were last slow, if those after it were not quick.
    slow_at: Option<Nanos>,
    reached: bool,
    /// Whether somebody who can wait found all of theirs taken.
    spare_reached: bool,
}

/// Places that those who can wait begin with.
const SPARE_FIRST: usize = 2;

impl Limit {
    /// A limit that stays.
    pub fn fixed(places: usize) -> Self {
        Self::between(places, places, places)
    }

    /// A limit that moves between the first and the last, and begins between them.
    pub fn between(least: usize, start: usize, most: usize) -> Self {
        let least = least.max(1);
        let most = most.max(least);
        let now = start.clamp(least, most);
        let spare = SPARE_FIRST.min(now);
        Self {
            least,
            most,
            now,
            spare,
            usual: 0,
            sum: 0,
            count: 0,
            slow_at: None,
            reached: false,
            spare_reached: false,
        }
    }

    /// The places now.
    pub fn places(&self) -> usize {
        self.now
    }

    fn answered(&mut self, took: Nanos, now: Nanos) {
        self.sum = self.sum.saturating_add(took);
        self.count += 1;
        if self.count < WINDOW {
            return;
        }
        let mean = (self.sum / u64::from(WINDOW)).max(1);
        self.usual = match self.usual {
            0 => mean,
            usual => mean.min(usual + usual / USUAL_GROWS + 1),
        };
        // What is slow may be slow for want of a processor, whether or not all places are taken: first those make room who can wait.
        let slow = mean > self.usual.saturating_mul(SLOWER_MAX);
        self.slow_at = slow.then_some(now);
        let spare_most = (self.now / SPARE_SHARE).max(SPARE_FIRST);
        match (slow, self.spare_reached) {
            (true, _) => self.spare /= 2,
            (false, true) => self.spare = (self.spare + 1).min(spare_most),
            (false, false) => self.spare = self.spare.min(spare_most),
        }
        match (slow, self.reached) {
            (true, true) if self.spare == 0 => self.now = (self.now * 7 / 8).max(self.least),
            (false, true) => self.now = (self.now + 1 + self.now / 16).min(self.most),
            _ => {}
        }
        (self.sum, self.count, self.reached, self.spare_reached) = (0, 0, false, false);
    }
}

/// One place in so many goes to who would come last, so that nobody waits for ever behind a stream of others.
const LAST_FIRST: u64 = 16;

/// What comes of asking for a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// There is one.
    In,
    /// There is none yet; by this ticket one gives up.
    Waits(u64),
    /// The queue is full.
    Refused,
}

/// Somebody whose wait is over.
#[derive(Debug)]
pub struct Called<W> {
    pub waiter: W,
    pub priority: Priority,
    /// Whether it is his turn; otherwise he waited in vain, and is told so at once.
    pub admitted: bool,
}

struct Waiting<W> {
    ticket: u64,
    since: Nanos,
    waiter: W,
}

/// Places, and who waits for one, by priority.
pub struct Line<W> {
    limit: Limit,
    in_service: [usize; Priority::ALL.len()],
    waiting: [VecDeque<Waiting<W>>; Priority::ALL.len()],
    /// When each queue was last empty.
    empty_at: [Nanos; Priority::ALL.len()],
    tickets: u64,
    granted: u64,
    /// When somebody last asked at the lane.
    lane_at: Nanos,
}

impl<W> Line<W> {
    /// Places that nobody holds.
    pub fn new(limit: Limit) -> Self {
        Self {
            limit,
            in_service: Default::default(),
            waiting: Default::default(),
            empty_at: Default::default(),
            tickets: 0,
            granted: 0,
            lane_at: 0,
        }
    }

    /// The places now.
    pub fn places(&self) -> usize {
        self.limit.places()
    }

    /// How many of a priority are served, and how many wait.
    pub fn count(&self, priority: Priority) -> (usize, usize) {
        (self.in_service[priority as usize], self.waiting[priority as usize].len())
    }

    /// Asks for a place; whoever waits is kept with it.
    ///
    /// `turns_back`: who finds others of his own waiting, where answers are slow, is told at once rather than after his wait: he would
    /// wait in vain, and those who ask with him learn it from him.
    pub fn enter(&mut self, priority: Priority, turns_back: bool, now: Nanos, waiter: impl FnOnce() -> W) -> Entry {
        let at = priority as usize;
        if matches!(priority, Priority::Primary | Priority::Secondary) {
            self.lane_at = now;
        }
        if self.waiting[..=at].iter().all(VecDeque::is_empty) && self.has_place(priority, now) {
            self.serve(priority);
            return Entry::In;
        }
        if self.waiting[at].is_empty() {
            self.empty_at[at] = now;
        }
        let slow = self.limit.slow_at.is_some_and(|slow_at| now.saturating_sub(slow_at) <= SLOW_FOR);
        let in_vain = turns_back && slow && self.gives_way(priority, now) && !self.waiting[at].is_empty();
        if in_vain || self.waiting[at].len() >= ADMISSION_QUEUE_MAX {
            return Entry::Refused;
        }
        self.tickets += 1;
        self.waiting[at].push_back(Waiting { ticket: self.tickets, since: now, waiter: waiter() });
        Entry::Waits(self.tickets)
    }

    /// Gives a place back; `took` is what an answer took by which the limit is judged.
    pub fn leave(&mut self, priority: Priority, took: Option<Nanos>, now: Nanos) {
        let held = &mut self.in_service[priority as usize];
        *held = held.saturating_sub(1);
        if let Some(took) = took {
            self.limit.answered(took, now);
        }
    }

    /// Whoever is to be told something now: call it until it says nothing.
    pub fn next(&mut self, now: Nanos) -> Option<Called<W>> {
        if let Some(late) = self.late(now) {
            return Some(late);
        }
        let last_first = self.granted % LAST_FIRST == LAST_FIRST - 1;
        let mut order = Priority::ALL;
        if last_first {
            order.reverse();
            // In turn, or rows of streams that never end would have all of it.
            if self.granted / LAST_FIRST % 2 == 1 {
                order.swap(0, 1);
            }
        }
        let may =
            |line: &mut Self, it: Priority| line.has_place(it, now) || (last_first && line.none_waits_for_ever(it));
        let priority = order.into_iter().find(|it| !self.waiting[*it as usize].is_empty() && may(self, *it))?;
        let next = self.waiting[priority as usize].pop_front()?;
        self.serve(priority);
        Some(Called { waiter: next.waiter, priority, admitted: true })
    }

    /// Whoever waited longer than there is patience for.
    fn late(&mut self, now: Nanos) -> Option<Called<W>> {
        for priority in Priority::ALL {
            let Some((first, standing)) = priority.patience() else { continue };
            let at = priority as usize;
            let stands = now.saturating_sub(self.empty_at[at]) > first;
            let patience = if stands { standing } else { first };
            if self.waiting[at].front().is_some_and(|head| now.saturating_sub(head.since) > patience) {
                let late = self.waiting[at].pop_front()?;
                return Some(Called { waiter: late.waiter, priority, admitted: false });
            }
        }
        None
    }

    /// Somebody waits no longer. False: his wait was over already.
    pub fn give_up(&mut self, priority: Priority, ticket: u64) -> bool {
        let queue = &mut self.waiting[priority as usize];
        let found = queue.iter().position(|waiting| waiting.ticket == ticket);
        found.and_then(|at| queue.remove(at)).is_some()
    }

    /// Whether it makes room for the lane now. Where nobody asks there, there is nobody to make room for.
    fn gives_way(&self, priority: Priority, now: Nanos) -> bool {
        matches!(priority, Priority::Subject | Priority::Batch) && now.saturating_sub(self.lane_at) <= SECOND
    }

    /// Of those who can wait one is served once in a while, however slow answers are.
    fn none_waits_for_ever(&self, priority: Priority) -> bool {
        let total: usize = self.in_service.iter().sum();
        self.in_service[priority as usize] == 0 && total < self.limit.places()
    }

    fn has_place(&mut self, priority: Priority, now: Nanos) -> bool {
        let total: usize = self.in_service.iter().sum();
        let these: usize = self.in_service[priority as usize..].iter().sum();
        let limit = self.limit.places();
        if total >= limit {
            self.limit.reached = true;
        }
        let mut share = priority.share(limit);
        if self.gives_way(priority, now) {
            // One of them is served even then, where nobody else is.
            let alone = total == self.in_service[Priority::Subject as usize..].iter().sum();
            let spare = self.limit.spare.max(usize::from(alone));
            self.limit.spare_reached |= these >= spare;
            share = share.min(spare);
        }
        total < limit && these < share
    }

    fn serve(&mut self, priority: Priority) {
        self.in_service[priority as usize] += 1;
        self.granted += 1;
    }
}

#[cfg(test)]
#[path = "admission_test.rs"]
mod tests;
