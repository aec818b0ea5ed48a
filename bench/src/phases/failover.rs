//! `failover`: the leader of records-0 is killed by kill -9 while clients write, again and again.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use client::{Client, v1};
use model::ids::{GroupId, RecordId};
use model::slots::SlotMap;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::clients::{administrator, client};
use crate::cluster::Cluster;
use crate::error::BenchError;
use crate::output::{figure, note, table};
use crate::settle::settle;
use crate::work::Supply;

/// The group whose leader is killed, and to which all writes go.
const GROUP: GroupId = GroupId::Records(0);
/// Writes go on for this long before the kill.
const BEFORE: Duration = Duration::from_millis(500);
/// Without a write acknowledged for so long, the cluster did not recover.
const RECOVERY_MAX: Duration = Duration::from_secs(60);

/// One kill.
#[derive(Debug, Serialize)]
pub struct Kill {
    pub node: u64,
    /// From the kill to the first acknowledgement of a write that began after it, of any client.
    pub first_seconds: f64,
    /// The same of the last client: one of them stuck with the node that died.
    pub all_seconds: f64,
    pub errors: u64,
}

/// All kills.
#[derive(Debug, Serialize)]
pub struct Failover {
    pub clients: usize,
    pub kills: Vec<Kill>,
    pub first_median_seconds: f64,
    pub first_max_seconds: f64,
    pub all_median_seconds: f64,
    pub all_max_seconds: f64,
    pub errors: u64,
    /// Text of the first error, if there was one.
    pub error: Option<String>,
}

/// Kills leaders, each after the last one serves again.
pub async fn measure(
    cluster: &mut Cluster,
    supply: &Arc<Supply>,
    kills: u16,
    records_groups: u16,
) -> Result<Failover, BenchError> {
    let slots = Arc::new(SlotMap::even(records_groups));
    let (mut done, mut error) = (Vec::new(), None);
    let clients = cluster.nodes().len();
    for number in 1..=kills {
        settle(cluster).await?;
        let leader = leader(cluster).await?;
        let kill = one(cluster, supply, &slots, leader, &mut error).await?;
        note(format!("kill {number} of {kills}: node {leader}, first write after {:.2} s", kill.first_seconds));
        done.push(kill);
        cluster.restart(leader).await?;
    }
    let sorted = |of: fn(&Kill) -> f64| median_and_max(done.iter().map(of).collect());
    let (first, all) = (sorted(|kill| kill.first_seconds), sorted(|kill| kill.all_seconds));
    Ok(Failover {
        clients,
        first_median_seconds: first.0,
        first_max_seconds: first.1,
        all_median_seconds: all.0,
        all_max_seconds: all.1,
        errors: done.iter().map(|kill| kill.errors).sum(),
        error,
        kills: done,
    })
}

fn median_and_max(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let (Some(low), Some(high)) = (values.get(values.len().saturating_sub(1) / 2), values.get(values.len() / 2)) else {
        return (0.0, 0.0);
    };
    ((low + high) / 2.0, values.last().copied().unwrap_or(0.0))
}

/// The node that leads the group; asked until there is one.
async fn leader(cluster: &Cluster) -> Result<u64, BenchError> {
    let until = Instant::now() + RECOVERY_MAX;
    let (client, name) = (administrator(cluster)?, GROUP.to_string());
    loop {
        let status = client.status().await?;
        let leader = status.groups.iter().find(|group| group.group == name).map_or(0, |group| group.leader);
        if leader != 0 {
            return Ok(leader);
        }
        if Instant::now() > until {
            return Err(BenchError::Cluster(format!("{name} has no leader")));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn one(
    cluster: &Cluster,
    supply: &Arc<Supply>,
    slots: &Arc<SlotMap>,
    leader: u64,
    error: &mut Option<String>,
) -> Result<Kill, BenchError> {
    let node = cluster.nodes().iter().find(|node| node.id == leader);
    let node = node.ok_or_else(|| BenchError::Cluster(format!("node {leader} leads and is not in the ready file")))?;
    let killed = Arc::new(OnceLock::new());
    let mut writers = JoinSet::new();
    // One client at each node, so that one of them speaks to the node that dies.
    for number in 0..cluster.nodes().len() {
        writers.spawn(writes(client(cluster, number)?, supply.clone(), slots.clone(), killed.clone()));
    }
    tokio::time::sleep(BEFORE).await;
    cluster.kill(node);
    // The only one to set it.
    let _ = killed.set(Instant::now());
    let mut seconds = Vec::new();
    let mut errors = 0;
    let all = async {
        while let Some(ended) = writers.join_next().await {
            let writer = ended.map_err(|error| BenchError::read("a client", error))?;
            seconds.push(writer.after.as_secs_f64());
            errors += writer.errors;
            *error = error.take().or(writer.error);
        }
        Ok::<_, BenchError>(())
    };
    tokio::time::timeout(RECOVERY_MAX, all)
        .await
        .map_err(|_| BenchError::Cluster(format!("no write was acknowledged for {} s", RECOVERY_MAX.as_secs())))??;
    Ok(Kill {
        node: leader,
        first_seconds: seconds.iter().copied().fold(f64::INFINITY, f64::min),
        all_seconds: seconds.iter().copied().fold(0.0, f64::max),
        errors,
    })
}

struct Writer {
    after: Duration,
    errors: u64,
    error: Option<String>,
}

/// Writes to the group until a write is acknowledged that began after the kill.
async fn writes(client: Client, supply: Arc<Supply>, slots: Arc<SlotMap>, killed: Arc<OnceLock<Instant>>) -> Writer {
    let (mut errors, mut error) = (0, None);
    loop {
        let request = to_group(&client, &supply, &slots);
        let begun = Instant::now();
        match client.create_lookout(request).await {
            Ok(_) => {
                if let Some(killed) = killed.get().filter(|killed| begun >= **killed) {
                    return Writer { after: killed.elapsed(), errors, error };
                }
            }
            Err(failed) => {
                errors += 1;
                error.get_or_insert(failed.to_string());
            }
        }
    }
}

/// A write whose record belongs to the group: where it goes follows from its request id.
fn to_group(client: &Client, supply: &Supply, slots: &SlotMap) -> v1::CreateLookoutRequest {
    loop {
        let id = client.new_request_id();
        if slots.owns(GROUP, RecordId::of_request(id).slot()) {
            return v1::CreateLookoutRequest { request_id: id.to_string(), ..supply.lookout() };
        }
    }
}

/// For people.
pub fn to_text(failover: &Failover) -> String {
    let rows = [
        (format!("first of {} clients", failover.clients), failover.first_median_seconds, failover.first_max_seconds),
        ("every client".to_string(), failover.all_median_seconds, failover.all_max_seconds),
    ];
    let rows = rows.map(|(label, median, max)| {
        [label, failover.kills.len().to_string(), figure(median), figure(max), failover.errors.to_string()]
    });
    let head = ["acknowledged again", "kills", "median s", "max s", "errors"];
    let text = table("kill -9 of the leader of records-0, until a later write is acknowledged", head, &rows);
    match &failover.error {
        Some(error) => format!("{text}\n  first error: {error}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_two() {
        assert_eq!(median_and_max(vec![3.0, 1.0]), (2.0, 3.0));
        assert_eq!(median_and_max(vec![5.0, 1.0, 2.0]), (2.0, 5.0));
        assert_eq!(median_and_max(Vec::new()), (0.0, 0.0));
    }
}
