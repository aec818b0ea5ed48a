//! Append audit events to the group's Merkle log (AppendOnlyAudit).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::audit::event::{EventDraft, WITH_CIRCUMSTANCES};
use crate::audit::found_by::ways;
use crate::audit::leaf::{Numbers, StoredLeaf};
use crate::audit::sequences::{Last, SESSION_KEPT_MS, Scope};
use crate::command::{Appended, Outcome};
use crate::decide::Context;
use crate::error::RefusalCode;
use crate::ids::GroupId;
use crate::known_bugs::{KnownBug, planted};
use crate::view::{Effects, Read, View, ViewError, Write};

/// Numbers of sessions that one entry forgets at most.
const FORGOTTEN_MAX: usize = 8;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppendEvents {
    pub events: Vec<EventDraft>,
}

pub fn decide(view: &dyn View, context: Context, command: &AppendEvents) -> Read<Effects> {
    if !matches!(context.group, GroupId::Audit(_)) {
        return Ok(Effects::refused(RefusalCode::WrongGroup, format!("{} keeps no audit log", context.group)));
    }
    if let Some(refused) = refused_after_split(view, context)? {
        return Ok(refused);
    }
    let (writes, appended) = append(view, context, &command.events)?;
    Ok(Effects { writes, outcome: Outcome::Appended(appended) })
}

/// Whose log it would be that grows nobody could say, once the replicas of the group have no common one.
pub fn refused_after_split(view: &dyn View, context: Context) -> Read<Option<Effects>> {
    let split_at = view.published()?.split_at;
    Ok(split_at.map(|size| {
        let text =
            format!("the replicas of {} have no common audit log at {size} leaves; it grows no more", context.group);
        Effects::refused(RefusalCode::AuditSplit, text)
    }))
}

/// The next number within a scope.
fn next(view: &dyn View, context: Context, counted: &mut BTreeMap<Scope, Last>, scope: Scope) -> Read<u64> {
    let last = match counted.get(&scope) {
        Some(last) => Some(*last),
        None => view.sequence(&scope)?,
    };
    let next = Last::after(last, &scope, context.time);
    // A number that is taken twice is found by whoever verifies.
    if !(planted(KnownBug::SequenceStandsStill) && next.number.is_multiple_of(7)) {
        counted.insert(scope, next);
    }
    Ok(next.number)
}

/// The writes that append events, and where they stand then.
pub fn append(view: &dyn View, context: Context, events: &[EventDraft]) -> Read<(Vec<Write>, Appended)> {
    let mut frontier = view.frontier()?;
    let first = frontier.size();
    let (mut writes, mut leaves, mut counted) = (Vec::new(), Vec::new(), BTreeMap::new());
    for event in events {
        let index = frontier.size();
        // What a leaf is made of follows from its event: replicas that apply it by another version of the program make the same.
        let numbered = event.header.version >= WITH_CIRCUMSTANCES;
        let session = event.header.circumstances.as_ref().and_then(|it| it.session);
        let numbers = match numbered {
            false => None,
            true => Some(Numbers {
                session: session
                    .map(|session| next(view, context, &mut counted, Scope::Session(session)))
                    .transpose()?,
                port: next(view, context, &mut counted, Scope::Port(event.header.port.clone()))?,
            }),
        };
        if let (Some(session), Some(Numbers { session: Some(1), .. })) = (session, numbers) {
            writes.push(Write::PutSessionBegun(context.time, session));
        }
        let leaf = StoredLeaf::record(event, index, context.time, numbers);
        let leaf = leaf.map_err(|error| ViewError(error.to_string()))?;
        let hash = leaf.hash();
        leaves.push(hash);
        writes.push(Write::PutLeaf(index, leaf));
        if numbered {
            writes.extend(ways(event).into_iter().map(|way| Write::PutLeafRow(way, index)));
        }
        writes.extend(frontier.append(hash).into_iter().map(|(node, hash)| Write::PutTreeNode(node, hash)));
    }
    let appended = Appended { leaves, first, size: frontier.size(), root: frontier.root() };
    if !events.is_empty() {
        writes.push(Write::PutFrontier(frontier));
        // Those that are long over, a few at a time; the number of one that goes on anew stays.
        for (begun, session) in view.sessions_begun(context.time.before(SESSION_KEPT_MS), FORGOTTEN_MAX)? {
            let scope = Scope::Session(session);
            let last = match counted.get(&scope) {
                Some(last) => Some(*last),
                None => view.sequence(&scope)?,
            };
            let with_number = last.is_some_and(|last| last.begun == begun);
            writes.push(Write::ForgetSession { begun, session, with_number });
        }
        writes.extend(counted.into_iter().map(|(scope, last)| Write::PutSequence(scope, last)));
    }
    Ok((writes, appended))
}
