//! The command line of the simulation.

use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chaos::bugs;
use chaos::code_marks::CodeMarks;
use chaos::ledger::Ledger;
use chaos::minimise;
use chaos::outcome::Outcome;
use chaos::pool::{self, Job};
use chaos::totals::Totals;
use chaos::trace::Trace;
use chaos::world::World;
use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Simulated lives of a cluster, judged by every promise.
///
/// A seed stands for a world: nodes, regions, clients, faults. The same seed gives the same run, bit for bit, on every
/// machine. Exit codes: 0 every promise held, 1 one was broken, 2 wrong usage.
#[derive(Parser)]
#[command(name = "chaos")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs many seeds, one process a processor, until one fails; seeds that this program has passed before are not run again
    Run {
        /// How many seeds
        #[arg(long)]
        seeds: u64,
        /// The first of them
        #[arg(long, default_value_t = 1)]
        first_seed: u64,
        /// Begin no more seeds after so many minutes
        #[arg(long)]
        minutes: Option<u64>,
    },
    /// Runs one seed, and prints its world and the hash of its trace
    Replay {
        seed: u64,
        /// Print the trace itself to standard error
        #[arg(long)]
        verbose: bool,
        /// Print what the nodes and openraft log, by a filter such as `portcullis=debug,openraft=debug`
        #[arg(long)]
        log: Option<String>,
        /// Plant a known bug
        #[arg(long)]
        bug: Option<String>,
    },
    /// Looks for fewer faults and operations with which a failing seed still fails, and writes them as a scenario
    Minimize {
        seed: u64,
        /// Where the scenario goes
        #[arg(long, default_value = "scenario.json")]
        output: String,
        /// Plant a known bug
        #[arg(long)]
        bug: Option<String>,
    },
    /// Runs a world from a file
    Scenario {
        file: String,
        /// Print the trace to standard error
        #[arg(long)]
        verbose: bool,
        /// As for `replay`
        #[arg(long)]
        log: Option<String>,
        /// Plant a known bug
        #[arg(long)]
        bug: Option<String>,
    },
    /// Plants each known bug and runs seeds until an oracle catches it
    Bugs {
        /// Only these, by name
        names: Vec<String>,
        /// So many of them only, other ones each day
        #[arg(long)]
        rotate: Option<usize>,
    },
    /// Runs each seed in two processes and compares the hashes of their traces (Replayable)
    Twice {
        #[arg(long, default_value_t = 20)]
        seeds: u64,
        #[arg(long, default_value_t = 1)]
        first_seed: u64,
    },
    /// Runs seeds for hours
    Soak {
        #[arg(long)]
        hours: f64,
        #[arg(long, default_value_t = 1_000_000)]
        first_seed: u64,
    },
    /// Says what the seeds that this program has passed reached
    Report {
        #[arg(long, default_value_t = 500)]
        seeds: u64,
        #[arg(long, default_value_t = 1)]
        first_seed: u64,
    },
    /// Runs one seed for another process and prints its outcome as JSON
    #[command(hide = true)]
    One {
        seed: u64,
        #[arg(long)]
        bug: Option<String>,
        #[arg(long)]
        world_on_stdin: bool,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("chaos: {error}");
            ExitCode::from(2)
        }
    }
}

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn run(command: Command) -> Result<bool> {
    match command {
        Command::Run { seeds, first_seed, minutes } => {
            let until = minutes.map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
            many(first_seed, Some(seeds), until)
        }
        Command::Soak { hours, first_seed } => {
            many(first_seed, None, Some(Instant::now() + Duration::from_secs_f64(hours * 3_600.0)))
        }
        Command::Replay { seed, verbose, log, bug } => replay(World::of(seed), verbose, log, bug),
        Command::Scenario { file, verbose, log, bug } => {
            let world =
                serde_json::from_str(&std::fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?);
            replay(world.map_err(|error| format!("{file}: {error}"))?, verbose, log, bug)
        }
        Command::Minimize { seed, output, bug } => {
            let Some(world) = minimise::minimise(World::of(seed), bug)? else {
                say(&format!("seed {seed} does not fail"))?;
                return Ok(false);
            };
            std::fs::write(&output, serde_json::to_string_pretty(&world)? + "\n")?;
            say(&format!("{world}\nwritten to {output}; run it with: chaos scenario {output}"))?;
            Ok(true)
        }
        Command::Bugs { names, rotate } => bugs::bank(&names, rotate),
        Command::Report { seeds, first_seed } => report(first_seed, seeds),
        Command::Twice { seeds, first_seed } => twice(first_seed, seeds),
        Command::One { seed, bug, world_on_stdin } => {
            plant(bug)?;
            let world = if world_on_stdin {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text)?;
                serde_json::from_str(&text)?
            } else {
                World::of(seed)
            };
            let trace = Trace::default();
            CodeMarks::install(&trace);
            let outcome = Outcome::of(world, trace);
            say(&serde_json::to_string(&outcome)?)?;
            Ok(true)
        }
    }
}

/// A line on standard output, which other programs may read.
fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

