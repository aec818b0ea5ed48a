//! The people of a gated world: who has an account, by what role, and what the founding ceremony is held with.

use client::v1;
use model::access::function::Function;
use model::certificate::CertificateName;
use model::ids::{ClusterId, UserId};
use model::people::founding::proof;
use model::session::banner_digest;
use model::time::UnixMillis;
use sha2::{Digest, Sha256};

use crate::clock::EPOCH_MS;
use crate::world::World;

/// The cluster of every world.
pub const CLUSTER: ClusterId = ClusterId([9; 16]);
/// The agency that all are of.
pub const AGENCY: &str = "CBP";
/// Where all work.
pub const STATION: &str = "2404";
/// The one-time secret of the ceremony.
pub const SECRET: &[u8] = b"the simulation's ceremony";
/// Who assigns functions and suspends; the second is above the first.
pub const CONTROL: [&str; 2] = ["control-0", "control-1"];
/// Who proposes access policies, and who approves them.
pub const POLICY: [&str; 2] = ["policy-0", "policy-1"];
/// The supervisor, without whom no suspension is lifted.
pub const CHIEF: &str = "supervisor-0";
/// The account of everybody who looks after the cluster and the matching policies.
pub const MAINTENANCE: &str = "maintenance";
/// The account of those who bring in lists.
pub const IMPORTER: &str = "importer";
/// A class that nobody is in: no memorandum opens it.
pub const CLOSED_CLASS: &str = "C:CBP/ring";

/// Why officers at the desk ask, and why strangers do.
const DESK: &str = "desk";
pub const ROAMING: &str = "roaming";

use Function::*;

const ASKING: &[Function] = &[PrimaryQuery, SubjectQuery, RecordView, RecordHistory, RecordList];
const WRITING: &[Function] = &[LookoutCreate, LookoutUpdate, LookoutRemove];
const OVERRIDING: &[Function] = &[OverrideRecord, OverrideEnd, OverrideList];
const IMPORTING: &[Function] = &[ListImport];
const KEEPING: &[Function] = &[UserSuspend, UserReinstate, UserView, FunctionGrant, SessionEnd];

/// Roles with what they carry.
const ROLES: [(&str, &[&[Function]]); 9] = [
    ("officer", &[ASKING]),
    ("agency", &[ASKING, WRITING]),
    (IMPORTER, &[IMPORTING]),
    ("auditor", &[&[AuditRead, ClusterStatus]]),
    ("supervisor", &[ASKING, OVERRIDING, &[UserReinstate, UserView]]),
    (MAINTENANCE, &[&[ClusterStatus, ClusterAdministration, MatchingPolicies]]),
    // What else strangers may do comes and goes.
    ("stranger", &[&[SubjectQuery, RecordView]]),
    ("control", &[KEEPING, ASKING, WRITING, IMPORTING]),
    ("policy", &[&[AccessPolicies, UserView]]),
];

/// What control officers may assign.
const ASSIGNED: &[&[Function]] = &[ASKING, WRITING, IMPORTING];

/// Accounts, each with its role.
pub fn accounts(world: &World) -> Vec<(String, &'static str)> {
    let clients = &world.clients;
    let many = |role: &'static str, count: u64| (0..count).map(move |number| (format!("{role}-{number}"), role));
    let mut all: Vec<(String, &'static str)> = many("officer", clients.officers).collect();
    all.extend(many("agency", clients.agencies));
    all.extend(many("stranger", clients.strangers));
    all.extend(many("auditor", clients.auditors));
    all.extend([(IMPORTER.to_string(), IMPORTER), (MAINTENANCE.to_string(), MAINTENANCE)]);
    all.push((CHIEF.to_string(), "supervisor"));
    all.extend(CONTROL.map(|user| (user.to_string(), "control")));
    all.extend(POLICY.map(|user| (user.to_string(), "policy")));
    all
}

/// Who may be suspended: all but those without whom nobody is reinstated, no
/// policies are put, and no node is looked after.
pub fn suspended_at_times(world: &World) -> Vec<String> {
    let kept = |role: &str| matches!(role, "control" | "supervisor" | "policy" | MAINTENANCE);
    accounts(world).into_iter().filter(|(_, role)| !kept(role)).map(|(user, _)| user).collect()
}

/// Why somebody asks. Half of the officers sit at the desk, where what is hidden is not there at all.
pub fn purpose_of(user: &str) -> &'static str {
    match user.strip_prefix("officer-").and_then(|number| number.parse::<u64>().ok()) {
        Some(number) if number % 2 == 1 => DESK,
        _ if user.starts_with("stranger-") => ROAMING,
        _ => crate::workload::PURPOSE,
    }
}

