//! Five travellers for a demonstration: one listed, one listed under a misspelt name, three who resemble nobody.

use crate::World;
use crate::rng::Rng;
use crate::travellers::{Traveller, Truth, under};
use crate::vary::{Variation, likeness, misspell};

/// Invented names of origins that the list does not draw from, with a date of birth and a nationality.
const STRANGERS: [(&str, &str, &str); 8] = [
    ("Ilmatar Vuoksenniemi", "1984-06-21", "FIN"),
    ("Tuulikki Hyypiönmäki", "1991-02-03", "FIN"),
    ("Gwenhwyfar Tregynllwyd", "1979-11-30", "GBR"),
    ("Kahurangi Whakatutuki", "1988-04-17", "NZL"),
    ("Jóhildur Hrafnkelsfjörð", "1965-09-08", "ISL"),
    ("Nomvuyo Qhubekazulu", "1996-12-12", "ZAF"),
    ("Lagzdiņš Upeslejskis", "1973-07-25", "LVA"),
    ("Fetuilelagi Tuimavave", "2001-01-19", "WSM"),
];

const DOMAIN: u64 = 3;

/// The five travellers of the demonstration; the truth of each says what to expect. A list without people has none.
pub fn demo_travellers(world: &World) -> Vec<Traveller> {
    let mut rng = Rng::new(world.config().seed, DOMAIN, 0);
    // People whose names speak for themselves: family names long enough to be misspelt, a whole date of birth.
    let mut clear = world.people().filter(|subject| {
        let name = subject.name.as_ref();
        let long = name.is_some_and(|name| name.family.chars().count() >= 8 && name.full().is_ascii());
        long && subject.lookout.birth_dates.first().is_some_and(|date| date.from.day().is_some())
    });
    let exact = clear.find(|subject| !subject.lookout.documents.is_empty());
    let exact = exact.and_then(|subject| under(&subject, Variation::Exact, &mut rng));
    let misspelt = clear.next().and_then(|subject| {
        let mut traveller = under(&subject, Variation::Exact, &mut rng)?;
        traveller.name = misspell(&traveller.name, &mut rng)?;
        traveller.document = None;
        traveller.truth.variation = Variation::Misspelt;
        Some(traveller)
    });
    let (Some(exact), Some(misspelt)) = (exact, misspelt) else { return Vec::new() };
    let mut strangers = strangers(world).into_iter();
    let mut five: Vec<Traveller> = strangers.by_ref().take(1).collect();
    five.push(exact);
    five.extend(strangers.by_ref().take(1));
    five.push(misspelt);
    five.extend(strangers.take(1));
    five
}

/// The strangers, least like anybody on the list first.
fn strangers(world: &World) -> Vec<Traveller> {
    let mut worst = [0_u32; STRANGERS.len()];
    for subject in world.people() {
        for listed in &subject.lookout.names {
            for (worst, (name, _, _)) in worst.iter_mut().zip(&STRANGERS) {
                *worst = (*worst).max(alike(name, &listed.full));
            }
        }
    }
    let mut order: Vec<usize> = (0..STRANGERS.len()).collect();
    order.sort_by_key(|at| (worst[*at], *at));
    let traveller = |at: usize| {
        let (name, dob, nationality) = STRANGERS[at];
        Traveller {
            name: name.to_string(),
            dob: Some(dob.to_string()),
            nationality: Some(nationality.to_string()),
            document: None,
            truth: Truth { expected: None, variation: Variation::Innocent },
        }
    };
    order.into_iter().map(traveller).collect()
}

/// How alike two names are: the mean over the words of the first of the best likeness to a word of the second.
fn alike(a: &str, b: &str) -> u32 {
    let words: Vec<&str> = a.split(' ').collect();
    let best = |word: &&str| b.split(' ').map(|other| likeness(word, other).parts()).max().unwrap_or(0);
    words.iter().map(best).sum::<u32>() / words.len().max(1) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, lists};

    #[test]
    fn five_of_whom_two_are_listed() {
        for seed in 0..5 {
            let world = lists(&Config { seed, people: 2_000 });
            let five = demo_travellers(&world);
            let expected: Vec<Variation> = five.iter().map(|traveller| traveller.truth.variation).collect();
            use Variation::{Exact, Innocent, Misspelt};
            assert_eq!(expected, [Innocent, Exact, Innocent, Misspelt, Innocent]);
            let listed: Vec<_> = world.people().flat_map(|subject| subject.lookout.names).collect();
            assert!(listed.iter().any(|name| name.full == five[1].name));
            assert!(listed.iter().all(|name| name.full != five[3].name));
            for innocent in [&five[0], &five[2], &five[4]] {
                let most = listed.iter().map(|name| alike(&innocent.name, &name.full)).max().expect("a list");
                assert!(most < 450_000, "{} resembles somebody: {most}", innocent.name);
            }
        }
        assert!(demo_travellers(&lists(&Config { seed: 1, people: 0 })).is_empty());
    }
}
