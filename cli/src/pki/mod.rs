//! A small certificate authority in a directory, for playgrounds and sites without one of their own: it issues to nodes, users
//! and systems of one cluster, and keeps the list of what it revoked.
//!
//! | file | what |
//! |---|---|
//! | `ca.pem`, `ca.key` | the authority; whoever has the key may issue to anybody |
//! | `revoked.pem` | the revocation list, written anew with each change |
//! | `issued.json` | the ledger: serial numbers, names, ends |
//! | `node-1.pem`, `node-1.key` ... | what was issued, by bearer |

mod ledger;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use model::certificate::{Bearer, CertificateName};
use model::ids::{ClusterId, from_hex, to_hex};
use model::time::{Entropy, UnixMillis};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
};
use time::OffsetDateTime;

use crate::error::CliError;
use crate::files::{write_atomically, write_secret};

pub use ledger::{Issued, Ledger};

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// How long an authority is good, and how long others may go by a revocation list.
const AUTHORITY_DAYS: u64 = 3_650;
const LIST_DAYS: u64 = 365;
/// Begins are put back, for machines whose clocks are late.
const LATE_MS: u64 = 60 * 60 * 1_000;
/// The longest that a certificate is issued for.
pub const DAYS_MAX: u64 = 3_650;

/// An authority and where it lies.
pub struct Authority {
    dir: PathBuf,
    ledger: Ledger,
    issuer: Issuer<'static, KeyPair>,
}

/// What is issued to whom.
pub struct Order {
    pub bearer: Bearer,
    /// Host names and addresses under which a node is reached.
    pub hosts: Vec<String>,
    pub days: u64,
}

/// The files of one who was issued to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

fn failed(error: impl std::fmt::Display) -> CliError {
    CliError::Failed(format!("the certificate cannot be made: {error}"))
}

fn date(at: UnixMillis) -> Result<OffsetDateTime, CliError> {
    OffsetDateTime::from_unix_timestamp((at.0 / 1_000) as i64).map_err(failed)
}

fn after(at: UnixMillis, days: u64) -> UnixMillis {
    UnixMillis(at.0.saturating_add(days * DAY_MS))
}

