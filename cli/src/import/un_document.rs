//! Documents of the UN list, whose numbers are often prose: `Libyan passport No. 513519`, `R00012098, South Sudan`.

use model::country::code_of;
use model::limits::NUMBER_CHARS_MAX;
use model::lookout::{Document, DocumentKind, DocumentState};
use model::number::normalise_number;

use super::xml::Node;
use super::{fields, prose};

/// What an `INDIVIDUAL_DOCUMENT` says: a document that can be found by its number, and what else officers should read.
pub(super) fn read(node: &Node) -> (Option<Document>, Option<String>) {
    let [kind, kind2, number, note] =
        ["TYPE_OF_DOCUMENT", "TYPE_OF_DOCUMENT2", "NUMBER", "NOTE"].map(|name| node.value(name));
    // Where there is no number, the list has it at times beside the kind, or in the note among dates of issue.
    let written = number.or_else(|| kind2.clone().filter(|text| prose::has_digit(text)));
    let from_note = written.is_none();
    let written = written.or_else(|| note.clone().filter(|_| kind.is_some()));
    let found = written.as_deref().and_then(find).filter(|found| !from_note || found.is_named());
    let words = [found.as_ref().map(|found| found.words.clone()), kind2.clone(), kind.clone()];
    let named = words.iter().flatten().find_map(|words| prose::kind_of(words));
    let issuer = node.value("ISSUING_COUNTRY").or_else(|| node.value("COUNTRY_OF_ISSUE"));
    let document = found.map(|found| Document {
        kind: named.unwrap_or(DocumentKind::Other),
        number: found.number,
        country: issuer.as_deref().map(fields::country).or(found.country),
        state: [&note, &kind2].into_iter().flatten().find_map(|words| reported(words)),
    });
    let long = |text: &String| text.chars().count() > NUMBER_CHARS_MAX;
    let mut document = document.filter(|document| !long(&document.number));
    // An issuer that no table knows is kept as it is written, if it is short enough to be one.
    if let Some(document) = &mut document
        && document.country.as_ref().is_some_and(long)
    {
        document.country = None;
    }
    let known = document.as_ref().map_or("", |document| document.number.as_str());
    let issuer = issuer.filter(|text| document.is_none() || code_of(text).is_none() && long(text));
    let kind2 = kind2.filter(|text| kind.as_ref().is_none_or(|kind| !kind.eq_ignore_ascii_case(text)));
    let written = written.filter(|text| text != known);
    let mut said: Vec<String> = Vec::new();
    for text in [kind2, written, issuer, note].into_iter().flatten() {
        if !said.contains(&text) {
            said.push(text);
        }
    }
    let label = format!("{} {known}", kind.as_deref().unwrap_or("Document"));
    let remark = (!said.is_empty()).then(|| format!("{}: {}", label.trim(), said.join(", ")));
    (document, remark)
}

struct Found {
    /// What stands before the number.
    words: String,
    number: String,
    country: Option<String>,
}

impl Found {
    /// Whether the words before it say that it is a document's number, not a part of a date.
    fn is_named(&self) -> bool {
        let words = self.words.to_lowercase();
        let dated = ["issue", "expir", "valid", "born", "date"].iter().any(|word| words.contains(word));
        let alone = words.is_empty() && normalise_number(&self.number).len() > 5;
        !dated && (alone || prose::kind_of(&words).is_some())
    }
}

/// The first number of a text. It goes on over words with digits and series in capitals: `SE 012820`, `96 03 464086`.
fn find(text: &str) -> Option<Found> {
    let tokens: Vec<&str> = text.split(' ').collect();
    let bare = |token: &str| token.trim_end_matches([',', ';', ':', '.', ')']).to_string();
    if let [only] = tokens.as_slice()
        && !normalise_number(only).is_empty()
        && !only.chars().any(char::is_lowercase)
    {
        return Some(Found { words: String::new(), number: stripped(only).to_string(), country: None });
    }
    let first = tokens.iter().position(|token| prose::has_digit(token))?;
    let ends = |token: &str| token.ends_with([',', ';', ':', ')']);
    let series = tokens[..first].iter().rev().take_while(|token| prose::is_number_part(token) && !ends(token)).count();
    let start = first - series;
    let mut parts = Vec::new();
    let mut end = start;
    for token in &tokens[start..] {
        let part = if ends(token) && !token.contains('(') { bare(token) } else { (*token).to_string() };
        if prose::is_number_part(&part) && !token.starts_with('(') {
            parts.push(part);
        } else if !prose::is_marker(token) {
            break;
        }
        end += 1;
        if ends(token) {
            break;
        }
    }
    let number = stripped(&parts.join(" ")).to_string();
    let words = tokens[..start].join(" ");
    let rest = tokens[end..].join(" ");
    let country = code_of(rest.trim_matches(['(', ')', '.'])).or_else(|| {
        // `Central African Republic number`, `Libyan passport No.`
        (1..=tokens[..start].len().min(4)).rev().find_map(|n| code_of(&tokens[..n].join(" ")))
    });
    (!normalise_number(&number).is_empty()).then(|| Found { words, number, country: country.map(str::to_string) })
}

