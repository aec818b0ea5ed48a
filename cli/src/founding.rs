//! The file that a founding ceremony is held with: the agency that runs the system, its roles, its first accounts.

use client::v1;
use model::access::function::Function;
use model::people::founding::proof;
use serde::{Deserialize, Serialize};

use crate::error::CliError;

/// The form of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Founding {
    pub agency: Agency,
    pub roles: Vec<Role>,
    pub founders: Vec<Founder>,
}

/// The agency that runs the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agency {
    pub id: String,
    pub name: String,
    pub national_control_officers: Vec<String>,
}

/// A role with its functions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    pub id: String,
    pub functions: Vec<Function>,
}

/// A first account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Founder {
    pub user: String,
    #[serde(default)]
    pub name: String,
    pub category: String,
    #[serde(default)]
    pub roles: Vec<String>,
    #[serde(default)]
    pub functions: Vec<Function>,
    pub stations: Vec<String>,
    pub datasets: Vec<String>,
    /// Names of certificates that are his.
    #[serde(default)]
    pub certificates: Vec<String>,
    #[serde(default)]
    pub control_officer: String,
    #[serde(default)]
    pub supervisors: Vec<String>,
    /// What a control officer may assign.
    #[serde(default)]
    pub assigns: Vec<Function>,
    pub investigation: String,
    pub investigation_completed: String,
    pub course_passed: String,
    #[serde(default)]
    pub ncic_passed: String,
    #[serde(default)]
    pub foreign_service_national: bool,
}

/// The file's form, as `--help` shows it.
pub const FORM: &str = r#"The founders' file (JSON):
  {"agency": {"id": "CBP", "name": "...", "national_control_officers": ["nco-1", "nco-2"]},
   "roles": [{"id": "primary-officer", "functions": ["primary-query", "record-view"]}],
   "founders": [{"user": "nco-1", "category": "control-officer", "roles": [], "functions": ["function-grant"],
     "stations": ["2404"], "datasets": ["tecs"], "assigns": ["primary-query"], "control_officer": "", "supervisors": [],
     "certificates": [], "investigation": "bi", "investigation_completed": "2026-01-31", "course_passed": "2026-02-01"}]}
Name at least two national control officers, a supervisor, and somebody else who approves accounts: one alone can do nothing
that takes two, and nobody can be added before they act together."#;

impl Founding {
    /// The request, with the proof of the one-time secret.
    pub fn to_message(&self, secret: &[u8]) -> v1::FoundRequest {
        let codes = |functions: &[Function]| functions.iter().map(ToString::to_string).collect();
        let role = |role: &Role| v1::FoundingRole { id: role.id.clone(), functions: codes(&role.functions) };
        let founder = |it: &Founder| v1::Founder {
            user: it.user.clone(),
            name: it.name.clone(),
            category: it.category.clone(),
            roles: it.roles.clone(),
            functions: codes(&it.functions),
            stations: it.stations.clone(),
            datasets: it.datasets.clone(),
            certificates: it.certificates.clone(),
            control_officer: it.control_officer.clone(),
            supervisors: it.supervisors.clone(),
            assigns: codes(&it.assigns),
            investigation: it.investigation.clone(),
            investigation_completed: it.investigation_completed.clone(),
            course_passed: it.course_passed.clone(),
            ncic_passed: it.ncic_passed.clone(),
            foreign_service_national: it.foreign_service_national,
        };
        v1::FoundRequest {
            request_id: String::new(),
            proof: proof(secret).to_vec(),
            agency: Some(v1::FoundingAgency {
                id: self.agency.id.clone(),
                name: self.agency.name.clone(),
                national_control_officers: self.agency.national_control_officers.clone(),
            }),
            roles: self.roles.iter().map(role).collect(),
            founders: self.founders.iter().map(founder).collect(),
        }
    }

    /// Reads the file.
    pub fn read(path: &std::path::Path) -> Result<Self, CliError> {
        let text = std::fs::read_to_string(path).map_err(|error| CliError::path(path, error))?;
        serde_json::from_str(&text).map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))
    }
}
