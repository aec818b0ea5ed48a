//! Access policies: read, propose, approve. A text is checked here, by the program that would decide by it: that it parses,
//! goes with the schema and decides the corpus. The log looks at none of that.

use access::{Bundle, BundleError};
use model::access::policy_bundle::PolicyBundle;
use model::command::Command;
use model::command::people::policy_bundle::{PolicyApproval, PolicyStep, PutPolicyBundle, object, proposed_object};
use model::error::Invalid;
use model::ids::to_hex;
use model::limits::ACCESS_POLICIES_BYTES_MAX;
use proto::convert::people::{draft_to, policies_to};
use proto::v1 as message;
use tonic::{Request, Response, Status};

use super::{calls, result_of};
use crate::audit::Released;
use crate::error::ApiError;
use crate::gate::Admitted;
use crate::services::Api;
use crate::services::v1::access_policies_server::AccessPolicies;

fn unfit(error: BundleError) -> ApiError {
    Invalid::new("text", error.to_string()).into()
}

/// Those that hold as long as nobody has put any, shown as version 0, which no draft has.
fn built_in() -> Result<message::AccessPolicyBundle, BundleError> {
    let draft = Bundle::built_in()?.draft(1)?;
    Ok(message::AccessPolicyBundle {
        version: 0,
        text_sha256: to_hex(&draft.text_sha256()),
        schema_sha256: to_hex(&draft.schema_sha256),
        decisions_sha256: to_hex(&draft.decisions_sha256),
        cedar_language: draft.cedar_language,
        text: draft.text,
        ..Default::default()
    })
}

impl Api {
    /// Runs what parses policies beside the threads that carry Raft.
    async fn judge<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
        let done = self.0.work.run(work).await;
        done.ok_or_else(|| ApiError::Internal("looking at access policies panicked".into()))
    }

    async fn get_access_policies(
        &self,
        admitted: &Admitted,
        request: message::GetAccessPoliciesRequest,
    ) -> Result<Released<message::AccessPoliciesResponse>, ApiError> {
        self.reader(calls::ACCESS_POLICIES_GET, admitted).await?;
        let (found, proposed) = self
            .directory(admitted, |state| match request.version {
                0 => Ok((state.policy_bundle()?, state.proposed_bundle()?)),
                version => Ok((state.policy_bundle_of(version)?, None)),
            })
            .await?;
        let policies = match (&found, request.version) {
            (Some(bundle), _) => policies_to(bundle),
            (None, 0) => self
                .judge(built_in)
                .await?
                .map_err(|error| ApiError::Internal(format!("built-in policies: {error}")))?,
            (None, _) => return Err(ApiError::NoRecord),
        };
        let mut results = vec![result_of(object(), policies.version)];
        results.extend(proposed.as_ref().map(|proposed| result_of(proposed_object(), proposed.draft.version)));
        let proposed = proposed.as_ref().map(draft_to);
        let body = message::AccessPoliciesResponse { policies: Some(policies), proposed, audit: None };
        self.release_powers(calls::ACCESS_POLICIES_GET, admitted, body, results).await
    }

    async fn propose_access_policies(
        &self,
        admitted: &Admitted,
        request: message::ProposeAccessPoliciesRequest,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let message::ProposeAccessPoliciesRequest { request_id, text, expected_version } = request;
        if text.len() > ACCESS_POLICIES_BYTES_MAX {
            let reason = format!("has {} bytes, at most {ACCESS_POLICIES_BYTES_MAX} are allowed", text.len());
            return Err(Invalid::new("text", reason).into());
        }
        // Looking at a text takes time: only for who may propose one.
        self.reader(calls::ACCESS_POLICIES_PROPOSE, admitted).await?;
        let version = expected_version.saturating_add(1);
        let draft = self.judge(move || Bundle::load(&text)?.draft(version)).await?.map_err(unfit)?;
        self.change_powers(calls::ACCESS_POLICIES_PROPOSE, admitted, &request_id, |event| {
            Command::PutPolicyBundle(PutPolicyBundle { step: PolicyStep::Propose(draft), event })
        })
        .await
    }

    async fn approve_access_policies(
        &self,
        admitted: &Admitted,
        request: message::ApproveAccessPoliciesRequest,
    ) -> Result<Released<message::ChangeResponse>, ApiError> {
        let message::ApproveAccessPoliciesRequest { request_id, version, text_sha256 } = request;
        self.reader(calls::ACCESS_POLICIES_APPROVE, admitted).await?;
        let (proposed, put) =
            self.directory(admitted, |state| Ok((state.proposed_bundle()?, state.policy_bundle_of(version)?))).await?;
        let is = |sha256: [u8; 32]| to_hex(&sha256) == text_sha256.trim().to_ascii_lowercase();
        // Of a retry the proposal is gone, and what became of it is there.
        let put = put.filter(|bundle| is(bundle.text_sha256()));
        let proposed = proposed.filter(|one| one.draft.version == version && is(one.draft.text_sha256()));
        let digest = match (&put, &proposed) {
            (Some(bundle), _) => bundle.draft().digest(),
            (None, Some(proposed)) => proposed.draft.digest(),
            // None has this digest: the log says what is wrong, and tells the audit.
            (None, None) => [0; 32],
        };
        // This program must be able to decide by them. Who proposed them is refused in the log.
        let author = |by: &model::ids::UserId| *by != admitted.caller.user;
        if let Some(proposed) = proposed.filter(|one| put.is_none() && author(&one.proposed.by)) {
            let bundle: PolicyBundle = proposed.draft.approved(proposed.proposed.by, admitted.caller.user.clone());
            self.judge(move || Bundle::for_activation(&bundle).map(drop)).await?.map_err(unfit)?;
        }
        self.change_powers(calls::ACCESS_POLICIES_APPROVE, admitted, &request_id, |event| {
            let step = PolicyStep::Approve(PolicyApproval { version, digest });
            Command::PutPolicyBundle(PutPolicyBundle { step, event })
        })
        .await
    }
}

#[tonic::async_trait]
impl AccessPolicies for Api {
    async fn get(
        &self,
        request: Request<message::GetAccessPoliciesRequest>,
    ) -> Result<Response<Released<message::AccessPoliciesResponse>>, Status> {
        let call = calls::ACCESS_POLICIES_GET;
        self.serve(call, request, async |admitted, request| self.get_access_policies(admitted, request).await).await
    }

    async fn propose(
        &self,
        request: Request<message::ProposeAccessPoliciesRequest>,
    ) -> Result<Response<Released<message::ChangeResponse>>, Status> {
        let call = calls::ACCESS_POLICIES_PROPOSE;
        self.serve(call, request, async |admitted, request| self.propose_access_policies(admitted, request).await).await
    }

    async fn approve(
        &self,
        request: Request<message::ApproveAccessPoliciesRequest>,
    ) -> Result<Response<Released<message::ChangeResponse>>, Status> {
        let call = calls::ACCESS_POLICIES_APPROVE;
        self.serve(call, request, async |admitted, request| self.approve_access_policies(admitted, request).await).await
    }
}
