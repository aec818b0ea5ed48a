//! Keys of data and the root key, between real processes.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use channel::root_key::{DEADLINE, RootKey, RootKeyError, in_the_open, kept_by, read};
use model::ids::to_hex;
use portcullis_tests::{Cli, Playground, Program, free_port, get, wait_for};
use proto::key_service::key_management_service_server::{KeyManagementService, KeyManagementServiceServer};
use proto::key_service::{
    DecryptRequest, DecryptResponse, EncryptRequest, EncryptResponse, StatusRequest, StatusResponse,
};
use proto::transport::{Accepted, Remote, Stream};
use serde_json::{Value, json};
use tonic::{Request, Response, Status};

const SOON: Duration = Duration::from_secs(60);

/// The ids of a set's keys that are in use.
fn in_use(cli: &Cli, set: &str) -> Vec<u64> {
    let listed = cli.json(&["cluster", "keys"]);
    let of_set = |key: &&Value| key["set"] == set && key["replaced"] == false;
    listed["keys"].as_array().unwrap().iter().filter(of_set).map(|key| key["id"].as_u64().unwrap()).collect()
}

/// A counter, added up over all nodes and labels.
fn counted(playground: &Playground, name: &str) -> f64 {
    let texts = (1..=3).map(|node| playground.http(node, "/metrics").1);
    let of = |text: String| -> f64 {
        let lines = text.lines().filter(|line| line.starts_with(name)).filter_map(|line| line.rsplit_once(' '));
        lines.filter_map(|(_, value)| value.parse::<f64>().ok()).sum()
    };
    texts.map(of).sum()
}

#[test]
fn what_stands_under_a_replaced_key_is_sealed_anew_and_reads_as_before() {
    let mut playground = Playground::start();
    let cli = playground.cli();
    let before = wait_for("the keys of this month and the next are there", SOON, || {
        Some(in_use(&cli, "tecs")).filter(|keys| keys.len() == 2)
    });
    assert_eq!(in_use(&cli, "audit").len(), 2, "and those of the audit log");
    let mut records = Vec::new();
    for number in 0..5 {
        let name = format!("Bartholomew Quill {number}");
        let create = ["lookout", "create", "--name", &name, "--action", "refer", "--reason", "first"];
        let id = cli.json(&create)["id"].as_str().unwrap().to_string();
        cli.json(&["lookout", "update", &id, "--expected-version", "1", "--reason", "second"]);
        records.push(id);
    }
    let expires = portcullis_tests::a_year_from_now();
    let differs = ["--name", "Quill Bartholomew", "--document", "X9", "--reason", "r", "--expires", &expires];
    cli.run(&[&["override", "record", &records[0]], &differs[..]].concat()).ok();
    let reads = |cli: &Cli| -> Vec<Value> {
        let of = |id: &String| [cli.json(&["lookout", "history", id]), cli.json(&["override", "list", id])];
        let mut read: Vec<Value> = records.iter().flat_map(of).collect();
        // What differs each time is the reference to the event of the reading.
        read.iter_mut().for_each(|it| drop(it.as_object_mut().map(|it| it.remove("audit"))));
        read
    };
    let read_before = reads(&cli);
    let leaves = |cli: &Cli| cli.json(&["audit", "verify"])["size"].as_u64().unwrap();
    let leaves_before = leaves(&cli);

    let made = cli.json(&["cluster", "rotate-keys", "--set", "tecs"]);
    let made: Vec<u64> = made["keys"].as_array().unwrap().iter().map(|key| key["id"].as_u64().unwrap()).collect();
    assert_eq!(in_use(&cli, "tecs"), made);
    assert!(made.len() == 2 && made.iter().all(|id| !before.contains(id)), "{before:?}, then {made:?}");
    wait_for("ten versions and an override are sealed anew", SOON, || {
        (counted(&playground, "portcullis_resealed_total") >= 11.0).then_some(())
    });
    assert_eq!(counted(&playground, "portcullis_reseal_failed_total"), 0.0);
    assert_eq!(reads(&cli), read_before, "it reads as before");
    let found = cli.json(&["screen", "--name", "Bartholomew Quill 3", "--freshness", "linearizable"]);
    assert_eq!(found["hits"][0]["version"], 2, "{found}");
    let event = cli.run(&["audit", "tail", "--limit", "1000"]).ok().lines().into_iter();
    let rotated = event.filter(|event| event["terms"].to_string().contains("cluster_rotate_keys")).count();
    assert_eq!(rotated, 1, "the rotation is an event");

    playground.stop();
    playground.start_again();
    let cli = playground.cli();
    assert_eq!(reads(&cli), read_before, "and after a restart");
    assert!(leaves(&cli) > leaves_before, "the log verifies and has grown");
    assert_eq!(in_use(&cli, "tecs"), made);

    cli.run(&["cluster", "rotate-keys", "--set", "everything"]).fails(2, &["set", "must be one of tecs, apis"]);
    playground.cli_as("officer").run(&["cluster", "rotate-keys"]).fails(7, &["R11 FUNC"]);
}

/// A key service whose key is one byte.
#[derive(Clone)]
struct Service {
    key: u8,
    version: &'static str,
    healthz: &'static str,
}

/// How long is waited for a service that does not come to be well.
const NOT_WELL_FOR: Duration = Duration::from_millis(700);

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
    let listener = tokio::net::UnixListener::bind(socket).unwrap();
    let accepted = futures_util::stream::unfold(listener, |listener| async move {
        let stream = listener.accept().await.map(|(stream, _)| {
            Accepted::new(Box::new(stream) as Box<dyn Stream>, Remote::unproven("socket".to_string()))
        });
        Some((stream, listener))
    });
    let server = tonic::transport::Server::builder().add_service(KeyManagementServiceServer::new(service));
    tokio::spawn(server.serve_with_incoming(accepted));
}

