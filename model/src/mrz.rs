//! Machine readable zones of travel documents (ICAO Doc 9303): passports (TD3), cards (TD1, TD2) and visas (MRV-A, MRV-B).
//!
//! What people and scanners do to the lines is undone here, as far as only one thing can have been meant: lower case, blanks,
//! `«` for two fillers, a name line without its last fillers, letters where only digits stand and the reverse. The fields are
//! taken out by the strict parsers of the crate `mrz`; its guessing ones are not used, since a guess would be asked for.
//! Two-digit years are made whole by the day of the question: a birth is the last such day that is not to come (part 3 says
//! so of no century; nobody is born later), an expiry the nearest, at most fifty years away.

use ::mrz::{MrzData, MrzError};
use unicode_normalization::UnicodeNormalization;

use crate::country;
use crate::date::PartialDate;
use crate::error::{Invalid, Warning};
use crate::limits::MRZ_CHARS_MAX;
use crate::lookout::{DocumentKind, Sex};
use crate::time::UnixMillis;

crate::coded! {
    /// What came of a field of a zone.
    pub enum CheckResult {
        1 "ok" => Ok,
        2 "wrong" => Wrong,
        3 "missing" => Missing,
        4 "unreadable" => Unreadable,
    }
}

/// A field of a zone, as it was read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentCheck {
    pub field: &'static str,
    pub value: String,
    pub result: CheckResult,
    /// What an officer should know of it; empty if nothing.
    pub note: String,
}

/// What a zone says. A field that cannot be relied on is `None` here and has its line among the checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mrz {
    pub kind: DocumentKind,
    /// Given names first.
    pub name: Option<String>,
    /// Also where its check digit is wrong: a number that is nobody's finds nobody, and what reads alike is found.
    pub number: Option<String>,
    pub birth_date: Option<PartialDate>,
    pub sex: Option<Sex>,
    /// ISO 3166-1 alpha-3.
    pub nationality: Option<String>,
    /// ISO 3166-1 alpha-3.
    pub issuing_state: Option<String>,
    pub expiry: Option<PartialDate>,
    /// Whether the last day of the document is over.
    pub expired: bool,
    /// Each field, in the order in which an officer reads a document.
    pub checks: Vec<DocumentCheck>,
}

/// A layout: where dates, check digits and states stand.
struct Layout {
    width: usize,
    lines: usize,
    /// The line of the names, and where they begin in it.
    names: (usize, usize),
    /// Line and place of number, birth and expiry, each before its check digit.
    number: (usize, usize),
    birth: (usize, usize),
    expiry: (usize, usize),
    states: [(usize, usize); 2],
    /// Further check digits: of the personal number, over the whole.
    personal: Option<(usize, usize)>,
    composite: Option<(usize, usize)>,
}

const NUMBER_CHARS: usize = 9;
const DATE_CHARS: usize = 6;
const STATE_CHARS: usize = 3;
/// Two-digit years of expiry lie so many years back at most.
const EXPIRY_YEARS_BACK: i16 = 50;

const TD1: Layout = Layout {
    width: 30,
    lines: 3,
    names: (2, 0),
    number: (0, 5),
    birth: (1, 0),
    expiry: (1, 8),
    states: [(0, 2), (1, 15)],
    personal: None,
    composite: Some((1, 29)),
};

/// TD2, TD3 and visas differ only in width and in what stands at the end of the second line.
const fn two_lines(width: usize, personal: Option<(usize, usize)>, composite: Option<(usize, usize)>) -> Layout {
    Layout {
        width,
        lines: 2,
        names: (0, 5),
        number: (1, 0),
        birth: (1, 13),
        expiry: (1, 21),
        states: [(0, 2), (1, 10)],
        personal,
        composite,
    }
}

const TD3: Layout = two_lines(44, Some((1, 42)), Some((1, 43)));
const TD2: Layout = two_lines(36, None, Some((1, 35)));
const MRV_A: Layout = two_lines(44, None, None);
const MRV_B: Layout = two_lines(36, None, None);

