//! Numbers in the remarks of the OFAC list: documents and registrations, as `Passport A123 (Iran) expires 02 Jan 2010`.

use model::country::code_of;
use model::limits::NUMBER_CHARS_MAX;
use model::lookout::*;

use super::ofac_remarks::{Taken, country};
use super::ofac_terms::{DOCUMENTS, REGISTRATIONS};
use super::{ofac, prose};

/// Words that stand between the name of a document and its number.
const LEAD: [&str; 3] = ["Booklet", "Laissez-Passer", "No."];

/// Takes a piece that names a number.
pub(super) fn read(text: &str, lookout: &mut Lookout) -> Taken {
    let after = |before: &str| text.strip_prefix(before).filter(|rest| rest.starts_with([' ', ':']));
    let after = |before: &str| after(before).map(|rest| rest.trim_start_matches(':').trim());
    if let Some((rest, kind)) = REGISTRATIONS.iter().find_map(|(before, kind)| Some((after(before)?, *kind))) {
        return registration(kind, rest, lookout);
    }
    // Without the word IMO it may be any number of a registry; with it, real ships carry numbers that are none.
    if let Some(number) = after("Vessel Registration Identification")
        && number.len() == 7
        && number.bytes().all(|byte| byte.is_ascii_digit())
    {
        return registration(RegistrationKind::Imo, number, lookout);
    }
    let named =
        |(kind, before): &(DocumentKind, &[&str])| Some((before.iter().find_map(|before| after(before))?, *kind));
    match DOCUMENTS.iter().find_map(named).or_else(|| unlisted(text)) {
        Some((rest, kind)) => documents(kind, rest, lookout),
        None => Taken::Nothing,
    }
}

/// A document that no table names, `<words> No. <number> (Country)`, such as `Kenyan ID No. 12773667`: the number must
/// stand alone, so that no sentence with a number in it is taken for one.
fn unlisted(text: &str) -> Option<(&str, DocumentKind)> {
    const BEFORE: [&str; 7] = ["no.", "no", "number", "#", "id", "card", "identification"];
    const NEVER: [&str; 6] = ["phone", "fax", "telex", "swift", "aircraft", "vessel"];
    let words: Vec<&str> = text.split(' ').collect();
    let first = words.iter().position(|word| prose::has_digit(word))?;
    let series = words[..first].iter().rev().take_while(|word| prose::is_number_part(word)).count();
    let (before, number) = words.split_at(first - series);
    let lower = before.join(" ").to_lowercase();
    if !lower.split(' ').next_back().is_some_and(|word| BEFORE.contains(&word))
        || NEVER.iter().any(|word| lower.contains(word))
    {
        return None;
    }
    let mut rest = number.iter().skip_while(|word| prose::is_number_part(word) && !word.ends_with(','));
    let alone = rest.next().is_none_or(|word| word.ends_with(',') || word.starts_with('(') || *word == "issued");
    let at = before.iter().map(|word| word.len() + 1).sum::<usize>();
    alone.then(|| Some((text.get(at..)?, prose::kind_of(&lower).unwrap_or(DocumentKind::Other))))?
}

fn registration(kind: RegistrationKind, number: &str, lookout: &mut Lookout) -> Taken {
    let good = match kind {
        RegistrationKind::TailNumber => prose::has_digit(number) || ofac::is_mark(number),
        _ => prose::has_digit(number),
    };
    if !good || number.chars().count() > NUMBER_CHARS_MAX {
        return Taken::Nothing;
    }
    add_registration(lookout, kind, number);
    Taken::Whole
}

/// Takes one document, or two in one piece: `OR801168 and Kuwaiti National ID No. 281020505755`.
fn documents(kind: DocumentKind, rest: &str, lookout: &mut Lookout) -> Taken {
    if let Some((first, second)) = rest.split_once(" and ")
        && prose::has_digit(first)
        && read(second, lookout) != Taken::Nothing
    {
        return document(kind, first, lookout);
    }
    document(kind, rest, lookout)
}