/// One node without TLS, with a key file.
struct Alone {
    dir: tempfile::TempDir,
    http: String,
    flags: Vec<(&'static str, String)>,
}

impl Alone {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let [listen, http] = [(); 2].map(|()| format!("127.0.0.1:{}", free_port()));
        let flags = vec![
            ("--node-id", "1".to_string()),
            ("--data-dir", dir.path().join("data").display().to_string()),
            ("--cluster-id", "00112233445566778899aabbccddeeff".to_string()),
            ("--initial-members", format!("1={listen}")),
            ("--listen", listen),
            ("--http", http.clone()),
        ];
        Self { dir, http, flags }
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn start(&self, key_file: &str, more: &[&str]) -> Program {
        let flags = self.flags.iter().flat_map(|(flag, value)| [flag.to_string(), value.clone()]);
        let key = ["--plain-text", "--key-file", key_file].into_iter().chain(more.iter().copied());
        let arguments: Vec<String> = flags.chain(key.map(str::to_string)).collect();
        Program::start("portcullis-node", &arguments, &self.dir.path().join("node.log"))
    }

    fn serves(&self, key_file: &str, more: &[&str]) {
        let mut node = self.start(key_file, more);
        wait_for("the node is ready", SOON, || {
            assert!(node.running(), "{}", node.said());
            (get(&self.http, "/readyz").0 == 200).then_some(())
        });
    }

    fn fails(&self, key_file: &str, more: &[&str], part: &str) {
        let mut node = self.start(key_file, more);
        assert_eq!(node.ended(SOON).code(), Some(2), "{}", node.said());
        assert!(node.said().contains(part), "{}", node.said());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_key_that_a_key_service_keeps_is_of_no_use_without_the_service() {
    let alone = Alone::new();
    let [in_the_open, kept, again, socket] =
        ["open.key", "kept.key", "again.key", "kms.sock"].map(|name| alone.path(name));
    serve(WELL, Path::new(&socket));
    tokio::task::block_in_place(|| {
        let cli = Cli::new();
        let created = cli.json(&["root-key", "create", "--out", &in_the_open]);
        assert_eq!(created, json!({ "file": in_the_open, "kept_by_service": false }));
        let key = std::fs::read_to_string(&in_the_open).unwrap();
        cli.run(&["root-key", "create", "--out", &in_the_open]).fails(1, &["open.key"]);
        assert_eq!(std::fs::read_to_string(&in_the_open).unwrap(), key, "a key that is there is left alone");
        for (from, to) in [(&in_the_open, &kept), (&kept, &again)] {
            cli.run(&["root-key", "keep", from, "--out", to, "--key-service", &socket]).ok();
            assert!(!std::fs::read_to_string(to).unwrap().contains(key.trim()));
        }
        // It is one key: a node takes its own data for its own with each file of it.
        alone.serves(&in_the_open, &[]);
        alone.serves(&kept, &["--key-service", &socket]);
        alone.serves(&again, &["--key-service", &socket]);
        alone.fails(&kept, &[], "name the socket of its plugin with --key-service");
        alone.fails(&kept, &["--key-service", &alone.path("nobody.sock")], "nobody.sock");
    });
}

fn some_key() -> RootKey {
    RootKey::new(std::array::from_fn(|at| at as u8))
}

#[tokio::test]
async fn a_key_that_a_service_keeps_is_opened_by_it_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (socket, file) = (dir.path().join("kms.sock"), dir.path().join("cluster.key"));
    serve(WELL, &socket);
    let text = kept_by(&some_key(), &socket, DEADLINE).await.unwrap();
    assert!(!text.contains(&to_hex(&*some_key())), "{text}");
    std::fs::write(&file, &text).unwrap();
    assert_eq!(*read(&file, Some(&socket)).await.unwrap(), *some_key());

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
    let error = told(kept_by(&some_key(), &open, DEADLINE).await.expect_err("a service that encrypts nothing"));
    assert!(error.contains("in the open"), "{error}");
}

#[tokio::test]
async fn a_service_that_is_not_well_is_waited_for_and_then_named() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("kms.sock");
    serve(Service { healthz: "token is locked", ..WELL }, &socket);
    let error = kept_by(&some_key(), &socket, NOT_WELL_FOR).await.expect_err("not well").to_string();
    assert!(error.contains("is not well: token is locked (within 700ms)"), "{error}");
    let nobody = dir.path().join("nobody.sock");
    let error = kept_by(&some_key(), &nobody, NOT_WELL_FOR).await.expect_err("nobody is there").to_string();
    assert!(error.contains("nobody.sock") && error.contains("within 700ms"), "{error}");
}

#[tokio::test]
async fn a_file_in_the_open_is_read_and_what_is_none_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cluster.key");
    std::fs::write(&file, &*in_the_open(&some_key())).unwrap();
    assert_eq!(*read(&file, None).await.unwrap(), *some_key());
    for (text, part) in [
        ("abcd".to_string(), "64 hexadecimal digits"),
        ("{}".to_string(), "missing field"),
        ("x".repeat(70_000), "70000 bytes"),
        (r#"{"ciphertext":"zz","key_id":"k","annotations":{}}"#.to_string(), "expected hexadecimal digits"),
    ] {
        std::fs::write(&file, text).unwrap();
        let error = read(&file, Some(Path::new("/nowhere"))).await.expect_err("no key").to_string();
        assert!(error.contains(part) && error.contains("cluster.key"), "{error}");
    }
}
