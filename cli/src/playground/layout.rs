//! What a playground remembers, and where things lie in its directory.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use model::ids::{ClusterId, to_hex};
use model::time::Entropy;
use serde::{Deserialize, Serialize};

use super::ports;
use crate::context::{Context, PlaygroundContext};
use crate::error::CliError;
use crate::files::write_atomically;

const FORMAT: u32 = 1;
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
    pub fn context(&self) -> PathBuf {
        self.0.join("context.json")
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
        let ports = ports::choose(nodes as usize * 2, entropy).map_err(|error| CliError::io("free ports", error))?;
        let nodes = (1..=nodes)
            .zip(ports.chunks_exact(2))
            .map(|(id, ports)| NodeLayout { id, grpc: local(ports[0]), http: local(ports[1]), joined: false })
            .collect();
        let layout = Self { format: FORMAT, cluster_id: ClusterId(entropy.sixteen()), records_groups, nodes };
        let mut key = [0; 32];
        entropy.fill(&mut key);
        write_secret(&dir.key(), &(to_hex(&key) + "\n"))?;
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

    /// The context of this cluster.
    pub fn context(&self, control: PathBuf) -> Context {
        Context {
            endpoints: self.nodes.iter().map(|node| node.grpc.clone()).collect(),
            user: "officer".to_string(),
            agency: "CBP".to_string(),
            port: "2404".to_string(),
            purpose: "primary".to_string(),
            deadline_ms: None,
            playground: Some(PlaygroundContext { control }),
        }
    }
}

fn local(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// A file that only its owner may read; one that is there already is an error, since it may seal records.
fn write_secret(path: &Path, text: &str) -> Result<(), CliError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let write = || {
        let mut file = options.open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|error| CliError::path(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SystemEntropy;

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
        assert_eq!(layout.context("s".into()).endpoints.len(), 4);
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
