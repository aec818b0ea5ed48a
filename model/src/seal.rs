//! Sealed bodies and keyed tokens (SECURITY.md 4). A body is sealed before its command is proposed, so log, state and
//! snapshots hold ciphertext; the reader and the indexer open it through a [`Keyring`].
//!
//! A root key, which no log or state holds, wraps the keys of data ([`crate::data_key`]) and makes the tokens. Records, overrides and
//! events are sealed under keys of data, each body under a key of its own that is derived from one, so that no nonce is used
//! twice under one key however many bodies a month has; whatever has no month in which it expires is sealed under the root.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::audit::note::{NoteError, SignatureKind, SignerKey};
use crate::audit::subject::Subject;
use crate::data_key::{Bucket, DataKey, KeySet};
use crate::ids::{OverrideId, RecordId, RequestId, Token, UserId};
use crate::number::{NumberForm, NumberKey};
use crate::password::Password;
use crate::record::Dataset;

/// The one algorithm so far: AES-256-GCM with a 96-bit random nonce.
pub const AES_256_GCM: u8 = 1;
/// Bytes of a wrapped key of data: the key and the tag.
pub const WRAPPED_KEY_BYTES: usize = 32 + 16;

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
    /// A key of data, by its id and bucket.
    DataKey(u32, Bucket),
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
            Self::DataKey(..) => "portcullis/seal/data-key".to_string(),
        }
    }

    fn bound_to(self) -> Vec<u8> {
        let id = match self {
            Self::Record(_, id) | Self::Account(id) | Self::Password(id) | Self::Codes(id) => id.0.to_vec(),
            Self::Event(id) => id.to_vec(),
            Self::Override(_, record, id) => [record.0, id.0].concat(),
            Self::ListPosition => Vec::new(),
            Self::DataKey(id, Bucket { set, expires }) => {
                [&id.to_be_bytes()[..], &set.number().to_be_bytes(), &expires.0.to_be_bytes()].concat()
            }
        };
        [self.purpose().as_bytes(), &[0], &id].concat()
    }
}

/// Why a body does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("key {0} is not in the keyring: this node's directory replica has not heard of it, or it was destroyed")]
    UnknownKey(u32),
    #[error("there is no key yet for {0}")]
    NoKey(Bucket),
    #[error("algorithm {0} is unknown; use a newer program")]
    UnknownAlgorithm(u8),
    #[error("the sealed body does not open: altered, or of another record")]
    Broken,
}

/// A key, wiped when it is dropped.
type Secret = Zeroizing<[u8; 32]>;

/// The keys of a cluster: the root key, and the keys of data that are known.
#[derive(Clone)]
pub struct Keyring {
    root: (u32, Secret),
    data: BTreeMap<u32, (Bucket, Secret)>,
    newest: BTreeMap<Bucket, u32>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring(root {}, {} keys of data)", self.root.0, self.data.len())
    }
}

impl Keyring {
    /// A keyring of a root key, without keys of data yet.
    pub fn single(id: u32, key: [u8; 32]) -> Self {
        Self { root: (id, Secret::new(key)), data: BTreeMap::new(), newest: BTreeMap::new() }
    }

    /// Whether a key is known.
    pub fn knows(&self, id: u32) -> bool {
        id == self.root.0 || self.data.contains_key(&id)
    }

    /// The key that a bucket is sealed under.
    pub fn newest(&self, bucket: Bucket) -> Option<u32> {
        self.newest.get(&bucket).copied()
    }

    /// The bucket of a key of data.
    pub fn bucket(&self, id: u32) -> Option<Bucket> {
        self.data.get(&id).map(|(bucket, _)| *bucket)
    }

    /// The buckets that are known, each with the key that it is sealed under.
    pub fn in_use(&self) -> impl Iterator<Item = (Bucket, u32)> {
        self.newest.iter().map(|(bucket, id)| (*bucket, *id))
    }

    /// The keys of data that nothing is sealed under any more, since others took their place, and that something else can be
    /// sealed under instead: not those of events, which stay under theirs.
    pub fn replaced(&self) -> BTreeSet<u32> {
        let of_records = self.data.iter().filter(|(_, (bucket, _))| bucket.set != KeySet::Audit);
        of_records.filter(|(id, (bucket, _))| self.newest(*bucket) != Some(**id)).map(|(id, _)| *id).collect()
    }

    /// How many keys of data are known.
    pub fn data_keys(&self) -> usize {
        self.data.len()
    }

