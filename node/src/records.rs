//! Between lookouts and stored records: sealing, opening, tokens, the messages of the API.

use model::access::admit::Visible;
use model::codec;
use model::ids::{AgencyId, GroupId, OverrideId, RecordId, Token, UserId, from_hex, to_hex};
use model::lookout::Lookout;
use model::overrides::{Override, OverrideDraft, StoredOverride};
use model::people::{Party, Personal, Profile};
use model::record::{AccessLevel, Dataset, Draft, RecordKind, Source, StoredRecord};
use model::seal::{AES_256_GCM, Scope, SealError, Sealed};
use proto::convert::lookout_shown;
use proto::v1;
use raft::error::GroupError;

use crate::error::ApiError;
use crate::keys::Keys;

/// The dataset that lookouts belong to.
pub const DATASET: Dataset = Dataset::Tecs;

/// Seals and opens records.
#[derive(Clone)]
pub struct Records {
    keys: Keys,
}

impl Records {
    /// Works with these keys.
    pub fn new(keys: Keys) -> Self {
        Self { keys }
    }

    /// The keys.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// A lookout as a command carries it. [`Keys::ready_for`] its dataset must have been waited for.
    pub fn draft(
        &self,
        id: RecordId,
        lookout: &Lookout,
        owner: AgencyId,
        (level, labels): (AccessLevel, Vec<String>),
        source: Option<Source>,
    ) -> Result<Draft, ApiError> {
        let plain = codec::encode(lookout).map_err(|error| ApiError::Internal(error.to_string()))?;
        let ring = self.keys.ring();
        let sealed = self.keys.seal_record(DATASET, Scope::Record(DATASET, id), &plain);
        let mut tokens: Vec<_> = lookout.number_keys().iter().map(|key| ring.token(key)).collect();
        tokens.sort_unstable();
        Ok(Draft {
            id,
            kind: RecordKind::Lookout,
            subject: lookout.subject,
            dataset: DATASET,
            owner,
            level,
            labels,
            source,
            tokens,
            content: ring.content(&plain),
            expires: None,
            sealed: sealed.map_err(|error| unopened("a new body", &error))?,
        })
    }

    /// Opens a record.
    pub fn open(&self, record: &StoredRecord) -> Result<Lookout, ApiError> {
        let header = &record.header;
        let plain = self.keys.open(Scope::Record(header.dataset, header.id), &record.sealed);
        let plain = plain.map_err(|error| unopened(&format!("record {}", header.id), &error))?;
        codec::decode(&plain).map_err(|error| ApiError::Internal(format!("record {}: {error}", header.id)))
    }

    /// An override as a command carries it; as for a lookout.
    pub fn override_draft(
        &self,
        lookout: RecordId,
        id: OverrideId,
        content: &Override,
    ) -> Result<OverrideDraft, ApiError> {
        let plain = codec::encode(content).map_err(|error| ApiError::Internal(error.to_string()))?;
        let sealed = self.keys.seal_record(DATASET, Scope::Override(DATASET, lookout, id), &plain);
        Ok(OverrideDraft {
            id,
            dataset: DATASET,
            lookout,
            expires: content.expires,
            content: self.keys.ring().content(&plain),
            sealed: sealed.map_err(|error| unopened("a new body", &error))?,
        })
    }

    /// Opens an override.
    pub fn open_override(&self, stored: &StoredOverride) -> Result<Override, ApiError> {
        let header = &stored.header;
        let failed = |error: String| ApiError::Internal(format!("override {}: {error}", header.id));
        let scope = Scope::Override(header.dataset, header.lookout, header.id);
        let plain = self.keys.open(scope, &stored.sealed);
        let plain = plain.map_err(|error| unopened(&format!("override {}", header.id), &error))?;
        codec::decode(&plain).map_err(|error| failed(error.to_string()))
    }

