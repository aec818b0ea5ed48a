//! Both sides over loopback, with authorities made here.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use model::time::UnixMillis;
use proptest::prelude::*;
use proto::transport::{Remote, Tcp};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::*;

const CLUSTER: &str = "portcullis://cluster/00112233445566778899aabbccddeeff";
const SOON: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(20);

/// A clock that is set.
#[derive(Default)]
struct Set(AtomicU64);

impl Clock for Set {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::Relaxed))
    }
}

fn today() -> Arc<dyn Clock> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Arc::new(Set(AtomicU64::new(since.as_millis() as u64)))
}

/// An authority with its files.
struct Authority {
    dir: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
    serial: u64,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("key")).expect("authority");
        let authority = Self { dir: tempfile::tempdir().expect("directory"), issuer, serial: 100 };
        std::fs::write(authority.path("ca.pem"), authority.issuer.pem()).expect("writes");
        authority.revoke(&[]);
        authority
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Issues to a bearer (`node/1`), until so many days from now; says the serial number.
    fn issue(&mut self, file: &str, bearer: &str, days: i64) -> u64 {
        self.serial += 1;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, bearer);
        params.serial_number = Some(SerialNumber::from(self.serial));
        params.subject_alt_names = vec![
            SanType::URI(format!("{CLUSTER}/{bearer}").try_into().expect("text")),
            SanType::IpAddress("127.0.0.1".parse().expect("address")),
        ];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = now_date() - rcgen_days(2);
        params.not_after = now_date() + rcgen_days(days);
        let key = KeyPair::generate().expect("key");
        let certificate = params.signed_by(&key, &self.issuer).expect("issues");
        std::fs::write(self.path(&format!("{file}.pem")), certificate.pem()).expect("writes");
        std::fs::write(self.path(&format!("{file}.key")), key.serialize_pem()).expect("writes");
        self.serial
    }

    fn revoke(&self, serials: &[u64]) {
        std::fs::write(self.path("revoked.pem"), self.list(serials)).expect("writes");
    }

    fn list(&self, serials: &[u64]) -> String {
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: now_date(),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: now_date(),
            next_update: now_date() + rcgen_days(30),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).expect("signs").pem().expect("prints")
    }

    fn files(&self, file: &str) -> Files {
        Files {
            certificate: self.path(&format!("{file}.pem")),
            key: self.path(&format!("{file}.key")),
            authorities: self.path("ca.pem"),
            revoked: vec![self.path("revoked.pem")],
        }
    }

    fn side(&self, file: &str) -> Secured {
        over(self.files(file)).expect("files")
    }
}

fn over(files: Files) -> Result<Secured, FileError> {
    Secured::over(Arc::new(Tcp), Settings { files, look_every: LOOK, clock: today() })
}

fn now_date() -> time::OffsetDateTime {
    time::OffsetDateTime::now_utc()
}

fn rcgen_days(days: i64) -> time::Duration {
    time::Duration::days(days)
}

/// Serves one echo after the other; says who connected.
async fn serve(side: &Secured) -> (String, tokio::sync::mpsc::UnboundedReceiver<Remote>) {
    let mut listener = side.listen("127.0.0.1:0").await.expect("listens");
    let address = listener.address().expect("address");
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, remote)) = listener.accept().await {
            let _ = sender.send(remote);
            tokio::spawn(async move {
                let mut byte = [0];
                while stream.read_exact(&mut byte).await.is_ok() && stream.write_all(&byte).await.is_ok() {
                    let _ = stream.flush().await;
                }
            });
        }
    });
    (address, receiver)
}

/// One byte there and back.
async fn echo(stream: &mut Box<dyn Stream>) -> io::Result<u8> {
    stream.write_all(b"x").await?;
    stream.flush().await?;
    let mut byte = [0];
    stream.read_exact(&mut byte).await?;
    Ok(byte[0])
}

/// Connects and sends a byte: a server of TLS 1.3 refuses a client after the client's own handshake is done.
async fn meet(side: &Secured, address: &str, name: Option<&str>) -> io::Result<u8> {
    let met = async { echo(&mut side.connect_as(address, name).await?).await };
    timeout(SOON, met).await.expect("in time")
}

