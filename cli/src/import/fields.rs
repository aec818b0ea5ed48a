//! The documented fields of `csv` and `ndjson` lists, and how they become a lookout.

use model::country::code_of;
use model::lookout::*;

use super::{Entry, Fault, checked, name};

/// A column of a CSV list, or a field of an NDJSON one.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// The name in the header.
    pub name: &'static str,
    /// Several values are possible: separated by `;` in CSV, an array in NDJSON.
    pub many: bool,
    /// What it holds.
    pub about: &'static str,
}

const fn one(name: &'static str, about: &'static str) -> Column {
    Column { name, many: false, about }
}

const fn many(name: &'static str, about: &'static str) -> Column {
    Column { name, many: true, about }
}

/// Every column. Only `ref` must stand in a header; an entry needs a name, document, plate or registration.
pub const COLUMNS: [Column; 16] = [
    one("ref", "the list's own reference: 1 to 64 printable ASCII characters without blanks, unique in the list"),
    one("type", "person (default), business, vehicle, vessel or aircraft"),
    one("name", "the primary name, given name first"),
    many("aliases", "other names"),
    many("weak_aliases", "names that many others bear, such as nicknames"),
    one("original_name", "the primary name in its original script"),
    many("dob", "dates of birth: 1970, 1970-03, 1970-03-12, circa 1970 or 1970/1975"),
    one("sex", "female, male or unspecified; F, M or X"),
    many("nationality", "nationalities: ISO 3166-1 codes or names of countries"),
    many(
        "countries",
        "other countries: COUNTRY for a residence, or role:COUNTRY with role citizenship, residence, birth, address or flag",
    ),
    many(
        "document",
        "identity documents: NUMBER for a passport, or kind:NUMBER or kind:NUMBER:COUNTRY with kind passport, national-id, driver-licence, tax-id, visa, residence-permit, seafarer-id, company-registration, social-security or other; after it :STATE where it is lost, stolen, revoked or invalid",
    ),
    many("plate", "plates: NUMBER or NUMBER:JURISDICTION"),
    many(
        "registration",
        "registrations: kind:NUMBER with kind vin, imo, mmsi, call-sign, tail-number, serial-number, hull-number or mode-s; NUMBER alone is a vehicle's vin, a vessel's imo, an aircraft's tail-number",
    ),
    one("action", "refer (default), armed-and-dangerous, verify-visa or information-only"),
    one("reason", "why the subject is looked for"),
    one("remarks", "anything else the officer needs"),
];

/// The reason of an entry whose list states none.
const REASON_DEFAULT: &str = "on the list, which states no reason";

/// The position of a column.
pub(super) fn position(name: &str) -> Option<usize> {
    COLUMNS.iter().position(|column| column.name == name)
}

/// The values of an entry by column, blank ones left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fields(pub(super) [Vec<String>; COLUMNS.len()]);

impl Fields {
    /// Adds a value of a column; in a column of several values, `;` separates them.
    pub(super) fn add_text(&mut self, column: usize, text: &str) {
        match COLUMNS[column].many {
            true => text.split(';').for_each(|value| self.add(column, value)),
            false => self.add(column, text),
        }
    }

    /// Adds one value of a column.
    pub(super) fn add(&mut self, column: usize, value: &str) {
        // Only blanks are trimmed: a control character at the edge is an error to be named, not to be hidden.
        let value = value.trim_matches(' ');
        if !value.is_empty() {
            self.0[column].push(value.to_string());
        }
    }

    fn all(&self, name: &str) -> &[String] {
        position(name).map_or(&[], |at| self.0[at].as_slice())
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.all(name).first().map(String::as_str)
    }

    /// The entry that the fields describe.
    pub(super) fn entry(&self) -> Result<Entry, Fault> {
        let reference = self.first("ref").ok_or_else(|| Fault::new("ref", "is empty"))?;
        let lookout = self.lookout().map_err(|fault| fault.of(reference))?;
        checked(reference, lookout, "ref")
    }

