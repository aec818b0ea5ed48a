//! `lookout`: the list of its commands; changes and reads have a file each.

use crate::commands::{lookout_change, lookout_read};
use crate::context::Globals;
use crate::error::CliError;

/// The commands about lookouts.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Create a lookout.
    Create(Box<lookout_change::Create>),
    /// Read a lookout, the newest version or an earlier one.
    Get(lookout_read::Get),
    /// Change fields of a lookout, if it still has the version that you saw.
    Update(Box<lookout_change::Update>),
    /// Take a lookout out of force; its versions stay readable.
    Remove(lookout_change::Remove),
    /// List lookouts, all or those of a source.
    List(lookout_read::List),
    /// Every version of a lookout, newest first.
    History(lookout_read::History),
}

/// Runs one of them.
pub async fn run(globals: &Globals, command: Command) -> Result<(), CliError> {
    match command {
        Command::Create(args) => lookout_change::create(globals, *args).await,
        Command::Update(args) => lookout_change::update(globals, *args).await,
        Command::Remove(args) => lookout_change::remove(globals, args).await,
        Command::Get(args) => lookout_read::get(globals, args).await,
        Command::List(args) => lookout_read::list(globals, args).await,
        Command::History(args) => lookout_read::history(globals, args).await,
    }
}
