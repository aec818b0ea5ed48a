//! `agreement`: what an agency outside the department may see and do.

use client::{convert, v1};
use model::access::function::Function;

use crate::commands::people::{Versioned, or_none};
use crate::context::Globals;
use crate::error::CliError;
use crate::view::people::Page;
use crate::view::people::agreement::Agreement;

/// The commands about agreements.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = HELP)]
pub enum Command {
    /// Draft an agreement, or other terms of one: then all of its steps are to be taken again.
    Draft(Draft),
    /// The privacy officer's review.
    Review(Named),
    /// Approve what was reviewed; it is in force from then on, within its dates.
    Approve(Named),
    /// The review of each year, without which it lapses.
    AnnualReview(Named),
    /// End it; all who act under it lose their access at once.
    End(Named),
    /// One agreement.
    Show {
        /// The agency.
        agency: String,
        /// The agreement.
        agreement: String,
    },
    /// All agreements of an agency.
    List {
        /// The agency.
        agency: String,
    },
}

const HELP: &str = r#"Three persons of the agency that runs the system take the three steps: draft (function agreement-draft), review
(agreement-review), approve (agreement-approve). Whoever ends one needs no second person."#;

/// An agreement.
#[derive(Debug, clap::Args)]
pub struct Named {
    /// The agency that it is with.
    pub agency: String,
    /// The agreement's code.
    pub agreement: String,
    #[command(flatten)]
    pub versioned: Versioned,
}

/// Flags of `agreement draft`.
#[derive(Debug, clap::Args)]
#[command(after_help = DRAFT_HELP)]
pub struct Draft {
    #[command(flatten)]
    pub named: Named,
    /// moa, isaa, or isa for links between systems.
    #[arg(long, value_name = "K")]
    pub kind: String,
    /// A function that it names (repeatable).
    #[arg(long, value_name = "F")]
    pub function: Vec<String>,
    /// A dataset that it names (repeatable): tecs, apis, niis, bci, seacats.
    #[arg(long, value_name = "D")]
    pub dataset: Vec<String>,
    /// An access level that it names (repeatable): 1, 3, 4.
    #[arg(long, value_name = "L")]
    pub level: Vec<String>,
    /// What is seen may be passed on.
    #[arg(long)]
    pub redissemination: bool,
    /// The legal authority that the agency names.
    #[arg(long, value_name = "TEXT")]
    pub authority: String,
    /// SYSTEM=CERTIFICATE: a system that acts under it (repeatable); of an isa alone.
    #[arg(long, value_name = "S=C")]
    pub system: Vec<String>,
    /// From when: YYYY-MM-DD or a time.
    #[arg(long, value_name = "T")]
    pub effective: String,
    /// Until when, exclusive.
    #[arg(long, value_name = "T")]
    pub expires: String,
}

const DRAFT_HELP: &str = r#"Examples:
  portcullis agreement draft FBI moa-1 --kind moa --function subject-query --function record-view --dataset tecs --level 1 \
    --authority "28 U.S.C. 533" --effective 2027-01-01 --expires 2030-01-01
  portcullis agreement draft TSA isa-1 --kind isa --function batch-vetting --dataset tecs --system vetting=tsa-vetting \
    --authority "49 U.S.C. 114" --effective 2027-01-01 --expires 2028-01-01"#;

/// Runs one of them.
pub async fn run(globals: &Globals, command: Command) -> Result<(), CliError> {
    match command {
        Command::Draft(args) => draft(globals, args).await,
        Command::Review(named) => step(globals, named, "review").await,
        Command::Approve(named) => step(globals, named, "approve").await,
        Command::AnnualReview(named) => step(globals, named, "annual-review").await,
        Command::End(named) => step(globals, named, "end").await,
        Command::Show { agency, agreement } => {
            let message = v1::GetAgreementRequest { agency, agreement };
            let v1::AgreementRecord { agreement, audit } =
                globals.client_for(Function::UserView)?.get_agreement(message).await?;
            globals.output.show(&Agreement::new(agreement.unwrap_or_default(), audit), Agreement::to_text)
        }
        Command::List { agency } => {
            let message = v1::ListAgreementsRequest { agency };
            let v1::ListAgreementsResponse { agreements, audit } =
                globals.client_for(Function::UserView)?.list_agreements(message).await?;
            let rows = agreements.into_iter().map(|agreement| Agreement::new(agreement, None));
            globals.output.show(&Page::new(rows, String::new(), audit), |page| page.to_text(Agreement::to_line))
        }
    }
}

impl Named {
    async fn version(&self, client: &client::Client) -> Result<u64, CliError> {
        let read = async || {
            let (agency, agreement) = (self.agency.clone(), self.agreement.clone());
            let found = client.get_agreement(v1::GetAgreementRequest { agency, agreement }).await;
            or_none(found, |found| found.agreement.map_or(0, |agreement| agreement.version))
        };
        self.versioned.or_read(read).await
    }
}

async fn draft(globals: &Globals, args: Draft) -> Result<(), CliError> {
    let systems = args.system.iter().map(|text| system(text)).collect::<Result<_, _>>()?;
    let terms = Some(v1::AgreementTerms {
        kind: args.kind,
        functions: args.function,
        datasets: args.dataset,
        levels: args.level,
        redissemination: args.redissemination,
        authority: args.authority,
        systems,
        effective: args.effective,
        expires: args.expires,
    });
    convert::people::agreement_terms_from(terms.clone())?;
    let (client, named) = (globals.client_for(Function::AgreementDraft)?, args.named);
    let expected_version = named.version(&client).await?;
    let send = async |request_id| {
        let (agency, agreement) = (named.agency.clone(), named.agreement.clone());
        let message = v1::DraftAgreementRequest { request_id, agency, agreement, terms, expected_version };
        client.draft_agreement(message).await
    };
    named.versioned.send(globals, &client, expected_version, send, |put| named.told("drafted", put.version)).await
}

/// A system as a flag writes it.
fn system(text: &str) -> Result<v1::SystemPrincipal, CliError> {
    let parts = text.split_once('=');
    let (system, certificate) =
        parts.ok_or_else(|| CliError::flag("--system", format!("`{text}` is not SYSTEM=CERTIFICATE")))?;
    Ok(v1::SystemPrincipal { system: system.into(), certificate: certificate.into() })
}

async fn step(globals: &Globals, named: Named, step: &str) -> Result<(), CliError> {
    let function = convert::people::agreement_step(step)?.function();
    let client = globals.client_for(function)?;
    let expected_version = named.version(&client).await?;
    let send = async |request_id| {
        let (agency, agreement, step) = (named.agency.clone(), named.agreement.clone(), step.to_string());
        // What is not there has no version; the log says so.
        let expected_version = expected_version.max(1);
        let message = v1::AdvanceAgreementRequest { request_id, agency, agreement, step, expected_version };
        client.advance_agreement(message).await
    };
    let told = |put: &crate::view::record::Change| named.told(&format!("{step} of"), put.version);
    named.versioned.send(globals, &client, expected_version, send, told).await
}

impl Named {
    fn told(&self, what: &str, version: u64) -> String {
        format!("{what} {} with {}, version {version}", self.agreement, self.agency)
    }
}
