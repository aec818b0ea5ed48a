//! Sealed bodies and keyed tokens (SECURITY.md 4). A body is sealed before its command is proposed, so log, state and
//! snapshots hold ciphertext; the reader and the indexer open it through a [`Keyring`].

use std::collections::BTreeMap;
use std::fmt;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::ids::{OverrideId, RecordId, RequestId, Token, UserId};
use crate::number::{NumberForm, NumberKey};
use crate::password::Password;
use crate::record::Dataset;

/// The one algorithm so far: AES-256-GCM with a 96-bit random nonce.
pub const AES_256_GCM: u8 = 1;

/// Ciphertext with what is needed to open it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    pub algorithm: u8,
    pub key: u32,
    pub nonce: [u8; 12],
    pub ciphertext: Vec<u8>,
}

/// What a body belongs to; it opens under no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The body of a record.
    Record(Dataset, RecordId),
    /// The payload of an audit event, by the event's own id.
    Event([u8; 16]),
    /// The content of an override of a record.
    Override(Dataset, RecordId, OverrideId),
    /// Where a list goes on, which may be at a record that its reader does not see.
    ListPosition,
    /// The personal data of an account, by the account's object id (`people::Party::object`).
    Account(RecordId),
    /// The hash of the password of an account.
    Password(RecordId),
    /// The secret of the one-time codes of an account.
    Codes(RecordId),
}

impl Scope {
    fn purpose(self) -> String {
        match self {
            Self::Record(dataset, _) => format!("portcullis/seal/record/{}", dataset.number()),
            Self::Event(_) => "portcullis/seal/event".to_string(),
            Self::Override(dataset, ..) => format!("portcullis/seal/override/{}", dataset.number()),
            Self::Account(_) => "portcullis/seal/account".to_string(),
            Self::Password(_) => "portcullis/seal/password".to_string(),
            Self::Codes(_) => "portcullis/seal/codes".to_string(),
            Self::ListPosition => "portcullis/seal/list-position".to_string(),
        }
    }

    fn bound_to(self) -> Vec<u8> {
        let id = match self {
            Self::Record(_, id) | Self::Account(id) | Self::Password(id) | Self::Codes(id) => id.0.to_vec(),
            Self::Event(id) => id.to_vec(),
            Self::Override(_, record, id) => [record.0, id.0].concat(),
            Self::ListPosition => Vec::new(),
        };
        [self.purpose().as_bytes(), &[0], &id].concat()
    }
}

/// Why a body does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("key {0} is not in the keyring; add it to the key file")]
    UnknownKey(u32),
    #[error("algorithm {0} is unknown; use a newer program")]
    UnknownAlgorithm(u8),
    #[error("the sealed body does not open: altered, or of another record")]
    Broken,
}

/// The keys of a cluster. One key from a file so far; per dataset and expiry bucket later, under the same key ids.
#[derive(Clone)]
pub struct Keyring {
    keys: BTreeMap<u32, [u8; 32]>,
    current: u32,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({} keys, current {})", self.keys.len(), self.current)
    }
}

impl Keyring {
    /// A keyring of one key.
    pub fn single(id: u32, key: [u8; 32]) -> Self {
        Self { keys: BTreeMap::from([(id, key)]), current: id }
    }

