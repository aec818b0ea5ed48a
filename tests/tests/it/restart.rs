//! A cluster that stopped, in order or all at once, has everything that it ever acknowledged when it is back.

use client::v1;
use portcullis_tests::{Playground, generate_lists, question_named, wanted};
use serde_json::{Value, json};

async fn create(playground: &Playground, number: usize) -> (String, String) {
    let document = format!("R{number:07}");
    let lookout = Some(wanted("Ruprecht Vantongeren", &document));
    let message = v1::CreateLookoutRequest { lookout, ..Default::default() };
    (playground.client().create_lookout(message).await.unwrap().id, document)
}

async fn all_are_there(playground: &Playground, written: &[(String, String)]) {
    for node in 1..=3 {
        playground.wait_ready(node);
        let client = playground.client_of(node);
        for (id, document) in written {
            let record = client.get_lookout(v1::GetLookoutRequest { id: id.clone(), version: 0 }).await.unwrap();
            assert_eq!(&record.lookout.unwrap().documents[0].number, document);
            let question = v1::ScreenRequest { document: document.clone(), ..question_named("", "linearizable") };
            assert_eq!(&client.screen(question).await.unwrap().hits[0].id, id);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_was_stopped_in_order_finds_everything_again() {
    let mut playground = Playground::start();
    let lists = generate_lists(&playground.path("lists"), 1_000, 5);
    let list = lists.file("list.csv");
    let import = ["import", "--format", "csv", "--source", "synthetic", list.as_str()];
    assert_eq!(playground.cli().json(&import)["created"], 1_000);
    let mut written = Vec::new();
    for number in 0..20 {
        written.push(create(&playground, number).await);
    }
    let screen = ["screen", "--document", "R0000003", "--freshness", "linearizable"];
    let answer = playground.cli().json(&screen);
    let before = playground.cli().json(&["audit", "verify"]);
    let nodes = playground.nodes();
    playground.stop();

    playground.start_again();
    let addresses = |nodes: &[portcullis_tests::Node]| -> Vec<_> {
        nodes.iter().map(|node| (node.id, node.grpc.clone(), node.http.clone())).collect()
    };
    assert_eq!(addresses(&playground.nodes()), addresses(&nodes), "the same cluster");
    all_are_there(&playground, &written).await;
    let cli = playground.cli();
    assert_eq!(cli.json(&screen)["hits"], answer["hits"]);
    assert_eq!(cli.json(&import)["unchanged"], 1_000, "the list is there whole");
    let after = cli.json(&["audit", "verify"]);
    assert_eq!(after["consistent_with"], json!({ "size": before["size"], "root": before["root"] }));
    let receipt = answer["audit"]["receipt"].as_str().unwrap();
    assert_eq!(cli.run(&["audit", "tail", "--receipt", receipt]).ok().lines().len(), 1);
    playground.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_killed_at_once_in_all_its_processes_has_every_acknowledged_write() {
    let mut playground = Playground::start();
    let mut written = Vec::new();
    let mut verified = Value::Null;
    for turn in 0..3 {
        for number in 0..30 {
            written.push(create(&playground, turn * 100 + number).await);
        }
        // Nothing between the last acknowledgement and the kill.
        playground.kill_all();
        playground.start_again();
        all_are_there(&playground, &written).await;
        let now = playground.cli().json(&["audit", "verify"]);
        if verified != Value::Null {
            assert_eq!(now["consistent_with"]["root"], verified["root"]);
        }
        verified = now;
    }
    let events = playground.cli().run(&["audit", "tail", "--limit", "1000"]).ok().lines();
    assert!(!events.is_empty());
}

#[test]
fn a_second_playground_on_the_same_directory_is_refused() {
    let playground = Playground::start();
    let data = playground.data_dir().to_string_lossy().into_owned();
    playground.cli().run(&["playground", "--data-dir", &data]).fails(1, &["a playground runs on", "already"]);
    playground.cli().run(&["playground", "restart-node", "2"]).fails(1, &["node 2 is running"]);
    playground.cli().run(&["playground", "restart-node", "7"]).fails(1, &["there is no node 7; nodes are 1, 2, 3"]);
    playground.cli().json(&["cluster", "status"]);
}
