//! The state as a batch of entries sees it: what is stored, with what earlier entries of the same batch wrote on top.

use std::collections::BTreeMap;

use model::access::policy_bundle::{PolicyBundle, ProposedBundle};
use model::audit::circumstances::SessionName;
use model::audit::merkle::{Frontier, Hash, Node};
use model::audit::published::Published;
use model::audit::sequences::{Last, Scope};
use model::codec::{self, Stored};
use model::command::Remembered;
use model::command::cluster::ClusterInfo;
use model::command::import::ImportState;
use model::data_key::DataKey;
use model::ids::{
    AgencyId, AgreementId, ImportId, MemorandumId, RecordId, RequestId, RoleId, SlotId, SourceList, UserId,
};
use model::limits::{AGREEMENTS_MAX, DATA_KEYS_MAX, OVERRIDES_MAX, SESSIONS_READ_MAX};
use model::outbox::Lane;
use model::overrides::StoredOverride;
use model::people::{
    Agency, Agreement, Ceremony, CertificateKey, Credential, Memorandum, Party, PeopleView, Profile, Role, Scores,
};
use model::policy::Policies;
use model::record::{Dataset, StoredRecord};
use model::session::Session;
use model::slots::SlotMap;
use model::time::UnixMillis;
use model::view::{Read, View, ViewError, Write};

use crate::storage::{Batch, Op, Reader, after_prefix, keys};

/// Uncommitted changes over a store.
pub struct Overlay<'a> {
    store: &'a dyn Reader,
    changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    powers: bool,
}

impl<'a> Overlay<'a> {
    /// No changes yet.
    pub fn new(store: &'a dyn Reader) -> Self {
        Self { store, changes: BTreeMap::new(), powers: false }
    }

    /// Whether agencies, agreements, memoranda, roles, access policies or keys of data are among the changes.
    pub fn changes_powers(&self) -> bool {
        self.powers
    }

    /// The changes as one batch.
    pub fn into_batch(self) -> Batch {
        let op = |(key, value)| match value {
            Some(value) => Op::Put(key, value),
            None => Op::Delete(key),
        };
        self.changes.into_iter().map(op).collect()
    }

    /// Puts a stored value.
    pub fn put<T: Stored>(&mut self, key: Vec<u8>, value: &T) -> Read<()> {
        let bytes = codec::encode(value).map_err(|error| ViewError(error.to_string()))?;
        self.changes.insert(key, Some(bytes));
        Ok(())
    }

    fn put_raw(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.changes.insert(key, Some(value));
    }

    fn delete(&mut self, key: Vec<u8>) {
        self.changes.insert(key, None);
    }

