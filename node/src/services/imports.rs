//! Imports: begin in every records group, batches split by slot, a sweep at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{Stream, StreamExt};
use model::access::function::Function;
use model::audit::event::{EventKind, Term, Verdict};
use model::command::import::{ImportBatch, ImportBegin, ImportSweep, Seen};
use model::command::{Command, Imported, Outcome};
use model::error::{Invalid, RefusalCode};
use model::ids::{GroupId, ImportId, RecordId, SourceList, check_code};
use model::limits::{DEADLINE_MAX_MS, IMPORT_BATCH_MAX};
use model::record::{AccessLevel, Dataset, Draft, RecordState, Source};
use proto::convert::lookout_from;
use proto::v1 as message;
use proto::v1::import_request::Step;
use tokio::time::Instant;
use tonic::{Request, Response, Status, Streaming};

use super::asked::Asked;
use super::v1::imports_server::Imports;
use super::{Api, Call, until_idle};
use crate::audit::{Released, Unreleased};
use crate::error::ApiError;
use crate::gate::{Admitted, Need};
use crate::records::DATASET;

const IMPORT: Call = Call { name: "import", kind: EventKind::Import, need: Need::Function(Function::ListImport) };
/// Batches of a stream that are under way at a time.
const PIPELINE: usize = 4;
/// Attempts at a batch whose entries change under it.
const ATTEMPTS: usize = 3;
/// Sealed bytes of the drafts of one command.
const DRAFT_BYTES_MAX: usize = 384 * 1024;

/// A batch waits while a search index is so many log entries behind: what is not indexed makes every question slower.
const INDEX_BEHIND_MAX: u64 = 256;
/// How long it waits at most; an index that does not get on must not stop the lists.
const INDEX_WAIT_MAX: Duration = Duration::from_secs(5);
const INDEX_LOOK: Duration = Duration::from_millis(20);

/// The import that a stream is about.
#[derive(Clone)]
struct Running {
    source: SourceList,
    import: ImportId,
}

impl Api {
    /// One step, and its event: also of a step that changed nothing, since what is unchanged tells what is there.
    async fn step(
        &self,
        admitted: &Admitted,
        running: &Option<Running>,
        step: Option<Step>,
    ) -> Result<Released<message::ImportProgress>, ApiError> {
        let begun = || -> Result<&Running, ApiError> {
            let missing = || Invalid::new("step", "the first message of an import must be begin".into());
            Ok(running.as_ref().ok_or_else(missing)?)
        };
        let progress = match step {
            None => return Err(Invalid::new("step", "is missing".into()).into()),
            Some(Step::Begin(begin)) => self.begin(admitted, &running_of(&begin)?).await,
            Some(Step::Batch(batch)) => self.batch(admitted, begun()?, batch).await,
            Some(Step::Finish(_)) => self.finish(admitted, begun()?).await,
        }?;
        let mut header = admitted.event(IMPORT.kind);
        let changed = progress.created + progress.updated + progress.removed > 0;
        header.verdict = if changed { Verdict::Changed } else { Verdict::Unchanged }.number();
        let mut payload = admitted.payload();
        payload.terms.extend(counts(&progress));
        self.release(admitted, Unreleased::new(progress, None, header, payload)).await
    }

    async fn begin(&self, admitted: &Admitted, running: &Running) -> Result<message::ImportProgress, ApiError> {
        for group in self.slot_map()?.groups() {
            let command = ImportBegin { source: running.source.clone(), import: running.import };
            let request = self.0.gate.request_id();
            match self.propose(group, admitted, request, Command::ImportBegin(command)).await? {
                Outcome::Done(()) => {}
                other => return Err(unexpected(other)),
            }
        }
        Ok(message::ImportProgress::default())
    }

    async fn batch(
        &self,
        admitted: &Admitted,
        running: &Running,
        batch: message::ImportBatch,
    ) -> Result<message::ImportProgress, ApiError> {
        let count = batch.entries.len() + batch.kept.len();
        if count > IMPORT_BATCH_MAX {
            let text = format!("has {count} entries, at most {IMPORT_BATCH_MAX} are allowed");
            return Err(Invalid::new("entries", text).into());
        }
        let mut progress = message::ImportProgress::default();
        let (mut shares, mut ids): (BTreeMap<GroupId, Share>, BTreeSet<RecordId>) = Default::default();
        let map = self.slot_map()?;
        let owner = |id: RecordId| map.owner(id.slot()).ok_or_else(|| ApiError::Internal("a slot has no owner".into()));
        self.let_the_index_catch_up().await;
        self.0.records.keys().ready_for(DATASET, admitted.left()?).await?;
        for entry in batch.entries {
            let row = entry.row;
            match self.entry(admitted, running, entry) {
                Ok(draft) if !ids.insert(draft.id) => {
                    let reason = "stands twice in the list; the first one counts".to_string();
                    progress.rejected.push(message::ImportRejection { row, field: "source_ref".into(), reason });
                }
                Ok(draft) => shares.entry(owner(draft.id)?).or_default().drafts.push(draft),
                Err(ApiError::Invalid(Invalid { field, reason })) => {
                    progress.rejected.push(message::ImportRejection { row, field, reason });
                }
                Err(error) => return Err(error),
            }
        }
        for reference in batch.kept {
            check_code("kept", &reference)?;
            let id = RecordId::of_source(running.source.as_str(), &reference);
            shares.entry(owner(id)?).or_default().kept.push((DATASET, id));
        }
        let sent = shares.into_iter().map(|(group, share)| self.batch_of(admitted, running, group, share));
        for imported in join_all(sent).await {
            add(&mut progress, &imported?);
        }
        Ok(progress)
    }

