//! What the index holds. Of a record: its id, to delete it by, its words and its numbers. Of each distinct word, once: its
//! keys, under which a question finds it, and itself. No stored document, no norms, no frequencies.
//!
//! A record's id is kept twice more as two numbers in columns, and a word in four, from which they are read without a
//! look-up. Raise `LAYOUT_VERSION` with any change: an index of another layout is emptied and fed again.

use std::string::FromUtf8Error;

use model::date::{BirthDate, PartialDate};
use model::ids::RecordId;
use tantivy::columnar::{BytesColumn, Column};
use tantivy::error::DataCorruption;
use tantivy::index::SegmentReader;
use tantivy::schema::{BytesOptions, FAST, Field, Schema};
use tantivy::{DocId, TantivyDocument, TantivyError, Term};

use crate::keys::{self, Key};
use crate::normalise::Token;
use crate::prepared::PreparedRecord;
use crate::tables::Tables;

const LAYOUT_VERSION: u32 = 3;
/// Names of the two columns of an id.
pub const ID_HIGH: &str = "id_high";
pub const ID_LOW: &str = "id_low";
/// Name of the column of dates of birth.
const BORN: &str = "born";
/// Names of the columns of a word, eight bytes each; a longer word has its text in `LONG`.
const TEXT: [&str; 3] = ["text_0", "text_1", "text_2"];
const LONG: &str = "text_long";

/// The fields of the index.
#[derive(Debug, Clone, Copy)]
pub struct Fields {
    id: Field,
    id_high: Field,
    id_low: Field,
    born: Field,
    /// Words and numbers of a record.
    pub word: Field,
    /// A word itself.
    pub text: Field,
    columns: [Field; 3],
    long: Field,
    pub key: Field,
}

impl Fields {
    /// The schema with its fields.
    pub fn schema() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let exact = BytesOptions::default().set_indexed();
        let fields = Self {
            id: schema.add_bytes_field("id", exact.clone()),
            id_high: schema.add_u64_field(ID_HIGH, FAST),
            id_low: schema.add_u64_field(ID_LOW, FAST),
            born: schema.add_u64_field(BORN, FAST),
            word: schema.add_bytes_field("word", exact.clone()),
            text: schema.add_bytes_field("text", exact.clone()),
            columns: TEXT.map(|name| schema.add_u64_field(name, FAST)),
            long: schema.add_bytes_field(LONG, BytesOptions::default().set_fast()),
            key: schema.add_bytes_field("key", exact),
        };
        (schema.build(), fields)
    }

    /// The term of a record's id.
    pub fn id_term(&self, id: RecordId) -> Term {
        Term::from_field_bytes(self.id, &id.0)
    }

    /// The term of a word or number of records.
    pub fn word_term(&self, word: &str) -> Term {
        Term::from_field_bytes(self.word, word.as_bytes())
    }

    /// The term of a word itself.
    pub fn text_term(&self, text: &str) -> Term {
        Term::from_field_bytes(self.text, text.as_bytes())
    }

    /// The term of a key.
    pub fn key_term(&self, key: Key) -> Term {
        Term::from_field_bytes(self.key, &key.to_be_bytes())
    }

    /// The document of a record.
    pub fn record(&self, id: RecordId, record: &PreparedRecord) -> TantivyDocument {
        let mut document = TantivyDocument::default();
        let number = u128::from_be_bytes(id.0);
        document.add_bytes(self.id, &id.0);
        document.add_u64(self.id_high, (number >> 64) as u64);
        document.add_u64(self.id_low, number as u64);
        record.birth_dates.iter().for_each(|date| document.add_u64(self.born, pack_date(*date)));
        for token in record.words() {
            document.add_bytes(self.word, token.text.as_bytes());
        }
        for (kind, number) in &record.numbers {
            document.add_bytes(self.word, keys::number(*kind, number).as_bytes());
        }
        document
    }

    /// The document of a word.
    pub fn word(&self, token: &Token, tables: &Tables) -> TantivyDocument {
        let mut document = TantivyDocument::default();
        document.add_bytes(self.text, token.text.as_bytes());
        match pack(&token.text) {
            Some(packed) => self.columns.iter().zip(packed).for_each(|(field, part)| document.add_u64(*field, part)),
            None => document.add_bytes(self.long, token.text.as_bytes()),
        }
        for key in keys::of_held(token, tables) {
            document.add_bytes(self.key, &key.to_be_bytes());
        }
        document
    }
}

/// A date of birth as a number: from, to, whether there is a to, about.
fn pack_date(date: BirthDate) -> u64 {
    let pack = |date: PartialDate| {
        (date.year().unsigned_abs() as u64) << 9
            | u64::from(date.month().unwrap_or(0)) << 5
            | u64::from(date.day().unwrap_or(0))
    };
    pack(date.from) << 25 | date.to.map_or(0, |to| pack(to) << 2 | 2) | u64::from(date.circa)
}