/// Reads a zone, written as lines or as one text, on the day of the question.
pub fn read(text: &str, at: UnixMillis) -> Result<Mrz, Invalid> {
    let invalid = |reason: String| Invalid::new("mrz", reason);
    let count = text.chars().count();
    if count > MRZ_CHARS_MAX {
        return Err(invalid(format!("has {count} characters, at most {MRZ_CHARS_MAX} are allowed")));
    }
    let today = at.day().ok_or_else(|| invalid("is asked for on a day of no calendar".into()))?;
    let (mut lines, short) = lines(text).map_err(invalid)?;
    let visa = lines[0].starts_with('V');
    let layout = match (lines.len(), lines[0].chars().count()) {
        (3, _) => TD1,
        (_, 44) if visa => MRV_A,
        (_, 44) => TD3,
        _ if visa => MRV_B,
        _ => TD2,
    };
    let repaired = repair(&layout, &mut lines);
    let parsed = match (lines.as_slice(), layout.width, visa) {
        ([one, two, three], ..) => ::mrz::parse_td1(one, two, three),
        ([one, two], 44, true) => ::mrz::parse_mrv_a(one, two),
        ([one, two], 44, false) => ::mrz::parse_td3(one, two),
        ([one, two], _, true) => ::mrz::parse_mrv_b(one, two),
        ([one, two], _, false) => ::mrz::parse_td2(one, two),
        _ => Err(MrzError::NotFound),
    };
    let data = parsed.map_err(|error| invalid(reason(&error)))?;
    Ok(Reading { layout, lines, data, today, repaired, short }.judge())
}

/// The lines, each of its full width, and whether the line of names was filled up.
fn lines(text: &str) -> Result<(Vec<String>, bool), String> {
    let text: String = text.nfkc().collect();
    let given: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let plain = |line: &str| line.split_whitespace().map(clean).collect::<String>();
    let mut lines: Vec<String> = match given.as_slice() {
        [only] => {
            let all = plain(only);
            let width = match all.chars().count() {
                88 => TD3.width,
                72 => TD2.width,
                90 => TD1.width,
                count => return Err(shape(&[count])),
            };
            let all: Vec<char> = all.chars().collect();
            all.chunks(width).map(|line| line.iter().collect()).collect()
        }
        lines => lines.iter().map(|line| plain(line)).collect(),
    };
    let counts: Vec<usize> = lines.iter().map(|line| line.chars().count()).collect();
    // The line of names may lack its last fillers or have some too many; every other one must be whole.
    let (width, names) = match counts.as_slice() {
        [_, second] if [TD3.width, TD2.width].contains(second) => (*second, 0),
        // A blank where a filler was.
        [_, _] => match [TD3.width, TD2.width].iter().find(|width| clean_blanks(given[1]).chars().count() == **width) {
            Some(width) => {
                lines[1] = clean_blanks(given[1]);
                (*width, 0)
            }
            None => return Err(shape(&counts)),
        },
        [first, second, _] if *first == TD1.width && *second == TD1.width => (TD1.width, 2),
        _ => return Err(shape(&counts)),
    };
    let line = &mut lines[names];
    if given.len() > 1 && line.chars().count() != width {
        // Blanks are fillers where they make the line whole, or where it has no other ones.
        let blanks = clean_blanks(given[names]);
        if blanks.chars().count() == width || !line.contains('<') {
            *line = blanks;
        }
    }
    let count = line.chars().count();
    if count > width {
        let kept: String = line.chars().take(width).collect();
        if line.chars().skip(width).any(|c| c != '<') {
            return Err(shape(&counts));
        }
        *line = kept;
    }
    let short = count < width;
    line.extend(std::iter::repeat_n('<', width.saturating_sub(count)));
    Ok((lines, short))
}

fn shape(counts: &[usize]) -> String {
    let counts: Vec<String> = counts.iter().take(4).map(usize::to_string).collect();
    format!(
        "has lines of {} characters; a passport or visa has 2 of 44, other visas and cards 2 of 36 or 3 of 30",
        counts.join(", ")
    )
}

/// A part of a line in capitals, with what scanners write for fillers undone.
fn clean(part: &str) -> String {
    let mut line = String::with_capacity(part.len());
    for c in part.chars() {
        match c {
            '«' | '≪' => line.push_str("<<"),
            '‹' | '〈' => line.push('<'),
            c => line.push(c.to_ascii_uppercase()),
        }
    }
    line
}

/// The line with each of its inner blanks as the filler that it may have been.
fn clean_blanks(line: &str) -> String {
    clean(line).replace(' ', "<")
}

