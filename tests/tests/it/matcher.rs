//! Matching policies: in force from the next question on, named in answer and event, and what they would change shown before.

use portcullis_tests::Playground;
use serde_json::{Value, json};

fn ids(hits: &Value) -> Vec<&str> {
    hits.as_array().unwrap().iter().map(|hit| hit["name"].as_str().unwrap()).collect()
}

#[test]
fn policies_are_compared_put_in_force_and_named_in_answer_and_event() {
    let playground = Playground::start();
    let cli = playground.cli();
    let write = |name: &str, text: &str| {
        std::fs::write(playground.path(name), text).unwrap();
        playground.text_path(name)
    };
    let list = write("list.csv", "ref,name,dob,nationality,reason\n1,Ottokar Pfefferkorn,1970-01-02,DEU,warrant\n");
    cli.json(&["import", "--format", "csv", "--source", "wanted", &list]);
    let by_hand = ["lookout", "create", "--name", "Ottokar Pfefferkorn", "--action", "refer", "--reason", "by hand"];
    cli.json(&by_hand);
    let asks = ["screen", "--name", "Ottokar Pfefferkorn", "--dob", "1951-11-30", "--freshness", "linearizable"];
    let before = cli.json(&asks);
    assert_eq!((&before["policy_version"], ids(&before["hits"]).len()), (&json!(0), 2));

    // The list alone from a higher score on, where the other date of birth speaks against it.
    let strict = write(
        "strict.json",
        r#"{"policies":[{"name":"strict","lists":["wanted"],"purposes":["primary"],"threshold":0.99}]}"#,
    );
    let rows = write("rows.csv", "name,dob\nOttokar Pfefferkorn,1951-11-30\nNobody Atall,\nBad Row,1970-13-01\n");
    let compare = ["matcher", "compare", "--policy", "in-force", "--policy", &strict, "--queries", &rows];
    let differences = cli.run(&compare).ok().lines();
    let [difference, bad, summary] = differences.as_slice() else { panic!("{differences:?}") };
    assert_eq!((&difference["row"], difference["lost"].as_array().unwrap().len()), (&json!(1), 1));
    assert_eq!((&difference["lost"][0]["source"], &difference["lost"][0]["second"]), (&json!("wanted"), &Value::Null));
    assert_eq!(bad["row"], 3);
    assert_eq!(summary, &json!({"rows":3,"differing":1,"added":0,"lost":1,"rescored":0,"errors":1}));
    assert_eq!(cli.json(&["matcher", "policies"]), json!({"version":0,"policies":[]}), "nothing is in force by that");

    let set = cli.json(&["matcher", "set", &strict]);
    assert_eq!((&set["version"], &set["policies"][0]["name"]), (&json!(1), &json!("strict")));
    let after = cli.json(&asks);
    assert_eq!((&after["policy_version"], ids(&after["hits"]).len()), (&json!(1), 1));
    assert_eq!(after["hits"][0]["source"], Value::Null);
    let event = cli.run(&["audit", "tail", "--limit", "10"]).ok().lines();
    let receipt = &after["audit"]["receipt"];
    let event = event.iter().find(|event| event["receipt"] == *receipt).unwrap();
    assert_eq!(event["policy_version"], 1);

    // Dates that are not weighed speak neither for nor against.
    let undated =
        write("undated.json", r#"{"version":1,"policies":[{"name":"undated","threshold":0.6,"birth_date":false}]}"#);
    cli.json(&["matcher", "set", &undated]);
    let answer = cli.json(&asks);
    assert_eq!((&answer["policy_version"], ids(&answer["hits"]).len()), (&json!(2), 2));
    let fields = answer["hits"][0]["explanation"].as_array().unwrap().iter().map(|evidence| &evidence["field"]);
    assert_eq!(fields.collect::<Vec<_>>(), ["name"]);

    // Whoever changed an older version is told so; every version can be read, after a restart as well.
    assert_eq!(cli.json(&["matcher", "set", &undated])["version"], 2, "said again, it changes nothing");
    let late = write("late.json", r#"{"version":1,"policies":[]}"#);
    cli.run(&["matcher", "set", &late]).fails(7, &["error[stale-version]", "version 2"]);
    let low = write("low.json", r#"{"policies":[{"name":"low","threshold":0.01}]}"#);
    cli.run(&["matcher", "set", &low]).fails(2, &["policies[0].threshold", "must be 0.05 to 1"]);
    playground.kill(2);
    playground.restart(2);
    playground.wait_ready(2);
    assert_eq!(playground.cli_of(2).json(&["matcher", "policies", "--version", "1"])["policies"], set["policies"]);
    cli.run(&["matcher", "policies", "--version", "9"]).fails(2, &["no policies of version 9"]);
}
