//! Questions and records made ready once: tokens and keys.
//!
//! A record's keys are computed on first use: scoring needs only its tokens, the index and the queue need the keys. Assumes
//! one version of the tables for all that is compared.

use std::sync::OnceLock;

use model::lookout::{Lookout, Name, NameKind, NumberKind, normalise_number};
use model::screen::Query;

use crate::keys::{self, KeySet};
use crate::normalise::{Token, normalise};
use crate::tables::{Class, Tables};

/// Words of a record from which only one edit is looked for, so that a hostile record stays bounded.
const TWO_EDITS_TOKENS_MAX: usize = 512;

/// A key of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryKey {
    pub text: String,
    /// Which words of the question it stands for, a bit each, or [`STRONG`].
    pub words: u64,
}

/// The bit of a key that makes a candidate alone. Words take the lower bits, since there are at most 32.
pub const STRONG: u64 = 1 << 63;

/// A question, ready to be compared with records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedQuery {
    pub(crate) tokens: Vec<Token>,
    /// Sorted by text, each once.
    keys: Vec<QueryKey>,
    need: u32,
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
            keys.push(QueryKey { text: keys::number(*kind, number), words: STRONG });
        }
        let words = name_keys(&tokens, tables, &mut keys);
        keys.sort_unstable_by(|a, b| a.text.cmp(&b.text));
        keys.dedup_by(|next, kept| {
            let same = next.text == kept.text;
            if same {
                kept.words |= next.words;
            }
            same
        });
        Self { tokens, keys, need: need(words), numbers }
    }

    /// The keys to look up, sorted.
    pub fn keys(&self) -> &[QueryKey] {
        &self.keys
    }

    /// Whether a record that shares keys of these words is a candidate.
    pub fn accepts(&self, words: u64) -> bool {
        words & STRONG != 0 || words.count_ones() >= self.need
    }

    /// The numbers asked for, normalised.
    pub fn numbers(&self) -> &[(NumberKind, String)] {
        &self.numbers
    }
}

/// Words that must be shared when all that is shared is frequent: one of one, two of up to four, half of more.
fn need(words: u32) -> u32 {
    match words {
        0 | 1 => 1,
        2..=4 => 2,
        more => more.div_ceil(2),
    }
}

/// Adds the keys of a question's name; returns how many words count.
fn name_keys(tokens: &[Token], tables: &Tables, keys: &mut Vec<QueryKey>) -> u32 {
    // A name of particles and initials alone is looked for by these.
    let bare = !tokens.iter().any(|token| token.class.carries());
    let mut bits = vec![0u64; tokens.len()];
    let mut words = 0;
    for (at, token) in tokens.iter().enumerate() {
        if !bare && !token.class.carries() {
            continue;
        }
        // A word that stands twice counts once.
        let earlier = tokens[..at].iter().position(|other| other.latin == token.latin && other.native == token.native);
        bits[at] = match earlier {
            Some(earlier) if bits[earlier] != 0 => bits[earlier],
            _ => {
                words += 1;
                1 << (words - 1)
            }
        };
        let frequent = token.class.frequent();
        let mut add = |text: String| {
            let weak = frequent || keys::is_short_code(&text) || tables.is_weak_key(&text);
            keys.push(QueryKey { text, words: bits[at] | if weak { 0 } else { STRONG } });
        };
        keys::of_token(token, tables, true, &mut add);
        // A full word meets the initial that a record has in its place.
        if let Some(text) = keys::initial(token) {
            keys.push(QueryKey { text, words: bits[at] });
        }
    }
    for (at, pair) in tokens.windows(2).enumerate() {
        let both = bits[at] | bits[at + 1];
        if both == 0 {
            continue;
        }
        let Some(joined) = keys::joined(&pair[0], &pair[1]) else { continue };
        let frequent = tables.entry(&joined).class.frequent();
        keys::of_joined(&joined, &mut |text| {
            let weak = frequent || tables.is_weak_key(&text);
            keys.push(QueryKey { text, words: both | if weak { 0 } else { STRONG } });
        });
    }
    words
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
            let two_edits = self.names.iter().map(|name| name.tokens.len()).sum::<usize>() <= TWO_EDITS_TOKENS_MAX;
            let mut add = |key: String| keys.push(key);
            for name in &self.names {
                for token in &name.tokens {
                    keys::of_token(token, tables, two_edits, &mut add);
                    if token.class == Class::Initial
                        && let Some(key) = keys::initial(token)
                    {
                        add(key);
                    }
                }
                for pair in name.tokens.windows(2) {
                    if let Some(joined) = keys::joined(&pair[0], &pair[1]) {
                        keys::of_joined(&joined, &mut add);
                    }
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