impl Authority {
    /// A new authority of a cluster; one that is there already is an error.
    pub fn create(dir: &Path, cluster: ClusterId, now: UnixMillis) -> Result<Self, CliError> {
        std::fs::create_dir_all(dir).map_err(|error| CliError::path(dir, error))?;
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, format!("Portcullis cluster {cluster}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = date(now.before(LATE_MS))?;
        params.not_after = date(after(now, AUTHORITY_DAYS))?;
        let certificate = params.self_signed(&key).map_err(failed)?;
        // The key first: it is never replaced, and without it nothing else is an authority.
        write_secret(&dir.join("ca.key"), &key.serialize_pem())?;
        write_atomically(&dir.join("ca.pem"), certificate.pem().as_bytes())?;
        let mut authority =
            Self { dir: dir.to_path_buf(), ledger: Ledger::new(cluster), issuer: Issuer::new(params, key) };
        authority.write_list(now)?;
        Ok(authority)
    }

    /// The authority of a directory.
    pub fn open(dir: &Path) -> Result<Self, CliError> {
        let read = |name: &str| {
            let path = dir.join(name);
            std::fs::read_to_string(&path).map_err(|error| CliError::path(&path, error))
        };
        let ledger = Ledger::read(&dir.join("issued.json"))?;
        let bad = |name: &str, error: rcgen::Error| CliError::Failed(format!("{}: {error}", dir.join(name).display()));
        let key = KeyPair::from_pem(&read("ca.key")?).map_err(|error| bad("ca.key", error))?;
        let issuer = Issuer::from_ca_cert_pem(&read("ca.pem")?, key).map_err(|error| bad("ca.pem", error))?;
        Ok(Self { dir: dir.to_path_buf(), ledger, issuer })
    }

    /// What was issued so far.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The authority's own certificate.
    pub fn certificate(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    /// The revocation list.
    pub fn list(&self) -> PathBuf {
        self.dir.join("revoked.pem")
    }

    /// Where the files of a bearer lie.
    pub fn pair(&self, bearer: &Bearer) -> Pair {
        let name = match bearer {
            Bearer::Node(node) => format!("node-{node}"),
            Bearer::User(user) => format!("user-{user}"),
            Bearer::Service(agency, system) => format!("service-{agency}-{system}"),
            Bearer::Terminal(agency, station) => format!("terminal-{agency}-{station}"),
        };
        Pair { certificate: self.dir.join(format!("{name}.pem")), key: self.dir.join(format!("{name}.key")) }
    }

    /// Issues to somebody who has nothing good yet.
    pub fn issue(&mut self, order: &Order, now: UnixMillis, entropy: &dyn Entropy) -> Result<Issued, CliError> {
        let name = self.name(&order.bearer);
        if let Some(held) = self.ledger.good(&name, now) {
            return Err(CliError::Failed(format!(
                "{name} has a certificate until {}: `pki rotate` issues another one, `pki revoke` ends it",
                held.not_after.rfc3339_seconds()
            )));
        }
        self.make(order, now, entropy)
    }

    /// Issues to somebody unless he has something good that lies where it belongs.
    pub fn keep(&mut self, order: &Order, now: UnixMillis, entropy: &dyn Entropy) -> Result<(), CliError> {
        let Pair { certificate, key } = self.pair(&order.bearer);
        let held = self.ledger.good(&self.name(&order.bearer), now).is_some();
        if !held || !certificate.exists() || !key.exists() {
            self.make(order, now, entropy)?;
        }
        Ok(())
    }

    /// Issues anew under the same names; what was issued before stays good to its end.
    pub fn rotate(
        &mut self,
        bearer: Bearer,
        days: u64,
        now: UnixMillis,
        entropy: &dyn Entropy,
    ) -> Result<Issued, CliError> {
        let name = self.name(&bearer);
        let before = self.ledger.newest(&name);
        let before = before.ok_or_else(|| CliError::Failed(format!("{name} was issued nothing: `pki issue` does")))?;
        let hosts = before.hosts.clone();
        self.make(&Order { bearer, hosts, days }, now, entropy)
    }

    /// Revokes by serial number or name; says what.
    pub fn revoke(&mut self, what: &str, now: UnixMillis) -> Result<Vec<Issued>, CliError> {
        let revoked = self.ledger.revoke(what, now);
        if revoked.is_empty() {
            return Err(CliError::Failed(format!("nothing good was issued under `{what}`: `pki list` shows what was")));
        }
        self.write_list(now)?;
        Ok(revoked)
    }

    fn name(&self, bearer: &Bearer) -> CertificateName {
        CertificateName { cluster: self.ledger.cluster, bearer: bearer.clone() }
    }

    fn make(&mut self, order: &Order, now: UnixMillis, entropy: &dyn Entropy) -> Result<Issued, CliError> {
        if order.days == 0 || order.days > DAYS_MAX {
            return Err(CliError::flag("--days", format!("is {}, must be 1 to {DAYS_MAX}", order.days)));
        }
        let name = self.name(&order.bearer);
        let mut serial = entropy.sixteen();
        // Positive, and of full length.
        serial[0] = serial[0] & 0x3f | 0x40;
        let not_after = after(now, order.days);
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, common_name(&order.bearer));
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.not_before = date(now.before(LATE_MS))?;
        params.not_after = date(not_after)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.subject_alt_names = vec![SanType::URI(name.to_string().try_into().map_err(failed)?)];
        for host in &order.hosts {
            params.subject_alt_names.push(match host.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(host.clone().try_into().map_err(|error| CliError::flag("--host", error))?),
            });
        }
        // A node answers and asks; everybody else asks alone.
        params.extended_key_usages = match order.bearer {
            Bearer::Node(_) => vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
            _ => vec![ExtendedKeyUsagePurpose::ClientAuth],
        };
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        let issued = Issued {
            serial: to_hex(&serial),
            name: name.to_string(),
            hosts: order.hosts.clone(),
            not_after,
            revoked: None,
        };
        // In the ledger before anybody has it, or it could not be revoked.
        self.ledger.issued.push(issued.clone());
        self.ledger.write(&self.dir.join("issued.json"))?;
        let pair = self.pair(&order.bearer);
        let _ = std::fs::remove_file(&pair.key);
        write_secret(&pair.key, &key.serialize_pem())?;
        write_atomically(&pair.certificate, certificate.pem().as_bytes())?;
        Ok(issued)
    }

