//! A question's name as the words that are looked up: each word, neighbours that others write together, and what stays of a
//! word without the particle that it was written together with.

use crate::normalise::Token;
use crate::pair::{Asked, How, Likeness, Shape};
use crate::script::Script;
use crate::tables::{Class, Tables};
use crate::{align, bones, pair};

/// Letters of a word written together: shorter ones are chance, longer ones no name.
const JOINED: std::ops::RangeInclusive<usize> = 4..=20;
/// Letters of a word that an initial before it may belong to (`D Souza`), and of what stays without a particle.
const AFTER_INITIAL_FROM: usize = 3;
const STRIPPED_FROM: usize = 4;
/// Letters of each part of a word that others write apart.
const PART_FROM: usize = 2;
/// Particles that are written together with what follows.
const WRITTEN_TOGETHER: [&str; 16] = [
    "vander", "vanden", "della", "dela", "del", "der", "van", "von", "bin", "ibn", "abu", "bou", "al", "el", "de", "di",
];

/// Where a word comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Single,
    /// Neighbours, written together.
    Joined,
    /// Without the particle that it begins with.
    Stripped,
}

/// A word that is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub asked: Asked,
    pub kind: Kind,
    /// The tokens it stands for.
    pub from: usize,
    pub len: usize,
    /// What is lost against the word itself.
    pub loss: u32,
    /// Whether it is a word of the question that carries a name; where none does, all do.
    pub counts: bool,
    /// The parts in which it may be written apart, folded.
    pub parts: Box<[(Box<str>, Box<str>)]>,
    /// The words that are made of it, wherever it stands, alone or with its neighbours.
    pub made_into: Box<[usize]>,
}

/// A name as it is read, with its words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    pub tokens: Vec<Token>,
    pub words: Vec<Word>,
    /// For each token, which word it is.
    pub single: Vec<usize>,
}

impl Reading {
    /// The words of a name's tokens.
    pub fn new(tokens: Vec<Token>, tables: &Tables) -> Self {
        let mut words: Vec<Word> = Vec::new();
        let mut single = Vec::with_capacity(tokens.len());
        let none_carries = !tokens.iter().any(|token| token.carries);
        for (from, token) in tokens.iter().enumerate() {
            if let Some(at) = words.iter().position(|word| word.asked.token.text == token.text) {
                single.push(at);
                continue;
            }
            single.push(words.len());
            let asked = Asked::new(token.clone(), false, tables);
            let (counts, parts) = (token.carries || none_carries, parts(token));
            let made_into = Box::default();
            words.push(Word { asked, kind: Kind::Single, from, len: 1, loss: 0, counts, parts, made_into });
        }
        for from in 0..words.len() {
            if let Some(token) = stripped(&words[from].asked.token, tables) {
                let Word { from, len, .. } = words[from];
                let asked = Asked::new(token, false, tables);
                words.push(Word::made(asked, Kind::Stripped, (from, len)));
            }
        }
        for (from, len) in runs(&tokens) {
            if let Some(token) = joined(&tokens[from..from + len], tables) {
                let asked = Asked::new(token, true, tables);
                words.push(Word::made(asked, Kind::Joined, (from, len)));
            }
        }
        for at in 0..words.len() {
            let text = &words[at].asked.token.text;
            let holds = |word: &Word| tokens[word.from..word.from + word.len].iter().any(|token| token.text == *text);
            let made = words.iter().enumerate().filter(|(_, word)| word.kind != Kind::Single && holds(word));
            words[at].made_into = made.map(|(other, _)| other).collect();
        }
        Self { tokens, words, single }
    }
}

impl Word {
    /// A word made of the question's.
    fn made(asked: Asked, kind: Kind, (from, len): (usize, usize)) -> Self {
        Self {
            asked,
            kind,
            from,
            len,
            loss: align::JOINED,
            counts: false,
            parts: Box::default(),
            made_into: Box::default(),
        }
    }

