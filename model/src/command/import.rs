//! Import a source list: begin, batches, and a sweep that removes what the list no longer names.
//!
//! Every entry that an import names is marked with the import's id. The sweep at its end removes the records of the
//! source whose mark is another one. Marks live in the group, so an import that broke off goes on from anywhere, and of
//! two imports of one list at once the later one wins whole: batches of the earlier are refused as superseded.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::audit::event::{ChangeKind, ChangedRecord, EventDraft, Verdict};
use crate::codec::Stored;
use crate::command::remember::{misplaced, post, put, stamp, told};
use crate::command::{Imported, Outcome};
use crate::decide::Context;
use crate::envelope::Envelope;
use crate::error::{Refusal, RefusalCode};
use crate::ids::{ImportId, RecordId, SlotId, SourceList};
use crate::limits::IMPORT_SWEEP_MAX;
use crate::record::{Dataset, Draft, RecordState, StoredRecord};
use crate::time::UnixMillis;
use crate::view::{Effects, Read, View, Write};

/// The latest import of a source, as a records group knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportState {
    pub import: ImportId,
    pub begun: UnixMillis,
    /// When the sweep was through; None while it runs or if it broke off.
    pub ended: Option<UnixMillis>,
    /// Entries that it named in this group; one that was sent twice counts twice.
    pub named: u64,
}

