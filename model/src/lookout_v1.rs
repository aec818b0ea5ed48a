//! The first layout of a stored lookout, in which a document had no state. Read where it is met, never written.

use serde::Deserialize;

use crate::date::BirthDate;
use crate::lookout::{Action, Country, Document, DocumentKind, Lookout, Name, Plate, Registration, Sex, SubjectKind};

#[derive(Deserialize)]
struct DocumentV1 {
    kind: DocumentKind,
    number: String,
    country: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct LookoutV1 {
    subject: SubjectKind,
    names: Vec<Name>,
    sex: Option<Sex>,
    birth_dates: Vec<BirthDate>,
    birth_places: Vec<String>,
    countries: Vec<Country>,
    documents: Vec<DocumentV1>,
    plates: Vec<Plate>,
    registrations: Vec<Registration>,
    action: Action,
    reason: String,
    programs: Vec<String>,
    remarks: Option<String>,
}

impl From<LookoutV1> for Lookout {
    fn from(stored: LookoutV1) -> Self {
        // Without `..`: a new field must be decided on here.
        let LookoutV1 {
            subject,
            names,
            sex,
            birth_dates,
            birth_places,
            countries,
            documents,
            plates,
            registrations,
            action,
            reason,
            programs,
            remarks,
        } = stored;
        let document = |DocumentV1 { kind, number, country }| Document { kind, number, country, state: None };
        let documents = documents.into_iter().map(document).collect();
        Self {
            subject,
            names,
            sex,
            birth_dates,
            birth_places,
            countries,
            documents,
            plates,
            registrations,
            action,
            reason,
            programs,
            remarks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;
    use crate::lookout::{CountryRole, DocumentState, NameKind, RegistrationKind};

    /// As version 1 wrote it.
    const STORED: &str = concat!(
        "010001bdb13cd50101010b4976616e20506574726f760106506574726f76000115d098d0b2d0b0d0bd20d09fd0b5d182d180d0bed0b2",
        "010201fb640f00000001010452696761010103525553020108503132333435363701035255530504562037370001074142203132333401",
        "025458010111314d3847444d3941584b50303432373838020a77617272616e74203137010453444754010f74776f206c696e65730a6f66",
        "206974",
    );

    fn expected() -> Lookout {
        let mut lookout = Lookout::new(SubjectKind::Person, Action::ArmedAndDangerous, "warrant 17");
        lookout.names.push(Name {
            kind: NameKind::Primary,
            full: "Ivan Petrov".into(),
            family: Some("Petrov".into()),
            given: None,
            original: Some("Иван Петров".into()),
        });
        lookout.sex = Some(Sex::Male);
        lookout.birth_dates.push("circa 1970".parse().expect("a date"));
        lookout.birth_places.push("Riga".into());
        lookout.countries.push(Country { role: CountryRole::Nationality, code: "RUS".into() });
        let document = |kind, number: &str, country: Option<&str>| Document {
            kind,
            number: number.into(),
            country: country.map(str::to_string),
            state: None,
        };
        lookout.documents.push(document(DocumentKind::Passport, "P1234567", Some("RUS")));
        lookout.documents.push(document(DocumentKind::Visa, "V 77", None));
        lookout.plates.push(Plate { number: "AB 1234".into(), jurisdiction: Some("TX".into()) });
        let number = "1M8GDM9AXKP042788".to_string();
        lookout.registrations.push(Registration { kind: RegistrationKind::Vin, number });
        lookout.programs.push("SDGT".into());
        lookout.remarks = Some("two lines\nof it".into());
        lookout
    }

    #[test]
    fn what_version_1_wrote_reads_as_it_was() {
        let bytes: Vec<u8> = (0..STORED.len() / 2)
            .map(|at| u8::from_str_radix(&STORED[2 * at..2 * at + 2], 16).expect("hexadecimal"))
            .collect();
        assert_eq!(codec::decode::<Lookout>(&bytes), Ok(expected()));
        assert!(codec::decode::<Lookout>(&bytes[..bytes.len() - 1]).is_err());
        let mut lookout = expected();
        lookout.documents[0].state = Some(DocumentState::Stolen);
        let bytes = codec::encode(&lookout).expect("encodes");
        assert_eq!((bytes[2], codec::decode::<Lookout>(&bytes)), (2, Ok(lookout)));
    }
}
