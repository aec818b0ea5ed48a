//! An entry of the UN list: what its elements say of a subject.
//!
//! Elements that this does not know are left out, since the list grows new ones. A date that does not exist rejects its
//! entry, because it is an identifier that officers would rely on.

use model::date::{BirthDate, PartialDate};
use model::limits::REMARKS_CHARS_MAX;
use model::lookout::*;

use super::xml::Node;
use super::{Entry, Fault, checked, fields, name};

/// The entry of an `INDIVIDUAL` or `ENTITY` element.
pub(super) fn entry(node: &Node) -> Result<Entry, Fault> {
    let reference = node.value("REFERENCE_NUMBER").ok_or_else(|| Fault::new("REFERENCE_NUMBER", "is empty"))?;
    let lookout = lookout(node).map_err(|fault| fault.of(reference))?;
    checked(reference, lookout, "REFERENCE_NUMBER")
}

fn lookout(node: &Node) -> Result<Lookout, Fault> {
    let person = node.name == "INDIVIDUAL";
    let prefix = node.name.as_str();
    let list = node.value("UN_LIST_TYPE").unwrap_or("consolidated list");
    let subject = if person { SubjectKind::Person } else { SubjectKind::Business };
    let mut lookout = Lookout::new(subject, Action::Refer, format!("UN Security Council: {list}"));
    lookout.programs = node.value("UN_LIST_TYPE").map(str::to_string).into_iter().collect();
    names(node, prefix, &mut lookout);
    if person {
        lookout.sex = match node.value("GENDER").unwrap_or("").to_ascii_lowercase().as_str() {
            "male" => Some(Sex::Male),
            "female" => Some(Sex::Female),
            _ => None,
        };
        for date in node.all("INDIVIDUAL_DATE_OF_BIRTH") {
            lookout.birth_dates.extend(birth_date(date)?);
        }
        for place in node.all("INDIVIDUAL_PLACE_OF_BIRTH") {
            let parts = ["CITY", "STATE_PROVINCE", "COUNTRY"].map(|part| place.value(part));
            let text = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
            lookout.birth_places.extend((!text.is_empty()).then_some(text));
            add_country(&mut lookout, CountryRole::Birth, place.value("COUNTRY"));
        }
        for document in node.all("INDIVIDUAL_DOCUMENT") {
            lookout.documents.extend(self::document(document));
        }
        for nationality in node.all("NATIONALITY").flat_map(|node| node.all("VALUE")) {
            add_country(&mut lookout, CountryRole::Nationality, Some(nationality.text.trim()));
        }
    }
    // Of an address only the country: a lookout holds no more than identifies its subject.
    for address in node.all(if person { "INDIVIDUAL_ADDRESS" } else { "ENTITY_ADDRESS" }) {
        add_country(&mut lookout, CountryRole::Address, address.value("COUNTRY"));
    }
    lookout.remarks = remarks(node);
    Ok(lookout)
}

fn names(node: &Node, prefix: &str, lookout: &mut Lookout) {
    let parts = ["FIRST_NAME", "SECOND_NAME", "THIRD_NAME", "FOURTH_NAME"].map(|part| node.value(part));
    let full = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
    if !full.is_empty() {
        let original = node.value("NAME_ORIGINAL_SCRIPT").map(str::to_string);
        lookout.names.push(Name { original, ..name::whole(NameKind::Primary, &full) });
    }
    let tag = format!("{prefix}_ALIAS");
    for alias in node.all(&tag) {
        let kind = match alias.value("QUALITY").unwrap_or("").to_ascii_lowercase().as_str() {
            "low" => NameKind::WeakAlias,
            "f.k.a." | "fka" => NameKind::Former,
            _ => NameKind::Alias,
        };
        // One element may hold several names between semicolons.
        for text in alias.value("ALIAS_NAME").unwrap_or("").split(';') {
            name::add(&mut lookout.names, name::whole(kind, text));
        }
    }
}

fn add_country(lookout: &mut Lookout, role: CountryRole, text: Option<&str>) {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return };
    let country = Country { role, code: fields::country(text) };
    if !lookout.countries.contains(&country) {
        lookout.countries.push(country);
    }
}

fn document(node: &Node) -> Option<Document> {
    let number = node.value("NUMBER")?;
    let kind = node.value("TYPE_OF_DOCUMENT").unwrap_or("").to_ascii_lowercase();
    let kind = match kind.as_str() {
        kind if kind.contains("passport") => DocumentKind::Passport,
        kind if kind.contains("national identification") || kind.contains("identity") => DocumentKind::NationalId,
        _ => DocumentKind::Other,
    };
    let country = node.value("ISSUING_COUNTRY").or(node.value("COUNTRY_OF_ISSUE")).map(fields::country);
    Some(Document { kind, number: number.to_string(), country })
}

/// Dates come as DATE (`1970-03-12`, at times with a time after it), YEAR, or FROM_YEAR and TO_YEAR.
fn birth_date(node: &Node) -> Result<Option<BirthDate>, Fault> {
    let read = |field: &'static str| -> Result<Option<PartialDate>, Fault> {
        let Some(text) = node.value(field) else { return Ok(None) };
        let day = text.split('T').next().unwrap_or(text);
        day.parse().map(Some).map_err(|e: model::error::Invalid| Fault::new(field, e.reason))
    };
    let circa = node.value("TYPE_OF_DATE").is_some_and(|kind| kind.eq_ignore_ascii_case("approximately"));
    let (from, to) = match (read("FROM_YEAR")?, read("TO_YEAR")?) {
        (Some(from), to) => (Some(from), to),
        (None, to) => (read("DATE")?.or(read("YEAR")?).or(to), None),
    };
    if let (Some(from), Some(to)) = (from, to)
        && to.year() < from.year()
    {
        return Err(Fault::new("TO_YEAR", "the range ends before it begins"));
    }
    Ok(from.map(|from| BirthDate { from, to, circa }))
}

fn remarks(node: &Node) -> Option<String> {
    let designations = node.all("DESIGNATION").flat_map(|node| node.all("VALUE")).map(|value| value.text.trim());
    let mut parts: Vec<&str> = designations.filter(|text| !text.is_empty()).collect();
    parts.extend(node.value("COMMENTS1"));
    let text = parts.join("; ").replace('\r', "");
    if text.chars().count() <= REMARKS_CHARS_MAX {
        return (!text.is_empty()).then_some(text);
    }
    // Too long a prose for readers is no reason to leave out the subject; the cut is said.
    const CUT: &str = " [cut: see the list]";
    Some(text.chars().take(REMARKS_CHARS_MAX - CUT.len()).chain(CUT.chars()).collect())
}
