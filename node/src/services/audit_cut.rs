//! What of an event's payload tells of records, and is left out for a reader who may not see them (R30: auditors see what their
//! grants open, like everybody else). Leaves, hashes and exports are whole: they hold payloads sealed.

use std::collections::BTreeMap;

use model::access::admit::Hidden;
use model::audit::event::{EventHeader, EventKind, EventPayload};
use model::ids::RecordId;

use super::Api;
use crate::cut::Cut;
use crate::error::ApiError;
use crate::records::DATASET;

/// Terms of a change that say nothing of what a record holds.
const HARMLESS: [&str; 6] = ["id", "lookout", "expected_version", "level", "labels", "expires"];

/// What a reader sees of the records that events are about; each record is looked at once.
pub(super) struct Sights<'a> {
    api: &'a Api,
    cut: &'a Cut,
    seen: BTreeMap<RecordId, bool>,
}

impl<'a> Sights<'a> {
    pub fn new(api: &'a Api, cut: &'a Cut) -> Self {
        Self { api, cut, seen: BTreeMap::new() }
    }

    /// Leaves out of a payload what it tells of records that are hidden from the reader: names and reasons that a change
    /// wrote, and which records a question found.
    pub fn cut(&mut self, header: &EventHeader, payload: &mut EventPayload) -> Result<(), ApiError> {
        if self.cut.is_ungated() {
            return Ok(());
        }
        match header.kind() {
            Some(EventKind::Create | EventKind::Update | EventKind::OverrideRecord) => {
                let named = payload.terms.iter().find(|term| matches!(term.field.as_str(), "id" | "lookout"));
                let named = named.and_then(|term| term.value.parse().ok());
                let made = header.changes.first().map(|changed| RecordId(changed.id));
                let shown = match named.or(made) {
                    Some(id) => self.sees(id)?,
                    // What was refused was never a record that anybody may see.
                    None => false,
                };
                if !shown {
                    payload.terms.retain(|term| HARMLESS.contains(&term.field.as_str()));
                }
            }
            Some(EventKind::Query | EventKind::BatchRow | EventKind::Compare | EventKind::Explain) => {
                let mut shown = Vec::new();
                for result in std::mem::take(&mut payload.results) {
                    if self.sees(RecordId(result.id))? {
                        shown.push(result);
                    }
                }
                payload.results = shown;
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the reader may see a record.
    pub fn sees(&mut self, id: RecordId) -> Result<bool, ApiError> {
        if self.cut.is_ungated() {
            return Ok(true);
        }
        if let Some(seen) = self.seen.get(&id) {
            return Ok(*seen);
        }
        let group = self.api.0.groups.get(self.api.owner(id.slot())?)?;
        let record = group.read(|state| state.record(DATASET, id))?;
        let seen = record.is_some_and(|record| self.cut.admit(Hidden::new(record)).is_ok());
        self.seen.insert(id, seen);
        Ok(seen)
    }
}
