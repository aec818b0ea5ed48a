//! Why a record came up for a question, and why another one did not: word by word, and as an event of its own.

use client::v1;
use portcullis_tests::{Playground, wanted};
use serde_json::{Value, json};

async fn create(playground: &Playground, name: &str, birth_date: &str) -> String {
    let lookout = v1::Lookout { birth_dates: vec![birth_date.to_string()], ..wanted(name, "") };
    let message = v1::CreateLookoutRequest { lookout: Some(lookout), ..Default::default() };
    playground.client().create_lookout(message).await.unwrap().id
}

fn words(explanation: &Value) -> Vec<(String, String, String)> {
    let name = explanation.as_array().unwrap().iter().find(|part| part["field"] == "name").unwrap();
    let text = |word: &Value, side: &str| word[side].as_str().unwrap_or("-").to_string();
    let words = name["words"].as_array().unwrap().iter();
    words.map(|word| (text(word, "asked"), text(word, "found"), text(word, "how"))).collect()
}

fn word(asked: &str, found: &str, how: &str) -> (String, String, String) {
    (asked.into(), found.into(), how.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hit_is_explained_word_by_word() {
    let playground = Playground::start();
    let smith = create(&playground, "John SMITH", "1970-03-04").await;
    let honcharenko = create(&playground, "Honcharenko, Oleksandr", "1981-05-06").await;
    let cli = playground.cli();
    let asked = ["--name", "Jon Smyth", "--dob", "1970-03-04"];
    let answer = cli.json(&[["screen"].as_slice(), &asked, &["--freshness", "linearizable"]].concat());
    let sentence = "Name in another spelling (Jon~John, Smyth~SMITH), same date of birth.";
    assert_eq!(answer["hits"][0]["sentence"], sentence);
    let expected = [word("Jon", "John", "spelling"), word("Smyth", "SMITH", "spelling")];
    assert_eq!(words(&answer["hits"][0]["explanation"]), expected);

    let told = cli.json(&[["explain"].as_slice(), &asked, &["--record", &smith]].concat());
    assert_eq!((&told["outcome"], &told["rank"], &told["version"]), (&json!("found"), &json!(1), &json!(1)));
    for field in ["score", "explanation", "sentence"] {
        assert_eq!(told[field], answer["hits"][0][field], "the explanation is that of the answer");
    }
    assert_eq!(told["words"].as_array().unwrap().len(), 2);

    playground.indexed();
    let told = cli.json(&["explain", "Гончаренко", "Александр", "--record", &honcharenko]);
    assert_eq!((&told["outcome"], &told["indexed"]), (&json!("found"), &json!(true)), "{told}");
    let met = words(&told["explanation"]);
    assert_eq!(met[0], word("Гончаренко", "Honcharenko", "transliteration"), "{met:?}");

    // It stands in the audit log as what it is.
    let receipt = told["audit"]["receipt"].as_str().unwrap();
    let event = cli.json(&["audit", "tail", "--receipt", receipt]);
    assert_eq!((&event["kind"], &event["verdict"]), (&json!("explain"), &json!("answered")));
    assert_eq!(event["results"], json!([{ "id": honcharenko, "version": 1, "score": told["score"] }]));
    for term in [("name", "Гончаренко Александр"), ("record", honcharenko.as_str())] {
        let term = json!({ "field": term.0, "value": term.1 });
        assert!(event["terms"].as_array().unwrap().contains(&term), "{event}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_miss_is_explained() {
    let playground = Playground::start();
    let record = create(&playground, "Ottokar Pfefferkorn", "1970-03-04").await;
    let cli = playground.cli();
    let explain = |asked: &[&str], record: &str| cli.json(&[&["explain"], asked, &["--record", record]].concat());

    let far = explain(&["Peter", "Quux"], &record);
    assert_eq!((&far["outcome"], &far["score"], &far["rank"]), (&json!("no-candidate"), &json!(0.0), &json!(null)));
    assert_eq!(far["reason"], "no word of the question has a key in common with a word of the record");
    assert_eq!(far["words"][0], json!({ "asked": "Peter", "found": null, "bits": 0 }));

    // Half of the name is something, and with the record's date of birth it would be more.
    let part = ["Ottokar", "Lindwurm", "--threshold", "0.9"];
    let below = explain(&part, &record);
    assert!(["below-threshold", "no-candidate"].contains(&below["outcome"].as_str().unwrap()), "{below}");
    assert!(below["reason"].as_str().unwrap().contains("below the threshold 0.90"), "{below}");
    assert_eq!(words(&below["explanation"])[0], word("Ottokar", "Ottokar", "same"));
    let supposed = &below["supposed"][0];
    assert_eq!(supposed["fields"], json!([{ "field": "birth_date", "value": "1970-03-04" }]));
    let dated = explain(&[part.as_slice(), &["--dob", "1970-03-04"]].concat(), &record);
    assert_eq!((&dated["score"], dated["outcome"] == "found"), (&supposed["score"], supposed["found"] == true));

    // As many others as were asked for score more.
    let other = create(&playground, "Ottokar Pfefferkorn", "1970-03-04").await;
    let found = |id: &str| explain(&["Ottokar", "Pfefferkorn", "--limit", "1", "--freshness", "linearizable"], id);
    let mut outcomes = [&record, &other].map(|id| found(id)["outcome"].as_str().unwrap().to_string());
    outcomes.sort();
    assert_eq!(outcomes, ["found", "outranked"]);

    cli.json(&["lookout", "remove", &record]);
    let removed = explain(&["Ottokar", "Pfefferkorn"], &record);
    assert_eq!((&removed["outcome"], &removed["version"]), (&json!("not-in-force"), &json!(2)));
    assert!(removed["reason"].as_str().unwrap().contains("not in force any more"), "{removed}");

    cli.run(&["explain", "Ottokar", "--record", &"0".repeat(32)]).fails(3, &["no record available"]);
    cli.run(&["explain", "Ottokar", "--record", "nonsense"]).fails(2, &["record"]);
    let refused = cli.run(&["audit", "tail", "--limit", "10"]).ok().lines();
    let refused = refused.iter().filter(|event| event["kind"] == "explain" && event["verdict"] == "refused");
    assert_eq!(refused.count(), 2, "what was refused is recorded, too");
}
