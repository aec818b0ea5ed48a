//! Scores of realistic pairs: who must be a hit at the default threshold, who must not, and what ranks above what.

use model::date::BirthDate;
use model::lookout::{Action, Country, Document, DocumentKind, Name, SubjectKind};
use model::number::NumberKind;
use model::screen::THRESHOLD_DEFAULT;
use proptest::prelude::*;

use super::*;
use crate::is_candidate;

fn record(names: &[&str]) -> Lookout {
    let mut lookout = Lookout::new(SubjectKind::Person, Action::Refer, "test");
    for name in names {
        let full = name.to_string();
        lookout.names.push(Name { kind: NameKind::Primary, full, family: None, given: None, original: None });
    }
    lookout
}

fn with_document(mut lookout: Lookout, number: &str) -> Lookout {
    lookout.documents.push(Document {
        kind: DocumentKind::Passport,
        number: number.into(),
        country: None,
        state: None,
    });
    lookout
}

fn born(mut lookout: Lookout, date: &str) -> Lookout {
    lookout.birth_dates.push(date.parse::<BirthDate>().expect("a date"));
    lookout
}

fn of_country(mut lookout: Lookout, role: CountryRole, code: &str) -> Lookout {
    lookout.countries.push(Country { role, code: code.into() });
    lookout
}

fn asks(name: &str) -> Query {
    Query { name: Some(name.to_string()), threshold: THRESHOLD_DEFAULT, ..Query::default() }
}

fn judge(query: &Query, lookout: &Lookout) -> Scored {
    let tables = Tables::shared();
    let prepared = PreparedQuery::new(query, tables);
    let record = PreparedRecord::new(lookout, tables);
    let scored = score(query, &prepared, lookout, &record, tables);
    let sum: i32 = scored.evidence.iter().map(|evidence| evidence.weight).sum();
    assert_eq!(sum, scored.score.parts() as i32, "the parts add up: {scored:?}");
    if scored.score >= THRESHOLD_DEFAULT {
        assert!(is_candidate(&prepared, &record, tables), "a hit must be a candidate: {query:?} {lookout:?}");
    }
    scored
}

fn parts(query: &Query, lookout: &Lookout) -> u32 {
    judge(query, lookout).score.parts()
}

fn name_parts(asked: &str, held: &str) -> u32 {
    parts(&asks(asked), &record(&[held]))
}

#[test]
fn one_person_written_in_two_ways_is_a_hit() {
    for (asked, held) in [
        ("John Smith", "John Smith"),
        ("Jon Smyth", "John Smith"),
        ("Abdul Rahman al-Zawahiri", "ABDURRAHMAN ZAWAHIRI"),
        ("Владимир Путин", "Vladimir Putin"),
        ("Vladimir Putin", "Владимир Владимирович Путин"),
        ("PUTIN Vladimir", "Vladimir Putin"),
        ("PUTIN, Vladimir", "Vladimir Putin"),
        ("TALIBAN, Osama", "Osama Taliban"),
        ("TALIBAN Osama", "Osama Taliban"),
        ("أيمن الظواهري", "Ayman al-Zawahiri"),
        ("محمد", "Mohammed"),
        ("习近平", "XI Jinping"),
        ("Xi Jin Ping", "Jinping Xi"),
        ("Nicolas Maduro Moross", "Nicolás Maduro Moros"),
        ("Slobodan Milosevich", "Slobodan MILOŠEVIĆ"),
        ("Radovan Karadzic", "Радован Караџић"),
        ("Osama bin Laden", "Usama bin Ladin"),
        ("Anglo Caribbean Company Limited", "ANGLO-CARIBBEAN CO., LTD."),
        ("Juan Delacruz", "Juan de la Cruz"),
        ("Juan de la Cruz", "Juan Delacruz"),
        ("김정은", "KIM, Jong Un"),
        ("عبدالرحمن", "Abdul Rahman"),
        ("عبد الرحمن", "Abdulrahman"),
        ("Hassan Nasralah", "Hassan Narsala"),
        ("Eskovar", "Escobar"),
        ("Mohammed Hassan Ahmed Hussein Ali Ibrahim Omar", "Mohammed Ahmed Ali"),
        ("Abdulrahman", "Abd al-Rahman"),
        ("Vanderberg", "van der Berg"),
        ("D Souza", "D'Souza"),
        ("O Neil", "O'Neill"),
        ("Muammar Gaddafi", "Muammar Qadhafi"),
        ("Le Duc Luong", "Lê Đức Lương"),
        ("LE, Duc Luong", "Lê Đức Lương"),
        ("Marine Le Pen", "LE PEN, Marine"),
        ("Sheikh Muhammad Naeem", "SHEIKH, Muhammad Naeem"),
        ("Otkrytoe Aktsionernoe Obshchestvo Volgogradneftemash", "OAO VOLGOGRADNEFTEMASH"),
        ("Banco Saderat", "SADERAT BANK, PJSC"),
        ("Comercializ adora Amia, S. de R.L.", "COMERCIALIZADORA AMIA"),
    ] {
        let scored = judge(&asks(asked), &record(&[held]));
        assert!(scored.score >= THRESHOLD_DEFAULT, "{asked} / {held}: {scored:?}");
    }
}

