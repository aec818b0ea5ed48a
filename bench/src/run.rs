//! A run: directories, clusters and phases in their order.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use generator::Config;
use tempfile::TempDir;

use crate::args::{Args, Phase};
use crate::bounds::leads;
use crate::clients::client;
use crate::cluster::{Cluster, NODES};
use crate::error::BenchError;
use crate::machine::Header;
use crate::output::{Output, note};
use crate::phases::{failover, gate, idle, import, memory, overload, people, sign_on, timing};
use crate::report::Report;
use crate::sample::Sample;
use crate::settle::settle;
use crate::work::{Kind, Supply};
use crate::{load, tables};

/// Records groups of the measured cluster.
const RECORDS_GROUPS: u16 = 2;
/// Questions to the nodes in turn before their memory is looked at.
const ASKED_BEFORE_MEMORY: usize = 1_500;
/// Records groups of the cluster at rest: with directory and audit log, six groups.
const IDLE_RECORDS_GROUPS: u16 = 4;
const IDLE_GROUPS: usize = IDLE_RECORDS_GROUPS as usize + 2;

/// What all phases need.
struct Run<'a> {
    args: &'a Args,
    output: Output,
    program: PathBuf,
    dir: PathBuf,
    supply: Arc<Supply>,
    report: Report,
}

/// Measures what was asked for. Returns how many errors there were.
pub async fn run(args: &Args) -> Result<u64, BenchError> {
    let output = Output(args.output);
    let program = program(args)?;
    let (dir, _temporary) = directory(args)?;
    let config = Config { seed: args.seed, people: args.people as usize };
    let supply = Arc::new(Supply::new(&config));
    let node = program.with_file_name("portcullis-node");
    let header = Header::read(args, &dir, &node, (NODES, RECORDS_GROUPS))?;
    output.text(&header.to_text())?;
    let report = Report::new(header, supply.mix());
    let mut run = Run { args, output, program, dir, supply, report };
    if Phase::value_is_wanted(args, &[Phase::Import, Phase::Memory]) {
        run.ofac().await?;
    }
    let with_list = [Phase::Import, Phase::Memory, Phase::Local, Phase::Linearizable, Phase::Write, Phase::Failover];
    if Phase::value_is_wanted(args, &with_list) {
        run.with_list(&config).await?;
    }
    if args.wants(Phase::Gate) {
        run.gate(&config).await?;
    }
    if args.wants(Phase::SignOn) {
        run.sign_on().await?;
    }
    if args.wants(Phase::Overload) {
        run.overload(&config).await?;
    }
    if args.wants(Phase::Timing) {
        run.timing(&config).await?;
    }
    if args.wants(Phase::People) {
        run.people(&config).await?;
    }
    if args.wants(Phase::Idle) {
        run.idle().await?;
    }
    output.document(&run.report)?;
    Ok(run.report.errors())
}

impl Phase {
    fn value_is_wanted(args: &Args, any: &[Self]) -> bool {
        any.iter().any(|phase| args.wants(*phase))
    }
}

