//! Bugs that are planted on purpose, one at a time, to prove that the simulation's oracles catch them.
//!
//! Without the cargo feature `known-bugs`, which only `chaos` turns on, [`planted`] is the constant `false` and nothing of them
//! is left in a program.

/// Whether this program can be given a bug. `portcullis-node --version` says it, and a test refuses such a program.
pub const COMPILED_IN: bool = cfg!(feature = "known-bugs");

macro_rules! bugs {
    ($($(#[$meta:meta])* $name:literal => $bug:ident),+ $(,)?) => {
        /// A bug of the bank.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum KnownBug { $($(#[$meta])* $bug),+ }

        impl KnownBug {
            /// The whole bank.
            pub const ALL: &[Self] = &[$(Self::$bug),+];

            /// The bug's name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$bug => $name),+ }
            }
        }
    };
}

bugs! {
    /// An append is acknowledged before its bytes are synced.
    "answer-before-sync" => AnswerBeforeSync,
    /// A vote is given before it is synced.
    "vote-not-synced" => VoteNotSynced,
    /// A leader that comes back goes on leading its old term, whatever it lost.
    "leader-restored" => LeaderRestored,
    /// The applied index is written after the batch that it belongs to.
    "applied-index-outside-the-batch" => AppliedIndexOutsideTheBatch,
    /// An answer leaves before its event is durable.
    "audit-after-release" => AuditAfterRelease,
    /// Events of one entry are acknowledged with each other's receipts.
    "receipts-mixed-up" => ReceiptsMixedUp,
    /// A snapshot lacks the remembered request ids.
    "request-ids-not-in-snapshot" => RequestIdsNotInSnapshot,
    /// A snapshot says of which entry it is, and its data are of a later one.
    "snapshot-position-before-data" => SnapshotPositionBeforeData,
    /// An unreachable voter counts as reached as long as there is a learner.
    "learner-counted-in-quorum" => LearnerCountedInQuorum,
    /// A snapshot is taken over though rows of it are damaged.
    "damaged-snapshot-taken" => DamagedSnapshotTaken,
    /// A leader gives the position of a linearizable read without asking whether it still leads.
    "read-without-quorum" => ReadWithoutQuorum,
    /// A follower serves linearizable reads from what it has.
    "follower-serves-linearizable" => FollowerServesLinearizable,
    /// What is applied and not yet indexed is not searched.
    "queue-not-searched" => QueueNotSearched,
    /// An index that is behind what is left of its feed is taken for complete.
    "indexer-skips-after-restart" => IndexerSkipsAfterRestart,
    /// The feed is forgotten further than it is indexed.
    "feed-trimmed-too-far" => FeedTrimmedTooFar,
    /// A record out of force is still found.
    "removed-is-still-found" => RemovedIsStillFound,
    /// Log time follows the leader's clock backwards.
    "time-runs-back" => TimeRunsBack,
    /// A message that was received before is taken again.
    "outbox-taken-twice" => OutboxTakenTwice,
    /// The log is purged up to a snapshot that was not made durable.
    "log-purged-above-flushed" => LogPurgedAboveFlushed,
    /// What an entry does depends on which entries it is applied together with.
    "order-varies-in-apply" => OrderVariesInApply,
    /// A copy counts as fresh whenever anybody who claims to lead says something.
    "stale-copy-looks-fresh" => StaleCopyLooksFresh,
    /// A message that waited on its way counts as sent when it came.
    "waiting-message-looks-fresh" => WaitingMessageLooksFresh,
    /// What a leader says counts whether or not a quorum has confirmed it since.
    "unconfirmed-leader-believed" => UnconfirmedLeaderBelieved,
    /// A leader's own copy counts as fresh whatever it has applied.
    "leader-always-fresh" => LeaderAlwaysFresh,
    /// An update does not look at the version that it was made on.
    "version-not-compared" => VersionNotCompared,
    /// A group that did not answer is not missed in an answer.
    "partial-looks-whole" => PartialLooksWhole,
    /// A create is acknowledged as soon as it is on its way.
    "answer-before-commit" => AnswerBeforeCommit,
    /// The order of hits is another one on every second node.
    "order-by-replica" => OrderByReplica,
    /// Every second key of a word is not in the dictionary of the index.
    "key-missing" => KeyMissing,
    /// A record is not scored unless its bound is well above what a hit needs.
    "bound-cuts-too-early" => BoundCutsTooEarly,
    /// The last digit of a score is another one on every second node, as floats may have it.
    "score-by-machine" => ScoreByMachine,
    /// An answer does not say by which version of the policies it was made.
    "policy-version-missing" => PolicyVersionMissing,
    /// Of more hits than are asked for, any are given.
    "not-the-best" => NotTheBest,
    /// A connection that carries nothing any more is kept.
    "dead-connection-kept" => DeadConnectionKept,
    /// A create makes a record of its own each time it is sent.
    "retry-creates-again" => RetryCreatesAgain,
    /// An override that was ended goes on applying.
    "ended-override-applies" => EndedOverrideApplies,
    /// An override applies to everybody who meets its lookout.
    "override-of-anybody" => OverrideOfAnybody,
    /// What the directory posts begins in the lanes of records groups, and is dropped as seen where one of these was first.
    "lanes-of-two-groups" => LanesOfTwoGroups,
    /// What an index or the id gives is opened without a look at its labels.
    "hidden-record-opened" => HiddenRecordOpened,
    /// Callers of one agency that were made are kept for each other.
    "caller-of-another" => CallerOfAnother,
    /// A record that is hidden from the caller takes a place among the hits.
    "hidden-takes-a-place" => HiddenTakesAPlace,
    /// A replica of the directory that has heard nothing for long goes on deciding.
    "stale-directory-decides" => StaleDirectoryDecides,
    /// A session goes on when its account was suspended and reinstated.
    "session-outlives-suspension" => SessionOutlivesSuspension,
    /// Who asks for a hidden record is told why he may not see it.
    "error-tells-of-hidden" => ErrorTellsOfHidden,
    /// Denials are told to the directory when one node has seen enough of them.
    "denials-counted-per-node" => DenialsCountedPerNode,
    /// Records of level 4 stand in the index of all others.
    "level-4-in-the-shared-index" => LevelFourInTheSharedIndex,
    /// A group takes a change that was decided before access was taken away.
    "floor-not-checked" => FloorNotChecked,
    /// A group takes a change that was decided long ago.
    "decision-never-lapses" => DecisionNeverLapses,
    /// At the lane a hidden record is shown whole.
    "whole-hit-at-the-lane" => WholeHitAtTheLane,
    /// The access policies that a node read first stay in force on it.
    "first-policies-stay" => FirstPoliciesStay,
    /// Of two keys of data that are made at once, the second takes the place of the first.
    "second-key-stands" => SecondKeyStands,
    /// Now and then two events of a session or port have one number.
    "sequence-stands-still" => SequenceStandsStill,
    /// A function that was given for a while is held for good.
    "window-never-closes" => WindowNeverCloses,
}

impl std::fmt::Display for KnownBug {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(feature = "known-bugs")]
static PLANTED: std::sync::OnceLock<KnownBug> = std::sync::OnceLock::new();

/// Plants a bug for the rest of the process.
#[cfg(feature = "known-bugs")]
pub fn plant(bug: KnownBug) {
    PLANTED.get_or_init(|| bug);
}

/// Whether a bug is planted.
#[cfg(feature = "known-bugs")]
pub fn planted(bug: KnownBug) -> bool {
    PLANTED.get() == Some(&bug)
}

/// Whether a bug is planted: never, in this program.
#[cfg(not(feature = "known-bugs"))]
#[inline(always)]
pub const fn planted(_: KnownBug) -> bool {
    false
}
