//! How a name comes to be written differently: slips, romanisations, order, machine-readable zones.

use model::screen::Score;

use crate::name::PersonName;
use crate::rng::Rng;

/// How a traveller's data differ from the list's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variation {
    /// As listed.
    Exact,
    /// Under a listed alias.
    Alias,
    /// One slip of writing.
    Misspelt,
    /// Family name first.
    Swapped,
    /// Another romanisation.
    Transliterated,
    /// In the original script.
    OriginalScript,
    /// Without the middle name.
    MissingMiddle,
    /// As in a machine-readable zone: capitals without marks, family name first, cut to 39 characters.
    Mrz,
    /// As listed, of the birth date the year alone.
    YearOnly,
    /// Not on the list.
    Innocent,
}

impl Variation {
    /// The code in the truth file.
    pub fn code(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Alias => "alias",
            Self::Misspelt => "misspelt",
            Self::Swapped => "swapped",
            Self::Transliterated => "transliterated",
            Self::OriginalScript => "original-script",
            Self::MissingMiddle => "missing-middle",
            Self::Mrz => "mrz",
            Self::YearOnly => "year-only",
            Self::Innocent => "innocent",
        }
    }
}

/// A name under a variation; none where the variation leaves it as it was.
pub(crate) fn vary(name: &PersonName, aliases: &[String], variation: Variation, rng: &mut Rng) -> Option<String> {
    let full = name.full();
    match variation {
        Variation::Exact | Variation::YearOnly => Some(full),
        Variation::Innocent => None,
        Variation::Alias => rng.pick(aliases).cloned(),
        Variation::Misspelt => misspell(&full, rng),
        Variation::Swapped => {
            let given = full.strip_suffix(&name.family).unwrap_or(&full).trim();
            Some(format!("{} {given}", name.family))
        }
        Variation::Transliterated => romanise(&full, rng),
        Variation::OriginalScript => name.original.clone(),
        Variation::MissingMiddle => name.middle.as_ref().map(|_| format!("{} {}", name.given, name.family)),
        Variation::Mrz => Some(mrz(name)),
    }
}

/// Makes one slip in the longest word: two letters swapped, one left out, doubled or replaced. Its first letter stays.
pub(crate) fn misspell(full: &str, rng: &mut Rng) -> Option<String> {
    let mut words: Vec<String> = full.split(' ').map(str::to_string).collect();
    let longest = words.iter_mut().max_by_key(|word| word.chars().count())?;
    let letters: Vec<char> = longest.chars().collect();
    // A particle such as `al-` is no place for a slip.
    let first = letters.iter().position(|letter| *letter == '-').map_or(1, |dash| dash + 2);
    if letters.len() < first + 4 {
        return None;
    }
    for _ in 0..20 {
        let mut letters = letters.clone();
        let at = rng.between(first, letters.len() - 2);
        match rng.below(4) {
            0 => letters.swap(at, at + 1),
            1 => {
                letters.remove(at);
            }
            2 => letters.insert(at, letters[at]),
            _ => letters[at] = *rng.pick(&['a', 'e', 'i', 'o', 'u', 'n', 'r', 't'])?,
        }
        let slipped: String = letters.into_iter().collect();
        if slipped != *longest {
            *longest = slipped;
            return Some(words.join(" "));
        }
    }
    None
}

/// Another romanisation: up to two habits of writers in which romanisations differ.
pub(crate) fn romanise(full: &str, rng: &mut Rng) -> Option<String> {
    const HABITS: [(&str, &str); 38] = [
        ("al-", "el-"),
        ("al-", "al "),
        ("kh", "h"),
        ("q", "k"),
        ("ou", "u"),
        ("oub", "ub"),
        ("mm", "m"),
        ("ss", "s"),
        ("sh", "ch"),
        ("zh", "j"),
        ("ev", "iev"),
        ("ya", "ia"),
        ("yu", "iu"),
        ("ei", "ey"),
        ("ai", "ay"),
        ("sky", "skii"),
        ("ks", "x"),
        ("ov", "off"),
        ("aw", "aou"),
        ("j", "dj"),
        ("ch", "tch"),
        ("x", "hs"),
        ("zh", "ch"),
        ("qi", "chi"),
        ("ö", "oe"),
        ("ü", "ue"),
        ("ä", "ae"),
        ("ş", "sh"),
        ("ğ", "g"),
        ("ç", "ch"),
        ("ı", "i"),
        ("ñ", "n"),
        ("é", "e"),
        ("è", "e"),
        ("í", "i"),
        ("á", "a"),
        ("w", "v"),
        ("ee", "i"),
    ];
    let lower = full.to_lowercase();
    let usable: Vec<&(&str, &str)> = HABITS.iter().filter(|(from, _)| lower.contains(from)).collect();
    let mut text = lower.clone();
    for _ in 0..rng.between(1, 2) {
        let (from, to) = rng.pick(&usable)?;
        text = text.replacen(from, to, 1);
    }
    (text != lower).then(|| capitals(&text))
}