    async fn let_the_index_catch_up(&self) {
        let begun = Instant::now();
        let behind = || self.0.replicas.iter().any(|replica| replica.behind() > INDEX_BEHIND_MAX);
        while behind() && begun.elapsed() < INDEX_WAIT_MAX {
            tokio::time::sleep(INDEX_LOOK).await;
        }
    }

    fn entry(&self, admitted: &Admitted, running: &Running, entry: message::ImportEntry) -> Result<Draft, ApiError> {
        check_code("source_ref", &entry.source_ref)?;
        let lookout = entry.lookout.ok_or_else(|| Invalid::new("lookout", "is missing".into()))?;
        let lookout = lookout_from(lookout)?;
        let id = RecordId::of_source(running.source.as_str(), &entry.source_ref);
        let source = Source { list: running.source.clone(), reference: entry.source_ref };
        self.0.records.draft(id, &lookout, admitted.caller.agency.clone(), (AccessLevel::One, Vec::new()), Some(source))
    }

    /// One group's share of a batch: what is unchanged goes as a mark, the rest in commands of bounded size.
    async fn batch_of(
        &self,
        admitted: &Admitted,
        running: &Running,
        group: GroupId,
        Share { drafts, mut kept }: Share,
    ) -> Result<Imported, ApiError> {
        let mut total = Imported::default();
        let mut rest = drafts.as_slice();
        while !rest.is_empty() || !kept.is_empty() {
            let mut bytes = 0;
            let count = rest.iter().take_while(|draft| {
                bytes += draft.sealed.ciphertext.len() + 256;
                bytes <= DRAFT_BYTES_MAX
            });
            let (share, others) = rest.split_at(count.count().max(1).min(rest.len()));
            rest = others;
            let imported = self.share_of(admitted, running, group, share, std::mem::take(&mut kept)).await?;
            total.created += imported.created;
            total.updated += imported.updated;
            total.unchanged += imported.unchanged;
        }
        Ok(total)
    }

    async fn share_of(
        &self,
        admitted: &Admitted,
        running: &Running,
        group: GroupId,
        share: &[Draft],
        kept: Vec<(Dataset, RecordId)>,
    ) -> Result<Imported, ApiError> {
        for attempt in 0..ATTEMPTS {
            let known = self.0.groups.get(group)?.read(|state| {
                share.iter().map(|draft| state.record(DATASET, draft.id)).collect::<Result<Vec<_>, _>>()
            })?;
            let (mut fresh, mut seen) = (Vec::new(), Vec::new());
            for (draft, known) in share.iter().zip(known) {
                let same = known.is_some_and(|record| {
                    record.header.content == draft.content && record.header.state == RecordState::Active
                });
                // After a clash everything goes whole: the log decides what is unchanged.
                if same && attempt == 0 {
                    seen.push(Seen { dataset: DATASET, id: draft.id, content: draft.content });
                } else {
                    fresh.push(draft.clone());
                }
            }
            let command = ImportBatch {
                source: running.source.clone(),
                import: running.import,
                drafts: fresh,
                seen,
                kept: kept.clone(),
                event: self.import_event(admitted, running)?,
            };
            let request = self.0.gate.request_id();
            match self.propose(group, admitted, request, Command::ImportBatch(command)).await? {
                Outcome::Imported(imported) => return Ok(imported),
                Outcome::Refused(refusal) if refusal.code == RefusalCode::StaleVersion => {}
                other => return Err(unexpected(other)),
            }
        }
        Err(ApiError::Internal("the entries of a batch keep changing under it".into()))
    }

