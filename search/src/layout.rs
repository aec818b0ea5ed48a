//! What the index holds of a record: its id, to delete it by, and its keys. No stored document, no norms, no frequencies.
//!
//! The id is kept twice more as two numbers in columns, from which candidates are read without a look-up. Raise
//! `LAYOUT_VERSION` with any change: an index of another layout is emptied and fed again.

use model::ids::RecordId;
use tantivy::schema::{BytesOptions, FAST, Field, Schema};
use tantivy::{TantivyDocument, Term};

use crate::prepared::PreparedRecord;
use crate::tables::Tables;

const LAYOUT_VERSION: u32 = 1;
/// Names of the two columns of an id.
pub const ID_HIGH: &str = "id_high";
pub const ID_LOW: &str = "id_low";

/// The fields of the index.
#[derive(Debug, Clone, Copy)]
pub struct Fields {
    id: Field,
    id_high: Field,
    id_low: Field,
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
            key: schema.add_bytes_field("key", exact),
        };
        (schema.build(), fields)
    }

    /// The term of a record's id.
    pub fn id_term(&self, id: RecordId) -> Term {
        Term::from_field_bytes(self.id, &id.0)
    }

    /// The term of a key.
    pub fn key_term(&self, key: &str) -> Term {
        Term::from_field_bytes(self.key, key.as_bytes())
    }

    /// The document of a record.
    pub fn document(&self, id: RecordId, record: &PreparedRecord, tables: &Tables) -> TantivyDocument {
        let mut document = TantivyDocument::default();
        let number = u128::from_be_bytes(id.0);
        document.add_bytes(self.id, &id.0);
        document.add_u64(self.id_high, (number >> 64) as u64);
        document.add_u64(self.id_low, number as u64);
        for key in record.keys(tables).iter() {
            document.add_bytes(self.key, key.as_bytes());
        }
        document
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
}
