//! The audit log: every question, answer, refusal and change stands in it, and no stored byte changes unseen.

use std::path::Path;
use std::time::Duration;

use client::v1;
use portcullis_tests::{CsvList, Playground, Rng, files_below, seed, wait_for, wanted};
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
    wait_for("the change and its refusal are events", Duration::from_secs(5), || {
        (stands("create", "changed", Value::Null) && stands("remove", "refused", json!("stale-version"))).then_some(())
    });
}

/// What a refused request was about stands in its event, or nobody could tell what was tried.
#[test]
fn a_refusal_names_what_was_asked_for() {
    let playground = filled();
    let cli = playground.cli();
    let (missing, malformed) = ("1".repeat(32), "not-an-id");
    let get = |id: &str| v1::GetLookoutRequest { id: id.into(), version: 0 };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let client = playground.client();
    runtime.block_on(client.get_lookout(get(&missing))).unwrap_err();
    runtime.block_on(client.get_lookout(get(malformed))).unwrap_err();
    let update = |id: &str| v1::UpdateLookoutRequest {
        id: id.into(),
        expected_version: 9,
        lookout: Some(wanted("Isolde Brandywine", "")),
        ..Default::default()
    };
    let there = cli.json(&["screen", "--document", "Z7", "--freshness", "linearizable"])["hits"][0]["id"].clone();
    let there = there.as_str().unwrap();
    runtime.block_on(client.update_lookout(update(&missing))).unwrap_err();
    runtime.block_on(client.update_lookout(update(malformed))).unwrap_err();
    runtime.block_on(client.update_lookout(update(there))).unwrap_err();
    cli.run(&["lookout", "remove", there, "--expected-version", "8"]).fails(7, &["stale-version"]);

    for (kind, id, code) in [
        ("record-view", missing.as_str(), "no-record-available"),
        ("record-view", malformed, "invalid"),
        ("update", missing.as_str(), "no-record-available"),
        ("update", malformed, "invalid"),
        ("update", there, "stale-version"),
        ("remove", there, "stale-version"),
    ] {
        let what = format!("the refused {kind} of {id} is an event with its id and {code}");
        // Refusals in the log come through the outbox of their group.
        wait_for(&what, Duration::from_secs(10), || {
            let events = cli.run(&["audit", "tail", "--limit", "50"]).ok().lines();
            let names = |event: &Value| {
                let terms = event["terms"].as_array().unwrap();
                event["kind"] == kind
                    && event["verdict"] == "refused"
                    && event["code"] == code
                    && terms.contains(&json!({ "field": "id", "value": id }))
            };
            events.iter().any(names).then_some(())
        });
    }
}

#[test]
fn every_step_of_an_import_is_an_event_also_where_nothing_changed() {
    let playground = Playground::start();
    let cli = playground.cli();
    let list =
        CsvList::default().row("S1", "Seraphina Okkerse", "1959", "").row("S2", "Thaddeus Wrzesniewski", "1958", "");
    let list = list.write(&playground.path("list.csv"));
    let import = || cli.json(&["import", "--format", "csv", "--source", "steps", &list]);
    let steps = || -> Vec<(String, String)> {
        let events = cli.run(&["audit", "tail", "--limit", "1000"]).ok().lines();
        // The commands of a step leave events of their own in their groups; those have no step among their terms or
        // have changes.
        let of_list = events.into_iter().filter(|event| event["kind"] == "import" && event["source"] == "steps");
        let step = |event: &Value| {
            let terms = event["terms"].as_array().unwrap();
            Some(terms.iter().find(|term| term["field"] == "step")?["value"].as_str().unwrap().to_string())
        };
        let released = of_list.filter(|event| event["changes"] == json!([]));
        released.filter_map(|event| Some((step(&event)?, event["verdict"].as_str().unwrap().to_string()))).collect()
    };
    let holds = |steps: &[(String, String)], step: &str, verdict: &str| {
        steps.iter().any(|(one, its)| one == step && its == verdict)
    };
    assert_eq!(import()["created"], 2);
    let first = steps();
    assert!(holds(&first, "begin", "unchanged") && holds(&first, "batch", "changed"), "{first:?}");
    assert!(holds(&first, "finish", "unchanged"), "{first:?}");
    assert_eq!(import()["unchanged"], 2);
    let second = steps();
    let new = &second[first.len()..];
    for step in ["begin", "batch", "finish"] {
        assert!(holds(new, step, "unchanged"), "{step} of the second import: {new:?}");
        assert!(!holds(new, step, "changed"), "{step} of the second import: {new:?}");
    }
}

/// An end that is refused is a step, too, and its event says of which list.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_step_of_an_import_is_an_event_that_names_its_list() {
    let playground = Playground::start();
    let client = playground.client();
    let mut session = client.begin_import("refused-list", &"d4".repeat(16)).await.unwrap();
    session.finish().await.unwrap_err();
    let events = playground.cli().run(&["audit", "tail", "--limit", "50"]).ok().lines();
    let refused = events.iter().find(|event| event["kind"] == "import" && event["verdict"] == "refused");
    let refused = refused.unwrap_or_else(|| panic!("no refused step: {events:?}"));
    let terms = refused["terms"].as_array().unwrap();
    assert!(terms.contains(&json!({ "field": "step", "value": "finish" })), "{refused}");
    assert_eq!(refused["source"], "refused-list", "{refused}");
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
    let files = files_below(&out);
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
