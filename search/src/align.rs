//! The words of a question against the words of one name: which meet, what is left over, and how well the two names agree.
//!
//! Best pairs first, each word used once; neighbours may meet one joined word. Bounded by `TOKENS_MAX` squared. Assumes that
//! what is equally good is taken in the order of the words, so that the result never varies. How high an alignment can get
//! with some words only stands in `bound.rs`: change both together.

use crate::keys;
use crate::normalise::Token;
use crate::similarity::{self, How, Likeness};

/// Least weight of a word that speaks for or against a name (a given name counts four fifths).
pub const SIGNIFICANT: u32 = 36;
/// Least weight and likeness of a word that carries a name alone.
pub const STRONG: u32 = 80;
pub const STRONG_PARTS: u32 = 950;
/// Two words that weigh less than this together are both frequent.
pub const FREQUENT_ONLY: u32 = 130;
/// Agreement of names that share initials alone, at most.
pub const INITIALS_ONLY: u32 = 4_000;

/// Words that were taken for one; each range is where it begins and how many words it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pair {
    query: (usize, usize),
    name: (usize, usize),
    like: Likeness,
    weight: u32,
}

/// How two names agree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alignment {
    /// 0 to 10,000.
    pub agreement: u32,
    /// The reasons in which words were taken for one, each once.
    pub how: Vec<How>,
    /// The order of the words differs.
    pub swapped: bool,
    /// Words of the question that the name lacks.
    pub query_left: bool,
    /// Words of the name that the question lacks.
    pub name_left: bool,
}

/// Compares the words of a question with the words of a name.
pub fn align(query: &[Token], name: &[Token]) -> Alignment {
    let pairs = choose(pairs(query, name), query.len(), name.len());
    if pairs.is_empty() {
        return Alignment { query_left: true, name_left: true, ..Alignment::default() };
    }
    let used = |side: fn(&Pair) -> (usize, usize), at: usize| {
        pairs.iter().map(side).any(|(from, len)| (from..from + len).contains(&at))
    };
    let left = |tokens: &[Token], side: fn(&Pair) -> (usize, usize)| {
        let weights = tokens.iter().enumerate().filter(|(at, _)| !used(side, *at)).map(|(_, token)| token.weight());
        weights.fold((0, false), |(sum, significant), weight| (sum + weight, significant | (weight >= SIGNIFICANT)))
    };
    let (query_rest, query_left) = left(query, |pair| pair.query);
    let (name_rest, name_left) = left(name, |pair| pair.name);
    let met: u32 = pairs.iter().map(|pair| pair.weight).sum();
    let points: u32 = pairs.iter().map(|pair| pair.weight * pair.like.parts).sum();
    // What an initial stands for is mostly unknown, so the full word keeps half of its weight on its own side.
    let unknown = |tokens: &[Token], side: fn(&Pair) -> (usize, usize)| -> u32 {
        let initials = pairs.iter().filter(|pair| pair.like.how == How::Initial);
        initials.map(|pair| weight(tokens, side(pair)).saturating_sub(pair.weight) / 2).sum()
    };
    let of_query = points * 10 / (met + query_rest + unknown(query, |pair| pair.query)).max(1);
    let of_name = points * 10 / (met + name_rest + unknown(name, |pair| pair.name)).max(1);

    let significant: Vec<&Pair> = pairs.iter().filter(|pair| pair.weight >= SIGNIFICANT).collect();
    let asked = |pair: &Pair| &query[pair.query.0..pair.query.0 + pair.query.1];
    let words = significant.iter().flat_map(|pair| asked(pair)).filter(|token| token.class.carries()).count();
    let strong = |pair: &&Pair| {
        let weighs = pair.weight >= STRONG && asked(pair).iter().any(|token| token.weight() >= STRONG);
        weighs && pair.like.parts >= STRONG_PARTS
    };
    let lenience = lenience(words, significant.iter().any(strong), query_left && met < FREQUENT_ONLY);
    let (low, high) = (of_query.min(of_name), of_query.max(of_name));
    let mut agreement = (low * (1000 - lenience) + high * lenience) / 1000;
    if query_left && name_left {
        agreement = agreement * if words <= 1 { 850 } else { 930 } / 1000;
    }
    if pairs.iter().all(|pair| pair.like.how == How::Initial) {
        agreement = agreement.min(INITIALS_ONLY);
    }
    let turns = turns(&pairs);
    agreement = agreement * [1000, 970, 940][turns.min(2)] / 1000;
    let mut how: Vec<How> = pairs.iter().map(|pair| pair.like.how).collect();
    how.sort_unstable();
    how.dedup();
    Alignment { agreement, how, swapped: turns > 0, query_left, name_left }
}