/// Too little by name alone for a hit at the usual threshold, and enough with the date of birth.
#[test]
fn what_half_agrees_needs_a_date() {
    for (asked, held) in [("J. Smith", "John Smith"), ("Bangk of Irann", "Bank of Iran"), ("Ali Bolkiev", "Ali Bakiev")]
    {
        let alone = name_parts(asked, held);
        assert!(alone < THRESHOLD_DEFAULT.parts(), "{asked} / {held}: {alone}");
        let query = Query { birth_date: Some("1950-03-04".parse().expect("a date")), ..asks(asked) };
        let scored = judge(&query, &born(record(&[held]), "1950-03-04"));
        assert!(scored.score >= THRESHOLD_DEFAULT, "{asked} / {held}: {scored:?}");
    }
}

#[test]
fn two_people_are_no_hit() {
    for (asked, held) in [
        ("George Bush", "George Habbash"),
        ("emma daniels", "EMMA LLC"),
        ("ignatia daniels", "IGNATIA LLC"),
        ("John Brown", "John Miller"),
        ("Mohammed Rashid", "Mohammed Saleh"),
        ("Mohammed Ali Hassan", "Mohammed Ali Hussein"),
        ("Maria Garcia", "Maria Lopez"),
        ("11420 CORP.", "BELLETECH CORP"),
        ("Mohammed Hassan", "Mohammed"),
        ("Kim", "Kim Jong Un"),
        ("Oriental Trading Company", "Pacific Trading Company"),
        ("Lê Đức Lương", "PAO, Yu Liang"),
        ("Hamid Reza Gholipour", "ESMAELI, Reza-Gholi"),
        ("Andrei Vladimirovich", "SKOCH, Ivan Vladimirovich"),
        ("안", "ⵀⵀ"),
    ] {
        let scored = judge(&asks(asked), &record(&[held]));
        assert!(scored.score < THRESHOLD_DEFAULT, "{asked} / {held}: {scored:?}");
    }
}

#[test]
fn more_evidence_ranks_higher_and_nothing_saturates() {
    let name = record(&["Ayman al-Zawahiri"]);
    let date = born(name.clone(), "1951-06-19");
    let both = with_document(date.clone(), "A-1234567");
    let ask = Query {
        birth_date: Some("1951-06-19".parse().expect("a date")),
        document: Some("A1234567".into()),
        nationality: Some("EGY".into()),
        ..asks("Ayman al-Zawahiri")
    };
    let all = of_country(both.clone(), CountryRole::Nationality, "Egypt");
    let ranked: Vec<u32> = [&name, &date, &both, &all].map(|lookout| parts(&ask, lookout)).to_vec();
    assert!(ranked.windows(2).all(|pair| pair[0] < pair[1]), "{ranked:?}");
    assert!(ranked[3] < 1_000_000);
}

