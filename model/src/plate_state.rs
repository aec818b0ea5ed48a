//! The states that issue plates: of the USA and Canada by the code of their post, else countries by ISO 3166-1 alpha-3.
//!
//! The table is `data/plate-states.csv`: code, country, name, without a header; no two rows have the same code. Assumes that
//! whoever writes `CA` or `DE` of a plate means California and Delaware; who means the country writes `CAN` or `DEU`.

use crate::country;

const TABLE: &str = include_str!("../data/plate-states.csv");

/// A state or country that issued a plate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlateState {
    code: String,
    /// The country of a state.
    within: Option<&'static str>,
}

fn rows() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    TABLE.lines().filter_map(|line| {
        let mut cells = line.splitn(3, ',');
        Some((cells.next()?, cells.next()?, cells.next()?))
    })
}

impl PlateState {
    /// The state or country of a code in capitals.
    pub fn of_code(code: &str) -> Option<Self> {
        let state = rows().find(|(state, ..)| *state == code);
        let state = state.map(|(code, within, _)| Self { code: code.to_string(), within: Some(within) });
        state.or_else(|| {
            let known = code.len() == 3 && country::name_of(code).is_some();
            known.then(|| Self { code: code.to_string(), within: None })
        })
    }

    /// What a record names as a jurisdiction: a code, the name of a state, a country; `US-TX` and `Texas, USA` by the part that
    /// is a state.
    pub fn named(text: &str) -> Option<Self> {
        let text = text.trim().to_uppercase();
        let by_name = |text: &str| {
            let state = rows().find(|(.., name)| name.eq_ignore_ascii_case(text));
            state.and_then(|(code, ..)| Self::of_code(code))
        };
        let parts = || text.split([',', '-', '/', '(', ')']).map(str::trim).filter(|part| !part.is_empty());
        let of_state =
            |part: &str| by_name(part).or_else(|| Self::of_code(part).filter(|state| state.within.is_some()));
        let whole = of_state(&text).or_else(|| parts().find_map(of_state));
        whole.or_else(|| country::code_of(&text).and_then(Self::of_code))
    }

    /// The code.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Whether a plate cannot be of both: a country does not contradict its own states.
    pub fn contradicts(&self, other: &Self) -> bool {
        let holds = |country: &Self, state: &Self| state.within == Some(country.code.as_str());
        self != other && !holds(self, other) && !holds(other, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<String> {
        PlateState::named(text).map(|state| state.code)
    }

    #[test]
    fn the_table_is_whole_and_no_code_stands_twice() {
        let mut codes: Vec<&str> = rows().map(|(code, ..)| code).collect();
        assert_eq!(codes.len(), TABLE.lines().count(), "every line has its three cells");
        assert_eq!(
            rows().filter(|(_, country, _)| *country == "USA").count(),
            56,
            "50 states, the capital, 5 territories"
        );
        assert_eq!(rows().filter(|(_, country, _)| *country == "CAN").count(), 13);
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), TABLE.lines().count());
        assert!(codes.iter().all(|code| code.len() == 2));
    }

    #[test]
    fn a_jurisdiction_is_known_as_records_write_it() {
        for (text, expected) in [
            ("TX", "TX"),
            ("texas", "TX"),
            ("US-TX", "TX"),
            ("Texas, USA", "TX"),
            ("New York", "NY"),
            ("USA", "USA"),
            ("Germany", "DEU"),
            ("MEX", "MEX"),
            ("CA", "CA"),
            ("Quebec", "QC"),
        ] {
            assert_eq!(code(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", " ", "Bavaria", "XQ", &"x".repeat(10_000)] {
            assert_eq!(code(text), None);
        }
    }

    #[test]
    fn a_country_does_not_contradict_its_states() {
        let state = |text: &str| PlateState::named(text).expect("known");
        assert!(state("TX").contradicts(&state("CA")) && state("TX").contradicts(&state("MEX")));
        assert!(!state("TX").contradicts(&state("USA")) && !state("USA").contradicts(&state("TX")));
        assert!(!state("TX").contradicts(&state("Texas")));
    }
}
