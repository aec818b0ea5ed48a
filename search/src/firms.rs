//! Words of firms in one way: legal forms of one word and of several, and business words that differ by language only
//! (`BANCO`, `bank`). What is a form in one name is a family name in another: `PAO, Yu Liang`.

use crate::normalise::Word;
use crate::tables::{Class, Tables};

/// Writes the forms and words of firms of a part of a name, as commas part it, in their one way. `alone` says that a name
/// follows the comma; `marked` words have marks that no form has.
pub(crate) fn in_one_way(words: Vec<Word>, alone: bool, marked: &[String], tables: &Tables) -> Vec<Word> {
    let mut made: Vec<Word> = Vec::with_capacity(words.len());
    let alone = alone && words.len() == 1;
    let mut at = 0;
    while at < words.len() {
        let (text, script) = &words[at];
        let (form, taken) = match tables.legal_phrase(&words[at..]) {
            Some((form, taken)) => (Some(form), taken),
            None if tables.may_be_name(text) && (alone || marked.contains(text)) => (None, 1),
            None => (tables.legal_form(text).or_else(|| tables.business(text)), 1),
        };
        made.push((form.unwrap_or(text).to_string(), *script));
        at += taken;
    }
    made
}

/// Whether a part of a name is legal forms alone.
pub(crate) fn forms_alone(words: &[Word], tables: &Tables) -> bool {
    words.iter().all(|(word, _)| tables.class(word) == Class::LegalForm || tables.legal_form(word).is_some())
}