    /// Takes over the writes of the entry at a log index; `feed` numbers its changes for search.
    pub fn write(&mut self, index: u64, writes: Vec<Write>) -> Read<()> {
        let mut fed = 0;
        for write in writes {
            match write {
                Write::PutRecord(record) => {
                    let header = &record.header;
                    self.put(keys::version(header.dataset, header.id, header.version), &record)?;
                    self.put(keys::record(header.dataset, header.id), &record)?;
                }
                Write::PutResealed { record, newest } => {
                    let header = &record.header;
                    self.put(keys::version(header.dataset, header.id, header.version), &record)?;
                    if newest {
                        self.put(keys::record(header.dataset, header.id), &record)?;
                    }
                }
                Write::PutToken(token, dataset, id) => self.put_raw(keys::token(token, dataset, id), Vec::new()),
                Write::DeleteToken(token, dataset, id) => self.delete(keys::token(token, dataset, id)),
                Write::PutOverride(put) => {
                    let header = &put.header;
                    self.put(keys::override_of(header.dataset, header.lookout, header.id), &put)?;
                }
                Write::DeleteOverride(dataset, lookout, id) => self.delete(keys::override_of(dataset, lookout, id)),
                Write::Feed(change) => {
                    self.put(keys::feed(index, fed), &change)?;
                    fed += 1;
                }
                Write::PutRequest(slot, id, remembered) => {
                    self.put_raw(keys::request_by_time(slot, remembered.at, id), Vec::new());
                    self.put(keys::request(slot, id), &remembered)?;
                }
                Write::DeleteRequest(slot, at, id) => {
                    self.delete(keys::request_by_time(slot, at, id));
                    self.delete(keys::request(slot, id));
                }
                Write::PutSlotMap(map) => self.put(keys::SLOT_MAP.to_vec(), &map)?,
                Write::PutImport(source, state) => self.put(keys::import(&source), &state)?,
                Write::PutSourceMark(source, id, import) => {
                    self.put_raw(keys::source_mark(&source, id), import.0.to_vec());
                }
                Write::DeleteSourceMark(source, id) => self.delete(keys::source_mark(&source, id)),
                Write::Post(posted) => {
                    self.put_raw(keys::posted(posted.lane), posted.sequence.to_be_bytes().to_vec());
                    self.put(keys::outbox(posted.lane, posted.sequence), &posted)?;
                }
                Write::DeletePosted(lane, sequence) => self.delete(keys::outbox(lane, sequence)),
                Write::PutCursor(lane, cursor) => self.put_raw(keys::cursor(lane), cursor.to_be_bytes().to_vec()),
                Write::PutLeaf(index, leaf) => {
                    self.put_raw(keys::leaf_by_hash(&leaf.hash()), index.to_be_bytes().to_vec());
                    self.put(keys::leaf(index), &leaf)?;
                }
                Write::PutLeafRow(way, index) => self.put_raw(keys::leaf_row(&way, index), Vec::new()),
                Write::PutTreeNode(node, hash) => self.put_raw(keys::tree_node(node), hash.to_vec()),
                Write::PutFrontier(frontier) => self.put(keys::FRONTIER.to_vec(), &frontier)?,
                Write::PutSequence(scope, last) => {
                    let value = [last.number.to_be_bytes(), last.begun.0.to_be_bytes()].concat();
                    self.put_raw(keys::sequence(&scope), value);
                }
                Write::PutSessionBegun(begun, session) => {
                    self.put_raw(keys::session_begun(begun, &session), Vec::new());
                }
                Write::ForgetSession { begun, session, with_number } => {
                    self.delete(keys::session_begun(begun, &session));
                    if with_number {
                        self.delete(keys::sequence(&Scope::Session(session)));
                    }
                }
                Write::PutPublished(published) => self.put(keys::PUBLISHED.to_vec(), &published)?,
                Write::PutCluster(info) => self.put(keys::CLUSTER.to_vec(), &info)?,
                Write::PutNode(node, info) => self.put(keys::node(node), &info)?,
                Write::PutPolicies(policies) => {
                    self.put(keys::policies_of(policies.version), &policies)?;
                    self.put(keys::POLICIES.to_vec(), &policies)?;
                }
                Write::PutDataKey(key) => {
                    self.powers = true;
                    self.put(keys::data_key(key.id), &key)?;
                }
                people @ (Write::PutAgency(_)
                | Write::PutAgreement(_)
                | Write::PutMemorandum(_)
                | Write::PutRole(_)
                | Write::PutProfile(_)
                | Write::PutScores(_)
                | Write::PutFloor(..)
                | Write::PutCertificate(..)
                | Write::PutCeremony(_)
                | Write::PutSession(_)
                | Write::DeleteSession(..)
                | Write::PutCredential(_)
                | Write::PutPolicyBundle(_)
                | Write::PutProposedBundle(_)) => self.write_people(people)?,
            }
        }
        Ok(())
    }

