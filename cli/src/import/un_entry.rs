//! An entry of the UN list: what its elements say of a subject.
//!
//! Elements that this does not know are left out, since the list grows new ones. An identifier that cannot be read, or not
//! within the bounds of a lookout, goes into the remarks: it must not cost the list the whole subject. Only an entry
//! without a reference or a name is rejected.

use model::date::{BirthDate, PartialDate};
use model::limits::{IDENTIFIERS_MAX, NAME_CHARS_MAX, NAMES_MAX, NUMBER_CHARS_MAX, REMARKS_CHARS_MAX};
use model::lookout::*;

use super::xml::Node;
use super::{Entry, Fault, checked, fields, name, prose, un_document};

/// The entry of an `INDIVIDUAL` or `ENTITY` element.
pub(super) fn entry(node: &Node) -> Result<Entry, Fault> {
    let reference = node.value("REFERENCE_NUMBER").ok_or_else(|| Fault::new("REFERENCE_NUMBER", "is empty"))?;
    let lookout = Draft::new(node).lookout;
    if lookout.names.is_empty() {
        return Err(Fault::new("FIRST_NAME", "is empty or too long, and so is every alias").of(&reference));
    }
    checked(&reference, lookout, "REFERENCE_NUMBER")
}

/// A lookout that is being filled, and what its fields cannot take.
struct Draft {
    lookout: Lookout,
    remarks: Vec<String>,
}

impl Draft {
    fn new(node: &Node) -> Self {
        let person = node.name == "INDIVIDUAL";
        let list = node.value("UN_LIST_TYPE").filter(|list| fits(list, NUMBER_CHARS_MAX));
        let subject = if person { SubjectKind::Person } else { SubjectKind::Business };
        let reason = format!("UN Security Council: {}", list.as_deref().unwrap_or("consolidated list"));
        let mut draft = Self { lookout: Lookout::new(subject, Action::Refer, reason), remarks: Vec::new() };
        draft.lookout.programs = list.into_iter().collect();
        for what in ["TITLE", "DESIGNATION"] {
            draft.remarks.extend(node.all(what).flat_map(|node| node.all("VALUE")).filter_map(Node::line));
        }
        draft.names(node);
        if person {
            draft.lookout.sex = node.value("GENDER").and_then(|text| Sex::from_code(&text));
            node.all("INDIVIDUAL_DATE_OF_BIRTH").for_each(|date| draft.birth_date(date));
            for place in node.all("INDIVIDUAL_PLACE_OF_BIRTH") {
                draft.place(["CITY", "STATE_PROVINCE", "COUNTRY"].map(|part| place.value(part)));
                draft.remarks.extend(place.value("NOTE").map(|note| format!("Place of birth: {note}")));
            }
            for document in node.all("INDIVIDUAL_DOCUMENT") {
                let (document, remark) = un_document::read(document);
                if let Some(document) = document
                    && let Err(document) = put(&mut draft.lookout.documents, document)
                {
                    draft.remarks.push(format!("Document: {}", document.number));
                }
                draft.remarks.extend(remark);
            }
            for nationality in node.all("NATIONALITY").flat_map(|node| node.all("VALUE")) {
                draft.country(CountryRole::Nationality, nationality.line());
            }
        }
        // Of an address only the country: a lookout holds no more than identifies its subject.
        for address in node.all(if person { "INDIVIDUAL_ADDRESS" } else { "ENTITY_ADDRESS" }) {
            draft.country(CountryRole::Address, address.value("COUNTRY"));
        }
        draft.comments(node);
        draft
    }

    fn names(&mut self, node: &Node) {
        let parts = ["FIRST_NAME", "SECOND_NAME", "THIRD_NAME", "FOURTH_NAME"].map(|part| node.value(part));
        let full = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let original = node.value("NAME_ORIGINAL_SCRIPT").filter(|text| fits(text, NAME_CHARS_MAX));
        self.name(NameKind::Primary, &full);
        match self.lookout.names.first_mut() {
            Some(primary) => primary.original = original,
            None => self.name(NameKind::Primary, original.as_deref().unwrap_or("")),
        }
        for alias in node.all(&format!("{}_ALIAS", node.name)) {
            let kind = match alias.value("QUALITY").unwrap_or_default().to_ascii_lowercase().as_str() {
                "low" => NameKind::WeakAlias,
                "f.k.a." | "fka" => NameKind::Former,
                _ => NameKind::Alias,
            };
            // One element may hold several names between semicolons.
            let text = alias.value("ALIAS_NAME").unwrap_or_default();
            text.split(';').for_each(|text| self.name(kind, text.trim()));
            self.remarks.extend(alias.value("NOTE").map(|note| format!("Alias {text}: {note}")));
            if let Some(text) = alias.value("DATE_OF_BIRTH") {
                self.date(&text, day(&text).map(BirthDate::exact));
            }
            self.place(["CITY_OF_BIRTH", "", "COUNTRY_OF_BIRTH"].map(|part| alias.value(part)));
        }
    }

