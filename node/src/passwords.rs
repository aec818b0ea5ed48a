//! Passwords and one-time codes at the edge: hashed slowly, on few threads, and opened nowhere else. A hash takes tens of
//! milliseconds of a processor by intent, so how many run is bounded, who waits is counted, and beyond a bound is refused (T12).

use std::sync::Arc;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use model::codec;
use model::ids::{RequestId, UserId};
use model::password::Password;
use model::people::Party;
use model::people::credential::Factors;
use model::seal::{Keyring, Scope, SealError, Sealed};
use model::time::Entropy;
use model::totp::{CodeDigest, CodeSecret, SECRET_BYTES};
use prometheus::{IntGauge, Registry};
use tokio::sync::Semaphore;

use crate::env::Work;
use crate::error::{ApiError, BUSY};

/// Passwords that wait to be hashed.
pub const WAITING_MAX: i64 = 256;
/// Memory, passes and lanes of a hash: the least that OWASP names for argon2id.
const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;

/// What is hashed where there is no password, so that this takes as long: of no password that anybody knows.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5cyBwYXNzd29yZA$aW4gdHJ1dGggaXQgaXMgdGhlIGhhc2ggb2Ygbm9vbmU";

/// The places where passwords are hashed; clones share them.
#[derive(Clone)]
pub struct Hashing {
    places: Arc<Semaphore>,
    waiting: IntGauge,
}

impl Hashing {
    /// So many at a time.
    pub fn new(places: usize, registry: &Registry) -> Result<Self, prometheus::Error> {
        let waiting =
            IntGauge::new("portcullis_passwords_waiting", "Passwords that wait for a processor to be hashed.")?;
        registry.register(Box::new(waiting.clone()))?;
        Ok(Self { places: Arc::new(Semaphore::new(places.max(1))), waiting })
    }

    async fn run<T: Send + 'static>(
        &self,
        work: Work,
        within: Duration,
        hash: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        if self.waiting.get() >= WAITING_MAX {
            return Err(ApiError::Overloaded { again: BUSY });
        }
        self.waiting.inc();
        let waits = Waits(&self.waiting);
        let place = tokio::time::timeout(within, self.places.clone().acquire_owned()).await;
        let place = place.ok().and_then(Result::ok).ok_or(ApiError::Overloaded { again: BUSY })?;
        drop(waits);
        // The place goes with the work: whoever asked may be gone, and the thread still hashes.
        let hashed = move || {
            let _place = place;
            hash()
        };
        work.run(hashed).await.ok_or_else(|| ApiError::Internal("hashing a password failed".into()))
    }
}

struct Waits<'a>(&'a IntGauge);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Hashes, compares, seals and opens what people prove themselves by.
#[derive(Clone)]
pub struct Passwords {
    keyring: Arc<Keyring>,
    entropy: Arc<dyn Entropy>,
    work: Work,
    hashing: Hashing,
}

/// Factors as they are set, sealed, with the digest of the hash by which a repeated request is known.
pub struct NewPassword {
    pub sealed: Sealed,
    pub hash: String,
}

impl Passwords {
    /// Works with a keyring.
    pub fn new(keyring: Arc<Keyring>, entropy: Arc<dyn Entropy>, work: Work, hashing: Hashing) -> Self {
        Self { keyring, entropy, work, hashing }
    }

    /// Whether this is the password of these factors. Without any it is not, and that takes as long.
    pub async fn is_right(
        &self,
        user: &UserId,
        password: &Password,
        factors: Option<&Factors>,
        within: Duration,
    ) -> Result<bool, ApiError> {
        let hash = match factors {
            None => NOBODYS.to_string(),
            Some(factors) => {
                let hash = self.keyring.open(Scope::Password(object(user)), &factors.password).map_err(broken)?;
                String::from_utf8(hash).map_err(|_| ApiError::Internal("the hash of a password is no text".into()))?
            }
        };
        let peppered = self.keyring.pepper(password);
        self.hashing.run(self.work, within, move || Argon2::default().verify_password(&peppered, &*hash).is_ok()).await
    }

    /// The secret of the codes of these factors.
    pub fn codes(&self, user: &UserId, factors: &Factors) -> Result<CodeSecret, ApiError> {
        let plain = self.keyring.open(Scope::Codes(object(user)), &factors.codes).map_err(broken)?;
        codec::decode(&plain).map_err(|error| ApiError::Internal(error.to_string()))
    }

    /// The hash of a new password, the same at each attempt of its request.
    pub async fn set(
        &self,
        (user, request): (&UserId, RequestId),
        password: &Password,
        within: Duration,
    ) -> Result<NewPassword, ApiError> {
        let (peppered, salt) = (self.keyring.pepper(password), self.keyring.drawn("salt", user, request));
        let hash = self.hashing.run(self.work, within, move || {
            let hashed = hasher()?.hash_password_with_salt(&peppered, &salt[..SALT_BYTES]);
            hashed.map(|hash| hash.to_string()).map_err(|error| ApiError::Internal(error.to_string()))
        });
        let hash = hash.await??;
        Ok(NewPassword { sealed: self.seal(Scope::Password(object(user)), hash.as_bytes())?, hash })
    }

