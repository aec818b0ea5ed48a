//! The bank of known bugs: each is planted, and seeds are run until an oracle catches it. It proves that the net catches.

use std::io::Write;

use model::known_bugs::KnownBug;

use crate::ledger::Ledger;
use crate::pool::{self, Job};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Seeds that a bug may take to be caught.
const SEEDS_MAX: u64 = 100;

/// The oracles that a bug is made for: caught by another one, it may be something else that was caught.
pub fn aims(bug: KnownBug) -> &'static [&'static str] {
    use KnownBug as Bug;
    match bug {
        Bug::AnswerBeforeSync => {
            &["Raft", "Running", "Durable", "SameState", "Linearizable", "AppendOnlyAudit", "NoMissedLookout"]
        }
        Bug::VoteNotSynced => &["Raft", "Running", "Durable", "SameState", "AppendOnlyAudit"],
        Bug::LeaderRestored => &["Raft", "Running", "Durable", "SameState", "AppendOnlyAudit"],
        Bug::AppliedIndexOutsideTheBatch => &["SameState", "AppendOnlyAudit", "OutboxOnce", "ExactlyOnce"],
        Bug::AuditAfterRelease | Bug::ReceiptsMixedUp => &["NoUnauditedAnswer"],
        Bug::RequestIdsNotInSnapshot => &["SameState", "ExactlyOnce"],
        Bug::SnapshotPositionBeforeData => &["SameState", "AppendOnlyAudit", "Running"],
        Bug::LearnerCountedInQuorum => &["Raft", "Running", "Durable", "SameState", "Linearizable"],
        Bug::ReadWithoutQuorum | Bug::FollowerServesLinearizable => &["Linearizable", "NoMissedLookout"],
        Bug::QueueNotSearched | Bug::IndexerSkipsAfterRestart | Bug::FeedTrimmedTooFar | Bug::RemovedIsStillFound => {
            &["NoMissedLookout"]
        }
        Bug::TimeRunsBack => &["Time"],
        Bug::OutboxTakenTwice => &["OutboxOnce"],
        Bug::LogPurgedAboveFlushed => &["Running", "Durable", "SameState"],
        Bug::OrderVariesInApply => &["SameState", "AppendOnlyAudit"],
        Bug::SequenceStandsStill => &["AppendOnlyAudit"],
        Bug::StaleCopyLooksFresh
        | Bug::WaitingMessageLooksFresh
        | Bug::UnconfirmedLeaderBelieved
        | Bug::LeaderAlwaysFresh => &["Dated"],
        Bug::DamagedSnapshotTaken => &["SameState", "AppendOnlyAudit", "Running"],
        Bug::VersionNotCompared => &["Linearizable"],
        Bug::PartialLooksWhole => &["NoMissedLookout"],
        Bug::AnswerBeforeCommit => &["Durable", "Linearizable", "NoMissedLookout", "NoUnauditedAnswer", "ExactlyOnce"],
        Bug::DeadConnectionKept => &["Live", "Available"],
        Bug::PolicyVersionMissing => &["NoMissedLookout", "SameAnswer"],
        Bug::OrderByReplica | Bug::ScoreByMachine => &["SameAnswer", "NoMissedLookout"],
        Bug::KeyMissing | Bug::BoundCutsTooEarly | Bug::NotTheBest => &["NoMissedLookout"],
        Bug::EndedOverrideApplies | Bug::OverrideOfAnybody => &["Overridden"],
        Bug::LanesOfTwoGroups => &["NoUnauditedAnswer", "ExactlyOnce", "OutboxOnce"],
        Bug::HiddenRecordOpened
        | Bug::CallerOfAnother
        | Bug::StaleDirectoryDecides
        | Bug::SessionOutlivesSuspension
        | Bug::ErrorTellsOfHidden
        | Bug::LevelFourInTheSharedIndex
        | Bug::FloorNotChecked
        | Bug::DecisionNeverLapses
        | Bug::WholeHitAtTheLane
        | Bug::FirstPoliciesStay
        | Bug::WindowNeverCloses => &["NoUnauthorisedByte"],
        Bug::HiddenTakesAPlace => &["NoMissedLookout"],
        Bug::SecondKeyStands => &["Sealed", "NoMissedLookout", "NoUnauditedAnswer", "Live"],
        Bug::DenialsCountedPerNode => &["Suspended"],
        Bug::RetryCreatesAgain => &["ExactlyOnce", "Durable", "Linearizable"],
    }
}

/// The bug of a name.
pub fn find(name: &str) -> Result<KnownBug> {
    let found = KnownBug::ALL.iter().find(|bug| bug.name() == name).copied();
    found.ok_or_else(|| {
        let names: Vec<&str> = KnownBug::ALL.iter().map(|bug| bug.name()).collect();
        format!("there is no known bug `{name}`; there are {}", names.join(", ")).into()
    })
}

fn passes(ledger: &mut Ledger, seed: u64) -> Result<bool> {
    if ledger.passed(seed).is_some() {
        return Ok(true);
    }
    let mut passed = false;
    pool::run(std::iter::once(Job::seed(seed)), |_, outcome| {
        passed = outcome.passed() && ledger.note(&outcome).is_ok();
        true
    })?;
    Ok(passed)
}

/// Runs the bugs of these names, or all of them, or as many as are to be rotated; true if each was caught.
pub fn bank(names: &[String], rotate: Option<usize>) -> Result<bool> {
    let mut bugs = Vec::new();
    for name in names {
        bugs.push(find(name)?);
    }
    if names.is_empty() {
        bugs = KnownBug::ALL.to_vec();
    }
    if let Some(count) = rotate {
        let days = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs() / 86_400;
        let first = days as usize * count % bugs.len().max(1);
        bugs = bugs.iter().cycle().skip(first).take(count.min(bugs.len())).copied().collect();
    }
    let mut out = std::io::stdout().lock();
    let mut all = true;
    let mut ledger = Ledger::open()?;
    for bug in bugs {
        let mut caught: Option<(u64, String)> = None;
        let (mut trouble, mut others) = (Ok(()), Vec::new());
        let jobs = (1..=SEEDS_MAX).map(|seed| Job { seed, bug: Some(bug.name().to_string()), world: None });
        pool::run(jobs, |job, outcome| {
            let aimed = outcome.broken.iter().find(|broken| aims(bug).contains(&broken.promise.as_str()));
            let Some(broken) = aimed else {
                others.extend(outcome.broken.first().map(|broken| format!("{} at seed {}", broken.promise, job.seed)));
                return true;
            };
            // Without the bug the seed must pass, or it is something else that was caught.
            match passes(&mut ledger, job.seed) {
                // A smaller seed may come to its end later.
                Ok(true) => caught = Some((job.seed, broken.promise.clone())),
                Ok(false) => trouble = Err(format!("seed {} fails without any bug", job.seed)),
                Err(error) => trouble = Err(error.to_string()),
            }
            false
        })?;
        trouble?;
        match caught {
            Some((seed, promise)) => writeln!(out, "{bug}: caught by {promise} at seed {seed}")?,
            None => {
                all = false;
                writeln!(out, "{bug}: NOT CAUGHT in {SEEDS_MAX} seeds; other alarms: {}", others.join(", "))?;
            }
        }
        out.flush()?;
    }
    Ok(all)
}
