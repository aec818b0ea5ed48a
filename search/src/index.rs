//! The index of one replica: from keys to record ids, on tantivy. A cache of the records: what it cannot read it empties, and
//! its owner feeds it again from `covered()`.
//!
//! Assumes one writer of the place at a time (a lock file sees to it). Answers depend on the records alone and never on
//! segments: exact look-ups, no relevance, ids in order. Nor do they depend on records that the asker may not see: each is
//! judged by itself, and who is hidden is left out before. A [`View`] joins what is searched with what it covers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use model::access::labels::Labels;
use model::ids::RecordId;
use tantivy::directory::{Directory, DirectoryLock, INDEX_WRITER_LOCK, MmapDirectory};
use tantivy::error::DataCorruption;
use tantivy::index::SegmentId;
use tantivy::indexer::NoMergePolicy;
use tantivy::query::AllQuery;
use tantivy::{IndexReader, IndexWriter, ReloadPolicy, Searcher, TantivyError};

use crate::candidate::Candidate;
use crate::dictionary::Dictionary;
use crate::labelled::Sought;
use crate::layout::{self, Fields};
use crate::lookup::Lookup;
use crate::merging;
use crate::prepared::{PreparedQuery, PreparedRecord};
use crate::segment::{self, Segment};
use crate::tables::Tables;

/// Memory of the writer, the least that tantivy takes for a thread with some room.
const WRITER_BYTES: usize = 20_000_000;

/// Where an index lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A directory that is the index's own: what cannot be read there is removed.
    Directory(PathBuf),
    /// Memory, for tests and simulation.
    Memory,
}