impl Run<'_> {
    async fn cluster(&self, name: &str, records_groups: u16) -> Result<Cluster, BenchError> {
        note(format!("starting a cluster of {NODES} nodes with {records_groups} records groups"));
        Cluster::start(&self.program, &self.dir.join(name), records_groups, false).await
    }

    /// The generated list, made when it is first asked for.
    fn list(&self, config: &Config) -> Result<PathBuf, BenchError> {
        let lists = self.dir.join("lists");
        let list = lists.join("list.csv");
        if !list.is_file() {
            generator::write_lists(&lists, config)?;
        }
        Ok(list)
    }

    /// Time that does not count, and the measured time.
    fn times(&self) -> (Duration, Duration) {
        (Duration::from_secs(self.args.warm_up), Duration::from_secs(self.args.seconds))
    }

    /// The real list, on a cluster of its own.
    async fn ofac(&mut self) -> Result<(), BenchError> {
        let Some(list) = &self.args.ofac else { return Ok(()) };
        let cluster = self.cluster("ofac", RECORDS_GROUPS).await?;
        self.lists(&cluster, "OFAC SDN", "ofac-sdn", list).await
    }

    /// A list goes in; what that took and what the nodes hold then.
    async fn lists(&mut self, cluster: &Cluster, name: &str, format: &str, list: &Path) -> Result<(), BenchError> {
        let twice = ["first time", "second time"];
        let times = if self.args.wants(Phase::Import) { &twice[..] } else { &twice[..1] };
        note(format!("importing {name}"));
        let imports = import::times(cluster, name, format, list, times).await?;
        self.output.text(&import::to_text(&imports))?;
        self.report.import.extend(imports);
        settle(cluster).await?;
        if self.args.wants(Phase::Memory) {
            // A node that answers holds more than one that has only taken a list in.
            note(format!("asking {ASKED_BEFORE_MEMORY} questions"));
            for number in 0..ASKED_BEFORE_MEMORY {
                let client = client(cluster, number)?;
                let asked = self.supply.operation(Kind::Local, number, 0).run(&client).await;
                asked.map_err(|(code, text)| BenchError::Cluster(format!("{code}: {text}")))?;
            }
            let memory = memory::of(cluster, name)?;
            self.output.text(&memory::to_text(&memory))?;
            self.report.memory.extend(memory);
        }
        Ok(())
    }

    /// The synthetic list, and load on it. Writes come last of the load: they make the list longer.
    async fn with_list(&mut self, config: &Config) -> Result<(), BenchError> {
        let mut cluster = self.cluster("main", RECORDS_GROUPS).await?;
        let list = self.list(config)?;
        let name = format!("list of {}", config.people);
        self.lists(&cluster, &name, "csv", &list).await?;
        let led = Sample::of(&cluster).await?;
        for (node, sample) in cluster.nodes().iter().zip(&led.nodes) {
            note(format!("node {} leads {}", node.id, leads(sample).join(", ")));
        }
        let kinds =
            [(Phase::Local, Kind::Local), (Phase::Linearizable, Kind::Linearizable), (Phase::Write, Kind::Write)];
        for (phase, kind) in kinds {
            if self.args.wants(phase) {
                self.load(&cluster, kind).await?;
            }
        }
        if self.args.wants(Phase::Failover) {
            let failover = failover::measure(&mut cluster, &self.supply, self.args.failovers, RECORDS_GROUPS).await?;
            self.output.text(&failover::to_text(&failover))?;
            self.report.failover = Some(failover);
        }
        Ok(())
    }

    async fn load(&mut self, cluster: &Cluster, kind: Kind) -> Result<(), BenchError> {
        let mut loads = Vec::new();
        for clients in &self.args.clients {
            settle(cluster).await?;
            note(format!("{}: {clients} clients", kind.title()));
            loads.push(load::measure(cluster, &self.supply, kind, *clients, self.times()).await?);
        }
        self.output.text(&tables::to_text(&loads))?;
        self.report.load.extend(loads);
        Ok(())
    }

    async fn gate(&mut self, config: &Config) -> Result<(), BenchError> {
        let gated = self.cluster("gated", RECORDS_GROUPS).await?;
        note("starting another in plain text, which has no gate");
        let ungated = Cluster::start(&self.program, &self.dir.join("ungated"), RECORDS_GROUPS, true).await?;
        let list = self.list(config)?;
        note("asking both in turn");
        let measured = gate::measure((&gated, &ungated), &list, &self.supply, self.times()).await?;
        self.output.text(&gate::to_text(&measured))?;
        self.report.gate = measured;
        Ok(())
    }

    async fn sign_on(&mut self) -> Result<(), BenchError> {
        let cluster = self.cluster("sign-on", RECORDS_GROUPS).await?;
        settle(&cluster).await?;
        let mut measured = Vec::new();
        for way in sign_on::Way::ALL {
            for clients in &self.args.clients {
                note(format!("log-on {}: {clients} clients", way.title()));
                measured.push(sign_on::measure(&cluster, way, *clients, self.times()).await?);
            }
        }
        self.output.text(&sign_on::to_text(&measured))?;
        self.report.sign_on = measured;
        Ok(())
    }

    async fn overload(&mut self, config: &Config) -> Result<(), BenchError> {
        let cluster = self.cluster("overloaded", RECORDS_GROUPS).await?;
        let list = self.list(config)?;
        let measured = overload::measure(&cluster, &list, &self.supply, self.times()).await?;
        self.output.text(&overload::to_text(&measured))?;
        self.report.overload = Some(measured);
        Ok(())
    }

    async fn timing(&mut self, config: &Config) -> Result<(), BenchError> {
        let cluster = self.cluster("timing", RECORDS_GROUPS).await?;
        let list = self.list(config)?;
        let asked = (&*self.supply, self.args.seed);
        let measured = timing::measure(&cluster, &list, asked, self.times()).await?;
        self.output.text(&timing::to_text(&measured))?;
        self.report.timing = Some(measured);
        Ok(())
    }

    async fn people(&mut self, config: &Config) -> Result<(), BenchError> {
        let cluster = self.cluster("people", RECORDS_GROUPS).await?;
        let measured =
            people::measure((&cluster, &self.list(config)?), &self.supply, self.args.accounts, self.times()).await?;
        self.output.text(&people::to_text(&measured))?;
        self.report.people = Some(measured);
        Ok(())
    }

    async fn idle(&mut self) -> Result<(), BenchError> {
        let cluster = self.cluster("idle", IDLE_RECORDS_GROUPS).await?;
        settle(&cluster).await?;
        note("watching a cluster at rest");
        let idle = idle::measure(&cluster, IDLE_GROUPS).await?;
        self.output.text(&idle::to_text(&idle))?;
        self.report.idle = idle;
        Ok(())
    }
}

/// The directory of this program.
fn beside() -> Result<PathBuf, BenchError> {
    let own = std::env::current_exe().map_err(|source| BenchError::Io { place: "own program".into(), source })?;
    Ok(own.parent().map(Path::to_path_buf).unwrap_or_default())
}

/// The command line that is measured with.
fn program(args: &Args) -> Result<PathBuf, BenchError> {
    let program = match &args.portcullis {
        Some(program) => program.clone(),
        None => beside()?.join("portcullis"),
    };
    if program.is_file() {
        return Ok(program);
    }
    let text = format!("{}: is missing; build it: cargo build --release --bins", program.display());
    Err(BenchError::Cluster(text))
}

/// Where clusters live, and what removes a temporary one.
fn directory(args: &Args) -> Result<(PathBuf, Option<TempDir>), BenchError> {
    if let Some(dir) = &args.data_dir {
        std::fs::create_dir_all(dir).map_err(|error| BenchError::path(dir, error))?;
        return Ok((dir.clone(), None));
    }
    // Not below TMPDIR, which may be memory: beside the program there is the disk that it was built on.
    let place = beside()?;
    let made = tempfile::Builder::new().prefix("bench-").tempdir_in(&place);
    let made = made.map_err(|error| BenchError::path(&place, error))?;
    Ok((made.path().to_path_buf(), Some(made)))
}
