//! The cluster's constants, slots and nodes.

use serde::{Deserialize, Serialize};

use crate::codec::Stored;
use crate::command::Outcome;
use crate::error::RefusalCode;
use crate::ids::{ClusterId, NodeId};
use crate::slots::SlotMap;
use crate::view::{Effects, Read, View, Write};

/// What a cluster is made with and never changes; kept in the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterInfo {
    pub cluster: ClusterId,
    pub records_groups: u16,
    pub audit_groups: u16,
}

impl Stored for ClusterInfo {
    const TAG: u16 = 14;
    const VERSION: u8 = 1;
}

/// A node's labels and addresses; kept in the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeInfo {
    pub node: NodeId,
    pub address: String,
    pub region: String,
    pub port: String,
}

impl Stored for NodeInfo {
    const TAG: u16 = 15;
    const VERSION: u8 = 1;
}

/// Sets the constants, once.
pub fn initialise(view: &dyn View, info: &ClusterInfo) -> Read<Effects> {
    match view.cluster()? {
        None => Ok(Effects { writes: vec![Write::PutCluster(info.clone())], outcome: Outcome::Done(()) }),
        Some(same) if same == *info => Ok(Effects { writes: Vec::new(), outcome: Outcome::Done(()) }),
        Some(other) => {
            let text = format!("this is cluster {} already", other.cluster);
            Ok(Effects::refused(RefusalCode::AlreadyInitialised, text))
        }
    }
}

/// Takes a slot map that is newer than the one there.
pub fn assign_slots(view: &dyn View, map: &SlotMap) -> Read<Effects> {
    let known = view.slot_map()?.map_or(0, |map| map.version);
    let writes = if map.version > known { vec![Write::PutSlotMap(map.clone())] } else { Vec::new() };
    Ok(Effects { writes, outcome: Outcome::Done(()) })
}

/// Records a node's labels and addresses.
pub fn put_node(info: &NodeInfo) -> Read<Effects> {
    Ok(Effects { writes: vec![Write::PutNode(info.node, info.clone())], outcome: Outcome::Done(()) })
}
