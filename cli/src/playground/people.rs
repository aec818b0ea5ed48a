//! The people of a playground: an agency with everybody whom its commands take, founded when the cluster first serves.

use model::access::function::Function;
use model::certificate::CertificateName;
use model::ids::{ClusterId, UserId};
use model::time::UnixMillis;

use crate::error::CliError;
use crate::founding::{Agency, Founder, Founding, Role};

pub const AGENCY: &str = "CBP";
pub const STATION: &str = "2404";

/// Somebody with a certificate, a context and an account of his own.
pub struct Person {
    pub user: &'static str,
    category: &'static str,
    /// Why he asks.
    pub purpose: &'static str,
    /// What his role carries, by what it is for.
    duties: &'static [&'static [Function]],
}

impl Person {
    /// What his role carries.
    pub fn duties(&self) -> Vec<Function> {
        self.duties.concat()
    }
}

use Function::*;

/// Questions, and what they find.
const ASKING: &[Function] =
    &[PrimaryQuery, SubjectQuery, BatchVetting, RecordView, RecordHistory, RecordList, MatchingCompare];
const WRITING: &[Function] = &[LookoutCreate, LookoutUpdate, LookoutRemove, OverrideRecord, OverrideEnd, OverrideList];
const IMPORTING: &[Function] = &[ListImport];
const APPROVING: &[Function] = &[LookoutApprove, UserReinstate, UserView];
/// The accounts of others.
const KEEPING: &[Function] =
    &[UserRequest, UserCertify, UserSuspend, UserReinstate, UserClose, UserView, FunctionGrant, SessionEnd];

/// What control officers of a playground may assign, and so must hold (R21).
const ASSIGNED: &[&[Function]] = &[ASKING, WRITING, IMPORTING, &[LookoutApprove]];
const CONTROL_OFFICER: &[&[Function]] = &[KEEPING, ASKING, WRITING, IMPORTING, &[LookoutApprove]];

/// Everybody; the first one's is the context of the cluster.
pub const PEOPLE: [Person; 10] = [
    Person { user: "officer", category: "general", purpose: "primary", duties: &[ASKING, WRITING, IMPORTING] },
    Person { user: "supervisor", category: "supervisor", purpose: "primary", duties: &[ASKING, WRITING, APPROVING] },
    Person {
        user: "administrator",
        category: "maintenance",
        purpose: "administration",
        duties: &[&[ClusterStatus, ClusterAdministration, MatchingPolicies]],
    },
    Person {
        user: "auditor",
        category: "security-administrator",
        purpose: "audit",
        duties: &[&[AuditRead, SessionEnd, ClusterStatus, UserView]],
    },
    Person { user: "control-officer", category: "control-officer", purpose: "administration", duties: CONTROL_OFFICER },
    Person {
        user: "control-officer-2",
        category: "control-officer",
        purpose: "administration",
        duties: CONTROL_OFFICER,
    },
    Person {
        user: "registrar",
        category: "general",
        purpose: "administration",
        duties: &[&[UserApprove, StandingRecord, AgencyAdministration, AgreementDraft, UserView]],
    },
    Person {
        user: "privacy-officer",
        category: "general",
        purpose: "administration",
        duties: &[&[AgreementReview, UserView]],
    },
    Person {
        user: "custodian",
        category: "general",
        purpose: "administration",
        duties: &[&[AgreementApprove, MemorandumAccept, AccessPolicies, UserView]],
    },
    Person {
        user: "policy-officer",
        category: "general",
        purpose: "administration",
        duties: &[&[AccessPolicies, UserView]],
    },
];

/// A day before now, so that investigation and course have been passed when the ceremony is held.
fn yesterday(now: UnixMillis) -> String {
    now.before(24 * 60 * 60 * 1_000).day().map(|day| day.to_string()).unwrap_or_default()
}

/// What the ceremony is held with.
pub fn founding(cluster: ClusterId, now: UnixMillis) -> Result<Founding, CliError> {
    let day = yesterday(now);
    let officer = "control-officer";
    let founder = |person: &Person| -> Result<Founder, CliError> {
        let control = person.category == officer;
        let above = if person.user == officer { "control-officer-2" } else { officer };
        let supervisor = (person.user != "supervisor" && !control).then(|| "supervisor".to_string());
        Ok(Founder {
            user: person.user.to_string(),
            name: format!("Playground {}", person.user),
            category: person.category.to_string(),
            roles: vec![person.user.to_string()],
            stations: vec![STATION.to_string()],
            datasets: vec!["tecs".to_string()],
            certificates: vec![CertificateName::user(cluster, UserId::new(person.user)?).to_string()],
            control_officer: above.to_string(),
            supervisors: supervisor.into_iter().collect(),
            assigns: if control { ASSIGNED.concat() } else { Vec::new() },
            investigation: "bi".to_string(),
            investigation_completed: day.clone(),
            course_passed: day.clone(),
            ..Founder::default()
        })
    };
    let role = |person: &Person| Role { id: person.user.to_string(), functions: person.duties() };
    Ok(Founding {
        agency: Agency {
            id: AGENCY.to_string(),
            name: "U.S. Customs and Border Protection (playground)".to_string(),
            national_control_officers: vec![officer.to_string(), "control-officer-2".to_string()],
        },
        roles: PEOPLE.iter().map(role).collect(),
        founders: PEOPLE.iter().map(founder).collect::<Result<_, _>>()?,
    })
}
