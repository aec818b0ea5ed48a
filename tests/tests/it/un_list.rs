//! The consolidated list of the United Nations, from the file to the hit.

use portcullis_tests::Playground;
use serde_json::json;

/// In the form of the real list; nobody in it exists.
const LIST: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<CONSOLIDATED_LIST dateGenerated="2026-01-02T03:04:05Z">
  <INDIVIDUALS>
    <INDIVIDUAL>
      <DATAID>6900001</DATAID>
      <VERSIONNUM>1</VERSIONNUM>
      <FIRST_NAME>TAMERLAN</FIRST_NAME>
      <SECOND_NAME>YUSUPBEK</SECOND_NAME>
      <THIRD_NAME>OQSUVLIYEV</THIRD_NAME>
      <UN_LIST_TYPE>Al-Qaida</UN_LIST_TYPE>
      <REFERENCE_NUMBER>QDi.9917</REFERENCE_NUMBER>
      <LISTED_ON>2001-10-17</LISTED_ON>
      <NAME_ORIGINAL_SCRIPT>Тамерлан Юсупбек Оксувлиев</NAME_ORIGINAL_SCRIPT>
      <COMMENTS1>Invented for a test.</COMMENTS1>
      <NATIONALITY><VALUE>Uzbekistan</VALUE></NATIONALITY>
      <LIST_TYPE><VALUE>UN List</VALUE></LIST_TYPE>
      <INDIVIDUAL_ALIAS>
        <QUALITY>Good</QUALITY>
        <ALIAS_NAME>Temur Galimjonov</ALIAS_NAME>
      </INDIVIDUAL_ALIAS>
      <INDIVIDUAL_DATE_OF_BIRTH>
        <TYPE_OF_DATE>EXACT</TYPE_OF_DATE>
        <DATE>1971-04-09</DATE>
      </INDIVIDUAL_DATE_OF_BIRTH>
      <INDIVIDUAL_DOCUMENT>
        <TYPE_OF_DOCUMENT>Passport</TYPE_OF_DOCUMENT>
        <NUMBER>KA7771234</NUMBER>
        <ISSUING_COUNTRY>Uzbekistan</ISSUING_COUNTRY>
      </INDIVIDUAL_DOCUMENT>
    </INDIVIDUAL>
  </INDIVIDUALS>
  <ENTITIES>
    <ENTITY>
      <DATAID>6900002</DATAID>
      <VERSIONNUM>1</VERSIONNUM>
      <FIRST_NAME>MERIDIAN CASPIAN HOLDINGS &amp; TRADING</FIRST_NAME>
      <UN_LIST_TYPE>Taliban</UN_LIST_TYPE>
      <REFERENCE_NUMBER>TAe.9902</REFERENCE_NUMBER>
      <LISTED_ON>2012-06-29</LISTED_ON>
      <ENTITY_ALIAS>
        <QUALITY>a.k.a.</QUALITY>
        <ALIAS_NAME>Khazar Zarafshon Exchange</ALIAS_NAME>
      </ENTITY_ALIAS>
      <ENTITY_ADDRESS><COUNTRY>Afghanistan</COUNTRY></ENTITY_ADDRESS>
    </ENTITY>
  </ENTITIES>
</CONSOLIDATED_LIST>
"#;

#[test]
fn a_un_list_goes_in_is_found_by_name_alias_script_and_document_and_changes_nothing_the_second_time() {
    let playground = Playground::start();
    let cli = playground.cli();
    let path = playground.text_path("consolidated.xml");
    std::fs::write(&path, LIST).unwrap();
    let import = ["import", "--format", "un-xml", path.as_str()];
    let counts = |summary: &serde_json::Value| {
        ["read", "created", "updated", "unchanged", "removed", "rejected"].map(|field| summary[field].as_u64().unwrap())
    };
    assert_eq!(counts(&cli.json(&import)), [2, 2, 0, 0, 0, 0]);

    let first = |arguments: &[&str]| {
        let mut line = vec!["screen", "--freshness", "linearizable"];
        line.extend(arguments);
        let answer = cli.json(&line);
        let hit = answer["hits"][0].clone();
        assert!(!hit.is_null(), "{arguments:?} finds nobody");
        hit
    };
    for arguments in [
        &["--name", "Tamerlan Yusupbek Oqsuvliyev", "--dob", "1971-04-09"][..],
        &["--name", "Galimjonov Temur"],
        &["--name", "Тамерлан Юсупбек Оксувлиев"],
        &["--document", "KA 777-1234"],
    ] {
        let hit = first(arguments);
        assert_eq!((&hit["source_ref"], &hit["source"]), (&json!("QDi.9917"), &json!("un-sc")), "{arguments:?}");
    }
    for name in ["Meridian Caspian Holdings & Trading", "Khazar Zarafshon Exchange"] {
        assert_eq!(first(&["--name", name])["source_ref"], "TAe.9902", "{name}");
    }
    let person = first(&["--document", "KA7771234"]);
    let record = cli.json(&["lookout", "get", person["id"].as_str().unwrap()]);
    let lookout = &record["lookout"];
    assert_eq!((&lookout["subject"], &lookout["birth_dates"]), (&json!("person"), &json!(["1971-04-09"])));
    assert_eq!(lookout["names"][0]["original"], "Тамерлан Юсупбек Оксувлиев");
    assert_eq!(lookout["documents"][0]["country"], "UZB");

    assert_eq!(counts(&cli.json(&import)), [2, 0, 0, 2, 0, 0]);
    assert_eq!(first(&["--document", "KA7771234"])["version"], 1);
}
