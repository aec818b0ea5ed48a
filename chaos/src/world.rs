//! A world: everything that a seed stands for, in a form that a person reads and a file holds.

use std::fmt;

use model::ids::GroupId;
use raft::groups::Timings;
use serde::{Deserialize, Serialize};

use crate::fault::{self, Fault};
use crate::rng::Rng;

/// What a run is made of. The same world gives the same run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// What the run's own draws (delays, questions, torn bytes) come from.
    pub seed: u64,
    /// Nodes that the cluster begins with, all of them voters.
    pub nodes: u64,
    pub regions: u64,
    pub records_groups: u16,
    pub heartbeat_ms: u64,
    pub election_ms: (u64, u64),
    pub snapshot_entries: u64,
    pub keep_entries: u64,
    /// Longest way of a message inside a region, and between two.
    pub latency_ms: (u64, u64),
    pub sync_us: (u64, u64),
    /// A change waits so long for others before the search index is committed.
    pub index_linger_ms: u64,
    /// A search, and a commit of the index, take so long.
    #[serde(default)]
    pub work_ms: u64,
    /// By node: how much faster its clocks run, in millionths, and how far its wall clock is ahead at first.
    pub clocks: Vec<(i64, i64)>,
    /// Whether nodes have a gate: everybody has an account then, some records are for few, and accounts come and go.
    #[serde(default)]
    pub gated: bool,
    /// The list that subjects are taken from has so many.
    pub subjects: u64,
    pub clients: Clients,
    /// The first faults begin after this time, and the last within so much more; then all must come right, within the third.
    pub settle_ms: u64,
    pub faulty_ms: u64,
    pub calm_ms: u64,
    pub faults: Vec<Fault>,
}

/// Who works with the cluster. Each number is of clients that work at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clients {
    pub officers: u64,
    pub agencies: u64,
    pub importers: u64,
    pub auditors: u64,
    #[serde(default)]
    pub analysts: u64,
    #[serde(default)]
    pub supervisors: u64,
    /// Who look for what they may not see, in a gated world.
    #[serde(default)]
    pub strangers: u64,
    /// Longest pause between two calls of a client.
    pub pause_ms: u64,
    /// Calls of each client at most.
    pub calls: u64,
}

/// Of a hundred worlds so many have a gate.
const GATED_PERCENT: u64 = 60;

