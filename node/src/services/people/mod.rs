//! People and powers: accounts, agencies, roles, agreements, memoranda, access policies. All of it stands in the directory;
//! who may change what is decided when a change is applied (`model/src/command/people/`). Here are the reads: who reads must
//! be in standing and hold the function of his call, and sees what `model/src/people/sight.rs` lets him.

mod agreements;
mod calls;
mod memoranda;
mod policies;
mod powers;
mod users;

use model::access::denial::Denial;
use model::access::principal::Principal;
use model::access::standing;
use model::audit::event::{EventDraft, EventPayload, ResultRef};
use model::command::Command;
use model::error::Invalid;
use model::ids::{GroupId, RecordId};
use model::limits::PAGE_MAX;
use model::people::{Agency, Viewer};
use proto::v1 as message;
use raft::machine::{Facts, Page, State};

use super::lookouts::change_answer;
use super::{Api, Call, request_id};
use crate::audit::{Answer, Released, Unreleased};
use crate::error::ApiError;
use crate::gate::Admitted;

/// Who reads, as the directory knows him.
struct Reader {
    principal: Principal,
    agency: Agency,
}

impl Reader {
    fn viewer(&self) -> Viewer<'_> {
        Viewer { principal: &self.principal, agency: &self.agency }
    }
}

/// An answered object.
fn result_of(id: RecordId, version: u64) -> ResultRef {
    ResultRef { id: id.0, version, score: 0, overridden: false }
}

/// The version that a change was made from.
fn seen(version: u64) -> Result<u64, ApiError> {
    match version {
        0 => Err(Invalid::new("expected_version", "is missing: the version that you changed".into()).into()),
        version => Ok(version),
    }
}

impl Api {
    /// Proposes a change of people and powers, by a decision on what the directory holds now.
    async fn change_powers(
        &self,
        call: Call,
        admitted: &Admitted,
        request: &str,
        command: impl FnOnce(EventDraft) -> Command,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let id = request_id(request)?;
        let event = self.change_event(admitted, call.kind, id)?;
        self.0.groups.get(GroupId::Directory)?.linearize(admitted.left()?).await?;
        change_answer(self.propose(GroupId::Directory, admitted, id, command(event)).await?, Vec::new())
    }

    /// The directory as of everything acknowledged before, from this node's replica.
    async fn directory<T>(
        &self,
        admitted: &Admitted,
        read: impl FnOnce(State<'_>) -> raft::storage::Result<T>,
    ) -> Result<T, ApiError> {
        let directory = self.0.groups.get(GroupId::Directory)?;
        directory.linearize(admitted.left()?).await?;
        Ok(directory.read(read)?)
    }

    /// Who reads. The gate has let him in for this function; a node without one asks the same of his account here, since what is
    /// read of people is cut by who reads it.
    async fn reader(&self, call: Call, admitted: &Admitted) -> Result<Reader, ApiError> {
        let caller = &admitted.caller;
        if let Some(on) = &admitted.authorised {
            return Ok(Reader { principal: on.known.principal.clone(), agency: on.known.agency.clone() });
        }
        let found = self
            .directory(admitted, |state| {
                let profile = state.profile(&caller.user)?.filter(|profile| profile.agency == caller.agency);
                profile.map_or(Ok(None), |profile| state.facts_of(&profile, admitted.at))
            })
            .await?;
        let allowed = found.ok_or(Denial::Suspended).and_then(|Facts { principal, agency, .. }| {
            standing::standing(&principal, admitted.at)?;
            let function = calls::function(call).ok_or(Denial::Function)?;
            standing::function(&principal, function, admitted.at)?;
            Ok(Reader { principal, agency })
        });
        allowed.map_err(ApiError::denied)
    }

    /// Releases what was read, with the objects that it holds.
    async fn release_powers<T: Answer>(
        &self,
        call: Call,
        admitted: &Admitted,
        body: T,
        results: Vec<ResultRef>,
    ) -> Result<Released<T>, ApiError> {
        let payload = EventPayload { results, ..admitted.payload() };
        self.release(admitted, Unreleased::new(body, None, admitted.event(call.kind), payload)).await
    }

    /// The next rows of a list that a reader sees, and the key after which it goes on. Rows that he does not see are passed
    /// over until there are some that he sees, or the list or the request's time ends: neither the length of a page nor where
    /// the next begins tells of them.
    fn seen_rows<T, K>(
        &self,
        admitted: &Admitted,
        (mut after, size): (Option<K>, usize),
        rows: impl Fn(State<'_>, Option<&K>, usize) -> raft::storage::Result<Page<T>>,
        key: impl Fn(&T) -> K,
        sees: impl Fn(&T) -> bool,
    ) -> Result<(Vec<T>, Option<K>), ApiError> {
        let directory = self.0.groups.get(GroupId::Directory)?;
        loop {
            admitted.left()?;
            let Page { rows: page, cut } = directory.read(|state| rows(state, after.as_ref(), PAGE_MAX))?;
            after = page.last().map(&key);
            let mut shown: Vec<T> = page.into_iter().filter(&sees).collect();
            if shown.is_empty() && cut {
                continue;
            }
            let more = cut || shown.len() > size;
            shown.truncate(size);
            let next = shown.last().map(&key).filter(|_| more);
            return Ok((shown, next));
        }
    }
}

/// Where a list goes on, as its page before said.
fn page_after<K>(token: &str, new: fn(&str) -> Result<K, Invalid>) -> Result<Option<K>, ApiError> {
    let bad = |_| Invalid::new("page_token", "is not one that this list gave".into());
    Ok(if token.is_empty() { None } else { Some(new(token).map_err(bad)?) })
}
