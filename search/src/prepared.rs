//! Questions and records made ready once: the words of their names, their numbers, and what a record must share at least.
//!
//! Assumes one version of the tables for all that is compared.

use model::date::BirthDate;
use model::lookout::{Lookout, Name, NameKind};
use model::number::{Number, NumberKey};
use model::screen::Query;

use crate::normalise::{TOKENS_MAX, Token, normalise, readings};
use crate::score;
use crate::tables::Tables;
use crate::words::Reading;

/// A question, ready to be compared with records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedQuery {
    /// The ways in which the name is read; none without a name.
    pub(crate) readings: Vec<Reading>,
    /// Hundredths of a bit that a hit needs at least, and what the nationality may add to them.
    pub(crate) enough: i32,
    pub(crate) country_most: i32,
    pub(crate) birth_date: Option<BirthDate>,
    /// The numbers asked for.
    pub(crate) numbers: Vec<Number>,
    number_keys: Vec<NumberKey>,
}

impl PreparedQuery {
    /// Prepares a question.
    pub fn new(query: &Query, tables: &Tables) -> Self {
        let read = query.name.as_deref().map(|name| readings(name, tables)).unwrap_or_default();
        let read = read.into_iter().filter(|tokens| !tokens.is_empty());
        let numbers: Vec<_> = query.numbers().into_iter().map(|(kind, number)| Number::new(kind, number)).collect();
        let number_keys = numbers.iter().flat_map(Number::keys).collect();
        let readings: Vec<Reading> = read.map(|tokens| Reading::new(tokens, tables)).collect();
        let (enough, country_most) = (score::enough(query.threshold), score::country_most(query));
        Self { enough, country_most, birth_date: query.birth_date, readings, numbers, number_keys }
    }

    /// The keys of the numbers asked for: whoever has one of them is scored. At most `number::KEYS_MAX` a number.
    pub fn number_keys(&self) -> &[NumberKey] {
        &self.number_keys
    }
}

/// A name of a record, ready to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedName {
    pub(crate) tokens: Box<[Token]>,
    /// A bit for each token of the family name, where it is known.
    pub(crate) family: u32,
    pub(crate) kind: NameKind,
    /// Which name of the lookout it is.
    pub(crate) name: u16,
    /// Whether it is that name in its original script.
    pub(crate) original: bool,
}

/// A record, ready to be compared with questions.
#[derive(Debug, Clone)]
pub struct PreparedRecord {
    pub(crate) names: Box<[PreparedName]>,
    /// Sorted.
    pub(crate) numbers: Box<[NumberKey]>,
    pub(crate) birth_dates: Box<[BirthDate]>,
}

impl PreparedRecord {
    /// Prepares a record.
    pub fn new(lookout: &Lookout, tables: &Tables) -> Self {
        let mut names = Vec::with_capacity(lookout.names.len());
        for (at, name) in lookout.names.iter().enumerate() {
            let mut add = |tokens: Box<[Token]>, family, original| {
                names.push(PreparedName { tokens, family, kind: name.kind, name: at as u16, original });
            };
            let (tokens, family) = full_tokens(name, tables);
            add(tokens, family, false);
            for original in name.original.iter().flat_map(|original| readings(original, tables)) {
                add(original.into(), 0, true);
            }
        }
        names.retain(|name| !name.tokens.is_empty());
        let birth_dates = lookout.birth_dates.clone().into();
        Self { names: names.into(), numbers: lookout.number_keys().into(), birth_dates }
    }

    /// The same record without its weak aliases.
    pub(crate) fn without_weak_aliases(&self) -> Self {
        let names = self.names.iter().filter(|name| name.kind != NameKind::WeakAlias).cloned().collect();
        Self { names, ..self.clone() }
    }

    /// The words of all names, each once, sorted.
    pub(crate) fn words(&self) -> Vec<&Token> {
        let mut words: Vec<&Token> = self.names.iter().flat_map(|name| &name.tokens).collect();
        words.sort_by(|a, b| a.text.cmp(&b.text));
        words.dedup_by(|a, b| a.text == b.text);
        words
    }
}

/// The tokens of a name, and which of them are of the family name, a bit each. A family name that the full form left out is
/// added: sources differ in what they call full.
fn full_tokens(name: &Name, tables: &Tables) -> (Box<[Token]>, u32) {
    let mut tokens = normalise(&name.full, tables);
    let family: Vec<Token> = name.family.iter().flat_map(|family| normalise(family, tables)).collect();
    for token in &family {
        if !tokens.iter().any(|other| other.text == token.text) {
            tokens.push(token.clone());
        }
    }
    tokens.truncate(TOKENS_MAX);
    let of_family = |token: &Token| family.iter().any(|other| other.text == token.text);
    let bits = tokens.iter().enumerate().fold(0, |bits, (at, token)| bits | u32::from(of_family(token)) << at);
    (tokens.into(), bits)
}