#[test]
fn each_hundredth_of_a_bit_is_another_score() {
    assert!((0..14_000).all(|bits| scaled(bits) < scaled(bits + 1)));
    assert!((14_000..210_000).all(|bits| scaled(bits) <= scaled(bits + 1)));
    assert!(scaled(i32::MAX) < model::screen::Score::MAX);
}

#[test]
fn a_date_of_birth_speaks_for_and_against_but_does_not_exclude() {
    let held = born(record(&["Ayman al-Zawahiri"]), "1951-06-09");
    let with = |date: &str| {
        let query = Query { birth_date: Some(date.parse().expect("a date")), ..asks("Ayman al-Zawahiri") };
        judge(&query, &held)
    };
    let alone = parts(&asks("Ayman al-Zawahiri"), &held);
    let order = ["1951-06-09", "1951-09-06", "1951-06-19", "1951"];
    let scores: Vec<u32> = order.iter().map(|date| with(date).score.parts()).collect();
    assert!(scores.windows(2).all(|pair| pair[0] > pair[1]), "{scores:?}");
    assert!(scores[3] > alone);
    assert_eq!(with("1951-09-06").evidence[1].note, "day and month swapped");
    let conflict = with("1990-01-07");
    assert!(conflict.score.parts() < alone && conflict.score >= THRESHOLD_DEFAULT, "{conflict:?}");
    assert!(conflict.evidence[1].weight < 0);
    let unknown = Query { birth_date: Some("1951-06-09".parse().expect("a date")), ..asks("Ayman al-Zawahiri") };
    let no_date = judge(&unknown, &record(&["Ayman al-Zawahiri"]));
    assert_eq!((no_date.score.parts(), no_date.evidence.len()), (alone, 1), "what cannot be compared is no evidence");
}

#[test]
fn a_number_is_strong_and_hides_no_conflict() {
    let held = with_document(record(&["Ayman al-Zawahiri"]), "A 1234567");
    let number = |name: Option<&str>| Query {
        name: name.map(str::to_string),
        document: Some("a1234567".into()),
        ..Query::default()
    };
    let alone = judge(&number(None), &held);
    assert!(alone.score.parts() >= 950_000);
    assert!(parts(&number(Some("Ayman Zawahiri")), &held) > alone.score.parts());
    let conflict = judge(&number(Some("Maria Lopez")), &held);
    assert!(conflict.score < alone.score && conflict.score >= THRESHOLD_DEFAULT);
    let name = conflict.evidence.iter().find(|evidence| evidence.field == "name").expect("the name is shown");
    assert!(name.weight < 0 && name.note.starts_with("same number under another name"), "{name:?}");
    assert_eq!(parts(&Query { document: Some("9".into()), ..Query::default() }, &held), 0);
}

fn asks_number(kind: NumberKind, number: &str) -> Query {
    let text = Some(number.to_string());
    let query = Query { threshold: THRESHOLD_DEFAULT, ..Query::default() };
    match kind {
        NumberKind::Document => Query { document: text, ..query },
        NumberKind::Plate => Query { plate: text, ..query },
        NumberKind::Registration => Query { registration: text, ..query },
    }
}

fn with_plate(mut lookout: Lookout, number: &str, jurisdiction: Option<&str>) -> Lookout {
    let jurisdiction = jurisdiction.map(str::to_string);
    lookout.plates.push(model::lookout::Plate { number: number.into(), jurisdiction });
    lookout
}

