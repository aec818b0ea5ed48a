//! Two names laid beside each other: which word met which, so that together they say as much as they can (an optimal
//! assignment, not a greedy one), with neighbours written together or apart, and initials.

use rustc_hash::FxHashMap;

use crate::normalise::Token;
use crate::pair::{How, Likeness};
use crate::prepared::PreparedName;
use crate::tables::{Class, Tables};
use crate::words::{Kind, Reading};

/// What is lost when a name is written together here and apart there.
pub const JOINED: u32 = 150;
/// What an initial says that fits.
pub const INITIAL: u32 = 80;
/// Words of records that are remembered for one question.
const KNOWN_MAX: usize = 100_000;
/// Joins that are tried; a name has no more.
const JOINS_MAX: usize = 4;

/// Words that met: places in the question and in the name, and what they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Met {
    pub asked: (usize, usize),
    pub held: (usize, usize),
    pub likeness: Likeness,
}

/// Two names, laid beside each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alignment {
    /// In the order of the question.
    pub met: Vec<Met>,
    /// Hundredths of a bit that the words which met say.
    pub total: u32,
    /// How many words carry a name and met none.
    pub asked_left: u32,
    pub held_left: u32,
    /// Of these, words that many firms have.
    pub asked_business: u32,
    pub held_business: u32,
    /// Whether the record's family name is known and none of its words met one.
    pub family_left: bool,
    /// How unlikely the words that met are written so, together.
    pub cost: u32,
    /// How often the name goes back where the question goes on.
    pub turns: u32,
    pub initials: u32,
    /// Words that met and carry a name, and their letters in the question.
    pub words: u32,
    pub letters: u32,
    /// Whether every word that carries a name, of either side, met one, and how unlikely it is to write them so.
    pub whole: Option<u32>,
    /// Whether the one name has a legal form and the other none.
    pub company: bool,
}

/// What the words of a reading say of words that were met before: records of one question share most of theirs.
#[derive(Debug, Default)]
pub struct Known {
    of: Vec<FxHashMap<Box<str>, Option<Likeness>>>,
    size: usize,
}

impl Known {
    fn likeness(&mut self, reading: &Reading, at: usize, held: &Token, tables: &Tables) -> Option<Likeness> {
        if self.of.len() < reading.words.len() || self.size > KNOWN_MAX {
            (self.of, self.size) = (vec![FxHashMap::default(); reading.words.len()], 0);
        }
        if let Some(known) = self.of[at].get(&held.text) {
            return *known;
        }
        let likeness = reading.words[at].likeness(held, tables);
        self.of[at].insert(held.text.clone(), likeness);
        self.size += 1;
        likeness
    }
}

/// Lays a name beside the question. `known` is of this reading.
pub fn align(reading: &Reading, name: &PreparedName, known: &mut Known, tables: &Tables) -> Alignment {
    let (asked, held) = (&reading.tokens, &name.tokens);
    let mut likenesses = vec![vec![None; held.len()]; asked.len()];
    let mut joins: Vec<Met> = Vec::new();
    for (number, word) in reading.words.iter().enumerate() {
        for (at, token) in held.iter().enumerate() {
            let Some(likeness) = known.likeness(reading, number, token, tables) else { continue };
            match word.kind {
                Kind::Single => likenesses[word.from][at] = Some(likeness),
                Kind::Stripped => {
                    let here: &mut Option<Likeness> = &mut likenesses[word.from][at];
                    if here.is_none_or(|other| other.bits < likeness.bits) {
                        *here = Some(likeness);
                    }
                }
                Kind::Joined => joins.push(Met { asked: (word.from, word.len), held: (at, 1), likeness }),
            }
        }
        if word.kind == Kind::Single {
            for at in 1..held.len() {
                let both = &held[at - 1..=at];
                if let Some(likeness) = word.written_apart(both, tables) {
                    joins.push(Met { asked: (word.from, 1), held: (at - 1, 2), likeness });
                }
            }
        }
    }
    // Words that stand more than once are one word with several places.
    for (at, token) in asked.iter().enumerate() {
        if let Some(first) = asked[..at].iter().position(|other| other.text == token.text) {
            likenesses[at] = likenesses[first].clone();
        }
    }
    let mut met = assign(&likenesses, &[]);
    joins.sort_by(|a, b| b.likeness.bits.cmp(&a.likeness.bits).then((a.asked, a.held).cmp(&(b.asked, b.held))));
    let mut taken: Vec<Met> = Vec::new();
    for join in joins.into_iter().take(JOINS_MAX) {
        if taken.iter().any(|other| overlap(other.asked, join.asked) || overlap(other.held, join.held)) {
            continue;
        }
        let mut with = taken.clone();
        with.push(join);
        let other = assign(&likenesses, &with);
        if total(&other) > total(&met) {
            met = other;
            taken = with;
        }
    }
    finish(met, asked, held, name.family)
}

