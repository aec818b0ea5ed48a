//! People and powers: one file per noun. What they share stands here: the version that a change is made from, pages, and
//! changes that are checked by the rules' own readers before anything is sent.

pub mod agency;
pub mod agreement;
pub mod memorandum;
pub mod policy;
pub mod role;
pub mod user;
pub mod user_change;

use client::{Client, ClientError, ErrorKind, v1};
use model::ids::RequestId;
use model::limits::{PAGE_DEFAULT, PAGE_MAX};

use crate::context::Globals;
use crate::error::CliError;
use crate::output::note;
use crate::view::record::Change;

/// The version that a change is made from, and what makes it happen once.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Versioned {
    /// The version that you saw; if another one is there by now, nothing is changed (exit code 7). The newest is read first if
    /// left out, which takes the function user-view.
    #[arg(long, value_name = "V")]
    pub expected_version: Option<u64>,
    /// Repeats an earlier change whose outcome is unknown, from the version that it was made from.
    #[arg(long, value_name = "HEX", requires = "expected_version")]
    pub request_id: Option<RequestId>,
}

impl Versioned {
    /// The version that was named, or the one that is read.
    async fn or_read(&self, read: impl AsyncFnOnce() -> Result<u64, ClientError>) -> Result<u64, CliError> {
        match self.expected_version {
            Some(version) => Ok(version),
            None => read().await.map_err(|error| match error.code.as_str() {
                "not-entitled" => {
                    let hint = "the newest version could not be read; name the one you saw by --expected-version";
                    ClientError { text: format!("{}; {hint}", error.text), ..error }.into()
                }
                _ => error.into(),
            }),
        }
    }

    /// Sends a change of what has a version and shows what came of it.
    async fn send(
        &self,
        globals: &Globals,
        client: &Client,
        version: u64,
        send: impl AsyncFnOnce(String) -> Result<v1::ChangeResponse, ClientError>,
        told: impl FnOnce(&Change) -> String,
    ) -> Result<(), CliError> {
        let request_id = self.request_id.unwrap_or_else(|| client.new_request_id()).to_string();
        match send(request_id.clone()).await {
            Ok(response) => globals.output.show(&Change::new(response, request_id), told),
            Err(error) => {
                if error.outcome_unknown {
                    note(format!("repeat it with --request-id {request_id} --expected-version {version}"));
                }
                Err(error.into())
            }
        }
    }
}

/// The version of an answer, 0 where there is no such thing.
fn or_none<T>(read: Result<T, ClientError>, version: impl FnOnce(T) -> u64) -> Result<u64, ClientError> {
    match read {
        Ok(found) => Ok(version(found)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

/// Which part of a list is shown.
#[derive(Debug, Clone, clap::Args)]
pub struct Paging {
    /// Rows of one page.
    #[arg(long, value_name = "N", default_value_t = PAGE_DEFAULT as u32, value_parser = clap::value_parser!(u32).range(1..=PAGE_MAX as i64))]
    pub page_size: u32,
    /// Where the page before ended.
    #[arg(long, value_name = "TOKEN", default_value = "", hide_default_value = true)]
    pub page_token: String,
    /// All pages, streamed: one row a line.
    #[arg(long)]
    pub all: bool,
}

impl Paging {
    /// The size of a page to ask for.
    fn size(&self) -> u32 {
        if self.all { PAGE_MAX as u32 } else { self.page_size }
    }

    /// Reads page after page and shows them, or the one that was asked for.
    async fn show<T: serde::Serialize>(
        &self,
        globals: &Globals,
        read: impl AsyncFn(String) -> Result<crate::view::people::Page<T>, ClientError>,
        line: impl Fn(&T) -> String,
    ) -> Result<(), CliError> {
        let mut token = self.page_token.clone();
        loop {
            let page = read(token).await?;
            if !self.all {
                return globals.output.show(&page, |page| page.to_text(&line));
            }
            for row in &page.rows {
                globals.output.show(row, &line)?;
            }
            match page.next_page_token {
                Some(next) => token = next,
                None => return Ok(()),
            }
        }
    }
}
