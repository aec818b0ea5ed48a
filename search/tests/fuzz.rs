//! Fuzz targets: whatever bytes come from outside, there is bounded work and a refusal or a sound answer. As tests they run
//! random inputs for a second each; a fuzzer that remembers what it reached runs them with `cargo bolero test TARGET -p
//! portcullis-search` (cargo-bolero and a nightly toolchain, which nothing else here needs).

use std::sync::LazyLock;

use model::limits::{NAME_CHARS_MAX, NUMBER_CHARS_MAX};
use model::lookout::{Action, Document, DocumentKind, Lookout, Name, NameKind, SubjectKind};
use model::screen::{Query, Score, THRESHOLD_COMPLETE};
use portcullis_search::normalise::{normalise, readings};
use portcullis_search::{PreparedQuery, PreparedRecord, Tables, is_candidate, score};

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::standard);

/// Words of a name: each has a letter, and no character stands for more than four words.
const WORDS_MAX: usize = 4 * NAME_CHARS_MAX;
/// Ways of reading one name.
const READINGS_MAX: usize = 16;

/// Bytes as the text of a field: what is not UTF-8 never comes so far.
fn text(bytes: &[u8], max: usize) -> String {
    String::from_utf8_lossy(bytes).chars().take(max).collect()
}

fn named(name: &str) -> Name {
    Name { kind: NameKind::Primary, full: name.into(), family: None, given: None, original: None }
}

#[test]
fn normaliser() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let name = text(bytes, NAME_CHARS_MAX);
        let read = readings(&name, &TABLES);
        assert!(read.len() <= READINGS_MAX, "{} readings of {name:?}", read.len());
        for tokens in &read {
            assert!(tokens.len() <= WORDS_MAX, "{} words of {name:?}", tokens.len());
        }
        assert_eq!(normalise(&name, &TABLES), normalise(&name, &TABLES));
        let query = Query { name: Some(name.clone()), limit: 1, ..Query::default() };
        if query.validate().is_ok() {
            assert!(read.iter().any(|tokens| !tokens.is_empty()), "{name:?} asks for nothing and is not refused");
        }
    });
}

#[test]
fn question() {
    bolero::check!().for_each(|bytes: &[u8]| {
        // A question, a record, and a number of each.
        let mut parts = bytes.split(|byte| *byte == 0);
        let mut part = |max| text(parts.next().unwrap_or_default(), max);
        let (asked, held) = (part(NAME_CHARS_MAX), part(NAME_CHARS_MAX));
        let (number, document) = (part(NUMBER_CHARS_MAX), part(NUMBER_CHARS_MAX));
        let given = |text: String| (!text.is_empty()).then_some(text);
        let query = Query {
            name: given(asked),
            document: given(number),
            threshold: THRESHOLD_COMPLETE,
            limit: 10,
            ..Query::default()
        };
        let mut lookout = Lookout::new(SubjectKind::Person, Action::Refer, "fuzz");
        lookout.names.extend(given(held).map(|held| named(&held)));
        let kind = DocumentKind::Passport;
        lookout.documents.extend(given(document).map(|number| Document { kind, number, country: None, state: None }));
        if query.validate().is_err() || lookout.validate().is_err() {
            return;
        }
        let prepared = PreparedQuery::new(&query, &TABLES);
        let record = PreparedRecord::new(&lookout, &TABLES);
        let scored = score(&query, &prepared, &lookout, &record, &TABLES);
        assert_eq!(scored, score(&query, &prepared, &lookout, &record, &TABLES));
        assert!(scored.score < Score::MAX, "a score never saturates");
        if scored.score >= query.threshold {
            assert!(is_candidate(&prepared, &record, &TABLES), "{query:?} is not found in {lookout:?}");
        }
        // Whoever is asked for by exactly his name is found.
        if let (Some(name), Some(own)) = (&query.name, lookout.names.first())
            && *name == own.full
        {
            assert!(scored.score > Score::default(), "{name:?} is nothing to itself");
        }
    });
}
