//! Questions to the audit (F61): by user, record, subject, port, session, time, kind and verdict, page by page, oldest first. The log only
//! grows at its end, so a page means the same whenever it is asked for.

use model::access::function::Function;
use model::audit::circumstances::SessionName;
use model::audit::event::{EventKind, Verdict};
use model::audit::found_by::FoundBy;
use model::audit::leaf::StoredLeaf;
use model::audit::subject::Subject;
use model::error::Invalid;
use model::ids::{PortId, RecordId, UserId, from_hex};
use model::limits::PAGE_BYTES_MAX;
use model::time::UnixMillis;
use proto::v1 as message;
use raft::machine::State;
use raft::storage::StorageError;

use super::audit_cut::Sights;
use super::{Api, Call, page_size};
use crate::audit::{Released, Unreleased};
use crate::error::ApiError;
use crate::gate::{Admitted, Need};

pub(super) const SEARCH: Call =
    Call { name: "audit_search", kind: EventKind::AuditRead, need: Need::Function(Function::AuditRead) };

/// Leaves that one call looks at; where they do not fill its page, the next call goes on.
const LOOKED_AT_MAX: usize = 5_000;
/// Rows that are read at a time.
const ROWS: usize = 512;

/// What an event must be; what it is found by, and what its header must say besides.
struct Wanted {
    ways: Vec<FoundBy>,
    user: Option<String>,
    port: Option<String>,
    session: Option<SessionName>,
    kinds: Vec<u16>,
    verdicts: Vec<u16>,
    /// Beside the first way: all of these lead to the event as well.
    also: Vec<Vec<FoundBy>>,
    /// A name or a number is asked for.
    by_words: bool,
    since: Option<UnixMillis>,
    until: Option<UnixMillis>,
}

/// A page of leaves.
struct Found {
    leaves: Vec<(u64, StoredLeaf)>,
    next: Option<u64>,
    size: u64,
}

impl Api {
    pub(super) async fn search_audit(
        &self,
        admitted: &Admitted,
        request: message::SearchAuditRequest,
    ) -> Result<Released<message::SearchAuditResponse>, ApiError> {
        let limit = page_size(request.limit)?;
        let group = self.audit_group(&request.group)?;
        let mut sights = Sights::new(self, &admitted.cut);
        let wanted = self.wanted(&request, &mut sights)?;
        group.linearize(admitted.left()?).await?;
        let from = request.from.unwrap_or(0);
        let found = group.read(|state| Ok(wanted.find(state, from, limit, &mut sights)))??;
        let events: Result<Vec<_>, _> =
            found.leaves.iter().map(|(index, leaf)| self.event(*index, leaf, &mut sights)).collect();
        let body = message::SearchAuditResponse { events: events?, next: found.next, size: found.size, audit: None };
        self.release(admitted, Unreleased::new(body, None, admitted.event(SEARCH.kind), admitted.payload())).await
    }

    fn wanted(&self, request: &message::SearchAuditRequest, sights: &mut Sights<'_>) -> Result<Wanted, ApiError> {
        let given = |text: &str| Some(text.trim().to_string()).filter(|text| !text.is_empty());
        let ring = self.0.records.keys().ring();
        let mut also: Vec<Vec<FoundBy>> = Vec::new();
        if let Some(record) = given(&request.record) {
            let id: RecordId = record.parse().map_err(|error: Invalid| Invalid::new("record", error.reason))?;
            let mut ways = vec![FoundBy::Changed(id)];
            // That a question found a record is told to whoever may see the record.
            if sights.sees(id)? {
                ways.push(FoundBy::Token(ring.asked(&Subject::Record(id))));
            }
            also.push(ways);
        }
        if let Some(name) = given(&request.name) {
            let subject = Subject::name(&name);
            let subject = subject.ok_or_else(|| Invalid::new("name", "has neither letters nor digits".into()))?;
            also.push(vec![FoundBy::Token(ring.asked(&subject))]);
        }
        if let Some(number) = given(&request.number) {
            let subject = Subject::number(&number);
            let subject = subject.ok_or_else(|| Invalid::new("number", "has neither letters nor digits".into()))?;
            also.push(vec![FoundBy::Token(ring.asked(&subject))]);
        }
        let by_words = given(&request.name).is_some() || given(&request.number).is_some();
        let session = given(&request.session).map(|session| {
            let name = from_hex(&session).and_then(|bytes| SessionName::try_from(bytes).ok());
            name.ok_or_else(|| Invalid::new("session", "expected 32 hexadecimal digits".into()))
        });
        let session = session.transpose()?;
        let user = given(&request.user).map(|user| UserId::new(&user).map(|user| user.to_string())).transpose()?;
        let port = given(&request.port).map(|port| PortId::new(&port).map(|port| port.to_string())).transpose()?;
        let time = |field: &str, text: &str| given(text).map(|text| UnixMillis::read(field, &text)).transpose();
        let (since, until) = (time("since", &request.since)?, time("until", &request.until)?);
        let kinds = numbers("kinds", &request.kinds, |kind| EventKind::from_code(kind).map(EventKind::number))?;
        let verdicts = numbers("verdicts", &request.verdicts, |code| Verdict::from_code(code).map(Verdict::number))?;
        // The way that leads to the fewest first, as a rule.
        let by_header =
            [session.map(FoundBy::Session), user.clone().map(FoundBy::User), port.clone().map(FoundBy::Port)];
        let ways = match also.is_empty() {
            false => also.remove(0),
            true => by_header.into_iter().flatten().take(1).collect(),
        };
        Ok(Wanted { ways, user, port, session, kinds, verdicts, also, by_words, since, until })
    }
}

