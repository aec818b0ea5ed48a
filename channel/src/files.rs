//! The files of a side: its certificate and key, the authorities it believes, and their revocation lists. Read as a whole and
//! checked as a whole: what is wrong in one of them leaves what was good before in force.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::time::UnixMillis;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};

use crate::names::certificate_of;

/// Bytes of one file: a revocation list of a large authority has some megabytes.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// The protocol that is spoken inside.
const PROTOCOL: &[u8] = b"h2";

/// Where the files are, all PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The own certificate, with those between it and its authority.
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// The authorities whose certificates are believed.
    pub authorities: PathBuf,
    /// Their revocation lists. None: nothing is ever revoked.
    pub revoked: Vec<PathBuf>,
}

/// What is wrong with the files.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{}: {reason}", path.display())]
    File { path: PathBuf, reason: String },
    #[error("the key {} does not belong to the certificate {}", key.display(), certificate.display())]
    OtherKey { key: PathBuf, certificate: PathBuf },
    #[error("{}: expired at {}; have a new one issued", path.display(), at.rfc3339_seconds())]
    Expired { path: PathBuf, at: UnixMillis },
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// What connections are made with.
pub(crate) struct Material {
    pub server: Arc<ServerConfig>,
    pub client: Arc<ClientConfig>,
    /// Judge connections that are open anew.
    pub of_clients: Arc<dyn ClientCertVerifier>,
    pub of_servers: Arc<dyn ServerCertVerifier>,
    /// Names of the own certificate.
    pub names: Vec<String>,
    /// Tells these files from others.
    pub digest: [u8; 32],
}

impl Files {
    /// Reads and checks everything. Blocks on the disk.
    pub(crate) fn read(&self, now: UnixMillis) -> Result<Material, FileError> {
        let mut hash = Sha256::new();
        let mut bytes_of = |path: &Path| -> Result<Vec<u8>, FileError> {
            let bytes = read(path)?;
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(&bytes);
            Ok(bytes)
        };
        let chain: Vec<CertificateDer<'static>> = pem(&self.certificate, &bytes_of(&self.certificate)?)?;
        let authorities: Vec<CertificateDer<'static>> = pem(&self.authorities, &bytes_of(&self.authorities)?)?;
        let key = PrivateKeyDer::from_pem_slice(&bytes_of(&self.key)?);
        let key = key.map_err(|error| bad(&self.key, format!("holds no private key: {error}")))?;
        let mut revoked: Vec<CertificateRevocationListDer<'static>> = Vec::new();
        for path in &self.revoked {
            revoked.extend(pem::<CertificateRevocationListDer<'static>>(path, &bytes_of(path)?)?);
        }
        let digest = hash.finalize().into();

        let own = certificate_of(&chain[0]).ok_or_else(|| bad(&self.certificate, "is no certificate".into()))?;
        if own.not_after <= now {
            return Err(FileError::Expired { path: self.certificate.clone(), at: own.not_after });
        }
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            let added = roots.add(authority);
            added.map_err(|error| bad(&self.authorities, format!("is no authority's certificate: {error}")))?;
        }
        let (roots, provider) = (Arc::new(roots), Arc::new(aws_lc_rs::default_provider()));
        let setup = |error: &dyn std::fmt::Display| FileError::Setup(error.to_string());
        let of_clients = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone())
            .with_crls(revoked.clone())
            .build()
            .map_err(|error| setup(&error))?;
        let of_servers = WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
            .with_crls(revoked)
            .build()
            .map_err(|error| setup(&error))?;
        let (server, client) = self.configurations(provider, (chain, key), of_clients.clone(), of_servers.clone())?;
        Ok(Material { server, client, of_clients, of_servers, names: own.names, digest })
    }

    fn configurations(
        &self,
        provider: Arc<CryptoProvider>,
        (chain, key): (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>),
        of_clients: Arc<dyn ClientCertVerifier>,
        of_servers: Arc<WebPkiServerVerifier>,
    ) -> Result<(Arc<ServerConfig>, Arc<ClientConfig>), FileError> {
        let setup = |error: rustls::Error| FileError::Setup(error.to_string());
        let own = |error: rustls::Error| match error {
            rustls::Error::InconsistentKeys(_) => {
                FileError::OtherKey { key: self.key.clone(), certificate: self.certificate.clone() }
            }
            other => FileError::Setup(other.to_string()),
        };
        let mut server = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13])
            .map_err(setup)?
            .with_client_cert_verifier(of_clients)
            .with_single_cert(chain.clone(), key.clone_key())
            .map_err(own)?;
        server.alpn_protocols = vec![PROTOCOL.to_vec()];
        // Each connection shows its certificate anew: a ticket would outlive a revocation.
        server.send_tls13_tickets = 0;
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(setup)?
            .with_webpki_verifier(of_servers)
            .with_client_auth_cert(chain, key)
            .map_err(own)?;
        client.alpn_protocols = vec![PROTOCOL.to_vec()];
        client.resumption = rustls::client::Resumption::disabled();
        Ok((Arc::new(server), Arc::new(client)))
    }
}

fn bad(path: &Path, reason: String) -> FileError {
    FileError::File { path: path.to_path_buf(), reason }
}

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let failed = |error: std::io::Error| bad(path, error.to_string());
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > FILE_BYTES_MAX {
        return Err(bad(path, format!("has {length} bytes, at most {FILE_BYTES_MAX} are read")));
    }
    std::fs::read(path).map_err(failed)
}

/// All PEM sections of a kind; an error where there is none or one does not read.
fn pem<T: PemObject>(path: &Path, bytes: &[u8]) -> Result<Vec<T>, FileError> {
    let all: Result<Vec<T>, _> = T::pem_slice_iter(bytes).collect();
    match all {
        Ok(all) if all.is_empty() => Err(bad(path, "holds no section of the kind that belongs there".into())),
        Ok(all) => Ok(all),
        Err(error) => Err(bad(path, format!("is no PEM: {error}"))),
    }
}

/// The time as rustls takes it.
pub(crate) fn unix_time(now: UnixMillis) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_millis(now.0))
}
