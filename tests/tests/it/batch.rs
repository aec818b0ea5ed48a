//! `batch`: what was interrupted goes on after the complete lines, and the result is that of one go.

use std::path::Path;

use portcullis_tests::{Playground, generate_lists};
use serde_json::{Value, json};

fn answers(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_batch_cut_in_the_middle_of_a_line_goes_on_and_ends_like_one_in_one_go() {
    let playground = Playground::start();
    let cli = playground.cli();
    let lists = generate_lists(&playground.path("lists"), 500, 11);
    cli.json(&["import", "--format", "csv", "--source", "synthetic", &lists.file("list.csv")]);
    // Batches ask any node, and locally.
    playground.caught_up();
    let (whole, cut) = (playground.path("whole.ndjson"), playground.path("cut.ndjson"));
    let run = |out: &Path| {
        let (input, out) = (lists.file("travellers.csv"), out.to_string_lossy().into_owned());
        cli.json(&["batch", "--in", &input, "--out", &out, "--concurrency", "16"])
    };
    let summary = run(&whole);
    assert_eq!((&summary["rows"], &summary["resumed"]), (&json!(200), &json!(0)));
    let expected = answers(&whole);
    assert_eq!(
        expected.iter().map(|line| line["row"].as_u64().unwrap()).collect::<Vec<_>>(),
        (1..=200).collect::<Vec<_>>()
    );
    assert!(expected.iter().any(|line| !line["hits"].as_array().unwrap().is_empty()));

    let bytes = std::fs::read(&whole).unwrap();
    let complete = |upto: usize| bytes[..upto].iter().filter(|byte| **byte == b'\n').count() as u64;
    for upto in [0, 5, bytes.len() / 2, bytes.len() - 1, bytes.len()] {
        std::fs::write(&cut, &bytes[..upto]).unwrap();
        let summary = run(&cut);
        assert_eq!((&summary["rows"], &summary["resumed"]), (&json!(200), &json!(complete(upto))), "cut at {upto}");
        assert_eq!(answers(&cut), expected, "cut at {upto}");
    }
}

#[test]
fn a_bad_row_gets_its_error_and_the_rest_is_answered() {
    let playground = Playground::start();
    let cli = playground.cli();
    cli.json(&["lookout", "create", "--name", "Balthazar Nkemelu", "--action", "refer", "--reason", "r"]);
    playground.caught_up();
    let (input, out) = (playground.path("rows.csv"), playground.path("out.ndjson"));
    let rows = "id,name,dob\n1,Balthazar Nkemelu,1970\n2,Somebody,1970-13-01\n3,,\n4,Balthazar Nkemelu,\n";
    std::fs::write(&input, rows).unwrap();
    let (input, out_text) = (input.to_string_lossy().into_owned(), out.to_string_lossy().into_owned());
    let summary = cli.json(&["batch", "--in", &input, "--out", &out_text]);
    assert_eq!((&summary["rows"], &summary["errors"], &summary["with_hits"]), (&json!(4), &json!(2), &json!(2)));
    let lines = answers(&out);
    assert!(lines[1]["error"].as_str().unwrap().contains("month 13"), "{}", lines[1]);
    assert!(lines[2]["error"].as_str().unwrap().contains("needs a name"), "{}", lines[2]);
    assert_eq!(lines[3]["hits"][0]["name"], "Balthazar Nkemelu");
}