    fn name(&mut self, kind: NameKind, text: &str) {
        if fits(text, NAME_CHARS_MAX) && self.lookout.names.len() < NAMES_MAX {
            name::add(&mut self.lookout.names, name::whole(kind, text));
        } else if !text.is_empty() {
            self.remarks.push(format!("Name: {text}"));
        }
    }

    /// Dates come as DATE (`1970-03-12`, at times with a time or a zone after it), YEAR, or FROM_YEAR and TO_YEAR; and
    /// where the list has none of these, in NOTE.
    fn birth_date(&mut self, node: &Node) {
        let [date, year, from, to, note] =
            ["DATE", "YEAR", "FROM_YEAR", "TO_YEAR", "NOTE"].map(|field| node.value(field));
        let about = |text: &String| text.eq_ignore_ascii_case("approximately");
        let circa = node.value("TYPE_OF_DATE").as_ref().is_some_and(about) || note.as_ref().is_some_and(about);
        let note = note.filter(|note| !about(note));
        let (written, read) = match (from, to, date.or(year)) {
            (Some(from), Some(to), _) => {
                let range = day(&from).zip(day(&to)).filter(|(from, to)| from.year() <= to.year());
                (format!("{from} to {to}"), range.map(|(from, to)| BirthDate { from, to: Some(to), circa }))
            }
            (Some(text), None, _) | (None, _, Some(text)) | (None, Some(text), None) => {
                let read = day(&text).map(|from| BirthDate { from, to: None, circa });
                (text, read)
            }
            (None, None, None) => {
                let Some(note) = note else { return };
                let read = prose::birth_date(&note).map(|date| BirthDate { circa: circa || date.circa, ..date });
                return self.date(&note, read);
            }
        };
        self.date(&written, read);
        self.remarks.extend(note.map(|note| format!("Date of birth {written}: {note}")));
    }

    fn date(&mut self, written: &str, read: Option<BirthDate>) {
        if read.is_none_or(|date| put(&mut self.lookout.birth_dates, date).is_err()) {
            self.remarks.push(format!("Date of birth: {written}"));
        }
    }

    fn place(&mut self, [city, province, country]: [Option<String>; 3]) {
        let parts = [&city, &province, &country].into_iter().flatten().map(String::as_str);
        let text = parts.collect::<Vec<_>>().join(", ");
        self.country(CountryRole::Birth, country);
        if text.is_empty() {
            return;
        }
        if !fits(&text, NAME_CHARS_MAX) || put(&mut self.lookout.birth_places, text.clone()).is_err() {
            self.remarks.push(format!("Place of birth: {text}"));
        }
    }

    fn country(&mut self, role: CountryRole, text: Option<String>) {
        let Some(text) = text else { return };
        let country = Country { role, code: fields::country(&text) };
        if !fits(&country.code, NUMBER_CHARS_MAX) || put(&mut self.lookout.countries, country).is_err() {
            self.remarks.push(format!("Country of {}: {text}", role.code()));
        }
    }

    /// Closes the remarks with the comments, whose lines stay.
    fn comments(&mut self, node: &Node) {
        let comments = node.all("COMMENTS1").next().map_or("", |node| node.text.trim());
        let comments: String = comments.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        self.remarks.push(comments);
        self.remarks.retain(|text| !text.is_empty());
        let text = self.remarks.join("; ");
        // Too long a prose for readers is no reason to leave out the subject; the cut is said.
        const CUT: &str = " [cut: see the list]";
        self.lookout.remarks = match fits(&text, REMARKS_CHARS_MAX) {
            true => Some(text),
            false if text.is_empty() => None,
            false => Some(text.chars().take(REMARKS_CHARS_MAX - CUT.len()).chain(CUT.chars()).collect()),
        };
    }
}

fn fits(text: &str, most: usize) -> bool {
    !text.is_empty() && text.chars().count() <= most
}

/// Adds an identifier that is not there yet; gives it back where a lookout takes no more.
fn put<T: PartialEq>(list: &mut Vec<T>, item: T) -> Result<(), T> {
    if list.contains(&item) {
        return Ok(());
    }
    if list.len() >= IDENTIFIERS_MAX {
        return Err(item);
    }
    list.push(item);
    Ok(())
}

/// A date or a year of XML Schema: a time and a zone may follow (`1960-01-01-05:00`, `1960Z`).
fn day(text: &str) -> Option<PartialDate> {
    let day = text.split('T').next().unwrap_or(text).trim_end_matches('Z');
    let zone = day.len().checked_sub(6).and_then(|at| day.split_at_checked(at));
    let day = match zone {
        Some((day, zone)) if zone.starts_with(['+', '-']) && zone.find(':') == Some(3) => day,
        _ => day,
    };
    day.parse().ok()
}
