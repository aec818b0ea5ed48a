//! What events are found by without reading all of them: rows beside the log, made as it takes an event in.

use super::circumstances::SessionName;
use super::event::EventDraft;
use crate::ids::{RecordId, Token};

/// One way to an event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum FoundBy {
    User(String),
    Port(String),
    Session(SessionName),
    /// A record that was changed, which the event says in clear.
    Changed(RecordId),
    /// What its sealed part tells of ([`super::subject`]).
    Token(Token),
}

/// All ways to an event.
pub fn ways(event: &EventDraft) -> Vec<FoundBy> {
    let header = &event.header;
    let session = header.circumstances.as_ref().and_then(|it| it.session);
    let mut ways = vec![FoundBy::User(header.user.clone()), FoundBy::Port(header.port.clone())];
    ways.extend(session.map(FoundBy::Session));
    ways.extend(header.changes.iter().map(|changed| FoundBy::Changed(RecordId(changed.id))));
    ways.extend(event.tokens.iter().map(|token| FoundBy::Token(*token)));
    ways
}
