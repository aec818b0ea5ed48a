//! Island mode: when a port that is cut off may answer, how its two spools keep the evidence, how the audit group takes
//! it back, and what is judged then (DESIGN.md, Reads; SECURITY.md 3.7; decision 15).
//!
//! Pure, like all of this crate: what is read from devices, clocks and groups is handed in. Nothing calls this yet; it
//! is checked by `chaos/models/island.rs`.
//!
//! An event of an island is an entry of its node's chain and stands in two spools before its answer leaves. A place in
//! the chain commits to everything before it, so two entries are the same exactly if their places are, and the receiver
//! needs to know nothing of how often, in which pieces or in which order they come.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::audit::merkle::Hash;
use crate::ids::{NodeId, RecordId, to_hex};
use crate::time::UnixMillis;

/// A place in the chain of a node: how many entries it has, and the hash over all of them. A client's receipt names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    pub sequence: u64,
    pub head: Hash,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.sequence, to_hex(&self.head[..4]))
    }
}

impl Place {
    /// Where the chain of a node begins. A node's number is never given again, so neither is its chain.
    pub fn begin(node: NodeId) -> Self {
        let head = Sha256::new().chain_update("portcullis/island/begin/1").chain_update(node.0.to_be_bytes());
        Self { sequence: 0, head: head.finalize().into() }
    }

    /// The place after an event.
    pub fn after(self, event: &Hash) -> Self {
        let sequence = self.sequence + 1;
        let head = Sha256::new()
            .chain_update("portcullis/island/entry/1")
            .chain_update(self.head)
            .chain_update(sequence.to_be_bytes())
            .chain_update(event);
        Self { sequence, head: head.finalize().into() }
    }
}

/// One event in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SpoolEntry {
    pub before: Place,
    /// The digest of the event's stored form.
    pub event: Hash,
}

impl SpoolEntry {
    /// Where the entry stands.
    pub fn place(&self) -> Place {
        self.before.after(&self.event)
    }
}

/// What one device holds of a node's chain: everything above `base`, as far as it can be read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Spool {
    /// Up to here the audit group has everything.
    pub base: Place,
    /// In order of the chain; with a hole where the device is damaged.
    pub entries: Vec<SpoolEntry>,
}

impl Spool {
    /// A spool that goes on from a place which the audit group has.
    pub fn at(base: Place) -> Self {
        Self { base, entries: Vec::new() }
    }

    /// The place that the next entry goes on from.
    pub fn tail(&self) -> Place {
        self.entries.last().map_or(self.base, SpoolEntry::place)
    }

    /// Whether the entry of this place is here.
    pub fn holds(&self, place: Place) -> bool {
        self.entries.iter().any(|entry| entry.place() == place)
    }

    /// Forgets the first entries that the audit group says it has.
    pub fn forget(&mut self, has: impl Fn(Place) -> bool) {
        while let Some(place) = self.entries.first().map(SpoolEntry::place).filter(|place| has(*place)) {
            self.base = place;
            self.entries.remove(0);
        }
    }
}

/// Whether the event at a place is durable, so that its answer may leave: both spools hold it (DESIGN.md, Writes).
pub fn is_durable(place: Place, spools: [Option<&Spool>; 2]) -> bool {
    spools.iter().all(|spool| spool.is_some_and(|spool| spool.holds(place)))
}

/// What the two devices hold together, in order of sequence; of one sequence there are several only after a fork.
pub fn merged(spools: [Option<&Spool>; 2]) -> Vec<SpoolEntry> {
    let mut all: BTreeMap<Place, SpoolEntry> = BTreeMap::new();
    for entry in spools.iter().flatten().flat_map(|spool| &spool.entries) {
        all.insert(entry.place(), *entry);
    }
    all.into_values().collect()
}

/// Whether an entry that the audit group calls `Missing` is to be sent again with its gap declared: no device holds
/// what comes before it, so without that word nothing after the gap could ever be delivered.
pub fn is_after_gap(entry: &SpoolEntry, spools: [Option<&Spool>; 2]) -> bool {
    !spools.iter().flatten().any(|spool| spool.holds(entry.before))
}

