//! All that a run found out.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::load::Load;
use crate::machine::Header;
use crate::phases::failover::Failover;
use crate::phases::gate::Gate;
use crate::phases::idle::Idle;
use crate::phases::import::Import;
use crate::phases::memory::Memory;
use crate::phases::overload::Overload;
use crate::phases::people::People;
use crate::phases::sign_on::SignOn;
use crate::phases::timing::Timing;

/// The report; what was not measured is empty or null.
#[derive(Debug, Serialize)]
pub struct Report {
    pub header: Header,
    /// Travellers that are asked about, by how their name differs from the list's.
    pub travellers: BTreeMap<&'static str, usize>,
    pub import: Vec<Import>,
    pub memory: Vec<Memory>,
    pub load: Vec<Load>,
    pub failover: Option<Failover>,
    pub gate: Vec<Gate>,
    pub sign_on: Vec<SignOn>,
    pub overload: Option<Overload>,
    pub timing: Option<Timing>,
    pub people: Option<People>,
    pub idle: Vec<Idle>,
}

impl Report {
    /// A report that has nothing yet.
    pub fn new(header: Header, travellers: BTreeMap<&'static str, usize>) -> Self {
        let (import, memory, load) = (Vec::new(), Vec::new(), Vec::new());
        let (gate, sign_on, idle) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            header,
            travellers,
            import,
            memory,
            load,
            failover: None,
            gate,
            sign_on,
            overload: None,
            timing: None,
            people: None,
            idle,
        }
    }

    /// Calls that did not succeed, and rows that were not taken.
    pub fn errors(&self) -> u64 {
        let load: u64 = self.load.iter().map(|load| load.errors).sum();
        let rejected: u64 = self.import.iter().map(|import| import.summary.rejected).sum();
        let refused: u64 = self.sign_on.iter().map(|it| it.errors).sum();
        let overload = self.overload.as_ref().map_or(0, |overload| {
            let normal: u64 = overload.normal.asked.iter().flat_map(|kind| kind.failed.values()).sum();
            normal + overload.answers_without_event as u64
        });
        refused + load + rejected + overload + self.failover.as_ref().map_or(0, |failover| failover.errors)
    }
}
