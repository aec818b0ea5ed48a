//! Agreements with agencies: draft, advance, read, list. Seen by the agency that they are with, and by the operator.

use model::audit::event::ResultRef;
use model::command::Command;
use model::command::people::agreement::{AdvanceAgreement, DraftAgreement};
use model::ids::RecordId;
use model::people::Agreement;
use proto::convert::people::{agency, agreement, agreement_step, agreement_terms_from, agreement_to};
use proto::v1 as message;
use tonic::{Request, Response, Status};

use super::{calls, result_of, seen};
use crate::audit::Released;
use crate::error::ApiError;
use crate::gate::Admitted;
use crate::services::v1::agreements_server::Agreements;
use crate::services::{Api, Call};

fn of(agreement: &Agreement) -> ResultRef {
    let object = RecordId::of_object("agreement", &format!("{} {}", agreement.agency, agreement.id));
    result_of(object, agreement.version)
}

impl Api {
    async fn draft_agreement(
        &self,
        admitted: &Admitted,
        request: message::DraftAgreementRequest,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let (agency, agreement) = (agency("agency", &request.agency)?, agreement("agreement", &request.agreement)?);
        let (terms, expected_version) = (agreement_terms_from(request.terms)?, request.expected_version);
        self.change_powers(calls::AGREEMENT_DRAFT, admitted, &request.request_id, |event| {
            Command::DraftAgreement(DraftAgreement { agreement, agency, terms, expected_version, event })
        })
        .await
    }

    async fn advance_agreement(
        &self,
        call: Call,
        admitted: &Admitted,
        request: message::AdvanceAgreementRequest,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let (agency, agreement) = (agency("agency", &request.agency)?, agreement("agreement", &request.agreement)?);
        let (step, expected_version) = (agreement_step(&request.step)?, seen(request.expected_version)?);
        self.change_powers(call, admitted, &request.request_id, |event| {
            Command::AdvanceAgreement(AdvanceAgreement { agreement, agency, step, expected_version, event })
        })
        .await
    }

    async fn get_agreement(
        &self,
        admitted: &Admitted,
        request: message::GetAgreementRequest,
    ) -> Result<Released<message::AgreementRecord>, ApiError> {
        let (agency, id) = (agency("agency", &request.agency)?, agreement("agreement", &request.agreement)?);
        let reader = self.reader(calls::AGREEMENT_GET, admitted).await?;
        let found = self.directory(admitted, |state| state.agreement(&agency, &id)).await?;
        let found = found.filter(|_| reader.viewer().sees_own_of(&agency)).ok_or(ApiError::NoRecord)?;
        let body = message::AgreementRecord { agreement: Some(agreement_to(&found, admitted.at)), audit: None };
        self.release_powers(calls::AGREEMENT_GET, admitted, body, vec![of(&found)]).await
    }

    async fn list_agreements(
        &self,
        admitted: &Admitted,
        request: message::ListAgreementsRequest,
    ) -> Result<Released<message::ListAgreementsResponse>, ApiError> {
        let agency = agency("agency", &request.agency)?;
        let reader = self.reader(calls::AGREEMENT_LIST, admitted).await?;
        if !reader.viewer().sees_own_of(&agency) {
            return Err(ApiError::NoRecord);
        }
        let found = self.directory(admitted, |state| state.agreements(&agency)).await?;
        let agreements = found.iter().map(|agreement| agreement_to(agreement, admitted.at)).collect();
        let body = message::ListAgreementsResponse { agreements, audit: None };
        self.release_powers(calls::AGREEMENT_LIST, admitted, body, found.iter().map(of).collect()).await
    }
}

#[tonic::async_trait]
impl Agreements for Api {
    async fn draft(
        &self,
        request: Request<message::DraftAgreementRequest>,
    ) -> Result<Response<Released<message::ChangeResponse>>, Status> {
        let call = calls::AGREEMENT_DRAFT;
        self.serve(call, request, async |admitted, request| self.draft_agreement(admitted, request).await).await
    }

    async fn advance(
        &self,
        request: Request<message::AdvanceAgreementRequest>,
    ) -> Result<Response<Released<message::ChangeResponse>>, Status> {
        let call = calls::of_agreement_step(&request.get_ref().step);
        self.serve(call, request, async |admitted, request| self.advance_agreement(call, admitted, request).await).await
    }

    async fn get(
        &self,
        request: Request<message::GetAgreementRequest>,
    ) -> Result<Response<Released<message::AgreementRecord>>, Status> {
        let call = calls::AGREEMENT_GET;
        self.serve(call, request, async |admitted, request| self.get_agreement(admitted, request).await).await
    }

    async fn list(
        &self,
        request: Request<message::ListAgreementsRequest>,
    ) -> Result<Response<Released<message::ListAgreementsResponse>>, Status> {
        let call = calls::AGREEMENT_LIST;
        self.serve(call, request, async |admitted, request| self.list_agreements(admitted, request).await).await
    }
}
