//! The evidence of a hit in one sentence, read in two seconds: numbers first, then the name, the date of birth and the
//! nationality. Pure: it says what the evidence says and nothing else.

use model::screen::{Evidence, Score, WordHow, WordMet};

/// Characters of a sentence at most.
pub const SENTENCE_CHARS_MAX: usize = 120;
/// How much is told, from all that is told of pairs and words down to none of them: the first that fits.
const DETAILS: [Detail; 3] =
    [Detail { listed: 3, letters: 24 }, Detail { listed: 1, letters: 14 }, Detail { listed: 0, letters: 0 }];

/// Pairs or words that are listed of each kind, and letters of each.
#[derive(Clone, Copy)]
struct Detail {
    listed: usize,
    letters: usize,
}

/// The evidence in one sentence of at most [`SENTENCE_CHARS_MAX`] characters; empty without evidence.
pub fn sentence(evidence: &[Evidence]) -> String {
    let fits = |text: &String| text.chars().count() <= SENTENCE_CHARS_MAX;
    if let Some(text) = DETAILS.iter().map(|detail| joined(&clauses(evidence, *detail))).find(fits) {
        return text;
    }
    // The last ones tell least.
    let mut short = clauses(evidence, DETAILS[DETAILS.len() - 1]);
    while !fits(&joined(&short)) && short.pop().is_some() {}
    joined(&short)
}

fn joined(clauses: &[String]) -> String {
    let mut text = clauses.join(", ");
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
        text.push('.');
    }
    text
}

fn clauses(evidence: &[Evidence], detail: Detail) -> Vec<String> {
    let mut clauses = Vec::new();
    let number = |part: &&Evidence| matches!(part.field.as_str(), "document" | "plate" | "registration");
    let of = |field: &'static str| evidence.iter().filter(move |part| part.field == field);
    let (met, others): (Vec<_>, Vec<_>) =
        evidence.iter().filter(number).partition(|part| part.agreement > Score::default());
    clauses.extend(met.into_iter().map(number_clause));
    of("name").for_each(|part| name_clauses(part, detail, &mut clauses));
    clauses.extend(of("birth_date").map(|part| birth_clause(&part.note)));
    clauses.extend(of("nationality").map(nationality_clause));
    clauses.extend(others.into_iter().map(number_clause));
    clauses
}

fn number_clause(part: &Evidence) -> String {
    let short = if part.note.contains("short") { "short " } else { "" };
    let which = match part.agreement {
        Score::MAX => "same",
        agreement if agreement > Score::default() => "similar",
        _ => "other",
    };
    let what = match part.field.as_str() {
        "document" => "document number",
        "registration" => "registration number",
        other => other,
    };
    format!("{which} {short}{what}")
}

fn nationality_clause(part: &Evidence) -> String {
    match part.agreement {
        Score::MAX => "same nationality".to_string(),
        agreement if agreement > Score::default() => format!("lived or was born in {}", part.found),
        _ => "other nationality".to_string(),
    }
}

/// What `birth.rs` notes of two dates, as part of a sentence.
fn birth_clause(note: &str) -> String {
    let told = match note {
        "same date" => "same date of birth",
        "same date, but 1 January often stands for the year" => "same year of birth (1 January)",
        "day and month swapped" => "day and month of birth swapped",
        "one digit differs" => "date of birth off by one digit",
        "same month and year" => "same month and year of birth",
        "same year" => "same year of birth",
        "same year, another month" | "same year, another day" => "other date of birth in the same year",
        "a year apart" | "a year apart, another day" => "date of birth a year apart",
        "within the range of dates" | "within the range of years" => "date of birth within the range",
        "within a wide range of years" => "date of birth within a wide range",
        "just outside the range" => "date of birth just outside the range",
        "dates of birth differ" => "other date of birth",
        other => return format!("date of birth: {other}"),
    };
    told.to_string()
}