/// Why an island is closed: it answers nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Closed {
    /// No supervisor authorised the island for this shift.
    NotAuthorised,
    CopyTooOld,
    /// A device is lost, so that an event could stand in one place only.
    OneSpool,
    /// Both devices are lost or new: only the audit group knows where the chain ends.
    NoSpool,
    /// The devices contradict each other.
    Forked,
    SpoolsFull,
    ByOperator,
}

/// How the spools stand when a node starts, or when a device was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// Both hold the same; the next entry goes on from here.
    Ready(Place),
    /// First these entries are written to one of them. Before that nothing is answered, and nothing is delivered
    /// either: what was delivered from one device alone would fork the chain if that device were lost and the other
    /// went on.
    Complete { spool: usize, entries: Vec<SpoolEntry> },
    /// What is held is delivered all the same.
    Closed(Closed),
}

/// Compares the spools. A device that was replaced begins as a copy of the other one.
pub fn start(spools: [Option<&Spool>; 2]) -> Start {
    let (first, second) = match spools {
        [Some(first), Some(second)] => (first, second),
        [None, None] => return Start::Closed(Closed::NoSpool),
        _ => return Start::Closed(Closed::OneSpool),
    };
    let all = merged(spools);
    let sequences: BTreeSet<u64> = all.iter().map(|entry| entry.place().sequence).collect();
    let (older, newer) = if first.base <= second.base { (first, second) } else { (second, first) };
    // What one device says that the group has, the other one has or has forgotten as well, or it ends before that.
    let known = |place: Place| place == older.base || older.holds(place) || older.tail().sequence < place.sequence;
    let other_base = older.base.sequence == newer.base.sequence && older.base != newer.base;
    if sequences.len() < all.len() || other_base || !known(newer.base) {
        return Start::Closed(Closed::Forked);
    }
    for (number, spool) in [first, second].into_iter().enumerate() {
        let lacks = |entry: &&SpoolEntry| entry.place().sequence > spool.base.sequence && !spool.holds(entry.place());
        let entries: Vec<SpoolEntry> = all.iter().filter(lacks).copied().collect();
        if !entries.is_empty() {
            return Start::Complete { spool: number, entries };
        }
    }
    Start::Ready(first.tail().max(second.tail()))
}

/// What the audit group knows of a node's chain. A late leaf commits to its place, so places are found as leaves are.
pub trait ReadChain {
    /// The place that was taken last.
    fn tip(&self) -> Place;
    /// Whether the entry of this place was taken, or the chain begins here.
    fn has(&self, place: Place) -> bool;
    /// Whether this place was declared lost.
    fn lacks(&self, place: Place) -> bool;
}

/// What becomes of a delivered entry. All but `Again` and `Missing` are one leaf; evidence is never refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Taken {
    /// It goes on from what was taken last.
    InOrder,
    /// It was taken before.
    Again,
    /// It goes on from what was never delivered: it is not taken, and the sender begins at what it still has.
    Missing,
    /// An incident: the sender does not have what comes before, and said so.
    AfterGap,
    /// It is what was declared lost.
    FillsGap,
    /// An incident: it goes on from an older place than was taken last, so somebody went back.
    Forked,
}

impl Taken {
    /// Whether it becomes a leaf.
    pub fn is_new(self) -> bool {
        !matches!(self, Self::Again | Self::Missing)
    }

    /// Whether somebody must look at it (SECURITY.md 3.7: a gap or fork is an incident).
    pub fn is_incident(self) -> bool {
        matches!(self, Self::AfterGap | Self::Forked)
    }
}

/// Judges a delivered entry. Nothing of who asked, by which decision and under which revocation floor is asked here:
/// the answer has left, and its event belongs into the log whatever is found out about it later.
pub fn take(chain: &dyn ReadChain, entry: &SpoolEntry, gap_declared: bool) -> Taken {
    let place = entry.place();
    if chain.has(place) {
        Taken::Again
    } else if chain.lacks(place) {
        Taken::FillsGap
    } else if entry.before == chain.tip() {
        Taken::InOrder
    } else if chain.has(entry.before) || chain.lacks(entry.before) {
        Taken::Forked
    } else if gap_declared {
        Taken::AfterGap
    } else {
        Taken::Missing
    }
}