    /// Seals a body under the current key. `nonce` must never repeat.
    pub fn seal(&self, scope: Scope, nonce: [u8; 12], plain: &[u8]) -> Result<Sealed, SealError> {
        let cipher = self.cipher(self.current, scope)?;
        let payload = Payload { msg: plain, aad: &scope.bound_to() };
        let ciphertext = cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| SealError::Broken)?;
        Ok(Sealed { algorithm: AES_256_GCM, key: self.current, nonce, ciphertext })
    }

    /// Opens a body.
    pub fn open(&self, scope: Scope, sealed: &Sealed) -> Result<Vec<u8>, SealError> {
        if sealed.algorithm != AES_256_GCM {
            return Err(SealError::UnknownAlgorithm(sealed.algorithm));
        }
        let cipher = self.cipher(sealed.key, scope)?;
        let payload = Payload { msg: &sealed.ciphertext, aad: &scope.bound_to() };
        cipher.decrypt(&Nonce::from(sealed.nonce), payload).map_err(|_| SealError::Broken)
    }

    /// The token of a number's key: equal keys have equal tokens, keys of two kinds or forms never, and no number is found
    /// from its token.
    pub fn token(&self, key: &NumberKey) -> Token {
        let kind = key.kind.number();
        let purpose = match key.form {
            NumberForm::Exact => format!("portcullis/token/{kind}"),
            NumberForm::Alike => format!("portcullis/token/{kind}/alike"),
        };
        self.keyed(&purpose, key.text.as_bytes())
    }

    /// The keyed digest of a record's body.
    pub fn content(&self, plain: &[u8]) -> Token {
        self.keyed("portcullis/content", plain)
    }

    /// What tells whether two nodes have the same key, and nothing else about it.
    pub fn check(&self) -> Token {
        self.keyed("portcullis/key-check", &[])
    }

    /// An opaque name of a position, of fixed length.
    pub fn position(&self, value: &[u8]) -> Token {
        self.keyed("portcullis/position", value)
    }

    /// What of a password is hashed: without the key nobody tries passwords on a stolen hash. Always by the first key, since a
    /// hash cannot be made anew without its password.
    pub fn pepper(&self, password: &Password) -> [u8; 32] {
        let key = self.keys.values().next().copied().unwrap_or_default();
        mac(&mac(&key, b"portcullis/password"), password.bytes())
    }

    /// What is drawn for a request of a user, the same at each of its attempts, and known to nobody without the key.
    pub fn drawn(&self, purpose: &str, user: &UserId, request: RequestId) -> [u8; 32] {
        let key = self.keys.values().next().copied().unwrap_or_default();
        let derived = mac(&key, format!("portcullis/drawn/{purpose}").as_bytes());
        mac(&derived, &[&request.0[..], user.as_str().as_bytes()].concat())
    }

    fn keyed(&self, purpose: &str, value: &[u8]) -> Token {
        // Tokens are compared across records, so they always use the first key; a second one is a window of its own.
        let key = self.keys.values().next().copied().unwrap_or_default();
        let derived = mac(&key, purpose.as_bytes());
        let mut token = [0; 16];
        token.copy_from_slice(&mac(&derived, value)[..16]);
        Token(token)
    }

    fn cipher(&self, id: u32, scope: Scope) -> Result<Aes256Gcm, SealError> {
        let key = self.keys.get(&id).ok_or(SealError::UnknownKey(id))?;
        let derived = mac(key, scope.purpose().as_bytes());
        Ok(Aes256Gcm::new(&Key::<Aes256Gcm>::from(derived)))
    }
}

fn mac(key: &[u8; 32], value: &[u8]) -> [u8; 32] {
    use hmac::KeyInit;
    // HMAC takes keys of any length, so this cannot fail.
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes any key"));
    mac.update(value);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ring() -> Keyring {
        Keyring::single(1, [3; 32])
    }

    proptest! {
        #[test]
        fn a_body_opens_for_its_record_only(plain: Vec<u8>, nonce: [u8; 12], id: [u8; 16], other: [u8; 16], flip in 1u8.., at: usize) {
            prop_assume!(id != other);
            let scope = Scope::Record(Dataset::Tecs, RecordId(id));
            let sealed = ring().seal(scope, nonce, &plain).expect("seals");
            prop_assert_eq!(&ring().open(scope, &sealed).expect("opens"), &plain);
            prop_assert!(ring().open(Scope::Record(Dataset::Tecs, RecordId(other)), &sealed).is_err());
            prop_assert!(ring().open(Scope::Record(Dataset::Apis, RecordId(id)), &sealed).is_err());
            prop_assert!(ring().open(Scope::Event(id), &sealed).is_err());
            let of = |record, own| Scope::Override(Dataset::Tecs, RecordId(record), OverrideId(own));
            prop_assert!(ring().open(of(id, id), &sealed).is_err());
            let override_ = ring().seal(of(id, other), nonce, &plain).expect("seals");
            prop_assert_eq!(ring().open(of(id, other), &override_).expect("opens"), plain);
            for wrong in [of(other, id), of(id, id), of(other, other)] {
                prop_assert!(ring().open(wrong, &override_).is_err());
            }
            let mut altered = sealed.clone();
            let at = at % altered.ciphertext.len();
            altered.ciphertext[at] ^= flip;
            prop_assert!(ring().open(scope, &altered).is_err());
        }
    }

    #[test]
    fn tokens_depend_on_key_kind_form_and_number() {
        use crate::number::NumberKind;
        let key = |kind, form, text: &str| NumberKey { kind, form, text: text.into() };
        let exact = key(NumberKind::Document, NumberForm::Exact, "AB1");
        let token = ring().token(&exact);
        assert_eq!(token, ring().token(&exact));
        assert_ne!(token, ring().token(&key(NumberKind::Plate, NumberForm::Exact, "AB1")));
        assert_ne!(token, ring().token(&key(NumberKind::Document, NumberForm::Alike, "AB1")));
        assert_ne!(token, ring().token(&key(NumberKind::Document, NumberForm::Exact, "AB2")));
        assert_ne!(token, Keyring::single(1, [4; 32]).token(&exact));
    }
}
