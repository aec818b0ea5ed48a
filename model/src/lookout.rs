//! The content of a lookout: who or what is looked for, under which identifiers, and what the officer does (FEATURES.md
//! 2.1, 2.2; F45-F48). This is what gets sealed; nothing of it is readable to `apply`.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::check_digit;
use crate::codec::{self, CodecError, Stored};
use crate::date::BirthDate;
use crate::error::{Invalid, Warning};
use crate::limits::*;
use crate::lookout_v1::LookoutV1;
use crate::number::{Number, NumberKey, NumberKind, normalise_number};
use crate::ssn::{self, Ssn};

crate::coded! {
    /// What a record is about (F6).
    pub enum SubjectKind {
        1 "person" => Person,
        2 "business" => Business,
        3 "vehicle" => Vehicle,
        4 "vessel" => Vessel,
        5 "aircraft" => Aircraft,
    }
}

crate::coded! {
    /// What the officer does on a match (F48).
    pub enum Action {
        1 "refer" => Refer,
        2 "armed-and-dangerous" => ArmedAndDangerous,
        3 "verify-visa" => VerifyVisa,
        4 "information-only" => InformationOnly,
    }
}

crate::coded! {
    /// How far a name is the subject's own.
    pub enum NameKind {
        1 "primary" => Primary,
        2 "alias" => Alias,
        3 "weak-alias" => WeakAlias,
        4 "former" => Former,
    }
}

crate::coded! {
    /// What ties a subject to a country.
    pub enum CountryRole {
        1 "nationality" => Nationality,
        2 "citizenship" => Citizenship,
        3 "residence" => Residence,
        4 "birth" => Birth,
        5 "address" => Address,
        6 "flag" => Flag,
    }
}

crate::coded! {
    /// Kinds of identity documents.
    pub enum DocumentKind {
        1 "passport" => Passport,
        2 "national-id" => NationalId,
        3 "driver-licence" => DriverLicence,
        4 "tax-id" => TaxId,
        5 "visa" => Visa,
        6 "residence-permit" => ResidencePermit,
        7 "seafarer-id" => SeafarerId,
        8 "company-registration" => CompanyRegistration,
        9 "other" => Other,
        10 "social-security" => SocialSecurity,
    }
}

crate::coded! {
    /// What its issuer reports of a document that must not be used.
    pub enum DocumentState {
        1 "lost" => Lost,
        2 "stolen" => Stolen,
        3 "revoked" => Revoked,
        4 "invalid" => Invalid,
    }
}

crate::coded! {
    /// Kinds of registrations of conveyances.
    pub enum RegistrationKind {
        1 "vin" => Vin,
        2 "imo" => Imo,
        3 "mmsi" => Mmsi,
        4 "call-sign" => CallSign,
        5 "tail-number" => TailNumber,
        6 "serial-number" => SerialNumber,
        7 "hull-number" => HullNumber,
        8 "mode-s" => ModeS,
    }
}

crate::coded! {
    /// Sex as on a travel document.
    pub enum Sex {
        1 "female" => Female,
        2 "male" => Male,
        3 "unspecified" => Unspecified,
    }
}

/// A name. `full` is the form to read aloud (given name first where the source separates them).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    pub kind: NameKind,
    /// The whole name, as one text.
    pub full: String,
    /// The family name where the source states it.
    pub family: Option<String>,
    /// The given names where the source states them.
    pub given: Option<String>,
    /// The name in its original script where the source gives it.
    pub original: Option<String>,
}

/// A country by ISO 3166-1 alpha-3 code, or as the source wrote it when no table knows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Country {
    pub role: CountryRole,
    pub code: String,
}

/// An identity document.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    pub kind: DocumentKind,
    pub number: String,
    /// ISO 3166-1 alpha-3 of the issuing country where known.
    pub country: Option<String>,
    /// What is reported of it.
    pub state: Option<DocumentState>,
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, country, state, .. } = self;
        f.debug_struct("Document")
            .field("kind", kind)
            .field("number", &self.shown())
            .field("country", country)
            .field("state", state)
            .finish()
    }
}

/// A vehicle's plate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plate {
    pub number: String,
    /// State or country that issued it, where known.
    pub jurisdiction: Option<String>,
}

