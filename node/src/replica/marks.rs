//! Marks the hits that an override is about (FEATURES.md 4.1).

use model::access::admit::Seen;
use model::known_bugs::{KnownBug, planted};
use model::lookout::Lookout;
use model::overrides::{Mark, MarkTold, Override, OverrideHeader, StoredOverride, may_be_told_apart};
use model::screen::{Hit, Query};
use model::time::UnixMillis;
use raft::storage;
use tokio::time::Instant;

use super::hits::{Judge, Kept};
use crate::error::ApiError;
use crate::question::Question;

impl Judge {
    /// Marks the hits that an override is about, as the same view of the state has it: the lookout and its overrides are of
    /// one moment. Of a lookout that is shown only because it is on primary the mark says that there is an override, which lets
    /// an innocent traveller pass, and not why or by whom.
    pub(super) fn mark(
        &self,
        kept: &impl Kept,
        question: &Question,
        until: Instant,
        hits: &mut [Hit],
    ) -> storage::Result<Result<(), ApiError>> {
        let (query, at) = (&question.query, question.at);
        if !may_be_told_apart(query) {
            return Ok(Ok(()));
        }
        for hit in hits {
            let mut there = kept.overrides(hit.id)?;
            there.retain(|stored| stored.header.in_force(at) || planted(KnownBug::EndedOverrideApplies));
            if there.is_empty() {
                continue;
            }
            if Instant::now() >= until {
                return Ok(Err(self.too_slow()));
            }
            let Some(record) = kept.in_force(hit.id)? else { continue };
            let marked = match question.cut.show(record, true) {
                Seen::Full(record) => self.open(record.get()),
                Seen::Primary(record) => record.minimal(|record| self.open(record)),
                Seen::Nothing => continue,
            };
            let told = !hit.minimal;
            match marked.and_then(|opened| self.mark_of(&opened.lookout, there, (query, at), told)) {
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
        (query, at): (&Query, UnixMillis),
        told: bool,
    ) -> Result<Option<Mark>, ApiError> {
        for stored in there {
            let content = self.records.open_override(&stored)?;
            if content.applies(lookout, query, at) || planted(KnownBug::OverrideOfAnybody) {
                let OverrideHeader { id, recorded, agency, .. } = stored.header;
                let Override { reason, expires, .. } = content;
                let told = told.then_some(MarkTold { reason, recorded_by: recorded.by, agency });
                return Ok(Some(Mark { id, expires, told }));
            }
        }
        Ok(None)
    }
}
