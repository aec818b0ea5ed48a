//! Writings of one number meet, others do not, and nobody has more keys than are allowed.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Signs that stand for each other.
const CLASSES: [&str; 6] = ["O0QD", "I1L", "S5", "B8", "Z2", "G6"];

fn document(text: &str) -> Number {
    Number::new(NumberKind::Document, text)
}

fn asked_plate(text: &str) -> Number {
    Number::new(NumberKind::Plate, text)
}

fn meet(one: &Number, other: &Number) -> bool {
    let keys = one.keys();
    other.keys().iter().any(|key| keys.contains(key))
}

/// Another writing of a number: each sign by one of its class, which the numbers choose.
fn confused(text: &str, choices: &[usize]) -> String {
    let other = |(at, c): (usize, char)| match CLASSES.iter().find(|class| class.contains(c)) {
        Some(class) => class.chars().nth(choices[at % choices.len()] % class.len()).unwrap_or(c),
        None => c,
    };
    text.chars().enumerate().map(other).collect()
}

#[test]
fn numbers_meet_whatever_their_writing() {
    assert_eq!(normalise_number("ab-12 34/x"), "AB1234X");
    assert_eq!(normalise_number("ＡＢ１２"), "AB12");
    assert_eq!(normalise_number(" - "), "");
    assert!(document(" - ").keys().is_empty());
}

#[test]
fn what_reads_alike_says_which_sign_stands_for_which() {
    let alike = |asked: &str, held: &str| document(asked).likeness(&document(held));
    assert_eq!(alike("P-1234567", "p1234567"), Some(Likeness::Same));
    assert_eq!(alike("PO12OO7", "P012007"), Some(Likeness::Alike(vec![('O', '0')])));
    assert_eq!(alike("SI2345B", "S123458"), Some(Likeness::Alike(vec![('B', '8'), ('I', '1')])));
    // Cyrillic letters as on a Russian plate.
    assert_eq!(
        asked_plate("A123BC77").likeness(&asked_plate("А123ВС77")),
        Some(Likeness::Alike(vec![('A', 'А'), ('B', 'В'), ('C', 'С')]))
    );
    for (asked, held) in [("P1234567", "P1234568"), ("1234567", "7234567"), ("P1234567", "P123456")] {
        assert_eq!(alike(asked, held), None, "{asked} {held}");
        assert!(!meet(&document(asked), &document(held)));
    }
}

#[test]
fn a_short_number_meets_only_itself() {
    assert!(!meet(&document("O123"), &document("0123")));
    assert_eq!(document("O123").likeness(&document("0123")), None);
    assert!(meet(&document("O1234"), &document("01234")));
    assert!(meet(&document("O12-3"), &document("o123")));
    assert!(!meet(&asked_plate("TX 1234"), &asked_plate("1234")), "the rest is short");
}

#[test]
fn a_plate_meets_with_its_state_and_without() {
    let held = Number::plate("ABC 1234", Some("TX"));
    for (text, likeness) in [
        ("abc1234", Likeness::Same),
        ("TX ABC1234", Likeness::SameState),
        ("ABC1234-TX", Likeness::SameState),
        ("TX-ABC 1234", Likeness::SameState),
        // Without a blank nothing in the question says that TX is a state; the record knows it.
        ("TXABC1234", Likeness::StateLeftOut),
        ("CA ABC1234", Likeness::OtherState),
        ("TX A8C1234", Likeness::Alike(vec![('8', 'B')])),
    ] {
        let asked = asked_plate(text);
        assert!(meet(&asked, &held), "{text}");
        assert_eq!(asked.likeness(&held), Some(likeness), "{text}");
    }
    // The record writes the state into the number, or names none at all.
    for held in [Number::plate("TX ABC1234", None), Number::plate("TXABC1234", Some("Texas, USA"))] {
        assert_eq!(asked_plate("ABC1234").likeness(&held), Some(Likeness::StateLeftOut));
        assert_eq!(asked_plate("ABC1234 TX").likeness(&held), Some(Likeness::SameState));
    }
    let nowhere = Number::plate("ABC1234", None);
    assert_eq!(asked_plate("TX ABC1234").likeness(&nowhere), Some(Likeness::StateLeftOut));
    assert_eq!(
        asked_plate("TX ABC1234").likeness(&Number::plate("ABC1234", Some("USA"))),
        Some(Likeness::StateLeftOut)
    );
    // Alike and of another state is another vehicle.
    assert_eq!(asked_plate("CA A8C1234").likeness(&held), None);
    assert_eq!(
        asked_plate("MEX ABC1234").likeness(&Number::plate("ABC1234", Some("Mexico"))),
        Some(Likeness::SameState)
    );
}

