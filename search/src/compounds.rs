//! Arabic compounds, which some write as one word and some as two or three: `Abd al-Rahman`, `Abdurrahman`; `Salah ud-Din`;
//! `Nasr Allah`. Written in one way, they are one word with one rarity, and its parts find nobody alone.

use crate::normalise::Word;
use crate::script::Script;

const ARABIC_ARTICLE: &str = "ال";
const ARABIC_SERVANT: [&str; 4] = ["عبد", "عبدال", "عبدول", "عبدل"];
const ARTICLES: [&str; 26] = [
    "al", "el", "ul", "ur", "ud", "us", "ar", "ad", "as", "ash", "an", "az", "at", "il", "ol", "or", "er", "ed", "ez",
    "es", "аль", "ал", "ар", "эль", "эр", "ас",
];
const SERVANT: [&str; 16] = [
    "abd",
    "abdul",
    "abdel",
    "abdal",
    "abdu",
    "abdoul",
    "abdur",
    "abdus",
    "abdol",
    "abdool",
    "abdil",
    "abdou",
    "абд",
    "абдул",
    "абдель",
    "абдуль",
];
const FAITH: [&str; 14] = [
    "din",
    "deen",
    "dine",
    "uddin",
    "eddin",
    "eddine",
    "aldin",
    "addin",
    "uddeen",
    "aldeen",
    "eldin",
    "eldine",
    "дин",
    "эддин",
];
const GOD: [&str; 8] = ["allah", "ullah", "ollah", "alla", "ulla", "llah", "аллах", "улла"];

/// A compound that is written as one word, in the one way that [`joined`] writes those in several: `Abdurrahman`,
/// `Abdelrahman`, `Nureddine`, `Nasrallah`.
pub(crate) fn in_one_word(word: &str) -> Option<String> {
    if word.len() < 7 {
        return None;
    }
    let consonant = |byte: Option<&u8>| byte.is_some_and(|byte| !b"aeiou".contains(byte));
    if let Some(rest) = word.strip_prefix("abd") {
        let rest = rest.strip_prefix("ou").or_else(|| rest.strip_prefix(['a', 'e', 'i', 'o', 'u']))?;
        let bytes = rest.as_bytes();
        // The article stays or becomes the consonant that follows.
        let doubled = consonant(bytes.first()) && bytes.first() == bytes.get(1) && !rest.starts_with("ll");
        let name = if doubled { Some(&rest[1..]) } else { rest.strip_prefix('l') };
        return name.filter(|name| name.len() >= 3).map(|name| format!("abdul{name}"));
    }
    let vowel_off = |text: &str| text.strip_suffix(['a', 'e', 'i', 'o', 'u']).map(str::to_string);
    for faith in ["dine", "din", "deen", "dean"] {
        if let Some(stem) = word.strip_suffix(faith).and_then(|stem| stem.strip_suffix(['d', 'l'])).and_then(vowel_off)
        {
            return Some(stem).filter(|stem| stem.len() >= 3).map(|stem| stem + "uddin");
        }
    }
    for god in ["lah", "la"] {
        if let Some(stem) = word.strip_suffix(god).and_then(|stem| stem.strip_suffix('l')).and_then(vowel_off) {
            return Some(stem).filter(|stem| stem.len() >= 4).map(|stem| stem + "ullah");
        }
    }
    None
}

/// Arabic compounds written apart become the one word that others write: `abd al rahman`, `shams ud din`, `nasr allah`. The
/// article of an Arabic word goes, which is no part of the name.
pub(crate) fn joined(words: Vec<Word>) -> Vec<Word> {
    let mut made: Vec<Word> = Vec::with_capacity(words.len());
    let mut rest = words.into_iter().peekable();
    while let Some(mut word) = rest.next() {
        let is = |list: &[&str], word: &Word| list.contains(&word.0.as_str());
        if word.1 == Script::Arabic {
            if ARABIC_SERVANT.contains(&word.0.as_str())
                && let Some(next) = rest.next_if(|next| next.1 == Script::Arabic)
            {
                // However the article is written, once.
                let name = next.0.strip_prefix(ARABIC_ARTICLE).unwrap_or(&next.0);
                word.0 = format!("عبدال{name}");
            } else if let Some(faith) = rest.next_if(|next| matches!(next.0.as_str(), "الدين" | "الله")) {
                word.0.push_str(&faith.0);
            }
            if let Some(bare) = word.0.strip_prefix(ARABIC_ARTICLE).filter(|bare| bare.chars().count() >= 3) {
                word.0 = bare.to_string();
            }
            made.push(word);
            continue;
        }
        let cyrillic = word.1 == Script::Cyrillic;
        if is(&SERVANT, &word) {
            let _ = rest.next_if(|next| is(&ARTICLES, next));
            if let Some(next) = rest.next_if(|next| next.1 == word.1 && next.0.chars().count() > 2) {
                let god = is(&GOD, &next);
                let text = match (cyrillic, god) {
                    (false, true) => "abdullah".to_string(),
                    (true, true) => "абдулла".to_string(),
                    (false, false) => format!("abdul{}", next.0),
                    (true, false) => format!("абдул{}", next.0),
                };
                made.push((text, word.1));
                continue;
            }
        }
        let last = made.len();
        let article = last >= 2 && is(&ARTICLES, &made[last - 1]);
        let compound = (is(&FAITH, &word) || is(&GOD, &word)) && last > usize::from(article);
        let before = last.wrapping_sub(1 + usize::from(article));
        if compound && made[before].1 == word.1 && made[before].0.chars().count() > 2 {
            let end = match (is(&GOD, &word), cyrillic) {
                (true, false) => "ullah",
                (true, true) => "улла",
                (false, false) => "uddin",
                (false, true) => "уддин",
            };
            made.truncate(before + 1);
            made[before].0.push_str(end);
            continue;
        }
        made.push(word);
    }
    made
}
