//! The flags.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use serde::Serialize;

const HELP: &str = "\
Starts a cluster with `portcullis playground`, imports a synthetic list and measures. Each client is a closed loop over the
client library with connections of its own; clients begin at different nodes. Nothing here passes or fails by time: errors
are counted and printed, and exit code 1 says that there were some.

Build first: the cluster runs portcullis and portcullis-node of the same directory as this program.
  cargo build --release --bins

Examples:
  portcullis-bench                                          everything that needs no files
  portcullis-bench --phase write --clients 1,8 --seconds 3  a quick look at writes
  portcullis-bench --ofac lists/ofac --output json > run.json
  portcullis-bench --data-dir /mnt/disk/run                 on another disk; the data stay there

Phases run in this order, whatever the order of the flag:
  import        seconds of a first and a second import through the command line; with --ofac, of that list too
  memory        resident memory of each node with the list
  local         screens with local freshness, audited
  linearizable  screens with linearizable freshness, audited
  write         lookouts created, durable on a quorum when acknowledged
  failover      kill -9 of the leader of records-0 until the next acknowledged write
  gate          screens with TLS and gate against screens in plain text without either, asked in turn
  sign-on       log-ons per second: by certificate on standing and on new connections, and by password
  overload      screens with a fifth of the capacity asked, and with ten times that; a suspension meanwhile
  timing        pairs of questions at the desk: a name that level 4 records of others hold alone, and one that stands nowhere
  people        a directory of many accounts: memory of each node, and screens beside them
  idle          processor use of nodes that have six groups and nothing to do

A run on tmpfs measures no disk: the report names the file system of the data directory.";

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    Import,
    Memory,
    Local,
    Linearizable,
    Write,
    Failover,
    Gate,
    SignOn,
    Overload,
    Timing,
    People,
    Idle,
}

/// The form of the report on stdout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Tables, each as soon as it is known.
    #[default]
    Text,
    /// One document at the end.
    Json,
}

/// Measures a local cluster of three nodes.
#[derive(Debug, Parser)]
#[command(name = "portcullis-bench", version, after_help = HELP)]
pub struct Args {
    /// What to measure; everything if left out.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PHASES")]
    pub phase: Vec<Phase>,
    /// Numbers of concurrent clients.
    #[arg(long, value_delimiter = ',', value_name = "N,N", default_value = "1,64,256")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub clients: Vec<u16>,
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// Seconds before each measurement that do not count.
    #[arg(long, default_value_t = 2, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(0..=600))]
    pub warm_up: u64,
    /// Entries of the generated list.
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(100..=5_000_000))]
    pub people: u32,
    /// Accounts of the phase people.
    #[arg(long, default_value_t = 90_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub accounts: u32,
    /// List, travellers and new lookouts follow from it.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// How many leaders are killed.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub failovers: u16,
    /// Directory of sdn.csv, alt.csv and add.csv, for the phases import and memory.
    #[arg(long, value_name = "DIR")]
    pub ofac: Option<PathBuf>,
    /// Where the clusters live; a temporary directory beside this program, removed at the end, if left out.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The command line to measure with; the one beside this program if left out.
    #[arg(long, value_name = "FILE")]
    pub portcullis: Option<PathBuf>,
    /// Form of the report.
    #[arg(long, value_enum, default_value_t)]
    pub output: Form,
}

impl Args {
    /// Whether a phase was asked for.
    pub fn wants(&self, phase: Phase) -> bool {
        self.phase.is_empty() || self.phase.contains(&phase)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn flags_are_consistent_and_lists_are_taken_apart() {
        Args::command().debug_assert();
        let args = Args::try_parse_from(["bench", "--phase", "write,local", "--clients", "1,8"]).expect("parses");
        assert!(args.wants(Phase::Write) && args.wants(Phase::Local) && !args.wants(Phase::Idle));
        assert_eq!(args.clients, [1, 8]);
        assert!(Args::try_parse_from(["bench", "--clients", "0"]).is_err());
    }
}