/// What the note of a document reports of it: `(reported lost in 2014)`, `cancelled by the issuer`. That it expired is no
/// report: a document that is past its day says so itself.
fn reported(note: &str) -> Option<DocumentState> {
    let note = note.to_lowercase();
    let mut words = note.split(|c: char| !c.is_alphabetic());
    words.find_map(|word| match word {
        "lost" => Some(DocumentState::Lost),
        "stolen" => Some(DocumentState::Stolen),
        "revoked" | "cancelled" | "canceled" | "annulled" => Some(DocumentState::Revoked),
        "invalid" | "invalidated" | "fraudulent" | "forged" | "false" | "fake" => Some(DocumentState::Invalid),
        _ => None,
    })
}

/// A number without `N°` before it.
fn stripped(number: &str) -> &str {
    ["N°", "Nº", "n°", "nº"].iter().find_map(|mark| number.strip_prefix(mark)).unwrap_or(number).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reported_of_a_document_stands_in_its_note() {
        for (note, state) in [
            ("(Reported LOST in 2014)", Some(DocumentState::Lost)),
            ("stolen, reported to Interpol", Some(DocumentState::Stolen)),
            ("cancelled by the Libyan authorities", Some(DocumentState::Revoked)),
            ("fraudulent", Some(DocumentState::Invalid)),
            ("issued 1 Jan 2001, expired 31 Dec 2010", None),
            ("in the name of Falsehood Lostby", None),
        ] {
            assert_eq!(reported(note), state, "{note}");
        }
    }

    #[test]
    fn numbers_are_found_in_prose() {
        for (text, number, country) in [
            ("CAR diplomatic passport no. D00000898", "D00000898", Some("CAF")),
            ("Libyan passport No. 513519", "513519", Some("LBY")),
            ("Jordan 654781", "654781", Some("JOR")),
            ("Libya B/002210", "B/002210", Some("LBY")),
            ("Diplomatic Passport: Z30321794", "Z30321794", None),
            ("381110042 (Expired 25 Jan. 2016)", "381110042", None),
            ("R00012098, South Sudan", "R00012098", Some("SSD")),
            ("No. H0044232 (Iraqi)", "H0044232", Some("IRQ")),
            ("403062567 (US)", "403062567", Some("USA")),
            ("Social Security Number 423-31-3021 (US)", "423-31-3021", Some("USA")),
            ("Afghan passport number SE 012820", "SE 012820", Some("AFG")),
            ("Central African Republic number O00065772", "O00065772", Some("CAF")),
            ("German travel document (\u{201c}Reiseausweis\u{201d}) A 0139243", "A 0139243", Some("DEU")),
            ("Russian passport number 8208 No. 555627", "8208 555627", Some("RUS")),
            ("Laissez-passer no. N°235/MISPAT/DIRCAB", "235/MISPAT/DIRCAB", None),
            ("Tunisian passport number L 191609 issued on 28 Feb. 1996", "L 191609", Some("TUN")),
            ("Moroccan national identity card DE- 473900", "DE- 473900", Some("MAR")),
            // Numbers as they are written stay whole.
            ("TR-P 614 166", "TR-P 614 166", None),
            ("96 03 464086", "96 03 464086", None),
            ("35202- 4135948-7", "35202- 4135948-7", None),
            ("K357514(4)", "K357514(4)", None),
            ("NO33301/862", "NO33301/862", None),
            ("AAIN29392", "AAIN29392", None),
        ] {
            let found = find(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((found.number.as_str(), found.country.as_deref()), (number, country), "{text}");
        }
        for text in ["unknown", "not available", "-"] {
            assert!(find(text).is_none(), "{text}");
        }
    }
}
