//! Change an account: one command for all changes, so that its version, its epoch and its event are treated alike.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::access::function::Function;
use crate::audit::event::{ChangeKind, EventDraft};
use crate::audit::merkle::Hash;
use crate::command::people::ground::{Step, actor, content, directory, put_profile, target};
use crate::command::people::{credential, grants, standing, superiors, suspension};
use crate::decide::Context;
use crate::envelope::Envelope;
use crate::ids::{PortId, RoleId, UserId};
use crate::people::profile::{AssignRight, Background, Cause, Profile};
use crate::people::{Party, Scores};
use crate::time::UnixMillis;
use crate::view::{Effects, Read, View, Write};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeUser {
    pub user: UserId,
    pub change: UserChange,
    pub expected_version: u64,
    pub event: EventDraft,
}

crate::numbered! {
    /// A change of an account.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum UserChange {
        1 => Approve(()),
        2 => Standing(StandingFact),
        /// The review of each year (R07).
        3 => Certify(()),
        10 => Suspend(Cause),
        /// One of the two who lift a suspension.
        11 => Reinstate(()),
        12 => Close(()),
        /// The path of his password, and an account that was not used, are open again.
        13 => Unlock(()),
        /// The digest of a one-time secret by which its holder sets his factors.
        14 => Enrol(Hash),
        20 => Superiors(Superiors),
        21 => Stations(BTreeSet<PortId>),
        30 => Grant(Grant),
        31 => Revoke(Grant),
        32 => OpenTransaction(Assignment),
        33 => CloseTransaction(Assignment),
        /// The new control officer takes over what was granted before him.
        34 => Affirm(()),
        /// What a control officer may assign: proposed by one national control officer, confirmed by another with the
        /// same.
        35 => Assign(BTreeSet<AssignRight>),
    }
}

crate::numbered! {
    /// A fact of an account's standing.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum StandingFact {
        1 => Background(Background),
        /// When the course was passed.
        2 => Course(UnixMillis),
        /// When the NCIC test was passed.
        3 => Ncic(UnixMillis),
        /// OPR holds the account, or lets it go (R01).
        4 => OprHold(bool),
        5 => Nationality(Nationality),
    }
}

/// Whether somebody is a national, or a foreign service national (R05).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nationality {
    pub national: bool,
    pub foreign_service_national: bool,
}

/// Who stands above an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Superiors {
    pub control_officer: UserId,
    pub supervisors: BTreeSet<UserId>,
}

crate::numbered! {
    /// What is granted for as long as nobody takes it away.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Grant {
        1 => Role(RoleId),
        2 => Function(Function),
    }
}

/// A function for a temporary assignment, from inclusive, to exclusive (R12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    pub function: Function,
    pub from: UnixMillis,
    pub to: UnixMillis,
}

impl UserChange {
    /// The function that it asks of its caller.
    pub fn function(&self) -> Function {
        match self {
            Self::Approve(()) => Function::UserApprove,
            Self::Standing(_) => Function::StandingRecord,
            Self::Certify(()) => Function::UserCertify,
            Self::Suspend(_) => Function::UserSuspend,
            Self::Reinstate(()) => Function::UserReinstate,
            Self::Close(()) => Function::UserClose,
            Self::Superiors(_)
            | Self::Stations(_)
            | Self::Grant(_)
            | Self::Revoke(_)
            | Self::OpenTransaction(_)
            | Self::CloseTransaction(_)
            | Self::Affirm(())
            | Self::Assign(_)
            | Self::Unlock(())
            | Self::Enrol(_) => Function::FunctionGrant,
        }
    }
}

pub fn decide(view: &dyn View, context: Context, envelope: &Envelope, command: &ChangeUser) -> Read<Effects> {
    let id = Party::User(command.user.clone()).object();
    let digest = content(&(&command.change, command.expected_version))?;
    directory(view, context, envelope, (id, digest), &command.event, || {
        let actor = actor(view, context, envelope, command.change.function())?;
        let before = target(view, &command.user, command.expected_version)?;
        let after: Step<Profile> = match &command.change {
            UserChange::Approve(()) => standing::approve(view, &actor, &before),
            UserChange::Standing(fact) => standing::record(&actor, &before, fact),
            UserChange::Certify(()) => standing::certify(view, &actor, &before),
            UserChange::Suspend(cause) => suspension::suspend(view, &actor, &before, *cause),
            UserChange::Reinstate(()) => suspension::reinstate(&actor, &before),
            UserChange::Close(()) => suspension::close(view, &actor, &before),
            UserChange::Unlock(()) => credential::unlock(view, &actor, &before),
            UserChange::Enrol(_) => credential::enrol(view, &actor, &before),
            UserChange::Superiors(superiors) => superiors::set(view, &actor, &before, superiors),
            UserChange::Stations(stations) => superiors::stations(&actor, &before, stations),
            UserChange::Grant(grant) => grants::grant(view, &actor, &before, grant),
            UserChange::Revoke(grant) => grants::revoke(view, &actor, &before, grant),
            UserChange::OpenTransaction(assignment) => grants::open(view, &actor, &before, *assignment),
            UserChange::CloseTransaction(assignment) => grants::close(view, &actor, &before, *assignment),
            UserChange::Affirm(()) => grants::affirm(view, &actor, &before),
            UserChange::Assign(assign) => grants::assign(view, &actor, &before, assign),
        };
        let after = after?;
        let reinstated = after.is_active() && !before.is_active();
        let closed = after.is_closed();
        let mut done = put_profile(&before, after, context.time)?;
        if reinstated {
            // Else the first miss after it would suspend again.
            done.writes.push(Write::PutScores(Scores::none(command.user.clone())));
        }
        done.writes.extend(credential::after(view, &command.user, &command.change, context.time)?);
        if closed {
            done.changed.change = Some(ChangeKind::Removed);
        }
        Ok(done)
    })
}
