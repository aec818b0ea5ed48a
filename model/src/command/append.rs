//! Append audit events to the group's Merkle log (AppendOnlyAudit).

use serde::{Deserialize, Serialize};

use crate::audit::event::EventDraft;
use crate::audit::leaf::StoredLeaf;
use crate::command::{Appended, Outcome};
use crate::decide::Context;
use crate::error::RefusalCode;
use crate::ids::GroupId;
use crate::view::{Effects, Read, View, ViewError, Write};

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

/// The writes that append events, and where they stand then.
pub fn append(view: &dyn View, context: Context, events: &[EventDraft]) -> Read<(Vec<Write>, Appended)> {
    let mut frontier = view.frontier()?;
    let first = frontier.size();
    let (mut writes, mut leaves) = (Vec::new(), Vec::new());
    for event in events {
        let index = frontier.size();
        let leaf = StoredLeaf::record(event, index, context.time).map_err(|error| ViewError(error.to_string()))?;
        let hash = leaf.hash();
        leaves.push(hash);
        writes.push(Write::PutLeaf(index, leaf));
        writes.extend(frontier.append(hash).into_iter().map(|(node, hash)| Write::PutTreeNode(node, hash)));
    }
    let appended = Appended { leaves, first, size: frontier.size(), root: frontier.root() };
    if !events.is_empty() {
        writes.push(Write::PutFrontier(frontier));
    }
    Ok((writes, appended))
}
