//! `role`: what a job carries of functions.

use client::{convert, v1};
use model::access::function::Function;

use crate::commands::people::{Paging, Versioned, or_none};
use crate::context::Globals;
use crate::error::CliError;
use crate::view::people::Page;
use crate::view::people::powers::Role;

/// The commands about roles.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make a role, or change it as a whole, for all who hold it.
    #[command(after_help = put_help())]
    Put(Put),
    /// One role.
    Show {
        /// The role.
        role: String,
        /// An earlier version; the newest if left out.
        #[arg(long, value_name = "V", default_value_t = 0, hide_default_value = true)]
        version: u64,
    },
    /// All roles.
    List(Paging),
}

fn put_help() -> String {
    let functions: Vec<&str> = Function::ALL.iter().map(|function| function.code()).collect();
    format!(
        "By the agency that runs the system (function access-policies); nobody widens a role that he holds himself. Every \
         version is kept. Who loses a function by it loses it at once.\n\
         Example:\n  portcullis role put lane --function primary-query --function record-view\n\
         Functions: {}.",
        functions.join(", ")
    )
}

/// Flags of `role put`.
#[derive(Debug, clap::Args)]
pub struct Put {
    /// The role's code.
    pub role: String,
    /// A function that it carries (repeatable); all of them, those of before go.
    #[arg(long, value_name = "F", required = true)]
    pub function: Vec<String>,
    #[command(flatten)]
    pub versioned: Versioned,
}

/// Runs one of them.
pub async fn run(globals: &Globals, command: Command) -> Result<(), CliError> {
    match command {
        Command::Put(args) => put(globals, args).await,
        Command::Show { role, version } => {
            let v1::RoleRecord { role, audit } =
                globals.client_for(Function::UserView)?.get_role(v1::GetRoleRequest { role, version }).await?;
            globals.output.show(&Role::new(role.unwrap_or_default(), audit), Role::to_text)
        }
        Command::List(paging) => {
            let (client, page_size) = (globals.client_for(Function::UserView)?, paging.size());
            let read = async |page_token| {
                let message = v1::ListRolesRequest { page_size, page_token };
                let v1::ListRolesResponse { roles, next_page_token, audit } = client.list_roles(message).await?;
                Ok(Page::new(roles.into_iter().map(|role| Role::new(role, None)), next_page_token, audit))
            };
            paging.show(globals, read, Role::to_line).await
        }
    }
}

async fn put(globals: &Globals, args: Put) -> Result<(), CliError> {
    let Put { role, function, versioned } = args;
    convert::people::functions("--function", &function)?;
    let client = globals.client_for(Function::AccessPolicies)?;
    let read = async || {
        let found = client.get_role(v1::GetRoleRequest { role: role.clone(), version: 0 }).await;
        or_none(found, |found| found.role.map_or(0, |role| role.version))
    };
    let expected_version = versioned.or_read(read).await?;
    let send = async |request_id| {
        let (role, functions) = (role.clone(), function);
        client.put_role(v1::PutRoleRequest { request_id, role, functions, expected_version }).await
    };
    versioned
        .send(globals, &client, expected_version, send, |put| format!("{} {role}, version {}", put.change, put.version))
        .await
}
