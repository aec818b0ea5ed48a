//! One decision.

use cedar_policy::{AuthorizationError, Decision, Entities, Entity, EntityUid, PolicySet};
use model::access::denial::Denial;
use model::access::principal::Principal;

use crate::bundle::Bundle;
use crate::entities::{Transaction, circumstances};
use crate::request::Request;

/// What was decided, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub allowed: bool,
    /// Why not, in the order of the rules; none where it is allowed. For the audit: the caller is told no more than he may
    /// know.
    pub codes: Vec<Denial>,
    /// The policies that decided, by name.
    pub policies: Vec<String>,
    /// Which policy, or what else, could not be evaluated: a refusal, and an alarm. Cedar by itself would go on without that
    /// policy.
    pub errors: Vec<String>,
}

/// A caller as the policies see him, for as many requests as the facts are good for that he was made of: dates are compared
/// anew in each, but the windows of memoranda were applied when the facts were taken.
#[derive(Debug, Clone)]
pub struct Caller {
    name: EntityUid,
    entity: Entity,
    transactions: Vec<Transaction>,
}

impl Bundle {
    /// A caller, for many decisions.
    pub fn caller(&self, principal: &Principal) -> Result<Caller, Verdict> {
        let entity = self.vocabulary.caller(principal).map_err(Verdict::failed)?;
        let name = self.vocabulary.user(&principal.user);
        Ok(Caller { name, entity, transactions: principal.transactions.clone() })
    }

    /// Decides about one request.
    pub fn decide(&self, principal: &Principal, request: &Request) -> Verdict {
        self.caller(principal).map_or_else(|failed| failed, |caller| self.decide_for(&caller, request))
    }

    /// Decides about a request of a caller who was made before.
    pub fn decide_for(&self, caller: &Caller, request: &Request) -> Verdict {
        self.evaluate(self.policies_for(request.act), caller, request).unwrap_or_else(Verdict::failed)
    }

    /// Decides by all policies as they are written, as slowly as that is: what `decide` must say as well.
    pub fn decide_as_written(&self, principal: &Principal, request: &Request) -> Verdict {
        let decide = |caller| self.evaluate(&self.policies, &caller, request).unwrap_or_else(Verdict::failed);
        self.caller(principal).map_or_else(|failed| failed, decide)
    }

    /// What the policies of the record's stage say alone: for a record that is read, what the label algebra says
    /// (`model::access::grants::visible`).
    pub fn decide_record(&self, principal: &Principal, request: &Request) -> Verdict {
        let decide = |caller| self.evaluate(&self.record_policies, &caller, request).unwrap_or_else(Verdict::failed);
        self.caller(principal).map_or_else(|failed| failed, decide)
    }

    fn evaluate(&self, policies: &PolicySet, caller: &Caller, request: &Request) -> Result<Verdict, String> {
        if request.act.is_to_record() != request.object.is_some() {
            return Err(format!("`{}` with a record or without one", request.act.name()));
        }
        let action = self.vocabulary.action(request.act).ok_or("the action is unknown")?;
        let record = request.object.as_ref().map(|object| self.vocabulary.record(object)).transpose()?;
        let context = circumstances(&caller.transactions, request)?;
        let asked = cedar_policy::Request::new(
            caller.name.clone(),
            action.uid(),
            self.vocabulary.resource(request).clone(),
            context,
            None,
        )
        .map_err(|_| "the request".to_string())?;
        // The action is handed in for the groups that it is in.
        let entities = [caller.entity.clone(), action.clone()].into_iter().chain(record);
        let entities = Entities::from_entities(entities, None).map_err(|_| "the entities".to_string())?;
        let response = self.authorizer.is_authorized(&asked, policies, &entities);
        Ok(self.verdict(&response))
    }

    fn verdict(&self, response: &cedar_policy::Response) -> Verdict {
        let diagnostics = response.diagnostics();
        // Cedar keeps them in a set without order.
        let mut policies: Vec<String> = diagnostics.reason().map(ToString::to_string).collect();
        policies.sort_unstable();
        let name = |error: &AuthorizationError| match error {
            // Not its text, which may tell of the caller.
            AuthorizationError::PolicyEvaluationError(error) => format!("policy `{}`", error.policy_id()),
        };
        let mut errors: Vec<String> = diagnostics.errors().map(name).collect();
        errors.sort_unstable();
        if response.decision() == Decision::Allow && errors.is_empty() {
            return Verdict { allowed: true, codes: Vec::new(), policies, errors };
        }
        let mut codes: Vec<Denial> = diagnostics.reason().filter_map(|id| self.codes.get(id)).copied().collect();
        if codes.is_empty() {
            // No gate refused and no policy opened it.
            codes.push(Denial::Closed);
        }
        codes.sort_unstable();
        codes.dedup();
        Verdict { allowed: false, codes, policies, errors }
    }
}

impl Verdict {
    /// Nothing was decided, which is a refusal.
    fn failed(error: String) -> Self {
        Self { allowed: false, codes: vec![Denial::Closed], policies: Vec::new(), errors: vec![error] }
    }
}
