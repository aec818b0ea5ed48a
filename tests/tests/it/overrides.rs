//! Overrides of repeat false matches: who is told apart comes marked, nobody else does, and nobody is silently gone.

use client::v1;
use portcullis_tests::{Cli, Playground, a_year_from_now};
use serde_json::{Value, json};

const NAME: &str = "Ottokar Pfefferkorn";

fn create(cli: &Cli) -> String {
    let created = cli.json(&[
        "lookout",
        "create",
        "--name",
        NAME,
        "--dob",
        "1970-01-02",
        "--document",
        "passport:C01X00T47:DEU",
        "--action",
        "armed-and-dangerous",
        "--reason",
        "warrant 17",
    ]);
    created["id"].as_str().unwrap().to_string()
}

fn record(cli: &Cli, lookout: &str, expires: &str, flags: &[&str]) -> Value {
    let mut line = vec!["override", "record", lookout, "--name", NAME, "--reason", "another man", "--expires", expires];
    line.extend(flags);
    cli.json(&line)
}

/// The one hit of a question that is asked with all that there is.
fn hit(cli: &Cli, flags: &[&str]) -> Value {
    let mut line = vec!["screen", "--freshness", "linearizable", "--threshold", "0.05"];
    line.extend(flags);
    let answer = cli.json(&line);
    assert_eq!(answer["hits"].as_array().unwrap().len(), 1, "{line:?}: {answer}");
    answer["hits"][0].clone()
}

fn overridden_in_total(playground: &Playground) -> f64 {
    let of = |node: u64| {
        let text = playground.http(node, "/metrics").1;
        let line = text.lines().find(|line| line.starts_with("portcullis_hits_overridden_total ")).unwrap();
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    (1..=3).map(of).sum()
}

const INNOCENT: [&str; 6] = ["--name", NAME, "--dob", "1985-06-07", "--document", "L99 Z88-777"];

#[test]
fn who_is_told_apart_comes_marked_and_nobody_else_does() {
    let playground = Playground::start();
    let cli = playground.cli();
    let supervisor = playground.cli_as("supervisor");
    let lookout = create(&cli);
    let before = hit(&cli, &INNOCENT);
    assert_eq!(before["overridden"], Value::Null);

    let flags = ["--document", "L99Z88777", "--dob", "1985-06-07", "--nationality", "DEU"];
    let expires = a_year_from_now();
    let recorded = record(&supervisor, &lookout, &expires, &flags);
    assert_eq!((&recorded["version"], &recorded["change"]), (&json!(1), &json!("created")));
    let id = recorded["id"].as_str().unwrap();
    let mark = json!({
        "id": id,
        "reason": "another man",
        "recorded_by": "supervisor",
        "agency": "CBP",
        "expires": expires,
    });
    let mut marked = before.clone();
    marked["overridden"] = mark.clone();
    for node in 1..=3 {
        assert_eq!(hit(&playground.cli_of(node), &INNOCENT), marked, "the same hit, marked, through node {node}");
    }
    for (flags, why) in [
        (vec!["--name", NAME], "a name alone"),
        (vec!["--name", NAME, "--dob", "1985"], "a year"),
        (vec!["--name", NAME, "--dob", "1985-06-08"], "another traveller of the name"),
        (vec!["--name", NAME, "--dob", "1970-01-02"], "the one looked for"),
        (vec!["--name", NAME, "--dob", "1985-06-07", "--document", "C01X00T47"], "his document"),
        (vec!["--name", NAME, "--document", "L99Z88777", "--nationality", "RUS"], "another country's number"),
    ] {
        assert_eq!(hit(&cli, &flags)["overridden"], Value::Null, "{why}");
    }
    let by_date = hit(&cli, &["--name", "PFEFFERKORN, Ottokar", "--dob", "1985-06-07"]);
    assert_eq!(by_date["overridden"], mark);

    let input = playground.text_path("travellers.csv");
    std::fs::write(&input, format!("name,dob,document\n{NAME},1985-06-07,\n{NAME},1985-06-08,\n")).unwrap();
    let output = playground.text_path("answers.ndjson");
    cli.json(&["batch", "--in", &input, "--out", &output, "--threshold", "0.05"]);
    let lines = std::fs::read_to_string(&output).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["hits"][0]["overridden"], &lines[1]["hits"][0]["overridden"]), (&mark, &Value::Null));

    // The effect is counted, by the metric and from the evidence alike.
    assert_eq!(overridden_in_total(&playground), 5.0);
    let events = cli.run(&["audit", "tail", "--limit", "1000"]).ok().lines();
    let results = events.iter().flat_map(|event| event["results"].as_array().unwrap());
    assert_eq!(results.filter(|result| result["overridden"] == true).count(), 5);
    let event = events.iter().find(|event| event["kind"] == "override-record").unwrap();
    assert_eq!((&event["user"], &event["verdict"]), (&json!("supervisor"), &json!("changed")));
    assert_eq!(event["changes"], json!([{ "id": id, "version": 1, "change": "created" }]));
    let terms = event["terms"].as_array().unwrap();
    assert!(terms.contains(&json!({ "field": "lookout", "value": lookout })), "{terms:?}");

    let ended = supervisor.json(&["override", "end", &lookout, id]);
    assert_eq!((&ended["version"], &ended["change"]), (&json!(2), &json!("removed")));
    assert_eq!(hit(&cli, &INNOCENT)["overridden"], Value::Null, "ended");
    assert_eq!(cli.json(&["override", "end", &lookout, id])["change"], "unchanged");
    let listed = cli.json(&["override", "list", &lookout]);
    let one = &listed["overrides"][0];
    assert_eq!((&one["state"], &one["ended_by"], &one["name"]), (&json!("ended"), &json!("supervisor"), &json!(NAME)));
    let kinds = cli.run(&["audit", "tail", "--limit", "20"]).ok().lines();
    for kind in ["override-end", "override-list"] {
        assert!(kinds.iter().any(|event| event["kind"] == kind), "{kind} is not among {kinds:?}");
    }
    assert_eq!(cli.json(&["audit", "verify"])["ok"], true);
}

