//! Dates of birth, compared with what both sides really know: a day, a month, a year, a range, about a year.
//!
//! Lists carry 1 January for 'year only', officers swap day and month and mistype digits; all of these speak for a match,
//! less than the same date does. Assumes what cannot be compared was not asked: no date is no evidence.

use model::date::{BirthDate, CIRCA_YEARS, PartialDate};

/// What two dates say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// How well they agree, in millionths.
    pub agreement: u32,
    /// Hundredths of a bit that this adds or, below zero, takes.
    pub gain: i32,
    pub note: &'static str,
}

const fn verdict(agreement: u32, gain: i32, note: &'static str) -> Verdict {
    Verdict { agreement: agreement * 100, gain, note }
}

/// The most that a date can gain.
pub const GAIN_MAX: i32 = 1_000;
const CONFLICT: Verdict = verdict(0, -490, "dates of birth differ");

/// The verdict on the record's date that agrees best, with that date.
pub fn best(asked: BirthDate, held: &[BirthDate]) -> Option<(BirthDate, Verdict)> {
    let all = held.iter().map(|date| (*date, compare(asked, *date)));
    // The first of equals, in the order of the record.
    all.reduce(|best, next| if next.1.gain > best.1.gain { next } else { best })
}

/// Compares two dates of birth.
pub fn compare(a: BirthDate, b: BirthDate) -> Verdict {
    if a.to.is_some() || b.to.is_some() || a.circa || b.circa {
        return spans(a, b);
    }
    let (a, b) = (a.from, b.from);
    let years = i32::from(a.year()).abs_diff(i32::from(b.year()));
    match (day(a), day(b)) {
        (Some(one), Some(other)) => days(a, b, one, other, years),
        _ if years > 1 => CONFLICT,
        _ if years == 1 => verdict(3_000, -50, "a year apart"),
        _ => match (month(a), month(b)) {
            (Some(one), Some(other)) if one == other => verdict(8_000, 640, "same month and year"),
            (Some(_), Some(_)) => verdict(4_000, -100, "same year, another month"),
            _ if a == b && a.day().is_some() => {
                verdict(8_000, 500, "same date, but 1 January often stands for the year")
            }
            _ => verdict(6_000, 380, "same year"),
        },
    }
}

fn days(a: PartialDate, b: PartialDate, one: (u8, u8), other: (u8, u8), years: u32) -> Verdict {
    if a == b {
        return verdict(10_000, GAIN_MAX, "same date");
    }
    if years == 0 && one == (other.1, other.0) {
        return verdict(9_000, 680, "day and month swapped");
    }
    if one_digit(a, b) {
        return verdict(7_500, 460, "one digit differs");
    }
    match years {
        0 => verdict(4_000, 0, "same year, another day"),
        1 => verdict(2_500, -210, "a year apart, another day"),
        _ => CONFLICT,
    }
}

/// Whether the dates, written in eight digits, differ in one digit or in two neighbours that changed places.
fn one_digit(a: PartialDate, b: PartialDate) -> bool {
    let digits = |date: PartialDate| {
        let day = u32::from(date.month().unwrap_or(0)) * 100 + u32::from(date.day().unwrap_or(0));
        let number = date.year().unsigned_abs() as u32 * 10_000 + day;
        std::array::from_fn::<u32, 8, _>(|at| number / 10u32.pow(7 - at as u32) % 10)
    };
    let (a, b) = (digits(a), digits(b));
    let mut differ = (0..8).filter(|at| a[*at] != b[*at]);
    match (differ.next(), differ.next(), differ.next()) {
        (Some(_), None, None) => true,
        (Some(one), Some(other), None) => other == one + 1 && a[one] == b[other] && a[other] == b[one],
        _ => false,
    }
}

/// Month and day, unless they only stand for 'not known'.
fn day(date: PartialDate) -> Option<(u8, u8)> {
    date.month().zip(date.day()).filter(|known| *known != (1, 1))
}

