//! What a playground remembers, and where things lie in its directory.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::audit::checkpoint::origin;
use model::certificate::Bearer;
use model::ids::{ClusterId, GroupId, NodeId, UserId, from_hex, to_hex};
use model::seal::Keyring;
use model::session::banner_digest;
use model::time::{Entropy, UnixMillis};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::people::{AGENCY, PEOPLE, Person, STATION};
use super::ports;
use crate::commands::founding::make_secret;
use crate::context::{Context, PlaygroundContext, TlsContext};
use crate::error::CliError;
use crate::files::{write_atomically, write_secret};
use crate::identity::Identity;
use crate::pki::{Authority, Order, Pair};
use crate::witness::Witness;

const FORMAT: u32 = 1;
/// Where its nodes listen.
const LOCAL: &str = "127.0.0.1";
/// How long certificates of a playground are good.
const CERTIFICATE_DAYS: u64 = 365;
/// Witnesses of its audit log.
const WITNESSES: usize = 2;
/// Longest path of a unix socket, with a margin below what every system takes.
const SOCKET_PATH_MAX: usize = 100;

/// The cluster of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    format: u32,
    pub cluster_id: ClusterId,
    pub records_groups: u16,
    pub nodes: Vec<NodeLayout>,
    /// Where its witnesses of the audit log listen.
    #[serde(default)]
    pub witnesses: Vec<String>,
    /// Without certificates, and so without a gate.
    #[serde(default)]
    pub plain_text: bool,
    /// Times the usual rates: one of its people stands for many.
    #[serde(default = "rate_factor_default")]
    pub rate_factor: u32,
}

/// Times the usual rates of a playground that was told nothing else.
pub const RATE_FACTOR: u32 = 1_000;

fn rate_factor_default() -> u32 {
    RATE_FACTOR
}

/// A node of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeLayout {
    pub id: u64,
    pub grpc: String,
    pub http: String,
    /// Added later: it is not among the members that the cluster began with.
    pub joined: bool,
}

/// Paths in a playground's directory.
#[derive(Debug, Clone)]
pub struct Dir(pub PathBuf);

impl Dir {
    pub fn layout(&self) -> PathBuf {
        self.0.join("playground.json")
    }
    pub fn key(&self) -> PathBuf {
        self.0.join("cluster.key")
    }
    pub fn founding_secret(&self) -> PathBuf {
        self.0.join("founding.secret")
    }
    pub fn founding_digest(&self) -> PathBuf {
        self.0.join("founding.digest")
    }
    /// Whose signatures under the audit log are believed; the nodes find their witnesses in it.
    pub fn audit_policy(&self) -> PathBuf {
        self.0.join("audit.policy")
    }
    pub fn witness(&self, number: usize) -> PathBuf {
        self.0.join(format!("witness-{number}"))
    }
    pub fn context(&self) -> PathBuf {
        self.0.join("context.json")
    }
    pub fn pki(&self) -> PathBuf {
        self.0.join("pki")
    }
    pub fn node(&self, id: u64) -> PathBuf {
        self.0.join(format!("node-{id}"))
    }
    pub fn log(&self, id: u64) -> PathBuf {
        self.node(id).join("log")
    }
    /// The control socket; none where its path would be too long for one.
    pub fn control(&self) -> Option<PathBuf> {
        Some(self.0.join("control.sock")).filter(|path| path.as_os_str().len() <= SOCKET_PATH_MAX)
    }
}

impl Layout {
    /// A new cluster with free ports; its key is written here, before anything could be sealed with another.
    pub fn create(dir: &Dir, nodes: u64, records_groups: u16, entropy: &dyn Entropy) -> Result<Self, CliError> {
        let wanted = nodes as usize * 2 + WITNESSES;
        let ports = ports::choose(wanted, entropy).map_err(|error| CliError::io("free ports", error))?;
        let (witnesses, ports) = ports.split_at(WITNESSES);
        let witnesses = witnesses.iter().map(|port| local(*port)).collect();
        let nodes = (1..=nodes)
            .zip(ports.chunks_exact(2))
            .map(|(id, ports)| NodeLayout { id, grpc: local(ports[0]), http: local(ports[1]), joined: false })
            .collect();
        let (cluster_id, plain_text) = (ClusterId(entropy.sixteen()), false);
        let rate_factor = RATE_FACTOR;
        let layout = Self { format: FORMAT, cluster_id, records_groups, nodes, witnesses, plain_text, rate_factor };
        let mut key = [0; 32];
        entropy.fill(&mut key);
        write_secret(&dir.key(), &(to_hex(&key) + "\n"))?;
        make_secret(&dir.founding_secret(), &dir.founding_digest(), entropy)?;
        layout.save(dir)?;
        Ok(layout)
    }

