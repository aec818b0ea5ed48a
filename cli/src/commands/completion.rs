//! `completion`: the completion script of a shell.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::context::Globals;
use crate::error::CliError;

/// Flags of `completion`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis completion bash > /etc/bash_completion.d/portcullis")]
pub struct Args {
    /// The shell.
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Prints the script.
pub fn run(globals: &Globals, args: Args) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::args::Cli::command(), "portcullis", &mut script);
    globals.output.bytes(&script)
}
