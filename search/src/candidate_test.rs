//! Whoever scores enough is a candidate: over names as they are really written, misspelt, joined, split, shortened, in other
//! order and script, and over words of few letters, which meet each other in every way that keys and score know.

use model::lookout::{Action, Lookout, Name, NameKind, SubjectKind};
use model::screen::{Query, Score, THRESHOLD_COMPLETE, THRESHOLD_DEFAULT};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::index::{Index, IndexChange, Place};
use crate::labelled::Sought;
use crate::normalise::normalise;
use crate::{pair, score, script};

/// Words of names: frequent and rare, particles, titles, legal forms, initials, numbers, scripts.
const WORDS: &[&str] = &[
    "mohammed",
    "hassan",
    "hussein",
    "ali",
    "ahmed",
    "abdul",
    "abd",
    "rahman",
    "aziz",
    "ibrahim",
    "omar",
    "kim",
    "park",
    "juan",
    "garcia",
    "maria",
    "cruz",
    "john",
    "smith",
    "ivan",
    "vladimir",
    "sergeevich",
    "singh",
    "kumar",
    "trading",
    "bank",
    "iran",
    "shipping",
    "al",
    "bin",
    "abu",
    "van",
    "der",
    "de",
    "la",
    "st",
    "sheikh",
    "mullah",
    "junior",
    "ltd",
    "gmbh",
    "limited",
    "zawahiri",
    "nasrallah",
    "escobar",
    "bakiev",
    "jeongeun",
    "jong",
    "un",
    "xi",
    "jinping",
    "berg",
    "souza",
    "karadzic",
    "milosevic",
    "abdurrahman",
    "abdulaziz",
    "nureddin",
    "al-din",
    "o'neill",
    "qadhafi",
    "khodorkovsky",
    "chernyshevsky",
    "lukashenka",
    "wickramasinghe",
    "ramakrishnan",
    "venkataraghavan",
    "krasnoyarskenergosbyt",
    "j",
    "m",
    "11420",
    "a320",
    "путин",
    "владимир",
    "хусейн",
    "الظواهري",
    "عبدالرحمن",
    "محمد",
    "حسين",
    "김정은",
    "习近平",
    "יוסף",
    "müller",
    "lê",
    "le",
    "pao",
    "pao,",
    "sheikh,",
    "company",
    "banco",
    "joint stock company",
];

fn name() -> impl Strategy<Value = String> {
    proptest::collection::vec(select(WORDS), 1..6).prop_map(|words| words.join(" "))
}

/// Words of few letters.
fn dense() -> impl Strategy<Value = String> {
    proptest::string::string_regex(
        "([abhs]{1,9}|[ab]{1,3}|al|de|[ab]{17,19}|ali|gmbh)( ([abhs]{1,9}|al|de|van|gmbh|ali|hasan)){0,3}",
    )
    .expect("a pattern")
}

/// One way to write a name otherwise; the numbers say where and with which letter.
fn rewritten(name: &str, how: u8, at: usize, letter: char) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    let mut words: Vec<&str> = name.split(' ').collect();
    let (place, word) = (at % letters.len().max(1), at % words.len());
    match how {
        0 if !letters.is_empty() => drop(letters.remove(place)),
        1 if !letters.is_empty() => letters[place] = letter,
        2 => letters.insert(place, letter),
        3 if place + 1 < letters.len() => letters.swap(place, place + 1),
        4 => letters.insert(place, [' ', '-', '\''][at % 3]),
        5 => {
            // Written together.
            if let Some(blank) = (place..letters.len()).find(|at| letters[*at] == ' ') {
                letters.remove(blank);
            }
        }
        6 => {
            words.rotate_left(word);
            return words.join(" ");
        }
        7 if words.len() > 1 => {
            words.remove(word);
            return words.join(" ");
        }
        8 => {
            words[word] =
                words[word].split_at(words[word].char_indices().nth(1).map_or(words[word].len(), |at| at.0)).0;
            return words.join(" ");
        }
        9 => {
            words[word] =
                words[word].split_at(words[word].char_indices().nth(5).map_or(words[word].len(), |at| at.0)).0;
            return words.join(" ");
        }
        10 => {
            let mut latin = String::new();
            name.chars().for_each(|c| script::latin(c, &mut latin));
            return latin;
        }
        11 => {
            let vowels = ['a', 'e', 'i', 'o', 'u'];
            if let Some(vowel) = (place..letters.len()).find(|at| vowels.contains(&letters[*at])) {
                letters[vowel] = vowels[at % 5];
            }
        }
        12 => words.push(WORDS[at % WORDS.len()]),
        _ => {}
    }
    if how == 12 { words.join(" ") } else { letters.into_iter().collect() }
}

