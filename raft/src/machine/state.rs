//! Reading a group's state, typed. All reads of one [`State`] are of one moment when it stands on a view.

use std::cell::RefCell;
use std::collections::BTreeSet;

use model::audit::found_by::FoundBy;
use model::audit::leaf::StoredLeaf;
use model::audit::merkle::{self, Frontier, Hash, Node, ProofError, ReadNode};
use model::audit::published::Published;
use model::audit::tiles::Tile;
use model::codec::{self, Stored};
use model::command::Remembered;
use model::command::cluster::{ClusterInfo, NodeInfo};
use model::command::import::ImportState;
use model::command::reseal::Body;
use model::data_key::DataKey;
use model::feed::Change;
use model::ids::{RecordId, RequestId, SlotId, SourceList, Token};
use model::limits::{OVERRIDES_MAX, PAGE_BYTES_MAX};
use model::outbox::Posted;
use model::overrides::StoredOverride;
use model::policy::Policies;
use model::record::{Dataset, StoredRecord};
use model::seal::Sealed;
use model::slots::SlotMap;
use model::time::UnixMillis;

use crate::storage::{Reader, Result, StorageError, after_prefix, keys};
use crate::types::Position;

/// The state of a group at one moment.
#[derive(Clone, Copy)]
pub struct State<'a>(pub &'a dyn Reader);

/// Rows of a list, as many as were asked for and as fit a page by their bytes.
#[derive(Debug, Clone)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// Whether it was cut, so that more may follow.
    pub cut: bool,
}

/// A sealed body, and of what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyRow {
    pub body: Body,
    pub sealed: Sealed,
}

/// One change of the feed, with the log index that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fed {
    pub index: u64,
    pub change: Change,
}