#[test]
fn a_number_that_reads_alike_says_less_and_says_how() {
    let held = with_document(record(&["Ayman al-Zawahiri"]), "P0120015");
    let asked = |number: &str| judge(&asks_number(NumberKind::Document, number), &held);
    let exact = asked("P-0120015");
    let (one, two, four) = (asked("PO120015"), asked("PO1200IS"), asked("PO1Z00lS"));
    assert_eq!(exact.evidence[0].note, "same number");
    assert_eq!(one.evidence[0].note, "reads alike: O for 0");
    assert_eq!(two.evidence[0].note, "reads alike: I for 1, O for 0, S for 5");
    let scores = [&exact, &one, &two, &four].map(|scored| scored.score);
    assert!(scores.windows(2).all(|pair| pair[0] > pair[1]), "{scores:?}");
    assert!(exact.score.parts() - one.score.parts() > 150_000 && four.score >= THRESHOLD_DEFAULT, "{scores:?}");
    // Beside another name it is no hit; beside the same one it is more than the name alone.
    let named = |name: &str| parts(&Query { document: Some("PO120015".into()), ..asks(name) }, &held);
    assert!(named("Maria Lopez") < THRESHOLD_DEFAULT.parts());
    assert!(named("Ayman Zawahiri") > name_parts("Ayman Zawahiri", "Ayman al-Zawahiri"));
    let short = judge(&asks_number(NumberKind::Document, "O12"), &with_document(record(&["A B"]), "O12"));
    assert_eq!(short.evidence[0].note, "same number, but a short one");
    assert!(scores.iter().all(|score| *score != short.score), "other evidence, another score");
    for (asked, held) in [("O123", "0123"), ("P1234567", "P1234568")] {
        let scored = judge(&asks_number(NumberKind::Document, asked), &with_document(record(&["A B"]), held));
        assert_eq!(scored.score.parts(), 0, "{asked} {held}");
    }
}

#[test]
fn a_plate_is_the_same_without_its_state_and_another_of_another_state() {
    let held = with_plate(record(&["Ivan Petrov"]), "ABC 1234", Some("TX"));
    let asked = |plate: &str| judge(&asks_number(NumberKind::Plate, plate), &held);
    let found: Vec<Scored> =
        ["abc1234", "TX ABC1234", "TXABC1234", "TX A8C1234", "CA ABC1234"].into_iter().map(asked).collect();
    let notes: Vec<&str> = found.iter().map(|scored| scored.evidence[0].note.as_str()).collect();
    let expected = [
        "same number",
        "the same, with the same state",
        "the same without the state",
        "reads alike: 8 for B",
        "the same number of another state",
    ];
    assert_eq!(notes, expected);
    assert!(found.windows(2).all(|pair| pair[0].score > pair[1].score), "{found:?}");
    let hits: Vec<bool> = found.iter().map(|scored| scored.score >= THRESHOLD_DEFAULT).collect();
    assert_eq!(hits, [true, true, true, true, false]);
}

#[test]
fn a_reported_document_is_said_where_it_is_the_very_one() {
    let mut held = with_document(record(&["Ayman al-Zawahiri"]), "P0120015");
    held.documents[0].state = Some(DocumentState::Stolen);
    let asked = |number: &str| judge(&asks_number(NumberKind::Document, number), &held);
    let very = asked("P0120015");
    assert_eq!(very.evidence[0].note, "same number, document reported stolen");
    assert_eq!(very.document_state, Some(DocumentState::Stolen));
    let alike = asked("PO120015");
    assert_eq!(alike.evidence[0].note, "reads alike: O for 0; that document is reported stolen");
    assert_eq!((alike.document_state, asked("P9999999").document_state), (None, None));
    // Of two entries of one document the one that is reported.
    let twice = with_document(held.clone(), "P0120015");
    let mut turned = twice.clone();
    turned.documents.reverse();
    for lookout in [twice, turned] {
        let found = judge(&asks_number(NumberKind::Document, "P0120015"), &lookout);
        assert_eq!(found.document_state, Some(DocumentState::Stolen));
    }
}

