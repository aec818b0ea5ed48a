//! The founders of a test cluster, proposed to its directory as a node proposes, and calls about people and powers by them.
//!
//! `root` and `second` are national control officers, `sco` keeps accounts, `boss` supervises, `desk`, `opr`, `privacy`,
//! `head`, `jurist` and `custodian` administer. All are of CBP, which runs the system.

use std::collections::{BTreeMap, BTreeSet};

use model::access::function::Function;
use model::access::principal::{BackgroundKind, Category};
use model::audit::event::{EventDraft, EventHeader, EventKind, EventPayload};
use model::codec;
use model::command::people::founding::Bootstrap;
use model::command::{Command, Outcome};
use model::envelope::{Caller, Envelope};
use model::ids::{AgencyId, GroupId, NodeId, PortId, Purpose, UserId};
use model::people::founding::proof;
use model::people::profile::{AccountState, AssignRight, Background, Profile, Standing};
use model::people::{Agency, Ceremony, Party, Personal};
use model::record::{Dataset, Stamp};
use model::seal::{Scope, Sealed};
use model::time::{Clock, Entropy, UnixMillis};
use portcullis_node::env::{SystemClock, SystemEntropy};
use proto::peer;
use proto::peer::peer_client::PeerClient;
use proto::v1;
use tonic::Status;
use tonic::transport::Channel;

use super::{CLUSTER, Cluster, asked_by, keyring, new_id, until};
use Category::{ControlOfficer, General, Supervisor};
use Function::*;

const SECRET: &[u8] = b"the secret of the ceremony";
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const KEEPING: [Function; 7] =
    [UserRequest, UserCertify, UserSuspend, UserReinstate, UserClose, FunctionGrant, UserView];

fn user(text: &str) -> UserId {
    UserId::new(text).unwrap()
}

fn sealed(scope: Scope, plain: &[u8]) -> Sealed {
    let mut nonce = [0; 12];
    SystemEntropy.fill(&mut nonce);
    keyring().seal(scope, nonce, plain).unwrap()
}

fn founder(id: &str, category: Category, functions: &[Function], now: UnixMillis) -> Profile {
    let before = now.before(DAY_MS);
    let stamp = Stamp { by: user("root"), at: before };
    let (control_officer, supervisors) = match category {
        ControlOfficer => (None, BTreeSet::new()),
        _ => (Some(user("sco")), BTreeSet::new()),
    };
    let cbp = AgencyId::new("CBP").unwrap();
    let right = |function: &Function| AssignRight { function: *function, agency: cbp.clone(), dataset: Dataset::Tecs };
    let assign = if id == "sco" { [PrimaryQuery, RecordView].iter().map(right).collect() } else { BTreeSet::new() };
    let personal = Personal { name: format!("Holder of {id}"), contact: None, badge: None };
    let scope = Scope::Account(Party::User(user(id)).object());
    Profile {
        user: user(id),
        agency: cbp,
        category,
        state: AccountState::Active(stamp.clone()),
        standing: Standing {
            background: Some(Background { kind: BackgroundKind::Full, completed: before, adjudicated: true }),
            opr_hold: false,
            course_passed: Some(before),
            ncic_passed: None,
            certified_at: Some(before),
            national: true,
            foreign_service_national: false,
        },
        control_officer,
        supervisors,
        stations: BTreeSet::new(),
        datasets: BTreeSet::from([Dataset::Tecs]),
        roles: BTreeMap::new(),
        functions: functions.iter().map(|function| (*function, stamp.clone())).collect(),
        transactions: Vec::new(),
        frozen: false,
        assign,
        proposed_assign: None,
        certificates: BTreeSet::new(),
        personal: sealed(scope, &codec::encode(&personal).unwrap()),
        requested: stamp,
        last_activity: before,
        epoch: 0,
        version: 1,
    }
}

fn founders(now: UnixMillis) -> Vec<Profile> {
    let kept = [KEEPING.as_slice(), &[PrimaryQuery, RecordView]].concat();
    vec![
        founder("root", ControlOfficer, &KEEPING, now),
        founder("second", ControlOfficer, &KEEPING, now),
        founder("sco", ControlOfficer, &kept, now),
        founder("boss", Supervisor, &[UserRequest, UserReinstate, UserView], now),
        founder("desk", General, &[UserApprove, AgreementDraft, AgencyAdministration, UserView], now),
        founder("opr", General, &[StandingRecord, UserSuspend, UserView], now),
        founder("privacy", General, &[AgreementReview, UserView], now),
        founder("head", General, &[AgreementApprove, AccessPolicies, UserView], now),
        founder("jurist", General, &[AccessPolicies, UserView], now),
        founder("custodian", General, &[MemorandumAccept, UserView], now),
    ]
}

impl Cluster {
    /// Has the leader of the directory propose, as a node would.
    async fn found_by(&self, command: Command, request: model::ids::RequestId) -> Outcome {
        let envelope = Envelope { request, caller: None, decision: None, time: UnixMillis(0), command };
        let mut outcome = None;
        until("the directory has a leader", async || {
            for (node, address) in &self.members {
                let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
                let route = peer::Route {
                    cluster: CLUSTER.0.to_vec().into(),
                    from: if *node == NodeId(1) { 2 } else { 1 },
                    to: node.0,
                    group: GroupId::Directory.number(),
                    clock_ms: SystemClock.now().0,
                    key_check: keyring().check().0.to_vec().into(),
                };
                let envelope = codec::encode(&envelope).unwrap().into();
                let propose = peer::ProposeRequest { route: Some(route), envelope };
                let reply = PeerClient::new(channel).propose(propose).await.unwrap().into_inner();
                if reply.fault.is_none() {
                    let found: Outcome = codec::decode(&reply.outcome).unwrap();
                    outcome = Some(found);
                    return true;
                }
            }
            false
        })
        .await;
        outcome.unwrap()
    }