/// How a node stands to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    Connected,
    Island,
    Closed(Closed),
}

/// What the mode is decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Outlook {
    /// For how long no quorum was in reach; 0 while one is.
    pub alone_ms: u64,
    /// Until when a supervisor authorised the island.
    pub authorised_until: UnixMillis,
    /// When the copy was last known to have everything.
    pub copy_at: UnixMillis,
    /// This node's clock.
    pub clock: UnixMillis,
    /// The newest time that stands in the spools; the closing of an island stands there too. A clock that was set back
    /// while the node was down makes no copy younger than that.
    pub newest_spooled: UnixMillis,
    /// How the spools stand: none if they are ready.
    pub spools: Option<Closed>,
    pub ordered_closed: bool,
}

impl Outlook {
    /// The time by which the island judges.
    pub fn now(&self) -> UnixMillis {
        self.clock.max(self.newest_spooled)
    }
}

/// A quorum out of reach for this long makes an island (DESIGN.md, Reads).
pub const ALONE_MS: u64 = 1_000;

/// How a node must behave. `copy_age_max_ms` is configured, 24 hours by default and 72 at most.
pub fn mode(outlook: &Outlook, copy_age_max_ms: u64) -> Mode {
    let now = outlook.now();
    if outlook.alone_ms < ALONE_MS {
        Mode::Connected
    } else if outlook.ordered_closed {
        Mode::Closed(Closed::ByOperator)
    } else if let Some(closed) = outlook.spools {
        Mode::Closed(closed)
    } else if now.since(outlook.copy_at) > copy_age_max_ms {
        Mode::Closed(Closed::CopyTooOld)
    } else if now >= outlook.authorised_until {
        Mode::Closed(Closed::NotAuthorised)
    } else {
        Mode::Island
    }
}

/// Whether a decision that was made on an epoch of a principal's profile still holds: not below the revocation floor.
/// Whoever has the floor refuses the decision: the gate of an island that received it, and `apply` of a group.
pub fn holds_against(epoch: u64, floor: u64) -> bool {
    epoch >= floor
}

/// A version of a record that matches a question, and between which positions of its group's log it was in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InForce {
    pub record: RecordId,
    pub version: u64,
    pub from: u64,
    /// The position at which another version, a removal or an expiry took its place.
    pub until: Option<u64>,
}

/// An answer of an island, of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The position of the copy that it stands on.
    pub copied: u64,
    /// The records and versions that it showed.
    pub shown: BTreeSet<(RecordId, u64)>,
    /// The epoch of the officer's profile that it was decided on.
    pub epoch: u64,
}

/// What an island's answer would have been.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Late hits: what came into force after the copy and was not shown. Whether it was still in force when the answer
    /// was given is for whoever reads the times of both: no port's clock is good enough to leave one out.
    pub missed: BTreeSet<(RecordId, u64)>,
    /// Shown, and not in force any more.
    pub withdrawn: BTreeSet<(RecordId, u64)>,
    /// The officer's rights were revoked before it was judged, perhaps before he asked.
    pub revoked: bool,
}