#[test]
fn what_would_hide_the_one_looked_for_or_never_end_is_refused_with_its_reason() {
    let playground = Playground::start();
    let cli = playground.cli();
    let lookout = create(&cli);
    let expires = a_year_from_now();
    let refused = |code: i32, lookout: &str, expires: &str, flags: &[&str], says: &[&str]| {
        let mut line = vec!["override", "record", lookout, "--name", NAME, "--reason", "r", "--expires", expires];
        line.extend(flags);
        cli.run(&line).fails(code, says);
    };
    for (flags, says) in [
        (vec!["--document", "X1", "--document", "c01-x00t47"], "documents[1]: is a document of the lookout itself"),
        (vec!["--dob", "1970-01-02"], "birth_date: may be the date of birth of the one looked for"),
        (vec!["--dob", "1970-02-01"], "birth_date: may be"),
        (vec!["--dob", "1985"], "birth_date: must be a whole date"),
        (vec!["--dob", "1985-01-01"], "birth_date: 1 January"),
        (vec!["--document", "passport:X1"], "document: holds `:`"),
        (vec![], "documents: an override needs"),
    ] {
        refused(2, &lookout, &expires, &flags, &[says]);
    }
    for (expires, says) in [
        ("2020-01-01", "expires: is not after"),
        ("2999-01-01", "expires: is more than 732 days away"),
        ("soon", "expires: expected YYYY-MM-DD"),
    ] {
        refused(2, &lookout, expires, &["--document", "X1"], &[says]);
    }
    refused(3, &"0".repeat(32), &expires, &["--document", "X1"], &["no record available"]);
    refused(2, "nonsense", &expires, &["--document", "X1"], &["lookout: expected 32 hexadecimal digits"]);
    refused(7, &lookout, &expires, &["--document", "X1", "--expected-version", "2"], &["error[stale-version]"]);
    cli.run(&["override", "end", &lookout, &"0".repeat(32)]).fails(3, &["no record available"]);
    cli.run(&["override", "list", &"0".repeat(32)]).fails(3, &["no record available"]);
    assert_eq!(cli.json(&["override", "list", &lookout])["overrides"], json!([]), "nothing was recorded");
    let events = cli.run(&["audit", "tail", "--limit", "1000"]).ok().lines();
    let of = |code: &str| {
        let refusals =
            events.iter().filter(|event| event["kind"] == "override-record" && event["verdict"] == "refused");
        refusals.filter(|event| event["code"] == code).count()
    };
    // Those that reached a node: the others were wrong before anything was sent.
    assert_eq!((of("invalid"), of("no-record-available"), of("stale-version")), (6, 1, 1), "{events:?}");
}

