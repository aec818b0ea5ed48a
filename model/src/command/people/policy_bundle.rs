//! Access policies, by two persons: one proposes a version, another puts it in force. Whether a text parses, fits the schema
//! and decides the corpus is found out by the node before it proposes the entry; what a text means is no matter here.

use serde::{Deserialize, Serialize};

use crate::access::denial::Denial;
use crate::access::function::Function;
use crate::access::policy_bundle::{PolicyDraft, ProposedBundle};
use crate::audit::event::EventDraft;
use crate::command::people::ground::{Actor, Done, Step, actor, content, denied, directory, unfit, version};
use crate::decide::Context;
use crate::envelope::Envelope;
use crate::error::RefusalCode;
use crate::ids::RecordId;
use crate::people::floor::{Floor, Party};
use crate::view::{Effects, Read, View, Write};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutPolicyBundle {
    pub step: PolicyStep,
    pub event: EventDraft,
}

crate::numbered! {
    /// A step of access policies on their way.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum PolicyStep {
        /// A later proposal takes the place of an earlier one.
        1 => Propose(PolicyDraft),
        2 => Approve(PolicyApproval),
    }
}

/// The approval of one proposal and of no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyApproval {
    pub version: u64,
    /// [`PolicyDraft::digest`].
    pub digest: [u8; 32],
}

pub fn decide(view: &dyn View, context: Context, envelope: &Envelope, command: &PutPolicyBundle) -> Read<Effects> {
    let digest = match &command.step {
        PolicyStep::Propose(draft) => content(&draft.digest())?,
        PolicyStep::Approve(approval) => content(&(approval.version, approval.digest))?,
    };
    let id = match &command.step {
        PolicyStep::Propose(_) => proposed_object(),
        PolicyStep::Approve(_) => object(),
    };
    directory(view, context, envelope, (id, digest), &command.event, || {
        let actor = actor(view, context, envelope, Function::AccessPolicies)?;
        actor.is_of_operator()?;
        match &command.step {
            PolicyStep::Propose(draft) => propose(view, &actor, draft),
            PolicyStep::Approve(approval) => approve(view, context, &actor, approval),
        }
    })
}

/// The access policies in force, in request memory and audit.
pub fn object() -> RecordId {
    RecordId::of_object("access-policies", "")
}

/// Those that are proposed.
pub fn proposed_object() -> RecordId {
    RecordId::of_object("access-policies", "proposed")
}

fn in_force(view: &dyn View) -> Step<u64> {
    Ok(view.policy_bundle()?.map_or(0, |bundle| bundle.version))
}

fn propose(view: &dyn View, actor: &Actor, draft: &PolicyDraft) -> Step<Done> {
    draft.validate()?;
    version(in_force(view)?, draft.version - 1)?;
    let proposed = ProposedBundle { draft: draft.clone(), proposed: actor.stamp() };
    Ok(Done::new(Write::PutProposedBundle(Box::new(proposed)), proposed_object(), draft.version))
}

fn approve(view: &dyn View, context: Context, actor: &Actor, approval: &PolicyApproval) -> Step<Done> {
    let proposed = view.proposed_bundle()?.ok_or_else(|| unfit(RefusalCode::UnknownObject, "nothing is proposed"))?;
    let ProposedBundle { draft, proposed: author } = proposed;
    version(draft.version, approval.version)?;
    version(in_force(view)? + 1, draft.version)?;
    if draft.digest() != approval.digest {
        let text = "another text is proposed by now: read it before you approve it";
        return Err(unfit(RefusalCode::StaleVersion, text));
    }
    if author.by == actor.profile.user {
        let text = "who proposes access policies does not approve them";
        return Err(denied(RefusalCode::SeparationOfDuties, Denial::Approval, text));
    }
    // Two persons stand for it when it comes into force, not one and somebody who was suspended since.
    if !view.profile(&author.by)?.is_some_and(|author| author.is_active()) {
        return Err(unfit(RefusalCode::WrongState, format!("{} is not active any more: propose it anew", author.by)));
    }
    let bundle = draft.approved(author.by, actor.profile.user.clone());
    bundle.validate()?;
    let number = bundle.version;
    // They may allow less, to whom and of what nobody counts: each decision that was made before this entry is made again.
    let floors = vec![Floor { party: Party::Everyone(()), epoch: context.index }];
    Ok(Done { floors, ..Done::new(Write::PutPolicyBundle(Box::new(bundle)), object(), number) })
}