pub(crate) fn overlap(a: (usize, usize), b: (usize, usize)) -> bool {
    a.0 < b.0 + b.1 && b.0 < a.0 + a.1
}

fn total(met: &[Met]) -> u32 {
    met.iter().map(|met| met.likeness.bits).sum()
}

/// The best assignment of words to words, those of joins taken.
fn assign(likenesses: &[Vec<Option<Likeness>>], joins: &[Met]) -> Vec<Met> {
    let free = |at: usize, part: fn(&Met) -> (usize, usize)| !joins.iter().any(|join| overlap(part(join), (at, 1)));
    let rows: Vec<usize> = (0..likenesses.len()).filter(|at| free(*at, |met| met.asked)).collect();
    let columns = likenesses.first().map_or(0, Vec::len);
    let columns: Vec<usize> = (0..columns).filter(|at| free(*at, |met| met.held)).collect();
    let bits = |row: usize, column: usize| likenesses[rows[row]][columns[column]].map_or(0, |likeness| likeness.bits);
    let mut met = joins.to_vec();
    for (row, column) in assignment(rows.len(), columns.len(), bits) {
        if let Some(likeness) = likenesses[rows[row]][columns[column]] {
            met.push(Met { asked: (rows[row], 1), held: (columns[column], 1), likeness });
        }
    }
    met.sort_by_key(|met| met.asked);
    met
}

/// The assignment of rows to columns with the highest sum (Hungarian method, shortest paths); of equal ones, always the same.
fn assignment(rows: usize, columns: usize, bits: impl Fn(usize, usize) -> u32) -> Vec<(usize, usize)> {
    if rows == 0 || columns == 0 {
        return Vec::new();
    }
    let turned = rows > columns;
    let (n, m) = if turned { (columns, rows) } else { (rows, columns) };
    let cost = |row: usize, column: usize| -i64::from(if turned { bits(column, row) } else { bits(row, column) });
    let (mut of_row, mut of_column) = (vec![0i64; n + 1], vec![0i64; m + 1]);
    let mut row_of = vec![0usize; m + 1];
    for row in 1..=n {
        row_of[0] = row;
        let (mut least, mut used, mut way) = (vec![i64::MAX; m + 1], vec![false; m + 1], vec![0usize; m + 1]);
        let mut column = 0;
        loop {
            used[column] = true;
            let (from, mut delta, mut next) = (row_of[column], i64::MAX, 0);
            for other in 1..=m {
                if used[other] {
                    continue;
                }
                let reduced = cost(from - 1, other - 1) - of_row[from] - of_column[other];
                if reduced < least[other] {
                    (least[other], way[other]) = (reduced, column);
                }
                if least[other] < delta {
                    (delta, next) = (least[other], other);
                }
            }
            for other in 0..=m {
                if used[other] {
                    of_row[row_of[other]] += delta;
                    of_column[other] -= delta;
                } else if least[other] != i64::MAX {
                    least[other] -= delta;
                }
            }
            column = next;
            if row_of[column] == 0 {
                break;
            }
        }
        while column != 0 {
            let before = way[column];
            row_of[column] = row_of[before];
            column = before;
        }
    }
    let pairs = (1..=m).filter(|column| row_of[*column] != 0).map(|column| (row_of[column] - 1, column - 1));
    pairs.map(|(row, column)| if turned { (column, row) } else { (row, column) }).collect()
}

/// Whether a word of a name carries it; where none does, all do.
pub(crate) fn carries(tokens: &[Token], token: &Token) -> bool {
    token.carries || !tokens.iter().any(|token| token.carries)
}

