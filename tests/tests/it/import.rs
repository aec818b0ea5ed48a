//! The main job: a list goes in, travellers are found, a newer list changes exactly the difference, all of it audited.

use portcullis_tests::{CsvList, Playground, generate_lists};
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