#[test]
fn whoever_carries_the_very_document_is_a_hit_whatever_speaks_against_it() {
    let owner = of_country(born(record(&["Anna Maria Eriksson"]), "1974-08-12"), CountryRole::Nationality, "SWE");
    let mut held = with_document(owner, "L898902C3");
    held.documents[0].state = Some(DocumentState::Stolen);
    let document = asks_number(NumberKind::Document, "L898902C3");
    let named = Query { name: Some("Oleg Hussein".into()), ..document.clone() };
    let dated = Query { birth_date: Some("1991-01-30".parse().expect("a date")), ..named.clone() };
    let all = Query { nationality: Some("BRA".into()), ..dated.clone() };
    let scores: Vec<Score> = [&document, &named, &dated, &all].map(|query| judge(query, &held).score).to_vec();
    assert!(scores.windows(2).all(|pair| pair[0] > pair[1]), "each conflict lowers it: {scores:?}");
    assert!(scores.iter().all(|score| *score >= THRESHOLD_DEFAULT), "{scores:?}");
    assert_eq!(judge(&all, &held).document_state, Some(DocumentState::Stolen));
    // What only reads alike is no proof.
    let alike = Query { document: Some("L8989O2C3".into()), ..all };
    assert!(judge(&alike, &held).score < THRESHOLD_DEFAULT);
}

#[test]
fn nationality_is_weak_either_way() {
    let held = of_country(record(&["Ayman al-Zawahiri"]), CountryRole::Nationality, "EGY");
    let alone = parts(&asks("Ayman al-Zawahiri"), &held);
    let from = |code: &str| parts(&Query { nationality: Some(code.into()), ..asks("Ayman al-Zawahiri") }, &held);
    assert!(from("EGY") > alone && from("EGY") < alone + 30_000);
    assert!(from("CAN") < alone && from("CAN") >= 700_000);
}

#[test]
fn the_best_name_counts_and_a_weak_alias_less() {
    let mut held = record(&["Somebody Else", "Ayman al-Zawahiri"]);
    let strong = judge(&asks("Ayman al-Zawahiri"), &held);
    assert_eq!(strong.evidence[0].found, "Ayman al-Zawahiri");
    held.names[1].kind = NameKind::WeakAlias;
    let weak = judge(&asks("Ayman al-Zawahiri"), &held);
    assert!(weak.score < strong.score && weak.score >= THRESHOLD_DEFAULT);
    assert!(weak.evidence[0].note.contains("weak alias"));
}

#[test]
fn the_officer_reads_why() {
    for (asked, held, note) in [
        ("John Smith", "JOHN SMITH", "same name"),
        ("Jon Smyth", "John Smith", "another spelling of the name"),
        ("Smith John", "John Smith", "same name, other order"),
        ("Muhammad Saleh", "Mohamed Salih", "another spelling of the name"),
        ("Vander Berg", "Vanderberg", "written together or apart"),
    ] {
        let scored = judge(&asks(asked), &record(&[held]));
        assert_eq!(scored.evidence[0].note, note, "{asked} / {held}");
    }
}

proptest! {
    #[test]
    fn any_question_and_record_score_alike_twice(
        asked in ".{0,60}", held in proptest::collection::vec(".{1,60}", 0..4), number in proptest::option::of("[A-C0-2]{1,4}"),
        plate in proptest::option::of("(TX )?[BD0O8]{5}"),
    ) {
        let held: Vec<&str> = held.iter().map(String::as_str).collect();
        let lookout = with_plate(with_document(record(&held), "A1"), "B0D0B", Some("TX"));
        let query = Query { document: number, plate, ..asks(&asked) };
        prop_assert_eq!(judge(&query, &lookout), judge(&query, &lookout));
    }

    #[test]
    fn a_name_finds_itself_and_typos_of_it(
        words in proptest::collection::vec("[bdfgklmnprstvz][aeiou][bdfgklmnprstvz]{1,2}[aeiou][bdfgklmnprstvz]", 2..4),
        word in 0usize..2, at in 1usize..4,
    ) {
        let name = words.join(" ");
        // A title is no name.
        prop_assume!(crate::normalise::normalise(&name, Tables::shared()).len() == words.len());
        let mut typo = words.clone();
        let changed = typo[word].remove(at);
        typo[word].insert(at, if changed == 'x' { 'y' } else { 'x' });
        prop_assert!(name_parts(&name, &name) >= 900_000);
        prop_assert!(name_parts(&typo.join(" "), &name) >= 700_000, "{} {}", typo.join(" "), name);
    }
}
