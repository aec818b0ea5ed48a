//! The policies that can say anything of one act, without their heads: Cedar looks at every policy that it is given, and builds
//! its head anew in every decision, which is half of the time that one takes. Which act is asked and whether it is done to a
//! record are known before, so the heads are looked at once. Tests hold the result against the policies as they are written.

use std::collections::BTreeMap;

use cedar_policy::{ActionConstraint, Policy, PolicySet, PrincipalConstraint, ResourceConstraint};

use crate::entities::Vocabulary;
use crate::error::BundleError;
use crate::request::Act;

/// The policies of each act.
pub fn by_act(policies: &PolicySet, vocabulary: &Vocabulary) -> Result<BTreeMap<Act, PolicySet>, BundleError> {
    let mut all = BTreeMap::new();
    for act in Act::ALL {
        let can = policies.policies().filter(|policy| can_say(policy, act, vocabulary));
        let can = can.map(|policy| headless(policy, vocabulary)).collect::<Result<Vec<_>, _>>()?;
        let can = PolicySet::from_policies(can).map_err(|error| BundleError::Parse(error.to_string()))?;
        all.insert(act, can);
    }
    Ok(all)
}

/// Whether the head of a policy lets it say anything of an act. What is left out would neither hold nor err: its head is looked
/// at before its conditions.
fn can_say(policy: &Policy, act: Act, vocabulary: &Vocabulary) -> bool {
    let acts = match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(action) => vocabulary.is(act, &action),
        ActionConstraint::In(actions) => actions.iter().any(|action| vocabulary.is_in(act, action)),
    };
    acts && match policy.resource_constraint() {
        ResourceConstraint::Is(kind) => vocabulary.is_of(act, &kind),
        _ => true,
    }
}

/// A policy whose action is known to be asked, without what is known by that. A head that asks for more stays as it is.
fn headless(policy: &Policy, vocabulary: &Vocabulary) -> Result<Policy, BundleError> {
    let anybody = match policy.principal_constraint() {
        PrincipalConstraint::Any => true,
        PrincipalConstraint::Is(kind) => vocabulary.is_caller(&kind),
        _ => false,
    };
    let anything = matches!(policy.resource_constraint(), ResourceConstraint::Any | ResourceConstraint::Is(_));
    if !anybody || !anything {
        return Ok(policy.clone());
    }
    let mut text = policy.to_json().map_err(|error| BundleError::Parse(error.to_string()))?;
    for part in ["principal", "action", "resource"] {
        text[part] = serde_json::json!({ "op": "All" });
    }
    Policy::from_json(Some(policy.id().clone()), text).map_err(|error| BundleError::Parse(error.to_string()))
}