impl State<'_> {
    pub(super) fn value<T: Stored>(&self, key: &[u8]) -> Result<Option<T>> {
        self.0.get(key)?.map(|bytes| decode(key, &bytes)).transpose()
    }

    /// A value of fixed length, which has no frame of its own; another length is damage.
    fn fixed<const N: usize>(&self, key: &[u8]) -> Result<Option<[u8; N]>> {
        let fit = |bytes: Vec<u8>| {
            let found = bytes.len();
            bytes.try_into().map_err(|_| damaged(key, format!("{found} bytes, expected {N}")))
        };
        self.0.get(key)?.map(fit).transpose()
    }

    pub(super) fn number(&self, key: &[u8]) -> Result<Option<u64>> {
        Ok(self.fixed(key)?.map(u64::from_be_bytes))
    }

    /// How far the state is.
    pub fn position(&self) -> Result<Position> {
        Ok(self.value(keys::APPLIED)?.unwrap_or_else(Position::start))
    }

    /// The newest version of a record.
    pub fn record(&self, dataset: Dataset, id: RecordId) -> Result<Option<StoredRecord>> {
        self.value(&keys::record(dataset, id))
    }

    /// A version of a record.
    pub fn version(&self, dataset: Dataset, id: RecordId, version: u64) -> Result<Option<StoredRecord>> {
        self.value(&keys::version(dataset, id, version))
    }

    /// Versions of a record, newest first, below `before` (0: from the newest).
    pub fn history(&self, dataset: Dataset, id: RecordId, before: u64, limit: usize) -> Result<Page<StoredRecord>> {
        let to = if before == 0 { u64::MAX } else { before };
        let (from, to) = (keys::version(dataset, id, 0), keys::version(dataset, id, to));
        self.page((&from, &to), true, limit, decode)
    }

    pub(super) fn page<T>(
        &self,
        (from, to): (&[u8], &[u8]),
        back: bool,
        limit: usize,
        row: impl Fn(&[u8], &[u8]) -> Result<T>,
    ) -> Result<Page<T>> {
        let (mut rows, mut bytes, mut cut) = (Vec::new(), 0, false);
        let mut visit = |key: &[u8], value: &[u8]| {
            bytes += key.len() + value.len();
            // The first row goes in any case, or there would be no way past it.
            cut = rows.len() >= limit || (bytes > PAGE_BYTES_MAX && !rows.is_empty());
            if !cut {
                rows.push(row(key, value));
            }
            !cut
        };
        if back {
            self.0.scan_back(from, to, &mut visit)?
        } else {
            self.0.scan(from, to, &mut visit)?
        }
        Ok(Page { rows: rows.into_iter().collect::<Result<_>>()?, cut })
    }

    /// The overrides of a record, in order of id: all of them, since their number is bounded where they are recorded.
    pub fn overrides(&self, dataset: Dataset, id: RecordId) -> Result<Vec<StoredOverride>> {
        let prefix = keys::overrides(dataset, id);
        let mut rows = Vec::new();
        self.0.scan(&prefix, &after_prefix(&prefix), &mut |key, value| {
            rows.push(decode(key, value));
            rows.len() < OVERRIDES_MAX
        })?;
        rows.into_iter().collect()
    }

    /// What is remembered of a request.
    pub fn request(&self, slot: SlotId, request: RequestId) -> Result<Option<Remembered>> {
        self.value(&keys::request(slot, request))
    }

    /// The latest import of a source, as this group knows it.
    pub fn import(&self, source: &SourceList) -> Result<Option<ImportState>> {
        self.value(&keys::import(source))
    }

    /// Records that carry a token.
    pub fn with_token(&self, token: Token, limit: usize) -> Result<Vec<(Dataset, RecordId)>> {
        let prefix = keys::tokens(token);
        let mut found = Vec::new();
        self.0.scan(&prefix, &after_prefix(&prefix), &mut |key, _| {
            found.push(keys::token_record(key).ok_or_else(|| damaged(key, "is no key of a token".into())));
            found.len() < limit
        })?;
        found.into_iter().collect()
    }

    /// Newest versions of records after an id in key order (slot, then id), as many as `limit`.
    pub fn records(&self, dataset: Dataset, after: Option<RecordId>, limit: usize) -> Result<Page<StoredRecord>> {
        let prefix = [keys::RECORDS, &dataset.number().to_be_bytes()].concat();
        let from = match after {
            Some(after) => [keys::record(dataset, after), vec![0]].concat(),
            None => prefix.clone(),
        };
        self.page((&from, &after_prefix(&prefix)), false, limit, decode)
    }

    /// Ids of active records of a source after an id, in order of id.
    pub fn source_records(&self, source: &SourceList, after: Option<RecordId>, limit: usize) -> Result<Vec<RecordId>> {
        let prefix = keys::source_marks(source);
        let from = match after {
            Some(after) => [keys::source_mark(source, after), vec![0]].concat(),
            None => prefix.clone(),
        };
        let mut found = Vec::new();
        self.0.scan(&from, &after_prefix(&prefix), &mut |key, _| {
            found.push(keys::marked_record(key).ok_or_else(|| damaged(key, "is no key of a mark".into())));
            found.len() < limit
        })?;
        found.into_iter().collect()
    }

    /// Sealed bodies of records and overrides after one, in order of key: versions of records first.
    pub fn bodies(&self, after: Option<&Body>, limit: usize) -> Result<Page<BodyRow>> {
        if !matches!(after, Some(Body::Override(_))) {
            let from = match after {
                Some(Body::Version((dataset, id, version))) => {
                    [keys::version(*dataset, *id, *version), vec![0]].concat()
                }
                _ => keys::VERSIONS.to_vec(),
            };
            let page = self.page((&from, &after_prefix(keys::VERSIONS)), false, limit, |key, value| {
                let StoredRecord { header, sealed } = decode(key, value)?;
                Ok(BodyRow { body: Body::Version((header.dataset, header.id, header.version)), sealed })
            })?;
            if !page.rows.is_empty() {
                return Ok(page);
            }
        }
        let from = match after {
            Some(Body::Override((dataset, record, id))) => {
                [keys::override_of(*dataset, *record, *id), vec![0]].concat()
            }
            _ => keys::OVERRIDES.to_vec(),
        };
        self.page((&from, &after_prefix(keys::OVERRIDES)), false, limit, |key, value| {
            let StoredOverride { header, sealed } = decode(key, value)?;
            Ok(BodyRow { body: Body::Override((header.dataset, header.lookout, header.id)), sealed })
        })
    }

    /// Changes for search above a log index, oldest first; never half an entry's unless `limit` alone cuts it.
    pub fn feed(&self, above: u64, limit: usize) -> Result<Vec<Fed>> {
        let mut rows = Vec::new();
        self.0.scan(&keys::feed(above.saturating_add(1), 0), &after_prefix(keys::FEED), &mut |key, value| {
            let change = decode(key, value);
            let index = keys::feed_index(key).ok_or_else(|| damaged(key, "is no key of the feed".into()));
            rows.push(change.and_then(|change| Ok(Fed { index: index?, change })));
            rows.len() < limit
        })?;
        rows.into_iter().collect()
    }

    /// The log index up to which this replica's feed was trimmed.
    pub fn feed_trimmed(&self) -> Result<u64> {
        Ok(self.number(keys::FEED_TRIMMED)?.unwrap_or(0))
    }

    /// The oldest messages of the outbox.
    pub fn outbox(&self, limit: usize) -> Result<Vec<Posted>> {
        let mut rows = Vec::new();
        self.0.scan(keys::OUTBOX, &after_prefix(keys::OUTBOX), &mut |key, value| {
            rows.push(decode(key, value));
            rows.len() < limit
        })?;
        rows.into_iter().collect()
    }

    /// How many messages are in the outbox, counted up to a limit.
    pub fn outbox_length(&self, limit: usize) -> Result<usize> {
        let mut count = 0;
        self.0.scan(keys::OUTBOX, &after_prefix(keys::OUTBOX), &mut |_, _| {
            count += 1;
            count < limit
        })?;
        Ok(count)
    }

    /// The right edge of the audit tree.
    pub fn frontier(&self) -> Result<Frontier> {
        Ok(self.value(keys::FRONTIER)?.unwrap_or_default())
    }

    /// Leaves of the audit log from an index, with their indexes.
    pub fn leaves(&self, from: u64, limit: usize) -> Result<Page<(u64, StoredLeaf)>> {
        self.page((&keys::leaf(from), &keys::leaf(u64::MAX)), false, limit, leaf_of_row)
    }

    /// The indexes of leaves from one on that are found by any of these ways, in order, and whether more may follow.
    pub fn leaves_found(&self, ways: &[FoundBy], from: u64, limit: usize) -> Result<Page<u64>> {
        let (mut found, mut up_to) = (BTreeSet::new(), None);
        for way in ways {
            let (begin, end) = (keys::leaf_row(way, from), after_prefix(&keys::leaf_rows(way)));
            let (mut rows, mut last) = (0, None);
            self.0.scan(&begin, &end, &mut |key, _| {
                if rows < limit {
                    last = keys::row_leaf(key);
                    found.extend(last);
                }
                rows += 1;
                rows <= limit
            })?;
            if rows > limit {
                // Beyond this row the others may have some that this way has not been asked for yet.
                up_to = up_to.into_iter().chain(last).min();
            }
        }
        let known = |index: &u64| up_to.is_none_or(|up_to| *index <= up_to);
        let mut rows: Vec<u64> = found.into_iter().take_while(known).collect();
        let cut = up_to.is_some() || rows.len() > limit;
        rows.truncate(limit);
        Ok(Page { rows, cut })
    }

    /// The first leaf that was recorded at a time or later; the log's size if there is none yet.
    pub fn first_leaf_at(&self, time: UnixMillis) -> Result<u64> {
        let (mut below, mut at_least) = (0, self.frontier()?.size());
        // Log time never runs back.
        while below < at_least {
            let middle = below + (at_least - below) / 2;
            let row = self.leaves(middle, 1)?.rows.pop().filter(|(index, _)| *index == middle);
            let (_, leaf) = row.ok_or_else(|| damaged(&keys::leaf(middle), "is missing".into()))?;
            let leaf = leaf.open(middle).map_err(|error| damaged(&keys::leaf(middle), error.to_string()))?;
            if leaf.recorded_ms < time.0 { below = middle + 1 } else { at_least = middle }
        }
        Ok(below)
    }

    /// The newest leaves of the audit log, oldest of them first.
    pub fn newest_leaves(&self, limit: usize) -> Result<Vec<(u64, StoredLeaf)>> {
        let mut page = self.page((&keys::leaf(0), &keys::leaf(u64::MAX)), true, limit, leaf_of_row)?;
        page.rows.reverse();
        Ok(page.rows)
    }

    /// Where a leaf with this hash stands.
    pub fn leaf_of(&self, hash: &Hash) -> Result<Option<u64>> {
        self.number(&keys::leaf_by_hash(hash))
    }

    /// The hash of a complete subtree of the audit tree.
    pub fn tree_node(&self, node: Node) -> Result<Option<Hash>> {
        self.fixed(&keys::tree_node(node))
    }

    /// What is published of the audit log.
    pub fn published(&self) -> Result<Published> {
        Ok(self.value(keys::PUBLISHED)?.unwrap_or_default())
    }

    /// The root of the first leaves of the audit log; None where it is shorter.
    pub fn root_at(&self, size: u64) -> Result<Option<Hash>> {
        if size > self.frontier()?.size() {
            return Ok(None);
        }
        self.of_tree(|read| merkle::root_at(read, size)).map(Some)
    }

    /// The hashes of a tile; None where the log has not so many.
    pub fn tile(&self, tile: &Tile) -> Result<Option<Vec<Hash>>> {
        if !tile.is_within(self.frontier()?.size()) {
            return Ok(None);
        }
        self.of_tree(|read| tile.hashes(read)).map(Some)
    }

    /// The proof that a leaf stands among the first `size`.
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>> {
        self.of_tree(|read| merkle::inclusion_proof(read, index, size))
    }

    /// The proof that the audit log of `size` leaves grew out of that of `old`.
    pub fn consistency(&self, old: u64, size: u64) -> Result<Vec<Hash>> {
        self.of_tree(|read| merkle::consistency_proof(read, old, size))
    }

    /// What is computed from the audit tree. Damage that is met on the way is not "no such node".
    fn of_tree<T>(&self, compute: impl FnOnce(&ReadNode<'_>) -> std::result::Result<T, ProofError>) -> Result<T> {
        let damage = RefCell::new(None);
        let read = |node| {
            self.tree_node(node).unwrap_or_else(|error| {
                damage.replace(Some(error));
                None
            })
        };
        let computed = compute(&read);
        match damage.take() {
            Some(error) => Err(error),
            None => computed.map_err(|error| damaged(keys::FRONTIER, error.to_string())),
        }
    }

    /// The slot map.
    pub fn slot_map(&self) -> Result<Option<SlotMap>> {
        self.value(keys::SLOT_MAP)
    }

    /// The cluster's constants.
    pub fn cluster(&self) -> Result<Option<ClusterInfo>> {
        self.value(keys::CLUSTER)
    }

    /// The matching policies in force.
    pub fn policies(&self) -> Result<Option<Policies>> {
        self.value(keys::POLICIES)
    }

    /// The matching policies of a version.
    pub fn policies_of(&self, version: u64) -> Result<Option<Policies>> {
        self.value(&keys::policies_of(version))
    }

    /// The keys of data, in order of id.
    pub fn data_keys(&self) -> Result<Vec<DataKey>> {
        let mut rows = Vec::new();
        self.0.scan(keys::DATA_KEYS, &after_prefix(keys::DATA_KEYS), &mut |key, value| {
            rows.push(decode(key, value));
            true
        })?;
        rows.into_iter().collect()
    }

    /// The nodes that the directory knows.
    pub fn nodes(&self) -> Result<Vec<NodeInfo>> {
        let mut rows = Vec::new();
        self.0.scan(keys::NODES, &after_prefix(keys::NODES), &mut |key, value| {
            rows.push(decode(key, value));
            true
        })?;
        rows.into_iter().collect()
    }
}

fn leaf_of_row(key: &[u8], value: &[u8]) -> Result<(u64, StoredLeaf)> {
    let index = keys::leaf_index(key).ok_or_else(|| damaged(key, "is no key of a leaf".into()))?;
    Ok((index, decode(key, value)?))
}

pub(super) fn decode<T: Stored>(key: &[u8], bytes: &[u8]) -> Result<T> {
    codec::decode(bytes).map_err(|error| StorageError::of_codec(format!("key {key:02x?}"), error))
}

/// Reads every row of a state; an error if one is not as it was written.
pub(super) fn intact(state: State<'_>) -> Result<()> {
    let mut result = Ok(());
    state.0.scan(&[0x10], &[0xff], &mut |key, value| {
        if keys::is_framed(key) {
            result = codec::check(value).map_err(|error| damaged(key, error.to_string()));
        }
        result.is_ok()
    })?;
    result
}

pub(super) fn damaged(key: &[u8], reason: String) -> StorageError {
    StorageError::Damaged { place: format!("key {key:02x?}"), reason }
}