fn plant(bug: Option<String>) -> Result<()> {
    if let Some(name) = bug {
        model::known_bugs::plant(bugs::find(&name)?);
    }
    Ok(())
}

fn replay(world: World, verbose: bool, log: Option<String>, bug: Option<String>) -> Result<bool> {
    plant(bug)?;
    if let Some(filter) = log {
        let filter = tracing_subscriber::EnvFilter::try_new(filter)?;
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .without_time()
            .init();
    }
    say(&world.to_string())?;
    let trace = if verbose { Trace::written(Box::new(std::io::stderr())) } else { Trace::default() };
    let outcome = Outcome::of(world, trace);
    for (mark, count) in &outcome.marks {
        say(&format!("{count:>8} {mark}"))?;
    }
    for broken in &outcome.broken {
        say(&format!("broken: {} at {} ms: {}", broken.promise, broken.at_ms, broken.what))?;
    }
    say(&format!("{} ms simulated in {} ms", outcome.simulated_ms, outcome.real_ms))?;
    say(&format!("trace hash: {}", outcome.trace_hash))?;
    Ok(outcome.passed())
}

fn many(first_seed: u64, seeds: Option<u64>, until: Option<Instant>) -> Result<bool> {
    let mut ledger = Ledger::open()?;
    let mut totals = Totals::default();
    let mut failed: Option<Outcome> = None;
    let last = seeds.map_or(u64::MAX, |seeds| first_seed.saturating_add(seeds));
    let known: Vec<u64> =
        (first_seed..last).take_while(|seed| seeds.is_some() || ledger.passed(*seed).is_some()).collect();
    for seed in known.iter().filter(|seed| ledger.passed(**seed).is_some()) {
        ledger.passed(*seed).into_iter().for_each(|outcome| totals.add(outcome));
    }
    if totals.seeds > 0 {
        say(&format!("{} seeds were passed by this program before ({})", totals.seeds, ledger.path.display()))?;
    }
    let passed: std::collections::BTreeSet<u64> =
        known.into_iter().filter(|seed| ledger.passed(*seed).is_some()).collect();
    let jobs = (first_seed..last)
        .filter(|seed| !passed.contains(seed))
        .take_while(|_| until.is_none_or(|until| Instant::now() < until))
        .map(Job::seed);
    let mut problem: std::io::Result<()> = Ok(());
    pool::run(jobs, |job, outcome| {
        if !outcome.passed() {
            failed = Some(outcome);
            return false;
        }
        totals.add(&outcome);
        problem = ledger.note(&outcome);
        if problem.is_ok() && totals.seeds.is_multiple_of(25) {
            problem = say(&format!("seed {}: {}", job.seed, totals.line()));
        }
        problem.is_ok()
    })?;
    problem?;
    say(&totals.line())?;
    let Some(outcome) = failed else { return Ok(true) };
    for broken in &outcome.broken {
        say(&format!("broken: {} at {} ms: {}", broken.promise, broken.at_ms, broken.what))?;
    }
    say(&format!(
        "seed {} FAILED; replay it with: cargo run --release -p chaos -- replay {} --verbose",
        outcome.seed, outcome.seed
    ))?;
    Ok(false)
}

fn twice(first_seed: u64, seeds: u64) -> Result<bool> {
    let mut first: std::collections::BTreeMap<u64, Outcome> = Default::default();
    let (mut equal, mut different) = (0, Vec::new());
    pool::run((first_seed..first_seed + seeds).flat_map(|seed| [Job::seed(seed), Job::seed(seed)]), |job, outcome| {
        match first.remove(&job.seed) {
            None => drop(first.insert(job.seed, outcome)),
            Some(other) if !outcome.trace_hash.is_empty() && other.trace_hash == outcome.trace_hash => equal += 1,
            Some(_) => different.push(job.seed),
        }
        true
    })?;
    say(&format!("{equal} pairs of equal hashes, {} different", different.len()))?;
    for seed in &different {
        say(&format!("seed {seed} DIFFERS: compare `replay {seed} --verbose` of two processes"))?;
    }
    Ok(different.is_empty() && equal == seeds)
}

fn report(first_seed: u64, seeds: u64) -> Result<bool> {
    let ledger = Ledger::open()?;
    let mut totals = Totals::default();
    (first_seed..first_seed + seeds).filter_map(|seed| ledger.passed(seed)).for_each(|outcome| totals.add(outcome));
    if totals.seeds == 0 {
        say(
            "this program has passed none of these seeds yet; run them first: cargo run --release -p chaos -- run --seeds 500",
        )?;
        return Ok(false);
    }
    say(&totals.line())?;
    say(&format!("{:>8} {:>10}  reached", "seeds", "times"))?;
    for (mark, (seeds, times)) in &totals.marks {
        say(&format!("{seeds:>8} {times:>10}  {mark}"))?;
    }
    let missing = chaos::marks::missing(&totals);
    for mark in &missing {
        say(&format!("{:>8} {:>10}  {mark}: NOT REACHED", 0, 0))?;
    }
    Ok(missing.is_empty())
}