    async fn finish(&self, admitted: &Admitted, running: &Running) -> Result<message::ImportProgress, ApiError> {
        let mut progress = message::ImportProgress::default();
        if self.named(admitted, running).await? == 0 {
            let text = "the list names none: nothing is removed; an empty list is taken for a broken one";
            return Err(Invalid::new("entries", text.into()).into());
        }
        for group in self.slot_map()?.groups() {
            let mut after = None;
            loop {
                let admitted = admitted.renewed(Duration::from_millis(DEADLINE_MAX_MS));
                let command = ImportSweep {
                    source: running.source.clone(),
                    import: running.import,
                    dataset: DATASET,
                    after,
                    event: self.import_event(&admitted, running)?,
                };
                let request = self.0.gate.request_id();
                match self.propose(group, &admitted, request, Command::ImportSweep(command)).await? {
                    Outcome::Imported(imported) => {
                        add(&mut progress, &imported);
                        after = imported.next;
                    }
                    other => return Err(unexpected(other)),
                }
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(progress)
    }

    /// How many entries the import has named in all groups.
    async fn named(&self, admitted: &Admitted, running: &Running) -> Result<u64, ApiError> {
        let mut named = 0;
        for group in self.slot_map()?.groups() {
            let group = self.0.groups.get(group)?;
            group.linearize(admitted.left()?).await?;
            let state = group.read(|state| state.import(&running.source))?;
            named += state.filter(|state| state.import == running.import).map_or(0, |state| state.named);
        }
        Ok(named)
    }

    fn import_event(
        &self,
        admitted: &Admitted,
        running: &Running,
    ) -> Result<model::audit::event::EventDraft, ApiError> {
        let header = admitted.event(IMPORT.kind);
        let mut payload = admitted.payload();
        payload.text = Some(format!("import {}", running.import));
        Ok(self.0.pipeline.draft(header, &payload)?)
    }
}

/// One group's part of a batch.
#[derive(Default)]
struct Share {
    drafts: Vec<Draft>,
    kept: Vec<(Dataset, RecordId)>,
}

/// What a step did, for its event.
fn counts(progress: &message::ImportProgress) -> Vec<Term> {
    let counts = [
        ("created", progress.created),
        ("updated", progress.updated),
        ("unchanged", progress.unchanged),
        ("removed", progress.removed),
        ("rejected", progress.rejected.len() as u64),
    ];
    let some = counts.into_iter().filter(|(_, count)| *count > 0);
    some.map(|(field, count)| Term { field: field.to_string(), value: count.to_string() }).collect()
}

fn add(progress: &mut message::ImportProgress, imported: &Imported) {
    progress.created += u64::from(imported.created);
    progress.updated += u64::from(imported.updated);
    progress.unchanged += u64::from(imported.unchanged);
    progress.removed += u64::from(imported.removed);
}

fn unexpected(outcome: Outcome) -> ApiError {
    match outcome {
        Outcome::Refused(refusal) => refusal.into(),
        other => ApiError::Internal(format!("an import was answered with {}", other.name())),
    }
}

fn running_of(begin: &message::ImportBegin) -> Result<Running, ApiError> {
    let import = begin.import_id.parse::<ImportId>()?;
    Ok(Running { source: SourceList::new(&begin.source)?, import })
}

#[tonic::async_trait]
impl Imports for Api {
    type ImportStream = Pin<Box<dyn Stream<Item = Result<Released<message::ImportProgress>, Status>> + Send>>;

    async fn import(
        &self,
        request: Request<Streaming<message::ImportRequest>>,
    ) -> Result<Response<Self::ImportStream>, Status> {
        let (admitted, open) = self.admit_stream(IMPORT, &request).await?;
        let (api, mut steps) = (self.clone(), until_idle(request.into_inner()));
        let stream = async_stream::stream! {
            let _open = open;
            let mut running: Option<Running> = None;
            let mut under_way = futures_util::stream::FuturesOrdered::new();
            let mut ended = false;
            loop {
                tokio::select! {
                    step = steps.next(), if !ended && under_way.len() < PIPELINE => {
                        let step = match step {
                            None => { ended = true; continue }
                            Some(Err(status)) => { yield Err(status); return }
                            Some(Ok(message)) => message.step,
                        };
                        // Begin and finish stand alone: what was sent before must be through.
                        let alone = !matches!(step, Some(Step::Batch(_)));
                        if alone {
                            while let Some(done) = under_way.next().await {
                                let failed = Result::is_err(&done);
                                yield done;
                                if failed { return }
                            }
                        }
                        if let Some(Step::Begin(begin)) = &step {
                            // What is wrong with it is said, and recorded, by the step itself.
                            running = running_of(begin).ok();
                        }
                        under_way.push_back(one_step(api.clone(), admitted.clone(), running.clone(), step));
                    }
                    Some(done) = under_way.next(), if !under_way.is_empty() => {
                        let failed = Result::is_err(&done);
                        yield done;
                        if failed { return }
                    }
                    else => return,
                }
            }
        };
        Ok(Response::new(Box::pin(stream)))
    }
}

async fn one_step(
    api: Api,
    admitted: Admitted,
    running: Option<Running>,
    step: Option<Step>,
) -> Result<Released<message::ImportProgress>, Status> {
    let _place = api.0.admission.turn(&admitted).await;
    let counted = api.count(IMPORT);
    let mut admitted = admitted.renewed(Duration::from_millis(DEADLINE_MAX_MS));
    admitted.at = api.0.gate.now();
    admitted.request = api.0.gate.request_id();
    admitted.terms = step.terms();
    admitted.source = running.as_ref().map(|running| running.source.clone());
    let run = async |admitted: &Admitted, step| api.step(admitted, &running, step).await;
    let result = api.run(IMPORT, admitted, step, run).await;
    counted.ended(&result);
    result.map_err(Status::from)
}
