//! The public API (`v1`), the peer protocol (`peer`) and how both are carried (`transport`). Generated code and
//! conversions; no rules.

pub mod convert;
mod secret;
pub mod transport;

/// The public API: messages and clients. Its server is generated in `node/`.
#[allow(clippy::all, clippy::unwrap_used, missing_docs)]
pub mod v1 {
    tonic::include_proto!("portcullis.v1");
    /// Descriptors of the public API, for reflection.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/portcullis.bin"));
}

/// What nodes of one cluster say to each other.
#[allow(clippy::all, clippy::unwrap_used, missing_docs)]
pub mod peer {
    tonic::include_proto!("portcullis.peer.v1");
}

/// What the plugin of a key service speaks.
#[allow(clippy::all, clippy::unwrap_used, missing_docs)]
pub mod key_service {
    tonic::include_proto!("v2");
}

/// Names of request and error metadata.
pub mod metadata {
    /// Who asks.
    pub const USER: &str = "portcullis-user";
    /// For which agency.
    pub const AGENCY: &str = "portcullis-agency";
    /// From which port or station.
    pub const PORT: &str = "portcullis-port";
    /// Why, as a code.
    pub const PURPOSE: &str = "portcullis-purpose";
    /// The handle of a session, 64 hexadecimal digits.
    pub const SESSION: &str = "portcullis-session";
    /// Stable code of an error.
    pub const CODE: &str = "portcullis-code";
    /// The field at fault.
    pub const FIELD: &str = "portcullis-field";
    /// `unknown` where a write may or may not have taken place.
    pub const OUTCOME: &str = "portcullis-outcome";
    /// Milliseconds after which a refused request is worth repeating.
    /// `batch` where whoever asks can wait: the request comes after all others.
    pub const PRIORITY: &str = "portcullis-priority";
    pub const BATCH: &str = "batch";
    pub const RETRY_MS: &str = "portcullis-retry-ms";
}