/// What his certificate names a user.
pub fn certificate_name(user: &str) -> Option<String> {
    Some(CertificateName::user(CLUSTER, UserId::new(user).ok()?).to_string())
}

/// The banner that everybody acknowledges.
pub fn banner() -> String {
    model::ids::to_hex(&banner_digest())
}

/// What the ceremony is held with.
pub fn founding(world: &World) -> v1::FoundRequest {
    let texts = |functions: &[&[Function]]| functions.concat().iter().map(ToString::to_string).collect::<Vec<_>>();
    let day =
        UnixMillis(EPOCH_MS).before(2 * 24 * 60 * 60 * 1_000).day().map(|day| day.to_string()).unwrap_or_default();
    let founder = |(user, role): (String, &str)| {
        let control = role == "control";
        let category = match role {
            "control" => "control-officer",
            "supervisor" => "supervisor",
            "auditor" => "security-administrator",
            MAINTENANCE => "maintenance",
            _ => "general",
        };
        let above = if user == CONTROL[0] { CONTROL[1] } else { CONTROL[0] };
        v1::Founder {
            category: category.to_string(),
            roles: vec![role.to_string()],
            stations: vec![STATION.to_string()],
            datasets: vec!["tecs".to_string()],
            certificates: certificate_name(&user).into_iter().collect(),
            control_officer: above.to_string(),
            supervisors: if user == CHIEF { Vec::new() } else { vec![CHIEF.to_string()] },
            assigns: if control { texts(ASSIGNED) } else { Vec::new() },
            investigation: "bi".to_string(),
            investigation_completed: day.clone(),
            course_passed: day.clone(),
            name: format!("Simulated {user}"),
            user,
            ..Default::default()
        }
    };
    v1::FoundRequest {
        proof: proof(SECRET).to_vec(),
        agency: Some(v1::FoundingAgency {
            id: AGENCY.to_string(),
            name: "Simulated agency".to_string(),
            national_control_officers: CONTROL.map(str::to_string).to_vec(),
        }),
        roles: ROLES
            .iter()
            .map(|(role, functions)| v1::FoundingRole { id: role.to_string(), functions: texts(functions) })
            .collect(),
        founders: accounts(world).into_iter().map(founder).collect(),
        ..Default::default()
    }
}

/// A policy that shuts one function to strangers: the policies that are put in force differ by such ones. None may name a
/// person.
pub fn curfew(function: Function) -> String {
    format!(
        "\n@id(\"R11-curfew-{function}\") @code(\"FUNC\") @stage(\"function\")\nforbid (principal, action in \
         Action::\"service\", resource)\nwhen {{ context.purpose == \"{ROAMING}\" && context.function == \
         \"{function}\" }};\n"
    )
}

/// The policies without any of these.
pub fn without_curfews(text: &str) -> String {
    CURFEWS.into_iter().fold(text.to_string(), |text, function| text.replace(&curfew(function), ""))
}

/// SHA-256 of a text, by which its approval names it.
pub fn text_digest(text: &str) -> String {
    model::ids::to_hex(&Sha256::digest(text.as_bytes()))
}

/// What is sometimes shut to strangers so.
pub const CURFEWS: [Function; 3] = [SubjectQuery, RecordView, RecordList];