/// Makes digits of letters where only digits stand, and letters of digits where only letters do; says which fields changed,
/// by line and place.
fn repair(layout: &Layout, lines: &mut [String]) -> Vec<(usize, usize)> {
    let (names_line, names_at) = layout.names;
    let with_check = |(line, at): (usize, usize)| (line, at, at + DATE_CHARS + 1);
    let (number_line, number_at) = layout.number;
    let mut digits = vec![with_check(layout.birth), with_check(layout.expiry)];
    digits.push((number_line, number_at + NUMBER_CHARS, number_at + NUMBER_CHARS + 1));
    digits.extend([layout.personal, layout.composite].into_iter().flatten().map(|(line, at)| (line, at, at + 1)));
    let mut letters = vec![(names_line, names_at, layout.width)];
    letters.extend(layout.states.map(|(line, at)| (line, at, at + STATE_CHARS)));
    let mut changed = Vec::new();
    let fields = digits.into_iter().map(|field| (field, digit as fn(char) -> char));
    for ((line, from, to), read) in fields.chain(letters.into_iter().map(|field| (field, letter as fn(char) -> char))) {
        let repaired: String =
            lines[line].chars().enumerate().map(|(at, c)| if (from..to).contains(&at) { read(c) } else { c }).collect();
        if repaired != lines[line] {
            lines[line] = repaired;
            changed.push((line, from));
        }
    }
    changed
}

fn digit(c: char) -> char {
    match c {
        'O' | 'Q' | 'D' => '0',
        'I' | 'L' => '1',
        'Z' => '2',
        'S' => '5',
        'G' => '6',
        'B' => '8',
        other => other,
    }
}

fn letter(c: char) -> char {
    match c {
        '0' => 'O',
        '1' => 'I',
        '2' => 'Z',
        '5' => 'S',
        '6' => 'G',
        '8' => 'B',
        other => other,
    }
}

/// Why a zone is none; never with what it says of a person.
fn reason(error: &MrzError) -> String {
    match error {
        MrzError::BadCharacter { line, position, .. } => {
            let line = line.unwrap_or_default() + 1;
            format!("line {line} holds at {} what no zone does: it has A to Z, 0 to 9 and `<`", position + 1)
        }
        MrzError::BadDocumentCode(_) => {
            "does not begin with the code of a passport (P), visa (V) or card (A, C, I)".to_string()
        }
        MrzError::LeadingFiller { .. } => "has no document number".to_string(),
        _ => "cannot be read".to_string(),
    }
}

