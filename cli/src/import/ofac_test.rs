//! Tests of the OFAC parser: on synthetic rows in the real form, and on the real list where it is at hand.

use std::path::Path;
use std::time::Instant;

use model::lookout::*;

use super::test_support::*;
use super::*;

const NULLS: &str = "-0- ,-0- ,-0- ,-0- ,-0- ,-0- ";

fn write(dir: &Path, sdn: &str, alt: &str, add: &str) {
    for (file, text) in ofac::FILES.iter().zip([sdn, alt, add]) {
        std::fs::write(dir.join(file), format!("{text}\u{1a}")).expect("writes");
    }
}

#[test]
fn remarks_become_fields_and_the_rest_stays() {
    let dir = tempfile::tempdir().expect("a directory");
    let remarks = "DOB 12 Mar 1970; alt. DOB circa 1971; alt. DOB 1968 to 1972; POB Sampletown, Iraq; nationality Korea, North; \
        citizen Syria; Gender Male; Passport X 123 (Syria) issued 01 Jan 2001 expires 31 Dec 2010; alt. Passport Y9; \
        National ID No. 77-1 (Iran); Tax ID No. 5 (Russia); SSN 000-00-0000 (United States); alt. SSN 123-45-6789 (United States); Secondary sanctions risk: x; \
        a.k.a. 'TEE'; f.k.a. 'OLD, Name'; DOB 31 Feb 1970; Linked To: SOMETHING.";
    let sdn = format!(
        "7,\"SAMPLE, Test\",\"individual\",\"SDGT] [IFSR\",\"Minister\",{NULLS},\"{remarks}\"\r\n\
         8,\"MV SAMPLE\",\"vessel\",\"IRAN\",-0- ,\"AB12\",\"Tug\",\"300\",\"99\",\"Panama\",-0- ,\"Vessel Registration Identification IMO 9319466; MMSI 123456789; Former Vessel Flag Malta; alt. Former Vessel Flag None Identified.\"\r\n\
         9,\"XX-ABC\",\"aircraft\",\"SDGT\",-0- ,{NULLS},\"Aircraft Manufacturer's Serial Number (MSN) 42; Aircraft Mode S Transponder Code 400065.\"\r\n\
         10,\"SAMPLE CO.\",-0- ,\"CUBA\",-0- ,{NULLS},-0- \r\n\
         11,\"X\",\"ghost\",\"CUBA\",-0- ,{NULLS},-0- \r\n"
    );
    write(
        dir.path(),
        &sdn,
        "7,1,\"aka\",\"SAMPEL, Tess\",-0- \r\n",
        "7,1,\"Street 1\",\"City\",\"Cote d Ivoire\",-0- \r\n",
    );
    let (mut items, error) = items(Format::OfacSdn, dir.path());
    assert!(error.is_none(), "{error:?}");
    assert_eq!(rejection(&items[4]), (5, "type", "must be individual, vessel, aircraft or -0-"));
    items.truncate(4);
    let all = lookouts(items);
    let person = &all[0];
    assert_eq!((person.display_name(), person.reason.as_str()), ("Test SAMPLE", "OFAC SDN: SDGT, IFSR"));
    let names: Vec<(NameKind, &str)> = person.names.iter().map(|name| (name.kind, name.full.as_str())).collect();
    assert_eq!(
        names[1..],
        [(NameKind::Alias, "Tess SAMPEL"), (NameKind::WeakAlias, "TEE"), (NameKind::Former, "Name OLD")]
    );
    let dates: Vec<String> = person.birth_dates.iter().map(ToString::to_string).collect();
    assert_eq!(dates, ["1970-03-12", "circa 1971", "1968/1972"]);
    assert_eq!(person.sex, Some(Sex::Male));
    let countries: Vec<(CountryRole, &str)> = person.countries.iter().map(|c| (c.role, c.code.as_str())).collect();
    for expected in [
        (CountryRole::Nationality, "PRK"),
        (CountryRole::Citizenship, "SYR"),
        (CountryRole::Birth, "IRQ"),
        (CountryRole::Address, "CIV"),
    ] {
        assert!(countries.contains(&expected), "{expected:?}");
    }
    let documents: Vec<(DocumentKind, &str)> = person.documents.iter().map(|d| (d.kind, d.number.as_str())).collect();
    assert_eq!(
        documents,
        [
            (DocumentKind::Passport, "X 123"),
            (DocumentKind::Passport, "Y9"),
            (DocumentKind::NationalId, "77-1"),
            (DocumentKind::TaxId, "5"),
            (DocumentKind::NationalId, "000-00-0000"),
            (DocumentKind::SocialSecurity, "123-45-6789"),
        ]
    );
    let rest = "Title: Minister; Secondary sanctions risk: x; DOB 31 Feb 1970; Linked To: SOMETHING";
    assert_eq!(person.remarks.as_deref(), Some(rest));
    assert_eq!(all[1].registrations.len(), 3);
    let rest = "Vessel type: Tug; Tonnage: 300; Gross registered tonnage: 99; Former Vessel Flag Malta; \
        alt. Former Vessel Flag None Identified";
    assert_eq!(all[1].remarks.as_deref(), Some(rest));
    let flags = ["MLT", "PAN"].map(|code| Country { role: CountryRole::Flag, code: code.into() });
    assert_eq!(all[1].countries, flags);
    assert_eq!(all[2].registrations[0], Registration { kind: RegistrationKind::TailNumber, number: "XX-ABC".into() });
    assert_eq!(all[3].subject, SubjectKind::Business);
}