#[test]
fn an_override_outlives_a_restart_and_a_retry_and_is_void_once_the_lookout_may_mean_the_person() {
    let mut playground = Playground::start();
    let cli = playground.cli();
    let lookout = create(&cli);
    let expires = a_year_from_now();
    let recorded = record(&cli, &lookout, &expires, &["--dob", "1985-06-07"]);
    let traveller = ["--name", NAME, "--dob", "1985-06-07"];
    let marked = hit(&cli, &traveller);
    assert_eq!(marked["overridden"]["id"], recorded["id"]);
    for node in 1..=3 {
        playground.cli_of(node).json(&["cluster", "snapshot"]);
    }
    playground.stop();
    playground.start_again();
    let cli = playground.cli();
    assert_eq!(hit(&cli, &traveller), marked, "after an orderly stop");
    playground.kill_all();
    playground.start_again();
    let cli = playground.cli();
    assert_eq!(hit(&cli, &traveller), marked, "after a kill");

    // Another version leaves it in force; one that may mean the person does not.
    cli.json(&["lookout", "update", &lookout, "--expected-version", "1", "--dob", "1970-03-04"]);
    assert_eq!(hit(&cli, &traveller)["overridden"], marked["overridden"]);
    let states = |cli: &Cli| {
        let listed = cli.json(&["override", "list", &lookout]);
        let one = &listed["overrides"][0];
        assert_eq!(one["lookout_version"], 1, "the version that it was made for");
        (one["state"].as_str().unwrap().to_string(), one["void_because"].clone())
    };
    assert_eq!(states(&cli), ("in-force".into(), Value::Null));
    cli.json(&["lookout", "update", &lookout, "--expected-version", "2", "--dob", "1985"]);
    assert_eq!(hit(&cli, &traveller)["overridden"], Value::Null);
    let (state, because) = states(&cli);
    assert_eq!(state, "void");
    assert!(because.as_str().unwrap().starts_with("birth_date: may be"), "{because}");

    // What took place is answered as it was, though it would be refused by now; through each node.
    for node in 1..=3 {
        let request = recorded["request_id"].as_str().unwrap();
        let again =
            record(&playground.cli_of(node), &lookout, &expires, &["--dob", "1985-06-07", "--request-id", request]);
        assert_eq!(again, recorded);
    }
    assert_eq!(cli.json(&["override", "list", &lookout])["overrides"].as_array().unwrap().len(), 1);
    cli.json(&["lookout", "update", &lookout, "--expected-version", "3", "--dob", "1970-01-02"]);
    assert_eq!(hit(&cli, &traveller)["overridden"], marked["overridden"], "void as long as it may be he");
}

/// Who may be told apart is decided beside the search, in the same view of the state: no answer mixes two moments.
#[tokio::test(flavor = "multi_thread")]
async fn a_mark_is_there_with_the_next_linearizable_answer_of_every_node() {
    let playground = Playground::start();
    let lookout = create(&playground.cli());
    let client = playground.client();
    let question = v1::ScreenRequest {
        name: NAME.into(),
        document: "Q7".into(),
        freshness: "linearizable".into(),
        threshold: Some(0.05),
        ..Default::default()
    };
    for _ in 0..10 {
        let message = v1::RecordOverrideRequest {
            lookout: lookout.clone(),
            name: NAME.into(),
            documents: vec!["Q7".into()],
            reason: "r".into(),
            expires: a_year_from_now(),
            ..Default::default()
        };
        let id = client.record_override(message).await.unwrap().id;
        for node in 1..=3 {
            let answer = playground.client_of(node).screen(question.clone()).await.unwrap();
            assert_eq!(answer.hits[0].overridden.as_ref().map(|mark| mark.id.clone()), Some(id.clone()), "node {node}");
        }
        let message = v1::EndOverrideRequest { lookout: lookout.clone(), id, ..Default::default() };
        assert_eq!(client.end_override(message).await.unwrap().change, "removed");
        for node in 1..=3 {
            let answer = playground.client_of(node).screen(question.clone()).await.unwrap();
            assert!(answer.hits[0].overridden.is_none(), "node {node}");
        }
    }
}
