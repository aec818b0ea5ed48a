//! Between lookouts and stored records: sealing, opening, tokens, the messages of the API.

use std::sync::Arc;

use model::codec;
use model::ids::{AgencyId, OverrideId, RecordId, Token, UserId};
use model::lookout::Lookout;
use model::overrides::{Override, OverrideDraft, StoredOverride};
use model::people::{Party, Personal, Profile};
use model::record::{AccessLevel, Dataset, Draft, RecordKind, Source, StoredRecord};
use model::seal::{Keyring, Scope, Sealed};
use model::time::Entropy;
use proto::convert::lookout_to;
use proto::v1;

use crate::error::ApiError;

/// The dataset that lookouts belong to.
pub const DATASET: Dataset = Dataset::Tecs;

/// Seals and opens records.
#[derive(Clone)]
pub struct Records {
    keyring: Arc<Keyring>,
    entropy: Arc<dyn Entropy>,
}

impl Records {
    /// Works with a keyring.
    pub fn new(keyring: Arc<Keyring>, entropy: Arc<dyn Entropy>) -> Self {
        Self { keyring, entropy }
    }

    /// The keyring.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// A lookout as a command carries it.
    pub fn draft(
        &self,
        id: RecordId,
        lookout: &Lookout,
        owner: AgencyId,
        level: AccessLevel,
        source: Option<Source>,
    ) -> Result<Draft, ApiError> {
        let plain = codec::encode(lookout).map_err(|error| ApiError::Internal(error.to_string()))?;
        let mut nonce = [0; 12];
        self.entropy.fill(&mut nonce);
        let sealed = self.keyring.seal(Scope::Record(DATASET, id), nonce, &plain);
        let mut tokens: Vec<_> = lookout.number_keys().iter().map(|key| self.keyring.token(key)).collect();
        tokens.sort_unstable();
        Ok(Draft {
            id,
            kind: RecordKind::Lookout,
            subject: lookout.subject,
            dataset: DATASET,
            owner,
            level,
            labels: Vec::new(),
            source,
            tokens,
            content: self.keyring.content(&plain),
            expires: None,
            sealed: sealed.map_err(|error| ApiError::Internal(error.to_string()))?,
        })
    }

    /// Opens a record.
    pub fn open(&self, record: &StoredRecord) -> Result<Lookout, ApiError> {
        let header = &record.header;
        let plain = self.keyring.open(Scope::Record(header.dataset, header.id), &record.sealed);
        let plain = plain.map_err(|error| ApiError::Internal(format!("record {}: {error}", header.id)))?;
        codec::decode(&plain).map_err(|error| ApiError::Internal(format!("record {}: {error}", header.id)))
    }

    /// An override as a command carries it.
    pub fn override_draft(
        &self,
        lookout: RecordId,
        id: OverrideId,
        content: &Override,
    ) -> Result<OverrideDraft, ApiError> {
        let plain = codec::encode(content).map_err(|error| ApiError::Internal(error.to_string()))?;
        let mut nonce = [0; 12];
        self.entropy.fill(&mut nonce);
        let sealed = self.keyring.seal(Scope::Override(DATASET, lookout, id), nonce, &plain);
        Ok(OverrideDraft {
            id,
            dataset: DATASET,
            lookout,
            expires: content.expires,
            content: self.keyring.content(&plain),
            sealed: sealed.map_err(|error| ApiError::Internal(error.to_string()))?,
        })
    }

    /// Opens an override.
    pub fn open_override(&self, stored: &StoredOverride) -> Result<Override, ApiError> {
        let header = &stored.header;
        let failed = |error: String| ApiError::Internal(format!("override {}: {error}", header.id));
        let scope = Scope::Override(header.dataset, header.lookout, header.id);
        let plain = self.keyring.open(scope, &stored.sealed).map_err(|error| failed(error.to_string()))?;
        codec::decode(&plain).map_err(|error| failed(error.to_string()))
    }

    /// The personal data of an account's holder as a command carries them, with their keyed digest.
    pub fn personal(&self, user: &UserId, personal: &Personal) -> Result<(Token, Sealed), ApiError> {
        let plain = codec::encode(personal).map_err(|error| ApiError::Internal(error.to_string()))?;
        let mut nonce = [0; 12];
        self.entropy.fill(&mut nonce);
        let scope = Scope::Account(Party::User(user.clone()).object());
        let sealed = self.keyring.seal(scope, nonce, &plain);
        Ok((self.keyring.content(&plain), sealed.map_err(|error| ApiError::Internal(error.to_string()))?))
    }

    /// Opens them.
    pub fn open_personal(&self, profile: &Profile) -> Result<Personal, ApiError> {
        let failed = |error: String| ApiError::Internal(format!("account {}: {error}", profile.user));
        let scope = Scope::Account(Party::User(profile.user.clone()).object());
        let plain = self.keyring.open(scope, &profile.personal).map_err(|error| failed(error.to_string()))?;
        codec::decode(&plain).map_err(|error| failed(error.to_string()))
    }

    /// A record as the API gives it.
    pub fn message(&self, record: &StoredRecord) -> Result<v1::LookoutRecord, ApiError> {
        let lookout = self.open(record)?;
        let header = &record.header;
        let source = header.source.as_ref();
        Ok(v1::LookoutRecord {
            id: header.id.to_string(),
            version: header.version,
            state: header.state.to_string(),
            owner: header.owner.to_string(),
            level: header.level.to_string(),
            source: source.map(|source| source.list.to_string()).unwrap_or_default(),
            source_ref: source.map(|source| source.reference.clone()).unwrap_or_default(),
            created_at: header.created.at.rfc3339(),
            created_by: header.created.by.to_string(),
            updated_at: header.updated.at.rfc3339(),
            updated_by: header.updated.by.to_string(),
            lookout: Some(lookout_to(&lookout)),
            audit: None,
        })
    }
}