#[test]
fn a_list_cut_short_is_an_error() {
    let dir = tempfile::tempdir().expect("a directory");
    let row = format!("7,\"A\",-0- ,\"X\",-0- ,{NULLS},-0- \r\n");
    write(dir.path(), &row, "8,1,\"aka\",\"B\",-0- \r\n", "");
    let (items, error) = items(Format::OfacSdn, dir.path());
    assert_eq!(items.len(), 1);
    assert!(error.expect("refused").to_string().contains("entry 8"));
    std::fs::remove_file(dir.path().join("add.csv")).expect("removes");
    assert!(open(Format::OfacSdn, dir.path()).err().expect("refused").to_string().contains("add.csv"));
}

#[test]
fn a_side_file_cut_short_is_an_error_before_anything_is_read() {
    let dir = tempfile::tempdir().expect("a directory");
    let row = format!("7,\"A\",-0- ,\"X\",-0- ,{NULLS},-0- \r\n");
    let refused = || open(Format::OfacSdn, dir.path()).err().expect("refused").to_string();
    write(dir.path(), &row, "7,1,\"aka\",\"B\",-0- \r\n", "");
    assert!(open(Format::OfacSdn, dir.path()).is_ok());
    std::fs::write(dir.path().join("alt.csv"), "").expect("writes");
    assert_eq!(refused(), "alt.csv: cut short: is empty; fetch the file again");
    std::fs::write(dir.path().join("alt.csv"), "7,1,\"aka\",\"B\",-0- \r\n").expect("writes");
    assert!(refused().contains("alt.csv: cut short: lacks the end mark"), "{}", refused());
    write(dir.path(), &row, "x\u{1b}y,2\r\n", "");
    assert!(refused().contains("alt.csv: row 1 belongs to no entry"), "{}", refused());
}

#[test]
fn a_cut_remark_ends_in_text() {
    let dir = tempfile::tempdir().expect("a directory");
    for (length, documents) in [(998, 2), (1_000, 1)] {
        let (start, end) = ("Passport A1111111; Linked To: ", "; Passport B22222");
        let remarks = format!("{start}{}{end}", "X".repeat(length - start.len() - end.len()));
        write(dir.path(), &format!("7,\"A\",-0- ,\"X\",-0- ,{NULLS},\"{remarks}\"\r\n"), "", "");
        let person = lookouts(items(Format::OfacSdn, dir.path()).0).remove(0);
        assert_eq!(person.documents.len(), documents);
        assert_eq!(person.remarks.expect("remarks").ends_with("Passport B22222"), documents == 1);
    }
}

