//! The changes of an account: each reads the newest version, unless one is named, and sends one change.

use std::path::PathBuf;

use client::v1::change_user_request::Change as Wanted;
use client::v1::grant::What;
use client::v1::standing_fact::Fact;
use client::{convert, v1};
use model::ids::to_hex;
use model::people::Ceremony;
use model::time::Entropy;

use crate::commands::people::Versioned;
use crate::context::Globals;
use crate::error::CliError;
use crate::files::write_secret;
use crate::system::SystemEntropy;

/// An account, and nothing more.
#[derive(Debug, clap::Args)]
pub struct OfUser {
    /// The user.
    pub user: String,
    #[command(flatten)]
    pub versioned: Versioned,
}

/// Flags of `user standing`.
#[derive(Debug, clap::Args)]
#[command(after_help = STANDING_HELP, group(clap::ArgGroup::new("fact").required(true)))]
pub struct Standing {
    /// The user.
    pub user: String,
    /// A background investigation: anaci (good for 10 years) or bi (for 5).
    #[arg(long, value_name = "KIND", group = "fact", requires = "completed")]
    pub background: Option<String>,
    /// When the investigation was completed.
    #[arg(long, value_name = "D", requires = "background")]
    pub completed: Option<String>,
    /// It was adjudicated favourably. Left out: it was not, and the account may do nothing.
    #[arg(long, requires = "background")]
    pub adjudicated: bool,
    /// When the Security and Privacy Awareness course was passed; good for a year.
    #[arg(long, value_name = "D", group = "fact")]
    pub course: Option<String>,
    /// When the NCIC certification was passed; good for two years.
    #[arg(long, value_name = "D", group = "fact")]
    pub ncic: Option<String>,
    /// Whether the Office of Professional Responsibility holds the account.
    #[arg(long, value_name = "BOOL", group = "fact")]
    pub opr_hold: Option<bool>,
    /// national, foreign-service (a foreign service national), or none.
    #[arg(long, value_name = "N", group = "fact")]
    pub nationality: Option<NationalityFlag>,
    #[command(flatten)]
    pub versioned: Versioned,
}

/// Whether somebody is a national.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum NationalityFlag {
    National,
    ForeignService,
    None,
}

const STANDING_HELP: &str = r#"One fact at a time, by who keeps it (function standing-record), and nobody his own. Dates are YYYY-MM-DD (at 00:00 UTC).
Examples:
  portcullis user standing officer --background bi --completed 2026-05-01 --adjudicated
  portcullis user standing officer --opr-hold true"#;

/// Flags of `user suspend`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  portcullis suspend officer --cause opr\nIt takes effect on every node at once; what the account \
                        was allowed before and has not done yet is refused. Two must lift it: `user reinstate`."
)]
pub struct Suspend {
    /// The user.
    pub user: String,
    /// opr (the Office of Professional Responsibility) or sco (the account's control officer).
    #[arg(long, value_name = "C")]
    pub cause: String,
    #[command(flatten)]
    pub versioned: Versioned,
}

/// Flags of `user enrol`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  portcullis user enrol officer --secret officer.enrolment\nBy the account's control officer. Give the file to its \
                        holder in person: whoever has it sets the password (`portcullis password --enrolment FILE`)."
)]
pub struct Enrol {
    /// The user.
    pub user: String,
    /// Where the secret is written, for its holder alone.
    #[arg(long, value_name = "FILE")]
    pub secret: PathBuf,
    #[command(flatten)]
    pub versioned: Versioned,
}

/// Flags of `user superiors`.
#[derive(Debug, clap::Args)]
pub struct Superiors {
    /// The user.
    pub user: String,
    /// The control officer who keeps the account from now on.
    #[arg(long, value_name = "USER")]
    pub control_officer: String,
    /// A supervisor (repeatable); all of them, those of before go.
    #[arg(long, value_name = "USER")]
    pub supervisor: Vec<String>,
    #[command(flatten)]
    pub versioned: Versioned,
}

/// Flags of `user stations`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("where").required(true)))]
pub struct Stations {
    /// The user.
    pub user: String,
    /// A port or station (repeatable); all of them, those of before go.
    #[arg(long, value_name = "PORT", group = "where")]
    pub station: Vec<String>,
    /// Nowhere any more.
    #[arg(long, group = "where")]
    pub none: bool,
    #[command(flatten)]
    pub versioned: Versioned,
}

/// Flags of `user grant` and `user revoke`.
#[derive(Debug, clap::Args)]
#[command(after_help = GRANT_HELP, group(clap::ArgGroup::new("what").required(true)))]
pub struct Grant {
    /// The user.
    pub user: String,
    /// A role.
    #[arg(long, value_name = "R", group = "what")]
    pub role: Option<String>,
    /// A single function, such as record-view.
    #[arg(long, value_name = "F", group = "what")]
    pub function: Option<String>,
    #[command(flatten)]
    pub versioned: Versioned,
}

