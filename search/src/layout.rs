//! What the index holds of a record: its id, to delete it by, its words and its numbers. No stored document, no norms, no
//! frequencies. What is read without a look-up, the id as two numbers, the labels, the outline and the dates of birth, is kept
//! in columns.
//!
//! Raise `LAYOUT_VERSION` with any change: an index of another layout is emptied and fed again.

use model::access::labels::Labels;
use model::date::{BirthDate, PartialDate};
use model::ids::RecordId;
use tantivy::columnar::Column;
use tantivy::error::DataCorruption;
use tantivy::index::SegmentReader;
use tantivy::schema::{BytesOptions, FAST, Field, Schema};
use tantivy::{DocId, TantivyDocument, TantivyError, Term};

use crate::keys;
use crate::labelled::{self, Asker, Labelled, Shown};
use crate::outline::Outline;
use crate::prepared::PreparedRecord;
use crate::tables::Tables;

const LAYOUT_VERSION: u32 = 8;
/// Names of the two columns of an id.
const ID_HIGH: &str = "id_high";
const ID_LOW: &str = "id_low";
/// Name of the column of dates of birth.
const BORN: &str = "born";
/// Name of the column of outlines.
const OUTLINE: &str = "outline";
/// Name of the column of labels.
const LABELS: &str = "labels";

/// The fields of the index.
#[derive(Debug, Clone, Copy)]
pub struct Fields {
    id: Field,
    id_high: Field,
    id_low: Field,
    born: Field,
    outline: Field,
    labels: Field,
    /// Words and numbers of a record.
    pub word: Field,
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
            outline: schema.add_u64_field(OUTLINE, FAST),
            labels: schema.add_bytes_field(LABELS, BytesOptions::default().set_fast()),
            word: schema.add_bytes_field("word", exact.clone()),
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

    /// The document of a record.
    pub fn record(&self, id: RecordId, record: &PreparedRecord, labels: &Labels) -> TantivyDocument {
        let mut document = TantivyDocument::default();
        let number = u128::from_be_bytes(id.0);
        document.add_bytes(self.id, &id.0);
        document.add_u64(self.id_high, (number >> 64) as u64);
        document.add_u64(self.id_low, number as u64);
        record.birth_dates.iter().for_each(|date| document.add_u64(self.born, pack_date(*date)));
        document.add_u64(self.outline, record.outline().pack());
        document.add_bytes(self.labels, labelled::written(labels).as_bytes());
        for token in record.words() {
            document.add_bytes(self.word, token.text.as_bytes());
        }
        for key in &record.numbers {
            document.add_bytes(self.word, keys::number(key).as_bytes());
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

/// What is kept of a segment's records in columns.
pub struct Columns {
    id: [Column<u64>; 2],
    born: Column<u64>,
    outline: Column<u64>,
    labelled: Labelled,
}

impl Columns {
    /// The columns of a segment.
    pub fn of(segment: &SegmentReader) -> Result<Self, TantivyError> {
        let columns = segment.fast_fields();
        let id = [columns.u64(ID_HIGH)?, columns.u64(ID_LOW)?];
        let missing = || DataCorruption::comment_only("a segment without labels");
        let labels = columns.bytes(LABELS)?.ok_or_else(missing)?;
        let (mut texts, mut stream) = (Vec::new(), labels.dictionary().stream()?);
        while stream.advance() {
            texts.push(stream.key().to_vec());
        }
        let labelled = Labelled::new(texts.iter().map(Vec::as_slice), labels.ords().clone())?;
        Ok(Self { id, born: columns.u64(BORN)?, outline: columns.u64(OUTLINE)?, labelled })
    }

    /// Which records a question may find; None: none of them.
    pub fn shown<'a>(&'a self, asker: Option<&Asker<'a>>) -> Option<Shown<'a>> {
        self.labelled.shown(asker)
    }

    /// The id of a record.
    pub fn id(&self, record: DocId) -> Option<RecordId> {
        let [high, low] = self.id.each_ref().map(|half| half.first(record));
        Some(RecordId((u128::from(high?) << 64 | u128::from(low?)).to_be_bytes()))
    }

    /// Its outline.
    pub fn outline(&self, record: DocId) -> Option<Outline> {
        self.outline.first(record).map(Outline::unpack)
    }

    /// Its dates of birth.
    pub fn born(&self, record: DocId) -> impl Iterator<Item = BirthDate> {
        self.born.values_for_doc(record).filter_map(unpack_date)
    }
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

    #[test]
    fn a_payload_reads_as_it_is_written_and_another_version_does_not() {
        assert_eq!(covered(&payload(77)), Some(77));
        assert_eq!(covered("names/0/0 77"), None);
        assert_eq!(covered(""), None);
    }

    #[test]
    fn a_date_survives_its_column() {
        for date in ["1970", "1970-01", "0001-12-31", "9999-12-31", "circa 1960", "1950/1955", "1950-03-04/1951-12"] {
            let date: BirthDate = date.parse().expect("a date");
            assert_eq!(unpack_date(pack_date(date)), Some(date));
        }
    }
}