    /// The personal data of an account's holder as a command carries them, with their keyed digest.
    pub fn personal(&self, user: &UserId, personal: &Personal) -> Result<(Token, Sealed), ApiError> {
        let plain = codec::encode(personal).map_err(|error| ApiError::Internal(error.to_string()))?;
        let scope = Scope::Account(Party::User(user.clone()).object());
        Ok((
            self.keys.ring().content(&plain),
            self.keys.seal(scope, &plain).map_err(|error| unopened("a body", &error))?,
        ))
    }

    /// Opens them.
    pub fn open_personal(&self, profile: &Profile) -> Result<Personal, ApiError> {
        let failed = |error: String| ApiError::Internal(format!("account {}: {error}", profile.user));
        let scope = Scope::Account(Party::User(profile.user.clone()).object());
        let plain = self.keys.open(scope, &profile.personal).map_err(|error| failed(error.to_string()))?;
        codec::decode(&plain).map_err(|error| failed(error.to_string()))
    }

    /// Where a list goes on, so that only this cluster reads it: it may be at a record that is hidden from who holds it, and
    /// is of one length wherever it is.
    pub fn list_token(&self, group: GroupId, after: Option<RecordId>) -> Result<String, ApiError> {
        let mut place = group.number().to_be_bytes().to_vec();
        place.push(after.is_some().into());
        place.extend(after.unwrap_or(RecordId([0; 16])).0);
        let sealed = self.keys.seal(Scope::ListPosition, &place).map_err(|error| unopened("a body", &error))?;
        Ok(to_hex(&[&sealed.key.to_be_bytes()[..], &sealed.nonce, &sealed.ciphertext].concat()))
    }

    /// The place of such a token.
    pub fn list_position(&self, token: &str) -> Option<(GroupId, Option<RecordId>)> {
        let bytes = from_hex(token)?;
        let (key, rest) = bytes.split_first_chunk::<4>()?;
        let (nonce, ciphertext) = rest.split_first_chunk::<12>()?;
        let (key, ciphertext) = (u32::from_be_bytes(*key), ciphertext.to_vec());
        let sealed = Sealed { algorithm: AES_256_GCM, key, nonce: *nonce, ciphertext };
        let place = self.keys.open(Scope::ListPosition, &sealed).ok()?;
        let (group, rest) = place.split_first_chunk::<4>()?;
        let ([there], id) = rest.split_first_chunk::<1>()?;
        let id = RecordId(id.try_into().ok()?);
        Some((GroupId::from_number(u32::from_be_bytes(*group))?, (*there == 1).then_some(id)))
    }

    /// A record as the API gives it to whoever sees it.
    pub fn message(&self, record: &Visible<StoredRecord>) -> Result<v1::LookoutRecord, ApiError> {
        let record = record.get();
        let lookout = self.open(record)?;
        let header = &record.header;
        let source = header.source.as_ref();
        Ok(v1::LookoutRecord {
            id: header.id.to_string(),
            version: header.version,
            state: header.state.to_string(),
            owner: header.owner.to_string(),
            level: header.level.to_string(),
            labels: header.labels.clone(),
            source: source.map(|source| source.list.to_string()).unwrap_or_default(),
            source_ref: source.map(|source| source.reference.clone()).unwrap_or_default(),
            created_at: header.created.at.rfc3339(),
            created_by: header.created.by.to_string(),
            updated_at: header.updated.at.rfc3339(),
            updated_by: header.updated.by.to_string(),
            lookout: Some(lookout_shown(&lookout)),
            audit: None,
        })
    }
}

/// Why a body does not open, or is not sealed. A key that is not known is one that this replica of the directory has not heard of:
/// another node's may have.
pub fn unopened(what: &str, error: &SealError) -> ApiError {
    let reason = format!("{what}: {error}");
    match error {
        SealError::UnknownKey(_) | SealError::NoKey(_) => {
            GroupError::Unavailable { group: GroupId::Directory, reason }.into()
        }
        _ => ApiError::Internal(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_under_a_key_that_is_not_known_here_may_be_opened_elsewhere_and_a_broken_one_nowhere() {
        let code = |error| unopened("record 1", &error).code();
        assert_eq!((code(SealError::UnknownKey(16)), code(SealError::Broken)), ("unavailable", "internal"));
    }
}