/// The date of a number.
fn unpack_date(number: u64) -> Option<BirthDate> {
    let unpack = |number: u64| {
        let some = |part: u64| Some(part as u8).filter(|part| *part > 0);
        PartialDate::new((number >> 9 & 0x3fff) as i16, some(number >> 5 & 15), some(number & 31)).ok()
    };
    let to = if number & 2 == 2 { Some(unpack(number >> 2 & 0x7f_ffff)?) } else { None };
    Some(BirthDate { from: unpack(number >> 25)?, to, circa: number & 1 == 1 })
}

/// The dates of birth of a segment's records.
pub struct Born(Column<u64>);

impl Born {
    /// The column of a segment.
    pub fn of(segment: &SegmentReader) -> Result<Self, TantivyError> {
        Ok(Self(segment.fast_fields().u64(BORN)?))
    }

    /// The dates of a record.
    pub fn dates(&self, record: DocId) -> impl Iterator<Item = BirthDate> {
        self.0.values_for_doc(record).filter_map(unpack_date)
    }
}

/// A word of up to 24 bytes as three numbers.
fn pack(text: &str) -> Option<[u64; 3]> {
    let mut bytes = [0; 24];
    bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
    let part = |at: usize| bytes[at..at + 8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    Some([part(0), part(8), part(16)])
}

/// The word of three numbers.
fn unpack(parts: [u64; 3]) -> Result<String, FromUtf8Error> {
    String::from_utf8(parts.into_iter().flat_map(u64::to_be_bytes).take_while(|byte| *byte != 0).collect())
}

/// The words of a segment.
pub struct Columns {
    parts: [Column<u64>; 3],
    long: Option<BytesColumn>,
}

impl Columns {
    /// The columns of a segment.
    pub fn of(segment: &SegmentReader) -> Result<Self, TantivyError> {
        let columns = segment.fast_fields();
        let parts = [columns.u64(TEXT[0])?, columns.u64(TEXT[1])?, columns.u64(TEXT[2])?];
        Ok(Self { parts, long: columns.bytes(LONG)? })
    }

    /// How many words there are.
    pub fn words(&self) -> u64 {
        let long = self.long.as_ref().map_or(0, |long| long.ords().values.num_vals());
        u64::from(self.parts[0].values.num_vals()) + u64::from(long)
    }

    /// The word of a document. One that cannot be read would hide records, so it is damage.
    pub fn text(&self, document: DocId) -> Result<String, TantivyError> {
        let damaged = |what: String| TantivyError::from(DataCorruption::comment_only(what));
        let text = match self.parts.each_ref().map(|part| part.first(document)) {
            [Some(one), Some(two), Some(three)] => unpack([one, two, three]),
            _ => {
                let long = self.long.as_ref().and_then(|long| Some((long, long.ords().first(document)?)));
                let (long, at) = long.ok_or_else(|| damaged(format!("document {document} has keys and no word")))?;
                let mut text = Vec::new();
                long.ord_to_bytes(at, &mut text)?;
                String::from_utf8(text)
            }
        };
        text.map_err(|error| damaged(format!("the word of document {document}: {error}")))
    }
}

/// The id of the two columns.
pub fn id_of(high: u64, low: u64) -> RecordId {
    RecordId((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
}

/// What a commit says of itself: layout, tables, and the applied index that it covers.
pub fn payload(covered: u64) -> String {
    format!("{} {covered}", fingerprint())
}

/// The applied index of a commit of this layout and these tables.
pub fn covered(payload: &str) -> Option<u64> {
    payload.strip_prefix(&fingerprint())?.strip_prefix(' ')?.parse().ok()
}

fn fingerprint() -> String {
    format!("names/{LAYOUT_VERSION}/{}", Tables::VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_payload_reads_as_it_is_written_and_another_version_does_not() {
        assert_eq!(covered(&payload(77)), Some(77));
        assert_eq!(covered("names/0/0 77"), None);
        assert_eq!(covered(""), None);
    }

    #[test]
    fn an_id_survives_its_columns() {
        let id = RecordId(*b"0123456789abcdef");
        let number = u128::from_be_bytes(id.0);
        assert_eq!(id_of((number >> 64) as u64, number as u64), id);
    }

    #[test]
    fn a_date_survives_its_column() {
        for date in ["1970", "1970-01", "0001-12-31", "9999-12-31", "circa 1960", "1950/1955", "1950-03-04/1951-12"] {
            let date: BirthDate = date.parse().expect("a date");
            assert_eq!(unpack_date(pack_date(date)), Some(date));
        }
    }

    proptest! {
        #[test]
        fn a_word_survives_its_columns(text in "[a-zа-я王ا]{1,12}") {
            let kept = pack(&text).map(|parts| unpack(parts).expect("text"));
            prop_assert_eq!(kept, (text.len() <= 24).then_some(text));
        }
    }
}
