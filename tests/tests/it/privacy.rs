//! What nodes leave behind is not about people: no name and no number of a document in log lines, and none in the clear
//! in log, state and snapshots.

use std::path::{Path, PathBuf};

use client::v1;
use portcullis_tests::{CsvList, Playground, a_year_from_now, question_named, wanted};

/// Words of the names and numbers that the workload uses, each unlike anything that a program says by itself.
const SECRETS: [&str; 12] = [
    "Zwetanowskaja",
    "Quillfeather",
    "Obwandegger",
    "Fjordlundsen",
    "Xanthoudakis",
    "Yttervangen",
    "Pzw8812765",
    "Qkv5590132",
    "Jxb2217840",
    "Whn9034418",
    "Tlm4471093",
    "Vgy6683257",
];

fn find_in(bytes: &[u8]) -> Vec<&'static str> {
    let lower = bytes.to_ascii_lowercase();
    let holds = |secret: &&&str| {
        let needle = secret.to_ascii_lowercase().into_bytes();
        lower.windows(needle.len()).any(|window| window == needle)
    };
    SECRETS.iter().filter(holds).copied().collect()
}

fn files_below(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        // The search index is derived from names and holds its keys; it is a cache on the node's own disk.
        if path.is_dir() && !path.ends_with("indexes") {
            files_below(&path, files);
        } else if path.is_file() {
            files.push(path);
        }
    }
}

