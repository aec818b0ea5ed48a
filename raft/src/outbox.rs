//! Delivery of a group's outbox: the leader hands messages to their group and forgets those that it has.

use std::collections::BTreeMap;
use std::time::Duration;

use model::codec;
use model::command::acknowledge::Acknowledge;
use model::command::deliver::Deliver;
use model::command::{Command, Outcome};
use model::envelope::Envelope;
use model::ids::{GroupId, RequestId};
use model::limits::{COMMAND_BYTES_MAX, OUTBOX_BATCH_MAX};
use model::outbox::{Destination, Lane, Posted};
use model::time::UnixMillis;
use tokio_util::sync::CancellationToken;

use crate::error::GroupError;
use crate::group::Group;
use crate::groups::Groups;
use crate::metrics::GroupMetrics;

/// How long one delivery may take before it is tried again.
const DELIVERY_DEADLINE: Duration = Duration::from_secs(5);
/// Pause after a delivery failed, and between looks at an outbox that nothing woke.
const PAUSE: Duration = Duration::from_millis(500);
/// Wait for company after the first change, so that many writes ride in one delivery.
const LINGER: Duration = Duration::from_millis(10);

/// Delivers until the node stops.
pub async fn deliver(groups: Groups, group: Group, stopping: CancellationToken, metrics: GroupMetrics) {
    let mut progress = group.machine().progress();
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            changed = progress.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(PAUSE) => {}
        }
        tokio::time::sleep(LINGER).await;
        while group.leads() && !stopping.is_cancelled() {
            match one_round(&groups, &group).await {
                Ok(0) => break,
                Ok(delivered) => {
                    metrics.delivered.with_label_values(&[&group.id().to_string()]).inc_by(delivered as u64);
                }
                Err(error) => {
                    tracing::debug!(group = %group.id(), %error, "the outbox is delivered later");
                    tokio::select! {
                        () = stopping.cancelled() => return,
                        () = tokio::time::sleep(PAUSE) => {}
                    }
                }
            }
        }
    }
}

/// Delivers the oldest messages of the outbox; returns how many the receivers have.
async fn one_round(groups: &Groups, group: &Group) -> Result<usize, GroupError> {
    let messages = group.read(|state| state.outbox(OUTBOX_BATCH_MAX))?;
    let mut by_group: BTreeMap<GroupId, (usize, Vec<Posted>)> = BTreeMap::new();
    for posted in messages {
        let to = match posted.lane.to {
            Destination::Group(to) => to,
            Destination::Slot(slot) => match owner(groups, slot)? {
                Some(to) => to,
                None => continue,
            },
        };
        let bytes = codec::encode(&posted).map_or(COMMAND_BYTES_MAX, |bytes| bytes.len());
        let (size, batch) = by_group.entry(to).or_default();
        // The first message goes in any case: it was small enough to be a command before.
        if batch.is_empty() || *size + bytes < COMMAND_BYTES_MAX / 2 {
            *size += bytes;
            batch.push(posted);
        }
    }
    let mut received: Vec<(Lane, u64)> = Vec::new();
    let mut count = 0;
    for (to, (_, messages)) in by_group {
        count += messages.len();
        let envelope = of_the_cluster(Command::Deliver(Deliver { messages }));
        match groups.get(to)?.propose(&envelope, DELIVERY_DEADLINE).await? {
            Outcome::Delivered(lanes) => received.extend(lanes),
            other => {
                let reason = format!("{to} answered a delivery with {}", other.name());
                return Err(GroupError::Unavailable { group: to, reason });
            }
        }
    }
    if !received.is_empty() {
        let envelope = of_the_cluster(Command::Acknowledge(Acknowledge { lanes: received }));
        group.propose(&envelope, DELIVERY_DEADLINE).await?;
    }
    Ok(count)
}

fn owner(groups: &Groups, slot: model::ids::SlotId) -> Result<Option<GroupId>, GroupError> {
    let map = groups.get(GroupId::Directory)?.read(|state| state.slot_map())?;
    Ok(map.and_then(|map| map.owner(slot)))
}

/// A command that the cluster gives itself. Such commands may be applied again without harm, so they share one id.
pub fn of_the_cluster(command: Command) -> Envelope {
    Envelope { request: RequestId([0; 16]), caller: None, decision: None, time: UnixMillis(0), command }
}
