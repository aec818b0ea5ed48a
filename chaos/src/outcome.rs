//! What came of a run, as one process tells another.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::drive;
use crate::oracles;
use crate::trace::Trace;
use crate::world::World;

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    pub promise: String,
    pub at_ms: u64,
    pub what: String,
}

/// The outcome of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub seed: u64,
    pub trace_hash: String,
    pub simulated_ms: u64,
    pub real_ms: u64,
    pub operations: u64,
    pub faults: u64,
    pub elections: u64,
    pub broken: Vec<Broken>,
    /// What the run reached, with how often.
    pub marks: BTreeMap<String, u64>,
}

impl Outcome {
    /// Runs a world and judges it.
    pub fn of(world: World, trace: Trace) -> Self {
        let begun = std::time::Instant::now();
        let run = drive::run(world, trace);
        let violations = oracles::judge(&run);
        let marks = run.trace.marks();
        let faults = marks.iter().filter(|(mark, _)| mark.starts_with("fault: ")).map(|(_, count)| count).sum();
        let elections = run.sight.seen().leaders.len() as u64;
        let broken = violations.into_iter().map(|violation| Broken {
            promise: violation.promise.to_string(),
            at_ms: violation.at_ms,
            what: violation.what,
        });
        Self {
            seed: run.world.seed,
            trace_hash: run.trace.hash().0,
            simulated_ms: run.trace.now_ms(),
            real_ms: begun.elapsed().as_millis() as u64,
            operations: run.history.len() as u64,
            faults,
            elections,
            broken: broken.collect(),
            marks,
        }
    }

    /// Whether every promise held.
    pub fn passed(&self) -> bool {
        self.broken.is_empty()
    }
}
