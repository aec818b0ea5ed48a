//! The clients of a run: officers at ports, agencies, imports, auditors, supervisors, strangers, who keeps the accounts, and operators,
//! all through the real client library.

mod agency;
mod analyst;
mod auditor;
mod importer;
mod officer;
pub mod operator;
mod personnel;
mod stranger;
mod supervisor;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use client::{Client, Config, Network, convert, v1};
use generator::{Subject, Traveller};
use model::ids::RecordId;
use model::time::{Clock, Entropy};

use crate::history::History;
use crate::host;
use crate::people;
use crate::rng::{Rng, mix};
use crate::trace::Trace;
use crate::wire::Wire;
use crate::world::World;

/// A primary query must be answered within this time.
pub const QUESTION_DEADLINE: Duration = Duration::from_secs(5);
/// Any other call.
const CALL_DEADLINE: Duration = Duration::from_secs(8);
/// Why everybody asks.
pub const PURPOSE: &str = "primary";
/// The source list that importers bring in.
pub const SOURCE: &str = "SIM-LIST";

/// What all clients of a run share.
#[derive(Clone)]
pub struct Office {
    pub world: Arc<World>,
    pub history: History,
    pub trace: Trace,
    /// Who is on the list, and the travellers with their truth.
    pub subjects: Arc<Vec<Subject>>,
    pub travellers: Arc<Vec<Traveller>>,
    /// Records that some agency has been told of, with their newest known version and whom they are about.
    known: Arc<Mutex<BTreeMap<RecordId, Known>>>,
    /// Imports that are under way.
    importing: Arc<AtomicU64>,
    /// Whether there are accounts to ask with.
    pub founded: Arc<AtomicBool>,
    /// No client begins a call any more.
    pub closing: Arc<AtomicBool>,
}

/// What the agencies know of a record.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    pub version: u64,
    pub subject: usize,
    /// The agency that made it, where it is for few: others would be told that there is none.
    pub kept_by: Option<u64>,
}