impl World {
    /// The world of a seed.
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::new(seed, 1);
        let nodes = *rng.pick(&[3, 3, 3, 4, 5, 5, 5, 6, 7]).unwrap_or(&3);
        let regions = rng.between(1, 3);
        let election_min = rng.between(300, 700);
        let mut world = Self {
            seed,
            nodes,
            regions,
            records_groups: *rng.pick(&[1, 1, 2, 2, 3, 4]).unwrap_or(&1),
            heartbeat_ms: rng.between(80, 150),
            election_ms: (election_min, election_min + rng.between(150, 400)),
            snapshot_entries: *rng.pick(&[20, 50, 100, 400]).unwrap_or(&100),
            keep_entries: *rng.pick(&[0, 5, 20, 100]).unwrap_or(&5),
            latency_ms: (rng.between(1, 4), rng.between(4, 40)),
            sync_us: (100, rng.between(300, 6_000)),
            // Longer than in production: a commit is what costs the simulation most, and what waits is searched all the same.
            index_linger_ms: *rng.pick(&[1_000, 2_000, 5_000]).unwrap_or(&1_000),
            gated: false,
            work_ms: *rng.pick(&[0, 1, 5, 30]).unwrap_or(&0),
            clocks: Vec::new(),
            subjects: *rng.pick(&[60, 150, 300]).unwrap_or(&60),
            clients: Clients {
                officers: rng.between(2, 5),
                agencies: rng.between(1, 3),
                importers: rng.between(0, 2),
                auditors: rng.between(0, 1),
                // Drawn apart, so that the rest of a world is what it was without them.
                analysts: Rng::new(seed, 3).between(0, 2),
                supervisors: Rng::new(seed, 4).between(0, 1),
                strangers: 0,
                pause_ms: *rng.pick(&[200, 400, 1_000]).unwrap_or(&400),
                calls: u64::MAX,
            },
            settle_ms: 3_000,
            faulty_ms: 24_000,
            calm_ms: 60_000,
            faults: Vec::new(),
        };
        let skewed = rng.percent(50);
        for _ in 0..nodes {
            let (drift, ahead) = (rng.between(0, 400) as i64 - 200, rng.between(0, 800) as i64 - 400);
            world.clocks.push(if skewed { (drift, ahead) } else { (0, 0) });
        }
        let mut gate = Rng::new(seed, 6);
        if gate.percent(GATED_PERCENT) {
            world.gated = true;
            // A ceremony makes a bounded number of accounts.
            let clients = &mut world.clients;
            clients.strangers = gate.between(1, 2);
            clients.officers = clients.officers.min(4);
            clients.agencies = clients.agencies.min(2);
        }
        world.faults = fault::draw(&world, &mut Rng::new(seed, 2));
        if world.gated {
            world.faults.extend(fault::deaf_to_the_directory(&world, &mut gate));
        }
        world.faults.extend(fault::rotations(&world, &mut Rng::new(seed, 4)));
        world.faults.sort_by_key(|fault| fault.at_ms);
        world
    }

    /// The group of a place in the order directory, records, audit, as a number.
    pub fn group_number(&self, at: u64) -> u32 {
        let records = u64::from(self.records_groups);
        let group = match at {
            0 => GroupId::Directory,
            at if at <= records => GroupId::Records((at - 1) as u16),
            _ => GroupId::Audit(0),
        };
        group.number()
    }

    /// All groups.
    pub fn groups(&self) -> Vec<GroupId> {
        node::config::groups_of(self.records_groups)
    }

    /// The region that a node stands in.
    pub fn region(&self, node: u64) -> u64 {
        node % self.regions
    }

    /// The timings of its groups.
    pub fn timings(&self) -> Timings {
        Timings {
            heartbeat_ms: self.heartbeat_ms,
            election_min_ms: self.election_ms.0,
            election_max_ms: self.election_ms.1,
            snapshot_entries: self.snapshot_entries,
            keep_entries: self.keep_entries,
        }
    }

    /// When the last fault has begun and ended, as far as it ends by itself.
    pub fn calm_at_ms(&self) -> u64 {
        self.settle_ms + self.faulty_ms + 6_500
    }

    /// When the run is over at the latest.
    pub fn end_ms(&self) -> u64 {
        self.calm_at_ms() + self.calm_ms
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let World { clients, .. } = self;
        writeln!(
            f,
            "seed {}: {} nodes in {} regions, {} groups, {} gate",
            self.seed,
            self.nodes,
            self.regions,
            self.records_groups + 2,
            if self.gated { "with a" } else { "no" }
        )?;
        writeln!(
            f,
            "  heartbeat {} ms, elections after {}-{} ms, snapshot every {} entries, {} kept behind it",
            self.heartbeat_ms, self.election_ms.0, self.election_ms.1, self.snapshot_entries, self.keep_entries
        )?;
        writeln!(
            f,
            "  messages up to {} ms in a region and {} ms between two, syncs {}-{} us, indexed every {} ms, {} ms of work",
            self.latency_ms.0, self.latency_ms.1, self.sync_us.0, self.sync_us.1, self.index_linger_ms, self.work_ms
        )?;
        writeln!(f, "  clocks (drift in millionths, ms ahead): {:?}", self.clocks)?;
        writeln!(
            f,
            "  {} officers, {} agencies, {} importers, {} auditors, {} analysts, {} supervisors, {} strangers over a list of {}, pauses up to {} ms",
            clients.officers,
            clients.agencies,
            clients.importers,
            clients.auditors,
            clients.analysts,
            clients.supervisors,
            clients.strangers,
            self.subjects,
            clients.pause_ms
        )?;
        writeln!(
            f,
            "  {} faults within {} ms, and {} ms at most to come right:",
            self.faults.len(),
            self.calm_at_ms(),
            self.calm_ms
        )?;
        for fault in &self.faults {
            writeln!(f, "  {fault}")?;
        }
        Ok(())
    }
}