/// Two names, the second often the first written otherwise.
fn two_names() -> impl Strategy<Value = (String, String)> {
    let steps = proptest::collection::vec((0u8..13, 0usize..200, prop::char::range('a', 'z')), 0..5);
    let varied = (prop_oneof![4 => name(), 1 => dense()], steps, any::<bool>()).prop_map(|(name, steps, turned)| {
        let other = steps.iter().fold(name.clone(), |name, (how, at, letter)| rewritten(&name, *how, *at, *letter));
        if turned { (other, name) } else { (name, other) }
    });
    prop_oneof![4 => varied, 1 => (dense(), dense()), 1 => (name(), name())]
}

fn held(name: &str) -> Lookout {
    let mut lookout = Lookout::new(SubjectKind::Person, Action::Refer, "test");
    let full = name.to_string();
    lookout.names.push(Name { kind: NameKind::Primary, full, family: None, given: None, original: None });
    lookout.birth_dates.push("1970-03-04".parse().expect("a date"));
    lookout
        .countries
        .push(model::lookout::Country { role: model::lookout::CountryRole::Nationality, code: "EGY".into() });
    lookout
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn who_scores_enough_is_a_candidate(
        (asked, name) in two_names(), threshold in select(&[500_000, 600_000, 700_000, 700_000, 800_000][..]),
        dated in any::<bool>(), national in any::<bool>(), alias in proptest::option::of(name()), parted in any::<bool>(),
    ) {
        let query = Query {
            name: Some(asked),
            threshold: Score::from_parts(threshold),
            birth_date: dated.then(|| "1970-03-04".parse().expect("a date")),
            nationality: national.then(|| "EGY".to_string()),
            ..Query::default()
        };
        let (tables, mut lookout) = (Tables::shared(), held(&name));
        if parted {
            let (given, family) = name.split_once(' ').unwrap_or((&name, &name));
            lookout.names[0].given = Some(given.to_string());
            lookout.names[0].family = Some(family.to_string());
        }
        lookout.names[0].original = alias.clone().filter(|_| parted);
        lookout.names.extend(alias.map(|full| Name { full, kind: NameKind::WeakAlias, ..lookout.names[0].clone() }));
        let (prepared, record) = (PreparedQuery::new(&query, tables), PreparedRecord::new(&lookout, tables));
        let scored = score(&query, &prepared, &lookout, &record, tables);
        prop_assert!(query.threshold >= THRESHOLD_COMPLETE);
        if scored.score >= query.threshold {
            prop_assert!(most(&prepared, &record, tables) >= Some(scored.score), "{:?}", scored);
        }
    }
}

#[test]
fn a_question_of_frequent_words_finds_who_has_enough_of_them() {
    let candidate = |asked: &str, name: &str| {
        let query = Query { name: Some(asked.into()), threshold: model::screen::THRESHOLD_DEFAULT, ..Query::default() };
        let tables = Tables::shared();
        is_candidate(&PreparedQuery::new(&query, tables), &PreparedRecord::new(&held(name), tables), tables)
    };
    assert!(candidate("Mohammed Hassan Ahmed Hussein Ali Ibrahim Omar", "Mohammed Ahmed Ali"));
    assert!(candidate("Mohammed Zawahiri", "Zawahiri"));
    for (asked, name) in [
        ("Mohammed Hassan", "Mohammed Rashid"),
        ("Mohammed Zawahiri", "Mohammed Ali"),
        ("Mohammed Zawahiri", "Mohammed Z."),
        ("van de Berg", "van de Ven"),
        ("Bank of Iran", "Bank of China"),
        ("???", "John"),
    ] {
        assert!(!candidate(asked, name), "{asked} / {name}: half of a list must not be scored");
    }
}

