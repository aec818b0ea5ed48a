//! Agreements, step by step (F66): drafted by the operating office, reviewed by the privacy officer, approved, and
//! reviewed again every year. No two of the three steps by one person, none by a member of the agency that gains.

use serde::{Deserialize, Serialize};

use crate::access::denial::Denial;
use crate::access::function::Function;
use crate::audit::event::{ChangeKind, EventDraft};
use crate::command::people::ground::{
    Actor, Done, Step, actor, agency, content, denied, directory, raise_agency, unfit, version,
};
use crate::decide::Context;
use crate::envelope::Envelope;
use crate::error::RefusalCode;
use crate::ids::{AgencyId, AgreementId, RecordId};
use crate::limits::AGREEMENTS_MAX;
use crate::people::agreement::{Agreement, AgreementStage, AgreementTerms};
use crate::view::{Effects, Read, View, Write};

/// A new agreement, or other terms of one: then all of its steps are to be taken again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftAgreement {
    pub agreement: AgreementId,
    pub agency: AgencyId,
    pub terms: AgreementTerms,
    /// 0: there is none yet.
    pub expected_version: u64,
    pub event: EventDraft,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvanceAgreement {
    pub agreement: AgreementId,
    pub agency: AgencyId,
    pub step: AgreementStep,
    pub expected_version: u64,
    pub event: EventDraft,
}

crate::coded! {
    /// A step of an agreement.
    pub enum AgreementStep {
        1 "review" => Review,
        2 "approve" => Approve,
        /// The review of each year.
        3 "annual-review" => AnnualReview,
        4 "end" => End,
    }
}

impl AgreementStep {
    /// The function that it asks for.
    pub fn function(self) -> Function {
        match self {
            Self::Review | Self::AnnualReview => Function::AgreementReview,
            Self::Approve | Self::End => Function::AgreementApprove,
        }
    }
}

pub fn draft(view: &dyn View, context: Context, envelope: &Envelope, command: &DraftAgreement) -> Read<Effects> {
    let digest = content(&(&command.terms, command.expected_version))?;
    let id = object(&command.agency, &command.agreement);
    directory(view, context, envelope, (id, digest), &command.event, || {
        let actor = entitled(view, context, envelope, Function::AgreementDraft, &command.agency)?;
        command.terms.validate()?;
        let before = view.agreement(&command.agency, &command.agreement)?;
        version(before.as_ref().map_or(0, |agreement| agreement.version), command.expected_version)?;
        if before.is_none() && view.agreements(&command.agency)?.len() >= AGREEMENTS_MAX {
            let text = format!("the agency has {AGREEMENTS_MAX} agreements, which is the most; redraft one");
            return Err(unfit(RefusalCode::WrongState, text));
        }
        let after = Agreement {
            id: command.agreement.clone(),
            agency: command.agency.clone(),
            terms: command.terms.clone(),
            stage: AgreementStage::Drafted,
            drafted: actor.stamp(),
            reviewed: None,
            approved: None,
            ended: None,
            annual_review: None,
            version: command.expected_version + 1,
        };
        put(view, context, before.as_ref(), after)
    })
}

pub fn advance(view: &dyn View, context: Context, envelope: &Envelope, command: &AdvanceAgreement) -> Read<Effects> {
    let digest = content(&(command.step, command.expected_version))?;
    let id = object(&command.agency, &command.agreement);
    directory(view, context, envelope, (id, digest), &command.event, || {
        let actor = entitled(view, context, envelope, command.step.function(), &command.agency)?;
        let before = view.agreement(&command.agency, &command.agreement)?;
        let before = before.ok_or_else(|| unfit(RefusalCode::UnknownObject, "there is no such agreement"))?;
        version(before.version, command.expected_version)?;
        let after = step(&actor, &before, command.step)?;
        let ended = after.stage == AgreementStage::Ended;
        let mut done = put(view, context, Some(&before), after)?;
        if ended {
            done.changed.change = Some(ChangeKind::Removed);
        }
        Ok(done)
    })
}

fn object(agency: &AgencyId, id: &AgreementId) -> RecordId {
    // A code holds no blank, so the two are told apart.
    RecordId::of_object("agreement", &format!("{agency} {id}"))
}

fn entitled(
    view: &dyn View,
    context: Context,
    envelope: &Envelope,
    function: Function,
    gains: &AgencyId,
) -> Step<Actor> {
    let actor = actor(view, context, envelope, function)?;
    actor.is_of_operator()?;
    if agency(view, gains)?.id == actor.agency.id {
        let text = "the agency that runs the system makes no agreement with itself";
        return Err(denied(RefusalCode::SeparationOfDuties, Denial::Duty, text));
    }
    Ok(actor)
}

/// The agreement after a step, or why this person cannot take it now.
fn step(actor: &Actor, before: &Agreement, step: AgreementStep) -> Step<Agreement> {
    let mut after = before.clone();
    after.version += 1;
    let stamp = actor.stamp();
    match (step, before.stage) {
        // What ends access takes no second person.
        (AgreementStep::End, stage) if stage != AgreementStage::Ended => {
            (after.stage, after.ended) = (AgreementStage::Ended, Some(stamp));
            return Ok(after);
        }
        (AgreementStep::Review, AgreementStage::Drafted) => {
            after.stage = AgreementStage::Reviewed;
            (after.reviewed, after.annual_review) = (Some(stamp.clone()), Some(stamp));
        }
        (AgreementStep::Approve, AgreementStage::Reviewed) => {
            (after.stage, after.approved) = (AgreementStage::Approved, Some(stamp));
        }
        (AgreementStep::AnnualReview, AgreementStage::Approved) => after.annual_review = Some(stamp),
        (step, stage) => return Err(unfit(RefusalCode::WrongState, format!("{step} does not follow on {stage}"))),
    }
    // The privacy officer of the first review may be that of each year.
    let again = step == AgreementStep::AnnualReview
        && before.reviewed.as_ref().is_some_and(|first| first.by == actor.profile.user);
    if before.took_a_step(&actor.profile.user) && !again {
        let text = "who took another step of the agreement does not take this one";
        return Err(denied(RefusalCode::SeparationOfDuties, Denial::Approval, text));
    }
    Ok(after)
}

/// An agreement that was in force and is not any more, or not with these terms, takes something away from the whole
/// agency.
fn put(view: &dyn View, context: Context, before: Option<&Agreement>, after: Agreement) -> Step<Done> {
    let narrowed = before.is_some_and(|before| before.in_force(context.time)) && !after.in_force(context.time);
    let (agency, id, version) = (after.agency.clone(), object(&after.agency, &after.id), after.version);
    let mut done = Done::new(Write::PutAgreement(after), id, version);
    if narrowed {
        let (write, floor) = raise_agency(view, &agency)?;
        done.writes.push(write);
        done.floors.push(floor);
    }
    Ok(done)
}