fn document(kind: DocumentKind, rest: &str, lookout: &mut Lookout) -> Taken {
    // When it was issued and expires is not what it is found by.
    let cuts = [" issued ", ",issued ", " expires "];
    let rest = cuts.iter().fold(rest, |rest, cut| rest.split(cut).next().unwrap_or(rest)).trim().trim_end_matches('.');
    let (rest, mut issuer) = issuers(rest);
    // A company's number with the maritime organisation, which is not a ship's.
    let (rest, kind) = match rest.strip_prefix("IMO ") {
        Some(imo) if lookout.subject == SubjectKind::Vessel => {
            return registration(RegistrationKind::Imo, imo, lookout);
        }
        Some(imo) => (imo, DocumentKind::CompanyRegistration),
        None => (rest, kind),
    };
    // Words before the number that name it once more: `Booklet: A5199819`, `CNIC: 35202-5400413-9`.
    let whole = match rest.split_once(' ') {
        Some((word, number)) if !prose::has_digit(word) && (word.ends_with(':') || LEAD.contains(&word)) => {
            number.trim()
        }
        _ => rest,
    };
    let mut number = whole;
    if let Some((left, right)) = number.split_once(", ").or_else(|| number.split_once(" - ")) {
        number = left;
        issuer = issuer.or_else(|| code_of(right.split(',').next().unwrap_or(right)).map(str::to_string));
    }
    // Where it was issued stands behind it at times: `AF465508 Colombia`, `405885 Bogota`, `N348171/IRAQ`.
    while let Some((left, word)) = number.rsplit_once(' ')
        && prose::has_digit(left)
        && !prose::has_digit(word)
        && word.len() > 1
        && word.chars().any(char::is_lowercase)
    {
        number = left.trim_end();
    }
    if let Some((left, state)) = number.rsplit_once('/')
        && state.len() > 3
        && code_of(state).is_some()
    {
        number = left;
    }
    let left_over = whole.get(number.len()..).unwrap_or("").trim_start_matches([' ', '/']);
    issuer = issuer.or_else(|| code_of(left_over).map(str::to_string));
    if !prose::has_digit(number) || number.chars().count() > NUMBER_CHARS_MAX || number.starts_with("issued ") {
        return Taken::Nothing;
    }
    let said = left_over.is_empty() || code_of(left_over).is_some();
    let document = Document { kind, number: number.to_string(), country: issuer, state: None };
    if !lookout.documents.contains(&document) {
        lookout.documents.push(document);
    }
    if said { Taken::Whole } else { Taken::Part }
}

/// Takes issuers in parentheses off the end, `22839 (Jalisco) (Mexico)`: the last one that is a country, or the last. A
/// single character is a check character, as in `D489833(9)`.
fn issuers(text: &str) -> (&str, Option<String>) {
    let (mut rest, mut last, mut known) = (text, None, None);
    while let Some((left, inner)) = rest.strip_suffix(')').and_then(|rest| rest.rsplit_once('('))
        && inner.chars().count() > 1
        && prose::has_digit(left)
    {
        rest = left.trim_end();
        known = known.or_else(|| code_of(inner).map(str::to_string));
        last = last.or_else(|| country(inner));
    }
    (rest, known.or(last))
}

