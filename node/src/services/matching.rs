//! Matching policies: what is in force, the next version, and what it would change (FEATURES.md 5, the what-if matcher).

use std::sync::Arc;
use std::time::Duration;

use model::access::function::Function;
use model::audit::event::{EventKind, EventPayload};
use model::command::{Command, Outcome};
use model::error::Invalid;
use model::ids::{GroupId, Purpose};
use model::policy::Policies;
use proto::convert::{policies_from, policies_to};
use proto::v1 as message;
use tonic::{Request, Response, Status};

use super::screening::{Answered, Asks, asks, hit_message, results};
use super::v1::matching_server::Matching;
use super::{Api, Call};
use crate::audit::{Released, Unreleased};
use crate::error::ApiError;
use crate::gate::{Admitted, Need};
use crate::question::Question;

const GET: Call = Call { name: "matching_get_policies", kind: EventKind::Administration, need: Need::Session };
const PUT: Call = Call {
    name: "matching_put_policies",
    kind: EventKind::Administration,
    need: Need::Function(Function::MatchingPolicies),
};
const COMPARE: Call =
    Call { name: "matching_compare", kind: EventKind::Compare, need: Need::Function(Function::MatchingCompare) };

/// How long the node that put policies in force waits for its own copy of the directory to have them.
const OWN_COPY_WAIT: Duration = Duration::from_secs(2);

impl Api {
    async fn get_policies(
        &self,
        request: message::GetPoliciesRequest,
    ) -> Result<Released<message::PoliciesResponse>, ApiError> {
        let directory = self.0.groups.get(GroupId::Directory)?;
        let found = match request.version {
            0 => Some(self.policies()?),
            version => directory.read(|state| state.policies_of(version))?,
        };
        let missing = || Invalid::new("version", format!("there are no policies of version {}", request.version));
        Ok(released(&found.ok_or_else(missing)?))
    }

    async fn put_policies(
        &self,
        admitted: &Admitted,
        request: message::PutPoliciesRequest,
    ) -> Result<Released<message::PoliciesResponse>, ApiError> {
        let policies = policies_from(given("policies", request.policies)?).map_err(|error| error.within("policies"))?;
        self.administer(PUT, admitted).await?;
        let command = Command::PutPolicies(policies.clone());
        match self.propose(GroupId::Directory, admitted, admitted.request, command).await? {
            Outcome::Done(()) => {}
            Outcome::Refused(refusal) => return Err(refusal.into()),
            other => return Err(ApiError::Internal(format!("unexpected outcome {other:?}"))),
        }
        // Whoever asks this node next is answered by them, if it keeps up at all.
        let directory = self.0.groups.get(GroupId::Directory)?;
        let reached = directory.linearize(admitted.left()?.min(OWN_COPY_WAIT)).await;
        if let Err(error) = reached {
            tracing::info!(%error, "policies are in force, and this node does not have them yet");
        }
        Ok(released(&policies))
    }

    /// Both sets are asked of the same records at the same moment, so that what differs is by the policies alone.
    async fn compare(
        &self,
        admitted: &Admitted,
        request: message::CompareRequest,
    ) -> Result<Released<message::CompareResponse>, ApiError> {
        let message::CompareRequest { question, first, second, purpose } = request;
        let question = given("question", question)?;
        let Asks { query, threshold, freshness, .. } = asks(&question, admitted.at, &self.0.tables)?;
        let purpose = match purpose.as_str() {
            "" => admitted.caller.purpose.clone(),
            other => Purpose::new(other)?,
        };
        let question = |field: &'static str, policies: Option<message::Policies>| -> Result<Question, ApiError> {
            let policies = policies_from(given(field, policies)?).map_err(|error| error.within(field))?;
            let (asked, by) = ((query.clone(), admitted.at), (policies, purpose.clone()));
            Ok(Question::new(asked, threshold, by, admitted.cut.clone(), &self.0.tables))
        };
        let questions = Arc::new(vec![question("first", first)?, question("second", second)?]);
        let answered = self.ask(admitted, &questions, freshness).await?;
        let as_of = self.as_of(admitted, &answered.positions, answered.age);
        let Answered { mut hits, positions, partial, .. } = answered;
        let second = hits.pop().unwrap_or_default();
        let first = hits.pop().unwrap_or_default();
        // A record that both answer stands there with both scores.
        let results = [results(&first), results(&second)].concat();
        let payload = EventPayload { results, as_of: positions, ..admitted.payload() };
        let body = message::CompareResponse {
            first: first.into_iter().map(hit_message).collect(),
            second: second.into_iter().map(hit_message).collect(),
            as_of: None,
            audit: None,
            partial,
        };
        self.release(admitted, Unreleased::new(body, Some(as_of), admitted.event(COMPARE.kind), payload)).await
    }
}

fn given<T>(field: &str, value: Option<T>) -> Result<T, Invalid> {
    value.ok_or_else(|| Invalid::new(field, "is missing".into()))
}

fn released(policies: &Policies) -> Released<message::PoliciesResponse> {
    Released::without_record_data(message::PoliciesResponse { policies: Some(policies_to(policies)) })
}

#[tonic::async_trait]
impl Matching for Api {
    async fn get_policies(
        &self,
        request: Request<message::GetPoliciesRequest>,
    ) -> Result<Response<Released<message::PoliciesResponse>>, Status> {
        self.serve(GET, request, async |_, request| Api::get_policies(self, request).await).await
    }

    async fn put_policies(
        &self,
        request: Request<message::PutPoliciesRequest>,
    ) -> Result<Response<Released<message::PoliciesResponse>>, Status> {
        self.serve(PUT, request, async |admitted, request| Api::put_policies(self, admitted, request).await).await
    }

    async fn compare(
        &self,
        request: Request<message::CompareRequest>,
    ) -> Result<Response<Released<message::CompareResponse>>, Status> {
        self.serve(COMPARE, request, async |admitted, request| Api::compare(self, admitted, request).await).await
    }
}