    fn write_people(&mut self, write: Write) -> Read<()> {
        self.powers |= matches!(
            write,
            Write::PutAgency(_)
                | Write::PutAgreement(_)
                | Write::PutMemorandum(_)
                | Write::PutRole(_)
                | Write::PutPolicyBundle(_)
        );
        match write {
            Write::PutAgency(agency) => self.put(keys::agency(&agency.id), &agency),
            Write::PutAgreement(agreement) => self.put(keys::agreement(&agreement.agency, &agreement.id), &agreement),
            Write::PutMemorandum(memorandum) => {
                for grantee in memorandum.terms.grantee.parties() {
                    self.put_raw(keys::memorandum_for(&grantee, &memorandum.id), Vec::new());
                }
                self.put(keys::memorandum(&memorandum.id), &memorandum)
            }
            Write::PutRole(role) => {
                self.put(keys::role_version(&role.id, role.version), &role)?;
                self.put(keys::role(&role.id), &role)
            }
            Write::PutProfile(profile) => self.put(keys::profile(&profile.user), &*profile),
            Write::PutScores(scores) if scores.entries.is_empty() => {
                self.delete(keys::scores(&scores.user));
                Ok(())
            }
            Write::PutScores(scores) => self.put(keys::scores(&scores.user), &scores),
            Write::PutFloor(party, epoch) => {
                self.put_raw(keys::floor(&party), epoch.to_be_bytes().to_vec());
                Ok(())
            }
            Write::PutCertificate(key, user) => {
                self.put_raw(keys::certificate(key), user.as_str().as_bytes().to_vec());
                Ok(())
            }
            Write::PutCeremony(ceremony) => self.put(keys::CEREMONY.to_vec(), &ceremony),
            Write::PutSession(session) => {
                self.put_raw(keys::session_of(&session.user, &session.handle), Vec::new());
                self.put(keys::session(&session.handle), &session)
            }
            Write::DeleteSession(user, handle) => {
                self.delete(keys::session_of(&user, &handle));
                self.delete(keys::session(&handle));
                Ok(())
            }
            Write::PutCredential(credential) => self.put(keys::credential(&credential.user), &*credential),
            Write::PutPolicyBundle(bundle) => {
                self.put(keys::policy_bundle_of(bundle.version), &*bundle)?;
                self.delete(keys::PROPOSED_BUNDLE.to_vec());
                self.put(keys::POLICY_BUNDLE.to_vec(), &*bundle)
            }
            Write::PutProposedBundle(proposed) => self.put(keys::PROPOSED_BUNDLE.to_vec(), &*proposed),
            other => Err(ViewError(format!("{other:?} is not about people"))),
        }
    }

    fn raw(&self, key: &[u8]) -> Read<Option<Vec<u8>>> {
        match self.changes.get(key) {
            Some(change) => Ok(change.clone()),
            None => self.store.get(key).map_err(|error| ViewError(error.to_string())),
        }
    }

    fn value<T: Stored>(&self, key: &[u8]) -> Read<Option<T>> {
        let decode =
            |bytes: Vec<u8>| codec::decode(&bytes).map_err(|error| ViewError(format!("key {key:02x?}: {error}")));
        self.raw(key)?.map(decode).transpose()
    }

    /// The values below a prefix, as many as there may be.
    fn all<T: Stored>(&self, prefix: &[u8], limit: usize) -> Read<Vec<T>> {
        let decode = |(key, value): &(Vec<u8>, Vec<u8>)| {
            codec::decode(value).map_err(|error| ViewError(format!("key {key:02x?}: {error}")))
        };
        self.rows(prefix, &after_prefix(prefix), limit)?.iter().map(decode).collect()
    }

    fn number(&self, key: &[u8]) -> Read<u64> {
        let decode = |bytes: Vec<u8>| {
            let bytes = <[u8; 8]>::try_from(bytes).map_err(|_| ViewError(format!("key {key:02x?}: not a number")))?;
            Ok(u64::from_be_bytes(bytes))
        };
        self.raw(key)?.map_or(Ok(0), decode)
    }

    /// The first rows of a range, stored and changed ones in one order.
    fn rows(&self, from: &[u8], to: &[u8], limit: usize) -> Read<Vec<(Vec<u8>, Vec<u8>)>> {
        if from >= to {
            return Ok(Vec::new());
        }
        let changed = self.changes.range(from.to_vec()..to.to_vec());
        let deleted = changed.clone().filter(|(_, value)| value.is_none()).count();
        let mut rows = BTreeMap::new();
        let scanned = self.store.scan(from, to, &mut |key, value| {
            rows.insert(key.to_vec(), value.to_vec());
            rows.len() < limit + deleted
        });
        scanned.map_err(|error| ViewError(error.to_string()))?;
        for (key, value) in changed {
            match value {
                Some(value) => drop(rows.insert(key.clone(), value.clone())),
                None => drop(rows.remove(key)),
            }
        }
        Ok(rows.into_iter().take(limit).collect())
    }
}

