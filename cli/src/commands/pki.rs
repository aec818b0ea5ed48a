//! `pki`: a small certificate authority for playgrounds and sites without one of their own.

use std::path::{Path, PathBuf};

use model::certificate::Bearer;
use model::ids::{AgencyId, ClusterId, NodeId, PortId, UserId};
use model::time::{Clock, Entropy};
use serde::Serialize;

use crate::context::Globals;
use crate::error::CliError;
use crate::pki::{Authority, Issued, Order};
use crate::system::{SystemClock, SystemEntropy};

pub const HELP: &str = "\
Whoever has DIR/ca.key may issue to anybody: keep the directory off the machines that run nodes. A site with an authority of
its own does without this command; its certificates must carry the same names:
  portcullis://cluster/CLUSTER-ID/node/1          among the alternative names of node 1, with its hosts
  portcullis://cluster/CLUSTER-ID/user/NAME       of a user
  portcullis://cluster/CLUSTER-ID/service/A/S     of system S of agency A
  portcullis://cluster/CLUSTER-ID/terminal/A/P    of a machine at station P of agency A, for log-on by password

Examples:
  portcullis pki init ./pki
  portcullis pki issue ./pki node --id 1 --host node-1.example --host 10.0.0.1
  portcullis pki issue ./pki user officer-7
  portcullis-node --tls-certificate pki/node-1.pem --tls-key pki/node-1.key --tls-ca pki/ca.pem --tls-crl pki/revoked.pem ...
  portcullis pki revoke ./pki user/officer-7      nodes that are given the new revoked.pem close his connections in seconds";

/// The commands of the authority.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make an authority in a directory, for one cluster.
    Init {
        dir: PathBuf,
        /// The cluster's id, 32 hexadecimal digits; a new one if left out.
        #[arg(long)]
        cluster: Option<ClusterId>,
    },
    /// Issue a certificate with its key.
    Issue {
        dir: PathBuf,
        #[command(subcommand)]
        to: To,
    },
    /// Issue anew under the same names; the one before stays good to its end.
    Rotate {
        dir: PathBuf,
        #[command(subcommand)]
        to: To,
    },
    /// Revoke what was issued, by serial number or name (user/officer-7); writes the revocation list anew.
    Revoke { dir: PathBuf, what: String },
    /// What was issued to whom.
    List { dir: PathBuf },
}

/// Who is issued to.
#[derive(Debug, clap::Subcommand)]
pub enum To {
    /// A node, which answers and asks.
    Node {
        /// The node's number.
        #[arg(long)]
        id: u64,
        /// A host name or address under which it is reached; may be given several times.
        #[arg(long)]
        host: Vec<String>,
        #[arg(long, default_value_t = 30)]
        days: u64,
    },
    /// A user, by the code that the directory knows him by.
    User {
        name: String,
        #[arg(long, default_value_t = 365)]
        days: u64,
    },
    /// A machine at a station of an agency, where people without a certificate log on by password and code.
    Terminal {
        agency: String,
        station: String,
        #[arg(long, default_value_t = 90)]
        days: u64,
    },
    /// A system of an agency, under an agreement of its own.
    Service {
        agency: String,
        system: String,
        #[arg(long, default_value_t = 90)]
        days: u64,
    },
}

impl To {
    fn order(self) -> Result<Order, CliError> {
        let file = |code: &str| match code.contains(['/', '\\']) || code.starts_with('.') {
            true => Err(CliError::Usage(format!("`{code}` cannot be the name of a file"))),
            false => Ok(()),
        };
        Ok(match self {
            Self::Node { id, host, days } => Order { bearer: Bearer::Node(NodeId(id)), hosts: host, days },
            Self::User { name, days } => {
                file(&name)?;
                Order { bearer: Bearer::User(UserId::new(&name)?), hosts: Vec::new(), days }
            }
            Self::Terminal { agency, station, days } => {
                file(&agency)?;
                file(&station)?;
                let bearer = Bearer::Terminal(AgencyId::new(&agency)?, PortId::new(&station)?);
                Order { bearer, hosts: Vec::new(), days }
            }
            Self::Service { agency, system, days } => {
                file(&agency)?;
                file(&system)?;
                let bearer = Bearer::Service(AgencyId::new(&agency)?, UserId::new(&system)?);
                Order { bearer, hosts: Vec::new(), days }
            }
        })
    }
}

#[derive(Serialize)]
struct Made {
    cluster_id: ClusterId,
    authority: PathBuf,
    revoked: PathBuf,
}

/// A certificate as it is printed.
#[derive(Serialize)]
struct Shown {
    serial: String,
    name: String,
    not_after: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<PathBuf>,
}

impl Shown {
    fn of(issued: &Issued) -> Self {
        Self {
            serial: issued.serial.clone(),
            name: issued.name.clone(),
            not_after: issued.not_after.rfc3339_seconds(),
            revoked: issued.revoked.map(|at| at.rfc3339_seconds()),
            certificate: None,
            key: None,
        }
    }

    fn line(&self) -> String {
        let state = self.revoked.as_ref().map_or(format!("until {}", self.not_after), |at| format!("revoked {at}"));
        format!("{}  {state}  {}", self.serial, self.name)
    }
}

/// Runs one of them.
pub fn run(globals: &Globals, command: Command) -> Result<(), CliError> {
    let now = SystemClock.now();
    let entropy = SystemEntropy::open().map_err(|error| CliError::io("randomness", error))?;
    match command {
        Command::Init { dir, cluster } => {
            let cluster = cluster.unwrap_or_else(|| ClusterId(entropy.sixteen()));
            let authority = Authority::create(&dir, cluster, now)?;
            let made = Made { cluster_id: cluster, authority: authority.certificate(), revoked: authority.list() };
            globals.output.show(&made, |made| format!("authority of cluster {} in {}", made.cluster_id, dir.display()))
        }
        Command::Issue { dir, to } => {
            let (mut authority, order) = (Authority::open(&dir)?, to.order()?);
            let issued = authority.issue(&order, now, &entropy)?;
            show(globals, &authority, &order.bearer, &issued)
        }
        Command::Rotate { dir, to } => {
            let (mut authority, order) = (Authority::open(&dir)?, to.order()?);
            if !order.hosts.is_empty() {
                return Err(CliError::flag("--host", "stays what it was; revoke and issue to change it"));
            }
            let issued = authority.rotate(order.bearer.clone(), order.days, now, &entropy)?;
            show(globals, &authority, &order.bearer, &issued)
        }
        Command::Revoke { dir, what } => {
            let revoked = Authority::open(&dir)?.revoke(&what, now)?;
            all(globals, &revoked)
        }
        Command::List { dir } => all(globals, &read(&dir)?),
    }
}

fn read(dir: &Path) -> Result<Vec<Issued>, CliError> {
    Ok(Authority::open(dir)?.ledger().issued.clone())
}

fn show(globals: &Globals, authority: &Authority, bearer: &Bearer, issued: &Issued) -> Result<(), CliError> {
    let pair = authority.pair(bearer);
    let shown = Shown { certificate: Some(pair.certificate), key: Some(pair.key), ..Shown::of(issued) };
    globals.output.show(&shown, |shown| {
        let file = shown.certificate.as_deref().unwrap_or(Path::new("")).display().to_string();
        format!("{}\n{file} and its key", shown.line())
    })
}

fn all(globals: &Globals, issued: &[Issued]) -> Result<(), CliError> {
    let shown: Vec<Shown> = issued.iter().map(Shown::of).collect();
    globals.output.show(&shown, |all| all.iter().map(|one| one.line() + "\n").collect())
}