/// Judges an answer by everything that its copy lacked, at a position of the group's log and against a floor of the
/// directory that were read, linearizably, after the answer's event was taken. Whatever was acknowledged before the
/// answer is below that position. A lookout that was created and removed again while the port was alone is none of the
/// state at the return, and is a late hit all the same; so `matching` is of the records' history since the copy.
pub fn judge(answered: &Answered, matching: &[InForce], judged_at: u64, floor: u64) -> Judgement {
    let mut judgement = Judgement { revoked: !holds_against(answered.epoch, floor), ..Judgement::default() };
    for version in matching.iter().filter(|version| version.from <= judged_at) {
        let key = (version.record, version.version);
        let over = version.until.is_some_and(|until| until <= judged_at);
        match answered.shown.contains(&key) {
            true if over => drop(judgement.withdrawn.insert(key)),
            false if version.from > answered.copied => drop(judgement.missed.insert(key)),
            _ => {}
        }
    }
    judgement
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(length: u8) -> Vec<SpoolEntry> {
        let mut before = Place::begin(NodeId(1));
        let entries = (1..=length).map(|number| {
            let entry = SpoolEntry { before, event: [number; 32] };
            before = entry.place();
            entry
        });
        entries.collect()
    }

    fn spool(entries: &[SpoolEntry]) -> Spool {
        Spool { base: Place::begin(NodeId(1)), entries: entries.to_vec() }
    }

    struct Log {
        tip: Place,
        has: BTreeSet<Place>,
        lacks: BTreeSet<Place>,
    }

    impl Log {
        fn new() -> Self {
            let tip = Place::begin(NodeId(1));
            Self { tip, has: BTreeSet::from([tip]), lacks: BTreeSet::new() }
        }

        fn take(&mut self, entry: &SpoolEntry, gap_declared: bool) -> Taken {
            let taken = take(self, entry, gap_declared);
            if taken == Taken::AfterGap {
                self.lacks.insert(entry.before);
            }
            if taken.is_new() {
                self.has.insert(entry.place());
                self.lacks.remove(&entry.place());
                self.tip = if taken == Taken::FillsGap { self.tip } else { entry.place() };
            }
            taken
        }
    }

    impl ReadChain for Log {
        fn tip(&self) -> Place {
            self.tip
        }
        fn has(&self, place: Place) -> bool {
            self.has.contains(&place)
        }
        fn lacks(&self, place: Place) -> bool {
            self.lacks.contains(&place)
        }
    }

    #[test]
    fn places_are_what_the_format_says() {
        // Fixed for ever: spools and receipts outlive programs.
        let begin = Place::begin(NodeId(1));
        assert_eq!(crate::ids::to_hex(&begin.head), "792485fe8f621081a50d67d303bde2313da0cdb7a0b1cbf8f178f28bebd030a6");
        assert_eq!(
            crate::ids::to_hex(&begin.after(&[7; 32]).head),
            "4ba5acd6bd231a60c7c2e86edd5f99d39b90290a2850b40c5e94e1fc3ba94dfe"
        );
    }

    #[test]
    fn an_event_is_durable_when_both_spools_hold_it() {
        let entries = chain(2);
        let (long, short) = (spool(&entries), spool(&entries[..1]));
        assert!(is_durable(entries[0].place(), [Some(&long), Some(&short)]));
        assert!(!is_durable(entries[1].place(), [Some(&long), Some(&short)]));
        assert!(!is_durable(entries[0].place(), [Some(&long), None]));
    }

    #[test]
    fn the_shorter_spool_is_completed_before_anything_else() {
        let entries = chain(3);
        let (mut long, short) = (spool(&entries), spool(&entries[..1]));
        let complete = Start::Complete { spool: 1, entries: entries[1..].to_vec() };
        assert_eq!(start([Some(&long), Some(&short)]), complete);
        assert_eq!(start([Some(&long), Some(&long)]), Start::Ready(entries[2].place()));
        assert_eq!(start([Some(&long), None]), Start::Closed(Closed::OneSpool));
        assert_eq!(start([None, None]), Start::Closed(Closed::NoSpool));
        long.forget(|place| place.sequence <= 2);
        assert_eq!(long, Spool { base: entries[1].place(), entries: entries[2..].to_vec() });
        assert_eq!(start([Some(&spool(&entries)), Some(&long)]), Start::Ready(entries[2].place()));
        let other = SpoolEntry { before: entries[0].place(), event: [9; 32] };
        let fork = spool(&[entries[0], other]);
        assert_eq!(start([Some(&spool(&entries)), Some(&fork)]), Start::Closed(Closed::Forked));
        assert_eq!(
            start([Some(&fork), Some(&long)]),
            Start::Closed(Closed::Forked),
            "the group has another second entry"
        );
    }

    #[test]
    fn entries_are_taken_once_and_in_order() {
        let (mut log, entries) = (Log::new(), chain(3));
        assert_eq!(log.take(&entries[1], false), Taken::Missing);
        assert_eq!(entries.iter().map(|entry| log.take(entry, false)).collect::<Vec<_>>(), [Taken::InOrder; 3]);
        assert_eq!(log.take(&entries[1], false), Taken::Again);
        assert_eq!(log.take(&entries[1], true), Taken::Again);
    }

    #[test]
    fn a_gap_and_a_fork_are_incidents_and_keep_their_evidence() {
        let (mut log, entries) = (Log::new(), chain(3));
        let rotten = spool(&[entries[0], entries[2]]);
        assert!(is_after_gap(&entries[2], [Some(&rotten), None]));
        assert!(!is_after_gap(&entries[2], [Some(&rotten), Some(&spool(&entries))]), "the other device has it");
        assert_eq!(log.take(&entries[0], false), Taken::InOrder);
        assert_eq!(log.take(&entries[2], true), Taken::AfterGap);
        assert_eq!(log.take(&entries[1], false), Taken::FillsGap);
        let other = SpoolEntry { before: entries[0].place(), event: [9; 32] };
        let next = SpoolEntry { before: other.place(), event: [10; 32] };
        assert_eq!(log.take(&other, false), Taken::Forked);
        assert_eq!(log.take(&next, false), Taken::InOrder, "one incident a fork");
        assert!(Taken::Forked.is_incident() && Taken::AfterGap.is_incident() && !Taken::FillsGap.is_incident());
    }

    #[test]
    fn an_island_opens_alone_authorised_and_young_and_closes_by_age_whatever_the_clock_says_later() {
        let outlook = Outlook {
            alone_ms: 1_000,
            authorised_until: UnixMillis(100_000),
            copy_at: UnixMillis(10_000),
            clock: UnixMillis(12_000),
            newest_spooled: UnixMillis(0),
            spools: None,
            ordered_closed: false,
        };
        let mode = |outlook: Outlook| mode(&outlook, 5_000);
        assert_eq!(mode(outlook), Mode::Island);
        assert_eq!(mode(Outlook { alone_ms: 999, ..outlook }), Mode::Connected);
        let closed = |outlook: Outlook, why: Closed| assert_eq!(mode(outlook), Mode::Closed(why));
        closed(Outlook { clock: UnixMillis(15_001), ..outlook }, Closed::CopyTooOld);
        closed(Outlook { newest_spooled: UnixMillis(15_001), ..outlook }, Closed::CopyTooOld);
        closed(Outlook { authorised_until: UnixMillis(12_000), ..outlook }, Closed::NotAuthorised);
        closed(Outlook { spools: Some(Closed::OneSpool), ..outlook }, Closed::OneSpool);
        closed(Outlook { ordered_closed: true, ..outlook }, Closed::ByOperator);
    }

    #[test]
    fn an_answer_is_judged_by_all_that_its_copy_lacked() {
        let id = |number: u8| RecordId([number; 16]);
        let in_force =
            |number: u8, from: u64, until: Option<u64>| InForce { record: id(number), version: 1, from, until };
        let answered = Answered { copied: 10, shown: [(id(1), 1), (id(2), 1)].into(), epoch: 3 };
        let matching = [
            in_force(1, 5, None),
            in_force(2, 5, Some(12)),
            in_force(3, 11, None),
            in_force(4, 11, Some(13)),
            in_force(5, 21, None),
        ];
        let judgement = judge(&answered, &matching, 20, 3);
        assert_eq!(judgement.missed, [(id(3), 1), (id(4), 1)].into(), "also what came and went");
        assert_eq!(judgement.withdrawn, [(id(2), 1)].into());
        assert!(!judgement.revoked && judge(&answered, &matching, 20, 4).revoked);
    }
}