/// How words met, the same first.
const HOWS: [(WordHow, &str); 7] = [
    (WordHow::Spelling, "in another spelling"),
    (WordHow::SoundsAlike, "sounding alike"),
    (WordHow::Transliteration, "in another script"),
    (WordHow::TypingError, "with a typing error"),
    (WordHow::TogetherOrApart, "written together or apart"),
    (WordHow::Cut, "cut short"),
    (WordHow::Initial, "with an initial"),
];

fn name_clauses(part: &Evidence, detail: Detail, clauses: &mut Vec<String>) {
    if part.note.starts_with("same number under another name") {
        clauses.push("under another name".to_string());
        return;
    }
    let of = |how: WordHow| -> Vec<&WordMet> { part.words.iter().filter(|word| word.how == how).collect() };
    let (same, missing, extra) = (of(WordHow::Same), of(WordHow::Missing), of(WordHow::Extra));
    let mut ways = HOWS.iter().map(|(how, way)| (of(*how), way)).filter(|(words, _)| !words.is_empty()).peekable();
    match (ways.peek().is_some(), same.is_empty()) {
        (true, _) => {}
        (false, true) => {
            clauses.push(if part.words.is_empty() { format!("name: {}", part.note) } else { "other name".to_string() });
            return;
        }
        // One word, or some of each side, is not yet the same name.
        (false, false)
            if !missing.is_empty() && !extra.is_empty() || same.len() == 1 && missing.len() + extra.len() > 0 =>
        {
            clauses
                .push(format!("part of the name{}", in_brackets(same.iter().map(|word| word.asked.as_str()), detail)));
        }
        (false, false) => clauses.push("same name".to_string()),
    }
    for (at, (words, way)) in ways.enumerate() {
        let pairs: Vec<String> = words
            .iter()
            .map(|word| format!("{}~{}", cut(&word.asked, detail.letters), cut(&word.found, detail.letters)))
            .collect();
        let name = if at == 0 { "name " } else { "" };
        let way = if words.len() > 1 && *way == "with a typing error" { "with typing errors" } else { way };
        clauses.push(format!("{name}{way}{}", in_brackets(pairs.iter().map(String::as_str), detail)));
    }
    if part.words.iter().any(|word| word.swapped)
        && let Some(last) = clauses.last_mut()
    {
        last.push_str(" in other order");
    }
    if !missing.is_empty() {
        clauses.push(format!("without {}", listed(missing.iter().map(|word| word.asked.as_str()), detail)));
    }
    if !extra.is_empty() {
        clauses.push(format!("record adds {}", listed(extra.iter().map(|word| word.found.as_str()), detail)));
    }
    if part.note.contains("weak alias") {
        clauses.push("a weak alias".to_string());
    }
}

/// The first of some pairs or words in brackets; a pair is as long as it was made.
fn in_brackets<'a>(all: impl ExactSizeIterator<Item = &'a str>, detail: Detail) -> String {
    if detail.listed == 0 {
        return String::new();
    }
    let more = if all.len() > detail.listed { " ..." } else { "" };
    format!(" ({}{more})", all.take(detail.listed).collect::<Vec<_>>().join(", "))
}

/// The first of some words, and how many more there are.
fn listed<'a>(words: impl ExactSizeIterator<Item = &'a str>, detail: Detail) -> String {
    let more = words.len().saturating_sub(detail.listed);
    let told: Vec<String> = words.take(detail.listed).map(|word| cut(word, detail.letters)).collect();
    match (told.is_empty(), more) {
        (true, 1) => "a word".to_string(),
        (true, _) => format!("{more} words"),
        (false, 0) => told.join(" "),
        (false, _) => format!("{} and {more} more", told.join(" ")),
    }
}

fn cut(word: &str, letters: usize) -> String {
    match word.char_indices().nth(letters) {
        Some((at, _)) => format!("{}...", &word[..at]),
        None => word.to_string(),
    }
}

#[cfg(test)]
#[path = "sentence_test.rs"]
mod tests;