/// A registration of a vehicle, vessel or aircraft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    pub kind: RegistrationKind,
    pub number: String,
}

/// The content of a lookout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lookout {
    pub subject: SubjectKind,
    pub names: Vec<Name>,
    pub sex: Option<Sex>,
    pub birth_dates: Vec<BirthDate>,
    pub birth_places: Vec<String>,
    pub countries: Vec<Country>,
    pub documents: Vec<Document>,
    pub plates: Vec<Plate>,
    pub registrations: Vec<Registration>,
    pub action: Action,
    /// Why the subject is looked for.
    pub reason: String,
    /// Programmes of the source list, as codes.
    pub programs: Vec<String>,
    pub remarks: Option<String>,
}

impl Stored for Lookout {
    const TAG: u16 = 1;
    const VERSION: u8 = 2;

    fn of_version(version: u8, payload: &[u8]) -> Option<Result<Self, CodecError>> {
        (version == 1).then(|| codec::payload::<LookoutV1>(payload).map(Self::from))
    }
}

impl Lookout {
    /// An empty lookout about a kind of subject, to be filled.
    pub fn new(subject: SubjectKind, action: Action, reason: impl Into<String>) -> Self {
        Self {
            subject,
            names: Vec::new(),
            sex: None,
            birth_dates: Vec::new(),
            birth_places: Vec::new(),
            countries: Vec::new(),
            documents: Vec::new(),
            plates: Vec::new(),
            registrations: Vec::new(),
            action,
            reason: reason.into(),
            programs: Vec::new(),
            remarks: None,
        }
    }

    /// The name to show: the primary one, or the first; of what has none, the number that it is known by.
    pub fn display_name(&self) -> &str {
        let primary = self.names.iter().find(|name| name.kind == NameKind::Primary);
        let name = primary.or(self.names.first()).map(|name| name.full.as_str());
        let number = || {
            let plate = self.plates.first().map(|plate| plate.number.as_str());
            let registration = || self.registrations.first().map(|registration| registration.number.as_str());
            let document = || self.documents.iter().find(|document| matches!(document.shown(), Cow::Borrowed(_)));
            let document = || document().map(|document| document.number.as_str());
            let hidden = || self.documents.first().map(|_| "a number of social security");
            plate.or_else(registration).or_else(document).or_else(hidden)
        };
        name.or_else(number).unwrap_or_default()
    }

    /// Checks every field against its bounds; at least one identifier that can be searched must stand.
    pub fn validate(&self) -> Result<(), Invalid> {
        bounded("names", self.names.len(), NAMES_MAX)?;
        let mut words = 0;
        for (at, name) in self.names.iter().enumerate() {
            let field = |part: &str| format!("names[{at}].{part}");
            text(&field("full"), &name.full, NAME_CHARS_MAX, true)?;
            // A name of signs alone could never be found.
            name_letters(&field("full"), &name.full)?;
            let all = [Some(&name.full), name.family.as_ref(), name.original.as_ref()];
            words += all.into_iter().flatten().map(|text| count_words(text)).sum::<usize>();
            for (part, value) in [("family", &name.family), ("given", &name.given), ("original", &name.original)] {
                if let Some(value) = value {
                    text(&field(part), value, NAME_CHARS_MAX, true)?;
                }
            }
        }
        if words > NAME_WORDS_MAX {
            let reason = format!("have {words} words together, at most {NAME_WORDS_MAX} are allowed");
            return Err(Invalid::new("names", reason));
        }
        bounded("birth_dates", self.birth_dates.len(), IDENTIFIERS_MAX)?;
        bounded("birth_places", self.birth_places.len(), IDENTIFIERS_MAX)?;
        bounded("countries", self.countries.len(), IDENTIFIERS_MAX)?;
        bounded("documents", self.documents.len(), IDENTIFIERS_MAX)?;
        bounded("plates", self.plates.len(), IDENTIFIERS_MAX)?;
        bounded("registrations", self.registrations.len(), IDENTIFIERS_MAX)?;
        bounded("programs", self.programs.len(), IDENTIFIERS_MAX)?;
        for (at, place) in self.birth_places.iter().enumerate() {
            text(&format!("birth_places[{at}]"), place, NAME_CHARS_MAX, true)?;
        }
        for (at, country) in self.countries.iter().enumerate() {
            text(&format!("countries[{at}]"), &country.code, NUMBER_CHARS_MAX, true)?;
        }
        for (at, document) in self.documents.iter().enumerate() {
            let field = format!("documents[{at}].number");
            if document.kind == DocumentKind::SocialSecurity || ssn::is_masked(&document.number) {
                ssn::check(&field, &document.number)?;
            }
            number(&field, &document.number)?;
            if let Some(country) = &document.country {
                text(&format!("documents[{at}].country"), country, NUMBER_CHARS_MAX, true)?;
            }
        }
        for (at, plate) in self.plates.iter().enumerate() {
            number(&format!("plates[{at}].number"), &plate.number)?;
            if let Some(jurisdiction) = &plate.jurisdiction {
                text(&format!("plates[{at}].jurisdiction"), jurisdiction, NUMBER_CHARS_MAX, true)?;
            }
        }
        for (at, registration) in self.registrations.iter().enumerate() {
            number(&format!("registrations[{at}].number"), &registration.number)?;
        }
        for (at, program) in self.programs.iter().enumerate() {
            text(&format!("programs[{at}]"), program, NUMBER_CHARS_MAX, true)?;
        }
        text("reason", &self.reason, REASON_CHARS_MAX, true)?;
        if let Some(remarks) = &self.remarks {
            text("remarks", remarks, REMARKS_CHARS_MAX, false)?;
        }
        let searchable = self.names.len() + self.documents.len() + self.plates.len() + self.registrations.len();
        if searchable == 0 {
            return Err(Invalid::new("names", "a lookout needs a name, document, plate or registration".into()));
        }
        Ok(())
    }

