//! Messages between groups: put into the outbox by `decide`, delivered at least once by the group's leader, dropped by
//! the receiver when its cursor has passed them (DESIGN.md, Groups).

use serde::{Deserialize, Serialize};

use crate::audit::event::EventDraft;
use crate::codec::Stored;
use crate::ids::{GroupId, SlotId};
use crate::people::Floor;

/// Where a message goes. A slot is delivered to whichever group owns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Destination {
    Group(GroupId),
    Slot(SlotId),
}

impl Destination {
    /// Four bytes of a key: groups by number, slots above all groups.
    pub fn number(self) -> u32 {
        match self {
            Self::Group(group) => group.number(),
            Self::Slot(slot) => 0x8000_0000 | u32::from(slot.0),
        }
    }

    /// The destination of a key's four bytes.
    pub fn from_number(number: u32) -> Option<Self> {
        if number & 0x8000_0000 != 0 {
            u16::try_from(number & 0x7fff_ffff).ok().map(|slot| Self::Slot(SlotId(slot)))
        } else {
            GroupId::from_number(number).map(Self::Group)
        }
    }
}

/// A queue between a source slot and a destination; its sequence counts 1, 2, 3 ...
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lane {
    pub from: SlotId,
    pub to: Destination,
}

crate::numbered! {
    /// What one group tells another.
    #[derive(Debug, Clone, PartialEq, Eq)]
    // Nearly all are events, so nothing is gained by boxing them.
    #[allow(clippy::large_enum_variant)]
    pub enum Message {
        1 => Audit(EventDraft),
        /// Of the directory, to every other group.
        2 => Floor(Floor),
    }
}

/// A message in its lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    pub lane: Lane,
    pub sequence: u64,
    pub message: Message,
}

impl Stored for Posted {
    const TAG: u16 = 6;
    const VERSION: u8 = 1;
}
