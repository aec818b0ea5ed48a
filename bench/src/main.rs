//! `portcullis-bench`: what a local cluster of three nodes does, how fast, and what bounds it. See docs/performance.md.

mod args;
mod bounds;
mod clients;
mod cluster;
mod error;
mod load;
mod machine;
mod metrics;
mod output;
mod phases;
mod process;
mod report;
mod run;
mod sample;
mod settle;
mod sys;
mod tables;
mod work;

use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use args::Args;
use error::BenchError;
use output::note;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    match until_interrupted(&args).await {
        Ok(0) => ExitCode::SUCCESS,
        Ok(errors) => {
            note(format!("there were {errors} errors; the report has them"));
            ExitCode::FAILURE
        }
        Err(BenchError::OutputGone) => ExitCode::FAILURE,
        Err(error) => {
            note(format!("error: {error}"));
            ExitCode::from(2)
        }
    }
}

/// A run that a signal ends early; dropping it ends its clusters.
async fn until_interrupted(args: &Args) -> Result<u64, BenchError> {
    let failed = |source| BenchError::Io { place: "signals".to_string(), source };
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    tokio::select! {
        done = run::run(args) => done,
        _ = terminate.recv() => Err(BenchError::Interrupted),
        _ = tokio::signal::ctrl_c() => Err(BenchError::Interrupted),
    }
}