#[test]
fn bad_rows_of_any_file_are_named_and_their_entries_keep_what_is_stored() {
    let dir = tempfile::tempdir().expect("a directory");
    let whole = format!(",\"A\",-0- ,\"X\",-0- ,{NULLS},-0- \r\n");
    let row = format!("7{whole}8,too few\r\n9{whole}");
    write(dir.path(), &row, "8,1,\"aka\",\"B\",-0- \r\n7,2\r\n7,3\r\n", "");
    let mut reader = open(Format::OfacSdn, dir.path()).expect("opens");
    let items: Vec<Item> = (&mut reader).map(|item| item.expect("no end before the end")).collect();
    let (row, _, reason) = rejection(&items[0]);
    assert!(row == 1 && reason.starts_with("a row of alt.csv about this entry cannot be read"), "{reason}");
    assert_eq!(rejection(&items[1]), (2, "", "has 2 cells, expected 12"));
    let references = items.iter().filter_map(|item| match item {
        Item::Rejected(rejected) => rejected.reference.as_deref(),
        Item::Entry(entry) => Some(entry.reference.as_str()),
    });
    assert_eq!(references.collect::<Vec<_>>(), ["7", "8", "9", "7", "7"]);
    assert!(matches!(&items[2], Item::Entry(_)));
    assert!(matches!(&items[3], Item::Rejected(r) if r.file == "alt.csv" && r.row == 2));
    assert!(matches!(&items[4], Item::Rejected(r) if r.file == "alt.csv" && r.row == 3));
    assert_eq!(reader.entries_read(), 3);
}

#[test]
fn the_real_list_reads_whole() {
    let mut here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = loop {
        let dir = here.join("../shared/data/ofac");
        if dir.join("sdn.csv").is_file() {
            break dir;
        }
        match here.parent() {
            Some(parent) => here = parent,
            None => {
                eprintln!("skipped: the OFAC files are not beside this repository");
                return;
            }
        }
    };
    let start = Instant::now();
    let (items, error) = self::items(Format::OfacSdn, &dir);
    let seconds = start.elapsed().as_secs_f64();
    assert!(error.is_none(), "{error:?}");
    assert!(items.len() >= 8_976, "{}", items.len());
    assert!(self::items(Format::OfacSdn, &dir).0 == items, "the same list twice is the same lookouts");
    let all = lookouts(items);
    let count = |f: fn(&Lookout) -> usize| all.iter().map(f).sum::<usize>();
    let dated = count(|lookout| lookout.birth_dates.len());
    eprintln!(
        "{} entries in {seconds:.2} s: {} names, {dated} dates, {} documents, {} registrations, {} countries, {} places",
        all.len(),
        count(|lookout| lookout.names.len()),
        count(|lookout| lookout.documents.len()),
        count(|lookout| lookout.registrations.len()),
        count(|lookout| lookout.countries.len()),
        count(|lookout| lookout.birth_places.len()),
    );
    assert!(dated > 5_000);
    let unread =
        |word: &str| all.iter().filter_map(|l| l.remarks.as_deref()).filter(|text| text.contains(word)).count();
    for word in ["DOB ", "POB ", "nationality ", "citizen ", "Gender ", "IMO ", "MMSI "] {
        eprintln!("{word}left in the remarks of {}", unread(word));
    }
    let unknown =
        all.iter().flat_map(|lookout| &lookout.countries).filter(|c| model::country::name_of(&c.code).is_none());
    let unknown: std::collections::BTreeSet<&str> = unknown.map(|country| country.code.as_str()).collect();
    eprintln!("countries that no table knows: {unknown:?}");
}
