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

/// Writes lookouts with the documents of a range of numbers, several at a time.
async fn write(playground: &Playground, numbers: std::ops::Range<usize>) {
    const AT_ONCE: usize = 8;
    let client = playground.client();
    let mut tasks = Vec::new();
    for first in numbers.start..(numbers.start + AT_ONCE).min(numbers.end) {
        let (client, end) = (client.clone(), numbers.end);
        tasks.push(tokio::spawn(async move {
            for number in (first..end).step_by(AT_ONCE) {
                let lookout = Some(wanted("Sieglinde Applegarth", &format!("S{number:07}")));
                client.create_lookout(v1::CreateLookoutRequest { lookout, ..Default::default() }).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

/// Waits until a node has purged its log past an entry, so that who has no more than that needs a checkpoint.
fn purged_past(playground: &Playground, node: u64, group: &str, entry: u64) {
    let what = format!("node {node} purges {group} past {entry}");
    wait_for(&what, Duration::from_secs(20), || {
        (number(&playground.group_at(node, group), "purged") > entry).then_some(())
    });
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
    write(&playground, 0..10).await;
    let away = 3;
    let before: Vec<u64> = GROUPS.iter().map(|group| number(&playground.group_at(away, group), "last_log")).collect();
    playground.kill(away);

    let lists = generate_lists(&playground.path("lists"), 1_000, 5);
    let cli = playground.cli();
    let import = cli.json(&["import", "--format", "csv", "--source", "synthetic", &lists.file("list.csv")]);
    assert_eq!(import["created"], 1_000);
    write(&playground, 100..180).await;
    for other in [1, 2] {
        let taken = playground.cli_of(other).json(&["cluster", "snapshot"]);
        assert_eq!(taken["snapshots"].as_array().unwrap().len(), GROUPS.len());
    }
    let mut goals = Vec::new();
    for (group, before) in GROUPS.iter().zip(&before) {
        goals.push((*group, number(&playground.group_at(1, group), "applied")));
        // Nothing happened in the directory meanwhile; a short log is kept.
        for other in [1, 2].into_iter().filter(|_| *group != "directory") {
            purged_past(&playground, other, group, *before);
        }
    }

    playground.restart(away);
    playground.wait_ready(away);
    catches_up(&playground, away, &goals);
    let records = playground.group_at(away, "records-0");
    assert!(number(&records, "snapshot") > before[1], "by a checkpoint: {records}");
    for document in ["S0000002", "S0000101", "S0000179"] {
        finds_alone(&playground, away, document).await;
    }
    // It serves, leads and survives a restart on what it received.
    cli.json(&["cluster", "transfer-leader", "records-0", "--to", "3"]);
    write(&playground, 200..205).await;
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
    write(&playground, 0..10).await;
    let away = 2;
    let before = number(&playground.group_at(away, "records-1"), "last_log");
    playground.kill(away);
    // The log is purged in pieces of a few hundred entries.
    write(&playground, 100..1_000).await;
    for other in [1, 3] {
        purged_past(&playground, other, "records-1", before);
    }
    let goal = number(&playground.group_at(1, "records-1"), "applied");
    playground.restart(away);
    playground.wait_ready(away);
    catches_up(&playground, away, &[("records-1", goal)]);
    for document in ["S0000000", "S0000100", "S0000999"] {
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
