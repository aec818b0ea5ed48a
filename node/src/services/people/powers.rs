//! Agencies and roles: put, read, list. Whoever may read at all sees every one of them: they name no holder of an account but
//! the national control officers.

use model::audit::event::ResultRef;
use model::command::Command;
use model::command::people::agency::PutAgency;
use model::command::people::role::PutRole;
use model::ids::{AgencyId, RecordId, RoleId};
use model::people::{Agency, Party, Role};
use proto::convert::people::{agency, agency_from, agency_to, functions, role, role_to};
use proto::v1 as message;
use tonic::{Request, Response, Status};

use super::{calls, page_after, result_of};
use crate::audit::Released;
use crate::error::ApiError;
use crate::gate::Admitted;
use crate::services::v1::agencies_server::Agencies;
use crate::services::v1::roles_server::Roles;
use crate::services::{Api, page_size};

fn of_agency(agency: &Agency) -> ResultRef {
    result_of(Party::Agency(agency.id.clone()).object(), agency.version)
}

fn of_role(role: &Role) -> ResultRef {
    result_of(RecordId::of_object("role", role.id.as_str()), role.version)
}

impl Api {
    async fn put_agency(
        &self,
        admitted: &Admitted,
        request: message::PutAgencyRequest,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let (agency, expected_version) = (agency_from(request.agency)?, request.expected_version);
        self.change_powers(calls::AGENCY_PUT, admitted, &request.request_id, |event| {
            Command::PutAgency(PutAgency { agency, expected_version, event })
        })
        .await
    }

    async fn get_agency(
        &self,
        admitted: &Admitted,
        request: message::GetAgencyRequest,
    ) -> Result<Released<message::AgencyRecord>, ApiError> {
        let id = agency("agency", &request.agency)?;
        self.reader(calls::AGENCY_GET, admitted).await?;
        let found = self.directory(admitted, |state| state.agency(&id)).await?.ok_or(ApiError::NoRecord)?;
        let body = message::AgencyRecord { agency: Some(agency_to(&found)), audit: None };
        self.release_powers(calls::AGENCY_GET, admitted, body, vec![of_agency(&found)]).await
    }

    async fn list_agencies(
        &self,
        admitted: &Admitted,
        request: message::ListAgenciesRequest,
    ) -> Result<Released<message::ListAgenciesResponse>, ApiError> {
        let (size, after) = (page_size(request.page_size)?, page_after(&request.page_token, AgencyId::new)?);
        self.reader(calls::AGENCY_LIST, admitted).await?;
        let page = self.directory(admitted, |state| state.agencies(after.as_ref(), size)).await?;
        let next = page.rows.last().filter(|_| page.cut);
        let body = message::ListAgenciesResponse {
            agencies: page.rows.iter().map(agency_to).collect(),
            next_page_token: next.map(|agency| agency.id.to_string()).unwrap_or_default(),
            audit: None,
        };
        self.release_powers(calls::AGENCY_LIST, admitted, body, page.rows.iter().map(of_agency).collect()).await
    }

    async fn put_role(
        &self,
        admitted: &Admitted,
        request: message::PutRoleRequest,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let (role, functions) = (role("role", &request.role)?, functions("functions", &request.functions)?);
        let expected_version = request.expected_version;
        self.change_powers(calls::ROLE_PUT, admitted, &request.request_id, |event| {
            Command::PutRole(PutRole { role, functions, expected_version, event })
        })
        .await
    }

    async fn get_role(
        &self,
        admitted: &Admitted,
        request: message::GetRoleRequest,
    ) -> Result<Released<message::RoleRecord>, ApiError> {
        let id = role("role", &request.role)?;
        self.reader(calls::ROLE_GET, admitted).await?;
        let read = |state: raft::machine::State<'_>| match request.version {
            0 => state.role(&id),
            version => state.role_version(&id, version),
        };
        let found = self.directory(admitted, read).await?.ok_or(ApiError::NoRecord)?;
        let body = message::RoleRecord { role: Some(role_to(&found)), audit: None };
        self.release_powers(calls::ROLE_GET, admitted, body, vec![of_role(&found)]).await
    }

    async fn list_roles(
        &self,
        admitted: &Admitted,
        request: message::ListRolesRequest,
    ) -> Result<Released<message::ListRolesResponse>, ApiError> {
        let (size, after) = (page_size(request.page_size)?, page_after(&request.page_token, RoleId::new)?);
        self.reader(calls::ROLE_LIST, admitted).await?;
        let page = self.directory(admitted, |state| state.roles(after.as_ref(), size)).await?;
        let next = page.rows.last().filter(|_| page.cut);
        let body = message::ListRolesResponse {
            roles: page.rows.iter().map(role_to).collect(),
            next_page_token: next.map(|role| role.id.to_string()).unwrap_or_default(),
            audit: None,
        };
        self.release_powers(calls::ROLE_LIST, admitted, body, page.rows.iter().map(of_role).collect()).await
    }
}

#[tonic::async_trait]
impl Agencies for Api {
    async fn put(
        &self,
        request: Request<message::PutAgencyRequest>,
    ) -> Result<Response<Released<message::ChangeResponse>>, Status> {
        self.serve(calls::AGENCY_PUT, request, async |admitted, request| self.put_agency(admitted, request).await).await
    }

    async fn get(
        &self,
        request: Request<message::GetAgencyRequest>,
    ) -> Result<Response<Released<message::AgencyRecord>>, Status> {
        self.serve(calls::AGENCY_GET, request, async |admitted, request| self.get_agency(admitted, request).await).await
    }

    async fn list(
        &self,
        request: Request<message::ListAgenciesRequest>,
    ) -> Result<Response<Released<message::ListAgenciesResponse>>, Status> {
        self.serve(calls::AGENCY_LIST, request, async |admitted, request| self.list_agencies(admitted, request).await)
            .await
    }
}

#[tonic::async_trait]
impl Roles for Api {
    async fn put(
        &self,
        request: Request<message::PutRoleRequest>,
    ) -> Result<Response<Released<message::ChangeResponse>>, Status> {
        self.serve(calls::ROLE_PUT, request, async |admitted, request| self.put_role(admitted, request).await).await
    }

    async fn get(
        &self,
        request: Request<message::GetRoleRequest>,
    ) -> Result<Response<Released<message::RoleRecord>>, Status> {
        self.serve(calls::ROLE_GET, request, async |admitted, request| self.get_role(admitted, request).await).await
    }

    async fn list(
        &self,
        request: Request<message::ListRolesRequest>,
    ) -> Result<Response<Released<message::ListRolesResponse>>, Status> {
        self.serve(calls::ROLE_LIST, request, async |admitted, request| self.list_roles(admitted, request).await).await
    }
}
