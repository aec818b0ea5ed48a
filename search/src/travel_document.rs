//! A question that comes with the machine readable zone of a travel document: what the zone says is asked where nothing else
//! was given, and what contradicts it is asked as given and said.

use model::date::{BirthDate, CIRCA_YEARS, PartialDate};
use model::error::Warning;
use model::lookout::{Action, Lookout, Name, NameKind, SubjectKind};
use model::mrz::Mrz;
use model::number::{Number, NumberKind};
use model::screen::{Query, THRESHOLD_DEFAULT};

use crate::prepared::{PreparedQuery, PreparedRecord};
use crate::score::score;
use crate::tables::Tables;

/// Fills what the question does not have from the zone.
pub fn fill(query: &mut Query, zone: &Mrz, tables: &Tables) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut differs = |field: &str, what: &str| {
        warnings.push(Warning::new(field, format!("asked as given; the machine readable zone says {what}")));
    };
    match (&query.name, &zone.name) {
        (None, of_zone) => query.name.clone_from(of_zone),
        (Some(given), Some(of_zone)) if !is_same_name(given, of_zone, tables) => differs("name", of_zone),
        _ => {}
    }
    match (query.birth_date, zone.birth_date) {
        (None, of_zone) => query.birth_date = of_zone.map(BirthDate::exact),
        (Some(given), Some(of_zone)) if contradicts(given, of_zone) => differs("birth_date", &of_zone.to_string()),
        _ => {}
    }
    match (&query.nationality, &zone.nationality) {
        (None, of_zone) => query.nationality.clone_from(of_zone),
        (Some(given), Some(of_zone)) if given != of_zone => differs("nationality", of_zone),
        _ => {}
    }
    match (&query.document, &zone.number) {
        (None, of_zone) => query.document.clone_from(of_zone),
        (Some(given), Some(of_zone)) => {
            let number = |text: &str| Number::new(NumberKind::Document, text);
            if number(given).written() != number(of_zone).written() {
                differs("document", of_zone);
            }
        }
        _ => {}
    }
    warnings
}

/// Whether two writings of a name would find each other: a zone has no accents, cuts names short and knows no small letters.
fn is_same_name(given: &str, of_zone: &str, tables: &Tables) -> bool {
    let query = Query { name: Some(given.to_string()), ..Query::default() };
    let mut lookout = Lookout::new(SubjectKind::Person, Action::InformationOnly, "");
    let full = of_zone.to_string();
    lookout.names.push(Name { kind: NameKind::Primary, full, family: None, given: None, original: None });
    let (prepared, record) = (PreparedQuery::new(&query, tables), PreparedRecord::new(&lookout, tables));
    score(&query, &prepared, &lookout, &record, tables).score >= THRESHOLD_DEFAULT
}

/// Whether a given date cannot be that of the zone; what one of them does not say contradicts nothing.
fn contradicts(given: BirthDate, of_zone: PartialDate) -> bool {
    let (first, last) = given.years();
    let slack = if given.circa { CIRCA_YEARS } else { 0 };
    if !(first - slack..=last + slack).contains(&of_zone.year()) {
        return true;
    }
    let other = |one: Option<u8>, two: Option<u8>| one.zip(two).is_some_and(|(one, two)| one != two);
    let exact = !given.circa && given.to.is_none();
    exact && (other(given.from.month(), of_zone.month()) || other(given.from.day(), of_zone.day()))
}

#[cfg(test)]
mod tests {
    use model::mrz::read;
    use model::time::UnixMillis;

    use super::*;

    const ZONE: &str = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36SWE7408122F1204159ZE184226B<<<<<10";

    fn filled(query: Query) -> (Query, Vec<String>) {
        let zone = read(ZONE, UnixMillis(1_795_780_800_000)).expect("a zone");
        let mut query = query;
        let warnings = fill(&mut query, &zone, Tables::shared());
        (query, warnings.into_iter().map(|warning| format!("{}: {}", warning.field, warning.text)).collect())
    }

    #[test]
    fn what_is_not_given_comes_from_the_zone() {
        let (query, warnings) = filled(Query::default());
        assert_eq!(warnings, [""; 0]);
        assert_eq!(query.name.as_deref(), Some("ANNA MARIA ERIKSSON"));
        assert_eq!(query.birth_date, Some("1974-08-12".parse().expect("a date")));
        assert_eq!((query.nationality.as_deref(), query.document.as_deref()), (Some("SWE"), Some("L898902C3")));
        assert_eq!((query.plate, query.registration), (None, None));
    }

    #[test]
    fn what_is_given_stays_and_is_warned_about_where_the_zone_says_otherwise() {
        let given = |name: &str, born: &str, nationality: &str, document: &str| Query {
            name: Some(name.into()),
            birth_date: Some(born.parse().expect("a date")),
            nationality: Some(nationality.into()),
            document: Some(document.into()),
            ..Query::default()
        };
        for born in ["1974-08-12", "1974", "1974-08", "circa 1976", "1970/1975"] {
            let query = given("Eriksson, Anna Maria", born, "SWE", "l-898902 c3");
            assert_eq!(filled(query.clone()), (query, vec![]), "{born}");
        }
        let query = given("Maria Lopez", "1974-12-08", "NOR", "L898902CB");
        let (asked, warnings) = filled(query.clone());
        assert_eq!(asked, query);
        let says = "asked as given; the machine readable zone says";
        assert_eq!(
            warnings,
            [
                format!("name: {says} ANNA MARIA ERIKSSON"),
                format!("birth_date: {says} 1974-08-12"),
                format!("nationality: {says} SWE"),
                format!("document: {says} L898902C3"),
            ]
        );
        assert_eq!(filled(given("Anna Eriksson", "circa 1960", "SWE", "L898902C3")).1.len(), 1);
    }
}
