//! Accounts: request, change, read, list.

use model::access::standing::standing_denials;
use model::command::Command;
use model::command::people::request::RequestUser;
use model::command::people::user::ChangeUser;
use model::ids::{AgencyId, UserId};
use model::people::{Party, Profile};
use proto::convert::people::{account_from, change_from, personal_from, user, user_to};
use proto::v1 as message;
use tonic::{Request, Response, Status};

use super::{calls, page_after, result_of, seen};
use crate::audit::Released;
use crate::error::ApiError;
use crate::gate::Admitted;
use crate::services::v1::users_server::Users;
use crate::services::{Api, Call, page_size};

fn of(profile: &Profile) -> model::audit::event::ResultRef {
    result_of(Party::User(profile.user.clone()).object(), profile.version)
}

impl Api {
    async fn request_user(
        &self,
        admitted: &Admitted,
        request: message::RequestUserRequest,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let personal = personal_from(request.personal.clone())?;
        let (content, personal) = self.0.records.personal(&user("user", &request.user)?, &personal)?;
        let draft = account_from(&request, content)?;
        self.change_powers(calls::USER_REQUEST, admitted, &request.request_id, |event| {
            Command::RequestUser(RequestUser { draft, personal, event })
        })
        .await
    }

    async fn change_user(
        &self,
        call: Call,
        admitted: &Admitted,
        request: message::ChangeUserRequest,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let (user, change) = (user("user", &request.user)?, change_from(request.change)?);
        let expected_version = seen(request.expected_version)?;
        self.change_powers(call, admitted, &request.request_id, |event| {
            Command::ChangeUser(ChangeUser { user, change, expected_version, event })
        })
        .await
    }

    async fn get_user(
        &self,
        admitted: &Admitted,
        request: message::GetUserRequest,
    ) -> Result<Released<message::UserRecord>, ApiError> {
        let user = user("user", &request.user)?;
        let reader = self.reader(calls::USER_GET, admitted).await?;
        let read = |state: raft::machine::State<'_>| match state.profile(&user)? {
            Some(profile) => Ok(state.facts_of(&profile, admitted.at)?.map(|facts| (profile, facts.principal))),
            None => Ok(None),
        };
        let found = self.directory(admitted, read).await?;
        let found = found.filter(|(profile, _)| reader.viewer().sees_account(profile));
        let (profile, principal) = found.ok_or(ApiError::NoRecord)?;
        let personal = self.0.records.open_personal(&profile)?;
        let body = user_to(&profile, Some(&personal), &standing_denials(&principal, admitted.at));
        self.release_powers(calls::USER_GET, admitted, body, vec![of(&profile)]).await
    }

    async fn list_users(
        &self,
        admitted: &Admitted,
        request: message::ListUsersRequest,
    ) -> Result<Released<message::ListUsersResponse>, ApiError> {
        let size = page_size(request.page_size)?;
        let after = page_after(&request.page_token, UserId::new)?;
        let agency = if request.agency.is_empty() { None } else { Some(AgencyId::new(&request.agency)?) };
        let reader = self.reader(calls::USER_LIST, admitted).await?;
        let shows = |profile: &Profile| {
            agency.as_ref().is_none_or(|agency| profile.agency == *agency) && reader.viewer().sees_account(profile)
        };
        let (profiles, next) = self.seen_rows(
            admitted,
            (after, size),
            |state, after, limit| state.profiles(after, limit),
            |profile| profile.user.clone(),
            shows,
        )?;
        let brief = |profile: &Profile| {
            // What a control officer may assign is long, and in the account itself.
            let (assign, proposed_assign) = (Vec::new(), Vec::new());
            message::UserRecord { assign, proposed_assign, ..user_to(profile, None, &[]) }
        };
        let body = message::ListUsersResponse {
            users: profiles.iter().map(brief).collect(),
            next_page_token: next.map(|user| user.to_string()).unwrap_or_default(),
            audit: None,
        };
        self.release_powers(calls::USER_LIST, admitted, body, profiles.iter().map(of).collect()).await
    }
}

#[tonic::async_trait]
impl Users for Api {
    async fn request(
        &self,
        request: Request<message::RequestUserRequest>,
    ) -> Result<Response<Released<message::ChangeResponse>>, Status> {
        self.serve(calls::USER_REQUEST, request, async |admitted, request| self.request_user(admitted, request).await)
            .await
    }

    async fn change(
        &self,
        request: Request<message::ChangeUserRequest>,
    ) -> Result<Response<Released<message::ChangeResponse>>, Status> {
        let call = calls::of_change(request.get_ref());
        self.serve(call, request, async |admitted, request| self.change_user(call, admitted, request).await).await
    }

    async fn get(
        &self,
        request: Request<message::GetUserRequest>,
    ) -> Result<Response<Released<message::UserRecord>>, Status> {
        self.serve(calls::USER_GET, request, async |admitted, request| self.get_user(admitted, request).await).await
    }

    async fn list(
        &self,
        request: Request<message::ListUsersRequest>,
    ) -> Result<Response<Released<message::ListUsersResponse>>, Status> {
        self.serve(calls::USER_LIST, request, async |admitted, request| self.list_users(admitted, request).await).await
    }
}