    /// The cluster of a directory, if there is one.
    pub fn read(dir: &Dir) -> Result<Option<Self>, CliError> {
        let path = dir.layout();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CliError::path(&path, error)),
        };
        let layout: Self =
            serde_json::from_str(&text).map_err(|error| CliError::Failed(format!("{}: {error}", path.display())))?;
        if layout.format != FORMAT {
            let text = format!("{}: has format {}, this program reads {FORMAT}", path.display(), layout.format);
            return Err(CliError::Failed(text));
        }
        Ok(Some(layout))
    }

    /// Writes it down.
    pub fn save(&self, dir: &Dir) -> Result<(), CliError> {
        write_atomically(&dir.layout(), (crate::output::json(self)? + "\n").as_bytes())
    }

    /// The authority of this cluster, made where there is none yet, with certificates for whoever has no good one.
    pub fn authority(&self, dir: &Dir, now: UnixMillis, entropy: &dyn Entropy) -> Result<Authority, CliError> {
        let place = dir.pki();
        let there = place.join("ca.key").exists();
        let mut authority =
            if there { Authority::open(&place)? } else { Authority::create(&place, self.cluster_id, now)? };
        let nodes = self.nodes.iter().map(|node| (Bearer::Node(NodeId(node.id)), vec![LOCAL.to_string()]));
        for (bearer, hosts) in nodes {
            authority.keep(&Order { bearer, hosts, days: CERTIFICATE_DAYS }, now, entropy)?;
        }
        for person in &PEOPLE {
            let bearer = Bearer::User(UserId::new(person.user)?);
            authority.keep(&Order { bearer, hosts: Vec::new(), days: CERTIFICATE_DAYS }, now, entropy)?;
        }
        Ok(authority)
    }

    /// Opens the witnesses, and writes down whose signatures under the audit log are believed.
    pub fn witnesses(&self, dir: &Dir, entropy: &dyn Entropy) -> Result<Vec<Arc<Witness>>, CliError> {
        let key = std::fs::read_to_string(dir.key()).map_err(|error| CliError::path(&dir.key(), error))?;
        let key = from_hex(key.trim()).and_then(|key| <[u8; 32]>::try_from(key).ok());
        let key = Zeroizing::new(key.ok_or_else(|| CliError::Failed(format!("{}: is no key", dir.key().display())))?);
        let log = Keyring::single(1, *key).log_key(&origin(self.cluster_id, GroupId::Audit(0)));
        let log = log.map_err(|error| CliError::Failed(error.to_string()))?.verifier();
        let mut policy = format!("log {log}\n");
        let (mut witnesses, mut names) = (Vec::new(), String::new());
        for (number, address) in (1..).zip(&self.witnesses) {
            let name = format!("witness-{number}.playground.example");
            let witness = Witness::open(&dir.witness(number), &name, vec![log.clone()], entropy)?;
            let _ = writeln!(policy, "witness w{number} {} http://{address}", witness.key());
            let _ = write!(names, " w{number}");
            witnesses.push(Arc::new(witness));
        }
        if !witnesses.is_empty() {
            let _ = writeln!(policy, "group witnesses any{names}\nquorum witnesses");
            write_atomically(&dir.audit_policy(), policy.as_bytes())?;
        }
        Ok(witnesses)
    }

    /// Takes in a node that will join.
    pub fn add(&mut self, id: u64, entropy: &dyn Entropy) -> Result<NodeLayout, CliError> {
        let ports = ports::choose(2, entropy).map_err(|error| CliError::io("free ports", error))?;
        let node = NodeLayout { id, grpc: local(ports[0]), http: local(ports[1]), joined: true };
        self.nodes.push(node.clone());
        Ok(node)
    }

    /// A node by id.
    pub fn node(&self, id: u64) -> Option<&NodeLayout> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// The nodes that the cluster began with.
    pub fn initial(&self) -> impl Iterator<Item = &NodeLayout> {
        self.nodes.iter().filter(|node| !node.joined)
    }

    /// `1=HOST:PORT,2=HOST:PORT`.
    pub fn initial_members(&self) -> String {
        self.initial().fold(String::new(), |mut text, node| {
            let comma = if text.is_empty() { "" } else { "," };
            let _ = write!(text, "{comma}{}={}", node.id, node.grpc);
            text
        })
    }

    /// Writes a context for each of the cluster's people, and that of the cluster, which holds all of them: each command
    /// takes the one whose duty it is.
    pub fn write_contexts(&self, dir: &Dir, authority: &Authority, control: &Path) -> Result<(), CliError> {
        let mut identities = Vec::new();
        for person in &PEOPLE {
            let Pair { certificate, key } = authority.pair(&Bearer::User(UserId::new(person.user)?));
            let tls = TlsContext { ca: dir.pki().join("ca.pem"), certificate, key };
            let text = self.context(dir, (person, tls.clone()), Vec::new(), control).to_text()?;
            write_atomically(&dir.0.join(format!("context-{}.json", person.user)), text.as_bytes())?;
            let purpose = Some(person.purpose.to_string());
            let duties = person.duties();
            identities.push(Identity { user: person.user.to_string(), purpose, tls, duties });
        }
        let first = (&PEOPLE[0], identities[0].tls.clone());
        let text = self.context(dir, first, identities, control).to_text()?;
        write_atomically(&dir.context(), text.as_bytes())
    }

    fn context(
        &self,
        dir: &Dir,
        (person, tls): (&Person, TlsContext),
        identities: Vec<Identity>,
        control: &Path,
    ) -> Context {
        Context {
            endpoints: self.nodes.iter().map(|node| node.grpc.clone()).collect(),
            user: person.user.to_string(),
            agency: AGENCY.to_string(),
            port: STATION.to_string(),
            purpose: person.purpose.to_string(),
            tls: (!self.plain_text).then_some(tls),
            // Whoever starts a playground plays all of them.
            acknowledges: (!self.plain_text).then(|| to_hex(&banner_digest())),
            identities: if self.plain_text { Vec::new() } else { identities },
            audit_policy: (!self.witnesses.is_empty()).then(|| dir.audit_policy()),
            deadline_ms: None,
            playground: Some(PlaygroundContext { control: control.to_path_buf() }),
        }
    }
}

