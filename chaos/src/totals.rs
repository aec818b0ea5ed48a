//! Sums over the runs of many seeds.

use std::collections::BTreeMap;

use crate::outcome::Outcome;

/// What the runs of some seeds came to.
#[derive(Debug, Default, Clone)]
pub struct Totals {
    pub seeds: u64,
    pub simulated_ms: u64,
    pub real_ms: u64,
    pub operations: u64,
    pub faults: u64,
    pub elections: u64,
    /// By mark: in how many seeds, and how often in all.
    pub marks: BTreeMap<String, (u64, u64)>,
}

impl Totals {
    /// Adds a run.
    pub fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.simulated_ms += outcome.simulated_ms;
        self.real_ms += outcome.real_ms;
        self.operations += outcome.operations;
        self.faults += outcome.faults;
        self.elections += outcome.elections;
        for (mark, count) in &outcome.marks {
            let (seeds, all) = self.marks.entry(mark.clone()).or_default();
            *seeds += 1;
            *all += count;
        }
    }

    /// The line that ends `run`.
    pub fn line(&self) -> String {
        format!(
            "{} seeds, {:.2} simulated hours, {} operations, {} faults, {} elections; {:.1} simulated seconds a second of one process",
            self.seeds,
            self.simulated_ms as f64 / 3_600_000.0,
            self.operations,
            self.faults,
            self.elections,
            self.simulated_ms as f64 / self.real_ms.max(1) as f64
        )
    }
}