    fn lookout(&self) -> Result<Lookout, Fault> {
        let subject = self.code("type", SubjectKind::from_code, SubjectKind::ALL, SubjectKind::code)?;
        let subject = subject.unwrap_or(SubjectKind::Person);
        let action = self.code("action", Action::from_code, Action::ALL, Action::code)?.unwrap_or(Action::Refer);
        let mut lookout = Lookout::new(subject, action, self.first("reason").unwrap_or(REASON_DEFAULT));
        self.names(&mut lookout)?;
        for date in self.all("dob") {
            lookout.birth_dates.push(date.parse().map_err(|e: model::error::Invalid| Fault::new("dob", e.reason))?);
        }
        lookout.sex = match self.first("sex") {
            Some("F" | "f") => Some(Sex::Female),
            Some("M" | "m") => Some(Sex::Male),
            Some("X" | "x") => Some(Sex::Unspecified),
            _ => self.code("sex", Sex::from_code, Sex::ALL, Sex::code)?,
        };
        for text in self.all("nationality") {
            lookout.countries.push(Country { role: CountryRole::Nationality, code: country(text) });
        }
        for text in self.all("countries") {
            let (role, text) = split("countries", text, CountryRole::from_code, CountryRole::ALL, CountryRole::code)?;
            lookout.countries.push(Country { role: role.unwrap_or(CountryRole::Residence), code: country(text) });
        }
        for text in self.all("document") {
            let (kind, rest) = split("document", text, DocumentKind::from_code, DocumentKind::ALL, DocumentKind::code)?;
            // What is reported of it stands last.
            let reported = rest.rsplit_once(':').and_then(|(rest, last)| Some((rest, DocumentState::from_code(last)?)));
            let (rest, state) = reported.map_or((rest, None), |(rest, state)| (rest, Some(state)));
            let (number, issuer) = halves(rest.trim());
            let (kind, country) = (kind.unwrap_or(DocumentKind::Passport), issuer.map(country));
            lookout.documents.push(Document { kind, number: number.to_string(), country, state });
        }
        for text in self.all("plate") {
            let (number, jurisdiction) = halves(text);
            let jurisdiction = jurisdiction.map(str::to_string);
            lookout.plates.push(Plate { number: number.to_string(), jurisdiction });
        }
        for text in self.all("registration") {
            let (read, all, code) = (RegistrationKind::from_code, RegistrationKind::ALL, RegistrationKind::code);
            let (kind, number) = split("registration", text, read, all, code)?;
            let kind = kind.or(match subject {
                SubjectKind::Vehicle => Some(RegistrationKind::Vin),
                SubjectKind::Vessel => Some(RegistrationKind::Imo),
                SubjectKind::Aircraft => Some(RegistrationKind::TailNumber),
                SubjectKind::Person | SubjectKind::Business => None,
            });
            let kind = kind.ok_or_else(|| Fault::new("registration", "needs a kind, as kind:NUMBER"))?;
            lookout.registrations.push(Registration { kind, number: number.to_string() });
        }
        lookout.remarks = self.first("remarks").map(str::to_string);
        Ok(lookout)
    }

    fn names(&self, lookout: &mut Lookout) -> Result<(), Fault> {
        let original = self.first("original_name").map(str::to_string);
        match self.first("name") {
            Some(full) => lookout.names.push(Name { original, ..name::whole(NameKind::Primary, full) }),
            None if original.is_some() => return Err(Fault::new("original_name", "stands without a name")),
            None => {}
        }
        for (column, kind) in [("aliases", NameKind::Alias), ("weak_aliases", NameKind::WeakAlias)] {
            self.all(column).iter().for_each(|full| name::add(&mut lookout.names, name::whole(kind, full)));
        }
        Ok(())
    }

    fn code<T: Copy>(
        &self,
        column: &str,
        read: fn(&str) -> Option<T>,
        all: &[T],
        code: fn(T) -> &'static str,
    ) -> Result<Option<T>, Fault> {
        let Some(text) = self.first(column) else { return Ok(None) };
        read(text).map(Some).ok_or_else(|| Fault::new(column, format!("must be one of {}", codes(all, code))))
    }
}

fn codes<T: Copy>(all: &[T], code: fn(T) -> &'static str) -> String {
    all.iter().map(|value| code(*value)).collect::<Vec<_>>().join(", ")
}

/// Takes a leading `kind:` off a value; a text before `:` that is no kind is an error, since it may be a slip.
fn split<'a, T: Copy>(
    column: &str,
    text: &'a str,
    read: fn(&str) -> Option<T>,
    all: &[T],
    code: fn(T) -> &'static str,
) -> Result<(Option<T>, &'a str), Fault> {
    match text.split_once(':') {
        None => Ok((None, text)),
        Some((kind, rest)) => match read(kind.trim()) {
            Some(kind) => Ok((Some(kind), rest.trim())),
            None => Err(Fault::new(column, format!("before the colon must stand one of {}", codes(all, code)))),
        },
    }
}

fn halves(text: &str) -> (&str, Option<&str>) {
    match text.split_once(':') {
        Some((left, right)) => (left.trim(), Some(right.trim()).filter(|right| !right.is_empty())),
        None => (text, None),
    }
}

/// The alpha-3 code of a country, or the text itself where no table knows it.
pub(super) fn country(text: &str) -> String {
    code_of(text).map_or_else(|| text.trim().to_string(), str::to_string)
}

/// The column at fault for a field of the model.
pub(super) fn column_of(field: &str) -> String {
    let known = [
        ("names[0]", "name"),
        ("names[", "aliases"),
        ("names", "name"),
        ("birth_dates", "dob"),
        ("countries", "countries"),
        ("documents", "document"),
        ("plates", "plate"),
        ("registrations", "registration"),
    ];
    let found = known.iter().find(|(prefix, _)| field.starts_with(prefix));
    found.map_or_else(|| field.to_string(), |(_, column)| (*column).to_string())
}
