//! Take messages from other groups' outboxes: each once, in the order of its lane.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::audit::event::EventDraft;
use crate::command::Outcome;
use crate::command::append::{append, refused_after_split};
use crate::decide::Context;
use crate::error::RefusalCode;
use crate::ids::GroupId;
use crate::known_bugs::{KnownBug, planted};
use crate::outbox::{Lane, Message, Posted};
use crate::people::{Floor, Party};
use crate::view::{Effects, Read, View, Write};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deliver {
    pub messages: Vec<Posted>,
}

/// What was seen is dropped; what leaves a gap is not taken, so that the sender starts again from the cursor it is told.
pub fn decide(view: &dyn View, context: Context, command: &Deliver) -> Read<Effects> {
    let takes = |posted: &Posted| match posted.message {
        Message::Audit(_) => matches!(context.group, GroupId::Audit(_)),
        Message::Floor(_) => context.group != GroupId::Directory,
    };
    if !command.messages.iter().all(takes) {
        let text = format!("{} does not take what is delivered", context.group);
        return Ok(Effects::refused(RefusalCode::WrongGroup, text));
    }
    if matches!(context.group, GroupId::Audit(_))
        && let Some(refused) = refused_after_split(view, context)?
    {
        return Ok(refused);
    }
    let mut cursors: BTreeMap<Lane, u64> = BTreeMap::new();
    let mut events: Vec<EventDraft> = Vec::new();
    let mut floors: BTreeMap<Party, u64> = BTreeMap::new();
    for posted in &command.messages {
        let cursor = match cursors.get(&posted.lane) {
            Some(cursor) => *cursor,
            None => view.cursor(posted.lane)?,
        };
        let again = planted(KnownBug::OutboxTakenTwice) && posted.sequence <= cursor;
        let taken = posted.sequence == cursor + 1 || again;
        cursors.insert(posted.lane, if taken { posted.sequence.max(cursor) } else { cursor });
        if taken {
            match &posted.message {
                Message::Audit(event) => events.push(event.clone()),
                // Lanes may overtake each other, so a floor only rises.
                Message::Floor(Floor { party, epoch }) => {
                    let known = floors.get(party).copied().map_or_else(|| view.floor(party), Ok)?;
                    floors.insert(party.clone(), known.max(*epoch));
                }
            }
        }
    }
    let mut writes = if events.is_empty() { Vec::new() } else { append(view, context, &events)?.0 };
    writes.extend(floors.into_iter().map(|(party, epoch)| Write::PutFloor(party, epoch)));
    writes.extend(cursors.iter().map(|(lane, cursor)| Write::PutCursor(*lane, *cursor)));
    Ok(Effects { writes, outcome: Outcome::Delivered(cursors.into_iter().collect()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::*;

    #[test]
    fn a_message_delivered_twice_or_out_of_order_is_one_leaf_in_order() {
        let mut world = World::audit();
        let messages: Vec<Posted> = (1..=4).map(posted).collect();
        let deliver = |world: &mut World, picks: &[usize]| {
            let picked = picks.iter().map(|at| messages[*at].clone()).collect();
            match world.apply(&system(crate::command::Command::Deliver(Deliver { messages: picked }))) {
                Outcome::Delivered(cursors) => cursors[0].1,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(deliver(&mut world, &[0, 1]), 2);
        assert_eq!(deliver(&mut world, &[0, 1, 2]), 3);
        assert_eq!(deliver(&mut world, &[2]), 3);
        assert_eq!(world.leaves(), 3);
        assert_eq!(deliver(&mut world, &[1, 3, 3]), 4);
        assert_eq!(world.leaves(), 4);
    }

    #[test]
    fn a_gap_is_not_taken() {
        let mut world = World::audit();
        let deliver = system(crate::command::Command::Deliver(Deliver { messages: vec![posted(2)] }));
        assert!(matches!(world.apply(&deliver), Outcome::Delivered(cursors) if cursors[0].1 == 0));
        assert_eq!(world.leaves(), 0);
    }
}
