//! Fuzz targets: whatever bytes come from outside, there is bounded work and a refusal or a sound answer. As tests they run
//! random inputs for a second each; a fuzzer that remembers what it reached runs them with `cargo bolero test TARGET -p
//! portcullis-search` (cargo-bolero and a nightly toolchain, which nothing else here needs).

use std::sync::LazyLock;

use model::limits::{MRZ_CHARS_MAX, NAME_CHARS_MAX, NUMBER_CHARS_MAX};
use model::lookout::{Action, Document, DocumentKind, Lookout, Name, NameKind, SubjectKind};
use model::mrz;
use model::screen::{Query, Score, THRESHOLD_COMPLETE};
use model::time::UnixMillis;
use portcullis_search::normalise::{normalise, readings};
use portcullis_search::{PreparedQuery, PreparedRecord, Tables, is_candidate, score, travel_document};

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::standard);

/// Words of a name: each has a letter, and no character stands for more than four words.
const WORDS_MAX: usize = 4 * NAME_CHARS_MAX;
/// The time of all questions: 2026.
const AT: UnixMillis = UnixMillis(1_790_000_000_000);
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

/// Zones of ICAO Doc 9303, to be damaged.
const ZONES: [&str; 3] = [
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10",
    "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6",
    "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<",
];
const SIGNS: &[u8] = b"<<ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abc \n-";

#[test]
fn zone() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let Some((which, edits)) = bytes.split_first() else { return };
        // Each pair of bytes puts another sign at a place; the bytes themselves are a zone, too.
        let mut damaged = ZONES[usize::from(*which) % ZONES.len()].as_bytes().to_vec();
        for edit in edits.chunks_exact(2).take(6) {
            let at = usize::from(edit[0]) % damaged.len();
            damaged[at] = SIGNS[usize::from(edit[1]) % SIGNS.len()];
        }
        for zone in [text(&damaged, MRZ_CHARS_MAX), text(bytes, MRZ_CHARS_MAX + 10)] {
            let Ok(read) = mrz::read(&zone, AT) else { continue };
            assert_eq!(Ok(&read), mrz::read(&zone, AT).as_ref());
            assert!(zone.chars().count() <= MRZ_CHARS_MAX);
            let mut query = Query { threshold: THRESHOLD_COMPLETE, limit: 10, ..Query::default() };
            travel_document::fill(&mut query, &read, &TABLES);
            if query.name.is_some() || !query.numbers().is_empty() {
                assert_eq!(query.validate(), Ok(()), "{zone:?} asks for what is refused");
                PreparedQuery::new(&query, &TABLES);
            }
        }
    });
}

#[test]
fn undamaged_zones_are_read() {
    for zone in ZONES {
        assert!(mrz::read(zone, AT).is_ok_and(|read| read.number.is_some()), "{zone}");
    }
}
