//! Which word met which, and how, for the hits that are answered: texts are made for these alone, since hundreds of
//! records are scored for one answer.

use model::lookout::Lookout;
use model::screen::{Evidence, Query, WordHow, WordMet};
use unicode_normalization::UnicodeNormalization;

use crate::align::{Met, carries, overlap};
use crate::normalise::{OF_PARTICLES, Token};
use crate::pair::{How, Shape, spelt_alike, variant};
use crate::prepared::{PreparedName, PreparedQuery, PreparedRecord};
use crate::score::{LEFT_MAX, NameFound, left_bits, met_bits};
use crate::script::{self, Script};
use crate::tables::{Class, Tables};
use crate::written::written;

/// Tells the words of hits, one hit after the other.
pub struct WordTeller<'a> {
    query: &'a Query,
    prepared: &'a PreparedQuery,
    tables: &'a Tables,
    /// For each reading, its words as they are written, once they were asked for.
    asked: Vec<Option<Vec<String>>>,
}

impl<'a> WordTeller<'a> {
    /// For the hits of a question.
    pub fn new(query: &'a Query, prepared: &'a PreparedQuery, tables: &'a Tables) -> Self {
        Self { query, prepared, tables, asked: vec![None; prepared.readings.len()] }
    }

    /// Puts the words into the evidence of the name. `found` is what scoring this record found.
    pub fn tell(
        &mut self,
        lookout: &Lookout,
        record: &PreparedRecord,
        found: Option<&NameFound>,
        evidence: &mut [Evidence],
    ) {
        let of_name = evidence.iter_mut().find(|part| part.field == "name");
        if let (Some(part), Some(found)) = (of_name, found) {
            part.words = self.words(lookout, record, found);
        }
    }

    /// The words of a reading of the question, as they are written.
    pub(crate) fn asked(&mut self, reading: usize) -> &[String] {
        let (name, tokens) = (self.query.name.as_deref(), &self.prepared.readings[reading].tokens);
        self.asked[reading]
            .get_or_insert_with(|| or_read(written(name.unwrap_or_default(), tokens, self.tables), tokens))
    }

    fn words(&mut self, lookout: &Lookout, record: &PreparedRecord, found: &NameFound) -> Vec<WordMet> {
        let tables = self.tables;
        let name = &record.names[found.prepared];
        let asked = &self.prepared.readings[found.reading].tokens;
        let (asked_words, held_words) = (self.asked(found.reading), words_of(name, lookout, tables));
        let alignment = &found.alignment;
        let open =
            |at: usize, part: fn(&Met) -> (usize, usize)| !alignment.met.iter().any(|met| overlap(part(met), (at, 1)));
        let (each_asked, each_held) = left_bits(alignment);
        let mut told: Vec<(usize, WordMet)> = Vec::new();
        let mut before: Option<usize> = None;
        for met in &alignment.met {
            let (tokens, others) = (&asked[range(met.asked)], &name.tokens[range(met.held)]);
            let (word, other) = (asked_words[range(met.asked)].join(" "), held_words[range(met.held)].join(" "));
            let (how, edits) = how(met, (tokens, &word), (others, &other), tables);
            let counts = tokens.iter().any(|token| carries(asked, token));
            let swapped = counts && before.is_some_and(|before| met.held.0 < before);
            if counts {
                before = Some(met.held.0);
            }
            let bits = met_bits(met, counts);
            told.push((met.asked.0, WordMet { asked: word, found: other, how, edits, bits, swapped }));
        }
        let mut counted = 0;
        for at in (0..asked.len()).filter(|at| open(*at, |met| met.asked)) {
            if carries(asked, &asked[at]) {
                told.push((
                    at,
                    left_over(WordHow::Missing, &asked_words[at], of_left(&asked[at], &mut counted, each_asked)),
                ));
            } else if asked[at].class == Class::Initial {
                told.push((at, left_over(WordHow::Missing, &asked_words[at], 0)));
            }
        }
        // In the order of the question; what the record has beyond it at the end.
        told.sort_by_key(|(at, _)| *at);
        let held_left =
            (0..name.tokens.len()).filter(|at| carries(&name.tokens, &name.tokens[*at]) && open(*at, |met| met.held));
        counted = 0;
        for at in held_left {
            let bits = of_left(&name.tokens[at], &mut counted, each_held);
            told.push((asked.len(), left_over(WordHow::Extra, &held_words[at], bits)));
        }
        told.into_iter().map(|(_, word)| word).collect()
    }
}

fn range((from, length): (usize, usize)) -> std::ops::Range<usize> {
    from..from + length
}

