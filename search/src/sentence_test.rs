//! Sentences as officers read them.

use model::date::BirthDate;
use model::lookout::{Action, Country, CountryRole, Document, DocumentKind, Lookout, Name, NameKind, SubjectKind};
use model::screen::Query;
use proptest::prelude::*;

use super::*;
use crate::{PreparedQuery, PreparedRecord, Tables, WordTeller, birth, score};

/// A record: name, date of birth, nationality, document.
fn record(kind: NameKind, full: &str, (date, country, document): (&str, &str, &str)) -> Lookout {
    let mut lookout = Lookout::new(SubjectKind::Person, Action::Refer, "test");
    lookout.names.push(Name { kind, full: full.into(), family: None, given: None, original: None });
    lookout.birth_dates.extend((!date.is_empty()).then(|| date.parse::<BirthDate>().expect("a date")));
    lookout
        .countries
        .extend((!country.is_empty()).then(|| Country { role: CountryRole::Nationality, code: country.into() }));
    let document = (!document.is_empty()).then(|| Document {
        kind: DocumentKind::Passport,
        number: document.into(),
        country: None,
        state: None,
    });
    lookout.documents.extend(document);
    lookout
}

fn told(asked: &str, (date, country, document): (&str, &str, &str), lookout: &Lookout) -> String {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_string());
    let query = Query {
        name: given(asked),
        birth_date: given(date).map(|date| date.parse().expect("a date")),
        nationality: given(country),
        document: given(document),
        ..Query::default()
    };
    let tables = Tables::shared();
    let (prepared, record) = (PreparedQuery::new(&query, tables), PreparedRecord::new(lookout, tables));
    let mut scored = score(&query, &prepared, lookout, &record, tables);
    let mut teller = WordTeller::new(&query, &prepared, tables);
    teller.tell(lookout, &record, scored.name.as_ref(), &mut scored.evidence);
    sentence(&scored.evidence)
}

#[test]
fn a_hit_is_told_in_one_sentence() {
    let none = ("", "", "");
    let born = ("1970-03-04", "RUS", "");
    for (asked, with, held, of, expected) in [
        ("John Smith", none, "John Smith", none, "Same name."),
        (
            "Jon Smyth",
            ("1970-03-04", "GBR", ""),
            "John Smith",
            ("1970-03-04", "USA", ""),
            "Name in another spelling (Jon~John, Smyth~Smith), same date of birth, other nationality.",
        ),
        ("Smith John", none, "John Smith", none, "Same name in other order."),
        (
            "Ivan Petrov",
            ("1970-04-03", "RUS", ""),
            "Ivan Petrov",
            born,
            "Same name, day and month of birth swapped, same nationality.",
        ),
        ("Ivan Petrov", ("1985-01-02", "", ""), "Ivan Petrov", born, "Same name, other date of birth."),
        (
            "Ayman Zawahibi",
            ("1970", "", ""),
            "Ayman al-Zawahiri",
            born,
            "Name with a typing error (Zawahibi~Zawahiri), same year of birth.",
        ),
        ("Mohammed Zawahiri", none, "Zawahiri", none, "Part of the name (Zawahiri), without Mohammed."),
        ("Ivan Petrov", none, "Ivan Sergeevich Petrov", none, "Same name, record adds Sergeevich."),
        ("Ivan Petrov", none, "Ivan Sidorov", none, "Part of the name (Ivan), without Petrov, record adds Sidorov."),
        ("J. Escobar", none, "Ivan Escobar", none, "Part of the name (Escobar), without J, record adds Ivan."),
        ("J. Escobar", none, "Juan Escobar", none, "Name with an initial (J~Juan)."),
        ("Van der Berg", none, "Vanderberg", none, "Name written together or apart (Van der Berg~Vanderberg)."),
        ("Ivan Petrov", ("", "", "P123456"), "Ivan Petrov", ("", "", "P123456"), "Same document number, same name."),
        (
            "Hans Meier",
            ("", "", "P123456"),
            "Ivan Petrov",
            ("", "", "P123456"),
            "Same document number, under another name.",
        ),
        ("Ivan Petrov", ("", "", "P123456"), "Ivan Petrov", ("", "", "Z987654"), "Same name, other document number."),
        ("Гончаренко", none, "Honcharenko", none, "Name in another script (Гончаренко~Honcharenko)."),
        ("أيمن الظواهري", none, "Ayman al-Zawahiri", none, "Name in another script (أيمن~Ayman, الظواهري~Zawahiri)."),
        ("习近平", none, "XI Jinping", none, "Name in another script (习~XI, 近平~Jinping)."),
        ("Παπαδόπουλος", none, "Papadopoulos", none, "Name in another script (Παπαδόπουλος~Papadopoulos)."),
        ("김정은", none, "김정은", none, "Same name."),
    ] {
        let text = told(asked, with, &record(NameKind::Primary, held, of));
        assert_eq!(text, expected, "{asked} / {held}");
    }
    let weak = told("Ivan Petrov", none, &record(NameKind::WeakAlias, "Ivan Petrov", none));
    assert_eq!(weak, "Same name, a weak alias.");
}