fn local(port: u16) -> String {
    format!("{LOCAL}:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SystemEntropy;
    use model::time::Clock;

    #[test]
    fn a_directory_finds_its_cluster_again() {
        let temp = tempfile::tempdir().expect("directory");
        let dir = Dir(temp.path().to_path_buf());
        let entropy = SystemEntropy::open().expect("entropy");
        assert_eq!(Layout::read(&dir).expect("reads"), None);
        let mut layout = Layout::create(&dir, 3, 2, &entropy).expect("creates");
        assert_eq!(Layout::read(&dir).expect("reads").as_ref(), Some(&layout));
        assert_eq!(layout.initial_members().split(',').count(), 3);
        layout.add(4, &entropy).expect("adds");
        assert_eq!((layout.initial().count(), layout.nodes.len()), (3, 4));
        let now = crate::system::SystemClock.now();
        let authority = layout.authority(&dir, now, &entropy).expect("makes");
        layout.write_contexts(&dir, &authority, Path::new("s")).expect("writes");
        let context = Context::read(&dir.context()).expect("reads");
        assert_eq!((context.endpoints.len(), &*context.user), (4, "officer"));
        assert_eq!(Context::read(&dir.0.join("context-auditor.json")).expect("reads").user, "auditor");
        let issued = authority.ledger().issued.len();
        assert_eq!(issued, 4 + PEOPLE.len());
        let again = layout.authority(&dir, now, &entropy).expect("opens");
        assert_eq!(again.ledger().issued.len(), issued, "what is good is kept");
        let key = std::fs::read_to_string(dir.key()).expect("reads");
        assert_eq!(key.trim().len(), 64);
        std::fs::remove_file(dir.layout()).expect("removes");
        assert!(Layout::create(&dir, 3, 2, &entropy).is_err(), "a key is never replaced");
        std::fs::write(dir.layout(), "{").expect("writes");
        assert!(Layout::read(&dir).is_err());
    }

    #[test]
    fn a_socket_path_that_is_too_long_is_none() {
        assert!(Dir(PathBuf::from("/tmp/x")).control().is_some());
        assert!(Dir(PathBuf::from("/tmp").join("x".repeat(100))).control().is_none());
    }
}
