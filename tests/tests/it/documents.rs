//! Documents, plates and registrations: found as people misread them, warned about where they are wrong, and asked from the
//! machine readable zone of a document; from the state and from the index alike.

use client::{ErrorKind, v1};
use portcullis_tests::{Playground, question};
use serde_json::{Value, json};

/// The specimen of ICAO Doc 9303 as a Swedish passport: expired on 2012-04-15.
const ZONE: &str = "P<SWEERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36SWE7408122F1204159ZE184226B<<<<<10";

fn create(playground: &Playground, fields: &[&str]) -> Value {
    let mut arguments = vec!["lookout", "create", "--action", "refer", "--reason", "documents"];
    arguments.extend(fields);
    playground.cli().json(&arguments)
}

fn texts(answer: &Value) -> Vec<String> {
    let warnings = answer["warnings"].as_array().cloned().unwrap_or_default();
    warnings.iter().map(|warning| warning["text"].as_str().unwrap().to_string()).collect()
}

fn check<'a>(answer: &'a Value, field: &str) -> &'a Value {
    let checks = answer["document_checks"].as_array().unwrap();
    checks.iter().find(|check| check["field"] == field).unwrap()
}

#[test]
fn an_expired_and_stolen_passport_under_a_clean_name_is_said_before_anything_else() {
    let playground = Playground::start();
    let stolen = ["--name", "Olga Stjernholm", "--document", "passport:L898902C3:SWE:stolen"];
    let id = create(&playground, &stolen)["id"].as_str().unwrap().to_string();
    assert_eq!(playground.cli().json(&["lookout", "get", &id])["lookout"]["documents"][0]["state"], "stolen");
    let file = playground.text_path("zone.txt");
    std::fs::write(&file, ZONE.to_lowercase()).unwrap();
    playground.caught_up();
    for node in 1..=3 {
        for zone in [ZONE, &ZONE.replace('\n', ""), &file] {
            let cli = playground.cli_of(node);
            let answer = cli.json(&["screen", "--mrz", zone, "--freshness", "linearizable"]);
            let hit = &answer["hits"][0];
            assert_eq!((&hit["id"], &hit["document_state"]), (&json!(id), &json!("stolen")), "{answer}");
            let notes: Vec<&str> =
                hit["explanation"].as_array().unwrap().iter().map(|it| it["note"].as_str().unwrap()).collect();
            assert_eq!(notes[0], "same number, document reported stolen");
            assert!(notes[1].starts_with("same number under another name"), "{notes:?}");
            assert_eq!(texts(&answer), ["the document expired on 2012-04-15"]);
            assert_eq!(check(&answer, "document_number")["result"], "ok");
            assert_eq!(check(&answer, "expiry")["note"], "expired on 2012-04-15");
        }
    }
    // Without a lookout the document is judged all the same, and what was asked is in the log.
    playground.cli().json(&["lookout", "remove", &id]);
    let answer = playground.cli().json(&["screen", "--mrz", ZONE, "--freshness", "linearizable"]);
    assert_eq!((&answer["hits"], texts(&answer).len()), (&json!([]), 1));
    let receipt = answer["audit"]["receipt"].as_str().unwrap();
    let event = playground.cli().json(&["audit", "tail", "--receipt", receipt]);
    let terms = event["terms"].as_array().unwrap();
    assert!(terms.contains(&json!({"field": "mrz", "value": ZONE})), "{event}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_zone_is_refused_and_an_unreadable_one_costs_nobody_the_rest() {
    let playground = Playground::start();
    let client = playground.client();
    for (mrz, name, reason) in [
        ("<".repeat(10_000), "", "has 10000 characters, at most 256 are allowed"),
        ("<".repeat(10_000), "Olga Stjernholm", "has 10000 characters, at most 256 are allowed"),
        ("P<SWE".into(), "", "has lines of 5 characters"),
        ("\u{0}\u{1}".repeat(44), "", "does not begin with"),
    ] {
        let asked = v1::ScreenRequest { mrz, name: name.into(), ..question("local") };
        let error = client.screen(asked).await.expect_err(reason);
        assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Invalid, Some("mrz")), "{error:?}");
    }
    let asked = v1::ScreenRequest { mrz: "P<SWE".into(), name: "Olga Stjernholm".into(), ..question("linearizable") };
    let answer = client.screen(asked).await.unwrap();
    let check = &answer.document_checks[0];
    assert_eq!((check.field.as_str(), check.result.as_str()), ("mrz", "unreadable"));
    assert!(answer.warnings[0].text.starts_with("is not asked for"), "{answer:?}");
    // Given by hand and otherwise in the zone: as given, and said.
    let (mrz, name) = (ZONE.to_string(), "Olga Stjernholm".to_string());
    let asked = v1::ScreenRequest { mrz, name, birth_date: "1980".into(), ..question("linearizable") };
    let warned: Vec<String> =
        client.screen(asked).await.unwrap().warnings.into_iter().map(|warning| warning.field).collect();
    assert_eq!(warned, ["expiry", "name", "birth_date"]);
}

