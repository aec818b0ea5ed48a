//! Travellers and their truth: half are listed, each under one variation, half are not.

use std::collections::BTreeSet;

use model::date::{BirthDate, PartialDate};
use model::lookout::CountryRole;

use crate::entry::{Subject, passport};
use crate::rng::Rng;
use crate::vary::{Variation, vary};
use crate::{World, name};

/// Who stands before the officer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traveller {
    pub name: String,
    /// `1970-03-12`, or a year alone.
    pub dob: Option<String>,
    /// ISO 3166-1 alpha-3.
    pub nationality: Option<String>,
    pub document: Option<String>,
    /// What the right answer is.
    pub truth: Truth,
}

/// The right answer about a traveller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truth {
    /// The reference of the entry that must be found; none for the innocent.
    pub expected: Option<String>,
    pub variation: Variation,
}

const DOMAIN: u64 = 2;

const VARIATIONS: [Variation; 9] = [
    Variation::Exact,
    Variation::Alias,
    Variation::Misspelt,
    Variation::Swapped,
    Variation::Transliterated,
    Variation::OriginalScript,
    Variation::MissingMiddle,
    Variation::Mrz,
    Variation::YearOnly,
];

pub(crate) fn travellers(world: World) -> impl Iterator<Item = Traveller> + use<> {
    // Hashes of listed names. Two names with one hash only make an innocent choose another name.
    let mut listed = BTreeSet::new();
    if world.config().travellers() > 0 {
        world.people().for_each(|subject| listed.extend(subject.lookout.names.iter().map(|name| hash(&name.full))));
    }
    let config = world.config();
    (0..config.travellers()).map(move |row| {
        let mut rng = Rng::new(config.seed, DOMAIN, row as u64);
        if rng.percent(50) { listed_one(&world, &mut rng) } else { innocent(&listed, &mut rng) }
    })
}

fn hash(name: &str) -> u64 {
    // FNV-1a: fixed for ever, unlike the standard library's.
    name.to_lowercase()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// A listed person under a variation that its name allows.
fn listed_one(world: &World, rng: &mut Rng) -> Traveller {
    loop {
        let subject = world.subject(rng.below(world.config().people));
        let variation = VARIATIONS[rng.below(VARIATIONS.len())];
        if let Some(traveller) = under(&subject, variation, rng) {
            return traveller;
        }
        // A list without a single person has nobody to vary.
        if world.config().people < 50 && world.people().all(|subject| subject.name.is_none()) {
            return innocent(&BTreeSet::new(), rng);
        }
    }
}

/// The traveller that an entry is under a variation; none where its data do not allow it.
pub(crate) fn under(subject: &Subject, variation: Variation, rng: &mut Rng) -> Option<Traveller> {
    let lookout = &subject.lookout;
    let aliases: Vec<String> = lookout.names.iter().skip(1).map(|name| name.full.clone()).collect();
    let name = vary(subject.name.as_ref()?, &aliases, variation, rng)?;
    let dob = match (lookout.birth_dates.first(), variation) {
        (Some(date), Variation::YearOnly) => Some(format!("{:04}", date.from.year())),
        (None, Variation::YearOnly) => return None,
        (date, _) => date.map(|date| held(*date, rng)),
    };
    let nationality = lookout.countries.iter().find(|country| country.role == CountryRole::Nationality);
    // A document would give the name away, so only the plain case shows it.
    let document = lookout.documents.first().filter(|_| variation == Variation::Exact).map(|d| d.number.clone());
    let truth = Truth { expected: Some(subject.reference.clone()), variation };
    Some(Traveller { name, dob, nationality: nationality.map(|country| country.code.clone()), document, truth })
}

/// The date in the traveller's own passport, which is a whole one and lies within what the list knows.
fn held(date: BirthDate, rng: &mut Rng) -> String {
    let month = date.from.month().unwrap_or(rng.between(1, 12) as u8);
    let day = date.from.day().unwrap_or(rng.between(1, 28) as u8);
    let whole = PartialDate::new(date.from.year(), Some(month), Some(day));
    whole.map_or_else(|_| date.from.to_string(), |date| date.to_string())
}

fn innocent(listed: &BTreeSet<u64>, rng: &mut Rng) -> Traveller {
    let (mut origin, _, mut name) = name::person(rng);
    // A long list may use up the names of an origin; after so many tries a namesake it is.
    for _ in 0..1_000 {
        if !listed.contains(&hash(&name.full())) {
            break;
        }
        (origin, _, name) = name::person(rng);
    }
    let dob = format!("{:04}-{:02}-{:02}", rng.between(1940, 2007), rng.between(1, 12), rng.between(1, 28));
    let nationality = rng.pick(origin.countries).map(|code| (*code).to_string());
    let document = Some(passport(rng));
    Traveller {
        name: name.full(),
        dob: Some(dob),
        nationality,
        document,
        truth: Truth { expected: None, variation: Variation::Innocent },
    }
}