    /// What the word says when it is met by a held one, if anything is left of it.
    pub fn likeness(&self, held: &Token, tables: &Tables) -> Option<Likeness> {
        self.own(pair::likeness(&self.asked, held, tables)?)
    }

    /// The same of a held Latin word by its forms.
    pub fn likeness_in_latin(&self, held: Shape<'_>, tables: &Tables) -> Option<Likeness> {
        self.own(pair::likeness_in_latin(&self.asked, held, tables)?)
    }

    fn own(&self, likeness: Likeness) -> Option<Likeness> {
        let how = if self.kind == Kind::Single { likeness.how } else { How::Joined };
        let bits = likeness.bits.checked_sub(self.loss).filter(|bits| *bits > 0)?;
        Some(Likeness { bits, how, ..likeness })
    }

    /// Whether others may write the word apart, and what it says then at most.
    pub fn apart_most(&self) -> Option<u32> {
        let Asked { token, .. } = &self.asked;
        (!self.parts.is_empty()).then(|| u32::from(token.rarity).saturating_sub(align::JOINED))
    }

    /// What two neighbours of a record say that together are this word.
    pub fn written_apart(&self, both: &[Token], tables: &Tables) -> Option<Likeness> {
        let most = self.apart_most()?;
        let [one, other] = both else { return None };
        let fits = self.parts.iter().any(|(first, second)| one.folds_to(first) && other.folds_to(second));
        let joined = fits.then(|| Token::joined(both, tables))?;
        let likeness = pair::likeness(&self.asked, &joined, tables)?;
        let bits = likeness.bits.saturating_sub(align::JOINED).min(most);
        (bits > 0).then_some(Likeness { bits, how: How::Joined, ..likeness })
    }
}

/// The parts in which a word may be written apart, folded.
fn parts(token: &Token) -> Box<[(Box<str>, Box<str>)]> {
    if token.script != Script::Latin || token.class != Class::Name {
        return Box::default();
    }
    let ends = token.text.len().saturating_sub(PART_FROM);
    let parts = (PART_FROM..=ends).map(|at| token.text.split_at(at));
    parts.map(|(one, other)| (bones::fold(one).into(), bones::fold(other).into())).collect()
}

/// All runs of tokens that may be one word, with where each begins and how many tokens it has.
fn runs(tokens: &[Token]) -> impl Iterator<Item = (usize, usize)> {
    (2..=3).flat_map(|len| (0..(tokens.len() + 1).saturating_sub(len)).map(move |from| (from, len)))
}

/// The word that two neighbours make together (`al zawahiri`, `d souza`), or three around a particle (`de la cruz`).
fn joined(parts: &[Token], tables: &Tables) -> Option<Token> {
    let length: usize = parts.iter().map(|part| part.text.len()).sum();
    let apart = |part: &Token| part.script != Script::Latin || matches!(part.class, Class::LegalForm | Class::Number);
    if !JOINED.contains(&length) || parts.iter().any(apart) {
        return None;
    }
    let initial = |part: &Token| part.class == Class::Initial;
    let fit = match parts {
        [one, other] if initial(one) => other.class.carries() && other.text.len() >= AFTER_INITIAL_FROM,
        [_, other] => !initial(other),
        [one, middle, last] => middle.class == Class::Particle && last.class.carries() && !initial(one),
        _ => false,
    };
    fit.then(|| Token::joined(parts, tables)).filter(|token| token.class.compared())
}

fn stripped(token: &Token, tables: &Tables) -> Option<Token> {
    if token.script != Script::Latin || token.class != Class::Name {
        return None;
    }
    let rest = WRITTEN_TOGETHER.iter().find_map(|particle| token.text.strip_prefix(particle))?;
    Some(Token::of(rest, tables)).filter(|token| rest.len() >= STRIPPED_FROM && token.class == Class::Name)
}
