//! What the seeds of a long run must have reached: every sort of fault, every sort of call, and the states that they lead to.

use crate::totals::Totals;

/// Marks that 500 seeds must reach; a fault or a workload that does not is dead.
pub const MUST_REACH: &[&str] = &[
    "answered no-record-available",
    "answered stale-version",
    "answered unavailable",
    "audit read",
    "checkpoint",
    "crash",
    "create",
    "damage found",
    "fault: bit rot in a log",
    "fault: bit rot in a state",
    "fault: bounce",
    "fault: clock jump",
    "fault: crash of all nodes",
    "fault: crash, a part of the unsynced left",
    "fault: crash, a torn record left",
    "fault: crash, nothing unsynced left",
    "fault: delay",
    "fault: dropped connections",
    "fault: full disk",
    "fault: half-open connections",
    "fault: half-open connections of clients",
    "fault: isolation",
    "fault: kill of the process",
    "fault: leadership transfer",
    "fault: learner added",
    "fault: messages held and released",
    "fault: node added",
    "fault: node removed",
    "fault: one-way partition",
    "fault: outbox delivered again",
    "fault: partition of two nodes",
    "fault: pause of the machine",
    "fault: pause of the process",
    "fault: slow disk",
    "fault: snapshot by an operator",
    "fault: split of the nodes",
    "get",
    "import",
    "joint membership",
    "list",
    "membership change",
    "no quorum",
    "remove",
    "screen linearizable",
    "screen local",
    "snapshot installed",
    "snapshot taken",
    "steady while a node was away",
    "transfer cut by a crash",
    "transfer cut by its connection",
    "two imports of one list at once",
    "update",
];

/// Those that were not reached.
pub fn missing(totals: &Totals) -> Vec<&'static str> {
    MUST_REACH.iter().copied().filter(|mark| !totals.marks.contains_key(*mark)).collect()
}
