//! `lookout get`, `lookout list`, `lookout history`.

use client::v1;
use model::access::function::Function;
use model::limits::{PAGE_DEFAULT, PAGE_MAX};

use crate::context::Globals;
use crate::error::CliError;
use crate::view::record::{Page, Record, Versions};

/// Flags of `lookout get`.
#[derive(Debug, clap::Args)]
pub struct Get {
    /// The lookout's id.
    pub id: String,
    /// An earlier version; the newest if left out.
    #[arg(long, value_name = "V", default_value_t = 0, hide_default_value = true)]
    pub version: u64,
}

/// Flags of `lookout list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portcullis lookout list --source ofac-sdn --page-size 20\n  \
                        portcullis lookout list --all --output json   (one record a line)")]
pub struct List {
    /// Only those of this source list.
    #[arg(long, value_name = "S", default_value = "", hide_default_value = true)]
    pub source: String,
    /// Records of one page.
    #[arg(long, value_name = "N", default_value_t = PAGE_DEFAULT as u32, value_parser = clap::value_parser!(u32).range(1..=PAGE_MAX as i64))]
    pub page_size: u32,
    /// Where the page before ended.
    #[arg(long, value_name = "TOKEN", default_value = "", hide_default_value = true)]
    pub page_token: String,
    /// All pages, streamed: one record a line.
    #[arg(long)]
    pub all: bool,
    /// Also those no longer in force.
    #[arg(long)]
    pub removed: bool,
}

/// Flags of `lookout history`.
#[derive(Debug, clap::Args)]
pub struct History {
    /// The lookout's id.
    pub id: String,
    /// Versions of one page.
    #[arg(long, value_name = "N", default_value_t = PAGE_DEFAULT as u32, value_parser = clap::value_parser!(u32).range(1..=PAGE_MAX as i64))]
    pub page_size: u32,
    /// Only versions before this one.
    #[arg(long, value_name = "V", default_value_t = 0, hide_default_value = true)]
    pub before_version: u64,
    /// All pages, streamed: one version a line.
    #[arg(long)]
    pub all: bool,
}

/// Reads one.
pub async fn get(globals: &Globals, args: Get) -> Result<(), CliError> {
    let Get { id, version } = args;
    let record = Record::from(
        globals.client_for(Function::RecordView)?.get_lookout(v1::GetLookoutRequest { id, version }).await?,
    );
    globals.output.show(&record, Record::to_text)
}

/// Lists a page, or all.
pub async fn list(globals: &Globals, args: List) -> Result<(), CliError> {
    let List { source, page_size, page_token, all, removed } = args;
    let client = globals.client_for(Function::RecordList)?;
    let page_size = if all { PAGE_MAX as u32 } else { page_size };
    let mut message = v1::ListLookoutsRequest { source, page_size, page_token, removed };
    loop {
        let page = Page::from(client.list_lookouts(message.clone()).await?);
        if !all {
            return globals.output.show(&page, Page::to_text);
        }
        for record in &page.lookouts {
            globals.output.show(record, Record::to_line)?;
        }
        match page.next_page_token {
            Some(token) => message.page_token = token,
            None => return Ok(()),
        }
    }
}

/// A page of versions, or all.
pub async fn history(globals: &Globals, args: History) -> Result<(), CliError> {
    let History { id, page_size, before_version, all } = args;
    let client = globals.client_for(Function::RecordHistory)?;
    let mut message = v1::HistoryRequest { id, page_size, before_version };
    loop {
        let page = Versions::from(client.history(message.clone()).await?);
        if !all {
            return globals.output.show(&page, Versions::to_text);
        }
        for version in &page.versions {
            globals.output.show(version, Record::to_text)?;
        }
        match page.next_before_version {
            Some(before) => message.before_version = before,
            None => return Ok(()),
        }
    }
}