#[test]
fn an_imo_number_meets_with_its_label_and_without() {
    let of = |text: &str| Number::new(NumberKind::Registration, text);
    assert_eq!(of("IMO 9074729").likeness(&of("9074729")), Some(Likeness::WithoutLabel));
    assert!(meet(&of("9074729"), &of("imo-9074729")));
    assert!(!meet(&of("IMO 907472"), &of("907472")), "six digits are no IMO number");
    assert!(!meet(&document("IMO 9074729"), &document("9074729")), "a document has no label");
}

#[test]
fn kinds_do_not_meet() {
    assert!(!meet(&document("ABC1234"), &asked_plate("ABC1234")));
    assert_eq!(document("ABC1234").likeness(&asked_plate("ABC1234")), None);
}

proptest! {
    #[test]
    fn writings_that_differ_by_confusions_have_a_key_in_common(
        text in "[A-Z0-9]{5,17}", choices in proptest::collection::vec(0usize..12, 1..17),
    ) {
        let other = confused(&text, &choices);
        for kind in NumberKind::ALL {
            let (asked, held) = (Number::new(*kind, &other), Number::new(*kind, &text));
            prop_assert!(meet(&asked, &held));
            let likeness = asked.likeness(&held);
            prop_assert_eq!(likeness == Some(Likeness::Same), text == other);
            prop_assert!(likeness.is_some());
        }
    }

    #[test]
    fn the_same_number_always_meets_itself_and_alone_if_it_is_of_digits(
        text in "[0-9]{1,12}", other in "[0-9]{1,12}", signs in "[ -/.]{0,3}",
    ) {
        let spread = text.chars().map(|c| format!("{c}{signs}")).collect::<String>();
        prop_assert!(meet(&document(&text), &document(&spread)));
        prop_assert_eq!(meet(&document(&text), &document(&other)), text == other);
    }

    #[test]
    fn whoever_is_like_another_has_a_key_in_common_with_it_and_never_too_many(
        one in ".{0,20}", two in "[A-D0-2TXO -]{0,9}", three in "[A-D0-2TXO -]{0,9}",
        state in proptest::option::of(select(vec!["TX", "CA", "USA", "Mexico", "nowhere"])), kind in select(NumberKind::ALL),
    ) {
        let numbers = [
            Number::new(kind, &one), Number::new(kind, &two), Number::new(kind, &three), Number::plate(&two, state),
            Number::plate(&three, state),
        ];
        for number in &numbers {
            let keys = number.keys();
            prop_assert!(keys.len() <= KEYS_MAX && keys.is_empty() == number.written().is_empty());
            prop_assert!(keys.is_sorted() && keys.iter().all(|key| key.kind == number.kind()));
            for other in &numbers {
                prop_assert!(number.likeness(other).is_none() || meet(number, other), "{:?} {:?}", number, other);
                // Nothing meets without saying how, but what reads alike and is of another state.
                if meet(number, other) && number.likeness(other).is_none() {
                    prop_assert!(number.state.as_ref().zip(other.state.as_ref()).is_some_and(|(a, b)| a.contradicts(b)));
                }
            }
        }
    }
}

#[test]
fn a_state_that_is_guessed_from_the_writing_says_nothing_against_the_writing_as_a_whole() {
    let held = Number::plate("AB 12O45", Some("LVA"));
    let asked = asked_plate("AB 12045");
    assert!(meet(&asked, &held));
    assert_eq!(asked.likeness(&held), Some(Likeness::Alike(vec![('0', 'O')])));
    assert_eq!(asked_plate("AB12045").likeness(&held), Some(Likeness::Alike(vec![('0', 'O')])));
}
