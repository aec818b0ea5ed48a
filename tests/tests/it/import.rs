//! The main job: a list goes in, travellers are found, a newer list changes exactly the difference, all of it audited.

use client::{ErrorKind, v1};
use portcullis_tests::{CsvList, Playground, generate_lists, wanted};
use serde_json::{Value, json};

fn counts(summary: &Value) -> [u64; 6] {
    ["read", "created", "updated", "unchanged", "removed", "rejected"]
        .map(|field| summary[field].as_u64().unwrap_or_else(|| panic!("{field} of {summary}")))
}

#[test]
fn a_generated_list_goes_in_once_and_its_travellers_are_found() {
    let playground = Playground::start();
    let cli = playground.cli();
    let lists = generate_lists(&playground.path("lists"), 2_000, 7);
    let list = lists.file("list.csv");
    let import = ["import", "--format", "csv", "--source", "synthetic", &list];
    assert_eq!(counts(&cli.json(&import)), [2_000, 2_000, 0, 0, 0, 0]);
    // The same entries in the other form: nothing changes either.
    assert_eq!(counts(&cli.json(&import)), [2_000, 0, 0, 2_000, 0, 0]);
    let lines = lists.file("list.ndjson");
    let again = cli.json(&["import", "--format", "ndjson", "--source", "synthetic", &lines]);
    assert_eq!(counts(&again), [2_000, 0, 0, 2_000, 0, 0]);

    // The batch asks any node, and locally.
    playground.caught_up();
    let answers = playground.text_path("answers.ndjson");
    let summary = cli.json(&["batch", "--in", &lists.file("travellers.csv"), "--out", &answers]);
    assert_eq!((&summary["rows"], &summary["errors"]), (&json!(200), &json!(0)));
    let answers = std::fs::read_to_string(&answers).unwrap();
    let (mut listed, mut found, mut exact_missed) = (0, 0, Vec::new());
    for (truth, answer) in lists.lines("truth.csv")[1..].iter().zip(answers.lines()) {
        let [row, expected, variation] = truth.split(',').collect::<Vec<_>>()[..] else { panic!("{truth}") };
        let answer: Value = serde_json::from_str(answer).unwrap();
        assert_eq!(answer["row"].to_string(), row);
        if expected.is_empty() {
            continue;
        }
        let hit = answer["hits"].as_array().unwrap().iter().any(|hit| hit["source_ref"] == expected);
        listed += 1;
        found += u64::from(hit);
        if !hit && variation == "exact" {
            exact_missed.push(row.to_string());
        }
    }
    println!("{found} of {listed} listed travellers found");
    assert_eq!(exact_missed, [""; 0], "travellers under their exact name");
    assert!(found * 100 >= listed * 90, "{found} of {listed} listed travellers found");
}