    /// The keys by which this lookout is found by a number: sorted, each once, at most `number::KEYS_MAX` a number.
    pub fn number_keys(&self) -> Vec<NumberKey> {
        let documents = self.documents.iter().map(Document::comparable);
        let plates = self.plates.iter().map(Plate::comparable);
        let registrations = self.registrations.iter().map(Registration::comparable);
        let mut keys: Vec<_> = documents.chain(plates).chain(registrations).flat_map(|number| number.keys()).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}

impl Lookout {
    /// What looks wrong in the numbers and is taken all the same.
    pub fn warnings(&self) -> Vec<Warning> {
        let check = |(at, registration): (usize, &Registration)| {
            let warning = check_digit::check(registration.kind, &registration.number)?;
            Some(Warning::new(format!("registrations[{at}].number"), warning.text))
        };
        self.registrations.iter().enumerate().filter_map(check).collect()
    }
}

impl Document {
    /// Its number as it is shown: of social security, by its kind or by how it is written, the last four digits.
    pub fn shown(&self) -> Cow<'_, str> {
        match self.kind {
            DocumentKind::SocialSecurity => Cow::Owned(ssn::shown(&self.number)),
            _ if Ssn::read_grouped(&self.number).is_some() => Cow::Owned(ssn::guarded(&self.number)),
            _ => Cow::Borrowed(&self.number),
        }
    }

    /// Its number, ready to be compared.
    pub fn comparable(&self) -> Number {
        Number::new(NumberKind::Document, &self.number)
    }
}

impl Plate {
    /// Its number, ready to be compared.
    pub fn comparable(&self) -> Number {
        Number::plate(&self.number, self.jurisdiction.as_deref())
    }
}

impl Registration {
    /// Its number, ready to be compared.
    pub fn comparable(&self) -> Number {
        Number::new(NumberKind::Registration, &self.number)
    }
}

fn bounded(field: &str, count: usize, max: usize) -> Result<(), Invalid> {
    if count > max {
        return Err(Invalid::new(field, format!("has {count} entries, at most {max} are allowed")));
    }
    Ok(())
}

/// Checks a text: not empty, not too long, and of control characters only line breaks where `one_line` is false.
pub fn text(field: &str, value: &str, max: usize, one_line: bool) -> Result<(), Invalid> {
    if value.trim().is_empty() {
        return Err(Invalid::new(field, "is empty".into()));
    }
    let count = value.chars().count();
    if count > max {
        return Err(Invalid::new(field, format!("has {count} characters, at most {max} are allowed")));
    }
    match value.chars().find(|c| c.is_control() && (one_line || !matches!(c, '\n' | '\t'))) {
        Some(c) => Err(Invalid::new(field, format!("holds the control character U+{:04X}", c as u32))),
        None => Ok(()),
    }
}

