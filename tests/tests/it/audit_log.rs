//! The audit log: every question, answer, refusal and change stands in it, and no stored byte changes unseen.

use std::path::Path;

use portcullis_tests::{Playground, Rng, seed};
use serde_json::{Value, json};

fn filled() -> Playground {
    let playground = Playground::start();
    let cli = playground.cli();
    cli.json(&[
        "lookout",
        "create",
        "--name",
        "Isolde Brandywine",
        "--document",
        "Z7",
        "--action",
        "refer",
        "--reason",
        "r",
    ]);
    for _ in 0..10 {
        cli.json(&["screen", "--name", "Isolde Brandywine"]);
    }
    playground
}

#[test]
fn questions_answers_refusals_and_changes_are_events_with_who_and_what() {
    let playground = filled();
    let cli = playground.cli();
    let answer = cli.json(&["screen", "--document", "Z7", "--freshness", "linearizable"]);
    let receipt = answer["audit"]["receipt"].as_str().unwrap();
    let id = answer["hits"][0]["id"].as_str().unwrap();
    let events = cli.run(&["audit", "tail", "--receipt", receipt]).ok().lines();
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!(
        (&event["kind"], &event["verdict"], &event["receipt"]),
        (&json!("query"), &json!("answered"), &json!(receipt))
    );
    let who = ["user", "agency", "port", "purpose"].map(|field| event[field].as_str().unwrap());
    assert_eq!(who, ["officer", "CBP", "2404", "primary"]);
    assert_eq!(event["results"], json!([{ "id": id, "version": 1, "score": answer["hits"][0]["score"] }]));
    assert!(event["terms"].as_array().unwrap().contains(&json!({ "field": "document", "value": "Z7" })), "{event}");
    assert_eq!(event["answer_sha256"].as_str().unwrap().len(), 64);

    cli.run(&["lookout", "remove", id, "--expected-version", "9"]).fails(7, &["stale-version"]);
    cli.run(&["lookout", "get", &"1".repeat(32)]).fails(3, &[]);
    let stands = |kind: &str, verdict: &str, code: Value| {
        let events = cli.run(&["audit", "tail", "--limit", "50"]).ok().lines();
        events.iter().any(|event| event["kind"] == kind && event["verdict"] == verdict && event["code"] == code)
    };
    assert!(stands("record-view", "refused", json!("no-record-available")));
    // The events of changes go through the outbox of their group.
    portcullis_tests::wait_for("the change and its refusal are events", std::time::Duration::from_secs(5), || {
        (stands("create", "changed", Value::Null) && stands("remove", "refused", json!("stale-version"))).then_some(())
    });
}

#[test]
fn the_log_verifies_only_grows_and_leaves_no_answer_without_its_event() {
    let playground = filled();
    let cli = playground.cli();
    let first = cli.json(&["audit", "verify"]);
    assert_eq!((&first["ok"], &first["consistent_with"]), (&json!(true), &Value::Null));
    cli.json(&["screen", "--name", "Somebody Else"]);
    let second = cli.json(&["audit", "verify"]);
    assert_eq!(second["consistent_with"], json!({ "size": first["size"], "root": first["root"] }));
    assert!(second["size"].as_u64() > first["size"].as_u64());
    // A memory of another log than this one cannot be extended to it.
    let remembered = playground.path("data/context.json.checkpoints");
    let text = std::fs::read_to_string(&remembered).unwrap();
    let root = second["root"].as_str().unwrap();
    std::fs::write(&remembered, text.replace(root, &root.chars().rev().collect::<String>())).unwrap();
    cli.run(&["audit", "verify"]).fails(6, &["verification failed"]);
}

#[test]
fn an_export_verifies_offline_and_no_byte_of_it_changes_unseen() {
    let mut playground = filled();
    let out = playground.path("export");
    let out_text = out.to_string_lossy().into_owned();
    let exported = playground.cli().json(&["audit", "export", "--out", &out_text]);
    playground.stop();
    // Offline, and without a context.
    let verify = || portcullis_tests::Cli::new().run(&["audit", "verify", "--dir", &out_text]);
    let verified = verify().ok().json();
    assert_eq!((&verified["ok"], &verified["root"]), (&json!(true), &exported["root"]));

    let mut rng = Rng(seed());
    let files: Vec<_> = std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len() as u64, exported["files"].as_u64().unwrap());
    for turn in 0..40 {
        let path: &Path = &files[turn % files.len()];
        let bytes = std::fs::read(path).unwrap();
        let mut altered = bytes.clone();
        let at = rng.below(bytes.len());
        altered[at] ^= 1 << rng.below(8);
        std::fs::write(path, &altered).unwrap();
        let ran = verify().fails(6, &["verification failed"]);
        assert_eq!(ran.json()["ok"], false, "byte {at} of {}", path.display());
        std::fs::write(path, &bytes).unwrap();
    }
    verify().ok();
}
