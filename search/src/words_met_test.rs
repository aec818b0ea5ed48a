//! Words that met, as an officer is told of them.

use model::lookout::{Action, Name, NameKind, SubjectKind};
use proptest::prelude::*;

use super::*;
use crate::score::{Scored, score};

fn lookout(full: &str, original: Option<&str>, family: Option<&str>) -> Lookout {
    let mut lookout = Lookout::new(SubjectKind::Person, Action::Refer, "test");
    let (original, family) = (original.map(str::to_string), family.map(str::to_string));
    lookout.names.push(Name { kind: NameKind::Primary, full: full.into(), family, given: None, original });
    lookout
}

fn told(asked: &str, lookout: &Lookout) -> (Scored, Vec<WordMet>) {
    let query = Query { name: Some(asked.to_string()), ..Query::default() };
    let tables = Tables::shared();
    let (prepared, record) = (PreparedQuery::new(&query, tables), PreparedRecord::new(lookout, tables));
    let mut scored = score(&query, &prepared, lookout, &record, tables);
    let mut teller = WordTeller::new(&query, &prepared, tables);
    teller.tell(lookout, &record, scored.name.as_ref(), &mut scored.evidence);
    let words = scored.evidence.iter().find(|part| part.field == "name").map(|part| part.words.clone());
    (scored, words.unwrap_or_default())
}

fn shown(words: &[WordMet]) -> String {
    let shown = words.iter().map(|word| {
        let edits = if word.edits > 0 { format!(" {}", word.edits) } else { String::new() };
        let swapped = if word.swapped { " swapped" } else { "" };
        format!("{}~{} {}{edits}{swapped}", word.asked, word.found, word.how)
    });
    shown.collect::<Vec<_>>().join("; ")
}

#[test]
fn words_meet_as_they_are_written() {
    for (asked, held, expected) in [
        ("John Smith", "JOHN SMITH", "John~JOHN same; Smith~SMITH same"),
        ("Jon Smyth", "John Smith", "Jon~John spelling; Smyth~Smith spelling"),
        ("Smith John", "John Smith", "Smith~Smith same; John~John same swapped"),
        ("Iwan Petrow", "Ivan Petrov", "Iwan~Ivan spelling; Petrow~Petrov sounds-alike"),
        ("Jörg Müller", "Jorg MULLER", "Jörg~Jorg same; Müller~MULLER same"),
        ("Ayman Zawahibi", "Ayman al-Zawahiri", "Ayman~Ayman same; Zawahibi~Zawahiri typing-error 1"),
        ("Van der Berg", "Vanderberg", "Van der Berg~Vanderberg together-or-apart"),
        ("Abdurrahman", "Abd al-Rahman", "Abdurrahman~Abd al-Rahman spelling"),
        ("Nasrallah", "Nasr Allah", "Nasrallah~Nasr Allah together-or-apart"),
        ("J. Escobar", "Juan Escobar", "J~Juan initial; Escobar~Escobar same"),
        ("J. Escobar", "Escobar", "J~ missing; Escobar~Escobar same"),
        ("Venkata Escobar", "Venkataraghavan Escobar", "Venkata~Venkataraghavan cut; Escobar~Escobar same"),
        ("Mohammed Zawahiri", "Zawahiri", "Mohammed~ missing; Zawahiri~Zawahiri same"),
        ("Zawahiri", "Ayman Zawahiri", "Zawahiri~Zawahiri same; ~Ayman extra"),
        ("Sm1th Escobar", "Smith Escobar", "Sm1th~Smith typing-error 1; Escobar~Escobar same"),
        ("Гончаренко", "Honcharenko", "Гончаренко~Honcharenko transliteration"),
        ("أيمن الظواهري", "Ayman al-Zawahiri", "أيمن~Ayman transliteration; الظواهري~Zawahiri transliteration"),
        ("习近平", "XI Jinping", "习~XI transliteration; 近平~Jinping transliteration"),
        ("김정은", "KIM, Jong Un", "김~KIM transliteration; 정~Jong transliteration swapped; 은~Un transliteration"),
        ("Παπαδόπουλος", "Papadopoulos", "Παπαδόπουλος~Papadopoulos transliteration"),
        ("Гончаренка", "Гончаренко", "Гончаренка~Гончаренко typing-error 1"),
    ] {
        let words = shown(&told(asked, &lookout(held, None, None)).1);
        assert_eq!(words, expected, "{asked} / {held}");
    }
}

#[test]
fn the_original_form_is_told_where_it_met_and_a_family_name_that_the_full_form_left_out() {
    let record = lookout("I. P.", Some("Иван Петров"), None);
    assert_eq!(shown(&told("Иван Петров", &record).1), "Иван~Иван same; Петров~Петров same");
    let record = lookout("Ivan", None, Some("Petrov"));
    assert_eq!(shown(&told("Petrov Ivan", &record).1), "Petrov~Petrov same; Ivan~Ivan same swapped");
}

/// So that an officer adds them up: what words add and take is what the name says, but for what is of no word.
fn adds_up(scored: &Scored, words: &[WordMet]) -> Result<(), TestCaseError> {
    let Some(found) = scored.name.as_ref().filter(|found| found.alignment.words > 0) else { return Ok(()) };
    let alignment = &found.alignment;
    // Of a whole name, of another order, of a company and of one word alone more is said than of its words.
    if alignment.whole.is_none()
        && alignment.turns == 0
        && !alignment.company
        && !alignment.family_left
        && alignment.words > 1
    {
        let sum: i32 = words.iter().map(|word| word.bits).sum();
        prop_assert!((sum - found.bits).abs() <= words.len() as i32, "{sum} of {}: {words:?}", found.bits);
    }
    Ok(())
}

proptest! {
    #[test]
    fn words_add_up_and_none_is_lost(
        asked in "(Ivan|Jon|Smith|Zawahiri|Mohammed|J|al|Гончаренко|Escobar|Van|der|Berg)( (Ivan|John|Smyth|Zawahri|Ali|K|bin|Ltd|Escobar|Berg)){0,4}",
        held in "(Ivan|John|Smyth|Zawahri|Ali|K|bin|Honcharenko|Escobar|Vanderberg)( (Ivan|Jon|Smith|Zawahiri|Mohammed|J|al|Escobar|Berg)){0,8}",
    ) {
        let (scored, words) = told(&asked, &lookout(&held, None, None));
        adds_up(&scored, &words)?;
        let Some(found) = &scored.name else { return Ok(()) };
        let count = |how: WordHow| words.iter().filter(|word| word.how == how).count();
        // Initials that met none are told and take nothing.
        let initials = words.iter().filter(|word| word.how == WordHow::Missing && word.bits == 0).count();
        prop_assert_eq!((count(WordHow::Missing) - initials) as u32, found.alignment.asked_left);
        prop_assert_eq!(count(WordHow::Extra) as u32, found.alignment.held_left);
        prop_assert_eq!(words.len() - count(WordHow::Missing) - count(WordHow::Extra), found.alignment.met.len());
        prop_assert_eq!(words.iter().filter(|word| word.swapped).count() as u32, found.alignment.turns);
        for word in &words {
            prop_assert_eq!(word.asked.is_empty(), word.how == WordHow::Extra);
            prop_assert_eq!(word.found.is_empty(), word.how == WordHow::Missing);
            prop_assert_eq!(word.edits > 0, word.how == WordHow::TypingError);
        }
    }
}
