//! Questions to the audit, and the report of what one person did (F60, F61).

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_tests::{Cli, Playground, wait_for};
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(10);

fn search(cli: &Cli, question: &[&str]) -> Vec<Value> {
    cli.run(&[&["audit", "search"], question].concat()).ok().lines()
}

/// The events of a question by kind, in their order.
fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["kind"].as_str().unwrap()).collect()
}

#[test]
fn f61_what_a_person_did_and_who_did_something_to_a_record_is_found_and_reported() {
    let playground = Playground::start();
    let cli = playground.cli();
    let create = [
        "lookout",
        "create",
        "--name",
        "Isolde Brandywine",
        "--document",
        "Z7-71",
        "--action",
        "refer",
        "--reason",
        "r",
    ];
    let id = cli.json(&create)["id"].as_str().unwrap().to_string();
    cli.json(&["screen", "--name", "Isolde Brandywine", "--freshness", "linearizable"]);
    cli.json(&["screen", "--document", "z7 71", "--freshness", "linearizable"]);
    cli.json(&["screen", "--name", "Somebody Else"]);
    cli.json(&["lookout", "get", &id]);
    cli.run(&["lookout", "get", &"1".repeat(32)]).fails(3, &[]);
    // The event of a change comes by the outbox.
    let of_record = wait_for("all events are in the log", WITHIN, || {
        let events = search(&cli, &["--record", &id]);
        (events.len() == 4).then_some(events)
    });
    let mut found = kinds(&of_record);
    found.sort_unstable();
    assert_eq!(found, ["create", "query", "query", "record-view"], "who changed, found and looked at it");

    // By name whatever its order and writing, by number likewise.
    let named = search(&cli, &["--name", "BRANDYWINE,  isolde"]);
    assert_eq!(named.iter().filter(|event| event["kind"] == "query").count(), 1);
    assert_eq!(kinds(&search(&cli, &["--number", "Z 771", "--kind", "query"])), ["query"]);
    assert_eq!(search(&cli, &["--name", "Nobody Whom Anybody Asked About"]), [json!(null); 0]);
    let both = ["--name", "Isolde Brandywine", "--record", &id, "--kind", "query", "--user", "officer"];
    assert_eq!(kinds(&search(&cli, &both)), ["query"]);
    assert_eq!(search(&cli, &["--record", &id, "--user", "somebody"]), [json!(null); 0]);

    // A session is numbered without a gap, and nobody else's events are in it.
    let session = of_record.iter().find(|event| event["kind"] == "query").unwrap()["session"].as_str().unwrap();
    let of_session = search(&cli, &["--session", session]);
    let numbers: Vec<u64> = of_session.iter().map(|event| event["session_sequence"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    assert_eq!(
        of_session.iter().map(|event| event["user"].as_str().unwrap()).collect::<BTreeSet<_>>(),
        ["officer"].into()
    );
    assert!(kinds(&of_session).contains(&"log-on"), "it begins with its log-on: {:?}", kinds(&of_session));
    let query = of_session.iter().find(|event| event["kind"] == "query").unwrap();
    assert_eq!((&query["function"], &query["category"]), (&json!("primary-query"), &json!("general")));
    assert_eq!(query["policies_sha256"].as_str().map(str::len), Some(64));
    assert!(
        query["decided_on"]["profile_version"].as_u64() >= Some(1) && query["answer_bytes"].as_u64() > Some(0),
        "{query}"
    );

    // Page by page it is the same, also where the log grows meanwhile.
    let officer = ["--user", "officer"];
    let whole = search(&cli, &officer);
    let (mut paged, mut from) = (Vec::new(), 0);
    for _ in 0..whole.len() {
        let from_text = from.to_string();
        paged.extend(search(&cli, &[&officer[..], &["--limit", "1", "--from", &from_text]].concat()));
        from = paged.last().unwrap()["index"].as_u64().unwrap() + 1;
    }
    assert_eq!(paged, whole);
    let middle = whole[whole.len() / 2]["recorded_at"].as_str().unwrap();
    let (before, after) = (
        search(&cli, &["--user", "officer", "--until", middle]),
        search(&cli, &["--user", "officer", "--since", middle]),
    );
    assert_eq!([before, after].concat(), whole);
    let refused = search(&cli, &["--verdict", "refused", "--user", "officer"]);
    let missed = refused.iter().find(|event| event["code"] == "no-record-available").unwrap();
    assert_eq!(missed["session"], session, "a refusal is of its session like an answer");

    let activity = cli.json(&["audit", "activity", "officer"]);
    assert_eq!(activity["events"], whole.len());
    assert_eq!(activity["kinds"]["query"], 3);
    let sessions = activity["sessions"].as_array().unwrap();
    assert!(sessions.iter().any(|one| one["session"] == session && one["events"] == of_session.len()), "{activity}");
    assert!(
        activity["asked"]
            .as_array()
            .unwrap()
            .contains(&json!({ "field": "name", "value": "Somebody Else", "times": 1 }))
    );
    assert!(activity["found"].as_array().unwrap().contains(&json!({ "id": id, "times": 3 })), "{activity}");
    assert!(
        activity["changed"]
            .as_array()
            .unwrap()
            .iter()
            .any(|changed| changed["id"] == id && changed["change"] == "created")
    );
    assert!(activity["refused"].as_array().unwrap().iter().any(|one| one["code"] == "no-record-available"));

    for (question, part) in [
        (&["--kind", "nonsense"][..], "kinds"),
        (&["--record", "x"], "record"),
        (&["--session", "x"], "session"),
        (&["--since", "yesterday"], "since"),
        (&["--name", " , "], "name"),
    ] {
        cli.run(&[&["audit", "search"], question].concat()).fails(2, &[part]);
    }
    // What a record that the auditor may not see is about, no name tells him: he meets the change by its time alone, without its words.
    let hidden = ["lookout", "create", "--name", "Silvana Marchetti", "--level", "3", "--label", "C:CBP/task-force"];
    let hidden = playground.cli_as("supervisor").json(&[&hidden[..], &["--action", "refer", "--reason", "r"]].concat());
    let hidden = hidden["id"].as_str().unwrap();
    let change = wait_for("the change is in the log", WITHIN, || search(&cli, &["--record", hidden]).pop());
    assert_eq!((&change["kind"], change["changes"][0]["id"].as_str()), (&json!("create"), Some(hidden)));
    assert!(!change["terms"].to_string().contains("Silvana"), "{change}");
    assert_eq!(kinds(&search(&cli, &["--name", "Silvana Marchetti"])), ["audit-read"; 0]);

    // Whoever may not read the audit asks it nothing, and that is an event as well.
    playground.cli_as("officer").run(&["audit", "search", "--user", "auditor"]).fails(7, &["FUNC"]);
    assert!(
        search(&cli, &["--kind", "audit-read", "--verdict", "refused"]).iter().any(|event| event["user"] == "officer")
    );
}
