//! `memorandum`: what an owner opens to others of its records of level 3 and 4.

use client::v1::memorandum_terms::Subject;
use client::{convert, v1};
use model::access::function::Function;

use crate::commands::lookout_change::Once;
use crate::commands::people::{Paging, Versioned};
use crate::context::Globals;
use crate::error::CliError;
use crate::view::people::Page;
use crate::view::people::agreement::Memorandum;

/// The commands about memoranda.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = HELP)]
pub enum Command {
    /// Draft a memorandum of your own agency. Its id is never given again.
    Draft(Draft),
    /// Accept it as the custodian; it is in force from then on, within its window.
    Accept(Named),
    /// End it; who saw records by it sees them no more, at once.
    End(Named),
    /// One memorandum.
    Show {
        /// The memorandum.
        memorandum: String,
    },
    /// The memoranda that you see: of your agency, for it, for you, or all as a custodian.
    List(Paging),
}

const HELP: &str = r#"The owner drafts and ends it (function agreement-draft); a custodian, who is neither of the owner nor of those who
gain, accepts it (function memorandum-accept)."#;

/// A memorandum.
#[derive(Debug, clap::Args)]
pub struct Named {
    /// The memorandum's code.
    pub memorandum: String,
    #[command(flatten)]
    pub versioned: Versioned,
}

/// Flags of `memorandum draft`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = DRAFT_HELP,
    group(clap::ArgGroup::new("subject").required(true)),
    group(clap::ArgGroup::new("grantee").required(true))
)]
pub struct Draft {
    /// The memorandum's code.
    pub memorandum: String,
    /// The agency whose records it opens: your own.
    #[arg(long, value_name = "A")]
    pub owner: String,
    /// A class of the owner's records of level 3: agency:OWNER, or OWNER/name.
    #[arg(long, value_name = "C", group = "subject")]
    pub class: Option<String>,
    /// The owner's records of level 4 that name the user beside.
    #[arg(long, group = "subject")]
    pub level_four: bool,
    /// The agency that gains.
    #[arg(long, value_name = "A", group = "grantee")]
    pub to_agency: Option<String>,
    /// A user who gains (repeatable).
    #[arg(long, value_name = "USER", group = "grantee")]
    pub to_user: Vec<String>,
    /// A function by which the records are opened (repeatable), such as record-view.
    #[arg(long, value_name = "F", required = true)]
    pub verb: Vec<String>,
    /// From when: YYYY-MM-DD or a time.
    #[arg(long, value_name = "T")]
    pub from: String,
    /// Until when, exclusive.
    #[arg(long, value_name = "T")]
    pub to: String,
    #[command(flatten)]
    pub once: Once,
}

const DRAFT_HELP: &str = r#"Examples:
  portcullis memorandum draft m-2027-1 --owner ICE --class ICE/gangs --to-agency FBI --verb subject-query --verb record-view \
    --from 2027-01-01 --to 2028-01-01
  portcullis memorandum draft m-2027-2 --owner ICE --level-four --to-user agent-7 --verb record-view --from 2027-01-01 --to 2027-07-01"#;

/// Runs one of them.
pub async fn run(globals: &Globals, command: Command) -> Result<(), CliError> {
    match command {
        Command::Draft(args) => draft(globals, args).await,
        Command::Accept(named) => step(globals, named, "accept").await,
        Command::End(named) => step(globals, named, "end").await,
        Command::Show { memorandum } => {
            let message = v1::GetMemorandumRequest { memorandum };
            let v1::MemorandumRecord { memorandum, audit } =
                globals.client_for(Function::UserView)?.get_memorandum(message).await?;
            globals.output.show(&Memorandum::new(memorandum.unwrap_or_default(), audit), Memorandum::to_text)
        }
        Command::List(paging) => {
            let (client, page_size) = (globals.client_for(Function::UserView)?, paging.size());
            let read = async |page_token| {
                let message = v1::ListMemorandaRequest { page_size, page_token };
                let v1::ListMemorandaResponse { memoranda, next_page_token, audit } =
                    client.list_memoranda(message).await?;
                Ok(Page::new(memoranda.into_iter().map(|one| Memorandum::new(one, None)), next_page_token, audit))
            };
            paging.show(globals, read, Memorandum::to_line).await
        }
    }
}

async fn draft(globals: &Globals, args: Draft) -> Result<(), CliError> {
    let level_four = args.level_four.then_some(Subject::LevelFour(v1::Nothing {}));
    let terms = Some(v1::MemorandumTerms {
        owner: args.owner,
        subject: args.class.map(Subject::Class).or(level_four),
        to_agency: args.to_agency.unwrap_or_default(),
        to_users: args.to_user,
        verbs: args.verb,
        from: args.from,
        to: args.to,
    });
    convert::people::memorandum_terms_from(terms.clone())?;
    let (client, memorandum) = (globals.client_for(Function::AgreementDraft)?, args.memorandum);
    let versioned = Versioned { expected_version: Some(0), request_id: args.once.request_id };
    let send = async |request_id| {
        let memorandum = memorandum.clone();
        client.draft_memorandum(v1::DraftMemorandumRequest { request_id, memorandum, terms }).await
    };
    versioned.send(globals, &client, 0, send, |_| format!("drafted {memorandum}: a custodian must accept it")).await
}

async fn step(globals: &Globals, named: Named, step: &str) -> Result<(), CliError> {
    let Named { memorandum, versioned } = named;
    let function = match step {
        "accept" => Function::MemorandumAccept,
        _ => Function::AgreementDraft,
    };
    let client = globals.client_for(function)?;
    let read = async || {
        let found = client.get_memorandum(v1::GetMemorandumRequest { memorandum: memorandum.clone() }).await?;
        Ok(found.memorandum.map_or(0, |memorandum| memorandum.version))
    };
    let expected_version = versioned.or_read(read).await?;
    let send = async |request_id| {
        let (memorandum, step) = (memorandum.clone(), step.to_string());
        let message = v1::AdvanceMemorandumRequest { request_id, memorandum, step, expected_version };
        client.advance_memorandum(message).await
    };
    versioned
        .send(globals, &client, expected_version, send, |put| {
            format!("{step} of {memorandum}, version {}", put.version)
        })
        .await
}