/// How far the better agreeing side counts, in thousandths. One shared word must not carry a longer name, and least of all a
/// frequent word; with more shared words, what one side leaves out (a patronymic, a second family name) matters less, unless
/// only frequent words are shared and the question has more of them.
pub fn lenience(words: usize, strong: bool, frequent_only: bool) -> u32 {
    match words {
        0 => 150,
        1 if strong => 450,
        1 => 250,
        2 if frequent_only => 450,
        2 => 600,
        _ => 650,
    }
}

fn weight(tokens: &[Token], (from, len): (usize, usize)) -> u32 {
    tokens[from..from + len].iter().map(Token::weight).sum()
}

/// All words that could be one, alone or as neighbours.
fn pairs(query: &[Token], name: &[Token]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut add = |query_at: (usize, usize), name_at: (usize, usize), like: Option<Likeness>| {
        if let Some(like) = like {
            // A misspelt frequent word must not weigh as a rare one.
            let weight = weight(query, query_at).min(weight(name, name_at));
            pairs.push(Pair { query: query_at, name: name_at, like, weight });
        }
    };
    for (q, asked) in query.iter().enumerate() {
        for (n, held) in name.iter().enumerate() {
            add((q, 1), (n, 1), similarity::words(asked, held));
        }
    }
    for (from, len) in keys::runs(query) {
        for (n, held) in name.iter().enumerate() {
            add((from, len), (n, 1), similarity::joined(&query[from..from + len], held));
        }
    }
    for (from, len) in keys::runs(name) {
        for (q, asked) in query.iter().enumerate() {
            add((q, 1), (from, len), similarity::joined(&name[from..from + len], asked));
        }
    }
    pairs
}

/// The best pairs, each word once, in the order of the question.
fn choose(mut pairs: Vec<Pair>, query_len: usize, name_len: usize) -> Vec<Pair> {
    // Among equals, words in the same place first: `Ali Ali Hassan` keeps its order.
    pairs.sort_by_key(|pair| {
        let apart = pair.query.0.abs_diff(pair.name.0);
        (std::cmp::Reverse((pair.like.parts, pair.weight)), apart, pair.query, pair.name)
    });
    let (mut query_used, mut name_used) = (vec![false; query_len], vec![false; name_len]);
    let range = |(from, len): (usize, usize)| from..from + len;
    pairs.retain(|pair| {
        let free = !query_used[range(pair.query)].contains(&true) && !name_used[range(pair.name)].contains(&true);
        if free {
            query_used[range(pair.query)].fill(true);
            name_used[range(pair.name)].fill(true);
        }
        free
    });
    pairs.sort_by_key(|pair| pair.query);
    pairs
}

/// How often the order of the name turns back along the question. Particles may stand anywhere.
fn turns(pairs: &[Pair]) -> usize {
    let order: Vec<usize> =
        pairs.iter().filter(|pair| pair.weight >= SIGNIFICANT / 2).map(|pair| pair.name.0).collect();
    order.windows(2).filter(|pair| pair[1] < pair[0]).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::normalise;
    use crate::tables::Tables;
    use proptest::prelude::*;

    fn agreement(a: &str, b: &str) -> u32 {
        align(&normalise(a, Tables::shared()), &normalise(b, Tables::shared())).agreement
    }

    #[test]
    fn names_of_one_person_agree() {
        for (a, b, least) in [
            ("John Smith", "John Smith", 10_000),
            ("John Smith", "Smith, John", 10_000),
            ("John Smith", "Smith John", 9_500),
            ("Jon Smyth", "John Smith", 8_700),
            ("Abdul Rahman al-Zawahiri", "ABDURRAHMAN ZAWAHIRI", 8_500),
            ("Vladimir Putin", "Vladimir Vladimirovich PUTIN", 8_000),
            ("Osama bin Laden", "Usama bin Muhammad bin Awad BIN LADIN", 7_500),
            ("Xi Jinping", "习近平", 10_000),
        ] {
            let found = agreement(a, b);
            assert!(found >= least, "{a} / {b}: {found}");
        }
    }

    #[test]
    fn names_of_two_people_do_not() {
        for (a, b, most) in [
            ("George Bush", "George Habbash", 5_000),
            ("emma daniels", "EMMA LLC", 7_000),
            ("John Brown", "John Miller", 5_000),
            ("11420 CORP.", "BELLETECH CORP", 2_000),
            ("Mohammed Hassan", "Mohammed", 7_000),
            ("Maria Garcia", "Trading Company", 0),
        ] {
            let found = agreement(a, b);
            assert!(found <= most, "{a} / {b}: {found}");
        }
    }

    proptest! {
        #[test]
        fn agreement_is_bounded_and_a_name_agrees_with_itself(a in "[a-z]{1,9}( [a-z]{1,9}){0,4}", b in ".{0,40}") {
            prop_assert!(agreement(&a, &b) <= 10_000);
            prop_assert!(agreement(&b, &a) <= 10_000);
            prop_assert_eq!(agreement(&a, &a), if normalise(&a, Tables::shared()).is_empty() { 0 } else { 10_000 });
        }
    }
}
