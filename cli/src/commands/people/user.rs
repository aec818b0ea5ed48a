//! `user`: accounts, who stands behind them, what keeps them in standing and what they may do.

use client::{convert, v1};
use model::access::function::Function;

use crate::commands::people::user_change::{
    self, Assign, Enrol, Grant, OfUser, Standing, Stations, Superiors, Suspend, Window,
};
use crate::commands::people::{Paging, Versioned};
use crate::context::Globals;
use crate::error::CliError;
use crate::view::people::Page;
use crate::view::people::user::User;

/// The commands about accounts.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = HELP)]
pub enum Command {
    /// Ask for an account. It can do nothing before somebody else approves it.
    Request(Request),
    /// Open an account that somebody else asked for, once its investigation and course are recorded.
    Approve(OfUser),
    /// Record what keeps an account in standing: investigation, course, NCIC certification, OPR hold, nationality.
    Standing(Standing),
    /// Certify an account for another year.
    Certify(OfUser),
    /// Suspend an account, at once and on every node.
    Suspend(Suspend),
    /// Agree to lift a suspension: its control officer and one of its supervisors must both.
    Reinstate(OfUser),
    /// Open the log-on by password that failures shut, and an account that nobody used for 35 days.
    Unlock(OfUser),
    /// Issue the one-time secret by which an account's holder sets his password and authenticator.
    Enrol(Enrol),
    /// Close an account, for ever: what was granted goes, its id is never given again.
    Close(OfUser),
    /// Set who stands above an account. Another control officer freezes what was granted until he affirms it.
    Superiors(Superiors),
    /// Set where an account works.
    Stations(Stations),
    /// Grant a role or a function.
    Grant(Grant),
    /// Take a role or a function away.
    Revoke(Grant),
    /// Grant a function for a temporary assignment.
    OpenTransaction(Window),
    /// End a temporary assignment.
    CloseTransaction(Window),
    /// Take over, as the new control officer, what was granted before you.
    Affirm(OfUser),
    /// Set what a control officer may assign: one national control officer proposes, another confirms with the same.
    Assign(Assign),
    /// One account, with the personal data of its holder; the reading is an event of the audit log.
    Show {
        /// The user.
        user: String,
    },
    /// The accounts that you see.
    List(List),
}

const HELP: &str = r#"Who sees an account: its own agency, the agency that runs the system, and whoever stands above it; of them those who
hold the function user-view. Who changes it: nobody his own; what, says each command and SECURITY R01 to R23.
From request to work:
  portcullis user request officer --agency CBP --category general --control-officer sco --name "Ann Lee"
  portcullis user standing officer --background bi --completed 2026-05-01 --adjudicated
  portcullis user standing officer --course 2026-06-01
  portcullis user standing officer --nationality national
  portcullis user approve officer            (not by who asked for it)
  portcullis user grant officer --role lane  (by its control officer)"#;

/// Flags of `user request`.
#[derive(Debug, clap::Args)]
#[command(after_help = REQUEST_HELP)]
pub struct Request {
    /// The id of the account, a code that tells nothing of its holder.
    pub user: String,
    /// The holder's agency.
    #[arg(long, value_name = "A")]
    pub agency: String,
    /// general, supervisor, control-officer, maintenance or security-administrator.
    #[arg(long, value_name = "C")]
    pub category: String,
    /// The control officer who is to keep the account.
    #[arg(long, value_name = "USER")]
    pub control_officer: String,
    /// A supervisor (repeatable).
    #[arg(long, value_name = "USER")]
    pub supervisor: Vec<String>,
    /// A port or station where the holder works (repeatable).
    #[arg(long, value_name = "PORT")]
    pub station: Vec<String>,
    /// A dataset that the account is for (repeatable): tecs, apis, niis, bci, seacats.
    #[arg(long, value_name = "D", default_values_t = ["tecs".to_string()])]
    pub dataset: Vec<String>,
    /// The name of a certificate that log-on accepts (repeatable).
    #[arg(long, value_name = "NAME")]
    pub certificate: Vec<String>,
    /// The holder's name; sealed, as are the next two.
    #[arg(long, value_name = "N")]
    pub name: String,
    /// How the holder is reached.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub contact: String,
    /// The holder's badge number.
    #[arg(long, value_name = "NO", default_value = "", hide_default_value = true)]
    pub badge: String,
    #[command(flatten)]
    pub once: crate::commands::lookout_change::Once,
}