/// Joins what there is to say of a field.
fn note(parts: impl IntoIterator<Item = Option<String>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// A zone that was parsed.
struct Reading {
    layout: Layout,
    lines: Vec<String>,
    data: MrzData,
    today: PartialDate,
    repaired: Vec<(usize, usize)>,
    short: bool,
}

impl Reading {
    fn judge(self) -> Mrz {
        let data = &self.data;
        let kind = match (data.document_type.as_bytes(), self.layout.lines) {
            ([b'V', ..], _) => DocumentKind::Visa,
            ([b'P', ..], _) | ([_, b'P'], 3) => DocumentKind::Passport,
            ([_, b'R'], _) => DocumentKind::ResidencePermit,
            ([b'I', ..], _) => DocumentKind::NationalId,
            _ => DocumentKind::Other,
        };
        let full = format!("{} {}", data.given_names, data.surname).trim().to_string();
        let name = full.chars().any(char::is_alphabetic).then_some(full);
        let number = data.full_document_number().to_string();
        let (issuing_state, issued) = self.state("issuing_state", &data.issuing_country, self.layout.states[0]);
        let (nationality, national) = self.state("nationality", &data.nationality, self.layout.states[1]);
        let (birth_date, born) = self.date("birth_date", self.layout.birth, data.checks.date_of_birth);
        let (expiry, mut expires) = self.date("expiry", self.layout.expiry, data.checks.date_of_expiry);
        let expired = expiry.is_some_and(|expiry| is_over(expiry, self.today));
        if let Some(expiry) = expiry.filter(|_| expired) {
            expires.note =
                note([Some(format!("expired on {expiry}")), Some(expires.note).filter(|note| !note.is_empty())]);
        }
        let (sex, sexed) = self.sex();
        let mut checks = vec![
            DocumentCheck {
                field: "kind",
                value: kind.to_string(),
                result: CheckResult::Ok,
                note: format!("document code {}", data.document_type),
            },
            issued,
            self.name_check(name.as_deref()),
            self.number_check(&number),
            national,
            born,
            sexed,
            expires,
        ];
        checks.extend(self.further("personal_number", self.layout.personal, data.checks.personal_number));
        checks.extend(self.further("composite", self.layout.composite, data.checks.composite));
        // `XXA` and its like are no nationality: who has none must not be told to have another one.
        let nationality = nationality.filter(|code| !code.starts_with("XX"));
        Mrz {
            kind,
            name,
            number: Some(number).filter(|number| !number.is_empty()),
            birth_date,
            sex,
            nationality,
            issuing_state,
            expiry,
            expired,
            checks,
        }
    }

    /// A part of a line; the parser has seen that all is ASCII.
    fn part(&self, (line, at): (usize, usize), count: usize) -> &str {
        self.lines.get(line).and_then(|line| line.get(at..at + count)).unwrap_or_default()
    }

    fn repaired(&self, place: (usize, usize)) -> Option<String> {
        self.repaired.contains(&place).then(|| "read letters as digits or the reverse".to_string())
    }

    /// The verdict of a check digit that stands at a place, over a field before it.
    fn verdict(&self, place: (usize, usize), field: &str, fits: Option<bool>) -> (CheckResult, Option<String>) {
        let stands = self.part(place, 1);
        match fits {
            Some(false) if stands == "<" => (CheckResult::Missing, Some("has no check digit".to_string())),
            Some(false) if !stands.bytes().all(|byte| byte.is_ascii_digit()) => {
                (CheckResult::Unreadable, Some("its check digit is none".to_string()))
            }
            Some(false) => {
                let right = ::mrz::check_digit(field).ok().filter(|_| !field.is_empty());
                let right = right.map_or_else(|| "does not fit".to_string(), |right| format!("should be {right}"));
                (CheckResult::Wrong, Some(format!("the check digit is {stands}, {right}")))
            }
            _ => (CheckResult::Ok, None),
        }
    }

    fn name_check(&self, name: Option<&str>) -> DocumentCheck {
        let (line, at) = self.layout.names;
        let full = !self.part((line, at), self.layout.width - at).ends_with('<');
        let notes = [
            full.then(|| "fills its field, so it may be cut short".to_string()),
            self.short.then(|| "its line was short and was filled up".to_string()),
            self.repaired((line, at)),
        ];
        let result = if name.is_some() { CheckResult::Ok } else { CheckResult::Missing };
        DocumentCheck { field: "name", value: name.unwrap_or_default().to_string(), result, note: note(notes) }
    }

    fn number_check(&self, number: &str) -> DocumentCheck {
        let (line, at) = self.layout.number;
        let long = self.data.document_number_full.is_some();
        let fits = self.data.checks.document_number;
        let (result, found) = match fits {
            // The check digit of a long number stands behind the rest of it.
            Some(false) if long => (CheckResult::Wrong, Some("the check digit of the long number does not fit".into())),
            fits => self.verdict((line, at + NUMBER_CHARS), self.part((line, at), NUMBER_CHARS), fits),
        };
        let note = note([found, self.repaired((line, at + NUMBER_CHARS))]);
        DocumentCheck { field: "document_number", value: number.to_string(), result, note }
    }

    fn state(&self, field: &'static str, code: &str, place: (usize, usize)) -> (Option<String>, DocumentCheck) {
        let known = country::code_of(code).filter(|_| !code.is_empty()).map(str::to_string);
        let (result, found) = match (code.is_empty(), &known) {
            (true, _) => (CheckResult::Missing, None),
            (_, None) => (CheckResult::Unreadable, Some("no state has this code".to_string())),
            (_, Some(known)) => (CheckResult::Ok, country::name_of(known).map(str::to_string)),
        };
        let check = DocumentCheck { field, value: code.to_string(), result, note: note([found, self.repaired(place)]) };
        (known, check)
    }

    /// A date that can be relied on, if there is one, and what came of it.
    fn date(
        &self,
        field: &'static str,
        place: (usize, usize),
        fits: Option<bool>,
    ) -> (Option<PartialDate>, DocumentCheck) {
        let (line, at) = place;
        let written = self.part(place, DATE_CHARS);
        let (result, found) = self.verdict((line, at + DATE_CHARS), written, fits);
        let date = if field == "expiry" { expiry(written, self.today) } else { birth(written, self.today) };
        let check = |value: String, result, found| DocumentCheck {
            field,
            value,
            result,
            note: note([found, self.repaired(place)]),
        };
        if written.bytes().all(|byte| byte == b'<') {
            return (None, check(String::new(), CheckResult::Missing, Some("not stated".to_string())));
        }
        match date {
            None => (None, check(written.to_string(), CheckResult::Unreadable, Some("is no date".to_string()))),
            // What a wrong digit speaks against would speak against the right person.
            Some(date) => (Some(date).filter(|_| result == CheckResult::Ok), check(date.to_string(), result, found)),
        }
    }

    fn sex(&self) -> (Option<Sex>, DocumentCheck) {
        let (sex, result) = match self.data.sex {
            ::mrz::Sex::Female => (Some(Sex::Female), CheckResult::Ok),
            ::mrz::Sex::Male => (Some(Sex::Male), CheckResult::Ok),
            ::mrz::Sex::Unspecified => (Some(Sex::Unspecified), CheckResult::Ok),
            _ => (None, CheckResult::Unreadable),
        };
        let value = sex.map(|sex| sex.to_string()).unwrap_or_default();
        (sex, DocumentCheck { field: "sex", value, result, note: String::new() })
    }

    /// A check digit that stands for itself; none where the layout has none.
    fn further(&self, field: &'static str, place: Option<(usize, usize)>, fits: Option<bool>) -> Option<DocumentCheck> {
        let place = place?;
        let (result, found) = self.verdict(place, "", fits);
        let value = if field == "personal_number" { self.data.personal_number().unwrap_or_default() } else { "" };
        Some(DocumentCheck { field, value: value.to_string(), result, note: note([found, self.repaired(place)]) })
    }
}

impl Mrz {
    /// What an officer should know before anything else.
    pub fn warnings(&self) -> Vec<Warning> {
        let said = |check: &DocumentCheck| match check.result {
            CheckResult::Ok if check.field == "expiry" && self.expired => {
                Some(Warning::new("expiry", format!("the document {}", check.note)))
            }
            CheckResult::Wrong | CheckResult::Unreadable => {
                let value = if check.value.is_empty() { String::new() } else { format!("{}: ", check.value) };
                let unasked = matches!(check.field, "birth_date" | "nationality").then_some(", so it is not asked for");
                let note = if check.note.is_empty() { "cannot be read" } else { &check.note };
                Some(Warning::new(check.field, format!("{value}{note}{}", unasked.unwrap_or_default())))
            }
            _ => None,
        };
        self.checks.iter().filter_map(said).collect()
    }
}

/// Year, month and day of six signs; fillers are what is not known.
fn parts(written: &str) -> Option<(u8, Option<u8>, Option<u8>)> {
    let part = |at: usize| match written.get(at..at + 2)? {
        "<<" => Some(None),
        digits => digits.parse::<u8>().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit())).map(Some),
    };
    Some((part(0)??, part(2)?, part(4)?))
}

