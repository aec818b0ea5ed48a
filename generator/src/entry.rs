//! An entry of the list: its reference and its lookout, made from the seed and its number alone.

use model::date::{BirthDate, PartialDate};
use model::lookout::*;

use crate::name::{self, PersonName};
use crate::rng::Rng;
use crate::vary;

/// An entry of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The list's reference, `SYN-0000001`.
    pub reference: String,
    /// The parts of a person's name; none for others.
    pub name: Option<PersonName>,
    /// What the list says.
    pub lookout: Lookout,
}

const DOMAIN: u64 = 1;

const REASONS: [(&str, Action); 8] = [
    ("Warrant outstanding, identity to be confirmed", Action::Refer),
    ("Travel ban in force", Action::Refer),
    ("Assets frozen, report the crossing", Action::Refer),
    ("Reported missing, welfare check", Action::Refer),
    ("Wanted for armed robbery", Action::ArmedAndDangerous),
    ("Visa reported as obtained with false papers", Action::VerifyVisa),
    ("Passport reported as lost", Action::VerifyVisa),
    ("Earlier overstay, for information", Action::InformationOnly),
];

/// Reasons for what is not a person.
const REASONS_OF_THINGS: [(&str, Action); 3] = [
    ("Under sanctions, report the crossing", Action::Refer),
    ("Suspected of carrying contraband", Action::Refer),
    ("Owner under investigation, for information", Action::InformationOnly),
];

pub(crate) fn subject(seed: u64, index: u64) -> Subject {
    let mut rng = Rng::new(seed, DOMAIN, index);
    let (name, mut lookout) = match rng.below(100) {
        0..=93 => {
            let (name, lookout) = person(&mut rng);
            (Some(name), lookout)
        }
        94..=96 => (None, business(&mut rng)),
        97..=98 => (None, vessel(&mut rng)),
        _ => (None, vehicle(&mut rng)),
    };
    let reasons = if name.is_some() { &REASONS[..] } else { &REASONS_OF_THINGS[..] };
    let (reason, action) = reasons[rng.below(reasons.len())];
    lookout.reason = reason.to_string();
    lookout.action = action;
    Subject { reference: format!("SYN-{:07}", index + 1), name, lookout }
}

/// An entry to be filled; reason and action follow.
fn empty(subject: SubjectKind) -> Lookout {
    Lookout::new(subject, Action::Refer, "")
}

fn named(kind: NameKind, full: String) -> Name {
    Name { kind, full, family: None, given: None, original: None }
}

fn person(rng: &mut Rng) -> (PersonName, Lookout) {
    let (origin, female, name) = name::person(rng);
    let mut lookout = empty(SubjectKind::Person);
    lookout.names.push(Name { original: name.original.clone(), ..named(NameKind::Primary, name.full()) });
    for _ in 0..rng.below(3) {
        if let Some(alias) = vary::romanise(&name.full(), rng) {
            add(&mut lookout, NameKind::Alias, alias);
        }
    }
    if rng.percent(10) {
        add(&mut lookout, NameKind::Alias, format!("{} {}", name.given, name::invented(rng)));
    }
    if rng.percent(15) {
        add(&mut lookout, NameKind::WeakAlias, format!("{} the {}", name.given, nickname(rng)));
    }
    lookout.sex = rng.percent(90).then_some(if female { Sex::Female } else { Sex::Male });
    lookout.birth_dates = birth_dates(rng);
    let home = rng.pick(origin.countries).copied().unwrap_or("UTO");
    lookout.countries.push(Country { role: CountryRole::Nationality, code: home.to_string() });
    if rng.percent(20)
        && let Some(other) = rng.pick(origin.countries)
    {
        lookout.countries.push(Country { role: CountryRole::Residence, code: (*other).to_string() });
    }
    if rng.percent(45) {
        lookout.documents.push(Document {
            kind: DocumentKind::Passport,
            number: passport(rng),
            country: Some(home.into()),
            state: None,
        });
    }
    if rng.percent(10) {
        let number = format!("{:010}", rng.below(10_000_000_000));
        let country = Some(home.to_string());
        lookout.documents.push(Document { kind: DocumentKind::NationalId, number, country, state: None });
    }
    if rng.percent(5) {
        lookout.plates.push(plate(rng, home));
    }
    (name, lookout)
}