const REQUEST_HELP: &str = r#"By a supervisor of the agency that runs the system, or a national control officer of the holder's agency.
Example:
  portcullis user request officer-17 --agency CBP --category general --control-officer sco --supervisor boss \
    --station 2404 --certificate officer-17 --name "Ann Lee" --contact "+1 202 555 0117" --badge 4711
JSON: {"id","version","change","request_id"}. Exit code 5 means that the outcome is unknown: repeat the command with
--request-id and the id shown; it is applied once."#;

/// Flags of `user list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis user list --agency FBI --all --output json   (one account a line)\n\
                        JSON: {\"rows\":[...],\"next_page_token\",\"audit\"}; personal data and rights to assign stand in \
                        `user show` alone.")]
pub struct List {
    /// Only those of this agency.
    #[arg(long, value_name = "A", default_value = "", hide_default_value = true)]
    pub agency: String,
    #[command(flatten)]
    pub paging: Paging,
}

/// Runs one of them.
pub async fn run(globals: &Globals, command: Command) -> Result<(), CliError> {
    match command {
        Command::Request(args) => request(globals, args).await,
        Command::Approve(args) => user_change::approve(globals, args).await,
        Command::Standing(args) => user_change::standing(globals, args).await,
        Command::Certify(args) => user_change::certify(globals, args).await,
        Command::Suspend(args) => user_change::suspend(globals, args).await,
        Command::Reinstate(args) => user_change::reinstate(globals, args).await,
        Command::Unlock(args) => user_change::unlock(globals, args).await,
        Command::Enrol(args) => user_change::enrol(globals, args).await,
        Command::Close(args) => user_change::close(globals, args).await,
        Command::Superiors(args) => user_change::superiors(globals, args).await,
        Command::Stations(args) => user_change::stations(globals, args).await,
        Command::Grant(args) => user_change::grant(globals, args).await,
        Command::Revoke(args) => user_change::revoke(globals, args).await,
        Command::OpenTransaction(args) => user_change::open_transaction(globals, args).await,
        Command::CloseTransaction(args) => user_change::close_transaction(globals, args).await,
        Command::Affirm(args) => user_change::affirm(globals, args).await,
        Command::Assign(args) => user_change::assign(globals, args).await,
        Command::Show { user } => {
            let user = User::from(globals.client_for(Function::UserView)?.get_user(v1::GetUserRequest { user }).await?);
            globals.output.show(&user, User::to_text)
        }
        Command::List(args) => list(globals, args).await,
    }
}

async fn request(globals: &Globals, args: Request) -> Result<(), CliError> {
    let Request { user, agency, category, control_officer, supervisor, station, dataset, certificate, .. } = args;
    let personal = v1::Personal { name: args.name, contact: args.contact, badge: args.badge };
    let mut message = v1::RequestUserRequest {
        request_id: String::new(),
        user: user.clone(),
        agency,
        category,
        control_officer,
        supervisors: supervisor,
        stations: station,
        datasets: dataset,
        certificates: certificate,
        personal: Some(personal),
    };
    // By the rules before anything is sent, so that a wrong flag is named at once.
    convert::people::personal_from(message.personal.clone())?;
    convert::people::account_from(&message, model::ids::Token([0; 16]))?;
    let client = globals.client_for(Function::UserRequest)?;
    let versioned = Versioned { expected_version: Some(0), request_id: args.once.request_id };
    let send = async |id| {
        message.request_id = id;
        client.request_user(message).await
    };
    versioned.send(globals, &client, 0, send, |_| format!("requested {user}: somebody else must approve it")).await
}

async fn list(globals: &Globals, args: List) -> Result<(), CliError> {
    let (client, page_size) = (globals.client_for(Function::UserView)?, args.paging.size());
    let read = async |page_token| {
        let message = v1::ListUsersRequest { page_size, page_token, agency: args.agency.clone() };
        let v1::ListUsersResponse { users, next_page_token, audit } = client.list_users(message).await?;
        Ok(Page::new(users.into_iter().map(User::from), next_page_token, audit))
    };
    args.paging.show(globals, read, User::to_line).await
}
