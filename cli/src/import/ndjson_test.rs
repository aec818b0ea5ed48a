//! Tests of the NDJSON parser.

use model::lookout::*;

use super::test_support::*;
use super::*;

#[test]
fn arrays_texts_and_numbers_read() {
    let text = r#"{"ref":17,"name":"Test Sample","aliases":["T; Sample","Tess"],"dob":"1970","nationality":["SYR"],"document":[123],"remarks":null}

{"ref":"b","type":"vehicle","plate":["AB 1:TX"],"registration":["1M8GDM9AXKP042788"]}"#;
    let (items, error) = read(Format::Ndjson, text);
    assert!(error.is_none(), "{error:?}");
    let all = lookouts(items);
    assert_eq!(all[0].names[1].full, "T; Sample", "an array needs no separator");
    assert_eq!(all[0].documents[0].number, "123");
    assert_eq!(all[1].registrations[0].kind, RegistrationKind::Vin);
}

#[test]
fn a_bad_line_is_named_and_the_rest_goes_in() {
    let long = "x".repeat(100_000);
    let huge = "x".repeat(4_000_000);
    let deep = "[".repeat(10_000);
    let lines = [
        "{\"ref\":\"1\",\"name\":\"Secret Name\"".to_string(),
        r#"{"ref":"2","alias":"x"}"#.into(),
        r#"{"ref":"3","name":"n","dob":["1971-02-29"]}"#.into(),
        format!(r#"{{"ref":"4","name":"{long}"}}"#),
        format!(r#"{{"ref":"5","name":"{huge}"}}"#),
        r#"{"ref":"6","name":["a","b"]}"#.into(),
        r#"{"ref":"7","name":"a\u0007b"}"#.into(),
        "[1]".into(),
        format!(r#"{{"ref":"9","name":{deep}"#),
        r#"{"ref":"10","name":"Good"}"#.into(),
    ];
    let (items, error) = read(Format::Ndjson, lines.join("\n"));
    assert!(error.is_none(), "{error:?}");
    let rejected: Vec<_> = items[..9].iter().map(rejection).collect();
    assert_eq!(rejected[0], (1, "", "is not a whole JSON object"));
    assert_eq!((rejected[1].0, rejected[1].1), (2, "alias"));
    assert_eq!(rejected[2], (3, "dob", "1971-02 has no day 29"));
    assert_eq!(rejected[3].1, "name");
    assert_eq!(rejected[4], (5, "", "is larger than 1048576 bytes"));
    assert_eq!(rejected[5], (6, "name", "takes one value"));
    assert_eq!(rejected[6], (7, "name", "holds the control character U+0007"));
    assert_eq!(rejected[7].2, "is not a JSON object");
    assert_eq!(rejected[8].0, 9);
    assert_eq!(items.len(), 10);
}

#[test]
fn only_numbers_that_are_kept_exactly_are_taken_for_texts() {
    let lines = [
        r#"{"ref":"1","name":"n","document":[18446744073709551615]}"#,
        r#"{"ref":"2","name":"n","document":[18446744073709551616]}"#,
        r#"{"ref":"3","name":"n","document":1.5}"#,
        r#"{"ref":"4","name":"n","remarks":12e3}"#,
        r#"{"ref":1e2,"name":"n"}"#,
        r#"{"ref":"6","name":"n","document":[-7],"remarks":true}"#,
    ];
    let (items, error) = read(Format::Ndjson, lines.join("\n") + "\n\u{1a}\n");
    assert!(error.is_none(), "{error:?}");
    let Item::Entry(first) = &items[0] else { panic!("{:?}", items[0]) };
    assert_eq!(first.lookout.documents[0].number, "18446744073709551615");
    let columns: Vec<&str> = items[1..].iter().map(|item| rejection(item).1).collect();
    assert_eq!(columns, ["document", "document", "remarks", "ref", "remarks"]);
    assert!(rejection(&items[1]).2.contains("number"));
    let Item::Rejected(second) = &items[1] else { panic!() };
    assert_eq!(second.reference.as_deref(), Some("2"));
}

#[test]
fn a_file_cut_inside_its_last_line_is_an_error() {
    let (items, error) = read(Format::Ndjson, "{\"ref\":\"1\",\"name\":\"One\"}\n{\"ref\":\"2\",\"na");
    assert_eq!(items.len(), 1);
    assert!(matches!(error, Some(ImportError::Truncated { row: 2, .. })), "{error:?}");
}

#[test]
fn a_generated_list_reads_alike_in_both_formats() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = generator::Config { seed: 3, people: 2_000 };
    let summary = generator::write_lists(dir.path(), &config).expect("writes");
    let (csv, error) = items(Format::Csv, &dir.path().join("list.csv"));
    assert!(error.is_none(), "{error:?}");
    let (ndjson, error) = items(Format::Ndjson, &dir.path().join("list.ndjson"));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(csv.len() as u64, summary.entries);
    assert!(csv == ndjson, "the same entries in both formats");
    for (item, subject) in csv.iter().zip(generator::people(&config)) {
        let Item::Entry(entry) = item else { panic!("{item:?}") };
        assert_eq!((&entry.reference, &entry.lookout), (&subject.reference, &subject.lookout));
    }
}
