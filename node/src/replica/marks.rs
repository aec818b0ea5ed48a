//! Marks the hits that an override is about (FEATURES.md 4.1).

use model::known_bugs::{KnownBug, planted};
use model::lookout::Lookout;
use model::overrides::{Mark, Override, OverrideHeader, StoredOverride, may_be_told_apart};
use model::screen::{Hit, Query};
use model::time::UnixMillis;
use raft::machine::State;
use raft::storage;
use tokio::time::Instant;

use super::Replica;
use crate::error::ApiError;
use crate::question::Question;
use crate::records::DATASET;

impl Replica {
    /// Marks the hits that an override is about, as the same view of the state has it: the lookout and its overrides are of
    /// one moment.
    pub(super) fn mark(
        &self,
        state: State<'_>,
        question: &Question,
        until: Instant,
        hits: &mut [Hit],
    ) -> storage::Result<Result<(), ApiError>> {
        let (query, at) = (&question.query, question.at);
        if !may_be_told_apart(query) {
            return Ok(Ok(()));
        }
        for hit in hits {
            let mut there = state.overrides(DATASET, hit.id)?;
            there.retain(|stored| stored.header.in_force(at) || planted(KnownBug::EndedOverrideApplies));
            if there.is_empty() {
                continue;
            }
            if Instant::now() >= until {
                return Ok(Err(self.too_slow()));
            }
            let Some(record) = state.record(DATASET, hit.id)? else { continue };
            match self.open(&record).and_then(|opened| self.mark_of(&opened.lookout, there, query, at)) {
                Ok(mark) => hit.overridden = mark,
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(()))
    }

    /// The first of a lookout's overrides that applies.
    fn mark_of(
        &self,
        lookout: &Lookout,
        there: Vec<StoredOverride>,
        query: &Query,
        at: UnixMillis,
    ) -> Result<Option<Mark>, ApiError> {
        for stored in there {
            let content = self.0.records.open_override(&stored)?;
            if content.applies(lookout, query, at) || planted(KnownBug::OverrideOfAnybody) {
                let OverrideHeader { id, recorded, agency, .. } = stored.header;
                let Override { reason, expires, .. } = content;
                return Ok(Some(Mark { id, reason, recorded_by: recorded.by, agency, expires }));
            }
        }
        Ok(None)
    }
}
