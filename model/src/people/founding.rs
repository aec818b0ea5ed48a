//! The founding ceremony: how a cluster without any account gets its first ones.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::codec::Stored;

/// What a cluster is initialised with for its ceremony: a digest, twice removed from the one-time secret. Who reads the
/// state or the log finds neither the secret nor what the ceremony must carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceremony {
    /// SHA-256 of the SHA-256 of the secret.
    pub digest: [u8; 32],
}

impl Stored for Ceremony {
    const TAG: u16 = 36;
    const VERSION: u8 = 1;
}

impl Ceremony {
    /// What the cluster keeps of a secret.
    pub fn of(secret: &[u8]) -> Self {
        Self { digest: sha256(&proof(secret)) }
    }

    /// Whether a ceremony carries the proof that it knows the secret.
    pub fn is_proven_by(&self, proof: &[u8; 32]) -> bool {
        sha256(proof) == self.digest
    }
}

/// What the ceremony carries: the SHA-256 of the secret.
pub fn proof(secret: &[u8]) -> [u8; 32] {
    sha256(secret)
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