/// All that a word without its particle says may be lost with the particle: then it meets nothing, in the score as here.
#[test]
fn what_says_nothing_makes_no_name_whole() {
    let (tables, mut nothing) = (Tables::shared(), 0);
    for name in WORDS {
        let lookout = held(name);
        let record = PreparedRecord::new(&lookout, tables);
        for word in WORDS {
            let query = Query { name: Some(format!("al{word}")), threshold: THRESHOLD_COMPLETE, ..Query::default() };
            let prepared = PreparedQuery::new(&query, tables);
            let stripped = prepared.readings.iter().flat_map(|reading| &reading.words);
            for (word, token) in stripped.flat_map(|word| record.words().into_iter().map(move |token| (word, token))) {
                let lost = |likeness: &pair::Likeness| likeness.bits <= word.loss;
                if pair::likeness(&word.asked, token, tables).filter(lost).is_some() {
                    assert!(word.likeness(token, tables).is_none());
                    nothing += 1;
                }
            }
            let score = score(&query, &prepared, &lookout, &record, tables).score;
            assert!(score < query.threshold || most(&prepared, &record, tables) >= Some(score), "{word} {name}");
        }
    }
    assert!(nothing > 0);
}

#[test]
fn a_question_of_any_character_is_refused_or_has_words() {
    for c in '\0'..=char::MAX {
        let query = Query { name: Some(c.to_string()), limit: 1, ..Query::default() };
        if query.validate().is_ok() {
            assert!(!normalise(&c.to_string(), Tables::shared()).is_empty(), "U+{:04X} asks for nothing", c as u32);
        }
    }
}

#[test]
fn scoring_ends_when_no_other_can_come_among_the_best() {
    let candidate = |parts, id| Candidate { id: RecordId([id; 16]), most: Score::from_parts(parts) };
    let mut best = Best::new(2);
    for (parts, id) in [(500_000, 1), (900_000, 2), (700_000, 5)] {
        assert!(best.may_take(candidate(parts, id)), "{parts}");
        best.take(RecordId([id; 16]), Score::from_parts(parts));
    }
    assert!(best.may_take(candidate(700_001, 9)));
    assert!(best.may_take(candidate(700_000, 4)), "the lower id decides between equals");
    assert!(!best.may_take(candidate(700_000, 6)));
    assert!(!best.may_take(candidate(699_999, 1)));
}

/// Somebody is called so: Du Bin, Ben Al, Van.
#[test]
fn a_name_of_particles_alone_is_found_by_itself() {
    let tables = Tables::shared();
    for name in ["Du Bin", "Bin, Du", "Ben Al", "Van", "De la", "Ltd", "Du Van Bin"] {
        let query = Query { name: Some(name.into()), threshold: THRESHOLD_DEFAULT, limit: 1, ..Query::default() };
        let lookout = held(name);
        let (prepared, record) = (PreparedQuery::new(&query, tables), PreparedRecord::new(&lookout, tables));
        let scored = score(&query, &prepared, &lookout, &record, tables).score;
        assert!(scored >= THRESHOLD_DEFAULT && is_candidate(&prepared, &record, tables), "{name}: {scored:?}");
        let index = Index::open(Place::Memory, Tables::standard().into()).expect("opens");
        index
            .write(&[IndexChange::Put(RecordId([1; 16]), record.into(), crate::testing::level_one())], 1)
            .expect("writes");
        assert_eq!(index.candidates(&prepared, Sought::All).expect("finds").len(), 1, "{name}");
    }
}