#[tokio::test]
async fn t15_both_sides_know_who_the_other_is() {
    let mut authority = Authority::new("test");
    authority.issue("node-2", "node/2", 30);
    authority.issue("officer", "user/officer", 30);
    let (address, mut met) = serve(&authority.side("node-2")).await;
    let officer = authority.side("officer");
    assert_eq!(officer.names(), [format!("{CLUSTER}/user/officer")]);
    assert_eq!(meet(&officer, &address, Some(&format!("{CLUSTER}/node/2"))).await.expect("meets"), b'x');
    let certificate = met.recv().await.expect("connected").certificate.expect("a certificate");
    assert_eq!(certificate.names, [format!("{CLUSTER}/user/officer")]);
    let error = meet(&officer, &address, Some(&format!("{CLUSTER}/node/3"))).await.expect_err("node 2 is not node 3");
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("has the certificate of"), "{error}");
}

#[tokio::test]
async fn t15_another_authority_an_expired_certificate_and_none_are_refused() {
    let (mut ours, mut theirs) = (Authority::new("ours"), Authority::new("theirs"));
    ours.issue("node-1", "node/1", 30);
    theirs.issue("node-1", "node/1", 30);
    let (address, _met) = serve(&ours.side("node-1")).await;
    // Who believes ours, and shows what theirs issued.
    let stranger = Files { authorities: ours.path("ca.pem"), revoked: Vec::new(), ..theirs.files("node-1") };
    meet(&over(stranger).expect("files"), &address, None).await.expect_err("issued by another");
    // Who believes theirs, and meets a node of ours.
    meet(&theirs.side("node-1"), &address, None).await.expect_err("believes another");

    ours.issue("late", "user/late", -1);
    assert!(matches!(over(ours.files("late")), Err(FileError::Expired { .. })), "told before anything is sent");
    let long_ago: Arc<dyn Clock> = Arc::new(Set::default());
    let settings = Settings { files: ours.files("late"), look_every: SOON, clock: long_ago };
    let late = Secured::over(Arc::new(Tcp), settings).expect("its clock says it is good");
    meet(&late, &address, None).await.expect_err("expired");

    let mut plain = Tcp.connect(&address).await.expect("connects");
    plain.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.expect("writes");
    let mut answer = Vec::new();
    let read = timeout(SOON, plain.read_to_end(&mut answer)).await.expect("in time");
    assert!(read.is_err() || answer.first() == Some(&21), "an alert or nothing: {answer:02x?}");
}

#[tokio::test]
async fn a_revoked_certificate_is_worth_nothing_and_its_connections_end() {
    let mut authority = Authority::new("test");
    authority.issue("node-1", "node/1", 30);
    let serial = authority.issue("officer", "user/officer", 30);
    authority.issue("other", "user/other", 30);
    let node = authority.issue("node-2", "node/2", 30);
    let (address, _met) = serve(&authority.side("node-1")).await;
    // This side does not know the list: the other one does.
    let ignorant = |file| over(Files { revoked: Vec::new(), ..authority.files(file) }).expect("files");
    let (officer, other) = (ignorant("officer"), ignorant("other"));
    let mut open = officer.connect_as(&address, None).await.expect("connects");
    let mut stays = other.connect_as(&address, None).await.expect("connects");
    assert_eq!((echo(&mut open).await.expect("works"), echo(&mut stays).await.expect("works")), (b'x', b'x'));
    authority.revoke(&[serial]);
    let mut byte = [0];
    let ended = timeout(SOON, open.read_exact(&mut byte)).await.expect("closed in time");
    ended.expect_err("closed");
    meet(&officer, &address, None).await.expect_err("revoked");
    assert_eq!(echo(&mut stays).await.expect("the others stay"), b'x');
    // Revoked the other way round: who knows the list does not stay with such a node.
    let (address, _met) = serve(&ignorant("node-2")).await;
    let careful = authority.side("other");
    let mut open = careful.connect_as(&address, None).await.expect("connects");
    echo(&mut open).await.expect("works");
    authority.revoke(&[serial, node]);
    let ended = timeout(SOON, open.read_exact(&mut byte)).await.expect("closed in time");
    ended.expect_err("closed");
}

