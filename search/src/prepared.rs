//! Questions and records made ready once: tokens and keys.
//!
//! A record's keys are computed on first use: scoring needs only its tokens, the index and the queue need the keys. Assumes
//! one version of the tables for all that is compared.

use std::sync::OnceLock;

use model::lookout::{Lookout, Name, NameKind, NumberKind, normalise_number};
use model::screen::Query;

use crate::bound::{Bound, Shared};
use crate::keys::{self, KeySet, Tie};
use crate::normalise::{Token, normalise};
use crate::tables::Tables;

/// A key of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryKey {
    pub text: String,
    /// What a record shares that has the key.
    pub shared: Shared,
}

/// A question, ready to be compared with records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedQuery {
    pub(crate) tokens: Vec<Token>,
    /// Sorted by text, each once.
    keys: Vec<QueryKey>,
    bound: Bound,
    numbers: Vec<(NumberKind, String)>,
}

impl PreparedQuery {
    /// Prepares a question.
    pub fn new(query: &Query, tables: &Tables) -> Self {
        let tokens = query.name.as_deref().map(|name| normalise(name, tables)).unwrap_or_default();
        let numbers = query.numbers().into_iter().map(|(kind, number)| (kind, normalise_number(number)));
        let numbers: Vec<_> = numbers.filter(|(_, number)| !number.is_empty()).collect();
        let mut keys = Vec::new();
        for (kind, number) in &numbers {
            keys.push(QueryKey { text: keys::number(*kind, number), shared: Shared::NUMBER });
        }
        let bound = Bound::new(query, &tokens);
        name_keys(&tokens, &bound, tables, &mut keys);
        keys.sort_unstable_by(|a, b| a.text.cmp(&b.text));
        keys.dedup_by(|next, kept| {
            let same = next.text == kept.text;
            if same {
                kept.shared |= next.shared;
            }
            same
        });
        Self { tokens, keys, bound, numbers }
    }

    /// The keys to look up, sorted.
    pub fn keys(&self) -> &[QueryKey] {
        &self.keys
    }

    /// Whether a record is a candidate of which all shared keys say this.
    pub fn accepts(&self, shared: Shared) -> bool {
        self.bound.admits(shared)
    }

    /// The numbers asked for, normalised.
    pub fn numbers(&self) -> &[(NumberKind, String)] {
        &self.numbers
    }
}

/// Adds the keys of a question's name.
fn name_keys(tokens: &[Token], bound: &Bound, tables: &Tables, keys: &mut Vec<QueryKey>) {
    let bit = |at: usize| bound.word_of[at].map_or(0, |word| 1 << word);
    for (at, token) in tokens.iter().enumerate().filter(|(at, _)| bit(*at) != 0) {
        let mut add = |tie, text| keys.push(QueryKey { text, shared: Shared::words(tie, bit(at)) });
        keys::of_token(token, tables, &mut add);
        keys::of_asked(token, &mut add);
    }
    for (from, len) in keys::runs(tokens) {
        let bits = (from..from + len).fold(0, |bits, at| bits | bit(at));
        if bits != 0
            && let Some(joined) = keys::joined(&tokens[from..from + len])
        {
            keys::of_joined(&joined, &mut |tie, text| {
                keys.push(QueryKey { text, shared: Shared::words(tie, bits) });
            });
        }
    }
}

/// A name of a record, ready to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedName {
    pub(crate) tokens: Box<[Token]>,
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
    pub(crate) numbers: Box<[(NumberKind, String)]>,
    keys: OnceLock<KeySet>,
}

impl PreparedRecord {
    /// Prepares a record.
    pub fn new(lookout: &Lookout, tables: &Tables) -> Self {
        let mut names = Vec::with_capacity(lookout.names.len());
        for (at, name) in lookout.names.iter().enumerate() {
            let whole =
                PreparedName { tokens: full_tokens(name, tables), kind: name.kind, name: at as u16, original: false };
            names.push(whole);
            if let Some(original) = &name.original {
                let tokens = normalise(original, tables).into();
                names.push(PreparedName { tokens, kind: name.kind, name: at as u16, original: true });
            }
        }
        names.retain(|name| !name.tokens.is_empty());
        Self { names: names.into(), numbers: lookout.exact_numbers().into(), keys: OnceLock::new() }
    }

    /// The keys under which the record is found; computed once.
    pub fn keys(&self, tables: &Tables) -> &KeySet {
        self.keys.get_or_init(|| {
            let mut keys: Vec<String> = self.numbers.iter().map(|(kind, number)| keys::number(*kind, number)).collect();
            let mut add = |_: Tie, key: String| keys.push(key);
            for PreparedName { tokens, .. } in &self.names {
                for token in tokens {
                    keys::of_token(token, tables, &mut add);
                    keys::of_held(token, &mut add);
                }
                for joined in keys::runs(tokens).filter_map(|(from, len)| keys::joined(&tokens[from..from + len])) {
                    keys::of_joined(&joined, &mut add);
                }
            }
            KeySet::new(keys)
        })
    }
}

/// The tokens of a name, the given ones marked where the source tells them apart. A family name that the full form left
/// out is added: sources differ in what they call full.
fn full_tokens(name: &Name, tables: &Tables) -> Box<[Token]> {
    let mut tokens = normalise(&name.full, tables);
    let family = name.family.as_deref().map(|text| normalise(text, tables)).unwrap_or_default();
    let given = name.given.as_deref().map(|text| normalise(text, tables)).unwrap_or_default();
    let among = |tokens: &[Token], token: &Token| tokens.iter().any(|other| other.latin == token.latin);
    for token in &mut tokens {
        token.given = !family.is_empty() && among(&given, token) && !among(&family, token);
    }
    let missing: Vec<Token> = family.into_iter().filter(|token| !among(&tokens, token)).collect();
    tokens.extend(missing);
    tokens.truncate(crate::normalise::TOKENS_MAX);
    tokens.into()
}
