//! The explanation of a record says what the answer does, and why.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::ids::RecordId;
use model::lookout::{Action, Country, Document, DocumentKind, Name, NameKind, SubjectKind};
use model::policy::Weighing;
use model::screen::THRESHOLD_DEFAULT;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;

use super::*;
use crate::{Index, IndexChange, Place};

fn record(names: &[&str], date: Option<&str>, document: Option<&str>) -> Lookout {
    let mut lookout = Lookout::new(SubjectKind::Person, Action::Refer, "test");
    for name in names {
        let full = name.to_string();
        lookout.names.push(Name { kind: NameKind::Primary, full, family: None, given: None, original: None });
    }
    lookout.birth_dates.extend(date.map(|date| date.parse::<model::date::BirthDate>().expect("a date")));
    lookout.countries.push(Country { role: CountryRole::Nationality, code: "EGY".into() });
    let of =
        |number: &str| Document { kind: DocumentKind::Passport, number: number.into(), country: None, state: None };
    lookout.documents.extend(document.map(of));
    lookout
}

fn asks(name: &str) -> Query {
    Query { name: Some(name.to_string()), threshold: THRESHOLD_DEFAULT, limit: 10, ..Query::default() }
}

fn explained(query: &Query, lookout: &Lookout) -> Explained {
    let tables = Tables::shared();
    let (prepared, record) = (PreparedQuery::new(query, tables), PreparedRecord::new(lookout, tables));
    explain(query, &prepared, (lookout, &record), Weighing::ALL, tables)
}

#[test]
fn a_hit_is_explained_word_by_word() {
    let told = explained(&asks("Jon Smyth"), &record(&["John Smith"], None, None));
    assert_eq!(told.outcome, Outcome::Found);
    assert_eq!(told.sentence, "Name in another spelling (Jon~John, Smyth~Smith).");
    assert!(
        told.reason.starts_with("it scores 0.") && told.reason.ends_with("the threshold is 0.70"),
        "{}",
        told.reason
    );
    let found: Vec<(&str, &str)> = told.words.iter().map(|word| (word.asked.as_str(), word.found.as_str())).collect();
    assert_eq!(found, [("Jon", "John"), ("Smyth", "Smith")]);
    assert!(told.words.iter().all(|word| word.bits > 0) && told.bound >= Some(told.score) && told.supposed.is_empty());
}

#[test]
fn a_miss_says_what_it_lacks() {
    let far = explained(&asks("Peter Quux"), &record(&["Ayman Zawahiri"], None, None));
    assert_eq!((far.outcome, far.score), (Outcome::NoCandidate, Score::default()));
    assert_eq!(far.reason, "no word of the question has a key in common with a word of the record");
    assert!(far.words.iter().all(|word| word.found.is_empty() && word.bits == 0), "{:?}", far.words);

    let frequent = explained(&asks("Mohammed Hassan"), &record(&["Mohammed Rashid"], None, None));
    assert_eq!(frequent.outcome, Outcome::NoCandidate);
    assert!(
        frequent.reason.starts_with("by its words it scores 0.") && frequent.bound < Some(THRESHOLD_DEFAULT),
        "{frequent:?}"
    );

    let number = Query { document: Some("Z1".into()), name: None, ..asks("") };
    let number = explained(&number, &record(&["Ayman Zawahiri"], None, Some("Z2")));
    assert_eq!(number.reason, "no number of the question is a number of the record");

    let unnamed = explained(&asks("Peter Quux"), &record(&[], None, Some("Z2")));
    assert_eq!(unnamed.reason, "the record has no name");

    let particles = explained(&asks("al"), &record(&["Ayman al-Zawahiri", "Bin al"], None, None));
    assert!(particles.outcome == Outcome::Found || !particles.reason.is_empty());
}

#[test]
fn a_date_that_would_help_is_told_and_only_if_it_would() {
    let lookout = record(&["Ivan Sidorov"], Some("1970-03-04"), None);
    let miss = explained(&asks("Ivan Sidorenko"), &lookout);
    assert!(miss.outcome != Outcome::Found, "{miss:?}");
    for supposed in &miss.supposed {
        let mut other = asks("Ivan Sidorenko");
        for (field, value) in &supposed.fields {
            match *field {
                "birth_date" => other.birth_date = Some(value.parse().expect("a date")),
                _ => other.nationality = Some(value.clone()),
            }
        }
        let again = explained(&other, &lookout);
        assert_eq!((again.score, again.outcome == Outcome::Found), (supposed.score, supposed.found));
        assert!(supposed.score > miss.score);
    }
    let far = explained(&asks("Peter Quux"), &lookout);
    assert_eq!(far.supposed, [], "nothing makes up for a name");
}