#[tokio::test]
async fn t33_broken_files_leave_the_last_good_ones_in_force() {
    let mut authority = Authority::new("test");
    authority.issue("node-1", "node/1", 30);
    let serial = authority.issue("officer", "user/officer", 30);
    authority.issue("other", "user/other", 30);
    authority.revoke(&[serial]);
    let node = authority.side("node-1");
    let (address, _met) = serve(&node).await;
    let ignorant = |file| over(Files { revoked: Vec::new(), ..authority.files(file) }).expect("files");
    let list = std::fs::read_to_string(authority.path("revoked.pem")).expect("reads");
    for broken in ["", "nonsense", &list[..list.len() / 2], &list.replace('M', "N")] {
        std::fs::write(authority.path("revoked.pem"), broken).expect("writes");
        node.side.look();
        meet(&ignorant("officer"), &address, None).await.expect_err("still revoked");
        assert_eq!(meet(&ignorant("other"), &address, None).await.expect("still served"), b'x');
    }
    std::fs::remove_file(authority.path("revoked.pem")).expect("removes");
    node.side.look();
    meet(&ignorant("officer"), &address, None).await.expect_err("still revoked");
}

#[tokio::test]
async fn who_is_slow_or_speaks_nonsense_holds_up_nobody() {
    let mut authority = Authority::new("test");
    authority.issue("node-1", "node/1", 30);
    authority.issue("officer", "user/officer", 30);
    let (address, _met) = serve(&authority.side("node-1")).await;
    let mut silent = Vec::new();
    for number in 0..100u8 {
        let mut stream = Tcp.connect(&address).await.expect("connects");
        stream.write_all(&[number; 40]).await.expect("writes");
        silent.push(stream);
        silent.push(Tcp.connect(&address).await.expect("connects"));
    }
    assert_eq!(meet(&authority.side("officer"), &address, None).await.expect("served"), b'x');
}

#[test]
fn files_that_do_not_fit_are_told_apart() {
    let mut authority = Authority::new("test");
    authority.issue("one", "user/one", 30);
    authority.issue("two", "user/two", 30);
    let now = today().now();
    let why = |files: Files| files.read(now).err().expect("refused").to_string();
    let files = authority.files("one");
    assert!(why(Files { key: authority.path("two.key"), ..files.clone() }).contains("does not belong to"));
    assert!(why(Files { key: authority.path("none"), ..files.clone() }).contains("none: "));
    assert!(why(Files { key: authority.path("one.pem"), ..files.clone() }).contains("holds no private key"));
    assert!(why(Files { certificate: authority.path("one.key"), ..files.clone() }).contains("holds no section"));
    assert!(why(Files { authorities: authority.path("one.key"), ..files }).contains("holds no section"));
}

/// Changes some bytes of a file between its armour.
fn mutate(path: &Path, changes: &[(usize, u8)]) -> String {
    let mut bytes = std::fs::read(path).expect("reads");
    let inside = 60..bytes.len() - 60;
    for (at, letter) in changes {
        let at = inside.start + at % inside.len();
        bytes[at] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[usize::from(*letter % 64)];
    }
    String::from_utf8(bytes).expect("ASCII")
}

#[test]
fn t33_a_changed_list_or_certificate_never_panics_and_never_widens() {
    let mut authority = Authority::new("test");
    let serial = authority.issue("officer", "user/officer", 30);
    authority.issue("node-1", "node/1", 30);
    authority.revoke(&[serial]);
    let now = today().now();
    let der = |path: PathBuf| {
        let bytes = std::fs::read(path).expect("reads");
        <CertificateDer<'static> as rustls::pki_types::pem::PemObject>::from_pem_slice(&bytes).expect("PEM")
    };
    let officer = der(authority.path("officer.pem"));
    let cases = std::env::var("PORTCULLIS_LONG").map_or(10_000, |_| 1_000_000);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    });
    let changes = (any::<bool>(), proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6));
    let tested = runner.run(&changes, |(list, changes)| {
        let name = if list { "revoked.pem" } else { "officer.pem" };
        let changed = authority.path("changed.pem");
        std::fs::write(&changed, mutate(&authority.path(name), &changes)).expect("writes");
        let files = match list {
            true => Files { revoked: vec![changed], ..authority.files("node-1") },
            false => authority.files("node-1"),
        };
        // A list that does not read is refused as a whole; one that reads lets the revoked one in no more than before.
        if let Ok(material) = files.read(now) {
            let shown = if list {
                officer.clone()
            } else {
                let bytes = std::fs::read(authority.path("changed.pem")).expect("reads");
                let Ok(der) = <CertificateDer<'static> as rustls::pki_types::pem::PemObject>::from_pem_slice(&bytes)
                else {
                    return Ok(());
                };
                let _ = certificate_of(&der);
                der
            };
            prop_assert!(material.of_clients.verify_client_cert(&shown, &[], unix_time(now)).is_err());
        }
        Ok(())
    });
    tested.expect("never");
}
