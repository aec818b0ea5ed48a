//! Which records group owns which slot.

use serde::{Deserialize, Serialize};

use crate::codec::Stored;
use crate::ids::{GroupId, SlotId};
use crate::limits::SLOTS;

/// The slot map: for each slot its group; kept in the directory, a copy of its own part in each records group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotMap {
    /// One more with each change of ownership.
    pub version: u64,
    owners: Vec<u16>,
}

impl Stored for SlotMap {
    const TAG: u16 = 4;
    const VERSION: u8 = 1;
}

impl SlotMap {
    /// The first map of a cluster: slots spread evenly over `groups` records groups (at least one).
    pub fn even(groups: u16) -> Self {
        let groups = groups.max(1);
        Self { version: 1, owners: (0..SLOTS).map(|slot| slot % groups).collect() }
    }

    /// The group that owns a slot.
    pub fn owner(&self, slot: SlotId) -> Option<GroupId> {
        self.owners.get(usize::from(slot.0)).map(|n| GroupId::Records(*n))
    }

    /// Whether a group owns a slot.
    pub fn owns(&self, group: GroupId, slot: SlotId) -> bool {
        self.owner(slot) == Some(group)
    }

    /// The map after a slot has moved to another records group: one version more. None for what is no slot or no records group.
    pub fn moved(&self, slot: SlotId, to: GroupId) -> Option<Self> {
        let GroupId::Records(number) = to else { return None };
        let mut moved = Self { version: self.version + 1, owners: self.owners.clone() };
        *moved.owners.get_mut(usize::from(slot.0))? = number;
        Some(moved)
    }

    /// The records groups that own slots, in order.
    pub fn groups(&self) -> Vec<GroupId> {
        let mut numbers = self.owners.clone();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.into_iter().map(GroupId::Records).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_map_gives_every_slot_one_owner() {
        let map = SlotMap::even(3);
        assert_eq!(map.groups(), vec![GroupId::Records(0), GroupId::Records(1), GroupId::Records(2)]);
        for slot in 0..SLOTS {
            let owners = map.groups().into_iter().filter(|group| map.owns(*group, SlotId(slot))).count();
            assert_eq!(owners, 1);
        }
        assert_eq!(map.owner(SlotId(SLOTS)), None);
    }

    #[test]
    fn a_moved_slot_has_its_new_owner_and_the_others_keep_theirs() {
        let map = SlotMap::even(2);
        let moved = map.moved(SlotId(4), GroupId::Records(1)).expect("a slot");
        assert_eq!((moved.version, moved.owner(SlotId(4))), (2, Some(GroupId::Records(1))));
        assert!((0..SLOTS).filter(|slot| *slot != 4).all(|slot| moved.owner(SlotId(slot)) == map.owner(SlotId(slot))));
        assert_eq!(map.moved(SlotId(SLOTS), GroupId::Records(1)), None);
        assert_eq!(map.moved(SlotId(4), GroupId::Audit(0)), None);
    }
}