fn add(lookout: &mut Lookout, kind: NameKind, full: String) {
    if lookout.names.iter().all(|known| known.full != full) {
        lookout.names.push(named(kind, full));
    }
}

fn nickname(rng: &mut Rng) -> &'static str {
    rng.pick(&["Tailor", "Younger", "Elder", "Baker", "Left-Handed", "Quiet", "Ferryman", "Teacher"])
        .copied()
        .unwrap_or("Quiet")
}

/// A date of birth of varying precision, at times two.
fn birth_dates(rng: &mut Rng) -> Vec<BirthDate> {
    let year = rng.between(1940, 2004) as i16;
    let month = rng.between(1, 12) as u8;
    let day = rng.between(1, 28) as u8;
    let date = |year, month, day| PartialDate::new(year, month, day).ok();
    let first = match rng.below(100) {
        0..=69 => date(year, Some(month), Some(day)).map(BirthDate::exact),
        70..=76 => date(year, Some(month), None).map(BirthDate::exact),
        77..=88 => date(year, None, None).map(BirthDate::exact),
        89..=93 => date(year, None, None).map(|from| BirthDate { from, to: None, circa: true }),
        94..=96 => date(year, None, None).map(|from| BirthDate { from, to: date(year + 3, None, None), circa: false }),
        _ => None,
    };
    let second = if rng.percent(5) { date(year + 1, None, None).map(BirthDate::exact) } else { None };
    first.into_iter().chain(second.filter(|_| first.is_some())).collect()
}

pub(crate) fn passport(rng: &mut Rng) -> String {
    let letter = char::from(b'A' + rng.below(26) as u8);
    format!("{letter}{:08}", rng.below(100_000_000))
}

fn plate(rng: &mut Rng, jurisdiction: &str) -> Plate {
    let mut letter = || char::from(b'A' + rng.below(26) as u8);
    let letters: String = [letter(), letter(), letter()].into_iter().collect();
    let number = format!("{letters} {:04}", rng.below(10_000));
    Plate { number, jurisdiction: Some(jurisdiction.to_string()) }
}

fn business(rng: &mut Rng) -> Lookout {
    let mut lookout = empty(SubjectKind::Business);
    let trade = rng
        .pick(&["Trading", "Shipping", "Logistics", "Metals", "Import Export", "Holdings"])
        .copied()
        .unwrap_or("Trading");
    let form = rng.pick(&["LLC", "Ltd", "GmbH", "SA", "Company"]).copied().unwrap_or("Ltd");
    let word = name::invented(rng);
    let (first, second) = (word.trim().to_string(), format!("{word} {trade}"));
    lookout.names.push(named(NameKind::Primary, format!("{second} {form}")));
    if rng.percent(50) {
        add(&mut lookout, NameKind::Alias, format!("{first} Group"));
    }
    let number = format!("HR {:07}", rng.below(10_000_000));
    lookout.documents.push(Document { kind: DocumentKind::CompanyRegistration, number, country: None, state: None });
    lookout
}

fn vessel(rng: &mut Rng) -> Lookout {
    let mut lookout = empty(SubjectKind::Vessel);
    lookout.names.push(named(NameKind::Primary, format!("MV {}", name::invented(rng).to_uppercase())));
    let flag = rng.pick(&["PAN", "LBR", "MLT", "TGO", "COM"]).copied().unwrap_or("PAN");
    lookout.countries.push(Country { role: CountryRole::Flag, code: flag.to_string() });
    lookout.registrations.push(Registration { kind: RegistrationKind::Imo, number: imo(rng) });
    lookout
}

/// A number with the check digit of the maritime organisation: weights 7 to 2 over six digits, modulo ten.
fn imo(rng: &mut Rng) -> String {
    let six = rng.between(500_000, 999_999);
    let digits = (0..6).map(|at| six / 10_usize.pow(5 - at) % 10 * (7 - at as usize));
    format!("{six}{}", digits.sum::<usize>() % 10)
}

fn vehicle(rng: &mut Rng) -> Lookout {
    let mut lookout = empty(SubjectKind::Vehicle);
    let country = rng.pick(&["USA", "MEX", "CAN", "DEU", "TUR"]).copied().unwrap_or("USA");
    lookout.plates.push(plate(rng, country));
    lookout
}
