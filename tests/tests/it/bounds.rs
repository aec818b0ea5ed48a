//! What a node may cost: memory with a real list in it, and processor time while nothing happens.

use std::time::Duration;

use client::v1;
use portcullis_tests::{
    Playground, PlaygroundOptions, memory, processor_time, question_named, wait_for, workspace_root,
};

/// The bound on a node's memory with the OFAC list.
const MEMORY_MAX: u64 = 300 << 20;
/// The bound on an idle node with six groups: a share of one processor, in percent.
const IDLE_PERCENT_MAX: f64 = 3.0;
const IDLE_WINDOW: Duration = Duration::from_secs(10);
const QUESTIONS: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_the_ofac_list_keeps_within_its_memory() {
    let ofac = workspace_root().join("../shared/data/ofac");
    let Ok(list) = std::fs::read(ofac.join("sdn.csv")) else {
        println!("skipped: {} has no sdn.csv", ofac.display());
        return;
    };
    // Names from all over the list, as it stands there: questions that find something touch the most.
    let list = String::from_utf8_lossy(&list).into_owned();
    let names: Vec<&str> = list.lines().filter_map(|line| line.split('"').nth(1)).collect();
    let names: Vec<&str> = names.iter().step_by((names.len() / QUESTIONS).max(1)).take(QUESTIONS).copied().collect();
    assert!(names.len() > QUESTIONS / 2, "{} names", names.len());

    let playground = Playground::start();
    let imported = playground.cli().json(&["import", "--format", "ofac-sdn", &ofac.to_string_lossy()]);
    assert!(imported["read"].as_u64().unwrap() >= 8_976, "{imported}");
    let clients: Vec<_> = (1..=3).map(|node| playground.client_of(node)).collect();
    let mut found = 0;
    for (at, name) in names.iter().enumerate() {
        let freshness = ["local", "linearizable"][at % 2];
        let answer = clients[at % 3].screen(question_named(name, freshness)).await.unwrap();
        found += usize::from(!answer.hits.is_empty());
    }
    println!("{found} of {} questions found something", names.len());
    playground.caught_up();
    for node in playground.nodes() {
        let (now, most) = memory(node.pid);
        println!("node {}: {} MB now, {} MB at most", node.id, now >> 20, most >> 20);
        assert!(now < MEMORY_MAX, "node {} holds {now} bytes", node.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_node_of_six_groups_hardly_uses_a_processor() {
    let options = PlaygroundOptions { records_groups: 4, ..Default::default() };
    let playground = Playground::start_with(options);
    let client = playground.client();
    let lookout = Some(portcullis_tests::wanted("Idle Hands", "I0000001"));
    client.create_lookout(v1::CreateLookoutRequest { lookout, ..Default::default() }).await.unwrap();
    client.screen(question_named("Idle Hands", "linearizable")).await.unwrap();
    playground.caught_up();
    let nodes = playground.nodes();
    assert_eq!(playground.administrator().status().await.unwrap().groups.len(), 6);
    let percent = |window: Duration| -> Vec<f64> {
        let before: Vec<Duration> = nodes.iter().map(|node| processor_time(node.pid)).collect();
        // The length of a measurement, not a wait for something to happen.
        std::thread::sleep(window);
        let used = nodes.iter().zip(before).map(|(node, before)| processor_time(node.pid) - before);
        used.map(|used| used.as_secs_f64() / window.as_secs_f64() * 100.0).collect()
    };
    // What follows a start, such as the storage engine's own tidying, ends by itself.
    wait_for("the nodes are at rest", Duration::from_secs(60), || {
        percent(Duration::from_secs(1)).iter().all(|percent| *percent < 2.0 * IDLE_PERCENT_MAX).then_some(())
    });
    let idle = percent(IDLE_WINDOW);
    println!("idle nodes use {idle:.1?} % of a processor");
    assert!(idle.iter().all(|percent| *percent < IDLE_PERCENT_MAX), "idle nodes use {idle:.1?} %");
}