/// What a word takes that met none: business words nothing, others as long as no more of them counted than may.
fn of_left(token: &Token, counted: &mut u32, each: i32) -> i32 {
    if token.class == Class::Business || *counted == LEFT_MAX {
        return 0;
    }
    *counted += 1;
    each
}

fn left_over(how: WordHow, word: &str, bits: i32) -> WordMet {
    let (asked, found) = match how {
        WordHow::Missing => (word.to_string(), String::new()),
        _ => (String::new(), word.to_string()),
    };
    WordMet { asked, found, how, edits: 0, bits, swapped: false }
}

/// As it is read where no piece of the text is it.
fn or_read(words: Vec<Option<String>>, tokens: &[Token]) -> Vec<String> {
    words
        .into_iter()
        .zip(tokens)
        .map(|(word, token)| word.unwrap_or_else(|| token.text.trim_start_matches(OF_PARTICLES).to_string()))
        .collect()
}

/// The words of a record's name, as they are written.
pub(crate) fn words_of(name: &PreparedName, lookout: &Lookout, tables: &Tables) -> Vec<String> {
    let Some(held) = lookout.names.get(usize::from(name.name)) else { return or_read(Vec::new(), &[]) };
    if name.original {
        let text = held.original.as_deref().unwrap_or_default();
        return or_read(written(text, &name.tokens, tables), &name.tokens);
    }
    let mut words = written(&held.full, &name.tokens, tables);
    // The family name that the full form left out.
    if let (Some(family), Some(from)) = (&held.family, words.iter().rposition(Option::is_some).map(|last| last + 1))
        && from < words.len()
    {
        let rest = written(family, &name.tokens[from..], tables);
        words.splice(from.., rest);
    }
    or_read(words, &name.tokens)
}

/// How two words met, and with how many edits.
fn how(met: &Met, asked: (&[Token], &str), held: (&[Token], &str), tables: &Tables) -> (WordHow, u32) {
    let how = match (met.likeness.how, asked.0, held.0) {
        (How::Same, _, _) => return same(asked.1, held.1),
        (How::Script, _, _) => WordHow::Transliteration,
        (How::Joined, _, _) => WordHow::TogetherOrApart,
        (How::Cut, _, _) => WordHow::Cut,
        (How::Initial, _, _) => WordHow::Initial,
        (How::Variant | How::Spelt, [asked], [held]) => return spelt(asked, held, met.likeness.how, tables),
        (How::Variant | How::Spelt, _, _) => WordHow::TogetherOrApart,
    };
    (how, 0)
}

/// Two words that are not the same in one script.
fn spelt(asked: &Token, held: &Token, how: How, tables: &Tables) -> (WordHow, u32) {
    let edits = || strsim::osa_distance(&asked.text, &held.text) as u32;
    if asked.script != Script::Latin {
        return (WordHow::TypingError, edits());
    }
    let other = Shape::of(held);
    if asked.folded == held.folded || variant(asked, other, tables).is_some() {
        (WordHow::Spelling, 0)
    } else if how == How::Spelt && spelt_alike(Shape::of(asked), other) {
        (WordHow::TypingError, edits())
    } else {
        (WordHow::SoundsAlike, 0)
    }
}

/// Two words that are read as the same.
fn same(asked: &str, held: &str) -> (WordHow, u32) {
    let (one, other) = (bare(asked), bare(held));
    let apart = |text: &str| text.chars().filter(|c| script::role(*c) == script::Role::Break).count();
    if one == other {
        let together = apart(asked) == apart(held);
        return (if together { WordHow::Same } else { WordHow::TogetherOrApart }, 0);
    }
    let letters = |text: &str| text.chars().map(as_print).collect::<String>();
    if letters(&one) == letters(&other) {
        return (WordHow::TypingError, one.chars().zip(other.chars()).filter(|(a, b)| a != b).count() as u32);
    }
    (WordHow::Spelling, 0)
}

/// The letters of a word without case and marks.
fn bare(text: &str) -> String {
    let mut bare = String::new();
    for c in text.nfkd().filter(|c| !script::mark(*c) && c.is_alphanumeric()).flat_map(char::to_lowercase) {
        match Script::of(c) {
            Script::Latin => script::latin(c, &mut bare),
            _ => script::folded(c, &mut bare),
        }
    }
    bare
}

/// Letters and digits that print confuses, as one.
fn as_print(c: char) -> char {
    match c {
        '1' | 'i' => 'l',
        '0' => 'o',
        '5' => 's',
        '8' => 'b',
        '6' => 'g',
        c => c,
    }
}

#[cfg(test)]
#[path = "words_met_test.rs"]
mod tests;
