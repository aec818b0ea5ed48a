//! Bad input: each gets a clear error that names file, row, field and reason; the rest goes in; nothing is lost, nothing
//! crashes, and the cluster answers afterwards.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use client::{ErrorKind, v1};
use portcullis_tests::{CsvList, Playground, Ran, question_named, wanted};
use serde_json::{Value, json};

/// Memory of the command line, however large a line is.
const MEMORY_MAX: u64 = 200 << 20;

/// A cluster with a small list in it, which no bad input may take away.
struct Fixture {
    playground: Playground,
}

impl Fixture {
    fn new() -> Self {
        let playground = Playground::start();
        let list = CsvList::default().row("F1", "Hildegard Mbeki-Larsson", "1944", "H1").row(
            "F2",
            "Ignatius Tolliver",
            "1955",
            "H2",
        );
        let list = list.write(&playground.path("good.csv"));
        assert_eq!(playground.cli().json(&["import", "--format", "csv", "--source", "kept", &list])["created"], 2);
        Self { playground }
    }

    fn import(&self, format: &str, path: &Path) -> Ran {
        let path = path.to_string_lossy().into_owned();
        self.playground.cli().run(&["import", "--format", format, "--source", "kept", &path])
    }

    fn write(&self, name: &str, content: &[u8]) -> std::path::PathBuf {
        let path = self.playground.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Through every node: it answers, and what was there is there.
    fn still_answers(&self) {
        for node in 1..=3 {
            let cli = self.playground.cli_of(node);
            for (document, reference) in [("H1", "F1"), ("H2", "F2")] {
                let answer = cli.json(&["screen", "--document", document, "--freshness", "linearizable"]);
                assert_eq!(answer["hits"][0]["source_ref"], reference, "through node {node}");
            }
        }
    }
}

#[test]
fn a_list_that_cannot_be_read_or_breaks_off_takes_nothing_away() {
    let fixture = Fixture::new();
    let missing = fixture.playground.path("missing.csv");
    fixture.import("csv", &missing).fails(1, &["missing.csv: No such file"]);
    fixture.import("csv", missing.parent().unwrap()).fails(1, &["is a directory, expected a file"]);
    fixture.import("ofac-sdn", missing.parent().unwrap()).fails(1, &["sdn.csv: No such file"]);

    let open = fixture.write("open.csv", b"ref,name,dob\nG1,Somebody New,1970\nG2,\"Never clos,1970\n");
    fixture
        .import("csv", &open)
        .fails(1, &["open.csv: cut short at row 3", "fetch the file again", "nothing was removed"]);
    let half = fixture.write("half.csv", b"ref,name,dob\nG1,Somebody New,1970\nG2,Hal");
    fixture.import("csv", &half).fails(1, &["half.csv: cut short at row 3", "nothing was removed"]);
    let half = fixture.write("half.ndjson", b"{\"ref\":\"G1\",\"name\":\"Somebody New\"}\n{\"ref\":\"G2\",\"na");
    fixture.import("ndjson", &half).fails(1, &["half.ndjson: cut short at row 2"]);
    let half = fixture.write("half.xml", b"<CONSOLIDATED_LIST><INDIVIDUALS><INDIVIDUAL><DATAID>1</DATAID>");
    fixture.import("un-xml", &half).fails(1, &["half.xml: at byte"]);
    let other = fixture.write("other.csv", b"colour,size\nred,1\n");
    fixture.import("csv", &other).fails(1, &["other.csv: "]);
    fixture.still_answers();
}

#[test]
fn an_entity_bomb_is_refused_before_it_goes_off() {
    let fixture = Fixture::new();
    let mut bomb = String::from("<?xml version=\"1.0\"?>\n<!DOCTYPE bomb [<!ENTITY a0 \"boom\">");
    for level in 1..=40 {
        bomb += &format!("<!ENTITY a{level} \"{}\">", format!("&a{};", level - 1).repeat(10));
    }
    bomb += "]>\n<CONSOLIDATED_LIST><INDIVIDUALS><INDIVIDUAL><DATAID>1</DATAID><FIRST_NAME>&a40;</FIRST_NAME>";
    bomb += "</INDIVIDUAL></INDIVIDUALS></CONSOLIDATED_LIST>";
    let bomb = fixture.write("bomb.xml", bomb.as_bytes());
    let ran = fixture.import("un-xml", &bomb).fails(1, &["bomb.xml: at byte", "declares entities"]);
    assert!(ran.peak_memory < MEMORY_MAX, "{} bytes", ran.peak_memory);
    let undeclared = b"<CONSOLIDATED_LIST><INDIVIDUALS><INDIVIDUAL><DATAID>1</DATAID><FIRST_NAME>&a;</FIRST_NAME>\
        </INDIVIDUAL></INDIVIDUALS></CONSOLIDATED_LIST>";
    let undeclared = fixture.write("undeclared.xml", undeclared);
    let ran = fixture.import("un-xml", &undeclared);
    assert!(ran.code == Some(1) || ran.json()["rejected"] == 1, "{ran:?}");
    fixture.still_answers();
}

/// A file of two good rows with a line of this many bytes between them, mostly a hole.
fn with_long_line(path: &Path, [before, after]: [&str; 2], bytes: u64) {
    let mut file = File::create(path).unwrap();
    file.write_all(before.as_bytes()).unwrap();
    file.seek(SeekFrom::Start(bytes)).unwrap();
    file.write_all(after.as_bytes()).unwrap();
}

#[test]
fn a_line_of_a_gigabyte_is_one_bad_row_and_takes_no_memory() {
    let fixture = Fixture::new();
    let csv = fixture.playground.path("long.csv");
    with_long_line(&csv, ["ref,name\nL1,Short Line\nL2,", "\nL3,Another Short Line\n"], 1 << 30);
    let ndjson = fixture.playground.path("long.ndjson");
    let lines = [
        "{\"ref\":\"L1\",\"name\":\"Short Line\"}\n{\"ref\":\"L2\",\"name\":\"",
        "\"}\n{\"ref\":\"L3\",\"name\":\"Short\"}\n",
    ];
    with_long_line(&ndjson, lines, 200 << 20);
    for (format, path, row) in [("csv", &csv, 3), ("ndjson", &ndjson, 2)] {
        let ran = fixture.import(format, path).ok();
        println!("{format}: {:?}, {} KiB", ran.took, ran.peak_memory >> 10);
        assert!(ran.peak_memory < MEMORY_MAX, "{} bytes", ran.peak_memory);
        let summary = ran.json();
        let rejection = &summary["rejections"][0];
        assert_eq!((&summary["read"], &summary["rejected"], &rejection["row"]), (&json!(3), &json!(1), &json!(row)));
        assert!(rejection["reason"].as_str().unwrap().contains("is larger than"), "{rejection}");
    }
    let xml = fixture.playground.path("long.xml");
    let parts = ["<CONSOLIDATED_LIST><INDIVIDUALS><INDIVIDUAL><DATAID>1</DATAID><FIRST_NAME>", "</FIRST_NAME>"];
    with_long_line(&xml, parts, 200 << 20);
    let ran = fixture.import("un-xml", &xml).fails(1, &["long.xml: at byte", "is larger than"]);
    assert!(ran.peak_memory < MEMORY_MAX, "{} bytes", ran.peak_memory);
    fixture.still_answers();
}

#[test]
fn bad_rows_are_named_with_row_column_and_reason_and_the_rest_goes_in() {
    let fixture = Fixture::new();
    let list = CsvList::default()
        .row("J1", "Good First", "1970", "")
        .row("J2", &"x".repeat(100_000), "1970", "")
        .row("J3", "Rings\u{7}Bell", "1970", "")
        .row("J4", "Thirteenth Month", "1970-13-01", "")
        .row("J5", "", "1970", "")
        .row("J6", "Good Last", "1971", "");
    list.write(&fixture.playground.path("rows.csv"));
    let ran = fixture.import("csv", &fixture.playground.path("rows.csv")).ok();
    let summary = ran.json();
    assert_eq!((&summary["read"], &summary["created"], &summary["removed"]), (&json!(6), &json!(2), &json!(0)));
    let named = |at: usize| -> (u64, String, String) {
        let rejection = &summary["rejections"][at];
        let text = |field: &str| rejection[field].as_str().unwrap_or_default().to_string();
        (rejection["row"].as_u64().unwrap(), text("column"), text("reason"))
    };
    for (at, row, column, reason) in [
        (0, 3, "name", "has 100000 characters, at most 512 are allowed"),
        (1, 4, "name", "control character U+0007"),
        (2, 5, "dob", "month 13"),
        (3, 6, "name", ""),
    ] {
        let (named_row, named_column, named_reason) = named(at);
        assert_eq!((named_row, named_column.as_str()), (row, column), "{summary}");
        assert!(named_reason.contains(reason), "{named_reason}");
    }
    ran.says(&["rows.csv:3: name: has 100000 characters", "rows.csv:5: dob: month 13", "nothing was removed"]);
    fixture.still_answers();
}

#[test]
fn wrong_flags_are_named_before_anything_is_sent() {
    let fixture = Fixture::new();
    let cli = fixture.playground.cli();
    let long = "x".repeat(100_000);
    cli.run(&["screen", "--name", &long]).fails(2, &["name: has 100000 characters, at most 512"]);
    cli.run(&["screen", "--name", "a\u{1b}[31mb"]).fails(2, &["name: ", "control character U+001B"]);
    cli.run(&["screen", "--name", "A B", "--dob", "1970-13"]).fails(2, &["dob: month 13"]);
    cli.run(&["screen", "--name", "A B", "--dob", "1970-02-30"]).fails(2, &["dob: "]);
    cli.run(&["screen", "--name", "A B", "--nationality", "Atlantis"]).fails(2, &["nationality: is no country"]);
    cli.run(&["screen", "--name", "A B", "--limit", "101"]).fails(2, &["limit"]);
    cli.run(&["screen"]).fails(2, &["a question needs a name"]);
    let create = |name: &str, dob: &str| {
        cli.run(&["lookout", "create", "--name", name, "--dob", dob, "--action", "refer", "--reason", "r"])
    };
    create(&long, "1970").fails(2, &["has 100000 characters"]);
    create("A\u{0}B".replace('\u{0}', "\u{1}").as_str(), "1970").fails(2, &["control character U+0001"]);
    create("A B", "1970-13-01").fails(2, &["month 13"]);
    cli.run(&["lookout", "get", "not-an-id"]).fails(2, &["id"]);
    cli.run(&["cluster", "transfer-leader", "nonsense", "--to", "1"]).fails(2, &["nonsense"]);
    cli.run(&["cluster", "snapshot", "--group", "records-9"]).fails(3, &["unknown-group", "records-9"]);
    cli.run(&["audit", "verify", "--group", "audit-9"]).fails(3, &["unknown-group", "audit-9"]);
    fixture.still_answers();
}

/// What the command line would have refused reaches the nodes from elsewhere; they refuse it by themselves.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_fields_are_refused_by_the_nodes_with_field_and_reason() {
    let fixture = Fixture::new();
    let client = fixture.playground.client();
    let long = "x".repeat(100_000);
    let screen = |change: fn(&mut v1::ScreenRequest, &str)| {
        let (client, mut question) = (client.clone(), question_named("Somebody", "local"));
        change(&mut question, &long);
        async move { client.screen(question).await }
    };
    let refused = |answer: Result<v1::ScreenResponse, client::ClientError>, field: &str, reason: &str| {
        let error = answer.expect_err(reason);
        assert_eq!((error.kind, error.field.as_deref()), (ErrorKind::Invalid, Some(field)), "{error:?}");
        assert!(error.text.contains(reason), "{error:?}");
    };
    refused(screen(|q, long| q.name = long.into()).await, "name", "100000 characters");
    refused(screen(|q, _| q.name = "a\u{0}b".into()).await, "name", "control character U+0000");
    refused(screen(|q, _| q.birth_date = "1970-13-01".into()).await, "birth_date", "month 13");
    refused(screen(|q, _| q.freshness = "yesterday".into()).await, "freshness", "");
    refused(screen(|q, _| q.threshold = Some(f64::NAN)).await, "threshold", "");
    refused(screen(|q, _| q.limit = 1_000_000).await, "limit", "");