const GRANT_HELP: &str = r#"By the account's control officer, who grants only what he may both use and assign (R21).
Examples:
  portcullis grant officer --role lane
  portcullis user revoke officer --function export"#;

/// Flags of `user open-transaction` and `user close-transaction`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  portcullis user open-transaction officer --function ncic-query --from 2026-12-01 --to 2027-03-01\n\
                        It counts from --from on and before --to, at most a year, without anybody ending it. The three flags that \
                        opened it close it early."
)]
pub struct Window {
    /// The user.
    pub user: String,
    /// The function.
    #[arg(long, value_name = "F")]
    pub function: String,
    /// From when: YYYY-MM-DD or a time such as 2027-01-31T12:00:00Z.
    #[arg(long, value_name = "T")]
    pub from: String,
    /// Until when, exclusive.
    #[arg(long, value_name = "T")]
    pub to: String,
    #[command(flatten)]
    pub versioned: Versioned,
}

/// Flags of `user assign`.
#[derive(Debug, clap::Args)]
#[command(after_help = ASSIGN_HELP, group(clap::ArgGroup::new("rights").required(true)))]
pub struct Assign {
    /// The control officer.
    pub user: String,
    /// FUNCTION:AGENCY:DATASET that he may assign (repeatable); all of them, those of before go.
    #[arg(long = "right", value_name = "F:A:D", group = "rights")]
    pub right: Vec<String>,
    /// Nothing any more.
    #[arg(long, group = "rights")]
    pub none: bool,
    #[command(flatten)]
    pub versioned: Versioned,
}

const ASSIGN_HELP: &str = r#"The first national control officer proposes; it counts once another confirms by the same rights.
Example:
  portcullis user assign sco --right primary-query:CBP:tecs --right record-view:CBP:tecs"#;

/// Opens an account.
pub async fn approve(globals: &Globals, args: OfUser) -> Result<(), CliError> {
    change(globals, args.user, Wanted::Approve(v1::Nothing {}), &args.versioned, "approved").await
}

/// Records a fact.
pub async fn standing(globals: &Globals, args: Standing) -> Result<(), CliError> {
    let Standing { user, versioned, .. } = &args;
    let wanted = Wanted::Standing(v1::StandingFact { fact: fact(&args) });
    change(globals, user.clone(), wanted, versioned, "recorded the standing of").await
}

fn fact(args: &Standing) -> Option<Fact> {
    let background = args.background.clone().map(|kind| {
        let completed = args.completed.clone().unwrap_or_default();
        Fact::Background(v1::Background { kind, completed, adjudicated: args.adjudicated })
    });
    let nationality = args.nationality.map(|of| {
        Fact::Nationality(v1::Nationality {
            national: of == NationalityFlag::National,
            foreign_service_national: of == NationalityFlag::ForeignService,
        })
    });
    background
        .or(args.course.clone().map(Fact::Course))
        .or(args.ncic.clone().map(Fact::Ncic))
        .or(args.opr_hold.map(Fact::OprHold))
        .or(nationality)
}

/// Certifies for another year.
pub async fn certify(globals: &Globals, args: OfUser) -> Result<(), CliError> {
    change(globals, args.user, Wanted::Certify(v1::Nothing {}), &args.versioned, "certified").await
}

/// Suspends.
pub async fn suspend(globals: &Globals, args: Suspend) -> Result<(), CliError> {
    change(globals, args.user, Wanted::Suspend(args.cause), &args.versioned, "suspended").await
}

/// Agrees to lift a suspension.
pub async fn reinstate(globals: &Globals, args: OfUser) -> Result<(), CliError> {
    let told = "agreed to reinstate (it takes the control officer and a supervisor; `user show` says who is missing)";
    change(globals, args.user, Wanted::Reinstate(v1::Nothing {}), &args.versioned, told).await
}

/// Opens what failures or disuse shut.
pub async fn unlock(globals: &Globals, args: OfUser) -> Result<(), CliError> {
    change(globals, args.user, Wanted::Unlock(v1::Nothing {}), &args.versioned, "opened the log-on of").await
}

/// Issues a secret of enrolment.
pub async fn enrol(globals: &Globals, args: Enrol) -> Result<(), CliError> {
    let entropy = SystemEntropy::open().map_err(|error| CliError::io("randomness", error))?;
    let mut drawn = [0; 32];
    entropy.fill(&mut drawn);
    let text = to_hex(&drawn);
    // The file first: a secret that was issued and lies nowhere would have to be issued anew.
    write_secret(&args.secret, &(text.clone() + "\n"))?;
    let wanted = Wanted::Enrol(Ceremony::of(text.as_bytes()).digest.to_vec());
    let told =
        "the secret is for its holder alone, good once and for 3 days: portcullis password --enrolment; issued to";
    change(globals, args.user, wanted, &args.versioned, told).await
}

