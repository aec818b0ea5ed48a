//! Memoranda of owners: draft, advance, read, list.

use model::audit::event::ResultRef;
use model::command::Command;
use model::command::people::memorandum::{AdvanceMemorandum, DraftMemorandum};
use model::ids::{MemorandumId, RecordId};
use model::people::Memorandum;
use proto::convert::people::{memorandum, memorandum_step, memorandum_terms_from, memorandum_to};
use proto::v1 as message;
use tonic::{Request, Response, Status};

use super::{calls, page_after, result_of, seen};
use crate::audit::Released;
use crate::error::ApiError;
use crate::gate::Admitted;
use crate::services::v1::memoranda_server::Memoranda;
use crate::services::{Api, Call, page_size};

fn of(memorandum: &Memorandum) -> ResultRef {
    result_of(RecordId::of_object("memorandum", memorandum.id.as_str()), memorandum.version)
}

impl Api {
    async fn draft_memorandum(
        &self,
        admitted: &Admitted,
        request: message::DraftMemorandumRequest,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let (memorandum, terms) =
            (memorandum("memorandum", &request.memorandum)?, memorandum_terms_from(request.terms)?);
        self.change_powers(calls::MEMORANDUM_DRAFT, admitted, &request.request_id, |event| {
            Command::DraftMemorandum(DraftMemorandum { memorandum, terms, event })
        })
        .await
    }

    async fn advance_memorandum(
        &self,
        call: Call,
        admitted: &Admitted,
        request: message::AdvanceMemorandumRequest,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let memorandum = memorandum("memorandum", &request.memorandum)?;
        let (step, expected_version) = (memorandum_step(&request.step)?, seen(request.expected_version)?);
        self.change_powers(call, admitted, &request.request_id, |event| {
            Command::AdvanceMemorandum(AdvanceMemorandum { memorandum, step, expected_version, event })
        })
        .await
    }

    async fn get_memorandum(
        &self,
        admitted: &Admitted,
        request: message::GetMemorandumRequest,
    ) -> Result<Released<message::MemorandumRecord>, ApiError> {
        let id = memorandum("memorandum", &request.memorandum)?;
        let reader = self.reader(calls::MEMORANDUM_GET, admitted).await?;
        let found = self.directory(admitted, |state| state.memorandum(&id)).await?;
        let found = found.filter(|found| reader.viewer().sees_memorandum(found, admitted.at));
        let found = found.ok_or(ApiError::NoRecord)?;
        let body = message::MemorandumRecord { memorandum: Some(memorandum_to(&found, admitted.at)), audit: None };
        self.release_powers(calls::MEMORANDUM_GET, admitted, body, vec![of(&found)]).await
    }

    async fn list_memoranda(
        &self,
        admitted: &Admitted,
        request: message::ListMemorandaRequest,
    ) -> Result<Released<message::ListMemorandaResponse>, ApiError> {
        let (size, after) = (page_size(request.page_size)?, page_after(&request.page_token, MemorandumId::new)?);
        let reader = self.reader(calls::MEMORANDUM_LIST, admitted).await?;
        let (found, next) = self.seen_rows(
            admitted,
            (after, size),
            |state, after, limit| state.memoranda(after, limit),
            |memorandum| memorandum.id.clone(),
            |memorandum| reader.viewer().sees_memorandum(memorandum, admitted.at),
        )?;
        let body = message::ListMemorandaResponse {
            memoranda: found.iter().map(|memorandum| memorandum_to(memorandum, admitted.at)).collect(),
            next_page_token: next.map(|id| id.to_string()).unwrap_or_default(),
            audit: None,
        };
        self.release_powers(calls::MEMORANDUM_LIST, admitted, body, found.iter().map(of).collect()).await
    }
}

#[tonic::async_trait]
impl Memoranda for Api {
    async fn draft(
        &self,
        request: Request<message::DraftMemorandumRequest>,
    ) -> Result<Response<Released<message::ChangeResponse>>, Status> {
        let call = calls::MEMORANDUM_DRAFT;
        self.serve(call, request, async |admitted, request| self.draft_memorandum(admitted, request).await).await
    }

    async fn advance(
        &self,
        request: Request<message::AdvanceMemorandumRequest>,
    ) -> Result<Response<Released<message::ChangeResponse>>, Status> {
        let call = calls::of_memorandum_step(&request.get_ref().step);
        self.serve(call, request, async |admitted, request| self.advance_memorandum(call, admitted, request).await)
            .await
    }

    async fn get(
        &self,
        request: Request<message::GetMemorandumRequest>,
    ) -> Result<Response<Released<message::MemorandumRecord>>, Status> {
        let call = calls::MEMORANDUM_GET;
        self.serve(call, request, async |admitted, request| self.get_memorandum(admitted, request).await).await
    }

    async fn list(
        &self,
        request: Request<message::ListMemorandaRequest>,
    ) -> Result<Response<Released<message::ListMemorandaResponse>>, Status> {
        let call = calls::MEMORANDUM_LIST;
        self.serve(call, request, async |admitted, request| self.list_memoranda(admitted, request).await).await
    }
}