fn numbers(field: &str, codes: &[String], number: impl Fn(&str) -> Option<u16>) -> Result<Vec<u16>, Invalid> {
    let known = |code: &String| number(code).ok_or_else(|| Invalid::new(field, format!("`{code}` is not known")));
    codes.iter().map(known).collect()
}

impl Wanted {
    fn find(&self, state: State<'_>, from: u64, limit: usize, sights: &mut Sights<'_>) -> Result<Found, ApiError> {
        let size = state.frontier()?.size();
        let mut next = match self.since {
            Some(since) => from.max(state.first_leaf_at(since)?),
            None => from,
        };
        let end = match self.until {
            Some(until) => state.first_leaf_at(until)?,
            None => size,
        };
        let (mut leaves, mut looked_at, mut bytes) = (Vec::new(), 0, 0);
        while next < end {
            let (candidates, more) = self.candidates(state, next, end)?;
            for (index, leaf) in candidates {
                let full = leaves.len() == limit || (bytes >= PAGE_BYTES_MAX && !leaves.is_empty());
                if full || looked_at == LOOKED_AT_MAX {
                    return Ok(Found { leaves, next: Some(index), size });
                }
                looked_at += 1;
                next = index + 1;
                if self.is(state, index, &leaf, sights)? {
                    bytes += leaf.bytes.len() + leaf.payload.as_ref().map_or(0, |payload| payload.ciphertext.len());
                    leaves.push((index, leaf));
                }
            }
            match more {
                true => {}
                false => break,
            }
        }
        Ok(Found { leaves, next: None, size })
    }

    /// The next leaves that may be wanted, and whether more may follow.
    fn candidates(
        &self,
        state: State<'_>,
        from: u64,
        end: u64,
    ) -> Result<(Vec<(u64, StoredLeaf)>, bool), StorageError> {
        let (mut leaves, more) = match self.ways.is_empty() {
            true => {
                let page = state.leaves(from, ROWS)?;
                (page.rows, page.cut)
            }
            false => {
                let page = state.leaves_found(&self.ways, from, ROWS)?;
                let mut leaves = Vec::new();
                for index in page.rows {
                    leaves.extend(state.leaves(index, 1)?.rows.into_iter().filter(|(at, _)| *at == index));
                }
                (leaves, page.cut)
            }
        };
        let ends = leaves.last().is_none_or(|(index, _)| *index >= end);
        leaves.retain(|(index, _)| *index < end);
        Ok((leaves, more && !ends))
    }

    fn is(&self, state: State<'_>, index: u64, leaf: &StoredLeaf, sights: &mut Sights<'_>) -> Result<bool, ApiError> {
        let header = leaf.open(index).map_err(|error| ApiError::Internal(error.to_string()))?.header;
        let session = header.circumstances.as_ref().and_then(|it| it.session);
        let says = self.user.as_ref().is_none_or(|user| header.user == *user)
            && self.port.as_ref().is_none_or(|port| header.port == *port)
            && self.session.is_none_or(|wanted| session == Some(wanted))
            && (self.kinds.is_empty() || self.kinds.contains(&header.kind))
            && (self.verdicts.is_empty() || self.verdicts.contains(&header.verdict));
        if !says {
            return Ok(false);
        }
        // What a change wrote into a record is told to whoever may see the record: by a name or number that is in none of its words
        // that he is shown, he must not find the change either.
        let tells = matches!(header.kind(), Some(EventKind::Create | EventKind::Update | EventKind::OverrideRecord));
        if self.by_words && tells {
            let mut records = header.changes.iter().map(|changed| RecordId(changed.id)).peekable();
            if records.peek().is_none() {
                return Ok(false);
            }
            for record in records {
                if !sights.sees(record)? {
                    return Ok(false);
                }
            }
        }
        for ways in &self.also {
            if state.leaves_found(ways, index, 1)?.rows.first() != Some(&index) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
