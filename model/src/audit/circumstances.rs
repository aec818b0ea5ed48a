//! In which session, by which powers and on which state something was done: the part of an event's header that lets a decision be made
//! again years later (SECURITY.md 1.3, 3.3). Events of before there was a gate, and of what the cluster does by itself, have none.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::audit::merkle::Hash;

/// How the audit names a session: by this nobody goes on with it.
pub type SessionName = [u8; 16];

/// The name of the session that is known by the digest of its handle.
pub fn session_name(handle: &Hash) -> SessionName {
    let digest = Sha256::new().chain_update(b"portcullis/session-name").chain_update(handle).finalize();
    let mut name = [0; 16];
    name.copy_from_slice(&digest[..16]);
    name
}

/// Where and by what an event came about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cbor(map)]
pub struct Circumstances {
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub session: Option<SessionName>,
    /// Of the account.
    #[n(1)]
    pub category: Option<String>,
    /// By which function.
    #[n(2)]
    pub function: Option<String>,
    /// The directory's applied index that the decision was made at.
    #[n(3)]
    pub directory_index: u64,
    #[n(4)]
    pub profile_version: u64,
    #[n(5)]
    pub agreement_version: u64,
    /// SHA-256 of the access policies that decided.
    #[n(6)]
    #[cbor(with = "minicbor::bytes")]
    pub policies: Option<[u8; 32]>,
    /// Microseconds from the request's arrival to its event.
    #[n(7)]
    pub micros: u64,
    /// Bytes of the answer's body.
    #[n(8)]
    pub bytes: u64,
}
