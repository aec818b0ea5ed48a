//! Delivery of a group's outbox: the leader hands messages to their group and forgets those that it has.

use std::collections::{BTreeMap, BTreeSet};
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
            let round = tokio::select! {
                () = stopping.cancelled() => return,
                round = one_round(&groups, &group) => round,
            };
            match round {
                Ok(0) => break,
                Ok(delivered) => {
                    metrics.delivered.with_label_values(&[&group.id().to_string()]).inc_by(delivered as u64);
                }
                Err(error) => {
                    metrics.undelivered.with_label_values(&[&group.id().to_string()]).inc();
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

/// Delivers the oldest messages of the outbox; returns how many of them the receivers have now.
async fn one_round(groups: &Groups, group: &Group) -> Result<usize, GroupError> {
    let messages = group.read(|state| state.outbox(OUTBOX_BATCH_MAX))?;
    let first: BTreeMap<Lane, u64> = messages.iter().rev().map(|posted| (posted.lane, posted.sequence)).collect();
    let mut by_group: BTreeMap<GroupId, (usize, Vec<Posted>)> = BTreeMap::new();
    let mut full: BTreeSet<Lane> = BTreeSet::new();
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
        if full.contains(&posted.lane) {
            // After a message that did not fit the next one of its lane would leave a gap.
        } else if batch.is_empty() || *size + bytes < COMMAND_BYTES_MAX / 2 {
            *size += bytes;
            batch.push(posted);
        } else {
            full.insert(posted.lane);
        }
    }
    let mut received: Vec<(Lane, u64)> = Vec::new();
    let sent = !by_group.is_empty();
    for (to, (_, messages)) in by_group {
        let envelope = of_the_cluster(Command::Deliver(Deliver { messages }));
        match groups.get(to)?.propose(&envelope, DELIVERY_DEADLINE).await? {
            Outcome::Delivered(lanes) => received.extend(lanes),
            other => {
                let reason = format!("{to} answered a delivery with {}", other.name());
                return Err(GroupError::Unavailable { group: to, reason });
            }
        }
    }
    // A lane has got on by what its cursor is past the first message that was there.
    let got_on = |(lane, cursor): &(Lane, u64)| first.get(lane).map_or(0, |first| (cursor + 1).saturating_sub(*first));
    let count: u64 = received.iter().map(got_on).sum();
    if sent && count == 0 {
        let reason = "its receivers lack what comes before the oldest messages that are left here".to_string();
        return Err(GroupError::Unavailable { group: group.id(), reason });
    }
    if !received.is_empty() {
        let envelope = of_the_cluster(Command::Acknowledge(Acknowledge { lanes: received }));
        group.propose(&envelope, DELIVERY_DEADLINE).await?;
    }
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

fn owner(groups: &Groups, slot: model::ids::SlotId) -> Result<Option<GroupId>, GroupError> {
    let map = groups.get(GroupId::Directory)?.read(|state| state.slot_map())?;
    Ok(map.and_then(|map| map.owner(slot)))
}

/// A command that the cluster gives itself, without a request of its own: applied again, a delivery or a constant changes
/// nothing, and an audit event stands in two leaves under its own id.
pub fn of_the_cluster(command: Command) -> Envelope {
    Envelope { request: RequestId([0; 16]), caller: None, decision: None, time: UnixMillis(0), command }
}
