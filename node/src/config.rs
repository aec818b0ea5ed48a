//! The configuration of a node: what stands on its command line, checked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use model::audit::trust::Trust;
use model::ids::{ClusterId, GroupId, NodeId, from_hex};
use model::people::Ceremony;
use model::seal::Keyring;
use raft::groups::Timings;

use crate::audit::Witnesses;
use crate::cut::Cuts;
pub use crate::gate::Capacity;

/// One node of a Portcullis cluster.
///
/// A new cluster: start every first member with the same --cluster-id, --initial-members and --records-groups.
/// A further node: start it with --join, then run `portcullis cluster add-node ID ADDRESS`.
/// A restart needs neither: the node remembers who it is.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "portcullis-node",
    after_help = "`portcullis-node inspect --help`: what the directory of a node holds that does not run.\n\nExit codes: 0 stopped as asked, 1 failed, 2 wrong usage, 3 damaged or \
    unusable data directory, 4 data directory of another node or cluster, or another key."
)]
pub struct Arguments {
    /// This node's number, from 1; never used again after the node was removed
    #[arg(long)]
    pub node_id: u64,
    /// Where clients and peers reach this node, HOST:PORT
    #[arg(long)]
    pub listen: String,
    /// Where /metrics, /livez and /readyz are served, HOST:PORT
    #[arg(long)]
    pub http: String,
    /// Directory of this node's data
    #[arg(long)]
    pub data_dir: PathBuf,
    /// Of a new cluster: its id, 32 hexadecimal digits
    #[arg(long, requires = "initial_members", conflicts_with = "join")]
    pub cluster_id: Option<String>,
    /// Of a new cluster: its first members, as 1=HOST:PORT,2=HOST:PORT
    #[arg(long, requires = "cluster_id")]
    pub initial_members: Option<String>,
    /// Of a new cluster: groups that records are spread over
    #[arg(long, default_value_t = 1)]
    pub records_groups: u16,
    /// Of a further node: a member of the cluster, HOST:PORT
    #[arg(long)]
    pub join: Option<String>,
    /// File with the cluster's root key, as `portcullis root-key create` makes it: 64 hexadecimal digits, or what a key service opens
    #[arg(long)]
    pub key_file: PathBuf,
    /// Socket of the key service's plugin on this machine, where one keeps the root key; it speaks the KMS v2 API of Kubernetes
    #[arg(long, value_name = "SOCKET")]
    pub key_service: Option<PathBuf>,
    /// Of a new cluster: file with what proves the founding ceremony, 64 hexadecimal digits; `portcullis founding secret` makes it
    #[arg(long, value_name = "FILE")]
    pub founding_file: Option<PathBuf>,
    /// Region that the node stands in
    #[arg(long, default_value = "local")]
    pub region: String,
    /// Port of entry that the node stands at
    #[arg(long, default_value = "none")]
    pub port_code: String,
    /// Log entries of a group after which a snapshot is taken
    #[arg(long, default_value_t = Timings::default().snapshot_entries)]
    pub snapshot_entries: u64,
    /// Log entries kept behind a snapshot
    #[arg(long, default_value_t = Timings::default().keep_entries)]
    pub keep_entries: u64,
    /// This node's certificate, PEM; it must name the node: `portcullis pki issue DIR node` makes one
    #[arg(long, requires_all = ["tls_key", "tls_ca"], value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,
    /// The key of the certificate, PEM
    #[arg(long, requires = "tls_certificate", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// The authorities whose certificates are believed, of nodes and of users, PEM
    #[arg(long, requires = "tls_certificate", value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// A revocation list of these authorities, PEM; read anew when it changes, may be given several times
    #[arg(long, requires = "tls_certificate", value_name = "FILE")]
    pub tls_crl: Vec<PathBuf>,
    /// Encrypt nothing and ask nobody who he is: for development and measurements, on loopback alone
    #[arg(long, conflicts_with = "tls_certificate")]
    pub plain_text: bool,
    /// Serve metrics and health, which are neither encrypted nor signed on for, beyond loopback
    #[arg(long)]
    pub http_beyond_loopback: bool,
    /// Questions that search at a time; the number of processors if left out
    #[arg(long)]
    pub searches: Option<usize>,
    /// Questions, readings and batches that are served at a time at most, lowered by itself where answers become slow;
    /// 32 for each processor if left out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub served_at_once: Option<u32>,
    /// Times the usual rates of users and agencies (20 questions a second of one person); for clusters where one stands for
    /// many, such as playgrounds. Without certificates there are no rates
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rate_factor: u32,
    /// Witnesses of the audit log, each with its URL, as lines `witness NAME KEY URL` of a C2SP tlog-policy; `portcullis witness` is one
    #[arg(long, value_name = "FILE")]
    pub witnesses: Option<PathBuf>,
    /// Seconds between two cosignatures of the audit log
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub witness_every: u64,
    /// Stop when standard input ends: for whoever starts nodes as children
    #[arg(long)]
    pub exit_with_stdin: bool,
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("--{flag}: {reason}")]
    Flag { flag: &'static str, reason: String },
    #[error("witnesses file {path}: {reason}")]
    Witnesses { path: String, reason: String },
    #[error("founding file {path}: {reason}")]
    Founding { path: String, reason: String },
}