/// The month, unless it only stands for 'not known'.
fn month(date: PartialDate) -> Option<u8> {
    date.month().filter(|_| (date.month(), date.day()) != (Some(1), Some(1)))
}

fn spans(a: BirthDate, b: BirthDate) -> Verdict {
    let ((a_from, a_to), (b_from, b_to)) = (span(a), span(b));
    if a_from <= b_to && b_from <= a_to {
        let years = (a_to.0 - a_from.0).max(b_to.0 - b_from.0);
        return match years {
            0..=1 => verdict(7_000, 380, "within the range of dates"),
            2..=5 => verdict(6_000, 280, "within the range of years"),
            _ => verdict(5_000, 100, "within a wide range of years"),
        };
    }
    let apart = if a_to < b_from { b_from.0 - a_to.0 } else { a_from.0 - b_to.0 };
    if apart <= 1 { verdict(3_000, -50, "just outside the range") } else { CONFLICT }
}

type Day = (i32, u8, u8);

/// First and last day that a date may mean.
fn span(date: BirthDate) -> (Day, Day) {
    let slack = if date.circa { i32::from(CIRCA_YEARS) } else { 0 };
    let last = date.to.unwrap_or(date.from);
    let known = |date: PartialDate| if slack == 0 { (month(date), date.day()) } else { (None, None) };
    let (from, to) = (known(date.from), known(last));
    let from = (i32::from(date.from.year()) - slack, from.0.unwrap_or(1), from.0.and(from.1).unwrap_or(1));
    let to = (i32::from(last.year()) + slack, to.0.unwrap_or(12), to.0.and(to.1).unwrap_or(31));
    (from, to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn notes(a: &str, b: &str) -> &'static str {
        compare(a.parse().expect("a date"), b.parse().expect("a date")).note
    }

    #[test]
    fn dates_are_compared_by_what_they_know() {
        for (a, b, note) in [
            ("1970-03-04", "1970-03-04", "same date"),
            ("1970-03-04", "1970-04-03", "day and month swapped"),
            ("1970-03-04", "1980-03-04", "one digit differs"),
            ("1970-03-12", "1970-03-21", "one digit differs"),
            ("1970-03-04", "1970", "same year"),
            ("1970-03-04", "1970-01-01", "same year"),
            ("1970-01-01", "1970-01-01", "same date, but 1 January often stands for the year"),
            ("1970-03-04", "1970-03", "same month and year"),
            ("1970-03-04", "1970-10-25", "same year, another day"),
            ("1970-03-04", "1969-10-25", "a year apart, another day"),
            ("1970-03-04", "1951-10-25", "dates of birth differ"),
            ("1970-03-04", "1969/1971", "within the range of years"),
            ("1970-03-04", "circa 1972", "within the range of years"),
            ("1970-03-04", "circa 1990", "dates of birth differ"),
            ("1970-03-04", "1971/1975", "just outside the range"),
        ] {
            assert_eq!(notes(a, b), note, "{a} {b}");
            assert_eq!(notes(b, a), note, "{b} {a}");
        }
    }

    proptest! {
        #[test]
        fn comparing_is_the_same_from_both_sides(
            years in (1900i16..2020, 0i16..4), months in (1u8..=12, 1u8..=12), days in (1u8..=28, 1u8..=28), shape in 0u8..16,
        ) {
            let date = |year, month, day, shape: u8| {
                let month = (shape & 1 == 0).then_some(month);
                let from = PartialDate::new(year, month, month.map(|_| day)).expect("valid");
                BirthDate { from, to: None, circa: shape & 2 != 0 }
            };
            let a = date(years.0, months.0, days.0, shape);
            let b = date(years.0 + years.1, months.1, days.1, shape >> 2);
            prop_assert_eq!(compare(a, b), compare(b, a));
            prop_assert!(compare(a, a).gain > 0);
        }
    }
}
