//! portcullis: the command line of officers, operators and auditors.

use std::process::ExitCode;

use clap::Parser;
use portcullis_cli::args::Cli;
use portcullis_cli::commands;
use portcullis_cli::error::{CliError, Exit};
use portcullis_cli::output::note;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(commands::run(cli));
            // A reader of a list may still sit in a blocking read; the process need not wait for it.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(CliError::io("runtime", error)),
    };
    match result {
        Ok(()) => ExitCode::from(Exit::Ok as u8),
        Err(CliError::BrokenPipe) => ExitCode::from(Exit::Ok as u8),
        Err(error) => {
            note(error.line());
            ExitCode::from(error.exit() as u8)
        }
    }
}
