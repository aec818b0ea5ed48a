//! Lookouts by hand: created, read, changed under the version that was seen, removed, listed; and found at once.

use std::collections::BTreeSet;

use client::{ErrorKind, v1};
use portcullis_tests::{Playground, question_named, wanted};
use serde_json::{Value, json};

#[test]
fn a_lookout_is_created_changed_under_its_version_and_removed_and_its_history_stays() {
    let playground = Playground::start();
    let cli = playground.cli();
    let created = cli.json(&[
        "lookout",
        "create",
        "--name",
        "Ottokar Pfefferkorn",
        "--alias",
        "Otto P.",
        "--dob",
        "1970-01-02",
        "--nationality",
        "DEU",
        "--document",
        "passport:C01X00T47:DEU",
        "--action",
        "refer",
        "--reason",
        "warrant 17",
    ]);
    assert_eq!((&created["version"], &created["change"]), (&json!(1), &json!("created")));
    let id = created["id"].as_str().unwrap();
    let record = cli.json(&["lookout", "get", id]);
    assert_eq!((&record["state"], &record["owner"]), (&json!("active"), &json!("CBP")));
    assert_eq!(record["lookout"]["birth_dates"], json!(["1970-01-02"]));
    assert_eq!(record["lookout"]["documents"][0]["number"], "C01X00T47");

    let changed = cli.json(&["lookout", "update", id, "--expected-version", "1", "--action", "armed-and-dangerous"]);
    assert_eq!((&changed["version"], &changed["change"]), (&json!(2), &json!("updated")));
    cli.run(&["lookout", "update", id, "--expected-version", "1", "--reason", "another"])
        .fails(7, &["error[stale-version]", "version 2"]);
    cli.run(&["lookout", "remove", id, "--expected-version", "1"]).fails(7, &["error[stale-version]"]);
    let removed = cli.json(&["lookout", "remove", id, "--expected-version", "2"]);
    assert_eq!(removed["change"], "removed");
    assert_eq!(cli.json(&["lookout", "get", id])["state"], "removed");
    assert_eq!(cli.json(&["lookout", "get", id, "--version", "1"])["lookout"]["action"], "refer");

    let versions = cli.run(&["lookout", "history", id, "--all"]).ok().lines();
    let versions: Vec<_> = versions.iter().map(|v| (v["version"].as_u64().unwrap(), v["state"].clone())).collect();
    assert_eq!(versions, [(3, json!("removed")), (2, json!("active")), (1, json!("active"))]);
    let page = cli.json(&["lookout", "history", id, "--page-size", "2"]);
    assert_eq!((page["versions"].as_array().unwrap().len(), &page["next_before_version"]), (2, &json!(2)));
    cli.run(&["lookout", "get", &"0".repeat(32)]).fails(3, &["no record available"]);
    let screened = cli.json(&["screen", "--document", "C01X00T47", "--freshness", "linearizable"]);
    assert_eq!(screened["hits"], json!([]), "what is removed is not looked for");
}

#[test]
fn the_same_request_id_twice_is_applied_once() {
    let playground = Playground::start();
    let cli = playground.cli();
    let create = ["lookout", "create", "--name", "Wilhelmina Oyelaran", "--action", "refer", "--reason", "once"];
    let first = cli.json(&create);
    let request = first["request_id"].as_str().unwrap();
    let mut repeat = create.to_vec();
    repeat.extend(["--request-id", request]);
    // Through each node, since each must know what any other has applied.
    for node in 1..=3 {
        assert_eq!(playground.cli_of(node).json(&repeat), first);
    }
    let all = cli.run(&["lookout", "list", "--all"]).ok().lines();
    assert_eq!(all.len(), 1, "{all:?}");
    let id = first["id"].as_str().unwrap();
    let update = ["lookout", "update", id, "--expected-version", "1", "--reason", "changed"];
    let changed = cli.json(&update);
    assert_eq!(changed["version"], 2);
    let mut repeat = update.to_vec();
    repeat.extend(["--request-id", changed["request_id"].as_str().unwrap()]);
    assert_eq!(cli.json(&repeat), changed, "answered again, not refused as stale");
    assert_eq!(cli.json(&["lookout", "get", id])["version"], 2);
}

#[test]
fn a_list_is_paged_without_gap_or_double() {
    let playground = Playground::start();
    let cli = playground.cli();
    let lists = portcullis_tests::generate_lists(&playground.path("lists"), 25, 3);
    cli.json(&["import", "--format", "csv", "--source", "paged", &lists.file("list.csv")]);
    cli.json(&["lookout", "create", "--name", "Not Of The List", "--action", "refer", "--reason", "r"]);
    let (mut seen, mut token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = cli.json(&["lookout", "list", "--source", "paged", "--page-size", "7", "--page-token", &token]);
        let records = page["lookouts"].as_array().unwrap();
        assert!(records.len() <= 7);
        seen.extend(records.iter().map(|record| record["source_ref"].as_str().unwrap().to_string()));
        pages += 1;
        assert!(pages < 30, "pages end");
        match &page["next_page_token"] {
            Value::Null => break,
            next => token = next.as_str().unwrap().to_string(),
        }
    }
    let different: BTreeSet<&String> = seen.iter().collect();
    assert_eq!((seen.len(), different.len()), (25, 25));
    assert_eq!(cli.run(&["lookout", "list", "--all"]).ok().lines().len(), 26);
    cli.run(&["lookout", "list", "--page-token", "nonsense"]).fails(2, &["page_token"]);
}