impl PeopleView for Overlay<'_> {
    fn agency(&self, agency: &AgencyId) -> Read<Option<Agency>> {
        self.value(&keys::agency(agency))
    }

    fn agreement(&self, agency: &AgencyId, id: &AgreementId) -> Read<Option<Agreement>> {
        self.value(&keys::agreement(agency, id))
    }

    fn agreements(&self, agency: &AgencyId) -> Read<Vec<Agreement>> {
        self.all(&keys::agreements(agency), AGREEMENTS_MAX)
    }

    fn memorandum(&self, id: &MemorandumId) -> Read<Option<Memorandum>> {
        self.value(&keys::memorandum(id))
    }

    fn memoranda_count(&self, grantee: &Party, limit: usize) -> Read<usize> {
        let prefix = keys::memoranda_for(grantee);
        Ok(self.rows(&prefix, &after_prefix(&prefix), limit)?.len())
    }

    fn role(&self, id: &RoleId) -> Read<Option<Role>> {
        self.value(&keys::role(id))
    }

    fn profile(&self, user: &UserId) -> Read<Option<Profile>> {
        self.value(&keys::profile(user))
    }

    fn any_profile(&self) -> Read<bool> {
        Ok(!self.rows(keys::PROFILES, &after_prefix(keys::PROFILES), 1)?.is_empty())
    }

    fn scores(&self, user: &UserId) -> Read<Scores> {
        Ok(self.value(&keys::scores(user))?.unwrap_or_else(|| Scores::none(user.clone())))
    }

    fn floor(&self, party: &Party) -> Read<u64> {
        self.number(&keys::floor(party))
    }

    fn certificate(&self, key: CertificateKey) -> Read<Option<UserId>> {
        let key = keys::certificate(key);
        let user = |bytes: Vec<u8>| {
            let user = std::str::from_utf8(&bytes).ok().and_then(|text| UserId::new(text).ok());
            user.ok_or_else(|| ViewError(format!("key {key:02x?}: not a user")))
        };
        self.raw(&key)?.map(user).transpose()
    }

    fn session(&self, handle: &Hash) -> Read<Option<Session>> {
        self.value(&keys::session(handle))
    }

    fn sessions_of(&self, user: &UserId) -> Read<Vec<Session>> {
        let prefix = keys::sessions_of(user);
        let rows = self.rows(&prefix, &after_prefix(&prefix), SESSIONS_READ_MAX)?;
        let handles = rows.iter().filter_map(|(key, _)| keys::session_handle(key));
        let sessions: Read<Vec<Option<Session>>> = handles.map(|handle| self.session(&handle)).collect();
        Ok(sessions?.into_iter().flatten().collect())
    }

    fn credential(&self, user: &UserId) -> Read<Option<Credential>> {
        self.value(&keys::credential(user))
    }

    fn ceremony(&self) -> Read<Option<Ceremony>> {
        self.value(keys::CEREMONY)
    }

    fn policy_bundle(&self) -> Read<Option<PolicyBundle>> {
        self.value(keys::POLICY_BUNDLE)
    }

    fn proposed_bundle(&self) -> Read<Option<ProposedBundle>> {
        self.value(keys::PROPOSED_BUNDLE)
    }
}

