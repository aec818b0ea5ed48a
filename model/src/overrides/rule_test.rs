//! Overrides apply to whom they tell apart and to nobody else; never to the one looked for.

use super::super::tests::told_apart;
use super::*;
use crate::lookout::{Action, Document, DocumentKind, Name, NameKind, Plate, SubjectKind};
use proptest::prelude::*;

const BEFORE: UnixMillis = UnixMillis(999_999);

fn wanted(dates: &[&str], documents: &[&str]) -> Lookout {
    let mut lookout = Lookout::new(SubjectKind::Person, Action::Refer, "warrant");
    let full = "Ivan Petrov".to_string();
    lookout.names.push(Name { kind: NameKind::Primary, full, family: None, given: None, original: None });
    lookout.birth_dates = dates.iter().map(|date| date.parse().expect("date")).collect();
    let document = |number: &&str| {
        let (kind, number) = (DocumentKind::Passport, number.to_string());
        Document { kind, number, country: None, state: None }
    };
    lookout.documents = documents.iter().map(document).collect();
    lookout
}

fn asks(name: &str, date: &str, document: &str) -> Query {
    let text = |value: &str| (!value.is_empty()).then(|| value.to_string());
    let birth_date = text(date).map(|date| date.parse().expect("date"));
    Query { name: text(name), birth_date, document: text(document), limit: 10, ..Query::default() }
}

#[test]
fn the_innocent_person_is_known_by_document_or_by_name_and_date() {
    let lookout = wanted(&["1970-01-02"], &["RU 1", "BS 00123"]);
    for (name, date, document, applies) in [
        ("Ivan Petrov", "", "bg123456", true),
        ("", "", "BG-123 456", true),
        ("Iwan Petrow", "1985-06-07", "BG123456", true),
        ("PETROV, IVAN", "1985-06-07", "", true),
        ("Iván Petröv", "1985-06-07", "", true),
        ("Ivan Petrov", "1985-06-07", "OTHER 1", true),
        // The distinguisher is not there.
        ("Ivan Petrov", "", "", false),
        ("Ivan Petrov", "1985", "", false),
        ("Ivan Petrov", "1985-06", "", false),
        ("Ivan Petrov", "circa 1985-06-07", "", false),
        ("Ivan Petrov", "1985-06-07/1985-06-08", "", false),
        ("", "1985-06-07", "OTHER 1", false),
        // Another person of the name, and another name of the date.
        ("Ivan Petrov", "1985-06-08", "", false),
        ("Ivan Petrov", "1985-06-08", "BG123456", false),
        ("Iwan Petrow", "1985-06-07", "", false),
        ("Ivan Ivan Petrov", "1985-06-07", "", false),
        // The one looked for.
        ("Ivan Petrov", "1970-01-02", "", false),
        ("Ivan Petrov", "1985-06-07", "RU-1", false),
        ("Ivan Petrov", "1985-06-07", "8S-OO123", false),
    ] {
        let query = asks(name, date, document);
        assert_eq!(told_apart().applies(&lookout, &query, BEFORE), applies, "{name} {date} {document}");
        assert!(!applies || may_be_told_apart(&query), "{name} {date} {document}");
        assert!(!told_apart().applies(&lookout, &query, UnixMillis(1_000_000)), "expired");
    }
    let of = |nationality: &str| Query { nationality: Some(nationality.into()), ..asks("Ivan Petrov", "", "BG123456") };
    assert!(told_apart().applies(&lookout, &of("BGR"), BEFORE));
    assert!(!told_apart().applies(&lookout, &of("RUS"), BEFORE), "a number that another country gave");
}

#[test]
fn accents_are_folded_and_letters_of_other_scripts_are_not() {
    let same = |a: &str, b: &str| words(a) == words(b);
    assert!(same("O’Brien, Seán", "sean o'brien") && same("Straße", "STRASSE") && same("ＩＶＡＮ", "ivan"));
    assert!(!same("के राम", "का राम") && !same("Ivan", "Иван") && !same("Ann Lee", "Annlee"));
}

#[test]
fn what_may_be_the_lookouts_own_tells_nobody_apart() {
    for (own, may) in [
        ("1985-06-07", true),
        // Day and month swapped.
        ("1985-07-06", true),
        ("1985-06-08", false),
        ("1985", true),
        ("1985-06", true),
        ("1985-07", false),
        ("1984", false),
        // 1 January is a year.
        ("1985-01-01", true),
        ("1986-01-01", false),
        ("circa 1987", true),
        ("circa 1982", false),
        ("1980/1985", true),
        ("1985-06-08/1990", false),
        ("1980/1985-06", true),
    ] {
        let lookout = wanted(&["1950-03-04", own], &["RU 1"]);
        let found = told_apart().check_distinct(&lookout);
        assert_eq!(found.as_ref().err().map(|error| error.field.as_str()), may.then_some("birth_date"), "{own}");
        let query = asks("", "", "BG123456");
        assert_eq!(told_apart().applies(&lookout, &query, BEFORE), !may, "{own}: void as a whole");
    }
    let shared = wanted(&["1970-01-02"], &["RU 1", "bg.123.456"]);
    assert_eq!(told_apart().check_distinct(&shared).expect_err("shared").field, "documents[0]");
}