#[test]
fn a_long_name_is_told_with_less_of_it() {
    let asked = "Wickramasinghe Ramakrishnann Venkataraghavann Chernishevsky Hodorkovsky Lukashenko Krasnoyarsk Venkat";
    let held = "Vickramasinghe Ramakrishnan Venkataraghavan Chernyshevsky Khodorkovsky Lukashenka";
    let text = told(asked, ("1970-03-04", "RUS", ""), &record(NameKind::Primary, held, ("1970-03-04", "RUS", "")));
    assert!(text.chars().count() <= SENTENCE_CHARS_MAX, "{text}");
    assert!(text.starts_with("Name ") && text.ends_with("same date of birth, same nationality."), "{text}");
}

/// `birth.rs` notes nothing that has no words here.
#[test]
fn every_note_of_two_dates_is_told() {
    let dates = [
        "1970-03-04",
        "1970-04-03",
        "1970-03-05",
        "1970-07-19",
        "1971-08-20",
        "1990-11-30",
        "1970-01-01",
        "1970",
        "1970-03",
        "1970-09",
        "1971",
        "1980",
        "circa 1970",
        "1970/1971",
        "1966/1970",
        "1950/1975",
        "1972/1973",
    ];
    let dates = dates.map(|date| date.parse::<BirthDate>().expect("a date"));
    let mut told = std::collections::BTreeSet::new();
    for (a, b) in dates.iter().flat_map(|a| dates.iter().map(move |b| (a, b))) {
        let clause = birth_clause(birth::compare(*a, *b).note);
        assert!(!clause.starts_with("date of birth: "), "{clause}");
        told.insert(clause);
    }
    assert!(told.len() >= 10, "{told:?}");
}

proptest! {
    #[test]
    fn a_sentence_is_short_and_one_line(
        words in proptest::collection::vec(("\\PC{0,40}", "\\PC{0,40}", 0usize..10, any::<bool>()), 0..20),
        fields in proptest::collection::vec((0usize..6, 0u32..=1_000_000, "\\PC{0,30}"), 0..8),
    ) {
        let names = ["document", "plate", "registration", "birth_date", "nationality", "name"];
        let words: Vec<WordMet> = words.into_iter().map(|(asked, found, how, swapped)| {
            WordMet { asked, found, how: WordHow::ALL[how], edits: 1, bits: 0, swapped }
        }).collect();
        let evidence: Vec<Evidence> = fields.into_iter().map(|(field, agreement, note)| Evidence {
            field: names[field].into(),
            asked: note.clone(),
            found: note.clone(),
            agreement: Score::from_parts(agreement),
            weight: 0,
            note,
            words: words.clone(),
        }).collect();
        let text = sentence(&evidence);
        prop_assert!(text.chars().count() <= SENTENCE_CHARS_MAX, "{}", text);
        prop_assert!(!text.contains('\n'));
    }
}