/// How the node comes to its cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// It knows its cluster, or fails.
    Known,
    /// It is a first member of a new one.
    First { cluster: ClusterId, members: BTreeMap<NodeId, String>, records_groups: u16 },
    /// It asks this member.
    Join(String),
}

/// A checked configuration.
#[derive(Clone)]
pub struct Config {
    pub node: NodeId,
    pub listen: String,
    pub http: Option<String>,
    pub start: Start,
    pub keyring: Keyring,
    pub region: String,
    pub port: String,
    pub timings: Timings,
    /// Questions that search at a time.
    pub searches: usize,
    /// How much is taken on.
    pub capacity: Capacity,
    /// Whether who asks must have an account, a session and leave to ask. Not without certificates: nobody could say who asks.
    pub gated: bool,
    /// What the founding ceremony of a new cluster must prove.
    pub ceremony: Option<Ceremony>,
    /// Names of this node's certificate; none on a network without certificates.
    pub names: Vec<String>,
    /// A change waits so long for others before the search index is committed.
    pub index_linger: Duration,
    /// What callers see of the records.
    pub cuts: Cuts,
    /// Who cosigns the audit log.
    pub witnesses: Witnesses,
}

/// Served at a time at most, for each processor.
const SERVED_FOR_EACH: usize = 32;

/// What the index of a node waits.
pub const INDEX_LINGER: Duration = Duration::from_millis(200);

impl Arguments {
    /// Checks everything that can be checked without the data directory; the root key was read already.
    pub fn validate(&self, root: &[u8; 32]) -> Result<Config, ConfigError> {
        let flag = |flag: &'static str, reason: String| ConfigError::Flag { flag, reason };
        if self.node_id == 0 {
            return Err(flag("node-id", "node ids begin with 1".into()));
        }
        let node = NodeId(self.node_id);
        let start = match (&self.cluster_id, &self.initial_members, &self.join) {
            (Some(cluster), Some(members), None) => {
                let cluster = cluster.parse::<ClusterId>().map_err(|error| flag("cluster-id", error.reason))?;
                let members = members_of(members).map_err(|reason| flag("initial-members", reason))?;
                if !members.contains_key(&node) {
                    return Err(flag("initial-members", format!("node {node} is not among them")));
                }
                if self.records_groups == 0 || self.records_groups > 64 {
                    return Err(flag("records-groups", "must be 1 to 64".into()));
                }
                Start::First { cluster, members, records_groups: self.records_groups }
            }
            (None, None, Some(member)) => Start::Join(member.clone()),
            _ => Start::Known,
        };
        match (&self.tls_certificate, self.plain_text) {
            (None, false) => {
                let text = "is missing: with it, --tls-key and --tls-ca everything between nodes and clients is encrypted \
                    (`portcullis pki` makes them); --plain-text does without, on loopback alone";
                return Err(flag("tls-certificate", text.into()));
            }
            (None, true) if !is_loopback(&self.listen) => {
                let text =
                    format!("`{}` is not on loopback, which --plain-text is for; give --tls-certificate", self.listen);
                return Err(flag("listen", text));
            }
            _ => {}
        }
        if !self.http_beyond_loopback && !is_loopback(&self.http) {
            let text = format!(
                "`{}` is not on loopback: metrics and health are served in the open; where that is meant, say \
                 --http-beyond-loopback",
                self.http
            );
            return Err(flag("http", text));
        }
        for (name, code) in [("region", &self.region), ("port-code", &self.port_code)] {
            model::ids::check_code(name, code).map_err(|error| flag(name, error.reason))?;
        }
        Ok(Config {
            node,
            listen: self.listen.clone(),
            http: Some(self.http.clone()),
            start,
            keyring: Keyring::single(1, *root),
            region: self.region.clone(),
            port: self.port_code.clone(),
            timings: Timings {
                snapshot_entries: self.snapshot_entries.max(1),
                keep_entries: self.keep_entries,
                ..Timings::default()
            },
            searches: self.searches.unwrap_or_else(processors),
            capacity: Capacity::of(
                self.served_at_once.map_or_else(|| SERVED_FOR_EACH * processors(), |served| served as usize),
                (!self.plain_text).then_some(self.rate_factor),
            ),
            gated: !self.plain_text,
            ceremony: self.founding_file.as_deref().map(read_ceremony).transpose()?,
            names: Vec::new(),
            index_linger: INDEX_LINGER,
            cuts: Cuts::default(),
            witnesses: read_witnesses(self.witnesses.as_deref(), Duration::from_secs(self.witness_every))?,
        })
    }
}