#[test]
fn scores_are_read_cut_and_not_rounded() {
    for (parts, text) in [
        (700_000, "0.70"),
        (699_999, "0.699"),
        (998_500, "0.998"),
        (12, "0.000012"),
        (0, "0.00"),
        (1_000_000, "1.00"),
        (120_000, "0.12"),
    ] {
        assert_eq!(fraction(Score::from_parts(parts)), text);
    }
}

const WORDS: &[&str] = &[
    "mohammed",
    "muhamad",
    "hassan",
    "ali",
    "ivan",
    "iwan",
    "petrov",
    "petrow",
    "john",
    "jon",
    "smith",
    "smyth",
    "zawahiri",
    "zawahri",
    "al",
    "van",
    "der",
    "berg",
    "vanderberg",
    "j",
    "ltd",
    "trading",
    "путин",
    "putin",
    "الظواهري",
    "김정은",
    "kim",
    "jong",
    "un",
    "习近平",
    "xi",
    "jinping",
    "escobar",
    "escobra",
];

fn name() -> impl Strategy<Value = String> {
    proptest::collection::vec(select(WORDS), 1..4).prop_map(|words| words.join(" "))
}

type Held = (Vec<String>, Option<&'static str>, Option<&'static str>);

fn held() -> impl Strategy<Value = Held> {
    let date = proptest::option::of(select(&["1970-03-04", "1970", "1985-11-30"][..]));
    (proptest::collection::vec(name(), 0..3), date, proptest::option::weighted(0.3, select(&["A1234", "B777"][..])))
}

/// The records of an answer without a limit, as the node finds them: what the index gives, scored.
fn answered(query: &Query, all: &[Lookout], index: &Index, tables: &Tables) -> BTreeSet<usize> {
    let prepared = PreparedQuery::new(query, tables);
    let mut scorer = Scorer::new(query, &prepared, tables);
    let candidates = index
        .candidates(&prepared, crate::Sought::All)
        .expect("answers")
        .into_iter()
        .map(|found| usize::from(found.id.0[0]));
    let scores = candidates.filter(|at| {
        let score = scorer.score(&all[*at], &PreparedRecord::new(&all[*at], tables)).score;
        score >= query.threshold && score > Score::default()
    });
    scores.collect()
}

#[test]
fn what_is_explained_as_found_is_what_is_answered() {
    let cases = (ProptestConfig::default().cases / 2).clamp(1, 2_000);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(cases));
    let question = (
        proptest::option::weighted(0.9, name()),
        proptest::option::weighted(0.3, select(&["A1234", "B777", "C9"][..])),
        proptest::option::of(select(&["1970-03-04", "1970", "1985-11-30"][..])),
        any::<bool>(),
        select(&[0, 20, 50, 400, 700, 700, 900][..]),
    );
    let tables = Arc::new(Tables::standard());
    let outcome = runner.run(&(proptest::collection::vec(held(), 1..12), question), |(records, question)| {
        let (name, document, date, national, threshold) = question;
        let query = Query {
            name,
            document: document.map(str::to_string),
            birth_date: date.map(|date| date.parse().expect("a date")),
            nationality: national.then(|| "EGY".to_string()),
            threshold: Score::from_parts(threshold * 1_000),
            limit: 100,
            ..Query::default()
        };
        let lookouts = records.iter().map(|(names, date, document)| {
            record(&names.iter().map(String::as_str).collect::<Vec<_>>(), *date, *document)
        });
        let lookouts: Vec<Lookout> = lookouts.collect();
        let index = Index::open(Place::Memory, tables.clone()).expect("opens");
        let change = |(at, lookout): (usize, &Lookout)| {
            IndexChange::Put(
                RecordId([at as u8; 16]),
                Arc::new(PreparedRecord::new(lookout, &tables)),
                crate::testing::level_one(),
            )
        };
        index.write(&lookouts.iter().enumerate().map(change).collect::<Vec<_>>(), 1).expect("writes");
        let answered = answered(&query, &lookouts, &index, &tables);
        let prepared = PreparedQuery::new(&query, &tables);
        for (at, lookout) in lookouts.iter().enumerate() {
            let told =
                explain(&query, &prepared, (lookout, &PreparedRecord::new(lookout, &tables)), Weighing::ALL, &tables);
            prop_assert_eq!(told.outcome == Outcome::Found, answered.contains(&at), "{:?}", told);
            prop_assert!(!told.reason.is_empty());
            if told.outcome != Outcome::NoCandidate && query.document.is_none() {
                prop_assert!(told.bound >= Some(told.score), "{:?}", told);
            }
            let sum: i32 = told.evidence.iter().map(|part| part.weight).sum();
            prop_assert_eq!(sum, told.score.parts() as i32);
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