    fn write_list(&mut self, now: UnixMillis) -> Result<(), CliError> {
        self.ledger.list_number += 1;
        let mut revoked_certs = Vec::new();
        for issued in &self.ledger.issued {
            if let Some(at) = issued.revoked {
                let serial = from_hex(&issued.serial).unwrap_or_default();
                revoked_certs.push(RevokedCertParams {
                    serial_number: SerialNumber::from_slice(&serial),
                    revocation_time: date(at)?,
                    reason_code: None,
                    invalidity_date: None,
                });
            }
        }
        let params = CertificateRevocationListParams {
            this_update: date(now.before(LATE_MS))?,
            next_update: date(after(now, LIST_DAYS))?,
            crl_number: SerialNumber::from(self.ledger.list_number),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&self.issuer).and_then(|list| list.pem()).map_err(failed)?;
        self.ledger.write(&self.dir.join("issued.json"))?;
        write_atomically(&self.list(), list.as_bytes())
    }
}

fn common_name(bearer: &Bearer) -> String {
    match bearer {
        Bearer::Node(node) => format!("node {node}"),
        Bearer::User(user) => user.to_string(),
        Bearer::Service(agency, system) => format!("{system} of {agency}"),
        Bearer::Terminal(agency, station) => format!("terminal at {station} of {agency}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::{SystemClock, SystemEntropy};
    use model::ids::{NodeId, UserId};
    use model::time::Clock;

    fn order(bearer: Bearer) -> Order {
        Order { bearer, hosts: vec!["127.0.0.1".into(), "node-1.example".into()], days: 30 }
    }

    #[test]
    fn what_is_issued_is_known_revoked_and_issued_again() {
        let dir = tempfile::tempdir().expect("directory");
        let (now, entropy) = (SystemClock.now(), SystemEntropy::open().expect("entropy"));
        let cluster = ClusterId([7; 16]);
        let mut authority = Authority::create(dir.path(), cluster, now).expect("creates");
        assert!(Authority::create(dir.path(), cluster, now).is_err(), "an authority is never replaced");
        let node = Bearer::Node(NodeId(1));
        let first = authority.issue(&order(node.clone()), now, &entropy).expect("issues");
        assert!(authority.issue(&order(node.clone()), now, &entropy).is_err(), "it has one");

        let mut again = Authority::open(dir.path()).expect("opens");
        assert_eq!(again.ledger().issued, std::slice::from_ref(&first));
        let second = again.rotate(node.clone(), 30, now, &entropy).expect("rotates");
        assert_eq!((&second.hosts, &second.name), (&first.hosts, &first.name));
        assert_ne!(second.serial, first.serial);
        let user = Bearer::User(UserId::new("officer").expect("code"));
        again.issue(&order(user.clone()), now, &entropy).expect("issues");
        assert!(again.rotate(Bearer::Node(NodeId(2)), 30, now, &entropy).is_err(), "was issued nothing");

        let revoked = again.revoke(&first.serial, now).expect("revokes");
        assert_eq!(revoked.len(), 1);
        assert!(again.revoke(&first.serial, now).is_err(), "is revoked");
        assert_eq!(again.revoke(&first.name, now).expect("revokes").len(), 1, "the other one of that name");
        assert!(again.issue(&order(node), now, &entropy).is_ok(), "it has nothing good any more");
        let late = after(now, 31);
        assert!(again.issue(&order(user), late, &entropy).is_ok(), "its own has ended");
    }

    #[cfg(unix)]
    #[test]
    fn keys_are_their_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("directory");
        let (now, entropy) = (SystemClock.now(), SystemEntropy::open().expect("entropy"));
        let mut authority = Authority::create(dir.path(), ClusterId([7; 16]), now).expect("creates");
        let node = Bearer::Node(NodeId(1));
        authority.issue(&order(node.clone()), now, &entropy).expect("issues");
        authority.rotate(node.clone(), 1, now, &entropy).expect("rotates");
        for key in [dir.path().join("ca.key"), authority.pair(&node).key] {
            let mode = std::fs::metadata(&key).expect("is there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", key.display());
        }
    }
}