/// Adds a registration once.
pub(super) fn add_registration(lookout: &mut Lookout, kind: RegistrationKind, number: &str) {
    let registration = Registration { kind, number: number.to_string() };
    if !lookout.registrations.contains(&registration) {
        lookout.registrations.push(registration);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(subject: SubjectKind, text: &str) -> (Taken, Lookout) {
        let mut lookout = Lookout::new(subject, Action::Refer, "test");
        (read(text, &mut lookout), lookout)
    }

    #[test]
    fn documents_read_as_the_list_writes_them() {
        use DocumentKind::*;
        use Taken::{Part, Whole};
        for (text, kind, number, country, expected) in [
            ("Passport Booklet A5250088 (Pakistan)", Passport, "A5250088", Some("PAK"), Whole),
            ("National ID No. CNIC: 35202-5400413-9 (Pakistan)", NationalId, "35202-5400413-9", Some("PAK"), Whole),
            ("National ID No. FN292891 y (Austria)", NationalId, "FN292891 y", Some("AUT"), Whole),
            ("Paraguayan tax identification number BAHA 6301000", TaxId, "BAHA 6301000", None, Whole),
            ("Passport Booklet: A5199819 (Pakistan)", Passport, "A5199819", Some("PAK"), Whole),
            ("Passport D000000483, Diplomatic (Syria)", Passport, "D000000483", Some("SYR"), Part),
            ("Passport No.: 0310857, Eritrea, Issue Date 21 August 2006)", Passport, "0310857", Some("ERI"), Part),
            ("Passport C 1415363 - 16/2/1421H", Passport, "C 1415363", None, Part),
            ("Passport AF465508 Colombia", Passport, "AF465508", Some("COL"), Whole),
            ("Passport N348171/IRAQ (Iraq)", Passport, "N348171", Some("IRQ"), Whole),
            ("Passport C234897(0) (United Kingdom)", Passport, "C234897(0)", Some("GBR"), Whole),
            ("Passport NO34409/129", Passport, "NO34409/129", None, Whole),
            ("Diplomatic Passport Laissez-Passer 02154", Passport, "02154", None, Whole),
            (
                "British National Overseas Passport 750200421 (United Kingdom)",
                Passport,
                "750200421",
                Some("GBR"),
                Whole,
            ),
            (
                "National ID No. 13/Ta Ta Na (Naing)019077 (Burma)",
                NationalId,
                "13/Ta Ta Na (Naing)019077",
                Some("MMR"),
                Whole,
            ),
            ("National ID No. 12/BAHANA(N)010023 (Burma)", NationalId, "12/BAHANA(N)010023", Some("MMR"), Whole),
            ("Cartilla de Servicio Militar Nacional B4111940 (Mexico)", NationalId, "B4111940", Some("MEX"), Whole),
            ("I.F.E. 05116040222575 (Mexico)", NationalId, "05116040222575", Some("MEX"), Whole),
            ("C.U.I. 1995739560513 (Guatemala)", NationalId, "1995739560513", Some("GTM"), Whole),
            ("Kenyan ID No. 12773667", NationalId, "12773667", None, Whole),
            ("Tazkira National ID Card 283528 (Afghanistan)", NationalId, "283528", Some("AFG"), Whole),
            (
                "Moroccan Personal ID No. E 427689 (Morocco) issued 20 Mar 2001",
                NationalId,
                "E 427689",
                Some("MAR"),
                Whole,
            ),
            ("Refugee ID Card A88000043 (Moldova) issued 16 Dec 2005", Other, "A88000043", Some("MDA"), Whole),
            ("N.I.E. X-1552120-B (Spain)", NationalId, "X-1552120-B", Some("ESP"), Whole),
            ("Immigration No. A7800002 Border Crossing (United States)", Other, "A7800002", Some("USA"), Part),
            ("UAE Identification 784-1968-9720837-5", NationalId, "784-1968-9720837-5", None, Whole),
            ("Folio Mercantil No. 22839 (Jalisco) (Mexico)", CompanyRegistration, "22839", Some("MEX"), Whole),
            ("Matricula Mercantil No 405885 Bogota (Colombia)", CompanyRegistration, "405885", Some("COL"), Part),
            ("Pilot License Number PL00825 (Barbados)", Other, "PL00825", Some("BRB"), Whole),
        ] {
            let (taken, lookout) = taken(SubjectKind::Person, text);
            let country = country.map(str::to_string);
            assert_eq!(lookout.documents, [Document { kind, number: number.into(), country, state: None }], "{text}");
            assert_eq!(taken, expected, "{text}");
        }
    }

    #[test]
    fn two_documents_in_one_piece_are_two() {
        let text = "Passport OR801168 and Kuwaiti National ID No. 281020505755";
        let (_, lookout) = taken(SubjectKind::Person, text);
        let mut numbers: Vec<&str> = lookout.documents.iter().map(|document| document.number.as_str()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, ["281020505755", "OR801168"]);
    }

    #[test]
    fn sentences_with_numbers_are_no_documents() {
        for text in [
            "Phone Number 982188526300",
            "Fax No. 9221227700019",
            "Chinese Commercial Code 1728 4320",
            "Interpol: Red Notice. File No. 2009/3599. March 24, 2009. Orange Notice",
            "Director of Main Street 1095 Proprietary Limited",
            "Executive Order 13846 information: FOREIGN EXCHANGE",
            "Passport issued 21 Jun 1992 in Amman",
            "Aircraft Model A310-304",
            "named in UNSCR 1483",
            "arrested 23 Apr 2002",
        ] {
            let (taken, lookout) = taken(SubjectKind::Person, text);
            assert_eq!((taken, lookout.documents.len()), (Taken::Nothing, 0), "{text}");
        }
    }

    #[test]
    fn registrations_need_not_hold_a_digit_nor_the_word_imo() {
        for (text, kind, number) in [
            ("Aircraft Tail Number EP-MMH", RegistrationKind::TailNumber, "EP-MMH"),
            ("Previous Aircraft Tail Number YI-NAE", RegistrationKind::TailNumber, "YI-NAE"),
            ("Vessel Registration Identification 8606173", RegistrationKind::Imo, "8606173"),
            ("Vessel Registration Identification IMO 15411", RegistrationKind::Imo, "15411"),
            ("Aircraft Serial Identification 258512", RegistrationKind::SerialNumber, "258512"),
        ] {
            let (taken, lookout) = taken(SubjectKind::Vessel, text);
            assert_eq!(
                (taken, lookout.registrations),
                (Taken::Whole, vec![Registration { kind, number: number.into() }])
            );
        }
        for text in ["Aircraft Tail Number unknown", "Vessel Registration Identification 15411"] {
            assert_eq!(taken(SubjectKind::Aircraft, text).0, Taken::Nothing);
        }
    }
}