/// Pages are bounded by their bytes as well: a page of long records is short, and the list goes on.
#[tokio::test(flavor = "multi_thread")]
async fn long_records_are_listed_whole_in_pages_that_fit_a_message() {
    const RECORDS: usize = 300;
    let playground = Playground::start();
    // Remarks of 7,000 characters and 21,000 bytes: all records together take more than any message may.
    let remarks = "\u{5b57}".repeat(7_000);
    let entry = |number: usize| json!({ "ref": format!("L{number}"), "name": "Long Remarks", "reason": "r", "remarks": format!("{remarks}{number}") });
    let list = (0..RECORDS).map(|number| entry(number).to_string() + "\n").collect::<String>();
    let path = playground.text_path("long.ndjson");
    std::fs::write(&path, &list).unwrap();
    let cli = playground.cli();
    assert_eq!(cli.json(&["import", "--format", "ndjson", "--source", "long", &path])["created"], RECORDS);

    let all = cli.run(&["lookout", "list", "--all"]).ok().lines();
    let numbers: BTreeSet<&str> = all.iter().map(|record| record["source_ref"].as_str().unwrap()).collect();
    assert_eq!((all.len(), numbers.len()), (RECORDS, RECORDS));
    assert!(all.iter().all(|record| record["lookout"]["remarks"].as_str().unwrap().chars().count() > 7_000));

    let client = playground.client();
    let (mut listed, mut page_token, mut pages) = (BTreeSet::new(), String::new(), 0);
    loop {
        let message = v1::ListLookoutsRequest { page_size: 1_000, page_token, ..Default::default() };
        let page = client.list_lookouts(message).await.unwrap();
        listed.extend(page.lookouts.into_iter().map(|record| record.id));
        pages += 1;
        assert!(pages <= RECORDS, "pages end");
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(listed.len(), RECORDS);
    assert!(pages > 1, "more than fits one message came in one page");

    // The versions of one record are a list, too.
    let id = all[0]["id"].as_str().unwrap().to_string();
    for version in 1..=80 {
        let remarks = format!("{remarks}{version}");
        let lookout = Some(v1::Lookout { remarks, ..wanted("Long Remarks", "") });
        let message =
            v1::UpdateLookoutRequest { id: id.clone(), expected_version: version, lookout, ..Default::default() };
        client.update_lookout(message).await.unwrap();
    }
    let versions = cli.run(&["lookout", "history", &id, "--all"]).ok().lines();
    let versions: Vec<u64> = versions.iter().map(|record| record["version"].as_u64().unwrap()).collect();
    assert_eq!(versions, (1..=81).rev().collect::<Vec<_>>());
}

/// NoMissedLookout: between a write's answer and the index there must be no gap that a question falls into.
#[tokio::test(flavor = "multi_thread")]
async fn a_lookout_just_created_is_found_at_once_through_every_node() {
    let playground = Playground::start();
    let writer = playground.client();
    let nodes: Vec<_> = (1..=3).map(|id| playground.client_of(id)).collect();
    for number in 0..30 {
        let (name, document) = (format!("Xantippe {} Quarrington", roman(number)), format!("N{number:07}"));
        let message = v1::CreateLookoutRequest { lookout: Some(wanted(&name, &document)), ..Default::default() };
        let created = writer.create_lookout(message).await.unwrap();
        for node in &nodes {
            let by_name = node.screen(question_named(&name, "linearizable")).await.unwrap();
            assert!(by_name.hits.iter().any(|hit| hit.id == created.id), "{name}: {by_name:?}");
            let question = v1::ScreenRequest { document: document.clone(), ..question_named("", "linearizable") };
            let by_document = node.screen(question).await.unwrap();
            assert_eq!(by_document.hits.first().map(|hit| hit.id.as_str()), Some(created.id.as_str()), "{document}");
        }
        let lookout = Some(wanted(&format!("{name} Junior"), &format!("M{number:07}")));
        let update =
            v1::UpdateLookoutRequest { id: created.id.clone(), expected_version: 1, lookout, ..Default::default() };
        writer.update_lookout(update).await.unwrap();
        for node in &nodes {
            let old = v1::ScreenRequest { document: document.clone(), ..question_named("", "linearizable") };
            assert!(node.screen(old).await.unwrap().hits.is_empty(), "the old number finds nobody");
            let new = v1::ScreenRequest { document: format!("M{number:07}"), ..question_named("", "linearizable") };
            assert_eq!(node.screen(new).await.unwrap().hits.len(), 1, "the new number finds it");
        }
    }
    let missing = writer.get_lookout(v1::GetLookoutRequest { id: "ab".repeat(16), version: 0 }).await;
    assert_eq!(missing.unwrap_err().kind, ErrorKind::NotFound);
}

/// Names that differ by more than a digit, since digits are no part of names.
fn roman(number: usize) -> String {
    let syllables = ["ba", "ko", "li", "mu", "ne", "ro"];
    [number % 6, number / 6 % 6, 5 - number % 6].map(|at| syllables[at]).concat()
}
