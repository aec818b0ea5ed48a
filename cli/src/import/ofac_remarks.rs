//! The remarks of the OFAC list: dates, places, countries and numbers written as prose between semicolons.
//!
//! What is not understood stays in the remarks as it was written; nothing here can reject an entry.

use model::date::{BirthDate, PartialDate};
use model::limits::{NAME_CHARS_MAX, NUMBER_CHARS_MAX};
use model::lookout::*;

use super::{fields, ofac};

/// How remarks name documents; a blank and the number follow.
const DOCUMENTS: [(&str, DocumentKind); 53] = [
    ("Passport", DocumentKind::Passport),
    ("Diplomatic Passport", DocumentKind::Passport),
    ("Stateless Person Passport", DocumentKind::Passport),
    ("National ID No.", DocumentKind::NationalId),
    ("National Foreign ID Number", DocumentKind::NationalId),
    ("Cedula No.", DocumentKind::NationalId),
    ("Cedula de Ciudadania", DocumentKind::NationalId),
    ("C.U.R.P.", DocumentKind::NationalId),
    ("D.N.I.", DocumentKind::NationalId),
    ("L.E. Number", DocumentKind::NationalId),
    ("C.U.I.P.", DocumentKind::NationalId),
    ("Personal ID Card", DocumentKind::NationalId),
    ("Identification Number", DocumentKind::NationalId),
    ("Citizen's Card Number", DocumentKind::NationalId),
    ("Electoral Registry No.", DocumentKind::NationalId),
    ("Credencial electoral", DocumentKind::NationalId),
    ("Birth Certificate Number", DocumentKind::NationalId),
    ("Turkish Identification Number", DocumentKind::NationalId),
    ("Bosnian Personal ID No.", DocumentKind::NationalId),
    ("SSN", DocumentKind::NationalId),
    ("Driver's License No.", DocumentKind::DriverLicence),
    ("Tax ID No.", DocumentKind::TaxId),
    ("NIT #", DocumentKind::TaxId),
    ("R.F.C.", DocumentKind::TaxId),
    ("RFC", DocumentKind::TaxId),
    ("RUC #", DocumentKind::TaxId),
    ("RIF #", DocumentKind::TaxId),
    ("RTN", DocumentKind::TaxId),
    ("C.U.I.T.", DocumentKind::TaxId),
    ("V.A.T. Number", DocumentKind::TaxId),
    ("Italian Fiscal Code", DocumentKind::TaxId),
    ("US FEIN", DocumentKind::TaxId),
    ("VisaNumberID", DocumentKind::Visa),
    ("Residency Number", DocumentKind::ResidencePermit),
    ("Seafarer's Identification Document", DocumentKind::SeafarerId),
    ("Business Registration Document #", DocumentKind::CompanyRegistration),
    ("Business Registration Number", DocumentKind::CompanyRegistration),
    ("Business Number", DocumentKind::CompanyRegistration),
    ("Chamber of Commerce Number", DocumentKind::CompanyRegistration),
    ("Commercial Registry Number", DocumentKind::CompanyRegistration),
    ("Company Number", DocumentKind::CompanyRegistration),
    ("UK Company Number", DocumentKind::CompanyRegistration),
    ("C.R. No.", DocumentKind::CompanyRegistration),
    ("D-U-N-S Number", DocumentKind::CompanyRegistration),
    ("Enterprise Number", DocumentKind::CompanyRegistration),
    ("Folio Mercantil No.", DocumentKind::CompanyRegistration),
    ("Matricula Mercantil No", DocumentKind::CompanyRegistration),
    ("Public Registration Number", DocumentKind::CompanyRegistration),
    ("Registration Number", DocumentKind::CompanyRegistration),
    ("Registration ID", DocumentKind::CompanyRegistration),
    ("Trade License No.", DocumentKind::CompanyRegistration),
    ("Unified Social Credit Code (USCC)", DocumentKind::CompanyRegistration),
    ("Travel Document Number", DocumentKind::Other),
];

/// How remarks name registrations.
const REGISTRATIONS: [(&str, RegistrationKind); 8] = [
    ("Vessel Registration Identification IMO", RegistrationKind::Imo),
    ("MMSI", RegistrationKind::Mmsi),
    ("Other Vessel Call Sign", RegistrationKind::CallSign),
    ("Aircraft Tail Number", RegistrationKind::TailNumber),
    ("Previous Aircraft Tail Number", RegistrationKind::TailNumber),
    ("Aircraft Manufacturer's Serial Number (MSN)", RegistrationKind::SerialNumber),
    ("Aircraft Construction Number (also called L/N or S/N or F/N)", RegistrationKind::SerialNumber),
    ("Aircraft Mode S Transponder Code", RegistrationKind::ModeS),
];

/// Fills a lookout from remarks; what is not understood goes to `rest`.
pub(super) fn read(remarks: &str, lookout: &mut Lookout, rest: &mut Vec<String>) {
    let remarks = remarks.trim();
    let remarks = remarks.strip_suffix('.').unwrap_or(remarks);
    for part in remarks.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let text = part.strip_prefix("alt. ").or(part.strip_prefix("Alt. ")).unwrap_or(part);
        if one(text, lookout).is_none() {
            rest.push(part.to_string());
        }
    }
}