#[test]
fn numbers_are_found_as_they_are_misread_by_every_node_and_until_they_are_changed() {
    let playground = Playground::start();
    let cli = playground.cli();
    let id = create(&playground, &["--name", "Olga Stjernholm", "--document", "PO12SO17"]);
    let id = id["id"].as_str().unwrap();
    create(&playground, &["--subject", "vehicle", "--plate", "ABC 1234:TX"]);
    let found = |cli: &portcullis_tests::Cli, flag: &str, number: &str| {
        let answer = cli.json(&["screen", flag, number, "--freshness", "linearizable", "--threshold", "0.1"]);
        let hit = &answer["hits"][0];
        (hit["score"].as_f64().unwrap_or_default(), hit["explanation"][0]["note"].as_str().unwrap_or("").to_string())
    };
    let expected = [
        ("--document", "po12so17", 0.98..1.0, "same number"),
        ("--document", "P0125017", 0.75..0.85, "reads alike: 0 for O, 5 for S"),
        ("--plate", "abc-1234", 0.98..1.0, "same number"),
        ("--plate", "TX ABC1234", 0.98..1.0, "the same, with the same state"),
        ("--plate", "ABC1234-TX", 0.98..1.0, "the same, with the same state"),
        ("--plate", "TX A8C1234", 0.75..0.85, "reads alike: 8 for B"),
        ("--plate", "CA ABC1234", 0.1..0.2, "the same number of another state"),
    ];
    // From the feed and from the index.
    for _ in 0..2 {
        for node in 1..=3 {
            let cli = playground.cli_of(node);
            for (flag, number, score, note) in &expected {
                let (got, said) = found(&cli, flag, number);
                assert!(score.contains(&got) && said == *note, "{number} through {node}: {got} {said}");
                let named = cli.json(&["screen", "--name", "Nobody Atall", flag, number, "--threshold", "0.05"]);
                assert_eq!(named["hits"][0]["explanation"][0]["note"].as_str().unwrap_or(note), *note);
            }
        }
        playground.caught_up();
    }
    cli.json(&["lookout", "update", id, "--expected-version", "1", "--document", "PO12SO18"]);
    assert_eq!(found(&cli, "--document", "P0125017").0, 0.0, "the old number is nobody's");
    assert_eq!(found(&cli, "--document", "P0125018").1, "reads alike: 0 for O, 5 for S");
    assert_eq!(found(&cli, "--document", "PO12S018").1, "reads alike: 0 for O");
}

#[test]
fn wrong_check_digits_are_warned_about_and_stored_all_the_same() {
    let playground = Playground::start();
    let cli = playground.cli();
    let fields = ["--subject", "vehicle", "--registration", "vin:1M8GDM9A4KP042788"];
    let created = create(&playground, &fields);
    let wrong = "VIN: the check digit is 4, should be X";
    assert_eq!(created["warnings"], json!([{"field": "registrations[0].number", "text": wrong}]));
    let id = created["id"].as_str().unwrap();
    let right = ["lookout", "update", id, "--expected-version", "1", "--registration", "vin:1M8GDM9AXKP042788"];
    assert!(cli.json(&right).get("warnings").is_none());
    for (number, warnings) in [("1M8GDM9A4KP042788", vec![wrong]), ("1M8GDM9AXKP042788", vec![]), ("N123AB", vec![])] {
        let answer = cli.json(&["screen", "--registration", number, "--freshness", "linearizable"]);
        assert_eq!(texts(&answer), warnings, "{number}");
    }
}

#[test]
fn a_batch_reads_zones_and_reports_are_imported() {
    let playground = Playground::start();
    let cli = playground.cli();
    let list = playground.text_path("list.csv");
    std::fs::write(&list, "ref,document\nL1,passport:L898902C3:SE:lost\n").unwrap();
    assert_eq!(cli.json(&["import", "--format", "csv", "--source", "lost", &list])["created"], 1);
    playground.caught_up();
    let (input, out) = (playground.text_path("rows.csv"), playground.text_path("out.ndjson"));
    std::fs::write(&input, format!("mrz,name\n\"{ZONE}\",\n,Somebody Else\nP<SWE,\n")).unwrap();
    let summary = cli.json(&["batch", "--in", &input, "--out", &out]);
    assert_eq!((&summary["rows"], &summary["with_hits"], &summary["errors"]), (&json!(3), &json!(1), &json!(1)));
    let text = std::fs::read_to_string(&out).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["hits"][0]["document_state"], "lost");
    assert_eq!(texts(&lines[0]), ["the document expired on 2012-04-15"]);
    assert!(lines[1].get("document_checks").is_none() && lines[2]["error"].as_str().unwrap().starts_with("mrz:"));
}
