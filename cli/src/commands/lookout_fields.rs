//! The flags that say what a lookout holds, the same for creating and for changing: a flag that is given replaces all
//! values of its field.

use std::path::PathBuf;

use model::error::Invalid;
use model::lookout::{DocumentKind, DocumentState, RegistrationKind};

use crate::commands::question::country;
use crate::error::CliError;
use crate::view::lookout::{Country, Document, Lookout, Name, Plate, Registration};

/// Flags about content.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Fields {
    /// Primary name.
    #[arg(long, value_name = "N")]
    pub name: Option<String>,
    /// Another name (repeatable).
    #[arg(long, value_name = "N")]
    pub alias: Vec<String>,
    /// Another name of little weight (repeatable).
    #[arg(long, value_name = "N")]
    pub weak_alias: Vec<String>,
    /// Why the subject is looked for.
    #[arg(long, value_name = "R")]
    pub reason: Option<String>,
    /// What the officer does: refer, armed-and-dangerous, verify-visa or information-only.
    #[arg(long, value_name = "A")]
    pub action: Option<String>,
    /// person, business, vehicle, vessel or aircraft; person if left out.
    #[arg(long, value_name = "KIND")]
    pub subject: Option<String>,
    /// female, male or unspecified.
    #[arg(long, value_name = "S")]
    pub sex: Option<String>,
    /// Date of birth (repeatable): YYYY-MM-DD, YYYY-MM, YYYY, `circa YYYY` or a range YYYY/YYYY.
    #[arg(long, value_name = "D")]
    pub dob: Vec<String>,
    /// Place of birth (repeatable).
    #[arg(long, value_name = "PLACE")]
    pub birth_place: Vec<String>,
    /// Country by ISO 3166-1 code or English name (repeatable).
    #[arg(long, value_name = "C")]
    pub nationality: Vec<String>,
    /// Document (repeatable); a number alone is a passport's. Kinds: passport, national-id, driver-licence, tax-id, visa,
    /// residence-permit, seafarer-id, company-registration, social-security, other. States: lost, stolen, revoked, invalid.
    #[arg(long, value_name = "[KIND:]NUMBER[:COUNTRY][:STATE]")]
    pub document: Vec<String>,
    /// Plate of a vehicle (repeatable).
    #[arg(long, value_name = "NUMBER[:JURISDICTION]")]
    pub plate: Vec<String>,
    /// Registration (repeatable). Kinds: vin, imo, mmsi, call-sign, tail-number, serial-number, hull-number, mode-s.
    #[arg(long, value_name = "KIND:NUMBER")]
    pub registration: Vec<String>,
    /// Anything else that is worth knowing.
    #[arg(long, value_name = "TEXT")]
    pub remarks: Option<String>,
    /// The whole content from a JSON file, in the form that `lookout get --output json` shows under "lookout"; flags given
    /// beside it replace its fields.
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
}

impl Fields {
    /// The content from `--from`, where it is given.
    pub fn file(&self) -> Result<Option<Lookout>, CliError> {
        let Some(path) = &self.from else { return Ok(None) };
        let text = std::fs::read_to_string(path).map_err(|error| CliError::path(path, error))?;
        serde_json::from_str(&text).map(Some).map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))
    }

    /// Puts what was given in the place of what was there.
    pub fn apply(self, lookout: &mut Lookout) -> Result<(), Invalid> {
        let Self {
            name,
            alias,
            weak_alias,
            reason,
            action,
            subject,
            sex,
            dob,
            birth_place,
            nationality,
            document,
            plate,
            registration,
            remarks,
            from: _,
        } = self;
        names(lookout, "weak-alias", weak_alias);
        names(lookout, "alias", alias);
        names(lookout, "primary", name.into_iter().collect());
        for (field, value) in [
            (&mut lookout.reason, reason),
            (&mut lookout.action, action),
            (&mut lookout.subject, subject),
            (&mut lookout.sex, sex),
            (&mut lookout.remarks, remarks),
        ] {
            if let Some(value) = value {
                *field = value;
            }
        }
        for (field, values) in [(&mut lookout.birth_dates, dob), (&mut lookout.birth_places, birth_place)] {
            if !values.is_empty() {
                *field = values;
            }
        }
        if !nationality.is_empty() {
            lookout.countries.retain(|country| country.role != "nationality");
            for text in nationality {
                let code = country("nationality", &text)?;
                lookout.countries.push(Country { role: "nationality".into(), code });
            }
        }
        replace(&mut lookout.documents, document, document_of)?;
        replace(&mut lookout.plates, plate, plate_of)?;
        replace(&mut lookout.registrations, registration, registration_of)
    }
}

fn names(lookout: &mut Lookout, kind: &str, given: Vec<String>) {
    if given.is_empty() {
        return;
    }
    lookout.names.retain(|name| name.kind != kind);
    let new = given.into_iter().map(|full| Name { kind: kind.to_string(), full, ..Name::default() });
    lookout.names.splice(0..0, new);
}

fn replace<T>(
    field: &mut Vec<T>,
    given: Vec<String>,
    parse: impl Fn(&str) -> Result<T, Invalid>,
) -> Result<(), Invalid> {
    if !given.is_empty() {
        *field = given.iter().map(|text| parse(text)).collect::<Result<_, _>>()?;
    }
    Ok(())
}

