//! `agency`: whose people have accounts.

use client::{convert, v1};
use model::access::function::Function;

use crate::commands::people::{Paging, Versioned};
use crate::context::Globals;
use crate::error::CliError;
use crate::view::people::Page;
use crate::view::people::powers::Agency;

/// The commands about agencies.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make an agency, or change it: flags that are given replace, the others stay.
    #[command(after_help = PUT_HELP)]
    Put(Put),
    /// One agency.
    Show {
        /// The agency.
        agency: String,
    },
    /// All agencies.
    List(Paging),
}

const PUT_HELP: &str = r#"By the agency that runs the system (function agency-administration).
Examples:
  portcullis agency put FBI --name "Federal Bureau of Investigation" --external true
  portcullis agency put FBI --national fbi-sco-1 --national fbi-sco-2
  portcullis agency put FBI --active false    (none of its people may do anything any more, at once)
A new agency is active, in the department unless --external true, and has not accepted level 1."#;

/// Flags of `agency put`.
#[derive(Debug, clap::Args)]
pub struct Put {
    /// The agency's code.
    pub agency: String,
    /// Its name.
    #[arg(long, value_name = "N")]
    pub name: Option<String>,
    /// Outside the department: its people need an agreement in force.
    #[arg(long, value_name = "BOOL")]
    pub external: Option<bool>,
    /// A national control officer (repeatable); all of them, those of before go.
    #[arg(long, value_name = "USER", conflicts_with = "no_national")]
    pub national: Vec<String>,
    /// No national control officer any more.
    #[arg(long)]
    pub no_national: bool,
    /// Its members accepted that what they enter at level 1 is visible to all.
    #[arg(long, value_name = "BOOL")]
    pub accepts_level_one: Option<bool>,
    /// Whether its people may do anything.
    #[arg(long, value_name = "BOOL")]
    pub active: Option<bool>,
    #[command(flatten)]
    pub versioned: Versioned,
}

/// Runs one of them.
pub async fn run(globals: &Globals, command: Command) -> Result<(), CliError> {
    let function = match command {
        Command::Put(_) => Function::AgencyAdministration,
        _ => Function::UserView,
    };
    let client = globals.client_for(function)?;
    match command {
        Command::Put(args) => put(globals, &client, args).await,
        Command::Show { agency } => {
            let v1::AgencyRecord { agency, audit } = client.get_agency(v1::GetAgencyRequest { agency }).await?;
            globals.output.show(&Agency::new(agency.unwrap_or_default(), audit), Agency::to_text)
        }
        Command::List(paging) => {
            let page_size = paging.size();
            let read = async |page_token| {
                let message = v1::ListAgenciesRequest { page_size, page_token };
                let v1::ListAgenciesResponse { agencies, next_page_token, audit } =
                    client.list_agencies(message).await?;
                Ok(Page::new(agencies.into_iter().map(|agency| Agency::new(agency, None)), next_page_token, audit))
            };
            paging.show(globals, read, Agency::to_line).await
        }
    }
}

async fn put(globals: &Globals, client: &client::Client, args: Put) -> Result<(), CliError> {
    let before = match client.get_agency(v1::GetAgencyRequest { agency: args.agency.clone() }).await {
        Ok(found) => found.agency.unwrap_or_default(),
        Err(error) if error.kind == client::ErrorKind::NotFound => v1::Agency { active: true, ..Default::default() },
        Err(error) => return Err(error.into()),
    };
    let expected_version = args.versioned.expected_version.unwrap_or(before.version);
    let (versioned, id) = (args.versioned.clone(), args.agency.clone());
    let agency = Some(merged(before, args));
    convert::people::agency_from(agency.clone())?;
    let send =
        async |request_id| client.put_agency(v1::PutAgencyRequest { request_id, agency, expected_version }).await;
    versioned
        .send(globals, client, expected_version, send, |put| format!("{} {id}, version {}", put.change, put.version))
        .await
}

/// What was there with what the flags say.
fn merged(before: v1::Agency, args: Put) -> v1::Agency {
    let national = match (args.no_national, args.national.is_empty()) {
        (true, _) => Vec::new(),
        (false, true) => before.national,
        (false, false) => args.national,
    };
    v1::Agency {
        id: args.agency,
        name: args.name.unwrap_or(before.name),
        external: args.external.unwrap_or(before.external),
        operator: before.operator,
        national,
        accepts_level_one: args.accepts_level_one.unwrap_or(before.accepts_level_one),
        active: args.active.unwrap_or(before.active),
        epoch: before.epoch,
        version: before.version,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_flag_names_stays_as_it_is() {
        let before = v1::Agency {
            id: "FBI".into(),
            name: "Bureau".into(),
            external: true,
            national: vec!["one".into()],
            active: true,
            version: 4,
            ..Default::default()
        };
        let put = |change: fn(&mut Put)| {
            let mut args = Put {
                agency: "FBI".into(),
                name: None,
                external: None,
                national: Vec::new(),
                no_national: false,
                accepts_level_one: None,
                active: None,
                versioned: Versioned::default(),
            };
            change(&mut args);
            merged(before.clone(), args)
        };
        assert_eq!(put(|_| {}), before);
        assert_eq!(put(|args| args.active = Some(false)), v1::Agency { active: false, ..before.clone() });
        assert_eq!(put(|args| args.national = vec!["two".into()]).national, ["two"]);
        assert!(put(|args| args.no_national = true).national.is_empty());
    }
}
