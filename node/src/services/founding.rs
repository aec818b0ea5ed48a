//! The founding ceremony: the first accounts of a cluster, by who has the one-time secret (model/src/people/founding.rs).

use std::collections::{BTreeMap, BTreeSet};

use model::access::function::Function;
use model::access::principal::{BackgroundKind, Category};
use model::audit::event::EventKind;
use model::command::Command;
use model::command::people::founding::Bootstrap;
use model::error::Invalid;
use model::ids::{AgencyId, GroupId, PortId, RoleId, UserId};
use model::people::profile::{AccountState, AssignRight, Background, Profile, Standing};
use model::people::{Agency, Personal, Role};
use model::record::{Dataset, Stamp};
use model::time::UnixMillis;
use proto::v1 as message;
use tonic::{Request, Response, Status};

use super::lookouts::change_answer;
use super::v1::founding_server::Founding;
use super::{Api, Call, request_id};
use crate::audit::Released;
use crate::error::ApiError;
use crate::gate::{Admitted, Need};

const FOUND: Call = Call { name: "founding_found", kind: EventKind::Founding, need: Need::Identity };

impl Api {
    async fn found(
        &self,
        admitted: &Admitted,
        request: message::FoundRequest,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let id = request_id(&request.request_id)?;
        let proof = <[u8; 32]>::try_from(request.proof.as_slice())
            .map_err(|_| Invalid::new("proof", "must be 32 bytes: the SHA-256 of the secret".into()))?;
        let agency = request.agency.ok_or_else(|| Invalid::new("agency", "is missing".into()))?;
        let stamp = Stamp { by: admitted.caller.user.clone(), at: admitted.at };
        let roles: Result<Vec<Role>, Invalid> = request
            .roles
            .iter()
            .enumerate()
            .map(|(at, role)| role_of(role, &stamp).map_err(|error| error.within(&format!("roles[{at}]"))))
            .collect();
        let of = AgencyId::new(&agency.id).map_err(|error| Invalid::new("agency.id", error.reason))?;
        let mut founders = Vec::new();
        for (at, founder) in request.founders.iter().enumerate() {
            let within = |error: Invalid| error.within(&format!("founders[{at}]"));
            let user = UserId::new(&founder.user).map_err(|error| within(Invalid::new("user", error.reason)))?;
            let name = if founder.name.is_empty() { &founder.user } else { &founder.name };
            let (_, personal) =
                self.0.records.personal(&user, &Personal { name: name.clone(), contact: None, badge: None })?;
            founders.push(profile_of(founder, &of, &stamp, personal).map_err(within)?);
        }
        let agency = Agency {
            id: of,
            name: agency.name,
            external: false,
            operator: true,
            national: codes("agency.national_control_officers", &agency.national_control_officers, UserId::new)?,
            accepts_level_one: true,
            active: true,
            epoch: 0,
            version: 1,
        };
        let event = self.change_event(admitted, FOUND.kind, id)?;
        let command = Command::Bootstrap(Bootstrap { proof, agency, roles: roles?, founders, event });
        change_answer(self.propose(GroupId::Directory, admitted, id, command).await?, Vec::new())
    }
}

fn codes<T: Ord>(
    field: &str,
    texts: &[String],
    read: impl Fn(&str) -> Result<T, Invalid>,
) -> Result<BTreeSet<T>, Invalid> {
    let read =
        |(at, text): (usize, &String)| read(text).map_err(|error| Invalid::new(format!("{field}[{at}]"), error.reason));
    texts.iter().enumerate().map(read).collect()
}

fn functions(field: &str, texts: &[String]) -> Result<BTreeSet<Function>, Invalid> {
    codes(field, texts, |text| {
        Function::from_code(text).ok_or_else(|| Invalid::new(field, format!("`{text}` is no service function")))
    })
}

fn role_of(role: &message::FoundingRole, stamp: &Stamp) -> Result<Role, Invalid> {
    let id = RoleId::new(&role.id).map_err(|error| Invalid::new("id", error.reason))?;
    Ok(Role { id, functions: functions("functions", &role.functions)?, put: stamp.clone(), version: 1 })
}

/// When something was passed: the beginning of a day, UTC.
fn passed(field: &str, text: &str) -> Result<UnixMillis, Invalid> {
    UnixMillis::of_day(text).ok_or_else(|| Invalid::new(field, "must be a day: 2026-01-31".into()))
}

fn profile_of(
    founder: &message::Founder,
    agency: &AgencyId,
    stamp: &Stamp,
    personal: model::seal::Sealed,
) -> Result<Profile, Invalid> {
    let unknown = |field: &str, text: &str| Invalid::new(field, format!("`{text}` is not one that there is"));
    let category = Category::from_code(&founder.category).ok_or_else(|| unknown("category", &founder.category))?;
    let kind = BackgroundKind::from_code(&founder.investigation)
        .ok_or_else(|| unknown("investigation", &founder.investigation))?;
    let completed = passed("investigation_completed", &founder.investigation_completed)?;
    let datasets =
        codes("datasets", &founder.datasets, |text| Dataset::from_code(text).ok_or_else(|| unknown("datasets", text)))?;
    let ncic = (!founder.ncic_passed.is_empty()).then(|| passed("ncic_passed", &founder.ncic_passed)).transpose()?;
    let standing = Standing {
        background: Some(Background { kind, completed, adjudicated: true }),
        opr_hold: false,
        course_passed: Some(passed("course_passed", &founder.course_passed)?),
        ncic_passed: ncic,
        certified_at: Some(stamp.at),
        national: !founder.foreign_service_national,
        foreign_service_national: founder.foreign_service_national,
    };
    let given =
        |codes: BTreeSet<RoleId>| codes.into_iter().map(|code| (code, stamp.clone())).collect::<BTreeMap<_, _>>();
    let own = functions("functions", &founder.functions)?;
    let right = |function: &Function, dataset: &Dataset| AssignRight {
        function: *function,
        agency: agency.clone(),
        dataset: *dataset,
    };
    let assigns = functions("assigns", &founder.assigns)?;
    let above = match founder.control_officer.as_str() {
        "" => None,
        text => Some(UserId::new(text).map_err(|error| Invalid::new("control_officer", error.reason))?),
    };
    Ok(Profile {
        user: UserId::new(&founder.user).map_err(|error| Invalid::new("user", error.reason))?,
        agency: agency.clone(),
        category,
        state: AccountState::Active(stamp.clone()),
        standing,
        control_officer: above,
        supervisors: codes("supervisors", &founder.supervisors, UserId::new)?,
        stations: codes("stations", &founder.stations, PortId::new)?,
        roles: given(codes("roles", &founder.roles, RoleId::new)?),
        functions: own.into_iter().map(|function| (function, stamp.clone())).collect(),
        transactions: Vec::new(),
        frozen: false,
        assign: assigns.iter().flat_map(|function| datasets.iter().map(|dataset| right(function, dataset))).collect(),
        datasets,
        proposed_assign: None,
        certificates: founder.certificates.iter().cloned().collect(),
        personal,
        requested: stamp.clone(),
        last_activity: stamp.at,
        epoch: 0,
        version: 1,
    })
}

#[tonic::async_trait]
impl Founding for Api {
    async fn found(
        &self,
        request: Request<message::FoundRequest>,
    ) -> Result<Response<Released<message::ChangeResponse>>, Status> {
        self.serve(FOUND, request, async |admitted, request| Api::found(self, admitted, request).await).await
    }
}