fn document_of(text: &str) -> Result<Document, Invalid> {
    let mut parts: Vec<&str> = text.split(':').map(str::trim).collect();
    // What is reported of it may stand last, whatever else is there.
    let reported = parts.last().and_then(|last| DocumentState::from_code(last)).filter(|_| parts.len() > 1);
    if reported.is_some() {
        parts.pop();
    }
    let known = |kind: &str| DocumentKind::from_code(kind).map(|kind| kind.code().to_string());
    let (kind, number, place) = match parts.as_slice() {
        [number] => ("passport".to_string(), *number, None),
        [first, second] => match known(first) {
            Some(kind) => (kind, *second, None),
            // Without a kind, what follows the number can only be its country.
            None if model::country::code_of(second).is_some() => ("passport".to_string(), *first, Some(*second)),
            None => return Err(kinds("document", DocumentKind::ALL.iter().map(|kind| kind.code()))),
        },
        [kind, number, place] => {
            let kind =
                known(kind).ok_or_else(|| kinds("document", DocumentKind::ALL.iter().map(|kind| kind.code())))?;
            (kind, *number, Some(*place))
        }
        _ => return Err(Invalid::new("document", "expected [KIND:]NUMBER[:COUNTRY][:STATE]".to_string())),
    };
    let country = place.map(|place| country("document", place)).transpose()?.unwrap_or_default();
    let state = reported.map(|state| state.to_string()).unwrap_or_default();
    Ok(Document { kind, number: number.to_string(), country, state })
}

fn plate_of(text: &str) -> Result<Plate, Invalid> {
    let (number, jurisdiction) = text.split_once(':').unwrap_or((text, ""));
    Ok(Plate { number: number.trim().to_string(), jurisdiction: jurisdiction.trim().to_string() })
}

fn registration_of(text: &str) -> Result<Registration, Invalid> {
    let (kind, number) =
        text.split_once(':').ok_or_else(|| Invalid::new("registration", "expected KIND:NUMBER".to_string()))?;
    let kind = RegistrationKind::from_code(kind.trim())
        .ok_or_else(|| kinds("registration", RegistrationKind::ALL.iter().map(|kind| kind.code())))?;
    Ok(Registration { kind: kind.code().to_string(), number: number.trim().to_string() })
}

fn kinds<'a>(field: &str, codes: impl Iterator<Item = &'a str>) -> Invalid {
    let codes: Vec<&str> = codes.collect();
    Invalid::new(field, format!("unknown kind; use one of {}", codes.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Vec<String> {
        vec![text.to_string()]
    }

    #[test]
    fn documents_plates_and_registrations_in_their_short_forms() {
        let document = |kind: &str, number: &str, country: &str| Document {
            kind: kind.into(),
            number: number.into(),
            country: country.into(),
            state: String::new(),
        };
        let reported = |document: Document, state: &str| Document { state: state.into(), ..document };
        assert_eq!(document_of("X1").expect("number"), document("passport", "X1", ""));
        assert_eq!(document_of("visa:X1").expect("kind"), document("visa", "X1", ""));
        assert_eq!(document_of("X1:Russia").expect("country"), document("passport", "X1", "RUS"));
        assert_eq!(document_of("national-id:X1:de").expect("all"), document("national-id", "X1", "DEU"));
        assert_eq!(document_of("X1:stolen").expect("state"), reported(document("passport", "X1", ""), "stolen"));
        assert_eq!(document_of("visa:X1:Lost").expect("state"), reported(document("visa", "X1", ""), "lost"));
        let all = document_of("national-id:X1:de:revoked").expect("all");
        assert_eq!(all, reported(document("national-id", "X1", "DEU"), "revoked"));
        for text in ["badge:X1", "visa:X1:Atlantis", "a:b:c:d", "badge:X1:RUS"] {
            assert_eq!(document_of(text).expect_err(text).field, "document");
        }
        assert_eq!(plate_of("AB 12:TX").expect("plate").jurisdiction, "TX");
        assert_eq!(registration_of("imo:9074729").expect("registration").kind, "imo");
        assert!(registration_of("9074729").is_err());
    }

    #[test]
    fn what_is_given_replaces_its_field_and_nothing_else() {
        let mut lookout = Lookout::default();
        let first = Fields {
            name: Some("A".into()),
            alias: vec!["B".into(), "C".into()],
            dob: one("1970"),
            nationality: one("RU"),
            reason: Some("r".into()),
            ..Fields::default()
        };
        first.apply(&mut lookout).expect("valid");
        let kinds: Vec<&str> = lookout.names.iter().map(|name| name.kind.as_str()).collect();
        assert_eq!(kinds, ["primary", "alias", "alias"]);
        let change = Fields { alias: one("D"), nationality: one("DE"), ..Fields::default() };
        change.apply(&mut lookout).expect("valid");
        let names: Vec<&str> = lookout.names.iter().map(|name| name.full.as_str()).collect();
        assert_eq!(names, ["D", "A"]);
        assert_eq!(lookout.display_name(), "A");
        assert_eq!((lookout.countries.len(), lookout.countries[0].code.as_str()), (1, "DEU"));
        assert_eq!((lookout.reason.as_str(), lookout.birth_dates.len()), ("r", 1));
    }
}
