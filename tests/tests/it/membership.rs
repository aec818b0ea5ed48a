//! Nodes come and go while the cluster serves; leadership is handed on by request.

use std::time::Duration;

use client::v1;
use portcullis_tests::{Playground, question_named, wait_for, wanted};
use serde_json::{Value, json};

const GROUPS: [&str; 4] = ["directory", "records-0", "records-1", "audit-0"];

fn voters(members: &Value) -> Vec<Vec<u64>> {
    let groups = members["groups"].as_array().unwrap().iter();
    groups.map(|group| group["voters"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()).collect()).collect()
}

async fn writes_and_finds(playground: &Playground, number: usize, through: &[u64]) {
    let document = format!("T{number:07}");
    let lookout = Some(wanted("Tancred Ishiguro-Bell", &document));
    for node in through {
        let client = playground.client_of(*node);
        let message = v1::CreateLookoutRequest { lookout: lookout.clone(), ..Default::default() };
        let created = client.create_lookout(message).await.unwrap();
        let question = v1::ScreenRequest { document: document.clone(), ..question_named("", "linearizable") };
        let answer = client.screen(question).await.unwrap();
        assert!(answer.hits.iter().any(|hit| hit.id == created.id) && !answer.partial, "through node {node}");
    }
}

fn add_fourth(playground: &Playground) -> Value {
    let added = playground.cli().json(&["playground", "add-node", "4"]);
    assert_eq!((&added["id"], &added["pid"]), (&json!(4), &json!(playground.node(4).pid)));
    let address = added["grpc"].as_str().unwrap().to_string();
    wait_for("the new node takes connections", Duration::from_secs(10), || std::net::TcpStream::connect(&address).ok());
    playground.cli().json(&["cluster", "add-node", "4", &address])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fourth_node_is_taken_in_and_one_of_the_first_is_let_go() {
    let playground = Playground::start();
    let cli = playground.cli();
    writes_and_finds(&playground, 1, &[1, 2, 3]).await;
    assert_eq!(voters(&add_fourth(&playground)), vec![vec![1, 2, 3, 4]; 4]);
    playground.wait_ready(4);
    writes_and_finds(&playground, 2, &[4, 1]).await;
    for group in GROUPS {
        assert_eq!(playground.group_at(4, group)["role"], "follower", "{group}");
    }
    // Its own copy answers, with what was there before it came.
    playground.caught_up();
    let answer = playground.client_of(4).screen(question_named("Tancred Ishiguro-Bell", "local")).await.unwrap();
    assert_eq!(answer.hits.len(), 5);

    // One that follows everywhere, and one that leads.
    let leaders: Vec<u64> = GROUPS.iter().map(|group| playground.leader_of(group)).collect();
    let leader = leaders[1];
    let others: Vec<u64> = [1, 2, 3].into_iter().filter(|id| *id != leader).collect();
    let members = playground.cli_of(others[0]).json(&["cluster", "remove-node", &leader.to_string()]);
    let mut left = others.clone();
    left.push(4);
    assert_eq!(voters(&members), vec![left.clone(); 4], "a node that led is let go");
    // It was not told, asks for votes, and is refused whatever certificate it has (T15).
    wait_for("the removed node is refused", Duration::from_secs(30), || {
        let refused = |id: &u64| playground.node_log(*id).contains("refused a node that was removed");
        left.iter().any(refused).then_some(())
    });
    // Whoever got no answer gives the command again: what is done is done, and nothing else changes.
    let again = playground.cli_of(others[0]).json(&["cluster", "remove-node", &leader.to_string()]);
    assert_eq!(again, members, "a node that was removed is removed");
    let (id, address) = (leader.to_string(), playground.node(leader).grpc);
    let ran = playground.cli_of(others[0]).run(&["cluster", "add-node", &id, &address]);
    ran.fails(2, &["node: ", "never used again"]);
    playground.kill(leader);
    writes_and_finds(&playground, 3, &left).await;

    let follower = others[1];
    for (group, to) in GROUPS.iter().map(|group| (group, others[0].to_string())) {
        cli.json(&["cluster", "transfer-leader", group, "--to", &to]);
    }
    let members = playground.cli_of(others[0]).json(&["cluster", "remove-node", &follower.to_string()]);
    let left = vec![others[0], 4];
    assert_eq!(voters(&members), vec![left.clone(); 4], "a node that followed is let go");
    playground.kill(follower);
    writes_and_finds(&playground, 4, &left).await;
    let members = cli.json(&["cluster", "members"]);
    assert_eq!(members["nodes"].as_array().unwrap().len(), 2, "{members}");
    assert!(playground.cli_of(4).json(&["audit", "verify"])["ok"].as_bool().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_grew_comes_back_whole_after_a_stop() {
    let mut playground = Playground::start();
    writes_and_finds(&playground, 1, &[1]).await;
    add_fourth(&playground);
    playground.stop();
    playground.start_again();
    playground.wait_ready(4);
    writes_and_finds(&playground, 2, &[1, 2, 3, 4]).await;
}

#[test]
fn the_lead_is_handed_to_the_node_that_was_named() {
    let playground = Playground::start();
    let cli = playground.cli();
    for group in GROUPS {
        for to in [1_u64, 2, 3] {
            let answer = cli.json(&["cluster", "transfer-leader", group, "--to", &to.to_string()]);
            assert_eq!(answer, json!({ "group": group, "leader": to }));
            let stands = |node| {
                wait_for("each node knows", Duration::from_secs(5), || {
                    (playground.group_at(node, group)["leader"] == to).then_some(())
                })
            };
            (1..=3).for_each(stands);
        }
    }
    cli.run(&["cluster", "transfer-leader", "records-0", "--to", "9"]).fails(2, &["to: ", "node 9 is no voter"]);
    cli.run(&["cluster", "transfer-leader", "records-7", "--to", "1"]).fails(3, &["records-7"]);
    let members = cli.json(&["cluster", "members"]);
    cli.run(&["cluster", "remove-node", "9"]).fails(2, &["node: node 9 is no member"]);
    assert_eq!(cli.json(&["cluster", "members"])["groups"], members["groups"]);
    cli.run(&["cluster", "add-node", "4", "127.0.0.1:1"]).fails(2, &["address: ", "no node answers", "--join"]);
}
