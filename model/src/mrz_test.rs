//! Specimens of ICAO Doc 9303 in every layout, what scanners make of them, and texts that are no zone.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

const TD3_ONE: &str = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<";
const TD3_TWO: &str = "L898902C36UTO7408122F1204159ZE184226B<<<<<10";
const SPECIMENS: [(&str, DocumentKind); 5] = [
    (
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10",
        DocumentKind::Passport,
    ),
    ("I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6", DocumentKind::NationalId),
    (
        "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<",
        DocumentKind::NationalId,
    ),
    ("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C<3UTO6908061F9406236ZE184226B<<<<<<<", DocumentKind::Visa),
    ("V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nL898902C<3UTO6908061F9406236ZE184226", DocumentKind::Visa),
];

/// 2026-11-27 at noon.
const NOW: UnixMillis = UnixMillis(1_795_780_800_000);

fn zone(text: &str) -> Mrz {
    read(text, NOW).expect(text)
}

fn result_of(mrz: &Mrz, field: &str) -> (CheckResult, String) {
    let check = mrz.checks.iter().find(|check| check.field == field).expect(field);
    (check.result, check.note.clone())
}

#[test]
fn every_layout_is_read() {
    assert_eq!(NOW.rfc3339_seconds(), "2026-11-27T12:00:00Z");
    for (text, kind) in SPECIMENS {
        let mrz = zone(text);
        assert_eq!((mrz.kind, mrz.name.as_deref()), (kind, Some("ANNA MARIA ERIKSSON")), "{text}");
        assert_eq!(mrz.sex, Some(Sex::Female));
        let number = if text.contains("L898902C3") { "L898902C3" } else { "L898902C" };
        let number = if text.contains("D23145890") { "D23145890" } else { number };
        assert_eq!(mrz.number.as_deref(), Some(number));
        let born = if kind == DocumentKind::Visa { "1969-08-06" } else { "1974-08-12" };
        assert_eq!(mrz.birth_date.map(|date| date.to_string()).as_deref(), Some(born));
        assert!(mrz.expired, "{text}");
        for check in mrz.checks.iter().filter(|check| !["issuing_state", "nationality"].contains(&check.field)) {
            assert_eq!(check.result, CheckResult::Ok, "{text}: {check:?}");
        }
        let composite = mrz.checks.iter().any(|check| check.field == "composite");
        assert_eq!(composite, kind != DocumentKind::Visa, "a visa has no check digit over the whole");
    }
    let two = TD3_TWO.replace("UTO", "D<<");
    let german = zone(&format!("{}\n{two}", TD3_ONE.replace("UTO", "D<<")));
    assert_eq!((german.nationality.as_deref(), german.issuing_state.as_deref()), (Some("DEU"), Some("DEU")));
    let stateless = zone(&format!("{TD3_ONE}\n{}", TD3_TWO.replace("UTO", "XXA")));
    assert_eq!((stateless.nationality.as_deref(), result_of(&stateless, "nationality").0), (None, CheckResult::Ok));
}

#[test]
fn a_wrong_check_digit_is_named_and_its_date_is_not_relied_on() {
    let mrz = zone(&format!("{TD3_ONE}\n{}", TD3_TWO.replace("7408122", "7408132")));
    assert_eq!(result_of(&mrz, "birth_date"), (CheckResult::Wrong, "the check digit is 2, should be 3".into()));
    assert_eq!(result_of(&mrz, "composite").0, CheckResult::Wrong);
    assert_eq!((mrz.birth_date, result_of(&mrz, "document_number").0), (None, CheckResult::Ok));
    let texts: Vec<String> = mrz.warnings().into_iter().map(|warning| warning.text).collect();
    assert!(texts.contains(&"1974-08-13: the check digit is 2, should be 3, so it is not asked for".into()));
    let mrz = zone(&format!("{TD3_ONE}\n{}", TD3_TWO.replace("L898902C36", "L898902C37")));
    assert_eq!(result_of(&mrz, "document_number"), (CheckResult::Wrong, "the check digit is 7, should be 6".into()));
    assert_eq!(mrz.number.as_deref(), Some("L898902C3"), "still asked for");
    let mrz = zone(&format!("{TD3_ONE}\n{}", TD3_TWO.replace("7408122", "740812<")));
    assert_eq!(result_of(&mrz, "birth_date").0, CheckResult::Missing);
    let mrz = zone(&format!("{TD3_ONE}\n{}", TD3_TWO.replace("7408122", "7A08122")));
    assert_eq!((mrz.birth_date, result_of(&mrz, "birth_date").0), (None, CheckResult::Unreadable));
}