async fn workload(playground: &Playground) {
    let client = playground.client();
    let create = |name: &str, document: &str| {
        let lookout = Some(wanted(name, document));
        client.create_lookout(v1::CreateLookoutRequest { lookout, ..Default::default() })
    };
    let created = create("Ludmila Zwetanowskaja", "Pzw8812765").await.unwrap();
    create("Hugh\u{7}Obwandegger", "Qkv5590132").await.unwrap_err();
    let update = |expected_version| {
        let lookout = Some(wanted("Ludmila Quillfeather", "Qkv5590132"));
        let id = created.id.clone();
        client.update_lookout(v1::UpdateLookoutRequest { id, expected_version, lookout, ..Default::default() })
    };
    update(1).await.unwrap();
    update(1).await.unwrap_err();
    for (node, freshness) in [(1, "local"), (2, "linearizable"), (3, "yesterday")] {
        for (name, document) in [("Ludmila Quillfeather", "Pzw8812765"), ("Fjordlundsen", "Jxb2217840")] {
            let question = v1::ScreenRequest { document: document.into(), ..question_named(name, freshness) };
            let answer = playground.client_of(node).screen(question).await;
            assert_eq!(answer.is_ok(), freshness != "yesterday");
        }
    }
    let override_of = |document: &str| v1::RecordOverrideRequest {
        lookout: created.id.clone(),
        name: "Ludmila Fjordlundsen".into(),
        documents: vec![document.into()],
        reason: "not Quillfeather".into(),
        expires: a_year_from_now(),
        ..Default::default()
    };
    client.record_override(override_of("Jxb2217840")).await.unwrap();
    client.record_override(override_of("Qkv5590132")).await.unwrap_err();
    let list = CsvList::default()
        .row("P1", "Nikos Xanthoudakis", "1970", "Whn9034418")
        .row("P2", "Nikos Xanthoudakis", "1970-13-01", "Tlm4471093")
        .row("P1", "Astrid Yttervangen", "1970", "Vgy6683257");
    let list = list.write(&playground.path("list.csv"));
    let cli = playground.cli();
    let summary = cli.json(&["import", "--format", "csv", "--source", "people", &list]);
    assert_eq!((&summary["created"], &summary["rejected"]), (&1.into(), &2.into()), "{summary}");
    let input = playground.text_path("batch.csv");
    std::fs::write(&input, "name,dob,document\nNikos Xanthoudakis,1970,Whn9034418\nAstrid Yttervangen,1970-13-01,\n")
        .unwrap();
    cli.json(&["batch", "--in", &input, "--out", &playground.text_path("batch.ndjson")]);
    cli.run(&["lookout", "get", &created.id]).ok();
    cli.run(&["lookout", "list", "--all"]).ok();
    cli.run(&["override", "list", &created.id]).ok();
    cli.run(&["audit", "tail", "--limit", "100"]).ok();
    cli.run(&["screen", "--name", "Yttervangen", "--dob", "1970-13"]).fails(2, &[]);
    cli.json(&["lookout", "remove", &created.id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_name_and_no_number_of_a_person_is_in_a_log_or_in_the_clear_on_disk() {
    let mut playground = Playground::start();
    workload(&playground).await;
    // A node that dies in the middle and one that replays say more than usual.
    playground.kill(2);
    let question = question_named("Zwetanowskaja", "linearizable");
    playground.client().screen(question).await.unwrap();
    playground.restart(2);
    playground.wait_ready(2);
    for node in 1..=3 {
        playground.cli_of(node).json(&["cluster", "snapshot"]);
    }
    playground.stop();

    for node in 1..=3 {
        let log = playground.node_log(node);
        assert!(log.lines().count() > 1, "node {node} logs");
        assert_eq!(find_in(log.as_bytes()), [""; 0], "in the log of node {node}: {log}");
        let mut files = Vec::new();
        files_below(&playground.node_dir(node), &mut files);
        assert!(files.iter().any(|path| path.to_string_lossy().contains("checkpoints")), "{files:?}");
        for file in files {
            assert_eq!(find_in(&std::fs::read(&file).unwrap()), [""; 0], "in the clear in {}", file.display());
        }
    }
    assert_eq!(find_in(playground.said().as_bytes()), [""; 0], "said by the playground");
    // The search finds what it looks for.
    assert_eq!(find_in(&std::fs::read(playground.path("list.csv")).unwrap()).len(), 5);
}

/// T27, T29: it is kept as a token and in sealed bodies alone, found by all of it and shown by its end.
#[test]
fn t27_a_number_of_social_security_is_found_by_all_of_it_and_shown_by_its_last_four_digits() {
    const WHOLE: [&str; 2] = ["417-82-9306", "417829306"];
    let playground = Playground::start();
    let cli = playground.cli();
    let document = format!("social-security:{}:USA", WHOLE[0]);
    let create = ["lookout", "create", "--name", "Olga Quillfeather", "--document", &document];
    let created = cli.json(&[&create[..], &["--action", "refer", "--reason", "first"]].concat());
    let id = created["id"].as_str().unwrap();
    let mut said = vec![cli.json(&["lookout", "get", id])];
    assert_eq!(said[0]["lookout"]["documents"][0]["number"], "***-**-9306", "{}", said[0]);
    // What was shown is given back, and stands for what is there.
    let update = ["lookout", "update", id, "--expected-version", "1", "--reason", "second"];
    said.push(cli.json(&update));
    for number in WHOLE {
        let found = cli.json(&["screen", "--document", number, "--freshness", "linearizable"]);
        assert_eq!((&found["hits"][0]["id"], &found["hits"][0]["version"]), (&id.into(), &2.into()), "{found}");
        let met = &found["hits"][0]["explanation"][0];
        assert_eq!(met["found"], "***-**-9306", "{found}");
    }
    let masked = "social-security:***-**-0000";
    let wrong = ["lookout", "update", id, "--expected-version", "2", "--document", masked];
    cli.run(&wrong).fails(2, &["documents[0].number", "is masked"]);
    said.push(cli.json(&["lookout", "history", id]));
    said.push(cli.json(&["lookout", "list", "--all"]));
    let explained = cli.json(&["explain", "--name", "Olga Quillfeather", "--document", "417-82-9306", "--record", id]);
    assert!(explained.to_string().contains("***-**-9306"), "{explained}");
    let events = cli.run(&["audit", "tail", "--limit", "1000"]).ok().stdout;
    assert!(events.contains("***-**-9306"), "the question is kept by what is shown");
    let node_logs: Vec<String> = (1..=3).map(|node| playground.node_log(node)).collect();
    let metrics: Vec<String> = (1..=3).map(|node| playground.http(node, "/metrics").1).collect();
    let said = said.iter().map(ToString::to_string);
    for text in said.chain(node_logs).chain(metrics).chain([events]) {
        // A number without signs between may be another document's, and is kept as it was asked for.
        let text = text.replace(&format!("\"value\":\"{}\"", WHOLE[1]), "");
        assert!(WHOLE.iter().all(|whole| !text.contains(whole)), "{text}");
    }
}
