//! Whether a registration is shaped as its kind demands and its check digit fits: VIN (ISO 3779, FMVSS 115), IMO ship number
//! (resolution A.1117), MMSI (ITU-R M.585), Mode S address (ICAO Annex 10).
//!
//! A wrong digit is a slip of whoever wrote it, or of the list: it is said and refuses nothing, since a vehicle is looked for
//! under the number that is known.

use crate::error::Warning;
use crate::lookout::RegistrationKind;
use crate::number::normalise_number;

/// Where a VIN has its check digit, from 0.
const VIN_CHECK_AT: usize = 8;
const VIN_CHARS: usize = 17;
const VIN_WEIGHTS: [u32; VIN_CHARS] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];

/// What looks wrong in a registration of a kind; its field is `registration`.
pub fn check(kind: RegistrationKind, number: &str) -> Option<Warning> {
    let number = normalise_number(number);
    let text = match kind {
        RegistrationKind::Vin => vin(&number),
        RegistrationKind::Imo => imo(number.strip_prefix("IMO").unwrap_or(&number)),
        RegistrationKind::Mmsi => mmsi(number.strip_prefix("MMSI").unwrap_or(&number)),
        RegistrationKind::ModeS => mode_s(&number),
        RegistrationKind::CallSign
        | RegistrationKind::TailNumber
        | RegistrationKind::SerialNumber
        | RegistrationKind::HullNumber => None,
    };
    text.map(|text| Warning::new("registration", text))
}

