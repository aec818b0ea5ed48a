//! Numbers of social security (SECURITY.md 4): kept in sealed bodies and as keyed tokens alone, shown by their last four digits, and
//! printed by nothing.

use std::fmt;

use crate::error::Invalid;

/// Digits of a number.
const DIGITS: usize = 9;
/// Those that are shown.
const SHOWN: usize = 4;

/// A number of social security.
#[derive(Clone, PartialEq, Eq)]
pub struct Ssn([u8; DIGITS]);

impl fmt::Debug for Ssn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ssn(..)")
    }
}

impl Ssn {
    /// Reads one: nine digits, with hyphens or blanks between them or without; not all zero.
    pub fn read(text: &str) -> Option<Self> {
        let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'-' | b' ')).collect();
        let digits = <[u8; DIGITS]>::try_from(digits).ok()?;
        let plain = digits.iter().all(u8::is_ascii_digit) && digits.iter().any(|digit| *digit != b'0');
        plain.then_some(Self(digits))
    }

    /// Reads one that is written as only they are: `123-45-6789`, or with blanks.
    pub fn read_grouped(text: &str) -> Option<Self> {
        let text = text.trim();
        let apart = |byte: u8| matches!(byte, b'-' | b' ');
        let shape = text.len() == 11 && text.bytes().enumerate().all(|(at, byte)| apart(byte) == matches!(at, 3 | 6));
        Self::read(text).filter(|_| shape)
    }

    /// What is shown of it: `***-**-6789`.
    pub fn masked(&self) -> String {
        let shown: String = self.0[DIGITS - SHOWN..].iter().copied().map(char::from).collect();
        format!("***-**-{shown}")
    }
}

/// What is shown of a number of social security, be it one or not: of what does not read as one, nothing.
pub fn shown(number: &str) -> String {
    Ssn::read(number).map_or_else(|| "***".to_string(), |ssn| ssn.masked())
}

/// A number of any document as it is shown where nothing says of what kind it is: one that is written as only numbers of social
/// security are, by its last four digits.
pub fn guarded(number: &str) -> String {
    Ssn::read_grouped(number).map_or_else(|| number.to_string(), |ssn| ssn.masked())
}

/// A text with every number in it that is written as only numbers of social security are shown by its last four digits.
pub fn guarded_text(text: &str) -> String {
    let words = text.split_inclusive(|c: char| !c.is_ascii_digit() && c != '-');
    let guarded = |word: &str| {
        let number = word.trim_end_matches(|c: char| !c.is_ascii_digit());
        format!("{}{}", guarded(number), &word[number.len()..])
    };
    words.map(guarded).collect()
}

/// Whether this is what is shown of a number, and not the number.
pub fn is_masked(number: &str) -> bool {
    number.trim_start().starts_with("***")
}

/// Checks a number in a field.
pub fn check(field: &str, number: &str) -> Result<(), Invalid> {
    if is_masked(number) {
        let reason = "is masked, and the record holds none that ends so; give all nine digits".to_string();
        return Err(Invalid::new(field, reason));
    }
    match Ssn::read(number) {
        Some(_) => Ok(()),
        None => Err(Invalid::new(field, "is no number of social security, which has nine digits".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn only_the_last_four_digits_are_shown(digits in "[0-9]{9}") {
            prop_assume!(digits != "000000000");
            let ssn = Ssn::read(&digits).expect("reads");
            let written = format!("{}-{}-{}", &digits[..3], &digits[3..5], &digits[5..]);
            prop_assert_eq!(Ssn::read_grouped(&written), Some(ssn.clone()));
            prop_assert_eq!(Ssn::read_grouped(&digits), None);
            prop_assert_eq!(ssn.masked(), format!("***-**-{}", &digits[5..]));
            prop_assert_eq!(format!("{ssn:?}"), "Ssn(..)");
            prop_assert!(is_masked(&shown(&written)) && !is_masked(&written));
        }

        #[test]
        fn what_is_none_is_not_shown_at_all(text in ".*") {
            if Ssn::read(&text).is_none() {
                prop_assert_eq!(shown(&text), "***");
            }
        }
    }

    #[test]
    fn a_text_keeps_all_but_what_is_written_as_a_number_of_social_security() {
        for (text, guarded) in [
            (
                "SSN 123-45-6789 (US), tel. 202-555-0143; 1970-01-02",
                "SSN ***-**-6789 (US), tel. 202-555-0143; 1970-01-02",
            ),
            ("123-45-6789", "***-**-6789"),
            ("0123-45-6789", "0123-45-6789"),
            ("Иван 12-3 – ok-", "Иван 12-3 – ok-"),
            ("", ""),
        ] {
            assert_eq!(guarded_text(text), guarded);
        }
    }

    #[test]
    fn a_wrong_number_is_told_without_it() {
        for (number, part) in
            [("***-**-6789", "is masked"), ("12345678", "nine digits"), ("000-00-0000", "nine digits")]
        {
            let error = check("documents[0].number", number).expect_err("is none").to_string();
            assert!(error.contains(part) && !error.contains(number), "{error}");
        }
        assert_eq!(check("documents[0].number", "123 45 6789"), Ok(()));
    }
}