    /// A new secret of codes, the same at each attempt of its request, with its sealed form.
    pub fn new_codes(&self, user: &UserId, request: RequestId) -> Result<(CodeSecret, Sealed), ApiError> {
        let drawn = self.keyring.drawn("codes", user, request);
        let mut key = [0; SECRET_BYTES];
        key.copy_from_slice(&drawn[..SECRET_BYTES]);
        let secret = CodeSecret::new(CodeDigest::Sha1, key);
        let plain = codec::encode(&secret).map_err(|error| ApiError::Internal(error.to_string()))?;
        Ok((secret, self.seal(Scope::Codes(object(user)), &plain)?))
    }

    fn seal(&self, scope: Scope, plain: &[u8]) -> Result<Sealed, ApiError> {
        let mut nonce = [0; 12];
        self.entropy.fill(&mut nonce);
        self.keyring.seal(scope, nonce, plain).map_err(broken)
    }
}

fn hasher() -> Result<Argon2<'static>, ApiError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn object(user: &UserId) -> model::ids::RecordId {
    Party::User(user.clone()).object()
}

fn broken(error: SealError) -> ApiError {
    ApiError::Internal(format!("factors of log-on: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::SystemEntropy;
    use model::time::UnixMillis;

    const LONG: Duration = Duration::from_secs(60);

    fn passwords(key: u8) -> Passwords {
        let hashing = Hashing::new(1, &Registry::new()).expect("registers");
        Passwords::new(Arc::new(Keyring::single(1, [key; 32])), Arc::new(SystemEntropy), Work::Threads, hashing)
    }

    fn typed(text: &str) -> Password {
        Password::new("password", text).expect("short")
    }

    async fn factors(of: &Passwords, user: &UserId, request: u8) -> (Factors, String) {
        let request = RequestId([request; 16]);
        let set = of.set((user, request), &typed("teal umbrella quarrels"), LONG).await.expect("hashes");
        let (_, codes) = of.new_codes(user, request).expect("draws");
        (Factors { password: set.sealed, codes, set: UnixMillis(0) }, set.hash)
    }

    #[tokio::test]
    async fn a_password_is_right_for_its_user_under_its_key_and_a_repeated_request_makes_the_same() {
        let (own, user) = (passwords(3), UserId::new("officer").expect("code"));
        let (set, hash) = factors(&own, &user, 1).await;
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(factors(&own, &user, 1).await.1, hash);
        assert_ne!(factors(&own, &user, 2).await.1, hash, "another salt");
        let right =
            async |of: &Passwords, user: &UserId, text: &str| of.is_right(user, &typed(text), Some(&set), LONG).await;
        assert!(right(&own, &user, "teal umbrella quarrels").await.expect("opens"));
        assert!(!right(&own, &user, "teal umbrella quarrel").await.expect("opens"));
        let other = UserId::new("other").expect("code");
        assert!(right(&own, &other, "teal umbrella quarrels").await.is_err(), "sealed for its user");
        // A stolen hash is nothing without the key: the same words under another one are not its password.
        let sealed = passwords(4).seal(Scope::Password(object(&user)), hash.as_bytes()).expect("seals");
        let stolen = Factors { password: sealed, ..set.clone() };
        let tried = passwords(4).is_right(&user, &typed("teal umbrella quarrels"), Some(&stolen), LONG).await;
        assert!(!tried.expect("opens"));
        let code = own.codes(&user, &set).expect("opens").code(7);
        assert_eq!(own.new_codes(&user, RequestId([1; 16])).expect("draws").0.code(7), code);
    }

    /// T12: which names are taken is not told by the time that a refusal takes.
    #[tokio::test]
    async fn t12_who_has_no_password_is_refused_by_a_hash_of_the_same_cost() {
        let (own, user) = (passwords(3), UserId::new("officer").expect("code"));
        let (set, hash) = factors(&own, &user, 1).await;
        assert!(argon2::PasswordHash::new(NOBODYS).is_ok(), "it is looked at, and not refused unread");
        // Algorithm, version and cost, and as many bytes of salt and hash: what the work is made of.
        let cost = |hash: &str| {
            let parts: Vec<String> = hash.split('$').map(str::to_string).collect();
            (parts[..4].to_vec(), parts[4..].iter().map(String::len).collect::<Vec<_>>())
        };
        assert_eq!(cost(NOBODYS), cost(&hash));
        let held = own.hashing.places.clone().acquire_owned().await.expect("free");
        for factors in [Some(&set), None] {
            let busy = own.is_right(&user, &typed("wrong"), factors, Duration::from_millis(10)).await;
            assert!(matches!(busy, Err(ApiError::Overloaded { .. })), "each waits for a place to hash");
        }
        drop(held);
        for factors in [Some(&set), None] {
            assert!(!own.is_right(&user, &typed("wrong"), factors, LONG).await.expect("hashes"));
        }
    }

    #[tokio::test]
    async fn who_waits_too_long_for_a_place_is_refused_and_no_longer_counted() {
        let hashing = Hashing::new(1, &Registry::new()).expect("registers");
        let held = hashing.places.clone().acquire_owned().await.expect("free");
        let late = hashing.run(Work::Threads, Duration::from_millis(10), || ()).await;
        assert!(matches!(late, Err(ApiError::Overloaded { again: BUSY })));
        assert_eq!(hashing.waiting.get(), 0);
        drop(held);
        hashing.run(Work::Threads, LONG, || ()).await.expect("free again");
    }
}