/// Why the index could not do it.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Another index has the directory open.
    #[error("another process or index holds {place}")]
    Held { place: String },
    /// The directory cannot be made, read or emptied.
    #[error("cannot use {}", path.display())]
    Directory { path: PathBuf, source: std::io::Error },
    /// tantivy failed; the last commit still stands.
    #[error("the index failed")]
    Engine(#[from] TantivyError),
    /// Nobody waited for the answer any more.
    #[error("the lookup was given up")]
    GivenUp,
    /// A part of the index could not be read.
    #[error("the index cannot be read")]
    Read(#[from] std::io::Error),
}

/// A change of one record.
#[derive(Debug, Clone)]
pub enum IndexChange {
    /// The record's newest version with its labels; replaces what was there.
    Put(RecordId, Arc<PreparedRecord>, Labels),
    /// The record is out of force or gone.
    Delete(RecordId),
}

/// What is searched: the state of one commit, and the applied index that it covers.
#[derive(Clone)]
pub struct View {
    tables: Arc<Tables>,
    dictionary: Arc<RwLock<Dictionary>>,
    searcher: Searcher,
    segments: BTreeMap<SegmentId, Arc<Segment>>,
    fields: Fields,
    covered: u64,
}

/// The index of one replica.
pub struct Index {
    fields: Fields,
    reader: IndexReader,
    writer: Mutex<IndexWriter>,
    view: RwLock<View>,
}

impl Index {
    /// Opens or makes an index. One that cannot be read, or is of another layout or tables, is emptied and covers 0.
    pub fn open(place: Place, tables: Arc<Tables>) -> Result<Self, IndexError> {
        match &place {
            Place::Memory => Self::start(tantivy::Index::create_in_ram(Fields::schema().0), tables),
            Place::Directory(path) => {
                let failed = |source| IndexError::Directory { path: path.clone(), source };
                std::fs::create_dir_all(path).map_err(failed)?;
                let held = |error| match error {
                    IndexError::Engine(TantivyError::LockFailure(..)) => {
                        IndexError::Held { place: path.display().to_string() }
                    }
                    other => other,
                };
                match open_directory(path).and_then(|index| Self::start(index, tables.clone())) {
                    Ok(index) => Ok(index),
                    Err(error) if is_unreadable(&error) => {
                        // Files that another process is just merging look damaged: never remove them without its lock.
                        let lock = lock(path).map_err(held)?;
                        empty(path).map_err(failed)?;
                        drop(lock);
                        open_directory(path).and_then(|index| Self::start(index, tables)).map_err(held)
                    }
                    Err(error) => Err(held(error)),
                }
            }
        }
    }

    fn start(index: tantivy::Index, tables: Arc<Tables>) -> Result<Self, IndexError> {
        let (_, fields) = Fields::schema();
        let writer: IndexWriter = index.writer_with_num_threads(1, WRITER_BYTES)?;
        writer.set_merge_policy(Box::new(NoMergePolicy));
        let covered = index.load_metas()?.payload.as_deref().and_then(layout::covered);
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let mut view = View {
            tables,
            dictionary: Arc::default(),
            searcher: reader.searcher(),
            segments: BTreeMap::new(),
            fields,
            covered: covered.unwrap_or(0),
        };
        if covered.is_some() {
            view.open_segments()?;
        }
        let opened = Self { fields, reader, writer: Mutex::new(writer), view: RwLock::new(view) };
        if covered.is_none() && opened.view().searcher.num_docs() > 0 {
            opened.clear()?;
        }
        Ok(opened)
    }

    /// The applied index that the last commit covers.
    pub fn covered(&self) -> u64 {
        self.view().covered
    }

    /// What is searched now. Take it before asking the queue for what it does not cover.
    pub fn view(&self) -> View {
        self.view.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The records to score, those first that may score highest, by id among equals.
    pub fn candidates(&self, query: &PreparedQuery, sought: Sought<'_>) -> Result<Vec<Candidate>, IndexError> {
        self.view().candidates(query, sought, &|| true)
    }

    /// Makes changes, in order, and commits them as covering an applied index; then merges what is due and shows it all.
    pub fn write(&self, changes: &[IndexChange], covered: u64) -> Result<(), IndexError> {
        let mut writer = self.writer();
        let written = self.stage(&writer, changes).and_then(|()| commit(&mut writer, covered));
        if written.is_err() {
            // What was staged must not slip into the next commit. The writer is another one then.
            writer.rollback()?;
            writer.set_merge_policy(Box::new(NoMergePolicy));
        }
        written?;
        // Shown before merging, which may take long and changes no answer.
        self.show(covered)?;
        if merge(&mut writer)? {
            self.show(covered)?;
        }
        Ok(())
    }

    /// Takes note that nothing changed up to an applied index. The next commit makes it durable; until then a restart knows
    /// the older one, which is right as well.
    pub fn unchanged_to(&self, covered: u64) {
        let mut view = self.view.write().unwrap_or_else(PoisonError::into_inner);
        view.covered = view.covered.max(covered);
    }

    /// Removes every record; nothing is covered then.
    pub fn clear(&self) -> Result<(), IndexError> {
        let mut writer = self.writer();
        // First of all: should it fail midway, what is staged removes all that the next commit does not put in again.
        self.view.write().unwrap_or_else(PoisonError::into_inner).covered = 0;
        // Not `delete_all_documents`: it turns back the numbers by which tantivy orders operations, and deletes of before that no
        // segment has met yet would then be later than what is put in next, and delete it.
        writer.delete_query(Box::new(AllQuery))?;
        commit(&mut writer, 0)?;
        self.show(0)
    }

    fn stage(&self, writer: &IndexWriter, changes: &[IndexChange]) -> Result<(), IndexError> {
        for change in changes {
            match change {
                IndexChange::Put(id, record, labels) => {
                    writer.delete_term(self.fields.id_term(*id));
                    writer.add_document(self.fields.record(*id, record, labels))?;
                }
                IndexChange::Delete(id) => {
                    writer.delete_term(self.fields.id_term(*id));
                }
            }
        }
        Ok(())
    }

    fn show(&self, covered: u64) -> Result<(), IndexError> {
        self.reader.reload()?;
        let mut view = View { searcher: self.reader.searcher(), covered, ..self.view() };
        view.open_segments()?;
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = view;
        Ok(())
    }

    // A panic of another writer leaves at worst staged changes, which the next commit's owner replays anyway.
    fn writer(&self) -> MutexGuard<'_, IndexWriter> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl View {
    /// The applied index that this view covers.
    pub fn covered(&self) -> u64 {
        self.covered
    }

    /// How many records it holds.
    pub fn records(&self) -> u64 {
        self.searcher.num_docs()
    }

    /// In how many segments they lie.
    pub fn segments(&self) -> usize {
        self.searcher.segment_readers().len()
    }

    /// The records to score of those that are sought, those first that may score highest, by id among equals. `waits` is asked
    /// again and again; when it says no, the rest is left ([`IndexError::GivenUp`]).
    pub fn candidates(
        &self,
        query: &PreparedQuery,
        sought: Sought<'_>,
        waits: &dyn Fn() -> bool,
    ) -> Result<Vec<Candidate>, IndexError> {
        let dictionary = self.dictionary.read().unwrap_or_else(PoisonError::into_inner);
        let Self { searcher, segments, fields, tables, .. } = self;
        Lookup { dictionary: &dictionary, searcher, segments, fields: *fields, tables, waits }.candidates(query, sought)
    }

    fn open_segments(&mut self) -> Result<(), IndexError> {
        let Self { searcher, segments, fields, dictionary, tables, .. } = self;
        self.segments = segment::of_searcher(searcher, segments, *fields, dictionary, tables)?;
        Ok(())
    }
}

fn commit(writer: &mut IndexWriter, covered: u64) -> Result<(), IndexError> {
    let mut commit = writer.prepare_commit()?;
    commit.set_payload(&layout::payload(covered));
    commit.commit()?;
    Ok(())
}

/// Merges until nothing is due; says whether anything was.
fn merge(writer: &mut IndexWriter) -> Result<bool, IndexError> {
    let mut merged = false;
    loop {
        let metas = writer.index().searchable_segment_metas()?;
        let Some(due) = merging::to_merge(&merging::sizes(&metas)) else { return Ok(merged) };
        let ids: Vec<_> = due.into_iter().map(|at| metas[at].id()).collect();
        writer.merge(&ids).wait()?;
        merged = true;
    }
}

fn open_directory(path: &Path) -> Result<tantivy::Index, IndexError> {
    let directory = MmapDirectory::open(path).map_err(TantivyError::from)?;
    let index = tantivy::Index::open_or_create(directory, Fields::schema().0)?;
    // A damaged posting list would lose lookouts silently; reading the files once is the price of knowing.
    match index.validate_checksum()?.into_iter().next() {
        None => Ok(index),
        Some(file) => Err(TantivyError::from(DataCorruption::new(file, "checksum".into())).into()),
    }
}

fn lock(path: &Path) -> Result<DirectoryLock, IndexError> {
    let directory = MmapDirectory::open(path).map_err(TantivyError::from)?;
    Ok(directory.acquire_lock(&INDEX_WRITER_LOCK).map_err(TantivyError::from)?)
}

/// Whether the files are at fault, so that emptying helps, and not the machine or another process.
fn is_unreadable(error: &IndexError) -> bool {
    let IndexError::Engine(error) = error else { return false };
    !matches!(error, TantivyError::LockFailure(..) | TantivyError::OpenDirectoryError(_) | TantivyError::SystemError(_))
}

/// Removes the files of a directory; folders are never ours.
fn empty(path: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "index_test.rs"]
mod tests;
