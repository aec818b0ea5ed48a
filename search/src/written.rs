//! A name's words as they are written: which piece of the text each token was made of. Only answers need it, so it is
//! found out of the text again, and tokens stay small: a token is of the shortest run of pieces that reads as it does.

use unicode_normalization::UnicodeNormalization;

use crate::normalise::{Token, piece};
use crate::script::{self, Role};
use crate::tables::Tables;

/// Pieces that one token may be made of: `Abd al-Rahman`, `S.p.A.`.
const PIECES_MAX: usize = 4;
/// Pieces that are looked at for one token: titles may lie between.
const AHEAD_MAX: usize = 6;

/// A piece of a text without breaks: where it begins and ends, and how many commas stand before it.
#[derive(Clone, Copy)]
struct Piece {
    from: usize,
    to: usize,
    part: usize,
}

/// For each token of a name, what stands for it in the text; `None` where no piece reads as it does.
pub(crate) fn written(text: &str, tokens: &[Token], tables: &Tables) -> Vec<Option<String>> {
    let pieces = pieces(text);
    let as_it_stands = along(text, &pieces, tokens, tables);
    if as_it_stands.iter().all(Option::is_some) || pieces.last().is_none_or(|last| last.part == 0) {
        return as_it_stands;
    }
    // What stands after a comma may be read first: `PUTIN, Vladimir`.
    let (mut turned, first): (Vec<Piece>, Vec<Piece>) = pieces.iter().partition(|piece| piece.part > 0);
    turned.extend(first);
    let turned = along(text, &turned, tokens, tables);
    let known = |all: &[Option<String>]| all.iter().flatten().count();
    if known(&turned) > known(&as_it_stands) { turned } else { as_it_stands }
}

fn pieces(text: &str) -> Vec<Piece> {
    let (mut pieces, mut part) = (Vec::<Piece>::new(), 0);
    let mut inside = false;
    for (at, c) in text.char_indices() {
        let breaks = !script::apostrophe(c) && script::role(c) == Role::Break;
        match pieces.last_mut() {
            Some(last) if inside && !breaks => last.to = at + c.len_utf8(),
            _ if !breaks => pieces.push(Piece { from: at, to: at + c.len_utf8(), part }),
            _ => {}
        }
        inside = !breaks;
        part += usize::from(c.nfkc().eq([',']));
    }
    pieces
}

/// The words of tokens along the pieces, each after the one before.
fn along(text: &str, pieces: &[Piece], tokens: &[Token], tables: &Tables) -> Vec<Option<String>> {
    let (mut words, mut at) = (Vec::with_capacity(tokens.len()), 0);
    while let Some(rest) = tokens.get(words.len()..).filter(|rest| !rest.is_empty()) {
        let ahead = &pieces[at..pieces.len().min(at + AHEAD_MAX)];
        let found = (1..=PIECES_MAX.min(ahead.len())).find_map(|length| {
            let mut runs = ahead.windows(length).enumerate();
            runs.find_map(|(from, run)| Some((from + length, read(&text_of(text, run), rest, tables)?)))
        });
        match found {
            Some((pieces_on, read)) => {
                at += pieces_on;
                words.extend(read.into_iter().map(Some));
            }
            None => words.push(None),
        }
    }
    words
}

/// A run of pieces with what stands between them, or with blanks where they do not follow each other.
fn text_of(text: &str, run: &[Piece]) -> String {
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return String::new() };
    if first.part == last.part {
        return text[first.from..last.to].to_string();
    }
    run.iter().map(|piece| &text[piece.from..piece.to]).collect::<Vec<_>>().join(" ")
}

/// The words of the first tokens, if the text reads so: one, or the syllables of a word of Han or Hangul.
fn read(text: &str, tokens: &[Token], tables: &Tables) -> Option<Vec<String>> {
    if let [token] = piece(text, tables).as_slice()
        && token.text == tokens[0].text
    {
        return Some(vec![text.to_string()]);
    }
    if !text.chars().all(script::syllabic) {
        return None;
    }
    let (mut words, mut word, mut folded) = (Vec::new(), String::new(), String::new());
    for c in text.nfc() {
        word.push(c);
        script::folded(c, &mut folded);
        if *folded == *tokens.get(words.len())?.text {
            words.push(std::mem::take(&mut word));
            folded.clear();
        }
    }
    word.is_empty().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise::{normalise, readings};
    use proptest::prelude::*;

    #[test]
    fn words_are_told_as_they_are_written() {
        let tables = Tables::shared();
        for (name, expected) in [
            ("Dr. Jörg MÜLLER-Lüdenscheidt", "Jörg|MÜLLER|Lüdenscheidt"),
            ("PUTIN, Vladimir", "Vladimir|PUTIN"),
            ("Владимир Путин", "Владимир|Путин"),
            ("O\u{2019}Neill", "O\u{2019}Neill"),
            ("ANGLO-CARIBBEAN CO., L.T.D.", "ANGLO|CARIBBEAN|CO|L.T.D"),
            ("REHMAN, Abdur", "Abdur REHMAN"),
            ("J.R. Smith", "J|R|Smith"),
            ("أيمن الظواهري", "أيمن|الظواهري"),
            ("عبد الرحمن", "عبد الرحمن"),
            ("Abd al-Rahman al-Rashid", "Abd al-Rahman|al|Rashid"),
            ("NASR ALLAH, Hassan", "Hassan|NASR ALLAH"),
            ("Παπαδόπουλος Γιώργος", "Παπαδόπουλος|Γιώργος"),
            ("习近平", "习|近平"),
            ("김정은", "김|정은"),
            ("Sm1th", "Sm1th"),
            ("", ""),
        ] {
            let words = written(name, &normalise(name, tables), tables);
            let words: Vec<String> = words.into_iter().map(|word| word.unwrap_or("?".into())).collect();
            assert_eq!(words.join("|"), expected, "{name}");
        }
        let syllables = &readings("김정은", tables)[2];
        assert_eq!(written("김정은", syllables, tables), ["김", "정", "은"].map(|word| Some(word.to_string())));
    }

    proptest! {
        /// Whatever the name, a word that is told reads as its token, and each token has its place.
        #[test]
        fn each_token_has_a_place(name in "([A-Za-zäöüéßА-Яа-яءاأبتد习近平김정]{1,8}|al|Dr\\.|Abd|ud|Din|L\\.L\\.C\\.)([ ,.\\-'/]{1,2}([A-Za-zА-Яа-яاأبت近김]{1,8}|al|Abd|Din)){0,5}") {
            let tables = Tables::shared();
            for tokens in readings(&name, tables) {
                let words = written(&name, &tokens, tables);
                prop_assert_eq!(words.len(), tokens.len());
                for word in words.iter().flatten() {
                    prop_assert!(!word.is_empty());
                }
            }
        }
    }
}
