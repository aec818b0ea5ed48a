//! Durable: what was acknowledged survives a power cut of the whole cluster, and nothing is acknowledged that no quorum of
//! disks has.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation is the result of a test")]

mod cluster;

use std::time::Duration;

use cluster::{Cluster, asked, create, until};
use proto::v1;
use proto::v1::lookouts_client::LookoutsClient;
use proto::v1::screening_client::ScreeningClient;
use tonic::transport::Channel;

/// How long a write is watched that must not be acknowledged: much longer than one takes whose disks are quick.
const WATCHED: Duration = Duration::from_secs(1);

/// An acknowledged write: the name and the record's id.
type Written = (String, String);

async fn is_there(channel: Channel, (name, id): &Written) {
    let (mut records, mut screening) = (LookoutsClient::new(channel.clone()), ScreeningClient::new(channel));
    let get = v1::GetLookoutRequest { id: id.clone(), version: 0 };
    let record = records.get(asked(get)).await;
    let record = record.unwrap_or_else(|error| panic!("the acknowledged {name} is lost: {error}"));
    assert_eq!(&record.into_inner().lookout.unwrap().names[0].full, name);
    let question = v1::ScreenRequest { name: name.clone(), freshness: "linearizable".into(), ..Default::default() };
    let answer = screening.screen(asked(question)).await.unwrap().into_inner();
    assert!(answer.hits.iter().any(|hit| &hit.id == id), "NoMissedLookout: {name}");
    assert!(!answer.audit.unwrap().receipt.is_empty());
}

async fn write(channel: &Channel, name: &str) -> Written {
    let answer = LookoutsClient::new(channel.clone()).create(asked(create(name))).await.unwrap().into_inner();
    assert_eq!(answer.change, "created");
    (name.to_string(), answer.id)
}

#[test]
fn acknowledged_writes_survive_a_power_cut_of_every_node() {
    let mut cluster = Cluster::start();
    let names = ["Aurelio Cimarosti", "Bertille Vantongeren", "Casimir Dolgorukov", "Delphine Okonjo"];
    let mut acknowledged = Vec::new();
    for pair in names.chunks(2) {
        acknowledged.extend(cluster.run(1, async |channel| {
            let mut done = Vec::new();
            for name in pair {
                done.push(write(&channel, name).await);
            }
            done
        }));
        cluster.power_cut();
        cluster.power_on();
        cluster.run(1, async |channel| {
            for written in &acknowledged {
                is_there(channel.clone(), written).await;
            }
        });
    }
}

/// With the syncs of two of three disks held up there is no quorum, whoever leads: an acknowledgement then would be one
/// before the sync.
#[test]
fn a_write_is_acknowledged_when_a_quorum_of_disks_has_it_and_not_before() {
    let mut cluster = Cluster::start();
    let mut acknowledged = Vec::new();
    for (name, held_up) in [("Eleonore Sigurdsson", [2, 3]), ("Fabrizio Mwangi", [1, 2]), ("Gudrun Takahashi", [1, 3])]
    {
        let disks = held_up.map(|node| cluster.disk(node).clone());
        disks.iter().for_each(cluster::Disk::shut);
        let written = cluster.run(1, async |channel| {
            let request = create(name);
            let (mut client, message) = (LookoutsClient::new(channel.clone()), request.clone());
            let mut answer = tokio::spawn(async move { client.create(asked(message)).await });
            until("the write has come to both disks", async || disks.iter().all(cluster::Disk::holds_up)).await;
            if let Ok(answer) = tokio::time::timeout(WATCHED, &mut answer).await {
                let answer = answer.unwrap();
                // A failure says at least nothing wrong.
                assert!(answer.is_err(), "{name} was acknowledged by one disk of three: {answer:?}");
            }
            disks.iter().for_each(cluster::Disk::open);
            // The same request id settles what became of it, however often it is sent.
            let mut id = String::new();
            until("the write is acknowledged once the disks go on", async || {
                let mut client = LookoutsClient::new(channel.clone());
                if let Ok(answer) = client.create(asked(request.clone())).await {
                    id = answer.into_inner().id;
                }
                !id.is_empty()
            })
            .await;
            (name.to_string(), id)
        });
        // Nothing between the acknowledgement and the cut.
        acknowledged.push(written);
        cluster.power_cut();
        cluster.power_on();
        cluster.run(2, async |channel| {
            for written in &acknowledged {
                is_there(channel.clone(), written).await;
            }
        });
    }
}

/// The other side of it: one slow disk, also the leader's own, holds up nobody.
#[test]
fn one_disk_that_hangs_holds_up_no_write() {
    let cluster = Cluster::start();
    for node in 1..=3 {
        cluster.disk(node).shut();
        cluster.run(1 + node % 3, async |channel| {
            for name in ["Hjalmar Benedetti", "Ingeborg Castellanos", "Joaquim Dragomirov", "Kerstin Eberhardt"] {
                is_there(channel.clone(), &write(&channel, name).await).await;
            }
        });
        cluster.disk(node).open();
    }
}