#[test]
fn an_expired_document_is_said() {
    let said = |mrz: &Mrz| mrz.warnings().iter().any(|warning| warning.text == "the document expired on 2012-04-15");
    let text = format!("{TD3_ONE}\n{TD3_TWO}");
    let expired = zone(&text);
    assert!(expired.expired && said(&expired));
    assert_eq!(result_of(&expired, "expiry"), (CheckResult::Ok, "expired on 2012-04-15".into()));
    let at = |day: u64| read(&text, UnixMillis(day * 24 * 60 * 60 * 1000)).expect("reads");
    // 15 April 2012 is day 15,445: the document is good on its last day.
    assert!(!at(15_445).expired && !said(&at(15_445)) && at(15_446).expired);
}

#[test]
fn two_digit_years_are_births_that_were_and_the_nearest_expiries() {
    let day = |text: &str| text.parse::<PartialDate>().expect("a date");
    let today = day("2026-11-27");
    for (written, expected) in [
        ("740812", Some("1974-08-12")),
        ("261127", Some("2026-11-27")),
        ("261128", Some("1926-11-28")),
        ("000229", Some("2000-02-29")),
        ("74<<<<", Some("1974")),
        ("7408<<", Some("1974-08")),
        ("<<0812", None),
        ("741332", None),
        ("74O812", None),
    ] {
        assert_eq!(birth(written, today), expected.map(day), "{written}");
    }
    for (written, expected) in [("120415", "2012-04-15"), ("361231", "2036-12-31"), ("750101", "2075-01-01")] {
        assert_eq!(expiry(written, today), Some(day(expected)), "{written}");
    }
    assert_eq!(expiry("760101", today), Some(day("1976-01-01")));
    assert_eq!(expiry("990101", day("1998-05-05")), Some(day("1999-01-01")));
}

#[test]
fn what_scanners_do_is_undone_where_only_one_thing_can_be_meant() {
    let right = zone(&format!("{TD3_ONE}\n{TD3_TWO}"));
    let same = |text: &str| {
        let mrz = zone(text);
        assert_eq!((&mrz.name, &mrz.number, mrz.birth_date), (&right.name, &right.number, right.birth_date), "{text}");
    };
    same(&format!("{TD3_ONE}{TD3_TWO}"));
    same(&format!("  {TD3_ONE} {TD3_TWO}\n"));
    same(&format!("{TD3_ONE}\r\n\r\n{TD3_TWO}\r\n"));
    same(&format!("{TD3_ONE}\n{TD3_TWO}").to_lowercase());
    same(&format!("{TD3_ONE}\n{TD3_TWO}").replace("<<", "«"));
    same(&format!("{TD3_ONE}\n{TD3_TWO}").replace('<', "\u{ff1c}"));
    same(&format!("{}\n{}", TD3_ONE.replace('<', " "), TD3_TWO));
    same(&format!("{TD3_ONE}\n{}", TD3_TWO.replace("B<<<<<10", "B     10")));
    same(&format!("{}\n{TD3_TWO}", TD3_ONE.trim_end_matches('<')));
    same(&format!("{TD3_ONE}<<<\n{TD3_TWO}"));
    // Letters in dates and digits in names.
    same(&format!("{}\n{}", TD3_ONE.replace("ERIKSSON", "ER1K5S0N"), TD3_TWO.replace("7408122", "74O8IZZ")));
    let spaced = zone(&format!("{}\n{TD3_TWO}", TD3_ONE.replace("ANNA<", "ANNA < ")));
    assert_eq!(spaced.name, right.name);
}