/// The last such day that is not after `today`.
fn birth(written: &str, today: PartialDate) -> Option<PartialDate> {
    let (year, month, day) = parts(written)?;
    let this_century = today.year() / 100 * 100 + i16::from(year);
    let order = |date: PartialDate| (date.year(), date.month().unwrap_or(1), date.day().unwrap_or(1));
    let to_come = (this_century, month.unwrap_or(1), day.unwrap_or(1)) > order(today);
    PartialDate::new(if to_come { this_century - 100 } else { this_century }, month, day).ok()
}

/// The nearest such day.
fn expiry(written: &str, today: PartialDate) -> Option<PartialDate> {
    let (year, month, day) = parts(written)?;
    let earliest = today.year() - EXPIRY_YEARS_BACK;
    let after = (i16::from(year) - earliest).rem_euclid(100);
    PartialDate::new(earliest + after, month, day).ok()
}

/// Whether the last day that a date may mean is before `today`.
fn is_over(date: PartialDate, today: PartialDate) -> bool {
    let last = (date.year(), date.month().unwrap_or(12), date.day().unwrap_or(31));
    last < (today.year(), today.month().unwrap_or(1), today.day().unwrap_or(1))
}

#[cfg(test)]
#[path = "mrz_test.rs"]
mod tests;