fn capitals(text: &str) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for at in 0..text.len() {
        let starts = at == 0 || matches!(text[at - 1], ' ' | '-');
        let particle = starts && text[at..].starts_with(&['a', 'l', '-']) || text[at..].starts_with(&['e', 'l', '-']);
        if starts
            && !particle
            && let Some(upper) = text[at].to_uppercase().next()
        {
            text[at] = upper;
        }
    }
    text.into_iter().collect()
}

fn mrz(name: &PersonName) -> String {
    const WIDTH: usize = 39;
    let given = match &name.middle {
        Some(middle) => format!("{} {middle}", name.given),
        None => name.given.clone(),
    };
    let text: String = format!("{} {given}", name.family).chars().flat_map(plain).collect();
    text.chars().take(WIDTH).collect::<String>().trim_end().to_string()
}

/// A letter as passports write it: capitals, marks left out or spelt out (ICAO Doc 9303 part 3).
fn plain(letter: char) -> Vec<char> {
    let text = match letter.to_lowercase().next().unwrap_or(letter) {
        'ä' => "AE",
        'ö' => "OE",
        'ü' => "UE",
        'ñ' => "N",
        'á' | 'à' | 'â' => "A",
        'é' | 'è' | 'ê' | 'ë' => "E",
        'í' | 'î' | 'ï' | 'ı' => "I",
        'ó' | 'ô' => "O",
        'ú' | 'û' => "U",
        'ç' => "C",
        'ş' => "S",
        'ğ' => "G",
        '-' => " ",
        // What is left of a dotted capital I when it is made small.
        '\u{307}' | '\'' => "",
        _ => return letter.to_uppercase().collect(),
    };
    text.chars().collect()
}

/// How alike two words are, by the pairs of letters they share (Dice), so that the demo can choose who resembles nobody.
pub(crate) fn likeness(a: &str, b: &str) -> Score {
    let pairs = |text: &str| {
        let letters: Vec<char> = text.to_lowercase().chars().collect();
        letters.windows(2).map(|pair| (pair[0], pair[1])).collect::<Vec<_>>()
    };
    let (a, mut b) = (pairs(a), pairs(b));
    let total = a.len() + b.len();
    let shared =
        a.iter().filter(|pair| b.iter().position(|other| other == *pair).map(|at| b.swap_remove(at)).is_some()).count();
    Score::from_parts((shared * 2_000_000).checked_div(total).unwrap_or(0) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> PersonName {
        let text = |text: &str| text.to_string();
        PersonName {
            given: text("Günter"),
            middle: Some(text("Karl")),
            family: text("von Mühlstätter"),
            original: None,
        }
    }

    #[test]
    fn each_variation_changes_what_it_says() {
        let mut rng = Rng::new(1, 1, 1);
        let mut with = |variation| vary(&sample(), &[], variation, &mut rng);
        assert_eq!(with(Variation::Mrz).as_deref(), Some("VON MUEHLSTAETTER GUENTER KARL"));
        assert_eq!(with(Variation::Swapped).as_deref(), Some("von Mühlstätter Günter Karl"));
        assert_eq!(with(Variation::MissingMiddle).as_deref(), Some("Günter von Mühlstätter"));
        assert_eq!(with(Variation::OriginalScript), None);
        assert_eq!(with(Variation::Alias), None);
        for _ in 0..200 {
            let slip = with(Variation::Misspelt).expect("a long word");
            assert_ne!(slip, sample().full());
            assert!(slip.chars().count().abs_diff(sample().full().chars().count()) <= 1);
        }
        let other = with(Variation::Transliterated).expect("has marks");
        assert_ne!(other, sample().full());
    }

    #[test]
    fn particles_stay_small_and_likeness_has_its_ends() {
        assert_eq!(capitals("khalid al-harbani"), "Khalid al-Harbani");
        assert_eq!(likeness("abc", "abc"), Score::MAX);
        assert_eq!(likeness("abc", "xyz"), Score::default());
        assert_eq!(likeness("", ""), Score::default());
    }
}
