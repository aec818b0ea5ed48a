//! Names put together from the tables, and their original script.

use crate::rng::Rng;
use crate::tables::{Form, ORIGINS, Origin, Part};

/// A person's name in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonName {
    /// First given name.
    pub given: String,
    /// Middle name.
    pub middle: Option<String>,
    /// Family name, or names.
    pub family: String,
    /// The whole name in its original script, where that is not Latin.
    pub original: Option<String>,
}

impl PersonName {
    /// The name as it is read aloud, given name first.
    pub fn full(&self) -> String {
        match &self.middle {
            Some(middle) => format!("{} {middle} {}", self.given, self.family),
            None => format!("{} {}", self.given, self.family),
        }
    }
}

/// An origin and the sex of a bearer, then a name.
pub(crate) fn person(rng: &mut Rng) -> (&'static Origin, bool, PersonName) {
    let origin = &ORIGINS[rng.below(ORIGINS.len())];
    let female = rng.percent(30);
    let name = of(origin, female, rng);
    (origin, female, name)
}

fn of(origin: &Origin, female: bool, rng: &mut Rng) -> PersonName {
    let table = if female { origin.female } else { origin.male };
    let mut given = part(rng, table);
    let mut middle = None;
    if origin.form == Form::Syllables {
        let second = part(rng, table);
        given = (format!("{}{}", given.0, second.0.to_lowercase()), format!("{}{}", given.1, second.1));
    } else if rng.percent(35) {
        middle = Some(part(rng, table)).filter(|middle| middle.0 != given.0);
    }
    let mut family = family(origin, female, rng);
    if origin.form == Form::Double {
        let second = self::family(origin, female, rng);
        family = (format!("{} {}", family.0, second.0), String::new());
    }
    let original = match origin.form {
        Form::Slavic => {
            let parts = [Some(&given.0), middle.as_ref().map(|m| &m.0), Some(&family.0)];
            Some(parts.into_iter().flatten().map(|text| cyrillic(text)).collect::<Vec<_>>().join(" "))
        }
        _ if family.1.is_empty() => None,
        Form::Syllables => Some(format!("{}{}", family.1, given.1)),
        _ => {
            let parts = [Some(given.1.as_str()), middle.as_ref().map(|m| m.1.as_str()), Some(family.1.as_str())];
            Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
        }
    };
    PersonName { given: given.0, middle: middle.map(|middle| middle.0), family: family.0, original }
}

fn part(rng: &mut Rng, of: &[Part]) -> (String, String) {
    rng.pick(of).map_or_else(Default::default, |(latin, script)| (latin.to_string(), script.to_string()))
}

fn family(origin: &Origin, female: bool, rng: &mut Rng) -> (String, String) {
    let parts = [origin.heads, origin.roots, origin.ends].map(|table| part(rng, table));
    let latin: String = parts.iter().map(|(latin, _)| latin.as_str()).collect();
    let script = parts.iter().map(|(_, script)| script.as_str()).collect();
    let declines = origin.form == Form::Slavic && female && ["ov", "ev", "in"].iter().any(|end| latin.ends_with(end));
    (if declines { format!("{latin}a") } else { latin }, script)
}

/// The first word of an organisation, ship or the like: a root and an end of an origin.
pub(crate) fn invented(rng: &mut Rng) -> String {
    let origin = &ORIGINS[rng.below(ORIGINS.len())];
    family(origin, false, rng).0
}

/// Cyrillic letters of a romanised name; the longest Latin group that fits goes first.
pub(crate) fn cyrillic(latin: &str) -> String {
    const GROUPS: [(&str, &str); 36] = [
        ("shch", "щ"),
        ("zh", "ж"),
        ("kh", "х"),
        ("ts", "ц"),
        ("ch", "ч"),
        ("sh", "ш"),
        ("yu", "ю"),
        ("ya", "я"),
        ("yo", "ё"),
        ("ia", "ия"),
        ("ai", "ай"),
        ("ei", "ей"),
        ("a", "а"),
        ("b", "б"),
        ("v", "в"),
        ("g", "г"),
        ("d", "д"),
        ("e", "е"),
        ("z", "з"),
        ("i", "и"),
        ("k", "к"),
        ("l", "л"),
        ("m", "м"),
        ("n", "н"),
        ("o", "о"),
        ("p", "п"),
        ("r", "р"),
        ("s", "с"),
        ("t", "т"),
        ("u", "у"),
        ("f", "ф"),
        ("h", "г"),
        ("y", "ы"),
        ("j", "й"),
        ("c", "к"),
        ("w", "в"),
    ];
    let lower = latin.to_lowercase();
    let (mut rest, mut text) = (lower.as_str(), String::new());
    while let Some(first) = rest.chars().next() {
        match GROUPS.iter().find(|(group, _)| rest.starts_with(group)) {
            Some((group, letters)) => {
                text.push_str(letters);
                rest = &rest[group.len()..];
            }
            None => {
                text.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cyrillic_takes_the_longest_group() {
        assert_eq!(cyrillic("Zhurakov"), "Жураков");
        assert_eq!(cyrillic("Khlepchuk"), "Хлепчук");
    }

    #[test]
    fn every_origin_makes_names() {
        for origin in &ORIGINS {
            for female in [false, true] {
                let name = of(origin, female, &mut Rng::new(1, 2, 3));
                assert!(!name.given.is_empty() && !name.family.is_empty(), "{:?}", origin.countries);
            }
            assert!(
                origin.countries.iter().all(|code| model::country::name_of(code).is_some()),
                "{:?}",
                origin.countries
            );
        }
    }
}
