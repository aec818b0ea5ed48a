//! Tests of the UN parser, on a synthetic list in the real form.

use model::lookout::*;

use super::test_support::*;
use super::*;

const SAMPLE: &str = include_str!("../../fixtures/un-sample.xml");

#[test]
fn the_sample_reads_and_a_bad_date_costs_no_entry() {
    let (items, error) = read(Format::UnXml, SAMPLE);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(items.len(), 3);
    let Item::Entry(dated) = &items[1] else { panic!("{:?}", items[1]) };
    assert_eq!(dated.lookout.birth_dates, []);
    assert_eq!(dated.lookout.remarks.as_deref(), Some("Date of birth: 1970-13-12"));
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

/// The one entry of a list with these elements beside a reference and a name.
fn person(inside: &str) -> Lookout {
    let text = format!(
        "<CONSOLIDATED_LIST><INDIVIDUAL><REFERENCE_NUMBER>QDi.1</REFERENCE_NUMBER><FIRST_NAME>ONE</FIRST_NAME>{inside}\
         </INDIVIDUAL></CONSOLIDATED_LIST>"
    );
    let (items, error) = read(Format::UnXml, text);
    assert!(error.is_none(), "{error:?}");
    lookouts(items).remove(0)
}

#[test]
fn values_fold_lines_and_comments_keep_them() {
    let lookout = person(
        "<SECOND_NAME>TWO\n      THREE\u{1}</SECOND_NAME><NAME_ORIGINAL_SCRIPT>\u{623}\r\n \u{628}</NAME_ORIGINAL_SCRIPT>\
         <NATIONALITY><VALUE>United\n Kingdom</VALUE></NATIONALITY><TITLE><VALUE>Dr.</VALUE></TITLE>\
         <COMMENTS1>one\ntwo\u{7}</COMMENTS1>",
    );
    assert_eq!(lookout.display_name(), "ONE TWO THREE");
    assert_eq!(lookout.names[0].original.as_deref(), Some("\u{623} \u{628}"));
    assert_eq!(lookout.countries[0].code, "GBR");
    assert_eq!(lookout.remarks.as_deref(), Some("Dr.; one\ntwo"));
}

#[test]
fn an_identifier_that_cannot_be_read_goes_into_the_remarks() {
    let (long, name) = ("x".repeat(70), "n".repeat(600));
    let lookout = person(&format!(
        "<INDIVIDUAL_DATE_OF_BIRTH><DATE>1960-01-01-05:00</DATE></INDIVIDUAL_DATE_OF_BIRTH>\
         <INDIVIDUAL_DATE_OF_BIRTH><YEAR>1961Z</YEAR></INDIVIDUAL_DATE_OF_BIRTH>\
         <INDIVIDUAL_DATE_OF_BIRTH><DATE>1962-02-03T00:00:00+01:00</DATE><NOTE>false passport</NOTE></INDIVIDUAL_DATE_OF_BIRTH>\
         <INDIVIDUAL_DATE_OF_BIRTH><FROM_YEAR>1972</FROM_YEAR><TO_YEAR>1968</TO_YEAR></INDIVIDUAL_DATE_OF_BIRTH>\
         <INDIVIDUAL_DATE_OF_BIRTH><NOTE>Nov. 1973</NOTE></INDIVIDUAL_DATE_OF_BIRTH>\
         <INDIVIDUAL_DATE_OF_BIRTH><NOTE>29 years old</NOTE></INDIVIDUAL_DATE_OF_BIRTH>\
         <NATIONALITY><VALUE>{long}</VALUE></NATIONALITY>\
         <INDIVIDUAL_ALIAS><ALIAS_NAME>{name}</ALIAS_NAME></INDIVIDUAL_ALIAS>\
         <INDIVIDUAL_DOCUMENT><TYPE_OF_DOCUMENT>Passport</TYPE_OF_DOCUMENT><NUMBER>A1{long}</NUMBER></INDIVIDUAL_DOCUMENT>"
    ));
    let dates: Vec<String> = lookout.birth_dates.iter().map(ToString::to_string).collect();
    assert_eq!(dates, ["1960-01-01", "1961", "1962-02-03", "1973-11"]);
    let expected = format!(
        "Name: {name}; Date of birth 1962-02-03T00:00:00+01:00: false passport; Date of birth: 1972 to 1968; \
         Date of birth: 29 years old; Passport: A1{long}; Country of nationality: {long}"
    );
    assert_eq!(lookout.remarks, Some(expected));
    assert!(lookout.countries.is_empty() && lookout.documents.is_empty());
}

#[test]
fn only_an_entry_without_reference_or_name_is_rejected() {
    let many: String = (0..300).map(|n| format!("<NATIONALITY><VALUE>Land {n}</VALUE></NATIONALITY>")).collect();
    let aliases: String =
        (0..300).map(|n| format!("<INDIVIDUAL_ALIAS><ALIAS_NAME>N {n}</ALIAS_NAME></INDIVIDUAL_ALIAS>")).collect();
    let lookout = person(&(many + &aliases));
    assert_eq!((lookout.countries.len(), lookout.names.len()), (128, 256));
    let text = "<CONSOLIDATED_LIST><INDIVIDUAL><FIRST_NAME>A</FIRST_NAME></INDIVIDUAL>\
        <ENTITY><REFERENCE_NUMBER>QDe.2</REFERENCE_NUMBER></ENTITY></CONSOLIDATED_LIST>\u{1a}\n";
    let (items, error) = read(Format::UnXml, text);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(rejection(&items[0]), (1, "REFERENCE_NUMBER", "is empty"));
    assert_eq!(rejection(&items[1]).1, "FIRST_NAME");
    assert!(matches!(&items[1], Item::Rejected(r) if r.reference.as_deref() == Some("QDe.2")));
    let (_, error) = read(Format::UnXml, "<CONSOLIDATED_LIST><INDIVIDUALS/></CONSOLIDATED_LIST>");
    assert!(matches!(error, Some(ImportError::Empty { .. })), "{error:?}");
}

#[test]
fn documents_are_found_by_number_and_their_words_are_kept() {
    let document = |inside: &str| format!("<INDIVIDUAL_DOCUMENT>{inside}</INDIVIDUAL_DOCUMENT>");
    let lookout = person(
        &[
            "<TYPE_OF_DOCUMENT>Passport</TYPE_OF_DOCUMENT><NUMBER>CAR diplomatic passport no. D1</NUMBER><NOTE>valid until 2018</NOTE>",
            "<TYPE_OF_DOCUMENT>Numéro de passeport</TYPE_OF_DOCUMENT><NUMBER>P77</NUMBER>",
            "<TYPE_OF_DOCUMENT>National Identification Number</TYPE_OF_DOCUMENT><TYPE_OF_DOCUMENT2>national passport</TYPE_OF_DOCUMENT2><NUMBER>8200203535</NUMBER>",
            "<TYPE_OF_DOCUMENT>National Identification Number</TYPE_OF_DOCUMENT><TYPE_OF_DOCUMENT2>card (tazkira) number 545167</TYPE_OF_DOCUMENT2><NOTE>issued in 1974</NOTE>",
            "<TYPE_OF_DOCUMENT>Passport</TYPE_OF_DOCUMENT><NOTE>Yemeni passport number 17979 issued under name X</NOTE>",
            "<TYPE_OF_DOCUMENT>Passport</TYPE_OF_DOCUMENT><ISSUING_COUNTRY>Egypt</ISSUING_COUNTRY><NOTE>issued in 1993</NOTE>",
            "<TYPE_OF_DOCUMENT>Passport</TYPE_OF_DOCUMENT><NOTE>(July 1997)</NOTE>",
        ]
        .map(document)
        .concat(),
    );
    let found: Vec<_> = lookout.documents.iter().map(|d| (d.kind, d.number.as_str(), d.country.as_deref())).collect();
    assert_eq!(
        found,
        [
            (DocumentKind::Passport, "D1", Some("CAF")),
            (DocumentKind::Passport, "P77", None),
            (DocumentKind::Passport, "8200203535", None),
            (DocumentKind::NationalId, "545167", None),
            (DocumentKind::Passport, "17979", Some("YEM")),
        ]
    );
    assert_eq!(
        lookout.remarks.as_deref(),
        Some(
            "Passport D1: CAR diplomatic passport no. D1, valid until 2018; \
             National Identification Number 8200203535: national passport; \
             National Identification Number 545167: card (tazkira) number 545167, issued in 1974; \
             Passport 17979: Yemeni passport number 17979 issued under name X; \
             Passport: issued in 1993, Egypt; Passport: (July 1997)"
        )
    );
}

#[test]
fn what_aliases_say_of_birth_is_the_subjects() {
    let lookout = person(
        "<INDIVIDUAL_ALIAS><ALIAS_NAME>Uno</ALIAS_NAME><DATE_OF_BIRTH>1970-02-03</DATE_OF_BIRTH><CITY_OF_BIRTH>Tunis\
         </CITY_OF_BIRTH><COUNTRY_OF_BIRTH>Tunisia</COUNTRY_OF_BIRTH><NOTE>previously listed as</NOTE></INDIVIDUAL_ALIAS>\
         <INDIVIDUAL_ALIAS><ALIAS_NAME>Eins</ALIAS_NAME><DATE_OF_BIRTH>1970-02-03</DATE_OF_BIRTH></INDIVIDUAL_ALIAS>",
    );
    assert_eq!(lookout.birth_dates.len(), 1);
    assert_eq!(lookout.birth_places, ["Tunis, Tunisia"]);
    assert_eq!(lookout.countries, [Country { role: CountryRole::Birth, code: "TUN".into() }]);
    assert_eq!(lookout.remarks.as_deref(), Some("Alias Uno: previously listed as"));
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
