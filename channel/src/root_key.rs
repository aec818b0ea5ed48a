//! The root key of a cluster (SECURITY.md 4), as it lies in a file: in the open, for small sites; or kept by a key service, that is
//! as ciphertext that only the service opens. A service is reached through the plugin that the site runs on the machine,
//! behind which stands a cloud's key service, Vault, or a PKCS#11 token: it speaks version 2 of the KMS API of Kubernetes.
//!
//! The service is asked once, when a node starts: no answer to a traveller waits for it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::ids::{from_hex, to_hex};
use proto::key_service::key_management_service_client::KeyManagementServiceClient;
use proto::key_service::{DecryptRequest, EncryptRequest, StatusRequest};
use proto::transport::{BoxFuture, Network, Stream, channel};
use serde::{Deserialize, Serialize};
use tokio::net::UnixStream;
use tonic::transport::Channel;
use zeroize::Zeroizing;

/// Bytes of a root key.
const KEY_BYTES: usize = 32;
/// Bytes of a file with one.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// How long the service may take to answer, all attempts together: it may be started with the node.
pub const DEADLINE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(250);

/// A root key, wiped when it is dropped.
pub type RootKey = Zeroizing<[u8; KEY_BYTES]>;

/// Why there is no root key.
#[derive(Debug, thiserror::Error)]
pub enum RootKeyError {
    #[error("{}: {reason}", path.display())]
    File { path: PathBuf, reason: String },
    #[error("{}: the key is kept by a key service: name the socket of its plugin with --key-service", path.display())]
    NoService { path: PathBuf },
    #[error("the key service at {}: {reason}", socket.display())]
    Service { socket: PathBuf, reason: String },
}

/// A key that a service keeps, as the file has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// Hexadecimal, as all bytes here.
    ciphertext: String,
    /// The key of the service.
    key_id: String,
    /// What the service wants to see again.
    annotations: BTreeMap<String, String>,
}

/// Reads the root key of a file; from the service, where that keeps it.
pub async fn read(path: &Path, service: Option<&Path>) -> Result<RootKey, RootKeyError> {
    let file = |reason: String| RootKeyError::File { path: path.to_path_buf(), reason };
    let size = std::fs::metadata(path).map_err(|error| file(error.to_string()))?.len();
    if size > FILE_BYTES_MAX {
        return Err(file(format!("has {size} bytes, a key file has {FILE_BYTES_MAX} at most")));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|error| file(error.to_string()))?);
    if !text.trim_start().starts_with('{') {
        let bytes = Zeroizing::new(from_hex(text.trim()).unwrap_or_default());
        let key = <[u8; KEY_BYTES]>::try_from(bytes.as_slice());
        return key.map(RootKey::new).map_err(|_| file("expected 64 hexadecimal digits".into()));
    }
    let kept: Kept = serde_json::from_str(&text).map_err(|error| file(error.to_string()))?;
    let socket = service.ok_or_else(|| RootKeyError::NoService { path: path.to_path_buf() })?;
    let bytes = |text: &str| from_hex(text).ok_or_else(|| file("expected hexadecimal digits".into()));
    let annotation = |(name, value): (&String, &String)| Ok((name.clone(), bytes(value)?));
    let request = DecryptRequest {
        ciphertext: bytes(&kept.ciphertext)?,
        uid: UID.to_string(),
        key_id: kept.key_id.clone(),
        annotations: kept.annotations.iter().map(annotation).collect::<Result<_, RootKeyError>>()?,
    };
    let opened =
        asked(socket, DEADLINE, async |mut service| Ok(service.decrypt(request.clone()).await?.into_inner())).await?;
    let opened = Zeroizing::new(opened.plaintext);
    let other = || failed(socket, format!("opened {} bytes, which is no root key", opened.len()));
    <[u8; KEY_BYTES]>::try_from(opened.as_slice()).map(RootKey::new).map_err(|_| other())
}

/// The text of a file with a key in the open.
pub fn in_the_open(key: &RootKey) -> Zeroizing<String> {
    Zeroizing::new(format!("{}\n", to_hex(&**key)))
}

/// Gives a key to a service to keep that answers within this time; the text of the file, which is of no use without the service.
pub async fn kept_by(key: &RootKey, socket: &Path, within: Duration) -> Result<String, RootKeyError> {
    let kept = asked(socket, within, async |mut service| {
        let request = EncryptRequest { plaintext: key.to_vec(), uid: UID.to_string() };
        Ok(service.encrypt(request).await?.into_inner())
    });
    let kept = kept.await?;
    if kept.ciphertext.windows(KEY_BYTES).any(|window| window == **key) {
        return Err(failed(socket, "gave the key back in the open".into()));
    }
    let annotations = kept.annotations.iter().map(|(name, value)| (name.clone(), to_hex(value))).collect();
    let kept = Kept { ciphertext: to_hex(&kept.ciphertext), key_id: kept.key_id, annotations };
    serde_json::to_string_pretty(&kept).map_err(|error| failed(socket, error.to_string()))
}

/// Names our requests in the service's log.
const UID: &str = "portcullis-root-key";

fn failed(socket: &Path, reason: String) -> RootKeyError {
    RootKeyError::Service { socket: socket.to_path_buf(), reason }
}

/// Asks the service, as soon as it is there and says that it is well.
async fn asked<T>(
    socket: &Path,
    within: Duration,
    ask: impl AsyncFn(KeyManagementServiceClient<Channel>) -> Result<T, tonic::Status>,
) -> Result<T, RootKeyError> {
    let network = std::sync::Arc::new(Socket(socket.to_path_buf()));
    let channel = channel(network, "key-service", None, within).map_err(|error| failed(socket, error.to_string()))?;
    let service = KeyManagementServiceClient::new(channel);
    let mut last = "does not answer".to_string();
    let asking = async {
        loop {
            match service.clone().status(StatusRequest {}).await {
                Ok(status) if !status.get_ref().version.starts_with("v2") => {
                    let version = &status.get_ref().version;
                    return Err(failed(socket, format!("speaks version `{version}`, v2 is needed")));
                }
                Ok(status) if status.get_ref().healthz == "ok" => break,
                Ok(status) => last = format!("is not well: {}", status.get_ref().healthz),
                Err(error) => last = error.message().to_string(),
            }
            tokio::time::sleep(PAUSE).await;
        }
        ask(service.clone()).await.map_err(|error| failed(socket, error.message().to_string()))
    };
    match tokio::time::timeout(within, asking).await {
        Ok(answer) => answer,
        Err(_) => Err(failed(socket, format!("{last} (within {within:?})"))),
    }
}

/// A socket of the machine; the address says nothing.
struct Socket(PathBuf);

impl Network for Socket {
    fn connect<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move { Ok(Box::new(UnixStream::connect(&self.0).await?) as Box<dyn Stream>) })
    }

    fn listen<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Box<dyn proto::transport::Listener>>> {
        Box::pin(async { Err(io::Error::from(io::ErrorKind::Unsupported)) })
    }
}