/// The kind that the shape of a registration suggests whose kind is not said: 17 characters without I, O and Q are a VIN,
/// seven digits with or without `IMO` an IMO number. Nothing else has a shape of its own.
pub fn kind_by_shape(number: &str) -> Option<RegistrationKind> {
    let number = normalise_number(number);
    if number.len() == VIN_CHARS && number.chars().all(|c| vin_value(c).is_some()) {
        return Some(RegistrationKind::Vin);
    }
    is_digits(number.strip_prefix("IMO").unwrap_or(&number), 7).then_some(RegistrationKind::Imo)
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The sum of values times weights.
fn weighted(values: impl Iterator<Item = u32>, weights: impl Iterator<Item = u32>) -> u32 {
    values.zip(weights).map(|(value, weight)| value * weight).sum()
}

fn digits(text: &str) -> impl Iterator<Item = u32> {
    text.chars().filter_map(|c| c.to_digit(10))
}

fn wrong_digit(name: &str, found: char, right: char) -> Option<String> {
    (found != right).then(|| format!("{name}: the check digit is {found}, should be {right}"))
}

fn vin(number: &str) -> Option<String> {
    let count = number.chars().count();
    if count != VIN_CHARS {
        // Before 1981 makers counted as they liked; the officer may know that it is such a vehicle.
        return Some(format!("VIN: has {count} characters, should have {VIN_CHARS} since 1981"));
    }
    if let Some(c) = number.chars().find(|c| vin_value(*c).is_none()) {
        return Some(format!("VIN: holds {c}, which no VIN does; it has no I, O and Q"));
    }
    if !is_north_american(number) {
        return None;
    }
    let sum = weighted(number.chars().filter_map(vin_value), VIN_WEIGHTS.into_iter());
    let right = if sum % 11 == 10 { 'X' } else { char::from_digit(sum % 11, 10)? };
    wrong_digit("VIN", number.chars().nth(VIN_CHECK_AT)?, right)
}

/// What a sign of a VIN counts; none for I, O, Q and what is no letter or digit of it.
fn vin_value(c: char) -> Option<u32> {
    Some(match c {
        '0'..='9' => u32::from(c) - u32::from('0'),
        'A' | 'J' => 1,
        'B' | 'K' | 'S' => 2,
        'C' | 'L' | 'T' => 3,
        'D' | 'M' | 'U' => 4,
        'E' | 'N' | 'V' => 5,
        'F' | 'W' => 6,
        'G' | 'P' | 'X' => 7,
        'H' | 'Y' => 8,
        'R' | 'Z' => 9,
        _ => return None,
    })
}

/// Only there the check digit is law: regions 1 to 5; elsewhere its place may hold anything.
fn is_north_american(number: &str) -> bool {
    matches!(number.chars().next(), Some('1'..='5'))
}

fn imo(number: &str) -> Option<String> {
    if !is_digits(number, 7) {
        return Some("IMO: should be seven digits".to_string());
    }
    let sum = weighted(digits(number), (2..=7).rev());
    wrong_digit("IMO", number.chars().last()?, char::from_digit(sum % 10, 10)?)
}

fn mmsi(number: &str) -> Option<String> {
    if !is_digits(number, 9) {
        return Some("MMSI: should be nine digits".to_string());
    }
    // 0 is a coast station or a group of ships, 1 an aircraft, 8 a hand-held set, 9 a craft or beacon.
    let ship = matches!(number.chars().next(), Some('2'..='7'));
    (!ship).then(|| "MMSI: is no ship's; those begin with 2 to 7".to_string())
}

fn mode_s(number: &str) -> Option<String> {
    if number.len() != 6 || !number.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some("Mode S: should be six hexadecimal digits".to_string());
    }
    matches!(number, "000000" | "FFFFFF").then(|| format!("Mode S: {number} is given to no aircraft"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::select;

    fn text(kind: RegistrationKind, number: &str) -> Option<String> {
        check(kind, number).map(|warning| warning.text)
    }

    #[test]
    fn a_right_number_gives_no_warning() {
        for (kind, number) in [
            (RegistrationKind::Vin, "1M8GDM9AXKP042788"),
            (RegistrationKind::Vin, "1M8GDM9A-XKP042788"),
            (RegistrationKind::Vin, "11111111111111111"),
            // German: the ninth place is the maker's.
            (RegistrationKind::Vin, "WVWZZZ1JZXW000001"),
            (RegistrationKind::Imo, "IMO 9074729"),
            (RegistrationKind::Imo, "9074729"),
            (RegistrationKind::Mmsi, "366 123 456"),
            (RegistrationKind::ModeS, "a1b2c3"),
            (RegistrationKind::TailNumber, "N123AB"),
        ] {
            assert_eq!(text(kind, number), None, "{number}");
        }
    }

    #[test]
    fn a_wrong_one_says_what_should_stand_there() {
        for (kind, number, expected) in [
            (RegistrationKind::Vin, "1M8GDM9A4KP042788", "VIN: the check digit is 4, should be X"),
            (RegistrationKind::Vin, "1M8GDM9AXKP042789", "VIN: the check digit is X, should be 1"),
            (RegistrationKind::Vin, "1M8GDM9AXKP04278", "VIN: has 16 characters, should have 17 since 1981"),
            (RegistrationKind::Vin, "1M8GDM9AXKPO42788", "VIN: holds O, which no VIN does; it has no I, O and Q"),
            (RegistrationKind::Imo, "9074728", "IMO: the check digit is 8, should be 9"),
            (RegistrationKind::Imo, "907472", "IMO: should be seven digits"),
            (RegistrationKind::Mmsi, "36612345", "MMSI: should be nine digits"),
            (RegistrationKind::Mmsi, "970123456", "MMSI: is no ship's; those begin with 2 to 7"),
            (RegistrationKind::ModeS, "A1B2CG", "Mode S: should be six hexadecimal digits"),
            (RegistrationKind::ModeS, "ffffff", "Mode S: FFFFFF is given to no aircraft"),
        ] {
            assert_eq!(text(kind, number).as_deref(), Some(expected), "{number}");
        }
    }

    #[test]
    fn a_kind_is_guessed_by_shape() {
        assert_eq!(kind_by_shape("1M8GDM9AXKP042788"), Some(RegistrationKind::Vin));
        assert_eq!(kind_by_shape("IMO 9074729"), Some(RegistrationKind::Imo));
        assert_eq!(kind_by_shape("9074729"), Some(RegistrationKind::Imo));
        for number in ["1M8GDM9AXKPO42788", "N123AB", "366123456", "A1B2C3", ""] {
            assert_eq!(kind_by_shape(number), None, "{number}");
        }
    }

    proptest! {
        #[test]
        fn a_single_wrong_digit_of_an_imo_number_is_seen(six in 100_000u32..1_000_000, at in 0usize..7, other in 1u32..10) {
            let six = six.to_string();
            let right = (0..10).map(|digit| format!("{six}{digit}"))
                .find(|number| check(RegistrationKind::Imo, number).is_none())
                .expect("one digit fits");
            let mut changed: Vec<u32> = digits(&right).collect();
            changed[at] = (changed[at] + other) % 10;
            let changed: String = changed.iter().map(u32::to_string).collect();
            // Weights that share a factor with ten let some slips through.
            let weight = [7, 6, 5, 4, 3, 2, 1][at];
            let seen = check(RegistrationKind::Imo, &changed).is_some();
            prop_assert!(seen || weight % 2 == 0 || weight % 5 == 0);
        }

        #[test]
        fn any_text_is_checked_without_a_fault(text in ".{0,40}", kind in select(RegistrationKind::ALL)) {
            let _ = (check(kind, &text), kind_by_shape(&text));
        }
    }
}