/// Adds initials, counts what is left and how often the order turns.
fn finish(mut met: Vec<Met>, asked: &[Token], held: &[Token], family: u32) -> Alignment {
    let open =
        |met: &[Met], at: usize, part: fn(&Met) -> (usize, usize)| !met.iter().any(|met| overlap(part(met), (at, 1)));
    for (at, token) in asked.iter().enumerate() {
        if !open(&met, at, |met| met.asked) {
            continue;
        }
        let fits = |other: &Token| {
            let initial = |one: &Token, other: &Token| {
                one.class == Class::Initial && other.class.carries() && other.text.starts_with(&*one.text)
            };
            initial(token, other) || initial(other, token)
        };
        let found = (0..held.len()).find(|other| open(&met, *other, |met| met.held) && fits(&held[*other]));
        if let Some(other) = found {
            met.push(Met {
                asked: (at, 1),
                held: (other, 1),
                likeness: Likeness { bits: INITIAL, how: How::Initial, cost: 0 },
            });
        }
    }
    met.sort_by_key(|met| met.asked);
    let mut alignment = Alignment { total: total(&met), ..Alignment::default() };
    let left = |tokens: &[Token], part: fn(&Met) -> (usize, usize)| {
        let free = tokens.iter().enumerate().filter(|(at, token)| carries(tokens, token) && open(&met, *at, part));
        free.fold((0, 0), |(all, firms), (_, token)| (all + 1, firms + u32::from(token.class == Class::Business)))
    };
    (alignment.asked_left, alignment.asked_business) = left(asked, |met| met.asked);
    (alignment.held_left, alignment.held_business) = left(held, |met| met.held);
    let of_family = |at: usize| family >> at & 1 == 1 && carries(held, &held[at]);
    let (known, lost) = (0..held.len())
        .filter(|at| of_family(*at))
        .fold((false, true), |(_, lost), at| (true, lost && open(&met, at, |met| met.held)));
    alignment.family_left = known && lost;
    let held_by = |met: &Met| asked[met.asked.0..met.asked.0 + met.asked.1].iter().any(|token| carries(asked, token));
    let carried: Vec<&Met> = met.iter().filter(|met| held_by(met)).collect();
    alignment.turns = carried.windows(2).filter(|pair| pair[1].held.0 < pair[0].held.0).count() as u32;
    alignment.initials = met.iter().filter(|met| met.likeness.how == How::Initial).count() as u32;
    let in_full = || carried.iter().filter(|met| met.likeness.how != How::Initial);
    alignment.words = in_full().map(|met| met.asked.1.max(met.held.1) as u32).sum();
    alignment.cost = carried.iter().map(|met| met.likeness.cost).sum();
    let letters =
        |met: &Met| asked[met.asked.0..met.asked.0 + met.asked.1].iter().map(|token| token.letters()).sum::<u32>();
    alignment.letters = in_full().map(|met| letters(met)).sum();
    let whole = alignment.words > 0 && alignment.initials + alignment.asked_left + alignment.held_left == 0;
    alignment.whole = whole.then(|| carried.iter().map(|met| met.likeness.cost).sum());
    let company = |tokens: &[Token]| tokens.iter().any(|token| token.class == Class::LegalForm);
    alignment.company = company(held) != company(asked);
    alignment.met = met;
    alignment
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn best(rows: usize, columns: usize, bits: &[Vec<u32>], used: &mut Vec<bool>) -> u32 {
        if rows == 0 {
            return 0;
        }
        let skipped = best(rows - 1, columns, bits, used);
        let mut most = skipped;
        for column in 0..columns {
            if !used[column] {
                used[column] = true;
                most = most.max(bits[rows - 1][column] + best(rows - 1, columns, bits, used));
                used[column] = false;
            }
        }
        most
    }

    proptest! {
        #[test]
        fn no_assignment_says_more(rows in 1usize..5, columns in 1usize..5, numbers in proptest::collection::vec(0u32..20, 16)) {
            let bits: Vec<Vec<u32>> = numbers.chunks(4).map(<[u32]>::to_vec).collect();
            let found = assignment(rows, columns, |row, column| bits[row][column]);
            let sum: u32 = found.iter().map(|(row, column)| bits[*row][*column]).sum();
            prop_assert_eq!(sum, best(rows, columns, &bits, &mut vec![false; columns]));
        }
    }
}
