//! An owner's memorandum: drafted by a member of the owning agency, accepted by the custodian, who is neither of the
//! owner nor of those who gain (R17, F19.3).

use serde::{Deserialize, Serialize};

use crate::access::denial::Denial;
use crate::access::function::Function;
use crate::audit::event::{ChangeKind, EventDraft};
use crate::command::people::ground::{
    Actor, Done, Step, actor, agency, content, denied, directory, known, raise_agency, unfit, version,
};
use crate::decide::Context;
use crate::envelope::Envelope;
use crate::error::RefusalCode;
use crate::ids::{AgencyId, MemorandumId, RecordId};
use crate::limits::MEMORANDA_MAX;
use crate::people::duty::owns;
use crate::people::floor::{Floor, Party};
use crate::people::memorandum::{Grantee, Memorandum, MemorandumStage, MemorandumTerms};
use crate::view::{Effects, Read, View, Write};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftMemorandum {
    pub memorandum: MemorandumId,
    pub terms: MemorandumTerms,
    pub event: EventDraft,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvanceMemorandum {
    pub memorandum: MemorandumId,
    pub step: MemorandumStep,
    pub expected_version: u64,
    pub event: EventDraft,
}

crate::coded! {
    /// A step of a memorandum.
    pub enum MemorandumStep {
        /// By the custodian.
        1 "accept" => Accept,
        /// By the owner.
        2 "end" => End,
    }
}

pub fn draft(view: &dyn View, context: Context, envelope: &Envelope, command: &DraftMemorandum) -> Read<Effects> {
    let id = object(&command.memorandum);
    directory(view, context, envelope, (id, content(&command.terms)?), &command.event, || {
        let actor = actor(view, context, envelope, Function::AgreementDraft)?;
        is_owner(&actor, &command.terms.owner)?;
        command.terms.validate()?;
        if view.memorandum(&command.memorandum)?.is_some() {
            return Err(unfit(RefusalCode::WrongState, "there is a memorandum of this id; it is never given again"));
        }
        gaining_agencies(view, &command.terms.grantee)?;
        for party in command.terms.grantee.parties() {
            if view.memoranda_count(&party, MEMORANDA_MAX)? >= MEMORANDA_MAX {
                let text = format!("{} has {MEMORANDA_MAX} memoranda, which is the most", party.code());
                return Err(unfit(RefusalCode::WrongState, text));
            }
        }
        let memorandum = Memorandum {
            id: command.memorandum.clone(),
            terms: command.terms.clone(),
            stage: MemorandumStage::Drafted,
            drafted: actor.stamp(),
            accepted: None,
            ended: None,
            version: 1,
        };
        Ok(Done::new(Write::PutMemorandum(memorandum), id, 1))
    })
}

pub fn advance(view: &dyn View, context: Context, envelope: &Envelope, command: &AdvanceMemorandum) -> Read<Effects> {
    let digest = content(&(command.step, command.expected_version))?;
    directory(view, context, envelope, (object(&command.memorandum), digest), &command.event, || {
        let function = match command.step {
            MemorandumStep::Accept => Function::MemorandumAccept,
            MemorandumStep::End => Function::AgreementDraft,
        };
        let actor = actor(view, context, envelope, function)?;
        let before = view.memorandum(&command.memorandum)?;
        let before = before.ok_or_else(|| unfit(RefusalCode::UnknownObject, "there is no such memorandum"))?;
        version(before.version, command.expected_version)?;
        match command.step {
            MemorandumStep::Accept => accept(view, &actor, before),
            MemorandumStep::End => end(view, &actor, before),
        }
    })
}

fn object(id: &MemorandumId) -> RecordId {
    RecordId::of_object("memorandum", id.as_str())
}

fn is_owner(actor: &Actor, owner: &AgencyId) -> Step<()> {
    let text = "only the owner opens its records to others, or shuts them again";
    owns(owner, &actor.agency.id).map_err(|denial| denied(RefusalCode::NotEntitled, denial, text))
}

/// The agencies whose people gain; every one must be there.
fn gaining_agencies(view: &dyn View, grantee: &Grantee) -> Step<Vec<AgencyId>> {
    match grantee {
        Grantee::Agency(id) => Ok(vec![agency(view, id)?.id]),
        Grantee::Users(users) => users.iter().map(|user| Ok(known(view, user)?.agency)).collect(),
    }
}

fn accept(view: &dyn View, actor: &Actor, before: Memorandum) -> Step<Done> {
    if before.stage != MemorandumStage::Drafted {
        return Err(unfit(RefusalCode::WrongState, format!("it is {} already", before.stage)));
    }
    let own = &actor.agency.id;
    if before.terms.owner == *own || gaining_agencies(view, &before.terms.grantee)?.contains(own) {
        let text = "the custodian is neither of the owner nor of those who gain";
        return Err(denied(RefusalCode::SeparationOfDuties, Denial::Approval, text));
    }
    let (id, version) = (object(&before.id), before.version + 1);
    let accepted = Some(actor.stamp());
    let after = Memorandum { stage: MemorandumStage::Accepted, accepted, version, ..before };
    Ok(Done::new(Write::PutMemorandum(after), id, version))
}

fn end(view: &dyn View, actor: &Actor, before: Memorandum) -> Step<Done> {
    is_owner(actor, &before.terms.owner)?;
    if before.stage == MemorandumStage::Ended {
        return Err(unfit(RefusalCode::WrongState, "it is ended already"));
    }
    let (id, version) = (object(&before.id), before.version + 1);
    let took_away = before.in_force(actor.now).then(|| before.terms.grantee.clone());
    let after = Memorandum { stage: MemorandumStage::Ended, ended: Some(actor.stamp()), version, ..before };
    let mut done = Done::new(Write::PutMemorandum(after), id, version);
    done.changed.change = Some(ChangeKind::Removed);
    match took_away {
        None => {}
        Some(Grantee::Agency(agency)) => {
            let (write, floor) = raise_agency(view, &agency)?;
            done.writes.push(write);
            done.floors.push(floor);
        }
        Some(Grantee::Users(users)) => {
            for user in users {
                let mut profile = known(view, &user)?;
                profile.epoch += 1;
                done.floors.push(Floor { party: Party::User(user), epoch: profile.epoch });
                done.writes.push(Write::PutProfile(Box::new(profile)));
            }
        }
    }
    Ok(done)
}