    /// Starts a cluster and holds its founding ceremony.
    pub fn founded() -> Self {
        let cluster = Self::start();
        let now = SystemClock.now();
        let caller = Caller {
            user: user("root"),
            agency: AgencyId::new("CBP").unwrap(),
            port: PortId::new("2404").unwrap(),
            purpose: Purpose::new("founding").unwrap(),
            node: NodeId(1),
        };
        let agency = Agency {
            id: caller.agency.clone(),
            name: "Customs and Border Protection".into(),
            external: false,
            operator: true,
            national: BTreeSet::from([user("root"), user("second")]),
            accepts_level_one: true,
            active: true,
            epoch: 0,
            version: 1,
        };
        let request = new_id();
        let header = EventHeader::new(EventKind::Administration, request, &caller, now);
        let event = EventDraft {
            payload: sealed(Scope::Event(header.id), &EventPayload::default().to_cbor()),
            header,
            tokens: Vec::new(),
        };
        let founders = founders(now);
        let bootstrap = Bootstrap { proof: proof(SECRET), agency, roles: Vec::new(), founders, event };
        cluster.runtime.block_on(async {
            let ceremony = Command::InitialiseCeremony(Ceremony::of(SECRET));
            let set = cluster.found_by(ceremony, model::ids::RequestId([0; 16])).await;
            assert!(matches!(set, Outcome::Done(())), "{set:?}");
            let mut founded = None;
            // The directory may not know the cluster's constants yet.
            until("the cluster is founded", async || {
                let outcome = cluster.found_by(Command::Bootstrap(bootstrap.clone()), request).await;
                let done = matches!(outcome, Outcome::Changed(_));
                founded = Some(outcome);
                done
            })
            .await;
        });
        cluster
    }
}

/// Somebody who calls a node.
#[derive(Clone)]
pub struct Person {
    channel: Channel,
    user: String,
    agency: String,
}

/// A client of a service that asks as somebody.
macro_rules! call {
    ($person:expr, $module:ident :: $client:ident . $method:ident ( $message:expr )) => {{
        let person: &$crate::cluster::people::Person = $person;
        let request = person.asked($message);
        proto::v1::$module::$client::new(person.channel()).$method(request).await.map(|answer| answer.into_inner())
    }};
}
#[allow(unused_imports, reason = "each test uses its part")]
pub(crate) use call;

impl Person {
    /// Somebody of CBP.
    pub fn new(channel: &Channel, user: &str) -> Self {
        Self::of(channel, user, "CBP")
    }

    /// Somebody of an agency.
    pub fn of(channel: &Channel, user: &str, agency: &str) -> Self {
        Self { channel: channel.clone(), user: user.into(), agency: agency.into() }
    }

    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub fn asked<T>(&self, message: T) -> tonic::Request<T> {
        asked_by((&self.user, &self.agency, "test"), message)
    }

    /// Reads an account.
    pub async fn sees(&self, whom: &str) -> Result<v1::UserRecord, Status> {
        call!(self, users_client::UsersClient.get(v1::GetUserRequest { user: whom.into() }))
    }

    /// Changes an account from a version.
    pub async fn changes_from(
        &self,
        whom: &str,
        expected_version: u64,
        change: v1::change_user_request::Change,
    ) -> Result<v1::ChangeResponse, Status> {
        let (request_id, user) = (new_id().to_string(), whom.to_string());
        let message = v1::ChangeUserRequest { request_id, user, expected_version, change: Some(change) };
        call!(self, users_client::UsersClient.change(message))
    }

    /// Changes an account as it is now.
    pub async fn changes(
        &self,
        whom: &str,
        change: v1::change_user_request::Change,
    ) -> Result<v1::ChangeResponse, Status> {
        let version = Person { user: "root".into(), agency: "CBP".into(), ..self.clone() }.sees(whom).await?.version;
        self.changes_from(whom, version, change).await
    }

    /// Asks for an account that is to be kept by `sco`.
    pub async fn requests(&self, whom: &str, agency: &str) -> Result<v1::ChangeResponse, Status> {
        let personal = v1::Personal { name: "Ann Lee".into(), contact: "ann@example".into(), badge: String::new() };
        let message = v1::RequestUserRequest {
            request_id: new_id().to_string(),
            user: whom.into(),
            agency: agency.into(),
            category: "general".into(),
            control_officer: "sco".into(),
            supervisors: if agency == "CBP" { vec!["boss".into()] } else { Vec::new() },
            stations: vec!["2404".into()],
            datasets: vec!["tecs".into()],
            certificates: vec![format!("CN={whom}")],
            personal: Some(personal),
        };
        call!(self, users_client::UsersClient.request(message))
    }
}

/// The stable code of a refusal, and the rule that its text begins with.
pub fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    let status = answer.expect_err("it is refused");
    let code = status.metadata().get(proto::metadata::CODE).unwrap().to_str().unwrap().to_string();
    match status.message().split_once(':') {
        Some((rule, _)) if rule.starts_with('R') => format!("{code} {rule}"),
        _ => code,
    }
}