/// Checks a number: a text that is more than signs.
pub fn number(field: &str, value: &str) -> Result<(), Invalid> {
    text(field, value, NUMBER_CHARS_MAX, true)?;
    if normalise_number(value).is_empty() {
        return Err(Invalid::new(field, "holds no letter or digit".into()));
    }
    Ok(())
}

/// Checks that a name has a letter or digit of any script. Marks and what stands for an apostrophe or lengthens a word are
/// letters to Unicode and nothing to a name.
pub fn name_letters(field: &str, value: &str) -> Result<(), Invalid> {
    use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
    let letter = |c: char| {
        c.is_alphanumeric()
            && !is_combining_mark(c)
            && !matches!(c, '\u{2b0}'..='\u{2ff}' | '\u{640}' | '\u{6e5}' | '\u{6e6}')
    };
    if value.nfkc().any(letter) {
        return Ok(());
    }
    Err(Invalid::new(field, "holds no letter or digit".into()))
}

/// Words of a name as search will split it, or a few more.
fn count_words(name: &str) -> usize {
    use unicode_normalization::UnicodeNormalization;
    let name: String = name.nfkc().collect();
    name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str) -> Lookout {
        let mut lookout = Lookout::new(SubjectKind::Person, Action::Refer, "test");
        let full = name.to_string();
        lookout.names.push(Name { kind: NameKind::Primary, full, family: None, given: None, original: None });
        lookout
    }

    #[test]
    fn bounds_are_named_with_the_field() {
        let error = person(&"x".repeat(100_000)).validate().expect_err("too long");
        assert_eq!(error.to_string(), "names[0].full: has 100000 characters, at most 512 are allowed");
        let error = person("a\u{1}b").validate().expect_err("control character");
        assert_eq!(error.to_string(), "names[0].full: holds the control character U+0001");
        let error = Lookout::new(SubjectKind::Person, Action::Refer, "r").validate().expect_err("nothing to find");
        assert_eq!(error.field, "names");
        assert!(person("Иван").validate().is_ok());
    }

    #[test]
    fn a_name_without_letters_or_with_too_many_words_is_refused() {
        let error = person("★★★").validate().expect_err("signs");
        assert_eq!(error.to_string(), "names[0].full: holds no letter or digit");
        let mut many = person("a");
        many.names = vec![many.names[0].clone(); 128];
        for name in &mut many.names {
            name.full = "ab cd ef gh".into();
            name.original = Some("аб цд".into());
            name.family = Some("gh ij".into());
        }
        assert!(many.validate().is_ok());
        many.names[0].original = Some("аб-цд еф".into());
        let error = many.validate().expect_err("a word too many");
        assert_eq!(error.to_string(), "names: have 1025 words together, at most 1024 are allowed");
    }

    /// T27: whatever prints a lookout prints no number of social security.
    #[test]
    fn t27_a_number_of_social_security_is_neither_printed_nor_a_name() {
        let mut lookout = Lookout::new(SubjectKind::Person, Action::Refer, "r");
        let (number, country, state) = ("123-45-6789".to_string(), None, None);
        lookout.documents.push(Document { kind: DocumentKind::SocialSecurity, number, country, state });
        lookout.validate().expect("is one");
        let printed = format!("{lookout:?} {} {}", lookout.display_name(), lookout.documents[0].shown());
        assert!(!printed.contains("123") && !printed.contains("45-") && printed.contains("***-**-6789"), "{printed}");
        lookout.documents[0].number = "***-**-6789".into();
        assert!(lookout.validate().expect_err("is masked").to_string().contains("documents[0].number: is masked"));
    }

    #[test]
    fn codes_read_as_they_print() {
        for action in Action::ALL {
            assert_eq!(Action::from_code(action.code()), Some(*action));
            assert_eq!(Action::from_number(action.number()), Some(*action));
        }
        assert_eq!(Action::from_code("Armed_And_Dangerous"), Some(Action::ArmedAndDangerous));
    }
}