    let create = |lookout: Option<v1::Lookout>| {
        let client = client.clone();
        async move { client.create_lookout(v1::CreateLookoutRequest { lookout, ..Default::default() }).await }
    };
    let bad_name = create(Some(wanted(&long, ""))).await.unwrap_err();
    assert_eq!(bad_name.kind, ErrorKind::Invalid);
    assert!(bad_name.field.unwrap().contains("names") && !bad_name.outcome_unknown);
    let bad_date = v1::Lookout { birth_dates: vec!["1970-13".into()], ..wanted("A B", "") };
    let bad_date = create(Some(bad_date)).await.unwrap_err();
    assert!(bad_date.field.unwrap().contains("birth_dates") && bad_date.text.contains("month 13"));
    assert_eq!(create(None).await.unwrap_err().field.as_deref(), Some("lookout"));

    let created = create(Some(wanted("Stale Version", ""))).await.unwrap();
    let update = v1::UpdateLookoutRequest {
        id: created.id,
        expected_version: 7,
        lookout: Some(wanted("Stale Version", "")),
        ..Default::default()
    };
    let stale = client.update_lookout(update).await.unwrap_err();
    assert_eq!((stale.kind, stale.code.as_str()), (ErrorKind::Refused, "stale-version"));
    let page = v1::ListLookoutsRequest { page_size: 1_000_000, ..Default::default() };
    assert_eq!(client.list_lookouts(page).await.unwrap_err().field.as_deref(), Some("page_size"));
    fixture.still_answers();
}

#[test]
fn a_context_file_that_says_something_unknown_is_refused_by_name() {
    let fixture = Fixture::new();
    let context = fixture.playground.context();
    let run = |name: &str, field: &str, value: Value| {
        let context = context.with(name, field, value);
        portcullis_tests::Cli::with_context(&context.path).run(&["screen", "--name", "A B"])
    };
    run("unknown", "colour", json!("red")).fails(2, &["context-unknown.json", "unknown field `colour`"]);
    run("empty", "endpoints", json!([])).fails(2, &["endpoint"]);
    run("nowhere", "endpoints", json!(["nowhere"])).fails(2, &["`nowhere` is no endpoint; use host:port"]);
    run("user", "user", json!("two words")).fails(2, &["user"]);
    run("closed", "endpoints", json!(["127.0.0.1:1"])).fails(4, &["127.0.0.1:1", "refused"]);
    portcullis_tests::Cli::new().run(&["screen", "--name", "A B"]).fails(2, &["PORTCULLIS_CONTEXT"]);
    fixture.still_answers();
}
