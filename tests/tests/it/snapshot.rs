//! A node that was away for longer than the log reaches back catches up from a checkpoint.

use std::time::Duration;

use client::v1;
use portcullis_tests::{
    Playground, PlaygroundOptions, generate_lists, program_with_flags, question_named, wait_for, wanted,
};
use serde_json::Value;

const GROUPS: [&str; 4] = ["directory", "records-0", "records-1", "audit-0"];

fn number(group: &Value, field: &str) -> u64 {
    group[field].as_u64().unwrap_or_else(|| panic!("{field} of {group}"))
}

/// What the node that was away must hold when it is back: found by its own copy, without asking the others.
async fn finds_alone(playground: &Playground, node: u64, document: &str) {
    let client = playground.client_of(node);
    let runtime = tokio::runtime::Handle::current();
    wait_for(&format!("node {node} finds {document} by itself"), Duration::from_secs(20), || {
        let question = v1::ScreenRequest { document: document.into(), ..question_named("", "local") };
        let answer = tokio::task::block_in_place(|| runtime.block_on(client.screen(question))).unwrap();
        (answer.hits.len() == 1).then_some(())
    });
}

async fn write(playground: &Playground, from: usize, count: usize) {
    let client = playground.client();
    for number in from..from + count {
        let lookout = Some(wanted("Sieglinde Applegarth", &format!("S{number:07}")));
        client.create_lookout(v1::CreateLookoutRequest { lookout, ..Default::default() }).await.unwrap();
    }
}

fn catches_up(playground: &Playground, node: u64, goals: &[(&str, u64)]) {
    for (group, goal) in goals {
        wait_for(&format!("node {node} applies {goal} of {group}"), Duration::from_secs(30), || {
            (number(&playground.group_at(node, group), "applied") >= *goal).then_some(())
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_away_past_the_purged_log_catches_up_from_a_checkpoint() {
    let playground = Playground::start();
    write(&playground, 0, 5).await;
    let away = 3;
    let before: Vec<u64> = GROUPS.iter().map(|group| number(&playground.group_at(away, group), "last_log")).collect();
    playground.kill(away);

    let lists = generate_lists(&playground.path("lists"), 1_000, 5);
    let cli = playground.cli();
    let import = cli.json(&["import", "--format", "csv", "--source", "synthetic", &lists.file("list.csv")]);
    assert_eq!(import["created"], 1_000);
    write(&playground, 100, 20).await;
    let (mut goals, mut purged_past) = (Vec::new(), 0);
    for other in [1, 2] {
        let taken = playground.cli_of(other).json(&["cluster", "snapshot"]);
        assert_eq!(taken["snapshots"].as_array().unwrap().len(), GROUPS.len());
    }
    for (group, before) in GROUPS.iter().zip(&before) {
        let goal = number(&playground.group_at(1, group), "applied");
        for other in [1, 2] {
            let purged = wait_for(&format!("node {other} purges {group}"), Duration::from_secs(10), || {
                let group = playground.group_at(other, group);
                (number(&group, "purged") + 5 >= number(&group, "snapshot")).then(|| number(&group, "purged"))
            });
            purged_past += u64::from(purged > *before);
        }
        goals.push((*group, goal));
    }
    assert_eq!(purged_past, 6, "records and audit are purged past what the node has, at both others");

    playground.restart(away);
    playground.wait_ready(away);
    catches_up(&playground, away, &goals);
    let records = playground.group_at(away, "records-0");
    assert!(number(&records, "snapshot") > before[1], "by a checkpoint: {records}");
    for document in ["S0000002", "S0000101", "S0000119"] {
        finds_alone(&playground, away, document).await;
    }
    // It serves, leads and survives a restart on what it received.
    cli.json(&["cluster", "transfer-leader", "records-0", "--to", "3"]);
    write(&playground, 200, 5).await;
    playground.kill(away);
    playground.restart(away);
    playground.wait_ready(away);
    for document in ["S0000101", "S0000204"] {
        finds_alone(&playground, away, document).await;
    }
    assert!(playground.cli_of(away).json(&["audit", "verify"])["ok"].as_bool().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_are_taken_by_themselves_and_bring_back_a_node_that_was_away() {
    let dir = tempfile::tempdir().unwrap();
    let node_program = Some(program_with_flags(dir.path(), "--snapshot-entries 40 --keep-entries 5"));
    let mut playground = Playground::start_with(PlaygroundOptions { node_program, ..Default::default() });
    write(&playground, 0, 5).await;
    let away = 2;
    let before = number(&playground.group_at(away, "records-1"), "last_log");
    playground.kill(away);
    write(&playground, 100, 240).await;
    let goal = wait_for("records-1 is snapshotted and purged", Duration::from_secs(20), || {
        let group = playground.group_at(1, "records-1");
        (number(&group, "purged") > before + 5).then(|| number(&group, "applied"))
    });
    playground.restart(away);
    playground.wait_ready(away);
    catches_up(&playground, away, &[("records-1", goal)]);
    for document in ["S0000000", "S0000100", "S0000339"] {
        finds_alone(&playground, away, document).await;
    }
    // What a checkpoint brought is found after a stop in order, too.
    playground.stop();
    playground.start_again();
    for node in 1..=3 {
        finds_alone(&playground, node, "S0000250").await;
    }
    assert!(playground.cli().json(&["audit", "verify"])["ok"].as_bool().unwrap());
}
