//! What a new cluster must learn once: its constants, its slots, its nodes. Whoever leads the group in question says it;
//! saying it again changes nothing.

use std::time::Duration;

use model::command::Command;
use model::command::cluster::{ClusterInfo, NodeInfo};
use model::ids::GroupId;
use model::people::Ceremony;
use model::slots::SlotMap;
use raft::error::GroupError;
use raft::groups::Groups;
use raft::outbox::of_the_cluster;
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);

/// Runs until the node's groups know their slots and the directory knows this node.
pub async fn run(
    groups: Groups,
    info: ClusterInfo,
    me: NodeInfo,
    ceremony: Option<Ceremony>,
    stopping: CancellationToken,
) {
    loop {
        match once(&groups, &info, &me, ceremony.as_ref()).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => tracing::debug!(%error, "the cluster is not set up yet"),
        }
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

async fn once(
    groups: &Groups,
    info: &ClusterInfo,
    me: &NodeInfo,
    ceremony: Option<&Ceremony>,
) -> Result<bool, GroupError> {
    let directory = groups.get(GroupId::Directory)?;
    if directory.leads() {
        let (known, map) = directory.read(|state| Ok((state.cluster()?, state.slot_map()?)))?;
        if known.is_none() {
            directory.propose(&of_the_cluster(Command::InitialiseCluster(info.clone())), DEADLINE).await?;
        }
        if map.is_none() {
            let map = SlotMap::even(info.records_groups);
            directory.propose(&of_the_cluster(Command::AssignSlots(map)), DEADLINE).await?;
        }
    }
    let (Some(map), nodes) = directory.read(|state| Ok((state.slot_map()?, state.nodes()?)))? else {
        return Ok(false);
    };
    let mut done = true;
    if let Some(ceremony) = ceremony
        && directory.read(|state| state.ceremony())?.is_none()
    {
        done = false;
        if directory.leads() {
            directory.propose(&of_the_cluster(Command::InitialiseCeremony(ceremony.clone())), DEADLINE).await?;
        }
    }
    for group in groups.records() {
        let known = group.read(|state| state.slot_map())?.map_or(0, |map| map.version);
        if known < map.version {
            done = false;
            if group.leads() {
                group.propose(&of_the_cluster(Command::AssignSlots(map.clone())), DEADLINE).await?;
            }
        }
    }
    if !nodes.contains(me) {
        done = false;
        directory.propose(&of_the_cluster(Command::PutNode(me.clone())), DEADLINE).await?;
    }
    Ok(done)
}