#[test]
fn a_newer_list_changes_exactly_the_difference_and_what_is_gone_stays_in_history() {
    let playground = Playground::start();
    let cli = playground.cli();
    let older = CsvList::default()
        .row("A1", "Anatoly Zubrowski", "1961-02-03", "K1000001")
        .row("A2", "Barbara Quenneville", "1972", "K1000002")
        .row("A3", "Cornelius Ughbaeze", "1983-04", "K1000003")
        .row("A4", "Dagmar Yttergren", "1994-05-06", "K1000004");
    let mut newer = older.clone();
    newer.0[1][2] = "1973".into();
    newer.0.remove(2);
    let newer = newer.row("A5", "Eusebio Xochitlapan", "2001-01-01", "K1000005");
    let (older, newer) = (older.write(&playground.path("older.csv")), newer.write(&playground.path("newer.csv")));
    let import = |path: &str| cli.json(&["import", "--format", "csv", "--source", "watch", path]);
    assert_eq!(counts(&import(&older)), [4, 4, 0, 0, 0, 0]);
    let screened = |document: &str| cli.json(&["screen", "--document", document, "--freshness", "linearizable"]);
    let hit = screened("K1000003")["hits"][0].clone();
    assert_eq!((&hit["source"], &hit["source_ref"]), (&json!("watch"), &json!("A3")));
    let gone = hit["id"].as_str().unwrap().to_string();

    assert_eq!(counts(&import(&newer)), [4, 1, 1, 2, 1, 0]);
    assert_eq!(counts(&import(&newer)), [4, 0, 0, 4, 0, 0]);
    assert_eq!(screened("K1000003")["hits"], json!([]), "removed");
    assert_eq!(screened("K1000005")["hits"][0]["source_ref"], "A5");
    let updated = screened("K1000002")["hits"][0].clone();
    assert_eq!(updated["version"], 2);
    let record = cli.json(&["lookout", "get", updated["id"].as_str().unwrap()]);
    assert_eq!(record["lookout"]["birth_dates"], json!(["1973"]));

    let history = cli.json(&["lookout", "history", &gone]);
    let versions = history["versions"].as_array().unwrap();
    assert_eq!(versions.iter().map(|v| v["state"].as_str().unwrap()).collect::<Vec<_>>(), ["removed", "active"]);
    assert_eq!(versions[1]["lookout"]["names"][0]["full"], "Cornelius Ughbaeze");

    // The removal was a change of the older list's import as well as of the newer: each stands in the audit log.
    let events = cli.run(&["audit", "tail", "--limit", "1000"]).ok().lines();
    let changes: Vec<&Value> =
        events.iter().flat_map(|event| event["changes"].as_array().unwrap()).filter(|c| c["id"] == gone).collect();
    let changes: Vec<_> = changes.iter().map(|c| (c["version"].clone(), c["change"].clone())).collect();
    assert_eq!(changes, [(json!(1), json!("created")), (json!(2), json!("removed"))]);
    let asked = events.iter().filter(|event| event["terms"].to_string().contains("K1000003"));
    assert_eq!(asked.count(), 2, "both questions stand in the log");
    assert!(cli.json(&["audit", "verify"])["ok"].as_bool().unwrap());
}

#[test]
fn an_older_list_removed_by_a_newer_comes_back_as_a_new_version() {
    let playground = Playground::start();
    let cli = playground.cli();
    let both = CsvList::default().row("B1", "Feodora Wickramasinghe", "1950", "K2000001").row(
        "B2",
        "Gideon Vandersloot",
        "1951",
        "K2000002",
    );
    let one = CsvList(both.0[..1].to_vec()).write(&playground.path("one.csv"));
    let both = both.write(&playground.path("both.csv"));
    let import = |path: &str| cli.json(&["import", "--format", "csv", "--source", "watch", path]);
    import(&both);
    let hits =
        |freshness: &str| cli.json(&["screen", "--document", "K2000002", "--freshness", freshness])["hits"].clone();
    let id = hits("linearizable")[0]["id"].clone();
    import(&one);
    assert_eq!(hits("linearizable"), json!([]));
    import(&both);
    let hit = hits("linearizable")[0].clone();
    assert_eq!((&hit["id"], &hit["version"]), (&id, &json!(3)), "the same record");
}

/// Entries of the log without a change for search are indexed as soon as they are seen: who waits for an index that is
/// behind, as an import does, must not wait for what never comes.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_changes_nothing_leaves_no_search_index_behind() {
    const BATCHES: u64 = 300;
    let playground = Playground::start();
    let client = playground.client();
    let entry = |row: u64| v1::ImportEntry {
        row,
        source_ref: format!("U{row}"),
        lookout: Some(wanted("Unchanging Person", &format!("U{row:07}"))),
    };
    let mut session = client.begin_import("unchanging", &"e5".repeat(16)).await.unwrap();
    session.send((0..4).map(entry).collect()).await.unwrap();
    session.acknowledged().await.unwrap();
    // More log entries in each group than an index may be behind before imports wait for it.
    for _ in 0..BATCHES {
        session.send((0..4).map(entry).collect()).await.unwrap();
    }
    while let Some(done) = session.acknowledged().await.unwrap() {
        assert_eq!(done.progress.unchanged, 4);
    }
    session.finish().await.unwrap();
    playground.caught_up();
    playground.indexed();
}