impl Stored for ImportState {
    const TAG: u16 = 13;
    const VERSION: u8 = 1;
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportBegin {
    pub source: SourceList,
    pub import: ImportId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportBatch {
    pub source: SourceList,
    pub import: ImportId,
    /// Entries whose content is new to the group.
    pub drafts: Vec<Draft>,
    /// Entries that the leader found unchanged when it proposed: ids and the content it compared.
    pub seen: Vec<Seen>,
    /// Entries that the list names and the reader could not read: what is in force of them stays.
    pub kept: Vec<(Dataset, RecordId)>,
    pub event: EventDraft,
}

/// An entry that is there already, with this content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub dataset: Dataset,
    pub id: RecordId,
    pub content: crate::ids::Token,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportSweep {
    pub source: SourceList,
    pub import: ImportId,
    pub dataset: Dataset,
    /// Where the sweep before ended.
    pub after: Option<RecordId>,
    pub event: EventDraft,
}

/// Begins an import, or goes on with the same one. A different one supersedes what ran before, if it is of the same agency: a
/// list is that agency's whose records it holds (R20).
pub fn begin(view: &dyn View, context: Context, envelope: &Envelope, command: &ImportBegin) -> Read<Effects> {
    for (id, _) in view.source_marks(&command.source, None, 1)? {
        if foreign(envelope, view.record(Dataset::Tecs, id)?.as_ref()) {
            return Ok(of_another(&command.source));
        }
    }
    let running = view.import(&command.source)?.filter(|state| state.import == command.import && state.ended.is_none());
    let writes = match running {
        Some(_) => Vec::new(),
        None => {
            let state = ImportState { import: command.import, begun: context.time, ended: None, named: 0 };
            vec![Write::PutImport(command.source.clone(), state)]
        }
    };
    Ok(Effects { writes, outcome: Outcome::Done(()) })
}

/// Creates, updates or marks the entries of a batch. Entries are independent: an id stands once in a batch (the node sees
/// to it), so each is decided against the state before the batch.
pub fn batch(view: &dyn View, context: Context, envelope: &Envelope, command: &ImportBatch) -> Read<Effects> {
    let state = match current(view, &command.source, command.import)? {
        Ok(state) => state,
        Err(refusal) => return Ok(Effects { writes: Vec::new(), outcome: Outcome::Refused(refusal) }),
    };
    let ids = command.drafts.iter().map(|draft| draft.id).chain(command.seen.iter().map(|seen| seen.id));
    let slots: BTreeSet<SlotId> =
        ids.clone().chain(command.kept.iter().map(|(_, id)| *id)).map(RecordId::slot).collect();
    for slot in slots {
        if let Some(refusal) = misplaced(view, context, slot)? {
            return Ok(Effects { writes: Vec::new(), outcome: Outcome::Refused(refusal) });
        }
    }
    let stamp = match stamp(context, envelope) {
        Ok(stamp) => stamp,
        Err(refusal) => return Ok(Effects { writes: Vec::new(), outcome: Outcome::Refused(refusal) }),
    };
    let (mut writes, mut changes, mut outcome) = (Vec::new(), Vec::new(), Imported::default());
    for draft in &command.drafts {
        let before = view.record(draft.dataset, draft.id)?;
        if foreign(envelope, before.as_ref()) {
            return Ok(of_another(&command.source));
        }
        let after = match &before {
            None => {
                outcome.created += 1;
                changes.push(ChangedRecord::new(draft.id, 1, ChangeKind::Created));
                Some(StoredRecord::created(draft, stamp.clone()))
            }
            Some(before) if before.header.content == draft.content && before.header.state == RecordState::Active => {
                outcome.unchanged += 1;
                None
            }
            // A removed entry that the list names again comes back as the next version of the same record.
            Some(before) => {
                let after = before.updated(draft, stamp.clone());
                let created = before.header.state == RecordState::Removed;
                *(if created { &mut outcome.created } else { &mut outcome.updated }) += 1;
                let kind = if created { ChangeKind::Created } else { ChangeKind::Updated };
                changes.push(ChangedRecord::new(draft.id, after.header.version, kind));
                Some(after)
            }
        };
        if let Some(after) = after {
            writes.extend(put(before.as_ref(), after));
        }
    }
    for seen in &command.seen {
        // The leader compared before it proposed; if a change came between, the entry is refused as a whole batch and
        // sent again, rather than marked for a content that is not there.
        let before = view.record(seen.dataset, seen.id)?;
        if foreign(envelope, before.as_ref()) {
            return Ok(of_another(&command.source));
        }
        let same = before
            .is_some_and(|record| record.header.content == seen.content && record.header.state == RecordState::Active);
        if !same {
            let text = "an entry changed between comparison and commit; send the batch again";
            return Ok(Effects::refused(RefusalCode::StaleVersion, text));
        }
        outcome.unchanged += 1;
    }
    for (dataset, id) in &command.kept {
        let record = view.record(*dataset, *id)?.filter(|record| !foreign(envelope, Some(record)));
        if record.is_some_and(|record| record.header.state == RecordState::Active) {
            writes.push(Write::PutSourceMark(command.source.clone(), *id, command.import));
        }
    }
    let named = state.named + (command.drafts.len() + command.seen.len() + command.kept.len()) as u64;
    writes.push(Write::PutImport(command.source.clone(), ImportState { named, ..state }));
    writes.extend(ids.map(|id| Write::PutSourceMark(command.source.clone(), id, command.import)));
    writes.extend(tell(view, &command.event, &changes)?);
    Ok(Effects { writes, outcome: Outcome::Imported(outcome) })
}

/// Removes the next share of the source's records that this import did not name.
pub fn sweep(view: &dyn View, context: Context, envelope: &Envelope, command: &ImportSweep) -> Read<Effects> {
    let state = match current(view, &command.source, command.import)? {
        Ok(state) => state,
        Err(refusal) => return Ok(Effects { writes: Vec::new(), outcome: Outcome::Refused(refusal) }),
    };
    let stamp = match stamp(context, envelope) {
        Ok(stamp) => stamp,
        Err(refusal) => return Ok(Effects { writes: Vec::new(), outcome: Outcome::Refused(refusal) }),
    };
    // Looks at many, removes few: a share is bounded by what it reads as well.
    let page = view.source_marks(&command.source, command.after, IMPORT_SWEEP_MAX)?;
    let (mut writes, mut changes, mut outcome) = (Vec::new(), Vec::new(), Imported::default());
    for (id, mark) in &page {
        if *mark == command.import {
            continue;
        }
        let before = view.record(command.dataset, *id)?;
        if foreign(envelope, before.as_ref()) {
            continue;
        }
        writes.push(Write::DeleteSourceMark(command.source.clone(), *id));
        if let Some(before) = before.filter(|record| record.header.state == RecordState::Active) {
            let after = before.removed(stamp.clone());
            outcome.removed += 1;
            changes.push(ChangedRecord::new(*id, after.header.version, ChangeKind::Removed));
            writes.extend(put(Some(&before), after));
        }
    }
    outcome.next = if page.len() < IMPORT_SWEEP_MAX { None } else { page.last().map(|(id, _)| *id) };
    if outcome.next.is_none() {
        let state = ImportState { ended: Some(context.time), ..state };
        writes.push(Write::PutImport(command.source.clone(), state));
    }
    writes.extend(tell(view, &command.event, &changes)?);
    Ok(Effects { writes, outcome: Outcome::Imported(outcome) })
}

/// Whether a record is another agency's than that of who imports.
fn foreign(envelope: &Envelope, record: Option<&StoredRecord>) -> bool {
    let agency = envelope.caller.as_ref().map(|caller| &caller.agency);
    record.is_some_and(|record| agency != Some(&record.header.owner))
}

fn of_another(source: &SourceList) -> Effects {
    let text = format!("the list `{source}` is another agency's; give yours another name");
    Effects::refused(RefusalCode::ListOfAnother, text)
}

/// The import, if it is still the one that runs.
fn current(view: &dyn View, source: &SourceList, import: ImportId) -> Read<Result<ImportState, Refusal>> {
    let superseded = || {
        let text = format!("another import of `{source}` has begun since");
        Refusal::new(RefusalCode::ImportSuperseded, text)
    };
    Ok(view.import(source)?.filter(|state| state.import == import).ok_or_else(superseded))
}

/// The events of an import's changes, through the outbox of the first changed record's slot; none for no change.
fn tell(view: &dyn View, event: &EventDraft, changes: &[ChangedRecord]) -> Read<Vec<Write>> {
    let Some(first) = changes.first() else { return Ok(Vec::new()) };
    let slot: SlotId = RecordId(first.id).slot();
    post(view, slot, told(event, Verdict::Changed, None, Vec::new()).split(changes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::*;

    fn run(world: &mut World, import: u8, entries: &[(&str, &str)]) -> (u32, u32, u32, u32) {
        let mut total = (0, 0, 0, 0);
        let begin = world.import_begin(import);
        world.apply(&begin);
        for chunk in entries.chunks(2) {
            let batch = world.import_batch(import, chunk);
            let Outcome::Imported(part) = world.apply(&batch) else { panic!("refused") };
            total = (total.0 + part.created, total.1 + part.updated, total.2 + part.unchanged, total.3);
        }
        let mut after = None;
        loop {
            let sweep = world.import_sweep(import, after);
            let Outcome::Imported(part) = world.apply(&sweep) else { panic!("refused") };
            total.3 += part.removed;
            after = part.next;
            if after.is_none() {
                return total;
            }
        }
    }

    #[test]
    fn a_second_import_changes_nothing_and_a_newer_one_just_the_difference() {
        let mut world = World::default();
        assert_eq!(run(&mut world, 1, &[("a", "1"), ("b", "1"), ("c", "1")]), (3, 0, 0, 0));
        let events = world.outbox().len();
        assert_eq!(run(&mut world, 1, &[("a", "1"), ("b", "1"), ("c", "1")]), (0, 0, 3, 0));
        assert_eq!(world.outbox().len(), events, "nothing changed, nothing to tell");
        assert_eq!(run(&mut world, 2, &[("a", "1"), ("b", "2"), ("d", "1")]), (1, 1, 1, 1));
        assert_eq!(world.history(source_id("c")), vec![1, 2], "what was removed stays in its history");
        assert_eq!(run(&mut world, 3, &[("a", "1"), ("b", "2"), ("c", "1"), ("d", "1")]), (1, 0, 3, 0));
    }

    #[test]
    fn what_is_named_and_cannot_be_read_stays_in_force_and_makes_nothing() {
        let mut world = World::default();
        run(&mut world, 1, &[("a", "1"), ("b", "1")]);
        let begin = world.import_begin(2);
        world.apply(&begin);
        let kept = world.import_kept(2, &["a", "never-there"]);
        assert!(matches!(world.apply(&kept), Outcome::Imported(part) if part == Imported::default()));
        let sweep = world.import_sweep(2, None);
        assert!(matches!(world.apply(&sweep), Outcome::Imported(part) if part.removed == 1));
        assert_eq!(world.history(source_id("a")), vec![1]);
        assert_eq!(world.history(source_id("b")), vec![1, 2], "what is not named at all goes");
        assert_eq!(world.history(source_id("never-there")), Vec::<u64>::new());
    }

    #[test]
    fn r20_a_list_is_the_agencys_whose_records_it_holds() {
        let mut world = World::default();
        run(&mut world, 1, &[("a", "1"), ("b", "1")]);
        let remove = world.remove(source_id("b"), None);
        world.apply(&remove);
        let of_another = |mut envelope: Envelope| {
            envelope.caller.as_mut().expect("a caller").agency = crate::ids::AgencyId::new("IRS").expect("code");
            envelope
        };
        let begin = of_another(world.import_begin(2));
        assert_eq!(code(&world.apply(&begin)), Some(RefusalCode::ListOfAnother));
        // Also where the import it has is running: what is removed is not taken over either.
        for entries in [[("a", "2")], [("b", "2")]] {
            let batch = of_another(world.import_batch(1, &entries));
            assert_eq!(code(&world.apply(&batch)), Some(RefusalCode::ListOfAnother));
        }
        let begin = world.import_begin(3);
        world.apply(&begin);
        let sweep = of_another(world.import_sweep(3, None));
        assert!(matches!(world.apply(&sweep), Outcome::Imported(part) if part.removed == 0));
        assert_eq!((world.history(source_id("a")), world.history(source_id("b"))), (vec![1], vec![1, 2]));
    }

    #[test]
    fn the_later_of_two_imports_wins_whole() {
        let mut world = World::default();
        let (first, second) = (world.import_begin(1), world.import_begin(2));
        world.apply(&first);
        world.apply(&second);
        let late = world.import_batch(1, &[("a", "1")]);
        assert_eq!(code(&world.apply(&late)), Some(RefusalCode::ImportSuperseded));
        let sweep = world.import_sweep(1, None);
        assert_eq!(code(&world.apply(&sweep)), Some(RefusalCode::ImportSuperseded));
    }
}
