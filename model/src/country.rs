//! Countries: ISO 3166-1 codes and the names that lists write, so that `Korea, North`, `KP` and `PRK` meet.
//!
//! The table is `data/countries.csv`: alpha-3, alpha-2, English name and `|`-separated variants, without a header and
//! without quotes, since no cell holds a comma. Beside ISO 3166-1 it holds Kosovo (`XKX`) and the codes that passports
//! carry for organisations and for holders without a country (ICAO Doc 9303 part 3). Assumes a text is a whole country name: order of words,
//! case, accents and punctuation do not matter, `St` is `Saint`, and a demonym (`Syrian`) stands for its country.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

const TABLE: &str = include_str!("../data/countries.csv");

/// Codes of ICAO Doc 9303 part 3 for British passports of other than full citizens: the state that issued them is one.
const BRITISH: [&str; 5] = ["GBD", "GBN", "GBO", "GBP", "GBS"];

/// What a row of the table says; immutable once read.
struct Table {
    /// From folded code, name or variant to alpha-3.
    codes: BTreeMap<String, &'static str>,
    /// From alpha-3 to the English name.
    names: BTreeMap<&'static str, &'static str>,
}

static COUNTRIES: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table { codes: BTreeMap::new(), names: BTreeMap::new() };
    for (alpha3, alpha2, name, variants) in rows() {
        table.names.insert(alpha3, name);
        for text in [alpha3, alpha2, name].into_iter().chain(variants.split('|')).filter(|text| !text.is_empty()) {
            // The first row that claims a text keeps it; a test shows that no two rows claim the same.
            table.codes.entry(fold(text)).or_insert(alpha3);
        }
    }
    table.codes.extend(BRITISH.map(|code| (fold(code), "GBR")));
    table
});

fn rows() -> impl Iterator<Item = (&'static str, &'static str, &'static str, &'static str)> {
    TABLE.lines().filter_map(|line| {
        let mut cells = line.splitn(4, ',');
        Some((cells.next()?, cells.next()?, cells.next()?, cells.next()?))
    })
}

/// The alpha-3 code of a country given by alpha-3, alpha-2, name or a variant of the name.
pub fn code_of(text: &str) -> Option<&'static str> {
    // No country has a longer name, so a hostile text costs nothing.
    if text.len() > 200 {
        return None;
    }
    COUNTRIES.codes.get(&fold(text)).copied()
}

/// The English name of an alpha-3 code.
pub fn name_of(code: &str) -> Option<&'static str> {
    COUNTRIES.names.get(code.trim().to_ascii_uppercase().as_str()).copied()
}

/// Every alpha-3 code of the table with its name, in the order of the codes.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    COUNTRIES.names.iter().map(|(code, name)| (*code, *name))
}

/// The words of a text without accents, case and filling words, sorted: `Congo, Democratic Republic of the` and
/// `Democratic Republic of the Congo` fold alike.
fn fold(text: &str) -> String {
    let plain: String = text
        .nfkd()
        .filter(|c| !is_combining_mark(*c) && !matches!(c, '\'' | '\u{2019}' | '\u{2018}' | '`' | '.'))
        .flat_map(char::to_lowercase)
        .collect();
    let mut words: Vec<&str> = plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    if words.len() > 1 {
        // Alone, `AND` is Andorra and `ST` is Sao Tome and Principe.
        words.retain(|word| !matches!(*word, "the" | "of" | "and"));
        words.iter_mut().filter(|word| **word == "st").for_each(|word| *word = "saint");
    }
    words.sort_unstable();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_no_text_names_two_countries() {
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        let mut iso = 0;
        for (alpha3, alpha2, name, variants) in rows() {
            assert_eq!(alpha3.len(), 3, "{alpha3}");
            assert!(alpha2.is_empty() || alpha2.len() == 2, "{alpha3}");
            iso += usize::from(!alpha2.is_empty());
            for text in [alpha3, alpha2, name].into_iter().chain(variants.split('|')).filter(|text| !text.is_empty()) {
                if let Some(other) = seen.insert(fold(text), alpha3) {
                    assert_eq!(other, alpha3, "`{text}` names both");
                }
            }
        }
        assert_eq!(rows().count(), TABLE.lines().count(), "every line has its four cells");
        assert_eq!(iso, 250, "249 entries of ISO 3166-1 and Kosovo");
    }

    #[test]
    fn the_codes_that_passports_carry_are_known() {
        for (text, code) in
            [("D", "DEU"), ("D<<", "DEU"), ("RKS", "XKX"), ("GBD", "GBR"), ("gbn", "GBR"), ("GBO", "GBR")]
        {
            assert_eq!(code_of(text), Some(code), "{text}");
        }
        for code in ["EUE", "UNO", "UNA", "XOM", "XPO", "XXA", "XXB", "XXC", "XXX"] {
            assert_eq!(code_of(code), Some(code));
        }
        let taken = |code: &&str| rows().any(|(alpha3, alpha2, ..)| [alpha3, alpha2].contains(code));
        assert!(!BRITISH.iter().any(taken), "no country has such a code");
    }

    #[test]
    fn names_as_lists_write_them() {
        for (text, code) in [
            ("Korea, North", "PRK"),
            ("Democratic People's Republic of Korea", "PRK"),
            ("Korea, South", "KOR"),
            ("Korea (the Republic of)", "KOR"),
            ("Russia", "RUS"),
            ("BURMA", "MMR"),
            ("Iran (Islamic Republic of)", "IRN"),
            ("Syria", "SYR"),
            ("Cote d Ivoire", "CIV"),
            ("Côte d’Ivoire", "CIV"),
            ("Congo, Democratic Republic of the", "COD"),
            ("Congo, Republic of the", "COG"),
            ("Kosovo", "XKX"),
            ("Palestinian", "PSE"),
            ("St. Lucia", "LCA"),
            ("ST", "STP"),
            ("AND", "AND"),
            ("Turkiye", "TUR"),
            ("us", "USA"),
            ("U.S.A.", "USA"),
            ("The Gambia", "GMB"),
            ("Bahamas, The", "BHS"),
            ("deu", "DEU"),
            ("Bosnia & Herzegovina", "BIH"),
        ] {
            assert_eq!(code_of(text), Some(code), "{text}");
        }
        for text in ["", " ", "Atlantis", "republic of", &"x".repeat(100_000)] {
            assert_eq!(code_of(text), None);
        }
    }

    #[test]
    fn a_code_has_its_name() {
        assert_eq!(name_of("PRK"), Some("North Korea"));
        assert_eq!(name_of("xkx"), Some("Kosovo"));
        assert_eq!(name_of("KP"), None);
        assert!(all().all(|(code, name)| code_of(name) == Some(code)));
    }
}
