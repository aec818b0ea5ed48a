//! Tests of the UN parser, on a synthetic list in the real form.

use model::lookout::*;

use super::test_support::*;
use super::*;

const SAMPLE: &str = include_str!("../../fixtures/un-sample.xml");

#[test]
fn the_sample_reads_and_a_bad_date_rejects_its_entry_alone() {
    let (items, error) = read(Format::UnXml, SAMPLE);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(items.len(), 3);
    assert_eq!(rejection(&items[1]), (2, "DATE", "month 13 does not exist"));
    let Item::Entry(person) = &items[0] else { panic!("{:?}", items[0]) };
    assert_eq!(person.reference, "QDi.9901");
    let lookout = &person.lookout;
    assert_eq!(lookout.display_name(), "TESTOR IBN FIXTURE AL-SAMPLI");
    assert!(lookout.names[0].original.as_deref().is_some_and(|name| name.starts_with('ت')));
    let kinds: Vec<NameKind> = lookout.names.iter().map(|name| name.kind).collect();
    assert_eq!(kinds, [NameKind::Primary, NameKind::Alias, NameKind::WeakAlias]);
    let dates: Vec<String> = lookout.birth_dates.iter().map(ToString::to_string).collect();
    assert_eq!(dates, ["1970-03-12", "circa 1969", "1968/1972"]);
    assert_eq!(lookout.birth_places, ["Samplitown, Fixture, Yemen"]);
    assert_eq!((lookout.documents.len(), lookout.documents[0].country.as_deref()), (2, Some("YEM")));
    assert!(lookout.countries.contains(&Country { role: CountryRole::Address, code: "IRN".into() }));
    assert_eq!(lookout.remarks.as_deref(), Some("Head of fixtures; Invented for tests & nothing else."));
    let Item::Entry(company) = &items[2] else { panic!("{:?}", items[2]) };
    assert_eq!(company.lookout.display_name(), "FIXTURE TRADING & SAMPLES COMPANY");
    assert_eq!(company.lookout.names.len(), 4);
    assert_eq!(company.lookout.names[3].kind, NameKind::Former);
}

#[test]
fn entities_are_never_expanded() {
    let bomb = r#"<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><CONSOLIDATED_LIST>&b;</CONSOLIDATED_LIST>"#;
    let (items, error) = read(Format::UnXml, bomb);
    assert!(items.is_empty());
    let error = error.expect("refused").to_string();
    assert!(error.contains("at byte") && error.contains("DOCTYPE declares entities"), "{error}");
    let unknown = SAMPLE.replace("&amp;", "&secret;");
    let error = read(Format::UnXml, unknown).1.expect("refused").to_string();
    assert!(error.contains("refers to an entity"), "{error}");
}

#[test]
fn a_list_cut_short_is_an_error_wherever_the_cut_is() {
    for at in (0..SAMPLE.trim_end().len()).step_by(97).filter(|at| SAMPLE.is_char_boundary(*at)) {
        let (_, error) = read(Format::UnXml, &SAMPLE[..at]);
        assert!(matches!(error, Some(ImportError::Xml { .. })), "cut at {at} went unseen");
    }
}

#[test]
fn size_and_depth_are_bounded() {
    let deep = format!("<CONSOLIDATED_LIST><INDIVIDUAL>{}", "<a>".repeat(100));
    assert!(read(Format::UnXml, deep).1.expect("refused").to_string().contains("deeper than"));
    for inside in ["x".repeat(3_000_000), "<a/>".repeat(1_000_000), format!("<{}>", "x".repeat(3_000_000))] {
        let large = format!("<CONSOLIDATED_LIST><INDIVIDUAL>{inside}");
        let error = read(Format::UnXml, large).1.expect("refused").to_string();
        assert!(error.contains("larger than 1048576 bytes"), "{error}");
    }
    let error = read(Format::UnXml, "<html></html>").1.expect("refused").to_string();
    assert!(error.contains("must be CONSOLIDATED_LIST"), "{error}");
    assert!(read(Format::UnXml, b"\xff\xfe\x00garbage").1.is_some());
}