/// Closes for ever.
pub async fn close(globals: &Globals, args: OfUser) -> Result<(), CliError> {
    change(globals, args.user, Wanted::Close(v1::Nothing {}), &args.versioned, "closed").await
}

/// Sets who stands above.
pub async fn superiors(globals: &Globals, args: Superiors) -> Result<(), CliError> {
    let Superiors { user, control_officer, supervisor, versioned } = args;
    let wanted = Wanted::Superiors(v1::Superiors { control_officer, supervisors: supervisor });
    change(globals, user, wanted, &versioned, "set the superiors of").await
}

/// Sets where the account works.
pub async fn stations(globals: &Globals, args: Stations) -> Result<(), CliError> {
    let wanted = Wanted::Stations(v1::Stations { stations: args.station });
    change(globals, args.user, wanted, &args.versioned, "set the stations of").await
}

fn what(role: Option<String>, function: Option<String>) -> v1::Grant {
    v1::Grant { what: role.map(What::Role).or(function.map(What::Function)) }
}

/// Grants.
pub async fn grant(globals: &Globals, args: Grant) -> Result<(), CliError> {
    let wanted = Wanted::Grant(what(args.role, args.function));
    change(globals, args.user, wanted, &args.versioned, "granted to").await
}

/// Takes away.
pub async fn revoke(globals: &Globals, args: Grant) -> Result<(), CliError> {
    let wanted = Wanted::Revoke(what(args.role, args.function));
    change(globals, args.user, wanted, &args.versioned, "revoked from").await
}

/// Grants for a time.
pub async fn open_transaction(globals: &Globals, args: Window) -> Result<(), CliError> {
    let Window { user, function, from, to, versioned } = args;
    let wanted = Wanted::OpenTransaction(v1::Assignment { function, from, to });
    change(globals, user, wanted, &versioned, "opened a transaction of").await
}

/// Ends a temporary assignment.
pub async fn close_transaction(globals: &Globals, args: Window) -> Result<(), CliError> {
    let Window { user, function, from, to, versioned } = args;
    let wanted = Wanted::CloseTransaction(v1::Assignment { function, from, to });
    change(globals, user, wanted, &versioned, "closed a transaction of").await
}

/// Takes over what was granted before.
pub async fn affirm(globals: &Globals, args: OfUser) -> Result<(), CliError> {
    change(globals, args.user, Wanted::Affirm(v1::Nothing {}), &args.versioned, "affirmed the grants of").await
}

/// Proposes or confirms what a control officer may assign.
pub async fn assign(globals: &Globals, args: Assign) -> Result<(), CliError> {
    let rights = args.right.iter().map(|text| right(text)).collect::<Result<_, _>>()?;
    let wanted = Wanted::Assign(v1::AssignRights { rights });
    let told = "proposed or confirmed what may be assigned by (it counts once two did; `user show` says)";
    change(globals, args.user, wanted, &args.versioned, told).await
}

/// A right as a flag writes it. Agencies and datasets hold no colon.
fn right(text: &str) -> Result<v1::AssignRight, CliError> {
    let mut parts = text.split(':');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(function), Some(agency), Some(dataset), None) => {
            Ok(v1::AssignRight { function: function.into(), agency: agency.into(), dataset: dataset.into() })
        }
        _ => Err(CliError::flag("--right", format!("`{text}` is not FUNCTION:AGENCY:DATASET"))),
    }
}

async fn change(
    globals: &Globals,
    user: String,
    wanted: Wanted,
    versioned: &Versioned,
    told: &str,
) -> Result<(), CliError> {
    // By the rules before anything is sent, so that a wrong flag is named at once.
    let function = convert::people::change_from(Some(wanted.clone()))?.function();
    let client = globals.client_for(function)?;
    let read = async || Ok(client.get_user(v1::GetUserRequest { user: user.clone() }).await?.version);
    let expected_version = versioned.or_read(read).await?;
    let send = async |request_id| {
        let (user, change) = (user.clone(), Some(wanted));
        client.change_user(v1::ChangeUserRequest { request_id, user, expected_version, change }).await
    };
    let told = |change: &crate::view::record::Change| format!("{told} {user}, version {}", change.version);
    versioned.send(globals, &client, expected_version, send, told).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_written_with_three_parts() {
        let read = right("primary-query:CBP:tecs").expect("reads");
        assert_eq!(
            (read.function.as_str(), read.agency.as_str(), read.dataset.as_str()),
            ("primary-query", "CBP", "tecs")
        );
        for text in ["", "primary-query", "primary-query:CBP", "a:b:c:d"] {
            assert!(right(text).expect_err(text).to_string().contains("FUNCTION:AGENCY:DATASET"), "{text}");
        }
    }
}