#[test]
fn who_comes_with_a_plate_of_the_lookout_is_not_told_apart() {
    let mut lookout = wanted(&["1970-01-02"], &[]);
    lookout.plates.push(Plate { number: "AB 12".into(), jurisdiction: None });
    let with = |plate: &str| Query { plate: Some(plate.into()), ..asks("Ivan Petrov", "1985-06-07", "BG123456") };
    assert!(!told_apart().applies(&lookout, &with("ab12"), BEFORE));
    assert!(told_apart().applies(&lookout, &with("XY 99"), BEFORE));
}

fn number() -> impl Strategy<Value = String> {
    // Few of them, so that they meet, in several ways of writing.
    (0..4_u8, 0..3_u8).prop_map(|(number, way)| match way {
        0 => format!("AB{number}"),
        1 => format!("a-b {number}"),
        _ => format!("Ａb/{number}"),
    })
}

fn day() -> impl Strategy<Value = String> {
    (1984..=1986_i16, 1..=3_u8, 1..=3_u8).prop_map(|(year, month, day)| format!("{year}-{month:02}-{day:02}"))
}

fn date() -> impl Strategy<Value = String> {
    (day(), 0..6_u8).prop_map(|(day, shape)| match shape {
        0 => day[..4].to_string(),
        1 => day[..7].to_string(),
        2 => format!("circa {day}"),
        3 => format!("{day}/1986-12-31"),
        _ => day,
    })
}

prop_compose! {
    fn override_()(
        date in prop::option::of(day()),
        documents in prop::collection::vec(number(), 0..3),
        name in "(Ivan|Anna) (Petrov|Weiss)",
        expires: u8,
    ) -> Override {
        let birth_date = date.map(|date| date.parse().expect("date"));
        Override { name, birth_date, documents, expires: UnixMillis(expires.into()), nationality: None, reason: "r".into() }
    }
}

prop_compose! {
    fn lookout()(dates in prop::collection::vec(date(), 0..3), documents in prop::collection::vec(number(), 0..3)) -> Lookout {
        let [dates, documents] = [&dates, &documents].map(|texts| texts.iter().map(String::as_str).collect::<Vec<_>>());
        wanted(&dates, &documents)
    }
}

prop_compose! {
    fn query()(
        name in prop::option::of("(Ivan|Anna) (Petrov|Weiss)"),
        date in prop::option::of(date()),
        document in prop::option::of(number()),
    ) -> Query {
        asks(&name.unwrap_or_default(), &date.unwrap_or_default(), &document.unwrap_or_default())
    }
}

proptest! {
    #[test]
    fn an_override_never_hides_the_one_looked_for(content in override_(), lookout in lookout(), query in query(), at: u8) {
        let at = UnixMillis(at.into());
        if !content.applies(&lookout, &query, at) {
            return Ok(());
        }
        prop_assert!(at < content.expires);
        prop_assert!(may_be_told_apart(&query));
        let own: Vec<String> = lookout.documents.iter().map(|document| normalise_number(&document.number)).collect();
        let asked = query.document.as_deref().map(normalise_number);
        prop_assert!(asked.as_ref().is_none_or(|asked| !own.contains(asked)), "a document of the lookout");
        let by_document = asked.is_some_and(|asked| content.documents.iter().any(|n| normalise_number(n) == asked));
        let whole = query.birth_date.filter(|date| date.to_string().len() == 10).map(|date| date.from);
        prop_assert!(by_document || (whole.is_some() && whole == content.birth_date && query.name.is_some()));
        prop_assert!(by_document || lookout.birth_dates.iter().all(|date| Some(date.from) != whole || date.to.is_some()));
        prop_assert!(content.documents.iter().all(|number| !own.contains(&normalise_number(number))));
    }

    #[test]
    fn what_was_refused_at_recording_never_applies(content in override_(), lookout in lookout(), query in query()) {
        if content.check_distinct(&lookout).is_err() {
            prop_assert!(!content.applies(&lookout, &query, UnixMillis(0)));
        }
    }

    #[test]
    fn whose_distinguisher_is_asked_for_is_overridden(content in override_(), lookout in lookout(), way in 0..3_usize) {
        prop_assume!(content.check_distinct(&lookout).is_ok() && content.expires > UnixMillis(0));
        let written = |number: &str| [number.to_string(), number.to_lowercase(), format!(" {number}-")][way].clone();
        for number in &content.documents {
            let query = asks("Anybody Else", "", &written(number));
            prop_assert!(content.applies(&lookout, &query, UnixMillis(0)));
        }
        if let Some(date) = content.birth_date {
            let query = asks(&content.name.to_uppercase(), &date.to_string(), "");
            prop_assert!(content.applies(&lookout, &query, UnixMillis(0)));
        }
    }

    #[test]
    fn a_day_that_a_lookout_states_tells_nobody_apart(year in 1900..=2000_i16, month in 1..=12_u8, day in 1..=28_u8, shape in 0..5_u8) {
        let day = PartialDate::new(year, Some(month), Some(day)).expect("date");
        let text = day.to_string();
        let own = match shape {
            0 => text.clone(),
            1 => text[..7].to_string(),
            2 => text[..4].to_string(),
            3 => format!("circa {}", year + 2),
            _ => format!("{}/{}", year - 1, &text[..7]),
        };
        prop_assert!(may_be(own.parse().expect("date"), day), "{own} and {text}");
        prop_assert!(!may_be(own.parse().expect("date"), PartialDate::new(year + 5, Some(month), day.day()).expect("date")));
    }
}
