//! Tests of the CSV parser: what it reads, and how bad input is named.

use model::lookout::*;

use super::test_support::*;
use super::*;

#[test]
fn every_column_reads() {
    let text = "\u{feff}ref,type,name,aliases,weak_aliases,original_name,dob,sex,nationality,countries,document,plate,registration,action,reason,remarks\r\n\
        A-1,person,\"Sample, Test\",T Sample; Tess Sample,Tee,Пример,1970-03-12;circa 1971;1968/1972,F,Syria;KP,birth:Iraq;France,P 123;national-id:77:DE;visa:V9:KP:stolen;passport:X 8:lost,AB 1:TX,,armed-and-dangerous,\"because \"\"x\"\"\",note\n\
        A-2,vessel,MV SAMPLE,,,,,,,flag:Panama,,,9319466;call-sign:AB1,,,\n";
    let (items, error) = read(Format::Csv, text);
    assert!(error.is_none(), "{error:?}");
    let all = lookouts(items);
    let person = &all[0];
    assert_eq!(person.names.len(), 4);
    assert_eq!(person.names[0].original.as_deref(), Some("Пример"));
    assert_eq!(person.names[3].kind, NameKind::WeakAlias);
    assert_eq!(person.birth_dates.len(), 3);
    assert_eq!(person.sex, Some(Sex::Female));
    let codes: Vec<&str> = person.countries.iter().map(|country| country.code.as_str()).collect();
    assert_eq!(codes, ["SYR", "PRK", "IRQ", "FRA"]);
    assert_eq!(
        person.documents[1],
        Document { kind: DocumentKind::NationalId, number: "77".into(), country: Some("DEU".into()), state: None }
    );
    let reported: Vec<_> =
        person.documents.iter().map(|it| (it.number.as_str(), it.country.as_deref(), it.state)).collect();
    let (stolen, lost) = (Some(DocumentState::Stolen), Some(DocumentState::Lost));
    assert_eq!(reported[2..], [("V9", Some("PRK"), stolen), ("X 8", None, lost)]);
    assert_eq!(person.plates[0], Plate { number: "AB 1".into(), jurisdiction: Some("TX".into()) });
    assert_eq!((person.action, person.reason.as_str()), (Action::ArmedAndDangerous, "because \"x\""));
    assert_eq!(all[1].registrations[0], Registration { kind: RegistrationKind::Imo, number: "9319466".into() });
    assert_eq!(all[1].registrations[1].kind, RegistrationKind::CallSign);
}

#[test]
fn a_bad_row_is_named_and_the_rest_goes_in() {
    let long = "x".repeat(100_000);
    let text = format!(
        "ref,name,dob,action,document\n1,Good One,1970,,\n2,Bad Month,1970-13-01,,\n3,{long},,,\n4,Bad\u{1}Name,,,\n5,Bad Action,,shoot,\n\
         ,No Reference,,,\n6,Few\n7,Many,,,,,\n8,,,,\n1,Again,,,\n9,Bad Document,,,seal:1\n10,Good Ten,,,\n"
    );
    let (items, error) = read(Format::Csv, text);
    assert!(error.is_none(), "{error:?}");
    let rejected: Vec<_> = items[1..11].iter().map(rejection).collect();
    assert_eq!(rejected[0], (3, "dob", "month 13 does not exist"));
    assert_eq!(rejected[1], (4, "name", "has 100000 characters, at most 512 are allowed"));
    assert_eq!(rejected[2], (5, "name", "holds the control character U+0001"));
    assert_eq!(rejected[3], (6, "action", "must be one of refer, armed-and-dangerous, verify-visa, information-only"));
    assert_eq!(rejected[4], (7, "ref", "is empty"));
    assert_eq!(rejected[5], (8, "", "has 2 cells, the header has 5"));
    assert_eq!(rejected[6], (9, "", "has 7 cells, the header has 5"));
    assert_eq!(rejected[7].1, "name");
    assert_eq!(rejected[8], (11, "ref", "stands in the list a second time"));
    assert_eq!((rejected[9].0, rejected[9].1), (12, "document"));
    assert!(matches!(&items[11], Item::Entry(entry) if entry.reference == "10"));
    assert_eq!(items.len(), 12);
    let Item::Rejected(second) = &items[1] else { panic!() };
    assert_eq!(second.reference.as_deref(), Some("2"), "the importer must not take the entry for gone");
}