/// Takes one part; none where it is not understood.
fn one(text: &str, lookout: &mut Lookout) -> Option<()> {
    let (word, value) = text.split_once(' ')?;
    match word {
        "DOB" => {
            let date = birth_date(value)?;
            if !lookout.birth_dates.contains(&date) {
                lookout.birth_dates.push(date);
            }
        }
        "POB" | "POB:" => return place(value, lookout),
        "nationality" => {
            lookout.countries.push(Country { role: CountryRole::Nationality, code: country(value)? });
        }
        "citizen" => lookout.countries.push(Country { role: CountryRole::Citizenship, code: country(value)? }),
        "Gender" => lookout.sex = Some(Sex::from_code(value)?),
        "a.k.a." | "f.k.a." | "n.k.a." => {
            let name = value.trim_end_matches('.').strip_prefix('\'')?.strip_suffix('\'')?;
            let kind = if word == "f.k.a." { NameKind::Former } else { NameKind::WeakAlias };
            ofac::add_name(lookout, kind, name);
        }
        _ => return number(text, lookout),
    }
    Some(())
}

fn place(value: &str, lookout: &mut Lookout) -> Option<()> {
    if value.chars().count() > NAME_CHARS_MAX {
        return None;
    }
    lookout.birth_places.push(value.to_string());
    // Only a country that the table knows: the last part may as well be a province.
    let last = value.rsplit(',').next().and_then(model::country::code_of);
    let code = model::country::code_of(value).or(last);
    lookout.countries.extend(code.map(|code| Country { role: CountryRole::Birth, code: code.to_string() }));
    Some(())
}

fn number(text: &str, lookout: &mut Lookout) -> Option<()> {
    let after = |prefix: &str| text.strip_prefix(prefix).filter(|rest| rest.starts_with(' ')).map(str::trim);
    if let Some((rest, kind)) = REGISTRATIONS.iter().find_map(|(prefix, kind)| Some((after(prefix)?, kind))) {
        return has_digit(rest).then(|| add_registration(lookout, *kind, rest));
    }
    let (rest, kind) = DOCUMENTS.iter().find_map(|(prefix, kind)| Some((after(prefix)?, kind)))?;
    let rest = [" issued ", " expires "].iter().fold(rest, |rest, cut| rest.split(cut).next().unwrap_or(rest)).trim();
    let rest = rest.trim_end_matches('.');
    // A company's number with the maritime organisation, which is not a ship's.
    let (rest, kind) = match rest.strip_prefix("IMO ") {
        Some(imo) if lookout.subject == SubjectKind::Vessel => {
            return has_digit(imo).then(|| add_registration(lookout, RegistrationKind::Imo, imo));
        }
        Some(imo) => (imo, DocumentKind::CompanyRegistration),
        None => (rest, *kind),
    };
    let (number, issuer) = match rest.strip_suffix(')').and_then(|rest| rest.rsplit_once('(')) {
        Some((number, issuer)) => (number.trim(), country(issuer)),
        None => (rest, None),
    };
    // A number that is none, such as `Passport issued 1999`, says nothing that could be asked for.
    if !has_digit(number) || number.chars().count() > NUMBER_CHARS_MAX || number.starts_with("issued ") {
        return None;
    }
    let document = Document { kind, number: number.to_string(), country: issuer };
    if !lookout.documents.contains(&document) {
        lookout.documents.push(document);
    }
    Some(())
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Adds a registration once.
pub(super) fn add_registration(lookout: &mut Lookout, kind: RegistrationKind, number: &str) {
    let registration = Registration { kind, number: number.to_string() };
    if !lookout.registrations.contains(&registration) {
        lookout.registrations.push(registration);
    }
}

/// Reads `12 Mar 1970`, `Mar 1970`, `1970`, each also as `circa ...`, `... to ...` and `1970-1975`.
pub(super) fn birth_date(text: &str) -> Option<BirthDate> {
    let text = text.trim();
    let (circa, text) = match text.strip_prefix("circa ") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (from, to) = match text.split_once(" to ").or_else(|| text.split_once('-')) {
        Some((from, to)) => (date(from)?, Some(date(to)?)),
        None => (date(text)?, None),
    };
    (to.is_none_or(|to| to >= from)).then_some(BirthDate { from, to, circa })
}

fn date(text: &str) -> Option<PartialDate> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_whitespace().rev();
    let year = words.next().filter(|year| year.len() == 4)?.parse().ok()?;
    let month = match words.next() {
        Some(word) => Some(MONTHS.iter().position(|month| *month == word)? as u8 + 1),
        None => None,
    };
    let day = match words.next() {
        Some(word) => Some(word.parse().ok()?),
        None => None,
    };
    if words.next().is_some() {
        return None;
    }
    PartialDate::new(year, month, day).ok()
}

/// The code of a country, or the text itself; nothing where the list says that it does not know.
pub(super) fn country(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches("possibly ");
    match text {
        "" | "undetermined" | "None Identified" => None,
        text => Some(fields::country(text)).filter(|code| code.chars().count() <= model::limits::NUMBER_CHARS_MAX),
    }
}