/// An empty list cannot be told from one that got lost on the way, so it removes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_of_nothing_is_refused_and_removes_nothing() {
    let playground = Playground::start();
    let cli = playground.cli();
    let list = CsvList::default().row("E1", "Evangelina Brzezicki", "1966", "K3000001").row(
        "E2",
        "Florestan Adeyemi",
        "1967",
        "K3000002",
    );
    let list = list.write(&playground.path("list.csv"));
    let import = |path: &str| cli.run(&["import", "--format", "csv", "--source", "watch", path]);
    assert_eq!(counts(&import(&list).ok().json()), [2, 2, 0, 0, 0, 0]);
    let still_there = || {
        let listed = cli.run(&["lookout", "list", "--source", "watch", "--all"]).ok().lines();
        assert_eq!(listed.iter().map(|record| record["version"].clone()).collect::<Vec<_>>(), [1, 1], "{listed:?}");
    };

    let empty = CsvList::default().write(&playground.path("empty.csv"));
    import(&empty).fails(1, &["empty.csv"]);
    still_there();
    // The nodes refuse it by themselves, whoever asks; also where the stream says the same twice.
    let client = playground.client();
    for import_id in ["a1".repeat(16), "a1".repeat(16), "b2".repeat(16)] {
        let mut session = client.begin_import("watch", &import_id).await.unwrap();
        let error = session.finish().await.unwrap_err();
        assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Invalid, Some("entries")), "{error:?}");
        assert!(!error.outcome_unknown, "{error:?}");
        still_there();
    }
    // An import that was refused does not stand in the way of the next one.
    assert_eq!(counts(&import(&list).ok().json()), [2, 0, 0, 2, 0, 0]);
    // One whose every entry was refused named something only by its references.
    let mut session = client.begin_import("watch", &"c3".repeat(16)).await.unwrap();
    let bad = v1::Lookout { birth_dates: vec!["1970-13".into()], ..wanted("Nobody At All", "") };
    let entry = v1::ImportEntry { row: 1, source_ref: "E9".into(), lookout: Some(bad) };
    session.send(vec![entry]).await.unwrap();
    let done = session.acknowledged().await.unwrap().unwrap();
    assert_eq!(done.progress.rejected.len(), 1, "{done:?}");
    let error = session.finish().await.unwrap_err();
    assert_eq!(error.field.as_deref(), Some("entries"), "nothing of it could be read: {error:?}");
    still_there();
}

#[test]
fn the_ofac_list_goes_in_whole_and_a_second_time_changes_nothing() {
    let ofac = portcullis_tests::workspace_root().join("../shared/data/ofac");
    if !ofac.join("sdn.csv").is_file() {
        println!("skipped: {} has no sdn.csv", ofac.display());
        return;
    }
    let playground = Playground::start();
    let cli = playground.cli();
    let ofac = ofac.to_string_lossy().into_owned();
    let import = ["import", "--format", "ofac-sdn", ofac.as_str()];
    let first = cli.json(&import);
    let [read, created, _, _, _, rejected] = counts(&first);
    assert!(read >= 8_976 && created == read && rejected == 0, "{first}");
    let second = cli.json(&import);
    assert_eq!(counts(&second), [read, 0, 0, read, 0, 0], "{second}");
    println!("OFAC: {} s, then {} s", first["seconds"], second["seconds"]);
    assert!(first["seconds"].as_f64().unwrap() < 20.0 && second["seconds"].as_f64().unwrap() < 10.0);
    let answer = cli.json(&["screen", "--name", "AEROCARIBBEAN AIRLINES", "--freshness", "linearizable"]);
    assert_eq!(answer["hits"][0]["source_ref"], "36", "{answer}");
}