impl Office {
    /// The office of a world.
    pub fn new(world: Arc<World>, history: History, trace: Trace) -> Self {
        let list = generator::lists(&generator::Config { seed: mix(world.seed, 5), people: world.subjects as usize });
        let (subjects, travellers) = (list.people().collect(), list.travellers().take(100).collect());
        let (subjects, travellers) = (Arc::new(subjects), Arc::new(travellers));
        Self {
            world,
            history,
            trace,
            subjects,
            travellers,
            known: Arc::default(),
            importing: Arc::default(),
            founded: Arc::default(),
            closing: Arc::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<RecordId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One of the records that are known, for anybody, or for the agency that keeps it.
    fn pick_known(&self, rng: &mut Rng, agency: Option<u64>) -> Option<(RecordId, Known)> {
        let known = self.known();
        let open = |(_, known): &(&RecordId, &Known)| known.kept_by.is_none() || known.kept_by == agency;
        let at = rng.below(known.iter().filter(open).count() as u64) as usize;
        known.iter().filter(open).nth(at).map(|(id, known)| (*id, *known))
    }

    /// One of all records, whomever it is for.
    fn pick_any(&self, rng: &mut Rng) -> Option<RecordId> {
        let known = self.known();
        let at = rng.below(known.len() as u64) as usize;
        known.keys().nth(at).copied()
    }

    /// A lookout about a subject; each edition differs a little.
    fn lookout(&self, subject: usize, edition: u64) -> v1::Lookout {
        let mut message = self
            .subjects
            .get(subject % self.subjects.len().max(1))
            .map(|subject| convert::lookout_to(&subject.lookout))
            .unwrap_or_default();
        message.remarks = format!("edition {edition}");
        message
    }

    fn over(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }
}

/// One client at its desk.
struct Desk {
    office: Office,
    client: Client,
    user: String,
    rng: Rng,
    calls: u64,
}

impl Desk {
    /// Waits a drawn time before the next call; false when the day is over.
    async fn next(&mut self) -> bool {
        let longest = self.office.world.clients.pause_ms;
        tokio::time::sleep(Duration::from_millis(self.rng.between(5, longest.max(6)))).await;
        self.calls += 1;
        !self.office.over() && self.calls <= self.office.world.clients.calls
    }
}

/// The people of one process, by what they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Officer,
    Agency,
    Importer,
    Auditor,
    Analyst,
    Supervisor,
    Stranger,
    Personnel,
}

impl Role {
    /// Whose account it works with.
    fn user(self, number: u64) -> String {
        match self {
            Self::Importer => people::IMPORTER.to_string(),
            Self::Analyst => people::MAINTENANCE.to_string(),
            Self::Personnel => people::CONTROL[0].to_string(),
            other => format!("{other:?}-{number}").to_lowercase(),
        }
    }
}

/// Who works in which process.
pub fn staff(world: &World) -> Vec<(String, Vec<(Role, u64)>)> {
    let clients = &world.clients;
    let mut processes = Vec::new();
    for region in 0..world.regions {
        let officers = (0..clients.officers).filter(|officer| officer % world.regions == region);
        let officers: Vec<_> = officers.map(|officer| (Role::Officer, officer)).collect();
        if !officers.is_empty() {
            processes.push((format!("port-{region}"), officers));
        }
    }
    let mut desk: Vec<_> = (0..clients.agencies).map(|number| (Role::Agency, number)).collect();
    desk.extend((0..clients.importers).map(|number| (Role::Importer, number)));
    desk.extend((0..clients.auditors).map(|number| (Role::Auditor, number)));
    desk.extend((0..clients.analysts).map(|number| (Role::Analyst, number)));
    desk.extend((0..clients.supervisors).map(|number| (Role::Supervisor, number)));
    if world.gated {
        desk.extend((0..clients.strangers).map(|number| (Role::Stranger, number)));
        desk.push((Role::Personnel, 0));
    }
    processes.push(("headquarters".to_string(), desk));
    processes
}

/// What the clients of one process share.
#[derive(Clone)]
pub struct Means {
    pub network: Arc<Wire>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

/// A client of the whole cluster, with a certificate of its user in a gated world.
pub fn client_of(world: &World, user: &str, means: &Means, deadline: Duration) -> Option<Client> {
    let endpoints = (1..=world.nodes).map(host::address).collect();
    let purpose = if world.gated { people::purpose_of(user) } else { PURPOSE };
    let config = Config {
        deadline,
        attempt: Duration::from_millis(1_000),
        attempt_write: Duration::from_millis(2_000),
        acknowledges: world.gated.then(people::banner),
        ..Config::new(endpoints, user, people::AGENCY, people::STATION, purpose)
    };
    let network: Arc<dyn Network> = match people::certificate_name(user).filter(|_| world.gated) {
        Some(name) => means.network.shows(&name),
        None => means.network.clone(),
    };
    Client::connect(config, network, means.clock.clone(), means.entropy.clone()).ok()
}

/// Runs the people of one process.
pub async fn work(office: Office, staff: Vec<(Role, u64)>, means: Means) {
    // The cluster is set up first.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    while office.world.gated && !office.founded.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for (role, number) in staff {
        let deadline = if matches!(role, Role::Officer | Role::Stranger) { QUESTION_DEADLINE } else { CALL_DEADLINE };
        let user = role.user(number);
        let Some(client) = client_of(&office.world, &user, &means, deadline) else {
            office.trace.mark("a client without a configuration");
            continue;
        };
        let rng = Rng::new(office.world.seed, mix(role as u64 + 10, number));
        let desk = Desk { office: office.clone(), client, user, rng, calls: 0 };
        drop(match role {
            Role::Officer => tokio::spawn(officer::work(desk)),
            Role::Agency => tokio::spawn(agency::work(desk, number)),
            Role::Importer => tokio::spawn(importer::work(desk, number)),
            Role::Auditor => tokio::spawn(auditor::work(desk)),
            Role::Analyst => tokio::spawn(analyst::work(desk)),
            Role::Supervisor => tokio::spawn(supervisor::work(desk)),
            Role::Stranger => tokio::spawn(stranger::work(desk)),
            Role::Personnel => tokio::spawn(personnel::work(desk, means.clone())),
        });
    }
    std::future::pending::<()>().await;
}