/// The processors that this process may use.
fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn members_of(text: &str) -> Result<BTreeMap<NodeId, String>, String> {
    let mut members = BTreeMap::new();
    for member in text.split(',') {
        let (id, address) = member.split_once('=').ok_or_else(|| format!("`{member}` is not ID=HOST:PORT"))?;
        let id: u64 = id.parse().ok().filter(|id| *id > 0).ok_or_else(|| format!("`{id}` is no node id"))?;
        if address.rsplit_once(':').is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err()) {
            return Err(format!("`{address}` is not HOST:PORT"));
        }
        if members.insert(NodeId(id), address.to_string()).is_some() {
            return Err(format!("node {id} stands twice"));
        }
    }
    Ok(members)
}

fn read_witnesses(path: Option<&Path>, every: Duration) -> Result<Witnesses, ConfigError> {
    let Some(path) = path else { return Ok(Witnesses::default()) };
    let bad = |reason: String| ConfigError::Witnesses { path: path.display().to_string(), reason };
    let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    let trust = Trust::parse(&text).map_err(|error| bad(error.to_string()))?;
    Witnesses::new(&trust, every).map_err(bad)
}

fn read_ceremony(path: &Path) -> Result<Ceremony, ConfigError> {
    let bad = |reason: String| ConfigError::Founding { path: path.display().to_string(), reason };
    let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    let digest = from_hex(text.trim()).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    Ok(Ceremony { digest: digest.ok_or_else(|| bad("expected 64 hexadecimal digits".into()))? })
}

/// The answer to `--version`, which names the features the program was built with: text, or JSON with `--output json`.
pub fn version_asked() -> Option<String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--version" || argument == "-V") {
        return None;
    }
    let version = env!("CARGO_PKG_VERSION");
    let features = [("rocksdb", cfg!(feature = "rocksdb")), ("known-bugs", model::known_bugs::COMPILED_IN)];
    let features: Vec<&str> = features.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect();
    let json = arguments.windows(2).any(|pair| pair[0] == "--output" && pair[1] == "json");
    Some(if json {
        serde_json::json!({ "name": "portcullis-node", "version": version, "features": features }).to_string()
    } else {
        format!("portcullis-node {version} (features: {})", features.join(", "))
    })
}

/// The groups of a cluster: one directory, the records groups, one audit group.
pub fn groups_of(records_groups: u16) -> Vec<GroupId> {
    let records = (0..records_groups).map(GroupId::Records);
    std::iter::once(GroupId::Directory).chain(records).chain([GroupId::Audit(0)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_told_from_the_rest() {
        for address in ["127.0.0.1:1", "127.1.2.3:1", "localhost:1", "[::1]:1"] {
            assert!(is_loopback(address), "{address}");
        }
        for address in ["0.0.0.0:1", "10.0.0.1:1", "[::]:1", "node-1.example:1", ":1"] {
            assert!(!is_loopback(address), "{address}");
        }
    }

    #[test]
    fn members_read_and_mistakes_are_named() {
        let members = members_of("1=a:1,2=b:2").expect("reads");
        assert_eq!(members.get(&NodeId(2)).map(String::as_str), Some("b:2"));
        for (text, part) in
            [("1", "ID=HOST:PORT"), ("x=a:1", "no node id"), ("1=a", "HOST:PORT"), ("1=a:1,1=b:2", "twice")]
        {
            assert!(members_of(text).expect_err(text).contains(part), "{text}");
        }
    }
}
