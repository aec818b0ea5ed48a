//! One file per command: its flags, what it does, what it prints.

pub mod audit;
pub mod audit_activity;
pub mod audit_checkpoint;
pub mod audit_export;
pub mod audit_prove;
pub mod audit_replicas;
pub mod audit_search;
pub mod audit_tail;
pub mod audit_verify;
pub mod batch;
pub mod cluster;
pub mod completion;
pub mod explain;
pub mod factors;
pub mod founding;
pub mod generate;
pub mod import;
pub mod lookout;
pub mod lookout_change;
pub mod lookout_fields;
pub mod lookout_read;
pub mod matcher;
pub mod overrides;
pub mod people;
pub mod pki;
pub mod playground;
pub mod question;
pub mod root_key;
pub mod screen;
pub mod sign_on;
pub mod witness;
pub mod zone;

use crate::args::{Cli, Command};
use crate::context::Globals;
use crate::error::CliError;
use crate::output::Output;

/// Runs a command to its end.
pub async fn run(cli: Cli) -> Result<(), CliError> {
    let globals = Globals { context: cli.context, identity: cli.identity, output: Output::new(cli.output) };
    match cli.command {
        Command::Playground(args) => playground::run(&globals, args).await,
        Command::Import(args) => import::run(&globals, args).await,
        Command::Screen(args) => screen::run(&globals, args).await,
        Command::Explain(args) => explain::run(&globals, args).await,
        Command::Batch(args) => batch::run(&globals, args).await,
        Command::Lookout(command) => lookout::run(&globals, command).await,
        Command::Override(command) => overrides::run(&globals, command).await,
        Command::User(command) => people::user::run(&globals, *command).await,
        Command::Agency(command) => people::agency::run(&globals, command).await,
        Command::Role(command) => people::role::run(&globals, command).await,
        Command::Agreement(command) => people::agreement::run(&globals, *command).await,
        Command::Memorandum(command) => people::memorandum::run(&globals, *command).await,
        Command::Policy(command) => people::policy::run(&globals, command).await,
        Command::Certify(args) => people::user_change::certify(&globals, args).await,
        Command::Suspend(args) => people::user_change::suspend(&globals, args).await,
        Command::Grant(args) => people::user_change::grant(&globals, args).await,
        Command::Audit(command) => audit::run(&globals, command).await,
        Command::Cluster(command) => cluster::run(&globals, command).await,
        Command::Matcher(command) => matcher::run(&globals, command).await,
        Command::Generate(command) => generate::run(&globals, command).await,
        Command::Witness(args) => witness::run(&globals, args).await,
        Command::Pki(command) => pki::run(&globals, command),
        Command::Founding(command) => founding::run(&globals, command).await,
        Command::RootKey(command) => root_key::run(&globals, command).await,
        Command::Login(args) => sign_on::login(&globals, args).await,
        Command::Password(args) => factors::password(&globals, args).await,
        Command::Logout(args) => sign_on::logout(&globals, args).await,
        Command::Whoami => sign_on::whoami(&globals).await,
        Command::Session(command) => sign_on::session(&globals, command).await,
        Command::Completion(args) => completion::run(&globals, args),
    }
}