#[test]
fn a_number_too_long_for_its_field_is_put_together() {
    // Appendix of part 5: the filler instead of the check digit says that the number goes on in the optional field.
    let text = "I<UTOD23145890<7349<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<2\nERIKSSON<<ANNA<MARIA<<<<<<<<<<";
    let mrz = zone(text);
    assert_eq!((mrz.number.as_deref(), result_of(&mrz, "document_number").0), (Some("D23145890734"), CheckResult::Ok));
}

#[test]
fn what_is_no_zone_is_refused_by_field_and_reason() {
    for (text, reason) in [
        ("x".repeat(10_000), "has 10000 characters, at most 256 are allowed"),
        (String::new(), "has lines of  characters"),
        ("P<UTO".into(), "has lines of 5 characters; a passport or visa has 2 of 44"),
        (format!("{TD3_ONE}\n{}", &TD3_TWO[1..]), "has lines of 44, 43 characters"),
        (format!("{TD3_ONE}X\n{TD3_TWO}"), "has lines of 45, 44 characters"),
        (format!("{TD3_ONE}\n{}", TD3_TWO.replace('Z', "É")), "line 2 holds at 29 what no zone does"),
        (format!("{}\n{TD3_TWO}", TD3_ONE.replace("ANNA", "\u{e4}NNA")), "line 1 holds at 16"),
        (format!("X{}\n{TD3_TWO}", &TD3_ONE[1..]), "does not begin with the code of a passport"),
        (format!("{TD3_ONE}\n{}", TD3_TWO.replace("L898902C3", "<<<<<<<<<")), "has no document number"),
    ] {
        let error = read(&text, NOW).expect_err(&text);
        assert!(error.field == "mrz" && error.reason.starts_with(reason), "{error}");
    }
    assert!(read(SPECIMENS[0].0, UnixMillis(u64::MAX)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,300}", at: u64) {
        let _ = read(&text, UnixMillis(at)).map(|mrz| mrz.warnings());
        let _ = read(&text, NOW).map(|mrz| mrz.warnings());
    }

    #[test]
    fn any_signs_of_the_right_number_are_read_or_refused(
        code in "[PVIAC]", text in "[A-Z0-9<]{89}", lines in select(vec![(88, 44), (72, 36), (90, 30)]),
        odd in proptest::option::of((0usize..90, any::<char>())),
    ) {
        let mut signs: Vec<char> = format!("{code}{text}").chars().take(lines.0).collect();
        if let Some((at, c)) = odd {
            let at = at % signs.len();
            signs[at] = c;
        }
        let zone: Vec<String> = signs.chunks(lines.1).map(|line| line.iter().collect()).collect();
        for text in [zone.concat(), zone.join("\n")] {
            if let Ok(mrz) = read(&text, NOW) {
                prop_assert!(mrz.checks.len() <= 10);
                prop_assert!(mrz.birth_date.is_none_or(|date| date.year() <= 2026 && date.year() > 1925));
                mrz.warnings();
            }
        }
    }

    #[test]
    fn one_changed_sign_of_a_specimen_never_gives_another_date_of_birth(
        number in 0usize..5, at in 0usize..90, sign in "[A-Z0-9<]",
    ) {
        let (text, _) = SPECIMENS[number];
        let right = zone(text);
        let at = at % text.len();
        prop_assume!(text.as_bytes()[at] != b'\n');
        let changed = format!("{}{sign}{}", &text[..at], &text[at + 1..]);
        if let Ok(mrz) = read(&changed, NOW) && mrz.birth_date.is_some() && mrz.birth_date != right.birth_date {
            // A check digit counts letters modulo ten, so only what counts the same as the right sign passes.
            let value = |sign: u8| match sign { b'0'..=b'9' => sign - b'0', b'<' => 0, other => (other - b'A' + 10) % 10 };
            prop_assert_eq!(value(sign.as_bytes()[0]), value(text.as_bytes()[at]), "{}", changed);
        }
    }
}
