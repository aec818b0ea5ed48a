//! The remarks of the OFAC list: dates, places, countries and numbers written as prose between semicolons.
//!
//! What is not understood stays in the remarks as it was written; nothing here can reject an entry.

use model::limits::{NAME_CHARS_MAX, NUMBER_CHARS_MAX};
use model::lookout::*;

use super::{fields, ofac, ofac_numbers, prose};

/// Remarks of this length were cut by whoever published them, inside a word if need be: the last piece is no identifier.
/// One blank at the end may have been trimmed.
const CUT_CHARS: usize = 999;

/// What came of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// All of it stands in fields.
    Whole,
    /// Fields hold what identifies the subject; officers should read the rest.
    Part,
    /// It is not understood.
    Nothing,
}

/// Fills a lookout from remarks; what is not understood goes to `rest`.
pub(super) fn read(remarks: &str, lookout: &mut Lookout, rest: &mut Vec<String>) {
    let remarks = remarks.trim();
    let cut = remarks.chars().count() >= CUT_CHARS;
    let remarks = remarks.strip_suffix('.').unwrap_or(remarks);
    let mut parts = remarks.split(';').map(str::trim).filter(|part| !part.is_empty()).peekable();
    while let Some(part) = parts.next() {
        let text = part.strip_prefix("alt. ").or(part.strip_prefix("Alt. ")).unwrap_or(part);
        let last = cut && parts.peek().is_none();
        if last || one(text, lookout) != Taken::Whole {
            rest.push(part.to_string());
        }
    }
}

fn one(text: &str, lookout: &mut Lookout) -> Taken {
    for (before, taken) in [("Former Vessel Flag ", Taken::Part), ("Nationality of Registration ", Taken::Whole)] {
        if let Some(code) = text.strip_prefix(before).and_then(country) {
            lookout.countries.push(Country { role: CountryRole::Flag, code });
            return taken;
        }
    }
    match field(text, lookout) {
        Some(()) => Taken::Whole,
        None => ofac_numbers::read(text, lookout),
    }
}

/// Takes a piece that begins with the name of a field; none where it is not understood.
fn field(text: &str, lookout: &mut Lookout) -> Option<()> {
    let (word, value) = text.split_once(' ')?;
    match word.trim_end_matches(':') {
        "DOB" => {
            let date = prose::birth_date(value)?;
            if !lookout.birth_dates.contains(&date) {
                lookout.birth_dates.push(date);
            }
        }
        "POB" => return place(value, lookout),
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
        _ => return None,
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

/// The code of a country, or the text itself; nothing where the list says that it does not know.
pub(super) fn country(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches("possibly ");
    match text {
        "" | "undetermined" | "None Identified" => None,
        text => Some(fields::country(text)).filter(|code| code.chars().count() <= NUMBER_CHARS_MAX),
    }
}