#[test]
fn a_file_cut_short_is_an_error() {
    for text in ["ref,name\n1,One\n2,\"Tw", "ref,name\n1,One\n2"] {
        let (items, error) = read(Format::Csv, text);
        assert_eq!(items.len(), 1);
        assert!(matches!(error, Some(ImportError::Truncated { row: 3, .. })), "{error:?}");
    }
    assert!(read(Format::Csv, "ref,name\n1,One\n2,Two").1.is_none(), "a last line without a break is whole");
}

#[test]
fn a_huge_line_and_bytes_that_are_no_text() {
    let mut text = b"ref,name\n1,".to_vec();
    text.resize(text.len() + 8_000_000, b'x');
    text.extend_from_slice(b"\n2,\xff\xfe\n3,Three\n");
    let (items, error) = read(Format::Csv, text);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(rejection(&items[0]), (2, "", "is larger than 1048576 bytes"));
    assert_eq!(rejection(&items[1]), (3, "name", "is not UTF-8"));
    for (item, reference) in items.iter().zip(["1", "2"]) {
        assert!(matches!(item, Item::Rejected(r) if r.reference.as_deref() == Some(reference)), "{item:?}");
    }
    assert_eq!(items.len(), 3);
}

#[test]
fn what_is_no_reference_is_not_shown() {
    let long = "r".repeat(900_000);
    let (items, error) = read(Format::Csv, format!("name,ref,dob\nA,{long},x\nB,\u{1b}[31m,x\nC,a b,1970\nD,d,x\n"));
    assert!(error.is_none(), "{error:?}");
    let rejected = items.iter().map(|item| match item {
        Item::Rejected(rejected) => rejected,
        Item::Entry(entry) => panic!("{entry:?}"),
    });
    let rejected: Vec<&Rejection> = rejected.collect();
    assert!(rejected[..3].iter().all(|r| r.reference.is_none() && r.reason.len() < 100), "{rejected:?}");
    assert_eq!(rejected[3].reference.as_deref(), Some("d"));
}

#[test]
fn an_end_mark_is_no_row_and_a_list_without_rows_is_an_error() {
    for text in ["ref,name\n1,One\n\u{1a}", "ref,name\n1,One\n\u{1a}\r\n", "ref,name\n1,One\u{1a}\n"] {
        let (items, error) = read(Format::Csv, text);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(lookouts(items)[0].names[0].full, "One");
    }
    for text in ["ref,name\n", "ref,name", "ref,name\r\n\r\n\u{1a}"] {
        let (items, error) = read(Format::Csv, text);
        assert!(items.is_empty() && matches!(error, Some(ImportError::Empty { .. })), "{error:?}");
    }
}

#[test]
fn what_is_no_such_list_says_so() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("list.csv");
    for (text, part) in [
        ("", "empty"),
        ("name\nx\n", "lacks the column `ref`"),
        ("ref,alias\n", "`alias` is no known column"),
        ("ref,ref\n", "twice"),
    ] {
        std::fs::write(&path, text).expect("writes");
        let error = open(Format::Csv, &path).err().expect("refused").to_string();
        assert!(error.contains(part), "{error}");
    }
    let missing = open(Format::Csv, &dir.path().join("none")).err().expect("refused").to_string();
    assert!(missing.contains("none"), "{missing}");
    assert!(open(Format::Csv, dir.path()).err().expect("refused").to_string().contains("directory"));
}

#[test]
fn progress_and_digest_follow_the_content() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("list.csv");
    std::fs::write(&path, "ref,name\n1,One\n").expect("writes");
    let mut reader = open(Format::Csv, &path).expect("opens");
    assert_eq!((&mut reader).count(), 1);
    assert_eq!((reader.bytes_read(), reader.bytes_total(), reader.entries_read()), (15, 15, 1));
    let digest = || open(Format::Csv, &path).expect("opens").digest();
    let first = digest();
    assert_eq!(first, digest());
    std::fs::write(&path, "ref,name\n1,Ono\n").expect("writes");
    assert_ne!(first, digest());
    assert_eq!(reader.digest(), first, "of what it read, not of what the path names now");
}