impl View for Overlay<'_> {
    fn record(&self, dataset: Dataset, id: RecordId) -> Read<Option<StoredRecord>> {
        self.value(&keys::record(dataset, id))
    }

    fn version(&self, dataset: Dataset, id: RecordId, version: u64) -> Read<Option<StoredRecord>> {
        self.value(&keys::version(dataset, id, version))
    }

    fn overrides(&self, dataset: Dataset, id: RecordId) -> Read<Vec<StoredOverride>> {
        self.all(&keys::overrides(dataset, id), OVERRIDES_MAX)
    }

    fn request(&self, slot: SlotId, request: RequestId) -> Read<Option<Remembered>> {
        self.value(&keys::request(slot, request))
    }

    fn requests_before(&self, slot: SlotId, before: UnixMillis, limit: usize) -> Read<Vec<(UnixMillis, RequestId)>> {
        let from = keys::requests_by_time(slot);
        let to = keys::request_by_time(slot, before, RequestId([0; 16]));
        let rows = self.rows(&from, &to, limit)?;
        Ok(rows.iter().filter_map(|(key, _)| keys::timed_request(key)).collect())
    }

    fn slot_map(&self) -> Read<Option<SlotMap>> {
        self.value(keys::SLOT_MAP)
    }

    fn import(&self, source: &SourceList) -> Read<Option<ImportState>> {
        self.value(&keys::import(source))
    }

    fn source_marks(
        &self,
        source: &SourceList,
        after: Option<RecordId>,
        limit: usize,
    ) -> Read<Vec<(RecordId, ImportId)>> {
        let all = keys::source_marks(source);
        let from = match after {
            Some(after) => [keys::source_mark(source, after), vec![0]].concat(),
            None => all.clone(),
        };
        let rows = self.rows(&from, &after_prefix(&all), limit)?;
        let mark = |(key, value): &(Vec<u8>, Vec<u8>)| {
            let import = <[u8; 16]>::try_from(value.as_slice()).ok().map(ImportId);
            keys::marked_record(key).zip(import).ok_or_else(|| ViewError(format!("key {key:02x?}: not a source mark")))
        };
        rows.iter().map(mark).collect()
    }

    fn posted(&self, lane: Lane) -> Read<u64> {
        self.number(&keys::posted(lane))
    }

    fn cursor(&self, lane: Lane) -> Read<u64> {
        self.number(&keys::cursor(lane))
    }

    fn outbox(&self, lane: Lane, up_to: u64, limit: usize) -> Read<Vec<u64>> {
        let rows = self.rows(&keys::outbox_lane(lane), &keys::outbox(lane, up_to.saturating_add(1)), limit)?;
        Ok(rows.iter().filter_map(|(key, _)| keys::outbox_sequence(key)).collect())
    }

    fn frontier(&self) -> Read<Frontier> {
        Ok(self.value(keys::FRONTIER)?.unwrap_or_default())
    }

    fn tree_node(&self, node: Node) -> Read<Option<Hash>> {
        let key = keys::tree_node(node);
        let hash = |bytes: Vec<u8>| Hash::try_from(bytes).map_err(|_| ViewError(format!("key {key:02x?}: not a hash")));
        self.raw(&key)?.map(hash).transpose()
    }

    fn sequence(&self, scope: &Scope) -> Read<Option<Last>> {
        let key = keys::sequence(scope);
        let last = |bytes: Vec<u8>| {
            let (number, rest) = bytes.split_first_chunk::<8>()?;
            let begun = UnixMillis(u64::from_be_bytes(rest.try_into().ok()?));
            Some(Last { number: u64::from_be_bytes(*number), begun })
        };
        let damaged = || ViewError(format!("key {key:02x?}: not a number of events"));
        self.raw(&key)?.map(|bytes| last(bytes).ok_or_else(damaged)).transpose()
    }

    fn sessions_begun(&self, before: UnixMillis, limit: usize) -> Read<Vec<(UnixMillis, SessionName)>> {
        let rows = self.rows(keys::SESSIONS_BEGUN, &keys::session_begun(before, &[0; 16]), limit)?;
        Ok(rows.iter().filter_map(|(key, _)| keys::begun_session(key)).collect())
    }

    fn published(&self) -> Read<Published> {
        Ok(self.value(keys::PUBLISHED)?.unwrap_or_default())
    }

    fn cluster(&self) -> Read<Option<ClusterInfo>> {
        self.value(keys::CLUSTER)
    }

    fn policies(&self) -> Read<Option<Policies>> {
        self.value(keys::POLICIES)
    }

    fn data_keys(&self) -> Read<Vec<DataKey>> {
        self.all(keys::DATA_KEYS, DATA_KEYS_MAX)
    }
}