    /// Wraps a key of data. `nonce` must never repeat.
    pub fn wrap(&self, id: u32, bucket: Bucket, nonce: [u8; 12], key: &[u8; 32]) -> Result<Sealed, SealError> {
        self.seal(Scope::DataKey(id, bucket), nonce, key)
    }

    /// Takes a key of data in.
    pub fn take_in(&mut self, key: &DataKey) -> Result<(), SealError> {
        let plain = Zeroizing::new(self.open(Scope::DataKey(key.id, key.bucket), &key.wrapped)?);
        let secret = Secret::new(plain.as_slice().try_into().map_err(|_| SealError::Broken)?);
        self.data.insert(key.id, (key.bucket, secret));
        let newest = self.newest.entry(key.bucket).or_insert(key.id);
        *newest = key.id.max(*newest);
        Ok(())
    }

    /// The same, with these keys of data.
    pub fn with<'a>(mut self, keys: impl IntoIterator<Item = &'a DataKey>) -> Result<Self, SealError> {
        keys.into_iter().try_for_each(|key| self.take_in(key))?;
        Ok(self)
    }

    /// Seals what expires never, or soon, under the root key. `nonce` must never repeat.
    pub fn seal(&self, scope: Scope, nonce: [u8; 12], plain: &[u8]) -> Result<Sealed, SealError> {
        self.seal_under(self.root.0, scope, nonce, plain)
    }

    /// Seals a body under the key of its bucket.
    pub fn seal_in(&self, bucket: Bucket, scope: Scope, nonce: [u8; 12], plain: &[u8]) -> Result<Sealed, SealError> {
        let key = self.newest(bucket).ok_or(SealError::NoKey(bucket))?;
        self.seal_under(key, scope, nonce, plain)
    }

    fn seal_under(&self, key: u32, scope: Scope, nonce: [u8; 12], plain: &[u8]) -> Result<Sealed, SealError> {
        let (cipher, bound_to) = self.cipher(key, scope)?;
        let payload = Payload { msg: plain, aad: &bound_to };
        let ciphertext = cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| SealError::Broken)?;
        Ok(Sealed { algorithm: AES_256_GCM, key, nonce, ciphertext })
    }

    /// Opens a body.
    pub fn open(&self, scope: Scope, sealed: &Sealed) -> Result<Vec<u8>, SealError> {
        if sealed.algorithm != AES_256_GCM {
            return Err(SealError::UnknownAlgorithm(sealed.algorithm));
        }
        let (cipher, bound_to) = self.cipher(sealed.key, scope)?;
        let payload = Payload { msg: &sealed.ciphertext, aad: &bound_to };
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

    /// The token by which the audit is asked about a record, a name or a number: unlike those of records, so that nothing is learnt from
    /// both together.
    pub fn asked(&self, subject: &Subject) -> Token {
        match subject {
            Subject::Record(id) => self.keyed("portcullis/asked/record", &id.0),
            Subject::Name(name) => self.keyed("portcullis/asked/name", name.as_bytes()),
            Subject::Number(number) => self.keyed("portcullis/asked/number", number.as_bytes()),
        }
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

    /// The key by which a log signs its checkpoints: each origin has its own.
    pub fn log_key(&self, origin: &str) -> Result<SignerKey, NoteError> {
        let derived = Zeroizing::new(mac(&self.root.1, b"portcullis/log-key"));
        let seed = Zeroizing::new(mac(&derived, origin.as_bytes()));
        SignerKey::new(origin, SignatureKind::Log, &seed)
    }

    /// What of a password is hashed: without the key nobody tries passwords on a stolen hash. Always by the root key, since a
    /// hash cannot be made anew without its password.
    pub fn pepper(&self, password: &Password) -> [u8; 32] {
        mac(&mac(&self.root.1, b"portcullis/password"), password.bytes())
    }

    /// What is drawn for a request of a user, the same at each of its attempts, and known to nobody without the key.
    pub fn drawn(&self, purpose: &str, user: &UserId, request: RequestId) -> [u8; 32] {
        let derived = mac(&self.root.1, format!("portcullis/drawn/{purpose}").as_bytes());
        mac(&derived, &[&request.0[..], user.as_str().as_bytes()].concat())
    }

    fn keyed(&self, purpose: &str, value: &[u8]) -> Token {
        // Tokens are compared across records, so they always use the root key.
        let derived = mac(&self.root.1, purpose.as_bytes());
        let mut token = [0; 16];
        token.copy_from_slice(&mac(&derived, value)[..16]);
        Token(token)
    }

    /// The cipher of a body under a key, and what its ciphertext is bound to.
    fn cipher(&self, id: u32, scope: Scope) -> Result<(Aes256Gcm, Vec<u8>), SealError> {
        let bound_to = scope.bound_to();
        let (derived, bound_to) = if id == self.root.0 {
            (mac(&self.root.1, scope.purpose().as_bytes()), bound_to)
        } else {
            let (_, key) = self.data.get(&id).ok_or(SealError::UnknownKey(id))?;
            (mac(key, &bound_to), [&id.to_be_bytes()[..], &bound_to].concat())
        };
        let derived = Zeroizing::new(derived);
        Ok((Aes256Gcm::new(&Key::<Aes256Gcm>::from(*derived)), bound_to))
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
    use crate::data_key::Month;
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

    fn data_key(ring: &Keyring, id: u32, bucket: Bucket, bytes: u8) -> DataKey {
        let wrapped = ring.wrap(id, bucket, [bytes; 12], &[bytes; 32]).expect("wraps");
        DataKey { id, bucket, made: crate::time::UnixMillis(0), wrapped }
    }

    fn bucket(set: KeySet, expires: u16) -> Bucket {
        Bucket { set, expires: Month(expires) }
    }

    proptest! {
        #[test]
        fn a_body_opens_under_the_key_of_its_bucket_and_for_its_record_alone(plain: Vec<u8>, nonce: [u8; 12], id: [u8; 16], other: [u8; 16]) {
            prop_assume!(id != other);
            let (tecs, audit) = (bucket(KeySet::Tecs, 1), bucket(KeySet::Audit, 1));
            let keys = [data_key(&ring(), 16, tecs, 1), data_key(&ring(), 17, audit, 2), data_key(&ring(), 18, tecs, 3)];
            let before = ring().with(&keys[..2]).expect("opens");
            let after = ring().with(&keys).expect("opens");
            prop_assert_eq!((before.newest(tecs), after.newest(tecs), after.data_keys()), (Some(16), Some(18), 3));
            prop_assert_eq!((before.replaced(), after.replaced()), (BTreeSet::new(), BTreeSet::from([16])));
            let scope = Scope::Record(Dataset::Tecs, RecordId(id));
            let old = before.seal_in(tecs, scope, nonce, &plain).expect("seals");
            let new = after.seal_in(tecs, scope, nonce, &plain).expect("seals");
            prop_assert_eq!((old.key, new.key, after.bucket(18)), (16, 18, Some(tecs)));
            prop_assert_eq!(&after.open(scope, &old).expect("opens"), &plain, "what was sealed before");
            prop_assert_eq!(&after.open(scope, &new).expect("opens"), &plain);
            prop_assert_eq!(before.open(scope, &new), Err(SealError::UnknownKey(18)));
            prop_assert!(after.open(Scope::Record(Dataset::Tecs, RecordId(other)), &new).is_err());
            for key in [16, 17] {
                prop_assert!(after.open(scope, &Sealed { key, ..new.clone() }).is_err(), "under key {}", key);
            }
        }
    }

    /// T28: whoever has everything but the key of a month has nothing of that month.
    #[test]
    fn t28_without_the_key_of_its_bucket_a_body_does_not_open_and_a_wrapped_key_is_good_for_its_bucket_alone() {
        let (one, two) = (bucket(KeySet::Tecs, 1), bucket(KeySet::Tecs, 2));
        let key = data_key(&ring(), 16, one, 1);
        let scope = Scope::Record(Dataset::Tecs, RecordId([1; 16]));
        let with_key = ring().with([&key]).expect("opens");
        let sealed = with_key.seal_in(one, scope, [2; 12], b"body").expect("seals");
        assert_eq!(ring().open(scope, &sealed), Err(SealError::UnknownKey(16)));
        assert_eq!(with_key.seal_in(two, scope, [2; 12], b"body"), Err(SealError::NoKey(two)));
        for other in [DataKey { bucket: two, ..key.clone() }, DataKey { id: 17, ..key.clone() }] {
            assert_eq!(ring().take_in(&other), Err(SealError::Broken));
        }
        assert_eq!(Keyring::single(1, [4; 32]).take_in(&key), Err(SealError::Broken), "under another root");
    }

    #[test]
    fn t27_a_keyring_prints_none_of_its_keys() {
        let key = data_key(&ring(), 16, bucket(KeySet::Tecs, 1), 1);
        let printed = format!("{:?}", ring().with([&key]).expect("opens"));
        assert_eq!(printed, "Keyring(root 1, 1 keys of data)");
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
