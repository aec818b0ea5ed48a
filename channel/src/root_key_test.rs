//! The root key of a file, in the open and kept by a key service that is right, wrong, old, or not there.

use std::collections::BTreeMap;
use std::path::Path;

use proto::key_service::key_management_service_server::{KeyManagementService, KeyManagementServiceServer};
use proto::key_service::{
    DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse, StatusRequest, StatusResponse,
};
use proto::transport::{Accepted, Remote};
use tokio::net::UnixListener;
use tonic::{Request, Response, Status};

use super::*;

/// A key service whose key is one byte.
#[derive(Clone)]
struct Service {
    key: u8,
    version: &'static str,
    healthz: &'static str,
}

/// How long is waited for a service that does not come to be well.
const SOON: Duration = Duration::from_millis(700);

const WELL: Service = Service { key: 0x5a, version: "v2", healthz: "ok" };

#[tonic::async_trait]
impl KeyManagementService for Service {
    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        let (version, healthz) = (self.version.to_string(), self.healthz.to_string());
        Ok(Response::new(StatusResponse { version, healthz, key_id: self.key.to_string() }))
    }

    async fn decrypt(&self, request: Request<DecryptRequest>) -> Result<Response<DecryptResponse>, Status> {
        let DecryptRequest { ciphertext, key_id, annotations, .. } = request.into_inner();
        if key_id != self.key.to_string() || annotations.get("n") != Some(&vec![1, 2]) {
            return Err(Status::invalid_argument(format!("no key {key_id}")));
        }
        Ok(Response::new(DecryptResponse { plaintext: ciphertext.iter().map(|byte| byte ^ self.key).collect() }))
    }

    async fn encrypt(&self, request: Request<EncryptRequest>) -> Result<Response<EncryptResponse>, Status> {
        let ciphertext = request.into_inner().plaintext.iter().map(|byte| byte ^ self.key).collect();
        let annotations = BTreeMap::from([("n".to_string(), vec![1, 2])]);
        Ok(Response::new(EncryptResponse { ciphertext, key_id: self.key.to_string(), annotations }))
    }
}

fn serve(service: Service, socket: &Path) {
    let listener = UnixListener::bind(socket).expect("binds");
    let accepted = futures_util::stream::unfold(listener, |listener| async move {
        let stream = listener.accept().await.map(|(stream, _)| {
            Accepted::new(Box::new(stream) as Box<dyn Stream>, Remote::unproven("socket".to_string()))
        });
        Some((stream, listener))
    });
    let server = tonic::transport::Server::builder().add_service(KeyManagementServiceServer::new(service));
    tokio::spawn(server.serve_with_incoming(accepted));
}

fn some_key() -> RootKey {
    RootKey::new(std::array::from_fn(|at| at as u8))
}

#[tokio::test]
async fn a_key_that_a_service_keeps_is_opened_by_it_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let (socket, file) = (dir.path().join("kms.sock"), dir.path().join("cluster.key"));
    serve(WELL, &socket);
    let text = kept_by(&some_key(), &socket).await.expect("is kept");
    assert!(!text.contains(&to_hex(&*some_key())), "{text}");
    std::fs::write(&file, &text).expect("writes");
    assert_eq!(*read(&file, Some(&socket)).await.expect("opens"), *some_key());

    let told = |error: RootKeyError| error.to_string();
    let error = told(read(&file, None).await.expect_err("without a service"));
    assert!(error.contains("--key-service"), "{error}");
    let other = dir.path().join("other.sock");
    serve(Service { key: 0x33, ..WELL }, &other);
    let error = told(read(&file, Some(&other)).await.expect_err("another service"));
    assert!(error.contains("no key 90"), "{error}");
    let old = dir.path().join("old.sock");
    serve(Service { version: "v1beta1", ..WELL }, &old);
    let error = told(read(&file, Some(&old)).await.expect_err("an old service"));
    assert!(error.contains("speaks version `v1beta1`, v2 is needed"), "{error}");
    let open = dir.path().join("open.sock");
    serve(Service { key: 0, ..WELL }, &open);
    let error = told(kept_by(&some_key(), &open).await.expect_err("a service that encrypts nothing"));
    assert!(error.contains("in the open"), "{error}");
}

#[tokio::test]
async fn a_service_that_is_not_well_is_waited_for_and_then_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let socket = dir.path().join("kms.sock");
    serve(Service { healthz: "token is locked", ..WELL }, &socket);
    let error = kept_within(&some_key(), &socket, SOON).await.expect_err("not well").to_string();
    assert!(error.contains("is not well: token is locked (within 700ms)"), "{error}");
    let nobody = dir.path().join("nobody.sock");
    let error = kept_within(&some_key(), &nobody, SOON).await.expect_err("nobody is there").to_string();
    assert!(error.contains("nobody.sock") && error.contains("within 700ms"), "{error}");
}

#[tokio::test]
async fn a_file_in_the_open_is_read_and_what_is_none_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("cluster.key");
    std::fs::write(&file, &*in_the_open(&some_key())).expect("writes");
    assert_eq!(*read(&file, None).await.expect("reads"), *some_key());
    for (text, part) in [
        ("abcd".to_string(), "64 hexadecimal digits"),
        ("{}".to_string(), "missing field"),
        ("x".repeat(70_000), "70000 bytes"),
        (r#"{"ciphertext":"zz","key_id":"k","annotations":{}}"#.to_string(), "expected hexadecimal digits"),
    ] {
        std::fs::write(&file, text).expect("writes");
        let error = read(&file, Some(Path::new("/nowhere"))).await.expect_err("no key").to_string();
        assert!(error.contains(part) && error.contains("cluster.key"), "{error}");
    }
}
